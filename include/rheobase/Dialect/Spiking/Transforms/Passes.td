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

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def NameDimensionsPass : Pass<"spiking-name-dimensions", "::mlir::func::FuncOp"> {
  let summary = "find out which dimensions of a function's arguments are equal";
  let description = [{
    Of a public function on level L3: dimensions that its operations use as equal get one name, `T` for time, `B` for the
    batch, `d0`, `d1`, ... for others; one that must be a certain number gets it. Callers see the names in the manifest, entry
    points check them, and the memory plan computes with them. Names that the source gives stay. An argument that says the
    number of time steps gets the attribute `rheobase.extent`.

    ```mlir
    func.func @f(%x: tensor<?x?x8xi1>, %v: tensor<?x8xf32>) {
      %s, %vT = spiking.scan forward ins(%i = %x : ...) states(%m = %v : ...) ...
    // becomes
    func.func @f(%x: tensor<?x?x8xi1> {spiking.dims = ["T", "B", 8]}, %v: tensor<?x8xf32> {spiking.dims = ["B", 8]}) {
    ```
  }];
}

def LegalizeSpikeStoragePass : Pass<"spiking-legalize-spike-storage"> {
  let summary = "store binary spikes as bytes";
  let description = [{
    On level L3: every `tensor<..xi1>` becomes a `tensor<..xi8>` that holds 0 and 1, in signatures too, and the bodies of scans and
    linalg operations convert where they read and write. So no `memref<..xi1>` appears later.

    ```mlir
    %r = linalg.generic ... ins(%x : tensor<?xi1>) ... { ^bb0(%s: i1, ...): %n = arith.uitofp %s : i1 to f32 ... }
    // becomes
    %r = linalg.generic ... ins(%x : tensor<?xi8>) ... { ^bb0(%s: i8, ...): %n = arith.uitofp %s : i8 to f32 ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def DonateArgumentsPass : Pass<"spiking-donate-arguments", "::mlir::func::FuncOp"> {
  let summary = "put results into the arguments that they update";
  let description = [{
    Before bufferization: a result with `spiking.aliases = k` is materialized in argument k, which becomes writable; no
    other argument is. Bufferization then computes such a result in place, or copies it where it cannot.

    ```mlir
    func.func @step(%p: tensor<8xf32>, ...) -> (tensor<8xf32> {spiking.aliases = 0}) { ... return %new : tensor<8xf32> }
    // becomes
    func.func @step(%p: tensor<8xf32> {bufferization.writable = true}, ...) -> (tensor<8xf32> {spiking.aliases = 0}) {
      ...
      %r = bufferization.materialize_in_destination %new in %p : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
      return %r : tensor<8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def PlanMemoryPass : Pass<"spiking-plan-memory", "::mlir::ModuleOp"> {
  let summary = "put all buffers of a function into one arena";
  let description = [{
    After bufferization, on public functions. Every result becomes memory that the caller passes: the donated argument that
    it aliases, or one more argument. Every other buffer becomes a view of an arena, the last argument; buffers whose
    lifetimes do not overlap share a slot of it. How large arena and results are is a function of the arguments, `@NAME_sizes`:
    it returns the bytes of the arena, then for each new argument the extents of the result and those of its memory.

    ```mlir
    func.func @f(%x: memref<?xf32>) -> memref<?xf32> {
      %a = memref.alloc(%n) : memref<?xf32>
      ...
    // becomes
    func.func private @f_sizes(%x: memref<?xf32>) -> (index, index, index)
    func.func @f(%x: memref<?xf32>, %result: memref<?xf32> {rheobase.result = 0}, %arena: memref<?xi8> {rheobase.arena})
        attributes {rheobase.sizes = @f_sizes} {
      %a = memref.view %arena[%offset][%n] : memref<?xi8> to memref<?xf32>
      ...
    ```

    Remarks tell the sizes, and what is copied: a donated argument whose new value could not be computed in place, a result
    that is part of something else.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"];
}

def ElementwiseToScanPass : Pass<"spiking-elementwise-to-scan"> {
  let summary = "write elementwise operations on tensors as scans";
  let description = [{
    Elementwise operations of arith, math and spiking on tensors, batch normalization in inference and the steps of
    optimizers become `spiking.scan step` without a recurrence: backends that generate code for scans need to know nothing
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
    parameters. Nothing is computed twice, and every operation is the same as before.

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
