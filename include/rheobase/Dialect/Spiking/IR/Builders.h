//===- Builders.h - Tensors and numbers that transformations need -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_BUILDERS_H
#define RHEOBASE_DIALECT_SPIKING_IR_BUILDERS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace rheobase::spiking {

/// The type of `like` (scalar, vector, tensor) with another element type.
mlir::Type getTypeWithElement(mlir::Type like, mlir::Type element);

/// The sizes of the dynamic dimensions of a tensor, in order.
llvm::SmallVector<mlir::Value> getDynamicSizes(mlir::OpBuilder &builder,
                                               mlir::Location loc,
                                               mlir::Value tensor);

/// `value`, rounded once to the float type `element`, in the shape of `like`:
/// a scalar, vector or tensor, also with dynamic dimensions.
mlir::Value createSplat(mlir::OpBuilder &builder, mlir::Location loc,
                        double value, mlir::Type element, mlir::Value like);

/// Converts the element type between floats; the identity where it is the same.
mlir::Value convertFloat(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value value, mlir::Type element);

/// The numbers that `value` stands for as floats: binary spikes are 0 and 1,
/// counts and ternary spikes are signed.
mlir::Value convertToNumber(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value value, mlir::Type element);

/// Sums `value` over the dimensions along which `type` was repeated to its
/// shape: dimensions are aligned at the end after `leading` common ones, a
/// missing dimension or a static 1 was repeated. The result has `type`'s shape.
mlir::Value reduceToShape(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value value, mlir::RankedTensorType type,
                          int64_t leading = 0);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_IR_BUILDERS_H
