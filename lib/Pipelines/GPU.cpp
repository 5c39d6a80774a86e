//===- GPU.cpp - From buffers to GPU kernels ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/GPU.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/Pipelines.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace rheobase;

void rheobase::buildLowerToKernelsPipeline(OpPassManager &pm,
                                           const GPUOptions &options) {
  pm.addPass(createExpandMathPass());
  ConvertSpikingScanToGPUPassOptions scanOptions;
  scanOptions.chunkSteps = options.chunkSteps;
  pm.addNestedPass<func::FuncOp>(
      createConvertSpikingScanToGPUPass(scanOptions));
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToGPUPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // From here to the outlining nothing may fold views of base pointers back
  // into the buffers.
  pm.addNestedPass<func::FuncOp>(createFlattenGPULaunchOperandsPass());
  pm.addPass(createCSEPass());
  pm.addPass(createGpuLaunchSinkIndexComputationsPass());
  pm.addPass(createGpuKernelOutliningPass());
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
}

void rheobase::buildLowerKernelsToNVVMPipeline(OpPassManager &pm) {
  OpPassManager &kernels = pm.nest<gpu::GPUModuleOp>();
  kernels.addPass(memref::createExpandStridedMetadataPass());
  kernels.addPass(createLowerAffinePass());
  kernels.addPass(createLoopInvariantCodeMotionPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createSCFToControlFlowPass());
  kernels.addPass(createConvertGPUKernelsToNVVMPass());
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
}

void rheobase::populateGPUPipeline(OpPassManager &pm,
                                   const GPUOptions &options) {
  buildLowerToKernelsPipeline(pm, options);
  buildLowerKernelsToNVVMPipeline(pm);
}

static constexpr std::pair<KernelStage, llvm::StringLiteral> stageNames[] = {
    {KernelStage::Input, "input"},     {KernelStage::Sequence, "sequence"},
    {KernelStage::Planned, "planned"}, {KernelStage::Linalg, "linalg"},
    {KernelStage::Buffers, "buffers"}, {KernelStage::Kernels, "kernels"},
    {KernelStage::NVVM, "nvvm"}};

std::optional<KernelStage> rheobase::parseKernelStage(StringRef name) {
  for (auto [stage, known] : stageNames)
    if (known == name)
      return stage;
  return std::nullopt;
}

StringRef rheobase::stringifyKernelStage(KernelStage stage) {
  for (auto [known, name] : stageNames)
    if (known == stage)
      return name;
  llvm_unreachable("all stages have names");
}

void rheobase::populateKernelStage(OpPassManager &pm, ModuleOp module,
                                   const GPUOptions &options,
                                   KernelStage stage) {
  switch (stage) {
  case KernelStage::Input:
    return;
  case KernelStage::Sequence:
    return populateSequenceStage(pm, module, options.frontend);
  case KernelStage::Planned:
    return populatePlanPipeline(pm, options.plan);
  case KernelStage::Linalg:
    return populateLinalgPipeline(pm, LinalgOptions());
  case KernelStage::Buffers:
    // Functions take buffers: whoever launches kernels needs no other entry.
    return populateBufferPipeline(pm, /*forCPU=*/false);
  case KernelStage::Kernels:
    return buildLowerToKernelsPipeline(pm, options);
  case KernelStage::NVVM:
    return buildLowerKernelsToNVVMPipeline(pm);
  }
}

namespace {
struct GPUPipelineOptions : PassPipelineOptions<GPUPipelineOptions> {
  Option<int64_t> chunkSteps{
      *this, "chunk-steps",
      llvm::cl::desc("steps of a backward scan whose recomputed states are "
                     "held in registers"),
      llvm::cl::init(4)};
};
} // namespace

void rheobase::registerGPUPipelines() {
  auto convert = [](const GPUPipelineOptions &options) {
    GPUOptions gpu;
    gpu.chunkSteps = options.chunkSteps;
    return gpu;
  };
  PassPipelineRegistration<GPUPipelineOptions>(
      "lower-to-kernels",
      "scans, products and linalg on buffers to GPU kernels",
      [=](OpPassManager &pm, const GPUPipelineOptions &options) {
        buildLowerToKernelsPipeline(pm, convert(options));
      });
  PassPipelineRegistration<GPUPipelineOptions>(
      "lower-to-nvvm",
      "scans, products and linalg on buffers to kernels of the nvvm dialect",
      [=](OpPassManager &pm, const GPUPipelineOptions &options) {
        populateGPUPipeline(pm, convert(options));
      });
}
