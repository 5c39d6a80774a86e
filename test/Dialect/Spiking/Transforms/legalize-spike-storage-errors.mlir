// RUN: snn-opt %s --spiking-legalize-spike-storage --verify-diagnostics

func.func @elementwise(%x: tensor<4xi1>, %y: tensor<4xi1>) -> tensor<4xi1> {
  // expected-error@below {{'arith.andi' op has spikes that cannot be stored as bytes: expected linalg, tensor and scf operations and scans here}}
  %z = arith.andi %x, %y : tensor<4xi1>
  return %z : tensor<4xi1>
}
