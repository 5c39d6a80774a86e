//===- Profile.cpp - Time and work of the kernels of generated code -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Called by code that was compiled with a profile. Needs libc only.
//
//===----------------------------------------------------------------------===//

#include "rheobase/abi.h"
#include "rheobase/rt.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace {

struct Kernel {
  /// Names and numbers, as generated code has them.
  const char *text;
  int64_t calls;
  int64_t nanoseconds;
};

struct Work {
  int64_t operations, bytes;
};

/// An array that grows; what does not fit into memory is not recorded.
template <typename T> struct Array {
  T *data;
  int64_t size, capacity;

  T *add() {
    if (size == capacity) {
      int64_t larger = capacity ? 2 * capacity : 64;
      void *memory = realloc(data, size_t(larger) * sizeof(T));
      if (!memory)
        return nullptr;
      data = static_cast<T *>(memory);
      capacity = larger;
    }
    T *element = &data[size++];
    *element = T();
    return element;
  }
};

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
Array<Kernel> kernels;
Array<Work> works;
Array<rb_profile_event> events;
bool tracing;

} // namespace

static int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

int64_t rheobase_rt_profile_begin(void) noexcept { return now(); }

void rheobase_rt_profile_end(int64_t start, const char *kernel) noexcept {
  int64_t nanoseconds = now() - start;
  pthread_mutex_lock(&mutex);
  Kernel *found = nullptr;
  for (int64_t i = 0; i < kernels.size && !found; ++i)
    if (kernels.data[i].text == kernel)
      found = &kernels.data[i];
  if (!found && (found = kernels.add()))
    found->text = kernel;
  if (found) {
    ++found->calls;
    found->nanoseconds += nanoseconds;
    if (tracing)
      if (rb_profile_event *event = events.add()) {
        event->kernel = found - kernels.data;
        event->start = start;
        event->nanoseconds = nanoseconds;
      }
  }
  pthread_mutex_unlock(&mutex);
}

void rheobase_rt_profile_work(int64_t number, int64_t operations,
                              int64_t bytes) noexcept {
  pthread_mutex_lock(&mutex);
  while (works.size <= number)
    if (Work *work = works.add())
      work->operations = work->bytes = -1;
    else
      break;
  if (number >= 0 && number < works.size)
    works.data[number] = {operations, bytes};
  pthread_mutex_unlock(&mutex);
}

void rb_profile_reset(int32_t trace) noexcept {
  pthread_mutex_lock(&mutex);
  for (int64_t i = 0; i < kernels.size; ++i)
    kernels.data[i].calls = kernels.data[i].nanoseconds = 0;
  events.size = 0;
  tracing = trace != 0;
  pthread_mutex_unlock(&mutex);
}

int64_t rb_profile_count(void) noexcept { return kernels.size; }

int64_t rb_profile_events(const rb_profile_event **list) noexcept {
  *list = events.data;
  return events.size;
}

rb_status rb_profile_get(int64_t index, rb_profile_kernel *kernel) noexcept {
  if (index < 0 || index >= kernels.size) {
    rb_set_last_error("rb_profile_get: there is no such kernel");
    return RB_NOT_FOUND;
  }
  const Kernel &from = kernels.data[index];
  memset(kernel, 0, sizeof(*kernel));
  // "function|name|location|numbers"
  const char *fields[4] = {from.text, "", "", ""};
  for (int i = 1; i < 4; ++i) {
    const char *bar = strchr(fields[i - 1], '|');
    if (!bar)
      break;
    fields[i] = bar + 1;
  }
  kernel->function = fields[0];
  kernel->name = fields[1];
  kernel->location = fields[2];
  for (int i = 0; i < 3; ++i)
    kernel->lengths[i] = int32_t(strcspn(fields[i], "|"));
  kernel->calls = from.calls;
  kernel->nanoseconds = from.nanoseconds;
  for (const char *text = fields[3]; *text;) {
    char *end;
    long number = strtol(text, &end, 10);
    Work work = number < works.size ? works.data[number] : Work{-1, -1};
    auto add = [&](int64_t &sum, int64_t value) {
      sum = sum < 0 || value < 0 ? -1 : sum + value * from.calls;
    };
    add(kernel->operations, work.operations);
    add(kernel->bytes, work.bytes);
    text = *end == ',' ? end + 1 : end;
    if (end == text && *end != ',' && *end)
      break;
  }
  return RB_OK;
}
