//===- ElementwiseToScan.cpp - Elementwise operations as scans ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "rheobase/Dialect/Spiking/IR/Sequences.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include <cmath>

namespace rheobase::spiking {
#define GEN_PASS_DEF_ELEMENTWISETOSCANPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase::spiking;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// An empty tensor of `type`, of the size of `like`.
static Value createEmpty(OpBuilder &builder, Location loc,
                         RankedTensorType type, Value like) {
  return tensor::EmptyOp::create(builder, loc, type,
                                 getDynamicSizes(builder, loc, type, like));
}

namespace {
/// Scalar code that reads like the formulas of the operations' definitions.
struct Formula {
  OpBuilder &builder;
  Location loc;
  FloatType type;

  Value constant(double value) const {
    return arith::ConstantOp::create(builder, loc, FloatAttr::get(type, value));
  }
  Value add(Value a, Value b) const {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) const {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) const {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) const {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value sqrt(Value a) const { return math::SqrtOp::create(builder, loc, a); }
};

struct ConvertElementwise : RewritePattern {
  ConvertElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return failure();
    ScanComposer composer(rewriter, op->getLoc(), Direction::Step);
    SmallVector<Value> scalars;
    for (Value operand : op->getOperands())
      scalars.push_back(getSplatConstant(operand) ? composer.getParam(operand)
                                                  : composer.getIn(operand));
    scalars = buildScalars(composer.getBody(), op, scalars);
    for (auto [result, scalar] : llvm::zip(op->getResults(), scalars))
      composer.addOutput(scalar,
                         createEmpty(rewriter, op->getLoc(), getType(result),
                                     op->getOperand(0)));
    rewriter.replaceOp(op, composer.create());
    return success();
  }
};

/// y = (x - mean) * rstd * gamma + beta with rstd = 1 / sqrt(variance +
/// epsilon). In training the operation stays for its statistics.
struct ConvertBatchNorm : OpRewritePattern<BatchNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BatchNormOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    RankedTensorType type = getType(op.getInput());
    auto element = cast<FloatType>(type.getElementType());
    if (op.getMode() == Mode::Train) {
      if (op.getOutput().use_empty())
        return rewriter.notifyMatchFailure(op, "only its statistics are used");
      rewriter.setInsertionPointAfter(op);
      rewriter.replaceAllUsesWith(
          op.getOutput(),
          normalize(rewriter, op, op.getSavedMean(), op.getSavedRstd()));
      return success();
    }

    ScanComposer forRstd(rewriter, loc, Direction::Step);
    Formula rstdCode{forRstd.getBody(), loc, element};
    Value variance = forRstd.getIn(op.getRunningVariance());
    forRstd.addOutput(
        rstdCode.div(rstdCode.constant(1.0),
                     rstdCode.sqrt(rstdCode.add(
                         variance, rstdCode.constant(
                                       op.getEpsilon().convertToDouble())))),
        createEmpty(rewriter, loc, getType(op.getSavedRstd()),
                    op.getRunningVariance()));
    Value rstd = forRstd.create().getResult(0);

    rewriter.replaceOp(op, {normalize(rewriter, op, op.getRunningMean(), rstd),
                            op.getRunningMean(), op.getRunningVariance(),
                            op.getRunningMean(), rstd});
    return success();
  }

private:
  /// The input with the given statistics, [C], or [T, C] of a sequence.
  static Value normalize(OpBuilder &builder, BatchNormOp op, Value mean,
                         Value rstd) {
    Location loc = op.getLoc();
    RankedTensorType type = getType(op.getInput());
    // [C, 1, ..., 1] or [T, 1, ..., C, 1, ..., 1]: the dimensions in their
    // places.
    int64_t after = -op.getChannelDim() - 1;
    auto align = [&](Value perChannel) -> Value {
      RankedTensorType from = getType(perChannel);
      SmallVector<int64_t> shape(from.getShape());
      SmallVector<ReassociationIndices> groups(1);
      if (from.getRank() == 2) {
        shape.insert(shape.begin() + 1, type.getRank() - after - 2, 1);
        groups.front().push_back(0);
        groups.emplace_back();
      }
      shape.append(after, 1);
      if (static_cast<int64_t>(shape.size()) == from.getRank())
        return perChannel;
      llvm::append_range(groups.back(),
                         llvm::seq<int64_t>(groups.size() - 1, shape.size()));
      return tensor::ExpandShapeOp::create(
          builder, loc, RankedTensorType::get(shape, from.getElementType()),
          perChannel, groups);
    };
    ScanComposer composer(builder, loc, Direction::Step);
    Formula code{composer.getBody(), loc,
                 cast<FloatType>(type.getElementType())};
    Value x = composer.getIn(op.getInput());
    Value centre = composer.getParam(align(mean));
    Value scale = composer.getParam(align(rstd));
    Value gamma = composer.getParam(align(op.getGamma()));
    Value beta = composer.getParam(align(op.getBeta()));
    Value y = code.mul(code.mul(code.sub(x, centre), scale), gamma);
    composer.addOutput(
        code.add(y, beta),
        createEmpty(builder, loc, getType(op.getOutput()), op.getInput()));
    return composer.create().getResult(0);
  }
};

struct ConvertSGD : OpRewritePattern<SGDOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SGDOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ScanComposer composer(rewriter, loc, Direction::Step);
    Formula code{composer.getBody(), loc,
                 cast<FloatType>(getType(op.getParameter()).getElementType())};
    Value d = composer.getIn(op.getGradient());
    Value rate = composer.getParam(op.getLearningRate());
    Value p = composer.addState(op.getParameter());
    Value m;
    if (op.getBuffer())
      m = composer.addState(op.getBuffer());

    double weightDecay = op.getWeightDecay().convertToDouble();
    if (weightDecay != 0.0)
      d = code.add(d, code.mul(code.constant(weightDecay), p));
    if (m) {
      Value momentum = code.constant(op.getMomentum().convertToDouble());
      m = code.add(code.mul(momentum, m), d);
      d = op.getNesterov() ? code.add(d, code.mul(momentum, m)) : m;
      composer.setNext(1, m);
    }
    composer.setNext(0, code.sub(p, code.mul(rate, d)));
    rewriter.replaceOp(op, composer.create());
    return success();
  }
};

struct ConvertAdam : OpRewritePattern<AdamOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AdamOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<FloatType>(getType(op.getParameter()).getElementType());
    double beta1 = op.getBeta1().convertToDouble();
    double beta2 = op.getBeta2().convertToDouble();
    double weightDecay = op.getWeightDecay().convertToDouble();
    bool shrinks = op.getDecoupled() && weightDecay != 0.0;

    // What is the same for all elements: lr / c1, sqrt(c2), 1 - lr * decay.
    ScanComposer common(rewriter, loc, Direction::Step);
    auto addCommon = [&](Value scalar) {
      common.addOutput(scalar, tensor::EmptyOp::create(
                                   rewriter, loc, ArrayRef<int64_t>(), type));
    };
    Formula once{common.getBody(), loc, type};
    Value rate = common.getIn(op.getLearningRate());
    Value step = arith::SIToFPOp::create(common.getBody(), loc, type,
                                         common.getIn(op.getStep()));
    auto correction = [&](double beta) -> Value {
      return arith::NegFOp::create(
          common.getBody(), loc,
          math::ExpM1Op::create(common.getBody(), loc,
                                once.mul(step, once.constant(std::log(beta)))));
    };
    addCommon(once.div(rate, correction(beta1)));
    addCommon(once.sqrt(correction(beta2)));
    if (shrinks)
      addCommon(once.sub(once.constant(1.0),
                         once.mul(rate, once.constant(weightDecay))));
    ScanOp factors = common.create();

    ScanComposer composer(rewriter, loc, Direction::Step);
    Formula code{composer.getBody(), loc, type};
    Value g = composer.getIn(op.getGradient());
    Value scale = composer.getParam(factors.getResult(0));
    Value root = composer.getParam(factors.getResult(1));
    Value p = composer.addState(op.getParameter());
    Value m = composer.addState(op.getFirstMoment());
    Value v = composer.addState(op.getSecondMoment());
    if (shrinks)
      p = code.mul(p, composer.getParam(factors.getResult(2)));
    else if (weightDecay != 0.0)
      g = code.add(g, code.mul(code.constant(weightDecay), p));
    m = code.add(code.mul(code.constant(beta1), m),
                 code.mul(code.constant(1.0 - beta1), g));
    v = code.add(code.mul(code.constant(beta2), v),
                 code.mul(code.constant(1.0 - beta2), code.mul(g, g)));
    Value denominator =
        code.add(code.div(code.sqrt(v), root),
                 code.constant(op.getEpsilon().convertToDouble()));
    p = code.sub(p, code.mul(scale, code.div(m, denominator)));
    const Value updated[] = {p, m, v};
    for (auto [number, next] : llvm::enumerate(updated))
      composer.setNext(number, next);
    rewriter.replaceOp(op, composer.create());
    return success();
  }
};

struct ElementwiseToScanPass
    : rheobase::spiking::impl::ElementwiseToScanPassBase<
          ElementwiseToScanPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateElementwiseToScanPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void rheobase::spiking::populateElementwiseToScanPatterns(
    RewritePatternSet &patterns) {
  patterns.add<ConvertElementwise, ConvertBatchNorm, ConvertSGD, ConvertAdam>(
      patterns.getContext());
}
