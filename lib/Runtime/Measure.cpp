//===- Measure.cpp - Calls of an entry point, and their time --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Measure.h"
#include "Shares.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sys/resource.h>

using namespace rheobase;
using namespace rheobase::rt;

// Of libomp, which the compiled code uses.
extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_thread_num();
extern "C" int omp_get_num_threads();
extern "C" void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);

void rt::setThreads(int count) {
  if (count > 0)
    omp_set_num_threads(count);
}

namespace {
struct Shares {
  int64_t count;
  const std::function<void(int64_t, int64_t)> &body;
};
} // namespace

static void runShare(void *argument) {
  auto &shares = *static_cast<const Shares *>(argument);
  int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
  shares.body(shares.count * thread / threads,
              shares.count * (thread + 1) / threads);
}

void rt::forShares(int64_t count, int64_t least,
                   const std::function<void(int64_t, int64_t)> &body) {
  Shares shares{count, body};
  if (count < least)
    body(0, count);
  else
    GOMP_parallel(runShare, &shares, 0, 0);
}

Invocation::Invocation(
    std::function<int32_t(const rb_tensor *, rb_tensor *)> function,
    const std::vector<int> &aliases, const std::vector<Tensor> &tensors)
    : function(std::move(function)), results(aliases.size()) {
  for (const Tensor &tensor : tensors)
    arguments.push_back(tensor.view());
  for (int alias : aliases) {
    owned.push_back(alias < 0);
    if (alias < 0)
      continue;
    rb_tensor &argument = arguments[size_t(alias)];
    Tensor copy;
    copied = Tensor::copy(argument, copy);
    if (!copied.ok())
      return;
    donated.push_back(std::move(copy));
    argument = donated.back().view();
  }
}

void Invocation::release() {
  if (!valid)
    return;
  for (size_t i = 0; i < results.size(); ++i)
    if (owned[i])
      rheobase_rt_free(results[i].data);
  valid = false;
}

bool Invocation::call() {
  release();
  valid = copied.ok() && function(arguments.data(), results.data()) == RB_OK;
  return valid;
}

std::string Invocation::getError() const {
  return copied.ok() ? rb_last_error() : copied.message();
}

/// Bytes that one thread reads at a time, the same of each type: the sum of as
/// many elements of 16 bits has 32.
static constexpr int64_t chunkBytes = 1 << 17;

/// Asks for `bytes` of memory some lines ahead: compilers load a run in an
/// order that processors do not foresee.
[[gnu::always_inline]] static inline void prefetchAfter(const void *data,
                                                        size_t bytes) {
  constexpr size_t ahead = 2048, line = 64;
  for (size_t i = 0; i < bytes; i += line)
    __builtin_prefetch(static_cast<const char *>(data) + ahead + i);
}

/// Sums of floats in lanes, which compilers vectorize without reassociating.
template <typename T>
[[gnu::always_inline]] static inline double sumLanes(const void *values,
                                                     int64_t count) {
  const T *data = static_cast<const T *>(values);
  constexpr int width = 32;
  double lanes[width] = {};
  int64_t i = 0;
  for (; i + width <= count; i += width) {
    prefetchAfter(data + i, width * sizeof(T));
    for (int lane = 0; lane < width; ++lane)
      lanes[lane] += static_cast<double>(data[i + lane]);
  }
  for (; i < count; ++i)
    lanes[0] += static_cast<double>(data[i]);
  double total = 0;
  for (double lane : lanes)
    total += lane;
  return total;
}

/// Sums of integers, which compilers may reassociate: a loop of lanes they
/// would leave as it is.
template <typename T, typename Sum>
[[gnu::always_inline]] static inline double sumIntegers(const void *values,
                                                        int64_t count) {
  const T *data = static_cast<const T *>(values);
  constexpr int block = 512;
  Sum total = 0;
  int64_t i = 0;
  for (; i + block <= count; i += block) {
    prefetchAfter(data + i, block * sizeof(T));
    for (int k = 0; k < block; ++k)
      total += static_cast<Sum>(data[i + k]);
  }
  for (; i < count; ++i)
    total += static_cast<Sum>(data[i]);
  return static_cast<double>(total);
}

[[gnu::always_inline]] static inline double
sumChunkOf(int32_t dtype, const void *data, int64_t count) {
  switch (dtype) {
  case RB_F64:
    return sumLanes<double>(data, count);
  case RB_F32:
    return sumLanes<float>(data, count);
  case RB_I64:
    return sumLanes<int64_t>(data, count);
  case RB_I32:
    return sumIntegers<int32_t, int64_t>(data, count);
  case RB_F16:
  case RB_BF16:
    return sumIntegers<uint16_t, uint32_t>(data, count);
  default:
    return sumIntegers<int8_t, int32_t>(data, count);
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static double
sumChunkWithAVX2(int32_t dtype, const void *data, int64_t count) {
  return sumChunkOf(dtype, data, count);
}
#endif

static double sumOfChunk(int32_t dtype, const void *data, int64_t count) {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx2");
  if (wide)
    return sumChunkWithAVX2(dtype, data, count);
#endif
  return sumChunkOf(dtype, data, count);
}

static int64_t bytesOf(int32_t dtype) {
  switch (dtype) {
  case RB_F64:
  case RB_I64:
    return 8;
  case RB_F32:
  case RB_I32:
    return 4;
  case RB_F16:
  case RB_BF16:
    return 2;
  default:
    return 1;
  }
}

namespace {
/// A part of a result and its sum.
struct Chunk {
  int32_t dtype;
  const char *data;
  int64_t count;
  double sum;
};
} // namespace

/// The chunks of `result`, in order.
static void addChunks(const rb_tensor &result, std::vector<Chunk> &chunks) {
  int64_t bytes = bytesOf(result.dtype);
  for (int32_t dim = 0; dim < result.rank; ++dim)
    bytes *= result.dims[dim];
  for (int64_t first = 0; first < bytes; first += chunkBytes)
    chunks.push_back(
        {result.dtype, static_cast<const char *>(result.data) + first,
         std::min(chunkBytes, bytes - first) / bytesOf(result.dtype), 0});
}

static double sumChunksOf(std::vector<Chunk> &chunks) {
  // With the threads that compute: whoever uses the results has them, too.
  forShares(int64_t(chunks.size()), 8, [&](int64_t first, int64_t end) {
    for (int64_t i = first; i < end; ++i) {
      Chunk &chunk = chunks[size_t(i)];
      chunk.sum = sumOfChunk(chunk.dtype, chunk.data, chunk.count);
    }
  });
  double total = 0;
  for (const Chunk &chunk : chunks)
    total += chunk.sum;
  return total;
}

double Invocation::readResults() const {
  std::vector<Chunk> chunks;
  for (const rb_tensor &result : results)
    addChunks(result, chunks);
  return sumChunksOf(chunks);
}

double Invocation::countOnes() const {
  std::vector<Chunk> chunks;
  for (const rb_tensor &result : results)
    if (result.dtype == RB_BOOL)
      addChunks(result, chunks);
  double total = 0;
  for (const Chunk &chunk : chunks)
    total += static_cast<double>(chunk.count);
  return chunks.empty() ? -1 : sumChunksOf(chunks) / total;
}

Measurement rt::measure(Invocation &invocation, double seconds) {
  using Clock = std::chrono::steady_clock;
  Measurement measurement;
  std::vector<double> times;
  for (int i = 0; i < 2; ++i)
    invocation.call();
  auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while ((times.size() < 7 || Clock::now() < end) && times.size() < 100000) {
    auto start = Clock::now();
    invocation.call();
    measurement.checksum = invocation.readResults();
    times.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - start)
            .count());
  }
  measurement.ones = invocation.countOnes();
  std::sort(times.begin(), times.end());
  measurement.runs = static_cast<int64_t>(times.size());
  measurement.minMs = times.front();
  measurement.medianMs = times[times.size() / 2];
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  measurement.peakMB = static_cast<double>(usage.ru_maxrss) / 1024;
  return measurement;
}

std::string rt::describe(const Measurement &m, bool json) {
  char text[512];
  snprintf(text, sizeof(text),
           json ? "{\"median_ms\": %.4f, \"min_ms\": %.4f, \"runs\": %lld, "
                  "\"first_s\": %.3f, \"compile_s\": %.3f, \"cache\": \"%s\", "
                  "\"rss_mb\": %.0f, \"ones\": %.4g, \"checksum\": %.9g}\n"
                : "median %.3f ms, minimum %.3f ms of %lld calls; first result "
                  "after %.2f s, of it compilation %.2f s (cache: %s); peak "
                  "memory %.0f MB\n",
           m.medianMs, m.minMs, (long long)m.runs, m.firstSeconds,
           m.compileSeconds, m.cache, m.peakMB, m.ones, m.checksum);
  return text;
}
