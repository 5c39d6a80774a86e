//===- ProgramTest.cpp - Programs behind the C API ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Logistic.h"
#include "TestSupport.h"
#include "rheobase/rt.h"
#include <cstring>
#include <fstream>
#include <iterator>

using namespace rheobase::rt;

static Status ofCode(rb_status code) {
  return code == RB_OK ? Status() : Status(code, rb_last_error());
}

static rb_tensor tensor(void *data, int32_t dtype, std::vector<int64_t> dims) {
  rb_tensor result = {};
  result.data = data;
  result.dtype = dtype;
  result.rank = int32_t(dims.size());
  for (size_t i = 0; i < dims.size(); ++i)
    result.dims[i] = dims[i];
  return result;
}

static const rb_function functions[] = {
    {"rheobase_logistic_forward", rheobase_logistic_forward},
    {"rheobase_logistic_evaluate", rheobase_logistic_evaluate},
    {"rheobase_logistic_train_step", rheobase_logistic_train_step}};

namespace {
/// The same tests for a table of functions and for a shared object.
class ProgramTest : public testing::TestWithParam<bool> {
protected:
  void SetUp() override {
    rb_status status =
        GetParam()
            ? rb_program_open(TEST_PROGRAMS "logistic.so", &program)
            : rb_program_create(rheobase_manifest, functions, 3, &program);
    ASSERT_OK(ofCode(status));
  }
  void TearDown() override { rb_program_destroy(program); }
  int64_t find(const char *name) {
    int64_t entry = -1;
    EXPECT_OK(ofCode(rb_program_find_entry(program, name, &entry)));
    return entry;
  }

  rb_program *program = nullptr;
};
} // namespace

INSTANTIATE_TEST_SUITE_P(Program, ProgramTest, testing::Bool(),
                         [](const auto &info) {
                           return info.param ? "SharedObject" : "Table";
                         });

TEST_P(ProgramTest, Describes) {
  EXPECT_STREQ(rb_program_manifest(program), rheobase_manifest);
  EXPECT_EQ(rb_program_entry_count(program), 3);
  EXPECT_STREQ(rb_program_entry_name(program, 0), "train_step");
  EXPECT_STREQ(rb_program_entry_name(program, 2), "forward");
  EXPECT_EQ(rb_program_entry_name(program, 3), nullptr);
  EXPECT_EQ(find("evaluate"), 1);
  EXPECT_EQ(rb_entry_argument_count(program, 0), 9);
  EXPECT_EQ(rb_entry_result_count(program, 0), 6);
  EXPECT_EQ(rb_entry_result_count(program, 9), 0);
  rb_value_info info;
  ASSERT_OK(ofCode(rb_entry_argument(program, 0, 3, &info)));
  EXPECT_STREQ(info.name, "image");
  EXPECT_STREQ(info.role, "input");
  EXPECT_EQ(info.dtype, RB_F32);
  EXPECT_EQ(info.rank, 2);
  EXPECT_EQ(info.dims[0], -1);
  EXPECT_STREQ(info.dim_names[0], "B");
  EXPECT_EQ(info.dims[1], 4);
  EXPECT_EQ(info.dim_names[1], nullptr);
  EXPECT_EQ(info.donated, 0);
  ASSERT_OK(ofCode(rb_entry_argument(program, 0, 2, &info)));
  EXPECT_EQ(info.donated, 1);
  ASSERT_OK(ofCode(rb_entry_result(program, 0, 2, &info)));
  EXPECT_EQ(info.aliases, 2);
  EXPECT_ERROR(ofCode(rb_entry_result(program, 0, 6, &info)),
               RB_INVALID_ARGUMENT, "expected an index below 6, got 6");
  EXPECT_ERROR(ofCode(rb_entry_result(program, 5, 0, &info)),
               RB_INVALID_ARGUMENT, "expected an entry below 3, got 5");
  int64_t entry;
  EXPECT_ERROR(ofCode(rb_program_find_entry(program, "predict", &entry)),
               RB_NOT_FOUND,
               "program 'logistic' has no entry 'predict'; it has train_step, "
               "evaluate, forward");
}

TEST_P(ProgramTest, Invokes) {
  float weight[12] = {1, 2, 3}, bias[3] = {0.5f, 0, 0},
        image[8] = {1, 0, 0, 0, 2};
  rb_tensor args[] = {tensor(weight, RB_F32, {4, 3}), tensor(bias, RB_F32, {3}),
                      tensor(image, RB_F32, {2, 4})};
  rb_tensor result;
  ASSERT_OK(
      ofCode(rb_program_invoke(program, find("forward"), args, 3, &result, 1)));
  EXPECT_EQ(result.rank, 2);
  EXPECT_EQ(result.dims[0], 2);
  EXPECT_EQ(static_cast<float *>(result.data)[0], 1.5f);
  EXPECT_EQ(static_cast<float *>(result.data)[5], 6.0f);
  rb_program_release(program, find("forward"), &result);
  EXPECT_EQ(result.data, nullptr);
}

TEST_P(ProgramTest, GivesResultsBackToTheirPool) {
  std::vector<float> weight(12), bias(3), image(4 << 18);
  rb_tensor args[] = {tensor(weight.data(), RB_F32, {4, 3}),
                      tensor(bias.data(), RB_F32, {3}),
                      tensor(image.data(), RB_F32, {1 << 18, 4})};
  rb_tensor result;
  int64_t forward = find("forward");
  void *first = nullptr;
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(
        ofCode(rb_program_invoke(program, forward, args, 3, &result, 1)));
    first = i ? first : result.data;
    EXPECT_EQ(result.data, first) << "call " << i;
    rb_program_release(program, forward, &result);
  }
  // A result may outlive its program, whose pool takes nothing any more then.
  ASSERT_OK(ofCode(rb_program_invoke(program, forward, args, 3, &result, 1)));
  rb_program_destroy(program);
  program = nullptr;
  static_cast<float *>(result.data)[0] = 1.0f;
  rheobase_rt_free(result.data);
}

TEST_P(ProgramTest, ChecksArguments) {
  float weight[12] = {}, bias[3] = {}, image[8] = {};
  int32_t labels[2] = {};
  int64_t number = 4;
  rb_tensor good[] = {
      tensor(weight, RB_F32, {4, 3}), tensor(bias, RB_F32, {3}),
      tensor(image, RB_F32, {2, 4}),  tensor(labels, RB_I32, {2}),
      tensor(&number, RB_I64, {}),    tensor(&number, RB_I64, {})};
  rb_tensor results[3];
  auto invoke = [&](int index, rb_tensor argument) {
    rb_tensor args[6];
    memcpy(args, good, sizeof(args));
    args[index] = argument;
    rb_status status = rb_program_invoke(program, 1, args, 6, results, 3);
    if (status == RB_OK)
      rb_program_release(program, 1, results);
    return ofCode(status);
  };
  EXPECT_OK(invoke(0, good[0]));
  EXPECT_ERROR(invoke(2, tensor(image, RB_F32, {2, 3})), RB_INVALID_ARGUMENT,
               "evaluate: argument 2 'image': expected f32[B,4], got f32[2,3]");
  EXPECT_ERROR(invoke(2, tensor(image, RB_F64, {1, 4})), RB_INVALID_ARGUMENT,
               "evaluate: argument 2 'image': expected f32[B,4], got f64[1,4]");
  EXPECT_ERROR(invoke(2, tensor(image, RB_F32, {4})), RB_INVALID_ARGUMENT,
               "evaluate: argument 2 'image': expected f32[B,4], got f32[4]");
  EXPECT_ERROR(
      invoke(2, tensor(image, RB_F32, {-1, 4})), RB_INVALID_ARGUMENT,
      "evaluate: argument 2 'image': expected f32[B,4], got f32[-1,4]");
  rb_tensor wild = tensor(image, RB_F32, {});
  wild.rank = 99;
  EXPECT_ERROR(invoke(2, wild), RB_INVALID_ARGUMENT,
               "evaluate: argument 2 'image': expected f32[B,4], got a tensor "
               "of rank 99");
  EXPECT_ERROR(invoke(3, tensor(labels, RB_I32, {1})), RB_INVALID_ARGUMENT,
               "evaluate: argument 3 'labels': expected i32[B] with B = 2 as "
               "in 'image', got "
               "i32[1]");
  EXPECT_ERROR(invoke(1, tensor(nullptr, RB_F32, {3})), RB_INVALID_ARGUMENT,
               "evaluate: argument 1 'bias' has no data");
  EXPECT_ERROR(ofCode(rb_program_invoke(program, 1, good, 5, results, 3)),
               RB_INVALID_ARGUMENT, "evaluate: expected 6 arguments, got 5");
  EXPECT_ERROR(ofCode(rb_program_invoke(program, 1, good, 6, results, 2)),
               RB_INVALID_ARGUMENT,
               "evaluate: expected room for 3 results, got it for 2");
  EXPECT_ERROR(ofCode(rb_program_invoke(nullptr, 1, good, 6, results, 3)),
               RB_INVALID_ARGUMENT, "program: expected an object, got null");
}

static int32_t failing(const rb_tensor *, rb_tensor *results) {
  // Allocated before the failure: the runtime gives it back.
  results[0].data = rheobase_rt_alloc(100);
  rheobase_rt_shape_error("forward", 2, 0, 5, 6);
  return RB_INVALID_ARGUMENT;
}

static int32_t silent(const rb_tensor *, rb_tensor *) { return 1234; }

static int32_t lying(const rb_tensor *, rb_tensor *results) {
  results[0].data = rheobase_rt_alloc(100);
  results[0].dtype = RB_F64;
  return RB_OK;
}

TEST(Program, ReportsWhatAnEntryReports) {
  float weight[12] = {}, bias[3] = {}, image[4] = {};
  rb_tensor args[] = {tensor(weight, RB_F32, {4, 3}), tensor(bias, RB_F32, {3}),
                      tensor(image, RB_F32, {1, 4})};
  const struct {
    rb_entry_fn function;
    rb_status code;
    const char *message;
  } cases[] = {{failing, RB_INVALID_ARGUMENT,
                "forward: argument 2: expected 5 in dimension 0, got 6"},
               {silent, RB_INTERNAL, "forward: failed with status 1234"},
               {lying, RB_INTERNAL,
                "forward: result 0 'scores': expected f32[B,3], got f64[]"}};
  for (const auto &test : cases) {
    rb_function table[3];
    memcpy(table, functions, sizeof(table));
    table[0].function = test.function;
    rb_program *program;
    ASSERT_OK(ofCode(rb_program_create(rheobase_manifest, table, 3, &program)));
    rb_tensor result;
    EXPECT_ERROR(ofCode(rb_program_invoke(program, 2, args, 3, &result, 1)),
                 test.code, test.message);
    EXPECT_EQ(result.data, nullptr);
    rb_program_destroy(program);
  }
}

TEST(Program, RefusesWhatItCannotLoad) {
  rb_program *program;
  auto open = [&](const std::string &path) {
    rb_status status = rb_program_open(path.c_str(), &program);
    EXPECT_EQ(program, nullptr);
    return ofCode(status);
  };
  const std::string folder = TEST_PROGRAMS;
  EXPECT_ERROR(open("/nowhere/x.so"), RB_NOT_FOUND,
               "cannot open '/nowhere/x.so': No such file or directory");
  EXPECT_ERROR(
      open(folder + "wrong-version.so"), RB_VERSION_MISMATCH,
      "'" + folder +
          "wrong-version.so': expected ABI version 2, got 77: compile it again "
          "with this version of Rheobase");
  EXPECT_ERROR(
      open(folder + "no-manifest.so"), RB_INVALID_ARGUMENT,
      "'" + folder +
          "no-manifest.so': expected a program compiled by Rheobase, but there "
          "is no 'rheobase_manifest'");
  EXPECT_ERROR(
      open(folder + "no-entry.so"), RB_NOT_FOUND,
      "'" + folder +
          "no-entry.so': no function 'rheobase_logistic_forward' for entry "
          "'forward'");
  TemporaryFolder temporary;
  writeFile(temporary / "text.so", "not a library");
  EXPECT_ERROR(open(temporary / "text.so"), RB_INVALID_ARGUMENT,
               "'" + (temporary / "text.so") +
                   "': expected a shared object, got a file that is not ELF");
  EXPECT_ERROR(open("/tmp"), RB_IO_ERROR,
               "cannot read '/tmp': Is a directory");
  std::ifstream file(folder + "logistic.so", std::ios::binary);
  std::string whole((std::istreambuf_iterator<char>(file)), {});
  ASSERT_GT(whole.size(), 1000u);
  // Wherever it is cut: the loader would map what is not there.
  for (size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 97) {
    writeFile(temporary / "cut.so", whole.substr(0, size));
    Status status = open(temporary / "cut.so");
    EXPECT_EQ(status.code(), RB_INVALID_ARGUMENT) << size;
    EXPECT_NE(status.message().find(
                  size < 4 ? "expected a shared object"
                           : "': the shared object is cut short: expected "),
              std::string::npos)
        << status.message();
  }
  // ELF, but for no machine and of no segments.
  writeFile(temporary / "zeros.so", "\x7f" "ELF" + std::string(60, '\0'));
  Status status = open(temporary / "zeros.so");
  EXPECT_EQ(status.code(), RB_IO_ERROR);
  EXPECT_EQ(
      status.message().find("cannot load '" + (temporary / "zeros.so") + "': "),
      0u);
  EXPECT_ERROR(ofCode(rb_program_open(nullptr, &program)), RB_INVALID_ARGUMENT,
               "path: expected an object, got null");
  EXPECT_ERROR(
      ofCode(rb_program_create(rheobase_manifest, functions, 1, &program)),
      RB_NOT_FOUND,
      "no function 'rheobase_logistic_train_step' for entry 'train_step'");
}
