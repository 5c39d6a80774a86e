//===- Math.cpp - Transcendental functions of the reference -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparisons are written so that NaN takes the branch that the compiled select
// takes: `!(x < bound)` is "unordered or greater or equal".
//
//===----------------------------------------------------------------------===//

#include "rheobase/Reference/Math.h"

#include "llvm/ADT/bit.h"

#include <cmath>
#include <initializer_list>
#include <limits>

using llvm::bit_cast;

namespace rheobase::reference {

static constexpr float kInfinity = std::numeric_limits<float>::infinity();
static constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
static constexpr float kPi = 3.14159274f;
static constexpr float kHalfPi = 1.57079637f;
static constexpr float kQuarterPi = 0.785398185f;
static constexpr float kLn2 = 0.693147182f;
static constexpr float kLog2e = 1.44269502f;

/// The polynomial with the given coefficients, the highest first, by Horner's
/// rule with fused multiply-adds.
static float horner(float x, std::initializer_list<float> coefficients) {
  float sum = *coefficients.begin();
  for (const float *c = coefficients.begin() + 1; c != coefficients.end(); ++c)
    sum = std::fma(sum, x, *c);
  return sum;
}

/// The conversion of x86 processors: what does not fit becomes the smallest
/// integer.
static int32_t toInt32(float x) {
  if (!(x >= -2147483648.0f && x < 2147483648.0f))
    return std::numeric_limits<int32_t>::min();
  return int32_t(x);
}

//===----------------------------------------------------------------------===//
// Exponentials and logarithms
//===----------------------------------------------------------------------===//

float expOf(float x) {
  // x = r + n ln 2 with |r| <= ln 2 / 2; ln 2 in two parts.
  x = !(x < -87.8f) ? x : -87.8f;
  x = !(x > 88.8f) ? x : 88.8f;
  float n = std::floor(std::fma(x, kLog2e, 0.5f));
  n = !(n < -127.0f) ? n : -127.0f;
  n = !(n > 127.0f) ? n : 127.0f;
  float r = std::fma(-0.693359375f, n, x);
  r = std::fma(2.12194442e-4f, n, r);
  float p = horner(r, {1.98756912e-4f, 0.00139819994f, 0.00833345205f,
                       0.0416657962f, 0.166666657f, 0.5f});
  float power = std::fma(p, r * r, r) + 1.0f;
  // 2^n, and 0 for n = -127.
  uint32_t bits = (uint32_t(toInt32(n)) + 127u) << 23;
  return power * bit_cast<float>(bits);
}

/// The exponent of x and log(fraction), of which log and log2 are made.
static void splitLogarithm(float x, float &exponent, float &logFraction) {
  const float smallest = std::numeric_limits<float>::min();
  x = !(x <= smallest) ? x : smallest;
  uint32_t bits = bit_cast<uint32_t>(x);
  // The fraction in [0.5, 1) ...
  float f = bit_cast<float>((bits & 0x807fffffu) | 0x3f000000u);
  exponent = float(int32_t(bits >> 23)) - 126.0f;
  // ... shifted to [sqrt(1/2), sqrt(2)), minus 1.
  bool small = f < 0.707106769f;
  float again = small ? f : 0.0f;
  f = f - 1.0f;
  exponent = exponent - (small ? 1.0f : 0.0f);
  f = f + again;
  float f2 = f * f, f3 = f2 * f;
  float a = horner(f, {0.0703768358f, -0.115146101f, 0.116769984f});
  float b = horner(f, {-0.12420141f, 0.142493233f, -0.166680574f});
  float c = horner(f, {0.200007141f, -0.24999994f, 0.333333313f});
  float p = std::fma(std::fma(a, f3, b), f3, c) * f3;
  p = std::fma(-0.5f, f2, p);
  logFraction = f + p;
}

/// What a logarithm is where the formula does not hold.
static float specialLogarithm(float x, float formula) {
  if (x == 0.0f)
    return -kInfinity;
  if (!(x >= 0.0f))
    return kNaN;
  return x == kInfinity ? kInfinity : formula;
}

float logOf(float x) {
  float exponent, logFraction;
  splitLogarithm(x, exponent, logFraction);
  return specialLogarithm(x, std::fma(exponent, kLn2, logFraction));
}

float log2Of(float x) {
  float exponent, logFraction;
  splitLogarithm(x, exponent, logFraction);
  return specialLogarithm(x, std::fma(logFraction, kLog2e, exponent));
}

float log10Of(float x) { return std::log10(x); }

float log1pOf(float x) {
  // Kahan: x * log(u) / (u - 1) with u = x + 1.
  float u = x + 1.0f;
  float logU = logOf(u);
  if (u == 1.0f || u == logU)
    return x;
  return x * (logU / (u - 1.0f));
}

float expm1Of(float x) {
  // Kahan: (u - 1) * x / log(u) with u = exp(x).
  float u = expOf(x);
  if (!(u < 1.0f || u > 1.0f))
    return x;
  float difference = u - 1.0f;
  if (difference == -1.0f)
    return -1.0f;
  float logU = logOf(u);
  return logU == u ? u : difference * (x / logU);
}

float exp2Of(float x) { return expOf(x * kLn2); }

float powOf(float x, float exponent, bool constantExponent) {
  if (constantExponent) {
    if (exponent == 0.0f)
      return 1.0f;
    if (exponent == 1.0f)
      return x;
    if (exponent == -1.0f)
      return 1.0f / x;
    if (exponent == 0.5f)
      return std::sqrt(x);
    if (exponent == -0.5f)
      return 1.0f / std::sqrt(x);
    if (exponent == 2.0f)
      return x * x;
    if (exponent == -2.0f)
      return 1.0f / (x * x);
    if (exponent == 3.0f)
      return x * x * x;
  }
  return expOf(exponent * logOf(x));
}

/// x to a constant power by repeated squaring. The expansion compares with 0 and
/// then with -0, so the reciprocal of both is minus infinity.
static float repeatedSquaring(float x, int64_t exponent) {
  uint64_t rest = exponent < 0 ? -uint64_t(exponent) : uint64_t(exponent);
  float square = x, product = 1.0f;
  bool first = true;
  for (; rest != 0; rest >>= 1) {
    if (rest & 1) {
      product = first ? square : product * square;
      first = false;
    }
    square = square * square;
  }
  if (exponent >= 0)
    return product;
  return product == 0.0f ? -kInfinity : 1.0f / product;
}

float powiOf(float x, int64_t exponent, bool constantExponent) {
  if (constantExponent)
    return repeatedSquaring(x, exponent);
  return expOf(float(exponent) * logOf(x));
}

//===----------------------------------------------------------------------===//
// Trigonometric functions
//===----------------------------------------------------------------------===//

/// The quadrant of x and its distance from the quadrant's start.
static int32_t reduceToQuadrant(float x, float &distance) {
  float k = std::floor(x * 0.636619746f);
  distance = x - k * kHalfPi;
  return toInt32(k) & 3;
}

static float quadrantSine(float y) {
  return y * horner(y * y, {-2.50293279e-8f, 2.76001265e-6f, -1.98426045e-4f,
                            0.00833334774f, -0.166666672f, 1.0f});
}

static float quadrantCosine(float y) {
  return 1.0f * horner(y * y, {-2.59630184e-7f, 2.47562348e-5f, -0.00138883304f,
                               0.0416666418f, -0.5f, 1.0f});
}

float sinOf(float x) {
  float y;
  int32_t quadrant = reduceToQuadrant(x, y);
  float value = quadrant % 2 == 1 ? quadrantCosine(y) : quadrantSine(y);
  return quadrant > 1 ? -value : value;
}

float cosOf(float x) {
  float y;
  int32_t quadrant = reduceToQuadrant(x, y);
  float value = quadrant % 2 == 0 ? quadrantCosine(y) : quadrantSine(y);
  return quadrant == 1 || quadrant == 2 ? -value : value;
}

float tanOf(float x) { return sinOf(x) / cosOf(x); }

float asinOf(float x) {
  float xx = x * x;
  bool large = xx > 0.5f;
  float a = large ? std::sqrt(1.0f - xx) : std::fabs(x);
  float s = a * a, q = s * s;
  float odd = horner(q, {0.055579748f, 0.054224465f, 0.0152688725f,
                         0.0141060455f, 0.022372961f, 0.0446428582f});
  float even = horner(q, {-0.0620279125f, -0.0113269929f, 0.0104937982f,
                          0.0173397772f, 0.0303819124f, 0.075f});
  float r = std::fma(odd, s, even);
  r = std::fma(r, s, 0.166666672f);
  r = std::fma(r, a * s, a);
  return std::copysign(large ? kHalfPi - r : r, x);
}

float acosOf(float x) {
  float negative = x > 0.0f ? -x : x;
  float r = negative > -0.5625f
                ? std::fma(0.932821869f, 1.68391883f, asinOf(negative))
                : asinOf(std::sqrt(std::fma(0.5f, negative, 0.5f))) * 2.0f;
  if (x >= -1.0f && x < 0.0f)
    return std::fma(1.86564374f, 1.68391883f, -r);
  return r;
}

float atanOf(float x) {
  float a = std::fabs(x);
  bool middle = a > 0.66f, large = a > 2.41421366f;
  float numerator = large ? 1.0f : middle ? a - 1.0f : a;
  float denominator = large ? a : middle ? a + 1.0f : 1.0f;
  float q = numerator / denominator;
  float qq = q * q;
  float n = horner(qq, {-0.875060856f, -16.1575375f, -75.0085601f,
                        -122.886665f, -64.8502197f}) * qq;
  float d = horner(qq, {24.8584652f, 165.027008f, 432.881073f, 485.390411f,
                        194.550659f});
  float angle = std::fma(n / d, q, q);
  if (large)
    angle = kHalfPi - angle;
  else if (middle)
    angle = angle + kQuarterPi;
  return std::copysign(angle, x);
}

float atan2Of(float y, float x) {
  if (x == 0.0f && y == 0.0f)
    return kNaN;
  if (x == 0.0f && y < 0.0f)
    return -kHalfPi;
  if (x == 0.0f && y > 0.0f)
    return kHalfPi;
  float angle = atanOf(y / x);
  if (x > 0.0f)
    return angle;
  return angle > 0.0f ? angle - kPi : angle + kPi;
}

//===----------------------------------------------------------------------===//
// Hyperbolic functions
//===----------------------------------------------------------------------===//

float tanhOf(float x) {
  const float bound = 7.99881172f;
  float c = !(x >= bound) ? x : bound;
  c = !(c <= -bound) ? c : -bound;
  if (std::fabs(x) < 0.0004f)
    return c;
  float cc = c * c;
  float p = c * horner(cc, {-2.76076837e-16f, 2.00018794e-13f, -8.60467184e-11f,
                            5.12229725e-8f, 1.48572235e-5f, 6.37261954e-4f,
                            0.00489352457f});
  float q = horner(cc, {1.19825836e-6f, 1.18534706e-4f, 0.00226843474f,
                        0.00489352504f});
  return p / q;
}

float sinhOf(float x) { return (expOf(x) - expOf(-x)) * 0.5f; }
float coshOf(float x) { return (expOf(x) + expOf(-x)) * 0.5f; }
float asinhOf(float x) {
  return logOf(x + std::sqrt(std::fma(x, x, 1.0f)));
}
float acoshOf(float x) {
  return logOf(x + std::sqrt(std::fma(x, x, -1.0f)));
}
float atanhOf(float x) { return logOf((x + 1.0f) / (-x + 1.0f)) * 0.5f; }

//===----------------------------------------------------------------------===//
// Error functions and roots
//===----------------------------------------------------------------------===//

float erfOf(float x) {
  bool negative = x < 0.0f;
  float a = negative ? -x : x;
  float p, q, offset = 0.0f;
  if (a < 0.8f) {
    p = horner(a, {0.0258146804f, 0.209741712f, -0.523018539f, 1.12837911f, 0.0f});
    q = horner(a, {0.0739796459f, -0.131808966f, 0.519230127f, -0.463513821f, 1.0f});
  } else if (a < 2.0f) {
    p = horner(a, {0.0370645523f, 0.118407398f, -0.364721417f, 1.12750685f, 0.0f});
    q = horner(a, {0.0572442785f, -0.0883462652f, 0.448369086f, -0.327607f, 1.0f});
  } else {
    p = horner(a, {-1.71048032e-5f, 2.53447099e-4f, -0.00141373626f,
                   0.00351961935f, -0.00330093061f});
    q = horner(a, {0.0821908935f, -0.583389878f, 1.62705934f, -2.0606916f, 1.0f});
    offset = 1.0f;
  }
  float value = !(a >= 3.75f) ? offset + p / q : 1.0f;
  return negative ? -value : value;
}

float erfcOf(float x) {
  float a = std::fabs(x);
  // q = (a - 2) / (a + 2), improved by its residual.
  float r = 1.0f / (a + 2.0f);
  float q = std::fma(-4.0f, r, 1.0f);
  float t = std::fma(q + 1.0f, -2.0f, a);
  float e = std::fma(-a, q, t);
  q = std::fma(r, e, q);
  float p = horner(q, {-4.01139259e-4f, -0.0012307521f, 0.00131355342f,
                       0.00863227434f, -8.05992e-3f, -0.0542046614f,
                       0.164055392f, -0.166031361f, -0.0927639827f,
                       0.276978403f});
  // (1 + p) / (1 + 2 a), improved in the same way.
  float d = 1.0f / std::fma(2.0f, a, 1.0f);
  q = std::fma(p, d, d);
  e = std::fma(std::fma(q, -a, 0.5f), 2.0f, p - q);
  r = std::fma(e, d, q);
  // Times exp(-a a), with the rounding error of a a.
  float s = a * a;
  e = expOf(-s);
  t = std::fma(-a, a, s);
  r = std::fma(r, e, r * e * t);
  if (!(a < kInfinity))
    r = x + x;
  if (a > 10.0546875f)
    r = 0.0f;
  return x < 0.0f ? 2.0f - r : r;
}

float cbrtOf(float x) {
  float a = std::fabs(x);
  // A third of the exponent as a first guess, then two steps of Newton's.
  int32_t bits = bit_cast<int32_t>(a);
  bits = (bits >> 2) + (bits >> 4);
  bits = bits + (bits >> 4);
  bits = bits + (bits >> 8);
  float root = bit_cast<float>(bits + 0x2a5137a0);
  for (int step = 0; step < 2; ++step)
    root = (root * 2.0f + a / (root * root)) * 0.333333343f;
  return std::copysign(a == 0.0f ? 0.0f : root, x);
}

float rsqrtOf(float x) { return 1.0f / std::sqrt(x); }

//===----------------------------------------------------------------------===//
// f64
//===----------------------------------------------------------------------===//

double expOf(double x) { return std::exp(x); }
double expm1Of(double x) { return std::expm1(x); }
double exp2Of(double x) { return std::exp2(x); }
double logOf(double x) { return std::log(x); }
double log2Of(double x) { return std::log2(x); }
double log10Of(double x) { return std::log10(x); }
double log1pOf(double x) { return std::log1p(x); }
double tanhOf(double x) { return std::tanh(x); }
double sinOf(double x) { return std::sin(x); }
double cosOf(double x) { return std::cos(x); }
double tanOf(double x) { return std::tan(x); }
double asinOf(double x) { return std::asin(x); }
double acosOf(double x) { return std::acos(x); }
double atanOf(double x) { return std::atan(x); }
double atan2Of(double y, double x) { return std::atan2(y, x); }
double sinhOf(double x) { return std::sinh(x); }
double coshOf(double x) { return std::cosh(x); }
double asinhOf(double x) { return std::asinh(x); }
double acoshOf(double x) { return std::acosh(x); }
double atanhOf(double x) { return std::atanh(x); }
double erfOf(double x) { return std::erf(x); }
double erfcOf(double x) { return std::erfc(x); }
double cbrtOf(double x) { return std::cbrt(x); }
double rsqrtOf(double x) { return 1.0 / std::sqrt(x); }
double powOf(double x, double exponent, bool) { return std::pow(x, exponent); }
double powiOf(double x, int64_t exponent, bool) {
  return std::pow(x, double(exponent));
}

} // namespace rheobase::reference
