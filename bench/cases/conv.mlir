// Two blocks of convolution, batch norm, LIF and mean pool, and a linear readout with LIF. Channels last.
func.func @forward(%x: tensor<?x?x32x32x3xf32> {spiking.name = "x"},
    %k1: tensor<3x3x3x32xf32> {spiking.name = "k1", spiking.role = "parameter"}, %k2: tensor<3x3x32x64xf32> {spiking.name = "k2", spiking.role = "parameter"},
    %g1: tensor<32xf32> {spiking.name = "g1", spiking.role = "parameter"}, %b1: tensor<32xf32> {spiking.name = "b1", spiking.role = "parameter"},
    %g2: tensor<64xf32> {spiking.name = "g2", spiking.role = "parameter"}, %b2: tensor<64xf32> {spiking.name = "b2", spiking.role = "parameter"},
    %m1: tensor<32xf32> {spiking.name = "m1", spiking.role = "state"}, %r1: tensor<32xf32> {spiking.name = "r1", spiking.role = "state"},
    %m2: tensor<64xf32> {spiking.name = "m2", spiking.role = "state"}, %r2: tensor<64xf32> {spiking.name = "r2", spiking.role = "state"},
    %w: tensor<4096x10xf32> {spiking.name = "w", spiking.role = "parameter"}, %b: tensor<10xf32> {spiking.name = "b", spiking.role = "parameter"})
    -> (tensor<?x?x10xi1>, tensor<32xf32> {spiking.aliases = 7}, tensor<32xf32> {spiking.aliases = 8}, tensor<64xf32> {spiking.aliases = 9}, tensor<64xf32> {spiking.aliases = 10}) {
  %c1 = spiking.conv %x, %k1 {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x32x32x3xf32>, tensor<3x3x3x32xf32>) -> tensor<?x?x32x32x32xf32>
  %n1, %nm1, %nr1, %sm1, %sr1 = spiking.batch_norm %c1 scale(%g1) shift(%b1) running(%m1, %r1) {statistics = #spiking.statistics<merged>, mode = #spiking.mode<@MODE@>}
      : (tensor<?x?x32x32x32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>) -> (tensor<?x?x32x32x32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
  %s1, %v1 = spiking.lif %n1 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x32x32x32xf32>) -> (tensor<?x?x32x32x32xi1>, tensor<?x32x32x32xf32>)
  %p1 = spiking.avg_pool %s1 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x32x32x32xi1>) -> tensor<?x?x16x16x32xf32>
  %c2 = spiking.conv %p1, %k2 {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x16x16x32xf32>, tensor<3x3x32x64xf32>) -> tensor<?x?x16x16x64xf32>
  %n2, %nm2, %nr2, %sm2, %sr2 = spiking.batch_norm %c2 scale(%g2) shift(%b2) running(%m2, %r2) {statistics = #spiking.statistics<merged>, mode = #spiking.mode<@MODE@>}
      : (tensor<?x?x16x16x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<?x?x16x16x64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
  %s2, %v2 = spiking.lif %n2 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x16x16x64xf32>) -> (tensor<?x?x16x16x64xi1>, tensor<?x16x16x64xf32>)
  %p2 = spiking.avg_pool %s2 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x16x16x64xi1>) -> tensor<?x?x8x8x64xf32>
  %f = spiking.flatten %p2 {dims = 3} : (tensor<?x?x8x8x64xf32>) -> tensor<?x?x4096xf32>
  %i = spiking.linear %f, %w, %b : (tensor<?x?x4096xf32>, tensor<4096x10xf32>, tensor<10xf32>) -> tensor<?x?x10xf32>
  %s3, %v3 = spiking.lif %i {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x10xf32>) -> (tensor<?x?x10xi1>, tensor<?x10xf32>)
  return %s3, %nm1, %nr1, %nm2, %nr2 : tensor<?x?x10xi1>, tensor<32xf32>, tensor<32xf32>, tensor<64xf32>, tensor<64xf32>
}
