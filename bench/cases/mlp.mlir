// Two layers of all-to-all synapses with biases, LIF after each.
func.func @forward(%x: tensor<?x?x@I@x@X@> {spiking.name = "x"},
    %w1: tensor<@I@x@H@xf32> {spiking.name = "w1", spiking.role = "parameter"}, %b1: tensor<@H@xf32> {spiking.name = "b1", spiking.role = "parameter"},
    %w2: tensor<@H@x@O@xf32> {spiking.name = "w2", spiking.role = "parameter"}, %b2: tensor<@O@xf32> {spiking.name = "b2", spiking.role = "parameter"})
    -> (tensor<?x?x@O@xi1>, tensor<?x@H@xf32>, tensor<?x@O@xf32>) {
  %i1 = spiking.linear %x, %w1, %b1 : (tensor<?x?x@I@x@X@>, tensor<@I@x@H@xf32>, tensor<@H@xf32>) -> tensor<?x?x@H@xf32>
  %s1, %v1 = spiking.lif %i1 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x@H@xf32>) -> (tensor<?x?x@H@xi1>, tensor<?x@H@xf32>)
  %i2 = spiking.linear %s1, %w2, %b2 : (tensor<?x?x@H@xi1>, tensor<@H@x@O@xf32>, tensor<@O@xf32>) -> tensor<?x?x@O@xf32>
  %s2, %v2 = spiking.lif %i2 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x@O@xf32>) -> (tensor<?x?x@O@xi1>, tensor<?x@O@xf32>)
  return %s2, %v1, %v2 : tensor<?x?x@O@xi1>, tensor<?x@H@xf32>, tensor<?x@O@xf32>
}
