//===- Report.h - Logs and the progress bar ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_REPORT_H
#define RHEOBASE_LIB_RUNTIME_REPORT_H

#include "rheobase/Runtime/Status.h"
#include "rheobase/rt.h"
#include <chrono>
#include <cstdio>

namespace rheobase {
namespace rt {

/// Seconds of a clock that never goes back.
double secondsNow();

/// A log file: CSV with a header, or one JSON object a line. Each line is
/// flushed, so what an interrupted run wrote is there.
class LogFile {
public:
  enum Kind { Csv, JsonLines };
  explicit LogFile(Kind kind) : kind(kind) {}
  LogFile(const LogFile &) = delete;
  LogFile &operator=(const LogFile &) = delete;
  ~LogFile();

  /// `append` for a run that goes on.
  Status open(const char *path, bool append);
  Status write(const rb_event &event);

private:
  Status writeLine(const std::string &line);

  Kind kind;
  std::string path;
  FILE *file = nullptr;
};

/// What a person sees on stderr while a training runs.
class Display {
public:
  /// `mode` is an rb_progress.
  explicit Display(int64_t mode);
  ~Display() { clear(); }

  /// The state of the bar: `done` of `total` samples of what is called `title`,
  /// and the seconds that the whole run will still take (negative: unknown).
  void update(const std::string &title, int64_t done, int64_t total,
              const rb_event &event, double secondsLeft);
  /// A line that stays.
  void print(const std::string &line);
  void clear();

private:
  bool quiet, bar, drawn = false;
  double lastUpdate = 0.0;
};

/// "loss 0.4312, accuracy 84.21 %, spike rate 0.131"
std::string describeMetrics(const rb_event &event);

/// "1:05:07", "2:32"
std::string formatDuration(double seconds);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_REPORT_H
