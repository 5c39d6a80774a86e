//===- Shares.h - Work of measurements on several threads -------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_RUNTIME_SHARES_H
#define RHEOBASE_LIB_RUNTIME_SHARES_H

#include <cstdint>
#include <functional>

namespace rheobase {
namespace rt {

/// Calls `body` with the first and the end of each thread's share of `count`,
/// on the threads of OpenMP that compiled code has, too; on the caller's alone
/// if there are fewer than `least`.
void forShares(int64_t count, int64_t least,
               const std::function<void(int64_t, int64_t)> &body);

} // namespace rt
} // namespace rheobase

#endif // RHEOBASE_LIB_RUNTIME_SHARES_H
