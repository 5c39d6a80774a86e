//===- OpenProgram.h - From a file to a program -----------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TOOLS_SNN_TRAIN_OPENPROGRAM_H
#define RHEOBASE_TOOLS_SNN_TRAIN_OPENPROGRAM_H

#include "rheobase/Runtime/Trainer.h"

namespace rheobase {

/// Gives `trainer` the program in `path`, which is a shared object.
rt::Status openProgram(const std::string &path, rt::Trainer &trainer);

} // namespace rheobase

#endif // RHEOBASE_TOOLS_SNN_TRAIN_OPENPROGRAM_H
