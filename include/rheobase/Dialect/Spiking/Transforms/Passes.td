//===- Passes.td - Passes of the spiking dialect ----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_PASSES_TD
#define RHEOBASE_SPIKING_PASSES_TD

include "mlir/Pass/PassBase.td"
include "rheobase/Dialect/Spiking/Transforms/PlanPasses.td"
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

def HoistTimeInvariantPass : Pass<"spiking-hoist-time-invariant"> {
  let summary = "compute once what is the same at every step";
  let description = [{
    With direct coding the first layer sees the same image at every step (`spiking.repeat`). An operation without memory between steps
    whose sequences are all repeated is computed on one step, and its result repeated: linear layers, convolutions, pools, changes of shape,
    elementwise operations, batch normalizations, dropout with a fixed mask. A scan reads a repeated sequence as a parameter, so its
    gradient with respect to it is an accumulator. So the repetition moves down as far as the first operation with a memory, and nothing
    of T times the size remains above. Runs before differentiation: the gradient is that of the hoisted program, whose weight gradients sum
    over the batch what the scan has summed over time.

    Results are equal bit for bit, but for batch normalization in training with statistics over all steps (`merged`): they are sums over one step
    instead of T equal ones, which differ by rounding; the count in the unbiased variance stays T times that of a step (`times`). A remark
    says so. With `exact` such a normalization stays where it is.

    ```mlir
    %x = spiking.repeat %image times(%T) : (tensor<?x784xf32>) -> tensor<?x?x784xf32>
    %i = spiking.linear %x, %w : (tensor<?x?x784xf32>, tensor<784x10xf32>) -> tensor<?x?x10xf32>
    %s, %vT = spiking.scan forward ins(%c = %i : tensor<?x?x10xf32>) outs(%e : tensor<?x?x10xi1>) states(%v = %v0 : tensor<?x10xf32>) {...}
    // becomes
    %i = spiking.linear %image, %w : (tensor<?x784xf32>, tensor<784x10xf32>) -> tensor<?x10xf32>
    %s, %vT = spiking.scan forward params(%c = %i : tensor<?x10xf32>) outs(%e : tensor<?x?x10xi1>) states(%v = %v0 : tensor<?x10xf32>) {...}
    ```
  }];
  let options = [Option<"exact", "exact", "bool", "false",
                        "Only what is equal bit for bit: no statistics over "
                        "one step instead of all">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ElementwiseToScanPass : Pass<"spiking-elementwise-to-scan"> {
  let summary = "write elementwise operations on tensors as scans";
  let description = [{
    Elementwise operations of arith, math and spiking on tensors, batch normalization (in training the operation stays for its
    statistics) and the steps of optimizers become `spiking.scan step` without a recurrence: backends that generate code for scans need to know nothing
    else that is elementwise. The same operations in the same order. What an optimizer updates is a state of its scan, so
    it is updated in place.

    ```mlir
    %z = arith.addf %x, %y : tensor<4x8xf32>
    // becomes
    %e = tensor.empty() : tensor<4x8xf32>
    %z = spiking.scan step ins(%a = %x : tensor<4x8xf32>, %b = %y : tensor<4x8xf32>) outs(%e : tensor<4x8xf32>) {
      %c = arith.addf %a, %b : f32
      spiking.yield %c : f32
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def FuseNeuronsPass : Pass<"spiking-fuse-neurons"> {
  let summary = "join scans with each other and with elementwise neighbours";
  let description = [{
    Temporal fusion: first as `spiking-elementwise-to-scan`; then a scan and a scan that feeds it at the same step of the
    same neuron become one, so that what flows between them never leaves a register: biases, residual additions, casts,
    normalization in inference, and neurons that drive neurons one to one. Repeated and broadcast operands become
    parameters. Every operation is the same as before, and nothing is computed twice, but for a few cheap operations whose result would have to be
    written and read: on what is the same at every step they are executed at every step inside the scan, and what several scans read,
    such as a normalization that the forward and the backward pass of a neuron need, each computes for itself.

    Scans stay apart that walk over time in different directions, that range over different spaces, or between which an
    operation lies that is not elementwise; a remark says so.

    ```mlir
    %b = spiking.repeat %bias times(%T) : (tensor<8xf32>) -> tensor<?x8xf32>
    %y = arith.addf %x, %b : tensor<?x8xf32>
    %s, %vT = spiking.scan forward ins(%i = %y : tensor<?x8xf32>) outs(%e : tensor<?x8xi1>) states(%v = %v0 : tensor<8xf32>) {...}
    // becomes
    %s, %vT = spiking.scan forward ins(%i = %x : tensor<?x8xf32>) params(%c = %bias : tensor<8xf32>) outs(%e : tensor<?x8xi1>) states(%v = %v0 : tensor<8xf32>) {
      %y = arith.addf %i, %c : f32
      ...
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // RHEOBASE_SPIKING_PASSES_TD
