// Recurrent LIF layer: the spikes of the step before come back through all-to-all weights; a linear readout. The neuron of this case is
// v = 0.9 v (1 - z) + i (a hard reset to 0, delayed, after the decay), not detached.
func.func @forward(%x: tensor<?x?x@I@xf32> {spiking.name = "x"}, %v0: tensor<?x@H@xf32> {spiking.name = "v0"}, %z0: tensor<?x@H@xi1> {spiking.name = "z0"},
    %wi: tensor<@I@x@H@xf32> {spiking.name = "wi", spiking.role = "parameter"},
    %wr: tensor<@H@x@H@xf32> {spiking.name = "wr", spiking.role = "parameter"},
    %wo: tensor<@H@x@O@xf32> {spiking.name = "wo", spiking.role = "parameter"})
    -> (tensor<?x?x@O@xf32>, tensor<?x@H@xf32>) {
  %c0 = arith.constant 0 : index
  %T = tensor.dim %x, %c0 : tensor<?x?x@I@xf32>
  %s, %vT, %zT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x@I@xf32>)
      state(%v = %v0 : tensor<?x@H@xf32>, %z = %z0 : tensor<?x@H@xi1>) -> (tensor<?x?x@H@xi1>) {
    %a = spiking.linear %x_t, %wi : (tensor<?x@I@xf32>, tensor<@I@x@H@xf32>) -> tensor<?x@H@xf32>
    %r = spiking.linear %z, %wr : (tensor<?x@H@xi1>, tensor<@H@x@H@xf32>) -> tensor<?x@H@xf32>
    %i = arith.addf %a, %r : tensor<?x@H@xf32>
    %s1, %v1 = spiking.lif %i, %v {decay = 0.9, threshold = 1.0, reset = #spiking.reset<hard, value = 0.0>,
        reset_timing = #spiking.reset_timing<delayed>, reset_stage = #spiking.reset_stage<after_decay>,
        surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x@H@xf32>, tensor<?x@H@xf32>) -> (tensor<?x@H@xi1>, tensor<?x@H@xf32>)
    spiking.yield %s1 : tensor<?x@H@xi1> next(%v1, %s1 : tensor<?x@H@xf32>, tensor<?x@H@xi1>)
  }
  %y = spiking.linear %s, %wo : (tensor<?x?x@H@xi1>, tensor<@H@x@O@xf32>) -> tensor<?x?x@O@xf32>
  return %y, %vT : tensor<?x?x@O@xf32>, tensor<?x@H@xf32>
}
