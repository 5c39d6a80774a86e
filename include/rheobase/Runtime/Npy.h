//===- Npy.h - NumPy's array files ------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes .npy files: versions 1 to 3, little endian, C order.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_NPY_H
#define RHEOBASE_RUNTIME_NPY_H

#include "rheobase/Runtime/Tensor.h"

namespace rheobase {
namespace rt {

/// Reads a whole file. Elements may be b1, i1, u1, i4, i8, f2, f4 or f8; big
/// endian, Fortran order and everything else is an error.
Status readNpy(const std::string &path, Tensor &out);

/// Writes `tensor` so that the file is either complete or not there. NPY has no
/// name for bf16: such tensors are widened to f4, which is exact.
Status writeNpy(const std::string &path, const rb_tensor &tensor);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_NPY_H
