//===- JIT.h - Compiled programs in this process ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_JIT_H
#define RHEOBASE_TARGET_JIT_H

#include "rheobase/Target/CPU.h"
#include "rheobase/abi.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace rheobase {

/// A module that was compiled for this machine and can be called. It keeps the
/// code alive; nothing of the compiler's context is needed any more.
class CompiledProgram {
public:
  struct Impl;
  struct Entry {
    std::string name;
    std::string symbol;
    rb_entry_fn function;
  };

  explicit CompiledProgram(std::unique_ptr<Impl> impl);
  ~CompiledProgram();

  /// The manifest, JSON text (docs/RuntimeABI.md).
  const std::string &getManifest() const;
  /// All entry points, by name.
  const std::vector<Entry> &getEntries() const;
  /// The entry point of this name, or null.
  rb_entry_fn lookup(llvm::StringRef name) const;

  /// How often this process has made a program: shows that one serves all
  /// sizes.
  static int64_t getCompileCount();

private:
  std::unique_ptr<Impl> impl;
};

/// Links machine code into this process. Emits an error at `loc` and fails
/// where it needs a symbol that nobody has.
mlir::FailureOr<std::unique_ptr<CompiledProgram>>
loadMachineCode(MachineCode code, mlir::Location loc);

/// Compiles a module in the LLVM dialect that `spiking-describe-entries` and
/// `spiking-wrap-entries` prepared, and loads it. Emits an error on `module`
/// and fails where the machine is not what `options` ask for, too.
mlir::FailureOr<std::unique_ptr<CompiledProgram>>
jitCompile(mlir::ModuleOp module, const CPUCodegenOptions &options);

} // namespace rheobase

#endif // RHEOBASE_TARGET_JIT_H
