//===- TimeOps.cpp - Executes time loops, scans and spikes ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// docs/Semantics.md, sections 2 and 3. The body of a scan is executed once for
// each step, on all neurons of the space together: a scalar of the body is a
// tensor of the space, or one number where all neurons have the same.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Time loops
//===----------------------------------------------------------------------===//

static LogicalResult timeLoop(Machine &machine, TimeLoopOp op) {
  FailureOr<int64_t> steps = machine.getInteger(op, op.getSteps());
  if (failed(steps))
    return failure();
  if (*steps < 0)
    return op.emitOpError("expected a number of steps, got ") << *steps;
  for (Value input : op.getInputs())
    if (machine.get(input).shape.front() != *steps)
      return op.emitOpError("expected an input of ")
             << *steps << " steps, got " << machine.get(input).describe();

  SmallVector<Tensor> inputs = machine.getAll(op.getInputs());
  SmallVector<Tensor> states = machine.getAll(op.getStates());
  SmallVector<Tensor> outputs;
  StepScope scope(machine);
  for (int64_t i = 0; i < *steps; ++i) {
    int64_t t = op.isReverse() ? *steps - 1 - i : i;
    machine.step = t;
    machine.set(op.getStepIndex(), Tensor::index(t));
    for (auto [argument, input] : llvm::zip(op.getInputArgs(), inputs))
      machine.set(argument, getStep(input, t));
    for (auto [argument, state] : llvm::zip(op.getStateArgs(), states))
      machine.set(argument, std::move(state));
    if (failed(machine.execute(op.getBody().front())))
      return failure();
    YieldOp yield = op.getYield();
    states = machine.getAll(yield.getNext());
    for (auto [number, value] : llvm::enumerate(yield.getOutputs())) {
      const Tensor &output = machine.get(value);
      if (outputs.size() == number) {
        SmallVector<int64_t> shape{*steps};
        llvm::append_range(shape, output.shape);
        FailureOr<Tensor> sequence = makeTensor(op, output.kind, shape);
        if (failed(sequence))
          return failure();
        outputs.push_back(std::move(*sequence));
      }
      Tensor &sequence = outputs[number];
      ArrayRef<int64_t> expected = ArrayRef(sequence.shape).drop_front();
      if (ArrayRef(output.shape) != expected)
        return shapeError(yield, "output of another step", expected,
                          output.shape);
      setStep(sequence, t, output);
    }
  }
  if (*steps == 0) {
    // A step that nobody sees tells the shapes.
    Machine::Rehearsal rehearsal(machine);
    machine.set(op.getStepIndex(), Tensor::index(0));
    for (auto [argument, input] : llvm::zip(op.getInputArgs(), inputs))
      machine.set(argument,
                  Tensor(input.kind, ArrayRef(input.shape).drop_front()));
    for (auto [argument, state] : llvm::zip(op.getStateArgs(), states))
      machine.set(argument, state);
    if (failed(machine.execute(op.getBody().front())))
      return failure();
    for (Value value : op.getYield().getOutputs()) {
      const Tensor &output = machine.get(value);
      SmallVector<int64_t> shape{0};
      llvm::append_range(shape, output.shape);
      outputs.push_back(Tensor(output.kind, shape));
    }
  }
  for (auto [result, output] : llvm::zip(op.getOutputs(), outputs))
    machine.set(result, std::move(output));
  for (auto [result, state] : llvm::zip(op.getFinalStates(), states))
    machine.set(result, std::move(state));
  return success();
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

namespace {
/// One execution of a scan.
struct Scan {
  Machine &machine;
  ScanOp op;
  SmallVector<int64_t> space;
  int64_t steps = 0;
  SmallVector<Tensor> ins, params;

  LogicalResult prepare();
  LogicalResult run();

private:
  LogicalResult setArguments(Block &body, int64_t t,
                             ArrayRef<ArrayRef<Tensor>> states);
  FailureOr<SmallVector<Tensor>> getYielded(OperandRange values);
  FailureOr<SmallVector<SmallVector<Tensor>>> replay();
};
} // namespace

/// Finds the space and the number of steps, and repeats parameters over the
/// space.
LogicalResult Scan::prepare() {
  ins = machine.getAll(op.getIns());
  if (!op.getStates().empty())
    space = machine.get(op.getStates().front()).shape;
  else
    space = llvm::to_vector(
        ArrayRef(machine.get(op.getOuts().front()).shape)
            .drop_front(op.isStep() ? 0 : 1));
  auto checkSpace = [&](Value value, ArrayRef<int64_t> shape) {
    if (ArrayRef(space) == shape)
      return success();
    return shapeError(op, "space", space, shape);
  };
  for (ValueRange group : {ValueRange(op.getStates()), ValueRange(op.getReplayed())})
    for (Value state : group)
      if (failed(checkSpace(state, machine.get(state).shape)))
        return failure();
  std::optional<int64_t> length;
  for (ValueRange group : {ValueRange(op.getIns()), ValueRange(op.getOuts())})
    for (Value value : group) {
      if (op.isStep())
        break;
      const Tensor &sequence = machine.get(value);
      if (sequence.shape.empty() ||
          (length && sequence.shape.front() != *length))
        return op.emitOpError("expected sequences of the same length, got ")
               << sequence.describe() << (length ? " beside one of " : "")
               << (length ? std::to_string(*length) + " steps" : "");
      length = sequence.shape.front();
    }
  for (Value out : op.getOuts())
    if (failed(checkSpace(out, ArrayRef(machine.get(out).shape)
                                   .drop_front(op.isStep() ? 0 : 1))))
      return failure();
  if (!op.isStep() && !length)
    return op.emitOpError("has no sequence, so its number of steps is not known");
  steps = op.isStep() ? 1 : *length;
  for (Value param : op.getParams()) {
    FailureOr<Tensor> repeated = broadcastTo(op, machine.get(param), space);
    if (failed(repeated))
      return failure();
    params.push_back(std::move(*repeated));
  }
  return success();
}

/// Sets a body's arguments: inputs of step t, parameters, groups of states.
LogicalResult Scan::setArguments(Block &body, int64_t t,
                                 ArrayRef<ArrayRef<Tensor>> states) {
  machine.step = t;
  unsigned argument = 0;
  for (const Tensor &in : ins) {
    FailureOr<Tensor> step =
        broadcastTo(op, op.isStep() ? in : getStep(in, t), space);
    if (failed(step))
      return failure();
    machine.set(body.getArgument(argument++), std::move(*step));
  }
  for (const Tensor &param : params)
    machine.set(body.getArgument(argument++), param);
  for (ArrayRef<Tensor> group : states)
    for (const Tensor &state : group)
      machine.set(body.getArgument(argument++), state);
  return success();
}

/// What a step yields, each repeated over the space.
FailureOr<SmallVector<Tensor>> Scan::getYielded(OperandRange values) {
  SmallVector<Tensor> tensors;
  for (Value value : values) {
    FailureOr<Tensor> tensor = broadcastTo(op, machine.get(value), space);
    if (failed(tensor))
      return failure();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

/// The replayed states before each step.
FailureOr<SmallVector<SmallVector<Tensor>>> Scan::replay() {
  SmallVector<SmallVector<Tensor>> before;
  SmallVector<Tensor> states = machine.getAll(op.getReplayed());
  if (op.getReplay().empty())
    return SmallVector<SmallVector<Tensor>>(size_t(steps), states);
  Block &body = op.getReplay().front();
  for (int64_t t = 0; t < steps; ++t) {
    before.push_back(states);
    if (failed(setArguments(body, t, {states})) ||
        failed(machine.execute(body)))
      return failure();
    FailureOr<SmallVector<Tensor>> next =
        getYielded(op.getReplayYield().getNext());
    if (failed(next))
      return failure();
    states = std::move(*next);
  }
  return before;
}

LogicalResult Scan::run() {
  StepScope scope(machine);
  FailureOr<SmallVector<SmallVector<Tensor>>> replayed = replay();
  if (failed(replayed))
    return failure();
  SmallVector<Tensor> outs = machine.getAll(op.getOuts());
  SmallVector<Tensor> states = machine.getAll(op.getStates());
  // A chain over time for each neuron.
  SmallVector<Tensor> sums;
  for (Value accumulator : op.getAccumulators())
    sums.push_back(Tensor(kindOf(accumulator), space));

  Block &body = op.getBody().front();
  for (int64_t i = 0; i < steps; ++i) {
    int64_t t = op.isReverse() ? steps - 1 - i : i;
    if (failed(setArguments(body, t, {states, (*replayed)[size_t(t)]})) ||
        failed(machine.execute(body)))
      return failure();
    FailureOr<SmallVector<Tensor>> outputs =
        getYielded(op.getYield().getOutputs());
    FailureOr<SmallVector<Tensor>> next = getYielded(op.getYield().getNext());
    FailureOr<SmallVector<Tensor>> contributions =
        getYielded(op.getYield().getContributions());
    if (failed(outputs) || failed(next) || failed(contributions))
      return failure();
    for (auto [sequence, output] : llvm::zip(outs, *outputs)) {
      if (op.isStep())
        sequence = output;
      else
        setStep(sequence, t, output);
    }
    states = std::move(*next);
    for (auto [sum, contribution] : llvm::zip(sums, *contributions)) {
      Arithmetic a = machine.arithmetic(sum.kind);
      for (int64_t n = 0; n < sum.size(); ++n)
        sum[n] = a.add(sum[n], contribution[n]);
    }
  }

  for (auto [result, out] : llvm::zip(op.getOutResults(), outs))
    machine.set(result, std::move(out));
  for (auto [result, state] : llvm::zip(op.getStateResults(), states))
    machine.set(result, std::move(state));
  for (auto [result, init, sum] : llvm::zip(
           op.getAccumulatorResults(), op.getAccumulators(), sums)) {
    // A chain over the neurons that share an element, added to the initial value.
    Tensor total = machine.get(init);
    std::optional<std::vector<int64_t>> shared =
        broadcastIndices(total.shape, space);
    if (!shared)
      return shapeError(op, "accumulator", space, total.shape);
    Arithmetic a = machine.arithmetic(total.kind);
    Tensor chain(total.kind, total.shape);
    for (int64_t n = 0; n < sum.size(); ++n) {
      Scalar &element = chain[(*shared)[size_t(n)]];
      element = a.add(element, sum[n]);
    }
    for (int64_t i = 0; i < total.size(); ++i)
      total[i] = a.add(total[i], chain[i]);
    machine.set(result, std::move(total));
  }
  return success();
}

static LogicalResult scan(Machine &machine, ScanOp op) {
  if (op->getNumResults() !=
      op.getOuts().size() + op.getStates().size() + op.getAccumulators().size())
    return op.emitError("the reference interpreter executes scans on tensors");
  Scan scan{machine, op, {}, 0, {}, {}};
  if (failed(scan.prepare()))
    return failure();
  return scan.run();
}

static LogicalResult timeStep(Machine &machine, TimeStepOp op) {
  bool isStep = cast<ScanOp>(op->getParentOp()).isStep();
  machine.set(op, Tensor::index(isStep ? 0 : machine.step.value_or(0)));
  return success();
}

//===----------------------------------------------------------------------===//
// Spikes
//===----------------------------------------------------------------------===//

/// What a spike is, forwards.
static double spikeOf(const Arithmetic &arithmetic, double u,
                      const Firing &firing) {
  auto passes = [&](double argument) {
    return firing.compare == Compare::GE ? argument >= 0.0 : argument > 0.0;
  };
  switch (firing.kind) {
  case FireKind::Binary:
    return passes(u);
  case FireKind::Ternary: {
    Scalar twice = arithmetic.constant(2.0 * firing.threshold);
    Scalar negative =
        arithmetic.neg(arithmetic.add(Scalar::ofNumber(u), twice));
    return passes(u) ? 1.0 : passes(negative.number) ? -1.0 : 0.0;
  }
  case FireKind::Count: {
    if (std::isnan(u))
      return 0.0;
    double clipped = std::min(std::max(u, 0.0), double(firing.maximum));
    return firing.rounding == Rounding::Floor ? std::floor(clipped)
                                              : std::nearbyint(clipped);
  }
  }
  return 0.0;
}

/// The surrogate's primal at u.
static double primalOf(double u, const Firing &firing) {
  NumberAlgebra algebra(ElementKind::F64);
  auto primal = [&](double argument) {
    return algebra.unwrap(firing.surrogate.getPrimal(algebra.wrap(argument)));
  };
  if (firing.kind != FireKind::Ternary)
    return primal(u);
  return primal(u) - primal(-(u + 2.0 * firing.threshold));
}

/// The derivative that replaces that of the spike.
static double derivativeOf(double u, const Firing &firing) {
  NumberAlgebra algebra(ElementKind::F64);
  auto derivative = [&](double argument) {
    return algebra.unwrap(
        firing.surrogate.getDerivative(algebra.wrap(argument)));
  };
  if (firing.kind != FireKind::Ternary)
    return derivative(u);
  return derivative(u) + derivative(-(u + 2.0 * firing.threshold));
}

Scalar Machine::fire(const Arithmetic &arithmetic, Scalar u,
                     const Firing &firing) {
  FrozenRun *frozen = frozenRun();
  double spike = spikeOf(arithmetic, u.number, firing);
  if (frozen && frozen->isRecording()) {
    frozen->push(u.number);
    frozen->push(spike);
  } else if (frozen) {
    double before = frozen->take();
    spike = frozen->take() + (primalOf(u.number, firing) -
                              primalOf(before, firing));
  }
  Scalar result = Scalar::ofNumber(spike);
  if (u.node != 0)
    tape->record(result, {{u, derivativeOf(u.number, firing)}});
  return result;
}

static LogicalResult fire(Machine &machine, FireOp op) {
  Firing firing{op.getSurrogate(), op.getCompare(), op.getKind(),
                op.getThreshold() ? op.getThreshold()->convertToDouble() : 0.0,
                int64_t(op.getMaximum().value_or(0)), op.getRounding()};
  Arithmetic arithmetic = machine.arithmeticOf(op.getU());
  const Tensor &u = machine.get(op.getU());
  Tensor spikes(kindOf(op), u.shape);
  for (int64_t i = 0; i < u.size(); ++i)
    spikes[i] = machine.fire(arithmetic, u[i], firing);
  machine.set(op, std::move(spikes));
  return success();
}

static LogicalResult detach(Machine &machine, DetachOp op) {
  Tensor tensor = machine.get(op.getInput());
  if (!isLarge(tensor.kind))
    for (Scalar &element : tensor.elements)
      element = machine.detach(element);
  machine.set(op, std::move(tensor));
  return success();
}

void addTimeOps(Handlers &handlers) {
  handlers.add(timeLoop);
  handlers.add(scan);
  handlers.add(timeStep);
  handlers.add(fire);
  handlers.add(detach);
}

} // namespace rheobase::reference
