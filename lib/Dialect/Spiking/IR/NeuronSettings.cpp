//===- NeuronSettings.cpp - Defaults and presets of named neurons ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/NeuronSettings.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rheobase::spiking;

/// Calls `fn(attribute name, setting)` for each setting.
template <typename Fn>
static void forEachSetting(NeuronSettings &settings, Fn fn) {
  fn("decay", settings.decay);
  fn("threshold", settings.threshold);
  fn("leak", settings.leak);
  fn("reset", settings.reset);
  fn("reset_timing", settings.resetTiming);
  fn("reset_stage", settings.resetStage);
  fn("detach_reset", settings.detachReset);
  fn("compare", settings.compare);
  fn("order", settings.order);
  fn("input_scaling", settings.inputScaling);
  fn("surrogate", settings.surrogate);
  fn("current_decay", settings.currentDecay);
  fn("current_update", settings.currentUpdate);
  fn("adaptation_decay", settings.adaptationDecay);
  fn("adaptation_increment", settings.adaptationIncrement);
}

void NeuronSettings::forEach(function_ref<void(StringRef, Attribute)> fn) {
  forEachSetting(*this, fn);
}

static NeuronKind getKind(Operation *op) {
  return TypeSwitch<Operation *, NeuronKind>(op)
      .Case<IFOp>([](auto) { return NeuronKind::IF; })
      .Case<LIFOp>([](auto) { return NeuronKind::LIF; })
      .Case<PLIFOp>([](auto) { return NeuronKind::PLIF; })
      .Case<LIOp>([](auto) { return NeuronKind::LI; })
      .Case<CubaLIFOp>([](auto) { return NeuronKind::CubaLIF; })
      .Case<ALIFOp>([](auto) { return NeuronKind::ALIF; });
}

NeuronSettings NeuronSettings::resolve(NeuronOpInterface neuron) {
  Operation *op = neuron;
  MLIRContext *context = op->getContext();
  Builder builder(context);
  auto real = [&](double value) { return builder.getF64FloatAttr(value); };

  // The table of docs/Semantics.md, section 4.7: its first column, then what
  // the preset's column changes.
  NeuronSettings s;
  s.kind = getKind(op);
  bool cuba = s.kind == NeuronKind::CubaLIF;
  s.threshold = real(1.0);
  s.reset = ResetAttr::get(context, ResetKind::Hard, 0.0);
  s.resetTiming = ResetTimingAttr::get(context, ResetTiming::SameStep);
  ResetStage stage = ResetStage::AfterDecay;
  s.detachReset = builder.getBoolAttr(false);
  s.compare = CompareAttr::get(context, Compare::GE);
  s.order = OrderAttr::get(context, Order::IntegrateFire);
  s.inputScaling = InputScalingAttr::get(context, InputScaling::None);
  s.surrogate = ATanSurrogateAttr::get(context, 2.0);
  s.currentUpdate =
      CurrentUpdateAttr::get(context, CurrentUpdate::DecayThenJump);

  ResetAttr soft = ResetAttr::get(context, ResetKind::Soft, 0.0);
  auto greater = CompareAttr::get(context, Compare::GT);
  auto delayed = ResetTimingAttr::get(context, ResetTiming::Delayed);
  auto scaled = InputScalingAttr::get(context, InputScaling::OneMinusDecay);
  auto presetAttr = op->getAttrOfType<PresetAttr>("preset");
  std::optional<Preset> preset;
  if (presetAttr)
    preset = presetAttr.getValue();
  if (preset == Preset::SpikingJelly) {
    s.decay = real(cuba ? 0.75 : 0.5);
    s.currentDecay = real(0.5);
    if (cuba) {
      s.threshold = real(0.5);
      s.surrogate = RectangleSurrogateAttr::get(context, 1.0, 1.0);
    } else {
      s.inputScaling = scaled;
      s.surrogate = SigmoidSurrogateAttr::get(context, 4.0);
    }
  } else if (preset == Preset::SnnTorch) {
    s.reset = soft;
    s.resetTiming = delayed;
    stage = ResetStage::AfterIntegration;
    s.detachReset = builder.getBoolAttr(true);
    s.compare = greater;
  } else if (preset == Preset::Norse) {
    s.decay = real(0.9);
    s.compare = greater;
    s.inputScaling = scaled;
    s.surrogate = SuperSpikeSurrogateAttr::get(context, 1.0, 1.0);
    s.currentDecay = real(0.8);
    s.currentUpdate =
        CurrentUpdateAttr::get(context, CurrentUpdate::JumpThenDecay);
  } else if (preset == Preset::Spyx) {
    s.reset = soft;
    stage = cuba ? ResetStage::BeforeDecay : ResetStage::AfterIntegration;
    s.compare = greater;
    s.order = OrderAttr::get(context, Order::FireIntegrate);
    s.surrogate = SuperSpikeSurrogateAttr::get(context, 1.0, 25.0);
  } else if (preset == Preset::TemporalFusion) {
    s.decay = real(0.2);
    s.threshold = real(0.3);
    s.resetTiming = delayed;
    s.surrogate = SigmoidSurrogateAttr::get(context, 4.0);
  }

  // What the operation says itself.
  forEachSetting(s, [&](StringRef name, auto &setting) {
    using AttrType = std::remove_reference_t<decltype(setting)>;
    if (auto given = op->getAttrOfType<AttrType>(name))
      setting = given;
  });

  // What depends on the others.
  bool hard = s.reset.getKind() == ResetKind::Hard;
  if (!s.leak)
    s.leak = real(preset == Preset::SpikingJelly && !cuba && hard
                      ? double(s.reset.getValue())
                      : 0.0);
  if (!s.resetStage && s.resetsInIntegration()) {
    if (preset == Preset::SnnTorch && s.kind == NeuronKind::LIF && hard)
      stage = ResetStage::AfterDecay;
    s.resetStage = ResetStageAttr::get(context, stage);
  }
  if (!s.adaptationIncrement && preset == Preset::Spyx && s.adaptationDecay)
    s.adaptationIncrement = real(1.0 - s.adaptationDecay.getValueAsDouble());
  return s;
}

NeuronOperands NeuronOperands::get(NeuronOpInterface neuron) {
  NeuronOperands operands;
  auto common = [&](auto op) {
    operands.input = op.getInput();
    operands.initial = op.getInitial();
    operands.mask = op.getMask();
  };
  TypeSwitch<Operation *>(neuron)
      .Case<IFOp>([&](IFOp op) {
        common(op);
        operands.threshold = op.getThresholdOperand();
      })
      .Case<LIFOp>([&](LIFOp op) {
        common(op);
        operands.decay = op.getDecayOperand();
        operands.threshold = op.getThresholdOperand();
      })
      .Case<PLIFOp>([&](PLIFOp op) {
        common(op);
        operands.weight = op.getWeight();
        operands.threshold = op.getThresholdOperand();
      })
      .Case<LIOp>([&](LIOp op) {
        common(op);
        operands.decay = op.getDecayOperand();
      })
      .Case<CubaLIFOp>([&](CubaLIFOp op) {
        common(op);
        operands.initialSecond = op.getInitialCurrent();
        operands.decay = op.getDecayOperand();
        operands.secondDecay = op.getCurrentDecayOperand();
        operands.threshold = op.getThresholdOperand();
      })
      .Case<ALIFOp>([&](ALIFOp op) {
        common(op);
        operands.initialSecond = op.getInitialAdaptation();
        operands.decay = op.getDecayOperand();
        operands.secondDecay = op.getAdaptationDecayOperand();
        operands.threshold = op.getThresholdOperand();
      });
  return operands;
}
