// RUN: snn-opt %s --spiking-distribute-time-loop --canonicalize | FileCheck %s
// RUN: snn-opt %s --spiking-distribute-time-loop --remarks-filter=spiking-distribute-time-loop --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Feed-forward: every operation on whole sequences, named neurons keep their names. A state that nobody reads at the end
// is carried all the same.
// CHECK-LABEL: @feed_forward
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x784xf32>, %[[W1:.*]]: tensor<784x128xf32>, %[[B1:.*]]: tensor<128xf32>, %[[W2:.*]]: tensor<128x10xf32>, %[[V1:.*]]: tensor<?x128xf32>, %[[V2:.*]]: tensor<?x10xf32>)
// CHECK-NEXT: %[[I:.*]] = spiking.linear %[[X]], %[[W1]], %[[B1]] : (tensor<?x?x784xf32>,
// CHECK-NEXT: %[[S:.*]], %{{.*}} = spiking.lif %[[I]], %[[V1]] {decay = 5.000000e-01 : f64} : (tensor<?x?x128xf32>
// CHECK-NEXT: %[[J:.*]] = spiking.linear %[[S]], %[[W2]] : (tensor<?x?x128xi1>
// CHECK-NEXT: %[[M:.*]], %[[F:.*]] = spiking.li %[[J]], %[[V2]]
// CHECK-NEXT: return %[[M]], %[[F]]
// REMARK: remark: [Passed] sequence-form | Category:spiking-distribute-time-loop | Function=feed_forward | Remark="spiking.linear on whole sequences"
// REMARK: remark: [Passed] sequence-form | {{.*}} | Remark="spiking.lif on whole sequences"
func.func @feed_forward(%x: tensor<?x?x784xf32>, %w1: tensor<784x128xf32>, %b1: tensor<128xf32>, %w2: tensor<128x10xf32>, %v1: tensor<?x128xf32>, %v2: tensor<?x10xf32>) -> (tensor<?x?x10xf32>, tensor<?x10xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x784xf32>
  %o, %f:2 = spiking.time_loop %t = 0 to %T over(%xt = %x : tensor<?x?x784xf32>) state(%v = %v1 : tensor<?x128xf32>, %u = %v2 : tensor<?x10xf32>) -> (tensor<?x?x10xf32>) {
    %i = spiking.linear %xt, %w1, %b1 : (tensor<?x784xf32>, tensor<784x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
    %s, %vn = spiking.lif %i, %v {decay = 0.5} : (tensor<?x128xf32>, tensor<?x128xf32>) -> (tensor<?x128xi1>, tensor<?x128xf32>)
    %j = spiking.linear %s, %w2 : (tensor<?x128xi1>, tensor<128x10xf32>) -> tensor<?x10xf32>
    %m, %un = spiking.li %j, %u {decay = 0.5} : (tensor<?x10xf32>, tensor<?x10xf32>) -> (tensor<?x10xf32>, tensor<?x10xf32>)
    spiking.yield %m : tensor<?x10xf32> next(%vn, %un : tensor<?x128xf32>, tensor<?x10xf32>)
  }
  return %o, %f#1 : tensor<?x?x10xf32>, tensor<?x10xf32>
}

// Recurrent weights: only what is in the cycle stays in the loop.
// CHECK-LABEL: @recurrent
// CHECK-SAME: (%[[X:.*]]: tensor<4x2x16xf32>, %[[W:.*]]: tensor<16x8xf32>, %[[R:.*]]: tensor<8x8xf32>, %[[W2:.*]]: tensor<8x4xf32>, %[[V0:.*]]: tensor<2x8xf32>, %[[S0:.*]]: tensor<2x8xi1>)
// CHECK: %[[I:.*]] = spiking.linear %[[X]], %[[W]] : (tensor<4x2x16xf32>
// CHECK: %[[O:.*]], %{{.*}} = spiking.time_loop %{{.*}} = 0 to %{{.*}} over(%[[IT:.*]] = %[[I]] : tensor<4x2x8xf32>) state(%[[V:.*]] = %[[V0]] : tensor<2x8xf32>, %[[S:.*]] = %[[S0]] : tensor<2x8xi1>) -> (tensor<4x2x8xi1>) {
// CHECK-NEXT: %[[J:.*]] = spiking.linear %[[S]], %[[R]]
// CHECK-NEXT: %[[K:.*]] = spiking.add %[[IT]], %[[J]]
// CHECK-NEXT: %[[SN:.*]], %[[VN:.*]] = spiking.lif %[[K]], %[[V]]
// CHECK-NEXT: spiking.yield %[[SN]] : {{.*}} next(%[[VN]], %[[SN]]
// CHECK: %[[Y:.*]] = spiking.linear %[[O]], %[[W2]] : (tensor<4x2x8xi1>
// CHECK: return %[[Y]]
// REMARK: remark: [Missed] recurrence | {{.*}} Function=recurrent | Remark="3 operations stay in a loop: spiking.linear is part of the recurrence"
func.func @recurrent(%x: tensor<4x2x16xf32>, %w: tensor<16x8xf32>, %r: tensor<8x8xf32>, %w2: tensor<8x4xf32>, %v0: tensor<2x8xf32>, %s0: tensor<2x8xi1>) -> tensor<4x2x4xf32> {
  %c4 = arith.constant 4 : index
  %o, %f:2 = spiking.time_loop %t = 0 to %c4 over(%xt = %x : tensor<4x2x16xf32>) state(%v = %v0 : tensor<2x8xf32>, %sp = %s0 : tensor<2x8xi1>) -> (tensor<4x2x4xf32>) {
    %i = spiking.linear %xt, %w : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
    %j = spiking.linear %sp, %r : (tensor<2x8xi1>, tensor<8x8xf32>) -> tensor<2x8xf32>
    %k = spiking.add %i, %j : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
    %s, %v1 = spiking.lif %k, %v {decay = 0.5} : (tensor<2x8xf32>, tensor<2x8xf32>) -> (tensor<2x8xi1>, tensor<2x8xf32>)
    %y = spiking.linear %s, %w2 : (tensor<2x8xi1>, tensor<8x4xf32>) -> tensor<2x4xf32>
    spiking.yield %y : tensor<2x4xf32> next(%v1, %s : tensor<2x8xf32>, tensor<2x8xi1>)
  }
  return %o : tensor<4x2x4xf32>
}

// A neuron written as tensor operations: one scan, of which the old membrane is an output.
// CHECK-LABEL: @tensors
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x8xf32>, %[[V0:.*]]: tensor<?x8xf32>)
// CHECK: %[[R:.*]]:3 = spiking.scan forward ins(%[[XT:.*]] = %[[X]] : {{.*}}) outs({{.*}}) states(%[[V:.*]] = %[[V0]] : tensor<?x8xf32>) {
// CHECK: %[[D:.*]] = arith.mulf %[[V]], %{{.*}} : f32
// CHECK: %[[H:.*]] = arith.addf %[[D]], %[[XT]] : f32
// CHECK: %[[S:.*]] = spiking.fire
// CHECK: %[[N:.*]] = arith.select %[[S]], %{{.*}}, %[[H]] : f32
// CHECK: spiking.yield %[[V]], %[[S]] : f32, i1 next(%[[N]] : f32)
// CHECK: return %[[R]]#1, %[[R]]#0, %[[R]]#2
// REMARK: remark: [Passed] scan | {{.*}} Function=tensors | Remark="5 operations and 1 states in one scan"
func.func @tensors(%x: tensor<?x?x8xf32>, %v0: tensor<?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x8xf32>
  %o, %vs, %f = spiking.time_loop %t = 0 to %T over(%xt = %x : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x?x8xf32>) {
    %B = tensor.dim %xt, %c0 : tensor<?x8xf32>
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %k = tensor.splat %half[%B] : tensor<?x8xf32>
    %th = tensor.splat %one[%B] : tensor<?x8xf32>
    %q = tensor.splat %zero[%B] : tensor<?x8xf32>
    %d = arith.mulf %v, %k : tensor<?x8xf32>
    %h = arith.addf %d, %xt : tensor<?x8xf32>
    %u = arith.subf %h, %th : tensor<?x8xf32>
    %s = spiking.fire %u {surrogate = #spiking.atan} : tensor<?x8xf32> -> tensor<?x8xi1>
    %v1 = arith.select %s, %q, %h : tensor<?x8xi1>, tensor<?x8xf32>
    spiking.yield %s, %v : tensor<?x8xi1>, tensor<?x8xf32> next(%v1 : tensor<?x8xf32>)
  }
  return %o, %vs, %f : tensor<?x?x8xi1>, tensor<?x?x8xf32>, tensor<?x8xf32>
}

// Two layers of one-to-one connections with feedback from the second to the first: one scan. A parameter that is the same
// at every step stays a parameter.
// CHECK-LABEL: @feedback
// CHECK: %[[R:.*]]:4 = spiking.scan forward ins(%[[X:.*]] = %{{.*}} : tensor<?x2x8xf32>) params(%[[K:.*]] = %{{.*}} : tensor<8xf32>) outs({{.*}}) states(%[[V:.*]] = %{{.*}} : tensor<2x8xf32>, %[[U:.*]] = %{{.*}} : tensor<2x8xf32>, %[[S:.*]] = %{{.*}} : tensor<2x8xi1>) {
// CHECK: %[[N:.*]] = arith.uitofp %[[S]] : i1 to f32
// CHECK: arith.addf %[[X]], %[[N]]
// CHECK: arith.mulf %[[K]], %[[V]]
// CHECK: %[[S1:.*]] = spiking.fire
// CHECK: %[[S2:.*]] = spiking.fire
// CHECK: spiking.yield %[[S1]] : i1 next(%{{.*}}, %{{.*}}, %[[S2]] : f32, f32, i1)
// CHECK: return %[[R]]#0, %[[R]]#2
func.func @feedback(%x: tensor<?x2x8xf32>, %k: tensor<8xf32>, %v0: tensor<2x8xf32>, %u0: tensor<2x8xf32>, %s0: tensor<2x8xi1>) -> (tensor<?x2x8xi1>, tensor<2x8xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x2x8xf32>
  %o, %f:3 = spiking.time_loop %t = 0 to %T over(%xt = %x : tensor<?x2x8xf32>) state(%v = %v0 : tensor<2x8xf32>, %u = %u0 : tensor<2x8xf32>, %sp = %s0 : tensor<2x8xi1>) -> (tensor<?x2x8xi1>) {
    %g = spiking.add %xt, %sp : (tensor<2x8xf32>, tensor<2x8xi1>) -> tensor<2x8xf32>
    %s1, %v1 = spiking.lif %g, %v decay(%k) : (tensor<2x8xf32>, tensor<2x8xf32>, tensor<8xf32>) -> (tensor<2x8xi1>, tensor<2x8xf32>)
    %n = arith.uitofp %s1 : tensor<2x8xi1> to tensor<2x8xf32>
    %s2, %u1 = spiking.if %n, %u : (tensor<2x8xf32>, tensor<2x8xf32>) -> (tensor<2x8xi1>, tensor<2x8xf32>)
    spiking.yield %s1 : tensor<2x8xi1> next(%v1, %u1, %s2 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xi1>)
  }
  return %o, %f#1 : tensor<?x2x8xi1>, tensor<2x8xf32>
}

// The index of the step moves into encoders and dropout, running statistics into the batch norm. T is static where a
// sequence says so.
// CHECK-LABEL: @layers
// CHECK-SAME: (%[[X:.*]]: tensor<2x16xf32>, %{{.*}}: tensor<16x8xf32>, %{{.*}}: tensor<8xf32>, %{{.*}}: tensor<8xf32>, %[[MEAN:.*]]: tensor<8xf32>, %[[VAR:.*]]: tensor<8xf32>
// CHECK: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[S:.*]] = spiking.poisson %[[X]] seed(%{{.*}}) times(%[[C4]]) {id = 0 : i64} : tensor<2x16xf32>, tensor<i64> -> tensor<4x2x16xi1>
// CHECK: %[[I:.*]] = spiking.linear %[[S]]
// CHECK: %[[N:.*]], %[[MEAN1:.*]], %[[VAR1:.*]], %{{.*}}, %{{.*}} = spiking.batch_norm %[[I]] {{.*}} running(%[[MEAN]], %[[VAR]]) {sequence = true} : {{.*}} -> (tensor<4x2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4x8xf32>)
// CHECK: %[[D:.*]] = spiking.dropout %[[N]] seed(%{{.*}}) {id = 1 : i64, p = 5.000000e-01 : f64, sequence = true} : (tensor<4x2x8xf32>, tensor<i64>)
// CHECK: %[[O:.*]], %{{.*}} = spiking.lif %[[D]]
// CHECK: return %[[O]], %[[MEAN1]], %[[VAR1]]
func.func @layers(%x: tensor<2x16xf32>, %w: tensor<16x8xf32>, %gamma: tensor<8xf32>, %beta: tensor<8xf32>, %mean0: tensor<8xf32>, %var0: tensor<8xf32>, %seed: tensor<i64>, %v0: tensor<2x8xf32>, %T: index) -> (tensor<4x2x8xi1>, tensor<8xf32>, tensor<8xf32>) {
  %o, %f:3 = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<2x8xf32>, %mean = %mean0 : tensor<8xf32>, %var = %var0 : tensor<8xf32>) -> (tensor<4x2x8xi1>) {
    %s = spiking.poisson %x seed(%seed) step(%t) {id = 0} : tensor<2x16xf32>, tensor<i64> -> tensor<2x16xi1>
    %i = spiking.linear %s, %w : (tensor<2x16xi1>, tensor<16x8xf32>) -> tensor<2x8xf32>
    %n, %m1, %r1, %sm, %sr = spiking.batch_norm %i scale(%gamma) shift(%beta) running(%mean, %var) : (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
    %d = spiking.dropout %n seed(%seed) step(%t) {p = 0.5, id = 1} : (tensor<2x8xf32>, tensor<i64>, index) -> tensor<2x8xf32>
    %sp, %v1 = spiking.lif %d, %v {decay = 0.5} : (tensor<2x8xf32>, tensor<2x8xf32>) -> (tensor<2x8xi1>, tensor<2x8xf32>)
    spiking.yield %sp : tensor<2x8xi1> next(%v1, %m1, %r1 : tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>)
  }
  return %o, %f#1, %f#2 : tensor<4x2x8xi1>, tensor<8xf32>, tensor<8xf32>
}

// Direct encoding: the first layer is computed once, and so is what does not depend on the input.
// CHECK-LABEL: @direct
// CHECK-SAME: (%[[X:.*]]: tensor<2x16xf32>
// CHECK: %[[W:.*]] = spiking.transpose
// CHECK: %[[I:.*]] = spiking.linear %[[X]], %[[W]] : (tensor<2x16xf32>
// CHECK: %[[IS:.*]] = spiking.repeat %[[I]]
// CHECK: spiking.lif %[[IS]]
// REMARK: remark: [Passed] hoisted | {{.*}} Function=direct | Remark="spiking.transpose is the same at every step"
// REMARK: remark: [Passed] hoisted | {{.*}} Function=direct | Remark="spiking.linear is the same at every step"
func.func @direct(%x: tensor<2x16xf32>, %w: tensor<8x16xf32>, %v0: tensor<2x8xf32>, %T: index) -> tensor<?x2x8xi1> {
  %xs = spiking.repeat %x times(%T) : (tensor<2x16xf32>) -> tensor<?x2x16xf32>
  %o, %f = spiking.time_loop %t = 0 to %T over(%xt = %xs : tensor<?x2x16xf32>) state(%v = %v0 : tensor<2x8xf32>) -> (tensor<?x2x8xi1>) {
    %wt = spiking.transpose %w {permutation = array<i64: 1, 0>} : (tensor<8x16xf32>) -> tensor<16x8xf32>
    %i = spiking.linear %xt, %wt : (tensor<2x16xf32>, tensor<16x8xf32>) -> tensor<2x8xf32>
    %sp, %v1 = spiking.lif %i, %v {decay = 0.5} : (tensor<2x8xf32>, tensor<2x8xf32>) -> (tensor<2x8xi1>, tensor<2x8xf32>)
    spiking.yield %sp : tensor<2x8xi1> next(%v1 : tensor<2x8xf32>)
  }
  return %o : tensor<?x2x8xi1>
}

// A neuron whose membrane is read at every step is a scan; a value of the step before is a scan that delays; a neuron that
// starts anew at every step has no state.
// CHECK-LABEL: @membrane_delay_and_restart
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x8xf32>, %[[W:.*]]: tensor<8x8xf32>, %[[V0:.*]]: tensor<?x8xf32>, %[[P0:.*]]: tensor<?x8xf32>)
// CHECK: %[[N:.*]]:2 = spiking.scan forward {{.*}} states(%{{.*}} = %[[V0]]
// CHECK: spiking.yield %[[V:.*]] : f32 next(%[[V]] : f32)
// CHECK: %[[D:.*]]:2 = spiking.scan forward ins(%[[XT:.*]] = %[[X]] : {{.*}}) outs({{.*}}) states(%[[P:.*]] = %[[P0]] : tensor<?x8xf32>) {
// CHECK-NEXT: spiking.yield %[[P]] : f32 next(%[[XT]] : f32)
// CHECK: %[[L:.*]] = spiking.linear %[[D]]#0, %[[W]]
// CHECK: %[[O:.*]] = spiking.scan forward ins(%{{.*}} = %[[L]] : tensor<?x?x8xf32>) outs(%{{.*}} : tensor<?x?x8xi1>) {
// CHECK: return %[[O]], %[[N]]#0, %[[D]]#0, %[[D]]#1
func.func @membrane_delay_and_restart(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>, %v0: tensor<?x8xf32>, %p0: tensor<?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x8xf32>
  %o, %m, %d, %f:2 = spiking.time_loop %t = 0 to %T over(%xt = %x : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>, %p = %p0 : tensor<?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
    %l = spiking.linear %p, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %s0, %u0 = spiking.lif %l {decay = 0.5} : (tensor<?x8xf32>) -> (tensor<?x8xi1>, tensor<?x8xf32>)
    %s, %v1 = spiking.lif %xt, %v {decay = 0.5} : (tensor<?x8xf32>, tensor<?x8xf32>) -> (tensor<?x8xi1>, tensor<?x8xf32>)
    spiking.yield %s0, %v1, %p : tensor<?x8xi1>, tensor<?x8xf32>, tensor<?x8xf32> next(%v1, %xt : tensor<?x8xf32>, tensor<?x8xf32>)
  }
  return %o, %m, %d, %f#1 : tensor<?x?x8xi1>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x8xf32>
}

// Something has to say how many steps a scan has.
// CHECK-LABEL: @last_value
// CHECK-SAME: (%[[W:.*]]: tensor<2x8xf32>, %[[V0:.*]]: tensor<2x8xf32>, %[[T:.*]]: index)
// CHECK: %[[E:.*]] = tensor.empty(%[[T]]) : tensor<?x2x8xf32>
// CHECK: %[[F:.*]]:2 = spiking.scan forward params(%[[P:.*]] = %[[W]] : tensor<2x8xf32>) outs(%[[E]] : tensor<?x2x8xf32>) states({{.*}} = %[[V0]] : tensor<2x8xf32>) {
// CHECK-NEXT: spiking.yield %{{.*}} : f32 next(%[[P]] : f32)
// CHECK: return %[[F]]#1
func.func @last_value(%w: tensor<2x8xf32>, %v0: tensor<2x8xf32>, %T: index) -> tensor<2x8xf32> {
  %f = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<2x8xf32>) {
    spiking.yield next(%w : tensor<2x8xf32>)
  }
  return %f : tensor<2x8xf32>
}

// The adjoint of a recurrent network: the recurrence of the cotangents stays, gradients of parameters are one product over
// time and batch. An accumulator that starts at zero needs no addition.
// CHECK-LABEL: @adjoint
// CHECK-SAME: (%[[G:.*]]: tensor<?x2x4xf32>, %[[S:.*]]: tensor<?x2x8xi1>, %[[X:.*]]: tensor<?x2x16xf32>, %[[K:.*]]: tensor<?x2x8xf32>, %{{.*}}: tensor<4x8xf32>, %[[RT:.*]]: tensor<8x8xf32>, %[[DR0:.*]]: tensor<8x8xf32>)
// CHECK: %[[A:.*]] = spiking.linear %[[G]]
// CHECK: %[[O:.*]], %{{.*}} = spiking.time_loop reverse %{{.*}} = 0 to %{{.*}} over(%{{.*}} = %[[A]] : tensor<?x2x8xf32>, %{{.*}} = %[[K]] : tensor<?x2x8xf32>) state({{.*}}) -> (tensor<?x2x8xf32>) {
// CHECK-NOT: weight_gradient
// CHECK: spiking.yield
// CHECK-DAG: %[[DW1:.*]] = spiking.linear_weight_gradient %[[X]], %[[O]]
// CHECK-DAG: %[[DR:.*]] = spiking.linear_weight_gradient %[[S]], %[[O]]
// CHECK-DAG: %[[DR1:.*]] = arith.addf %[[DR0]], %[[DR]]
// CHECK-DAG: %[[DW2:.*]] = spiking.linear_weight_gradient %[[S]], %[[G]]
// CHECK-DAG: %[[DB:.*]] = spiking.reduce_sum %[[O]] {dims = array<i64: 0, 1>}
// CHECK: return %[[DW1]], %[[DR1]], %[[DW2]], %[[DB]]
// REMARK: remark: [Passed] sum-over-time | {{.*}} Function=adjoint | Remark="spiking.linear_weight_gradient on whole sequences"
func.func @adjoint(%g: tensor<?x2x4xf32>, %s: tensor<?x2x8xi1>, %x: tensor<?x2x16xf32>, %k: tensor<?x2x8xf32>, %w2t: tensor<4x8xf32>, %rt: tensor<8x8xf32>, %dr0: tensor<8x8xf32>) -> (tensor<16x8xf32>, tensor<8x8xf32>, tensor<8x4xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x2x16xf32>
  %z = arith.constant dense<0.0> : tensor<2x8xf32>
  %z1 = arith.constant dense<0.0> : tensor<16x8xf32>
  %z2 = arith.constant dense<0.0> : tensor<8x4xf32>
  %z3 = arith.constant dense<0.0> : tensor<8xf32>
  %f:6 = spiking.time_loop reverse %t = 0 to %T over(%gt = %g : tensor<?x2x4xf32>, %st = %s : tensor<?x2x8xi1>, %xt = %x : tensor<?x2x16xf32>, %kt = %k : tensor<?x2x8xf32>) state(%gv = %z : tensor<2x8xf32>, %gs = %z : tensor<2x8xf32>, %dw1 = %z1 : tensor<16x8xf32>, %dr = %dr0 : tensor<8x8xf32>, %dw2 = %z2 : tensor<8x4xf32>, %db = %z3 : tensor<8xf32>) {
    %a = spiking.linear %gt, %w2t : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
    %dw2_ = spiking.linear_weight_gradient %st, %gt : (tensor<2x8xi1>, tensor<2x4xf32>) -> tensor<8x4xf32>
    %b = arith.addf %a, %gs : tensor<2x8xf32>
    %c = arith.mulf %b, %kt : tensor<2x8xf32>
    %gv1 = arith.addf %c, %gv : tensor<2x8xf32>
    %gs1 = spiking.linear %gv1, %rt : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
    %dw1_ = spiking.linear_weight_gradient %xt, %gv1 : (tensor<2x16xf32>, tensor<2x8xf32>) -> tensor<16x8xf32>
    %dr_ = spiking.linear_weight_gradient %st, %gv1 : (tensor<2x8xi1>, tensor<2x8xf32>) -> tensor<8x8xf32>
    %db_ = spiking.reduce_sum %gv1 {dims = array<i64: 0>} : (tensor<2x8xf32>) -> tensor<8xf32>
    %s1 = arith.addf %dw1, %dw1_ : tensor<16x8xf32>
    %s2 = arith.addf %dr, %dr_ : tensor<8x8xf32>
    %s3 = arith.addf %dw2, %dw2_ : tensor<8x4xf32>
    %s4 = arith.addf %db, %db_ : tensor<8xf32>
    spiking.yield next(%gv1, %gs1, %s1, %s2, %s3, %s4 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<16x8xf32>, tensor<8x8xf32>, tensor<8x4xf32>, tensor<8xf32>)
  }
  return %f#2, %f#3, %f#4, %f#5 : tensor<16x8xf32>, tensor<8x8xf32>, tensor<8x4xf32>, tensor<8xf32>
}

// The adjoint of a neuron with a learnable threshold: a reverse scan; its accumulator stays one. The two gradients of a
// weight that is used twice are two products.
// CHECK-LABEL: @accumulators
// CHECK: spiking.scan reverse ins(%[[G:.*]] = %{{.*}} : tensor<?x2x8xf32>) {{.*}} states(%[[V:.*]] = %{{.*}} : tensor<2x8xf32>) accumulators(%{{.*}} : tensor<f32>) {
// CHECK: %[[N:.*]] = arith.addf %[[G]], %[[V]]
// CHECK: spiking.yield %[[N]] : f32 next(%[[N]] : f32) accumulate(%[[N]] : f32)
// CHECK: %[[A:.*]] = spiking.linear_weight_gradient
// CHECK: %[[B:.*]] = spiking.linear_weight_gradient
// CHECK: arith.addf %[[A]], %[[B]]
func.func @accumulators(%g: tensor<?x2x8xf32>, %x: tensor<?x2x4xf32>, %dth0: tensor<f32>) -> (tensor<f32>, tensor<4x8xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x2x4xf32>
  %z = arith.constant dense<0.0> : tensor<2x8xf32>
  %zw = arith.constant dense<0.0> : tensor<4x8xf32>
  %f:3 = spiking.time_loop reverse %t = 0 to %T over(%gt = %g : tensor<?x2x8xf32>, %xt = %x : tensor<?x2x4xf32>) state(%gv = %z : tensor<2x8xf32>, %dth = %dth0 : tensor<f32>, %dw = %zw : tensor<4x8xf32>) {
    %r:2 = spiking.scan step ins(%a = %gt : tensor<2x8xf32>) states(%b = %gv : tensor<2x8xf32>) accumulators(%dth : tensor<f32>) {
      %n = arith.addf %a, %b : f32
      spiking.yield next(%n : f32) accumulate(%n : f32)
    }
    %dw1 = spiking.linear_weight_gradient %xt, %r#0 : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
    %dw2 = spiking.linear_weight_gradient %xt, %gt : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
    %sum = arith.addf %dw1, %dw2 : tensor<4x8xf32>
    %dwn = arith.addf %dw, %sum : tensor<4x8xf32>
    spiking.yield next(%r#0, %r#1, %dwn : tensor<2x8xf32>, tensor<f32>, tensor<4x8xf32>)
  }
  return %f#1, %f#2 : tensor<f32>, tensor<4x8xf32>
}

// In a forward loop a sum over time keeps its order: it may be a state that somebody compares.
// CHECK-LABEL: @count
// CHECK: %[[P:.*]] = spiking.reduce_sum %{{.*}} {dims = array<i64: 1>} : (tensor<?x2x8xf32>) -> tensor<?x8xf32>
// CHECK: spiking.scan forward ins(%[[X:.*]] = %[[P]] : tensor<?x8xf32>) states(%[[A:.*]] = %{{.*}} : tensor<8xf32>) {
// CHECK-NEXT: %[[N:.*]] = arith.addf %[[A]], %[[X]] : f32
// CHECK-NEXT: spiking.yield next(%[[N]] : f32)
func.func @count(%x: tensor<?x2x8xf32>, %a0: tensor<8xf32>) -> tensor<8xf32> {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x2x8xf32>
  %f = spiking.time_loop %t = 0 to %T over(%xt = %x : tensor<?x2x8xf32>) state(%a = %a0 : tensor<8xf32>) {
    %s = spiking.reduce_sum %xt {dims = array<i64: 0>} : (tensor<2x8xf32>) -> tensor<8xf32>
    %n = arith.addf %a, %s : tensor<8xf32>
    spiking.yield next(%n : tensor<8xf32>)
  }
  return %f : tensor<8xf32>
}

// What uses the index of the step, and a loop in the loop, stay; the index is computed again where it is needed.
// CHECK-LABEL: @index
// CHECK: %[[N:.*]] = arith.negf %[[X:.*]] : tensor<4x2x8xf32>
// CHECK: spiking.time_loop %[[T:.*]] = 0 to %{{.*}} over(%{{.*}} = %[[X]] : tensor<4x2x8xf32>, %{{.*}} = %[[N]] : tensor<4x2x8xf32>) -> (tensor<4x2x8xf32>) {
// CHECK-NEXT: %[[C:.*]] = arith.cmpi slt, %[[T]]
// CHECK-NEXT: arith.select %[[C]]
// CHECK: spiking.time_loop %{{.*}} = 0 to %{{.*}} over(
// CHECK-NEXT: spiking.time_loop
// REMARK: remark: [Missed] no-sequence-form | {{.*}} Function=index | Remark="1 operations stay in a loop: arith.select uses the index of the step"
// REMARK: remark: [Missed] no-sequence-form | {{.*}} Function=index | Remark="1 operations stay in a loop: spiking.time_loop has a region"
func.func @index(%x: tensor<4x2x8xf32>, %v0: tensor<2x8xf32>) -> (tensor<4x2x8xf32>, tensor<4x2x8xf32>) {
  %c4 = arith.constant 4 : index
  %c2 = arith.constant 2 : index
  %o, %p, %f = spiking.time_loop %t = 0 to %c4 over(%xt = %x : tensor<4x2x8xf32>) state(%v = %v0 : tensor<2x8xf32>) -> (tensor<4x2x8xf32>, tensor<4x2x8xf32>) {
    %c = arith.cmpi slt, %t, %c2 : index
    %m = arith.negf %xt : tensor<2x8xf32>
    %y = arith.select %c, %xt, %m : tensor<2x8xf32>
    %g = spiking.time_loop %u = 0 to %c2 state(%h = %xt : tensor<2x8xf32>) {
      %h1 = arith.addf %h, %h : tensor<2x8xf32>
      spiking.yield next(%h1 : tensor<2x8xf32>)
    }
    spiking.yield %y, %g : tensor<2x8xf32>, tensor<2x8xf32> next(%v : tensor<2x8xf32>)
  }
  return %o, %p : tensor<4x2x8xf32>, tensor<4x2x8xf32>
}

// A result that is no tensor cannot leave a loop: nothing is moved.
// CHECK-LABEL: @effects
// CHECK: spiking.time_loop
// CHECK-NEXT: %[[B:.*]] = func.call @effect() : () -> i1
// CHECK-NEXT: %[[N:.*]] = arith.negf
// CHECK-NEXT: arith.select %[[B]], %{{.*}}, %[[N]]
// REMARK: remark: [Missed] no-sequence-form | {{.*}} Function=effects | Remark="func.call has a result that is no tensor: the loop stays"
func.func private @effect() -> i1
func.func @effects(%x: tensor<4x2x8xf32>) -> tensor<4x2x8xf32> {
  %c4 = arith.constant 4 : index
  %o = spiking.time_loop %t = 0 to %c4 over(%xt = %x : tensor<4x2x8xf32>) -> (tensor<4x2x8xf32>) {
    %b = func.call @effect() : () -> i1
    %n = arith.negf %xt : tensor<2x8xf32>
    %y = arith.select %b, %xt, %n : tensor<2x8xf32>
    spiking.yield %y : tensor<2x8xf32>
  }
  return %o : tensor<4x2x8xf32>
}

// -----

// In inference, running statistics that no state carries are the same at every step.
// CHECK-LABEL: func @inference_statistics
// CHECK-NOT: spiking.time_loop
// CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%[[M:.*]], %[[V:.*]]) {mode = #spiking.mode<inference>, sequence = true} : (tensor<4x2x8xf32>,
// CHECK-NOT: spiking.time_loop
func.func @inference_statistics(%x: tensor<4x2x8xf32>, %T: index, %p: tensor<8xf32>, %m: tensor<8xf32>, %v: tensor<8xf32>) -> tensor<4x2x8xf32> {
  %y = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<4x2x8xf32>) -> (tensor<4x2x8xf32>) {
    %n, %m1, %v1, %sm, %sr = spiking.batch_norm %x_t scale(%p) shift(%p) running(%m, %v) {mode = #spiking.mode<inference>}
      : (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<2x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
    spiking.yield %n : tensor<2x8xf32>
  }
  return %y : tensor<4x2x8xf32>
}
