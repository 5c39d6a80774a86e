// RUN: snn-opt %s --spiking-elementwise-to-scan | FileCheck %s

// CHECK-LABEL: @arith
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[Y:.*]]: tensor<?x8xf32>)
// CHECK: %[[D:.*]] = tensor.dim %[[X]]
// CHECK: %[[E:.*]] = tensor.empty(%[[D]]) : tensor<?x8xi1>
// CHECK: %[[R:[a-z0-9_]+]] = spiking.scan step ins(%[[A:[a-z0-9_]+]] = %[[X]] : tensor<?x8xf32>, %[[B:[a-z0-9_]+]] = %[[Y]] : tensor<?x8xf32>) outs(%[[E]] : tensor<?x8xi1>) {
// CHECK-NEXT: %[[C:.*]] = arith.cmpf olt, %[[A]], %[[B]] : f32
// CHECK-NEXT: spiking.yield %[[C]] : i1
// CHECK: return %[[R]]
func.func @arith(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xi1> {
  %c = arith.cmpf olt, %x, %y : tensor<?x8xf32>
  return %c : tensor<?x8xi1>
}

// Spikes and counts are numbers; a constant goes into the body.
// CHECK-LABEL: @add
// CHECK: %[[A:.*]] = arith.uitofp %{{.*}} : i1 to f32
// CHECK-NEXT: arith.addf %{{.*}}, %[[A]]
// CHECK: %[[B:.*]] = arith.sitofp %{{.*}} : i8 to f32
// CHECK-NEXT: arith.addf %[[B]], %{{.*}}
// CHECK: %[[C:.*]] = arith.extui %{{.*}} : i1 to i8
// CHECK-NEXT: %[[D:.*]] = arith.extui %{{.*}} : i1 to i8
// CHECK-NEXT: arith.addi %[[C]], %[[D]] : i8
// CHECK: spiking.scan step ins(%[[X:[a-z0-9_]+]] = %{{.*}} : tensor<8xf32>) outs
// CHECK-NEXT: %[[TWO:.*]] = arith.constant 2.0{{.*}} : f32
// CHECK-NEXT: arith.mulf %[[X]], %[[TWO]] : f32
func.func @add(%x: tensor<8xf32>, %s: tensor<8xi1>, %c: tensor<8xi8>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xi8>, tensor<8xf32>) {
  %a = spiking.add %x, %s : (tensor<8xf32>, tensor<8xi1>) -> tensor<8xf32>
  %b = spiking.add %c, %x : (tensor<8xi8>, tensor<8xf32>) -> tensor<8xf32>
  %d = spiking.add %s, %s : (tensor<8xi1>, tensor<8xi1>) -> tensor<8xi8>
  %two = arith.constant dense<2.0> : tensor<8xf32>
  %e = arith.mulf %x, %two : tensor<8xf32>
  return %a, %b, %d, %e : tensor<8xf32>, tensor<8xf32>, tensor<8xi8>, tensor<8xf32>
}

// CHECK-LABEL: @batch_norm
// CHECK: spiking.scan step ins(%[[V:[a-z0-9_]+]] = %{{.*}} : tensor<3xf32>)
// CHECK: %[[VE:.*]] = arith.addf %[[V]]
// CHECK: %[[S:.*]] = math.sqrt %[[VE]]
// CHECK: arith.divf %{{.*}}, %[[S]]
// CHECK: tensor.expand_shape %{{.*}} : tensor<3xf32> into tensor<3x1x1xf32>
// CHECK: spiking.scan step ins(%[[X:[a-z0-9_]+]] = %{{.*}} : tensor<2x3x4x4xf32>) params(%[[M:[a-z0-9_]+]] = %{{.*}} : tensor<3x1x1xf32>, %[[R:[a-z0-9_]+]] = %{{.*}}, %[[G:[a-z0-9_]+]] = %{{.*}}, %[[B:[a-z0-9_]+]] = %{{.*}} : tensor<3x1x1xf32>)
// CHECK: %[[A:.*]] = arith.subf %[[X]], %[[M]]
// CHECK: %[[C:.*]] = arith.mulf %[[A]], %[[R]]
// CHECK: %[[D:.*]] = arith.mulf %[[C]], %[[G]]
// CHECK: arith.addf %[[D]], %[[B]]
func.func @batch_norm(%x: tensor<2x3x4x4xf32>, %g: tensor<3xf32>, %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> (tensor<2x3x4x4xf32>, tensor<3xf32>) {
  %y:5 = spiking.batch_norm %x scale(%g) shift(%b) running(%m, %v) {channel_dim = -3, mode = #spiking.mode<inference>} : (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y#0, %y#4 : tensor<2x3x4x4xf32>, tensor<3xf32>
}

// What an optimizer updates is a state.
// CHECK-LABEL: @sgd
// CHECK-SAME: (%[[P:.*]]: tensor<8xf32>, %[[G:.*]]: tensor<8xf32>, %[[M:.*]]: tensor<8xf32>, %[[LR:.*]]: tensor<f32>)
// CHECK: spiking.scan step ins(%[[GS:[a-z0-9_]+]] = %[[G]] : tensor<8xf32>) params(%[[R:[a-z0-9_]+]] = %[[LR]] : tensor<f32>) states(%[[PS:[a-z0-9_]+]] = %[[P]] : tensor<8xf32>, %[[MS:[a-z0-9_]+]] = %[[M]] : tensor<8xf32>) {
// CHECK: %[[WP:.*]] = arith.mulf %{{.*}}, %[[PS]]
// CHECK: %[[D:.*]] = arith.addf %[[GS]], %[[WP]]
// CHECK: %[[MM:.*]] = arith.mulf %[[MU:.*]], %[[MS]]
// CHECK: %[[MN:.*]] = arith.addf %[[MM]], %[[D]]
// CHECK: %[[ML:.*]] = arith.mulf %[[MU]], %[[MN]]
// CHECK: %[[DN:.*]] = arith.addf %[[D]], %[[ML]]
// CHECK: %[[RD:.*]] = arith.mulf %[[R]], %[[DN]]
// CHECK: %[[PN:.*]] = arith.subf %[[PS]], %[[RD]]
// CHECK: spiking.yield next(%[[PN]], %[[MN]] : f32, f32)
// CHECK: spiking.scan step ins(%[[GS:[a-z0-9_]+]] = {{.*}} states(%[[PS:[a-z0-9_]+]] = %[[P]] : tensor<8xf32>) {
// CHECK-NEXT: %[[RD:.*]] = arith.mulf %{{.*}}, %[[GS]]
// CHECK-NEXT: arith.subf %[[PS]], %[[RD]]
func.func @sgd(%p: tensor<8xf32>, %g: tensor<8xf32>, %m: tensor<8xf32>, %lr: tensor<f32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %p1, %m1 = spiking.sgd %p, %g rate(%lr) buffer(%m) {momentum = 0.9, weight_decay = 0.1, nesterov = true} : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  %p2 = spiking.sgd %p, %g rate(%lr) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %p1, %m1, %p2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// The factors that all elements share are computed once.
// CHECK-LABEL: @adamw
// CHECK: %[[F:.*]]:3 = spiking.scan step ins(%[[LR:[a-z0-9_]+]] = %{{.*}} : tensor<f32>, %[[N:[a-z0-9_]+]] = %{{.*}} : tensor<i64>) outs
// CHECK: %[[NF:.*]] = arith.sitofp %[[N]] : i64 to f32
// CHECK: math.expm1
// CHECK: arith.divf %[[LR]]
// CHECK: math.expm1
// CHECK: math.sqrt
// CHECK: arith.mulf %[[LR]]
// CHECK: spiking.scan step ins(%[[G:[a-z0-9_]+]] = {{.*}} params(%[[SCALE:[a-z0-9_]+]] = %[[F]]#0 : tensor<f32>, %[[ROOT:[a-z0-9_]+]] = %[[F]]#1 : tensor<f32>, %[[SHRINK:[a-z0-9_]+]] = %[[F]]#2 : tensor<f32>) states(%[[P:[a-z0-9_]+]] = {{.*}} : tensor<8xf32>, %[[M:[a-z0-9_]+]] = {{.*}} : tensor<8xf32>, %[[V:[a-z0-9_]+]] = {{.*}} : tensor<8xf32>) {
// CHECK: %[[P1:.*]] = arith.mulf %[[P]], %[[SHRINK]]
// CHECK: arith.mulf %{{.*}}, %[[M]]
// CHECK: %[[MN:.*]] = arith.addf
// CHECK: arith.mulf %{{.*}}, %[[V]]
// CHECK: arith.mulf %[[G]], %[[G]]
// CHECK: %[[VN:.*]] = arith.addf
// CHECK: %[[S:.*]] = math.sqrt %[[VN]]
// CHECK: %[[Q:.*]] = arith.divf %[[S]], %[[ROOT]]
// CHECK: %[[DEN:.*]] = arith.addf %[[Q]]
// CHECK: %[[MD:.*]] = arith.divf %[[MN]], %[[DEN]]
// CHECK: %[[U:.*]] = arith.mulf %[[SCALE]], %[[MD]]
// CHECK: %[[PN:.*]] = arith.subf %[[P1]], %[[U]]
// CHECK: spiking.yield next(%[[PN]], %[[MN]], %[[VN]] : f32, f32, f32)
func.func @adamw(%p: tensor<8xf32>, %g: tensor<8xf32>, %m: tensor<8xf32>, %v: tensor<8xf32>, %lr: tensor<f32>, %n: tensor<i64>) -> tensor<8xf32> {
  %p1, %m1, %v1 = spiking.adam %p, %g moments(%m, %v) rate(%lr) step(%n) {weight_decay = 0.01, decoupled = true} : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<i64>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return %p1 : tensor<8xf32>
}

// In training the operation stays for its statistics; what they normalize is elementwise. Statistics of each step have time as a dimension.
// CHECK-LABEL: @statistics
// CHECK: spiking.batch_norm %[[X:.*]] scale
// CHECK: %[[M:.*]] = tensor.expand_shape %saved_mean {{\[}}[0], [1, 2, 3]] {{.*}} : tensor<?x3xf32> into tensor<?x1x3x1xf32>
// CHECK: %[[R:.*]] = tensor.expand_shape %saved_rstd
// CHECK: spiking.scan step ins(%[[XT:.*]] = %[[X]] : tensor<?x4x3x2xf32>) params(%[[A:[a-z0-9]+]] = %[[M]] : tensor<?x1x3x1xf32>, %[[B:[a-z0-9]+]] = %[[R]]
// CHECK-NEXT: %[[C:.*]] = arith.subf %[[XT]], %[[A]]
// CHECK-NEXT: arith.mulf %[[C]], %[[B]]
func.func @statistics(%x: tensor<?x4x3x2xf32>, %g: tensor<3xf32>) -> (tensor<?x4x3x2xf32>, tensor<3xf32>) {
  %z:5 = spiking.batch_norm %x scale(%g) shift(%g) running(%g, %g) {channel_dim = -2, sequence = true} : (tensor<?x4x3x2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x4x3x2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>)
  return %z#0, %z#1 : tensor<?x4x3x2xf32>, tensor<3xf32>
}

// Not elementwise, not on tensors, or statistics of the batch alone: stays.
// CHECK-LABEL: @other
// CHECK-NOT: spiking.scan
// CHECK: return
func.func @other(%x: tensor<4x3xf32>, %w: tensor<3x3xf32>, %g: tensor<3xf32>, %a: f32) -> (tensor<4x3xf32>, tensor<3xf32>, f32) {
  %y = spiking.linear %x, %w : (tensor<4x3xf32>, tensor<3x3xf32>) -> tensor<4x3xf32>
  %z:5 = spiking.batch_norm %y scale(%g) shift(%g) running(%g, %g) : (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  %b = arith.addf %a, %a : f32
  return %y, %z#1, %b : tensor<4x3xf32>, tensor<3xf32>, f32
}
