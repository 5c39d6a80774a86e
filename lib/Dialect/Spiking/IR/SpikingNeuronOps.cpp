//===- SpikingNeuronOps.cpp - Named neurons -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All named neurons share one implementation, over their resolved settings and
// their operands by meaning. The last section binds it to the operations.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/NeuronSettings.h"
#include "rheobase/Dialect/Spiking/IR/Sequences.h"

#include "Shapes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace rheobase::spiking;

using StatePairs = SmallVector<std::pair<unsigned, unsigned>>;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The type of a state: one step of the neuron. Result 1 is the membrane.
static RankedTensorType getStateType(Operation *op) {
  return getType(op->getResult(1));
}

static bool isStep(Operation *op) {
  return getType(op->getOperand(0)).getRank() == getStateType(op).getRank();
}

static StatePairs getNeuronStatePairs(NeuronOpInterface op) {
  NeuronOperands operands = NeuronOperands::get(op);
  StatePairs pairs;
  // Initial states follow the input (and PLIF's weight).
  unsigned next = operands.weight ? 2 : 1;
  if (operands.initial)
    pairs.emplace_back(next++, 1);
  if (operands.initialSecond)
    pairs.emplace_back(next, 2);
  return pairs;
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// neuron_c4 and neuron_c8: one of operand and setting.
static LogicalResult verifyGivenOnce(Operation *op, StringRef name,
                                     Value operand, FloatAttr resolved) {
  if (operand && op->hasAttr(name))
    return op->emitOpError()
           << name << " is given as an operand and as an attribute (neuron_c4)";
  if (!operand && !resolved)
    return op->emitOpError()
           << "expected " << name << " as an attribute, an operand or from a "
           << "preset, got none (neuron_c8)";
  return success();
}

static LogicalResult verifyNeuron(NeuronOpInterface neuron) {
  Operation *op = neuron;
  NeuronOperands operands = NeuronOperands::get(neuron);
  NeuronSettings settings = NeuronSettings::resolve(neuron);
  bool fires = settings.kind != NeuronKind::LI;
  StringRef shapeRule = fires ? "neuron_c1" : "li_c1";
  StringRef typeRule = fires ? "neuron_c2" : "li_c2";

  // Shapes.
  RankedTensorType input = getType(operands.input);
  ArrayRef<int64_t> step = getStateType(op).getShape();
  if (input.getShape() != step &&
      (input.getRank() == 0 || input.getShape().drop_front() != step))
    return op->emitOpError("expected an input of one step, ")
           << formatShape(step)
           << ", or of a sequence, with a leading time dimension, got "
           << formatShape(input.getShape()) << " (" << shapeRule << ")";
  if (getType(op->getResult(0)).getShape() != input.getShape())
    return op->emitOpError("expected ")
           << (fires ? "spikes" : "an output") << " of the input's shape "
           << formatShape(input.getShape()) << ", got "
           << formatShape(getType(op->getResult(0)).getShape()) << " ("
           << shapeRule << ")";
  SmallVector<Value> states =
      llvm::to_vector_of<Value>(op->getResults().drop_front());
  for (Value initial : {operands.initial, operands.initialSecond})
    if (initial)
      states.push_back(initial);
  for (Value state : states) {
    if (getType(state).getShape() != step)
      return op->emitOpError("expected states of the shape of one step, ")
             << formatShape(step) << ", got "
             << formatShape(getType(state).getShape()) << " (" << shapeRule
             << ")";
    if (getType(state).getElementType() != input.getElementType())
      return op->emitOpError("expected states of the input's type ")
             << input.getElementType() << ", got "
             << getType(state).getElementType() << " (" << typeRule << ")";
  }
  if (!fires &&
      getType(op->getResult(0)).getElementType() != input.getElementType())
    return op->emitOpError("expected an output of the input's type ")
           << input.getElementType() << ", got "
           << getType(op->getResult(0)).getElementType() << " (" << typeRule
           << ")";

  // neuron_c3
  for (Value parameter : {operands.weight, operands.decay, operands.secondDecay,
                          operands.threshold}) {
    if (!parameter)
      continue;
    if (!broadcastsTo(getType(parameter).getShape(), step))
      return op->emitOpError("parameter of shape ")
             << formatShape(getType(parameter).getShape())
             << " does not broadcast to one step, " << formatShape(step)
             << " (neuron_c3)";
    if (getType(parameter).getElementType() != input.getElementType())
      return op->emitOpError("expected parameters of the input's type ")
             << input.getElementType() << ", got "
             << getType(parameter).getElementType() << " (neuron_c3)";
  }

  // neuron_c7
  if (operands.mask) {
    if (step.empty())
      return op->emitOpError(
          "a mask needs an input with a batch dimension (neuron_c7)");
    ArrayRef<int64_t> expected =
        input.getShape().take_front(isStep(op) ? 1 : 2);
    if (!mayEqual(getType(operands.mask).getShape(), expected))
      return op->emitOpError("expected a mask of shape ")
             << formatShape(expected) << ", got "
             << formatShape(getType(operands.mask).getShape())
             << " (neuron_c7)";
  }

  // neuron_c4, neuron_c8
  bool decays =
      settings.kind != NeuronKind::IF && settings.kind != NeuronKind::PLIF;
  if (decays &&
      failed(verifyGivenOnce(op, "decay", operands.decay, settings.decay)))
    return failure();
  if (fires && failed(verifyGivenOnce(op, "threshold", operands.threshold,
                                      settings.threshold)))
    return failure();
  if (settings.kind == NeuronKind::CubaLIF &&
      failed(verifyGivenOnce(op, "current_decay", operands.secondDecay,
                             settings.currentDecay)))
    return failure();
  if (settings.kind == NeuronKind::ALIF &&
      (failed(verifyGivenOnce(op, "adaptation_decay", operands.secondDecay,
                              settings.adaptationDecay)) ||
       failed(verifyGivenOnce(op, "adaptation_increment", Value(),
                              settings.adaptationIncrement))))
    return failure();
  if (!fires)
    return success();

  bool delayed = settings.resetTiming.getValue() == ResetTiming::Delayed;
  // alif_c1
  if (settings.kind == NeuronKind::ALIF && delayed)
    return op->emitOpError("has no delayed reset, which preset ")
           << stringifyPreset(
                  op->getAttrOfType<PresetAttr>("preset").getValue())
           << " stands for (alif_c1)";
  // neuron_c5
  if (settings.firesFirst() && delayed)
    return op->emitOpError("fire_integrate does not go with a delayed reset "
                           "(neuron_c5)");
  // neuron_c6
  if (op->hasAttr("reset_stage") && !settings.resetsInIntegration())
    return op->emitOpError("reset_stage goes only with a delayed reset or "
                           "fire_integrate (neuron_c6)");
  // plif_c1
  if (settings.kind == NeuronKind::PLIF &&
      settings.inputScaling.getValue() == InputScaling::OneMinusDecay &&
      settings.resetStage &&
      settings.resetStage.getValue() == ResetStage::AfterDecay)
    return op->emitOpError("decays and integrates at once with "
                           "one_minus_decay: expected reset_stage before_decay "
                           "or after_integration, got after_decay (plif_c1)");
  return success();
}

//===----------------------------------------------------------------------===//
// Presets
//===----------------------------------------------------------------------===//

static bool expandNeuronPreset(NeuronOpInterface neuron) {
  Operation *op = neuron;
  NeuronOperands operands = NeuronOperands::get(neuron);
  NeuronSettings settings = NeuronSettings::resolve(neuron);
  bool changed = false;
  ArrayRef<StringAttr> names = op->getName().getAttributeNames();
  settings.forEach([&](StringRef name, Attribute setting) {
    bool byOperand = (name == "decay" && operands.decay) ||
                     (name == "threshold" && operands.threshold) ||
                     ((name == "current_decay" || name == "adaptation_decay") &&
                      operands.secondDecay);
    if (!setting || byOperand || op->hasAttr(name) ||
        !llvm::is_contained(names, name))
      return;
    op->setAttr(name, setting);
    changed = true;
  });
  if (op->hasAttr("preset")) {
    op->removeAttr("preset");
    changed = true;
  }
  return changed;
}

//===----------------------------------------------------------------------===//
// Decomposition
//===----------------------------------------------------------------------===//

namespace {
/// Writes one step of one neuron, as docs/Semantics.md, section 4, orders it.
class StepBuilder {
public:
  StepBuilder(OpBuilder &builder, Location loc, FloatType type,
              const NeuronSettings &settings)
      : builder(builder), loc(loc), type(type), settings(settings) {}

  struct Scalars {
    Value input;
    Value membrane, second;
    Value weight, decay, secondDecay, threshold, mask;
  };
  struct Step {
    Value output;
    Value membrane, second;
  };

  Step build(Scalars scalars);

private:
  Value add(Value a, Value b) {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value select(Value c, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, c, a, b);
  }
  /// `value` rounded once to the neuron's type.
  Value constant(double value) {
    return arith::ConstantOp::create(builder, loc, FloatAttr::get(type, value));
  }
  Value constant(FloatAttr value) { return constant(value.getValueAsDouble()); }
  Value number(Value spike) {
    return arith::UIToFPOp::create(builder, loc, type, spike);
  }
  Value fire(Value membrane, Value threshold) {
    return FireOp::create(builder, loc, builder.getI1Type(),
                          sub(membrane, threshold), settings.surrogate,
                          settings.compare.getValue(), FireKind::Binary,
                          FloatAttr(), IntegerAttr());
  }
  /// D(s).
  Value toReset(Value spike) {
    if (!settings.detachReset.getValue())
      return spike;
    return DetachOp::create(builder, loc, spike);
  }
  bool isScaled() const {
    return settings.inputScaling.getValue() == InputScaling::OneMinusDecay;
  }

  Value reset(Value membrane, Value spike, Value threshold);
  Value integrate(Value membrane, Value current, Value spike, Value threshold);

  OpBuilder &builder;
  Location loc;
  FloatType type;
  const NeuronSettings &settings;
  Scalars scalars;
};
} // namespace

/// R(y, s, th).
Value StepBuilder::reset(Value membrane, Value spike, Value threshold) {
  switch (settings.reset.getKind()) {
  case ResetKind::Hard:
    return select(toReset(spike), constant(settings.reset.getValue()),
                  membrane);
  case ResetKind::Soft:
    return sub(membrane, mul(number(toReset(spike)), threshold));
  case ResetKind::None:
    return membrane;
  }
  llvm_unreachable("unknown reset");
}

/// I(v, x, r); `spike` is null without a reset.
Value StepBuilder::integrate(Value membrane, Value current, Value spike,
                             Value threshold) {
  auto resetAt = [&](ResetStage stage, Value value) {
    if (!spike || settings.resetStage.getValue() != stage)
      return value;
    return reset(value, spike, threshold);
  };
  Value leak;
  if (settings.leak.getValueAsDouble() != 0.0)
    leak = constant(settings.leak);

  membrane = resetAt(ResetStage::BeforeDecay, membrane);
  Value distance = membrane;
  if (leak && settings.kind != NeuronKind::IF)
    distance = sub(membrane, leak);

  Value charged;
  switch (settings.kind) {
  case NeuronKind::IF:
    charged = add(resetAt(ResetStage::AfterDecay, membrane), current);
    break;
  case NeuronKind::PLIF: {
    Value one = constant(1.0);
    Value exp = math::ExpOp::create(
        builder, loc, arith::NegFOp::create(builder, loc, scalars.weight));
    Value rate = arith::DivFOp::create(builder, loc, one, add(one, exp));
    if (isScaled()) {
      charged = add(membrane, mul(sub(current, distance), rate));
    } else {
      Value decayed = sub(membrane, mul(distance, rate));
      charged = add(resetAt(ResetStage::AfterDecay, decayed), current);
    }
    break;
  }
  default: {
    Value decay = scalars.decay ? scalars.decay : constant(settings.decay);
    Value decayed = mul(decay, distance);
    if (leak)
      decayed = add(leak, decayed);
    decayed = resetAt(ResetStage::AfterDecay, decayed);
    if (isScaled()) {
      Value scale = scalars.decay
                        ? sub(constant(1.0), scalars.decay)
                        : constant(1.0 - settings.decay.getValueAsDouble());
      current = mul(scale, current);
    }
    charged = add(decayed, current);
    break;
  }
  }
  return resetAt(ResetStage::AfterIntegration, charged);
}

StepBuilder::Step StepBuilder::build(Scalars operands) {
  scalars = operands;
  Step step;
  Value membrane = scalars.membrane, current = scalars.input;

  if (settings.kind == NeuronKind::CubaLIF) {
    Value decay = scalars.secondDecay ? scalars.secondDecay
                                      : constant(settings.currentDecay);
    switch (settings.currentUpdate.getValue()) {
    case CurrentUpdate::DecayThenJump:
      current = step.second = add(mul(decay, scalars.second), scalars.input);
      break;
    case CurrentUpdate::JumpThenDecay:
      current = add(scalars.second, scalars.input);
      step.second = mul(decay, current);
      break;
    case CurrentUpdate::AfterMembrane:
      current = scalars.second;
      step.second = add(mul(decay, scalars.second), scalars.input);
      break;
    }
  }

  if (settings.kind == NeuronKind::LI) {
    step.output = step.membrane = integrate(membrane, current, {}, {});
  } else {
    Value threshold =
        scalars.threshold ? scalars.threshold : constant(settings.threshold);
    Value adaptation, adaptationDecay;
    if (settings.kind == NeuronKind::ALIF) {
      adaptationDecay = scalars.secondDecay
                            ? scalars.secondDecay
                            : constant(settings.adaptationDecay);
      adaptation = scalars.second;
      if (!settings.firesFirst())
        adaptation = mul(adaptationDecay, adaptation);
      threshold = add(threshold, adaptation);
    }

    if (settings.firesFirst()) {
      step.output = fire(membrane, threshold);
      step.membrane = integrate(membrane, current, step.output, threshold);
    } else if (settings.resetsInIntegration()) {
      Value previous = fire(membrane, threshold);
      step.membrane = integrate(membrane, current, previous, threshold);
      step.output = fire(step.membrane, threshold);
    } else {
      Value charged = integrate(membrane, current, {}, {});
      step.output = fire(charged, threshold);
      step.membrane = reset(charged, step.output, threshold);
    }

    if (settings.kind == NeuronKind::ALIF) {
      if (settings.firesFirst())
        adaptation = mul(adaptationDecay, adaptation);
      step.second = add(adaptation, mul(constant(settings.adaptationIncrement),
                                        number(toReset(step.output))));
    }
  }

  if (scalars.mask) {
    step.membrane = select(scalars.mask, step.membrane, membrane);
    if (step.second)
      step.second = select(scalars.mask, step.second, scalars.second);
    if (settings.kind == NeuronKind::LI)
      step.output = step.membrane;
    else
      step.output = select(
          scalars.mask, step.output,
          arith::ConstantOp::create(builder, loc, builder.getBoolAttr(false)));
  }
  return step;
}

/// The mask with 1 for each of the dimensions that it does not have.
static Value alignMask(OpBuilder &builder, Location loc, Value mask,
                       RankedTensorType input) {
  RankedTensorType type = getType(mask);
  if (type.getRank() == input.getRank())
    return mask;
  SmallVector<int64_t> shape(type.getShape());
  shape.resize(input.getRank(), 1);
  SmallVector<ReassociationIndices> reassociation;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    reassociation.push_back({dim});
  for (int64_t dim = type.getRank(); dim < input.getRank(); ++dim)
    reassociation.back().push_back(dim);
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(shape, type.getElementType()), mask,
      reassociation);
}

static FailureOr<SmallVector<Value>> decomposeIntoScan(NeuronOpInterface neuron,
                                                       OpBuilder &builder) {
  Operation *op = neuron;
  Location loc = op->getLoc();
  NeuronOperands operands = NeuronOperands::get(neuron);
  NeuronSettings settings = NeuronSettings::resolve(neuron);
  RankedTensorType state = getStateType(op);
  auto type = cast<FloatType>(state.getElementType());

  auto orInitial = [&](Value initial, double value) -> Value {
    if (initial)
      return initial;
    Value scalar =
        arith::ConstantOp::create(builder, loc, FloatAttr::get(type, value));
    return tensor::SplatOp::create(
        builder, loc, scalar, state,
        getDynamicSizes(builder, loc, state, operands.input));
  };
  double rest = 0.0;
  if (settings.kind == NeuronKind::LI)
    rest = settings.leak.getValueAsDouble();
  else if (settings.reset.getKind() == ResetKind::Hard)
    rest = settings.reset.getValue();
  SmallVector<Value> states{orInitial(operands.initial, rest)};
  if (op->getNumResults() == 3)
    states.push_back(orInitial(operands.initialSecond, 0.0));

  SmallVector<Value> ins{operands.input};
  if (operands.mask)
    ins.push_back(
        alignMask(builder, loc, operands.mask, getType(operands.input)));
  SmallVector<Value> params;
  for (Value param : {operands.weight, operands.decay, operands.secondDecay,
                      operands.threshold})
    if (param)
      params.push_back(param);
  RankedTensorType output = getType(op->getResult(0));
  Value out = tensor::EmptyOp::create(
      builder, loc, output,
      getDynamicSizes(builder, loc, output, operands.input));
  auto scan = ScanOp::create(builder, loc,
                             isStep(op) ? Direction::Step : Direction::Forward,
                             ins, params, out, states);

  StepBuilder::Scalars scalars;
  scalars.input = scan.getInArgs().front();
  if (operands.mask)
    scalars.mask = scan.getInArgs().back();
  unsigned next = 0;
  for (auto [operand, scalar] :
       {std::make_pair(operands.weight, &scalars.weight),
        std::make_pair(operands.decay, &scalars.decay),
        std::make_pair(operands.secondDecay, &scalars.secondDecay),
        std::make_pair(operands.threshold, &scalars.threshold)})
    if (operand)
      *scalar = scan.getParamArgs()[next++];
  scalars.membrane = scan.getStateArgs().front();
  if (states.size() == 2)
    scalars.second = scan.getStateArgs().back();

  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&scan.getBody().front());
  StepBuilder::Step step =
      StepBuilder(builder, loc, type, settings).build(scalars);
  SmallVector<Value> nexts{step.membrane};
  if (step.second)
    nexts.push_back(step.second);
  YieldOp::create(builder, loc, step.output, nexts);
  return llvm::to_vector_of<Value>(scan.getResults());
}

//===----------------------------------------------------------------------===//
// Distribution over time
//===----------------------------------------------------------------------===//

static FailureOr<SmallVector<Value>>
distributeNeuron(NeuronOpInterface neuron, OpBuilder &builder,
                 ValueRange operands, ArrayRef<bool> isSequence, Value steps) {
  Operation *op = neuron;
  // Without an initial state each step starts anew, a sequence does not.
  if (!isStep(op) ||
      getNeuronStatePairs(neuron).size() != op->getNumResults() - 1)
    return failure();
  unsigned mask = op->getNumOperands();
  if (NeuronOperands::get(neuron).mask)
    --mask;
  for (unsigned i = 0, e = op->getNumOperands(); i < e; ++i)
    if (isSequence[i] && ((i != 0 && i != mask) || !operands[i]))
      return failure();

  SmallVector<Value> newOperands(operands);
  for (unsigned i : {0u, mask})
    if (i < newOperands.size())
      newOperands[i] =
          getSequence(builder, op->getLoc(), operands[i], isSequence[i], steps);
  SmallVector<Type> types(op->getResultTypes());
  types[0] = getSequenceType(types[0], getType(newOperands[0]).getDimSize(0));
  OperationState state(op->getLoc(), op->getName(), newOperands, types,
                       op->getAttrs());
  return llvm::to_vector_of<Value>(builder.create(state)->getResults());
}

//===----------------------------------------------------------------------===//
// The operations
//===----------------------------------------------------------------------===//

#define BIND_NEURON(Op)                                                        \
  LogicalResult Op::verify() { return verifyNeuron(*this); }                   \
  bool Op::isStepForm() { return isStep(*this); }                              \
  StatePairs Op::getStatePairs() { return getNeuronStatePairs(*this); }        \
  bool Op::expandPreset() { return expandNeuronPreset(*this); }                \
  FailureOr<SmallVector<Value>> Op::decomposeNeuron(OpBuilder &builder) {      \
    return decomposeIntoScan(*this, builder);                                  \
  }                                                                            \
  FailureOr<SmallVector<Value>> Op::distributeOverTime(                        \
      OpBuilder &builder, ValueRange operands, ArrayRef<bool> isSequence,      \
      Value steps) {                                                           \
    return distributeNeuron(*this, builder, operands, isSequence, steps);      \
  }

BIND_NEURON(IFOp)
BIND_NEURON(LIFOp)
BIND_NEURON(PLIFOp)
BIND_NEURON(LIOp)
BIND_NEURON(CubaLIFOp)
BIND_NEURON(ALIFOp)

#undef BIND_NEURON
