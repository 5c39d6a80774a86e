//===- Interpreter.h - The reference interpreter ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes functions of levels L0 to L2 operation by operation, in the reference
// arithmetic of docs/Semantics.md, and differentiates them on a tape of scalars.
// It uses no decomposition, lowering or adjoint of the compiler.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_INTERPRETER_H
#define RHEOBASE_REFERENCE_INTERPRETER_H

#include "rheobase/Reference/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <functional>
#include <limits>
#include <map>

namespace rheobase::reference {

/// Sees the results of every operation right after it was executed. In the body
/// of a scan a scalar is a tensor of the scan's space. `step` is the time step of
/// the innermost time loop or scan, if there is one.
using Probe =
    std::function<void(mlir::Operation *op, llvm::ArrayRef<const Tensor *> results,
                       std::optional<int64_t> step)>;

/// The spikes and the detached values of one run, in the order of execution.
/// A later run that is given the record is *smooth* around the first: a spike is
/// what it was plus the change of its surrogate's primal, and detached values
/// are what they were. So the smooth run at the same arguments has the same
/// values, and finite differences of smooth runs approach the gradient of the
/// first one.
class FrozenRun {
public:
  /// The next smooth run starts from the first entry again.
  void rewind() { next = 0, recording = false; }
  bool isRecording() const { return recording; }
  void push(double value) { values.push_back(value); }
  /// The next entry; NaN if the smooth run took another way.
  double take() {
    return next < values.size() ? values[next++]
                                : std::numeric_limits<double>::quiet_NaN();
  }

private:
  std::vector<double> values;
  size_t next = 0;
  bool recording = true;
};

struct Options {
  Probe probe;
  /// The seed of `ml_program.global` initial values that are drawn.
  uint64_t seed = 0;
  /// Values of globals by name. What is absent is initialized when it is first
  /// used; what is stored is found here afterwards. Null: globals live for one run.
  std::map<std::string, Tensor> *globals = nullptr;
  /// Records, or makes the run smooth.
  FrozenRun *frozen = nullptr;
};

/// Runs `function`. Arguments must have the types of the parameters. Fails after
/// an error was reported at the operation that cannot be executed.
mlir::FailureOr<llvm::SmallVector<Tensor>>
run(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
    const Options &options = {});

/// The derivative of `sum over results, elements of cotangent * result`.
struct Gradient {
  llvm::SmallVector<Tensor> results;
  /// For each argument its cotangent, in f64 whatever the argument's type, also
  /// of spikes; zeros where nothing depends on it. Arguments that are neither
  /// floats nor spikes (i1, i8) have none: an empty tensor.
  llvm::SmallVector<Tensor> cotangents;
  /// The same for the initial values of the globals that were used.
  std::map<std::string, Tensor> globalCotangents;
};

/// Runs `function` and differentiates it. `cotangents[i]` belongs to result i and
/// has its shape; an empty tensor (of shape [0]) stands for zeros.
mlir::FailureOr<Gradient> gradient(mlir::func::FuncOp function,
                                   llvm::ArrayRef<Tensor> arguments,
                                   llvm::ArrayRef<Tensor> cotangents,
                                   const Options &options = {});

/// The initial value of an `ml_program.global` or of a persistent argument of
/// that name: elements, or an initializer that is drawn as the runtime draws it.
mlir::FailureOr<Tensor> initialValue(llvm::StringRef name, mlir::Type type,
                                     mlir::Attribute initializer, uint64_t seed,
                                     mlir::Location loc);

/// Where a number stopped being finite.
struct NonFinite {
  mlir::Operation *op;
  unsigned result;
  std::optional<int64_t> step;
  /// "[3,17]".
  std::string index;
  double value;
};

/// Runs `function` and finds the first operation, constants aside, with a result
/// that is not finite.
mlir::FailureOr<std::optional<NonFinite>>
findNonFinite(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
              const Options &options = {});

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_INTERPRETER_H
