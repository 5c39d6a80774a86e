//===- DistributeTimeLoop.cpp - Moves the loop over time inwards
//------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The step graph of a time loop has the operations of the body and the states
// as nodes: an operation depends on the values that it uses, a state on what
// the body yields as its next value. Each strongly connected component, in
// topological order, gets the best form it has: before the loop, on sequences,
// a scan, or a loop of its own.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "rheobase/Dialect/Spiking/IR/NeuronSettings.h"
#include "rheobase/Dialect/Spiking/IR/Sequences.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SCCIterator.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_DISTRIBUTETIMELOOPPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

//===----------------------------------------------------------------------===//
// The step graph
//===----------------------------------------------------------------------===//

namespace {
/// An operation of the body, or (with `op` null) a state.
struct Node {
  Operation *op = nullptr;
  unsigned state = 0;
  SmallVector<Node *> dependencies;
};

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

namespace {
/// What a component becomes.
enum class Form {
  /// The same at every step: computed before the loop.
  Invariant,
  /// An extent of a sequence.
  Dim,
  /// Not a tensor: computed again wherever it is needed.
  Local,
  /// TimeDistributableOpInterface.
  Distributed,
  /// An elementwise operation, or a reshape, on sequences.
  Elementwise,
  Reshape,
  /// States, elementwise operations and step scans as one scan.
  Scan,
  Loop
};

struct Component {
  /// In program order.
  SmallVector<Operation *> ops;
  SmallVector<unsigned> states;
  bool cyclic = false;
  Form form = Form::Loop;
  /// Why it stays in a loop.
  std::string reason;

  bool contains(Operation *op) const { return llvm::is_contained(ops, op); }
  bool contains(unsigned state) const {
    return llvm::is_contained(states, state);
  }
};

/// How a value of the body depends on the step.
enum class Variation { Invariant, Sequence, Local };

/// A value of the body, seen from outside the loop.
struct OverTime {
  Value value;
  bool isSequence = false;
  /// The sum over all steps, of a summed result.
  bool isSum = false;
};

class TimeLoopDistributor {
public:
  TimeLoopDistributor(TimeLoopOp loop)
      : loop(loop), body(&loop.getBody().front()), yield(loop.getYield()),
        builder(loop) {}

  void run();

private:
  // Analysis.
  bool plan();
  void resolveDims();
  void findSums();
  void findLiveNodes();
  void buildComponents();
  void choose(Component &component);
  void chooseForOp(Component &component);
  void chooseForCycle(Component &component);
  bool canCompose(const Component &component, std::string &reason);
  Value getSized(const Component &component, ArrayRef<int64_t> space);
  bool closesStates(Operation *op, const Component &component);
  bool areSummed(Operation *op);
  std::optional<unsigned> getAccumulatedState(ScanOp scan, unsigned number);

  bool isSummand(Value value);
  bool leadsToSummand(Value value);
  void expandSummand(Value value, SmallVectorImpl<Value> &summands);

  std::optional<unsigned> getStateNumber(Value value);
  Variation getVariation(Value value);
  bool isNeededOutside(Value value, const Component &component);

  // Construction.
  void emit(Component &component);
  void emitDistributed(Component &component);
  void emitElementwise(Operation *op);
  void emitReshape(Operation *op);
  void emitScan(Component &component);
  void emitLoop(Component &component);
  Value emitSum(Value summand);
  OverTime getOverTime(Value value);
  Value getAsSequence(Value value);
  void setSequence(Value value, Value sequence);
  Value castSteps(Value sequence);
  void remark(StringRef name, Operation *op, const Twine &text, bool missed);

  TimeLoopOp loop;
  Block *body;
  YieldOp yield;
  OpBuilder builder;

  /// States that only sum up: their summands.
  llvm::MapVector<unsigned, SmallVector<Value>> sums;
  /// The additions that do.
  DenseSet<Operation *> sumOps;
  DenseSet<Operation *> liveOps;
  llvm::SmallDenseSet<unsigned> liveStates;
  DenseMap<Value, Variation> variations;
  /// Neurons of which only their operations know what they do.
  DenseSet<Operation *> undecomposable;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<Component> components;

  Value steps;
  int64_t staticSteps = ShapedType::kDynamic;
  IRMapping invariants;
  DenseMap<Value, OverTime> overTime;
  SmallVector<Value> finals;
};
} // namespace

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

/// The values of the body, and of what surrounds it, that `op` uses.
static SetVector<Value> getUsedValues(Operation *op) {
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
