//===- Interpreter.cpp - The reference interpreter --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/Interpreter.h"

#include "Machine.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/SymbolTable.h"
#include "rheobase/Support/InitialValues.h"

#include <cmath>

using namespace mlir;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Machine
//===----------------------------------------------------------------------===//

Handlers::Handlers() {
  addArithOps(*this);
  addMathOps(*this);
  addControlOps(*this);
  addTensorOps(*this);
  addTimeOps(*this);
  addNeuronOps(*this);
  addSynapseOps(*this);
  addPoolOps(*this);
  addNormOps(*this);
  addEndOps(*this);
  addOptimizerOps(*this);
}

/// Whether `tensor` can be a value of type `type`.
static LogicalResult checkType(Type type, const Tensor &tensor,
                               function_ref<InFlightDiagnostic()> emitError) {
  std::optional<ElementKind> kind = getElementKind(getElementTypeOrSelf(type));
  auto shaped = dyn_cast<RankedTensorType>(type);
  bool fits = kind == tensor.kind;
  if (shaped && fits)
    fits = shaped.getRank() == tensor.rank() &&
           llvm::all_of(llvm::zip(shaped.getShape(), tensor.shape),
                        [](auto pair) {
                          auto [expected, got] = pair;
                          return ShapedType::isDynamic(expected) ||
                                 expected == got;
                        });
  if (fits)
    return success();
  return emitError() << "expected a value of type " << type << ", got "
                     << tensor.describe();
}

LogicalResult Machine::execute(Operation *op) {
  const Handler *handler = handlers.find(op);
  if (!handler)
    return op->emitError("the reference interpreter does not execute '")
           << op->getName() << "'";
  for (Type type : op->getResultTypes())
    if (!isa<RankedTensorType, FloatType, IntegerType, IndexType>(type) ||
        !getElementKind(getElementTypeOrSelf(type)))
      return op->emitError("the reference interpreter has no values of type ")
             << type;
  if (failed((*handler)(*this, op)))
    return failure();
  if (tape && tape->isFull())
    return op->emitError(
        "the gradient's tape is full: differentiate a smaller problem");
  for (OpResult result : op->getResults())
    if (isa<ShapedType>(result.getType()) &&
        failed(checkType(result.getType(), get(result), [&] {
          return op->emitOpError("result ") << result.getResultNumber() << ": ";
        })))
      return failure();
  if (options.probe && !rehearses) {
    SmallVector<const Tensor *> results;
    for (Value result : op->getResults())
      results.push_back(&get(result));
    options.probe(op, results, step);
  }
  return success();
}

LogicalResult Machine::execute(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(execute(&op)))
      return failure();
  return success();
}

FailureOr<SmallVector<Tensor>> Machine::call(func::FuncOp function,
                                             ArrayRef<Tensor> arguments,
                                             Location loc) {
  constexpr unsigned maxDepth = 100;
  if (depth == maxDepth)
    return emitError(loc) << "calls are nested more than " << maxDepth
                          << " deep";
  if (function.isExternal())
    return emitError(loc) << "function '" << function.getName()
                          << "' has no body";
  if (!function.getBody().hasOneBlock())
    return emitError(loc) << "function '" << function.getName()
                          << "' has more than one block";
  if (arguments.size() != function.getNumArguments())
    return emitError(loc) << "function '" << function.getName() << "' takes "
                          << function.getNumArguments() << " arguments, got "
                          << arguments.size();
  llvm::DenseMap<Value, Tensor> frame;
  for (auto [i, pair] : llvm::enumerate(
           llvm::zip(function.getArguments(), arguments))) {
    auto [argument, tensor] = pair;
    size_t number = i;
    if (failed(checkType(argument.getType(), tensor, [&] {
          return emitError(loc) << "argument " << number << " of '"
                                << function.getName() << "': ";
        })))
      return failure();
    frame[argument] = tensor;
  }
  llvm::DenseMap<Value, Tensor> *outer = values;
  values = &frame;
  ++depth;
  Block &body = function.getBody().front();
  LogicalResult executed = execute(body);
  SmallVector<Tensor> results;
  if (succeeded(executed))
    results = getAll(body.getTerminator()->getOperands());
  --depth;
  values = outer;
  if (failed(executed))
    return failure();
  return results;
}

FailureOr<int64_t> Machine::getInteger(Operation *op, Value value) {
  const Tensor &tensor = get(value);
  if (tensor.size() != 1 || isFloat(tensor.kind))
    return op->emitOpError("expected one integer, got ") << tensor.describe();
  return tensor[0].asInteger(tensor.kind);
}

SmallVector<Tensor> Machine::getAll(ValueRange values) {
  SmallVector<Tensor> tensors;
  for (Value value : values)
    tensors.push_back(get(value));
  return tensors;
}

Scalar Machine::detach(Scalar a) {
  a.node = 0;
  FrozenRun *frozen = frozenRun();
  if (frozen && frozen->isRecording())
    frozen->push(a.number);
  else if (frozen)
    a.number = frozen->take();
  return a;
}

FailureOr<Tensor *> Machine::getGlobal(Operation *op, SymbolRefAttr name) {
  auto global =
      SymbolTable::lookupNearestSymbolFrom<ml_program::GlobalOp>(op, name);
  if (!global)
    return op->emitError("there is no global ") << name;
  std::string key = global.getSymName().str();
  auto found = globals->find(key);
  if (found != globals->end())
    return &found->second;
  Attribute initializer = global.getValueAttr();
  FailureOr<Tensor> value = initialValue(key, global.getType(), initializer,
                                         options.seed, global.getLoc());
  if (failed(value))
    return failure();
  if (tape && isFloat(value->kind)) {
    for (Scalar &element : value->elements)
      tape->makeVariable(element);
    globalVariables[key] = *value;
  }
  return &((*globals)[key] = std::move(*value));
}

//===----------------------------------------------------------------------===//
// Helpers of the operations
//===----------------------------------------------------------------------===//

ElementKind kindOf(Value value) {
  return *getElementKind(getElementTypeOrSelf(value));
}

FailureOr<Tensor> makeTensor(Operation *op, ElementKind kind,
                             ArrayRef<int64_t> shape) {
  if (!countElements(shape))
    return op->emitOpError("needs a tensor of shape ")
           << describeShape(shape)
           << ", more than the reference interpreter holds";
  return Tensor(kind, shape);
}

SmallVector<int64_t> fillShape(Type type, ArrayRef<int64_t> dynamic) {
  SmallVector<int64_t> shape =
      llvm::to_vector(cast<RankedTensorType>(type).getShape());
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent) && !dynamic.empty()) {
      extent = dynamic.front();
      dynamic = dynamic.drop_front();
    }
  return shape;
}

Tensor getStep(const Tensor &sequence, int64_t t) {
  Tensor step(sequence.kind, ArrayRef(sequence.shape).drop_front());
  auto begin = sequence.elements.begin() + t * step.size();
  std::copy(begin, begin + step.size(), step.elements.begin());
  return step;
}

void setStep(Tensor &sequence, int64_t t, const Tensor &step) {
  std::copy(step.elements.begin(), step.elements.end(),
            sequence.elements.begin() + t * step.size());
}

FailureOr<Tensor> broadcastTo(Operation *op, const Tensor &tensor,
                              ArrayRef<int64_t> shape) {
  if (ArrayRef(tensor.shape) == shape)
    return tensor;
  std::optional<std::vector<int64_t>> indices =
      broadcastIndices(tensor.shape, shape);
  if (!indices)
    return op->emitOpError("a tensor of shape ")
           << describeShape(tensor.shape) << " does not broadcast to "
           << describeShape(shape);
  Tensor result(tensor.kind, shape);
  for (int64_t i = 0; i < result.size(); ++i)
    result[i] = tensor[(*indices)[size_t(i)]];
  return result;
}

std::string describeShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleave(shape, os, ",");
  os << ']';
  return text;
}

LogicalResult shapeError(Operation *op, StringRef what,
                         ArrayRef<int64_t> expected, ArrayRef<int64_t> got) {
  return op->emitOpError(what) << ": expected the shape "
                               << describeShape(expected) << ", got "
                               << describeShape(got);
}

LogicalResult applyElementwise(Machine &machine, Operation *op,
                               LaneFunction function) {
  Value result = op->getResult(0);
  ElementKind from = op->getNumOperands() ? kindOf(op->getOperand(0))
                                          : kindOf(result);
  Lane lane{machine, op, machine.arithmeticOf(result), from, kindOf(result)};
  SmallVector<const Tensor *> operands;
  ArrayRef<int64_t> shape;
  for (Value operand : op->getOperands()) {
    operands.push_back(&machine.get(operand));
    ArrayRef<int64_t> own = operands.back()->shape;
    if (own.empty())
      continue;
    if (!shape.empty() && own != shape)
      return shapeError(op, "operands", shape, own);
    shape = own;
  }
  Tensor tensor(lane.to, shape);
  SmallVector<Scalar> x(operands.size());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    for (auto [element, operand] : llvm::zip(x, operands))
      element = (*operand)[operand->shape.empty() ? 0 : i];
    tensor[i] = function(lane, x);
  }
  machine.set(result, std::move(tensor));
  return success();
}

double uniformNumber(int64_t seed, int64_t id, int64_t step, int64_t sample,
                     int64_t element) {
  std::array<uint32_t, 4> words =
      philox4x32({uint32_t(element), uint32_t(sample), uint32_t(step),
                  uint32_t(id)},
                 philoxKey(uint64_t(seed)));
  return double(uniform01(words[0]));
}

//===----------------------------------------------------------------------===//
// Initial values
//===----------------------------------------------------------------------===//

/// What an initializer draws from; none if it is a constant.
static std::optional<Distribution>
distributionOf(spiking::InitializerAttr init) {
  switch (init.getKind()) {
  case spiking::InitKind::Constant:
    return std::nullopt;
  case spiking::InitKind::Uniform:
    return Distribution::uniform(init.getLow(), init.getHigh());
  case spiking::InitKind::Normal:
    return Distribution::normal(init.getMean(), init.getStd());
  default:
    return Distribution::byFan(stringifyInitKind(init.getKind()),
                               double(init.getFanIn()),
                               double(init.getFanOut()), init.getGain());
  }
}

FailureOr<Tensor> initialValue(StringRef name, Type type, Attribute initializer,
                               uint64_t seed, Location loc) {
  if (auto typed = dyn_cast_or_null<TypedAttr>(initializer);
      typed && isa<FloatAttr, IntegerAttr>(initializer)) {
    std::optional<ElementKind> kind = getElementKind(typed.getType());
    if (kind && typed.getType() == type) {
      if (auto number = dyn_cast<FloatAttr>(initializer))
        return Tensor::of(*kind, {}, number.getValueAsDouble());
      return Tensor::scalar(
          *kind, Scalar::of(*kind, wrapTo(*kind, cast<IntegerAttr>(initializer)
                                                     .getValue()
                                                     .getSExtValue())));
    }
  }
  if (auto elements = dyn_cast_or_null<ElementsAttr>(initializer))
    if (std::optional<Tensor> tensor = tensorOf(elements))
      return *tensor;
  auto init = dyn_cast_or_null<spiking::InitializerAttr>(initializer);
  auto shaped = dyn_cast<RankedTensorType>(type);
  std::optional<ElementKind> kind = getElementKind(getElementTypeOrSelf(type));
  if (!init || !shaped || !shaped.hasStaticShape() || !kind ||
      !countElements(shaped.getShape())) {
    InFlightDiagnostic error = emitError(loc)
                               << "'" << name << "' of type " << type
                               << " has no initial value that the reference "
                                  "interpreter knows";
    if (initializer)
      error << ", got " << initializer;
    return error;
  }
  Tensor tensor(*kind, shaped.getShape());
  auto store = [&](int64_t i, double value) {
    tensor[i] = Scalar::ofNumber(roundTo(*kind, value));
  };
  if (std::optional<Distribution> distribution = distributionOf(init)) {
    drawInitialValues(*distribution, name, seed, tensor.size(), store);
    return tensor;
  }
  for (int64_t i = 0; i < tensor.size(); ++i)
    store(i, init.getValue());
  return tensor;
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

FailureOr<SmallVector<Tensor>> run(func::FuncOp function,
                                   ArrayRef<Tensor> arguments,
                                   const Options &options) {
  Machine machine(options, nullptr);
  return machine.call(function, arguments, function.getLoc());
}

/// The cotangents of variables after a sweep.
static Tensor cotangentOf(const Tensor &variables,
                          ArrayRef<double> derivatives) {
  Tensor cotangent(ElementKind::F64, variables.shape);
  for (int64_t i = 0; i < variables.size(); ++i)
    cotangent[i] = Scalar::ofNumber(derivatives[variables[i].node]);
  return cotangent;
}

FailureOr<Gradient> gradient(func::FuncOp function, ArrayRef<Tensor> arguments,
                             ArrayRef<Tensor> cotangents,
                             const Options &options) {
  Tape tape;
  SmallVector<Tensor> variables(arguments);
  auto isVariable = [](const Tensor &tensor) {
    return isFloat(tensor.kind) || tensor.kind == ElementKind::I1 ||
           tensor.kind == ElementKind::I8;
  };
  for (Tensor &tensor : variables)
    if (isVariable(tensor))
      for (Scalar &element : tensor.elements)
        tape.makeVariable(element);
  Machine machine(options, &tape);
  FailureOr<SmallVector<Tensor>> results =
      machine.call(function, variables, function.getLoc());
  if (failed(results))
    return failure();

  if (cotangents.size() != results->size())
    return function.emitError("expected ")
           << results->size() << " cotangents, got " << cotangents.size();
  std::vector<std::pair<Scalar, double>> seeds;
  for (auto [i, pair] : llvm::enumerate(llvm::zip(*results, cotangents))) {
    auto [result, cotangent] = pair;
    if (cotangent.shape.size() == 1 && cotangent.size() == 0)
      continue;
    if (cotangent.shape != result.shape || !isFloat(cotangent.kind))
      return function.emitError("expected a float cotangent of shape ")
             << describeShape(result.shape) << " for result " << i << ", got "
             << cotangent.describe();
    for (int64_t k = 0; k < result.size(); ++k)
      if (result[k].node)
        seeds.push_back({result[k], cotangent[k].number});
  }
  std::vector<double> derivatives = tape.sweep(seeds);

  Gradient gradient;
  for (const Tensor &tensor : variables)
    gradient.cotangents.push_back(isVariable(tensor)
                                      ? cotangentOf(tensor, derivatives)
                                      : Tensor(ElementKind::F64, {0}));
  for (const auto &[name, tensor] : machine.globalVariables)
    gradient.globalCotangents[name] = cotangentOf(tensor, derivatives);
  for (const Tensor &result : *results)
    gradient.results.push_back(result.detached());
  if (options.globals)
    for (auto &[name, tensor] : *options.globals)
      tensor = tensor.detached();
  return gradient;
}

FailureOr<std::optional<NonFinite>>
findNonFinite(func::FuncOp function, ArrayRef<Tensor> arguments,
              const Options &options) {
  std::optional<NonFinite> found;
  Options probed = options;
  probed.probe = [&](Operation *op, ArrayRef<const Tensor *> results,
                     std::optional<int64_t> step) {
    if (found || op->getNumOperands() == 0)
      return;
    for (auto [number, result] : llvm::enumerate(results)) {
      if (!isFloat(result->kind))
        continue;
      for (int64_t i = 0; i < result->size(); ++i)
        if (!std::isfinite((*result)[i].number)) {
          found = NonFinite{op, unsigned(number), step,
                            describeIndex(result->shape, i),
                            (*result)[i].number};
          return;
        }
    }
  };
  if (failed(run(function, arguments, probed)))
    return failure();
  return found;
}

} // namespace rheobase::reference
