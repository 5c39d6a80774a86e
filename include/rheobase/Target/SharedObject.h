//===- SharedObject.h - Ahead-of-time artefacts for CPUs --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_SHAREDOBJECT_H
#define RHEOBASE_TARGET_SHAREDOBJECT_H

#include "rheobase/Target/CPU.h"

namespace rheobase {

/// What to write of a compiled module.
enum class CPUArtefact {
  LLVM,         ///< LLVM IR, text
  Object,       ///< an object file
  SharedObject, ///< a shared object, and beside it its C header
};

struct CPUArtefactOptions {
  CPUCodegenOptions codegen;
  /// Whether the code runs on the threads of OpenMP: it then needs libomp.
  bool threads = true;
  /// Compiler driver that links (default: clang or cc on the PATH).
  std::string linker;
  /// libRheobaseRTCore.a (default: beside the program that runs).
  std::string runtimeLibrary;
};

/// Writes a module in the LLVM dialect with described and wrapped entries to the
/// file `output`; the header has its name with the ending .h. Files are
/// complete or not there. Emits an error on failure.
mlir::LogicalResult writeCPUArtefact(mlir::ModuleOp module, CPUArtefact kind,
                                     const CPUArtefactOptions &options,
                                     llvm::StringRef output);

/// A C header that declares and documents the entry points of a manifest.
/// `name` is that of the shared object without its ending.
llvm::Expected<std::string> generateHeader(llvm::StringRef manifest,
                                           llvm::StringRef name, bool threads);

} // namespace rheobase

#endif // RHEOBASE_TARGET_SHAREDOBJECT_H
