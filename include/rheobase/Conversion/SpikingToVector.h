//===- SpikingToVector.h - Scans and products as vector code ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_CONVERSION_SPIKINGTOVECTOR_H
#define RHEOBASE_CONVERSION_SPIKINGTOVECTOR_H

#include "rheobase/Conversion/ProductKernel.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Support/LogicalResult.h"

namespace rheobase {
namespace spiking {
class FireOp;
class ScanOp;
} // namespace spiking

/// Lowers a scan on buffers to loops over vectors of `vectorWidth` 32-bit
/// lanes and erases it; fails with an error at the scan.
mlir::LogicalResult convertScanToLoops(mlir::RewriterBase &rewriter,
                                       spiking::ScanOp scan,
                                       int64_t vectorWidth);

/// Lowers `op` and erases it, if it is a product on buffers: acc = fma(a, b,
/// acc) over reduction loops. `vectorBits`: of a vector register; `threads`:
/// whether the loops are for several threads; `kernel`: for products with
/// spikes.
bool convertProductToVector(mlir::RewriterBase &rewriter,
                            mlir::linalg::GenericOp op, int64_t vectorBits,
                            bool threads,
                            ProductKernel kernel = ProductKernel::Automatic);

/// Lowers a linalg operation on buffers to parallel loops over vectors of
/// `vectorWidth` 32-bit lanes, along parallel loops; the other loops run in
/// their order. Leaves it as it is where an index is not linear or the body
/// reads memory of its own; fails, with an error at it, if it has spikes in
/// bits then.
mlir::LogicalResult convertLinalgToVector(mlir::RewriterBase &rewriter,
                                          mlir::linalg::LinalgOp op,
                                          int64_t vectorWidth);

/// The spike that `fire` emits for `u`, a scalar or a vector, in arith and math
/// operations. A NaN does not fire.
mlir::Value expandFire(mlir::OpBuilder &builder, spiking::FireOp fire,
                       mlir::Value u);

} // namespace rheobase

#endif // RHEOBASE_CONVERSION_SPIKINGTOVECTOR_H
