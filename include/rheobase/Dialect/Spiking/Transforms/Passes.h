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

// What passes below L2 note on functions, their arguments and results.

/// On an argument that is a number: the name of the dimensions that it says.
inline constexpr llvm::StringLiteral kExtentAttrName = "rheobase.extent";
/// On an argument: the result that it is the memory of.
inline constexpr llvm::StringLiteral kResultAttrName = "rheobase.result";
/// On the argument that is the memory of all other buffers.
inline constexpr llvm::StringLiteral kArenaAttrName = "rheobase.arena";
/// Of a function: how many values its backward pass computes again.
inline constexpr llvm::StringLiteral kRecomputedAttrName =
    "rheobase.recomputed";
/// On a function: the function that computes how much memory it needs.
inline constexpr llvm::StringLiteral kSizesAttrName = "rheobase.sizes";

#define GEN_PASS_DECL
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PASSES_H
