// RUN: snn-opt %s --spiking-hoist-time-invariant | FileCheck %s
// RUN: snn-opt %s --spiking-hoist-time-invariant=exact=true | FileCheck %s --check-prefix=EXACT
// RUN: snn-opt %s --spiking-hoist-time-invariant --remarks-filter=spiking-hoist-time-invariant --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: snn-opt %s --spiking-hoist-time-invariant=exact=true --remarks-filter=spiking-hoist-time-invariant --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=EXACT-REMARK

// Down to the neuron nothing depends on time; the neuron reads its current as a parameter.
// CHECK-LABEL: @first_layer
// CHECK-SAME: (%[[IMAGE:.*]]: tensor<?x16xf32>, %[[K:.*]]: tensor<3x3x1x8xf32>
// CHECK: %[[X:.*]] = spiking.unflatten %[[IMAGE]] {dims = 3 : i64} : (tensor<?x16xf32>) -> tensor<?x4x4x1xf32>
// CHECK: %[[I:.*]] = spiking.conv %[[X]], %[[K]] {{.*}} -> tensor<?x4x4x8xf32>
// CHECK: %[[P:.*]] = spiking.avg_pool %[[I]] {{.*}} -> tensor<?x2x2x8xf32>
// CHECK: %[[C:.*]] = spiking.transpose %[[P]] {{.*}} -> tensor<?x8x2x2xf32>
// CHECK: spiking.scan forward params(%{{.*}} = %[[C]] : tensor<?x8x2x2xf32>) outs(%{{.*}} : tensor<?x?x8x2x2xi1>) states(%[[V:.*]] = %{{.*}}) {
// CHECK-NEXT: arith.addf %[[V]]
// REMARK: [Passed] hoisted | Category:spiking-hoist-time-invariant | Function=first_layer | Remark="spiking.unflatten is computed once instead of at every step"
// REMARK: Remark="a scan reads 1 of its inputs once instead of at every step"
func.func @first_layer(%image: tensor<?x16xf32>, %k: tensor<3x3x1x8xf32>, %T: index, %e: tensor<?x?x8x2x2xi1>, %v0: tensor<?x8x2x2xf32>) -> tensor<?x?x8x2x2xi1> {
  %r = spiking.repeat %image times(%T) : (tensor<?x16xf32>) -> tensor<?x?x16xf32>
  %x = spiking.unflatten %r {dims = 3} : (tensor<?x?x16xf32>) -> tensor<?x?x4x4x1xf32>
  %i = spiking.conv %x, %k {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x4x4x1xf32>, tensor<3x3x1x8xf32>) -> tensor<?x?x4x4x8xf32>
  %p = spiking.avg_pool %i {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x4x4x8xf32>) -> tensor<?x?x2x2x8xf32>
  %c = spiking.transpose %p {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x2x2x8xf32>) -> tensor<?x?x8x2x2xf32>
  %s, %v = spiking.scan forward ins(%ct = %c : tensor<?x?x8x2x2xf32>) outs(%e : tensor<?x?x8x2x2xi1>) states(%u = %v0 : tensor<?x8x2x2xf32>) {
    %h = arith.addf %u, %ct : f32
    %spike = spiking.fire %h {surrogate = #spiking.atan<>} : f32 -> i1
    spiking.yield %spike : i1 next(%h : f32)
  }
  return %s : tensor<?x?x8x2x2xi1>
}

// Elementwise operations, also with constants and with what is broadcast over time.
// CHECK-LABEL: @elementwise
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[B:.*]]: tensor<3xf32>, %[[F:.*]]: f32
// CHECK: %[[HALF:.*]] = tensor.splat %{{.*}} : tensor<2x3xf32>
// CHECK: %[[Y:.*]] = arith.mulf %[[X]], %[[HALF]] : tensor<2x3xf32>
// CHECK: %[[WIDE:.*]] = spiking.broadcast %[[B]] : tensor<3xf32> -> tensor<2x3xf32>
// CHECK: %[[Z:.*]] = arith.addf %[[Y]], %[[WIDE]] : tensor<2x3xf32>
// CHECK: %[[S:.*]] = tensor.splat %[[F]] : tensor<2x3xf32>
// CHECK: %[[W:.*]] = arith.divf %[[Z]], %[[S]] : tensor<2x3xf32>
// CHECK: %[[A:.*]] = spiking.add %[[W]], %[[X]]
// CHECK: %[[R:.*]] = spiking.repeat %[[A]]
// CHECK: return %[[R]]
func.func @elementwise(%x: tensor<2x3xf32>, %b: tensor<3xf32>, %f: f32, %T: index) -> tensor<?x2x3xf32> {
  %half = arith.constant 0.5 : f32
  %r = spiking.repeat %x times(%T) : (tensor<2x3xf32>) -> tensor<?x2x3xf32>
  %h = tensor.splat %half[%T] : tensor<?x2x3xf32>
  %y = arith.mulf %r, %h : tensor<?x2x3xf32>
  %wide = spiking.broadcast %b sizes(%T) : tensor<3xf32> -> tensor<?x2x3xf32>
  %z = arith.addf %y, %wide : tensor<?x2x3xf32>
  %s = tensor.splat %f[%T] : tensor<?x2x3xf32>
  %w = arith.divf %z, %s : tensor<?x2x3xf32>
  %a = spiking.add %w, %r : (tensor<?x2x3xf32>, tensor<?x2x3xf32>) -> tensor<?x2x3xf32>
  return %a : tensor<?x2x3xf32>
}

// Statistics over all steps become statistics of one step, which the count of the running variance knows.
// CHECK-LABEL: @merged
// CHECK: %[[Y:[^,]*]], %[[MEAN:[^,]*]], {{.*}} = spiking.batch_norm %{{.*}} times(%{{.*}}) {statistics = #spiking.statistics<merged>} : (tensor<4x8xf32>
// CHECK: %[[R:.*]] = spiking.repeat %[[Y]]
// CHECK: return %[[R]], %[[MEAN]], %saved_mean
// REMARK: Remark="spiking.batch_norm is computed once instead of at every step: its statistics are sums over one step, equal to those over all steps but for rounding"
// EXACT-LABEL: @merged
// EXACT: %[[R:.*]] = spiking.repeat
// EXACT: spiking.batch_norm %[[R]]
// EXACT-REMARK: [Missed] not-hoisted | Category:spiking-hoist-time-invariant | Function=merged | Remark="spiking.batch_norm stays at every step: exact statistics are sums over all steps"
func.func @merged(%x: tensor<4x8xf32>, %g: tensor<8xf32>, %T: index) -> (tensor<?x4x8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %r = spiking.repeat %x times(%T) : (tensor<4x8xf32>) -> tensor<?x4x8xf32>
  %y:5 = spiking.batch_norm %r scale(%g) shift(%g) running(%g, %g) {sequence = true, statistics = #spiking.statistics<merged>} : (tensor<?x4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return %y#0, %y#1, %y#3 : tensor<?x4x8xf32>, tensor<8xf32>, tensor<8xf32>
}

// Statistics of each step are the same numbers: also with exact.
// CHECK-LABEL: @per_step
// EXACT-LABEL: @per_step
// EXACT: spiking.batch_norm %{{.*}} times(%{{.*}}) : (tensor<4x8xf32>
// EXACT: %[[MEANS:.*]] = spiking.repeat %saved_mean times(%{{.*}}) : (tensor<8xf32>) -> tensor<?x8xf32>
// EXACT: return %new_running_variance, %[[MEANS]]
func.func @per_step(%x: tensor<4x8xf32>, %g: tensor<8xf32>, %T: index) -> (tensor<8xf32>, tensor<?x8xf32>) {
  %r = spiking.repeat %x times(%T) : (tensor<4x8xf32>) -> tensor<?x4x8xf32>
  %y:5 = spiking.batch_norm %r scale(%g) shift(%g) running(%g, %g) {sequence = true} : (tensor<?x4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x4x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  return %y#2, %y#3 : tensor<8xf32>, tensor<?x8xf32>
}

// A mask that is the same at every step; not one of each step.
// CHECK-LABEL: @masks
// CHECK: %[[R:.*]] = spiking.repeat %arg0
// CHECK: spiking.dropout %arg0 {{.*}} -> tensor<4x8xf32>
// CHECK: spiking.dropout %[[R]] {{.*}} -> tensor<?x4x8xf32>
// REMARK: [Missed] not-hoisted | {{.*}} Function=masks | Remark="spiking.dropout stays at every step: each has a mask of its own"
func.func @masks(%x: tensor<4x8xf32>, %seed: tensor<i64>, %T: index) -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>) {
  %r = spiking.repeat %x times(%T) : (tensor<4x8xf32>) -> tensor<?x4x8xf32>
  %a = spiking.dropout %r seed(%seed) {id = 0, p = 0.5, sequence = true, mask_time = #spiking.mask_time<fixed>} : (tensor<?x4x8xf32>, tensor<i64>) -> tensor<?x4x8xf32>
  %b = spiking.dropout %r seed(%seed) {id = 1, p = 0.5, sequence = true} : (tensor<?x4x8xf32>, tensor<i64>) -> tensor<?x4x8xf32>
  return %a, %b : tensor<?x4x8xf32>, tensor<?x4x8xf32>
}

// What differs between steps, sums over them, or takes time for a dimension of its own.
// CHECK-LABEL: @stay
// CHECK: %[[R:.*]] = spiking.repeat %arg0
// CHECK: spiking.add %[[R]], %arg1
// CHECK: spiking.delay %[[R]]
// CHECK: spiking.reduce_sum %[[R]]
// CHECK: %[[Q:.*]] = spiking.repeat %arg0
// CHECK: arith.addf %[[R]], %[[Q]]
// CHECK: spiking.scan forward ins(%{{.*}} = %[[R]] : tensor<?x4x8xf32>) states
// CHECK: %[[K:.*]] = spiking.repeat
// CHECK: spiking.flatten %[[K]]
func.func @stay(%x: tensor<4x8xf32>, %y: tensor<?x4x8xf32>, %T: index, %U: index, %v0: tensor<4x8xf32>) -> (tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<96xf32>) {
  %r = spiking.repeat %x times(%T) : (tensor<4x8xf32>) -> tensor<?x4x8xf32>
  %a = spiking.add %r, %y : (tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %d = spiking.delay %r {steps = 1} : (tensor<?x4x8xf32>) -> tensor<?x4x8xf32>
  %s = spiking.reduce_sum %r {dims = array<i64: 0>} : (tensor<?x4x8xf32>) -> tensor<4x8xf32>
  %q = spiking.repeat %x times(%U) : (tensor<4x8xf32>) -> tensor<?x4x8xf32>
  %m = arith.addf %r, %q : tensor<?x4x8xf32>
  // From nothing else comes the number of steps.
  %v = spiking.scan forward ins(%xt = %r : tensor<?x4x8xf32>) states(%u = %v0 : tensor<4x8xf32>) {
    %h = arith.addf %u, %xt : f32
    spiking.yield next(%h : f32)
  }
  %c3 = arith.constant 3 : index
  %t = spiking.repeat %x times(%c3) : (tensor<4x8xf32>) -> tensor<3x4x8xf32>
  %w = spiking.flatten %t {dims = 3} : (tensor<3x4x8xf32>) -> tensor<96xf32>
  return %a, %d, %s, %m, %v, %w : tensor<?x4x8xf32>, tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<?x4x8xf32>, tensor<4x8xf32>, tensor<96xf32>
}

// A loop with recurrent weights stays as it is.
// CHECK-LABEL: @recurrent
// CHECK: %[[R:.*]] = spiking.repeat
// CHECK: spiking.time_loop %{{.*}} over(%[[XT:.*]] = %[[R]]
// CHECK-NEXT: spiking.linear %[[XT]]
func.func @recurrent(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %T: index, %v0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %r = spiking.repeat %x times(%T) : (tensor<4x8xf32>) -> tensor<?x4x8xf32>
  %v = spiking.time_loop %t = 0 to %T over(%xt = %r : tensor<?x4x8xf32>) state(%u = %v0 : tensor<4x8xf32>) {
    %i = spiking.linear %xt, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %y = spiking.linear %u, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %n = arith.addf %i, %y : tensor<4x8xf32>
    spiking.yield next(%n : tensor<4x8xf32>)
  }
  return %v : tensor<4x8xf32>
}
