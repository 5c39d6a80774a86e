//===- MatchProduct.cpp - What a product multiplies -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
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

/// Whether `condition` holds in the first iteration of the reduction loops, and
/// in no other.
static bool isFirstIteration(linalg::GenericOp op, Value condition) {
  SmallVector<Value> worklist{condition};
  llvm::SmallSetVector<int64_t, 4> loops;
  while (!worklist.empty()) {
    Value current = worklist.pop_back_val();
    if (auto both = current.getDefiningOp<arith::AndIOp>()) {
      worklist.append({both.getLhs(), both.getRhs()});
      continue;
    }
    auto compare = current.getDefiningOp<arith::CmpIOp>();
    if (!compare || compare.getPredicate() != arith::CmpIPredicate::eq ||
        !matchPattern(compare.getRhs(), m_Zero()))
      return false;
    auto index = compare.getLhs().getDefiningOp<linalg::IndexOp>();
    if (!index)
      return false;
    loops.insert(index.getDim());
  }
  SmallVector<unsigned> reductions;
  op.getReductionDims(reductions);
  return loops.size() == reductions.size() &&
         llvm::all_of(reductions,
                      [&](unsigned loop) { return loops.contains(loop); });
}

/// Recognizes where `chain`, the addend of the body, starts.
static bool matchStart(linalg::GenericOp op, Value chain, BlockArgument out,
                       ProductStart &start) {
  if (chain == out)
    return true;
  auto select = chain.getDefiningOp<arith::SelectOp>();
  if (!select || !chain.hasOneUse() || select.getFalseValue() != out ||
      !isFirstIteration(op, select.getCondition()))
    return false;
  Value value = select.getTrueValue();
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != op.getBlock()) {
    start = {ProductStart::Kind::Value, value, -1};
    return value.getParentBlock() != op.getBlock();
  }
  start = {ProductStart::Kind::Columns, {}, argument.getArgNumber()};
  return start.operand < op.getNumDpsInputs();
}

std::optional<Product> rheobase::matchProduct(linalg::GenericOp op) {
  if (!StridedLoops::canAnalyze(op) || op.getNumDpsInits() != 1)
    return std::nullopt;
  Product product;
  product.op = op;
  Block *body = op.getBlock();
  auto fma = body->getTerminator()->getOperand(0).getDefiningOp<math::FmaOp>();
  BlockArgument out = body->getArguments().back();
  if (!fma || fma->getBlock() != body ||
      !matchStart(op, fma.getC(), out, product.start) || !out.hasOneUse() ||
      !(out.getType().isF32() || out.getType().isF64()))
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
  if (product.start.kind == ProductStart::Kind::Columns)
    for (int64_t loop : llvm::seq<int64_t>(op.getNumLoops()))
      if (loop == product.n
              ? !isContiguousAlong(op, product.start.operand, loop)
              : dependsOn(op, product.start.operand, loop))
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
