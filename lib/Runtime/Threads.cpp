//===- Threads.cpp - Calls from programs with threads of their own --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What entry points of shared objects call around code that runs on the threads
// of OpenMP. Needs libc only; of OpenMP it takes what is there.
//
//===----------------------------------------------------------------------===//

#include "rheobase/abi.h"
#include "rheobase/rt.h"
#include <dlfcn.h>
#include <stdlib.h>

// Of libomp, which the artefact is linked with.
extern "C" {
__attribute__((weak)) int omp_get_max_threads();
__attribute__((weak)) void omp_set_num_threads(int);
__attribute__((weak)) int omp_in_parallel();
__attribute__((weak)) int kmp_get_blocktime();
__attribute__((weak)) void kmp_set_blocktime(int);
}

/// Calls at work in this process.
static int32_t callers;

/// Whether the caller is in a parallel region of libomp, or of another OpenMP
/// that the program has: of libgomp, as a rule.
static bool isInParallelRegion() {
  if (omp_in_parallel && omp_in_parallel())
    return true;
  using Query = int (*)();
  static Query other;
  static bool known;
  if (!__atomic_load_n(&known, __ATOMIC_ACQUIRE)) {
    other = reinterpret_cast<Query>(dlsym(RTLD_DEFAULT, "omp_in_parallel"));
    __atomic_store_n(&known, true, __ATOMIC_RELEASE);
  }
  return other && other();
}

/// Whether Intel's libiomp5 is there beside libomp: each ends the process when
/// it finds the other, unless KMP_DUPLICATE_LIB_OK is set.
static bool isBesideOtherRuntime() {
  void *other = dlopen("libiomp5.so", RTLD_LAZY | RTLD_NOLOAD);
  if (!other)
    return false;
  // Where it was loaded for all, it serves us, too; and the name may be one of
  // libomp's own.
  bool same = dlsym(other, "omp_get_max_threads") ==
              reinterpret_cast<void *>(&omp_get_max_threads);
  dlclose(other);
  return !same && !getenv("KMP_DUPLICATE_LIB_OK");
}

int64_t rheobase_rt_enter(void) noexcept {
  if (!omp_get_max_threads || !omp_set_num_threads)
    return 0;
  static bool checked;
  if (!__atomic_load_n(&checked, __ATOMIC_RELAXED)) {
    if (isBesideOtherRuntime()) {
      rb_set_last_error(
          "the process has loaded libiomp5.so, with which libomp.so.5 does not "
          "get along: load it for all (LD_PRELOAD, RTLD_GLOBAL), so that it "
          "serves this program, too, or compile with --openmp=false");
      return -1;
    }
    __atomic_store_n(&checked, true, __ATOMIC_RELAXED);
  }
  bool alone = __atomic_add_fetch(&callers, 1, __ATOMIC_ACQ_REL) == 1 &&
               !isInParallelRegion();
  int threads = alone ? 0 : omp_get_max_threads();
  if (threads > 1)
    omp_set_num_threads(1);
  else
    threads = 0;
  // Threads that wait for 200 ms, as they do by default, take the processor
  // from those of the program. A millisecond bridges what is between two loops.
  int wait = 0;
  if (alone && kmp_set_blocktime && kmp_get_blocktime &&
      !getenv("KMP_BLOCKTIME") && !getenv("OMP_WAIT_POLICY")) {
    wait = kmp_get_blocktime();
    if (wait > 1)
      kmp_set_blocktime(1);
    else
      wait = 0;
  }
  return (int64_t(wait) << 32) | (int64_t(threads) << 1) | 1;
}

void rheobase_rt_leave(int64_t entered) noexcept {
  if (entered <= 0)
    return;
  if (int threads = int((entered >> 1) & 0x3fffffff))
    omp_set_num_threads(threads);
  if (int wait = int(entered >> 32))
    kmp_set_blocktime(wait);
  __atomic_sub_fetch(&callers, 1, __ATOMIC_ACQ_REL);
}
