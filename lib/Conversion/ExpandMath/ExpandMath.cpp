//===- ExpandMath.cpp - Functions in the reference arithmetic ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/ExpandMath.h"

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rheobase {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

/// Those that are expanded into other functions first. `tanh` is not among
/// them: it has a polynomial of its own.
static constexpr StringLiteral compositeFunctions[] = {
    "acosh", "asinh", "atanh", "clampf", "cosh", "exp2",
    "fpowi", "powf",  "rsqrt", "sinh",   "tan"};

void rheobase::populateExpandMathPatterns(RewritePatternSet &patterns) {
  SmallVector<StringRef> composite(std::begin(compositeFunctions),
                                   std::end(compositeFunctions));
  math::populateExpansionPatterns(patterns, composite);
  auto any = [](StringRef) { return true; };
  populateMathF32ExpansionPatterns(patterns, any);
  populateMathPolynomialApproximationPatterns(patterns, any);
}

namespace {
/// maxnumf(a, b) = a is NaN ? b : !(a <= b) ? a : b, minnumf likewise.
template <typename OpTy, arith::CmpFPredicate predicate>
struct ExpandMinMax : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value a = op.getLhs(), b = op.getRhs();
    Value first = arith::CmpFOp::create(rewriter, loc, predicate, a, b);
    Value best = arith::SelectOp::create(rewriter, loc, first, a, b);
    Value isNaN = arith::CmpFOp::create(rewriter, loc,
                                        arith::CmpFPredicate::UNO, a, a);
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, isNaN, b, best);
    return success();
  }
};
} // namespace

void rheobase::populateExpandMinMaxPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandMinMax<arith::MaxNumFOp, arith::CmpFPredicate::UGT>,
               ExpandMinMax<arith::MinNumFOp, arith::CmpFPredicate::ULT>>(
      patterns.getContext());
}

/// In f64 the C library's functions are the reference; it has no rsqrt and no
/// clamp.
static bool isExpanded(Operation *op) {
  if (isa<arith::MaxNumFOp, arith::MinNumFOp, math::RsqrtOp, math::ClampFOp>(
          op))
    return true;
  return isa_and_present<math::MathDialect>(op->getDialect()) &&
         llvm::none_of(op->getResultTypes(), [](Type type) {
           return getElementTypeOrSelf(type).isF64();
         });
}

LogicalResult rheobase::expandMath(Operation *root) {
  SmallVector<Operation *> functions;
  root->walk([&](Operation *op) {
    if (isExpanded(op))
      functions.push_back(op);
  });
  if (functions.empty())
    return success();
  RewritePatternSet patterns(root->getContext());
  populateExpandMathPatterns(patterns);
  populateExpandMinMaxPatterns(patterns);
  GreedyRewriteConfig config;
  config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
  config.enableFolding(false);
  config.enableConstantCSE(false);
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  return applyOpPatternsGreedily(functions, std::move(patterns), config);
}

namespace {
struct ExpandMathPass
    : rheobase::impl::ExpandMathPassBase<ExpandMathPass> {
  void runOnOperation() override {
    if (failed(rheobase::expandMath(getOperation()))) {
      emitError(getOperation()->getLoc(),
                "the expansion of mathematical functions did not end");
      signalPassFailure();
    }
  }
};
} // namespace
