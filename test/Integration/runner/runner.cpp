//===- runner.cpp - Runs many functions in one process ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `reference-runner runs.json` executes a list of runs
//
//   {"module": "m.mlir", "function": "f", "arguments": ["x.npy", 3, ...],
//    "results": "out/r", "cotangents": ["w.npy", null, ...], "gradients": "out/g"}
//
// in the reference interpreter and writes out/r0.npy, out/r1.npy, ... With
// cotangents (null: zero) the function is differentiated on the interpreter's
// tape, and out/g0.npy, ... are the cotangents of the arguments in f64. With
// "compiled": true the module is compiled, once for all its runs, and out/r0.npy,
// ... are what the compiled function gives. The status is 1 if a run failed; the
// others are executed nevertheless.
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Reference/Interpreter.h"
#include "rheobase/Reference/RuntimeTensor.h"
#include "rheobase/Runtime/Npy.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace rheobase;
using reference::ElementKind;
using reference::Tensor;

static bool check(const rt::Status &status) {
  if (!status.ok())
    llvm::errs() << "error: " << status.message() << "\n";
  return status.ok();
}

static std::optional<Tensor> readTensor(const std::string &path,
                                        ElementKind kind) {
  rt::Tensor file;
  Tensor tensor;
  if (!check(rt::readNpy(path, file)) ||
      !check(reference::fromRuntime(file.view(), kind, tensor)))
    return std::nullopt;
  return tensor;
}

static bool writeTensor(const std::string &path, const Tensor &tensor) {
  rt::Tensor file;
  return check(reference::toRuntime(tensor, file)) &&
         check(rt::writeNpy(path, file.view()));
}

namespace {
class Runner {
public:
  Runner() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
  }

  bool run(const llvm::json::Object &run);

private:
  ModuleOp getModule(const std::string &path);
  CompiledProgram *getProgram(const std::string &path);
  bool getArguments(func::FuncOp function, const llvm::json::Array &values,
                    SmallVector<Tensor> &arguments);

  MLIRContext context;
  llvm::StringMap<OwningOpRef<ModuleOp>> modules;
  llvm::StringMap<std::unique_ptr<CompiledProgram>> programs;
};
} // namespace

ModuleOp Runner::getModule(const std::string &path) {
  OwningOpRef<ModuleOp> &module = modules[path];
  if (!module)
    module = parseSourceFile<ModuleOp>(path, &context);
  return module ? *module : ModuleOp();
}

/// The program of a module; null if it does not compile.
CompiledProgram *Runner::getProgram(const std::string &path) {
  auto [found, isNew] = programs.try_emplace(path);
  if (!isNew)
    return found->second.get();
  OwningOpRef<ModuleOp> module = getModule(path).clone();
  auto frontend = PassManager::on<ModuleOp>(&context);
  populateFrontendPipeline(frontend, FrontendOptions());
  if (succeeded(frontend.run(*module))) {
    auto program = compileForCPU(*module, CompileOptions());
    if (succeeded(program))
      found->second = std::move(*program);
  }
  return found->second.get();
}

bool Runner::getArguments(func::FuncOp function,
                          const llvm::json::Array &values,
                          SmallVector<Tensor> &arguments) {
  if (values.size() != function.getNumArguments()) {
    llvm::errs() << "error: '" << function.getName() << "' takes "
                 << function.getNumArguments() << " arguments, got "
                 << values.size() << "\n";
    return false;
  }
  for (auto [value, type] : llvm::zip(values, function.getArgumentTypes())) {
    ElementKind kind =
        *reference::getElementKind(getElementTypeOrSelf(type));
    if (std::optional<double> number = value.getAsNumber()) {
      arguments.push_back(Tensor::of(kind, {}, *number));
      continue;
    }
    std::optional<Tensor> tensor =
        readTensor(value.getAsString().value_or("").str(), kind);
    if (!tensor)
      return false;
    arguments.push_back(std::move(*tensor));
  }
  return true;
}

bool Runner::run(const llvm::json::Object &run) {
  ModuleOp module = getModule(run.getString("module").value_or("").str());
  if (!module)
    return false;
  StringRef name = run.getString("function").value_or("");
  auto function = module.lookupSymbol<func::FuncOp>(name);
  const llvm::json::Array *values = run.getArray("arguments");
  if (!function || !values) {
    llvm::errs() << "error: no function '" << name << "' or no arguments\n";
    return false;
  }
  SmallVector<Tensor> arguments, results;
  if (!getArguments(function, *values, arguments))
    return false;

  if (const llvm::json::Array *given = run.getArray("cotangents")) {
    SmallVector<Tensor> cotangents;
    for (const llvm::json::Value &value : *given) {
      std::optional<StringRef> path = value.getAsString();
      std::optional<Tensor> tensor =
          path ? readTensor(path->str(), ElementKind::F64)
               : Tensor(ElementKind::F64, {0});
      if (!tensor)
        return false;
      cotangents.push_back(std::move(*tensor));
    }
    auto gradient = reference::gradient(function, arguments, cotangents);
    if (failed(gradient))
      return false;
    results = std::move(gradient->results);
    std::string prefix = run.getString("gradients").value_or("").str();
    for (auto [i, cotangent] : llvm::enumerate(gradient->cotangents))
      if (!writeTensor(prefix + std::to_string(i) + ".npy", cotangent))
        return false;
  } else if (run.getBoolean("compiled").value_or(false)) {
    CompiledProgram *program =
        getProgram(run.getString("module").value_or("").str());
    rb_entry_fn entry = program ? program->lookup(name) : nullptr;
    SmallVector<ElementKind> kinds = llvm::map_to_vector(
        function.getResultTypes(), [](Type type) {
          return *reference::getElementKind(getElementTypeOrSelf(type));
        });
    if (!entry ||
        !check(reference::callEntry(entry, arguments, kinds, results)))
      return false;
  } else {
    auto executed = reference::run(function, arguments);
    if (failed(executed))
      return false;
    results = std::move(*executed);
  }
  std::string prefix = run.getString("results").value_or("").str();
  for (auto [i, result] : llvm::enumerate(results))
    if (!writeTensor(prefix + std::to_string(i) + ".npy", result))
      return false;
  return true;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: reference-runner runs.json\n";
    return 1;
  }
  auto file = llvm::MemoryBuffer::getFile(argv[1]);
  if (!file) {
    llvm::errs() << "error: cannot read '" << argv[1] << "'\n";
    return 1;
  }
  llvm::Expected<llvm::json::Value> runs =
      llvm::json::parse((*file)->getBuffer());
  if (!runs || !runs->getAsArray()) {
    llvm::errs() << "error: '" << argv[1] << "' is not a list of runs\n";
    if (!runs)
      llvm::consumeError(runs.takeError());
    return 1;
  }
  Runner runner;
  bool ok = true;
  for (const llvm::json::Value &value : *runs->getAsArray()) {
    const llvm::json::Object *run = value.getAsObject();
    if (run && runner.run(*run))
      continue;
    ok = false;
    llvm::errs() << "error: run of '"
                 << (run ? run->getString("function").value_or("") : "")
                 << "' failed\n";
  }
  return ok ? 0 : 1;
}
