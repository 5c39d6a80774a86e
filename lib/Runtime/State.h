//===- State.h - The persistent tensors of a program ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parameters, optimizer state and statistics: their initial values and their
// way to files and back.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_STATE_H
#define RHEOBASE_LIB_RUNTIME_STATE_H

#include "Program.h"
#include <map>

namespace rheobase {
namespace rt {

/// Where a training stands. Enough, with the persistent tensors, to go on as if
/// it had not been interrupted.
struct Progress {
  int64_t epoch = 0;    ///< epochs that are complete
  int64_t position = 0; ///< samples of the current epoch that were used
  int64_t step = 0;     ///< optimizer steps so far
  uint64_t seed = 0;
  int64_t samples = 0; ///< samples per epoch
  double bestAccuracy = -1.0;
  /// Sums over the current epoch: of the loss, and of metrics by name.
  double lossSum = 0.0;
  std::map<std::string, double> metricSums;
  /// What else the numbers depend on, for a comparison at resumption.
  std::map<std::string, std::string> options;
};

class State {
public:
  /// The persistent arguments of all entries of `program`, zero.
  static Status create(std::shared_ptr<Program> program, State &out);

  /// Gives every tensor its initial value: a pure function of the seed, the
  /// tensor's name and the element's index.
  Status initialize(uint64_t seed);

  /// Reads the tensors from a checkpoint of this program. With `progress`, for
  /// a training that goes on, the checkpoint must be complete and of the same
  /// module; without, optimizer state that the program does not use is ignored.
  Status load(const std::string &path, Progress *progress);
  Status save(const std::string &path, const Progress &progress) const;

  /// Null if there is none of that name.
  Tensor *find(const std::string &name);

  /// The first element that is infinite or not a number; empty if all is well.
  std::string findNonFinite() const;

  struct Entry {
    const ValueInfo *info;
    Tensor tensor;
  };
  const Program &program() const { return *owner; }
  std::vector<Entry> &entries() { return tensors; }
  const std::vector<Entry> &entries() const { return tensors; }

private:
  std::shared_ptr<Program> owner;
  std::vector<Entry> tensors;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_STATE_H
