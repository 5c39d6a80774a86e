//===- Passes.td - Conversions between levels -------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_CONVERSION_PASSES_TD
#define RHEOBASE_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Tensors: the spiking dialect to linalg
//===----------------------------------------------------------------------===//

//===----------------------------------------------------------------------===//
// Buffers to loops over vectors
//===----------------------------------------------------------------------===//

#endif // RHEOBASE_CONVERSION_PASSES_TD
