//===- PackedSpikes.h - Spikes that are bits in memory ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A `memref<..xi1>` that is, through views, a `memref.view` of bytes holds bit
// i of its elements, in row-major order, in bit i % 8 of byte i / 8. Nothing
// accesses it as such: lowerings access the bytes. Offsets and strides count
// bits. A row, the elements along the innermost dimension, begins with a byte
// and fills its last one, so that threads that write different rows, or
// different vectors of 8 or more elements of one, write different bytes. What
// reads may read up to seven bytes beyond the last one.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_PACKEDSPIKES_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_PACKEDSPIKES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace rheobase {

/// Whether `memref` is spikes in bits.
bool arePackedSpikes(mlir::Value memref);

/// Whether `memref` is spikes in bits once memory is planned: an allocation as
/// yet, or a view of one.
bool willBePackedSpikes(mlir::Value memref);

/// The bytes of the buffer that `memref`, spikes in bits, is a view of.
mlir::Value getPackedBytes(mlir::OpBuilder &builder, mlir::Value memref);

/// The same as a memref of bytes: its innermost dimension is an eighth.
mlir::Value getPackedAsBytes(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Value memref);

/// How the number of a bit in its byte is known.
enum class BitOffset {
  /// It is 0.
  Byte,
  /// The offset is a multiple of the number of bits that are accessed.
  Multiple,
  Any
};

/// `count` spikes from bit `offset` of `bytes`, as a vector of i1: at most 32
/// where bits do not begin with a byte, else 64.
mlir::Value loadPacked(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value bytes, mlir::Value offset, int64_t count,
                       BitOffset known);
/// The same from a byte on, for whole bytes, where vectors of i1 are bytes in
/// registers as well as where they are bits: for uses that are no extension.
mlir::Value loadPackedFlags(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value bytes, mlir::Value offset,
                            int64_t count);
/// A single spike.
mlir::Value loadPackedElement(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::Value bytes, mlir::Value offset);
/// 64 spikes from a byte on: bit i is spike i.
mlir::Value loadPackedWord(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value bytes, mlir::Value offset);
/// Stores a vector of i1 at bit `offset`, where a byte begins; where there is a
/// mask, the bytes whose first element exists.
void storePacked(mlir::OpBuilder &builder, mlir::Location loc,
                 mlir::Value spikes, mlir::Value bytes, mlir::Value offset,
                 mlir::Value mask = {});

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_PACKEDSPIKES_H
