//===- Traits.h - Traits of the dialect's operations ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_INTERFACES_TRAITS_H
#define RHEOBASE_DIALECT_SPIKING_INTERFACES_TRAITS_H

#include "mlir/IR/OpDefinition.h"

namespace rheobase::spiking {

namespace detail {
/// spiking_c1: fails if the operation has an attribute that is neither its own
/// nor a dialect's.
llvm::LogicalResult verifyKnownAttributes(mlir::Operation *op);
} // namespace detail

/// An operation on which a misspelt attribute is an error.
template <typename ConcreteType>
class KnownAttributes
    : public mlir::OpTrait::TraitBase<ConcreteType, KnownAttributes> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return detail::verifyKnownAttributes(op);
  }
};

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_INTERFACES_TRAITS_H
