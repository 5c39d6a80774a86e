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
