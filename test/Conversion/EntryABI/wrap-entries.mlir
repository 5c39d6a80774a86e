// RUN: snn-opt %s --spiking-wrap-entries --split-input-file --verify-diagnostics | FileCheck %s

// The function is called by its entry point alone, which checks the shapes, and gives a donated argument back.
// CHECK-LABEL: module attributes {spiking.module_name = "net"}
// CHECK: llvm.mlir.global internal constant @rheobase_name_f("f\00")
// CHECK: func.func private @f_sizes{{.*}}llvm.linkage = #llvm.linkage<internal>
// CHECK: func.func private @f({{.*}}llvm.linkage = #llvm.linkage<internal>
// CHECK: func.func @rheobase_net_f(%[[ARGS:.*]]: !llvm.ptr, %[[RESULTS:.*]]: !llvm.ptr) -> i32
// CHECK: %[[DTYPE:.*]] = llvm.getelementptr %[[ARGS]][8]
// CHECK: llvm.load %[[DTYPE]]
// CHECK: llvm.call @rheobase_rt_shape_error
// CHECK: call @f_sizes(
// CHECK: llvm.call @rheobase_rt_alloc
// CHECK: llvm.call @rheobase_rt_alloc
// CHECK: call @f(
// The donated argument's address becomes the result's.
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[ARGS]][0]
// CHECK-NEXT: %[[DATA:.*]] = llvm.load %[[FIELD]]
// CHECK: %[[RESULT:.*]] = llvm.getelementptr %[[RESULTS]][0]
// CHECK: llvm.store %[[DATA]], %[[RESULT]]
// The arena is freed.
// CHECK: llvm.call @rheobase_rt_free
module attributes {spiking.module_name = "net"} {
  func.func private @f_sizes(%p: memref<4xf32>, %x: memref<?xf32>, %T: index) -> (index, index, index) {
    %c0 = arith.constant 0 : index
    %n = memref.dim %x, %c0 : memref<?xf32>
    return %T, %n, %n : index, index, index
  }
  func.func @f(%p: memref<4xf32> {spiking.dims = [4], spiking.dtype = "f32", rheobase.result = 0 : i64},
      %x: memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32"}, %T: index {spiking.dims = [], spiking.dtype = "i64"},
      %y: memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32", rheobase.result = 1 : i64},
      %arena: memref<?xi8> {rheobase.arena}) attributes {rheobase.sizes = @f_sizes} {
    return
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
  // expected-error@below {{'func.func' op is not an entry point that spiking-plan-memory has planned}}
  func.func @f(%x: memref<4xf32>) {
    return
  }
}

// -----

module attributes {spiking.module_name = "net"} {
  func.func private @f_sizes(%x: memref<4xf32>) -> index {
    %c0 = arith.constant 0 : index
    return %c0 : index
  }
  // expected-error@below {{'func.func' op argument 0 was not described by spiking-describe-entries}}
  func.func @f(%x: memref<4xf32>, %arena: memref<?xi8> {rheobase.arena}) attributes {rheobase.sizes = @f_sizes} {
    return
  }
}

// -----

module attributes {spiking.module_name = "net"} {
  func.func private @f_sizes(%x: memref<4xf32, strided<[2]>>) -> index {
    %c0 = arith.constant 0 : index
    return %c0 : index
  }
  // expected-error@below {{'func.func' op an entry point takes and gives indices and dense row-major buffers, got 'memref<4xf32, strided<[2]>>'}}
  func.func @f(%x: memref<4xf32, strided<[2]>> {spiking.dims = [4], spiking.dtype = "f32"}, %arena: memref<?xi8> {rheobase.arena})
      attributes {rheobase.sizes = @f_sizes} {
    return
  }
}
