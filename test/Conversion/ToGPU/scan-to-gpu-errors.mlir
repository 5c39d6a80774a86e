// RUN: snn-opt %s --convert-spiking-scan-to-gpu --split-input-file --verify-diagnostics
// RUN: not snn-opt %s --convert-spiking-scan-to-gpu=chunk-steps=0 --split-input-file 2>&1 | FileCheck %s
// CHECK: chunk-steps must be at least 1, got 0

func.func @bits(%s: memref<?x8xi1>, %state: memref<8xf32>) {
  // expected-error @+1 {{expected spikes in memory to be i8, got 'memref<?x8xi1>'}}
  spiking.scan forward outs(%s : memref<?x8xi1>) states(%v = %state : memref<8xf32>) {
    %f = spiking.fire %v {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%v : f32)
  }
  return
}

// -----

func.func @tensors(%x: tensor<?x8xf32>, %state: tensor<8xf32>) {
  // expected-error @+1 {{expected buffers, got 'tensor<?x8xf32>'}}
  %0 = spiking.scan forward ins(%i = %x : tensor<?x8xf32>) states(%v = %state : tensor<8xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// -----

func.func @layout(%x: memref<?x8xf32, affine_map<(i, j) -> (i, j mod 4)>>, %state: memref<8xf32>) {
  // expected-error @+1 {{expected a strided layout}}
  spiking.scan forward ins(%i = %x : memref<?x8xf32, affine_map<(i, j) -> (i, j mod 4)>>) states(%v = %state : memref<8xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}
