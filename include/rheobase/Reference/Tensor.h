//===- Tensor.h - Values of the reference interpreter -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_TENSOR_H
#define RHEOBASE_REFERENCE_TENSOR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rheobase::reference {

/// Element types that the interpreter knows.
enum class ElementKind { I1, I8, I16, I32, I64, Index, F16, BF16, F32, F64 };

/// The kind of an element type; none if the interpreter does not know it.
std::optional<ElementKind> getElementKind(mlir::Type type);
mlir::Type getElementType(ElementKind kind, mlir::MLIRContext *context);
/// "i1", "index", "f32", ...
llvm::StringRef stringifyElementKind(ElementKind kind);
bool isFloat(ElementKind kind);
/// Whether a Scalar of this kind is an `integer` and not a `number`.
bool isLarge(ElementKind kind);
/// Bits of an integer kind.
unsigned getBitWidth(ElementKind kind);
/// `value` rounded once to a 16-bit float kind, to nearest even.
double roundToHalf(ElementKind kind, double value);
/// `value` rounded once to a float kind, to nearest even; to integer kinds it is
/// exact or not rounded (spikes of a smooth run).
inline double roundTo(ElementKind kind, double value) {
  if (kind == ElementKind::F32)
    return double(float(value));
  if (kind == ElementKind::F16 || kind == ElementKind::BF16)
    return roundToHalf(kind, value);
  return value;
}
/// `value` wrapped around to the bits of an integer kind (i1: 0 or 1).
int64_t wrapTo(ElementKind kind, int64_t value);

/// One element: its value and, where a gradient is recorded, its place on the
/// tape (0: a constant). i64 and index have an `integer`; everything else a
/// `number`, also spikes, which are fractions in a smooth run.
struct Scalar {
  union {
    double number = 0.0;
    int64_t integer;
  };
  uint32_t node = 0;

  static Scalar ofNumber(double value) {
    Scalar scalar;
    scalar.number = value;
    return scalar;
  }
  static Scalar ofInteger(int64_t value) {
    Scalar scalar;
    scalar.integer = value;
    return scalar;
  }
  /// An integer of any kind.
  static Scalar of(ElementKind kind, int64_t value) {
    return isLarge(kind) ? ofInteger(value) : ofNumber(double(value));
  }
  int64_t asInteger(ElementKind kind) const {
    return isLarge(kind) ? integer : int64_t(number);
  }
};

/// A dense row-major tensor, or a scalar (rank 0).
struct Tensor {
  ElementKind kind = ElementKind::F32;
  llvm::SmallVector<int64_t> shape;
  std::vector<Scalar> elements;

  /// Zeros.
  Tensor(ElementKind kind, llvm::ArrayRef<int64_t> shape);
  Tensor() : Tensor(ElementKind::F32, {}) {}
  static Tensor scalar(ElementKind kind, Scalar value);
  static Tensor index(int64_t value);
  /// A tensor of numbers, rounded to the kind.
  static Tensor of(ElementKind kind, llvm::ArrayRef<int64_t> shape,
                   llvm::ArrayRef<double> values);

  int64_t rank() const { return int64_t(shape.size()); }
  int64_t size() const { return int64_t(elements.size()); }
  Scalar &operator[](int64_t i) { return elements[size_t(i)]; }
  const Scalar &operator[](int64_t i) const { return elements[size_t(i)]; }
  /// Element i as a double, whatever the kind.
  double at(int64_t i) const;
  std::vector<double> values() const;
  /// Whether any element is on a tape.
  bool isRecorded() const;
  /// The same values off the tape.
  Tensor detached() const;
  /// "f32[4,128]".
  std::string describe() const;
};

/// Number of elements of a shape; none if that is negative or more than the
/// interpreter holds.
std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape);

/// Whether two elements are the same number or both NaN.
bool sameNumber(ElementKind kind, const Scalar &a, const Scalar &b);

/// The first row-major index at which two tensors of the same shape and kind
/// differ; none if they are equal.
std::optional<int64_t> findDifference(const Tensor &a, const Tensor &b);

/// The index along each dimension of a row-major index: "[3,0,17]".
std::string describeIndex(llvm::ArrayRef<int64_t> shape, int64_t index);

/// The elements of an attribute; none if it is not dense or of an unknown type.
std::optional<Tensor> tensorOf(mlir::ElementsAttr attr);

/// Calls `body` with the row-major index of each element of `shape` and its
/// index along each dimension.
template <typename Body>
void forEachIndex(llvm::ArrayRef<int64_t> shape, Body body) {
  llvm::SmallVector<int64_t> index(shape.size(), 0);
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  for (int64_t linear = 0; linear < count; ++linear) {
    body(linear, llvm::ArrayRef<int64_t>(index));
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d])
        break;
      index[d] = 0;
    }
  }
}

/// The row-major index of `index` in `shape`.
int64_t linearize(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> index);

/// For each element of `space`, the row-major index of the element of `shape`
/// that it sees when `shape` is broadcast to it (aligned at the end, extents of
/// 1 repeat); none if it does not broadcast.
std::optional<std::vector<int64_t>>
broadcastIndices(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> space);

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_TENSOR_H
