//===- NetworkGenerator.h - Random networks in step form --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TEST_UNIT_TRANSFORMS_NETWORKGENERATOR_H
#define RHEOBASE_TEST_UNIT_TRANSFORMS_NETWORKGENERATOR_H

#include <cstdint>
#include <string>
#include <vector>

namespace rheobase::test {

/// An argument of the generated function.
struct Argument {
  enum Kind { Float, Spikes, Seed, Steps } kind;
  /// -1 stands for the number of steps, -2 for the size of the batch.
  std::vector<int64_t> shape;
};

struct Network {
  /// A module with the function @f.
  std::string text;
  std::vector<Argument> arguments;
};

struct NetworkOptions {
  int64_t steps = 3;
  int64_t batch = 2;
  /// Whether types say so.
  bool staticSteps = false, staticBatch = false;
  bool reverse = false;
};

/// A time loop over one step of a network of random operations and
/// connections, with feedback, delays, neurons of all kinds and values that
/// leave the loop anywhere. The same seed gives the same network.
Network generateNetwork(uint64_t seed, const NetworkOptions &options);

} // namespace rheobase::test

#endif // RHEOBASE_TEST_UNIT_TRANSFORMS_NETWORKGENERATOR_H
