//===- Passes.td - Passes of the spiking dialect ----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_PASSES_TD
#define RHEOBASE_SPIKING_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandPresetsPass : Pass<"spiking-expand-presets"> {
  let summary = "make the conventions that a preset stands for explicit";
  let description = [{
    Every attribute of every named neuron becomes explicit, from its preset or its default; presets disappear.

    ```mlir
    %s, %v = spiking.lif %i {preset = #spiking.preset<snntorch>, decay = 0.9} : ...
    // becomes
    %s, %v = spiking.lif %i {compare = #spiking.compare<gt>, decay = 0.9, detach_reset = true, ...} : ...
    ```
  }];
}

def DecomposeNeuronsPass : Pass<"spiking-decompose-neurons"> {
  let summary = "write named neurons as scans";
  let description = [{
    A named neuron on a sequence becomes a `spiking.scan forward`, one on a single step a `spiking.scan step`, with the
    operations in the order that docs/Semantics.md gives. Initial states that are absent become tensors.

    ```mlir
    %s, %vT = spiking.lif %i, %v0 {decay = 0.5} : (tensor<4x8xf32>, tensor<8xf32>) -> (tensor<4x8xi1>, tensor<8xf32>)
    // becomes
    %e = tensor.empty() : tensor<4x8xi1>
    %s, %vT = spiking.scan forward ins(%x = %i : tensor<4x8xf32>) outs(%e : tensor<4x8xi1>) states(%v = %v0 : tensor<8xf32>) {
      ...
      spiking.yield %spike : i1 next(%reset : f32)
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // RHEOBASE_SPIKING_PASSES_TD
