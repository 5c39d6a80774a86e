//===- TimeLoopFolding.cpp - What a time loop need not carry ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace rheobase::spiking;

/// The values of the body that something needs, given the states that are:
/// operands, in any depth, of what the used outputs and these states are
/// computed of.
static DenseSet<Value> findNeededValues(TimeLoopOp loop,
                                        const BitVector &states) {
  DenseSet<Value> needed;
  YieldOp yield = loop.getYield();
  for (auto [value, output] : llvm::zip(yield.getOutputs(), loop.getOutputs()))
    if (!output.use_empty())
      needed.insert(value);
  for (unsigned index : states.set_bits())
    needed.insert(yield.getNext()[index]);
  for (Operation &op : llvm::reverse(loop.getBody().front().without_terminator()))
    if (!isMemoryEffectFree(&op) ||
        llvm::any_of(op.getResults(),
                     [&](Value result) { return needed.contains(result); }))
      op.walk([&](Operation *inner) {
        needed.insert(inner->operand_begin(), inner->operand_end());
      });
  return needed;
}

/// Removes outputs, states and inputs that nothing uses, states that keep their
/// value, and outputs that repeat an input.
static LogicalResult simplify(RewriterBase &rewriter, TimeLoopOp loop) {
  YieldOp yield = loop.getYield();
  bool changed = false;
  auto replace = [&](Value from, Value to) {
    if (from.use_empty() || from.getType() != to.getType())
      return;
    rewriter.replaceAllUsesWith(from, to);
    changed = true;
  };
  for (auto [init, argument, next, final] :
       llvm::zip(loop.getStates(), loop.getStateArgs(), yield.getNext(),
                 loop.getFinalStates()))
    if (next == argument) {
      replace(argument, init);
      replace(final, init);
      // The yield uses what was the argument.
    }
  for (auto [value, output] : llvm::zip(yield.getOutputs(), loop.getOutputs()))
    for (auto [input, argument] :
         llvm::zip(loop.getInputs(), loop.getInputArgs()))
      if (value == argument)
        replace(output, input);

  BitVector states(loop.getStates().size());
  for (auto [index, final] : llvm::enumerate(loop.getFinalStates()))
    if (!final.use_empty())
      states.set(index);
  DenseSet<Value> needed;
  for (bool grows = true; grows;) {
    grows = false;
    needed = findNeededValues(loop, states);
    for (auto [index, argument] : llvm::enumerate(loop.getStateArgs()))
      if (!states.test(index) && needed.contains(argument)) {
        states.set(index);
        grows = true;
      }
  }

  // What stays; positions in the lists of the loop.
  SmallVector<unsigned> inputs, outputs;
  for (auto [index, argument] : llvm::enumerate(loop.getInputArgs()))
    if (needed.contains(argument))
      inputs.push_back(index);
  for (auto [index, output] : llvm::enumerate(loop.getOutputs()))
    if (!output.use_empty())
      outputs.push_back(index);
  if (inputs.size() == loop.getInputs().size() &&
      outputs.size() == loop.getOutputs().size() && states.all())
    return success(changed);
  // A loop without results is dead as a whole.
  if (outputs.empty() && states.none())
    return success(changed);

  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(loop);
  SmallVector<Value> newInputs, newStates, nextValues, outputValues;
  SmallVector<Type> types;
  for (unsigned index : inputs)
    newInputs.push_back(loop.getInputs()[index]);
  for (unsigned index : states.set_bits()) {
    newStates.push_back(loop.getStates()[index]);
    nextValues.push_back(yield.getNext()[index]);
  }
  for (unsigned index : outputs) {
    types.push_back(loop.getOutputs()[index].getType());
    outputValues.push_back(yield.getOutputs()[index]);
  }
  auto result =
      TimeLoopOp::create(rewriter, loop.getLoc(), loop.getSteps(), newInputs,
                         newStates, types, loop.getDirection());
  result->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  rewriter.setInsertionPoint(yield);
  rewriter.replaceOpWithNewOp<YieldOp>(yield, outputValues, nextValues);

  Block &from = loop.getBody().front(), &to = result.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(from.without_terminator())))
    if (isOpTriviallyDead(&op))
      rewriter.eraseOp(&op);
  // What used the arguments that go away is dead, and gone.
  SmallVector<Value> arguments(from.getNumArguments());
  arguments[0] = result.getStepIndex();
  for (auto [position, index] : llvm::enumerate(inputs))
    arguments[1 + index] = result.getInputArgs()[position];
  for (auto [position, index] : llvm::enumerate(states.set_bits()))
    arguments[1 + loop.getInputs().size() + index] =
        result.getStateArgs()[position];
  rewriter.inlineBlockBefore(&from, &to, to.end(), arguments);

  for (auto [position, index] : llvm::enumerate(outputs))
    rewriter.replaceAllUsesWith(loop.getOutputs()[index],
                                result.getOutputs()[position]);
  for (auto [position, index] : llvm::enumerate(states.set_bits()))
    rewriter.replaceAllUsesWith(loop.getFinalStates()[index],
                                result.getFinalStates()[position]);
  rewriter.eraseOp(loop);
  return success();
}

void rheobase::spiking::eraseUnusedOutputs(TimeLoopOp loop) {
  IRRewriter rewriter(loop.getContext());
  (void)simplify(rewriter, loop);
}

namespace {
struct SimplifyTimeLoop : OpRewritePattern<TimeLoopOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TimeLoopOp loop,
                                PatternRewriter &rewriter) const override {
    return simplify(rewriter, loop);
  }
};
} // namespace

void TimeLoopOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                             MLIRContext *context) {
  patterns.add<SimplifyTimeLoop>(context);
}
