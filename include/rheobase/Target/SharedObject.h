//===- SharedObject.h - Ahead-of-time artefacts for CPUs --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_SHAREDOBJECT_H
#define RHEOBASE_TARGET_SHAREDOBJECT_H

#include "rheobase/Target/CPU.h"

#include "mlir/IR/Location.h"

namespace rheobase {

/// Machine code for one instruction set; the entry points end in
/// getVariantSuffix.
struct CodeVariant {
  CPUInstructionSet isa = CPUInstructionSet::X86_64V3;
  MachineCode code;
};

/// What follows the names of entry points in one of several variants.
std::string getVariantSuffix(CPUInstructionSet isa);

struct SharedObjectOptions {
  /// Whether the code runs on the threads of OpenMP: it then needs libomp.
  bool threads = true;
  /// Compiler driver that links (default: clang or cc on the PATH).
  std::string linker;
  /// libRheobaseRTCore.a (default: beside the program that runs).
  std::string runtimeLibrary;
};

/// Writes a shared object of one module, and beside it its C header, which has
/// its name with the ending .h. Each entry point runs the variant for the best
/// instruction set that the machine has (or $RHEOBASE_CPU names), and is an
/// error where it has none of them. Files are complete or not there. Emits an
/// error at `loc` on failure.
mlir::LogicalResult writeSharedObject(llvm::ArrayRef<CodeVariant> variants,
                                      const SharedObjectOptions &options,
                                      llvm::StringRef output,
                                      mlir::Location loc);

/// Writes the optimized LLVM IR of a module in the LLVM dialect, with the
/// manifest. Emits an error on failure.
mlir::LogicalResult writeLLVM(mlir::ModuleOp module,
                              const CPUCodegenOptions &options,
                              llvm::StringRef output);

/// Writes a file, or the standard output if its name is `-`. Emits an error at
/// `loc` on failure.
mlir::LogicalResult writeOutput(llvm::StringRef path, llvm::StringRef contents,
                                mlir::Location loc);

/// A C header that declares and documents the entry points of a manifest.
/// `name` is that of the shared object without its ending.
llvm::Expected<std::string> generateHeader(llvm::StringRef manifest,
                                           llvm::StringRef name, bool threads);

} // namespace rheobase

#endif // RHEOBASE_TARGET_SHAREDOBJECT_H
