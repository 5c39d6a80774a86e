//===- PTX.cpp - From the nvvm dialect to PTX -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/PTX.h"

#include "Toolkit.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace mlir;
using namespace rheobase;

// Those that LLVM 22 can select without features of a single architecture, from
// the first with the instructions that kernels use.
static constexpr GPUChip chips[] = {
    {"sm_70", 60},  {"sm_72", 61},  {"sm_75", 63},  {"sm_80", 70},
    {"sm_86", 71},  {"sm_87", 74},  {"sm_88", 90},  {"sm_89", 78},
    {"sm_90", 78},  {"sm_90a", 80}, {"sm_100", 86}, {"sm_100a", 86},
    {"sm_101", 86}, {"sm_103", 88}, {"sm_110", 90}, {"sm_120", 87},
    {"sm_120a", 87}, {"sm_121", 88},
};

ArrayRef<GPUChip> rheobase::getGPUChips() { return chips; }

FailureOr<GPUChip> rheobase::findGPUChip(StringRef name, EmitError emitError) {
  for (const GPUChip &chip : chips)
    if (chip.name == name)
      return chip;
  InFlightDiagnostic diag = emitError();
  diag << "unknown chip '" << name << "', expected one of ";
  llvm::interleaveComma(chips, diag,
                        [&](const GPUChip &chip) { diag << chip.name; });
  return diag;
}

static std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const GPUChip &chip, unsigned optLevel, EmitError emitError) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target) {
    emitError() << "no code generator for " << triple.str() << ": " << error;
    return nullptr;
  }
  // The reference arithmetic has fused multiply-adds only where the IR has them.
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, chip.name, ("+ptx" + Twine(chip.ptxVersion)).str(), options,
      std::nullopt, std::nullopt,
      static_cast<llvm::CodeGenOptLevel>(std::min(optLevel, 3u))));
}

/// Adds those of libdevice's functions that `module` calls.
static LogicalResult linkLibdevice(llvm::Module &module, EmitError emitError) {
  SmallVector<StringRef> missing;
  for (llvm::Function &function : module)
    if (function.isDeclaration() && !function.use_empty() &&
        function.getName().starts_with("__nv_"))
      missing.push_back(function.getName());
  if (missing.empty())
    return success();
  std::optional<std::string> path = findLibdevice();
  if (!path)
    return emitError() << "function '" << missing.front()
                       << "' is one of CUDA's libdevice.10.bc, which was not "
                          "found in $CUDA_HOME, or without that in "
                          "/usr/local/cuda or a virtual environment";
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> library =
      llvm::getLazyIRFileModule(*path, diagnostic, module.getContext());
  if (!library)
    return emitError() << "cannot read '" << *path
                       << "': " << diagnostic.getMessage();
  library->setTargetTriple(module.getTargetTriple());
  library->setDataLayout(module.getDataLayout());
  bool failed = llvm::Linker::linkModules(
      module, std::move(library), llvm::Linker::Flags::LinkOnlyNeeded,
      [](llvm::Module &into, const llvm::StringSet<> &added) {
        llvm::internalizeModule(into, [&](const llvm::GlobalValue &value) {
          return !value.hasName() || !added.contains(value.getName());
        });
      });
  if (failed)
    return emitError() << "cannot link '" << *path << "'";
  // Denormal numbers are kept.
  if (!module.getModuleFlag("nvvm-reflect-ftz"))
    module.addModuleFlag(llvm::Module::Override, "nvvm-reflect-ftz", 0u);
  return success();
}

/// What the optimizer has found out about the kernels' pointers.
static void describeKernels(const llvm::Module &module,
                            SmallVectorImpl<KernelInfo> &kernels) {
  for (const llvm::Function &function : module) {
    if (function.isDeclaration() ||
        function.getCallingConv() != llvm::CallingConv::PTX_Kernel)
      continue;
    KernelInfo &kernel = kernels.emplace_back();
    kernel.name = function.getName().str();
    for (const llvm::Argument &argument : function.args()) {
      bool pointer = argument.getType()->isPointerTy();
      bool none = argument.hasAttribute(llvm::Attribute::ReadNone) ||
                  argument.use_empty();
      kernel.reads.push_back(pointer && !none &&
                             !argument.hasAttribute(llvm::Attribute::WriteOnly));
      kernel.writes.push_back(pointer && !none &&
                              !argument.hasAttribute(llvm::Attribute::ReadOnly));
    }
  }
}

/// Declarations in PTX that only a linker could resolve, and nobody links.
static LogicalResult checkResolved(StringRef ptx, EmitError emitError) {
  for (StringRef rest = ptx; !rest.empty();) {
    auto [line, next] = rest.split('\n');
    rest = next;
    if (!line.contains(".extern .func"))
      continue;
    // `.extern .func (.param .b32 func_retval0) name` and its parameters.
    StringRef declaration = line.split(".func").second.trim();
    if (declaration.starts_with("("))
      declaration = declaration.split(')').second.trim();
    if (declaration.empty())
      declaration = rest.split('\n').first.trim();
    StringRef name = declaration.take_until(
        [](char c) { return c == '(' || c == ' ' || c == ';' || c == '\t'; });
    return emitError() << "kernels call function '" << name
                       << "', which has no definition for the GPU";
  }
  return success();
}

void rheobase::registerPTXTranslations(DialectRegistry &registry) {
  registry.insert<gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

FailureOr<std::string>
rheobase::translateToPTX(gpu::GPUModuleOp module, const GPUChip &chip,
                         unsigned optLevel,
                         SmallVectorImpl<KernelInfo> *kernels) {
  auto emitError = [&] { return module.emitError(); };
  for (Operation &op : module.getBody()->getOperations())
    if (!isa<LLVM::LLVMDialect>(op.getDialect()))
      return op.emitOpError("expected kernels of the llvm and nvvm dialects");
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(chip, optLevel, emitError);
  if (!machine)
    return failure();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, module.getName());
  if (!code)
    return emitError() << "cannot be translated to LLVM IR";
  code->setTargetTriple(machine->getTargetTriple());
  code->setDataLayout(machine->createDataLayout());
  if (failed(linkLibdevice(*code, emitError)))
    return failure();
  if (llvm::Error error = makeOptimizingTransformer(
          optLevel, /*sizeLevel=*/0, machine.get())(code.get()))
    return emitError() << llvm::toString(std::move(error));
  if (kernels)
    describeKernels(*code, *kernels);

  SmallString<0> ptx;
  {
    llvm::raw_svector_ostream stream(ptx);
    llvm::legacy::PassManager codegen;
    if (machine->addPassesToEmitFile(codegen, stream, /*DwoOut=*/nullptr,
                                     llvm::CodeGenFileType::AssemblyFile))
      return emitError() << "the code generator cannot emit PTX";
    codegen.run(*code);
  }
  if (failed(checkResolved(ptx, emitError)))
    return failure();
  return std::string(ptx);
}
