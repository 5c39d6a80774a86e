//===- Data.h - Samples, their order and their batches ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Data files, the shuffled order of an epoch, and the thread that prepares the
// next batch while the current one is computed.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_DATA_H
#define RHEOBASE_LIB_RUNTIME_DATA_H

#include "Manifest.h"
#include <condition_variable>
#include <mutex>
#include <thread>

namespace rheobase {
namespace rt {

/// Reads an IDX file, plain or compressed by gzip. Elements of 16 bits are
/// widened to i32.
Status readIdx(const std::string &path, Tensor &out);

/// Reads an IDX or NPY file; which it is, its first bytes say.
Status readDataFile(const std::string &path, Tensor &out);

/// Inputs and, optionally, labels; the first dimension counts samples.
class DataSet {
public:
  /// An empty `labels` path means that there are none.
  static Status open(const std::string &inputs, const std::string &labels,
                     DataSet &out);
  /// From tensors; their bytes are copied.
  static Status create(const rb_tensor &inputs, const rb_tensor *labels,
                       DataSet &out);

  int64_t size() const { return inputs.dims().empty() ? 0 : inputs.dims()[0]; }
  bool hasLabels() const { return !labelValues.empty(); }

  /// Checks that labels are in [0, classes); zero classes means unknown, then
  /// only negative ones are refused.
  Status checkLabels(int64_t classes) const;

  Tensor inputs;
  std::vector<int64_t> labelValues;
  std::string inputName, labelName; ///< for messages

private:
  Status setLabels(const Tensor &labels);
};

/// How a sample's elements go into an entry's input argument, and its label
/// into the label argument.
struct BatchLayout {
  const ValueInfo *input = nullptr;
  const ValueInfo *label = nullptr; ///< null if the entry takes none
  std::vector<int64_t> dims; ///< of the input argument; the batch's is -1
  int64_t outer = 1;     ///< elements of a sample before the batch dimension
  int64_t inner = 1;     ///< and after it
  int64_t timeSteps = 0; ///< the data's, zero if they have none

  /// Matches the samples with the arguments of `entry`: either dimension by
  /// dimension, or reshaped where all sizes are fixed.
  static Status create(const EntryInfo &entry, const DataSet &data,
                       BatchLayout &out);
};

/// The arguments of one call.
struct Batch {
  int64_t position = 0; ///< of its first sample within the epoch
  int64_t count = 0;
  Tensor inputStorage, labelStorage; ///< for a full batch
  rb_tensor input = {}, label = {};  ///< what is used of them

  Status allocate(const BatchLayout &layout, int64_t size);
  /// Copies and converts samples order[position .. position + count).
  void gather(const DataSet &data, const BatchLayout &layout,
              const std::vector<int64_t> &order, int64_t position,
              int64_t count);
};

/// 0 .. count - 1, shuffled: a pure function of the seed and the epoch.
std::vector<int64_t> shuffledOrder(int64_t count, uint64_t seed, int64_t epoch);
std::vector<int64_t> naturalOrder(int64_t count);

/// Prepares batches in a thread of its own, one ahead of the one in use.
class Prefetcher {
public:
  /// From `position` in `order` to its end; the last batch may be smaller. The
  /// references must outlive this object.
  Prefetcher(const DataSet &data, const BatchLayout &layout,
             std::vector<int64_t> order, int64_t batchSize, int64_t position);
  ~Prefetcher();

  Status start();
  /// The next batch, which is valid until the next call; null at the end.
  const Batch *next();
  const std::vector<int64_t> &order() const { return indices; }

private:
  void work();

  const DataSet &data;
  const BatchLayout &layout;
  std::vector<int64_t> indices;
  int64_t batchSize;
  int64_t position;

  Batch slots[2];
  std::thread thread;
  std::mutex mutex;
  std::condition_variable changed;
  int64_t produced = 0, taken = 0, returned = 0; // batches so far
  bool finished = false, stop = false;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_DATA_H
