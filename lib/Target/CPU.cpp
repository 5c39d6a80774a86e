//===- CPU.cpp - Code for CPUs ----------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/CPU.h"

#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
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

static bool hostHas(std::initializer_list<StringRef> features) {
  static const llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(features, [&](StringRef feature) {
    return host.lookup(feature);
  });
}

bool rheobase::isSupportedByHost(CPUInstructionSet isa) {
  switch (isa) {
  case CPUInstructionSet::Host:
    return true;
  case CPUInstructionSet::X86_64V3:
    return hostHas({"avx2", "fma", "bmi2", "f16c"});
  case CPUInstructionSet::X86_64V4:
    return hostHas({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"});
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

std::unique_ptr<llvm::TargetMachine>
rheobase::createTargetMachine(const CPUCodegenOptions &options,
                              std::string &error) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
  llvm::Triple triple(llvm::sys::getProcessTriple());
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;

  std::string cpu, features;
  switch (options.isa) {
  case CPUInstructionSet::Host: {
    cpu = llvm::sys::getHostCPUName().str();
    // The name alone may promise what a virtual machine hides.
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features += (features.empty() ? "" : ",") +
                  std::string(feature.second ? "+" : "-") +
                  feature.first().str();
    break;
  }
  case CPUInstructionSet::X86_64V3:
    cpu = "x86-64-v3";
    break;
  case CPUInstructionSet::X86_64V4:
    cpu = "x86-64-v4";
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

std::unique_ptr<llvm::Module>
rheobase::translateAndOptimize(ModuleOp module, llvm::LLVMContext &context,
                               llvm::TargetMachine &machine,
                               const CPUCodegenOptions &options) {
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(module, context, "rheobase");
  if (!result) {
    module.emitError("translation to LLVM IR failed");
    return nullptr;
  }
  // The conversion of buffers has names of its own for the runtime's functions.
  for (auto [name, runtimeName] :
       {std::pair("_mlir_memref_to_llvm_alloc", "rheobase_rt_alloc"),
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
  }
  auto optimize = makeOptimizingTransformer(options.optLevel, /*sizeLevel=*/0,
                                            &machine);
  if (llvm::Error error = optimize(result.get())) {
    module.emitError("optimization failed: ")
        << llvm::toString(std::move(error));
    return nullptr;
  }
  return result;
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
