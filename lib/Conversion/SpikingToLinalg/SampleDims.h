//===- SampleDims.h - Where tensors have their samples ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLEDIMS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLEDIMS_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Block.h"
#include "llvm/ADT/EquivalenceClasses.h"

#include <optional>

namespace rheobase {

/// Finds which dimension of the tensors of a block is that of the samples. It
/// follows from the scans: time is their first dimension, samples the second
/// one.
class SampleDims {
public:
  explicit SampleDims(mlir::Block &block);

  /// The dimension of samples; none: `value` is the same for all of them.
  std::optional<int64_t> get(mlir::Value value) const {
    auto it = dims.find(value);
    return it == dims.end() ? std::nullopt : std::optional<int64_t>(it->second);
  }
  bool isSupported(mlir::Operation *op) const {
    return !unsupported.contains(op) && !roles.lookup(op).empty();
  }
  /// Whether two values have the same samples.
  bool areAlike(mlir::Value a, mlir::Value b) const {
    return classes.isEquivalent(a.getAsOpaquePointer(), b.getAsOpaquePointer());
  }
  /// `value` stands for `old` from now on.
  void replace(mlir::Value old, mlir::Value value) {
    dims[value] = dims.lookup(old);
    classes.unionSets(old.getAsOpaquePointer(), value.getAsOpaquePointer());
    lengths.unionSets(old.getAsOpaquePointer(), value.getAsOpaquePointer());
  }
  /// A value of the operation with samples.
  mlir::Value getAnchor(mlir::Operation *op) const {
    return roles.lookup(op).front();
  }
  /// Whether steps are a dimension of `value`, the one before the samples.
  bool isSequence(mlir::Value value) const { return get(value) == 1; }
  /// Whether two sequences have the same steps.
  bool areAsLong(mlir::Value a, mlir::Value b) const {
    return lengths.isEquivalent(a.getAsOpaquePointer(), b.getAsOpaquePointer());
  }
  /// A sequence of the operation; null if there is none.
  mlir::Value getSequence(mlir::Operation *op) const;

private:
  bool set(mlir::Operation *op, mlir::Value value, int64_t dim);
  /// All of `values` with an offset each have samples at the same dimension, if
  /// one has.
  bool align(mlir::Operation *op,
             llvm::ArrayRef<std::pair<mlir::Value, int64_t>> values);
  bool visit(mlir::Operation *op);
  bool visitScan(spiking::ScanOp scan);
  /// The loop over the samples is parallel, and indexes what has samples by
  /// itself.
  bool visitGeneric(mlir::linalg::GenericOp generic);
  /// Whether all uses of values with samples are among those that visit() saw.
  bool isKnown(mlir::Operation *op) const;

  llvm::DenseMap<mlir::Value, int64_t> dims;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value>> roles;
  llvm::DenseSet<mlir::Operation *> unsupported;
  llvm::EquivalenceClasses<const void *> classes, lengths;
};

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_SAMPLEDIMS_H
