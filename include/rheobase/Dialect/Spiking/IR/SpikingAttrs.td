//===- SpikingAttrs.td - Attributes of the dialect --------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_ATTRS_TD
#define RHEOBASE_SPIKING_ATTRS_TD

include "rheobase/Dialect/Spiking/IR/SpikingSurrogates.td"

def Spiking_ResetAttr : AttrDef<Spiking_Dialect, "Reset"> {
  let mnemonic = "reset";
  let summary = "What a spike does to the membrane potential";
  let description = [{
    `hard` sets the membrane to `value`, `soft` subtracts the threshold, `none`
    leaves it.

    Example: `#spiking.reset<hard, value = 0.0>`, `#spiking.reset<soft>`.
  }];
  let parameters = (ins
    EnumParameter<Spiking_ResetKind>:$kind,
    Spiking_DefaultReal<"0.0", "membrane potential after a hard reset (mV or the model's unit)">:$value);
  let assemblyFormat = "`<` $kind (`,` `value` `=` $value^)? `>`";
}

def Spiking_InitializerAttr : AttrDef<Spiking_Dialect, "Initializer"> {
  let mnemonic = "init";
  let summary = "How a parameter starts";
  let description = [{
    The value of an `ml_program.global` that is drawn when training starts.
    Kaiming: bound `gain * sqrt(3 / fan_in)` or deviation `gain / sqrt(fan_in)`;
    Xavier: `gain * sqrt(6 / (fan_in + fan_out))` or
    `gain * sqrt(2 / (fan_in + fan_out))`. A linear layer of PyTorch starts with
    `kaiming_uniform` of gain `sqrt(1/3)`, and its bias with `uniform` within
    `1 / sqrt(fan_in)`.

    * `init_c1`: Kaiming needs a positive `fan_in`, Xavier a positive `fan_in` and `fan_out`.
    * `init_c2`: `uniform` needs `low <= high`.
    * `init_c3`: `normal` needs a `std` that is not negative.

    Example: `#spiking.init<kaiming_uniform, fan_in = 784, gain = 0.57735026918962573>`.
  }];
  let parameters = (ins
    EnumParameter<Spiking_InitKind>:$kind,
    DefaultValuedParameter<"int64_t", "0", "inputs of a neuron">:$fan_in,
    DefaultValuedParameter<"int64_t", "0", "outputs of an input">:$fan_out,
    Spiking_DefaultReal<"1.0", "factor of the Kaiming and Xavier bounds">:$gain,
    Spiking_DefaultReal<"0.0", "the constant">:$value,
    Spiking_DefaultReal<"0.0", "lower bound (uniform)">:$low,
    Spiking_DefaultReal<"0.0", "upper bound (uniform)">:$high,
    Spiking_DefaultReal<"0.0", "mean (normal)">:$mean,
    Spiking_DefaultReal<"1.0", "standard deviation (normal)">:$std);
  let assemblyFormat = [{
    `<` $kind (`,` struct($fan_in, $fan_out, $gain, $value, $low, $high, $mean, $std)^)? `>`
  }];
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Optimizers and training
//===----------------------------------------------------------------------===//

class Spiking_Optimizer<string cppName, string opMnemonic> : AttrDef<Spiking_Dialect, cppName> {
  let mnemonic = opMnemonic;
}

def Spiking_SGDOptimizerAttr : Spiking_Optimizer<"SGDOptimizer", "sgd_optimizer"> {
  let summary = "Stochastic gradient descent with momentum";
  let description = [{
    `d = g + weight_decay * p; m = momentum * m + d` (the first `m` is `d`), `d = g' = d + momentum * m`
    with Nesterov else `m`; `p = p - lr * d` (PyTorch's convention, dampening 0).
    * `sgd_optimizer_c1`: no number is negative; `nesterov` needs momentum.
  }];
  let parameters = (ins
    Spiking_DefaultReal<"0.01", "learning rate, unless the caller gives another">:$learning_rate,
    Spiking_DefaultReal<"0.0", "momentum">:$momentum,
    Spiking_DefaultReal<"0.0", "L2 penalty added to the gradient">:$weight_decay,
    DefaultValuedParameter<"bool", "false", "Nesterov's look-ahead">:$nesterov);
  let assemblyFormat = "`<` struct($learning_rate, $momentum, $weight_decay, $nesterov) `>`";
  let genVerifyDecl = 1;
}

def Spiking_AdamOptimizerAttr : Spiking_Optimizer<"AdamOptimizer", "adam_optimizer"> {
  let summary = "Adam (Kingma and Ba 2015), and AdamW with `decoupled = true` (Loshchilov and Hutter 2019)";
  let description = [{
    `spiking.adam` has the equations.
    * `adam_optimizer_c1`: no number is negative; `beta1` and `beta2` are less than 1.
  }];
  let parameters = (ins
    Spiking_DefaultReal<"0.001", "learning rate, unless the caller gives another">:$learning_rate,
    Spiking_DefaultReal<"0.9", "decay of the first moment">:$beta1,
    Spiking_DefaultReal<"0.999", "decay of the second moment">:$beta2,
    Spiking_DefaultReal<"1.0e-8", "added to the root of the second moment">:$epsilon,
    Spiking_DefaultReal<"0.0", "weight decay">:$weight_decay,
    DefaultValuedParameter<"bool", "false", "decay the weights, not the gradient (AdamW)">:$decoupled);
  let assemblyFormat = "`<` struct($learning_rate, $beta1, $beta2, $epsilon, $weight_decay, $decoupled) `>`";
  let genVerifyDecl = 1;
}

def Spiking_TrainingAttr : AttrDef<Spiking_Dialect, "Training"> {
  let mnemonic = "training";
  let summary = "How a forward function is trained";
  let description = [{
    On a forward function as `spiking.training`. `loss` is a function from the
    forward function's results and the labels to the scalar loss (and metrics,
    scalars as well). `truncate`: truncated backpropagation through time, the
    number of steps after which the gradient of a state stops; 0: never.
    `clip_norm`: the global norm that gradients are clipped to; 0: not clipped.
    * `training_c1`: the optimizer is an optimizer attribute.
    * `training_c2`: `time_steps` is at least 1; `truncate` and `clip_norm` are not negative.
    * `training_c3`: it stands on a function with a body.
    * `training_c4`: `loss` is a function that takes the forward function's results and the labels, and returns the
      loss, a scalar float tensor, and metrics, scalar tensors.
  }];
  let parameters = (ins
    AttrParameter<"::mlir::FlatSymbolRefAttr", "the loss function">:$loss,
    AttrParameter<"::mlir::Attribute", "an optimizer attribute">:$optimizer,
    DefaultValuedParameter<"int64_t", "1", "time steps, unless the caller gives another number">:$time_steps,
    DefaultValuedParameter<"int64_t", "0", "truncation of backpropagation, in steps">:$truncate,
    Spiking_DefaultReal<"0.0", "norm that gradients are clipped to">:$clip_norm);
  let assemblyFormat = "`<` struct($loss, $optimizer, $time_steps, $truncate, $clip_norm) `>`";
  let genVerifyDecl = 1;
}

#endif // RHEOBASE_SPIKING_ATTRS_TD
