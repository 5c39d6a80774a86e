// RUN: snn-opt %s --spiking-expand-presets | FileCheck %s

// Without a preset the defaults become explicit; a stage only where a reset has one.
// CHECK-LABEL: @defaults
// CHECK: spiking.lif %{{.*}} {compare = #spiking.compare<ge>, decay = 5.000000e-01 : f64, detach_reset = false,
// CHECK-SAME: input_scaling = #spiking.input_scaling<none>, leak = 0.000000e+00 : f64, order = #spiking.order<integrate_fire>,
// CHECK-SAME: reset = #spiking.reset<hard>, reset_timing = #spiking.reset_timing<same_step>,
// CHECK-NOT: reset_stage
// CHECK-SAME: surrogate = #spiking.atan, threshold = 1.000000e+00 : f64}
func.func @defaults(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.lif %x {decay = 0.5} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// The leak is the value of the hard reset; what is given wins.
// CHECK-LABEL: @spikingjelly
// CHECK: spiking.lif
// CHECK-SAME: decay = 2.500000e-01 : f64,
// CHECK-SAME: input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.250000e-01 : f64,
// CHECK-SAME: surrogate = #spiking.sigmoid,
// CHECK-NOT: preset
func.func @spikingjelly(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s, %v = spiking.lif %x {preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<hard, value = 0.125>, decay = 0.25,
    compare = #spiking.compare<ge>, detach_reset = false, order = #spiking.order<integrate_fire>,
    reset_timing = #spiking.reset_timing<same_step>, threshold = 1.0} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  %m, %n = spiking.li %x {preset = #spiking.preset<spikingjelly>} : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>)
  return %m : tensor<4x8xf32>
}

// CHECK-LABEL: @spikingjelly_cuba
// CHECK: spiking.cuba_lif
// CHECK-SAME: current_decay = 5.000000e-01 : f64, current_update = #spiking.current_update<decay_then_jump>, decay = 7.5
// CHECK-SAME: input_scaling = #spiking.input_scaling<none>, leak = 0.0
// CHECK-SAME: surrogate = #spiking.rectangle, threshold = 5.000000e-01 : f64
func.func @spikingjelly_cuba(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v, %i = spiking.cuba_lif %x {preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<hard, value = 0.125>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// CHECK-LABEL: @snntorch
// CHECK: spiking.lif
// CHECK-SAME: compare = #spiking.compare<gt>
// CHECK-SAME: detach_reset = true
// CHECK-SAME: reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>
// CHECK: spiking.lif
// CHECK-SAME: reset = #spiking.reset<hard>, reset_stage = #spiking.reset_stage<after_decay>
// CHECK: spiking.cuba_lif
// CHECK-SAME: reset = #spiking.reset<hard>, reset_stage = #spiking.reset_stage<after_integration>
func.func @snntorch(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.lif %x {preset = #spiking.preset<snntorch>, decay = 0.5} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  %s1, %v1 = spiking.lif %x {preset = #spiking.preset<snntorch>, decay = 0.5, reset = #spiking.reset<hard>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  %s2, %v2, %i2 = spiking.cuba_lif %x {preset = #spiking.preset<snntorch>, decay = 0.5, current_decay = 0.5, reset = #spiking.reset<hard>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// CHECK-LABEL: @norse
// CHECK: spiking.cuba_lif
// CHECK-SAME: compare = #spiking.compare<gt>, current_decay = 8.000000e-01 : f64, current_update = #spiking.current_update<jump_then_decay>, decay = 9.000000e-01 : f64
// CHECK-SAME: input_scaling = #spiking.input_scaling<one_minus_decay>
// CHECK-SAME: surrogate = #spiking.super_spike,
func.func @norse(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v, %i = spiking.cuba_lif %x {preset = #spiking.preset<norse>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// CHECK-LABEL: @spyx
// CHECK: spiking.alif
// CHECK-SAME: adaptation_decay = 7.500000e-01 : f64, adaptation_increment = 2.5
// CHECK-SAME: order = #spiking.order<fire_integrate>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>,
// CHECK-SAME: surrogate = #spiking.super_spike<slope = 25.0>
// CHECK: spiking.cuba_lif
// CHECK-SAME: reset_stage = #spiking.reset_stage<before_decay>
func.func @spyx(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v, %a = spiking.alif %x {preset = #spiking.preset<spyx>, decay = 0.5, adaptation_decay = 0.75} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  %s1, %v1, %i1 = spiking.cuba_lif %x {preset = #spiking.preset<spyx>, decay = 0.5, current_decay = 0.75} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// CHECK-LABEL: @temporal_fusion
// CHECK: spiking.lif
// CHECK-SAME: decay = 2.000000e-01 : f64
// CHECK-SAME: reset = #spiking.reset<hard>, reset_stage = #spiking.reset_stage<after_decay>, reset_timing = #spiking.reset_timing<delayed>
// CHECK-SAME: surrogate = #spiking.sigmoid, threshold = 3.000000e-01 : f64
func.func @temporal_fusion(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.lif %x {preset = #spiking.preset<temporal_fusion>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// What an operand gives gets no attribute; other operations stay.
// CHECK-LABEL: @operands
// CHECK: spiking.plif %{{.*}} weight(%{{.*}}) threshold(%{{.*}}) {
// CHECK-NOT: decay =
// CHECK-NOT: threshold =
// CHECK: spiking.detach %{{[a-z0-9_]+}} : tensor
func.func @operands(%x: tensor<4x8xf32>, %w: tensor<f32>, %th: tensor<8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.plif %x weight(%w) threshold(%th) {preset = #spiking.preset<spikingjelly>} : (tensor<4x8xf32>, tensor<f32>, tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  %d = spiking.detach %s : tensor<4x8xi1>
  return %d : tensor<4x8xi1>
}
