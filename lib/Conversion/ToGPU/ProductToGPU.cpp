//===- ProductToGPU.cpp - Products become tiled kernels ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LinalgToGPU.h"

#include "../SpikingToVector/IndexMath.h"
#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rheobase;

/// Outputs of a block: rows, and columns where there are many or few; steps of
/// the chains between two loads of tiles; outputs of a thread in each direction.
static constexpr int64_t tileRows = 64, wideColumns = 64, narrowColumns = 16,
                         tileDepth = 16, threadTile = 4;
/// Elements between the rows of a tile: keeps threads that store a column on
/// different banks, and rows aligned to 16 bytes.
static constexpr int64_t tilePadding = 4;

/// Whether `value` is computed in `body` from `argument` alone, by operations
/// that may be executed anywhere.
static bool dependsOnlyOn(Value value, BlockArgument argument) {
  if (value == argument)
    return true;
  if (isa<BlockArgument>(value))
    return false;
  Operation *op = value.getDefiningOp();
  if (op->getBlock() != argument.getOwner())
    return true; // A constant of the kernel.
  return isPure(op) && op->getNumRegions() == 0 &&
         !isa<linalg::IndexOp>(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return dependsOnlyOn(operand, argument);
         });
}

std::optional<GPUProduct> rheobase::matchProduct(linalg::LinalgOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0)
    return std::nullopt;
  Block *body = op.getBlock();
  auto fma = body->getTerminator()->getOperand(0).getDefiningOp<math::FmaOp>();
  BlockArgument lhs = body->getArgument(0), rhs = body->getArgument(1),
                sum = body->getArgument(2);
  if (!fma || fma.getC() != sum || !sum.hasOneUse())
    return std::nullopt;
  if (!llvm::all_of(op.getDpsInputOperands(), [](OpOperand *operand) {
        return isa<MemRefType>(operand->get().getType());
      }))
    return std::nullopt;
  GPUProduct product;
  product.factors[0] = fma.getA();
  product.factors[1] = fma.getB();
  if (!dependsOnlyOn(product.factors[0], lhs))
    std::swap(product.factors[0], product.factors[1]);
  if (!dependsOnlyOn(product.factors[0], lhs) ||
      !dependsOnlyOn(product.factors[1], rhs))
    return std::nullopt;

  AffineMap lhsMap = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  AffineMap rhsMap = op.getMatchingIndexingMap(op.getDpsInputOperand(1));
  AffineMap outMap = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!outMap.isProjectedPermutation())
    return std::nullopt;
  for (auto [dim, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    if (kind == utils::IteratorType::reduction) {
      if (outMap.isFunctionOfDim(dim))
        return std::nullopt;
      product.summed.push_back(dim);
      continue;
    }
    bool inLhs = lhsMap.isFunctionOfDim(dim), inRhs = rhsMap.isFunctionOfDim(dim);
    if (!outMap.isFunctionOfDim(dim) || (!inLhs && !inRhs))
      return std::nullopt;
    (inLhs && inRhs ? product.batch : inLhs ? product.rows : product.columns)
        .push_back(dim);
  }
  // Without one of them there is nothing to share.
  if (product.rows.empty() || product.columns.empty())
    return std::nullopt;
  return product;
}

namespace {

/// Emits the kernel of one product.
class ProductKernel {
public:
  ProductKernel(RewriterBase &rewriter, linalg::LinalgOp op,
                const GPUProduct &product)
      : b(rewriter), op(op), product(product), loc(op.getLoc()),
        index{rewriter, loc} {}

  void launch();

private:
  SmallVector<Value> sizesOf(ArrayRef<unsigned> dims) {
    return llvm::map_to_vector(dims, [&](unsigned dim) { return sizes[dim]; });
  }
  /// Splits `position` among `dims`, into `ivs`.
  void place(ArrayRef<unsigned> dims, Value position,
             MutableArrayRef<Value> ivs) {
    SmallVector<Value> extents = sizesOf(dims);
    for (auto [dim, iv] :
         llvm::zip(dims, delinearize(b, loc, position, extents)))
      ivs[dim] = iv;
  }
  void emit(Value block, Value thread, ValueRange tiles);
  void loadTile(unsigned input, Value tile, int64_t width,
                ArrayRef<unsigned> dims, Value first, Value count,
                Value firstStep, Value thread);
  SmallVector<Value> multiply(ValueRange tiles, Value depth, Value threadRow,
                              Value threadColumn, ValueRange sums);

  RewriterBase &b;
  linalg::LinalgOp op;
  const GPUProduct &product;
  Location loc;
  IndexMath index;
  SmallVector<Value> sizes;
  Type element;
  Value rows, columns, steps, rowTiles, columnTiles;
  int64_t tileColumns = wideColumns, threads = 0;
  /// Of the block, shared by all loads.
  SmallVector<Value> blockIvs;
};

} // namespace

/// Tile [depth, width] of an input: element (k, i) is that of step
/// `firstStep + k` and row or column `first + i`, through the body's scalar
/// code. Elements outside are not read later.
void ProductKernel::loadTile(unsigned input, Value tile, int64_t width,
                             ArrayRef<unsigned> dims, Value first, Value count,
                             Value firstStep, Value thread) {
  OpOperand &operand = *op.getDpsInputOperand(input);
  AffineMap map = op.getMatchingIndexingMap(&operand);
  // Neighbouring threads load neighbours in memory.
  bool stepsInner =
      map.getNumResults() > 0 &&
      llvm::any_of(product.summed, [&](unsigned dim) {
        return map.getResults().back().isFunctionOfDim(dim);
      });
  int64_t loads = tileDepth * width / threads;
  for (int64_t load = 0; load < loads; ++load) {
    Value element = index.add(thread, index.constant(load * threads));
    Value inner = index.constant(stepsInner ? tileDepth : width);
    Value k = stepsInner ? index.rem(element, inner) : index.div(element, inner);
    Value i = stepsInner ? index.div(element, inner) : index.rem(element, inner);
    Value step = index.add(firstStep, k), position = index.add(first, i);
    Value valid = arith::AndIOp::create(b, loc, index.less(step, steps),
                                        index.less(position, count));
    auto inside = scf::IfOp::create(b, loc, valid, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(inside.thenBlock());
    SmallVector<Value> ivs(blockIvs);
    place(dims, position, ivs);
    place(product.summed, step, ivs);
    // Loops that this input does not see.
    for (Value &iv : ivs)
      if (!iv)
        iv = index.constant(0);
    IRMapping mapping;
    mapping.map(op.getMatchingBlockArgument(&operand),
                memref::LoadOp::create(b, loc, operand.get(),
                                       indicesAt(b, op, operand, ivs))
                    .getResult());
    SetVector<Operation *> slice;
    std::function<void(Value)> collect = [&](Value value) {
      Operation *producer = value.getDefiningOp();
      if (!producer || producer->getBlock() != op.getBlock() ||
          slice.contains(producer))
        return;
      llvm::for_each(producer->getOperands(), collect);
      slice.insert(producer);
    };
    collect(product.factors[input]);
    for (Operation *producer : slice)
      b.clone(*producer, mapping);
    memref::StoreOp::create(
        b, loc, mapping.lookupOrDefault(product.factors[input]), tile,
        ValueRange{k, i});
  }
}

/// Continues the chains by `depth` steps.
SmallVector<Value> ProductKernel::multiply(ValueRange tiles, Value depth,
                                           Value threadRow, Value threadColumn,
                                           ValueRange sums) {
  auto loop = scf::ForOp::create(b, loc, index.constant(0), depth,
                                 index.constant(1), sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value k = loop.getInductionVar();
  SmallVector<Value> factors[2];
  for (unsigned input : {0, 1}) {
    Value own = vector::LoadOp::create(
        b, loc, VectorType::get(threadTile, element), tiles[input],
        ValueRange{k, input == 0 ? threadRow : threadColumn},
        /*nontemporal=*/false, llvm::Align(16));
    for (int64_t i = 0; i < threadTile; ++i)
      factors[input].push_back(vector::ExtractOp::create(b, loc, own, i));
  }
  SmallVector<Value> next;
  for (auto [i, sum] : llvm::enumerate(loop.getRegionIterArgs()))
    next.push_back(math::FmaOp::create(b, loc, factors[0][i / threadTile],
                                       factors[1][i % threadTile], sum));
  scf::YieldOp::create(b, loc, next);
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void ProductKernel::emit(Value block, Value thread, ValueRange tiles) {
  SmallVector<Value> extents = sizesOf(product.batch);
  extents.push_back(rowTiles);
  extents.push_back(columnTiles);
  SmallVector<Value> position = delinearize(b, loc, block, extents);
  blockIvs.resize(sizes.size());
  for (auto [dim, iv] : llvm::zip(product.batch, position))
    blockIvs[dim] = iv;
  Value firstRow = index.mul(position.end()[-2], index.constant(tileRows));
  Value firstColumn = index.mul(position.end()[-1], index.constant(tileColumns));

  Value threadsAcross = index.constant(tileColumns / threadTile);
  Value width = index.constant(threadTile);
  Value threadRow = index.mul(index.div(thread, threadsAcross), width);
  Value threadColumn = index.mul(index.rem(thread, threadsAcross), width);

  // The outputs of this thread.
  OpOperand &init = *op.getDpsInitOperand(0);
  auto forOutputs = [&](llvm::function_ref<Value(Value valid, ValueRange)> at) {
    SmallVector<Value> values;
    for (int64_t i = 0; i < threadTile; ++i)
      for (int64_t j = 0; j < threadTile; ++j) {
        Value row = index.add(index.add(firstRow, threadRow), index.constant(i));
        Value column =
            index.add(index.add(firstColumn, threadColumn), index.constant(j));
        Value valid = arith::AndIOp::create(b, loc, index.less(row, rows),
                                            index.less(column, columns));
        values.push_back(at(valid, {row, column}));
      }
    return values;
  };
  auto indicesOf = [&](ValueRange rowAndColumn) {
    SmallVector<Value> ivs(blockIvs);
    place(product.rows, rowAndColumn[0], ivs);
    place(product.columns, rowAndColumn[1], ivs);
    return indicesAt(b, op, init, ivs);
  };
  Value zero = arith::ConstantOp::create(b, loc, cast<TypedAttr>(b.getZeroAttr(element)));
  SmallVector<Value> sums = forOutputs([&](Value valid, ValueRange at) {
    auto inside = scf::IfOp::create(
        b, loc, valid,
        [&](OpBuilder &, Location) {
          Value value =
              memref::LoadOp::create(b, loc, init.get(), indicesOf(at));
          scf::YieldOp::create(b, loc, value);
        },
        [&](OpBuilder &, Location) { scf::YieldOp::create(b, loc, zero); });
    return inside.getResult(0);
  });

  Value depth = index.constant(tileDepth);
  auto loop =
      scf::ForOp::create(b, loc, index.constant(0), steps, depth, sums);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value first = loop.getInductionVar();
    loadTile(0, tiles[0], tileRows, product.rows, firstRow, rows, first, thread);
    loadTile(1, tiles[1], tileColumns, product.columns, firstColumn, columns,
             first, thread);
    gpu::BarrierOp::create(b, loc);
    // Full tiles have a known depth, so that their loop is unrolled.
    Value left = index.sub(steps, first);
    Value full =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, left, depth);
    auto chains = scf::IfOp::create(
        b, loc, full,
        [&](OpBuilder &, Location) {
          scf::YieldOp::create(b, loc,
                               multiply(tiles, depth, threadRow, threadColumn,
                                        loop.getRegionIterArgs()));
        },
        [&](OpBuilder &, Location) {
          scf::YieldOp::create(b, loc,
                               multiply(tiles, left, threadRow, threadColumn,
                                        loop.getRegionIterArgs()));
        });
    gpu::BarrierOp::create(b, loc);
    scf::YieldOp::create(b, loc, chains.getResults());
  }
  size_t next = 0;
  forOutputs([&](Value valid, ValueRange at) {
    Value sum = loop.getResult(next++);
    auto inside = scf::IfOp::create(b, loc, valid, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(inside.thenBlock());
    memref::StoreOp::create(b, loc, sum, init.get(), indicesOf(at));
    return sum;
  });
}

void ProductKernel::launch() {
  sizes = loopSizes(b, op);
  element = getElementTypeOrSelf(op.getDpsInits()[0].getType());
  rows = productOf(b, loc, sizesOf(product.rows));
  columns = productOf(b, loc, sizesOf(product.columns));
  steps = productOf(b, loc, sizesOf(product.summed));
  if (std::optional<int64_t> known = IndexMath::getConstant(columns);
      known && *known <= narrowColumns)
    tileColumns = narrowColumns;
  threads = tileRows * tileColumns / (threadTile * threadTile);
  rowTiles = index.ceilDiv(rows, index.constant(tileRows));
  columnTiles = index.ceilDiv(columns, index.constant(tileColumns));
  Value blocks = index.mul(productOf(b, loc, sizesOf(product.batch)),
                           index.mul(rowTiles, columnTiles));
  auto space = gpu::AddressSpaceAttr::get(b.getContext(),
                                          gpu::AddressSpace::Workgroup);
  auto tileType = [&](int64_t width) {
    return MemRefType::get({tileDepth, width + tilePadding}, element,
                           MemRefLayoutAttrInterface(), space);
  };
  launchBlocks(b, loc, "product", blocks, threads,
               {tileType(tileRows), tileType(tileColumns)},
               [&](Value block, Value thread, ValueRange tiles) {
                 emit(block, thread, tiles);
               });
  b.eraseOp(op);
}

void rheobase::launchProduct(RewriterBase &rewriter, linalg::LinalgOp op,
                             const GPUProduct &product) {
  ProductKernel(rewriter, op, product).launch();
}
