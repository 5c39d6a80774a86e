// A network with its channels first: planned with its channels last, and equal to the bit, forwards and backwards.
//
// RUN: snn-opt %s --spiking-frontend --spiking-plan | FileCheck %s
// RUN: snn-run %s --random --dims=T=3,B=2 --check | FileCheck %s --check-prefix=EQUAL
// RUN: snn-run %s --random --dims=T=3,B=2 --differentiate --check | FileCheck %s --check-prefix=EQUAL

// CHECK-LABEL: func.func @forward(
// CHECK:         spiking.conv {{.*}}layout = #spiking.layout<channels_last>
// CHECK-NOT:     channels_first
// CHECK:         spiking.max_pool {{.*}}layout = #spiking.layout<channels_last>
// EQUAL: equal: compiled code and interpreter agree in every element of {{[0-9]+}} results
func.func @forward(%x: tensor<?x?x2x8x8xf32> {spiking.name = "x"},
    %k1: tensor<8x2x3x3xf32> {spiking.name = "k1", spiking.role = "parameter"},
    %k2: tensor<8x4x3x3xf32> {spiking.name = "k2", spiking.role = "parameter"},
    %g: tensor<8xf32> {spiking.name = "g", spiking.role = "parameter"}, %b: tensor<8xf32> {spiking.name = "b", spiking.role = "parameter"},
    %m: tensor<8xf32> {spiking.name = "m", spiking.role = "state"}, %r: tensor<8xf32> {spiking.name = "r", spiking.role = "state"})
    -> (tensor<?x?x32xf32>, tensor<8xf32> {spiking.aliases = 5}, tensor<8xf32> {spiking.aliases = 6}) {
  %c1 = spiking.conv %x, %k1 {padding = array<i64: 1, 1>} : (tensor<?x?x2x8x8xf32>, tensor<8x2x3x3xf32>) -> tensor<?x?x8x8x8xf32>
  %n, %nm, %nr, %sm, %sr = spiking.batch_norm %c1 scale(%g) shift(%b) running(%m, %r) {channel_dim = -3, statistics = #spiking.statistics<merged>, mode = #spiking.mode<train>}
      : (tensor<?x?x8x8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<?x?x8x8x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  %s1, %v1 = spiking.lif %n {decay = 0.5, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x8x8x8xf32>) -> (tensor<?x?x8x8x8xi1>, tensor<?x8x8x8xf32>)
  %p1 = spiking.max_pool %s1 {kernel = array<i64: 2, 2>} : (tensor<?x?x8x8x8xi1>) -> tensor<?x?x8x4x4xi1>
  %c2 = spiking.conv %p1, %k2 {padding = array<i64: 1, 1>, groups = 2} : (tensor<?x?x8x4x4xi1>, tensor<8x4x3x3xf32>) -> tensor<?x?x8x4x4xf32>
  %s2, %v2 = spiking.lif %c2 {decay = 0.5, surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x8x4x4xf32>) -> (tensor<?x?x8x4x4xi1>, tensor<?x8x4x4xf32>)
  %p2 = spiking.avg_pool %s2 {kernel = array<i64: 2, 2>} : (tensor<?x?x8x4x4xi1>) -> tensor<?x?x8x2x2xf32>
  %f = spiking.flatten %p2 {dims = 3} : (tensor<?x?x8x2x2xf32>) -> tensor<?x?x32xf32>
  return %f, %nm, %nr : tensor<?x?x32xf32>, tensor<8xf32>, tensor<8xf32>
}
