//===- Differentiable.cpp - Reverse mode over the operations of a block -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Interfaces/Differentiable.h"

#include "rheobase/Dialect/Spiking/IR/Builders.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace rheobase::spiking {


bool BlockAdjoint::propagate(Block &block) {
  size_t before = active.size();
  for (Operation &op : block) {
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (differentiable && differentiable.isDerivativeZero())
      continue;
    // A region uses values from outside as well.
    WalkResult result = op.walk([&](Operation *inner) {
      return llvm::any_of(inner->getOperands(),
                          [&](Value v) { return active.contains(v); })
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (result.wasInterrupted())
      active.insert(op.result_begin(), op.result_end());
  }
  return active.size() != before;
}

LogicalResult BlockAdjoint::run(Block &block) {
  // Adjoints may be built into the same block.
  SmallVector<Operation *> operations;
  for (Operation &op : block)
    operations.push_back(&op);
  for (Operation *op : llvm::reverse(operations)) {
    bool reached = llvm::any_of(op->getResults(), [&](Value result) {
      return active.contains(result) && cotangents.lookup(result);
    });
    if (!reached)
      continue;
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      return op->emitOpError("cannot be differentiated: it has no adjoint");
    if (failed(differentiable.buildAdjoint(builder, *this)))
      return failure();
  }
  return success();
}

void BlockAdjoint::addCotangent(Value primal, Value cotangent) {
  if (!active.contains(primal))
    return;
  Location loc = cotangent.getLoc();
  Type element = getElementTypeOrSelf(primal.getType());
  Value &sum = cotangents[primal];
  if (!isa<FloatType>(element))
    element = getElementTypeOrSelf(sum ? sum.getType() : cotangent.getType());
  cotangent = convertFloat(builder, loc, cotangent, element);
  auto list = collected.find(primal);
  if (list != collected.end()) {
    list->second.push_back(cotangent);
    return;
  }
  sum = sum ? arith::AddFOp::create(builder, loc, sum, cotangent).getResult()
            : cotangent;
}

/// Turns `op` into selections: both branches are executed.
static LogicalResult convertToSelects(scf::IfOp op) {
  OpBuilder builder(op);
  SmallVector<SmallVector<Value>> yielded;
  for (Region *region : {&op.getThenRegion(), &op.getElseRegion()}) {
    SmallVector<Value> &values = yielded.emplace_back();
    if (region->empty())
      continue;
    Block &block = region->front();
    for (Operation &inner :
         llvm::make_early_inc_range(block.without_terminator())) {
      if (!isPure(&inner))
        return inner.emitOpError(
            "may not be executed speculatively, which the gradient needs under "
            "a condition that comes from a spike");
      inner.moveBefore(op);
    }
    values.assign(block.getTerminator()->operand_begin(),
                  block.getTerminator()->operand_end());
  }
  for (auto [index, result] : llvm::enumerate(op.getResults()))
    result.replaceAllUsesWith(
        arith::SelectOp::create(builder, op.getLoc(), op.getCondition(),
                                yielded[0][index], yielded[1][index]));
  op.erase();
  return success();
}

LogicalResult
convertSpikeConditions(Block &block,
                       function_ref<void(BlockAdjoint &)> activate) {
  while (true) {
    OpBuilder builder(block.front().getContext());
    BlockAdjoint adjoint(builder);
    activate(adjoint);
    scf::IfOp found;
    for (auto op : block.getOps<scf::IfOp>())
      if (adjoint.needsCotangent(op.getCondition())) {
        found = op;
        break;
      }
    if (!found)
      return success();
    if (failed(convertToSelects(found)))
      return failure();
  }
}

LogicalResult prepareForDifferentiation(Operation *root) {
  SmallVector<NeuronOpInterface> neurons;
  root->walk([&](NeuronOpInterface neuron) { neurons.push_back(neuron); });
  for (NeuronOpInterface neuron : neurons) {
    OpBuilder builder(neuron);
    FailureOr<SmallVector<Value>> values = neuron.decomposeNeuron(builder);
    if (failed(values))
      return neuron.emitOpError("cannot be differentiated: it has no scan that "
                                "means the same");
    neuron->replaceAllUsesWith(*values);
    neuron->erase();
  }

  SmallVector<TimeLoopOp> loops;
  root->walk([&](TimeLoopOp loop) { loops.push_back(loop); });
  for (TimeLoopOp loop : loops) {
    SmallVector<Value> values(loop.getStateArgs());
    for (Operation &op : loop.getBody().front())
      if (isa<LinearOp, ConvOp>(op))
        values.push_back(op.getResult(0));
    llvm::erase_if(values, [&](Value value) {
      return llvm::is_contained(loop.getYield().getOutputs(), value);
    });
    if (values.empty())
      continue;
    OpBuilder builder(loop);
    appendOutputs(builder, loop, values);
  }
  return success();
}

} // namespace rheobase::spiking
