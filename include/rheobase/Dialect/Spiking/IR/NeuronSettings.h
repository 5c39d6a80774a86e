//===- NeuronSettings.h - What a named neuron's attributes mean -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_NEURONSETTINGS_H
#define RHEOBASE_DIALECT_SPIKING_IR_NEURONSETTINGS_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

namespace rheobase::spiking {

enum class NeuronKind { IF, LIF, PLIF, LI, CubaLIF, ALIF };

/// The settings of a named neuron, resolved: what the operation says, else what
/// its preset says, else the default (docs/Semantics.md, section 4.7). Null is
/// what nothing gives, and `resetStage` where no reset has a stage.
struct NeuronSettings {
  /// The settings of `neuron`, which must be a named neuron of this dialect.
  static NeuronSettings resolve(NeuronOpInterface neuron);
  /// Calls `fn` with the name of each attribute and its setting, null or not.
  void forEach(llvm::function_ref<void(llvm::StringRef, mlir::Attribute)> fn);

  bool firesFirst() const { return order.getValue() == Order::FireIntegrate; }
  /// Whether the reset takes place within the integration, at `resetStage`.
  bool resetsInIntegration() const {
    return firesFirst() || resetTiming.getValue() == ResetTiming::Delayed;
  }

  NeuronKind kind;
  mlir::FloatAttr decay;
  mlir::FloatAttr threshold;
  mlir::FloatAttr leak;
  ResetAttr reset;
  ResetTimingAttr resetTiming;
  ResetStageAttr resetStage;
  mlir::BoolAttr detachReset;
  CompareAttr compare;
  OrderAttr order;
  InputScalingAttr inputScaling;
  SurrogateAttrInterface surrogate;
  mlir::FloatAttr currentDecay;
  CurrentUpdateAttr currentUpdate;
  mlir::FloatAttr adaptationDecay;
  mlir::FloatAttr adaptationIncrement;
};

/// The operands of a named neuron by their meaning; null where absent.
struct NeuronOperands {
  static NeuronOperands get(NeuronOpInterface neuron);

  mlir::Value input;
  /// The initial membrane, and the initial current or adaptation.
  mlir::Value initial, initialSecond;
  /// PLIF's w.
  mlir::Value weight;
  mlir::Value decay;
  /// The decay of the current or of the adaptation.
  mlir::Value secondDecay;
  mlir::Value threshold;
  mlir::Value mask;
};

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_IR_NEURONSETTINGS_H
