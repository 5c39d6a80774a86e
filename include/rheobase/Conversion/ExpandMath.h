//===- ExpandMath.h - Functions in the reference arithmetic -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_CONVERSION_EXPANDMATH_H
#define RHEOBASE_CONVERSION_EXPANDMATH_H

#include "mlir/IR/PatternMatch.h"

namespace rheobase {

/// Patterns that turn f32, f16 and bf16 transcendental functions into basic
/// operations and fused multiply-adds. Each function has one pattern, so the
/// result is the same on every backend, for scalars and for vectors.
void populateExpandMathPatterns(mlir::RewritePatternSet &patterns);

/// Patterns that give `arith.maxnumf` and `arith.minnumf` one result where the
/// operands are zeros of both signs (the second one), for every type.
void populateExpandMinMaxPatterns(mlir::RewritePatternSet &patterns);

/// Applies both sets of patterns to what is inside `root`, and to nothing else;
/// nothing is folded, because folders compute with the host's libm. With
/// `constantsOnly` only to functions that a folder could get hold of.
mlir::LogicalResult expandMath(mlir::Operation *root,
                               bool constantsOnly = false);

} // namespace rheobase

#endif // RHEOBASE_CONVERSION_EXPANDMATH_H
