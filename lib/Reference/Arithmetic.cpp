//===- Arithmetic.cpp - The reference arithmetic ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/Arithmetic.h"

#include "rheobase/Reference/Math.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/ErrorHandling.h"

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Scalar Arithmetic::select(Scalar c, Scalar a, Scalar b) const {
  double p = c.number;
  // A spike of a smooth run may be a fraction.
  double value = p == 1.0   ? a.number
                 : p == 0.0 ? b.number
                            : p * a.number + (1.0 - p) * b.number;
  double difference = c.node == 0 ? 0.0 : a.number - b.number;
  if (p == 1.0)
    return result(value, {{a, 1.0}, {b, 0.0}, {c, difference}});
  if (p == 0.0)
    return result(value, {{a, 0.0}, {b, 1.0}, {c, difference}});
  return result(value, {{a, p}, {b, 1.0 - p}, {c, difference}});
}

Scalar Arithmetic::exp(Scalar a) const {
  double value = kind == ElementKind::F64 ? expOf(a.number)
                                          : double(expOf(float(a.number)));
  return result(value, {{a, std::exp(a.number)}});
}

Scalar Arithmetic::expm1(Scalar a) const {
  double value = kind == ElementKind::F64 ? expm1Of(a.number)
                                          : double(expm1Of(float(a.number)));
  return result(value, {{a, std::exp(a.number)}});
}

Scalar Arithmetic::log(Scalar a) const {
  double value = kind == ElementKind::F64 ? logOf(a.number)
                                          : double(logOf(float(a.number)));
  return result(value, {{a, 1.0 / a.number}});
}

//===----------------------------------------------------------------------===//
// NumberAlgebra
//===----------------------------------------------------------------------===//

uint64_t NumberAlgebra::handleOf(Scalar value) {
  return llvm::bit_cast<uint64_t>(value.number);
}

Scalar NumberAlgebra::valueOf(uint64_t handle) {
  return Scalar::ofNumber(llvm::bit_cast<double>(handle));
}

uint64_t NumberAlgebra::constant(double value) {
  return handleOf(arithmetic.constant(value));
}

uint64_t NumberAlgebra::unary(Unary kind, uint64_t operand) {
  Scalar a = valueOf(operand);
  bool isDouble = arithmetic.getKind() == ElementKind::F64;
  auto apply = [&](float (*single)(float), double (*full)(double)) {
    return handleOf(arithmetic.constant(
        isDouble ? full(a.number) : double(single(float(a.number)))));
  };
  switch (kind) {
  case Unary::Neg:
    return handleOf(arithmetic.neg(a));
  case Unary::Abs:
    return handleOf(arithmetic.abs(a));
  case Unary::Exp:
    return apply(expOf, expOf);
  case Unary::Log:
    return apply(logOf, logOf);
  case Unary::Sqrt:
    return handleOf(arithmetic.sqrt(a));
  case Unary::Tanh:
    return apply(tanhOf, tanhOf);
  case Unary::Atan:
    return apply(atanOf, atanOf);
  case Unary::Erf:
    return apply(erfOf, erfOf);
  case Unary::Cos:
    return apply(cosOf, cosOf);
  case Unary::Sin:
    return apply(sinOf, sinOf);
  }
  llvm_unreachable("unknown unary operation");
}

uint64_t NumberAlgebra::binary(Binary kind, uint64_t lhs, uint64_t rhs) {
  Scalar a = valueOf(lhs), b = valueOf(rhs);
  switch (kind) {
  case Binary::Add:
    return handleOf(arithmetic.add(a, b));
  case Binary::Sub:
    return handleOf(arithmetic.sub(a, b));
  case Binary::Mul:
    return handleOf(arithmetic.mul(a, b));
  case Binary::Div:
    return handleOf(arithmetic.div(a, b));
  case Binary::Min:
    return handleOf(arithmetic.minimum(a, b));
  case Binary::Max:
    return handleOf(arithmetic.maximum(a, b));
  case Binary::Pow:
    // Exponents of formulas are constants.
    if (arithmetic.getKind() == ElementKind::F64)
      return handleOf(arithmetic.constant(powOf(a.number, b.number, true)));
    return handleOf(arithmetic.constant(
        powOf(float(a.number), float(b.number), true)));
  }
  llvm_unreachable("unknown binary operation");
}

uint64_t NumberAlgebra::select(Predicate pred, uint64_t lhs, uint64_t rhs,
                               uint64_t ifTrue, uint64_t ifFalse) {
  double a = valueOf(lhs).number, b = valueOf(rhs).number;
  bool holds = false;
  switch (pred) {
  case Predicate::LT:
    holds = a < b;
    break;
  case Predicate::LE:
    holds = a <= b;
    break;
  case Predicate::GT:
    holds = a > b;
    break;
  case Predicate::GE:
    holds = a >= b;
    break;
  }
  return holds ? ifTrue : ifFalse;
}

} // namespace rheobase::reference
