//===- NetworksTest.cpp - Whole networks, compiled once ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One compiled program serves all numbers of steps and samples, forward and
// backward, on every instruction set, with one and with two threads.
//
//===----------------------------------------------------------------------===//

#include "CompiledTest.h"

#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"

extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();

using namespace mlir;

namespace rheobase::test {
namespace {

/// A network f(input, states..., parameters...) -> (output, states...). The
/// extents of T and B are -1 and -2.
struct NetworkCase {
  const char *text;
  std::vector<std::vector<int64_t>> arguments;
  int64_t states;
};

const NetworkCase kFeedForward = {R"mlir(
  func.func @f(%x: tensor<?x?x12xf32>, %v0: tensor<?x33xf32>, %m0: tensor<?x5xf32>,
               %w1: tensor<12x33xf32>, %b1: tensor<33xf32>, %w2: tensor<33x5xf32>) -> (tensor<?x?x5xf32>, tensor<?x33xf32>, tensor<?x5xf32>) {
    %i = spiking.linear %x, %w1, %b1 : (tensor<?x?x12xf32>, tensor<12x33xf32>, tensor<33xf32>) -> tensor<?x?x33xf32>
    %s, %v = spiking.lif %i, %v0 {decay = 0.75, threshold = 0.5, reset = #spiking.reset<soft>, surrogate = #spiking.atan}
      : (tensor<?x?x33xf32>, tensor<?x33xf32>) -> (tensor<?x?x33xi1>, tensor<?x33xf32>)
    %o = spiking.linear %s, %w2 : (tensor<?x?x33xi1>, tensor<33x5xf32>) -> tensor<?x?x5xf32>
    %y, %m = spiking.li %o, %m0 {decay = 0.5} : (tensor<?x?x5xf32>, tensor<?x5xf32>) -> (tensor<?x?x5xf32>, tensor<?x5xf32>)
    return %y, %v, %m : tensor<?x?x5xf32>, tensor<?x33xf32>, tensor<?x5xf32>
  })mlir",
                               {{-1, -2, 12}, {-2, 33}, {-2, 5}, {12, 33}, {33}, {33, 5}},
                               2};

const NetworkCase kRecurrent = {R"mlir(
  func.func @f(%x: tensor<?x?x7xf32>, %v0: tensor<?x18xf32>, %c0: tensor<?x18xf32>,
               %wi: tensor<7x18xf32>, %wr: tensor<18x18xf32>, %wo: tensor<18x4xf32>) -> (tensor<?x?x4xf32>, tensor<?x18xf32>, tensor<?x18xf32>) {
    %zero = arith.constant 0 : index
    %T = tensor.dim %x, %zero : tensor<?x?x7xf32>
    %y, %v, %c = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x?x7xf32>)
        state(%vt = %v0 : tensor<?x18xf32>, %ct = %c0 : tensor<?x18xf32>) -> (tensor<?x?x4xf32>) {
      %i = spiking.linear %x_t, %wi : (tensor<?x7xf32>, tensor<7x18xf32>) -> tensor<?x18xf32>
      // The current that the spikes of the step before left.
      %j = arith.addf %i, %ct : tensor<?x18xf32>
      %s, %v1 = spiking.lif %j, %vt {decay = 0.9, threshold = 0.4, reset = #spiking.reset<hard, value = 0.0>, surrogate = #spiking.sigmoid}
        : (tensor<?x18xf32>, tensor<?x18xf32>) -> (tensor<?x18xi1>, tensor<?x18xf32>)
      %c1 = spiking.linear %s, %wr : (tensor<?x18xi1>, tensor<18x18xf32>) -> tensor<?x18xf32>
      %o = spiking.linear %s, %wo : (tensor<?x18xi1>, tensor<18x4xf32>) -> tensor<?x4xf32>
      spiking.yield %o : tensor<?x4xf32> next(%v1, %c1 : tensor<?x18xf32>, tensor<?x18xf32>)
    }
    return %y, %v, %c : tensor<?x?x4xf32>, tensor<?x18xf32>, tensor<?x18xf32>
  })mlir",
                             {{-1, -2, 7}, {-2, 18}, {-2, 18}, {7, 18}, {18, 18}, {18, 4}},
                             2};

const NetworkCase kConvolutional = {R"mlir(
  func.func @f(%x: tensor<?x?x2x6x6xf32>, %v0: tensor<?x5x6x6xf32>,
               %k: tensor<5x2x3x3xf32>, %g: tensor<5xf32>, %b: tensor<5xf32>, %w: tensor<45x3xf32>) -> (tensor<?x?x3xf32>, tensor<?x5x6x6xf32>) {
    %mean = arith.constant dense<0.125> : tensor<5xf32>
    %variance = arith.constant dense<0.5> : tensor<5xf32>
    %c = spiking.conv %x, %k {padding = array<i64: 1, 1>} : (tensor<?x?x2x6x6xf32>, tensor<5x2x3x3xf32>) -> tensor<?x?x5x6x6xf32>
    %n, %nm, %nv, %sm, %sr = spiking.batch_norm %c scale(%g) shift(%b) running(%mean, %variance) {channel_dim = -3 : i64, sequence = true, mode = #spiking.mode<inference>}
      : (tensor<?x?x5x6x6xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>) -> (tensor<?x?x5x6x6xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>)
    %s, %v = spiking.lif %n, %v0 {decay = 0.5, threshold = 0.3, reset = #spiking.reset<soft>, detach_reset = true, surrogate = #spiking.triangle}
      : (tensor<?x?x5x6x6xf32>, tensor<?x5x6x6xf32>) -> (tensor<?x?x5x6x6xi1>, tensor<?x5x6x6xf32>)
    %p = spiking.avg_pool %s {kernel = array<i64: 2, 2>} : (tensor<?x?x5x6x6xi1>) -> tensor<?x?x5x3x3xf32>
    %q = spiking.flatten %p {dims = 3 : i64} : (tensor<?x?x5x3x3xf32>) -> tensor<?x?x45xf32>
    %y = spiking.linear %q, %w : (tensor<?x?x45xf32>, tensor<45x3xf32>) -> tensor<?x?x3xf32>
    return %y, %v : tensor<?x?x3xf32>, tensor<?x5x6x6xf32>
  })mlir",
                                 {{-1, -2, 2, 6, 6}, {-2, 5, 6, 6}, {5, 2, 3, 3}, {5}, {5}, {45, 3}},
                                 1};

class NetworksTest : public CompiledTest,
                     public testing::WithParamInterface<
                         std::pair<const char *, const NetworkCase *>> {
protected:
  ~NetworksTest() override { omp_set_num_threads(threadsBefore); }

  const NetworkCase &network() { return *GetParam().second; }

  Tensor draw(ArrayRef<int64_t> shape, uint64_t seed) {
    std::mt19937_64 random(seed);
    Tensor tensor(ElementKind::F32, shape);
    for (reference::Scalar &element : tensor.elements)
      element.number = double(int64_t(random() >> 40)) * 0x1p-23 - 1.0;
    return tensor;
  }

  SmallVector<Tensor> drawArguments(int64_t steps, int64_t samples) {
    SmallVector<Tensor> arguments;
    for (const std::vector<int64_t> &extents : network().arguments) {
      SmallVector<int64_t> shape(extents.begin(), extents.end());
      for (int64_t &extent : shape)
        extent = extent == -1 ? steps : extent == -2 ? samples : extent;
      arguments.push_back(draw(shape, arguments.size() + 100 * samples));
    }
    return arguments;
  }

  /// Parses the network, adds its gradient, and brings both to sequence form:
  /// gradients of parameters leave recurrent loops, and their order of summation
  /// changes, here and not in what follows.
  void makeModule() {
    module = parseSourceString<ModuleOp>(network().text, &context);
    ASSERT_TRUE(module) << messages;
    forward = module->lookupSymbol<func::FuncOp>("f");
    SmallVector<unsigned> with;
    for (unsigned i = 0; i < network().arguments.size(); ++i)
      with.push_back(i);
    auto differentiated =
        spiking::differentiateFunction(forward, "f_gradient", with);
    ASSERT_TRUE(succeeded(differentiated)) << messages;
    auto frontend = PassManager::on<ModuleOp>(&context);
    populateFrontendPipeline(frontend, FrontendOptions());
    ASSERT_TRUE(succeeded(frontend.run(*module))) << messages;
    forward = module->lookupSymbol<func::FuncOp>("f");
    backward = module->lookupSymbol<func::FuncOp>("f_gradient");
  }

  void checkSplit(const CompiledProgram &program);

  OwningOpRef<ModuleOp> module;
  func::FuncOp forward, backward;
  int threadsBefore = omp_get_max_threads();
};

/// Steps [from, to) of a sequence.
Tensor part(const Tensor &sequence, int64_t from, int64_t to) {
  Tensor result = sequence;
  int64_t size = sequence.size() / sequence.shape[0];
  result.shape[0] = to - from;
  result.elements.assign(sequence.elements.begin() + from * size,
                         sequence.elements.begin() + to * size);
  return result;
}

} // namespace

/// The steps in two parts, the states handed over, give the same.
void NetworksTest::checkSplit(const CompiledProgram &program) {
  constexpr int64_t steps = 16, samples = 17;
  SmallVector<Tensor> arguments = drawArguments(steps, samples);
  SmallVector<Tensor> whole = call(program, forward, arguments);
  for (int64_t at : {0, 1, 5, 8, 15, 16}) {
    SCOPED_TRACE("split at " + std::to_string(at));
    SmallVector<Tensor> first = arguments, second = arguments;
    first[0] = part(arguments[0], 0, at);
    SmallVector<Tensor> joined = call(program, forward, first);
    second[0] = part(arguments[0], at, steps);
    for (int64_t i = 0; i < network().states; ++i)
      second[i + 1] = joined[i + 1];
    SmallVector<Tensor> rest = call(program, forward, second);
    llvm::append_range(joined[0].elements, rest[0].elements);
    joined[0].shape[0] += rest[0].shape[0];
    std::copy(rest.begin() + 1, rest.end(), joined.begin() + 1);
    expectEqual(whole, joined);
  }
}

TEST_P(NetworksTest, OneProgramServesAllSizes) {
  makeModule();
  // What the interpreter takes too long for, the programs compare among
  // themselves.
  constexpr int64_t kInterpreted = 1600;
  std::map<std::pair<int64_t, int64_t>, SmallVector<Tensor>> known;
  for (CPUInstructionSet isa : getInstructionSets()) {
    SCOPED_TRACE(nameOf(isa));
    int64_t before = CompiledProgram::getCompileCount();
    auto program = compile(*module, isa);
    ASSERT_TRUE(program) << messages;
    for (int64_t steps : {1, 3, 16, 100})
      for (int64_t samples : {1, 17, 128}) {
        SCOPED_TRACE("T = " + std::to_string(steps) +
                     ", B = " + std::to_string(samples));
        SmallVector<Tensor> arguments = drawArguments(steps, samples);
        SmallVector<Tensor> &expected = known[{steps, samples}];
        for (int threads : {1, 2}) {
          SCOPED_TRACE(std::to_string(threads) + " threads");
          omp_set_num_threads(threads);
          SmallVector<Tensor> got = call(*program, forward, arguments);
          SmallVector<Tensor> all = arguments;
          for (const Tensor &result : got)
            all.push_back(draw(result.shape, 5));
          SmallVector<Tensor> gradient = call(*program, backward, all);
          ASSERT_EQ(gradient.size(), got.size() + arguments.size());
          expectEqual(got, ArrayRef(gradient).take_front(got.size()));
          if (expected.empty()) {
            expected = gradient;
            if (steps * samples <= kInterpreted) {
              auto results = reference::run(backward, all);
              ASSERT_TRUE(succeeded(results)) << messages;
              expected = *results;
            }
          }
          expectEqual(expected, gradient);
        }
      }
    checkSplit(*program);
    EXPECT_EQ(CompiledProgram::getCompileCount(), before + 1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, NetworksTest,
    testing::Values(std::pair("FeedForward", &kFeedForward),
                    std::pair("Recurrent", &kRecurrent),
                    std::pair("Convolutional", &kConvolutional)),
    [](const auto &info) { return info.param.first; });

TEST_F(CompiledTest, CompilesTheEntriesThatAreCalled) {
  auto module = parseSourceString<ModuleOp>(R"mlir(
    func.func private @half(%x: tensor<4xf32>) -> tensor<4xf32> {
      %c = arith.constant dense<0.5> : tensor<4xf32>
      %0 = arith.mulf %x, %c : tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    func.func @a(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = func.call @half(%x) : (tensor<4xf32>) -> tensor<4xf32>
      return %0 : tensor<4xf32>
    }
    func.func @b(%x: tensor<4xf32>) -> tensor<4xf32> {
      %0 = arith.addf %x, %x : tensor<4xf32>
      return %0 : tensor<4xf32>
    }
  )mlir",
                                           &context);
  ASSERT_TRUE(module);
  auto namesOf = [&](std::vector<std::string> wanted) {
    OwningOpRef<ModuleOp> copy = module->clone();
    CompileOptions options;
    options.entries = std::move(wanted);
    auto program = compileForCPU(*copy, options);
    std::vector<std::string> names;
    if (succeeded(program))
      for (const CompiledProgram::Entry &entry : (*program)->getEntries())
        names.push_back(entry.name);
    return names;
  };
  EXPECT_EQ(namesOf({}), std::vector<std::string>({"a", "b"})) << messages;
  EXPECT_EQ(namesOf({"a"}), std::vector<std::string>({"a"})) << messages;
}

} // namespace rheobase::test
