//===- Shapes.h - Shapes in verifiers and their messages --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_DIALECT_SPIKING_IR_SHAPES_H
#define RHEOBASE_LIB_DIALECT_SPIKING_IR_SHAPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/TypeUtilities.h"
#include <optional>
#include <string>

namespace rheobase::spiking {

/// `[4, ?, 128]`, for messages.
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// The fewest digits that give the number back, for messages.
std::string formatNumber(double number);
std::string formatNumber(const llvm::APFloat &number);

/// Whether two extents, of which one may be dynamic, can be equal at run time.
bool mayEqual(int64_t a, int64_t b);
bool mayEqual(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);

/// Whether `shape` broadcasts to `space` as in numpy, aligned at the end; only
/// a static 1 is repeated.
bool broadcastsTo(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> space);

/// The product of static extents; nothing if it exceeds 64 bits.
std::optional<int64_t> getNumElements(llvm::ArrayRef<int64_t> shape);

/// The number of positions of a window: (in + 2 padding - dilation (kernel - 1)
/// - 1) / stride + 1, rounded down. Nothing if there is none, or if a number
/// exceeds 64 bits.
std::optional<int64_t> getNumWindows(int64_t in, int64_t kernel, int64_t stride,
                                     int64_t padding, int64_t dilation);

/// Fails with "expected <what> of type <expected>, got <actual> (<label>)".
llvm::LogicalResult expectType(mlir::Operation *op, const llvm::Twine &what,
                               mlir::Type expected, mlir::Type actual,
                               llvm::StringRef label);

} // namespace rheobase::spiking

#endif // RHEOBASE_LIB_DIALECT_SPIKING_IR_SHAPES_H
