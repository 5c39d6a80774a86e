//===- TrainingPasses.td - Differentiation and training ---*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Included by Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_TRAININGPASSES_TD
#define RHEOBASE_SPIKING_TRAININGPASSES_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"spiking-differentiate", "::mlir::ModuleOp"> {
  let summary = "reverse mode with surrogate gradients";
  let description = [{
    For a function `@f` creates `@f_gradient`: it takes f's arguments and a cotangent for each of its float and spike
    results, and gives f's results and the gradients of the arguments `wrt`. Each operation's adjoint comes from its
    `DifferentiableOpInterface`; scans and time loops are walked in reverse. Spikes have the derivative of their
    surrogate (docs/Semantics.md, gradients). Results that update an argument (`spiking.aliases`) have no cotangent.

    ```mlir
    func.func @f(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
      %y = spiking.linear %x, %w : ...
      return %y
    }
    // becomes, beside @f
    func.func @f_gradient(%x: tensor<?x8xf32>, %w: tensor<8x4xf32>, %g: tensor<?x4xf32>)
        -> (tensor<?x4xf32>, tensor<?x8xf32>, tensor<8x4xf32>) {
      %y = spiking.linear %x, %w : ...
      %t = spiking.transpose %w {permutation = array<i64: 1, 0>} : ...
      %dx = spiking.linear %g, %t : ...
      %dw = spiking.linear_weight_gradient %x, %g : ...
      return %y, %dx, %dw
    }
    ```
  }];
  let options = [
    Option<"functionName", "function", "std::string", "\"forward\"", "The function to differentiate">,
    ListOption<"withRespectTo", "wrt", "unsigned",
               "Arguments to differentiate with respect to (default: all of a float type that are inputs or parameters)">,
    Option<"truncate", "truncate", "int64_t", "0",
           "Truncated backpropagation: the cotangent of a state stops at steps that are multiples of this number; 0: never">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def OutlineParametersPass : Pass<"spiking-outline-parameters", "::mlir::ModuleOp"> {
  let summary = "make globals arguments and results of the functions that use them";
  let description = [{
    Every `ml_program.global` that a function loads or stores, itself or through calls, becomes an argument of the function
    (after its own, in the order of the module), and what it stores a result (after its own) that updates the argument in
    place (`spiking.aliases`, `bufferization.writable`). Arguments carry the global's name and initial value. A mutable
    float global that training does not store is a `parameter`; others are `state`: statistics, and immutable values,
    which are not trained and not given back. Small immutable values (splats, and up to `constant-limit` elements)
    become constants. A store inside a region is an error: what a loop updates is carried through it as a state.

    ```mlir
    ml_program.global private mutable @w(#spiking.init<constant, value = 1.0>) : tensor<8x4xf32>
    func.func @f(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
      %w = ml_program.global_load @w : tensor<8x4xf32>
      ...
    }
    // becomes
    func.func @f(%x: tensor<?x8xf32>, %w: tensor<8x4xf32> {bufferization.writable = false,
        spiking.initializer = #spiking.init<constant, value = 1.0>, spiking.name = "w", spiking.role = "parameter"})
    ```
  }];
  let options = [
    Option<"constantLimit", "constant-limit", "int64_t", "64",
           "Immutable globals up to so many elements become constants">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect"];
}

def SetModePass : Pass<"spiking-set-mode"> {
  let summary = "set batch normalization and dropout to training or inference";
  let description = [{
    In inference, batch normalizations give back their running statistics unchanged.

    ```mlir
    %y = spiking.dropout %x seed(%s) {id = 0, p = 0.5} : ...
    // becomes, with mode=inference
    %y = spiking.dropout %x seed(%s) {id = 0, mode = #spiking.mode<inference>, p = 0.5} : ...
    ```
  }];
  let options = [Option<"mode", "mode", "std::string", "\"inference\"", "train or inference">];
}

def BuildTrainingStepPass : Pass<"spiking-build-training-step", "::mlir::ModuleOp"> {
  let summary = "build the training step and the evaluation of a forward function";
  let description = [{
    From the function with `spiking.training` builds, with its parameters and states as arguments
    (`spiking-outline-parameters`):
    * `@train_step(parameters, optimizer states, states, inputs, labels, T, seed, learning rate, step) -> (parameters,
      optimizer states, states, loss, metrics)`: the function in training mode, the loss function, reverse mode
      (`spiking-differentiate`), gradient clipping and the optimizer. What persists is updated in place.
    * `@evaluate(parameters, states, inputs, labels, T) -> (loss, metrics)`, in inference mode.
    * The function itself, in inference mode, without the states that it leaves as they are.

    The loss function's first arguments are the forward function's results, and its first result is the loss; others are
    metrics, named by `spiking.name` (an i32 is called `correct` without one). An argument of role `time_steps`
    is T, others are labels. The metric `spike_rate` is the share of non-zero entries of all spikes (i1, i8) that named neurons
    and scans of the forward function emit, also inside time loops.

    ```mlir
    func.func @forward(%x: tensor<?x8xf32>, %w: tensor<8x4xf32> {spiking.role = "parameter", spiking.name = "w"})
        -> tensor<?x4xf32> attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<>>}
    // becomes, beside @forward
    func.func @train_step(%w: tensor<8x4xf32>, %x: tensor<?x8xf32>, %labels: tensor<?xi32>, %seed: tensor<i64>,
        %learning_rate: tensor<f32>, %step: tensor<i64>) -> (tensor<8x4xf32> {spiking.aliases = 0}, tensor<f32>)
    func.func @evaluate(%w: tensor<8x4xf32>, %x: tensor<?x8xf32>, %labels: tensor<?xi32>) -> tensor<f32>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect",
                           "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def PlanRecomputationPass : Pass<"spiking-plan-recomputation"> {
  let summary = "decide whether backward scans keep the forward states or compute them again";
  let description = [{
    Differentiation makes two scans of a neuron's backward pass: one in the forward direction that writes the states
    before each step (the replay), and one in reverse that reads them. They become one scan with a replay region, which
    computes the states again from the inputs and never writes them (`recompute`), or the scan of the forward pass
    writes the states as well (`store`). `auto` takes what moves fewer bytes a neuron and step: storing writes and reads each
    state, recomputing reads the inputs that the reverse scan would not read.

    A time loop with products gives the states before each step to its backward loop. Unless with `store`, a forward scan in front
    of that one computes them again where all that the states depend on is there as a sequence: what the loop's products gave, its inputs, and what is elementwise in these.

    ```mlir
    %v, %vT = spiking.scan forward ins(%i = %x : ...) outs(%e : ...) states(%u = %v0 : ...) {
      %u1 = arith.addf %u, %i : f32
      spiking.yield %u : f32 next(%u1 : f32)
    }
    %dx, %dv = spiking.scan reverse ins(%u = %v : ..., %g = %dy : ...) outs(%e : ...) states(%gu = %dvT : ...) {...}
    // becomes
    %dx, %dv = spiking.scan reverse ins(%i = %x : ..., %g = %dy : ...) outs(%e : ...) states(%gu = %dvT : ...) replay(%u = %v0 : ...) {
      ...
    } replaying {
    ^bb0(%i: f32, %g: f32, %u: f32):
      %u1 = arith.addf %u, %i : f32
      spiking.yield next(%u1 : f32)
    }
    ```
  }];
  let options = [Option<"strategy", "strategy", "std::string", "\"auto\"", "auto, store or recompute">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

def PlanResidualsPass : Pass<"spiking-plan-residuals"> {
  let summary =
      "decide which values of the forward pass are kept for the backward pass";
  let description = [{
    Of a function with a backward pass: a remark (`kept`) names every tensor that is computed before it and read in it. The `recompute` largest of them
    are computed again, before the backward pass first reads them, if what they are computed from is there: an argument, something kept or
    computed again itself. So a current goes that is the product of spikes, which take a quarter of its memory or less. The same
    operations: results are equal bit for bit. `--memory-limit` of the tools chooses how many.

    ```mlir
    %i = spiking.linear %spikes, %w : (tensor<?x?x784xi1>, tensor<784x512xf32>) -> tensor<?x?x512xf32>
    %s, %vT = spiking.scan forward ins(%c = %i : tensor<?x?x512xf32>) ...
    ...
    %di = spiking.scan reverse ins(%c = %i : tensor<?x?x512xf32>, ...) ...
    // becomes, with recompute=1
    %i = spiking.linear %spikes, %w : ...
    %s, %vT = spiking.scan forward ins(%c = %i : tensor<?x?x512xf32>) ...
    ...
    %again = spiking.linear %spikes, %w : ...
    %di = spiking.scan reverse ins(%c = %again : tensor<?x?x512xf32>, ...) ...
    ```
  }];
  let options = [Option<"recompute", "recompute", "int64_t", "0",
                        "How many of the values that are kept are computed "
                        "again instead, the largest first">];
}

def AssignLayoutsPass : Pass<"spiking-assign-layouts"> {
  let summary = "put the channels of images last";
  let description = [{
    Convolutions, pools, their gradients and batch normalizations whose channels come first get them last, between
    transpositions; then transpositions sink below scans and elementwise operations, where they meet and cancel. Sums keep
    their order, so results are equal to the bit. Flattening keeps the order of its elements, and the weights that are
    arguments their layout: before a flatten, and around weights, transpositions stay. Runs on scans, after
    `spiking-decompose-neurons`.

    ```mlir
    %y = spiking.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x8x4x4xi1>) -> tensor<?x8x2x2xi1>
    // becomes
    %0 = spiking.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x8x4x4xi1>) -> tensor<?x4x4x8xi1>
    %1 = spiking.max_pool %0 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x4x4x8xi1>) -> tensor<?x2x2x8xi1>
    %y = spiking.transpose %1 {permutation = array<i64: 2, 0, 1>} : (tensor<?x2x2x8xi1>) -> tensor<?x8x2x2xi1>
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect"];
}

#endif // RHEOBASE_SPIKING_TRAININGPASSES_TD
