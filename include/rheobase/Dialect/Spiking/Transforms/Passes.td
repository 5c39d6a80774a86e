//===- Passes.td - Passes of the spiking dialect ----------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_PASSES_TD
#define RHEOBASE_SPIKING_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExpandPresetsPass : Pass<"spiking-expand-presets"> {
  let summary = "make the conventions that a preset stands for explicit";
  let description = [{
    Every attribute of every named neuron becomes explicit, from its preset or its default; presets disappear.

    ```mlir
    %s, %v = spiking.lif %i {preset = #spiking.preset<snntorch>, decay = 0.9} : ...
    // becomes
    %s, %v = spiking.lif %i {compare = #spiking.compare<gt>, decay = 0.9, detach_reset = true, ...} : ...
    ```
  }];
}

#endif // RHEOBASE_SPIKING_PASSES_TD
