//===- Training.h - From a forward function to a training step --*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_TRAINING_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_TRAINING_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rheobase::spiking {

/// Sets the mode of all batch normalizations and dropouts in `root`. Fails where
/// statistics of a mode are used that the other does not have.
llvm::LogicalResult setMode(mlir::Operation *root, Mode mode);

/// Builds, from the function `forward` with `spiking.training`, the functions
/// @train_step and @evaluate, and turns `forward` to inference. Globals have
/// been outlined.
llvm::LogicalResult buildTrainingStep(mlir::func::FuncOp forward);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_TRAINING_H
