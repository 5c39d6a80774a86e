//===- Spiking.h - The spiking dialect --------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The single header of the dialect: its enumerations, attributes, interfaces
// and operations.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_SPIKING_H
#define RHEOBASE_DIALECT_SPIKING_IR_SPIKING_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "rheobase/Dialect/Spiking/IR/Real.h"
#include "rheobase/Dialect/Spiking/IR/ScalarAlgebra.h"
#include "rheobase/Dialect/Spiking/Interfaces/Differentiable.h"
#include "rheobase/Dialect/Spiking/Interfaces/Traits.h"

#include "rheobase/Dialect/Spiking/IR/SpikingDialect.h.inc"

#include "rheobase/Dialect/Spiking/IR/SpikingEnums.h.inc"

#include "rheobase/Dialect/Spiking/Interfaces/SurrogateInterface.h.inc"
#define GET_ATTRDEF_CLASSES
#include "rheobase/Dialect/Spiking/IR/SpikingAttrs.h.inc"

#include "rheobase/Dialect/Spiking/Interfaces/SpikingInterfaces.h.inc"
#define GET_OP_CLASSES
#include "rheobase/Dialect/Spiking/IR/SpikingOps.h.inc"

#endif // RHEOBASE_DIALECT_SPIKING_IR_SPIKING_H
