// RUN: snn-opt %s --spiking-plan-residuals --remarks-filter=spiking-plan-residuals --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=KEPT
// RUN: snn-opt %s --spiking-plan-residuals=recompute=1 | FileCheck %s --check-prefixes=CHECK,ONE
// RUN: snn-opt %s --spiking-plan-residuals=recompute=9 | FileCheck %s --check-prefixes=CHECK,ALL
// RUN: snn-opt %s --spiking-plan-residuals=recompute=9 --remarks-filter=spiking-plan-residuals --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=AGAIN
// RUN: not snn-opt %s --spiking-plan-residuals=recompute=-1 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: error: expected a number of values to recompute, got -1

// The current takes four bytes where the spikes that it is computed from take one: it goes first, then the spikes, which are computed from the current
// computed again.
// KEPT-LABEL: Function=layers
// KEPT-SAME: Remark="kept for the backward pass: spiking.linear (tensor<?x4x8xf32>)"
// KEPT-NEXT: %i = spiking.linear
// KEPT-NEXT: ^
// KEPT-NEXT: Remark="kept for the backward pass: spiking.scan (tensor<?x4x8xi1>)"
// KEPT-NOT: Function=layers
// AGAIN: Function=layers | Remark="spiking.linear is computed again in the backward pass instead of being kept"
// AGAIN: Function=layers | Remark="spiking.scan is computed again in the backward pass instead of being kept"
// AGAIN-NOT: Function=layers
// CHECK-LABEL: @layers
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x8xi1>, %[[W:.*]]: tensor<8x8xf32>
// CHECK: %[[I:.*]] = spiking.linear %[[X]], %[[W]]
// CHECK: %[[S:.*]]:2 = spiking.scan forward ins(%{{.*}} = %[[I]]
// CHECK: spiking.spike_rate %[[S]]#0
// ONE: %[[CURRENT:.*]] = spiking.linear %[[X]], %[[W]]
// ONE: spiking.scan reverse ins(%{{.*}} = %[[CURRENT]]
// ONE: spiking.linear_weight_gradient %[[S]]#0
// ALL: %[[CURRENT:.*]] = spiking.linear %[[X]], %[[W]]
// ALL: spiking.scan reverse ins(%{{.*}} = %[[CURRENT]]
// ALL: %[[SPIKES:.*]]:2 = spiking.scan forward ins(%{{.*}} = %[[CURRENT]]
// ALL: spiking.linear_weight_gradient %[[SPIKES]]#0
func.func @layers(%x: tensor<?x4x8xi1>, %w: tensor<8x8xf32>, %g: tensor<?x4x8xf32>, %v0: tensor<4x8xf32>, %T: index) -> (tensor<f32>, tensor<8x8xf32>, tensor<?x4x8xf32>) {
  %i = spiking.linear %x, %w : (tensor<?x4x8xi1>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  %e = tensor.empty(%T) : tensor<?x4x8xi1>
  %s, %v = spiking.scan forward ins(%c = %i : tensor<?x4x8xf32>) outs(%e : tensor<?x4x8xi1>) states(%u = %v0 : tensor<4x8xf32>) {
    %h = arith.addf %u, %c : f32
    %spike = spiking.fire %h {surrogate = #spiking.atan<>} : f32 -> i1
    spiking.yield %spike : i1 next(%h : f32)
  }
  %rate = spiking.spike_rate %s : (tensor<?x4x8xi1>) -> tensor<f32>
  %d = tensor.empty(%T) : tensor<?x4x8xf32>
  %di, %dv = spiking.scan reverse ins(%c = %i : tensor<?x4x8xf32>, %gt = %g : tensor<?x4x8xf32>) outs(%d : tensor<?x4x8xf32>) states(%u = %v0 : tensor<4x8xf32>) {
    %h = arith.mulf %gt, %c : f32
    %n = arith.addf %u, %h : f32
    spiking.yield %n : f32 next(%n : f32)
  }
  %dw = spiking.linear_weight_gradient %s, %di : (tensor<?x4x8xi1>, tensor<?x4x8xf32>) -> tensor<8x8xf32>
  return %rate, %dw, %di : tensor<f32>, tensor<8x8xf32>, tensor<?x4x8xf32>
}

// Without a backward pass nothing is kept, and nothing changes; nor where what a value is computed from is gone.
// KEPT-NOT: Function=forward
// CHECK-LABEL: @forward
// CHECK-COUNT-1: spiking.linear
// CHECK-NOT: spiking.linear
// CHECK: return
func.func @forward(%x: tensor<?x4x8xi1>, %w: tensor<8x8xf32>) -> tensor<?x4x8xf32> {
  %i = spiking.linear %x, %w : (tensor<?x4x8xi1>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  return %i : tensor<?x4x8xf32>
}

// CHECK-LABEL: @gone
// CHECK-COUNT-2: spiking.linear
// CHECK-NOT: spiking.linear %
// CHECK: spiking.linear_weight_gradient
func.func @gone(%x: tensor<?x4x8xi1>, %w: tensor<8x8xf32>, %g: tensor<?x4x8xf32>) -> tensor<8x8xf32> {
  %i = spiking.linear %x, %w : (tensor<?x4x8xi1>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  %j = spiking.linear %i, %w : (tensor<?x4x8xf32>, tensor<8x8xf32>) -> tensor<?x4x8xf32>
  %dw = spiking.linear_weight_gradient %j, %g : (tensor<?x4x8xf32>, tensor<?x4x8xf32>) -> tensor<8x8xf32>
  return %dw : tensor<8x8xf32>
}
