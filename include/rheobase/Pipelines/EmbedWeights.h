//===- EmbedWeights.h - Trained parameters as constants ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_EMBEDWEIGHTS_H
#define RHEOBASE_PIPELINES_EMBEDWEIGHTS_H

#include "mlir/IR/BuiltinOps.h"

namespace rheobase {

/// Replaces the parameters and states of all functions of a module at L1 by the
/// values that a checkpoint (safetensors) has for their names, and removes the
/// training step, which has nothing left to train. Emits an error where the
/// checkpoint is not of this network.
mlir::LogicalResult embedWeights(mlir::ModuleOp module,
                                 const std::string &checkpoint);

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_EMBEDWEIGHTS_H
