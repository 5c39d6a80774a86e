//===- BufferUses.cpp - What operations do with buffers -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "BufferUses.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace rheobase;

Value rheobase::getBuffer(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  if (memref.getDefiningOp<memref::AllocOp>() ||
      memref.getDefiningOp<memref::AllocaOp>() ||
      memref.getDefiningOp<memref::GetGlobalOp>())
    return memref;
  auto argument = dyn_cast<BlockArgument>(memref);
  return argument && isa<func::FuncOp>(argument.getOwner()->getParentOp())
             ? memref
             : Value();
}

/// Whether `op` only reads what `operand` points to.
static bool reads(Operation *op, OpOperand &operand) {
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    return destination.isDpsInput(&operand);
  auto memory = dyn_cast<MemoryEffectOpInterface>(op);
  if (!memory)
    return false;
  SmallVector<MemoryEffects::EffectInstance> effects;
  memory.getEffectsOnValue(operand.get(), effects);
  return !effects.empty() &&
         llvm::all_of(effects, [](const MemoryEffects::EffectInstance &effect) {
           return isa<MemoryEffects::Read>(effect.getEffect());
         });
}

BufferUse rheobase::getBufferUse(Operation *op, Value buffer) {
  BufferUse use = BufferUse::None;
  op->walk([&](Operation *nested) {
    if (isa<ViewLikeOpInterface, memref::DimOp, memref::PrefetchOp,
            arith::SelectOp>(nested))
      return;
    for (OpOperand &operand : nested->getOpOperands()) {
      if (!isa<BaseMemRefType>(operand.get().getType()))
        continue;
      Value other = getBuffer(operand.get());
      if (other && other != buffer)
        continue;
      use = std::max(use, reads(nested, operand) ? BufferUse::Read
                                                 : BufferUse::Write);
    }
  });
  return use;
}
