//===- PackProduct.cpp - Operands of products in panels -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"
#include "ProductLowering.h"
#include "SelectiveProduct.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rheobase;

Value ProductLowering::convert(const Factor &factor, Value element,
                               int64_t width) {
  LaneEmitter lane(b, loc, width);
  // A choice between two numbers is a single operation on registers.
  if (operandOf(factor.operand).isPacked() && width > 0 &&
      isSpikeFactor(product.op, factor))
    return arith::SelectOp::create(b, loc, element,
                                   lane.constant(b.getFloatAttr(type, 1)),
                                   lane.constant(b.getFloatAttr(type, 0)));
  IRMapping mapping;
  mapping.map(factor.argument, element);
  lane.emit(factor.conversion, mapping);
  return lane.spread(mapping.lookupOrDefault(factor.value));
}

Value ProductLowering::loadFactors(const Factor &factor,
                                   const StridedOperand &operand, Value offset,
                                   Value count, int64_t width,
                                   BitOffset known) {
  if (operand.isPacked()) {
    // There is memory behind the last one.
    int64_t whole = llvm::PowerOf2Ceil(width);
    Value factors = convert(
        factor, loadPacked(b, loc, operand.flat, offset, whole, known), whole);
    if (whole == width)
      return factors;
    return vector::ExtractStridedSliceOp::create(
        b, loc, factors, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{width},
        ArrayRef<int64_t>{1});
  }
  auto loaded = VectorType::get({width}, operand.element);
  if (!count)
    return convert(factor,
                   vector::LoadOp::create(b, loc, loaded, operand.flat, offset),
                   width);
  // Masked accesses of narrow elements need AVX-512.
  if (operand.element.getIntOrFloatBitWidth() >= 32 || vectorBits >= 512) {
    Value mask = vector::CreateMaskOp::create(
        b, loc, VectorType::get({width}, b.getI1Type()), ValueRange{count});
    Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(loaded));
    return convert(factor,
                   vector::MaskedLoadOp::create(b, loc, loaded, operand.flat,
                                                offset, mask, none),
                   width);
  }
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(loaded));
  auto loop = scf::ForOp::create(b, loc, zero, count, one, none);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value lane = loop.getInductionVar();
    Value element =
        memref::LoadOp::create(b, loc, operand.flat, index.add(offset, lane));
    Value next = vector::InsertOp::create(
        b, loc, element, loop.getRegionIterArg(0), OpFoldResult(lane));
    scf::YieldOp::create(b, loc, next);
  }
  return convert(factor, loop.getResult(0), width);
}

void ProductLowering::forEachVector(
    Value from, Value to, llvm::function_ref<void(Value, Value)> body) {
  Value width = index.constant(lanes);
  Value full =
      index.add(from, index.mul(index.div(index.sub(to, from), width), width));
  createLoop(b, loc, from, full, width, [&](Value i) { body(i, {}); });
  Value rest = index.sub(to, full);
  if (known(rest) == 0)
    return;
  createIf(b, loc, index.less(zero, rest), [&] { body(full, rest); });
}

void ProductLowering::copyFactors(const Factor &factor,
                                  const StridedOperand &operand, Value source,
                                  Value count, Value target,
                                  Value targetOffset) {
  forEachVector(zero, count, [&](Value i, Value rest) {
    Value value =
        loadFactors(factor, operand, index.add(source, i), rest, lanes);
    vector::StoreOp::create(b, loc, value, target, index.add(targetOffset, i));
  });
}

void ProductLowering::forEachRun(
    const LoopGroup &group, Value from, Value to,
    llvm::function_ref<void(Value, Value, Value)> body) {
  rheobase::forEachRun(index, group, from, to, body);
}

Value ProductLowering::createOffsetTable(const LoopGroup &group, Value from,
                                         Value to) {
  if (group.isLinear())
    return {};
  Value size = index.sub(to, from);
  Value table = memref::AllocOp::create(
      b, loc, MemRefType::get({ShapedType::kDynamic}, b.getIndexType()), size);
  forEachRun(group, from, to, [&](Value offset, Value lo, Value hi) {
    createLoop(b, loc, lo, hi, one, [&](Value position) {
      Value value = index.add(offset, index.mul(position, group.stride));
      memref::StoreOp::create(b, loc, value, table, index.sub(position, from));
    });
  });
  return table;
}

Value ProductLowering::getOffset(const LoopGroup &group, Value table,
                                 Value tableStart, Value position) {
  if (!table)
    return index.mul(position, group.stride);
  return memref::LoadOp::create(b, loc, table, index.sub(position, tableStart));
}

/// The transpose of a square of vectors: one exchange of halves, quarters, ...
/// of the columns for each bit of the index.
static void transpose(OpBuilder &b, Location loc, MutableArrayRef<Value> rows) {
  int64_t size = rows.size();
  for (int64_t bit = size / 2; bit > 0; bit /= 2) {
    SmallVector<int64_t> low(size), high(size);
    for (int64_t column = 0; column < size; ++column) {
      bool upper = column & bit;
      low[column] = upper ? size + (column ^ bit) : column;
      high[column] = upper ? size + column : column ^ bit;
    }
    for (int64_t row = 0; row < size; ++row) {
      if (row & bit)
        continue;
      Value first = rows[row], second = rows[row | bit];
      rows[row] = vector::ShuffleOp::create(b, loc, first, second, low);
      rows[row | bit] = vector::ShuffleOp::create(b, loc, first, second, high);
    }
  }
}

/// Packs rows `firstStep` to `endStep` of B in panels of columns, each of
/// `rows` rows.
void ProductLowering::packB(Value rows) {
  const Factor &factor = product.b;
  const StridedOperand &operand = operandOf(factor.operand);
  Value stride = operand.strides[product.n];
  Value panelSize = times(rows, columnsOfTile);
  auto targetOf = [&](Value panel, Value step) {
    return index.add(index.mul(panel, panelSize),
                     times(index.sub(step, firstStep), columnsOfTile));
  };

  if (packingOfB == PackingOfB::Rows) {
    // Reads are sequential.
    constexpr int64_t chunk = 32;
    createParallelLoops(
        b, loc, firstStep, endStep, index.constant(chunk),
        [&](ValueRange start) {
          Value end = index.min(plus(start[0], chunk), endStep);
          createLoop(b, loc, start[0], end, one, [&](Value step) {
            Value source =
                index.add(bBase, getOffset(*bSteps, bTable, firstStep, step));
            auto copy = [&](Value panel, Value count) {
              for (int64_t v = 0; v < vectorsOfTile; ++v) {
                Value rest =
                    count
                        ? index.sub(index.min(index.max(count, index.constant(
                                                                   v * lanes)),
                                              index.constant((v + 1) * lanes)),
                                    index.constant(v * lanes))
                        : Value();
                if (rest && known(rest) == lanes)
                  rest = {};
                Value value =
                    rest && known(rest) == 0
                        ? Value(arith::ConstantOp::create(
                              b, loc, b.getZeroAttr(vectorOf(lanes))))
                        : loadFactors(
                              factor, operand,
                              index.add(
                                  source,
                                  plus(times(panel, columnsOfTile), v * lanes)),
                              rest, lanes);
                vector::StoreOp::create(b, loc, value, bPacked,
                                        plus(targetOf(panel, step), v * lanes));
              }
            };
            createLoop(b, loc, zero, fullPanels, one,
                       [&](Value panel) { copy(panel, {}); });
            Value rest = index.sub(sizeN, times(fullPanels, columnsOfTile));
            if (known(rest) == 0)
              return;
            createIf(b, loc, index.less(zero, rest),
                     [&] { copy(fullPanels, rest); });
          });
        });
    return;
  }

  // Columns beyond the last one repeat it; what they give is not stored.
  Value lastColumn = index.sub(sizeN, one);
  createParallelLoops(b, loc, zero, panels, one, [&](ValueRange panel) {
    Value firstColumn = times(panel[0], columnsOfTile);
    if (packingOfB == PackingOfB::Elements) {
      createLoop(b, loc, firstStep, endStep, one, [&](Value step) {
        Value source =
            index.add(bBase, getOffset(*bSteps, bTable, firstStep, step));
        Value target = targetOf(panel[0], step);
        createLoop(
            b, loc, zero, index.constant(columnsOfTile), one, [&](Value c) {
              Value column = index.min(index.add(firstColumn, c), lastColumn);
              Value element = operand.load(
                  b, loc, index.add(source, index.mul(column, stride)));
              memref::StoreOp::create(b, loc, convert(factor, element, 0),
                                      bPacked, index.add(target, c));
            });
      });
      return;
    }
    createLoop(b, loc, zero, index.constant(vectorsOfTile), one, [&](Value v) {
      Value group = index.add(firstColumn, times(v, lanes));
      SmallVector<Value> columns;
      for (int64_t i = 0; i < lanes; ++i)
        columns.push_back(index.add(
            bBase, index.mul(index.min(plus(group, i), lastColumn), stride)));
      forEachRun(
          *bSteps, firstStep, endStep, [&](Value offset, Value lo, Value hi) {
            auto tile = [&](Value step, Value count) {
              Value at = index.add(offset, step);
              SmallVector<Value> vectors;
              for (Value column : columns)
                vectors.push_back(loadFactors(
                    factor, operand, index.add(column, at), count, lanes));
              transpose(b, loc, vectors);
              Value target =
                  index.add(targetOf(panel[0], step), times(v, lanes));
              for (auto [i, vector] : llvm::enumerate(vectors))
                vector::StoreOp::create(b, loc, vector, bPacked,
                                        plus(target, i * columnsOfTile));
            };
            forEachVector(lo, hi, tile);
          });
    });
  });
}

/// The rows of a register block, `lanes` steps at a time. Each step's vectors are
/// stored whole: what is too much at their end is overwritten by the next one's.
void ProductLowering::packATransposed(Value padded) {
  const Factor &factor = product.a;
  const StridedOperand &operand = operandOf(factor.operand);
  Value lastRow = index.sub(sizeM, one);
  bool whole = wholeTiles || (known(sizeM) && *known(sizeM) % rowsOfTile == 0);
  int64_t squares = llvm::divideCeil(rowsOfTile, lanes);
  createLoop(b, loc, zero, padded, index.constant(rowsOfTile), [&](Value r) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < rowsOfTile; ++i) {
      Value row = plus(index.add(blockRow, r), i);
      if (!whole)
        row = index.min(row, lastRow);
      rows.push_back(
          index.add(aBase, getOffset(*aRows, aRowTable, blockRow, row)));
    }
    Value target = times(r, rowDistance());
    forEachRun(
        *aSteps, blockStart, blockEnd, [&](Value offset, Value lo, Value hi) {
          auto tile = [&](Value step, Value count) {
            Value at = index.add(offset, step);
            SmallVector<SmallVector<Value>> vectors(squares);
            for (int64_t i = 0; i < squares * lanes; ++i)
              vectors[i / lanes].push_back(
                  i < rowsOfTile
                      ? loadFactors(factor, operand, index.add(rows[i], at),
                                    count, lanes)
                      : vectors[i / lanes].front());
            for (auto &square : vectors)
              transpose(b, loc, square);
            Value column = index.add(
                target, times(index.sub(step, blockStart), rowsOfTile));
            for (int64_t i = 0; i < lanes; ++i)
              for (auto [s, square] : llvm::enumerate(vectors))
                vector::StoreOp::create(
                    b, loc, square[i], aBlock,
                    plus(column, i * rowsOfTile + s * lanes));
          };
          forEachVector(lo, hi, tile);
        });
  });
}

/// Copies the part of memory that the block's rows and steps come from.
void ProductLowering::packAImage() {
  // Where spikes are bits, vectors of them begin at bytes.
  constexpr int64_t alignment = 64;
  Value first = index.add(aRows->getOffset(index, blockRow),
                          aSteps->getOffset(index, blockStart));
  Value last = index.add(aRows->getOffset(index, index.sub(blockRowEnd, one)),
                         aSteps->getOffset(index, index.sub(blockEnd, one)));
  imageStart = times(
      index.div(index.add(aBase, first), index.constant(alignment)), alignment);
  Value count = plus(index.sub(index.add(aBase, last), imageStart), 1);
  // What the last vector writes too much has a place.
  aBlock = memref::AllocOp::create(
      b, loc, MemRefType::get({ShapedType::kDynamic}, type),
      plus(count, lanes));
  copyFactors(product.a, operandOf(product.a.operand), imageStart, count,
              aBlock, zero);
}

/// Packs rows `blockRow` to `blockRowEnd`, rounded up to whole register blocks,
/// and steps `blockStart` to `blockEnd` of A. Rows beyond the last one of the
/// matrix repeat it.
void ProductLowering::packA() {
  const Factor &factor = product.a;
  const StridedOperand &operand = operandOf(factor.operand);
  Value lastRow = index.sub(sizeM, one);
  Value tile = index.constant(rowsOfTile);
  Value count = index.sub(blockRowEnd, blockRow);
  bool whole = wholeTiles || (known(sizeM) && *known(sizeM) % rowsOfTile == 0);
  Value padded =
      whole ? count
            : index.mul(index.div(plus(count, rowsOfTile - 1), tile), tile);

  if (packingOfA == PackingOfA::Transposed)
    return packATransposed(padded);
  if (packingOfA == PackingOfA::Image)
    return packAImage();

  if (packingOfA == PackingOfA::Rows) {
    forEachRun(
        *aSteps, blockStart, blockEnd, [&](Value offset, Value lo, Value hi) {
          createLoop(b, loc, zero, padded, one, [&](Value r) {
            Value row = index.add(blockRow, r);
            if (!whole)
              row = index.min(row, lastRow);
            Value source = index.add(
                index.add(aBase, getOffset(*aRows, aRowTable, blockRow, row)),
                index.add(offset, lo));
            Value target =
                index.add(times(r, rowDistance()), index.sub(lo, blockStart));
            copyFactors(factor, operand, source, index.sub(hi, lo), aBlock,
                        target);
          });
        });
    return;
  }

  if (packingOfA == PackingOfA::Columns) {
    // Step by step, so that reads run along the rows of memory.
    Value full = index.mul(index.div(count, tile), tile);
    createLoop(b, loc, blockStart, blockEnd, one, [&](Value step) {
      Value source = index.add(
          aBase, getOffset(*aSteps, aStepTable, blockStart, step));
      Value column = times(index.sub(step, blockStart), rowsOfTile);
      auto targetOf = [&](Value r) {
        return index.add(times(r, rowDistance()), column);
      };
      auto copy = [&](Value r, int64_t first, int64_t rows) {
        Value row =
            getOffset(*aRows, aRowTable, blockRow, index.add(blockRow, r));
        Value value =
            loadFactors(factor, operand, index.add(source, plus(row, first)),
                        {}, rows, BitOffset::Any);
        vector::StoreOp::create(b, loc, value, aBlock,
                                plus(targetOf(r), first));
      };
      // Whole vectors while the matrix has as many rows; what is too much at
      // their end is overwritten by the next step's.
      int64_t wide = llvm::alignTo(rowsOfTile, lanes);
      Value left =
          index.sub(plus(index.sub(sizeM, blockRow), 1), index.constant(wide));
      Value wideEnd =
          index.min(full, index.mul(index.div(index.add(index.max(left, zero),
                                                        index.sub(tile, one)),
                                              tile),
                                    tile));
      createLoop(b, loc, zero, wideEnd, tile, [&](Value r) {
        for (int64_t first = 0; first < rowsOfTile; first += lanes)
          copy(r, first, lanes);
      });
      createLoop(b, loc, wideEnd, full, tile,
                 [&](Value r) { copy(r, 0, rowsOfTile); });
      if (whole)
        return;
      createIf(b, loc, index.less(full, count), [&] {
        if (auto rows = known(sizeM))
          return copy(full, 0, *rows % rowsOfTile);
        Value target = targetOf(full);
        createLoop(b, loc, zero, tile, one, [&](Value i) {
          Value row =
              index.min(index.add(index.add(blockRow, full), i), lastRow);
          Value element = operand.load(b, loc, index.add(source, row));
          memref::StoreOp::create(b, loc, convert(factor, element, 0), aBlock,
                                  index.add(target, i));
        });
      });
    });
    return;
  }

  createLoop(b, loc, zero, padded, one, [&](Value r) {
    Value row = index.min(index.add(blockRow, r), lastRow);
    Value source =
        index.add(aBase, getOffset(*aRows, aRowTable, blockRow, row));
    Value target = times(r, rowDistance());
    createLoop(b, loc, blockStart, blockEnd, one, [&](Value step) {
      Value element = operand.load(
          b, loc,
          index.add(source, getOffset(*aSteps, aStepTable, blockStart, step)));
      memref::StoreOp::create(b, loc, convert(factor, element, 0), aBlock,
                              index.add(target, index.sub(step, blockStart)));
    });
  });
}
