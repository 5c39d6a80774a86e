//===- OpenProgram.cpp - From a file to a program -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpenProgram.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Reference/Interpreter.h"
#include "rheobase/Reference/RuntimeTensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;

namespace rheobase {

struct OpenedProgram::Source {
  Source() : context(makeRegistry()) {}

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

OpenedProgram::OpenedProgram() = default;
OpenedProgram::~OpenedProgram() = default;

rt::Status OpenedProgram::open(const std::string &path,
                               const std::string &cacheFolder,
                               rt::Trainer &trainer) {
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return rt::Status(RB_NOT_FOUND, "cannot open '" + path +
                                        "': " + file.getError().message());
  // Whatever ELF file it is: the runtime says what is wrong with it.
  if ((*file)->getBuffer().starts_with("\x7f"
                                       "ELF")) {
    const std::pair<bool, const char *> ofCompilation[] = {
        {kernel != ProductKernel::Automatic, "--force-kernel"},
        {exact, "--exact"},
        {!memoryLimit.empty(), "--memory-limit"}};
    for (auto [isGiven, option] : ofCompilation)
      if (isGiven)
        return rt::Status(RB_INVALID_ARGUMENT,
                          std::string(option) + ": '" + path +
                              "' is compiled: give the option to snn-compile");
    return trainer.loadProgram(path);
  }
  return compile(path, cacheFolder, trainer);
}

rt::Status OpenedProgram::compile(const std::string &path,
                                  const std::string &cacheFolder,
                                  rt::Trainer &trainer) {
  source = std::make_unique<Source>();
  mlir::MLIRContext &context = source->context;
  SourceMgr sourceMgr;
  mlir::SourceMgrDiagnosticHandler diagnostics(sourceMgr, &context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceFile<mlir::ModuleOp>(path, sourceMgr, &context);
  if (!module)
    return rt::Status(RB_INVALID_ARGUMENT,
                      "'" + path + "': expected a module or a shared object");
  if (!isTrainable(*module))
    return rt::Status(RB_INVALID_ARGUMENT,
                      "'" + path +
                          "': expected a function with the attribute "
                          "spiking.training, which says how it is trained");
  source->module = module->clone();
  CompileOptions options;
  options.kernel = kernel;
  options.moduleName = sys::path::stem(path).str();
  std::string problem;
  std::optional<CPUInstructionSet> isa = chooseInstructionSet("host", problem);
  if (!isa || !getCompileCacheOptions(cacheFolder, options.cache, problem))
    return rt::Status(RB_INVALID_ARGUMENT, problem);
  options.codegen.isa = *isa;
  options.frontend.exact = exact;
  // Nobody asks for the outputs; how many classes they have is known here.
  options.entries = {"train_step", "evaluate"};
  for (auto function : module->getOps<mlir::func::FuncOp>())
    if (function->hasAttr(spiking::SpikingDialect::kTrainingAttrName) &&
        function.getNumResults() > 0 && !trainer.options.classes)
      if (auto output = dyn_cast<mlir::RankedTensorType>(
              function.getResultTypes().front());
          output && output.getRank() == 2 && !output.isDynamicDim(1))
        trainer.options.classes = output.getDimSize(1);
  if (!memoryLimit.empty()) {
    if (!parseMemoryLimit(memoryLimit, {}, options.memory, problem))
      return rt::Status(RB_INVALID_ARGUMENT, problem);
    options.memory.dims["B"] = samples;
    int64_t steps = timeSteps;
    for (auto function : module->getOps<mlir::func::FuncOp>())
      if (auto training = function->getAttrOfType<spiking::TrainingAttr>(
              spiking::SpikingDialect::kTrainingAttrName);
          training && steps == 0)
        steps = training.getTimeSteps();
    options.memory.dims["T"] = steps;
  }
  auto program = compileForCPU(*module, options);
  if (failed(program))
    return rt::Status(RB_INVALID_ARGUMENT, "cannot compile '" + path + "'");
  compiled = std::move(*program);

  std::vector<rb_function> functions;
  for (const CompiledProgram::Entry &entry : compiled->getEntries())
    functions.push_back({entry.symbol.c_str(), entry.function});
  rb_program *created = nullptr;
  if (rb_status code = rb_program_create(
          compiled->getManifest().c_str(), functions.data(),
          static_cast<int64_t>(functions.size()), &created);
      code != RB_OK)
    return rt::Status(code, rb_last_error());
  return trainer.setProgram(created);
}

/// A number that is not finite.
static StringRef nameOf(double value) {
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

/// "net.mlir:12:5".
static std::string describe(mlir::Location loc) {
  std::string text;
  raw_string_ostream os(text);
  if (auto place = loc->findInstanceOf<mlir::FileLineColLoc>())
    os << place.getFilename().getValue() << ":" << place.getLine() << ":"
       << place.getColumn();
  else
    os << loc;
  return text;
}

std::string OpenedProgram::explain(const rb_numeric_failure &failure) const {
  if (!source)
    return "a shared object has no operations to run again: train the .mlir "
           "network to learn which one it was";
  mlir::PassManager training(&source->context);
  populateTrainingPipeline(training, {exact});
  if (isTrainable(*source->module) && failed(training.run(*source->module)))
    return "the step cannot be built again";
  // One argument after the other, as the interpreter holds them.
  auto function = source->module->lookupSymbol<mlir::func::FuncOp>("train_step");
  if (!function || function.getNumArguments() != failure.argument_count)
    return "the module has no such step to run again";
  SmallVector<reference::Tensor> arguments;
  for (auto [number, type] : enumerate(function.getArgumentTypes())) {
    std::optional<reference::ElementKind> kind =
        reference::getElementKind(mlir::getElementTypeOrSelf(type));
    reference::Tensor tensor;
    rt::Status status = reference::fromRuntime(failure.arguments[number],
                                               kind.value(), tensor);
    if (!status.ok())
      return "the step cannot be run again: " + status.message();
    rb_value_info info;
    for (int64_t i = 0; reference::isFloat(tensor.kind) && i < tensor.size(); ++i)
      if (!std::isfinite(tensor.at(i)) &&
          rb_entry_argument(failure.program, failure.entry, int64_t(number),
                            &info) == RB_OK)
        return formatv("'{0}' is {1} at {2} when the step begins", info.name,
                       nameOf(tensor.at(i)), reference::describeIndex(tensor.shape, i));
    arguments.push_back(std::move(tensor));
  }
  errs() << "note: running the step again in the interpreter\n";
  auto found = reference::findNonFinite(function, arguments);
  if (failed(found))
    return "the interpreter cannot run the step";
  if (!*found)
    return "in the interpreter all numbers of the step are finite";
  const reference::NonFinite &first = **found;
  std::string text = formatv(
      "the first result that is not finite is that of '{0}' at {1}: {2} at {3}",
      first.op->getName().getStringRef(), describe(first.op->getLoc()),
      nameOf(first.value), first.index);
  if (first.step)
    text += formatv(", time step {0}", *first.step);
  return text;
}

} // namespace rheobase
