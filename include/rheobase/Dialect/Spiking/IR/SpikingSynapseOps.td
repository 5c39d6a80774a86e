//===- SpikingSynapseOps.td - Synapses, pools, norms ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All leading dimensions are batch dimensions: the same operation serves one
// step [B, ...] and a sequence [T, B, ...]. Gradient operations are here too;
// differentiation creates them.
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_SYNAPSEOPS_TD
#define RHEOBASE_SPIKING_SYNAPSEOPS_TD

include "rheobase/Dialect/Spiking/IR/SpikingBase.td"

defvar Spiking_LayerTraits =
    [Pure,
     DeclareOpInterfaceMethods<
         TimeDistributableOpInterface, ["hoistOutOfTime"]>,
     DeclareOpInterfaceMethods<DifferentiableOpInterface>];
defvar Spiking_GradientTraits =
    [Pure, DeclareOpInterfaceMethods<
               TimeDistributableOpInterface, ["hoistOutOfTime"]>];
/// Of an operation whose results, or some of them, are summed over time.
defvar Spiking_SummedGradientTraits = [Pure,
  DeclareOpInterfaceMethods<TimeDistributableOpInterface, ["getSummedResults"]>];

def Spiking_LinearOp : Spiking_Op<"linear", Spiking_LayerTraits> {
  let summary = "all-to-all synapses: a matrix product and a bias";
  let description = [{
    `y[..., n] = bias[n] + sum over k of x[..., k] * weight[k, n]`, one chain of fused multiply-adds with k ascending,
    starting from the bias or 0 (docs/Semantics.md, reference arithmetic). Spikes enter as 0 and 1, counts as numbers.

    ```mlir
    %y = spiking.linear %x, %w, %b : (tensor<?x?x784xi1>, tensor<784x128xf32>, tensor<128xf32>) -> tensor<?x?x128xf32>
    ```
    * `linear_c1`: the weight is [in, out] and the input's last dimension is `in`.
    * `linear_c2`: the bias is [out].
    * `linear_c3`: the result has the input's leading dimensions and `out`, and the weight's element type, which a float input and the bias have too.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "input, [..., in]">:$input,
    Spiking_Arg<Spiking_FloatTensor, "weight, [in, out]">:$weight,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "bias, [out]">:$bias);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "input current, [..., out]">:$output);
  let assemblyFormat = "$input `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_LinearWeightGradientOp : Spiking_Op<"linear_weight_gradient", Spiking_SummedGradientTraits> {
  let summary = "gradient of a linear weight: sum of outer products";
  let description = [{
    `w[k, n] = sum over the leading dimensions, in row-major order, of input[..., k] * gradient[..., n]`, one chain of
    fused multiply-adds starting from 0.
    * `linear_weight_gradient_c1`: input and gradient have the same leading dimensions.
    * `linear_weight_gradient_c2`: the result is [in, out] of the gradient's element type, which a float input has too.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "input of the layer, [..., in]">:$input,
    Spiking_Arg<Spiking_FloatTensor, "cotangent of the output, [..., out]">:$gradient);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the weight, [in, out]">:$weight_gradient);
  let assemblyFormat = "$input `,` $gradient attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

defvar Spiking_ConvRules = [{
    * `conv_c1`: strides, padding and dilations have two positive (padding: non-negative) entries; groups is positive and divides both channel counts.
    * `conv_c2`: the weight is [out, in/groups, kh, kw] (`channels_first`) or [kh, kw, in/groups, out] (`channels_last`), and the bias [out].
    * `conv_c3`: the output's extent is (in + 2 padding - dilation (k - 1) - 1) / stride + 1, rounded down, and positive.
    * `conv_c4`: leading dimensions are the same; element types as in `linear_c3`.
    * `conv_c5`: spatial extents and channels are static.
}];

class Spiking_ConvLike<string opMnemonic, list<Trait> traits> : Spiking_Op<opMnemonic, traits> {
  dag convAttributes = (ins
    DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0}">:$padding,
    DefaultValuedAttr<DenseI64ArrayAttr, "{1, 1}">:$dilations,
    DefaultValuedAttr<I64Attr, "1">:$groups,
    DefaultValuedAttr<Spiking_LayoutAttr, "::rheobase::spiking::Layout::ChannelsFirst">:$layout);
  let hasVerifier = 1;
}

def Spiking_ConvOp : Spiking_ConvLike<"conv", Spiking_LayerTraits> {
  let summary = "two-dimensional convolution (cross-correlation) and a bias";
  let description = [{
    Input [..., C, H, W] (`channels_first`, PyTorch's) or [..., H, W, C]. One chain of fused multiply-adds an output
    element in the order (kh, kw, input channel), whatever the layout, starting from the bias or 0; padding enters as 0.
  }] # Spiking_ConvRules;
  let arguments = !con((ins
    Spiking_Arg<Spiking_ActivityTensor, "input, [..., C, H, W] or [..., H, W, C]">:$input,
    Spiking_Arg<Spiking_FloatTensor, "weight, [out, in/groups, kh, kw] or [kh, kw, in/groups, out]">:$weight,
    Spiking_Arg<Optional<Spiking_FloatTensor>, "bias, [out]">:$bias), convAttributes);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "input current, in the input's layout">:$output);
  let assemblyFormat = "$input `,` $weight (`,` $bias^)? attr-dict `:` functional-type(operands, results)";
}

def Spiking_ConvInputGradientOp : Spiking_ConvLike<"conv_input_gradient", Spiking_GradientTraits> {
  let summary = "gradient of a convolution's input";
  let description = [{
    One chain of fused multiply-adds for each input element in the order (kh, kw, output channel), starting from 0;
    taps that no output has enter as 0 or not at all.
  }] # Spiking_ConvRules;
  let arguments = !con((ins
    Spiking_Arg<Spiking_FloatTensor, "cotangent of the output">:$gradient,
    Spiking_Arg<Spiking_FloatTensor, "weight">:$weight), convAttributes);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the input">:$input_gradient);
  let assemblyFormat = "$gradient `,` $weight attr-dict `:` functional-type(operands, results)";
}

def Spiking_ConvWeightGradientOp : Spiking_ConvLike<"conv_weight_gradient", Spiking_SummedGradientTraits> {
  let summary = "gradient of a convolution's weight";
  let description = [{
    One chain of fused multiply-adds for each weight, over the leading dimensions, then the output's rows and columns, in
    row-major order, starting from 0; padding enters as 0.
  }] # Spiking_ConvRules;
  let arguments = !con((ins
    Spiking_Arg<Spiking_ActivityTensor, "input of the layer">:$input,
    Spiking_Arg<Spiking_FloatTensor, "cotangent of the output">:$gradient), convAttributes);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the weight">:$weight_gradient);
  let assemblyFormat = "$input `,` $gradient attr-dict `:` functional-type(operands, results)";
}

defvar Spiking_PoolRules = [{
    * `pool_c1`: kernel and strides have two positive entries, padding two that are at most half the kernel.
    * `pool_c2`: spatial extents are static; the output's is (in + 2 padding - kernel) / stride + 1, rounded down, and positive; channels and leading dimensions are the input's.
}];

class Spiking_Pool<string opMnemonic, list<Trait> traits = Spiking_LayerTraits> : Spiking_Op<opMnemonic, traits> {
  dag poolAttributes = (ins
    DenseI64ArrayAttr:$kernel,
    OptionalAttr<DenseI64ArrayAttr>:$strides,
    DefaultValuedAttr<DenseI64ArrayAttr, "{0, 0}">:$padding,
    DefaultValuedAttr<Spiking_LayoutAttr, "::rheobase::spiking::Layout::ChannelsFirst">:$layout);
  let hasVerifier = 1;
}

def Spiking_AvgPoolOp : Spiking_Pool<"avg_pool"> {
  let summary = "mean over windows";
  let description = [{
    The sum over the window in the order (kh, kw), padding as 0, divided by kh * kw. Strides default to the kernel.
    * `avg_pool_c1`: the result is a float; a float input has its type.
  }] # Spiking_PoolRules;
  let arguments = !con((ins Spiking_Arg<Spiking_ActivityTensor, "input">:$input), poolAttributes);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "means">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Spiking_SumPoolOp : Spiking_Pool<"sum_pool"> {
  let summary = "sum over windows";
  let description = [{
    As avg_pool, without the division. Sums of spikes may stay i8.
    * `sum_pool_c1`: the result is a float, which a float input has too, or i8 for an i1 or i8 input whose window cannot overflow (i1: at most 127 elements, i8: one).
  }] # Spiking_PoolRules;
  let arguments = !con((ins Spiking_Arg<Spiking_ActivityTensor, "input">:$input), poolAttributes);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "sums">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Spiking_MaxPoolOp : Spiking_Pool<"max_pool"> {
  let summary = "maximum over windows";
  let description = [{
    Padding never wins. The gradient goes to the first maximum in the order (kh, kw). Of binary spikes it is the logical or.
    * `max_pool_c1`: the result has the input's element type.
  }] # Spiking_PoolRules;
  let arguments = !con((ins Spiking_Arg<Spiking_ActivityTensor, "input">:$input), poolAttributes);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "maxima">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Spiking_SumPoolGradientOp : Spiking_Pool<"sum_pool_gradient", Spiking_GradientTraits> {
  let summary = "gradient of a sum over windows (of a mean: the cotangent is divided first)";
  let description = [{
    For each input element the sum of the cotangents of the windows that hold it, in the order (kh, kw).
    * `sum_pool_gradient_c1`: the result has the gradient's element type.
  }] # Spiking_PoolRules;
  let arguments = !con((ins Spiking_Arg<Spiking_FloatTensor, "cotangent of the output">:$gradient), poolAttributes);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the input">:$input_gradient);
  let assemblyFormat = "$gradient attr-dict `:` functional-type(operands, results)";
}

def Spiking_MaxPoolGradientOp : Spiking_Pool<"max_pool_gradient", Spiking_GradientTraits> {
  let summary = "gradient of a maximum over windows";
  let description = [{
    For each input element the sum, in the order (kh, kw), of the cotangents of the windows whose first maximum it is.
    * `max_pool_gradient_c1`: the result has the input's shape and the gradient's element type, which a float input has too.
  }] # Spiking_PoolRules;
  let arguments = !con((ins
    Spiking_Arg<Spiking_ActivityTensor, "input of the layer">:$input,
    Spiking_Arg<Spiking_FloatTensor, "cotangent of the output">:$gradient), poolAttributes);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "cotangent of the input">:$input_gradient);
  let assemblyFormat = "$input `,` $gradient attr-dict `:` functional-type(operands, results)";
}

def Spiking_BatchNormOp
    : Spiking_Op<"batch_norm",
                 [Pure,
                  DeclareOpInterfaceMethods<
                      TimeDistributableOpInterface, ["getStatePairs",
                                                     "hoistOutOfTime"]>,
                  DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "batch normalization, with its running statistics";
  let description = [{
    Training: mean and (biased) variance over all dimensions but the channel's (`merged`), or for each time step
    (`per_step`, the leading dimension of a sequence is time); `y = (x - mean) * rstd * gamma + beta`, evaluated from left to right,
    `rstd = 1 / sqrt(variance + epsilon)`; running statistics move by `momentum` towards the mean and the unbiased
    variance, for each step in turn with `per_step`. Inference: the running statistics normalize and stay.
    Results: y, new running mean and variance, and for the backward pass the mean and rstd that were used,
    [C], or [T, C] for `per_step` sequences in training.

    With `times` the input stands for a sequence that has it at every one of so many steps (`spiking-hoist-time-invariant`). In training,
    mean, variance and y are those of the input itself; the running statistics are those of the sequence: with `merged` the unbiased variance
    counts every element `times` times, with `per_step` they move `times` times.
    * `batch_norm_c1`: the channel dimension, counted from the end (-1 is the last), exists, is static, and is not the time dimension of a sequence.
    * `batch_norm_c2`: gamma, beta and the statistics are [C].
    * `batch_norm_c3`: the saved statistics are [C], or [T, C] with `per_step` on sequences (`sequence = true`) in training.
    * `batch_norm_c4`: `merged` is rejected inside a time_loop: a loop sees one step at a time.
    * `batch_norm_c5`: element types agree; output and gradients have the input's type.
    * `batch_norm_c6`: epsilon is positive, momentum between 0 and 1.
    * `batch_norm_c7`: `times` and `sequence = true` exclude each other.
  }];
  let arguments = (ins Spiking_Arg<Spiking_FloatTensor,
                                   "input, [..., channel, ...]">:$input,
      Spiking_Arg<Spiking_FloatTensor, "scale, [C]">:$gamma,
      Spiking_Arg<Spiking_FloatTensor, "shift, [C]">:$beta,
      Spiking_Arg<Spiking_FloatTensor, "running mean, [C]">:$running_mean,
      Spiking_Arg<Spiking_FloatTensor,
                  "running (unbiased) variance, [C]">:$running_variance,
      Spiking_Arg<Optional<Index>, "steps that the input stands for">:$times,
      DefaultValuedAttr<I64Attr, "-1">:$channel_dim,
      DefaultValuedAttr<F64Attr, "1.0e-5">:$epsilon,
      DefaultValuedAttr<F64Attr, "0.1">:$momentum,
      DefaultValuedAttr<Spiking_StatisticsAttr,
                        "::rheobase::spiking::Statistics::PerStep">:$statistics,
      DefaultValuedAttr<BoolAttr, "false">:$sequence,
      DefaultValuedAttr<Spiking_ModeAttr,
                        "::rheobase::spiking::Mode::Train">:$mode);
  let results = (outs
    Spiking_Res<Spiking_FloatTensor, "normalized input">:$output,
    Spiking_Res<Spiking_FloatTensor, "new running mean, [C]">:$new_running_mean,
    Spiking_Res<Spiking_FloatTensor, "new running variance, [C]">:$new_running_variance,
    Spiking_Res<Spiking_FloatTensor, "mean that normalized, [C] or [T, C]">:$saved_mean,
    Spiking_Res<Spiking_FloatTensor, "1 / standard deviation that normalized, [C] or [T, C]">:$saved_rstd);
  let assemblyFormat = [{
    $input `scale` `(` $gamma `)` `shift` `(` $beta `)` `running` `(` $running_mean `,` $running_variance `)`
    (`times` `(` $times^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Spiking_BatchNormGradientOp : Spiking_Op<"batch_norm_gradient", Spiking_SummedGradientTraits> {
  let summary = "gradients of batch normalization";
  let description = [{
    With `n` elements a channel (and step), `xhat = (x - mean) * rstd`, `sg = sum g`, `sgx = sum g * xhat` (chains in
    row-major order, multiply then add): `beta' = sg`, `gamma' = sgx` (summed over steps in ascending order), and
    `x' = gamma * rstd * (g - sg / n - xhat * (sgx / n))` in training, `gamma * rstd * g` in inference.
    * The rules of `spiking.batch_norm` hold.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input of the layer">:$input,
    Spiking_Arg<Spiking_FloatTensor, "cotangent of the output">:$gradient,
    Spiking_Arg<Spiking_FloatTensor, "scale, [C]">:$gamma,
    Spiking_Arg<Spiking_FloatTensor, "saved mean, [C] or [T, C]">:$saved_mean,
    Spiking_Arg<Spiking_FloatTensor, "saved 1 / standard deviation, [C] or [T, C]">:$saved_rstd,
    DefaultValuedAttr<I64Attr, "-1">:$channel_dim,
    DefaultValuedAttr<Spiking_StatisticsAttr, "::rheobase::spiking::Statistics::PerStep">:$statistics,
    DefaultValuedAttr<BoolAttr, "false">:$sequence,
    DefaultValuedAttr<Spiking_ModeAttr, "::rheobase::spiking::Mode::Train">:$mode);
  let results = (outs
    Spiking_Res<Spiking_FloatTensor, "cotangent of the input">:$input_gradient,
    Spiking_Res<Spiking_FloatTensor, "cotangent of the scale, [C]">:$gamma_gradient,
    Spiking_Res<Spiking_FloatTensor, "cotangent of the shift, [C]">:$beta_gradient);
  let assemblyFormat = [{
    $input `,` $gradient `scale` `(` $gamma `)` `saved` `(` $saved_mean `,` $saved_rstd `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Spiking_DropoutOp : Spiking_Op<"dropout", Spiking_LayerTraits> {
  let summary = "drops elements at random and scales the others";
  let description = [{
    Training: an element is 0 with probability `p`, else divided by 1 - p (multiplied by the rounded 1 / (1 - p)).
    Whether it is dropped is a pure function of (seed, id, time step, sample, element): `uniform < p` with the uniform number of
    docs/Semantics.md, random numbers; with `mask_time = fixed` the step counts as 0. Inference: the identity.
    Inside a time_loop the step index is an operand; on a sequence (`sequence = true`) it is the leading dimension.
    * `dropout_c1`: 0 <= p < 1.
    * `dropout_c2`: a step operand and `sequence = true` exclude each other.
    * `dropout_c3`: the input is [B, ...] or, with `sequence = true`, [T, B, ...]; the result has its type; the seed is a tensor<i64>.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_FloatTensor, "input, [B, ...] or [T, B, ...]">:$input,
    Spiking_Arg<Spiking_ScalarI64, "seed">:$seed,
    Spiking_Arg<Optional<Index>, "time step">:$step,
    F64Attr:$p,
    I64Attr:$id,
    DefaultValuedAttr<Spiking_MaskTimeAttr, "::rheobase::spiking::MaskTime::PerStep">:$mask_time,
    DefaultValuedAttr<BoolAttr, "false">:$sequence,
    DefaultValuedAttr<Spiking_ModeAttr, "::rheobase::spiking::Mode::Train">:$mode);
  let results = (outs Spiking_Res<Spiking_FloatTensor, "input with dropped elements">:$output);
  let assemblyFormat = "$input `seed` `(` $seed `)` (`step` `(` $step^ `)`)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Spiking_FlattenOp : Spiking_Op<"flatten", Spiking_LayerTraits> {
  let summary = "joins the last dimensions into one";
  let description = [{
    * `flatten_c1`: `dims` is at least 2 and at most the rank; these dimensions are static.
    * `flatten_c2`: the result's last dimension is their product, the others are the input's; same element type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "input, [..., d1, ..., dn]">:$input,
    I64Attr:$dims);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "[..., d1 * ... * dn]">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Spiking_UnflattenOp : Spiking_Op<"unflatten", Spiking_LayerTraits> {
  let summary = "splits the last dimension; the inverse of flatten";
  let description = [{
    * `unflatten_c1`: the result's last `dims` dimensions are static, their product is the input's last dimension, the others are the input's; same element type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "input, [..., n]">:$input,
    I64Attr:$dims);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "[..., d1, ..., dn]">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Spiking_TransposeOp : Spiking_Op<"transpose", Spiking_LayerTraits> {
  let summary = "permutes the last dimensions";
  let description = [{
    `permutation` of length n says, for each of the result's last n dimensions, which of the input's last n it is.
    * `transpose_c1`: it is a permutation of 0..n-1, n at most the rank.
    * `transpose_c2`: the result's shape is the permuted shape; same element type.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "input">:$input,
    DenseI64ArrayAttr:$permutation);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "permuted input">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Spiking_AddOp : Spiking_Op<"add", Spiking_LayerTraits> {
  let summary = "residual addition";
  let description = [{
    Adds two activities of the same shape: floats, or spikes and counts (as numbers).
    * `add_c1`: the shapes are the same.
    * `add_c2`: the result is a float, equal to the type of a float operand, or i8 if neither is a float; i8 wraps around never: the sum of an i1 and an i1 only.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "one branch">:$lhs,
    Spiking_Arg<Spiking_ActivityTensor, "the other">:$rhs);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "sum">:$output);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Spiking_DelayOp : Spiking_Op<"delay", [Pure, DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "delays a sequence by whole time steps";
  let description = [{
    `y[t] = x[t - steps]`, 0 for t < steps (axonal delay); `steps` < 0 advances: `y[t] = x[t - steps]`, 0 past the end.
    * `delay_c1`: input and result have the same type, with a leading time dimension.
    * `delay_c2`: not inside a time_loop, which has no sequence: delay the sequence that enters it.
  }];
  let arguments = (ins
    Spiking_Arg<Spiking_ActivityTensor, "sequence, [T, ...]">:$input,
    I64Attr:$steps);
  let results = (outs Spiking_Res<Spiking_ActivityTensor, "delayed sequence, [T, ...]">:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // RHEOBASE_SPIKING_SYNAPSEOPS_TD
