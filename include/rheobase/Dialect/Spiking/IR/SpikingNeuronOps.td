//===- SpikingNeuronOps.td - Named neurons ----------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_NEURONOPS_TD
#define RHEOBASE_SPIKING_NEURONOPS_TD

include "rheobase/Dialect/Spiking/IR/SpikingBase.td"

// What every named neuron shares. Every attribute is optional: what is absent
// comes from the preset, else from the default that docs/Semantics.md lists.
// Operands of the same meaning take precedence over attributes.

defvar Spiking_NeuronTraits = [
  Pure, AttrSizedOperandSegments,
  DeclareOpInterfaceMethods<NeuronOpInterface>,
  DeclareOpInterfaceMethods<TimeDistributableOpInterface, ["getStatePairs"]>
];

/// A neuron that fires. `states` and `parameters` are the operands between the
/// input and the mask; their names appear in the assembly.
class Spiking_SpikingNeuron<string opMnemonic> : Spiking_Op<opMnemonic, Spiking_NeuronTraits> {
  string rules = [{
    * `neuron_c1`: initial and final states have the shape of one step; the input has it too (one step), or that with a
      leading time dimension (a sequence), and the spikes have the input's shape.
    * `neuron_c2`: the spikes are i1; input and states have the same float type.
    * `neuron_c3`: a parameter operand broadcasts to the shape of one step, and has the float type.
    * `neuron_c4`: what an operand gives must not also be given as an attribute.
    * `neuron_c5`: `fire_integrate` fires from the old membrane; a `delayed` reset does not go with it.
    * `neuron_c6`: `reset_stage` goes only with a delayed reset or `fire_integrate`.
    * `neuron_c7`: a mask is a tensor<[T,]B> of i1, only on inputs with a batch dimension. Where it is 0, states keep
      their values and the spike is 0.
    * `neuron_c8`: what has no default (docs/Semantics.md, section 4.7) comes from an operand, an attribute or the preset.
  }];
  let hasVerifier = 1;
}

def Spiking_LIFOp : Spiking_SpikingNeuron<"lif"> {
  let summary = "leaky integrate-and-fire neuron";
  let description = [{
    One step, in the default order (`integrate_fire`, `same_step`); `x` input current, `v` membrane, `k` decay,
    `l` leak (resting potential), `c` = 1 - k with `input_scaling = one_minus_decay`, else absent:

    `h = l + k * (v - l) + c * x; s = [h >= threshold]; v = reset(h, s)`

    where reset is `s ? value : h` (hard), `h - s * threshold` (soft) or `h` (none), through `detach(s)` with
    `detach_reset`. Delayed: `r = [v >= threshold]` is decided from the old membrane, the reset by r takes place at
    `reset_stage` (on v before the decay, on the decayed v, or on h), and the returned membrane is h, not reset.
    `fire_integrate`: s = r is the output and resets in the same way. docs/Semantics.md, `lif`, has every variant in its order of
    evaluation.

    ```mlir
    %s, %vT = spiking.lif %i, %v0 {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>, detach_reset = true,
        surrogate = #spiking.atan<alpha = 2.0>} : (tensor<?x?x128xf32>, tensor<?x128xf32>) -> (tensor<?x?x128xi1>, tensor<?x128xf32>)
    ```
  }] # rules;
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input current, [T, B, ...] or one step [B, ...]">:$input,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial membrane potential, [B, ...]; the reset value (hard) or 0 when absent">:$initial,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "decay of the membrane over one step, 0..1 (1 - 1/tau, or beta)">:$decay_operand,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "threshold (unit of the membrane)">:$threshold_operand,
    Spiking_Arg<Optional<RankedTensorOf<[I1]>>, "which steps of which samples exist, [T, B]">:$mask,
    OptionalAttr<Spiking_PresetAttr>:$preset,
    OptionalAttr<F64Attr>:$decay,
    OptionalAttr<F64Attr>:$threshold,
    OptionalAttr<F64Attr>:$leak,
    OptionalAttr<Spiking_ResetAttr>:$reset,
    OptionalAttr<Spiking_ResetTimingAttr>:$reset_timing,
    OptionalAttr<Spiking_ResetStageAttr>:$reset_stage,
    OptionalAttr<BoolAttr>:$detach_reset,
    OptionalAttr<Spiking_CompareAttr>:$compare,
    OptionalAttr<Spiking_OrderAttr>:$order,
    OptionalAttr<Spiking_InputScalingAttr>:$input_scaling,
    OptionalAttr<SurrogateAttrInterface>:$surrogate);
  let results = (outs
    Spiking_Res<RankedTensorOf<[I1]>, "spikes, the input's shape">:$spikes,
    Spiking_Res<Spiking_FloatTensor, "final membrane potential, [B, ...]">:$final);
  let assemblyFormat = [{
    $input (`,` $initial^)? (`decay` `(` $decay_operand^ `)`)? (`threshold` `(` $threshold_operand^ `)`)?
    (`mask` `(` $mask^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Spiking_IFOp : Spiking_SpikingNeuron<"if"> {
  let summary = "integrate-and-fire neuron, without a leak";
  let description = [{
    `spiking.lif` with decay 1 and no leak: `h = v + x`.
  }] # rules;
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input current, [T, B, ...] or one step [B, ...]">:$input,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial membrane potential, [B, ...]">:$initial,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "threshold (unit of the membrane)">:$threshold_operand,
    Spiking_Arg<Optional<RankedTensorOf<[I1]>>, "which steps of which samples exist, [T, B]">:$mask,
    OptionalAttr<Spiking_PresetAttr>:$preset,
    OptionalAttr<F64Attr>:$threshold,
    OptionalAttr<Spiking_ResetAttr>:$reset,
    OptionalAttr<Spiking_ResetTimingAttr>:$reset_timing,
    OptionalAttr<Spiking_ResetStageAttr>:$reset_stage,
    OptionalAttr<BoolAttr>:$detach_reset,
    OptionalAttr<Spiking_CompareAttr>:$compare,
    OptionalAttr<Spiking_OrderAttr>:$order,
    OptionalAttr<SurrogateAttrInterface>:$surrogate);
  let results = (outs
    Spiking_Res<RankedTensorOf<[I1]>, "spikes, the input's shape">:$spikes,
    Spiking_Res<Spiking_FloatTensor, "final membrane potential, [B, ...]">:$final);
  let assemblyFormat = [{
    $input (`,` $initial^)? (`threshold` `(` $threshold_operand^ `)`)?
    (`mask` `(` $mask^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Spiking_PLIFOp : Spiking_SpikingNeuron<"plif"> {
  let summary = "leaky integrate-and-fire neuron with a learnable time constant";
  let description = [{
    `spiking.lif` with decay `1 - q`, `q = sigmoid(w)`, `w` learnable (Fang et al. 2021, SpikingJelly's
    ParametricLIFNode; w = -ln(tau - 1)). Written with q: `h = v - (v - l) * q + x`, or `h = v + (x - (v - l)) * q` with
    `input_scaling = one_minus_decay`.
    * `plif_c1`: with `one_minus_decay`, which decays and integrates at once, no reset takes place at `after_decay`.
  }] # rules;
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input current, [T, B, ...] or one step [B, ...]">:$input,
    Spiking_Arg<Spiking_FloatTensor, "w, one number (rank 0) or broadcast to the space">:$weight,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial membrane potential, [B, ...]">:$initial,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "threshold (unit of the membrane)">:$threshold_operand,
    Spiking_Arg<Optional<RankedTensorOf<[I1]>>, "which steps of which samples exist, [T, B]">:$mask,
    OptionalAttr<Spiking_PresetAttr>:$preset,
    OptionalAttr<F64Attr>:$threshold,
    OptionalAttr<F64Attr>:$leak,
    OptionalAttr<Spiking_ResetAttr>:$reset,
    OptionalAttr<Spiking_ResetTimingAttr>:$reset_timing,
    OptionalAttr<Spiking_ResetStageAttr>:$reset_stage,
    OptionalAttr<BoolAttr>:$detach_reset,
    OptionalAttr<Spiking_CompareAttr>:$compare,
    OptionalAttr<Spiking_OrderAttr>:$order,
    OptionalAttr<Spiking_InputScalingAttr>:$input_scaling,
    OptionalAttr<SurrogateAttrInterface>:$surrogate);
  let results = (outs
    Spiking_Res<RankedTensorOf<[I1]>, "spikes, the input's shape">:$spikes,
    Spiking_Res<Spiking_FloatTensor, "final membrane potential, [B, ...]">:$final);
  let assemblyFormat = [{
    $input (`,` $initial^)? `weight` `(` $weight `)` (`threshold` `(` $threshold_operand^ `)`)?
    (`mask` `(` $mask^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Spiking_LIOp : Spiking_Op<"li", Spiking_NeuronTraits> {
  let summary = "leaky integrator: a readout that does not spike";
  let description = [{
    `v = l + k * (v - l) + c * x`, as in `spiking.lif`; the output is v at each step.
    * `li_c1`: initial and final membrane have the shape of one step; input and output have it, or that with a leading time dimension.
    * `li_c2`: all values have the same float type.
    * The rules `neuron_c3`, `neuron_c4`, `neuron_c7` and `neuron_c8` of spiking neurons hold.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input current, [T, B, ...] or one step [B, ...]">:$input,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial membrane potential, [B, ...]; the leak when absent">:$initial,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "decay of the membrane over one step, 0..1">:$decay_operand,
    Spiking_Arg<Optional<RankedTensorOf<[I1]>>, "which steps of which samples exist, [T, B]; the output keeps its value elsewhere">:$mask,
    OptionalAttr<Spiking_PresetAttr>:$preset,
    OptionalAttr<F64Attr>:$decay,
    OptionalAttr<F64Attr>:$leak,
    OptionalAttr<Spiking_InputScalingAttr>:$input_scaling);
  let results = (outs
    Spiking_Res<Spiking_FloatTensor, "membrane potential at each step, the input's shape">:$membrane,
    Spiking_Res<Spiking_FloatTensor, "final membrane potential, [B, ...]">:$final);
  let assemblyFormat = [{
    $input (`,` $initial^)? (`decay` `(` $decay_operand^ `)`)? (`mask` `(` $mask^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Spiking_CubaLIFOp : Spiking_SpikingNeuron<"cuba_lif"> {
  let summary = "leaky integrate-and-fire neuron with a synaptic current";
  let description = [{
    A second state, the synaptic current i, with decay `a` (`current_decay`), drives the membrane of `spiking.lif` in
    the place of x. `current_update`:
    * `decay_then_jump`: `i = a * i + x`, and the membrane sees the new i (snnTorch's Synaptic, SpikingJelly's CUBALIF, Spyx's CuBaLIF).
    * `jump_then_decay`: `j = i + x`, the membrane sees j, `i = a * j` (Norse's LIF).
    * `after_membrane`: the membrane sees the old i, then `i = a * i + x` (Norse's LSNN).
  }] # rules;
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input, [T, B, ...] or one step [B, ...]">:$input,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial membrane potential, [B, ...]">:$initial,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial synaptic current, [B, ...]; 0 when absent">:$initial_current,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "decay of the membrane over one step, 0..1">:$decay_operand,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "decay of the current over one step, 0..1">:$current_decay_operand,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "threshold (unit of the membrane)">:$threshold_operand,
    Spiking_Arg<Optional<RankedTensorOf<[I1]>>, "which steps of which samples exist, [T, B]">:$mask,
    OptionalAttr<Spiking_PresetAttr>:$preset,
    OptionalAttr<F64Attr>:$decay,
    OptionalAttr<F64Attr>:$current_decay,
    OptionalAttr<Spiking_CurrentUpdateAttr>:$current_update,
    OptionalAttr<F64Attr>:$threshold,
    OptionalAttr<F64Attr>:$leak,
    OptionalAttr<Spiking_ResetAttr>:$reset,
    OptionalAttr<Spiking_ResetTimingAttr>:$reset_timing,
    OptionalAttr<Spiking_ResetStageAttr>:$reset_stage,
    OptionalAttr<BoolAttr>:$detach_reset,
    OptionalAttr<Spiking_CompareAttr>:$compare,
    OptionalAttr<Spiking_OrderAttr>:$order,
    OptionalAttr<Spiking_InputScalingAttr>:$input_scaling,
    OptionalAttr<SurrogateAttrInterface>:$surrogate);
  let results = (outs
    Spiking_Res<RankedTensorOf<[I1]>, "spikes, the input's shape">:$spikes,
    Spiking_Res<Spiking_FloatTensor, "final membrane potential, [B, ...]">:$final,
    Spiking_Res<Spiking_FloatTensor, "final synaptic current, [B, ...]">:$final_current);
  let assemblyFormat = [{
    $input (`,` $initial^)? (`current` `(` $initial_current^ `)`)? (`decay` `(` $decay_operand^ `)`)?
    (`current_decay` `(` $current_decay_operand^ `)`)? (`threshold` `(` $threshold_operand^ `)`)?
    (`mask` `(` $mask^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Spiking_ALIFOp : Spiking_SpikingNeuron<"alif"> {
  let summary = "leaky integrate-and-fire neuron with an adaptive threshold";
  let description = [{
    A second state, the adaptation a, raises the threshold of `spiking.lif`: `g` is `adaptation_decay`, `b` is
    `adaptation_increment`.
    * `integrate_fire`: `a = g * a`, the neuron fires and resets with `threshold + a`, then `a = a + b * s`
      (Bellec et al. 2018; Norse's LSNN with a relative to the threshold).
    * `fire_integrate`: the neuron fires and resets with `threshold + a`, then `a = g * a + b * s` (Spyx's ALIF with b = 1 - g).

    In the adaptation, s is detached with `detach_reset`.
    * `alif_c1`: the reset is not delayed.
  }] # rules;
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input current, [T, B, ...] or one step [B, ...]">:$input,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial membrane potential, [B, ...]">:$initial,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "initial adaptation, [B, ...]; 0 when absent">:$initial_adaptation,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "decay of the membrane over one step, 0..1">:$decay_operand,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "decay of the adaptation over one step, 0..1">:$adaptation_decay_operand,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "threshold without adaptation (unit of the membrane)">:$threshold_operand,
    Spiking_Arg<Optional<RankedTensorOf<[I1]>>, "which steps of which samples exist, [T, B]">:$mask,
    OptionalAttr<Spiking_PresetAttr>:$preset,
    OptionalAttr<F64Attr>:$decay,
    OptionalAttr<F64Attr>:$adaptation_decay,
    OptionalAttr<F64Attr>:$adaptation_increment,
    OptionalAttr<F64Attr>:$threshold,
    OptionalAttr<F64Attr>:$leak,
    OptionalAttr<Spiking_ResetAttr>:$reset,
    OptionalAttr<Spiking_ResetStageAttr>:$reset_stage,
    OptionalAttr<BoolAttr>:$detach_reset,
    OptionalAttr<Spiking_CompareAttr>:$compare,
    OptionalAttr<Spiking_OrderAttr>:$order,
    OptionalAttr<Spiking_InputScalingAttr>:$input_scaling,
    OptionalAttr<SurrogateAttrInterface>:$surrogate);
  let results = (outs
    Spiking_Res<RankedTensorOf<[I1]>, "spikes, the input's shape">:$spikes,
    Spiking_Res<Spiking_FloatTensor, "final membrane potential, [B, ...]">:$final,
    Spiking_Res<Spiking_FloatTensor, "final adaptation, [B, ...]">:$final_adaptation);
  let assemblyFormat = [{
    $input (`,` $initial^)? (`adaptation` `(` $initial_adaptation^ `)`)? (`decay` `(` $decay_operand^ `)`)?
    (`adaptation_decay` `(` $adaptation_decay_operand^ `)`)? (`threshold` `(` $threshold_operand^ `)`)?
    (`mask` `(` $mask^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

#endif // RHEOBASE_SPIKING_NEURONOPS_TD
