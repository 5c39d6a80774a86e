// RUN: snn-opt %s --pass-pipeline='builtin.module(func.func(spiking-form-kernels))' | FileCheck %s

// A product joins the scan that alone takes its currents; sizes stay outside, constants come along.
// CHECK-LABEL: @layer
// CHECK: %[[T:.*]] = tensor.dim
// CHECK: spiking.kernel "linear+scan"
// CHECK:   arith.constant 5.000000e-01
// CHECK:   tensor.empty
// CHECK:   spiking.linear
// CHECK:   spiking.scan forward
// CHECK:   spiking.yield
// CHECK-NOT: spiking.kernel
func.func @layer(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %v0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %c0 = arith.constant 0 : index
  %half = arith.constant 0.5 : f32
  %T = tensor.dim %x, %c0 : tensor<?x8xf32>
  %i = spiking.linear %x, %w : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %e = tensor.empty(%T) : tensor<?x4xf32>
  %o, %vT = spiking.scan forward ins(%a = %i : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>) states(%v = %v0 : tensor<4xf32>) {
    %d = arith.mulf %v, %half : f32
    %n = arith.addf %d, %a : f32
    spiking.yield %n : f32 next(%n : f32)
  }
  return %o, %vT : tensor<?x4xf32>, tensor<4xf32>
}

// Currents that are needed elsewhere, too, are a kernel's result.
// CHECK-LABEL: @shared
// CHECK: spiking.kernel "linear"
// CHECK: spiking.kernel "transpose"
func.func @shared(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
  %i = spiking.linear %x, %w : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  %t = spiking.transpose %i {permutation = array<i64: 1, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return %i, %t : tensor<4x4xf32>, tensor<4x4xf32>
}

// Private functions are inlined before.
// CHECK-LABEL: @private
// CHECK-NOT: spiking.kernel
func.func private @private(%x: tensor<4x8xf32>, %w: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %i = spiking.linear %x, %w : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x4xf32>
  return %i : tensor<4x4xf32>
}

// A weight gradient stays where it is, before the optimizer, so that what it reads may be forgotten.
// CHECK-LABEL: @gradient
// CHECK: spiking.kernel "linear_weight_gradient"
// CHECK: spiking.kernel "scan"
func.func @gradient(%x: tensor<4x8xf32>, %g: tensor<4x2xf32>, %w: tensor<8x2xf32>) -> tensor<8x2xf32> {
  %d = spiking.linear_weight_gradient %x, %g : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<8x2xf32>
  %n = spiking.scan step ins(%a = %d : tensor<8x2xf32>) states(%p = %w : tensor<8x2xf32>) {
    %q = arith.subf %p, %a : f32
    spiking.yield next(%q : f32)
  }
  return %n : tensor<8x2xf32>
}

// What stayed in a loop over time: kernels inside it.
// CHECK-LABEL: @recurrent
// CHECK: spiking.time_loop
// CHECK-NOT: {{= spiking.linear}}
// CHECK:   spiking.kernel "linear+scan"
// CHECK:   spiking.yield next(
func.func @recurrent(%w: tensor<8x8xf32>, %v0: tensor<8xf32>, %T: index) -> tensor<8xf32> {
  %vT = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<8xf32>) -> () {
    %i = spiking.linear %v, %w : (tensor<8xf32>, tensor<8x8xf32>) -> tensor<8xf32>
    %n = spiking.scan step ins(%a = %i : tensor<8xf32>) states(%u = %v : tensor<8xf32>) {
      %s = arith.addf %u, %a : f32
      spiking.yield next(%s : f32)
    }
    spiking.yield next(%n : tensor<8xf32>)
  }
  return %vT : tensor<8xf32>
}
