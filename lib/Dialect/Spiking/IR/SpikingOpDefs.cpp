//===- SpikingOpDefs.cpp - Generated definitions of the operations ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

using namespace mlir;
using namespace rheobase::spiking;

#define GET_OP_CLASSES
#include "rheobase/Dialect/Spiking/IR/SpikingOps.cpp.inc"
