//===- Builders.cpp - Short ways to write linalg --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace rheobase;

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

OpFoldResult rheobase::sizeOf(ImplicitLocOpBuilder &b, Value tensor,
                              int64_t dim) {
  for (;;) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (!type.isDynamicDim(dim))
      return b.getIndexAttr(type.getDimSize(dim));
    auto result = dyn_cast<OpResult>(tensor);
    if (!result)
      break;
    Operation *op = result.getOwner();
    if (auto empty = dyn_cast<tensor::EmptyOp>(op))
      return empty.getMixedSizes()[dim];
    if (auto dps = dyn_cast<DestinationStyleOpInterface>(op)) {
      tensor = dps.getTiedOpOperand(result)->get();
      continue;
    }
    if (auto cast = dyn_cast<tensor::CastOp>(op)) {
      if (!isa<RankedTensorType>(cast.getSource().getType()))
        break;
      tensor = cast.getSource();
      continue;
    }
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      tensor = loop.getInitArgs()[result.getResultNumber()];
      continue;
    }
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      llvm::SmallBitVector dropped = slice.getDroppedDims();
      int64_t position = -1;
      for (int64_t i = 0; i <= dim; ++i)
        do
          ++position;
        while (dropped.test(position));
      return slice.getMixedSizes()[position];
    }
    if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
      tensor = insert.getDest();
      continue;
    }
    if (auto pad = dyn_cast<tensor::PadOp>(op)) {
      if (!isZeroInteger(pad.getMixedLowPad()[dim]) ||
          !isZeroInteger(pad.getMixedHighPad()[dim]))
        break;
      tensor = pad.getSource();
      continue;
    }
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
      return expand.getMixedOutputShape()[dim];
    if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      ReassociationIndices group = collapse.getReassociationIndices()[dim];
      if (group.size() != 1)
        break;
      tensor = collapse.getSrc();
      dim = group.front();
      continue;
    }
    break;
  }
  return tensor::DimOp::create(b, tensor, dim).getResult();
}

Sizes rheobase::sizesOf(ImplicitLocOpBuilder &b, Value tensor) {
  return sizesOf(b, tensor,
                 llvm::to_vector(llvm::seq(
                     cast<RankedTensorType>(tensor.getType()).getRank())));
}

Sizes rheobase::sizesOf(ImplicitLocOpBuilder &b, Value tensor,
                        ArrayRef<int64_t> dims) {
  Sizes sizes;
  for (int64_t dim : dims)
    sizes.push_back(sizeOf(b, tensor, dim));
  return sizes;
}

void rheobase::appendSizes(ImplicitLocOpBuilder &b, Sizes &sizes,
                           ArrayRef<int64_t> extents) {
  for (int64_t extent : extents)
    sizes.push_back(b.getIndexAttr(extent));
}

Value rheobase::asIndex(ImplicitLocOpBuilder &b, OpFoldResult size) {
  if (auto value = dyn_cast<Value>(size))
    return value;
  return constantIndex(b, cast<IntegerAttr>(cast<Attribute>(size)).getInt());
}

Value rheobase::dimOf(ImplicitLocOpBuilder &b, Value tensor, int64_t dim) {
  return asIndex(b, sizeOf(b, tensor, dim));
}

Value rheobase::countOf(ImplicitLocOpBuilder &b, Value tensor,
                        ArrayRef<int64_t> dims, Type type, Value times) {
  int64_t known = 1;
  Value count = times;
  for (int64_t dim : dims) {
    OpFoldResult size = sizeOf(b, tensor, dim);
    if (auto attr = dyn_cast<Attribute>(size))
      known *= cast<IntegerAttr>(attr).getInt();
    else
      count = count ? arith::MulIOp::create(b, count, cast<Value>(size))
                    : cast<Value>(size);
  }
  if (!count)
    return constantFloat(b, type, static_cast<double>(known));
  if (known != 1)
    count = arith::MulIOp::create(b, count, constantIndex(b, known));
  return indexToFloat(b, count, type);
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value rheobase::constantIndex(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value rheobase::constantInt(ImplicitLocOpBuilder &b, Type type, int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

Value rheobase::constantFloat(ImplicitLocOpBuilder &b, Type type,
                              double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

Value rheobase::zeroOf(ImplicitLocOpBuilder &b, Type type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

Value rheobase::lowestOf(ImplicitLocOpBuilder &b, Type type) {
  if (auto floatType = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(
        b, b.getFloatAttr(type, APFloat::getInf(floatType.getFloatSemantics(),
                                                /*Negative=*/true)));
  if (type.isInteger(1))
    return zeroOf(b, type);
  return arith::ConstantOp::create(
      b, b.getIntegerAttr(
             type, APInt::getSignedMinValue(type.getIntOrFloatBitWidth())));
}

Value rheobase::toFloat(ImplicitLocOpBuilder &b, Value scalar, Type type) {
  Type from = scalar.getType();
  if (from == type)
    return scalar;
  if (from.isInteger(1))
    return arith::UIToFPOp::create(b, type, scalar);
  if (isa<IntegerType>(from))
    return arith::SIToFPOp::create(b, type, scalar);
  if (from.getIntOrFloatBitWidth() < type.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(b, type, scalar);
  return arith::TruncFOp::create(b, type, scalar);
}

Value rheobase::indexToFloat(ImplicitLocOpBuilder &b, Value index, Type type) {
  Value integer = arith::IndexCastOp::create(b, b.getI64Type(), index);
  return arith::SIToFPOp::create(b, type, integer);
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value rheobase::emptyOf(ImplicitLocOpBuilder &b, Type type,
                        ArrayRef<OpFoldResult> sizes) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<Value> dynamic;
  for (auto [dim, size] : llvm::zip_equal(tensor.getShape(), sizes))
    if (ShapedType::isDynamic(dim))
      dynamic.push_back(asIndex(b, size));
  return tensor::EmptyOp::create(b, tensor, dynamic);
}

Value rheobase::emptyLike(ImplicitLocOpBuilder &b, Value tensor,
                          Type elementType) {
  auto type = cast<RankedTensorType>(tensor.getType());
  return emptyOf(b, type.clone(elementType), sizesOf(b, tensor));
}

Value rheobase::filled(ImplicitLocOpBuilder &b, Value scalar, Type type,
                       ArrayRef<OpFoldResult> sizes) {
  Value empty = emptyOf(b, type, sizes);
  return linalg::FillOp::create(b, scalar, empty).getResult(0);
}

Value rheobase::zeros(ImplicitLocOpBuilder &b, Type type,
                      ArrayRef<OpFoldResult> sizes) {
  return filled(b, zeroOf(b, getElementTypeOrSelf(type)), type, sizes);
}

Value rheobase::scalarOf(ImplicitLocOpBuilder &b, Value tensor) {
  return tensor::ExtractOp::create(b, tensor, ValueRange{});
}

Value rheobase::padded(ImplicitLocOpBuilder &b, Value tensor,
                       ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                       Value value) {
  auto isZero = [](int64_t extent) { return extent == 0; };
  if (llvm::all_of(low, isZero) && llvm::all_of(high, isZero))
    return tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> lowSizes, highSizes;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (!ShapedType::isDynamic(extent))
      extent += low[i] + high[i];
    lowSizes.push_back(b.getIndexAttr(low[i]));
    highSizes.push_back(b.getIndexAttr(high[i]));
  }
  return tensor::PadOp::create(b, type.clone(shape), tensor, lowSizes,
                               highSizes, value);
}

/// The reassociation of a tensor of `rank` dimensions where `dim` stands for
/// two.
static SmallVector<ReassociationIndices> pairAt(int64_t rank, int64_t dim) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0, position = 0; i < rank; ++i) {
    ReassociationIndices &group = groups.emplace_back();
    group.push_back(position++);
    if (i == dim)
      group.push_back(position++);
  }
  return groups;
}

Value rheobase::splitDim(ImplicitLocOpBuilder &b, Value tensor, int64_t dim,
                         int64_t outer) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> sizes = sizesOf(b, tensor);
  int64_t inner = shape[dim] / outer;
  shape[dim] = inner;
  shape.insert(shape.begin() + dim, outer);
  sizes[dim] = b.getIndexAttr(inner);
  sizes.insert(sizes.begin() + dim, b.getIndexAttr(outer));
  return tensor::ExpandShapeOp::create(b, type.clone(shape), tensor,
                                       pairAt(type.getRank(), dim), sizes);
}

Value rheobase::joinDims(ImplicitLocOpBuilder &b, Value tensor, int64_t dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  return tensor::CollapseShapeOp::create(b, tensor,
                                         pairAt(type.getRank() - 1, dim));
}

Value rheobase::spread(ImplicitLocOpBuilder &b, Value tensor, int64_t rank,
                       ArrayRef<int64_t> positions) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getRank() == rank)
    return tensor;
  SmallVector<int64_t> shape(rank, 1);
  SmallVector<OpFoldResult> sizes(rank, b.getIndexAttr(1));
  SmallVector<ReassociationIndices> groups(positions.size());
  for (auto [i, position] : llvm::enumerate(positions)) {
    shape[position] = type.getDimSize(i);
    sizes[position] = sizeOf(b, tensor, i);
    // Group i ends where the next begins; the first takes what is before it.
    int64_t end = i + 1 < positions.size() ? positions[i + 1] : rank;
    for (int64_t j = i == 0 ? 0 : position; j < end; ++j)
      groups[i].push_back(j);
  }
  return tensor::ExpandShapeOp::create(b, type.clone(shape), tensor, groups,
                                       sizes);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

AffineExpr Loops::add(utils::IteratorType kind) {
  iterators.push_back(kind);
  return b.getAffineDimExpr(iterators.size() - 1);
}

Exprs Loops::parallel(int64_t count) {
  Exprs exprs;
  for (int64_t i = 0; i < count; ++i)
    exprs.push_back(parallel());
  return exprs;
}

Exprs Loops::reduction(int64_t count) {
  Exprs exprs;
  for (int64_t i = 0; i < count; ++i)
    exprs.push_back(reduction());
  return exprs;
}

Loops &Loops::in(Value tensor, ArrayRef<AffineExpr> indices) {
  ins.push_back(tensor);
  inExprs.emplace_back(indices);
  return *this;
}

Loops &Loops::out(Value tensor, ArrayRef<AffineExpr> indices) {
  outs.push_back(tensor);
  outExprs.emplace_back(indices);
  return *this;
}

Loops &Loops::extents(ArrayRef<int64_t> sizes, ArrayRef<AffineExpr> loops) {
  return in(tensor::EmptyOp::create(b, sizes, b.getI8Type()), loops);
}

SmallVector<Value> Loops::build(Body body) {
  SmallVector<AffineMap> maps;
  for (ArrayRef<Exprs> list : {ArrayRef(inExprs), ArrayRef(outExprs)})
    for (const Exprs &exprs : list)
      maps.push_back(
          AffineMap::get(iterators.size(), 0, exprs, b.getContext()));
  auto generic = linalg::GenericOp::create(
      b, ValueRange(outs).getTypes(), ins, outs, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder inner(loc, nested);
        SmallVector<Value> results = body(inner, args.take_front(ins.size()),
                                          args.drop_front(ins.size()));
        linalg::YieldOp::create(inner, results);
      });
  return SmallVector<Value>(generic.getResults());
}

Value Loops::build1(
    function_ref<Value(ImplicitLocOpBuilder &, ValueRange, Value)> body) {
  return build([&](ImplicitLocOpBuilder &inner, ValueRange inArgs,
                   ValueRange outArgs) {
           return SmallVector<Value>{body(inner, inArgs, outArgs.front())};
         })
      .front();
}

Value rheobase::loopIndex(ImplicitLocOpBuilder &b, AffineExpr loop) {
  return linalg::IndexOp::create(b, cast<AffineDimExpr>(loop).getPosition());
}

Value rheobase::dividedBy(ImplicitLocOpBuilder &b, Value tensor, Value count) {
  return elementwise(b, {}, {}, {}, tensor,
                     [&](ImplicitLocOpBuilder &b, ValueRange args) {
                       return SmallVector<Value>{
                           arith::DivFOp::create(b, args[0], count)};
                     })
      .front();
}

void rheobase::passCaptured(ImplicitLocOpBuilder &b, spiking::ScanOp scan) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(scan.getBody(), captured);
  Block &body = scan.getBody().front();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(scan);
  for (Value value : captured) {
    if (matchPattern(value, m_Constant()))
      continue;
    unsigned position = scan.getIns().size() + scan.getParams().size();
    BlockArgument argument =
        body.insertArgument(position, value.getType(), value.getLoc());
    replaceAllUsesInRegionWith(value, argument, scan.getBody());
    scan.getParamsMutable().append(
        tensor::FromElementsOp::create(
            b, RankedTensorType::get({}, value.getType()), value)
            .getResult());
  }
}

SmallVector<Value> rheobase::elementwise(
    ImplicitLocOpBuilder &b, ValueRange ins, ValueRange params, ValueRange outs,
    ValueRange updated,
    function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)> body) {
  auto scan = spiking::ScanOp::create(b, spiking::Direction::Step, ins, params,
                                      outs, updated);
  Block &block = scan.getBody().front();
  ImplicitLocOpBuilder inner(b.getLoc(), b.getContext());
  inner.setInsertionPointToEnd(&block);
  SmallVector<Value> values = body(inner, block.getArguments());
  ArrayRef<Value> list(values);
  spiking::YieldOp::create(inner, ValueRange(list.take_front(outs.size())),
                           ValueRange(list.drop_front(outs.size())));
  passCaptured(b, scan);
  return SmallVector<Value>(scan.getResults());
}

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

Value rheobase::philox(ImplicitLocOpBuilder &b, Value seed, Value element,
                       Value sample, Value step, Value id) {
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto integer = [&](int64_t value) { return constantInt(b, i32, value); };
  auto exclusiveOr = [&](Value x, Value y, Value z) -> Value {
    Value xy = arith::XOrIOp::create(b, x, y);
    return arith::XOrIOp::create(b, xy, z);
  };
  Value shift = constantInt(b, i64, 32);
  auto high = [&](Value word) -> Value {
    Value upper = arith::ShRUIOp::create(b, word, shift);
    return arith::TruncIOp::create(b, i32, upper);
  };
  auto low = [&](Value word) -> Value {
    return arith::TruncIOp::create(b, i32, word);
  };
  auto product = [&](Value x, uint32_t factor) -> Value {
    Value wide = arith::ExtUIOp::create(b, i64, x);
    return arith::MulIOp::create(b, wide, constantInt(b, i64, factor));
  };

  Value c0 = element, c1 = sample, c2 = step, c3 = id;
  Value k0 = low(seed), k1 = high(seed);
  for (int round = 0; round < 10; ++round) {
    Value product0 = product(c0, 0xD2511F53u);
    Value product1 = product(c2, 0xCD9E8D57u);
    c0 = exclusiveOr(high(product1), c1, k0);
    c2 = exclusiveOr(high(product0), c3, k1);
    c1 = low(product1);
    c3 = low(product0);
    k0 = arith::AddIOp::create(b, k0, integer(int32_t(0x9E3779B9u)));
    k1 = arith::AddIOp::create(b, k1, integer(int32_t(0xBB67AE85u)));
  }
  return c0;
}

Value rheobase::uniform(ImplicitLocOpBuilder &b, Value word) {
  Type f32 = b.getF32Type();
  Value upper =
      arith::ShRUIOp::create(b, word, constantInt(b, b.getI32Type(), 8));
  Value number = arith::UIToFPOp::create(b, f32, upper);
  return arith::MulFOp::create(b, number,
                               constantFloat(b, f32, 1.0 / 16777216.0));
}
