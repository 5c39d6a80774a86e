//===- CPU.cpp - From buffers to the LLVM dialect ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/Pipelines.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Support/CommandLine.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/OpenMPToLLVM/ConvertOpenMPToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/SCFToOpenMP/SCFToOpenMP.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace rheobase;

/// Vector registers that an iteration of a time loop fills with neurons, so
/// that the latencies of their chains overlap.
static constexpr int64_t registersPerStep = 2;

void rheobase::buildLowerToLLVMPipeline(OpPassManager &pm,
                                        const CPUOptions &options) {
  if (options.profile)
    pm.addPass(createNumberOperationsPass());
  // What needs no more than a function runs on several at a time.
  auto nested = [&](std::unique_ptr<Pass> pass) {
    pm.addNestedPass<func::FuncOp>(std::move(pass));
  };
  nested(createConvertForallToParallelPass());
  nested(createExpandMathPass());
  ConvertSpikingScanToLoopsPassOptions scanOptions;
  scanOptions.vectorWidth = registersPerStep * options.vectorBits / 32;
  nested(createConvertSpikingScanToLoopsPass(scanOptions));
  ConvertProductsToVectorPassOptions productOptions;
  productOptions.vectorBits = options.vectorBits;
  productOptions.threads = options.threads;
  productOptions.forceKernel = stringifyProductKernel(options.kernel).str();
  pm.addPass(createConvertProductsToVectorPass(productOptions));
  ConvertLinalgToVectorPassOptions linalgOptions;
  linalgOptions.vectorWidth = scanOptions.vectorWidth;
  nested(createConvertLinalgToVectorPass(linalgOptions));
  nested(createConvertLinalgToLoopsPass());
  nested(createConvertVectorToSCFPass());
  nested(createCanonicalizerPass());
  nested(createCSEPass());
  if (options.profile)
    pm.addPass(createProfileKernelsPass());

  if (options.threads) {
    pm.addPass(createConvertSCFToOpenMPPass());
    pm.addPass(createSerializeShortParallelLoopsPass());
  } else {
    nested(createParallelForToNestedForsPass());
  }
  nested(memref::createExpandStridedMetadataPass());
  nested(createLowerAffinePass());
  // Operations on bf16 are operations on f32, rounded.
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  emulate.targetTypeStr = "f32";
  nested(arith::createArithEmulateUnsupportedFloats(emulate));
  nested(createCanonicalizerPass());
  nested(createCSEPass());
  // After the scopes that nothing is allocated in are gone: nobody knows what a
  // call of the C library allocates.
  pm.addPass(createLegalizeArithmeticPass());
  nested(createSCFToControlFlowPass());
  nested(createConvertVectorToLLVMPass());
  FinalizeMemRefToLLVMConversionPassOptions memrefOptions;
  memrefOptions.useGenericFunctions = true;
  pm.addPass(createFinalizeMemRefToLLVMConversionPass(memrefOptions));
  pm.addPass(createConvertToLLVMPass());
  pm.addPass(createConvertOpenMPToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

namespace {
/// What the pipelines for CPUs have in common.
template <typename Options>
struct CPUPipelineOptions : PassPipelineOptions<Options> {
  template <typename T>
  using Option = typename PassPipelineOptions<Options>::template Option<T>;

  Option<int64_t> vectorBits{*this, "vector-bits",
                             llvm::cl::desc("bits of a vector register: 256 "
                                            "(AVX2) or 512 (AVX-512)"),
                             llvm::cl::init(256)};
  Option<bool> threads{*this, "threads",
                       llvm::cl::desc("run loops on the threads of OpenMP"),
                       llvm::cl::init(true)};
  Option<ProductKernel> kernel{
      *this, "force-kernel",
      llvm::cl::desc("how products with spikes are computed"),
      llvm::cl::init(ProductKernel::Automatic), getProductKernelValues()};

  Option<bool> profile{*this, "profile",
                       llvm::cl::desc("measure each loop nest"),
                       llvm::cl::init(false)};

  CPUOptions get() const {
    CPUOptions cpu;
    cpu.profile = profile;
    cpu.vectorBits = vectorBits;
    cpu.threads = threads;
    cpu.kernel = kernel;
    return cpu;
  }
};

struct LowerToLLVMOptions : CPUPipelineOptions<LowerToLLVMOptions> {};

struct LowerToCPUOptions : CPUPipelineOptions<LowerToCPUOptions> {
  Option<std::string> moduleName{
      *this, "module-name",
      llvm::cl::desc("name of the module in the manifest and in symbols, "
                     "unless it has one of its own"),
      llvm::cl::init("module")};
};
} // namespace

void rheobase::registerCPUPipelines() {
  PassPipelineRegistration<LowerToLLVMOptions>(
      "lower-to-llvm",
      "scans, products and linalg on buffers to the LLVM dialect",
      [](OpPassManager &pm, const LowerToLLVMOptions &options) {
        buildLowerToLLVMPipeline(pm, options.get());
      });
  PassPipelineRegistration<LowerToCPUOptions>(
      "spiking-lower-to-cpu", "from L1 or L2 to the LLVM dialect",
      [](OpPassManager &pm, const LowerToCPUOptions &options) {
        CPUOptions cpu = options.get();
        populateLinalgPipeline(pm, getLinalgOptions(cpu, options.moduleName));
        populateBufferPipeline(pm);
        buildLowerToLLVMPipeline(pm, cpu);
      });
}
