//===- SelectiveProduct.cpp - Products with spikes, row by row ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SelectiveProduct.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Support/Remarks.h"
#include "rheobase/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace rheobase;

/// Rows whose lists are made before the first of them is used: each row of B
/// that comes into the second-level cache serves all of them.
static constexpr int64_t rowsOfBlock = 1024;
/// With fewer rows, B is not packed: it is read where it is.
static constexpr int64_t rowsThatPayPacking = 64;
/// Bytes of B that the rows of a block go through: half of a second-level
/// cache.
static constexpr int64_t bytesOfBlock = 1 << 20;
/// Steps of a block at most.
static constexpr int64_t mostStepsOfBlock = 2048;
/// Positions that are written at a time, also those that nobody reads.
static constexpr int64_t positionsAtOnce = 8;
/// Spikes of a word.
static constexpr int64_t wordBits = 64;
/// Chains of vectors that cover the latency of an addition, and rows that are
/// taken together for it at most.
static constexpr int64_t chainsAtOnce = 8, mostRowsAtOnce = 4;
/// Shares of rows are multiples of this.
static constexpr int64_t rowsOfTile = 16;
/// Multiply-adds, of the dense product, that a thread should have at least.
static constexpr int64_t workPerThread = 1 << 18;

bool rheobase::isSpikeFactor(linalg::GenericOp op, const Factor &factor) {
  if (factor.conversion.size() != 1 ||
      !isa<arith::UIToFPOp>(factor.conversion.front()))
    return false;
  if (factor.argument.getType().isInteger(1))
    return true;
  auto spikes = op->getAttrOfType<DenseI64ArrayAttr>(
      spiking::SpikingDialect::kSpikesAttrName);
  return spikes && llvm::is_contained(spikes.asArrayRef(), factor.operand) &&
         factor.argument.getType().isInteger(8);
}

bool SelectiveProduct::canLower(Product &product, StringRef &reason) {
  if (!isSpikeFactor(product.op, product.a)) {
    reason = isSpikeFactor(product.op, product.b)
                 ? "the spikes run along the columns"
                 : "no factor is spikes";
    return false;
  }
  OpBuilder builder(product.op);
  // What is built for the analysis goes again.
  auto block = std::make_unique<Block>();
  builder.setInsertionPointToStart(block.get());
  IndexMath index{builder, product.op.getLoc()};
  StridedLoops space = *StridedLoops::get(builder, product.op);
  const StridedOperand &a = space.operands[product.a.operand];
  const StridedOperand &bb = space.operands[product.b.operand];
  LoopGroup aSteps(index, space, a, product.k),
      aRows(index, space, a, product.m);
  if (!aSteps.hasStride(1) && !aRows.hasStride(1))
    reason = "no run of spikes in memory";
  else if (!bb.symbolic[product.n].isConstant(1))
    reason = "the columns of the other factor are not neighbours in memory";
  else if (bb.element != space.operands.back().element ||
           !product.b.conversion.empty())
    reason = "the other factor is converted";
  else if (!LoopGroup(index, space, bb, product.k).isLinear())
    reason = "the rows of the other factor are not equidistant";
  return reason.empty();
}

//===----------------------------------------------------------------------===//
// Lists
//===----------------------------------------------------------------------===//

Value SelectiveProduct::loadWord(Value source, Value count) {
  const StridedOperand &a = space.operands[product.a.operand];
  Type i64 = b.getI64Type();
  if (a.isPacked()) {
    Value word = loadPackedWord(b, loc, a.flat, source);
    if (!count)
      return word;
    Value end = arith::IndexCastUIOp::create(b, loc, i64, count);
    Value bit = arith::ShLIOp::create(b, loc, constantI64(1), end);
    return arith::AndIOp::create(
        b, loc, word, arith::SubIOp::create(b, loc, bit, constantI64(1)));
  }
  auto bitsOf = [&](int64_t width, Value mask) -> Value {
    auto bytes = VectorType::get({width}, a.element);
    Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(bytes));
    Value loaded =
        mask ? Value(vector::MaskedLoadOp::create(b, loc, bytes, a.flat, source,
                                                  mask, none))
             : Value(vector::LoadOp::create(b, loc, bytes, a.flat, source));
    Value spikes =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, loaded, none);
    Type integer = b.getIntegerType(width);
    Value bits = vector::ExtractOp::create(
        b, loc,
        vector::BitCastOp::create(b, loc, VectorType::get({1}, integer),
                                  spikes),
        0);
    return width == wordBits ? bits
                             : Value(arith::ExtUIOp::create(b, loc, i64, bits));
  };
  if (!count)
    return bitsOf(wordBits, {});
  // Masked accesses of bytes need AVX-512.
  if (vectorBits >= 512)
    return bitsOf(wordBits,
                  vector::CreateMaskOp::create(
                      b, loc, VectorType::get({wordBits}, b.getI1Type()),
                      ValueRange{count}));
  constexpr int64_t chunk = 16;
  Value width = index.constant(chunk);
  Value full = index.mul(index.div(count, width), width);
  Value base = source;
  auto orInto = [&](Value word, Value bits, Value position) -> Value {
    Value distance = arith::IndexCastOp::create(b, loc, i64, position);
    return arith::OrIOp::create(b, loc, word,
                                arith::ShLIOp::create(b, loc, bits, distance));
  };
  auto chunks =
      scf::ForOp::create(b, loc, zero, full, width, ValueRange{constantI64(0)});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(chunks.getBody());
    Value position = chunks.getInductionVar();
    source = index.add(base, position);
    scf::YieldOp::create(
        b, loc,
        orInto(chunks.getRegionIterArg(0), bitsOf(chunk, {}), position));
  }
  auto rest = scf::ForOp::create(b, loc, full, count, one, chunks.getResults());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rest.getBody());
    Value position = rest.getInductionVar();
    Value spike =
        memref::LoadOp::create(b, loc, a.flat, index.add(base, position));
    Value bits = arith::ExtUIOp::create(b, loc, i64, spike);
    scf::YieldOp::create(b, loc,
                         orInto(rest.getRegionIterArg(0), bits, position));
  }
  return rest.getResult(0);
}

Value SelectiveProduct::append(Value word, Value first, Value slot,
                               Value length) {
  // Without branches but one for each few spikes.
  Value count = arith::IndexCastUIOp::create(
      b, loc, b.getIndexType(), math::CtPopOp::create(b, loc, word));
  Value target = index.add(index.mul(slot, listStride), length);
  auto loop = scf::ForOp::create(
      b, loc, zero, count, index.constant(positionsAtOnce), ValueRange{word});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getRegionIterArg(0);
  Value at = index.add(target, loop.getInductionVar());
  for (int64_t i = 0; i < positionsAtOnce; ++i) {
    Value bit = arith::IndexCastUIOp::create(
        b, loc, b.getIndexType(),
        math::CountTrailingZerosOp::create(b, loc, rest));
    Value offset = index.mul(index.add(first, bit), bRowStride);
    memref::StoreOp::create(
        b, loc, arith::IndexCastUIOp::create(b, loc, b.getI32Type(), offset),
        lists, plus(at, i));
    rest = arith::AndIOp::create(
        b, loc, rest, arith::SubIOp::create(b, loc, rest, constantI64(1)));
  }
  scf::YieldOp::create(b, loc, rest);
  b.setInsertionPointAfter(loop);
  return index.add(length, count);
}

/// Steps are neighbours in memory: a row's words follow each other.
void SelectiveProduct::listRows() {
  Value width = index.constant(wordBits);
  forEachRun(
      index, *aRows, blockRow, blockRowEnd,
      [&](Value rowOffset, Value lo, Value hi) {
        createLoop(b, loc, lo, hi, one, [&](Value row) {
          Value slot = index.sub(row, blockRow);
          memref::StoreOp::create(b, loc, zero, lengths, slot);
          Value base = index.add(index.add(aBase, rowOffset),
                                 index.mul(row, aRows->stride));
          forEachRun(
              index, *aSteps, blockStart, blockEnd,
              [&](Value stepOffset, Value from, Value to) {
                Value source = index.add(index.add(base, stepOffset), from);
                Value first = index.sub(from, blockStart);
                Value count = index.sub(to, from);
                Value full = index.mul(index.div(count, width), width);
                Value length = memref::LoadOp::create(b, loc, lengths, slot);
                if (IndexMath::getConstant(full) != 0) {
                  auto loop = scf::ForOp::create(b, loc, zero, full, width,
                                                 ValueRange{length});
                  OpBuilder::InsertionGuard guard(b);
                  b.setInsertionPointToStart(loop.getBody());
                  Value i = loop.getInductionVar();
                  Value word = loadWord(index.add(source, i), {});
                  scf::YieldOp::create(b, loc,
                                       append(word, index.add(first, i), slot,
                                              loop.getRegionIterArg(0)));
                  b.setInsertionPointAfter(loop);
                  length = loop.getResult(0);
                }
                Value rest = index.sub(count, full);
                auto store = [&](Value length) {
                  memref::StoreOp::create(b, loc, length, lengths, slot);
                };
                auto finish = [&] {
                  Value word = loadWord(index.add(source, full), rest);
                  store(append(word, index.add(first, full), slot, length));
                };
                if (IndexMath::getConstant(rest) == 0)
                  return store(length);
                if (IndexMath::getConstant(rest))
                  return finish();
                store(length);
                createIf(b, loc, index.less(zero, rest), finish);
              });
        });
      });
}

/// The transpose of 64 words of 64 bits: one exchange of halves, quarters, ...
static Value transposeBits(OpBuilder &b, Location loc, Value rows) {
  auto type = cast<VectorType>(rows.getType());
  auto constant = [&](ArrayRef<int64_t> values) -> Value {
    return arith::ConstantOp::create(b, loc,
                                     DenseIntElementsAttr::get(type, values));
  };
  for (int64_t bit = wordBits / 2; bit > 0; bit /= 2) {
    // Columns whose number has the bit.
    uint64_t upper = 0;
    for (int64_t column = 0; column < wordBits; ++column)
      if (column & bit)
        upper |= uint64_t(1) << column;
    SmallVector<int64_t> other, kept, taken;
    SmallVector<bool> isUpper;
    for (int64_t row = 0; row < wordBits; ++row) {
      other.push_back(row ^ bit);
      isUpper.push_back(row & bit);
      taken.push_back(int64_t(row & bit ? ~upper : upper));
      kept.push_back(~taken.back());
    }
    Value partner = vector::ShuffleOp::create(b, loc, rows, rows, other);
    Value distance = constant(SmallVector<int64_t>(wordBits, bit));
    Value choice = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(VectorType::get({wordBits}, b.getI1Type()),
                               ArrayRef<bool>(isUpper)));
    Value moved = arith::SelectOp::create(
        b, loc, choice, arith::ShRUIOp::create(b, loc, partner, distance),
        arith::ShLIOp::create(b, loc, partner, distance));
    rows = arith::OrIOp::create(
        b, loc, arith::AndIOp::create(b, loc, rows, constant(kept)),
        arith::AndIOp::create(b, loc, moved, constant(taken)));
  }
  return rows;
}

/// Rows are neighbours in memory: squares of spikes are transposed as bits.
void SelectiveProduct::listColumns() {
  Value width = index.constant(wordBits);
  Value rows = index.sub(blockRowEnd, blockRow);
  createLoop(b, loc, zero, rows, one, [&](Value slot) {
    memref::StoreOp::create(b, loc, zero, lengths, slot);
  });
  Value table = stepOffsets;
  if (table)
    forEachRun(index, *aSteps, blockStart, blockEnd,
               [&](Value offset, Value lo, Value hi) {
                 createLoop(b, loc, lo, hi, one, [&](Value step) {
                   memref::StoreOp::create(
                       b, loc,
                       index.add(offset, index.mul(step, aSteps->stride)),
                       table, index.sub(step, blockStart));
                 });
               });
  auto offsetOf = [&](Value step) -> Value {
    if (!table)
      return index.mul(step, aSteps->stride);
    return memref::LoadOp::create(b, loc, table, index.sub(step, blockStart));
  };
  auto squareType = VectorType::get({wordBits}, b.getI64Type());
  auto square = [&](Value step, Value steps, Value slot, Value count) {
    Value source = index.add(aBase, index.add(blockRow, slot));
    if (steps)
      vector::StoreOp::create(
          b, loc, arith::ConstantOp::create(b, loc, b.getZeroAttr(squareType)),
          words, zero);
    createLoop(b, loc, zero, steps ? steps : width, one, [&](Value i) {
      Value offset = offsetOf(index.add(step, i));
      memref::StoreOp::create(
          b, loc, loadWord(index.add(source, offset), count), words, i);
    });
    Value transposed = transposeBits(
        b, loc, vector::LoadOp::create(b, loc, squareType, words, zero));
    vector::StoreOp::create(b, loc, transposed, words, zero);
    createLoop(b, loc, zero, count ? count : width, one, [&](Value i) {
      Value row = index.add(slot, i);
      Value word = memref::LoadOp::create(b, loc, words, i);
      Value length = memref::LoadOp::create(b, loc, lengths, row);
      memref::StoreOp::create(
          b, loc, append(word, index.sub(step, blockStart), row, length),
          lengths, row);
    });
  };
  createLoop(b, loc, blockStart, blockEnd, width, [&](Value step) {
    Value steps = index.min(width, index.sub(blockEnd, step));
    createLoop(b, loc, zero, rows, width, [&](Value slot) {
      // One code for all squares: they differ in size only at the borders.
      Value count = index.min(width, index.sub(rows, slot));
      auto whole = scf::IfOp::create(
          b, loc, index.less(index.constant(wordBits - 1), count), true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(whole.thenBlock());
      square(step, steps, slot, {});
      b.setInsertionPointToStart(whole.elseBlock());
      square(step, steps, slot, count);
    });
  });
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

Value SelectiveProduct::load(const Panel &panel, int64_t vector, Value memref,
                             Value offset) {
  Value at = plus(offset, vector * lanes);
  if (panel.mask && vector + 1 == panel.vectors) {
    Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType));
    return vector::MaskedLoadOp::create(b, loc, vectorType, memref, at,
                                        panel.mask, none);
  }
  return vector::LoadOp::create(b, loc, vectorType, memref, at);
}

Value SelectiveProduct::preparePanel(const Panel &panel) {
  const StridedOperand &bb = space.operands[product.b.operand];
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType));
  Value corner = index.add(index.add(bBase, panel.column),
                           index.mul(blockStart, bSteps->stride));
  // Times 0, what is infinite or NaN is not 0.
  auto visit = [&](bool pack) -> Value {
    if (!pack && hoistedNotFinite)
      return hoistedNotFinite;
    auto loop =
        scf::ForOp::create(b, loc, zero, index.sub(blockEnd, blockStart), one,
                           SmallVector<Value>(panel.vectors, none));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value step = loop.getInductionVar();
    Value offset = index.add(corner, index.mul(step, bSteps->stride));
    SmallVector<Value> next;
    for (int64_t v = 0; v < panel.vectors; ++v) {
      Value value = load(panel, v, bb.flat, offset);
      if (pack)
        vector::StoreOp::create(
            b, loc, value, bPacked,
            plus(times(step, vectorsOfPanel * lanes), v * lanes));
      next.push_back(
          math::FmaOp::create(b, loc, value, none, loop.getRegionIterArg(v)));
    }
    scf::YieldOp::create(b, loc, next);
    b.setInsertionPointAfter(loop);
    Value sum = loop.getResult(0);
    for (Value other : loop.getResults().drop_front())
      sum = arith::AddFOp::create(b, loc, sum, other);
    Value differs =
        arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE, sum, none);
    return vector::ReductionOp::create(b, loc, vector::CombiningKind::OR,
                                       differs);
  };
  if (!isPacked)
    return visit(false);
  auto choice =
      scf::IfOp::create(b, loc, TypeRange{b.getI1Type()}, isPacked, true, true);
  OpBuilder::InsertionGuard guard(b);
  for (bool pack : {true, false}) {
    b.setInsertionPointToStart(pack ? choice.thenBlock() : choice.elseBlock());
    scf::YieldOp::create(b, loc, visit(pack));
  }
  return choice.getResult(0);
}

/// Whether any lane of `values` is -0, to which a zero adds up to +0.
Value SelectiveProduct::isAnyNegativeZero(ArrayRef<Value> values) {
  // It is the least of all integers.
  auto integers = VectorType::get({lanes}, b.getIntegerType(type.getWidth()));
  Value least;
  for (Value value : values) {
    Value bits = arith::BitcastOp::create(b, loc, integers, value);
    least = least ? Value(arith::MinSIOp::create(b, loc, least, bits)) : bits;
  }
  Value negativeZero = arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(integers,
                             APInt::getSignedMinValue(type.getWidth())));
  return vector::ReductionOp::create(
      b, loc, vector::CombiningKind::OR,
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, least,
                            negativeZero));
}

/// What chains of a panel start with, in any row; not for those that start with
/// what the output holds.
SmallVector<Value> SelectiveProduct::getFirst(const Panel &panel) {
  SmallVector<Value> values;
  for (int64_t v = 0; v < panel.vectors; ++v) {
    if (product.start.kind == ProductStart::Kind::Value) {
      values.push_back(
          vector::BroadcastOp::create(b, loc, vectorType, product.start.value));
      continue;
    }
    const StridedOperand &start = space.operands[product.start.operand];
    values.push_back(
        load(panel, v, start.flat, index.add(start.base, panel.column)));
  }
  return values;
}

/// What the chains of a row, at `target` in C, start with or continue, and
/// whether one of them stands at -0.
std::pair<SmallVector<Value>, Value>
SelectiveProduct::getStart(const Panel &panel, Value target) {
  auto continued = [&] {
    SmallVector<Value> values;
    for (int64_t v = 0; v < panel.vectors; ++v)
      values.push_back(load(panel, v, space.operands.back().flat, target));
    return std::pair(values, isAnyNegativeZero(values));
  };
  if (product.start.kind == ProductStart::Kind::Output)
    return continued();
  auto started = [&] {
    return std::pair(getFirst(panel), panel.firstNegativeZero);
  };
  if (auto first = IndexMath::getConstant(blockStart))
    return *first == 0 ? started() : continued();
  Value isFirst =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, blockStart, zero);
  SmallVector<Type> types(panel.vectors, vectorType);
  types.push_back(b.getI1Type());
  auto choice = scf::IfOp::create(b, loc, types, isFirst, true, true);
  OpBuilder::InsertionGuard guard(b);
  auto yield =
      [&](Block *block,
          llvm::function_ref<std::pair<SmallVector<Value>, Value>()> create) {
        b.setInsertionPointToStart(block);
        auto [values, flag] = create();
        values.push_back(flag);
        scf::YieldOp::create(b, loc, values);
      };
  yield(choice.thenBlock(), started);
  yield(choice.elseBlock(), continued);
  auto results = llvm::to_vector(ValueRange(choice.getResults()));
  Value flag = results.pop_back_val();
  return {results, flag};
}

Value SelectiveProduct::getTarget(const Panel &panel, Value row) {
  return index.add(index.add(cBase, panel.column),
                   cRows->getOffset(index, row));
}

void SelectiveProduct::storeRow(const Panel &panel, Value target,
                                ArrayRef<Value> chains) {
  const StridedOperand &c = space.operands.back();
  for (auto [v, value] : llvm::enumerate(chains)) {
    Value at = plus(target, v * lanes);
    if (panel.mask && int64_t(v) + 1 == panel.vectors)
      vector::MaskedStoreOp::create(b, loc, c.flat, at, panel.mask, value);
    else
      vector::StoreOp::create(b, loc, value, c.flat, at);
  }
}

SmallVector<Value> SelectiveProduct::addRows(const Panel &panel,
                                             ArrayRef<Value> slots, Value from,
                                             Value to, ArrayRef<Value> chains) {
  SmallVector<Value> starts;
  for (Value slot : slots)
    starts.push_back(index.mul(slot, listStride));
  auto loop = scf::ForOp::create(b, loc, from, to, one, chains);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next;
  for (Value start : starts) {
    Value offset = memref::LoadOp::create(
        b, loc, lists, index.add(start, loop.getInductionVar()));
    Value source = index.add(
        panel.corner,
        arith::IndexCastUIOp::create(b, loc, b.getIndexType(), offset));
    for (int64_t v = 0; v < panel.vectors; ++v)
      next.push_back(arith::AddFOp::create(b, loc,
                                           loop.getRegionIterArg(next.size()),
                                           load(panel, v, bSource, source)));
  }
  scf::YieldOp::create(b, loc, next);
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void SelectiveProduct::emitRow(const Panel &panel, Value row) {
  const StridedOperand &a = space.operands[product.a.operand];
  Value slot = index.sub(row, blockRow);
  Value length = memref::LoadOp::create(b, loc, lengths, slot);
  Value target = getTarget(panel, row);
  auto [acc, anyNegativeZero] = getStart(panel, target);
  Value stepByStep =
      arith::OrIOp::create(b, loc, panel.notFinite, anyNegativeZero);
  auto choice = scf::IfOp::create(
      b, loc, SmallVector<Type>(panel.vectors, vectorType), stepByStep,
      /*addThenBlock=*/true, /*addElseBlock=*/true);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    auto loop = scf::ForOp::create(b, loc, blockStart, blockEnd, one, acc);
    scf::YieldOp::create(b, loc, loop.getResults());
    b.setInsertionPointToStart(loop.getBody());
    Value step = loop.getInductionVar();
    Value spike =
        a.load(b, loc,
               index.add(index.add(aBase, aRows->getOffset(index, row)),
                         aSteps->getOffset(index, step)));
    Value factor = vector::BroadcastOp::create(
        b, loc, vectorType, arith::UIToFPOp::create(b, loc, type, spike));
    Value source = index.add(
        panel.corner, index.mul(index.sub(step, blockStart), bRowStride));
    SmallVector<Value> next;
    for (int64_t v = 0; v < panel.vectors; ++v)
      next.push_back(math::FmaOp::create(b, loc, factor,
                                         load(panel, v, bSource, source),
                                         loop.getRegionIterArg(v)));
    scf::YieldOp::create(b, loc, next);
    b.setInsertionPointToStart(choice.elseBlock());
    scf::YieldOp::create(b, loc, addRows(panel, slot, zero, length, acc));
  }
  storeRow(panel, target, llvm::to_vector(ValueRange(choice.getResults())));
}

void SelectiveProduct::emitRowsAtOnce(const Panel &panel, Value row,
                                      int64_t count) {
  SmallVector<Value> slots, ends, targets, chains;
  Value common, stepByStep = panel.notFinite;
  for (int64_t i = 0; i < count; ++i) {
    Value current = plus(row, i);
    slots.push_back(index.sub(current, blockRow));
    ends.push_back(memref::LoadOp::create(b, loc, lengths, slots.back()));
    common = common ? index.min(common, ends.back()) : ends.back();
    targets.push_back(getTarget(panel, current));
    auto [start, negativeZero] = getStart(panel, targets.back());
    llvm::append_range(chains, start);
    stepByStep = arith::OrIOp::create(b, loc, stepByStep, negativeZero);
  }
  auto choice = scf::IfOp::create(b, loc, stepByStep, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  createLoop(b, loc, row, plus(row, count), one,
             [&](Value single) { emitRow(panel, single); });
  // Together as far as the shortest list reaches.
  b.setInsertionPointToStart(choice.elseBlock());
  chains = addRows(panel, slots, zero, common, chains);
  for (int64_t i = 0; i < count; ++i) {
    ArrayRef<Value> own =
        ArrayRef(chains).slice(i * panel.vectors, panel.vectors);
    storeRow(panel, targets[i], addRows(panel, slots[i], common, ends[i], own));
  }
}

void SelectiveProduct::emitRows(const Panel &panel) {
  // Chains of few vectors wait for their additions: several rows fill the time.
  int64_t together =
      std::clamp<int64_t>(chainsAtOnce / panel.vectors, 1, mostRowsAtOnce);
  Value from = blockRow;
  if (together > 1) {
    Value width = index.constant(together);
    Value count = index.sub(blockRowEnd, blockRow);
    Value end = index.add(blockRow, index.mul(index.div(count, width), width));
    createLoop(b, loc, blockRow, end, width,
               [&](Value row) { emitRowsAtOnce(panel, row, together); });
    from = end;
  }
  createLoop(b, loc, from, blockRowEnd, one,
             [&](Value row) { emitRow(panel, row); });
}

//===----------------------------------------------------------------------===//
// The loop nest
//===----------------------------------------------------------------------===//

void SelectiveProduct::choosePanels() {
  // As many accumulators as leave a few of the 16 or 32 registers.
  int64_t most = vectorBits >= 512 ? 16 : 8;
  auto known = IndexMath::getConstant(sizeN);
  if (!known) {
    vectorsOfPanel = most;
    vectorsOfRest = 1;
  } else {
    // Panels as equal as possible.
    int64_t vectors = std::max<int64_t>(llvm::divideCeil(*known, lanes), 1);
    int64_t count = llvm::divideCeil(vectors, most);
    vectorsOfPanel = llvm::divideCeil(vectors, count);
    int64_t full = *known / (vectorsOfPanel * lanes);
    vectorsOfRest =
        llvm::divideCeil(*known - full * vectorsOfPanel * lanes, lanes);
  }
  int64_t width = vectorsOfPanel * lanes;
  // Words of spikes, if they are bits, begin with bytes.
  int64_t mostSteps = std::min<int64_t>(
      mostStepsOfBlock, bytesOfBlock / (width * int64_t(type.getWidth()) / 8) /
                            wordBits * wordBits);
  fullPanels = index.div(sizeN, index.constant(width));
  Value rest = index.sub(sizeN, times(fullPanels, width));
  panels = vectorsOfRest == 0
               ? fullPanels
               : index.add(fullPanels, ceilDiv(rest, vectorsOfRest * lanes));
  stepsOfBlock = index.max(index.min(sizeK, index.constant(mostSteps)), one);
  listStride = plus(stepsOfBlock, positionsAtOnce);
}

void SelectiveProduct::forEachPanel(Value firstPanel, Value endPanel,
                                    llvm::function_ref<void(Panel)> body) {
  int64_t width = vectorsOfPanel * lanes;
  auto known = IndexMath::getConstant(fullPanels);
  if (!known || *known > 0)
    createLoop(b, loc, firstPanel, index.min(endPanel, fullPanels), one,
               [&](Value panel) {
                 body({vectorsOfPanel, {}, times(panel, width), {}, {}, {}});
               });
  if (vectorsOfRest == 0)
    return;
  createLoop(b, loc, index.max(firstPanel, fullPanels), endPanel, one,
             [&](Value panel) {
               Value column = index.add(
                   times(fullPanels, width),
                   times(index.sub(panel, fullPanels), vectorsOfRest * lanes));
               Value last = plus(column, (vectorsOfRest - 1) * lanes);
               Value count =
                   index.min(index.sub(sizeN, last), index.constant(lanes));
               Value mask;
               if (IndexMath::getConstant(sizeN).value_or(1) % lanes != 0)
                 mask = vector::CreateMaskOp::create(
                     b, loc, VectorType::get({lanes}, b.getI1Type()),
                     ValueRange{count});
               body({vectorsOfRest, mask, column, {}, {}, {}});
             });
}

void SelectiveProduct::emitTask(Value firstRow, Value endRow, Value firstPanel,
                                Value endPanel) {
  Value rows =
      index.min(index.sub(endRow, firstRow), index.constant(rowsOfBlock));
  auto allocate = [&](Value size, Type element) {
    return memref::AllocOp::create(
        b, loc, MemRefType::get({ShapedType::kDynamic}, element), size);
  };
  lists = allocate(index.mul(rows, listStride), b.getI32Type());
  lengths = allocate(rows, b.getIndexType());
  words = stepOffsets = bPacked = isPacked = {};
  if (byColumns) {
    words = allocate(index.constant(wordBits), b.getI64Type());
    if (!aSteps->isLinear())
      stepOffsets = allocate(stepsOfBlock, b.getIndexType());
  }
  // Rows of B that are far apart may share few sets of a cache and take a page
  // each. Panels of whole rows are together already, but vectors may cross
  // cache lines.
  const StridedOperand &bb = space.operands[product.b.operand];
  bSource = bb.flat;
  bRowStride = bSteps->stride;
  if (IndexMath::getConstant(panels) != 1 ||
      *IndexMath::getConstant(sizeN) % lanes != 0) {
    Value width = index.constant(vectorsOfPanel * lanes);
    isPacked = index.less(index.constant(rowsThatPayPacking - 1),
                          index.sub(endRow, firstRow));
    bPacked = allocate(b.createOrFold<arith::SelectOp>(
                           loc, isPacked, index.mul(stepsOfBlock, width), one),
                       type);
    auto anyBuffer = MemRefType::get(
        {ShapedType::kDynamic}, type,
        StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
    auto general = [&](Value memref) -> Value {
      if (memref.getType() == anyBuffer)
        return memref;
      return memref::CastOp::create(b, loc, anyBuffer, memref);
    };
    bSource = arith::SelectOp::create(b, loc, isPacked, general(bPacked),
                                      general(bb.flat));
    bRowStride =
        b.createOrFold<arith::SelectOp>(loc, isPacked, width, bSteps->stride);
  }
  createLoop(b, loc, zero, sizeK, stepsOfBlock, [&](Value start) {
    blockStart = start;
    blockEnd = index.min(index.add(start, stepsOfBlock), sizeK);
    createLoop(
        b, loc, firstRow, endRow, index.constant(rowsOfBlock), [&](Value row) {
          blockRow = row;
          blockRowEnd = index.min(plus(row, rowsOfBlock), endRow);
          byColumns ? listColumns() : listRows();
          forEachPanel(firstPanel, endPanel, [&](Panel panel) {
            panel.notFinite = preparePanel(panel);
            if (product.start.kind != ProductStart::Kind::Output)
              panel.firstNegativeZero = isAnyNegativeZero(getFirst(panel));
            panel.corner = index.add(index.add(bBase, panel.column),
                                     index.mul(blockStart, bSteps->stride));
            if (isPacked)
              panel.corner = b.createOrFold<arith::SelectOp>(
                  loc, isPacked, zero, panel.corner);
            emitRows(panel);
          });
        });
  });
  for (Value buffer : {lists, lengths, words, stepOffsets, bPacked})
    if (buffer)
      memref::DeallocOp::create(b, loc, buffer);
}

void SelectiveProduct::emitMatrixProduct(bool nested) {
  createTasks(nested, rowsOfTile, index.mul(index.mul(sizeM, sizeN), sizeK),
              workPerThread,
              [&](Value row, Value endRow, Value panel, Value endPanel) {
                emitTask(row, endRow, panel, endPanel);
              });
}

/// Looks at all of B in front of the loops around the product that do not
/// change it: at a few rows at a time, that would take as long as the product.
void SelectiveProduct::hoistCheck() {
  Operation *outside =
      getInvariantLoop(product.op, product.op->getOperand(product.b.operand));
  auto knownN = IndexMath::getConstant(sizeN);
  if (!outside || !product.batch.empty() || !knownN ||
      !IndexMath::getConstant(sizeK))
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(outside);
  StridedLoops around = *StridedLoops::get(b, product.op, product.b.operand);
  const StridedOperand &bb = around.operands[product.b.operand];
  LoopGroup steps(index, around, bb, product.k);
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType));
  Value start = index.constant(0), step = index.constant(1);
  auto loop = scf::ForOp::create(b, loc, start,
                                 index.constant(*IndexMath::getConstant(sizeK)),
                                 step, ValueRange{none});
  b.setInsertionPointToStart(loop.getBody());
  Value row =
      index.add(bb.base, index.mul(loop.getInductionVar(), steps.stride));
  int64_t full = *knownN / lanes * lanes;
  auto times0 = [&](Value value, Value sum) -> Value {
    return math::FmaOp::create(b, loc, value, none, sum);
  };
  Value sum = loop.getRegionIterArg(0);
  if (full > 0) {
    auto columns = scf::ForOp::create(b, loc, start, index.constant(full),
                                      index.constant(lanes), ValueRange{sum});
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(columns.getBody());
    Value value = vector::LoadOp::create(
        b, loc, vectorType, bb.flat, index.add(row, columns.getInductionVar()));
    scf::YieldOp::create(b, loc, times0(value, columns.getRegionIterArg(0)));
    sum = columns.getResult(0);
  }
  if (full < *knownN) {
    Value mask = vector::ConstantMaskOp::create(
        b, loc, VectorType::get({lanes}, b.getI1Type()),
        ArrayRef<int64_t>{*knownN - full});
    sum = times0(vector::MaskedLoadOp::create(b, loc, vectorType, bb.flat,
                                              plus(row, full), mask, none),
                 sum);
  }
  scf::YieldOp::create(b, loc, sum);
  b.setInsertionPointAfter(loop);
  hoistedNotFinite = vector::ReductionOp::create(
      b, loc, vector::CombiningKind::OR,
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNE,
                            loop.getResult(0), none));
}

void SelectiveProduct::emit() {
  space = *StridedLoops::get(b, product.op);
  const StridedOperand &a = space.operands[product.a.operand];
  const StridedOperand &bb = space.operands[product.b.operand];
  const StridedOperand &c = space.operands.back();
  type = cast<FloatType>(c.element);
  lanes = vectorBits / type.getWidth();
  vectorType = VectorType::get({lanes}, type);
  zero = index.constant(0);
  one = index.constant(1);
  sizeN = space.sizes[product.n];

  aSteps.emplace(index, space, a, product.k);
  bSteps.emplace(index, space, bb, product.k);
  SmallVector<int64_t> rows = product.m;
  aRows.emplace(index, space, a, rows);
  byColumns = !aSteps->hasStride(1);
  if (byColumns && !aRows->isLinear()) {
    // Loops that do not continue the run go around it.
    while (!aRows->isLinear()) {
      outerM.push_back(rows.front());
      rows.erase(rows.begin());
      aRows.emplace(index, space, a, rows);
    }
    aOuter.emplace(index, space, a, outerM);
    cOuter.emplace(index, space, c, outerM);
  }
  cRows.emplace(index, space, c, rows);
  sizeM = sizeK = one;
  for (int64_t loop : rows)
    sizeM = index.mul(sizeM, space.sizes[loop]);
  for (int64_t loop : product.k)
    sizeK = index.mul(sizeK, space.sizes[loop]);
  choosePanels();
  hoistCheck();

  SmallVector<Value> lowers, uppers, steps;
  for (int64_t loop : product.batch) {
    lowers.push_back(zero);
    uppers.push_back(space.sizes[loop]);
    steps.push_back(one);
  }
  auto emitAt = [&](ValueRange indices) {
    auto baseOf = [&](const StridedOperand &operand) {
      Value base = operand.base;
      for (auto [loop, i] : llvm::zip(product.batch, indices))
        base = index.add(base, index.mul(i, operand.strides[loop]));
      return base;
    };
    aBase = baseOf(a);
    bBase = baseOf(bb);
    cBase = baseOf(c);
    emitMatrixProduct(!product.batch.empty());
  };
  if (product.batch.empty())
    emitAt({});
  else
    createParallelLoops(b, loc, lowers, uppers, steps, emitAt);
}

//===----------------------------------------------------------------------===//
// Candidates
//===----------------------------------------------------------------------===//

/// Declares a function of the runtime, once.
static void declare(Operation *op, StringRef name, ArrayRef<Type> arguments,
                    TypeRange results) {
  auto module = op->getParentOfType<ModuleOp>();
  if (module.lookupSymbol(name))
    return;
  OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
  func::FuncOp::create(top, op->getLoc(), name,
                       top.getFunctionType(arguments, results))
      .setPrivate();
}

/// The address of memory where the runtime keeps what it measures of `op`.
static Value createSite(OpBuilder &b, Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  auto type = MemRefType::get({RHEOBASE_SITE_BYTES / 8}, b.getI64Type());
  OpBuilder top(op->getContext());
  auto global = memref::GlobalOp::create(
      top, op->getLoc(), "product_site", top.getStringAttr("private"), type,
      DenseElementsAttr::get(
          RankedTensorType::get(type.getShape(), type.getElementType()),
          int64_t(0)),
      /*constant=*/false, top.getI64IntegerAttr(64));
  StringAttr name =
      SymbolTable(module).insert(global, module.getBody()->begin());
  Value place = memref::GetGlobalOp::create(b, op->getLoc(), type, name);
  return arith::IndexCastOp::create(
      b, op->getLoc(), b.getI64Type(),
      memref::ExtractAlignedPointerAsIndexOp::create(b, op->getLoc(), place));
}

/// Asks the runtime which kernel to take: `begun` is its answer, `work` the
/// multiply-adds.
static void beginKernel(OpBuilder &b, Product &product, Value site,
                        Value &begun, Value &work) {
  Location loc = product.op.getLoc();
  Type i64 = b.getI64Type();
  IndexMath index{b, loc};
  StridedLoops space = *StridedLoops::get(b, product.op);
  const StridedOperand &a = space.operands[product.a.operand];
  StringRef begin = a.isPacked() ? "rheobase_rt_begin_packed_kernel"
                                 : "rheobase_rt_begin_kernel";
  declare(product.op, begin, {i64, i64, i64, i64}, {i64});
  declare(product.op, "rheobase_rt_end_kernel", {i64, i64, i64}, {});
  Value size = index.constant(1);
  for (Value loop : space.sizes)
    size = index.mul(size, loop);
  auto number = [&](Value value) -> Value {
    return b.createOrFold<arith::IndexCastOp>(loc, i64, value);
  };
  // All of the operand's memory stands for what is read.
  Value address, count;
  if (a.isPacked()) {
    Value eight = index.constant(8);
    address = index.add(
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, a.flat),
        index.div(a.base, eight));
    count = index.constant(1);
    Value memref = product.op->getOperand(product.a.operand);
    for (int64_t dim : llvm::seq(cast<MemRefType>(memref.getType()).getRank()))
      count = index.mul(count, index.dim(memref, dim));
    count = index.div(count, eight);
  } else {
    auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, a.flat);
    address = index.add(
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, a.flat),
        metadata.getOffset());
    count = metadata.getSizes()[0];
  }
  work = number(size);
  begun = func::CallOp::create(
              b, loc, begin, TypeRange{i64},
              ValueRange{site, number(address), number(count), work})
              .getResult(0);
}

bool rheobase::convertProductWithSpikes(RewriterBase &rewriter,
                                        Product &product, int64_t vectorBits,
                                        bool threads, ProductKernel kernel) {
  linalg::GenericOp op = product.op;
  if (!isSpikeFactor(op, product.a) && !isSpikeFactor(op, product.b))
    return false;
  auto function = op->getParentOfType<func::FuncOp>();
  auto options = remark::RemarkOpts::name(remarks::kProductKernels)
                     .category("convert-products-to-vector")
                     .function(function ? function.getName() : StringRef());
  StringRef reason;
  if (!SelectiveProduct::canLower(product, reason)) {
    remark::missed(op.getLoc(), options)
        << ("a product with spikes in register blocks only: " + reason.str());
    return false;
  }
  if (kernel == ProductKernel::Dense) {
    remark::passed(op.getLoc(), options)
        << "a product with spikes in register blocks, as asked for";
    return false;
  }
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  SelectiveProduct selective(rewriter, product, vectorBits, threads);
  if (kernel == ProductKernel::Selective) {
    remark::passed(op.getLoc(), options)
        << "a product with spikes by adding rows, as asked for";
    selective.emit();
    rewriter.eraseOp(op);
    return true;
  }
  remark::passed(op.getLoc(), options)
      << "a product with spikes in register blocks or by adding rows, "
         "whichever "
         "is measured to be faster at run time";
  Value site = createSite(rewriter, op);
  Value begun, work;
  beginKernel(rewriter, product, site, begun, work);
  auto bitOf = [&](int64_t bit) -> Value {
    Value number = arith::ConstantIntOp::create(rewriter, op.getLoc(), bit, 64);
    Value none = arith::ConstantIntOp::create(rewriter, op.getLoc(), 0, 64);
    return arith::CmpIOp::create(
        rewriter, op.getLoc(), arith::CmpIPredicate::ne,
        arith::AndIOp::create(rewriter, op.getLoc(), begun, number), none);
  };
  auto choice = scf::IfOp::create(rewriter, op.getLoc(), bitOf(1), true);
  auto measured = scf::IfOp::create(rewriter, op.getLoc(), bitOf(2), false);
  rewriter.setInsertionPointToStart(measured.thenBlock());
  func::CallOp::create(rewriter, op.getLoc(), "rheobase_rt_end_kernel",
                       TypeRange(), ValueRange{site, work, begun});
  rewriter.setInsertionPointToStart(choice.thenBlock());
  selective.emit();
  rewriter.moveOpBefore(op, choice.elseBlock()->getTerminator());
  return false;
}
