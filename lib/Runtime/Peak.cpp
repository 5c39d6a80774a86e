//===- Peak.cpp - What a machine can do at most ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Measure.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>
#ifdef __x86_64__
#include <immintrin.h>
#endif

using namespace rheobase;
using namespace rheobase::rt;

// Of libomp, which the compiled code uses.
extern "C" int omp_get_thread_num();
extern "C" int omp_get_num_threads();
extern "C" int omp_get_max_threads();
extern "C" void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);

#ifdef __x86_64__

/// Chains of fma that run side by side: more than the latency of one needs.
static constexpr int chains = 12;

__attribute__((target("avx2,fma"))) static float multiplyAdd256(int64_t times) {
  __m256 sums[chains];
  __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
  for (__m256 &sum : sums)
    sum = term;
  for (int64_t i = 0; i < times; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain)
      sums[chain] = _mm256_fmadd_ps(sums[chain], factor, term);
    // Not in another order, and not at once.
    __asm__ volatile("" : "+x"(factor));
  }
  __m256 total = sums[0];
  for (int chain = 1; chain < chains; ++chain)
    total = _mm256_add_ps(total, sums[chain]);
  return _mm256_cvtss_f32(total);
}

__attribute__((target("avx512f"))) static float multiplyAdd512(int64_t times) {
  __m512 sums[chains];
  __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
  for (__m512 &sum : sums)
    sum = term;
  for (int64_t i = 0; i < times; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain)
      sums[chain] = _mm512_fmadd_ps(sums[chain], factor, term);
    __asm__ volatile("" : "+v"(factor));
  }
  __m512 total = sums[0];
  for (int chain = 1; chain < chains; ++chain)
    total = _mm512_add_ps(total, sums[chain]);
  return _mm512_cvtss_f32(total);
}

/// out = a + f * b; what is written does not go through the caches.
__attribute__((target("avx2,fma"))) static void
addScaled(const float *a, const float *b, float *out, int64_t count) {
  __m256 factor = _mm256_set1_ps(0.5f);
  for (int64_t i = 0; i < count; i += 8)
    _mm256_stream_ps(out + i, _mm256_fmadd_ps(_mm256_loadu_ps(b + i), factor,
                                              _mm256_loadu_ps(a + i)));
  _mm_sfence();
}

namespace {
/// One repetition on all threads.
struct Work {
  enum Kind { FMA256, FMA512, Copy } kind;
  int64_t size;
  float *a, *b, *out;
  float result;
};
} // namespace

static void runWork(void *argument) {
  Work &work = *static_cast<Work *>(argument);
  int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
  float result = 0;
  switch (work.kind) {
  case Work::FMA256:
    result = multiplyAdd256(work.size);
    break;
  case Work::FMA512:
    result = multiplyAdd512(work.size);
    break;
  case Work::Copy: {
    int64_t blocks = work.size / 16;
    int64_t begin = blocks * thread / threads * 16;
    int64_t end = blocks * (thread + 1) / threads * 16;
    addScaled(work.a + begin, work.b + begin, work.out + begin, end - begin);
    break;
  }
  }
  if (thread == 0)
    work.result = result;
}

/// The least time of several repetitions, in seconds.
static double timeWork(Work &work, int repetitions) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int i = 0; i < repetitions + 1; ++i) {
    auto start = Clock::now();
    GOMP_parallel(runWork, &work, 0, 0);
    double seconds =
        std::chrono::duration<double>(Clock::now() - start).count();
    if (i) // the first wakes the threads
      best = std::min(best, seconds);
  }
  return best;
}

MachinePeak rt::measurePeak(bool bandwidth) {
  MachinePeak peak;
  peak.threads = omp_get_max_threads();
  int32_t level = rheobase_rt_instruction_set();
  Work work{};
  work.size = 200000;
  double operations = 2.0 * chains * double(work.size) * peak.threads;
  if (level >= RB_X86_64_V3) {
    work.kind = Work::FMA256;
    peak.gflops256 = operations * 8 / timeWork(work, 20) / 1e9;
  }
  if (level >= RB_X86_64_V4) {
    work.kind = Work::FMA512;
    peak.gflops512 = operations * 16 / timeWork(work, 20) / 1e9;
  }
  if (bandwidth && level >= RB_X86_64_V3) {
    // Larger than caches; taken from the system and given back.
    work.kind = Work::Copy;
    work.size = int64_t(16) << 20;
    void *memory = nullptr;
    if (posix_memalign(&memory, 64, size_t(work.size) * 3 * sizeof(float)) ==
        0) {
      work.a = static_cast<float *>(memory);
      work.b = work.a + work.size;
      work.out = work.b + work.size;
      std::fill_n(work.a, work.size * 2, 1.0f);
      peak.gigabytes =
          3.0 * sizeof(float) * double(work.size) / timeWork(work, 5) / 1e9;
      free(memory);
    }
  }
  return peak;
}

#else
MachinePeak rt::measurePeak(bool) { return MachinePeak(); }
#endif
