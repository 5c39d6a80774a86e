// RUN: snn-opt %s --spiking-plan-memory --split-input-file --verify-diagnostics

// expected-error@below {{result 0 is not in the buffer of argument 0, which it aliases}}
func.func @elsewhere(%p: memref<4xf32>, %q: memref<4xf32>) -> (memref<4xf32> {spiking.aliases = 0}) {
  return %q : memref<4xf32>
}

// -----

// expected-error@below {{result 0 is not a tensor but 'index'}}
func.func @number(%n: index) -> index {
  return %n : index
}
