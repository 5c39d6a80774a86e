//===- OpenProgram.cpp - From a file to a program -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpenProgram.h"
#include "llvm/BinaryFormat/Magic.h"

using namespace llvm;

namespace rheobase {

rt::Status openProgram(const std::string &path, rt::Trainer &trainer) {
  file_magic magic;
  if (std::error_code code = identify_magic(path, magic))
    return rt::Status(RB_NOT_FOUND,
                      "cannot open '" + path + "': " + code.message());
  if (magic != file_magic::elf_shared_object)
    return rt::Status(RB_INVALID_ARGUMENT,
                      "'" + path + "': expected a shared object");
  return trainer.loadProgram(path);
}

} // namespace rheobase
