//===- SpikingPlanOps.td - Kernels and packed spikes (L2) -*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_PLANOPS_TD
#define RHEOBASE_SPIKING_PLANOPS_TD

include "rheobase/Dialect/Spiking/IR/SpikingBase.td"

def Spiking_KernelOp : Spiking_Op<"kernel", [
    IsolatedFromAbove, RecursiveMemoryEffects, SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "operations that are executed together";
  let description = [{
    Level L2: every operation of a planned function lies in a kernel, and only values that cross a kernel's border exist
    in memory. The body's arguments are the inputs; it yields the results. `implementation` names the chosen implementation.

    ```mlir
    %s = spiking.kernel "linear" (%x_ = %x : tensor<?x?x784xf32>, %w_ = %w : tensor<784x128xf32>) -> (tensor<?x?x128xf32>) {
      %y = spiking.linear %x_, %w_ : (tensor<?x?x784xf32>, tensor<784x128xf32>) -> tensor<?x?x128xf32>
      spiking.yield %y : tensor<?x?x128xf32>
    }
    ```
    * `kernel_c1`: the body's arguments have the inputs' types.
    * `kernel_c2`: the yield has a value for each result, of its type, and nothing else.
  }];
  let arguments = (ins
    Spiking_Arg<Variadic<AnyType>, "inputs">:$inputs,
    StrAttr:$implementation);
  let results = (outs Spiking_Res<Variadic<AnyRankedTensor>, "what leaves the kernel">:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    ::rheobase::spiking::YieldOp getYield();
  }];
}

def Spiking_PackOp : Spiking_Op<"pack", [Pure]> {
  let summary = "packs binary spikes into words";
  let description = [{
    Bit b of word w is channel 32 w + b of the last dimension; bits past the last channel are 0. The bit order is the same on every backend.
    * `pack_c1`: the result's last dimension is the input's divided by 32, rounded up, and both are static; the others are the input's.
  }];
  let arguments = (ins Spiking_Arg<RankedTensorOf<[I1]>, "spikes, [..., C]">:$spikes);
  let results = (outs Spiking_Res<Spiking_PackedTensor, "words, [..., ceil(C / 32)]">:$words);
  let assemblyFormat = "$spikes attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Spiking_UnpackOp : Spiking_Op<"unpack", [Pure]> {
  let summary = "the inverse of pack";
  let description = [{
    * `unpack_c1`: as `pack_c1`.
  }];
  let arguments = (ins Spiking_Arg<Spiking_PackedTensor, "words, [..., ceil(C / 32)]">:$words);
  let results = (outs Spiking_Res<RankedTensorOf<[I1]>, "spikes, [..., C]">:$spikes);
  let assemblyFormat = "$words attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // RHEOBASE_SPIKING_PLANOPS_TD
