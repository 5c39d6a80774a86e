// RUN: snn-opt %s --split-input-file --spiking-build-training-step --canonicalize --cse | FileCheck %s

// Adam; a state that training updates; a metric with and one without a name.

// The forward function is for inference: no result for the statistics.
// CHECK-LABEL: func.func @forward(
// CHECK-NOT:     spiking.training
// CHECK-SAME:    -> (tensor<?x4xi1> {spiking.name = "spikes"}) {
// CHECK:         spiking.batch_norm {{.*}}mode = #spiking.mode<inference>

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME:    %[[W:[^ ,:#)]+]]: tensor<8x4xf32> {bufferization.writable = true, spiking.initializer = #spiking.init<constant, value = 1.0>, spiking.name = "w", spiking.role = "parameter"},
// CHECK-SAME:    %[[M:[^ ,:#)]+]]: tensor<8x4xf32> {bufferization.writable = true, spiking.initializer = #spiking.init<constant>, spiking.name = "w.adam_m", spiking.role = "optimizer"},
// CHECK-SAME:    %[[V:[^ ,:#)]+]]: tensor<8x4xf32> {{{[^}]*}}spiking.name = "w.adam_v", spiking.role = "optimizer"},
// CHECK-SAME:    %[[MEAN:[^ ,:#)]+]]: tensor<4xf32> {bufferization.writable = true, {{[^}]*}}spiking.name = "mean", spiking.role = "state"},
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x8xf32> {bufferization.writable = false, spiking.name = "x", spiking.role = "input"},
// CHECK-SAME:    %[[L:[^ ,:#)]+]]: tensor<?xi32> {{{[^}]*}}spiking.name = "labels", spiking.role = "label"},
// CHECK-SAME:    %[[T:[^ ,:#)]+]]: index {spiking.role = "time_steps"},
// CHECK-SAME:    %[[SEED:[^ ,:#)]+]]: tensor<i64> {{{[^}]*}}spiking.role = "seed"},
// CHECK-SAME:    %[[RATE:[^ ,:#)]+]]: tensor<f32> {{{[^}]*}}spiking.role = "learning_rate"},
// CHECK-SAME:    %[[STEP:[^ ,:#)]+]]: tensor<i64> {{{[^}]*}}spiking.role = "step"})
// CHECK-SAME:    -> (tensor<8x4xf32> {spiking.aliases = 0 : i64, spiking.name = "w", spiking.role = "parameter"},
// CHECK-SAME:    tensor<8x4xf32> {spiking.aliases = 1 : i64, spiking.name = "w.adam_m", spiking.role = "optimizer"},
// CHECK-SAME:    tensor<8x4xf32> {spiking.aliases = 2 : i64, spiking.name = "w.adam_v", spiking.role = "optimizer"},
// CHECK-SAME:    tensor<4xf32> {spiking.aliases = 3 : i64, spiking.name = "mean", spiking.role = "state"},
// CHECK-SAME:    tensor<f32> {spiking.name = "loss", spiking.role = "loss"}, tensor<i32> {spiking.name = "correct", spiking.role = "metric"},
// CHECK-SAME:    tensor<f32> {spiking.name = "error", spiking.role = "metric"}, tensor<f32> {spiking.name = "spike_rate", spiking.role = "metric"})
// CHECK-SAME:    attributes {spiking.training =
// CHECK:         spiking.batch_norm
// CHECK-NOT:     mode<inference>
// CHECK:         %[[LOSS:[^ ,:#)]+]] = spiking.cross_entropy
// The spikes of one step inside a loop are counted as its output.
// CHECK:         %[[RATES:[^ ,:#)]+]] = spiking.spike_rate %{{.*}} : (tensor<?x?x4xi1>)
// CHECK:         spiking.cross_entropy_gradient
// CHECK:         %[[C:[^ ,:#)]+]] = spiking.clip_gradients %[[DW:[^ ,:#)]+]] {max_norm = 2.000000e+00 : f64}
// CHECK:         %[[NW:[^ ,:#)]+]], %[[NM:[^ ,:#)]+]], %[[NV:[^ ,:#)]+]] = spiking.adam %[[W]], %[[C]] moments(%[[M]], %[[V]]) rate(%[[RATE]]) step(%[[STEP]]) {decoupled = true, weight_decay = 1.000000e-02 : f64}
// CHECK:         return %[[NW]], %[[NM]], %[[NV]], %{{[^ ,]+}}, %[[LOSS]], %{{[^ ,]+}}, %{{[^ ,]+}}, %[[RATES]]

// CHECK-LABEL: func.func @evaluate(
// CHECK-SAME:    %{{[^ ,]+}}: tensor<8x4xf32> {bufferization.writable = false, {{[^}]*}}"parameter"}, %{{[^ ,]+}}: tensor<4xf32> {bufferization.writable = false, {{[^}]*}}"state"}, %{{[^ ,]+}}: tensor<?x8xf32> {{{[^}]*}}"input"}, %{{[^ ,]+}}: tensor<?xi32> {{{[^}]*}}"label"}, %{{[^ ,]+}}: index {spiking.role = "time_steps"})
// CHECK-SAME:    -> (tensor<f32> {spiking.name = "loss", {{[^}]*}}}, tensor<i32> {spiking.name = "correct", {{[^}]*}}}, tensor<f32> {spiking.name = "error", {{[^}]*}}}, tensor<f32> {spiking.name = "spike_rate", {{[^}]*}}})
// CHECK:         mode<inference>
// CHECK-NOT:     gradient
// CHECK:         spiking.spike_rate
func.func @forward(%x: tensor<?x8xf32> {spiking.name = "x"}, %T: index {spiking.role = "time_steps"},
    %w: tensor<8x4xf32> {bufferization.writable = false, spiking.initializer = #spiking.init<constant, value = 1.0>, spiking.name = "w", spiking.role = "parameter"},
    %mean: tensor<4xf32> {bufferization.writable = true, spiking.initializer = #spiking.init<constant>, spiking.name = "mean", spiking.role = "state"})
    -> (tensor<?x4xi1> {spiking.name = "spikes"}, tensor<4xf32> {spiking.aliases = 3, spiking.name = "mean", spiking.role = "state"})
    attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<weight_decay = 0.01, decoupled = true>, clip_norm = 2.0>} {
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %false = arith.constant false
  %B = tensor.dim %x, %c0 : tensor<?x8xf32>
  %v0 = tensor.splat %zero[%B] : tensor<?x4xf32>
  %s0 = tensor.splat %false[%B] : tensor<?x4xi1>
  %i = spiking.linear %x, %w : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %n, %m, %nv, %sm, %sr = spiking.batch_norm %i scale(%one) shift(%one) running(%mean, %one)
      : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %v, %s = spiking.time_loop %t = 0 to %T state(%u = %v0 : tensor<?x4xf32>, %f = %s0 : tensor<?x4xi1>) {
    %s1, %u1 = spiking.lif %n, %u {decay = 0.5} : (tensor<?x4xf32>, tensor<?x4xf32>) -> (tensor<?x4xi1>, tensor<?x4xf32>)
    spiking.yield next(%u1, %s1 : tensor<?x4xf32>, tensor<?x4xi1>)
  }
  return %s, %m : tensor<?x4xi1>, tensor<4xf32>
}
func.func private @loss(%y: tensor<?x4xi1>, %labels: tensor<?xi32> {spiking.name = "labels"}, %T: index {spiking.role = "time_steps"})
    -> (tensor<f32>, tensor<i32>, tensor<f32> {spiking.name = "error"}) {
  %n = arith.uitofp %y : tensor<?x4xi1> to tensor<?x4xf32>
  %e = spiking.cross_entropy %n, %labels : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<f32>
  %c = spiking.count_correct %n, %labels : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<i32>
  %t = spiking.count_target %labels steps(%T) : tensor<?xi32> -> tensor<?x4xf32>
  %m = spiking.mean_squared_error %n, %t : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<f32>
  return %e, %c, %m : tensor<f32>, tensor<i32>, tensor<f32>
}

// -----

// SGD without and with momentum.

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME:    %[[W:[^ ,:#)]+]]: tensor<8x4xf64> {{{[^}]*}}}, %[[X:[^ ,:#)]+]]: tensor<?x8xf64> {{{[^}]*}}}, %{{[^ ,]+}}: tensor<?xi32> {{{[^}]*}}}, %{{[^ ,]+}}: tensor<i64> {{{[^}]*}}}, %[[RATE:[^ ,:#)]+]]: tensor<f32>
// CHECK:         %[[RATE64:[^ ,:#)]+]] = arith.extf %[[RATE]] : tensor<f32> to tensor<f64>
// CHECK:         spiking.sgd %[[W]], %{{[^ ,]+}} rate(%[[RATE64]]) {weight_decay = 1.000000e-01 : f64}
func.func @forward(%x: tensor<?x8xf64>, %w: tensor<8x4xf64> {spiking.initializer = #spiking.init<constant, value = 1.0>, spiking.name = "w", spiking.role = "parameter"})
    -> tensor<?x4xf64> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<weight_decay = 0.1>>} {
  %i = spiking.linear %x, %w : (tensor<?x8xf64>, tensor<8x4xf64>) -> tensor<?x4xf64>
  return %i : tensor<?x4xf64>
}
func.func private @loss(%y: tensor<?x4xf64>, %labels: tensor<?xi32>) -> tensor<f64> {
  %e = spiking.cross_entropy %y, %labels : (tensor<?x4xf64>, tensor<?xi32>) -> tensor<f64>
  return %e : tensor<f64>
}

// -----

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME:    %[[W:[^ ,:#)]+]]: tensor<4xf32> {bufferization.writable = true, {{[^}]*}}}, %[[B:[^ ,:#)]+]]: tensor<4xf32> {bufferization.writable = true, {{[^}]*}}spiking.name = "w.momentum", spiking.role = "optimizer"},
// CHECK-SAME:    %{{[^ ,]+}}: tensor<i64> {bufferization.writable = false, spiking.name = "noise", spiking.role = "seed"}
// CHECK:         %[[NW:[^ ,:#)]+]], %[[NB:[^ ,:#)]+]] = spiking.sgd %[[W]], %{{[^ ,]+}} rate(%{{[^ ,]+}}) buffer(%[[B]]) {momentum = 9.000000e-01 : f64, nesterov = true}
// CHECK:         return %[[NW]], %[[NB]],
// CHECK-LABEL: func.func @evaluate(
// CHECK-SAME:    "seed"
func.func @forward(%w: tensor<4xf32> {spiking.initializer = #spiking.init<constant, value = 1.0>, spiking.name = "w", spiking.role = "parameter"},
    %x: tensor<?x4xf32>, %seed: tensor<i64> {spiking.name = "noise", spiking.role = "seed"})
    -> tensor<?x4xf32> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<momentum = 0.9, nesterov = true>>} {
  %c0 = arith.constant 0 : index
  %B = tensor.dim %x, %c0 : tensor<?x4xf32>
  %wb = spiking.broadcast %w sizes(%B) : tensor<4xf32> -> tensor<?x4xf32>
  %y = arith.mulf %x, %wb : tensor<?x4xf32>
  %d = spiking.dropout %y seed(%seed) {p = 0.5, id = 0} : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
  return %d : tensor<?x4xf32>
}
func.func private @loss(%y: tensor<?x4xf32>, %labels: tensor<?xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %labels : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

// Nothing is trained.

// CHECK-LABEL: module
// CHECK-NOT:   @train_step
// CHECK:       func.func @forward
// CHECK-NOT:   @train_step
func.func @forward(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
