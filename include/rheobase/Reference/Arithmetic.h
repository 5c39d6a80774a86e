//===- Arithmetic.h - The reference arithmetic ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations on scalars of one element type, each rounded once to nearest even
// and recorded on the tape if there is one. A sum, difference, product, quotient
// or root of numbers of at most 24 bits that is rounded to double and then to
// their type is the correctly rounded one: a double has more than twice the
// bits. A fused multiply-add is not, and is computed in its type.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_ARITHMETIC_H
#define RHEOBASE_REFERENCE_ARITHMETIC_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Reference/Tape.h"

#include <cmath>

namespace rheobase::reference {

class Arithmetic {
public:
  Arithmetic(Tape *tape, ElementKind kind) : tape(tape), kind(kind) {}
  ElementKind getKind() const { return kind; }

  Scalar constant(double value) const {
    return Scalar::ofNumber(roundTo(kind, value));
  }
  /// A number of another type, or a spike, as a number of this type.
  Scalar convert(Scalar a) const { return result(a.number, {{a, 1.0}}); }
  Scalar neg(Scalar a) const { return result(-a.number, {{a, -1.0}}); }
  Scalar add(Scalar a, Scalar b) const {
    return result(a.number + b.number, {{a, 1.0}, {b, 1.0}});
  }
  Scalar sub(Scalar a, Scalar b) const {
    return result(a.number - b.number, {{a, 1.0}, {b, -1.0}});
  }
  Scalar mul(Scalar a, Scalar b) const {
    return result(a.number * b.number, {{a, b.number}, {b, a.number}});
  }
  Scalar div(Scalar a, Scalar b) const {
    double quotient = a.number / b.number;
    return result(quotient,
                  {{a, 1.0 / b.number}, {b, -quotient / b.number}});
  }
  /// a * b + c, rounded once; of 16-bit floats in f32, and then to their type.
  Scalar fma(Scalar a, Scalar b, Scalar c) const {
    double value =
        kind == ElementKind::F64
            ? std::fma(a.number, b.number, c.number)
            : double(std::fma(float(a.number), float(b.number), float(c.number)));
    return result(value, {{a, b.number}, {b, a.number}, {c, 1.0}});
  }
  Scalar sqrt(Scalar a) const {
    double root = std::sqrt(a.number);
    return result(root, {{a, 0.5 / root}});
  }
  Scalar abs(Scalar a) const {
    double sign = a.number > 0 ? 1.0 : a.number < 0 ? -1.0 : 0.0;
    return result(std::fabs(a.number), {{a, sign}});
  }
  /// a or b; the other one has a cotangent of zero.
  Scalar choose(bool isFirst, Scalar a, Scalar b) const {
    return result(isFirst ? a.number : b.number,
                  {{a, isFirst ? 1.0 : 0.0}, {b, isFirst ? 0.0 : 1.0}});
  }
  /// The larger; NaN if one is; 0 is larger than -0. The gradient goes to a where
  /// a >= b, else to b.
  Scalar maximum(Scalar a, Scalar b) const {
    if (a.number == 0.0 && b.number == 0.0 && std::signbit(a.number))
      a.number = b.number;
    if (std::isnan(a.number))
      b.number = a.number;
    return choose(a.number >= b.number, a, b);
  }
  Scalar minimum(Scalar a, Scalar b) const {
    if (a.number == 0.0 && b.number == 0.0 && std::signbit(b.number))
      a.number = b.number;
    if (std::isnan(a.number))
      b.number = a.number;
    return choose(a.number <= b.number, a, b);
  }
  /// c ? a : b, where c is a truth value or a spike.
  Scalar select(Scalar c, Scalar a, Scalar b) const;

  Scalar exp(Scalar a) const;
  Scalar expm1(Scalar a) const;
  Scalar log(Scalar a) const;

  /// A value that was computed from scalars, with the partial derivatives.
  Scalar result(double value, llvm::ArrayRef<Tape::Use> uses) const {
    Scalar scalar = Scalar::ofNumber(roundTo(kind, value));
    if (tape)
      tape->record(scalar, uses);
    return scalar;
  }

private:
  Tape *tape;
  ElementKind kind;
};

/// The formulas of surrogates over numbers of one element type.
class NumberAlgebra : public spiking::ScalarAlgebra {
public:
  explicit NumberAlgebra(ElementKind kind) : arithmetic(nullptr, kind) {}

  spiking::Expr wrap(double value) {
    return spiking::Expr(this, handleOf(arithmetic.constant(value)));
  }
  static double unwrap(spiking::Expr expr) {
    return valueOf(expr.getHandle()).number;
  }

  uint64_t constant(double value) override;
  uint64_t unary(Unary kind, uint64_t operand) override;
  uint64_t binary(Binary kind, uint64_t lhs, uint64_t rhs) override;
  uint64_t select(Predicate pred, uint64_t lhs, uint64_t rhs, uint64_t ifTrue,
                  uint64_t ifFalse) override;

private:
  static uint64_t handleOf(Scalar value);
  static Scalar valueOf(uint64_t handle);

  Arithmetic arithmetic;
};

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_ARITHMETIC_H
