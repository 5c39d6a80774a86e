//===- ScalarAlgebra.cpp - Scalar formulas over any representation ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/ScalarAlgebra.h"

#include "rheobase/Dialect/Spiking/IR/Builders.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace rheobase::spiking {

ScalarAlgebra::~ScalarAlgebra() = default;

using Unary = ScalarAlgebra::Unary;
using Binary = ScalarAlgebra::Binary;
using Predicate = ScalarAlgebra::Predicate;

static Expr unary(Unary kind, Expr a) {
  return Expr(a.getAlgebra(), a.getAlgebra()->unary(kind, a.getHandle()));
}
static Expr binary(Binary kind, Expr a, Expr b) {
  return Expr(a.getAlgebra(),
              a.getAlgebra()->binary(kind, a.getHandle(), b.getHandle()));
}
Expr constant(double a, Expr like) {
  return Expr(like.getAlgebra(), like.getAlgebra()->constant(a));
}

Expr operator-(Expr a) { return unary(Unary::Neg, a); }
Expr operator+(Expr a, Expr b) { return binary(Binary::Add, a, b); }
Expr operator-(Expr a, Expr b) { return binary(Binary::Sub, a, b); }
Expr operator*(Expr a, Expr b) { return binary(Binary::Mul, a, b); }
Expr operator/(Expr a, Expr b) { return binary(Binary::Div, a, b); }
Expr operator+(Expr a, double b) { return a + constant(b, a); }
Expr operator+(double a, Expr b) { return constant(a, b) + b; }
Expr operator-(Expr a, double b) { return a - constant(b, a); }
Expr operator-(double a, Expr b) { return constant(a, b) - b; }
Expr operator*(Expr a, double b) { return a * constant(b, a); }
Expr operator*(double a, Expr b) { return constant(a, b) * b; }
Expr operator/(Expr a, double b) { return a / constant(b, a); }
Expr operator/(double a, Expr b) { return constant(a, b) / b; }
Expr abs(Expr a) { return unary(Unary::Abs, a); }
Expr exp(Expr a) { return unary(Unary::Exp, a); }
Expr log(Expr a) { return unary(Unary::Log, a); }
Expr sqrt(Expr a) { return unary(Unary::Sqrt, a); }
Expr tanh(Expr a) { return unary(Unary::Tanh, a); }
Expr atan(Expr a) { return unary(Unary::Atan, a); }
Expr erf(Expr a) { return unary(Unary::Erf, a); }
Expr cos(Expr a) { return unary(Unary::Cos, a); }
Expr sin(Expr a) { return unary(Unary::Sin, a); }
Expr pow(Expr a, double b) { return binary(Binary::Pow, a, constant(b, a)); }
Expr min(Expr a, double b) { return binary(Binary::Min, a, constant(b, a)); }
Expr max(Expr a, double b) { return binary(Binary::Max, a, constant(b, a)); }
Expr square(Expr a) { return a * a; }
Expr sigmoid(Expr a) { return 1.0 / (1.0 + exp(-a)); }

static Expr select(Predicate pred, Expr a, double b, Expr x, Expr y) {
  ScalarAlgebra *algebra = a.getAlgebra();
  return Expr(algebra, algebra->select(pred, a.getHandle(),
                                       constant(b, a).getHandle(),
                                       x.getHandle(), y.getHandle()));
}
Expr selectLT(Expr a, double b, Expr x, Expr y) {
  return select(Predicate::LT, a, b, x, y);
}
Expr selectLE(Expr a, double b, Expr x, Expr y) {
  return select(Predicate::LE, a, b, x, y);
}
Expr selectGT(Expr a, double b, Expr x, Expr y) {
  return select(Predicate::GT, a, b, x, y);
}
Expr selectGE(Expr a, double b, Expr x, Expr y) {
  return select(Predicate::GE, a, b, x, y);
}

//===----------------------------------------------------------------------===//
// IRAlgebra
//===----------------------------------------------------------------------===//

uint64_t IRAlgebra::constant(double value) {
  if (like)
    return handleOf(
        createSplat(builder, loc, value, getElementTypeOrSelf(type), like));
  TypedAttr attr = FloatAttr::get(getElementTypeOrSelf(type), value);
  if (auto shaped = dyn_cast<ShapedType>(type))
    attr = DenseElementsAttr::get(shaped, attr);
  return handleOf(arith::ConstantOp::create(builder, loc, attr));
}

uint64_t IRAlgebra::unary(Unary kind, uint64_t operand) {
  Value a = unwrap(operand);
  switch (kind) {
  case Unary::Neg:
    return handleOf(arith::NegFOp::create(builder, loc, a));
  case Unary::Abs:
    return handleOf(math::AbsFOp::create(builder, loc, a));
  case Unary::Exp:
    return handleOf(math::ExpOp::create(builder, loc, a));
  case Unary::Log:
    return handleOf(math::LogOp::create(builder, loc, a));
  case Unary::Sqrt:
    return handleOf(math::SqrtOp::create(builder, loc, a));
  case Unary::Tanh:
    return handleOf(math::TanhOp::create(builder, loc, a));
  case Unary::Atan:
    return handleOf(math::AtanOp::create(builder, loc, a));
  case Unary::Erf:
    return handleOf(math::ErfOp::create(builder, loc, a));
  case Unary::Cos:
    return handleOf(math::CosOp::create(builder, loc, a));
  case Unary::Sin:
    return handleOf(math::SinOp::create(builder, loc, a));
  }
  llvm_unreachable("unknown unary operation");
}

uint64_t IRAlgebra::binary(Binary kind, uint64_t lhs, uint64_t rhs) {
  Value a = unwrap(lhs), b = unwrap(rhs);
  switch (kind) {
  case Binary::Add:
    return handleOf(arith::AddFOp::create(builder, loc, a, b));
  case Binary::Sub:
    return handleOf(arith::SubFOp::create(builder, loc, a, b));
  case Binary::Mul:
    return handleOf(arith::MulFOp::create(builder, loc, a, b));
  case Binary::Div:
    return handleOf(arith::DivFOp::create(builder, loc, a, b));
  case Binary::Min:
    return handleOf(arith::MinimumFOp::create(builder, loc, a, b));
  case Binary::Max:
    return handleOf(arith::MaximumFOp::create(builder, loc, a, b));
  case Binary::Pow:
    return handleOf(math::PowFOp::create(builder, loc, a, b));
  }
  llvm_unreachable("unknown binary operation");
}

uint64_t IRAlgebra::select(Predicate pred, uint64_t lhs, uint64_t rhs,
                           uint64_t ifTrue, uint64_t ifFalse) {
  arith::CmpFPredicate kind = arith::CmpFPredicate::OLT;
  switch (pred) {
  case Predicate::LT:
    kind = arith::CmpFPredicate::OLT;
    break;
  case Predicate::LE:
    kind = arith::CmpFPredicate::OLE;
    break;
  case Predicate::GT:
    kind = arith::CmpFPredicate::OGT;
    break;
  case Predicate::GE:
    kind = arith::CmpFPredicate::OGE;
    break;
  }
  Value c = arith::CmpFOp::create(builder, loc, kind, unwrap(lhs), unwrap(rhs));
  return handleOf(arith::SelectOp::create(builder, loc, c, unwrap(ifTrue),
                                          unwrap(ifFalse)));
}

} // namespace rheobase::spiking
