//===- Measure.h - Calls of an entry point, and their time ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_MEASURE_H
#define RHEOBASE_RUNTIME_MEASURE_H

#include "rheobase/Runtime/Tensor.h"

#include <functional>

namespace rheobase {
namespace rt {

/// What a drawn tensor is like.
struct DrawOptions {
  uint64_t seed = 0;
  /// Number of the argument: each draws other numbers.
  uint32_t index = 0;
  /// Standard deviation of floats.
  double scale = 1.0;
  /// Whether floats are not negative.
  bool magnitude = false;
  /// Share of ones in spikes.
  double spikeRate = 0.2;
};

/// Fills a tensor: normal numbers, spikes, small integers. The numbers are a
/// function of the options alone.
void drawTensor(const DrawOptions &options, Tensor &tensor);

/// What an argument of that role and of those dimensions (negative where not
/// fixed) is drawn like: weights keep membranes near the threshold; moments,
/// variances and rates are not negative.
DrawOptions getDrawOptions(const std::string &role,
                           const std::vector<int64_t> &dims);

/// Writes a number into an element of a tensor of any type.
void setElement(Tensor &tensor, int64_t index, double value);

/// Calls an entry point with the same arguments and owns the results of the
/// last call.
class Invocation {
public:
  /// `aliases` has for each result the argument that it is, or -1.
  Invocation(std::function<int32_t(const rb_tensor *, rb_tensor *)> function,
             const std::vector<int> &aliases,
             const std::vector<Tensor> &arguments);
  ~Invocation() { release(); }

  /// False with getError() on failure.
  bool call();
  std::string getError() const;
  const std::vector<rb_tensor> &getResults() const { return results; }
  /// Reads every element of every result.
  double readResults() const;
  /// The share of ones in the results that are spikes; -1 if there are none.
  double countOnes() const;

private:
  void release();

  std::function<int32_t(const rb_tensor *, rb_tensor *)> function;
  std::vector<rb_tensor> arguments;
  /// The caller's values stay: donated arguments are copies.
  std::vector<Tensor> donated;
  Status copied;
  std::vector<rb_tensor> results;
  /// Results that are donated arguments are not ours.
  std::vector<bool> owned;
  bool valid = false;
};

struct Measurement {
  double medianMs = 0, minMs = 0, firstSeconds = 0, compileSeconds = 0;
  double peakMB = 0, checksum = 0;
  int64_t runs = 0;
  /// Share of ones in the spikes among the results; -1 if there are none.
  double ones = -1;
  /// Of the compile cache: hit, miss, or off.
  const char *cache = "off";
};

/// Repeats for `seconds`, at least seven times, after two calls to warm up.
Measurement measure(Invocation &invocation, double seconds);
/// A line, as JSON or for people.
std::string describe(const Measurement &measurement, bool json);

/// What this machine does at most, with as many threads as generated code has;
/// 0 where it was not measured.
struct MachinePeak {
  int threads = 0;
  /// 1e9 operations a second of fma in registers, f32: an fma is two.
  double gflops256 = 0, gflops512 = 0;
  /// 1e9 bytes a second of two streams that are read and one that is written,
  /// all larger than the caches.
  double gigabytes = 0;
};

/// Takes some tens of milliseconds without `bandwidth`, some tenths of a second
/// and 192 MB for a moment with it.
MachinePeak measurePeak(bool bandwidth);

/// How many threads generated code runs on; 0: all.
void setThreads(int count);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_MEASURE_H
