// REQUIRES: ptxas, libdevice
// RUN: snn-opt %s --lower-to-nvvm --emit-kernels=chips=sm_80 -o /dev/null > %t.ptx
// RUN: FileCheck %s < %t.ptx
// RUN: ptxas -arch sm_80 %t.ptx -o %t.cubin

// Transcendental functions of f64 come from libdevice, remainders too; nothing
// stays unresolved.
// CHECK-NOT: .extern
// CHECK:     .entry f64_0_map
// CHECK-NOT: .extern
func.func @f64(%x: memref<?xf64>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%x : memref<?xf64>) {
  ^bb0(%a: f64):
    %e = math.exp %a : f64
    %r = arith.remf %e, %a : f64
    linalg.yield %r : f64
  }
  return
}
