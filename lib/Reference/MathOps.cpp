//===- MathOps.cpp - Executes the math dialect ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "rheobase/Reference/Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace rheobase::reference {

/// A function in the precision of the lane: 16-bit floats go through f32.
static double evaluate(const Lane &lane, float (*single)(float),
                       double (*full)(double), double x) {
  return lane.to == ElementKind::F64 ? full(x) : double(single(float(x)));
}

/// An elementwise function of one number: `NAME(derivative of x and y = f(x))`.
#define UNARY(NAME, FUNCTION, DERIVATIVE)                                      \
  static Scalar NAME(const Lane &lane, ArrayRef<Scalar> operands) {            \
    const double x = operands[0].number;                                       \
    const double y = evaluate(lane, FUNCTION, FUNCTION, x);                    \
    (void)x, (void)y;                                                          \
    return lane.arithmetic.result(                                             \
        y, {{operands[0], operands[0].node == 0 ? 0.0 : (DERIVATIVE)}});       \
  }
UNARY(exp, expOf, std::exp(x))
UNARY(exp2, exp2Of, std::exp2(x) * M_LN2)
UNARY(expm1, expm1Of, std::exp(x))
UNARY(log, logOf, 1.0 / x)
UNARY(log2, log2Of, 1.0 / (x * M_LN2))
UNARY(log10, log10Of, 1.0 / (x * M_LN10))
UNARY(log1p, log1pOf, 1.0 / (1.0 + x))
UNARY(sin, sinOf, std::cos(x))
UNARY(cos, cosOf, -std::sin(x))
UNARY(tan, tanOf, 1.0 + y * y)
UNARY(asin, asinOf, 1.0 / std::sqrt(1.0 - x * x))
UNARY(acos, acosOf, -1.0 / std::sqrt(1.0 - x * x))
UNARY(atan, atanOf, 1.0 / (1.0 + x * x))
UNARY(sinh, sinhOf, std::cosh(x))
UNARY(cosh, coshOf, std::sinh(x))
UNARY(tanh, tanhOf, 1.0 - y * y)
UNARY(asinh, asinhOf, 1.0 / std::sqrt(x * x + 1.0))
UNARY(acosh, acoshOf, 1.0 / std::sqrt(x * x - 1.0))
UNARY(atanh, atanhOf, 1.0 / (1.0 - x * x))
UNARY(erf, erfOf, M_2_SQRTPI * std::exp(-x * x))
UNARY(erfc, erfcOf, -M_2_SQRTPI * std::exp(-x * x))
UNARY(cbrt, cbrtOf, 1.0 / (3.0 * y * y))
#undef UNARY

static Scalar rsqrt(const Lane &lane, ArrayRef<Scalar> x) {
  const Arithmetic &a = lane.arithmetic;
  return a.div(a.constant(1.0), a.sqrt(x[0]));
}
static Scalar sqrt(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.sqrt(x[0]);
}
static Scalar absF(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.abs(x[0]);
}
static Scalar fma(const Lane &lane, ArrayRef<Scalar> x) {
  return lane.arithmetic.fma(x[0], x[1], x[2]);
}

/// Of value, lower and upper bound; the value has the derivative at a bound.
static Scalar clampF(const Lane &lane, ArrayRef<Scalar> x) {
  const Arithmetic &a = lane.arithmetic;
  double value = a.minimum(a.maximum(x[0], x[1]), x[2]).number;
  bool low = x[0].number<x[1].number, high = x[0].number> x[2].number;
  return a.result(value, {{x[0], low || high ? 0.0 : 1.0},
                          {x[1], low ? 1.0 : 0.0},
                          {x[2], high ? 1.0 : 0.0}});
}

// Steps: their derivative is zero.
static Scalar floor(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::floor(x[0].number));
}
static Scalar ceil(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::ceil(x[0].number));
}
static Scalar round(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::round(x[0].number));
}
static Scalar roundEven(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::nearbyint(x[0].number));
}
static Scalar trunc(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::trunc(x[0].number));
}

static Scalar isFinite(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::isfinite(x[0].number));
}
static Scalar isInf(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::isinf(x[0].number));
}
static Scalar isNaN(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::ofNumber(std::isnan(x[0].number));
}

static Scalar isNormal(const Lane &lane, ArrayRef<Scalar> x) {
  bool normal = lane.from == ElementKind::F64
                    ? std::isnormal(x[0].number)
                    : std::isnormal(float(x[0].number));
  return Scalar::ofNumber(normal);
}

static uint64_t bitsOf(const Lane &lane, Scalar x) {
  return uint64_t(x.asInteger(lane.from)) &
         llvm::maskTrailingOnes<uint64_t>(getBitWidth(lane.from));
}
static Scalar ctPop(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::of(lane.to, llvm::popcount(bitsOf(lane, x[0])));
}
static Scalar countLeadingZeros(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::of(lane.to, llvm::countl_zero(bitsOf(lane, x[0])) -
                                 (64 - int(getBitWidth(lane.from))));
}
static Scalar countTrailingZeros(const Lane &lane, ArrayRef<Scalar> x) {
  return Scalar::of(lane.to, std::min(llvm::countr_zero(bitsOf(lane, x[0])),
                                      int(getBitWidth(lane.from))));
}
/// The least number stays itself.
static Scalar absI(const Lane &lane, ArrayRef<Scalar> x) {
  int64_t value = x[0].asInteger(lane.from);
  return Scalar::of(
      lane.to,
      wrapTo(lane.to, value < 0 ? int64_t(0 - uint64_t(value)) : value));
}

static Scalar copySign(const Lane &lane, ArrayRef<Scalar> x) {
  double value = std::copysign(x[0].number, x[1].number);
  // The sign of y times the derivative of |x|.
  double sign = x[0].number > 0 ? 1.0 : x[0].number < 0 ? -1.0 : 0.0;
  return lane.arithmetic.result(value,
                                {{x[0], std::copysign(1.0, value) * sign}});
}

static Scalar atan2(const Lane &lane, ArrayRef<Scalar> operands) {
  double y = operands[0].number, x = operands[1].number;
  double value = lane.to == ElementKind::F64
                     ? atan2Of(y, x)
                     : double(atan2Of(float(y), float(x)));
  double square = x * x + y * y;
  return lane.arithmetic.result(
      value, {{operands[0], x / square}, {operands[1], -y / square}});
}

/// Whether a value is the same constant for every element.
static bool isConstant(Value value) {
  return matchPattern(value, m_Constant());
}

static Scalar powF(const Lane &lane, ArrayRef<Scalar> operands) {
  double x = operands[0].number, e = operands[1].number;
  bool constant = isConstant(lane.op->getOperand(1));
  double value = lane.to == ElementKind::F64
                     ? powOf(x, e, constant)
                     : double(powOf(float(x), float(e), constant));
  // Where the base is not positive the power is constant or undefined.
  double byExponent =
      operands[1].node != 0 && x > 0.0 ? std::pow(x, e) * std::log(x) : 0.0;
  return lane.arithmetic.result(
      value,
      {{operands[0], e * std::pow(x, e - 1.0)}, {operands[1], byExponent}});
}

static Scalar fPowI(const Lane &lane, ArrayRef<Scalar> operands) {
  double x = operands[0].number;
  int64_t e = operands[1].asInteger(kindOf(lane.op->getOperand(1)));
  bool constant = isConstant(lane.op->getOperand(1));
  double value = lane.to == ElementKind::F64
                     ? powiOf(x, e, constant)
                     : double(powiOf(float(x), e, constant));
  return lane.arithmetic.result(
      value, {{operands[0], double(e) * std::pow(x, double(e - 1))}});
}

void addMathOps(Handlers &handlers) {
  handlers.addElementwise<math::ExpOp, exp>();
  handlers.addElementwise<math::Exp2Op, exp2>();
  handlers.addElementwise<math::ExpM1Op, expm1>();
  handlers.addElementwise<math::LogOp, log>();
  handlers.addElementwise<math::Log2Op, log2>();
  handlers.addElementwise<math::Log10Op, log10>();
  handlers.addElementwise<math::Log1pOp, log1p>();
  handlers.addElementwise<math::SinOp, sin>();
  handlers.addElementwise<math::CosOp, cos>();
  handlers.addElementwise<math::TanOp, tan>();
  handlers.addElementwise<math::AsinOp, asin>();
  handlers.addElementwise<math::AcosOp, acos>();
  handlers.addElementwise<math::AtanOp, atan>();
  handlers.addElementwise<math::Atan2Op, atan2>();
  handlers.addElementwise<math::SinhOp, sinh>();
  handlers.addElementwise<math::CoshOp, cosh>();
  handlers.addElementwise<math::TanhOp, tanh>();
  handlers.addElementwise<math::AsinhOp, asinh>();
  handlers.addElementwise<math::AcoshOp, acosh>();
  handlers.addElementwise<math::AtanhOp, atanh>();
  handlers.addElementwise<math::ErfOp, erf>();
  handlers.addElementwise<math::ErfcOp, erfc>();
  handlers.addElementwise<math::CbrtOp, cbrt>();
  handlers.addElementwise<math::RsqrtOp, rsqrt>();
  handlers.addElementwise<math::SqrtOp, sqrt>();
  handlers.addElementwise<math::AbsFOp, absF>();
  handlers.addElementwise<math::FmaOp, fma>();
  handlers.addElementwise<math::ClampFOp, clampF>();
  handlers.addElementwise<math::FloorOp, floor>();
  handlers.addElementwise<math::CeilOp, ceil>();
  handlers.addElementwise<math::RoundOp, round>();
  handlers.addElementwise<math::RoundEvenOp, roundEven>();
  handlers.addElementwise<math::TruncOp, trunc>();
  handlers.addElementwise<math::IsFiniteOp, isFinite>();
  handlers.addElementwise<math::IsInfOp, isInf>();
  handlers.addElementwise<math::IsNaNOp, isNaN>();
  handlers.addElementwise<math::IsNormalOp, isNormal>();
  handlers.addElementwise<math::CtPopOp, ctPop>();
  handlers.addElementwise<math::CountLeadingZerosOp, countLeadingZeros>();
  handlers.addElementwise<math::CountTrailingZerosOp, countTrailingZeros>();
  handlers.addElementwise<math::AbsIOp, absI>();
  handlers.addElementwise<math::CopySignOp, copySign>();
  handlers.addElementwise<math::PowFOp, powF>();
  handlers.addElementwise<math::FPowIOp, fPowI>();
}

} // namespace rheobase::reference
