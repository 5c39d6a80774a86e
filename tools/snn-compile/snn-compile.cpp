//===- snn-compile.cpp - Compiles networks ahead of time --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/EmbedWeights.h"
#include "rheobase/Pipelines/GPU.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Runtime/Files.h"
#include "rheobase/Support/CommandLine.h"
#include "rheobase/Target/PTX.h"
#include "rheobase/Target/SharedObject.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

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
        clEnumValN(Emit::PTX, "ptx",
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
                   "linalg, buffers; for nvptx also kernels and nvvm (default: "
                   "the last but nvvm)"),
          cl::value_desc("stage"), cl::cat(whatCategory));

static cl::opt<std::string>
    cpu("cpu", cl::init("x86-64-v3"),
        cl::desc("instruction set: x86-64-v3 (AVX2, default), x86-64-v4 "
                 "(AVX-512) or host (what this machine has)"),
        cl::value_desc("name"), cl::cat(cpuCategory));
static cl::opt<bool>
    threads("openmp", cl::init(true),
            cl::desc("run loops on the threads of OpenMP (default); the code "
                     "then needs libomp"),
            cl::cat(cpuCategory));
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

/// Lowers `module` up to --until.
static LogicalResult lower(ModuleOp module, KernelStage last) {
  PassManager pm(module.getContext());
  GPUOptions options;
  options.chunkSteps = chunkSteps;
  populateKernelPipeline(pm, module, options, last);
  return pm.run(module);
}

/// Lowers `module` and writes code for CPUs.
static LogicalResult writeCode(ModuleOp module, CPUInstructionSet isa,
                               StringRef output) {
  CompileOptions options;
  options.codegen.isa = isa;
  options.threads = threads;
  options.moduleName = llvm::sys::path::stem(inputFile).str();
  PassManager pm(module.getContext());
  GPUOptions unused;
  populateKernelPipeline(pm, module, unused, KernelStage::Sequence);
  if (failed(pm.run(module)) ||
      (!weights.empty() && failed(embedWeights(module, weights))))
    return failure();
  PassManager lowering(module.getContext());
  populateCPUPipeline(lowering, options);
  if (failed(lowering.run(module)))
    return failure();
  CPUArtefactOptions artefact;
  artefact.codegen = options.codegen;
  artefact.threads = threads;
  artefact.linker = linker;
  artefact.runtimeLibrary = runtimeLibrary;
  return writeCPUArtefact(module,
                          emit == Emit::LLVM     ? CPUArtefact::LLVM
                          : emit == Emit::Object ? CPUArtefact::Object
                                                 : CPUArtefact::SharedObject,
                          artefact, output);
}

static int run(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  reportFileSizeLimit();
  cl::HideUnrelatedOptions({&whatCategory, &cpuCategory, &gpuCategory});
  cl::ParseCommandLineOptions(argc, argv, overview);

  // Mistakes that need no compilation to be seen.
  bool code = emit == Emit::LLVM || emit == Emit::Object ||
              emit == Emit::SharedObject;
  bool kernels = emit != Emit::MLIR && !code;
  if (code && target != Target::CPU)
    return fail("this output is for CPUs: leave --target=nvptx out");
  std::optional<CPUInstructionSet> isa = parseInstructionSet(cpu);
  if (!isa)
    return fail("unknown instruction set '" + cpu +
                "', expected x86-64-v3, x86-64-v4 or host");
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
  KernelStage last = target == Target::NVPTX ? KernelStage::Kernels
                                             : KernelStage::Buffers;
  if (until.getNumOccurrences()) {
    std::optional<KernelStage> known = parseKernelStage(until);
    if (!known || (target == Target::CPU && *known > KernelStage::Buffers))
      return fail("unknown stage '" + until +
                  "', expected input, sequence, planned, linalg, buffers" +
                  (target == Target::CPU ? "" : ", kernels or nvvm"));
    last = *known;
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
    ScopedDiagnosticHandler collect(&context, [&](Diagnostic &diagnostic) {
      problem = diagnostic.str();
    });
    if (failed(checkGPUOptions(options, emitError)))
      return fail(problem);
    last = KernelStage::NVVM;
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
  if (code)
    return failed(writeCode(*module, *isa, output));
  if (failed(lower(*module, last)))
    return 1;
  if (!kernels)
    return failed(writeModule(*module, output));
  FailureOr<SmallVector<GPUArtefact>> artefacts =
      emitKernels(*module, options);
  return failed(artefacts) ||
         failed(writeArtefacts(*artefacts, output, emitError));
}

int main(int argc, char **argv) {
  int code = run(argc, argv);
  return finishStandardOutput("snn-compile") ? code : 1;
}
