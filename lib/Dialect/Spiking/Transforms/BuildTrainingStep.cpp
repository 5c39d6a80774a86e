//===- BuildTrainingStep.cpp - From a forward function to a training step ---===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Builders.h"
#include "rheobase/Dialect/Spiking/IR/Roles.h"
#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Training.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace rheobase::spiking {
#define GEN_PASS_DEF_BUILDTRAININGSTEPPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

namespace {

/// A function under construction: arguments and results with their attributes.
class FunctionBuilder {
public:
  FunctionBuilder(func::FuncOp before, StringRef name)
      : builder(before.getContext()) {
    builder.setInsertionPointAfter(before);
    function = func::FuncOp::create(builder, before.getLoc(), name,
                                    builder.getFunctionType({}, {}));
    builder.setInsertionPointToEnd(function.addEntryBlock());
  }

  Value addArgument(Type type, Location loc, StringRef role, StringRef name,
                    NamedAttrList attributes, bool writable) {
    attributes.set(SpikingDialect::kRoleAttrName, builder.getStringAttr(role));
    if (!name.empty())
      attributes.set(SpikingDialect::kNameAttrName,
                     builder.getStringAttr(name));
    if (isa<TensorType>(type))
      attributes.set(bufferization::BufferizationDialect::kWritableAttrName,
                     builder.getBoolAttr(writable));
    unsigned index = function.getNumArguments();
    (void)function.insertArgument(
        index, type, attributes.getDictionary(builder.getContext()), loc);
    return function.getArgument(index);
  }

  /// `aliases` is the argument that the result updates, or null.
  void addResult(Value value, StringRef role, StringRef name, Value aliases) {
    NamedAttrList attributes;
    attributes.set(SpikingDialect::kRoleAttrName, builder.getStringAttr(role));
    attributes.set(SpikingDialect::kNameAttrName, builder.getStringAttr(name));
    if (aliases)
      attributes.set(SpikingDialect::kAliasesAttrName,
                     builder.getI64IntegerAttr(
                         cast<BlockArgument>(aliases).getArgNumber()));
    resultAttributes.push_back(attributes.getDictionary(builder.getContext()));
    results.push_back(value);
  }

  /// Ends the function with what addResult was given.
  void finish() {
    func::ReturnOp::create(builder, function.getLoc(), results);
    function.setFunctionType(builder.getFunctionType(
        function.getArgumentTypes(), ValueRange(results).getTypes()));
    function.setAllResultAttrs(resultAttributes);
  }

  OpBuilder builder;
  func::FuncOp function;

private:
  SmallVector<Value> results;
  SmallVector<DictionaryAttr> resultAttributes;
};

/// A parameter or state of the forward or the loss function.
struct Persistent {
  Type type;
  Location loc;
  StringRef role;
  NamedAttrList attributes;
  /// Whether the forward function gives it a new value.
  bool updated = false;
};

class TrainingBuilder {
public:
  TrainingBuilder(func::FuncOp forward)
      : forward(forward), module(forward->getParentOfType<ModuleOp>()),
        training(forward->getAttrOfType<TrainingAttr>(
            SpikingDialect::kTrainingAttrName)) {}
  LogicalResult run();

private:
  LogicalResult checkForward();
  LogicalResult collectPersistent(func::FuncOp function);
  LogicalResult buildTrainStep();
  LogicalResult buildEvaluate();
  void turnToInference();

  /// What the loss function gives, and what the forward function does.
  struct Body {
    SmallVector<Value> losses;
    /// The new values of states, by name.
    llvm::MapVector<StringAttr, Value> states;
  };
  /// Adds the arguments that are not persistent and copies both functions'
  /// bodies, in the given mode.
  FailureOr<Body> addBody(FunctionBuilder &target,
                          DenseMap<StringAttr, Value> &persistent, Mode mode,
                          bool addSeed);
  StringRef getMetricName(unsigned index);

  func::FuncOp forward, loss;
  ModuleOp module;
  TrainingAttr training;
  llvm::MapVector<StringAttr, Persistent> persistent;
};

} // namespace

LogicalResult TrainingBuilder::collectPersistent(func::FuncOp function) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    StringRef role = getRole(function, i);
    if (role != "parameter" && role != "state")
      continue;
    auto name = function.getArgAttrOfType<StringAttr>(
        i, SpikingDialect::kNameAttrName);
    if (!name)
      return function.emitOpError("argument ")
             << i << " with the role " << role << " has no spiking.name";
    auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]);
    if (!type || !type.hasStaticShape())
      return function.emitOpError("argument ")
             << name << " with the role " << role
             << " must be a tensor of static shape, got "
             << function.getArgumentTypes()[i];
    if (role == "parameter" && !isa<FloatType>(type.getElementType()))
      return function.emitOpError("parameter ")
             << name << " cannot be trained: expected a float type, got "
             << type;
    auto [it, inserted] = persistent.insert(
        {name, Persistent{type, function.getArgument(i).getLoc(), role,
                          NamedAttrList(function.getArgAttrDict(i))}});
    if (!inserted && (it->second.type != type || it->second.role != role))
      return function.emitOpError("argument ")
             << name << " differs from that of the forward function";
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto alias = function.getResultAttrOfType<IntegerAttr>(
            i, SpikingDialect::kAliasesAttrName)) {
      if (function == loss)
        return function.emitOpError("a loss function cannot update a state");
      auto name = function.getArgAttrOfType<StringAttr>(
          alias.getInt(), SpikingDialect::kNameAttrName);
      auto it = name ? persistent.find(name) : persistent.end();
      if (it == persistent.end() || it->second.role != "state")
        return function.emitOpError("result ")
               << i << " must update a state, but aliases argument "
               << alias.getInt();
      it->second.updated = true;
    }
  return success();
}

LogicalResult TrainingBuilder::checkForward() {
  loss = module.lookupSymbol<func::FuncOp>(training.getLoss().getValue());
  for (func::FuncOp function : {forward, loss})
    if (!function || function.isExternal() ||
        !llvm::hasSingleElement(function.getBody()))
      return forward.emitOpError("cannot be trained: it and the loss function ")
             << training.getLoss() << " need bodies of one block";
  for (StringRef name : {"train_step", "evaluate"})
    if (Operation *other = module.lookupSymbol(name)) {
      InFlightDiagnostic diag =
          forward.emitOpError("cannot be trained: there is already a @") << name;
      diag.attachNote(other->getLoc()) << "here";
      return diag;
    }
  if (failed(collectPersistent(forward)) || failed(collectPersistent(loss)))
    return failure();
  if (llvm::none_of(persistent, [](auto &pair) {
        return pair.second.role == "parameter";
      }))
    return forward.emitOpError("cannot be trained: no argument has the role "
                               "parameter");
  return success();
}

StringRef TrainingBuilder::getMetricName(unsigned index) {
  if (auto name = loss.getResultAttrOfType<StringAttr>(
          index, SpikingDialect::kNameAttrName))
    return name.getValue();
  if (index == 0)
    return "loss";
  // A number of samples is how many are right.
  if (getElementTypeOrSelf(loss.getResultTypes()[index]).isInteger(32))
    return "correct";
  return StringAttr::get(module.getContext(), "metric" + Twine(index))
      .getValue();
}

/// Spike trains in `block`: what named neurons and scans emit, also one step of
/// it inside time loops, which then give it as a sequence.
static SmallVector<Value> collectActivity(OpBuilder &builder, Block &block) {
  auto isSpikes = [](Value value) {
    Type element = getElementTypeOrSelf(value.getType());
    return element.isInteger(1) || element.isInteger(8);
  };
  auto append = [&](Operation &op, SmallVectorImpl<Value> &spikes) {
    if (auto neuron = dyn_cast<NeuronOpInterface>(op)) {
      if (isSpikes(neuron.getActivity()))
        spikes.push_back(neuron.getActivity());
    } else if (auto scan = dyn_cast<ScanOp>(op)) {
      llvm::copy_if(scan.getOutResults(), std::back_inserter(spikes), isSpikes);
    }
  };
  SmallVector<Value> result;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    append(op, result);
    auto loop = dyn_cast<TimeLoopOp>(op);
    if (!loop)
      continue;
    SmallVector<Value> spikes, missing;
    for (Operation &inner : loop.getBody().front())
      append(inner, spikes);
    for (Value value : spikes)
      if (!llvm::is_contained(loop.getYield().getOutputs(), value))
        missing.push_back(value);
    if (!missing.empty())
      loop = appendOutputs(builder, loop, missing);
    for (Value value : spikes) {
      OperandRange outputs = loop.getYield().getOutputs();
      result.push_back(
          loop.getOutputs()[llvm::find(outputs, value) - outputs.begin()]);
    }
  }
  return result;
}

FailureOr<TrainingBuilder::Body>
TrainingBuilder::addBody(FunctionBuilder &target,
                         DenseMap<StringAttr, Value> &persistentValues,
                         Mode mode, bool addSeed) {
  OpBuilder &builder = target.builder;
  Value steps, seed;
  auto addFrom = [&](func::FuncOp function, unsigned index, StringRef role) {
    auto name = function.getArgAttrOfType<StringAttr>(
        index, SpikingDialect::kNameAttrName);
    return target.addArgument(
        function.getArgumentTypes()[index], function.getArgument(index).getLoc(),
        role, name ? name.getValue() : StringRef(),
        NamedAttrList(function.getArgAttrDict(index)), /*writable=*/false);
  };
  // Inputs, labels, then what there is one of.
  SmallVector<SmallVector<Value>> arguments(2);
  SmallVector<func::FuncOp> functions = {forward, loss};
  unsigned outputs = 0;
  for (unsigned i = 0; i < forward.getNumResults(); ++i)
    outputs += !forward.getResultAttr(i, SpikingDialect::kAliasesAttrName);
  for (auto [number, function] : llvm::enumerate(functions)) {
    arguments[number].resize(function.getNumArguments());
    for (unsigned i = function == loss ? outputs : 0;
         i < function.getNumArguments(); ++i) {
      StringRef role = getRole(function, i);
      if (role == "parameter" || role == "state")
        arguments[number][i] =
            persistentValues.lookup(function.getArgAttrOfType<StringAttr>(
                i, SpikingDialect::kNameAttrName));
      else if (role == "input" || role == "label")
        arguments[number][i] =
            addFrom(function, i, function == loss ? "label" : "input");
      else if (role != "time_steps" && role != "seed")
        return function.emitOpError("argument ")
               << i << " has the role " << role
               << ", which a function that is trained does not take";
    }
  }
  for (StringRef role : {"time_steps", "seed"})
    for (auto [number, function] : llvm::enumerate(functions))
      for (unsigned i = 0; i < function.getNumArguments(); ++i) {
        if (getRole(function, i) != role || arguments[number][i])
          continue;
        Value &value = role == "seed" ? seed : steps;
        if (!value)
          value = addFrom(function, i, role);
        if (value.getType() != function.getArgumentTypes()[i])
          return function.emitOpError("argument ")
                 << i << " with the role " << role << " is a "
                 << function.getArgumentTypes()[i] << ", expected "
                 << value.getType();
        arguments[number][i] = value;
      }
  if (addSeed && !seed)
    target.addArgument(RankedTensorType::get({}, builder.getI64Type()),
                       forward.getLoc(), "seed", "seed", {}, false);

  Body body;
  IRMapping mapping;
  mapping.map(forward.getArguments(), arguments[0]);
  Block &source = forward.getBody().front();
  for (Operation &op : source.without_terminator())
    builder.clone(op, mapping);
  unsigned position = 0;
  for (auto [index, operand] :
       llvm::enumerate(source.getTerminator()->getOperands())) {
    Value value = mapping.lookupOrDefault(operand);
    if (auto alias = forward.getResultAttrOfType<IntegerAttr>(
            index, SpikingDialect::kAliasesAttrName))
      body.states[forward.getArgAttrOfType<StringAttr>(
          alias.getInt(), SpikingDialect::kNameAttrName)] = value;
    else
      arguments[1][position++] = value;
  }
  mapping.clear();
  mapping.map(loss.getArguments(), arguments[1]);
  for (Operation &op : loss.getBody().front().without_terminator())
    builder.clone(op, mapping);
  for (Value value : loss.getBody().front().getTerminator()->getOperands())
    body.losses.push_back(mapping.lookupOrDefault(value));

  // Changing the mode and exposing spikes replaces operations: a temporary
  // terminator keeps what was found.
  SmallVector<Value> kept(body.losses);
  for (auto &[name, value] : body.states)
    kept.push_back(value);
  auto keeper = func::ReturnOp::create(builder, forward.getLoc(), kept);
  builder.setInsertionPoint(keeper);
  if (failed(setMode(target.function, mode)))
    return failure();
  SmallVector<Value> spikes =
      collectActivity(builder, target.function.getBody().front());
  if (!spikes.empty())
    keeper->insertOperands(
        keeper->getNumOperands(),
        SpikeRateOp::create(builder, forward.getLoc(),
                            RankedTensorType::get({}, builder.getF32Type()),
                            spikes)
            .getResult());
  unsigned index = 0;
  for (Value &value : body.losses)
    value = keeper->getOperand(index++);
  for (auto &[name, value] : body.states)
    value = keeper->getOperand(index++);
  if (!spikes.empty())
    body.losses.push_back(keeper->getOperand(index));
  keeper.erase();
  builder.setInsertionPointToEnd(&target.function.getBody().front());
  return body;
}

LogicalResult TrainingBuilder::buildTrainStep() {
  Location loc = forward.getLoc();
  FunctionBuilder target(forward, "train_step");
  OpBuilder &builder = target.builder;
  auto sgd = dyn_cast<SGDOptimizerAttr>(training.getOptimizer());
  auto adam = dyn_cast<AdamOptimizerAttr>(training.getOptimizer());

  // Parameters, the optimizer's state, states.
  DenseMap<StringAttr, Value> values;
  SmallVector<StringAttr> parameters, states;
  for (auto &[name, item] : persistent)
    (item.role == "parameter" ? parameters : states).push_back(name);
  auto addPersistent = [&](StringAttr name, bool donated) {
    Persistent &item = persistent.find(name)->second;
    values[name] = target.addArgument(item.type, item.loc, item.role,
                                      name.getValue(), item.attributes, donated);
  };
  for (StringAttr name : parameters)
    addPersistent(name, /*donated=*/true);
  SmallVector<StringRef> suffixes;
  if (adam)
    suffixes = {".adam_m", ".adam_v"};
  else if (sgd && double(sgd.getMomentum()) != 0)
    suffixes = {".momentum"};
  NamedAttrList zero;
  zero.set(SpikingDialect::kInitializerAttrName,
           InitializerAttr::get(module.getContext(), InitKind::Constant, 0, 0, Real(1.0),
                                Real(0.0), Real(0.0), Real(0.0), Real(0.0),
                                Real(1.0)));
  llvm::MapVector<StringAttr, SmallVector<Value>> moments;
  for (StringAttr name : parameters)
    for (StringRef suffix : suffixes) {
      Persistent &item = persistent.find(name)->second;
      moments[name].push_back(target.addArgument(
          item.type, item.loc, "optimizer", (name.getValue() + suffix).str(),
          zero, /*writable=*/true));
    }
  for (StringAttr name : states)
    addPersistent(name, persistent.find(name)->second.updated);

  FailureOr<Body> body =
      addBody(target, values, Mode::Train, /*addSeed=*/true);
  if (failed(body)) {
    target.function.erase();
    return failure();
  }
  Value rate =
      target.addArgument(RankedTensorType::get({}, builder.getF32Type()), loc,
                         "learning_rate", "learning_rate", {}, false);
  Value step =
      target.addArgument(RankedTensorType::get({}, builder.getI64Type()), loc,
                         "step", "step", {}, false);

  // Backwards from the loss. Differentiation replaces operations: a temporary
  // terminator keeps what is returned.
  SmallVector<Value> kept(body->losses);
  for (auto &[name, value] : body->states)
    kept.push_back(value);
  auto keeper = func::ReturnOp::create(builder, loc, kept);
  SmallVector<Value> with;
  for (StringAttr name : parameters)
    with.push_back(values[name]);
  FailureOr<SmallVector<Value>> gradients = appendGradients(
      target.function, with, training.getTruncate(), [&](OpBuilder &builder) {
        Value value = keeper.getOperand(0);
        Value one = createSplat(builder, loc, 1.0,
                                getElementTypeOrSelf(value.getType()), value);
        return SmallVector<Seed>{{value, one}};
      });
  if (failed(gradients)) {
    target.function.erase();
    return failure();
  }
  builder.setInsertionPoint(keeper);
  if (double(training.getClipNorm()) != 0) {
    auto maxNorm = builder.getNamedAttr(
        "max_norm", builder.getF64FloatAttr(training.getClipNorm()));
    auto clip =
        ClipGradientsOp::create(builder, loc, ValueRange(*gradients).getTypes(),
                                *gradients, ArrayRef(maxNorm));
    gradients->assign(clip.result_begin(), clip.result_end());
  }

  // The optimizer.
  auto convertRate = [&](Type element) -> Value {
    return convertFloat(builder, loc, rate, element);
  };
  SmallVector<Value> newParameters, newMoments;
  for (auto [name, gradient] : llvm::zip(parameters, *gradients)) {
    Value parameter = values[name];
    Type element = getElementTypeOrSelf(parameter.getType());
    if (adam) {
      Type type = parameter.getType();
      auto op = AdamOp::create(
          builder, loc, type, type, type, parameter, gradient, moments[name][0],
          moments[name][1], convertRate(element), step,
          builder.getF64FloatAttr(adam.getBeta1()),
          builder.getF64FloatAttr(adam.getBeta2()),
          builder.getF64FloatAttr(adam.getEpsilon()),
          builder.getF64FloatAttr(adam.getWeightDecay()),
          builder.getBoolAttr(adam.getDecoupled()));
      newParameters.push_back(op.getNewParameter());
      newMoments.push_back(op.getNewFirstMoment());
      newMoments.push_back(op.getNewSecondMoment());
      continue;
    }
    Value buffer = moments.count(name) ? moments[name][0] : Value();
    auto op = SGDOp::create(
        builder, loc, parameter.getType(),
        buffer ? parameter.getType() : Type(), parameter, gradient,
        convertRate(element), buffer,
        builder.getF64FloatAttr(sgd.getMomentum()),
        builder.getF64FloatAttr(sgd.getWeightDecay()),
        builder.getBoolAttr(sgd.getNesterov()));
    newParameters.push_back(op.getNewParameter());
    if (buffer)
      newMoments.push_back(op.getNewBuffer());
  }

  // The results.
  for (auto [name, value] : llvm::zip(parameters, newParameters))
    target.addResult(value, "parameter", name.getValue(), values[name]);
  auto moment = newMoments.begin();
  for (auto &[name, arguments] : moments)
    for (auto [argument, suffix] : llvm::zip(arguments, suffixes))
      target.addResult(*moment++, "optimizer", (name.getValue() + suffix).str(),
                       argument);
  unsigned index = body->losses.size();
  for (auto &[name, value] : body->states)
    target.addResult(keeper.getOperand(index++), "state", name.getValue(),
                     values[name]);
  for (unsigned i = 0; i < body->losses.size(); ++i)
    target.addResult(keeper.getOperand(i), i == 0 ? "loss" : "metric",
                     i < loss.getNumResults() ? getMetricName(i)
                                              : StringRef("spike_rate"),
                     Value());
  builder.setInsertionPoint(keeper);
  target.finish();
  keeper.erase();
  target.function->setAttr(SpikingDialect::kTrainingAttrName, training);
  eraseDeadOperations(target.function);
  return success();
}

LogicalResult TrainingBuilder::buildEvaluate() {
  FunctionBuilder target(forward, "evaluate");
  DenseMap<StringAttr, Value> values;
  for (StringRef role : {"parameter", "state"})
    for (auto &[name, item] : persistent)
      if (item.role == role)
        values[name] =
            target.addArgument(item.type, item.loc, item.role, name.getValue(),
                               item.attributes, /*writable=*/false);
  FailureOr<Body> body =
      addBody(target, values, Mode::Inference, /*addSeed=*/false);
  if (failed(body)) {
    target.function.erase();
    return failure();
  }
  for (auto [i, value] : llvm::enumerate(body->losses))
    target.addResult(value, i == 0 ? "loss" : "metric",
                     i < loss.getNumResults() ? getMetricName(i)
                                              : StringRef("spike_rate"),
                     Value());
  target.finish();
  eraseDeadOperations(target.function);
  return success();
}

void TrainingBuilder::turnToInference() {
  forward->removeAttr(SpikingDialect::kTrainingAttrName);
  // States that inference leaves as they are need not be given back.
  Operation *terminator = forward.getBody().front().getTerminator();
  for (int i = forward.getNumResults() - 1; i >= 0; --i) {
    auto alias = forward.getResultAttrOfType<IntegerAttr>(
        i, SpikingDialect::kAliasesAttrName);
    if (!alias || terminator->getOperand(i) !=
                      forward.getArgument(alias.getInt()))
      continue;
    terminator->eraseOperand(i);
    (void)forward.eraseResult(i);
    forward.setArgAttr(alias.getInt(),
                       bufferization::BufferizationDialect::kWritableAttrName,
                       BoolAttr::get(module.getContext(), false));
  }
}

LogicalResult TrainingBuilder::run() {
  // In this order they follow the forward function as train_step, evaluate.
  if (failed(checkForward()) || failed(buildEvaluate()) ||
      failed(buildTrainStep()) || failed(setMode(forward, Mode::Inference)))
    return failure();
  turnToInference();
  return success();
}

LogicalResult buildTrainingStep(func::FuncOp forward) {
  return TrainingBuilder(forward).run();
}

namespace {
struct BuildTrainingStepPass
    : impl::BuildTrainingStepPassBase<BuildTrainingStepPass> {
  void runOnOperation() override {
    func::FuncOp forward;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function->hasAttr(SpikingDialect::kTrainingAttrName))
        continue;
      if (forward) {
        InFlightDiagnostic diag = function.emitOpError(
            "is the second function with spiking.training; a module trains one");
        diag.attachNote(forward.getLoc()) << "the first one";
        return signalPassFailure();
      }
      forward = function;
    }
    if (!forward)
      return markAllAnalysesPreserved();
    if (failed(buildTrainingStep(forward)))
      signalPassFailure();
  }
};
} // namespace

} // namespace rheobase::spiking
