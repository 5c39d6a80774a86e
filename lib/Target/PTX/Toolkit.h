//===- Toolkit.h - Programs and files of CUDA -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_TARGET_PTX_TOOLKIT_H
#define RHEOBASE_LIB_TARGET_PTX_TOOLKIT_H

#include "rheobase/Target/PTX.h"

namespace rheobase {

/// The path of libdevice.10.bc, if there is one.
std::optional<std::string> findLibdevice();

/// A fatbin of the machine code of each chip and of the PTX of the first.
mlir::FailureOr<std::string>
makeFatbin(llvm::ArrayRef<GPUChip> chips, llvm::ArrayRef<std::string> cubins,
           llvm::StringRef ptx, const CUDAToolkit &toolkit,
           EmitError emitError);

} // namespace rheobase

#endif // RHEOBASE_LIB_TARGET_PTX_TOOLKIT_H
