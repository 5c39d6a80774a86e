/*===- Logistic.c - A hand-written program for the tests -------------------===*
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Plain C, as artefacts are linked: it also shows that the headers are C, and
 * that the core links without the C++ library. Built into the tests, and as
 * shared objects, some of them wrong on purpose (WRONG_VERSION, NO_MANIFEST,
 * NO_ENTRY).
 *
 *===----------------------------------------------------------------------===*/

#include "Logistic.h"
#include "rheobase/rt.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

#define INPUTS 4
#define CLASSES 3

#define PARAMETER(name, shape, init)                                           \
  "{\"name\": \"" name "\", \"role\": \"parameter\", \"dtype\": \"f32\", "     \
  "\"shape\": " shape ", \"donated\": true, \"initializer\": " init "}"
#define RESULT(name, role, shape, aliases)                                     \
  "{\"name\": \"" name "\", \"role\": \"" role "\", \"dtype\": \"f32\", "      \
  "\"shape\": " shape ", \"aliases\": " aliases "}"
#define READ_ONLY(name, shape)                                                 \
  "{\"name\": \"" name "\", \"role\": \"parameter\", \"dtype\": \"f32\", "     \
  "\"shape\": " shape "}"
#define SCALAR(name, role, dtype)                                              \
  "{\"name\": \"" name "\", \"role\": \"" role "\", \"dtype\": \"" dtype       \
  "\", \"shape\": []}"
#define BATCH                                                                  \
  "{\"name\": \"image\", \"role\": \"input\", \"dtype\": \"f32\", \"shape\": " \
  "[\"B\", 4]}"
#define LABELS                                                                 \
  "{\"name\": \"labels\", \"role\": \"label\", \"dtype\": \"i32\", \"shape\":" \
  " [\"B\"]}"
#define METRICS                                                                \
  SCALAR("loss", "loss", "f32")                                                \
  ", " SCALAR("correct", "metric", "i32") ", " SCALAR("spike_rate", "metric",  \
                                                      "f32")

#ifndef NO_MANIFEST
const char rheobase_manifest[] =
    "{\"abi\": 2, \"rheobase\": \"0.1.0\", \"module\": \"logistic\", "
    "\"target\": \"cpu\", \"entries\": {"
    "\"train_step\": {\"symbol\": \"rheobase_logistic_train_step\", "
    "\"model\": {\"loss\": \"cross_entropy\", \"optimizer\": \"sgd\", "
    "\"learning_rate\": 0.5, \"time_steps\": 4}, \"arguments\": [" PARAMETER(
        "weight", "[4, 3]",
        "{\"kind\": \"kaiming_uniform\", \"fan_in\": 4, \"fan_out\": 3, "
        "\"gain\": 1.0}") ", " PARAMETER("bias", "[3]",
                                         "{\"kind\": \"constant\", \"value\": "
                                         "0.0}") ", "
                                                 "{\"name\": "
                                                 "\"weight.momentum\", "
                                                 "\"role\": \"optimizer\", "
                                                 "\"dtype\": "
                                                 "\"f32\", \"shape\": [4, 3], "
                                                 "\"donated\": true, "
                                                 "\"initializer\": "
                                                 "{\"kind\": \"constant\", "
                                                 "\"value\": 0.0}}, " BATCH
                                                 ", " LABELS
                                                 ", " SCALAR("T", "time_steps", "i64") ", " SCALAR("learning_rate", "learning_rate", "f32") ", " SCALAR("seed", "seed", "i64") ", " SCALAR(
                                                     "step", "step",
                                                     "i64") "], "
                                                            "\"results\": "
                                                            "[" RESULT("weight", "parameter", "[4, 3]", "0") ", " RESULT("bias", "parameter", "[3]", "1") ", " RESULT(
                                                                "weight."
                                                                "momentum",
                                                                "optimizer",
                                                                "[4, 3]",
                                                                "2") ","
                                                                     " " METRICS
                                                                     "]}, "
                                                                     "\"evaluat"
                                                                     "e\": "
                                                                     "{\"symbol"
                                                                     "\": "
                                                                     "\"rheobas"
                                                                     "e_"
                                                                     "logistic_"
                                                                     "evaluate"
                                                                     "\", "
                                                                     "\"argumen"
                                                                     "ts\": "
                                                                     "[" READ_ONLY("weight", "[4, 3]") ", " READ_ONLY(
                                                                         "bias",
                                                                         "[3]") ", " BATCH
                                                                                ", " LABELS
                                                                                ", " SCALAR("T", "time_steps", "i64") ", " SCALAR(
                                                                                    "seed",
                                                                                    "seed",
                                                                                    "i64") "], "
                                                                                           "\"results\": [" METRICS
                                                                                           "]}, "
                                                                                           "\"forward\": {\"symbol\": \"rheobase_logistic_forward\", "
                                                                                           "\"arguments\": [" READ_ONLY("weight", "[4, 3]") ", " READ_ONLY(
                                                                                               "bias",
                                                                                               "[3]") ", " BATCH
                                                                                                      "], \"results\": ["
                                                                                                      "{\"name\": \"scores\", \"role\": \"output\", \"dtype\": \"f32\", "
                                                                                                      "\"shape\": [\"B\", 3]}]}}}";
#endif

#ifdef WRONG_VERSION
const int32_t rheobase_abi_version = 77;
#else
const int32_t rheobase_abi_version = RHEOBASE_ABI_VERSION;
#endif

void (*logistic_observer)(const char *entry, const rb_tensor *args);

static int allocate(rb_tensor *tensor, int32_t dtype, int32_t rank,
                    int64_t rows, int64_t columns) {
  tensor->dtype = dtype;
  tensor->rank = rank;
  tensor->dims[0] = rows;
  tensor->dims[1] = columns;
  tensor->data =
      rheobase_rt_alloc(4 * (rank > 0 ? rows : 1) * (rank > 1 ? columns : 1));
  return tensor->data != NULL;
}

static void scores(const float *weight, const float *bias, const float *image,
                   float *out) {
  for (int k = 0; k < CLASSES; ++k) {
    out[k] = bias[k];
    for (int i = 0; i < INPUTS; ++i)
      out[k] += image[i] * weight[i * CLASSES + k];
  }
}

/* Loss, correct answers and, if asked for, gradients; means over the batch. */
static int32_t compute(const rb_tensor *weight, const rb_tensor *bias,
                       const rb_tensor *image, const rb_tensor *labels,
                       float *weightGradient, float *biasGradient,
                       rb_tensor *results) {
  int64_t count = image->dims[0];
  float loss = 0.0f, rate = 0.0f;
  int32_t correct = 0;
  for (int64_t b = 0; b < count; ++b) {
    const float *x = (const float *)image->data + b * INPUTS;
    int32_t label = ((const int32_t *)labels->data)[b];
    float p[CLASSES], sum = 0.0f;
    scores(weight->data, bias->data, x, p);
    float most = fmaxf(p[0], fmaxf(p[1], p[2]));
    correct += p[label] == most;
    for (int k = 0; k < CLASSES; ++k)
      sum += expf(p[k] - most);
    loss += (logf(sum) + most - p[label]) / (float)count;
    for (int i = 0; i < INPUTS; ++i)
      rate += (x[i] > 0.0f) / (float)(count * INPUTS);
    if (!weightGradient)
      continue;
    for (int k = 0; k < CLASSES; ++k) {
      float g = (expf(p[k] - most) / sum - (k == label)) / (float)count;
      biasGradient[k] += g;
      for (int i = 0; i < INPUTS; ++i)
        weightGradient[i * CLASSES + k] += g * x[i];
    }
  }
  for (int i = 0; i < 3; ++i)
    if (!allocate(&results[i], i == 1 ? RB_I32 : RB_F32, 0, 0, 0))
      return RB_OUT_OF_MEMORY;
  *(float *)results[0].data = loss;
  *(int32_t *)results[1].data = correct;
  *(float *)results[2].data = rate;
  return RB_OK;
}

int32_t rheobase_logistic_train_step(const rb_tensor *args,
                                     rb_tensor *results) {
  if (args[3].dims[1] != INPUTS) {
    rheobase_rt_shape_error("train_step", 3, 1, INPUTS, args[3].dims[1]);
    return RB_INVALID_ARGUMENT;
  }
  if (logistic_observer)
    logistic_observer("train_step", args);
  float weightGradient[INPUTS * CLASSES] = {0}, biasGradient[CLASSES] = {0};
  for (int i = 0; i < 3; ++i)
    results[i] = args[i];
  int32_t status = compute(&args[0], &args[1], &args[3], &args[4],
                           weightGradient, biasGradient, results + 3);
  if (status != RB_OK)
    return status;
  float *weight = args[0].data, *bias = args[1].data, *momentum = args[2].data;
  float rate = *(const float *)args[6].data;
  for (int i = 0; i < INPUTS * CLASSES; ++i) {
    momentum[i] = 0.9f * momentum[i] + weightGradient[i];
    weight[i] -= rate * momentum[i];
  }
  for (int k = 0; k < CLASSES; ++k)
    bias[k] -= rate * biasGradient[k];
  return RB_OK;
}

int32_t rheobase_logistic_evaluate(const rb_tensor *args, rb_tensor *results) {
  if (logistic_observer)
    logistic_observer("evaluate", args);
  return compute(&args[0], &args[1], &args[2], &args[3], NULL, NULL, results);
}

#ifndef NO_ENTRY
int32_t rheobase_logistic_forward(const rb_tensor *args, rb_tensor *results) {
  int64_t count = args[2].dims[0];
  if (!allocate(&results[0], RB_F32, 2, count, CLASSES))
    return RB_OUT_OF_MEMORY;
  for (int64_t b = 0; b < count; ++b)
    scores(args[0].data, args[1].data, (const float *)args[2].data + b * INPUTS,
           (float *)results[0].data + b * CLASSES);
  return RB_OK;
}
#endif
