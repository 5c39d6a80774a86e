//===- TimeLoopDistributor.h - A time loop on its way inwards -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The step graph of a time loop has the operations of the body and the states
// as nodes: an operation depends on the values that it uses, a state on what
// the body yields as its next value. Each strongly connected component, in
// topological order, gets the best form it has: before the loop, on sequences,
// a scan, or a loop of its own. AnalyzeTimeLoop.cpp chooses the forms,
// DistributeTimeLoop.cpp builds them.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_DIALECT_SPIKING_TRANSFORMS_TIMELOOPDISTRIBUTOR_H
#define RHEOBASE_LIB_DIALECT_SPIKING_TRANSFORMS_TIMELOOPDISTRIBUTOR_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallSet.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rheobase::spiking {

/// An operation of the body, or (with `op` null) a state.
struct Node {
  mlir::Operation *op = nullptr;
  unsigned state = 0;
  llvm::SmallVector<Node *> dependencies;
};

/// What a component becomes.
enum class Form {
  /// The same at every step: computed before the loop.
  Invariant,
  /// An extent of a sequence.
  Dim,
  /// Not a tensor: computed again wherever it is needed.
  Local,
  /// TimeDistributableOpInterface.
  Distributed,
  /// An elementwise operation, or a reshape, on sequences.
  Elementwise,
  Reshape,
  /// States, elementwise operations and step scans as one scan.
  Scan,
  Loop
};

struct Component {
  /// In program order.
  llvm::SmallVector<mlir::Operation *> ops;
  llvm::SmallVector<unsigned> states;
  bool cyclic = false;
  Form form = Form::Loop;
  /// Why it stays in a loop.
  std::string reason;

  bool contains(mlir::Operation *op) const {
    return llvm::is_contained(ops, op);
  }
  bool contains(unsigned state) const {
    return llvm::is_contained(states, state);
  }
};

/// How a value of the body depends on the step.
enum class Variation { Invariant, Sequence, Local };

/// A value of the body, seen from outside the loop.
struct OverTime {
  mlir::Value value;
  bool isSequence = false;
  /// The sum over all steps, of a summed result.
  bool isSum = false;
};

/// The values of the body, and of what surrounds it, that `op` uses.
llvm::SetVector<mlir::Value> getUsedValues(mlir::Operation *op);

class TimeLoopDistributor {
public:
  TimeLoopDistributor(TimeLoopOp loop)
      : loop(loop), body(&loop.getBody().front()), yield(loop.getYield()),
        builder(loop) {}

  void run();

private:
  // Analysis.
  bool plan();
  void resolveDims();
  void findSums();
  void findLiveNodes();
  void buildComponents();
  void choose(Component &component);
  void chooseForOp(Component &component);
  void chooseForCycle(Component &component);
  bool canCompose(const Component &component, std::string &reason);
  mlir::Value getSized(const Component &component,
                       llvm::ArrayRef<int64_t> space);
  bool closesStates(mlir::Operation *op, const Component &component);
  bool areSummed(mlir::Operation *op);
  std::optional<unsigned> getAccumulatedState(ScanOp scan, unsigned number);

  bool isSummand(mlir::Value value);
  bool leadsToSummand(mlir::Value value);
  void expandSummand(mlir::Value value,
                     llvm::SmallVectorImpl<mlir::Value> &summands);

  std::optional<unsigned> getStateNumber(mlir::Value value);
  Variation getVariation(mlir::Value value);
  bool isNeededOutside(mlir::Value value, const Component &component);

  // Construction.
  void emit(Component &component);
  void emitDistributed(Component &component);
  void emitElementwise(mlir::Operation *op);
  void emitReshape(mlir::Operation *op);
  void emitScan(Component &component);
  void emitLoop(Component &component);
  mlir::Value emitSum(mlir::Value summand);
  OverTime getOverTime(mlir::Value value);
  mlir::Value getAsSequence(mlir::Value value);
  void setSequence(mlir::Value value, mlir::Value sequence);
  mlir::Value castSteps(mlir::Value sequence);
  void remark(llvm::StringRef name, mlir::Operation *op,
              const llvm::Twine &text, bool missed);

  TimeLoopOp loop;
  mlir::Block *body;
  YieldOp yield;
  mlir::OpBuilder builder;

  /// States that only sum up: their summands.
  llvm::MapVector<unsigned, llvm::SmallVector<mlir::Value>> sums;
  /// The additions that do.
  llvm::DenseSet<mlir::Operation *> sumOps;
  llvm::DenseSet<mlir::Operation *> liveOps;
  llvm::SmallDenseSet<unsigned> liveStates;
  llvm::DenseMap<mlir::Value, Variation> variations;
  /// Neurons of which only their operations know what they do.
  llvm::DenseSet<mlir::Operation *> undecomposable;
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<Component> components;

  mlir::Value steps;
  int64_t staticSteps = mlir::ShapedType::kDynamic;
  mlir::IRMapping invariants;
  llvm::DenseMap<mlir::Value, OverTime> overTime;
  llvm::SmallVector<mlir::Value> finals;
};

} // namespace rheobase::spiking

#endif // RHEOBASE_LIB_DIALECT_SPIKING_TRANSFORMS_TIMELOOPDISTRIBUTOR_H
