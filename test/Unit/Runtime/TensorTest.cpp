//===- TensorTest.cpp - Tensors and conversions ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Tensor.h"
#include "TestSupport.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace rheobase::rt;

template <typename T>
static Tensor makeTensor(int32_t dtype, const std::vector<T> &values) {
  Tensor tensor;
  EXPECT_OK(Tensor::create(dtype, {int64_t(values.size())}, tensor));
  memcpy(tensor.data(), values.data(), values.size() * sizeof(T));
  return tensor;
}

TEST(Tensor, NamesOfTypes) {
  for (int32_t dtype = RB_BOOL; dtype <= RB_U8; ++dtype) {
    int32_t parsed;
    ASSERT_TRUE(parseDtype(dtypeName(dtype), parsed));
    EXPECT_EQ(parsed, dtype);
    EXPECT_GT(elementSize(dtype), 0);
  }
  int32_t parsed;
  EXPECT_FALSE(parseDtype("?", parsed));
  EXPECT_EQ(describeTensor(RB_F32, {2, 3}), "f32[2,3]");
  EXPECT_EQ(describeTensor(RB_BOOL, {}), "bool[]");
}

TEST(Tensor, RefusesImpossibleShapes) {
  Tensor tensor;
  EXPECT_ERROR(Tensor::create(RB_F32, {-1}, tensor), RB_INVALID_ARGUMENT,
               "a tensor of type f32[-1] is too large");
  EXPECT_ERROR(
      Tensor::create(RB_F64, {int64_t(1) << 31, int64_t(1) << 31}, tensor),
      RB_INVALID_ARGUMENT,
      "a tensor of type f64[2147483648,2147483648] is too large");
  EXPECT_ERROR(Tensor::create(RB_F32, {int64_t(1) << 50}, tensor),
               RB_OUT_OF_MEMORY,
               "out of memory for a tensor of type f32[1125899906842624]");
  EXPECT_ERROR(Tensor::create(99, {}, tensor), RB_INVALID_ARGUMENT,
               "99 is not an element type");
  EXPECT_ERROR(Tensor::create(RB_I8, std::vector<int64_t>(9, 1), tensor),
               RB_INVALID_ARGUMENT,
               "expected a tensor of rank at most 8, got rank 9");
  EXPECT_OK(Tensor::create(RB_F32, {0, int64_t(1) << 62}, tensor));
  EXPECT_EQ(tensor.numElements(), 0);
}

// Every half and every bfloat survives the way through f32.
TEST(Tensor, SixteenBitFloatsRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    float half = halfToFloat(uint16_t(bits));
    if (!std::isnan(half))
      ASSERT_EQ(floatToHalf(half), bits);
    else
      ASSERT_TRUE(std::isnan(halfToFloat(floatToHalf(half))));
    float bfloat = bfloatToFloat(uint16_t(bits));
    if (!std::isnan(bfloat))
      ASSERT_EQ(floatToBfloat(bfloat), bits);
    else
      ASSERT_TRUE(std::isnan(bfloatToFloat(floatToBfloat(bfloat))));
  }
}

// Halfway between neighbours goes to the even one, beside it to the nearer.
TEST(Tensor, SixteenBitFloatsRoundToNearestEven) {
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    float low = halfToFloat(uint16_t(bits)),
          high = halfToFloat(uint16_t(bits + 1));
    float middle = low + (high - low) / 2;
    ASSERT_EQ(floatToHalf(middle), bits + (bits & 1));
    ASSERT_EQ(floatToHalf(std::nextafterf(middle, low)), bits);
    ASSERT_EQ(floatToHalf(std::nextafterf(middle, high)), bits + 1);
    ASSERT_EQ(floatToHalf(-middle), 0x8000 | (bits + (bits & 1)));
  }
  EXPECT_EQ(floatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(1e30f), 0x7c00);
  for (uint32_t bits = 0; bits < 0x7f7f; ++bits) {
    float low = bfloatToFloat(uint16_t(bits)),
          high = bfloatToFloat(uint16_t(bits + 1));
    float middle = low + (high - low) / 2;
    ASSERT_EQ(floatToBfloat(middle), bits + (bits & 1));
    ASSERT_EQ(floatToBfloat(std::nextafterf(middle, low)), bits);
    ASSERT_EQ(floatToBfloat(std::nextafterf(middle, high)), bits + 1);
  }
}

TEST(Tensor, ConvertsDoublesToHalfInOneRounding) {
  // Just above the middle of two halves; rounded to f32 first it would be the
  // middle, and then the even neighbour below.
  double above = 1.0 + 0x1p-11 + 0x1p-40;
  Tensor half;
  EXPECT_OK(convertTensor(makeTensor<double>(RB_F64, {above, -above}).view(),
                          RB_F16, half));
  EXPECT_EQ(half.data<uint16_t>()[0], 0x3c01);
  EXPECT_EQ(half.data<uint16_t>()[1], 0xbc01);
}

TEST(Tensor, ConvertsWhatFits) {
  Tensor out;
  EXPECT_OK(
      convertTensor(makeTensor<float>(RB_F32, {0, 1, 1}).view(), RB_BOOL, out));
  EXPECT_EQ(out.dtype(), RB_BOOL);
  EXPECT_EQ(out.data<uint8_t>()[2], 1);
  EXPECT_OK(convertTensor(makeTensor<int64_t>(RB_I64, {INT64_MAX, -5}).view(),
                          RB_I64, out));
  EXPECT_EQ(out.data<int64_t>()[0], INT64_MAX);
  EXPECT_OK(
      convertTensor(makeTensor<uint8_t>(RB_U8, {0, 255}).view(), RB_F32, out));
  EXPECT_EQ(out.data<float>()[1], 255.0f);
}

TEST(Tensor, RefusesWhatDoesNotFit) {
  Tensor out;
  EXPECT_ERROR(
      convertTensor(makeTensor<float>(RB_F32, {1, 0.5f}).view(), RB_I32, out),
      RB_INVALID_ARGUMENT, "element 1 is 0.5, which i32 does not hold");
  EXPECT_ERROR(
      convertTensor(makeTensor<int32_t>(RB_I32, {128}).view(), RB_I8, out),
      RB_INVALID_ARGUMENT, "element 0 is 128, which i8 does not hold");
  EXPECT_ERROR(
      convertTensor(makeTensor<uint8_t>(RB_U8, {2}).view(), RB_BOOL, out),
      RB_INVALID_ARGUMENT, "element 0 is 2, which bool does not hold");
  float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(convertTensor(makeTensor<float>(RB_F32, {nan}).view(), RB_I64, out)
                .code(),
            RB_INVALID_ARGUMENT);
}
