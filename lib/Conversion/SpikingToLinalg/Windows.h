//===- Windows.h - Gathering over sliding windows ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The gradient of an operation with sliding windows, seen from an element of
// its input: a sum over the windows that hold the element. With strides, which
// taps of a window meet an element depends on its position modulo the stride
// only, so the elements of one such phase share a dense loop over their taps.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_WINDOWS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_WINDOWS_H

#include "Builders.h"

namespace rheobase {

/// Rows or columns of a windowed operation.
struct WindowAxis {
  int64_t input, output;
  int64_t kernel, stride, padding, dilation;
};

/// The input positions `stride * q + first`, q = 0 .. extent - 1. Tap j of
/// `taps` has the number `firstTap + j * tapStep` in the window.
struct WindowPhase {
  int64_t first, extent, stride;
  int64_t taps, firstTap, tapStep;
  int64_t shift, slope;

  /// The position, in the padded output, of the window that has input position
  /// q at its tap j.
  mlir::AffineExpr source(mlir::AffineExpr q, mlir::AffineExpr j) const {
    return q - j * slope + shift;
  }
};

struct Windows {
  llvm::SmallVector<WindowAxis, 2> axes; // rows, columns

  /// How much the output must be padded so that all sources exist.
  llvm::SmallVector<int64_t> getLow() const;
  llvm::SmallVector<int64_t> getHigh() const;
  llvm::SmallVector<WindowPhase> getPhases(int64_t axis) const;
};

/// The elements of a padded output, with rows and columns at `rowDim`, that the
/// first tap of a phase gathers.
mlir::Value slicedSources(mlir::ImplicitLocOpBuilder &b, mlir::Value output,
                          int64_t rowDim, llvm::ArrayRef<WindowPhase> phase);

/// Builds a tensor of `type` and `sizes`, whose rows and columns are dimensions
/// `rowDim` and `rowDim + 1`, phase by phase: `gather` adds to a slice of
/// zeros. `overwritesSingle`: what has one tap is written, not added to, so
/// that the slice holds nothing.
mlir::Value gatherByPhases(
    mlir::ImplicitLocOpBuilder &b, const Windows &windows,
    mlir::RankedTensorType type, llvm::ArrayRef<mlir::OpFoldResult> sizes,
    int64_t rowDim,
    llvm::function_ref<mlir::Value(llvm::ArrayRef<WindowPhase>, mlir::Value)>
        gather,
    bool overwritesSingle = false);

/// The taps of a phase, of a tensor with window dimensions `dim`, `dim + 1`.
mlir::Value slicedTaps(mlir::ImplicitLocOpBuilder &b, mlir::Value taps,
                       int64_t dim, llvm::ArrayRef<WindowPhase> phase);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_WINDOWS_H
