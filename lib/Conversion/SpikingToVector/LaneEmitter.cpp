//===- LaneEmitter.cpp - Scalar code applied to lanes of a vector -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"
#include "PackedSpikes.h"

#include "rheobase/Conversion/SpikingToVector.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase;

/// `value` as a constant of `like`'s type, which may be a vector.
static Value getFloat(OpBuilder &builder, Location loc, Type like,
                      double value) {
  TypedAttr attr = builder.getFloatAttr(getElementTypeOrSelf(like), value);
  if (auto vector = dyn_cast<VectorType>(like))
    attr = DenseElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(builder, loc, attr);
}

static Value getInteger(OpBuilder &builder, Location loc, Type like,
                        int64_t value) {
  TypedAttr attr = builder.getIntegerAttr(getElementTypeOrSelf(like), value);
  if (auto vector = dyn_cast<VectorType>(like))
    attr = DenseElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(builder, loc, attr);
}

Value rheobase::expandFire(OpBuilder &builder, spiking::FireOp fire, Value u) {
  Location loc = fire.getLoc();
  Type type = u.getType();
  Type spikeType = builder.getIntegerType(8);
  if (auto vector = dyn_cast<VectorType>(type))
    spikeType = vector.clone(spikeType);
  Value zero = getFloat(builder, loc, type, 0.0);
  auto predicate = fire.getCompare() == spiking::Compare::GE
                       ? arith::CmpFPredicate::OGE
                       : arith::CmpFPredicate::OGT;
  switch (fire.getKind()) {
  case spiking::FireKind::Binary:
    return arith::CmpFOp::create(builder, loc, predicate, u, zero);
  case spiking::FireKind::Ternary: {
    Value positive = arith::CmpFOp::create(builder, loc, predicate, u, zero);
    Value distance = getFloat(builder, loc, type,
                              2.0 * fire.getThreshold()->convertToDouble());
    Value opposite = arith::NegFOp::create(
        builder, loc, arith::AddFOp::create(builder, loc, u, distance));
    Value negative =
        arith::CmpFOp::create(builder, loc, predicate, opposite, zero);
    Value below = arith::SelectOp::create(
        builder, loc, negative, getInteger(builder, loc, spikeType, -1),
        getInteger(builder, loc, spikeType, 0));
    return arith::SelectOp::create(
        builder, loc, positive, getInteger(builder, loc, spikeType, 1), below);
  }
  case spiking::FireKind::Count: {
    // Comparisons, so that a NaN clips to 0.
    Value maximum = getFloat(builder, loc, type, *fire.getMaximum());
    Value above =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, u, zero);
    Value clipped = arith::SelectOp::create(builder, loc, above, u, zero);
    Value below = arith::CmpFOp::create(
        builder, loc, arith::CmpFPredicate::OLT, clipped, maximum);
    clipped = arith::SelectOp::create(builder, loc, below, clipped, maximum);
    Value rounded = clipped;
    switch (fire.getRounding()) {
    case spiking::Rounding::Floor:
      rounded = math::FloorOp::create(builder, loc, clipped);
      break;
    case spiking::Rounding::NearestEven:
      rounded = math::RoundEvenOp::create(builder, loc, clipped);
      break;
    }
    return arith::FPToSIOp::create(builder, loc, spikeType, rounded);
  }
  }
  llvm_unreachable("unknown kind of spike");
}

Type LaneEmitter::getType(Type scalar) const {
  return lanes ? VectorType::get({lanes}, scalar) : scalar;
}

Value LaneEmitter::spread(Value value) {
  if (!lanes || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(builder, loc, getType(value.getType()),
                                     value);
}

Value LaneEmitter::constant(TypedAttr value) {
  if (lanes)
    value = DenseElementsAttr::get(cast<VectorType>(getType(value.getType())),
                                   value);
  return arith::ConstantOp::create(builder, loc, value);
}

Value LaneEmitter::load(Value memref, ValueRange indices) {
  if (!lanes)
    return memref::LoadOp::create(builder, loc, memref, indices);
  auto type =
      cast<VectorType>(getType(getElementTypeOrSelf(memref.getType())));
  if (!mask)
    return vector::LoadOp::create(builder, loc, type, memref, indices);
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  return vector::MaskedLoadOp::create(builder, loc, type, memref, indices, mask,
                                      zero);
}

void LaneEmitter::store(Value value, Value memref, ValueRange indices,
                        std::optional<int64_t> streamedAlignment) {
  value = spread(value);
  if (!lanes)
    memref::StoreOp::create(builder, loc, value, memref, indices);
  else if (!mask && streamedAlignment)
    vector::StoreOp::create(builder, loc, value, memref, indices,
                            /*nontemporal=*/true,
                            llvm::Align(*streamedAlignment));
  else if (!mask)
    vector::StoreOp::create(builder, loc, value, memref, indices);
  else
    vector::MaskedStoreOp::create(builder, loc, memref, indices, mask, value);
}

Value LaneEmitter::loadPacked(Value bytes, Value offset,
                              bool hasMaskRegisters) {
  if (!lanes)
    return loadPackedElement(builder, loc, bytes, offset);
  // There is memory behind the lanes that do not exist.
  if (lanes % 8 == 0 && !hasMaskRegisters)
    return loadPackedFlags(builder, loc, bytes, offset, lanes);
  return rheobase::loadPacked(builder, loc, bytes, offset, lanes,
                              BitOffset::Multiple);
}

void LaneEmitter::storePacked(Value value, Value bytes, Value offset) {
  assert(lanes % 8 == 0 && lanes > 0 && "a vector fills bytes");
  rheobase::storePacked(builder, loc, spread(value), bytes, offset, mask);
}

void LaneEmitter::emit(Block &block, IRMapping &mapping) {
  for (Operation &op : block.without_terminator())
    emit(op, mapping);
}

void LaneEmitter::emit(ArrayRef<Operation *> ops, IRMapping &mapping) {
  for (Operation *op : ops)
    emit(*op, mapping);
}

/// Whether `op` could divide by zero, or overflow as INT_MIN / -1 does.
static bool mayTrap(Operation *op) {
  if (!isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
           arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op))
    return false;
  llvm::APInt divisor;
  return !matchPattern(op->getOperand(1), m_ConstantInt(&divisor)) ||
         divisor.isZero() || divisor.isAllOnes();
}

void LaneEmitter::emitElementwise(Operation &op, IRMapping &mapping) {
  bool divergent = llvm::any_of(op.getOperands(), [&](Value operand) {
    return isa<VectorType>(mapping.lookupOrDefault(operand).getType());
  });
  // A divisor of 1 keeps lanes that do not matter from trapping.
  bool guarded = active && (divergent || active != mask) && mayTrap(&op);
  divergent |= guarded && isa<VectorType>(active.getType());
  IRMapping operands;
  for (Value operand : op.getOperands()) {
    Value value = mapping.lookupOrDefault(operand);
    operands.map(operand, divergent ? spread(value) : value);
  }
  Operation *clone = builder.clone(op, operands);
  if (divergent)
    for (OpResult result : clone->getResults())
      result.setType(getType(result.getType()));
  if (guarded) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(clone);
    Value divisor = clone->getOperand(1);
    Value one = getInteger(builder, loc, divisor.getType(), 1);
    clone->setOperand(
        1, arith::SelectOp::create(builder, loc, active, divisor, one));
  }
  // The reference arithmetic is strict.
  if (auto fast = dyn_cast<arith::ArithFastMathInterface>(clone))
    clone->setAttr(fast.getFastMathAttrName(),
                   arith::FastMathFlagsAttr::get(op.getContext(),
                                                 arith::FastMathFlags::none));
  mapping.map(op.getResults(), clone->getResults());
}

SmallVector<Value> LaneEmitter::emitBranch(Block &block, Value condition,
                                           IRMapping &mapping) {
  Value outer = active;
  if (outer) {
    bool divergent = isa<VectorType>(outer.getType()) ||
                     isa<VectorType>(condition.getType());
    active = arith::AndIOp::create(
        builder, loc, divergent ? spread(outer) : outer,
        divergent ? spread(condition) : condition);
  } else {
    active = condition;
  }
  emit(block, mapping);
  active = outer;
  return llvm::map_to_vector(
      block.getTerminator()->getOperands(),
      [&](Value value) { return mapping.lookupOrDefault(value); });
}

void LaneEmitter::emit(Operation &op, IRMapping &mapping) {
  if (auto fire = dyn_cast<spiking::FireOp>(op)) {
    mapping.map(fire.getSpike(),
                expandFire(builder, fire,
                           mapping.lookupOrDefault(fire.getU())));
    return;
  }
  if (auto detach = dyn_cast<spiking::DetachOp>(op)) {
    mapping.map(detach.getOutput(),
                mapping.lookupOrDefault(detach.getInput()));
    return;
  }
  if (auto step = dyn_cast<spiking::TimeStepOp>(op)) {
    mapping.map(step.getIndex(), timeStep);
    return;
  }
  if (auto position = dyn_cast<linalg::IndexOp>(op)) {
    mapping.map(position.getResult(), loopIndex(position.getDim()));
    return;
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    if (branch.getNumResults() == 0)
      return;
    Value condition = mapping.lookupOrDefault(branch.getCondition());
    Value allOnes =
        getInteger(builder, loc, condition.getType(), -1);
    Value opposite =
        arith::XOrIOp::create(builder, loc, condition, allOnes);
    SmallVector<Value> thens =
        emitBranch(*branch.thenBlock(), condition, mapping);
    SmallVector<Value> elses =
        emitBranch(*branch.elseBlock(), opposite, mapping);
    for (auto [result, yes, no] :
         llvm::zip(branch.getResults(), thens, elses)) {
      bool divergent = isa<VectorType>(condition.getType()) ||
                       isa<VectorType>(yes.getType()) ||
                       isa<VectorType>(no.getType());
      if (divergent) {
        yes = spread(yes);
        no = spread(no);
      }
      mapping.map(result, arith::SelectOp::create(builder, loc, condition, yes,
                                                  no));
    }
    return;
  }
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    SmallVector<Value> inits;
    for (Value init : loop.getInitArgs())
      inits.push_back(spread(mapping.lookupOrDefault(init)));
    auto clone = scf::ForOp::create(
        builder, loc, mapping.lookupOrDefault(loop.getLowerBound()),
        mapping.lookupOrDefault(loop.getUpperBound()),
        mapping.lookupOrDefault(loop.getStep()), inits);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(clone.getBody());
    if (inits.empty())
      builder.setInsertionPoint(clone.getBody()->getTerminator());
    mapping.map(loop.getInductionVar(), clone.getInductionVar());
    mapping.map(loop.getRegionIterArgs(), clone.getRegionIterArgs());
    emit(*loop.getBody(), mapping);
    if (!inits.empty()) {
      SmallVector<Value> next;
      for (Value value : loop.getBody()->getTerminator()->getOperands())
        next.push_back(spread(mapping.lookupOrDefault(value)));
      scf::YieldOp::create(builder, loc, next);
    }
    mapping.map(loop.getResults(), clone.getResults());
    return;
  }
  emitElementwise(op, mapping);
}
