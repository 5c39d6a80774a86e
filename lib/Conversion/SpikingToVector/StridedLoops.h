//===- StridedLoops.h - Loops and operands as strided arrays ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_STRIDEDLOOPS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_STRIDEDLOOPS_H

#include "IndexMath.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace rheobase {

/// A number known up to factors that are sizes: `factor` times the product of
/// `symbols`.
struct SymbolicSize {
  int64_t factor = 1;
  llvm::SmallVector<int64_t, 4> symbols;

  bool isConstant() const { return symbols.empty() || factor == 0; }
  bool isConstant(int64_t value) const {
    return isConstant() && factor == value;
  }
  friend SymbolicSize operator*(SymbolicSize a, const SymbolicSize &b);
  bool operator==(const SymbolicSize &other) const;
};

/// An operand of a linalg operation: the element of an iteration is at the sum
/// of `base` and, over the loops, index times stride, in the flat buffer.
struct StridedOperand {
  /// Null if the operand is a scalar. Of spikes in bits, in which base and
  /// strides count: their bytes.
  mlir::Value flat;
  mlir::Value base;
  mlir::Type element;
  /// For each loop.
  llvm::SmallVector<SymbolicSize> symbolic;
  llvm::SmallVector<mlir::Value> strides;

  bool uses(int64_t loop) const { return !symbolic[loop].isConstant(0); }
  bool isPacked() const { return flat && element.isInteger(1); }
  /// The element at `offset`.
  mlir::Value load(mlir::OpBuilder &builder, mlir::Location loc,
                   mlir::Value offset) const;
};

/// The loops of a linalg operation on buffers, seen through strides.
class StridedLoops {
public:
  /// Fails where an operand's index is not linear in the loops, or its layout
  /// is not strided. `only`: of this operand alone, for code elsewhere; loops
  /// that it does not size have none.
  static mlir::FailureOr<StridedLoops>
  get(mlir::OpBuilder &builder, mlir::linalg::LinalgOp op,
      std::optional<unsigned> only = std::nullopt);
  /// Whether `get` would succeed once memory is planned; builds nothing.
  static bool canAnalyze(mlir::linalg::LinalgOp op);

  int64_t getNumLoops() const { return sizes.size(); }
  bool isParallel(int64_t loop) const { return parallel[loop]; }

  llvm::SmallVector<StridedOperand> operands;
  llvm::SmallVector<bool> parallel;
  llvm::SmallVector<SymbolicSize> symbolic;
  llvm::SmallVector<mlir::Value> sizes;
};

/// Whether it is known where spikes in bits are stored that `op` accesses.
bool isMemoryPlanned(mlir::Operation *op);

/// Some loops in row-major order, as one operand sees them: the last ones
/// form runs of elements at a constant distance.
struct LoopGroup {
  LoopGroup(IndexMath &index, const StridedLoops &space,
            const StridedOperand &operand, llvm::ArrayRef<int64_t> loops);

  /// Whether there is a single run.
  bool isLinear() const { return outer.empty(); }
  bool hasStride(int64_t value) const {
    return loops.empty() || symbolicStride.isConstant(value);
  }
  /// The offset of the first element of run `run`.
  mlir::Value getRunOffset(IndexMath &index, mlir::Value run) const;
  /// The offset at linear position `position`.
  mlir::Value getOffset(IndexMath &index, mlir::Value position) const;

  llvm::SmallVector<int64_t> loops;
  /// The loops that count runs: their sizes and strides.
  llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> outer;
  /// Elements of a run, and their distance.
  mlir::Value runSize, stride;
  SymbolicSize symbolicStride;
};

/// Runs `body` for the parts of positions `from` to `to` of a group that lie in
/// one run: with the offset of position 0 of the run's progression, and the
/// positions.
void forEachRun(
    IndexMath &index, const LoopGroup &group, mlir::Value from, mlir::Value to,
    llvm::function_ref<void(mlir::Value offset, mlir::Value lo, mlir::Value hi)>
        body);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_STRIDEDLOOPS_H
