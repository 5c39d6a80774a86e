//===- State.cpp - The persistent tensors of a program --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "State.h"
#include "Element.h"
#include "Support.h"
#include "rheobase/Runtime/SafeTensors.h"
#include <charconv>
#include <cmath>
#include <cstring>

namespace rheobase {
namespace rt {

Status State::create(std::shared_ptr<Program> program, State &out) {
  State state;
  for (const EntryInfo &entry : program->manifest().entries)
    for (const ValueInfo &info : entry.arguments) {
      if (!isPersistent(info.role) || state.find(info.name))
        continue;
      std::vector<int64_t> dims;
      for (const Dim &dim : info.dims)
        dims.push_back(dim.size);
      Tensor tensor;
      RB_TRY(Tensor::create(info.dtype, std::move(dims), tensor));
      memset(tensor.data(), 0, size_t(tensor.numBytes()));
      state.tensors.push_back({&info, std::move(tensor)});
    }
  state.owner = std::move(program);
  out = std::move(state);
  return Status();
}

Tensor *State::find(const std::string &name) {
  for (Entry &entry : tensors)
    if (entry.info->name == name)
      return &entry.tensor;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Initial values
//===----------------------------------------------------------------------===//

Status State::initialize(uint64_t seed) {
  for (Entry &entry : tensors) {
    const ValueInfo &info = *entry.info;
    Tensor &tensor = entry.tensor;
    // An inference entry may name a tensor that another entry initializes.
    const Initializer *initializer = nullptr;
    for (const EntryInfo &candidate : owner->manifest().entries)
      for (const ValueInfo &argument : candidate.arguments)
        if (!initializer && argument.name == info.name && argument.initializer)
          initializer = &*argument.initializer;
    if (!initializer)
      return error(RB_INVALID_ARGUMENT,
                   "%s '%s' has no initializer: load it from a checkpoint",
                   roleName(info.role), info.name.c_str());
    switch (initializer->kind) {
    case Initializer::Constant: {
      double value = initializer->value;
      Tensor constant;
      RB_TRY(Tensor::create(RB_F64, tensor.dims(), constant));
      std::fill_n(constant.data<double>(), constant.numElements(), value);
      Tensor converted;
      Status status = convertTensor(constant.view(), info.dtype, converted);
      if (!status.ok())
        return error(status.code(), "initializer of '%s': %s",
                     info.name.c_str(), status.message().c_str());
      memcpy(tensor.data(), converted.data(), size_t(tensor.numBytes()));
      break;
    }
    case Initializer::Data:
      memcpy(tensor.data(), initializer->bytes.data(),
             size_t(tensor.numBytes()));
      break;
    case Initializer::Random:
      drawInitialValues(initializer->distribution, info.name, seed,
                        tensor.numElements(), [&](int64_t i, double value) {
                          storeNumber(tensor.data(), info.dtype, i,
                                      Number::ofReal(value));
                        });
      break;
    }
  }
  return Status();
}

std::string State::findNonFinite() const {
  for (const Entry &entry : tensors) {
    const Tensor &tensor = entry.tensor;
    int64_t count = tensor.numElements();
    // An exponent of all ones is an infinity or not a number; the test on
    // integers is one pass that vectorizes.
    bool bad = false;
    switch (tensor.dtype()) {
    case RB_F16:
      for (int64_t i = 0; i < count; ++i)
        bad |= (tensor.data<uint16_t>()[i] & 0x7c00) == 0x7c00;
      break;
    case RB_BF16:
      for (int64_t i = 0; i < count; ++i)
        bad |= (tensor.data<uint16_t>()[i] & 0x7f80) == 0x7f80;
      break;
    case RB_F32:
      for (int64_t i = 0; i < count; ++i)
        bad |= (tensor.data<uint32_t>()[i] & 0x7f800000u) == 0x7f800000u;
      break;
    case RB_F64:
      for (int64_t i = 0; i < count; ++i)
        bad |= (tensor.data<uint64_t>()[i] & 0x7ff0000000000000u) ==
               0x7ff0000000000000u;
      break;
    default:
      break;
    }
    if (bad)
      return entry.info->name;
  }
  return std::string();
}

//===----------------------------------------------------------------------===//
// Checkpoints
//===----------------------------------------------------------------------===//

static const char optionPrefix[] = "option.";
static const char metricPrefix[] = "metric.";

Status State::save(const std::string &path, const Progress &progress) const {
  std::map<std::string, std::string> metadata;
  metadata["format"] = "rheobase-checkpoint-1";
  metadata["module"] = owner->manifest().module;
  metadata["epoch"] = std::to_string(progress.epoch);
  metadata["position"] = std::to_string(progress.position);
  metadata["step"] = std::to_string(progress.step);
  metadata["seed"] = std::to_string(progress.seed);
  metadata["samples"] = std::to_string(progress.samples);
  metadata["best_accuracy"] = formatDouble(progress.bestAccuracy);
  metadata["loss_sum"] = formatDouble(progress.lossSum);
  for (const auto &[name, sum] : progress.metricSums)
    metadata[metricPrefix + name] = formatDouble(sum);
  for (const auto &[name, value] : progress.options)
    metadata[optionPrefix + name] = value;
  std::vector<std::pair<std::string, rb_tensor>> views;
  for (const Entry &entry : tensors)
    views.emplace_back(entry.info->name, entry.tensor.view());
  return writeSafeTensors(path, views, metadata);
}

template <typename T>
static bool parseNumber(const std::string &text, T &value) {
  const char *end = text.data() + text.size();
  std::from_chars_result result = std::from_chars(text.data(), end, value);
  return result.ec == std::errc() && result.ptr == end;
}

/// Reads the training's position from a checkpoint's metadata.
static Status readProgress(const std::string &path, const SafeTensors &file,
                           Progress &progress) {
  Status status;
  auto read = [&](const char *key, auto &value) {
    auto found = file.metadata.find(key);
    if (!status.ok())
      return;
    if (found == file.metadata.end())
      status =
          error(RB_INVALID_ARGUMENT,
                "'%s': expected a checkpoint, but its metadata has no '%s'",
                path.c_str(), key);
    else if (!parseNumber(found->second, value))
      status = error(RB_INVALID_ARGUMENT,
                     "'%s': expected '%s' in the metadata to be a number, got "
                     "'%s'",
                     path.c_str(), key, found->second.c_str());
  };
  read("epoch", progress.epoch);
  read("position", progress.position);
  read("step", progress.step);
  read("seed", progress.seed);
  read("samples", progress.samples);
  read("best_accuracy", progress.bestAccuracy);
  read("loss_sum", progress.lossSum);
  for (const auto &[key, value] : file.metadata) {
    if (key.rfind(metricPrefix, 0) == 0)
      read(key.c_str(),
           progress.metricSums[key.substr(sizeof(metricPrefix) - 1)]);
    if (key.rfind(optionPrefix, 0) == 0)
      progress.options[key.substr(sizeof(optionPrefix) - 1)] = value;
  }
  if (status.ok() &&
      (progress.epoch < 0 || progress.position < 0 || progress.step < 0 ||
       progress.position > progress.samples))
    return error(
        RB_INVALID_ARGUMENT,
        "'%s': the metadata's epoch %lld, position %lld of %lld and step "
        "%lld are impossible",
        path.c_str(), (long long)progress.epoch, (long long)progress.position,
        (long long)progress.samples, (long long)progress.step);
  return status;
}

Status State::load(const std::string &path, Progress *progress) {
  SafeTensors file;
  RB_TRY(readSafeTensors(path, file));
  Progress read;
  if (progress)
    RB_TRY(readProgress(path, file, read));

  const std::string &module = owner->manifest().module;
  auto another = [&](const std::string &detail) {
    auto found = file.metadata.find("module");
    std::string name = found == file.metadata.end() || found->second == module
                           ? ""
                           : " ('" + found->second + "')";
    return error(RB_INVALID_ARGUMENT,
                 "'%s' is a checkpoint of another network%s than '%s': %s",
                 path.c_str(), name.c_str(), module.c_str(), detail.c_str());
  };
  for (const Entry &entry : tensors) {
    const Tensor *found = file.find(entry.info->name);
    if (!found)
      return another("it has no '" + entry.info->name + "'");
    if (found->dtype() != entry.tensor.dtype() ||
        found->dims() != entry.tensor.dims())
      return another("'" + entry.info->name + "': expected " +
                     entry.tensor.describe() + ", got " + found->describe());
  }
  bool trains = owner->manifest().find("train_step") != nullptr;
  if (trains || progress)
    for (const NamedTensor &named : file.tensors)
      if (!find(named.name))
        return another("it has '" + named.name + "'");
  if (progress && file.metadata["module"] != module)
    return another("expected module '" + module + "', got '" +
                   file.metadata["module"] + "'");

  for (Entry &entry : tensors)
    memcpy(entry.tensor.data(), file.find(entry.info->name)->data(),
           size_t(entry.tensor.numBytes()));
  if (progress)
    *progress = std::move(read);
  std::string bad = findNonFinite();
  if (!bad.empty())
    return error(RB_NUMERIC, "'%s': '%s' holds a value that is not finite",
                 path.c_str(), bad.c_str());
  return Status();
}

} // namespace rt
} // namespace rheobase
