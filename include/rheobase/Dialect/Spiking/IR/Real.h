//===- Real.h - A double as an attribute parameter --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_IR_REAL_H
#define RHEOBASE_DIALECT_SPIKING_IR_REAL_H

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/bit.h"

namespace rheobase::spiking {

/// A double that can be an attribute's parameter: compared and hashed by its
/// bits, printed with the fewest digits that give the same double back.
class Real {
public:
  Real(double value = 0.0) : value(value) {}
  operator double() const { return value; }
  bool operator==(const Real &other) const { return bits() == other.bits(); }
  bool operator!=(const Real &other) const { return !(*this == other); }
  friend llvm::hash_code hash_value(const Real &real) {
    return llvm::hash_value(real.bits());
  }

private:
  uint64_t bits() const { return llvm::bit_cast<uint64_t>(value); }
  double value;
};

llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const Real &real);

} // namespace rheobase::spiking

template <> struct mlir::FieldParser<rheobase::spiking::Real> {
  static FailureOr<rheobase::spiking::Real> parse(AsmParser &parser) {
    double value;
    if (parser.parseFloat(value))
      return failure();
    return rheobase::spiking::Real(value);
  }
};

#endif // RHEOBASE_DIALECT_SPIKING_IR_REAL_H
