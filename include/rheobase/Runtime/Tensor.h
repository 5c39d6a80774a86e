//===- Tensor.h - A tensor that owns its bytes ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense row-major tensor: element type, dimensions, 64-byte aligned bytes
// from the runtime's pool.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_TENSOR_H
#define RHEOBASE_RUNTIME_TENSOR_H

#include "rheobase/Runtime/Status.h"
#include "rheobase/abi.h"
#include <cstdint>
#include <string>
#include <vector>

namespace rheobase {
namespace rt {

/// Bytes of an element, 0 if `dtype` is none.
int64_t elementSize(int32_t dtype);

/// The name in manifests and messages: "bool", "i8", "u8", "i32", "i64", "f16",
/// "bf16", "f32", "f64"; "?" if `dtype` is none.
const char *dtypeName(int32_t dtype);

/// The inverse of dtypeName; false if there is none.
bool parseDtype(const std::string &name, int32_t &dtype);

/// "f32[60000,784]", as messages show tensors.
std::string describeTensor(int32_t dtype, const std::vector<int64_t> &dims);

/// Number of elements; false if a dimension is negative or the bytes of that
/// many elements of `size` bytes do not fit into 63 bits.
bool countElements(const std::vector<int64_t> &dims, int64_t size,
                   int64_t &count);

class Tensor {
public:
  Tensor() = default;
  Tensor(Tensor &&other) noexcept { swap(other); }
  Tensor &operator=(Tensor &&other) noexcept {
    swap(other);
    return *this;
  }
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;
  ~Tensor();

  /// A tensor with undefined contents.
  static Status create(int32_t dtype, std::vector<int64_t> dims, Tensor &out);
  /// A tensor of its own with the contents of `source`.
  static Status copy(const rb_tensor &source, Tensor &out);

  int32_t dtype() const { return elementType; }
  const std::vector<int64_t> &dims() const { return sizes; }
  int64_t numElements() const;
  int64_t numBytes() const { return numElements() * elementSize(elementType); }

  void *data() { return bytes; }
  const void *data() const { return bytes; }
  template <typename T> T *data() { return static_cast<T *>(bytes); }
  template <typename T> const T *data() const {
    return static_cast<const T *>(bytes);
  }

  /// The same bytes as an argument of an entry point, valid as long as this.
  rb_tensor view() const;
  std::string describe() const { return describeTensor(elementType, sizes); }

  void swap(Tensor &other) noexcept {
    std::swap(elementType, other.elementType);
    std::swap(sizes, other.sizes);
    std::swap(bytes, other.bytes);
  }

private:
  int32_t elementType = RB_F32;
  std::vector<int64_t> sizes = {0};
  void *bytes = nullptr;
};

/// `source` with another element type. Floats round to nearest, ties to even;
/// a value that an integer type or bool does not hold is an error.
Status convertTensor(const rb_tensor &source, int32_t dtype, Tensor &out);

/// Conversions between f32 and the bits of the 16-bit floats; rounding to
/// nearest, ties to even.
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_TENSOR_H
