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
  createIf(b, index.loc, index.less(full, end), [&] {
    Value start = index.mul(full, width);
    if (staticTail)
      emit(start, staticTail, {});
    else
      emit(start, lanes, getMask(index, size, start));
  });
}

Value TiledLoops::getRows(IndexMath &index) const {
  Value rows = index.constant(1);
  for (Value size : outerSizes)
    rows = index.mul(rows, size);
  return rows;
}

Value TiledLoops::getTiles(IndexMath &index) const {
  return tiling.getCount(index, innerSize);
}

std::pair<Value, Value>
TiledLoops::getBlockShape(IndexMath &index, Value elements) const {
  Value one = index.constant(1);
  Value tiles = getTiles(index);
  Value width = index.constant(std::max<int64_t>(tiling.lanes, 1));
  Value blockTiles =
      IndexMath::getConstant(tiles) == 1
          ? one
          : index.max(index.min(index.div(elements, width), tiles), one);
  Value blockRows =
      outerSizes.empty()
          ? one
          : index.max(index.div(elements, index.max(innerSize, one)), one);
  return {blockRows, blockTiles};
}

void TiledLoops::createParallelRanges(IndexMath &index, Value work,
                                      function_ref<void(Range)> body) const {
  OpBuilder &b = index.builder;
  Location loc = index.loc;
  Value zero = index.constant(0), one = index.constant(1);
  Value rows = getRows(index), tiles = getTiles(index);
  auto [rowStep, tileStep] = getBlockShape(index, work);
  auto range = [&, rowStep = rowStep, tileStep = tileStep](Value row,
                                                           Value tile) {
    Range range{zero, one, zero, one};
    if (row) {
      range.firstRow = row;
      range.endRow = index.min(index.add(row, rowStep), rows);
    }
    if (tile) {
      range.firstTile = tile;
      range.endTile = index.min(index.add(tile, tileStep), tiles);
    }
    body(range);
  };
  bool oneTile = IndexMath::getConstant(tiles) == 1;
  if (outerSizes.empty() && oneTile && IndexMath::getConstant(innerSize))
    range({}, {});
  else if (outerSizes.empty())
    createParallelLoops(b, loc, zero, tiles, tileStep,
                        [&](ValueRange first) { range({}, first[0]); });
  else if (oneTile)
    createParallelLoops(b, loc, zero, rows, rowStep,
                        [&](ValueRange first) { range(first[0], {}); });
  else
    createParallelLoops(
        b, loc, {zero, zero}, {rows, tiles}, {rowStep, tileStep},
        [&](ValueRange first) { range(first[0], first[1]); });
}

void TiledLoops::createBlocks(IndexMath &index, Range range,
                              std::pair<Value, Value> shape,
                              function_ref<void(Range)> body) const {
  auto [rowStep, tileStep] = shape;
  OpBuilder &b = index.builder;
  createLoop(b, index.loc, range.firstRow, range.endRow, rowStep,
             [&, rowStep = rowStep, tileStep = tileStep](Value row) {
               createLoop(b, index.loc, range.firstTile, range.endTile,
                          tileStep, [&](Value tile) {
                            body({row,
                                  index.min(index.add(row, rowStep),
                                            range.endRow),
                                  tile,
                                  index.min(index.add(tile, tileStep),
                                            range.endTile)});
                          });
             });
}

void TiledLoops::createTiles(IndexMath &index, Range range,
                             EmitFn emit) const {
  createLoop(
      index.builder, index.loc, range.firstRow, range.endRow,
      index.constant(1), [&](Value row) {
        SmallVector<Value> outer(outerSizes.size());
        Value rest = row;
        for (int64_t dim = outerSizes.size() - 1; dim > 0; --dim) {
          outer[dim] = index.rem(rest, outerSizes[dim]);
          rest = index.div(rest, outerSizes[dim]);
        }
        if (!outer.empty())
          outer[0] = rest;
        tiling.createTiles(index, innerSize, range.firstTile, range.endTile,
                           [&](Value start, int64_t lanes, Value mask) {
                             emit(row, outer, start, lanes, mask);
                           });
      });
}
