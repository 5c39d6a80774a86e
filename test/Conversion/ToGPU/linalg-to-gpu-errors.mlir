// RUN: snn-opt %s --convert-linalg-to-gpu --split-input-file --verify-diagnostics

func.func @branch(%flag: memref<i1>, %x: memref<?xf32>) {
  %zero = arith.constant 0.0 : f32
  // expected-note @+1 {{the value is computed here}}
  %c = memref.load %flag[] : memref<i1>
  // expected-error @+1 {{needs on the host a value that is computed on the device}}
  scf.if %c {
    linalg.fill ins(%zero : f32) outs(%x : memref<?xf32>)
  }
  return
}

// -----

func.func @tensors(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = arith.constant 0.0 : f32
  // expected-error @+1 {{expected buffers, got 'f32', 'tensor<4xf32>'}}
  %y = linalg.fill ins(%zero : f32) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
