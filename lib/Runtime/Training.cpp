//===- Training.cpp - The training loop -----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything that a step computes is a function of the persistent tensors, the
// seed and the place in the epoch. So a checkpoint holds those and nothing
// else, and a step that went wrong can be computed again.
//
//===----------------------------------------------------------------------===//

#include "Training.h"
#include "Element.h"
#include "Report.h"
#include "Support.h"
#include "rheobase/Runtime/Files.h"
#include "rheobase/Support/Philox.h"
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <limits>

namespace rheobase {
namespace rt {

static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

//===----------------------------------------------------------------------===//
// Learning rate
//===----------------------------------------------------------------------===//

double scheduledRate(const rb_train_options &options, double baseRate,
                     int64_t samples, int64_t epochSamples) {
  double warmup = options.warmup_epochs * double(epochSamples);
  double total = double(options.epochs) * double(epochSamples);
  double done = double(samples);
  // The step's own batch counts, so that the first rate is not zero.
  double afterStep = done + double(options.batch);
  if (afterStep < warmup)
    return baseRate * (afterStep / warmup);
  switch (options.schedule) {
  case RB_SCHEDULE_STEP: {
    int64_t epoch = epochSamples > 0 ? samples / epochSamples : 0;
    return baseRate *
           std::pow(options.decay_factor, double(epoch / options.decay_epochs));
  }
  case RB_SCHEDULE_COSINE: {
    double span = total - warmup;
    double share = span > 0.0 ? (done - warmup) / span : 1.0;
    share = std::fmin(std::fmax(share, 0.0), 1.0);
    return options.final_learning_rate +
           (baseRate - options.final_learning_rate) * 0.5 *
               (1.0 + std::cos(3.141592653589793 * share));
  }
  default:
    return baseRate;
  }
}

//===----------------------------------------------------------------------===//
// Ctrl-C
//===----------------------------------------------------------------------===//

static volatile std::sig_atomic_t interruptSeen;

extern "C" {
static void recordInterrupt(int) { interruptSeen = 1; }
}

namespace {

/// While it lives, the first Ctrl-C sets a flag; the second ends the process.
class InterruptScope {
public:
  explicit InterruptScope(bool enabled) {
    interruptSeen = 0;
    if (!enabled || sigaction(SIGINT, nullptr, &previous) != 0)
      return;
    // Who started the process with SIGINT ignored wants it to stay so.
    if (previous.sa_handler == SIG_IGN)
      return;
    struct sigaction action = {};
    action.sa_handler = recordInterrupt;
    action.sa_flags = SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    installed = sigaction(SIGINT, &action, nullptr) == 0;
  }
  InterruptScope(const InterruptScope &) = delete;
  InterruptScope &operator=(const InterruptScope &) = delete;
  ~InterruptScope() {
    if (installed)
      sigaction(SIGINT, &previous, nullptr);
  }

private:
  struct sigaction previous = {};
  bool installed = false;
};

} // namespace

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// Tells every OpenMP runtime that is loaded, and by the environment one that
/// is loaded later, how many threads to use.
static void setThreads(int64_t threads, const Program &program) {
  if (threads <= 0)
    return;
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);
  auto apply = [&](void *handle) {
    if (void *symbol = dlsym(handle, "omp_set_num_threads"))
      reinterpret_cast<void (*)(int)>(symbol)(int(threads));
  };
  apply(RTLD_DEFAULT);
  if (program.handle())
    apply(program.handle());
  for (const char *name : {"libomp.so.5", "libomp5.so", "libomp.so",
                           "libiomp5.so", "libgomp.so.1"})
    if (void *handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD)) {
      apply(handle);
      dlclose(handle);
    }
}

//===----------------------------------------------------------------------===//
// Calling an entry
//===----------------------------------------------------------------------===//

namespace {

/// Sums over the samples of an epoch or an evaluation.
struct Sums {
  double loss = 0.0;
  std::map<std::string, double> metrics;
  int64_t samples = 0;

  double mean(const char *name) const {
    auto found = metrics.find(name);
    return found == metrics.end() || !samples ? unknown
                                              : found->second / double(samples);
  }
  /// `correct` counts; networks without it may have a mean `accuracy`.
  double accuracy() const {
    double share = mean("correct");
    return std::isnan(share) ? mean("accuracy") : share;
  }
};

/// An entry with its arguments: persistent tensors of a state, a batch,
/// scalars.
class Call {
public:
  Status bind(State &state, const char *entryName);

  /// Sets the scalar argument of this role, if the entry has it.
  void setInteger(Role role, int64_t value) {
    set(role, Number::ofInteger(value));
  }
  void setReal(Role role, double value) { set(role, Number::ofReal(value)); }
  void setBatch(const Batch &batch);

  /// Calls the entry, and adds the batch's loss and metrics to `sums`.
  Status run(int64_t count, Sums &sums, double &loss);

  const EntryInfo &info() const { return program->entry(index); }
  int entryIndex() const { return index; }
  std::vector<rb_tensor> arguments;
  BatchLayout layout;

private:
  void set(Role role, Number number);

  const Program *program = nullptr;
  int index = -1;
  std::vector<rb_tensor> results;
  std::vector<int64_t> scalars; // room for one element of any type
};

} // namespace

Status Call::bind(State &state, const char *entryName) {
  program = &state.program();
  RB_TRY(program->findEntry(entryName, index));
  arguments.resize(info().arguments.size());
  results.resize(info().results.size());
  scalars.resize(info().arguments.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const ValueInfo &argument = info().arguments[i];
    arguments[i] = rb_tensor{};
    if (isPersistent(argument.role)) {
      arguments[i] = state.find(argument.name)->view();
    } else if (argument.dims.empty()) {
      scalars[i] = 0;
      arguments[i].dtype = argument.dtype;
      arguments[i].data = &scalars[i];
    }
  }
  if (info().findResult(Role::Loss) < 0)
    return error(RB_INVALID_ARGUMENT, "entry '%s' has no result of role loss",
                 entryName);
  return Status();
}

void Call::set(Role role, Number number) {
  int argument = info().findArgument(role);
  if (argument >= 0)
    storeNumber(arguments[size_t(argument)].data,
                arguments[size_t(argument)].dtype, 0, number);
}

void Call::setBatch(const Batch &batch) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (&info().arguments[i] == layout.input)
      arguments[i] = batch.input;
    else if (&info().arguments[i] == layout.label)
      arguments[i] = batch.label;
  }
}

Status Call::run(int64_t count, Sums &sums, double &loss) {
  RB_TRY(program->invoke(index, arguments.data(), results.data()));
  loss = unknown;
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueInfo &result = info().results[i];
    if (result.role != Role::Loss && result.role != Role::Metric)
      continue;
    Number number = loadNumber(results[i].data, result.dtype, 0);
    // Floats are means over the batch, integers are counts.
    double sum =
        number.isFloat ? number.real * double(count) : double(number.integer);
    if (result.role == Role::Loss) {
      loss = number.asReal();
      sums.loss += sum;
    } else {
      sums.metrics[result.name] += sum;
    }
  }
  sums.samples += count;
  program->release(index, results.data());
  return Status();
}

/// The seed of one call: an entry's random numbers do not know the optimizer
/// step or the batch, so each call gets a seed of its own. `stream` tells
/// training from evaluation.
static int64_t callSeed(uint64_t seed, uint32_t stream, int64_t counter) {
  std::array<uint32_t, 4> words =
      philox4x32({uint32_t(counter), uint32_t(uint64_t(counter) >> 32), stream,
                  0x43414c4cu},
                 philoxKey(seed));
  return int64_t(uint64_t(words[0]) | uint64_t(words[1]) << 32);
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

namespace {

class Training {
public:
  Training(const rb_program *handle, State &state, const DataSet *trainData,
           const DataSet *testData, const rb_train_options &options,
           rb_train_result &result)
      : handle(handle), state(state), trainData(trainData), testData(testData),
        options(options), result(result), csv(LogFile::Csv),
        jsonl(LogFile::JsonLines), display(options.progress) {}

  Status train();
  Status evaluateOnly();

private:
  Status checkOptions();
  Status prepare(Call &call, const char *entry, const DataSet &data,
                 int64_t &timeSteps);
  Status openLogs(bool append);
  Status resume();
  Status runEpochs();
  Status trainEpoch(bool &limitReached);
  Status runStep(const Batch &batch, const Progress &at, Sums &sums,
                 double &loss);
  Status evaluate(int64_t epoch);
  Status saveCheckpoint();
  Status stopped(const std::string &where);

  Status takeSnapshot();
  void restore(const std::vector<Tensor> &values);
  Status copyState(std::vector<Tensor> &values);
  Status numericFailure(const std::string &tensor, double loss = 0.0);
  int64_t currentEpoch() const;
  Status replay(int64_t lastStep, std::string &found);

  std::string keptCheckpoint() const;
  bool mustStop() const { return stopRequested || interruptSeen; }
  double rateAt(const Progress &at) const {
    return scheduledRate(options, baseRate,
                         at.epoch * epochSamples + at.position, epochSamples);
  }
  Sums epochSums() const {
    return {progress.lossSum, progress.metricSums, progress.position};
  }
  rb_event makeEvent(rb_event_kind kind) const;
  Status emit(const rb_event &event, bool log);
  Status note(const std::string &text);
  double secondsLeft(double samplesPerSecond) const;

  const rb_program *handle;
  State &state;
  const DataSet *trainData, *testData;
  const rb_train_options &options;
  rb_train_result &result;

  LogFile csv, jsonl;
  Display display;
  Call trainCall, testCall;
  int64_t epochSamples = 0;
  double baseRate = 0.0;
  Progress progress;
  double startTime = secondsNow();
  double evaluationSeconds = 0.0; // of the last one
  bool stopRequested = false;
  int64_t savedStep = -1; // of the last checkpoint
  std::string savedPath;

  /// The persistent tensors at an earlier step, from which steps are computed
  /// again.
  std::vector<Tensor> snapshot;
  Progress snapshotProgress;
};

} // namespace

Status Training::checkOptions() {
  auto require = [](bool condition, const char *name, const char *expected,
                    const std::string &got) {
    return condition ? Status()
                     : error(RB_INVALID_ARGUMENT, "%s: expected %s, got %s",
                             name, expected, got.c_str());
  };
  auto atLeast = [&](int64_t value, int64_t least, const char *name) {
    return require(value >= least, name,
                   least ? "a positive number"
                         : "a number that is not negative",
                   std::to_string(value));
  };
  auto real = [&](double value, const char *name) {
    return require(std::isfinite(value) && value >= 0.0, name,
                   "a number that is not negative", formatDouble(value));
  };
  RB_TRY(atLeast(options.epochs, 0, "epochs"));
  RB_TRY(atLeast(options.batch, 1, "batch"));
  RB_TRY(real(options.learning_rate, "learning rate"));
  RB_TRY(require(options.schedule >= RB_SCHEDULE_CONSTANT &&
                     options.schedule <= RB_SCHEDULE_COSINE,
                 "schedule", "constant, step or cosine",
                 std::to_string(options.schedule)));
  RB_TRY(real(options.warmup_epochs, "warm-up"));
  RB_TRY(atLeast(options.decay_epochs, 1, "decay epochs"));
  RB_TRY(real(options.decay_factor, "decay factor"));
  RB_TRY(real(options.final_learning_rate, "final learning rate"));
  RB_TRY(atLeast(options.time_steps, 0, "time steps"));
  RB_TRY(atLeast(options.threads, 0, "threads"));
  RB_TRY(atLeast(options.limit_samples, 0, "limit of samples"));
  RB_TRY(atLeast(options.limit_steps, 0, "limit of steps"));
  RB_TRY(atLeast(options.classes, 0, "classes"));
  RB_TRY(atLeast(options.evaluate_every, 1, "epochs between evaluations"));
  RB_TRY(atLeast(options.checkpoint_epochs, 1, "epochs between checkpoints"));
  RB_TRY(atLeast(options.checkpoint_steps, 0, "steps between checkpoints"));
  RB_TRY(atLeast(options.log_steps, 0, "steps between log lines"));
  return atLeast(options.replay_steps, 1,
                 "steps between copies for the replay");
}

/// Number of classes: what options or the source say, or the width of the
/// network's output.
static int64_t countClasses(const rb_train_options &options,
                            const Manifest &manifest) {
  if (options.classes)
    return options.classes;
  if (manifest.model.classes)
    return manifest.model.classes;
  if (const EntryInfo *forward = manifest.find("forward")) {
    int output = forward->findResult(Role::Output);
    if (output >= 0) {
      const std::vector<Dim> &dims = forward->results[size_t(output)].dims;
      if (dims.size() == 2 && dims[0].name == "B" && dims[1].isFixed())
        return dims[1].size;
    }
  }
  return 0;
}

/// Binds an entry to the state and to the data.
Status Training::prepare(Call &call, const char *entry, const DataSet &data,
                         int64_t &timeSteps) {
  const Manifest &manifest = state.program().manifest();
  RB_TRY(call.bind(state, entry));
  RB_TRY(BatchLayout::create(call.info(), data, call.layout));
  if (call.layout.label)
    RB_TRY(data.checkLabels(countClasses(options, manifest)));

  timeSteps = options.time_steps;
  if (call.layout.timeSteps) {
    if (timeSteps && timeSteps != call.layout.timeSteps)
      return error(RB_INVALID_ARGUMENT,
                   "expected %lld time steps, got samples of %lld in '%s'",
                   (long long)timeSteps, (long long)call.layout.timeSteps,
                   data.inputName.c_str());
    timeSteps = call.layout.timeSteps;
  }
  if (!timeSteps)
    timeSteps = manifest.model.timeSteps;
  if (!timeSteps && call.info().findArgument(Role::TimeSteps) >= 0)
    return error(RB_INVALID_ARGUMENT,
                 "the number of time steps is not given, and program '%s' does "
                 "not say it",
                 manifest.module.c_str());
  call.setInteger(Role::TimeSteps, timeSteps);
  return Status();
}

Status Training::openLogs(bool append) {
  RB_TRY(csv.open(options.log_csv, append));
  return jsonl.open(options.log_jsonl, append);
}

/// The epoch of the last sample, counted from 1.
int64_t Training::currentEpoch() const {
  return progress.epoch + (progress.position > 0 || !progress.epoch);
}

rb_event Training::makeEvent(rb_event_kind kind) const {
  rb_event event = {};
  event.kind = kind;
  event.epoch = currentEpoch();
  event.step = progress.step;
  event.samples = progress.position;
  event.learning_rate = event.loss = event.accuracy = event.spike_rate =
      unknown;
  event.samples_per_second = unknown;
  event.seconds = secondsNow() - startTime;
  return event;
}

Status Training::emit(const rb_event &event, bool log) {
  if (log) {
    RB_TRY(csv.write(event));
    RB_TRY(jsonl.write(event));
  }
  if (options.on_event && options.on_event(options.user, &event) != 0)
    stopRequested = true;
  return Status();
}

Status Training::note(const std::string &text) {
  display.print("note: " + text);
  rb_event event = makeEvent(RB_EVENT_NOTE);
  event.text = text.c_str();
  return emit(event, true);
}

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

std::string Training::keptCheckpoint() const {
  if (savedStep < 0)
    return "there is no checkpoint";
  return format("checkpoint '%s' of step %lld is kept", savedPath.c_str(),
                (long long)savedStep);
}

Status Training::saveCheckpoint() {
  if (!options.checkpoint)
    return Status();
  std::string bad = state.findNonFinite();
  if (!bad.empty())
    return numericFailure(bad);
  RB_TRY(state.save(options.checkpoint, progress));
  savedPath = options.checkpoint;
  savedStep = progress.step;
  rb_event event = makeEvent(RB_EVENT_CHECKPOINT);
  event.text = options.checkpoint;
  return emit(event, true);
}

Status Training::stopped(const std::string &where) {
  if (!trainData)
    return error(RB_INTERRUPTED, "interrupted %s", where.c_str());
  RB_TRY(saveCheckpoint());
  return error(RB_INTERRUPTED, "interrupted %s, after step %lld; %s",
               where.c_str(), (long long)progress.step,
               keptCheckpoint().c_str());
}

/// What the numbers of a training depend on, besides seed and data.
static std::map<std::string, std::string>
recordOptions(const rb_train_options &options, double baseRate,
              int64_t timeSteps) {
  static const char *const schedules[] = {"constant", "step", "cosine"};
  std::map<std::string, std::string> record;
  record["batch"] = std::to_string(options.batch);
  record["learning_rate"] = formatDouble(baseRate);
  record["schedule"] = schedules[options.schedule];
  record["warmup_epochs"] = formatDouble(options.warmup_epochs);
  record["time_steps"] = std::to_string(timeSteps);
  if (options.schedule == RB_SCHEDULE_STEP) {
    record["decay_epochs"] = std::to_string(options.decay_epochs);
    record["decay_factor"] = formatDouble(options.decay_factor);
  }
  if (options.schedule == RB_SCHEDULE_COSINE) {
    record["epochs"] = std::to_string(options.epochs);
    record["final_learning_rate"] = formatDouble(options.final_learning_rate);
  }
  return record;
}

/// Goes on from a checkpoint, and says what is not as it was.
Status Training::resume() {
  Progress saved;
  RB_TRY(state.load(options.resume, &saved));
  if (saved.samples != epochSamples && saved.position)
    return error(RB_INVALID_ARGUMENT,
                 "'%s' stands at sample %lld of %lld of an epoch, but the "
                 "training data have %lld samples",
                 options.resume, (long long)saved.position,
                 (long long)saved.samples, (long long)epochSamples);
  int64_t samplesBefore = saved.samples;
  std::map<std::string, std::string> before = std::move(saved.options);
  saved.options = std::move(progress.options);
  saved.samples = epochSamples;
  progress = std::move(saved);
  savedStep = progress.step;
  savedPath = options.resume;
  RB_TRY(openLogs(true));
  RB_TRY(note(format(
      "resumed '%s' after %lld epochs and %lld samples, step %lld, "
      "seed %llu",
      options.resume, (long long)progress.epoch, (long long)progress.position,
      (long long)progress.step, (unsigned long long)progress.seed)));
  if (samplesBefore != epochSamples)
    RB_TRY(
        note(format("samples is %lld, was %lld when the checkpoint was written",
                    (long long)epochSamples, (long long)samplesBefore)));
  for (const auto &[name, value] : progress.options) {
    const std::string &old = before[name];
    if (old != value)
      RB_TRY(note(format("%s is %s, was %s when the checkpoint was written",
                         name.c_str(), value.c_str(),
                         old.empty() ? "not given" : old.c_str())));
  }
  return Status();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// One optimizer step, the one that begins at `at`.
Status Training::runStep(const Batch &batch, const Progress &at, Sums &sums,
                         double &loss) {
  trainCall.setBatch(batch);
  trainCall.setReal(Role::LearningRate, rateAt(at));
  trainCall.setInteger(Role::Seed, callSeed(progress.seed, 0, at.step + 1));
  trainCall.setInteger(Role::Step, at.step + 1);
  return trainCall.run(batch.count, sums, loss);
}

double Training::secondsLeft(double samplesPerSecond) const {
  if (!(samplesPerSecond > 0.0))
    return -1.0;
  double epochsLeft = double(options.epochs - progress.epoch);
  double samples =
      epochsLeft * double(epochSamples) - double(progress.position);
  if (options.limit_steps)
    samples = std::fmin(samples, double(options.limit_steps - progress.step) *
                                     double(options.batch));
  double evaluations =
      testData ? std::ceil(epochsLeft / double(options.evaluate_every)) : 0.0;
  return samples / samplesPerSecond + evaluations * evaluationSeconds;
}

/// Trains from progress.position to the end of the epoch or to the limit.
Status Training::trainEpoch(bool &limitReached) {
  Prefetcher batches(*trainData, trainCall.layout,
                     shuffledOrder(epochSamples, progress.seed, progress.epoch),
                     options.batch, progress.position);
  RB_TRY(batches.start());
  std::string title = format("epoch %lld/%lld", (long long)progress.epoch + 1,
                             (long long)options.epochs);
  double begin = secondsNow();
  int64_t beginPosition = progress.position;
  double rate = rateAt(progress), samplesPerSecond = unknown;
  while (true) {
    if (mustStop())
      return stopped(format("in epoch %lld", (long long)progress.epoch + 1));
    limitReached = options.limit_steps && progress.step >= options.limit_steps;
    if (limitReached)
      break;
    const Batch *batch = batches.next();
    if (!batch)
      break;
    if (options.on_numeric &&
        (snapshot.empty() ||
         progress.step >= snapshotProgress.step + options.replay_steps))
      RB_TRY(takeSnapshot());
    Sums sums = epochSums();
    double loss;
    rate = rateAt(progress);
    RB_TRY(runStep(*batch, progress, sums, loss));
    if (!std::isfinite(loss))
      return numericFailure("", loss);
    progress.position += batch->count;
    progress.step += 1;
    progress.lossSum = sums.loss;
    progress.metricSums = std::move(sums.metrics);

    samplesPerSecond = double(progress.position - beginPosition) /
                       std::fmax(secondsNow() - begin, 1e-9);
    rb_event event = makeEvent(RB_EVENT_STEP);
    event.learning_rate = rate;
    event.loss = loss;
    event.samples_per_second = samplesPerSecond;
    Sums epoch = epochSums();
    event.accuracy = epoch.accuracy();
    event.spike_rate = epoch.mean("spike_rate");
    RB_TRY(emit(event,
                options.log_steps && progress.step % options.log_steps == 0));
    event.loss = progress.lossSum / double(progress.position);
    display.update(title, progress.position, epochSamples, event,
                   secondsLeft(samplesPerSecond));
    if (options.checkpoint_steps &&
        progress.step % options.checkpoint_steps == 0)
      RB_TRY(saveCheckpoint());
  }
  std::string bad = state.findNonFinite();
  if (!bad.empty())
    return numericFailure(bad);

  Sums epoch = epochSums();
  rb_event event = makeEvent(RB_EVENT_EPOCH);
  event.learning_rate = rate;
  event.loss = epoch.samples ? epoch.loss / double(epoch.samples) : unknown;
  event.accuracy = epoch.accuracy();
  event.spike_rate = epoch.mean("spike_rate");
  event.samples_per_second = samplesPerSecond;
  result.train_loss = event.loss;
  result.train_accuracy = event.accuracy;
  result.spike_rate = event.spike_rate;
  display.print(title + ": " + describeMetrics(event) +
                (samplesPerSecond > 0.0
                     ? format(", %.0f samples/s", samplesPerSecond)
                     : std::string()));
  return emit(event, true);
}

/// Evaluates after `epoch` epochs.
Status Training::evaluate(int64_t epoch) {
  const DataSet &data = *testData;
  Prefetcher batches(data, testCall.layout, naturalOrder(data.size()),
                     options.batch, 0);
  RB_TRY(batches.start());
  testCall.setInteger(Role::Step, progress.step);
  std::string title = trainData ? format("test  %lld/%lld", (long long)epoch,
                                         (long long)options.epochs)
                                : std::string("test");
  double begin = secondsNow();
  Sums sums;
  rb_event event = makeEvent(RB_EVENT_EVALUATION);
  event.epoch = epoch;
  while (const Batch *batch = batches.next()) {
    if (mustStop())
      return stopped("in the evaluation");
    testCall.setBatch(*batch);
    testCall.setInteger(Role::Seed,
                        callSeed(progress.seed, 1, batch->position));
    double loss;
    RB_TRY(testCall.run(batch->count, sums, loss));
    if (!std::isfinite(loss)) {
      std::string text =
          format("the loss is %s in the evaluation, samples %lld to %lld",
                 formatDouble(loss).c_str(), (long long)batch->position,
                 (long long)(batch->position + batch->count - 1));
      if (trainData)
        text += format(", after epoch %lld, step %lld; %s", (long long)epoch,
                       (long long)progress.step, keptCheckpoint().c_str());
      return Status(RB_NUMERIC, text);
    }
    event.samples = sums.samples;
    event.loss = sums.loss / double(sums.samples);
    event.accuracy = sums.accuracy();
    event.spike_rate = sums.mean("spike_rate");
    evaluationSeconds = secondsNow() - begin;
    event.samples_per_second =
        double(sums.samples) / std::fmax(evaluationSeconds, 1e-9);
    display.update(title, sums.samples, data.size(), event,
                   double(data.size() - sums.samples) /
                       event.samples_per_second);
  }
  event.seconds = secondsNow() - startTime;
  result.test_loss = event.loss;
  result.test_accuracy = event.accuracy;
  result.spike_rate = event.spike_rate;
  if (event.accuracy > progress.bestAccuracy)
    progress.bestAccuracy = event.accuracy;
  display.print(title + ": " + describeMetrics(event));
  return emit(event, true);
}

Status Training::runEpochs() {
  bool limitReached =
      options.limit_steps && progress.step >= options.limit_steps;
  bool evaluated = false;
  while (progress.epoch < options.epochs && !limitReached) {
    RB_TRY(trainEpoch(limitReached));
    bool complete = progress.position == epochSamples;
    bool last = complete && progress.epoch + 1 == options.epochs;
    evaluated = testData && complete &&
                (last || (progress.epoch + 1) % options.evaluate_every == 0);
    // Before the epoch counts as complete: who is interrupted here evaluates
    // when the training goes on.
    if (evaluated)
      RB_TRY(evaluate(progress.epoch + 1));
    if (complete) {
      progress.epoch += 1;
      progress.position = 0;
      progress.lossSum = 0.0;
      progress.metricSums.clear();
    }
    if (last || limitReached || progress.epoch % options.checkpoint_epochs == 0)
      RB_TRY(saveCheckpoint());
  }
  // At the limit of steps, or with nothing left to train. The checkpoint does
  // not know of it: a training that goes on is as if it had not stopped here.
  return testData && !evaluated ? evaluate(currentEpoch()) : Status();
}

//===----------------------------------------------------------------------===//
// What is not finite
//===----------------------------------------------------------------------===//

Status Training::copyState(std::vector<Tensor> &values) {
  if (values.empty())
    for (const State::Entry &entry : state.entries()) {
      values.emplace_back();
      RB_TRY(Tensor::create(entry.tensor.dtype(), entry.tensor.dims(),
                            values.back()));
    }
  for (size_t i = 0; i < values.size(); ++i)
    memcpy(values[i].data(), state.entries()[i].tensor.data(),
           size_t(values[i].numBytes()));
  return Status();
}

void Training::restore(const std::vector<Tensor> &values) {
  for (size_t i = 0; i < values.size(); ++i)
    memcpy(state.entries()[i].tensor.data(), values[i].data(),
           size_t(values[i].numBytes()));
}

Status Training::takeSnapshot() {
  std::string bad = state.findNonFinite();
  if (!bad.empty())
    return numericFailure(bad);
  RB_TRY(copyState(snapshot));
  snapshotProgress = progress;
  return Status();
}

static std::string describeFailure(const std::string &tensor, double loss,
                                   int64_t epoch, int64_t step) {
  std::string place =
      format("epoch %lld, step %lld", (long long)epoch, (long long)step);
  return tensor.empty() ? "the loss is " + formatDouble(loss) + " in " + place
                        : "'" + tensor + "' is not finite after " + place;
}

/// Computes the steps after the snapshot again, up to the first after which
/// something is not finite, and hands it to the callback. `found` stays empty
/// if there is none up to `lastStep`.
Status Training::replay(int64_t lastStep, std::string &found) {
  restore(snapshot);
  Progress at = snapshotProgress;
  Batch batch;
  RB_TRY(
      batch.allocate(trainCall.layout, std::min(options.batch, epochSamples)));
  std::vector<Tensor> before;
  std::vector<int64_t> order;
  int64_t orderEpoch = -1;
  while (at.step < lastStep) {
    if (at.position >= epochSamples) {
      at.epoch += 1;
      at.position = 0;
    }
    if (orderEpoch != at.epoch) {
      order = shuffledOrder(epochSamples, progress.seed, at.epoch);
      orderEpoch = at.epoch;
    }
    RB_TRY(copyState(before));
    int64_t count = std::min(options.batch, epochSamples - at.position);
    batch.gather(*trainData, trainCall.layout, order, at.position, count);
    Sums sums;
    double loss;
    RB_TRY(runStep(batch, at, sums, loss));
    std::string tensor =
        std::isfinite(loss) ? state.findNonFinite() : std::string();
    if (!tensor.empty() || !std::isfinite(loss)) {
      found = describeFailure(tensor, loss, at.epoch + 1, at.step + 1);
      restore(before);
      rb_numeric_failure failure = {};
      failure.program = handle;
      failure.entry = trainCall.entryIndex();
      failure.arguments = trainCall.arguments.data();
      failure.argument_count = int64_t(trainCall.arguments.size());
      failure.epoch = at.epoch + 1;
      failure.step = at.step + 1;
      options.on_numeric(options.user, &failure);
      return Status();
    }
    at.position += count;
    at.step += 1;
  }
  return Status();
}

/// The training cannot go on: `tensor` is not finite after the last step or, if
/// that is empty, `loss` in the current one.
Status Training::numericFailure(const std::string &tensor, double loss) {
  bool isLoss = tensor.empty();
  int64_t step = progress.step + (isLoss ? 1 : 0);
  std::string text = describeFailure(
      tensor, loss, isLoss ? progress.epoch + 1 : currentEpoch(), step);
  display.clear();
  if (!snapshot.empty() && options.on_numeric) {
    std::string found;
    Status status = replay(step, found);
    if (!status.ok())
      text += "; computing the steps again failed: " + status.message();
    else if (found.empty())
      text += "; it is finite when the steps are computed again";
    else
      text = found;
  }
  return Status(RB_NUMERIC, text + "; " + keptCheckpoint());
}

//===----------------------------------------------------------------------===//
// Whole runs
//===----------------------------------------------------------------------===//

Status Training::train() {
  RB_TRY(checkOptions());
  // Not after an epoch of work.
  if (options.checkpoint)
    RB_TRY(checkWritable(options.checkpoint));
  setThreads(options.threads, state.program());
  int64_t timeSteps = 0, testTimeSteps = 0;
  RB_TRY(prepare(trainCall, "train_step", *trainData, timeSteps));
  if (testData)
    RB_TRY(prepare(testCall, "evaluate", *testData, testTimeSteps));
  epochSamples = trainData->size();
  if (options.limit_samples)
    epochSamples = std::min(epochSamples, options.limit_samples);
  baseRate = options.learning_rate > 0.0
                 ? options.learning_rate
                 : state.program().manifest().model.learningRate;
  if (!(baseRate > 0.0) &&
      trainCall.info().findArgument(Role::LearningRate) >= 0)
    return error(
        RB_INVALID_ARGUMENT,
        "the learning rate is not given, and program '%s' does not say "
        "it",
        state.program().manifest().module.c_str());
  progress.seed = options.seed;
  progress.samples = epochSamples;
  progress.options = recordOptions(options, baseRate, timeSteps);
  if (options.resume) {
    RB_TRY(resume());
  } else {
    RB_TRY(openLogs(false));
    if (!options.keep_state)
      RB_TRY(state.initialize(options.seed));
  }
  InterruptScope interrupts(options.handle_interrupt != 0);
  Status status = runEpochs();
  result.epochs = progress.epoch;
  result.steps = progress.step;
  result.best_accuracy =
      progress.bestAccuracy < 0.0 ? unknown : progress.bestAccuracy;
  result.seconds = secondsNow() - startTime;
  return status;
}

Status Training::evaluateOnly() {
  RB_TRY(checkOptions());
  setThreads(options.threads, state.program());
  int64_t timeSteps = 0;
  RB_TRY(prepare(testCall, "evaluate", *testData, timeSteps));
  RB_TRY(openLogs(true));
  progress.seed = options.seed;
  InterruptScope interrupts(options.handle_interrupt != 0);
  Status status = evaluate(0);
  result.best_accuracy = result.test_accuracy;
  result.seconds = secondsNow() - startTime;
  return status;
}

static void clearResult(rb_train_result &result) {
  result = rb_train_result{};
  result.train_loss = result.train_accuracy = unknown;
  result.test_loss = result.test_accuracy = unknown;
  result.best_accuracy = result.spike_rate = unknown;
}

Status train(const rb_program *handle, State &state, const DataSet &trainData,
             const DataSet *testData, const rb_train_options &options,
             rb_train_result &result) {
  clearResult(result);
  return Training(handle, state, &trainData, testData, options, result).train();
}

Status evaluate(const rb_program *handle, State &state, const DataSet &testData,
                const rb_train_options &options, rb_train_result &result) {
  clearResult(result);
  rb_train_options evaluation = options;
  // Nothing is trained, so nothing is written.
  evaluation.checkpoint = nullptr;
  return Training(handle, state, nullptr, &testData, evaluation, result)
      .evaluateOnly();
}

} // namespace rt
} // namespace rheobase
