// RUN: snn-opt %s --spiking-legalize-spike-storage --split-input-file | FileCheck %s

// A scan reads and writes bytes; its arithmetic sees spikes.
// CHECK-LABEL: func.func @scan(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<4x8xi8>, %{{[^ ,:#)]+}}: tensor<8xf32>) -> (tensor<4x8xi8>, tensor<8xf32>)
// CHECK:         tensor.empty() : tensor<4x8xi8>
// CHECK:         spiking.scan forward ins(%[[I:[^ ]+]] = %[[X]] : tensor<4x8xi8>)
// CHECK:           %[[SPIKE:.*]] = arith.trunci %[[I]] : i8 to i1
// CHECK:           arith.uitofp %[[I]] : i8 to f32
// CHECK:           %[[AND:.*]] = arith.andi %{{.*}}, %[[SPIKE]] : i1
// CHECK:           %[[BYTE:.*]] = arith.extui %[[AND]] : i1 to i8
// CHECK:           spiking.yield %[[BYTE]] : i8
func.func @scan(%x: tensor<4x8xi1>, %v0: tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>) {
  %e = tensor.empty() : tensor<4x8xi1>
  %o, %vT = spiking.scan forward ins(%i = %x : tensor<4x8xi1>) outs(%e : tensor<4x8xi1>) states(%v = %v0 : tensor<8xf32>) {
    %n = arith.uitofp %i : i1 to f32
    %u = arith.addf %v, %n : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %g = arith.andi %f, %i : i1
    spiking.yield %g : i1 next(%u : f32)
  }
  return %o, %vT : tensor<4x8xi1>, tensor<8xf32>
}

// -----

// linalg, shapes, constants, padding, loops. A byte that is only moved stays one.
// CHECK-LABEL: func.func @moved(
// CHECK:         arith.constant dense<[0, 1]> : tensor<2xi8>
// CHECK:         tensor.collapse_shape %{{.*}} : tensor<?x2xi8> into tensor<?xi8>
// CHECK:         tensor.pad
// CHECK:           arith.constant false
// CHECK:           %[[PAD:.*]] = arith.extui
// CHECK:           tensor.yield %[[PAD]] : i8
// CHECK:         linalg.generic {{.*}} ins(%{{.*}} : tensor<?xi8>) outs(%{{.*}} : tensor<?xi8>) attrs = {spiking.spikes = array<i64: 0>}
// CHECK-NEXT:    ^bb0(%[[IN:[^ ]+]]: i8, %{{.*}}: i8):
// CHECK-NEXT:      linalg.yield %[[IN]] : i8
// CHECK:         scf.for {{.*}} -> (tensor<?xi8>)
func.func @moved(%x: tensor<?x2xi1>, %n: index) -> (tensor<?xi1>, tensor<2xi1>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %k = arith.constant dense<[false, true]> : tensor<2xi1>
  %y = tensor.collapse_shape %x [[0, 1]] : tensor<?x2xi1> into tensor<?xi1>
  %p = tensor.pad %y low[0] high[1] {
  ^bb0(%i: index):
    %false = arith.constant false
    tensor.yield %false : i1
  } : tensor<?xi1> to tensor<?xi1>
  %d = tensor.dim %p, %c0 : tensor<?xi1>
  %e = tensor.empty(%d) : tensor<?xi1>
  %z = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%p : tensor<?xi1>) outs(%e : tensor<?xi1>) {
  ^bb0(%a: i1, %b: i1):
    linalg.yield %a : i1
  } -> tensor<?xi1>
  %r = scf.for %t = %c0 to %n step %c1 iter_args(%u = %z) -> tensor<?xi1> {
    scf.yield %u : tensor<?xi1>
  }
  return %r, %k : tensor<?xi1>, tensor<2xi1>
}

// -----

// Counts and flags that are no tensors stay as they are.
// CHECK-LABEL: func.func @others(
// CHECK-SAME:    tensor<4xi8>, %{{.*}}: tensor<4xf32>, %[[C:.*]]: i1)
// CHECK-NEXT:    arith.select %[[C]], %{{.*}}, %{{.*}} : tensor<4xf32>
// CHECK-NEXT:    return
func.func @others(%x: tensor<4xi8>, %y: tensor<4xf32>, %c: i1) -> tensor<4xf32> {
  %z = arith.select %c, %y, %y : tensor<4xf32>
  return %z : tensor<4xf32>
}

// -----

// Spikes that parallel blocks write.
// CHECK-LABEL: func.func @blocks(
// CHECK: scf.forall {{.*}} -> (tensor<8x4xi8>)
// CHECK: tensor.parallel_insert_slice {{.*}} : tensor<2x4xi8> into tensor<8x4xi8>
// CHECK-NOT: xi1>
func.func @blocks(%x: tensor<2x4xi1>, %y: tensor<8x4xi1>) -> tensor<8x4xi1> {
  %z = scf.forall (%i) = (0) to (8) step (2) shared_outs(%out = %y) -> (tensor<8x4xi1>) {
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %x into %out[%i, 0] [2, 4] [1, 1] : tensor<2x4xi1> into tensor<8x4xi1>
    }
  }
  return %z : tensor<8x4xi1>
}
