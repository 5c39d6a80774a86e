//===- SpikingEndOps.cpp - Encoders, readouts, losses, optimizers -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "Shapes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase::spiking;

/// tensor<element>.
static RankedTensorType getScalar(Type type) {
  return RankedTensorType::get({}, getElementTypeOrSelf(type));
}

/// Checks that `sequence` has a leading time dimension before `step`'s shape.
static LogicalResult verifySequenceOf(Operation *op, RankedTensorType sequence,
                                      RankedTensorType step, StringRef label) {
  if (sequence.getRank() == step.getRank() + 1 &&
      sequence.getShape().drop_front() == step.getShape())
    return success();
  return op->emitOpError("expected ")
         << step << " with a leading time dimension, got " << sequence << " ("
         << label << ")";
}

//===----------------------------------------------------------------------===//
// Encoders
//===----------------------------------------------------------------------===//

LogicalResult RepeatOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  // repeat_c1
  if (failed(verifySequenceOf(*this, output, input, "repeat_c1")))
    return failure();
  return expectType(*this, "a result", output.clone(input.getElementType()),
                    output, "repeat_c1");
}

LogicalResult PoissonOp::verify() {
  RankedTensorType input = getInput().getType(), spikes = getSpikes().getType();
  // poisson_c1
  if (bool(getTimes()) == bool(getStep()))
    return emitOpError("expected either a number of time steps or the time "
                       "step (poisson_c1)");
  // poisson_c2
  if (getTimes()) {
    if (failed(verifySequenceOf(*this, spikes, input, "poisson_c2")))
      return failure();
  } else if (spikes.getShape() != input.getShape()) {
    return emitOpError("expected spikes of shape ")
           << formatShape(input.getShape()) << ", got " << spikes
           << " (poisson_c2)";
  }
  // poisson_c3
  if (input.getRank() < 1)
    return emitOpError("expected probabilities [B, ...], got ")
           << input << " (poisson_c3)";
  return expectType(*this, "a seed", getScalar(getSeed().getType()),
                    getSeed().getType(), "poisson_c3");
}

LogicalResult LatencyOp::verify() {
  return verifySequenceOf(*this, getSpikes().getType(), getInput().getType(),
                          "latency_c1");
}

//===----------------------------------------------------------------------===//
// Readouts
//===----------------------------------------------------------------------===//

LogicalResult ReadoutOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  // readout_c1
  if (failed(verifySequenceOf(*this, input, output, "readout_c1")))
    return failure();
  // readout_c2
  if (isa<FloatType>(input.getElementType()))
    return expectType(*this, "a result", output.clone(input.getElementType()),
                      output, "readout_c2");
  return success();
}

LogicalResult ReadoutMaxGradientOp::verify() {
  RankedTensorType input = getInput().getType();
  RankedTensorType gradient = getGradient().getType();
  // readout_max_gradient_c1
  if (input.getRank() < 1 ||
      !mayEqual(input.getShape().drop_front(), gradient.getShape()))
    return emitOpError("expected ")
           << gradient << " with a leading time dimension, got " << input
           << " (readout_max_gradient_c1)";
  // readout_max_gradient_c2
  Type element = gradient.getElementType();
  if (isa<FloatType>(input.getElementType()) &&
      input.getElementType() != element)
    return emitOpError("expected a gradient of ")
           << input.getElementType() << ", got " << gradient
           << " (readout_max_gradient_c2)";
  return expectType(*this, "a result", input.clone(element),
                    getInputGradient().getType(), "readout_max_gradient_c2");
}

//===----------------------------------------------------------------------===//
// Losses and metrics
//===----------------------------------------------------------------------===//

/// Checks logits [B, C] against labels [B].
static LogicalResult verifyClasses(Operation *op, RankedTensorType logits,
                                   RankedTensorType labels, StringRef label) {
  if (logits.getRank() == 2 && labels.getRank() == 1 &&
      mayEqual(logits.getDimSize(0), labels.getDimSize(0)))
    return success();
  return op->emitOpError("expected logits [B, C] and labels [B], got ")
         << logits << " and " << labels << " (" << label << ")";
}

LogicalResult CrossEntropyOp::verify() {
  RankedTensorType logits = getLogits().getType();
  // cross_entropy_c1
  if (failed(verifyClasses(*this, logits, getLabels().getType(),
                           "cross_entropy_c1")))
    return failure();
  return expectType(*this, "a loss", getScalar(logits), getLoss().getType(),
                    "cross_entropy_c1");
}

LogicalResult CrossEntropyGradientOp::verify() {
  RankedTensorType logits = getLogits().getType();
  // cross_entropy_gradient_c1
  if (failed(verifyClasses(*this, logits, getLabels().getType(),
                           "cross_entropy_gradient_c1")) ||
      failed(expectType(*this, "a gradient", getScalar(logits),
                        getGradient().getType(), "cross_entropy_gradient_c1")))
    return failure();
  return expectType(*this, "a result", logits, getLogitsGradient().getType(),
                    "cross_entropy_gradient_c1");
}

LogicalResult MeanSquaredErrorOp::verify() {
  // mean_squared_error_c1
  RankedTensorType prediction = getPrediction().getType();
  if (failed(expectType(*this, "a target", prediction, getTarget().getType(),
                        "mean_squared_error_c1")))
    return failure();
  return expectType(*this, "a loss", getScalar(prediction), getLoss().getType(),
                    "mean_squared_error_c1");
}

LogicalResult CountTargetOp::verify() {
  RankedTensorType labels = getLabels().getType(), counts = getCounts().getType();
  // count_target_c1
  if (labels.getRank() != 1 || counts.getRank() != 2 ||
      labels.getDimSize(0) != counts.getDimSize(0) || counts.isDynamicDim(1))
    return emitOpError("expected labels [B] and counts [B, C] with a static "
                       "number of classes, got ")
           << labels << " and " << counts << " (count_target_c1)";
  // count_target_c2
  for (APFloat rate : {getCorrectRate(), getIncorrectRate()}) {
    double value = rate.convertToDouble();
    if (!(value >= 0 && value <= 1))
      return emitOpError("rates must be between 0 and 1, got ")
             << formatNumber(value) << " (count_target_c2)";
  }
  return success();
}

LogicalResult CountCorrectOp::verify() {
  // count_correct_c1
  if (failed(verifyClasses(*this, getLogits().getType(), getLabels().getType(),
                           "count_correct_c1")))
    return failure();
  return expectType(*this, "a result", getScalar(getCount().getType()),
                    getCount().getType(), "count_correct_c1");
}

LogicalResult SpikeRateOp::verify() {
  // spike_rate_c1
  return expectType(*this, "a result", getScalar(getRate().getType()),
                    getRate().getType(), "spike_rate_c1");
}

//===----------------------------------------------------------------------===//
// ReduceSumOp, BroadcastOp
//===----------------------------------------------------------------------===//

LogicalResult ReduceSumOp::verify() {
  RankedTensorType input = getInput().getType();
  // reduce_sum_c1
  int64_t previous = -1;
  for (int64_t dim : getDims()) {
    if (dim <= previous || dim >= input.getRank())
      return emitOpError("expected ascending dimensions of ")
             << input << ", got " << formatShape(getDims())
             << " (reduce_sum_c1)";
    previous = dim;
  }
  // reduce_sum_c2
  SmallVector<int64_t> shape;
  for (auto [dim, extent] : llvm::enumerate(input.getShape())) {
    if (!llvm::is_contained(getDims(), int64_t(dim)))
      shape.push_back(extent);
    else if (getKeepDims())
      shape.push_back(1);
  }
  return expectType(*this, "a result",
                    RankedTensorType::get(shape, input.getElementType()),
                    getOutput().getType(), "reduce_sum_c2");
}

OpFoldResult ReduceSumOp::fold(FoldAdaptor) {
  return getDims().empty() ? getInput() : Value();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType input = getInput().getType(), output = getOutput().getType();
  // broadcast_c1
  if (!broadcastsTo(input.getShape(), output.getShape()) ||
      input.getElementType() != output.getElementType())
    return emitOpError("cannot broadcast ")
           << input << " to " << output << " (broadcast_c1)";
  if (getSizes().size() != static_cast<size_t>(output.getNumDynamicDims()))
    return emitOpError("expected ")
           << output.getNumDynamicDims() << " sizes for " << output << ", got "
           << getSizes().size() << " (broadcast_c1)";
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  // Only a missing dimension or a static 1 is repeated.
  if (getInput().getType() == getType())
    return getInput();
  if (auto splat = dyn_cast_if_present<SplatElementsAttr>(adaptor.getInput());
      splat && getType().hasStaticShape())
    return splat.resizeSplat(getType());
  // broadcast(broadcast(x)) -> broadcast(x)
  if (auto producer = getInput().getDefiningOp<BroadcastOp>()) {
    getInputMutable().assign(producer.getInput());
    return getResult();
  }
  return {};
}

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

/// Checks that `values` have the parameter's type and the rate is a scalar.
template <typename Op>
static LogicalResult verifyUpdate(Op op, ValueRange values, StringRef label) {
  RankedTensorType parameter = op.getParameter().getType();
  for (Value value : values)
    if (failed(expectType(op, "a value like the parameter", parameter,
                          value.getType(), label)))
      return failure();
  return expectType(op, "a learning rate", getScalar(parameter),
                    op.getLearningRate().getType(), label);
}

LogicalResult SGDOp::verify() {
  // sgd_c1
  SmallVector<Value> values{getGradient(), getNewParameter()};
  for (Value buffer : {Value(getBuffer()), Value(getNewBuffer())})
    if (buffer)
      values.push_back(buffer);
  if (failed(verifyUpdate(*this, values, "sgd_c1")))
    return failure();
  // sgd_c2
  double momentum = getMomentum().convertToDouble();
  if (bool(getBuffer()) != (momentum != 0) ||
      bool(getNewBuffer()) != (momentum != 0))
    return emitOpError("expected ")
           << (momentum != 0 ? "a buffer and a new one" : "no buffer")
           << " with momentum " << formatNumber(momentum) << " (sgd_c2)";
  // sgd_c3
  double weightDecay = getWeightDecay().convertToDouble();
  if (!(momentum >= 0 && weightDecay >= 0) || (getNesterov() && momentum == 0))
    return emitOpError("momentum and weight decay must not be negative, and "
                       "nesterov needs momentum (sgd_c3)");
  return success();
}

LogicalResult AdamOp::verify() {
  // adam_c1
  if (failed(verifyUpdate(*this,
                          {getGradient(), getFirstMoment(), getSecondMoment(),
                           getNewParameter(), getNewFirstMoment(),
                           getNewSecondMoment()},
                          "adam_c1")) ||
      failed(expectType(*this, "a step", getScalar(getStep().getType()),
                        getStep().getType(), "adam_c1")))
    return failure();
  // adam_c2
  for (APFloat beta : {getBeta1(), getBeta2()}) {
    double value = beta.convertToDouble();
    if (!(value >= 0 && value < 1))
      return emitOpError("beta1 and beta2 must be at least 0 and less than 1, "
                         "got ")
             << formatNumber(value) << " (adam_c2)";
  }
  for (APFloat number : {getEpsilon(), getWeightDecay()}) {
    double value = number.convertToDouble();
    if (!(value >= 0))
      return emitOpError("epsilon and weight decay must not be negative, got ")
             << formatNumber(value) << " (adam_c2)";
  }
  return success();
}

LogicalResult ClipGradientsOp::verify() {
  // clip_gradients_c1
  if (!llvm::equal(getGradients().getTypes(), getClipped().getTypes()))
    return emitOpError("expected results of types (")
           << getGradients().getTypes() << "), got (" << getClipped().getTypes()
           << ") (clip_gradients_c1)";
  for (Value gradient : getGradients()) {
    Type first = getElementTypeOrSelf(getGradients().front().getType());
    if (getElementTypeOrSelf(gradient.getType()) != first)
      return emitOpError("expected gradients of one element type, got ")
             << first << " and " << getElementTypeOrSelf(gradient.getType())
             << " (clip_gradients_c1)";
  }
  // clip_gradients_c2
  double maxNorm = getMaxNorm().convertToDouble();
  double epsilon = getEpsilon().convertToDouble();
  if (!(maxNorm > 0))
    return emitOpError("max_norm must be positive, got ")
           << formatNumber(maxNorm) << " (clip_gradients_c2)";
  if (!(epsilon >= 0))
    return emitOpError("epsilon must not be negative, got ")
           << formatNumber(epsilon) << " (clip_gradients_c2)";
  return success();
}
