//===- snn-run.cpp - Runs, times and checks functions of a module -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arguments.h"
#include "Compare.h"
#include "Profile.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/IR/Roles.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Reference/Interpreter.h"
#include "rheobase/Runtime/Files.h"
#include "rheobase/Runtime/Measure.h"
#include "rheobase/Runtime/Npy.h"
#include "rheobase/Support/CommandLine.h"
#include "rheobase/Target/JIT.h"
#include "rheobase/Target/SharedObject.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>

using namespace mlir;
using namespace rheobase;
namespace cl = llvm::cl;

static cl::OptionCategory whatCategory("What runs");
static cl::OptionCategory argumentCategory("Arguments and results");
static cl::OptionCategory timeCategory("Timing");

static cl::opt<std::string> inputFile(cl::Positional, cl::Required,
                                      cl::desc("<module.mlir>"),
                                      cl::cat(whatCategory));
static cl::opt<std::string>
    functionName("function",
                 cl::desc("function to run (default: the only public one)"),
                 cl::cat(whatCategory));
static cl::opt<bool>
    differentiate("differentiate",
                  cl::desc("run the function's gradient, which takes a "
                           "cotangent for each result as well"),
                  cl::cat(whatCategory));
static cl::list<std::string> withRespectTo(
    "wrt",
    cl::desc("what --differentiate differentiates with respect to: names of "
             "arguments, 'parameters' or 'inputs' (default: all of a float "
             "type)"),
    cl::value_desc("names"), cl::CommaSeparated, cl::cat(whatCategory));
static cl::opt<bool>
    useReference("reference",
                 cl::desc("run in the reference interpreter, not compiled"),
                 cl::cat(whatCategory));
static cl::opt<bool>
    check("check",
          cl::desc("run compiled and in the interpreter on the same arguments; "
                   "report the first spike, the operation and the time step "
                   "where they part; exit code 1 if they do"),
          cl::cat(whatCategory));
static RewriteOptions rewrites(whatCategory);
static cl::opt<std::string>
    passes("passes",
           cl::desc("run these passes before compiling; what --check runs in "
                    "the interpreter stays as it is, so it checks the passes"),
           cl::value_desc("pipeline"), cl::cat(whatCategory));
static cl::opt<std::string>
    isaName("isa", cl::init("host"),
            cl::desc("instruction set: x86-64-v3, x86-64-v4 or host, which is "
                     "what this machine has, or what $RHEOBASE_CPU says"),
            cl::cat(whatCategory));

static cl::opt<std::string>
    cacheFolder("cache",
                cl::desc("folder that keeps machine code for the next time, or "
                         "off (default: $RHEOBASE_CACHE, else rheobase in "
                         "$XDG_CACHE_HOME or ~/.cache)"),
                cl::value_desc("folder"), cl::cat(whatCategory));
static cl::opt<ProductKernel, false, NamedValueParser<ProductKernel>>
    forceKernel("force-kernel", cl::init(ProductKernel::Automatic),
                cl::desc("how products with spikes are computed:"),
                getProductKernelValues(), cl::cat(whatCategory));

static cl::list<std::string>
    argumentList("arg",
                 cl::desc("name=value: a number or an .npy file, for an "
                          "argument by its spiking.name, role (or T for the "
                          "number of time steps), or argN"),
                 cl::value_desc("name=value"), cl::cat(argumentCategory));
static cl::opt<bool>
    randomArguments("random",
                    cl::desc("draw the arguments that have no value: normal "
                             "numbers, spikes, labels"),
                    cl::cat(argumentCategory));
static cl::opt<uint64_t> seed("seed", cl::init(0),
                              cl::desc("seed of --random"),
                              cl::cat(argumentCategory));
static cl::list<std::string>
    dimList("dims", cl::CommaSeparated,
            cl::desc("sizes of named dimensions: T=16,B=4"),
            cl::value_desc("name=N"), cl::cat(argumentCategory));
static cl::opt<double> spikeRate("spike-rate", cl::init(0.2),
                                 cl::desc("share of ones in drawn spikes"),
                                 cl::cat(argumentCategory));
static cl::opt<std::string>
    outputFolder("out-dir",
                 cl::desc("write each argument and result as <name>.npy here"),
                 cl::cat(argumentCategory));

static cl::opt<std::string> savedModule(
    "save-module",
    cl::desc(
        "write the function, or its gradient, as it is compiled, and stop: "
        "for snn-compile"),
    cl::value_desc("file"), cl::cat(whatCategory));

static cl::opt<bool> timeRuns("time",
                              cl::desc("time repeated calls (results are read)"),
                              cl::cat(timeCategory));
static cl::opt<double> minSeconds("min-seconds", cl::init(2.0),
                                  cl::desc("how long to repeat"),
                                  cl::cat(timeCategory));
static cl::opt<std::string> profileFile(
    "profile", cl::ValueOptional,
    cl::desc(
        "measure each loop nest of the compiled function: time, operations, "
        "bytes, and their share of what the machine can do, as a table; "
        "and into a file, as JSON that Perfetto and Chrome show"),
    cl::value_desc("file"), cl::cat(timeCategory));
static cl::opt<bool> json("json", cl::desc("print one line of JSON"),
                          cl::cat(timeCategory));

/// Splits `name=value`.
static bool split(StringRef text, StringRef &name, StringRef &value) {
  std::tie(name, value) = text.split('=');
  return !name.empty() && !value.empty();
}

static int fail(const llvm::Twine &message) {
  llvm::errs() << "snn-run: " << message << "\n";
  return 2;
}

static func::FuncOp findFunction(ModuleOp module, std::string &message) {
  func::FuncOp only;
  std::string names;
  int64_t count = 0;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    names += (names.empty() ? "" : ", ") + function.getName().str();
    if (function.getName() == functionName)
      return function;
    if (function.isPublic()) {
      only = function;
      ++count;
    }
  }
  if (functionName.empty() && count == 1)
    return only;
  if (names.empty()) {
    message = "the module has no function";
    return {};
  }
  message = functionName.empty()
                ? "the module has " + std::to_string(count) +
                      " public functions: choose one with --function (" +
                      names + ")"
                : "no function '" + functionName + "', only: " + names;
  return {};
}

/// The arguments that --wrt names.
static FailureOr<SmallVector<int64_t>> getWithRespectTo(func::FuncOp function) {
  SmallVector<int64_t> result;
  for (const std::string &name : withRespectTo) {
    bool found = false;
    for (unsigned index : llvm::seq(function.getNumArguments())) {
      auto attribute = [&](StringRef key) {
        auto value = function.getArgAttrOfType<StringAttr>(index, key);
        return value ? value.getValue() : StringRef();
      };
      StringRef role = spiking::getRole(function, index);
      bool isFloat = isa<FloatType>(
          getElementTypeOrSelf(function.getArgumentTypes()[index]));
      if (attribute(spiking::SpikingDialect::kNameAttrName) == name ||
          (name == "parameters" && role == "parameter" && isFloat) ||
          (name == "inputs" && role == "input" && isFloat)) {
        found = true;
        if (!llvm::is_contained(result, index))
          result.push_back(index);
      }
    }
    if (!found)
      return function.emitError("--wrt: @")
             << function.getName() << " has no argument '" << name
             << "' to be differentiated with respect to";
  }
  llvm::sort(result);
  return result;
}

/// Leaves `name` as the only public function, in sequence form; with
/// --differentiate its gradient.
static LogicalResult prepare(ModuleOp module, std::string &name) {
  for (auto function : module.getOps<func::FuncOp>()) {
    function.setVisibility(function.getName() == name
                               ? SymbolTable::Visibility::Public
                               : SymbolTable::Visibility::Private);
    // One function is run, it is not trained.
    function->removeAttr(spiking::SpikingDialect::kTrainingAttrName);
  }
  PassManager pm(module.getContext());
  if (failed(applyPassManagerCLOptions(pm)))
    return failure();
  pm.addPass(spiking::createOutlineParametersPass());
  populateFrontendPipeline(pm, {rewrites.exact});
  if (failed(pm.run(module)))
    return failure();
  if (!differentiate)
    return success();
  spiking::DifferentiatePassOptions options;
  options.functionName = name;
  auto with = getWithRespectTo(module.lookupSymbol<func::FuncOp>(name));
  if (failed(with))
    return failure();
  options.withRespectTo.assign(with->begin(), with->end());
  PassManager gradient(module.getContext());
  if (failed(applyPassManagerCLOptions(gradient)))
    return failure();
  gradient.addPass(spiking::createDifferentiatePass(options));
  populateFrontendPipeline(gradient, {rewrites.exact});
  if (failed(gradient.run(module)))
    return failure();
  if (auto primal = module.lookupSymbol<func::FuncOp>(name))
    primal.setPrivate();
  name += "_gradient";
  PassManager cleanup(module.getContext());
  cleanup.addPass(createSymbolDCEPass());
  return cleanup.run(module);
}

/// Gives arguments and results the names of their dimensions.
static LogicalResult describe(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.addPass(createDescribeEntriesPass());
  return pm.run(module);
}

/// For each result the argument that it is, or -1.
static std::vector<int> getAliases(func::FuncOp entry) {
  std::vector<int> aliases;
  for (unsigned i = 0; i < entry.getNumResults(); ++i) {
    auto alias = entry.getResultAttrOfType<IntegerAttr>(
        i, spiking::SpikingDialect::kAliasesAttrName);
    aliases.push_back(alias ? static_cast<int>(alias.getInt()) : -1);
  }
  return aliases;
}

static int printResults(func::FuncOp function,
                        ArrayRef<reference::Tensor> results) {
  for (auto [i, result] : llvm::enumerate(results))
    llvm::outs() << getResultName(function, i) << ": "
                 << summarize(result) << "\n";
  return 0;
}

static int writeFolder(func::FuncOp function,
                       const std::vector<rt::Tensor> &arguments,
                       ArrayRef<reference::Tensor> results) {
  if (outputFolder.empty())
    return 0;
  if (std::error_code error = llvm::sys::fs::create_directories(outputFolder))
    return fail("cannot make " + outputFolder + ": " + error.message());
  auto write = [&](const std::string &name, const rb_tensor &tensor) {
    rt::Status status =
        rt::writeNpy(outputFolder + "/" + name + ".npy", tensor);
    return status.ok() ? 0 : fail(status.message());
  };
  for (auto [i, argument] : llvm::enumerate(arguments))
    if (int code = write(getArgumentName(function, i), argument.view()))
      return code;
  for (auto [i, result] : llvm::enumerate(results)) {
    FailureOr<rt::Tensor> tensor = toRuntime(result, function.getLoc());
    if (failed(tensor))
      return 2;
    if (int code = write(getResultName(function, i), tensor->view()))
      return code;
  }
  return 0;
}

static int run(int argc, char **argv) {
  auto start = std::chrono::steady_clock::now();
  llvm::InitLLVM init(argc, argv);
  reportFileSizeLimit();
  limitSpinning();
  rheobase::registerAllPasses();
  registerPassManagerCLOptions();
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  // A pass of LLVM that no code here uses has an option of this name.
  if (cl::Option *taken = cl::getRegisteredOptions().lookup("threads"))
    taken->removeArgument();
  cl::opt<int> threads("threads", cl::init(0),
                       cl::desc("threads (default: all)"),
                       cl::cat(whatCategory));
  const cl::OptionCategory *categories[] = {&whatCategory, &argumentCategory,
                                            &timeCategory};
  cl::HideUnrelatedOptions(categories);
  cl::ParseCommandLineOptions(
      argc, argv,
      "runs a function of a spiking module: compiled, or in the reference "
      "interpreter, or both\n\n"
      "  snn-run net.mlir --random --dims=B=4 --arg T=10           compile and run on random input\n"
      "  snn-run net.mlir --arg image=x.npy --arg T=4 --out-dir=o  .npy in, .npy out\n"
      "  snn-run net.mlir --random --dims=T=10,B=4 --check         compare with the interpreter\n"
      "  snn-run net.mlir --random --dims=T=10,B=4 --differentiate --time\n");

  std::string problem;
  std::optional<CPUInstructionSet> isa = chooseInstructionSet(isaName, problem);
  CompileOptions compileOptions;
  if (!isa ||
      !getCompileCacheOptions(cacheFolder, compileOptions.cache, problem))
    return fail(problem);
  bool profiling = profileFile.getNumOccurrences() > 0;
  if (useReference && (check || timeRuns || profiling || !passes.empty()))
    return fail("--reference excludes --check, --time, --profile and --passes");
  if (profiling && (check || timeRuns))
    return fail("--profile excludes --check and --time");
  if (!profileFile.empty() && profileFile != "-")
    if (rt::Status status = rt::checkWritable(profileFile); !status.ok())
      return fail("--profile: " + status.message());
  if (threads < 0)
    return fail("--threads: expected a number that is not negative, got " +
                llvm::Twine(threads));
  if (!(spikeRate >= 0 && spikeRate <= 1))
    return fail("--spike-rate: expected a share from 0 to 1, got " +
                llvm::formatv("{0}", spikeRate).str());
  if (!(minSeconds >= 0))
    return fail("--min-seconds: expected a number that is not negative, got " +
                llvm::formatv("{0}", minSeconds).str());
  ArgumentOptions options;
  options.random = randomArguments;
  options.seed = seed;
  options.spikeRate = spikeRate;
  StringRef name, value;
  for (const std::string &text : argumentList) {
    if (!split(text, name, value))
      return fail("expected --arg name=value, got '" + text + "'");
    options.values[name] = value.str();
  }
  for (const std::string &text : dimList) {
    int64_t size;
    if (!split(text, name, value) || value.getAsInteger(10, size) || size < 0)
      return fail("expected --dims name=N, got '" + text + "'");
    options.dims[name] = size;
  }
  rt::setThreads(threads);

  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> input = openInputFile(inputFile, &message);
  if (!input)
    return fail(message);
  llvm::SourceMgr sourceMgr;
  sourceMgr.AddNewSourceBuffer(std::move(input), llvm::SMLoc());
  SourceMgrDiagnosticHandler diagnostics(sourceMgr, &context);
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(sourceMgr, ParserConfig(&context));
  if (!module)
    return 2;
  func::FuncOp source = findFunction(*module, message);
  if (!source)
    return fail(message);
  std::string entryName = source.getName().str();

  // What the interpreter executes: the source itself, or its gradient.
  OwningOpRef<ModuleOp> prepared = module->clone();
  if (failed(prepare(*prepared, entryName)) || failed(describe(*prepared)))
    return 2;
  if (!savedModule.empty()) {
    std::string text;
    llvm::raw_string_ostream(text) << *prepared << "\n";
    return failed(writeOutput(savedModule, text, prepared->getLoc())) ? 2 : 0;
  }
  auto entry = prepared->lookupSymbol<func::FuncOp>(entryName);
  FailureOr<std::vector<rt::Tensor>> arguments = makeArguments(entry, options);
  if (failed(arguments))
    return 2;

  auto runReference = [&](ModuleOp in, StringRef function)
      -> FailureOr<SmallVector<reference::Tensor>> {
    auto target = in.lookupSymbol<func::FuncOp>(function);
    SmallVector<reference::Tensor> values;
    for (auto [argument, type] :
         llvm::zip(*arguments, target.getArgumentTypes()))
      values.push_back(toReference(argument.view(), type));
    return reference::run(target, values);
  };

  if (useReference) {
    // Without parameters that were outlined, the source runs as it stands.
    bool asWritten = !differentiate && source.getFunctionType() ==
                                           entry.getFunctionType();
    auto results = runReference(asWritten ? *module : *prepared,
                                asWritten ? source.getName() : entryName);
    if (failed(results))
      return 2;
    if (int code = writeFolder(entry, *arguments, *results))
      return code;
    return printResults(entry, *results);
  }

  compileOptions.codegen.isa = *isa;
  if (!parseMemoryLimit(rewrites.memoryLimit, dimList, compileOptions.memory,
                        problem))
    return fail(problem);
  // The number of steps is an argument, too.
  for (const auto &entry : options.values) {
    int64_t size;
    if (!StringRef(entry.second).getAsInteger(10, size))
      compileOptions.memory.dims.try_emplace(entry.first(), size);
  }
  compileOptions.threads = threads != 1;
  compileOptions.profile = profiling;
  // Whoever looks at passes wants to see all of them.
  for (const auto &[name, option] : cl::getRegisteredOptions())
    if (name.starts_with("mlir-") && option->getNumOccurrences())
      compileOptions.configure = [](PassManager &pm) {
        return applyPassManagerCLOptions(pm);
      };
  bool fromCache = false;
  compileOptions.kernel = forceKernel;
  auto compileStart = std::chrono::steady_clock::now();
  auto compile =
      [&](ModuleOp in) -> FailureOr<std::unique_ptr<CompiledProgram>> {
    OwningOpRef<ModuleOp> copy = in.clone();
    PassManager pm(&context);
    if (!passes.empty() && (failed(parsePassPipeline(passes, pm, llvm::errs())) ||
                            failed(pm.run(*copy))))
      return failure();
    return compileForCPU(*copy, compileOptions, &fromCache);
  };
  FailureOr<std::unique_ptr<CompiledProgram>> program = compile(*prepared);
  if (failed(program))
    return 2;
  double compileSeconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() -
                                    compileStart)
          .count();
  rt::Invocation invocation((*program)->lookup(entryName), getAliases(entry),
                            *arguments);
  if (!invocation.call())
    return fail(invocation.getError());

  if (check) {
    auto expected = runReference(*prepared, entryName);
    if (failed(expected))
      return 2;
    auto compare = [&]() -> std::optional<std::string> {
      return findFirstDifference(entry, *expected, invocation.getResults());
    };
    std::optional<std::string> difference = compare();
    if (!difference) {
      llvm::outs() << "equal: compiled code and interpreter agree in every "
                      "element of "
                   << expected->size() << " results\n";
      return 0;
    }
    // Run again with every intermediate value visible, and name the first.
    OwningOpRef<ModuleOp> tapped = prepared->clone();
    std::vector<std::string> names = tapValues(*tapped, entryName);
    std::string where;
    if (succeeded(describe(*tapped))) {
      auto tappedEntry = tapped->lookupSymbol<func::FuncOp>(entryName);
      auto tappedProgram = compile(*tapped);
      auto tappedExpected = runReference(*tapped, entryName);
      if (succeeded(tappedProgram) && succeeded(tappedExpected)) {
        rt::Invocation again((*tappedProgram)->lookup(entryName),
                             getAliases(tappedEntry), *arguments);
        if (again.call())
          if (auto first = findFirstTapDifference(
                  names, tappedEntry.getResultTypes(), *tappedExpected,
                                                  again.getResults()))
            where = *first;
      }
    }
    llvm::outs() << "different: " << *difference << "\n"
                 << (where.empty()
                         ? "no intermediate value differs when all are kept\n"
                         : "they part at " + where + "\n");
    return 1;
  }

  if (profiling)
    return failed(profile(invocation, minSeconds, *isa, profileFile,
                          entry.getLoc()))
               ? 2
               : 0;
  if (timeRuns) {
    double first = std::chrono::duration<double>(
                       std::chrono::steady_clock::now() - start)
                       .count();
    rt::Measurement measurement = rt::measure(invocation, minSeconds);
    measurement.firstSeconds = first;
    measurement.compileSeconds = compileSeconds;
    measurement.cache = compileOptions.cache.folder.empty() ? "off"
                        : fromCache                         ? "hit"
                                                            : "miss";
    llvm::outs() << rt::describe(measurement, json);
    return 0;
  }
  SmallVector<reference::Tensor> results;
  for (auto [result, type] :
       llvm::zip(invocation.getResults(), entry.getResultTypes()))
    results.push_back(toReference(result, type));
  if (int code = writeFolder(entry, *arguments, results))
    return code;
  return printResults(entry, results);
}

int main(int argc, char **argv) {
  int code = run(argc, argv);
  return finishStandardOutput("snn-run") ? code : 2;
}
