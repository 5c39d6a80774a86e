//===- Differentiable.h - Cotangents during differentiation -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_INTERFACES_DIFFERENTIABLE_H
#define RHEOBASE_DIALECT_SPIKING_INTERFACES_DIFFERENTIABLE_H

#include "mlir/IR/Value.h"

namespace rheobase::spiking {

/// What an adjoint sees of the differentiation it is part of. The cotangent of
/// a value has its shape; its element type is the value's if that is a float,
/// else (spikes) the float type of the first contribution.
class AdjointContext {
public:
  virtual ~AdjointContext();
  /// The cotangent of a primal value, or null if it is zero.
  virtual mlir::Value getCotangent(mlir::Value primal) = 0;
  /// Adds `cotangent` to the cotangent of `primal`.
  virtual void addCotangent(mlir::Value primal, mlir::Value cotangent) = 0;
  /// Whether anything that is differentiated with respect to depends on it.
  virtual bool needsCotangent(mlir::Value primal) = 0;
};

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_INTERFACES_DIFFERENTIABLE_H
