//===- PhiloxTest.cpp - Counter-based random numbers ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Support/Philox.h"
#include <gtest/gtest.h>

using namespace rheobase;
using Words = std::array<uint32_t, 4>;

// The known answers that the authors publish with their implementation.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, IsAConstantExpression) {
  constexpr Words words = philox4x32({0, 0, 0, 0}, {0, 0});
  static_assert(words[0] == 0x6627e8d5u);
  static_assert(philoxKey(0x123456789abcdef0u)[1] == 0x12345678u);
}

TEST(Philox, UniformIsExactAndBelowOne) {
  EXPECT_EQ(uniform01(0), 0.0f);
  EXPECT_EQ(uniform01(255), 0.0f);
  EXPECT_EQ(uniform01(256), 0x1p-24f);
  EXPECT_EQ(uniform01(0x80000000u), 0.5f);
  EXPECT_EQ(uniform01(~0u), 1.0f - 0x1p-24f);
}
