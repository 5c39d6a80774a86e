//===- SpikingOps.td - All operations of the dialect ------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_OPS_TD
#define RHEOBASE_SPIKING_OPS_TD

include "rheobase/Dialect/Spiking/IR/SpikingTimeOps.td"
include "rheobase/Dialect/Spiking/IR/SpikingNeuronOps.td"
include "rheobase/Dialect/Spiking/IR/SpikingSynapseOps.td"
include "rheobase/Dialect/Spiking/IR/SpikingEndOps.td"
include "rheobase/Dialect/Spiking/IR/SpikingPlanOps.td"

#endif // RHEOBASE_SPIKING_OPS_TD
