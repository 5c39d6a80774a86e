// RUN: snn-opt %s --split-input-file --convert-spiking-to-linalg=samples-per-block=16 | FileCheck %s
// RUN: snn-opt %s --split-input-file --convert-spiking-to-linalg=samples-per-block=16 --remarks-filter=convert-spiking-to-linalg -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: snn-opt %s --split-input-file --convert-spiking-to-linalg | FileCheck %s --check-prefix=TOGETHER

// Without the option all samples take a step together.
// TOGETHER-NOT: scf.forall

// A block's sequences and states are parts of those of all samples, also the
// outputs; what a step needs from outside with samples is cut as well.
// CHECK-LABEL: func.func @recurrent
// CHECK: scf.forall (%[[FIRST:.*]]) = (0) to (%{{.*}}) step (16) shared_outs(%[[OUT:.*]] = %{{.*}}, %[[V:.*]] = %arg1, %[[S:.*]] = %arg2)
// CHECK-DAG: %[[X:.*]] = tensor.extract_slice %arg0[0, %[[FIRST]], 0] [%{{.*}}, %[[SIZE:.*]], 8] [1, 1, 1]
// CHECK-DAG: %[[VB:.*]] = tensor.extract_slice %[[V]][%[[FIRST]], 0] [%[[SIZE]], 8] [1, 1]
// CHECK-DAG: tensor.extract_slice %arg3[%[[FIRST]], 0] [%[[SIZE]], 8] [1, 1]
// CHECK: %[[OB:.*]] = tensor.extract_slice %[[OUT]][0, %[[FIRST]], 0] [%{{.*}}, %[[SIZE]], 8] [1, 1, 1]
// CHECK: %[[R:.*]]:3 = scf.for {{.*}} iter_args(%{{.*}} = %[[OB]], %{{.*}} = %[[VB]]
// CHECK: tensor.empty(%[[SIZE]]) : tensor<?x8xi1>
// CHECK: scf.forall.in_parallel
// CHECK: tensor.parallel_insert_slice %[[R]]#0 into %[[OUT]][0, %[[FIRST]], 0]
// CHECK: tensor.parallel_insert_slice %[[R]]#1 into %[[V]][%[[FIRST]], 0]
// REMARK: remark: {{.*}}sample-blocks{{.*}}blocks of
func.func @recurrent(%x: tensor<?x?x8xf32>, %v0: tensor<?x8xf32>, %s0: tensor<?x8xi1>, %bias: tensor<?x8xf32>, %w: tensor<8x8xf32>, %T: index)
    -> (tensor<?x?x8xi1>, tensor<?x8xf32>) {
  %c0 = arith.constant 0 : index
  %B = tensor.dim %v0, %c0 : tensor<?x8xf32>
  %out, %vT, %sT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>, %s = %s0 : tensor<?x8xi1>) -> (tensor<?x?x8xi1>) {
    %y = spiking.linear %s, %w : (tensor<?x8xi1>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %e = tensor.empty(%B) : tensor<?x8xi1>
    %s1, %v1 = spiking.scan step ins(%a = %x_t : tensor<?x8xf32>, %b = %y : tensor<?x8xf32>) params(%p = %bias : tensor<?x8xf32>)
        outs(%e : tensor<?x8xi1>) states(%m = %v : tensor<?x8xf32>) {
      %one = arith.constant 1.0 : f32
      %c = arith.addf %a, %b : f32
      %d = arith.addf %c, %p : f32
      %h = arith.addf %m, %d : f32
      %u = arith.subf %h, %one : f32
      %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
      spiking.yield %f : i1 next(%h : f32)
    }
    spiking.yield %s1 : tensor<?x8xi1> next(%v1, %s1 : tensor<?x8xf32>, tensor<?x8xi1>)
  }
  return %out, %vT : tensor<?x?x8xi1>, tensor<?x8xf32>
}

// -----

// Samples meet: each step's gain is computed from all of them.
// CHECK-LABEL: func.func @meet
// CHECK-NOT: scf.forall
// REMARK: all samples take a step before the next one begins{{.*}}'spiking.reduce_sum' uses a value that differs from sample to sample
func.func @meet(%x: tensor<?x?x8xf32>, %v0: tensor<?x8xf32>, %w: tensor<8x8xf32>, %T: index) -> tensor<?x8xf32> {
  %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>) {
    %sum = spiking.reduce_sum %v {dims = array<i64: 0>} : (tensor<?x8xf32>) -> tensor<8xf32>
    %y = spiking.linear %x_t, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %v1 = spiking.scan step ins(%a = %y : tensor<?x8xf32>) params(%p = %sum : tensor<8xf32>) states(%m = %v : tensor<?x8xf32>) {
      %b = arith.mulf %a, %p : f32
      %h = arith.addf %m, %b : f32
      spiking.yield next(%h : f32)
    }
    spiking.yield next(%v1 : tensor<?x8xf32>)
  }
  return %vT : tensor<?x8xf32>
}

// -----

// Nothing would be gained: no product is in the loop.
// CHECK-LABEL: func.func @no_product
// CHECK-NOT: scf.forall
// REMARK: there is no product in it
func.func @no_product(%x: tensor<?x?x8xf32>, %v0: tensor<?x8xf32>, %T: index) -> tensor<?x8xf32> {
  %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>) {
    %v1 = spiking.scan step ins(%a = %x_t : tensor<?x8xf32>) states(%m = %v : tensor<?x8xf32>) {
      %h = arith.addf %m, %a : f32
      spiking.yield next(%h : f32)
    }
    spiking.yield next(%v1 : tensor<?x8xf32>)
  }
  return %vT : tensor<?x8xf32>
}

// -----

// A single sample.
// CHECK-LABEL: func.func @single
// CHECK-NOT: scf.forall
// REMARK: has an operand or a result without samples, or with a single one
func.func @single(%x: tensor<?x1x8xf32>, %v0: tensor<1x8xf32>, %w: tensor<8x8xf32>, %T: index) -> tensor<1x8xf32> {
  %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x1x8xf32>) state(%v = %v0 : tensor<1x8xf32>) {
    %y = spiking.linear %v, %w : (tensor<1x8xf32>, tensor<8x8xf32>) -> tensor<1x8xf32>
    %v1 = spiking.scan step ins(%a = %x_t : tensor<1x8xf32>, %b = %y : tensor<1x8xf32>) states(%m = %v : tensor<1x8xf32>) {
      %c = arith.addf %a, %b : f32
      %h = arith.addf %m, %c : f32
      spiking.yield next(%h : f32)
    }
    spiking.yield next(%v1 : tensor<1x8xf32>)
  }
  return %vT : tensor<1x8xf32>
}

// -----

// Nothing is carried from step to step.
// CHECK-LABEL: func.func @no_state
// CHECK-NOT: scf.forall
// REMARK: it carries no state
func.func @no_state(%x: tensor<?x4xf32>, %w: tensor<4x8xf32>, %T: index) -> tensor<?x?x8xf32> {
  %y = spiking.time_loop %t = 0 to %T -> (tensor<?x?x8xf32>) {
    %i = spiking.linear %x, %w : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
    spiking.yield %i : tensor<?x8xf32>
  }
  return %y : tensor<?x?x8xf32>
}

// -----

// What only the loop reads is computed for a block, too: a product, and the scan
// before it, whose other reader is the product. Threads are for these where there
// is one block, and a step is for one thread.
// CHECK-LABEL: func.func @before
// CHECK-NOT:     linalg.generic
// CHECK:         scf.forall (%[[FIRST:.*]]) = (0) to
// CHECK:           %[[SIZE:.*]] = arith.minsi
// CHECK:           %[[X:.*]] = tensor.extract_slice %arg0[0, %[[FIRST]], 0] [%{{.*}}, %[[SIZE]], 6]
// CHECK:           %[[E:.*]] = tensor.empty(%{{.*}}, %[[SIZE]]) : tensor<?x?x6xi1>
// CHECK:           %[[U:.*]] = tensor.extract_slice %arg1[%[[FIRST]], 0] [%[[SIZE]], 6]
// CHECK:           %[[S:.*]]:2 = spiking.scan forward ins(%{{.*}} = %[[X]] : {{.*}}) outs(%[[E]] : {{.*}}) states(%{{.*}} = %[[U]]
// CHECK:           linalg.generic {{.*}} ins(%[[S]]#0,
// CHECK:           scf.for
// CHECK:           } {rheobase.one_thread}
// CHECK:         } {rheobase.threads_inside}
func.func @before(%x: tensor<?x?x6xf32>, %u0: tensor<?x6xf32>, %v0: tensor<?x8xf32>, %wi: tensor<6x8xf32>, %w: tensor<8x8xf32>, %e: tensor<?x?x6xi1>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x6xf32>
  %B = tensor.dim %x, %c1 : tensor<?x?x6xf32>
  %out = tensor.empty(%T, %B) : tensor<?x?x6xi1>
  %s, %u = spiking.scan forward ins(%a = %x : tensor<?x?x6xf32>) outs(%out : tensor<?x?x6xi1>) states(%m = %u0 : tensor<?x6xf32>) {
    %h = arith.addf %m, %a : f32
    %f = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%h : f32)
  }
  %i = spiking.linear %s, %wi : (tensor<?x?x6xi1>, tensor<6x8xf32>) -> tensor<?x?x8xf32>
  %steps = tensor.dim %i, %c0 : tensor<?x?x8xf32>
  %vT = spiking.time_loop %t = 0 to %steps over(%i_t = %i : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>) {
    %y = spiking.linear %v, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %v1 = spiking.scan step ins(%b = %y : tensor<?x8xf32>, %d = %i_t : tensor<?x8xf32>) states(%m = %v : tensor<?x8xf32>) {
      %g = arith.addf %b, %d : f32
      %h = arith.addf %m, %g : f32
      spiking.yield next(%h : f32)
    }
    spiking.yield next(%v1 : tensor<?x8xf32>)
  }
  return %vT : tensor<?x8xf32>
}

// The function returns the currents: they are computed once, for all samples.
// CHECK-LABEL: func.func @returned
// CHECK:         linalg.generic {{.*}} outs(%{{.*}} : tensor<?x?x8xf32>)
// CHECK:         scf.forall
// CHECK:           tensor.extract_slice
// CHECK-NOT:       rheobase.one_thread
func.func @returned(%x: tensor<?x?x6xf32>, %v0: tensor<?x8xf32>, %wi: tensor<6x8xf32>, %w: tensor<8x8xf32>, %T: index) -> (tensor<?x8xf32>, tensor<?x?x8xf32>) {
  %i = spiking.linear %x, %wi : (tensor<?x?x6xf32>, tensor<6x8xf32>) -> tensor<?x?x8xf32>
  %vT = spiking.time_loop %t = 0 to %T over(%i_t = %i : tensor<?x?x8xf32>) state(%v = %v0 : tensor<?x8xf32>) {
    %y = spiking.linear %v, %w : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %v1 = spiking.scan step ins(%b = %y : tensor<?x8xf32>, %d = %i_t : tensor<?x8xf32>) states(%m = %v : tensor<?x8xf32>) {
      %g = arith.addf %b, %d : f32
      %h = arith.addf %m, %g : f32
      spiking.yield next(%h : f32)
    }
    spiking.yield next(%v1 : tensor<?x8xf32>)
  }
  return %vT, %i : tensor<?x8xf32>, tensor<?x?x8xf32>
}

// -----

// A known batch: blocks have a dynamic number of samples, also what the body fills.
// CHECK-LABEL: func.func @static
// CHECK:         scf.forall (%[[FIRST:.*]]) = (0) to (%{{.*}}) step (16) shared_outs(%[[OUT:.*]] = %{{.*}}, %[[V:.*]] = %{{.*}}) -> (tensor<?x40x8xi1>, tensor<40x8xf32>)
// CHECK:           %[[SIZE:.*]] = arith.minsi
// CHECK-DAG:       tensor.extract_slice %arg0[0, %[[FIRST]], 0] [%{{.*}}, %[[SIZE]], 8] [1, 1, 1] : tensor<?x40x8xf32> to tensor<?x?x8xf32>
// CHECK-DAG:       tensor.extract_slice %[[V]][%[[FIRST]], 0] [%[[SIZE]], 8] [1, 1] : tensor<40x8xf32> to tensor<?x8xf32>
// CHECK:           scf.for
// CHECK:             linalg.generic {{.*}} outs(%{{.*}} : tensor<?x8xf32>)
// CHECK-DAG:         tensor.empty(%[[SIZE]]) : tensor<?x8xi1>
// CHECK-DAG:         tensor.splat %{{.*}}[%[[SIZE]]] : tensor<?x8xf32>
// CHECK:           tensor.parallel_insert_slice {{.*}} : tensor<?x8xf32> into tensor<40x8xf32>
func.func @static(%x: tensor<?x40x8xf32>, %v0: tensor<40x8xf32>, %w: tensor<8x8xf32>, %T: index) -> (tensor<?x40x8xi1>, tensor<40x8xf32>) {
  %out, %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x40x8xf32>) state(%v = %v0 : tensor<40x8xf32>) -> (tensor<?x40x8xi1>) {
    %y = spiking.linear %v, %w : (tensor<40x8xf32>, tensor<8x8xf32>) -> tensor<40x8xf32>
    %e = tensor.empty() : tensor<40x8xi1>
    %ones = arith.constant dense<1.0> : tensor<40x8xf32>
    %s1, %v1 = spiking.scan step ins(%a = %x_t : tensor<40x8xf32>, %b = %y : tensor<40x8xf32>) params(%p = %ones : tensor<40x8xf32>) outs(%e : tensor<40x8xi1>) states(%m = %v : tensor<40x8xf32>) {
      %c = arith.addf %a, %b : f32
      %d = arith.addf %c, %p : f32
      %h = arith.addf %m, %d : f32
      %f = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
      spiking.yield %f : i1 next(%h : f32)
    }
    spiking.yield %s1 : tensor<40x8xi1> next(%v1 : tensor<40x8xf32>)
  }
  return %out, %vT : tensor<?x40x8xi1>, tensor<40x8xf32>
}

// Numbers of each sample in the body are not cut.
// CHECK-LABEL: func.func @numbers
// CHECK-NOT:     scf.forall
// REMARK: all samples take a step before the next one begins{{.*}}'arith.constant' has samples
func.func @numbers(%v0: tensor<2x2xf32>, %w: tensor<2x2xf32>, %T: index) -> tensor<2x2xf32> {
  %vT = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<2x2xf32>) {
    %y = spiking.linear %v, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
    %p = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    %v1 = spiking.scan step ins(%a = %y : tensor<2x2xf32>) params(%q = %p : tensor<2x2xf32>) states(%m = %v : tensor<2x2xf32>) {
      %c = arith.addf %a, %q : f32
      %h = arith.addf %m, %c : f32
      spiking.yield next(%h : f32)
    }
    spiking.yield next(%v1 : tensor<2x2xf32>)
  }
  return %vT : tensor<2x2xf32>
}
