//===- InitAll.cpp - Everything that tools register -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/BufferizableOpInterfaceImpl.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Pipelines/CPU.h"
#include "rheobase/Pipelines/GPU.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Target/CPU.h"
#include "rheobase/Target/PTX.h"
#include "rheobase/Target/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"

void rheobase::registerAllDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registerCPUTranslations(registry);
  registry.insert<spiking::SpikingDialect>();
  spiking::registerDifferentiableModels(registry);
  registerPTXTranslations(registry);
  spiking::registerBufferizableOpInterfaceExternalModels(registry);
}

void rheobase::registerAllPasses() {
  mlir::registerAllPasses();
  spiking::registerSpikingPasses();
  registerConversionPasses();
  registerTargetPasses();
  registerCPUPipelines();
  registerGPUPipelines();
  registerPipelines();
}
