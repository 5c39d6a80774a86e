//===- MathTest.cpp - Transcendental functions of the reference -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interpreter's functions against MLIR's expansions of the same operations,
// which the interpreter executes operation by operation: equal in every bit.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "rheobase/Conversion/ExpandMath.h"
#include "rheobase/Reference/Math.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"

#include <cmath>
#include <random>

using namespace mlir;

namespace rheobase::reference {

namespace {

/// Numbers of all magnitudes, special ones, and many between -10 and 10.
std::vector<double> makeArguments(uint64_t seed) {
  std::vector<double> values{0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0,
                             INFINITY, -INFINITY, NAN, 0x1p-149, -0x1p-149,
                             0x1p-126, 0x1.fffffep127, 87.8f, -87.8f, 88.8f,
                             88.7228394f, 88.73f, 0.66f, 2.41421366f,
                             0.000399999f, 0.0004f, 7.99881172f, 0.8f, 3.75f,
                             10.0546875f, 10.1f, 0.707106769f, -0.5625f};
  std::mt19937_64 random(seed);
  for (int i = 0; i < 1500; ++i) {
    uint32_t bits = uint32_t(random());
    values.push_back(llvm::bit_cast<float>(bits));
    values.push_back(float(double(random() % 2000001) / 100000.0 - 10.0));
    values.push_back(float(double(random() % 2000001) / 1000000.0 - 1.0));
  }
  return values;
}

} // namespace

class MathTest : public ReferenceTest {
protected:
  /// Compares `expression` of %x (and %z) with its expansion.
  void check(StringRef expression) {
    std::string text = R"mlir(
      func.func @f(%a: tensor<?xf32>, %b: tensor<?xf32>, %n: tensor<?xi32>, %e: tensor<?xf32>) -> tensor<?xf32> {
        %r = spiking.scan step ins(%x = %a : tensor<?xf32>, %z = %b : tensor<?xf32>, %k = %n : tensor<?xi32>) outs(%e : tensor<?xf32>) {
          EXPRESSION
          spiking.yield %y : f32
        }
        return %r : tensor<?xf32>
      })mlir";
    text.replace(text.find("EXPRESSION"), 10, expression.str());
    Values a = makeArguments(1), b = makeArguments(2), n;
    for (size_t i = 0; i < a.size(); ++i)
      n.push_back(double(i % 11) - 5.0);
    int64_t size = int64_t(a.size());
    SmallVector<Tensor> arguments{
        f32(size, a), f32(size, b), Tensor::of(ElementKind::I32, size, n),
        Tensor(ElementKind::F32, size)};
    func::FuncOp function = parseFunction(text);
    SmallVector<Tensor> direct = *run(function, arguments);
    ASSERT_TRUE(succeeded(expandMath(function)));
    function.walk([&](Operation *op) {
      StringRef name = op->getName().getStringRef();
      if (name.starts_with("math.")) {
        bool basic = llvm::is_contained(
            {"math.fma", "math.floor", "math.sqrt", "math.absf",
             "math.copysign"},
            name);
        EXPECT_TRUE(basic) << name.str() << " is left of " << expression.str();
      }
    });
    SmallVector<Tensor> expanded = *run(function, arguments);
    std::optional<int64_t> difference = findDifference(direct[0], expanded[0]);
    EXPECT_FALSE(difference)
        << expression.str() << " of " << a[size_t(*difference)] << ", "
        << b[size_t(*difference)] << ": " << direct[0].at(*difference)
        << ", expanded " << expanded[0].at(*difference);
  }
};

TEST_F(MathTest, FunctionsEqualTheirExpansions) {
  for (const char *name :
       {"exp", "expm1", "exp2", "log", "log2", "log1p", "tanh", "sin", "cos",
        "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh",
        "atanh", "erf", "erfc", "cbrt", "rsqrt"})
    check((Twine("%y = math.") + name + " %x : f32").str());
  check("%y = math.atan2 %x, %z : f32");
  check("%y = math.powf %x, %z : f32");
  check("%y = math.fpowi %x, %k : f32, i32");
}

TEST_F(MathTest, ConstantExponentsEqualTheirExpansions) {
  for (const char *exponent : {"0.0", "1.0", "-1.0", "0.5", "-0.5", "2.0",
                               "-2.0", "3.0", "-3.0", "4.0", "1.5", "-2.5"})
    check((Twine("%c = arith.constant ") + exponent +
           " : f32\n%y = math.powf %x, %c : f32")
              .str());
  for (int exponent : {0, 1, 2, 3, 5, 7, 11, -1, -2, -3, -6})
    check((Twine("%c = arith.constant ") + Twine(exponent) +
           " : i32\n%y = math.fpowi %x, %c : f32, i32")
              .str());
}

TEST_F(MathTest, MinimaAndMaximaEqualTheirExpansions) {
  check("%y = arith.maxnumf %x, %z : f32");
  check("%y = arith.minnumf %x, %z : f32");
}

TEST_F(MathTest, FunctionsAreCloseToTheirMeaning) {
  // Bits that are equal to wrong ones would not be noticed above.
  EXPECT_NEAR(expOf(1.0f), M_E, 1e-6);
  EXPECT_NEAR(logOf(10.0f), M_LN10, 1e-6);
  EXPECT_NEAR(tanhOf(0.5f), std::tanh(0.5), 1e-6);
  EXPECT_NEAR(sinOf(2.0f), std::sin(2.0), 1e-6);
  EXPECT_NEAR(cosOf(2.0f), std::cos(2.0), 1e-6);
  EXPECT_NEAR(atanOf(-3.0f), std::atan(-3.0), 1e-6);
  EXPECT_NEAR(erfOf(0.7f), std::erf(0.7), 1e-6);
  EXPECT_NEAR(erfcOf(0.7f), std::erfc(0.7), 1e-6);
  EXPECT_NEAR(asinOf(0.3f), std::asin(0.3), 1e-6);
  EXPECT_NEAR(acosOf(-0.3f), std::acos(-0.3), 1e-6);
  EXPECT_NEAR(powOf(2.0f, 3.5f, false), std::pow(2.0, 3.5), 1e-4);
}

} // namespace rheobase::reference
