//===- Status.h - Outcome of a runtime call ---------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A status code with its message: what the C++ side of the runtime returns in
// place of exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_RUNTIME_STATUS_H
#define RHEOBASE_RUNTIME_STATUS_H

#include "rheobase/abi.h"
#include <string>
#include <utility>

namespace rheobase {
namespace rt {

/// Success, or a code and a message that names the thing, what was expected and
/// what came.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(rb_status code, std::string message)
      : errorCode(code), text(std::move(message)) {}

  bool ok() const { return errorCode == RB_OK; }
  rb_status code() const { return errorCode; }
  const std::string &message() const { return text; }

private:
  rb_status errorCode = RB_OK;
  std::string text;
};

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_RUNTIME_STATUS_H
