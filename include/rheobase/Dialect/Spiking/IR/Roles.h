//===- Roles.h - What arguments of functions are ----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_ROLES_H
#define RHEOBASE_DIALECT_SPIKING_IR_ROLES_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

namespace rheobase::spiking {

/// The role of an argument, "input" if it names none.
inline llvm::StringRef getRole(mlir::FunctionOpInterface function,
                               unsigned argument) {
  auto role = function.getArgAttrOfType<mlir::StringAttr>(
      argument, SpikingDialect::kRoleAttrName);
  return role ? role.getValue() : "input";
}

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_IR_ROLES_H
