//===- ArithOps.cpp - Executes the arith dialect ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On scalars and elementwise on tensors. Logic and sums of spikes have
// gradients (docs/Semantics.md, gradients); other integers have none.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static LogicalResult constant(Machine &machine, arith::ConstantOp op) {
  FailureOr<Tensor> value =
      initialValue("constant", op.getType(), op.getValue(), 0, op.getLoc());
  if (failed(value))
    return failure();
  machine.set(op, std::move(*value));
  return success();
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

static Scalar negF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.neg(x[0]);
}
static Scalar addF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.add(x[0], x[1]);
}
static Scalar subF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.sub(x[0], x[1]);
}
static Scalar mulF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.mul(x[0], x[1]);
}
static Scalar divF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.div(x[0], x[1]);
}
static Scalar remF(const Lane &lane, ArrayRef<Scalar> x) {
  double a = x[0].number, b = x[1].number;
  return lane.arithmetic.result(std::fmod(a, b),
                                {{x[0], 1.0}, {x[1], -std::trunc(a / b)}});
}
static Scalar maximumF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.maximum(x[0], x[1]);
}
static Scalar minimumF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.minimum(x[0], x[1]);
}
static Scalar maxNumF(const Lane &lane, ArrayRef<Scalar> x) {
  if (std::isnan(x[0].number) || std::isnan(x[1].number))
    return lane.arithmetic.choose(std::isnan(x[1].number), x[0], x[1]);
  return lane.arithmetic.maximum(x[0], x[1]);
}
static Scalar minNumF(const Lane &lane, ArrayRef<Scalar> x) {
  if (std::isnan(x[0].number) || std::isnan(x[1].number))
    return lane.arithmetic.choose(std::isnan(x[1].number), x[0], x[1]);
  return lane.arithmetic.minimum(x[0], x[1]);
}
static Scalar convertF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.convert(x[0]);
}

static Scalar compareF(const Lane &lane, ArrayRef<Scalar> x) {
  double a = x[0].number, b = x[1].number;
  bool unordered = std::isnan(a) || std::isnan(b);
  auto holds = [&] {
    switch (cast<arith::CmpFOp>(lane.op).getPredicate()) {
    case arith::CmpFPredicate::AlwaysFalse:
      return false;
    case arith::CmpFPredicate::OEQ:
      return a == b;
    case arith::CmpFPredicate::OGT:
      return a > b;
    case arith::CmpFPredicate::OGE:
      return a >= b;
    case arith::CmpFPredicate::OLT:
      return a < b;
    case arith::CmpFPredicate::OLE:
      return a <= b;
    case arith::CmpFPredicate::ONE:
      return !unordered && a != b;
    case arith::CmpFPredicate::ORD:
      return !unordered;
    case arith::CmpFPredicate::UEQ:
      return unordered || a == b;
    case arith::CmpFPredicate::UGT:
      return unordered || a > b;
    case arith::CmpFPredicate::UGE:
      return unordered || a >= b;
    case arith::CmpFPredicate::ULT:
      return unordered || a < b;
    case arith::CmpFPredicate::ULE:
      return unordered || a <= b;
    case arith::CmpFPredicate::UNE:
      return a != b;
    case arith::CmpFPredicate::UNO:
      return unordered;
    case arith::CmpFPredicate::AlwaysTrue:
      return true;
    }
    return false;
  };
  return Scalar::ofNumber(holds());
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

/// A result that is no spike.
static Scalar integer(const Lane &lane, uint64_t value) {
  return Scalar::of(lane.to, wrapTo(lane.to, int64_t(value)));
}
static int64_t asSigned(const Lane &lane, Scalar a) {
  int64_t value = a.asInteger(lane.from);
  // The one bit of an i1 is its sign.
  return lane.from == ElementKind::I1 ? -value : value;
}
static uint64_t asUnsigned(const Lane &lane, Scalar a) {
  uint64_t value = uint64_t(a.asInteger(lane.from));
  return value & llvm::maskTrailingOnes<uint64_t>(getBitWidth(lane.from));
}
/// Whether the operands may be spikes, which are added and multiplied as numbers.
static bool areSpikes(const Lane &lane, ArrayRef<Scalar> x) {
  if (lane.from != ElementKind::I1 && lane.from != ElementKind::I8)
    return false;
  return llvm::any_of(x, [](const Scalar &scalar) {
    return scalar.node != 0 || scalar.number != std::floor(scalar.number);
  });
}

static Scalar addI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.arithmetic.add(x[0], x[1]);
  return integer(lane, asUnsigned(lane, x[0]) + asUnsigned(lane, x[1]));
}
static Scalar subI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.arithmetic.sub(x[0], x[1]);
  return integer(lane, asUnsigned(lane, x[0]) - asUnsigned(lane, x[1]));
}
static Scalar mulI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.arithmetic.mul(x[0], x[1]);
  return integer(lane, asUnsigned(lane, x[0]) * asUnsigned(lane, x[1]));
}
static Scalar andI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.arithmetic.mul(x[0], x[1]);
  return integer(lane, asUnsigned(lane, x[0]) & asUnsigned(lane, x[1]));
}
static Scalar orI(const Lane &lane, ArrayRef<Scalar> x) {
  const Arithmetic &a = lane.arithmetic;
  if (areSpikes(lane, x))
    return a.sub(a.add(x[0], x[1]), a.mul(x[0], x[1]));
  return integer(lane, asUnsigned(lane, x[0]) | asUnsigned(lane, x[1]));
}
static Scalar xorI(const Lane &lane, ArrayRef<Scalar> x) {
  const Arithmetic &a = lane.arithmetic;
  if (areSpikes(lane, x))
    return a.sub(a.add(x[0], x[1]),
                 a.mul(a.constant(2.0), a.mul(x[0], x[1])));
  return integer(lane, asUnsigned(lane, x[0]) ^ asUnsigned(lane, x[1]));
}
static Scalar maxSI(const Lane &lane, ArrayRef<Scalar> x) {
  return asSigned(lane, x[0]) >= asSigned(lane, x[1]) ? x[0] : x[1];
}
static Scalar minSI(const Lane &lane, ArrayRef<Scalar> x) {
  return asSigned(lane, x[0]) <= asSigned(lane, x[1]) ? x[0] : x[1];
}
static Scalar maxUI(const Lane &lane, ArrayRef<Scalar> x) {
  return asUnsigned(lane, x[0]) >= asUnsigned(lane, x[1]) ? x[0] : x[1];
}
static Scalar minUI(const Lane &lane, ArrayRef<Scalar> x) {
  return asUnsigned(lane, x[0]) <= asUnsigned(lane, x[1]) ? x[0] : x[1];
}

/// A shift by at least the width gives 0, or the sign.
static Scalar shlI(const Lane &lane, ArrayRef<Scalar> x) {
  uint64_t by = asUnsigned(lane, x[1]);
  return integer(lane, by < 64 ? asUnsigned(lane, x[0]) << by : 0);
}
static Scalar shrUI(const Lane &lane, ArrayRef<Scalar> x) {
  uint64_t by = asUnsigned(lane, x[1]);
  return integer(lane, by < 64 ? asUnsigned(lane, x[0]) >> by : 0);
}
static Scalar shrSI(const Lane &lane, ArrayRef<Scalar> x) {
  uint64_t by = std::min<uint64_t>(asUnsigned(lane, x[1]), 63);
  return integer(lane, uint64_t(asSigned(lane, x[0]) >> by));
}

/// Widens or narrows; of spikes the number is the same.
static Scalar extUI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.arithmetic.convert(x[0]);
  return integer(lane, asUnsigned(lane, x[0]));
}
static Scalar extSI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.from == ElementKind::I1 ? lane.arithmetic.neg(x[0])
                                        : lane.arithmetic.convert(x[0]);
  return integer(lane, uint64_t(asSigned(lane, x[0])));
}
static Scalar truncI(const Lane &lane, ArrayRef<Scalar> x) {
  if (areSpikes(lane, x))
    return lane.arithmetic.convert(x[0]);
  return integer(lane, asUnsigned(lane, x[0]));
}

static Scalar uiToFP(const Lane &lane, ArrayRef<Scalar> x) {
  if (isLarge(lane.from))
    return lane.arithmetic.constant(double(asUnsigned(lane, x[0])));
  Scalar number = x[0];
  if (!areSpikes(lane, x))
    number.number = double(asUnsigned(lane, x[0]));
  return lane.arithmetic.convert(number);
}
static Scalar siToFP(const Lane &lane, ArrayRef<Scalar> x) {
  if (isLarge(lane.from))
    return lane.arithmetic.constant(double(x[0].integer));
  return lane.from == ElementKind::I1 ? lane.arithmetic.neg(x[0])
                                      : lane.arithmetic.convert(x[0]);
}

/// Truncates towards zero; what does not fit has no defined value and becomes
/// the smallest integer.
static Scalar fpToSI(const Lane &lane, ArrayRef<Scalar> x) {
  double value = std::trunc(x[0].number);
  double bound = std::ldexp(1.0, int(getBitWidth(lane.to)) - 1);
  if (!(value >= -bound && value < bound))
    value = -bound;
  return integer(lane, uint64_t(int64_t(value)));
}
static Scalar fpToUI(const Lane &lane, ArrayRef<Scalar> x) {
  double value = std::trunc(x[0].number);
  double bound = std::ldexp(1.0, int(getBitWidth(lane.to)));
  if (!(value >= 0.0 && value < bound))
    value = 0.0;
  return integer(lane, uint64_t(value));
}

static Scalar indexCast(const Lane &lane, ArrayRef<Scalar> x) {
  return integer(lane, uint64_t(asSigned(lane, x[0])));
}
static Scalar indexCastUI(const Lane &lane, ArrayRef<Scalar> x) {
  return integer(lane, asUnsigned(lane, x[0]));
}

static Scalar compareI(const Lane &lane, ArrayRef<Scalar> x) {
  int64_t a = asSigned(lane, x[0]), b = asSigned(lane, x[1]);
  uint64_t ua = asUnsigned(lane, x[0]), ub = asUnsigned(lane, x[1]);
  auto holds = [&] {
    switch (cast<arith::CmpIOp>(lane.op).getPredicate()) {
    case arith::CmpIPredicate::eq:
      return a == b;
    case arith::CmpIPredicate::ne:
      return a != b;
    case arith::CmpIPredicate::slt:
      return a < b;
    case arith::CmpIPredicate::sle:
      return a <= b;
    case arith::CmpIPredicate::sgt:
      return a > b;
    case arith::CmpIPredicate::sge:
      return a >= b;
    case arith::CmpIPredicate::ult:
      return ua < ub;
    case arith::CmpIPredicate::ule:
      return ua <= ub;
    case arith::CmpIPredicate::ugt:
      return ua > ub;
    case arith::CmpIPredicate::uge:
      return ua >= ub;
    }
    return false;
  };
  return Scalar::ofNumber(holds());
}

/// A quotient or remainder. Only a division by zero is an error; where a
/// quotient does not fit it wraps around.
template <typename OpTy, Scalar (*function)(const Lane &, ArrayRef<Scalar>)>
static LogicalResult divide(Machine &machine, OpTy op) {
  const Tensor &divisor = machine.get(op.getRhs());
  for (const Scalar &element : divisor.elements)
    if (element.asInteger(divisor.kind) == 0)
      return op.emitOpError("divides by zero");
  return applyElementwise(machine, op, function);
}

static Scalar divUI(const Lane &lane, ArrayRef<Scalar> x) {
  return integer(lane, asUnsigned(lane, x[0]) / asUnsigned(lane, x[1]));
}
static Scalar remUI(const Lane &lane, ArrayRef<Scalar> x) {
  return integer(lane, asUnsigned(lane, x[0]) % asUnsigned(lane, x[1]));
}
static Scalar ceilDivUI(const Lane &lane, ArrayRef<Scalar> x) {
  uint64_t a = asUnsigned(lane, x[0]), b = asUnsigned(lane, x[1]);
  return integer(lane, a / b + (a % b != 0));
}
static Scalar remSI(const Lane &lane, ArrayRef<Scalar> x) {
  int64_t a = asSigned(lane, x[0]), b = asSigned(lane, x[1]);
  return integer(lane, b == -1 ? 0 : uint64_t(a % b));
}
static Scalar divSI(const Lane &lane, ArrayRef<Scalar> x) {
  int64_t a = asSigned(lane, x[0]), b = asSigned(lane, x[1]);
  return integer(lane, b == -1 ? -uint64_t(a) : uint64_t(a / b));
}
static Scalar ceilDivSI(const Lane &lane, ArrayRef<Scalar> x) {
  int64_t a = asSigned(lane, x[0]), b = asSigned(lane, x[1]);
  if (b == -1)
    return integer(lane, -uint64_t(a));
  return integer(lane, uint64_t(a / b + (a % b != 0 && (a < 0) == (b < 0))));
}
static Scalar floorDivSI(const Lane &lane, ArrayRef<Scalar> x) {
  int64_t a = asSigned(lane, x[0]), b = asSigned(lane, x[1]);
  if (b == -1)
    return integer(lane, -uint64_t(a));
  return integer(lane, uint64_t(a / b - (a % b != 0 && (a < 0) != (b < 0))));
}

//===----------------------------------------------------------------------===//
// Any type
//===----------------------------------------------------------------------===//

static LogicalResult select(Machine &machine, arith::SelectOp op) {
  return applyElementwise(machine, op, [](const Lane &lane, ArrayRef<Scalar> x) {
    if (isLarge(lane.to))
      return x[0].number != 0.0 ? x[1] : x[2];
    return lane.arithmetic.select(x[0], x[1], x[2]);
  });
}

static Scalar bitcastElement(const Lane &lane, ArrayRef<Scalar> x) {
  if (lane.from == ElementKind::F32 && lane.to == ElementKind::I32)
    return Scalar::ofNumber(llvm::bit_cast<int32_t>(float(x[0].number)));
  if (lane.from == ElementKind::I32 && lane.to == ElementKind::F32)
    return Scalar::ofNumber(llvm::bit_cast<float>(int32_t(x[0].number)));
  if (lane.from == ElementKind::F64 && lane.to == ElementKind::I64)
    return Scalar::ofInteger(llvm::bit_cast<int64_t>(x[0].number));
  return Scalar::ofNumber(llvm::bit_cast<double>(x[0].integer));
}

static LogicalResult bitcast(Machine &machine, arith::BitcastOp op) {
  ElementKind from = kindOf(op.getIn()), to = kindOf(op.getOut());
  bool known = getBitWidth(from) == getBitWidth(to) && getBitWidth(to) >= 32 &&
               isFloat(from) != isFloat(to) && to != ElementKind::Index &&
               from != ElementKind::Index;
  if (!known)
    return op.emitError("the reference interpreter does not reinterpret ")
           << op.getIn().getType() << " as " << op.getType();
  if (machine.get(op.getIn()).isRecorded())
    return op.emitError("has no derivative");
  return applyElementwise(machine, op, bitcastElement);
}

void addArithOps(Handlers &handlers) {
  handlers.add(constant);
  handlers.addElementwise<arith::NegFOp, negF>();
  handlers.addElementwise<arith::AddFOp, addF>();
  handlers.addElementwise<arith::SubFOp, subF>();
  handlers.addElementwise<arith::MulFOp, mulF>();
  handlers.addElementwise<arith::DivFOp, divF>();
  handlers.addElementwise<arith::RemFOp, remF>();
  handlers.addElementwise<arith::MaximumFOp, maximumF>();
  handlers.addElementwise<arith::MinimumFOp, minimumF>();
  handlers.addElementwise<arith::MaxNumFOp, maxNumF>();
  handlers.addElementwise<arith::MinNumFOp, minNumF>();
  handlers.addElementwise<arith::ExtFOp, convertF>();
  handlers.addElementwise<arith::TruncFOp, convertF>();
  handlers.addElementwise<arith::CmpFOp, compareF>();
  handlers.addElementwise<arith::AddIOp, addI>();
  handlers.addElementwise<arith::SubIOp, subI>();
  handlers.addElementwise<arith::MulIOp, mulI>();
  handlers.addElementwise<arith::AndIOp, andI>();
  handlers.addElementwise<arith::OrIOp, orI>();
  handlers.addElementwise<arith::XOrIOp, xorI>();
  handlers.addElementwise<arith::MaxSIOp, maxSI>();
  handlers.addElementwise<arith::MinSIOp, minSI>();
  handlers.addElementwise<arith::MaxUIOp, maxUI>();
  handlers.addElementwise<arith::MinUIOp, minUI>();
  handlers.addElementwise<arith::ShLIOp, shlI>();
  handlers.addElementwise<arith::ShRUIOp, shrUI>();
  handlers.addElementwise<arith::ShRSIOp, shrSI>();
  handlers.addElementwise<arith::ExtUIOp, extUI>();
  handlers.addElementwise<arith::ExtSIOp, extSI>();
  handlers.addElementwise<arith::TruncIOp, truncI>();
  handlers.addElementwise<arith::UIToFPOp, uiToFP>();
  handlers.addElementwise<arith::SIToFPOp, siToFP>();
  handlers.addElementwise<arith::FPToSIOp, fpToSI>();
  handlers.addElementwise<arith::FPToUIOp, fpToUI>();
  handlers.addElementwise<arith::IndexCastOp, indexCast>();
  handlers.addElementwise<arith::IndexCastUIOp, indexCastUI>();
  handlers.addElementwise<arith::CmpIOp, compareI>();
  handlers.add(divide<arith::DivSIOp, divSI>);
  handlers.add(divide<arith::DivUIOp, divUI>);
  handlers.add(divide<arith::CeilDivSIOp, ceilDivSI>);
  handlers.add(divide<arith::CeilDivUIOp, ceilDivUI>);
  handlers.add(divide<arith::FloorDivSIOp, floorDivSI>);
  handlers.add(divide<arith::RemSIOp, remSI>);
  handlers.add(divide<arith::RemUIOp, remUI>);
  handlers.add(select);
  handlers.add(bitcast);
}

} // namespace rheobase::reference
