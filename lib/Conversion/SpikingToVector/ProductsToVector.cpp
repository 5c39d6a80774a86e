//===- ProductsToVector.cpp - Product chains in register blocks -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../Support/ThreadQueries.h"
#include "BufferUses.h"
#include "ProductLowering.h"
#include "SelectiveProduct.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Conversion/SpikingToVector.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTPRODUCTSTOVECTORPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

/// Rows and steps of a packed block of A: it stays in the second-level cache,
/// and the steps of a register block's columns in the first-level one. Where
/// few columns share the work of copying along the rows, longer runs of rows
/// are read as a stream.
static constexpr int64_t rowsOfPacked = 264, stepsOfPacked = 256;
static constexpr int64_t rowsOfStreamed = 960, stepsOfStreamed = 192;
/// Steps of a block that is not packed, if they are all there are.
static constexpr int64_t stepsOfUnpacked = 384;
/// Rows that lie side by side are read where they are if steps are at most so
/// many bytes apart; a block's steps of A and B then take at most that of the
/// first-level cache.
static constexpr int64_t bytesBetweenSteps = 256, bytesOfSteps = 36 << 10;
static constexpr int64_t fewestSteps = 32;
/// Elements of B that are packed at a time.
static constexpr int64_t packedElements = 1 << 20;
/// With fewer rows, B is read once or a few times: packing does not pay. Where
/// B has few panels, so that reading one of them uses a good part of the sets
/// of the caches, it takes more rows.
static constexpr int64_t rowsThatPayPacking = 64;
static constexpr int64_t rowsThatPayPackingFew = 1024;
static constexpr int64_t panelsThatAreFew = 4;
/// Elements of B that are packed in front of loops, at most.
static constexpr int64_t hoistedElements = 1 << 24;
/// How often a packed element of A is used, in panels of B: with fewer ones it
/// is read where it is, or its row is copied without being transposed, which
/// makes the kernel slower by a twentieth.
static constexpr int64_t panelsThatPayCopying = 8;
static constexpr int64_t panelsThatPayTransposing = 8;
/// Rows of a register block whose chains hide each other's latencies, and steps
/// that pay a loop.
static constexpr int64_t fewestRows = 4, shortestRun = 8;
/// Register blocks of rows of each thread from which on their rest does not
/// matter.
static constexpr int64_t tilesThatDivide = 4;
/// Multiply-adds that a thread should have at least.
static constexpr int64_t workPerThread = 1 << 16;

/// Vector `v` of a register block's columns; what lies beyond the last column
/// is 0.
Value ProductLowering::loadColumns(Value memref, Value offset, int64_t v,
                                   bool tail) {
  VectorType vectorType = vectorOf(lanes);
  Value at = plus(offset, v * lanes);
  if (!tail || !tailMasks[v])
    return vector::LoadOp::create(b, loc, vectorType, memref, at);
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(vectorType));
  return vector::MaskedLoadOp::create(b, loc, vectorType, memref, at,
                                      tailMasks[v], none);
}

SmallVector<Value> ProductLowering::createStart(ArrayRef<Value> cOffsets,
                                                Value column, int64_t vectors,
                                                bool tail) {
  auto continued = [&] {
    SmallVector<Value> chains;
    for (Value offset : cOffsets)
      for (int64_t v = 0; v < vectors; ++v)
        chains.push_back(
            loadColumns(operandOf(cOperand).flat, offset, v, tail));
    return chains;
  };
  if (product.start.kind == ProductStart::Kind::Output)
    return continued();

  auto started = [&] {
    SmallVector<Value> columns;
    for (int64_t v = 0; v < vectors; ++v) {
      if (product.start.kind == ProductStart::Kind::Value) {
        columns.push_back(vector::BroadcastOp::create(b, loc, vectorOf(lanes),
                                                      product.start.value));
        continue;
      }
      const StridedOperand &start = operandOf(product.start.operand);
      columns.push_back(
          loadColumns(start.flat, index.add(start.base, column), v, tail));
    }
    SmallVector<Value> chains;
    for (size_t r = 0; r < cOffsets.size(); ++r)
      llvm::append_range(chains, columns);
    return chains;
  };
  if (auto first = known(blockStart))
    return *first == 0 ? started() : continued();
  auto isFirst = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq,
                                               blockStart, zero);
  SmallVector<Type> types(cOffsets.size() * vectors, vectorOf(lanes));
  auto choice = scf::IfOp::create(b, loc, types, isFirst, true, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(b, loc, started());
  b.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(b, loc, continued());
  return llvm::to_vector(ValueRange(choice.getResults()));
}

/// The register block: `rows` rows from `firstRow` (of the block of A) on and
/// the columns of `panel` (`tail`: of the last, incomplete one). `clamped`: rows
/// beyond the last one repeat it.
void ProductLowering::emitKernel(int64_t rows, Value firstRow, Value panel,
                                 bool tail, bool clamped) {
  const StridedOperand &a = operandOf(product.a.operand);
  const StridedOperand &c = operandOf(cOperand);
  int64_t vectors = tail ? tailMasks.size() : vectorsOfTile;
  VectorType vectorType = vectorOf(lanes);

  // The block of C.
  SmallVector<Value> cOffsets;
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
  SmallVector<Value> acc = createStart(cOffsets, column, vectors, tail);

  // The chains start from C: have the next block's at hand.
  if (!clamped && cRows->isLinear()) {
    Value next = times(cRows->stride, rows);
    for (Value offset : cOffsets)
      for (int64_t v = 0; v < vectors; v += vectorsOfLine())
        memref::PrefetchOp::create(b, loc, c.flat,
                                   plus(index.add(offset, next), v * lanes),
                                   /*isWrite=*/true, /*localityHint=*/3,
                                   /*isDataCache=*/true);
  }

  Value aSource = packingOfA == PackingOfA::None ? a.flat : aBlock;
  Value aCorner, aRow, aStep;
  switch (packingOfA) {
  case PackingOfA::None:
  case PackingOfA::Image:
    aRow = aRows->stride;
    aStep = aSteps->stride;
    aCorner = index.add(aBase, aRows->getOffset(index, row));
    if (packingOfA == PackingOfA::Image)
      aCorner = index.sub(aCorner, imageStart);
    break;
  case PackingOfA::Transposed:
  case PackingOfA::Columns:
    aCorner = times(firstRow, rowDistance());
    aRow = one;
    aStep = index.constant(rowsOfTile);
    break;
  case PackingOfA::Rows:
  case PackingOfA::Elements:
    aRow = index.constant(rowDistance());
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

  // Steps `from` to `to`, counted from `first`, whose elements of A begin at
  // `aFirst`.
  auto walk = [&](Value from, Value to, Value first, Value aFirst,
                  ValueRange chains) {
    auto loop = scf::ForOp::create(b, loc, from, to, one, chains);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value k = loop.getInductionVar();
    Value bOffset =
        index.add(bCorner, index.mul(index.sub(k, first), bRowStride));
    SmallVector<Value> columns, next;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(loadColumns(bSource, bOffset, v, tail));
    Value aOffset = index.add(aFirst, index.mul(k, aStep));
    if (readInPlace) {
      // The next block's steps, which no run of addresses announces.
      Value ahead = index.constant(stepsOfBlock);
      auto prefetch = [&](Value memref, Value offset, Value stride) {
        memref::PrefetchOp::create(
            b, loc, memref, index.add(offset, index.mul(ahead, stride)),
            /*isWrite=*/false, /*localityHint=*/2, /*isDataCache=*/true);
      };
      for (int64_t v = 0; v < vectors; v += vectorsOfLine())
        prefetch(bSource, plus(bOffset, v * lanes), bRowStride);
      if (packingOfA == PackingOfA::None)
        prefetch(aSource, aOffset, aStep);
    }
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
    return loop.getResults();
  };
  SmallVector<Value> chains;
  bool inPlace =
      packingOfA == PackingOfA::None || packingOfA == PackingOfA::Image;
  if (!inPlace) {
    chains = walk(zero, index.sub(blockEnd, blockStart), zero, aCorner, acc);
  } else if (aSteps->isLinear()) {
    chains = walk(blockStart, blockEnd, blockStart, aCorner, acc);
  } else {
    // Run by run.
    Value size = aSteps->runSize;
    auto runs = scf::ForOp::create(
        b, loc, index.div(blockStart, size),
        index.div(index.add(blockEnd, index.sub(size, one)), size), one, acc);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(runs.getBody());
    Value run = runs.getInductionVar();
    Value start = index.mul(run, size);
    Value aFirst =
        index.sub(index.add(aCorner, aSteps->getRunOffset(index, run)),
                  index.mul(start, aStep));
    scf::YieldOp::create(b, loc,
                         walk(index.max(start, blockStart),
                              index.min(index.add(start, size), blockEnd),
                              blockStart, aFirst, runs.getRegionIterArgs()));
    chains = llvm::to_vector(ValueRange(runs.getResults()));
  }
  for (auto [r, offset] : llvm::enumerate(cOffsets))
    for (int64_t v = 0; v < vectors; ++v) {
      Value value = chains[r * vectors + v];
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
  if (wholeTiles || (knownRows && *knownRows % rowsOfTile == 0))
    return;
  auto hasRest = scf::IfOp::create(b, loc, index.less(full, count), false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(hasRest.thenBlock());
  if (knownRows)
    return emitKernel(*knownRows % rowsOfTile, full, panel, tail, false);

  if (packingOfA == PackingOfA::None || packingOfA == PackingOfA::Image) {
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
  if (!aRowsJoined)
    return emitRows(firstRow, endRow, firstPanel, endPanel);
  auto choice = scf::IfOp::create(b, loc, areRowsJoined, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(choice.elseBlock());
  emitRows(firstRow, endRow, firstPanel, endPanel);
  b.setInsertionPointToStart(choice.thenBlock());
  PackingOfA packing = std::exchange(packingOfA, PackingOfA::None);
  int64_t steps = std::exchange(stepsOfBlock, getStepsOfUnpacked());
  std::swap(aRows, aRowsJoined);
  emitRows(firstRow, endRow, firstPanel, endPanel);
  std::swap(aRows, aRowsJoined);
  stepsOfBlock = steps;
  packingOfA = packing;
}

/// The same, with the rows of A in one way.
void ProductLowering::emitRows(Value firstRow, Value endRow, Value firstPanel,
                               Value endPanel) {
  if (packingOfA != PackingOfA::None && packingOfA != PackingOfA::Image)
    aBlock = memref::AllocOp::create(
        b, loc, MemRefType::get({rowsOfBlock * rowDistance()}, type));
  createLoop(
      b, loc, firstRow, endRow, index.constant(rowsOfBlock), [&](Value row) {
        blockRow = row;
        blockRowEnd = index.min(plus(row, rowsOfBlock), endRow);
        aRowTable = packingOfA == PackingOfA::Rows ||
                            packingOfA == PackingOfA::Transposed ||
                            packingOfA == PackingOfA::Columns ||
                            packingOfA == PackingOfA::Elements
                        ? createOffsetTable(*aRows, blockRow, blockRowEnd)
                        : Value();
        createLoop(b, loc, firstStep, endStep, index.constant(stepsOfBlock),
                   [&](Value start) {
                     blockStart = start;
                     blockEnd = index.min(plus(start, stepsOfBlock), endStep);
                     aStepTable =
                         packingOfA == PackingOfA::Columns ||
                                 packingOfA == PackingOfA::Elements
                             ? createOffsetTable(*aSteps, blockStart, blockEnd)
                             : Value();
                     if (packingOfA != PackingOfA::None)
                       packA();
                     createLoop(
                         b, loc, firstPanel, index.min(endPanel, fullPanels),
                         one,
                         [&](Value panel) { emitRowBlocks(panel, false); });
                     if (!tailMasks.empty())
                       createIf(b, loc, index.less(fullPanels, endPanel),
                                [&] { emitRowBlocks(fullPanels, true); });
                     if (aStepTable)
                       memref::DeallocOp::create(b, loc, aStepTable);
                     if (packingOfA == PackingOfA::Image)
                       memref::DeallocOp::create(b, loc, aBlock);
                   });
        if (aRowTable)
          memref::DeallocOp::create(b, loc, aRowTable);
      });
  if (packingOfA != PackingOfA::None && packingOfA != PackingOfA::Image)
    memref::DeallocOp::create(b, loc, aBlock);
}

/// Threads that may work on the product `op`.
static Value createThreads(OpBuilder &b, Location loc, Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  Value threads = createMaxThreads(b, loc, module);
  Operation *parent = b.getInsertionBlock()->getParentOp();
  if (!isa<scf::ParallelOp>(parent) &&
      !parent->getParentOfType<scf::ParallelOp>())
    return threads;
  // Those of the loop around are at work, or are not.
  return arith::SelectOp::create(b, loc, createIsSerial(b, loc, module),
                                 threads,
                                 arith::ConstantIndexOp::create(b, loc, 1));
}

void ProductEmitter::createTasks(
    bool nested, int64_t rowsOfTile, Value work, int64_t workPerThread,
    function_ref<void(Value, Value, Value, Value)> emitTask) {
  Value zero = index.constant(0), one = index.constant(1);
  Value outers = one;
  for (int64_t loop : outerM)
    outers = index.mul(outers, space.sizes[loop]);
  // A share of the rows for each thread; of the columns too, where there are
  // too few rows.
  Value rowShare = sizeM, panelShare = panels;
  if (threads && !nested && !isInParallelLoop(b)) {
    Value tile = index.constant(rowsOfTile);
    Value tiles = index.max(
        index.div(index.add(sizeM, index.constant(rowsOfTile - 1)), tile), one);
    Value workers =
        index.min(createThreads(b, loc, product.op),
                  index.max(index.div(index.mul(work, outers),
                                      index.constant(workPerThread)),
                            one));
    Value each = index.max(outers, one);
    workers = index.max(index.div(workers, each), one);
    // Few rows that do not divide among the threads while columns do.
    auto shareOf = [&](Value count) {
      return index.div(index.add(count, index.sub(workers, one)), workers);
    };
    Value byPanels = b.createOrFold<arith::AndIOp>(
        loc,
        index.less(index.div(tiles, index.constant(tilesThatDivide)), workers),
        index.less(index.mul(shareOf(panels), tiles),
                   index.mul(shareOf(tiles), panels)));
    Value rowWorkers = b.createOrFold<arith::SelectOp>(
        loc, byPanels, one, index.min(tiles, workers));
    rowShare = index.mul(
        index.div(index.add(tiles, index.sub(rowWorkers, one)), rowWorkers),
        tile);
    Value others = index.max(index.div(workers, rowWorkers), one);
    panelShare = index.div(index.add(panels, index.sub(others, one)), others);
  }
  rowShare = index.max(rowShare, one);
  panelShare = index.max(panelShare, one);

  auto task = [&](Value row, Value panel) {
    emitTask(row, index.min(index.add(row, rowShare), sizeM), panel,
             index.min(index.add(panel, panelShare), panels));
  };
  if (outerM.empty())
    return createParallelLoops(b, loc, {zero, zero}, {sizeM, panels},
                               {rowShare, panelShare},
                               [&](ValueRange i) { task(i[0], i[1]); });
  createParallelLoops(b, loc, {zero, zero, zero}, {outers, sizeM, panels},
                      {one, rowShare, panelShare}, [&](ValueRange i) {
                        Value aOnly = aBase, cOnly = cBase;
                        aBase =
                            index.add(aBase, aOuter->getOffset(index, i[0]));
                        cBase =
                            index.add(cBase, cOuter->getOffset(index, i[0]));
                        task(i[1], i[2]);
                        aBase = aOnly;
                        cBase = cOnly;
                      });
}

int64_t ProductLowering::getRowsThatPayPacking() {
  const SymbolicSize &distance = bSteps->symbolicStride;
  return distance.isConstant() &&
                 distance.factor <= panelsThatAreFew * columnsOfTile
             ? rowsThatPayPackingFew
             : rowsThatPayPacking;
}

void ProductLowering::emitMatrixProduct(Value a, Value bb, Value c,
                                        bool nested) {
  aBase = a;
  bBase = bb;
  cBase = c;
  const StridedOperand &bOperand = operandOf(product.b.operand);

  // The steps that are packed at a time: whole blocks.
  Value columns = times(panels, columnsOfTile);
  Value step = index.constant(stepsOfBlock);
  Value steps =
      bHoisted
          ? index.max(sizeK, one)
          : index.mul(
                index.max(index.div(index.div(index.constant(packedElements),
                                              index.max(columns, one)),
                                    step),
                          one),
                step);
  createLoop(b, loc, zero, sizeK, steps, [&](Value start) {
    firstStep = start;
    endStep = index.min(index.add(start, steps), sizeK);
    Value count = index.sub(endStep, firstStep);
    panelRows = getPanelRows(count);
    // Whether B is read where it is; null if it never is.
    bUnpacked = {};
    if (bHoisted)
      bUnpacked = bUnhoisted;
    else if (mayReadB)
      bUnpacked = index.less(sizeM, index.constant(getRowsThatPayPacking()));
    if (bUnpacked && known(bUnpacked) == 0)
      bUnpacked = {};
    bool always = bUnpacked && known(bUnpacked);
    bPacked = bHoisted;
    if (!bHoisted && !always) {
      Value size = index.mul(columns, panelRows);
      if (bUnpacked)
        size = b.createOrFold<arith::SelectOp>(loc, bUnpacked, one, size);
      bPacked = memref::AllocOp::create(
          b, loc, MemRefType::get({ShapedType::kDynamic}, type), size);
      if (bUnpacked) {
        auto choice = scf::IfOp::create(b, loc, bUnpacked, true);
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(choice.elseBlock());
        packSteps();
      } else {
        packSteps();
      }
    }
    if (always) {
      bSource = bOperand.flat;
      bRowStride = bSteps->stride;
    } else if (!bUnpacked) {
      bSource = bPacked;
      bRowStride = index.constant(columnsOfTile);
    } else {
      auto anyBuffer = MemRefType::get(
          {ShapedType::kDynamic}, type,
          StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
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

    createTasks(nested, rowsOfTile, index.mul(index.mul(sizeM, columns), count),
                workPerThread,
                [&](Value row, Value endRow, Value panel, Value endPanel) {
                  emitTask(row, endRow, panel, endPanel);
                });
    if (bPacked && !bHoisted)
      memref::DeallocOp::create(b, loc, bPacked);
  });
}

void ProductLowering::report() {
  auto function = product.op->getParentOfType<func::FuncOp>();
  StringRef rows = packingOfA == PackingOfA::None   ? "read where they are"
                   : packingOfA == PackingOfA::Rows ? "copied along k"
                   : packingOfA == PackingOfA::Transposed ? "transposed"
                   : packingOfA == PackingOfA::Columns ? "copied along the rows"
                   : packingOfA == PackingOfA::Image
                       ? "read from a copy of the image"
                       : "gathered element by element";
  StringRef columns =
      mayReadB                               ? "read where they are or copied"
      : packingOfB == PackingOfB::Rows       ? "copied along the columns"
      : packingOfB == PackingOfB::Transposed ? "transposed"
                                             : "gathered element by element";
  remark::passed(loc,
                 remark::RemarkOpts::name(remarks::kProduct)
                     .category("convert-products-to-vector")
                     .function(function ? function.getName() : StringRef()))
      << ("a product in register blocks of " + std::to_string(rowsOfTile) +
          " x " + std::to_string(columnsOfTile) + ": rows " + rows.str() +
          ", columns " + columns.str())
      << remark::metric("rows", rowsOfTile)
      << remark::metric("columns", columnsOfTile);
}

/// Rows of a panel of `steps` steps; transposing writes whole squares.
Value ProductLowering::getPanelRows(Value steps) {
  return packingOfB == PackingOfB::Transposed ? plus(steps, lanes) : steps;
}

/// Rows of a part of a tensor lie side by side if it is the whole one, which
/// types do not say: there they are read where they are.
void ProductLowering::joinRows() {
  StridedOperand joined = operandOf(product.a.operand);
  SymbolicSize symbolicNext{0, {}};
  Value next;
  areRowsJoined = {};
  for (int64_t loop : llvm::reverse(product.m)) {
    if (space.symbolic[loop].isConstant(1))
      continue;
    if (next && !(joined.symbolic[loop] == symbolicNext)) {
      if (joined.symbolic[loop].isConstant() && symbolicNext.isConstant())
        return;
      Value same = b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::eq,
                                                 joined.strides[loop], next);
      areRowsJoined =
          areRowsJoined
              ? b.createOrFold<arith::AndIOp>(loc, areRowsJoined, same)
              : same;
      joined.symbolic[loop] = symbolicNext;
      joined.strides[loop] = next;
    }
    next = index.mul(joined.strides[loop], space.sizes[loop]);
    symbolicNext = joined.symbolic[loop] * space.symbolic[loop];
  }
  LoopGroup rows(index, space, joined, product.m);
  if (areRowsJoined && rows.isLinear() && rows.symbolicStride.isConstant())
    aRowsJoined.emplace(std::move(rows));
}

int64_t ProductLowering::getStepsOfUnpacked() {
  auto steps = known(sizeK);
  return steps && *steps <= stepsOfUnpacked ? stepsOfUnpacked : stepsOfPacked;
}

/// Packs the steps of B that are to be read next.
void ProductLowering::packSteps() {
  bTable = packingOfB == PackingOfB::Transposed
               ? Value()
               : createOffsetTable(*bSteps, firstStep, endStep);
  packB(panelRows);
  if (bTable)
    memref::DeallocOp::create(b, loc, bTable);
}

/// The sizes of B in panels.
void ProductLowering::measureB() {
  sizeN = space.sizes[product.n];
  sizeK = getSize(product.k);
  Value width = index.constant(columnsOfTile);
  fullPanels = index.div(sizeN, width);
  panels = index.div(plus(sizeN, columnsOfTile - 1), width);
  tailMasks.clear();
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
}

Operation *rheobase::getInvariantLoop(Operation *op, Value operand) {
  Value buffer = getBuffer(operand);
  Operation *outermost = nullptr;
  for (Operation *loop = op->getParentOp();
       buffer &&
       isa_and_present<scf::ForOp, scf::ParallelOp, scf::ForallOp, scf::IfOp>(
           loop);
       loop = loop->getParentOp()) {
    if (isa<scf::IfOp>(loop))
      continue;
    if (operand.getParentRegion() == &loop->getRegion(0) ||
        loop->getRegion(0).isAncestor(operand.getParentRegion()) ||
        getBufferUse(loop, buffer) == BufferUse::Write)
      break;
    outermost = loop;
  }
  return outermost;
}

void ProductLowering::hoistB() {
  Operation *loop =
      getInvariantLoop(product.op, product.op->getOperand(product.b.operand));
  // Only if its sizes are those of a weight.
  if (!loop || !product.batch.empty() || !known(sizeN) || !known(sizeK) ||
      *known(sizeN) * *known(sizeK) > hoistedElements)
    return;
  StridedLoops space = std::move(this->space);
  std::optional<LoopGroup> bSteps = std::move(this->bSteps);
  b.setInsertionPoint(loop);
  zero = index.constant(0);
  one = index.constant(1);

  // The rows that it is used for, as far as sizes and loops tell.
  DominanceInfo dominance;
  Value rows = one;
  auto isOutside = [&](Value value) {
    return dominance.properlyDominates(value, loop);
  };
  for (int64_t m : product.m)
    if (auto constant = known(space.sizes[m]))
      rows = times(rows, *constant);
    else if (isOutside(space.sizes[m]))
      rows = index.mul(rows, space.sizes[m]);
  Operation *around = product.op;
  do {
    around = around->getParentOp();
    if (isa<scf::IfOp>(around))
      continue;
    auto loopLike = cast<LoopLikeOpInterface>(around);
    auto lowers = loopLike.getLoopLowerBounds();
    auto uppers = loopLike.getLoopUpperBounds();
    if (!lowers || !uppers)
      continue;
    for (auto [lower, upper] : llvm::zip(*lowers, *uppers)) {
      Value from = getValueOrCreateConstantIndexOp(b, loc, lower);
      Value to = getValueOrCreateConstantIndexOp(b, loc, upper);
      if (isOutside(from) && isOutside(to))
        rows = index.mul(rows, index.sub(to, from));
    }
  } while (around != loop);

  // Pack it under the same names as inside.
  this->space = *StridedLoops::get(b, product.op, product.b.operand);
  const StridedOperand &operand = operandOf(product.b.operand);
  this->bSteps.emplace(index, this->space, operand, product.k);
  measureB();
  bBase = operand.base;
  firstStep = zero;
  endStep = sizeK;
  panelRows = getPanelRows(sizeK);
  Value size = index.mul(times(panels, columnsOfTile), panelRows);
  Value few = index.less(rows, index.constant(rowsThatPayPacking));
  bUnhoisted = mayReadB && known(few) != 0 ? few : Value();
  if (bUnhoisted)
    size = b.createOrFold<arith::SelectOp>(loc, few, one, size);
  bHoisted = bPacked = memref::AllocOp::create(
      b, loc, MemRefType::get({ShapedType::kDynamic}, type), size);
  if (bUnhoisted) {
    auto choice = scf::IfOp::create(b, loc, few, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.elseBlock());
    packSteps();
  } else {
    packSteps();
  }
  b.setInsertionPointAfter(loop);
  memref::DeallocOp::create(b, loc, bHoisted);

  b.setInsertionPoint(product.op);
  zero = index.constant(0);
  one = index.constant(1);
  this->space = std::move(space);
  this->bSteps = std::move(bSteps);
  measureB();
}

bool ProductLowering::isInMemoryOrder() {
  Value a = product.op->getOperand(product.a.operand);
  if (!cast<MemRefType>(a.getType()).getLayout().isIdentity())
    return false;
  AffineMap map = product.op.getMatchingIndexingMap(
      &product.op->getOpOperand(product.a.operand));
  for (ArrayRef<int64_t> loops :
       {ArrayRef<int64_t>(product.m), ArrayRef<int64_t>(product.k)}) {
    int64_t next = 0;
    for (int64_t loop : loops) {
      SmallVector<int64_t> dims;
      for (auto [dim, expression] : llvm::enumerate(map.getResults()))
        if (expression.isFunctionOfDim(loop))
          dims.push_back(dim);
      const SymbolicSize &stride = operandOf(product.a.operand).symbolic[loop];
      if (dims.size() != 1 || dims[0] < next || stride.factor < 1)
        return false;
      next = dims[0] + 1;
    }
  }
  return true;
}

/// Whether a block's part of memory is much smaller than its rows and steps, so
/// that it pays to copy that.
bool ProductLowering::isImageSmall() {
  auto rows = known(sizeM);
  if (!rows || !isInMemoryOrder())
    return false;
  auto extent = known(aRows->getOffset(index, index.constant(*rows - 1)));
  return extent &&
         2 * (*extent + stepsOfStreamed * aSteps->symbolicStride.factor) <=
             *rows * stepsOfStreamed;
}

void ProductLowering::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(product.op);
  space = *StridedLoops::get(b, product.op);
  cOperand = space.operands.size() - 1;
  const StridedOperand &a = operandOf(product.a.operand);
  const StridedOperand &bb = operandOf(product.b.operand);
  const StridedOperand &c = operandOf(cOperand);
  type = c.element;
  zero = index.constant(0);
  one = index.constant(1);
  sizeN = space.sizes[product.n];
  sizeK = getSize(product.k);

  // The register block: all but a few of the 16 or 32 vector registers.
  lanes = vectorBits / type.getIntOrFloatBitWidth();
  auto knownColumns = known(sizeN);
  vectorsOfTile = knownColumns && *knownColumns <= lanes ? 1 : 2;
  rowsOfTile = vectorBits >= 512 || vectorsOfTile == 1 ? 12 : 6;
  columnsOfTile = vectorsOfTile * lanes;

  aSteps.emplace(index, space, a, product.k);
  bSteps.emplace(index, space, bb, product.k);
  aRows.emplace(index, space, a, product.m);
  sizeM = getSize(product.m);
  bool sameType = a.element == type && product.a.conversion.empty();
  int64_t panelsPerRow =
      knownColumns ? llvm::divideCeil(*knownColumns, columnsOfTile)
                   : std::numeric_limits<int64_t>::max();
  // The rows of a register block lie at one distance: as many as divide a run.
  int64_t fittingRows = aRows->isLinear() ? rowsOfTile : 0;
  if (auto run = known(aRows->runSize); run && !aRows->isLinear())
    for (int64_t count = fewestRows; count <= rowsOfTile; ++count)
      if (*run % count == 0)
        fittingRows = count;
  // The kernel may walk A where it is, run by run, if its steps are not far
  // apart or few panels use it.
  auto stepsOfRun = known(aSteps->runSize);
  bool alongSteps = aSteps->hasStride(1);
  bool mayWalkA =
      fittingRows && aRows->symbolicStride.isConstant() &&
      aSteps->symbolicStride.isConstant() &&
      (aSteps->isLinear() || (stepsOfRun && *stepsOfRun >= shortestRun));
  bool mayReadA = mayWalkA && sameType;
  int64_t bytesOfElement = type.getIntOrFloatBitWidth() / 8;
  int64_t stepBytes = aSteps->symbolicStride.factor * bytesOfElement;
  readInPlace = mayWalkA && aRows->hasStride(1) &&
                stepBytes <= bytesBetweenSteps && (sameType || isImageSmall());
  if (readInPlace && !sameType)
    packingOfA = PackingOfA::Image;
  else if (readInPlace ||
           (mayReadA && panelsPerRow < (alongSteps ? panelsThatPayCopying : 2)))
    packingOfA = PackingOfA::None;
  else if (alongSteps)
    packingOfA = panelsPerRow < panelsThatPayTransposing
                     ? PackingOfA::Rows
                     : PackingOfA::Transposed;
  else if (aRows->hasStride(1))
    packingOfA = PackingOfA::Columns;
  else
    packingOfA = PackingOfA::Elements;
  if (fittingRows && (readInPlace || packingOfA == PackingOfA::None ||
                      packingOfA == PackingOfA::Columns)) {
    wholeTiles = !aRows->isLinear();
    rowsOfTile = fittingRows;
  }
  bool streamed = readInPlace || (packingOfA == PackingOfA::Columns &&
                                  panelsPerRow < panelsThatPayCopying);
  rowsOfBlock =
      (streamed ? rowsOfStreamed : rowsOfPacked) / rowsOfTile * rowsOfTile;
  stepsOfBlock = streamed ? stepsOfStreamed : stepsOfPacked;
  if (readInPlace) {
    // All panels of B if it is read where it is, or one.
    int64_t panelsAtOnce = panelsPerRow <= panelsThatAreFew ? panelsPerRow : 1;
    int64_t bytes = stepBytes + panelsAtOnce * columnsOfTile * bytesOfElement;
    stepsOfBlock =
        std::clamp(bytesOfSteps / bytes, fewestSteps, stepsOfStreamed);
  } else if (packingOfA == PackingOfA::None) {
    stepsOfBlock = getStepsOfUnpacked();
  }
  if (packingOfA == PackingOfA::Rows && panelsPerRow < panelsThatPayCopying &&
      sameType && aSteps->isLinear())
    joinRows();
  SmallVector<int64_t> rows = product.m;
  if (packingOfA == PackingOfA::Columns && !aRows->isLinear() && !wholeTiles) {
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
  sizeM = getSize(rows);

  packingOfB = bb.symbolic[product.n].isConstant(1) ? PackingOfB::Rows
               : bSteps->hasStride(1)               ? PackingOfB::Transposed
                                                    : PackingOfB::Elements;
  mayReadB = packingOfB == PackingOfB::Rows && bb.element == type &&
             product.b.conversion.empty() && bSteps->isLinear();

  report();
  measureB();
  hoistB();

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
  rewriter.eraseOp(product.op);
}

bool rheobase::convertProductToVector(RewriterBase &rewriter,
                                      linalg::GenericOp op, int64_t vectorBits,
                                      bool threads, ProductKernel kernel) {
  std::optional<Product> product = matchProduct(op);
  if (!product || !isMemoryPlanned(op))
    return false;
  if (convertProductWithSpikes(rewriter, *product, vectorBits, threads, kernel))
    return true;
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
    std::optional<ProductKernel> kernel = parseProductKernel(forceKernel);
    if (!kernel) {
      emitError(getOperation().getLoc(), "force-kernel must be ")
          << kProductKernelNames << ", got '" << forceKernel.getValue() << "'";
      return signalPassFailure();
    }
    SmallVector<linalg::GenericOp> generics;
    getOperation().walk(
        [&](linalg::GenericOp generic) { generics.push_back(generic); });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp generic : generics)
      convertProductToVector(rewriter, generic, vectorBits, threads, *kernel);
  }
};
} // namespace
