//===- ThreadQueries.h - What code asks about its threads -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SUPPORT_THREADQUERIES_H
#define RHEOBASE_LIB_CONVERSION_SUPPORT_THREADQUERIES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace rheobase {

// Both declare a function of OpenMP in `module`: they are for passes on
// modules.

/// The threads that a parallel loop may have, an index.
mlir::Value createMaxThreads(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::ModuleOp module);

/// Whether no parallel loop around the code shares it among threads, an i1.
mlir::Value createIsSerial(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::ModuleOp module);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SUPPORT_THREADQUERIES_H
