//===- Profile.cpp - Where the time of a program goes ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Profile.h"

#include "rheobase/Target/SharedObject.h"
#include "rheobase/rt.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <chrono>

using namespace mlir;
using namespace rheobase;

namespace {
/// Nests of the same operations: a product and what packs its operands are one.
struct Row {
  std::string function, name, location;
  int64_t calls = 0, nanoseconds = 0, operations = 0, bytes = 0;
};
} // namespace

static std::vector<Row> getRows() {
  llvm::MapVector<std::string, Row, std::map<std::string, unsigned>> rows;
  for (int64_t i = 0; i < rb_profile_count(); ++i) {
    rb_profile_kernel kernel;
    if (rb_profile_get(i, &kernel) != RB_OK || kernel.calls == 0)
      continue;
    StringRef function(kernel.function, kernel.lengths[0]);
    StringRef name(kernel.name, kernel.lengths[1]);
    StringRef location(kernel.location, kernel.lengths[2]);
    Row &row = rows[(function + "|" + name + "|" + location).str()];
    row.function = function.str();
    row.name = name.str();
    row.location = location.str();
    row.calls += kernel.calls;
    row.nanoseconds += kernel.nanoseconds;
    auto add = [](int64_t &sum, int64_t value) {
      sum = sum < 0 || value < 0 ? -1 : sum + value;
    };
    add(row.operations, kernel.operations);
    add(row.bytes, kernel.bytes);
  }
  std::vector<Row> result;
  for (auto &[key, row] : rows)
    result.push_back(std::move(row));
  llvm::stable_sort(result, [](const Row &a, const Row &b) {
    return a.nanoseconds > b.nanoseconds;
  });
  return result;
}

/// The last run's kernels on a line of time, and the table.
static std::string makeTrace(ArrayRef<Row> rows, int64_t runs,
                             const rt::MachinePeak &peak, double gflops) {
  llvm::json::Array events;
  const rb_profile_event *list;
  int64_t count = rb_profile_events(&list);
  for (int64_t i = 0; i < count; ++i) {
    rb_profile_kernel kernel;
    if (rb_profile_get(list[i].kernel, &kernel) != RB_OK)
      continue;
    llvm::json::Object about{
        {"function", StringRef(kernel.function, kernel.lengths[0])},
        {"location", StringRef(kernel.location, kernel.lengths[2])}};
    if (kernel.operations > 0)
      about["operations"] = kernel.operations / kernel.calls;
    if (kernel.bytes > 0)
      about["bytes"] = kernel.bytes / kernel.calls;
    events.push_back(
        llvm::json::Object{{"name", StringRef(kernel.name, kernel.lengths[1])},
                           {"ph", "X"},
                           {"pid", 1},
                           {"tid", 1},
                           {"ts", double(list[i].start - list[0].start) / 1e3},
                           {"dur", double(list[i].nanoseconds) / 1e3},
                           {"args", std::move(about)}});
  }
  llvm::json::Array kernels;
  for (const Row &row : rows) {
    llvm::json::Object kernel{{"function", row.function},
                              {"name", row.name},
                              {"location", row.location},
                              {"calls", row.calls},
                              {"seconds", double(row.nanoseconds) / 1e9}};
    if (row.operations >= 0)
      kernel["operations"] = row.operations;
    if (row.bytes >= 0)
      kernel["bytes"] = row.bytes;
    kernels.push_back(std::move(kernel));
  }
  llvm::json::Object machine{{"threads", peak.threads},
                             {"gflops", gflops},
                             {"gigabytes_per_second", peak.gigabytes}};
  llvm::json::Object rheobase{{"machine", std::move(machine)},
                              {"runs", runs},
                              {"kernels", std::move(kernels)}};
  return llvm::formatv("{0}\n", llvm::json::Value(llvm::json::Object{
                                    {"traceEvents", std::move(events)},
                                    {"displayTimeUnit", "ms"},
                                    {"rheobase", std::move(rheobase)}}))
      .str();
}

LogicalResult rheobase::profile(rt::Invocation &invocation, double seconds,
                                CPUInstructionSet isa, StringRef path,
                                Location loc) {
  using Clock = std::chrono::steady_clock;
  rt::MachinePeak peak = rt::measurePeak(/*bandwidth=*/true);
  double gflops = getVectorBits(isa) == 512 ? peak.gflops512 : peak.gflops256;
  for (int i = 0; i < 2; ++i)
    invocation.call();
  rb_profile_reset(/*trace=*/0);
  int64_t runs = 0;
  auto start = Clock::now();
  auto elapsed = [&] {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  do
    invocation.call();
  while (++runs < 7 || elapsed() < seconds);
  double all = elapsed();
  std::vector<Row> rows = getRows();

  double inKernels = 0;
  for (const Row &row : rows)
    inKernels += double(row.nanoseconds) / 1e9;
  raw_ostream &os = llvm::outs();
  os << llvm::format("%lld calls, %.3f ms each; %.1f %% of it in the kernels "
                     "below\n",
                     (long long)runs, 1e3 * all / double(runs),
                     100 * inKernels / all)
     << llvm::format(
            "this machine: %d threads, %.0f GFLOP/s (fma in registers "
            "of %d bits), %.1f GB/s (two streams read, one written)\n\n",
            peak.threads, gflops, (int)getVectorBits(isa), peak.gigabytes)
     << "        ms    share  calls   GFLOP/s of peak      GB/s of peak  "
        "kernel\n";
  for (const Row &row : rows) {
    double time = double(row.nanoseconds) / 1e9;
    os << llvm::format("%10.4f  %5.1f %% %6.0f", 1e3 * time / double(runs),
                       100 * time / all, double(row.calls) / double(runs));
    auto rate = [&](int64_t amount, double best) {
      if (amount <= 0)
        os << llvm::format("%10s %7s", amount < 0 ? "?" : "-", "");
      else
        os << llvm::format("%10.1f %5.1f %%", double(amount) / time / 1e9,
                           best > 0 ? 100 * double(amount) / time / 1e9 / best
                                    : 0.0);
    };
    rate(row.operations, gflops);
    rate(row.bytes, peak.gigabytes);
    os << "  " << row.name << " in " << row.function;
    if (!row.location.empty())
      os << " [" << row.location << "]";
    os << "\n";
  }
  if (path.empty())
    return success();
  // One run more, call by call.
  rb_profile_reset(/*trace=*/1);
  invocation.call();
  return writeOutput(path, makeTrace(rows, runs, peak, gflops), loc);
}
