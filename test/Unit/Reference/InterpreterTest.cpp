//===- InterpreterTest.cpp - Operations of the reference interpreter --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values that were computed by hand. Neurons and surrogates have oracles of
// their own (test/Integration/oracles), gradients are in GradientTest.cpp.
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

#include <cmath>

using namespace mlir;

namespace rheobase::reference {

using InterpreterTest = ReferenceTest;

TEST_F(InterpreterTest, EveryOperationRoundsOnce) {
  // The product 1 - 2^-26 rounds to 1 in f32; the fused operation keeps it.
  auto results = runText(R"mlir(
    func.func @f(%a: f32, %b: f32, %c: f32) -> (f32, f32, f64) {
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %p, %c : f32
      %m = math.fma %a, %b, %c : f32
      %x = arith.extf %m : f32 to f64
      return %s, %m, %x : f32, f32, f64
    })mlir",
                         {f32({}, 1.0 + 0x1p-13), f32({}, 1.0 - 0x1p-13),
                          f32({}, -1.0)});
  EXPECT_EQ(results[0].at(0), 0.0);
  EXPECT_EQ(results[1].at(0), -0x1p-26);
  EXPECT_EQ(results[2].at(0), -0x1p-26);
}

TEST_F(InterpreterTest, HalfPrecisionRounds) {
  auto results = runText(R"mlir(
    func.func @f(%a: f16, %b: bf16) -> (f16, bf16) {
      %x = arith.constant 2049.0 : f32
      %c = arith.truncf %x : f32 to f16
      %d = arith.addf %a, %c : f16
      %e = arith.addf %b, %b : bf16
      return %d, %e : f16, bf16
    })mlir",
                         {Tensor::of(ElementKind::F16, {}, 1.0),
                          Tensor::of(ElementKind::BF16, {}, 1.0 + 0x1p-9)});
  EXPECT_EQ(results[0].at(0), 2048.0);
  EXPECT_EQ(results[1].at(0), 2.0);
}

TEST_F(InterpreterTest, ComparisonsWithNaN) {
  auto results = runText(R"mlir(
    func.func @f(%a: f32) -> (i1, i1, f32, f32) {
      %z = arith.constant 0.0 : f32
      %o = arith.cmpf oge, %a, %z : f32
      %u = arith.cmpf uge, %a, %z : f32
      %m = arith.maximumf %a, %z : f32
      %n = arith.maxnumf %a, %z : f32
      return %o, %u, %m, %n : i1, i1, f32, f32
    })mlir",
                         {f32({}, NAN)});
  EXPECT_EQ(results[0].at(0), 0.0);
  EXPECT_EQ(results[1].at(0), 1.0);
  EXPECT_TRUE(std::isnan(results[2].at(0)));
  EXPECT_EQ(results[3].at(0), 0.0);
}

TEST_F(InterpreterTest, IntegersWrapAround) {
  auto results = runText(R"mlir(
    func.func @f(%a: i8, %b: i64) -> (i8, i64, i32, i8, f32) {
      %s = arith.addi %a, %a : i8
      %t = arith.muli %b, %b : i64
      %c = arith.constant -1 : i32
      %e = arith.constant 28 : i32
      %u = arith.shrui %c, %e : i32
      %true = arith.constant true
      %x = arith.extsi %true : i1 to i8
      %y = arith.uitofp %a : i8 to f32
      return %s, %t, %u, %x, %y : i8, i64, i32, i8, f32
    })mlir",
                         {Tensor::of(ElementKind::I8, {}, -100.0),
                          Tensor::scalar(ElementKind::I64,
                                         Scalar::ofInteger(int64_t(1) << 33))});
  EXPECT_EQ(results[0].at(0), 56.0);
  EXPECT_EQ(results[1][0].integer, 0);
  EXPECT_EQ(results[2].at(0), 15.0);
  EXPECT_EQ(results[3].at(0), -1.0);
  EXPECT_EQ(results[4].at(0), 156.0);
}

TEST_F(InterpreterTest, LinearIsOneChainOfFusedOperations) {
  // In the order of k: fma(1 + e, 1 - e, -1) = -e^2, then 0. In the other order
  // -1 + e^2 would round to -1.
  double e = 0x1p-13;
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<1x2xf32>, %w: tensor<2x1xf32>, %b: tensor<1xf32>, %s: tensor<1x1x2xi1>) -> (tensor<1x1xf32>, tensor<1x1x1xf32>) {
      %y = spiking.linear %x, %w, %b : (tensor<1x2xf32>, tensor<2x1xf32>, tensor<1xf32>) -> tensor<1x1xf32>
      %z = spiking.linear %s, %w : (tensor<1x1x2xi1>, tensor<2x1xf32>) -> tensor<1x1x1xf32>
      return %y, %z : tensor<1x1xf32>, tensor<1x1x1xf32>
    })mlir",
                         {f32({1, 2}, {1 + e, 1.0}), f32({2, 1}, {1 - e, e * e}),
                          f32({1}, -1.0), i1({1, 1, 2}, {0, 1})});
  EXPECT_EQ(results[0].at(0), 0.0);
  EXPECT_EQ(results[1].at(0), e * e);
}

TEST_F(InterpreterTest, LIFResetsAndCarriesItsMembrane) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<3x2xf32>, %v: tensor<2xf32>) -> (tensor<3x2xi1>, tensor<2xf32>) {
      %s, %w = spiking.lif %x, %v {decay = 0.5, threshold = 1.0, reset = #spiking.reset<soft>}
        : (tensor<3x2xf32>, tensor<2xf32>) -> (tensor<3x2xi1>, tensor<2xf32>)
      return %s, %w : tensor<3x2xi1>, tensor<2xf32>
    })mlir",
                         {f32({3, 2}, {1.0, 0.25, 0.5, 0.25, 1.0, 0.25}),
                          f32({2}, {0.5, 0.0})});
  // 1.25 fires, 0.25; 0.625, no; 1.3125 fires, 0.3125.
  EXPECT_EQ(results[0].values(), (Values{1, 0, 0, 0, 1, 0}));
  EXPECT_EQ(results[1].values(), (Values{0.3125, 0.4375}));
}

TEST_F(InterpreterTest, MaskedStepsKeepTheState) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<3x1x1xf32>, %m: tensor<3x1xi1>) -> (tensor<3x1x1xf32>, tensor<1x1xf32>) {
      %y, %v = spiking.li %x mask(%m) {decay = 0.5} : (tensor<3x1x1xf32>, tensor<3x1xi1>) -> (tensor<3x1x1xf32>, tensor<1x1xf32>)
      return %y, %v : tensor<3x1x1xf32>, tensor<1x1xf32>
    })mlir",
                         {f32({3, 1, 1}, {1, 1, 1}), i1({3, 1}, {1, 0, 1})});
  EXPECT_EQ(results[0].values(), (Values{1, 1, 1.5}));
  EXPECT_EQ(results[1].values(), (Values{1.5}));
}

TEST_F(InterpreterTest, ScansReverseReplayAndAccumulate) {
  // The replayed state before step t is the sum of the inputs before it; the
  // accumulator sums state * input over time, then over the shared neurons.
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<3x2xf32>, %g: tensor<2xf32>, %a: tensor<f32>, %r: tensor<2xf32>, %e: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<2xf32>, tensor<f32>) {
      %y, %n, %s = spiking.scan reverse ins(%i = %x : tensor<3x2xf32>) outs(%e : tensor<3x2xf32>) states(%d = %g : tensor<2xf32>)
          accumulators(%a : tensor<f32>) replay(%v = %r : tensor<2xf32>) {
        %t = spiking.time_step
        %k = arith.index_cast %t : index to i32
        %l = arith.sitofp %k : i32 to f32
        %o = arith.addf %d, %l : f32
        %p = arith.mulf %v, %i : f32
        spiking.yield %o : f32 next(%i : f32) accumulate(%p : f32)
      } replaying {
      ^bb0(%i: f32, %v: f32):
        %w = arith.addf %v, %i : f32
        spiking.yield next(%w : f32)
      }
      return %y, %n, %s : tensor<3x2xf32>, tensor<2xf32>, tensor<f32>
    })mlir",
                         {f32({3, 2}, {1, 2, 3, 4, 5, 6}), f32({2}, {10, 20}),
                          f32({}, 100.0), f32({2}, {0, 0}),
                          Tensor(ElementKind::F32, {3, 2})});
  EXPECT_EQ(results[0].values(), (Values{3, 4, 6, 7, 12, 22}));
  EXPECT_EQ(results[1].values(), (Values{1, 2}));
  // 1*3 + 4*5 = 23; 2*4 + 6*6 = 44.
  EXPECT_EQ(results[2].at(0), 167.0);
}

TEST_F(InterpreterTest, ScanBodiesBranchAndLoop) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<3xf32>, %p: tensor<f32>, %e: tensor<3xf32>) -> tensor<3xf32> {
      %y = spiking.scan step ins(%a = %x : tensor<3xf32>) params(%q = %p : tensor<f32>) outs(%e : tensor<3xf32>) {
        %z = arith.constant 0.0 : f32
        %c = arith.cmpf olt, %a, %z : f32
        %r = scf.if %c -> f32 {
          %n = arith.negf %a : f32
          scf.yield %n : f32
        } else {
          %i0 = arith.constant 0 : index
          %i1 = arith.constant 1 : index
          %i3 = arith.constant 3 : index
          %s = scf.for %i = %i0 to %i3 step %i1 iter_args(%acc = %a) -> f32 {
            %m = arith.mulf %acc, %q : f32
            scf.yield %m : f32
          }
          scf.yield %s : f32
        }
        spiking.yield %r : f32
      }
      return %y : tensor<3xf32>
    })mlir",
                         {f32({3}, {-2, 1, 3}), f32({}, 2.0),
                          Tensor(ElementKind::F32, {3})});
  EXPECT_EQ(results[0].values(), (Values{2, 8, 24}));
}

TEST_F(InterpreterTest, TimeLoopsStackTheirOutputs) {
  const char *text = R"mlir(
    func.func @f(%T: index, %x: tensor<?x2xf32>, %v0: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<2xf32>) {
      %y, %v = spiking.time_loop reverse %t = 0 to %T over(%x_t = %x : tensor<?x2xf32>) state(%s = %v0 : tensor<2xf32>) -> (tensor<?x2xf32>) {
        %n = arith.addf %s, %x_t : tensor<2xf32>
        spiking.yield %s : tensor<2xf32> next(%n : tensor<2xf32>)
      }
      return %y, %v : tensor<?x2xf32>, tensor<2xf32>
    })mlir";
  auto results = runText(text, {Tensor::index(2), f32({2, 2}, {1, 2, 3, 4}),
                                f32({2}, {10, 20})});
  EXPECT_EQ(results[0].values(), (Values{13, 24, 10, 20}));
  EXPECT_EQ(results[1].values(), (Values{14, 26}));
  results = runText(text, {Tensor::index(0), f32({0, 2}, {}),
                           f32({2}, {10, 20})});
  EXPECT_EQ(results[0].shape, (SmallVector<int64_t>{0, 2}));
  EXPECT_EQ(results[1].values(), (Values{10, 20}));
}

TEST_F(InterpreterTest, SpikesOfEveryKind) {
  auto results = runText(R"mlir(
    func.func @f(%u: tensor<5xf32>) -> (tensor<5xi1>, tensor<5xi1>, tensor<5xi8>, tensor<5xi8>, tensor<5xi8>) {
      %a = spiking.fire %u {surrogate = #spiking.atan} : tensor<5xf32> -> tensor<5xi1>
      %b = spiking.fire %u {surrogate = #spiking.atan, compare = #spiking.compare<gt>} : tensor<5xf32> -> tensor<5xi1>
      %c = spiking.fire %u {surrogate = #spiking.atan, kind = #spiking.fire_kind<ternary>, threshold = 1.0 : f64} : tensor<5xf32> -> tensor<5xi8>
      %d = spiking.fire %u {surrogate = #spiking.window, kind = #spiking.fire_kind<count>, maximum = 2 : i64} : tensor<5xf32> -> tensor<5xi8>
      %e = spiking.fire %u {surrogate = #spiking.window, kind = #spiking.fire_kind<count>, maximum = 2 : i64, rounding = #spiking.rounding<floor>} : tensor<5xf32> -> tensor<5xi8>
      return %a, %b, %c, %d, %e : tensor<5xi1>, tensor<5xi1>, tensor<5xi8>, tensor<5xi8>, tensor<5xi8>
    })mlir",
                         {f32({5}, {-3.0, -1.0, 0.0, 1.5, 9.0})});
  EXPECT_EQ(results[0].values(), (Values{0, 0, 1, 1, 1}));
  EXPECT_EQ(results[1].values(), (Values{0, 0, 0, 1, 1}));
  EXPECT_EQ(results[2].values(), (Values{-1, 0, 1, 1, 1}));
  EXPECT_EQ(results[3].values(), (Values{0, 0, 0, 2, 2}));
  EXPECT_EQ(results[4].values(), (Values{0, 0, 0, 1, 2}));
}

TEST_F(InterpreterTest, ConvolutionInBothLayouts) {
  // Two groups, stride 2, padding 1, dilation 1: hand-made sums of a 3x3 image.
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<1x2x3x3xf32>, %w: tensor<2x1x2x2xf32>, %b: tensor<2xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) {
      %y = spiking.conv %x, %w, %b {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, groups = 2 : i64}
        : (tensor<1x2x3x3xf32>, tensor<2x1x2x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
      %xl = spiking.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<1x2x3x3xf32>) -> tensor<1x3x3x2xf32>
      %wl = spiking.transpose %w {permutation = array<i64: 2, 3, 1, 0>} : (tensor<2x1x2x2xf32>) -> tensor<2x2x1x2xf32>
      %yl = spiking.conv %xl, %wl, %b {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, groups = 2 : i64, layout = #spiking.layout<channels_last>}
        : (tensor<1x3x3x2xf32>, tensor<2x2x1x2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
      %z = spiking.transpose %yl {permutation = array<i64: 2, 0, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
      return %y, %z : tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>
    })mlir",
                         {f32({1, 2, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9,
                                             9, 8, 7, 6, 5, 4, 3, 2, 1}),
                          f32({2, 1, 2, 2}, {1, 2, 3, 4, 1, 0, 0, 1}),
                          f32({2}, {0.5, 0.0})});
  // Windows start at -1 and 1: corners of the padded image.
  EXPECT_EQ(results[0].values(),
            (Values{4 * 1 + 0.5, 3 * 2 + 4 * 3 + 0.5, 2 * 4 + 4 * 7 + 0.5,
                    5 + 2 * 6 + 3 * 8 + 4 * 9 + 0.5, 9, 7, 3, 5 + 1}));
  EXPECT_EQ(results[1].values(), results[0].values());
}

TEST_F(InterpreterTest, Pools) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<1x3x3xf32>, %s: tensor<1x2x2xi1>) -> (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x1x1xi8>, tensor<1x1x1xi1>, tensor<1x3x3xf32>) {
      %a = spiking.avg_pool %x {kernel = array<i64: 2, 2>, padding = array<i64: 1, 1>} : (tensor<1x3x3xf32>) -> tensor<1x2x2xf32>
      %m = spiking.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>} : (tensor<1x3x3xf32>) -> tensor<1x2x2xf32>
      %c = spiking.sum_pool %s {kernel = array<i64: 2, 2>} : (tensor<1x2x2xi1>) -> tensor<1x1x1xi8>
      %o = spiking.max_pool %s {kernel = array<i64: 2, 2>} : (tensor<1x2x2xi1>) -> tensor<1x1x1xi1>
      %g = spiking.max_pool_gradient %x, %a {kernel = array<i64: 2, 2>, strides = array<i64: 1, 1>} : (tensor<1x3x3xf32>, tensor<1x2x2xf32>) -> tensor<1x3x3xf32>
      return %a, %m, %c, %o, %g : tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x1x1xi8>, tensor<1x1x1xi1>, tensor<1x3x3xf32>
    })mlir",
                         {f32({1, 3, 3}, {4, 8, 8, 12, 16, -4, 0, 20, 4}),
                          i1({1, 2, 2}, {0, 1, 1, 0})});
  EXPECT_EQ(results[0].values(), (Values{1, 4, 3, 9}));
  EXPECT_EQ(results[1].values(), (Values{16, 16, 20, 20}));
  EXPECT_EQ(results[2].values(), (Values{2}));
  EXPECT_EQ(results[3].values(), (Values{1}));
  EXPECT_EQ(results[4].values(), (Values{0, 0, 0, 0, 5, 0, 0, 12, 0}));
}

TEST_F(InterpreterTest, BatchNormPerStepMovesItsStatisticsEachStep) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<2x2x1xf64>, %c: tensor<1xf64>, %m: tensor<1xf64>, %v: tensor<1xf64>)
        -> (tensor<2x2x1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<2x1xf64>, tensor<2x2x1xf64>, tensor<1xf64>) {
      %y, %nm, %nv, %sm, %sr = spiking.batch_norm %x scale(%c) shift(%c) running(%m, %v) {sequence = true, momentum = 0.5 : f64, epsilon = 1.0e-30 : f64}
        : (tensor<2x2x1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<1xf64>) -> (tensor<2x2x1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<2x1xf64>, tensor<2x1xf64>)
      %z, %m2, %v2, %m3, %r3 = spiking.batch_norm %x scale(%c) shift(%c) running(%m, %v) {sequence = true, statistics = #spiking.statistics<merged>, epsilon = 1.0e-30 : f64}
        : (tensor<2x2x1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<1xf64>) -> (tensor<2x2x1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<1xf64>)
      return %y, %nm, %nv, %sm, %z, %m3 : tensor<2x2x1xf64>, tensor<1xf64>, tensor<1xf64>, tensor<2x1xf64>, tensor<2x2x1xf64>, tensor<1xf64>
    })mlir",
                         {f64({2, 2, 1}, {1, 3, 10, 30}), f64({1}, 1.0),
                          f64({1}, 0.0), f64({1}, 1.0)});
  // Each step has deviations of -1 and 1 standard deviation: times 1 plus 1.
  EXPECT_EQ(results[0].values(), (Values{0, 2, 0, 2}));
  EXPECT_EQ(results[1].values(), (Values{(0.5 * 2) * 0.5 + 0.5 * 20}));
  // Unbiased variances are 2 and 200.
  EXPECT_EQ(results[2].values(), (Values{(0.5 + 0.5 * 2) * 0.5 + 0.5 * 200}));
  EXPECT_EQ(results[3].values(), (Values{2, 20}));
  EXPECT_EQ(results[5].values(), (Values{11}));
  EXPECT_LT(results[4].at(0), results[4].at(1));
}

TEST_F(InterpreterTest, Encoders) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<2x3xf32>, %T: index, %seed: tensor<i64>, %t: index) -> (tensor<?x2x3xf32>, tensor<?x2x3xi1>, tensor<?x2x3xi1>, tensor<2x3xi1>) {
      %r = spiking.repeat %x times(%T) : (tensor<2x3xf32>) -> tensor<?x2x3xf32>
      %l = spiking.latency %x times(%T) : (tensor<2x3xf32>) -> tensor<?x2x3xi1>
      %p = spiking.poisson %x seed(%seed) times(%T) {id = 7 : i64} : tensor<2x3xf32>, tensor<i64> -> tensor<?x2x3xi1>
      %q = spiking.poisson %x seed(%seed) step(%t) {id = 7 : i64} : tensor<2x3xf32>, tensor<i64> -> tensor<2x3xi1>
      return %r, %l, %p, %q : tensor<?x2x3xf32>, tensor<?x2x3xi1>, tensor<?x2x3xi1>, tensor<2x3xi1>
    })mlir",
                         {f32({2, 3}, {1.0, 0.5, 0.0, 0.3, 0.7, 2.0}),
                          Tensor::index(3),
                          Tensor::scalar(ElementKind::I64,
                                         Scalar::ofInteger(0x123456789abcdef)),
                          Tensor::index(1)});
  EXPECT_EQ(results[0].shape, (SmallVector<int64_t>{3, 2, 3}));
  EXPECT_EQ(results[1].values(), (Values{1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0}));
  // One always fires, zero never, and a step draws what the sequence draws.
  EXPECT_EQ(results[2].at(0), 1.0);
  EXPECT_EQ(results[2].at(2), 0.0);
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(results[2].at(6 + i), results[3].at(i));
}

TEST_F(InterpreterTest, DropoutDrawsTheSameInStepAndSequenceForm) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<2x40xf32>, %xs: tensor<3x2x40xf32>, %seed: tensor<i64>, %t: index) -> (tensor<2x40xf32>, tensor<3x2x40xf32>, tensor<3x2x40xf32>) {
      %a = spiking.dropout %x seed(%seed) step(%t) {p = 0.5 : f64, id = 3 : i64} : (tensor<2x40xf32>, tensor<i64>, index) -> tensor<2x40xf32>
      %b = spiking.dropout %xs seed(%seed) {p = 0.5 : f64, id = 3 : i64, sequence = true} : (tensor<3x2x40xf32>, tensor<i64>) -> tensor<3x2x40xf32>
      %c = spiking.dropout %xs seed(%seed) {p = 0.5 : f64, id = 3 : i64, sequence = true, mask_time = #spiking.mask_time<fixed>} : (tensor<3x2x40xf32>, tensor<i64>) -> tensor<3x2x40xf32>
      return %a, %b, %c : tensor<2x40xf32>, tensor<3x2x40xf32>, tensor<3x2x40xf32>
    })mlir",
                         {f32({2, 40}, Values(80, 1.0)), f32({3, 2, 40}, Values(240, 1.0)),
                          Tensor::scalar(ElementKind::I64, Scalar::ofInteger(5)),
                          Tensor::index(2)});
  Values step = results[0].values(), sequence = results[1].values(),
         fixed = results[2].values();
  EXPECT_EQ(step, Values(sequence.begin() + 160, sequence.end()));
  EXPECT_EQ(Values(fixed.begin(), fixed.begin() + 80),
            Values(fixed.begin() + 160, fixed.end()));
  int64_t kept = llvm::count(step, 2.0);
  EXPECT_GT(kept, 20);
  EXPECT_LT(kept, 60);
  EXPECT_EQ(kept + llvm::count(step, 0.0), 80);
}

TEST_F(InterpreterTest, Readouts) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<3x2xf32>, %s: tensor<3x2xi1>, %g: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<3x2xf32>) {
      %a = spiking.readout %s {kind = #spiking.readout<rate>} : (tensor<3x2xi1>) -> tensor<2xf32>
      %b = spiking.readout %x {kind = #spiking.readout<sum>} : (tensor<3x2xf32>) -> tensor<2xf32>
      %c = spiking.readout %x {kind = #spiking.readout<max>} : (tensor<3x2xf32>) -> tensor<2xf32>
      %d = spiking.readout %x {kind = #spiking.readout<last>} : (tensor<3x2xf32>) -> tensor<2xf32>
      %e = spiking.readout %s {kind = #spiking.readout<first_spike>} : (tensor<3x2xi1>) -> tensor<2xf32>
      %h = spiking.readout_max_gradient %x, %g : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
      return %a, %b, %c, %d, %e, %h : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<3x2xf32>
    })mlir",
                         {f32({3, 2}, {1, -1, 4, -3, 4, -2}),
                          i1({3, 2}, {0, 0, 1, 0, 1, 0}), f32({2}, {5, 6})});
  EXPECT_EQ(results[0].at(0), double(2.0f / 3.0f));
  EXPECT_EQ(results[1].values(), (Values{9, -6}));
  EXPECT_EQ(results[2].values(), (Values{4, -1}));
  EXPECT_EQ(results[3].values(), (Values{4, -2}));
  EXPECT_EQ(results[4].values(), (Values{1, 3}));
  EXPECT_EQ(results[5].values(), (Values{0, 6, 5, 0, 0, 0}));
}

TEST_F(InterpreterTest, LossesAndMetrics) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<2x3xf64>, %l: tensor<2xi32>, %g: tensor<f64>, %T: index, %s: tensor<4xi1>) -> (tensor<f64>, tensor<2x3xf64>, tensor<f64>, tensor<2x3xf64>, tensor<i32>, tensor<f32>) {
      %a = spiking.cross_entropy %x, %l : (tensor<2x3xf64>, tensor<2xi32>) -> tensor<f64>
      %b = spiking.cross_entropy_gradient %x, %l, %g : (tensor<2x3xf64>, tensor<2xi32>, tensor<f64>) -> tensor<2x3xf64>
      %t = spiking.count_target %l steps(%T) {correct_rate = 0.75 : f64, incorrect_rate = 0.25 : f64} : tensor<2xi32> -> tensor<2x3xf64>
      %m = spiking.mean_squared_error %x, %t : (tensor<2x3xf64>, tensor<2x3xf64>) -> tensor<f64>
      %c = spiking.count_correct %x, %l : (tensor<2x3xf64>, tensor<2xi32>) -> tensor<i32>
      %r = spiking.spike_rate %s : (tensor<4xi1>) -> tensor<f32>
      return %a, %b, %m, %t, %c, %r : tensor<f64>, tensor<2x3xf64>, tensor<f64>, tensor<2x3xf64>, tensor<i32>, tensor<f32>
    })mlir",
                         {f64({2, 3}, {1, 1, 1, 0, 2, 0}),
                          Tensor::of(ElementKind::I32, {2}, {0, 2}),
                          f64({}, 2.0), Tensor::index(4), i1({4}, {1, 0, 0, 0})});
  double z = std::exp(2.0) + 2.0;
  EXPECT_NEAR(results[0].at(0), (std::log(3.0) + std::log(z)) / 2.0, 1e-12);
  EXPECT_NEAR(results[1].at(0), 1.0 / 3.0 - 1.0, 1e-12);
  EXPECT_NEAR(results[1].at(5), 1.0 / z - 1.0, 1e-12);
  EXPECT_EQ(results[3].values(), (Values{3, 1, 1, 1, 1, 3}));
  EXPECT_NEAR(results[2].at(0), (4 + 0 + 0 + 1 + 1 + 9) / 6.0, 1e-12);
  // The first of equal logits counts.
  EXPECT_EQ(results[4].at(0), 1.0);
  EXPECT_EQ(results[5].at(0), 0.25);
}

TEST_F(InterpreterTest, Optimizers) {
  auto results = runText(R"mlir(
    func.func @f(%p: tensor<2xf64>, %g: tensor<2xf64>, %m: tensor<2xf64>, %v: tensor<2xf64>, %lr: tensor<f64>, %n: tensor<i64>) -> (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>) {
      %a, %b = spiking.sgd %p, %g rate(%lr) buffer(%m) {momentum = 0.5 : f64, weight_decay = 0.25 : f64, nesterov = true} : (tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<2xf64>) -> (tensor<2xf64>, tensor<2xf64>)
      %c, %d, %e = spiking.adam %p, %g moments(%m, %v) rate(%lr) step(%n) {decoupled = true, weight_decay = 0.5 : f64} : (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<f64>, tensor<i64>) -> (tensor<2xf64>, tensor<2xf64>, tensor<2xf64>)
      %k = spiking.clip_gradients %g {max_norm = 1.0 : f64, epsilon = 0.0 : f64} : (tensor<2xf64>) -> tensor<2xf64>
      return %a, %b, %c, %d, %e, %k : tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>, tensor<2xf64>
    })mlir",
                         {f64({2}, {1, 2}), f64({2}, {3, 4}), f64({2}, {0, 0}),
                          f64({2}, {0, 0}), f64({}, 0.5),
                          Tensor::scalar(ElementKind::I64, Scalar::ofInteger(1))});
  // d = 3.25, 4.5; m = d; d + 0.5 m.
  EXPECT_EQ(results[1].values(), (Values{3.25, 4.5}));
  EXPECT_EQ(results[0].values(), (Values{1 - 0.5 * 4.875, 2 - 0.5 * 6.75}));
  // The first step of Adam moves by the rate, whatever the gradient.
  EXPECT_NEAR(results[2].at(0), 1 * (1 - 0.25) - 0.5, 1e-7);
  EXPECT_NEAR(results[2].at(1), 2 * (1 - 0.25) - 0.5, 1e-7);
  EXPECT_NEAR(results[3].at(0), 0.3, 1e-12);
  EXPECT_NEAR(results[4].at(1), 0.016, 1e-12);
  EXPECT_NEAR(results[5].at(0), 0.6, 1e-15);
  EXPECT_NEAR(results[5].at(1), 0.8, 1e-15);
}

TEST_F(InterpreterTest, PackedSpikes) {
  Values spikes(70, 0.0);
  spikes[0] = spikes[31] = spikes[33] = spikes[69] = 1.0;
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<1x70xi1>) -> (tensor<1x3xi32>, tensor<1x70xi1>) {
      %p = spiking.pack %x : (tensor<1x70xi1>) -> tensor<1x3xi32>
      %u = spiking.unpack %p : (tensor<1x3xi32>) -> tensor<1x70xi1>
      return %p, %u : tensor<1x3xi32>, tensor<1x70xi1>
    })mlir",
                         {i1({1, 70}, spikes)});
  EXPECT_EQ(results[0].values(), (Values{-2147483647, 2, 32}));
  EXPECT_EQ(results[1].values(), spikes);
}

TEST_F(InterpreterTest, Tensors) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<?x4xf32>, %i: index) -> (tensor<?x2xf32>, tensor<?x4xf32>, tensor<?xf32>, tensor<2xf32>, index) {
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : tensor<?x4xf32>
      %s = tensor.extract_slice %x[0, 1] [%n, 2] [1, 2] : tensor<?x4xf32> to tensor<?x2xf32>
      %d = tensor.extract_slice %x[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<4xf32>
      %k = tensor.insert_slice %d into %x[0, 0] [1, 4] [1, 1] : tensor<4xf32> into tensor<?x4xf32>
      %c = tensor.collapse_shape %s [[0, 1]] : tensor<?x2xf32> into tensor<?xf32>
      %e = tensor.extract %x[%i, %i] : tensor<?x4xf32>
      %v = tensor.from_elements %e, %e : tensor<2xf32>
      return %s, %k, %c, %v, %n : tensor<?x2xf32>, tensor<?x4xf32>, tensor<?xf32>, tensor<2xf32>, index
    })mlir",
                         {f32({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7}),
                          Tensor::index(1)});
  EXPECT_EQ(results[0].values(), (Values{1, 3, 5, 7}));
  EXPECT_EQ(results[1].values(), (Values{4, 5, 6, 7, 4, 5, 6, 7}));
  EXPECT_EQ(results[2].values(), (Values{1, 3, 5, 7}));
  EXPECT_EQ(results[3].values(), (Values{5, 5}));
  EXPECT_EQ(results[4][0].integer, 2);
}

TEST_F(InterpreterTest, ShapesReductionsAndDelays) {
  auto results = runText(R"mlir(
    func.func @f(%x: tensor<2x3xf32>, %n: index) -> (tensor<3xf32>, tensor<2x1xf32>, tensor<?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
      %a = spiking.reduce_sum %x {dims = array<i64: 0>} : (tensor<2x3xf32>) -> tensor<3xf32>
      %b = spiking.reduce_sum %x {dims = array<i64: 1>, keep_dims = true} : (tensor<2x3xf32>) -> tensor<2x1xf32>
      %c = spiking.broadcast %a sizes(%n) : tensor<3xf32> -> tensor<?x3xf32>
      %d = spiking.delay %x {steps = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
      %e = spiking.delay %x {steps = -1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
      return %a, %b, %c, %d, %e : tensor<3xf32>, tensor<2x1xf32>, tensor<?x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
    })mlir",
                         {f32({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::index(2)});
  EXPECT_EQ(results[0].values(), (Values{5, 7, 9}));
  EXPECT_EQ(results[1].values(), (Values{6, 15}));
  EXPECT_EQ(results[2].values(), (Values{5, 7, 9, 5, 7, 9}));
  EXPECT_EQ(results[3].values(), (Values{0, 0, 0, 1, 2, 3}));
  EXPECT_EQ(results[4].values(), (Values{4, 5, 6, 0, 0, 0}));
}

TEST_F(InterpreterTest, GlobalsLiveInTheOptions) {
  const char *text = R"mlir(
    ml_program.global private mutable @w(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
    ml_program.global private mutable @r(#spiking.init<uniform, low = 2.0, high = 3.0>) : tensor<100xf32>
    func.func @f() -> (tensor<2xf32>, tensor<100xf32>) {
      %w = ml_program.global_load @w : tensor<2xf32>
      %v = arith.addf %w, %w : tensor<2xf32>
      ml_program.global_store @w = %v : tensor<2xf32>
      %r = ml_program.global_load @r : tensor<100xf32>
      return %v, %r : tensor<2xf32>, tensor<100xf32>
    })mlir";
  std::map<std::string, Tensor> globals;
  Options options;
  options.globals = &globals;
  auto results = runText(text, {}, options);
  EXPECT_EQ(results[0].values(), (Values{2, 4}));
  for (double value : results[1].values()) {
    EXPECT_GE(value, 2.0);
    EXPECT_LE(value, 3.0);
  }
  EXPECT_EQ(runText(text, {}, options)[0].values(), (Values{4, 8}));
  EXPECT_EQ(globals["w"].values(), (Values{4, 8}));
  EXPECT_EQ(runText(text, {})[0].values(), (Values{2, 4}));
}

TEST_F(InterpreterTest, KernelsAndCalls) {
  auto results = runText(R"mlir(
    func.func private @double(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = arith.addf %x, %x : tensor<2xf32>
      return %y : tensor<2xf32>
    }
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %z = func.call @double(%x) : (tensor<2xf32>) -> tensor<2xf32>
      %k = spiking.kernel "elementwise" (%a = %z : tensor<2xf32>) -> (tensor<2xf32>) {
        %m = arith.mulf %a, %a : tensor<2xf32>
        spiking.yield %m : tensor<2xf32>
      }
      return %k : tensor<2xf32>
    })mlir",
                         {f32({2}, {1, 3})});
  EXPECT_EQ(results[0].values(), (Values{4, 36}));
}

TEST_F(InterpreterTest, ProbesSeeEveryStep) {
  Options options;
  std::vector<std::pair<std::string, int64_t>> seen;
  options.probe = [&](Operation *op, ArrayRef<const Tensor *> results,
                      std::optional<int64_t> step) {
    seen.push_back({op->getName().getStringRef().str(), step.value_or(-1)});
  };
  runText(R"mlir(
    func.func @f(%x: tensor<2x1xf32>, %v: tensor<1xf32>, %e: tensor<2x1xf32>) -> tensor<2x1xf32> {
      %y, %w = spiking.scan forward ins(%a = %x : tensor<2x1xf32>) outs(%e : tensor<2x1xf32>) states(%b = %v : tensor<1xf32>) {
        %c = arith.addf %a, %b : f32
        spiking.yield %c : f32 next(%c : f32)
      }
      return %y : tensor<2x1xf32>
    })mlir",
          {f32({2, 1}, {1, 2}), f32({1}, 0.0), Tensor(ElementKind::F32, {2, 1})},
          options);
  std::vector<std::pair<std::string, int64_t>> expected{
      {"arith.addf", 0}, {"arith.addf", 1}, {"spiking.scan", -1}};
  EXPECT_EQ(seen, expected);
}

} // namespace rheobase::reference
