// RUN: snn-reduce %s -reduction-tree='traversal-mode=0 test=%S/Inputs/neuron-after-linear.sh' | FileCheck %s

// What does not matter to the tester goes: the residual addition, the dropout, the normalization, the second layer. What
// matters becomes simpler: the adaptive neuron an integrate-and-fire neuron.

// CHECK-NOT: spiking.add
// CHECK-NOT: spiking.dropout
// CHECK-NOT: spiking.alif
// CHECK:     spiking.linear
// CHECK-NOT: spiking.add
// CHECK-NOT: spiking.dropout
// CHECK-NOT: spiking.alif
// CHECK:     spiking.if
func.func @network(%x: tensor<?x?x8xf32>, %w: tensor<8x8xf32>, %v: tensor<?x8xf32>, %seed: tensor<i64>) -> tensor<?x?x8xi1> {
  %0 = spiking.linear %x, %w : (tensor<?x?x8xf32>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  %1 = spiking.add %0, %x : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %2 = spiking.dropout %1 seed(%seed) {p = 0.5, id = 0, sequence = true} : (tensor<?x?x8xf32>, tensor<i64>) -> tensor<?x?x8xf32>
  %s, %v_T, %a_T = spiking.alif %2, %v {decay = 0.9, adaptation_decay = 0.9, adaptation_increment = 0.1, threshold = 1.0}
    : (tensor<?x?x8xf32>, tensor<?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>, tensor<?x8xf32>)
  %3 = spiking.linear %s, %w : (tensor<?x?x8xi1>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  %t, %u_T = spiking.lif %3 {decay = 0.5, threshold = 1.0} : (tensor<?x?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>)
  return %t : tensor<?x?x8xi1>
}
