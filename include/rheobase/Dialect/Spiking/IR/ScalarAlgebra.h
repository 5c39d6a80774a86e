//===- ScalarAlgebra.h - Scalar formulas over any representation -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A formula written over `Expr` is written once: with the IR algebra it builds
// arith and math operations, with the interpreter's algebra it computes numbers.
// Operations happen in the order of the C++ expression, each rounded to the
// element type; factors that are plain doubles are combined in double first.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_SCALARALGEBRA_H
#define RHEOBASE_DIALECT_SPIKING_IR_SCALARALGEBRA_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include <cstdint>

namespace rheobase::spiking {

class Expr;

/// What a formula can be evaluated with. `handle` is the algebra's own name for
/// a number (an SSA value, an index into a tape).
class ScalarAlgebra {
public:
  enum class Unary { Neg, Abs, Exp, Log, Sqrt, Tanh, Atan, Erf, Cos, Sin };
  enum class Binary { Add, Sub, Mul, Div, Min, Max, Pow };
  enum class Predicate { LT, LE, GT, GE };

  virtual ~ScalarAlgebra();
  /// `value` rounded once to the element type.
  virtual uint64_t constant(double value) = 0;
  virtual uint64_t unary(Unary kind, uint64_t operand) = 0;
  virtual uint64_t binary(Binary kind, uint64_t lhs, uint64_t rhs) = 0;
  /// `lhs pred rhs ? ifTrue : ifFalse`; false when a side is NaN.
  virtual uint64_t select(Predicate pred, uint64_t lhs, uint64_t rhs,
                          uint64_t ifTrue, uint64_t ifFalse) = 0;
};

/// A scalar of some algebra.
class Expr {
public:
  Expr(ScalarAlgebra *algebra, uint64_t handle)
      : algebra(algebra), handle(handle) {}
  ScalarAlgebra *getAlgebra() const { return algebra; }
  uint64_t getHandle() const { return handle; }

private:
  ScalarAlgebra *algebra;
  uint64_t handle;
};

Expr operator-(Expr a);
Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr operator+(Expr a, double b);
Expr operator+(double a, Expr b);
Expr operator-(Expr a, double b);
Expr operator-(double a, Expr b);
Expr operator*(Expr a, double b);
Expr operator*(double a, Expr b);
Expr operator/(Expr a, double b);
Expr operator/(double a, Expr b);
Expr abs(Expr a);
Expr exp(Expr a);
Expr log(Expr a);
Expr sqrt(Expr a);
Expr tanh(Expr a);
Expr atan(Expr a);
Expr erf(Expr a);
Expr cos(Expr a);
Expr sin(Expr a);
Expr pow(Expr a, double b);
Expr min(Expr a, double b);
Expr max(Expr a, double b);
Expr square(Expr a);
/// 1 / (1 + exp(-a)).
Expr sigmoid(Expr a);
/// `a` of the algebra of `like`.
Expr constant(double a, Expr like);
/// Selections: `a pred b ? x : y`.
Expr selectLT(Expr a, double b, Expr x, Expr y);
Expr selectLE(Expr a, double b, Expr x, Expr y);
Expr selectGT(Expr a, double b, Expr x, Expr y);
Expr selectGE(Expr a, double b, Expr x, Expr y);

/// Builds arith and math operations on scalars, or on vectors and tensors of
/// `type` (the type of every value of the formula).
class IRAlgebra : public ScalarAlgebra {
public:
  IRAlgebra(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type)
      : builder(builder), loc(loc), type(type) {}
  /// On values of the shape of `like`, which may have dynamic dimensions.
  IRAlgebra(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value like)
      : builder(builder), loc(loc), type(like.getType()), like(like) {}

  Expr wrap(mlir::Value value) {
    return Expr(this, reinterpret_cast<uint64_t>(value.getAsOpaquePointer()));
  }
  static mlir::Value unwrap(Expr expr) { return unwrap(expr.getHandle()); }

  uint64_t constant(double value) override;
  uint64_t unary(Unary kind, uint64_t operand) override;
  uint64_t binary(Binary kind, uint64_t lhs, uint64_t rhs) override;
  uint64_t select(Predicate pred, uint64_t lhs, uint64_t rhs, uint64_t ifTrue,
                  uint64_t ifFalse) override;

private:
  static mlir::Value unwrap(uint64_t handle) {
    return mlir::Value::getFromOpaquePointer(reinterpret_cast<void *>(handle));
  }
  static uint64_t handleOf(mlir::Value value) {
    return reinterpret_cast<uint64_t>(value.getAsOpaquePointer());
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::Type type;
  mlir::Value like;
};

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_IR_SCALARALGEBRA_H
