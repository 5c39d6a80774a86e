//===- StridedLoops.cpp - Loops and operands as strided arrays --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StridedLoops.h"
#include "PackedSpikes.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase;

SymbolicSize rheobase::operator*(SymbolicSize a, const SymbolicSize &b) {
  a.factor *= b.factor;
  llvm::append_range(a.symbols, b.symbols);
  llvm::sort(a.symbols);
  return a;
}

bool SymbolicSize::operator==(const SymbolicSize &other) const {
  if (factor == 0 || other.factor == 0)
    return factor == other.factor;
  return factor == other.factor && symbols == other.symbols;
}

/// The coefficients of `expr` for `loops` loops, then its constant; nothing if
/// it is not linear.
static std::optional<SmallVector<int64_t>> getCoefficients(AffineExpr expr,
                                                           unsigned loops) {
  SmallVector<int64_t> result(loops + 1, 0);
  std::function<bool(AffineExpr, int64_t)> add = [&](AffineExpr e,
                                                     int64_t factor) {
    if (auto dim = dyn_cast<AffineDimExpr>(e)) {
      result[dim.getPosition()] += factor;
      return true;
    }
    if (auto constant = dyn_cast<AffineConstantExpr>(e)) {
      result[loops] += factor * constant.getValue();
      return true;
    }
    auto binary = dyn_cast<AffineBinaryOpExpr>(e);
    if (!binary)
      return false;
    if (binary.getKind() == AffineExprKind::Add)
      return add(binary.getLHS(), factor) && add(binary.getRHS(), factor);
    auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
    return binary.getKind() == AffineExprKind::Mul && constant &&
           add(binary.getLHS(), factor * constant.getValue());
  };
  if (!add(expr, 1))
    return std::nullopt;
  return result;
}

bool StridedLoops::canAnalyze(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics())
    return false;
  // Each loop takes its size from a dimension of an operand.
  SmallVector<bool> sized(op.getNumLoops(), false);
  for (OpOperand &operand : op->getOpOperands()) {
    if (op.isScalar(&operand))
      continue;
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || !type.getElementType().isIntOrFloat() || !type.isStrided() ||
        (type.getElementType().isInteger(1) &&
         !willBePackedSpikes(operand.get())) ||
        llvm::is_contained(type.getShape(), 0))
      return false;
    for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
      if (!getCoefficients(expr, op.getNumLoops()))
        return false;
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        sized[dim.getPosition()] = true;
    }
  }
  return !llvm::is_contained(sized, false);
}

FailureOr<StridedLoops> StridedLoops::get(OpBuilder &builder,
                                          linalg::LinalgOp op,
                                          std::optional<unsigned> only) {
  if (!canAnalyze(op) || !isMemoryPlanned(op))
    return failure();
  IndexMath index{builder, op.getLoc()};
  StridedLoops space;
  unsigned numLoops = op.getNumLoops();
  for (utils::IteratorType type : op.getIteratorTypesArray())
    space.parallel.push_back(type == utils::IteratorType::parallel);
  space.sizes.resize(numLoops);
  space.symbolic.resize(numLoops);

  // Sizes of loops: static where an operand knows.
  for (bool known : {true, false})
    for (OpOperand &operand : op->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type || (only && operand.getOperandNumber() != *only))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      for (auto [position, expr] : llvm::enumerate(map.getResults())) {
        auto dim = dyn_cast<AffineDimExpr>(expr);
        if (!dim || space.sizes[dim.getPosition()] ||
            type.isDynamicDim(position) == known)
          continue;
        unsigned loop = dim.getPosition();
        space.sizes[loop] = index.dim(operand.get(), position);
        if (type.isDynamicDim(position))
          space.symbolic[loop].symbols.push_back(loop);
        else
          space.symbolic[loop].factor = type.getDimSize(position);
      }
    }

  int64_t nextSymbol = numLoops;
  for (OpOperand &operand : op->getOpOperands()) {
    StridedOperand strided;
    strided.element = getElementTypeOrSelf(operand.get().getType());
    strided.base = index.constant(0);
    strided.symbolic.assign(numLoops, SymbolicSize{0, {}});
    strided.strides.assign(numLoops, index.constant(0));
    auto type = dyn_cast<MemRefType>(operand.get().getType());
    if (!type || (only && operand.getOperandNumber() != *only)) {
      space.operands.push_back(std::move(strided));
      continue;
    }
    AffineMap map = op.getMatchingIndexingMap(&operand);
    int64_t rank = type.getRank();

    // Strides of the buffer's dimensions.
    auto [staticStrides, offset] = type.getStridesAndOffset();
    SmallVector<SymbolicSize> symbolic(rank);
    SmallVector<Value> strides(rank);
    if (type.getLayout().isIdentity()) {
      SymbolicSize product;
      Value value = index.constant(1);
      for (int64_t dim = rank - 1; dim >= 0; --dim) {
        symbolic[dim] = product;
        strides[dim] = value;
        if (dim == 0)
          break;
        SymbolicSize size;
        auto loop = dyn_cast<AffineDimExpr>(map.getResult(dim));
        if (!type.isDynamicDim(dim))
          size.factor = type.getDimSize(dim);
        else if (loop)
          size = space.symbolic[loop.getPosition()];
        else
          size.symbols.push_back(nextSymbol++);
        product = product * size;
        value = index.mul(value, size.isConstant()
                                     ? index.constant(size.factor)
                                     : index.dim(operand.get(), dim));
      }
      SmallVector<ReassociationIndices> all(1);
      llvm::append_range(all[0], llvm::seq<int64_t>(0, rank));
      if (strided.element.isInteger(1))
        strided.flat = getPackedBytes(builder, operand.get());
      else if (rank == 0)
        strided.flat = memref::ExpandShapeOp::create(
            builder, op.getLoc(), ArrayRef<int64_t>{1}, operand.get(),
            ArrayRef<ReassociationIndices>{});
      else if (rank == 1)
        strided.flat = operand.get();
      else
        strided.flat = memref::CollapseShapeOp::create(
            builder, op.getLoc(), operand.get(), all);
    } else {
      auto metadata = memref::ExtractStridedMetadataOp::create(
          builder, op.getLoc(), operand.get());
      Value last = index.constant(1);
      for (int64_t dim = 0; dim < rank; ++dim) {
        if (ShapedType::isDynamic(staticStrides[dim])) {
          symbolic[dim].symbols.push_back(nextSymbol++);
          strides[dim] = metadata.getStrides()[dim];
        } else {
          symbolic[dim].factor = staticStrides[dim];
          strides[dim] = index.constant(staticStrides[dim]);
        }
        last = index.add(
            last, index.mul(index.sub(index.dim(operand.get(), dim),
                                      index.constant(1)),
                            strides[dim]));
      }
      if (strided.element.isInteger(1))
        strided.base = metadata.getOffset();
      OpFoldResult start = metadata.getOffset();
      if (!ShapedType::isDynamic(offset))
        start = builder.getIndexAttr(offset);
      OpFoldResult extent = last;
      if (auto known = IndexMath::getConstant(last))
        extent = builder.getIndexAttr(*known);
      if (strided.element.isInteger(1))
        strided.flat = getPackedBytes(builder, operand.get());
      else
        strided.flat = memref::ReinterpretCastOp::create(
            builder, op.getLoc(), metadata.getBaseBuffer(), start,
            ArrayRef<OpFoldResult>{extent},
            ArrayRef<OpFoldResult>{builder.getIndexAttr(1)});
    }

    // Strides of the loops.
    for (int64_t dim = 0; dim < rank; ++dim) {
      SmallVector<int64_t> coefficients =
          *getCoefficients(map.getResult(dim), numLoops);
      strided.base = index.add(
          strided.base,
          index.mul(index.constant(coefficients[numLoops]), strides[dim]));
      for (unsigned loop = 0; loop < numLoops; ++loop) {
        if (coefficients[loop] == 0)
          continue;
        SymbolicSize stride = symbolic[dim];
        stride.factor *= coefficients[loop];
        SymbolicSize &total = strided.symbolic[loop];
        if (total.isConstant(0)) {
          total = stride;
        } else if (total.symbols == stride.symbols) {
          total.factor += stride.factor;
        } else {
          total = SymbolicSize();
          total.symbols.push_back(nextSymbol++);
        }
        strided.strides[loop] = index.add(
            strided.strides[loop],
            index.mul(index.constant(coefficients[loop]), strides[dim]));
      }
    }
    space.operands.push_back(std::move(strided));
  }
  return space;
}

bool rheobase::isMemoryPlanned(Operation *op) {
  return llvm::all_of(op->getOperands(), [](Value operand) {
    return !willBePackedSpikes(operand) || arePackedSpikes(operand);
  });
}

Value StridedOperand::load(OpBuilder &builder, Location loc,
                           Value offset) const {
  if (isPacked())
    return loadPackedElement(builder, loc, flat, offset);
  return memref::LoadOp::create(builder, loc, flat, offset);
}

LoopGroup::LoopGroup(IndexMath &index, const StridedLoops &space,
                     const StridedOperand &operand, ArrayRef<int64_t> all)
    : loops(all) {
  runSize = index.constant(1);
  stride = index.constant(0);
  symbolicStride.factor = 0;
  if (loops.empty())
    return;
  // The run grows to the left as long as it continues the same progression.
  // Loops of a single iteration do not count.
  SymbolicSize symbolicSize;
  bool open = true, started = false;
  for (int64_t loop : llvm::reverse(loops)) {
    if (space.symbolic[loop].isConstant(1))
      continue;
    const SymbolicSize &step = operand.symbolic[loop];
    if (!started) {
      symbolicStride = step;
      stride = operand.strides[loop];
      started = true;
    } else if (!open || !(step == symbolicStride * symbolicSize)) {
      open = false;
      outer.insert(outer.begin(), {space.sizes[loop], operand.strides[loop]});
      continue;
    }
    symbolicSize = symbolicSize * space.symbolic[loop];
    runSize = index.mul(space.sizes[loop], runSize);
  }
}

Value LoopGroup::getRunOffset(IndexMath &index, Value run) const {
  Value offset = index.constant(0);
  for (auto [position, loop] : llvm::enumerate(llvm::reverse(outer))) {
    auto [size, step] = loop;
    bool last = position + 1 == outer.size();
    Value current = last ? run : index.rem(run, size);
    if (!last)
      run = index.div(run, size);
    offset = index.add(offset, index.mul(current, step));
  }
  return offset;
}

Value LoopGroup::getOffset(IndexMath &index, Value position) const {
  if (isLinear())
    return index.mul(position, stride);
  Value run = index.div(position, runSize);
  Value within = index.rem(position, runSize);
  return index.add(getRunOffset(index, run), index.mul(within, stride));
}

void rheobase::forEachRun(IndexMath &index, const LoopGroup &group, Value from,
                          Value to,
                          llvm::function_ref<void(Value, Value, Value)> body) {
  Value zero = index.constant(0), one = index.constant(1);
  if (group.isLinear())
    return body(zero, from, to);
  Value size = index.max(group.runSize, one);
  Value firstRun = index.div(from, size);
  Value endRun = index.div(index.add(to, index.sub(size, one)), size);
  createLoop(index.builder, index.loc, firstRun, endRun, one, [&](Value run) {
    Value start = index.mul(run, size);
    Value offset = index.sub(group.getRunOffset(index, run),
                             index.mul(start, group.stride));
    body(offset, index.max(start, from), index.min(index.add(start, size), to));
  });
}
