//===- Shapes.cpp - Reshapes, broadcasts, sums, packing -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// The first `rank - dims` dimensions alone, the last `dims` in a group.
static SmallVector<ReassociationIndices> lastDims(int64_t rank, int64_t dims) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim <= rank - dims)
      groups.push_back({dim});
    else
      groups.back().push_back(dim);
  return groups;
}

/// A copy of `input` into loops over `sizes`, at `indices` of them.
static Value copyTo(ImplicitLocOpBuilder &b, Value input, Type type,
                    ArrayRef<OpFoldResult> sizes,
                    function_ref<Exprs(ArrayRef<AffineExpr>)> indices) {
  Loops loops(b);
  Exprs all = loops.parallel(sizes.size());
  return loops.in(input, indices(all))
      .out(emptyOf(b, type, sizes), all)
      .build1(
          [](ImplicitLocOpBuilder &, ValueRange ins, Value) { return ins[0]; });
}

namespace {

struct ConvertFlatten : OpRewritePattern<FlattenOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(FlattenOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    rewriter.replaceOpWithNewOp<tensor::CollapseShapeOp>(
        op, op.getOutput().getType(), op.getInput(),
        lastDims(type.getRank(), op.getDims()));
    return success();
  }
};

struct ConvertUnflatten : OpRewritePattern<UnflattenOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnflattenOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    int64_t dims = op.getDims();
    Sizes sizes;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      sizes.push_back(type.isDynamicDim(dim)
                          ? sizeOf(b, op.getInput(), dim)
                          : b.getIndexAttr(type.getDimSize(dim)));
    rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(
        op, type, op.getInput(), lastDims(type.getRank(), dims), sizes);
    return success();
  }
};

struct ConvertTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    ArrayRef<int64_t> last = op.getPermutation();
    int64_t leading = type.getRank() - last.size();
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq(leading));
    for (int64_t dim : last)
      permutation.push_back(leading + dim);
    Value init = emptyOf(b, type, sizesOf(b, op.getInput(), permutation));
    rewriter.replaceOp(
        op, linalg::TransposeOp::create(b, op.getInput(), init, permutation)
                ->getResults());
    return success();
  }
};

struct ConvertAdd : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type element = getElementTypeOrSelf(op.getOutput());
    auto number = [&](ImplicitLocOpBuilder &b, Value x) -> Value {
      if (isa<FloatType>(element))
        return toFloat(b, x, element);
      if (x.getType() == element)
        return x;
      return arith::ExtUIOp::create(b, element, x);
    };
    rewriter.replaceOp(
        op, elementwise(b, {op.getLhs(), op.getRhs()}, {},
                        emptyLike(b, op.getLhs(), element), {},
                        [&](ImplicitLocOpBuilder &b, ValueRange args) {
                          Value lhs = number(b, args[0]);
                          Value rhs = number(b, args[1]);
                          Value sum;
                          if (isa<FloatType>(element))
                            sum = arith::AddFOp::create(b, lhs, rhs);
                          else
                            sum = arith::AddIOp::create(b, lhs, rhs);
                          return SmallVector<Value>{sum};
                        }));
    return success();
  }
};

/// Zeros, and over them the part of the sequence that is inside.
struct ConvertDelay : OpRewritePattern<DelayOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DelayOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    auto type = cast<RankedTensorType>(input.getType());
    int64_t by = op.getSteps();
    Value steps = dimOf(b, input, 0);
    Value shift =
        arith::MinSIOp::create(b, steps, constantIndex(b, by < 0 ? -by : by));
    Value kept = arith::SubIOp::create(b, steps, shift);
    Sizes sizes = sizesOf(b, input);
    Value result = zeros(b, type, sizes);

    SmallVector<int64_t> shape(type.getShape());
    shape[0] = ShapedType::kDynamic;
    sizes[0] = kept;
    Sizes offsets(sizes.size(), b.getIndexAttr(0));
    Sizes strides(sizes.size(), b.getIndexAttr(1));
    Sizes shifted = offsets;
    shifted[0] = shift;
    Value part = tensor::ExtractSliceOp::create(b, type.clone(shape), input,
                                                by < 0 ? shifted : offsets,
                                                sizes, strides);
    rewriter.replaceOp(
        op, tensor::InsertSliceOp::create(
                b, part, result, by < 0 ? offsets : shifted, sizes, strides));
    return success();
  }
};

struct ConvertRepeat : OpRewritePattern<RepeatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RepeatOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Sizes sizes = sizesOf(b, op.getInput());
    sizes.insert(sizes.begin(), OpFoldResult(op.getTimes()));
    rewriter.replaceOp(op, copyTo(b, op.getInput(), op.getOutput().getType(),
                                  sizes, [](ArrayRef<AffineExpr> all) {
                                    return Exprs(all.drop_front());
                                  }));
    return success();
  }
};

struct ConvertBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    auto from = cast<RankedTensorType>(op.getInput().getType());
    Sizes sizes;
    auto dynamic = op.getSizes().begin();
    for (int64_t extent : type.getShape())
      sizes.push_back(ShapedType::isDynamic(extent)
                          ? OpFoldResult(*dynamic++)
                          : OpFoldResult(b.getIndexAttr(extent)));
    rewriter.replaceOp(
        op,
        copyTo(b, op.getInput(), type, sizes, [&](ArrayRef<AffineExpr> all) {
          Exprs indices(all.take_back(from.getRank()));
          for (auto [dim, index] : llvm::enumerate(indices))
            if (from.getDimSize(dim) == 1)
              index = b.getAffineConstantExpr(0);
          return indices;
        }));
    return success();
  }
};

struct ConvertReduceSum : OpRewritePattern<ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceSumOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value input = op.getInput();
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    Loops loops(b);
    Exprs all, kept;
    Sizes sizes;
    for (int64_t dim :
         llvm::seq(cast<RankedTensorType>(input.getType()).getRank())) {
      bool reduced = llvm::is_contained(op.getDims(), dim);
      all.push_back(reduced ? loops.reduction() : loops.parallel());
      if (!reduced) {
        kept.push_back(all.back());
        sizes.push_back(sizeOf(b, input, dim));
      } else if (op.getKeepDims()) {
        kept.push_back(b.getAffineConstantExpr(0));
        sizes.push_back(b.getIndexAttr(1));
      }
    }
    rewriter.replaceOp(op, loops.in(input, all)
                               .out(zeros(b, type, sizes), kept)
                               .build1([](ImplicitLocOpBuilder &b,
                                          ValueRange ins, Value acc) -> Value {
                                 return arith::AddFOp::create(b, acc, ins[0]);
                               }));
    return success();
  }
};

struct ConvertPack : OpRewritePattern<PackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PackOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value spikes = op.getSpikes();
    auto type = cast<RankedTensorType>(op.getWords().getType());
    int64_t last = type.getRank() - 1;
    int64_t channels =
        cast<RankedTensorType>(spikes.getType()).getDimSize(last);
    SmallVector<int64_t> low(last + 1), high(last + 1);
    high[last] = 32 * type.getDimSize(last) - channels;
    spikes = padded(b, spikes, low, high, zeroOf(b, b.getI1Type()));
    spikes = splitDim(b, spikes, last, type.getDimSize(last));

    Sizes sizes = sizesOf(b, spikes);
    sizes.pop_back();
    Loops loops(b);
    Exprs words = loops.parallel(last + 1), bits = words;
    AffineExpr bit = loops.reduction();
    bits.push_back(bit);
    rewriter.replaceOp(
        op, loops.in(spikes, bits)
                .out(zeros(b, type, sizes), words)
                .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                            Value word) -> Value {
                  Type i32 = b.getI32Type();
                  Value spike = arith::ExtUIOp::create(b, i32, ins[0]);
                  Value position =
                      arith::IndexCastOp::create(b, i32, loopIndex(b, bit));
                  Value shifted = arith::ShLIOp::create(b, spike, position);
                  return arith::OrIOp::create(b, word, shifted);
                }));
    return success();
  }
};

struct ConvertUnpack : OpRewritePattern<UnpackOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(UnpackOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value words = op.getWords();
    auto type = cast<RankedTensorType>(op.getSpikes().getType());
    int64_t last = type.getRank() - 1;
    Sizes sizes = sizesOf(b, words);
    sizes[last] = b.getIndexAttr(type.getDimSize(last));

    Loops loops(b);
    Exprs channels = loops.parallel(last + 1), at = channels;
    at[last] = channels[last].floorDiv(32);
    rewriter.replaceOp(
        op, loops.in(words, at)
                .out(emptyOf(b, type, sizes), channels)
                .build1([&](ImplicitLocOpBuilder &b, ValueRange ins,
                            Value) -> Value {
                  Type i32 = b.getI32Type();
                  Value channel = arith::IndexCastOp::create(
                      b, i32, loopIndex(b, channels[last]));
                  Value bit = arith::AndIOp::create(b, channel,
                                                    constantInt(b, i32, 31));
                  Value shifted = arith::ShRUIOp::create(b, ins[0], bit);
                  return arith::TruncIOp::create(b, b.getI1Type(), shifted);
                }));
    return success();
  }
};

} // namespace

void rheobase::populateShapePatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertFlatten, ConvertUnflatten, ConvertTranspose, ConvertAdd,
               ConvertDelay, ConvertRepeat, ConvertBroadcast, ConvertReduceSum,
               ConvertPack, ConvertUnpack>(patterns.getContext());
}
