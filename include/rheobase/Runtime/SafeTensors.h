//===- SafeTensors.h - Named tensors in a file ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes the safetensors format: eight bytes with the length of a
// JSON header, the header, the tensors' bytes. Checkpoints and trained weights
// are such files.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_SAFETENSORS_H
#define RHEOBASE_RUNTIME_SAFETENSORS_H

#include "rheobase/Runtime/Tensor.h"
#include <map>

namespace rheobase {
namespace rt {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A whole file: the tensors in the order of their bytes, and the strings of
/// `__metadata__`.
struct SafeTensors {
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;

  /// Null if there is none of that name.
  const Tensor *find(const std::string &name) const;
};

/// Reads a file. What is cut short, overlaps, leaves a gap or lies outside of
/// the file is an error.
Status readSafeTensors(const std::string &path, SafeTensors &out);

/// Writes a file so that it is either complete or as it was before.
Status
writeSafeTensors(const std::string &path,
                 const std::vector<std::pair<std::string, rb_tensor>> &tensors,
                 const std::map<std::string, std::string> &metadata);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_SAFETENSORS_H
