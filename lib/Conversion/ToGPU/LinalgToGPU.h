//===- LinalgToGPU.h - Parts of convert-linalg-to-gpu -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_TOGPU_LINALGTOGPU_H
#define RHEOBASE_LIB_CONVERSION_TOGPU_LINALGTOGPU_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"

namespace rheobase {

/// Moves what computes on elements of buffers outside of kernels to kernels of
/// one thread: loads, stores, arithmetic on what was loaded, and whole loops of
/// them. What later kernels need of it travels through buffers of one element,
/// loaded right before its uses; `sinkDeviceScalars` moves these loads into the
/// kernels.
mlir::LogicalResult launchHostScalars(mlir::RewriterBase &rewriter,
                                      mlir::Region &host);
/// Fails with an error where the host itself needs what a kernel computes.
mlir::LogicalResult sinkDeviceScalars(mlir::RewriterBase &rewriter,
                                      mlir::Region &host);

/// A product: each output element is a chain of fused multiply-adds of
/// elements of two inputs, each passed through scalar code of its own.
struct GPUProduct {
  /// Dimensions that index both inputs, one of them, and those summed over, in
  /// the order of the loops.
  llvm::SmallVector<unsigned> batch, rows, columns, summed;
  /// The values of the body that the fused multiply-add takes from each input.
  mlir::Value factors[2];
};
std::optional<GPUProduct> matchProduct(mlir::linalg::LinalgOp op);
/// Lowers a product to blocks of threads that share tiles of the inputs; each
/// thread continues the chains of its outputs in ascending order.
void launchProduct(mlir::RewriterBase &rewriter, mlir::linalg::LinalgOp op,
                   const GPUProduct &product);

/// The address of `operand` at the iteration `ivs` of the loops of `op`.
llvm::SmallVector<mlir::Value> indicesAt(mlir::OpBuilder &builder,
                                         mlir::linalg::LinalgOp op,
                                         mlir::OpOperand &operand,
                                         mlir::ValueRange ivs);
/// The extents of the loops of `op`.
llvm::SmallVector<mlir::Value> loopSizes(mlir::OpBuilder &builder,
                                         mlir::linalg::LinalgOp op);
/// Clones the body of `op`, whose arguments `mapping` knows, for the iteration
/// `ivs`, without its terminator.
void cloneBody(mlir::OpBuilder &builder, mlir::linalg::LinalgOp op,
               mlir::ValueRange ivs, mlir::IRMapping &mapping);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_TOGPU_LINALGTOGPU_H
