// Fashion-MNIST row by row: 28 steps of 28 pixels, into a layer of neurons that
// see their own spikes of the step before (recurrent weights).
//
//   snn-train examples/fashion_rows.mlir

module @fashion_rows {
  ml_program.global private mutable @in.weight(#spiking.init<kaiming_uniform, fan_in = 28, gain = 0.57735026918962573>) : tensor<28x128xf32>
  ml_program.global private mutable @in.bias(#spiking.init<uniform, low = -0.1889822365046136, high = 0.1889822365046136>) : tensor<128xf32>
  ml_program.global private mutable @recurrent.weight(#spiking.init<kaiming_uniform, fan_in = 128, gain = 0.57735026918962573>) : tensor<128x128xf32>
  ml_program.global private mutable @out.weight(#spiking.init<kaiming_uniform, fan_in = 128, gain = 0.57735026918962573>) : tensor<128x10xf32>
  ml_program.global private mutable @out.bias(#spiking.init<uniform, low = -0.088388347648318447, high = 0.088388347648318447>) : tensor<10xf32>

  // The logits are the membrane potential of a leaky readout, summed over time
  // and divided by the number of steps.
  func.func @forward(%image: tensor<?x784xf32> {spiking.name = "image"}) -> (tensor<?x10xf32> {spiking.name = "logits"})
      attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.001>, time_steps = 28>} {
    %w = ml_program.global_load @in.weight : tensor<28x128xf32>
    %b = ml_program.global_load @in.bias : tensor<128xf32>
    %r = ml_program.global_load @recurrent.weight : tensor<128x128xf32>
    %wo = ml_program.global_load @out.weight : tensor<128x10xf32>
    %bo = ml_program.global_load @out.bias : tensor<10xf32>

    // Rows become steps: [B, 784] to [B, 28, 28] to [28, B, 28].
    %c0 = arith.constant 0 : index
    %T = arith.constant 28 : index
    %B = tensor.dim %image, %c0 : tensor<?x784xf32>
    %split = spiking.unflatten %image {dims = 2} : (tensor<?x784xf32>) -> tensor<?x28x28xf32>
    %rows = spiking.transpose %split {permutation = array<i64: 1, 0, 2>} : (tensor<?x28x28xf32>) -> tensor<28x?x28xf32>

    %zero = arith.constant 0.0 : f32
    %false = arith.constant false
    %v0 = tensor.splat %zero[%B] : tensor<?x128xf32>
    %s0 = tensor.splat %false[%B] : tensor<?x128xi1>
    %m0 = tensor.splat %zero[%B] : tensor<?x10xf32>
    %readout, %vT, %sT, %mT = spiking.time_loop %t = 0 to %T over(%row = %rows : tensor<28x?x28xf32>)
        state(%v = %v0 : tensor<?x128xf32>, %s = %s0 : tensor<?x128xi1>, %m = %m0 : tensor<?x10xf32>) -> (tensor<28x?x10xf32>) {
      %x = spiking.linear %row, %w, %b : (tensor<?x28xf32>, tensor<28x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
      %y = spiking.linear %s, %r : (tensor<?x128xi1>, tensor<128x128xf32>) -> tensor<?x128xf32>
      %i = spiking.add %x, %y : (tensor<?x128xf32>, tensor<?x128xf32>) -> tensor<?x128xf32>
      %s1, %v1 = spiking.lif %i, %v {decay = 0.9, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true,
                                     surrogate = #spiking.atan<alpha = 2.0>}
          : (tensor<?x128xf32>, tensor<?x128xf32>) -> (tensor<?x128xi1>, tensor<?x128xf32>)
      %o = spiking.linear %s1, %wo, %bo : (tensor<?x128xi1>, tensor<128x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
      %u, %m1 = spiking.li %o, %m {decay = 0.9} : (tensor<?x10xf32>, tensor<?x10xf32>) -> (tensor<?x10xf32>, tensor<?x10xf32>)
      spiking.yield %u : tensor<?x10xf32> next(%v1, %s1, %m1 : tensor<?x128xf32>, tensor<?x128xi1>, tensor<?x10xf32>)
    }
    %logits = spiking.readout %readout {kind = #spiking.readout<rate>} : (tensor<28x?x10xf32>) -> tensor<?x10xf32>
    return %logits : tensor<?x10xf32>
  }

  func.func private @loss(%logits: tensor<?x10xf32>, %labels: tensor<?xi32> {spiking.name = "labels"}) -> (tensor<f32>, tensor<i32>) {
    %loss = spiking.cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
    %correct = spiking.count_correct %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
    return %loss, %correct : tensor<f32>, tensor<i32>
  }
}
