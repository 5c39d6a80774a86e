//===- EquivalenceTest.cpp - Passes that change nothing -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random networks give the same results, bit for bit, in step form, in sequence
// form and fused; their gradients too, but those of parameters, which are
// summed in another order: they stay within the bound of the summation.
//
//===----------------------------------------------------------------------===//

#include "NetworkGenerator.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"
#include "rheobase/InitAll.h"
#include "rheobase/Reference/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace rheobase;
using reference::ElementKind;
using reference::Tensor;

namespace {
class EquivalenceTest : public testing::Test {
protected:
  EquivalenceTest() {
    static bool registered = (registerAllPasses(), true);
    (void)registered;
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    handler.emplace(&context, [&](Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return success();
    });
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << messages << text;
    return module;
  }

  bool runPasses(ModuleOp module, const std::string &pipeline) {
    auto manager = PassManager::on<ModuleOp>(&context);
    return succeeded(parsePassPipeline(pipeline, manager)) &&
           succeeded(manager.run(module));
  }

  SmallVector<Tensor> execute(ModuleOp module, ArrayRef<Tensor> arguments) {
    auto results =
        reference::run(module.lookupSymbol<func::FuncOp>("f"), arguments);
    EXPECT_TRUE(succeeded(results)) << messages;
    return succeeded(results) ? *results : SmallVector<Tensor>();
  }

  static std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
    return text;
  }

  SmallVector<Tensor> makeArguments(const test::Network &network,
                                    const test::NetworkOptions &options,
                                    uint64_t seed) {
    std::mt19937_64 random(seed);
    SmallVector<Tensor> arguments;
    for (const test::Argument &argument : network.arguments) {
      SmallVector<int64_t> shape;
      int64_t count = 1;
      for (int64_t extent : argument.shape) {
        shape.push_back(extent == -1   ? options.steps
                        : extent == -2 ? options.batch
                                       : extent);
        count *= shape.back();
      }
      std::vector<double> values(count);
      for (double &value : values)
        value = argument.kind == test::Argument::Float
                    ? double(int64_t(random() % 20001) - 8000) / 10000.0
                    : double(random() % 4 != 0);
      switch (argument.kind) {
      case test::Argument::Float:
        arguments.push_back(Tensor::of(ElementKind::F32, shape, values));
        break;
      case test::Argument::Spikes:
        arguments.push_back(Tensor::of(ElementKind::I1, shape, values));
        break;
      case test::Argument::Seed: {
        Tensor tensor(ElementKind::I64, {});
        tensor[0] = reference::Scalar::ofInteger(int64_t(random() % 1000));
        arguments.push_back(tensor);
        break;
      }
      case test::Argument::Steps:
        arguments.push_back(Tensor::index(options.steps));
        break;
      }
    }
    return arguments;
  }

  /// Whether the results are those before the pipeline.
  void checkPipeline(const test::Network &network, ArrayRef<Tensor> arguments,
                     ArrayRef<Tensor> expected, const std::string &pipeline) {
    OwningOpRef<ModuleOp> module = parse(network.text);
    ASSERT_TRUE(runPasses(*module, pipeline)) << pipeline << "\n"
                                              << messages << network.text;
    SmallVector<Tensor> results = execute(*module, arguments);
    ASSERT_EQ(results.size(), expected.size());
    for (size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ(results[i].shape, expected[i].shape);
      auto difference = findDifference(results[i], expected[i]);
      ASSERT_FALSE(difference)
          << pipeline << ": result " << i << " differs at "
          << reference::describeIndex(results[i].shape, *difference) << ": "
          << results[i].at(*difference) << ", expected "
          << expected[i].at(*difference) << "\n"
          << network.text << print(*module);
    }
  }

  MLIRContext context;
  std::string messages;
  std::optional<ScopedDiagnosticHandler> handler;
};

const char *const kPipelines[] = {
    "spiking-expand-presets",
    "spiking-decompose-neurons",
    "spiking-distribute-time-loop",
    "spiking-decompose-neurons,spiking-distribute-time-loop",
    "spiking-elementwise-to-scan",
    "spiking-distribute-time-loop,spiking-decompose-neurons,"
    "spiking-fuse-neurons",
    "spiking-decompose-neurons,spiking-fuse-neurons,"
    "spiking-distribute-time-loop,canonicalize,cse,spiking-fuse-neurons",
    "spiking-distribute-time-loop,spiking-decompose-neurons,"
    "spiking-hoist-time-invariant{exact=true},spiking-fuse-neurons",
};
} // namespace

namespace {
/// What a run of a function summed: of each value that is a sum the sum of the
/// absolute terms, and how many there are at most.
class Sums {
public:
  explicit Sums(func::FuncOp function) {
    function.walk([&](spiking::ScanOp scan) {
      for (Value value : scan.getYield().getContributions())
        contributions.insert({value, Tensor()});
    });
  }

  reference::Probe getProbe() {
    return [this](Operation *op, ArrayRef<const Tensor *> results,
                  std::optional<int64_t>) {
      for (auto [value, tensor] : llvm::zip(op->getResults(), results)) {
        if (isa<func::FuncOp>(op->getParentOp()))
          values[value] = *tensor;
        auto found = contributions.find(value);
        if (found == contributions.end())
          continue;
        Tensor &total = found->second;
        if (total.size() != tensor->size() || total.shape != tensor->shape)
          total = Tensor(ElementKind::F64, tensor->shape);
        for (int64_t i = 0; i < total.size(); ++i)
          total[i].number += std::fabs(tensor->at(i));
      }
    };
  }
  void setArguments(func::FuncOp function, ArrayRef<Tensor> arguments) {
    for (auto [value, tensor] : llvm::zip(function.getArguments(), arguments))
      values[value] = tensor;
  }

  struct Sum {
    Tensor magnitude;
    int64_t terms;
  };
  Sum get(Value value);

private:
  llvm::DenseMap<Value, Tensor> values, contributions;
};
} // namespace

Sums::Sum Sums::get(Value value) {
  Tensor known = values.lookup(value);
  Tensor magnitude(ElementKind::F64, known.shape);
  Operation *op = value.getDefiningOp();
  if (isa_and_present<arith::AddFOp, spiking::AddOp>(op)) {
    Sum a = get(op->getOperand(0)), b = get(op->getOperand(1));
    for (int64_t i = 0; i < magnitude.size(); ++i)
      magnitude[i].number = a.magnitude.at(i) + b.magnitude.at(i);
    return {magnitude, a.terms + b.terms};
  }
  if (auto product = dyn_cast_or_null<spiking::LinearWeightGradientOp>(op)) {
    const Tensor &x = values[product.getInput()];
    const Tensor &g = values[product.getGradient()];
    int64_t in = x.shape.back(), out = g.shape.back();
    int64_t rows = in ? x.size() / in : 0;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < in; ++i)
        for (int64_t o = 0; o < out; ++o)
          magnitude[i * out + o].number +=
              std::fabs(x.at(row * in + i) * g.at(row * out + o));
    return {magnitude, rows};
  }
  if (auto sum = dyn_cast_or_null<spiking::ReduceSumOp>(op)) {
    Sum terms = get(sum.getInput());
    SmallVector<int64_t> kept = terms.magnitude.shape;
    for (int64_t d : sum.getDims())
      kept[d] = 1;
    auto target = *reference::broadcastIndices(kept, terms.magnitude.shape);
    for (int64_t i = 0; i < terms.magnitude.size(); ++i)
      magnitude[target[i]].number += terms.magnitude.at(i);
    int64_t share = terms.magnitude.size() / std::max<int64_t>(1, known.size());
    return {magnitude, terms.terms * share};
  }
  if (auto scan = dyn_cast_or_null<spiking::ScanOp>(op))
    for (auto [i, result] : llvm::enumerate(scan.getAccumulatorResults())) {
      auto found = contributions.find(scan.getYield().getContributions()[i]);
      if (result != value || found == contributions.end())
        continue;
      Sum init = get(scan.getAccumulators()[i]);
      const Tensor &terms = found->second;
      // A term that all neurons share is there once for each.
      SmallVector<int64_t> space;
      for (Value state : scan.getStates())
        space = values[state].shape;
      if (space.empty())
        space = terms.shape;
      auto from = *reference::broadcastIndices(terms.shape, space);
      auto target = *reference::broadcastIndices(known.shape, space);
      for (size_t n = 0; n < target.size(); ++n)
        magnitude[target[n]].number += terms.at(from[n]);
      for (int64_t k = 0; k < magnitude.size(); ++k)
        magnitude[k].number += init.magnitude.at(k);
      int64_t steps = 1;
      if (!scan.isStep())
        steps = values[scan.getIns().empty() ? scan.getOuts().front()
                                             : scan.getIns().front()]
                    .shape.front();
      int64_t share =
          int64_t(target.size()) / std::max<int64_t>(1, known.size());
      return {magnitude, init.terms + steps * share};
    }
  for (int64_t i = 0; i < magnitude.size(); ++i)
    magnitude[i].number = std::fabs(known.at(i));
  return {magnitude, 1};
}

TEST_F(EquivalenceTest, Gradients) {
  const char *const pipelines[] = {
      "spiking-distribute-time-loop",
      "spiking-decompose-neurons,spiking-distribute-time-loop,"
      "spiking-fuse-neurons",
  };
  const int64_t steps[] = {1, 2, 3, 16};
  int64_t reordered = 0, compared = 0;
  for (uint64_t seed = 0; seed < 120 && !HasFailure(); ++seed) {
    test::NetworkOptions options;
    options.steps = steps[seed % 4];
    options.batch = 1 + seed % 3;
    options.staticSteps = seed / 2 % 3 == 0;
    options.staticBatch = seed / 3 % 2 == 0;
    test::Network network = generateNetwork(seed, options);
    // Its gradient multiplies sums, which are no sums of terms any more.
    if (StringRef(network.text).contains("spiking.batch_norm"))
      continue;
    OwningOpRef<ModuleOp> module = parse(network.text);
    ASSERT_TRUE(module);
    auto function = module->lookupSymbol<func::FuncOp>("f");
    SmallVector<unsigned> with;
    for (auto [i, argument] : llvm::enumerate(network.arguments))
      if (argument.kind == test::Argument::Float)
        with.push_back(i);
    auto gradient = spiking::differentiateFunction(function, "g", with);
    ASSERT_TRUE(succeeded(gradient)) << messages << network.text;
    function.erase();
    gradient->setName("f");

    SmallVector<Tensor> arguments = makeArguments(network, options, seed);
    std::mt19937_64 random(seed + 1000);
    auto primal = execute(*parse(network.text), arguments);
    for (const Tensor &result : primal) {
      if (!reference::isFloat(result.kind) && result.kind != ElementKind::I1 &&
          result.kind != ElementKind::I8)
        continue;
      Tensor cotangent(ElementKind::F32, result.shape);
      for (reference::Scalar &element : cotangent.elements)
        element.number = double(int64_t(random() % 2001) - 1000) / 1024.0;
      arguments.push_back(cotangent);
    }
    ASSERT_EQ(arguments.size(), gradient->getNumArguments());
    SmallVector<Tensor> expected = execute(*module, arguments);
    ASSERT_FALSE(expected.empty()) << network.text;
    for (const char *pipeline : pipelines) {
      OwningOpRef<ModuleOp> changed = module->clone();
      ASSERT_TRUE(runPasses(*changed, pipeline)) << messages << network.text;
      auto target = changed->lookupSymbol<func::FuncOp>("f");
      Sums sums(target);
      sums.setArguments(target, arguments);
      reference::Options probed;
      probed.probe = sums.getProbe();
      auto got = reference::run(target, arguments, probed);
      ASSERT_TRUE(succeeded(got)) << messages << print(*changed);
      Operation *end = target.getBody().front().getTerminator();
      for (auto [i, pair] : llvm::enumerate(llvm::zip(expected, *got))) {
        auto &[before, after] = pair;
        ++compared;
        ASSERT_EQ(before.shape, after.shape);
        if (!findDifference(before, after))
          continue;
        ++reordered;
        Sums::Sum sum = sums.get(end->getOperand(i));
        for (int64_t k = 0; k < before.size(); ++k) {
          if (std::isnan(before.at(k)) && std::isnan(after.at(k)))
            continue;
          // Each order errs by at most this; products are rounded, too.
          double bound = double(sum.terms + 1) * 0x1p-24 * sum.magnitude.at(k);
          ASSERT_LE(std::fabs(before.at(k) - after.at(k)), 2.0 * bound)
              << pipeline << ": result " << i << " of seed " << seed << " at "
              << reference::describeIndex(before.shape, k) << ": "
              << after.at(k) << ", expected " << before.at(k) << "\n"
              << network.text << print(*changed);
        }
      }
    }
  }
  EXPECT_GT(reordered, 20);
  EXPECT_GT(compared, 10 * reordered / 2);
}

TEST_F(EquivalenceTest, RandomNetworks) {
  const int64_t steps[] = {1, 2, 3, 16};
  for (uint64_t seed = 0; seed < 120 && !HasFailure(); ++seed) {
    test::NetworkOptions options;
    options.steps = steps[seed % 4];
    options.batch = 1 + seed % 3;
    options.staticSteps = seed / 2 % 3 == 0;
    options.staticBatch = seed / 3 % 2 == 0;
    options.reverse = seed % 5 == 4;
    test::Network network = generateNetwork(seed, options);
    SmallVector<Tensor> arguments = makeArguments(network, options, seed);
    OwningOpRef<ModuleOp> module = parse(network.text);
    ASSERT_TRUE(module);
    SmallVector<Tensor> expected = execute(*module, arguments);
    ASSERT_FALSE(expected.empty()) << network.text;
    for (const char *pipeline : kPipelines)
      checkPipeline(network, arguments, expected, pipeline);
  }
}

// A network without steps returns its initial states.
TEST_F(EquivalenceTest, NoSteps) {
  for (uint64_t seed = 200; seed < 210 && !HasFailure(); ++seed) {
    test::NetworkOptions options;
    options.steps = 0;
    options.staticBatch = seed % 2;
    test::Network network = generateNetwork(seed, options);
    SmallVector<Tensor> arguments = makeArguments(network, options, seed);
    OwningOpRef<ModuleOp> module = parse(network.text);
    ASSERT_TRUE(module);
    SmallVector<Tensor> expected = execute(*module, arguments);
    ASSERT_FALSE(expected.empty()) << network.text;
    for (const char *pipeline : kPipelines)
      checkPipeline(network, arguments, expected, pipeline);
  }
}

//===----------------------------------------------------------------------===//
// What is the same at every step
//===----------------------------------------------------------------------===//

namespace {
/// A tensor of positive numbers, in whose sums nothing cancels.
Tensor makePositive(ArrayRef<int64_t> shape, uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor tensor(ElementKind::F32, SmallVector<int64_t>(shape));
  for (reference::Scalar &element : tensor.elements)
    element.number = double(1 + random() % 1023) / 1024.0;
  return tensor;
}

Tensor makeSeed() {
  Tensor seed(ElementKind::I64, {});
  seed[0] = reference::Scalar::ofInteger(7);
  return seed;
}
} // namespace

TEST_F(EquivalenceTest, HoistsEveryOperation) {
  const char *const text = R"mlir(
    func.func @f(%image: tensor<?x16xf32>, %k: tensor<3x3x1x4xf32>, %c: tensor<4xf32>, %seed: tensor<i64>, %T: index)
        -> (tensor<?x?x16xi1>, tensor<?x16xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<?x?x4xf32>) {
      %r = spiking.repeat %image times(%T) : (tensor<?x16xf32>) -> tensor<?x?x16xf32>
      %d = spiking.dropout %r seed(%seed) {id = 0, p = 0.25, sequence = true, mask_time = #spiking.mask_time<fixed>} : (tensor<?x?x16xf32>, tensor<i64>) -> tensor<?x?x16xf32>
      %x = spiking.unflatten %d {dims = 3} : (tensor<?x?x16xf32>) -> tensor<?x?x4x4x1xf32>
      %i = spiking.conv %x, %k {padding = array<i64: 1, 1>, layout = #spiking.layout<channels_last>} : (tensor<?x?x4x4x1xf32>, tensor<3x3x1x4xf32>) -> tensor<?x?x4x4x4xf32>
      %n:5 = spiking.batch_norm %i scale(%c) shift(%c) running(%c, %c) {sequence = true} : (tensor<?x?x4x4x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x?x4x4x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<?x4xf32>)
      %m = spiking.max_pool %n#0 {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x4x4x4xf32>) -> tensor<?x?x2x2x4xf32>
      %a = spiking.avg_pool %i {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x?x4x4x4xf32>) -> tensor<?x?x2x2x4xf32>
      %sum = spiking.add %m, %a : (tensor<?x?x2x2x4xf32>, tensor<?x?x2x2x4xf32>) -> tensor<?x?x2x2x4xf32>
      %e = math.exp %sum : tensor<?x?x2x2x4xf32>
      %t = spiking.transpose %e {permutation = array<i64: 2, 0, 1>} : (tensor<?x?x2x2x4xf32>) -> tensor<?x?x4x2x2xf32>
      %f = spiking.flatten %t {dims = 3} : (tensor<?x?x4x2x2xf32>) -> tensor<?x?x16xf32>
      %s, %v = spiking.lif %f {decay = 0.5, threshold = 3.0} : (tensor<?x?x16xf32>) -> (tensor<?x?x16xi1>, tensor<?x16xf32>)
      %rows = spiking.reduce_sum %e {dims = array<i64: 2, 3>} : (tensor<?x?x2x2x4xf32>) -> tensor<?x?x4xf32>
      return %s, %v, %n#1, %n#2, %n#3, %rows : tensor<?x?x16xi1>, tensor<?x16xf32>, tensor<4xf32>, tensor<4xf32>, tensor<?x4xf32>, tensor<?x?x4xf32>
    })mlir";
  for (int64_t steps : {0, 1, 2, 5}) {
    SmallVector<Tensor> arguments = {
        makePositive({3, 16}, 1), makePositive({3, 3, 1, 4}, 2),
        makePositive({4}, 3), makeSeed(), Tensor::index(steps)};
    OwningOpRef<ModuleOp> module = parse(text);
    ASSERT_TRUE(module);
    SmallVector<Tensor> expected = execute(*module, arguments);
    ASSERT_FALSE(expected.empty());
    ASSERT_TRUE(runPasses(
        *module, "spiking-decompose-neurons,canonicalize,cse,"
                 "spiking-hoist-time-invariant{exact=true},canonicalize"));
    // Nothing of all steps is left before the neuron.
    module->walk([&](Operation *op) {
      if (isa<spiking::SpikingDialect>(op->getDialect()) && op->getNumResults())
        EXPECT_TRUE((isa<spiking::ScanOp, spiking::RepeatOp>(op)) ||
                    op->getParentOfType<spiking::ScanOp>() ||
                    cast<RankedTensorType>(op->getResult(0).getType())
                            .getShape()
                            .take_front(2)
                            .back() != ShapedType::kDynamic)
            << print(*module);
    });
    SmallVector<Tensor> results = execute(*module, arguments);
    ASSERT_EQ(results.size(), expected.size());
    for (auto [i, pair] : llvm::enumerate(llvm::zip(results, expected)))
      EXPECT_FALSE(findDifference(std::get<0>(pair), std::get<1>(pair)))
          << "result " << i << " with " << steps << " steps\n"
          << print(*module);
  }
}

// docs/Semantics.md, 4.8: how far statistics of one step may be from those of
// all of them.
TEST_F(EquivalenceTest, HoistedStatistics) {
  const char *const text = R"mlir(
    func.func @f(%x: tensor<?x5x4xf32>, %c: tensor<4xf32>, %T: index) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
      %r = spiking.repeat %x times(%T) : (tensor<?x5x4xf32>) -> tensor<?x?x5x4xf32>
      %n:5 = spiking.batch_norm %r scale(%c) shift(%c) running(%c, %c) {sequence = true, statistics = #spiking.statistics<merged>} : (tensor<?x?x5x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<?x?x5x4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
      return %n#3, %n#4, %n#1, %n#2 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
    })mlir";
  const double u = 0x1p-24;
  int64_t different = 0;
  for (int64_t steps : {1, 3, 16}) {
    const int64_t samples = 7, n = samples * 5;
    SmallVector<Tensor> arguments = {makePositive({samples, 5, 4}, 4),
                                     makePositive({4}, 5),
                                     Tensor::index(steps)};
    OwningOpRef<ModuleOp> module = parse(text);
    SmallVector<Tensor> expected = execute(*module, arguments);
    ASSERT_TRUE(runPasses(*module, "spiking-hoist-time-invariant"));
    SmallVector<Tensor> results = execute(*module, arguments);
    ASSERT_EQ(results.size(), expected.size());
    // Each of the two sums errs by its number of terms at most.
    double terms = double((steps + 1) * n + 8);
    for (auto [i, pair] : llvm::enumerate(llvm::zip(results, expected))) {
      auto [after, before] = pair;
      different += findDifference(after, before).has_value();
      if (steps == 1)
        EXPECT_FALSE(findDifference(after, before)) << "result " << i;
      for (int64_t k = 0; k < after.size(); ++k)
        EXPECT_LE(std::fabs(after.at(k) - before.at(k)),
                  terms * u * std::fabs(before.at(k)))
            << "result " << i << " with " << steps << " steps";
    }
  }
  EXPECT_GT(different, 0);
}

// The gradient of the hoisted program sums over time first.
TEST_F(EquivalenceTest, HoistedGradients) {
  const char *const text = R"mlir(
    func.func @f(%x: tensor<?x6xf32>, %w: tensor<6x5xf32>, %b: tensor<5xf32>, %T: index) -> tensor<?x?x5xf32> {
      %r = spiking.repeat %x times(%T) : (tensor<?x6xf32>) -> tensor<?x?x6xf32>
      %i = spiking.linear %r, %w, %b : (tensor<?x?x6xf32>, tensor<6x5xf32>, tensor<5xf32>) -> tensor<?x?x5xf32>
      %v, %vT = spiking.li %i {decay = 0.5} : (tensor<?x?x5xf32>) -> (tensor<?x?x5xf32>, tensor<?x5xf32>)
      return %v : tensor<?x?x5xf32>
    })mlir";
  const int64_t samples = 9;
  for (int64_t steps : {1, 4, 16}) {
    SmallVector<Tensor> arguments = {makePositive({samples, 6}, 6),
                                     makePositive({6, 5}, 7),
                                     makePositive({5}, 8), Tensor::index(steps),
                                     makePositive({steps, samples, 5}, 9)};
    SmallVector<SmallVector<Tensor>> results;
    for (const char *pipeline :
         {"spiking-decompose-neurons",
          "spiking-decompose-neurons,spiking-hoist-time-invariant"}) {
      OwningOpRef<ModuleOp> module = parse(text);
      ASSERT_TRUE(runPasses(*module, pipeline)) << messages;
      auto function = module->lookupSymbol<func::FuncOp>("f");
      auto gradient =
          spiking::differentiateFunction(function, "g", {0u, 1u, 2u});
      ASSERT_TRUE(succeeded(gradient)) << messages;
      function.erase();
      gradient->setName("f");
      results.push_back(execute(*module, arguments));
      module->walk([&](spiking::LinearWeightGradientOp product) {
        EXPECT_EQ(
            cast<RankedTensorType>(product.getInput().getType()).getRank(),
            results.size() == 1 ? 3 : 2);
      });
    }
    ASSERT_EQ(results[0].size(), results[1].size());
    for (auto [i, pair] : llvm::enumerate(llvm::zip(results[1], results[0]))) {
      auto [after, before] = pair;
      ASSERT_EQ(after.shape, before.shape);
      if (i == 0)
        EXPECT_FALSE(findDifference(after, before));
      // Products and sums of positive numbers: relative to the sum.
      double bound = 2.0 * double(steps * samples + steps + 8) * 0x1p-24;
      for (int64_t k = 0; k < after.size(); ++k)
        EXPECT_LE(std::fabs(after.at(k) - before.at(k)),
                  bound * std::fabs(before.at(k)))
            << "result " << i << " with " << steps << " steps";
    }
  }
}
