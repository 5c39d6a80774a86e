//===- Tensor.cpp - A tensor that owns its bytes --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Tensor.h"
#include "Element.h"
#include "Support.h"
#include <cmath>
#include <cstring>
#include <limits>

namespace rheobase {
namespace rt {

int64_t elementSize(int32_t dtype) {
  switch (dtype) {
  case RB_BOOL:
  case RB_I8:
  case RB_U8:
    return 1;
  case RB_F16:
  case RB_BF16:
    return 2;
  case RB_I32:
  case RB_F32:
    return 4;
  case RB_I64:
  case RB_F64:
    return 8;
  default:
    return 0;
  }
}

const char *dtypeName(int32_t dtype) {
  switch (dtype) {
  case RB_BOOL:
    return "bool";
  case RB_I8:
    return "i8";
  case RB_U8:
    return "u8";
  case RB_I32:
    return "i32";
  case RB_I64:
    return "i64";
  case RB_F16:
    return "f16";
  case RB_BF16:
    return "bf16";
  case RB_F32:
    return "f32";
  case RB_F64:
    return "f64";
  default:
    return "?";
  }
}

bool parseDtype(const std::string &name, int32_t &dtype) {
  for (int32_t candidate = RB_BOOL; candidate <= RB_U8; ++candidate)
    if (name == dtypeName(candidate)) {
      dtype = candidate;
      return true;
    }
  return false;
}

std::string describeTensor(int32_t dtype, const std::vector<int64_t> &dims) {
  std::string text = dtypeName(dtype);
  text += '[';
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i)
      text += ',';
    text += std::to_string(dims[i]);
  }
  text += ']';
  return text;
}

bool countElements(const std::vector<int64_t> &dims, int64_t size,
                   int64_t &count) {
  int64_t product = 1;
  // A zero anywhere makes the product zero, whatever the other factors are.
  for (int64_t dim : dims) {
    if (dim < 0)
      return false;
    if (dim == 0)
      product = 0;
  }
  for (int64_t dim : dims)
    if (product && __builtin_mul_overflow(product, dim, &product))
      return false;
  int64_t bytes;
  if (__builtin_mul_overflow(product, size, &bytes))
    return false;
  count = product;
  return true;
}

Tensor::~Tensor() { rheobase_rt_free(bytes); }

Status Tensor::create(int32_t dtype, std::vector<int64_t> dims, Tensor &out) {
  int64_t size = elementSize(dtype), count;
  if (!size)
    return error(RB_INVALID_ARGUMENT, "%d is not an element type", dtype);
  if (dims.size() > RHEOBASE_MAX_RANK)
    return error(RB_INVALID_ARGUMENT,
                 "expected a tensor of rank at most %d, got rank %zu",
                 RHEOBASE_MAX_RANK, dims.size());
  if (!countElements(dims, size, count))
    return error(RB_INVALID_ARGUMENT, "a tensor of type %s is too large",
                 describeTensor(dtype, dims).c_str());
  void *data = rheobase_rt_alloc(count * size);
  if (!data)
    return error(RB_OUT_OF_MEMORY, "out of memory for a tensor of type %s",
                 describeTensor(dtype, dims).c_str());
  Tensor tensor;
  tensor.elementType = dtype;
  tensor.sizes = std::move(dims);
  tensor.bytes = data;
  out = std::move(tensor);
  return Status();
}

Status Tensor::copy(const rb_tensor &source, Tensor &out) {
  std::vector<int64_t> dims;
  if (source.rank >= 0 && source.rank <= RHEOBASE_MAX_RANK)
    dims.assign(source.dims, source.dims + source.rank);
  Tensor tensor;
  RB_TRY(create(source.dtype, std::move(dims), tensor));
  if (tensor.numBytes())
    memcpy(tensor.data(), source.data, size_t(tensor.numBytes()));
  out = std::move(tensor);
  return Status();
}

int64_t Tensor::numElements() const {
  int64_t count = 1;
  for (int64_t dim : sizes)
    count *= dim;
  return count;
}

rb_tensor Tensor::view() const {
  rb_tensor tensor = {};
  tensor.data = bytes;
  tensor.dtype = elementType;
  tensor.rank = int32_t(sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i)
    tensor.dims[i] = sizes[i];
  return tensor;
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

template <typename To, typename From> static To bitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  if (exponent == 31)
    return bitCast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent == 0) {
    float magnitude = float(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return bitCast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t floatToHalf(float value) {
  uint32_t bits = bitCast<uint32_t>(value);
  uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return uint16_t(sign | 0x7e00);
  if (magnitude >= 0x477ff000u) // rounds to 65536 or more
    return uint16_t(sign | 0x7c00);
  if (magnitude < 0x38800000u) {
    // Below the smallest normal number: adding 0.5 leaves the mantissa's last
    // 10 bits at the place of the denormal's, rounded to nearest even.
    float rounded = bitCast<float>(magnitude) + 0.5f;
    return uint16_t(sign | (bitCast<uint32_t>(rounded) - 0x3f000000u));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return uint16_t(sign | (magnitude - 0x38000000u + 0xfffu + odd) >> 13);
}

float bfloatToFloat(uint16_t bits) {
  return bitCast<float>(uint32_t(bits) << 16);
}

uint16_t floatToBfloat(float value) {
  uint32_t bits = bitCast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return uint16_t(bits >> 16 | 0x40);
  return uint16_t((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

Number loadNumber(const void *data, int32_t dtype, int64_t i) {
  switch (dtype) {
  case RB_BOOL:
    return Number::ofInteger(static_cast<const uint8_t *>(data)[i] != 0);
  case RB_I8:
    return Number::ofInteger(static_cast<const int8_t *>(data)[i]);
  case RB_U8:
    return Number::ofInteger(static_cast<const uint8_t *>(data)[i]);
  case RB_I32:
    return Number::ofInteger(static_cast<const int32_t *>(data)[i]);
  case RB_I64:
    return Number::ofInteger(static_cast<const int64_t *>(data)[i]);
  case RB_F16:
    return Number::ofReal(halfToFloat(static_cast<const uint16_t *>(data)[i]));
  case RB_BF16:
    return Number::ofReal(
        bfloatToFloat(static_cast<const uint16_t *>(data)[i]));
  case RB_F32:
    return Number::ofReal(static_cast<const float *>(data)[i]);
  default:
    return Number::ofReal(static_cast<const double *>(data)[i]);
  }
}

/// Rounds a double to f32 so that a second rounding, to 16 bits, gives what
/// rounding once would have given (rounding to odd).
static float roundToOdd(double value) {
  float nearest = float(value);
  if (double(nearest) == value || std::isnan(value) || std::isinf(nearest))
    return nearest;
  uint32_t bits = bitCast<uint32_t>(nearest);
  if (std::fabs(double(nearest)) > std::fabs(value))
    --bits; // towards zero
  return bitCast<float>(bits | 1u);
}

bool storeNumber(void *data, int32_t dtype, int64_t i, Number number) {
  double real = number.asReal();
  int64_t integer = number.integer;
  bool exact = true;
  if (number.isFloat) {
    exact = real >= -0x1p63 && real < 0x1p63 && std::nearbyint(real) == real;
    integer = exact ? int64_t(real) : 0;
  }
  auto within = [&](int64_t low, int64_t high) {
    return exact && integer >= low && integer <= high;
  };
  switch (dtype) {
  case RB_BOOL:
    static_cast<uint8_t *>(data)[i] = uint8_t(integer);
    return within(0, 1);
  case RB_I8:
    static_cast<int8_t *>(data)[i] = int8_t(integer);
    return within(-128, 127);
  case RB_U8:
    static_cast<uint8_t *>(data)[i] = uint8_t(integer);
    return within(0, 255);
  case RB_I32:
    static_cast<int32_t *>(data)[i] = int32_t(integer);
    return within(INT32_MIN, INT32_MAX);
  case RB_I64:
    static_cast<int64_t *>(data)[i] = integer;
    return exact;
  case RB_F16:
    static_cast<uint16_t *>(data)[i] = floatToHalf(roundToOdd(real));
    return true;
  case RB_BF16:
    static_cast<uint16_t *>(data)[i] = floatToBfloat(roundToOdd(real));
    return true;
  case RB_F32:
    static_cast<float *>(data)[i] =
        number.isFloat ? float(real) : float(integer);
    return true;
  default:
    static_cast<double *>(data)[i] = real;
    return true;
  }
}

Status convertTensor(const rb_tensor &source, int32_t dtype, Tensor &out) {
  if (source.dtype == dtype)
    return Tensor::copy(source, out);
  if (!elementSize(source.dtype))
    return error(RB_INVALID_ARGUMENT, "%d is not an element type",
                 source.dtype);
  Tensor tensor;
  RB_TRY(Tensor::create(
      dtype, std::vector<int64_t>(source.dims, source.dims + source.rank),
      tensor));
  int64_t count = tensor.numElements();
  for (int64_t i = 0; i < count; ++i) {
    Number number = loadNumber(source.data, source.dtype, i);
    if (storeNumber(tensor.data(), dtype, i, number))
      continue;
    std::string value = number.isFloat ? formatDouble(number.real)
                                       : std::to_string(number.integer);
    return error(RB_INVALID_ARGUMENT,
                 "element %lld is %s, which %s does not hold", (long long)i,
                 value.c_str(), dtypeName(dtype));
  }
  out = std::move(tensor);
  return Status();
}

} // namespace rt
} // namespace rheobase
