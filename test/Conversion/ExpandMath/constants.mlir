// RUN: snn-opt %s --expand-math=constants | FileCheck %s
// RUN: snn-opt %s --expand-math=constants --canonicalize | FileCheck %s --check-prefix=FOLDED

// What a folder could get hold of, at once or after other folders.
// CHECK-LABEL: func @chain
// CHECK-NOT:     math.exp
// FOLDED-LABEL: func @chain
// FOLDED-NOT:     math.exp
// FOLDED:         math.fma
func.func @chain() -> f32 {
  %a = arith.constant -1.0 : f32
  %tau = arith.constant 20.0 : f32
  %q = arith.divf %a, %tau : f32
  %y = math.exp %q : f32
  return %y : f32
}

// CHECK-LABEL: func @in_a_loop
// CHECK-NOT:     math.sin
// CHECK:         return
func.func @in_a_loop(%x: f32) -> f32 {
  %a = arith.constant 1.5 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %y = scf.for %i = %c0 to %c1 step %c1 iter_args(%b = %a) -> f32 {
    %s = math.sin %b : f32
    %m = arith.mulf %s, %x : f32
    scf.yield %m : f32
  }
  return %y : f32
}

// Everything else stays, for it may have to be differentiated.
// CHECK-LABEL: func @of_values
// CHECK:         math.exp
// CHECK:         math.cos
// CHECK:         math.powf
func.func @of_values(%x: f32) -> f32 {
  %a = arith.constant 1.5 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = math.exp %x : f32
  %y = scf.for %i = %c0 to %c4 step %c1 iter_args(%b = %a) -> f32 {
    %s = math.cos %b : f32
    %m = arith.mulf %s, %e : f32
    scf.yield %m : f32
  }
  %p = math.powf %y, %a : f32
  return %p : f32
}

// A tensor of constants: by the neuron.
// CHECK-LABEL: func @tensor
// CHECK-NOT:     math.exp
// CHECK:         spiking.scan step ins(%[[X:[^ ]+]] = %{{[^ ]+}} : tensor<4xf32>)
// CHECK:           math.exp %[[X]] : f32
// CHECK:         math.log %{{.*}} : tensor<4xf32>
// FOLDED-LABEL: func @tensor
// FOLDED:         math.exp
func.func @tensor(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %c = arith.constant dense<[0.3, 1.7, -2.9, 11.3]> : tensor<4xf32>
  %e = math.exp %c : tensor<4xf32>
  %l = math.log %x : tensor<4xf32>
  return %e, %l : tensor<4xf32>, tensor<4xf32>
}
