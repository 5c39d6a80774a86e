//===- SetMode.cpp - Training or inference ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Training.h"

using namespace mlir;

namespace rheobase::spiking {
#define GEN_PASS_DEF_SETMODEPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

/// A batch normalization of a sequence with statistics of each step saves
/// those of each step in training, but in inference the running ones.
static LogicalResult setMode(BatchNormOp op, Mode mode) {
  if (op.getMode() == mode)
    return success();
  auto channels = cast<RankedTensorType>(op.getGamma().getType());
  RankedTensorType saved = channels;
  if (mode == Mode::Train && op.getSequence() &&
      op.getStatistics() == Statistics::PerStep)
    saved = channels.clone(
        {cast<RankedTensorType>(op.getInput().getType()).getDimSize(0),
         channels.getDimSize(0)});
  for (Value statistics : {op.getSavedMean(), op.getSavedRstd()}) {
    if (statistics.getType() == saved)
      continue;
    if (!statistics.use_empty())
      return op.emitOpError("cannot change to ")
             << stringifyMode(mode) << ": its saved statistics are used as "
             << statistics.getType();
    statistics.setType(saved);
  }
  op.setMode(mode);
  if (mode == Mode::Inference) {
    // Running statistics stay what they are.
    op.getNewRunningMean().replaceAllUsesWith(op.getRunningMean());
    op.getNewRunningVariance().replaceAllUsesWith(op.getRunningVariance());
  }
  return success();
}

LogicalResult setMode(Operation *root, Mode mode) {
  WalkResult result = root->walk([&](Operation *op) -> WalkResult {
    if (auto norm = dyn_cast<BatchNormOp>(op))
      return setMode(norm, mode);
    if (auto dropout = dyn_cast<DropoutOp>(op))
      dropout.setMode(mode);
    return success();
  });
  return failure(result.wasInterrupted());
}

namespace {
struct SetModePass : impl::SetModePassBase<SetModePass> {
  using Base::Base;
  void runOnOperation() override {
    std::optional<Mode> value = symbolizeMode(mode);
    if (!value) {
      getOperation()->emitError("expected the mode train or inference, got ")
          << mode;
      return signalPassFailure();
    }
    if (failed(setMode(getOperation(), *value)))
      signalPassFailure();
  }
};
} // namespace

} // namespace rheobase::spiking
