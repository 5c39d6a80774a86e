// RUN: snn-opt %s --convert-spiking-scan-to-loops --split-input-file --verify-diagnostics

func.func @bits(%s: memref<?x8xi1>, %state: memref<8xf32>) {
  // expected-error @+1 {{expected spikes in memory to be i8, got 'memref<?x8xi1>'}}
  spiking.scan forward outs(%s : memref<?x8xi1>) states(%v = %state : memref<8xf32>) {
    %f = spiking.fire %v {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%v : f32)
  }
  return
}
