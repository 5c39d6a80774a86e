// Every operation, with every attribute, in both forms and in bytecode.
// RUN: snn-opt %s | snn-opt | FileCheck %s
// RUN: snn-opt %s --mlir-print-op-generic | snn-opt | FileCheck %s
// RUN: snn-opt %s --emit-bytecode | snn-opt | FileCheck %s

// CHECK-LABEL: func.func @time_loop
func.func @time_loop(%T: index, %x: tensor<?x?x4xf32>, %v0: tensor<?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>) {
  // CHECK: spiking.time_loop %{{.*}} = 0 to %{{.*}} over(%{{.*}} = %{{.*}} : tensor<?x?x4xf32>) state(%{{.*}} = %{{.*}} : tensor<?x4xf32>) -> (tensor<?x?x4xf32>)
  %y, %v_T = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x4xf32>) state(%v = %v0 : tensor<?x4xf32>) -> (tensor<?x?x4xf32>) {
    // CHECK: spiking.add %{{.*}} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    %s = spiking.add %x_t, %v : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    // CHECK: spiking.yield %{{.*}} : tensor<?x4xf32> next(%{{.*}} : tensor<?x4xf32>)
    spiking.yield %s : tensor<?x4xf32> next(%s : tensor<?x4xf32>)
  }
  // CHECK: spiking.time_loop reverse %{{.*}} = 0 to %{{.*}} over(%{{.*}} = %{{.*}} : tensor<?x?x4xf32>) state(%{{.*}} = %{{.*}} : tensor<?x4xf32>) -> (tensor<?x?x4xf32>) attributes {test.name = "back"}
  %z, %w_T = spiking.time_loop reverse %t = 0 to %T over(%x_t = %y : tensor<?x?x4xf32>) state(%v = %v_T : tensor<?x4xf32>) -> (tensor<?x?x4xf32>) attributes {test.name = "back"} {
    // CHECK: spiking.yield %{{.*}} : tensor<?x4xf32> next(%{{.*}} : tensor<?x4xf32>)
    spiking.yield %v : tensor<?x4xf32> next(%x_t : tensor<?x4xf32>)
  }
  // CHECK: spiking.time_loop %{{.*}} = 0 to %{{.*}}
  spiking.time_loop %t = 0 to %T {
  }
  return %z, %w_T : tensor<?x?x4xf32>, tensor<?x4xf32>
}

// CHECK-LABEL: func.func @scan
func.func @scan(%x: tensor<?x?x4xf32>, %p: tensor<4xf32>, %e: tensor<?x?x4xi1>, %v0: tensor<?x4xf32>, %g0: tensor<4xf32>) {
  // CHECK: spiking.scan forward ins(%{{.*}} = %{{.*}} : tensor<?x?x4xf32>) params(%{{.*}} = %{{.*}} : tensor<4xf32>) outs(%{{.*}} : tensor<?x?x4xi1>) states(%{{.*}} = %{{.*}} : tensor<?x4xf32>) accumulators(%{{.*}} : tensor<4xf32>)
  %r:3 = spiking.scan forward ins(%i = %x : tensor<?x?x4xf32>) params(%k = %p : tensor<4xf32>) outs(%e : tensor<?x?x4xi1>) states(%v = %v0 : tensor<?x4xf32>) accumulators(%g0 : tensor<4xf32>) {
    // CHECK: spiking.time_step
    %t = spiking.time_step
    %d = arith.mulf %v, %k : f32
    %h = arith.addf %d, %i : f32
    // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.atan} : f32 -> i1
    %s = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    // CHECK: spiking.detach %{{.*}} : i1
    %c = spiking.detach %s : i1
    %v1 = arith.select %c, %k, %h : f32
    // CHECK: spiking.yield %{{.*}} : i1 next(%{{.*}} : f32) accumulate(%{{.*}} : f32)
    spiking.yield %s : i1 next(%v1 : f32) accumulate(%h : f32)
  }
  // CHECK: spiking.scan reverse ins(%{{.*}} = %{{.*}} : tensor<?x?x4xf32>) states(%{{.*}} = %{{.*}} : tensor<?x4xf32>) accumulators(%{{.*}} : tensor<4xf32>) replay(%{{.*}} = %{{.*}} : tensor<?x4xf32>) attributes {test.name = "adjoint"}
  %q:2 = spiking.scan reverse ins(%i = %x : tensor<?x?x4xf32>) states(%w = %v0 : tensor<?x4xf32>) accumulators(%g0 : tensor<4xf32>) replay(%u = %v0 : tensor<?x4xf32>) attributes {test.name = "adjoint"} {
    %d = arith.mulf %w, %u : f32
    // CHECK: spiking.yield next(%{{.*}} : f32) accumulate(%{{.*}} : f32)
    spiking.yield next(%d : f32) accumulate(%i : f32)
  } replaying {
  ^bb0(%i: f32, %u: f32):
    %d = arith.addf %i, %u : f32
    // CHECK: spiking.yield next(%{{.*}} : f32)
    spiking.yield next(%d : f32)
  }
  // CHECK: spiking.scan step outs(%{{.*}} : tensor<?x4xf32>)
  %step = spiking.scan step outs(%v0 : tensor<?x4xf32>) {
    %one = arith.constant 1.0 : f32
    // CHECK: spiking.yield %{{.*}} : f32
    spiking.yield %one : f32
  }
  return
}

// CHECK-LABEL: func.func @fire
func.func @fire(%u: f32, %v: tensor<?x4xf64>, %w: vector<8xf32>) {
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.atan} : f32 -> i1
  %0 = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {compare = #spiking.compare<gt>, surrogate = #spiking.sigmoid<alpha = 3.0>} : tensor<?x4xf64> -> tensor<?x4xi1>
  %1 = spiking.fire %v {compare = #spiking.compare<gt>, surrogate = #spiking.sigmoid<alpha = 3.0>} : tensor<?x4xf64> -> tensor<?x4xi1>
  // CHECK: spiking.fire %{{.*}} {kind = #spiking.fire_kind<ternary>, surrogate = #spiking.atan, threshold = 1.500000e+00 : f64} : vector<8xf32> -> vector<8xi8>
  %2 = spiking.fire %w {kind = #spiking.fire_kind<ternary>, surrogate = #spiking.atan, threshold = 1.5 : f64} : vector<8xf32> -> vector<8xi8>
  // CHECK: spiking.fire %{{.*}} {kind = #spiking.fire_kind<count>, maximum = 4 : i64, surrogate = #spiking.window<high = 4.0>} : f32 -> i8
  %3 = spiking.fire %u {kind = #spiking.fire_kind<count>, maximum = 4 : i64, surrogate = #spiking.window<high = 4.0>} : f32 -> i8
  // CHECK: spiking.fire %{{.*}} {kind = #spiking.fire_kind<count>, maximum = 127 : i64, rounding = #spiking.rounding<floor>, surrogate = #spiking.straight_through} : f32 -> i8
  %4 = spiking.fire %u {kind = #spiking.fire_kind<count>, maximum = 127 : i64, rounding = #spiking.rounding<floor>, surrogate = #spiking.straight_through} : f32 -> i8
  return
}

// CHECK-LABEL: func.func @scan_buffers
func.func @scan_buffers(%x: memref<?x8xf32>, %v: memref<8xf32>, %y: memref<?x8xf32>) {
  // CHECK: spiking.scan forward ins(%{{.*}} = %{{.*}} : memref<?x8xf32>) outs(%{{.*}} : memref<?x8xf32>) states(%{{.*}} = %{{.*}} : memref<8xf32>)
  spiking.scan forward ins(%i = %x : memref<?x8xf32>) outs(%y : memref<?x8xf32>) states(%a = %v : memref<8xf32>) {
    %d = arith.addf %i, %a : f32
    // CHECK: spiking.yield %{{.*}} : f32 next(%{{.*}} : f32)
    spiking.yield %d : f32 next(%d : f32)
  }
  return
}

// CHECK-LABEL: func.func @surrogates
func.func @surrogates(%u: f32) {
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.atan} : f32 -> i1
  %0 = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.atan<alpha = 3.0>} : f32 -> i1
  %1 = spiking.fire %u {surrogate = #spiking.atan<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.sigmoid} : f32 -> i1
  %2 = spiking.fire %u {surrogate = #spiking.sigmoid} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.sigmoid<alpha = 3.0>} : f32 -> i1
  %3 = spiking.fire %u {surrogate = #spiking.sigmoid<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.piecewise_quadratic} : f32 -> i1
  %4 = spiking.fire %u {surrogate = #spiking.piecewise_quadratic} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.piecewise_quadratic<alpha = 3.0>} : f32 -> i1
  %5 = spiking.fire %u {surrogate = #spiking.piecewise_quadratic<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.piecewise_exp} : f32 -> i1
  %6 = spiking.fire %u {surrogate = #spiking.piecewise_exp} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.piecewise_exp<alpha = 3.0>} : f32 -> i1
  %7 = spiking.fire %u {surrogate = #spiking.piecewise_exp<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.soft_sign} : f32 -> i1
  %8 = spiking.fire %u {surrogate = #spiking.soft_sign} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.soft_sign<alpha = 3.0>} : f32 -> i1
  %9 = spiking.fire %u {surrogate = #spiking.soft_sign<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.super_spike} : f32 -> i1
  %10 = spiking.fire %u {surrogate = #spiking.super_spike} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.super_spike<height = 2.0, slope = 25.0>} : f32 -> i1
  %11 = spiking.fire %u {surrogate = #spiking.super_spike<height = 2.0, slope = 25.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.arctan} : f32 -> i1
  %12 = spiking.fire %u {surrogate = #spiking.arctan} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.arctan<k = 3.0>} : f32 -> i1
  %13 = spiking.fire %u {surrogate = #spiking.arctan<k = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.log_abs} : f32 -> i1
  %14 = spiking.fire %u {surrogate = #spiking.log_abs} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.log_abs<alpha = 3.0>} : f32 -> i1
  %15 = spiking.fire %u {surrogate = #spiking.log_abs<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.erf} : f32 -> i1
  %16 = spiking.fire %u {surrogate = #spiking.erf} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.erf<alpha = 3.0>} : f32 -> i1
  %17 = spiking.fire %u {surrogate = #spiking.erf<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.gaussian} : f32 -> i1
  %18 = spiking.fire %u {surrogate = #spiking.gaussian} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.gaussian<height = 1.1283791670955126, slope = 0.5>} : f32 -> i1
  %19 = spiking.fire %u {surrogate = #spiking.gaussian<height = 1.1283791670955126, slope = 0.5>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.piecewise_leaky_relu} : f32 -> i1
  %20 = spiking.fire %u {surrogate = #spiking.piecewise_leaky_relu} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.piecewise_leaky_relu<width = 2.0, leak = 0.1>} : f32 -> i1
  %21 = spiking.fire %u {surrogate = #spiking.piecewise_leaky_relu<width = 2.0, leak = 0.1>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.squarewave_fourier} : f32 -> i1
  %22 = spiking.fire %u {surrogate = #spiking.squarewave_fourier} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.squarewave_fourier<n = 8, period = 4.0>} : f32 -> i1
  %23 = spiking.fire %u {surrogate = #spiking.squarewave_fourier<n = 8, period = 4.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.s2nn} : f32 -> i1
  %24 = spiking.fire %u {surrogate = #spiking.s2nn} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.s2nn<alpha = 3.0, beta = 2.0>} : f32 -> i1
  %25 = spiking.fire %u {surrogate = #spiking.s2nn<alpha = 3.0, beta = 2.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.q_pseudo_spike} : f32 -> i1
  %26 = spiking.fire %u {surrogate = #spiking.q_pseudo_spike} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.q_pseudo_spike<alpha = 3.0>} : f32 -> i1
  %27 = spiking.fire %u {surrogate = #spiking.q_pseudo_spike<alpha = 3.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.leaky_k_relu} : f32 -> i1
  %28 = spiking.fire %u {surrogate = #spiking.leaky_k_relu} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.leaky_k_relu<leak = 0.1, k = 2.0>} : f32 -> i1
  %29 = spiking.fire %u {surrogate = #spiking.leaky_k_relu<leak = 0.1, k = 2.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.heaviside} : f32 -> i1
  %30 = spiking.fire %u {surrogate = #spiking.heaviside} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.fake_numerical_gradient} : f32 -> i1
  %31 = spiking.fire %u {surrogate = #spiking.fake_numerical_gradient} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.fake_numerical_gradient<alpha = 0.5>} : f32 -> i1
  %32 = spiking.fire %u {surrogate = #spiking.fake_numerical_gradient<alpha = 0.5>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.log_tailed_relu} : f32 -> i1
  %33 = spiking.fire %u {surrogate = #spiking.log_tailed_relu} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.log_tailed_relu<alpha = 0.1>} : f32 -> i1
  %34 = spiking.fire %u {surrogate = #spiking.log_tailed_relu<alpha = 0.1>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.straight_through} : f32 -> i1
  %35 = spiking.fire %u {surrogate = #spiking.straight_through} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.rectangle} : f32 -> i1
  %36 = spiking.fire %u {surrogate = #spiking.rectangle} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.rectangle<width = 2.0, height = 0.5>} : f32 -> i1
  %37 = spiking.fire %u {surrogate = #spiking.rectangle<width = 2.0, height = 0.5>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.window} : f32 -> i1
  %38 = spiking.fire %u {surrogate = #spiking.window} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.window<low = -1.0, high = 4.0>} : f32 -> i1
  %39 = spiking.fire %u {surrogate = #spiking.window<low = -1.0, high = 4.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.triangle} : f32 -> i1
  %40 = spiking.fire %u {surrogate = #spiking.triangle} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.triangle<height = 0.3, slope = 2.0>} : f32 -> i1
  %41 = spiking.fire %u {surrogate = #spiking.triangle<height = 0.3, slope = 2.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.signed_step} : f32 -> i1
  %42 = spiking.fire %u {surrogate = #spiking.signed_step} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.signed_step<height = 0.5>} : f32 -> i1
  %43 = spiking.fire %u {surrogate = #spiking.signed_step<height = 0.5>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.spike_rate_escape} : f32 -> i1
  %44 = spiking.fire %u {surrogate = #spiking.spike_rate_escape} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.spike_rate_escape<beta = 2.0, slope = 1.0>} : f32 -> i1
  %45 = spiking.fire %u {surrogate = #spiking.spike_rate_escape<beta = 2.0, slope = 1.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.sparse_fast_sigmoid} : f32 -> i1
  %46 = spiking.fire %u {surrogate = #spiking.sparse_fast_sigmoid} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.sparse_fast_sigmoid<slope = 1.0E+1, bound = 0.5>} : f32 -> i1
  %47 = spiking.fire %u {surrogate = #spiking.sparse_fast_sigmoid<slope = 10.0, bound = 0.5>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.tanh} : f32 -> i1
  %48 = spiking.fire %u {surrogate = #spiking.tanh} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.tanh<alpha = 2.0>} : f32 -> i1
  %49 = spiking.fire %u {surrogate = #spiking.tanh<alpha = 2.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.circ} : f32 -> i1
  %50 = spiking.fire %u {surrogate = #spiking.circ} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.circ<alpha = 2.0>} : f32 -> i1
  %51 = spiking.fire %u {surrogate = #spiking.circ<alpha = 2.0>} : f32 -> i1
  // CHECK: spiking.fire %{{.*}} {surrogate = #spiking.circ<alpha = 1.0E-8>} : f32 -> i1
  %52 = spiking.fire %u {surrogate = #spiking.circ<alpha = 1.0E-8>} : f32 -> i1
  return
}

// CHECK-LABEL: func.func @neurons
func.func @neurons(%x: tensor<?x?x4xf32>, %v: tensor<?x4xf32>, %p: tensor<4xf32>, %q: tensor<f32>, %m: tensor<?x?xi1>) {
  // CHECK: spiking.lif %{{.*}} {decay = 5.000000e-01 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %0:2 = spiking.lif %x {decay = 5.000000e-01 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.lif %{{.*}} decay(%{{.*}}) threshold(%{{.*}}) mask(%{{.*}}) {compare = #spiking.compare<gt>, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = -1.000000e-01 : f64, order = #spiking.order<integrate_fire>, reset = #spiking.reset<hard, value = -0.5>, reset_timing = #spiking.reset_timing<same_step>, surrogate = #spiking.sigmoid} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<f32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %1:2 = spiking.lif %x, %v decay(%p) threshold(%q) mask(%m) {compare = #spiking.compare<gt>, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = -1.000000e-01 : f64, order = #spiking.order<integrate_fire>, reset = #spiking.reset<hard, value = -0.5>, reset_timing = #spiking.reset_timing<same_step>, surrogate = #spiking.sigmoid} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<f32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.lif %{{.*}} {decay = 9.000000e-01 : f64, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_decay>, reset_timing = #spiking.reset_timing<delayed>, threshold = 2.000000e+00 : f64} : (tensor<?x4xf32>) -> (tensor<?x4xi1>, tensor<?x4xf32>)
  %2:2 = spiking.lif %v {decay = 9.000000e-01 : f64, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_decay>, reset_timing = #spiking.reset_timing<delayed>, threshold = 2.000000e+00 : f64} : (tensor<?x4xf32>) -> (tensor<?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.lif %{{.*}} {decay = 9.000000e-01 : f64, preset = #spiking.preset<snntorch>} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %3:2 = spiking.lif %x {decay = 9.000000e-01 : f64, preset = #spiking.preset<snntorch>} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.if %{{.*}} threshold(%{{.*}}) mask(%{{.*}}) {order = #spiking.order<fire_integrate>, reset = #spiking.reset<none>, reset_stage = #spiking.reset_stage<after_integration>} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %4:2 = spiking.if %x, %v threshold(%p) mask(%m) {order = #spiking.order<fire_integrate>, reset = #spiking.reset<none>, reset_stage = #spiking.reset_stage<after_integration>} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.plif %{{.*}} weight(%{{.*}}) threshold(%{{.*}}) mask(%{{.*}}) {leak = 1.000000e-01 : f64, preset = #spiking.preset<spikingjelly>} : (tensor<?x?x4xf32>, tensor<f32>, tensor<?x4xf32>, tensor<f32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %5:2 = spiking.plif %x, %v weight(%q) threshold(%q) mask(%m) {leak = 1.000000e-01 : f64, preset = #spiking.preset<spikingjelly>} : (tensor<?x?x4xf32>, tensor<f32>, tensor<?x4xf32>, tensor<f32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.li %{{.*}} decay(%{{.*}}) mask(%{{.*}}) {input_scaling = #spiking.input_scaling<none>, leak = 0.000000e+00 : f64, preset = #spiking.preset<norse>} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>)
  %6:2 = spiking.li %x, %v decay(%p) mask(%m) {input_scaling = #spiking.input_scaling<none>, leak = 0.000000e+00 : f64, preset = #spiking.preset<norse>} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.cuba_lif %{{.*}} current(%{{.*}}) decay(%{{.*}}) current_decay(%{{.*}}) threshold(%{{.*}}) mask(%{{.*}}) {current_update = #spiking.current_update<jump_then_decay>} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %7:3 = spiking.cuba_lif %x, %v current(%v) decay(%p) current_decay(%p) threshold(%p) mask(%m) {current_update = #spiking.current_update<jump_then_decay>} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.cuba_lif %{{.*}} {current_decay = 5.000000e-01 : f64, current_update = #spiking.current_update<after_membrane>, decay = 5.000000e-01 : f64, preset = #spiking.preset<spyx>} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %8:3 = spiking.cuba_lif %x {current_decay = 5.000000e-01 : f64, current_update = #spiking.current_update<after_membrane>, decay = 5.000000e-01 : f64, preset = #spiking.preset<spyx>} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.alif %{{.*}} adaptation(%{{.*}}) decay(%{{.*}}) adaptation_decay(%{{.*}}) threshold(%{{.*}}) mask(%{{.*}}) {adaptation_increment = 1.000000e-01 : f64} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %9:3 = spiking.alif %x, %v adaptation(%v) decay(%p) adaptation_decay(%p) threshold(%p) mask(%m) {adaptation_increment = 1.000000e-01 : f64} : (tensor<?x?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x?xi1>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.alif %{{.*}} {adaptation_decay = 9.000000e-01 : f64, adaptation_increment = 1.000000e-01 : f64, decay = 9.000000e-01 : f64, threshold = 1.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %10:3 = spiking.alif %x {adaptation_decay = 9.000000e-01 : f64, adaptation_increment = 1.000000e-01 : f64, decay = 9.000000e-01 : f64, threshold = 1.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.lif %{{.*}} {preset = #spiking.preset<temporal_fusion>} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %11:2 = spiking.lif %x {preset = #spiking.preset<temporal_fusion>} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.lif %{{.*}} {decay = 9.000000e-01 : f64, reset_stage = #spiking.reset_stage<before_decay>, reset_timing = #spiking.reset_timing<delayed>} : (tensor<?x4xf32>) -> (tensor<?x4xi1>, tensor<?x4xf32>)
  %12:2 = spiking.lif %v {decay = 9.000000e-01 : f64, reset_stage = #spiking.reset_stage<before_decay>, reset_timing = #spiking.reset_timing<delayed>} : (tensor<?x4xf32>) -> (tensor<?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.cuba_lif %{{.*}} {current_decay = 5.000000e-01 : f64, current_update = #spiking.current_update<decay_then_jump>, decay = 5.000000e-01 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %13:3 = spiking.cuba_lif %x {current_decay = 5.000000e-01 : f64, current_update = #spiking.current_update<decay_then_jump>, decay = 5.000000e-01 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.if %{{.*}} {compare = #spiking.compare<gt>, detach_reset = true, order = #spiking.order<integrate_fire>, preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %14:2 = spiking.if %x {compare = #spiking.compare<gt>, detach_reset = true, order = #spiking.order<integrate_fire>, preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.plif %{{.*}} weight(%{{.*}}) {compare = #spiking.compare<gt>, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64, order = #spiking.order<integrate_fire>, preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>, tensor<f32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  %15:2 = spiking.plif %x weight(%q) {compare = #spiking.compare<gt>, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64, order = #spiking.order<integrate_fire>, preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>, tensor<f32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
  // CHECK: spiking.li %{{.*}} {decay = 5.000000e-01 : f64, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>)
  %16:2 = spiking.li %x {decay = 5.000000e-01 : f64, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.cuba_lif %{{.*}} {compare = #spiking.compare<gt>, current_decay = 2.500000e-01 : f64, decay = 5.000000e-01 : f64, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64, order = #spiking.order<integrate_fire>, preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %17:3 = spiking.cuba_lif %x {compare = #spiking.compare<gt>, current_decay = 2.500000e-01 : f64, decay = 5.000000e-01 : f64, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64, order = #spiking.order<integrate_fire>, preset = #spiking.preset<spikingjelly>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<after_integration>, reset_timing = #spiking.reset_timing<delayed>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: spiking.alif %{{.*}} {adaptation_decay = 9.000000e-01 : f64, adaptation_increment = 1.000000e-01 : f64, compare = #spiking.compare<gt>, decay = 5.000000e-01 : f64, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64, order = #spiking.order<fire_integrate>, preset = #spiking.preset<spyx>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<before_decay>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  %18:3 = spiking.alif %x {adaptation_decay = 9.000000e-01 : f64, adaptation_increment = 1.000000e-01 : f64, compare = #spiking.compare<gt>, decay = 5.000000e-01 : f64, detach_reset = true, input_scaling = #spiking.input_scaling<one_minus_decay>, leak = 1.000000e-01 : f64, order = #spiking.order<fire_integrate>, preset = #spiking.preset<spyx>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<before_decay>, surrogate = #spiking.sigmoid<alpha = 3.0>, threshold = 2.000000e+00 : f64} : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>, tensor<?x4xf32>)
  return
}

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x?x3xi1>, %w: tensor<3x4xf32>, %b: tensor<4xf32>, %g: tensor<?x?x4xf32>) {
  // CHECK: spiking.linear %{{.*}} : (tensor<?x?x3xi1>, tensor<3x4xf32>) -> tensor<?x?x4xf32>
  %0 = spiking.linear %x, %w : (tensor<?x?x3xi1>, tensor<3x4xf32>) -> tensor<?x?x4xf32>
  // CHECK: spiking.linear %{{.*}} : (tensor<?x?x3xi1>, tensor<3x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  %1 = spiking.linear %x, %w, %b : (tensor<?x?x3xi1>, tensor<3x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  // CHECK: spiking.linear_weight_gradient %{{.*}} : (tensor<?x?x3xi1>, tensor<?x?x4xf32>) -> tensor<3x4xf32>
  %2 = spiking.linear_weight_gradient %x, %g : (tensor<?x?x3xi1>, tensor<?x?x4xf32>) -> tensor<3x4xf32>
  return
}

// CHECK-LABEL: func.func @linear_types
func.func @linear_types(%a: tensor<3xi8>, %b: tensor<5x3xbf16>, %v: tensor<3x4xf64>, %w: tensor<3x4xbf16>) {
  // CHECK: spiking.linear %{{.*}} : (tensor<3xi8>, tensor<3x4xf64>) -> tensor<4xf64>
  %0 = spiking.linear %a, %v : (tensor<3xi8>, tensor<3x4xf64>) -> tensor<4xf64>
  // CHECK: spiking.linear %{{.*}} : (tensor<5x3xbf16>, tensor<3x4xbf16>) -> tensor<5x4xbf16>
  %1 = spiking.linear %b, %w : (tensor<5x3xbf16>, tensor<3x4xbf16>) -> tensor<5x4xbf16>
  return
}

// CHECK-LABEL: func.func @conv
func.func @conv(%x: tensor<?x?x4x9x8xi1>, %w: tensor<6x2x3x3xf32>, %b: tensor<6xf32>, %g: tensor<?x?x6x4x8xf32>, %xl: tensor<?x9x8x4xf32>, %wl: tensor<3x3x4x6xf32>, %gl: tensor<?x7x6x6xf32>) {
  // CHECK: spiking.conv %{{.*}} {dilations = array<i64: 2, 1>, groups = 2 : i64, padding = array<i64: 1, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x4x9x8xi1>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x?x6x4x8xf32>
  %0 = spiking.conv %x, %w, %b {dilations = array<i64: 2, 1>, groups = 2 : i64, padding = array<i64: 1, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x4x9x8xi1>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<?x?x6x4x8xf32>
  // CHECK: spiking.conv_input_gradient %{{.*}} {dilations = array<i64: 2, 1>, groups = 2 : i64, padding = array<i64: 1, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x6x4x8xf32>, tensor<6x2x3x3xf32>) -> tensor<?x?x4x9x8xf32>
  %1 = spiking.conv_input_gradient %g, %w {dilations = array<i64: 2, 1>, groups = 2 : i64, padding = array<i64: 1, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x6x4x8xf32>, tensor<6x2x3x3xf32>) -> tensor<?x?x4x9x8xf32>
  // CHECK: spiking.conv_weight_gradient %{{.*}} {dilations = array<i64: 2, 1>, groups = 2 : i64, padding = array<i64: 1, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x4x9x8xi1>, tensor<?x?x6x4x8xf32>) -> tensor<6x2x3x3xf32>
  %2 = spiking.conv_weight_gradient %x, %g {dilations = array<i64: 2, 1>, groups = 2 : i64, padding = array<i64: 1, 1>, strides = array<i64: 2, 1>} : (tensor<?x?x4x9x8xi1>, tensor<?x?x6x4x8xf32>) -> tensor<6x2x3x3xf32>
  // CHECK: spiking.conv %{{.*}} {layout = #spiking.layout<channels_last>} : (tensor<?x9x8x4xf32>, tensor<3x3x4x6xf32>) -> tensor<?x7x6x6xf32>
  %3 = spiking.conv %xl, %wl {layout = #spiking.layout<channels_last>} : (tensor<?x9x8x4xf32>, tensor<3x3x4x6xf32>) -> tensor<?x7x6x6xf32>
  // CHECK: spiking.conv_input_gradient %{{.*}} {layout = #spiking.layout<channels_last>} : (tensor<?x7x6x6xf32>, tensor<3x3x4x6xf32>) -> tensor<?x9x8x4xf32>
  %4 = spiking.conv_input_gradient %gl, %wl {layout = #spiking.layout<channels_last>} : (tensor<?x7x6x6xf32>, tensor<3x3x4x6xf32>) -> tensor<?x9x8x4xf32>
  // CHECK: spiking.conv_weight_gradient %{{.*}} {layout = #spiking.layout<channels_last>} : (tensor<?x9x8x4xf32>, tensor<?x7x6x6xf32>) -> tensor<3x3x4x6xf32>
  %5 = spiking.conv_weight_gradient %xl, %gl {layout = #spiking.layout<channels_last>} : (tensor<?x9x8x4xf32>, tensor<?x7x6x6xf32>) -> tensor<3x3x4x6xf32>
  return
}

// CHECK-LABEL: func.func @pools
func.func @pools(%x: tensor<?x?x4x9x8xi1>, %xl: tensor<?x9x8x4xf32>, %g: tensor<?x?x4x4x4xf32>, %gl: tensor<?x9x8x4xf32>) {
  // CHECK: spiking.avg_pool %{{.*}} {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>) -> tensor<?x?x4x4x4xf32>
  %0 = spiking.avg_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>) -> tensor<?x?x4x4x4xf32>
  // CHECK: spiking.sum_pool %{{.*}} {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>) -> tensor<?x?x4x4x4xi8>
  %1 = spiking.sum_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>) -> tensor<?x?x4x4x4xi8>
  // CHECK: spiking.max_pool %{{.*}} {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>) -> tensor<?x?x4x4x4xi1>
  %2 = spiking.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>) -> tensor<?x?x4x4x4xi1>
  // CHECK: spiking.avg_pool %{{.*}} {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  %3 = spiking.avg_pool %xl {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  // CHECK: spiking.sum_pool %{{.*}} {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  %4 = spiking.sum_pool %xl {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  // CHECK: spiking.max_pool %{{.*}} {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  %5 = spiking.max_pool %xl {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  // CHECK: spiking.sum_pool_gradient %{{.*}} {kernel = array<i64: 2, 2>} : (tensor<?x?x4x4x4xf32>) -> tensor<?x?x4x9x8xf32>
  %6 = spiking.sum_pool_gradient %g {kernel = array<i64: 2, 2>} : (tensor<?x?x4x4x4xf32>) -> tensor<?x?x4x9x8xf32>
  // CHECK: spiking.max_pool_gradient %{{.*}} {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>, tensor<?x?x4x4x4xf32>) -> tensor<?x?x4x9x8xf32>
  %7 = spiking.max_pool_gradient %x, %g {kernel = array<i64: 2, 2>} : (tensor<?x?x4x9x8xi1>, tensor<?x?x4x4x4xf32>) -> tensor<?x?x4x9x8xf32>
  // CHECK: spiking.sum_pool_gradient %{{.*}} {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  %8 = spiking.sum_pool_gradient %gl {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  // CHECK: spiking.max_pool_gradient %{{.*}} {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>, tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  %9 = spiking.max_pool_gradient %xl, %gl {kernel = array<i64: 3, 3>, layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>, strides = array<i64: 1, 1>} : (tensor<?x9x8x4xf32>, tensor<?x9x8x4xf32>) -> tensor<?x9x8x4xf32>
  return
}

// CHECK-LABEL: func.func @batch_norm
func.func @batch_norm(%x: tensor<?x?x3x4xf32>, %c: tensor<4xf32>, %d: tensor<3xf32>, %s: tensor<?x3xf32>, %T: index) {
  // CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%{{.*}}) times(%{{.*}}) {channel_dim = -2 : i64, statistics = #spiking.statistics<merged>} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, index) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  %t0:5 = spiking.batch_norm %x scale(%d) shift(%d) running(%d, %d) times(%T) {channel_dim = -2 : i64, statistics = #spiking.statistics<merged>} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, index) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  // CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%{{.*}}) times(%{{.*}}) {channel_dim = -2 : i64} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, index) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  %t1:5 = spiking.batch_norm %x scale(%d) shift(%d) running(%d, %d) times(%T) {channel_dim = -2 : i64} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, index) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  // CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%{{.*}}) : (tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %0:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) : (tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  // CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%{{.*}}) {channel_dim = -2 : i64, epsilon = 1.000000e-03 : f64, momentum = 2.000000e-01 : f64, sequence = true} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>)
  %1:5 = spiking.batch_norm %x scale(%d) shift(%d) running(%d, %d) {channel_dim = -2 : i64, epsilon = 1.000000e-03 : f64, momentum = 2.000000e-01 : f64, sequence = true} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>)
  // CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%{{.*}}) {channel_dim = -2 : i64, sequence = true, statistics = #spiking.statistics<merged>} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  %2:5 = spiking.batch_norm %x scale(%d) shift(%d) running(%d, %d) {channel_dim = -2 : i64, sequence = true, statistics = #spiking.statistics<merged>} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  // CHECK: spiking.batch_norm %{{.*}} scale(%{{.*}}) shift(%{{.*}}) running(%{{.*}}) {channel_dim = -2 : i64, mode = #spiking.mode<inference>, sequence = true} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  %3:5 = spiking.batch_norm %x scale(%d) shift(%d) running(%d, %d) {channel_dim = -2 : i64, mode = #spiking.mode<inference>, sequence = true} : (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  // CHECK: spiking.batch_norm_gradient %{{.*}} scale(%{{.*}}) saved(%{{.*}}) {mode = #spiking.mode<inference>, statistics = #spiking.statistics<merged>} : (tensor<?x?x3x4xf32>, tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>)
  %4:3 = spiking.batch_norm_gradient %x, %x scale(%c) saved(%c, %c) {mode = #spiking.mode<inference>, statistics = #spiking.statistics<merged>} : (tensor<?x?x3x4xf32>, tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x?x3x4xf32>, tensor<4xf32>, tensor<4xf32>)
  // CHECK: spiking.batch_norm_gradient %{{.*}} scale(%{{.*}}) saved(%{{.*}}) {channel_dim = -2 : i64, sequence = true} : (tensor<?x?x3x4xf32>, tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>)
  %5:3 = spiking.batch_norm_gradient %x, %x scale(%d) saved(%s, %s) {channel_dim = -2 : i64, sequence = true} : (tensor<?x?x3x4xf32>, tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>) -> (tensor<?x?x3x4xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// CHECK-LABEL: func.func @dropout
func.func @dropout(%x: tensor<?x?x4xf32>, %seed: tensor<i64>, %t: index) {
  // CHECK: spiking.dropout %{{.*}} seed(%{{.*}}) {id = 7 : i64, p = 5.000000e-01 : f64} : (tensor<?x?x4xf32>, tensor<i64>) -> tensor<?x?x4xf32>
  %0 = spiking.dropout %x seed(%seed) {id = 7 : i64, p = 5.000000e-01 : f64} : (tensor<?x?x4xf32>, tensor<i64>) -> tensor<?x?x4xf32>
  // CHECK: spiking.dropout %{{.*}} seed(%{{.*}}) step(%{{.*}}) {id = 7 : i64, mask_time = #spiking.mask_time<fixed>, p = 5.000000e-01 : f64} : (tensor<?x?x4xf32>, tensor<i64>, index) -> tensor<?x?x4xf32>
  %1 = spiking.dropout %x seed(%seed) step(%t) {id = 7 : i64, mask_time = #spiking.mask_time<fixed>, p = 5.000000e-01 : f64} : (tensor<?x?x4xf32>, tensor<i64>, index) -> tensor<?x?x4xf32>
  // CHECK: spiking.dropout %{{.*}} seed(%{{.*}}) {id = 7 : i64, mode = #spiking.mode<inference>, p = 5.000000e-01 : f64, sequence = true} : (tensor<?x?x4xf32>, tensor<i64>) -> tensor<?x?x4xf32>
  %2 = spiking.dropout %x seed(%seed) {id = 7 : i64, mode = #spiking.mode<inference>, p = 5.000000e-01 : f64, sequence = true} : (tensor<?x?x4xf32>, tensor<i64>) -> tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%x: tensor<?x?x2x3x4xi1>, %y: tensor<?x24xf32>) {
  // CHECK: spiking.flatten %{{.*}} {dims = 3 : i64} : (tensor<?x?x2x3x4xi1>) -> tensor<?x?x24xi1>
  %0 = spiking.flatten %x {dims = 3 : i64} : (tensor<?x?x2x3x4xi1>) -> tensor<?x?x24xi1>
  // CHECK: spiking.unflatten %{{.*}} {dims = 3 : i64} : (tensor<?x24xf32>) -> tensor<?x2x3x4xf32>
  %1 = spiking.unflatten %y {dims = 3 : i64} : (tensor<?x24xf32>) -> tensor<?x2x3x4xf32>
  // CHECK: spiking.transpose %{{.*}} {permutation = array<i64: 1, 2, 0>} : (tensor<?x?x2x3x4xi1>) -> tensor<?x?x3x4x2xi1>
  %2 = spiking.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x?x2x3x4xi1>) -> tensor<?x?x3x4x2xi1>
  return
}

// CHECK-LABEL: func.func @add
func.func @add(%s: tensor<?x4xi1>, %c: tensor<?x4xi8>, %f: tensor<?x4xf32>) {
  // CHECK: spiking.add %{{.*}} : (tensor<?x4xi1>, tensor<?x4xi1>) -> tensor<?x4xi8>
  %0 = spiking.add %s, %s : (tensor<?x4xi1>, tensor<?x4xi1>) -> tensor<?x4xi8>
  // CHECK: spiking.add %{{.*}} : (tensor<?x4xi8>, tensor<?x4xi1>) -> tensor<?x4xf32>
  %1 = spiking.add %c, %s : (tensor<?x4xi8>, tensor<?x4xi1>) -> tensor<?x4xf32>
  // CHECK: spiking.add %{{.*}} : (tensor<?x4xf32>, tensor<?x4xi1>) -> tensor<?x4xf32>
  %2 = spiking.add %f, %s : (tensor<?x4xf32>, tensor<?x4xi1>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func.func @delay
func.func @delay(%s: tensor<?x?x4xi1>) {
  // CHECK: spiking.delay %{{.*}} {steps = 2 : i64} : (tensor<?x?x4xi1>) -> tensor<?x?x4xi1>
  %0 = spiking.delay %s {steps = 2 : i64} : (tensor<?x?x4xi1>) -> tensor<?x?x4xi1>
  // CHECK: spiking.delay %{{.*}} {steps = -2 : i64} : (tensor<?x?x4xi1>) -> tensor<?x?x4xi1>
  %1 = spiking.delay %s {steps = -2 : i64} : (tensor<?x?x4xi1>) -> tensor<?x?x4xi1>
  return
}

// CHECK-LABEL: func.func @encoders
func.func @encoders(%x: tensor<?x4xf32>, %seed: tensor<i64>, %T: index) {
  // CHECK: spiking.repeat %{{.*}} times(%{{.*}}) : (tensor<?x4xf32>) -> tensor<?x?x4xf32>
  %0 = spiking.repeat %x times(%T) : (tensor<?x4xf32>) -> tensor<?x?x4xf32>
  // CHECK: spiking.poisson %{{.*}} seed(%{{.*}}) times(%{{.*}}) {id = 3 : i64} : tensor<?x4xf32>, tensor<i64> -> tensor<?x?x4xi1>
  %1 = spiking.poisson %x seed(%seed) times(%T) {id = 3 : i64} : tensor<?x4xf32>, tensor<i64> -> tensor<?x?x4xi1>
  // CHECK: spiking.poisson %{{.*}} seed(%{{.*}}) step(%{{.*}}) {id = 3 : i64} : tensor<?x4xf32>, tensor<i64> -> tensor<?x4xi1>
  %2 = spiking.poisson %x seed(%seed) step(%T) {id = 3 : i64} : tensor<?x4xf32>, tensor<i64> -> tensor<?x4xi1>
  // CHECK: spiking.latency %{{.*}} times(%{{.*}}) : (tensor<?x4xf32>) -> tensor<?x?x4xi1>
  %3 = spiking.latency %x times(%T) : (tensor<?x4xf32>) -> tensor<?x?x4xi1>
  // CHECK: spiking.latency %{{.*}} times(%{{.*}}) {threshold = 1.000000e-01 : f64} : (tensor<?x4xf32>) -> tensor<?x?x4xi1>
  %4 = spiking.latency %x times(%T) {threshold = 1.000000e-01 : f64} : (tensor<?x4xf32>) -> tensor<?x?x4xi1>
  return
}

// CHECK-LABEL: func.func @readouts
func.func @readouts(%s: tensor<?x?x4xi1>, %v: tensor<?x?x4xf32>, %g: tensor<?x4xf32>) {
  // CHECK: spiking.readout %{{.*}} {kind = #spiking.readout<rate>} : (tensor<?x?x4xi1>) -> tensor<?x4xf32>
  %0 = spiking.readout %s {kind = #spiking.readout<rate>} : (tensor<?x?x4xi1>) -> tensor<?x4xf32>
  // CHECK: spiking.readout %{{.*}} {kind = #spiking.readout<sum>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %1 = spiking.readout %v {kind = #spiking.readout<sum>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  // CHECK: spiking.readout %{{.*}} {kind = #spiking.readout<max>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %2 = spiking.readout %v {kind = #spiking.readout<max>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  // CHECK: spiking.readout %{{.*}} {kind = #spiking.readout<last>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  %3 = spiking.readout %v {kind = #spiking.readout<last>} : (tensor<?x?x4xf32>) -> tensor<?x4xf32>
  // CHECK: spiking.readout %{{.*}} {kind = #spiking.readout<first_spike>} : (tensor<?x?x4xi1>) -> tensor<?x4xf32>
  %4 = spiking.readout %s {kind = #spiking.readout<first_spike>} : (tensor<?x?x4xi1>) -> tensor<?x4xf32>
  // CHECK: spiking.readout_max_gradient %{{.*}} : (tensor<?x?x4xf32>, tensor<?x4xf32>) -> tensor<?x?x4xf32>
  %5 = spiking.readout_max_gradient %v, %g : (tensor<?x?x4xf32>, tensor<?x4xf32>) -> tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: func.func @losses
func.func @losses(%logits: tensor<?x10xf32>, %labels: tensor<?xi32>, %g: tensor<f32>, %T: index, %s: tensor<?x?x4xi1>) {
  // CHECK: spiking.cross_entropy %{{.*}} : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
  %0 = spiking.cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
  // CHECK: spiking.cross_entropy_gradient %{{.*}} : (tensor<?x10xf32>, tensor<?xi32>, tensor<f32>) -> tensor<?x10xf32>
  %1 = spiking.cross_entropy_gradient %logits, %labels, %g : (tensor<?x10xf32>, tensor<?xi32>, tensor<f32>) -> tensor<?x10xf32>
  // CHECK: spiking.mean_squared_error %{{.*}} : (tensor<?x10xf32>, tensor<?x10xf32>) -> tensor<f32>
  %2 = spiking.mean_squared_error %logits, %logits : (tensor<?x10xf32>, tensor<?x10xf32>) -> tensor<f32>
  // CHECK: spiking.count_target %{{.*}} steps(%{{.*}}) : tensor<?xi32> -> tensor<?x10xf32>
  %3 = spiking.count_target %labels steps(%T) : tensor<?xi32> -> tensor<?x10xf32>
  // CHECK: spiking.count_target %{{.*}} steps(%{{.*}}) {correct_rate = 8.000000e-01 : f64, incorrect_rate = 2.000000e-01 : f64} : tensor<?xi32> -> tensor<?x10xf32>
  %4 = spiking.count_target %labels steps(%T) {correct_rate = 8.000000e-01 : f64, incorrect_rate = 2.000000e-01 : f64} : tensor<?xi32> -> tensor<?x10xf32>
  // CHECK: spiking.count_correct %{{.*}} : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
  %5 = spiking.count_correct %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
  // CHECK: spiking.spike_rate %{{.*}} : (tensor<?x?x4xi1>, tensor<?x10xf32>) -> tensor<f32>
  %6 = spiking.spike_rate %s, %logits : (tensor<?x?x4xi1>, tensor<?x10xf32>) -> tensor<f32>
  return
}

// CHECK-LABEL: func.func @reductions
func.func @reductions(%x: tensor<?x?x4xf32>, %y: tensor<1x4xf32>, %B: index) {
  // CHECK: spiking.reduce_sum %{{.*}} {dims = array<i64: 0, 1>} : (tensor<?x?x4xf32>) -> tensor<4xf32>
  %0 = spiking.reduce_sum %x {dims = array<i64: 0, 1>} : (tensor<?x?x4xf32>) -> tensor<4xf32>
  // CHECK: spiking.reduce_sum %{{.*}} {dims = array<i64: 0, 1>, keep_dims = true} : (tensor<?x?x4xf32>) -> tensor<1x1x4xf32>
  %1 = spiking.reduce_sum %x {dims = array<i64: 0, 1>, keep_dims = true} : (tensor<?x?x4xf32>) -> tensor<1x1x4xf32>
  // CHECK: spiking.broadcast %{{.*}} : tensor<1x4xf32> -> tensor<3x4xf32>
  %2 = spiking.broadcast %y : tensor<1x4xf32> -> tensor<3x4xf32>
  // CHECK: spiking.broadcast %{{.*}} sizes(%{{.*}}) : tensor<1x4xf32> -> tensor<?x?x4xf32>
  %3 = spiking.broadcast %y sizes(%B, %B) : tensor<1x4xf32> -> tensor<?x?x4xf32>
  return
}

// CHECK-LABEL: func.func @optimizers
func.func @optimizers(%p: tensor<3x4xf32>, %lr: tensor<f32>, %step: tensor<i64>, %b: tensor<4xf32>) {
  // CHECK: spiking.sgd %{{.*}} rate(%{{.*}}) : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
  %0 = spiking.sgd %p, %p rate(%lr) : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>) -> tensor<3x4xf32>
  // CHECK: spiking.sgd %{{.*}} rate(%{{.*}}) buffer(%{{.*}}) {momentum = 9.000000e-01 : f64, nesterov = true, weight_decay = 1.000000e-04 : f64} : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>, tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>)
  %1:2 = spiking.sgd %p, %p rate(%lr) buffer(%p) {momentum = 9.000000e-01 : f64, nesterov = true, weight_decay = 1.000000e-04 : f64} : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>, tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>)
  // CHECK: spiking.adam %{{.*}} moments(%{{.*}}) rate(%{{.*}}) step(%{{.*}}) : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>, tensor<i64>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
  %2:3 = spiking.adam %p, %p moments(%p, %p) rate(%lr) step(%step) : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>, tensor<i64>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
  // CHECK: spiking.adam %{{.*}} moments(%{{.*}}) rate(%{{.*}}) step(%{{.*}}) {beta1 = 8.000000e-01 : f64, beta2 = 0.98999999999999999 : f64, decoupled = true, epsilon = 9.9999999999999995E-8 : f64, weight_decay = 1.000000e-02 : f64} : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>, tensor<i64>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
  %3:3 = spiking.adam %p, %p moments(%p, %p) rate(%lr) step(%step) {beta1 = 8.000000e-01 : f64, beta2 = 9.900000e-01 : f64, decoupled = true, epsilon = 1.000000e-07 : f64, weight_decay = 1.000000e-02 : f64} : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>, tensor<f32>, tensor<i64>) -> (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>)
  // CHECK: spiking.clip_gradients %{{.*}} {max_norm = 1.000000e+00 : f64} : (tensor<3x4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>)
  %4:2 = spiking.clip_gradients %p, %b {max_norm = 1.000000e+00 : f64} : (tensor<3x4xf32>, tensor<4xf32>) -> (tensor<3x4xf32>, tensor<4xf32>)
  // CHECK: spiking.clip_gradients %{{.*}} {epsilon = 1.000000e-09 : f64, max_norm = 5.000000e-01 : f64} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  %5 = spiking.clip_gradients %p {epsilon = 1.000000e-09 : f64, max_norm = 5.000000e-01 : f64} : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// CHECK-LABEL: func.func @plan
func.func @plan(%x: tensor<?x40xi1>, %w: tensor<40x4xf32>) {
  // CHECK: spiking.pack %{{.*}} : (tensor<?x40xi1>) -> tensor<?x2xi32>
  %0 = spiking.pack %x : (tensor<?x40xi1>) -> tensor<?x2xi32>
  // CHECK: spiking.unpack %{{.*}} : (tensor<?x2xi32>) -> tensor<?x40xi1>
  %1 = spiking.unpack %0 : (tensor<?x2xi32>) -> tensor<?x40xi1>
  // CHECK: spiking.kernel "linear" (%{{.*}} = %{{.*}} : tensor<?x40xi1>, %{{.*}} = %{{.*}} : tensor<40x4xf32>) -> (tensor<?x4xf32>)
  %2 = spiking.kernel "linear" (%a = %x : tensor<?x40xi1>, %b = %w : tensor<40x4xf32>) -> (tensor<?x4xf32>) {
    // CHECK: spiking.linear %{{.*}} : (tensor<?x40xi1>, tensor<40x4xf32>) -> tensor<?x4xf32>
    %3 = spiking.linear %a, %b : (tensor<?x40xi1>, tensor<40x4xf32>) -> tensor<?x4xf32>
    // CHECK: spiking.yield %{{.*}} : tensor<?x4xf32>
    spiking.yield %3 : tensor<?x4xf32>
  }
  // CHECK: spiking.kernel "nothing" () attributes {test.name = "empty"}
  spiking.kernel "nothing" () attributes {test.name = "empty"} {
  }
  return
}

// CHECK-LABEL: func.func private @resets
// CHECK-SAME:    attributes {test.a = #spiking.reset<hard>, test.b = #spiking.reset<hard, value = -65.0>, test.c = #spiking.reset<soft>, test.d = #spiking.reset<none>}
func.func private @resets() attributes {test.a = #spiking.reset<hard>, test.b = #spiking.reset<hard, value = -65.0>, test.c = #spiking.reset<soft>, test.d = #spiking.reset<none>}

// CHECK-LABEL: func.func private @initializers
// CHECK-SAME:    attributes {test.a = #spiking.init<constant>, test.b = #spiking.init<constant, value = 0.5>, test.c = #spiking.init<uniform, low = -0.1, high = 0.1>, test.d = #spiking.init<normal>, test.e = #spiking.init<normal, mean = 1.0, std = 0.5>, test.f = #spiking.init<kaiming_uniform, fan_in = 784, gain = 0.5773502691896257>, test.g = #spiking.init<kaiming_normal, fan_in = 784>, test.h = #spiking.init<xavier_uniform, fan_in = 784, fan_out = 10>, test.i = #spiking.init<xavier_normal, fan_in = 784, fan_out = 10, gain = 2.0>}
func.func private @initializers() attributes {test.a = #spiking.init<constant>, test.b = #spiking.init<constant, value = 0.5>, test.c = #spiking.init<uniform, low = -0.1, high = 0.1>, test.d = #spiking.init<normal>, test.e = #spiking.init<normal, mean = 1.0, std = 0.5>, test.f = #spiking.init<kaiming_uniform, fan_in = 784, gain = 0.57735026918962573>, test.g = #spiking.init<kaiming_normal, fan_in = 784>, test.h = #spiking.init<xavier_uniform, fan_in = 784, fan_out = 10>, test.i = #spiking.init<xavier_normal, fan_in = 784, fan_out = 10, gain = 2.0>}

// CHECK-LABEL: func.func private @optimizer_attributes
// CHECK-SAME:    attributes {test.a = #spiking.sgd_optimizer<>, test.b = #spiking.sgd_optimizer<learning_rate = 0.1, momentum = 0.9, weight_decay = 1.0E-4, nesterov = true>, test.c = #spiking.adam_optimizer<>, test.d = #spiking.adam_optimizer<learning_rate = 0.1, beta1 = 0.8, beta2 = 0.99, epsilon = 1.0E-7, weight_decay = 0.01, decoupled = true>}
func.func private @optimizer_attributes() attributes {test.a = #spiking.sgd_optimizer<>, test.b = #spiking.sgd_optimizer<learning_rate = 0.1, momentum = 0.9, weight_decay = 1.0E-4, nesterov = true>, test.c = #spiking.adam_optimizer<>, test.d = #spiking.adam_optimizer<learning_rate = 0.1, beta1 = 0.8, beta2 = 0.99, epsilon = 1.0E-7, weight_decay = 0.01, decoupled = true>}

// CHECK: ml_program.global private mutable @weight(#spiking.init<kaiming_uniform, fan_in = 4>) : tensor<4x10xf32>
ml_program.global private mutable @weight(#spiking.init<kaiming_uniform, fan_in = 4>) : tensor<4x10xf32>

// CHECK-LABEL: func.func @forward
// CHECK-SAME:    (%{{.*}}: tensor<?x10xf32> {spiking.name = "image", spiking.role = "input"}, %{{.*}}: tensor<10x10xf32> {spiking.initializer = #spiking.init<constant>, spiking.name = "weight", spiking.role = "parameter"}, %{{.*}}: tensor<2xf32> {spiking.initializer = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>, spiking.role = "state"}) -> (tensor<?x10xf32> {spiking.name = "logits", spiking.role = "output"}, tensor<10x10xf32> {spiking.aliases = 1 : i64, spiking.role = "parameter"}) attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.01>, time_steps = 4, truncate = 2, clip_norm = 1.0>} {
func.func @forward(%x: tensor<?x10xf32> {spiking.name = "image", spiking.role = "input"}, %w: tensor<10x10xf32> {spiking.initializer = #spiking.init<constant>, spiking.name = "weight", spiking.role = "parameter"}, %b: tensor<2xf32> {spiking.initializer = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>, spiking.role = "state"}) -> (tensor<?x10xf32> {spiking.name = "logits", spiking.role = "output"}, tensor<10x10xf32> {spiking.aliases = 1 : i64, spiking.role = "parameter"}) attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.01>, time_steps = 4, truncate = 2, clip_norm = 1.0>} {
  return %x, %w : tensor<?x10xf32>, tensor<10x10xf32>
}

// CHECK-LABEL: func.func @loss
func.func @loss(%logits: tensor<?x10xf32>, %w: tensor<10x10xf32>, %labels: tensor<?xi32>) -> (tensor<f32>, tensor<i32>) {
  // CHECK: spiking.cross_entropy %{{.*}} : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
  %loss = spiking.cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
  // CHECK: spiking.count_correct %{{.*}} : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
  %correct = spiking.count_correct %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
  return %loss, %correct : tensor<f32>, tensor<i32>
}
