//===- Passes.h - Conversions between levels --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_CONVERSION_PASSES_H
#define RHEOBASE_CONVERSION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace rheobase {

/// Unit attribute of a parallel loop whose iterations may be few: operations in
/// it use the threads where the loop itself does not.
inline constexpr llvm::StringLiteral kThreadsInsideAttrName =
    "rheobase.threads_inside";
/// Unit attribute of a sequential loop in such a one whose iterations are too
/// short for threads.
inline constexpr llvm::StringLiteral kOneThreadAttrName = "rheobase.one_thread";

#define GEN_PASS_DECL
#include "rheobase/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "rheobase/Conversion/Passes.h.inc"

/// Every operation of the spiking dialect but scans, which stay, and kernels,
/// which are inlined before.
void populateSpikingToLinalgPatterns(mlir::RewritePatternSet &patterns);

} // namespace rheobase

#endif // RHEOBASE_CONVERSION_PASSES_H
