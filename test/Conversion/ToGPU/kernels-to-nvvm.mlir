// RUN: snn-opt %s --pass-pipeline='builtin.module(gpu.module(convert-gpu-kernels-to-nvvm,reconcile-unrealized-casts))' --split-input-file --verify-diagnostics | FileCheck %s

// Instructions where PTX has exact ones, libdevice for the rest of f64; bare
// pointers.
// CHECK-LABEL: gpu.module @kernels
// CHECK:         llvm.func @f(%{{.*}}: !llvm.ptr, %{{.*}}: i64)
// CHECK-DAG:       llvm.intr.floor
// CHECK-DAG:       llvm.intr.sqrt
// CHECK-DAG:       llvm.intr.fma
// CHECK-DAG:       llvm.call @__nv_exp(
// CHECK-NOT:       __nv_floor
gpu.module @kernels {
  gpu.func @f(%x: memref<f32>, %n: index) kernel {
    %v = memref.load %x[] : memref<f32>
    %a = math.floor %v : f32
    %b = math.sqrt %a : f32
    %c = math.fma %a, %b, %v : f32
    %d = arith.extf %c : f32 to f64
    %e = math.exp %d : f64
    %f = arith.truncf %e : f64 to f32
    memref.store %f, %x[] : memref<f32>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @f(%x: memref<f32>) kernel {
    %v = memref.load %x[] : memref<f32>
    // expected-error @+1 {{'math.exp' op has no expansion for 'f32' on the GPU}}
    %a = math.exp %v : f32
    memref.store %a, %x[] : memref<f32>
    gpu.return
  }
}
