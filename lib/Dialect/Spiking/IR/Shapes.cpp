//===- Shapes.cpp - Shapes in verifiers and their messages ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Shapes.h"

#include "rheobase/Dialect/Spiking/IR/Real.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace rheobase::spiking {

std::string formatShape(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os, [&](int64_t extent) {
    if (ShapedType::isDynamic(extent))
      os << '?';
    else
      os << extent;
  });
  os << ']';
  return text;
}

std::string formatNumber(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << Real(number);
  return text;
}

std::string formatNumber(const llvm::APFloat &number) {
  return formatNumber(number.convertToDouble());
}

bool mayEqual(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

bool mayEqual(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  return a.size() == b.size() &&
         llvm::all_of(llvm::zip(a, b), [](auto pair) {
           return mayEqual(std::get<0>(pair), std::get<1>(pair));
         });
}

bool broadcastsTo(ArrayRef<int64_t> shape, ArrayRef<int64_t> space) {
  if (shape.size() > space.size())
    return false;
  return llvm::all_of(llvm::zip(shape, space.take_back(shape.size())),
                      [](auto pair) {
                        auto [extent, wanted] = pair;
                        return extent == 1 || mayEqual(extent, wanted);
                      });
}

std::optional<int64_t> getNumElements(ArrayRef<int64_t> shape) {
  std::optional<int64_t> product = 1;
  for (int64_t extent : shape)
    if (product)
      product = llvm::checkedMul(*product, extent);
  return product;
}

std::optional<int64_t> getNumWindows(int64_t in, int64_t kernel, int64_t stride,
                                     int64_t padding, int64_t dilation) {
  std::optional<int64_t> border = llvm::checkedMul<int64_t>(padding, 2);
  std::optional<int64_t> reach = llvm::checkedMul(dilation, kernel - 1);
  std::optional<int64_t> padded = border ? llvm::checkedAdd(in, *border) : border;
  // The last position that a window can start at.
  if (!padded || !reach || *padded - 1 < *reach)
    return std::nullopt;
  return (*padded - 1 - *reach) / stride + 1;
}

LogicalResult expectType(Operation *op, const Twine &what, Type expected,
                         Type actual, StringRef label) {
  if (expected == actual)
    return success();
  return op->emitOpError("expected ")
         << what << " of type " << expected << ", got " << actual << " ("
         << label << ")";
}

} // namespace rheobase::spiking
