//===- SpikingDialect.cpp - The spiking dialect -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace rheobase::spiking;

#include "rheobase/Dialect/Spiking/IR/SpikingDialect.cpp.inc"
#include "rheobase/Dialect/Spiking/Interfaces/SpikingInterfaces.cpp.inc"

AdjointContext::~AdjointContext() = default;

namespace {
/// Everything is pure, so everything may be inlined.
struct SpikingInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void SpikingDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "rheobase/Dialect/Spiking/IR/SpikingOps.cpp.inc"
      >();
  addInterfaces<SpikingInlinerInterface>();
}

Operation *SpikingDialect::materializeConstant(OpBuilder &builder,
                                               Attribute value, Type type,
                                               Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}
