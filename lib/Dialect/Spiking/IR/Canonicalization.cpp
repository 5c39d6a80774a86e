//===- Canonicalization.cpp - What loops, scans and kernels do not need -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Time loops, scans and kernels lose the operands, states and results that
// nothing depends on, and operands that they have twice.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace rheobase::spiking;

//===----------------------------------------------------------------------===//
// What a body depends on
//===----------------------------------------------------------------------===//

namespace {
/// The arguments of a block that some of its values depend on.
class Dependences {
public:
  explicit Dependences(Block &block) : block(block) {
    // What has an effect is needed, whether or not it gives a value.
    for (Operation &op : block.without_terminator())
      if (!isMemoryEffectFree(&op))
        addOperation(op);
  }

  void add(ValueRange values) {
    for (Value value : values)
      add(value);
  }

  void add(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (argument.getOwner() == &block)
        arguments.insert(argument);
      return;
    }
    if (Operation *op = block.findAncestorOpInBlock(*value.getDefiningOp()))
      addOperation(*op);
  }

  bool contains(BlockArgument argument) const {
    return arguments.contains(argument);
  }

  /// Adds the next values of the states that are needed, until no other state
  /// is. `needed` says which states are needed anyway, and afterwards which are.
  void addStates(Block::BlockArgListType states, ValueRange next,
                 llvm::BitVector &needed) {
    llvm::BitVector added(needed.size());
    for (bool changed = true; changed;) {
      changed = false;
      for (auto [i, state] : llvm::enumerate(states)) {
        if (added[i] || !(needed[i] || contains(state)))
          continue;
        needed.set(i);
        added.set(i);
        add(next[i]);
        changed = true;
      }
    }
  }

private:
  void addOperation(Operation &op) {
    SmallVector<Operation *> worklist{&op};
    while (!worklist.empty()) {
      Operation *current = worklist.pop_back_val();
      if (!operations.insert(current).second)
        continue;
      current->walk([&](Operation *nested) {
        for (Value operand : nested->getOperands()) {
          if (auto argument = dyn_cast<BlockArgument>(operand)) {
            if (argument.getOwner() == &block)
              arguments.insert(argument);
          } else if (Operation *def = block.findAncestorOpInBlock(
                         *operand.getDefiningOp())) {
            worklist.push_back(def);
          }
        }
      });
    }
  }

  Block &block;
  llvm::SmallPtrSet<Operation *, 16> operations;
  llvm::DenseSet<Value> arguments;
};
} // namespace

/// The elements of `range` whose bit is set.
template <typename Range>
static SmallVector<Value> select(Range &&range, const llvm::BitVector &keep) {
  SmallVector<Value> selected;
  for (auto [i, value] : llvm::enumerate(range))
    if (keep[i])
      selected.push_back(value);
  return selected;
}

/// Which of the values are used.
template <typename Range> static llvm::BitVector getUsed(Range &&range) {
  llvm::BitVector used;
  for (Value value : range)
    used.push_back(!value.use_empty());
  return used;
}

/// Makes the uses of an operand's second body argument uses of its first.
static bool mergeDuplicates(PatternRewriter &rewriter, OperandRange operands,
                            ArrayRef<Block::BlockArgListType> lists) {
  bool changed = false;
  llvm::SmallDenseMap<Value, unsigned> first;
  for (auto [i, operand] : llvm::enumerate(operands)) {
    auto [it, inserted] = first.try_emplace(operand, i);
    if (inserted)
      continue;
    for (Block::BlockArgListType arguments : lists) {
      changed |= !arguments[i].use_empty();
      rewriter.replaceAllUsesWith(arguments[i], arguments[it->second]);
    }
  }
  return changed;
}

/// Makes the uses of results that are equal to other values uses of these:
/// `find(i)` is the value that output i is equal to, or null. Outputs that yield
/// the same value are equal, if they have the same type.
static bool replaceOutputs(PatternRewriter &rewriter, ValueRange outputs,
                           ValueRange yielded,
                           function_ref<Value(unsigned)> find) {
  bool changed = false;
  llvm::SmallDenseMap<std::pair<Value, Type>, Value> first;
  for (auto [i, output] : llvm::enumerate(outputs)) {
    Value equal = find(i);
    if (!equal)
      equal = first.try_emplace({yielded[i], output.getType()}, output)
                  .first->second;
    if (equal == output || equal.getType() != output.getType() ||
        output.use_empty())
      continue;
    rewriter.replaceAllUsesWith(output, equal);
    changed = true;
  }
  return changed;
}

static void eraseUnset(Block &block, unsigned first,
                       const llvm::BitVector &keep) {
  for (unsigned i = keep.size(); i-- > 0;)
    if (!keep[i])
      block.eraseArgument(first + i);
}

static void eraseUnset(MutableOperandRange operands,
                       const llvm::BitVector &keep) {
  for (unsigned i = keep.size(); i-- > 0;)
    if (!keep[i])
      operands.erase(i);
}

/// Replaces the results that are kept; the others have no uses.
static void replaceKept(PatternRewriter &rewriter, Operation *op,
                        Operation *newOp, const llvm::BitVector &keep) {
  SmallVector<Value> values;
  unsigned next = 0;
  for (unsigned i = 0; i < op->getNumResults(); ++i)
    values.push_back(keep[i] ? newOp->getResult(next++) : Value());
  rewriter.replaceOp(op, values);
}

/// Erases what only the erased values needed, so that the arguments have no
/// uses.
static void dropDead(PatternRewriter &rewriter, Block &body) {
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      rewriter.eraseOp(op);
}

/// Gives `to` the only block of `from`, less the arguments of `lists` (the
/// number of the first one, which are kept) in ascending order.
static void
moveBody(PatternRewriter &rewriter, Region &from, Region &to,
         ArrayRef<std::pair<unsigned, const llvm::BitVector &>> lists) {
  Block &body = from.front();
  dropDead(rewriter, body);
  for (const auto &[first, keep] : llvm::reverse(lists))
    eraseUnset(body, first, keep);
  if (!to.empty())
    rewriter.eraseBlock(&to.front());
  rewriter.inlineRegionBefore(from, to, to.begin());
}

static void append(llvm::BitVector &bits, const llvm::BitVector &more) {
  for (unsigned i = 0; i < more.size(); ++i)
    bits.push_back(more[i]);
}

//===----------------------------------------------------------------------===//
// TimeLoopOp
//===----------------------------------------------------------------------===//

namespace {
struct SimplifyTimeLoop : OpRewritePattern<TimeLoopOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TimeLoopOp loop,
                                PatternRewriter &rewriter) const override {
    Block &body = loop.getBody().front();
    YieldOp yield = loop.getYield();
    bool changed =
        mergeDuplicates(rewriter, loop.getInputs(), {loop.getInputArgs()});
    // A state that stays what it is.
    for (unsigned i = 0; i < loop.getStates().size(); ++i) {
      BlockArgument argument = loop.getStateArgs()[i];
      Value final = loop.getFinalStates()[i], init = loop.getStates()[i];
      OpOperand &next = yield.getNextMutable()[i];
      if (next.get() != argument || (final.use_empty() && argument.hasOneUse()))
        continue;
      rewriter.replaceAllUsesWith(final, init);
      rewriter.replaceUsesWithIf(
          argument, init, [&](OpOperand &use) { return &use != &next; });
      changed = true;
    }
    changed |= replaceOutputs(
        rewriter, loop.getOutputs(), yield.getOutputs(), [&](unsigned i) {
          for (auto [argument, input] :
               llvm::zip(loop.getInputArgs(), loop.getInputs()))
            if (yield.getOutputs()[i] == argument)
              return input;
          return Value();
        });

    llvm::BitVector outputs = getUsed(loop.getOutputs());
    llvm::BitVector states = getUsed(loop.getFinalStates());
    Dependences needed(body);
    needed.add(select(yield.getOutputs(), outputs));
    needed.addStates(loop.getStateArgs(), yield.getNext(), states);
    llvm::BitVector inputs;
    for (BlockArgument argument : loop.getInputArgs())
      inputs.push_back(needed.contains(argument));
    if (outputs.all() && states.all() && inputs.all())
      return success(changed);

    auto newLoop = TimeLoopOp::create(
        rewriter, loop.getLoc(), loop.getSteps(),
        select(loop.getInputs(), inputs), select(loop.getStates(), states),
        TypeRange(ValueRange(select(loop.getOutputs(), outputs))),
        loop.getDirection());
    newLoop->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
    eraseUnset(yield.getOutputsMutable(), outputs);
    eraseUnset(yield.getNextMutable(), states);
    unsigned firstState = 1 + inputs.size();
    moveBody(rewriter, loop.getBody(), newLoop.getBody(),
             {{1, inputs}, {firstState, states}});
    append(outputs, states);
    replaceKept(rewriter, loop, newLoop, outputs);
    return success();
  }
};
} // namespace

void TimeLoopOp::getCanonicalizationPatterns(RewritePatternSet &results,
                                             MLIRContext *context) {
  results.add<SimplifyTimeLoop>(context);
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

namespace {
struct SimplifyScan : OpRewritePattern<ScanOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ScanOp scan,
                                PatternRewriter &rewriter) const override {
    if (!scan.hasPureTensorSemantics())
      return failure();
    Block &body = scan.getBody().front();
    Block *replay = scan.getReplay().empty() ? nullptr : &scan.getReplay().front();
    YieldOp yield = scan.getYield(), replayYield = scan.getReplayYield();
    unsigned numIns = scan.getIns().size(), numParams = scan.getParams().size();

    SmallVector<Block::BlockArgListType> ins{scan.getInArgs()},
        params{scan.getParamArgs()};
    if (replay) {
      ins.push_back(replay->getArguments().take_front(numIns));
      params.push_back(replay->getArguments().slice(numIns, numParams));
    }
    bool changed = mergeDuplicates(rewriter, scan.getIns(), ins);
    changed |= mergeDuplicates(rewriter, scan.getParams(), params);
    changed |= inlineConstants(rewriter, scan.getIns(), ins);
    changed |= inlineConstants(rewriter, scan.getParams(), params);
    changed |= replaceOutputs(
        rewriter, scan.getOutResults(), yield.getOutputs(),
        [&](unsigned i) { return findEqual(scan, yield.getOutputs()[i]); });
    changed |= replaceOutputs(
        rewriter, scan.getStateResults(), yield.getNext(), [&](unsigned i) {
          // A state that stays what it is ends as it starts.
          Value next = yield.getNext()[i];
          return next == scan.getStateArgs()[i] ? Value(scan.getStates()[i])
                 : scan.isStep()                ? findEqual(scan, next)
                                                : scan.getStateResults()[i];
        });

    // What is needed.
    llvm::BitVector outs = getUsed(scan.getOutResults());
    llvm::BitVector states = getUsed(scan.getStateResults());
    llvm::BitVector accumulators = getUsed(scan.getAccumulatorResults());
    // The number of steps comes from a sequence.
    if (!scan.isStep() && scan.getIns().empty() && outs.none())
      outs.set(0);
    Dependences needed(body);
    needed.add(select(yield.getOutputs(), outs));
    needed.add(select(yield.getContributions(), accumulators));
    needed.addStates(scan.getStateArgs(), yield.getNext(), states);
    // The shape of the space comes from a state or an output.
    if (states.none() && outs.none()) {
      if (states.empty())
        outs.set(0);
      else
        states.set(0);
      needed.add(select(yield.getOutputs(), outs));
      needed.addStates(scan.getStateArgs(), yield.getNext(), states);
    }
    llvm::BitVector replayed;
    for (BlockArgument argument : scan.getReplayedArgs())
      replayed.push_back(needed.contains(argument));
    std::optional<Dependences> replayNeeded;
    if (replay) {
      replayNeeded.emplace(*replay);
      replayNeeded->addStates(
          replay->getArguments().take_back(replayed.size()),
          replayYield.getNext(), replayed);
    }
    auto getNeeded = [&](ArrayRef<Block::BlockArgListType> lists) {
      llvm::BitVector keep;
      for (auto [i, argument] : llvm::enumerate(lists.front()))
        keep.push_back(needed.contains(argument) ||
                       (replay && replayNeeded->contains(lists.back()[i])));
      return keep;
    };
    llvm::BitVector keptIns = getNeeded(ins), keptParams = getNeeded(params);
    if (!scan.isStep() && keptIns.none() && outs.none())
      keptIns.set(0);
    if (outs.all() && states.all() && accumulators.all() && replayed.all() &&
        keptIns.all() && keptParams.all())
      return success(changed);

    // Rebuild the scan with what is left.
    auto newScan = ScanOp::create(
        rewriter, scan.getLoc(), scan.getDirection(),
        select(scan.getIns(), keptIns), select(scan.getParams(), keptParams),
        select(scan.getOuts(), outs), select(scan.getStates(), states),
        select(scan.getAccumulators(), accumulators),
        select(scan.getReplayed(), replayed));
    newScan->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
    eraseUnset(yield.getOutputsMutable(), outs);
    eraseUnset(yield.getNextMutable(), states);
    eraseUnset(yield.getContributionsMutable(), accumulators);
    unsigned firstState = numIns + numParams;
    unsigned firstReplayed = firstState + states.size();
    moveBody(rewriter, scan.getBody(), newScan.getBody(),
             {{0, keptIns},
              {numIns, keptParams},
              {firstState, states},
              {firstReplayed, replayed}});
    if (replayed.any()) {
      eraseUnset(replayYield.getNextMutable(), replayed);
      moveBody(rewriter, scan.getReplay(), newScan.getReplay(),
               {{0, keptIns}, {numIns, keptParams}, {firstState, replayed}});
    }
    append(outs, states);
    append(outs, accumulators);
    replaceKept(rewriter, scan, newScan, outs);
    return success();
  }

  /// Makes operands that are the same number everywhere constants of the body.
  static bool inlineConstants(PatternRewriter &rewriter, OperandRange operands,
                              ArrayRef<Block::BlockArgListType> lists) {
    bool changed = false;
    OpBuilder::InsertionGuard guard(rewriter);
    for (auto [i, operand] : llvm::enumerate(operands)) {
      DenseElementsAttr elements;
      if (!matchPattern(operand, m_Constant(&elements)) || !elements.isSplat())
        continue;
      auto value = cast<TypedAttr>(elements.getSplatValue<Attribute>());
      for (Block::BlockArgListType arguments : lists) {
        BlockArgument argument = arguments[i];
        if (argument.use_empty())
          continue;
        rewriter.setInsertionPointToStart(argument.getOwner());
        rewriter.replaceAllUsesWith(
            argument,
            arith::ConstantOp::create(rewriter, operand.getLoc(), value));
        changed = true;
      }
    }
    return changed;
  }

  /// The operand that has the value `yielded` at every step; in a `step` scan,
  /// states and parameters stand for themselves, too.
  static Value findEqual(ScanOp scan, Value yielded) {
    auto argument = dyn_cast<BlockArgument>(yielded);
    if (!argument || argument.getOwner() != &scan.getBody().front())
      return {};
    unsigned number = argument.getArgNumber(), numIns = scan.getIns().size();
    if (number < numIns)
      return scan.getIns()[number];
    if (!scan.isStep())
      return {};
    unsigned numParams = scan.getParams().size();
    if (number < numIns + numParams)
      return scan.getParams()[number - numIns];
    return scan.getStates()[number - numIns - numParams];
  }
};
} // namespace

void ScanOp::getCanonicalizationPatterns(RewritePatternSet &results,
                                         MLIRContext *context) {
  results.add<SimplifyScan>(context);
}

//===----------------------------------------------------------------------===//
// KernelOp
//===----------------------------------------------------------------------===//

namespace {
struct SimplifyKernel : OpRewritePattern<KernelOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(KernelOp kernel,
                                PatternRewriter &rewriter) const override {
    Block &body = kernel.getBody().front();
    YieldOp yield = kernel.getYield();
    bool changed =
        mergeDuplicates(rewriter, kernel.getInputs(), {body.getArguments()});
    changed |= replaceOutputs(
        rewriter, kernel.getResults(), yield.getOutputs(), [&](unsigned i) {
          auto argument = dyn_cast<BlockArgument>(yield.getOutputs()[i]);
          return argument ? kernel.getInputs()[argument.getArgNumber()]
                          : Value();
        });
    llvm::BitVector results = getUsed(kernel.getResults());
    Dependences needed(body);
    needed.add(select(yield.getOutputs(), results));
    llvm::BitVector inputs;
    for (BlockArgument argument : body.getArguments())
      inputs.push_back(needed.contains(argument));
    // A kernel that nobody needs is erased as a whole.
    if (results.none() || (results.all() && inputs.all()))
      return success(changed);

    auto newKernel = KernelOp::create(
        rewriter, kernel.getLoc(),
        TypeRange(ValueRange(select(kernel.getResults(), results))),
        select(kernel.getInputs(), inputs), kernel.getImplementationAttr());
    newKernel->setDiscardableAttrs(kernel->getDiscardableAttrDictionary());
    eraseUnset(yield.getOutputsMutable(), results);
    moveBody(rewriter, kernel.getBody(), newKernel.getBody(), {{0, inputs}});
    replaceKept(rewriter, kernel, newKernel, results);
    return success();
  }
};
} // namespace

void KernelOp::getCanonicalizationPatterns(RewritePatternSet &results,
                                           MLIRContext *context) {
  results.add<SimplifyKernel>(context);
}
