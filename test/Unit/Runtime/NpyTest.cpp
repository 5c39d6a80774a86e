//===- NpyTest.cpp - NumPy's array files ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Npy.h"
#include "TestSupport.h"
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace rheobase::rt;

/// A file with the given header text and data, as version 1 or 2 or 3.
static std::string npy(const std::string &header, const std::string &data,
                       int version = 1) {
  std::string text("\x93NUMPY", 6);
  text += char(version);
  text += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
    text += char(header.size() >> (8 * i) & 255);
  return text + header + data;
}

static std::string header(const std::string &descr, const std::string &shape,
                          const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }\n";
}

static Status readText(const std::string &text, Tensor &out) {
  TemporaryFolder folder;
  writeFile(folder / "x.npy", text);
  Status status = readNpy(folder / "x.npy", out);
  // Messages name the file; take the changing folder out.
  std::string message = status.message();
  size_t at = message.find(folder / "");
  if (at != std::string::npos)
    message.erase(at, (folder / "").size());
  return Status(status.code(), message);
}

TEST(Npy, RoundTripsEveryType) {
  TemporaryFolder folder;
  for (int32_t dtype :
       {RB_BOOL, RB_I8, RB_U8, RB_I32, RB_I64, RB_F16, RB_F32, RB_F64})
    for (const std::vector<int64_t> &dims : {std::vector<int64_t>{},
                                             {3},
                                             {2, 3},
                                             {0, 5},
                                             {2, 1, 2, 1, 2, 1, 2, 1}}) {
      Tensor tensor, read;
      ASSERT_OK(Tensor::create(dtype, dims, tensor));
      for (int64_t i = 0; i < tensor.numBytes(); ++i)
        tensor.data<uint8_t>()[i] = uint8_t(dtype == RB_BOOL ? i & 1 : i * 37);
      ASSERT_OK(writeNpy(folder / "x.npy", tensor.view()));
      ASSERT_OK(readNpy(folder / "x.npy", read));
      EXPECT_EQ(read.dtype(), dtype);
      EXPECT_EQ(read.dims(), dims);
      EXPECT_EQ(memcmp(read.data(), tensor.data(), size_t(tensor.numBytes())),
                0);
    }
  EXPECT_EQ(folder.count(), 1);
}

TEST(Npy, WritesWhatNumPyWrites) {
  TemporaryFolder folder;
  Tensor tensor;
  ASSERT_OK(Tensor::create(RB_F32, {2}, tensor));
  tensor.data<float>()[0] = 1.0f;
  tensor.data<float>()[1] = -2.0f;
  ASSERT_OK(writeNpy(folder / "x.npy", tensor.view()));
  // numpy.save of the same array, byte for byte.
  std::string text =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  text.append(117 - text.size(), ' ');
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += text + "\n" + std::string("\0\0\x80\x3f\0\0\0\xc0", 8);
  EXPECT_EQ(readFile(folder / "x.npy"), expected);
}

TEST(Npy, WidensBfloat) {
  TemporaryFolder folder;
  Tensor tensor, read;
  ASSERT_OK(Tensor::create(RB_BF16, {1}, tensor));
  tensor.data<uint16_t>()[0] = 0x3fc0;
  ASSERT_OK(writeNpy(folder / "x.npy", tensor.view()));
  ASSERT_OK(readNpy(folder / "x.npy", read));
  EXPECT_EQ(read.dtype(), RB_F32);
  EXPECT_EQ(read.data<float>()[0], 1.5f);
}

TEST(Npy, ReadsAllVersionsAndSpellings) {
  std::string one("\0\0\x80\x3f", 4);
  for (int version : {1, 2, 3}) {
    Tensor out;
    EXPECT_OK(readText(npy(header("<f4", "(1,)"), one, version), out));
    EXPECT_EQ(out.data<float>()[0], 1.0f);
  }
  Tensor out;
  EXPECT_OK(readText(
      npy("{\"shape\":(1,1),\"fortran_order\":False,\"descr\":\"=f4\"}", one),
      out));
  EXPECT_EQ(out.dims(), (std::vector<int64_t>{1, 1}));
  // A vector is the same in both orders.
  EXPECT_OK(readText(npy(header("<f4", "(1,)", "True"), one), out));
  EXPECT_OK(readText(npy(header(">i1", "(4,)"), one), out));
}

TEST(Npy, NamesWhatItCannotRead) {
  Tensor out;
  EXPECT_ERROR(readNpy("/nowhere/x.npy", out), RB_NOT_FOUND,
               "cannot open '/nowhere/x.npy': No such file or directory");
  EXPECT_ERROR(readNpy("/tmp", out), RB_IO_ERROR,
               "cannot read '/tmp': Is a directory");
  EXPECT_ERROR(
      readText("GIF89a, certainly", out), RB_INVALID_ARGUMENT,
      "'x.npy': expected an NPY file, which begins with \\x93NUMPY, got "
      "something else");
  EXPECT_ERROR(
      readText("", out), RB_INVALID_ARGUMENT,
      "'x.npy': expected an NPY file, which begins with \\x93NUMPY, got "
      "something else");
  EXPECT_ERROR(readText(npy(header("<f4", "(1,)"), "1234", 9), out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected NPY version 1, 2 or 3, got 9.0");
  EXPECT_ERROR(
      readText(npy(header(">f4", "(1,)"), "1234"), out), RB_INVALID_ARGUMENT,
      "'x.npy': expected little-endian elements, got big-endian '>f4'");
  EXPECT_ERROR(readText(npy(header("<f4", "(1, 1)", "True"), "1234"), out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected C order, got Fortran order");
  EXPECT_ERROR(readText(npy(header("<c8", "(1,)"), "12345678"), out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected elements of type b1, i1, u1, i4, i8, f2, f4 "
               "or f8, got '<c8'");
  EXPECT_ERROR(readText(npy("{'descr': [('x', '<f4')], 'fortran_order': False, "
                            "'shape': (1,)}",
                            "1234"),
                        out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected elements of type b1, i1, u1, i4, i8, f2, f4 "
               "or f8, got "
               "'[('x', '<f4')]'");
  EXPECT_ERROR(
      readText(npy(header("<f4", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "1234"), out),
      RB_INVALID_ARGUMENT, "'x.npy': expected at most 8 dimensions, got 9");
  EXPECT_ERROR(
      readText(npy(header("|b1", "(2,)"), std::string("\1\7", 2)), out),
      RB_INVALID_ARGUMENT,
      "'x.npy': expected 0 or 1 in an array of type b1, got 7 at element 1");
}

TEST(Npy, NamesWhatIsMissing) {
  Tensor out;
  EXPECT_ERROR(readText(npy(header("<f4", "(3,)"), "12345678"), out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected 12 bytes for f32[3], got 8");
  EXPECT_ERROR(readText(npy(header("<f4", "(1,)"), "12345678"), out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected 4 bytes for f32[1], got 8");
  EXPECT_ERROR(
      readText(npy(header("<f8", "(4611686018427387904, 4)"), ""), out),
      RB_INVALID_ARGUMENT, "'x.npy': f64[4611686018427387904,4] is too large");
  EXPECT_ERROR(
      readText(npy(header("<f4", "(1099511627776,)"), "1234"), out),
      RB_INVALID_ARGUMENT,
      "'x.npy': expected 4398046511104 bytes for f32[1099511627776], got 4");
  EXPECT_ERROR(readText(npy(header("<f4", "(1,)"), "").substr(0, 40), out),
               RB_INVALID_ARGUMENT, "'x.npy': the NPY header is cut short");
  EXPECT_ERROR(readText(npy("{'descr': '<f4'}", "1234"), out),
               RB_INVALID_ARGUMENT,
               "'x.npy': expected an NPY header with descr, fortran_order and "
               "shape, got "
               "\"{'descr': '<f4'}\"");
  // No text may make the parser run over its end.
  std::string whole = header("<f4", "(1, 2)");
  for (size_t length = 0; length + 2 < whole.size(); ++length)
    EXPECT_EQ(readText(npy(whole.substr(0, length), ""), out).code(),
              RB_INVALID_ARGUMENT);
}

// Nothing in a file may make the reader crash, whatever it says of itself.
TEST(Npy, SurvivesMutations) {
  TemporaryFolder folder;
  std::string whole = npy(header("<f4", "(2, 3)"), std::string(24, 'x'));
  forEachMutation(whole, [&](const std::string &text) {
    Tensor out;
    writeFile(folder / "x", text);
    (void)readNpy(folder / "x", out);
  });
}

TEST(Npy, WritesAllOrNothing) {
  Tensor tensor;
  ASSERT_OK(Tensor::create(RB_F32, {100000}, tensor));
  memset(tensor.data(), 0, size_t(tensor.numBytes()));
  EXPECT_ERROR(writeNpy("/dev/full", tensor.view()), RB_IO_ERROR,
               "cannot write '/dev/full': No space left on device");
  struct stat info;
  ASSERT_EQ(stat("/dev/full", &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  EXPECT_ERROR(writeNpy("/nowhere/x.npy", tensor.view()), RB_NOT_FOUND,
               "cannot write '/nowhere/x.npy': No such file or directory");
  EXPECT_ERROR(writeNpy("/tmp", tensor.view()), RB_IO_ERROR,
               "cannot write '/tmp': Is a directory");
}

TEST(Npy, WritesThroughLinksAndKeepsPermissions) {
  TemporaryFolder folder;
  Tensor tensor;
  ASSERT_OK(Tensor::create(RB_I8, {1}, tensor));
  tensor.data<int8_t>()[0] = 5;
  writeFile(folder / "real.npy", "old");
  ASSERT_EQ(chmod((folder / "real.npy").c_str(), 0640), 0);
  ASSERT_EQ(symlink("real.npy", (folder / "link.npy").c_str()), 0);
  ASSERT_OK(writeNpy(folder / "link.npy", tensor.view()));
  Tensor read;
  EXPECT_OK(readNpy(folder / "real.npy", read));
  EXPECT_EQ(read.data<int8_t>()[0], 5);
  struct stat info;
  ASSERT_EQ(lstat((folder / "link.npy").c_str(), &info), 0);
  EXPECT_TRUE(S_ISLNK(info.st_mode));
  ASSERT_EQ(stat((folder / "real.npy").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}
