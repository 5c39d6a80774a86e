//===- SpikingBase.td - What all operations share ---------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_BASE_TD
#define RHEOBASE_SPIKING_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "rheobase/Dialect/Spiking/IR/SpikingAttrs.td"
include "rheobase/Dialect/Spiking/Interfaces/SpikingInterfaces.td"

/// spiking_c1: a misspelt attribute is an error, not a discardable attribute.
def Spiking_KnownAttributes : NativeOpTrait<"KnownAttributes"> {
  let cppNamespace = "::rheobase::spiking";
}

/// Every operation goes through this class.
class Spiking_Op<string opMnemonic, list<Trait> traits = []>
    : Op<Spiking_Dialect, opMnemonic, traits # [Spiking_KnownAttributes]>;

/// A value of type `constraint` with its documentation: meaning, shape, unit.
class Spiking_Arg<Constraint constraint, string desc> : Arg<constraint, desc>;
class Spiking_Res<Constraint constraint, string desc> : Res<constraint, desc>;

def Spiking_Float : AnyTypeOf<[F16, BF16, F32, F64], "f16, bf16, f32 or f64">;
/// Currents, membranes, weights, cotangents.
def Spiking_FloatTensor : RankedTensorOf<[F16, BF16, F32, F64]>;
/// What flows between layers: binary spikes (i1), counts and ternary spikes
/// (i8), currents, membranes and graded spikes (floats).
def Spiking_ActivityTensor : RankedTensorOf<[I1, I8, F16, BF16, F32, F64]>;
def Spiking_LabelTensor : RankedTensorOf<[I32]>;
def Spiking_PackedTensor : RankedTensorOf<[I32]>;
/// tensor<f32> and tensor<f64>; rank is checked by the verifier.
def Spiking_ScalarFloat : RankedTensorOf<[F32, F64]>;
/// Seeds and step numbers: tensor<i64>.
def Spiking_ScalarI64 : RankedTensorOf<[I64]>;
/// What a scan ranges over: tensors, or buffers after bufferization.
def Spiking_AnyShaped : AnyTypeOf<[AnyRankedTensor, AnyMemRef], "ranked tensor or memref">;

#endif // RHEOBASE_SPIKING_BASE_TD
