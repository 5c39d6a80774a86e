//===- PlanPasses.td - Kernels and memory -----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_PLANPASSES_TD
#define RHEOBASE_SPIKING_PLANPASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

def FormKernelsPass : Pass<"spiking-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "group the operations of a function into kernels";
  let description = [{
    From L1 to L2: every operation of a public function on tensors, also in time loops, goes into a `spiking.kernel`. An
    operation whose results are used by one kernel alone joins it where that may be computed together: elementwise operations join any
    kernel, products join the scan or the normalization that takes their currents, scans join reductions and pools. Sizes and
    scalars are computed between kernels; of constants and empty tensors each kernel has its own copy. The implementation is
    named after the operations; a remark tells each.

    ```mlir
    %i = spiking.linear %x, %w : ...
    %s, %vT = spiking.scan forward ins(%c = %i : ...) ...
    // becomes
    %s, %vT = spiking.kernel "linear+scan" (%x_ = %x : ..., %w_ = %w : ..., %v_ = %v0 : ...) -> (...) {
      %i = spiking.linear %x_, %w_ : ...
      %s, %vT = spiking.scan forward ins(%c = %i : ...) ...
      spiking.yield %s, %vT : ...
    }
    ```
  }];
}

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
  let summary = "store binary spikes as bytes or, between kernels, as bits";
  let description = [{
    On level L3: a `tensor<..xi1>` becomes a `tensor<..xi8>` that holds 0 and 1, in signatures too, and the bodies of scans and
    linalg operations convert where they read and write.

    With `pack`, spikes that kernels hand to kernels stay `tensor<..xi1>`: eight to a byte from the memory plan on, where
    a `memref<..xi1>` is a view of bytes. Arguments and results of functions are bytes, and so is everything that shares a buffer
    with them, that a loop or a branch carries, that is not a whole number of bytes along its last dimension, that is read there
    with an offset, or that an operation cannot write in vectors along it. Remarks say which, and why.

    ```mlir
    %r = linalg.generic ... ins(%x : tensor<?xi1>) ... { ^bb0(%s: i1, ...): %n = arith.uitofp %s : i1 to f32 ... }
    // becomes
    %r = linalg.generic ... ins(%x : tensor<?xi8>) ... { ^bb0(%s: i8, ...): %n = arith.uitofp %s : i8 to f32 ... }
    ```
  }];
  let options = [Option<"pack", "pack", "bool", /*default=*/"false",
                        "keep spikes between kernels as bits">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def DonateArgumentsPass : Pass<"spiking-donate-arguments", "::mlir::func::FuncOp"> {
  let summary = "put results into the arguments that they update";
  let description = [{
    Before bufferization: a result with `spiking.aliases = k` is materialized in argument k, which becomes writable; no
    other argument is. Bufferization then computes such a result in place, or copies it where it cannot. A result that
    would lie in the buffer of a donated argument that it does not alias, and what a loop carries, begin with a copy.

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

#endif // RHEOBASE_SPIKING_PLANPASSES_TD
