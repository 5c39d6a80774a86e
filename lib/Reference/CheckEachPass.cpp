//===- CheckEachPass.cpp - Finds the pass that changes a result -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/CheckEachPass.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Support/Philox.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"

#include <cmath>

using namespace mlir;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

/// The run-time shape of an argument.
static SmallVector<int64_t> drawShape(Type type,
                                      const RandomArguments &options) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped)
    return {};
  ArrayRef<int64_t> extents = shaped.getShape();
  size_t leading = 0;
  while (leading < extents.size() && ShapedType::isDynamic(extents[leading]))
    ++leading;
  SmallVector<int64_t> shape(extents);
  for (auto [d, extent] : llvm::enumerate(shape)) {
    bool isSteps = d == 0 && (leading > 1 || options.leadingIsSteps);
    if (ShapedType::isDynamic(extent))
      extent = isSteps ? options.steps : options.samples;
  }
  return shape;
}

SmallVector<Tensor> drawArguments(func::FuncOp function,
                                  const RandomArguments &options) {
  SmallVector<Tensor> arguments;
  for (auto [number, type] : llvm::enumerate(function.getArgumentTypes())) {
    ElementKind kind = getElementKind(getElementTypeOrSelf(type))
                           .value_or(ElementKind::F32);
    StringAttr role = function.getArgAttrOfType<StringAttr>(
        number, spiking::SpikingDialect::kRoleAttrName);
    bool isPositive = role && (role.getValue() == "optimizer" ||
                               role.getValue() == "state" ||
                               role.getValue() == "learning_rate");
    Tensor tensor(kind, drawShape(type, options));
    for (int64_t i = 0; i < tensor.size(); ++i) {
      std::array<uint32_t, 4> words =
          philox4x32({uint32_t(i), uint32_t(number), 0, 0},
                     philoxKey(options.seed));
      double uniform = double(uniform01(words[0]));
      switch (kind) {
      case ElementKind::I1:
        tensor[i] = Scalar::ofNumber(uniform < options.spikeRate);
        break;
      case ElementKind::Index:
      case ElementKind::I64:
        tensor[i] = Scalar::ofInteger(options.steps);
        break;
      case ElementKind::I8:
      case ElementKind::I16:
      case ElementKind::I32:
        tensor[i] = Scalar::ofNumber(std::floor(uniform * 3.0));
        break;
      default:
        tensor[i] = Scalar::ofNumber(
            roundTo(kind, isPositive ? uniform : 2.0 * uniform - 1.0));
      }
    }
    arguments.push_back(std::move(tensor));
  }
  return arguments;
}

//===----------------------------------------------------------------------===//
// The instrumentation
//===----------------------------------------------------------------------===//

namespace {
/// A function as it was when it was first seen with its type.
struct Baseline {
  FunctionType type;
  SmallVector<Tensor> arguments, results;
  /// Whether it is still compared.
  bool active = true;
};

class CheckEachPass : public PassInstrumentation {
public:
  CheckEachPass(const CheckOptions &options, bool &failed)
      : options(options), hasFailed(failed) {}

  void runBeforePass(Pass *pass, Operation *op) override {
    if (baselines.empty())
      check(op, nullptr);
  }
  void runAfterPass(Pass *pass, Operation *op) override { check(op, pass); }

private:
  void check(Operation *op, Pass *pass);
  void checkFunction(func::FuncOp function, Pass *pass);
  void start(func::FuncOp function);
  FailureOr<SmallVector<Tensor>> runQuietly(func::FuncOp function,
                                            ArrayRef<Tensor> arguments,
                                            std::string &message);

  const CheckOptions options;
  bool &hasFailed;
  llvm::MapVector<StringAttr, Baseline> baselines;
};
} // namespace

/// How two results differ; empty if they do not.
static std::string describeDifference(const Tensor &before, const Tensor &after,
                                      double tolerance) {
  if (before.kind != after.kind || before.shape != after.shape)
    return "is " + after.describe() + " and was " + before.describe();
  double largest = 0.0;
  if (isFloat(before.kind))
    for (double value : before.values())
      if (std::isfinite(value))
        largest = std::max(largest, std::fabs(value));
  for (int64_t i = 0; i < before.size(); ++i) {
    if (sameNumber(before.kind, before[i], after[i]) ||
        (isFloat(before.kind) &&
         std::fabs(before.at(i) - after.at(i)) <= tolerance * largest))
      continue;
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "is " << llvm::format("%.9g", after.at(i)) << " at "
       << describeIndex(before.shape, i) << " and was "
       << llvm::format("%.9g", before.at(i));
    return text;
  }
  return "";
}

/// Runs a function; errors become a message.
FailureOr<SmallVector<Tensor>>
CheckEachPass::runQuietly(func::FuncOp function, ArrayRef<Tensor> arguments,
                          std::string &message) {
  ScopedDiagnosticHandler handler(function.getContext(),
                                  [&](Diagnostic &diagnostic) {
                                    if (message.empty())
                                      message = diagnostic.str();
                                    return success();
                                  });
  return run(function, arguments);
}

/// Finds arguments that the function can be run with.
void CheckEachPass::start(func::FuncOp function) {
  Baseline &baseline = baselines[function.getSymNameAttr()];
  baseline = {function.getFunctionType(), {}, {}, false};
  RandomArguments draw = options.arguments;
  std::string message;
  // What a dynamic extent means is not in the types: attempts.
  for (int attempt = 0; attempt < 3; ++attempt) {
    draw.leadingIsSteps = attempt == 1;
    if (attempt == 2)
      draw.samples = draw.steps;
    baseline.arguments = drawArguments(function, draw);
    auto results = runQuietly(function, baseline.arguments, message);
    if (failed(results))
      continue;
    baseline.results = std::move(*results);
    baseline.active = true;
    return;
  }
}

void CheckEachPass::checkFunction(func::FuncOp function, Pass *pass) {
  auto found = baselines.find(function.getSymNameAttr());
  if (found == baselines.end() ||
      found->second.type != function.getFunctionType()) {
    start(function);
    return;
  }
  Baseline &baseline = found->second;
  if (!baseline.active || !pass)
    return;
  std::string message;
  auto results = runQuietly(function, baseline.arguments, message);
  if (failed(results)) {
    // Below L2: what a later pass does is not compared any more.
    baseline.active = false;
    return;
  }
  for (auto [number, before, after] :
       llvm::enumerate(baseline.results, *results)) {
    std::string difference =
        describeDifference(before, after, options.tolerance);
    if (difference.empty())
      continue;
    StringRef name = pass->getArgument();
    function.emitError("pass '")
        << (name.empty() ? pass->getName() : name) << "' changes what '"
        << function.getName() << "' computes: result " << number << " "
        << difference;
    baseline.active = false;
    hasFailed = true;
    return;
  }
}

void CheckEachPass::check(Operation *op, Pass *pass) {
  // Adaptors run other passes, which are checked themselves.
  if (pass && pass->getArgument().empty() &&
      pass->getName().contains("PassAdaptor"))
    return;
  if (auto function = dyn_cast<func::FuncOp>(op); function && pass) {
    if (!function.isExternal())
      checkFunction(function, pass);
    return;
  }
  auto module = dyn_cast<ModuleOp>(op);
  while (!module && op->getParentOp()) {
    op = op->getParentOp();
    module = dyn_cast<ModuleOp>(op);
  }
  if (!module)
    return;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      checkFunction(function, pass);
}

void addCheckEachPass(PassManager &pm, const CheckOptions &options,
                      bool &failed) {
  pm.getContext()->disableMultithreading();
  pm.addInstrumentation(std::make_unique<CheckEachPass>(options, failed));
}

} // namespace rheobase::reference
