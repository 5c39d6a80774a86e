//===- ControlOps.cpp - Executes calls, globals, scf and kernels ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace rheobase::reference {

static LogicalResult call(Machine &machine, func::CallOp op) {
  auto function = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getCalleeAttr());
  if (!function)
    return op.emitOpError("there is no function ") << op.getCalleeAttr();
  FailureOr<SmallVector<Tensor>> results = machine.call(
      function, machine.getAll(op.getOperands()), op.getLoc());
  if (failed(results))
    return failure();
  for (auto [result, tensor] : llvm::zip(op.getResults(), *results))
    machine.set(result, std::move(tensor));
  return success();
}

//===----------------------------------------------------------------------===//
// Globals
//===----------------------------------------------------------------------===//

template <typename OpTy>
static LogicalResult globalLoad(Machine &machine, OpTy op) {
  FailureOr<Tensor *> global = machine.getGlobal(op, op.getGlobalAttr());
  if (failed(global))
    return failure();
  machine.set(op.getResult(), **global);
  return success();
}

static LogicalResult globalStore(Machine &machine, ml_program::GlobalStoreOp op) {
  FailureOr<Tensor *> global = machine.getGlobal(op, op.getGlobalAttr());
  if (failed(global))
    return failure();
  **global = machine.get(op.getValue());
  return success();
}

//===----------------------------------------------------------------------===//
// Structured control flow
//===----------------------------------------------------------------------===//

/// Takes the branch. Where neurons of a scan differ in the condition, or it is a
/// spike with a gradient, both branches are executed and each neuron selects.
static LogicalResult branch(Machine &machine, scf::IfOp op) {
  const Tensor condition = machine.get(op.getCondition());
  bool uniform = condition.shape.empty() && condition[0].node == 0 &&
                 (condition[0].number == 0.0 || condition[0].number == 1.0);
  auto executeBranch =
      [&](Region &region) -> FailureOr<SmallVector<Tensor>> {
    if (region.empty())
      return SmallVector<Tensor>();
    if (failed(machine.execute(region.front())))
      return failure();
    return machine.getAll(region.front().getTerminator()->getOperands());
  };
  if (uniform) {
    FailureOr<SmallVector<Tensor>> taken =
        executeBranch(condition[0].number == 1.0 ? op.getThenRegion()
                                                 : op.getElseRegion());
    if (failed(taken))
      return failure();
    for (auto [result, tensor] : llvm::zip(op.getResults(), *taken))
      machine.set(result, std::move(tensor));
    return success();
  }

  FailureOr<SmallVector<Tensor>> thens = executeBranch(op.getThenRegion());
  if (failed(thens))
    return failure();
  FailureOr<SmallVector<Tensor>> elses = executeBranch(op.getElseRegion());
  if (failed(elses))
    return failure();
  for (auto [result, a, b] : llvm::zip(op.getResults(), *thens, *elses)) {
    // Uniform values are scalars and repeat.
    ArrayRef<int64_t> shape = condition.shape;
    for (const Tensor *tensor : {&a, &b})
      if (shape.empty())
        shape = tensor->shape;
    FailureOr<Tensor> c = broadcastTo(op, condition, shape);
    FailureOr<Tensor> whenTrue = broadcastTo(op, a, shape);
    FailureOr<Tensor> whenFalse = broadcastTo(op, b, shape);
    if (failed(c) || failed(whenTrue) || failed(whenFalse))
      return failure();
    Arithmetic arithmetic = machine.arithmetic(a.kind);
    Tensor selected(a.kind, shape);
    for (int64_t i = 0; i < selected.size(); ++i) {
      Scalar x = (*whenTrue)[i], y = (*whenFalse)[i];
      // A condition that is no spike leaves the other branch without a cotangent.
      if (isLarge(a.kind) || (machine.isRecording() && (*c)[i].node == 0))
        selected[i] = (*c)[i].number != 0.0 ? x : y;
      else
        selected[i] = arithmetic.select((*c)[i], x, y);
    }
    machine.set(result, std::move(selected));
  }
  return success();
}

static LogicalResult loop(Machine &machine, scf::ForOp op) {
  FailureOr<int64_t> lower = machine.getInteger(op, op.getLowerBound());
  FailureOr<int64_t> upper = machine.getInteger(op, op.getUpperBound());
  FailureOr<int64_t> by = machine.getInteger(op, op.getStep());
  if (failed(lower) || failed(upper) || failed(by))
    return failure();
  if (*by <= 0)
    return op.emitOpError("expected a positive step, got ") << *by;
  ElementKind kind = kindOf(op.getInductionVar());
  SmallVector<Tensor> carried = machine.getAll(op.getInitArgs());
  for (int64_t i = *lower; i < *upper; i += *by) {
    machine.set(op.getInductionVar(),
                Tensor::scalar(kind, Scalar::of(kind, i)));
    for (auto [argument, tensor] : llvm::zip(op.getRegionIterArgs(), carried))
      machine.set(argument, std::move(tensor));
    if (failed(machine.execute(*op.getBody())))
      return failure();
    carried = machine.getAll(op.getBody()->getTerminator()->getOperands());
  }
  for (auto [result, tensor] : llvm::zip(op.getResults(), carried))
    machine.set(result, std::move(tensor));
  return success();
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static LogicalResult kernel(Machine &machine, spiking::KernelOp op) {
  Block &body = op.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), op.getInputs()))
    machine.set(argument, machine.get(input));
  if (failed(machine.execute(body)))
    return failure();
  for (auto [result, value] :
       llvm::zip(op.getResults(), op.getYield().getOutputs()))
    machine.set(result, machine.get(value));
  return success();
}

void addControlOps(Handlers &handlers) {
  handlers.add(call);
  handlers.add(globalLoad<ml_program::GlobalLoadOp>);
  handlers.add(globalLoad<ml_program::GlobalLoadConstOp>);
  handlers.add(globalStore);
  handlers.add(branch);
  handlers.add(loop);
  handlers.add(kernel);
}

} // namespace rheobase::reference
