//===- Support.h - Helpers of the runtime -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formatting, errors and files: what every part of the runtime uses.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_SUPPORT_H
#define RHEOBASE_LIB_RUNTIME_SUPPORT_H

#include "rheobase/Runtime/Status.h"
#include <cstdint>
#include <string>

/// Returns from the function with the status of `expression` unless it is ok.
#define RB_TRY(expression)                                                     \
  do {                                                                         \
    ::rheobase::rt::Status rbTryStatus = (expression);                         \
    if (!rbTryStatus.ok())                                                     \
      return rbTryStatus;                                                      \
  } while (false)

namespace rheobase {
namespace rt {

/// printf into a string.
std::string format(const char *pattern, ...)
    __attribute__((format(printf, 1, 2)));

/// A status with a printf-style message.
Status error(rb_status code, const char *pattern, ...)
    __attribute__((format(printf, 2, 3)));

/// RB_IO_ERROR or RB_NOT_FOUND with errno's text: "cannot open 'x': No such
/// file or directory".
Status systemError(const char *action, const std::string &path,
                   int errorNumber);

/// A number so that reading it gives the same number again.
std::string formatDouble(double value);

/// A file that appears under its name only when it is complete: written beside
/// it, flushed to the disk, renamed. Until commit() succeeds an existing file
/// stays as it was, and nothing else remains. What is not a regular file (a
/// pipe, /dev/stdout) is written to directly.
class AtomicFile {
public:
  explicit AtomicFile(std::string path) : path(std::move(path)) {}
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  ~AtomicFile();

  Status open();
  Status write(const void *data, int64_t bytes);
  Status commit();

private:
  Status fail(const char *action, int errorNumber);

  std::string path;      // as the caller names it
  std::string target;    // behind symbolic links
  std::string temporary; // empty if written to directly
  int descriptor = -1;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_SUPPORT_H
