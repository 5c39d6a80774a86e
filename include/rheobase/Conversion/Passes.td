//===- Passes.td - Conversions between levels -------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_CONVERSION_PASSES_TD
#define RHEOBASE_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Tensors: the spiking dialect to linalg
//===----------------------------------------------------------------------===//

//===----------------------------------------------------------------------===//
// Buffers to loops over vectors
//===----------------------------------------------------------------------===//

def ConvertSpikingScanToLoopsPass : Pass<"convert-spiking-scan-to-loops", "::mlir::func::FuncOp"> {
  let summary = "lower scans on buffers to loops over vectors of neurons";
  let description = [{
    Each `spiking.scan` on memrefs becomes a parallel loop over blocks of
    neurons. Inside a block, the loop over time carries the states of
    `vector-width` neurons in registers; the body is applied to vectors.

    ```mlir
    spiking.scan forward ins(%i = %x : memref<?x128xf32>) outs(%s : memref<?x128xf32>)
        states(%v = %vT : memref<128xf32>) { ... }
    // becomes
    scf.parallel (%b) = (%c0) to (%blocks) step (%c1) {
      %v0 = vector.load %vT[%n] : memref<128xf32>, vector<16xf32>
      %v1 = scf.for %t = %c0 to %T step %c1 iter_args(%v = %v0) -> (vector<16xf32>) {
        %i = vector.load %x[%t, %n] : memref<?x128xf32>, vector<16xf32>
        ...
      }
      vector.store %v1, %vT[%n] : memref<128xf32>, vector<16xf32>
    }
    ```
  }];
  let options = [
    Option<"vectorWidth", "vector-width", "int64_t", /*default=*/"16",
           "neurons (of 32 bits) that one iteration of the time loop advances">,
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

#endif // RHEOBASE_CONVERSION_PASSES_TD
