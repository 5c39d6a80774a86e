//===- KernelChoice.cpp - Which kernel is the fastest, by measuring -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product with spikes has a dense kernel, whose time depends on its size, and
// a selective one, whose time also depends on the share of spikes. All kernels
// give the same bits, so nothing but time depends on what is chosen here, and
// threads that overwrite each other's figures do no harm.
//
// A site keeps figures for a few sizes. In each, both kernels are tried; then
// the one that is expected to be faster at the present share of spikes is taken
// and, where products are short, measured now and then only. The other one is
// tried again when the one that is taken has used many times its time.
//
//===----------------------------------------------------------------------===//

#include "rheobase/abi.h"
#include <stddef.h>
#include <string.h>
#include <time.h>

namespace {

/// Two for each factor of two of the share of spikes, down to 2^-12.
constexpr int numShares = 24;
/// Measurements before a figure is believed.
constexpr int trials = 3;
/// Measuring takes 1/100 of the time at most, trying the other kernel 1/64.
constexpr float measuringShare = 100, tryingShare = 64;
/// What measuring takes, in nanoseconds.
constexpr float measuringTime = 4000;
/// A least time is forgotten as slowly as this, lest it be one that does not
/// come back.
constexpr float forgetting = 1.004f;

/// Figures of products of about one size. Times are in nanoseconds.
struct Figures {
  /// Logarithm of the multiply-adds, plus 1.
  uint32_t size;
  /// Every so many calls are measured.
  uint32_t period;
  uint32_t choice;
  uint32_t denseTrials;
  /// For a multiply-add of the dense kernel.
  float dense;
  /// Of the kernel that is taken, since the other one was tried.
  float spent;
  /// For a multiply-add with a spike, by their share.
  float selective[numShares];
  uint8_t selectiveTrials[numShares];
};

struct Site {
  Figures figures[4];
};

static_assert(sizeof(Site) <= RHEOBASE_SITE_BYTES, "a site must fit");

template <typename T> T get(const T &place) {
  T value;
  __atomic_load(&place, &value, __ATOMIC_RELAXED);
  return value;
}
template <typename T> void set(T &place, T value) {
  __atomic_store(&place, &value, __ATOMIC_RELAXED);
}

} // namespace

static int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

static uint32_t nextRandom() {
  static thread_local uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

static Figures &figuresOf(void *site, int64_t work) {
  uint32_t size = 64 - __builtin_clzll(uint64_t(work) | 1);
  Figures &figures = static_cast<Site *>(site)->figures[size % 4];
  if (get(figures.size) != size) {
    for (int i = 0; i < numShares; ++i)
      set(figures.selectiveTrials[i], uint8_t(0));
    set(figures.denseTrials, 0u);
    set(figures.period, 0u);
    set(figures.spent, 0.0f);
    set(figures.size, size);
  }
  return figures;
}

/// The share of ones: in all bytes, or in pieces here and there. A byte is a
/// spike, or eight.
static float estimateShare(const uint8_t *spikes, int64_t count, int64_t work,
                           bool packed) {
  constexpr int64_t piece = 64;
  int64_t pieces = work >> 18;
  pieces = pieces < 16 ? 16 : pieces > 64 ? 64 : pieces;
  int64_t distance = count / pieces;
  if (distance <= piece) {
    pieces = 1;
    distance = count;
  }
  int64_t ones = 0, seen = 0;
  for (int64_t i = 0; i < pieces; ++i) {
    int64_t length = pieces == 1 ? count : piece;
    int64_t start =
        i * distance +
        (pieces == 1 ? 0 : int64_t(nextRandom() % uint64_t(distance - piece)));
    for (int64_t j = 0; j < length; ++j)
      ones +=
          packed ? __builtin_popcount(spikes[start + j]) : spikes[start + j];
    seen += packed ? 8 * length : length;
  }
  return (float(ones) + 0.5f) / (float(seen) + 1.0f);
}

static int numberOf(float share) {
  // Exponent and the half octave, of the number's bits.
  uint32_t bits;
  memcpy(&bits, &share, sizeof bits);
  int octave = int(bits >> 23) - 127 + 12;
  int number = 2 * octave + ((bits & 0x7fffffu) > 0x3504f3u);
  return number < 0 ? 0 : number >= numShares ? numShares - 1 : number;
}

/// What a multiply-add costs with the selective kernel; 0: try it. Where it has
/// lost at a lower share of spikes, it need not be tried.
static float expectSelective(const Figures &figures, int number, float share,
                             float dense) {
  uint32_t known = get(figures.selectiveTrials[number]);
  float figure = get(figures.selective[number]) * share;
  if (known >= trials)
    return figure;
  if (known > 0 && figure < dense)
    return 0;
  // Shares that are sooner too low than too high.
  float lower = 1;
  for (int i = numShares; i-- > 0;) {
    lower *= 0.7f;
    float least = get(figures.selective[i]) * lower;
    if (i < number && get(figures.selectiveTrials[i]) >= trials &&
        least > dense)
      return least;
  }
  return 0;
}

static int64_t beginKernel(void *site, const void *spikes, int64_t count,
                           int64_t work, bool packed) {
  Figures &figures = figuresOf(site, work);
  uint32_t period = get(figures.period);
  if (period > 1 && nextRandom() % period != 0)
    return get(figures.choice);

  float share =
      estimateShare(static_cast<const uint8_t *>(spikes), count, work, packed);
  int number = numberOf(share);
  uint32_t denseTrials = get(figures.denseTrials);
  float dense = get(figures.dense);
  float selective = expectSelective(figures, number, share, dense);
  uint32_t choice;
  if (denseTrials < trials) {
    choice = denseTrials > get(figures.selectiveTrials[number]);
  } else if (selective == 0) {
    choice = 1;
  } else {
    choice = selective < dense;
    set(figures.choice, choice);
    float other = (choice ? dense : selective) * float(work);
    if (get(figures.spent) > tryingShare * other) {
      set(figures.spent, 0.0f);
      choice ^= 1;
    }
  }
  // The number of the share is found again by what follows the time.
  uint32_t bits;
  memcpy(&bits, &share, sizeof bits);
  return int64_t(uint64_t(now()) << 18 | uint64_t(bits >> 16) << 2 | 2 |
                 choice);
}

int64_t rheobase_rt_begin_kernel(void *site, const void *spikes, int64_t count,
                                 int64_t work) noexcept {
  return beginKernel(site, spikes, count, work, /*packed=*/false);
}

int64_t rheobase_rt_begin_packed_kernel(void *site, const void *spikes,
                                        int64_t count, int64_t work) noexcept {
  return beginKernel(site, spikes, count, work, /*packed=*/true);
}

void rheobase_rt_end_kernel(void *site, int64_t work, int64_t begun) noexcept {
  // The time wraps around.
  int64_t nanoseconds =
      int64_t((uint64_t(now()) - (uint64_t(begun) >> 18)) << 18 >> 18);
  uint32_t bits = uint32_t(begun >> 2 & 0xffff) << 16;
  float share;
  memcpy(&share, &bits, sizeof share);
  bool selective = begun & 1;
  Figures &figures = figuresOf(site, work);
  int number = numberOf(share);
  float elapsed = float(nanoseconds > 0 ? nanoseconds : 1);
  float time = elapsed / float(work > 0 ? work : 1);
  if (selective)
    time /= share;
  float &figure = selective ? figures.selective[number] : figures.dense;
  uint32_t known = selective ? get(figures.selectiveTrials[number])
                             : get(figures.denseTrials);
  float old = get(figure) * forgetting;
  set(figure, known == 0 || time < old ? time : old);
  if (known < trials) {
    if (selective)
      set(figures.selectiveTrials[number], uint8_t(known + 1));
    else
      set(figures.denseTrials, known + 1);
    set(figures.choice, uint32_t(selective));
    set(figures.period, 1u);
    return;
  }
  if (uint32_t(selective) == get(figures.choice)) {
    uint32_t period = uint32_t(measuringShare * measuringTime / elapsed) + 1;
    period = period > 256 ? 256 : period;
    set(figures.period, period);
    set(figures.spent, get(figures.spent) + elapsed * float(period));
  }
}
