//===- EntryPoints.h - Names and types of the ABI ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_CONVERSION_ENTRYPOINTS_H
#define RHEOBASE_CONVERSION_ENTRYPOINTS_H

#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace rheobase {

/// The rb_dtype of an element type; none where the ABI has no such tensors.
std::optional<int32_t> getABIType(mlir::Type type);

/// A module's name as entry points and manifest have it.
std::string getModuleName(mlir::ModuleOp module);

/// The symbol of an entry point.
std::string getEntrySymbol(llvm::StringRef module, llvm::StringRef entry);

} // namespace rheobase

#endif // RHEOBASE_CONVERSION_ENTRYPOINTS_H
