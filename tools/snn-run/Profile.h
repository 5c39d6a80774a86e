//===- Profile.h - Where the time of a program goes -------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_RUN_PROFILE_H
#define RHEOBASE_TOOLS_SNN_RUN_PROFILE_H

#include "rheobase/Runtime/Measure.h"
#include "rheobase/Target/CPU.h"

namespace rheobase {

/// Calls a program that was compiled with a profile for `seconds`, and prints a
/// table of its kernels. With `path`, also writes it there, as JSON that trace
/// viewers (Perfetto, Chrome) show: the single calls of the last run.
mlir::LogicalResult profile(rt::Invocation &invocation, double seconds,
                            CPUInstructionSet isa, llvm::StringRef path,
                            mlir::Location loc);

} // namespace rheobase

#endif // RHEOBASE_TOOLS_SNN_RUN_PROFILE_H
