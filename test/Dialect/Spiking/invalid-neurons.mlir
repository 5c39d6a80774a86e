// RUN: snn-opt %s --split-input-file --verify-diagnostics

func.func @neuron_c1_input_shape(%x: tensor<4x2x8xf32>) {
  // expected-error @+1 {{expected an input of one step, [8], or of a sequence, with a leading time dimension, got [4, 2, 8] (neuron_c1)}}
  %s, %v = spiking.lif %x {decay = 0.5} : (tensor<4x2x8xf32>) -> (tensor<4x2x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c1_spike_shape(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expected spikes of the input's shape [4, 8], got [8] (neuron_c1)}}
  %s, %v = spiking.lif %x {decay = 0.5} : (tensor<4x8xf32>) -> (tensor<8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c1_state_shape(%x: tensor<4x8xf32>, %v0: tensor<4x8xf32>) {
  // expected-error @+1 {{expected states of the shape of one step, [8], got [4, 8] (neuron_c1)}}
  %s, %v = spiking.lif %x, %v0 {decay = 0.5} : (tensor<4x8xf32>, tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c2_state_type(%x: tensor<4x8xf32>, %i0: tensor<8xf64>) {
  // expected-error @+1 {{expected states of the input's type 'f32', got 'f64' (neuron_c2)}}
  %s, %v, %i = spiking.cuba_lif %x current(%i0) {decay = 0.5, current_decay = 0.5} : (tensor<4x8xf32>, tensor<8xf64>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c3_parameter_shape(%x: tensor<4x8xf32>, %k: tensor<4xf32>) {
  // expected-error @+1 {{parameter of shape [4] does not broadcast to one step, [8] (neuron_c3)}}
  %s, %v = spiking.lif %x decay(%k) : (tensor<4x8xf32>, tensor<4xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c3_weight_type(%x: tensor<4x8xf32>, %w: tensor<f64>) {
  // expected-error @+1 {{expected parameters of the input's type 'f32', got 'f64' (neuron_c3)}}
  %s, %v = spiking.plif %x weight(%w) : (tensor<4x8xf32>, tensor<f64>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c4_threshold_twice(%x: tensor<4x8xf32>, %th: tensor<f32>) {
  // expected-error @+1 {{threshold is given as an operand and as an attribute (neuron_c4)}}
  %s, %v = spiking.if %x threshold(%th) {threshold = 1.0} : (tensor<4x8xf32>, tensor<f32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c5_delayed_fires_first(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{fire_integrate does not go with a delayed reset (neuron_c5)}}
  %s, %v = spiking.lif %x {decay = 0.5, preset = #spiking.preset<snntorch>, order = #spiking.order<fire_integrate>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c6_stage_of_same_step(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{reset_stage goes only with a delayed reset or fire_integrate (neuron_c6)}}
  %s, %v = spiking.lif %x {decay = 0.5, reset_stage = #spiking.reset_stage<before_decay>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c7_mask_shape(%x: tensor<4x2x8xf32>, %m: tensor<4x3xi1>) {
  // expected-error @+1 {{expected a mask of shape [4, 2], got [4, 3] (neuron_c7)}}
  %s, %v = spiking.lif %x mask(%m) {decay = 0.5} : (tensor<4x2x8xf32>, tensor<4x3xi1>) -> (tensor<4x2x8xi1>, tensor<2x8xf32>)
  return
}

// -----

func.func @neuron_c7_mask_without_batch(%x: tensor<4xf32>, %m: tensor<4xi1>) {
  // expected-error @+1 {{a mask needs an input with a batch dimension (neuron_c7)}}
  %v, %f = spiking.li %x mask(%m) {decay = 0.5} : (tensor<4xf32>, tensor<4xi1>) -> (tensor<4xf32>, tensor<f32>)
  return
}

// -----

func.func @neuron_c8_no_decay(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expected decay as an attribute, an operand or from a preset, got none (neuron_c8)}}
  %s, %v = spiking.lif %x {preset = #spiking.preset<snntorch>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @neuron_c8_no_increment(%x: tensor<4x8xf32>, %g: tensor<8xf32>) {
  // expected-error @+1 {{expected adaptation_increment as an attribute, an operand or from a preset, got none (neuron_c8)}}
  %s, %v, %a = spiking.alif %x adaptation_decay(%g) {preset = #spiking.preset<spyx>, decay = 0.5} : (tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @alif_c1_delayed_alif(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{has no delayed reset, which preset snntorch stands for (alif_c1)}}
  %s, %v, %a = spiking.alif %x {preset = #spiking.preset<snntorch>, decay = 0.5, adaptation_decay = 0.5, adaptation_increment = 0.1} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @plif_c1_plif_stage(%x: tensor<4x8xf32>, %w: tensor<f32>) {
  // expected-error @+1 {{expected reset_stage before_decay or after_integration, got after_decay (plif_c1)}}
  %s, %v = spiking.plif %x weight(%w) {reset_timing = #spiking.reset_timing<delayed>, input_scaling = #spiking.input_scaling<one_minus_decay>} : (tensor<4x8xf32>, tensor<f32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return
}

// -----

func.func @li_c1_readout_shape(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expected an output of the input's shape [4, 8], got [8] (li_c1)}}
  %v, %f = spiking.li %x {decay = 0.5} : (tensor<4x8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @li_c2_readout_type(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{expected an output of the input's type 'f32', got 'f64' (li_c2)}}
  %v, %f = spiking.li %x {decay = 0.5} : (tensor<4x8xf32>) -> (tensor<4x8xf64>, tensor<8xf32>)
  return
}
