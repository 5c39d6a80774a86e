//===- RuntimeTensor.cpp - Between interpreter and runtime ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/RuntimeTensor.h"

namespace rheobase::reference {

int32_t runtimeType(ElementKind kind) {
  switch (kind) {
  case ElementKind::I1:
    return RB_BOOL;
  case ElementKind::I8:
    return RB_I8;
  case ElementKind::I16:
  case ElementKind::I32:
    return RB_I32;
  case ElementKind::I64:
  case ElementKind::Index:
    return RB_I64;
  case ElementKind::F16:
    return RB_F16;
  case ElementKind::BF16:
    return RB_BF16;
  case ElementKind::F32:
    return RB_F32;
  case ElementKind::F64:
    return RB_F64;
  }
  return RB_F64;
}

rt::Status toRuntime(const Tensor &tensor, rt::Tensor &result) {
  std::vector<int64_t> dims(tensor.shape.begin(), tensor.shape.end());
  rt::Status status =
      rt::Tensor::create(runtimeType(tensor.kind), std::move(dims), result);
  if (!status.ok())
    return status;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    double number = isLarge(tensor.kind) ? 0.0 : tensor[i].number;
    switch (result.dtype()) {
    case RB_BOOL:
    case RB_I8:
      result.data<int8_t>()[i] = int8_t(number);
      break;
    case RB_I32:
      result.data<int32_t>()[i] = int32_t(number);
      break;
    case RB_I64:
      result.data<int64_t>()[i] = tensor[i].integer;
      break;
    case RB_F16:
      result.data<uint16_t>()[i] = rt::floatToHalf(float(number));
      break;
    case RB_BF16:
      result.data<uint16_t>()[i] = rt::floatToBfloat(float(number));
      break;
    case RB_F32:
      result.data<float>()[i] = float(number);
      break;
    default:
      result.data<double>()[i] = number;
    }
  }
  return rt::Status();
}

rt::Status fromRuntime(const rb_tensor &tensor, ElementKind kind,
                       Tensor &result) {
  rt::Tensor converted;
  rt::Status status =
      rt::convertTensor(tensor, runtimeType(kind), converted);
  if (!status.ok())
    return status;
  result = Tensor(kind, converted.dims());
  for (int64_t i = 0; i < result.size(); ++i) {
    switch (converted.dtype()) {
    case RB_BOOL:
    case RB_I8:
      result[i] = Scalar::ofNumber(converted.data<int8_t>()[i]);
      break;
    case RB_I32:
      result[i] = Scalar::ofNumber(converted.data<int32_t>()[i]);
      break;
    case RB_I64:
      result[i] = Scalar::ofInteger(converted.data<int64_t>()[i]);
      break;
    case RB_F16:
      result[i] =
          Scalar::ofNumber(rt::halfToFloat(converted.data<uint16_t>()[i]));
      break;
    case RB_BF16:
      result[i] =
          Scalar::ofNumber(rt::bfloatToFloat(converted.data<uint16_t>()[i]));
      break;
    case RB_F32:
      result[i] = Scalar::ofNumber(converted.data<float>()[i]);
      break;
    default:
      result[i] = Scalar::ofNumber(converted.data<double>()[i]);
    }
  }
  return rt::Status();
}

rt::Status callEntry(rb_entry_fn entry, llvm::ArrayRef<Tensor> arguments,
                     llvm::ArrayRef<ElementKind> kinds,
                     llvm::SmallVector<Tensor> &results) {
  std::vector<rt::Tensor> storage(arguments.size());
  std::vector<rb_tensor> views;
  for (auto [tensor, argument] : llvm::zip(storage, arguments)) {
    if (rt::Status status = toRuntime(argument, tensor); !status.ok())
      return status;
    views.push_back(tensor.view());
  }
  std::vector<rb_tensor> returned(kinds.size());
  if (int32_t code = entry(views.data(), returned.data()); code != RB_OK)
    return rt::Status(rb_status(code), rb_last_error());
  results.assign(kinds.size(), Tensor());
  rt::Status status;
  for (auto [result, kind, tensor] : llvm::zip(returned, kinds, results)) {
    if (status.ok())
      status = fromRuntime(result, kind, tensor);
    rheobase_rt_free(result.data);
  }
  return status;
}

} // namespace rheobase::reference
