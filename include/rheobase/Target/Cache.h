//===- Cache.h - Machine code that was generated before ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_CACHE_H
#define RHEOBASE_TARGET_CACHE_H

#include "rheobase/Target/CPU.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace rheobase {

/// Where compiled modules are kept.
struct CompileCacheOptions {
  /// Empty: nothing is kept.
  std::string folder;
  /// The most bytes that the folder takes; what was not used for the longest
  /// time goes first.
  uint64_t limitBytes = uint64_t(512) << 20;
};

/// What the user has chosen. `chosen` is the value of an option of the command
/// line, a folder or `off`; if it is empty, $RHEOBASE_CACHE counts in its
/// place, then $XDG_CACHE_HOME/rheobase, then ~/.cache/rheobase.
/// $RHEOBASE_CACHE_SIZE is the limit, as 100M or 2G. False with `message` set
/// for a wrong one.
bool getCompileCacheOptions(llvm::StringRef chosen,
                            CompileCacheOptions &options, std::string &message);

/// A folder with machine code, one file a module. Files appear whole, so that
/// any number of processes may use it at a time.
class CompileCache {
public:
  explicit CompileCache(CompileCacheOptions options)
      : options(std::move(options)) {}

  bool isEnabled() const { return !options.folder.empty(); }

  /// What machine code depends on: the module, the passes with their options,
  /// the processor, and the very build of the compiler. Locations are part of
  /// it only if they reach the code.
  static std::string getKey(mlir::ModuleOp module,
                            const mlir::OpPassManager &passes,
                            const CPUCodegenOptions &options,
                            bool locations = false);

  /// The code that was stored under the key, if it is there. A damaged file is
  /// as none, with a warning at `loc`.
  std::optional<MachineCode> lookup(llvm::StringRef key, mlir::Location loc);
  /// Keeps code under a key, and the folder within its limit. Warns at `loc` if
  /// it cannot.
  void store(llvm::StringRef key, const MachineCode &code, mlir::Location loc);

private:
  std::string getPath(llvm::StringRef key) const;
  void evict();

  CompileCacheOptions options;
};

} // namespace rheobase

#endif // RHEOBASE_TARGET_CACHE_H
