//===- Trainer.h - Training from C++ ----------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thin C++ layer over the C API: a program, its data and its state in one
// object. examples/train.cpp shows it.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_TRAINER_H
#define RHEOBASE_RUNTIME_TRAINER_H

#include "rheobase/Runtime/Status.h"
#include "rheobase/rt.h"
#include <limits>
#include <memory>
#include <string>

namespace rheobase {
namespace rt {

/// Loads, trains, evaluates. The first thing that goes wrong is kept: later
/// calls do nothing and return it, so a program may ask once, at the end.
class Trainer {
public:
  Trainer() {
    rb_train_options_init(&options);
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    result.train_loss = result.train_accuracy = unknown;
    result.test_loss = result.test_accuracy = unknown;
    result.best_accuracy = result.spike_rate = unknown;
  }
  /// With the program of a shared object.
  explicit Trainer(const std::string &program) : Trainer() {
    loadProgram(program);
  }

  /// What to change before train() or evaluate(). Strings must stay alive.
  rb_train_options options;
  /// What they found.
  rb_train_result result = {};

  const Status &status() const { return firstError; }

  const Status &loadProgram(const std::string &path) {
    rb_program *opened = nullptr;
    if (step([&] { return rb_program_open(path.c_str(), &opened); }))
      setProgram(opened);
    return firstError;
  }

  /// Takes over a program, for example one of the JIT compiler.
  const Status &setProgram(rb_program *opened) {
    rb_state *created = nullptr;
    ownedState.reset();
    ownedProgram.reset(opened);
    step([&] { return rb_state_create(opened, &created); });
    ownedState.reset(created);
    return firstError;
  }

  /// Files with samples and labels, IDX or NPY.
  const Status &loadTrainingData(const std::string &inputs,
                                 const std::string &labels) {
    return loadData(inputs, labels, trainData);
  }
  const Status &loadTestData(const std::string &inputs,
                             const std::string &labels) {
    return loadData(inputs, labels, testData);
  }

  /// Trains, and evaluates if there are test data.
  const Status &train() {
    step([&] {
      return rb_train(ownedState.get(), trainData.get(), testData.get(),
                      &options, &result);
    });
    return firstError;
  }

  /// Evaluates the state as it is.
  const Status &evaluate() {
    step([&] {
      return rb_evaluate(ownedState.get(), testData.get(), &options, &result);
    });
    return firstError;
  }

  /// Reads and writes all persistent tensors.
  const Status &loadState(const std::string &path) {
    step([&] { return rb_state_load(ownedState.get(), path.c_str()); });
    return firstError;
  }
  const Status &saveState(const std::string &path) {
    step([&] { return rb_state_save(ownedState.get(), path.c_str()); });
    return firstError;
  }

  rb_program *program() const { return ownedProgram.get(); }
  rb_state *state() const { return ownedState.get(); }

private:
  struct Destroy {
    void operator()(rb_program *object) const { rb_program_destroy(object); }
    void operator()(rb_state *object) const { rb_state_destroy(object); }
    void operator()(rb_dataset *object) const { rb_dataset_destroy(object); }
  };

  /// Makes a call of the C API unless one has failed; true if all is well.
  template <typename Call> bool step(Call call) {
    if (!firstError.ok())
      return false;
    rb_status code = call();
    if (code != RB_OK)
      firstError = Status(code, rb_last_error());
    return code == RB_OK;
  }

  const Status &loadData(const std::string &inputs, const std::string &labels,
                         std::unique_ptr<rb_dataset, Destroy> &data) {
    rb_dataset *opened = nullptr;
    step([&] {
      return rb_dataset_open(
          inputs.c_str(), labels.empty() ? nullptr : labels.c_str(), &opened);
    });
    data.reset(opened);
    return firstError;
  }

  Status firstError;
  // The program outlives the state.
  std::unique_ptr<rb_program, Destroy> ownedProgram;
  std::unique_ptr<rb_state, Destroy> ownedState;
  std::unique_ptr<rb_dataset, Destroy> trainData, testData;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_TRAINER_H
