//===- CheckEachPass.h - Finds the pass that changes a result ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_CHECKEACHPASS_H
#define RHEOBASE_REFERENCE_CHECKEACHPASS_H

#include "rheobase/Reference/Interpreter.h"

namespace mlir {
class PassManager;
} // namespace mlir

namespace rheobase::reference {

/// How arguments are drawn. Dynamic extents are numbers of steps (the first of at
/// least two leading ones) or of samples.
struct RandomArguments {
  uint64_t seed = 1;
  int64_t steps = 3;
  int64_t samples = 2;
  /// Whether the one leading dynamic extent of a tensor is a number of steps.
  bool leadingIsSteps = false;
  /// Share of ones in spikes.
  double spikeRate = 0.3;
};

/// Random arguments of a function's types: floats between -1 and 1 (states of
/// optimizers and variances not negative: see `spiking.role`), spikes, small
/// labels; an index is the number of steps.
llvm::SmallVector<Tensor> drawArguments(mlir::func::FuncOp function,
                                        const RandomArguments &options);

struct CheckOptions {
  RandomArguments arguments;
  /// What floats of results may differ by, relative to the largest of the
  /// tensor; spikes and integers are always equal.
  double tolerance = 0.0;
};

/// Runs every function of the module in the interpreter before and after each
/// pass, on the same random arguments, and reports an error that names the first
/// pass after which a result is another one. A function is compared as long as
/// its type stays and the interpreter executes it. `failed` is set at an error.
/// Passes run on one thread.
void addCheckEachPass(mlir::PassManager &pm, const CheckOptions &options,
                      bool &failed);

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_CHECKEACHPASS_H
