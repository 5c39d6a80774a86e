// RUN: snn-opt %s --spiking-wrap-entries --split-input-file --verify-diagnostics | FileCheck %s

module attributes {spiking.module_name = "net"} {
  // A donated argument stays where it is; an argument that is returned otherwise is copied; what was allocated for one
  // result is copied for the second.
  // CHECK-LABEL: func.func private @f
  // CHECK: %[[A:.*]] = memref.alloc() : memref<4xf32>
  // CHECK: %[[X:.*]] = memref.alloc
  // CHECK: memref.copy %arg1, %[[X]]
  // CHECK: %[[AGAIN:.*]] = memref.alloc
  // CHECK: memref.copy %[[A]], %[[AGAIN]]
  // CHECK: return %arg0, %[[X]], %[[A]], %[[AGAIN]]
  // CHECK: func.func @rheobase_net_f(%{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
  // CHECK: call @rheobase_rt_shape_error
  func.func @f(%p: memref<4xf32> {spiking.dims = [4], spiking.dtype = "f32"}, %x: memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32"})
      -> (memref<4xf32> {spiking.aliases = 0, spiking.dims = [4], spiking.dtype = "f32"}, memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32"},
          memref<4xf32> {spiking.dims = [4], spiking.dtype = "f32"}, memref<4xf32> {spiking.dims = [4], spiking.dtype = "f32"}) {
    %a = memref.alloc() {alignment = 64 : i64} : memref<4xf32>
    return %p, %x, %a, %a : memref<4xf32>, memref<?xf32>, memref<4xf32>, memref<4xf32>
  }
  // Not an entry.
  // CHECK-NOT: rheobase_net_helper
  func.func private @helper(%x: memref<4xf32>) {
    return
  }
}

// -----

// expected-error@below {{expected a module that spiking-describe-entries has described, got one without spiking.module_name}}
module {
}

// -----

module attributes {spiking.module_name = "net"} {
  // expected-error@below {{'func.func' op argument 0 was not described by spiking-describe-entries}}
  func.func @f(%x: memref<4xf32>) {
    return
  }
}

// -----

module attributes {spiking.module_name = "net"} {
  // expected-error@below {{'func.func' op an entry point takes and gives indices and dense row-major buffers, got 'memref<4xf32, strided<[2]>>'}}
  func.func @f(%x: memref<4xf32, strided<[2]>> {spiking.dims = [4], spiking.dtype = "f32"}) {
    return
  }
}
