//===- Random.cpp - Encoders and dropout ----------------------------------===//
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

/// The number, modulo 2^32, of the element at `loops` in a row-major order with
/// `sizes`.
static Value elementNumber(ImplicitLocOpBuilder &b, ArrayRef<AffineExpr> loops,
                           ArrayRef<Value> sizes) {
  Value number = constantIndex(b, 0);
  for (auto [loop, size] : llvm::zip_equal(loops, sizes)) {
    Value row = arith::MulIOp::create(b, number, size);
    number = arith::AddIOp::create(b, row, loopIndex(b, loop));
  }
  return arith::IndexCastOp::create(b, b.getI32Type(), number);
}

static Value asI32(ImplicitLocOpBuilder &b, Value index) {
  return arith::IndexCastOp::create(b, b.getI32Type(), index);
}

/// The uniform number of an element; `sample` is the batch's loop, `elements`
/// the ones after it. The step is an i32.
static Value uniformAt(ImplicitLocOpBuilder &b, Value seed, int64_t id,
                       Value step, AffineExpr sample,
                       ArrayRef<AffineExpr> elements, ArrayRef<Value> sizes) {
  Value element = elementNumber(b, elements, sizes);
  Value word = philox(b, seed, element, asI32(b, loopIndex(b, sample)), step,
                      constantInt(b, b.getI32Type(), int32_t(id)));
  return uniform(b, word);
}

/// `uniform < bound`, where the bound may be of any float type: compared in the
/// wider type, so that no rounding decides.
static Value isBelow(ImplicitLocOpBuilder &b, Value number, Value bound) {
  Type wide = bound.getType().isF64() ? bound.getType() : number.getType();
  return arith::CmpFOp::create(b, arith::CmpFPredicate::OLT,
                               toFloat(b, number, wide),
                               toFloat(b, bound, wide));
}

/// The sizes of the dimensions after the batch's, as index values.
static SmallVector<Value> elementSizes(ImplicitLocOpBuilder &b, Value tensor,
                                       int64_t batchDim) {
  SmallVector<Value> sizes;
  for (int64_t dim = batchDim + 1,
               rank = cast<RankedTensorType>(tensor.getType()).getRank();
       dim < rank; ++dim)
    sizes.push_back(dimOf(b, tensor, dim));
  return sizes;
}

namespace {

struct ConvertPoisson : OpRewritePattern<PoissonOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PoissonOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    Value seed = scalarOf(b, op.getSeed());
    Value fixedStep = op.getStep() ? asI32(b, op.getStep()) : Value();
    SmallVector<Value> extents = elementSizes(b, input, 0);
    Sizes sizes = sizesOf(b, input);
    Loops loops(b);
    Exprs all;
    if (op.getTimes()) {
      sizes.insert(sizes.begin(), OpFoldResult(op.getTimes()));
      all.push_back(loops.parallel());
    }
    Exprs step =
        loops.parallel(cast<RankedTensorType>(input.getType()).getRank());
    all.append(step);
    rewriter.replaceOp(
        op,
        loops.in(input, step)
            .out(emptyOf(b, op.getSpikes().getType(), sizes), all)
            .build1([&](ImplicitLocOpBuilder &b, ValueRange ins, Value) {
              Value t = fixedStep ? fixedStep : asI32(b, loopIndex(b, all[0]));
              Value number = uniformAt(b, seed, op.getId(), t, step[0],
                                       ArrayRef(step).drop_front(), extents);
              return isBelow(b, number, ins[0]);
            }));
    return success();
  }
};

struct ConvertDropout : OpRewritePattern<DropoutOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DropoutOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getMode() == Mode::Inference) {
      rewriter.replaceOp(op, op.getInput());
      return success();
    }
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    Type element = getElementTypeOrSelf(input);
    Value seed = scalarOf(b, op.getSeed());
    double p = op.getP().convertToDouble();
    bool fixed = op.getMaskTime() == MaskTime::Fixed;
    bool sequence = op.getSequence();
    Value step = constantInt(b, b.getI32Type(), 0);
    if (op.getStep() && !fixed)
      step = asI32(b, op.getStep());
    SmallVector<Value> extents = elementSizes(b, input, sequence);

    Loops loops(b);
    Exprs all =
        loops.parallel(cast<RankedTensorType>(input.getType()).getRank());
    rewriter.replaceOp(
        op, loops.in(input, all)
                .out(emptyLike(b, input, element), all)
                .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                            Value) -> Value {
                  Value t = step;
                  if (sequence && !fixed)
                    t = asI32(b, loopIndex(b, all[0]));
                  Value number = uniformAt(
                      b, seed, op.getId(), t, all[sequence],
                      ArrayRef(all).drop_front(sequence + 1), extents);
                  Value dropped =
                      isBelow(b, number, constantFloat(b, b.getF64Type(), p));
                  Value scaled = arith::MulFOp::create(
                      b, ins[0], constantFloat(b, element, 1.0 / (1.0 - p)));
                  return arith::SelectOp::create(b, dropped, zeroOf(b, element),
                                                 scaled);
                }));
    return success();
  }
};

struct ConvertLatency : OpRewritePattern<LatencyOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LatencyOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    Type element = getElementTypeOrSelf(input);
    double threshold = op.getThreshold().convertToDouble();
    Value last = arith::SubIOp::create(b, op.getTimes(), constantIndex(b, 1));
    last = indexToFloat(b, last, element);
    Sizes sizes = sizesOf(b, input);
    sizes.insert(sizes.begin(), OpFoldResult(op.getTimes()));

    Loops loops(b);
    Exprs all = loops.parallel(sizes.size());
    rewriter.replaceOp(
        op, loops.in(input, ArrayRef(all).drop_front())
                .out(emptyOf(b, op.getSpikes().getType(), sizes), all)
                .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                            Value) -> Value {
                  Value x = ins[0];
                  Value zero = zeroOf(b, element);
                  Value one = constantFloat(b, element, 1.0);
                  auto select = [&](arith::CmpFPredicate predicate, Value lhs,
                                    Value rhs) -> Value {
                    Value holds = arith::CmpFOp::create(b, predicate, lhs, rhs);
                    return arith::SelectOp::create(b, holds, lhs, rhs);
                  };
                  Value clipped = select(arith::CmpFPredicate::OGT, x, zero);
                  clipped = select(arith::CmpFPredicate::OLT, clipped, one);
                  Value rest = arith::SubFOp::create(b, one, clipped);
                  Value when = math::RoundEvenOp::create(
                      b, arith::MulFOp::create(b, rest, last));
                  Value now = indexToFloat(b, loopIndex(b, all[0]), element);
                  Value isNow = arith::CmpFOp::create(
                      b, arith::CmpFPredicate::OEQ, when, now);
                  Value spikes = arith::CmpFOp::create(
                      b, arith::CmpFPredicate::OGT, x,
                      constantFloat(b, element, threshold));
                  return arith::AndIOp::create(b, isNow, spikes);
                }));
    return success();
  }
};

} // namespace

void rheobase::populateRandomPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertPoisson, ConvertDropout, ConvertLatency>(
      patterns.getContext());
}
