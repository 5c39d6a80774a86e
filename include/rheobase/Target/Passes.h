//===- Passes.h - Passes that write artefacts -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TARGET_PASSES_H
#define RHEOBASE_TARGET_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace rheobase {

#define GEN_PASS_DECL
#include "rheobase/Target/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "rheobase/Target/Passes.h.inc"

} // namespace rheobase

#endif // RHEOBASE_TARGET_PASSES_H
