//===- DecomposeNeurons.cpp - Writes named neurons as scans ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_DECOMPOSENEURONSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase::spiking;

namespace {
struct DecomposeNeuron : OpInterfaceRewritePattern<NeuronOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(NeuronOpInterface neuron,
                                PatternRewriter &rewriter) const override {
    FailureOr<SmallVector<Value>> values = neuron.decomposeNeuron(rewriter);
    if (failed(values))
      return rewriter.notifyMatchFailure(neuron, "has no decomposition");
    rewriter.replaceOp(neuron, *values);
    return success();
  }
};

struct DecomposeNeuronsPass
    : rheobase::spiking::impl::DecomposeNeuronsPassBase<DecomposeNeuronsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateDecomposeNeuronsPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

void rheobase::spiking::populateDecomposeNeuronsPatterns(
    RewritePatternSet &patterns) {
  patterns.add<DecomposeNeuron>(patterns.getContext());
}
