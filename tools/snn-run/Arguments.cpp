//===- Arguments.cpp - The arguments of a run -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"

#include "rheobase/Dialect/Spiking/IR/Roles.h"
#include "rheobase/Reference/Interpreter.h"
#include "rheobase/Reference/RuntimeTensor.h"
#include "rheobase/Runtime/Measure.h"
#include "rheobase/Runtime/Npy.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace rheobase;
using spiking::SpikingDialect;

std::string rheobase::getArgumentName(func::FuncOp function, unsigned index) {
  for (StringRef key :
       {SpikingDialect::kNameAttrName, SpikingDialect::kRoleAttrName})
    if (auto attr = function.getArgAttrOfType<StringAttr>(index, key))
      if (attr.getValue() != "input")
        return attr.str();
  return "arg" + std::to_string(index);
}

std::string rheobase::getResultName(func::FuncOp function, unsigned index) {
  if (auto attr = function.getResultAttrOfType<StringAttr>(
          index, SpikingDialect::kNameAttrName))
    return attr.str();
  return "result" + std::to_string(index);
}

/// The element type that generated code has for a type.
static int32_t getDType(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isInteger(1))
    return RB_BOOL;
  if (element.isInteger(8))
    return RB_I8;
  if (element.isInteger(32))
    return RB_I32;
  if (element.isF16())
    return RB_F16;
  if (element.isBF16())
    return RB_BF16;
  if (element.isF32())
    return RB_F32;
  if (element.isF64())
    return RB_F64;
  return RB_I64;
}

reference::Tensor rheobase::toReference(const rb_tensor &tensor, Type type) {
  reference::Tensor result;
  rt::Status status = reference::fromRuntime(
      tensor, *reference::getElementKind(getElementTypeOrSelf(type)), result);
  // The tensor has the type's elements already.
  assert(status.ok());
  (void)status;
  return result;
}

FailureOr<rt::Tensor> rheobase::toRuntime(const reference::Tensor &tensor,
                                          Location loc) {
  rt::Tensor result;
  if (rt::Status status = reference::toRuntime(tensor, result); !status.ok())
    return emitError(loc) << status.message();
  return result;
}

namespace {
/// Draws the arguments one after the other.
class ArgumentMaker {
public:
  ArgumentMaker(func::FuncOp function, const ArgumentOptions &options)
      : function(function), options(options) {
    for (const auto &dim : options.dims)
      dims[dim.first()] = dim.second;
  }

  FailureOr<rt::Tensor> make(unsigned index);
  /// Checks that what the command line names is there.
  LogicalResult checkNames();

private:
  bool isTimeSteps(unsigned index) {
    return spiking::getRole(function, index) == "time_steps";
  }
  /// Its dimensions, numbers and names; those of a scalar are none.
  ArrayRef<Attribute> getDims(unsigned index) {
    auto dims = function.getArgAttrOfType<ArrayAttr>(
        index, SpikingDialect::kDimsAttrName);
    return dims ? dims.getValue() : ArrayRef<Attribute>();
  }
  std::string describeDims(unsigned index);
  InFlightDiagnostic error(unsigned index) {
    return emitError(function.getLoc())
           << "argument '" << getArgumentName(function, index) << "' of @"
           << function.getName() << " (" << function.getArgumentTypes()[index]
           << ") ";
  }
  FailureOr<rt::Tensor> load(unsigned index, StringRef path);
  FailureOr<rt::Tensor> scalar(unsigned index, double value);
  FailureOr<rt::Tensor> draw(unsigned index);

  func::FuncOp function;
  const ArgumentOptions &options;
  llvm::StringMap<int64_t> dims;
};
} // namespace

FailureOr<rt::Tensor> ArgumentMaker::load(unsigned index, StringRef path) {
  rt::Tensor read;
  if (rt::Status status = rt::readNpy(path.str(), read); !status.ok())
    return error(index) << "cannot be read: " << status.message();
  rt::Tensor tensor;
  if (rt::Status status = rt::convertTensor(
          read.view(), getDType(function.getArgumentTypes()[index]), tensor);
      !status.ok())
    return error(index) << "from " << path << ": " << status.message();
  ArrayRef<Attribute> shape = getDims(index);
  bool fits = shape.size() == tensor.dims().size();
  for (size_t i = 0; fits && i < shape.size(); ++i) {
    if (auto size = dyn_cast<IntegerAttr>(shape[i])) {
      fits = size.getInt() == tensor.dims()[i];
      continue;
    }
    StringRef name = cast<StringAttr>(shape[i]).getValue();
    auto [it, first] = dims.try_emplace(name, tensor.dims()[i]);
    fits = name == "?" || first || it->second == tensor.dims()[i];
  }
  if (!fits)
    return error(index) << "cannot be " << tensor.describe() << " from "
                        << path << ": expected dimensions "
                        << describeDims(index);
  return tensor;
}

FailureOr<rt::Tensor> ArgumentMaker::scalar(unsigned index, double value) {
  Type type = function.getArgumentTypes()[index];
  auto shaped = dyn_cast<ShapedType>(type);
  if (shaped && shaped.getRank() != 0)
    return error(index) << "cannot be the number " << value
                        << ": expected an .npy file";
  rt::Tensor number, tensor;
  rt::Status status = rt::Tensor::create(RB_F64, {}, number);
  if (status.ok()) {
    number.data<double>()[0] = value;
    status = rt::convertTensor(number.view(), getDType(type), tensor);
  }
  if (!status.ok())
    return error(index) << "cannot be the number " << value << ": "
                        << status.message();
  return tensor;
}

FailureOr<rt::Tensor> ArgumentMaker::draw(unsigned index) {
  Type type = function.getArgumentTypes()[index];
  auto role = function.getArgAttrOfType<StringAttr>(
      index, SpikingDialect::kRoleAttrName);
  if (type.isIndex()) {
    auto steps = dims.find("T");
    if (isTimeSteps(index) && steps != dims.end())
      return scalar(index, static_cast<double>(steps->second));
    return error(index) << "is not drawn: give it with --arg="
                        << getArgumentName(function, index) << "=N";
  }
  std::vector<int64_t> sizes;
  for (Attribute dim : getDims(index)) {
    if (auto size = dyn_cast<IntegerAttr>(dim)) {
      sizes.push_back(size.getInt());
      continue;
    }
    StringRef name = cast<StringAttr>(dim).getValue();
    auto known = dims.find(name);
    if (known == dims.end())
      return error(index) << "has the dimension " << name
                          << " of unknown size: give it with --dims=" << name
                          << "=N";
    sizes.push_back(known->second);
  }
  rt::Tensor tensor;
  if (rt::Status status =
          rt::Tensor::create(getDType(type), std::move(sizes), tensor);
      !status.ok())
    return error(index) << status.message();
  std::vector<int64_t> fixed;
  for (int64_t size : cast<ShapedType>(type).getShape())
    fixed.push_back(ShapedType::isDynamic(size) ? -1 : size);
  rt::DrawOptions how =
      rt::getDrawOptions(role ? role.getValue().str() : std::string(), fixed);
  how.seed = options.seed;
  how.index = index;
  how.spikeRate = options.spikeRate;
  rt::drawTensor(how, tensor);
  return tensor;
}

FailureOr<rt::Tensor> ArgumentMaker::make(unsigned index) {
  std::string name = getArgumentName(function, index);
  auto given = options.values.find(name);
  // T is what everybody calls the number of time steps.
  if (given == options.values.end() && isTimeSteps(index))
    given = options.values.find("T");
  if (given != options.values.end()) {
    double number;
    FailureOr<rt::Tensor> tensor =
        StringRef(given->second).getAsDouble(number)
            ? load(index, given->second)
            : scalar(index, number);
    if (failed(tensor) || !isTimeSteps(index))
      return tensor;
    int64_t steps = tensor->data<int64_t>()[0];
    if (steps < 0)
      return error(index) << "cannot be " << steps
                          << ": expected a number of time steps";
    auto [known, first] = dims.try_emplace("T", steps);
    if (!first && known->second != steps)
      return error(index) << "cannot be " << steps
                          << ": expected T = " << known->second;
    return tensor;
  }
  if (options.random)
    return draw(index);
  return error(index) << "has no value: give it with --arg=" << name
                      << "=FILE.npy, or --random";
}

std::string ArgumentMaker::describeDims(unsigned index) {
  std::string text;
  for (Attribute dim : getDims(index)) {
    text += text.empty() ? "[" : ", ";
    if (auto size = dyn_cast<IntegerAttr>(dim)) {
      text += std::to_string(size.getInt());
      continue;
    }
    StringRef name = cast<StringAttr>(dim).getValue();
    text += name;
    if (auto known = dims.find(name); known != dims.end())
      text += " = " + std::to_string(known->second);
  }
  return text.empty() ? "[]" : text + "]";
}

LogicalResult ArgumentMaker::checkNames() {
  llvm::SetVector<StringRef> dimNames;
  SmallVector<std::string> names;
  bool hasTimeSteps = false;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    names.push_back(getArgumentName(function, i));
    for (Attribute dim : getDims(i))
      if (auto name = dyn_cast<StringAttr>(dim); name && name.getValue() != "?")
        dimNames.insert(name.getValue());
    hasTimeSteps |= isTimeSteps(i);
  }
  if (hasTimeSteps)
    dimNames.insert("T");
  for (const auto &value : options.values)
    if (!llvm::is_contained(names, value.first()) &&
        !(hasTimeSteps && value.first() == "T"))
      return emitError(function.getLoc())
             << "@" << function.getName() << " has no argument '"
             << value.first() << "', only: " << llvm::join(names, ", ");
  for (const auto &dim : options.dims)
    if (!dimNames.contains(dim.first()))
      return emitError(function.getLoc())
             << "no argument of @" << function.getName()
             << " has a dimension '" << dim.first() << "', only: "
             << (dimNames.empty() ? "none" : llvm::join(dimNames, ", "));
  return success();
}

FailureOr<std::vector<rt::Tensor>>
rheobase::makeArguments(func::FuncOp function, const ArgumentOptions &options) {
  ArgumentMaker maker(function, options);
  if (failed(maker.checkNames()))
    return failure();
  std::vector<rt::Tensor> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    FailureOr<rt::Tensor> argument = maker.make(i);
    if (failed(argument))
      return failure();
    arguments.push_back(std::move(*argument));
  }
  return arguments;
}
