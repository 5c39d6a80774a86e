//===- ManifestTest.cpp - What a compiled module offers -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Manifest.h"
#include "Logistic.h"
#include "TestSupport.h"
#include <cmath>

using namespace rheobase::rt;

/// A manifest with one entry of one argument, in which `from` became `to`.
static Status parseChanged(const std::string &from, const std::string &to,
                           Manifest &out) {
  std::string text =
      R"({"abi": 2, "rheobase": "0.1.0", "module": "m", "target": "cpu", "entries": {"e": {
      "symbol": "s", "arguments": [{"name": "w", "role": "parameter", "dtype": "f32",
      "shape": [2], "donated": true, "initializer": {"kind": "constant", "value": 1}},
      {"name": "x", "role": "input", "dtype": "bool", "shape": ["B", 3]}],
      "results": [{"name": "w", "role": "parameter", "dtype": "f32", "shape": [2],
      "aliases": 0}]}}})";
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return Manifest::parse("test", text.replace(at, from.size(), to), out);
}

static void expectDistribution(const std::string &json, bool isNormal,
                               double first, double second) {
  Manifest manifest;
  ASSERT_OK(
      parseChanged(R"({"kind": "constant", "value": 1})", json, manifest));
  const Initializer &initializer =
      *manifest.entries[0].arguments[0].initializer;
  EXPECT_EQ(initializer.kind, Initializer::Random);
  EXPECT_EQ(initializer.distribution.isNormal, isNormal);
  EXPECT_DOUBLE_EQ(initializer.distribution.first, first);
  EXPECT_DOUBLE_EQ(initializer.distribution.second, second);
}

TEST(Manifest, Reads) {
  Manifest manifest;
  ASSERT_OK(Manifest::parse("test", rheobase_manifest, manifest));
  EXPECT_EQ(manifest.module, "logistic");
  EXPECT_EQ(manifest.target, "cpu");
  ASSERT_EQ(manifest.entries.size(), 3u);
  const EntryInfo *entry = manifest.find("train_step");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->symbol, "rheobase_logistic_train_step");
  EXPECT_EQ(entry->arguments[3].describe(), "f32[B,4]");
  EXPECT_EQ(entry->arguments[5].describe(), "i64[]");
  EXPECT_EQ(entry->findArgument(Role::LearningRate), 6);
  EXPECT_EQ(entry->findResult(Role::Loss), 3);
  EXPECT_EQ(entry->findResult(Role::Output), -1);
  EXPECT_EQ(manifest.model.learningRate, 0.5);
  EXPECT_EQ(manifest.model.timeSteps, 4);
  EXPECT_EQ(manifest.find("nothing"), nullptr);
}

TEST(Manifest, Initializers) {
  expectDistribution(R"({"kind": "uniform", "low": -1, "high": 2})", false, -1,
                     2);
  expectDistribution(R"({"kind": "normal", "mean": 1, "std": 2})", true, 1, 2);
  double gain = std::sqrt(3.0);
  expectDistribution(
      R"({"kind": "kaiming_uniform", "fan_in": 784, "fan_out": 256,
                        "gain": 1.7320508075688772})",
      false, -gain * std::sqrt(3.0 / 784), gain * std::sqrt(3.0 / 784));
  expectDistribution(
      R"({"kind": "kaiming_normal", "fan_in": 9, "fan_out": 5, "gain": 2})",
      true, 0, 2.0 / 3.0);
  expectDistribution(
      R"({"kind": "xavier_uniform", "fan_in": 3, "fan_out": 5, "gain": 2})",
      false, -2 * std::sqrt(6.0 / 8), 2 * std::sqrt(6.0 / 8));
  expectDistribution(
      R"({"kind": "xavier_normal", "fan_in": 3, "fan_out": 5, "gain": 1})",
      true, 0, 0.5);
  Manifest manifest;
  ASSERT_OK(parseChanged(R"({"kind": "constant", "value": 1})",
                         R"({"kind": "data", "base64": "AACAPwAAAEA="})",
                         manifest));
  EXPECT_EQ(manifest.entries[0].arguments[0].initializer->bytes,
            std::string("\0\0\x80\x3f\0\0\0\x40", 8));
}

TEST(Manifest, RefusesOtherVersions) {
  Manifest out;
  EXPECT_ERROR(parseChanged("\"abi\": 2", "\"abi\": 1", out),
               RB_VERSION_MISMATCH,
               "test: expected ABI version 2, got 1: compile it again with "
               "this version of "
               "Rheobase");
}

TEST(Manifest, NamesWhatIsWrong) {
  Manifest out;
  EXPECT_ERROR(Manifest::parse("test", "{", out), RB_INVALID_ARGUMENT,
               "test: the manifest is not JSON");
  EXPECT_ERROR(Manifest::parse("test", "[]", out), RB_INVALID_ARGUMENT,
               "test: manifest: expected a JSON object");
  const struct {
    const char *from, *to, *message;
  } cases[] = {
      {"\"abi\": 2, ", "", "expected 'abi' to be a number"},
      {"\"module\": \"m\"", "\"module\": 1",
       "expected 'module' to be a string, got 1"},
      {"\"module\": \"m\", ", "", "'module' is missing"},
      {"\"symbol\": \"s\", ", "", "entry 'e': 'symbol' is missing"},
      {"\"arguments\": ", "\"arguments_\": ",
       "entry 'e': expected 'arguments' to be an array"},
      {"\"role\": \"input\"", "\"role\": \"in\"",
       "entry 'e': argument 1 'x': unknown role 'in'"},
      {"\"role\": \"input\"", "\"role\": \"loss\"",
       "entry 'e': argument 1 'x': an argument cannot have role 'loss'"},
      {"\"dtype\": \"bool\"", "\"dtype\": \"u8\"",
       "entry 'e': argument 1 'x': unknown dtype 'u8'"},
      {"[\"B\", 3]", "[\"B\", -3]",
       "entry 'e': argument 1 'x': expected a size or a name in 'shape', got "
       "-3"},
      {"[\"B\", 3]", "7",
       "entry 'e': argument 1 'x': expected 'shape' to be an array of at most "
       "8 sizes"},
      {"\"donated\": true", "\"donated\": 1",
       "entry 'e': argument 0 'w': expected 'donated' to be true or false"},
      {"\"aliases\": 0", "\"aliases\": 7",
       "entry 'e': result 'w': aliases argument 7, but there are 2"},
      {"\"aliases\": 0", "\"aliases\": 1",
       "entry 'e': result 'w': f32[2] cannot alias argument 'x' of type "
       "bool[B,3], which is not "
       "donated"},
      {",\n      \"aliases\": 0", "",
       "entry 'e': result 'w': a persistent result needs 'aliases'"},
      {"\"shape\": [2], \"donated\"", "\"shape\": [\"n\"], \"donated\"",
       "entry 'e': 'w': expected a persistent tensor of fixed size, got "
       "f32[n]"},
      {"\"name\": \"x\"", "\"name\": \"w\"",
       "entry 'e': 'w': two arguments have this name"},
      {"\"kind\": \"constant\"", "\"kind\": \"magic\"",
       "entry 'e': argument 0 'w': unknown initializer 'magic'"},
      {"\"value\": 1", "\"value\": \"1\"",
       "entry 'e': argument 0 'w': expected 'value' to be a number, got \"1\""},
      {"\"kind\": \"constant\", \"value\": 1",
       "\"kind\": \"data\", \"base64\": \"AAA*\"",
       "entry 'e': argument 0 'w': the initializer's 'base64' is malformed"},
      {"\"kind\": \"constant\", \"value\": 1",
       "\"kind\": \"data\", \"base64\": \"AAAA\"",
       "entry 'e': 'w': expected 8 bytes of initial data for f32[2], got 3"},
      {"\"role\": \"input\", \"dtype\": \"bool\"",
       "\"role\": \"seed\", \"dtype\": \"i64\"",
       "entry 'e': 'x': expected seed to be a scalar, got i64[B,3]"},
      {"\"role\": \"input\", \"dtype\": \"bool\", \"shape\": [\"B\", 3]",
       "\"role\": \"learning_rate\", \"dtype\": \"i64\", \"shape\": []",
       "entry 'e': 'x': expected learning_rate to be a float, got i64[]"},
  };
  for (const auto &test : cases)
    EXPECT_ERROR(parseChanged(test.from, test.to, out), RB_INVALID_ARGUMENT,
                 std::string("test: manifest: ") + test.message);
}

TEST(Manifest, SurvivesMutations) {
  forEachMutation(rheobase_manifest, [](const std::string &text) {
    Manifest out;
    (void)Manifest::parse("test", text, out);
  });
}

TEST(Manifest, PersistentTensorsAgreeBetweenEntries) {
  std::string text = rheobase_manifest;
  size_t evaluate = text.find("\"evaluate\"");
  size_t at = text.find("[4, 3]", evaluate);
  Manifest out;
  EXPECT_ERROR(Manifest::parse("test", text.replace(at, 6, "[4, 5]"), out),
               RB_INVALID_ARGUMENT,
               "test: manifest: 'weight' is parameter f32[4,3] in 'train_step' "
               "and parameter "
               "f32[4,5] in 'evaluate'");
}
