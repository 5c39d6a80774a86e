//===- Pools.cpp - Sums, means and maxima over windows --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"
#include "Windows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Elements of a window whose gradients are written at once.
static constexpr int64_t mostTaps = 16;

namespace {

/// The attributes that pools share. Images are [leading..., channel, row,
/// column] or [leading..., row, column, channel].
struct Pool {
  template <typename Op>
  Pool(Op op, Value image)
      : kernel(op.getKernel()),
        strides(op.getStrides() ? *op.getStrides() : op.getKernel()),
        padding(op.getPadding()),
        rank(cast<RankedTensorType>(image.getType()).getRank()),
        rowDim(op.getLayout() == Layout::ChannelsLast ? rank - 3 : rank - 2) {}

  /// `image` surrounded by `value`.
  Value withPadding(ImplicitLocOpBuilder &b, Value image, ArrayRef<int64_t> low,
                    ArrayRef<int64_t> high, Value value) const {
    SmallVector<int64_t> lows(rank), highs(rank);
    for (int i : {0, 1}) {
      lows[rowDim + i] = low[i];
      highs[rowDim + i] = high[i];
    }
    return padded(b, image, lows, highs, value);
  }

  /// Sizes of an image of `type` with the other sizes of `like`.
  Sizes sizesFrom(ImplicitLocOpBuilder &b, Type type, Value like) const {
    Sizes sizes = sizesOf(b, like);
    for (int64_t dim : {rowDim, rowDim + 1})
      sizes[dim] = b.getIndexAttr(cast<RankedTensorType>(type).getDimSize(dim));
    return sizes;
  }

  Windows windows(Type input, Type output) const {
    Windows windows;
    for (int i : {0, 1})
      windows.axes.push_back(
          {cast<RankedTensorType>(input).getDimSize(rowDim + i),
           cast<RankedTensorType>(output).getDimSize(rowDim + i), kernel[i],
           strides[i], padding[i], /*dilation=*/1});
    return windows;
  }

  /// Loops over an output and its windows.
  struct Indices {
    Exprs output, input;
    AffineExpr kh, kw;
  };
  Indices overWindows(Loops &loops) const {
    Indices indices;
    indices.output = indices.input = loops.parallel(rank);
    indices.kh = loops.reduction();
    indices.kw = loops.reduction();
    indices.input[rowDim] = indices.output[rowDim] * strides[0] + indices.kh;
    indices.input[rowDim + 1] =
        indices.output[rowDim + 1] * strides[1] + indices.kw;
    loops.extents(kernel, {indices.kh, indices.kw});
    return indices;
  }

  ArrayRef<int64_t> kernel, strides, padding;
  int64_t rank, rowDim;
};

/// Whether each input element is in one window.
static bool tiles(const Pool &pool, Type input, Type output) {
  auto from = cast<RankedTensorType>(input),
       to = cast<RankedTensorType>(output);
  for (int i : {0, 1})
    if (pool.strides[i] != pool.kernel[i] || pool.padding[i] != 0 ||
        from.getDimSize(pool.rowDim + i) !=
            to.getDimSize(pool.rowDim + i) * pool.kernel[i])
      return false;
  return pool.kernel[0] * pool.kernel[1] <= mostTaps;
}

/// The elements of `image` that each tap of the windows sees, where they tile
/// it.
static SmallVector<Value> slicedByTaps(ImplicitLocOpBuilder &b,
                                       const Pool &pool, Value image,
                                       RankedTensorType output) {
  Sizes extents = pool.sizesFrom(b, output, image);
  Sizes strides(pool.rank, b.getIndexAttr(1));
  for (int i : {0, 1})
    strides[pool.rowDim + i] = b.getIndexAttr(pool.kernel[i]);
  SmallVector<Value> slices;
  for (int64_t row = 0; row < pool.kernel[0]; ++row)
    for (int64_t column = 0; column < pool.kernel[1]; ++column) {
      Sizes offsets(pool.rank, b.getIndexAttr(0));
      offsets[pool.rowDim] = b.getIndexAttr(row);
      offsets[pool.rowDim + 1] = b.getIndexAttr(column);
      slices.push_back(tensor::ExtractSliceOp::create(
          b, output.clone(getElementTypeOrSelf(image)), image, offsets, extents,
          strides));
    }
  return slices;
}

/// For each window of tiles the chain of `next` over its elements, and what
/// `finish` makes of it.
static Value
chainOverTiles(ImplicitLocOpBuilder &b, const Pool &pool, Value input,
               RankedTensorType type, Value start,
               function_ref<Value(ImplicitLocOpBuilder &, Value, Value)> next,
               function_ref<Value(ImplicitLocOpBuilder &, Value)> finish) {
  Loops loops(b);
  Exprs all = loops.parallel(pool.rank);
  for (Value slice : slicedByTaps(b, pool, input, type))
    loops.in(slice, all);
  return loops.out(emptyOf(b, type, pool.sizesFrom(b, type, input)), all)
      .build1([&](ImplicitLocOpBuilder &b, ValueRange ins, Value) -> Value {
        Value chain = start;
        for (Value x : ins)
          chain = next(b, chain, x);
        return finish ? finish(b, chain) : chain;
      });
}

/// acc + x in the type of `acc`.
static Value addTo(ImplicitLocOpBuilder &b, Value acc, Value x) {
  Type type = acc.getType();
  if (isa<FloatType>(type))
    return arith::AddFOp::create(b, acc, toFloat(b, x, type));
  if (x.getType() != type)
    x = arith::ExtUIOp::create(b, type, x);
  return arith::AddIOp::create(b, acc, x);
}

static Value isGreater(ImplicitLocOpBuilder &b, Value x, Value best) {
  if (isa<FloatType>(x.getType()))
    return arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, best);
  return arith::CmpIOp::create(b,
                               x.getType().isInteger(1)
                                   ? arith::CmpIPredicate::ugt
                                   : arith::CmpIPredicate::sgt,
                               x, best);
}

/// Sums over windows, as `type`.
static Value sumOverWindows(ImplicitLocOpBuilder &b, const Pool &pool,
                            Value input, Type type) {
  if (tiles(pool, input.getType(), type))
    return chainOverTiles(b, pool, input, cast<RankedTensorType>(type),
                          zeroOf(b, getElementTypeOrSelf(type)), addTo, {});
  Value start = zeros(b, type, pool.sizesFrom(b, type, input));
  input = pool.withPadding(b, input, pool.padding, pool.padding,
                           zeroOf(b, getElementTypeOrSelf(input)));
  Loops loops(b);
  Pool::Indices at = pool.overWindows(loops);
  return loops.in(input, at.input)
      .out(start, at.output)
      .build1([](ImplicitLocOpBuilder &b, ValueRange ins, Value acc) {
        return addTo(b, acc, ins[1]);
      });
}

struct ConvertSumPool : OpRewritePattern<SumPoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumPoolOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op,
                       sumOverWindows(b, Pool(op, op.getInput()), op.getInput(),
                                      op.getOutput().getType()));
    return success();
  }
};

struct ConvertAvgPool : OpRewritePattern<AvgPoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AvgPoolOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Pool pool(op, op.getInput());
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    int64_t count = pool.kernel[0] * pool.kernel[1];
    auto mean = [&](ImplicitLocOpBuilder &b, Value sum) -> Value {
      return arith::DivFOp::create(b, sum,
                                   constantFloat(b, sum.getType(), count));
    };
    if (tiles(pool, op.getInput().getType(), type)) {
      rewriter.replaceOp(op, chainOverTiles(b, pool, op.getInput(), type,
                                            zeroOf(b, type.getElementType()),
                                            addTo, mean));
      return success();
    }
    rewriter.replaceOp(
        op,
        elementwise(b, {}, {}, {}, sumOverWindows(b, pool, op.getInput(), type),
                    [&](ImplicitLocOpBuilder &b, ValueRange args) {
                      return SmallVector<Value>{mean(b, args[0])};
                    }));
    return success();
  }
};

/// Maxima over windows, and where they are: `kh * columns + kw` of the first.
/// Binary spikes are compared as i8 there, so that padding is less than them.
static Value maxOverWindows(ImplicitLocOpBuilder &b, const Pool &pool,
                            Value input, Type type, Value *position) {
  auto outputType = cast<RankedTensorType>(type);
  Type element = outputType.getElementType();
  if (position && element.isInteger(1)) {
    element = b.getI8Type();
    outputType = outputType.clone(element);
    auto inputType = cast<RankedTensorType>(input.getType());
    input =
        elementwise(b, input, {},
                    emptyOf(b, inputType.clone(element), sizesOf(b, input)), {},
                    [&](ImplicitLocOpBuilder &b, ValueRange args) {
                      return SmallVector<Value>{
                          arith::ExtUIOp::create(b, element, args[0])};
                    })
            .front();
  }
  Value lowest = lowestOf(b, element);
  if (!position && tiles(pool, input.getType(), outputType))
    return chainOverTiles(
        b, pool, input, outputType, lowest,
        [](ImplicitLocOpBuilder &b, Value best, Value x) -> Value {
          return arith::SelectOp::create(b, isGreater(b, x, best), x, best);
        },
        {});
  Sizes sizes = pool.sizesFrom(b, type, input);
  Value start = filled(b, lowest, outputType, sizes);
  input = pool.withPadding(b, input, pool.padding, pool.padding, lowest);

  Loops loops(b);
  Pool::Indices at = pool.overWindows(loops);
  loops.in(input, at.input).out(start, at.output);
  if (!position)
    return loops.build1(
        [&](ImplicitLocOpBuilder &b, ValueRange ins, Value best) -> Value {
          Value greater = isGreater(b, ins[1], best);
          return arith::SelectOp::create(b, greater, ins[1], best);
        });

  auto i32 = b.getI32Type();
  loops.out(filled(b, constantInt(b, i32, -1), outputType.clone(i32), sizes),
            at.output);
  SmallVector<Value> results = loops.build(
      [&](ImplicitLocOpBuilder &b, ValueRange ins, ValueRange outs) {
        Value greater = isGreater(b, ins[1], outs[0]);
        Value columns = constantIndex(b, pool.kernel[1]);
        Value row = arith::MulIOp::create(b, loopIndex(b, at.kh), columns);
        Value tap = arith::AddIOp::create(b, row, loopIndex(b, at.kw));
        Value here = arith::IndexCastOp::create(b, i32, tap);
        return SmallVector<Value>{
            arith::SelectOp::create(b, greater, ins[1], outs[0]),
            arith::SelectOp::create(b, greater, here, outs[1])};
      });
  *position = results[1];
  return results[0];
}

struct ConvertMaxPool : OpRewritePattern<MaxPoolOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MaxPoolOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    rewriter.replaceOp(op,
                       maxOverWindows(b, Pool(op, op.getInput()), op.getInput(),
                                      op.getOutput().getType(), nullptr));
    return success();
  }
};

/// For each input element the sum of the cotangents of its windows, of those
/// alone, with `position`, that have their maximum there.
static Value gatherFromWindows(ImplicitLocOpBuilder &b, const Pool &pool,
                               Value gradient, Value position,
                               RankedTensorType type) {
  Windows windows = pool.windows(type, gradient.getType());
  Sizes sizes = pool.sizesFrom(b, type, gradient);
  SmallVector<int64_t> low = windows.getLow(), high = windows.getHigh();
  gradient = pool.withPadding(b, gradient, low, high,
                              zeroOf(b, type.getElementType()));
  if (position)
    position = pool.withPadding(b, position, low, high,
                                constantInt(b, b.getI32Type(), -1));
  return gatherByPhases(
      b, windows, type, sizes, pool.rowDim,
      [&](ArrayRef<WindowPhase> phase, Value start) {
        Loops loops(b);
        Exprs input = loops.parallel(pool.rank), output = input;
        if (phase[0].taps == 1 && phase[1].taps == 1) {
          // An element of one window.
          loops.in(slicedSources(b, gradient, pool.rowDim, phase), input);
          if (position)
            loops.in(slicedSources(b, position, pool.rowDim, phase), input);
          return loops.out(start, input)
              .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                          Value) -> Value {
                if (!position)
                  return ins[0];
                Value here = constantInt(b, b.getI32Type(),
                                         phase[0].firstTap * pool.kernel[1] +
                                             phase[1].firstTap);
                Value isMaximum = arith::CmpIOp::create(
                    b, arith::CmpIPredicate::eq, ins[1], here);
                return arith::SelectOp::create(b, isMaximum, ins[0],
                                               zeroOf(b, ins[0].getType()));
              });
        }
        AffineExpr jh = loops.reduction(), jw = loops.reduction();
        output[pool.rowDim] = phase[0].source(input[pool.rowDim], jh);
        output[pool.rowDim + 1] = phase[1].source(input[pool.rowDim + 1], jw);
        loops.extents({phase[0].taps, phase[1].taps}, {jh, jw});
        loops.in(gradient, output);
        if (position)
          loops.in(position, output);
        return loops.out(start, input)
            .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                        Value acc) -> Value {
              Value sum = arith::AddFOp::create(b, acc, ins[1]);
              if (!position)
                return sum;
              auto tap = [&](int i, AffineExpr j) -> Value {
                Value scaled = arith::MulIOp::create(
                    b, loopIndex(b, j), constantIndex(b, phase[i].tapStep));
                return arith::AddIOp::create(
                    b, scaled, constantIndex(b, phase[i].firstTap));
              };
              Value row = arith::MulIOp::create(
                  b, tap(0, jh), constantIndex(b, pool.kernel[1]));
              Value here = arith::AddIOp::create(b, row, tap(1, jw));
              here = arith::IndexCastOp::create(b, b.getI32Type(), here);
              Value isMaximum = arith::CmpIOp::create(
                  b, arith::CmpIPredicate::eq, ins[2], here);
              return arith::SelectOp::create(b, isMaximum, sum, acc);
            });
      },
      /*overwritesSingle=*/true);
}

/// Where windows tile the input, each element is written once: with what goes
/// to its window, or with `input` only if it is the first of the greatest
/// there.
static Value spreadOverWindows(ImplicitLocOpBuilder &b, const Pool &pool,
                               Value gradient, Value input,
                               RankedTensorType type) {
  // [..., rows, kernel rows, columns, kernel columns, ...]
  Sizes extents = sizesOf(b, gradient), sizes;
  auto gradientType = cast<RankedTensorType>(gradient.getType());
  SmallVector<int64_t> shape;
  Loops loops(b);
  Exprs all, window;
  AffineExpr tap[2];
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    shape.push_back(gradientType.getDimSize(dim));
    sizes.push_back(extents[dim]);
    window.push_back(loops.parallel());
    all.push_back(window.back());
    int64_t i = dim - pool.rowDim;
    if (i != 0 && i != 1)
      continue;
    shape.push_back(pool.kernel[i]);
    sizes.push_back(b.getIndexAttr(pool.kernel[i]));
    all.push_back(tap[i] = loops.parallel());
  }
  loops.in(gradient, window);
  if (input)
    for (Value slice : slicedByTaps(b, pool, input, gradientType))
      loops.in(slice, window);
  Value result =
      loops.out(emptyOf(b, type.clone(shape), sizes), all)
          .build1([&](ImplicitLocOpBuilder &b, ValueRange ins, Value) -> Value {
            if (!input)
              return ins[0];
            // A spike is compared as i8.
            Type element = ins[1].getType(), i8 = b.getI8Type();
            if (element.isInteger(1))
              element = i8;
            Value best = lowestOf(b, element),
                  position = constantInt(b, i8, -1);
            for (auto [number, x] : llvm::enumerate(ins.drop_front())) {
              if (x.getType() != element)
                x = arith::ExtUIOp::create(b, element, x);
              Value greater = isGreater(b, x, best);
              best = arith::SelectOp::create(b, greater, x, best);
              position = arith::SelectOp::create(
                  b, greater, constantInt(b, i8, number), position);
            }
            Value row = arith::MulIOp::create(b, loopIndex(b, tap[0]),
                                              constantIndex(b, pool.kernel[1]));
            Value here = arith::IndexCastOp::create(
                b, i8, arith::AddIOp::create(b, row, loopIndex(b, tap[1])));
            Value isMaximum = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                                    position, here);
            return arith::SelectOp::create(b, isMaximum, ins[0],
                                           zeroOf(b, ins[0].getType()));
          });
  result = joinDims(b, result, pool.rowDim);
  return joinDims(b, result, pool.rowDim + 1);
}

struct ConvertSumPoolGradient : OpRewritePattern<SumPoolGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SumPoolGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Pool pool(op, op.getGradient());
    auto type = cast<RankedTensorType>(op.getInputGradient().getType());
    auto convert = tiles(pool, type, op.getGradient().getType())
                       ? spreadOverWindows
                       : gatherFromWindows;
    rewriter.replaceOp(op, convert(b, pool, op.getGradient(), {}, type));
    return success();
  }
};

struct ConvertMaxPoolGradient : OpRewritePattern<MaxPoolGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MaxPoolGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Pool pool(op, op.getGradient());
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    auto gradientType = cast<RankedTensorType>(op.getGradient().getType());
    auto type = cast<RankedTensorType>(op.getInputGradient().getType());
    if (tiles(pool, type, gradientType)) {
      rewriter.replaceOp(op, spreadOverWindows(b, pool, op.getGradient(),
                                               op.getInput(), type));
      return success();
    }
    Value position;
    maxOverWindows(b, pool, op.getInput(),
                   gradientType.clone(inputType.getElementType()), &position);
    rewriter.replaceOp(
        op, gatherFromWindows(b, pool, op.getGradient(), position, type));
    return success();
  }
};

} // namespace

void rheobase::populatePoolPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertSumPool, ConvertAvgPool, ConvertMaxPool,
               ConvertSumPoolGradient, ConvertMaxPoolGradient>(
      patterns.getContext());
}
