//===- Products.cpp - Matrix products and convolutions --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every output element is one chain of fused multiply-adds in the order that
// docs/Semantics.md gives: the order of the reduction loops here.
//
//===----------------------------------------------------------------------===//

#include "Builders.h"
#include "Windows.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// The step of a chain: acc = fma(x, w, acc).
static Value fusedMultiplyAdd(ImplicitLocOpBuilder &b, ValueRange factors,
                              Value acc) {
  Type type = acc.getType();
  Value x = toFloat(b, factors[0], type);
  Value w = toFloat(b, factors[1], type);
  return math::FmaOp::create(b, x, w, acc);
}

/// Where chains start: the bias of channel dimension `channel`, or 0.
static Value startOfChains(ImplicitLocOpBuilder &b, Value bias, Type type,
                           ArrayRef<OpFoldResult> sizes, int64_t channel) {
  if (!bias)
    return zeros(b, type, sizes);
  Loops loops(b);
  Exprs all = loops.parallel(sizes.size());
  return loops.in(bias, all[channel])
      .out(emptyOf(b, type, sizes), all)
      .build1(
          [](ImplicitLocOpBuilder &, ValueRange ins, Value) { return ins[0]; });
}

/// The matrix that `weight`, an operand of `op`, is the transpose of; null if it
/// is none, or is used in a loop, where transposing it once is better.
static Value getTransposed(Operation *op, Value weight) {
  auto transpose = weight.getDefiningOp<linalg::TransposeOp>();
  if (!transpose || transpose->getBlock() != op->getBlock() ||
      transpose.getPermutation() != ArrayRef<int64_t>{1, 0})
    return {};
  return transpose.getInput();
}

/// The first `count` sizes of a tensor.
static Sizes leadingSizes(ImplicitLocOpBuilder &b, Value tensor,
                          int64_t count) {
  return sizesOf(b, tensor, llvm::to_vector(llvm::seq(count)));
}

namespace {

struct ConvertLinear : OpRewritePattern<LinearOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    int64_t leading = type.getRank() - 1;
    Sizes sizes = leadingSizes(b, op.getInput(), leading);
    sizes.push_back(sizeOf(b, op.getWeight(), 1));
    Value start = startOfChains(b, op.getBias(), type, sizes, leading);

    Loops loops(b);
    Exprs output = loops.parallel(leading), input = output;
    AffineExpr n = loops.parallel(), k = loops.reduction();
    output.push_back(n);
    input.push_back(k);
    loops.in(op.getInput(), input);
    if (Value weight = getTransposed(op, op.getWeight()))
      loops.in(weight, {n, k});
    else
      loops.in(op.getWeight(), {k, n});
    rewriter.replaceOp(op, loops.out(start, output).build1(fusedMultiplyAdd));
    return success();
  }
};

struct ConvertLinearWeightGradient : OpRewritePattern<LinearWeightGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LinearWeightGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto inputType = cast<RankedTensorType>(op.getInput().getType());
    int64_t leading = inputType.getRank() - 1;
    Value start = zeros(b, op.getWeightGradient().getType(),
                        {sizeOf(b, op.getInput(), leading),
                         sizeOf(b, op.getGradient(), leading)});

    Loops loops(b);
    AffineExpr k = loops.parallel(), n = loops.parallel();
    Exprs input = loops.reduction(leading), gradient = input;
    input.push_back(k);
    gradient.push_back(n);
    rewriter.replaceOp(op, loops.in(op.getInput(), input)
                               .in(op.getGradient(), gradient)
                               .out(start, {k, n})
                               .build1(fusedMultiplyAdd));
    return success();
  }
};

/// The dimensions and attributes that the three operations of a convolution
/// share. Images are [leading..., (group,) channel, row, column] or
/// [leading..., row, column, (group,) channel]; weights [(group,) out, in, row,
/// column] or [row, column, in, (group,) out].
struct Convolution {
  template <typename Op>
  Convolution(Op op, Value image)
      : strides(op.getStrides()), padding(op.getPadding()),
        dilations(op.getDilations()), groups(op.getGroups()),
        channelsLast(op.getLayout() == Layout::ChannelsLast),
        leading(cast<RankedTensorType>(image.getType()).getRank() - 3) {}

  int64_t channelDim() const { return channelsLast ? leading + 2 : leading; }
  int64_t rowDim() const { return channelsLast ? leading : leading + 1; }
  int64_t weightOutDim() const { return channelsLast ? 3 : 0; }

  /// Splits the channels of an image, or the outputs of a weight, into groups.
  Value grouped(ImplicitLocOpBuilder &b, Value tensor, int64_t dim) const {
    return groups == 1 ? tensor : splitDim(b, tensor, dim, groups);
  }
  Value ungrouped(ImplicitLocOpBuilder &b, Value tensor, int64_t dim) const {
    return groups == 1 ? tensor : joinDims(b, tensor, dim);
  }
  /// `image`, whose channels are not split yet, surrounded by zeros.
  Value withPadding(ImplicitLocOpBuilder &b, Value image, ArrayRef<int64_t> low,
                    ArrayRef<int64_t> high) const {
    SmallVector<int64_t> lows(leading + 3), highs(leading + 3);
    for (int i : {0, 1}) {
      lows[rowDim() + i] = low[i];
      highs[rowDim() + i] = high[i];
    }
    return padded(b, image, lows, highs,
                  zeroOf(b, getElementTypeOrSelf(image)));
  }

  /// Indices of an image in the convolution's layout.
  Exprs image(ArrayRef<AffineExpr> lead, AffineExpr group, AffineExpr channel,
              AffineExpr row, AffineExpr column) const {
    Exprs channels;
    if (group)
      channels.push_back(group);
    channels.push_back(channel);
    Exprs indices(lead);
    if (!channelsLast)
      llvm::append_range(indices, channels);
    indices.append({row, column});
    if (channelsLast)
      llvm::append_range(indices, channels);
    return indices;
  }
  Exprs weight(AffineExpr group, AffineExpr out, AffineExpr in, AffineExpr row,
               AffineExpr column) const {
    Exprs indices;
    if (channelsLast)
      indices.append({row, column, in});
    if (group)
      indices.push_back(group);
    indices.push_back(out);
    if (!channelsLast)
      indices.append({in, row, column});
    return indices;
  }

  ArrayRef<int64_t> strides, padding, dilations;
  int64_t groups;
  bool channelsLast;
  int64_t leading;
};

/// Parallel loops over an image, in the order of its layout.
struct ImageLoops {
  ImageLoops(Loops &loops, const Convolution &conv) {
    lead = loops.parallel(conv.leading);
    auto channels = [&] {
      if (conv.groups != 1)
        group = loops.parallel();
      channel = loops.parallel();
    };
    if (!conv.channelsLast)
      channels();
    row = loops.parallel();
    column = loops.parallel();
    if (conv.channelsLast)
      channels();
  }
  Exprs lead;
  AffineExpr group, channel, row, column;
};

struct ConvertConv : OpRewritePattern<ConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Convolution conv(op, op.getInput());
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    Sizes sizes = leadingSizes(b, op.getInput(), conv.leading);
    appendSizes(b, sizes, type.getShape().drop_front(conv.leading));
    Value start =
        startOfChains(b, op.getBias(), type, sizes, conv.channelDim());
    Value input =
        conv.withPadding(b, op.getInput(), conv.padding, conv.padding);

    Loops loops(b);
    ImageLoops out(loops, conv);
    AffineExpr kh = loops.reduction(), kw = loops.reduction();
    AffineExpr in = loops.reduction();
    Value result =
        loops
            .in(conv.grouped(b, input, conv.channelDim()),
                conv.image(out.lead, out.group, in,
                           out.row * conv.strides[0] + kh * conv.dilations[0],
                           out.column * conv.strides[1] +
                               kw * conv.dilations[1]))
            .in(conv.grouped(b, op.getWeight(), conv.weightOutDim()),
                conv.weight(out.group, out.channel, in, kh, kw))
            .out(conv.grouped(b, start, conv.channelDim()),
                 conv.image(out.lead, out.group, out.channel, out.row,
                            out.column))
            .build1(fusedMultiplyAdd);
    rewriter.replaceOp(op, conv.ungrouped(b, result, conv.channelDim()));
    return success();
  }
};

/// Gathers: the chain of an input element runs over the taps that it enters
/// with, one phase of the strides at a time.
struct ConvertConvInputGradient : OpRewritePattern<ConvInputGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvInputGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Convolution conv(op, op.getGradient());
    auto type = cast<RankedTensorType>(op.getInputGradient().getType());
    auto gradientType = cast<RankedTensorType>(op.getGradient().getType());
    auto weightType = cast<RankedTensorType>(op.getWeight().getType());
    int64_t kernelDim = conv.channelsLast ? 0 : 2;

    Windows windows;
    for (int i : {0, 1})
      windows.axes.push_back({type.getDimSize(conv.rowDim() + i),
                              gradientType.getDimSize(conv.rowDim() + i),
                              weightType.getDimSize(kernelDim + i),
                              conv.strides[i], conv.padding[i],
                              conv.dilations[i]});
    Value gradient = conv.withPadding(b, op.getGradient(), windows.getLow(),
                                      windows.getHigh());
    gradient = conv.grouped(b, gradient, conv.channelDim());
    Value weight = conv.grouped(b, op.getWeight(), conv.weightOutDim());
    // Where the taps are in a grouped weight.
    int64_t tapDim = kernelDim + (conv.groups != 1 && !conv.channelsLast);

    // Groups stay apart until all phases are there.
    SmallVector<int64_t> shape(type.getShape());
    int64_t rowDim = conv.rowDim();
    if (conv.groups != 1) {
      shape[conv.channelDim()] /= conv.groups;
      shape.insert(shape.begin() + conv.channelDim(), conv.groups);
      rowDim += !conv.channelsLast;
    }
    Sizes sizes = leadingSizes(b, op.getGradient(), conv.leading);
    appendSizes(b, sizes, ArrayRef(shape).drop_front(conv.leading));

    Value result = gatherByPhases(
        b, windows, type.clone(shape), sizes, rowDim,
        [&](ArrayRef<WindowPhase> phase, Value start) {
          Loops loops(b);
          ImageLoops in(loops, conv);
          AffineExpr jh = loops.reduction(), jw = loops.reduction();
          AffineExpr out = loops.reduction();
          return loops
              .in(gradient, conv.image(in.lead, in.group, out,
                                       phase[0].source(in.row, jh),
                                       phase[1].source(in.column, jw)))
              .in(slicedTaps(b, weight, tapDim, phase),
                  conv.weight(in.group, out, in.channel, jh, jw))
              .out(start,
                   conv.image(in.lead, in.group, in.channel, in.row, in.column))
              .build1(fusedMultiplyAdd);
        });
    rewriter.replaceOp(op, conv.ungrouped(b, result, conv.channelDim()));
    return success();
  }
};

struct ConvertConvWeightGradient : OpRewritePattern<ConvWeightGradientOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConvWeightGradientOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Convolution conv(op, op.getInput());
    auto type = cast<RankedTensorType>(op.getWeightGradient().getType());
    Sizes sizes;
    appendSizes(b, sizes, type.getShape());
    Value start = zeros(b, type, sizes);
    Value input =
        conv.withPadding(b, op.getInput(), conv.padding, conv.padding);

    Loops loops(b);
    AffineExpr group, out, in, kh, kw;
    auto taps = [&] {
      kh = loops.parallel();
      kw = loops.parallel();
    };
    auto outs = [&] {
      if (conv.groups != 1)
        group = loops.parallel();
      out = loops.parallel();
    };
    if (conv.channelsLast) {
      taps();
      in = loops.parallel();
      outs();
    } else {
      outs();
      in = loops.parallel();
      taps();
    }
    Exprs lead = loops.reduction(conv.leading);
    AffineExpr row = loops.reduction(), column = loops.reduction();
    Value result =
        loops
            .in(conv.grouped(b, input, conv.channelDim()),
                conv.image(lead, group, in,
                           row * conv.strides[0] + kh * conv.dilations[0],
                           column * conv.strides[1] + kw * conv.dilations[1]))
            .in(conv.grouped(b, op.getGradient(), conv.channelDim()),
                conv.image(lead, group, out, row, column))
            .out(conv.grouped(b, start, conv.weightOutDim()),
                 conv.weight(group, out, in, kh, kw))
            .build1(fusedMultiplyAdd);
    rewriter.replaceOp(op, conv.ungrouped(b, result, conv.weightOutDim()));
    return success();
  }
};

} // namespace

void rheobase::populateProductPatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertLinear, ConvertLinearWeightGradient, ConvertConv,
               ConvertConvInputGradient, ConvertConvWeightGradient>(
      patterns.getContext());
}
