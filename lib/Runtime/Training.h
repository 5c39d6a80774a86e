//===- Training.h - The training loop ---------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_TRAINING_H
#define RHEOBASE_LIB_RUNTIME_TRAINING_H

#include "Data.h"
#include "State.h"
#include "rheobase/rt.h"

namespace rheobase {
namespace rt {

/// What rb_train does. `handle` is what callbacks get as the program.
Status train(const rb_program *handle, State &state, const DataSet &trainData,
             const DataSet *testData, const rb_train_options &options,
             rb_train_result &result);

/// What rb_evaluate does.
Status evaluate(const rb_program *handle, State &state, const DataSet &testData,
                const rb_train_options &options, rb_train_result &result);

/// What rb_learning_rate does, with the program's rate where options have none.
double scheduledRate(const rb_train_options &options, double baseRate,
                     int64_t samples, int64_t epochSamples);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_TRAINING_H
