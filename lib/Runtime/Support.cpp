//===- Support.cpp - Helpers of the runtime -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "rheobase/Runtime/Files.h"
#include <atomic>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rheobase {
namespace rt {

static std::string formatList(const char *pattern, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(nullptr, 0, pattern, arguments);
  std::string text(size_t(length < 0 ? 0 : length), '\0');
  vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  return text;
}

std::string format(const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  std::string text = formatList(pattern, arguments);
  va_end(arguments);
  return text;
}

Status error(rb_status code, const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  std::string text = formatList(pattern, arguments);
  va_end(arguments);
  return Status(code, std::move(text));
}

Status systemError(const char *action, const std::string &path,
                   int errorNumber) {
  bool missing = errorNumber == ENOENT || errorNumber == ENOTDIR;
  return error(missing ? RB_NOT_FOUND : RB_IO_ERROR, "cannot %s '%s': %s",
               action, path.c_str(), strerror(errorNumber));
}

std::string formatDouble(double value) {
  if (std::isnan(value))
    return "nan"; // without the sign, which says nothing
  char buffer[64];
  std::to_chars_result result =
      std::to_chars(buffer, buffer + sizeof(buffer), value);
  return std::string(buffer, result.ptr);
}

//===----------------------------------------------------------------------===//
// AtomicFile
//===----------------------------------------------------------------------===//

/// Flushes the folder, without which the rename may be lost in a power cut.
/// Some file systems refuse; the file itself is safe then.
static void flushFolder(const std::string &file) {
  size_t slash = file.rfind('/');
  std::string folder =
      slash == std::string::npos ? "." : file.substr(0, slash + 1);
  int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return;
  (void)fsync(descriptor);
  close(descriptor);
}

AtomicFile::~AtomicFile() {
  if (descriptor >= 0)
    close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Status AtomicFile::fail(const char *action, int errorNumber) {
  return systemError(action, path, errorNumber);
}

Status AtomicFile::open() {
  target = path;
  struct stat info;
  bool exists = stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode))
    return fail("write", EISDIR);
  if (exists && !S_ISREG(info.st_mode)) {
    descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    return descriptor < 0 ? fail("open", errno) : Status();
  }
  if (exists) {
    char resolved[PATH_MAX];
    if (!realpath(path.c_str(), resolved))
      return fail("open", errno);
    target = resolved;
  }
  static std::atomic<unsigned> counter{0};
  std::string name =
      format("%s.%ld.%u.tmp", target.c_str(), long(getpid()), counter++);
  descriptor =
      ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return fail("write", errno);
  temporary = std::move(name);
  if (exists)
    (void)fchmod(descriptor, info.st_mode & 07777);
  return Status();
}

Status AtomicFile::write(const void *data, int64_t bytes) {
  const char *position = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t written = ::write(descriptor, position, size_t(bytes));
    if (written < 0) {
      if (errno == EINTR)
        continue;
      return fail("write", errno);
    }
    position += written;
    bytes -= written;
  }
  return Status();
}

Status AtomicFile::commit() {
  if (!temporary.empty() && fsync(descriptor) != 0)
    return fail("write", errno);
  int closed = close(descriptor);
  descriptor = -1;
  if (closed != 0)
    return fail("write", errno);
  if (temporary.empty())
    return Status();
  if (rename(temporary.c_str(), target.c_str()) != 0)
    return fail("write", errno);
  temporary.clear();
  flushFolder(target);
  return Status();
}

Status writeFile(const std::string &path, const void *data, int64_t bytes) {
  AtomicFile file(path);
  RB_TRY(file.open());
  RB_TRY(file.write(data, bytes));
  return file.commit();
}

Status checkWritable(const std::string &path) {
  struct stat info;
  // Opening and closing a pipe would end its reader's file.
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) &&
      !S_ISDIR(info.st_mode))
    return access(path.c_str(), W_OK) == 0 ? Status()
                                           : systemError("write", path, errno);
  return AtomicFile(path).open();
}

} // namespace rt
} // namespace rheobase
