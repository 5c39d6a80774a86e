//===- GPU.h - From buffers to GPU kernels ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_GPU_H
#define RHEOBASE_PIPELINES_GPU_H

#include <cstdint>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace rheobase {

/// What kernels for the GPU are generated with.
struct GPUOptions {
  /// Steps of a backward scan whose recomputed states are held in registers.
  int64_t chunkSteps = 4;
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

/// Makes the pipelines known to tools as `lower-to-kernels` and `lower-to-nvvm`.
void registerGPUPipelines();

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_GPU_H
