//===- CoreTest.cpp - Memory and errors of generated code -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/abi.h"
#include "rheobase/rt.h"
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

TEST(Pool, AlignsAndKeepsContents) {
  std::mt19937 random(1);
  struct Allocation {
    unsigned char *data;
    size_t size;
    unsigned char fill;
  };
  std::vector<Allocation> live;
  for (int i = 0; i < 4000; ++i) {
    if (random() % 3 && live.size() < 200) {
      size_t size = random() % (size_t(1) << (random() % 18));
      auto *data =
          static_cast<unsigned char *>(rheobase_rt_alloc(int64_t(size)));
      ASSERT_NE(data, nullptr);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
      memset(data, i & 255, size);
      live.push_back({data, size, static_cast<unsigned char>(i & 255)});
    } else if (!live.empty()) {
      size_t index = random() % live.size();
      for (size_t k = 0; k < live[index].size; ++k)
        ASSERT_EQ(live[index].data[k], live[index].fill);
      rheobase_rt_free(live[index].data);
      live[index] = live.back();
      live.pop_back();
    }
  }
  for (Allocation &allocation : live)
    rheobase_rt_free(allocation.data);
}

TEST(Pool, ReusesFreedBlocks) {
  void *first = rheobase_rt_alloc(10000);
  rheobase_rt_free(first);
  void *second = rheobase_rt_alloc(9000);
  EXPECT_EQ(first, second);
  void *third = rheobase_rt_alloc(9000);
  EXPECT_NE(second, third);
  rheobase_rt_free(second);
  rheobase_rt_free(second); // ignored: must not hand out the block twice
  void *a = rheobase_rt_alloc(9000), *b = rheobase_rt_alloc(9000);
  EXPECT_NE(a, b);
  rheobase_rt_free(a);
  rheobase_rt_free(b);
  rheobase_rt_free(third);
  rheobase_rt_free(nullptr);
}

TEST(Pool, CountsThePeak) {
  rheobase_rt_peak_bytes(1);
  int64_t before = rheobase_rt_peak_bytes(0);
  void *a = rheobase_rt_alloc(1 << 20), *b = rheobase_rt_alloc(1 << 20);
  rheobase_rt_free(a);
  rheobase_rt_free(b);
  EXPECT_EQ(rheobase_rt_peak_bytes(1), before + (2 << 20));
  EXPECT_EQ(rheobase_rt_peak_bytes(0), before);
}

TEST(Pool, KeepsTheLargestBlocks) {
  // An arena stays where it is when the rest that was needed beside it, by and
  // by, is more than was ever needed at once.
  constexpr int64_t large = int64_t(128) << 20;
  rheobase_rt_trim();
  rheobase_rt_peak_bytes(1);
  auto *arena = static_cast<char *>(rheobase_rt_alloc(large));
  arena[large / 2] = 42;
  rheobase_rt_free(arena);
  void *other = rheobase_rt_alloc(large / 4);
  rheobase_rt_free(other);
  auto *again = static_cast<char *>(rheobase_rt_alloc(large));
  EXPECT_EQ(again, arena);
  EXPECT_EQ(again[large / 2], 42);
  rheobase_rt_free(again);
  rheobase_rt_trim();
  rheobase_rt_peak_bytes(1);
}

TEST(Pool, RefusesWhatNoMachineHas) {
  EXPECT_EQ(rheobase_rt_alloc(-1), nullptr);
  EXPECT_STREQ(rb_last_error(), "cannot allocate -1 bytes");
  EXPECT_EQ(rheobase_rt_alloc(INT64_MAX), nullptr);
  EXPECT_STREQ(rb_last_error(), "cannot allocate 9223372036854775807 bytes");
}

TEST(PoolDeathTest, SaysWhatAKernelCannotHave) {
  void *data = rheobase_rt_need(100);
  ASSERT_NE(data, nullptr);
  rheobase_rt_free(data);
  EXPECT_DEATH(rheobase_rt_need(-1),
               "rheobase: in a kernel: cannot allocate -1 bytes");
}

TEST(Pool, ServesThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      std::mt19937 random(t);
      std::vector<int *> live;
      for (int i = 0; i < 5000; ++i) {
        int *data =
            static_cast<int *>(rheobase_rt_alloc(int64_t(4 + random() % 4000)));
        *data = t;
        live.push_back(data);
        if (random() % 2) {
          EXPECT_EQ(*live.front(), t);
          rheobase_rt_free(live.front());
          live.erase(live.begin());
        }
      }
      for (int *data : live)
        rheobase_rt_free(data);
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Error, NamesEntryArgumentAndSizes) {
  rheobase_rt_shape_error("train_step", 2, 1, 784, 100);
  EXPECT_STREQ(rb_last_error(),
               "train_step: argument 2: expected 784 in dimension 1, got 100");
  rheobase_rt_shape_error("forward", 0, -1, 2, 3);
  EXPECT_STREQ(rb_last_error(), "forward: argument 0: expected rank 2, got 3");
}

TEST(Error, BelongsToTheThread) {
  rb_set_last_error("mine");
  std::thread([] {
    EXPECT_STREQ(rb_last_error(), "");
    rb_set_last_error("other");
  }).join();
  EXPECT_STREQ(rb_last_error(), "mine");
  rb_set_last_error(nullptr);
  EXPECT_STREQ(rb_last_error(), "");
}
