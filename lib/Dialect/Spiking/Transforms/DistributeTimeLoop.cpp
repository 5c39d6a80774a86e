//===- DistributeTimeLoop.cpp - Moves the loop over time inwards ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TimeLoopDistributor.h"

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "rheobase/Dialect/Spiking/IR/NeuronSettings.h"
#include "rheobase/Dialect/Spiking/IR/Sequences.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_DISTRIBUTETIMELOOPPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

void TimeLoopDistributor::remark(StringRef name, Operation *op,
                                 const Twine &text, bool missed) {
  auto function = loop->getParentOfType<FunctionOpInterface>();
  auto options = remark::RemarkOpts::name(name)
                     .category("spiking-distribute-time-loop")
                     .function(function ? function.getName() : StringRef());
  std::string message = text.str();
  if (missed)
    remark::missed(op->getLoc(), options) << message;
  else
    remark::passed(op->getLoc(), options) << message;
}

/// The sequence with the number of time steps that is known.
Value TimeLoopDistributor::castSteps(Value sequence) {
  auto type = cast<RankedTensorType>(sequence.getType());
  RankedTensorType wanted = getSequenceType(getStepType(type), staticSteps);
  if (type == wanted)
    return sequence;
  return tensor::CastOp::create(builder, sequence.getLoc(), wanted, sequence);
}

/// `value`, which is a tensor or the same at every step, outside the loop.
OverTime TimeLoopDistributor::getOverTime(Value value) {
  if (value.getParentBlock() != body)
    return {value};
  if (auto found = overTime.find(value); found != overTime.end())
    return found->second;
  OverTime result;
  if (std::optional<unsigned> state = getStateNumber(value)) {
    result.value = loop.getStates()[*state];
  } else if (auto argument = dyn_cast<BlockArgument>(value)) {
    Value input = loop.getInputs()[argument.getArgNumber() - 1];
    result.isSequence = getVariation(value) == Variation::Sequence;
    if (result.isSequence) {
      result.value = castSteps(input);
    } else {
      result.value = input.getDefiningOp<RepeatOp>().getInput();
      if (result.value.getType() != value.getType())
        result.value = tensor::CastOp::create(builder, value.getLoc(),
                                              value.getType(), result.value);
    }
  } else {
    result.value = invariants.lookup(value);
  }
  overTime[value] = result;
  return result;
}

Value TimeLoopDistributor::getAsSequence(Value value) {
  OverTime all = getOverTime(value);
  return getSequence(builder, value.getLoc(), all.value, all.isSequence, steps);
}

void TimeLoopDistributor::setSequence(Value value, Value sequence) {
  overTime[value] = {castSteps(sequence), /*isSequence=*/true};
}

void TimeLoopDistributor::emitElementwise(Operation *op) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(getAsSequence(operand));
  SmallVector<Type> types;
  for (Type type : op->getResultTypes())
    types.push_back(getSequenceType(type, staticSteps));
  OperationState state(op->getLoc(), op->getName(), operands, types,
                       op->getAttrs());
  for (auto [result, sequence] :
       llvm::zip(op->getResults(), builder.create(state)->getResults()))
    setSequence(result, sequence);
  remark(remarks::kSequenceForm, op,
         op->getName().getStringRef() + " on whole sequences",
         /*missed=*/false);
}

/// Casts and changes of rank: time is a dimension of its own in front.
void TimeLoopDistributor::emitReshape(Operation *op) {
  Location loc = op->getLoc();
  Value input = getAsSequence(op->getOperand(0));
  RankedTensorType type =
      getSequenceType(op->getResult(0).getType(), staticSteps);
  auto withTime = [](ArrayRef<ReassociationIndices> groups) {
    SmallVector<ReassociationIndices> shifted{{0}};
    for (ReassociationIndices group : groups) {
      for (int64_t &dim : group)
        ++dim;
      shifted.push_back(group);
    }
    return shifted;
  };
  Value output;
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    SmallVector<OpFoldResult> shape = expand.getMixedOutputShape();
    for (OpFoldResult &extent : shape)
      if (auto value = dyn_cast<Value>(extent))
        extent = getOverTime(value).value;
    if (ShapedType::isDynamic(staticSteps))
      shape.insert(shape.begin(), OpFoldResult(steps));
    else
      shape.insert(shape.begin(),
                   OpFoldResult(builder.getIndexAttr(staticSteps)));
    output = tensor::ExpandShapeOp::create(
        builder, loc, type, input, withTime(expand.getReassociationIndices()),
        shape);
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    output = tensor::CollapseShapeOp::create(
        builder, loc, type, input,
        withTime(collapse.getReassociationIndices()));
  } else {
    output = tensor::CastOp::create(builder, loc, type, input);
  }
  setSequence(op->getResult(0), output);
}

void TimeLoopDistributor::emitDistributed(Component &component) {
  Operation *op = component.ops.front();
  auto distributable = cast<TimeDistributableOpInterface>(op);
  auto pairs = distributable.getStatePairs();
  SmallVector<unsigned> summed = distributable.getSummedResults();

  SmallVector<Value> operands;
  SmallVector<bool> isSequence;
  for (OpOperand &use : op->getOpOperands()) {
    Value operand = use.get();
    OverTime all;
    bool isState = llvm::any_of(
        pairs, [&](auto pair) { return pair.first == use.getOperandNumber(); });
    if (operand == loop.getStepIndex())
      all = {Value(), /*isSequence=*/true};
    else if (isState)
      all.value = loop.getStates()[*getStateNumber(operand)];
    else
      all = getOverTime(operand);
    operands.push_back(all.value);
    isSequence.push_back(all.isSequence);
  }
  FailureOr<SmallVector<Value>> values =
      distributable.distributeOverTime(builder, operands, isSequence, steps);
  if (failed(values)) {
    component.reason =
        (op->getName().getStringRef() + " has no sequence form here").str();
    return emitLoop(component);
  }
  for (OpResult result : op->getResults()) {
    unsigned number = result.getResultNumber();
    Value value = (*values)[number];
    auto pair =
        llvm::find_if(pairs, [&](auto pair) { return pair.second == number; });
    if (pair != pairs.end())
      finals[*getStateNumber(op->getOperand(pair->first))] = value;
    else if (llvm::is_contained(summed, number))
      overTime[result] = {value, /*isSequence=*/false, /*isSum=*/true};
    else if (!result.use_empty())
      setSequence(result, value);
  }
  remark(summed.empty() ? remarks::kSequenceForm : remarks::kSumOverTime, op,
         op->getName().getStringRef() + " on whole sequences",
         /*missed=*/false);
}

void TimeLoopDistributor::emitScan(Component &component) {
  Location loc =
      component.ops.empty() ? loop.getLoc() : component.ops.back()->getLoc();
  ScanComposer composer(
      builder, loc, loop.isReverse() ? Direction::Reverse : Direction::Forward);
  DenseMap<Value, Value> scalars;
  auto getScalar = [&](Value value) {
    if (Value scalar = scalars.lookup(value))
      return scalar;
    OverTime all = getOverTime(value);
    return all.isSequence ? composer.getIn(all.value)
                          : composer.getParam(all.value);
  };

  // States that are accumulators of a step scan stay accumulators.
  llvm::SmallDenseSet<unsigned> accumulated;
  for (Operation *op : component.ops)
    if (auto scan = dyn_cast<ScanOp>(op))
      for (unsigned i = 0, e = scan.getAccumulators().size(); i < e; ++i)
        if (std::optional<unsigned> state = getAccumulatedState(scan, i))
          accumulated.insert(*state);
  SmallVector<unsigned> states;
  for (unsigned state : component.states)
    if (!accumulated.contains(state)) {
      states.push_back(state);
      scalars[loop.getStateArgs()[state]] =
          composer.addState(loop.getStates()[state]);
    }

  // The values that leave the scan: sequences, and sums with their states.
  SmallVector<Value> outputs;
  SmallVector<std::pair<Value, std::optional<unsigned>>> totals;
  for (unsigned state : states)
    if (isNeededOutside(loop.getStateArgs()[state], component))
      outputs.push_back(loop.getStateArgs()[state]);
  for (Operation *op : component.ops) {
    SmallVector<Value> arguments;
    auto scan = dyn_cast<ScanOp>(op);
    if (!scan) {
      for (Value operand : op->getOperands())
        arguments.push_back(getScalar(operand));
      SmallVector<Value> results =
          buildScalars(composer.getBody(), op, arguments);
      for (auto [result, scalar] : llvm::zip(op->getResults(), results))
        scalars[result] = scalar;
    } else {
      for (ValueRange group :
           {scan.getIns(), scan.getParams(), scan.getStates()})
        for (Value operand : group)
          arguments.push_back(getScalar(operand));
      IRMapping mapping = composer.inlineBody(scan, arguments);
      YieldOp step = scan.getYield();
      for (auto [result, value] :
           llvm::zip(scan.getOutResults(), step.getOutputs()))
        scalars[result] = mapping.lookupOrDefault(value);
      for (auto [result, value] :
           llvm::zip(scan.getStateResults(), step.getNext()))
        scalars[result] = mapping.lookupOrDefault(value);
      for (auto [number, result, value] : llvm::enumerate(
               scan.getAccumulatorResults(), step.getContributions())) {
        std::optional<unsigned> state = getAccumulatedState(scan, number);
        if (!state && result.use_empty())
          continue;
        Value init = state ? loop.getStates()[*state]
                           : getOverTime(scan.getAccumulators()[number]).value;
        composer.addAccumulator(init, mapping.lookupOrDefault(value));
        totals.emplace_back(result, state);
      }
    }
    for (Value result : op->getResults())
      if (scalars.count(result) && isNeededOutside(result, component))
        outputs.push_back(result);
  }
  for (auto [number, state] : llvm::enumerate(states))
    composer.setNext(number, getScalar(yield.getNext()[state]));

  // A scan ranges over an output or a state, and a sequence says how long:
  // else there is an output that nobody reads.
  if (outputs.empty() && (!composer.hasSequence() || states.empty()))
    outputs.push_back(states.empty()
                          ? Value(component.ops.back()->getResult(0))
                          : Value(loop.getStateArgs()[states.front()]));
  // Where the sizes of the outputs come from.
  for (Value output : outputs) {
    RankedTensorType step = cast<RankedTensorType>(output.getType());
    RankedTensorType type = getSequenceType(step, staticSteps);
    SmallVector<Value> sizes;
    if (type.isDynamicDim(0))
      sizes.push_back(steps);
    if (!step.hasStaticShape()) {
      Value sized = getSized(component, step.getShape());
      Value like =
          getStateNumber(sized) && component.contains(*getStateNumber(sized))
              ? loop.getStates()[*getStateNumber(sized)]
              : getOverTime(sized).value;
      llvm::append_range(sizes, getDynamicSizes(builder, loc, step, like));
    }
    composer.addOutput(scalars[output],
                       tensor::EmptyOp::create(builder, loc, type, sizes));
  }
  ScanOp scan = composer.create();
  for (auto [output, result] : llvm::zip(outputs, scan.getOutResults()))
    setSequence(output, result);
  for (auto [state, result] : llvm::zip(states, scan.getStateResults()))
    finals[state] = result;
  for (auto [total, result] : llvm::zip(totals, scan.getAccumulatorResults())) {
    if (total.second)
      finals[*total.second] = result;
    else
      overTime[total.first] = {result, /*isSequence=*/false, /*isSum=*/true};
  }
  if (!component.ops.empty())
    remark(remarks::kScan, component.ops.back(),
           Twine(component.ops.size()) + " operations and " +
               Twine(states.size()) + " states in one scan",
           /*missed=*/false);
}

/// The component alone in a loop.
void TimeLoopDistributor::emitLoop(Component &component) {
  // What is not a tensor is computed again.
  SetVector<Operation *> ops;
  SmallVector<Operation *> worklist(component.ops.rbegin(),
                                    component.ops.rend());
  SetVector<Value> inputs;
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val();
    if (!ops.insert(op))
      continue;
    for (Value value : getUsedValues(op)) {
      if (value.getParentBlock() != body || value == loop.getStepIndex() ||
          (value.getDefiningOp() && component.contains(value.getDefiningOp())))
        continue;
      if (std::optional<unsigned> state = getStateNumber(value);
          state && component.contains(*state))
        continue;
      if (getVariation(value) == Variation::Local)
        worklist.push_back(value.getDefiningOp());
      else if (getVariation(value) == Variation::Sequence)
        inputs.insert(value);
    }
  }
  SmallVector<Operation *> ordered = ops.takeVector();
  llvm::sort(ordered,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });

  SmallVector<Value> outputs;
  SmallVector<Type> types;
  auto addOutput = [&](Value value) {
    if (!isNeededOutside(value, component))
      return;
    outputs.push_back(value);
    types.push_back(getSequenceType(value.getType(), staticSteps));
  };
  for (unsigned state : component.states)
    addOutput(loop.getStateArgs()[state]);
  for (Operation *op : component.ops)
    for (Value result : op->getResults())
      addOutput(result);

  SmallVector<Value> sequences, states;
  for (Value input : inputs)
    sequences.push_back(getOverTime(input).value);
  for (unsigned state : component.states)
    states.push_back(loop.getStates()[state]);
  auto part = TimeLoopOp::create(builder, loop.getLoc(), steps, sequences,
                                 states, types, loop.getDirection());

  IRMapping mapping;
  mapping.map(loop.getStepIndex(), part.getStepIndex());
  for (auto [input, argument] : llvm::zip(inputs, part.getInputArgs()))
    mapping.map(input, argument);
  for (auto [state, argument] :
       llvm::zip(component.states, part.getStateArgs()))
    mapping.map(loop.getStateArgs()[state], argument);
  for (Operation *op : ordered)
    for (Value value : getUsedValues(op))
      if (value.getParentBlock() == body &&
          getVariation(value) == Variation::Invariant)
        mapping.map(value, getOverTime(value).value);
  OpBuilder inPart = OpBuilder::atBlockEnd(&part.getBody().front());
  for (Operation *op : ordered)
    inPart.clone(*op, mapping);
  SmallVector<Value> yielded, next;
  for (Value output : outputs)
    yielded.push_back(mapping.lookup(output));
  for (unsigned state : component.states) {
    Value value = yield.getNext()[state];
    if (value.getParentBlock() == body &&
        getVariation(value) == Variation::Invariant)
      value = getOverTime(value).value;
    next.push_back(mapping.lookupOrDefault(value));
  }
  YieldOp::create(inPart, loop.getLoc(), yielded, next);

  for (auto [output, result] : llvm::zip(outputs, part.getOutputs()))
    setSequence(output, result);
  for (auto [state, result] :
       llvm::zip(component.states, part.getFinalStates()))
    finals[state] = result;
  remark(component.cyclic ? remarks::kRecurrence : remarks::kNoSequenceForm,
         component.ops.front(),
         Twine(component.ops.size()) +
             " operations stay in a loop: " + component.reason,
         /*missed=*/true);
}

void TimeLoopDistributor::emit(Component &component) {
  switch (component.form) {
  case Form::Invariant: {
    Operation *op = component.ops.front();
    for (Value value : getUsedValues(op))
      if (value.getParentBlock() == body)
        invariants.map(value, getOverTime(value).value);
    builder.clone(*op, invariants);
    if (!op->hasTrait<OpTrait::ConstantLike>())
      remark(remarks::kHoisted, op,
             op->getName().getStringRef() + " is the same at every step",
             /*missed=*/false);
    return;
  }
  case Form::Dim: {
    auto dim = cast<tensor::DimOp>(component.ops.front());
    invariants.map(dim.getResult(),
                   tensor::DimOp::create(builder, dim.getLoc(),
                                         getOverTime(dim.getSource()).value,
                                         *dim.getConstantIndex() + 1)
                       .getResult());
    return;
  }
  case Form::Local:
    return;
  case Form::Distributed:
    return emitDistributed(component);
  case Form::Elementwise:
    return emitElementwise(component.ops.front());
  case Form::Reshape:
    return emitReshape(component.ops.front());
  case Form::Scan:
    return emitScan(component);
  case Form::Loop:
    return emitLoop(component);
  }
}

/// The sum of a value over all steps.
Value TimeLoopDistributor::emitSum(Value summand) {
  OverTime all = getOverTime(summand);
  if (all.isSum)
    return all.value;
  Value sequence = getAsSequence(summand);
  SmallVector<int64_t> dims{0};
  // A sum of sums is one sum.
  if (auto inner = sequence.getDefiningOp<ReduceSumOp>();
      inner && !inner.getKeepDims() && sequence.use_empty()) {
    llvm::append_range(dims, inner.getDims());
    sequence = inner.getInput();
    Value total = ReduceSumOp::create(
        builder, summand.getLoc(), cast<RankedTensorType>(summand.getType()),
        sequence, builder.getDenseI64ArrayAttr(dims),
        builder.getBoolAttr(false));
    inner.erase();
    return total;
  }
  return ReduceSumOp::create(
      builder, summand.getLoc(), cast<RankedTensorType>(summand.getType()),
      sequence, builder.getDenseI64ArrayAttr(dims), builder.getBoolAttr(false));
}

void TimeLoopDistributor::run() {
  // Steps are static where a sequence says so.
  staticSteps = getStaticSteps(loop.getSteps());
  for (ValueRange sequences :
       {ValueRange(loop.getInputs()), ValueRange(loop.getOutputs())})
    for (Value sequence : sequences)
      if (auto type = cast<RankedTensorType>(sequence.getType());
          !type.isDynamicDim(0))
        staticSteps = type.getDimSize(0);
  steps = loop.getSteps();
  if (!ShapedType::isDynamic(staticSteps))
    steps = arith::ConstantIndexOp::create(builder, loop.getLoc(), staticSteps);

  while (!plan()) {
  }
  // A loop hands over tensors only.
  for (Component &component : components) {
    if (component.form == Form::Invariant || component.form == Form::Dim ||
        component.form == Form::Local)
      continue;
    for (Operation *op : component.ops)
      for (Value result : op->getResults())
        if (!isa<RankedTensorType>(result.getType()) &&
            isNeededOutside(result, component)) {
          remark(remarks::kNoSequenceForm, op,
                 op->getName().getStringRef() +
                     " has a result that is no tensor: the loop stays",
                 /*missed=*/true);
          return;
        }
  }

  finals.resize(loop.getStates().size());
  for (auto [state, argument] : llvm::enumerate(loop.getStateArgs()))
    if (getVariation(argument) == Variation::Invariant)
      finals[state] = loop.getStates()[state];
  for (Component &component : components)
    emit(component);
  for (auto &[state, summands] : sums) {
    if (loop.getFinalStates()[state].use_empty())
      continue;
    Value total;
    for (Value summand : summands) {
      Value sum = emitSum(summand);
      total = total ? arith::AddFOp::create(builder, loop.getLoc(), total, sum)
                          .getResult()
                    : sum;
    }
    Value init = loop.getStates()[state];
    if (!isZero(init))
      total = arith::AddFOp::create(builder, loop.getLoc(), init, total);
    finals[state] = total;
  }

  for (auto [value, result] :
       llvm::zip(yield.getOutputs(), loop.getOutputs())) {
    if (result.use_empty())
      continue;
    Value sequence = getAsSequence(value);
    if (sequence.getType() != result.getType())
      sequence = tensor::CastOp::create(builder, loop.getLoc(),
                                        result.getType(), sequence);
    result.replaceAllUsesWith(sequence);
  }
  for (auto [value, result] : llvm::zip(finals, loop.getFinalStates()))
    if (!result.use_empty())
      result.replaceAllUsesWith(value);
  loop.erase();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

void rheobase::spiking::distributeTimeLoop(TimeLoopOp loop) {
  TimeLoopDistributor(loop).run();
}

namespace {
struct DistributeTimeLoopPass
    : rheobase::spiking::impl::DistributeTimeLoopPassBase<
          DistributeTimeLoopPass> {
  void runOnOperation() override {
    SmallVector<TimeLoopOp> loops;
    getOperation()->walk<WalkOrder::PreOrder>([&](TimeLoopOp loop) {
      loops.push_back(loop);
      return WalkResult::skip();
    });
    for (TimeLoopOp loop : loops)
      distributeTimeLoop(loop);
  }
};
} // namespace
