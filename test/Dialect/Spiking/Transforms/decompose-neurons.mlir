// RUN: snn-opt %s --spiking-decompose-neurons | FileCheck %s

// The default: charge, fire, hard reset to 0; the initial membrane is absent.
// CHECK-LABEL: @lif
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xf32>
// CHECK: %[[B:.*]] = tensor.dim %[[X]], %{{.*}}
// CHECK: %[[V0:.*]] = tensor.splat %{{.*}}[%[[B]]] : tensor<?x8xf32>
// CHECK: %[[E:.*]] = tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?x8xi1>
// CHECK: %[[R:.*]]:2 = spiking.scan forward ins(%[[XT:.*]] = %[[X]] : tensor<?x?x8xf32>) outs(%[[E]] : tensor<?x?x8xi1>) states(%[[V:.*]] = %[[V0]] : tensor<?x8xf32>) {
// CHECK: %[[TH:.*]] = arith.constant 1.0
// CHECK: %[[K:.*]] = arith.constant 5.000000e-01
// CHECK: %[[D:.*]] = arith.mulf %[[K]], %[[V]] : f32
// CHECK: %[[H:.*]] = arith.addf %[[D]], %[[XT]] : f32
// CHECK: %[[U:.*]] = arith.subf %[[H]], %[[TH]] : f32
// CHECK: %[[S:.*]] = spiking.fire %[[U]] {surrogate = #spiking.atan} : f32 -> i1
// CHECK: %[[Q:.*]] = arith.constant 0.0
// CHECK: %[[N:.*]] = arith.select %[[S]], %[[Q]], %[[H]] : f32
// CHECK: spiking.yield %[[S]] : i1 next(%[[N]] : f32)
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @lif(%x: tensor<?x?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>) {
  %s, %v = spiking.lif %x {decay = 0.5} : (tensor<?x?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>)
  return %s, %v : tensor<?x?x8xi1>, tensor<?x8xf32>
}

// Delayed soft reset of the old membrane, before the decay, detached; the decay is an operand, so 1 - k is in its type.
// CHECK-LABEL: @delayed
// CHECK: spiking.scan step ins(%[[X:.*]] = %{{.*}} : tensor<8xf64>) params(%[[K:.*]] = %{{.*}} : tensor<f64>) outs(%{{.*}} : tensor<8xi1>) states(%[[V:.*]] = %{{.*}} : tensor<8xf64>)
// CHECK: %[[TH:.*]] = arith.constant 2.5
// CHECK: %[[U0:.*]] = arith.subf %[[V]], %[[TH]] : f64
// CHECK: %[[R:.*]] = spiking.fire %[[U0]] {compare = #spiking.compare<gt>, surrogate = #spiking.atan}
// CHECK: %[[L:.*]] = arith.constant 2.5
// CHECK: %[[DR:.*]] = spiking.detach %[[R]] : i1
// CHECK: %[[RN:.*]] = arith.uitofp %[[DR]] : i1 to f64
// CHECK: %[[RT:.*]] = arith.mulf %[[RN]], %[[TH]]
// CHECK: %[[V1:.*]] = arith.subf %[[V]], %[[RT]]
// CHECK: %[[A:.*]] = arith.subf %[[V1]], %[[L]]
// CHECK: %[[KA:.*]] = arith.mulf %[[K]], %[[A]]
// CHECK: %[[D:.*]] = arith.addf %[[L]], %[[KA]]
// CHECK: %[[ONE:.*]] = arith.constant 1.0
// CHECK: %[[C:.*]] = arith.subf %[[ONE]], %[[K]]
// CHECK: %[[CX:.*]] = arith.mulf %[[C]], %[[X]]
// CHECK: %[[H:.*]] = arith.addf %[[D]], %[[CX]]
// CHECK: %[[U:.*]] = arith.subf %[[H]], %[[TH]]
// CHECK: %[[S:.*]] = spiking.fire %[[U]]
// CHECK: spiking.yield %[[S]] : i1 next(%[[H]] : f64)
func.func @delayed(%x: tensor<8xf64>, %v0: tensor<8xf64>, %k: tensor<f64>) -> tensor<8xi1> {
  %s, %v = spiking.lif %x, %v0 decay(%k) {preset = #spiking.preset<snntorch>, reset_stage = #spiking.reset_stage<before_decay>,
    leak = 0.25, threshold = 2.5, input_scaling = #spiking.input_scaling<one_minus_decay>} : (tensor<8xf64>, tensor<8xf64>, tensor<f64>) -> (tensor<8xi1>, tensor<8xf64>)
  return %s : tensor<8xi1>
}

// The input of the step after a spike is lost: the reset is after the integration.
// CHECK-LABEL: @after_integration
// CHECK: %[[R:.*]] = spiking.fire
// CHECK: %[[D:.*]] = arith.mulf
// CHECK: %[[H:.*]] = arith.addf %[[D]]
// CHECK: %[[DR:.*]] = spiking.detach %[[R]]
// CHECK: %[[H1:.*]] = arith.select %[[DR]], %{{.*}}, %[[H]]
// CHECK: %[[U:.*]] = arith.subf %[[H1]]
// CHECK: %[[S:.*]] = spiking.fire %[[U]]
// CHECK: spiking.yield %[[S]] : i1 next(%[[H1]] : f32)
func.func @after_integration(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.lif %x {preset = #spiking.preset<snntorch>, decay = 0.5, reset = #spiking.reset<hard>, reset_stage = #spiking.reset_stage<after_integration>} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// CHECK-LABEL: @fire_first
// CHECK: states(%[[V:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[U:.*]] = arith.subf %[[V]]
// CHECK: %[[S:.*]] = spiking.fire %[[U]]
// CHECK: %[[D:.*]] = arith.mulf %{{.*}}, %[[V]]
// CHECK: %[[H:.*]] = arith.addf %[[D]]
// CHECK: %[[SN:.*]] = arith.uitofp %[[S]]
// CHECK: %[[ST:.*]] = arith.mulf %[[SN]]
// CHECK: %[[N:.*]] = arith.subf %[[H]], %[[ST]]
// CHECK: spiking.yield %[[S]] : i1 next(%[[N]] : f32)
func.func @fire_first(%x: tensor<4x8xf32>) -> tensor<4x8xi1> {
  %s, %v = spiking.lif %x {preset = #spiking.preset<spyx>, decay = 0.5} : (tensor<4x8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %s : tensor<4x8xi1>
}

// No leak, no decay; the initial membrane is the reset's value. A mask has 1 in the dimensions that it lacks.
// CHECK-LABEL: @if_masked
// CHECK: %[[Q:.*]] = arith.constant -2.5
// CHECK: %[[V0:.*]] = tensor.splat %[[Q]][%{{.*}}] : tensor<?x8x3xf32>
// CHECK: %[[M:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2, 3]] {{.*}} : tensor<4x?xi1> into tensor<4x?x1x1xi1>
// CHECK: spiking.scan forward ins(%[[X:.*]] = %{{.*}} : tensor<4x?x8x3xf32>, %[[MT:.*]] = %[[M]] : tensor<4x?x1x1xi1>) outs({{.*}}) states(%[[V:.*]] = %[[V0]]
// CHECK: %[[H:.*]] = arith.addf %[[V]], %[[X]]
// CHECK: %[[S:.*]] = spiking.fire
// CHECK: %[[N:.*]] = arith.select %[[S]]
// CHECK: %[[NM:.*]] = arith.select %[[MT]], %[[N]], %[[V]] : f32
// CHECK: %[[F:.*]] = arith.constant false
// CHECK: %[[SM:.*]] = arith.select %[[MT]], %[[S]], %[[F]] : i1
// CHECK: spiking.yield %[[SM]] : i1 next(%[[NM]] : f32)
func.func @if_masked(%x: tensor<4x?x8x3xf32>, %m: tensor<4x?xi1>) -> tensor<4x?x8x3xi1> {
  %s, %v = spiking.if %x mask(%m) {reset = #spiking.reset<hard, value = -0.25>} : (tensor<4x?x8x3xf32>, tensor<4x?xi1>) -> (tensor<4x?x8x3xi1>, tensor<?x8x3xf32>)
  return %s : tensor<4x?x8x3xi1>
}

// CHECK-LABEL: @plif
// CHECK: params(%[[W:.*]] = %{{.*}} : tensor<f32>) outs({{.*}}) states(%[[V:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[NW:.*]] = arith.negf %[[W]]
// CHECK: %[[E:.*]] = math.exp %[[NW]]
// CHECK: %[[P:.*]] = arith.addf %[[ONE:.*]], %[[E]]
// CHECK: %[[G:.*]] = arith.divf %[[ONE]], %[[P]]
// CHECK: %[[VG:.*]] = arith.mulf %[[V]], %[[G]]
// CHECK: %[[D:.*]] = arith.subf %[[V]], %[[VG]]
// CHECK: arith.addf %[[D]]
// CHECK: params(%[[W:.*]] = %{{.*}} : tensor<f32>, %[[TH:.*]] = %{{.*}} : tensor<8xf32>) outs({{.*}}) states(%[[V:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[VL:.*]] = arith.subf %[[V]]
// CHECK: %[[G:.*]] = arith.divf
// CHECK: %[[A:.*]] = arith.subf %{{.*}}, %[[VL]]
// CHECK: %[[AG:.*]] = arith.mulf %[[A]], %[[G]]
// CHECK: %[[H:.*]] = arith.addf %[[V]], %[[AG]]
// CHECK: arith.subf %[[H]], %[[TH]]
func.func @plif(%x: tensor<4x8xf32>, %w: tensor<f32>, %th: tensor<8xf32>) -> (tensor<4x8xi1>, tensor<4x8xi1>) {
  %s, %v = spiking.plif %x weight(%w) : (tensor<4x8xf32>, tensor<f32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  %s1, %v1 = spiking.plif %x weight(%w) threshold(%th) {preset = #spiking.preset<spikingjelly>, leak = 0.5} : (tensor<4x8xf32>, tensor<f32>, tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
  return %s, %s1 : tensor<4x8xi1>, tensor<4x8xi1>
}

// A readout starts at its leak, and its output is the membrane, also where the mask is 0.
// CHECK-LABEL: @li
// CHECK: %[[Q:.*]] = arith.constant 2.500000e-01
// CHECK: tensor.splat %[[Q]]
// CHECK: %[[N:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : f32
// CHECK: spiking.yield %[[N]] : f32 next(%[[N]] : f32)
func.func @li(%x: tensor<4x2x8xf32>, %m: tensor<4x2xi1>) -> tensor<4x2x8xf32> {
  %v, %f = spiking.li %x mask(%m) {decay = 0.5, leak = 0.25} : (tensor<4x2x8xf32>, tensor<4x2xi1>) -> (tensor<4x2x8xf32>, tensor<2x8xf32>)
  return %v : tensor<4x2x8xf32>
}

// CHECK-LABEL: @cuba
// CHECK: ins(%[[X:.*]] = %{{.*}} : tensor<8xf32>) outs({{.*}}) states(%[[V:.*]] = %{{.*}} : tensor<8xf32>, %[[I:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[AI:.*]] = arith.mulf %[[A:.*]], %[[I]]
// CHECK: %[[J:.*]] = arith.addf %[[AI]], %[[X]]
// CHECK: arith.addf %{{.*}}, %[[J]]
// CHECK: next(%{{.*}}, %[[J]] : f32, f32)
// CHECK: ins(%[[X:.*]] = %{{.*}} : tensor<8xf32>) outs({{.*}}) states(%[[V:.*]] = %{{.*}} : tensor<8xf32>, %[[I:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[J:.*]] = arith.addf %[[I]], %[[X]]
// CHECK: %[[AJ:.*]] = arith.mulf %[[A:.*]], %[[J]]
// CHECK: arith.addf %{{.*}}, %[[J]]
// CHECK: next(%{{.*}}, %[[AJ]] : f32, f32)
// CHECK: ins(%[[X:.*]] = %{{.*}} : tensor<8xf32>) outs({{.*}}) states(%[[V:.*]] = %{{.*}} : tensor<8xf32>, %[[I:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[AI:.*]] = arith.mulf %[[A:.*]], %[[I]]
// CHECK: %[[J:.*]] = arith.addf %[[AI]], %[[X]]
// CHECK: arith.addf %{{.*}}, %[[I]]
// CHECK: next(%{{.*}}, %[[J]] : f32, f32)
func.func @cuba(%x: tensor<8xf32>) -> (tensor<8xi1>, tensor<8xi1>, tensor<8xi1>) {
  %s, %v, %i = spiking.cuba_lif %x {decay = 0.5, current_decay = 0.25} : (tensor<8xf32>) -> (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>)
  %s1, %v1, %i1 = spiking.cuba_lif %x {decay = 0.5, current_decay = 0.25, current_update = #spiking.current_update<jump_then_decay>} : (tensor<8xf32>) -> (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>)
  %s2, %v2, %i2 = spiking.cuba_lif %x {decay = 0.5, current_decay = 0.25, current_update = #spiking.current_update<after_membrane>} : (tensor<8xf32>) -> (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>)
  return %s, %s1, %s2 : tensor<8xi1>, tensor<8xi1>, tensor<8xi1>
}

// CHECK-LABEL: @alif
// CHECK: states(%[[V:.*]] = %{{.*}} : tensor<8xf32>, %[[A:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[GA:.*]] = arith.mulf %{{.*}}, %[[A]]
// CHECK: %[[TH:.*]] = arith.addf %{{.*}}, %[[GA]]
// CHECK: %[[H:.*]] = arith.addf
// CHECK: %[[U:.*]] = arith.subf %[[H]], %[[TH]]
// CHECK: %[[S:.*]] = spiking.fire %[[U]]
// CHECK: %[[ST:.*]] = arith.mulf %{{.*}}, %[[TH]]
// CHECK: %[[N:.*]] = arith.subf %[[H]], %[[ST]]
// CHECK: %[[D:.*]] = spiking.detach %[[S]]
// CHECK: %[[DN:.*]] = arith.uitofp %[[D]]
// CHECK: %[[ED:.*]] = arith.mulf %{{.*}}, %[[DN]]
// CHECK: %[[AN:.*]] = arith.addf %[[GA]], %[[ED]]
// CHECK: spiking.yield %[[S]] : i1 next(%[[N]], %[[AN]] : f32, f32)
// CHECK: states(%[[V:.*]] = %{{.*}} : tensor<8xf32>, %[[A:.*]] = %{{.*}} : tensor<8xf32>)
// CHECK: %[[TH:.*]] = arith.addf %{{.*}}, %[[A]]
// CHECK: %[[U:.*]] = arith.subf %[[V]], %[[TH]]
// CHECK: %[[S:.*]] = spiking.fire %[[U]]
// CHECK: %[[ST:.*]] = arith.mulf %{{.*}}, %[[TH]]
// CHECK: %[[GA:.*]] = arith.mulf %{{.*}}, %[[A]]
// CHECK: arith.addf %[[GA]]
func.func @alif(%x: tensor<8xf32>) -> (tensor<8xi1>, tensor<8xi1>) {
  %s, %v, %a = spiking.alif %x {decay = 0.5, adaptation_decay = 0.75, adaptation_increment = 0.25, detach_reset = true, reset = #spiking.reset<soft>} : (tensor<8xf32>) -> (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>)
  %s1, %v1, %a1 = spiking.alif %x {preset = #spiking.preset<spyx>, decay = 0.5, adaptation_decay = 0.75} : (tensor<8xf32>) -> (tensor<8xi1>, tensor<8xf32>, tensor<8xf32>)
  return %s, %s1 : tensor<8xi1>, tensor<8xi1>
}

// What is not a named neuron stays.
// CHECK-LABEL: @other
// CHECK-NOT: spiking.scan
// CHECK: spiking.linear
func.func @other(%x: tensor<4x8xf32>, %w: tensor<8x2xf32>) -> tensor<4x2xf32> {
  %y = spiking.linear %x, %w : (tensor<4x8xf32>, tensor<8x2xf32>) -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}
