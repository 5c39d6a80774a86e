//===- Report.cpp - Logs and the progress bar -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"
#include "Support.h"
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rheobase {
namespace rt {

double secondsNow() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

//===----------------------------------------------------------------------===//
// LogFile
//===----------------------------------------------------------------------===//

LogFile::~LogFile() {
  if (file)
    fclose(file);
}

static const char csvHeader[] =
    "event,epoch,step,samples,learning_rate,loss,accuracy,spike_rate,seconds,"
    "samples_per_second";

static const char *eventName(int64_t kind) {
  switch (kind) {
  case RB_EVENT_STEP:
    return "step";
  case RB_EVENT_EPOCH:
    return "train";
  case RB_EVENT_EVALUATION:
    return "test";
  case RB_EVENT_CHECKPOINT:
    return "checkpoint";
  default:
    return "note";
  }
}

Status LogFile::open(const char *name, bool append) {
  if (!name)
    return Status();
  path = name;
  file = fopen(name, append ? "ae" : "we");
  if (!file)
    return systemError("open", path, errno);
  bool isEmpty = fseek(file, 0, SEEK_END) != 0 || ftell(file) <= 0;
  return kind == Csv && isEmpty ? writeLine(csvHeader) : Status();
}

Status LogFile::writeLine(const std::string &line) {
  errno = 0;
  if (fputs((line + "\n").c_str(), file) < 0 || fflush(file) != 0)
    return systemError("write", path, errno);
  return Status();
}

Status LogFile::write(const rb_event &event) {
  if (!file)
    return Status();
  const struct {
    const char *name;
    double value;
  } numbers[] = {{"learning_rate", event.learning_rate},
                 {"loss", event.loss},
                 {"accuracy", event.accuracy},
                 {"spike_rate", event.spike_rate},
                 {"seconds", event.seconds},
                 {"samples_per_second", event.samples_per_second}};
  if (kind == Csv) {
    if (event.text)
      return Status();
    std::string line = format("%s,%lld,%lld,%lld", eventName(event.kind),
                              (long long)event.epoch, (long long)event.step,
                              (long long)event.samples);
    for (const auto &number : numbers)
      line +=
          "," + (std::isnan(number.value) ? "" : formatDouble(number.value));
    return writeLine(line);
  }
  nlohmann::ordered_json object = {{"event", eventName(event.kind)},
                                   {"epoch", event.epoch},
                                   {"step", event.step}};
  if (event.text) {
    object["text"] = event.text;
  } else {
    object["samples"] = event.samples;
    for (const auto &number : numbers)
      if (!std::isnan(number.value))
        object[number.name] = number.value;
  }
  return writeLine(
      object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

//===----------------------------------------------------------------------===//
// Display
//===----------------------------------------------------------------------===//

std::string describeMetrics(const rb_event &event) {
  std::string text = format("loss %.4f", event.loss);
  if (!std::isnan(event.accuracy))
    text += format(", accuracy %.2f %%", 100.0 * event.accuracy);
  if (!std::isnan(event.spike_rate))
    text += format(", spike rate %.3f", event.spike_rate);
  return text;
}

std::string formatDuration(double seconds) {
  long long total = (long long)(seconds + 0.5);
  if (total >= 3600)
    return format("%lld:%02lld:%02lld", total / 3600, total / 60 % 60,
                  total % 60);
  return format("%lld:%02lld", total / 60, total % 60);
}

Display::Display(int64_t mode)
    : quiet(mode == RB_PROGRESS_OFF),
      bar(mode == RB_PROGRESS_ON ||
          (mode == RB_PROGRESS_AUTO && isatty(STDERR_FILENO))) {}

void Display::update(const std::string &title, int64_t done, int64_t total,
                     const rb_event &event, double secondsLeft) {
  if (!bar)
    return;
  double now = secondsNow();
  if (drawn && now - lastUpdate < 0.1 && done < total)
    return;
  lastUpdate = now;

  double share = total > 0 ? double(done) / double(total) : 1.0;
  std::string line = title + " [";
  const int cells = 20;
  int filled = int(share * cells);
  line.append(size_t(filled), '#').append(size_t(cells - filled), '.');
  line += format("] %3d %%  step %lld  %s", int(share * 100.0),
                 (long long)event.step, describeMetrics(event).c_str());
  if (event.samples_per_second > 0.0)
    line += format("  %.0f samples/s", event.samples_per_second);
  if (secondsLeft >= 0.0)
    line += "  " + formatDuration(secondsLeft) + " left";

  // A line that wraps could not be drawn over.
  winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
      line.size() >= size.ws_col)
    line.resize(size_t(size.ws_col) - 1);
  fprintf(stderr, "\r%s\x1b[K", line.c_str());
  fflush(stderr);
  drawn = true;
}

void Display::print(const std::string &line) {
  if (quiet)
    return;
  clear();
  fprintf(stderr, "%s\n", line.c_str());
}

void Display::clear() {
  if (!drawn)
    return;
  fputs("\r\x1b[K", stderr);
  fflush(stderr);
  drawn = false;
}

} // namespace rt
} // namespace rheobase
