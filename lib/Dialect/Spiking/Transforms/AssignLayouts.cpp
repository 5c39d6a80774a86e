//===- AssignLayouts.cpp - Channels last ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_ASSIGNLAYOUTSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// [C, H, W] to [H, W, C] and back, [out, in, kh, kw] to [kh, kw, in, out] and
/// back.
static constexpr int64_t kImageToLast[] = {1, 2, 0};
static constexpr int64_t kImageToFirst[] = {2, 0, 1};
static constexpr int64_t kWeightToLast[] = {2, 3, 1, 0};
static constexpr int64_t kWeightToFirst[] = {3, 2, 0, 1};

static RankedTensorType permute(RankedTensorType type,
                                ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> shape(type.getShape().drop_back(permutation.size()));
  for (int64_t dim : permutation)
    shape.push_back(type.getShape().take_back(permutation.size())[dim]);
  return type.clone(shape);
}

static Value transpose(OpBuilder &builder, Location loc, Value value,
                       ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(value.getType());
  return builder.createOrFold<TransposeOp>(loc, permute(type, permutation),
                                           value, permutation);
}

static SmallVector<int64_t> invert(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> inverse(permutation.size());
  for (auto [to, from] : llvm::enumerate(permutation))
    inverse[from] = to;
  return inverse;
}

//===----------------------------------------------------------------------===//
// Operations on images become channels last
//===----------------------------------------------------------------------===//

namespace {
/// What an operand or result of such an operation is.
enum class Content { Image, Weight, Other };
using Contents = SmallVector<Content>;
} // namespace

/// The contents of operands and results; nothing where channels are not first.
static std::optional<std::pair<Contents, Contents>> matchImages(Operation *op) {
  using C = Content;
  if (auto norm = dyn_cast<BatchNormOp>(op)) {
    if (static_cast<int64_t>(norm.getChannelDim()) == -3)
      return std::pair<Contents, Contents>(
          {C::Image, C::Other, C::Other, C::Other, C::Other},
          {C::Image, C::Other, C::Other, C::Other, C::Other});
    return std::nullopt;
  }
  if (auto norm = dyn_cast<BatchNormGradientOp>(op)) {
    if (static_cast<int64_t>(norm.getChannelDim()) == -3)
      return std::pair<Contents, Contents>(
          {C::Image, C::Image, C::Other, C::Other, C::Other},
          {C::Image, C::Other, C::Other});
    return std::nullopt;
  }
  auto layout = op->getAttrOfType<LayoutAttr>("layout");
  if (!layout || layout.getValue() != Layout::ChannelsFirst)
    return std::nullopt;
  if (isa<ConvOp>(op)) {
    Contents operands = {C::Image, C::Weight, C::Other};
    operands.resize(op->getNumOperands());
    return std::pair<Contents, Contents>(operands, {C::Image});
  }
  if (isa<ConvInputGradientOp>(op))
    return std::pair<Contents, Contents>({C::Image, C::Weight}, {C::Image});
  if (isa<ConvWeightGradientOp>(op))
    return std::pair<Contents, Contents>({C::Image, C::Image}, {C::Weight});
  if (isa<AvgPoolOp, SumPoolOp, MaxPoolOp, SumPoolGradientOp,
          MaxPoolGradientOp>(op))
    return std::pair<Contents, Contents>(
        Contents(op->getNumOperands(), C::Image), {C::Image});
  return std::nullopt;
}

/// Puts the channels of `op` last, between transpositions; what several take is
/// transposed once.
static void
convertImages(Operation *op, const Contents &operands, const Contents &results,
              DenseMap<std::pair<Value, Content>, Value> &channelsLast) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  IRMapping mapping;
  for (auto [operand, content] : llvm::zip(op->getOperands(), operands)) {
    if (content == Content::Other)
      continue;
    Value &transposed = channelsLast[{operand, content}];
    if (!transposed) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointAfterValue(operand);
      transposed = transpose(builder, loc, operand,
                             content == Content::Image
                                 ? ArrayRef<int64_t>(kImageToLast)
                                 : ArrayRef<int64_t>(kWeightToLast));
    }
    mapping.map(operand, transposed);
  }
  Operation *last = builder.clone(*op, mapping);
  if (isa<BatchNormOp, BatchNormGradientOp>(op))
    last->setAttr("channel_dim", builder.getI64IntegerAttr(-1));
  else
    last->setAttr("layout",
                  LayoutAttr::get(op->getContext(), Layout::ChannelsLast));
  for (auto [from, to, content] :
       llvm::zip(op->getResults(), last->getResults(), results)) {
    Value value = to;
    if (content != Content::Other) {
      bool image = content == Content::Image;
      auto type = cast<RankedTensorType>(to.getType());
      to.setType(permute(type, image ? ArrayRef<int64_t>(kImageToLast)
                                     : ArrayRef<int64_t>(kWeightToLast)));
      value = transpose(builder, loc, to,
                        image ? ArrayRef<int64_t>(kImageToFirst)
                              : ArrayRef<int64_t>(kWeightToFirst));
    }
    from.replaceAllUsesWith(value);
  }
  op->erase();
}

//===----------------------------------------------------------------------===//
// Transpositions sink below what does not care
//===----------------------------------------------------------------------===//

/// The permutation by which all operands that are transposed are, if it is one.
static std::optional<SmallVector<int64_t>> getPermutation(ValueRange operands) {
  std::optional<SmallVector<int64_t>> result;
  for (Value operand : operands)
    if (auto transposed = operand.getDefiningOp<TransposeOp>()) {
      SmallVector<int64_t> permutation(transposed.getPermutation());
      if (result && *result != permutation)
        return std::nullopt;
      result = permutation;
    }
  return result;
}

/// The tensor whose transposition `operand` is: a transposition's input, or a
/// splat of the other shape (with the sizes `sizes`). Null if there is none.
static Value getSource(OpBuilder &builder, Value operand,
                       ArrayRef<int64_t> permutation,
                       ArrayRef<OpFoldResult> sizes) {
  if (auto transposed = operand.getDefiningOp<TransposeOp>())
    return transposed.getInput();
  auto type = cast<RankedTensorType>(operand.getType());
  bool empty = isa_and_present<tensor::EmptyOp>(operand.getDefiningOp());
  TypedAttr splat = getSplatConstant(operand);
  if ((!splat && !empty) || sizes.size() != size_t(type.getRank()))
    return {};
  RankedTensorType other = permute(type, invert(permutation));
  Location loc = operand.getLoc();
  SmallVector<Value> dynamic;
  for (auto [size, extent] : llvm::zip(sizes, other.getShape()))
    if (ShapedType::isDynamic(extent))
      dynamic.push_back(getValueOrCreateConstantIndexOp(builder, loc, size));
  if (empty)
    return tensor::EmptyOp::create(builder, loc, other, dynamic);
  if (dynamic.empty())
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(other, splat));
  Value scalar = arith::ConstantOp::create(builder, loc, splat);
  return tensor::SplatOp::create(builder, loc, other, scalar, dynamic);
}

namespace {

/// op(transpose(x), ...) -> transpose(op(x, ...)) for what works element by
/// element.
struct SinkBelowElementwise : RewritePattern {
  SinkBelowElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return failure();
    auto permutation = getPermutation(op->getOperands());
    if (!permutation)
      return failure();
    // Nothing is built unless all operands have a source.
    Value shaped;
    for (Value operand : op->getOperands()) {
      if (auto transposed = operand.getDefiningOp<TransposeOp>())
        shaped = transposed.getInput();
      else if (!getSplatConstant(operand))
        return failure();
    }
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, op->getLoc(), shaped);
    IRMapping mapping;
    for (Value operand : op->getOperands())
      mapping.map(operand, getSource(rewriter, operand, *permutation, sizes));
    Operation *inner = rewriter.clone(*op, mapping);
    SmallVector<Value> results;
    for (Value result : inner->getResults()) {
      result.setType(permute(cast<RankedTensorType>(result.getType()),
                             invert(*permutation)));
      results.push_back(
          transpose(rewriter, op->getLoc(), result, *permutation));
    }
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// The same for scans: the space is permuted.
struct SinkBelowScan : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ScanOp scan,
                                PatternRewriter &rewriter) const override {
    if (!scan.hasPureTensorSemantics())
      return failure();
    auto permutation = getPermutation(scan.getIns());
    int64_t space = scan.getSpace().size();
    int64_t leading = scan.isStep() ? 0 : 1;
    if (!permutation || int64_t(permutation->size()) > space)
      return failure();
    // An input that ranges over all of time and space has the sizes.
    Value full;
    for (Value in : scan.getIns()) {
      auto transposed = in.getDefiningOp<TransposeOp>();
      auto type = cast<RankedTensorType>(in.getType());
      if (!transposed && !getSplatConstant(in))
        return failure();
      if (transposed && type.getRank() == space + leading &&
          type.getShape().drop_front(leading) == ArrayRef(scan.getSpace()))
        full = transposed.getInput();
    }
    if (!full)
      return failure();
    auto isFree = [&](Value value) {
      auto transposed = value.getDefiningOp<TransposeOp>();
      return (transposed &&
              transposed.getPermutation() == ArrayRef(*permutation)) ||
             getSplatConstant(value) ||
             isa_and_present<tensor::EmptyOp>(value.getDefiningOp());
    };
    for (ValueRange group :
         {ValueRange(scan.getOuts()), ValueRange(scan.getStates()),
          ValueRange(scan.getReplayed())})
      if (!llvm::all_of(group, isFree))
        return failure();
    // What is broadcast is small, or transposed as well.
    int64_t n = permutation->size();
    for (ValueRange group :
         {ValueRange(scan.getParams()), ValueRange(scan.getAccumulators())})
      for (Value value : group) {
        auto type = cast<RankedTensorType>(value.getType());
        bool small = type.hasStaticShape() &&
                     llvm::count_if(type.getShape(),
                                    [](int64_t s) { return s != 1; }) <= 1;
        if (type.getRank() != 0 &&
            (type.getRank() < n || !(small || isFree(value))))
          return failure();
      }

    Location loc = scan.getLoc();
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, full);
    SmallVector<int64_t> inverse = invert(*permutation);
    auto convert = [&](ValueRange group, bool sequence) {
      SmallVector<Value> values;
      for (Value value : group) {
        int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
        if (rank == 0) {
          values.push_back(value);
          continue;
        }
        Value source =
            getSource(rewriter, value, *permutation,
                      ArrayRef(sizes).drop_front(sequence ? 0 : leading));
        values.push_back(source ? source
                                : transpose(rewriter, loc, value, inverse));
      }
      return values;
    };
    auto result = ScanOp::create(
        rewriter, loc, scan.getDirection(), convert(scan.getIns(), true),
        convert(scan.getParams(), false), convert(scan.getOuts(), true),
        convert(scan.getStates(), false),
        convert(scan.getAccumulators(), false),
        convert(scan.getReplayed(), false));
    result->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
    for (auto [from, to] :
         {std::pair(&scan.getBody(), &result.getBody()),
          std::pair(&scan.getReplay(), &result.getReplay())}) {
      if (from->empty())
        continue;
      rewriter.eraseBlock(&to->front());
      rewriter.inlineRegionBefore(*from, *to, to->begin());
    }
    SmallVector<Value> results;
    for (auto [from, to] : llvm::zip(scan.getResults(), result.getResults()))
      results.push_back(cast<RankedTensorType>(to.getType()).getRank() == 0
                            ? Value(to)
                            : transpose(rewriter, loc, to, *permutation));
    rewriter.replaceOp(scan, results);
    return success();
  }
};

/// repeat, readout and delay work on leading dimensions.
template <typename OpTy> struct SinkBelowTime : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto transposed = op.getInput().template getDefiningOp<TransposeOp>();
    auto result = cast<RankedTensorType>(op->getResult(0).getType());
    if (!transposed ||
        int64_t(transposed.getPermutation().size()) > result.getRank() ||
        // The leading dimension is not permuted.
        (!isa<RepeatOp>(op.getOperation()) &&
         int64_t(transposed.getPermutation().size()) >=
             cast<RankedTensorType>(op.getInput().getType()).getRank()))
      return failure();
    SmallVector<int64_t> permutation(transposed.getPermutation());
    IRMapping mapping;
    mapping.map(op.getInput(), transposed.getInput());
    Operation *inner = rewriter.clone(*op, mapping);
    inner->getResult(0).setType(permute(result, invert(permutation)));
    rewriter.replaceOp(
        op, transpose(rewriter, op.getLoc(), inner->getResult(0), permutation));
    return success();
  }
};

/// A sum over dimensions whose order stays the same.
struct SinkIntoSum : OpRewritePattern<ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceSumOp op,
                                PatternRewriter &rewriter) const override {
    auto transposed = op.getInput().getDefiningOp<TransposeOp>();
    if (!transposed || op.getKeepDims())
      return failure();
    int64_t rank = cast<RankedTensorType>(op.getInput().getType()).getRank();
    int64_t first = rank - transposed.getPermutation().size();
    SmallVector<int64_t> summed, kept;
    for (int64_t dim = 0; dim < rank; ++dim) {
      int64_t source =
          dim < first ? dim : first + transposed.getPermutation()[dim - first];
      (llvm::is_contained(op.getDims(), dim) ? summed : kept).push_back(source);
    }
    if (!llvm::is_sorted(summed) || !llvm::is_sorted(kept))
      return failure();
    rewriter.replaceOpWithNewOp<ReduceSumOp>(op, op.getType(),
                                             transposed.getInput(), summed);
    return success();
  }
};

/// A rate does not depend on the order.
struct SinkIntoSpikeRate : OpRewritePattern<SpikeRateOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SpikeRateOp op,
                                PatternRewriter &rewriter) const override {
    auto isTransposed = [](Value value) {
      return isa_and_present<TransposeOp>(value.getDefiningOp());
    };
    if (llvm::none_of(op->getOperands(), isTransposed))
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      for (OpOperand &operand : op->getOpOperands())
        if (auto transposed = operand.get().getDefiningOp<TransposeOp>())
          operand.set(transposed.getInput());
    });
    return success();
  }
};

struct AssignLayoutsPass
    : rheobase::spiking::impl::AssignLayoutsPassBase<AssignLayoutsPass> {
  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation()->walk([&](Operation *op) {
      if (matchImages(op))
        found.push_back(op);
    });
    if (found.empty())
      return markAllAnalysesPreserved();
    DenseMap<std::pair<Value, Content>, Value> channelsLast;
    for (Operation *op : found) {
      remark::passed(op->getLoc(), getOptions(op, remarks::kChannelsLast))
          << op->getName().getStringRef().str() + " with its channels last";
      auto contents = matchImages(op);
      convertImages(op, contents->first, contents->second, channelsLast);
    }
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkBelowElementwise, SinkBelowScan, SinkBelowTime<RepeatOp>,
                 SinkBelowTime<ReadoutOp>, SinkBelowTime<DelayOp>, SinkIntoSum,
                 SinkIntoSpikeRate>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation()->emitError("transpositions do not come to rest");
      return signalPassFailure();
    }
    getOperation()->walk([&](TransposeOp op) {
      if (cast<RankedTensorType>(op.getType()).getRank() < 3)
        return;
      remark::missed(op.getLoc(), getOptions(op, remarks::kTransposed))
          << "a transposition stays, of " + describe(op.getInput().getType());
    });
  }

private:
  static std::string describe(Type type) {
    std::string text;
    llvm::raw_string_ostream(text) << type;
    return text;
  }
  static remark::RemarkOpts getOptions(Operation *op, StringRef name) {
    auto function = op->getParentOfType<FunctionOpInterface>();
    return remark::RemarkOpts::name(name)
        .category("spiking-assign-layouts")
        .function(function ? function.getName() : StringRef());
  }
};
} // namespace
