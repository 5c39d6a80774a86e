// RUN: snn-opt %s --convert-spiking-to-linalg --split-input-file --verify-diagnostics

func.func @named_neuron(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xi1> {
  // expected-error@+1 {{cannot be lowered to linalg: neurons and elementwise operations are expected as spiking.scan here}}
  %s, %v = spiking.lif %x {decay = 0.5} : (tensor<?x?x8xf32>) -> (tensor<?x?x8xi1>, tensor<?x8xf32>)
  return %s : tensor<?x?x8xi1>
}
