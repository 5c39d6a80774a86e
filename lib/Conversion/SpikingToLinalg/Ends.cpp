//===- Ends.cpp - Readouts, losses, metrics, optimizers -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

static Value addTo(ImplicitLocOpBuilder &b, ValueRange ins, Value acc) {
  return arith::AddFOp::create(b, acc, toFloat(b, ins[0], acc.getType()));
}

/// `x > y`, of numbers of the same type.
static Value greater(ImplicitLocOpBuilder &b, Value x, Value y) {
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y);
}

static Value isNonZero(ImplicitLocOpBuilder &b, Value x) {
  Value zero = zeroOf(b, x.getType());
  if (isa<FloatType>(x.getType()))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, x, zero);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, x, zero);
}

/// The index of a loop as an i32.
static Value indexAsI32(ImplicitLocOpBuilder &b, AffineExpr loop) {
  return arith::IndexCastOp::create(b, b.getI32Type(), loopIndex(b, loop));
}

/// One value of `inits` types, elementwise on tensors of rank 0.
static Value
onScalars(ImplicitLocOpBuilder &b, ValueRange ins, Type type,
          function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
  SmallVector<Value> scalars;
  for (Value in : ins)
    scalars.push_back(scalarOf(b, in));
  return tensor::FromElementsOp::create(b, cast<RankedTensorType>(type),
                                        body(b, scalars));
}

/// A sum, of rank 0, divided by the number of its summands.
static Value meanOf(ImplicitLocOpBuilder &b, Value sum, Value count) {
  return onScalars(b, sum, sum.getType(),
                   [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                     return arith::DivFOp::create(b, args[0], count);
                   });
}

/// Adds to `start`, of rank 0, what `add` makes of each element of `tensor`.
static Value
foldAll(ImplicitLocOpBuilder &b, Value tensor, Value start,
        function_ref<Value(ImplicitLocOpBuilder &, ValueRange, Value)> add) {
  Loops loops(b);
  Exprs all =
      loops.reduction(cast<RankedTensorType>(tensor.getType()).getRank());
  return loops.in(tensor, all).out(start, {}).build1(add);
}

namespace {

//===----------------------------------------------------------------------===//
// Readouts
//===----------------------------------------------------------------------===//

/// Loops over a sequence with time innermost: `all` addresses the sequence,
/// `space` a step.
struct SequenceLoops {
  SequenceLoops(Loops &loops, Value sequence)
      : space(loops.parallel(
            cast<RankedTensorType>(sequence.getType()).getRank() - 1)),
        time(loops.reduction()) {
    all.push_back(time);
    all.append(space);
  }
  Exprs space, all;
  AffineExpr time;
};

/// The maximum over time and the step of its first occurrence.
static SmallVector<Value> maxOverTime(ImplicitLocOpBuilder &b, Value sequence,
                                      RankedTensorType type) {
  Sizes sizes = sizesOf(b, sequence);
  sizes.erase(sizes.begin());
  Type element = type.getElementType(), i32 = b.getI32Type();
  Loops loops(b);
  SequenceLoops at(loops, sequence);
  return loops.in(sequence, at.all)
      .out(filled(b, lowestOf(b, element), type, sizes), at.space)
      .out(filled(b, constantInt(b, i32, -1), type.clone(i32), sizes), at.space)
      .build([&](ImplicitLocOpBuilder &b, ValueRange ins, ValueRange outs) {
        Value x = toFloat(b, ins[0], element);
        Value wins = greater(b, x, outs[0]);
        return SmallVector<Value>{
            arith::SelectOp::create(b, wins, x, outs[0]),
            arith::SelectOp::create(b, wins, indexAsI32(b, at.time), outs[1])};
      });
}

struct ConvertReadout : OpRewritePattern<ReadoutOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReadoutOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    Type element = type.getElementType();
    Sizes sizes = sizesOf(b, input);
    sizes.erase(sizes.begin());
    switch (op.getKind()) {
    case Readout::Rate:
    case Readout::Sum: {
      Loops loops(b);
      SequenceLoops at(loops, input);
      Value sums = loops.in(input, at.all)
                       .out(zeros(b, type, sizes), at.space)
                       .build1(addTo);
      if (op.getKind() == Readout::Rate) {
        sums = dividedBy(b, sums, countOf(b, input, {0}, element));
      }
      rewriter.replaceOp(op, sums);
      return success();
    }
    case Readout::Max:
      rewriter.replaceOp(op, maxOverTime(b, input, type)[0]);
      return success();
    case Readout::Last: {
      // A loop over the last step alone, which is none where T is 0.
      Value steps = dimOf(b, input, 0);
      Value one = arith::MinSIOp::create(b, steps, constantIndex(b, 1));
      Sizes sliceSizes = sizesOf(b, input);
      sliceSizes[0] = one;
      Sizes offsets(sliceSizes.size(), b.getIndexAttr(0));
      Sizes strides(sliceSizes.size(), b.getIndexAttr(1));
      offsets[0] = arith::SubIOp::create(b, steps, one).getResult();
      auto inputType = cast<RankedTensorType>(input.getType());
      SmallVector<int64_t> shape(inputType.getShape());
      shape[0] = ShapedType::kDynamic;
      Value last = tensor::ExtractSliceOp::create(
          b, inputType.clone(shape), input, offsets, sliceSizes, strides);
      Loops loops(b);
      SequenceLoops at(loops, last);
      rewriter.replaceOp(
          op, loops.in(last, at.all)
                  .out(zeros(b, type, sizes), at.space)
                  .build1([&](ImplicitLocOpBuilder &b, ValueRange ins, Value) {
                    return toFloat(b, ins[0], element);
                  }));
      return success();
    }
    case Readout::FirstSpike: {
      Value steps = countOf(b, input, {0}, element);
      Loops loops(b);
      SequenceLoops at(loops, input);
      rewriter.replaceOp(
          op, loops.in(input, at.all)
                  .out(filled(b, steps, type, sizes), at.space)
                  .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                              Value first) -> Value {
                    Value none = arith::CmpFOp::create(
                        b, arith::CmpFPredicate::OEQ, first, steps);
                    Value now =
                        arith::AndIOp::create(b, none, isNonZero(b, ins[0]));
                    return arith::SelectOp::create(
                        b, now, indexToFloat(b, loopIndex(b, at.time), element),
                        first);
                  }));
      return success();
    }
    }
    llvm_unreachable("all readouts are handled");
  }
};

struct ConvertReadoutMaxGradient : OpRewritePattern<ReadoutMaxGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReadoutMaxGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    auto stepType = cast<RankedTensorType>(op.getGradient().getType());
    Type element = stepType.getElementType();
    auto inputType = cast<RankedTensorType>(input.getType());
    // Spikes are compared as numbers.
    RankedTensorType maxType = stepType.clone(
        isa<FloatType>(inputType.getElementType()) ? inputType.getElementType()
                                                   : element);
    Value position = maxOverTime(b, input, maxType)[1];
    Loops loops(b);
    Exprs all = loops.parallel(inputType.getRank());
    Exprs space(ArrayRef(all).drop_front());
    rewriter.replaceOp(op, loops.in(position, space)
                               .in(op.getGradient(), space)
                               .out(emptyLike(b, input, element), all)
                               .build1([&](ImplicitLocOpBuilder &b,
                                           ValueRange ins, Value) -> Value {
                                 Value here = arith::CmpIOp::create(
                                     b, arith::CmpIPredicate::eq, ins[0],
                                     indexAsI32(b, all[0]));
                                 return arith::SelectOp::create(
                                     b, here, ins[1], zeroOf(b, element));
                               }));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Losses and metrics
//===----------------------------------------------------------------------===//

/// A value for each sample: the maximum of its logits, and the sum of
/// exp(logit - maximum).
struct Softmax {
  Softmax(ImplicitLocOpBuilder &b, Value logits) {
    auto type = cast<RankedTensorType>(logits.getType());
    Type element = type.getElementType();
    auto perSample = type.clone(type.getShape().take_front(1));
    Sizes batch{sizeOf(b, logits, 0)};
    {
      Loops loops(b);
      AffineExpr sample = loops.parallel(), c = loops.reduction();
      maximum =
          loops.in(logits, {sample, c})
              .out(filled(b, lowestOf(b, element), perSample, batch), sample)
              .build1([](ImplicitLocOpBuilder &b, ValueRange ins,
                         Value best) -> Value {
                return arith::SelectOp::create(b, greater(b, ins[0], best),
                                               ins[0], best);
              });
    }
    Loops loops(b);
    AffineExpr sample = loops.parallel(), c = loops.reduction();
    sum = loops.in(logits, {sample, c})
              .in(maximum, sample)
              .out(zeros(b, perSample, batch), sample)
              .build1([](ImplicitLocOpBuilder &b, ValueRange ins,
                         Value acc) -> Value {
                return arith::AddFOp::create(b, acc,
                                             exponential(b, ins[0], ins[1]));
              });
  }

  static Value exponential(ImplicitLocOpBuilder &b, Value logit,
                           Value maximum) {
    Value difference = arith::SubFOp::create(b, logit, maximum);
    return math::ExpOp::create(b, difference);
  }

  Value maximum, sum;
};

/// Whether loop `c` is at the class of `label`.
static Value isClass(ImplicitLocOpBuilder &b, AffineExpr c, Value label) {
  return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, label,
                               indexAsI32(b, c));
}

struct ConvertCrossEntropy : OpRewritePattern<CrossEntropyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CrossEntropyOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value logits = op.getLogits();
    auto type = cast<RankedTensorType>(logits.getType());
    Type element = type.getElementType();
    Softmax softmax(b, logits);

    Value selected;
    {
      Loops loops(b);
      AffineExpr sample = loops.parallel(), c = loops.reduction();
      selected = loops.in(logits, {sample, c})
                     .in(op.getLabels(), sample)
                     .out(zeros(b, type.clone(type.getShape().take_front(1)),
                                {sizeOf(b, logits, 0)}),
                          sample)
                     .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                                 Value other) -> Value {
                       return arith::SelectOp::create(b, isClass(b, c, ins[1]),
                                                      ins[0], other);
                     });
    }
    Loops loops(b);
    AffineExpr sample = loops.reduction();
    Value sum = loops.in(softmax.sum, sample)
                    .in(softmax.maximum, sample)
                    .in(selected, sample)
                    .out(zeros(b, op.getLoss().getType(), {}), {})
                    .build1([](ImplicitLocOpBuilder &b, ValueRange ins,
                               Value acc) -> Value {
                      Value log = math::LogOp::create(b, ins[0]);
                      Value shifted = arith::AddFOp::create(b, log, ins[1]);
                      Value loss = arith::SubFOp::create(b, shifted, ins[2]);
                      return arith::AddFOp::create(b, acc, loss);
                    });
    rewriter.replaceOp(op, meanOf(b, sum, countOf(b, logits, {0}, element)));
    return success();
  }
};

struct ConvertCrossEntropyGradient : OpRewritePattern<CrossEntropyGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CrossEntropyGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value logits = op.getLogits();
    Type element = getElementTypeOrSelf(logits);
    Softmax softmax(b, logits);
    Value scale = arith::DivFOp::create(b, scalarOf(b, op.getGradient()),
                                        countOf(b, logits, {0}, element));
    Loops loops(b);
    AffineExpr sample = loops.parallel(), c = loops.parallel();
    rewriter.replaceOp(
        op, loops.in(logits, {sample, c})
                .in(softmax.maximum, sample)
                .in(softmax.sum, sample)
                .in(op.getLabels(), sample)
                .out(emptyLike(b, logits, element), {sample, c})
                .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                            Value) -> Value {
                  Value share = arith::DivFOp::create(
                      b, Softmax::exponential(b, ins[0], ins[1]), ins[2]);
                  Value target = arith::UIToFPOp::create(b, element,
                                                         isClass(b, c, ins[3]));
                  Value error = arith::SubFOp::create(b, share, target);
                  return arith::MulFOp::create(b, error, scale);
                }));
    return success();
  }
};

struct ConvertMeanSquaredError : OpRewritePattern<MeanSquaredErrorOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MeanSquaredErrorOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value prediction = op.getPrediction();
    auto type = cast<RankedTensorType>(prediction.getType());
    Loops loops(b);
    Exprs all = loops.reduction(type.getRank());
    Value sum = loops.in(prediction, all)
                    .in(op.getTarget(), all)
                    .out(zeros(b, op.getLoss().getType(), {}), {})
                    .build1([](ImplicitLocOpBuilder &b, ValueRange ins,
                               Value acc) -> Value {
                      Value error = arith::SubFOp::create(b, ins[0], ins[1]);
                      Value square = arith::MulFOp::create(b, error, error);
                      return arith::AddFOp::create(b, acc, square);
                    });
    Value count =
        countOf(b, prediction, llvm::to_vector(llvm::seq(type.getRank())),
                type.getElementType());
    rewriter.replaceOp(op, meanOf(b, sum, count));
    return success();
  }
};

struct ConvertCountTarget : OpRewritePattern<CountTargetOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CountTargetOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getCounts().getType());
    Type element = type.getElementType();
    Value steps = indexToFloat(b, op.getSteps(), element);
    auto count = [&](const APFloat &rate) -> Value {
      return arith::MulFOp::create(
          b, steps, constantFloat(b, element, rate.convertToDouble()));
    };
    Value correct = count(op.getCorrectRate());
    Value incorrect = count(op.getIncorrectRate());
    Loops loops(b);
    AffineExpr sample = loops.parallel(), c = loops.parallel();
    rewriter.replaceOp(op,
                       loops.in(op.getLabels(), sample)
                           .out(emptyOf(b, type,
                                        {sizeOf(b, op.getLabels(), 0),
                                         b.getIndexAttr(type.getDimSize(1))}),
                                {sample, c})
                           .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                                       Value) -> Value {
                             return arith::SelectOp::create(
                                 b, isClass(b, c, ins[0]), correct, incorrect);
                           }));
    return success();
  }
};

struct ConvertCountCorrect : OpRewritePattern<CountCorrectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CountCorrectOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value logits = op.getLogits();
    auto type = cast<RankedTensorType>(logits.getType());
    Type element = type.getElementType(), i32 = b.getI32Type();
    auto perSample = type.clone(type.getShape().take_front(1));
    Sizes batch{sizeOf(b, logits, 0)};
    Value position;
    {
      Loops loops(b);
      AffineExpr sample = loops.parallel(), c = loops.reduction();
      position =
          loops.in(logits, {sample, c})
              .out(filled(b, lowestOf(b, element), perSample, batch), sample)
              .out(filled(b, constantInt(b, i32, -1), perSample.clone(i32),
                          batch),
                   sample)
              .build([&](ImplicitLocOpBuilder &b, ValueRange ins,
                         ValueRange outs) {
                Value wins = greater(b, ins[0], outs[0]);
                return SmallVector<Value>{
                    arith::SelectOp::create(b, wins, ins[0], outs[0]),
                    arith::SelectOp::create(b, wins, indexAsI32(b, c),
                                            outs[1])};
              })[1];
    }
    Loops loops(b);
    AffineExpr sample = loops.reduction();
    rewriter.replaceOp(op,
                       loops.in(position, sample)
                           .in(op.getLabels(), sample)
                           .out(zeros(b, op.getCount().getType(), {}), {})
                           .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                                       Value count) -> Value {
                             Value hit = arith::CmpIOp::create(
                                 b, arith::CmpIPredicate::eq, ins[0], ins[1]);
                             return arith::AddIOp::create(
                                 b, count, arith::ExtUIOp::create(b, i32, hit));
                           }));
    return success();
  }
};

/// The numbers of spikes of a train, as i32, for each step, sample and channel
/// (of two-dimensional trains, the spikes themselves): vectors of channels, and
/// samples apart.
static Value countSpikes(ImplicitLocOpBuilder &b, Value train) {
  // Where they are made, as long as they are in the cache.
  OpBuilder::InsertionGuard guard(b);
  if (Operation *def = train.getDefiningOp();
      def && def->getBlock() == b.getInsertionBlock())
    b.setInsertionPointAfter(def);
  auto type = cast<RankedTensorType>(train.getType());
  SmallVector<int64_t> kept;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getRank() <= 3 || dim < 2 || dim == type.getRank() - 1)
      kept.push_back(dim);
  // The steps of a layer without dimensions of space.
  if (type.getRank() == 3)
    kept.erase(kept.begin());
  auto i32 = b.getI32Type();
  SmallVector<int64_t> shape;
  Loops loops(b);
  Exprs all, counts;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    bool isKept = llvm::is_contained(kept, dim);
    all.push_back(isKept ? loops.parallel() : loops.reduction());
    if (!isKept)
      continue;
    counts.push_back(all.back());
    shape.push_back(type.getDimSize(dim));
  }
  return loops.in(train, all)
      .out(zeros(b, RankedTensorType::get(shape, i32), sizesOf(b, train, kept)),
           counts)
      .build1([&](ImplicitLocOpBuilder &b, ValueRange ins, Value acc) -> Value {
        Value one = arith::ExtUIOp::create(b, i32, isNonZero(b, ins[0]));
        return arith::AddIOp::create(b, acc, one);
      });
}

struct ConvertSpikeRate : OpRewritePattern<SpikeRateOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SpikeRateOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto i64 = b.getI64Type();
    auto count = RankedTensorType::get({}, i64);
    Value spikes = zeros(b, count, {});
    Value entries = constantIndex(b, 0);
    for (Value train : op.getSpikes()) {
      spikes = foldAll(
          b, countSpikes(b, train), spikes,
          [&](ImplicitLocOpBuilder &b, ValueRange ins, Value acc) -> Value {
            Value count = arith::ExtUIOp::create(b, i64, ins[0]);
            return arith::AddIOp::create(b, acc, count);
          });
      Value size = constantIndex(b, 1);
      for (OpFoldResult extent : sizesOf(b, train))
        size = arith::MulIOp::create(b, size, asIndex(b, extent));
      entries = arith::AddIOp::create(b, entries, size);
    }
    rewriter.replaceOp(
        op, onScalars(b, spikes, op.getRate().getType(),
                      [&](ImplicitLocOpBuilder &b, ValueRange args) -> Value {
                        // 0 / 1 where there are no entries.
                        Value one = constantIndex(b, 1);
                        Value size = arith::MaxSIOp::create(b, entries, one);
                        Type f32 = b.getF32Type();
                        Value number = arith::SIToFPOp::create(b, f32, args[0]);
                        return arith::DivFOp::create(
                            b, number, indexToFloat(b, size, f32));
                      }));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

struct ConvertSGD : OpRewritePattern<SGDOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SGDOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    double momentum = op.getMomentum().convertToDouble();
    double weightDecay = op.getWeightDecay().convertToDouble();
    SmallVector<Value> updated{op.getParameter()};
    if (op.getBuffer())
      updated.push_back(op.getBuffer());
    rewriter.replaceOp(
        op,
        elementwise(
            b, op.getGradient(), op.getLearningRate(), {}, updated,
            [&](ImplicitLocOpBuilder &b, ValueRange args) {
              Type type = args[0].getType();
              Value d = args[0], rate = args[1], p = args[2];
              auto times = [&](double factor, Value x) -> Value {
                return arith::MulFOp::create(b, constantFloat(b, type, factor),
                                             x);
              };
              if (weightDecay != 0.0)
                d = arith::AddFOp::create(b, d, times(weightDecay, p));
              SmallVector<Value> results(1);
              if (op.getBuffer()) {
                Value m = arith::AddFOp::create(b, times(momentum, args[3]), d);
                d = op.getNesterov()
                        ? Value(arith::AddFOp::create(b, d, times(momentum, m)))
                        : m;
                results.push_back(m);
              }
              Value change = arith::MulFOp::create(b, rate, d);
              results[0] = arith::SubFOp::create(b, p, change);
              return results;
            }));
    return success();
  }
};

struct ConvertAdam : OpRewritePattern<AdamOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AdamOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type type = getElementTypeOrSelf(op.getParameter());
    double beta1 = op.getBeta1().convertToDouble();
    double beta2 = op.getBeta2().convertToDouble();
    double epsilon = op.getEpsilon().convertToDouble();
    double weightDecay = op.getWeightDecay().convertToDouble();

    // What does not depend on the element is computed once.
    Value rate = scalarOf(b, op.getLearningRate());
    Value step = arith::SIToFPOp::create(b, type, scalarOf(b, op.getStep()));
    auto correction = [&](double beta) -> Value {
      Value exponent = arith::MulFOp::create(
          b, step, constantFloat(b, type, std::log(beta)));
      return arith::NegFOp::create(b, math::ExpM1Op::create(b, exponent));
    };
    Value scale = arith::DivFOp::create(b, rate, correction(beta1));
    Value root = math::SqrtOp::create(b, correction(beta2));
    Value kept;
    if (op.getDecoupled() && weightDecay != 0.0) {
      Value lost =
          arith::MulFOp::create(b, rate, constantFloat(b, type, weightDecay));
      kept = arith::SubFOp::create(b, constantFloat(b, type, 1.0), lost);
    }

    rewriter.replaceOp(
        op, elementwise(
                b, op.getGradient(), {}, {},
                {op.getParameter(), op.getFirstMoment(), op.getSecondMoment()},
                [&](ImplicitLocOpBuilder &b, ValueRange args) {
                  Value g = args[0], p = args[1];
                  auto times = [&](double factor, Value x) -> Value {
                    return arith::MulFOp::create(
                        b, constantFloat(b, type, factor), x);
                  };
                  if (kept)
                    p = arith::MulFOp::create(b, p, kept);
                  else if (weightDecay != 0.0)
                    g = arith::AddFOp::create(b, g, times(weightDecay, p));
                  Value m = arith::AddFOp::create(b, times(beta1, args[2]),
                                                  times(1.0 - beta1, g));
                  Value square = arith::MulFOp::create(b, g, g);
                  Value v = arith::AddFOp::create(b, times(beta2, args[3]),
                                                  times(1.0 - beta2, square));
                  Value deviation = arith::DivFOp::create(
                      b, math::SqrtOp::create(b, v), root);
                  Value denominator = arith::AddFOp::create(
                      b, deviation, constantFloat(b, type, epsilon));
                  Value quotient = arith::DivFOp::create(b, m, denominator);
                  Value change = arith::MulFOp::create(b, scale, quotient);
                  return SmallVector<Value>{arith::SubFOp::create(b, p, change),
                                            m, v};
                }));
    return success();
  }
};

struct ConvertClipGradients : OpRewritePattern<ClipGradientsOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ClipGradientsOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    if (op.getGradients().empty()) {
      rewriter.eraseOp(op);
      return success();
    }
    Type type = getElementTypeOrSelf(op.getGradients().front());
    Value sum = zeros(b, RankedTensorType::get({}, type), {});
    for (Value gradient : op.getGradients())
      sum = foldAll(
          b, gradient, sum,
          [](ImplicitLocOpBuilder &b, ValueRange ins, Value acc) -> Value {
            Value square = arith::MulFOp::create(b, ins[0], ins[0]);
            return arith::AddFOp::create(b, acc, square);
          });
    Value norm = math::SqrtOp::create(b, scalarOf(b, sum));
    Value bound = arith::DivFOp::create(
        b, constantFloat(b, type, op.getMaxNorm().convertToDouble()),
        arith::AddFOp::create(
            b, norm,
            constantFloat(b, type, op.getEpsilon().convertToDouble())));
    // A bound that is not a number is kept, so that it is seen.
    Value one = constantFloat(b, type, 1.0);
    Value factor =
        arith::SelectOp::create(b, greater(b, bound, one), one, bound);
    SmallVector<Value> results;
    for (Value gradient : op.getGradients())
      results.push_back(
          elementwise(b, {}, {}, {}, gradient,
                      [&](ImplicitLocOpBuilder &b, ValueRange args) {
                        return SmallVector<Value>{
                            arith::MulFOp::create(b, args[0], factor)};
                      })
              .front());
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void rheobase::populateEndPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertReadout, ConvertReadoutMaxGradient, ConvertCrossEntropy,
               ConvertCrossEntropyGradient, ConvertMeanSquaredError,
               ConvertCountTarget, ConvertCountCorrect, ConvertSGD, ConvertAdam,
               ConvertClipGradients>(patterns.getContext());
  populateSpikeRatePatterns(patterns);
}

void rheobase::populateSpikeRatePatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertSpikeRate>(patterns.getContext());
}
