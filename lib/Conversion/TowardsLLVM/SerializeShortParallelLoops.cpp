//===- SerializeShortParallelLoops.cpp - Threads for long loops only --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Support/ThreadQueries.h"

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/PatternMatch.h"

namespace rheobase {
#define GEN_PASS_DEF_SERIALIZESHORTPARALLELLOOPSPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

/// The only loop in `parallel`; null if there is more in it.
static omp::LoopNestOp getOnlyLoop(omp::ParallelOp parallel) {
  Region &region = parallel.getRegion();
  if (!region.hasOneBlock() || region.front().getOperations().size() != 2)
    return {};
  auto worksharing = dyn_cast<omp::WsloopOp>(region.front().front());
  return worksharing
             ? dyn_cast<omp::LoopNestOp>(worksharing.getWrappedLoop())
             : omp::LoopNestOp();
}

/// Removes `scope` if nothing is allocated on the stack in it. A call allocates
/// in its own frame, and other operations that one knows nothing about, such as
/// fences, do not.
static void inlineScope(IRRewriter &rewriter, memref::AllocaScopeOp scope) {
  Region &region = scope.getBodyRegion();
  if (!region.hasOneBlock() || scope->getNumResults() != 0)
    return;
  WalkResult allocates = region.walk([](Operation *op) {
    return isa<memref::AllocaOp, LLVM::AllocaOp>(op) ? WalkResult::interrupt()
                                                     : WalkResult::advance();
  });
  if (allocates.wasInterrupted())
    return;
  rewriter.eraseOp(region.front().getTerminator());
  rewriter.inlineBlockBefore(&region.front(), scope);
  rewriter.eraseOp(scope);
}

namespace {
struct SerializeShortParallelLoopsPass
    : rheobase::impl::SerializeShortParallelLoopsPassBase<
          SerializeShortParallelLoopsPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    getOperation()->walk(
        [&](memref::AllocaScopeOp scope) { inlineScope(rewriter, scope); });
    getOperation()->walk([&](omp::ParallelOp parallel) {
      omp::LoopNestOp loop = getOnlyLoop(parallel);
      if (!loop || parallel.getIfExpr())
        return;
      OpBuilder builder(parallel);
      Location loc = loop.getLoc();
      Value several;
      for (auto [lower, upper, step] :
           llvm::zip(loop.getLoopLowerBounds(), loop.getLoopUpperBounds(),
                     loop.getLoopSteps())) {
        Value second =
            builder.createOrFold<arith::AddIOp>(loc, lower, step);
        Value more = builder.createOrFold<arith::CmpIOp>(
            loc, arith::CmpIPredicate::slt, second, upper);
        several = several ? builder.createOrFold<arith::OrIOp>(loc, several,
                                                               more)
                          : more;
      }
      if (parallel->getParentOfType<omp::ParallelOp>())
        several = arith::AndIOp::create(
            builder, loc, several,
            rheobase::createIsSerial(builder, loc, getOperation()));
      parallel.getIfExprMutable().assign(several);
    });
  }
};
} // namespace
