//===- Compile.cpp - From a module to a program ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/Compile.h"

#include "rheobase/Dialect/Spiking/IR/Roles.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <chrono>

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
  cpu.kernel = options.kernel;
  cpu.profile = options.profile;
  switch (stage) {
  case Stage::Input:
    return;
  case Stage::Sequence:
    if (!options.entries.empty()) {
      pm.addPass(createSymbolPrivatizePass(options.entries));
      pm.addPass(createSymbolDCEPass());
    }
    return;
  case Stage::Planned:
    return populatePlanPipeline(pm, options.plan);
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
    return llvm::none_of(
        llvm::seq(function.getNumArguments()),
        [&](unsigned i) { return getRole(function, i) == "learning_rate"; });
  });
}

/// The options with the plan that fits into memory.
static FailureOr<CompileOptions> choosePlan(ModuleOp module,
                                            const CompileOptions &options) {
  CompileOptions chosen = options;
  chosen.memory = {};
  if (!options.memory.bytes &&
      (options.memory.dims.empty() || !module.getContext()->getRemarkEngine()))
    return chosen;
  OwningOpRef<ModuleOp> sequence = module.clone();
  PassManager pm(module.getContext());
  if (isTrainable(*sequence))
    populateTrainingPipeline(pm, options.frontend);
  populateCPUStage(pm, options, Stage::Sequence);
  if (failed(pm.run(*sequence)))
    return failure();
  CPUOptions cpu;
  cpu.threads = options.threads;
  if (failed(fitToMemory(*sequence, chosen.plan,
                         getLinalgOptions(cpu, options.moduleName),
                         options.memory)))
    return failure();
  return chosen;
}

LogicalResult rheobase::runPasses(ModuleOp module,
                                  const CompileOptions &given) {
  FailureOr<CompileOptions> chosen = choosePlan(module, given);
  if (failed(chosen))
    return failure();
  const CompileOptions &options = *chosen;
  for (Stage stage : getStages()) {
    if (options.beforeStage)
      options.beforeStage(stage);
    auto start = std::chrono::steady_clock::now();
    // What passes leave is checked once a stage: snn-opt does it after each.
    PassManager pm(module.getContext());
    pm.enableVerifier(false);
    if (options.configure && failed(options.configure(pm)))
      return failure();
    if (stage == Stage::Sequence && isTrainable(module))
      populateTrainingPipeline(pm, options.frontend);
    populateCPUStage(pm, options, stage);
    if (!pm.empty() && (failed(pm.run(module)) || failed(verify(module))))
      return failure();
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    if (options.afterStage &&
        failed(options.afterStage(stage, seconds.count())))
      return failure();
  }
  return success();
}

FailureOr<MachineCode>
rheobase::compileToMachineCode(ModuleOp module, const CompileOptions &given,
                               bool *fromCache) {
  FailureOr<CompileOptions> chosen = choosePlan(module, given);
  if (failed(chosen))
    return failure();
  const CompileOptions &options = *chosen;
  CompileCache cache(options.cache);
  Location loc = module.getLoc();
  std::string key;
  std::optional<MachineCode> code;
  if (cache.isEnabled()) {
    PassManager all(module.getContext());
    if (isTrainable(module))
      populateTrainingPipeline(all, options.frontend);
    populateCPUPipeline(all, options);
    key = CompileCache::getKey(module, all, options.codegen,
                               /*locations=*/options.profile);
    code = cache.lookup(key, loc);
    auto remark = remark::RemarkOpts::name(remarks::kCompileCache)
                      .category("compile-cache");
    if (code)
      remark::passed(loc, remark) << "machine code was in the cache";
    else
      remark::missed(loc, remark) << "machine code was not in the cache";
  }
  if (fromCache)
    *fromCache = code.has_value();
  bool watched = options.configure || options.beforeStage ||
                 options.afterStage || module.getContext()->getRemarkEngine();
  if (code && !watched)
    return std::move(*code);

  // Who compiles again shall read warnings again.
  bool quiet = true;
  ScopedDiagnosticHandler listen(module.getContext(), [&](Diagnostic &) {
    quiet = false;
    return failure();
  });
  if (failed(runPasses(module, options)))
    return failure();
  if (code)
    return std::move(*code);
  FailureOr<MachineCode> generated =
      generateMachineCode(module, options.codegen);
  if (succeeded(generated) && cache.isEnabled() && quiet)
    cache.store(key, *generated, loc);
  return generated;
}

FailureOr<std::unique_ptr<CompiledProgram>>
rheobase::compileForCPU(ModuleOp module, const CompileOptions &options,
                        bool *fromCache) {
  if (!isSupportedByHost(options.codegen.isa))
    return module.emitError("this machine cannot run code for the instruction "
                            "set that was asked for");
  FailureOr<MachineCode> code =
      compileToMachineCode(module, options, fromCache);
  if (failed(code))
    return failure();
  return loadMachineCode(std::move(*code), module.getLoc());
}
