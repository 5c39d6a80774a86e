//===- MemoryLimitTest.cpp - Plans that fit into memory -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A network whose gradient is compiled under limits needs no more than they
// say, as the runtime measures it, and gives the same bits.
//
//===----------------------------------------------------------------------===//

#include "CompiledTest.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"
#include "rheobase/Pipelines/MemoryLimit.h"
#include "rheobase/rt.h"

using namespace mlir;

namespace rheobase::test {

namespace {
/// Four layers whose inputs are spikes: each current can be computed again.
const char *const kLayers = R"mlir(
  func.func @f(%x: tensor<?x?x128xi1>, %w1: tensor<128x256xf32>, %w2: tensor<256x256xf32>, %w3: tensor<256x256xf32>, %w4: tensor<256x256xf32>) -> tensor<?x?x256xi1> {
    %i1 = spiking.linear %x, %w1 : (tensor<?x?x128xi1>, tensor<128x256xf32>) -> tensor<?x?x256xf32>
    %s1, %v1 = spiking.lif %i1 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    %i2 = spiking.linear %s1, %w2 : (tensor<?x?x256xi1>, tensor<256x256xf32>) -> tensor<?x?x256xf32>
    %s2, %v2 = spiking.lif %i2 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    %i3 = spiking.linear %s2, %w3 : (tensor<?x?x256xi1>, tensor<256x256xf32>) -> tensor<?x?x256xf32>
    %s3, %v3 = spiking.lif %i3 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    %i4 = spiking.linear %s3, %w4 : (tensor<?x?x256xi1>, tensor<256x256xf32>) -> tensor<?x?x256xf32>
    %s4, %v4 = spiking.lif %i4 {decay = 0.5, threshold = 0.3} : (tensor<?x?x256xf32>) -> (tensor<?x?x256xi1>, tensor<?x256xf32>)
    return %s4 : tensor<?x?x256xi1>
  })mlir";

/// An inference: currents exist for blocks of samples, which the plan counts.
const char *const kBlocks = R"mlir(
  func.func @g(%x: tensor<?x?x128xf32>, %w1: tensor<128x512xf32>, %w2: tensor<512x64xf32>) -> tensor<?x64xf32> {
    %i1 = spiking.linear %x, %w1 : (tensor<?x?x128xf32>, tensor<128x512xf32>) -> tensor<?x?x512xf32>
    %s1, %v1 = spiking.lif %i1 {decay = 0.5, threshold = 0.3} : (tensor<?x?x512xf32>) -> (tensor<?x?x512xi1>, tensor<?x512xf32>)
    %i2 = spiking.linear %s1, %w2 : (tensor<?x?x512xi1>, tensor<512x64xf32>) -> tensor<?x?x64xf32>
    %s2, %v2 = spiking.lif %i2 {decay = 0.5, threshold = 0.3} : (tensor<?x?x64xf32>) -> (tensor<?x?x64xi1>, tensor<?x64xf32>)
    return %v2 : tensor<?x64xf32>
  })mlir";

constexpr int64_t kSteps = 32, kSamples = 128;

class MemoryLimitTest : public CompiledTest {
protected:
  void SetUp() override {
    module = parseSourceString<ModuleOp>(kLayers, &context);
    ASSERT_TRUE(module) << messages;
    auto function = module->lookupSymbol<func::FuncOp>("f");
    auto gradient =
        spiking::differentiateFunction(function, "g", {1u, 2u, 3u, 4u});
    ASSERT_TRUE(succeeded(gradient)) << messages;
    function.setPrivate();
    prepare();
  }

  /// From step form on, and arguments for @g.
  void prepare() {
    arguments.clear();
    auto frontend = PassManager::on<ModuleOp>(&context);
    populateFrontendPipeline(frontend, FrontendOptions());
    ASSERT_TRUE(succeeded(frontend.run(*module))) << messages;
    std::mt19937_64 random(1);
    for (Type type :
         module->lookupSymbol<func::FuncOp>("g").getArgumentTypes()) {
      auto tensor = cast<RankedTensorType>(type);
      SmallVector<int64_t> shape(tensor.getShape());
      if (tensor.isDynamicDim(0)) {
        shape[0] = kSteps;
        shape[1] = kSamples;
      }
      bool spikes = tensor.getElementType().isInteger(1);
      Tensor value(spikes ? ElementKind::I1 : ElementKind::F32, shape);
      for (reference::Scalar &element : value.elements)
        element.number = spikes
                             ? double(random() % 4 == 0)
                             : double(int64_t(random() >> 40)) * 0x1p-26 - 0.1;
      arguments.push_back(value);
    }
  }

  /// The gradient under a limit of so many bytes (0: none); null where it does
  /// not fit.
  std::unique_ptr<CompiledProgram> compileUnder(int64_t limit) {
    OwningOpRef<ModuleOp> copy = module->clone();
    CompileOptions options;
    options.codegen.isa = CPUInstructionSet::X86_64V3;
    options.memory.bytes = limit;
    options.memory.dims["T"] = kSteps;
    options.memory.dims["B"] = kSamples;
    messages.clear();
    auto program = compileForCPU(*copy, options);
    return succeeded(program) ? std::move(*program) : nullptr;
  }

  /// Results, and what the call needs in bytes beside its arguments.
  std::pair<SmallVector<Tensor>, int64_t> run(const CompiledProgram &program) {
    auto function = module->lookupSymbol<func::FuncOp>("g");
    int64_t before = rheobase_rt_peak_bytes(1);
    before = rheobase_rt_peak_bytes(1);
    SmallVector<Tensor> results = call(program, function, arguments);
    return {results, rheobase_rt_peak_bytes(1) - before};
  }

  OwningOpRef<ModuleOp> module;
  SmallVector<Tensor> arguments;
};
} // namespace

TEST(ByteCountTest, Parses) {
  EXPECT_EQ(parseByteCount("4096"), 4096);
  EXPECT_EQ(parseByteCount("1.5K"), 1536);
  EXPECT_EQ(parseByteCount("2g"), int64_t(2) << 30);
  for (const char *text : {"", "M", "-1", "0", "1X", "1MB", "nan", "1e30T"})
    EXPECT_FALSE(parseByteCount(text)) << text;
}

TEST_F(MemoryLimitTest, FitsAndGivesTheSame) {
  auto program = compileUnder(0);
  ASSERT_TRUE(program) << messages;
  auto [expected, unlimited] = run(*program);
  EXPECT_FALSE(compileUnder(1 << 20));
  EXPECT_NE(messages.find("'g' needs at least "), std::string::npos)
      << messages;
  EXPECT_NE(messages.find("more than the memory limit of 1.0 MB"),
            std::string::npos)
      << messages;
  // Below what the plan without a limit takes.
  int64_t limit = unlimited * 97 / 100;
  auto fitted = compileUnder(limit);
  ASSERT_TRUE(fitted) << messages;
  auto [results, needed] = run(*fitted);
  expectEqual(expected, results);
  EXPECT_LE(needed, limit);
  EXPECT_LT(needed, unlimited * 17 / 20);
}

TEST_F(MemoryLimitTest, CountsWhatBlocksOfSamplesTake) {
  module = parseSourceString<ModuleOp>(kBlocks, &context);
  ASSERT_TRUE(module) << messages;
  prepare();
  EXPECT_FALSE(compileUnder(1));
  size_t place = messages.find("'g' needs at least ");
  ASSERT_NE(place, std::string::npos) << messages;
  double planned = std::atof(messages.c_str() + place + 19) * 1e6;
  EXPECT_LT(int64_t(1) << 20, planned) << messages;
  auto program = compileUnder(0);
  ASSERT_TRUE(program) << messages;
  // Arguments are not measured.
  int64_t needed = run(*program).second;
  EXPECT_LT(int64_t(2) << 20, needed);
  EXPECT_LE(needed, planned - 4.0 * (kSteps * kSamples * 128 + 128 * 512));
}

TEST_F(MemoryLimitTest, NeedsSizes) {
  OwningOpRef<ModuleOp> copy = module->clone();
  CompileOptions options;
  options.memory.bytes = 1 << 30;
  options.memory.dims["T"] = kSteps;
  EXPECT_TRUE(failed(compileForCPU(*copy, options)));
  EXPECT_NE(messages.find("a memory limit needs sizes, but none is given for "
                          "B: expected --dims=B=..."),
            std::string::npos)
      << messages;
}

} // namespace rheobase::test
