//===- SpikingSynapseOps.cpp - Synapses, pools, norms -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "Shapes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace rheobase::spiking;

/// Fails if a float input of a synapse has another element type than its
/// weights: spikes and counts enter as numbers, floats as they are.
static LogicalResult verifyInputElement(Operation *op, Type input, Type weight,
                                        StringRef label) {
  Type in = getElementTypeOrSelf(input), expected = getElementTypeOrSelf(weight);
  if (!isa<FloatType>(in) || in == expected)
    return success();
  return op->emitOpError("expected an input of spikes, counts or ")
         << expected << ", got " << in << " (" << label << ")";
}

//===----------------------------------------------------------------------===//
// LinearOp, LinearWeightGradientOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::verify() {
  RankedTensorType input = getInput().getType(), weight = getWeight().getType();
  // linear_c1
  if (weight.getRank() != 2)
    return emitOpError("expected a weight [in, out], got ")
           << weight << " (linear_c1)";
  if (input.getRank() < 1 ||
      !mayEqual(input.getShape().back(), weight.getDimSize(0)))
    return emitOpError("expected an input whose last dimension is ")
           << formatShape(weight.getDimSize(0)) << ", got " << input
           << " (linear_c1)";
  // linear_c2
  if (getBias()) {
    RankedTensorType bias = getBias().getType();
    if (!mayEqual(bias.getShape(), weight.getShape().take_back()))
      return emitOpError("expected a bias of shape ")
             << formatShape(weight.getShape().take_back()) << ", got " << bias
             << " (linear_c2)";
    if (bias.getElementType() != weight.getElementType())
      return emitOpError("expected a bias of ")
             << weight.getElementType() << ", got " << bias << " (linear_c3)";
  }
  // linear_c3
  if (failed(verifyInputElement(*this, input, weight, "linear_c3")))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = weight.getDimSize(1);
  return expectType(*this, "a result",
                    RankedTensorType::get(shape, weight.getElementType()),
                    getOutput().getType(), "linear_c3");
}

LogicalResult LinearWeightGradientOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType gradient = getGradient().getType();
  // linear_weight_gradient_c1
  if (input.getRank() < 1 || gradient.getRank() < 1 ||
      !mayEqual(input.getShape().drop_back(), gradient.getShape().drop_back()))
    return emitOpError("expected input and gradient with the same leading "
                       "dimensions, got ")
           << input << " and " << gradient << " (linear_weight_gradient_c1)";
  // linear_weight_gradient_c2
  if (failed(verifyInputElement(*this, input, gradient,
                                "linear_weight_gradient_c2")))
    return failure();
  return expectType(
      *this, "a result",
      RankedTensorType::get({input.getShape().back(), gradient.getShape().back()},
                            gradient.getElementType()),
      getWeightGradient().getType(), "linear_weight_gradient_c2");
}

//===----------------------------------------------------------------------===//
// Images: where the channels and the spatial dimensions are
//===----------------------------------------------------------------------===//

namespace {
/// The last three dimensions of an image, and what comes before them.
struct Image {
  Image(RankedTensorType type, Layout layout)
      : leading(type.getShape().drop_back(3)) {
    ArrayRef<int64_t> last = type.getShape().take_back(3);
    bool first = layout == Layout::ChannelsFirst;
    channels = first ? last[0] : last[2];
    spatial = first ? last.drop_front() : last.drop_back();
  }
  ArrayRef<int64_t> leading, spatial;
  int64_t channels;
};
} // namespace

static StringRef getImageForm(Layout layout) {
  return layout == Layout::ChannelsFirst ? "[..., C, H, W]" : "[..., H, W, C]";
}

/// Checks that an attribute has two entries of at least `least`.
static LogicalResult verifyPair(Operation *op, StringRef name,
                                ArrayRef<int64_t> values, int64_t least,
                                StringRef label) {
  if (values.size() == 2 &&
      llvm::all_of(values, [&](int64_t value) { return value >= least; }))
    return success();
  return op->emitOpError("expected ")
         << name << " with two entries of at least " << least << ", got "
         << formatShape(values) << " (" << label << ")";
}

//===----------------------------------------------------------------------===//
// ConvOp, ConvInputGradientOp, ConvWeightGradientOp
//===----------------------------------------------------------------------===//

/// The rules of a convolution from `input` to `output`; its gradients relate
/// the same three tensors.
template <typename Op>
static LogicalResult verifyConv(Op op, RankedTensorType input,
                                RankedTensorType weight,
                                RankedTensorType output) {
  // conv_c1
  if (failed(verifyPair(op, "strides", op.getStrides(), 1, "conv_c1")) ||
      failed(verifyPair(op, "padding", op.getPadding(), 0, "conv_c1")) ||
      failed(verifyPair(op, "dilations", op.getDilations(), 1, "conv_c1")))
    return failure();
  int64_t groups = op.getGroups();
  if (groups < 1)
    return op.emitOpError("expected at least one group, got ")
           << groups << " (conv_c1)";
  // conv_c5
  Layout layout = op.getLayout();
  for (RankedTensorType type : {input, output})
    if (type.getRank() < 3 ||
        llvm::any_of(type.getShape().take_back(3), ShapedType::isDynamic))
      return op.emitOpError("expected an image ")
             << getImageForm(layout)
             << " with static channels and spatial extents, got " << type
             << " (conv_c5)";
  Image from(input, layout), to(output, layout);
  // conv_c1
  for (int64_t channels : {from.channels, to.channels})
    if (channels % groups != 0)
      return op.emitOpError("expected ")
             << groups << " groups to divide " << channels
             << " channels (conv_c1)";
  // conv_c2
  bool first = layout == Layout::ChannelsFirst;
  ArrayRef<int64_t> shape = weight.getShape();
  bool fits = weight.hasStaticShape() && weight.getRank() == 4;
  if (fits) {
    int64_t in = first ? shape[1] : shape[2], out = first ? shape[0] : shape[3];
    ArrayRef<int64_t> kernel = first ? shape.take_back(2) : shape.take_front(2);
    fits = out == to.channels && in == from.channels / groups &&
           kernel[0] > 0 && kernel[1] > 0;
  }
  if (!fits)
    return op.emitOpError("expected a static weight ")
           << (first ? "[out, in/groups, kh, kw]" : "[kh, kw, in/groups, out]")
           << " for " << from.channels << " input channels, " << to.channels
           << " output channels and groups = " << groups << ", got " << weight
           << " (conv_c2)";
  // conv_c3
  ArrayRef<int64_t> kernel = first ? shape.take_back(2) : shape.take_front(2);
  for (unsigned i : {0u, 1u}) {
    std::optional<int64_t> extent =
        getNumWindows(from.spatial[i], kernel[i], op.getStrides()[i],
                      op.getPadding()[i], op.getDilations()[i]);
    if (!extent)
      return op.emitOpError("the kernel does not fit into the padded input ")
             << input << " (conv_c3)";
    if (*extent != to.spatial[i])
      return op.emitOpError("expected an output with ")
             << *extent << (i == 0 ? " rows" : " columns") << ", got " << output
             << " (conv_c3)";
  }
  // conv_c4
  if (!mayEqual(from.leading, to.leading))
    return op.emitOpError("expected the same leading dimensions, got ")
           << input << " and " << output << " (conv_c4)";
  if (weight.getElementType() != output.getElementType())
    return op.emitOpError("expected weight and output of the same type, got ")
           << weight.getElementType() << " and " << output.getElementType()
           << " (conv_c4)";
  return verifyInputElement(op, input, weight, "conv_c4");
}

/// conv_c4, for an operand and a result: results have their operands' leading
/// dimensions, dynamic or not.
static LogicalResult verifyLeading(Operation *op, RankedTensorType operand,
                                   RankedTensorType result, unsigned image,
                                   StringRef label) {
  if (operand.getShape().drop_back(image) == result.getShape().drop_back(image))
    return success();
  return op->emitOpError("expected a result with the leading dimensions ")
         << formatShape(operand.getShape().drop_back(image)) << ", got "
         << result << " (" << label << ")";
}

LogicalResult ConvOp::verify() {
  RankedTensorType input = getInput().getType(), weight = getWeight().getType();
  RankedTensorType output = getOutput().getType();
  if (failed(verifyConv(*this, input, weight, output)))
    return failure();
  if (getBias()) {
    int64_t channels = Image(output, getLayout()).channels;
    if (getBias().getType().getShape() != ArrayRef(channels))
      return emitOpError("expected a bias of shape ")
             << formatShape(channels) << ", got " << getBias().getType()
             << " (conv_c2)";
    if (getBias().getType().getElementType() != weight.getElementType())
      return emitOpError("expected a bias of ")
             << weight.getElementType() << ", got " << getBias().getType()
             << " (conv_c4)";
  }
  return verifyLeading(*this, input, output, 3, "conv_c4");
}

LogicalResult ConvInputGradientOp::verify() {
  RankedTensorType gradient = getGradient().getType();
  RankedTensorType result = getInputGradient().getType();
  if (failed(verifyConv(*this, result, getWeight().getType(), gradient)))
    return failure();
  return verifyLeading(*this, gradient, result, 3, "conv_c4");
}

LogicalResult ConvWeightGradientOp::verify() {
  return verifyConv(*this, getInput().getType(), getWeightGradient().getType(),
                    getGradient().getType());
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// The rules of a pool from `input` to `output`, in either direction.
template <typename Op>
static LogicalResult verifyPool(Op op, RankedTensorType input,
                                RankedTensorType output) {
  // pool_c1
  ArrayRef<int64_t> kernel = op.getKernel(), padding = op.getPadding();
  if (failed(verifyPair(op, "a kernel", kernel, 1, "pool_c1")))
    return failure();
  ArrayRef<int64_t> strides = op.getStrides().value_or(kernel);
  if (failed(verifyPair(op, "strides", strides, 1, "pool_c1")) ||
      failed(verifyPair(op, "padding", padding, 0, "pool_c1")))
    return failure();
  for (unsigned i : {0u, 1u})
    if (padding[i] > kernel[i] / 2)
      return op.emitOpError("expected padding of at most half the kernel ")
             << formatShape(kernel) << ", got " << formatShape(padding)
             << " (pool_c1)";
  // pool_c2
  for (RankedTensorType type : {input, output})
    if (type.getRank() < 3 ||
        llvm::any_of(Image(type, op.getLayout()).spatial,
                     ShapedType::isDynamic))
      return op.emitOpError("expected an image ")
             << getImageForm(op.getLayout())
             << " with static spatial extents, got " << type << " (pool_c2)";
  Image from(input, op.getLayout()), to(output, op.getLayout());
  for (unsigned i : {0u, 1u}) {
    std::optional<int64_t> extent = getNumWindows(
        from.spatial[i], kernel[i], strides[i], padding[i], /*dilation=*/1);
    if (!extent)
      return op.emitOpError("the kernel does not fit into the padded input ")
             << input << " (pool_c2)";
    if (*extent != to.spatial[i])
      return op.emitOpError("expected an output with ")
             << *extent << (i == 0 ? " rows" : " columns") << ", got " << output
             << " (pool_c2)";
  }
  if (from.channels != to.channels || from.leading != to.leading)
    return op.emitOpError("expected the same channels and leading dimensions, "
                          "got ")
           << input << " and " << output << " (pool_c2)";
  return success();
}

LogicalResult AvgPoolOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  if (failed(verifyPool(*this, input, output)))
    return failure();
  // avg_pool_c1
  return verifyInputElement(*this, input, output, "avg_pool_c1");
}

LogicalResult SumPoolOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  if (failed(verifyPool(*this, input, output)))
    return failure();
  // sum_pool_c1
  Type to = output.getElementType();
  if (isa<FloatType>(to))
    return verifyInputElement(*this, input, output, "sum_pool_c1");
  std::optional<int64_t> window = getNumElements(getKernel());
  // The largest window whose sum an i8 can hold.
  int64_t most = input.getElementType().isInteger(1) ? 127 : 1;
  if (!to.isInteger(8) || isa<FloatType>(input.getElementType()) || !window ||
      *window > most)
    return emitOpError("expected a float result, or i8 for spikes under at most "
                       "127 window elements; got ")
           << to << " for " << input.getElementType() << " under "
           << formatShape(getKernel()) << " (sum_pool_c1)";
  return success();
}

LogicalResult MaxPoolOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  if (failed(verifyPool(*this, input, output)))
    return failure();
  // max_pool_c1
  if (input.getElementType() != output.getElementType())
    return emitOpError("expected a result of ")
           << input.getElementType() << ", got " << output.getElementType()
           << " (max_pool_c1)";
  return success();
}

LogicalResult SumPoolGradientOp::verify() {
  RankedTensorType gradient = getGradient().getType();
  RankedTensorType result = getInputGradient().getType();
  if (failed(verifyPool(*this, result, gradient)))
    return failure();
  // sum_pool_gradient_c1
  if (gradient.getElementType() != result.getElementType())
    return emitOpError("expected a result of ")
           << gradient.getElementType() << ", got " << result.getElementType()
           << " (sum_pool_gradient_c1)";
  return success();
}

LogicalResult MaxPoolGradientOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType gradient = getGradient().getType();
  if (failed(verifyPool(*this, input, gradient)) ||
      failed(verifyInputElement(*this, input, gradient,
                                "max_pool_gradient_c1")))
    return failure();
  // max_pool_gradient_c1
  return expectType(*this, "a result",
                    input.clone(gradient.getElementType()),
                    getInputGradient().getType(), "max_pool_gradient_c1");
}

//===----------------------------------------------------------------------===//
// BatchNormOp, BatchNormGradientOp
//===----------------------------------------------------------------------===//

/// The rules that a batch normalization shares with its gradient: `perChannel`
/// are tensors of [C], `saved` those of [C] or [T, C], `like` have the input's
/// type.
template <typename Op>
static LogicalResult verifyBatchNorm(Op op, ValueRange like,
                                     ValueRange perChannel, ValueRange saved) {
  RankedTensorType input = op.getInput().getType();
  int64_t rank = input.getRank(), fromEnd = op.getChannelDim();
  int64_t dim = rank + fromEnd;
  // batch_norm_c1
  int64_t first = op.getSequence() ? 1 : 0;
  if (fromEnd >= 0 || dim < first)
    return op.emitOpError("expected a channel dimension from ")
           << first - rank << " to -1, counted from the end, for "
           << (first ? "a sequence of type " : "") << input << ", got "
           << fromEnd << " (batch_norm_c1)";
  if (input.isDynamicDim(dim))
    return op.emitOpError("expected a static number of channels in dimension ")
           << dim << ", got " << input << " (batch_norm_c1)";
  // batch_norm_c4
  bool merged = op.getStatistics() == Statistics::Merged;
  if (merged && op->template getParentOfType<TimeLoopOp>())
    return op.emitOpError("merged statistics range over all time steps, but "
                          "inside a time_loop there is one at a time "
                          "(batch_norm_c4)");
  // batch_norm_c2, batch_norm_c5
  Type element = input.getElementType();
  int64_t channels = input.getDimSize(dim);
  auto check = [&](ValueRange values, ArrayRef<int64_t> shape,
                   StringRef label) -> LogicalResult {
    for (Value value : values) {
      auto type = cast<RankedTensorType>(value.getType());
      if (type.getShape() != shape)
        return op.emitOpError("expected ")
               << formatShape(shape) << " for " << channels << " channels, got "
               << type << " (" << label << ")";
      if (type.getElementType() != element)
        return op.emitOpError("expected ")
               << element << ", the input's element type, got " << type
               << " (batch_norm_c5)";
    }
    return success();
  };
  if (failed(check(perChannel, channels, "batch_norm_c2")))
    return failure();
  // batch_norm_c3
  SmallVector<int64_t> shape{channels};
  if (op.getSequence() && !merged && op.getMode() == Mode::Train)
    shape.insert(shape.begin(), input.getDimSize(0));
  if (failed(check(saved, shape, "batch_norm_c3")))
    return failure();
  // batch_norm_c5
  for (Value value : like)
    if (failed(expectType(op, "a value like the input", input, value.getType(),
                          "batch_norm_c5")))
      return failure();
  return success();
}

LogicalResult BatchNormOp::verify() {
  if (failed(verifyBatchNorm(
          *this, {getOutput()},
          {getGamma(), getBeta(), getRunningMean(), getRunningVariance(),
           getNewRunningMean(), getNewRunningVariance()},
          {getSavedMean(), getSavedRstd()})))
    return failure();
  // batch_norm_c6
  double epsilon = getEpsilon().convertToDouble();
  double momentum = getMomentum().convertToDouble();
  if (!(epsilon > 0))
    return emitOpError("epsilon must be positive, got ")
           << formatNumber(epsilon) << " (batch_norm_c6)";
  if (!(momentum >= 0 && momentum <= 1))
    return emitOpError("momentum must be between 0 and 1, got ")
           << formatNumber(momentum) << " (batch_norm_c6)";
  // batch_norm_c7
  if (getTimes() && getSequence())
    return emitOpError("a sequence has all steps, and does not stand for "
                       "'times' of them (batch_norm_c7)");
  return success();
}

LogicalResult BatchNormOp::canonicalize(BatchNormOp op,
                                        PatternRewriter &rewriter) {
  // Inference uses the running statistics and leaves them.
  if (op.getMode() != Mode::Inference)
    return failure();
  bool changed = false;
  for (auto [result, statistic] :
       {std::pair(op.getNewRunningMean(), op.getRunningMean()),
        std::pair(op.getNewRunningVariance(), op.getRunningVariance()),
        std::pair(op.getSavedMean(), op.getRunningMean())}) {
    if (result.use_empty())
      continue;
    rewriter.replaceAllUsesWith(result, statistic);
    changed = true;
  }
  return success(changed);
}

LogicalResult BatchNormGradientOp::verify() {
  return verifyBatchNorm(*this, {getGradient(), getInputGradient()},
                         {getGamma(), getGammaGradient(), getBetaGradient()},
                         {getSavedMean(), getSavedRstd()});
}

//===----------------------------------------------------------------------===//
// DropoutOp
//===----------------------------------------------------------------------===//

LogicalResult DropoutOp::verify() {
  // dropout_c1
  double p = getP().convertToDouble();
  if (!(p >= 0 && p < 1))
    return emitOpError("p must be at least 0 and less than 1, got ")
           << formatNumber(p) << " (dropout_c1)";
  // dropout_c2
  if (getStep() && getSequence())
    return emitOpError("a sequence has all steps, and takes no step operand "
                       "(dropout_c2)");
  // dropout_c3
  RankedTensorType input = getInput().getType();
  if (input.getRank() < (getSequence() ? 2 : 1))
    return emitOpError("expected an input ")
           << (getSequence() ? "[T, B, ...]" : "[B, ...]") << ", got " << input
           << " (dropout_c3)";
  if (getSeed().getType().getRank() != 0)
    return emitOpError("expected a seed of type tensor<i64>, got ")
           << getSeed().getType() << " (dropout_c3)";
  return expectType(*this, "a result", input, getOutput().getType(),
                    "dropout_c3");
}

OpFoldResult DropoutOp::fold(FoldAdaptor) {
  if (getMode() == Mode::Inference || getP().isZero())
    return getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// FlattenOp, UnflattenOp
//===----------------------------------------------------------------------===//

LogicalResult FlattenOp::verify() {
  RankedTensorType input = getInput().getType();
  // flatten_c1
  int64_t dims = getDims();
  if (dims < 2 || dims > input.getRank())
    return emitOpError("expected dims from 2 to the rank of ")
           << input << ", got " << dims << " (flatten_c1)";
  ArrayRef<int64_t> joined = input.getShape().take_back(dims);
  std::optional<int64_t> product = getNumElements(joined);
  if (llvm::any_of(joined, ShapedType::isDynamic) || !product)
    return emitOpError("expected the last ")
           << dims << " dimensions to be static, got " << input
           << " (flatten_c1)";
  // flatten_c2
  SmallVector<int64_t> shape(input.getShape().drop_back(dims));
  shape.push_back(*product);
  return expectType(*this, "a result",
                    RankedTensorType::get(shape, input.getElementType()),
                    getOutput().getType(), "flatten_c2");
}

OpFoldResult FlattenOp::fold(FoldAdaptor) {
  // flatten(unflatten(x)) -> x
  if (auto unflatten = getInput().getDefiningOp<UnflattenOp>();
      unflatten && unflatten.getInput().getType() == getType())
    return unflatten.getInput();
  // flatten(flatten(x)) -> flatten(x)
  if (auto flatten = getInput().getDefiningOp<FlattenOp>()) {
    setDims(getDims() + flatten.getDims() - 1);
    getInputMutable().assign(flatten.getInput());
    return getResult();
  }
  return {};
}

LogicalResult UnflattenOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  // unflatten_c1
  int64_t dims = getDims();
  if (dims < 2 || dims > output.getRank())
    return emitOpError("expected dims from 2 to the rank of ")
           << output << ", got " << dims << " (unflatten_c1)";
  ArrayRef<int64_t> split = output.getShape().take_back(dims);
  std::optional<int64_t> product = getNumElements(split);
  if (llvm::any_of(split, ShapedType::isDynamic) || !product)
    return emitOpError("expected the result's last ")
           << dims << " dimensions to be static, got " << output
           << " (unflatten_c1)";
  SmallVector<int64_t> shape(output.getShape().drop_back(dims));
  shape.push_back(*product);
  return expectType(*this, "an input",
                    RankedTensorType::get(shape, output.getElementType()),
                    input, "unflatten_c1");
}

OpFoldResult UnflattenOp::fold(FoldAdaptor) {
  // unflatten(flatten(x)) -> x
  if (auto flatten = getInput().getDefiningOp<FlattenOp>();
      flatten && flatten.getInput().getType() == getType())
    return flatten.getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::verify() {
  RankedTensorType input = getInput().getType();
  ArrayRef<int64_t> permutation = getPermutation();
  // transpose_c1
  int64_t n = permutation.size();
  llvm::SmallBitVector seen(n);
  for (int64_t dim : permutation)
    if (dim >= 0 && dim < n)
      seen.set(dim);
  if (!seen.all() || n > input.getRank())
    return emitOpError("expected a permutation of at most ")
           << input.getRank() << " dimensions, got " << formatShape(permutation)
           << " (transpose_c1)";
  // transpose_c2
  SmallVector<int64_t> shape(input.getShape().drop_back(n));
  for (int64_t dim : permutation)
    shape.push_back(input.getShape().take_back(n)[dim]);
  return expectType(*this, "a result",
                    RankedTensorType::get(shape, input.getElementType()),
                    getOutput().getType(), "transpose_c2");
}

/// `permutation` of the last dimensions as one of the last `size` ones.
static SmallVector<int64_t> extendPermutation(ArrayRef<int64_t> permutation,
                                              int64_t size) {
  int64_t added = size - static_cast<int64_t>(permutation.size());
  auto extended = llvm::to_vector(llvm::seq<int64_t>(0, added));
  for (int64_t dim : permutation)
    extended.push_back(dim + added);
  return extended;
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  // transpose(transpose(x)) -> transpose(x)
  ArrayRef<int64_t> outer = getPermutation();
  if (auto producer = getInput().getDefiningOp<TransposeOp>()) {
    ArrayRef<int64_t> inner = producer.getPermutation();
    int64_t size = std::max(outer.size(), inner.size());
    SmallVector<int64_t> first = extendPermutation(inner, size);
    SmallVector<int64_t> combined;
    for (int64_t dim : extendPermutation(outer, size))
      combined.push_back(first[dim]);
    setPermutation(combined);
    getInputMutable().assign(producer.getInput());
    return getResult();
  }
  // Leading dimensions that stay need no entry.
  int64_t stay = 0, size = outer.size();
  while (stay < size && outer[stay] == stay)
    ++stay;
  if (stay == size)
    return getInput();
  if (stay == 0)
    return {};
  SmallVector<int64_t> shorter;
  for (int64_t dim : outer.drop_front(stay))
    shorter.push_back(dim - stay);
  setPermutation(shorter);
  return getResult();
}

//===----------------------------------------------------------------------===//
// AddOp, DelayOp
//===----------------------------------------------------------------------===//

LogicalResult AddOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType();
  RankedTensorType output = getOutput().getType();
  // add_c1
  if (lhs.getShape() != rhs.getShape() || lhs.getShape() != output.getShape())
    return emitOpError("expected operands and result of the same shape, got ")
           << lhs << ", " << rhs << " and " << output << " (add_c1)";
  // add_c2
  Type element = output.getElementType();
  for (RankedTensorType operand : {lhs, rhs})
    if (isa<FloatType>(operand.getElementType()) &&
        operand.getElementType() != element)
      return emitOpError("expected a result of ")
             << operand.getElementType() << ", got " << element << " (add_c2)";
  if (isa<FloatType>(element))
    return success();
  if (!element.isInteger(8) || !lhs.getElementType().isInteger(1) ||
      !rhs.getElementType().isInteger(1))
    return emitOpError("expected a float result, or i8 for two binary "
                       "operands; got ")
           << element << " for " << lhs.getElementType() << " and "
           << rhs.getElementType() << " (add_c2)";
  return success();
}

LogicalResult DelayOp::verify() {
  // delay_c1
  RankedTensorType input = getInput().getType();
  if (input.getRank() < 1)
    return emitOpError("expected a sequence with a leading time dimension, got ")
           << input << " (delay_c1)";
  if (failed(expectType(*this, "a result", input, getOutput().getType(),
                        "delay_c1")))
    return failure();
  // delay_c2
  if ((*this)->getParentOfType<TimeLoopOp>())
    return emitOpError("inside a time_loop there is no sequence to delay: delay "
                       "the one that enters the loop (delay_c2)");
  return success();
}

OpFoldResult DelayOp::fold(FoldAdaptor) {
  int64_t steps = getSteps();
  if (steps == 0)
    return getInput();
  // delay(delay(x)) -> delay(x), where both move in the same direction: what
  // one pushes out of the sequence, the other cannot bring back.
  if (auto producer = getInput().getDefiningOp<DelayOp>()) {
    int64_t first = producer.getSteps();
    std::optional<int64_t> sum = llvm::checkedAdd(first, steps);
    if (!sum || (first < 0) != (steps < 0))
      return {};
    setSteps(*sum);
    getInputMutable().assign(producer.getInput());
    return getResult();
  }
  return {};
}
