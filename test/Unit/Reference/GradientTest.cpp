//===- GradientTest.cpp - Tape, finite differences and adjoints -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// In f64, the gradients of the interpreter's tape against finite differences,
// and those of the compiler's adjoints, executed by the interpreter, against the
// tape. Spikes of the perturbed runs change by the change of their surrogate's
// primal (FrozenRun), so that finite differences see the surrogate.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <random>

using namespace mlir;

namespace rheobase::reference {

class GradientTest : public ReferenceTest {
protected:
  Tensor randomTensor(ElementKind kind, ArrayRef<int64_t> shape) {
    Tensor tensor(kind, shape);
    std::uniform_real_distribution<double> uniform(-1.0, 1.0);
    for (Scalar &element : tensor.elements) {
      double value = uniform(random);
      if (kind == ElementKind::I1)
        value = value > 0.3;
      else if (kind == ElementKind::I32)
        value = std::floor((value + 1.0) * 1.5);
      element = kind == ElementKind::I64 || kind == ElementKind::Index
                    ? Scalar::ofInteger(3)
                    : Scalar::ofNumber(value);
    }
    return tensor;
  }

  /// Random arguments of the function's types; dynamic extents are 3.
  SmallVector<Tensor> randomArguments(func::FuncOp function) {
    SmallVector<Tensor> arguments;
    for (Type type : function.getArgumentTypes()) {
      SmallVector<int64_t> shape;
      if (auto shaped = dyn_cast<RankedTensorType>(type))
        for (int64_t extent : shaped.getShape())
          shape.push_back(ShapedType::isDynamic(extent) ? 3 : extent);
      arguments.push_back(
          randomTensor(*getElementKind(getElementTypeOrSelf(type)), shape));
    }
    return arguments;
  }

  static double dot(ArrayRef<Tensor> cotangents, ArrayRef<Tensor> results) {
    double sum = 0.0;
    for (auto [cotangent, result] : llvm::zip(cotangents, results))
      for (int64_t i = 0; i < cotangent.size(); ++i)
        sum += cotangent.at(i) * result.at(i);
    return sum;
  }

  /// Compares every partial derivative with a central difference.
  void check(StringRef text, double tolerance = 2e-6) {
    func::FuncOp function = parseFunction(text);
    ASSERT_TRUE(function) << text.str();
    check(function, randomArguments(function), tolerance);
  }

  void check(func::FuncOp function, ArrayRef<Tensor> arguments,
             double tolerance) {
    FrozenRun frozen;
    Options options;
    options.frozen = &frozen;
    auto results = run(function, arguments, options);
    ASSERT_TRUE(succeeded(results)) << messages;
    SmallVector<Tensor> cotangents;
    for (const Tensor &result : *results)
      cotangents.push_back(isFloat(result.kind) || result.kind == ElementKind::I1 ||
                                   result.kind == ElementKind::I8
                               ? randomTensor(ElementKind::F64, result.shape)
                               : Tensor(ElementKind::F64, {0}));
    auto taped = gradient(function, arguments, cotangents);
    ASSERT_TRUE(succeeded(taped)) << messages;

    // A smooth run at the same arguments has the same values.
    frozen.rewind();
    auto smooth = run(function, arguments, options);
    ASSERT_TRUE(succeeded(smooth)) << messages;
    for (auto [a, b] : llvm::zip(*results, *smooth))
      EXPECT_FALSE(findDifference(a, b));

    double largest = 1e-3;
    int64_t derivatives = 0;
    for (const Tensor &cotangent : taped->cotangents)
      for (double value : cotangent.values())
        largest = std::max(largest, std::fabs(value));
    checkAdjoint(function, arguments, cotangents, *taped, largest);
    const double step = 1e-6;
    SmallVector<Tensor> moved(arguments);
    for (auto [number, argument] : llvm::enumerate(arguments)) {
      if (!isFloat(argument.kind))
        continue;
      for (int64_t i = 0; i < argument.size(); ++i) {
        double values[2];
        for (int side = 0; side < 2; ++side) {
          moved[number][i].number =
              argument[i].number + (side == 0 ? -step : step);
          frozen.rewind();
          auto here = run(function, moved, options);
          ASSERT_TRUE(succeeded(here)) << messages;
          values[side] = dot(cotangents, *here);
        }
        moved[number][i] = argument[i];
        double expected = (values[1] - values[0]) / (2.0 * step);
        double got = taped->cotangents[number].at(i);
        EXPECT_NEAR(got, expected, tolerance * largest)
            << "argument " << number << ", element " << i;
        derivatives += got != 0.0;
      }
    }
    EXPECT_GT(derivatives, 0) << "nothing was differentiated";
  }

  /// Compares the compiler's adjoint with the tape.
  void checkAdjoint(func::FuncOp function, ArrayRef<Tensor> arguments,
                    ArrayRef<Tensor> cotangents, const Gradient &taped,
                    double largest) {
    SmallVector<unsigned> with;
    for (auto [i, argument] : llvm::enumerate(arguments))
      if (isFloat(argument.kind))
        with.push_back(unsigned(i));
    auto adjoint =
        spiking::differentiateFunction(function, "f_gradient", with);
    ASSERT_TRUE(succeeded(adjoint)) << messages;
    ASSERT_TRUE(succeeded(verify(*adjoint))) << messages;
    SmallVector<Tensor> all(arguments);
    for (const Tensor &cotangent : cotangents)
      if (cotangent.shape != SmallVector<int64_t>{0})
        all.push_back(cotangent);
    auto results = run(*adjoint, all);
    ASSERT_TRUE(succeeded(results)) << messages;
    ASSERT_EQ(results->size(), taped.results.size() + with.size());
    for (auto [primal, result] : llvm::zip(taped.results, *results))
      EXPECT_FALSE(findDifference(primal, result));
    for (auto [i, number] : llvm::enumerate(with)) {
      const Tensor &got = (*results)[taped.results.size() + i];
      const Tensor &expected = taped.cotangents[number];
      ASSERT_EQ(got.shape, expected.shape);
      for (int64_t k = 0; k < got.size(); ++k)
        EXPECT_NEAR(got.at(k), expected.at(k), 1e-11 * largest)
            << "adjoint of argument " << number << ", element " << k;
    }
  }

  /// Checks an operation on scalars %a, %b, %c that are shifted into (0, 1).
  void checkScalar(StringRef expression) {
    std::string text = R"mlir(
      func.func @f(%x: tensor<3xf64>, %y: tensor<3xf64>, %z: tensor<3xf64>, %e: tensor<3xf64>) -> tensor<3xf64> {
        %r = spiking.scan step ins(%u = %x : tensor<3xf64>, %v = %y : tensor<3xf64>, %w = %z : tensor<3xf64>) outs(%e : tensor<3xf64>) {
          %half = arith.constant 0.49 : f64
          %scale = arith.constant 0.48 : f64
          %u1 = arith.mulf %u, %scale : f64
          %v1 = arith.mulf %v, %scale : f64
          %w1 = arith.mulf %w, %scale : f64
          %a = arith.addf %u1, %half : f64
          %b = arith.addf %v1, %half : f64
          %c = arith.addf %w1, %half : f64
          EXPRESSION
          spiking.yield %r : f64
        }
        return %r : tensor<3xf64>
      })mlir";
    text.replace(text.find("EXPRESSION"), 10, expression.str());
    SCOPED_TRACE(expression.str());
    check(text);
  }

  std::mt19937_64 random{12345};
};

TEST_F(GradientTest, ScalarOperations) {
  for (const char *expression :
       {"%r = arith.addf %a, %b : f64", "%r = arith.subf %a, %b : f64",
        "%r = arith.mulf %a, %b : f64", "%r = arith.divf %a, %b : f64",
        "%r = arith.negf %a : f64", "%r = arith.maximumf %a, %b : f64",
        "%r = arith.minimumf %a, %b : f64", "%r = arith.maxnumf %a, %b : f64",
        "%r = arith.minnumf %a, %b : f64", "%r = arith.remf %a, %b : f64",
        "%r = math.fma %a, %b, %c : f64", "%r = math.powf %a, %b : f64",
        "%r = math.atan2 %a, %b : f64", "%r = math.copysign %a, %b : f64",
        "%k = arith.cmpf olt, %a, %b : f64\n%r = arith.select %k, %c, %a : f64",
        "%k = arith.constant 3 : i32\n%r = math.fpowi %a, %k : f64, i32"})
    checkScalar(expression);
  for (const char *name :
       {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos",
        "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh",
        "erf", "erfc", "cbrt", "rsqrt", "sqrt", "absf"})
    checkScalar((Twine("%r = math.") + name + " %a : f64").str());
  checkScalar("%one = arith.constant 1.0 : f64\n%d = arith.addf %a, %one : f64\n"
              "%r = math.acosh %d : f64");
}

TEST_F(GradientTest, LogicOnSpikes) {
  const char *fires = "%half2 = arith.constant 0.5 : f64\n"
                      "%p = arith.subf %a, %half2 : f64\n"
                      "%q = arith.subf %b, %half2 : f64\n"
                      "%s = spiking.fire %p {surrogate = #spiking.atan} : f64 -> i1\n"
                      "%t = spiking.fire %q {surrogate = #spiking.sigmoid} : f64 -> i1\n";
  for (const char *expression :
       {"%k = arith.andi %s, %t : i1\n%r = arith.uitofp %k : i1 to f64",
        "%k = arith.ori %s, %t : i1\n%r = arith.uitofp %k : i1 to f64",
        "%k = arith.xori %s, %t : i1\n%r = arith.uitofp %k : i1 to f64",
        "%k = arith.select %s, %b, %c : f64\n%r = arith.mulf %k, %k : f64",
        "%m = arith.extui %s : i1 to i8\n%n = arith.extui %t : i1 to i8\n%k = arith.subi %m, %n : i8\n%r = arith.sitofp %k : i8 to f64",
        "%k = arith.sitofp %s : i1 to f64\n%r = arith.mulf %k, %c : f64",
        "%r = scf.if %s -> f64 {\n%k = arith.mulf %b, %c : f64\nscf.yield %k : f64\n} else {\nscf.yield %a : f64\n}"})
    checkScalar((Twine(fires) + expression).str());
}

TEST_F(GradientTest, DetachedValuesAreConstant) {
  checkScalar("%d = spiking.detach %b : f64\n%r = arith.mulf %a, %d : f64");
  func::FuncOp function = parseFunction(R"mlir(
    func.func @f(%x: tensor<2xf64>) -> tensor<2xf64> {
      %d = spiking.detach %x : tensor<2xf64>
      %y = arith.mulf %x, %d : tensor<2xf64>
      return %y : tensor<2xf64>
    })mlir");
  auto taped = gradient(function, {f64({2}, {3, 5})}, {f64({2}, {1, 1})});
  ASSERT_TRUE(succeeded(taped));
  EXPECT_EQ(taped->cotangents[0].values(), (Values{3, 5}));
}

// The adjoint needs nothing of the sequence but its number of steps.
TEST_F(GradientTest, ScansWhoseAdjointReadsNoSequence) {
  check(R"mlir(
    func.func @f(%x: tensor<3x2xf64>, %k: tensor<2xf64>, %v0: tensor<2xf64>) -> tensor<2xf64> {
      %v = spiking.scan forward ins(%i = %x : tensor<3x2xf64>) params(%d = %k : tensor<2xf64>) states(%v = %v0 : tensor<2xf64>) {
        %c = spiking.detach %i : f64
        %n = arith.subf %v, %c : f64
        spiking.yield next(%n : f64)
      }
      return %v : tensor<2xf64>
    })mlir");
  check(R"mlir(
    func.func @f(%e: tensor<3x2xi1>, %v0: tensor<2xf64>) -> tensor<2xf64> {
      %s, %v = spiking.scan forward outs(%e : tensor<3x2xi1>) states(%v = %v0 : tensor<2xf64>) {
        %one = arith.constant 1.0 : f64
        %u = spiking.detach %v : f64
        %f = spiking.fire %u {surrogate = #spiking.atan} : f64 -> i1
        %n = arith.subf %v, %one : f64
        spiking.yield %f : i1 next(%n : f64)
      }
      return %v : tensor<2xf64>
    })mlir");
}

// A cotangent of zero is multiplied like any other, by the tape and the adjoint.
TEST_F(GradientTest, ZeroTimesInfinityIsNotANumber) {
  for (const char *use :
       {"%r = arith.mulf %u, %zero : f64", "%r = arith.maximumf %one, %u : f64",
        "%k = arith.cmpf ogt, %u, %one : f64\n"
        "%r = arith.select %k, %u, %one : f64"}) {
    std::string text = R"mlir(
      func.func @f(%x: tensor<2xf64>, %e: tensor<2xf64>) -> tensor<2xf64> {
        %r = spiking.scan step ins(%a = %x : tensor<2xf64>) outs(%e : tensor<2xf64>) {
          %zero = arith.constant 0.0 : f64
          %one = arith.constant 1.0 : f64
          %u = math.sqrt %a : f64
          USE
          spiking.yield %r : f64
        }
        return %r : tensor<2xf64>
      })mlir";
    text.replace(text.find("USE"), 3, use);
    SCOPED_TRACE(use);
    func::FuncOp function = parseFunction(text);
    SmallVector<Tensor> arguments{f64({2}, {0.0, 0.25}), f64({2}, {0, 0})};
    auto taped = gradient(function, arguments, {f64({2}, {1, 1})});
    ASSERT_TRUE(succeeded(taped)) << messages;
    auto adjoint = spiking::differentiateFunction(function, "f_gradient", {0});
    ASSERT_TRUE(succeeded(adjoint)) << messages;
    arguments.push_back(f64({2}, {1, 1}));
    auto results = run(*adjoint, arguments);
    ASSERT_TRUE(succeeded(results)) << messages;
    for (const Tensor &got : {taped->cotangents[0], (*results)[1]}) {
      EXPECT_TRUE(std::isnan(got.at(0)));
      EXPECT_EQ(got.at(1), 0.0);
    }
  }
}

TEST_F(GradientTest, Surrogates) {
  // Away from kinks: the arguments are random.
  for (const char *surrogate :
       {"atan", "sigmoid", "piecewise_quadratic", "piecewise_exp", "soft_sign",
        "super_spike", "arctan", "log_abs", "erf", "gaussian",
        "piecewise_leaky_relu", "squarewave_fourier<n = 4>", "s2nn",
        "q_pseudo_spike", "q_pseudo_spike<alpha = 3.0>",
        "leaky_k_relu<leak = 0.25>", "heaviside", "fake_numerical_gradient",
        "fake_numerical_gradient<alpha = 3.0>", "log_tailed_relu<alpha = 0.5>",
        "straight_through", "rectangle", "triangle", "signed_step",
        "spike_rate_escape", "sparse_fast_sigmoid<bound = -0.25>", "tanh",
        "circ"}) {
    std::string text = R"mlir(
      func.func @f(%x: tensor<12xf64>) -> tensor<12xi1> {
        %two = arith.constant dense<2.0> : tensor<12xf64>
        %u = arith.mulf %x, %two : tensor<12xf64>
        %s = spiking.fire %u {surrogate = #spiking.SURROGATE} : tensor<12xf64> -> tensor<12xi1>
        return %s : tensor<12xi1>
      })mlir";
    text.replace(text.find("SURROGATE"), 9, surrogate);
    SCOPED_TRACE(surrogate);
    check(text);
  }
}

TEST_F(GradientTest, TernaryAndCountedSpikes) {
  for (const char *attributes :
       {"surrogate = #spiking.atan, kind = #spiking.fire_kind<ternary>, threshold = 0.25 : f64",
        "surrogate = #spiking.window<low = -0.5, high = 1.5>, kind = #spiking.fire_kind<count>, maximum = 3 : i64"}) {
    std::string text = R"mlir(
      func.func @f(%x: tensor<8xf64>) -> tensor<8xi8> {
        %two = arith.constant dense<2.0> : tensor<8xf64>
        %u = arith.mulf %x, %two : tensor<8xf64>
        %s = spiking.fire %u {ATTRIBUTES} : tensor<8xf64> -> tensor<8xi8>
        return %s : tensor<8xi8>
      })mlir";
    text.replace(text.find("ATTRIBUTES"), 10, attributes);
    SCOPED_TRACE(attributes);
    check(text);
  }
}

TEST_F(GradientTest, NamedNeurons) {
  const char *common[] = {
      "reset = #spiking.reset<hard, value = 0.125>",
      "reset = #spiking.reset<soft>",
      "reset = #spiking.reset<none>",
      "reset = #spiking.reset<soft>, detach_reset = true",
      "reset = #spiking.reset<hard>, detach_reset = true",
      "order = #spiking.order<fire_integrate>, reset = #spiking.reset<soft>, reset_stage = #spiking.reset_stage<before_decay>",
      "order = #spiking.order<fire_integrate>, reset = #spiking.reset<hard, value = 0.1>, reset_stage = #spiking.reset_stage<after_integration>"};
  const char *delayed[] = {
      "reset_timing = #spiking.reset_timing<delayed>, reset_stage = #spiking.reset_stage<after_decay>",
      "reset_timing = #spiking.reset_timing<delayed>, reset_stage = #spiking.reset_stage<before_decay>, reset = #spiking.reset<soft>"};
  auto checkNeuron = [&](StringRef name, StringRef operands, StringRef types,
                         StringRef attributes, bool hasSecond) {
    std::string text = "func.func @f(%x: tensor<4x2x3xf64>, %v: tensor<2x3xf64>, %i: tensor<2x3xf64>, %p: tensor<3xf64>, %q: tensor<f64>, %m: tensor<4x2xi1>) -> (tensor<4x2x3xi1>, tensor<2x3xf64>";
    text += hasSecond ? ", tensor<2x3xf64>) {\n" : ") {\n";
    text += "%c = arith.constant dense<0.7> : tensor<3xf64>\n%k = arith.addf %p, %c : tensor<3xf64>\n";
    text += hasSecond ? "%s, %w, %j = " : "%s, %w = ";
    text += ("spiking." + name + " " + operands + " {threshold = 0.4, " +
             attributes + "} : (" + types + ") -> (tensor<4x2x3xi1>, tensor<2x3xf64>")
                .str();
    text += hasSecond ? ", tensor<2x3xf64>)\nreturn %s, %w, %j : tensor<4x2x3xi1>, tensor<2x3xf64>, tensor<2x3xf64>\n}"
                      : ")\nreturn %s, %w : tensor<4x2x3xi1>, tensor<2x3xf64>\n}";
    SCOPED_TRACE(text);
    check(text);
  };
  for (int round = 0; round < 2; ++round)
    for (const char *attributes : round == 0 ? ArrayRef(common) : ArrayRef(delayed)) {
      checkNeuron("lif", "%x, %v decay(%k)",
                  "tensor<4x2x3xf64>, tensor<2x3xf64>, tensor<3xf64>",
                  (Twine("leak = 0.2, input_scaling = #spiking.input_scaling<one_minus_decay>, ") + attributes).str(), false);
      checkNeuron("if", "%x, %v", "tensor<4x2x3xf64>, tensor<2x3xf64>", attributes, false);
      checkNeuron("plif", "%x, %v weight(%q) mask(%m)",
                  "tensor<4x2x3xf64>, tensor<f64>, tensor<2x3xf64>, tensor<4x2xi1>",
                  (Twine("leak = 0.1, ") + attributes).str(), false);
      for (const char *update : {"decay_then_jump", "jump_then_decay", "after_membrane"})
        checkNeuron("cuba_lif", "%x, %v current(%i) current_decay(%p)",
                    "tensor<4x2x3xf64>, tensor<2x3xf64>, tensor<2x3xf64>, tensor<3xf64>",
                    (Twine("decay = 0.8, current_update = #spiking.current_update<") + update + ">, " + attributes).str(), true);
      if (round == 0)
        checkNeuron("alif", "%x, %v adaptation(%i) adaptation_decay(%p)",
                    "tensor<4x2x3xf64>, tensor<2x3xf64>, tensor<2x3xf64>, tensor<3xf64>",
                    (Twine("decay = 0.8, adaptation_increment = 0.3, ") + attributes).str(), true);
    }
}

TEST_F(GradientTest, Readout) {
  check(R"mlir(
    func.func @f(%x: tensor<3x2xf64>, %v: tensor<2xf64>, %k: tensor<f64>) -> (tensor<3x2xf64>, tensor<2xf64>) {
      %y, %w = spiking.li %x, %v decay(%k) {leak = 0.3, input_scaling = #spiking.input_scaling<one_minus_decay>}
        : (tensor<3x2xf64>, tensor<2xf64>, tensor<f64>) -> (tensor<3x2xf64>, tensor<2xf64>)
      return %y, %w : tensor<3x2xf64>, tensor<2xf64>
    })mlir");
}

TEST_F(GradientTest, Synapses) {
  const char *texts[] = {
      R"mlir(func.func @f(%x: tensor<2x2x3xf64>, %w: tensor<3x2xf64>, %b: tensor<2xf64>) -> tensor<2x2x2xf64> {
        %y = spiking.linear %x, %w, %b : (tensor<2x2x3xf64>, tensor<3x2xf64>, tensor<2xf64>) -> tensor<2x2x2xf64>
        return %y : tensor<2x2x2xf64>
      })mlir",
      R"mlir(func.func @f(%x: tensor<2x4x5x4xf64>, %w: tensor<4x2x3x2xf64>, %b: tensor<4xf64>) -> tensor<2x4x4x3xf64> {
        %y = spiking.conv %x, %w, %b {strides = array<i64: 1, 2>, padding = array<i64: 1, 2>, dilations = array<i64: 1, 2>, groups = 2 : i64}
          : (tensor<2x4x5x4xf64>, tensor<4x2x3x2xf64>, tensor<4xf64>) -> tensor<2x4x5x3xf64>
        %z = tensor.extract_slice %y[0, 0, 0, 0] [2, 4, 4, 3] [1, 1, 1, 1] : tensor<2x4x5x3xf64> to tensor<2x4x4x3xf64>
        return %z : tensor<2x4x4x3xf64>
      })mlir",
      R"mlir(func.func @f(%x: tensor<1x2x4x4xf64>) -> (tensor<1x2x2x2xf64>, tensor<1x2x3x3xf64>, tensor<1x2x3x3xf64>) {
        %a = spiking.avg_pool %x {kernel = array<i64: 2, 2>} : (tensor<1x2x4x4xf64>) -> tensor<1x2x2x2xf64>
        %b = spiking.sum_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>} : (tensor<1x2x4x4xf64>) -> tensor<1x2x3x3xf64>
        %c = spiking.max_pool %x {kernel = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<1x2x4x4xf64>) -> tensor<1x2x3x3xf64>
        return %a, %b, %c : tensor<1x2x2x2xf64>, tensor<1x2x3x3xf64>, tensor<1x2x3x3xf64>
      })mlir",
      R"mlir(func.func @f(%x: tensor<2x3x2xf64>, %g: tensor<2xf64>, %b: tensor<2xf64>, %m: tensor<2xf64>, %v: tensor<2xf64>) -> (tensor<2x3x2xf64>, tensor<2x3x2xf64>) {
        %y, %nm, %nv, %sm, %sr = spiking.batch_norm %x scale(%g) shift(%b) running(%m, %v) {sequence = true}
          : (tensor<2x3x2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<2x3x2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2x2xf64>, tensor<2x2xf64>)
        %z, %a0, %a1, %a2, %a3 = spiking.batch_norm %x scale(%g) shift(%b) running(%m, %v) {sequence = true, statistics = #spiking.statistics<merged>}
          : (tensor<2x3x2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<2x3x2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>)
        return %y, %z : tensor<2x3x2xf64>, tensor<2x3x2xf64>
      })mlir",
      R"mlir(func.func @f(%x: tensor<?x?x2x3xf64>, %g: tensor<2xf64>, %b: tensor<2xf64>, %m: tensor<2xi32>) -> (tensor<?x?x2x3xf64>, tensor<?x?x2x3xf64>) {
        %one = arith.constant dense<1.5> : tensor<2xf64>
        %y, %a0, %a1, %a2, %a3 = spiking.batch_norm %x scale(%g) shift(%b) running(%one, %one) {sequence = true, channel_dim = -2 : i64}
          : (tensor<?x?x2x3xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<?x?x2x3xf64>, tensor<2xf64>, tensor<2xf64>, tensor<?x2xf64>, tensor<?x2xf64>)
        %z, %b0, %b1, %b2, %b3 = spiking.batch_norm %x scale(%g) shift(%b) running(%one, %one) {sequence = true, channel_dim = -2 : i64, mode = #spiking.mode<inference>}
          : (tensor<?x?x2x3xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<?x?x2x3xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>)
        return %y, %z : tensor<?x?x2x3xf64>, tensor<?x?x2x3xf64>
      })mlir",
      R"mlir(func.func @f(%x: tensor<3x2x2x3xf64>, %z: tensor<3x2x6xf64>) -> (tensor<3x2x6xf64>, tensor<3x2x3x2xf64>, tensor<3x2x2x3xf64>, tensor<2x6xf64>, tensor<3x1x6xf64>) {
        %a = spiking.flatten %x {dims = 2 : i64} : (tensor<3x2x2x3xf64>) -> tensor<3x2x6xf64>
        %b = spiking.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3x2x2x3xf64>) -> tensor<3x2x3x2xf64>
        %c = spiking.add %a, %z : (tensor<3x2x6xf64>, tensor<3x2x6xf64>) -> tensor<3x2x6xf64>
        %d = spiking.unflatten %c {dims = 2 : i64} : (tensor<3x2x6xf64>) -> tensor<3x2x2x3xf64>
        %e = spiking.reduce_sum %c {dims = array<i64: 0>} : (tensor<3x2x6xf64>) -> tensor<2x6xf64>
        %g = spiking.reduce_sum %c {dims = array<i64: 1>, keep_dims = true} : (tensor<3x2x6xf64>) -> tensor<3x1x6xf64>
        return %c, %b, %d, %e, %g : tensor<3x2x6xf64>, tensor<3x2x3x2xf64>, tensor<3x2x2x3xf64>, tensor<2x6xf64>, tensor<3x1x6xf64>
      })mlir",
      R"mlir(func.func @f(%x: tensor<3x2x4xf64>, %seed: tensor<i64>, %s: tensor<4xf64>, %T: index) -> (tensor<3x2x4xf64>, tensor<3x2x4xf64>, tensor<?x4xf64>, tensor<2x4xf64>) {
        %a = spiking.dropout %x seed(%seed) {p = 0.5 : f64, id = 0 : i64, sequence = true} : (tensor<3x2x4xf64>, tensor<i64>) -> tensor<3x2x4xf64>
        %b = spiking.delay %x {steps = 1 : i64} : (tensor<3x2x4xf64>) -> tensor<3x2x4xf64>
        %c = spiking.repeat %s times(%T) : (tensor<4xf64>) -> tensor<?x4xf64>
        %d = spiking.broadcast %s : tensor<4xf64> -> tensor<2x4xf64>
        return %a, %b, %c, %d : tensor<3x2x4xf64>, tensor<3x2x4xf64>, tensor<?x4xf64>, tensor<2x4xf64>
      })mlir"};
  for (const char *text : texts)
    check(text);
}

TEST_F(GradientTest, ReadoutsAndLosses) {
  for (const char *kind : {"rate", "sum", "max", "last"}) {
    std::string text = R"mlir(
      func.func @f(%x: tensor<3x2x4xf64>, %l: tensor<2xi32>, %t: tensor<2x4xf64>) -> (tensor<2x4xf64>, tensor<f64>, tensor<f64>) {
        %y = spiking.readout %x {kind = #spiking.readout<KIND>} : (tensor<3x2x4xf64>) -> tensor<2x4xf64>
        %e = spiking.cross_entropy %y, %l : (tensor<2x4xf64>, tensor<2xi32>) -> tensor<f64>
        %m = spiking.mean_squared_error %y, %t : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<f64>
        return %y, %e, %m : tensor<2x4xf64>, tensor<f64>, tensor<f64>
      })mlir";
    text.replace(text.find("KIND"), 4, kind);
    SCOPED_TRACE(kind);
    check(text);
  }
}

TEST_F(GradientTest, RecurrentNetwork) {
  check(R"mlir(
    func.func @f(%T: index, %x: tensor<?x2x3xf64>, %w: tensor<3x4xf64>, %r: tensor<4x4xf64>, %o: tensor<4x2xf64>, %l: tensor<2xi32>) -> tensor<f64> {
      %v0 = arith.constant dense<0.0> : tensor<2x4xf64>
      %s0 = arith.constant dense<false> : tensor<2x4xi1>
      %m0 = arith.constant dense<0.0> : tensor<2x2xf64>
      %y, %vT, %sT, %mT = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x2x3xf64>)
          state(%v = %v0 : tensor<2x4xf64>, %s = %s0 : tensor<2x4xi1>, %m = %m0 : tensor<2x2xf64>) -> (tensor<?x2x2xf64>) {
        %i = spiking.linear %x_t, %w : (tensor<2x3xf64>, tensor<3x4xf64>) -> tensor<2x4xf64>
        %j = spiking.linear %s, %r : (tensor<2x4xi1>, tensor<4x4xf64>) -> tensor<2x4xf64>
        %k = arith.addf %i, %j : tensor<2x4xf64>
        %s1, %v1 = spiking.lif %k, %v {decay = 0.75, threshold = 0.2, reset = #spiking.reset<soft>, surrogate = #spiking.sigmoid<alpha = 2.0>}
          : (tensor<2x4xf64>, tensor<2x4xf64>) -> (tensor<2x4xi1>, tensor<2x4xf64>)
        %p = spiking.linear %s1, %o : (tensor<2x4xi1>, tensor<4x2xf64>) -> tensor<2x2xf64>
        %q, %m1 = spiking.li %p, %m {decay = 0.5} : (tensor<2x2xf64>, tensor<2x2xf64>) -> (tensor<2x2xf64>, tensor<2x2xf64>)
        spiking.yield %q : tensor<2x2xf64> next(%v1, %s1, %m1 : tensor<2x4xf64>, tensor<2x4xi1>, tensor<2x2xf64>)
      }
      %z = spiking.readout %y {kind = #spiking.readout<rate>} : (tensor<?x2x2xf64>) -> tensor<2x2xf64>
      %loss = spiking.cross_entropy %z, %l : (tensor<2x2xf64>, tensor<2xi32>) -> tensor<f64>
      return %loss : tensor<f64>
    })mlir");
}

TEST_F(GradientTest, ConvolutionalNetwork) {
  check(R"mlir(
    func.func @f(%T: index, %x: tensor<2x1x4x4xf64>, %w: tensor<2x1x3x3xf64>, %g: tensor<2xf64>, %b: tensor<2xf64>, %m: tensor<2xf64>, %v: tensor<2xf64>, %o: tensor<8x3xf64>, %l: tensor<2xi32>) -> tensor<f64> {
      %xs = spiking.repeat %x times(%T) : (tensor<2x1x4x4xf64>) -> tensor<?x2x1x4x4xf64>
      %c = spiking.conv %xs, %w {padding = array<i64: 1, 1>} : (tensor<?x2x1x4x4xf64>, tensor<2x1x3x3xf64>) -> tensor<?x2x2x4x4xf64>
      %n, %nm, %nv, %sm, %sr = spiking.batch_norm %c scale(%g) shift(%b) running(%m, %v) {channel_dim = -3 : i64, sequence = true}
        : (tensor<?x2x2x4x4xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) -> (tensor<?x2x2x4x4xf64>, tensor<2xf64>, tensor<2xf64>, tensor<?x2xf64>, tensor<?x2xf64>)
      %s, %u = spiking.lif %n {decay = 0.5, threshold = 0.3} : (tensor<?x2x2x4x4xf64>) -> (tensor<?x2x2x4x4xi1>, tensor<2x2x4x4xf64>)
      %p = spiking.sum_pool %s {kernel = array<i64: 2, 2>} : (tensor<?x2x2x4x4xi1>) -> tensor<?x2x2x2x2xi8>
      %q = spiking.flatten %p {dims = 3 : i64} : (tensor<?x2x2x2x2xi8>) -> tensor<?x2x8xi8>
      %y = spiking.linear %q, %o : (tensor<?x2x8xi8>, tensor<8x3xf64>) -> tensor<?x2x3xf64>
      %z = spiking.readout %y {kind = #spiking.readout<rate>} : (tensor<?x2x3xf64>) -> tensor<2x3xf64>
      %loss = spiking.cross_entropy %z, %l : (tensor<2x3xf64>, tensor<2xi32>) -> tensor<f64>
      return %loss : tensor<f64>
    })mlir", 2e-5);
}

TEST_F(GradientTest, MaximaOfSpikesGoToTheFirst) {
  // Of equal spikes finite differences know no first: the adjoint alone.
  func::FuncOp function = parseFunction(R"mlir(
    func.func @f(%x: tensor<2x1x4x4xf64>) -> (tensor<2x1x2x2xi1>, tensor<1x4x4xf64>) {
      %s = spiking.fire %x {surrogate = #spiking.atan} : tensor<2x1x4x4xf64> -> tensor<2x1x4x4xi1>
      %p = spiking.max_pool %s {kernel = array<i64: 2, 2>} : (tensor<2x1x4x4xi1>) -> tensor<2x1x2x2xi1>
      %m = spiking.readout %s {kind = #spiking.readout<max>} : (tensor<2x1x4x4xi1>) -> tensor<1x4x4xf64>
      return %p, %m : tensor<2x1x2x2xi1>, tensor<1x4x4xf64>
    })mlir");
  SmallVector<Tensor> arguments = randomArguments(function);
  SmallVector<Tensor> cotangents{
      randomTensor(ElementKind::F64, {2, 1, 2, 2}),
      randomTensor(ElementKind::F64, {1, 4, 4})};
  auto taped = gradient(function, arguments, cotangents);
  ASSERT_TRUE(succeeded(taped)) << messages;
  checkAdjoint(function, arguments, cotangents, *taped, 1.0);
}

TEST_F(GradientTest, TensorsOfDynamicShape) {
  const char *texts[] = {
      // Everything that broadcasts; spikes and counts as numbers; conditions.
      R"mlir(func.func @f(%x: tensor<?x?x2xf64>, %p: tensor<?x1xf64>, %q: tensor<f64>, %v0: tensor<?x2xf64>) -> (tensor<?x?x2xf64>, tensor<?x?x2xi8>, tensor<?x2xf64>) {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %T = tensor.dim %x, %c0 : tensor<?x?x2xf64>
        %B = tensor.dim %x, %c1 : tensor<?x?x2xf64>
        %e = tensor.empty(%T, %B) : tensor<?x?x2xf64>
        %n = tensor.empty(%T, %B) : tensor<?x?x2xi8>
        %o, %c, %v, %w = spiking.scan reverse ins(%i = %x : tensor<?x?x2xf64>) params(%k = %p : tensor<?x1xf64>, %l = %q : tensor<f64>)
            outs(%e : tensor<?x?x2xf64>, %n : tensor<?x?x2xi8>) states(%u = %v0 : tensor<?x2xf64>, %spike = %s : tensor<?x2xi1>) {
          %zero = arith.constant 0.0 : f64
          %half = arith.constant 0.5 : f64
          %d = arith.mulf %u, %k : f64
          %h = arith.addf %d, %i : f64
          %f = spiking.fire %h {surrogate = #spiking.sigmoid} : f64 -> i1
          %count = spiking.fire %h {surrogate = #spiking.sigmoid, kind = #spiking.fire_kind<count>, maximum = 3 : i64} : f64 -> i8
          %both = arith.andi %f, %spike : i1
          %either = arith.ori %f, %spike : i1
          %one = arith.xori %f, %spike : i1
          %a = arith.uitofp %both : i1 to f64
          %b = arith.uitofp %either : i1 to f64
          %g = arith.uitofp %one : i1 to f64
          %ab = arith.addf %a, %b : f64
          %abg = arith.mulf %ab, %g : f64
          %p0 = arith.cmpf ogt, %i, %zero : f64
          %r = scf.if %p0 -> (f64) {
            %root = math.sqrt %i : f64
            %z = arith.mulf %root, %l : f64
            scf.yield %z : f64
          } else {
            %z = scf.if %f -> (f64) {
              %y = arith.mulf %l, %h : f64
              scf.yield %y : f64
            } else {
              scf.yield %h : f64
            }
            scf.yield %z : f64
          }
          %m = arith.mulf %r, %half : f64
          %sum = arith.addf %m, %abg : f64
          %next = arith.select %f, %half, %sum : f64
          spiking.yield %sum, %count : f64, i8 next(%next, %f : f64, i1)
        }
        return %o, %c, %v : tensor<?x?x2xf64>, tensor<?x?x2xi8>, tensor<?x2xf64>
      })mlir",
      // A loop whose states are spikes and membranes; values from outside that
      // are used in several ways; a scan's accumulator.
      R"mlir(func.func @f(%T: index, %x: tensor<?x?x2xf64>, %w: tensor<2x2xf64>, %k: tensor<2xf64>, %v0: tensor<?x2xf64>) -> (tensor<?x?x2xi1>, tensor<?x2xf64>, tensor<?x?x2xf64>) {
        %s0 = spiking.fire %v0 {surrogate = #spiking.atan} : tensor<?x2xf64> -> tensor<?x2xi1>
        %y, %z, %v, %s = spiking.time_loop %t = 0 to %T over(%i = %x : tensor<?x?x2xf64>) state(%u = %v0 : tensor<?x2xf64>, %f = %s0 : tensor<?x2xi1>)
            -> (tensor<?x?x2xi1>, tensor<?x?x2xf64>) {
          %a = spiking.linear %f, %w, %k : (tensor<?x2xi1>, tensor<2x2xf64>, tensor<2xf64>) -> tensor<?x2xf64>
          %b = spiking.linear %i, %w : (tensor<?x2xf64>, tensor<2x2xf64>) -> tensor<?x2xf64>
          %c = arith.addf %a, %b : tensor<?x2xf64>
          %g, %u1 = spiking.scan step ins(%d = %c : tensor<?x2xf64>) params(%q = %k : tensor<2xf64>) outs(%f : tensor<?x2xi1>) states(%m = %u : tensor<?x2xf64>) {
            %e = arith.mulf %m, %q : f64
            %h = arith.addf %e, %d : f64
            %r = spiking.fire %h {surrogate = #spiking.atan} : f64 -> i1
            %n = arith.uitofp %r : i1 to f64
            %o = arith.subf %h, %n : f64
            spiking.yield %r : i1 next(%o : f64)
          }
          %j = math.tanh %u1 : tensor<?x2xf64>
          spiking.yield %g, %j : tensor<?x2xi1>, tensor<?x2xf64> next(%u1, %g : tensor<?x2xf64>, tensor<?x2xi1>)
        }
        return %y, %v, %z : tensor<?x?x2xi1>, tensor<?x2xf64>, tensor<?x?x2xf64>
      })mlir",
      // Tensors taken apart and put together.
      R"mlir(func.func @f(%x: tensor<?x4xf64>, %y: tensor<2xf64>) -> (tensor<?x4xf64>, tensor<f64>, tensor<?x2x2xf64>, tensor<2xf64>) {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %B = tensor.dim %x, %c0 : tensor<?x4xf64>
        %e = tensor.extract %y[%c1] : tensor<2xf64>
        %f = math.exp %e : f64
        %s = tensor.splat %f[%B] : tensor<?x4xf64>
        %p = arith.mulf %s, %x : tensor<?x4xf64>
        %a = tensor.extract_slice %p[0, 1] [%B, 2] [1, 1] : tensor<?x4xf64> to tensor<?x2xf64>
        %b = math.sin %a : tensor<?x2xf64>
        %q = tensor.insert_slice %b into %p[0, 2] [%B, 2] [1, 1] : tensor<?x2xf64> into tensor<?x4xf64>
        %r = spiking.reduce_sum %q {dims = array<i64: 0, 1>} : (tensor<?x4xf64>) -> tensor<f64>
        %g = tensor.expand_shape %q [[0], [1, 2]] output_shape [%B, 2, 2] : tensor<?x4xf64> into tensor<?x2x2xf64>
        %h = math.exp %g : tensor<?x2x2xf64>
        %i = tensor.collapse_shape %h [[0], [1, 2]] : tensor<?x2x2xf64> into tensor<?x4xf64>
        %j = arith.mulf %i, %q : tensor<?x4xf64>
        %k = tensor.from_elements %e, %f : tensor<2xf64>
        %l = tensor.insert %f into %k[%c0] : tensor<2xf64>
        %m = tensor.cast %j : tensor<?x4xf64> to tensor<3x4xf64>
        %n = tensor.cast %m : tensor<3x4xf64> to tensor<?x4xf64>
        return %n, %r, %h, %l : tensor<?x4xf64>, tensor<f64>, tensor<?x2x2xf64>, tensor<2xf64>
      })mlir"};
  for (StringRef text : texts) {
    std::string with = text.str();
    // The initial spike of the scan.
    if (size_t at = with.find("%o, %c, %v, %w ="); at != std::string::npos)
      with.insert(at, "%s = spiking.fire %v0 {surrogate = #spiking.sigmoid} : "
                      "tensor<?x2xf64> -> tensor<?x2xi1>\n");
    check(with);
  }
}

TEST_F(GradientTest, TruncatedBackpropagation) {
  // Detaching the state that enters every third step but the first, by hand.
  std::string scan = R"mlir(
    func.func @f(%x: tensor<8x2xf64>, %k: tensor<2xf64>, %v0: tensor<2xf64>, %e: tensor<8x2xi1>) -> (tensor<8x2xi1>, tensor<2xf64>) {
      %s, %v = spiking.scan forward ins(%i = %x : tensor<8x2xf64>) params(%q = %k : tensor<2xf64>) outs(%e : tensor<8x2xi1>) states(%u = %v0 : tensor<2xf64>) {
        MANUAL
        %d = arith.mulf %m, %q : f64
        %h = arith.addf %d, %i : f64
        %f = spiking.fire %h {surrogate = #spiking.sigmoid} : f64 -> i1
        %n = arith.uitofp %f : i1 to f64
        %o = arith.subf %h, %n : f64
        spiking.yield %f : i1 next(%o : f64)
      }
      return %s, %v : tensor<8x2xi1>, tensor<2xf64>
    })mlir";
  std::string loop = R"mlir(
    func.func @f(%x: tensor<8x2xf64>, %k: tensor<2x2xf64>, %v0: tensor<2xf64>, %e: tensor<8x2xi1>) -> (tensor<8x2xi1>, tensor<2xf64>) {
      %T = arith.constant 8 : index
      %s, %v = spiking.time_loop %t = 0 to %T over(%i = %x : tensor<8x2xf64>) state(%u = %v0 : tensor<2xf64>) -> (tensor<8x2xi1>) {
        MANUAL
        %d = spiking.linear %m, %k : (tensor<2xf64>, tensor<2x2xf64>) -> tensor<2xf64>
        %h = arith.addf %d, %i : tensor<2xf64>
        %f = spiking.fire %h {surrogate = #spiking.sigmoid} : tensor<2xf64> -> tensor<2xi1>
        %n = arith.uitofp %f : tensor<2xi1> to tensor<2xf64>
        %o = arith.subf %h, %n : tensor<2xf64>
        spiking.yield %f : tensor<2xi1> next(%o : tensor<2xf64>)
      }
      return %s, %v : tensor<8x2xi1>, tensor<2xf64>
    })mlir";
  const char *cut = R"mlir(
        %c0 = arith.constant 0 : index
        %c3 = arith.constant 3 : index
        %phase = arith.remui %t, %c3 : index
        %border = arith.cmpi eq, %phase, %c0 : index
        %later = arith.cmpi ne, %t, %c0 : index
        %both = arith.andi %border, %later : i1
        %det = spiking.detach %u : TYPE
        %m = arith.select %both, %det, %u : TYPE)mlir";
  auto replace = [](std::string text, StringRef from, std::string to) {
    for (size_t at; (at = text.find(from.str())) != std::string::npos;)
      text.replace(at, from.size(), to);
    return text;
  };
  for (bool isLoop : {false, true}) {
    std::string text = isLoop ? loop : scan;
    std::string type = isLoop ? "tensor<2xf64>" : "f64";
    std::string step = isLoop ? "" : "%t = spiking.time_step";
    func::FuncOp manual = parseFunction(
        replace(text, "MANUAL", step + replace(cut, "TYPE", type)));
    func::FuncOp plain = parseFunction(
        replace(replace(text, "MANUAL", ""), "%m,", "%u,"));
    ASSERT_TRUE(manual && plain);
    SmallVector<Tensor> arguments = randomArguments(plain);
    SmallVector<Tensor> cotangents = {randomTensor(ElementKind::F64, {8, 2}),
                                      randomTensor(ElementKind::F64, {2})};
    auto expected = gradient(manual, arguments, cotangents);
    auto compiled = spiking::differentiateFunction(plain, "g", {0, 1, 2}, 3);
    ASSERT_TRUE(succeeded(expected) && succeeded(compiled)) << messages;
    arguments.append(cotangents);
    auto got = run(*compiled, arguments);
    ASSERT_TRUE(succeeded(got)) << messages;
    for (unsigned number : {0, 1, 2})
      for (int64_t i = 0; i < expected->cotangents[number].size(); ++i)
        EXPECT_NEAR((*got)[2 + number].at(i),
                    expected->cotangents[number].at(i), 1e-12)
            << "loop " << isLoop << ", argument " << number << ", element " << i;
  }
}

TEST_F(GradientTest, TemporalFusionEquationThreeWithARestingPotential) {
  // One step of the paper's neuron: v' = k v (1 - s) + s V_rest + c, s = [v >= th].
  // Its derivative by v is k (1 - s - v delta) + V_rest delta; the paper's code
  // drops the last term.
  const double k = 0.2, th = 0.3, rest = 0.15, alpha = 4.0;
  func::FuncOp function = parseFunction(R"mlir(
    func.func @f(%x: tensor<5xf64>, %v: tensor<5xf64>) -> tensor<5xf64> {
      %s, %w = spiking.lif %x, %v {preset = #spiking.preset<temporal_fusion>, reset = #spiking.reset<hard, value = 0.15>}
        : (tensor<5xf64>, tensor<5xf64>) -> (tensor<5xi1>, tensor<5xf64>)
      return %w : tensor<5xf64>
    })mlir");
  Values membranes{-0.5, 0.1, 0.29, 0.31, 0.8};
  auto taped = gradient(function, {f64({5}, Values(5, 0.05)), f64({5}, membranes)},
                        {f64({5}, Values(5, 1.0))});
  ASSERT_TRUE(succeeded(taped)) << messages;
  for (size_t i = 0; i < membranes.size(); ++i) {
    double v = membranes[i], s = v >= th;
    double y = 1.0 / (1.0 + std::exp(-alpha * (v - th)));
    double delta = alpha * y * (1.0 - y);
    EXPECT_NEAR(taped->results[0].at(int64_t(i)), k * v * (1 - s) + s * rest + 0.05, 1e-12);
    EXPECT_NEAR(taped->cotangents[1].at(int64_t(i)),
                k * (1 - s - v * delta) + rest * delta, 1e-12);
    EXPECT_EQ(taped->cotangents[0].at(int64_t(i)), 1.0);
  }
  // And through time, against finite differences.
  check(R"mlir(
    func.func @f(%x: tensor<6x5xf64>, %v: tensor<5xf64>) -> (tensor<6x5xi1>, tensor<5xf64>) {
      %s, %w = spiking.lif %x, %v {preset = #spiking.preset<temporal_fusion>, reset = #spiking.reset<hard, value = 0.15>}
        : (tensor<6x5xf64>, tensor<5xf64>) -> (tensor<6x5xi1>, tensor<5xf64>)
      return %s, %w : tensor<6x5xi1>, tensor<5xf64>
    })mlir");
}

TEST_F(GradientTest, Globals) {
  func::FuncOp function = parseFunction(R"mlir(
    ml_program.global private mutable @w(dense<[1.0, 2.0]> : tensor<2xf64>) : tensor<2xf64>
    func.func @f(%x: tensor<2xf64>) -> tensor<2xf64> {
      %w = ml_program.global_load @w : tensor<2xf64>
      %y = arith.mulf %x, %w : tensor<2xf64>
      return %y : tensor<2xf64>
    })mlir");
  auto taped = gradient(function, {f64({2}, {3, 5})}, {f64({2}, {1, 10})});
  ASSERT_TRUE(succeeded(taped)) << messages;
  EXPECT_EQ(taped->cotangents[0].values(), (Values{1, 20}));
  EXPECT_EQ(taped->globalCotangents["w"].values(), (Values{3, 50}));
}

} // namespace rheobase::reference
