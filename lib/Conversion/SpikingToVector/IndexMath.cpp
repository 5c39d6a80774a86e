//===- IndexMath.cpp - Arithmetic on indices and loops over them ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IndexMath.h"

#include "rheobase/Conversion/Passes.h"

using namespace mlir;

void rheobase::createIf(OpBuilder &builder, Location loc, Value condition,
                        function_ref<void()> body) {
  auto branch =
      scf::IfOp::create(builder, loc, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(branch.thenBlock());
  body();
}

void rheobase::createLoop(OpBuilder &builder, Location loc, Value lower,
                          Value upper, Value step,
                          function_ref<void(Value)> body) {
  auto from = IndexMath::getConstant(lower), to = IndexMath::getConstant(upper),
       by = IndexMath::getConstant(step);
  if (from && to && by && *from < *to && *to - *from <= *by)
    return body(lower);
  auto loop = scf::ForOp::create(builder, loc, lower, upper, step);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

bool rheobase::isInParallelLoop(OpBuilder &builder) {
  for (Operation *parent = builder.getInsertionBlock()->getParentOp(); parent;
       parent = parent->getParentOp())
    if ((isa<scf::ParallelOp, scf::ForallOp>(parent) &&
         !parent->hasAttr(kThreadsInsideAttrName)) ||
        parent->hasAttr(kOneThreadAttrName))
      return true;
  return false;
}

void rheobase::createParallelLoops(OpBuilder &builder, Location loc,
                                   ValueRange lowers, ValueRange uppers,
                                   ValueRange steps,
                                   function_ref<void(ValueRange)> body) {
  OpBuilder::InsertionGuard guard(builder);
  if (isInParallelLoop(builder)) {
    SmallVector<Value> indices;
    for (auto [lower, upper, step] : llvm::zip(lowers, uppers, steps)) {
      auto loop = scf::ForOp::create(builder, loc, lower, upper, step);
      builder.setInsertionPoint(loop.getBody()->getTerminator());
      indices.push_back(loop.getInductionVar());
    }
    return body(indices);
  }
  auto loop = scf::ParallelOp::create(builder, loc, lowers, uppers, steps);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVars());
}
