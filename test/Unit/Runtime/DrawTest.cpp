//===- DrawTest.cpp - Random tensors --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Measure.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace rheobase::rt;

namespace {

template <typename F>
std::vector<F> draw(int32_t dtype, int64_t count, DrawOptions options = {}) {
  Tensor tensor;
  EXPECT_TRUE(Tensor::create(dtype, {count}, tensor).ok());
  drawTensor(options, tensor);
  return {tensor.data<F>(), tensor.data<F>() + count};
}

/// Moments of a normal distribution; neighbours know nothing of each other.
template <typename F> void expectNormal(const std::vector<F> &numbers) {
  double sum = 0, squares = 0, fourths = 0, neighbours = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    double x = numbers[i];
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
    neighbours += x * numbers[i ^ 1];
  }
  double count = numbers.size();
  EXPECT_NEAR(sum / count, 0, 5 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2 / count));
  EXPECT_NEAR(fourths / count, 3, 5 * std::sqrt(96 / count));
  EXPECT_NEAR(neighbours / count, 0, 5 * std::sqrt(2 / count));
}

TEST(Draw, FloatsAreNormal) {
  expectNormal(draw<float>(RB_F32, 1 << 17));
  expectNormal(draw<double>(RB_F64, 1 << 17));
}

// Shares of threads begin anywhere.
TEST(Draw, ElementsAreAFunctionOfTheOptions) {
  auto all = draw<float>(RB_F32, 100003);
  auto few = draw<float>(RB_F32, 1001);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
  for (int threads : {1, 3}) {
    setThreads(threads);
    EXPECT_EQ(draw<float>(RB_F32, 100003), all) << threads << " threads";
  }
  DrawOptions other;
  other.index = 1;
  EXPECT_NE(draw<float>(RB_F32, 1001, other), few);
  other.index = 0;
  other.seed = 1;
  EXPECT_NE(draw<float>(RB_F32, 1001, other), few);
}

TEST(Draw, MagnitudesAndScales) {
  DrawOptions options;
  options.scale = 0.25;
  auto plain = draw<double>(RB_F64, 4099, options);
  options.magnitude = true;
  auto magnitudes = draw<double>(RB_F64, 4099, options);
  auto one = draw<double>(RB_F64, 4099);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(plain[i], one[i] * 0.25);
    EXPECT_EQ(magnitudes[i], std::abs(plain[i]));
  }
}

TEST(Draw, SpikesHaveTheirShare) {
  DrawOptions options;
  options.spikeRate = 0.1;
  double ones = 0;
  for (uint8_t spike : draw<uint8_t>(RB_BOOL, 1 << 16, options)) {
    EXPECT_LE(spike, 1);
    ones += spike;
  }
  EXPECT_NEAR(ones / (1 << 16), 0.1, 0.006);
}

} // namespace
