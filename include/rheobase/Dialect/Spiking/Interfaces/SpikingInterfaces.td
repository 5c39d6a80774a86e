//===- SpikingInterfaces.td - What passes ask of operations -*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_INTERFACES_TD
#define RHEOBASE_SPIKING_INTERFACES_TD

include "mlir/IR/OpBase.td"

def TimeDistributableOpInterface : OpInterface<"TimeDistributableOpInterface"> {
  let cppNamespace = "::rheobase::spiking";
  let description = [{
    An operation of one time step that also has a form for whole sequences, so
    that `spiking-distribute-time-loop` can move the loop over time into it.
  }];
  let methods =
      [InterfaceMethod<
           [{
      Builds the sequence form. `operands[i]` stands for operand i: a sequence
      with a new leading dimension of `steps` entries where `isSequence[i]`, else
      the same value as before, the same at every step. The step's index is a
      sequence without a value (null). A state operand (getStatePairs) is the
      initial state. Returns a value for each result: a sequence, the final state
      for a state result, or the sum over all steps for a summed result
      (getSummedResults). Fails, without having built anything, where this
      combination has no sequence form.
    }],
           "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>",
           "distributeOverTime",
           (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands,
               "::llvm::ArrayRef<bool>":$isSequence, "::mlir::Value":$steps)>,
       InterfaceMethod<[{
      The inverse, for what is the same at every step: of an operation on
      sequences, builds that of one step. `repeated[i]` is what operand i repeats
      over its leading dimension, of `steps` entries; null where it is not a
      repeated value. Returns a value for each result: one step of a sequence,
      which is the same at every step, or what the result itself is. Fails,
      without having built anything, where a step differs from others.
    }],
                       "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>",
                       "hoistOutOfTime",
                       (ins "::mlir::OpBuilder &":$builder,
                           "::llvm::ArrayRef<::mlir::Value>":$repeated,
                           "::mlir::Value":$steps),
                       /*methodBody=*/"",
                       /*defaultImplementation=*/"return ::mlir::failure();">,
       InterfaceMethod<[{
      The states that the operation carries from step to step itself: pairs of
      operand number and result number. A cycle of the step graph that runs only
      through such a pair vanishes in the sequence form.
    }],
                       "::llvm::SmallVector<std::pair<unsigned, unsigned>>",
                       "getStatePairs", (ins),
                       /*methodBody=*/"",
                       /*defaultImplementation=*/"return {};">,
       InterfaceMethod<
           [{
      The results of which the sequence form knows only the sum over all steps:
      what a step contributes to the gradient of a parameter.
    }],
           "::llvm::SmallVector<unsigned>", "getSummedResults", (ins),
           /*methodBody=*/"", /*defaultImplementation=*/"return {};">];
}

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::rheobase::spiking";
  let description = [{
    An operation with an adjoint. Primal values (operands and results of the
    forward operation) may be used by the adjoint directly; the context knows
    the cotangents.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the adjoint at the builder's insertion point: reads the cotangents
      of the results (`context.getCotangent(result)`, null where zero) and adds
      to those of the operands (`context.addCotangent(operand, value)`) where
      `context.needsCotangent(operand)`. Emits an error and fails where the
      operation cannot be differentiated as it stands.
    }], "::llvm::LogicalResult", "buildAdjoint",
    (ins "::mlir::OpBuilder &":$builder, "::rheobase::spiking::AdjointContext &":$context)>,
    InterfaceMethod<[{
      Whether no cotangent ever passes: the derivative is zero, or is declared to
      be (detach, encoders). buildAdjoint is not called then.
    }], "bool", "isDerivativeZero", (ins), /*methodBody=*/"",
    /*defaultImplementation=*/"return false;">
  ];
}

def NeuronOpInterface : OpInterface<"NeuronOpInterface"> {
  let cppNamespace = "::rheobase::spiking";
  let description = [{
    A named neuron: its dynamics as a region of a scan (DecomposableNeuronInterface
    of the design). Below L1 nothing knows a named neuron.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds a `spiking.scan` with the same meaning at the insertion point and
      returns a value for each result. Presets must have been resolved by the
      attribute accessors; no attribute needs to be explicit.
    }], "::mlir::FailureOr<::llvm::SmallVector<::mlir::Value>>", "decomposeNeuron",
    (ins "::mlir::OpBuilder &":$builder)>,
    InterfaceMethod<[{
      Makes every attribute explicit and removes the preset. Returns whether
      something changed.
    }], "bool", "expandPreset", (ins)>,
    InterfaceMethod<[{
      Whether the input is one step (no time dimension).
    }], "bool", "isStepForm", (ins)>,
    InterfaceMethod<[{
      The result that other neurons see: the spikes, or a readout's membrane.
    }], "::mlir::Value", "getActivity", (ins), /*methodBody=*/"",
    /*defaultImplementation=*/"return $_op->getResult(0);">
  ];
}

#endif // RHEOBASE_SPIKING_INTERFACES_TD
