//===- OptimizerOps.cpp - Executes optimizers -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

/// Fails after an error unless all tensors have the first one's shape.
static LogicalResult checkSameShape(Operation *op,
                                    ArrayRef<const Tensor *> tensors) {
  for (const Tensor *tensor : tensors)
    if (tensor->shape != tensors.front()->shape)
      return shapeError(op, "operands", tensors.front()->shape, tensor->shape);
  return success();
}

static LogicalResult sgd(Machine &machine, SGDOp op) {
  Tensor p = machine.get(op.getParameter());
  const Tensor &g = machine.get(op.getGradient());
  Tensor m = op.getBuffer() ? machine.get(op.getBuffer()) : p;
  if (failed(checkSameShape(op, {&p, &g, &m})))
    return failure();
  Arithmetic a = machine.arithmetic(p.kind);
  Scalar rate = machine.get(op.getLearningRate())[0];
  Scalar momentum = a.constant(op.getMomentum().convertToDouble());
  double weightDecay = op.getWeightDecay().convertToDouble();
  for (int64_t i = 0; i < p.size(); ++i) {
    Scalar d = g[i];
    if (weightDecay != 0.0)
      d = a.add(d, a.mul(a.constant(weightDecay), p[i]));
    if (op.getBuffer()) {
      m[i] = a.add(a.mul(momentum, m[i]), d);
      d = op.getNesterov() ? a.add(d, a.mul(momentum, m[i])) : m[i];
    }
    p[i] = a.sub(p[i], a.mul(rate, d));
  }
  machine.set(op.getNewParameter(), std::move(p));
  if (op.getNewBuffer())
    machine.set(op.getNewBuffer(), std::move(m));
  return success();
}

static LogicalResult adam(Machine &machine, AdamOp op) {
  Tensor p = machine.get(op.getParameter());
  const Tensor &gradient = machine.get(op.getGradient());
  Tensor m = machine.get(op.getFirstMoment());
  Tensor v = machine.get(op.getSecondMoment());
  FailureOr<int64_t> step = machine.getInteger(op, op.getStep());
  if (failed(step) || failed(checkSameShape(op, {&p, &gradient, &m, &v})))
    return failure();
  Arithmetic a = machine.arithmetic(p.kind);
  Scalar rate = machine.get(op.getLearningRate())[0];
  double beta1 = op.getBeta1().convertToDouble();
  double beta2 = op.getBeta2().convertToDouble();
  double weightDecay = op.getWeightDecay().convertToDouble();
  // -expm1(step * ln(beta)).
  auto correction = [&](double beta) {
    return a.neg(a.expm1(
        a.mul(a.constant(double(*step)), a.constant(std::log(beta)))));
  };
  Scalar scale = a.div(rate, correction(beta1));
  Scalar root = a.sqrt(correction(beta2));
  Scalar epsilon = a.constant(op.getEpsilon().convertToDouble());
  for (int64_t i = 0; i < p.size(); ++i) {
    Scalar g = gradient[i];
    if (op.getDecoupled() && weightDecay != 0.0)
      p[i] = a.mul(p[i], a.sub(a.constant(1.0),
                               a.mul(rate, a.constant(weightDecay))));
    else if (weightDecay != 0.0)
      g = a.add(g, a.mul(a.constant(weightDecay), p[i]));
    m[i] = a.add(a.mul(a.constant(beta1), m[i]),
                 a.mul(a.constant(1.0 - beta1), g));
    v[i] = a.add(a.mul(a.constant(beta2), v[i]),
                 a.mul(a.constant(1.0 - beta2), a.mul(g, g)));
    Scalar denominator = a.add(a.div(a.sqrt(v[i]), root), epsilon);
    p[i] = a.sub(p[i], a.mul(scale, a.div(m[i], denominator)));
  }
  machine.set(op.getNewParameter(), std::move(p));
  machine.set(op.getNewFirstMoment(), std::move(m));
  machine.set(op.getNewSecondMoment(), std::move(v));
  return success();
}

static LogicalResult clipGradients(Machine &machine, ClipGradientsOp op) {
  if (op.getGradients().empty())
    return success();
  Arithmetic a = machine.arithmeticOf(op.getGradients().front());
  Scalar sum = a.constant(0.0);
  for (Value gradient : op.getGradients())
    for (Scalar g : machine.get(gradient).elements)
      sum = a.add(sum, a.mul(g, g));
  Scalar norm = a.sqrt(sum);
  Scalar bound =
      a.div(a.constant(op.getMaxNorm().convertToDouble()),
            a.add(norm, a.constant(op.getEpsilon().convertToDouble())));
  Scalar factor = a.minimum(a.constant(1.0), bound);
  for (auto [result, gradient] : llvm::zip(op.getClipped(), op.getGradients())) {
    Tensor tensor = machine.get(gradient);
    for (Scalar &g : tensor.elements)
      g = a.mul(g, factor);
    machine.set(result, std::move(tensor));
  }
  return success();
}

void addOptimizerOps(Handlers &handlers) {
  handlers.add(sgd);
  handlers.add(adam);
  handlers.add(clipGradients);
}

} // namespace rheobase::reference
