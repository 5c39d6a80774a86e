//===- Files.h - Files that are complete or not there -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_FILES_H
#define RHEOBASE_RUNTIME_FILES_H

#include "rheobase/Runtime/Status.h"
#include <cstdint>
#include <string>

namespace rheobase {
namespace rt {

/// Writes a file that appears under its name only when it is complete; an
/// existing one stays as it was until then. What is not a regular file (a pipe,
/// a device) is written to directly.
Status writeFile(const std::string &path, const void *data, int64_t bytes);

/// Finds out, without changing anything, whether `writeFile` could begin: the
/// folder exists and may be written to.
Status checkWritable(const std::string &path);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_FILES_H
