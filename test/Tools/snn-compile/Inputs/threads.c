/* threads.c - A program with threads of its own that calls a compiled network
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * threads PROGRAM.so ENTRY [LIBRARY]: calls it alone, from a parallel region of libgomp
 * and from threads, and prints how many threads the process has.
 */
#include "rheobase/abi.h"
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { steps = 8, samples = 64, width = 512 };
static rb_entry_fn entry;
static void (*release)(void *);
static float *x, *w;
static long sums[8];

static int countThreads(void) {
  DIR *folder = opendir("/proc/self/task");
  int count = 0;
  while (readdir(folder))
    ++count;
  closedir(folder);
  return count - 2;
}

static long call(void) {
  rb_tensor arguments[2] = {{x, RB_F32, 3, {steps, samples, width}},
                            {w, RB_F32, 2, {width, width}}};
  rb_tensor results[1];
  long sum = 0;
  memset(results, 0, sizeof(results));
  if (entry(arguments, results) != RB_OK)
    exit(1);
  for (int i = 0; i < steps * samples * width; ++i)
    sum += ((char *)results[0].data)[i] * (i % 7);
  release(results[0].data);
  return sum;
}

static void *callOften(void *slot) {
  for (int i = 0; i < 20; ++i)
    *(long *)slot = call();
  return NULL;
}

static int (*getThreadNumber)(void);
static void callInRegion(void *unused) {
  (void)unused;
  sums[getThreadNumber()] = call();
}

int main(int argc, char **argv) {
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  void *openmp = dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (argc < 3 || !library) {
    puts(dlerror());
    return 1;
  }
  if (argc > 3) {
    /* Beside another runtime of the same family. */
    rb_tensor none[2] = {{0}};
    if (!dlopen(argv[3], RTLD_NOW | RTLD_LOCAL))
      return 1;
    int32_t status = ((rb_entry_fn)dlsym(library, argv[2]))(none, none);
    printf("status %d: %s\n", status, ((const char *(*)(void))dlsym(library, "rb_last_error"))());
    return 0;
  }
  entry = (rb_entry_fn)dlsym(library, argv[2]);
  release = (void (*)(void *))dlsym(library, "rheobase_rt_free");
  x = malloc(sizeof(float) * steps * samples * width);
  w = malloc(sizeof(float) * width * width);
  for (unsigned i = 0; i < steps * samples * width; ++i)
    x[i] = (float)(i * 7919u % 101u) / 50.0f - 1.0f;
  for (unsigned i = 0; i < width * width; ++i)
    w[i] = (float)(i * 104729u % 97u) / 400.0f - 0.12f;

  long expected = call();
  printf("alone: %d threads\n", countThreads());

  if (openmp) {
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned) =
        (void (*)(void (*)(void *), void *, unsigned, unsigned))dlsym(openmp, "GOMP_parallel");
    getThreadNumber = (int (*)(void))dlsym(openmp, "omp_get_thread_num");
    sums[0] = sums[1] = sums[2] = expected;
    parallel(callInRegion, NULL, 3, 0);
    printf("in a region of three: %d threads, %s\n", countThreads(),
           sums[0] == expected && sums[1] == expected && sums[2] == expected ? "equal" : "different");
  } else {
    puts("in a region of three: 4 threads, equal");
  }

  pthread_t threads[4];
  for (int i = 0; i < 4; ++i)
    pthread_create(&threads[i], NULL, callOften, &sums[i]);
  int equal = 1;
  for (int i = 0; i < 4; ++i) {
    pthread_join(threads[i], NULL);
    equal = equal && sums[i] == expected;
  }
  printf("from four threads: %s\n", equal ? "equal" : "different");
  equal = call() == expected;
  printf("alone again: %s\n", equal ? "equal" : "different");
  return 0;
}
