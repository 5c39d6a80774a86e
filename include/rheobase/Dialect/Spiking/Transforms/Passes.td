//===- Passes.td - Passes of the spiking dialect ----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_PASSES_TD
#define RHEOBASE_SPIKING_PASSES_TD

include "mlir/Pass/PassBase.td"
include "rheobase/Dialect/Spiking/Transforms/TrainingPasses.td"

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

def DistributeTimeLoopPass : Pass<"spiking-distribute-time-loop"> {
  let summary = "move the loop over time into the operations";
  let description = [{
    Splits each `spiking.time_loop` by the strongly connected components of its step graph: an operation depends on the
    values that it uses, a state on its next value. In topological order,
    - what is the same at every step is computed once, before the loop;
    - an operation without a state becomes the operation on whole sequences, a named neuron that carries its own state
      the neuron on a sequence;
    - cycles of elementwise operations, neurons and scans become one `spiking.scan`, in the direction of the loop;
    - a state that only sums up gradients of parameters becomes one operation that sums over time and batch (in another
      order than the loop);
    - everything else, such as recurrent weights, stays in a loop of its own, as small as possible.

    Everything but sums of gradients is equal bit for bit. A remark tells what became of each operation.

    ```mlir
    %out, %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x8x784xf32>) state(%v = %v0 : tensor<8x10xf32>) -> (tensor<?x8x10xi1>) {
      %i = spiking.linear %x_t, %w : (tensor<8x784xf32>, tensor<784x10xf32>) -> tensor<8x10xf32>
      %s, %v1 = spiking.lif %i, %v {decay = 0.5} : (tensor<8x10xf32>, tensor<8x10xf32>) -> (tensor<8x10xi1>, tensor<8x10xf32>)
      spiking.yield %s : tensor<8x10xi1> next(%v1 : tensor<8x10xf32>)
    }
    // becomes
    %i = spiking.linear %x, %w : (tensor<?x8x784xf32>, tensor<784x10xf32>) -> tensor<?x8x10xf32>
    %out, %vT = spiking.lif %i, %v0 {decay = 0.5} : (tensor<?x8x10xf32>, tensor<8x10xf32>) -> (tensor<?x8x10xi1>, tensor<8x10xf32>)
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // RHEOBASE_SPIKING_PASSES_TD
