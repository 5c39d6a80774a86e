//===- NeuronOps.cpp - Executes named neurons -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// docs/Semantics.md, section 4: its equations, one line after the other.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

namespace {
/// What a neuron's attributes, its preset and the defaults give together.
struct Attributes {
  std::optional<double> decay, currentDecay, adaptationDecay,
      adaptationIncrement;
  double threshold = 1.0, leak = 0.0;
  ResetKind reset = ResetKind::Hard;
  double resetValue = 0.0;
  ResetTiming timing = ResetTiming::SameStep;
  ResetStage stage = ResetStage::AfterDecay;
  bool detachReset = false;
  Order order = Order::IntegrateFire;
  InputScaling scaling = InputScaling::None;
  CurrentUpdate update = CurrentUpdate::DecayThenJump;
  Firing firing;
};
} // namespace

/// The columns of the table of section 4.7.
static Attributes presetDefaults(Operation *op, std::optional<Preset> preset,
                                 bool isHard) {
  MLIRContext *context = op->getContext();
  bool isLIF = isa<LIFOp>(op), isCuba = isa<CubaLIFOp>(op);
  auto atan = [&] { return ATanSurrogateAttr::get(context, 2.0); };
  auto sigmoid = [&] { return SigmoidSurrogateAttr::get(context, 4.0); };
  auto superSpike = [&](double slope) {
    return SuperSpikeSurrogateAttr::get(context, 1.0, slope);
  };
  Attributes a;
  a.firing.surrogate = atan();
  if (!preset)
    return a;
  switch (*preset) {
  case Preset::SpikingJelly:
    a.decay = isCuba ? 0.75 : 0.5;
    a.threshold = isCuba ? 0.5 : 1.0;
    a.scaling = isCuba ? InputScaling::None : InputScaling::OneMinusDecay;
    a.currentDecay = 0.5;
    a.firing.surrogate = sigmoid();
    if (isCuba)
      a.firing.surrogate = RectangleSurrogateAttr::get(context, 1.0, 1.0);
    break;
  case Preset::SnnTorch:
    a.reset = ResetKind::Soft;
    a.timing = ResetTiming::Delayed;
    a.stage = isLIF && isHard ? ResetStage::AfterDecay
                              : ResetStage::AfterIntegration;
    a.detachReset = true;
    a.firing.compare = Compare::GT;
    break;
  case Preset::Norse:
    a.decay = 0.9;
    a.currentDecay = 0.8;
    a.update = CurrentUpdate::JumpThenDecay;
    a.firing.compare = Compare::GT;
    a.scaling = InputScaling::OneMinusDecay;
    a.firing.surrogate = superSpike(1.0);
    break;
  case Preset::Spyx:
    a.reset = ResetKind::Soft;
    a.stage = isCuba ? ResetStage::BeforeDecay : ResetStage::AfterIntegration;
    a.firing.compare = Compare::GT;
    a.order = Order::FireIntegrate;
    a.firing.surrogate = superSpike(25.0);
    break;
  case Preset::TemporalFusion:
    a.decay = 0.2;
    a.threshold = 0.3;
    a.timing = ResetTiming::Delayed;
    a.firing.surrogate = sigmoid();
    break;
  }
  return a;
}

/// Overwrites `target` where the operation has the attribute.
static void read(Operation *op, StringRef name, double &target) {
  if (auto attr = op->getAttrOfType<FloatAttr>(name))
    target = attr.getValueAsDouble();
}
static void read(Operation *op, StringRef name, std::optional<double> &target) {
  if (auto attr = op->getAttrOfType<FloatAttr>(name))
    target = attr.getValueAsDouble();
}
template <typename AttrTy, typename Enum>
static void read(Operation *op, StringRef name, Enum &target) {
  if (auto attr = op->getAttrOfType<AttrTy>(name))
    target = attr.getValue();
}

static Attributes resolveAttributes(Operation *op) {
  std::optional<Preset> preset;
  if (auto attr = op->getAttrOfType<PresetAttr>("preset"))
    preset = attr.getValue();
  auto reset = op->getAttrOfType<ResetAttr>("reset");
  Attributes a =
      presetDefaults(op, preset, reset && reset.getKind() == ResetKind::Hard);
  if (reset) {
    a.reset = reset.getKind();
    a.resetValue = reset.getValue();
  }
  if (preset == Preset::SpikingJelly && a.reset == ResetKind::Hard &&
      !isa<CubaLIFOp>(op))
    a.leak = a.resetValue;
  read(op, "decay", a.decay);
  read(op, "current_decay", a.currentDecay);
  read(op, "adaptation_decay", a.adaptationDecay);
  if (preset == Preset::Spyx && a.adaptationDecay)
    a.adaptationIncrement = 1.0 - *a.adaptationDecay;
  read(op, "adaptation_increment", a.adaptationIncrement);
  read(op, "threshold", a.threshold);
  read(op, "leak", a.leak);
  read<ResetTimingAttr>(op, "reset_timing", a.timing);
  read<ResetStageAttr>(op, "reset_stage", a.stage);
  if (auto attr = op->getAttrOfType<BoolAttr>("detach_reset"))
    a.detachReset = attr.getValue();
  read<CompareAttr>(op, "compare", a.firing.compare);
  read<OrderAttr>(op, "order", a.order);
  read<InputScalingAttr>(op, "input_scaling", a.scaling);
  read<CurrentUpdateAttr>(op, "current_update", a.update);
  if (auto attr = op->getAttrOfType<SurrogateAttrInterface>("surrogate"))
    a.firing.surrogate = attr;
  return a;
}

//===----------------------------------------------------------------------===//
// One neuron
//===----------------------------------------------------------------------===//

namespace {
/// The numbers of one neuron.
struct Parameters {
  Scalar decay, scale, threshold, currentDecay, adaptationDecay,
      adaptationIncrement, sigmoid;
};

/// The states of one neuron.
struct States {
  Scalar v, second;
};

/// The equations.
struct Cell {
  Machine &machine;
  const Attributes &attributes;
  Arithmetic a;
  bool isPLIF, isIF;
  Parameters p;

  Scalar detach(Scalar s) {
    return attributes.detachReset ? machine.detach(s) : s;
  }
  Scalar fire(Scalar v, Scalar threshold) {
    return machine.fire(a, a.sub(v, threshold), attributes.firing);
  }

  /// R(y, s, th).
  Scalar reset(Scalar y, Scalar s, Scalar threshold) {
    switch (attributes.reset) {
    case ResetKind::Hard:
      return a.select(detach(s), a.constant(attributes.resetValue), y);
    case ResetKind::Soft:
      return a.sub(y, a.mul(a.convert(detach(s)), threshold));
    case ResetKind::None:
      return y;
    }
    return y;
  }

  /// v - l.
  Scalar aboveLeak(Scalar v) {
    return attributes.leak == 0.0 ? v : a.sub(v, a.constant(attributes.leak));
  }

  /// The decay of v.
  Scalar decay(Scalar v) {
    if (isIF)
      return v;
    if (isPLIF)
      return a.sub(v, a.mul(aboveLeak(v), p.sigmoid));
    Scalar d = a.mul(p.decay, aboveLeak(v));
    return attributes.leak == 0.0 ? d
                                  : a.add(a.constant(attributes.leak), d);
  }

  /// I(v, x, r); `r` is null without a reset.
  Scalar integrate(Scalar v, Scalar x, const Scalar *r, Scalar threshold) {
    auto resetAt = [&](ResetStage stage, Scalar y) {
      return r && attributes.stage == stage ? reset(y, *r, threshold) : y;
    };
    bool scales = attributes.scaling == InputScaling::OneMinusDecay;
    Scalar v1 = resetAt(ResetStage::BeforeDecay, v);
    Scalar h;
    if (isPLIF && scales) {
      h = a.add(v1, a.mul(a.sub(x, aboveLeak(v1)), p.sigmoid));
    } else {
      Scalar d1 = resetAt(ResetStage::AfterDecay, decay(v1));
      h = a.add(d1, scales && !isIF ? a.mul(p.scale, x) : x);
    }
    return resetAt(ResetStage::AfterIntegration, h);
  }

  /// Sections 4.2 to 4.4: a step of the membrane, driven by x.
  Scalar lif(Scalar &v, Scalar x) {
    const Scalar th = p.threshold;
    if (attributes.order == Order::FireIntegrate) {
      Scalar s = fire(v, th);
      v = integrate(v, x, &s, th);
      return s;
    }
    if (attributes.timing == ResetTiming::Delayed) {
      Scalar r = fire(v, th);
      Scalar h = integrate(v, x, &r, th);
      v = h;
      return fire(h, th);
    }
    Scalar h = integrate(v, x, nullptr, th);
    Scalar s = fire(h, th);
    v = reset(h, s, th);
    return s;
  }

  Scalar li(Scalar &v, Scalar x) {
    v = integrate(v, x, nullptr, p.threshold);
    return v;
  }

  Scalar cubaLIF(Scalar &v, Scalar &i, Scalar x) {
    switch (attributes.update) {
    case CurrentUpdate::DecayThenJump: {
      i = a.add(a.mul(p.currentDecay, i), x);
      return lif(v, i);
    }
    case CurrentUpdate::JumpThenDecay: {
      Scalar j = a.add(i, x);
      Scalar s = lif(v, j);
      i = a.mul(p.currentDecay, j);
      return s;
    }
    case CurrentUpdate::AfterMembrane: {
      Scalar s = lif(v, i);
      i = a.add(a.mul(p.currentDecay, i), x);
      return s;
    }
    }
    return v;
  }

  Scalar alif(Scalar &v, Scalar &b, Scalar x) {
    auto jump = [&](Scalar s) {
      return a.mul(p.adaptationIncrement, a.convert(detach(s)));
    };
    if (attributes.order == Order::FireIntegrate) {
      Scalar te = a.add(p.threshold, b);
      Scalar s = fire(v, te);
      v = integrate(v, x, &s, te);
      b = a.add(a.mul(p.adaptationDecay, b), jump(s));
      return s;
    }
    Scalar b1 = a.mul(p.adaptationDecay, b);
    Scalar te = a.add(p.threshold, b1);
    Scalar h = integrate(v, x, nullptr, te);
    Scalar s = fire(h, te);
    v = reset(h, s, te);
    b = a.add(b1, jump(s));
    return s;
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// All neurons
//===----------------------------------------------------------------------===//

namespace {
/// The operands of any named neuron; null where there is none.
struct Operands {
  Value input, initial, initialSecond, decay, currentDecay, adaptationDecay,
      threshold, weight, mask;
};
} // namespace

static Operands operandsOf(LIFOp op) {
  return {op.getInput(), op.getInitial(), {}, op.getDecayOperand(), {}, {},
          op.getThresholdOperand(), {}, op.getMask()};
}
static Operands operandsOf(IFOp op) {
  return {op.getInput(), op.getInitial(), {}, {}, {}, {},
          op.getThresholdOperand(), {}, op.getMask()};
}
static Operands operandsOf(PLIFOp op) {
  return {op.getInput(), op.getInitial(), {}, {}, {}, {},
          op.getThresholdOperand(), op.getWeight(), op.getMask()};
}
static Operands operandsOf(LIOp op) {
  return {op.getInput(), op.getInitial(), {}, op.getDecayOperand(), {}, {},
          {}, {}, op.getMask()};
}
static Operands operandsOf(CubaLIFOp op) {
  return {op.getInput(), op.getInitial(), op.getInitialCurrent(),
          op.getDecayOperand(), op.getCurrentDecayOperand(), {},
          op.getThresholdOperand(), {}, op.getMask()};
}
static Operands operandsOf(ALIFOp op) {
  return {op.getInput(), op.getInitial(), op.getInitialAdaptation(),
          op.getDecayOperand(), {}, op.getAdaptationDecayOperand(),
          op.getThresholdOperand(), {}, op.getMask()};
}

/// A parameter of every neuron: the operand, else the attribute.
static FailureOr<Tensor> getParameter(Machine &machine, Operation *op,
                                      StringRef name, Value operand,
                                      std::optional<double> attribute,
                                      const Tensor &like) {
  if (operand)
    return broadcastTo(op, machine.get(operand), like.shape);
  if (!attribute)
    return op->emitOpError("needs a ")
           << name << ": an operand, an attribute or a preset (neuron_c8)";
  Tensor tensor(like.kind, like.shape);
  for (Scalar &element : tensor.elements)
    element = Scalar::ofNumber(roundTo(like.kind, *attribute));
  return tensor;
}

template <typename OpTy>
static LogicalResult neuron(Machine &machine, OpTy op) {
  constexpr bool isLI = std::is_same_v<OpTy, LIOp>;
  constexpr bool isPLIF = std::is_same_v<OpTy, PLIFOp>;
  constexpr bool isIF = std::is_same_v<OpTy, IFOp>;
  constexpr bool isCuba = std::is_same_v<OpTy, CubaLIFOp>;
  constexpr bool isALIF = std::is_same_v<OpTy, ALIFOp>;
  Attributes attributes = resolveAttributes(op);
  if (isALIF && attributes.timing == ResetTiming::Delayed)
    return op.emitOpError("has no delayed reset (alif_c1)");

  Operands operands = operandsOf(op);
  const Tensor &input = machine.get(operands.input);
  ElementKind kind = input.kind;
  Arithmetic a = machine.arithmetic(kind);
  int64_t rank = cast<ShapedType>(op.getFinal().getType()).getRank();
  bool isStep = input.rank() == rank;
  int64_t steps = isStep ? 1 : input.shape.front();
  ArrayRef<int64_t> space = ArrayRef(input.shape).drop_front(isStep ? 0 : 1);

  // States.
  auto getState = [&](Value operand, double initial) -> FailureOr<Tensor> {
    Tensor state(kind, space);
    for (Scalar &element : state.elements)
      element = a.constant(initial);
    if (!operand)
      return state;
    const Tensor &given = machine.get(operand);
    if (given.shape != state.shape)
      return shapeError(op, "initial state", state.shape, given.shape);
    return given;
  };
  double start = isLI ? attributes.leak
                 : attributes.reset == ResetKind::Hard ? attributes.resetValue
                                                       : 0.0;
  FailureOr<Tensor> v = getState(operands.initial, start);
  FailureOr<Tensor> second = getState(operands.initialSecond, 0.0);
  if (failed(v) || failed(second))
    return failure();

  // Parameters.
  bool needsDecay = !isIF && !isPLIF;
  auto getOne = [&](bool needed, StringRef name, Value operand,
                    std::optional<double> attribute) -> FailureOr<Tensor> {
    if (!needed)
      return Tensor(kind, space);
    return getParameter(machine, op, name, operand, attribute, *v);
  };
  FailureOr<Tensor> decay =
      getOne(needsDecay, "decay", operands.decay, attributes.decay);
  FailureOr<Tensor> threshold =
      getOne(!isLI, "threshold", operands.threshold, attributes.threshold);
  FailureOr<Tensor> currentDecay = getOne(
      isCuba, "current_decay", operands.currentDecay, attributes.currentDecay);
  FailureOr<Tensor> adaptationDecay =
      getOne(isALIF, "adaptation_decay", operands.adaptationDecay,
             attributes.adaptationDecay);
  FailureOr<Tensor> weight = getOne(isPLIF, "weight", operands.weight, {});
  if (failed(decay) || failed(threshold) || failed(currentDecay) ||
      failed(adaptationDecay) || failed(weight))
    return failure();
  if (isALIF && !attributes.adaptationIncrement)
    return op.emitOpError("needs an adaptation_increment: an attribute or a "
                          "preset (neuron_c8)");

  auto parametersOf = [&](int64_t n) {
    Parameters p;
    p.decay = (*decay)[n];
    p.threshold = (*threshold)[n];
    p.currentDecay = (*currentDecay)[n];
    p.adaptationDecay = (*adaptationDecay)[n];
    // 1 - k: of an attribute in double, of an operand in the operand's type.
    if (operands.decay)
      p.scale = a.sub(a.constant(1.0), p.decay);
    else if (needsDecay)
      p.scale = a.constant(1.0 - *attributes.decay);
    if (isALIF)
      p.adaptationIncrement = a.constant(*attributes.adaptationIncrement);
    if (isPLIF)
      p.sigmoid = a.div(a.constant(1.0),
                        a.add(a.constant(1.0), a.exp(a.neg((*weight)[n]))));
    return p;
  };

  // One neuron after the other, through all steps.
  const Tensor *mask = operands.mask ? &machine.get(operands.mask) : nullptr;
  int64_t neurons = v->size();
  int64_t samples = mask ? space.front() : 0;
  if (mask) {
    SmallVector<int64_t> expected{samples};
    if (!isStep)
      expected.insert(expected.begin(), steps);
    if (ArrayRef(mask->shape) != ArrayRef(expected))
      return shapeError(op, "mask", expected, mask->shape);
  }
  Tensor activity(isLI ? kind : ElementKind::I1, input.shape);
  for (int64_t n = 0; n < neurons; ++n) {
    Cell cell{machine, attributes, a, isPLIF, isIF, parametersOf(n)};
    Scalar &membrane = (*v)[n], &other = (*second)[n];
    for (int64_t t = 0; t < steps; ++t) {
      int64_t element = t * neurons + n;
      if (mask && (*mask)[t * samples + n / (neurons / samples)].number == 0.0) {
        activity[element] = isLI ? membrane : Scalar();
        continue;
      }
      Scalar x = input[element];
      if (isLI)
        activity[element] = cell.li(membrane, x);
      else if (isCuba)
        activity[element] = cell.cubaLIF(membrane, other, x);
      else if (isALIF)
        activity[element] = cell.alif(membrane, other, x);
      else
        activity[element] = cell.lif(membrane, x);
    }
  }
  machine.set(op->getResult(0), std::move(activity));
  machine.set(op->getResult(1), std::move(*v));
  if (op->getNumResults() == 3)
    machine.set(op->getResult(2), std::move(*second));
  return success();
}

void addNeuronOps(Handlers &handlers) {
  handlers.add(neuron<LIFOp>);
  handlers.add(neuron<IFOp>);
  handlers.add(neuron<PLIFOp>);
  handlers.add(neuron<LIOp>);
  handlers.add(neuron<CubaLIFOp>);
  handlers.add(neuron<ALIFOp>);
}

} // namespace rheobase::reference
