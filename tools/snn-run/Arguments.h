//===- Arguments.h - The arguments of a run ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_RUN_ARGUMENTS_H
#define RHEOBASE_TOOLS_SNN_RUN_ARGUMENTS_H

#include "rheobase/Reference/Tensor.h"
#include "rheobase/Runtime/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace rheobase {

/// What the command line says about arguments.
struct ArgumentOptions {
  /// `name=value`: a number, or the path of an .npy file.
  llvm::StringMap<std::string> values;
  /// Sizes of named dynamic dimensions.
  llvm::StringMap<int64_t> dims;
  /// Whether arguments without a value are drawn.
  bool random = false;
  uint64_t seed = 0;
  /// Share of ones in drawn spikes.
  double spikeRate = 0.2;
};

/// The name of argument `index`: its spiking.name, its role, or argN.
std::string getArgumentName(mlir::func::FuncOp function, unsigned index);
/// The name of result `index`: its spiking.name, or resultN.
std::string getResultName(mlir::func::FuncOp function, unsigned index);

/// The arguments of `function`, described by spiking-describe-entries. Emits an
/// error and fails where one is missing or does not fit.
mlir::FailureOr<std::vector<rt::Tensor>>
makeArguments(mlir::func::FuncOp function, const ArgumentOptions &options);

/// Between the runtime's tensors and the interpreter's.
reference::Tensor toReference(const rb_tensor &tensor, mlir::Type type);
mlir::FailureOr<rt::Tensor> toRuntime(const reference::Tensor &tensor,
                                      mlir::Location loc);

} // namespace rheobase

#endif // RHEOBASE_TOOLS_SNN_RUN_ARGUMENTS_H
