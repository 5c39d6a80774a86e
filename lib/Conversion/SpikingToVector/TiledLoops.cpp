//===- TiledLoops.cpp - Parallel loops over vectors -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TiledLoops.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <numeric>

using namespace mlir;
using namespace rheobase;

LaneTiling LaneTiling::get(int64_t lanes, int64_t divisor, bool dynamic) {
  LaneTiling tiling;
  if (!dynamic) {
    tiling.lanes = std::max<int64_t>(std::min(lanes, divisor), 1);
    tiling.staticTail = divisor % tiling.lanes;
    return tiling;
  }
  // A narrower vector is better than a second copy of the code.
  int64_t common = std::gcd(divisor, lanes);
  tiling.dynamicTail = 2 * common < lanes;
  tiling.lanes = tiling.dynamicTail ? lanes : common;
  return tiling;
}

Value LaneTiling::getCount(IndexMath &index, Value size) const {
  return index.ceilDiv(size,
                       index.constant(std::max<int64_t>(lanes, 1)));
}

Value LaneTiling::getMask(IndexMath &index, Value size, Value start) const {
  if (!hasTail())
    return {};
  Value rest = index.min(index.sub(size, start), index.constant(lanes));
  return vector::CreateMaskOp::create(
      index.builder, index.loc,
      VectorType::get({lanes}, index.builder.getI1Type()), ValueRange{rest});
}

void LaneTiling::createTiles(IndexMath &index, Value size, Value first,
                             Value end, EmitFn emit) const {
  OpBuilder &b = index.builder;
  Value one = index.constant(1);
  Value width = index.constant(std::max<int64_t>(lanes, 1));
  if (!hasTail())
    return createLoop(b, index.loc, first, end, one, [&](Value tile) {
      emit(index.mul(tile, width), lanes, {});
    });
  Value full = index.div(size, width);
  createLoop(b, index.loc, first, index.min(end, full), one, [&](Value tile) {
    emit(index.mul(tile, width), lanes, {});
  });
  auto tail = scf::IfOp::create(b, index.loc, index.less(full, end), false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(tail.thenBlock());
  Value start = index.mul(full, width);
  if (staticTail)
    emit(start, staticTail, {});
  else
    emit(start, lanes, getMask(index, size, start));
}

void rheobase::createTiledLoops(IndexMath &index, ValueRange outerSizes,
                                Value innerSize, const LaneTiling &tiling,
                                Value workPerBlock, function_ref<void()> begin,
                                EmitTileFn emit, function_ref<void()> end) {
  OpBuilder &b = index.builder;
  Location loc = index.loc;
  Value zero = index.constant(0), one = index.constant(1);
  Value width = index.constant(std::max<int64_t>(tiling.lanes, 1));
  Value rows = one;
  for (Value size : outerSizes)
    rows = index.mul(rows, size);
  Value tiles = tiling.getCount(index, innerSize);
  bool oneTile = IndexMath::getConstant(tiles) == 1;
  Value tilesPerBlock =
      oneTile ? one
              : index.max(index.min(index.div(workPerBlock, width), tiles),
                          one);
  Value rowsPerBlock =
      index.max(index.div(workPerBlock, index.max(innerSize, one)), one);

  auto block = [&](Value firstRow, Value firstTile) {
    begin();
    Value endTile = oneTile ? one
                            : index.min(index.add(firstTile, tilesPerBlock),
                                        tiles);
    auto row = [&](ValueRange outer) {
      tiling.createTiles(index, innerSize, firstTile, endTile,
                         [&](Value start, int64_t lanes, Value mask) {
                           emit(outer, start, lanes, mask);
                         });
    };
    if (outerSizes.empty()) {
      row({});
    } else {
      Value endRow = index.min(index.add(firstRow, rowsPerBlock), rows);
      createLoop(b, loc, firstRow, endRow, one, [&](Value linear) {
        SmallVector<Value> outer(outerSizes.size());
        for (int64_t dim = outerSizes.size() - 1; dim > 0; --dim) {
          outer[dim] = index.rem(linear, outerSizes[dim]);
          linear = index.div(linear, outerSizes[dim]);
        }
        outer[0] = linear;
        row(outer);
      });
    }
    end();
  };
  if (outerSizes.empty() && oneTile && IndexMath::getConstant(innerSize))
    block(zero, zero);
  else if (outerSizes.empty())
    createParallelLoops(b, loc, zero, tiles, tilesPerBlock,
                        [&](ValueRange first) { block(zero, first[0]); });
  else if (oneTile)
    createParallelLoops(b, loc, zero, rows, rowsPerBlock,
                        [&](ValueRange first) { block(first[0], zero); });
  else
    createParallelLoops(b, loc, {zero, zero}, {rows, tiles},
                        {rowsPerBlock, tilesPerBlock}, [&](ValueRange first) {
                          block(first[0], first[1]);
                        });
}
