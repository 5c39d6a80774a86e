//===- PlanResiduals.cpp - What the backward pass reads of the forward pass
//-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_PLANRESIDUALSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Whether the operation is one of the backward pass.
static bool isBackward(Operation *op) {
  if (auto scan = dyn_cast<ScanOp>(op))
    return scan.isReverse();
  if (auto loop = dyn_cast<TimeLoopOp>(op))
    return loop.isReverse();
  return isa<LinearWeightGradientOp, ConvWeightGradientOp, ConvInputGradientOp,
             SumPoolGradientOp, MaxPoolGradientOp, BatchNormGradientOp,
             CrossEntropyGradientOp, ReadoutMaxGradientOp>(op);
}

/// What costs nothing to have at two places: sizes, constants and tensors
/// without contents or with one number.
static bool isFree(Operation *op) {
  return isa<tensor::EmptyOp, tensor::SplatOp, tensor::DimOp>(op) ||
         op->hasTrait<OpTrait::ConstantLike>() ||
         (isa<arith::ArithDialect>(op->getDialect()) &&
          llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>));
}

namespace {
/// A value of the forward pass that the backward pass reads.
struct Residual {
  Value value;
  /// Extents that are not known, and bytes but for them.
  int64_t dynamicDims, bytes;

  /// Whether it is larger than another one, as far as one can know.
  bool isLarger(const Residual &other) const {
    return std::make_pair(dynamicDims, bytes) >
           std::make_pair(other.dynamicDims, other.bytes);
  }
};

class ResidualPlanner {
public:
  explicit ResidualPlanner(Block &block);

  /// Computes the `count` largest residuals that can be computed again where
  /// the backward pass first reads them.
  void recompute(int64_t count);
  void report();

private:
  bool isBefore(Operation *op) {
    return op->getBlock() == &block && turn && op->isBeforeInBlock(turn);
  }
  void findResiduals();
  /// The operands of `op` and what its regions read.
  static SetVector<Value> getUsed(Operation *op);
  bool canRecompute(Value value);
  Value cloneFor(Value value, Operation *reader);
  remark::RemarkOpts getOptions(StringRef name);
  static std::string describe(const Residual &residual);

  Block &block;
  /// The first operation of the backward pass; null if there is none.
  Operation *turn = nullptr;
  SmallVector<Residual> residuals;
  SetVector<Value> chosen;
  DenseMap<Value, Value> clones;
  /// What is computed again.
  SmallPtrSet<Operation *, 8> copies;
};
} // namespace

ResidualPlanner::ResidualPlanner(Block &block) : block(block) {
  for (Operation &op : block)
    if (isBackward(&op)) {
      turn = &op;
      break;
    }
  findResiduals();
}

void ResidualPlanner::findResiduals() {
  residuals.clear();
  if (!turn)
    return;
  for (Operation &op : block) {
    if (!isBefore(&op))
      break;
    if (isFree(&op) || copies.contains(&op))
      continue;
    for (Value result : op.getResults()) {
      auto type = dyn_cast<RankedTensorType>(result.getType());
      bool isRead = llvm::any_of(result.getUsers(), [&](Operation *user) {
        Operation *ancestor = block.findAncestorOpInBlock(*user);
        return ancestor && ancestor != block.getTerminator() &&
               !isBefore(ancestor) && !isa<tensor::DimOp>(user);
      });
      if (!type || !isRead)
        continue;
      Residual residual{result, int64_t(type.getNumDynamicDims()),
                        type.getElementType().isIntOrFloat()
                            ? llvm::divideCeil(type.getElementTypeBitWidth(), 8)
                            : 8};
      for (int64_t extent : type.getShape())
        if (!ShapedType::isDynamic(extent))
          residual.bytes *= extent;
      residuals.push_back(residual);
    }
  }
  llvm::stable_sort(residuals, [](const Residual &a, const Residual &b) {
    return a.isLarger(b);
  });
}

SetVector<Value> ResidualPlanner::getUsed(Operation *op) {
  SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  return used;
}

/// Whether everything that `value` is computed from is there in the backward
/// pass, too: kept, an argument, free, or computed again itself.
bool ResidualPlanner::canRecompute(Value value) {
  Operation *op = value.getDefiningOp();
  if (op->getNumResults() != 1 && !isa<ScanOp>(op))
    return false;
  if (!isMemoryEffectFree(op) || isa<TimeLoopOp, BatchNormOp>(op))
    return false;
  std::function<bool(Value)> isThere = [&](Value used) {
    Operation *definition = used.getDefiningOp();
    if (!definition || chosen.contains(used))
      return true;
    if (isFree(definition))
      return llvm::all_of(definition->getOperands(), isThere);
    return llvm::any_of(residuals, [&](const Residual &residual) {
      return residual.value == used;
    });
  };
  return llvm::all_of(getUsed(op), isThere);
}

/// `value` computed again before its first reader of the backward pass.
Value ResidualPlanner::cloneFor(Value value, Operation *reader) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != &block ||
      (!isFree(op) && !chosen.contains(value)))
    return value;
  if (Value known = clones.lookup(value))
    return known;
  IRMapping mapping;
  for (Value used : getUsed(op))
    mapping.map(used, cloneFor(used, reader));
  OpBuilder builder(reader);
  Operation *copy = builder.clone(*op, mapping);
  copies.insert(copy);
  for (auto [from, to] : llvm::zip(op->getResults(), copy->getResults()))
    if (isFree(op) || chosen.contains(from))
      clones[from] = to;
  return clones.lookup(value);
}

void ResidualPlanner::recompute(int64_t count) {
  // The largest first: what others are computed from may go, too, when they
  // are computed again from what remains.
  for (const Residual &residual : residuals) {
    if (static_cast<int64_t>(chosen.size()) == count)
      break;
    if (canRecompute(residual.value))
      chosen.insert(residual.value);
  }
  if (chosen.empty())
    return;
  SmallVector<Operation *> backward;
  for (Operation *op = turn; op != block.getTerminator();
       op = op->getNextNode())
    backward.push_back(op);
  for (Operation *op : backward)
    for (Value used : getUsed(op)) {
      if (!chosen.contains(used) || isa<tensor::DimOp>(op))
        continue;
      Value again = cloneFor(used, op);
      used.replaceUsesWithIf(again, [&](OpOperand &use) {
        return op->isAncestor(use.getOwner());
      });
    }
  block.getParentOp()->setAttr(
      kRecomputedAttrName,
      Builder(block.getParentOp()).getI64IntegerAttr(chosen.size()));
  for (Value value : chosen)
    remark::passed(value.getLoc(), getOptions(remarks::kRecomputed))
        << value.getDefiningOp()->getName().getStringRef().str() +
               " is computed again in the backward pass instead of being kept";
}

remark::RemarkOpts ResidualPlanner::getOptions(StringRef name) {
  auto function = dyn_cast<FunctionOpInterface>(block.getParentOp());
  return remark::RemarkOpts::name(name)
      .category("spiking-plan-residuals")
      .function(function ? function.getName() : StringRef());
}

std::string ResidualPlanner::describe(const Residual &residual) {
  std::string text;
  llvm::raw_string_ostream(text) << residual.value.getDefiningOp()->getName()
                                 << " (" << residual.value.getType() << ")";
  return text;
}

void ResidualPlanner::report() {
  findResiduals();
  for (const Residual &residual : residuals)
    remark::analysis(residual.value.getLoc(), getOptions(remarks::kKept))
        << "kept for the backward pass: " + describe(residual);
}

namespace {
struct PlanResidualsPass
    : rheobase::spiking::impl::PlanResidualsPassBase<PlanResidualsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (recompute < 0) {
      getOperation()->emitError(
          "expected a number of values to recompute, got ")
          << recompute.getValue();
      return signalPassFailure();
    }
    getOperation()->walk([&](FunctionOpInterface function) {
      if (function.isExternal() ||
          !llvm::hasSingleElement(function.getFunctionBody()))
        return;
      ResidualPlanner planner(function.getFunctionBody().front());
      planner.recompute(recompute);
      planner.report();
    });
  }
};
} // namespace
