//===- DescribeEntries.cpp - The manifest of a module's entry points --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Target/Manifest.h"
#include "rheobase/abi.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/JSON.h"

namespace rheobase {
#define GEN_PASS_DEF_DESCRIBEENTRIESPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

std::string rheobase::getEntrySymbol(StringRef module, StringRef entry) {
  std::string symbol = ("rheobase_" + module + "_" + entry).str();
  for (char &c : symbol)
    if (!llvm::isAlnum(c))
      c = '_';
  return symbol;
}

/// The manifest's name of an element type; empty if it has none.
static StringRef getDTypeName(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isInteger(1))
    return "bool";
  if (element.isInteger(8))
    return "i8";
  if (element.isInteger(32))
    return "i32";
  if (element.isInteger(64) || element.isIndex())
    return "i64";
  if (element.isF16())
    return "f16";
  if (element.isBF16())
    return "bf16";
  if (element.isF32())
    return "f32";
  if (element.isF64())
    return "f64";
  return "";
}

/// Sizes and names of dimensions. Without names in the source: one leading
/// dynamic dimension is the batch, two are time and batch.
static FailureOr<ArrayAttr> getDims(func::FuncOp func, Type type,
                                    ArrayAttr given, const Twine &what) {
  Builder builder(func.getContext());
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped)
    return builder.getArrayAttr({});
  if (given && static_cast<int64_t>(given.size()) != shaped.getRank())
    return func.emitOpError(what)
           << " has rank " << shaped.getRank() << ", but spiking.dims has "
           << given.size() << " entries";
  size_t leading = 0;
  while (leading < static_cast<size_t>(shaped.getRank()) &&
         shaped.isDynamicDim(leading))
    ++leading;
  SmallVector<Attribute> dims;
  for (auto [i, size] : llvm::enumerate(shaped.getShape())) {
    StringRef name = "?";
    if (leading == 1 && i == 0)
      name = "B";
    else if (leading == 2 && i < 2)
      name = i == 0 ? "T" : "B";
    if (given && isa<StringAttr>(given[i]))
      name = cast<StringAttr>(given[i]).getValue();
    if (ShapedType::isDynamic(size) && given && isa<IntegerAttr>(given[i]))
      dims.push_back(given[i]); // found out by spiking-name-dimensions
    else if (ShapedType::isDynamic(size))
      dims.push_back(builder.getStringAttr(name));
    else
      dims.push_back(builder.getI64IntegerAttr(size));
  }
  return builder.getArrayAttr(dims);
}

static llvm::json::Array toJSON(ArrayAttr dims) {
  llvm::json::Array array;
  for (Attribute dim : dims) {
    if (auto name = dyn_cast<StringAttr>(dim))
      array.push_back(name.getValue());
    else
      array.push_back(cast<IntegerAttr>(dim).getInt());
  }
  return array;
}

static FailureOr<llvm::json::Object> toJSON(func::FuncOp func,
                                            Attribute initializer) {
  if (auto init = dyn_cast<InitializerAttr>(initializer)) {
    llvm::json::Object object{{"kind", stringifyInitKind(init.getKind())}};
    switch (init.getKind()) {
    case InitKind::Constant:
      object["value"] = double(init.getValue());
      break;
    case InitKind::Uniform:
      object["low"] = double(init.getLow());
      object["high"] = double(init.getHigh());
      break;
    case InitKind::Normal:
      object["mean"] = double(init.getMean());
      object["std"] = double(init.getStd());
      break;
    case InitKind::KaimingUniform:
    case InitKind::KaimingNormal:
    case InitKind::XavierUniform:
    case InitKind::XavierNormal:
      object["fan_in"] = init.getFanIn();
      object["fan_out"] = init.getFanOut();
      object["gain"] = double(init.getGain());
      break;
    }
    return object;
  }
  if (auto dense = dyn_cast<DenseElementsAttr>(initializer)) {
    if (dense.isSplat() && isa<FloatType>(dense.getElementType()))
      return llvm::json::Object{
          {"kind", "constant"},
          {"value", dense.getSplatValue<APFloat>().convertToDouble()}};
    if (dense.isSplat()) {
      APInt value = dense.getSplatValue<APInt>();
      // A spike is 1.
      double number = value.getBitWidth() == 1 ? double(value.getZExtValue())
                                               : double(value.getSExtValue());
      return llvm::json::Object{{"kind", "constant"}, {"value", number}};
    }
    SmallVector<char> bytes(dense.getRawData());
    // In memory a binary spike takes a byte.
    if (dense.getElementType().isInteger(1))
      bytes = llvm::to_vector(
          llvm::map_range(dense.getValues<bool>(), [](bool b) { return char(b); }));
    return llvm::json::Object{{"kind", "data"},
                              {"base64", llvm::encodeBase64(bytes)}};
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(initializer))
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      return llvm::json::Object{
          {"kind", "data"}, {"base64", llvm::encodeBase64(blob->getData())}};
  return func.emitOpError("expected an initializer or elements as "
                          "spiking.initializer, got ")
         << initializer;
}

namespace {
struct DescribeEntriesPass
    : rheobase::impl::DescribeEntriesPassBase<DescribeEntriesPass> {
  using DescribeEntriesPassBase::DescribeEntriesPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::string name =
        module.getSymName() ? module.getSymName()->str() : moduleName;
    llvm::json::Object entries;
    for (auto func : module.getOps<func::FuncOp>()) {
      if (!func.isPublic() || func.isDeclaration())
        continue;
      FailureOr<llvm::json::Object> entry = describe(func);
      if (failed(entry))
        return signalPassFailure();
      (*entry)["symbol"] = getEntrySymbol(name, func.getName());
      entries[func.getName()] = std::move(*entry);
    }
    llvm::json::Object manifest{{"abi", RHEOBASE_ABI_VERSION},
                                {"rheobase", RHEOBASE_VERSION},
                                {"module", name},
                                {"target", "cpu"},
                                {"entries", std::move(entries)}};
    std::string text;
    llvm::raw_string_ostream(text)
        << llvm::formatv("{0:2}", llvm::json::Value(std::move(manifest)));
    Builder builder(&getContext());
    module->setAttr(SpikingDialect::kManifestAttrName, builder.getStringAttr(text));
    module->setAttr(SpikingDialect::kModuleNameAttrName, builder.getStringAttr(name));
  }

private:
  FailureOr<llvm::json::Object> describe(func::FuncOp func) {
    Builder builder(&getContext());
    SmallVector<StringRef> argumentNames, argumentRoles;
    llvm::SmallDenseSet<int64_t> donated;
    for (unsigned i = 0; i < func.getNumResults(); ++i)
      if (auto alias = func.getResultAttrOfType<IntegerAttr>(
              i, SpikingDialect::kAliasesAttrName)) {
        if (alias.getInt() < 0 || alias.getInt() >= func.getNumArguments())
          return func.emitOpError("result ")
                 << i << " aliases argument " << alias.getInt()
                 << ", which does not exist";
        donated.insert(alias.getInt());
      }

    llvm::json::Array arguments;
    for (unsigned i = 0; i < func.getNumArguments(); ++i) {
      Type type = func.getArgumentTypes()[i];
      StringRef role = "input";
      if (auto attr = func.getArgAttrOfType<StringAttr>(
              i, SpikingDialect::kRoleAttrName))
        role = attr.getValue();
      std::string name = "arg" + std::to_string(i);
      if (auto attr = func.getArgAttrOfType<StringAttr>(
              i, SpikingDialect::kNameAttrName))
        name = attr.str();
      else if (role != "input")
        name = role.str();
      FailureOr<llvm::json::Object> tensor = describe(
          func, type,
          func.getArgAttrOfType<ArrayAttr>(i, SpikingDialect::kDimsAttrName),
          "argument " + Twine(i), [&](StringRef key, Attribute value) {
            func.setArgAttr(i, key, value);
          });
      if (failed(tensor))
        return failure();
      (*tensor)["name"] = name;
      (*tensor)["role"] = role;
      argumentNames.push_back(builder.getStringAttr(name).getValue());
      argumentRoles.push_back(role);
      if (donated.contains(i))
        (*tensor)["donated"] = true;
      if (Attribute init =
              func.getArgAttr(i, SpikingDialect::kInitializerAttrName)) {
        FailureOr<llvm::json::Object> object = toJSON(func, init);
        if (failed(object))
          return failure();
        (*tensor)["initializer"] = std::move(*object);
        // The manifest has it now; below this level types change.
        func.removeArgAttr(i, SpikingDialect::kInitializerAttrName);
      }
      arguments.push_back(std::move(*tensor));
    }

    llvm::json::Array results;
    for (unsigned i = 0; i < func.getNumResults(); ++i) {
      Type type = func.getResultTypes()[i];
      FailureOr<llvm::json::Object> tensor = describe(
          func, type,
          func.getResultAttrOfType<ArrayAttr>(i, SpikingDialect::kDimsAttrName),
          "result " + Twine(i), [&](StringRef key, Attribute value) {
            func.setResultAttr(i, key, value);
          });
      if (failed(tensor))
        return failure();
      std::string name = "result" + std::to_string(i);
      StringRef role = "output";
      if (auto alias = func.getResultAttrOfType<IntegerAttr>(
              i, SpikingDialect::kAliasesAttrName)) {
        (*tensor)["aliases"] = alias.getInt();
        name = argumentNames[alias.getInt()].str();
        role = argumentRoles[alias.getInt()];
      }
      if (auto attr = func.getResultAttrOfType<StringAttr>(
              i, SpikingDialect::kNameAttrName))
        name = attr.str();
      if (auto attr = func.getResultAttrOfType<StringAttr>(
              i, SpikingDialect::kRoleAttrName))
        role = attr.getValue();
      (*tensor)["name"] = name;
      (*tensor)["role"] = role;
      results.push_back(std::move(*tensor));
    }

    llvm::json::Object entry{{"arguments", std::move(arguments)},
                             {"results", std::move(results)}};
    if (auto training = func->getAttrOfType<TrainingAttr>(
            SpikingDialect::kTrainingAttrName)) {
      double rate = 0;
      StringRef optimizer;
      if (auto sgd = dyn_cast<SGDOptimizerAttr>(training.getOptimizer())) {
        rate = sgd.getLearningRate();
        optimizer = "sgd";
      } else if (auto adam =
                     dyn_cast<AdamOptimizerAttr>(training.getOptimizer())) {
        rate = adam.getLearningRate();
        optimizer = adam.getDecoupled() ? "adamw" : "adam";
      }
      entry["model"] =
          llvm::json::Object{{"loss", training.getLoss().getValue()},
                             {"optimizer", optimizer},
                             {"learning_rate", rate},
                             {"time_steps", training.getTimeSteps()}};
      // The manifest has it now; below, the loss function has other types.
      func->removeAttr(SpikingDialect::kTrainingAttrName);
    }
    return entry;
  }

  FailureOr<llvm::json::Object>
  describe(func::FuncOp func, Type type, ArrayAttr given, const Twine &what,
           function_ref<void(StringRef, Attribute)> set) {
    StringRef dtype = getDTypeName(type);
    if (dtype.empty() || !(isa<RankedTensorType>(type) || type.isIndex()))
      return func.emitOpError(what)
             << " of an entry point must be a tensor of i1, i8, i32, i64, f16, "
                "bf16, f32 or f64, or an index, got "
             << type;
    if (auto shaped = dyn_cast<ShapedType>(type))
      if (shaped.getRank() > RHEOBASE_MAX_RANK)
        return func.emitOpError(what)
               << " of an entry point has rank " << shaped.getRank()
               << ", expected at most " << RHEOBASE_MAX_RANK;
    FailureOr<ArrayAttr> dims = getDims(func, type, given, what);
    if (failed(dims))
      return failure();
    Builder builder(&getContext());
    set(SpikingDialect::kDTypeAttrName, builder.getStringAttr(dtype));
    set(SpikingDialect::kDimsAttrName, *dims);
    return llvm::json::Object{{"dtype", dtype}, {"shape", toJSON(*dims)}};
  }
};
} // namespace
