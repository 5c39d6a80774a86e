//===- Compare.cpp - Where two executions part ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Compare.h"

#include "Arguments.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rheobase;

std::string rheobase::summarize(const reference::Tensor &tensor) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << tensor.describe();
  int64_t count = tensor.size();
  if (count == 0)
    return text;
  double low = tensor.at(0), high = low, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double value = tensor.at(i);
    low = std::min(low, value);
    high = std::max(high, value);
    sum += value;
  }
  if (count > 1)
    os << llvm::formatv(" from {0} to {1}, mean {2}:", low, high,
                        sum / static_cast<double>(count));
  for (int64_t i = 0; i < std::min<int64_t>(count, 6); ++i)
    os << " " << tensor.at(i);
  if (count > 6)
    os << " ...";
  return text;
}

/// Nine digits tell any two floats apart.
static std::string describeDifference(const reference::Tensor &expected,
                                      const reference::Tensor &got,
                                      int64_t at) {
  std::string text;
  llvm::raw_string_ostream(text)
      << "element " << reference::describeIndex(expected.shape, at)
      << ": interpreter " << llvm::format("%.9g", expected.at(at))
      << ", compiled " << llvm::format("%.9g", got.at(at));
  return text;
}

/// The first difference of one tensor, described without its name.
static std::optional<std::string> findDifference(const reference::Tensor &a,
                                                 const rb_tensor &b,
                                                 Type type) {
  if (ArrayRef<int64_t>(a.shape) != ArrayRef<int64_t>(b.dims, b.rank))
    return "shape [" + llvm::join(llvm::map_range(a.shape, [](int64_t d) {
             return std::to_string(d);
           }), ",") + "] was expected";
  reference::Tensor got = toReference(b, type);
  std::optional<int64_t> at = reference::findDifference(a, got);
  if (!at)
    return std::nullopt;
  return describeDifference(a, got, *at);
}

std::optional<std::string>
rheobase::findFirstDifference(func::FuncOp function,
                              ArrayRef<reference::Tensor> expected,
                              ArrayRef<rb_tensor> got) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (auto difference =
            findDifference(expected[i], got[i], function.getResultTypes()[i]))
      return "result '" + getResultName(function, i) + "', " + *difference;
  return std::nullopt;
}

std::vector<std::string> rheobase::tapValues(ModuleOp module,
                                             StringRef functionName) {
  auto function = module.lookupSymbol<func::FuncOp>(functionName);
  Block &body = function.getBody().front();
  SmallVector<Value> values;
  std::vector<std::string> names;
  for (Operation &op : body) {
    if (op.hasTrait<OpTrait::ConstantLike>() ||
        !isa_and_present<spiking::SpikingDialect>(op.getDialect()))
      continue;
    for (OpResult result : op.getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      if (!type || type.getRank() > RHEOBASE_MAX_RANK)
        continue;
      std::string name;
      llvm::raw_string_ostream os(name);
      os << "result " << result.getResultNumber() << " of '" << op.getName()
         << "' at " << op.getLoc();
      values.push_back(result);
      names.push_back(name);
    }
  }
  Operation *terminator = body.getTerminator();
  unsigned own = terminator->getNumOperands();
  terminator->insertOperands(0, values);
  SmallVector<Type> types(terminator->getOperandTypes());
  // The attributes of the function's own results move behind the taps.
  SmallVector<DictionaryAttr> attributes(types.size(),
                                         DictionaryAttr::get(module.getContext()));
  for (unsigned i = 0; i < own; ++i) {
    NamedAttrList list(function.getResultAttrDict(i));
    list.erase(spiking::SpikingDialect::kDTypeAttrName);
    list.erase(spiking::SpikingDialect::kDimsAttrName);
    list.erase(spiking::SpikingDialect::kAliasesAttrName);
    attributes[values.size() + i] = list.getDictionary(module.getContext());
  }
  function.setFunctionType(FunctionType::get(
      module.getContext(), function.getArgumentTypes(), types));
  function.setAllResultAttrs(attributes);
  return names;
}

std::optional<std::string>
rheobase::findFirstTapDifference(const std::vector<std::string> &names,
                                 TypeRange types,
                                 ArrayRef<reference::Tensor> expected,
                                 ArrayRef<rb_tensor> got) {
  for (size_t i = 0; i < names.size(); ++i) {
    const reference::Tensor &tensor = expected[i];
    if (ArrayRef<int64_t>(tensor.shape) !=
        ArrayRef<int64_t>(got[i].dims, got[i].rank))
      return names[i] + ": shapes differ";
    reference::Tensor other = toReference(got[i], types[i]);
    std::optional<int64_t> at = reference::findDifference(tensor, other);
    if (!at)
      continue;
    std::string text = names[i];
    if (tensor.rank() > 1)
      text += ", leading index (the time step of a sequence) " +
              std::to_string(*at / std::max<int64_t>(
                                       tensor.size() / tensor.shape[0], 1));
    return text + ", " + describeDifference(tensor, other, *at);
  }
  return std::nullopt;
}
