//===- SpikingEndOps.td - Encoders, readouts, losses ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_ENDOPS_TD
#define RHEOBASE_SPIKING_ENDOPS_TD

include "rheobase/Dialect/Spiking/IR/SpikingSynapseOps.td"

//===----------------------------------------------------------------------===//
// Encoders
//===----------------------------------------------------------------------===//

def Spiking_RepeatOp : Spiking_Op<"repeat", [Pure, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "direct encoding: the same value at every time step";
  let description = [{
    * `repeat_c1`: the result is the input with a leading dimension of `times` entries.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "one step, [B, ...]">:$input,
    Spiking_Arg<Index, "number of time steps">:$times);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "[T, B, ...]">:$output);
  let assemblyFormat = "$input `times` `(` $times `)` attr-dict `:` functional-type($input, $output)";
  let hasVerifier = 1;
}

def Spiking_PoissonOp : Spiking_Op<"poisson", [Pure, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<TimeDistributableOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isDerivativeZero"]>]> {
  let summary = "rate encoding: a spike with the probability that the input gives";
  let description = [{
    `s = uniform(seed, id, step, sample, element) < x`. With `times` a sequence; with `step` one step, inside a
    time_loop. The cotangent of the input is zero.
    * `poisson_c1`: exactly one of `times` and `step` is there.
    * `poisson_c2`: with `times` the result is the input's shape with a leading time dimension, else that shape.
    * `poisson_c3`: the input is [B, ...], the seed a tensor<i64>.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "probability of a spike in a step, 0..1, [B, ...]">:$input,
    Spiking_Arg<Spiking_ScalarI64, "seed">:$seed,
    Spiking_Arg<Optional<Index>, "number of time steps">:$times,
    Spiking_Arg<Optional<Index>, "time step">:$step,
    I64Attr:$id);
  let results = (outs Spiking_Res<RankedTensorOf<[I1]>, "spikes">:$spikes);
  let assemblyFormat = [{
    $input `seed` `(` $seed `)` (`times` `(` $times^ `)`)? (`step` `(` $step^ `)`)? attr-dict
    `:` type($input) `,` type($seed) `->` type($spikes)
  }];
  let hasVerifier = 1;
}

def Spiking_LatencyOp : Spiking_Op<"latency", [Pure, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isDerivativeZero"]>]> {
  let summary = "latency encoding: one spike, the earlier the larger the input";
  let description = [{
    The spike of an element x > `threshold` is at step `roundeven((1 - min(max(x, 0), 1)) * (T - 1))`; others never
    spike (snnTorch's linear latency, normalized). The cotangent of the input is zero.
    * `latency_c1`: the result is the input's shape with a leading time dimension.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "intensity, 0..1, [B, ...]">:$input,
    Spiking_Arg<Index, "number of time steps">:$times,
    DefaultValuedAttr<F64Attr, "0.0">:$threshold);
  let results = (outs Spiking_Res<RankedTensorOf<[I1]>, "spikes, [T, B, ...]">:$spikes);
  let assemblyFormat = "$input `times` `(` $times `)` attr-dict `:` functional-type($input, $spikes)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Readouts
//===----------------------------------------------------------------------===//

def Spiking_ReadoutOp : Spiking_Op<"readout", [Pure, DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isDerivativeZero"]>]> {
  let summary = "reads one value out of a sequence";
  let description = [{
    Over the leading time dimension: `rate` the sum divided by T, `sum` (spike counts, accumulated membrane), `max`
    (the first maximum gets the gradient; of at least one step), `last`, `first_spike` (the step of the first
    non-zero entry, T if there is none; its cotangent is zero). Sums are chains with t ascending, starting from 0.
    * `readout_c1`: the result is the input's shape without the leading dimension.
    * `readout_c2`: the result is a float; a float input has its type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "spikes or membranes, [T, B, ...]">:$input,
    Spiking_ReadoutAttr:$kind);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "[B, ...]">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_ReadoutMaxGradientOp : Spiking_Op<"readout_max_gradient", [Pure]> {
  let summary = "gradient of the maximum over time";
  let description = [{
    The cotangent at the first maximum over time of each element, 0 elsewhere.
    * `readout_max_gradient_c1`: the gradient has the input's shape without the leading time dimension.
    * `readout_max_gradient_c2`: the result has the input's shape and the gradient's element type, which a float input has too.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "sequence, [T, B, ...]">:$input,
    Spiking_Arg<Spiking_FloatTensor, "cotangent of the maximum, [B, ...]">:$gradient);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the sequence, [T, B, ...]">:$input_gradient);
  let assemblyFormat = "$input `,` $gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Losses and metrics
//===----------------------------------------------------------------------===//

def Spiking_CrossEntropyOp : Spiking_Op<"cross_entropy", [Pure, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "mean softmax cross-entropy";
  let description = [{
    For each sample `m = max logits`, `z = sum over c of exp(logits[c] - m)`, `log(z) + m - logits[label]`; the mean over
    samples (chains with ascending index, then divided by B). On what the logits are depends the loss: a rate, an
    accumulated or a maximum membrane (spiking.readout), spike counts.
    * `cross_entropy_c1`: logits are [B, C], labels [B] of i32, the result a scalar of the logits' type.

    A label outside 0..C-1 is refused by the data source before it gets here; here it selects no class.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "logits, [B, C]">:$logits,
    Spiking_Arg<Spiking_LabelTensor, "class of each sample, [B]">:$labels);
  let results = (outs Spiking_Res<Spiking_ScalarFloat, "loss">:$loss);
  let assemblyFormat = "$logits `,` $labels attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_CrossEntropyGradientOp : Spiking_Op<"cross_entropy_gradient", [Pure]> {
  let summary = "gradient of the mean softmax cross-entropy";
  let description = [{
    `(exp(logits[c] - m) / z - [c = label]) * (gradient / B)`.
    * `cross_entropy_gradient_c1`: logits are [B, C], labels [B] of i32, the gradient a scalar of the logits' element type, the result has the logits' type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "logits, [B, C]">:$logits,
    Spiking_Arg<Spiking_LabelTensor, "class of each sample, [B]">:$labels,
    Spiking_Arg<Spiking_ScalarFloat, "cotangent of the loss">:$gradient);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the logits, [B, C]">:$logits_gradient);
  let assemblyFormat = "$logits `,` $labels `,` $gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_MeanSquaredErrorOp : Spiking_Op<"mean_squared_error", [Pure, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "mean squared error";
  let description = [{
    The mean over all elements of `(prediction - target)^2`; multiply, then add, in row-major order, then divided by the count.
    * `mean_squared_error_c1`: prediction and target have the same type, the result is a scalar of the element type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "prediction">:$prediction,
    Spiking_Arg<Spiking_FloatTensor, "target">:$target);
  let results = (outs Spiking_Res<Spiking_ScalarFloat, "loss">:$loss);
  let assemblyFormat = "$prediction `,` $target attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_CountTargetOp : Spiking_Op<"count_target", [Pure]> {
  let summary = "spike counts that a loss aims at";
  let description = [{
    `T * correct_rate` for the sample's class, `T * incorrect_rate` for the others (snnTorch's mse_count_loss).
    * `count_target_c1`: labels are [B], counts [B, C] with a static number of classes.
    * `count_target_c2`: rates are between 0 and 1.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_LabelTensor, "class of each sample, [B]">:$labels,
    Spiking_Arg<Index, "number of time steps">:$steps,
    DefaultValuedAttr<F64Attr, "1.0">:$correct_rate,
    DefaultValuedAttr<F64Attr, "0.0">:$incorrect_rate);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "counts, [B, C]">:$counts);
  let assemblyFormat = "$labels `steps` `(` $steps `)` attr-dict `:` type($labels) `->` type($counts)";
  let hasVerifier = 1;
}

def Spiking_CountCorrectOp : Spiking_Op<"count_correct", [Pure]> {
  let summary = "number of samples whose first largest logit is that of their class";
  let description = [{
    * `count_correct_c1`: logits are [B, C], labels [B] of i32, the result a tensor<i32>.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "logits, [B, C]">:$logits,
    Spiking_Arg<Spiking_LabelTensor, "class of each sample, [B]">:$labels);
  let results = (outs Spiking_Res<RankedTensorOf<[I32]>, "count, tensor<i32>">:$count);
  let assemblyFormat = "$logits `,` $labels attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_SpikeRateOp : Spiking_Op<"spike_rate", [Pure]> {
  let summary = "share of non-zero entries of all operands together";
  let description = [{
    * `spike_rate_c1`: the result is a tensor<f32>.
  }];
  let arguments = (ins Spiking_Arg<Variadic<Spiking_ActivityTensor>, "spike trains">:$spikes);
  let results = (outs Spiking_Res<RankedTensorOf<[F32]>, "rate, tensor<f32>; 0 of no entries">:$rate);
  let assemblyFormat = "$spikes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Reductions and broadcasts that differentiation needs
//===----------------------------------------------------------------------===//

def Spiking_ReduceSumOp : Spiking_Op<"reduce_sum", Spiking_LayerTraits> {
  let summary = "sum over dimensions, in row-major order";
  let description = [{
    One chain an output element, starting from 0, over the reduced dimensions in row-major order.
    * `reduce_sum_c1`: `dims` are ascending and exist.
    * `reduce_sum_c2`: the result's shape is the input's without them (`keep_dims`: with 1 in their places); same float type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "summands">:$input,
    DenseI64ArrayAttr:$dims,
    DefaultValuedAttr<BoolAttr, "false">:$keep_dims);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "sums">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Spiking_BroadcastOp : Spiking_Op<"broadcast", Spiking_LayerTraits> {
  let summary = "repeats along dimensions, as numpy does";
  let description = [{
    The input's dimensions are aligned with the result's last; a missing dimension or a static 1 is repeated.
    * `broadcast_c1`: the shapes are compatible; one size for each dynamic dimension of the result; same element type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "input">:$input,
    Spiking_Arg<Variadic<Index>, "sizes of the result's dynamic dimensions">:$sizes);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "repeated">:$output);
  let assemblyFormat = "$input (`sizes` `(` $sizes^ `)`)? attr-dict `:` type($input) `->` type($output)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Optimizers
//===----------------------------------------------------------------------===//

def Spiking_SGDOp : Spiking_Op<"sgd", [Pure]> {
  let summary = "a step of stochastic gradient descent";
  let description = [{
    As `#spiking.sgd_optimizer` says, in this order: `d = g + weight_decay * p` (absent when 0), `m = momentum * m + d`,
    `d = nesterov ? d + momentum * m : m`, `p = p - lr * d`. The first buffer is 0, so the first m is d.
    * `sgd_c1`: all tensors but the learning rate have the parameter's type; the rate is a scalar of the element type.
    * `sgd_c2`: the buffer is there if and only if momentum is not 0.
    * `sgd_c3`: momentum and weight decay are not negative; nesterov needs momentum.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "parameter">:$parameter,
    Spiking_Arg<Spiking_FloatTensor, "gradient">:$gradient,
    Spiking_Arg<Spiking_ScalarFloat, "learning rate">:$learning_rate,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "momentum buffer">:$buffer,
    DefaultValuedAttr<F64Attr, "0.0">:$momentum,
    DefaultValuedAttr<F64Attr, "0.0">:$weight_decay,
    DefaultValuedAttr<BoolAttr, "false">:$nesterov);
  let results = (outs
    Spiking_Res<Spiking_FloatTensor, "new parameter">:$new_parameter,
    Spiking_Res<Optional<Spiking_FloatTensor>, "new buffer">:$new_buffer);
  let assemblyFormat = "$parameter `,` $gradient `rate` `(` $learning_rate `)` (`buffer` `(` $buffer^ `)`)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_AdamOp : Spiking_Op<"adam", [Pure]> {
  let summary = "a step of Adam or AdamW";
  let description = [{
    In this order (PyTorch's formulation): not decoupled: `g = g + weight_decay * p`; decoupled: `p = p * (1 - lr * weight_decay)` (both
    absent when 0); `m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * (g * g)`; with `c_i = -expm1(step * ln(beta_i))`
    (1 - beta_i^step without its cancellation): `p = p - (lr / c1) * (m / (sqrt(v) / sqrt(c2) + epsilon))`.
    * `adam_c1`: all tensors but rate and step have the parameter's type; the rate is a scalar of it, the step a tensor<i64> counted from 1.
    * `adam_c2`: beta1 and beta2 are at least 0 and less than 1; epsilon and weight decay are not negative.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "parameter">:$parameter,
    Spiking_Arg<Spiking_FloatTensor, "gradient">:$gradient,
    Spiking_Arg<Spiking_FloatTensor, "first moment">:$first_moment,
    Spiking_Arg<Spiking_FloatTensor, "second moment">:$second_moment,
    Spiking_Arg<Spiking_ScalarFloat, "learning rate">:$learning_rate,
    Spiking_Arg<Spiking_ScalarI64, "number of this step, from 1">:$step,
    DefaultValuedAttr<F64Attr, "0.9">:$beta1,
    DefaultValuedAttr<F64Attr, "0.999">:$beta2,
    DefaultValuedAttr<F64Attr, "1.0e-8">:$epsilon,
    DefaultValuedAttr<F64Attr, "0.0">:$weight_decay,
    DefaultValuedAttr<BoolAttr, "false">:$decoupled);
  let results = (outs
    Spiking_Res<Spiking_FloatTensor, "new parameter">:$new_parameter,
    Spiking_Res<Spiking_FloatTensor, "new first moment">:$new_first_moment,
    Spiking_Res<Spiking_FloatTensor, "new second moment">:$new_second_moment);
  let assemblyFormat = [{
    $parameter `,` $gradient `moments` `(` $first_moment `,` $second_moment `)` `rate` `(` $learning_rate `)` `step` `(` $step `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Spiking_ClipGradientsOp : Spiking_Op<"clip_gradients", [Pure]> {
  let summary = "scales all gradients so that their global norm stays within a bound";
  let description = [{
    `norm = sqrt(sum of all squares)` (multiply, then add, tensor after tensor in row-major order), `factor = min(1, max_norm / (norm + 1e-6))`
    (PyTorch's clip_grad_norm_; the small number is the attribute `epsilon`), each gradient times the factor.
    * `clip_gradients_c1`: results have the operands' types, all of the same element type.
    * `clip_gradients_c2`: the bound is positive, epsilon not negative.
  }];
  let arguments = (ins
    Spiking_Arg<Variadic<Spiking_FloatTensor>, "gradients">:$gradients,
    F64Attr:$max_norm,
    DefaultValuedAttr<F64Attr, "1.0e-6">:$epsilon);
  let results = (outs Spiking_Res<Variadic<Spiking_FloatTensor>, "clipped gradients">:$clipped);
  let assemblyFormat = "$gradients attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // RHEOBASE_SPIKING_ENDOPS_TD
