//===- Philox.h - Counter-based random numbers ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011). A random number is a pure function of a counter and a
// key, so its value depends neither on threads nor on the order of evaluation.
// The runtime, the interpreter and generated code all use this definition.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_SUPPORT_PHILOX_H
#define RHEOBASE_SUPPORT_PHILOX_H

#include <array>
#include <cstdint>

namespace rheobase {

/// Ten rounds of Philox4x32: four random words for each counter and key.
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                             std::array<uint32_t, 2> key) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(0xD2511F53u) * c0;
    uint64_t product1 = uint64_t(0xCD9E8D57u) * c2;
    c0 = uint32_t(product1 >> 32) ^ c1 ^ k0;
    c2 = uint32_t(product0 >> 32) ^ c3 ^ k1;
    c1 = uint32_t(product1);
    c3 = uint32_t(product0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// The upper 24 bits of a random word as a float in [0, 1), exactly.
constexpr float uniform01(uint32_t bits) {
  return float(bits >> 8) * (1.0f / 16777216.0f);
}

/// A 64-bit seed as a key.
constexpr std::array<uint32_t, 2> philoxKey(uint64_t seed) {
  return {uint32_t(seed), uint32_t(seed >> 32)};
}

} // namespace rheobase

#endif // RHEOBASE_SUPPORT_PHILOX_H
