//===- Norms.cpp - Batch normalization ------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

namespace {

/// Which dimensions of an input statistics are about, and which they range
/// over.
struct StatisticsRange {
  template <typename Op> explicit StatisticsRange(Op op) {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    rank = type.getRank();
    channel = rank + op.getChannelDim();
    perStep = op.getSequence() && op.getStatistics() == Statistics::PerStep &&
              op.getMode() == Mode::Train;
    for (int64_t dim = 0; dim < rank; ++dim)
      if ((perStep && dim == 0) || dim == channel)
        kept.push_back(dim);
      else
        reduced.push_back(dim);
    first = reduced;
    if (reduced.size() > 2)
      first.erase(first.begin(), first.begin() + 2);
  }

  /// The type and sizes of statistics of `input`: [C], or [T, C].
  RankedTensorType type(Value input) const {
    auto from = cast<RankedTensorType>(input.getType());
    SmallVector<int64_t> shape;
    for (int64_t dim : kept)
      shape.push_back(from.getDimSize(dim));
    return RankedTensorType::get(shape, from.getElementType());
  }
  Sizes sizes(ImplicitLocOpBuilder &b, Value input) const {
    return sizesOf(b, input, kept);
  }

  /// A sum for each statistic, in one or two stages: `summand` gets the scalars
  /// of `inputs` and `others` (statistics).
  SmallVector<Value>
  sums(ImplicitLocOpBuilder &b, ValueRange inputs, ValueRange others, int count,
       function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)>
           summands) const {
    SmallVector<int64_t> left;
    for (int64_t dim = 0; dim < rank; ++dim)
      if (!llvm::is_contained(first, dim))
        left.push_back(dim);
    auto input = cast<RankedTensorType>(inputs[0].getType());
    SmallVector<int64_t> shape;
    for (int64_t dim : left)
      shape.push_back(input.getDimSize(dim));
    auto partialType = RankedTensorType::get(shape, input.getElementType());
    Sizes partialSizes = sizesOf(b, inputs[0], left);

    Loops loops(b);
    Exprs all, statistic, partial;
    for (int64_t dim = 0; dim < rank; ++dim)
      all.push_back(llvm::is_contained(first, dim) ? loops.reduction()
                                                   : loops.parallel());
    for (int64_t dim : kept)
      statistic.push_back(all[dim]);
    for (int64_t dim : left)
      partial.push_back(all[dim]);
    for (Value image : inputs)
      loops.in(image, all);
    for (Value other : others)
      loops.in(other, statistic);
    for (int i = 0; i < count; ++i)
      loops.out(zeros(b, partialType, partialSizes), partial);
    SmallVector<Value> partials = loops.build(
        [&](ImplicitLocOpBuilder &b, ValueRange ins, ValueRange accs) {
          SmallVector<Value> values = summands(b, ins);
          for (auto [value, acc] : llvm::zip_equal(values, accs))
            value = arith::AddFOp::create(b, acc, value);
          return values;
        });
    if (first.size() == reduced.size())
      return partials;

    SmallVector<Value> totals;
    for (Value values : partials) {
      Loops over(b);
      Exprs each, total;
      for (int64_t dim : left) {
        bool isKept = llvm::is_contained(kept, dim);
        each.push_back(isKept ? over.parallel() : over.reduction());
        if (isKept)
          total.push_back(each.back());
      }
      totals.push_back(
          over.in(values, each)
              .out(zeros(b, type(inputs[0]), sizes(b, inputs[0])), total)
              .build1([](ImplicitLocOpBuilder &b, ValueRange ins,
                         Value acc) -> Value {
                return arith::AddFOp::create(b, acc, ins[0]);
              }));
    }
    return totals;
  }

  /// A statistic, or a value for each channel, as a parameter of elementwise
  /// computations on the input.
  Value asParameter(ImplicitLocOpBuilder &b, Value values) const {
    if (cast<RankedTensorType>(values.getType()).getRank() == 1)
      return spread(b, values, rank - channel, {0});
    return spread(b, values, rank, {0, channel});
  }

  int64_t rank, channel;
  bool perStep;
  SmallVector<int64_t> kept, reduced;
  /// Those of the reduced dimensions that the first chains run over; the second
  /// ones run over the others.
  SmallVector<int64_t> first;
};

/// (x - mean) * rstd
static Value normalize(ImplicitLocOpBuilder &b, Value x, Value mean,
                       Value rstd) {
  Value centred = arith::SubFOp::create(b, x, mean);
  return arith::MulFOp::create(b, centred, rstd);
}

static Value reciprocalRoot(ImplicitLocOpBuilder &b, Value variance,
                            double epsilon) {
  Type type = variance.getType();
  Value sum =
      arith::AddFOp::create(b, variance, constantFloat(b, type, epsilon));
  Value root = math::SqrtOp::create(b, sum);
  return arith::DivFOp::create(b, constantFloat(b, type, 1.0), root);
}

struct ConvertBatchNorm : OpRewritePattern<BatchNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BatchNormOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    StatisticsRange over(op);
    Value input = op.getInput();
    Type element = getElementTypeOrSelf(input);
    double epsilon = op.getEpsilon().convertToDouble();

    Value mean, rstd;
    Value runningMean = op.getRunningMean();
    Value runningVariance = op.getRunningVariance();
    Value newMean = runningMean, newVariance = runningVariance;
    auto toRstd = [&](Value variance) {
      return elementwise(b, variance, {}, emptyLike(b, variance, element), {},
                         [&](ImplicitLocOpBuilder &b, ValueRange args) {
                           return SmallVector<Value>{
                               reciprocalRoot(b, args[0], epsilon)};
                         })
          .front();
    };
    if (op.getMode() == Mode::Train) {
      Value count = countOf(b, input, over.reduced, element);
      mean = dividedBy(b,
                       over.sums(b, input, {}, 1,
                                 [](ImplicitLocOpBuilder &, ValueRange ins) {
                                   return SmallVector<Value>{ins[0]};
                                 })
                           .front(),
                       count);
      Value variance =
          dividedBy(b,
                    over.sums(b, input, mean, 1,
                              [](ImplicitLocOpBuilder &b, ValueRange ins) {
                                Value centred =
                                    arith::SubFOp::create(b, ins[0], ins[1]);
                                return SmallVector<Value>{
                                    arith::MulFOp::create(b, centred, centred)};
                              })
                        .front(),
                    count);
      rstd = toRstd(variance);

      // Running statistics move with every step.
      double momentum = op.getMomentum().convertToDouble();
      bool merged = op.getStatistics() == Statistics::Merged;
      Value all = op.getTimes() && merged
                      ? countOf(b, input, over.reduced, element, op.getTimes())
                      : count;
      Value less =
          arith::SubFOp::create(b, all, constantFloat(b, element, 1.0));
      Value unbiased = arith::DivFOp::create(b, all, less);
      // An input that stands for several steps moves them as often; nothing
      // reads the sequence that says so.
      bool repeated = op.getTimes() && !merged;
      SmallVector<Value> ins{mean, variance}, params;
      if (repeated) {
        std::swap(ins, params);
        ins.push_back(
            emptyOf(b, RankedTensorType::get({ShapedType::kDynamic}, element),
                    {op.getTimes()}));
      }
      auto scan = ScanOp::create(
          b, over.perStep || repeated ? Direction::Forward : Direction::Step,
          ins, params, ValueRange{}, ValueRange{runningMean, runningVariance});
      Block &body = scan.getBody().front();
      Block::BlockArgListType arguments =
          body.getArguments().drop_front(repeated ? 1 : 0);
      ImplicitLocOpBuilder inner(b.getLoc(), rewriter);
      inner.setInsertionPointToEnd(&body);
      auto moved = [&](Value running, Value to) -> Value {
        Value kept = arith::MulFOp::create(
            inner, constantFloat(inner, element, 1.0 - momentum), running);
        Value added = arith::MulFOp::create(
            inner, constantFloat(inner, element, momentum), to);
        return arith::AddFOp::create(inner, kept, added);
      };
      Value unbiasedVariance =
          arith::MulFOp::create(inner, arguments[1], unbiased);
      YieldOp::create(inner, ValueRange{},
                      ValueRange{moved(arguments[2], arguments[0]),
                                 moved(arguments[3], unbiasedVariance)});
      passCaptured(b, scan);
      newMean = scan.getStateResults()[0];
      newVariance = scan.getStateResults()[1];
    } else {
      mean = runningMean;
      rstd = toRstd(runningVariance);
    }

    // Where scans normalize, nothing else does.
    if (op.getOutput().use_empty()) {
      rewriter.replaceOp(op, {input, newMean, newVariance, mean, rstd});
      return success();
    }
    Value output =
        elementwise(b, input,
                    {over.asParameter(b, mean), over.asParameter(b, rstd),
                     over.asParameter(b, op.getGamma()),
                     over.asParameter(b, op.getBeta())},
                    emptyLike(b, input, element), {},
                    [](ImplicitLocOpBuilder &b, ValueRange args) {
                      Value normal = normalize(b, args[0], args[1], args[2]);
                      Value scaled = arith::MulFOp::create(b, normal, args[3]);
                      return SmallVector<Value>{
                          arith::AddFOp::create(b, scaled, args[4])};
                    })
            .front();
    rewriter.replaceOp(op, {output, newMean, newVariance, mean, rstd});
    return success();
  }
};

struct ConvertBatchNormGradient : OpRewritePattern<BatchNormGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BatchNormGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    StatisticsRange over(op);
    Value input = op.getInput(), gradient = op.getGradient();
    Value mean = op.getSavedMean(), rstd = op.getSavedRstd();
    Type element = getElementTypeOrSelf(input);

    SmallVector<Value> sums =
        over.sums(b, {input, gradient}, {mean, rstd}, 2,
                  [](ImplicitLocOpBuilder &b, ValueRange ins) {
                    Value normal = normalize(b, ins[0], ins[2], ins[3]);
                    return SmallVector<Value>{
                        ins[1], arith::MulFOp::create(b, ins[1], normal)};
                  });
    // Over the steps, where there is a sum for each.
    auto overSteps = [&](Value values) -> Value {
      auto type = cast<RankedTensorType>(values.getType());
      if (type.getRank() == 1)
        return values;
      Loops loops(b);
      AffineExpr step = loops.reduction(), channel = loops.parallel();
      return loops.in(values, {step, channel})
          .out(zeros(b, type.clone(type.getShape().drop_front()),
                     sizeOf(b, values, 1)),
               channel)
          .build1(
              [](ImplicitLocOpBuilder &b, ValueRange ins, Value acc) -> Value {
                return arith::AddFOp::create(b, acc, ins[0]);
              });
    };

    // What is the same for all elements of a channel is computed once.
    Value scale =
        elementwise(b, rstd, op.getGamma(), emptyLike(b, rstd, element), {},
                    [](ImplicitLocOpBuilder &b, ValueRange args) {
                      return SmallVector<Value>{
                          arith::MulFOp::create(b, args[1], args[0])};
                    })
            .front();
    Value inputGradient;
    if (op.getMode() == Mode::Train) {
      Value count = countOf(b, input, over.reduced, element);
      SmallVector<Value> parameters{scale, mean, rstd,
                                    dividedBy(b, sums[0], count),
                                    dividedBy(b, sums[1], count)};
      for (Value &value : parameters)
        value = over.asParameter(b, value);
      inputGradient =
          elementwise(b, {input, gradient}, parameters,
                      emptyLike(b, input, element), {},
                      [](ImplicitLocOpBuilder &b, ValueRange args) {
                        Value x = args[0], g = args[1], scale = args[2];
                        Value normal = normalize(b, x, args[3], args[4]);
                        Value centred = arith::SubFOp::create(b, g, args[5]);
                        Value along = arith::MulFOp::create(b, normal, args[6]);
                        Value rest = arith::SubFOp::create(b, centred, along);
                        return SmallVector<Value>{
                            arith::MulFOp::create(b, scale, rest)};
                      })
              .front();
    } else {
      inputGradient =
          elementwise(b, gradient, over.asParameter(b, scale),
                      emptyLike(b, input, element), {},
                      [](ImplicitLocOpBuilder &b, ValueRange args) {
                        return SmallVector<Value>{
                            arith::MulFOp::create(b, args[1], args[0])};
                      })
              .front();
    }
    rewriter.replaceOp(op,
                       {inputGradient, overSteps(sums[1]), overSteps(sums[0])});
    return success();
  }
};

} // namespace

void rheobase::populateNormPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertBatchNorm, ConvertBatchNormGradient>(
      patterns.getContext());
}
