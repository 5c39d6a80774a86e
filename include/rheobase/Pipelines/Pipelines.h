//===- Pipelines.h - The stages of compilation ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Tools, tests and the just-in-time compiler build their pass managers with
// these functions, so what a test of a pipeline runs is what users run.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_PIPELINES_H
#define RHEOBASE_PIPELINES_PIPELINES_H

#include "rheobase/Pipelines/CPU.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace rheobase {

/// Where compilation can stop, in this order.
enum class Stage {
  Input,    ///< as it was read
  Sequence, ///< L1: no time loops but true recurrences, parameters outlined
  Planned,  ///< L2: kernels
  Linalg,   ///< L3 on tensors: products in linalg, scans
  Buffers,  ///< L3 on buffers, memory planned, entry points
  LLVM,     ///< L4: the LLVM dialect
};

/// The stage of a name (input, sequence, planned, linalg, buffers, llvm).
std::optional<Stage> parseStage(llvm::StringRef name);
llvm::StringRef stringifyStage(Stage stage);
llvm::ArrayRef<Stage> getStages();

/// From L0 to L1: neurons' conventions explicit, time loops distributed, named
/// neurons decomposed, functions inlined, what is the same at every step
/// computed once.
struct FrontendOptions {
  /// Only rewrites whose results are equal bit for bit, but for the gradients
  /// of parameters.
  bool exact = false;
};
void populateFrontendPipeline(mlir::OpPassManager &pm,
                              const FrontendOptions &options);

/// From L1 to L2.
struct PlanOptions {
  /// Values of the forward pass that the backward pass computes again instead
  /// of reading them, the largest first.
  int64_t recompute = 0;
};
void populatePlanPipeline(mlir::OpPassManager &pm, const PlanOptions &options);

/// From L1 or L2 to linalg and scans on tensors, entry points described.
struct LinalgOptions {
  /// What the module is called in the manifest if it has no name of its own.
  std::string moduleName = "module";
  /// Samples that take all steps of a time loop in parallel to others; 0: all
  /// samples take a step together.
  int64_t samplesPerBlock = 0;
  /// Whether there is more than one thread.
  bool threads = true;
};
/// What a lowering for that CPU asks of it.
LinalgOptions getLinalgOptions(const CPUOptions &cpu, std::string moduleName);
void populateLinalgPipeline(mlir::OpPassManager &pm,
                            const LinalgOptions &options);

/// From tensors to buffers: bufferization, memory plan and, for CPUs, the entry
/// points of abi.h, unless only the plan is asked for.
void populateBufferPipeline(mlir::OpPassManager &pm, bool forCPU = true,
                            bool wrapEntries = true);

/// Makes these pipelines known to tools: `spiking-frontend`, `spiking-plan`,
/// `spiking-lower-to-linalg`, `spiking-lower-to-buffers`.
void registerPipelines();

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_PIPELINES_H
