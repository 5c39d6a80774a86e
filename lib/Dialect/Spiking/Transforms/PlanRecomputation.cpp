//===- PlanRecomputation.cpp - What backward scans keep or compute again ----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSwitch.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_PLANRECOMPUTATIONPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

namespace {

/// A replay scan, and for each of its outputs the state that it gives.
struct Replay {
  ScanOp scan;
  SmallVector<unsigned> states;
};

enum class Strategy { Auto, Store, Recompute };

} // namespace

/// The states that the outputs of `scan` are, if it is a forward scan that
/// gives nothing but its states before each step.
static std::optional<Replay> matchReplay(ScanOp scan) {
  if (!scan || scan.getDirection() != Direction::Forward ||
      scan.getOuts().empty() || !scan.getAccumulators().empty() ||
      !scan.hasPureTensorSemantics())
    return std::nullopt;
  Replay replay{scan, {}};
  for (Value output : scan.getYield().getOutputs()) {
    auto argument = llvm::find(scan.getStateArgs(), output);
    if (argument == scan.getStateArgs().end())
      return std::nullopt;
    replay.states.push_back(argument - scan.getStateArgs().begin());
  }
  return replay;
}

/// The replay scans that a reverse scan reads.
static SmallVector<Replay> findReplays(ScanOp reverse) {
  SmallVector<Replay> replays;
  for (Value in : reverse.getIns()) {
    auto scan = in.getDefiningOp<ScanOp>();
    if (!scan || !llvm::is_contained(scan.getOutResults(), in) ||
        llvm::any_of(replays, [&](Replay &r) { return r.scan == scan; }))
      continue;
    if (std::optional<Replay> replay = matchReplay(scan))
      replays.push_back(*replay);
  }
  return replays;
}

/// Bytes of one element in memory: a spike takes one.
static int64_t getBytes(Value value) {
  return llvm::divideCeil(
      getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth(), 8);
}

/// One reverse scan that computes what the replay scans gave.
static ScanOp recompute(ScanOp reverse, ArrayRef<Replay> replays) {
  OpBuilder builder(reverse);
  ScanComposer composer(builder, reverse.getLoc(), Direction::Reverse);
  DenseMap<Value, Value> trajectory;
  unsigned number = 0;
  for (Replay replay : replays) {
    ScanOp scan = replay.scan;
    SmallVector<Value> arguments;
    for (Value in : scan.getIns())
      arguments.push_back(composer.getIn(in, /*inReplay=*/true));
    for (Value param : scan.getParams())
      arguments.push_back(composer.getParam(param, /*inReplay=*/true));
    SmallVector<Value> inBody;
    for (Value init : scan.getStates()) {
      auto [body, before] = composer.addReplayed(init);
      inBody.push_back(body);
      arguments.push_back(before);
    }
    IRMapping mapping =
        composer.inlineBody(scan, arguments, /*intoReplay=*/true);
    for (Value next : scan.getYield().getNext())
      composer.setReplayedNext(number++, mapping.lookupOrDefault(next));
    for (auto [state, result] :
         llvm::zip(replay.states, scan.getOutResults()))
      trajectory[result] = inBody[state];
  }

  SmallVector<Value> arguments;
  for (Value in : reverse.getIns()) {
    Value scalar = trajectory.lookup(in);
    arguments.push_back(scalar ? scalar : composer.getIn(in));
  }
  for (Value param : reverse.getParams())
    arguments.push_back(composer.getParam(param));
  for (Value init : reverse.getStates())
    arguments.push_back(composer.addState(init));
  IRMapping mapping = composer.inlineBody(reverse, arguments);
  YieldOp yield = reverse.getYield();
  for (auto [state, next] : llvm::enumerate(yield.getNext()))
    composer.setNext(state, mapping.lookupOrDefault(next));
  for (auto [init, output] : llvm::zip(reverse.getOuts(), yield.getOutputs()))
    composer.addOutput(mapping.lookupOrDefault(output), init);
  for (auto [init, contribution] :
       llvm::zip(reverse.getAccumulators(), yield.getContributions()))
    composer.addAccumulator(init, mapping.lookupOrDefault(contribution));
  // Where no input is left, the states' empty tensor says how many steps there
  // are.
  if (!composer.hasSequence())
    composer.getIn(ScanOp(replays.front().scan).getOuts().front());
  ScanOp result = composer.create();
  result->setDiscardableAttrs(reverse->getDiscardableAttrDictionary());
  reverse.replaceAllUsesWith(result.getResults());
  reverse.erase();
  for (Replay replay : replays)
    if (replay.scan->use_empty())
      replay.scan.erase();
  return result;
}

/// The forward scan that runs through the same states: the replay scan of some
/// scan before is the given one.
static ScanOp findForward(Replay replay) {
  Block *block = replay.scan->getBlock();
  for (auto scan : block->getOps<ScanOp>()) {
    if (scan == replay.scan)
      break;
    if (scan.getDirection() != Direction::Forward ||
        !scan.hasPureTensorSemantics())
      continue;
    SmallVector<unsigned> indices;
    for (unsigned state : replay.states) {
      auto states = scan.getStates();
      auto it = llvm::find(states, replay.scan.getStates()[state]);
      if (it != states.end())
        indices.push_back(it - states.begin());
    }
    if (indices.size() != replay.states.size())
      continue;
    OpBuilder builder(replay.scan);
    ScanOp candidate = createReplayScan(builder, scan, indices);
    // The initial outputs are not read.
    SmallVector<Operation *> inits;
    for (auto [out, other] :
         llvm::zip(candidate.getOutsMutable(), replay.scan.getOuts())) {
      if (Operation *init = out.get().getDefiningOp())
        inits.push_back(init);
      if (out.get().getType() == other.getType())
        out.set(other);
    }
    bool same = OperationEquivalence::isEquivalentTo(
        candidate, replay.scan, OperationEquivalence::IgnoreLocations);
    candidate.erase();
    for (Operation *init : inits)
      if (isOpTriviallyDead(init))
        init->erase();
    if (same)
      return scan;
  }
  return {};
}

/// The forward scan gives the states itself, and the replay scan goes away.
static void store(Replay replay, ScanOp forward) {
  OpBuilder builder(forward);
  SmallVector<Value> outs(forward.getOuts()), outputs;
  for (auto [state, out] : llvm::zip(replay.states, replay.scan.getOuts())) {
    auto it = llvm::find(forward.getStates(), replay.scan.getStates()[state]);
    unsigned index = it - forward.getStates().begin();
    outputs.push_back(forward.getStateArgs()[index]);
    // An empty tensor with the sizes of another output, or of the state and the
    // steps of an input.
    SmallVector<OpFoldResult> sizes;
    Location loc = forward.getLoc();
    if (!forward.getOuts().empty()) {
      sizes = tensor::getMixedSizes(builder, loc, forward.getOuts().front());
    } else {
      sizes = tensor::getMixedSizes(builder, loc, *it);
      sizes.insert(sizes.begin(),
                   tensor::getMixedSize(builder, loc,
                                        forward.getIns().front(), 0));
    }
    outs.push_back(tensor::EmptyOp::create(
        builder, loc, sizes, getElementTypeOrSelf(out.getType())));
  }
  auto result = ScanOp::create(
      builder, forward.getLoc(), Direction::Forward, forward.getIns(),
      forward.getParams(), outs, forward.getStates(), forward.getAccumulators(),
      forward.getReplayed());
  result->setDiscardableAttrs(forward->getDiscardableAttrDictionary());
  forward.getYield().getOutputsMutable().append(outputs);
  result.getBody().takeBody(forward.getBody());
  result.getReplay().takeBody(forward.getReplay());
  unsigned before = forward.getOuts().size();
  for (auto [from, to] :
       llvm::zip(forward.getOutResults(), result.getOutResults()))
    from.replaceAllUsesWith(to);
  for (auto [from, to] :
       llvm::zip(replay.scan.getOutResults(),
                 result.getOutResults().drop_front(before))) {
    Value value = to;
    if (value.getType() != from.getType()) {
      OpBuilder after(result->getContext());
      after.setInsertionPointAfter(result);
      value = tensor::CastOp::create(after, result.getLoc(), from.getType(),
                                     value);
    }
    from.replaceAllUsesWith(value);
  }
  for (auto [from, to] :
       llvm::zip(forward.getStateResults(), result.getStateResults()))
    from.replaceAllUsesWith(to);
  for (auto [from, to] :
       llvm::zip(forward.getAccumulatorResults(), result.getAccumulatorResults()))
    from.replaceAllUsesWith(to);
  forward.erase();
  if (replay.scan->use_empty())
    replay.scan.erase();
}

namespace {

/// States of a forward time loop with products, before each step, computed by a
/// scan of their own: its inputs are what the loop's products gave, so no
/// product runs again.
class LoopReplay {
public:
  /// `reader`: what reads the states.
  LoopReplay(TimeLoopOp loop, Operation *reader)
      : loop(loop), yield(loop.getYield()), builder(reader) {}

  /// Replaces those of the loop's outputs `candidates` that are its states, as
  /// far as they can be computed; how many these are, in bytes a neuron and
  /// step.
  int64_t run(ArrayRef<unsigned> candidates);

private:
  std::optional<unsigned> getState(Value value);
  /// The step scan that gives state `state` the next value.
  ScanOp getScan(unsigned state);
  Value getSequence(Value step, bool create);

  TimeLoopOp loop;
  YieldOp yield;
  OpBuilder builder;
  /// Outputs that are to go.
  SetVector<unsigned> replaced;
  DenseMap<Value, Value> sequences;
};
} // namespace

std::optional<unsigned> LoopReplay::getState(Value value) {
  auto it = llvm::find(loop.getStateArgs(), value);
  if (it == loop.getStateArgs().end())
    return std::nullopt;
  return it - loop.getStateArgs().begin();
}

ScanOp LoopReplay::getScan(unsigned state) {
  Value next = yield.getNext()[state];
  auto scan = next.getDefiningOp<ScanOp>();
  if (!scan || !scan.isStep() ||
      !loop.getBody().isAncestor(scan->getParentRegion()) ||
      !scan.getAccumulators().empty() || !scan.hasPureTensorSemantics())
    return {};
  // All of its states are states of the loop, which it carries on.
  for (auto [init, result] :
       llvm::zip(scan.getStates(), scan.getStateResults())) {
    std::optional<unsigned> carried = getState(init);
    if (!carried || yield.getNext()[*carried] != result)
      return {};
  }
  for (Value param : scan.getParams())
    if (loop.getBody().isAncestor(param.getParentRegion()))
      return {};
  return llvm::is_contained(scan.getStateResults(), next) ? scan : ScanOp();
}

/// A value of each step as a sequence: read, given, or elementwise of such;
/// null if there is none. `create`: what it takes is created.
Value LoopReplay::getSequence(Value step, bool create) {
  if (Value known = sequences.lookup(step))
    return known;
  for (auto [argument, input] :
       llvm::zip(loop.getInputArgs(), loop.getInputs()))
    if (argument == step)
      return input;
  for (auto [number, value] : llvm::enumerate(yield.getOutputs()))
    if (value == step && !replaced.contains(number))
      return loop.getOutputs()[number];
  Operation *op = step.getDefiningOp();
  if (!op || !loop.getBody().isAncestor(op->getParentRegion()) ||
      op->getNumResults() != 1 ||
      !(op->hasTrait<OpTrait::Elementwise>() || isa<AddOp>(op)))
    return {};
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    operands.push_back(getSequence(operand, create));
    if (!operands.back())
      return {};
  }
  if (!create)
    return operands.front();
  SmallVector<int64_t> shape(
      cast<RankedTensorType>(operands.front().getType()).getShape());
  Operation *sequence = builder.clone(*op);
  sequence->setOperands(operands);
  sequence->getResult(0).setType(
      RankedTensorType::get(shape, getElementTypeOrSelf(step.getType())));
  return sequences[step] = sequence->getResult(0);
}

int64_t LoopReplay::run(ArrayRef<unsigned> candidates) {
  llvm::MapVector<ScanOp, SmallVector<unsigned>> scans;
  for (unsigned number : candidates)
    if (std::optional<unsigned> state = getState(yield.getOutputs()[number]))
      if (ScanOp scan = getScan(*state)) {
        scans[scan].push_back(number);
        replaced.insert(number);
      }
  int64_t bytes = 0;
  for (auto &[scan, numbers] : scans) {
    if (!llvm::all_of(scan.getIns(), [&](Value in) {
          return static_cast<bool>(getSequence(in, /*create=*/false));
        }))
      continue;
    ScanComposer composer(builder, scan.getLoc(), Direction::Forward);
    SmallVector<Value> arguments;
    for (Value in : scan.getIns())
      arguments.push_back(composer.getIn(getSequence(in, /*create=*/true)));
    for (Value param : scan.getParams())
      arguments.push_back(composer.getParam(param));
    DenseMap<unsigned, Value> before;
    for (Value init : scan.getStates()) {
      unsigned state = *getState(init);
      arguments.push_back(composer.addState(loop.getStates()[state]));
      before[state] = arguments.back();
    }
    IRMapping mapping = composer.inlineBody(scan, arguments);
    for (auto [number, next] : llvm::enumerate(scan.getYield().getNext()))
      composer.setNext(number, mapping.lookupOrDefault(next));
    for (unsigned number : numbers) {
      Value output = loop.getOutputs()[number];
      Value empty = tensor::EmptyOp::create(
          builder, scan.getLoc(),
          tensor::getMixedSizes(builder, scan.getLoc(), output),
          getElementTypeOrSelf(output.getType()));
      composer.addOutput(before[*getState(yield.getOutputs()[number])], empty);
      bytes += getBytes(output);
    }
    ScanOp replay = composer.create();
    for (auto [number, result] : llvm::zip(numbers, replay.getOutResults()))
      loop.getOutputs()[number].replaceUsesWithIf(result, [](OpOperand &use) {
        auto reader = dyn_cast<TimeLoopOp>(use.getOwner());
        return reader && reader.isReverse();
      });
  }
  return bytes;
}

namespace {
struct PlanRecomputationPass
    : rheobase::spiking::impl::PlanRecomputationPassBase<
          PlanRecomputationPass> {
  using Base::Base;

  void runOnOperation() override {
    std::optional<Strategy> chosen =
        llvm::StringSwitch<std::optional<Strategy>>(strategy)
            .Case("auto", Strategy::Auto)
            .Case("store", Strategy::Store)
            .Case("recompute", Strategy::Recompute)
            .Default(std::nullopt);
    if (!chosen) {
      getOperation()->emitError(
          "expected the strategy auto, store or recompute, got ")
          << strategy;
      return signalPassFailure();
    }
    SmallVector<ScanOp> scans;
    getOperation()->walk([&](ScanOp scan) {
      if (scan.isReverse() && scan.hasPureTensorSemantics() &&
          scan.getReplay().empty())
        scans.push_back(scan);
    });
    for (ScanOp scan : scans)
      plan(scan, *chosen);
    if (*chosen == Strategy::Store)
      return;
    SmallVector<TimeLoopOp> loops;
    getOperation()->walk([&](TimeLoopOp loop) {
      if (!loop.isReverse())
        loops.push_back(loop);
    });
    for (TimeLoopOp loop : loops)
      plan(loop);
  }

  /// States that only backward loops read are computed again.
  void plan(TimeLoopOp loop) {
    SmallVector<unsigned> candidates;
    Operation *first = nullptr;
    for (auto [number, output] : llvm::enumerate(loop.getOutputs())) {
      if (!isa<FloatType>(getElementTypeOrSelf(output.getType())))
        continue;
      bool isRead = false, onlyBackward = true;
      for (Operation *user : output.getUsers()) {
        auto reader = dyn_cast<TimeLoopOp>(user);
        bool isBackward = reader && reader.isReverse() &&
                          reader->getBlock() == loop->getBlock();
        isRead |= isBackward;
        onlyBackward &= isBackward || isa<tensor::DimOp>(user);
        if (isBackward && (!first || user->isBeforeInBlock(first)))
          first = user;
      }
      if (isRead && onlyBackward)
        candidates.push_back(number);
    }
    if (candidates.empty())
      return;
    int64_t bytes = LoopReplay(loop, first).run(candidates);
    if (bytes == 0)
      return;
    auto function = loop->getParentOfType<FunctionOpInterface>();
    remark::passed(loop.getLoc(),
                   remark::RemarkOpts::name(remarks::kRecomputed)
                       .category("spiking-plan-recomputation")
                       .function(function ? function.getName() : StringRef()))
        << "states of a loop are recomputed from its currents: " +
               std::to_string(bytes) + " bytes a neuron and step are not kept";
  }

  void plan(ScanOp reverse, Strategy chosen) {
    SmallVector<Replay> replays = findReplays(reverse);
    if (replays.empty())
      return;
    // Bytes of a neuron and step: a stored state is written and read;
    // recomputing reads the inputs that the backward scan would not read.
    int64_t stored = 0, recomputed = 0;
    SetVector<Value> ins(reverse.getIns().begin(), reverse.getIns().end());
    for (Replay replay : replays) {
      for (Value result : replay.scan.getOutResults())
        if (!result.use_empty())
          stored += 2 * getBytes(result);
      for (Value in : replay.scan.getIns())
        if (ins.insert(in))
          recomputed += getBytes(in);
    }
    auto options = [&](StringRef name) {
      auto function = reverse->getParentOfType<FunctionOpInterface>();
      return remark::RemarkOpts::name(name)
          .category("spiking-plan-recomputation")
          .function(function ? function.getName() : StringRef());
    };
    if (chosen == Strategy::Recompute ||
        (chosen == Strategy::Auto && recomputed <= stored)) {
      reverse = recompute(reverse, replays);
      remark::passed(reverse.getLoc(), options(remarks::kRecomputed))
          << "states are recomputed: " + std::to_string(recomputed) +
                 " bytes a neuron and step instead of " +
                 std::to_string(stored);
      return;
    }
    for (Replay replay : replays) {
      ScanOp forward = findForward(replay);
      if (!forward) {
        remark::missed(reverse.getLoc(), options(remarks::kStored))
            << "states are stored by a scan of their own: no forward scan runs "
               "through the same";
        continue;
      }
      store(replay, forward);
      remark::passed(reverse.getLoc(), options(remarks::kStored))
          << "states are stored: " + std::to_string(stored) +
                 " bytes a neuron and step, recomputed " +
                 std::to_string(recomputed);
    }
  }
};
} // namespace
