//===- EquivalenceTest.cpp - Passes that change nothing
//---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random networks give the same results, bit for bit, in step form, in sequence
// form and fused.
//
//===----------------------------------------------------------------------===//

#include "NetworkGenerator.h"

#include "rheobase/InitAll.h"
#include "rheobase/Reference/Interpreter.h"

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
};
} // namespace

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
