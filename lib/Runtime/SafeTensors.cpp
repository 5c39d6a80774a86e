//===- SafeTensors.cpp - Named tensors in a file --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/SafeTensors.h"
#include "Support.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <tuple>

using nlohmann::json;
using nlohmann::ordered_json;

namespace rheobase {
namespace rt {

namespace {
struct CloseFile {
  void operator()(FILE *file) const { fclose(file); }
};

/// A tensor of the header before its bytes are read.
struct Record {
  std::string name;
  int32_t dtype = 0;
  std::vector<int64_t> shape;
  int64_t begin = 0, end = 0;
};
} // namespace

static const struct {
  const char *name;
  int32_t dtype;
} safeTypes[] = {{"BOOL", RB_BOOL}, {"I8", RB_I8},   {"U8", RB_U8},
                 {"I32", RB_I32},   {"I64", RB_I64}, {"F16", RB_F16},
                 {"BF16", RB_BF16}, {"F32", RB_F32}, {"F64", RB_F64}};

const Tensor *SafeTensors::find(const std::string &name) const {
  for (const NamedTensor &named : tensors)
    if (named.name == name)
      return &named.tensor;
  return nullptr;
}

static bool readInteger(const json &value, int64_t &out) {
  if (!value.is_number_unsigned())
    return false;
  uint64_t number = value.get<uint64_t>();
  out = int64_t(number);
  return number <= uint64_t(INT64_MAX);
}

/// Reads one tensor's entry of the header.
static Status parseRecord(const char *file, const std::string &name,
                          const json &value, int64_t dataBytes,
                          Record &record) {
  auto corrupt = [&](const char *what) {
    return error(RB_INVALID_ARGUMENT,
                 "'%s': tensor '%s': expected %s, got %.200s", file,
                 name.c_str(), what, value.dump().c_str());
  };
  record.name = name;
  if (!value.is_object() || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets"))
    return corrupt("dtype, shape and data_offsets");
  const json &dtype = value["dtype"];
  bool known = false;
  for (const auto &type : safeTypes)
    if (dtype == type.name) {
      record.dtype = type.dtype;
      known = true;
    }
  if (!known)
    return corrupt("dtype to be one of BOOL, I8, U8, I32, I64, F16, BF16, F32, "
                   "F64");
  const json &shape = value["shape"], &offsets = value["data_offsets"];
  if (!shape.is_array() || shape.size() > RHEOBASE_MAX_RANK)
    return corrupt("shape to be an array of at most 8 sizes");
  for (const json &size : shape) {
    int64_t dim;
    if (!readInteger(size, dim))
      return corrupt("shape to be an array of at most 8 sizes");
    record.shape.push_back(dim);
  }
  if (!offsets.is_array() || offsets.size() != 2 ||
      !readInteger(offsets[0], record.begin) ||
      !readInteger(offsets[1], record.end) || record.begin > record.end)
    return corrupt("data_offsets to be a begin and an end");
  int64_t count, size = elementSize(record.dtype);
  std::string type = describeTensor(record.dtype, record.shape);
  if (!countElements(record.shape, size, count) ||
      record.end - record.begin != count * size)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': tensor '%s': offsets %lld to %lld do not hold %s", file,
                 name.c_str(), (long long)record.begin, (long long)record.end,
                 type.c_str());
  if (record.end > dataBytes)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': the file is cut short: expected %lld bytes of data for "
                 "tensor '%s', got %lld",
                 file, (long long)record.end, name.c_str(),
                 (long long)dataBytes);
  return Status();
}

Status readSafeTensors(const std::string &path, SafeTensors &out) {
  const char *name = path.c_str();
  std::unique_ptr<FILE, CloseFile> file(fopen(name, "rbe"));
  if (!file)
    return systemError("open", path, errno);
  struct stat info;
  if (fstat(fileno(file.get()), &info) != 0)
    return systemError("read", path, errno);
  if (!S_ISREG(info.st_mode))
    return error(RB_IO_ERROR, "cannot read '%s': not a regular file", name);

  unsigned char prefix[8];
  if (fread(prefix, 1, 8, file.get()) != 8)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected a safetensors file of at least 8 bytes, got "
                 "%lld",
                 name, (long long)info.st_size);
  uint64_t length = 0;
  for (int i = 0; i < 8; ++i)
    length |= uint64_t(prefix[i]) << (8 * i);
  if (length > uint64_t(info.st_size - 8))
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected a safetensors header of %llu bytes, got %lld: "
                 "cut short, or not a safetensors file",
                 name, (unsigned long long)length, (long long)info.st_size - 8);
  std::string text(size_t(length), '\0');
  if (fread(text.data(), 1, text.size(), file.get()) != text.size())
    return systemError("read", path, errno);
  ordered_json header = ordered_json::parse(text, nullptr, false);
  if (!header.is_object())
    return error(RB_INVALID_ARGUMENT,
                 "'%s': the safetensors header is not a JSON object", name);

  SafeTensors result;
  int64_t dataBytes = int64_t(info.st_size) - 8 - int64_t(length);
  std::vector<Record> records;
  for (const auto &item : header.items()) {
    if (item.key() == "__metadata__") {
      if (!item.value().is_object())
        return error(RB_INVALID_ARGUMENT,
                     "'%s': expected __metadata__ to be an object of strings",
                     name);
      for (const auto &entry : item.value().items()) {
        if (!entry.value().is_string())
          return error(RB_INVALID_ARGUMENT,
                       "'%s': expected __metadata__ to be an object of strings",
                       name);
        result.metadata[entry.key()] = entry.value().get<std::string>();
      }
      continue;
    }
    Record record;
    RB_TRY(
        parseRecord(name, item.key(), json(item.value()), dataBytes, record));
    records.push_back(std::move(record));
  }
  std::sort(records.begin(), records.end(),
            [](const Record &a, const Record &b) {
              return std::tie(a.begin, a.end, a.name) <
                     std::tie(b.begin, b.end, b.name);
            });
  int64_t position = 0;
  for (const Record &record : records) {
    if (record.begin != position)
      return error(RB_INVALID_ARGUMENT,
                   "'%s': tensor '%s': expected its data at offset %lld, got "
                   "%lld",
                   name, record.name.c_str(), (long long)position,
                   (long long)record.begin);
    position = record.end;
    Tensor tensor;
    RB_TRY(Tensor::create(record.dtype, record.shape, tensor));
    size_t bytes = size_t(record.end - record.begin);
    if (fread(tensor.data(), 1, bytes, file.get()) != bytes)
      return systemError("read", path, ferror(file.get()) ? errno : EIO);
    result.tensors.push_back({record.name, std::move(tensor)});
  }
  if (position != dataBytes)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected %lld bytes of data, got %lld", name,
                 (long long)position, (long long)dataBytes);
  out = std::move(result);
  return Status();
}

Status
writeSafeTensors(const std::string &path,
                 const std::vector<std::pair<std::string, rb_tensor>> &tensors,
                 const std::map<std::string, std::string> &metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  int64_t position = 0;
  std::vector<int64_t> sizes;
  for (const auto &[name, tensor] : tensors) {
    const char *type = nullptr;
    for (const auto &candidate : safeTypes)
      if (candidate.dtype == tensor.dtype)
        type = candidate.name;
    int64_t count;
    std::vector<int64_t> shape;
    if (tensor.rank >= 0 && tensor.rank <= RHEOBASE_MAX_RANK)
      shape.assign(tensor.dims, tensor.dims + tensor.rank);
    if (!type || !countElements(shape, elementSize(tensor.dtype), count))
      return error(RB_INVALID_ARGUMENT, "'%s': '%s' is not a valid tensor",
                   path.c_str(), name.c_str());
    int64_t bytes = count * elementSize(tensor.dtype);
    header[name] = {{"dtype", type},
                    {"shape", shape},
                    {"data_offsets", {position, position + bytes}}};
    sizes.push_back(bytes);
    position += bytes;
  }
  std::string text =
      header.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  // The data begins at a multiple of eight.
  text.append((8 - text.size() % 8) % 8, ' ');
  unsigned char prefix[8];
  for (int i = 0; i < 8; ++i)
    prefix[i] = uint8_t(uint64_t(text.size()) >> (8 * i));

  AtomicFile file(path);
  RB_TRY(file.open());
  RB_TRY(file.write(prefix, 8));
  RB_TRY(file.write(text.data(), int64_t(text.size())));
  for (size_t i = 0; i < tensors.size(); ++i)
    RB_TRY(file.write(tensors[i].second.data, sizes[i]));
  return file.commit();
}

} // namespace rt
} // namespace rheobase
