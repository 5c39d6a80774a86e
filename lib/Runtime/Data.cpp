//===- Data.cpp - Samples, their order and their batches ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Data.h"
#include "Element.h"
#include "Support.h"
#include "rheobase/Runtime/Npy.h"
#include "rheobase/Support/Philox.h"
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <system_error>
#include <zlib.h>

namespace rheobase {
namespace rt {

//===----------------------------------------------------------------------===//
// IDX
//===----------------------------------------------------------------------===//

namespace {

/// A file that zlib reads, whether it is compressed or not.
class DataFile {
public:
  explicit DataFile(const std::string &path) : path(path) {}
  ~DataFile() {
    if (file)
      gzclose(file);
  }

  Status open() {
    struct stat info;
    if (stat(path.c_str(), &info) != 0)
      return systemError("open", path, errno);
    if (S_ISDIR(info.st_mode))
      return systemError("read", path, EISDIR);
    size = info.st_size;
    errno = 0;
    file = gzopen(path.c_str(), "rbe");
    if (!file)
      return systemError("open", path, errno ? errno : ENOMEM);
    gzbuffer(file, 1 << 17);
    return Status();
  }

  /// Reads up to `bytes`; fewer at the end of the file.
  Status read(void *data, int64_t bytes, int64_t &got) {
    got = 0;
    while (got < bytes) {
      unsigned chunk = unsigned(std::min<int64_t>(bytes - got, 1 << 30));
      int result = gzread(file, static_cast<char *>(data) + got, chunk);
      if (result < 0) {
        int code;
        std::string message = gzerror(file, &code);
        if (code == Z_ERRNO)
          return systemError("read", path, errno);
        // zlib begins with the path.
        if (message.rfind(path + ": ", 0) == 0)
          message.erase(0, path.size() + 2);
        return error(RB_IO_ERROR, "'%s': the gzip data are corrupt: %s",
                     path.c_str(), message.c_str());
      }
      if (result == 0)
        break;
      got += result;
    }
    int code;
    gzerror(file, &code);
    if (got < bytes && code == Z_BUF_ERROR)
      return error(RB_IO_ERROR, "'%s': the gzip data are cut short",
                   path.c_str());
    return Status();
  }

  bool isCompressed() const { return !gzdirect(file); }

  const std::string &path;
  int64_t size = 0;
  gzFile file = nullptr;
};

} // namespace

/// Bytes of an IDX element and the type it becomes; false if `code` is none.
static bool idxType(int code, int &bytes, int32_t &dtype) {
  switch (code) {
  case 0x08:
    bytes = 1, dtype = RB_U8;
    return true;
  case 0x09:
    bytes = 1, dtype = RB_I8;
    return true;
  case 0x0b:
    bytes = 2, dtype = RB_I32;
    return true;
  case 0x0c:
    bytes = 4, dtype = RB_I32;
    return true;
  case 0x0d:
    bytes = 4, dtype = RB_F32;
    return true;
  case 0x0e:
    bytes = 8, dtype = RB_F64;
    return true;
  default:
    return false;
  }
}

/// The file's elements are big endian.
static void swapBytes(unsigned char *data, int64_t count, int bytes) {
  for (int64_t i = 0; i < count; ++i)
    std::reverse(data + i * bytes, data + (i + 1) * bytes);
}

Status readIdx(const std::string &path, Tensor &out) {
  const char *name = path.c_str();
  DataFile file(path);
  RB_TRY(file.open());
  unsigned char header[4];
  int64_t got;
  RB_TRY(file.read(header, 4, got));
  int bytes;
  int32_t dtype;
  if (got != 4 || header[0] || header[1] || !idxType(header[2], bytes, dtype) ||
      header[3] == 0 || header[3] > RHEOBASE_MAX_RANK) {
    std::string text;
    for (int64_t i = 0; i < got; ++i)
      text += format("%02x", header[i]);
    return error(
        RB_INVALID_ARGUMENT,
        "'%s': expected an NPY file, or an IDX file, which begins with 0000, a "
        "type (08, 09, 0b, 0c, 0d or 0e) and a rank (01 to 08), got %s",
        name, text.empty() ? "an empty file" : text.c_str());
  }
  std::vector<int64_t> dims;
  for (int i = 0; i < header[3]; ++i) {
    unsigned char size[4];
    RB_TRY(file.read(size, 4, got));
    if (got != 4)
      return error(
          RB_INVALID_ARGUMENT,
          "'%s': the IDX header is cut short: expected %d sizes, got %d", name,
          header[3], i);
    dims.push_back(int64_t(size[0]) << 24 | size[1] << 16 | size[2] << 8 |
                   size[3]);
  }
  std::string type = describeTensor(dtype, dims);
  int64_t count;
  if (!countElements(dims, 8, count))
    return error(RB_INVALID_ARGUMENT, "'%s': %s is too large", name,
                 type.c_str());
  int64_t expected = count * bytes;
  int64_t present = file.size - 4 - 4 * int64_t(dims.size());
  if (!file.isCompressed() && present != expected)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected %lld bytes for %s, got %lld", name,
                 (long long)expected, type.c_str(), (long long)present);
  // No compressed file is smaller than a thousandth: a corrupt header must not
  // lead to a huge allocation.
  if (file.isCompressed() && expected / 1100 > file.size)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected %lld bytes for %s, which a file of %lld bytes "
                 "cannot hold",
                 name, (long long)expected, type.c_str(), (long long)file.size);

  Tensor tensor;
  RB_TRY(Tensor::create(dtype, dims, tensor));
  auto *data = tensor.data<unsigned char>();
  // One byte more, which is not there: reading it makes zlib check the sum.
  RB_TRY(file.read(data, expected, got));
  unsigned char extra;
  int64_t more = 0;
  if (got == expected)
    RB_TRY(file.read(&extra, 1, more));
  if (got != expected || more)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected %lld bytes for %s, got %s%lld", name,
                 (long long)expected, type.c_str(), more ? "more than " : "",
                 (long long)got);
  if (bytes > 1)
    swapBytes(data, count, bytes);
  if (bytes == 2)
    // In place from the end: each i32 lies at or behind its i16.
    for (int64_t i = count - 1; i >= 0; --i) {
      int16_t value;
      memcpy(&value, data + 2 * i, 2);
      tensor.data<int32_t>()[i] = value;
    }
  out = std::move(tensor);
  return Status();
}

Status readDataFile(const std::string &path, Tensor &out) {
  FILE *file = fopen(path.c_str(), "rbe");
  if (!file)
    return systemError("open", path, errno);
  unsigned char magic[6] = {};
  size_t got = fread(magic, 1, sizeof(magic), file);
  fclose(file);
  bool npy = got == 6 && memcmp(magic, "\x93NUMPY", 6) == 0;
  return npy ? readNpy(path, out) : readIdx(path, out);
}

//===----------------------------------------------------------------------===//
// DataSet
//===----------------------------------------------------------------------===//

Status DataSet::setLabels(const Tensor &labels) {
  if (labels.dims().size() != 1 || labels.dtype() == RB_BOOL ||
      (labels.dtype() >= RB_F16 && labels.dtype() <= RB_F64))
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected one integer label per sample, got %s",
                 labelName.c_str(), labels.describe().c_str());
  if (labels.dims()[0] != size())
    return error(RB_INVALID_ARGUMENT,
                 "'%s' has %lld labels, but '%s' has %lld samples",
                 labelName.c_str(), (long long)labels.dims()[0],
                 inputName.c_str(), (long long)size());
  labelValues.resize(size_t(size()));
  for (size_t i = 0; i < labelValues.size(); ++i)
    labelValues[i] =
        loadNumber(labels.data(), labels.dtype(), int64_t(i)).integer;
  return Status();
}

static Status checkInputs(const DataSet &data) {
  if (data.inputs.dims().empty() || data.size() == 0)
    return error(RB_INVALID_ARGUMENT, "'%s': expected samples, got %s",
                 data.inputName.c_str(), data.inputs.describe().c_str());
  return Status();
}

Status DataSet::open(const std::string &inputs, const std::string &labels,
                     DataSet &out) {
  DataSet data;
  data.inputName = inputs;
  data.labelName = labels;
  RB_TRY(readDataFile(inputs, data.inputs));
  RB_TRY(checkInputs(data));
  if (!labels.empty()) {
    Tensor values;
    RB_TRY(readDataFile(labels, values));
    RB_TRY(data.setLabels(values));
  }
  out = std::move(data);
  return Status();
}

Status DataSet::create(const rb_tensor &inputs, const rb_tensor *labels,
                       DataSet &out) {
  DataSet data;
  data.inputName = "inputs";
  data.labelName = "labels";
  RB_TRY(Tensor::copy(inputs, data.inputs));
  RB_TRY(checkInputs(data));
  if (labels) {
    Tensor values;
    RB_TRY(Tensor::copy(*labels, values));
    RB_TRY(data.setLabels(values));
  }
  out = std::move(data);
  return Status();
}

Status DataSet::checkLabels(int64_t classes) const {
  for (size_t i = 0; i < labelValues.size(); ++i) {
    int64_t label = labelValues[i];
    if (label >= 0 && (!classes || label < classes))
      continue;
    std::string expected =
        classes ? format("from 0 to %lld", (long long)classes - 1)
                : std::string("that are not negative");
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected labels %s, got %lld for sample %zu",
                 labelName.c_str(), expected.c_str(), (long long)label, i);
  }
  return Status();
}

//===----------------------------------------------------------------------===//
// Layout and batches
//===----------------------------------------------------------------------===//

/// Bytes become floats in [0, 1]; everything else keeps its value.
static bool isScaled(int32_t from, int32_t to) {
  return from == RB_U8 && to >= RB_F16 && to <= RB_F64;
}

static int64_t product(const std::vector<int64_t> &dims, size_t begin,
                       size_t end) {
  int64_t result = 1;
  for (size_t i = begin; i < end; ++i)
    result *= dims[i];
  return result;
}

static Status checkElementTypes(const DataSet &data, const ValueInfo &input) {
  int32_t from = data.inputs.dtype(), to = input.dtype;
  bool fromFloat = from >= RB_F16 && from <= RB_F64;
  bool toFloat = to >= RB_F16 && to <= RB_F64;
  if (from == to || toFloat)
    return Status();
  if (fromFloat)
    return error(RB_INVALID_ARGUMENT, "input '%s': expected %s, got %s in '%s'",
                 input.name.c_str(), dtypeName(to), dtypeName(from),
                 data.inputName.c_str());
  int64_t count = data.inputs.numElements();
  for (int64_t i = 0; i < count; ++i) {
    int64_t scratch;
    Number number = loadNumber(data.inputs.data(), from, i);
    if (!storeNumber(&scratch, to, 0, number))
      return error(RB_INVALID_ARGUMENT,
                   "input '%s': expected %s, got the value %lld in '%s'",
                   input.name.c_str(), dtypeName(to), (long long)number.integer,
                   data.inputName.c_str());
  }
  return Status();
}

Status BatchLayout::create(const EntryInfo &entry, const DataSet &data,
                           BatchLayout &out) {
  BatchLayout layout;
  for (const ValueInfo &info : entry.arguments) {
    if (info.role == Role::Input) {
      if (layout.input)
        return error(RB_INVALID_ARGUMENT,
                     "entry '%s' has the inputs '%s' and '%s'; data for one "
                     "input can be given",
                     entry.name.c_str(), layout.input->name.c_str(),
                     info.name.c_str());
      layout.input = &info;
    } else if (info.role == Role::Label) {
      if (info.dims.size() != 1 ||
          (info.dtype != RB_I32 && info.dtype != RB_I64))
        return error(RB_INVALID_ARGUMENT,
                     "entry '%s': expected labels '%s' to be i32[B] or i64[B], "
                     "got %s",
                     entry.name.c_str(), info.name.c_str(),
                     info.describe().c_str());
      layout.label = &info;
    }
  }
  if (!layout.input)
    return error(RB_INVALID_ARGUMENT, "entry '%s' has no input",
                 entry.name.c_str());
  if (layout.label && !data.hasLabels())
    return error(RB_INVALID_ARGUMENT, "entry '%s' needs labels for '%s'",
                 entry.name.c_str(), data.inputName.c_str());

  const ValueInfo &input = *layout.input;
  RB_TRY(checkElementTypes(data, input));
  std::vector<int64_t> sample(data.inputs.dims().begin() + 1,
                              data.inputs.dims().end());
  size_t batchDim = input.dims.size();
  bool allFixed = true;
  for (size_t i = 0; i < input.dims.size(); ++i) {
    if (input.dims[i].name == "B")
      batchDim = i;
    else if (!input.dims[i].isFixed())
      allFixed = false;
  }
  auto mismatch = [&](const char *why) {
    return error(RB_INVALID_ARGUMENT,
                 "input '%s': expected %s, got samples of type %s in '%s'%s",
                 input.name.c_str(), input.describe().c_str(),
                 describeTensor(data.inputs.dtype(), sample).c_str(),
                 data.inputName.c_str(), why);
  };
  if (batchDim == input.dims.size())
    return mismatch(": a dimension must be named B");

  // Dimension by dimension: names take the data's sizes.
  std::vector<int64_t> dims;
  bool same = sample.size() + 1 == input.dims.size();
  int64_t timeSteps = 0;
  for (size_t i = 0, k = 0; same && i < input.dims.size(); ++i) {
    if (i == batchDim) {
      dims.push_back(-1);
      continue;
    }
    const Dim &dim = input.dims[i];
    int64_t size = sample[k++];
    same = !dim.isFixed() || dim.size == size;
    if (dim.name == "T")
      timeSteps = size;
    dims.push_back(size);
  }
  if (!same) {
    // The same number of elements in another shape: 28 x 28 as 784.
    if (!allFixed)
      return mismatch("");
    dims.clear();
    int64_t elements = 1;
    for (size_t i = 0; i < input.dims.size(); ++i) {
      dims.push_back(i == batchDim ? -1 : input.dims[i].size);
      elements *= i == batchDim ? 1 : input.dims[i].size;
    }
    if (elements != product(sample, 0, sample.size()))
      return mismatch("");
    timeSteps = 0;
  }
  layout.outer = product(dims, 0, batchDim);
  layout.inner = product(dims, batchDim + 1, dims.size());
  layout.dims = std::move(dims);
  layout.timeSteps = timeSteps;
  out = std::move(layout);
  return Status();
}

Status Batch::allocate(const BatchLayout &layout, int64_t size) {
  std::vector<int64_t> dims = layout.dims;
  for (int64_t &dim : dims)
    if (dim < 0)
      dim = size;
  RB_TRY(Tensor::create(layout.input->dtype, std::move(dims), inputStorage));
  if (layout.label)
    RB_TRY(Tensor::create(layout.label->dtype, {size}, labelStorage));
  return Status();
}

/// Copies `count` elements, converted.
static void copyElements(const void *from, int32_t fromType, int64_t fromIndex,
                         void *to, int32_t toType, int64_t toIndex,
                         int64_t count) {
  int64_t size = elementSize(fromType);
  if (fromType == toType) {
    memcpy(static_cast<char *>(to) + toIndex * size,
           static_cast<const char *>(from) + fromIndex * size,
           size_t(count * size));
    return;
  }
  if (isScaled(fromType, toType)) {
    const uint8_t *source = static_cast<const uint8_t *>(from) + fromIndex;
    if (toType == RB_F32) {
      float *target = static_cast<float *>(to) + toIndex;
      for (int64_t i = 0; i < count; ++i)
        target[i] = float(source[i]) / 255.0f;
      return;
    }
    for (int64_t i = 0; i < count; ++i)
      storeNumber(to, toType, toIndex + i,
                  Number::ofReal(double(source[i]) / 255.0));
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    storeNumber(to, toType, toIndex + i,
                loadNumber(from, fromType, fromIndex + i));
}

void Batch::gather(const DataSet &data, const BatchLayout &layout,
                   const std::vector<int64_t> &order, int64_t first,
                   int64_t size) {
  position = first;
  count = size;
  input = inputStorage.view();
  for (int32_t i = 0; i < input.rank; ++i)
    if (layout.dims[size_t(i)] < 0)
      input.dims[i] = count;
  label = labelStorage.view();
  label.dims[0] = count;
  for (int64_t b = 0; b < count; ++b) {
    int64_t sample = order[size_t(first + b)];
    for (int64_t o = 0; o < layout.outer; ++o)
      copyElements(data.inputs.data(), data.inputs.dtype(),
                   (sample * layout.outer + o) * layout.inner, input.data,
                   input.dtype, (o * count + b) * layout.inner, layout.inner);
    if (layout.label)
      storeNumber(label.data, label.dtype, b,
                  Number::ofInteger(data.labelValues[size_t(sample)]));
  }
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

std::vector<int64_t> naturalOrder(int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = int64_t(i);
  return order;
}

std::vector<int64_t> shuffledOrder(int64_t count, uint64_t seed,
                                   int64_t epoch) {
  std::vector<int64_t> order = naturalOrder(count);
  // A stream of 64-bit words; the last counter word tells it from others of the
  // same seed.
  uint64_t index = 0;
  std::array<uint32_t, 4> words = {};
  auto next = [&]() {
    if (index % 2 == 0)
      words = philox4x32({uint32_t(index / 2), uint32_t(epoch),
                          uint32_t(uint64_t(epoch) >> 32), 0x53485546u},
                         philoxKey(seed));
    size_t half = size_t(index++ % 2) * 2;
    return uint64_t(words[half]) | uint64_t(words[half + 1]) << 32;
  };
  // Fisher and Yates. The number of words that are used is a multiple of the
  // bound; the rest, which would favour small numbers, is thrown away.
  for (int64_t i = count - 1; i > 0; --i) {
    uint64_t bound = uint64_t(i) + 1;
    uint64_t surplus = (uint64_t(0) - bound) % bound; // 2^64 mod bound
    uint64_t word = next();
    while (word < surplus)
      word = next();
    std::swap(order[size_t(i)], order[size_t(word % bound)]);
  }
  return order;
}

//===----------------------------------------------------------------------===//
// Prefetcher
//===----------------------------------------------------------------------===//

Prefetcher::Prefetcher(const DataSet &data, const BatchLayout &layout,
                       std::vector<int64_t> order, int64_t batchSize,
                       int64_t position)
    : data(data), layout(layout), indices(std::move(order)),
      batchSize(batchSize), position(position) {}

Prefetcher::~Prefetcher() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stop = true;
  }
  changed.notify_all();
  if (thread.joinable())
    thread.join();
}

Status Prefetcher::start() {
  int64_t size = std::min(batchSize, int64_t(indices.size()));
  for (Batch &slot : slots)
    RB_TRY(slot.allocate(layout, size));
  // Signals are for the thread that trains.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Status status;
  try {
    thread = std::thread([this] { work(); });
  } catch (const std::system_error &failure) {
    status = error(RB_UNAVAILABLE, "cannot start a thread: %s", failure.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return status;
}

void Prefetcher::work() {
  int64_t total = int64_t(indices.size());
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [&] { return stop || produced < returned + 2; });
      if (stop)
        return;
      if (position >= total) {
        finished = true;
        changed.notify_all();
        return;
      }
    }
    int64_t count = std::min(batchSize, total - position);
    slots[produced % 2].gather(data, layout, indices, position, count);
    std::lock_guard<std::mutex> lock(mutex);
    position += count;
    ++produced;
    changed.notify_all();
  }
}

const Batch *Prefetcher::next() {
  std::unique_lock<std::mutex> lock(mutex);
  returned = taken;
  changed.notify_all();
  changed.wait(lock, [&] { return finished || produced > taken; });
  if (produced == taken)
    return nullptr;
  return &slots[taken++ % 2];
}

} // namespace rt
} // namespace rheobase
