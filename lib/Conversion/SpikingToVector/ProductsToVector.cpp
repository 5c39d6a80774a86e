//===- ProductsToVector.cpp - Product chains in register blocks -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product, acc = fma(a, b, acc) over reduction loops, is seen as a matrix
// product C[m, n] += A[m, k] * B[k, n]: n is a loop along which C is contiguous
// and that only B depends on, m are the loops that only A depends on, k the
// reductions in their order. Blocks of A and B are packed, whatever their
// layout (rows, columns, the windows of a convolution, spikes in bytes), and a
// block of C stays in registers while k runs. Each element of C remains one
// chain with ascending k: blocks of k continue it.
//
//===----------------------------------------------------------------------===//

#include "IndexMath.h"
#include "LaneEmitter.h"
#include "StridedLoops.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Conversion/SpikingToVector.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTPRODUCTSTOVECTORPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

namespace {

/// Steps of k that a packed block covers: with the columns of a register block
/// they stay in the first-level cache.
constexpr int64_t blockOfK = 256;
/// Rows of a packed block of A: it stays in the second-level cache.
constexpr int64_t blockOfM = 240;
/// Elements of B that are packed at a time.
constexpr int64_t packedElements = 1 << 20;
/// With fewer rows, B is read once or a few times: packing does not pay.
constexpr int64_t rowsThatPayPacking = 64;
/// Multiply-adds that a thread should have at least.
constexpr int64_t workPerThread = 1 << 16;

/// What the body of a product multiplies.
struct Factor {
  /// The operand's number, and the body's argument for it.
  int64_t operand;
  BlockArgument argument;
  /// Operations that make the factor of the element: conversions.
  SmallVector<Operation *> conversion;
  Value value;
};

/// A product that has been recognized.
struct Product {
  linalg::GenericOp op;
  /// The operand that the rows belong to, and the one of the columns.
  Factor a, b;
  /// Loops.
  int64_t n;
  SmallVector<int64_t> batch, m, k;
};

/// How a packed block of A lies in memory.
enum class PackingOfA {
  /// Not packed: read where it is.
  None,
  /// Row by row, copied along k.
  Rows,
  /// Register blocks of rows for each k, copied along m.
  Columns,
  /// Row by row, element by element.
  Elements
};
enum class PackingOfB { Rows, Transposed, Elements };

} // namespace

/// Fills `factor` with what `value` is made of: an element of one input.
static bool traceFactor(linalg::GenericOp op, Value value, Factor &factor) {
  Block *body = op.getBlock();
  llvm::SetVector<Operation *> slice;
  SmallVector<Value> worklist{value};
  factor.argument = {};
  while (!worklist.empty()) {
    Value current = worklist.pop_back_val();
    if (auto argument = dyn_cast<BlockArgument>(current);
        argument && argument.getOwner() == body) {
      if (factor.argument && factor.argument != argument)
        return false;
      factor.argument = argument;
      continue;
    }
    Operation *def = current.getDefiningOp();
    if (!def || def->getBlock() != body)
      continue;
    if (!isPure(def) || def->getNumRegions() != 0 ||
        isa<linalg::IndexOp>(def))
      return false;
    slice.insert(def);
    llvm::append_range(worklist, def->getOperands());
  }
  if (!factor.argument ||
      factor.argument.getArgNumber() >= op.getNumDpsInputs())
    return false;
  factor.operand = factor.argument.getArgNumber();
  factor.value = value;
  for (Operation &inner : *body)
    if (slice.contains(&inner))
      factor.conversion.push_back(&inner);
  return true;
}

/// The strides of `loop` over all indices of an operand: whether it depends on
/// the loop, and whether neighbouring iterations are neighbours in memory.
static bool dependsOn(linalg::GenericOp op, int64_t operand, int64_t loop) {
  return op.getMatchingIndexingMap(&op->getOpOperand(operand))
      .isFunctionOfDim(loop);
}

static bool isContiguousAlong(linalg::GenericOp op, int64_t operand,
                              int64_t loop) {
  AffineMap map = op.getMatchingIndexingMap(&op->getOpOperand(operand));
  auto type = cast<MemRefType>(op->getOperand(operand).getType());
  SmallVector<int64_t> strides = type.getStridesAndOffset().first;
  int64_t found = 0;
  for (auto [expr, stride] : llvm::zip(map.getResults(), strides)) {
    if (!expr.isFunctionOfDim(loop))
      continue;
    ++found;
    if (expr != getAffineDimExpr(loop, op.getContext()) || stride != 1)
      return false;
  }
  return found == 1;
}

static std::optional<Product> matchProduct(linalg::GenericOp op) {
  if (!StridedLoops::canAnalyze(op) || op.getNumDpsInits() != 1)
    return std::nullopt;
  Product product;
  product.op = op;
  Block *body = op.getBlock();
  auto fma = body->getTerminator()->getOperand(0).getDefiningOp<math::FmaOp>();
  BlockArgument out = body->getArguments().back();
  if (!fma || fma->getBlock() != body || fma.getC() != out ||
      !out.hasOneUse() || !(out.getType().isF32() || out.getType().isF64()))
    return std::nullopt;
  Factor x, y;
  if (!traceFactor(op, fma.getA(), x) || !traceFactor(op, fma.getB(), y) ||
      x.operand == y.operand)
    return std::nullopt;

  int64_t output = op->getNumOperands() - 1;
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  int64_t bestSize = 0;
  product.n = -1;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (type == utils::IteratorType::reduction) {
      product.k.push_back(loop);
      continue;
    }
    if (!isContiguousAlong(op, output, loop) ||
        dependsOn(op, x.operand, loop) == dependsOn(op, y.operand, loop))
      continue;
    int64_t size = ShapedType::isDynamic(sizes[loop])
                       ? std::numeric_limits<int64_t>::max()
                       : sizes[loop];
    if (size > bestSize) {
      bestSize = size;
      product.n = loop;
    }
  }
  if (product.n < 0 || product.k.empty())
    return std::nullopt;
  bool columnsInY = dependsOn(op, y.operand, product.n);
  product.a = columnsInY ? x : y;
  product.b = columnsInY ? y : x;
  for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray())) {
    int64_t index = loop;
    if (type == utils::IteratorType::reduction || index == product.n)
      continue;
    if (!dependsOn(op, output, index))
      return std::nullopt;
    (dependsOn(op, product.b.operand, index) ? product.batch : product.m)
        .push_back(index);
  }
  return product;
}

namespace {

class ProductLowering {
public:
  ProductLowering(RewriterBase &rewriter, Product product, int64_t vectorBits,
                  bool threads)
      : b(rewriter), product(product), loc(product.op.getLoc()),
        index{rewriter, loc}, vectorBits(vectorBits), threads(threads) {}

  void run();

private:
  void emitMatrixProduct(Value aBase, Value bBase, Value cBase, bool nested);
  void emitTask(Value firstRow, Value endRow, Value firstPanel,
                Value endPanel);
  void emitRowBlocks(Value panel, bool tail);
  void emitKernel(int64_t rows, Value firstRow, Value panel, bool tail,
                  bool clamped);
  void packA();
  void packB(Value rows);

  /// A vector of factors from `count` elements at `offset` (null: all lanes).
  Value loadFactors(const Factor &factor, const StridedOperand &operand,
                    Value offset, Value count, int64_t width);
  Value convert(const Factor &factor, Value element, int64_t width);
  /// dst[i] = the factor at src + i, for `count` elements. May write up to a
  /// vector more.
  void copyFactors(const Factor &factor, const StridedOperand &operand,
                   Value source, Value count, Value target,
                   Value targetOffset);
  /// Offsets of positions `from` to `to` of a group, for groups that are not
  /// linear; null for others.
  Value createOffsetTable(const LoopGroup &group, Value from, Value to);
  Value getOffset(const LoopGroup &group, Value table, Value tableStart,
                  Value position);
  void forEachRun(const LoopGroup &group, Value from, Value to,
                  llvm::function_ref<void(Value offset, Value lo, Value hi)>
                      body);
  VectorType vectorOf(int64_t width) {
    return VectorType::get({width}, type);
  }
  Value plus(Value a, int64_t c) { return index.add(a, index.constant(c)); }
  Value times(Value a, int64_t c) { return index.mul(a, index.constant(c)); }
  std::optional<int64_t> known(Value v) { return IndexMath::getConstant(v); }

  RewriterBase &b;
  Product product;
  Location loc;
  IndexMath index;
  int64_t vectorBits;
  bool threads;

  StridedLoops space;
  Type type;
  /// Lanes of a vector; rows and vectors of a register block; its columns.
  int64_t lanes = 0, rowsOfTile = 0, vectorsOfTile = 0, columnsOfTile = 0;
  PackingOfA packingOfA = PackingOfA::None;
  PackingOfB packingOfB = PackingOfB::Rows;
  bool mayReadB = false;
  /// The rows that form one run in A; the others are loops around it.
  SmallVector<int64_t> outerM;
  std::optional<LoopGroup> aRows, aSteps, bSteps, cRows, aOuter, cOuter;
  Value zero, one, sizeM, sizeN, sizeK, panels, fullPanels;

  // What is being emitted.
  Value aBase, bBase, cBase;
  /// k of the packed part of B, of the block of A.
  Value firstStep, endStep, blockStart, blockEnd;
  /// Rows of the block of A.
  Value blockRow, blockRowEnd;
  Value aBlock, aRowTable, aStepTable, bTable;
  /// B where the kernel reads it, the distance of its rows, and whether this is
  /// the operand itself.
  Value bSource, bRowStride, bUnpacked, bPacked, panelRows;
  SmallVector<Value> tailMasks;
};

} // namespace

static const StridedOperand &operandOf(const StridedLoops &space,
                                       int64_t number) {
  return space.operands[number];
}

Value ProductLowering::convert(const Factor &factor, Value element,
                               int64_t width) {
  LaneEmitter lane(b, loc, width);
  IRMapping mapping;
  mapping.map(factor.argument, element);
  lane.emit(factor.conversion, mapping);
  return lane.spread(mapping.lookupOrDefault(factor.value));
}

Value ProductLowering::loadFactors(const Factor &factor,
                                   const StridedOperand &operand, Value offset,
                                   Value count, int64_t width) {
  auto loaded = VectorType::get({width}, operand.element);
  if (!count)
    return convert(factor,
                   vector::LoadOp::create(b, loc, loaded, operand.flat, offset),
                   width);
  // Masked accesses of narrow elements need AVX-512.
  if (operand.element.getIntOrFloatBitWidth() >= 32 || vectorBits >= 512) {
    Value mask = vector::CreateMaskOp::create(
        b, loc, VectorType::get({width}, b.getI1Type()), ValueRange{count});
    Value none =
        arith::ConstantOp::create(b, loc, b.getZeroAttr(loaded));
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
    Value element = memref::LoadOp::create(b, loc, operand.flat,
                                           index.add(offset, lane));
    Value next = vector::InsertOp::create(b, loc, element,
                                          loop.getRegionIterArg(0),
                                          OpFoldResult(lane));
    scf::YieldOp::create(b, loc, next);
  }
  return convert(factor, loop.getResult(0), width);
}

void ProductLowering::copyFactors(const Factor &factor,
                                  const StridedOperand &operand, Value source,
                                  Value count, Value target,
                                  Value targetOffset) {
  Value width = index.constant(lanes);
  Value full = index.mul(index.div(count, width), width);
  createLoop(b, loc, zero, full, width, [&](Value i) {
    Value value = loadFactors(factor, operand, index.add(source, i), {}, lanes);
    vector::StoreOp::create(b, loc, value, target,
                            index.add(targetOffset, i));
  });
  Value rest = index.sub(count, full);
  if (known(rest) == 0)
    return;
  auto hasRest = scf::IfOp::create(b, loc, index.less(zero, rest), false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(hasRest.thenBlock());
  Value value =
      loadFactors(factor, operand, index.add(source, full), rest, lanes);
  vector::StoreOp::create(b, loc, value, target,
                          index.add(targetOffset, full));
}

/// Runs `body` for the parts of positions `from` to `to` that lie in one run:
/// with the offset of position 0 of the run's progression, and the positions.
void ProductLowering::forEachRun(
    const LoopGroup &group, Value from, Value to,
    llvm::function_ref<void(Value, Value, Value)> body) {
  if (group.isLinear())
    return body(zero, from, to);
  Value size = index.max(group.runSize, one);
  Value firstRun = index.div(from, size);
  Value endRun = index.div(index.add(to, index.sub(size, one)), size);
  createLoop(b, loc, firstRun, endRun, one, [&](Value run) {
    Value start = index.mul(run, size);
    Value offset = index.sub(group.getRunOffset(index, run),
                             index.mul(start, group.stride));
    body(offset, index.max(start, from), index.min(index.add(start, size), to));
  });
}

Value ProductLowering::createOffsetTable(const LoopGroup &group, Value from,
                                         Value to) {
  if (group.isLinear())
    return {};
  Value size = index.sub(to, from);
  Value table = memref::AllocOp::create(
      b, loc, MemRefType::get({ShapedType::kDynamic}, b.getIndexType()),
      size);
  forEachRun(group, from, to, [&](Value offset, Value lo, Value hi) {
    createLoop(b, loc, lo, hi, one, [&](Value position) {
      Value value =
          index.add(offset, index.mul(position, group.stride));
      memref::StoreOp::create(b, loc, value, table,
                              index.sub(position, from));
    });
  });
  return table;
}

Value ProductLowering::getOffset(const LoopGroup &group, Value table,
                                 Value tableStart, Value position) {
  if (!table)
    return index.mul(position, group.stride);
  return memref::LoadOp::create(b, loc, table,
                                index.sub(position, tableStart));
}

/// The transpose of a square of vectors: one exchange of halves, quarters, ...
/// of the columns for each bit of the index.
static void transpose(OpBuilder &b, Location loc,
                      MutableArrayRef<Value> rows) {
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
  const StridedOperand &operand = operandOf(space, factor.operand);
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
            Value source = index.add(
                bBase, getOffset(*bSteps, bTable, firstStep, step));
            auto copy = [&](Value panel, Value count) {
              for (int64_t v = 0; v < vectorsOfTile; ++v) {
                Value rest =
                    count ? index.sub(index.min(index.max(count, index.constant(
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
                              index.add(source,
                                        plus(times(panel, columnsOfTile),
                                             v * lanes)),
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
            auto hasRest =
                scf::IfOp::create(b, loc, index.less(zero, rest), false);
            OpBuilder::InsertionGuard guard(b);
            b.setInsertionPointToStart(hasRest.thenBlock());
            copy(fullPanels, rest);
          });
        });
    return;
  }

  // Columns beyond the last one repeat it; what they give is not stored.
  Value lastColumn = index.sub(sizeN, one);
  createParallelLoops(
      b, loc, zero, panels, one, [&](ValueRange panel) {
        Value firstColumn = times(panel[0], columnsOfTile);
        if (packingOfB == PackingOfB::Elements) {
          createLoop(b, loc, firstStep, endStep, one, [&](Value step) {
            Value source = index.add(
                bBase, getOffset(*bSteps, bTable, firstStep, step));
            Value target = targetOf(panel[0], step);
            createLoop(
                b, loc, zero, index.constant(columnsOfTile), one,
                [&](Value c) {
                  Value column =
                      index.min(index.add(firstColumn, c), lastColumn);
                  Value element = memref::LoadOp::create(
                      b, loc, operand.flat,
                      index.add(source, index.mul(column, stride)));
                  memref::StoreOp::create(b, loc, convert(factor, element, 0),
                                          bPacked, index.add(target, c));
                });
          });
          return;
        }
        createLoop(
            b, loc, zero, index.constant(vectorsOfTile), one, [&](Value v) {
              Value group = index.add(firstColumn, times(v, lanes));
              SmallVector<Value> columns;
              for (int64_t i = 0; i < lanes; ++i)
                columns.push_back(index.add(
                    bBase,
                    index.mul(index.min(plus(group, i), lastColumn), stride)));
              forEachRun(*bSteps, firstStep, endStep, [&](Value offset,
                                                          Value lo, Value hi) {
                auto tile = [&](Value step, Value count) {
                  Value at = index.add(offset, step);
                  SmallVector<Value> vectors;
                  for (Value column : columns)
                    vectors.push_back(loadFactors(
                        factor, operand, index.add(column, at), count, lanes));
                  transpose(b, loc, vectors);
                  Value target = index.add(targetOf(panel[0], step),
                                           times(v, lanes));
                  for (auto [i, vector] : llvm::enumerate(vectors))
                    vector::StoreOp::create(b, loc, vector, bPacked,
                                            plus(target, i * columnsOfTile));
                };
                Value width = index.constant(lanes);
                Value full = index.add(
                    lo, index.mul(index.div(index.sub(hi, lo), width), width));
                createLoop(b, loc, lo, full, width,
                           [&](Value step) { tile(step, {}); });
                Value rest = index.sub(hi, full);
                if (known(rest) == 0)
                  return;
                auto hasRest =
                    scf::IfOp::create(b, loc, index.less(zero, rest), false);
                OpBuilder::InsertionGuard guard(b);
                b.setInsertionPointToStart(hasRest.thenBlock());
                tile(full, rest);
              });
            });
      });
}

/// Distance of the rows of a packed block of A; the vector at the end takes what
/// copies write too much.
static int64_t getRowStride(int64_t lanes) { return blockOfK + lanes; }

/// Packs rows `blockRow` to `blockRowEnd`, rounded up to whole register blocks,
/// and steps `blockStart` to `blockEnd` of A. Rows beyond the last one of the
/// matrix repeat it.
void ProductLowering::packA() {
  const Factor &factor = product.a;
  const StridedOperand &operand = operandOf(space, factor.operand);
  Value lastRow = index.sub(sizeM, one);
  Value tile = index.constant(rowsOfTile);
  Value count = index.sub(blockRowEnd, blockRow);
  bool whole = known(sizeM) && *known(sizeM) % rowsOfTile == 0;
  Value padded =
      whole ? count
            : index.mul(index.div(plus(count, rowsOfTile - 1), tile), tile);

  if (packingOfA == PackingOfA::Rows) {
    forEachRun(*aSteps, blockStart, blockEnd, [&](Value offset, Value lo,
                                                  Value hi) {
      createLoop(b, loc, zero, padded, one, [&](Value r) {
        Value row = index.add(blockRow, r);
        if (!whole)
          row = index.min(row, lastRow);
        Value source = index.add(
            index.add(aBase, getOffset(*aRows, aRowTable, blockRow, row)),
            index.add(offset, lo));
        Value target = index.add(times(r, getRowStride(lanes)),
                                 index.sub(lo, blockStart));
        copyFactors(factor, operand, source, index.sub(hi, lo), aBlock, target);
      });
    });
    return;
  }

  if (packingOfA == PackingOfA::Columns) {
    auto block = [&](Value r, int64_t rows, bool scalar) {
      Value row = index.add(blockRow, r);
      createLoop(b, loc, blockStart, blockEnd, one, [&](Value step) {
        Value source = index.add(
            aBase, getOffset(*aSteps, aStepTable, blockStart, step));
        Value target =
            index.add(times(r, blockOfK),
                      times(index.sub(step, blockStart), rowsOfTile));
        if (!scalar) {
          Value value = loadFactors(factor, operand, index.add(source, row), {},
                                    rows);
          vector::StoreOp::create(b, loc, value, aBlock, target);
          return;
        }
        createLoop(b, loc, zero, tile, one, [&](Value i) {
          Value clamped = index.min(index.add(row, i), lastRow);
          Value element = memref::LoadOp::create(b, loc, operand.flat,
                                                 index.add(source, clamped));
          memref::StoreOp::create(b, loc, convert(factor, element, 0), aBlock,
                                  index.add(target, i));
        });
      });
    };
    Value full = index.mul(index.div(count, tile), tile);
    createLoop(b, loc, zero, full, tile,
               [&](Value r) { block(r, rowsOfTile, false); });
    if (whole)
      return;
    auto hasRest = scf::IfOp::create(b, loc, index.less(full, count), false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(hasRest.thenBlock());
    if (auto rows = known(sizeM))
      block(full, *rows % rowsOfTile, false);
    else
      block(full, rowsOfTile, true);
    return;
  }

  createLoop(b, loc, zero, padded, one, [&](Value r) {
    Value row = index.min(index.add(blockRow, r), lastRow);
    Value source =
        index.add(aBase, getOffset(*aRows, aRowTable, blockRow, row));
    Value target = times(r, getRowStride(lanes));
    createLoop(b, loc, blockStart, blockEnd, one, [&](Value step) {
      Value element = memref::LoadOp::create(
          b, loc, operand.flat,
          index.add(source, getOffset(*aSteps, aStepTable, blockStart, step)));
      memref::StoreOp::create(
          b, loc, convert(factor, element, 0), aBlock,
          index.add(target, index.sub(step, blockStart)));
    });
  });
}

/// The register block: `rows` rows from `firstRow` (of the block of A) on and
/// the columns of `panel` (`tail`: of the last, incomplete one). `clamped`: rows
/// beyond the last one repeat it.
void ProductLowering::emitKernel(int64_t rows, Value firstRow, Value panel,
                                 bool tail, bool clamped) {
  const StridedOperand &a = operandOf(space, product.a.operand);
  const StridedOperand &c = space.operands.back();
  int64_t vectors = tail ? tailMasks.size() : vectorsOfTile;
  VectorType vectorType = vectorOf(lanes);
  Value none = tail ? Value(arith::ConstantOp::create(
                          b, loc, b.getZeroAttr(vectorType)))
                    : Value();
  auto load = [&](Value memref, Value offset, int64_t v) -> Value {
    if (tail && tailMasks[v])
      return vector::MaskedLoadOp::create(b, loc, vectorType, memref, offset,
                                          tailMasks[v], none);
    return vector::LoadOp::create(b, loc, vectorType, memref, offset);
  };

  // The block of C.
  SmallVector<Value> cOffsets, acc;
  Value row = index.add(blockRow, firstRow);
  Value column = times(panel, columnsOfTile);
  Value lastRow = clamped ? index.sub(sizeM, one) : Value();
  Value corner = index.add(cBase, column);
  for (int64_t r = 0; r < rows; ++r) {
    Value current = plus(row, r);
    if (clamped)
      current = index.min(current, lastRow);
    cOffsets.push_back(index.add(corner, cRows->getOffset(index, current)));
  }
  for (Value offset : cOffsets)
    for (int64_t v = 0; v < vectors; ++v)
      acc.push_back(load(c.flat, plus(offset, v * lanes), v));

  // The chains start from C: have the next block's at hand.
  if (!clamped && cRows->isLinear()) {
    Value next = times(cRows->stride, rows);
    for (Value offset : cOffsets)
      for (int64_t v = 0; v < vectors; v += std::max<int64_t>(512 / vectorBits, 1))
        memref::PrefetchOp::create(b, loc, c.flat,
                                   plus(index.add(offset, next), v * lanes),
                                   /*isWrite=*/true, /*localityHint=*/3,
                                   /*isDataCache=*/true);
  }

  Value aSource = packingOfA == PackingOfA::None ? a.flat : aBlock;
  Value aCorner, aRow, aStep;
  switch (packingOfA) {
  case PackingOfA::None:
    aRow = aRows->stride;
    aStep = aSteps->stride;
    aCorner = index.add(aBase, index.add(index.mul(row, aRow),
                                         index.mul(blockStart, aStep)));
    break;
  case PackingOfA::Columns:
    aCorner = times(firstRow, blockOfK);
    aRow = one;
    aStep = index.constant(rowsOfTile);
    break;
  case PackingOfA::Rows:
  case PackingOfA::Elements:
    aRow = index.constant(getRowStride(lanes));
    aStep = one;
    aCorner = index.mul(firstRow, aRow);
    break;
  }
  // B: the row of the block's first step.
  Value bCorner;
  Value step = index.sub(blockStart, firstStep);
  Value packedCorner = index.add(
      index.mul(panel, times(panelRows, columnsOfTile)),
      times(step, columnsOfTile));
  if (bUnpacked) {
    Value directCorner =
        index.add(index.add(bBase, column),
                  index.mul(blockStart, bSteps->stride));
    bCorner = b.createOrFold<arith::SelectOp>(loc, bUnpacked, directCorner,
                                              packedCorner);
  } else {
    bCorner = packedCorner;
  }

  auto loop = scf::ForOp::create(b, loc, zero, index.sub(blockEnd, blockStart),
                                 one, acc);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value k = loop.getInductionVar();
    Value bOffset = index.add(bCorner, index.mul(k, bRowStride));
    SmallVector<Value> columns, next;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(load(bSource, plus(bOffset, v * lanes), v));
    Value aOffset = index.add(aCorner, index.mul(k, aStep));
    for (int64_t r = 0; r < rows; ++r) {
      Value element = memref::LoadOp::create(
          b, loc, aSource,
          index.add(aOffset, index.mul(index.constant(r), aRow)));
      Value spread =
          vector::BroadcastOp::create(b, loc, vectorType, element);
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(
            math::FmaOp::create(b, loc, spread, columns[v],
                                loop.getRegionIterArg(r * vectors + v)));
    }
    scf::YieldOp::create(b, loc, next);
  }
  for (auto [r, offset] : llvm::enumerate(cOffsets))
    for (int64_t v = 0; v < vectors; ++v) {
      Value value = loop.getResult(r * vectors + v);
      Value at = plus(offset, v * lanes);
      if (tail && tailMasks[v])
        vector::MaskedStoreOp::create(b, loc, c.flat, at, tailMasks[v], value);
      else
        vector::StoreOp::create(b, loc, value, c.flat, at);
    }
}

/// All rows of the block of A times a panel of B.
void ProductLowering::emitRowBlocks(Value panel, bool tail) {
  Value tile = index.constant(rowsOfTile);
  Value count = index.sub(blockRowEnd, blockRow);
  Value full = index.mul(index.div(count, tile), tile);
  std::optional<int64_t> knownRows = known(sizeM);
  if (!knownRows || *knownRows >= rowsOfTile)
    createLoop(b, loc, zero, full, tile, [&](Value row) {
      emitKernel(rowsOfTile, row, panel, tail, false);
    });
  if (knownRows && *knownRows % rowsOfTile == 0)
    return;
  auto hasRest = scf::IfOp::create(b, loc, index.less(full, count), false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(hasRest.thenBlock());
  if (knownRows)
    return emitKernel(*knownRows % rowsOfTile, full, panel, tail, false);

  if (packingOfA == PackingOfA::None) {
    // Nothing repeats the last row: blocks of some rows, then single rows.
    Value row = full;
    for (int64_t rows : {rowsOfTile / 3, int64_t(1)}) {
      Value width = index.constant(rows);
      Value end = index.add(
          row, index.mul(index.div(index.sub(count, row), width), width));
      createLoop(b, loc, row, end, width, [&](Value first) {
        emitKernel(rows, first, panel, tail, false);
      });
      row = end;
    }
    return;
  }
  // The smallest block that covers the rest.
  Value rest = index.sub(count, full);
  for (int64_t rows :
       {int64_t(1), rowsOfTile / 3, 2 * rowsOfTile / 3}) {
    auto fits = scf::IfOp::create(
        b, loc, index.less(rest, index.constant(rows + 1)), true);
    b.setInsertionPointToStart(fits.thenBlock());
    emitKernel(rows, full, panel, tail, rows > 1);
    b.setInsertionPointToStart(fits.elseBlock());
  }
  emitKernel(rowsOfTile, full, panel, tail, true);
}

/// Rows `firstRow` to `endRow` times panels `firstPanel` to `endPanel`, all
/// steps that are packed.
void ProductLowering::emitTask(Value firstRow, Value endRow, Value firstPanel,
                               Value endPanel) {
  if (packingOfA != PackingOfA::None)
    aBlock = memref::AllocOp::create(
        b, loc,
        MemRefType::get({blockOfM * getRowStride(lanes)}, type));
  createLoop(b, loc, firstRow, endRow, index.constant(blockOfM), [&](Value
                                                                         row) {
    blockRow = row;
    blockRowEnd = index.min(plus(row, blockOfM), endRow);
    aRowTable = packingOfA == PackingOfA::Rows ||
                        packingOfA == PackingOfA::Elements
                    ? createOffsetTable(*aRows, blockRow, blockRowEnd)
                    : Value();
    createLoop(b, loc, firstStep, endStep, index.constant(blockOfK),
               [&](Value start) {
                 blockStart = start;
                 blockEnd = index.min(plus(start, blockOfK), endStep);
                 aStepTable =
                     packingOfA == PackingOfA::Columns ||
                             packingOfA == PackingOfA::Elements
                         ? createOffsetTable(*aSteps, blockStart, blockEnd)
                         : Value();
                 if (packingOfA != PackingOfA::None)
                   packA();
                 createLoop(b, loc, firstPanel,
                            index.min(endPanel, fullPanels), one,
                            [&](Value panel) { emitRowBlocks(panel, false); });
                 if (!tailMasks.empty()) {
                   auto hasTail = scf::IfOp::create(
                       b, loc, index.less(fullPanels, endPanel), false);
                   OpBuilder::InsertionGuard guard(b);
                   b.setInsertionPointToStart(hasTail.thenBlock());
                   emitRowBlocks(fullPanels, true);
                 }
                 if (aStepTable)
                   memref::DeallocOp::create(b, loc, aStepTable);
               });
    if (aRowTable)
      memref::DeallocOp::create(b, loc, aRowTable);
  });
  if (packingOfA != PackingOfA::None)
    memref::DeallocOp::create(b, loc, aBlock);
}

/// Threads that may work on this product.
static Value getThreads(OpBuilder &b, Location loc, Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  StringRef name = "omp_get_max_threads";
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    auto function = func::FuncOp::create(
        top, loc, name, top.getFunctionType({}, top.getI32Type()));
    function.setPrivate();
  }
  Value threads = func::CallOp::create(b, loc, name, b.getI32Type(),
                                       ValueRange{})
                      .getResult(0);
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), threads);
}

void ProductLowering::emitMatrixProduct(Value a, Value bb, Value c,
                                        bool nested) {
  aBase = a;
  bBase = bb;
  cBase = c;
  const StridedOperand &bOperand = operandOf(space, product.b.operand);

  // The steps that are packed at a time: whole blocks.
  Value columns = times(panels, columnsOfTile);
  Value step = index.constant(blockOfK);
  Value steps = index.mul(
      index.max(index.div(index.div(index.constant(packedElements),
                                    index.max(columns, one)),
                          step),
                one),
      step);
  createLoop(b, loc, zero, sizeK, steps, [&](Value start) {
    firstStep = start;
    endStep = index.min(index.add(start, steps), sizeK);
    Value count = index.sub(endStep, firstStep);
    bTable = packingOfB == PackingOfB::Transposed
                 ? Value()
                 : createOffsetTable(*bSteps, firstStep, endStep);

    // Rows of a panel; transposing writes whole squares.
    panelRows = packingOfB == PackingOfB::Transposed
                    ? plus(count, lanes)
                    : count;
    Value size = index.mul(columns, panelRows);
    bUnpacked = {};
    if (mayReadB) {
      bUnpacked =
          index.less(sizeM, index.constant(rowsThatPayPacking));
      size = b.createOrFold<arith::SelectOp>(loc, bUnpacked, one, size);
    }
    std::optional<int64_t> direct =
        bUnpacked ? IndexMath::getConstant(bUnpacked) : 0;
    bool always = direct && *direct != 0, never = direct && *direct == 0;
    auto anyBuffer = MemRefType::get(
        {ShapedType::kDynamic}, type,
        StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
    bPacked = {};
    if (!always)
      bPacked = memref::AllocOp::create(
          b, loc, MemRefType::get({ShapedType::kDynamic}, type), size);
    if (always) {
      bSource = bOperand.flat;
      bRowStride = bSteps->stride;
    } else if (never) {
      packB(panelRows);
      bSource = bPacked;
      bRowStride = index.constant(columnsOfTile);
      bUnpacked = {};
    } else {
      auto choice = scf::IfOp::create(b, loc, bUnpacked, true);
      {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(choice.elseBlock());
        packB(panelRows);
      }
      auto general = [&](Value memref) -> Value {
        if (memref.getType() == anyBuffer)
          return memref;
        return memref::CastOp::create(b, loc, anyBuffer, memref);
      };
      bSource = arith::SelectOp::create(b, loc, bUnpacked,
                                        general(bOperand.flat),
                                        general(bPacked));
      bRowStride = arith::SelectOp::create(b, loc, bUnpacked, bSteps->stride,
                                           index.constant(columnsOfTile));
    }

    // A share of the rows for each thread; of the columns too, where there are
    // too few rows.
    Value outers = one;
    for (int64_t loop : outerM)
      outers = index.mul(outers, space.sizes[loop]);
    Value tile = index.constant(rowsOfTile);
    Value rowTiles = index.max(
        index.div(plus(sizeM, rowsOfTile - 1), tile), one);
    Value rowShare = sizeM, panelShare = panels;
    if (threads && !nested) {
      Value work = index.mul(index.mul(index.mul(sizeM, outers), columns),
                             count);
      Value workers = index.min(
          getThreads(b, loc, product.op),
          index.max(index.div(work, index.constant(workPerThread)), one));
      Value rowWorkers = index.min(
          rowTiles, index.max(index.div(workers, index.max(outers, one)), one));
      rowShare = index.mul(
          index.div(index.add(rowTiles, index.sub(rowWorkers, one)),
                    rowWorkers),
          tile);
      Value others = index.max(
          index.div(workers, index.mul(rowWorkers, index.max(outers, one))),
          one);
      panelShare = index.div(index.add(panels, index.sub(others, one)), others);
    }
    rowShare = index.max(rowShare, one);
    panelShare = index.max(panelShare, one);

    auto task = [&](Value outer, Value row, Value panel) {
      Value aOnly = aBase, cOnly = cBase;
      if (outer) {
        aBase = index.add(aBase, aOuter->getOffset(index, outer));
        cBase = index.add(cBase, cOuter->getOffset(index, outer));
      }
      emitTask(row, index.min(index.add(row, rowShare), sizeM), panel,
               index.min(index.add(panel, panelShare), panels));
      aBase = aOnly;
      cBase = cOnly;
    };
    if (outerM.empty())
      createParallelLoops(b, loc, {zero, zero}, {sizeM, panels},
                          {rowShare, panelShare}, [&](ValueRange i) {
                            task({}, i[0], i[1]);
                          });
    else
      createParallelLoops(b, loc, {zero, zero, zero}, {outers, sizeM, panels},
                          {one, rowShare, panelShare}, [&](ValueRange i) {
                            task(i[0], i[1], i[2]);
                          });
    if (bPacked)
      memref::DeallocOp::create(b, loc, bPacked);
    if (bTable)
      memref::DeallocOp::create(b, loc, bTable);
  });
}

void ProductLowering::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(product.op);
  space = *StridedLoops::get(b, product.op);
  const StridedOperand &a = operandOf(space, product.a.operand);
  const StridedOperand &bb = operandOf(space, product.b.operand);
  const StridedOperand &c = space.operands.back();
  type = c.element;
  zero = index.constant(0);
  one = index.constant(1);
  sizeN = space.sizes[product.n];

  // The register block: all but a few of the 16 or 32 vector registers.
  lanes = vectorBits / type.getIntOrFloatBitWidth();
  auto knownColumns = known(sizeN);
  vectorsOfTile = knownColumns && *knownColumns <= lanes ? 1 : 2;
  rowsOfTile = vectorBits >= 512 || vectorsOfTile == 1 ? 12 : 6;
  columnsOfTile = vectorsOfTile * lanes;

  aSteps.emplace(index, space, a, product.k);
  bSteps.emplace(index, space, bb, product.k);
  aRows.emplace(index, space, a, product.m);
  bool sameType = a.element == type && product.a.conversion.empty();
  if (sameType && aRows->isLinear() && aSteps->isLinear() &&
      aRows->symbolicStride.isConstant() &&
      aSteps->symbolicStride.isConstant() && knownColumns &&
      *knownColumns <= columnsOfTile)
    packingOfA = PackingOfA::None;
  else if (aSteps->hasStride(1))
    packingOfA = PackingOfA::Rows;
  else if (aRows->hasStride(1))
    packingOfA = PackingOfA::Columns;
  else
    packingOfA = PackingOfA::Elements;
  SmallVector<int64_t> rows = product.m;
  if (packingOfA == PackingOfA::Columns && !aRows->isLinear()) {
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

  packingOfB = bb.symbolic[product.n].isConstant(1) ? PackingOfB::Rows
               : bSteps->hasStride(1)               ? PackingOfB::Transposed
                                                    : PackingOfB::Elements;
  mayReadB = packingOfB == PackingOfB::Rows && bb.element == type &&
             product.b.conversion.empty() && bSteps->isLinear();

  Value width = index.constant(columnsOfTile);
  fullPanels = index.div(sizeN, width);
  panels = index.div(plus(sizeN, columnsOfTile - 1), width);
  Value rest = index.sub(sizeN, times(fullPanels, columnsOfTile));
  auto maskType = VectorType::get({lanes}, b.getI1Type());
  if (auto knownRest = known(rest)) {
    for (int64_t v = 0; v * lanes < *knownRest; ++v)
      tailMasks.push_back((v + 1) * lanes <= *knownRest
                              ? Value()
                              : Value(vector::ConstantMaskOp::create(
                                    b, loc, maskType, *knownRest - v * lanes)));
  } else {
    for (int64_t v = 0; v < vectorsOfTile; ++v) {
      Value start = index.constant(v * lanes);
      tailMasks.push_back(vector::CreateMaskOp::create(
          b, loc, maskType,
          ValueRange{index.sub(index.max(rest, start), start)}));
    }
  }

  if (product.batch.empty()) {
    emitMatrixProduct(a.base, bb.base, c.base, false);
  } else {
    SmallVector<Value> lowers, uppers, steps;
    for (int64_t loop : product.batch) {
      lowers.push_back(zero);
      uppers.push_back(space.sizes[loop]);
      steps.push_back(one);
    }
    createParallelLoops(
        b, loc, lowers, uppers, steps, [&](ValueRange indices) {
          auto baseOf = [&](const StridedOperand &operand) {
            Value base = operand.base;
            for (auto [loop, i] : llvm::zip(product.batch, indices))
              base = index.add(base, index.mul(i, operand.strides[loop]));
            return base;
          };
          emitMatrixProduct(baseOf(a), baseOf(bb), baseOf(c), true);
        });
  }
  b.eraseOp(product.op);
}

bool rheobase::convertProductToVector(RewriterBase &rewriter,
                                      linalg::GenericOp op, int64_t vectorBits,
                                      bool threads) {
  std::optional<Product> product = matchProduct(op);
  if (!product)
    return false;
  ProductLowering(rewriter, std::move(*product), vectorBits, threads).run();
  return true;
}

namespace {
struct ConvertProductsToVectorPass
    : rheobase::impl::ConvertProductsToVectorPassBase<
          ConvertProductsToVectorPass> {
  using ConvertProductsToVectorPassBase::ConvertProductsToVectorPassBase;

  void runOnOperation() override {
    if (vectorBits != 256 && vectorBits != 512) {
      emitError(getOperation().getLoc(),
                "vector-bits must be 256 or 512, got ")
          << vectorBits.getValue();
      return signalPassFailure();
    }
    SmallVector<linalg::GenericOp> generics;
    getOperation().walk(
        [&](linalg::GenericOp generic) { generics.push_back(generic); });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp generic : generics)
      convertProductToVector(rewriter, generic, vectorBits, threads);
  }
};
} // namespace
