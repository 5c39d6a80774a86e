//===- SampleBlocks.h - Time loops over blocks of samples -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLEBLOCKS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLEBLOCKS_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

namespace rheobase {

/// What of a time loop belongs to samples: in the step's body, the values whose
/// first dimension is the batch.
struct SampleBlocks {
  /// Whether each input of the loop has samples (its second dimension); those
  /// without are the same for all.
  llvm::SmallVector<bool> inputs;
  /// Values from outside the loop with samples, as their first dimension.
  llvm::SmallVector<mlir::Value> outside;
  /// Operands in the body that are the number of samples.
  llvm::SmallVector<mlir::OpOperand *> counts;
  /// Values of the body with samples.
  llvm::SmallVector<mlir::Value> inside;
};

/// `type` with a dynamic number of samples, its dimension `dim`.
mlir::RankedTensorType getBlockType(mlir::RankedTensorType type, int64_t dim);

/// Whether the samples of a batch go through `loop` without knowing of each
/// other, so that a block of samples can take all steps before the next one
/// begins: each operation works on rows, and each output and state has
/// samples. Fails where that is not so or nothing would be gained, and says why.
mlir::FailureOr<SampleBlocks> findSampleBlocks(spiking::TimeLoopOp loop,
                                               std::string &reason);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLEBLOCKS_H
