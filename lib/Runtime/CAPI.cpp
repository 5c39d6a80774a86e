//===- CAPI.cpp - The runtime's C API -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function checks its pointers and turns what goes wrong, exceptions of
// the C++ library included, into a status and a message.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "Training.h"
#include "rheobase/rt.h"
#include <cstring>
#include <exception>
#include <limits>
#include <new>

using namespace rheobase::rt;

struct rb_program {
  std::shared_ptr<Program> program;
};

struct rb_state {
  rb_program program;
  State state;
};

struct rb_dataset {
  DataSet data;
};

/// Runs `body`, which returns a Status.
template <typename Body> static rb_status guarded(Body body) noexcept {
  try {
    Status status = body();
    if (!status.ok())
      rb_set_last_error(status.message().c_str());
    return status.code();
  } catch (const std::bad_alloc &) {
    rb_set_last_error("out of memory");
    return RB_OUT_OF_MEMORY;
  } catch (const std::exception &exception) {
    rb_set_last_error(exception.what());
  } catch (...) {
    rb_set_last_error("an unknown exception");
  }
  return RB_INTERNAL;
}

static Status isNull(const char *name) {
  return error(RB_INVALID_ARGUMENT, "%s: expected an object, got null", name);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

rb_status rb_program_create(const char *manifest, const rb_function *functions,
                            int64_t count, rb_program **program) noexcept {
  return guarded([&]() -> Status {
    if (!manifest || !program || (count > 0 && !functions))
      return isNull(!manifest  ? "manifest"
                    : !program ? "program"
                               : "functions");
    *program = nullptr;
    std::vector<std::pair<std::string, rb_entry_fn>> table;
    for (int64_t i = 0; i < count; ++i)
      if (functions[i].symbol)
        table.emplace_back(functions[i].symbol, functions[i].function);
    auto result = std::make_unique<rb_program>();
    RB_TRY(Program::create(manifest, table, result->program));
    *program = result.release();
    return Status();
  });
}

rb_status rb_program_open(const char *path, rb_program **program) noexcept {
  return guarded([&]() -> Status {
    if (!path || !program)
      return isNull(!path ? "path" : "program");
    *program = nullptr;
    auto result = std::make_unique<rb_program>();
    RB_TRY(Program::open(path, result->program));
    *program = result.release();
    return Status();
  });
}

void rb_program_destroy(rb_program *program) noexcept { delete program; }

const char *rb_program_manifest(const rb_program *program) noexcept {
  return program ? program->program->manifest().text.c_str() : nullptr;
}

int64_t rb_program_entry_count(const rb_program *program) noexcept {
  return program ? int64_t(program->program->manifest().entries.size()) : 0;
}

static bool hasEntry(const rb_program *program, int64_t entry) {
  return entry >= 0 && entry < rb_program_entry_count(program);
}

static Status checkEntry(const rb_program *program, int64_t entry) {
  if (!program)
    return isNull("program");
  if (!hasEntry(program, entry))
    return error(RB_INVALID_ARGUMENT, "expected an entry below %lld, got %lld",
                 (long long)rb_program_entry_count(program), (long long)entry);
  return Status();
}

const char *rb_program_entry_name(const rb_program *program,
                                  int64_t index) noexcept {
  return hasEntry(program, index)
             ? program->program->entry(int(index)).name.c_str()
             : nullptr;
}

rb_status rb_program_find_entry(const rb_program *program, const char *name,
                                int64_t *index) noexcept {
  return guarded([&]() -> Status {
    if (!program || !name || !index)
      return isNull(!program ? "program" : !name ? "name" : "index");
    int found;
    RB_TRY(program->program->findEntry(name, found));
    *index = found;
    return Status();
  });
}

int64_t rb_entry_argument_count(const rb_program *program,
                                int64_t entry) noexcept {
  return hasEntry(program, entry)
             ? int64_t(program->program->entry(int(entry)).arguments.size())
             : 0;
}

int64_t rb_entry_result_count(const rb_program *program,
                              int64_t entry) noexcept {
  return hasEntry(program, entry)
             ? int64_t(program->program->entry(int(entry)).results.size())
             : 0;
}

static Status describeValue(const std::vector<ValueInfo> &values, int64_t index,
                            rb_value_info *info) {
  if (!info)
    return isNull("info");
  if (index < 0 || index >= int64_t(values.size()))
    return error(RB_INVALID_ARGUMENT, "expected an index below %zu, got %lld",
                 values.size(), (long long)index);
  const ValueInfo &value = values[size_t(index)];
  *info = rb_value_info{};
  info->name = value.name.c_str();
  info->role = roleName(value.role);
  info->dtype = value.dtype;
  info->rank = int32_t(value.dims.size());
  for (size_t i = 0; i < value.dims.size(); ++i) {
    info->dims[i] = value.dims[i].size;
    if (!value.dims[i].isFixed())
      info->dim_names[i] = value.dims[i].name.c_str();
  }
  info->donated = value.donated;
  info->aliases = value.aliases;
  return Status();
}

rb_status rb_entry_argument(const rb_program *program, int64_t entry,
                            int64_t index, rb_value_info *info) noexcept {
  return guarded([&]() -> Status {
    RB_TRY(checkEntry(program, entry));
    return describeValue(program->program->entry(int(entry)).arguments, index,
                         info);
  });
}

rb_status rb_entry_result(const rb_program *program, int64_t entry,
                          int64_t index, rb_value_info *info) noexcept {
  return guarded([&]() -> Status {
    RB_TRY(checkEntry(program, entry));
    return describeValue(program->program->entry(int(entry)).results, index,
                         info);
  });
}

rb_status rb_program_invoke(const rb_program *program, int64_t entry,
                            const rb_tensor *arguments, int64_t argument_count,
                            rb_tensor *results, int64_t result_count) noexcept {
  return guarded([&]() -> Status {
    RB_TRY(checkEntry(program, entry));
    const EntryInfo &info = program->program->entry(int(entry));
    if (argument_count != int64_t(info.arguments.size()))
      return error(RB_INVALID_ARGUMENT, "%s: expected %zu arguments, got %lld",
                   info.name.c_str(), info.arguments.size(),
                   (long long)argument_count);
    if (result_count != int64_t(info.results.size()))
      return error(RB_INVALID_ARGUMENT,
                   "%s: expected room for %zu results, got "
                   "it for %lld",
                   info.name.c_str(), info.results.size(),
                   (long long)result_count);
    if ((argument_count && !arguments) || (result_count && !results))
      return isNull(argument_count && !arguments ? "arguments" : "results");
    return program->program->invoke(int(entry), arguments, results);
  });
}

void rb_program_release(const rb_program *program, int64_t entry,
                        rb_tensor *results) noexcept {
  if (results && hasEntry(program, entry))
    program->program->release(int(entry), results);
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

rb_status rb_state_create(const rb_program *program,
                          rb_state **state) noexcept {
  return guarded([&]() -> Status {
    if (!program || !state)
      return isNull(!program ? "program" : "state");
    *state = nullptr;
    auto result = std::make_unique<rb_state>();
    result->program = *program;
    RB_TRY(State::create(program->program, result->state));
    *state = result.release();
    return Status();
  });
}

void rb_state_destroy(rb_state *state) noexcept { delete state; }

rb_status rb_state_initialize(rb_state *state, uint64_t seed) noexcept {
  return guarded([&]() -> Status {
    return state ? state->state.initialize(seed) : isNull("state");
  });
}

rb_status rb_state_load(rb_state *state, const char *path) noexcept {
  return guarded([&]() -> Status {
    if (!state || !path)
      return isNull(!state ? "state" : "path");
    return state->state.load(path, nullptr);
  });
}

rb_status rb_state_save(const rb_state *state, const char *path) noexcept {
  return guarded([&]() -> Status {
    if (!state || !path)
      return isNull(!state ? "state" : "path");
    return state->state.save(path, Progress());
  });
}

int64_t rb_state_count(const rb_state *state) noexcept {
  return state ? int64_t(state->state.entries().size()) : 0;
}

const char *rb_state_name(const rb_state *state, int64_t index) noexcept {
  if (index < 0 || index >= rb_state_count(state))
    return nullptr;
  return state->state.entries()[size_t(index)].info->name.c_str();
}

rb_status rb_state_tensor(rb_state *state, const char *name,
                          rb_tensor *tensor) noexcept {
  return guarded([&]() -> Status {
    if (!state || !name || !tensor)
      return isNull(!state ? "state" : !name ? "name" : "tensor");
    Tensor *found = state->state.find(name);
    if (!found)
      return error(RB_NOT_FOUND, "program '%s' has no persistent tensor '%s'",
                   state->program.program->manifest().module.c_str(), name);
    *tensor = found->view();
    return Status();
  });
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

rb_status rb_dataset_open(const char *inputs, const char *labels,
                          rb_dataset **dataset) noexcept {
  return guarded([&]() -> Status {
    if (!inputs || !dataset)
      return isNull(!inputs ? "inputs" : "dataset");
    *dataset = nullptr;
    auto result = std::make_unique<rb_dataset>();
    RB_TRY(DataSet::open(inputs, labels ? labels : "", result->data));
    *dataset = result.release();
    return Status();
  });
}

rb_status rb_dataset_create(const rb_tensor *inputs, const rb_tensor *labels,
                            rb_dataset **dataset) noexcept {
  return guarded([&]() -> Status {
    if (!inputs || !dataset)
      return isNull(!inputs ? "inputs" : "dataset");
    *dataset = nullptr;
    auto result = std::make_unique<rb_dataset>();
    RB_TRY(DataSet::create(*inputs, labels, result->data));
    *dataset = result.release();
    return Status();
  });
}

int64_t rb_dataset_size(const rb_dataset *dataset) noexcept {
  return dataset ? dataset->data.size() : 0;
}

void rb_dataset_destroy(rb_dataset *dataset) noexcept { delete dataset; }

//===----------------------------------------------------------------------===//
// Training
//===----------------------------------------------------------------------===//

void rb_train_options_init(rb_train_options *options) noexcept {
  if (!options)
    return;
  *options = rb_train_options{};
  options->struct_bytes = sizeof(rb_train_options);
  options->epochs = 10;
  options->batch = 128;
  options->schedule = RB_SCHEDULE_CONSTANT;
  options->decay_epochs = 10;
  options->decay_factor = 0.1;
  options->evaluate_every = 1;
  options->checkpoint_epochs = 1;
  options->progress = RB_PROGRESS_AUTO;
  options->handle_interrupt = 1;
  options->replay_steps = 100;
}

/// The options of a caller who was compiled against an older version are a
/// prefix of ours.
static Status readOptions(const rb_train_options *given,
                          rb_train_options &options) {
  rb_train_options_init(&options);
  if (!given)
    return Status();
  if (given->struct_bytes < int64_t(sizeof(given->struct_bytes)) ||
      given->struct_bytes > int64_t(sizeof(rb_train_options)))
    return error(
        RB_VERSION_MISMATCH,
        "expected training options of at most %zu bytes, got %lld: fill "
        "them by rb_train_options_init, of the same version",
        sizeof(rb_train_options), (long long)given->struct_bytes);
  memcpy(static_cast<void *>(&options), given, size_t(given->struct_bytes));
  options.struct_bytes = sizeof(rb_train_options);
  return Status();
}

double rb_learning_rate(const rb_train_options *options, int64_t samples,
                        int64_t epoch_samples) noexcept {
  rb_train_options read;
  if (!readOptions(options, read).ok() || read.decay_epochs < 1)
    return std::numeric_limits<double>::quiet_NaN();
  return scheduledRate(read, read.learning_rate, samples, epoch_samples);
}

rb_status rb_train(rb_state *state, const rb_dataset *train,
                   const rb_dataset *test, const rb_train_options *options,
                   rb_train_result *result) noexcept {
  return guarded([&]() -> Status {
    if (!state || !train)
      return isNull(!state ? "state" : "train");
    rb_train_options read;
    RB_TRY(readOptions(options, read));
    rb_train_result ignored;
    return rheobase::rt::train(&state->program, state->state, train->data,
                               test ? &test->data : nullptr, read,
                               result ? *result : ignored);
  });
}

rb_status rb_evaluate(rb_state *state, const rb_dataset *test,
                      const rb_train_options *options,
                      rb_train_result *result) noexcept {
  return guarded([&]() -> Status {
    if (!state || !test)
      return isNull(!state ? "state" : "test");
    rb_train_options read;
    RB_TRY(readOptions(options, read));
    rb_train_result ignored;
    return rheobase::rt::evaluate(&state->program, state->state, test->data,
                                  read, result ? *result : ignored);
  });
}
