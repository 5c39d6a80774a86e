//===- InitialValues.h - Random initial values ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The random initial values of a tensor: a pure function of the seed, the
// tensor's name and the element's index, the same in the runtime and in the
// interpreter.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_SUPPORT_INITIALVALUES_H
#define RHEOBASE_SUPPORT_INITIALVALUES_H

#include "rheobase/Support/Philox.h"
#include <cmath>
#include <optional>
#include <string_view>

namespace rheobase {

/// What initial values are drawn from.
struct Distribution {
  bool isNormal = false;
  double first = 0.0;  ///< low, or mean
  double second = 0.0; ///< high, or standard deviation

  static Distribution uniform(double low, double high) {
    return {false, low, high};
  }
  static Distribution normal(double mean, double deviation) {
    return {true, mean, deviation};
  }
  /// The distribution of that name whose width comes from the numbers of inputs
  /// and outputs; none if there is none of that name.
  static std::optional<Distribution> byFan(std::string_view name, double fanIn,
                                           double fanOut, double gain) {
    if (name == "kaiming_uniform") {
      double bound = gain * std::sqrt(3.0 / fanIn);
      return uniform(-bound, bound);
    }
    if (name == "kaiming_normal")
      return normal(0.0, gain / std::sqrt(fanIn));
    if (name == "xavier_uniform") {
      double bound = gain * std::sqrt(6.0 / (fanIn + fanOut));
      return uniform(-bound, bound);
    }
    if (name == "xavier_normal")
      return normal(0.0, gain * std::sqrt(2.0 / (fanIn + fanOut)));
    return std::nullopt;
  }
};

/// FNV-1a: which tensor a random number is for is part of its counter.
constexpr uint64_t hashTensorName(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char character : name)
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3u;
  return hash;
}

/// Calls `store(i, value)` for each of `count` elements. Elements 4 i to 4 i +
/// 3 come from the four words of counter i; a normal pair takes two words (Box
/// and Muller).
template <typename Store>
void drawInitialValues(const Distribution &distribution, std::string_view name,
                       uint64_t seed, int64_t count, Store store) {
  uint64_t hash = hashTensorName(name);
  for (int64_t i = 0; i < count; i += 4) {
    uint64_t group = uint64_t(i) / 4;
    std::array<uint32_t, 4> words =
        philox4x32({uint32_t(group), uint32_t(group >> 32), uint32_t(hash),
                    uint32_t(hash >> 32)},
                   philoxKey(seed));
    double values[4];
    for (int k = 0; k < 4; ++k)
      values[k] = double(uniform01(words[size_t(k)]));
    double first = distribution.first, second = distribution.second;
    if (distribution.isNormal) {
      for (int k = 0; k < 4; k += 2) {
        // 1 - u is in (0, 1], where the logarithm is finite.
        double radius = std::sqrt(-2.0 * std::log(1.0 - values[k]));
        double angle = 6.283185307179586 * values[k + 1];
        values[k] = first + second * (radius * std::cos(angle));
        values[k + 1] = first + second * (radius * std::sin(angle));
      }
    } else {
      for (double &value : values)
        value = first + (second - first) * value;
    }
    for (int64_t k = 0; k < 4 && i + k < count; ++k)
      store(i + k, values[k]);
  }
}

} // namespace rheobase

#endif // RHEOBASE_SUPPORT_INITIALVALUES_H
