//===- MemoryLimit.h - Plans that fit into memory ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_PIPELINES_MEMORYLIMIT_H
#define RHEOBASE_PIPELINES_MEMORYLIMIT_H

#include "rheobase/Pipelines/Pipelines.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace rheobase {

/// How much memory a program may need, and at which sizes.
struct MemoryLimit {
  /// Bytes; 0: no limit.
  int64_t bytes = 0;
  /// The sizes of named dimensions, such as T and B.
  llvm::StringMap<int64_t> dims;
};

/// A number of bytes with an optional suffix K, M, G or T (powers of 1024),
/// such as 512M or 1.5G.
std::optional<int64_t> parseByteCount(llvm::StringRef text);
/// Reads the values of --memory-limit (empty: no limit) and --dims (name=N).
/// False where `problem` says what is wrong with one.
bool parseMemoryLimit(llvm::StringRef bytes, llvm::ArrayRef<std::string> dims,
                      MemoryLimit &limit, std::string &problem);
/// A number of bytes for readers: "183.2 MB" (of 10^6 bytes).
std::string formatByteCount(int64_t bytes);

/// Finds the plan with which each public function of a module at L1 needs at
/// most `limit` bytes: the first one, of plans in which the backward pass
/// computes more and more values again, whose arena, arguments and results fit,
/// with what loops over blocks of samples make for each block, on all threads of
/// this machine, and a reserve for what kernels take for themselves (packed
/// weights and the like). Without a limit it tells by a remark what the plan
/// needs. An error says by how much no plan fits, or which sizes are not known.
mlir::LogicalResult fitToMemory(mlir::ModuleOp module, PlanOptions &plan,
                                const LinalgOptions &linalg,
                                const MemoryLimit &limit, bool forCPU = true);

} // namespace rheobase

#endif // RHEOBASE_PIPELINES_MEMORYLIMIT_H
