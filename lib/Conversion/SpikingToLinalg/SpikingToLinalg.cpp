//===- SpikingToLinalg.cpp - The spiking dialect to linalg ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"
#include "SampleNests.h"

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTSPIKINGTOLINALGPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

void rheobase::populateSpikingToLinalgPatterns(RewritePatternSet &patterns) {
  populateProductPatterns(patterns);
  populatePoolPatterns(patterns);
  populateNormPatterns(patterns);
  populateShapePatterns(patterns);
  populateRandomPatterns(patterns);
  populateEndPatterns(patterns);
  populateTimePatterns(patterns);
}

namespace {

struct ConvertSpikingToLinalgPass
    : rheobase::impl::ConvertSpikingToLinalgPassBase<
          ConvertSpikingToLinalgPass> {
  using ConvertSpikingToLinalgPassBase::ConvertSpikingToLinalgPassBase;

  void runOnOperation() override {
    Operation *root = getOperation();
    MLIRContext *context = &getContext();
    RewritePatternSet inlining(context), patterns(context);
    populateKernelInliningPatterns(inlining);
    walkAndApplyPatterns(root, std::move(inlining));
    if (samplesPerBlock > 0) {
      // First stages of sums treat samples alike, too.
      RewritePatternSet sums(context);
      populateNormPatterns(sums);
      populateSpikeRatePatterns(sums);
      walkAndApplyPatterns(root, std::move(sums));
      IRRewriter rewriter(context);
      root->walk([&](func::FuncOp function) {
        for (Block &block : function.getBody())
          formSampleNests(rewriter, block, samplesPerBlock, threads);
      });
      divideTimeLoops(rewriter, root, samplesPerBlock, threads);
    }
    populateSpikingToLinalgPatterns(patterns);
    walkAndApplyPatterns(root, std::move(patterns));
    if (samplesPerBlock > 0) {
      IRRewriter rewriter(context);
      placeResults(rewriter, root);
    }

    WalkResult result = root->walk<WalkOrder::PreOrder>([](Operation *op) {
      if (isa<spiking::ScanOp>(op))
        return WalkResult::skip();
      if (!isa_and_nonnull<spiking::SpikingDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitOpError("cannot be lowered to linalg: neurons and elementwise "
                      "operations are expected as spiking.scan here");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
