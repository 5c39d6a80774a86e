//===- CPU.h - From buffers to the LLVM dialect -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_CPU_H
#define RHEOBASE_PIPELINES_CPU_H

#include "rheobase/Conversion/ProductKernel.h"

#include <cstdint>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace rheobase {

/// What code for the CPU is generated for.
struct CPUOptions {
  /// Bits of a vector register: 256 (AVX2) or 512 (AVX-512).
  int64_t vectorBits = 256;
  /// Whether loops run on the threads of OpenMP.
  bool threads = true;
  /// How products with spikes are computed.
  ProductKernel kernel = ProductKernel::Automatic;
  /// Whether each loop nest reports its time, its operations and its bytes to
  /// the runtime (rb_profile_count).
  bool profile = false;
};

/// Samples that a thread takes through all steps of a time loop: enough for the
/// rows of a register block, few enough for every thread to get some.
inline constexpr int64_t kSamplesPerBlock = 16;

/// Scans, products and the rest of linalg, on buffers, become loops over
/// vectors, and these the LLVM dialect with calls of rheobase's allocator
/// (`_mlir_memref_to_llvm_alloc` and `_mlir_memref_to_llvm_free`), of libm and
/// of OpenMP. Runs on a module whose functions have buffers as arguments.
void buildLowerToLLVMPipeline(mlir::OpPassManager &pm,
                              const CPUOptions &options);

/// Makes the pipelines known to tools: `lower-to-llvm`, and
/// `spiking-lower-to-cpu` from L1 or L2 on.
void registerCPUPipelines();

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_CPU_H
