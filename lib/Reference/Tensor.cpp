//===- Tensor.cpp - Values of the reference interpreter ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/Tensor.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

std::optional<ElementKind> getElementKind(Type type) {
  if (type.isInteger(1))
    return ElementKind::I1;
  if (type.isInteger(8))
    return ElementKind::I8;
  if (type.isInteger(16))
    return ElementKind::I16;
  if (type.isInteger(32))
    return ElementKind::I32;
  if (type.isInteger(64))
    return ElementKind::I64;
  if (type.isIndex())
    return ElementKind::Index;
  if (type.isF16())
    return ElementKind::F16;
  if (type.isBF16())
    return ElementKind::BF16;
  if (type.isF32())
    return ElementKind::F32;
  if (type.isF64())
    return ElementKind::F64;
  return std::nullopt;
}

Type getElementType(ElementKind kind, MLIRContext *context) {
  switch (kind) {
  case ElementKind::Index:
    return IndexType::get(context);
  case ElementKind::F16:
    return Float16Type::get(context);
  case ElementKind::BF16:
    return BFloat16Type::get(context);
  case ElementKind::F32:
    return Float32Type::get(context);
  case ElementKind::F64:
    return Float64Type::get(context);
  default:
    return IntegerType::get(context, getBitWidth(kind));
  }
}

llvm::StringRef stringifyElementKind(ElementKind kind) {
  switch (kind) {
  case ElementKind::I1:
    return "i1";
  case ElementKind::I8:
    return "i8";
  case ElementKind::I16:
    return "i16";
  case ElementKind::I32:
    return "i32";
  case ElementKind::I64:
    return "i64";
  case ElementKind::Index:
    return "index";
  case ElementKind::F16:
    return "f16";
  case ElementKind::BF16:
    return "bf16";
  case ElementKind::F32:
    return "f32";
  case ElementKind::F64:
    return "f64";
  }
  return "?";
}

bool isFloat(ElementKind kind) {
  return kind == ElementKind::F16 || kind == ElementKind::BF16 ||
         kind == ElementKind::F32 || kind == ElementKind::F64;
}

bool isLarge(ElementKind kind) {
  return kind == ElementKind::I64 || kind == ElementKind::Index;
}

unsigned getBitWidth(ElementKind kind) {
  switch (kind) {
  case ElementKind::I1:
    return 1;
  case ElementKind::I8:
    return 8;
  case ElementKind::I16:
  case ElementKind::F16:
  case ElementKind::BF16:
    return 16;
  case ElementKind::I32:
  case ElementKind::F32:
    return 32;
  default:
    return 64;
  }
}

double roundToHalf(ElementKind kind, double value) {
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(kind == ElementKind::F16 ? llvm::APFloat::IEEEhalf()
                                          : llvm::APFloat::BFloat(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  number.convert(llvm::APFloat::IEEEdouble(),
                 llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return number.convertToDouble();
}

int64_t wrapTo(ElementKind kind, int64_t value) {
  if (kind == ElementKind::I1)
    return value & 1;
  return llvm::SignExtend64(uint64_t(value), getBitWidth(kind));
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

std::optional<int64_t> countElements(llvm::ArrayRef<int64_t> shape) {
  // 4 GiB of elements.
  constexpr int64_t limit = int64_t(1) << 28;
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (extent < 0 || extent > limit)
      return std::nullopt;
    count *= extent;
    if (count > limit)
      return std::nullopt;
  }
  return count;
}

Tensor::Tensor(ElementKind kind, llvm::ArrayRef<int64_t> shape)
    : kind(kind), shape(shape.begin(), shape.end()),
      elements(size_t(countElements(shape).value_or(0)),
               Scalar::of(kind, 0)) {}

Tensor Tensor::scalar(ElementKind kind, Scalar value) {
  Tensor tensor(kind, {});
  tensor[0] = value;
  return tensor;
}

Tensor Tensor::index(int64_t value) {
  return scalar(ElementKind::Index, Scalar::ofInteger(value));
}

Tensor Tensor::of(ElementKind kind, llvm::ArrayRef<int64_t> shape,
                  llvm::ArrayRef<double> values) {
  Tensor tensor(kind, shape);
  for (auto [element, value] : llvm::zip(tensor.elements, values))
    element = isFloat(kind) ? Scalar::ofNumber(roundTo(kind, value))
                            : Scalar::of(kind, int64_t(value));
  return tensor;
}

double Tensor::at(int64_t i) const {
  const Scalar &element = (*this)[i];
  return isLarge(kind) ? double(element.integer) : element.number;
}

std::vector<double> Tensor::values() const {
  std::vector<double> values;
  for (int64_t i = 0; i < size(); ++i)
    values.push_back(at(i));
  return values;
}

bool Tensor::isRecorded() const {
  return llvm::any_of(elements, [](const Scalar &e) { return e.node != 0; });
}

Tensor Tensor::detached() const {
  Tensor copy = *this;
  for (Scalar &element : copy.elements)
    element.node = 0;
  return copy;
}

std::string Tensor::describe() const {
  std::string text = stringifyElementKind(kind).str();
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleave(shape, os, ",");
  os << ']';
  return text;
}

bool sameNumber(ElementKind kind, const Scalar &a, const Scalar &b) {
  if (isLarge(kind))
    return a.integer == b.integer;
  return a.number == b.number ||
         (std::isnan(a.number) && std::isnan(b.number));
}

std::optional<int64_t> findDifference(const Tensor &a, const Tensor &b) {
  for (int64_t i = 0; i < a.size(); ++i)
    if (!sameNumber(a.kind, a[i], b[i]))
      return i;
  return std::nullopt;
}

std::string describeIndex(llvm::ArrayRef<int64_t> shape, int64_t index) {
  SmallVector<int64_t> indices(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    indices[d] = index % shape[d];
    index /= shape[d];
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleave(indices, os, ",");
  os << ']';
  return text;
}

std::optional<Tensor> tensorOf(ElementsAttr attr) {
  auto type = dyn_cast<RankedTensorType>(attr.getType());
  if (!type || !type.hasStaticShape())
    return std::nullopt;
  std::optional<ElementKind> kind = getElementKind(type.getElementType());
  if (!kind || !countElements(type.getShape()))
    return std::nullopt;
  DenseElementsAttr dense = dyn_cast<DenseElementsAttr>(attr);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat;
    if (!blob || !DenseElementsAttr::isValidRawBuffer(type, blob->getData(),
                                                      isSplat))
      return std::nullopt;
    dense = DenseElementsAttr::getFromRawBuffer(type, blob->getData());
  }
  if (!dense)
    return std::nullopt;
  Tensor tensor(*kind, type.getShape());
  int64_t i = 0;
  if (isFloat(*kind)) {
    for (llvm::APFloat value : dense.getValues<llvm::APFloat>()) {
      bool losesInfo;
      value.convert(llvm::APFloat::IEEEdouble(),
                    llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      tensor[i++] = Scalar::ofNumber(value.convertToDouble());
    }
    return tensor;
  }
  for (llvm::APInt value : dense.getValues<llvm::APInt>())
    tensor[i++] = Scalar::of(*kind, wrapTo(*kind, value.getSExtValue()));
  return tensor;
}

int64_t linearize(llvm::ArrayRef<int64_t> shape,
                  llvm::ArrayRef<int64_t> index) {
  int64_t linear = 0;
  for (auto [extent, i] : llvm::zip(shape, index))
    linear = linear * extent + i;
  return linear;
}

std::optional<std::vector<int64_t>>
broadcastIndices(llvm::ArrayRef<int64_t> shape,
                 llvm::ArrayRef<int64_t> space) {
  if (shape.size() > space.size())
    return std::nullopt;
  size_t missing = space.size() - shape.size();
  SmallVector<int64_t> strides(space.size(), 0);
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1 && shape[d] != space[missing + d])
      return std::nullopt;
    strides[missing + d] = shape[d] == 1 ? 0 : stride;
    stride *= shape[d];
  }
  std::vector<int64_t> indices;
  forEachIndex(space, [&](int64_t, llvm::ArrayRef<int64_t> index) {
    int64_t source = 0;
    for (auto [i, s] : llvm::zip(index, strides))
      source += i * s;
    indices.push_back(source);
  });
  return indices;
}

} // namespace rheobase::reference
