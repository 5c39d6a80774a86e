//===- Math.h - Transcendental functions of the reference -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In f32 these are the sequences of operations that MLIR's polynomial
// approximations and expansions compute, one rounding after the other, so that
// compiled code gives the same bits. In f64 they are those of the C library.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_REFERENCE_MATH_H
#define RHEOBASE_REFERENCE_MATH_H

#include <cstdint>

namespace rheobase::reference {

float expOf(float x);
float expm1Of(float x);
float exp2Of(float x);
float logOf(float x);
float log2Of(float x);
float log10Of(float x);
float log1pOf(float x);
float tanhOf(float x);
float sinOf(float x);
float cosOf(float x);
float tanOf(float x);
float asinOf(float x);
float acosOf(float x);
float atanOf(float x);
float atan2Of(float y, float x);
float sinhOf(float x);
float coshOf(float x);
float asinhOf(float x);
float acoshOf(float x);
float atanhOf(float x);
float erfOf(float x);
float erfcOf(float x);
float cbrtOf(float x);
float rsqrtOf(float x);
/// `constantExponent`: the exponent is a constant of the program, which small
/// exponents expand to products, quotients and roots.
float powOf(float x, float exponent, bool constantExponent);
float powiOf(float x, int64_t exponent, bool constantExponent);

double expOf(double x);
double expm1Of(double x);
double exp2Of(double x);
double logOf(double x);
double log2Of(double x);
double log10Of(double x);
double log1pOf(double x);
double tanhOf(double x);
double sinOf(double x);
double cosOf(double x);
double tanOf(double x);
double asinOf(double x);
double acosOf(double x);
double atanOf(double x);
double atan2Of(double y, double x);
double sinhOf(double x);
double coshOf(double x);
double asinhOf(double x);
double acoshOf(double x);
double atanhOf(double x);
double erfOf(double x);
double erfcOf(double x);
double cbrtOf(double x);
double rsqrtOf(double x);
double powOf(double x, double exponent, bool constantExponent);
double powiOf(double x, int64_t exponent, bool constantExponent);

} // namespace rheobase::reference

#endif // RHEOBASE_REFERENCE_MATH_H
