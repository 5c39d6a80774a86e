//===- KernelChoiceTest.cpp - Which kernel is the fastest, by measuring ---===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/abi.h"
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <vector>

namespace {

/// A product whose kernels take the times that they are said to take.
struct Product {
  alignas(64) unsigned char site[RHEOBASE_SITE_BYTES] = {};
  std::vector<unsigned char> spikes;
  int64_t work = 1 << 20;

  explicit Product(double share, size_t count = 100000) : spikes(count) {
    setShare(share);
  }
  void setShare(double share) {
    std::mt19937 random(3);
    std::uniform_real_distribution<double> uniform;
    for (unsigned char &spike : spikes)
      spike = uniform(random) < share;
  }
  int64_t begin() {
    return rheobase_rt_begin_kernel(site, spikes.data(), int64_t(spikes.size()),
                                    work);
  }
  /// Which kernel ran.
  bool call(double denseMicroseconds, double selectiveMicroseconds) {
    using Clock = std::chrono::steady_clock;
    auto start = Clock::now();
    int64_t begun = begin();
    bool selective = begun & 1;
    std::chrono::duration<double, std::micro> time(
        selective ? selectiveMicroseconds : denseMicroseconds);
    while (Clock::now() - start < time)
      ;
    if (begun & 2)
      rheobase_rt_end_kernel(site, work, begun);
    return selective;
  }
};

/// Whether the selective kernel (or the dense one) comes to be taken in 36 of
/// 40 calls. On a busy machine a call may seem to take long, so it may last.
bool settlesOn(bool selective, Product &product, double denseMicroseconds,
               double selectiveMicroseconds, int calls = 20000) {
  uint64_t last = 0;
  for (int i = 0; i < calls; ++i) {
    bool taken = product.call(denseMicroseconds, selectiveMicroseconds);
    last =
        (last << 1 | uint64_t(taken == selective)) & ((uint64_t(1) << 40) - 1);
    if (i >= 40 && __builtin_popcountll(last) >= 36)
      return true;
  }
  return false;
}

} // namespace

TEST(KernelChoice, TriesBothAndTakesTheFaster) {
  for (bool selectiveWins : {false, true}) {
    Product product(0.1);
    double dense = selectiveWins ? 100 : 20,
           selective = selectiveWins ? 20 : 100;
    int count = 0;
    for (int i = 0; i < 6; ++i)
      count += product.call(dense, selective);
    EXPECT_EQ(count, 3);
    EXPECT_TRUE(settlesOn(selectiveWins, product, dense, selective));
  }
}

TEST(KernelChoice, FollowsTheShareOfSpikes) {
  Product product(0.05);
  auto settles = [&](bool selective, double share) {
    product.setShare(share);
    return settlesOn(selective, product, 50, 200 * share);
  };
  EXPECT_TRUE(settles(true, 0.05));
  EXPECT_TRUE(settles(false, 0.7));
  EXPECT_TRUE(settles(false, 0.9));
  EXPECT_TRUE(settles(true, 0.05));
}

TEST(KernelChoice, ComesBackToAKernelThatHasBecomeFaster) {
  Product product(0.1);
  EXPECT_TRUE(settlesOn(false, product, 20, 50));
  EXPECT_TRUE(settlesOn(true, product, 20, 5));
}

TEST(KernelChoice, ShortProductsAreMeasuredNowAndThen) {
  Product product(0.1, 500);
  product.work = 1000;
  for (int i = 0; i < 20; ++i)
    product.call(2, 1);
  int measured = 0;
  for (int i = 0; i < 2000; ++i) {
    int64_t begun = product.begin();
    if (begun & 2) {
      ++measured;
      rheobase_rt_end_kernel(product.site, product.work, begun);
    }
  }
  EXPECT_LT(measured, 200);
  EXPECT_GT(measured, 0);
}

TEST(KernelChoice, AnySizeAndShare) {
  for (size_t count : {size_t(0), size_t(1), size_t(63), size_t(5000)})
    for (double share : {0.0, 1.0})
      for (int64_t work : {int64_t(0), int64_t(1), int64_t(1) << 40}) {
        Product product(share, count);
        product.work = work;
        for (int i = 0; i < 10; ++i)
          product.call(0, 0);
      }
}

// The share that a call finds, in its answer.
static float getShare(int64_t begun) {
  uint32_t bits = uint32_t(begun >> 2 & 0xffff) << 16;
  float share;
  memcpy(&share, &bits, sizeof share);
  return share;
}

TEST(KernelChoice, CountsBits) {
  for (size_t count : {800, 80000})
    for (double share : {0.0, 0.1, 0.7, 1.0}) {
      Product product(share, count), packed(share, count);
      std::vector<unsigned char> bits(count / 8);
      for (size_t i = 0; i < count; ++i)
        bits[i / 8] |= product.spikes[i] << i % 8;
      float found = getShare(rheobase_rt_begin_packed_kernel(
          packed.site, bits.data(), int64_t(bits.size()), packed.work));
      EXPECT_NEAR(found, share, 0.06);
      EXPECT_NEAR(found, getShare(product.begin()), 0.08);
    }
}

TEST(KernelChoice, ServesSeveralThreads) {
  Product product(0.1, 3000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        int64_t begun = product.begin();
        if (begun & 2)
          rheobase_rt_end_kernel(product.site, product.work, begun);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}
