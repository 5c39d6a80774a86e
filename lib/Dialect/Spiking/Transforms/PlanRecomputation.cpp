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
