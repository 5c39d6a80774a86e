//===- snn-call.cpp - Calls and times a program that was compiled ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads a shared object of snn-compile and calls an entry point of it, without
// LLVM: what a process needs that uses such a program.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Measure.h"
#include "rheobase/Runtime/Npy.h"
#include "rheobase/rt.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/stat.h>

using namespace rheobase;

static const char *const help =
    R"(OVERVIEW: calls an entry point of a shared object of snn-compile --emit=so

USAGE: snn-call [options] <program.so>

OPTIONS:
  --arg=<name=value>    a number or an .npy file for an argument; may be given often
  --dims=<name=N,...>   sizes of named dimensions: T=16,B=4
  --entry=<name>        entry point (default: the only one)
  --json                print one line of JSON
  --list                print the entry points with their arguments and results
  --min-seconds=<s>     how long to repeat (default: 2)
  --out-dir=<folder>    write each result as <name>.npy here
  --peak                measure what the machine does at most, and stop
  --random              draw the arguments that have no value, as snn-run does
  --seed=<n>            seed of --random (default: 0)
  --spike-rate=<share>  share of ones in drawn spikes (default: 0.2)
  --threads=<n>         threads (default: all)
  --time                time repeated calls (results are read)

  snn-call net.so --list
  snn-call net.so --entry=forward --random --dims=T=10,B=4 --time
)";

namespace {
struct Options {
  std::string program, entry, outputFolder;
  std::map<std::string, std::string> values;
  std::map<std::string, int64_t> dims;
  bool list = false, peak = false, random = false, time = false, json = false;
  double minSeconds = 2, spikeRate = 0.2;
  int64_t seed = 0, threads = 0;
};
} // namespace

static int fail(const std::string &message) {
  fprintf(stderr, "snn-call: %s\n", message.c_str());
  return 2;
}

static bool parseInteger(const std::string &text, int64_t &number) {
  char *end;
  number = strtoll(text.c_str(), &end, 10);
  return !text.empty() && !*end;
}

static bool parseNumber(const std::string &text, double &number) {
  char *end;
  number = strtod(text.c_str(), &end);
  return !text.empty() && !*end;
}

/// Reads the command line; a message if something is wrong with it.
static std::string parse(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (word.rfind("-", 0) != 0) {
      if (!options.program.empty())
        return "expected one program, got '" + options.program + "' and '" +
               word + "'";
      options.program = word;
      continue;
    }
    size_t dashes = word.rfind("--", 0) == 0 ? 2 : 1;
    size_t equals = word.find('=');
    std::string name = word.substr(dashes, equals - dashes);
    bool hasValue = equals != std::string::npos;
    std::string value = hasValue ? word.substr(equals + 1) : "";
    bool *flag = name == "list"     ? &options.list
                 : name == "peak"   ? &options.peak
                 : name == "random" ? &options.random
                 : name == "time"   ? &options.time
                 : name == "json"   ? &options.json
                                    : nullptr;
    if (flag) {
      if (hasValue)
        return "--" + name + " takes no value";
      *flag = true;
      continue;
    }
    bool known = name == "arg" || name == "dims" || name == "entry" ||
                 name == "min-seconds" || name == "out-dir" || name == "seed" ||
                 name == "spike-rate" || name == "threads";
    if (!known)
      return "unknown option '" + word + "': --help lists them";
    if (!hasValue && i + 1 < argc)
      value = argv[++i];
    if (name == "entry")
      options.entry = value;
    else if (name == "out-dir")
      options.outputFolder = value;
    else if (name == "arg") {
      size_t split = value.find('=');
      if (split == 0 || split == std::string::npos)
        return "expected --arg=name=value, got '" + value + "'";
      options.values[value.substr(0, split)] = value.substr(split + 1);
    } else if (name == "dims") {
      for (size_t at = 0; at <= value.size();) {
        size_t comma = std::min(value.find(',', at), value.size());
        std::string item = value.substr(at, comma - at);
        size_t split = item.find('=');
        int64_t size;
        if (split == 0 || split == std::string::npos ||
            !parseInteger(item.substr(split + 1), size) || size < 0)
          return "expected --dims=name=N, got '" + item + "'";
        options.dims[item.substr(0, split)] = size;
        at = comma + 1;
      }
    } else if (name == "seed") {
      if (!parseInteger(value, options.seed))
        return "--seed: expected an integer, got '" + value + "'";
    } else if (name == "threads") {
      if (!parseInteger(value, options.threads) || options.threads < 0)
        return "--threads: expected a number that is not negative, got '" +
               value + "'";
    } else if (name == "spike-rate") {
      if (!parseNumber(value, options.spikeRate) ||
          !(options.spikeRate >= 0 && options.spikeRate <= 1))
        return "--spike-rate: expected a share from 0 to 1, got '" + value +
               "'";
    } else if (!parseNumber(value, options.minSeconds) ||
               !(options.minSeconds >= 0)) {
      return "--min-seconds: expected a number that is not negative, got '" +
             value + "'";
    }
  }
  return options.program.empty() && !options.peak
             ? "expected a program: snn-call <program.so>"
             : "";
}

static std::string describe(const rb_value_info &info) {
  std::string text =
      std::string(info.name) + ": " + rt::dtypeName(info.dtype) + "[";
  for (int32_t i = 0; i < info.rank; ++i)
    text += (i ? "," : "") + (info.dim_names[i] ? std::string(info.dim_names[i])
                                                : std::to_string(info.dims[i]));
  return text + "], " + info.role;
}

static void list(const rb_program *program) {
  for (int64_t entry = 0; entry < rb_program_entry_count(program); ++entry) {
    printf("%s\n", rb_program_entry_name(program, entry));
    rb_value_info info;
    for (int64_t i = 0; i < rb_entry_argument_count(program, entry); ++i)
      if (rb_entry_argument(program, entry, i, &info) == RB_OK)
        printf("  argument %s\n", describe(info).c_str());
    for (int64_t i = 0; i < rb_entry_result_count(program, entry); ++i)
      if (rb_entry_result(program, entry, i, &info) == RB_OK)
        printf("  result %s\n", describe(info).c_str());
  }
}

/// One argument; a message if there is none.
static std::string makeArgument(const rb_value_info &info, int64_t index,
                                const Options &options, rt::Tensor &tensor) {
  std::string what =
      "argument '" + std::string(info.name) + "' (" + describe(info) + ") ";
  bool steps = !strcmp(info.role, "time_steps");
  auto given = options.values.find(info.name);
  if (given == options.values.end() && steps)
    given = options.values.find("T");
  double number;
  if (given != options.values.end() && !parseNumber(given->second, number)) {
    rt::Tensor read;
    rt::Status status = rt::readNpy(given->second, read);
    if (status.ok())
      status = rt::convertTensor(read.view(), info.dtype, tensor);
    return status.ok() ? "" : what + "cannot be read: " + status.message();
  }
  auto time = options.dims.find("T");
  bool isNumber = given != options.values.end();
  if (!isNumber && steps && time != options.dims.end()) {
    number = static_cast<double>(time->second);
    isNumber = true;
  }
  if (!isNumber && !options.random)
    return what + "has no value: give it with --arg=" + info.name +
           "=FILE.npy, or --random";
  if (isNumber && info.rank != 0)
    return what + "cannot be the number " + given->second +
           ": expected an .npy file";
  if (!isNumber && steps)
    return what + "is not drawn: give it with --arg=" + info.name + "=N";
  std::vector<int64_t> sizes, fixed(info.dims, info.dims + info.rank);
  for (int32_t i = 0; i < info.rank; ++i) {
    sizes.push_back(info.dims[i]);
    if (!info.dim_names[i])
      continue;
    auto known = options.dims.find(info.dim_names[i]);
    if (known == options.dims.end())
      return what + "has the dimension " + info.dim_names[i] +
             " of unknown size: give it with --dims=" + info.dim_names[i] +
             "=N";
    sizes.back() = known->second;
  }
  if (rt::Status status = rt::Tensor::create(info.dtype, sizes, tensor);
      !status.ok())
    return what + status.message();
  if (isNumber) {
    rt::setElement(tensor, 0, number);
    return "";
  }
  rt::DrawOptions how = rt::getDrawOptions(info.role, fixed);
  how.seed = static_cast<uint64_t>(options.seed);
  how.index = static_cast<uint32_t>(index);
  how.spikeRate = options.spikeRate;
  rt::drawTensor(how, tensor);
  return "";
}

static int writeResults(const rb_program *program, int64_t entry,
                        const std::vector<rb_tensor> &results,
                        const std::string &folder) {
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)
    return fail("cannot make '" + folder + "': " + strerror(errno));
  rb_value_info info;
  for (size_t i = 0; i < results.size(); ++i) {
    if (rb_entry_result(program, entry, int64_t(i), &info) != RB_OK)
      return fail(rb_last_error());
    rt::Status status =
        rt::writeNpy(folder + "/" + info.name + ".npy", results[i]);
    if (!status.ok())
      return fail(status.message());
  }
  return 0;
}

int main(int argc, char **argv) {
  auto start = std::chrono::steady_clock::now();
  for (int i = 1; i < argc; ++i)
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
      fputs(help, stdout);
      return 0;
    }
  // As snn-run: waiting threads sleep soon.
  if (!getenv("OMP_WAIT_POLICY"))
    setenv("KMP_BLOCKTIME", "100us", /*overwrite=*/0);
  Options options;
  if (std::string message = parse(argc, argv, options); !message.empty())
    return fail(message);
  rt::setThreads(static_cast<int>(options.threads));

  if (options.peak) {
    rt::MachinePeak peak = rt::measurePeak(/*bandwidth=*/true);
    printf(
        options.json
            ? "{\"threads\": %d, \"gflops_256\": %.1f, \"gflops_512\": %.1f, "
              "\"gb_s\": %.1f}\n"
            : "%d threads: %.1f GFLOP/s in registers of 256 bits, %.1f in "
              "those of 512; %.1f GB/s\n",
        peak.threads, peak.gflops256, peak.gflops512, peak.gigabytes);
    return 0;
  }

  rb_program *program = nullptr;
  if (rb_program_open(options.program.c_str(), &program) != RB_OK)
    return fail(rb_last_error());
  if (options.list) {
    list(program);
    return 0;
  }
  int64_t entry = 0;
  if (options.entry.empty() && rb_program_entry_count(program) != 1) {
    std::string names;
    for (int64_t i = 0; i < rb_program_entry_count(program); ++i)
      names += (i ? ", " : "") + std::string(rb_program_entry_name(program, i));
    return fail("the program has several entry points: choose one with --entry "
                "(" +
                names + ")");
  }
  if (!options.entry.empty() &&
      rb_program_find_entry(program, options.entry.c_str(), &entry) != RB_OK)
    return fail(rb_last_error());

  std::vector<rt::Tensor> arguments;
  std::vector<int> aliases;
  rb_value_info info;
  for (int64_t i = 0; i < rb_entry_argument_count(program, entry); ++i) {
    if (rb_entry_argument(program, entry, i, &info) != RB_OK)
      return fail(rb_last_error());
    rt::Tensor tensor;
    if (std::string message = makeArgument(info, i, options, tensor);
        !message.empty())
      return fail(message);
    arguments.push_back(std::move(tensor));
  }
  for (int64_t i = 0; i < rb_entry_result_count(program, entry); ++i) {
    if (rb_entry_result(program, entry, i, &info) != RB_OK)
      return fail(rb_last_error());
    aliases.push_back(info.aliases);
  }

  // The first call checks the arguments, too.
  rb_program *invoked = program;
  auto call = [&](const rb_tensor *args, rb_tensor *results) {
    return rb_program_invoke(invoked, entry, args,
                             static_cast<int64_t>(arguments.size()), results,
                             static_cast<int64_t>(aliases.size()));
  };
  rt::Invocation invocation(call, aliases, arguments);
  if (!invocation.call())
    return fail(invocation.getError());
  if (!options.outputFolder.empty())
    if (int code = writeResults(program, entry, invocation.getResults(),
                                options.outputFolder))
      return code;
  if (options.time) {
    double first =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    rt::Measurement measurement = rt::measure(invocation, options.minSeconds);
    measurement.firstSeconds = first;
    fputs(rt::describe(measurement, options.json).c_str(), stdout);
  }
  fflush(stdout);
  return ferror(stdout) ? 2 : 0;
}
