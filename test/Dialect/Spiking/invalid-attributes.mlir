// RUN: snn-opt %s -split-input-file -verify-diagnostics

func.func @spiking_c1(%x: tensor<4x8xf32>) {
  // expected-error@below {{'spiking.lif' op has no attribute 'treshold'; did you mean 'threshold'? (spiking_c1)}}
  %s, %v = spiking.lif %x {decay = 0.5, treshold = 1.0} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @spiking_c1_generic(%x: tensor<4x8xf32>) {
  // expected-error@below {{'spiking.detach' op has no attribute 'color' (spiking_c1)}}
  %y = "spiking.detach"(%x) {color = "red"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

// expected-error@below {{'func.func' op unknown attribute 'spiking.trainig', expected 'spiking.training' (spiking_c2)}}
func.func @spiking_c2() attributes {spiking.trainig = 1} {
  return
}

// -----

// expected-error@below {{'func.func' op spiking.role belongs to an argument or result of a function (spiking_c2)}}
func.func @spiking_c2_place() attributes {spiking.role = "input"} {
  return
}

// -----

// expected-error@below {{'func.func' op unknown attribute 'spiking.rule' of argument 0, expected 'spiking.role', 'spiking.name' or 'spiking.initializer' of a function's argument (spiking_c2)}}
func.func @spiking_c2_argument(%x: tensor<4xf32> {spiking.rule = "input"}) {
  return
}

// -----

// expected-error@below {{'func.func' op unknown attribute 'spiking.initializer' of result 0, expected 'spiking.role', 'spiking.name' or 'spiking.aliases' of a function's result (spiking_c2)}}
func.func @spiking_c2_result(%x: tensor<4xf32>) -> (tensor<4xf32> {spiking.initializer = 0}) {
  return %x : tensor<4xf32>
}

// -----

func.func @spiking_c4(%x: tensor<4xf32>) {
  // expected-error@below {{'tensor.empty' op expected spiking.spikes to be the numbers of operands of bytes, got array<i64: 0> (spiking_c4)}}
  %y = tensor.empty() {spiking.spikes = array<i64: 0>} : tensor<4xi8>
  return
}

// -----

// expected-error@below {{'func.func' op expected spiking.role of argument 0 to be one of parameter, optimizer, state, input, label, time_steps, learning_rate, seed, step; got "weight" (role_c1)}}
func.func @role_c1(%x: tensor<4xf32> {spiking.role = "weight"}) {
  return
}

// -----

// expected-error@below {{'func.func' op expected spiking.role of result 0 to be one of parameter, optimizer, state, loss, metric, output; got "seed" (role_c1)}}
func.func @role_c1_result(%x: tensor<4xf32>) -> (tensor<4xf32> {spiking.role = "seed"}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{'func.func' op expected spiking.name of argument 0 to be a string, got "" (name_c1)}}
func.func @name_c1(%x: tensor<4xf32> {spiking.name = ""}) {
  return
}

// -----

// expected-error@below {{'func.func' op spiking.name of argument 1 is that of number 0, too: "x" (name_c1)}}
func.func @name_c1_twice(%x: tensor<4xf32> {spiking.name = "x"}, %y: tensor<4xf32> {spiking.name = "x"}) {
  return
}

// -----

// expected-error@below {{'func.func' op spiking.name of result 1 is that of number 0, too: "loss" (name_c1)}}
func.func @name_c1_results(%x: tensor<f32>) -> (tensor<f32> {spiking.name = "loss"}, tensor<f32> {spiking.name = "loss"}) {
  return %x, %x : tensor<f32>, tensor<f32>
}

// -----

// expected-error@below {{'func.func' op spiking.initializer of argument 0 needs a role that persists: parameter, optimizer or state (initializer_c1)}}
func.func @initializer_c1(%x: tensor<4xf32> {spiking.role = "input", spiking.initializer = #spiking.init<constant>}) {
  return
}

// -----

// expected-error@below {{'func.func' op expected spiking.initializer of argument 0 to be a #spiking.init or elements of type 'tensor<4xf32>' (initializer_c1)}}
func.func @initializer_c1_elements(%x: tensor<4xf32> {spiking.role = "parameter", spiking.initializer = dense<0.0> : tensor<5xf32>}) {
  return
}

// -----

// expected-error@below {{'func.func' op expected spiking.aliases of result 0 to be the index of an argument of type 'tensor<4xf32>', got 1 : i64 (aliases_c1)}}
func.func @aliases_c1(%x: tensor<4xf32>, %y: tensor<5xf32>) -> (tensor<4xf32> {spiking.aliases = 1}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{'func.func' op expected spiking.aliases of result 0 to be the index of an argument of type 'tensor<4xf32>', got -1 : i64 (aliases_c1)}}
func.func @aliases_c1_range(%x: tensor<4xf32>) -> (tensor<4xf32> {spiking.aliases = -1}) {
  return %x : tensor<4xf32>
}

// -----

// expected-error@below {{'func.func' op results 0 and 1 both alias argument 0 (aliases_c1)}}
func.func @aliases_c1_twice(%x: tensor<4xf32>) -> (tensor<4xf32> {spiking.aliases = 0}, tensor<4xf32> {spiking.aliases = 0}) {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error@below {{kaiming_uniform needs a positive fan_in, got 0 (init_c1)}}
func.func private @init_c1() attributes {test.init = #spiking.init<kaiming_uniform, gain = 2.0>}

// -----

// expected-error@below {{xavier_normal needs a positive fan_out, got 0 (init_c1)}}
func.func private @init_c1_out() attributes {test.init = #spiking.init<xavier_normal, fan_in = 8>}

// -----

// expected-error@below {{uniform needs low <= high, got low = 1.0 and high = -1.0 (init_c2)}}
func.func private @init_c2() attributes {test.init = #spiking.init<uniform, low = 1.0, high = -1.0>}

// -----

// expected-error@below {{normal needs a non-negative std, got -1.0 (init_c3)}}
func.func private @init_c3() attributes {test.init = #spiking.init<normal, std = -1.0>}

// -----

// expected-error@below {{learning_rate, momentum and weight_decay must not be negative (sgd_optimizer_c1)}}
func.func private @sgd_optimizer_c1() attributes {test.optimizer = #spiking.sgd_optimizer<momentum = -0.9>}

// -----

// expected-error@below {{nesterov needs momentum (sgd_optimizer_c1)}}
func.func private @sgd_optimizer_c1_nesterov() attributes {test.optimizer = #spiking.sgd_optimizer<nesterov = true>}

// -----

// expected-error@below {{learning_rate, epsilon and weight_decay must not be negative (adam_optimizer_c1)}}
func.func private @adam_optimizer_c1() attributes {test.optimizer = #spiking.adam_optimizer<learning_rate = -0.001>}

// -----

// expected-error@below {{beta1 and beta2 must be at least 0 and less than 1, got 1.0 (adam_optimizer_c1)}}
func.func private @adam_optimizer_c1_beta() attributes {test.optimizer = #spiking.adam_optimizer<beta1 = 1.0>}

// -----

// expected-error@below {{n must be at least 2, got 1 (squarewave_fourier_c1)}}
func.func private @squarewave_fourier_c1() attributes {test.surrogate = #spiking.squarewave_fourier<n = 1>}

// -----

// expected-error@below {{period must be positive, got 0.0 (squarewave_fourier_c1)}}
func.func private @squarewave_fourier_c1_period() attributes {test.surrogate = #spiking.squarewave_fourier<period = 0.0>}

// -----

// expected-error@below {{expected an optimizer (#spiking.sgd_optimizer or #spiking.adam_optimizer), got "adam" (training_c1)}}
func.func private @training_c1() attributes {test.training = #spiking.training<loss = @loss, optimizer = "adam">}

// -----

// expected-error@below {{time_steps must be at least 1, got 0 (training_c2)}}
func.func private @training_c2() attributes {test.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>, time_steps = 0>}

// -----

// expected-error@below {{truncate must not be negative, got -1 (training_c2)}}
func.func private @training_c2_truncate() attributes {test.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>, truncate = -1>}

// -----

// expected-error@below {{clip_norm must not be negative, got -1.0 (training_c2)}}
func.func private @training_c2_clip() attributes {test.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>, clip_norm = -1.0>}

// -----

// expected-error@below {{'func.func' op spiking.training stands on a function with a body (training_c3)}}
func.func private @training_c3() attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>>}

// -----

// expected-error@below {{'func.func' op expected spiking.training to be a #spiking.training attribute, got "adam" (training_c3)}}
func.func @training_c3_kind() attributes {spiking.training = "adam"} {
  return
}

// -----

// expected-error@below {{'func.func' op there is no loss function @loss (training_c4)}}
func.func @training_c4(%x: tensor<?x10xf32>) -> tensor<?x10xf32> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>>} {
  return %x : tensor<?x10xf32>
}

// -----

// expected-error@below {{'func.func' op the loss function @loss must take the results ('tensor<?x10xf32>') and the labels, but takes ('tensor<?x10xf32>') (training_c4)}}
func.func @training_c4_arguments(%x: tensor<?x10xf32>) -> tensor<?x10xf32> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>>} {
  return %x : tensor<?x10xf32>
}
// expected-note@below {{the loss function}}
func.func private @loss(tensor<?x10xf32>) -> tensor<f32>

// -----

// expected-error@below {{'func.func' op the loss function @loss must take the results ('tensor<?x10xf32>') and the labels, but takes ('tensor<?x11xf32>', 'tensor<?xi32>') (training_c4)}}
func.func @training_c4_types(%x: tensor<?x10xf32>) -> tensor<?x10xf32> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>>} {
  return %x : tensor<?x10xf32>
}
// expected-note@below {{the loss function}}
func.func private @loss(tensor<?x11xf32>, tensor<?xi32>) -> tensor<f32>

// -----

// expected-error@below {{'func.func' op the loss function @loss must return a scalar float tensor and scalar metrics, but returns ('tensor<i32>', 'tensor<f32>') (training_c4)}}
func.func @training_c4_results(%x: tensor<?x10xf32>) -> tensor<?x10xf32> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.1>>} {
  return %x : tensor<?x10xf32>
}
// expected-note@below {{the loss function}}
func.func private @loss(tensor<?x10xf32>, tensor<?xi32>) -> (tensor<i32>, tensor<f32>)

// -----

// expected-error@below {{'func.func' op spiking.manifest is a string and belongs to a module (spiking_c3)}}
func.func @spiking_c3() attributes {spiking.manifest = "{}"} {
  return
}

// -----

// expected-error@below {{'func.func' op expected spiking.dims of argument 0 to be an array of names and sizes, got [1.000000e+00] (entry_c1)}}
func.func @entry_c1(%x: tensor<4xf32> {spiking.dims = [1.0]}) {
  return
}

// -----

// expected-error@below {{'func.func' op expected spiking.dtype of result 0 to be a string, got 1 : i64 (entry_c1)}}
func.func @entry_c1_dtype(%x: tensor<4xf32>) -> (tensor<4xf32> {spiking.dtype = 1}) {
  return %x : tensor<4xf32>
}
