//===- Element.h - Single elements of any type ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_ELEMENT_H
#define RHEOBASE_LIB_RUNTIME_ELEMENT_H

#include <cstdint>

namespace rheobase {
namespace rt {

/// One element: integers and booleans stay exact, floats are doubles.
struct Number {
  bool isFloat;
  int64_t integer;
  double real;

  static Number ofInteger(int64_t value) { return {false, value, 0.0}; }
  static Number ofReal(double value) { return {true, 0, value}; }
  double asReal() const { return isFloat ? real : double(integer); }
};

Number loadNumber(const void *data, int32_t dtype, int64_t i);

/// Stores an element; floats round to nearest. False if `dtype` does not hold
/// the value; what is stored then is unspecified.
bool storeNumber(void *data, int32_t dtype, int64_t i, Number number);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_ELEMENT_H
