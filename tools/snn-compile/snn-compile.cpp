//===- snn-compile.cpp - Compiles networks ahead of time ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/EmbedWeights.h"
#include "rheobase/Pipelines/GPU.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Pipelines/Report.h"
#include "rheobase/Runtime/Files.h"
#include "rheobase/Support/CommandLine.h"
#include "rheobase/Target/PTX.h"
#include "rheobase/Target/SharedObject.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>

using namespace mlir;
using namespace rheobase;
namespace cl = llvm::cl;

static cl::OptionCategory whatCategory("What is made");
static cl::OptionCategory cpuCategory("Code for CPUs");
static cl::OptionCategory gpuCategory("Code for GPUs");

static cl::opt<std::string> inputFile(cl::Positional, cl::Required,
                                      cl::desc("<network.mlir>"),
                                      cl::cat(whatCategory));
static cl::opt<std::string>
    outputFile("o",
               cl::desc("file to write (default: the input's name with another "
                        "ending; - is the standard output)"),
               cl::value_desc("file"), cl::cat(whatCategory));

enum class Target { CPU, NVPTX };
static cl::opt<Target, false, NamedValueParser<Target>>
    target("target", cl::desc("processor:"), cl::init(Target::CPU),
           cl::values(clEnumValN(Target::CPU, "cpu", "x86-64 (default)"),
                      clEnumValN(Target::NVPTX, "nvptx", "NVIDIA GPUs")),
           cl::cat(whatCategory));

enum class Emit { MLIR, LLVM, Object, SharedObject, PTX, Cubin, Fatbin };
static cl::opt<Emit, false, NamedValueParser<Emit>> emit(
    "emit", cl::desc("what to write:"), cl::init(Emit::MLIR),
    cl::values(
        clEnumValN(Emit::MLIR, "mlir",
                   "the program after --until=<stage> (default)"),
        clEnumValN(Emit::LLVM, "llvm", "LLVM IR for CPUs"),
        clEnumValN(Emit::Object, "obj", "an object file for CPUs"),
        clEnumValN(Emit::SharedObject, "so",
                   "a shared object for CPUs, and beside it its C header: "
                   "what snn-train and C programs load"),
        clEnumValN(
            Emit::PTX, "ptx",
            "kernels as PTX of one chip, beside them a manifest in JSON; "
            "later chips run it, too"),
        clEnumValN(Emit::Cubin, "cubin",
                   "kernels as machine code of one chip, and the manifest "
                   "(needs ptxas)"),
        clEnumValN(Emit::Fatbin, "fatbin",
                   "kernels as machine code of several chips and PTX of the "
                   "first, and the manifest (needs ptxas and fatbinary)")),
    cl::cat(whatCategory));
static cl::opt<std::string>
    until("until",
          cl::desc("where --emit=mlir stops: input, sequence (L1: parameters "
                   "are arguments, the training step is built), planned (L2), "
                   "linalg, buffers, as they are for the target; for cpu also "
                   "llvm, for nvptx kernels and nvvm (default: buffers; for "
                   "nvptx kernels)"),
          cl::value_desc("stage"), cl::cat(whatCategory));

static cl::list<std::string> functionNames(
    "function", cl::CommaSeparated,
    cl::desc("functions to compile (default: all public ones; of a network "
             "with spiking.training its forward function, train_step and "
             "evaluate)"),
    cl::value_desc("name"), cl::cat(whatCategory));
static cl::opt<std::string> dumpFolder(
    "dump-dir",
    cl::desc("folder for the program after each stage: 00-input.mlir, "
             "01-sequence.mlir, ..."),
    cl::value_desc("folder"), cl::cat(whatCategory));
static cl::opt<std::string> reportFile(
    "report", cl::ValueOptional,
    cl::desc("what the compiler decided for each kernel, scan and buffer: on "
             "the standard error, or into a file, as JSON if it ends in "
             ".json"),
    cl::value_desc("file"), cl::cat(whatCategory));

static cl::list<std::string> dimList(
    "dims", cl::CommaSeparated,
    cl::desc(
        "sizes of named dimensions, T=16,B=128, for --memory-limit and for "
        "the planned peak in --report; the code serves all sizes"),
    cl::value_desc("name=N"), cl::cat(whatCategory));
static RewriteOptions rewrites(whatCategory);

static cl::list<std::string>
    cpus("cpu", cl::CommaSeparated,
         cl::desc("instruction sets: x86-64-v3 (AVX2), x86-64-v4 (AVX-512), or "
                  "host (what this machine has). A shared object may have code "
                  "for several and takes the best that it finds where it runs; "
                  "by default it has v3 and v4, the others have v3"),
         cl::value_desc("name"), cl::cat(cpuCategory));
static cl::opt<std::string>
    cacheFolder("cache",
                cl::desc("folder that keeps machine code for the next time, or "
                         "off (default: $RHEOBASE_CACHE, else rheobase in "
                         "$XDG_CACHE_HOME or ~/.cache)"),
                cl::value_desc("folder"), cl::cat(cpuCategory));
static cl::opt<bool>
    threads("openmp", cl::init(true),
            cl::desc("run loops on the threads of OpenMP (default); the code "
                     "then needs libomp.so.5 wherever it runs, which "
                     "--openmp=false avoids"),
            cl::cat(cpuCategory));
static cl::opt<ProductKernel, false, NamedValueParser<ProductKernel>>
    forceKernel("force-kernel", cl::init(ProductKernel::Automatic),
                cl::desc("how products with spikes are computed:"),
                getProductKernelValues(), cl::cat(cpuCategory));
static cl::opt<std::string> weights(
    "weights",
    cl::desc("checkpoint (safetensors) whose parameters and states become part "
             "of the code: the entry points then take inputs only, and there "
             "is no training step (with --emit=llvm, obj or so)"),
    cl::value_desc("file"), cl::cat(cpuCategory));
static cl::opt<std::string>
    linker("linker",
           cl::desc("compiler driver that links (default: clang-22, clang, cc "
                    "or gcc of the PATH)"),
           cl::value_desc("program"), cl::cat(cpuCategory));
static cl::opt<std::string> runtimeLibrary(
    "runtime-library",
    cl::desc("libRheobaseRTCore.a (default: of this program's installation)"),
    cl::value_desc("file"), cl::cat(cpuCategory));

static cl::list<std::string>
    chips("chip", cl::CommaSeparated,
          cl::desc("chips, such as sm_90 or, for a fatbin, sm_80,sm_90"),
          cl::value_desc("sm_XX"), cl::cat(gpuCategory));
static cl::opt<std::string>
    ptxas("ptxas",
          cl::desc("path of ptxas (default: looked for on the PATH, in "
                   "$CUDA_HOME, in /usr/local/cuda and in virtual environments "
                   "with PyPI's nvidia-cuda-nvcc)"),
          cl::value_desc("file"), cl::cat(gpuCategory));
static cl::opt<std::string> fatbinary("fatbinary",
                                      cl::desc("path of fatbinary, likewise"),
                                      cl::value_desc("file"),
                                      cl::cat(gpuCategory));
static cl::opt<int64_t>
    chunkSteps("chunk-steps", cl::init(GPUOptions().chunkSteps),
               cl::desc("time steps of a backward pass whose recomputed "
                        "membrane potentials are held in registers"),
               cl::cat(gpuCategory));

static constexpr llvm::StringLiteral overview = R"(compiles spiking networks

  A network whose forward function has spiking.training becomes its training
  step, its evaluation and its inference; any other module its public functions.

    snn-compile examples/fashion_mlp.mlir --until=sequence -o -
    snn-compile examples/fashion_mlp.mlir --emit=so -o fashion_mlp.so
    snn-compile examples/fashion_mlp.mlir --target=nvptx --chip=sm_90 --emit=ptx
    snn-compile examples/fashion_mlp.mlir --target=nvptx --chip=sm_80,sm_90 --emit=fatbin -o mlp.fatbin
    snn-compile examples/fashion_mlp.mlir --function=forward --dump-dir=stages --report
)";

static int fail(const llvm::Twine &message) {
  llvm::errs() << "snn-compile: " << message << "\n";
  return 1;
}

static StringRef getEnding() {
  switch (emit) {
  case Emit::MLIR:
    return "mlir";
  case Emit::LLVM:
    return "ll";
  case Emit::Object:
    return "o";
  case Emit::SharedObject:
    return "so";
  case Emit::PTX:
    return "ptx";
  case Emit::Cubin:
    return "cubin";
  case Emit::Fatbin:
    return "fatbin";
  }
  llvm_unreachable("all outputs have endings");
}

/// The output's name where none was given.
static std::string getDefaultOutput(StringRef ending) {
  if (inputFile == "-" || ending == "mlir")
    return "-";
  SmallString<128> name(llvm::sys::path::filename(inputFile));
  llvm::sys::path::replace_extension(name, ending);
  return std::string(name);
}

static LogicalResult writeModule(ModuleOp module, StringRef output) {
  std::string text;
  llvm::raw_string_ostream(text) << module << "\n";
  return writeArtefacts({GPUArtefact{"", text}}, output,
                        [&] { return module.emitError(); });
}

namespace {
/// Runs the stages of a compilation one by one.
class Driver {
public:
  Driver(ModuleOp module, Report *report) : module(module), report(report) {}

  /// Kernels, or their text: up to `last`.
  LogicalResult lower(KernelStage last);
  /// The text of the stages for CPUs: up to `last`.
  LogicalResult lower(Stage last, CPUInstructionSet isa);
  /// Code for CPUs.
  LogicalResult writeCode(ArrayRef<CPUInstructionSet> isas,
                          const CompileCacheOptions &cache, StringRef output);

private:
  LogicalResult run(StringRef stage,
                    function_ref<void(PassManager &)> populate);
  LogicalResult dump(ModuleOp current, StringRef stage);
  /// Leaves the functions that were asked for.
  LogicalResult selectFunctions();
  /// Chooses the plan that fits into memory.
  LogicalResult choosePlan();
  CompileOptions getCompileOptions() const;

  ModuleOp module;
  Report *report;
  PlanOptions plan;
  int dumped = 0;
};
} // namespace

LogicalResult Driver::dump(ModuleOp current, StringRef stage) {
  if (dumpFolder.empty())
    return success();
  std::string name;
  llvm::raw_string_ostream(name)
      << llvm::format("%02d-", dumped++) << stage << ".mlir";
  SmallString<128> path(dumpFolder);
  llvm::sys::path::append(path, name);
  return writeModule(current, path);
}

LogicalResult Driver::run(StringRef stage,
                          function_ref<void(PassManager &)> populate) {
  auto start = std::chrono::steady_clock::now();
  if (report)
    report->beginStage(stage);
  PassManager pm(module.getContext());
  populate(pm);
  if (failed(pm.run(module)))
    return failure();
  if (report)
    report->endStage(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  return success();
}

LogicalResult Driver::selectFunctions() {
  if (functionNames.empty())
    return success();
  SmallVector<std::string> known;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isPublic() && !function.isDeclaration())
      known.push_back(function.getName().str());
  for (const std::string &name : functionNames)
    if (!llvm::is_contained(known, name)) {
      fail("--function: no public function '" + name +
           "', expected one of: " + llvm::join(known, ", "));
      return failure();
    }
  for (auto function : module.getOps<func::FuncOp>())
    if (!llvm::is_contained(functionNames, function.getName()))
      function.setPrivate();
  PassManager pm(module.getContext());
  pm.addPass(createSymbolDCEPass());
  return pm.run(module);
}

LogicalResult Driver::choosePlan() {
  MemoryLimit limit;
  std::string problem;
  if (!parseMemoryLimit(rewrites.memoryLimit, dimList, limit, problem)) {
    fail(problem);
    return failure();
  }
  if (!limit.bytes && (limit.dims.empty() || !report))
    return success();
  CPUOptions cpu;
  cpu.threads = threads;
  return fitToMemory(module, plan,
                     target == Target::CPU ? getLinalgOptions(cpu, "module")
                                           : LinalgOptions(),
                     limit, /*forCPU=*/target == Target::CPU);
}

LogicalResult Driver::lower(KernelStage last) {
  GPUOptions options;
  options.chunkSteps = chunkSteps;
  options.frontend.exact = rewrites.exact;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    auto stage = static_cast<KernelStage>(i);
    if (failed(run(stringifyKernelStage(stage), [&](PassManager &pm) {
          populateKernelStage(pm, module, options, stage);
        })))
      return failure();
    // The training step is a function from here on.
    if (stage == std::min(last, KernelStage::Sequence) &&
        failed(selectFunctions()))
      return failure();
    if (stage == KernelStage::Sequence) {
      if (failed(choosePlan()))
        return failure();
      options.plan = plan;
    }
    if (failed(dump(module, stringifyKernelStage(stage))))
      return failure();
  }
  return success();
}

CompileOptions Driver::getCompileOptions() const {
  CompileOptions options;
  options.threads = threads;
  options.kernel = forceKernel;
  options.plan = plan;
  options.moduleName = llvm::sys::path::stem(inputFile).str();
  return options;
}

LogicalResult Driver::lower(Stage last, CPUInstructionSet isa) {
  if (failed(lower(last == Stage::Input ? KernelStage::Input
                                        : KernelStage::Sequence)))
    return failure();
  CompileOptions options = getCompileOptions();
  options.codegen.isa = isa;
  for (Stage stage : getStages()) {
    if (stage <= Stage::Sequence || stage > last)
      continue;
    if (failed(run(
            stringifyStage(stage),
            [&](PassManager &pm) { populateCPUStage(pm, options, stage); })) ||
        failed(dump(module, stringifyStage(stage))))
      return failure();
  }
  return success();
}

LogicalResult Driver::writeCode(ArrayRef<CPUInstructionSet> isas,
                                const CompileCacheOptions &cache,
                                StringRef output) {
  if (failed(lower(KernelStage::Sequence)))
    return failure();
  if (!weights.empty()) {
    if (failed(embedWeights(module, weights)))
      return failure();
    for (const std::string &name : functionNames)
      if (!module.lookupSymbol(name)) {
        fail("--function: '" + name +
             "' trains, and with --weights nothing does");
        return failure();
      }
  }
  CompileOptions options = getCompileOptions();
  options.cache = cache;
  options.codegen.standalone = emit != Emit::SharedObject;
  SmallVector<CodeVariant> variants;
  for (CPUInstructionSet isa : isas) {
    OwningOpRef<ModuleOp> copy = module.clone();
    options.codegen.isa = isa;
    if (!options.codegen.standalone)
      options.codegen.symbolSuffix = getVariantSuffix(isa);
    // The stages of the first stand for all; Sequence is behind us.
    if (report && isa == isas.front()) {
      options.beforeStage = [&](Stage stage) {
        if (stage > Stage::Sequence)
          report->beginStage(stringifyStage(stage));
      };
    }
    if ((report || !dumpFolder.empty()) && isa == isas.front())
      options.afterStage = [&](Stage stage, double seconds) -> LogicalResult {
        if (stage <= Stage::Sequence)
          return success();
        if (report)
          report->endStage(seconds);
        return dump(*copy, stringifyStage(stage));
      };
    if (emit == Emit::LLVM) {
      options.cache.folder.clear();
      if (failed(runPasses(*copy, options)))
        return failure();
      return writeLLVM(*copy, options.codegen, output);
    }
    FailureOr<MachineCode> code = compileToMachineCode(*copy, options);
    if (failed(code))
      return failure();
    variants.push_back({isa, std::move(*code)});
    options.beforeStage = nullptr;
    options.afterStage = nullptr;
  }
  if (emit == Emit::Object)
    return writeOutput(output, variants.front().code.objects.front(),
                       module.getLoc());
  SharedObjectOptions artefact;
  artefact.threads = threads;
  artefact.linker = linker;
  artefact.runtimeLibrary = runtimeLibrary;
  return writeSharedObject(variants, artefact, output, module.getLoc());
}

/// Where --report says.
static LogicalResult writeReport(const Report &report, EmitError emitError) {
  if (reportFile.empty()) {
    report.print(llvm::errs());
    return success();
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  if (StringRef(reportFile).ends_with(".json"))
    os << llvm::formatv("{0:2}", report.toJSON()) << "\n";
  else
    report.print(os);
  return writeArtefacts({GPUArtefact{"", text}}, reportFile, emitError);
}

static int run(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  reportFileSizeLimit();
  cl::HideUnrelatedOptions({&whatCategory, &cpuCategory, &gpuCategory});
  cl::ParseCommandLineOptions(argc, argv, overview);

  // Mistakes that need no compilation to be seen.
  bool code =
      emit == Emit::LLVM || emit == Emit::Object || emit == Emit::SharedObject;
  bool kernels = emit != Emit::MLIR && !code;
  if (code && target != Target::CPU)
    return fail("this output is for CPUs: leave --target=nvptx out");
  SmallVector<CPUInstructionSet> isas;
  for (const std::string &name : cpus) {
    std::optional<CPUInstructionSet> isa = parseInstructionSet(name);
    if (!isa)
      return fail("unknown instruction set '" + name +
                  "', expected x86-64-v3, x86-64-v4 or host");
    if (llvm::is_contained(isas, *isa))
      return fail("--cpu: '" + name + "' is there twice");
    isas.push_back(*isa);
  }
  if (isas.size() > 1 && emit != Emit::SharedObject)
    return fail("--cpu: several instruction sets go with --emit=so");
  if (isas.size() > 1 && llvm::is_contained(isas, CPUInstructionSet::Host))
    return fail("--cpu: host goes alone: it is one of the others, or better");
  if (isas.empty()) {
    isas.push_back(CPUInstructionSet::X86_64V3);
    if (emit == Emit::SharedObject)
      isas.push_back(CPUInstructionSet::X86_64V4);
  }
  CompileCacheOptions cache;
  std::string cacheProblem;
  if (!getCompileCacheOptions(cacheFolder, cache, cacheProblem))
    return fail(cacheProblem);
  if (kernels && target != Target::NVPTX)
    return fail("this output is for GPUs: add --target=nvptx");
  if (target != Target::NVPTX && !chips.empty())
    return fail("--chip goes with --target=nvptx");
  if (!code && !weights.empty())
    return fail("--weights goes with --emit=llvm, obj or so");
  if ((kernels || code) && until.getNumOccurrences())
    return fail("--until goes with --emit=mlir");
  if (chunkSteps < 1)
    return fail("--chunk-steps must be at least 1, got " + Twine(chunkSteps));
  bool isCPU = target == Target::CPU;
  Stage last = Stage::Buffers;
  KernelStage lastOfKernels = KernelStage::Kernels;
  if (until.getNumOccurrences()) {
    std::optional<Stage> known = parseStage(until);
    std::optional<KernelStage> knownOfKernels = parseKernelStage(until);
    if (isCPU ? !known : !knownOfKernels)
      return fail("unknown stage '" + until +
                  "', expected input, sequence, planned, linalg, buffers" +
                  (isCPU ? " or llvm" : ", kernels or nvvm"));
    last = known.value_or(last);
    lastOfKernels = knownOfKernels.value_or(lastOfKernels);
  }

  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(&context)); };
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> input =
      openInputFile(inputFile, &message);
  if (!input)
    return fail(message);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(input), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context);
  context.printOpOnDiagnostic(false);

  GPUEmissionOptions options;
  if (kernels) {
    llvm::append_range(options.chips, chips);
    options.toolkit = {ptxas, fatbinary};
    options.format = emit == Emit::PTX     ? GPUFormat::PTX
                     : emit == Emit::Cubin ? GPUFormat::Cubin
                                           : GPUFormat::Fatbin;
    // No place in a file is to blame.
    std::string problem;
    ScopedDiagnosticHandler collect(
        &context, [&](Diagnostic &diagnostic) { problem = diagnostic.str(); });
    if (failed(checkGPUOptions(options, emitError)))
      return fail(problem);
    lastOfKernels = KernelStage::NVVM;
  }
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module)
    return 1;
  // What comes out has an entry for each.
  if ((code || kernels) &&
      llvm::none_of(module->getOps<func::FuncOp>(), [](func::FuncOp function) {
        return function.isPublic() && !function.isDeclaration();
      }))
    return fail("'" + inputFile + "': expected a public function, got none");
  StringRef ending = getEnding();
  std::string output =
      outputFile.empty() ? getDefaultOutput(ending) : outputFile;
  // Not after the work.
  if (output != "-")
    if (rt::Status status = rt::checkWritable(output); !status.ok())
      return fail(status.message());
  if (!reportFile.empty() && reportFile != "-")
    if (rt::Status status = rt::checkWritable(reportFile); !status.ok())
      return fail("--report: " + status.message());
  if (!dumpFolder.empty())
    if (std::error_code error = llvm::sys::fs::create_directories(dumpFolder))
      return fail("--dump-dir: cannot make the folder '" + dumpFolder +
                  "': " + error.message());
  std::optional<Report> report;
  if (reportFile.getNumOccurrences()) {
    report.emplace();
    if (failed(report->attach(context)))
      return 1;
  }
  Driver driver(*module, report ? &*report : nullptr);
  if (code) {
    if (failed(driver.writeCode(isas, cache, output)))
      return 1;
  } else if (failed(isCPU ? driver.lower(last, isas.front())
                          : driver.lower(lastOfKernels))) {
    return 1;
  } else if (!kernels) {
    if (failed(writeModule(*module, output)))
      return 1;
  } else {
    FailureOr<SmallVector<GPUArtefact>> artefacts =
        emitKernels(*module, options);
    if (failed(artefacts) ||
        failed(writeArtefacts(*artefacts, output, emitError)))
      return 1;
  }
  return report && failed(writeReport(*report, emitError));
}

int main(int argc, char **argv) {
  int code = run(argc, argv);
  return finishStandardOutput("snn-compile") ? code : 1;
}
