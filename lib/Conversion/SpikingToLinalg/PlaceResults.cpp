//===- PlaceResults.cpp - Parts of a result are computed in it ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleNests.h"

#include "Builders.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace rheobase;

/// The tensor that operations from it to `value` only overwrite, if nobody else
/// uses it; the reshapes on the way are appended to `shapes`.
static tensor::EmptyOp
findBeginning(Value value, SmallVectorImpl<tensor::CollapseShapeOp> &shapes) {
  bool isInit = false;
  for (Block *block = value.getParentBlock();
       value.getParentBlock() == block && (!isInit || value.hasOneUse());) {
    Operation *def = value.getDefiningOp();
    if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(def))
      return isInit ? empty : tensor::EmptyOp();
    if (auto shape = dyn_cast_or_null<tensor::CollapseShapeOp>(def)) {
      shapes.push_back(shape);
      value = shape.getSrc();
      continue;
    }
    auto writer = dyn_cast_or_null<DestinationStyleOpInterface>(def);
    if (!writer)
      return {};
    value = writer.getTiedOpOperand(cast<OpResult>(value))->get();
    isInit = true;
  }
  return {};
}

/// `part` in the shape that `shape` collapses; null if only it knows that.
static Value expand(ImplicitLocOpBuilder &b, Value part,
                    tensor::CollapseShapeOp shape) {
  RankedTensorType type = shape.getSrcType();
  Sizes sizes(type.getRank());
  for (auto [dim, group] : llvm::enumerate(shape.getReassociationIndices()))
    for (int64_t position : group) {
      if (!type.isDynamicDim(position))
        sizes[position] = b.getIndexAttr(type.getDimSize(position));
      else if (group.size() == 1)
        sizes[position] = sizeOf(b, part, dim);
      else
        return {};
    }
  return tensor::ExpandShapeOp::create(b, type, part,
                                       shape.getReassociationIndices(), sizes);
}

/// `insert` puts a part of a result of a loop where it is to be.
template <typename InsertOp>
static void placeSource(RewriterBase &rewriter, InsertOp insert) {
  auto result = dyn_cast<BlockArgument>(insert.getDest());
  if (!result ||
      !isa<scf::ForOp, scf::ForallOp>(result.getOwner()->getParentOp()))
    return;
  SmallVector<tensor::CollapseShapeOp> shapes;
  tensor::EmptyOp empty = findBeginning(insert.getSource(), shapes);
  auto type = cast<RankedTensorType>(insert.getSource().getType());
  if (!empty ||
      type.getRank() !=
          cast<RankedTensorType>(insert.getDest().getType()).getRank())
    return;
  DominanceInfo dominance;
  for (const Sizes &values : {insert.getMixedOffsets(), insert.getMixedSizes(),
                              insert.getMixedStrides()})
    for (OpFoldResult size : values)
      if (auto value = dyn_cast<Value>(size);
          value && !dominance.properlyDominates(value, empty))
        return;
  rewriter.setInsertionPoint(empty);
  ImplicitLocOpBuilder b(insert.getLoc(), rewriter);
  Value part = tensor::ExtractSliceOp::create(
      b, type, result, insert.getMixedOffsets(), insert.getMixedSizes(),
      insert.getMixedStrides());
  for (tensor::CollapseShapeOp shape : shapes) {
    part = expand(b, part, shape);
    if (!part)
      return;
  }
  if (part.getType() == empty.getType())
    rewriter.replaceOp(empty, part);
}

void rheobase::placeResults(RewriterBase &rewriter, Operation *root) {
  SmallVector<Operation *> inserts;
  root->walk([&](Operation *op) {
    if (isa<tensor::InsertSliceOp, tensor::ParallelInsertSliceOp>(op))
      inserts.push_back(op);
  });
  for (Operation *op : inserts)
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
      placeSource(rewriter, insert);
    else
      placeSource(rewriter, cast<tensor::ParallelInsertSliceOp>(op));
}
