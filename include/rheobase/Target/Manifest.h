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

/// On a module: its manifest, JSON text (set by `spiking-describe-entries`).
inline constexpr llvm::StringLiteral kManifestAttrName = "spiking.manifest";
/// On a module: its name in symbols.
inline constexpr llvm::StringLiteral kModuleNameAttrName =
    "spiking.module_name";
/// On arguments and results of entries: element type at the ABI.
inline constexpr llvm::StringLiteral kDTypeAttrName = "spiking.dtype";
/// On arguments and results of entries: an array of sizes and names.
inline constexpr llvm::StringLiteral kDimsAttrName = "spiking.dims";

/// The C symbol of an entry point: rheobase_<module>_<entry>, with what C does
/// not allow in a name replaced by an underscore.
std::string getEntrySymbol(llvm::StringRef module, llvm::StringRef entry);

} // namespace rheobase

#endif // RHEOBASE_TARGET_MANIFEST_H
