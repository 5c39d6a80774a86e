//===- CommandLine.h - What the tools' command lines share ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_SUPPORT_COMMANDLINE_H
#define RHEOBASE_SUPPORT_COMMANDLINE_H

#include "rheobase/Conversion/ProductKernel.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <cstdlib>

namespace rheobase {

/// A parser of named values whose error says which names there are:
///   cl::opt<Kind, false, NamedValueParser<Kind>> kind("kind", cl::values(...))
template <typename T>
class NamedValueParser : public llvm::cl::parser<T> {
public:
  using llvm::cl::parser<T>::parser;
  bool parse(llvm::cl::Option &option, llvm::StringRef name,
             llvm::StringRef text, T &value) {
    for (const auto &known : this->Values)
      if (known.Name == text) {
        value = known.V.getValue();
        return false;
      }
    return option.error(
        "expected " +
            llvm::join(llvm::map_range(this->Values,
                                       [](const auto &known) {
                                         return known.Name.str();
                                       }),
                       ", ") +
            ", got '" + text + "'",
        name);
  }
};

/// The values of an option --force-kernel.
inline llvm::cl::ValuesClass getProductKernelValues() {
  return llvm::cl::values(
      clEnumValN(ProductKernel::Automatic, "auto",
                 "what is measured to be the fastest, as the program runs"),
      clEnumValN(ProductKernel::Dense, "dense", "register blocks"),
      clEnumValN(ProductKernel::Selective, "selective",
                 "rows of the other factor are added where there is a spike"));
}

/// Options --exact and --memory-limit, of the tools that compile.
struct RewriteOptions {
  explicit RewriteOptions(llvm::cl::OptionCategory &category)
      : exact("exact",
              llvm::cl::desc(
                  "only rewrites whose results are equal bit for bit, but for "
                  "gradients of parameters: no statistics of one step for all"),
              llvm::cl::cat(category)),
        memoryLimit(
            "memory-limit",
            llvm::cl::desc(
                "bytes (or 512M, 1.5G) that each function may need at the "
                "sizes of --dims: more is computed again in the backward pass "
                "until it fits, or an error says by how much it does not"),
            llvm::cl::value_desc("bytes"), llvm::cl::cat(category)) {}

  llvm::cl::opt<bool> exact;
  llvm::cl::opt<std::string> memoryLimit;
};

/// A file that reaches the limit on its size is an error of the write, as a full
/// disk is, not the end of the process. After InitLLVM, which arranges for the
/// contrary.
inline void reportFileSizeLimit() { std::signal(SIGXFSZ, SIG_IGN); }

/// Lets OpenMP's threads wait actively for as long as it takes until the next
/// loop, and sleep then. libomp's own default, 200 ms, has waiting threads take
/// the processor from those they wait for where a machine is shared. Before the
/// first parallel loop; KMP_BLOCKTIME and OMP_WAIT_POLICY have precedence.
inline void limitSpinning() {
  if (!std::getenv("OMP_WAIT_POLICY"))
    setenv("KMP_BLOCKTIME", "100us", /*overwrite=*/0);
}

/// Writes what is buffered for the standard output. Says, and returns false, if
/// it did not get there.
inline bool finishStandardOutput(llvm::StringRef tool) {
  llvm::outs().flush();
  std::error_code error = llvm::outs().error();
  if (!error)
    return true;
  llvm::outs().clear_error();
  llvm::errs() << tool << ": cannot write the standard output: "
               << error.message() << "\n";
  return false;
}

} // namespace rheobase

#endif // RHEOBASE_SUPPORT_COMMANDLINE_H
