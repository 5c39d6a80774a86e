//===- FillBorders.cpp - Padding writes what the copy leaves --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BufferUses.h"

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace rheobase {
#define GEN_PASS_DEF_FILLBORDERSPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

/// The value that `op` fills all of its one output with; null if it does
/// something else.
static Value getFilling(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInits() != 1)
    return {};
  if (auto fill = dyn_cast<linalg::FillOp>(op.getOperation()))
    return fill.value();
  if (!op.getMatchingIndexingMap(op.getDpsInitOperand(0)).isIdentity() ||
      op.getNumReductionLoops() != 0)
    return {};
  Value yielded = op.getBlock()->getTerminator()->getOperand(0);
  return yielded.getParentBlock() == op.getBlock() ? Value() : yielded;
}

/// The next operation after `op` that touches what it filled, if it is a copy
/// into a block of that; null otherwise.
static memref::CopyOp findCopy(Operation *op, Value filled) {
  Value buffer = getBuffer(filled);
  if (!buffer)
    return {};
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode()) {
    if (isMemoryEffectFree(next) ||
        getBufferUse(next, buffer) == BufferUse::None)
      continue;
    auto copy = dyn_cast<memref::CopyOp>(next);
    auto view = copy ? copy.getTarget().getDefiningOp<memref::SubViewOp>()
                     : memref::SubViewOp();
    if (!view || view.getSource() != filled || !view.hasUnitStride() ||
        view.getType().getRank() != view.getSourceType().getRank() ||
        getBuffer(copy.getSource()) == buffer)
      return {};
    return copy;
  }
  return {};
}

/// Fills what `copy` leaves instead of `op`, which fills all.
static void fillBorders(RewriterBase &rewriter, Operation *op, Value filling,
                        memref::CopyOp copy) {
  Location loc = op->getLoc();
  rewriter.setInsertionPoint(copy);
  auto interior = copy.getTarget().getDefiningOp<memref::SubViewOp>();
  Value buffer = interior.getSource();
  MemRefType type = interior.getSourceType();
  int64_t rank = type.getRank();
  OpFoldResult zero = rewriter.getIndexAttr(0);
  SmallVector<OpFoldResult> ones(rank, rewriter.getIndexAttr(1));
  SmallVector<OpFoldResult> offsets(rank, zero), sizes, full;
  for (int64_t dim = 0; dim < rank; ++dim)
    full.push_back(type.isDynamicDim(dim)
                       ? getAsOpFoldResult(rewriter.createOrFold<memref::DimOp>(
                             loc, buffer, dim))
                       : rewriter.getIndexAttr(type.getDimSize(dim)));
  sizes = full;
  SmallVector<OpFoldResult> lows = interior.getMixedOffsets(),
                            inner = interior.getMixedSizes();
  auto asValue = [&](OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(rewriter, loc, size);
  };
  auto plus = [&](OpFoldResult a, OpFoldResult b) {
    return getAsOpFoldResult(
        rewriter.createOrFold<arith::AddIOp>(loc, asValue(a), asValue(b)));
  };
  auto minus = [&](OpFoldResult a, OpFoldResult b) {
    return getAsOpFoldResult(
        rewriter.createOrFold<arith::SubIOp>(loc, asValue(a), asValue(b)));
  };
  auto fill = [&](int64_t dim, OpFoldResult offset, OpFoldResult size) {
    if (isZeroInteger(size))
      return;
    offsets[dim] = offset;
    sizes[dim] = size;
    Value border =
        memref::SubViewOp::create(rewriter, loc, buffer, offsets, sizes, ones);
    linalg::FillOp::create(rewriter, loc, filling, border);
  };
  // Slabs below and above in one dimension, in the interior of those before.
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (inner[dim] == full[dim] && isZeroInteger(lows[dim]))
      continue;
    OpFoldResult end = plus(lows[dim], inner[dim]);
    fill(dim, zero, lows[dim]);
    fill(dim, end, minus(full[dim], end));
    offsets[dim] = lows[dim];
    sizes[dim] = inner[dim];
  }
  rewriter.eraseOp(op);
}

namespace {
struct FillBordersPass : rheobase::impl::FillBordersPassBase<FillBordersPass> {
  void runOnOperation() override {
    SmallVector<std::tuple<linalg::LinalgOp, Value, memref::CopyOp>> paddings;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (Value filling = getFilling(op))
        if (memref::CopyOp copy = findCopy(op, op.getDpsInits()[0]))
          paddings.emplace_back(op, filling, copy);
    });
    IRRewriter rewriter(&getContext());
    for (auto [op, filling, copy] : paddings)
      fillBorders(rewriter, op, filling, copy);
  }
};
} // namespace
