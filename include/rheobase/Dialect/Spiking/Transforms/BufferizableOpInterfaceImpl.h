//===- BufferizableOpInterfaceImpl.h - Scans on buffers ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace rheobase::spiking {

/// Lets upstream's bufferization handle `spiking.scan`.
void registerBufferizableOpInterfaceExternalModels(
    mlir::DialectRegistry &registry);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
