//===- ScanComposer.cpp - Scans out of operations on tensors --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace rheobase::spiking {

//===----------------------------------------------------------------------===//
// Elementwise operations
//===----------------------------------------------------------------------===//

bool isElementwise(Operation *op) {
  if (op->getNumResults() == 0 || op->getNumOperands() == 0)
    return false;
  if (!isa<AddOp>(op) &&
      !(OpTrait::hasElementwiseMappableTraits(op) &&
        isa<arith::ArithDialect, math::MathDialect, SpikingDialect>(
            op->getDialect())))
    return false;
  auto first = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
  return first &&
         llvm::all_of(
             llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()),
                                      llvm::to_vector(op->getResultTypes())),
             [&](Type type) {
               auto tensor = dyn_cast<RankedTensorType>(type);
               return tensor && tensor.getShape() == first.getShape();
             });
}

TypedAttr getSplatConstant(Value tensor) {
  if (auto splat = tensor.getDefiningOp<tensor::SplatOp>()) {
    TypedAttr scalar;
    if (matchPattern(splat.getInput(), m_Constant(&scalar)))
      return scalar;
    return {};
  }
  DenseElementsAttr elements;
  if (matchPattern(tensor, m_Constant(&elements)) && elements.isSplat())
    return cast<TypedAttr>(elements.getSplatValue<Attribute>());
  return {};
}

bool isZero(Value tensor) {
  auto constant = dyn_cast_or_null<FloatAttr>(getSplatConstant(tensor));
  return constant && constant.getValue().isZero();
}

/// Spikes and counts as numbers of `type`.
static Value convert(OpBuilder &builder, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  bool binary = value.getType().isInteger(1);
  if (isa<IntegerType>(type))
    return arith::ExtUIOp::create(builder, loc, type, value);
  if (binary)
    return arith::UIToFPOp::create(builder, loc, type, value);
  return arith::SIToFPOp::create(builder, loc, type, value);
}

SmallVector<Value> buildScalars(OpBuilder &builder, Operation *op,
                                ValueRange operands) {
  Location loc = op->getLoc();
  if (auto add = dyn_cast<AddOp>(op)) {
    Type type = getElementTypeOrSelf(add.getType());
    Value lhs = convert(builder, loc, operands[0], type);
    Value rhs = convert(builder, loc, operands[1], type);
    if (isa<IntegerType>(type))
      return {arith::AddIOp::create(builder, loc, lhs, rhs)};
    return {arith::AddFOp::create(builder, loc, lhs, rhs)};
  }
  SmallVector<Type> types;
  for (Type type : op->getResultTypes())
    types.push_back(getElementTypeOrSelf(type));
  OperationState state(loc, op->getName(), operands, types, op->getAttrs());
  return llvm::to_vector_of<Value>(builder.create(state)->getResults());
}

//===----------------------------------------------------------------------===//
// ScanComposer
//===----------------------------------------------------------------------===//

ScanComposer::ScanComposer(OpBuilder &builder, Location loc,
                           Direction direction)
    : builder(builder), loc(loc), direction(direction),
      bodyBuilder(builder.getContext()), replayBuilder(builder.getContext()) {
  bodyBuilder.setInsertionPointToEnd(&body);
  replayBuilder.setInsertionPointToEnd(&replay);
}

Value ScanComposer::getShared(Shared &list, Value tensor, bool inReplay) {
  Operand &operand = list[tensor];
  if (!operand.tensor) {
    Type type = getElementTypeOrSelf(tensor.getType());
    operand.tensor = tensor;
    operand.inBody = body.addArgument(type, loc);
    operand.inReplay = replay.addArgument(type, loc);
  }
  return inReplay ? operand.inReplay : operand.inBody;
}

Value ScanComposer::getParam(Value value, bool inReplay) {
  if (TypedAttr constant = getSplatConstant(value))
    return arith::ConstantOp::create(inReplay ? replayBuilder : bodyBuilder,
                                     loc, constant);
  return getShared(params, value, inReplay);
}

Value ScanComposer::addState(Value init) {
  BlockArgument argument =
      body.addArgument(getElementTypeOrSelf(init.getType()), loc);
  states.push_back({init, argument, {}, {}});
  return argument;
}

std::pair<Value, Value> ScanComposer::addReplayed(Value init) {
  Type type = getElementTypeOrSelf(init.getType());
  BlockArgument inBody = body.addArgument(type, loc);
  BlockArgument inReplay = replay.addArgument(type, loc);
  replayed.push_back({init, inBody, inReplay, {}});
  return {inBody, inReplay};
}

/// Clones all but the terminator. In a step form the only step is step 0.
static IRMapping cloneBody(OpBuilder &builder, Block &from, bool step,
                           ValueRange arguments) {
  IRMapping mapping;
  mapping.map(from.getArguments(), arguments);
  for (Operation &op : from.without_terminator()) {
    if (step && isa<TimeStepOp>(op))
      mapping.map(
          op.getResult(0),
          arith::ConstantIndexOp::create(builder, op.getLoc(), 0).getResult());
    else
      builder.clone(op, mapping);
  }
  return mapping;
}

IRMapping ScanComposer::inlineBody(ScanOp scan, ValueRange arguments,
                                   bool intoReplay) {
  return cloneBody(intoReplay ? replayBuilder : bodyBuilder,
                   scan.getBody().front(), scan.isStep(), arguments);
}

IRMapping ScanComposer::inlineReplay(ScanOp scan, ValueRange arguments) {
  return cloneBody(replayBuilder, scan.getReplay().front(), /*step=*/false,
                   arguments);
}

ScanOp ScanComposer::create() {
  auto tensors = [](auto &list) {
    SmallVector<Value> values;
    for (auto &entry : list)
      values.push_back(entry.tensor);
    return values;
  };
  auto sharedTensors = [](Shared &list) {
    SmallVector<Value> values;
    for (auto &entry : list)
      values.push_back(entry.second.tensor);
    return values;
  };
  auto yielded = [](ArrayRef<Operand> list) {
    SmallVector<Value> values;
    for (const Operand &entry : list)
      values.push_back(entry.yielded);
    return values;
  };

  auto scan =
      ScanOp::create(builder, loc, direction, sharedTensors(ins),
                     sharedTensors(params), tensors(outputs), tensors(states),
                     tensors(accumulators), tensors(replayed));
  auto moveTo = [&](Block &from, Block &to, bool inReplay) {
    unsigned next = 0;
    auto replace = [&](const Operand &operand) {
      BlockArgument argument = inReplay ? operand.inReplay : operand.inBody;
      argument.replaceAllUsesWith(to.getArgument(next++));
    };
    for (Shared *list : {&ins, &params})
      for (auto &entry : *list)
        replace(entry.second);
    if (!inReplay)
      llvm::for_each(states, replace);
    llvm::for_each(replayed, replace);
    to.getOperations().splice(to.end(), from.getOperations());
  };
  // What is yielded may be an argument, so the terminators come first.
  bodyBuilder.setInsertionPointToEnd(&body);
  YieldOp::create(bodyBuilder, loc, yielded(outputs), yielded(states),
                  yielded(accumulators));
  moveTo(body, scan.getBody().front(), /*inReplay=*/false);
  if (!replayed.empty()) {
    replayBuilder.setInsertionPointToEnd(&replay);
    YieldOp::create(replayBuilder, loc, ValueRange(), yielded(replayed));
    moveTo(replay, scan.getReplay().front(), /*inReplay=*/true);
  }
  return scan;
}

} // namespace rheobase::spiking
