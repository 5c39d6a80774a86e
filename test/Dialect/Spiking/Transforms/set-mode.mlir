// RUN: snn-opt %s --spiking-set-mode=mode=inference | FileCheck %s --check-prefix=INFERENCE
// RUN: snn-opt %s --spiking-set-mode=mode=inference --spiking-set-mode=mode=train | FileCheck %s --check-prefix=TRAIN
// RUN: not snn-opt %s --spiking-set-mode=mode=test 2>&1 | FileCheck %s --check-prefix=ERROR

// ERROR: expected the mode train or inference, got test

// Statistics of each step are saved in training only; running statistics stay
// what they are in inference.

// INFERENCE-LABEL: func @f
// INFERENCE-SAME:    %[[MEAN:[^ ,:#)]+]]: tensor<8xf32>, %[[VARIANCE:[^ ,:#)]+]]: tensor<8xf32>, %{{[^ ,]+}}: tensor<i64>)
// INFERENCE:         spiking.batch_norm {{.*}}mode = #spiking.mode<inference>{{.*}} -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
// INFERENCE:         spiking.dropout {{.*}}mode = #spiking.mode<inference>
// INFERENCE:         return %{{[^ ,]+}}, %[[MEAN]], %[[VARIANCE]]

// TRAIN-LABEL:     func @f
// TRAIN-NOT:         #spiking.mode
// TRAIN:             spiking.batch_norm {{.*}} -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
func.func @f(%x: tensor<?x?x8xf32>, %g: tensor<8xf32>, %mean: tensor<8xf32>, %variance: tensor<8xf32>, %seed: tensor<i64>)
    -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %y, %m, %v, %sm, %sr = spiking.batch_norm %x scale(%g) shift(%g) running(%mean, %variance) {sequence = true}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  %d = spiking.dropout %y seed(%seed) {p = 0.5, id = 0, sequence = true} : (tensor<?x?x8xf32>, tensor<i64>) -> tensor<?x?x8xf32>
  return %d, %m, %v : tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>
}
