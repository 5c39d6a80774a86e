//===- SpikingTimeOps.td - Time loops, scans and spikes ---*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_TIMEOPS_TD
#define RHEOBASE_SPIKING_TIMEOPS_TD

include "rheobase/Dialect/Spiking/IR/SpikingBase.td"

def Spiking_TimeLoopOp : Spiking_Op<"time_loop", [
    AttrSizedOperandSegments, AttrSizedResultSegments, RecursiveMemoryEffects, RecursivelySpeculatable,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "one step of a network, repeated over time";
  let description = [{
    Runs the body for the time steps 0 to `steps` - 1 (`reverse`: from the last
    to the first). The body sees the step's index, the step's slice of each input
    sequence, and each state; it yields the step's outputs, which are stacked
    into sequences at the index of the step, and the next states. Values from
    outside are the same at every step. Results: the output sequences, then the
    final states. `steps` is at least 0; with 0 the final states are the initial
    ones.

    ```mlir
    %out, %vT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x784xf32>)
        state(%v = %v0 : tensor<?x128xf32>) -> (tensor<?x?x128xi1>) {
      %i = spiking.linear %x_t, %w : (tensor<?x784xf32>, tensor<784x128xf32>) -> tensor<?x128xf32>
      %s, %v1 = spiking.lif %i, %v {decay = 0.5} : (tensor<?x128xf32>, tensor<?x128xf32>) -> (tensor<?x128xi1>, tensor<?x128xf32>)
      spiking.yield %s : tensor<?x128xi1> next(%v1 : tensor<?x128xf32>)
    }
    ```

    * `time_loop_c1`: a sequence that enters or leaves has a leading dimension, of `steps` entries.
    * `time_loop_c2`: the body's arguments are the index, the slices and the states.
    * `time_loop_c3`: the yield has one value for each output, of the output's type without its leading dimension.
    * `time_loop_c4`: the yield has one next state for each state, of the same type.
    * `time_loop_c5`: the direction is forward or reverse.
  }];
  let arguments = (ins
    Spiking_Arg<Index, "number of time steps">:$steps,
    Spiking_Arg<Variadic<AnyRankedTensor>, "input sequences, [T, ...]">:$inputs,
    Spiking_Arg<Variadic<AnyRankedTensor>, "initial states">:$states,
    DefaultValuedAttr<Spiking_DirectionAttr, "::rheobase::spiking::Direction::Forward">:$direction);
  let results = (outs
    Spiking_Res<Variadic<AnyRankedTensor>, "output sequences, [T, ...]">:$outputs,
    Spiking_Res<Variadic<AnyRankedTensor>, "final states">:$final_states);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    /// An empty body with its arguments; the caller fills it and yields.
    OpBuilder<(ins "::mlir::Value":$steps, "::mlir::ValueRange":$inputs, "::mlir::ValueRange":$states,
                   "::mlir::TypeRange":$outputTypes, CArg<"::rheobase::spiking::Direction",
                   "::rheobase::spiking::Direction::Forward">:$direction)>
  ];
  let extraClassDeclaration = [{
    ::mlir::BlockArgument getStepIndex() { return getBody().getArgument(0); }
    /// The body's arguments for the slices of the inputs.
    ::mlir::Block::BlockArgListType getInputArgs() {
      return getBody().getArguments().slice(1, getInputs().size());
    }
    /// The body's arguments for the states.
    ::mlir::Block::BlockArgListType getStateArgs() {
      return getBody().getArguments().slice(1 + getInputs().size(), getStates().size());
    }
    ::rheobase::spiking::YieldOp getYield();
    bool isReverse() { return getDirection() == Direction::Reverse; }
  }];
}

def Spiking_ScanOp : Spiking_Op<"scan", [
    AttrSizedOperandSegments, DestinationStyleOpInterface, AlwaysSpeculatable,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "the general neuron: a scalar recurrence over time, for every neuron";
  let description = [{
    The body computes one time step of one neuron on scalars. Destination style:
    `outs` (output sequences), `states` and `accumulators` are initial values,
    and the results are the output sequences, the final states and the final
    accumulators, in this order.

    The *space* of the scan is the shape of a state, and that of an output
    without its leading time dimension. `ins` are sequences: leading dimension
    time, the others broadcast to the space as in numpy (aligned at the end; a
    static 1 is repeated). `params` have no time dimension and broadcast in the
    same way. An accumulator has a shape that broadcasts to the space; what the
    body accumulates is added over time for each neuron, in the order of the
    steps, starting from 0, then summed over the dimensions that are broadcast in
    row-major order, and the total is added to the initial value: so the gradient of a
    parameter is an accumulator of the parameter's shape.

    `direction`: `forward`, `reverse` (the step index runs down), or `step`: one
    step only, no operand has a time dimension.

    The body's arguments: scalars of the ins, the params, the states and the
    replayed states. With `replay`, a second region recomputes a forward
    recurrence first: it takes the ins, params and its own states (initial values
    after `replay`) and yields their next values; the body then sees, at each
    step, the replayed states from before that step. This is how the backward
    scan recomputes membrane potentials that were never stored.

    Bodies hold arith and math operations, `spiking.fire`, `spiking.detach`,
    `spiking.time_step`, `scf.if` and `scf.for` with constant bounds, and may use
    scalar constants from outside.

    ```mlir
    %s, %vT = spiking.scan forward ins(%i = %x : tensor<?x?x128xf32>) outs(%e : tensor<?x?x128xi1>)
        states(%v = %v0 : tensor<?x128xf32>) {
      %half = arith.constant 0.5 : f32
      %one = arith.constant 1.0 : f32
      %d = arith.mulf %v, %half : f32
      %h = arith.addf %d, %i : f32
      %u = arith.subf %h, %one : f32
      %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
      %zero = arith.constant 0.0 : f32
      %v1 = arith.select %f, %zero, %h : f32
      spiking.yield %f : i1 next(%v1 : f32)
    }
    ```

    * `scan_c1`: there is an output or a state, and all give the same space.
    * `scan_c2`: an input sequence has a leading time dimension (none with `step`), equal to that of the outputs. Without
      `step` there is a sequence, for the number of steps comes from it.
    * `scan_c3`: the other dimensions of an input broadcast to the space.
    * `scan_c4`: a parameter broadcasts to the space.
    * `scan_c5`: an accumulator broadcasts to the space, and its element type is a float.
    * `scan_c6`: the body's arguments are the element types, in order.
    * `scan_c7`: the yield has a value for each output, state and accumulator, of the element type.
    * `scan_c8`: the body holds only scalar operations; loops have constant bounds; `scf.while` is rejected.
    * `scan_c9`: replayed states come with a replay region, and the reverse; it yields nothing but next states. Only a `reverse` scan replays.
    * `scan_c10`: on tensors, results have the types of outs, states and accumulators.
    * `scan_c11`: of values from outside, a body uses scalar constants only; others are parameters.
  }];
  let arguments = (ins
    Spiking_Arg<Variadic<Spiking_AnyShaped>, "input sequences, [T, space]">:$ins,
    Spiking_Arg<Variadic<Spiking_AnyShaped>, "parameters, broadcast over time and space">:$params,
    Spiking_Arg<Variadic<Spiking_AnyShaped>, "initial output sequences, [T, space]; values not read">:$outs,
    Spiking_Arg<Variadic<Spiking_AnyShaped>, "initial states, [space]">:$states,
    Spiking_Arg<Variadic<Spiking_AnyShaped>, "initial accumulators, [broadcast space]">:$accumulators,
    Spiking_Arg<Variadic<Spiking_AnyShaped>, "initial replayed states, [space]">:$replayed,
    DefaultValuedAttr<Spiking_DirectionAttr, "::rheobase::spiking::Direction::Forward">:$direction);
  let results = (outs
    Spiking_Res<Variadic<AnyRankedTensor>, "output sequences, final states, final accumulators">:$results);
  let regions = (region SizedRegion<1>:$body, MaxSizedRegion<1>:$replay);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    /// Empty regions with their arguments; the caller fills them and yields.
    OpBuilder<(ins "::rheobase::spiking::Direction":$direction, "::mlir::ValueRange":$ins,
                   "::mlir::ValueRange":$params, "::mlir::ValueRange":$outs, "::mlir::ValueRange":$states,
                   CArg<"::mlir::ValueRange", "{}">:$accumulators, CArg<"::mlir::ValueRange", "{}">:$replayed)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable();
    ::rheobase::spiking::YieldOp getYield();
    /// The terminator of the replay region; null without one.
    ::rheobase::spiking::YieldOp getReplayYield();
    ::mlir::Block::BlockArgListType getInArgs() { return getBody().getArguments().take_front(getIns().size()); }
    ::mlir::Block::BlockArgListType getParamArgs() {
      return getBody().getArguments().slice(getIns().size(), getParams().size());
    }
    ::mlir::Block::BlockArgListType getStateArgs() {
      return getBody().getArguments().slice(getIns().size() + getParams().size(), getStates().size());
    }
    ::mlir::Block::BlockArgListType getReplayedArgs() { return getBody().getArguments().take_back(getReplayed().size()); }
    ::mlir::ResultRange getOutResults() { return getResults().take_front(getOuts().size()); }
    ::mlir::ResultRange getStateResults() { return getResults().slice(getOuts().size(), getStates().size()); }
    ::mlir::ResultRange getAccumulatorResults() { return getResults().take_back(getAccumulators().size()); }
    bool isReverse() { return getDirection() == Direction::Reverse; }
    bool isStep() { return getDirection() == Direction::Step; }
    /// The shape that all neurons form (dynamic dimensions included).
    ::llvm::SmallVector<int64_t> getSpace();
  }];
}

def Spiking_YieldOp : Spiking_Op<"yield", [
    AttrSizedOperandSegments, Pure, Terminator, ReturnLike,
    ParentOneOf<["TimeLoopOp", "ScanOp", "KernelOp"]>]> {
  let summary = "ends a step: outputs, next states, contributions to accumulators";
  let description = [{
    ```mlir
    spiking.yield %s : i1 next(%v1 : f32) accumulate(%g : f32)
    ```
  }];
  let arguments = (ins
    Spiking_Arg<Variadic<AnyType>, "outputs of the step">:$outputs,
    Spiking_Arg<Variadic<AnyType>, "next states">:$next,
    Spiking_Arg<Variadic<AnyType>, "contributions to the accumulators (scan only)">:$contributions);
  let builders = [
    OpBuilder<(ins CArg<"::mlir::ValueRange", "{}">:$outputs, CArg<"::mlir::ValueRange", "{}">:$next), [{
      build($_builder, $_state, outputs, next, ::mlir::ValueRange{});
    }]>
  ];
  let assemblyFormat = [{
    ($outputs^ `:` type($outputs))? (`next` `(` $next^ `:` type($next) `)`)?
    (`accumulate` `(` $contributions^ `:` type($contributions) `)`)? attr-dict
  }];
}

def Spiking_TimeStepOp : Spiking_Op<"time_step", [Pure, HasParent<"ScanOp">]> {
  let summary = "index of the current time step of a scan";
  let description = [{
    0 to T - 1, also in a `reverse` scan; 0 in a `step` scan. For neurons whose
    behaviour depends on the step, and for truncated backpropagation.
  }];
  let results = (outs Spiking_Res<Index, "the time step">:$index);
  let assemblyFormat = "attr-dict";
}

def Spiking_FireOp : Spiking_Op<"fire", [Pure,
    DeclareOpInterfaceMethods<DifferentiableOpInterface>] # ElementwiseMappable.traits> {
  let summary = "emits a spike where its argument reaches zero";
  let description = [{
    Forwards a step function of `u`, backwards the surrogate's derivative.
    * `binary` (i1): `u >= 0` (`ge`) or `u > 0` (`gt`).
    * `ternary` (i8): 1 where `u` passes, -1 where `-(u + 2 * threshold)` does,
      that is for a membrane v with u = v - threshold: 1 at +threshold, -1 at
      -threshold. Surrogate: at `u` for the positive and at `-(u + 2 * threshold)`
      for the negative spike; the derivative is the sum of both.
    * `count` (i8): `round(clip(u, 0, maximum))` where `u` is the membrane
      divided by the threshold; `rounding` says how. Surrogate: at `u`.

    On scalars inside a scan, or elementwise on tensors.

    * `fire_c1`: a binary spike is i1, the others i8.
    * `fire_c2`: only ternary spikes have a threshold, and it is positive.
    * `fire_c3`: only counts have a maximum, from 1 to 127.
    * `fire_c4`: argument and spike have the same shape.
  }];
  let arguments = (ins
    Spiking_Arg<AnyTypeOf<[Spiking_Float, Spiking_FloatTensor, VectorOfAnyRankOf<[F16, BF16, F32, F64]>]>, "argument, membrane minus threshold">:$u,
    Spiking_Arg<SurrogateAttrInterface, "what replaces the derivative">:$surrogate,
    DefaultValuedAttr<Spiking_CompareAttr, "::rheobase::spiking::Compare::GE">:$compare,
    DefaultValuedAttr<Spiking_FireKindAttr, "::rheobase::spiking::FireKind::Binary">:$kind,
    OptionalAttr<F64Attr>:$threshold,
    OptionalAttr<I64Attr>:$maximum,
    DefaultValuedAttr<Spiking_RoundingAttr, "::rheobase::spiking::Rounding::NearestEven">:$rounding);
  let results = (outs Spiking_Res<AnyTypeOf<[I1, I8, RankedTensorOf<[I1, I8]>, VectorOfAnyRankOf<[I1, I8]>]>, "the spike">:$spike);
  let assemblyFormat = "$u attr-dict `:` type($u) `->` type($spike)";
  let hasVerifier = 1;
}

def Spiking_DetachOp : Spiking_Op<"detach", [Pure, SameOperandsAndResultType,
    DeclareOpInterfaceMethods<DifferentiableOpInterface, ["isDerivativeZero"]>] # ElementwiseMappable.traits> {
  let summary = "the identity, with a zero cotangent";
  let arguments = (ins Spiking_Arg<AnyType, "any scalar or tensor">:$input);
  let results = (outs Spiking_Res<AnyType, "the same value">:$output);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasFolder = 1;
}

#endif // RHEOBASE_SPIKING_TIMEOPS_TD
