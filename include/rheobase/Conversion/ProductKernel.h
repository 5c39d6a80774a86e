//===- ProductKernel.h - The kernels that compute products ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_CONVERSION_PRODUCTKERNEL_H
#define RHEOBASE_CONVERSION_PRODUCTKERNEL_H

#include "llvm/ADT/StringRef.h"
#include <optional>

namespace rheobase {

/// How products with spikes are computed. All kernels give the same bits.
enum class ProductKernel {
  Automatic, ///< what is measured to be the fastest, at run time
  Dense,     ///< register blocks
  Selective, ///< the rows of the other factor that have a spike are added
};

inline constexpr llvm::StringLiteral kProductKernelNames =
    "auto, dense or selective";

/// The kernel that options call `name`.
inline std::optional<ProductKernel> parseProductKernel(llvm::StringRef name) {
  if (name == "auto")
    return ProductKernel::Automatic;
  if (name == "dense")
    return ProductKernel::Dense;
  if (name == "selective")
    return ProductKernel::Selective;
  return std::nullopt;
}

inline llvm::StringRef stringifyProductKernel(ProductKernel kernel) {
  switch (kernel) {
  case ProductKernel::Automatic:
    return "auto";
  case ProductKernel::Dense:
    return "dense";
  case ProductKernel::Selective:
    return "selective";
  }
  return "";
}

} // namespace rheobase

#endif // RHEOBASE_CONVERSION_PRODUCTKERNEL_H
