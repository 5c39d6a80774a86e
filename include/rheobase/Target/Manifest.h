//===- Manifest.h - What a compiled module says of itself -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The manifest's format is in docs/RuntimeABI.md.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_MANIFEST_H
#define RHEOBASE_TARGET_MANIFEST_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace rheobase {

/// The C symbol of an entry point: rheobase_<module>_<entry>, with what C does
/// not allow in a name replaced by an underscore.
std::string getEntrySymbol(llvm::StringRef module, llvm::StringRef entry);

} // namespace rheobase

#endif // RHEOBASE_TARGET_MANIFEST_H
