//===- ScanNeighbours.h - What stands around a scan on buffers --*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SCANNEIGHBOURS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SCANNEIGHBOURS_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/PatternMatch.h"

namespace rheobase {

/// Where the initial values of a state are, and whether its last ones are
/// needed.
struct StateSource {
  /// A number that all neurons begin with; null: there is none.
  mlir::Value scalar;
  /// A buffer that is read instead of the state's own; null: its own.
  mlir::Value buffer;
  /// Whether somebody reads the state after the scan.
  bool isRead = true;

  /// Whether the state's buffer must not be updated step by step.
  bool isElsewhere() const { return scalar || buffer || !isRead; }
  bool operator==(const StateSource &other) const {
    return scalar == other.scalar && buffer == other.buffer;
  }
};

/// The sources of the states and of the replayed states of a scan.
struct ScanSources {
  llvm::SmallVector<StateSource> states, replayed;
};

/// Finds the sources of a scan with time; copies and fills before it that only
/// initialize its states are erased.
ScanSources takeScanSources(mlir::RewriterBase &rewriter, spiking::ScanOp scan);

/// Erases what fills buffers that nobody reads any more: the beginnings of
/// states that scans have found to be numbers.
void eraseUnreadFills(mlir::RewriterBase &rewriter, mlir::Operation *root);

/// A forward scan right before `scan` whose steps compute what `scan` replays,
/// such that blocks of neurons may go through both, one after the other; null
/// if there is none.
spiking::ScanOp findRecorder(
    spiking::ScanOp scan, const ScanSources &sources,
    llvm::function_ref<const ScanSources *(spiking::ScanOp)> sourcesOf);

/// Whether `value` is an argument of the function that is the memory of a
/// result.
bool isResultMemory(mlir::Value value);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SCANNEIGHBOURS_H
