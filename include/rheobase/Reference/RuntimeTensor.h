//===- RuntimeTensor.h - Between interpreter and runtime --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_RUNTIMETENSOR_H
#define RHEOBASE_REFERENCE_RUNTIMETENSOR_H

#include "rheobase/Reference/Tensor.h"
#include "rheobase/Runtime/Tensor.h"
#include "rheobase/rt.h"

namespace rheobase::reference {

/// The runtime's element type of a kind; i16 has none and becomes i32.
int32_t runtimeType(ElementKind kind);

/// `tensor` as the runtime stores it.
rt::Status toRuntime(const Tensor &tensor, rt::Tensor &result);

/// A tensor of the runtime as one of `kind`, to which its values convert without
/// an error.
rt::Status fromRuntime(const rb_tensor &tensor, ElementKind kind,
                       Tensor &result);

/// Calls a compiled function, whose results are of `kinds`.
rt::Status callEntry(rb_entry_fn entry, llvm::ArrayRef<Tensor> arguments,
                     llvm::ArrayRef<ElementKind> kinds,
                     llvm::SmallVector<Tensor> &results);

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_RUNTIMETENSOR_H
