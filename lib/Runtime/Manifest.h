//===- Manifest.h - What a compiled module offers ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest of docs/RuntimeABI.md, parsed and checked.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_MANIFEST_H
#define RHEOBASE_LIB_RUNTIME_MANIFEST_H

#include "rheobase/Runtime/Tensor.h"
#include "rheobase/Support/InitialValues.h"
#include <optional>
#include <string>
#include <vector>

namespace rheobase {
namespace rt {

enum class Role {
  // arguments that persist between calls
  Parameter,
  Optimizer,
  State,
  // other arguments
  Input,
  Label,
  TimeSteps,
  LearningRate,
  Seed,
  Step,
  // results
  Loss,
  Metric,
  Output,
};

const char *roleName(Role role);
inline bool isPersistent(Role role) { return role <= Role::State; }

/// A dimension: a size, or a name ("?" for one that is unknown until the call).
struct Dim {
  int64_t size = -1;
  std::string name;

  bool isFixed() const { return size >= 0; }
};

/// How a persistent tensor begins.
struct Initializer {
  enum Kind { Constant, Random, Data } kind = Constant;
  double value = 0.0;        ///< of kind Constant
  Distribution distribution; ///< of kind Random
  std::string bytes;         ///< of kind Data
};

struct ValueInfo {
  std::string name;
  Role role = Role::Output;
  int32_t dtype = RB_F32;
  std::vector<Dim> dims;
  bool donated = false;
  int aliases = -1; ///< of a result: the argument that it is
  std::optional<Initializer> initializer;

  /// "f32[B,784]"
  std::string describe() const;
};

struct EntryInfo {
  std::string name;
  std::string symbol;
  std::vector<ValueInfo> arguments;
  std::vector<ValueInfo> results;

  /// Index of the first argument or result with this role, -1 if there is none.
  int findArgument(Role role) const;
  int findResult(Role role) const;
};

/// What the source says about training; zero where it says nothing.
struct ModelInfo {
  std::string loss, optimizer;
  double learningRate = 0.0;
  int64_t timeSteps = 0;
  int64_t classes = 0;
};

struct Manifest {
  std::string text;
  std::string module, target, version;
  std::vector<EntryInfo> entries;
  ModelInfo model;

  /// Parses `text`. `source` names it in messages.
  static Status parse(const std::string &source, const std::string &text,
                      Manifest &out);
  const EntryInfo *find(const std::string &name) const;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_MANIFEST_H
