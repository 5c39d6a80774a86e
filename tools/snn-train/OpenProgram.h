//===- OpenProgram.h - From a file to a program -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_TRAIN_OPENPROGRAM_H
#define RHEOBASE_TOOLS_SNN_TRAIN_OPENPROGRAM_H

#include "rheobase/Conversion/ProductKernel.h"
#include "rheobase/Runtime/Trainer.h"

#include <memory>

namespace rheobase {

class CompiledProgram;

/// The program in a file: a shared object, or a module, which is compiled. Must
/// outlive the trainer that uses it.
class OpenedProgram {
public:
  OpenedProgram();
  ~OpenedProgram();

  /// How a module is compiled: FrontendOptions::exact.
  bool exact = false;
  /// How its products with spikes are computed.
  ProductKernel kernel = ProductKernel::Automatic;
  /// What a step may need: the value of --memory-limit, samples of a step, and
  /// time steps (0: the source's).
  std::string memoryLimit;
  int64_t samples = 0, timeSteps = 0;

  /// Gives `trainer` the program in `path`. What is wrong with a module is
  /// printed where it stands. `cacheFolder` is the value of --cache.
  rt::Status open(const std::string &path, const std::string &cacheFolder,
                  rt::Trainer &trainer);

  /// Which operation of a step that failed is the first to give a number that is
  /// not finite: the step again, in the reference interpreter. A sentence; for a
  /// shared object, which has no operations, it says that.
  std::string explain(const rb_numeric_failure &failure) const;

private:
  rt::Status compile(const std::string &path, const std::string &cacheFolder,
                     rt::Trainer &trainer);

  std::unique_ptr<CompiledProgram> compiled;
  /// The module as it was before lowering; null for a shared object.
  struct Source;
  std::unique_ptr<Source> source;
};

} // namespace rheobase

#endif // RHEOBASE_TOOLS_SNN_TRAIN_OPENPROGRAM_H
