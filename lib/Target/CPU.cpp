//===- CPU.cpp - Code for CPUs ----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/CPU.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/abi.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/IPO/MergeFunctions.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <mutex>

using namespace mlir;
using namespace rheobase;

std::optional<CPUInstructionSet>
rheobase::parseInstructionSet(StringRef name) {
  return llvm::StringSwitch<std::optional<CPUInstructionSet>>(name)
      .Case("host", CPUInstructionSet::Host)
      .Case("x86-64-v3", CPUInstructionSet::X86_64V3)
      .Case("x86-64-v4", CPUInstructionSet::X86_64V4)
      .Default(std::nullopt);
}

StringRef rheobase::stringifyInstructionSet(CPUInstructionSet isa) {
  switch (isa) {
  case CPUInstructionSet::Baseline:
    return "x86-64";
  case CPUInstructionSet::Host:
    return "host";
  case CPUInstructionSet::X86_64V3:
    return "x86-64-v3";
  case CPUInstructionSet::X86_64V4:
    return "x86-64-v4";
  }
  llvm_unreachable("unknown instruction set");
}

std::optional<CPUInstructionSet>
rheobase::chooseInstructionSet(StringRef name, std::string &message) {
  const char *environment = std::getenv("RHEOBASE_CPU");
  bool forced = name == "host" && environment && *environment;
  if (forced)
    name = environment;
  std::optional<CPUInstructionSet> isa = parseInstructionSet(name);
  if (!isa)
    message = ("unknown instruction set '" + name + "'" +
               (forced ? " in RHEOBASE_CPU" : "") +
               ": expected host, x86-64-v3 or x86-64-v4")
                  .str();
  else if (!isSupportedByHost(*isa)) {
    message = ("this machine has no " + name).str();
    isa = std::nullopt;
  }
  return isa;
}

static bool hostHas(std::initializer_list<StringRef> features) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(features, [&](StringRef feature) {
    return host.lookup(feature);
  });
}

bool rheobase::isSupportedByHost(CPUInstructionSet isa) {
  switch (isa) {
  case CPUInstructionSet::Baseline:
  case CPUInstructionSet::Host:
    return true;
  case CPUInstructionSet::X86_64V3:
    return hostHas({"avx2", "fma", "bmi", "bmi2", "f16c", "lzcnt", "movbe"});
  case CPUInstructionSet::X86_64V4:
    return isSupportedByHost(CPUInstructionSet::X86_64V3) &&
           hostHas({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
  }
  llvm_unreachable("unknown instruction set");
}

int64_t rheobase::getVectorBits(CPUInstructionSet isa) {
  if (isa == CPUInstructionSet::Host)
    return isSupportedByHost(CPUInstructionSet::X86_64V4) ? 512 : 256;
  return isa == CPUInstructionSet::X86_64V4 ? 512 : 256;
}

void rheobase::registerCPUTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerOpenMPDialectTranslation(registry);
}

void rheobase::initializeNativeTarget() {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
}

std::unique_ptr<llvm::TargetMachine>
rheobase::createTargetMachine(const CPUCodegenOptions &options,
                              std::string &error) {
  initializeNativeTarget();
  llvm::Triple triple(llvm::sys::getProcessTriple());
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;

  std::string cpu, features;
  switch (options.isa) {
  case CPUInstructionSet::Baseline:
  case CPUInstructionSet::X86_64V3:
  case CPUInstructionSet::X86_64V4:
    cpu = stringifyInstructionSet(options.isa).str();
    break;
  case CPUInstructionSet::Host:
    cpu = llvm::sys::getHostCPUName().str();
    // The name alone may promise what a virtual machine hides.
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features += (features.empty() ? "" : ",") +
                  std::string(feature.second ? "+" : "-") +
                  feature.first().str();
    break;
  }
  llvm::TargetOptions targetOptions;
  targetOptions.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, cpu, features, targetOptions, llvm::Reloc::PIC_,
      /*CM=*/std::nullopt,
      options.optLevel == 0 ? llvm::CodeGenOptLevel::None
                            : llvm::CodeGenOptLevel::Default));
  if (!machine)
    error = "no target machine for " + triple.str();
  return machine;
}

void rheobase::addManifest(llvm::Module &module, StringRef manifest) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Constant *text =
      llvm::ConstantDataArray::getString(context, manifest, /*AddNull=*/true);
  new llvm::GlobalVariable(module, text->getType(), /*isConstant=*/true,
                           llvm::GlobalValue::ExternalLinkage, text,
                           "rheobase_manifest");
  llvm::Type *i32 = llvm::Type::getInt32Ty(context);
  new llvm::GlobalVariable(module, i32, /*isConstant=*/true,
                           llvm::GlobalValue::ExternalLinkage,
                           llvm::ConstantInt::get(i32, RHEOBASE_ABI_VERSION),
                           "rheobase_abi_version");
}

/// The symbols of the manifest's entry points.
static FailureOr<llvm::StringSet<>> getEntrySymbols(ModuleOp module) {
  llvm::StringSet<> symbols;
  auto manifest = module->getAttrOfType<StringAttr>(
      spiking::SpikingDialect::kManifestAttrName);
  if (!manifest)
    return module.emitError("expected a module that spiking-describe-entries "
                            "has described, got one without ")
           << spiking::SpikingDialect::kManifestAttrName;
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(manifest);
  if (!json)
    return module.emitError("the manifest is not JSON: ")
           << llvm::toString(json.takeError());
  const llvm::json::Object *root = json->getAsObject();
  if (const llvm::json::Object *entries =
          root ? root->getObject("entries") : nullptr)
    for (const auto &[name, entry] : *entries)
      if (const llvm::json::Object *object = entry.getAsObject())
        symbols.insert(object->getString("symbol").value_or(""));
  return symbols;
}

/// Runs what `build` makes of a builder for that machine.
static void runLLVMPasses(
    llvm::Module &module, llvm::TargetMachine &machine,
    const llvm::PipelineTuningOptions &tuning,
    llvm::function_ref<llvm::ModulePassManager(llvm::PassBuilder &)> build) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  build(builder).run(module, modules);
}

/// The module in LLVM IR for that machine. Only entry points can be called from
/// outside, and functions that are alike are one: training and evaluation have
/// many loops of the forward pass.
static std::unique_ptr<llvm::Module>
translate(ModuleOp module, llvm::LLVMContext &context,
          llvm::TargetMachine &machine, const CPUCodegenOptions &options) {
  FailureOr<llvm::StringSet<>> entries = getEntrySymbols(module);
  if (failed(entries))
    return nullptr;
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(module, context, "rheobase");
  if (!result) {
    module.emitError("translation to LLVM IR failed");
    return nullptr;
  }
  // The conversion of buffers has names of its own for the runtime's functions.
  for (auto [name, runtimeName] :
       {std::pair("_mlir_memref_to_llvm_alloc", "rheobase_rt_need"),
        std::pair("_mlir_memref_to_llvm_free", "rheobase_rt_free")})
    if (llvm::Function *function = result->getFunction(name)) {
      function->replaceAllUsesWith(
          result
              ->getOrInsertFunction(runtimeName, function->getFunctionType())
              .getCallee());
      function->eraseFromParent();
    }
  result->setDataLayout(machine.createDataLayout());
  result->setTargetTriple(machine.getTargetTriple());
  for (llvm::Function &function : *result) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    if (entries->contains(function.getName()))
      function.setName(function.getName() + options.symbolSuffix);
    else
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    // Nobody compares addresses of functions.
    function.setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  }

  if (options.standalone)
    addManifest(*result, module->getAttrOfType<StringAttr>(
                             spiking::SpikingDialect::kManifestAttrName));

  runLLVMPasses(*result, machine, {}, [](llvm::PassBuilder &) {
    llvm::ModulePassManager passes;
    passes.addPass(llvm::GlobalDCEPass());
    passes.addPass(llvm::MergeFunctionsPass());
    return passes;
  });
  return result;
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     const CPUCodegenOptions &options) {
  // Loops come as vectors, and unrolled where that pays: doing it again makes
  // code that takes a third longer to compile and no shorter to run.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  tuning.SLPVectorization = false;
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::OptimizationLevel level = levels[std::min(options.optLevel, 3u)];
  runLLVMPasses(module, machine, tuning, [&](llvm::PassBuilder &builder) {
    return builder.buildPerModuleDefaultPipeline(level);
  });
}

std::unique_ptr<llvm::Module>
rheobase::translateAndOptimize(ModuleOp module, llvm::LLVMContext &context,
                               llvm::TargetMachine &machine,
                               const CPUCodegenOptions &options) {
  std::unique_ptr<llvm::Module> result =
      translate(module, context, machine, options);
  if (!result)
    return nullptr;
  optimize(*result, machine, options);
  return result;
}

/// Instructions of a part that is worth a thread of its own, and the most
/// parts.
static constexpr size_t instructionsPerPart = 3000;
static constexpr size_t maxParts = 8;

/// Divides the functions of a module into parts of about the same size, as
/// bitcode: contexts of LLVM belong to one thread. What parts refer to of each
/// other is visible to the linker, but not outside of what it links.
static std::vector<SmallVector<char, 0>>
divide(llvm::Module &module, const CPUCodegenOptions &options) {
  // Sizes with the order, which decides where they are the same.
  SmallVector<std::tuple<size_t, size_t, llvm::Function *>> functions;
  size_t total = 0;
  for (auto [number, function] : llvm::enumerate(module))
    if (size_t size = function.getInstructionCount()) {
      functions.emplace_back(size, number, &function);
      total += size;
    }
  size_t count =
      options.standalone
          ? 1
          : std::clamp<size_t>(total / instructionsPerPart, 1, maxParts);
  // The largest first, each to the part that is the smallest.
  llvm::sort(functions, std::greater<>());
  SmallVector<size_t> sizes(count);
  llvm::DenseMap<const llvm::GlobalValue *, size_t> parts;
  for (auto [size, number, function] : functions) {
    size_t smallest = llvm::min_element(sizes) - sizes.begin();
    parts[function] = smallest;
    sizes[smallest] += size;
  }
  if (count > 1)
    for (llvm::GlobalValue &value : module.global_values())
      if (value.hasLocalLinkage()) {
        // Not the name of something else that is linked: of a function of
        // libc, or of the same code for another instruction set.
        value.setName("rheobase.part." + value.getName() +
                      options.symbolSuffix);
        value.setLinkage(llvm::GlobalValue::ExternalLinkage);
        value.setVisibility(llvm::GlobalValue::HiddenVisibility);
      }
  std::vector<SmallVector<char, 0>> result(count);
  for (size_t part = 0; part < count; ++part) {
    llvm::ValueToValueMapTy map;
    std::unique_ptr<llvm::Module> clone =
        llvm::CloneModule(module, map, [&](const llvm::GlobalValue *value) {
          return parts.lookup(value) == part;
        });
    llvm::raw_svector_ostream stream(result[part]);
    llvm::WriteBitcodeToFile(*clone, stream);
  }
  return result;
}

/// An object file of a part, or a message.
static llvm::Expected<std::string>
compilePart(ArrayRef<char> bitcode, const CPUCodegenOptions &options) {
  std::string message;
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(options, message);
  if (!machine)
    return llvm::createStringError(message);
  llvm::LLVMContext context;
  llvm::Expected<std::unique_ptr<llvm::Module>> module = llvm::parseBitcodeFile(
      llvm::MemoryBufferRef(StringRef(bitcode.data(), bitcode.size()), "part"),
      context);
  if (!module)
    return module.takeError();
  optimize(**module, *machine, options);
  SmallVector<char, 0> object;
  if (!emitMachineCode(**module, *machine, /*assembly=*/false, object))
    return llvm::createStringError("this target has no object code");
  return std::string(object.data(), object.size());
}

FailureOr<MachineCode>
rheobase::generateMachineCode(ModuleOp module,
                              const CPUCodegenOptions &options) {
  std::string message;
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(options, message);
  if (!machine)
    return module.emitError(message);
  std::vector<SmallVector<char, 0>> parts;
  {
    llvm::LLVMContext context;
    std::unique_ptr<llvm::Module> whole =
        translate(module, context, *machine, options);
    if (!whole)
      return failure();
    parts = divide(*whole, options);
  }
  MachineCode code;
  code.manifest = module
                      ->getAttrOfType<StringAttr>(
                          spiking::SpikingDialect::kManifestAttrName)
                      .str();
  code.objects.resize(parts.size());
  std::vector<std::string> messages(parts.size());
  auto compile = [&](size_t part) {
    llvm::Expected<std::string> object = compilePart(parts[part], options);
    if (object)
      code.objects[part] = std::move(*object);
    else
      messages[part] = llvm::toString(object.takeError());
  };
  if (parts.size() == 1) {
    compile(0);
  } else {
    llvm::DefaultThreadPool threads(
        llvm::hardware_concurrency(static_cast<unsigned>(parts.size())));
    for (size_t part = 0; part < parts.size(); ++part)
      threads.async(compile, part);
    threads.wait();
  }
  for (const std::string &text : messages)
    if (!text.empty())
      return module.emitError("cannot generate machine code: ") << text;
  return code;
}

bool rheobase::emitMachineCode(llvm::Module &module,
                               llvm::TargetMachine &machine, bool assembly,
                               SmallVectorImpl<char> &output) {
  llvm::raw_svector_ostream stream(output);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr,
                                  assembly
                                      ? llvm::CodeGenFileType::AssemblyFile
                                      : llvm::CodeGenFileType::ObjectFile))
    return false;
  passes.run(module);
  return true;
}
