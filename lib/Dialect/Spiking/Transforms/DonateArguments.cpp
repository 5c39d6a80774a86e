//===- DonateArguments.cpp - Results that update arguments ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/SmallBitVector.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_DONATEARGUMENTSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase::spiking;

/// The operand whose buffer `value` may be computed in, or be a part of; null
/// where there is none.
static OpOperand *getOrigin(Value value) {
  auto result = dyn_cast<OpResult>(value);
  if (!result)
    return nullptr;
  Operation *op = result.getOwner();
  if (auto dps = dyn_cast<DestinationStyleOpInterface>(op))
    return dps.getTiedOpOperand(result);
  if (isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
          tensor::ExtractSliceOp>(op))
    return &op->getOpOperand(0);
  return nullptr;
}

/// Bufferization refuses what would have to be in place and cannot be. So a
/// result begins with a copy where it would be computed in the buffer of a
/// donated argument that it does not alias, or lies there: results leave after
/// all new values are written. And so does what a loop carries.
static void keepFromDonated(func::FuncOp function) {
  Block &entry = function.getBody().front();
  auto getAliased = [&](OpOperand &result) -> std::optional<int64_t> {
    auto aliases = function.getResultAttrOfType<IntegerAttr>(
        result.getOperandNumber(), SpikingDialect::kAliasesAttrName);
    return aliases ? std::optional(aliases.getInt()) : std::nullopt;
  };
  llvm::SmallBitVector donated(function.getNumArguments());
  for (OpOperand &result : entry.getTerminator()->getOpOperands())
    if (auto aliased = getAliased(result))
      donated.set(*aliased);
  if (donated.none())
    return;

  auto copyDonated = [&](OpOperand &operand, std::optional<int64_t> except) {
    OpOperand *use = &operand;
    while (OpOperand *origin = getOrigin(use->get()))
      use = origin;
    auto argument = dyn_cast<BlockArgument>(use->get());
    if (!argument || argument.getOwner() != &entry ||
        !donated.test(argument.getArgNumber()) ||
        except == int64_t(argument.getArgNumber()))
      return;
    // Before anything is written.
    auto builder = OpBuilder::atBlockBegin(&entry);
    use->set(bufferization::AllocTensorOp::create(
        builder, argument.getLoc(), cast<RankedTensorType>(argument.getType()),
        ValueRange(), argument));
  };
  function.walk([&](LoopLikeOpInterface loop) {
    for (OpOperand &init : loop.getInitsMutable())
      if (isa<RankedTensorType>(init.get().getType()))
        copyDonated(init, std::nullopt);
  });
  for (OpOperand &result : entry.getTerminator()->getOpOperands())
    copyDonated(result, getAliased(result));
}

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

    keepFromDonated(function);
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
