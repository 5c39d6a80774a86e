//===- DataTest.cpp - Samples, their order and their batches --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "TestSupport.h"
#include "rheobase/Runtime/Npy.h"
#include <algorithm>
#include <cstring>
#include <numeric>
#include <zlib.h>

using namespace rheobase::rt;

static std::string idx(int type, const std::vector<int64_t> &dims,
                       const std::string &data) {
  std::string text("\0\0", 2);
  text += char(type);
  text += char(dims.size());
  for (int64_t dim : dims)
    for (int shift = 24; shift >= 0; shift -= 8)
      text += char(dim >> shift & 255);
  return text + data;
}

static std::string gzip(const std::string &text) {
  TemporaryFolder folder;
  gzFile file = gzopen((folder / "x").c_str(), "wb");
  gzwrite(file, text.data(), unsigned(text.size()));
  gzclose(file);
  return readFile(folder / "x");
}

static Status withoutFolder(Status status, const TemporaryFolder &folder) {
  std::string message = status.message();
  for (size_t at; (at = message.find(folder / "")) != std::string::npos;)
    message.erase(at, (folder / "").size());
  return Status(status.code(), message);
}

static Status readText(const std::string &text, Tensor &out) {
  TemporaryFolder folder;
  writeFile(folder / "x", text);
  return withoutFolder(readDataFile(folder / "x", out), folder);
}

/// An entry with one input of this type and shape, and labels.
static EntryInfo entryWith(int32_t dtype, std::vector<std::string> dims) {
  EntryInfo entry;
  entry.name = "train_step";
  ValueInfo input, label;
  input.name = "image";
  input.role = Role::Input;
  input.dtype = dtype;
  for (const std::string &dim : dims) {
    Dim parsed;
    if (isdigit(dim[0]))
      parsed.size = std::stoll(dim);
    else
      parsed.name = dim;
    input.dims.push_back(parsed);
  }
  label.name = "labels";
  label.role = Role::Label;
  label.dtype = RB_I32;
  label.dims.resize(1);
  label.dims[0].name = "B";
  entry.arguments = {input, label};
  return entry;
}

/// `count` samples of the given shape; byte i of the whole is i.
static void makeBytes(DataSet &data, int64_t count,
                      std::vector<int64_t> sample) {
  Tensor inputs, labels;
  sample.insert(sample.begin(), count);
  ASSERT_OK(Tensor::create(RB_U8, sample, inputs));
  for (int64_t i = 0; i < inputs.numElements(); ++i)
    inputs.data<uint8_t>()[i] = uint8_t(i);
  ASSERT_OK(Tensor::create(RB_I64, {count}, labels));
  for (int64_t i = 0; i < count; ++i)
    labels.data<int64_t>()[i] = i * 10;
  rb_tensor view = labels.view();
  ASSERT_OK(DataSet::create(inputs.view(), &view, data));
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

TEST(Idx, ReadsPlainAndGzip) {
  std::string text = idx(8, {2, 3}, "abcdef");
  for (const std::string &file : {text, gzip(text)}) {
    Tensor out;
    ASSERT_OK(readText(file, out));
    EXPECT_EQ(out.describe(), "u8[2,3]");
    EXPECT_EQ(memcmp(out.data(), "abcdef", 6), 0);
  }
}

TEST(Idx, ReadsAllTypes) {
  Tensor out;
  ASSERT_OK(readText(idx(0x09, {2}, "\x01\xff"), out));
  EXPECT_EQ(out.describe(), "i8[2]");
  EXPECT_EQ(out.data<int8_t>()[1], -1);
  ASSERT_OK(readText(idx(0x0b, {3}, std::string("\x01\x02\xff\xfe\x00\x07", 6)),
                     out));
  EXPECT_EQ(out.describe(), "i32[3]");
  EXPECT_EQ(out.data<int32_t>()[0], 258);
  EXPECT_EQ(out.data<int32_t>()[1], -2);
  EXPECT_EQ(out.data<int32_t>()[2], 7);
  ASSERT_OK(readText(idx(0x0c, {1}, "\xff\xff\xff\xfd"), out));
  EXPECT_EQ(out.data<int32_t>()[0], -3);
  ASSERT_OK(readText(idx(0x0d, {1}, std::string("\x3f\x80\0\0", 4)), out));
  EXPECT_EQ(out.data<float>()[0], 1.0f);
  ASSERT_OK(readText(gzip(idx(0x0e, {1}, std::string("\xc0\0\0\0\0\0\0\0", 8))),
                     out));
  EXPECT_EQ(out.data<double>()[0], -2.0);
}

TEST(Idx, NamesWhatIsWrong) {
  Tensor out;
  EXPECT_ERROR(readDataFile("/nowhere/x", out), RB_NOT_FOUND,
               "cannot open '/nowhere/x': No such file or directory");
  EXPECT_ERROR(readDataFile("/tmp", out), RB_IO_ERROR,
               "cannot read '/tmp': Is a directory");
  const char *expected =
      "'x': expected an NPY file, or an IDX file, which begins with 0000, a "
      "type (08, 09, 0b, 0c, 0d or 0e) and a rank (01 to 08), got ";
  EXPECT_ERROR(readText("GIF89a", out), RB_INVALID_ARGUMENT,
               expected + std::string("47494638"));
  EXPECT_ERROR(readText("", out), RB_INVALID_ARGUMENT,
               expected + std::string("an empty file"));
  EXPECT_ERROR(readText(idx(0x0a, {1}, "a"), out), RB_INVALID_ARGUMENT,
               expected + std::string("00000a01"));
  EXPECT_ERROR(readText(idx(8, {}, ""), out), RB_INVALID_ARGUMENT,
               expected + std::string("00000800"));
  EXPECT_ERROR(readText(gzip("hello"), out), RB_INVALID_ARGUMENT,
               expected + std::string("68656c6c"));
  EXPECT_ERROR(readText(idx(8, {2, 3}, "").substr(0, 10), out),
               RB_INVALID_ARGUMENT,
               "'x': the IDX header is cut short: expected 2 sizes, got 1");
  EXPECT_ERROR(readText(idx(8, {2, 3}, "abcde"), out), RB_INVALID_ARGUMENT,
               "'x': expected 6 bytes for u8[2,3], got 5");
  EXPECT_ERROR(readText(idx(8, {2, 3}, "abcdefg"), out), RB_INVALID_ARGUMENT,
               "'x': expected 6 bytes for u8[2,3], got 7");
  EXPECT_ERROR(readText(gzip(idx(8, {2, 3}, "abcde")), out),
               RB_INVALID_ARGUMENT, "'x': expected 6 bytes for u8[2,3], got 5");
  EXPECT_ERROR(readText(gzip(idx(8, {2, 3}, "abcdefg")), out),
               RB_INVALID_ARGUMENT,
               "'x': expected 6 bytes for u8[2,3], got more than 6");
  EXPECT_ERROR(readText(idx(0x0d, {0xffffffff, 0xffffffff}, ""), out),
               RB_INVALID_ARGUMENT,
               "'x': f32[4294967295,4294967295] is too large");
  EXPECT_ERROR(readText(gzip(idx(0x08, {0xffffffff, 100}, "a")), out),
               RB_INVALID_ARGUMENT,
               "'x': expected 429496729500 bytes for u8[4294967295,100], which "
               "a file of 31 bytes "
               "cannot hold");
}

TEST(Idx, NamesWhatIsDamaged) {
  std::string data(1000, 'x');
  for (size_t i = 0; i < data.size(); ++i)
    data[i] = char(i * i * 31 >> 3);
  std::string whole = gzip(idx(8, {1000}, data));
  Tensor out;
  ASSERT_OK(readText(whole, out));
  EXPECT_ERROR(readText(whole.substr(0, whole.size() / 2), out), RB_IO_ERROR,
               "'x': the gzip data are cut short");
  // Eight bytes at the end: the checksum and the length.
  std::string sum = whole;
  sum[sum.size() - 8] = char(sum[sum.size() - 8] ^ 1);
  EXPECT_ERROR(readText(sum, out), RB_IO_ERROR,
               "'x': the gzip data are corrupt: incorrect data check");
  EXPECT_EQ(readText(whole.substr(0, whole.size() - 4), out).code(),
            RB_IO_ERROR);
  for (size_t i = 20; i + 8 < whole.size(); i += 50) {
    std::string flipped = whole;
    flipped[i] = char(flipped[i] ^ 0x10);
    EXPECT_FALSE(readText(flipped, out).ok()) << i;
  }
}

TEST(Idx, SurvivesMutations) {
  TemporaryFolder folder;
  std::string whole = idx(0x0b, {2, 3}, std::string(12, 'x'));
  for (const std::string &file : {whole, gzip(whole)})
    forEachMutation(file, [&](const std::string &text) {
      Tensor out;
      writeFile(folder / "x", text);
      (void)readDataFile(folder / "x", out);
    });
}

TEST(DataSet, OpensBothFormats) {
  TemporaryFolder folder;
  writeFile(folder / "images", gzip(idx(8, {3, 2}, "abcdef")));
  writeFile(folder / "labels", idx(8, {3}, std::string("\1\0\2", 3)));
  DataSet data;
  ASSERT_OK(DataSet::open(folder / "images", folder / "labels", data));
  EXPECT_EQ(data.size(), 3);
  EXPECT_EQ(data.labelValues, (std::vector<int64_t>{1, 0, 2}));
  ASSERT_OK(DataSet::open(folder / "images", "", data));
  EXPECT_FALSE(data.hasLabels());

  Tensor inputs, labels;
  ASSERT_OK(Tensor::create(RB_F32, {2, 5}, inputs));
  ASSERT_OK(Tensor::create(RB_I64, {2}, labels));
  memset(inputs.data(), 0, size_t(inputs.numBytes()));
  labels.data<int64_t>()[0] = 7;
  labels.data<int64_t>()[1] = -1;
  ASSERT_OK(writeNpy(folder / "x.npy", inputs.view()));
  ASSERT_OK(writeNpy(folder / "y.npy", labels.view()));
  ASSERT_OK(DataSet::open(folder / "x.npy", folder / "y.npy", data));
  EXPECT_EQ(data.labelValues, (std::vector<int64_t>{7, -1}));
}

TEST(DataSet, NamesWhatDoesNotFit) {
  TemporaryFolder folder;
  DataSet data;
  auto open = [&](const char *inputs, const char *labels) {
    return withoutFolder(DataSet::open(folder / inputs, folder / labels, data),
                         folder);
  };
  writeFile(folder / "images", idx(8, {3, 2}, "abcdef"));
  writeFile(folder / "none", idx(8, {0, 2}, ""));
  writeFile(folder / "two", idx(8, {2}, std::string("\1\0", 2)));
  writeFile(folder / "floats", idx(0x0d, {3}, std::string(12, '\0')));
  writeFile(folder / "matrix", idx(8, {3, 1}, std::string(3, '\0')));
  writeFile(folder / "labels", idx(9, {3}, std::string("\1\xff\2", 3)));
  EXPECT_ERROR(open("none", "two"), RB_INVALID_ARGUMENT,
               "'none': expected samples, got u8[0,2]");
  EXPECT_ERROR(open("images", "two"), RB_INVALID_ARGUMENT,
               "'two' has 2 labels, but 'images' has 3 samples");
  EXPECT_ERROR(open("images", "floats"), RB_INVALID_ARGUMENT,
               "'floats': expected one integer label per sample, got f32[3]");
  EXPECT_ERROR(open("images", "matrix"), RB_INVALID_ARGUMENT,
               "'matrix': expected one integer label per sample, got u8[3,1]");
  ASSERT_OK(open("images", "labels"));
  EXPECT_ERROR(
      withoutFolder(data.checkLabels(0), folder), RB_INVALID_ARGUMENT,
      "'labels': expected labels that are not negative, got -1 for sample 1");
  data.labelValues[1] = 0;
  EXPECT_OK(data.checkLabels(0));
  EXPECT_OK(data.checkLabels(3));
  EXPECT_ERROR(withoutFolder(data.checkLabels(2), folder), RB_INVALID_ARGUMENT,
               "'labels': expected labels from 0 to 1, got 2 for sample 2");
}

//===----------------------------------------------------------------------===//
// Batches
//===----------------------------------------------------------------------===//

TEST(Batch, FlattensAndScales) {
  DataSet data;
  makeBytes(data, 3, {2, 2});
  for (const std::vector<std::string> &shape :
       {std::vector<std::string>{"B", "4"},
        {"B", "2", "2"},
        {"B", "2", "2", "1"},
        {"B", "1", "4"}}) {
    EntryInfo entry = entryWith(RB_F32, shape);
    BatchLayout layout;
    ASSERT_OK(BatchLayout::create(entry, data, layout));
    Batch batch;
    ASSERT_OK(batch.allocate(layout, 2));
    batch.gather(data, layout, {2, 0, 1}, 1, 2);
    EXPECT_EQ(batch.input.rank, int32_t(shape.size()));
    EXPECT_EQ(batch.input.dims[0], 2);
    const float *values = static_cast<const float *>(batch.input.data);
    for (int i = 0; i < 8; ++i)
      EXPECT_EQ(values[i], float(i) / 255.0f);
    EXPECT_EQ(batch.label.dims[0], 2);
    EXPECT_EQ(static_cast<const int32_t *>(batch.label.data)[1], 10);
  }
}

TEST(Batch, PutsTimeFirst) {
  DataSet data;
  makeBytes(data, 2, {3, 2}); // three steps of two values
  EntryInfo entry = entryWith(RB_I32, {"T", "B", "2"});
  BatchLayout layout;
  ASSERT_OK(BatchLayout::create(entry, data, layout));
  EXPECT_EQ(layout.timeSteps, 3);
  Batch batch;
  ASSERT_OK(batch.allocate(layout, 2));
  batch.gather(data, layout, naturalOrder(2), 0, 2);
  EXPECT_EQ(batch.input.dims[0], 3);
  EXPECT_EQ(batch.input.dims[1], 2);
  const int32_t *values = static_cast<const int32_t *>(batch.input.data);
  EXPECT_EQ(std::vector<int32_t>(values, values + 12),
            (std::vector<int32_t>{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));
}

TEST(Batch, ConvertsToTheInputsType) {
  DataSet data;
  makeBytes(data, 1, {4});
  Batch batch;
  for (int32_t dtype : {RB_F64, RB_F16, RB_BF16, RB_I8, RB_I64}) {
    EntryInfo entry = entryWith(dtype, {"B", "4"});
    BatchLayout layout;
    ASSERT_OK(BatchLayout::create(entry, data, layout));
    ASSERT_OK(batch.allocate(layout, 1));
    batch.gather(data, layout, {0}, 0, 1);
    if (dtype == RB_F64)
      EXPECT_EQ(static_cast<const double *>(batch.input.data)[3], 3.0 / 255.0);
    else if (dtype == RB_F16)
      EXPECT_EQ(static_cast<const uint16_t *>(batch.input.data)[3],
                floatToHalf(float(3.0 / 255.0)));
    else if (dtype == RB_I8)
      EXPECT_EQ(static_cast<const int8_t *>(batch.input.data)[3], 3);
    else if (dtype == RB_I64)
      EXPECT_EQ(static_cast<const int64_t *>(batch.input.data)[3], 3);
  }
}

TEST(Batch, NamesWhatDoesNotFit) {
  DataSet data;
  makeBytes(data, 2, {3, 2});
  BatchLayout layout;
  auto create = [&](const EntryInfo &entry) {
    return BatchLayout::create(entry, data, layout);
  };
  EXPECT_ERROR(create(entryWith(RB_F32, {"B", "784"})), RB_INVALID_ARGUMENT,
               "input 'image': expected f32[B,784], got samples of type "
               "u8[3,2] in 'inputs'");
  EXPECT_ERROR(create(entryWith(RB_F32, {"T", "B", "3"})), RB_INVALID_ARGUMENT,
               "input 'image': expected f32[T,B,3], got samples of type "
               "u8[3,2] in 'inputs'");
  EXPECT_ERROR(create(entryWith(RB_F32, {"3", "2"})), RB_INVALID_ARGUMENT,
               "input 'image': expected f32[3,2], got samples of type u8[3,2] "
               "in 'inputs': a "
               "dimension must be named B");
  EXPECT_ERROR(create(entryWith(RB_BOOL, {"B", "6"})), RB_INVALID_ARGUMENT,
               "input 'image': expected bool, got the value 2 in 'inputs'");
  EntryInfo two = entryWith(RB_F32, {"B", "6"});
  two.arguments.push_back(two.arguments[0]);
  two.arguments[2].name = "mask";
  EXPECT_ERROR(create(two), RB_INVALID_ARGUMENT,
               "entry 'train_step' has the inputs 'image' and 'mask'; data for "
               "one input can be "
               "given");
  EntryInfo none = entryWith(RB_F32, {"B", "6"});
  none.arguments.erase(none.arguments.begin());
  EXPECT_ERROR(create(none), RB_INVALID_ARGUMENT,
               "entry 'train_step' has no input");
  data.labelValues.clear();
  EXPECT_ERROR(create(entryWith(RB_F32, {"B", "6"})), RB_INVALID_ARGUMENT,
               "entry 'train_step' needs labels for 'inputs'");
  Tensor floats;
  ASSERT_OK(Tensor::create(RB_F32, {1, 6}, floats));
  memset(floats.data(), 0, size_t(floats.numBytes()));
  ASSERT_OK(DataSet::create(floats.view(), nullptr, data));
  EntryInfo unlabelled = entryWith(RB_I8, {"B", "6"});
  unlabelled.arguments.pop_back();
  EXPECT_ERROR(create(unlabelled), RB_INVALID_ARGUMENT,
               "input 'image': expected i8, got f32 in 'inputs'");
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

TEST(Order, IsAPermutationOfItsOwn) {
  for (int64_t count : {1, 2, 3, 100, 1001}) {
    std::vector<int64_t> order = shuffledOrder(count, 1, 0);
    EXPECT_EQ(order, shuffledOrder(count, 1, 0));
    if (count > 3) {
      EXPECT_NE(order, shuffledOrder(count, 2, 0));
      EXPECT_NE(order, shuffledOrder(count, 1, 1));
      EXPECT_NE(order, naturalOrder(count));
    }
    std::sort(order.begin(), order.end());
    EXPECT_EQ(order, naturalOrder(count));
  }
}

// The order is part of what makes a training repeatable: it must not change.
TEST(Order, StaysAsItIs) {
  EXPECT_EQ(shuffledOrder(10, 42, 3),
            (std::vector<int64_t>{7, 9, 8, 6, 0, 2, 5, 4, 1, 3}));
}

// All 24 permutations of four come equally often.
TEST(Order, IsUniform) {
  std::map<std::vector<int64_t>, int> counts;
  const int trials = 24000;
  for (int epoch = 0; epoch < trials; ++epoch)
    ++counts[shuffledOrder(4, 7, epoch)];
  ASSERT_EQ(counts.size(), 24u);
  double chiSquare = 0.0;
  for (const auto &[order, count] : counts)
    chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chiSquare, 49.7); // 23 degrees of freedom, p = 0.001
}

TEST(Prefetcher, GivesEverySampleOnce) {
  DataSet data;
  makeBytes(data, 100, {2});
  EntryInfo entry = entryWith(RB_I32, {"B", "2"});
  BatchLayout layout;
  ASSERT_OK(BatchLayout::create(entry, data, layout));
  for (int64_t start : {0, 30, 95, 100}) {
    Prefetcher batches(data, layout, shuffledOrder(100, 5, 1), 32, start);
    ASSERT_OK(batches.start());
    std::vector<int64_t> sizes;
    int64_t position = start;
    while (const Batch *batch = batches.next()) {
      EXPECT_EQ(batch->position, position);
      EXPECT_EQ(batch->input.dims[0], batch->count);
      for (int64_t b = 0; b < batch->count; ++b) {
        int64_t sample = batches.order()[size_t(position + b)];
        EXPECT_EQ(static_cast<const int32_t *>(batch->label.data)[b],
                  sample * 10);
        EXPECT_EQ(static_cast<const int32_t *>(batch->input.data)[2 * b],
                  sample * 2 % 256);
      }
      position += batch->count;
      sizes.push_back(batch->count);
    }
    EXPECT_EQ(position, 100);
    if (start == 0)
      EXPECT_EQ(sizes, (std::vector<int64_t>{32, 32, 32, 4}));
    EXPECT_EQ(batches.next(), nullptr);
  }
  // Leaving in the middle must not hang.
  Prefetcher left(data, layout, naturalOrder(100), 8, 0);
  ASSERT_OK(left.start());
  EXPECT_NE(left.next(), nullptr);
}
