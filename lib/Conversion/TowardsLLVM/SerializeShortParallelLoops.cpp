//===- SerializeShortParallelLoops.cpp - Threads for long loops only --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/IR/Builders.h"

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

namespace {
struct SerializeShortParallelLoopsPass
    : rheobase::impl::SerializeShortParallelLoopsPassBase<
          SerializeShortParallelLoopsPass> {
  void runOnOperation() override {
    getOperation()->walk([](omp::ParallelOp parallel) {
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
      parallel.getIfExprMutable().assign(several);
    });
  }
};
} // namespace
