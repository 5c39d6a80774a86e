//===- ScaleThresholds.cpp - A pass in a plugin -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   snn-opt --load-pass-plugin=ScaleThresholds.so --example-scale-thresholds=factor=0.5 network.mlir
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace {
/// Multiplies the thresholds that neurons have as attributes: the lower, the
/// more they fire.
struct ScaleThresholdsPass
    : PassWrapper<ScaleThresholdsPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ScaleThresholdsPass)

  ScaleThresholdsPass() = default;
  ScaleThresholdsPass(const ScaleThresholdsPass &other) : PassWrapper(other) {}

  StringRef getArgument() const final { return "example-scale-thresholds"; }
  StringRef getDescription() const final {
    return "multiply the thresholds of neurons";
  }

  void runOnOperation() override {
    if (!(factor > 0)) {
      getOperation()->emitError("factor must be positive, got ") << factor;
      return signalPassFailure();
    }
    getOperation()->walk([&](NeuronOpInterface neuron) {
      auto threshold = neuron->getAttrOfType<FloatAttr>("threshold");
      if (threshold)
        neuron->setAttr("threshold",
                        FloatAttr::get(threshold.getType(),
                                       threshold.getValueAsDouble() * factor));
    });
  }

  Option<double> factor{*this, "factor",
                        llvm::cl::desc("what thresholds are multiplied with"),
                        llvm::cl::init(1.0)};
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK __attribute__((visibility("default")))
PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "ScaleThresholds", LLVM_VERSION_STRING,
          [] { PassRegistration<ScaleThresholdsPass>(); }};
}
