//===- ExpandPresets.cpp - Makes a preset's conventions explicit ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_EXPANDPRESETSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

namespace {
struct ExpandPresetsPass
    : rheobase::spiking::impl::ExpandPresetsPassBase<ExpandPresetsPass> {
  void runOnOperation() override {
    bool changed = false;
    getOperation()->walk([&](rheobase::spiking::NeuronOpInterface neuron) {
      changed |= neuron.expandPreset();
    });
    if (!changed)
      markAllAnalysesPreserved();
  }
};
} // namespace
