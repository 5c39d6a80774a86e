//===- Manifest.cpp - What a compiled module offers -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Manifest.h"
#include "Support.h"
#include <cstdarg>
#include <nlohmann/json.hpp>

using nlohmann::ordered_json;
using json = ordered_json; // the order of entries is the file's

namespace rheobase {
namespace rt {

static const char *const roleNames[] = {
    "parameter",     "optimizer", "state", "input", "label",  "time_steps",
    "learning_rate", "seed",      "step",  "loss",  "metric", "output"};

const char *roleName(Role role) { return roleNames[int(role)]; }

static bool parseRole(const std::string &name, Role &role) {
  for (size_t i = 0; i < std::size(roleNames); ++i)
    if (name == roleNames[i]) {
      role = Role(i);
      return true;
    }
  return false;
}

std::string ValueInfo::describe() const {
  std::string text = dtypeName(dtype);
  text += '[';
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i)
      text += ',';
    text += dims[i].isFixed() ? std::to_string(dims[i].size) : dims[i].name;
  }
  return text + ']';
}

static int findRole(const std::vector<ValueInfo> &values, Role role) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].role == role)
      return int(i);
  return -1;
}

int EntryInfo::findArgument(Role role) const {
  return findRole(arguments, role);
}
int EntryInfo::findResult(Role role) const { return findRole(results, role); }

const EntryInfo *Manifest::find(const std::string &name) const {
  for (const EntryInfo &entry : entries)
    if (entry.name == name)
      return &entry;
  return nullptr;
}

static bool decodeBase64(const std::string &text, std::string &bytes) {
  uint32_t buffer = 0;
  int bits = 0;
  size_t length = text.size();
  while (length && text[length - 1] == '=')
    --length;
  if (text.size() - length > 2 || text.size() % 4)
    return false;
  bytes.clear();
  bytes.reserve(length * 3 / 4);
  for (size_t i = 0; i < length; ++i) {
    char c = text[i];
    int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+'             ? 62
                : c == '/'             ? 63
                                       : -1;
    if (value < 0)
      return false;
    buffer = buffer << 6 | uint32_t(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += char(buffer >> bits & 255);
    }
  }
  return true;
}

namespace {

/// Reads the JSON of a manifest; `where` is the path to what is being read, for
/// messages.
class Reader {
public:
  Reader(const std::string &source, Manifest &manifest)
      : source(source), manifest(manifest) {}

  Status read(const json &root);

private:
  Status fail(const std::string &where, const char *pattern, ...)
      __attribute__((format(printf, 3, 4)));

  Status readString(const json &object, const char *key,
                    const std::string &where, std::string &out);
  Status readNumber(const json &object, const char *key,
                    const std::string &where, double &out);
  Status readEntry(const std::string &name, const json &value);
  Status readValue(const json &value, const std::string &where, bool argument,
                   ValueInfo &info);
  Status readInitializer(const json &value, const std::string &where,
                         ValueInfo &info);
  Status readModel(const json &value, const std::string &where);
  Status checkEntry(const EntryInfo &entry);
  Status checkPersistent();

  const std::string &source;
  Manifest &manifest;
};

} // namespace

Status Reader::fail(const std::string &where, const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  char text[1024];
  vsnprintf(text, sizeof(text), pattern, arguments);
  va_end(arguments);
  return error(RB_INVALID_ARGUMENT, "%s: manifest: %s%s%s", source.c_str(),
               where.c_str(), where.empty() ? "" : ": ", text);
}

Status Reader::readString(const json &object, const char *key,
                          const std::string &where, std::string &out) {
  auto found = object.find(key);
  if (found == object.end())
    return fail(where, "'%s' is missing", key);
  if (!found->is_string())
    return fail(where, "expected '%s' to be a string, got %.100s", key,
                found->dump().c_str());
  out = found->get<std::string>();
  return Status();
}

Status Reader::readNumber(const json &object, const char *key,
                          const std::string &where, double &out) {
  auto found = object.find(key);
  if (found == object.end())
    return fail(where, "'%s' is missing", key);
  if (!found->is_number())
    return fail(where, "expected '%s' to be a number, got %.100s", key,
                found->dump().c_str());
  out = found->get<double>();
  return Status();
}

Status Reader::read(const json &root) {
  if (!root.is_object())
    return fail("", "expected a JSON object");
  auto abi = root.find("abi");
  if (abi == root.end() || !abi->is_number_integer())
    return fail("", "expected 'abi' to be a number");
  if (*abi != RHEOBASE_ABI_VERSION)
    return error(RB_VERSION_MISMATCH,
                 "%s: expected ABI version %d, got %s: compile it again with "
                 "this version of Rheobase",
                 source.c_str(), RHEOBASE_ABI_VERSION, abi->dump().c_str());
  RB_TRY(readString(root, "module", "", manifest.module));
  RB_TRY(readString(root, "rheobase", "", manifest.version));
  RB_TRY(readString(root, "target", "", manifest.target));
  auto entries = root.find("entries");
  if (entries == root.end() || !entries->is_object())
    return fail("", "expected 'entries' to be an object");
  for (const auto &item : entries->items())
    RB_TRY(readEntry(item.key(), item.value()));
  return checkPersistent();
}

Status Reader::readEntry(const std::string &name, const json &value) {
  EntryInfo entry;
  entry.name = name;
  std::string where = "entry '" + name + "'";
  if (!value.is_object())
    return fail(where, "expected an object");
  RB_TRY(readString(value, "symbol", where, entry.symbol));
  for (bool argument : {true, false}) {
    const char *key = argument ? "arguments" : "results";
    auto list = value.find(key);
    if (list == value.end() || !list->is_array())
      return fail(where, "expected '%s' to be an array", key);
    std::vector<ValueInfo> &values = argument ? entry.arguments : entry.results;
    for (const json &item : *list) {
      ValueInfo info;
      std::string place = where + ": " + (argument ? "argument " : "result ") +
                          std::to_string(values.size());
      RB_TRY(readValue(item, place, argument, info));
      values.push_back(std::move(info));
    }
  }
  RB_TRY(checkEntry(entry));
  manifest.entries.push_back(std::move(entry));
  auto model = value.find("model");
  return model == value.end() ? Status() : readModel(*model, where);
}

Status Reader::readModel(const json &value, const std::string &where) {
  if (!value.is_object())
    return fail(where, "expected 'model' to be an object");
  ModelInfo &model = manifest.model;
  double number = 0.0;
  if (value.contains("loss"))
    RB_TRY(readString(value, "loss", where, model.loss));
  if (value.contains("optimizer"))
    RB_TRY(readString(value, "optimizer", where, model.optimizer));
  if (value.contains("learning_rate"))
    RB_TRY(readNumber(value, "learning_rate", where, model.learningRate));
  if (value.contains("time_steps")) {
    RB_TRY(readNumber(value, "time_steps", where, number));
    model.timeSteps = int64_t(number);
  }
  if (value.contains("classes")) {
    RB_TRY(readNumber(value, "classes", where, number));
    model.classes = int64_t(number);
  }
  return Status();
}

Status Reader::readValue(const json &value, const std::string &where,
                         bool argument, ValueInfo &info) {
  if (!value.is_object())
    return fail(where, "expected an object");
  RB_TRY(readString(value, "name", where, info.name));
  std::string place = where + " '" + info.name + "'", role, dtype;
  RB_TRY(readString(value, "role", place, role));
  if (!parseRole(role, info.role))
    return fail(place, "unknown role '%s'", role.c_str());
  bool fits = isPersistent(info.role) ||
              (argument ? info.role <= Role::Step : info.role >= Role::Loss);
  if (!fits)
    return fail(place, "%s cannot have role '%s'",
                argument ? "an argument" : "a result", role.c_str());
  RB_TRY(readString(value, "dtype", place, dtype));
  if (!parseDtype(dtype, info.dtype) || info.dtype == RB_U8)
    return fail(place, "unknown dtype '%s'", dtype.c_str());

  auto shape = value.find("shape");
  if (shape == value.end() || !shape->is_array() ||
      shape->size() > RHEOBASE_MAX_RANK)
    return fail(place, "expected 'shape' to be an array of at most %d sizes",
                RHEOBASE_MAX_RANK);
  for (const json &item : *shape) {
    Dim dim;
    if (item.is_number_unsigned() && item.get<uint64_t>() <= INT64_MAX)
      dim.size = item.get<int64_t>();
    else if (item.is_string() && !item.get<std::string>().empty())
      dim.name = item.get<std::string>();
    else
      return fail(place, "expected a size or a name in 'shape', got %.100s",
                  item.dump().c_str());
    info.dims.push_back(std::move(dim));
  }
  if (value.contains("donated")) {
    if (!value["donated"].is_boolean())
      return fail(place, "expected 'donated' to be true or false");
    info.donated = value["donated"].get<bool>();
  }
  if (value.contains("aliases")) {
    const json &aliases = value["aliases"];
    if (argument || !aliases.is_number_unsigned() ||
        aliases.get<uint64_t>() > INT32_MAX)
      return fail(place, "expected 'aliases' to be the index of an argument");
    info.aliases = aliases.get<int>();
  }
  if (value.contains("initializer"))
    RB_TRY(readInitializer(value["initializer"], place, info));
  return Status();
}

Status Reader::readInitializer(const json &value, const std::string &where,
                               ValueInfo &info) {
  std::string kind;
  if (!value.is_object())
    return fail(where, "expected 'initializer' to be an object");
  RB_TRY(readString(value, "kind", where, kind));
  Initializer initializer;
  double first, second, fanIn, fanOut, gain;
  if (kind == "constant") {
    RB_TRY(readNumber(value, "value", where, initializer.value));
  } else if (kind == "uniform") {
    RB_TRY(readNumber(value, "low", where, first));
    RB_TRY(readNumber(value, "high", where, second));
    initializer.kind = Initializer::Random;
    initializer.distribution = Distribution::uniform(first, second);
  } else if (kind == "normal") {
    RB_TRY(readNumber(value, "mean", where, first));
    RB_TRY(readNumber(value, "std", where, second));
    initializer.kind = Initializer::Random;
    initializer.distribution = Distribution::normal(first, second);
  } else if (Distribution::byFan(kind, 1, 1, 1)) {
    RB_TRY(readNumber(value, "fan_in", where, fanIn));
    RB_TRY(readNumber(value, "fan_out", where, fanOut));
    RB_TRY(readNumber(value, "gain", where, gain));
    if (!(fanIn > 0))
      return fail(where, "expected 'fan_in' to be positive");
    if (kind[0] == 'x' && !(fanOut > 0))
      return fail(where, "expected 'fan_out' to be positive");
    initializer.kind = Initializer::Random;
    initializer.distribution = *Distribution::byFan(kind, fanIn, fanOut, gain);
  } else if (kind == "data") {
    initializer.kind = Initializer::Data;
    std::string text;
    RB_TRY(readString(value, "base64", where, text));
    if (!decodeBase64(text, initializer.bytes))
      return fail(where, "the initializer's 'base64' is malformed");
  } else {
    return fail(where, "unknown initializer '%s'", kind.c_str());
  }
  bool isFloat = info.dtype >= RB_F16 && info.dtype <= RB_F64;
  if (!isFloat && initializer.kind == Initializer::Random)
    return fail(where, "initializer '%s' needs a float dtype, got %s",
                kind.c_str(), dtypeName(info.dtype));
  info.initializer = std::move(initializer);
  return Status();
}

/// The rules within an entry.
Status Reader::checkEntry(const EntryInfo &entry) {
  std::string where = "entry '" + entry.name + "'";
  for (size_t i = 0; i < entry.arguments.size(); ++i) {
    const ValueInfo &info = entry.arguments[i];
    std::string place = where + ": '" + info.name + "'";
    for (size_t j = 0; j < i; ++j)
      if (entry.arguments[j].name == info.name)
        return fail(place, "two arguments have this name");
    bool scalar = info.role >= Role::TimeSteps && info.role <= Role::Step;
    if (scalar && !info.dims.empty())
      return fail(place, "expected %s to be a scalar, got %s",
                  roleName(info.role), info.describe().c_str());
    bool isFloat = info.dtype >= RB_F16 && info.dtype <= RB_F64;
    bool isInteger = info.dtype == RB_I32 || info.dtype == RB_I64;
    if (scalar && (info.role == Role::LearningRate ? !isFloat : !isInteger))
      return fail(place, "expected %s to be %s, got %s", roleName(info.role),
                  info.role == Role::LearningRate ? "a float" : "i32 or i64",
                  info.describe().c_str());
    if (!isPersistent(info.role) && info.initializer)
      return fail(place, "only persistent arguments have an initializer");
    if (!isPersistent(info.role))
      continue;
    std::vector<int64_t> dims;
    for (const Dim &dim : info.dims) {
      if (!dim.isFixed())
        return fail(place, "expected a persistent tensor of fixed size, got %s",
                    info.describe().c_str());
      dims.push_back(dim.size);
    }
    int64_t count;
    if (!countElements(dims, elementSize(info.dtype), count))
      return fail(place, "%s is too large", info.describe().c_str());
    if (info.initializer && info.initializer->kind == Initializer::Data &&
        int64_t(info.initializer->bytes.size()) !=
            count * elementSize(info.dtype))
      return fail(place, "expected %lld bytes of initial data for %s, got %zu",
                  (long long)(count * elementSize(info.dtype)),
                  info.describe().c_str(), info.initializer->bytes.size());
  }
  for (const ValueInfo &info : entry.results) {
    std::string place = where + ": result '" + info.name + "'";
    if ((info.role == Role::Loss || info.role == Role::Metric) &&
        !info.dims.empty())
      return fail(place, "expected %s to be a scalar, got %s",
                  roleName(info.role), info.describe().c_str());
    if (isPersistent(info.role) && info.aliases < 0)
      return fail(place, "a persistent result needs 'aliases'");
    if (info.aliases < 0)
      continue;
    if (info.aliases >= int(entry.arguments.size()))
      return fail(place, "aliases argument %d, but there are %zu", info.aliases,
                  entry.arguments.size());
    const ValueInfo &argument = entry.arguments[size_t(info.aliases)];
    if (!argument.donated || argument.describe() != info.describe())
      return fail(place, "%s cannot alias argument '%s' of type %s%s",
                  info.describe().c_str(), argument.name.c_str(),
                  argument.describe().c_str(),
                  argument.donated ? "" : ", which is not donated");
  }
  return Status();
}

/// Persistent tensors of one name are the same in all entries.
Status Reader::checkPersistent() {
  for (size_t i = 0; i < manifest.entries.size(); ++i)
    for (const ValueInfo &info : manifest.entries[i].arguments) {
      if (!isPersistent(info.role))
        continue;
      for (size_t j = 0; j < i; ++j)
        for (const ValueInfo &other : manifest.entries[j].arguments)
          if (isPersistent(other.role) && other.name == info.name &&
              (other.describe() != info.describe() || other.role != info.role))
            return fail("", "'%s' is %s %s in '%s' and %s %s in '%s'",
                        info.name.c_str(), roleName(other.role),
                        other.describe().c_str(),
                        manifest.entries[j].name.c_str(), roleName(info.role),
                        info.describe().c_str(),
                        manifest.entries[i].name.c_str());
    }
  return Status();
}

Status Manifest::parse(const std::string &source, const std::string &text,
                       Manifest &out) {
  Manifest manifest;
  json root = json::parse(text, nullptr, false);
  if (root.is_discarded())
    return error(RB_INVALID_ARGUMENT, "%s: the manifest is not JSON",
                 source.c_str());
  RB_TRY(Reader(source, manifest).read(root));
  manifest.text = text;
  out = std::move(manifest);
  return Status();
}

} // namespace rt
} // namespace rheobase
