//===- Passes.h - Passes of the spiking dialect -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PASSES_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PASSES_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace rheobase::spiking {

#define GEN_PASS_DECL
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PASSES_H
