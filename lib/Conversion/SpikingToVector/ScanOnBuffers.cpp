//===- ScanOnBuffers.cpp - What lowerings of scans ask of them ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScanOnBuffers.h"
#include "PackedSpikes.h"

using namespace mlir;
using namespace rheobase;

LogicalResult rheobase::checkScanOnBuffers(spiking::ScanOp scan,
                                           bool mayBePacked) {
  for (Value operand : scan->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type)
      return scan.emitOpError("expected buffers, got ") << operand.getType();
    if (type.getElementType().isInteger(1) &&
        !(mayBePacked && arePackedSpikes(operand)))
      return scan.emitOpError("expected spikes in memory to be i8, got ")
             << type;
    int64_t offset;
    SmallVector<int64_t> strides;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return scan.emitOpError("expected a strided layout, got ") << type;
  }
  return success();
}

Broadcast rheobase::getBroadcast(MemRefType operand, ArrayRef<int64_t> space,
                                 bool timed) {
  Broadcast broadcast;
  int64_t rank = space.size(), missing = rank - (operand.getRank() - timed);
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t position = dim < missing ? -1 : dim - missing + timed;
    broadcast.position.push_back(position);
    broadcast.indexed.push_back(
        position >= 0 &&
        (operand.getDimSize(position) != 1 || space[dim] == 1));
  }
  return broadcast;
}

Value rheobase::createTimeSteps(IndexMath &index, spiking::ScanOp scan) {
  if (scan.isStep())
    return index.constant(1);
  // A static number of steps, if an operand has one.
  auto sequences = llvm::concat<Value>(scan.getOuts(), scan.getIns());
  auto known = llvm::find_if(sequences, [](Value sequence) {
    return !cast<MemRefType>(sequence.getType()).isDynamicDim(0);
  });
  return index.dim(known != sequences.end() ? *known : *sequences.begin(), 0);
}

Value rheobase::createBuffer(OpBuilder &builder, Location loc, ValueRange sizes,
                             Type element) {
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  for (Value size : sizes) {
    std::optional<int64_t> known = IndexMath::getConstant(size);
    shape.push_back(known.value_or(ShapedType::kDynamic));
    if (!known)
      dynamic.push_back(size);
  }
  return memref::AllocOp::create(builder, loc, MemRefType::get(shape, element),
                                 dynamic);
}
