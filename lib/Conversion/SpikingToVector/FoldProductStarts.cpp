//===- FoldProductStarts.cpp - Chains that start in registers -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BufferUses.h"
#include "ProductLowering.h"

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace rheobase {
#define GEN_PASS_DEF_FOLDPRODUCTSTARTSPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

namespace {
/// What a product's output holds before: `value`, or for each element one of
/// `memref`.
struct Start {
  Operation *op;
  Value value, memref;
  /// From the dimensions of the output.
  AffineMap map;
};
} // namespace

/// What `op` fills all of `output` with; nothing if it does something else.
static std::optional<Start> getStart(Operation *op, Value output) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || linalgOp.getNumDpsInits() != 1 ||
      linalgOp.getDpsInits()[0] != output)
    return std::nullopt;
  Start start{op, {}, {}, {}};
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    start.value = fill.value();
    return start;
  }
  if (linalgOp.getNumReductionLoops() != 0 ||
      !linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0))
           .isIdentity())
    return std::nullopt;
  Value yielded = linalgOp.getBlock()->getTerminator()->getOperand(0);
  if (yielded.getParentBlock() != linalgOp.getBlock()) {
    start.value = yielded;
    return start;
  }
  auto argument = dyn_cast<BlockArgument>(yielded);
  if (!argument || linalgOp.getNumDpsInputs() != 1 ||
      argument.getArgNumber() != 0)
    return std::nullopt;
  OpOperand *input = linalgOp.getDpsInputOperand(0);
  if (!isa<MemRefType>(input->get().getType())) {
    start.value = input->get();
    return start;
  }
  start.memref = input->get();
  start.map = linalgOp.getMatchingIndexingMap(input);
  return start;
}

/// Finds what wrote the output of `op` just before.
static std::optional<Start> findStart(linalg::GenericOp op) {
  Value output = op.getDpsInits()[0], buffer = getBuffer(output);
  if (!buffer)
    return std::nullopt;
  SmallVector<Operation *> between;
  for (Operation *previous = op->getPrevNode(); previous;
       previous = previous->getPrevNode()) {
    if (auto start = getStart(previous, output)) {
      // The start is still the same where the product begins.
      Value source = start->memref ? getBuffer(start->memref) : Value();
      if (start->memref && (!source || source == buffer ||
                            llvm::any_of(between, [&](Operation *other) {
                              return getBufferUse(other, source) ==
                                     BufferUse::Write;
                            })))
        return std::nullopt;
      return start;
    }
    if (isMemoryEffectFree(previous) || isa<memref::AllocOp>(previous))
      continue;
    if (getBufferUse(previous, buffer) != BufferUse::None)
      return std::nullopt;
    between.push_back(previous);
  }
  return std::nullopt;
}

/// Writes `start` into the chains of `op`.
static void foldStart(RewriterBase &rewriter, linalg::GenericOp op,
                      const Product &product, const Start &start) {
  rewriter.setInsertionPoint(op);
  SmallVector<Value> inputs = llvm::to_vector(op.getInputs());
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (start.memref) {
    inputs.push_back(start.memref);
    maps.insert(maps.end() - 1, start.map.compose(maps.back()));
  }
  auto folded =
      linalg::GenericOp::create(rewriter, op.getLoc(), inputs, op.getOutputs(),
                                maps, op.getIteratorTypesArray());
  folded->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  rewriter.inlineRegionBefore(op.getRegion(), folded.getRegion(),
                              folded.getRegion().begin());
  Block *body = folded.getBlock();
  Location loc = op.getLoc();
  Value element = start.value;
  if (start.memref)
    element = body->insertArgument(
        body->getNumArguments() - 1,
        cast<MemRefType>(start.memref.getType()).getElementType(), loc);
  rewriter.setInsertionPointToStart(body);
  Value first;
  for (int64_t loop : product.k) {
    Value isFirst =
        arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                              linalg::IndexOp::create(rewriter, loc, loop),
                              arith::ConstantIndexOp::create(rewriter, loc, 0));
    first =
        first ? arith::AndIOp::create(rewriter, loc, first, isFirst) : isFirst;
  }
  BlockArgument output = body->getArguments().back();
  Value chain = arith::SelectOp::create(rewriter, loc, first, element, output);
  rewriter.replaceAllUsesExcept(output, chain, chain.getDefiningOp());
  rewriter.eraseOp(op);
  rewriter.eraseOp(start.op);
}

namespace {
struct FoldProductStartsPass
    : rheobase::impl::FoldProductStartsPassBase<FoldProductStartsPass> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> generics;
    getOperation().walk(
        [&](linalg::GenericOp generic) { generics.push_back(generic); });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp generic : generics) {
      if (!generic.hasPureBufferSemantics())
        continue;
      std::optional<Product> product = matchProduct(generic);
      if (!product || product->start.kind != ProductStart::Kind::Output)
        continue;
      // A chain without steps would never start.
      SmallVector<int64_t> sizes = generic.getStaticLoopRanges();
      if (llvm::any_of(product->k, [&](int64_t loop) {
            return ShapedType::isDynamic(sizes[loop]) || sizes[loop] == 0;
          }))
        continue;
      std::optional<Start> start = findStart(generic);
      if (!start)
        continue;
      // The kernel reads it along the columns.
      if (start->memref) {
        AffineMap map =
            start->map.compose(generic.getIndexingMapsArray().back());
        auto type = cast<MemRefType>(start->memref.getType());
        AffineExpr n = getAffineDimExpr(product->n, &getContext());
        if (map.getNumResults() != 1 || map.getResult(0) != n ||
            type.getStridesAndOffset().first.back() != 1)
          continue;
      }
      foldStart(rewriter, generic, *product, *start);
    }
  }
};
} // namespace
