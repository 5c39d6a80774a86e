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

/// Emits a vector at the given position of the outer loops.
using EmitTileFn =
    llvm::function_ref<void(mlir::ValueRange outer, mlir::Value start,
                            int64_t lanes, mlir::Value mask)>;

/// Loops over all positions of the outer loops and over vectors of the inner
/// one, in parallel blocks with at least `workPerBlock` elements, so that
/// starting a thread pays. `begin` and `end` are emitted once for each block.
void createTiledLoops(IndexMath &index, mlir::ValueRange outerSizes,
                      mlir::Value innerSize, const LaneTiling &tiling,
                      mlir::Value workPerBlock,
                      llvm::function_ref<void()> begin, EmitTileFn emit,
                      llvm::function_ref<void()> end);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_TILEDLOOPS_H
