//===- StateTest.cpp - The persistent tensors of a program ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "State.h"
#include "Logistic.h"
#include "TestSupport.h"
#include "rheobase/Runtime/SafeTensors.h"
#include "rheobase/Support/Philox.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace rheobase;
using namespace rheobase::rt;

/// A program whose one entry is never called, with one parameter `w`.
static void makeState(const std::string &dtype, const std::string &shape,
                      const std::string &initializer, State &out,
                      const std::string &name = "w") {
  std::string text =
      R"({"abi": 2, "rheobase": "0.1.0", "module": "m", "target": "cpu",
      "entries": {"e": {"symbol": "s", "arguments": [{"name": ")" +
      name + R"(", "role": "parameter", "dtype": ")" + dtype +
      R"(", "shape": )" + shape + R"(, "initializer": )" + initializer +
      R"(}], "results": []}}})";
  std::shared_ptr<Program> program;
  ASSERT_OK(Program::create(text, {{"s", rheobase_logistic_forward}}, program));
  ASSERT_OK(State::create(program, out));
}

static void makeLogistic(State &out, std::string manifest = rheobase_manifest) {
  std::shared_ptr<Program> program;
  ASSERT_OK(Program::create(
      manifest,
      {{"rheobase_logistic_train_step", rheobase_logistic_train_step},
       {"rheobase_logistic_evaluate", rheobase_logistic_evaluate},
       {"rheobase_logistic_forward", rheobase_logistic_forward}},
      program));
  ASSERT_OK(State::create(program, out));
}

static Status withoutFolder(Status status, const TemporaryFolder &folder) {
  std::string message = status.message();
  for (size_t at; (at = message.find(folder / "")) != std::string::npos;)
    message.erase(at, (folder / "").size());
  return Status(status.code(), message);
}

TEST(State, CollectsPersistentTensors) {
  State state;
  makeLogistic(state);
  ASSERT_EQ(state.entries().size(), 3u);
  EXPECT_EQ(state.entries()[0].info->name, "weight");
  EXPECT_EQ(state.entries()[2].info->name, "weight.momentum");
  EXPECT_EQ(state.find("weight")->describe(), "f32[4,3]");
  EXPECT_EQ(state.find("image"), nullptr);
}

TEST(State, UniformValuesAreTheDocumentedFunction) {
  State state;
  makeState("f32", "[10]", R"({"kind": "uniform", "low": -2, "high": 4})",
            state);
  ASSERT_OK(state.initialize(0x123456789abcdef0u));
  uint64_t hash = (0xcbf29ce484222325u ^ 'w') * 0x100000001b3u;
  for (uint32_t i = 0; i < 10; ++i) {
    uint32_t word = philox4x32({i / 4, 0, uint32_t(hash), uint32_t(hash >> 32)},
                               {0x9abcdef0u, 0x12345678u})[i % 4];
    EXPECT_EQ(state.find("w")->data<float>()[i],
              float(-2.0 + 6.0 * double(uniform01(word))));
  }
}

TEST(State, ValuesHaveTheRightMoments) {
  State state;
  for (const char *kind :
       {R"({"kind": "normal", "mean": 3, "std": 2})",
        R"({"kind": "uniform", "low": -0.46410162, "high": 6.46410162})"}) {
    makeState("f64", "[100, 1000]", kind, state);
    ASSERT_OK(state.initialize(5));
    const double *values = state.find("w")->data<double>();
    const int count = 100000;
    double mean = 0.0, variance = 0.0, covariance = 0.0;
    for (int i = 0; i < count; ++i)
      mean += values[i] / count;
    for (int i = 0; i < count; ++i)
      variance += (values[i] - mean) * (values[i] - mean) / count;
    for (int i = 0; i + 1 < count; ++i)
      covariance += (values[i] - mean) * (values[i + 1] - mean) / count;
    // Five standard deviations of the estimates.
    EXPECT_NEAR(mean, 3.0, 5 * 2.0 / std::sqrt(count));
    EXPECT_NEAR(variance, 4.0, 5 * 4.0 * std::sqrt(2.0 / count));
    EXPECT_NEAR(covariance, 0.0, 5 * 4.0 / std::sqrt(count));
  }
}

TEST(State, ValuesDependOnSeedAndName) {
  const char *normal = R"({"kind": "normal", "mean": 0, "std": 1})";
  State a, b, c, d;
  makeState("f32", "[5]", normal, a);
  makeState("f32", "[5]", normal, b);
  makeState("f32", "[5]", normal, c, "v");
  makeState("f32", "[5]", normal, d);
  ASSERT_OK(a.initialize(1));
  ASSERT_OK(b.initialize(1));
  ASSERT_OK(c.initialize(1));
  ASSERT_OK(d.initialize(2));
  EXPECT_EQ(memcmp(a.find("w")->data(), b.find("w")->data(), 20), 0);
  EXPECT_NE(memcmp(a.find("w")->data(), c.find("v")->data(), 20), 0);
  EXPECT_NE(memcmp(a.find("w")->data(), d.find("w")->data(), 20), 0);
}

TEST(State, InitializesOtherTypes) {
  State state;
  makeState("i64", "[2]", R"({"kind": "constant", "value": 7})", state);
  ASSERT_OK(state.initialize(0));
  EXPECT_EQ(state.find("w")->data<int64_t>()[1], 7);
  makeState("bf16", "[]", R"({"kind": "constant", "value": 1.5})", state);
  ASSERT_OK(state.initialize(0));
  EXPECT_EQ(state.find("w")->data<uint16_t>()[0], 0x3fc0);
  makeState("f16", "[1]", R"({"kind": "uniform", "low": 1, "high": 1})", state);
  ASSERT_OK(state.initialize(0));
  EXPECT_EQ(state.find("w")->data<uint16_t>()[0], 0x3c00);
  makeState("f32", "[2]", R"({"kind": "data", "base64": "AACAPwAAAEA="})",
            state);
  ASSERT_OK(state.initialize(0));
  EXPECT_EQ(state.find("w")->data<float>()[1], 2.0f);
  makeState("i8", "[1]", R"({"kind": "constant", "value": 200})", state);
  EXPECT_ERROR(state.initialize(0), RB_INVALID_ARGUMENT,
               "initializer of 'w': element 0 is 200, which i8 does not hold");
  std::string text = rheobase_manifest;
  std::string initializer =
      ", \"initializer\": {\"kind\": \"constant\", \"value\": 0.0}";
  text.erase(text.find(initializer), initializer.size());
  makeLogistic(state, text);
  EXPECT_ERROR(
      state.initialize(0), RB_INVALID_ARGUMENT,
      "parameter 'bias' has no initializer: load it from a checkpoint");
}

TEST(State, FindsWhatIsNotFinite) {
  float infinity = std::numeric_limits<float>::infinity();
  for (const char *dtype : {"f16", "bf16", "f32", "f64"}) {
    State state;
    makeState(dtype, "[9]", R"({"kind": "constant", "value": -3e4})", state);
    ASSERT_OK(state.initialize(0));
    EXPECT_EQ(state.findNonFinite(), "");
    for (float value : {infinity, -infinity, std::nanf("")}) {
      ASSERT_OK(state.initialize(0));
      Tensor &tensor = *state.find("w"), single, converted;
      ASSERT_OK(Tensor::create(RB_F32, {}, single));
      single.data<float>()[0] = value;
      ASSERT_OK(convertTensor(single.view(), tensor.dtype(), converted));
      memcpy(tensor.data<char>() + 8 * elementSize(tensor.dtype()),
             converted.data(), size_t(converted.numBytes()));
      EXPECT_EQ(state.findNonFinite(), "w");
    }
  }
}

TEST(Checkpoint, RoundTrips) {
  TemporaryFolder folder;
  State state, other;
  makeLogistic(state);
  makeLogistic(other);
  ASSERT_OK(state.initialize(3));
  Progress progress, read;
  progress.epoch = 4;
  progress.position = 96;
  progress.step = 1234;
  progress.seed = ~uint64_t(0);
  progress.samples = 100;
  progress.bestAccuracy = 0.1 + 0.2;
  progress.lossSum = 1e-300 / 3;
  progress.metricSums = {{"correct", 50.0}, {"spike_rate", 1.0 / 3}};
  progress.options = {{"batch", "32"}};
  ASSERT_OK(state.save(folder / "x", progress));
  ASSERT_OK(other.load(folder / "x", &read));
  EXPECT_EQ(
      memcmp(other.find("weight")->data(), state.find("weight")->data(), 48),
      0);
  EXPECT_EQ(read.epoch, 4);
  EXPECT_EQ(read.position, 96);
  EXPECT_EQ(read.step, 1234);
  EXPECT_EQ(read.seed, ~uint64_t(0));
  EXPECT_EQ(read.samples, 100);
  EXPECT_EQ(read.bestAccuracy, progress.bestAccuracy);
  EXPECT_EQ(read.lossSum, progress.lossSum);
  EXPECT_EQ(read.metricSums, progress.metricSums);
  EXPECT_EQ(read.options, progress.options);
}

TEST(Checkpoint, NamesTheDifferenceToAnotherNetwork) {
  TemporaryFolder folder;
  State state, other;
  makeLogistic(state);
  ASSERT_OK(state.initialize(3));
  ASSERT_OK(state.save(folder / "x", Progress()));

  std::string text = rheobase_manifest;
  for (size_t at; (at = text.find("[4, 3]")) != std::string::npos;)
    text.replace(at, 6, "[5, 3]");
  makeLogistic(other, text);
  Progress progress;
  EXPECT_ERROR(withoutFolder(other.load(folder / "x", &progress), folder),
               RB_INVALID_ARGUMENT,
               "'x' is a checkpoint of another network than 'logistic': "
               "'weight': expected "
               "f32[5,3], got f32[4,3]");
  text = rheobase_manifest;
  for (size_t at; (at = text.find("\"bias\"")) != std::string::npos;)
    text.replace(at, 6, "\"offset\"");
  makeLogistic(other, text);
  EXPECT_ERROR(withoutFolder(other.load(folder / "x", nullptr), folder),
               RB_INVALID_ARGUMENT,
               "'x' is a checkpoint of another network than 'logistic': it has "
               "no 'offset'");

  // Tensors that the program does not have.
  std::vector<std::pair<std::string, rb_tensor>> views;
  for (const State::Entry &entry : state.entries())
    views.emplace_back(entry.info->name, entry.tensor.view());
  views.emplace_back("extra", state.find("bias")->view());
  ASSERT_OK(writeSafeTensors(folder / "y", views, {{"module", "larger"}}));
  makeLogistic(other);
  EXPECT_ERROR(withoutFolder(other.load(folder / "y", nullptr), folder),
               RB_INVALID_ARGUMENT,
               "'y' is a checkpoint of another network ('larger') than "
               "'logistic': it has 'extra'");

  // The same tensors in another module: good as weights, not to go on with.
  text = rheobase_manifest;
  text.replace(text.find("\"logistic\""), 10, "\"other\"");
  makeLogistic(other, text);
  EXPECT_ERROR(withoutFolder(other.load(folder / "x", &progress), folder),
               RB_INVALID_ARGUMENT,
               "'x' is a checkpoint of another network ('logistic') than "
               "'other': expected module "
               "'other', got 'logistic'");
  EXPECT_OK(other.load(folder / "x", nullptr));
}

TEST(Checkpoint, InferenceIgnoresOptimizerState) {
  TemporaryFolder folder;
  State state, inference;
  makeLogistic(state);
  ASSERT_OK(state.initialize(3));
  ASSERT_OK(state.save(folder / "x", Progress()));
  std::string text = rheobase_manifest;
  size_t begin = text.find("\"train_step\""), end = text.find("\"evaluate\"");
  text.erase(begin, end - begin);
  makeLogistic(inference, text);
  EXPECT_EQ(inference.entries().size(), 2u);
  ASSERT_OK(inference.load(folder / "x", nullptr));
  EXPECT_EQ(memcmp(inference.find("weight")->data(),
                   state.find("weight")->data(), 48),
            0);
}

TEST(Checkpoint, NamesWhatIsWrongWithIt) {
  TemporaryFolder folder;
  State state;
  makeLogistic(state);
  ASSERT_OK(state.initialize(3));
  std::vector<std::pair<std::string, rb_tensor>> views;
  for (const State::Entry &entry : state.entries())
    views.emplace_back(entry.info->name, entry.tensor.view());
  Progress progress;
  auto load = [&](std::map<std::string, std::string> metadata) {
    EXPECT_OK(writeSafeTensors(folder / "x", views, metadata));
    return withoutFolder(state.load(folder / "x", &progress), folder);
  };
  std::map<std::string, std::string> good = {
      {"module", "logistic"}, {"epoch", "1"},   {"position", "5"},
      {"step", "9"},          {"seed", "0"},    {"best_accuracy", "0"},
      {"loss_sum", "0"},      {"samples", "10"}};
  EXPECT_OK(load(good));
  EXPECT_ERROR(load({}), RB_INVALID_ARGUMENT,
               "'x': expected a checkpoint, but its metadata has no 'epoch'");
  auto bad = good;
  bad["step"] = "many";
  EXPECT_ERROR(
      load(bad), RB_INVALID_ARGUMENT,
      "'x': expected 'step' in the metadata to be a number, got 'many'");
  bad = good;
  bad["position"] = "11";
  EXPECT_ERROR(load(bad), RB_INVALID_ARGUMENT,
               "'x': the metadata's epoch 1, position 11 of 10 and step 9 are "
               "impossible");
  state.find("bias")->data<float>()[1] = std::nanf("");
  EXPECT_ERROR(load(good), RB_NUMERIC,
               "'x': 'bias' holds a value that is not finite");
}
