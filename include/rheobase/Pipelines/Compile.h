//===- Compile.h - From a module to a program -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_COMPILE_H
#define RHEOBASE_PIPELINES_COMPILE_H

#include "rheobase/Pipelines/MemoryLimit.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Target/Cache.h"
#include "rheobase/Target/JIT.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir {
class OpPassManager;
class PassManager;
} // namespace mlir

namespace rheobase {

/// How a module is compiled for a CPU.
struct CompileOptions {
  CPUCodegenOptions codegen;
  /// Whether loops run on the threads of OpenMP.
  bool threads = true;
  /// CPUOptions::profile.
  bool profile = false;
  /// How a module that is not at L1 yet gets there.
  FrontendOptions frontend;
  /// How products with spikes are computed.
  ProductKernel kernel = ProductKernel::Automatic;
  /// The entry points that somebody calls; all, if there are none.
  std::vector<std::string> entries;
  PlanOptions plan;
  /// With sizes, a plan is chosen that fits, or with a limit it is an error.
  MemoryLimit memory;
  /// What the module is called if it has no name of its own.
  std::string moduleName = "module";
  /// Called with each pass manager before it runs: instrumentation, command
  /// line options.
  std::function<mlir::LogicalResult(mlir::PassManager &)> configure;
  /// Called after each stage: to look at the module.
  std::function<mlir::LogicalResult(Stage, double seconds)> afterStage;
  /// Called before each stage.
  std::function<void(Stage)> beforeStage;
  /// Where machine code is kept and looked for; nowhere, unless it is set.
  CompileCacheOptions cache;
};

/// From L0 to L1, for a module with a function that has `spiking.training`:
/// parameters outlined, the training step and the evaluation built, time loops
/// distributed in the backward pass, too.
void populateTrainingPipeline(mlir::OpPassManager &pm,
                              const FrontendOptions &options);

/// From L0 or L1 to L1 with parameters outlined; a trainable module gets its
/// training step and its evaluation.
void populateSequenceStage(mlir::OpPassManager &pm, mlir::ModuleOp module,
                           const FrontendOptions &options);

/// The passes of one stage after `Sequence`, for the stage before it.
void populateCPUStage(mlir::OpPassManager &pm, const CompileOptions &options,
                      Stage stage);

/// From L1 to the LLVM dialect.
void populateCPUPipeline(mlir::OpPassManager &pm,
                         const CompileOptions &options);

/// Whether a function of the module has `spiking.training` and its training
/// step is not built yet.
bool isTrainable(mlir::ModuleOp module);

/// Lowers a module at L0 or L1 to the LLVM dialect, stage by stage.
mlir::LogicalResult runPasses(mlir::ModuleOp module,
                              const CompileOptions &options);

/// Machine code of a module at L0 or L1. A trainable module becomes
/// `train_step`, `evaluate` and the forward function; any other, its public
/// functions. The module is lowered in place, or left as it is where the code
/// was in the cache and nobody wants to see the passes at work: remarks,
/// `configure` and the functions around stages see the same in both cases.
/// `fromCache` tells.
mlir::FailureOr<MachineCode> compileToMachineCode(mlir::ModuleOp module,
                                                  const CompileOptions &options,
                                                  bool *fromCache = nullptr);

/// The same as a program of this process.
mlir::FailureOr<std::unique_ptr<CompiledProgram>>
compileForCPU(mlir::ModuleOp module, const CompileOptions &options,
              bool *fromCache = nullptr);

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_COMPILE_H
