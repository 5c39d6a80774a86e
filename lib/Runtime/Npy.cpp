//===- Npy.cpp - NumPy's array files --------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Npy.h"
#include "Support.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/stat.h>

namespace rheobase {
namespace rt {

namespace {

/// What the header's dictionary says.
struct NpyHeader {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Parses the header, a Python dictionary of three known keys. Each method
/// returns false if the text is not of the expected form.
class HeaderParser {
public:
  explicit HeaderParser(const std::string &text)
      : position(text.data()), end(text.data() + text.size()) {}

  bool parse(NpyHeader &header) {
    bool descr = false, order = false, shape = false;
    if (!consume('{'))
      return false;
    while (!consume('}')) {
      std::string key;
      if (!parseString(key) || !consume(':'))
        return false;
      if (key == "descr") {
        // A structured type is a list; keep its text for the message.
        descr = parseString(header.descr) || parseList(header.descr);
        if (!descr)
          return false;
      } else if (key == "fortran_order") {
        order = true;
        if (consumeWord("True"))
          header.fortranOrder = true;
        else if (!consumeWord("False"))
          return false;
      } else if (key == "shape") {
        shape = true;
        if (!parseShape(header.shape))
          return false;
      } else {
        return false;
      }
      if (!consume(',')) {
        if (!consume('}'))
          return false;
        break;
      }
    }
    skipSpace();
    return position == end && descr && order && shape;
  }

private:
  void skipSpace() {
    while (position != end && (*position == ' ' || *position == '\n' ||
                               *position == '\t' || *position == '\r'))
      ++position;
  }

  bool consume(char character) {
    skipSpace();
    if (position == end || *position != character)
      return false;
    ++position;
    return true;
  }

  bool consumeWord(const char *word) {
    skipSpace();
    size_t length = strlen(word);
    if (size_t(end - position) < length || memcmp(position, word, length) != 0)
      return false;
    position += length;
    return true;
  }

  bool parseString(std::string &text) {
    skipSpace();
    if (position == end || (*position != '\'' && *position != '"'))
      return false;
    char quote = *position++;
    const char *start = position;
    while (position != end && *position != quote)
      ++position;
    if (position == end)
      return false;
    text.assign(start, position++);
    return true;
  }

  bool parseList(std::string &text) {
    skipSpace();
    if (position == end || *position != '[')
      return false;
    const char *start = position;
    int depth = 0;
    do {
      depth += *position == '[' ? 1 : *position == ']' ? -1 : 0;
      ++position;
    } while (position != end && depth);
    text.assign(start, position);
    return depth == 0;
  }

  bool parseShape(std::vector<int64_t> &shape) {
    if (!consume('('))
      return false;
    while (!consume(')')) {
      skipSpace();
      int64_t size = 0;
      const char *start = position;
      for (; position != end && *position >= '0' && *position <= '9';
           ++position)
        if (__builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, *position - '0', &size))
          return false;
      if (position == start)
        return false;
      shape.push_back(size);
      if (!consume(',')) {
        return consume(')');
      }
    }
    return true;
  }

  const char *position, *end;
};

struct NpyType {
  const char *code;
  int32_t dtype;
};

} // namespace

static const NpyType npyTypes[] = {
    {"b1", RB_BOOL}, {"i1", RB_I8},  {"u1", RB_U8},  {"i4", RB_I32},
    {"i8", RB_I64},  {"f2", RB_F16}, {"f4", RB_F32}, {"f8", RB_F64}};

static Status parseDescr(const std::string &path, const std::string &descr,
                         int32_t &dtype) {
  const char *name = path.c_str();
  bool prefixed = !descr.empty() && strchr("<>|=", descr[0]);
  std::string code = descr.substr(prefixed ? 1 : 0);
  for (const NpyType &type : npyTypes) {
    if (code != type.code)
      continue;
    if (descr[0] == '>' && elementSize(type.dtype) > 1)
      return error(RB_INVALID_ARGUMENT,
                   "'%s': expected little-endian elements, got big-endian '%s'",
                   name, descr.c_str());
    dtype = type.dtype;
    return Status();
  }
  return error(RB_INVALID_ARGUMENT,
               "'%s': expected elements of type b1, i1, u1, i4, i8, f2, f4 or "
               "f8, got '%s'",
               name, descr.c_str());
}

namespace {
struct CloseFile {
  void operator()(FILE *file) const { fclose(file); }
};
} // namespace

Status readNpy(const std::string &path, Tensor &out) {
  const char *name = path.c_str();
  std::unique_ptr<FILE, CloseFile> file(fopen(name, "rbe"));
  if (!file)
    return systemError("open", path, errno);
  // A header may claim any size; what a regular file holds is a bound.
  struct stat info;
  if (fstat(fileno(file.get()), &info) != 0)
    return systemError("read", path, errno);
  if (S_ISDIR(info.st_mode))
    return systemError("read", path, EISDIR);
  bool regular = S_ISREG(info.st_mode);

  unsigned char prefix[12];
  size_t got = fread(prefix, 1, 8, file.get());
  if (got != 8 || memcmp(prefix, "\x93NUMPY", 6) != 0)
    return error(
        RB_INVALID_ARGUMENT,
        "'%s': expected an NPY file, which begins with \\x93NUMPY, got "
        "something else",
        name);
  int major = prefix[6], minor = prefix[7];
  if (major < 1 || major > 3)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected NPY version 1, 2 or 3, got %d.%d", name, major,
                 minor);
  size_t lengthBytes = major == 1 ? 2 : 4;
  if (fread(prefix, 1, lengthBytes, file.get()) != lengthBytes)
    return error(RB_INVALID_ARGUMENT, "'%s': the NPY header is cut short",
                 name);
  size_t length = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    length |= size_t(prefix[i]) << (8 * i);
  if (length > (size_t(1) << 20))
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected an NPY header of at most 1048576 bytes, got "
                 "%zu",
                 name, length);
  std::string text(length, '\0');
  if (fread(text.data(), 1, length, file.get()) != length)
    return error(RB_INVALID_ARGUMENT, "'%s': the NPY header is cut short",
                 name);
  // The text may be padded with zeros by writers other than NumPy.
  while (!text.empty() && text.back() == '\0')
    text.pop_back();

  NpyHeader header;
  if (!HeaderParser(text).parse(header))
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected an NPY header with descr, fortran_order and "
                 "shape, got \"%.200s\"",
                 name, text.c_str());
  int32_t dtype;
  RB_TRY(parseDescr(path, header.descr, dtype));
  if (header.shape.size() > RHEOBASE_MAX_RANK)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected at most %d dimensions, got %zu", name,
                 RHEOBASE_MAX_RANK, header.shape.size());
  if (header.fortranOrder && header.shape.size() > 1)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected C order, got Fortran order", name);

  std::string type = describeTensor(dtype, header.shape);
  int64_t count;
  if (!countElements(header.shape, elementSize(dtype), count))
    return error(RB_INVALID_ARGUMENT, "'%s': %s is too large", name,
                 type.c_str());
  int64_t bytes = count * elementSize(dtype);
  int64_t headerBytes = int64_t(8 + lengthBytes + length);
  if (regular && info.st_size - headerBytes != bytes)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected %lld bytes for %s, got %lld", name,
                 (long long)bytes, type.c_str(),
                 (long long)(info.st_size - headerBytes));

  Tensor tensor;
  RB_TRY(Tensor::create(dtype, header.shape, tensor));
  size_t read = fread(tensor.data(), 1, size_t(bytes), file.get());
  if (ferror(file.get()))
    return systemError("read", path, errno);
  if (int64_t(read) != bytes)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected %lld bytes for %s, got %zu", name,
                 (long long)bytes, type.c_str(), read);
  if (dtype == RB_BOOL) {
    // Generated code relies on 0 and 1.
    uint8_t *values = tensor.data<uint8_t>();
    for (int64_t i = 0; i < count; ++i)
      if (values[i] > 1)
        return error(RB_INVALID_ARGUMENT,
                     "'%s': expected 0 or 1 in an array of type b1, got %d at "
                     "element %lld",
                     name, values[i], (long long)i);
  }
  out = std::move(tensor);
  return Status();
}

Status writeNpy(const std::string &path, const rb_tensor &tensor) {
  if (tensor.dtype == RB_BF16) {
    Tensor widened;
    RB_TRY(convertTensor(tensor, RB_F32, widened));
    return writeNpy(path, widened.view());
  }
  const char *code = nullptr;
  for (const NpyType &type : npyTypes)
    if (type.dtype == tensor.dtype)
      code = type.code;
  int64_t count;
  if (!code || tensor.rank < 0 || tensor.rank > RHEOBASE_MAX_RANK ||
      !countElements({tensor.dims, tensor.dims + tensor.rank},
                     elementSize(tensor.dtype), count))
    return error(RB_INVALID_ARGUMENT, "'%s': not a tensor that NPY can hold",
                 path.c_str());

  std::string shape;
  for (int32_t i = 0; i < tensor.rank; ++i)
    shape += (i ? ", " : "") + std::to_string(tensor.dims[i]);
  if (tensor.rank == 1)
    shape += ",";
  bool single = elementSize(tensor.dtype) == 1;
  std::string header =
      format("{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }",
             single ? '|' : '<', code, shape.c_str());
  // The data begins at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string prefix("\x93NUMPY\x01\x00", 8);
  prefix += char(header.size() & 255);
  prefix += char(header.size() >> 8);
  prefix += header;

  AtomicFile file(path);
  RB_TRY(file.open());
  RB_TRY(file.write(prefix.data(), int64_t(prefix.size())));
  RB_TRY(file.write(tensor.data, count * elementSize(tensor.dtype)));
  return file.commit();
}

} // namespace rt
} // namespace rheobase
