// RUN: snn-opt %s --split-input-file --spiking-differentiate=function=f --canonicalize --cse | FileCheck %s

// The gradient of a float input, the weight and the bias.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<?x?x8xf32>, %[[W:[^ ,:#)]+]]: tensor<8x4xf32>, %[[B:[^ ,:#)]+]]: tensor<4xf32>, %[[G:[^ ,:#)]+]]: tensor<?x?x4xf32>)
// CHECK:         %[[Y:[^ ,:#)]+]] = spiking.linear %[[X]], %[[W]], %[[B]]
// CHECK:         %[[T:[^ ,:#)]+]] = spiking.transpose %[[W]] {permutation = array<i64: 1, 0>}
// CHECK:         %[[DX:[^ ,:#)]+]] = spiking.linear %[[G]], %[[T]]
// CHECK:         %[[DW:[^ ,:#)]+]] = spiking.linear_weight_gradient %[[X]], %[[G]]
// CHECK:         %[[DB:[^ ,:#)]+]] = spiking.reduce_sum %[[G]] {dims = array<i64: 0, 1>}
// CHECK:         return %[[Y]], %[[DX]], %[[DW]], %[[DB]]
func.func @f(%x: tensor<?x?x8xf32>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<?x?x4xf32> {
  %y = spiking.linear %x, %w, %b : (tensor<?x?x8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

// Cotangents of spikes are floats; what nothing is asked of is not computed.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<?x8xi1>, %[[W:[^ ,:#)]+]]: tensor<8x4xf32>, %[[G:[^ ,:#)]+]]: tensor<?x4xf32>)
// CHECK-NOT:     spiking.transpose
// CHECK:         spiking.linear_weight_gradient %[[X]], %[[G]] : (tensor<?x8xi1>, tensor<?x4xf32>)
func.func @f(%x: tensor<?x8xi1>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %y = spiking.linear %x, %w : (tensor<?x8xi1>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    (%[[X:[^ ,:#)]+]]: tensor<?x3x8x8xf32>, %[[W:[^ ,:#)]+]]: tensor<6x3x3x3xf32>, %[[B:[^ ,:#)]+]]: tensor<6xf32>, %[[G:[^ ,:#)]+]]: tensor<?x6x4x4xf32>)
// CHECK:         spiking.conv_input_gradient %[[G]], %[[W]] {padding = array<i64: 1, 1>, strides = array<i64: 2, 2>} : {{.*}} -> tensor<?x3x8x8xf32>
// CHECK:         spiking.conv_weight_gradient %[[X]], %[[G]] {padding = array<i64: 1, 1>, strides = array<i64: 2, 2>} : {{.*}} -> tensor<6x3x3x3xf32>
// CHECK:         spiking.reduce_sum %[[G]] {dims = array<i64: 0, 2, 3>}
func.func @f(%x: tensor<?x3x8x8xf32>, %w: tensor<6x3x3x3xf32>, %b: tensor<6xf32>) -> tensor<?x6x4x4xf32> {
  %y = spiking.conv %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>}
      : (tensor<?x3x8x8xf32>, tensor<6x3x3x3xf32>, tensor<6xf32>) -> tensor<?x6x4x4xf32>
  return %y : tensor<?x6x4x4xf32>
}

// -----

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[G:[^ ,:#)]+]]: tensor<?x2x2x6xf32>)
// CHECK:         spiking.conv_weight_gradient %{{.*}} {groups = 3 : i64, layout = #spiking.layout<channels_last>}
// CHECK:         spiking.reduce_sum %[[G]] {dims = array<i64: 0, 1, 2>}
func.func @f(%x: tensor<?x4x4x3xi1>, %w: tensor<3x3x1x6xf32>, %b: tensor<6xf32>) -> tensor<?x2x2x6xf32> {
  %y = spiking.conv %x, %w, %b {groups = 3, layout = #spiking.layout<channels_last>}
      : (tensor<?x4x4x3xi1>, tensor<3x3x1x6xf32>, tensor<6xf32>) -> tensor<?x2x2x6xf32>
  return %y : tensor<?x2x2x6xf32>
}

// -----

// Pooling: the cotangent of a mean is divided first.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<2x3x8x8xf32>, %[[G:[^ ,:#)]+]]: tensor<2x3x2x2xf32>)
// CHECK:         %[[N:[^ ,:#)]+]] = arith.constant dense<4.000000e+00>
// CHECK:         %[[M:[^ ,:#)]+]] = spiking.max_pool %[[X]]
// CHECK:         %[[DS:[^ ,:#)]+]] = spiking.sum_pool_gradient %[[G]] {kernel = array<i64: 2, 2>} : (tensor<2x3x2x2xf32>) -> tensor<2x3x4x4xf32>
// CHECK:         %[[D:[^ ,:#)]+]] = arith.divf %[[DS]], %[[N]]
// CHECK:         %[[DA:[^ ,:#)]+]] = spiking.sum_pool_gradient %[[D]] {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x5x5xf32>
// CHECK:         spiking.max_pool_gradient %[[X]], %[[DA]] {kernel = array<i64: 2, 2>, padding = array<i64: 1, 1>} : {{.*}} -> tensor<2x3x8x8xf32>
func.func @f(%x: tensor<2x3x8x8xf32>) -> tensor<2x3x2x2xf32> {
  %m = spiking.max_pool %x {kernel = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<2x3x8x8xf32>) -> tensor<2x3x5x5xf32>
  %a = spiking.avg_pool %m {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>} : (tensor<2x3x5x5xf32>) -> tensor<2x3x4x4xf32>
  %s = spiking.sum_pool %a {kernel = array<i64: 2, 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32>
  return %s : tensor<2x3x2x2xf32>
}

// -----

// Batch normalization reads what normalized; running statistics have no gradient.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x?x8xf32>, %[[GAMMA:[^ ,:#)]+]]: tensor<8xf32>, %{{.*}}: tensor<8xf32>, %{{.*}}: tensor<8xf32> {spiking.role = "state"}, %{{.*}}: tensor<8xf32> {spiking.role = "state"}, %[[G:[^ ,:#)]+]]: tensor<?x?x8xf32>)
// CHECK:         %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %[[MEAN:[^ ,:#)]+]], %[[RSTD:[^ ,:#)]+]] = spiking.batch_norm %[[X]]
// CHECK:         %[[DX:[^ ,:#)]+]], %[[DG:[^ ,:#)]+]], %[[DB:[^ ,:#)]+]] = spiking.batch_norm_gradient %[[X]], %[[G]] scale(%[[GAMMA]]) saved(%[[MEAN]], %[[RSTD]]) {sequence = true, statistics = #spiking.statistics<merged>}
// CHECK:         return %{{[^ ,]+}}, %[[DX]], %[[DG]], %[[DB]] :
func.func @f(%x: tensor<?x?x8xf32>, %gamma: tensor<8xf32>, %beta: tensor<8xf32>, %mean: tensor<8xf32> {spiking.role = "state"},
             %variance: tensor<8xf32> {spiking.role = "state"}) -> tensor<?x?x8xf32> {
  %y, %m, %v, %sm, %sr = spiking.batch_norm %x scale(%gamma) shift(%beta) running(%mean, %variance)
      {statistics = #spiking.statistics<merged>, sequence = true}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return %y : tensor<?x?x8xf32>
}

// -----

// Dropout has the same mask again; shapes change back.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[SEED:[^ ,:#)]+]]: tensor<i64>, %[[G:[^ ,:#)]+]]: tensor<?x?x24xf32>)
// CHECK:         %[[D:[^ ,:#)]+]] = spiking.dropout %[[G]] seed(%[[SEED]]) {id = 3 : i64, p = 5.000000e-01 : f64, sequence = true}
// CHECK:         %[[U:[^ ,:#)]+]] = spiking.unflatten %[[D]] {dims = 3 : i64} : {{.*}} -> tensor<?x?x3x4x2xf32>
// CHECK:         spiking.transpose %[[U]] {permutation = array<i64: 1, 2, 0>} : {{.*}} -> tensor<?x?x4x2x3xf32>
func.func @f(%x: tensor<?x?x4x2x3xf32>, %seed: tensor<i64>) -> tensor<?x?x24xf32> {
  %t = spiking.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x4x2x3xf32>) -> tensor<?x?x3x4x2xf32>
  %y = spiking.flatten %t {dims = 3} : (tensor<?x?x3x4x2xf32>) -> tensor<?x?x24xf32>
  %d = spiking.dropout %y seed(%seed) {p = 0.5, id = 3, sequence = true} : (tensor<?x?x24xf32>, tensor<i64>) -> tensor<?x?x24xf32>
  return %d : tensor<?x?x24xf32>
}

// -----

// A value that is used twice: its contributions are added. A delay advances.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[G:[^ ,:#)]+]]: tensor<?x?x4xf32>)
// CHECK:         %[[D:[^ ,:#)]+]] = spiking.delay %[[G]] {steps = -2 : i64}
// CHECK:         %[[DX:[^ ,:#)]+]] = arith.addf %[[G]], %[[D]]
// CHECK:         return %{{[^ ,]+}}, %[[DX]]
func.func @f(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %d = spiking.delay %x {steps = 2} : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = spiking.add %d, %x : (tensor<?x?x4xf32>, tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// -----

// Direct encoding sums over time; spike encoders have a gradient of zero.

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[G:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[GP:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[GL:[^ ,:#)]+]]: tensor<?x?x4xf32>)
// CHECK:         %[[DX:[^ ,:#)]+]] = spiking.reduce_sum %[[G]] {dims = array<i64: 0>}
// CHECK:         %[[Z:[^ ,:#)]+]] = tensor.splat %{{.*}} : tensor<?x4xf32>
// CHECK:         return %{{.*}}, %{{.*}}, %{{.*}}, %[[DX]], %[[Z]]
func.func @f(%x: tensor<?x4xf32>, %p: tensor<?x4xf32>, %seed: tensor<i64>, %T: index) -> (tensor<?x?x4xf32>, tensor<?x?x4xi1>, tensor<?x?x4xi1>) {
  %r = spiking.repeat %x times(%T) : (tensor<?x4xf32>) -> tensor<?x?x4xf32>
  %s = spiking.poisson %p seed(%seed) times(%T) {id = 0} : tensor<?x4xf32>, tensor<i64> -> tensor<?x?x4xi1>
  %l = spiking.latency %p times(%T) : (tensor<?x4xf32>) -> tensor<?x?x4xi1>
  return %r, %s, %l : tensor<?x?x4xf32>, tensor<?x?x4xi1>, tensor<?x?x4xi1>
}

// -----

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x?x4xf32>, %[[GR:[^ ,:#)]+]]: tensor<?x4xf32>, %[[GS:[^ ,:#)]+]]: tensor<?x4xf32>, %[[GM:[^ ,:#)]+]]: tensor<?x4xf32>, %[[GL:[^ ,:#)]+]]: tensor<?x4xf32>, %[[GF:[^ ,:#)]+]]: tensor<?x4xf32>)
// CHECK-DAG:     %[[T:[^ ,:#)]+]] = tensor.dim %[[X]], %c0
// The last step.
// CHECK:         %[[TM:[^ ,:#)]+]] = arith.subi %[[T]], %c1
// CHECK:         %[[L:[^ ,:#)]+]] = tensor.insert_slice %[[GL]] into %{{.*}}[%[[TM]], 0, 0]
// The first maximum.
// CHECK:         %[[M:[^ ,:#)]+]] = spiking.readout_max_gradient %[[X]], %[[GM]]
// The sum, and the mean.
// CHECK:         spiking.repeat %[[GS]] times(%[[T]])
// CHECK:         %[[Q:[^ ,:#)]+]] = arith.divf %[[GR]]
// CHECK:         spiking.repeat %[[Q]] times(%[[T]])
// CHECK-NOT:     %[[GF]]
// CHECK:         return
func.func @f(%x: tensor<?x?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %r = spiking.readout %x {kind = #spiking.readout<rate>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %s = spiking.readout %x {kind = #spiking.readout<sum>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %m = spiking.readout %x {kind = #spiking.readout<max>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %l = spiking.readout %x {kind = #spiking.readout<last>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %t = spiking.readout %x {kind = #spiking.readout<first_spike>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  return %r, %s, %m, %l, %t : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x10xf32>, %[[Y:[^ ,:#)]+]]: tensor<?xi32>, %[[G:[^ ,:#)]+]]: tensor<f32>)
// CHECK:         spiking.cross_entropy_gradient %[[X]], %[[Y]], %[[G]]
// CHECK-NOT:     count_correct_gradient
func.func @f(%x: tensor<?x10xf32>, %y: tensor<?xi32>) -> (tensor<f32>, tensor<i32>) {
  %l = spiking.cross_entropy %x, %y : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
  %c = spiking.count_correct %x, %y : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
  return %l, %c : tensor<f32>, tensor<i32>
}

// -----

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[P:[^ ,:#)]+]]: tensor<?x10xf32>, %[[T:[^ ,:#)]+]]: tensor<?x10xf32>, %[[G:[^ ,:#)]+]]: tensor<f32>)
// CHECK:         %[[D:[^ ,:#)]+]] = arith.subf %[[P]], %[[T]]
// CHECK:         %[[D2:[^ ,:#)]+]] = arith.mulf %{{[^ ,]+}}, %[[D]]
// CHECK:         %[[DN:[^ ,:#)]+]] = arith.divf %[[D2]], %{{.*}}
// CHECK:         %[[GB:[^ ,:#)]+]] = spiking.broadcast %[[G]] sizes(%{{.*}}) : tensor<f32> -> tensor<?x10xf32>
// CHECK:         %[[DP:[^ ,:#)]+]] = arith.mulf %[[DN]], %[[GB]]
// CHECK:         %[[DT:[^ ,:#)]+]] = arith.negf %[[DP]]
// CHECK:         return %{{[^ ,]+}}, %[[DP]], %[[DT]]
func.func @f(%p: tensor<?x10xf32>, %t: tensor<?x10xf32>) -> tensor<f32> {
  %l = spiking.mean_squared_error %p, %t : (tensor<?x10xf32>, tensor<?x10xf32>) -> tensor<f32>
  return %l : tensor<f32>
}

// -----

// CHECK-LABEL: func @f_gradient
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<2x3x4xf32>, %[[Y:[^ ,:#)]+]]: tensor<1x4xf32>, %[[GR:[^ ,:#)]+]]: tensor<3xf32>, %[[GB:[^ ,:#)]+]]: tensor<2x3x4xf32>)
// CHECK:         %[[S:[^ ,:#)]+]] = spiking.reduce_sum %[[GB]] {dims = array<i64: 0>}
// CHECK:         %[[DY:[^ ,:#)]+]] = spiking.reduce_sum %[[S]] {dims = array<i64: 0>, keep_dims = true} : (tensor<3x4xf32>) -> tensor<1x4xf32>
// CHECK:         %[[E:[^ ,:#)]+]] = tensor.expand_shape %[[GR]] {{\[\[}}0, 1, 2]] output_shape [1, 3, 1]
// CHECK:         %[[DX:[^ ,:#)]+]] = spiking.broadcast %[[E]] : tensor<1x3x1xf32> -> tensor<2x3x4xf32>
// CHECK:         return %{{[^ ,]+}}, %{{[^ ,]+}}, %[[DX]], %[[DY]]
func.func @f(%x: tensor<2x3x4xf32>, %y: tensor<1x4xf32>) -> (tensor<3xf32>, tensor<2x3x4xf32>) {
  %r = spiking.reduce_sum %x {dims = array<i64: 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3xf32>
  %b = spiking.broadcast %y : tensor<1x4xf32> -> tensor<2x3x4xf32>
  return %r, %b : tensor<3xf32>, tensor<2x3x4xf32>
}
