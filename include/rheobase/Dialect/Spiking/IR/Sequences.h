//===- Sequences.h - Between one step and a sequence ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_SEQUENCES_H
#define RHEOBASE_DIALECT_SPIKING_IR_SEQUENCES_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

namespace rheobase::spiking {

/// The type of a sequence of `steps` (or dynamically many) values of the ranked
/// tensor type `step`.
mlir::RankedTensorType getSequenceType(mlir::Type step, int64_t steps);

/// The type of one step of a sequence; null if it has no leading dimension.
mlir::RankedTensorType getStepType(mlir::Type sequence);

/// The number that `steps` is, if it is a constant, else dynamic.
int64_t getStaticSteps(mlir::Value steps);

/// `value` as a sequence: itself, or repeated at every step.
mlir::Value getSequence(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value value, bool isSequence, mlir::Value steps);

/// The sizes of the dynamic dimensions of `type`, in order: those of `like`,
/// aligned at the end.
llvm::SmallVector<mlir::Value> getDynamicSizes(mlir::OpBuilder &builder,
                                               mlir::Location loc,
                                               mlir::RankedTensorType type,
                                               mlir::Value like);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_IR_SEQUENCES_H
