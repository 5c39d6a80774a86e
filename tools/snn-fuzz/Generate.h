//===- Generate.h - Random programs -----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_FUZZ_GENERATE_H
#define RHEOBASE_TOOLS_SNN_FUZZ_GENERATE_H

#include "rheobase/Reference/Tensor.h"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace rheobase::fuzz {

/// Random choices that are the same on every machine.
class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  /// 0 .. count - 1.
  int64_t below(int64_t count) { return int64_t(engine() % uint64_t(count)); }
  bool chance(int64_t percent) { return below(100) < percent; }
  /// A number between -1 and 1 with 24 random bits.
  double number() { return double(engine() >> 40) * 0x1p-23 - 1.0; }
  template <typename T>
  const T &pick(const std::vector<T> &choices) {
    return choices[size_t(below(int64_t(choices.size())))];
  }

private:
  std::mt19937_64 engine;
};

/// What an argument of a generated function is.
enum class Role { Steps, Sequence, Parameter, State };

struct Argument {
  Role role;
  reference::ElementKind kind;
  /// -1: the number of samples; a sequence has its steps before these.
  std::vector<int64_t> shape;
};

/// A module with one function `f`. Its results are sequences, then the final
/// states in the order of the state arguments, then other results.
struct Program {
  std::string text;
  std::vector<Argument> arguments;
  int64_t sequences = 0;
  /// Whether the steps can be split anywhere: run in two parts, the states of
  /// the first handed to the second, it gives the same.
  bool splits = true;
};

/// A `spiking.scan` with a random body: arithmetic, transcendental functions,
/// conditionals, loops, spikes, several states, parameters, accumulators.
Program generateScan(Random &random);

/// A network in step form: dense layers of random neurons in one time loop,
/// with recurrent weights and residual additions in some.
Program generateNetwork(Random &random);

/// The same after layers of convolutions, with normalization and pools in some.
Program generateImageNetwork(Random &random);

/// Arguments of a program for a number of steps and samples.
llvm::SmallVector<reference::Tensor> drawArguments(const Program &program,
                                                   Random &random,
                                                   int64_t steps,
                                                   int64_t samples);

} // namespace rheobase::fuzz

#endif // RHEOBASE_TOOLS_SNN_FUZZ_GENERATE_H
