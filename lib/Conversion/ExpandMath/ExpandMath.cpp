//===- ExpandMath.cpp - Functions in the reference arithmetic -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/ExpandMath.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace rheobase {
#define GEN_PASS_DEF_EXPANDMATHPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

/// Those that are expanded into other functions first. `tanh` is not among
/// them: it has a polynomial of its own.
static constexpr StringLiteral compositeFunctions[] = {
    "acosh", "asinh", "atanh", "cosh", "exp2",
    "fpowi", "powf",  "rsqrt", "sinh", "tan"};

namespace {
/// clampf(x, low, high) = minimumf(maximumf(x, low), high). MLIR's own
/// expansion exchanges the bounds.
struct ExpandClamp : OpRewritePattern<math::ClampFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ClampFOp op,
                                PatternRewriter &rewriter) const override {
    Value raised = arith::MaximumFOp::create(rewriter, op.getLoc(),
                                             op.getValue(), op.getMin());
    rewriter.replaceOpWithNewOp<arith::MinimumFOp>(op, raised, op.getMax());
    return success();
  }
};

/// isnormal(x) = the least normal number <= |x| < infinity; LLVM's dialect has
/// no conversion of it.
struct ExpandIsNormal : OpRewritePattern<math::IsNormalOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::IsNormalOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type type = op.getOperand().getType();
    const llvm::fltSemantics &semantics =
        cast<FloatType>(getElementTypeOrSelf(type)).getFloatSemantics();
    auto constant = [&](const APFloat &value) -> Value {
      TypedAttr attribute = FloatAttr::get(getElementTypeOrSelf(type), value);
      if (auto shaped = dyn_cast<ShapedType>(type))
        attribute = DenseElementsAttr::get(shaped, value);
      return arith::ConstantOp::create(rewriter, loc, attribute);
    };
    Value size = math::AbsFOp::create(rewriter, loc, op.getOperand());
    Value notSmall = arith::CmpFOp::create(
        rewriter, loc, arith::CmpFPredicate::OGE, size,
        constant(APFloat::getSmallestNormalized(semantics)));
    Value finite =
        arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::OLT, size,
                              constant(APFloat::getInf(semantics)));
    rewriter.replaceOpWithNewOp<arith::AndIOp>(op, notSmall, finite);
    return success();
  }
};
} // namespace

void rheobase::populateExpandMathPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandClamp, ExpandIsNormal>(patterns.getContext());
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
    Value isNaN =
        arith::CmpFOp::create(rewriter, loc, arith::CmpFPredicate::UNO, a, a);
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

namespace {
/// Which values a folder may find to be constant, now or after a loop is
/// unrolled or a branch is taken: at least those that become constant.
class Constants {
public:
  /// Whether that is so of all operands of `op`.
  bool hasOnlyConstants(Operation *op) {
    return llvm::all_of(op->getOperands(),
                        [&](Value operand) { return mayBeConstant(operand); });
  }
  bool mayBeConstant(Value value) {
    auto [known, isNew] = answers.try_emplace(value, true);
    if (!isNew)
      return known->second;
    bool answer = compute(value);
    return answers[value] = answer;
  }

private:
  bool compute(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
      if (!loop)
        return false;
      // One that is not carried is the index.
      OpOperand *init = loop.getTiedLoopInit(argument);
      if (!init)
        return true;
      return mayBeConstant(init->get()) &&
             (loop.getStaticTripCount() == 1 ||
              mayBeConstant(loop.getTiedLoopYieldedValue(argument)->get()));
    }
    Operation *op = value.getDefiningOp();
    unsigned number = cast<OpResult>(value).getResultNumber();
    if (op->hasTrait<OpTrait::ConstantLike>())
      return true;
    if (auto select = dyn_cast<arith::SelectOp>(op))
      return mayBeConstant(select.getTrueValue()) &&
             mayBeConstant(select.getFalseValue());
    if (auto branch = dyn_cast<scf::IfOp>(op)) {
      bool first = mayBeConstant(branch.thenYield().getOperand(number)),
           second = mayBeConstant(branch.elseYield().getOperand(number));
      return (first && second) ||
             ((first || second) && mayBeConstant(branch.getCondition()));
    }
    if (auto loop = dyn_cast<scf::ForOp>(op))
      return mayBeConstant(loop.getYieldedValues()[number]);
    return op->getNumRegions() == 0 && op->getNumOperands() != 0 &&
           isMemoryEffectFree(op) && hasOnlyConstants(op);
  }

  llvm::DenseMap<Value, bool> answers;
};
} // namespace

/// Gives a conversion to an integer that an expansion made a value in all
/// cases. Of a NaN, or a number that does not fit, it has none, and folders
/// make anything of it. Where bounds precede it (the exponential), ordered
/// comparisons take a bound for NaN, which still gets to the result through the
/// polynomial. Elsewhere (sine and cosine) 0 takes its place: the multiple of
/// pi / 2 of a number so large means nothing.
static void defineConversion(arith::FPToSIOp op) {
  Value value = op.getIn();
  bool isBounded = false;
  while (auto select = value.getDefiningOp<arith::SelectOp>()) {
    auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
    if (!compare || compare.getLhs() != select.getTrueValue())
      break;
    isBounded = true;
    if (compare.getPredicate() == arith::CmpFPredicate::UGE)
      compare.setPredicate(arith::CmpFPredicate::OGE);
    else if (compare.getPredicate() == arith::CmpFPredicate::ULE)
      compare.setPredicate(arith::CmpFPredicate::OLE);
    value = select.getTrueValue();
  }
  if (isBounded)
    return;
  OpBuilder builder(op);
  Location loc = op.getLoc();
  value = op.getIn();
  auto constant = [&](double number) -> Value {
    Type type = value.getType();
    TypedAttr attr = builder.getFloatAttr(getElementTypeOrSelf(type), number);
    if (auto shaped = dyn_cast<ShapedType>(type))
      attr = SplatElementsAttr::get(shaped, attr);
    return arith::ConstantOp::create(builder, loc, attr);
  };
  unsigned width = getElementTypeOrSelf(op.getType()).getIntOrFloatBitWidth();
  Value size = math::AbsFOp::create(builder, loc, value);
  Value fits =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, size,
                            constant(std::ldexp(1.0, int(width) - 1)));
  op.getInMutable().assign(
      arith::SelectOp::create(builder, loc, fits, value, constant(0.0)));
}

static LogicalResult applyWithoutFolding(ArrayRef<Operation *> ops,
                                         RewritePatternSet &&patterns,
                                         GreedyRewriteStrictness strictness) {
  GreedyRewriteConfig config;
  config.setStrictness(strictness);
  config.enableFolding(false);
  config.enableConstantCSE(false);
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  return applyOpPatternsGreedily(ops, std::move(patterns), config);
}

/// Functions of tensors that may be constant become scans over scalars.
static LogicalResult scanConstantTensors(Operation *root) {
  SmallVector<Operation *> functions;
  Constants constants;
  root->walk([&](Operation *op) {
    if (isa_and_present<math::MathDialect>(op->getDialect()) &&
        isExpanded(op) && isa<RankedTensorType>(op->getResultTypes().front()) &&
        constants.hasOnlyConstants(op))
      functions.push_back(op);
  });
  if (functions.empty())
    return success();
  RewritePatternSet patterns(root->getContext());
  rheobase::spiking::populateElementwiseToScanPatterns(patterns);
  return applyWithoutFolding(functions, std::move(patterns),
                             GreedyRewriteStrictness::ExistingOps);
}

LogicalResult rheobase::expandMath(Operation *root, bool constantsOnly) {
  if (constantsOnly && failed(scanConstantTensors(root)))
    return failure();
  SmallVector<Operation *> functions;
  llvm::DenseSet<Operation *> conversions;
  Constants constants;
  root->walk([&](Operation *op) {
    if (isa<arith::FPToSIOp>(op))
      conversions.insert(op);
    if (isExpanded(op) &&
        (!constantsOnly || (isa<math::MathDialect>(op->getDialect()) &&
                            constants.hasOnlyConstants(op))))
      functions.push_back(op);
  });
  if (functions.empty())
    return success();
  RewritePatternSet patterns(root->getContext());
  populateExpandMathPatterns(patterns);
  populateExpandMinMaxPatterns(patterns);
  if (failed(applyWithoutFolding(functions, std::move(patterns),
                                 GreedyRewriteStrictness::ExistingAndNewOps)))
    return failure();
  root->walk([&](arith::FPToSIOp conversion) {
    if (!conversions.contains(conversion))
      defineConversion(conversion);
  });
  return success();
}

namespace {
struct ExpandMathPass : rheobase::impl::ExpandMathPassBase<ExpandMathPass> {
  using ExpandMathPassBase::ExpandMathPassBase;

  void runOnOperation() override {
    if (failed(rheobase::expandMath(getOperation(), constants))) {
      emitError(getOperation()->getLoc(),
                "the expansion of mathematical functions did not end");
      signalPassFailure();
    }
  }
};
} // namespace
