//===- Core.cpp - Memory and errors of generated code ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that generated code calls. They are linked into every artefact,
// so this file needs nothing of the C++ library, only libc.
//
//===----------------------------------------------------------------------===//

#include "rheobase/abi.h"
#include "rheobase/rt.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static thread_local char lastError[2048];

const char *rb_last_error(void) noexcept { return lastError; }

void rb_set_last_error(const char *message) noexcept {
  snprintf(lastError, sizeof(lastError), "%s", message ? message : "");
}

void rheobase_rt_shape_error(const char *entry, int32_t index, int32_t dim,
                             int64_t expected, int64_t got) noexcept {
  static const char *const names[] = {"bool", "i8",   "i32", "i64",
                                      "f16",  "bf16", "f32", "f64"};
  auto name = [](int64_t dtype) {
    return dtype >= 0 && dtype <= RB_F64 ? names[dtype] : "an unknown one";
  };
  if (dim == -2)
    snprintf(lastError, sizeof(lastError),
             "%s: argument %d: expected element type %s, got %s", entry, index,
             name(expected), name(got));
  else if (dim < 0)
    snprintf(lastError, sizeof(lastError),
             "%s: argument %d: expected rank %lld, got %lld", entry, index,
             (long long)expected, (long long)got);
  else
    snprintf(lastError, sizeof(lastError),
             "%s: argument %d: expected %lld in dimension %d, got %lld", entry,
             index, (long long)expected, dim, (long long)got);
}

//===----------------------------------------------------------------------===//
// Instruction sets
//===----------------------------------------------------------------------===//

/// What the processor has and the system saves when it switches threads.
static int32_t detectInstructionSet() {
#ifdef __x86_64__
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 0;
  // FMA, MOVBE, XSAVE in use, AVX, F16C
  unsigned needed = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29;
  if ((c & needed) != needed)
    return 0;
  unsigned saved, upper;
  __asm__("xgetbv" : "=a"(saved), "=d"(upper) : "c"(0));
  if ((saved & 0x6) != 0x6)
    return 0;
  if (!__get_cpuid(0x80000001u, &a, &b, &c, &d) || !(c & 1u << 5)) // LZCNT
    return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return 0;
  // BMI1, AVX2, BMI2
  unsigned v3 = 1u << 3 | 1u << 5 | 1u << 8;
  if ((b & v3) != v3)
    return 0;
  // AVX512F, DQ, CD, BW, VL, and registers of 512 bits
  unsigned v4 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
  return (b & v4) == v4 && (saved & 0xe0) == 0xe0 ? RB_X86_64_V4 : RB_X86_64_V3;
#else
  return 0;
#endif
}

/// $RHEOBASE_CPU as a level, 0 if it is not set, -1 if it is no name.
static int32_t getForcedInstructionSet() {
  const char *forced = getenv("RHEOBASE_CPU");
  if (!forced || !*forced || !strcmp(forced, "host"))
    return 0;
  return !strcmp(forced, "x86-64-v3")   ? RB_X86_64_V3
         : !strcmp(forced, "x86-64-v4") ? RB_X86_64_V4
                                        : -1;
}

int32_t rheobase_rt_instruction_set(void) noexcept {
  // Two threads at the first call find the same.
  static int32_t known = -1;
  int32_t level = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (level < 0) {
    level = detectInstructionSet();
    if (int32_t forced = getForcedInstructionSet())
      level = forced <= level ? (forced < 0 ? 0 : forced) : 0;
    __atomic_store_n(&known, level, __ATOMIC_RELAXED);
  }
  return level;
}

void rheobase_rt_instruction_set_error(const char *entry,
                                       int32_t needed) noexcept {
  const char *forced = getenv("RHEOBASE_CPU");
  bool given = getForcedInstructionSet() != 0;
  snprintf(lastError, sizeof(lastError),
           "%s: expected a processor with x86-64-v%d (%s), for which it was "
           "compiled, got one without%s%s%s",
           entry, needed, needed == RB_X86_64_V4 ? "AVX-512" : "AVX2 and FMA",
           given ? " (RHEOBASE_CPU is '" : "", given ? forced : "",
           given ? "')" : "");
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

namespace {

constexpr int64_t alignment = 64;
constexpr uint64_t stateUsed = 0x52484f4255534532ull;
constexpr uint64_t stateFree = 0x52484f4246524532ull;
constexpr int64_t maxBytes = int64_t(1) << 47;
constexpr int numClasses = 192;
/// Blocks up to this many classes larger are taken before new memory is asked
/// for; four classes are a factor of two.
constexpr int searchClasses = 4;
constexpr int64_t minCached = int64_t(64) << 20;
/// A huge page has 2 MiB.
constexpr int64_t minHuge = int64_t(4) << 20;

struct Pool;

/// Lies in the 64 bytes before the data. It holds all that is needed to give a
/// block back to the pool that it is of, whichever copy of this file does that:
/// an artefact that was loaded has its own, and so has the program that frees
/// what it returned. Whoever changes this struct or the next one changes
/// `stateUsed` and RHEOBASE_ABI_VERSION.
struct Block {
  uint64_t state;
  int64_t sizeClass;
  int64_t bytes;
  /// What was asked for: of the rest nothing becomes resident.
  int64_t used;
  Block *next;
  Pool *pool;
};
static_assert(sizeof(Block) <= alignment,
              "the header must fit before the data");

/// Data alone, in memory of its own: it outlives the artefact that it is of, so
/// that results may be freed after that was unloaded.
struct Pool {
  pthread_mutex_t mutex;
  /// Its artefact is gone: nothing is cached any more.
  bool closed;
  Block *freeBlocks[numClasses];
  int64_t usedBytes, peakBytes, cachedBytes;
  /// As `usedBytes` and its peak, in the sizes of blocks, which are what is
  /// cached.
  int64_t heldBytes, peakHeldBytes;
};

Pool *ownPool;

} // namespace

/// The pool of this copy of the file; null if there is no memory for it.
static Pool *getPool() {
  Pool *pool = __atomic_load_n(&ownPool, __ATOMIC_ACQUIRE);
  if (pool)
    return pool;
  void *memory = mmap(nullptr, sizeof(Pool), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  auto *created = static_cast<Pool *>(memory);
  pthread_mutex_init(&created->mutex, nullptr);
  if (__atomic_compare_exchange_n(&ownPool, &pool, created, /*weak=*/false,
                                  __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return created;
  munmap(memory, sizeof(Pool));
  return pool;
}

/// Four sizes per power of two, in units of the alignment: 1, 2, 3, 4, 5, 6, 7,
/// 8, 10, 12, 14, 16, 20, ...
static int sizeClassOf(int64_t bytes, int64_t &rounded) {
  int64_t units = (bytes + alignment - 1) / alignment;
  if (units <= 4) {
    units = units < 1 ? 1 : units;
    rounded = units * alignment;
    return int(units - 1);
  }
  int exponent = 63 - __builtin_clzll(uint64_t(units - 1));
  int quarter = int((units - 1) >> (exponent - 2)) & 3;
  rounded = (int64_t(5 + quarter) << (exponent - 2)) * alignment;
  return 4 * (exponent - 1) + quarter;
}

/// Takes cached blocks out of the pool until at most `limit` bytes are left and
/// returns them as a list; the caller frees them outside the lock. The smallest
/// go first: a few bytes too many must not cost an arena, whose pages the system
/// would clear again in the next call.
static Block *takeCached(Pool &pool, int64_t limit) {
  Block *list = nullptr;
  for (int i = 0; i < numClasses && pool.cachedBytes > limit; ++i)
    while (pool.freeBlocks[i] && pool.cachedBytes > limit) {
      Block *block = pool.freeBlocks[i];
      pool.freeBlocks[i] = block->next;
      pool.cachedBytes -= block->bytes;
      block->next = list;
      list = block;
    }
  return list;
}

static void releaseList(Block *list) {
  while (list) {
    Block *next = list->next;
    free(list);
    list = next;
  }
}

/// Large blocks lie on huge pages where the system has some: sequences whose
/// steps are far apart would need more entries of the TLB than there are.
static void useHugePages(void *memory, int64_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes < minHuge)
    return;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t first = ((uintptr_t)memory + page - 1) / page * page;
  uintptr_t last = ((uintptr_t)memory + (uintptr_t)bytes) / page * page;
  (void)madvise((void *)first, last - first, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)bytes;
#endif
}

static void *refuse(int64_t bytes) {
  snprintf(lastError, sizeof(lastError),
           "out of memory: cannot allocate %lld bytes", (long long)bytes);
  return nullptr;
}

void *rheobase_rt_alloc(int64_t bytes) noexcept {
  if (bytes < 0 || bytes > maxBytes) {
    snprintf(lastError, sizeof(lastError), "cannot allocate %lld bytes",
             (long long)bytes);
    return nullptr;
  }
  int64_t rounded;
  int sizeClass = sizeClassOf(bytes, rounded);

  Pool *pool = getPool();
  if (!pool)
    return refuse(bytes);
  Block *block = nullptr;
  pthread_mutex_lock(&pool->mutex);
  for (int i = sizeClass; i < sizeClass + searchClasses && i < numClasses; ++i)
    if (pool->freeBlocks[i]) {
      block = pool->freeBlocks[i];
      pool->freeBlocks[i] = block->next;
      pool->cachedBytes -= block->bytes;
      break;
    }
  pthread_mutex_unlock(&pool->mutex);

  if (!block) {
    void *memory = nullptr;
    if (posix_memalign(&memory, alignment, size_t(rounded + alignment)) != 0) {
      rheobase_rt_trim();
      if (posix_memalign(&memory, alignment, size_t(rounded + alignment)) !=
          0)
        return refuse(bytes);
    }
    useHugePages(memory, rounded + alignment);
    block = static_cast<Block *>(memory);
    block->sizeClass = sizeClass;
    block->bytes = rounded;
    block->pool = pool;
  }
  block->state = stateUsed;
  block->next = nullptr;
  block->used = (bytes + alignment - 1) / alignment * alignment;
  pthread_mutex_lock(&pool->mutex);
  pool->usedBytes += block->used;
  pool->heldBytes += block->bytes;
  if (pool->heldBytes > pool->peakHeldBytes)
    pool->peakHeldBytes = pool->heldBytes;
  if (pool->usedBytes > pool->peakBytes)
    pool->peakBytes = pool->usedBytes;
  pthread_mutex_unlock(&pool->mutex);
  return reinterpret_cast<char *>(block) + alignment;
}

void *rheobase_rt_need(int64_t bytes) noexcept {
  void *data = rheobase_rt_alloc(bytes);
  if (!data) {
    fprintf(stderr, "rheobase: in a kernel: %s\n", lastError);
    abort();
  }
  return data;
}

void rheobase_rt_free(void *data) noexcept {
  if (!data)
    return;
  Block *block =
      reinterpret_cast<Block *>(static_cast<char *>(data) - alignment);
  // A second free is ignored: the block may already serve someone else.
  if (block->state != stateUsed)
    return;
  block->state = stateFree;
  Pool *pool = block->pool;
  pthread_mutex_lock(&pool->mutex);
  pool->usedBytes -= block->used;
  pool->heldBytes -= block->bytes;
  block->next = pool->freeBlocks[block->sizeClass];
  pool->freeBlocks[block->sizeClass] = block;
  pool->cachedBytes += block->bytes;
  // What is kept never exceeds what was once needed at the same time.
  int64_t kept = pool->closed                      ? 0
                 : pool->peakHeldBytes > minCached ? pool->peakHeldBytes
                                                   : minCached;
  Block *surplus = takeCached(*pool, kept);
  pthread_mutex_unlock(&pool->mutex);
  releaseList(surplus);
}

static void trim(Pool &pool, bool close) {
  pthread_mutex_lock(&pool.mutex);
  pool.closed |= close;
  Block *list = takeCached(pool, 0);
  pthread_mutex_unlock(&pool.mutex);
  releaseList(list);
}

void rheobase_rt_trim(void) noexcept {
  if (Pool *pool = getPool())
    trim(*pool, /*close=*/false);
}

/// An artefact that is unloaded, or a process that ends. The pool itself stays,
/// some pages: blocks of it may be in use.
__attribute__((destructor)) static void closePool() {
  if (Pool *pool = __atomic_load_n(&ownPool, __ATOMIC_ACQUIRE))
    trim(*pool, /*close=*/true);
}

int64_t rheobase_rt_peak_bytes(int32_t reset) noexcept {
  Pool *pool = getPool();
  if (!pool)
    return 0;
  pthread_mutex_lock(&pool->mutex);
  int64_t peak = pool->peakBytes;
  if (reset) {
    pool->peakBytes = pool->usedBytes;
    pool->peakHeldBytes = pool->heldBytes;
  }
  pthread_mutex_unlock(&pool->mutex);
  return peak;
}

#if defined(__x86_64__) && defined(__clang__)
//===----------------------------------------------------------------------===//
// What compilers call
//===----------------------------------------------------------------------===//

/// f32 to bf16, to nearest even. LLVM makes calls of it, and not every compiler's
/// library has it.
extern "C" __attribute__((weak)) __bf16 __truncsfbf2(float value) {
  unsigned int bits;
  memcpy(&bits, &value, sizeof bits);
  bool isNaN = (bits & 0x7fffffffu) > 0x7f800000u;
  unsigned int rounded = isNaN ? bits | 0x00400000u
                               : bits + 0x7fffu + ((bits >> 16) & 1u);
  unsigned short half = (unsigned short)(rounded >> 16);
  __bf16 result;
  memcpy(&result, &half, sizeof result);
  return result;
}
#endif
