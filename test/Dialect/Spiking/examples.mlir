// RUN: snn-opt %s --verify-roundtrip | FileCheck %s

// The examples of docs/Dialect.md: test/Integration/test_docs.py checks that each is here.

// CHECK-LABEL: func.func @kernel
func.func @kernel(%x: tensor<?x?x784xf32>, %w: tensor<784x128xf32>) -> tensor<?x?x128xf32> {
  %s = spiking.kernel "linear" (%x_ = %x : tensor<?x?x784xf32>, %w_ = %w : tensor<784x128xf32>) -> (tensor<?x?x128xf32>) {
    %y = spiking.linear %x_, %w_ : (tensor<?x?x784xf32>, tensor<784x128xf32>) -> tensor<?x?x128xf32>
    spiking.yield %y : tensor<?x?x128xf32>
  }
  return %s : tensor<?x?x128xf32>
}

// CHECK-LABEL: func.func @lif
func.func @lif(%i: tensor<?x?x128xf32>, %v0: tensor<?x128xf32>) {
  %s, %vT = spiking.lif %i, %v0 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true,
      surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x128xf32>, tensor<?x128xf32>) -> (tensor<?x?x128xi1>, tensor<?x128xf32>)
  return
}

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x?x784xi1>, %w: tensor<784x128xf32>, %b: tensor<128xf32>) {
  %y = spiking.linear %x, %w, %b : (tensor<?x?x784xi1>, tensor<784x128xf32>, tensor<128xf32>) -> tensor<?x?x128xf32>
  return
}

// CHECK-LABEL: func.func @scan
func.func @scan(%x: tensor<?x?x128xf32>, %e: tensor<?x?x128xi1>, %v0: tensor<?x128xf32>) {
  %s, %vT = spiking.scan forward ins(%i = %x : tensor<?x?x128xf32>) outs(%e : tensor<?x?x128xi1>)
      states(%v = %v0 : tensor<?x128xf32>) {
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %d = arith.mulf %v, %half : f32
    %h = arith.addf %d, %i : f32
    %u = arith.subf %h, %one : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %zero = arith.constant 0.0 : f32
    %v1 = arith.select %f, %zero, %h : f32
    spiking.yield %f : i1 next(%v1 : f32)
  }
  return
}

// CHECK-LABEL: func.func @time_loop
func.func @time_loop(%T: index, %x: tensor<?x?x784xf32>, %w: tensor<784x128xf32>, %v0: tensor<?x128xf32>) {
  %out, %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x784xf32>)
      state(%v = %v0 : tensor<?x128xf32>) -> (tensor<?x?x128xi1>) {
    %i = spiking.linear %x_t, %w : (tensor<?x784xf32>, tensor<784x128xf32>) -> tensor<?x128xf32>
    %s, %v1 = spiking.lif %i, %v {decay = 0.5} : (tensor<?x128xf32>, tensor<?x128xf32>) -> (tensor<?x128xi1>, tensor<?x128xf32>)
    spiking.yield %s : tensor<?x128xi1> next(%v1 : tensor<?x128xf32>)
  }
  return
}

// CHECK-LABEL: func.func @yield
func.func @yield(%x: tensor<?x4xf32>, %e: tensor<?x4xi1>, %v0: tensor<4xf32>, %g0: tensor<4xf32>) {
  %r:3 = spiking.scan forward ins(%v1 = %x : tensor<?x4xf32>) outs(%e : tensor<?x4xi1>) states(%g = %v0 : tensor<4xf32>)
      accumulators(%g0 : tensor<4xf32>) {
    %s = spiking.fire %v1 {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %s : i1 next(%v1 : f32) accumulate(%g : f32)
  }
  return
}
