// Linear layers whose inputs are spikes: each current can be computed again.
module @layers {
  ml_program.global private mutable @w1(#spiking.init<kaiming_uniform, fan_in = 64, gain = 1.0>) : tensor<64x256xf32>
  ml_program.global private mutable @w2(#spiking.init<kaiming_uniform, fan_in = 256, gain = 1.0>) : tensor<256x256xf32>
  ml_program.global private mutable @w3(#spiking.init<kaiming_uniform, fan_in = 256, gain = 1.0>) : tensor<256x256xf32>
  ml_program.global private mutable @w4(#spiking.init<kaiming_uniform, fan_in = 256, gain = 1.0>) : tensor<256x10xf32>

  func.func @forward(%x: tensor<?x?x64xi1> {spiking.name = "x"}) -> (tensor<?x10xf32> {spiking.name = "logits"})
      attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.001>>} {
    %w1 = ml_program.global_load @w1 : tensor<64x256xf32>
    %w2 = ml_program.global_load @w2 : tensor<256x256xf32>
    %w3 = ml_program.global_load @w3 : tensor<256x256xf32>
    %w4 = ml_program.global_load @w4 : tensor<256x10xf32>
    %i1 = spiking.linear %x, %w1 : (tensor<?x?x64xi1>, tensor<64x256xf32>) -> tensor<?x?x256xf32>
    %s1, %v1 = spiking.lif %i1 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    %i2 = spiking.linear %s1, %w2 : (tensor<?x?x256xi1>, tensor<256x256xf32>) -> tensor<?x?x256xf32>
    %s2, %v2 = spiking.lif %i2 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    %i3 = spiking.linear %s2, %w3 : (tensor<?x?x256xi1>, tensor<256x256xf32>) -> tensor<?x?x256xf32>
    %s3, %v3 = spiking.lif %i3 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    %i4 = spiking.linear %s3, %w4 : (tensor<?x?x256xi1>, tensor<256x10xf32>) -> tensor<?x?x10xf32>
    %logits = spiking.readout %i4 {kind = #spiking.readout<rate>} : (tensor<?x?x10xf32>) -> tensor<?x10xf32>
    return %logits : tensor<?x10xf32>
  }

  func.func private @loss(%logits: tensor<?x10xf32>, %labels: tensor<?xi32> {spiking.name = "labels"}) -> (tensor<f32>) {
    %loss = spiking.cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}
