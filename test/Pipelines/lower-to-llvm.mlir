// RUN: snn-opt %s --lower-to-llvm=vector-bits=512 | FileCheck %s --implicit-check-not=memrefCopy
// RUN: snn-opt %s --lower-to-llvm="vector-bits=256 threads=false" | FileCheck %s --check-prefix=SERIAL

// One fork around the time loop; vectors; the runtime's allocator.
// CHECK-DAG:   llvm.func @_mlir_memref_to_llvm_alloc
// CHECK-LABEL: llvm.func @scan
// CHECK:         omp.parallel if
// CHECK:           llvm.call @_mlir_memref_to_llvm_alloc
// CHECK:           llvm.load {{.*}} -> vector<32xf32>
// CHECK:           llvm.fmul {{.*}} : vector<32xf32>
// CHECK-NOT:   unrealized_conversion_cast
// SERIAL-NOT:  omp.
// SERIAL:      llvm.fmul {{.*}} : vector<16xf32>
func.func @scan(%x: memref<?x?x128xf32>, %g: memref<?x?x128xf32>, %gx: memref<?x?x128xf32>, %dv: memref<?x128xf32>, %v0: memref<?x128xf32>) {
  spiking.scan reverse ins(%i = %x : memref<?x?x128xf32>, %gs = %g : memref<?x?x128xf32>) outs(%gx : memref<?x?x128xf32>)
      states(%d = %dv : memref<?x128xf32>) replay(%v = %v0 : memref<?x128xf32>) {
    %e = math.exp %v : f32
    %h = arith.mulf %e, %gs : f32
    %dh = arith.addf %d, %h : f32
    spiking.yield %dh : f32 next(%dh : f32)
  } replaying {
  ^bb0(%i: f32, %gs: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// Copies between layouts are loops: no library has memrefCopy.
// CHECK-LABEL: llvm.func @strided_copies
func.func @strided_copies(%a: memref<?x?x8xf32, strided<[?, ?, ?], offset: ?>>, %b: memref<?x?x8xf32>, %c: memref<4x3xi8, strided<[1, 4]>>,
                          %d: memref<4x3xi8>, %e: memref<8xf32, strided<[2]>>, %f: memref<8xf32, strided<[?], offset: ?>>) {
  memref.copy %a, %b : memref<?x?x8xf32, strided<[?, ?, ?], offset: ?>> to memref<?x?x8xf32>
  memref.copy %c, %d : memref<4x3xi8, strided<[1, 4]>> to memref<4x3xi8>
  memref.copy %e, %f : memref<8xf32, strided<[2]>> to memref<8xf32, strided<[?], offset: ?>>
  return
}
