//===- LayerAdjoints.cpp - Adjoints of synapses, readouts and losses --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Builders.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase::spiking;

/// The type of the cotangent of `primal` where `cotangent` arrives.
static RankedTensorType getCotangentType(Value primal, Value cotangent) {
  auto type = cast<RankedTensorType>(primal.getType());
  return type.clone(getElementTypeOrSelf(cotangent.getType()));
}

/// The sum over all dimensions but `kept`.
static Value sumAllBut(OpBuilder &builder, Location loc, Value value,
                       int64_t kept) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (dim != kept)
      dims.push_back(dim);
  if (dims.empty())
    return value;
  return ReduceSumOp::create(builder, loc, type.clone({type.getDimSize(kept)}),
                             value, dims);
}

/// `value` divided by a number known at compile time.
static Value divideBy(OpBuilder &builder, Location loc, Value value,
                      double divisor) {
  if (divisor == 1)
    return value;
  Value splat = createSplat(builder, loc, divisor,
                            getElementTypeOrSelf(value.getType()), value);
  return arith::DivFOp::create(builder, loc, value, splat);
}

/// `count` (an index) as a float in the shape of `like`.
static Value splatCount(OpBuilder &builder, Location loc, Value count,
                        Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  Value number =
      arith::IndexCastOp::create(builder, loc, builder.getI64Type(), count);
  number = arith::SIToFPOp::create(builder, loc, type.getElementType(), number);
  return tensor::SplatOp::create(builder, loc, type, number,
                                 getDynamicSizes(builder, loc, like));
}

//===----------------------------------------------------------------------===//
// Synapses
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::buildAdjoint(OpBuilder &builder,
                                     AdjointContext &context) {
  Location loc = getLoc();
  Value g = context.getCotangent(getOutput());
  if (context.needsCotangent(getInput())) {
    auto type = cast<RankedTensorType>(getWeight().getType());
    Value transposed = TransposeOp::create(
        builder, loc, type.clone({type.getDimSize(1), type.getDimSize(0)}),
        getWeight(), ArrayRef<int64_t>{1, 0});
    context.addCotangent(getInput(),
                         LinearOp::create(builder, loc,
                                          getCotangentType(getInput(), g), g,
                                          transposed, /*bias=*/Value()));
  }
  if (context.needsCotangent(getWeight()))
    context.addCotangent(getWeight(), LinearWeightGradientOp::create(
                                          builder, loc, getWeight().getType(),
                                          getInput(), g));
  if (getBias() && context.needsCotangent(getBias()))
    context.addCotangent(
        getBias(),
        sumAllBut(builder, loc, g,
                  cast<RankedTensorType>(g.getType()).getRank() - 1));
  return success();
}

LogicalResult ConvOp::buildAdjoint(OpBuilder &builder,
                                   AdjointContext &context) {
  Location loc = getLoc();
  Value g = context.getCotangent(getOutput());
  if (context.needsCotangent(getInput()))
    context.addCotangent(
        getInput(), ConvInputGradientOp::create(
                        builder, loc, getCotangentType(getInput(), g), g,
                        getWeight(), getStridesAttr(), getPaddingAttr(),
                        getDilationsAttr(), getGroupsAttr(), getLayoutAttr()));
  if (context.needsCotangent(getWeight()))
    context.addCotangent(
        getWeight(), ConvWeightGradientOp::create(
                         builder, loc, getWeight().getType(), getInput(), g,
                         getStridesAttr(), getPaddingAttr(), getDilationsAttr(),
                         getGroupsAttr(), getLayoutAttr()));
  if (getBias() && context.needsCotangent(getBias())) {
    int64_t rank = cast<RankedTensorType>(g.getType()).getRank();
    int64_t channels = getLayout() == Layout::ChannelsFirst ? rank - 3 : rank - 1;
    context.addCotangent(getBias(), sumAllBut(builder, loc, g, channels));
  }
  return success();
}

static Value createSumPoolGradient(OpBuilder &builder, Location loc,
                                   Value input, Value g,
                                   DenseI64ArrayAttr kernel,
                                   DenseI64ArrayAttr strides,
                                   DenseI64ArrayAttr padding,
                                   LayoutAttr layout) {
  return SumPoolGradientOp::create(builder, loc, getCotangentType(input, g), g,
                                   kernel, strides, padding, layout);
}

LogicalResult AvgPoolOp::buildAdjoint(OpBuilder &builder,
                                      AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  g = divideBy(builder, getLoc(), g, getKernel()[0] * getKernel()[1]);
  context.addCotangent(
      getInput(), createSumPoolGradient(builder, getLoc(), getInput(), g,
                                        getKernelAttr(), getStridesAttr(),
                                        getPaddingAttr(), getLayoutAttr()));
  return success();
}

LogicalResult SumPoolOp::buildAdjoint(OpBuilder &builder,
                                      AdjointContext &context) {
  context.addCotangent(
      getInput(),
      createSumPoolGradient(builder, getLoc(), getInput(),
                            context.getCotangent(getOutput()), getKernelAttr(),
                            getStridesAttr(), getPaddingAttr(),
                            getLayoutAttr()));
  return success();
}

LogicalResult MaxPoolOp::buildAdjoint(OpBuilder &builder,
                                      AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(
      getInput(), MaxPoolGradientOp::create(
                      builder, getLoc(), getCotangentType(getInput(), g),
                      getInput(), g, getKernelAttr(), getStridesAttr(),
                      getPaddingAttr(), getLayoutAttr()));
  return success();
}

LogicalResult BatchNormOp::buildAdjoint(OpBuilder &builder,
                                        AdjointContext &context) {
  for (Value statistics : getResults().drop_front())
    if (context.getCotangent(statistics))
      return emitOpError("statistics carry no gradient: only the normalized "
                         "input may be differentiated");
  Value g = context.getCotangent(getOutput());
  auto gradient = BatchNormGradientOp::create(
      builder, getLoc(),
      TypeRange{getInput().getType(), getGamma().getType(),
                getBeta().getType()},
      ValueRange{getInput(), g, getGamma(), getSavedMean(), getSavedRstd()});
  gradient.setChannelDimAttr(getChannelDimAttr());
  gradient.setStatisticsAttr(getStatisticsAttr());
  gradient.setSequenceAttr(getSequenceAttr());
  gradient.setModeAttr(getModeAttr());
  context.addCotangent(getInput(), gradient.getInputGradient());
  context.addCotangent(getGamma(), gradient.getGammaGradient());
  context.addCotangent(getBeta(), gradient.getBetaGradient());
  return success();
}

LogicalResult DropoutOp::buildAdjoint(OpBuilder &builder,
                                      AdjointContext &context) {
  // Linear, and the mask is a function of what the operation is given.
  IRMapping mapping;
  mapping.map(getInput(), context.getCotangent(getOutput()));
  context.addCotangent(getInput(),
                       builder.clone(*getOperation(), mapping)->getResult(0));
  return success();
}

LogicalResult FlattenOp::buildAdjoint(OpBuilder &builder,
                                      AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(getInput(),
                       UnflattenOp::create(builder, getLoc(),
                                           getCotangentType(getInput(), g), g,
                                           getDimsAttr()));
  return success();
}

LogicalResult UnflattenOp::buildAdjoint(OpBuilder &builder,
                                        AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(getInput(),
                       FlattenOp::create(builder, getLoc(),
                                         getCotangentType(getInput(), g), g,
                                         getDimsAttr()));
  return success();
}

LogicalResult TransposeOp::buildAdjoint(OpBuilder &builder,
                                        AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [to, from] : llvm::enumerate(getPermutation()))
    inverse[from] = to;
  context.addCotangent(getInput(),
                       TransposeOp::create(builder, getLoc(),
                                           getCotangentType(getInput(), g), g,
                                           inverse));
  return success();
}

LogicalResult AddOp::buildAdjoint(OpBuilder &builder, AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(getRhs(), g);
  context.addCotangent(getLhs(), g);
  return success();
}

LogicalResult DelayOp::buildAdjoint(OpBuilder &builder,
                                    AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(getInput(), DelayOp::create(builder, getLoc(),
                                                   g.getType(), g,
                                                   -getSteps()));
  return success();
}

//===----------------------------------------------------------------------===//
// Encoders and readouts
//===----------------------------------------------------------------------===//

LogicalResult RepeatOp::buildAdjoint(OpBuilder &builder,
                                     AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(getInput(),
                       ReduceSumOp::create(builder, getLoc(),
                                           getCotangentType(getInput(), g), g,
                                           ArrayRef<int64_t>{0}));
  return success();
}

LogicalResult PoissonOp::buildAdjoint(OpBuilder &, AdjointContext &) {
  return success();
}
bool PoissonOp::isDerivativeZero() { return true; }

LogicalResult LatencyOp::buildAdjoint(OpBuilder &, AdjointContext &) {
  return success();
}
bool LatencyOp::isDerivativeZero() { return true; }

bool ReadoutOp::isDerivativeZero() { return getKind() == Readout::FirstSpike; }

LogicalResult ReadoutOp::buildAdjoint(OpBuilder &builder,
                                      AdjointContext &context) {
  Location loc = getLoc();
  Value g = context.getCotangent(getOutput());
  RankedTensorType type = getCotangentType(getInput(), g);
  if (getKind() == Readout::Max) {
    context.addCotangent(getInput(), ReadoutMaxGradientOp::create(
                                         builder, loc, type, getInput(), g));
    return success();
  }
  Value steps = tensor::DimOp::create(builder, loc, getInput(), 0);
  switch (getKind()) {
  case Readout::Rate:
    g = arith::DivFOp::create(builder, loc, g,
                              splatCount(builder, loc, steps, g));
    [[fallthrough]];
  case Readout::Sum:
    context.addCotangent(getInput(),
                         RepeatOp::create(builder, loc, type, g, steps));
    break;
  case Readout::Last: {
    Value zeros =
        createSplat(builder, loc, 0.0, type.getElementType(), getInput());
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0));
    SmallVector<OpFoldResult> strides(type.getRank(), builder.getIndexAttr(1));
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, loc, getInput());
    offsets[0] =
        arith::SubIOp::create(builder, loc, steps, one).getResult();
    sizes[0] = builder.getIndexAttr(1);
    context.addCotangent(getInput(),
                         tensor::InsertSliceOp::create(
                             builder, loc, g, zeros, offsets, sizes, strides));
    break;
  }
  case Readout::Max:
  case Readout::FirstSpike:
    break;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

LogicalResult CrossEntropyOp::buildAdjoint(OpBuilder &builder,
                                           AdjointContext &context) {
  context.addCotangent(getLogits(),
                       CrossEntropyGradientOp::create(
                           builder, getLoc(), getLogits().getType(),
                           getLogits(), getLabels(),
                           context.getCotangent(getLoss())));
  return success();
}

LogicalResult MeanSquaredErrorOp::buildAdjoint(OpBuilder &builder,
                                               AdjointContext &context) {
  Location loc = getLoc();
  Value prediction = getPrediction();
  auto type = cast<RankedTensorType>(prediction.getType());
  Value count = arith::ConstantIndexOp::create(builder, loc, 1);
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    count = arith::MulIOp::create(
        builder, loc, count,
        tensor::DimOp::create(builder, loc, prediction, dim));
  Value difference =
      arith::SubFOp::create(builder, loc, prediction, getTarget());
  Value two = createSplat(builder, loc, 2.0, type.getElementType(), prediction);
  Value gradient = arith::MulFOp::create(builder, loc, two, difference);
  gradient = arith::DivFOp::create(
      builder, loc, gradient, splatCount(builder, loc, count, prediction));
  Value g = BroadcastOp::create(builder, loc, type,
                                context.getCotangent(getLoss()),
                                getDynamicSizes(builder, loc, prediction));
  gradient = arith::MulFOp::create(builder, loc, gradient, g);
  context.addCotangent(getPrediction(), gradient);
  if (context.needsCotangent(getTarget()))
    context.addCotangent(getTarget(),
                         arith::NegFOp::create(builder, loc, gradient));
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions and broadcasts
//===----------------------------------------------------------------------===//

LogicalResult ReduceSumOp::buildAdjoint(OpBuilder &builder,
                                        AdjointContext &context) {
  Location loc = getLoc();
  Value g = context.getCotangent(getOutput());
  RankedTensorType type = getCotangentType(getInput(), g);
  if (!getKeepDims()) {
    // Put the summed dimensions back, as ones.
    SmallVector<int64_t> shape(type.getShape());
    SmallVector<ReassociationIndices> groups;
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(builder, loc, getInput());
    ReassociationIndices group;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      group.push_back(dim);
      if (llvm::is_contained(getDims(), dim)) {
        shape[dim] = 1;
        sizes[dim] = builder.getIndexAttr(1);
        continue;
      }
      groups.push_back(std::move(group));
      group.clear();
    }
    if (!groups.empty()) {
      groups.back().append(group);
      if (!getDims().empty())
        g = tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), g,
                                          groups, sizes);
    }
  }
  context.addCotangent(getInput(),
                       BroadcastOp::create(
                           builder, loc, type, g,
                           getDynamicSizes(builder, loc, getInput())));
  return success();
}

LogicalResult BroadcastOp::buildAdjoint(OpBuilder &builder,
                                        AdjointContext &context) {
  Value g = context.getCotangent(getOutput());
  context.addCotangent(
      getInput(), reduceToShape(builder, getLoc(), g,
                                cast<RankedTensorType>(getInput().getType())));
  return success();
}
