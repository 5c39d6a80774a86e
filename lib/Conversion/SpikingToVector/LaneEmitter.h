//===- LaneEmitter.h - Scalar code applied to lanes of a vector -*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_LANEEMITTER_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_LANEEMITTER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/IRMapping.h"
#include <functional>

namespace rheobase {

/// Lanes of 32 bits that only vectors of AVX-512 are taken for, two at a time.
constexpr int64_t kLanesWithMaskRegisters = 32;

/// Applies scalar operations to `lanes` values at once. A value is either
/// uniform (a scalar, the same in every lane) or a vector; what depends on
/// uniform values only stays scalar. With 0 lanes everything is scalar.
class LaneEmitter {
public:
  /// `mask`: which lanes exist (null: all); accesses leave the others alone.
  LaneEmitter(mlir::OpBuilder &builder, mlir::Location loc, int64_t lanes,
              mlir::Value mask = {})
      : builder(builder), loc(loc), lanes(lanes), mask(mask), active(mask) {}

  /// The vector of `lanes` elements of `scalar`; with 0 lanes `scalar` itself.
  mlir::Type getType(mlir::Type scalar) const;
  /// `value` in every lane, if it is uniform.
  mlir::Value spread(mlir::Value value);
  /// `value` in every lane.
  mlir::Value constant(mlir::TypedAttr value);

  /// Neighbouring elements, the first at `indices`.
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices);
  /// `streamedAlignment`: that of the address, in bytes, if the store is to
  /// pass by the caches; vectors of which all lanes exist do.
  void store(mlir::Value value, mlir::Value memref, mlir::ValueRange indices,
             std::optional<int64_t> streamedAlignment = std::nullopt);

  /// The same of spikes in bits, the first at bit `offset`, a multiple of the
  /// number of lanes or where a byte begins. `hasMaskRegisters`: a vector of i1
  /// is bits in registers, too, not bytes or more.
  mlir::Value loadPacked(mlir::Value bytes, mlir::Value offset,
                         bool hasMaskRegisters);
  void storePacked(mlir::Value value, mlir::Value bytes, mlir::Value offset);

  /// What spiking.time_step gives.
  void setTimeStep(mlir::Value index) { timeStep = index; }

  /// What linalg.index gives for a loop: a scalar or a vector.
  void setLoopIndices(std::function<mlir::Value(int64_t)> indices) {
    loopIndex = std::move(indices);
  }

  /// Emits the operations of `block` but its terminator; `mapping` knows the
  /// block's arguments and learns the results. Branches become selects: bodies
  /// have no side effects.
  void emit(mlir::Block &block, mlir::IRMapping &mapping);
  /// The same for some of a block's operations.
  void emit(llvm::ArrayRef<mlir::Operation *> ops, mlir::IRMapping &mapping);

private:
  void emit(mlir::Operation &op, mlir::IRMapping &mapping);
  void emitElementwise(mlir::Operation &op, mlir::IRMapping &mapping);
  /// Emits `block` where `condition` holds; returns what it yields.
  llvm::SmallVector<mlir::Value> emitBranch(mlir::Block &block,
                                            mlir::Value condition,
                                            mlir::IRMapping &mapping);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  int64_t lanes;
  mlir::Value mask;
  /// Lanes whose values matter: those of the mask and of the branches around.
  mlir::Value active;
  mlir::Value timeStep;
  std::function<mlir::Value(int64_t)> loopIndex;
};

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_LANEEMITTER_H
