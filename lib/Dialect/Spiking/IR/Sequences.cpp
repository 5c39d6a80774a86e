//===- Sequences.cpp - Between one step and a sequence --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Sequences.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace rheobase::spiking {

RankedTensorType getSequenceType(Type step, int64_t steps) {
  auto tensor = cast<RankedTensorType>(step);
  SmallVector<int64_t> shape{steps};
  llvm::append_range(shape, tensor.getShape());
  return RankedTensorType::get(shape, tensor.getElementType());
}

RankedTensorType getStepType(Type sequence) {
  auto tensor = dyn_cast<RankedTensorType>(sequence);
  if (!tensor || tensor.getRank() == 0)
    return {};
  return RankedTensorType::get(tensor.getShape().drop_front(),
                               tensor.getElementType());
}

int64_t getStaticSteps(Value steps) {
  IntegerAttr constant;
  if (matchPattern(steps, m_Constant(&constant)) && constant.getInt() >= 0)
    return constant.getInt();
  return ShapedType::kDynamic;
}

Value getSequence(OpBuilder &builder, Location loc, Value value,
                  bool isSequence, Value steps) {
  if (isSequence)
    return value;
  return RepeatOp::create(
      builder, loc, getSequenceType(value.getType(), getStaticSteps(steps)),
      value, steps);
}

SmallVector<Value> getDynamicSizes(OpBuilder &builder, Location loc,
                                   RankedTensorType type, Value like) {
  int64_t offset =
      cast<RankedTensorType>(like.getType()).getRank() - type.getRank();
  SmallVector<Value> sizes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      sizes.push_back(
          builder.createOrFold<tensor::DimOp>(loc, like, dim + offset));
  return sizes;
}

} // namespace rheobase::spiking
