//===- Timing.cpp - Calls of an entry point, and their time -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Timing.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "llvm/Support/Format.h"

#include <chrono>
#include <sys/resource.h>

using namespace mlir;
using namespace rheobase;

extern "C" void omp_set_num_threads(int);

void rheobase::setThreads(int count) {
  if (count > 0)
    omp_set_num_threads(count);
}

Invocation::Invocation(rb_entry_fn function, func::FuncOp entry,
                       const std::vector<rt::Tensor> &tensors)
    : function(function), results(entry.getNumResults()) {
  for (const rt::Tensor &tensor : tensors)
    arguments.push_back(tensor.view());
  for (unsigned i = 0; i < entry.getNumResults(); ++i) {
    auto aliases = entry.getResultAttrOfType<IntegerAttr>(
        i, spiking::SpikingDialect::kAliasesAttrName);
    owned.push_back(!aliases);
    if (!aliases)
      continue;
    rb_tensor &argument = arguments[aliases.getInt()];
    rt::Tensor copy;
    copied = rt::Tensor::copy(argument, copy);
    if (!copied.ok())
      return;
    donated.push_back(std::move(copy));
    argument = donated.back().view();
  }
}

void Invocation::release() {
  if (!valid)
    return;
  for (size_t i = 0; i < results.size(); ++i)
    if (owned[i])
      rheobase_rt_free(results[i].data);
  valid = false;
}

bool Invocation::call() {
  release();
  valid = copied.ok() && function(arguments.data(), results.data()) == RB_OK;
  return valid;
}

std::string Invocation::getError() const {
  return copied.ok() ? rb_last_error() : copied.message();
}

/// Sums in eight lanes, which compilers vectorize without reassociating.
template <typename T>
static double sum(const rb_tensor &tensor, int64_t count) {
  const T *data = static_cast<const T *>(tensor.data);
  double lanes[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int lane = 0; lane < 8; ++lane)
      lanes[lane] += static_cast<double>(data[i + lane]);
  for (; i < count; ++i)
    lanes[0] += static_cast<double>(data[i]);
  double total = 0;
  for (double lane : lanes)
    total += lane;
  return total;
}

double Invocation::readResults() const {
  double total = 0;
  for (const rb_tensor &result : results) {
    int64_t count = 1;
    for (int32_t dim = 0; dim < result.rank; ++dim)
      count *= result.dims[dim];
    switch (result.dtype) {
    case RB_F64:
      total += sum<double>(result, count);
      break;
    case RB_F32:
      total += sum<float>(result, count);
      break;
    case RB_I64:
      total += sum<int64_t>(result, count);
      break;
    case RB_I32:
      total += sum<int32_t>(result, count);
      break;
    case RB_F16:
    case RB_BF16:
      total += sum<uint16_t>(result, count);
      break;
    default:
      total += sum<int8_t>(result, count);
    }
  }
  return total;
}

Measurement rheobase::measure(Invocation &invocation, double seconds) {
  using Clock = std::chrono::steady_clock;
  Measurement measurement;
  std::vector<double> times;
  for (int i = 0; i < 2; ++i)
    invocation.call();
  auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while ((times.size() < 7 || Clock::now() < end) && times.size() < 100000) {
    auto start = Clock::now();
    invocation.call();
    measurement.checksum = invocation.readResults();
    times.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - start)
            .count());
  }
  llvm::sort(times);
  measurement.runs = static_cast<int64_t>(times.size());
  measurement.minMs = times.front();
  measurement.medianMs = times[times.size() / 2];
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  measurement.peakMB = static_cast<double>(usage.ru_maxrss) / 1024;
  return measurement;
}

void rheobase::report(const Measurement &m, bool json) {
  if (json)
    llvm::outs() << llvm::format(
        "{\"median_ms\": %.4f, \"min_ms\": %.4f, \"runs\": %lld, \"first_s\": "
        "%.3f, \"compile_s\": %.3f, \"rss_mb\": %.0f, \"checksum\": %.9g}\n",
        m.medianMs, m.minMs, (long long)m.runs, m.firstSeconds,
        m.compileSeconds, m.peakMB, m.checksum);
  else
    llvm::outs() << llvm::format(
        "median %.3f ms, minimum %.3f ms of %lld calls; compiled in %.2f s, "
        "first result after %.2f s; peak memory %.0f MB\n",
        m.medianMs, m.minMs, (long long)m.runs, m.compileSeconds,
        m.firstSeconds, m.peakMB);
}
