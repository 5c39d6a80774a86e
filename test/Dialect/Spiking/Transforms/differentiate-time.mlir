// RUN: snn-opt %s --split-input-file --spiking-differentiate=function=f --canonicalize --cse | FileCheck %s
// RUN: snn-opt %s --split-input-file --spiking-differentiate="function=f truncate=3" --canonicalize --cse | FileCheck %s --check-prefix=TRUNC

// A neuron: the states before each step are replayed; the reverse scan runs
// through the step again and backwards through it. Its states are the
// cotangents of states, its accumulators those of parameters.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[K:[^ ,:#)]+]]: tensor<4xf32>, %[[V0:[^ ,:#)]+]]: tensor<?x4xf32>, %[[GS:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[GV:[^ ,:#)]+]]: tensor<?x4xf32>)
// CHECK:         spiking.scan forward
// CHECK:         %[[REPLAY:[^ ,:#)]+]]:2 = spiking.scan forward ins(%{{[^ ,]+}} = %[[X]] : {{.*}}) params(%{{[^ ,]+}} = %[[K]] : {{.*}}) outs(%{{.*}}) states(%[[V:[^ ,:#)]+]] = %[[V0]] : {{.*}})
// CHECK:           spiking.yield %[[V]] : f32 next(
// CHECK:         %[[R:[^ ,:#)]+]]:3 = spiking.scan reverse ins(%[[I:[^ ,:#)]+]] = %[[X]] : {{.*}}, %[[V:[^ ,:#)]+]] = %[[REPLAY]]#0 : {{.*}}, %[[G:[^ ,:#)]+]] = %[[GS]] : tensor<?x?x4xf32>)
// CHECK-SAME:      params(%[[KK:[^ ,:#)]+]] = %[[K]] : {{.*}}) outs(%{{.*}} : tensor<?x?x4xf32>) states(%[[GN:[^ ,:#)]+]] = %[[GV]] : {{.*}}) accumulators(%{{.*}} : tensor<4xf32>)
// CHECK:           %[[D:[^ ,:#)]+]] = arith.mulf %[[V]], %[[KK]]
// CHECK:           %[[H:[^ ,:#)]+]] = arith.addf %[[D]], %[[I]]
// CHECK:           %[[S:[^ ,:#)]+]] = spiking.fire
// CHECK:           %[[GH0:[^ ,:#)]+]] = arith.select %[[S]], %{{[^ ,]+}}, %[[GN]]
// The reset lets the gradient through to the spike: (0 - h) * g.
// CHECK:           %[[NEG:[^ ,:#)]+]] = arith.subf %{{[^ ,]+}}, %[[H]]
// CHECK:           %[[GR:[^ ,:#)]+]] = arith.mulf %[[NEG]], %[[GN]]
// CHECK:           %[[GF:[^ ,:#)]+]] = arith.addf %[[G]], %[[GR]]
// CHECK:           %[[GU:[^ ,:#)]+]] = arith.mulf %[[GF]], %{{.*}}
// CHECK:           %[[GH:[^ ,:#)]+]] = arith.addf %[[GH0]], %[[GU]]
// CHECK:           %[[NEXT:[^ ,:#)]+]] = arith.mulf %[[GH]], %[[KK]]
// CHECK:           %[[GK:[^ ,:#)]+]] = arith.mulf %[[GH]], %[[V]]
// CHECK:           spiking.yield %[[GH]] : f32 next(%[[NEXT]] : f32) accumulate(%[[GK]] : f32)
// CHECK:         return %{{[^ ,]+}}, %{{[^ ,]+}}, %[[R]]#0, %[[R]]#2, %[[R]]#1

// TRUNC-LABEL: func @f_gradient
// TRUNC-DAG:     %[[C0:[^ ,:#)]+]] = arith.constant 0 : index
// TRUNC-DAG:     %[[C3:[^ ,:#)]+]] = arith.constant 3 : index
// TRUNC:         spiking.scan reverse
// TRUNC:           %[[T:[^ ,:#)]+]] = spiking.time_step
// TRUNC:           %[[PHASE:[^ ,:#)]+]] = arith.remui %[[T]], %[[C3]]
// TRUNC:           %[[BORDER:[^ ,:#)]+]] = arith.cmpi eq, %[[PHASE]], %[[C0]]
// TRUNC:           %[[LATER:[^ ,:#)]+]] = arith.cmpi ne, %[[T]], %[[C0]]
// TRUNC:           %[[CUT:[^ ,:#)]+]] = arith.andi %[[BORDER]], %[[LATER]]
// TRUNC:           %[[CUTNEXT:[^ ,:#)]+]] = arith.select %[[CUT]], %{{.*}}, %{{.*}} : f32
// TRUNC:           spiking.yield %{{.*}} next(%[[CUTNEXT]] : f32)
func.func @f(%x: tensor<?x?x4xf32>, %k: tensor<4xf32>, %v0: tensor<?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x4xf32>
  %B = tensor.dim %x, %c1 : tensor<?x?x4xf32>
  %e = tensor.empty(%T, %B) : tensor<?x?x4xi1>
  %s, %vT = spiking.scan forward ins(%i = %x : tensor<?x?x4xf32>) params(%kk = %k : tensor<4xf32>) outs(%e : tensor<?x?x4xi1>)
      states(%v = %v0 : tensor<?x4xf32>) {
    %one = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %d = arith.mulf %v, %kk : f32
    %h = arith.addf %d, %i : f32
    %u = arith.subf %h, %one : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %v1 = arith.select %f, %zero, %h : f32
    spiking.yield %f : i1 next(%v1 : f32)
  }
  return %s, %vT : tensor<?x?x4xi1>, tensor<?x4xf32>
}

// -----

// What the reverse scan does not read is not replayed; detached values and
// comparisons pass nothing.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[GY:[^ ,:#)]+]]: tensor<?x4xf32>, %[[GV:[^ ,:#)]+]]: tensor<4xf32>)
// CHECK:         spiking.scan forward
// CHECK-NOT:     spiking.scan forward
// CHECK:         spiking.scan reverse ins(%[[G:[^ ,:#)]+]] = %[[GY]] : tensor<?x4xf32>) outs(%{{.*}}) states(%[[GN:[^ ,:#)]+]] = %[[GV]] : tensor<4xf32>)
// CHECK-NEXT:      %[[GH:[^ ,:#)]+]] = arith.addf %[[GN]], %[[G]]
// CHECK-NEXT:      %[[GV1:[^ ,:#)]+]] = arith.mulf %[[GH]], %{{.*}}
// CHECK-NEXT:      spiking.yield %[[GH]] : f32 next(%[[GV1]] : f32)
func.func @f(%x: tensor<?x4xf32>, %v0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x4xf32>
  %e = tensor.empty(%T) : tensor<?x4xf32>
  %s, %vT = spiking.scan forward ins(%i = %x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) states(%v = %v0 : tensor<4xf32>) {
    %half = arith.constant 0.5 : f32
    %d = arith.mulf %v, %half : f32
    %h = arith.addf %d, %i : f32
    %c = arith.cmpf ogt, %h, %half : f32
    %n = arith.uitofp %c : i1 to f32
    %h1 = arith.addf %h, %n : f32
    %det = spiking.detach %h1 : f32
    %h2 = arith.addf %h1, %det : f32
    spiking.yield %h2 : f32 next(%h2 : f32)
  }
  return %s, %vT : tensor<?x4xf32>, tensor<4xf32>
}

// -----

// One step: no time, no replay. The input is broadcast over the batch: its
// cotangent is summed.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<4xf32>, %[[V0:[^ ,:#)]+]]: tensor<?x4xf32>, %[[G:[^ ,:#)]+]]: tensor<?x4xf32>)
// CHECK:         spiking.scan step
// CHECK:         %[[R:[^ ,:#)]+]]:2 = spiking.scan step ins(%{{[^ ,]+}} = %[[X]] : tensor<4xf32>, %{{[^ ,]+}} = %[[V0]] : tensor<?x4xf32>) outs(%{{.*}} : tensor<?x4xf32>) states(%{{[^ ,]+}} = %[[G]] : tensor<?x4xf32>)
// CHECK:         %[[DX:[^ ,:#)]+]] = spiking.reduce_sum %[[R]]#0 {dims = array<i64: 0>} : (tensor<?x4xf32>) -> tensor<4xf32>
// CHECK:         return %{{[^ ,]+}}, %[[DX]], %[[R]]#1
func.func @f(%x: tensor<4xf32>, %v0: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %v1 = spiking.scan step ins(%i = %x : tensor<4xf32>) states(%v = %v0 : tensor<?x4xf32>) {
    %n = arith.mulf %v, %i : f32
    spiking.yield next(%n : f32)
  }
  return %v1 : tensor<?x4xf32>
}

// -----

// Without states, contributions to a parameter leave as outputs and are summed.
// A scan in reverse has an adjoint that runs forward; one with accumulators
// reads their cotangents as parameters.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<5x3x4xi1>, %[[P:[^ ,:#)]+]]: tensor<4xf32>, %[[A:[^ ,:#)]+]]: tensor<3x1xf32>, %[[GY:[^ ,:#)]+]]: tensor<5x3x4xf32>, %[[GA:[^ ,:#)]+]]: tensor<3x1xf32>)
// CHECK:         spiking.scan reverse
// CHECK:         %[[R:[^ ,:#)]+]] = spiking.scan forward ins({{.*}} = %[[X]] : {{.*}}, {{.*}} = %[[GY]] : {{.*}}) params({{.*}} = %[[P]] : {{.*}}, {{.*}} = %[[GA]] : {{.*}}) outs({{.*}} : tensor<5x3x4xf32>)
// CHECK:         %[[DP:[^ ,:#)]+]] = spiking.reduce_sum %[[R]] {dims = array<i64: 0, 1>}
// CHECK:         return %{{[^ ,]+}}, %{{[^ ,]+}}, %[[DP]], %[[GA]]
func.func @f(%x: tensor<5x3x4xi1>, %p: tensor<4xf32>, %a: tensor<3x1xf32>) -> (tensor<5x3x4xf32>, tensor<3x1xf32>) {
  %e = tensor.empty() : tensor<5x3x4xf32>
  %y, %aT = spiking.scan reverse ins(%s = %x : tensor<5x3x4xi1>) params(%q = %p : tensor<4xf32>) outs(%e : tensor<5x3x4xf32>)
      accumulators(%a : tensor<3x1xf32>) {
    %zero = arith.constant 0.0 : f32
    %v = arith.select %s, %q, %zero : f32
    %w = arith.mulf %q, %q : f32
    spiking.yield %v : f32 accumulate(%w : f32)
  }
  return %y, %aT : tensor<5x3x4xf32>, tensor<3x1xf32>
}

// -----

// Loops are unrolled. Of a conditional only the branch that was taken
// contributes; where the condition is a spike, it becomes a selection, through
// which the spike has a gradient.

// CHECK-LABEL: func @f_gradient
// CHECK:         spiking.scan reverse
// CHECK-NOT:       scf.for
// CHECK:           %[[IF:[^ ,:#)]+]] = scf.if %{{.*}} -> (f32) {
// CHECK:             %[[ROOT:[^ ,:#)]+]] = math.sqrt
// CHECK:             arith.divf %{{[^ ,]+}}, %[[ROOT]]
// CHECK-NOT:       scf.if
// CHECK:         return
func.func @f(%x: tensor<?x4xf32>, %v0: tensor<4xf32>) -> tensor<4xf32> {
  %vT = spiking.scan forward ins(%i = %x : tensor<?x4xf32>) states(%v = %v0 : tensor<4xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %zero = arith.constant 0.0 : f32
    %p = arith.cmpf ogt, %i, %zero : f32
    %r = scf.if %p -> (f32) {
      %root = math.sqrt %i : f32
      scf.yield %root : f32
    } else {
      scf.yield %zero : f32
    }
    %w = scf.for %k = %c0 to %c3 step %c1 iter_args(%a = %v) -> (f32) {
      %b = arith.mulf %a, %r : f32
      scf.yield %b : f32
    }
    %s = spiking.fire %w {surrogate = #spiking.atan} : f32 -> i1
    %n = scf.if %s -> (f32) {
      %m = arith.mulf %w, %r : f32
      scf.yield %m : f32
    } else {
      scf.yield %w : f32
    }
    spiking.yield next(%n : f32)
  }
  return %vT : tensor<4xf32>
}

// -----

// A ternary spike has the derivative at both thresholds.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[U:[^ ,:#)]+]]: tensor<4xf32>, %[[G:[^ ,:#)]+]]: tensor<4xf32>)
// CHECK:         %[[SHIFTED:[^ ,:#)]+]] = arith.addf %[[U]], %{{.*}}
// CHECK:         arith.negf %[[SHIFTED]]
// CHECK:         %[[BOTH:[^ ,:#)]+]] = arith.addf
// CHECK:         arith.mulf %[[G]], %[[BOTH]]
func.func @f(%u: tensor<4xf32>) -> tensor<4xi8> {
  %s = spiking.fire %u {surrogate = #spiking.rectangle, kind = #spiking.fire_kind<ternary>, threshold = 0.5} : tensor<4xf32> -> tensor<4xi8>
  return %s : tensor<4xi8>
}

// -----

// A time loop: the forward loop also gives its states before each step and the
// results of products; the loop in reverse reads them. The cotangent of a value
// from outside is summed in a state.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<?x?x8xf32>, %[[W:[^ ,:#)]+]]: tensor<8x4xf32>, %[[R:[^ ,:#)]+]]: tensor<4x4xf32>, %[[V0:[^ ,:#)]+]]: tensor<?x4xf32>, %[[S0:[^ ,:#)]+]]: tensor<?x4xi1>, %[[T:[^ ,:#)]+]]: index, %[[GS:[^ ,:#)]+]]: tensor<?x?x4xf32>)
// CHECK:         %[[FWD:[^ ,:#)]+]]:5, %{{.*}}:2 = spiking.time_loop %{{[^ ,]+}} = 0 to %[[T]]
// CHECK:           %[[A:[^ ,:#)]+]] = spiking.linear
// CHECK:           %[[C:[^ ,:#)]+]] = spiking.linear
// CHECK:         %[[GX:[^ ,:#)]+]], %[[BWD:[^ ,:#)]+]]:4 = spiking.time_loop reverse %{{[^ ,]+}} = 0 to %[[T]] over({{.*}} = %[[X]] : {{.*}}, %[[SP:[^ ,:#)]+]] = %[[FWD]]#2 : tensor<?x?x4xi1>
// CHECK-SAME:      %{{[^ ,]+}} = %[[GS]] : tensor<?x?x4xf32>) state(%{{.*}}: tensor<?x4xf32>, %{{.*}}: tensor<?x4xf32>, %[[DW:[^ ,:#)]+]] = %{{.*}} : tensor<8x4xf32>, %[[DR:[^ ,:#)]+]] = %{{.*}} : tensor<4x4xf32>) -> (tensor<?x?x8xf32>) {
// The products are not computed again.
// CHECK-NOT:       spiking.linear %{{[^ ,]+}}, %[[R]]
// CHECK:           %[[CR:[^ ,:#)]+]] = spiking.linear_weight_gradient %[[SP]], %[[GI:[^ ]+]] :
// CHECK:           %[[CW:[^ ,:#)]+]] = spiking.linear_weight_gradient %{{[^ ,]+}}, %[[GI]]
// CHECK:           arith.addf %[[DW]], %[[CW]]
// CHECK:           arith.addf %[[DR]], %[[CR]]
// CHECK:         return %[[FWD]]#0, %[[GX]], %[[BWD]]#2, %[[BWD]]#3, %[[BWD]]#0

// TRUNC-LABEL: func @f_gradient
// TRUNC:         spiking.time_loop reverse %[[T:[^ ,:#)]+]] = 0
// TRUNC:           %[[PHASE:[^ ,:#)]+]] = arith.remui %[[T]], %{{.*}}
// TRUNC:           %[[CUT:[^ ,:#)]+]] = arith.andi
// TRUNC-COUNT-2:   arith.select %[[CUT]], %{{[^ ,]+}}, %{{.*}} : tensor<?x4xf32>
// TRUNC:           spiking.yield
func.func @f(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>, %r: tensor<4x4xf32>, %v0: tensor<?x4xf32>, %s0: tensor<?x4xi1>, %T: index) -> tensor<?x?x4xi1> {
  %s, %vT, %sT = spiking.time_loop %t = 0 to %T over(%xt = %x : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x4xf32>, %sp = %s0 : tensor<?x4xi1>) -> (tensor<?x?x4xi1>) {
    %a = spiking.linear %xt, %w : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
    %c = spiking.linear %sp, %r : (tensor<?x4xi1>, tensor<4x4xf32>) -> tensor<?x4xf32>
    %i = arith.addf %a, %c : tensor<?x4xf32>
    %f, %v1 = spiking.scan step ins(%is = %i : tensor<?x4xf32>) outs(%sp : tensor<?x4xi1>) states(%vs = %v : tensor<?x4xf32>) {
      %h = arith.addf %is, %vs : f32
      %fs = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
      %g = arith.uitofp %fs : i1 to f32
      %n = arith.subf %h, %g : f32
      spiking.yield %fs : i1 next(%n : f32)
    }
    spiking.yield %f : tensor<?x4xi1> next(%v1, %f : tensor<?x4xf32>, tensor<?x4xi1>)
  }
  return %s : tensor<?x?x4xi1>
}
