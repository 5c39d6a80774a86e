// A 784-256-10 network of leaky integrate-and-fire neurons for Fashion-MNIST,
// written in step form: the loop over time holds one step of the whole network.
//
//   snn-train examples/fashion_mlp.mlir

module @fashion_mlp {
  // PyTorch's initial values of a linear layer.
  ml_program.global private mutable @fc1.weight(#spiking.init<kaiming_uniform, fan_in = 784, gain = 0.57735026918962573>) : tensor<784x256xf32>
  ml_program.global private mutable @fc1.bias(#spiking.init<uniform, low = -0.035714285714285712, high = 0.035714285714285712>) : tensor<256xf32>
  ml_program.global private mutable @fc2.weight(#spiking.init<kaiming_uniform, fan_in = 256, gain = 0.57735026918962573>) : tensor<256x10xf32>
  ml_program.global private mutable @fc2.bias(#spiking.init<uniform, low = -0.0625, high = 0.0625>) : tensor<10xf32>

  // The logits are the mean over time of a linear layer on the spikes.
  func.func @forward(%image: tensor<?x784xf32> {spiking.name = "image"},
                     %T: index {spiking.name = "T", spiking.role = "time_steps"})
      -> (tensor<?x10xf32> {spiking.name = "logits"})
      attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.001>, time_steps = 4>} {
    %w1 = ml_program.global_load @fc1.weight : tensor<784x256xf32>
    %b1 = ml_program.global_load @fc1.bias : tensor<256xf32>
    %w2 = ml_program.global_load @fc2.weight : tensor<256x10xf32>
    %b2 = ml_program.global_load @fc2.bias : tensor<10xf32>

    // Membrane potentials start at 0.
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %B = tensor.dim %image, %c0 : tensor<?x784xf32>
    %v0 = tensor.splat %zero[%B] : tensor<?x256xf32>

    // Direct coding: the same image enters at every step.
    %current, %vT = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<?x256xf32>) -> (tensor<?x?x10xf32>) {
      %i1 = spiking.linear %image, %w1, %b1 : (tensor<?x784xf32>, tensor<784x256xf32>, tensor<256xf32>) -> tensor<?x256xf32>
      %s1, %v1 = spiking.lif %i1, %v {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true,
                                      surrogate = #spiking.atan<alpha = 2.0>}
          : (tensor<?x256xf32>, tensor<?x256xf32>) -> (tensor<?x256xi1>, tensor<?x256xf32>)
      %i2 = spiking.linear %s1, %w2, %b2 : (tensor<?x256xi1>, tensor<256x10xf32>, tensor<10xf32>) -> tensor<?x10xf32>
      spiking.yield %i2 : tensor<?x10xf32> next(%v1 : tensor<?x256xf32>)
    }
    %logits = spiking.readout %current {kind = #spiking.readout<rate>} : (tensor<?x?x10xf32>) -> tensor<?x10xf32>
    return %logits : tensor<?x10xf32>
  }

  func.func private @loss(%logits: tensor<?x10xf32>, %labels: tensor<?xi32> {spiking.name = "labels"}) -> (tensor<f32>, tensor<i32>) {
    %loss = spiking.cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
    %correct = spiking.count_correct %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
    return %loss, %correct : tensor<f32>, tensor<i32>
  }
}
