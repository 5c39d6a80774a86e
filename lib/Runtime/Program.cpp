//===- Program.cpp - A compiled module that can be called -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Program.h"
#include "Support.h"
#include "rheobase/rt.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <memory>
#include <sys/stat.h>

namespace rheobase {
namespace rt {

Program::~Program() {
  if (library)
    dlclose(library);
}

Status Program::create(
    const std::string &manifest,
    const std::vector<std::pair<std::string, rb_entry_fn>> &functions,
    std::shared_ptr<Program> &out) {
  auto program = std::make_shared<Program>();
  RB_TRY(Manifest::parse("program", manifest, program->contents));
  for (const EntryInfo &entry : program->contents.entries) {
    rb_entry_fn function = nullptr;
    for (const auto &candidate : functions)
      if (candidate.first == entry.symbol)
        function = candidate.second;
    if (!function)
      return error(RB_NOT_FOUND, "no function '%s' for entry '%s'",
                   entry.symbol.c_str(), entry.name.c_str());
    program->functions.push_back(function);
  }
  out = std::move(program);
  return Status();
}

/// The dynamic loader maps what the headers promise; what is not there ends the
/// process at the first access. So a file that was cut short is found before.
static Status checkSharedObject(const std::string &path) {
  const char *name = path.c_str();
  std::unique_ptr<FILE, int (*)(FILE *)> file(fopen(name, "rbe"), fclose);
  struct stat info;
  if (!file || fstat(fileno(file.get()), &info) != 0)
    return systemError("open", path, errno);
  if (S_ISDIR(info.st_mode))
    return systemError("read", path, EISDIR);
  Elf64_Ehdr header;
  size_t got = fread(&header, 1, sizeof(header), file.get());
  if (got < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return error(RB_INVALID_ARGUMENT,
                 "'%s': expected a shared object, got a file that is not ELF",
                 name);
  uint64_t expected = sizeof(header);
  if (got == sizeof(header)) {
    // Without overflow: the counts have 16 bits, and offsets are cut.
    auto end = [](uint64_t offset, uint64_t bytes) {
      return std::min<uint64_t>(offset, INT64_MAX) +
             std::min<uint64_t>(bytes, INT64_MAX);
    };
    expected = std::max(
        end(header.e_phoff, uint64_t(header.e_phnum) * header.e_phentsize),
        end(header.e_shoff, uint64_t(header.e_shnum) * header.e_shentsize));
    for (unsigned i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr segment;
      if (fseeko(file.get(),
                 off_t(end(header.e_phoff, uint64_t(i) * header.e_phentsize)),
                 SEEK_SET) != 0 ||
          fread(&segment, sizeof(segment), 1, file.get()) != 1)
        break; // expected says how far the table reaches
      expected = std::max(expected, end(segment.p_offset, segment.p_filesz));
    }
  }
  if (expected > uint64_t(info.st_size))
    return error(RB_INVALID_ARGUMENT,
                 "'%s': the shared object is cut short: expected %llu bytes, "
                 "got %lld",
                 name, (unsigned long long)expected, (long long)info.st_size);
  return Status();
}

Status Program::open(const std::string &path, std::shared_ptr<Program> &out) {
  const char *name = path.c_str();
  RB_TRY(checkSharedObject(path));
  auto program = std::make_shared<Program>();
  // A name without a slash would be searched for in the system's folders.
  std::string located =
      path.find('/') == std::string::npos ? "./" + path : path;
  program->library = dlopen(located.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!program->library)
    return error(RB_IO_ERROR, "cannot load '%s': %s", name, dlerror());
  auto *version = static_cast<const int32_t *>(
      dlsym(program->library, "rheobase_abi_version"));
  auto *text =
      static_cast<const char *>(dlsym(program->library, "rheobase_manifest"));
  if (!version || !text)
    return error(
        RB_INVALID_ARGUMENT,
        "'%s': expected a program compiled by Rheobase, but there is no "
        "'%s'",
        name, version ? "rheobase_manifest" : "rheobase_abi_version");
  if (*version != RHEOBASE_ABI_VERSION)
    return error(RB_VERSION_MISMATCH,
                 "'%s': expected ABI version %d, got %d: compile it again with "
                 "this version of Rheobase",
                 name, RHEOBASE_ABI_VERSION, *version);
  RB_TRY(Manifest::parse("'" + path + "'", text, program->contents));
  for (const EntryInfo &entry : program->contents.entries) {
    void *symbol = dlsym(program->library, entry.symbol.c_str());
    if (!symbol)
      return error(RB_NOT_FOUND, "'%s': no function '%s' for entry '%s'", name,
                   entry.symbol.c_str(), entry.name.c_str());
    program->functions.push_back(reinterpret_cast<rb_entry_fn>(symbol));
  }
  // The library may contain its own copy of the core, with its own message.
  program->libraryError = reinterpret_cast<const char *(*)()>(
      dlsym(program->library, "rb_last_error"));
  out = std::move(program);
  return Status();
}

Status Program::findEntry(const std::string &name, int &index) const {
  std::string known;
  for (size_t i = 0; i < contents.entries.size(); ++i) {
    if (contents.entries[i].name == name) {
      index = int(i);
      return Status();
    }
    known += (i ? ", " : "") + contents.entries[i].name;
  }
  return error(RB_NOT_FOUND, "program '%s' has no entry '%s'; it has %s",
               contents.module.c_str(), name.c_str(),
               known.empty() ? "none" : known.c_str());
}

static std::string describe(const rb_tensor &tensor) {
  if (tensor.rank < 0 || tensor.rank > RHEOBASE_MAX_RANK)
    return format("a tensor of rank %d", tensor.rank);
  return describeTensor(tensor.dtype, {tensor.dims, tensor.dims + tensor.rank});
}

Status Program::checkArguments(int index, const rb_tensor *args) const {
  const EntryInfo &info = entry(index);
  // The sizes that the names stand for in this call, and who gave them.
  struct Binding {
    const std::string *name;
    int64_t size;
    const ValueInfo *source;
  };
  std::vector<Binding> bindings;
  for (size_t i = 0; i < info.arguments.size(); ++i) {
    const ValueInfo &value = info.arguments[i];
    const rb_tensor &tensor = args[i];
    auto mismatch = [&](const std::string &detail = std::string()) {
      return error(
          RB_INVALID_ARGUMENT, "%s: argument %zu '%s': expected %s%s, got %s",
          info.name.c_str(), i, value.name.c_str(), value.describe().c_str(),
          detail.c_str(), describe(tensor).c_str());
    };
    if (tensor.dtype != value.dtype ||
        tensor.rank != int32_t(value.dims.size()))
      return mismatch();
    for (size_t d = 0; d < value.dims.size(); ++d) {
      const Dim &dim = value.dims[d];
      int64_t size = tensor.dims[d];
      if (size < 0 || (dim.isFixed() && size != dim.size))
        return mismatch();
      if (dim.isFixed() || dim.name == "?")
        continue;
      const Binding *bound = nullptr;
      for (const Binding &binding : bindings)
        if (*binding.name == dim.name)
          bound = &binding;
      if (!bound)
        bindings.push_back({&dim.name, size, &value});
      else if (bound->size != size)
        return mismatch(format(" with %s = %lld as in '%s'", dim.name.c_str(),
                               (long long)bound->size,
                               bound->source->name.c_str()));
    }
    int64_t count;
    if (!countElements({tensor.dims, tensor.dims + tensor.rank},
                       elementSize(tensor.dtype), count))
      return mismatch();
    if (count && !tensor.data)
      return error(RB_INVALID_ARGUMENT, "%s: argument %zu '%s' has no data",
                   info.name.c_str(), i, value.name.c_str());
  }
  return Status();
}

Status Program::checkResults(int index, const rb_tensor *args,
                             const rb_tensor *results) const {
  const EntryInfo &info = entry(index);
  for (size_t i = 0; i < info.results.size(); ++i) {
    const ValueInfo &value = info.results[i];
    const rb_tensor &tensor = results[i];
    bool fits = tensor.dtype == value.dtype &&
                tensor.rank == int32_t(value.dims.size());
    for (size_t d = 0; fits && d < value.dims.size(); ++d)
      fits = value.dims[d].isFixed() ? tensor.dims[d] == value.dims[d].size
                                     : tensor.dims[d] >= 0;
    if (value.aliases >= 0 && tensor.data != args[value.aliases].data)
      fits = false;
    if (!fits || !tensor.data)
      return error(RB_INTERNAL, "%s: result %zu '%s': expected %s%s, got %s",
                   info.name.c_str(), i, value.name.c_str(),
                   value.describe().c_str(),
                   value.aliases >= 0 ? " in the place of its argument" : "",
                   describe(tensor).c_str());
  }
  return Status();
}

Status Program::invoke(int index, const rb_tensor *args,
                       rb_tensor *results) const {
  const EntryInfo &info = entry(index);
  RB_TRY(checkArguments(index, args));
  for (size_t i = 0; i < info.results.size(); ++i)
    results[i] = rb_tensor{};
  rb_set_last_error("");
  int32_t code = functions[size_t(index)](args, results);
  if (code == RB_OK) {
    Status status = checkResults(index, args, results);
    if (!status.ok())
      release(index, results);
    return status;
  }
  release(index, results);
  std::string message = rb_last_error();
  if (message.empty() && libraryError)
    message = libraryError();
  if (message.empty())
    message = format("%s: failed with status %d", info.name.c_str(), code);
  bool known = code > RB_OK && code <= RB_INTERNAL;
  return Status(known ? rb_status(code) : RB_INTERNAL, std::move(message));
}

void Program::release(int index, rb_tensor *results) const {
  const EntryInfo &info = entry(index);
  for (size_t i = 0; i < info.results.size(); ++i) {
    if (info.results[i].aliases < 0)
      rheobase_rt_free(results[i].data);
    results[i].data = nullptr;
  }
}

} // namespace rt
} // namespace rheobase
