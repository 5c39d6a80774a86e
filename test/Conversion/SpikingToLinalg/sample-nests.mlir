// RUN: snn-opt %s --split-input-file --convert-spiking-to-linalg=samples-per-block=16 --canonicalize | FileCheck %s
// RUN: snn-opt %s --split-input-file --convert-spiking-to-linalg=samples-per-block=16 --remarks-filter=convert-spiking-to-linalg -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: snn-opt %s --split-input-file --convert-spiking-to-linalg | FileCheck %s --check-prefix=TOGETHER
// RUN: snn-opt %s --split-input-file "--convert-spiking-to-linalg=samples-per-block=16 threads=false" | FileCheck %s --check-prefix=ALONE

// Without the option each operation is done for all samples.
// TOGETHER-NOT: scf.forall

// Two layers share a loop over blocks of samples. Currents and inner spikes exist
// for a block; results are computed where they are to be. Few samples are one
// share, whose operations use the threads.
// CHECK-LABEL: func.func @layers
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x8xf32>
// CHECK-DAG:     %[[T:.*]] = tensor.dim %[[X]], %c0
// CHECK-DAG:     %[[B:.*]] = tensor.dim %[[X]], %c1
// CHECK-DAG:     %[[S:.*]] = tensor.empty(%[[T]], %[[B]]) : tensor<?x?x10xi1>
// CHECK-DAG:     %[[V:.*]] = tensor.empty(%[[B]]) : tensor<?x10xf32>
// CHECK:         call @omp_get_max_threads
// CHECK:         %[[ALL:.*]] = arith.maxsi %[[B]], %c1
// CHECK:         %[[SHARE:.*]] = arith.select %[[FEW:.*]], %[[ALL]], %[[OWN:.*]] : index
// CHECK:         %[[MOST:.*]] = arith.select %[[FEW]], %{{.*}}, %[[OWN]] : index
// CHECK:         %[[F:.*]]:2 = scf.forall (%[[START:.*]]) = (0) to (%[[B]]) step (%[[SHARE]]) shared_outs(%[[SO:.*]] = %[[S]], %[[VO:.*]] = %[[V]])
// CHECK:           %[[COUNT:.*]] = arith.minsi
// CHECK-DAG:       %[[SS:.*]] = tensor.extract_slice %[[SO]][0, %[[START]], 0] [%[[T]], %[[COUNT]], 10]
// CHECK-DAG:       %[[VS:.*]] = tensor.extract_slice %[[VO]][%[[START]], 0] [%[[COUNT]], 10]
// CHECK:           %[[L:.*]]:2 = scf.for %[[I:.*]] = %c0 to %[[COUNT]] step %[[MOST]] iter_args(%[[SI:.*]] = %[[SS]], %[[VI:.*]] = %[[VS]])
// CHECK:             %[[FIRST:.*]] = arith.addi %[[START]], %[[I]]
// CHECK:             %[[SIZE:.*]] = arith.minsi
// CHECK:             %[[PART:.*]] = tensor.extract_slice %[[X]][0, %[[FIRST]], 0] [%[[T]], %[[SIZE]], 8]
// CHECK:             linalg.generic {{.*}} ins(%[[PART]], {{.*}} outs(%{{.*}} : tensor<?x?x20xf32>)
// CHECK:             spiking.scan forward
// CHECK:             linalg.generic {{.*}} outs(%{{.*}} : tensor<?x?x10xf32>)
// CHECK-DAG:         %[[SP:.*]] = tensor.extract_slice %[[SI]][0, %[[I]], 0] [%[[T]], %[[SIZE]], 10]
// CHECK-DAG:         %[[VP:.*]] = tensor.extract_slice %[[VI]][%[[I]], 0] [%[[SIZE]], 10]
// CHECK:             %[[V0:.*]] = linalg.fill {{.*}} outs(%[[VP]]
// CHECK:             %[[N:.*]]:2 = spiking.scan forward {{.*}} outs(%[[SP]] : tensor<?x?x10xi1>) states(%{{.*}} = %[[V0]]
// CHECK:             tensor.insert_slice %[[N]]#0 into %[[SI]][0, %[[I]], 0]
// CHECK:             tensor.insert_slice %[[N]]#1 into %[[VI]][%[[I]], 0]
// CHECK:           tensor.parallel_insert_slice %[[L]]#0 into %[[SO]][0, %[[START]], 0]
// CHECK:           tensor.parallel_insert_slice %[[L]]#1 into %[[VO]][%[[START]], 0]
// CHECK:         } {rheobase.threads_inside}
// CHECK:         return %[[F]]#0, %[[F]]#1
// ALONE-LABEL: func.func @layers
// ALONE-NOT:     @omp_get_max_threads
// ALONE:         scf.forall
// ALONE-NOT:     rheobase.threads_inside
// REMARK: remark: {{.*}}sample-blocks{{.*}}blocks of at most 16 samples go through 4 operations
func.func @layers(%x: tensor<?x?x8xf32>, %w1: tensor<8x20xf32>, %w2: tensor<20x10xf32>) -> (tensor<?x?x10xi1>, tensor<?x10xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %i1 = spiking.linear %x, %w1 : (tensor<?x?x8xf32>, tensor<8x20xf32>) -> tensor<?x?x20xf32>
  %t = tensor.dim %i1, %c0 : tensor<?x?x20xf32>
  %b = tensor.dim %i1, %c1 : tensor<?x?x20xf32>
  %e1 = tensor.empty(%t, %b) : tensor<?x?x20xi1>
  %z1 = tensor.splat %zero[%b] : tensor<?x20xf32>
  %s1, %v1 = spiking.scan forward ins(%i = %i1 : tensor<?x?x20xf32>) outs(%e1 : tensor<?x?x20xi1>) states(%v = %z1 : tensor<?x20xf32>) {
    %h = arith.addf %v, %i : f32
    %f = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%h : f32)
  }
  %i2 = spiking.linear %s1, %w2 : (tensor<?x?x20xi1>, tensor<20x10xf32>) -> tensor<?x?x10xf32>
  %e2 = tensor.empty(%t, %b) : tensor<?x?x10xi1>
  %z2 = tensor.splat %zero[%b] : tensor<?x10xf32>
  %s2, %v2 = spiking.scan forward ins(%i = %i2 : tensor<?x?x10xf32>) outs(%e2 : tensor<?x?x10xi1>) states(%v = %z2 : tensor<?x10xf32>) {
    %h = arith.addf %v, %i : f32
    %f = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%h : f32)
  }
  return %s2, %v2 : tensor<?x?x10xi1>, tensor<?x10xf32>
}

// -----

// A batch of static size; an input that is the same at every step, a pool, a
// parameter with samples and one without, a readout.
// CHECK-LABEL: func.func @static
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<64x8x8x2xf32>, %{{.*}}: tensor<3x3x2x4xf32>, %[[P:[a-z0-9]+]]: tensor<64x8x8x4xf32>, %[[Q:[a-z0-9]+]]: tensor<4xf32>, %[[V0:[a-z0-9]+]]: tensor<64x8x8x4xf32>
// CHECK:         scf.forall (%[[START:.*]]) = (0) to (64)
// CHECK:           scf.for %[[I:.*]] = %c0
// CHECK:             %[[FIRST:.*]] = arith.addi %[[START]], %[[I]]
// CHECK-DAG:         tensor.extract_slice %[[X]][%[[FIRST]], 0, 0, 0] [%[[SIZE:.*]], 8, 8, 2]
// CHECK-DAG:         tensor.extract_slice %[[P]][%[[FIRST]], 0, 0, 0] [%[[SIZE]], 8, 8, 4]
// CHECK-DAG:         tensor.extract_slice %[[V0]][%[[FIRST]], 0, 0, 0] [%[[SIZE]], 8, 8, 4]
// CHECK:             spiking.scan forward {{.*}} params(%{{.*}} = %{{.*}} : tensor<?x8x8x4xf32>, %{{.*}} = %[[Q]] : tensor<4xf32>)
// CHECK:             tensor.insert_slice {{.*}}[%[[I]], 0, 0, 0] [%[[SIZE]], 4, 4, 4] [1, 1, 1, 1] : tensor<?x4x4x4xf32> into tensor<?x4x4x4xf32>
// CHECK:           tensor.parallel_insert_slice {{.*}}[%[[START]], 0, 0, 0] [%{{.*}}, 4, 4, 4] [1, 1, 1, 1] : tensor<?x4x4x4xf32> into tensor<64x4x4x4xf32>
// REMARK: remark: {{.*}}sample-blocks{{.*}}blocks of at most 16 samples go through 5 operations
func.func @static(%x: tensor<64x8x8x2xf32>, %k: tensor<3x3x2x4xf32>, %p: tensor<64x8x8x4xf32>, %q: tensor<4xf32>, %v0: tensor<64x8x8x4xf32>, %T: index)
    -> tensor<64x4x4x4xf32> {
  %c = spiking.conv %x, %k {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<64x8x8x2xf32>, tensor<3x3x2x4xf32>) -> tensor<64x8x8x4xf32>
  %r = spiking.repeat %c times(%T) : (tensor<64x8x8x4xf32>) -> tensor<?x64x8x8x4xf32>
  %e = tensor.empty(%T) : tensor<?x64x8x8x4xi1>
  %s, %v1 = spiking.scan forward ins(%i = %r : tensor<?x64x8x8x4xf32>) params(%a = %p : tensor<64x8x8x4xf32>, %b = %q : tensor<4xf32>)
      outs(%e : tensor<?x64x8x8x4xi1>) states(%v = %v0 : tensor<64x8x8x4xf32>) {
    %h = arith.addf %v, %i : f32
    %h1 = arith.mulf %h, %a : f32
    %h2 = arith.addf %h1, %b : f32
    %f = spiking.fire %h2 {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%h2 : f32)
  }
  %pooled = spiking.avg_pool %s {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x64x8x8x4xi1>) -> tensor<?x64x4x4x4xf32>
  %rate = spiking.readout %pooled {kind = #spiking.readout<rate>} : (tensor<?x64x4x4x4xf32>) -> tensor<64x4x4x4xf32>
  return %rate : tensor<64x4x4x4xf32>
}

// -----

// Somebody else needs the current of all samples: nothing would be saved.
// CHECK-LABEL: func.func @kept
// CHECK-NOT:     scf.forall
func.func @kept(%x: tensor<?x?x8xf32>, %w: tensor<8x20xf32>, %v0: tensor<?x20xf32>) -> (tensor<?x?x20xf32>, tensor<?x20xf32>) {
  %i1 = spiking.linear %x, %w : (tensor<?x?x8xf32>, tensor<8x20xf32>) -> tensor<?x?x20xf32>
  %v1 = spiking.scan forward ins(%i = %i1 : tensor<?x?x20xf32>) states(%v = %v0 : tensor<?x20xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return %i1, %v1 : tensor<?x?x20xf32>, tensor<?x20xf32>
}

// A single sample.
// CHECK-LABEL: func.func @one
// CHECK-NOT:     scf.forall
func.func @one(%x: tensor<?x1x8xf32>, %w: tensor<8x20xf32>, %v0: tensor<1x20xf32>) -> tensor<1x20xf32> {
  %i1 = spiking.linear %x, %w : (tensor<?x1x8xf32>, tensor<8x20xf32>) -> tensor<?x1x20xf32>
  %v1 = spiking.scan forward ins(%i = %i1 : tensor<?x1x20xf32>) states(%v = %v0 : tensor<1x20xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return %v1 : tensor<1x20xf32>
}

// No batch: the second dimension is that of the products.
// CHECK-LABEL: func.func @no_batch
// CHECK-NOT:     scf.forall
func.func @no_batch(%x: tensor<?x8xf32>, %w: tensor<8x20xf32>, %v0: tensor<20xf32>) -> tensor<20xf32> {
  %i1 = spiking.linear %x, %w : (tensor<?x8xf32>, tensor<8x20xf32>) -> tensor<?x20xf32>
  %v1 = spiking.scan forward ins(%i = %i1 : tensor<?x20xf32>) states(%v = %v0 : tensor<20xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return %v1 : tensor<20xf32>
}

// Samples meet in a sum over all of them: the scan's accumulator.
// CHECK-LABEL: func.func @accumulated
// CHECK-NOT:     scf.forall
func.func @accumulated(%x: tensor<?x?x8xf32>, %w: tensor<8x20xf32>, %v0: tensor<?x20xf32>, %sum: tensor<20xf32>) -> tensor<20xf32> {
  %i1 = spiking.linear %x, %w : (tensor<?x?x8xf32>, tensor<8x20xf32>) -> tensor<?x?x20xf32>
  %v1, %a = spiking.scan forward ins(%i = %i1 : tensor<?x?x20xf32>) states(%v = %v0 : tensor<?x20xf32>) accumulators(%sum : tensor<20xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32) accumulate(%h : f32)
  }
  return %a : tensor<20xf32>
}

// -----

// A training step: a convolution and the first stage of its statistics share a
// loop, and so do what normalizes, fires and pools; backward the gradient of
// the pool, the neuron's and the first stage of the sums, then the gradient of
// the normalization and that of the convolution's input. Second stages and the
// gradient of the weight, which sum over samples, come after the loops.
// CHECK-LABEL: func.func @training
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x?x32x32x8xf32>
// CHECK:         %[[N1:.*]]:2 = scf.forall {{.*}} -> (tensor<?x?x32x32x8xf32>, tensor<?x?x8xf32>)
// CHECK:           scf.for {{.*}} iter_args(%[[OUT:.*]] = %{{.*}}, %{{.*}} = %{{.*}})
// CHECK:             %[[PLACE:.*]] = tensor.extract_slice %[[OUT]]
// CHECK:             linalg.fill {{.*}} outs(%[[PLACE]]
// CHECK:             %[[C:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<?x?x32x32x8xf32>)
// CHECK:           linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction", "reduction", "parallel"]} ins(%[[C]] {{.*}} outs(%{{.*}} : tensor<?x?x8xf32>)
// CHECK:         linalg.generic {{.*}}iterator_types = ["reduction", "reduction", "parallel"]} ins(%[[N1]]#1
// CHECK:         %[[N2:.*]] = scf.forall {{.*}} -> (tensor<?x?x16x16x8xf32>)
// CHECK:           spiking.scan forward
// CHECK:           linalg.generic
// CHECK:         %[[N3:.*]]:3 = scf.forall {{.*}} -> (tensor<?x?x32x32x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>)
// CHECK-NOT:       scf.forall
// CHECK:           spiking.scan reverse
// CHECK:           linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction", "reduction", "parallel"]}
// CHECK:         linalg.generic {{.*}}iterator_types = ["reduction", "reduction", "parallel"]} ins(%[[N3]]#
// CHECK:         %[[N4:.*]]:2 = scf.forall {{.*}} -> (tensor<?x?x32x32x8xf32>, tensor<?x?x32x32x8xf32>)
// CHECK:           spiking.scan step
// CHECK:           linalg.generic {{.*}}outs(%{{.*}} : tensor<?x?x32x32x8xf32>)
// CHECK:         linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction", "reduction"]} ins(%{{.*}}, %[[N4]]#0
// CHECK:         return
// REMARK: remark: [Passed] sample-blocks | {{.*}}Function=training | {{.*}}through 2 operations
// REMARK: remark: [Passed] sample-blocks | {{.*}}Function=training | {{.*}}through 2 operations
// REMARK: remark: [Passed] sample-blocks | {{.*}}Function=training | {{.*}}through 4 operations
// REMARK: remark: [Passed] sample-blocks | {{.*}}Function=training | {{.*}}through 2 operations
func.func @training(%x: tensor<?x?x32x32x8xf32>, %k: tensor<3x3x8x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>, %m: tensor<8xf32>, %r: tensor<8xf32>, %up: tensor<?x?x16x16x8xf32>)
    -> (tensor<?x?x16x16x8xf32>, tensor<3x3x8x8xf32>, tensor<8xf32>, tensor<?x?x32x32x8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %c = spiking.conv %x, %k {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x32x32x8xf32>, tensor<3x3x8x8xf32>) -> tensor<?x?x32x32x8xf32>
  %n, %nm, %nr, %mean, %rstd = spiking.batch_norm %c scale(%g) shift(%b) running(%m, %r) {statistics = #spiking.statistics<merged>, mode = #spiking.mode<train>}
      : (tensor<?x?x32x32x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x?x32x32x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  %t = tensor.dim %c, %c0 : tensor<?x?x32x32x8xf32>
  %s = tensor.dim %c, %c1 : tensor<?x?x32x32x8xf32>
  %e = tensor.empty(%t, %s) : tensor<?x?x32x32x8xi1>
  %z = tensor.splat %zero[%s] : tensor<?x32x32x8xf32>
  %f, %v = spiking.scan forward ins(%i = %c : tensor<?x?x32x32x8xf32>) params(%mu = %mean : tensor<8xf32>, %rs = %rstd : tensor<8xf32>) outs(%e : tensor<?x?x32x32x8xi1>) states(%u = %z : tensor<?x32x32x8xf32>) {
    %c3 = arith.subf %i, %mu : f32
    %d = arith.mulf %c3, %rs : f32
    %h = arith.addf %u, %d : f32
    %o = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %o : i1 next(%h : f32)
  }
  %p = spiking.avg_pool %f {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x32x32x8xi1>) -> tensor<?x?x16x16x8xf32>
  // Samples meet before the gradient begins.
  %all = spiking.reduce_sum %p {dims = array<i64: 0, 1>} : (tensor<?x?x16x16x8xf32>) -> tensor<16x16x8xf32>
  %eu = tensor.empty(%t, %s) : tensor<?x?x16x16x8xf32>
  %ug = spiking.scan step ins(%a = %up : tensor<?x?x16x16x8xf32>) params(%q = %all : tensor<16x16x8xf32>) outs(%eu : tensor<?x?x16x16x8xf32>) {
    %w = arith.mulf %a, %q : f32
    spiking.yield %w : f32
  }
  %pg = spiking.sum_pool_gradient %ug {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x16x16x8xf32>) -> tensor<?x?x32x32x8xf32>
  %eg = tensor.empty(%t, %s) : tensor<?x?x32x32x8xf32>
  %fg, %vg = spiking.scan reverse ins(%i = %c : tensor<?x?x32x32x8xf32>, %a = %pg : tensor<?x?x32x32x8xf32>) params(%mu = %mean : tensor<8xf32>)
      outs(%eg : tensor<?x?x32x32x8xf32>) states(%u = %z : tensor<?x32x32x8xf32>) replay(%past = %z : tensor<?x32x32x8xf32>) {
    %w = arith.mulf %a, %past : f32
    %h = arith.addf %u, %w : f32
    spiking.yield %h : f32 next(%h : f32)
  } replaying {
  ^bb0(%i: f32, %a: f32, %mu: f32, %past: f32):
    %d = arith.subf %i, %mu : f32
    %h = arith.addf %past, %d : f32
    spiking.yield next(%h : f32)
  }
  %ng, %gg, %bg = spiking.batch_norm_gradient %c, %fg scale(%g) saved(%mean, %rstd) {statistics = #spiking.statistics<merged>, mode = #spiking.mode<train>}
      : (tensor<?x?x32x32x8xf32>, tensor<?x?x32x32x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x?x32x32x8xf32>, tensor<8xf32>, tensor<8xf32>)
  %wg = spiking.conv_weight_gradient %x, %ng {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x32x32x8xf32>, tensor<?x?x32x32x8xf32>) -> tensor<3x3x8x8xf32>
  %xg = spiking.conv_input_gradient %ng, %k {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x32x32x8xf32>, tensor<3x3x8x8xf32>) -> tensor<?x?x32x32x8xf32>
  return %p, %wg, %gg, %xg : tensor<?x?x16x16x8xf32>, tensor<3x3x8x8xf32>, tensor<8xf32>, tensor<?x?x32x32x8xf32>
}

// -----

// The current is kept for the backward pass, and a linear layer has a row for
// each step of a sample only: it stays apart, and there is nothing left to hand
// on.
// CHECK-LABEL: func.func @perceptron
// CHECK-NOT:     scf.forall
// REMARK: remark: [Missed] sample-blocks | {{.*}}Function=perceptron | {{.*}}a product in a training step has a loop of its own: of a linear layer, a block of samples has few rows
// REMARK: remark: [Missed] sample-blocks | {{.*}}Function=perceptron | {{.*}}2 operations that samples could pass one after the other have a loop each: too little goes from one to the next
func.func @perceptron(%x: tensor<?x?x8xf32>, %w: tensor<8x20xf32>, %v0: tensor<?x20xf32>) -> (tensor<8x20xf32>, tensor<?x20xf32>) {
  %i1 = spiking.linear %x, %w : (tensor<?x?x8xf32>, tensor<8x20xf32>) -> tensor<?x?x20xf32>
  %v1 = spiking.scan forward ins(%i = %i1 : tensor<?x?x20xf32>) states(%v = %v0 : tensor<?x20xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  %v2 = spiking.scan forward ins(%i = %i1 : tensor<?x?x20xf32>) states(%v = %v1 : tensor<?x20xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  %wg = spiking.linear_weight_gradient %x, %i1 : (tensor<?x?x8xf32>, tensor<?x?x20xf32>) -> tensor<8x20xf32>
  return %wg, %v2 : tensor<8x20xf32>, tensor<?x20xf32>
}
