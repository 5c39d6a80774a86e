//===- BufferUses.h - What operations do with buffers -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_BUFFERUSES_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_BUFFERUSES_H

#include "mlir/IR/Operation.h"

namespace rheobase {

/// The buffer that `memref` is a view of: an allocation, a global or an
/// argument of the function; null where it is not known to be apart from all
/// others.
mlir::Value getBuffer(mlir::Value memref);

/// What an operation does with a buffer, at most.
enum class BufferUse { None, Read, Write };

/// What `op`, with what is nested in it, does with `buffer`.
BufferUse getBufferUse(mlir::Operation *op, mlir::Value buffer);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_BUFFERUSES_H
