//===- EmitKernels.cpp - Emission of kernels as a pass ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/PTX.h"
#include "rheobase/Target/Passes.h"

namespace rheobase {
#define GEN_PASS_DEF_EMITKERNELSPASS
#include "rheobase/Target/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

namespace {
struct EmitKernelsPass
    : rheobase::impl::EmitKernelsPassBase<EmitKernelsPass> {
  using EmitKernelsPassBase::EmitKernelsPassBase;

  /// The code generator needs the translations of these dialects.
  void getDependentDialects(DialectRegistry &registry) const override {
    rheobase::registerPTXTranslations(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto emitError = [&] { return module.emitError(); };
    rheobase::GPUEmissionOptions options;
    llvm::append_range(options.chips, chips);
    options.optLevel = optLevel;
    options.toolkit = {ptxas, fatbinary};
    if (std::optional<rheobase::GPUFormat> known =
            rheobase::parseGPUFormat(format)) {
      options.format = *known;
    } else {
      emitError() << "unknown format '" << format
                  << "', expected ptx, cubin or fatbin";
      return signalPassFailure();
    }
    auto artefacts = rheobase::emitKernels(module, options);
    if (failed(artefacts) ||
        failed(rheobase::writeArtefacts(*artefacts, output, emitError)))
      return signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
