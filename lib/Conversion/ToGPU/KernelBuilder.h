//===- KernelBuilder.h - One-dimensional kernels ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_TOGPU_KERNELBUILDER_H
#define RHEOBASE_LIB_CONVERSION_TOGPU_KERNELBUILDER_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace rheobase {

/// The gpu.module that all kernels of a program go to.
inline constexpr llvm::StringLiteral kernelModuleName = "kernels";

/// Launches a kernel of `items` threads: the body is emitted with the insertion
/// point where `item` is below `items`. `kind` becomes part of the kernel's
/// name.
mlir::gpu::LaunchOp
launchItems(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef kind,
            mlir::Value items,
            llvm::function_ref<void(mlir::Value item)> body);

/// Launches `blocks` blocks of `threads` threads with shared buffers of the
/// given types.
mlir::gpu::LaunchOp launchBlocks(
    mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef kind,
    mlir::Value blocks, int64_t threads, llvm::ArrayRef<mlir::Type> shared,
    llvm::function_ref<void(mlir::Value block, mlir::Value thread,
                            mlir::ValueRange shared)>
        body);

/// Splits a row-major position into one of each size.
llvm::SmallVector<mlir::Value> delinearize(mlir::OpBuilder &builder,
                                           mlir::Location loc,
                                           mlir::Value position,
                                           mlir::ValueRange sizes);

/// The product of `sizes`; 1 if there are none.
mlir::Value productOf(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::ValueRange sizes);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_TOGPU_KERNELBUILDER_H
