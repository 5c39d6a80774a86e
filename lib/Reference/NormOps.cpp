//===- NormOps.cpp - Executes batch normalization ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

namespace {
/// The groups of elements that share statistics: one for each channel, or for
/// each step and channel.
struct Groups {
  int64_t steps = 1, channels;
  /// For each element of the input the chain that it is summed in: one for each
  /// index of the first two of more than two dimensions that sums range over.
  std::vector<int64_t> chains;
  /// Elements of each group in row-major order.
  std::vector<std::vector<int64_t>> elements;

  template <typename OpTy>
  Groups(OpTy op, ArrayRef<int64_t> shape) {
    size_t channelDim = size_t(int64_t(shape.size()) + op.getChannelDim());
    channels = shape[channelDim];
    bool perStep = op.getSequence() && op.getMode() == Mode::Train &&
                   op.getStatistics() == Statistics::PerStep;
    if (perStep)
      steps = shape.front();
    SmallVector<size_t> summed;
    for (size_t dim = perStep; dim < shape.size(); ++dim)
      if (dim != channelDim)
        summed.push_back(dim);
    elements.resize(size_t(steps * channels));
    forEachIndex(shape, [&](int64_t i, ArrayRef<int64_t> index) {
      int64_t step = perStep ? index.front() : 0;
      elements[size_t(step * channels + index[channelDim])].push_back(i);
      chains.push_back(summed.size() > 2 ? index[summed[0]] * shape[summed[1]] +
                                               index[summed[1]]
                                         : 0);
    });
  }
  /// The sum over `elements`: that of their chains.
  template <typename Term>
  Scalar sum(Arithmetic &a, ArrayRef<int64_t> elements, Term term) const {
    Scalar total = a.constant(0.0);
    for (size_t i = 0; i < elements.size();) {
      int64_t chain = chains[size_t(elements[i])];
      Scalar partial = a.constant(0.0);
      for (; i < elements.size() && chains[size_t(elements[i])] == chain; ++i)
        partial = a.add(partial, term(elements[i]));
      total = a.add(total, partial);
    }
    return total;
  }
  SmallVector<int64_t> statisticsShape(bool hasSteps) const {
    if (hasSteps)
      return {steps, channels};
    return {channels};
  }
};
} // namespace

/// Fails after an error unless `tensors` have `shape`.
static LogicalResult checkShapes(Operation *op, ArrayRef<const Tensor *> tensors,
                                 ArrayRef<int64_t> shape) {
  for (const Tensor *tensor : tensors)
    if (ArrayRef(tensor->shape) != shape)
      return shapeError(op, "statistics and parameters", shape, tensor->shape);
  return success();
}

static LogicalResult batchNorm(Machine &machine, BatchNormOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &gamma = machine.get(op.getGamma());
  const Tensor &beta = machine.get(op.getBeta());
  Tensor runningMean = machine.get(op.getRunningMean());
  Tensor runningVariance = machine.get(op.getRunningVariance());
  Groups groups(op, x.shape);
  if (failed(checkShapes(op, {&gamma, &beta, &runningMean, &runningVariance},
                         {groups.channels})))
    return failure();
  int64_t times = 1;
  if (op.getTimes()) {
    FailureOr<int64_t> steps = machine.getInteger(op, op.getTimes());
    if (failed(steps))
      return failure();
    times = *steps;
  }
  Arithmetic a = machine.arithmetic(x.kind);
  Scalar epsilon = a.constant(op.getEpsilon().convertToDouble());
  double momentum = op.getMomentum().convertToDouble();
  Scalar kept = a.constant(1.0 - momentum), added = a.constant(momentum);
  bool hasSteps =
      cast<RankedTensorType>(op.getSavedMean().getType()).getRank() == 2;
  Tensor y(x.kind, x.shape);
  Tensor savedMean(x.kind, groups.statisticsShape(hasSteps));
  Tensor savedRstd(x.kind, savedMean.shape);

  for (auto [g, elements] : llvm::enumerate(groups.elements)) {
    int64_t c = int64_t(g) % groups.channels;
    Scalar mean = runningMean[c], variance = runningVariance[c];
    if (op.getMode() == Mode::Train) {
      Scalar count = a.constant(double(elements.size()));
      Scalar sum = groups.sum(a, elements, [&](int64_t i) { return x[i]; });
      mean = a.div(sum, count);
      Scalar squares = groups.sum(a, elements, [&](int64_t i) {
        Scalar centred = a.sub(x[i], mean);
        return a.mul(centred, centred);
      });
      variance = a.div(squares, count);
      // The input may stand for a sequence that repeats it: then all its steps
      // count at once, or each step moves the running statistics.
      bool merged = op.getStatistics() == Statistics::Merged;
      Scalar all =
          a.constant(double(int64_t(elements.size()) * (merged ? times : 1)));
      Scalar unbiased =
          a.mul(variance, a.div(all, a.sub(all, a.constant(1.0))));
      for (int64_t move = 0; move < (merged ? 1 : times); ++move) {
        runningMean[c] = a.add(a.mul(kept, runningMean[c]), a.mul(added, mean));
        runningVariance[c] =
            a.add(a.mul(kept, runningVariance[c]), a.mul(added, unbiased));
      }
    }
    Scalar rstd = a.div(a.constant(1.0), a.sqrt(a.add(variance, epsilon)));
    for (int64_t i : elements)
      y[i] = a.add(a.mul(a.mul(a.sub(x[i], mean), rstd), gamma[c]), beta[c]);
    savedMean[int64_t(g)] = mean;
    savedRstd[int64_t(g)] = rstd;
  }
  machine.set(op.getOutput(), std::move(y));
  machine.set(op.getNewRunningMean(), std::move(runningMean));
  machine.set(op.getNewRunningVariance(), std::move(runningVariance));
  machine.set(op.getSavedMean(), std::move(savedMean));
  machine.set(op.getSavedRstd(), std::move(savedRstd));
  return success();
}

static LogicalResult batchNormGradient(Machine &machine,
                                       BatchNormGradientOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &g = machine.get(op.getGradient());
  const Tensor &gamma = machine.get(op.getGamma());
  const Tensor &mean = machine.get(op.getSavedMean());
  const Tensor &rstd = machine.get(op.getSavedRstd());
  Groups groups(op, x.shape);
  if (g.shape != x.shape)
    return shapeError(op, "gradient", x.shape, g.shape);
  if (failed(checkShapes(op, {&gamma}, {groups.channels})) ||
      failed(checkShapes(op, {&mean, &rstd},
                         groups.statisticsShape(mean.rank() == 2))))
    return failure();
  Arithmetic a = machine.arithmetic(x.kind);
  Tensor inputGradient(x.kind, x.shape);
  Tensor gammaGradient(x.kind, {groups.channels});
  Tensor betaGradient(x.kind, {groups.channels});
  for (auto [group, elements] : llvm::enumerate(groups.elements)) {
    int64_t s = int64_t(group), c = s % groups.channels;
    auto normal = [&](int64_t i) {
      return a.mul(a.sub(x[i], mean[s]), rstd[s]);
    };
    Scalar sum = groups.sum(a, elements, [&](int64_t i) { return g[i]; });
    Scalar sumNormal = groups.sum(
        a, elements, [&](int64_t i) { return a.mul(g[i], normal(i)); });
    betaGradient[c] = a.add(betaGradient[c], sum);
    gammaGradient[c] = a.add(gammaGradient[c], sumNormal);
    Scalar scale = a.mul(gamma[c], rstd[s]);
    Scalar count = a.constant(double(elements.size()));
    for (int64_t i : elements) {
      Scalar rest = g[i];
      if (op.getMode() == Mode::Train)
        rest = a.sub(a.sub(g[i], a.div(sum, count)),
                     a.mul(normal(i), a.div(sumNormal, count)));
      inputGradient[i] = a.mul(scale, rest);
    }
  }
  machine.set(op.getInputGradient(), std::move(inputGradient));
  machine.set(op.getGammaGradient(), std::move(gammaGradient));
  machine.set(op.getBetaGradient(), std::move(betaGradient));
  return success();
}

void addNormOps(Handlers &handlers) {
  handlers.add(batchNorm);
  handlers.add(batchNormGradient);
}

} // namespace rheobase::reference
