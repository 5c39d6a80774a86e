// RUN: snn-opt %s --pass-pipeline='builtin.module(func.func(spiking-donate-arguments))' --split-input-file | FileCheck %s
// RUN: snn-opt %s --pass-pipeline='builtin.module(func.func(spiking-donate-arguments),one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},cse,canonicalize)' --split-input-file | FileCheck %s --check-prefix=BUFFERS

// The new value goes into its argument, and no other argument is written.
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[P:[^ ,:#)]+]]: tensor<8xf32> {bufferization.writable = true}, %{{[^ ,:#)]+}}: tensor<8xf32> {bufferization.writable = false})
// CHECK:         %[[N:.*]] = spiking.scan
// CHECK:         %[[R:.*]] = bufferization.materialize_in_destination %[[N]] in %[[P]]
// CHECK:         return %[[R]]
// BUFFERS-LABEL: func.func @step(
// BUFFERS-SAME:    %[[P:[^ ,:#)]+]]: memref<8xf32>{{.*}}, %[[G:[^ ,:#)]+]]: memref<8xf32>
// BUFFERS-NEXT:    spiking.scan step ins(%{{.*}} = %[[G]] : memref<8xf32>) states(%{{.*}} = %[[P]] : memref<8xf32>)
// BUFFERS-NOT:     memref.copy
// BUFFERS:         return %[[P]]
func.func @step(%p: tensor<8xf32>, %g: tensor<8xf32>) -> (tensor<8xf32> {spiking.aliases = 0}) {
  %n = spiking.scan step ins(%a = %g : tensor<8xf32>) states(%v = %p : tensor<8xf32>) {
    %d = arith.subf %v, %a : f32
    spiking.yield next(%d : f32)
  }
  return %n : tensor<8xf32>
}

// -----

// An argument that is given back as it is needs nothing, a result that is none's is none's.
// CHECK-LABEL: func.func @same(
// CHECK-SAME:    %[[P:[^ ,:#)]+]]: tensor<8xf32> {bufferization.writable = true}, %[[X:[^ ,:#)]+]]: tensor<8xf32> {bufferization.writable = false}, %{{[^ ,:#)]+}}: index)
// CHECK-NEXT:    return %[[P]], %[[X]]
func.func @same(%p: tensor<8xf32>, %x: tensor<8xf32>, %n: index) -> (tensor<8xf32> {spiking.aliases = 0}, tensor<8xf32>) {
  return %p, %x : tensor<8xf32>, tensor<8xf32>
}

// -----

// Two that change places: one of them must be kept.
// BUFFERS-LABEL: func.func @swap(
// BUFFERS-SAME:    %[[P:[^ ,:#)]+]]: memref<8xf32>{{.*}}, %[[Q:[^ ,:#)]+]]: memref<8xf32>
// BUFFERS:         %[[KEPT:.*]] = memref.alloc
// BUFFERS:         memref.copy %{{.*}}, %[[KEPT]]
// BUFFERS:         return %[[P]], %[[Q]]
func.func @swap(%p: tensor<8xf32>, %q: tensor<8xf32>) -> (tensor<8xf32> {spiking.aliases = 0}, tensor<8xf32> {spiking.aliases = 1}) {
  return %q, %p : tensor<8xf32>, tensor<8xf32>
}

// -----

// What a loop carries begins with a copy; what no donated argument enters does not.
// CHECK-LABEL: func.func @loop(
// CHECK-SAME:    %[[V0:[^ ,:#)]+]]: tensor<8xf32> {bufferization.writable = true}, %[[X:[^ ,:#)]+]]: tensor<8xf32>
// CHECK-NEXT:    %[[V:.*]] = bufferization.alloc_tensor() copy(%[[V0]])
// CHECK-NOT:     bufferization.alloc_tensor
// CHECK:         %[[R:.*]]:2 = scf.for {{.*}} iter_args(%{{.*}} = %[[V]], %{{.*}} = %[[X]])
// CHECK:         bufferization.materialize_in_destination %[[R]]#0 in %[[V0]]
func.func @loop(%v0: tensor<8xf32>, %x: tensor<8xf32>, %n: index) -> (tensor<8xf32> {spiking.aliases = 0}, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r:2 = scf.for %t = %c0 to %n step %c1 iter_args(%u = %v0, %w = %x) -> (tensor<8xf32>, tensor<8xf32>) {
    scf.yield %u, %w : tensor<8xf32>, tensor<8xf32>
  }
  return %r#0, %r#1 : tensor<8xf32>, tensor<8xf32>
}
