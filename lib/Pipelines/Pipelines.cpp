//===- Pipelines.cpp - The stages of compilation --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/Pipelines.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

static constexpr std::pair<Stage, StringLiteral> stageNames[] = {
    {Stage::Input, "input"},     {Stage::Sequence, "sequence"},
    {Stage::Planned, "planned"}, {Stage::Linalg, "linalg"},
    {Stage::Buffers, "buffers"}, {Stage::LLVM, "llvm"}};

std::optional<Stage> rheobase::parseStage(StringRef name) {
  for (auto [stage, known] : stageNames)
    if (known == name)
      return stage;
  return std::nullopt;
}

StringRef rheobase::stringifyStage(Stage stage) {
  for (auto [known, name] : stageNames)
    if (known == stage)
      return name;
  llvm_unreachable("all stages have names");
}

ArrayRef<Stage> rheobase::getStages() {
  static constexpr Stage stages[] = {Stage::Input,   Stage::Sequence,
                                     Stage::Planned, Stage::Linalg,
                                     Stage::Buffers, Stage::LLVM};
  return stages;
}

/// Lets no folder get hold of a function of a constant: it would call the C
/// library. Runs before canonicalization.
static void expandConstantMath(OpPassManager &pm) {
  ExpandMathPassOptions options;
  options.constants = true;
  pm.addPass(createExpandMathPass(options));
}

void rheobase::populateFrontendPipeline(OpPassManager &pm,
                                        const FrontendOptions &options) {
  expandConstantMath(pm);
  pm.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  expandConstantMath(pm);
  pm.addPass(createSymbolDCEPass());
  pm.addPass(createExpandPresetsPass());
  pm.addPass(createDistributeTimeLoopPass());
  pm.addPass(createDecomposeNeuronsPass());
  expandConstantMath(pm);
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  HoistTimeInvariantPassOptions hoist;
  hoist.exact = options.exact;
  pm.addPass(createHoistTimeInvariantPass(hoist));
}

void rheobase::populatePlanPipeline(OpPassManager &pm,
                                    const PlanOptions &options) {
  expandConstantMath(pm);
  pm.addPass(createAssignLayoutsPass());
  pm.addPass(createPlanRecomputationPass());
  pm.addPass(createFuseNeuronsPass());
  pm.addPass(createElementwiseToScanPass());
  pm.addPass(createCanonicalizerPass());
  PlanResidualsPassOptions residuals;
  residuals.recompute = options.recompute;
  pm.addPass(createPlanResidualsPass(residuals));
  pm.addNestedPass<func::FuncOp>(createFormKernelsPass());
}

LinalgOptions rheobase::getLinalgOptions(const CPUOptions &cpu,
                                         std::string moduleName) {
  LinalgOptions linalg;
  linalg.moduleName = std::move(moduleName);
  linalg.samplesPerBlock = kSamplesPerBlock;
  linalg.threads = cpu.threads;
  return linalg;
}

void rheobase::populateLinalgPipeline(OpPassManager &pm,
                                      const LinalgOptions &options) {
  expandConstantMath(pm);
  ConvertSpikingToLinalgPassOptions convert;
  convert.samplesPerBlock = options.samplesPerBlock;
  convert.threads = options.threads;
  pm.addPass(createConvertSpikingToLinalgPass(convert));
  // No elimination of common subexpressions before bufferization: buffers that
  // begin alike would become one that must be copied.
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createNameDimensionsPass());
  DescribeEntriesPassOptions describe;
  describe.moduleName = options.moduleName;
  pm.addPass(createDescribeEntriesPass(describe));
}

void rheobase::populateBufferPipeline(OpPassManager &pm, bool forCPU,
                                      bool wrapEntries) {
  LegalizeSpikeStoragePassOptions storage;
  storage.pack = forCPU;
  pm.addPass(createLegalizeSpikeStoragePass(storage));
  pm.addNestedPass<func::FuncOp>(createDonateArgumentsPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // Views that are equal become one, so that copies onto themselves vanish;
  // sizes leave loops, and with them the buffers that have these sizes.
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addNestedPass<func::FuncOp>(bufferization::createBufferLoopHoistingPass());
  if (forCPU) {
    pm.addNestedPass<func::FuncOp>(createFoldProductStartsPass());
    pm.addNestedPass<func::FuncOp>(createFillBordersPass());
  }
  pm.addPass(createPlanMemoryPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  if (forCPU && wrapEntries)
    pm.addPass(createWrapEntriesPass());
}

namespace {
struct FrontendPipelineOptions : PassPipelineOptions<FrontendPipelineOptions> {
  Option<bool> exact{*this, "exact",
                     llvm::cl::desc("only rewrites whose results are equal bit "
                                    "for bit, but for gradients of parameters"),
                     llvm::cl::init(false)};
};

struct PlanPipelineOptions : PassPipelineOptions<PlanPipelineOptions> {
  Option<int64_t> recompute{
      *this, "recompute",
      llvm::cl::desc(
          "values of the forward pass that the backward pass computes "
          "again instead of reading them, the largest first"),
      llvm::cl::init(0)};
};

struct LinalgPipelineOptions : PassPipelineOptions<LinalgPipelineOptions> {
  Option<std::string> moduleName{
      *this, "module-name",
      llvm::cl::desc("name of the module in the manifest and in symbols, "
                     "unless it has one of its own"),
      llvm::cl::init("module")};
};
} // namespace

void rheobase::registerPipelines() {
  PassPipelineRegistration<FrontendPipelineOptions>(
      "spiking-frontend", "from step form (L0) to sequence form (L1)",
      [](OpPassManager &pm, const FrontendPipelineOptions &options) {
        populateFrontendPipeline(pm, {options.exact});
      });
  PassPipelineRegistration<PlanPipelineOptions>(
      "spiking-plan", "from sequence form (L1) to planned form (L2)",
      [](OpPassManager &pm, const PlanPipelineOptions &options) {
        populatePlanPipeline(pm, {options.recompute});
      });
  PassPipelineRegistration<LinalgPipelineOptions>(
      "spiking-lower-to-linalg",
      "from L1 or L2 to linalg and scans on tensors, entry points described",
      [](OpPassManager &pm, const LinalgPipelineOptions &options) {
        LinalgOptions linalg;
        linalg.moduleName = options.moduleName;
        populateLinalgPipeline(pm, linalg);
      });
  PassPipelineRegistration<>(
      "spiking-lower-to-buffers",
      "from linalg and scans on tensors to buffers and entry points",
      [](OpPassManager &pm) { populateBufferPipeline(pm); });
}
