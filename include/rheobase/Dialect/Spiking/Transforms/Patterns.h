//===- Patterns.h - Rewrites of the spiking dialect -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PATTERNS_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PATTERNS_H

#include "mlir/IR/PatternMatch.h"

namespace rheobase::spiking {

/// Named neurons become scans.
void populateDecomposeNeuronsPatterns(mlir::RewritePatternSet &patterns);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_PATTERNS_H
