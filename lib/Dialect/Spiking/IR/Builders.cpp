//===- Builders.cpp - Tensors and numbers that transformations need ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Builders.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace rheobase::spiking {

Type getTypeWithElement(Type like, Type element) {
  if (auto shaped = dyn_cast<ShapedType>(like))
    return shaped.clone(element);
  return element;
}

SmallVector<Value> getDynamicSizes(OpBuilder &builder, Location loc,
                                   Value tensor) {
  SmallVector<Value> sizes;
  for (auto [dim, size] :
       llvm::enumerate(cast<RankedTensorType>(tensor.getType()).getShape()))
    if (ShapedType::isDynamic(size))
      sizes.push_back(tensor::DimOp::create(builder, loc, tensor, dim));
  return sizes;
}

Value createSplat(OpBuilder &builder, Location loc, double value, Type element,
                  Value like) {
  TypedAttr number = FloatAttr::get(element, value);
  Type type = getTypeWithElement(like.getType(), element);
  auto shaped = dyn_cast<ShapedType>(type);
  if (shaped && shaped.hasStaticShape())
    number = DenseElementsAttr::get(shaped, number);
  Value constant = arith::ConstantOp::create(builder, loc, number);
  if (!shaped || shaped.hasStaticShape())
    return constant;
  return tensor::SplatOp::create(builder, loc, type, constant,
                                 getDynamicSizes(builder, loc, like));
}

Value convertFloat(OpBuilder &builder, Location loc, Value value,
                   Type element) {
  auto from = cast<FloatType>(getElementTypeOrSelf(value.getType()));
  auto to = cast<FloatType>(element);
  if (from == to)
    return value;
  Type type = getTypeWithElement(value.getType(), element);
  if (from.getWidth() < to.getWidth())
    return arith::ExtFOp::create(builder, loc, type, value);
  if (from.getWidth() > to.getWidth())
    return arith::TruncFOp::create(builder, loc, type, value);
  // f16 and bf16: neither holds the other.
  return arith::TruncFOp::create(
      builder, loc, type,
      convertFloat(builder, loc, value, builder.getF32Type()));
}

Value convertToNumber(OpBuilder &builder, Location loc, Value value,
                      Type element) {
  Type from = getElementTypeOrSelf(value.getType());
  if (isa<FloatType>(from))
    return convertFloat(builder, loc, value, element);
  Type type = getTypeWithElement(value.getType(), element);
  if (from.isInteger(1))
    return arith::UIToFPOp::create(builder, loc, type, value);
  return arith::SIToFPOp::create(builder, loc, type, value);
}

/// The sum over `dims` (not empty).
static Value createReduceSum(OpBuilder &builder, Location loc, Value value,
                             ArrayRef<int64_t> dims, bool keepDims) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    if (!llvm::is_contained(dims, static_cast<int64_t>(dim)))
      shape.push_back(size);
    else if (keepDims)
      shape.push_back(1);
  }
  return ReduceSumOp::create(builder, loc, type.clone(shape), value, dims,
                             keepDims);
}

Value reduceToShape(OpBuilder &builder, Location loc, Value value,
                    RankedTensorType type, int64_t leading) {
  auto from = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> missing, repeated;
  int64_t extra = from.getRank() - type.getRank();
  for (int64_t dim = leading; dim < leading + extra; ++dim)
    missing.push_back(dim);
  for (int64_t dim = leading; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) == 1 && from.getDimSize(dim + extra) != 1)
      repeated.push_back(dim);
  if (!missing.empty())
    value = createReduceSum(builder, loc, value, missing, /*keepDims=*/false);
  if (!repeated.empty())
    value = createReduceSum(builder, loc, value, repeated, /*keepDims=*/true);
  auto result = cast<RankedTensorType>(value.getType());
  if (result.getShape() != type.getShape())
    value = tensor::CastOp::create(
        builder, loc, type.clone(result.getElementType()), value);
  return value;
}

} // namespace rheobase::spiking
