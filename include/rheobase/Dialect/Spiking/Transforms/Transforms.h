//===- Transforms.h - Rewrites of the spiking dialect -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_TRANSFORMS_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_TRANSFORMS_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/PatternMatch.h"

namespace rheobase::spiking {

/// Named neurons become scans.
void populateDecomposeNeuronsPatterns(mlir::RewritePatternSet &patterns);

/// Replaces the loop by operations on sequences, scans, and loops over what is
/// truly recurrent.
void distributeTimeLoop(TimeLoopOp loop);

/// Computes once what the operations of a block compute at every step from
/// repeated values. With `exact` only what is then equal bit for bit. Whether
/// something changed.
bool hoistTimeInvariant(mlir::Block &block, bool exact);

/// Asks for extents of what scans start as instead of what they give, and of
/// values instead of their repetitions, so that asking keeps neither alive.
void resolveDims(mlir::Block &block);

/// Elementwise operations on tensors, batch normalization in inference and
/// optimizers become `spiking.scan step`.
void populateElementwiseToScanPatterns(mlir::RewritePatternSet &patterns);

/// Joins the scans of a block that feed each other elementwise.
void fuseScans(mlir::Block &block);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_TRANSFORMS_H
