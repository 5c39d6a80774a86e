//===- ScanComposer.h - Scans out of operations on tensors ------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_DIALECT_SPIKING_TRANSFORMS_SCANCOMPOSER_H
#define RHEOBASE_DIALECT_SPIKING_TRANSFORMS_SCANCOMPOSER_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace rheobase::spiking {

/// Whether each element of each result is a function of the elements at the
/// same place of the operands: all are tensors of the same shape, and
/// buildScalars knows the operation.
bool isElementwise(mlir::Operation *op);

/// The scalar that every element of `tensor` is, if it is a constant, else
/// null.
mlir::TypedAttr getSplatConstant(mlir::Value tensor);

/// Whether every element of the float tensor is the constant 0.
bool isZero(mlir::Value tensor);

/// Builds what the elementwise `op` does to one element; `operands` are the
/// elements. The same operations in the same order.
llvm::SmallVector<mlir::Value> buildScalars(mlir::OpBuilder &builder,
                                            mlir::Operation *op,
                                            mlir::ValueRange operands);

/// A scan in the making: operands are added in any order, scalar code is
/// written at the end of the body, and `create` puts it together.
class ScanComposer {
public:
  ScanComposer(mlir::OpBuilder &builder, mlir::Location loc,
               Direction direction);

  /// Writes at the end of the body, or of the replay region.
  mlir::OpBuilder &getBody() { return bodyBuilder; }
  mlir::OpBuilder &getReplay() { return replayBuilder; }

  /// The scalar of an input sequence, in the body or in the replay region.
  mlir::Value getIn(mlir::Value sequence, bool inReplay = false) {
    return getShared(ins, sequence, inReplay);
  }
  /// The scalar of what is the same at every step: a constant, or a parameter.
  mlir::Value getParam(mlir::Value value, bool inReplay = false);

  /// Adds a state and returns its scalar before the step.
  mlir::Value addState(mlir::Value init);
  /// The scalar after the step, of the state of that number.
  void setNext(unsigned state, mlir::Value next) {
    states[state].yielded = next;
  }
  unsigned getNumStates() const { return states.size(); }
  unsigned getNumOutputs() const { return outputs.size(); }
  /// Whether there is a sequence that says how many steps there are.
  bool hasSequence() const { return !ins.empty() || !outputs.empty(); }

  /// Adds a replayed state; returns its scalar before the step, in the body and
  /// in the replay region.
  std::pair<mlir::Value, mlir::Value> addReplayed(mlir::Value init);
  void setReplayedNext(unsigned state, mlir::Value next) {
    replayed[state].yielded = next;
  }

  void addOutput(mlir::Value scalar, mlir::Value init) {
    outputs.push_back({init, {}, {}, scalar});
  }
  void addAccumulator(mlir::Value init, mlir::Value contribution) {
    accumulators.push_back({init, {}, {}, contribution});
  }

  /// Clones the body of a scan to the end of the body, or of the replay region:
  /// `arguments` are the scalars of its block arguments. Returns the mapping of
  /// its values.
  mlir::IRMapping inlineBody(ScanOp scan, mlir::ValueRange arguments,
                             bool intoReplay = false);
  /// Clones the replay region of a scan to the end of the replay region.
  mlir::IRMapping inlineReplay(ScanOp scan, mlir::ValueRange arguments);

  /// Builds the scan at the insertion point of the builder.
  ScanOp create();

private:
  struct Operand {
    mlir::Value tensor;
    mlir::BlockArgument inBody, inReplay;
    mlir::Value yielded;
  };
  using Shared = llvm::MapVector<mlir::Value, Operand>;

  mlir::Value getShared(Shared &list, mlir::Value tensor, bool inReplay);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  Direction direction;
  mlir::Block body, replay;
  mlir::OpBuilder bodyBuilder, replayBuilder;
  Shared ins, params;
  llvm::SmallVector<Operand> states, replayed, outputs, accumulators;
};

} // namespace rheobase::spiking

#endif // RHEOBASE_DIALECT_SPIKING_TRANSFORMS_SCANCOMPOSER_H
