/*===- rt.h - The runtime's C API ------------------------------------------===*
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Programs, data, training and checkpoints behind plain C. Nothing here aborts
 * or throws: a call returns an rb_status, and rb_last_error() has the message.
 * An object belongs to one thread at a time; different objects to as many as you
 * like. docs/Training.md explains training, docs/RuntimeABI.md programs.
 *
 *===----------------------------------------------------------------------===*/
#ifndef RHEOBASE_RT_H
#define RHEOBASE_RT_H

#include "rheobase/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/*===----------------------------------------------------------------------===*
 * Errors and memory: library RheobaseRTCore, which every artefact contains
 *===----------------------------------------------------------------------===*/

/* Records the calling thread's error, for callbacks and hand-written entry
 * points. */
void rb_set_last_error(const char *message) RB_NOEXCEPT;

/* Returns the memory that the caller's pool keeps in reserve to the system. That
 * of an artefact that was loaded is returned when it is unloaded. */
void rheobase_rt_trim(void) RB_NOEXCEPT;

/* The most bytes of the caller's pool that were in use at the same time; with
 * `reset` the count starts again from what is in use now. */
int64_t rheobase_rt_peak_bytes(int32_t reset) RB_NOEXCEPT;

/*===----------------------------------------------------------------------===*
 * Profiles: of code that was compiled with one
 *===----------------------------------------------------------------------===*/

/* A loop nest, since the last reset. Texts are not terminated by zero:
 * `lengths` has the lengths of function, name and location. */
typedef struct rb_profile_kernel {
  const char *function, *name, *location;
  int32_t lengths[3];
  int64_t calls;
  int64_t nanoseconds;
  int64_t operations; /* on floats, an fma is two; -1: unknown */
  int64_t bytes;      /* of the operands of its operations; -1: unknown */
} rb_profile_kernel;

/* A call of a kernel; `start` is in nanoseconds since some time. */
typedef struct rb_profile_event {
  int64_t kernel, start, nanoseconds;
} rb_profile_event;

/* Begins anew; with `trace`, single calls are kept as well. */
void rb_profile_reset(int32_t trace) RB_NOEXCEPT;
int64_t rb_profile_count(void) RB_NOEXCEPT;
rb_status rb_profile_get(int64_t index, rb_profile_kernel *kernel) RB_NOEXCEPT;
/* The list lives until the next call of generated code. */
int64_t rb_profile_events(const rb_profile_event **events) RB_NOEXCEPT;

/*===----------------------------------------------------------------------===*
 * Programs
 *===----------------------------------------------------------------------===*/

/* A compiled module: its manifest and its entry points. */
typedef struct rb_program rb_program;

typedef struct rb_function {
  const char *symbol;
  rb_entry_fn function;
} rb_function;

/* A program of the JIT compiler: the manifest's text, and a function for each
 * symbol that it names. The functions must outlive the program. */
rb_status rb_program_create(const char *manifest, const rb_function *functions,
                            int64_t count, rb_program **program) RB_NOEXCEPT;
/* A program from a shared object. */
rb_status rb_program_open(const char *path, rb_program **program) RB_NOEXCEPT;
void rb_program_destroy(rb_program *program) RB_NOEXCEPT;

/* The manifest's text; it lives as long as the program. */
const char *rb_program_manifest(const rb_program *program) RB_NOEXCEPT;
int64_t rb_program_entry_count(const rb_program *program) RB_NOEXCEPT;
/* Null if there is no entry `index`. */
const char *rb_program_entry_name(const rb_program *program,
                                  int64_t index) RB_NOEXCEPT;
rb_status rb_program_find_entry(const rb_program *program, const char *name,
                                int64_t *index) RB_NOEXCEPT;

/* An argument or a result; the strings live as long as the program. */
typedef struct rb_value_info {
  const char *name;
  const char *role; /* as in the manifest: "parameter", "input", ... */
  int32_t dtype;
  int32_t rank;
  int64_t dims[RHEOBASE_MAX_RANK];          /* -1 where there is a name */
  const char *dim_names[RHEOBASE_MAX_RANK]; /* null where there is a size */
  int32_t donated;
  int32_t aliases; /* of a result: index of the argument that it is, or -1 */
} rb_value_info;

int64_t rb_entry_argument_count(const rb_program *program,
                                int64_t entry) RB_NOEXCEPT;
int64_t rb_entry_result_count(const rb_program *program,
                              int64_t entry) RB_NOEXCEPT;
rb_status rb_entry_argument(const rb_program *program, int64_t entry,
                            int64_t index, rb_value_info *info) RB_NOEXCEPT;
rb_status rb_entry_result(const rb_program *program, int64_t entry,
                          int64_t index, rb_value_info *info) RB_NOEXCEPT;

/* Checks the arguments against the manifest and calls the entry. `results` need
 * not be initialized; give them back with rb_program_release. */
rb_status rb_program_invoke(const rb_program *program, int64_t entry,
                            const rb_tensor *arguments, int64_t argument_count,
                            rb_tensor *results,
                            int64_t result_count) RB_NOEXCEPT;
/* Frees the results of a call, except for those that are donated arguments. */
void rb_program_release(const rb_program *program, int64_t entry,
                        rb_tensor *results) RB_NOEXCEPT;

/*===----------------------------------------------------------------------===*
 * State: parameters, optimizer state, statistics
 *===----------------------------------------------------------------------===*/

typedef struct rb_state rb_state;

/* The program's persistent tensors, all zero. */
rb_status rb_state_create(const rb_program *program,
                          rb_state **state) RB_NOEXCEPT;
void rb_state_destroy(rb_state *state) RB_NOEXCEPT;
/* Their initial values, a function of the seed. */
rb_status rb_state_initialize(rb_state *state, uint64_t seed) RB_NOEXCEPT;
/* Their values from a safetensors file. Names and shapes must be those of the
 * program; optimizer state is ignored if the program has no `train_step`. */
rb_status rb_state_load(rb_state *state, const char *path) RB_NOEXCEPT;
/* Writes a safetensors file, which is complete or not there. */
rb_status rb_state_save(const rb_state *state, const char *path) RB_NOEXCEPT;

int64_t rb_state_count(const rb_state *state) RB_NOEXCEPT;
/* Null if there is no tensor `index`. */
const char *rb_state_name(const rb_state *state, int64_t index) RB_NOEXCEPT;
/* The tensor itself, to read and to write, as long as the state lives. */
rb_status rb_state_tensor(rb_state *state, const char *name,
                          rb_tensor *tensor) RB_NOEXCEPT;

/*===----------------------------------------------------------------------===*
 * Data
 *===----------------------------------------------------------------------===*/

typedef struct rb_dataset rb_dataset;

/* Samples, and labels if `labels` is not null, from IDX (plain or gzip) or NPY
 * files. The first dimension counts samples. */
rb_status rb_dataset_open(const char *inputs, const char *labels,
                          rb_dataset **dataset) RB_NOEXCEPT;
/* From memory; the bytes are copied. */
rb_status rb_dataset_create(const rb_tensor *inputs, const rb_tensor *labels,
                            rb_dataset **dataset) RB_NOEXCEPT;
int64_t rb_dataset_size(const rb_dataset *dataset) RB_NOEXCEPT;
void rb_dataset_destroy(rb_dataset *dataset) RB_NOEXCEPT;

/*===----------------------------------------------------------------------===*
 * Training
 *===----------------------------------------------------------------------===*/

typedef enum rb_schedule {
  RB_SCHEDULE_CONSTANT = 0,
  RB_SCHEDULE_STEP = 1,
  RB_SCHEDULE_COSINE = 2
} rb_schedule;

typedef enum rb_progress {
  RB_PROGRESS_AUTO = 0, /* a bar on a terminal, a line an epoch elsewhere */
  RB_PROGRESS_OFF = 1,
  RB_PROGRESS_ON = 2 /* a bar everywhere */
} rb_progress;

typedef enum rb_event_kind {
  RB_EVENT_STEP = 0,       /* after every step; not logged unless asked for */
  RB_EVENT_EPOCH = 1,      /* means over the training samples of an epoch */
  RB_EVENT_EVALUATION = 2, /* means over the test samples */
  RB_EVENT_CHECKPOINT = 3, /* `text` is the file that was written */
  RB_EVENT_NOTE = 4        /* `text` says what */
} rb_event_kind;

/* What happened. Numbers that do not apply or are not known are NaN. */
typedef struct rb_event {
  int64_t kind;    /* an rb_event_kind */
  int64_t epoch;   /* counted from 1 */
  int64_t step;    /* optimizer steps so far */
  int64_t samples; /* of the epoch so far, or evaluated */
  double learning_rate;
  double loss;
  double accuracy;   /* 0 to 1 */
  double spike_rate; /* spikes per neuron and time step */
  double seconds;    /* since the training began */
  double samples_per_second;
  const char *text; /* may be null */
} rb_event;

/* A step whose loss, or a parameter after it, is infinite or not a number. */
typedef struct rb_numeric_failure {
  const rb_program *program;
  int64_t entry; /* of `train_step` */
  /* The entry's arguments as they were before the step: calling it with them
   * fails again. They may be overwritten. */
  const rb_tensor *arguments;
  int64_t argument_count;
  int64_t epoch; /* counted from 1 */
  int64_t step;  /* counted from 1 */
} rb_numeric_failure;

/* Fill it by rb_train_options_init, then change what you like. */
typedef struct rb_train_options {
  int64_t struct_bytes; /* set by rb_train_options_init */
  int64_t epochs;
  int64_t batch;
  double learning_rate; /* 0: the program's */
  int64_t schedule;     /* an rb_schedule */
  double warmup_epochs; /* linear from 0; fractions are allowed */
  int64_t decay_epochs; /* step: epochs between decays */
  double decay_factor;  /* step: what each multiplies by */
  double final_learning_rate; /* cosine: where it ends */
  uint64_t seed;
  int64_t time_steps; /* 0: the data's or the program's */
  int64_t threads;    /* 0: OpenMP's choice */
  int64_t limit_samples; /* use the first so many of the training set; 0: all */
  int64_t limit_steps;   /* stop after so many optimizer steps; 0: do not */
  int64_t classes;       /* labels are below this; 0: the program's */
  int64_t evaluate_every; /* epochs between evaluations, and after the last */
  const char *checkpoint; /* file, null: none */
  int64_t checkpoint_epochs; /* epochs between checkpoints, and after the last */
  int64_t checkpoint_steps;  /* steps between checkpoints; 0: only by epochs */
  const char *resume; /* checkpoint to go on from, null: begin anew */
  int64_t keep_state; /* begin with what the state holds, not by initializers */
  const char *log_csv;   /* file, null: none */
  const char *log_jsonl; /* file, null: none */
  int64_t log_steps;     /* log every so many steps; 0: epochs only */
  int64_t progress;      /* an rb_progress; written to stderr */
  int64_t handle_interrupt; /* Ctrl-C saves a checkpoint and returns */
  int64_t replay_steps; /* steps between the copies that on_numeric needs */
  /* Called in the training thread; another value than 0 stops the training as
   * Ctrl-C does. */
  int32_t (*on_event)(void *user, const rb_event *event);
  /* Called before RB_NUMERIC is returned. */
  void (*on_numeric)(void *user, const rb_numeric_failure *failure);
  void *user;
} rb_train_options;

typedef struct rb_train_result {
  int64_t epochs; /* that are complete */
  int64_t steps;
  double train_loss, train_accuracy; /* of the last epoch; NaN: unknown */
  double test_loss, test_accuracy;   /* of the last evaluation */
  double best_accuracy;
  double spike_rate; /* of the last evaluation, else of the last epoch */
  double seconds;
} rb_train_result;

void rb_train_options_init(rb_train_options *options) RB_NOEXCEPT;

/* The learning rate of the step that begins after `samples` samples of the whole
 * training, of `epoch_samples` an epoch. */
double rb_learning_rate(const rb_train_options *options, int64_t samples,
                        int64_t epoch_samples) RB_NOEXCEPT;

/* Trains by the program's `train_step`, and evaluates by its `evaluate` if
 * `test` is not null. The trained values are in `state`, which rb_train
 * initializes by the seed unless `resume` or `keep_state` is set.
 * RB_INTERRUPTED: stopped by Ctrl-C or on_event, after a checkpoint.
 * RB_NUMERIC: the loss or a parameter is not finite; the last checkpoint stays.
 * `result` may be null; it is filled in all cases. */
rb_status rb_train(rb_state *state, const rb_dataset *train,
                   const rb_dataset *test, const rb_train_options *options,
                   rb_train_result *result) RB_NOEXCEPT;

/* Evaluates the values that `state` holds; of the options it uses batch, seed,
 * time_steps, threads, classes, progress, handle_interrupt and the logs. */
rb_status rb_evaluate(rb_state *state, const rb_dataset *test,
                      const rb_train_options *options,
                      rb_train_result *result) RB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif /* RHEOBASE_RT_H */
