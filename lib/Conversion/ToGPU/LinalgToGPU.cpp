//===- LinalgToGPU.cpp - Structured operations become kernels ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinalgToGPU.h"

#include "../SpikingToVector/IndexMath.h"
#include "KernelBuilder.h"

#include "rheobase/Conversion/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTLINALGTOGPUPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

SmallVector<Value> rheobase::indicesAt(OpBuilder &builder, linalg::LinalgOp op,
                                       OpOperand &operand, ValueRange ivs) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> indices;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      indices.push_back(ivs[dim.getPosition()]);
      continue;
    }
    indices.push_back(affine::makeComposedAffineApply(
        builder, op.getLoc(), AffineMap::get(map.getNumDims(), 0, expr),
        llvm::map_to_vector(ivs, [](Value iv) -> OpFoldResult { return iv; })));
  }
  return indices;
}

SmallVector<Value> rheobase::loopSizes(OpBuilder &builder,
                                       linalg::LinalgOp op) {
  SmallVector<Value> sizes;
  for (const Range &range : op.createLoopRanges(builder, op.getLoc()))
    sizes.push_back(
        getValueOrCreateConstantIndexOp(builder, op.getLoc(), range.size));
  return sizes;
}

void rheobase::cloneBody(OpBuilder &builder, linalg::LinalgOp op,
                         ValueRange ivs, IRMapping &mapping) {
  for (Operation &nested : op.getBlock()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(nested))
      mapping.map(index.getResult(), ivs[index.getDim()]);
    else
      builder.clone(nested, mapping);
  }
}

/// A thread for each element of the parallel loops; reductions are sequential
/// loops of the thread, in their order.
static void launchPointwise(RewriterBase &b, linalg::LinalgOp op) {
  Location loc = op.getLoc();
  IndexMath index{b, loc};
  SmallVector<Value> sizes = loopSizes(b, op);
  SmallVector<unsigned> parallel, reductions;
  op.getParallelDims(parallel);
  op.getReductionDims(reductions);
  SmallVector<Value> parallelSizes = llvm::map_to_vector(
      parallel, [&](unsigned dim) { return sizes[dim]; });

  StringRef kind = !reductions.empty()         ? "reduce"
                   : isa<linalg::FillOp>(op)   ? "fill"
                   : isa<linalg::CopyOp>(op)   ? "copy"
                                               : "map";
  launchItems(b, loc, kind, productOf(b, loc, parallelSizes), [&](Value item) {
    SmallVector<Value> ivs(sizes.size());
    for (auto [dim, iv] :
         llvm::zip(parallel, delinearize(b, loc, item, parallelSizes)))
      ivs[dim] = iv;

    // Chains stay in registers where each belongs to one output element.
    bool inRegisters = llvm::all_of(
        op.getDpsInitsMutable(), [&](OpOperand &init) {
          AffineMap map = op.getMatchingIndexingMap(&init);
          return llvm::none_of(reductions, [&](unsigned dim) {
            return map.isFunctionOfDim(dim);
          });
        });
    auto load = [&](OpOperand &operand) -> Value {
      return memref::LoadOp::create(b, loc, operand.get(),
                                    indicesAt(b, op, operand, ivs));
    };
    auto loadInits = [&] {
      SmallVector<Value> values;
      for (OpOperand &init : op.getDpsInitsMutable())
        values.push_back(
            op.payloadUsesValueFromOperand(&init)
                ? load(init)
                : arith::ConstantOp::create(
                      b, loc,
                      cast<TypedAttr>(b.getZeroAttr(
                          getElementTypeOrSelf(init.get().getType()))))
                      .getResult());
      return values;
    };
    auto storeInits = [&](ValueRange values) {
      for (auto [init, value] : llvm::zip(op.getDpsInitsMutable(), values))
        memref::StoreOp::create(b, loc, value, init.get(),
                                indicesAt(b, op, init, ivs));
    };

    std::function<SmallVector<Value>(unsigned, ValueRange)> nest =
        [&](unsigned level, ValueRange carried) -> SmallVector<Value> {
      if (level < reductions.size()) {
        auto loop = scf::ForOp::create(b, loc, index.constant(0),
                                       sizes[reductions[level]],
                                       index.constant(1), carried);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(loop.getBody());
        ivs[reductions[level]] = loop.getInductionVar();
        SmallVector<Value> next = nest(level + 1, loop.getRegionIterArgs());
        if (!carried.empty())
          scf::YieldOp::create(b, loc, next);
        return llvm::to_vector(ValueRange(loop.getResults()));
      }
      IRMapping mapping;
      for (OpOperand *input : op.getDpsInputOperands()) {
        BlockArgument argument = op.getMatchingBlockArgument(input);
        if (argument.use_empty())
          continue;
        mapping.map(argument, isa<MemRefType>(input->get().getType())
                                  ? load(*input)
                                  : input->get());
      }
      SmallVector<Value> outputs =
          inRegisters ? llvm::to_vector(carried) : loadInits();
      mapping.map(op.getRegionOutputArgs(), outputs);
      cloneBody(b, op, ivs, mapping);
      SmallVector<Value> results = llvm::map_to_vector(
          op.getBlock()->getTerminator()->getOperands(),
          [&](Value value) { return mapping.lookupOrDefault(value); });
      if (inRegisters)
        return results;
      storeInits(results);
      return {};
    };
    if (inRegisters)
      storeInits(nest(0, loadInits()));
    else
      nest(0, {});
  });
  b.eraseOp(op);
}

/// Kernels cannot reach the host's memory: every buffer lives on the device.
static void placeBuffers(RewriterBase &rewriter, Region &host) {
  host.walk<WalkOrder::PreOrder>([&](Operation *op) -> WalkResult {
    // Kernels have no allocations of their own.
    if (isa<gpu::LaunchOp>(op))
      return WalkResult::skip();
    rewriter.setInsertionPoint(op);
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      auto placed = gpu::AllocOp::create(
          rewriter, op->getLoc(), alloc.getType(), /*asyncToken=*/Type(),
          /*asyncDependencies=*/ValueRange(), alloc.getDynamicSizes(),
          alloc.getSymbolOperands(), /*hostShared=*/false);
      rewriter.replaceOp(op, placed.getMemref());
      return WalkResult::skip();
    }
    if (auto dealloc = dyn_cast<memref::DeallocOp>(op)) {
      gpu::DeallocOp::create(rewriter, op->getLoc(), /*asyncToken=*/Type(),
                             /*asyncDependencies=*/ValueRange(),
                             dealloc.getMemref());
      rewriter.eraseOp(op);
      return WalkResult::skip();
    }
    return WalkResult::advance();
  });
}

namespace {
struct ConvertLinalgToGPUPass
    : rheobase::impl::ConvertLinalgToGPUPassBase<ConvertLinalgToGPUPass> {
  using ConvertLinalgToGPUPassBase::ConvertLinalgToGPUPassBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    Region &host = getOperation().getBody();

    // A copy is the simplest structured operation.
    getOperation().walk([&](memref::CopyOp copy) {
      rewriter.setInsertionPoint(copy);
      rewriter.replaceOpWithNewOp<linalg::CopyOp>(copy, copy.getSource(),
                                                  copy.getTarget());
    });
    if (failed(launchHostScalars(rewriter, host)))
      return signalPassFailure();

    SmallVector<linalg::LinalgOp> ops;
    WalkResult found = getOperation().walk<WalkOrder::PreOrder>(
        [&](Operation *op) -> WalkResult {
          if (isa<gpu::LaunchOp>(op))
            return WalkResult::skip();
          auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
          if (!linalgOp)
            return WalkResult::advance();
          if (!linalgOp.hasPureBufferSemantics()) {
            op->emitOpError("expected buffers, got ")
                << op->getOperandTypes();
            return WalkResult::interrupt();
          }
          ops.push_back(linalgOp);
          return WalkResult::skip();
        });
    if (found.wasInterrupted())
      return signalPassFailure();
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      if (std::optional<GPUProduct> product = matchProduct(op))
        launchProduct(rewriter, op, *product);
      else
        launchPointwise(rewriter, op);
    }
    if (failed(sinkDeviceScalars(rewriter, host)))
      return signalPassFailure();
    placeBuffers(rewriter, host);
  }
};
} // namespace
