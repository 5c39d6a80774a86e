//===- AnalyzeTimeLoop.cpp - Which form each part of a time loop gets -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TimeLoopDistributor.h"

#include "rheobase/Dialect/Spiking/IR/NeuronSettings.h"
#include "rheobase/Dialect/Spiking/IR/Sequences.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SCCIterator.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

//===----------------------------------------------------------------------===//
// The step graph
//===----------------------------------------------------------------------===//

namespace {
/// The live nodes, and a root that depends on all of them in program order.
struct StepGraph {
  Node root;
};
} // namespace

template <> struct llvm::GraphTraits<StepGraph *> {
  using NodeRef = Node *;
  using ChildIteratorType = SmallVector<Node *>::iterator;
  static NodeRef getEntryNode(StepGraph *graph) { return &graph->root; }
  static ChildIteratorType child_begin(NodeRef node) {
    return node->dependencies.begin();
  }
  static ChildIteratorType child_end(NodeRef node) {
    return node->dependencies.end();
  }
};

//===----------------------------------------------------------------------===//
// Values of the body
//===----------------------------------------------------------------------===//

std::optional<unsigned> TimeLoopDistributor::getStateNumber(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  unsigned first = 1 + loop.getInputs().size();
  if (!argument || argument.getOwner() != body ||
      argument.getArgNumber() < first)
    return std::nullopt;
  return argument.getArgNumber() - first;
}

Variation TimeLoopDistributor::getVariation(Value value) {
  if (value.getParentBlock() != body)
    return Variation::Invariant;
  if (std::optional<unsigned> state = getStateNumber(value)) {
    Value next = yield.getNext()[*state];
    return next == value || next == loop.getStates()[*state]
               ? Variation::Invariant
               : Variation::Sequence;
  }
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument == loop.getStepIndex())
      return Variation::Local;
    // Direct encoding: the same at every step.
    Value input = loop.getInputs()[argument.getArgNumber() - 1];
    return input.getDefiningOp<RepeatOp>() ? Variation::Invariant
                                           : Variation::Sequence;
  }
  return variations.lookup_or(value, Variation::Sequence);
}

SetVector<Value> rheobase::spiking::getUsedValues(Operation *op) {
  SetVector<Value> values(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  return values;
}

/// Whether something outside the component reads `value`.
bool TimeLoopDistributor::isNeededOutside(Value value,
                                          const Component &component) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = body->findAncestorOpInBlock(*use.getOwner());
    if (user != yield) {
      if (sumOps.contains(user) ||
          (liveOps.contains(user) && !component.contains(user)))
        return true;
      continue;
    }
    unsigned number = use.getOperandNumber();
    if (number < yield.getOutputs().size()) {
      if (!loop.getOutputs()[number].use_empty())
        return true;
      continue;
    }
    unsigned state = number - yield.getOutputs().size();
    if (sums.count(state)
            ? !loop.getFinalStates()[state].use_empty()
            : liveStates.contains(state) && !component.contains(state))
      return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

/// A value that has the same extent `dim` as `value` at each step; null where
/// none is known.
static Value getSameExtent(Value value, int64_t dim) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return {};
  Operation *op = result.getOwner();
  if (isElementwise(op))
    return op->getOperand(0);
  if (auto neuron = dyn_cast<NeuronOpInterface>(op))
    return neuron.isStepForm() ? op->getOperand(0) : Value();
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return destination.getTiedOpOperand(result)->get();
  // How many of the last dimensions are others than the input's.
  int64_t others =
      llvm::TypeSwitch<Operation *, int64_t>(op)
          .Case<DropoutOp>([](auto) { return 0; })
          .Case<BatchNormOp>([&](auto) {
            return result.getResultNumber() == 0 ? 0 : ShapedType::kDynamic;
          })
          .Case<LinearOp, FlattenOp>([](auto) { return 1; })
          .Case<UnflattenOp>([](UnflattenOp op) { return op.getDims(); })
          .Case<TransposeOp>(
              [](TransposeOp op) { return op.getPermutation().size(); })
          .Case<ConvOp, AvgPoolOp, SumPoolOp, MaxPoolOp>([](auto) { return 3; })
          .Default([](auto) { return ShapedType::kDynamic; });
  if (ShapedType::isDynamic(others) ||
      dim >= cast<RankedTensorType>(value.getType()).getRank() - others)
    return {};
  return op->getOperand(0);
}

/// Extents of inputs and states do not change from step to step: reads them
/// before the loop.
void TimeLoopDistributor::resolveDims() {
  for (Operation &op : llvm::make_early_inc_range(*body)) {
    auto dim = dyn_cast<tensor::DimOp>(op);
    if (!dim || !dim.getConstantIndex())
      continue;
    int64_t index = *dim.getConstantIndex();
    Value source = dim.getSource();
    while (Value next = getSameExtent(source, index))
      source = next;
    if (auto argument = dyn_cast<BlockArgument>(source);
        argument && argument.getOwner() == body) {
      std::optional<unsigned> state = getStateNumber(argument);
      source = state ? loop.getStates()[*state]
                     : loop.getInputs()[argument.getArgNumber() - 1];
      index += state ? 0 : 1;
    }
    Value extent;
    auto type = cast<RankedTensorType>(source.getType());
    if (source.getParentBlock() != body)
      extent = tensor::DimOp::create(builder, dim.getLoc(), source, index);
    else if (auto empty = source.getDefiningOp<tensor::EmptyOp>();
             empty && type.isDynamicDim(index))
      extent = empty.getDynamicSize(index);
    else if (auto splat = source.getDefiningOp<tensor::SplatOp>();
             splat && type.isDynamicDim(index))
      extent = splat.getDynamicSizes()[type.getDynamicDimIndex(index)];
    if (!extent) {
      dim.getSourceMutable().assign(source);
      continue;
    }
    dim.getResult().replaceAllUsesWith(extent);
    dim.erase();
  }
}

//===----------------------------------------------------------------------===//
// Sums over time
//===----------------------------------------------------------------------===//

/// Whether only the sum of `value` over the steps is needed, and there is a
/// better way to it than the sequence of summands.
bool TimeLoopDistributor::isSummand(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result || result.getOwner()->getBlock() != body || !value.hasOneUse())
    return false;
  Operation *op = result.getOwner();
  if (auto scan = dyn_cast<ScanOp>(op)) {
    int64_t number = int64_t(result.getResultNumber()) -
                     int64_t(scan.getOuts().size() + scan.getStates().size());
    return number >= 0 && isZero(scan.getAccumulators()[number]);
  }
  if (auto distributable = dyn_cast<TimeDistributableOpInterface>(op))
    if (llvm::is_contained(distributable.getSummedResults(),
                           result.getResultNumber()))
      return true;
  // A sum of cotangents may run over time and batch in any order.
  auto reduce = dyn_cast<ReduceSumOp>(op);
  return reduce && !reduce.getKeepDims() && loop.isReverse();
}

bool TimeLoopDistributor::leadsToSummand(Value value) {
  SmallVector<Value> worklist{value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (isSummand(next))
      return true;
    if (auto add = next.getDefiningOp<arith::AddFOp>();
        add && add->getBlock() == body && next.hasOneUse())
      llvm::append_range(worklist, add->getOperands());
  }
  return false;
}

void TimeLoopDistributor::expandSummand(Value value,
                                        SmallVectorImpl<Value> &summands) {
  SmallVector<Value> worklist{value};
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    auto add = next.getDefiningOp<arith::AddFOp>();
    if (isSummand(next) || !add || add->getBlock() != body ||
        !next.hasOneUse() || !leadsToSummand(next)) {
      summands.push_back(next);
      continue;
    }
    sumOps.insert(add);
    worklist.push_back(add.getRhs());
    worklist.push_back(add.getLhs());
  }
}

/// Finds the states whose next value is the state plus values that do not
/// depend on it, where summands are better summed up at once.
void TimeLoopDistributor::findSums() {
  for (auto [state, argument] : llvm::enumerate(loop.getStateArgs())) {
    SmallVector<Operation *> chain;
    SmallVector<Value> others;
    Value value = argument;
    while (value.hasOneUse()) {
      auto add = dyn_cast<arith::AddFOp>(*value.user_begin());
      if (!add || add->getBlock() != body)
        break;
      chain.push_back(add);
      others.push_back(add.getLhs() == value ? add.getRhs() : add.getLhs());
      value = add.getResult();
    }
    if (chain.empty() || !value.hasOneUse() ||
        value != yield.getNext()[state] ||
        llvm::none_of(others,
                      [&](Value other) { return leadsToSummand(other); }))
      continue;
    sumOps.insert(chain.begin(), chain.end());
    SmallVector<Value> &summands = sums[state];
    for (Value other : others)
      expandSummand(other, summands);
  }
}

//===----------------------------------------------------------------------===//
// Components
//===----------------------------------------------------------------------===//

/// What the results of the loop that somebody uses depend on.
void TimeLoopDistributor::findLiveNodes() {
  SmallVector<Value> worklist;
  auto needState = [&](unsigned state) {
    if (!sums.count(state) && liveStates.insert(state).second)
      worklist.push_back(yield.getNext()[state]);
  };
  for (auto [value, result] : llvm::zip(yield.getOutputs(), loop.getOutputs()))
    if (!result.use_empty())
      worklist.push_back(value);
  for (auto [state, result] : llvm::enumerate(loop.getFinalStates())) {
    if (result.use_empty())
      continue;
    needState(state);
    if (auto sum = sums.find(state); sum != sums.end())
      llvm::append_range(worklist, sum->second);
  }
  auto needOp = [&](Operation *op) {
    if (liveOps.insert(op).second)
      llvm::append_range(worklist, getUsedValues(op));
  };
  for (Operation &op : body->without_terminator())
    if (!isMemoryEffectFree(&op))
      needOp(&op);
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (value.getParentBlock() != body)
      continue;
    if (Operation *op = value.getDefiningOp())
      needOp(op);
    else if (std::optional<unsigned> state = getStateNumber(value))
      needState(*state);
  }
}

void TimeLoopDistributor::buildComponents() {
  DenseMap<Operation *, Node *> opNodes;
  DenseMap<unsigned, Node *> stateNodes;
  StepGraph graph;
  auto addNode = [&](Operation *op, unsigned state) {
    Node *node = nodes.emplace_back(std::make_unique<Node>()).get();
    node->op = op;
    node->state = state;
    graph.root.dependencies.push_back(node);
    return node;
  };
  // States first: a state that is only a delay comes before what reads it.
  for (unsigned state = 0, e = loop.getStates().size(); state < e; ++state)
    if (liveStates.contains(state) &&
        getVariation(loop.getStateArgs()[state]) != Variation::Invariant)
      stateNodes[state] = addNode(nullptr, state);
  DenseMap<Operation *, unsigned> order;
  Node *lastEffect = nullptr;
  for (Operation &op : body->without_terminator()) {
    order[&op] = order.size();
    if (!liveOps.contains(&op))
      continue;
    Node *node = opNodes[&op] = addNode(&op, 0);
    // What has effects stays together, in order.
    if (!isMemoryEffectFree(&op)) {
      if (lastEffect) {
        node->dependencies.push_back(lastEffect);
        lastEffect->dependencies.push_back(node);
      }
      lastEffect = node;
    }
  }
  auto depend = [&](Node *node, Value value) {
    if (value.getParentBlock() != body)
      return;
    Node *on = nullptr;
    if (Operation *op = value.getDefiningOp())
      on = opNodes.lookup(op);
    else if (std::optional<unsigned> state = getStateNumber(value))
      on = stateNodes.lookup(*state);
    if (on)
      node->dependencies.push_back(on);
  };
  for (auto [op, node] : opNodes)
    for (Value value : getUsedValues(op))
      depend(node, value);
  for (auto [state, node] : stateNodes)
    depend(node, yield.getNext()[state]);

  // Dependencies come before what depends on them; the root comes last.
  for (auto it = llvm::scc_begin(&graph); !it.isAtEnd(); ++it) {
    if (it->front() == &graph.root)
      continue;
    Component &component = components.emplace_back();
    component.cyclic = it.hasCycle();
    for (Node *node : *it) {
      if (node->op)
        component.ops.push_back(node->op);
      else
        component.states.push_back(node->state);
    }
    llvm::sort(component.ops,
               [&](Operation *a, Operation *b) { return order[a] < order[b]; });
    llvm::sort(component.states);
  }
}

//===----------------------------------------------------------------------===//
// The form of a component
//===----------------------------------------------------------------------===//

/// Whether each state pair of `op` is a state of the component that nothing
/// else reads or writes.
bool TimeLoopDistributor::closesStates(Operation *op,
                                       const Component &component) {
  auto pairs = cast<TimeDistributableOpInterface>(op).getStatePairs();
  for (auto [operand, result] : pairs) {
    Value argument = op->getOperand(operand), next = op->getResult(result);
    std::optional<unsigned> state = getStateNumber(argument);
    if (!state || !component.contains(*state) || !argument.hasOneUse() ||
        !next.hasOneUse() || yield.getNext()[*state] != next)
      return false;
  }
  return pairs.size() == component.states.size();
}

/// Whether of each summed result only the sum over time is needed.
bool TimeLoopDistributor::areSummed(Operation *op) {
  return llvm::all_of(cast<TimeDistributableOpInterface>(op).getSummedResults(),
                      [&](unsigned number) {
                        Value result = op->getResult(number);
                        return llvm::all_of(result.getUsers(),
                                            [&](Operation *user) {
                                              return sumOps.contains(user);
                                            });
                      });
}

/// The state that accumulator `number` of a step scan carries on from step to
/// step, where nothing else reads or writes it.
std::optional<unsigned>
TimeLoopDistributor::getAccumulatedState(ScanOp scan, unsigned number) {
  Value init = scan.getAccumulators()[number];
  Value result = scan.getAccumulatorResults()[number];
  std::optional<unsigned> state = getStateNumber(init);
  if (!state || !init.hasOneUse() || !result.hasOneUse() ||
      yield.getNext()[*state] != result)
    return std::nullopt;
  return state;
}

static bool isOfShape(Value value, ArrayRef<int64_t> shape) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getShape() == shape;
}

/// Whether the component can be one scan. Neurons are taken for the scans that
/// they will be.
bool TimeLoopDistributor::canCompose(const Component &component,
                                     std::string &reason) {
  auto refuse = [&](Operation *op, StringRef why) {
    reason = (op->getName().getStringRef() + " " + why).str();
    return false;
  };
  // The space, and the states that are accumulators.
  DenseSet<unsigned> accumulated;
  std::optional<SmallVector<int64_t>> space;
  auto fits = [&](ArrayRef<int64_t> shape) {
    if (!space)
      space = llvm::to_vector(shape);
    return ArrayRef<int64_t>(*space) == shape;
  };
  for (Operation *op : component.ops) {
    for (Value operand : op->getOperands())
      if (getVariation(operand) == Variation::Local)
        return refuse(op, "uses the index of the step");
    if (undecomposable.contains(op))
      return refuse(op, "has no decomposition");
    if (auto scan = dyn_cast<ScanOp>(op)) {
      if (!scan.isStep())
        return refuse(op, "is a sequence in a step");
      for (auto [number, result] :
           llvm::enumerate(scan.getAccumulatorResults())) {
        std::optional<unsigned> state = getAccumulatedState(scan, number);
        bool summed =
            result.use_empty() ||
            (isSummand(result) && sumOps.contains(*result.user_begin()));
        if (state)
          accumulated.insert(*state);
        else if (!summed)
          return refuse(op, "has an accumulator that is read at every step");
      }
      if (!fits(scan.getSpace()))
        return refuse(op, "has neurons of another shape");
    } else if (auto neuron = dyn_cast<NeuronOpInterface>(op)) {
      if (!neuron.isStepForm())
        return refuse(op, "is a sequence in a step");
      if (!fits(cast<RankedTensorType>(op->getOperand(0).getType()).getShape()))
        return refuse(op, "has neurons of another shape");
    } else if (!isElementwise(op)) {
      return refuse(op, "is part of the recurrence");
    } else if (!fits(cast<RankedTensorType>(op->getOperand(0).getType())
                         .getShape())) {
      return refuse(op, "has another shape");
    }
  }
  for (unsigned state : component.states)
    if (!accumulated.contains(state) &&
        !fits(cast<RankedTensorType>(loop.getStates()[state].getType())
                  .getShape()))
      return refuse(yield, "yields a state of another shape");
  // What is computed inside has the shape of the space wherever it is used.
  for (Operation *op : component.ops)
    for (Value operand : getUsedValues(op)) {
      bool inside = operand.getDefiningOp()
                        ? component.contains(operand.getDefiningOp())
                        : getStateNumber(operand) &&
                              component.contains(*getStateNumber(operand));
      if (inside &&
          !(getStateNumber(operand) &&
            accumulated.contains(*getStateNumber(operand))) &&
          !fits(cast<RankedTensorType>(operand.getType()).getShape()))
        return refuse(op, "broadcasts within the recurrence");
    }
  if (!getSized(component, *space))
    return refuse(component.ops.front(), "has no operand that gives its size");
  return true;
}

/// A tensor from outside the component, or a state, of the shape `space`.
Value TimeLoopDistributor::getSized(const Component &component,
                                    ArrayRef<int64_t> space) {
  for (unsigned state : component.states)
    if (isOfShape(loop.getStates()[state], space))
      return loop.getStateArgs()[state];
  for (Operation *op : component.ops)
    for (Value operand : op->getOperands())
      if (isOfShape(operand, space) &&
          !(operand.getDefiningOp() &&
            component.contains(operand.getDefiningOp())))
        return operand;
  return {};
}

void TimeLoopDistributor::chooseForOp(Component &component) {
  Operation *op = component.ops.front();
  SetVector<Value> used = getUsedValues(op);
  auto varies = [&](Variation variation) {
    return llvm::any_of(
        used, [&](Value value) { return getVariation(value) == variation; });
  };
  auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
  if (isPure(op) && !varies(Variation::Sequence) && !varies(Variation::Local)) {
    component.form = Form::Invariant;
    return;
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op);
      dim && dim.getConstantIndex() &&
      getVariation(dim.getSource()) == Variation::Sequence) {
    component.form = Form::Dim;
    return;
  }
  if (isPure(op) && llvm::none_of(op->getResultTypes(), isTensor)) {
    component.form = Form::Local;
    return;
  }
  // The index itself is an operand that some operations know.
  auto distributable = dyn_cast<TimeDistributableOpInterface>(op);
  bool usesIndex = varies(Variation::Local);
  if (distributable && op->getNumRegions() == 0 &&
      llvm::all_of(used,
                   [&](Value value) {
                     return getVariation(value) != Variation::Local ||
                            value == loop.getStepIndex();
                   }) &&
      distributable.getStatePairs().empty() && areSummed(op)) {
    auto neuron = dyn_cast<NeuronOpInterface>(op);
    if (!neuron) {
      component.form = Form::Distributed;
      return;
    }
  }
  if (!usesIndex && isElementwise(op)) {
    component.form = Form::Elementwise;
    return;
  }
  if (!usesIndex &&
      isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op) &&
      llvm::all_of(op->getOperands().drop_front(), [&](Value size) {
        return getVariation(size) == Variation::Invariant;
      })) {
    component.form = Form::Reshape;
    return;
  }
  if (isa<ScanOp, NeuronOpInterface>(op) &&
      canCompose(component, component.reason)) {
    component.form = Form::Scan;
    return;
  }
  if (component.reason.empty())
    component.reason = (op->getName().getStringRef() +
                        (op->getNumRegions() ? " has a region"
                         : usesIndex         ? " uses the index of the step"
                                             : " has no sequence form"))
                           .str();
}

void TimeLoopDistributor::chooseForCycle(Component &component) {
  if (component.ops.size() == 1 && !loop.isReverse()) {
    // A single neuron, or another operation with states of its own.
    Operation *op = component.ops.front();
    if (auto distributable = dyn_cast<TimeDistributableOpInterface>(op)) {
      bool known = closesStates(op, component) && areSummed(op);
      if (auto neuron = dyn_cast<NeuronOpInterface>(op); neuron && known) {
        NeuronOperands operands = NeuronOperands::get(neuron);
        known = neuron.isStepForm() &&
                distributable.getStatePairs().size() == op->getNumResults() - 1;
        for (Value parameter : {operands.weight, operands.decay,
                                operands.secondDecay, operands.threshold})
          known &=
              !parameter || getVariation(parameter) == Variation::Invariant;
      }
      if (known) {
        component.form = Form::Distributed;
        return;
      }
    }
  }
  if (canCompose(component, component.reason))
    component.form = Form::Scan;
}

void TimeLoopDistributor::choose(Component &component) {
  if (component.cyclic)
    chooseForCycle(component);
  else if (component.ops.empty())
    component.form = Form::Scan;
  else
    chooseForOp(component);
  for (Operation *op : component.ops)
    for (Value result : op->getResults())
      variations[result] =
          component.form == Form::Invariant || component.form == Form::Dim
              ? Variation::Invariant
          : component.form == Form::Local ? Variation::Local
                                          : Variation::Sequence;
}

/// Chooses the forms. Returns false where the body was changed and a new plan
/// is needed.
bool TimeLoopDistributor::plan() {
  sums.clear();
  sumOps.clear();
  liveOps.clear();
  liveStates.clear();
  variations.clear();
  nodes.clear();
  components.clear();

  resolveDims();
  findSums();
  findLiveNodes();
  buildComponents();
  SmallVector<NeuronOpInterface> neurons;
  for (Component &component : components) {
    choose(component);
    if (component.form == Form::Scan)
      for (Operation *op : component.ops)
        if (auto neuron = dyn_cast<NeuronOpInterface>(op))
          neurons.push_back(neuron);
  }
  // Their decompositions bring operations of their own.
  bool changed = false;
  for (NeuronOpInterface neuron : neurons) {
    OpBuilder inBody(neuron);
    FailureOr<SmallVector<Value>> values = neuron.decomposeNeuron(inBody);
    changed = true;
    if (failed(values)) {
      undecomposable.insert(neuron);
      continue;
    }
    neuron->replaceAllUsesWith(*values);
    neuron->erase();
  }
  return !changed;
}
