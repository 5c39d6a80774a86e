// All-to-all synapses without a bias, and a LIF layer.
func.func @forward(%x: tensor<?x?x@N@x@X@> {spiking.name = "x"}, %w: tensor<@N@x@N@xf32> {spiking.name = "w", spiking.role = "parameter"})
    -> (tensor<?x?x@N@xi1>, tensor<?x@N@xf32>) {
  %i = spiking.linear %x, %w : (tensor<?x?x@N@x@X@>, tensor<@N@x@N@xf32>) -> tensor<?x?x@N@xf32>
  %s, %v = spiking.lif %i {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x@N@xf32>) -> (tensor<?x?x@N@xi1>, tensor<?x@N@xf32>)
  return %s, %v : tensor<?x?x@N@xi1>, tensor<?x@N@xf32>
}
