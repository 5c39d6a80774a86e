//===- InitAll.h - Everything that tools register ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_INITALL_H
#define RHEOBASE_INITALL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace rheobase {

/// The project's dialects, upstream's, and every extension and external model
/// that passes rely on.
void registerAllDialects(mlir::DialectRegistry &registry);

/// The project's passes and pipelines, and upstream's.
void registerAllPasses();

} // namespace rheobase

#endif // RHEOBASE_INITALL_H
