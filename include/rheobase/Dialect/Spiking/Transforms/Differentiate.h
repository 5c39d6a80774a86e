//===- Differentiate.h - Reverse mode for functions -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_DIFFERENTIATE_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_DIFFERENTIATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rheobase::spiking {

/// A value that is differentiated, and the cotangent that it starts with.
struct Seed {
  mlir::Value value;
  mlir::Value cotangent;
};

/// Appends reverse mode to the function's only block, before its terminator.
/// `seeds` is called when the function's body is prepared, to say what is
/// differentiated: values of the block. The gradients with respect to `with`
/// (arguments, tensors or scalars of a float type) are returned, in order.
/// `truncate`: truncated backpropagation through time after so many steps; 0:
/// none.
llvm::FailureOr<llvm::SmallVector<mlir::Value>> appendGradients(
    mlir::func::FuncOp function, mlir::ValueRange with, int64_t truncate,
    llvm::function_ref<llvm::SmallVector<Seed>(mlir::OpBuilder &)> seeds);

/// Creates, after `function`, the function `name` from its arguments and a
/// cotangent for each float and spike result to its results and the gradients
/// of the arguments `with`. Results that update an argument (spiking.aliases)
/// have no cotangent; that of a spike has the float type of the first of `with`.
llvm::FailureOr<mlir::func::FuncOp>
differentiateFunction(mlir::func::FuncOp function, llvm::StringRef name,
                      llvm::ArrayRef<unsigned> with, int64_t truncate = 0);

/// Erases what nothing uses, also the outputs of time loops: preparation for
/// differentiation makes loops give more than their adjoints turn out to read.
void eraseDeadOperations(mlir::func::FuncOp function);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_DIFFERENTIATE_H
