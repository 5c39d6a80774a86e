//===- SampleNests.h - Layers that share a loop over samples ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLENESTS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLENESTS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/PatternMatch.h"

namespace rheobase {

/// Groups operations of `block` in sequence form that treat samples alike,
/// products and scans among them, into loops over blocks of samples: a block
/// goes through all layers of a group, with all time steps, and what is only
/// used in the group exists for a block only. With `threads` blocks of at most
/// `samplesPerBlock` samples run in parallel, or, where these are few, the
/// operations in them. Groups that would not save such a sequence are left as
/// they are.
void formSampleNests(mlir::RewriterBase &rewriter, mlir::Block &block,
                     int64_t samplesPerBlock, bool threads);

/// Where a loop inserts what it computed into a part of its result, lets it
/// compute there.
void placeResults(mlir::RewriterBase &rewriter, mlir::Operation *root);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLENESTS_H
