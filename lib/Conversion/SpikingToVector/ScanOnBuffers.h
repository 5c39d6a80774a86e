//===- ScanOnBuffers.h - What lowerings of scans ask of them ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SCANONBUFFERS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SCANONBUFFERS_H

#include "IndexMath.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

namespace rheobase {

/// Success if all operands of `scan` are strided buffers and spikes in them are
/// bytes; else an error that says what one is.
mlir::LogicalResult checkScanOnBuffers(spiking::ScanOp scan,
                                       bool mayBePacked = false);

/// How an operand is broadcast to the space of a scan.
struct Broadcast {
  /// For each dimension of the space that of the operand; -1: it has none.
  llvm::SmallVector<int64_t> position;
  /// Whether the operand has an element for each index of the dimension.
  llvm::SmallVector<bool> indexed;
};

/// `timed`: the operand's first dimension is time.
Broadcast getBroadcast(mlir::MemRefType operand, llvm::ArrayRef<int64_t> space,
                       bool timed);

/// The number of steps; 1 without time.
mlir::Value createTimeSteps(IndexMath &index, spiking::ScanOp scan);

/// A buffer of `sizes`, static where they are known.
mlir::Value createBuffer(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::ValueRange sizes, mlir::Type element);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SCANONBUFFERS_H
