//===- FuseNeurons.cpp - Joins scans that feed each other -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "rheobase/Dialect/Spiking/IR/Sequences.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/SetVector.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_FUSENEURONSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// No recurrence and no sums: each element of the outputs is a function of the
/// operands' elements.
static bool isStateless(ScanOp scan) {
  return scan.getStates().empty() && scan.getAccumulators().empty() &&
         scan.getReplayed().empty();
}

/// Operations that cost less at every step than what they give costs in memory.
static constexpr int64_t cheapOperations = 8;

/// Whether a step of the scan is a few operations without a recurrence.
static bool isCheap(ScanOp scan) {
  Block &body = scan.getBody().front();
  return scan.isStep() && isStateless(scan) &&
         static_cast<int64_t>(body.getOperations().size()) - 1 <=
             cheapOperations &&
         llvm::all_of(body.without_terminator(), [](Operation &op) {
           return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp,
                      arith::NegFOp, arith::SelectOp, arith::CmpFOp,
                      arith::MaximumFOp, arith::MinimumFOp, arith::ExtFOp,
                      arith::TruncFOp, arith::UIToFPOp, arith::SIToFPOp>(op);
         });
}

/// Whether `producer` computes once, and with few operations, what `consumer`
/// alone reads at every step as a parameter.
static bool feedsParamsCheaply(ScanOp producer, ScanOp consumer) {
  if (consumer.isStep() || producer.getSpace() != consumer.getSpace() ||
      !isCheap(producer))
    return false;
  unsigned firstParam = consumer.getIns().size();
  for (OpOperand &use : producer->getUses())
    if (use.getOwner() != consumer || use.getOperandNumber() < firstParam ||
        use.getOperandNumber() >= firstParam + consumer.getParams().size())
      return false;
  return true;
}

namespace {
/// One scan, or a scan and one that it feeds, on the way to a single scan.
class Fusion {
public:
  /// `producer` is null where only the operands of `consumer` are simplified.
  Fusion(ScanOp producer, ScanOp consumer)
      : producer(producer), consumer(consumer) {
    for (ScanOp scan : {producer, consumer})
      if (scan && !scan.isStep())
        sequence = scan;
    space = (sequence ? sequence : consumer).getSpace();
    for (ScanOp scan : {producer, consumer})
      if (scan)
        hasOutput |= llvm::any_of(scan.getOutResults(), [&](Value result) {
          return isNeeded(result);
        });
  }

  /// Whether the two can be one; if not, `reason` says why.
  bool isLegal(std::string &reason);
  /// Replaces them and returns the scan.
  ScanOp apply();

private:
  /// Whether `result` is read by another operation.
  bool isNeeded(Value result) {
    return llvm::any_of(result.getUsers(),
                        [&](Operation *user) { return user != consumer; });
  }
  bool isInternal(Value value) {
    return producer && value.getDefiningOp() == producer.getOperation();
  }
  /// How an operand of `scan` from outside enters the joined scan.
  struct Entry {
    Value tensor;
    bool isSequence;
  };
  Entry getEntry(ScanOp scan, Value operand, bool isIn);
  Value getScalar(ScanComposer &composer, ScanOp scan, Value operand, bool isIn,
                  bool inReplay);
  SetVector<Operation *> getBetween();

  ScanOp producer, consumer;
  /// The one that has a time dimension; null if none has.
  ScanOp sequence;
  SmallVector<int64_t> space;
  /// Whether an output remains.
  bool hasOutput = false;
  /// What the producer's results are in the body and in the replay region.
  DenseMap<Value, Value> scalars, replayScalars;
};
} // namespace

/// Repeated and broadcast values enter as what is repeated.
Fusion::Entry Fusion::getEntry(ScanOp scan, Value operand, bool isIn) {
  int64_t rank = space.size();
  // Of a scan without time on sequences, operands of full rank have time.
  bool timed =
      sequence && (scan.isStep() ? getType(operand).getRank() > rank : isIn);
  // A sequence has to remain, which says how many steps there are.
  if (timed && !hasOutput)
    return {operand, true};
  if (getSplatConstant(operand))
    return {operand, false};
  if (auto repeat = operand.getDefiningOp<RepeatOp>(); repeat && timed)
    return {repeat.getInput(), false};
  if (auto broadcast = operand.getDefiningOp<BroadcastOp>()) {
    RankedTensorType input = getType(broadcast.getInput());
    if (!timed || input.getRank() <= rank)
      return {broadcast.getInput(), false};
    if (input.getDimSize(0) != 1)
      return {broadcast.getInput(), true};
  }
  return {operand, timed};
}

Value Fusion::getScalar(ScanComposer &composer, ScanOp scan, Value operand,
                        bool isIn, bool inReplay) {
  if (isInternal(operand) && scan == consumer)
    return (inReplay ? replayScalars : scalars).lookup(operand);
  Entry entry = getEntry(scan, operand, isIn);
  if (entry.isSequence || (!sequence && isIn && entry.tensor == operand &&
                           !getSplatConstant(operand)))
    return composer.getIn(entry.tensor, inReplay);
  return composer.getParam(entry.tensor, inReplay);
}

/// The operations between the two that depend on the producer, in order.
SetVector<Operation *> Fusion::getBetween() {
  SetVector<Operation *> between;
  for (Operation *op = producer->getNextNode(); op != consumer;
       op = op->getNextNode()) {
    SetVector<Value> used(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), used);
    for (Value value : used)
      if (Operation *definition = value.getDefiningOp();
          definition == producer || between.contains(definition))
        between.insert(op);
  }
  return between;
}

bool Fusion::isLegal(std::string &reason) {
  auto refuse = [&](StringRef why) {
    reason = why.str();
    return false;
  };
  if (!llvm::all_of(
          llvm::concat<Value>(llvm::to_vector(producer->getOperands()),
                              llvm::to_vector(consumer->getOperands())),
          [](Value value) { return isa<RankedTensorType>(value.getType()); }))
    return refuse("buffers are not fused");

  // How the consumer reads the producer: at the same step of the same neuron.
  for (OpOperand &operand : consumer->getOpOperands()) {
    if (!isInternal(operand.get()))
      continue;
    unsigned number = operand.getOperandNumber();
    unsigned numIns = consumer.getIns().size();
    unsigned numInputs = numIns + consumer.getParams().size();
    unsigned result = cast<OpResult>(operand.get()).getResultNumber();
    unsigned numOuts = producer.getOuts().size();
    if (sequence) {
      if (result >= numOuts)
        return refuse("one starts where the other ends");
      if (number >= (consumer.isStep() ? numInputs : numIns) &&
          !feedsParamsCheaply(producer, consumer))
        return refuse("one starts where the other ends");
      continue;
    }
    if (result >= numOuts + producer.getStates().size())
      return refuse("one needs a sum over the neurons of the other");
    unsigned firstState = numInputs + consumer.getOuts().size();
    bool isState = number >= firstState &&
                   number < firstState + consumer.getStates().size();
    if (number >= numInputs && !isState)
      return refuse("one adds to a sum of the other");
  }

  // Directions and spaces.
  for (ScanOp scan : {producer, consumer}) {
    if (!sequence || !scan.isStep()) {
      if (sequence && scan.getDirection() != sequence.getDirection())
        return refuse("they walk over time in different directions");
      if (scan.getSpace() != space)
        return refuse("they range over different spaces");
      continue;
    }
    // Without time, on what is the same at every step.
    if (scan == producer && feedsParamsCheaply(producer, consumer))
      continue;
    // Without time, on whole sequences.
    if (!isStateless(scan))
      return refuse("one of them sums over time as over any dimension");
    SmallVector<int64_t> whole = scan.getSpace();
    if (whole.empty() ||
        ArrayRef<int64_t>(whole).drop_front() != ArrayRef<int64_t>(space))
      return refuse("they range over different spaces");
    for (ValueRange group : {scan.getIns(), scan.getParams()})
      for (Value operand : group)
        if (getType(operand).getRank() == int64_t(whole.size()) &&
            getType(operand).getDimSize(0) == 1 && whole.front() != 1)
          return refuse("an operand has one time step");
  }

  // A replayed recurrence runs before the body does.
  if (!producer.getReplayed().empty() && !consumer.getReplayed().empty())
    return refuse("both replay a recurrence");
  if (!consumer.getReplayed().empty() && !isStateless(producer)) {
    Block &replay = consumer.getReplay().front();
    for (auto [number, operand] : llvm::enumerate(consumer.getIns()))
      if (isInternal(operand) && !replay.getArgument(number).use_empty())
        return refuse("a recurrence is replayed over what the other computes");
  }

  // What lies between is moved behind.
  SetVector<Operation *> between = getBetween();
  SetVector<Value> used(consumer->operand_begin(), consumer->operand_end());
  getUsedValuesDefinedAbove(consumer->getRegions(), used);
  for (Value value : used)
    if (value.getDefiningOp() && between.contains(value.getDefiningOp())) {
      reason = (between.front()->getName().getStringRef() +
                " lies between and is not elementwise")
                   .str();
      return false;
    }
  for (Operation *op : between)
    if (!isMemoryEffectFree(op))
      return refuse("what lies between has effects");
  return true;
}

ScanOp Fusion::apply() {
  SetVector<Operation *> between;
  if (producer)
    between = getBetween();
  for (Operation *op : llvm::reverse(between))
    op->moveAfter(consumer);

  OpBuilder builder(consumer);
  Location loc =
      producer ? builder.getFusedLoc({producer.getLoc(), consumer.getLoc()})
               : consumer.getLoc();
  ScanComposer composer(builder, loc,
                        sequence ? sequence.getDirection() : Direction::Step);
  // Where the old results are among the new outputs and states.
  SmallVector<std::pair<Value, unsigned>> outputs, states;
  SmallVector<Value> accumulators;
  auto addOutput = [&](ScanOp scan, Value result) {
    RankedTensorType type = getType(result);
    Value like = scan.getDpsInits().front();
    // A producer without time knows no number of steps.
    if (producer &&
        getType(producer.getDpsInits().front()).getRank() >= type.getRank())
      like = producer.getDpsInits().front();
    SmallVector<Value> sizes;
    if (!type.hasStaticShape())
      sizes = getDynamicSizes(builder, loc, type, like);
    outputs.emplace_back(result, composer.getNumOutputs());
    composer.addOutput(scalars[result],
                       tensor::EmptyOp::create(builder, loc, type, sizes));
  };

  for (ScanOp scan : {producer, consumer}) {
    if (!scan)
      continue;
    // The replay region needs what it reads of a producer without states.
    bool bothRegions = scan == producer && isStateless(producer) &&
                       !consumer.getReplayed().empty();
    SmallVector<Value> arguments, inReplay;
    auto addArguments = [&](ValueRange operands, bool isIn) {
      for (Value operand : operands) {
        arguments.push_back(getScalar(composer, scan, operand, isIn, false));
        if (bothRegions || !scan.getReplayed().empty())
          inReplay.push_back(getScalar(composer, scan, operand, isIn, true));
      }
    };
    addArguments(scan.getIns(), /*isIn=*/true);
    addArguments(scan.getParams(), /*isIn=*/false);
    // A state that starts as what the producer computes is no state.
    SmallVector<std::optional<unsigned>> numbers;
    for (Value init : scan.getStates()) {
      if (scan == consumer && isInternal(init)) {
        numbers.push_back(std::nullopt);
        arguments.push_back(scalars.lookup(init));
        continue;
      }
      numbers.push_back(composer.getNumStates());
      arguments.push_back(composer.addState(init));
    }
    for (Value init : scan.getReplayed()) {
      auto [body, replay] = composer.addReplayed(init);
      arguments.push_back(body);
      inReplay.push_back(replay);
    }

    IRMapping mapping = composer.inlineBody(scan, arguments);
    YieldOp yield = scan.getYield();
    for (auto [result, value] :
         llvm::zip(scan.getOutResults(), yield.getOutputs())) {
      scalars[result] = mapping.lookupOrDefault(value);
      if (isNeeded(result))
        addOutput(scan, result);
    }
    for (auto [result, value, number] :
         llvm::zip(scan.getStateResults(), yield.getNext(), numbers)) {
      scalars[result] = mapping.lookupOrDefault(value);
      if (number) {
        composer.setNext(*number, scalars[result]);
        states.emplace_back(result, *number);
      } else if (isNeeded(result)) {
        addOutput(scan, result);
      }
    }
    for (auto [result, init, value] :
         llvm::zip(scan.getAccumulatorResults(), scan.getAccumulators(),
                   yield.getContributions())) {
      composer.addAccumulator(init, mapping.lookupOrDefault(value));
      accumulators.push_back(result);
    }
    if (bothRegions) {
      IRMapping replayed =
          composer.inlineBody(scan, inReplay, /*intoReplay=*/true);
      for (auto [result, value] :
           llvm::zip(scan.getOutResults(), yield.getOutputs()))
        replayScalars[result] = replayed.lookupOrDefault(value);
    } else if (!scan.getReplayed().empty()) {
      IRMapping replayed = composer.inlineReplay(scan, inReplay);
      for (auto [number, value] :
           llvm::enumerate(scan.getReplayYield().getNext()))
        composer.setReplayedNext(number, replayed.lookupOrDefault(value));
    }
  }

  // A scan ranges over an output or a state, and a sequence says how long.
  if (sequence ? !composer.hasSequence()
               : composer.getNumStates() + composer.getNumOutputs() == 0) {
    ScanOp scan = consumer.getOuts().empty() ? producer : consumer;
    addOutput(scan, scan.getResult(0));
  }

  ScanOp fused = composer.create();
  for (auto [result, number] : outputs)
    result.replaceAllUsesWith(fused.getOutResults()[number]);
  for (auto [result, number] : states)
    result.replaceAllUsesWith(fused.getStateResults()[number]);
  for (auto [result, total] :
       llvm::zip(accumulators, fused.getAccumulatorResults()))
    result.replaceAllUsesWith(total);
  consumer->dropAllUses();
  consumer.erase();
  if (producer) {
    producer->dropAllUses();
    producer.erase();
  }
  return fused;
}

//===----------------------------------------------------------------------===//
// All scans of a block
//===----------------------------------------------------------------------===//

/// The scans of the same block that feed `scan`.
static SetVector<ScanOp> getProducers(ScanOp scan) {
  SetVector<ScanOp> producers;
  for (Value operand : scan->getOperands())
    if (auto producer = operand.getDefiningOp<ScanOp>();
        producer && producer->getBlock() == scan->getBlock())
      producers.insert(producer);
  return producers;
}

static remark::RemarkOpts getOptions(Operation *op, StringRef name) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(name)
      .category("spiking-fuse-neurons")
      .function(function ? function.getName() : StringRef());
}

void rheobase::spiking::resolveDims(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    auto dim = dyn_cast<tensor::DimOp>(op);
    if (!dim || !dim.getConstantIndex())
      continue;
    OpBuilder builder(dim);
    int64_t index = *dim.getConstantIndex();
    Value source = dim.getSource(), extent;
    while (!extent) {
      if (auto scan = source.getDefiningOp<ScanOp>()) {
        source = scan.getTiedOpOperand(cast<OpResult>(source))->get();
      } else if (auto repeat = source.getDefiningOp<RepeatOp>()) {
        source = repeat.getInput();
        if (index-- == 0)
          extent = repeat.getTimes();
      } else {
        break;
      }
    }
    if (!extent && source == dim.getSource())
      continue;
    if (!extent)
      extent = builder.createOrFold<tensor::DimOp>(dim.getLoc(), source, index);
    dim.getResult().replaceAllUsesWith(extent);
    dim.erase();
  }
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isa<RepeatOp>(op) && op.use_empty())
      op.erase();
}

static int64_t getBits(Value value) {
  return getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
}

/// What a few operations compute of one tensor, for several scans: each scan
/// gets them for itself, if all of them can take them in. They then read what
/// the operations read, and what these give is never written: a normalization
/// for the neurons of the forward and of the backward pass.
static void duplicate(ScanOp scan) {
  if (!isCheap(scan) || scan->getNumResults() != 1 || scan->hasOneUse())
    return;
  // Reading their operand costs no more than reading their result.
  RankedTensorType type = getType(scan->getResult(0));
  int64_t bits = 0;
  for (Value in : scan.getIns())
    if (getType(in).getRank() == type.getRank())
      bits += getBits(in);
  if (bits > getBits(scan->getResult(0)))
    return;
  SetVector<Operation *> users;
  for (Operation *user : scan->getUsers()) {
    if (!isa<ScanOp>(user) || user->getBlock() != scan->getBlock())
      return;
    users.insert(user);
  }
  if (users.size() < 2)
    return;
  OpBuilder builder(scan);
  SmallVector<std::pair<Operation *, ScanOp>> copies;
  bool legal = true;
  for (Operation *user : users) {
    auto copy = cast<ScanOp>(builder.clone(*scan));
    user->replaceUsesOfWith(scan->getResult(0), copy->getResult(0));
    copies.emplace_back(user, copy);
    std::string reason;
    legal &= Fusion(copy, cast<ScanOp>(user)).isLegal(reason);
  }
  for (auto [user, copy] : copies)
    if (!legal) {
      user->replaceUsesOfWith(copy->getResult(0), scan->getResult(0));
      copy->erase();
    }
  if (!legal)
    return;
  remark::passed(scan.getLoc(), getOptions(scan, remarks::kFused))
      << "a few operations are executed in each of " +
             std::to_string(users.size()) +
             " scans instead of being kept in memory";
  scan->erase();
}

void rheobase::spiking::fuseScans(Block &block) {
  resolveDims(block);
  for (ScanOp scan : llvm::to_vector(block.getOps<ScanOp>()))
    duplicate(scan);
  for (Operation *op = block.empty() ? nullptr : &block.front(); op;
       op = op->getNextNode()) {
    auto scan = dyn_cast<ScanOp>(op);
    if (!scan)
      continue;
    // Repeated and broadcast values become parameters.
    auto simplify = [&] {
      SetVector<Operation *> spread;
      for (Value operand : scan->getOperands())
        if (isa_and_present<RepeatOp, BroadcastOp>(operand.getDefiningOp()))
          spread.insert(operand.getDefiningOp());
      if (spread.empty())
        return;
      scan = Fusion({}, scan).apply();
      for (Operation *op : spread)
        if (op->use_empty())
          op->erase();
    };
    simplify();
    bool changed = true;
    while (changed) {
      changed = false;
      for (ScanOp producer : getProducers(scan)) {
        Fusion fusion(producer, scan);
        std::string reason;
        if (!fusion.isLegal(reason))
          continue;
        scan = fusion.apply();
        remark::passed(scan.getLoc(), getOptions(scan, remarks::kFused))
            << "two scans became one, of " +
                   std::to_string(
                       scan.getBody().front().getOperations().size() - 1) +
                   " operations";
        simplify();
        changed = true;
        break;
      }
    }
    op = scan;
  }
  // What is still apart.
  for (ScanOp scan : block.getOps<ScanOp>())
    for (ScanOp producer : getProducers(scan)) {
      std::string reason;
      if (!Fusion(producer, scan).isLegal(reason))
        remark::missed(scan.getLoc(), getOptions(scan, remarks::kNotFused))
            << "two scans stay apart: " + reason;
    }
}

namespace {
struct FuseNeuronsPass
    : rheobase::spiking::impl::FuseNeuronsPassBase<FuseNeuronsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateElementwiseToScanPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
    getOperation()->walk([](Block *block) {
      if (!isa<ScanOp>(block->getParentOp()))
        fuseScans(*block);
    });
  }
};
} // namespace
