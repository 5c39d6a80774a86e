//===- SafeTensorsTest.cpp - Named tensors in a file ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/SafeTensors.h"
#include "TestSupport.h"
#include <csignal>
#include <cstring>
#include <sys/resource.h>

using namespace rheobase::rt;

static Tensor floats(const std::vector<int64_t> &dims) {
  Tensor tensor;
  EXPECT_OK(Tensor::create(RB_F32, dims, tensor));
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.data<float>()[i] = 0.5f * float(i) - 3.0f;
  return tensor;
}

static std::string file(const std::string &header, const std::string &data) {
  std::string text;
  for (int i = 0; i < 8; ++i)
    text += char(header.size() >> (8 * i) & 255);
  return text + header + data;
}

static Status readText(const std::string &text, SafeTensors &out) {
  TemporaryFolder folder;
  writeFile(folder / "x", text);
  Status status = readSafeTensors(folder / "x", out);
  std::string message = status.message();
  size_t at = message.find(folder / "");
  if (at != std::string::npos)
    message.erase(at, (folder / "").size());
  return Status(status.code(), message);
}

TEST(SafeTensors, RoundTrips) {
  TemporaryFolder folder;
  std::vector<Tensor> tensors;
  std::vector<std::pair<std::string, rb_tensor>> views;
  for (int32_t dtype = RB_BOOL; dtype <= RB_U8; ++dtype) {
    tensors.emplace_back();
    ASSERT_OK(Tensor::create(dtype, {3, dtype}, tensors.back()));
    memset(tensors.back().data(), dtype, size_t(tensors.back().numBytes()));
  }
  // Names need not be in any order, nor harmless.
  const char *names[] = {"z", "a", "\"quoted\"", "umlaut \xc3\xa4", "b", "c",
                         "d", "e", "f"};
  for (size_t i = 0; i < tensors.size(); ++i)
    views.emplace_back(names[i], tensors[i].view());
  ASSERT_OK(writeSafeTensors(folder / "x", views, {{"key", "value\n"}}));
  SafeTensors read;
  ASSERT_OK(readSafeTensors(folder / "x", read));
  EXPECT_EQ(read.metadata.at("key"), "value\n");
  ASSERT_EQ(read.tensors.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor *tensor = read.find(names[i]);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->describe(), tensors[i].describe());
    EXPECT_EQ(
        memcmp(tensor->data(), tensors[i].data(), size_t(tensor->numBytes())),
        0);
  }
  EXPECT_EQ(read.find("nothing"), nullptr);
}

TEST(SafeTensors, WritesTheFormat) {
  TemporaryFolder folder;
  Tensor tensor = floats({2});
  ASSERT_OK(
      writeSafeTensors(folder / "x", {{"w", tensor.view()}}, {{"k", "v"}}));
  std::string header =
      "{\"__metadata__\":{\"k\":\"v\"},\"w\":{\"dtype\":\"F32\","
      "\"shape\":[2],\"data_offsets\":[0,8]}}";
  header.append((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(readFile(folder / "x"),
            file(header, std::string("\0\0\x40\xc0\0\0\x20\xc0", 8)));
}

TEST(SafeTensors, ReadsOtherWriters) {
  SafeTensors out;
  // Tensors in another order than their bytes, an empty one, a scalar.
  ASSERT_OK(readText(
      file("{\"b\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[2,6]},"
           "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
           "\"n\":{\"dtype\":\"F64\",\"shape\":[0,3],\"data_offsets\":[6,6]}}",
           std::string("\1\2\3\0\0\0", 6)),
      out));
  EXPECT_EQ(out.find("b")->data<int32_t>()[0], 3);
  EXPECT_EQ(out.find("a")->data<uint8_t>()[1], 2);
  EXPECT_EQ(out.find("n")->describe(), "f64[0,3]");
}

TEST(SafeTensors, NamesWhatIsCorrupt) {
  SafeTensors out;
  auto tensor = [](const char *dtype, const char *shape, const char *offsets) {
    return std::string("{\"w\":{\"dtype\":\"") + dtype +
           "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
  };
  EXPECT_ERROR(readSafeTensors("/nowhere/x", out), RB_NOT_FOUND,
               "cannot open '/nowhere/x': No such file or directory");
  EXPECT_ERROR(readSafeTensors("/tmp", out), RB_IO_ERROR,
               "cannot read '/tmp': not a regular file");
  EXPECT_ERROR(readText("123", out), RB_INVALID_ARGUMENT,
               "'x': expected a safetensors file of at least 8 bytes, got 3");
  EXPECT_ERROR(readText("PK\3\4 a zip file", out), RB_INVALID_ARGUMENT,
               "'x': expected a safetensors header of 8800140462016121680 "
               "bytes, got 7: cut "
               "short, or not a safetensors file");
  EXPECT_ERROR(readText(file("[]", ""), out), RB_INVALID_ARGUMENT,
               "'x': the safetensors header is not a JSON object");
  EXPECT_ERROR(readText(file("{\"w\":", ""), out), RB_INVALID_ARGUMENT,
               "'x': the safetensors header is not a JSON object");
  EXPECT_ERROR(
      readText(file("{\"w\":5}", ""), out), RB_INVALID_ARGUMENT,
      "'x': tensor 'w': expected dtype, shape and data_offsets, got 5");
  EXPECT_ERROR(
      readText(file(tensor("F32", "[-1]", "[0,4]"), "1234"), out),
      RB_INVALID_ARGUMENT,
      "'x': tensor 'w': expected shape to be an array of at most 8 sizes, got "
      "{\"data_offsets\":[0,4],\"dtype\":\"F32\",\"shape\":[-1]}");
  EXPECT_ERROR(
      readText(file(tensor("C64", "[1]", "[0,4]"), "1234"), out),
      RB_INVALID_ARGUMENT,
      "'x': tensor 'w': expected dtype to be one of BOOL, I8, U8, I32, I64, "
      "F16, BF16, "
      "F32, F64, got {\"data_offsets\":[0,4],\"dtype\":\"C64\",\"shape\":[1]}");
  EXPECT_ERROR(
      readText(file(tensor("F32", "[1]", "[4,0]"), "1234"), out),
      RB_INVALID_ARGUMENT,
      "'x': tensor 'w': expected data_offsets to be a begin and an end, got "
      "{\"data_offsets\":[4,0],\"dtype\":\"F32\",\"shape\":[1]}");
  EXPECT_ERROR(readText(file(tensor("F32", "[2]", "[0,4]"), "1234"), out),
               RB_INVALID_ARGUMENT,
               "'x': tensor 'w': offsets 0 to 4 do not hold f32[2]");
  EXPECT_ERROR(
      readText(file(tensor("F32", "[4611686018427387904,4]", "[0,4]"), "1234"),
               out),
      RB_INVALID_ARGUMENT,
      "'x': tensor 'w': offsets 0 to 4 do not hold f32[4611686018427387904,4]");
  EXPECT_ERROR(readText(file(tensor("F32", "[1]", "[4,8]"), "12345678"), out),
               RB_INVALID_ARGUMENT,
               "'x': tensor 'w': expected its data at offset 0, got 4");
  EXPECT_ERROR(readText(file(tensor("F32", "[2]", "[0,8]"), "1234"), out),
               RB_INVALID_ARGUMENT,
               "'x': the file is cut short: expected 8 bytes of data for "
               "tensor 'w', got 4");
  EXPECT_ERROR(readText(file(tensor("F32", "[1]", "[0,4]"), "12345"), out),
               RB_INVALID_ARGUMENT, "'x': expected 4 bytes of data, got 5");
  EXPECT_ERROR(readText(file("{\"__metadata__\":{\"k\":1}}", ""), out),
               RB_INVALID_ARGUMENT,
               "'x': expected __metadata__ to be an object of strings");
}

TEST(SafeTensors, SurvivesEveryTruncation) {
  TemporaryFolder folder;
  Tensor tensor = floats({5});
  ASSERT_OK(writeSafeTensors(folder / "x", {{"w", tensor.view()}}, {}));
  std::string whole = readFile(folder / "x");
  for (size_t length = 0; length < whole.size(); ++length) {
    SafeTensors out;
    EXPECT_EQ(readText(whole.substr(0, length), out).code(),
              RB_INVALID_ARGUMENT);
  }
}

TEST(SafeTensors, SurvivesMutations) {
  TemporaryFolder folder;
  Tensor tensor = floats({2, 3});
  ASSERT_OK(writeSafeTensors(folder / "x",
                             {{"w", tensor.view()}, {"v", tensor.view()}},
                             {{"k", "v"}}));
  forEachMutation(readFile(folder / "x"), [&](const std::string &text) {
    SafeTensors out;
    writeFile(folder / "x", text);
    (void)readSafeTensors(folder / "x", out);
  });
}

TEST(SafeTensors, KeepsTheOldFileWhenTheDiskIsFull) {
  TemporaryFolder folder;
  Tensor small = floats({2}), large = floats({100000});
  ASSERT_OK(writeSafeTensors(folder / "x", {{"w", small.view()}}, {}));
  std::string before = readFile(folder / "x");

  signal(SIGXFSZ, SIG_IGN);
  rlimit limit, old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  limit = old;
  limit.rlim_cur = 10000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  Status status = writeSafeTensors(folder / "x", {{"w", large.view()}}, {});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_ERROR(status, RB_IO_ERROR,
               "cannot write '" + (folder / "x") + "': File too large");
  EXPECT_EQ(readFile(folder / "x"), before);
  EXPECT_EQ(folder.count(), 1);
  EXPECT_ERROR(writeSafeTensors("/dev/full", {{"w", large.view()}}, {}),
               RB_IO_ERROR,
               "cannot write '/dev/full': No space left on device");
}
