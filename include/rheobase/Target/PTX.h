//===- PTX.h - Kernels as PTX, cubin and fatbin -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_PTX_H
#define RHEOBASE_TARGET_PTX_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace rheobase {

/// A chip that kernels can be compiled for.
struct GPUChip {
  llvm::StringRef name;
  /// The first version of PTX that knows the chip, times 10.
  unsigned ptxVersion;
};

/// The chips that this compiler knows, oldest first.
llvm::ArrayRef<GPUChip> getGPUChips();

using EmitError = llvm::function_ref<mlir::InFlightDiagnostic()>;

/// The chip called `name`; otherwise an error that lists those there are.
/// LLVM would end the process at a chip or a version that it does not know.
mlir::FailureOr<GPUChip> findGPUChip(llvm::StringRef name, EmitError emitError);

/// Where CUDA's programs and files are looked for.
struct CUDAToolkit {
  /// Paths of the programs; empty: looked for.
  std::string ptxas, fatbinary;
};

/// The path of a program of CUDA: `given`, or on the PATH, or in $CUDA_HOME or
/// $CUDA_PATH, or, where neither is set, in /usr/local/cuda or PyPI's
/// nvidia-cuda-nvcc in a virtual environment ($VIRTUAL_ENV, or .venv above this
/// program or in the current folder).
mlir::FailureOr<std::string> findCUDAProgram(llvm::StringRef name,
                                             llvm::StringRef given,
                                             EmitError emitError);

/// Adds what translating kernels needs; done before a context is used by
/// several threads.
void registerPTXTranslations(mlir::DialectRegistry &registry);

/// What PTX of a kernel is like; the rest of it is in the operation that
/// launches it.
struct KernelInfo {
  std::string name;
  /// For each parameter whether the kernel reads or writes through it.
  llvm::SmallVector<bool> reads, writes;
};

/// Translates kernels of the llvm and nvvm dialects to PTX for `chip`. Fails
/// with an error where code calls a function that nobody defines.
mlir::FailureOr<std::string>
translateToPTX(mlir::gpu::GPUModuleOp module, const GPUChip &chip,
               unsigned optLevel = 3,
               llvm::SmallVectorImpl<KernelInfo> *kernels = nullptr);

/// Machine code for `chip`; the PTX is kept where ptxas does not accept it.
mlir::FailureOr<std::string> assembleCubin(llvm::StringRef ptx,
                                           const GPUChip &chip,
                                           const CUDAToolkit &toolkit,
                                           EmitError emitError);

enum class GPUFormat { PTX, Cubin, Fatbin };
/// The format that a command line calls `name`.
std::optional<GPUFormat> parseGPUFormat(llvm::StringRef name);

struct GPUEmissionOptions {
  /// Names of chips: one for PTX and cubin, at least one for a fatbin, which
  /// also holds the PTX of the first, for chips that come later.
  llvm::SmallVector<std::string> chips;
  GPUFormat format = GPUFormat::PTX;
  unsigned optLevel = 3;
  CUDAToolkit toolkit;
};

/// Whether these options can be met, as far as can be told without compiling;
/// otherwise an error.
mlir::LogicalResult checkGPUOptions(const GPUEmissionOptions &options,
                                    EmitError emitError);

/// A file to write: what follows the name of the output, and its contents.
struct GPUArtefact {
  std::string suffix, contents;
};

/// Kernels of `module`, which has passed populateGPUPipeline, in the wanted
/// format, and their manifest in JSON (suffix ".json").
mlir::FailureOr<llvm::SmallVector<GPUArtefact>>
emitKernels(mlir::ModuleOp module, const GPUEmissionOptions &options);

/// Writes `artefacts` to `output`, each as a whole or not at all.
mlir::LogicalResult writeArtefacts(llvm::ArrayRef<GPUArtefact> artefacts,
                                   llvm::StringRef output, EmitError emitError);

} // namespace rheobase

#endif // RHEOBASE_TARGET_PTX_H
