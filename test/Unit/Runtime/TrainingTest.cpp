//===- TrainingTest.cpp - The training loop -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Logistic.h"
#include "TestSupport.h"
#include "rheobase/Runtime/SafeTensors.h"
#include "rheobase/Support/Philox.h"
#include "rheobase/rt.h"
#include <cmath>
#include <csignal>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <sys/resource.h>

using namespace rheobase;
using namespace rheobase::rt;

static Status ofCode(rb_status code) {
  return code == RB_OK ? Status() : Status(code, rb_last_error());
}

/// What the observed entries were called with.
static std::vector<int64_t> batchSizes, steps, seeds;
static std::vector<float> rates;

static void observe(const char *entry, const rb_tensor *args) {
  if (strcmp(entry, "train_step") != 0) {
    seeds.push_back(*static_cast<int64_t *>(args[5].data));
    return;
  }
  batchSizes.push_back(args[3].dims[0]);
  rates.push_back(*static_cast<float *>(args[6].data));
  seeds.push_back(*static_cast<int64_t *>(args[7].data));
  steps.push_back(*static_cast<int64_t *>(args[8].data));
}

namespace {

/// Data of three classes that a line separates with few errors, a program and
/// options that print nothing.
class TrainingTest : public testing::Test {
protected:
  void SetUp() override {
    const rb_function functions[] = {
        {"rheobase_logistic_forward", rheobase_logistic_forward},
        {"rheobase_logistic_evaluate", rheobase_logistic_evaluate},
        {"rheobase_logistic_train_step", rheobase_logistic_train_step}};
    ASSERT_OK(
        ofCode(rb_program_create(rheobase_manifest, functions, 3, &program)));
    ASSERT_OK(ofCode(rb_state_create(program, &state)));
    makeData(250, 1, train);
    makeData(100, 2, test);
    rb_train_options_init(&options);
    options.epochs = 3;
    options.batch = 32;
    options.learning_rate = 0.1;
    options.progress = RB_PROGRESS_OFF;
    options.user = this;
    batchSizes.clear();
    steps.clear();
    seeds.clear();
    rates.clear();
  }
  void TearDown() override {
    logistic_observer = nullptr;
    rb_dataset_destroy(train);
    rb_dataset_destroy(test);
    rb_state_destroy(state);
    rb_program_destroy(program);
  }

  /// `special` replaces the first input of one sample, unless it is 0.
  static void makeData(int64_t count, uint64_t seed, rb_dataset *&out,
                       int64_t at = 0, float special = 0.0f) {
    Tensor inputs, labels;
    ASSERT_OK(Tensor::create(RB_F32, {count, 4}, inputs));
    ASSERT_OK(Tensor::create(RB_I32, {count}, labels));
    for (int64_t i = 0; i < count; ++i) {
      std::array<uint32_t, 4> words =
          philox4x32({uint32_t(i), 0, 0, 0}, philoxKey(seed));
      int32_t label = int32_t(i % 3);
      labels.data<int32_t>()[i] = label;
      for (int k = 0; k < 4; ++k)
        inputs.data<float>()[4 * i + k] = uniform01(words[size_t(k)]) * 2.0f -
                                          1.0f + (k == label ? 1.0f : 0.0f);
    }
    if (special != 0.0f)
      inputs.data<float>()[4 * at] = special;
    rb_tensor input = inputs.view(), label = labels.view();
    ASSERT_OK(ofCode(rb_dataset_create(&input, &label, &out)));
  }

  Status run() {
    return ofCode(rb_train(state, train, test, &options, &result));
  }

  /// The bytes of all persistent tensors.
  std::string values() {
    std::string bytes;
    for (int64_t i = 0; i < rb_state_count(state); ++i) {
      rb_tensor tensor;
      EXPECT_OK(
          ofCode(rb_state_tensor(state, rb_state_name(state, i), &tensor)));
      size_t size = 4;
      for (int d = 0; d < tensor.rank; ++d)
        size *= size_t(tensor.dims[d]);
      bytes.append(static_cast<const char *>(tensor.data), size);
    }
    return bytes;
  }

  void setWeights(float value) {
    rb_tensor tensor;
    ASSERT_OK(ofCode(rb_state_tensor(state, "weight", &tensor)));
    std::fill_n(static_cast<float *>(tensor.data), 12, value);
  }

  std::string withoutFolder(std::string text) {
    for (size_t at; (at = text.find(folder / "")) != std::string::npos;)
      text.erase(at, (folder / "").size());
    return text;
  }
  Status withoutFolder(Status status) {
    return Status(status.code(), withoutFolder(status.message()));
  }

  /// Calls `function` with every event.
  void onEvent(std::function<int32_t(const rb_event &)> function) {
    callback = std::move(function);
    options.on_event = [](void *user, const rb_event *event) {
      return static_cast<TrainingTest *>(user)->callback(*event);
    };
  }

  TemporaryFolder folder;
  rb_program *program = nullptr;
  rb_state *state = nullptr;
  rb_dataset *train = nullptr, *test = nullptr;
  rb_train_options options;
  rb_train_result result;
  std::function<int32_t(const rb_event &)> callback;
};

} // namespace

TEST_F(TrainingTest, Learns) {
  options.epochs = 20;
  ASSERT_OK(run());
  EXPECT_EQ(result.epochs, 20);
  EXPECT_EQ(result.steps, 20 * 8);
  EXPECT_GT(result.test_accuracy, 0.75);
  EXPECT_LT(result.test_loss, 0.7);
  EXPECT_GE(result.best_accuracy, result.test_accuracy);
  EXPECT_GT(result.spike_rate, 0.5);

  // Evaluating what was trained gives the same again.
  rb_train_result again;
  ASSERT_OK(ofCode(rb_evaluate(state, test, &options, &again)));
  EXPECT_EQ(again.test_loss, result.test_loss);
  EXPECT_EQ(again.test_accuracy, result.test_accuracy);
  EXPECT_TRUE(std::isnan(again.train_loss));
}

TEST_F(TrainingTest, LearnsFromASharedObject) {
  options.epochs = 2;
  ASSERT_OK(run());
  std::string expected = values();
  rb_state_destroy(state);
  rb_program_destroy(program);
  ASSERT_OK(ofCode(rb_program_open(TEST_PROGRAMS "logistic.so", &program)));
  ASSERT_OK(ofCode(rb_state_create(program, &state)));
  ASSERT_OK(run());
  EXPECT_EQ(values(), expected);
}

TEST_F(TrainingTest, IsAFunctionOfTheSeed) {
  ASSERT_OK(run());
  std::string first = values();
  ASSERT_OK(run());
  EXPECT_EQ(values(), first);
  options.seed = 1;
  ASSERT_OK(run());
  EXPECT_NE(values(), first);
}

TEST_F(TrainingTest, CallsEachStepWithItsArguments) {
  logistic_observer = observe;
  options.epochs = 2;
  ASSERT_OK(run());
  std::vector<int64_t> sizes = {32, 32, 32, 32, 32, 32, 32, 26};
  sizes.insert(sizes.end(), sizes.begin(), sizes.end());
  EXPECT_EQ(batchSizes, sizes);
  for (size_t i = 0; i < steps.size(); ++i)
    EXPECT_EQ(steps[i], int64_t(i) + 1);
  // No two calls share random numbers, except for the evaluations with each
  // other.
  EXPECT_EQ(seeds.size(), 16u + 2 * 4);
  EXPECT_EQ(std::set<int64_t>(seeds.begin(), seeds.end()).size(), 16u + 4);
}

TEST_F(TrainingTest, StopsAtItsLimits) {
  logistic_observer = observe;
  options.limit_samples = 70;
  options.limit_steps = 5;
  ASSERT_OK(run());
  EXPECT_EQ(batchSizes, (std::vector<int64_t>{32, 32, 6, 32, 32}));
  EXPECT_EQ(result.epochs, 1);
  EXPECT_EQ(result.steps, 5);
  EXPECT_FALSE(std::isnan(result.test_accuracy));
}

TEST_F(TrainingTest, KeepsTheStateIfAskedTo) {
  options.epochs = 0;
  setWeights(0.25f);
  options.keep_state = 1;
  std::string before = values();
  ASSERT_OK(run());
  EXPECT_EQ(values(), before);
  EXPECT_FALSE(std::isnan(result.test_accuracy));
  options.keep_state = 0;
  ASSERT_OK(run());
  EXPECT_NE(values(), before);
}

TEST_F(TrainingTest, Evaluates) {
  std::vector<int64_t> evaluated;
  onEvent([&](const rb_event &event) {
    if (event.kind == RB_EVENT_EVALUATION)
      evaluated.push_back(event.epoch);
    return 0;
  });
  options.epochs = 7;
  options.evaluate_every = 3;
  ASSERT_OK(run());
  EXPECT_EQ(evaluated, (std::vector<int64_t>{3, 6, 7}));
  rb_dataset_destroy(test);
  test = nullptr;
  ASSERT_OK(run());
  EXPECT_TRUE(std::isnan(result.test_accuracy));
}

//===----------------------------------------------------------------------===//
// Schedules
//===----------------------------------------------------------------------===//

TEST(Schedule, FollowsItsClosedForm) {
  rb_train_options options;
  rb_train_options_init(&options);
  options.epochs = 10;
  options.batch = 25;
  options.learning_rate = 0.5;
  auto rate = [&](int64_t step) {
    return rb_learning_rate(&options, step * 25, 100);
  };
  for (int step = 0; step < 40; ++step)
    EXPECT_EQ(rate(step), 0.5);
  options.schedule = RB_SCHEDULE_STEP;
  options.decay_epochs = 3;
  options.decay_factor = 0.5;
  for (int step = 0; step < 40; ++step)
    EXPECT_EQ(rate(step), 0.5 * std::pow(0.5, step / 4 / 3));
  options.schedule = RB_SCHEDULE_COSINE;
  options.final_learning_rate = 0.1;
  for (int step = 0; step < 40; ++step)
    EXPECT_DOUBLE_EQ(rate(step),
                     0.1 + 0.4 * (1 + std::cos(M_PI * step / 40)) / 2);
  options.warmup_epochs = 2.5; // ten steps
  for (int step = 0; step < 10; ++step)
    EXPECT_DOUBLE_EQ(rate(step), 0.5 * (step + 1) / 10);
  for (int step = 10; step < 40; ++step)
    EXPECT_DOUBLE_EQ(rate(step),
                     0.1 + 0.4 * (1 + std::cos(M_PI * (step - 10) / 30)) / 2);
  EXPECT_DOUBLE_EQ(rate(40), 0.1);
}

TEST_F(TrainingTest, UsesTheSchedule) {
  logistic_observer = observe;
  options.schedule = RB_SCHEDULE_COSINE;
  options.warmup_epochs = 1;
  ASSERT_OK(run());
  ASSERT_EQ(rates.size(), 24u);
  for (int64_t i = 0; i < 24; ++i)
    EXPECT_EQ(rates[size_t(i)],
              float(rb_learning_rate(&options, i / 8 * 250 + i % 8 * 32, 250)));
  rates.clear();
  options.schedule = RB_SCHEDULE_CONSTANT;
  options.warmup_epochs = 0;
  options.learning_rate = 0; // the program's
  ASSERT_OK(run());
  EXPECT_EQ(rates.back(), 0.5f);
}

//===----------------------------------------------------------------------===//
// Checkpoints and interruptions
//===----------------------------------------------------------------------===//

TEST_F(TrainingTest, ResumesBitForBit) {
  const std::string file = folder / "x.safetensors";
  std::vector<rb_event> whole;
  auto collect = [](std::vector<rb_event> &events) {
    return [&](const rb_event &event) {
      if (event.kind == RB_EVENT_EPOCH || event.kind == RB_EVENT_EVALUATION)
        events.push_back(event);
      return 0;
    };
  };
  options.epochs = 4;
  options.schedule = RB_SCHEDULE_COSINE;
  onEvent(collect(whole));
  ASSERT_OK(run());
  std::string expected = values();
  double best = result.best_accuracy;

  // From every place: within epochs, at their ends, at the end of all.
  for (int64_t stop = 1; stop <= 32; ++stop) {
    options.resume = nullptr;
    options.checkpoint = file.c_str();
    options.limit_steps = stop;
    options.on_event = nullptr;
    ASSERT_OK(run());
    options.resume = file.c_str();
    options.limit_steps = 0;
    options.seed = 99; // the checkpoint's is used
    std::vector<rb_event> rest;
    onEvent(collect(rest));
    setWeights(7.0f);
    ASSERT_OK(run());
    options.seed = 0;
    ASSERT_EQ(values(), expected) << stop;
    EXPECT_EQ(result.best_accuracy, best);
    EXPECT_EQ(result.steps, 32);
    // What is reported of the epochs is the same, too.
    ASSERT_GE(rest.size(), 1u);
    for (size_t i = 1; i <= rest.size() && stop < 32; ++i) {
      const rb_event &a = rest[rest.size() - i], &b = whole[whole.size() - i];
      EXPECT_EQ(a.kind, b.kind);
      EXPECT_EQ(a.epoch, b.epoch);
      EXPECT_EQ(a.loss, b.loss);
      EXPECT_EQ(a.accuracy, b.accuracy);
      EXPECT_EQ(a.spike_rate, b.spike_rate);
    }
  }
}

TEST_F(TrainingTest, CtrlCSavesAndLeaves) {
  const std::string file = folder / "x.safetensors";
  options.checkpoint = file.c_str();
  ASSERT_OK(run());
  std::string expected = values();
  double accuracy = result.test_accuracy;

  // In the middle of an epoch, in its last step, and in an evaluation.
  for (int64_t stop : {1, 11, 16, -2}) {
    options.resume = nullptr;
    onEvent([&](const rb_event &event) {
      bool here = stop > 0
                      ? event.kind == RB_EVENT_STEP && event.step == stop
                      : event.kind == RB_EVENT_EPOCH && event.epoch == -stop;
      if (here)
        raise(SIGINT);
      return 0;
    });
    struct sigaction before, after;
    sigaction(SIGINT, nullptr, &before);
    std::string where = stop == -2 ? "in the evaluation, after step 16"
                        : stop == 16
                            ? "in epoch 2, after step 16"
                            : "in epoch " + std::to_string(stop / 8 + 1) +
                                  ", after step " + std::to_string(stop);
    EXPECT_ERROR(withoutFolder(run()), RB_INTERRUPTED,
                 "interrupted " + where +
                     "; checkpoint 'x.safetensors' of step " +
                     std::to_string(stop == -2 ? 16 : stop) + " is kept");
    sigaction(SIGINT, nullptr, &after);
    EXPECT_EQ(before.sa_handler, after.sa_handler);
    EXPECT_EQ(result.steps, stop == -2 ? 16 : stop);
    options.on_event = nullptr;
    options.resume = file.c_str();
    ASSERT_OK(run());
    EXPECT_EQ(values(), expected) << stop;
    EXPECT_EQ(result.test_accuracy, accuracy);
  }
}

TEST_F(TrainingTest, CallbackStops) {
  onEvent([](const rb_event &event) { return event.step == 5; });
  EXPECT_ERROR(run(), RB_INTERRUPTED,
               "interrupted in epoch 1, after step 5; there is no checkpoint");
}

TEST_F(TrainingTest, SecondCtrlCKills) {
  onEvent([](const rb_event &) {
    raise(SIGINT);
    raise(SIGINT);
    return 0;
  });
  EXPECT_EXIT((void)run(), testing::KilledBySignal(SIGINT), "");
}

TEST_F(TrainingTest, SavesAsOftenAsAskedTo) {
  const std::string file = folder / "x.safetensors";
  std::vector<std::pair<int64_t, int64_t>> saved;
  onEvent([&](const rb_event &event) {
    if (event.kind == RB_EVENT_CHECKPOINT)
      saved.emplace_back(event.epoch, event.step);
    return 0;
  });
  options.checkpoint = file.c_str();
  options.checkpoint_epochs = 2;
  ASSERT_OK(run());
  EXPECT_EQ(saved,
            (std::vector<std::pair<int64_t, int64_t>>{{2, 16}, {3, 24}}));
  saved.clear();
  options.checkpoint_steps = 7;
  ASSERT_OK(run());
  EXPECT_EQ(saved, (std::vector<std::pair<int64_t, int64_t>>{
                       {1, 7}, {2, 14}, {2, 16}, {3, 21}, {3, 24}}));
  EXPECT_EQ(folder.count(), 1);
}

TEST_F(TrainingTest, SaysWhatIsDifferentAtResumption) {
  const std::string file = folder / "x.safetensors";
  options.checkpoint = file.c_str();
  options.limit_steps = 10;
  options.limit_samples = 200;
  ASSERT_OK(run());
  options.resume = file.c_str();
  options.batch = 16;
  options.learning_rate = 0.05;
  std::vector<std::string> notes;
  onEvent([&](const rb_event &event) {
    if (event.kind == RB_EVENT_NOTE)
      notes.push_back(withoutFolder(event.text));
    return 0;
  });
  ASSERT_OK(run());
  EXPECT_EQ(
      notes,
      (std::vector<std::string>{
          "resumed 'x.safetensors' after 1 epochs and 96 samples, step 10, "
          "seed 0",
          "batch is 16, was 32 when the checkpoint was written",
          "learning_rate is 0.05, was 0.1 when the checkpoint was written"}));
  options.limit_samples = 100;
  EXPECT_ERROR(withoutFolder(run()), RB_INVALID_ARGUMENT,
               "'x.safetensors' stands at sample 96 of 200 of an epoch, but "
               "the training data "
               "have 100 samples");
}

TEST_F(TrainingTest, FullDiskKeepsTheOldCheckpoint) {
  const std::string file = folder / "x.safetensors";
  options.checkpoint = file.c_str();
  options.epochs = 1;
  ASSERT_OK(run());
  std::string before = readFile(file);
  options.epochs = 2;
  signal(SIGXFSZ, SIG_IGN);
  rlimit old, limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  limit = old;
  limit.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  Status status = run();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_ERROR(withoutFolder(status), RB_IO_ERROR,
               "cannot write 'x.safetensors': File too large");
  EXPECT_EQ(readFile(file), before);
  EXPECT_EQ(folder.count(), 1);
}

//===----------------------------------------------------------------------===//
// What is not finite
//===----------------------------------------------------------------------===//

TEST_F(TrainingTest, StopsAtANaNAndReplaysTheStep) {
  const std::string file = folder / "x.safetensors";
  options.checkpoint = file.c_str();
  options.checkpoint_steps = 10;

  // What the arguments of the failing step must be, from a run that stops
  // before.
  rb_dataset_destroy(train);
  makeData(250, 1, train);
  options.limit_steps = 0;
  rb_dataset *poisoned = nullptr;
  makeData(250, 1, poisoned, 123, std::nanf(""));
  std::swap(train, poisoned);
  options.epochs = 1;
  Status status = run(); // without a callback
  EXPECT_EQ(status.code(), RB_NUMERIC);
  int64_t failing = result.steps + 1;
  ASSERT_GT(failing, 1);
  EXPECT_EQ(withoutFolder(status).message(),
            "the loss is nan in epoch 1, step " + std::to_string(failing) +
                "; there is no checkpoint");
  std::swap(train, poisoned);
  options.limit_steps = failing - 1;
  options.checkpoint = nullptr;
  ASSERT_OK(run());
  std::string expected = values();
  std::swap(train, poisoned);

  options.limit_steps = 0;
  for (int64_t every : {1, 3, 100}) {
    options.replay_steps = every;
    struct Seen {
      int64_t step = 0, calls = 0;
      std::string values;
      bool failsAgain = false;
    } seen;
    options.user = &seen;
    options.on_numeric = [](void *user, const rb_numeric_failure *failure) {
      Seen &seen = *static_cast<Seen *>(user);
      seen.calls += 1;
      seen.step = failure->step;
      EXPECT_EQ(failure->epoch, 1);
      EXPECT_EQ(failure->argument_count, 9);
      EXPECT_STREQ(rb_program_entry_name(failure->program, failure->entry),
                   "train_step");
      for (int i : {0, 1, 2}) {
        const rb_tensor &tensor = failure->arguments[i];
        seen.values.append(static_cast<const char *>(tensor.data),
                           i == 1 ? 12 : 48);
      }
      rb_tensor results[6];
      EXPECT_EQ(rb_program_invoke(failure->program, failure->entry,
                                  failure->arguments, 9, results, 6),
                RB_OK);
      seen.failsAgain = std::isnan(*static_cast<float *>(results[3].data));
      rb_program_release(failure->program, failure->entry, results);
    };
    EXPECT_ERROR(run(), RB_NUMERIC,
                 "the loss is nan in epoch 1, step " + std::to_string(failing) +
                     "; there is no checkpoint");
    EXPECT_EQ(seen.calls, 1);
    EXPECT_EQ(seen.step, failing);
    EXPECT_EQ(seen.values, expected);
    EXPECT_TRUE(seen.failsAgain);
  }
  rb_dataset_destroy(poisoned);
}

TEST_F(TrainingTest, ReplaysAcrossEpochs) {
  options.epochs = 4;
  options.limit_steps = 16;
  ASSERT_OK(run());
  std::string expected = values();
  // The third epoch's learning rate destroys the weights.
  options.limit_steps = 0;
  options.schedule = RB_SCHEDULE_STEP;
  options.decay_epochs = 2;
  options.decay_factor = 1e40;
  options.on_numeric = [](void *, const rb_numeric_failure *) {};
  EXPECT_ERROR(run(), RB_NUMERIC,
               "'weight' is not finite after epoch 3, step 17; there is no "
               "checkpoint");
  EXPECT_EQ(values(), expected);
}

TEST_F(TrainingTest, KeepsTheLastGoodCheckpoint) {
  const std::string file = folder / "x.safetensors";
  options.checkpoint = file.c_str();
  options.epochs = 2;
  ASSERT_OK(run());
  std::string good = readFile(file);

  // The first step after the checkpoint drives the weights out of range. The
  // loss of the next one shows it, or the check before the next checkpoint.
  options.resume = file.c_str();
  options.epochs = 4;
  options.learning_rate = 1e39;
  const std::string kept = "; checkpoint 'x.safetensors' of step 16 is kept";
  EXPECT_ERROR(withoutFolder(run()), RB_NUMERIC,
               "the loss is nan in epoch 3, step 18" + kept);
  options.checkpoint_steps = 1;
  EXPECT_ERROR(withoutFolder(run()), RB_NUMERIC,
               "'weight' is not finite after epoch 3, step 17" + kept);
  // The replay finds the step that did it.
  options.checkpoint_steps = 0;
  int64_t step = 0;
  options.user = &step;
  options.on_numeric = [](void *user, const rb_numeric_failure *failure) {
    *static_cast<int64_t *>(user) = failure->step;
  };
  EXPECT_ERROR(withoutFolder(run()), RB_NUMERIC,
               "'weight' is not finite after epoch 3, step 17" + kept);
  EXPECT_EQ(step, 17);
  EXPECT_EQ(readFile(file), good);
  EXPECT_EQ(folder.count(), 1);
}

TEST_F(TrainingTest, StopsAtANaNInTheEvaluation) {
  rb_dataset_destroy(test);
  makeData(100, 2, test, 50, std::nanf(""));
  EXPECT_ERROR(run(), RB_NUMERIC,
               "the loss is nan in the evaluation, samples 32 to 63, after "
               "epoch 1, step 8; there "
               "is no checkpoint");
  EXPECT_ERROR(ofCode(rb_evaluate(state, test, &options, &result)), RB_NUMERIC,
               "the loss is nan in the evaluation, samples 32 to 63");
}

//===----------------------------------------------------------------------===//
// Logs
//===----------------------------------------------------------------------===//

TEST_F(TrainingTest, WritesLogs) {
  const std::string csv = folder / "log.csv", jsonl = folder / "log.jsonl",
                    file = folder / "x.safetensors";
  options.log_csv = csv.c_str();
  options.log_jsonl = jsonl.c_str();
  options.log_steps = 6;
  options.checkpoint = file.c_str();
  options.epochs = 1;
  ASSERT_OK(run());
  std::string text = readFile(csv);
  std::vector<std::string> lines;
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos;
       at = end + 1)
    lines.push_back(text.substr(at, end - at));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(
      lines[0],
      "event,epoch,step,samples,learning_rate,loss,accuracy,spike_rate,seconds,"
      "samples_per_second");
  EXPECT_EQ(lines[1].substr(0, 18), "step,1,6,192,0.1,0");
  EXPECT_EQ(lines[2].substr(0, 20), "train,1,8,250,0.1,1.");
  EXPECT_EQ(lines[3].substr(0, 15), "test,1,8,100,,0");
  text = readFile(jsonl);
  EXPECT_NE(text.find("{\"event\":\"test\",\"epoch\":1,\"step\":8,\"samples\":"
                      "100,\"loss\":0."),
            std::string::npos);
  EXPECT_NE(withoutFolder(text).find("{\"event\":\"checkpoint\",\"epoch\":1,"
                                     "\"step\":8,\"text\":\"x.safetensors\"}"),
            std::string::npos);

  // Who goes on appends, and the header stays the only one.
  options.resume = file.c_str();
  options.epochs = 2;
  ASSERT_OK(run());
  std::string longer = readFile(csv);
  EXPECT_EQ(longer.find("event,"), longer.rfind("event,"));
  EXPECT_NE(longer.find("\ntrain,1,"), std::string::npos);
  EXPECT_NE(longer.find("\ntrain,2,"), std::string::npos);

  options.log_csv = "/dev/full";
  EXPECT_ERROR(run(), RB_IO_ERROR,
               "cannot write '/dev/full': No space left on device");
  options.log_csv = "/nowhere/log.csv";
  EXPECT_ERROR(run(), RB_NOT_FOUND,
               "cannot open '/nowhere/log.csv': No such file or directory");
}

TEST_F(TrainingTest, DrawsABar) {
  options.progress = RB_PROGRESS_ON;
  testing::internal::CaptureStderr();
  ASSERT_OK(run());
  std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("\repoch 1/3 ["), std::string::npos);
  EXPECT_NE(text.find("] 100 %  step 8  loss 0."), std::string::npos);
  EXPECT_NE(text.find(" samples/s  0:00 left\x1b[K"), std::string::npos);
  EXPECT_NE(text.find("\r\x1b[Kepoch 3/3: loss 0."), std::string::npos);
  EXPECT_NE(text.find("\r\x1b[Ktest  3/3: loss 0."), std::string::npos) << text;
  EXPECT_NE(text.find(", accuracy "), std::string::npos);
  EXPECT_NE(text.find(", spike rate 0."), std::string::npos);
  // Not on a terminal: the lines alone.
  options.progress = RB_PROGRESS_AUTO;
  testing::internal::CaptureStderr();
  ASSERT_OK(run());
  text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find("epoch 1/3: loss 1."), 0u);
}

//===----------------------------------------------------------------------===//
// Bad options and data
//===----------------------------------------------------------------------===//

TEST_F(TrainingTest, NamesBadOptions) {
  rb_train_options good = options;
  auto with = [&](auto change) {
    options = good;
    change();
    return run();
  };
  EXPECT_ERROR(with([&] { options.batch = 0; }), RB_INVALID_ARGUMENT,
               "batch: expected a positive number, got 0");
  EXPECT_ERROR(with([&] { options.epochs = -1; }), RB_INVALID_ARGUMENT,
               "epochs: expected a number that is not negative, got -1");
  EXPECT_ERROR(
      with([&] { options.learning_rate = std::nan(""); }), RB_INVALID_ARGUMENT,
      "learning rate: expected a number that is not negative, got nan");
  EXPECT_ERROR(with([&] { options.schedule = 3; }), RB_INVALID_ARGUMENT,
               "schedule: expected constant, step or cosine, got 3");
  EXPECT_ERROR(with([&] { options.resume = "/nowhere/x"; }), RB_NOT_FOUND,
               "cannot open '/nowhere/x': No such file or directory");
  options = good;
  options.struct_bytes = 100000;
  EXPECT_EQ(run().code(), RB_VERSION_MISMATCH);
  // A caller of an older version knows fewer options.
  options = good;
  options.struct_bytes = int64_t(offsetof(rb_train_options, schedule));
  options.schedule = 77;
  EXPECT_OK(run());
  EXPECT_ERROR(ofCode(rb_train(nullptr, train, test, &good, nullptr)),
               RB_INVALID_ARGUMENT, "state: expected an object, got null");
}

TEST_F(TrainingTest, NamesBadLabels) {
  options.classes = 2;
  EXPECT_ERROR(run(), RB_INVALID_ARGUMENT,
               "'labels': expected labels from 0 to 1, got 2 for sample 2");
  // Without the option, the width of the output counts: three.
  options.classes = 0;
  Tensor inputs, labels;
  ASSERT_OK(Tensor::create(RB_F32, {2, 4}, inputs));
  memset(inputs.data(), 0, size_t(inputs.numBytes()));
  ASSERT_OK(Tensor::create(RB_I32, {2}, labels));
  labels.data<int32_t>()[0] = 0;
  labels.data<int32_t>()[1] = 3;
  rb_tensor input = inputs.view(), label = labels.view();
  rb_dataset_destroy(test);
  ASSERT_OK(ofCode(rb_dataset_create(&input, &label, &test)));
  EXPECT_ERROR(run(), RB_INVALID_ARGUMENT,
               "'labels': expected labels from 0 to 2, got 3 for sample 1");
}
