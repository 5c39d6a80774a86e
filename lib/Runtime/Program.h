//===- Program.h - A compiled module that can be called ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A manifest with the addresses of its entry points, from the JIT compiler or
// from a shared object.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_PROGRAM_H
#define RHEOBASE_LIB_RUNTIME_PROGRAM_H

#include "Manifest.h"
#include <memory>

namespace rheobase {
namespace rt {

class Program {
public:
  Program() = default;
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;
  ~Program();

  /// From a manifest and the functions that its symbols name.
  static Status
  create(const std::string &manifest,
         const std::vector<std::pair<std::string, rb_entry_fn>> &functions,
         std::shared_ptr<Program> &out);
  /// From a shared object.
  static Status open(const std::string &path, std::shared_ptr<Program> &out);

  const Manifest &manifest() const { return contents; }
  /// The handle of dlopen, null for a program of the JIT compiler.
  void *handle() const { return library; }

  /// Index of an entry; the error lists those that there are.
  Status findEntry(const std::string &name, int &index) const;
  const EntryInfo &entry(int index) const {
    return contents.entries[size_t(index)];
  }

  /// Checks `args` against the manifest and calls the entry. `results` need not
  /// be initialized; on success those that alias no argument belong to the
  /// caller, on failure none is left.
  Status invoke(int index, const rb_tensor *args, rb_tensor *results) const;
  /// Frees the results that alias no argument.
  void release(int index, rb_tensor *results) const;

  /// Checks element types, ranks and sizes.
  Status checkArguments(int index, const rb_tensor *args) const;

private:
  Status checkResults(int index, const rb_tensor *args,
                      const rb_tensor *results) const;

  Manifest contents;
  std::vector<rb_entry_fn> functions;
  void *library = nullptr;
  const char *(*libraryError)() = nullptr;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_PROGRAM_H
