//===- snn-reduce.cpp - Makes a failing module small ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// MLIR's test case reducer with what it needs to know about spiking networks:
// which operations can be left out, and which can be made simpler. The result
// computes something else; that it still fails is what the tester says.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/InitAll.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Reducer/ReductionPatternInterface.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace {

/// Leaves an operation out: an operand of the same type takes the place of each
/// result that has one. So go residual additions, dropout, normalization, the
/// final states of loops and neurons, and the outputs of scans.
struct ReplaceByOperand : RewritePattern {
  explicit ReplaceByOperand(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/2, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa_and_present<SpikingDialect>(op->getDialect()))
      return failure();
    bool changed = false;
    for (OpResult result : op->getResults()) {
      if (result.use_empty())
        continue;
      for (Value operand : op->getOperands())
        if (operand.getType() == result.getType()) {
          rewriter.replaceAllUsesWith(result, operand);
          changed = true;
          break;
        }
    }
    return success(changed);
  }
};

/// A named neuron becomes an integrate-and-fire neuron with default attributes.
struct SimplifyNeuron : OpInterfaceRewritePattern<NeuronOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(NeuronOpInterface neuron,
                                PatternRewriter &rewriter) const override {
    // A readout does not fire; other final states have no counterpart.
    if (isa<LIOp>(neuron.getOperation()) ||
        llvm::any_of(neuron->getResults().drop_front(2),
                     [](Value state) { return !state.use_empty(); }))
      return failure();
    if (isa<IFOp>(neuron.getOperation()) && neuron->getAttrs().size() == 1 &&
        neuron->getNumOperands() == 1)
      return failure();
    OperationState state(neuron.getLoc(), IFOp::getOperationName());
    state.addOperands(neuron->getOperand(0));
    state.addTypes(neuron->getResults().take_front(2).getTypes());
    state.getOrAddProperties<IFOp::Properties>().operandSegmentSizes = {1, 0, 0,
                                                                        0};
    Operation *simple = rewriter.create(state);
    rewriter.replaceAllUsesWith(neuron->getResults().take_front(2),
                                simple->getResults());
    rewriter.eraseOp(neuron);
    return success();
  }
};

/// One time step instead of many.
struct TakeOneStep : RewritePattern {
  explicit TakeOneStep(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    OpOperand *steps = nullptr;
    if (auto loop = dyn_cast<TimeLoopOp>(op))
      steps = &loop.getStepsMutable();
    else if (auto repeat = dyn_cast<RepeatOp>(op))
      steps = &repeat.getTimesMutable();
    else if (auto latency = dyn_cast<LatencyOp>(op))
      steps = &latency.getTimesMutable();
    if (!steps || matchPattern(steps->get(), m_Constant()))
      return failure();
    Value one = arith::ConstantIndexOp::create(rewriter, op->getLoc(), 1);
    rewriter.modifyOpInPlace(op, [&] { steps->set(one); });
    return success();
  }
};

struct SpikingReductions : DialectReductionPatternInterface {
  explicit SpikingReductions(Dialect *dialect)
      : DialectReductionPatternInterface(dialect) {}

  void populateReductionPatterns(RewritePatternSet &patterns) const override {
    patterns.add<ReplaceByOperand, SimplifyNeuron, TakeOneStep>(
        patterns.getContext());
  }
};

} // namespace

int main(int argc, char **argv) {
  rheobase::registerAllPasses();
  DialectRegistry registry;
  rheobase::registerAllDialects(registry);
  registry.addExtension(+[](MLIRContext *, SpikingDialect *dialect) {
    dialect->addInterfaces<SpikingReductions>();
  });
  MLIRContext context(registry);
  return failed(mlirReduceMain(argc, argv, context));
}
