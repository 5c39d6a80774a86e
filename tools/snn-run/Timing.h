//===- Timing.h - Calls of an entry point, and their time -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_RUN_TIMING_H
#define RHEOBASE_TOOLS_SNN_RUN_TIMING_H

#include "rheobase/Runtime/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace rheobase {

/// Calls an entry point with the same arguments and owns the results of the
/// last call.
class Invocation {
public:
  Invocation(rb_entry_fn function, mlir::func::FuncOp entry,
             const std::vector<rt::Tensor> &arguments);
  ~Invocation() { release(); }

  /// False with getError() on failure.
  bool call();
  std::string getError() const;
  llvm::ArrayRef<rb_tensor> getResults() const { return results; }
  /// Reads every element of every result.
  double readResults() const;

private:
  void release();

  rb_entry_fn function;
  std::vector<rb_tensor> arguments;
  /// The caller's values stay: donated arguments are copies.
  std::vector<rt::Tensor> donated;
  rt::Status copied;
  std::vector<rb_tensor> results;
  /// Results that are donated arguments are not ours.
  std::vector<bool> owned;
  bool valid = false;
};

struct Measurement {
  double medianMs = 0, minMs = 0, firstSeconds = 0, compileSeconds = 0;
  double peakMB = 0, checksum = 0;
  int64_t runs = 0;
  /// Of the compile cache: hit, miss, or off.
  const char *cache = "off";
};

/// Repeats for `seconds`, at least seven times, after two calls to warm up.
Measurement measure(Invocation &invocation, double seconds);
void report(const Measurement &measurement, bool json);

/// How many threads generated code runs on; 0: all.
void setThreads(int count);

} // namespace rheobase

#endif // RHEOBASE_TOOLS_SNN_RUN_TIMING_H
