// RUN: snn-opt %s --spiking-set-mode=mode=inference --verify-diagnostics

func.func @f(%x: tensor<?x?x8xf32>, %p: tensor<8xf32>) -> tensor<?x8xf32> {
  // expected-error @below {{cannot change to inference: its saved statistics are used as 'tensor<?x8xf32>'}}
  %y, %m, %v, %sm, %sr = spiking.batch_norm %x scale(%p) shift(%p) running(%p, %p) {sequence = true}
      : (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      -> (tensor<?x?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  return %sm : tensor<?x8xf32>
}
