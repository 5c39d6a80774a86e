// A convolutional network for Fashion-MNIST: two blocks of convolution, batch
// normalization, LIF neurons and max pooling, and a readout. Written in sequence
// form, with channels last.
//
//   snn-train examples/fashion_conv.mlir

module @fashion_conv {
  ml_program.global private mutable @conv1.weight(#spiking.init<kaiming_uniform, fan_in = 9, gain = 0.57735026918962573>) : tensor<3x3x1x32xf32>
  ml_program.global private mutable @bn1.weight(#spiking.init<constant, value = 1.0>) : tensor<32xf32>
  ml_program.global private mutable @bn1.bias(#spiking.init<constant, value = 0.0>) : tensor<32xf32>
  ml_program.global private mutable @bn1.running_mean(#spiking.init<constant, value = 0.0>) : tensor<32xf32>
  ml_program.global private mutable @bn1.running_var(#spiking.init<constant, value = 1.0>) : tensor<32xf32>
  ml_program.global private mutable @conv2.weight(#spiking.init<kaiming_uniform, fan_in = 288, gain = 0.57735026918962573>) : tensor<3x3x32x64xf32>
  ml_program.global private mutable @bn2.weight(#spiking.init<constant, value = 1.0>) : tensor<64xf32>
  ml_program.global private mutable @bn2.bias(#spiking.init<constant, value = 0.0>) : tensor<64xf32>
  ml_program.global private mutable @bn2.running_mean(#spiking.init<constant, value = 0.0>) : tensor<64xf32>
  ml_program.global private mutable @bn2.running_var(#spiking.init<constant, value = 1.0>) : tensor<64xf32>
  ml_program.global private mutable @fc.weight(#spiking.init<kaiming_uniform, fan_in = 3136, gain = 0.57735026918962573>) : tensor<3136x10xf32>
  ml_program.global private mutable @fc.bias(#spiking.init<uniform, low = -0.017857142857142856, high = 0.017857142857142856>) : tensor<10xf32>

  func.func @forward(%image: tensor<?x784xf32> {spiking.name = "image"},
                     %T: index {spiking.name = "T", spiking.role = "time_steps"})
      -> (tensor<?x10xf32> {spiking.name = "logits"})
      attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.001>, time_steps = 4>} {
    // Direct coding: the same image at every step.
    %image3 = spiking.unflatten %image {dims = 3} : (tensor<?x784xf32>) -> tensor<?x28x28x1xf32>
    %x0 = spiking.repeat %image3 times(%T) : (tensor<?x28x28x1xf32>) -> tensor<?x?x28x28x1xf32>

    %k1 = ml_program.global_load @conv1.weight : tensor<3x3x1x32xf32>
    %i1 = spiking.conv %x0, %k1 {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>}
        : (tensor<?x?x28x28x1xf32>, tensor<3x3x1x32xf32>) -> tensor<?x?x28x28x32xf32>
    %g1 = ml_program.global_load @bn1.weight : tensor<32xf32>
    %b1 = ml_program.global_load @bn1.bias : tensor<32xf32>
    %m1 = ml_program.global_load @bn1.running_mean : tensor<32xf32>
    %v1 = ml_program.global_load @bn1.running_var : tensor<32xf32>
    %n1, %m1n, %v1n, %sm1, %sr1 = spiking.batch_norm %i1 scale(%g1) shift(%b1) running(%m1, %v1)
        {statistics = #spiking.statistics<merged>, sequence = true}
        : (tensor<?x?x28x28x32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
        -> (tensor<?x?x28x28x32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    ml_program.global_store @bn1.running_mean = %m1n : tensor<32xf32>
    ml_program.global_store @bn1.running_var = %v1n : tensor<32xf32>
    %s1, %u1 = spiking.lif %n1 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true,
                                surrogate = #spiking.atan<alpha = 2.0>}
        : (tensor<?x?x28x28x32xf32>) -> (tensor<?x?x28x28x32xi1>, tensor<?x28x28x32xf32>)
    %p1 = spiking.max_pool %s1 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>}
        : (tensor<?x?x28x28x32xi1>) -> tensor<?x?x14x14x32xi1>

    %k2 = ml_program.global_load @conv2.weight : tensor<3x3x32x64xf32>
    %i2 = spiking.conv %p1, %k2 {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>}
        : (tensor<?x?x14x14x32xi1>, tensor<3x3x32x64xf32>) -> tensor<?x?x14x14x64xf32>
    %g2 = ml_program.global_load @bn2.weight : tensor<64xf32>
    %b2 = ml_program.global_load @bn2.bias : tensor<64xf32>
    %m2 = ml_program.global_load @bn2.running_mean : tensor<64xf32>
    %v2 = ml_program.global_load @bn2.running_var : tensor<64xf32>
    %n2, %m2n, %v2n, %sm2, %sr2 = spiking.batch_norm %i2 scale(%g2) shift(%b2) running(%m2, %v2)
        {statistics = #spiking.statistics<merged>, sequence = true}
        : (tensor<?x?x14x14x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
        -> (tensor<?x?x14x14x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
    ml_program.global_store @bn2.running_mean = %m2n : tensor<64xf32>
    ml_program.global_store @bn2.running_var = %v2n : tensor<64xf32>
    %s2, %u2 = spiking.lif %n2 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true,
                                surrogate = #spiking.atan<alpha = 2.0>}
        : (tensor<?x?x14x14x64xf32>) -> (tensor<?x?x14x14x64xi1>, tensor<?x14x14x64xf32>)
    %p2 = spiking.max_pool %s2 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>}
        : (tensor<?x?x14x14x64xi1>) -> tensor<?x?x7x7x64xi1>

    %flat = spiking.flatten %p2 {dims = 3} : (tensor<?x?x7x7x64xi1>) -> tensor<?x?x3136xi1>
    %w = ml_program.global_load @fc.weight : tensor<3136x10xf32>
    %b = ml_program.global_load @fc.bias : tensor<10xf32>
    %current = spiking.linear %flat, %w, %b : (tensor<?x?x3136xi1>, tensor<3136x10xf32>, tensor<10xf32>) -> tensor<?x?x10xf32>
    %logits = spiking.readout %current {kind = #spiking.readout<rate>} : (tensor<?x?x10xf32>) -> tensor<?x10xf32>
    return %logits : tensor<?x10xf32>
  }

  func.func private @loss(%logits: tensor<?x10xf32>, %labels: tensor<?xi32> {spiking.name = "labels"}) -> (tensor<f32>, tensor<i32>) {
    %loss = spiking.cross_entropy %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<f32>
    %correct = spiking.count_correct %logits, %labels : (tensor<?x10xf32>, tensor<?xi32>) -> tensor<i32>
    return %loss, %correct : tensor<f32>, tensor<i32>
  }
}
