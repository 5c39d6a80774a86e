//===- Compare.h - Where two executions part --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_RUN_COMPARE_H
#define RHEOBASE_TOOLS_SNN_RUN_COMPARE_H

#include "rheobase/Reference/Tensor.h"
#include "rheobase/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rheobase {

/// Shape, range, mean and first elements of a tensor, in a line.
std::string summarize(const reference::Tensor &tensor);

/// The first element in which the results differ: result, index, both values.
std::optional<std::string>
findFirstDifference(mlir::func::FuncOp function,
                    llvm::ArrayRef<reference::Tensor> expected,
                    llvm::ArrayRef<rb_tensor> got);

/// Makes `function` return, before its results, every tensor that it computes;
/// gives a description of each (operation and location).
std::vector<std::string> tapValues(mlir::ModuleOp module,
                                   llvm::StringRef function);

/// The first tapped value that differs, with the time step where it is a
/// sequence: the earliest step first.
std::optional<std::string>
findFirstTapDifference(const std::vector<std::string> &names,
                       mlir::TypeRange types,
                       llvm::ArrayRef<reference::Tensor> expected,
                       llvm::ArrayRef<rb_tensor> got);

} // namespace rheobase

#endif // RHEOBASE_TOOLS_SNN_RUN_COMPARE_H
