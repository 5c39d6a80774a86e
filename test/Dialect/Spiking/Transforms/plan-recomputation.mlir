// RUN: snn-opt %s --split-input-file --spiking-differentiate=function=f --canonicalize --cse --spiking-plan-recomputation | FileCheck %s
// RUN: snn-opt %s --split-input-file --spiking-differentiate=function=f --canonicalize --cse --spiking-plan-recomputation=strategy=store | FileCheck %s --check-prefix=STORE
// RUN: snn-opt %s --split-input-file --spiking-differentiate=function=f --canonicalize --cse --spiking-plan-recomputation --remarks-filter=spiking-plan-recomputation --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not snn-opt %s --split-input-file --spiking-plan-recomputation=strategy=both 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: expected the strategy auto, store or recompute, got both

// The membrane is computed again: the current is read anyway.

// CHECK-LABEL: func.func @f_gradient(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x4xf32>, %[[V0:[^ ,:#)]+]]: tensor<4xf32>, %[[E:[^ ,:#)]+]]: tensor<?x4xi1>, %[[G:[^ ,:#)]+]]: tensor<?x4xf32>
// CHECK:         spiking.scan forward
// CHECK-NOT:     spiking.scan forward
// CHECK:         spiking.scan reverse ins(%[[I:[^ ,:#)]+]] = %[[X]] : {{.*}}, %[[GS:[^ ,:#)]+]] = %[[G]] : {{.*}}) {{.*}} replay(%[[V:[^ ,:#)]+]] = %[[V0]] : tensor<4xf32>)
// CHECK-NEXT:      arith.addf %[[V]], %[[I]]
// CHECK:         } replaying {
// CHECK-NEXT:    ^bb0(%[[I:[^ ,:#)]+]]: f32, %{{[^ ,]+}}: f32, %[[V:[^ ,:#)]+]]: f32):
// CHECK-NEXT:      %[[H:[^ ,:#)]+]] = arith.addf %[[V]], %[[I]]
// CHECK:           spiking.yield next(

// REMARK: remark: [Passed] recomputed | {{.*}} Function=f_gradient | Remark="states are recomputed: 0 bytes a neuron and step instead of 8"

// STORE-LABEL: func.func @f_gradient(
// STORE:         %[[F:[^ ,:#)]+]]:3 = spiking.scan forward {{.*}} states(%[[V:[^ ,:#)]+]] = %{{[^ ,]+}} : tensor<4xf32>)
// STORE:           spiking.yield %{{[^ ,]+}}, %[[V]] : i1, f32 next
// STORE-NOT:     spiking.scan forward
// STORE:         spiking.scan reverse ins({{.*}} = %[[F]]#1 : tensor<?x4xf32>
// STORE-NOT:     replaying
func.func @f(%x: tensor<?x4xf32>, %v0: tensor<4xf32>, %e: tensor<?x4xi1>) -> (tensor<?x4xi1>, tensor<4xf32>) {
  %s, %v = spiking.scan forward ins(%i = %x : tensor<?x4xf32>) outs(%e : tensor<?x4xi1>) states(%u = %v0 : tensor<4xf32>) {
    %one = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %h = arith.addf %u, %i : f32
    %d = arith.subf %h, %one : f32
    %f = spiking.fire %d {surrogate = #spiking.sigmoid} : f32 -> i1
    %n = arith.select %f, %zero, %h : f32
    spiking.yield %f : i1 next(%n : f32)
  }
  return %s, %v : tensor<?x4xi1>, tensor<4xf32>
}

// -----

// Three wide inputs that the backward scan does not read cost more than one
// narrow state.

// CHECK-LABEL: func.func @f_gradient(
// CHECK:         %[[F:[^ ,:#)]+]]:2 = spiking.scan forward {{.*}} states(%[[V:[^ ,:#)]+]] = {{.*}}) {
// CHECK:           spiking.yield %[[V]] : f16
// CHECK-NOT:     spiking.scan forward
// CHECK:         spiking.scan reverse ins({{.*}} = %[[F]]#0 : tensor<?x4xf16>
// CHECK-NOT:     replaying

// REMARK: remark: [Passed] stored | {{.*}} Function=f_gradient | Remark="states are stored: 4 bytes a neuron and step, recomputed 6"
func.func @f(%x: tensor<?x4xf16>, %y: tensor<?x4xf16>, %z: tensor<?x4xf16>, %v0: tensor<4xf16>) -> tensor<4xf16> {
  %v = spiking.scan forward ins(%i = %x : tensor<?x4xf16>, %j = %y : tensor<?x4xf16>, %k = %z : tensor<?x4xf16>) states(%u = %v0 : tensor<4xf16>) {
    %w = math.tanh %u : f16
    %a = arith.addf %w, %i : f16
    %b = arith.addf %a, %j : f16
    %c = arith.addf %b, %k : f16
    spiking.yield next(%c : f16)
  }
  return %v : tensor<4xf16>
}

// -----

// What is no replay stays: a state that is a result, a scan that gives more.

// CHECK-LABEL: func.func @f(
// CHECK:         spiking.scan forward
// CHECK:         spiking.scan reverse
// CHECK-NOT:     replaying
func.func @f(%x: tensor<?x4xf32>, %v0: tensor<4xf32>, %e: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %p, %q, %v = spiking.scan forward ins(%i = %x : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>, %e : tensor<?x4xf32>) states(%u = %v0 : tensor<4xf32>) {
    %h = arith.addf %u, %i : f32
    spiking.yield %u, %h : f32, f32 next(%h : f32)
  }
  %r = spiking.scan reverse ins(%i = %p : tensor<?x4xf32>, %j = %q : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) {
    %h = arith.addf %i, %j : f32
    spiking.yield %h : f32
  }
  return %r : tensor<?x4xf32>
}

// -----

// No input is left: the tensor that the states would have been stored in says
// how many steps there are.

// CHECK-LABEL: func.func @f(%{{.*}}: tensor<?x4xi1>,
// CHECK-LABEL: func @f_gradient
// CHECK:         %[[EMPTY:.*]] = tensor.empty(%{{.*}}) : tensor<?x4xf32>
// CHECK:         spiking.scan reverse ins(%{{.*}} = %[[EMPTY]] : tensor<?x4xf32>) {{.*}} replay(
func.func @f(%e: tensor<?x4xi1>, %k: tensor<4xf32>, %v0: tensor<4xf32>) -> (tensor<?x4xi1>, tensor<4xf32>) {
  %s, %v = spiking.scan forward params(%d = %k : tensor<4xf32>) outs(%e : tensor<?x4xi1>) states(%u = %v0 : tensor<4xf32>) {
    %c = spiking.detach %u : f32
    %f = spiking.fire %c {surrogate = #spiking.atan} : f32 -> i1
    %n = arith.mulf %u, %d : f32
    spiking.yield %f : i1 next(%n : f32)
  }
  return %s, %v : tensor<?x4xi1>, tensor<4xf32>
}

// -----

// The states of a loop with recurrent weights, before each step, which its
// backward loop reads: a scan runs through them again, its inputs being what the
// products gave. The loop does not give them.

// CHECK-LABEL: func.func @f_gradient(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[V0:[^ ,:#)]+]]: tensor<?x4xf32>
// CHECK:         %[[F:[^ ,:#)]+]]:{{[0-9]}}, %{{.*}} = spiking.time_loop %{{.*}} over(%{{.*}} = %[[X]]
// CHECK:         %[[SUM:.*]] = arith.addf %[[X]], %[[F]]#{{[0-9]}} : tensor<?x?x4xf32>
// CHECK:         %[[R:[^ ,:#)]+]]:2 = spiking.scan forward ins(%{{.*}} = %[[SUM]] : tensor<?x?x4xf32>) {{.*}} states(%[[V:[^ ,:#)]+]] = %[[V0]] : tensor<?x4xf32>)
// CHECK:           spiking.yield %[[V]] : f32 next(
// CHECK:         spiking.time_loop reverse {{.*}} = %[[R]]#0 : tensor<?x?x4xf32>
// REMARK: remark: [Passed] recomputed | {{.*}} Function=f_gradient | Remark="states of a loop are recomputed from its currents: 4 bytes a neuron and step are not kept"
// STORE:       func.func @f_gradient({{.*}}: tensor<?x?x4xf32>,
// STORE-NOT:     spiking.scan forward
// STORE:         spiking.time_loop reverse
func.func @f(%x: tensor<?x?x4xf32>, %v0: tensor<?x4xf32>, %z0: tensor<?x4xi1>, %w: tensor<4x4xf32>, %e: tensor<?x4xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x4xf32>
  %s, %vT, %zT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x4xf32>) state(%v = %v0 : tensor<?x4xf32>, %z = %z0 : tensor<?x4xi1>) -> (tensor<?x?x4xi1>) {
    %r = spiking.linear %z, %w : (tensor<?x4xi1>, tensor<4x4xf32>) -> tensor<?x4xf32>
    %i = arith.addf %x_t, %r : tensor<?x4xf32>
    %z1, %v1 = spiking.scan step ins(%a = %i : tensor<?x4xf32>) outs(%e : tensor<?x4xi1>) states(%u = %v : tensor<?x4xf32>) {
      %one = arith.constant 1.0 : f32
      %zero = arith.constant 0.0 : f32
      %h = arith.addf %u, %a : f32
      %d = arith.subf %h, %one : f32
      %f = spiking.fire %d {surrogate = #spiking.sigmoid} : f32 -> i1
      %n = arith.select %f, %zero, %h : f32
      spiking.yield %f : i1 next(%n : f32)
    }
    spiking.yield %z1 : tensor<?x4xi1> next(%v1, %z1 : tensor<?x4xf32>, tensor<?x4xi1>)
  }
  return %s, %vT : tensor<?x?x4xi1>, tensor<?x4xf32>
}
