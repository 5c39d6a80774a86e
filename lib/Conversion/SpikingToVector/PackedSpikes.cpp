//===- PackedSpikes.cpp - Spikes that are bits in memory ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "PackedSpikes.h"
#include "IndexMath.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rheobase;

/// What makes the memref that `memref` is, through views of it.
static Operation *getOrigin(Value memref) {
  while (Operation *op = memref.getDefiningOp()) {
    if (!isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp,
             memref::CastOp, memref::ReinterpretCastOp,
             memref::ExtractStridedMetadataOp>(op))
      return op;
    memref = op->getOperand(0);
  }
  return nullptr;
}

static bool areSpikes(Value memref) {
  auto type = dyn_cast<MemRefType>(memref.getType());
  return type && type.getElementType().isInteger(1);
}

bool rheobase::arePackedSpikes(Value memref) {
  return areSpikes(memref) &&
         isa_and_nonnull<memref::ViewOp>(getOrigin(memref));
}

bool rheobase::willBePackedSpikes(Value memref) {
  return areSpikes(memref) &&
         isa_and_nonnull<memref::ViewOp, memref::AllocOp>(getOrigin(memref));
}

Value rheobase::getPackedBytes(OpBuilder &builder, Value memref) {
  auto root = cast<memref::ViewOp>(getOrigin(memref));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(root);
  IndexMath index{builder, root.getLoc()};
  Value source = root.getSource();
  Value size = index.sub(index.dim(source, 0), root.getByteShift());
  return memref::ViewOp::create(
      builder, root.getLoc(),
      MemRefType::get({ShapedType::kDynamic}, builder.getI8Type()), source,
      root.getByteShift(), size);
}

Value rheobase::getPackedAsBytes(OpBuilder &b, Location loc, Value memref) {
  IndexMath index{b, loc};
  auto type = cast<MemRefType>(memref.getType());
  auto shape = llvm::to_vector(type.getShape());
  shape.back() /= 8;
  SmallVector<Value> dynamicSizes;
  for (auto [dim, size] : llvm::enumerate(shape))
    if (ShapedType::isDynamic(size))
      dynamicSizes.push_back(index.dim(memref, dim));
  Value bytes = getPackedBytes(b, memref);
  if (type.getLayout().isIdentity())
    return memref::ViewOp::create(b, loc, MemRefType::get(shape, b.getI8Type()),
                                  bytes, index.constant(0), dynamicSizes);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, memref);
  auto [strides, offset] = type.getStridesAndOffset();
  auto eighth = [&](int64_t known, Value value) -> OpFoldResult {
    if (!ShapedType::isDynamic(known))
      return b.getIndexAttr(known / 8);
    return index.div(value, index.constant(8));
  };
  SmallVector<OpFoldResult> sizes, steps;
  SmallVector<int64_t> layout;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    sizes.push_back(ShapedType::isDynamic(size)
                        ? OpFoldResult(index.dim(memref, dim))
                        : b.getIndexAttr(size));
    if (dim + 1 == shape.size()) {
      steps.push_back(b.getIndexAttr(1));
      layout.push_back(1);
      continue;
    }
    steps.push_back(eighth(strides[dim], metadata.getStrides()[dim]));
    layout.push_back(ShapedType::isDynamic(strides[dim]) ? strides[dim]
                                                         : strides[dim] / 8);
  }
  auto result = MemRefType::get(
      shape, b.getI8Type(),
      StridedLayoutAttr::get(
          b.getContext(), ShapedType::isDynamic(offset) ? offset : offset / 8,
          layout));
  return memref::ReinterpretCastOp::create(b, loc, result, bytes,
                                           eighth(offset, metadata.getOffset()),
                                           sizes, steps);
}

/// `bits` bits, a multiple of 8, from the byte of `offset` on, as an integer.
static Value loadInteger(OpBuilder &b, Location loc, Value bytes, Value offset,
                         int64_t bits) {
  IndexMath index{b, loc};
  Value loaded =
      vector::LoadOp::create(b, loc, VectorType::get({bits / 8}, b.getI8Type()),
                             bytes, index.div(offset, index.constant(8)));
  Type integer = b.getIntegerType(bits);
  return vector::ExtractOp::create(
      b, loc,
      vector::BitCastOp::create(b, loc, VectorType::get({1}, integer), loaded),
      0);
}

/// The same from any bit on: the lower half of the result.
static Value loadShifted(OpBuilder &b, Location loc, Value bytes, Value offset,
                         int64_t bits) {
  IndexMath index{b, loc};
  Type integer = b.getIntegerType(bits);
  Value distance = arith::IndexCastUIOp::create(
      b, loc, integer, index.rem(offset, index.constant(8)));
  return arith::ShRUIOp::create(
      b, loc, loadInteger(b, loc, bytes, offset, bits), distance);
}

Value rheobase::loadPacked(OpBuilder &b, Location loc, Value bytes,
                           Value offset, int64_t count, BitOffset known) {
  // Whole bytes, a power of two of them.
  int64_t bits = std::max<int64_t>(llvm::PowerOf2Ceil(count), 8);
  bool withinByte = known == BitOffset::Multiple && 8 % count == 0;
  if (known == BitOffset::Multiple && count % 8 == 0)
    known = BitOffset::Byte;
  Value loaded;
  if (known == BitOffset::Byte) {
    loaded = loadInteger(b, loc, bytes, offset, bits);
  } else if (withinByte) {
    loaded = loadShifted(b, loc, bytes, offset, bits);
  } else {
    assert(bits <= 32 && "no integer has room for bits on both sides");
    loaded =
        arith::TruncIOp::create(b, loc, b.getIntegerType(bits),
                                loadShifted(b, loc, bytes, offset, 2 * bits));
  }
  Value spikes = vector::BitCastOp::create(
      b, loc, VectorType::get({bits}, b.getI1Type()),
      vector::FromElementsOp::create(
          b, loc, VectorType::get({1}, b.getIntegerType(bits)), loaded));
  if (bits == count)
    return spikes;
  return vector::ExtractStridedSliceOp::create(
      b, loc, spikes, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{count},
      ArrayRef<int64_t>{1});
}

Value rheobase::loadPackedFlags(OpBuilder &b, Location loc, Value bytes,
                                Value offset, int64_t count) {
  IndexMath index{b, loc};
  Value loaded = vector::LoadOp::create(
      b, loc, VectorType::get({count / 8}, b.getI8Type()), bytes,
      index.div(offset, index.constant(8)));
  // The byte of each spike, of which its bit is left.
  SmallVector<int64_t> source;
  SmallVector<int8_t> bits;
  for (int64_t i = 0; i < count; ++i) {
    source.push_back(i / 8);
    bits.push_back(int8_t(1 << i % 8));
  }
  auto type = VectorType::get({count}, b.getI8Type());
  Value spread = vector::ShuffleOp::create(b, loc, loaded, loaded, source);
  Value mask = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, ArrayRef<int8_t>(bits)));
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                               arith::AndIOp::create(b, loc, spread, mask),
                               none);
}

Value rheobase::loadPackedElement(OpBuilder &b, Location loc, Value bytes,
                                  Value offset) {
  IndexMath index{b, loc};
  Value eight = index.constant(8);
  Value byte = memref::LoadOp::create(b, loc, bytes, index.div(offset, eight));
  Value distance = arith::IndexCastUIOp::create(b, loc, b.getI8Type(),
                                                index.rem(offset, eight));
  return arith::TruncIOp::create(
      b, loc, b.getI1Type(), arith::ShRUIOp::create(b, loc, byte, distance));
}

Value rheobase::loadPackedWord(OpBuilder &b, Location loc, Value bytes,
                               Value offset) {
  return loadInteger(b, loc, bytes, offset, 64);
}

void rheobase::storePacked(OpBuilder &b, Location loc, Value spikes,
                           Value bytes, Value offset, Value mask) {
  IndexMath index{b, loc};
  int64_t count = cast<VectorType>(spikes.getType()).getNumElements() / 8;
  Value packed = vector::BitCastOp::create(
      b, loc, VectorType::get({count}, b.getI8Type()), spikes);
  Value first = index.div(offset, index.constant(8));
  if (!mask) {
    vector::StoreOp::create(b, loc, packed, bytes, first);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    createIf(b, loc, vector::ExtractOp::create(b, loc, mask, i * 8), [&] {
      memref::StoreOp::create(b, loc,
                              vector::ExtractOp::create(b, loc, packed, i),
                              bytes, index.add(first, index.constant(i)));
    });
}
