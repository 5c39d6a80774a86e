//===- Compile.cpp - From a module to a program ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/Compile.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Pipelines/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

void rheobase::populateTrainingPipeline(OpPassManager &pm,
                                        const FrontendOptions &options) {
  pm.addPass(createOutlineParametersPass());
  populateFrontendPipeline(pm, options);
  pm.addPass(createBuildTrainingStepPass());
  // Differentiation made reverse loops: sums over time leave them.
  populateFrontendPipeline(pm, options);
}

void rheobase::populateSequenceStage(OpPassManager &pm, ModuleOp module,
                                     const FrontendOptions &options) {
  if (isTrainable(module))
    return populateTrainingPipeline(pm, options);
  pm.addPass(createOutlineParametersPass());
  populateFrontendPipeline(pm, options);
}

void rheobase::populateCPUStage(OpPassManager &pm,
                                const CompileOptions &options, Stage stage) {
  CPUOptions cpu;
  cpu.vectorBits = getVectorBits(options.codegen.isa);
  cpu.threads = options.threads;
  switch (stage) {
  case Stage::Input:
  case Stage::Sequence:
    return;
  case Stage::Planned:
    return populatePlanPipeline(pm, PlanOptions());
  case Stage::Linalg:
    return populateLinalgPipeline(pm,
                                  getLinalgOptions(cpu, options.moduleName));
  case Stage::Buffers:
    return populateBufferPipeline(pm);
  case Stage::LLVM:
    return buildLowerToLLVMPipeline(pm, cpu);
  }
}

void rheobase::populateCPUPipeline(OpPassManager &pm,
                                   const CompileOptions &options) {
  for (Stage stage : getStages())
    populateCPUStage(pm, options, stage);
}

bool rheobase::isTrainable(ModuleOp module) {
  return llvm::any_of(module.getOps<func::FuncOp>(), [](func::FuncOp function) {
    if (!function->hasAttr(SpikingDialect::kTrainingAttrName))
      return false;
    // The training step keeps the attribute for the manifest.
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto role = function.getArgAttrOfType<StringAttr>(
          i, SpikingDialect::kRoleAttrName);
      if (role && role.getValue() == "learning_rate")
        return false;
    }
    return true;
  });
}

FailureOr<std::unique_ptr<CompiledProgram>>
rheobase::compileForCPU(ModuleOp module, const CompileOptions &options) {
  PassManager pm(module.getContext());
  if (options.configure && failed(options.configure(pm)))
    return failure();
  if (isTrainable(module))
    populateTrainingPipeline(pm, options.frontend);
  populateCPUPipeline(pm, options);
  if (failed(pm.run(module)))
    return failure();
  return jitCompile(module, options.codegen);
}
