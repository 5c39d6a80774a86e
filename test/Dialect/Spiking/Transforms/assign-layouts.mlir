// RUN: snn-opt %s --split-input-file --spiking-assign-layouts --canonicalize | FileCheck %s
// RUN: snn-opt %s --split-input-file --spiking-assign-layouts --remarks-filter=spiking-assign-layouts --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// A network with its gradient: transpositions stay at its ends only, around the
// weights and before the flattening.

// CHECK-LABEL: func.func @network(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x?x3x8x8xf32>, %[[W:[^ ,:#)]+]]: tensor<4x3x3x3xf32>, %[[G:[^ ,:#)]+]]: tensor<?x?x4x4x4xf32>
// CHECK-DAG:     %[[XT:[^ ,:#)]+]] = spiking.transpose %[[X]] {permutation = array<i64: 1, 2, 0>}
// CHECK-DAG:     %[[GT:[^ ,:#)]+]] = spiking.transpose %[[G]] {permutation = array<i64: 1, 2, 0>}
// CHECK-DAG:     %[[WT:[^ ,:#)]+]] = spiking.transpose %[[W]] {permutation = array<i64: 2, 3, 1, 0>} : (tensor<4x3x3x3xf32>) -> tensor<3x3x3x4xf32>
// CHECK:         %[[C:[^ ,:#)]+]] = spiking.conv %[[XT]], %[[WT]] {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>} : {{.*}} -> tensor<?x?x8x8x4xf32>
// CHECK-NOT:     spiking.transpose
// CHECK:         %[[N:[^ ,:#)]+]], {{.*}} = spiking.batch_norm %[[C]] {{.*}}{sequence = true} : (tensor<?x?x8x8x4xf32>
// CHECK:         %[[S:[^ ,:#)]+]]:2 = spiking.scan forward ins(%{{[^ ,]+}} = %[[N]] : tensor<?x?x8x8x4xf32>) params(%{{[^ ,]+}} = %{{[^ ,]+}} : tensor<1x1x4xf32>) outs(%{{[^ ,]+}} : tensor<?x?x8x8x4xi1>) states(%{{[^ ,]+}} = %{{[^ ,]+}} : tensor<?x8x8x4xf32>)
// CHECK:         %[[R:[^ ,:#)]+]] = spiking.spike_rate %[[S]]#0 : (tensor<?x?x8x8x4xi1>)
// CHECK:         %[[P:[^ ,:#)]+]] = spiking.max_pool %[[S]]#0 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>}
// CHECK:         %[[PT:[^ ,:#)]+]] = spiking.transpose %[[P]] {permutation = array<i64: 2, 0, 1>}
// CHECK:         %[[F:[^ ,:#)]+]] = spiking.flatten %[[PT]]
// CHECK:         %[[GP:[^ ,:#)]+]] = spiking.max_pool_gradient %[[S]]#0, %[[GT]]
// CHECK-NOT:     spiking.transpose
// CHECK:         %[[B:[^ ,:#)]+]] = spiking.scan step ins(%{{[^ ,]+}} = %[[GP]]
// CHECK:         %[[DB:[^ ,:#)]+]] = spiking.reduce_sum %[[B]] {dims = array<i64: 0, 1, 2, 3>} : (tensor<?x?x8x8x4xf32>) -> tensor<4xf32>
// CHECK:         %[[DW:[^ ,:#)]+]] = spiking.conv_weight_gradient %[[XT]], %[[B]] {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}
// CHECK:         %[[DWT:[^ ,:#)]+]] = spiking.transpose %[[DW]] {permutation = array<i64: 3, 2, 0, 1>}
// CHECK:         return %[[F]], %[[DWT]], %[[DB]], %[[R]]

// REMARK-DAG: remark: [Passed] channels-last | {{.*}} Function=network | Remark="spiking.conv with its channels last"
// REMARK-DAG: remark: [Missed] transposed | {{.*}} Function=network | Remark="a transposition stays, of tensor<?x?x4x4x4xi1>"
func.func @network(%x: tensor<?x?x3x8x8xf32>, %w: tensor<4x3x3x3xf32>, %g: tensor<?x?x4x4x4xf32>, %p: tensor<4xf32>, %q: tensor<4x1x1xf32>, %T: index, %B: index)
    -> (tensor<?x?x64xi1>, tensor<4x3x3x3xf32>, tensor<4xf32>, tensor<f32>) {
  %zero = arith.constant 0.0 : f32
  %c = spiking.conv %x, %w {padding = array<i64: 1, 1>} : (tensor<?x?x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<?x?x4x8x8xf32>
  %n, %m, %v, %sm, %sr = spiking.batch_norm %c scale(%p) shift(%p) running(%p, %p) {channel_dim = -3, sequence = true}
      : (tensor<?x?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      -> (tensor<?x?x4x8x8xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<?x4xf32>)
  %e = tensor.empty(%T, %B) : tensor<?x?x4x8x8xi1>
  %v0 = tensor.splat %zero[%B] : tensor<?x4x8x8xf32>
  %s, %vT = spiking.scan forward ins(%i = %n : tensor<?x?x4x8x8xf32>) params(%k = %q : tensor<4x1x1xf32>) outs(%e : tensor<?x?x4x8x8xi1>) states(%u = %v0 : tensor<?x4x8x8xf32>) {
    %d = arith.mulf %u, %k : f32
    %h = arith.addf %d, %i : f32
    %f = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%h : f32)
  }
  %rate = spiking.spike_rate %s : (tensor<?x?x4x8x8xi1>) -> tensor<f32>
  %y = spiking.max_pool %s {kernel = array<i64: 2, 2>} : (tensor<?x?x4x8x8xi1>) -> tensor<?x?x4x4x4xi1>
  %flat = spiking.flatten %y {dims = 3} : (tensor<?x?x4x4x4xi1>) -> tensor<?x?x64xi1>
  %gp = spiking.max_pool_gradient %s, %g {kernel = array<i64: 2, 2>} : (tensor<?x?x4x8x8xi1>, tensor<?x?x4x4x4xf32>) -> tensor<?x?x4x8x8xf32>
  %eb = tensor.empty(%T, %B) : tensor<?x?x4x8x8xf32>
  %b = spiking.scan step ins(%i = %gp : tensor<?x?x4x8x8xf32>) outs(%eb : tensor<?x?x4x8x8xf32>) {
    %h = arith.addf %i, %i : f32
    spiking.yield %h : f32
  }
  %db = spiking.reduce_sum %b {dims = array<i64: 0, 1, 3, 4>} : (tensor<?x?x4x8x8xf32>) -> tensor<4xf32>
  %dw = spiking.conv_weight_gradient %x, %b {padding = array<i64: 1, 1>} : (tensor<?x?x3x8x8xf32>, tensor<?x?x4x8x8xf32>) -> tensor<4x3x3x3xf32>
  return %flat, %dw, %db, %rate : tensor<?x?x64xi1>, tensor<4x3x3x3xf32>, tensor<4xf32>, tensor<f32>
}

// -----

// Elementwise operations with a constant, repetition, readout, delay.

// CHECK-LABEL: func.func @sink(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x2x4x4xf32>
// CHECK:         %[[XT:[^ ,:#)]+]] = spiking.transpose %[[X]]
// CHECK:         spiking.avg_pool %[[XT]]
// CHECK-NOT:     spiking.transpose
// CHECK:         spiking.repeat
// CHECK-NOT:     spiking.transpose
// CHECK:         math.exp
// CHECK-NOT:     spiking.transpose
// CHECK:         arith.addf
// CHECK-NOT:     spiking.transpose
// CHECK:         spiking.delay
// CHECK-NOT:     spiking.transpose
// CHECK:         spiking.readout
// CHECK-NOT:     spiking.transpose
// CHECK:         %[[Y:[^ ,:#)]+]] = spiking.sum_pool
// CHECK:         %[[YT:[^ ,:#)]+]] = spiking.transpose %[[Y]]
// CHECK:         return %[[YT]]
func.func @sink(%x: tensor<?x2x4x4xf32>, %T: index) -> tensor<?x2x1x1xf32> {
  %a = spiking.avg_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x4x4xf32>) -> tensor<?x2x2x2xf32>
  %r = spiking.repeat %a times(%T) : (tensor<?x2x2x2xf32>) -> tensor<?x?x2x2x2xf32>
  %e = math.exp %r : tensor<?x?x2x2x2xf32>
  %f = arith.addf %e, %r : tensor<?x?x2x2x2xf32>
  %d = spiking.delay %f {steps = 1} : (tensor<?x?x2x2x2xf32>) -> tensor<?x?x2x2x2xf32>
  %s = spiking.readout %d {kind = #spiking.readout<sum>} : (tensor<?x?x2x2x2xf32>) -> tensor<?x2x2x2xf32>
  %y = spiking.sum_pool %s {kernel = array<i64: 2, 2>} : (tensor<?x2x2x2xf32>) -> tensor<?x2x1x1xf32>
  return %y : tensor<?x2x1x1xf32>
}

// -----

// Channels that are last already, and transpositions of others, stay.

// CHECK-LABEL: func.func @last(
// CHECK:         %[[T:[^ ,:#)]+]] = spiking.transpose
// CHECK:         math.exp %[[T]]
// CHECK:         spiking.max_pool
func.func @last(%x: tensor<?x2x4x4xf32>) -> tensor<?x2x2x4xf32> {
  %t = spiking.transpose %x {permutation = array<i64: 2, 1, 0>} : (tensor<?x2x4x4xf32>) -> tensor<?x4x4x2xf32>
  %e = math.exp %t : tensor<?x4x4x2xf32>
  %u = spiking.transpose %e {permutation = array<i64: 0, 2, 1>} : (tensor<?x4x4x2xf32>) -> tensor<?x4x2x4xf32>
  %y = spiking.max_pool %u {kernel = array<i64: 2, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x4x2x4xf32>) -> tensor<?x2x2x4xf32>
  return %y : tensor<?x2x2x4xf32>
}
