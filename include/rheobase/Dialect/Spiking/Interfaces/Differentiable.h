//===- Differentiable.h - Cotangents during differentiation -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_INTERFACES_DIFFERENTIABLE_H
#define RHEOBASE_DIALECT_SPIKING_INTERFACES_DIFFERENTIABLE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

namespace mlir {
class Block;
class DialectRegistry;
} // namespace mlir

namespace rheobase::spiking {

class ScanOp;
class TimeLoopOp;

/// What an adjoint sees of the differentiation it is part of. The cotangent of
/// a value has its shape; its element type is the value's if that is a float,
/// else (spikes) the float type of the first contribution.
class AdjointContext {
public:
  virtual ~AdjointContext();
  /// The cotangent of a primal value, or null if it is zero.
  virtual mlir::Value getCotangent(mlir::Value primal) = 0;
  /// Adds `cotangent` to the cotangent of `primal`; of a float type.
  virtual void addCotangent(mlir::Value primal, mlir::Value cotangent) = 0;
  /// Whether anything that is differentiated with respect to depends on it.
  virtual bool needsCotangent(mlir::Value primal) = 0;
  /// Truncated backpropagation through time: the cotangent of a state stops at
  /// steps that are multiples of this number; 0: it never stops.
  virtual int64_t getTruncation() { return 0; }
};

/// Differentiates the operations of a block, from the last to the first: marks
/// what depends on the active values, holds cotangents, and calls the adjoints,
/// which build at the given builder's insertion point.
class BlockAdjoint : public AdjointContext {
public:
  BlockAdjoint(mlir::OpBuilder &builder, int64_t truncation = 0)
      : builder(builder), truncation(truncation) {}

  /// Declares that cotangents of `value` are asked for.
  void activate(mlir::Value value) { active.insert(value); }
  /// Contributions to the cotangent of `value` are listed, not added.
  void collect(mlir::Value value) { collected[value]; }
  llvm::ArrayRef<mlir::Value> getCollected(mlir::Value value) {
    return collected[value];
  }
  /// Activates the results of the block's operations that depend on something
  /// active. Returns whether that is more than before.
  bool propagate(mlir::Block &block);
  /// Builds the adjoints of the block's operations. Fails, with an error, where
  /// an operation that has to be differentiated has no adjoint.
  llvm::LogicalResult run(mlir::Block &block);

  mlir::Value getCotangent(mlir::Value primal) override {
    return cotangents.lookup(primal);
  }
  void addCotangent(mlir::Value primal, mlir::Value cotangent) override;
  bool needsCotangent(mlir::Value primal) override {
    return active.contains(primal);
  }
  int64_t getTruncation() override { return truncation; }

private:
  mlir::OpBuilder &builder;
  int64_t truncation;
  llvm::DenseSet<mlir::Value> active;
  llvm::DenseMap<mlir::Value, mlir::Value> cotangents;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> collected;
};

/// Turns each `scf.if` of the block whose condition has a gradient into
/// selections, through which the spike gets it. `activate` marks what is active.
llvm::LogicalResult
convertSpikeConditions(mlir::Block &block,
                       llvm::function_ref<void(BlockAdjoint &)> activate);

/// Rewrites what is inside `root` into what adjoints can be built of: named
/// neurons become scans, and time loops give what their adjoints read again (the
/// states before each step, the results of products) as further outputs.
llvm::LogicalResult prepareForDifferentiation(mlir::Operation *root);

/// A time loop like `loop` that gives the value of each of `values` (of its
/// body) as a further output sequence. `loop` is replaced.
TimeLoopOp appendOutputs(mlir::OpBuilder &builder, TimeLoopOp loop,
                         mlir::ValueRange values);

/// The replay scan: gives the states `indices` of `scan`, as they are before
/// each step, as sequences (its outputs, in this order), and nothing else.
ScanOp createReplayScan(mlir::OpBuilder &builder, ScanOp scan,
                        llvm::ArrayRef<unsigned> indices);

/// Gives operations of the arith, math, tensor and scf dialects adjoints.
void registerDifferentiableModels(mlir::DialectRegistry &registry);

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_INTERFACES_DIFFERENTIABLE_H
