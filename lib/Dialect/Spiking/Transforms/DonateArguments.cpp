//===- DonateArguments.cpp - Results that update arguments
//------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_DONATEARGUMENTSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase::spiking;

namespace {
struct DonateArgumentsPass
    : rheobase::spiking::impl::DonateArgumentsPassBase<DonateArgumentsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !llvm::hasSingleElement(function.getBody()))
      return;
    OpBuilder builder(&getContext());
    StringRef writable = bufferization::BufferizationDialect::kWritableAttrName;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (isa<TensorType>(function.getArgumentTypes()[i]))
        function.setArgAttr(i, writable, builder.getBoolAttr(false));

    Operation *terminator = function.getBody().front().getTerminator();
    builder.setInsertionPoint(terminator);
    for (OpOperand &operand : terminator->getOpOperands()) {
      auto aliases = function.getResultAttrOfType<IntegerAttr>(
          operand.getOperandNumber(), SpikingDialect::kAliasesAttrName);
      if (!aliases)
        continue;
      unsigned index = aliases.getInt();
      BlockArgument argument = function.getArgument(index);
      function.setArgAttr(index, writable, builder.getBoolAttr(true));
      if (operand.get() == argument)
        continue;
      operand.set(bufferization::MaterializeInDestinationOp::create(
                      builder, operand.get().getLoc(), operand.get().getType(),
                      operand.get(), argument)
                      .getResult());
    }
  }
};
} // namespace
