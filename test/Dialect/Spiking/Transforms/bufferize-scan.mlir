// RUN: snn-opt %s --pass-pipeline='builtin.module(func.func(spiking-donate-arguments),one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},cse,canonicalize)' --split-input-file | FileCheck %s

// Sequences are written without being read; a state that may not be written is copied, an accumulator too.
// CHECK-LABEL: func.func @scan(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: memref<4x8xf32>{{.*}}, %[[V0:[^ ,:#)]+]]: memref<8xf32>{{.*}}, %[[A0:[^ ,:#)]+]]: memref<f32>
// CHECK-DAG:     %[[S:.*]] = memref.alloc() {{.*}} : memref<4x8xf32>
// CHECK-DAG:     %[[V:.*]] = memref.alloc() {{.*}} : memref<8xf32>
// CHECK-DAG:     memref.copy %[[V0]], %[[V]]
// CHECK-DAG:     %[[A:.*]] = memref.alloc() {{.*}} : memref<f32>
// CHECK-DAG:     memref.copy %[[A0]], %[[A]]
// CHECK-NOT:     memref.copy
// CHECK:         spiking.scan forward ins(%{{.*}} = %[[X]] : memref<4x8xf32>) outs(%[[S]] : memref<4x8xf32>) states(%{{.*}} = %[[V]] : memref<8xf32>) accumulators({{.*}}%[[A]] : memref<f32>)
// CHECK:         return %[[S]], %[[V]], %[[A]]
func.func @scan(%x: tensor<4x8xf32>, %v0: tensor<8xf32>, %a0: tensor<f32>) -> (tensor<4x8xf32>, tensor<8xf32>, tensor<f32>) {
  %e = tensor.empty() : tensor<4x8xf32>
  %s, %vT, %a = spiking.scan forward ins(%i = %x : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) states(%v = %v0 : tensor<8xf32>) accumulators(%a0 : tensor<f32>) {
    %n = arith.addf %v, %i : f32
    spiking.yield %n : f32 next(%n : f32) accumulate(%i : f32)
  }
  return %s, %vT, %a : tensor<4x8xf32>, tensor<8xf32>, tensor<f32>
}

// -----

// States in buffers of their own are updated where they are; a second scan continues in them.
// CHECK-LABEL: func.func @twice(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: memref<4x8xf32>{{.*}}, %[[V:[^ ,:#)]+]]: memref<8xf32>
// CHECK-NOT:     memref.alloc
// CHECK-NOT:     memref.copy
// CHECK-COUNT-2: spiking.scan forward ins(%{{.*}} = %[[X]] : memref<4x8xf32>) states(%{{.*}} = %[[V]] : memref<8xf32>)
// CHECK:         return %[[V]]
func.func @twice(%x: tensor<4x8xf32>, %v0: tensor<8xf32>) -> (tensor<8xf32> {spiking.aliases = 1}) {
  %v1 = spiking.scan forward ins(%i = %x : tensor<4x8xf32>) states(%v = %v0 : tensor<8xf32>) {
    %n = arith.addf %v, %i : f32
    spiking.yield next(%n : f32)
  }
  %v2 = spiking.scan forward ins(%i = %x : tensor<4x8xf32>) states(%v = %v1 : tensor<8xf32>) {
    %n = arith.mulf %v, %i : f32
    spiking.yield next(%n : f32)
  }
  return %v2 : tensor<8xf32>
}

// -----

// A state that is read again afterwards is not overwritten.
// CHECK-LABEL: func.func @again(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: memref<4x8xf32>{{.*}}, %[[V0:[^ ,:#)]+]]: memref<8xf32>
// CHECK:         %[[V:.*]] = memref.alloc() {{.*}} : memref<8xf32>
// CHECK:         memref.copy %[[V0]], %[[V]]
// CHECK:         spiking.scan forward {{.*}} states(%{{.*}} = %[[V]] : memref<8xf32>)
// CHECK:         spiking.scan forward {{.*}} states(%{{.*}} = %[[V0]] : memref<8xf32>)
func.func @again(%x: tensor<4x8xf32>, %v0: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32> {spiking.aliases = 1}) {
  %v1 = spiking.scan forward ins(%i = %x : tensor<4x8xf32>) states(%v = %v0 : tensor<8xf32>) {
    %n = arith.addf %v, %i : f32
    spiking.yield next(%n : f32)
  }
  %v2 = spiking.scan forward ins(%i = %x : tensor<4x8xf32>) states(%v = %v0 : tensor<8xf32>) {
    %n = arith.mulf %v, %i : f32
    spiking.yield next(%n : f32)
  }
  return %v1, %v2 : tensor<8xf32>, tensor<8xf32>
}

// -----

// On buffers already: nothing to do.
// CHECK-LABEL: func.func @buffers(
// CHECK-NOT:     memref.{{alloc|copy}}
// CHECK:         spiking.scan forward ins({{.*}} : memref<4x8xf32>) states({{.*}} : memref<8xf32>)
// CHECK-NOT:     memref.{{alloc|copy}}
// CHECK:         return
func.func @buffers(%x: memref<4x8xf32>, %v0: memref<8xf32>) {
  spiking.scan forward ins(%i = %x : memref<4x8xf32>) states(%v = %v0 : memref<8xf32>) {
    %n = arith.addf %v, %i : f32
    spiking.yield next(%n : f32)
  }
  return
}
