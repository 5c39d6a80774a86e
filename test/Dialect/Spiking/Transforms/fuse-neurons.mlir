// RUN: snn-opt %s --spiking-decompose-neurons --spiking-fuse-neurons --canonicalize | FileCheck %s
// RUN: snn-opt %s --spiking-decompose-neurons --spiking-fuse-neurons --remarks-filter=spiking-fuse-neurons --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// A residual, a bias and a cast of the spikes are one scan with the neuron; the spikes themselves are not written.
// CHECK-LABEL: @neighbours
// CHECK-SAME: (%[[X:.*]]: tensor<?x2x8xf32>, %[[R:.*]]: tensor<?x2x8xi1>, %[[BIAS:.*]]: tensor<8xf32>, %[[V0:.*]]: tensor<2x8xf32>
// CHECK: %[[O:.*]]:2 = spiking.scan forward ins(%[[XT:[a-z0-9_]+]] = %[[X]] : tensor<?x2x8xf32>, %[[RT:[a-z0-9_]+]] = %[[R]] : tensor<?x2x8xi1>) params(%[[B:[a-z0-9_]+]] = %[[BIAS]] : tensor<8xf32>) outs(%{{.*}} : tensor<?x2x8xf32>) states(%[[V:[a-z0-9_]+]] = %[[V0]] : tensor<2x8xf32>) {
// CHECK-NEXT: %[[N:.*]] = arith.uitofp %[[RT]] : i1 to f32
// CHECK-NEXT: %[[A:.*]] = arith.addf %[[XT]], %[[N]] : f32
// CHECK-NEXT: %[[I:.*]] = arith.addf %[[A]], %[[B]] : f32
// CHECK: arith.addf %{{.*}}, %[[I]] : f32
// CHECK: %[[S:.*]] = spiking.fire
// CHECK: %[[SN:.*]] = arith.uitofp %[[S]] : i1 to f32
// CHECK: spiking.yield %[[SN]] : f32 next
// CHECK-NOT: spiking.scan
// CHECK: return %[[O]]#0, %[[O]]#1
// REMARK: remark: [Passed] fused | Category:spiking-fuse-neurons | Function=neighbours | Remark="two scans became one, of
func.func @neighbours(%x: tensor<?x2x8xf32>, %r: tensor<?x2x8xi1>, %bias: tensor<8xf32>, %v0: tensor<2x8xf32>, %T: index) -> (tensor<?x2x8xf32>, tensor<2x8xf32>) {
  %n = spiking.add %x, %r : (tensor<?x2x8xf32>, tensor<?x2x8xi1>) -> tensor<?x2x8xf32>
  %b = spiking.broadcast %bias sizes(%T) : tensor<8xf32> -> tensor<?x2x8xf32>
  %y = arith.addf %n, %b : tensor<?x2x8xf32>
  %s, %v = spiking.lif %y, %v0 {decay = 0.5} : (tensor<?x2x8xf32>, tensor<2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  %f = arith.uitofp %s : tensor<?x2x8xi1> to tensor<?x2x8xf32>
  return %f, %v : tensor<?x2x8xf32>, tensor<2x8xf32>
}

// Neurons that drive neurons one to one; spikes that others read are still written, and what lies between moves behind.
// CHECK-LABEL: @chain
// CHECK: %[[O:.*]]:4 = spiking.scan forward ins(%{{.*}} : tensor<?x?x8xf32>) outs(%{{.*}} : tensor<?x?x8xi1>, %{{.*}} : tensor<?x?x8xi1>) states(
// CHECK: %[[S1:.*]] = spiking.fire
// CHECK: %[[S2:.*]] = spiking.fire
// CHECK: spiking.yield %[[S1]], %[[S2]] : i1, i1
// CHECK: %[[L:.*]] = spiking.linear %[[O]]#0
// CHECK: return %[[L]], %[[O]]#1
func.func @chain(%x: tensor<?x?x8xf32>, %v0: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xi1>) {
  %s, %v = spiking.lif %x, %v0 {decay = 0.5} : (tensor<?x?x8xf32>, tensor<?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>)
  %l = spiking.linear %s, %w : (tensor<?x?x8xi1>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  %n = arith.uitofp %s : tensor<?x?x8xi1> to tensor<?x?x8xf32>
  %t, %u = spiking.if %n : (tensor<?x?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>)
  return %l, %t : tensor<?x?x8xf32>, tensor<?x?x8xi1>
}

// CHECK-LABEL: @normalized
// CHECK: spiking.scan step {{.*}} outs(%{{.*}} : tensor<3xf32>)
// CHECK: spiking.scan forward ins(%[[X:[a-z0-9_]+]] = %{{.*}} : tensor<?x2x3x4x4xf32>) params(%[[M:[a-z0-9_]+]] = %{{.*}} : tensor<3x1x1xf32>
// CHECK: arith.subf %[[X]], %[[M]]
// CHECK: spiking.fire
// CHECK-NOT: spiking.scan
func.func @normalized(%x: tensor<?x2x3x4x4xf32>, %g: tensor<3xf32>, %b: tensor<3xf32>, %m: tensor<3xf32>, %v: tensor<3xf32>) -> tensor<?x2x3x4x4xi1> {
  %y:5 = spiking.batch_norm %x scale(%g) shift(%b) running(%m, %v) {channel_dim = -3, sequence = true, mode = #spiking.mode<inference>} : (tensor<?x2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x2x3x4x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  %s, %u = spiking.if %y#0 : (tensor<?x2x3x4x4xf32>) -> (tensor<?x2x3x4x4xi1>, tensor<2x3x4x4xf32>)
  return %s : tensor<?x2x3x4x4xi1>
}

// A repeated input is a parameter, but something has to say how many steps there are.
// CHECK-LABEL: @direct(
// CHECK-NOT: spiking.repeat
// CHECK: spiking.scan forward params(%{{.*}} : tensor<2x8xf32>) outs
// CHECK-LABEL: @direct_final
// CHECK: %[[X:.*]] = spiking.repeat
// CHECK: spiking.scan forward ins(%{{.*}} = %[[X]] : tensor<?x2x8xf32>) states
func.func @direct(%x: tensor<2x8xf32>, %v0: tensor<2x8xf32>, %T: index) -> tensor<?x2x8xi1> {
  %xs = spiking.repeat %x times(%T) : (tensor<2x8xf32>) -> tensor<?x2x8xf32>
  %s, %v = spiking.lif %xs, %v0 {decay = 0.5} : (tensor<?x2x8xf32>, tensor<2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  return %s : tensor<?x2x8xi1>
}
func.func @direct_final(%x: tensor<2x8xf32>, %v0: tensor<2x8xf32>, %T: index) -> tensor<2x8xf32> {
  %xs = spiking.repeat %x times(%T) : (tensor<2x8xf32>) -> tensor<?x2x8xf32>
  %s, %v = spiking.lif %xs, %v0 {decay = 0.5} : (tensor<?x2x8xf32>, tensor<2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  return %v : tensor<2x8xf32>
}

// The replay region gets what it reads of a producer, and only a producer without states may be replayed.
// CHECK-LABEL: @replayed
// CHECK: spiking.scan reverse ins(%[[X:[a-z0-9_]+]] = %{{.*}} : tensor<4x8xf32>, %[[G:[a-z0-9_]+]] = %{{.*}} : tensor<4x8xf32>) params(%[[B:[a-z0-9_]+]] = %{{.*}} : tensor<8xf32>) outs({{.*}}) states({{.*}}) accumulators({{.*}}) replay(%[[V:[a-z0-9_]+]] = %{{.*}} : tensor<8xf32>) {
// CHECK: arith.addf %[[X]], %[[B]]
// CHECK: arith.mulf %[[G]], %[[G]]
// CHECK: } replaying {
// CHECK-NEXT: ^bb0(%[[RX:.*]]: f32, %{{.*}}: f32, %[[RB:.*]]: f32, %[[RV:.*]]: f32):
// CHECK-NEXT: %[[Y:.*]] = arith.addf %[[RX]], %[[RB]]
// CHECK-NEXT: arith.addf %[[RV]], %[[Y]]
// CHECK-NEXT: spiking.yield
func.func @replayed(%g: tensor<4x8xf32>, %x: tensor<4x8xf32>, %b: tensor<8xf32>, %z: tensor<8xf32>, %v0: tensor<8xf32>, %T: index) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %bs = spiking.repeat %b times(%T) : (tensor<8xf32>) -> tensor<4x8xf32>
  %y = arith.addf %x, %bs : tensor<4x8xf32>
  %h = arith.mulf %g, %g : tensor<4x8xf32>
  %e = tensor.empty() : tensor<4x8xf32>
  %r:3 = spiking.scan reverse ins(%gt = %h : tensor<4x8xf32>, %xt = %y : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) states(%gv = %z : tensor<8xf32>) accumulators(%z : tensor<8xf32>) replay(%v = %v0 : tensor<8xf32>) {
    %c = arith.mulf %v, %gt : f32
    %d = arith.addf %c, %gv : f32
    spiking.yield %d : f32 next(%d : f32) accumulate(%xt : f32)
  } replaying {
  ^bb0(%gt: f32, %xt: f32, %v: f32):
    %n = arith.addf %v, %xt : f32
    spiking.yield next(%n : f32)
  }
  return %r#0, %r#2 : tensor<4x8xf32>, tensor<8xf32>
}

// The scale of a gradient is one scan with the optimizer's step; what starts as a computed value is no state.
// CHECK-LABEL: @steps
// CHECK: spiking.scan step ins(%[[G:[a-z0-9_]+]] = %{{.*}} : tensor<8xf32>) params(%{{.*}} : tensor<f32>) states(%[[P:[a-z0-9_]+]] = %{{.*}} : tensor<8xf32>) {
// CHECK: %[[H:.*]] = arith.mulf %[[G]], %[[G]]
// CHECK: %[[RH:.*]] = arith.mulf %{{.*}}, %[[H]]
// CHECK: arith.subf %[[P]], %[[RH]]
// CHECK: spiking.scan step ins(%{{.*}} : tensor<8xf32>) params(%{{.*}} : tensor<f32>) outs(
// CHECK-NOT: states
// CHECK: return
func.func @steps(%p: tensor<8xf32>, %g: tensor<8xf32>, %lr: tensor<f32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %h = arith.mulf %g, %g : tensor<8xf32>
  %p1 = spiking.sgd %p, %h rate(%lr) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  %q = arith.negf %g : tensor<8xf32>
  %q1 = spiking.sgd %q, %g rate(%lr) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return %p1, %q1 : tensor<8xf32>, tensor<8xf32>
}

// A product in between, a start where the other ends, another direction, another space: the scans stay apart.
// CHECK-LABEL: @apart
// CHECK: spiking.scan forward
// CHECK: spiking.linear
// CHECK: spiking.scan step
// CHECK: spiking.scan forward
// CHECK: spiking.scan reverse
// CHECK: spiking.scan forward
// REMARK-DAG: Function=apart | Remark="two scans stay apart: spiking.linear lies between and is not elementwise"
// REMARK-DAG: Function=apart | Remark="two scans stay apart: one starts where the other ends"
// REMARK-DAG: Function=apart | Remark="two scans stay apart: they walk over time in different directions"
// REMARK-DAG: Function=apart | Remark="two scans stay apart: they range over different spaces"
func.func @apart(%x: tensor<4x1x8xf32>, %v0: tensor<1x8xf32>, %w: tensor<8x8xf32>, %u0: tensor<3x8xf32>) -> (tensor<4x1x8xf32>, tensor<4x1x8xi1>, tensor<4x3x8xf32>) {
  %s, %v = spiking.lif %x, %v0 {decay = 0.5} : (tensor<4x1x8xf32>, tensor<1x8xf32>) -> (tensor<4x1x8xi1>, tensor<1x8xf32>)
  %y = spiking.linear %s, %w : (tensor<4x1x8xi1>, tensor<8x8xf32>) -> tensor<4x1x8xf32>
  %z = spiking.add %y, %s : (tensor<4x1x8xf32>, tensor<4x1x8xi1>) -> tensor<4x1x8xf32>
  %s2, %v2 = spiking.lif %x, %v {decay = 0.5} : (tensor<4x1x8xf32>, tensor<1x8xf32>) -> (tensor<4x1x8xi1>, tensor<1x8xf32>)
  %e = tensor.empty() : tensor<4x1x8xi1>
  %r:2 = spiking.scan reverse ins(%a = %s2 : tensor<4x1x8xi1>) outs(%e : tensor<4x1x8xi1>) states(%b = %v0 : tensor<1x8xf32>) {
    %n = arith.uitofp %a : i1 to f32
    %m = arith.addf %n, %b : f32
    %c = arith.cmpf ogt, %m, %b : f32
    spiking.yield %c : i1 next(%m : f32)
  }
  %f = tensor.empty() : tensor<4x3x8xf32>
  %q:2 = spiking.scan forward ins(%a = %s2 : tensor<4x1x8xi1>) outs(%f : tensor<4x3x8xf32>) states(%b = %u0 : tensor<3x8xf32>) {
    %n = arith.uitofp %a : i1 to f32
    %m = arith.addf %n, %b : f32
    spiking.yield %m : f32 next(%m : f32)
  }
  return %z, %r#0, %q#0 : tensor<4x1x8xf32>, tensor<4x1x8xi1>, tensor<4x3x8xf32>
}

// A few cheap operations on what is the same at every step go into the scan, where what they give need not be written; a division stays before it,
// and so does what others read.
// CHECK-LABEL: @before_steps
// CHECK: spiking.scan forward params(%[[X:[a-z0-9_]+]] = %arg0 : tensor<2x8xf32>) outs
// CHECK-NEXT: %[[M:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK-NEXT: arith.addf %{{.*}}, %[[M]]
// CHECK: %[[D:.*]] = spiking.scan step
// CHECK-NEXT: arith.divf
// CHECK: spiking.scan forward params(%{{.*}} = %[[D]]
// CHECK: %[[N:.*]] = spiking.scan step
// CHECK-NEXT: arith.addf
// CHECK: spiking.scan forward params(%{{.*}} = %[[N]]
func.func @before_steps(%x: tensor<2x8xf32>, %T: index) -> (tensor<?x2x8xi1>, tensor<?x2x8xi1>, tensor<?x2x8xi1>, tensor<2x8xf32>) {
  %m = arith.mulf %x, %x : tensor<2x8xf32>
  %r = spiking.repeat %m times(%T) : (tensor<2x8xf32>) -> tensor<?x2x8xf32>
  %s, %v = spiking.if %r : (tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  %d = arith.divf %x, %x : tensor<2x8xf32>
  %p = spiking.repeat %d times(%T) : (tensor<2x8xf32>) -> tensor<?x2x8xf32>
  %t, %w = spiking.if %p : (tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  %n = arith.addf %x, %x : tensor<2x8xf32>
  %q = spiking.repeat %n times(%T) : (tensor<2x8xf32>) -> tensor<?x2x8xf32>
  %y, %u = spiking.if %q : (tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  return %s, %t, %y, %n : tensor<?x2x8xi1>, tensor<?x2x8xi1>, tensor<?x2x8xi1>, tensor<2x8xf32>
}

// A few operations on one tensor, for several scans: each executes them, and their result is not kept.
// CHECK-LABEL: @each
// CHECK-NOT: spiking.scan step
// CHECK: spiking.scan forward ins(%[[X:[a-z0-9_]+]] = %arg0
// CHECK-NEXT: arith.mulf %[[X]], %[[X]]
// CHECK: spiking.scan forward ins(%[[Y:[a-z0-9_]+]] = %arg0
// CHECK-NEXT: arith.mulf %[[Y]], %[[Y]]
// REMARK: Function=each | Remark="a few operations are executed in each of 2 scans instead of being kept in memory"
func.func @each(%x: tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<?x2x8xi1>) {
  %m = arith.mulf %x, %x : tensor<?x2x8xf32>
  %s, %v = spiking.if %m : (tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  %t, %u = spiking.lif %m {decay = 0.5} : (tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  return %s, %t : tensor<?x2x8xi1>, tensor<?x2x8xi1>
}

// Not where another operation needs the result, or reading the operands costs more than reading it.
// CHECK-LABEL: @kept
// CHECK: %[[S:.*]]:3 = spiking.scan forward ins(%{{.*}} = %arg0 : tensor<?x2x8xf32>) outs(%{{.*}} : tensor<?x2x8xf32>, %{{.*}} : tensor<?x2x8xi1>)
// CHECK: spiking.linear %[[S]]#0
// CHECK-LABEL: @wider
// CHECK: %[[S:.*]]:3 = spiking.scan forward ins(%{{.*}} = %arg0 : tensor<?x2x8xf32>) outs(%{{.*}} : tensor<?x2x8xi1>, %{{.*}} : tensor<?x2x8xf32>)
// CHECK: spiking.scan reverse ins(%{{.*}} = %[[S]]#0 : tensor<?x2x8xi1>)
func.func @kept(%x: tensor<?x2x8xf32>, %w: tensor<8x8xf32>) -> (tensor<?x2x8xi1>, tensor<?x2x8xf32>) {
  %m = arith.mulf %x, %x : tensor<?x2x8xf32>
  %s, %v = spiking.if %m : (tensor<?x2x8xf32>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>)
  %y = spiking.linear %m, %w : (tensor<?x2x8xf32>, tensor<8x8xf32>) -> tensor<?x2x8xf32>
  return %s, %y : tensor<?x2x8xi1>, tensor<?x2x8xf32>
}
func.func @wider(%x: tensor<?x2x8xf32>, %v0: tensor<2x8xf32>, %e: tensor<?x2x8xf32>) -> (tensor<?x2x8xf32>, tensor<?x2x8xf32>) {
  %m = arith.cmpf ogt, %x, %x : tensor<?x2x8xf32>
  %s, %v = spiking.scan forward ins(%c = %m : tensor<?x2x8xi1>) outs(%e : tensor<?x2x8xf32>) states(%u = %v0 : tensor<2x8xf32>) {
    %n = arith.uitofp %c : i1 to f32
    %h = arith.addf %u, %n : f32
    spiking.yield %h : f32 next(%h : f32)
  }
  %t, %w = spiking.scan reverse ins(%c = %m : tensor<?x2x8xi1>) outs(%e : tensor<?x2x8xf32>) states(%u = %v0 : tensor<2x8xf32>) {
    %n = arith.uitofp %c : i1 to f32
    %h = arith.subf %u, %n : f32
    spiking.yield %h : f32 next(%h : f32)
  }
  return %s, %t : tensor<?x2x8xf32>, tensor<?x2x8xf32>
}
