//===- TimeAdjoints.cpp - Adjoints of spikes, scans and time loops ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The adjoint of a scan is a scan that walks the other way over the adjoint of
// its body, the adjoint of a time loop a time loop of the same kind. Both run
// the forward body again, from the states before each step, and then backwards
// through it; the cotangents of their states are their states.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Builders.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;

namespace rheobase::spiking {

//===----------------------------------------------------------------------===//
// FireOp and DetachOp
//===----------------------------------------------------------------------===//

LogicalResult FireOp::buildAdjoint(OpBuilder &builder,
                                   AdjointContext &context) {
  Value g = context.getCotangent(getSpike());
  g = convertFloat(builder, getLoc(), g,
                   getElementTypeOrSelf(getU().getType()));
  IRAlgebra algebra(builder, getLoc(), getU());
  Expr u = algebra.wrap(getU());
  Expr derivative = getSurrogate().getDerivative(u);
  if (getKind() == FireKind::Ternary) {
    double shift = 2 * getThreshold()->convertToDouble();
    derivative = derivative + getSurrogate().getDerivative(-(u + shift));
  }
  context.addCotangent(getU(),
                       IRAlgebra::unwrap(algebra.wrap(g) * derivative));
  return success();
}

LogicalResult DetachOp::buildAdjoint(OpBuilder &, AdjointContext &) {
  return success();
}
bool DetachOp::isDerivativeZero() { return true; }

//===----------------------------------------------------------------------===//
// Bodies under construction
//===----------------------------------------------------------------------===//

namespace {
/// A body whose operation is created when it is known what the body uses: each
/// argument stands for a slice of the operand beside it.
struct Draft {
  using List = SmallVector<std::pair<Value, BlockArgument>>;

  Draft() { body = &region.emplaceBlock(); }

  /// Adds an argument of `type` that stands for `operand`.
  BlockArgument add(List &list, Value operand, Type type) {
    BlockArgument argument = body->addArgument(type, operand.getLoc());
    list.emplace_back(operand, argument);
    return argument;
  }

  /// Erases what nothing uses; the terminator has to be there.
  void eraseDeadOperations() {
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(*body)))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

  static void eraseUnused(List &list) {
    llvm::erase_if(list, [](auto &pair) { return pair.second.use_empty(); });
  }
  static SmallVector<Value> getOperands(const List &list) {
    return llvm::map_to_vector(list, [](auto &pair) { return pair.first; });
  }

  /// Moves the body to `target`, whose arguments are those of `lists`, in order.
  void moveTo(Block *target, ArrayRef<const List *> lists) {
    unsigned index = 0;
    for (const List *list : lists)
      for (auto [operand, argument] : *list)
        argument.replaceAllUsesWith(target->getArgument(index++));
    target->getOperations().splice(target->end(), body->getOperations());
  }

  Region region;
  Block *body;
};
} // namespace

/// Zero in place of a missing cotangent.
static Value getOrZero(OpBuilder &builder, Location loc, Value cotangent,
                       Type element, Value like) {
  if (cotangent)
    return convertFloat(builder, loc, cotangent, element);
  return createSplat(builder, loc, 0.0, element, like);
}

/// The element type of a value's cotangent: its own, or for spikes that of the
/// cotangent that arrives from outside, or else `fallback`.
static Type getCotangentElement(Value primal, Value cotangent, Type fallback) {
  Type element = getElementTypeOrSelf(primal.getType());
  if (isa<FloatType>(element))
    return element;
  return cotangent ? getElementTypeOrSelf(cotangent.getType()) : fallback;
}

/// The first float type among the element types of `values`.
static Type findFloat(ValueRange values) {
  for (Value value : values) {
    Type element = getElementTypeOrSelf(value.getType());
    if (value && isa<FloatType>(element))
      return element;
  }
  return {};
}

/// Whether the state that enters step `index` has no cotangent because
/// backpropagation is truncated after `truncation` steps.
static Value isTruncated(OpBuilder &builder, Location loc, Value index,
                         int64_t truncation) {
  Value length = arith::ConstantIndexOp::create(builder, loc, truncation);
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value phase = arith::RemUIOp::create(builder, loc, index, length);
  Value border = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       phase, zero);
  // Nothing is cut before the first step: the initial state has a cotangent.
  Value later = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne,
                                      index, zero);
  return arith::AndIOp::create(builder, loc, border, later);
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

/// Creates the scan of a draft at the insertion point, without the ins and
/// params that its body does not use; but a scan without outs keeps a sequence,
/// for the number of steps comes from it. `shapes` are the types of the outs.
static ScanOp createScan(OpBuilder &builder, Location loc, Direction direction,
                         Draft &draft, Draft::List ins, Draft::List params,
                         const Draft::List &states,
                         ArrayRef<RankedTensorType> shapes, ScanOp like,
                         ValueRange accumulators = {}) {
  draft.eraseDeadOperations();
  Draft::List all = ins;
  Draft::eraseUnused(ins);
  if (ins.empty() && shapes.empty() && direction != Direction::Step) {
    if (!all.empty())
      ins = {all.front()};
    else
      draft.add(ins, like.getOuts().front(),
                getElementTypeOrSelf(like.getOuts().front()));
  }
  Draft::eraseUnused(params);
  SmallVector<Value> outs;
  if (!shapes.empty()) {
    // The extents of time and space.
    SmallVector<OpFoldResult> sizes;
    if (!like.getOuts().empty()) {
      sizes = tensor::getMixedSizes(builder, loc, like.getOuts().front());
    } else {
      sizes = tensor::getMixedSizes(builder, loc, like.getStates().front());
      if (!like.isStep())
        sizes.insert(sizes.begin(), tensor::getMixedSize(
                                        builder, loc, like.getIns().front(), 0));
    }
    for (RankedTensorType shape : shapes)
      outs.push_back(
          tensor::EmptyOp::create(builder, loc, sizes, shape.getElementType()));
  }
  auto scan = ScanOp::create(builder, loc, direction, Draft::getOperands(ins),
                             Draft::getOperands(params), outs,
                             Draft::getOperands(states), accumulators);
  draft.moveTo(&scan.getBody().front(), {&ins, &params, &states});
  return scan;
}

/// The type of an output of `scan` with the given element type.
static RankedTensorType getOutputType(ScanOp scan, Type element) {
  SmallVector<int64_t> shape = scan.getSpace();
  if (!scan.isStep()) {
    Value sequence = scan.getOuts().empty() ? scan.getIns().front()
                                            : scan.getOuts().front();
    shape.insert(shape.begin(),
                 cast<RankedTensorType>(sequence.getType()).getDimSize(0));
  }
  return RankedTensorType::get(shape, element);
}

/// Fills a draft with the arguments and the operations of the scan's body.
static YieldOp cloneBody(ScanOp scan, Draft &draft, Draft::List &ins,
                         Draft::List &params, Draft::List &states) {
  IRMapping mapping;
  for (auto [list, operands, arguments] :
       {std::tuple(&ins, scan.getIns(), scan.getInArgs()),
        std::tuple(&params, scan.getParams(), scan.getParamArgs()),
        std::tuple(&states, scan.getStates(), scan.getStateArgs())})
    for (auto [operand, argument] : llvm::zip(operands, arguments))
      mapping.map(argument, draft.add(*list, operand, argument.getType()));
  // The block has no parent that would know the context.
  OpBuilder builder(scan.getContext());
  builder.setInsertionPointToEnd(draft.body);
  for (Operation &op : scan.getBody().front())
    builder.clone(op, mapping);
  return cast<YieldOp>(draft.body->getTerminator());
}

ScanOp createReplayScan(OpBuilder &builder, ScanOp scan,
                        ArrayRef<unsigned> indices) {
  // The states that the wanted ones depend on.
  BitVector needed(scan.getStates().size());
  for (unsigned index : indices)
    needed.set(index);
  while (true) {
    Draft draft;
    Draft::List ins, params, states;
    YieldOp yield = cloneBody(scan, draft, ins, params, states);
    SmallVector<Value> outputs, next;
    Draft::List kept, dropped;
    SmallVector<RankedTensorType> shapes;
    for (unsigned index : indices) {
      outputs.push_back(states[index].second);
      shapes.push_back(getOutputType(scan, states[index].second.getType()));
    }
    for (auto [index, state] : llvm::enumerate(states)) {
      (needed.test(index) ? kept : dropped).push_back(state);
      if (needed.test(index))
        next.push_back(yield.getNext()[index]);
    }
    OpBuilder bodyBuilder(yield);
    YieldOp::create(bodyBuilder, yield.getLoc(), outputs, next);
    yield.erase();
    draft.eraseDeadOperations();
    bool closed = true;
    for (auto [index, state] : llvm::enumerate(states))
      if (!needed.test(index) && !state.second.use_empty()) {
        needed.set(index);
        closed = false;
      }
    if (closed)
      return createScan(builder, scan.getLoc(), scan.getDirection(), draft, ins,
                        params, kept, shapes, scan);
  }
}

/// Prepares the body of a scan: loops are unrolled, and conditions that depend
/// on a spike become selections. `activate` marks what is active.
static LogicalResult
convertControlFlow(Block &body, function_ref<void(BlockAdjoint &)> activate) {
  WalkResult unrolled = body.walk([](scf::ForOp loop) -> WalkResult {
    if (failed(loopUnrollFull(loop)))
      return loop.emitOpError("cannot be unrolled, which its gradient needs");
    return WalkResult::advance();
  });
  if (unrolled.wasInterrupted())
    return failure();
  return convertSpikeConditions(body, activate);
}

LogicalResult ScanOp::buildAdjoint(OpBuilder &builder,
                                   AdjointContext &context) {
  Location loc = getLoc();
  if (!getReplay().empty())
    return emitOpError("with a replay region cannot be differentiated");

  // The forward body, and what in it is active.
  Draft draft;
  Draft::List ins, params, states;
  YieldOp yield = cloneBody(*this, draft, ins, params, states);
  auto activate = [&](BlockAdjoint &adjoint) {
    for (const Draft::List *list : {&ins, &params, &states})
      for (auto [operand, argument] : *list)
        if (context.needsCotangent(operand))
          adjoint.activate(argument);
    bool changed;
    do {
      changed = adjoint.propagate(*draft.body);
      for (auto [state, next] : llvm::zip(states, yield.getNext()))
        if (adjoint.needsCotangent(next) &&
            !adjoint.needsCotangent(state.second)) {
          adjoint.activate(state.second);
          changed = true;
        }
    } while (changed);
  };
  if (failed(convertControlFlow(*draft.body, activate)))
    return failure();
  OpBuilder body(yield);
  BlockAdjoint adjoint(body);
  activate(adjoint);

  // The cotangents that arrive: of the step's outputs, of the states after it,
  // of what is accumulated.
  SmallVector<Value> arriving;
  for (Value result : getResults())
    if (Value cotangent = context.getCotangent(result))
      arriving.push_back(cotangent);
  Type fallback = findFloat(arriving);
  Draft::List cotangents, accumulated, stateCotangents;
  SmallVector<unsigned> activeStates;
  for (auto [index, state] : llvm::enumerate(states)) {
    if (!adjoint.needsCotangent(state.second))
      continue;
    Value final = context.getCotangent(getStateResults()[index]);
    Type element = getCotangentElement(state.second, final, fallback);
    activeStates.push_back(index);
    BlockArgument argument =
        draft.add(stateCotangents,
                  getOrZero(builder, loc, final, element, state.first), element);
    adjoint.addCotangent(yield.getNext()[index], argument);
  }
  if (isReverse() && context.getTruncation() && !activeStates.empty())
    return emitOpError("that runs in reverse has no truncated gradient");
  for (auto [index, result] : llvm::enumerate(getOutResults()))
    if (Value g = context.getCotangent(result))
      adjoint.addCotangent(
          yield.getOutputs()[index],
          draft.add(cotangents, g, getElementTypeOrSelf(g.getType())));
  for (auto [index, result] : llvm::enumerate(getAccumulatorResults()))
    if (Value g = context.getCotangent(result)) {
      context.addCotangent(getAccumulators()[index], g);
      adjoint.addCotangent(
          yield.getContributions()[index],
          draft.add(accumulated, g, getElementTypeOrSelf(g.getType())));
    }
  if (failed(adjoint.run(*draft.body)))
    return failure();

  // The cotangents that leave.
  SmallVector<Value> outputs, next, contributions;
  SmallVector<Value> outTargets, accumulatorTargets, accumulators;
  SmallVector<RankedTensorType> shapes;
  for (auto [operand, argument] : ins)
    if (Value g = adjoint.getCotangent(argument)) {
      outputs.push_back(g);
      outTargets.push_back(operand);
    }
  for (auto [index, state] : llvm::zip(activeStates, stateCotangents)) {
    Value g = getOrZero(body, loc, adjoint.getCotangent(states[index].second),
                        state.second.getType(), state.second);
    if (int64_t truncation = context.getTruncation(); truncation && !isStep()) {
      Value step = TimeStepOp::create(body, loc, body.getIndexType());
      Value zero = createSplat(body, loc, 0.0, g.getType(), g);
      g = arith::SelectOp::create(
          body, loc, isTruncated(body, loc, step, truncation), zero, g);
    }
    next.push_back(g);
  }
  // A scan ranges over its outputs and states; without either, contributions
  // leave as outputs.
  bool accumulate = !outputs.empty() || !next.empty();
  for (auto [operand, argument] : params)
    if (Value g = adjoint.getCotangent(argument)) {
      if (accumulate) {
        contributions.push_back(g);
        accumulatorTargets.push_back(operand);
        accumulators.push_back(
            createSplat(builder, loc, 0.0, g.getType(), operand));
      } else {
        outputs.push_back(g);
        outTargets.push_back(operand);
      }
    }
  for (Value output : outputs)
    shapes.push_back(getOutputType(*this, output.getType()));
  YieldOp::create(body, loc, outputs, next, contributions);
  yield.erase();
  if (outputs.empty() && next.empty())
    return success();

  // The states before each step.
  draft.eraseDeadOperations();
  SmallVector<unsigned> replayed;
  for (auto [index, state] : llvm::enumerate(states))
    if (!state.second.use_empty())
      replayed.push_back(index);
  Draft::List trajectory;
  if (isStep()) {
    trajectory = states;
    Draft::eraseUnused(trajectory);
  } else if (!replayed.empty()) {
    ScanOp replay = createReplayScan(builder, *this, replayed);
    for (auto [index, result] : llvm::zip(replayed, replay.getOutResults()))
      trajectory.emplace_back(result, states[index].second);
  }
  Draft::List sequences(ins);
  sequences.append(trajectory);
  sequences.append(cotangents);
  Draft::List constants(params);
  constants.append(accumulated);
  Direction direction = isStep()      ? Direction::Step
                        : isReverse() ? Direction::Forward
                                      : Direction::Reverse;
  ScanOp gradient =
      createScan(builder, loc, direction, draft, sequences, constants,
                 stateCotangents, shapes, *this, accumulators);

  for (auto [operand, result] :
       llvm::zip(outTargets, gradient.getOutResults())) {
    bool sequence = llvm::is_contained(getIns(), operand) && accumulate;
    context.addCotangent(
        operand,
        reduceToShape(builder, loc, result,
                      cast<RankedTensorType>(operand.getType()),
                      sequence && !isStep() ? 1 : 0));
  }
  for (auto [operand, result] :
       llvm::zip(accumulatorTargets, gradient.getAccumulatorResults()))
    context.addCotangent(operand, result);
  for (auto [index, result] :
       llvm::zip(activeStates, gradient.getStateResults()))
    context.addCotangent(getStates()[index], result);
  return success();
}

//===----------------------------------------------------------------------===//
// TimeLoopOp
//===----------------------------------------------------------------------===//

/// The type of a sequence of `step` in a loop like `loop`.
static RankedTensorType getSequenceType(TimeLoopOp loop, Type step) {
  int64_t steps = ShapedType::kDynamic;
  for (Type type : llvm::concat<const Type>(
           llvm::to_vector(loop.getInputs().getTypes()),
           llvm::to_vector(loop.getOutputs().getTypes())))
    if (!cast<RankedTensorType>(type).isDynamicDim(0))
      steps = cast<RankedTensorType>(type).getDimSize(0);
  APInt constant;
  if (matchPattern(loop.getSteps(), m_ConstantInt(&constant)))
    steps = constant.getSExtValue();
  auto tensor = cast<RankedTensorType>(step);
  SmallVector<int64_t> shape(tensor.getShape());
  shape.insert(shape.begin(), steps);
  return RankedTensorType::get(shape, tensor.getElementType());
}

TimeLoopOp appendOutputs(OpBuilder &builder, TimeLoopOp loop,
                         ValueRange values) {
  SmallVector<Type> types(loop.getOutputs().getTypes());
  for (Value value : values)
    types.push_back(getSequenceType(loop, value.getType()));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop);
  auto result =
      TimeLoopOp::create(builder, loop.getLoc(), loop.getSteps(),
                         loop.getInputs(), loop.getStates(), types,
                         loop.getDirection());
  result->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  loop.getYield().getOutputsMutable().append(values);
  result.getBody().takeBody(loop.getBody());
  for (auto [from, to] : llvm::zip(loop.getOutputs(), result.getOutputs()))
    from.replaceAllUsesWith(to);
  for (auto [from, to] :
       llvm::zip(loop.getFinalStates(), result.getFinalStates()))
    from.replaceAllUsesWith(to);
  loop.erase();
  return result;
}

LogicalResult TimeLoopOp::buildAdjoint(OpBuilder &builder,
                                       AdjointContext &context) {
  Location loc = getLoc();
  if (isReverse() && context.getTruncation())
    return emitOpError("that runs in reverse has no truncated gradient");

  // The forward body. States are read from the outputs that give them.
  Draft draft;
  IRMapping mapping;
  Draft::List inputs, states;
  BlockArgument index =
      draft.body->addArgument(builder.getIndexType(), getLoc());
  mapping.map(getStepIndex(), index);
  for (auto [operand, argument] : llvm::zip(getInputs(), getInputArgs()))
    mapping.map(argument, draft.add(inputs, operand, argument.getType()));
  YieldOp forwardYield = getYield();
  for (auto [number, state] : llvm::enumerate(getStateArgs())) {
    auto output = llvm::find(forwardYield.getOutputs(), state);
    if (output == forwardYield.getOutputs().end())
      return emitOpError("cannot be differentiated: state ")
             << number << " before each step is not an output";
    Value sequence =
        getOutputs()[output - forwardYield.getOutputs().begin()];
    mapping.map(state, draft.add(states, sequence, state.getType()));
  }
  OpBuilder body(getContext());
  body.setInsertionPointToEnd(draft.body);
  for (Operation &op : getBody().front())
    body.clone(op, mapping);
  auto yield = cast<YieldOp>(draft.body->getTerminator());
  body.setInsertionPoint(yield);

  // What is active in it.
  BlockAdjoint adjoint(body, context.getTruncation());
  for (auto [operand, argument] : inputs)
    if (context.needsCotangent(operand))
      adjoint.activate(argument);
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(getBody(), captured);
  captured.remove_if(
      [&](Value value) { return !context.needsCotangent(value); });
  for (Value value : captured) {
    adjoint.activate(value);
    adjoint.collect(value);
  }
  for (auto [init, state] : llvm::zip(getStates(), states))
    if (context.needsCotangent(init))
      adjoint.activate(state.second);
  bool changed;
  do {
    changed = adjoint.propagate(*draft.body);
    for (auto [state, next] : llvm::zip(states, yield.getNext()))
      if (adjoint.needsCotangent(next) &&
          !adjoint.needsCotangent(state.second)) {
        adjoint.activate(state.second);
        changed = true;
      }
  } while (changed);

  // The cotangents that arrive: of the outputs and of the states.
  SmallVector<Value> arriving;
  for (Value result : getResults())
    if (Value cotangent = context.getCotangent(result))
      arriving.push_back(cotangent);
  Type fallback = findFloat(arriving);
  Draft::List cotangents, stateCotangents;
  SmallVector<unsigned> activeStates;
  for (auto [number, state] : llvm::enumerate(states)) {
    if (!adjoint.needsCotangent(state.second))
      continue;
    Value init = getStates()[number];
    Value final = context.getCotangent(getFinalStates()[number]);
    Type element = getCotangentElement(init, final, fallback);
    Value start = getOrZero(builder, loc, final, element, init);
    activeStates.push_back(number);
    adjoint.addCotangent(yield.getNext()[number],
                         draft.add(stateCotangents, start, start.getType()));
  }
  for (auto [value, output] : llvm::zip(yield.getOutputs(), getOutputs()))
    if (Value g = context.getCotangent(output))
      adjoint.addCotangent(
          value,
          draft.add(cotangents, g,
                    getTypeWithElement(value.getType(),
                                       getElementTypeOrSelf(g.getType()))));
  if (failed(adjoint.run(*draft.body)))
    return failure();

  // The cotangents that leave: of the inputs, of the states, and one
  // accumulator for each contribution to that of a value from outside.
  SmallVector<Value> outputs, next, outTargets, accumulatorTargets;
  SmallVector<Type> outTypes;
  for (auto [operand, argument] : inputs)
    if (Value g = adjoint.getCotangent(argument)) {
      outputs.push_back(g);
      outTargets.push_back(operand);
      outTypes.push_back(
          getTypeWithElement(operand.getType(),
                             getElementTypeOrSelf(g.getType())));
    }
  for (auto [number, state] : llvm::zip(activeStates, stateCotangents)) {
    Type element = getElementTypeOrSelf(state.second.getType());
    Value g =
        getOrZero(body, loc, adjoint.getCotangent(states[number].second),
                  element, states[number].second);
    if (int64_t truncation = context.getTruncation()) {
      Value zero = createSplat(body, loc, 0.0, element, g);
      g = arith::SelectOp::create(
          body, loc, isTruncated(body, loc, index, truncation), zero, g);
    }
    next.push_back(g);
  }
  Draft::List carried(stateCotangents);
  for (Value value : captured)
    for (Value g : adjoint.getCollected(value)) {
      Value zero = createSplat(builder, loc, 0.0,
                               getElementTypeOrSelf(g.getType()), value);
      BlockArgument sum = draft.add(carried, zero, zero.getType());
      next.push_back(arith::AddFOp::create(body, loc, sum, g));
      accumulatorTargets.push_back(value);
    }

  // What the forward loop gives is read, not computed again.
  Draft::List stored;
  for (auto [value, output] : llvm::zip(yield.getOutputs(), getOutputs()))
    if (value.getDefiningOp() &&
        value.getDefiningOp()->getBlock() == draft.body)
      value.replaceAllUsesWith(draft.add(stored, output, value.getType()));
  YieldOp::create(body, loc, outputs, next);
  yield.erase();

  draft.eraseDeadOperations();
  Draft::List sequences(inputs);
  sequences.append(states);
  sequences.append(stored);
  sequences.append(cotangents);
  Draft::eraseUnused(sequences);
  auto gradient = TimeLoopOp::create(
      builder, loc, getSteps(), Draft::getOperands(sequences),
      Draft::getOperands(carried), outTypes,
      isReverse() ? Direction::Forward : Direction::Reverse);
  Draft::List step = {{Value(), index}};
  draft.moveTo(&gradient.getBody().front(), {&step, &sequences, &carried});

  for (auto [operand, result] : llvm::zip(outTargets, gradient.getOutputs()))
    context.addCotangent(operand, result);
  ResultRange finals = gradient.getFinalStates();
  for (auto [number, result] : llvm::zip(activeStates, finals))
    context.addCotangent(getStates()[number], result);
  for (auto [value, result] : llvm::zip(
           accumulatorTargets, finals.drop_front(activeStates.size())))
    context.addCotangent(value, result);
  return success();
}

} // namespace rheobase::spiking
