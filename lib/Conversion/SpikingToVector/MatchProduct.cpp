//===- MatchProduct.cpp - What a product multiplies -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rheobase;

/// Fills `factor` with what `value` is made of: an element of one input.
static bool traceFactor(linalg::GenericOp op, Value value, Factor &factor) {
  Block *body = op.getBlock();
  llvm::SetVector<Operation *> slice;
  SmallVector<Value> worklist{value};
  factor.argument = {};
  while (!worklist.empty()) {
    Value current = worklist.pop_back_val();
    if (auto argument = dyn_cast<BlockArgument>(current);
        argument && argument.getOwner() == body) {
      if (factor.argument && factor.argument != argument)
        return false;
      factor.argument = argument;
      continue;
    }
    Operation *def = current.getDefiningOp();
    if (!def || def->getBlock() != body)
      continue;
    if (!isPure(def) || def->getNumRegions() != 0 || isa<linalg::IndexOp>(def))
      return false;
    slice.insert(def);
    llvm::append_range(worklist, def->getOperands());
  }
  if (!factor.argument ||
      factor.argument.getArgNumber() >= op.getNumDpsInputs())
    return false;
  factor.operand = factor.argument.getArgNumber();
  factor.value = value;
  for (Operation &inner : *body)
    if (slice.contains(&inner))
      factor.conversion.push_back(&inner);
  return true;
}

/// The strides of `loop` over all indices of an operand: whether it depends on
/// the loop, and whether neighbouring iterations are neighbours in memory.
static bool dependsOn(linalg::GenericOp op, int64_t operand, int64_t loop) {
  return op.getMatchingIndexingMap(&op->getOpOperand(operand))
      .isFunctionOfDim(loop);
}

static bool isContiguousAlong(linalg::GenericOp op, int64_t operand,
                              int64_t loop) {
  AffineMap map = op.getMatchingIndexingMap(&op->getOpOperand(operand));
  auto type = cast<MemRefType>(op->getOperand(operand).getType());
  SmallVector<int64_t> strides = type.getStridesAndOffset().first;
  int64_t found = 0;
  for (auto [expr, stride] : llvm::zip(map.getResults(), strides)) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    ++found;
    if (expr != getAffineDimExpr(loop, op.getContext()) || stride != 1)
      return false;
  }
  return found == 1;
}

std::optional<Product> rheobase::matchProduct(linalg::GenericOp op) {
  if (!StridedLoops::canAnalyze(op) || op.getNumDpsInits() != 1)
    return std::nullopt;
  Product product;
  product.op = op;
  Block *body = op.getBlock();
  auto fma = body->getTerminator()->getOperand(0).getDefiningOp<math::FmaOp>();
  BlockArgument out = body->getArguments().back();
  if (!fma || fma->getBlock() != body || fma.getC() != out ||
      !out.hasOneUse() || !(out.getType().isF32() || out.getType().isF64()))
    return std::nullopt;
  Factor x, y;
  if (!traceFactor(op, fma.getA(), x) || !traceFactor(op, fma.getB(), y) ||
      x.operand == y.operand)
    return std::nullopt;

  int64_t output = op->getNumOperands() - 1;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  int64_t bestSize = 0;
  product.n = -1;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (type == utils::IteratorType::reduction) {
      product.k.push_back(loop);
      continue;
    }
    if (!isContiguousAlong(op, output, loop) ||
        dependsOn(op, x.operand, loop) == dependsOn(op, y.operand, loop))
      continue;
    int64_t size = ShapedType::isDynamic(sizes[loop])
                       ? std::numeric_limits<int64_t>::max()
                       : sizes[loop];
    if (size > bestSize) {
      bestSize = size;
      product.n = loop;
    }
  }
  if (product.n < 0 || product.k.empty())
    return std::nullopt;
  bool columnsInY = dependsOn(op, y.operand, product.n);
  product.a = columnsInY ? x : y;
  product.b = columnsInY ? y : x;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray())) {
    int64_t index = loop;
    if (type == utils::IteratorType::reduction || index == product.n)
      continue;
    if (!dependsOn(op, output, index))
      return std::nullopt;
    (dependsOn(op, product.b.operand, index) ? product.batch : product.m)
        .push_back(index);
  }
  return product;
}
