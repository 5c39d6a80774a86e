//===- TiledLoops.h - Parallel loops over vectors ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_TILEDLOOPS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_TILEDLOOPS_H

#include "IndexMath.h"

namespace rheobase {

/// How a dimension is cut into vectors.
struct LaneTiling {
  /// Lanes of a vector; 0: scalars, one by one.
  int64_t lanes = 0;
  /// Elements that do not fill a vector: a constant, or known at run time.
  int64_t staticTail = 0;
  bool dynamicTail = false;

  /// `lanes` lanes or fewer for a size that is a multiple of `divisor` (with
  /// `dynamic` false: equal to it).
  static LaneTiling get(int64_t lanes, int64_t divisor, bool dynamic);

  /// Vectors that `size` elements need.
  mlir::Value getCount(IndexMath &index, mlir::Value size) const;
  bool hasTail() const { return staticTail != 0 || dynamicTail; }
  /// Which of the lanes from `start` on are elements; null: all.
  mlir::Value getMask(IndexMath &index, mlir::Value size,
                      mlir::Value start) const;

  /// Emits a vector: its first element, its lanes, which of them exist (null:
  /// all).
  using EmitFn =
      llvm::function_ref<void(mlir::Value start, int64_t lanes,
                              mlir::Value mask)>;
  /// Vectors `first` to `end` of `size` elements.
  void createTiles(IndexMath &index, mlir::Value size, mlir::Value first,
                   mlir::Value end, EmitFn emit) const;
};

/// Outer loops around one that is cut into vectors. The outer loops together
/// are *rows*, counted in row-major order.
struct TiledLoops {
  llvm::SmallVector<mlir::Value> outerSizes;
  mlir::Value innerSize;
  LaneTiling tiling;

  /// Some rows, and some of the vectors of each.
  struct Range {
    mlir::Value firstRow, endRow, firstTile, endTile;
  };

  mlir::Value getRows(IndexMath &index) const;
  mlir::Value getTiles(IndexMath &index) const;

  /// Ranges that cover everything, in parallel, each with at least `work`
  /// elements where there are so many: starting a thread has to pay.
  void createParallelRanges(IndexMath &index, mlir::Value work,
                            llvm::function_ref<void(Range)> body) const;
  /// Rows and vectors of a block of at most `elements` elements, but at least a
  /// vector.
  std::pair<mlir::Value, mlir::Value>
  getBlockShape(IndexMath &index, mlir::Value elements) const;
  /// Such blocks that cover `range`, in order.
  void createBlocks(IndexMath &index, Range range,
                    std::pair<mlir::Value, mlir::Value> shape,
                    llvm::function_ref<void(Range)> body) const;

  /// Emits a vector at the given position of the outer loops.
  using EmitFn =
      llvm::function_ref<void(mlir::Value row, mlir::ValueRange outer,
                              mlir::Value start, int64_t lanes,
                              mlir::Value mask)>;
  /// All vectors of `range`.
  void createTiles(IndexMath &index, Range range, EmitFn emit) const;
};

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_TILEDLOOPS_H
