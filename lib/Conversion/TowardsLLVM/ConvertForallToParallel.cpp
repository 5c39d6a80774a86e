//===- ConvertForallToParallel.cpp - Parallel loops on buffers ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/IR/PatternMatch.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTFORALLTOPARALLELPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

namespace {
struct ConvertForallToParallelPass
    : rheobase::impl::ConvertForallToParallelPassBase<
          ConvertForallToParallelPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    WalkResult result = getOperation()->walk([&](scf::ForallOp forall) {
      if (!forall.getOutputs().empty()) {
        forall.emitOpError("expected a loop on buffers, got one with results");
        return WalkResult::interrupt();
      }
      DictionaryAttr attributes = forall->getDiscardableAttrDictionary();
      scf::ParallelOp parallel;
      rewriter.setInsertionPoint(forall);
      if (failed(scf::forallToParallelLoop(rewriter, forall, &parallel)))
        return WalkResult::interrupt();
      parallel->setDiscardableAttrs(attributes);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
