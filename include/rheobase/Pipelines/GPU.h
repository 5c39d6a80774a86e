//===- GPU.h - From buffers to GPU kernels ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_GPU_H
#define RHEOBASE_PIPELINES_GPU_H

#include "rheobase/Pipelines/Pipelines.h"

#include "mlir/IR/BuiltinOps.h"
#include <cstdint>
#include <optional>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace rheobase {

/// What kernels for the GPU are generated with.
struct GPUOptions {
  /// Steps of a backward scan whose recomputed states are held in registers.
  int64_t chunkSteps = 4;
  /// How a module that is not at L1 yet gets there.
  FrontendOptions frontend;
  PlanOptions plan;
};

/// Scans, products, the rest of linalg and scalar code on buffers become
/// kernels in one gpu.module; the functions become host code that launches
/// them, on buffers of the device. Runs on a module whose functions have
/// buffers as arguments.
void buildLowerToKernelsPipeline(mlir::OpPassManager &pm,
                                 const GPUOptions &options);

/// The kernels become code of the llvm and nvvm dialects, from which PTX is
/// emitted. The host's code stays.
void buildLowerKernelsToNVVMPipeline(mlir::OpPassManager &pm);

/// Both, one after the other.
void populateGPUPipeline(mlir::OpPassManager &pm, const GPUOptions &options);

/// Where the compilation of a network to kernels can stop, in this order.
enum class KernelStage {
  Input,    ///< as it was read
  Sequence, ///< L1: parameters are arguments, the training step is built
  Planned,  ///< L2
  Linalg,   ///< L3 on tensors
  Buffers,  ///< L3 on buffers
  Kernels,  ///< kernels in one gpu.module, host code that launches them
  NVVM,     ///< kernels in the llvm and nvvm dialects
};

/// The stage that command lines call `name`.
std::optional<KernelStage> parseKernelStage(llvm::StringRef name);
llvm::StringRef stringifyKernelStage(KernelStage stage);

/// The passes of `stage` alone, on `module` after the stage before it. A
/// trainable module becomes its training step, its evaluation and its forward
/// function.
void populateKernelStage(mlir::OpPassManager &pm, mlir::ModuleOp module,
                         const GPUOptions &options, KernelStage stage);

/// Makes the pipelines known to tools as `lower-to-kernels` and
/// `lower-to-nvvm`.
void registerGPUPipelines();

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_GPU_H
