// RUN: snn-opt %s -split-input-file -verify-diagnostics

func.func @repeat_c1(%x: tensor<?x3xf32>, %T: index) {
  // expected-error@below {{'spiking.repeat' op expected 'tensor<?x3xf32>' with a leading time dimension, got 'tensor<?x?x4xf32>' (repeat_c1)}}
  %y = spiking.repeat %x times(%T) : (tensor<?x3xf32>) -> tensor<?x?x4xf32>
  return
}

// -----

func.func @repeat_c1_element(%x: tensor<?x3xf32>, %T: index) {
  // expected-error@below {{'spiking.repeat' op expected a result of type 'tensor<?x?x3xf32>', got 'tensor<?x?x3xf64>' (repeat_c1)}}
  %y = spiking.repeat %x times(%T) : (tensor<?x3xf32>) -> tensor<?x?x3xf64>
  return
}

// -----

func.func @poisson_c1(%x: tensor<?x3xf32>, %seed: tensor<i64>) {
  // expected-error@below {{'spiking.poisson' op expected either a number of time steps or the time step (poisson_c1)}}
  %s = spiking.poisson %x seed(%seed) {id = 0} : tensor<?x3xf32>, tensor<i64> -> tensor<?x3xi1>
  return
}

// -----

func.func @poisson_c1_both(%x: tensor<?x3xf32>, %seed: tensor<i64>, %T: index) {
  // expected-error@below {{'spiking.poisson' op expected either a number of time steps or the time step (poisson_c1)}}
  %s = spiking.poisson %x seed(%seed) times(%T) step(%T) {id = 0} : tensor<?x3xf32>, tensor<i64> -> tensor<?x3xi1>
  return
}

// -----

func.func @poisson_c2(%x: tensor<?x3xf32>, %seed: tensor<i64>, %T: index) {
  // expected-error@below {{'spiking.poisson' op expected 'tensor<?x3xf32>' with a leading time dimension, got 'tensor<?x3xi1>' (poisson_c2)}}
  %s = spiking.poisson %x seed(%seed) times(%T) {id = 0} : tensor<?x3xf32>, tensor<i64> -> tensor<?x3xi1>
  return
}

// -----

func.func @poisson_c2_step(%x: tensor<?x3xf32>, %seed: tensor<i64>, %t: index) {
  // expected-error@below {{'spiking.poisson' op expected spikes of shape [?, 3], got 'tensor<?x?x3xi1>' (poisson_c2)}}
  %s = spiking.poisson %x seed(%seed) step(%t) {id = 0} : tensor<?x3xf32>, tensor<i64> -> tensor<?x?x3xi1>
  return
}

// -----

func.func @poisson_c3(%x: tensor<f32>, %seed: tensor<i64>, %T: index) {
  // expected-error@below {{'spiking.poisson' op expected probabilities [B, ...], got 'tensor<f32>' (poisson_c3)}}
  %s = spiking.poisson %x seed(%seed) times(%T) {id = 0} : tensor<f32>, tensor<i64> -> tensor<?xi1>
  return
}

// -----

func.func @poisson_c3_seed(%x: tensor<?x3xf32>, %seed: tensor<2xi64>, %T: index) {
  // expected-error@below {{'spiking.poisson' op expected a seed of type 'tensor<i64>', got 'tensor<2xi64>' (poisson_c3)}}
  %s = spiking.poisson %x seed(%seed) times(%T) {id = 0} : tensor<?x3xf32>, tensor<2xi64> -> tensor<?x?x3xi1>
  return
}

// -----

func.func @latency_c1(%x: tensor<?x3xf32>, %T: index) {
  // expected-error@below {{'spiking.latency' op expected 'tensor<?x3xf32>' with a leading time dimension, got 'tensor<?x3xi1>' (latency_c1)}}
  %s = spiking.latency %x times(%T) : (tensor<?x3xf32>) -> tensor<?x3xi1>
  return
}

// -----

func.func @readout_c1(%x: tensor<?x8x3xi1>) {
  // expected-error@below {{'spiking.readout' op expected 'tensor<?x3xf32>' with a leading time dimension, got 'tensor<?x8x3xi1>' (readout_c1)}}
  %y = spiking.readout %x {kind = #spiking.readout<rate>} : (tensor<?x8x3xi1>) -> tensor<?x3xf32>
  return
}

// -----

func.func @readout_c1_scalar(%x: tensor<f32>) {
  // expected-error@below {{'spiking.readout' op expected 'tensor<f32>' with a leading time dimension, got 'tensor<f32>' (readout_c1)}}
  %y = spiking.readout %x {kind = #spiking.readout<last>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @readout_c2(%x: tensor<?x8x3xf32>) {
  // expected-error@below {{'spiking.readout' op expected a result of type 'tensor<8x3xf32>', got 'tensor<8x3xf64>' (readout_c2)}}
  %y = spiking.readout %x {kind = #spiking.readout<max>} : (tensor<?x8x3xf32>) -> tensor<8x3xf64>
  return
}

// -----

func.func @readout_max_gradient_c1(%x: tensor<?x8x3xf32>, %g: tensor<8x4xf32>) {
  // expected-error@below {{'spiking.readout_max_gradient' op expected 'tensor<8x4xf32>' with a leading time dimension, got 'tensor<?x8x3xf32>' (readout_max_gradient_c1)}}
  %y = spiking.readout_max_gradient %x, %g : (tensor<?x8x3xf32>, tensor<8x4xf32>) -> tensor<?x8x3xf32>
  return
}

// -----

func.func @readout_max_gradient_c2(%x: tensor<?x8x3xi1>, %g: tensor<8x3xf32>) {
  // expected-error@below {{'spiking.readout_max_gradient' op expected a result of type 'tensor<?x8x3xf32>', got 'tensor<4x8x3xf32>' (readout_max_gradient_c2)}}
  %y = spiking.readout_max_gradient %x, %g : (tensor<?x8x3xi1>, tensor<8x3xf32>) -> tensor<4x8x3xf32>
  return
}

// -----

func.func @readout_max_gradient_c2_element(%x: tensor<?x8x3xf64>, %g: tensor<8x3xf32>) {
  // expected-error@below {{'spiking.readout_max_gradient' op expected a gradient of 'f64', got 'tensor<8x3xf32>' (readout_max_gradient_c2)}}
  %y = spiking.readout_max_gradient %x, %g : (tensor<?x8x3xf64>, tensor<8x3xf32>) -> tensor<?x8x3xf32>
  return
}

// -----

func.func @cross_entropy_c1(%l: tensor<8x10xf32>, %c: tensor<9xi32>) {
  // expected-error@below {{'spiking.cross_entropy' op expected logits [B, C] and labels [B], got 'tensor<8x10xf32>' and 'tensor<9xi32>' (cross_entropy_c1)}}
  %y = spiking.cross_entropy %l, %c : (tensor<8x10xf32>, tensor<9xi32>) -> tensor<f32>
  return
}

// -----

func.func @cross_entropy_c1_sequence(%l: tensor<4x8x10xf32>, %c: tensor<8xi32>) {
  // expected-error@below {{'spiking.cross_entropy' op expected logits [B, C] and labels [B], got 'tensor<4x8x10xf32>' and 'tensor<8xi32>' (cross_entropy_c1)}}
  %y = spiking.cross_entropy %l, %c : (tensor<4x8x10xf32>, tensor<8xi32>) -> tensor<f32>
  return
}

// -----

func.func @cross_entropy_c1_loss(%l: tensor<8x10xf32>, %c: tensor<8xi32>) {
  // expected-error@below {{'spiking.cross_entropy' op expected a loss of type 'tensor<f32>', got 'tensor<8xf32>' (cross_entropy_c1)}}
  %y = spiking.cross_entropy %l, %c : (tensor<8x10xf32>, tensor<8xi32>) -> tensor<8xf32>
  return
}

// -----

func.func @cross_entropy_gradient_c1(%l: tensor<8x10xf32>, %c: tensor<?x1xi32>, %g: tensor<f32>) {
  // expected-error@below {{'spiking.cross_entropy_gradient' op expected logits [B, C] and labels [B], got 'tensor<8x10xf32>' and 'tensor<?x1xi32>' (cross_entropy_gradient_c1)}}
  %y = spiking.cross_entropy_gradient %l, %c, %g : (tensor<8x10xf32>, tensor<?x1xi32>, tensor<f32>) -> tensor<8x10xf32>
  return
}

// -----

func.func @cross_entropy_gradient_c1_gradient(%l: tensor<8x10xf32>, %c: tensor<?xi32>, %g: tensor<f64>) {
  // expected-error@below {{'spiking.cross_entropy_gradient' op expected a gradient of type 'tensor<f32>', got 'tensor<f64>' (cross_entropy_gradient_c1)}}
  %y = spiking.cross_entropy_gradient %l, %c, %g : (tensor<8x10xf32>, tensor<?xi32>, tensor<f64>) -> tensor<8x10xf32>
  return
}

// -----

func.func @cross_entropy_gradient_c1_result(%l: tensor<8x10xf32>, %c: tensor<?xi32>, %g: tensor<f32>) {
  // expected-error@below {{'spiking.cross_entropy_gradient' op expected a result of type 'tensor<8x10xf32>', got 'tensor<8x11xf32>' (cross_entropy_gradient_c1)}}
  %y = spiking.cross_entropy_gradient %l, %c, %g : (tensor<8x10xf32>, tensor<?xi32>, tensor<f32>) -> tensor<8x11xf32>
  return
}

// -----

func.func @mean_squared_error_c1(%p: tensor<8x10xf32>, %t: tensor<8x9xf32>) {
  // expected-error@below {{'spiking.mean_squared_error' op expected a target of type 'tensor<8x10xf32>', got 'tensor<8x9xf32>' (mean_squared_error_c1)}}
  %y = spiking.mean_squared_error %p, %t : (tensor<8x10xf32>, tensor<8x9xf32>) -> tensor<f32>
  return
}

// -----

func.func @mean_squared_error_c1_loss(%p: tensor<8x10xf32>, %t: tensor<8x10xf32>) {
  // expected-error@below {{'spiking.mean_squared_error' op expected a loss of type 'tensor<f32>', got 'tensor<f64>' (mean_squared_error_c1)}}
  %y = spiking.mean_squared_error %p, %t : (tensor<8x10xf32>, tensor<8x10xf32>) -> tensor<f64>
  return
}

// -----

func.func @count_target_c1(%c: tensor<?xi32>, %T: index) {
  // expected-error@below {{'spiking.count_target' op expected labels [B] and counts [B, C] with a static number of classes, got 'tensor<?xi32>' and 'tensor<8x10xf32>' (count_target_c1)}}
  %y = spiking.count_target %c steps(%T) : tensor<?xi32> -> tensor<8x10xf32>
  return
}

// -----

func.func @count_target_c1_classes(%c: tensor<?xi32>, %T: index) {
  // expected-error@below {{'spiking.count_target' op expected labels [B] and counts [B, C] with a static number of classes, got 'tensor<?xi32>' and 'tensor<?x?xf32>' (count_target_c1)}}
  %y = spiking.count_target %c steps(%T) : tensor<?xi32> -> tensor<?x?xf32>
  return
}

// -----

func.func @count_target_c2(%c: tensor<?xi32>, %T: index) {
  // expected-error@below {{'spiking.count_target' op rates must be between 0 and 1, got -0.5 (count_target_c2)}}
  %y = spiking.count_target %c steps(%T) {incorrect_rate = -0.5} : tensor<?xi32> -> tensor<?x10xf32>
  return
}

// -----

func.func @count_correct_c1(%l: tensor<?xf32>, %c: tensor<?xi32>) {
  // expected-error@below {{'spiking.count_correct' op expected logits [B, C] and labels [B], got 'tensor<?xf32>' and 'tensor<?xi32>' (count_correct_c1)}}
  %y = spiking.count_correct %l, %c : (tensor<?xf32>, tensor<?xi32>) -> tensor<i32>
  return
}

// -----

func.func @count_correct_c1_count(%l: tensor<?x10xf32>, %c: tensor<?xi32>) {
  // expected-error@below {{'spiking.count_correct' op expected a result of type 'tensor<i32>', got 'tensor<1xi32>' (count_correct_c1)}}
  %y = spiking.count_correct %l, %c : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<1xi32>
  return
}

// -----

func.func @spike_rate_c1(%s: tensor<?x10xi1>) {
  // expected-error@below {{'spiking.spike_rate' op expected a result of type 'tensor<f32>', got 'tensor<10xf32>' (spike_rate_c1)}}
  %y = spiking.spike_rate %s : (tensor<?x10xi1>) -> tensor<10xf32>
  return
}

// -----

func.func @reduce_sum_c1(%x: tensor<?x8x3xf32>) {
  // expected-error@below {{'spiking.reduce_sum' op expected ascending dimensions of 'tensor<?x8x3xf32>', got [1, 0] (reduce_sum_c1)}}
  %y = spiking.reduce_sum %x {dims = array<i64: 1, 0>} : (tensor<?x8x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @reduce_sum_c1_range(%x: tensor<?x8x3xf32>) {
  // expected-error@below {{'spiking.reduce_sum' op expected ascending dimensions of 'tensor<?x8x3xf32>', got [3] (reduce_sum_c1)}}
  %y = spiking.reduce_sum %x {dims = array<i64: 3>} : (tensor<?x8x3xf32>) -> tensor<?x8x3xf32>
  return
}

// -----

func.func @reduce_sum_c2(%x: tensor<?x8x3xf32>) {
  // expected-error@below {{'spiking.reduce_sum' op expected a result of type 'tensor<3xf32>', got 'tensor<8xf32>' (reduce_sum_c2)}}
  %y = spiking.reduce_sum %x {dims = array<i64: 0, 1>} : (tensor<?x8x3xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @reduce_sum_c2_keep(%x: tensor<?x8x3xf32>) {
  // expected-error@below {{'spiking.reduce_sum' op expected a result of type 'tensor<1x1x3xf32>', got 'tensor<3xf32>' (reduce_sum_c2)}}
  %y = spiking.reduce_sum %x {dims = array<i64: 0, 1>, keep_dims = true} : (tensor<?x8x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @broadcast_c1(%x: tensor<4x1xf32>) {
  // expected-error@below {{'spiking.broadcast' op cannot broadcast 'tensor<4x1xf32>' to 'tensor<5x3xf32>' (broadcast_c1)}}
  %y = spiking.broadcast %x : tensor<4x1xf32> -> tensor<5x3xf32>
  return
}

// -----

func.func @broadcast_c1_element(%x: tensor<4x1xf32>) {
  // expected-error@below {{'spiking.broadcast' op cannot broadcast 'tensor<4x1xf32>' to 'tensor<4x3xf64>' (broadcast_c1)}}
  %y = spiking.broadcast %x : tensor<4x1xf32> -> tensor<4x3xf64>
  return
}

// -----

func.func @broadcast_c1_rank(%x: tensor<1x4x1xf32>) {
  // expected-error@below {{'spiking.broadcast' op cannot broadcast 'tensor<1x4x1xf32>' to 'tensor<4x3xf32>' (broadcast_c1)}}
  %y = spiking.broadcast %x : tensor<1x4x1xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @broadcast_c1_sizes(%x: tensor<1x1xf32>, %B: index) {
  // expected-error@below {{'spiking.broadcast' op expected 2 sizes for 'tensor<?x?xf32>', got 1 (broadcast_c1)}}
  %y = spiking.broadcast %x sizes(%B) : tensor<1x1xf32> -> tensor<?x?xf32>
  return
}

// -----

func.func @sgd_c1(%p: tensor<8xf32>, %g: tensor<9xf32>, %lr: tensor<f32>) {
  // expected-error@below {{'spiking.sgd' op expected a value like the parameter of type 'tensor<8xf32>', got 'tensor<9xf32>' (sgd_c1)}}
  %y = spiking.sgd %p, %g rate(%lr) : (tensor<8xf32>, tensor<9xf32>, tensor<f32>) -> tensor<8xf32>
  return
}

// -----

func.func @sgd_c1_rate(%p: tensor<8xf32>, %lr: tensor<1xf32>) {
  // expected-error@below {{'spiking.sgd' op expected a learning rate of type 'tensor<f32>', got 'tensor<1xf32>' (sgd_c1)}}
  %y = spiking.sgd %p, %p rate(%lr) : (tensor<8xf32>, tensor<8xf32>, tensor<1xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @sgd_c2(%p: tensor<8xf32>, %lr: tensor<f32>) {
  // expected-error@below {{'spiking.sgd' op expected a buffer and a new one with momentum 0.5 (sgd_c2)}}
  %y = spiking.sgd %p, %p rate(%lr) {momentum = 0.5} : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return
}

// -----

func.func @sgd_c2_buffer(%p: tensor<8xf32>, %lr: tensor<f32>) {
  // expected-error@below {{'spiking.sgd' op expected no buffer with momentum 0.0 (sgd_c2)}}
  %y:2 = spiking.sgd %p, %p rate(%lr) buffer(%p) : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @sgd_c3(%p: tensor<8xf32>, %lr: tensor<f32>) {
  // expected-error@below {{'spiking.sgd' op momentum and weight decay must not be negative, and nesterov needs momentum (sgd_c3)}}
  %y = spiking.sgd %p, %p rate(%lr) {weight_decay = -1.0} : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return
}

// -----

func.func @sgd_c3_nesterov(%p: tensor<8xf32>, %lr: tensor<f32>) {
  // expected-error@below {{'spiking.sgd' op momentum and weight decay must not be negative, and nesterov needs momentum (sgd_c3)}}
  %y = spiking.sgd %p, %p rate(%lr) {nesterov = true} : (tensor<8xf32>, tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
  return
}

// -----

func.func @adam_c1(%p: tensor<8xf32>, %m: tensor<7xf32>, %lr: tensor<f32>, %s: tensor<i64>) {
  // expected-error@below {{'spiking.adam' op expected a value like the parameter of type 'tensor<8xf32>', got 'tensor<7xf32>' (adam_c1)}}
  %y:3 = spiking.adam %p, %p moments(%m, %p) rate(%lr) step(%s) : (tensor<8xf32>, tensor<8xf32>, tensor<7xf32>, tensor<8xf32>, tensor<f32>, tensor<i64>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @adam_c1_step(%p: tensor<8xf32>, %lr: tensor<f32>, %s: tensor<8xi64>) {
  // expected-error@below {{'spiking.adam' op expected a step of type 'tensor<i64>', got 'tensor<8xi64>' (adam_c1)}}
  %y:3 = spiking.adam %p, %p moments(%p, %p) rate(%lr) step(%s) : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<8xi64>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @adam_c2(%p: tensor<8xf32>, %lr: tensor<f32>, %s: tensor<i64>) {
  // expected-error@below {{'spiking.adam' op beta1 and beta2 must be at least 0 and less than 1, got 1.0 (adam_c2)}}
  %y:3 = spiking.adam %p, %p moments(%p, %p) rate(%lr) step(%s) {beta2 = 1.0} : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<i64>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @adam_c2_epsilon(%p: tensor<8xf32>, %lr: tensor<f32>, %s: tensor<i64>) {
  // expected-error@below {{'spiking.adam' op epsilon and weight decay must not be negative, got -1.0E-8 (adam_c2)}}
  %y:3 = spiking.adam %p, %p moments(%p, %p) rate(%lr) step(%s) {epsilon = -1.0e-8} : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<i64>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @clip_gradients_c1(%a: tensor<8xf32>, %b: tensor<3xf32>) {
  // expected-error@below {{'spiking.clip_gradients' op expected results of types ('tensor<8xf32>', 'tensor<3xf32>'), got ('tensor<3xf32>', 'tensor<8xf32>') (clip_gradients_c1)}}
  %y:2 = spiking.clip_gradients %a, %b {max_norm = 1.0} : (tensor<8xf32>, tensor<3xf32>) -> (tensor<3xf32>, tensor<8xf32>)
  return
}

// -----

func.func @clip_gradients_c1_element(%a: tensor<8xf32>, %b: tensor<3xf64>) {
  // expected-error@below {{'spiking.clip_gradients' op expected gradients of one element type, got 'f32' and 'f64' (clip_gradients_c1)}}
  %y:2 = spiking.clip_gradients %a, %b {max_norm = 1.0} : (tensor<8xf32>, tensor<3xf64>) -> (tensor<8xf32>, tensor<3xf64>)
  return
}

// -----

func.func @clip_gradients_c2(%a: tensor<8xf32>) {
  // expected-error@below {{'spiking.clip_gradients' op max_norm must be positive, got 0.0 (clip_gradients_c2)}}
  %y = spiking.clip_gradients %a {max_norm = 0.0} : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @clip_gradients_c2_epsilon(%a: tensor<8xf32>) {
  // expected-error@below {{'spiking.clip_gradients' op epsilon must not be negative, got -1.0 (clip_gradients_c2)}}
  %y = spiking.clip_gradients %a {max_norm = 1.0, epsilon = -1.0} : (tensor<8xf32>) -> tensor<8xf32>
  return
}
