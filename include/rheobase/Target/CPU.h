//===- CPU.h - Code for CPUs ------------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_CPU_H
#define RHEOBASE_TARGET_CPU_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm
namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace rheobase {

/// Instruction sets that code is generated for.
enum class CPUInstructionSet {
  Baseline, ///< what every x86-64 processor has; for code that chooses another
  Host,     ///< what the machine has
  X86_64V3, ///< AVX2 and FMA
  X86_64V4, ///< AVX-512
};

/// The instruction set of a name (host, x86-64-v3, x86-64-v4), or none.
std::optional<CPUInstructionSet> parseInstructionSet(llvm::StringRef name);
llvm::StringRef stringifyInstructionSet(CPUInstructionSet isa);

/// The instruction set to compile for on this machine: that of the name, and
/// for `host` that of $RHEOBASE_CPU, if it is set. None with `message` set
/// where the name is unknown or the machine cannot run its code.
std::optional<CPUInstructionSet> chooseInstructionSet(llvm::StringRef name,
                                                      std::string &message);

/// Bits of a vector register of an instruction set.
int64_t getVectorBits(CPUInstructionSet isa);

/// Whether this machine can run code for an instruction set.
bool isSupportedByHost(CPUInstructionSet isa);

/// How LLVM generates code. Contraction and fast-math are never on: the
/// arithmetic of docs/Semantics.md does not depend on options.
struct CPUCodegenOptions {
  CPUInstructionSet isa = CPUInstructionSet::Host;
  /// LLVM's -O level, 0 to 3.
  unsigned optLevel = 2;
  /// What follows the names of entry points: code for several instruction sets
  /// may lie in one artefact.
  std::string symbolSuffix;
  /// One object file, not several that are made in parallel, with the manifest
  /// and the version of the ABI as symbols: `rheobase_manifest`,
  /// `rheobase_abi_version`.
  bool standalone = false;
};

/// A compiled module: object files that belong together, and what calls of its
/// entry points take.
struct MachineCode {
  /// JSON text (docs/RuntimeABI.md).
  std::string manifest;
  std::vector<std::string> objects;
};

/// Makes the translations to LLVM IR that generated code needs available.
void registerCPUTranslations(mlir::DialectRegistry &registry);

/// Makes LLVM able to generate code for this machine; cheap the second time.
void initializeNativeTarget();

/// A target machine, or null with `error` set.
std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const CPUCodegenOptions &options, std::string &error);

/// Adds the manifest and the version of the ABI as symbols.
void addManifest(llvm::Module &module, llvm::StringRef manifest);

/// Translates a module in the LLVM dialect to LLVM IR and optimizes it. Emits
/// an error and returns null on failure.
std::unique_ptr<llvm::Module>
translateAndOptimize(mlir::ModuleOp module, llvm::LLVMContext &context,
                     llvm::TargetMachine &machine,
                     const CPUCodegenOptions &options);

/// Machine code of a module in the LLVM dialect that `spiking-describe-entries`
/// and `spiking-wrap-entries` prepared. A large module is divided into parts
/// that are compiled in parallel; which, depends on the module alone. Emits an
/// error on failure.
mlir::FailureOr<MachineCode>
generateMachineCode(mlir::ModuleOp module, const CPUCodegenOptions &options);

/// Object code (or with `assembly` its text) of an optimized module; null where the target has no
/// such output.
bool emitMachineCode(llvm::Module &module, llvm::TargetMachine &machine,
                     bool assembly, llvm::SmallVectorImpl<char> &output);

} // namespace rheobase

#endif // RHEOBASE_TARGET_CPU_H
