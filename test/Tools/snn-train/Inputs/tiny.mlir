// A 4-3 network of leaky integrators, two steps.
module @tiny {
  ml_program.global private mutable @weight(#spiking.init<uniform, low = -0.5, high = 0.5>) : tensor<4x3xf32>

  func.func @forward(%image: tensor<?x4xf32> {spiking.name = "image"},
                     %T: index {spiking.name = "T", spiking.role = "time_steps"})
      -> (tensor<?x3xf32> {spiking.name = "logits"})
      attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>, time_steps = 2>} {
    %w = ml_program.global_load @weight : tensor<4x3xf32>
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %B = tensor.dim %image, %c0 : tensor<?x4xf32>
    %v0 = tensor.splat %zero[%B] : tensor<?x3xf32>
    %out, %vT = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<?x3xf32>) -> (tensor<?x?x3xf32>) {
      %i = spiking.linear %image, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
      %y, %v1 = spiking.li %i, %v {decay = 0.5} : (tensor<?x3xf32>, tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>)
      spiking.yield %y : tensor<?x3xf32> next(%v1 : tensor<?x3xf32>)
    }
    // Sums of large membranes overflow here first.
    %logits = spiking.readout %out {kind = #spiking.readout<rate>} : (tensor<?x?x3xf32>) -> tensor<?x3xf32>
    return %logits : tensor<?x3xf32>
  }

  func.func private @loss(%logits: tensor<?x3xf32>, %labels: tensor<?xi32> {spiking.name = "labels"}) -> (tensor<f32>, tensor<i32>) {
    %loss = spiking.cross_entropy %logits, %labels : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<f32>
    %correct = spiking.count_correct %logits, %labels : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<i32>
    return %loss, %correct : tensor<f32>, tensor<i32>
  }
}
