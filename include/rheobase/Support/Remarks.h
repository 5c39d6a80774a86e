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

// spiking-hoist-time-invariant (and kHoisted)
/// Computed at every step, although its input is the same at every step.
constexpr llvm::StringLiteral kNotHoisted("not-hoisted");

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

// spiking-plan-residuals (and kRecomputed)
/// A value of the forward pass that the backward pass reads.
constexpr llvm::StringLiteral kKept("kept");

// spiking-assign-layouts
/// An operation on images has its channels last.
constexpr llvm::StringLiteral kChannelsLast("channels-last");
/// A transposition between layouts stays.
constexpr llvm::StringLiteral kTransposed("transposed");

// spiking-form-kernels
/// Operations became a kernel.
constexpr llvm::StringLiteral kKernel("kernel");

// memory-limit
/// What a function needs at given sizes.
constexpr llvm::StringLiteral kPlannedPeak("planned-peak");

// spiking-legalize-spike-storage
/// Spikes between kernels are bits.
constexpr llvm::StringLiteral kSpikesInBits("spikes-in-bits");
/// Spikes stay bytes.
constexpr llvm::StringLiteral kSpikesInBytes("spikes-in-bytes");

// spiking-plan-memory
/// The size of a function's arena.
constexpr llvm::StringLiteral kArena("arena");
/// A buffer whose size is not a function of the arguments.
constexpr llvm::StringLiteral kNoSlot("no-slot");
/// A result that is part of something else and copied.
constexpr llvm::StringLiteral kResultCopy("result-copy");
/// A donated argument whose new value is copied into it.
constexpr llvm::StringLiteral kDonation("donation");

// convert-spiking-scan-to-loops, convert-spiking-scan-to-gpu
/// A scan works on several neurons at once.
constexpr llvm::StringLiteral kVectorized("vectorized");
/// A scan works on its neurons one by one.
constexpr llvm::StringLiteral kOneByOne("one-by-one");

// convert-products-to-vector
/// A product is computed in blocks of registers.
constexpr llvm::StringLiteral kProduct("product");
/// Which kernels there are for a product with spikes.
constexpr llvm::StringLiteral kProductKernels("product-kernels");

// convert-spiking-to-linalg
/// Whether blocks of samples take all steps of a time loop in parallel.
constexpr llvm::StringLiteral kSampleBlocks("sample-blocks");

// Compilation of a module as a whole; the category is compile-cache
/// Whether the machine code was there from an earlier compilation.
constexpr llvm::StringLiteral kCompileCache("compile-cache");

} // namespace rheobase::remarks

#endif // RHEOBASE_SUPPORT_REMARKS_H
