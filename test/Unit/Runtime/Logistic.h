/*===- Logistic.h - A hand-written program for the tests -------------------===*
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Logistic regression with 4 inputs and 3 classes, trained by SGD with
 * momentum, as compiled code would offer it.
 *
 *===----------------------------------------------------------------------===*/
#ifndef RHEOBASE_TEST_UNIT_RUNTIME_LOGISTIC_H
#define RHEOBASE_TEST_UNIT_RUNTIME_LOGISTIC_H

#include "rheobase/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

int32_t rheobase_logistic_train_step(const rb_tensor *args, rb_tensor *results);
int32_t rheobase_logistic_evaluate(const rb_tensor *args, rb_tensor *results);
int32_t rheobase_logistic_forward(const rb_tensor *args, rb_tensor *results);
extern const char rheobase_manifest[];
extern const int32_t rheobase_abi_version;

/* Called at each train_step and evaluate, if not null. */
extern void (*logistic_observer)(const char *entry, const rb_tensor *args);

#ifdef __cplusplus
}
#endif
#endif /* RHEOBASE_TEST_UNIT_RUNTIME_LOGISTIC_H */
