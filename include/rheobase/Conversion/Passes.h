//===- Passes.h - Conversions between levels --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_CONVERSION_PASSES_H
#define RHEOBASE_CONVERSION_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace rheobase {

#define GEN_PASS_DECL
#include "rheobase/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "rheobase/Conversion/Passes.h.inc"

} // namespace rheobase

#endif // RHEOBASE_CONVERSION_PASSES_H
