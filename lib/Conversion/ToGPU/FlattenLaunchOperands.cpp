//===- FlattenLaunchOperands.cpp - Kernels take pointers and sizes ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "rheobase/Conversion/Passes.h"

#include "../SpikingToVector/IndexMath.h"
#include "mlir/Dialect/GPU/Utils/GPUUtils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace rheobase {
#define GEN_PASS_DEF_FLATTENGPULAUNCHOPERANDSPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

/// Constant buffers live in the kernels' module.
static bool belongsInKernel(Operation *op) {
  if (auto view = dyn_cast<ViewLikeOpInterface>(op)) {
    Operation *source = view.getViewSource().getDefiningOp();
    return source && belongsInKernel(source);
  }
  return isa<memref::GetGlobalOp>(op);
}

/// A size of `buffer`, in terms of the sizes of what it is a view of, so that
/// equal sizes become one parameter.
static Value sizeOf(IndexMath &host, Value buffer, int64_t dim) {
  if (!cast<MemRefType>(buffer.getType()).isDynamicDim(dim))
    return host.dim(buffer, dim);
  if (auto collapse = buffer.getDefiningOp<memref::CollapseShapeOp>()) {
    Value size = host.constant(1);
    ReassociationIndices group = collapse.getReassociationIndices()[dim];
    for (int64_t own : group)
      size = host.mul(size, sizeOf(host, collapse.getSrc(), own));
    return size;
  }
  if (auto cast = buffer.getDefiningOp<memref::CastOp>())
    if (isa<MemRefType>(cast.getSource().getType()))
      return sizeOf(host, cast.getSource(), dim);
  return host.dim(buffer, dim);
}

/// Makes the kernel see `buffer` as a view of its base pointer, with the
/// dynamic sizes, strides and offset as values of their own.
static LogicalResult flatten(IRRewriter &b, gpu::LaunchOp launch,
                             Value buffer) {
  Location loc = launch.getLoc();
  auto type = cast<MemRefType>(buffer.getType());
  int64_t offset;
  SmallVector<int64_t> strides;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return launch.emitOpError("expected buffers of strided layout, got ")
           << type;
  b.setInsertionPoint(launch);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, buffer);
  IndexMath host{b, loc};
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, size] : llvm::enumerate(type.getShape()))
    sizes.push_back(ShapedType::isDynamic(size)
                        ? OpFoldResult(sizeOf(host, buffer, dim))
                        : OpFoldResult(b.getIndexAttr(size)));

  b.setInsertionPointToStart(&launch.getBody().front());
  IndexMath index{b, loc};
  bool rowMajor = type.getLayout().isIdentity();
  SmallVector<OpFoldResult> strideValues(strides.size());
  Value running = index.constant(1);
  for (size_t dim = strides.size(); dim-- > 0;) {
    if (!ShapedType::isDynamic(strides[dim]))
      strideValues[dim] = b.getIndexAttr(strides[dim]);
    else if (rowMajor)
      strideValues[dim] = running;
    else
      strideValues[dim] = metadata.getStrides()[dim];
    running = index.mul(running, getValueOrCreateConstantIndexOp(b, loc,
                                                                 sizes[dim]));
  }
  OpFoldResult offsetValue = ShapedType::isDynamic(offset)
                                 ? OpFoldResult(metadata.getOffset())
                                 : OpFoldResult(b.getIndexAttr(offset));
  Value view = memref::ReinterpretCastOp::create(
      b, loc, type, metadata.getBaseBuffer(), offsetValue, sizes, strideValues);

  for (OpOperand &use : llvm::make_early_inc_range(buffer.getUses())) {
    Operation *user = use.getOwner();
    if (!launch->isProperAncestor(user))
      continue;
    if (auto dim = dyn_cast<memref::DimOp>(user)) {
      if (std::optional<int64_t> known = dim.getConstantIndex()) {
        b.setInsertionPoint(dim);
        b.replaceOp(dim,
                    getValueOrCreateConstantIndexOp(b, loc, sizes[*known]));
        continue;
      }
    }
    use.set(view);
  }
  return success();
}

namespace {
struct FlattenGPULaunchOperandsPass
    : rheobase::impl::FlattenGPULaunchOperandsPassBase<
          FlattenGPULaunchOperandsPass> {
  using FlattenGPULaunchOperandsPassBase::FlattenGPULaunchOperandsPassBase;

  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    int64_t number = 0;
    WalkResult result = getOperation().walk([&](gpu::LaunchOp launch) {
      if (failed(sinkOperationsIntoLaunchOp(launch, belongsInKernel)))
        return WalkResult::interrupt();
      SetVector<Value> captured;
      getUsedValuesDefinedAbove(launch.getBody(), captured);
      for (Value value : captured)
        if (auto type = dyn_cast<MemRefType>(value.getType()))
          if ((type.getRank() != 0 || !type.getLayout().isIdentity()) &&
              failed(flatten(rewriter, launch, value)))
            return WalkResult::interrupt();
      // Kernels are numbered in the order in which the host launches them.
      StringRef kind = launch.getFunction().value_or("kernel");
      launch.setFunctionAttr(FlatSymbolRefAttr::get(
          &getContext(), (getOperation().getName() + "_" + Twine(number++) +
                          "_" + kind)
                             .str()));
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
