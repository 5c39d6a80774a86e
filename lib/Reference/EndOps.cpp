//===- EndOps.cpp - Executes encoders, readouts, losses and metrics ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Encoders
//===----------------------------------------------------------------------===//

/// Zeros of the result's kind: `times` steps of the shape of `step`.
static FailureOr<Tensor> makeSequence(Machine &machine, Operation *op,
                                      Value times, const Tensor &step) {
  FailureOr<int64_t> steps = machine.getInteger(op, times);
  if (failed(steps))
    return failure();
  SmallVector<int64_t> shape{*steps};
  llvm::append_range(shape, step.shape);
  return makeTensor(op, kindOf(op->getResult(0)), shape);
}

static LogicalResult repeat(Machine &machine, RepeatOp op) {
  const Tensor &x = machine.get(op.getInput());
  FailureOr<Tensor> y = makeSequence(machine, op, op.getTimes(), x);
  if (failed(y))
    return failure();
  for (int64_t t = 0; t < y->shape.front(); ++t)
    setStep(*y, t, x);
  machine.set(op, std::move(*y));
  return success();
}

static LogicalResult poisson(Machine &machine, PoissonOp op) {
  const Tensor &x = machine.get(op.getInput());
  FailureOr<int64_t> seed = machine.getInteger(op, op.getSeed());
  if (failed(seed))
    return failure();
  auto draw = [&](int64_t step) {
    Tensor spikes(ElementKind::I1, x.shape);
    int64_t samples = x.shape.empty() ? 1 : x.shape.front();
    int64_t perSample = samples == 0 ? 0 : x.size() / samples;
    for (int64_t i = 0; i < x.size(); ++i) {
      double number = uniformNumber(*seed, op.getId(), step, i / perSample,
                                    i % perSample);
      spikes[i] = Scalar::ofNumber(number < x[i].number);
    }
    return spikes;
  };
  if (op.getStep()) {
    FailureOr<int64_t> step = machine.getInteger(op, op.getStep());
    if (failed(step))
      return failure();
    machine.set(op, draw(*step));
    return success();
  }
  FailureOr<Tensor> y = makeSequence(machine, op, op.getTimes(), x);
  if (failed(y))
    return failure();
  for (int64_t t = 0; t < y->shape.front(); ++t)
    setStep(*y, t, draw(t));
  machine.set(op, std::move(*y));
  return success();
}

static LogicalResult latency(Machine &machine, LatencyOp op) {
  const Tensor &x = machine.get(op.getInput());
  FailureOr<Tensor> y = makeSequence(machine, op, op.getTimes(), x);
  if (failed(y))
    return failure();
  int64_t steps = y->shape.front();
  Arithmetic a = machine.arithmetic(x.kind);
  Scalar threshold = a.constant(op.getThreshold().convertToDouble());
  Scalar one = a.constant(1.0), last = a.constant(double(steps - 1));
  for (int64_t i = 0; i < x.size(); ++i) {
    if (!(x[i].number > threshold.number))
      continue;
    Scalar clipped = Scalar::ofNumber(std::min(std::max(x[i].number, 0.0), 1.0));
    double step =
        std::nearbyint(a.mul(a.sub(one, clipped), last).number);
    if (step >= 0.0 && step < double(steps))
      (*y)[int64_t(step) * x.size() + i] = Scalar::ofNumber(1.0);
  }
  machine.set(op, std::move(*y));
  return success();
}

//===----------------------------------------------------------------------===//
// Readouts
//===----------------------------------------------------------------------===//

/// The step of the first maximum of an element; -1 if nothing is larger than
/// minus infinity.
static int64_t firstMaximum(const Tensor &sequence, int64_t i,
                            int64_t elements) {
  int64_t best = -1;
  double largest = -INFINITY;
  for (int64_t t = 0; t < sequence.shape.front(); ++t)
    if (sequence[t * elements + i].number > largest) {
      best = t;
      largest = sequence[t * elements + i].number;
    }
  return best;
}

static LogicalResult readout(Machine &machine, ReadoutOp op) {
  const Tensor &x = machine.get(op.getInput());
  Tensor y(kindOf(op), ArrayRef(x.shape).drop_front());
  int64_t steps = x.shape.front(), elements = y.size();
  Arithmetic a = machine.arithmetic(y.kind);
  for (int64_t i = 0; i < elements; ++i) {
    auto at = [&](int64_t t) { return a.convert(x[t * elements + i]); };
    switch (op.getKind()) {
    case Readout::Rate:
    case Readout::Sum: {
      Scalar sum = a.constant(0.0);
      for (int64_t t = 0; t < steps; ++t)
        sum = a.add(sum, at(t));
      y[i] = op.getKind() == Readout::Rate
                 ? a.div(sum, a.constant(double(steps)))
                 : sum;
      break;
    }
    case Readout::Max: {
      int64_t best = firstMaximum(x, i, elements);
      y[i] = best < 0 ? a.constant(-INFINITY) : at(best);
      break;
    }
    case Readout::Last:
      y[i] = steps == 0 ? a.constant(0.0) : at(steps - 1);
      break;
    case Readout::FirstSpike: {
      int64_t first = 0;
      while (first < steps && x[first * elements + i].number == 0.0)
        ++first;
      y[i] = a.constant(double(first));
      break;
    }
    }
  }
  machine.set(op, std::move(y));
  return success();
}

static LogicalResult readoutMaxGradient(Machine &machine,
                                        ReadoutMaxGradientOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &g = machine.get(op.getGradient());
  if (ArrayRef(x.shape).drop_front() != ArrayRef(g.shape))
    return shapeError(op, "gradient", ArrayRef(x.shape).drop_front(), g.shape);
  Tensor y(kindOf(op), x.shape);
  for (int64_t i = 0; i < g.size(); ++i) {
    int64_t best = firstMaximum(x, i, g.size());
    if (best >= 0)
      y[best * g.size() + i] = g[i];
  }
  machine.set(op, std::move(y));
  return success();
}

//===----------------------------------------------------------------------===//
// Losses
//===----------------------------------------------------------------------===//

namespace {
/// The softmax of one sample's logits.
struct Softmax {
  Scalar maximum, sum;

  Softmax(const Arithmetic &a, ArrayRef<Scalar> logits)
      : maximum(a.constant(-INFINITY)), sum(a.constant(0.0)) {
    for (Scalar logit : logits)
      if (logit.number > maximum.number)
        maximum = logit;
    for (Scalar logit : logits)
      sum = a.add(sum, a.exp(a.sub(logit, maximum)));
  }
};
} // namespace

/// Fails after an error unless there is a label for each row of logits.
static LogicalResult checkLabels(Operation *op, const Tensor &logits,
                                 const Tensor &labels) {
  if (logits.rank() == 2 && labels.size() == logits.shape[0])
    return success();
  return shapeError(op, "labels", ArrayRef(logits.shape).take_front(1),
                    labels.shape);
}

static ArrayRef<Scalar> getRow(const Tensor &matrix, int64_t row) {
  return ArrayRef(matrix.elements)
      .slice(size_t(row * matrix.shape[1]), size_t(matrix.shape[1]));
}

static LogicalResult crossEntropy(Machine &machine, CrossEntropyOp op) {
  const Tensor &logits = machine.get(op.getLogits());
  const Tensor &labels = machine.get(op.getLabels());
  if (failed(checkLabels(op, logits, labels)))
    return failure();
  Arithmetic a = machine.arithmetic(logits.kind);
  Scalar sum = a.constant(0.0);
  for (int64_t sample = 0; sample < labels.size(); ++sample) {
    ArrayRef<Scalar> row = getRow(logits, sample);
    Softmax softmax(a, row);
    Scalar selected = a.constant(0.0);
    for (auto [c, logit] : llvm::enumerate(row))
      if (double(c) == labels[sample].number)
        selected = logit;
    sum = a.add(
        sum, a.sub(a.add(a.log(softmax.sum), softmax.maximum), selected));
  }
  machine.set(op, Tensor::scalar(logits.kind,
                                 a.div(sum, a.constant(double(labels.size())))));
  return success();
}

static LogicalResult crossEntropyGradient(Machine &machine,
                                          CrossEntropyGradientOp op) {
  const Tensor &logits = machine.get(op.getLogits());
  const Tensor &labels = machine.get(op.getLabels());
  if (failed(checkLabels(op, logits, labels)))
    return failure();
  Arithmetic a = machine.arithmetic(logits.kind);
  Scalar scale = a.div(machine.get(op.getGradient())[0],
                       a.constant(double(labels.size())));
  Tensor y(logits.kind, logits.shape);
  int64_t i = 0;
  for (int64_t sample = 0; sample < labels.size(); ++sample) {
    ArrayRef<Scalar> row = getRow(logits, sample);
    Softmax softmax(a, row);
    for (auto [c, logit] : llvm::enumerate(row)) {
      Scalar share =
          a.div(a.exp(a.sub(logit, softmax.maximum)), softmax.sum);
      Scalar target = a.constant(double(c) == labels[sample].number);
      y[i++] = a.mul(a.sub(share, target), scale);
    }
  }
  machine.set(op, std::move(y));
  return success();
}

static LogicalResult meanSquaredError(Machine &machine,
                                      MeanSquaredErrorOp op) {
  const Tensor &prediction = machine.get(op.getPrediction());
  const Tensor &target = machine.get(op.getTarget());
  if (prediction.shape != target.shape)
    return shapeError(op, "target", prediction.shape, target.shape);
  Arithmetic a = machine.arithmetic(prediction.kind);
  Scalar sum = a.constant(0.0);
  for (int64_t i = 0; i < prediction.size(); ++i) {
    Scalar error = a.sub(prediction[i], target[i]);
    sum = a.add(sum, a.mul(error, error));
  }
  machine.set(op, Tensor::scalar(
                      prediction.kind,
                      a.div(sum, a.constant(double(prediction.size())))));
  return success();
}

//===----------------------------------------------------------------------===//
// Targets and metrics
//===----------------------------------------------------------------------===//

static LogicalResult countTarget(Machine &machine, CountTargetOp op) {
  const Tensor &labels = machine.get(op.getLabels());
  FailureOr<int64_t> steps = machine.getInteger(op, op.getSteps());
  if (failed(steps))
    return failure();
  int64_t classes = cast<RankedTensorType>(op.getType()).getShape().back();
  Tensor y(kindOf(op), {labels.size(), classes});
  Arithmetic a = machine.arithmetic(y.kind);
  auto count = [&](const APFloat &rate) {
    return a.mul(a.constant(double(*steps)),
                 a.constant(rate.convertToDouble()));
  };
  Scalar correct = count(op.getCorrectRate());
  Scalar incorrect = count(op.getIncorrectRate());
  for (int64_t i = 0; i < y.size(); ++i)
    y[i] = double(i % classes) == labels[i / classes].number ? correct
                                                             : incorrect;
  machine.set(op, std::move(y));
  return success();
}

static LogicalResult countCorrect(Machine &machine, CountCorrectOp op) {
  const Tensor &logits = machine.get(op.getLogits());
  const Tensor &labels = machine.get(op.getLabels());
  if (failed(checkLabels(op, logits, labels)))
    return failure();
  int64_t correct = 0;
  for (int64_t sample = 0; sample < labels.size(); ++sample) {
    int64_t best = -1;
    double largest = -INFINITY;
    for (auto [c, logit] : llvm::enumerate(getRow(logits, sample)))
      if (logit.number > largest) {
        best = int64_t(c);
        largest = logit.number;
      }
    correct += double(best) == labels[sample].number;
  }
  machine.set(op, Tensor::scalar(ElementKind::I32,
                                 Scalar::ofNumber(double(correct))));
  return success();
}

static LogicalResult spikeRate(Machine &machine, SpikeRateOp op) {
  int64_t spikes = 0, entries = 0;
  for (Value value : op.getSpikes()) {
    const Tensor &train = machine.get(value);
    for (const Scalar &element : train.elements)
      spikes += element.number != 0.0;
    entries += train.size();
  }
  Arithmetic a = machine.arithmetic(ElementKind::F32);
  machine.set(op, Tensor::scalar(ElementKind::F32,
                                 a.div(a.constant(double(spikes)),
                                       a.constant(double(
                                           std::max<int64_t>(entries, 1))))));
  return success();
}

void addEndOps(Handlers &handlers) {
  handlers.add(repeat);
  handlers.add(poisson);
  handlers.add(latency);
  handlers.add(readout);
  handlers.add(readoutMaxGradient);
  handlers.add(crossEntropy);
  handlers.add(crossEntropyGradient);
  handlers.add(meanSquaredError);
  handlers.add(countTarget);
  handlers.add(countCorrect);
  handlers.add(spikeRate);
}

} // namespace rheobase::reference
