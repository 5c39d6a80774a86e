//===- Remarks.h - The names of all remarks ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one list of remark names. The category of a remark is the pass's option.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_SUPPORT_REMARKS_H
#define RHEOBASE_SUPPORT_REMARKS_H

#include "llvm/ADT/StringRef.h"

namespace rheobase::remarks {

// spiking-distribute-time-loop
/// Computed once, before the loop.
constexpr llvm::StringLiteral kHoisted("hoisted");
/// An operation on whole sequences.
constexpr llvm::StringLiteral kSequenceForm("sequence-form");
/// A recurrence of neurons alone became one scan.
constexpr llvm::StringLiteral kScan("scan");
/// A sum over time became one operation.
constexpr llvm::StringLiteral kSumOverTime("sum-over-time");
/// Stays in a loop over time: a recurrence through more than neurons.
constexpr llvm::StringLiteral kRecurrence("recurrence");
/// Stays in a loop over time: no sequence form is known.
constexpr llvm::StringLiteral kNoSequenceForm("no-sequence-form");

// spiking-fuse-neurons
/// Two scans, or a scan and elementwise operations, became one scan.
constexpr llvm::StringLiteral kFused("fused");
/// Two scans that feed each other stay apart.
constexpr llvm::StringLiteral kNotFused("not-fused");

// spiking-plan-recomputation
/// The backward scan computes the forward states again.
constexpr llvm::StringLiteral kRecomputed("recomputed");
/// The forward states are kept in memory.
constexpr llvm::StringLiteral kStored("stored");

// spiking-assign-layouts
/// An operation on images has its channels last.
constexpr llvm::StringLiteral kChannelsLast("channels-last");
/// A transposition between layouts stays.
constexpr llvm::StringLiteral kTransposed("transposed");

} // namespace rheobase::remarks

#endif // RHEOBASE_SUPPORT_REMARKS_H
