//===- SpikingEnums.td - Enumerations of the dialect ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_ENUMS_TD
#define RHEOBASE_SPIKING_ENUMS_TD

include "mlir/IR/EnumAttr.td"
include "rheobase/Dialect/Spiking/IR/SpikingDialect.td"

class Spiking_I32Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::rheobase::spiking";
  let genSpecializedAttr = 0;
}

def Spiking_Direction : Spiking_I32Enum<"Direction", "how a scan walks over time", [
  I32EnumAttrCase<"Forward", 0, "forward">,
  I32EnumAttrCase<"Reverse", 1, "reverse">,
  I32EnumAttrCase<"Step", 2, "step">]>;

def Spiking_Compare : Spiking_I32Enum<"Compare", "how a membrane is compared with the threshold", [
  I32EnumAttrCase<"GE", 0, "ge">,
  I32EnumAttrCase<"GT", 1, "gt">]>;

def Spiking_FireKind : Spiking_I32Enum<"FireKind", "what a neuron emits", [
  I32EnumAttrCase<"Binary", 0, "binary">,
  I32EnumAttrCase<"Ternary", 1, "ternary">,
  I32EnumAttrCase<"Count", 2, "count">]>;

def Spiking_Rounding : Spiking_I32Enum<"Rounding", "how a count is rounded", [
  I32EnumAttrCase<"Floor", 0, "floor">,
  I32EnumAttrCase<"NearestEven", 1, "nearest_even">]>;

def Spiking_ResetKind : Spiking_I32Enum<"ResetKind", "what a spike does to the membrane", [
  I32EnumAttrCase<"Hard", 0, "hard">,
  I32EnumAttrCase<"Soft", 1, "soft">,
  I32EnumAttrCase<"None", 2, "none">]>;

def Spiking_ResetTiming : Spiking_I32Enum<"ResetTiming", "when the reset takes place", [
  I32EnumAttrCase<"SameStep", 0, "same_step">,
  I32EnumAttrCase<"Delayed", 1, "delayed">]>;

def Spiking_ResetStage : Spiking_I32Enum<"ResetStage", "where in the integration a delayed reset takes place", [
  I32EnumAttrCase<"BeforeDecay", 0, "before_decay">,
  I32EnumAttrCase<"AfterDecay", 1, "after_decay">,
  I32EnumAttrCase<"AfterIntegration", 2, "after_integration">]>;

def Spiking_Order : Spiking_I32Enum<"Order", "whether a neuron integrates or fires first", [
  I32EnumAttrCase<"IntegrateFire", 0, "integrate_fire">,
  I32EnumAttrCase<"FireIntegrate", 1, "fire_integrate">]>;

def Spiking_InputScaling : Spiking_I32Enum<"InputScaling", "what the input current is multiplied by", [
  I32EnumAttrCase<"None", 0, "none">,
  I32EnumAttrCase<"OneMinusDecay", 1, "one_minus_decay">]>;

def Spiking_CurrentUpdate : Spiking_I32Enum<"CurrentUpdate", "how the synaptic current takes the input", [
  I32EnumAttrCase<"DecayThenJump", 0, "decay_then_jump">,
  I32EnumAttrCase<"JumpThenDecay", 1, "jump_then_decay">,
  I32EnumAttrCase<"AfterMembrane", 2, "after_membrane">]>;

def Spiking_Preset : Spiking_I32Enum<"Preset", "whose conventions a neuron follows", [
  I32EnumAttrCase<"SpikingJelly", 0, "spikingjelly">,
  I32EnumAttrCase<"SnnTorch", 1, "snntorch">,
  I32EnumAttrCase<"Norse", 2, "norse">,
  I32EnumAttrCase<"Spyx", 3, "spyx">,
  I32EnumAttrCase<"TemporalFusion", 4, "temporal_fusion">]>;

def Spiking_Layout : Spiking_I32Enum<"Layout", "where the channels of an image are", [
  I32EnumAttrCase<"ChannelsFirst", 0, "channels_first">,
  I32EnumAttrCase<"ChannelsLast", 1, "channels_last">]>;

def Spiking_Statistics : Spiking_I32Enum<"Statistics", "what a batch-norm's statistics range over", [
  I32EnumAttrCase<"PerStep", 0, "per_step">,
  I32EnumAttrCase<"Merged", 1, "merged">]>;

def Spiking_Mode : Spiking_I32Enum<"Mode", "training or inference", [
  I32EnumAttrCase<"Train", 0, "train">,
  I32EnumAttrCase<"Inference", 1, "inference">]>;

def Spiking_MaskTime : Spiking_I32Enum<"MaskTime", "whether a dropout mask changes over time", [
  I32EnumAttrCase<"PerStep", 0, "per_step">,
  I32EnumAttrCase<"Fixed", 1, "fixed">]>;

def Spiking_Readout : Spiking_I32Enum<"Readout", "how a sequence is read out", [
  I32EnumAttrCase<"Rate", 0, "rate">,
  I32EnumAttrCase<"Sum", 1, "sum">,
  I32EnumAttrCase<"Max", 2, "max">,
  I32EnumAttrCase<"Last", 3, "last">,
  I32EnumAttrCase<"FirstSpike", 4, "first_spike">]>;

def Spiking_InitKind : Spiking_I32Enum<"InitKind", "how a parameter starts", [
  I32EnumAttrCase<"Constant", 0, "constant">,
  I32EnumAttrCase<"Uniform", 1, "uniform">,
  I32EnumAttrCase<"Normal", 2, "normal">,
  I32EnumAttrCase<"KaimingUniform", 3, "kaiming_uniform">,
  I32EnumAttrCase<"KaimingNormal", 4, "kaiming_normal">,
  I32EnumAttrCase<"XavierUniform", 5, "xavier_uniform">,
  I32EnumAttrCase<"XavierNormal", 6, "xavier_normal">]>;

class Spiking_EnumAttr<I32EnumAttr enum, string mnemonic>
    : EnumAttr<Spiking_Dialect, enum, mnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def Spiking_DirectionAttr : Spiking_EnumAttr<Spiking_Direction, "direction">;
def Spiking_CompareAttr : Spiking_EnumAttr<Spiking_Compare, "compare">;
def Spiking_FireKindAttr : Spiking_EnumAttr<Spiking_FireKind, "fire_kind">;
def Spiking_RoundingAttr : Spiking_EnumAttr<Spiking_Rounding, "rounding">;
def Spiking_ResetTimingAttr : Spiking_EnumAttr<Spiking_ResetTiming, "reset_timing">;
def Spiking_ResetStageAttr : Spiking_EnumAttr<Spiking_ResetStage, "reset_stage">;
def Spiking_OrderAttr : Spiking_EnumAttr<Spiking_Order, "order">;
def Spiking_InputScalingAttr : Spiking_EnumAttr<Spiking_InputScaling, "input_scaling">;
def Spiking_CurrentUpdateAttr : Spiking_EnumAttr<Spiking_CurrentUpdate, "current_update">;
def Spiking_PresetAttr : Spiking_EnumAttr<Spiking_Preset, "preset">;
def Spiking_LayoutAttr : Spiking_EnumAttr<Spiking_Layout, "layout">;
def Spiking_StatisticsAttr : Spiking_EnumAttr<Spiking_Statistics, "statistics">;
def Spiking_ModeAttr : Spiking_EnumAttr<Spiking_Mode, "mode">;
def Spiking_MaskTimeAttr : Spiking_EnumAttr<Spiking_MaskTime, "mask_time">;
def Spiking_ReadoutAttr : Spiking_EnumAttr<Spiking_Readout, "readout">;

#endif // RHEOBASE_SPIKING_ENUMS_TD
