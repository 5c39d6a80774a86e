//===- HoistTimeInvariant.cpp - What is the same at every step, once
//--------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "rheobase/Dialect/Spiking/IR/Sequences.h"
#include "rheobase/Dialect/Spiking/Transforms/ScanComposer.h"
#include "rheobase/Dialect/Spiking/Transforms/Transforms.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_HOISTTIMEINVARIANTPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// How often the first repeated operand of `op` is repeated; null if none is.
static Value getSteps(Operation *op) {
  for (Value operand : op->getOperands())
    if (auto repeat = operand.getDefiningOp<RepeatOp>())
      return repeat.getTimes();
  return {};
}

/// What `value` is at each of `steps` steps, if it is repeated as often.
static Value getRepeated(Value value, Value steps) {
  auto repeat = value.getDefiningOp<RepeatOp>();
  if (!repeat || !isEqualConstantIntOrValue(repeat.getTimes(), steps))
    return {};
  return repeat.getInput();
}

/// One step of an operand of an elementwise operation that is the same at every
/// step, also a splat or something broadcast; null if it is neither. `like` has
/// its sizes.
static Value createStep(OpBuilder &builder, Value operand, Value steps,
                        Value like) {
  if (Value repeated = getRepeated(operand, steps))
    return repeated;
  Location loc = operand.getLoc();
  RankedTensorType type = getStepType(operand.getType());
  if (auto splat = operand.getDefiningOp<tensor::SplatOp>())
    return tensor::SplatOp::create(builder, loc, type, splat.getInput(),
                                   getDynamicSizes(builder, loc, type, like));
  if (auto broadcast = operand.getDefiningOp<BroadcastOp>()) {
    RankedTensorType whole = broadcast.getType();
    if (broadcast.getInput().getType().getRank() >= whole.getRank())
      return {};
    return BroadcastOp::create(
        builder, loc, type, broadcast.getInput(),
        broadcast.getSizes().drop_front(whole.isDynamicDim(0)));
  }
  if (TypedAttr scalar = getSplatConstant(operand);
      scalar && type.hasStaticShape())
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(type, scalar));
  return {};
}

/// An elementwise operation on one step.
static FailureOr<SmallVector<Value>>
hoistElementwise(Operation *op, OpBuilder &builder, Value steps) {
  Value like;
  for (Value operand : op->getOperands())
    if (Value repeated = getRepeated(operand, steps))
      like = repeated;
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value step = createStep(builder, operand, steps, like);
    if (!step)
      return failure();
    operands.push_back(step);
  }
  SmallVector<Type> types;
  for (Type type : op->getResultTypes())
    types.push_back(getStepType(type));
  OperationState state(op->getLoc(), op->getName(), operands, types,
                       op->getAttrs());
  return llvm::to_vector_of<Value>(builder.create(state)->getResults());
}

/// Whether the operation sums over the steps of its input, each of which counts
/// for the rounding of the sum.
static bool sumsOverSteps(Operation *op) {
  auto norm = dyn_cast<BatchNormOp>(op);
  return norm && norm.getMode() == Mode::Train &&
         !(norm.getSequence() && norm.getStatistics() == Statistics::PerStep);
}

static remark::RemarkOpts getOptions(Operation *op, StringRef name) {
  auto function = op->getParentOfType<FunctionOpInterface>();
  return remark::RemarkOpts::name(name)
      .category("spiking-hoist-time-invariant")
      .function(function ? function.getName() : StringRef());
}

/// Computes `op` once instead of at every step, if its operands allow it, and
/// repeats what it gives. Whether it did.
static bool hoist(Operation *op, bool exact) {
  Value steps = getSteps(op);
  if (!steps || isa<ScanOp>(op))
    return false;
  std::string name = op->getName().getStringRef().str();
  OpBuilder builder(op);
  FailureOr<SmallVector<Value>> values = failure();
  bool sums = sumsOverSteps(op);
  if (auto distributable = dyn_cast<TimeDistributableOpInterface>(op)) {
    if (sums && exact) {
      remark::missed(op->getLoc(), getOptions(op, remarks::kNotHoisted))
          << name + " stays at every step: exact statistics are sums over all "
                    "steps";
      return false;
    }
    SmallVector<Value> repeated;
    for (Value operand : op->getOperands())
      repeated.push_back(getRepeated(operand, steps));
    values = distributable.hoistOutOfTime(builder, repeated, steps);
  } else if (isElementwise(op)) {
    values = hoistElementwise(op, builder, steps);
  }
  if (failed(values)) {
    if (isa<DropoutOp>(op))
      remark::missed(op->getLoc(), getOptions(op, remarks::kNotHoisted))
          << name + " stays at every step: each has a mask of its own";
    return false;
  }
  remark::passed(op->getLoc(), getOptions(op, remarks::kHoisted))
      << name + " is computed once instead of at every step" +
             (sums ? ": its statistics are sums over one step, equal to those "
                     "over all steps but for rounding"
                   : "");
  for (auto [result, value] : llvm::zip_equal(op->getResults(), *values)) {
    auto type = cast<RankedTensorType>(result.getType());
    if (cast<RankedTensorType>(value.getType()).getRank() < type.getRank())
      value = RepeatOp::create(builder, op->getLoc(), type, value, steps);
    result.replaceAllUsesWith(value);
  }
  op->erase();
  return true;
}

/// Inputs that a scan reads at every step, but that are the same at every step,
/// become parameters. One sequence remains, from which the number of steps
/// comes. Returns the scan.
static ScanOp readRepeatedAsParams(ScanOp scan) {
  if (scan.isStep() || !scan.getReplayed().empty() ||
      !scan.hasPureTensorSemantics())
    return scan;
  SmallVector<unsigned> moved;
  for (auto [number, in] : llvm::enumerate(scan.getIns()))
    if (in.getDefiningOp<RepeatOp>() &&
        (!scan.getOuts().empty() || moved.size() + 1 < scan.getIns().size()))
      moved.push_back(number);
  if (moved.empty())
    return scan;
  SmallVector<Value> ins, params(scan.getParams());
  Block &body = scan.getBody().front();
  unsigned position = scan.getIns().size() + scan.getParams().size();
  for (auto [number, in] : llvm::enumerate(scan.getIns())) {
    if (!llvm::is_contained(moved, number)) {
      ins.push_back(in);
      continue;
    }
    params.push_back(in.getDefiningOp<RepeatOp>().getInput());
    BlockArgument argument = body.getArgument(number);
    argument.replaceAllUsesWith(
        body.insertArgument(position++, argument.getType(), argument.getLoc()));
  }
  body.eraseArguments([&](BlockArgument argument) {
    return llvm::is_contained(moved, argument.getArgNumber());
  });
  OpBuilder builder(scan);
  auto result =
      ScanOp::create(builder, scan.getLoc(), scan.getDirection(), ins, params,
                     scan.getOuts(), scan.getStates(), scan.getAccumulators());
  result->setDiscardableAttrs(scan->getDiscardableAttrDictionary());
  result.getBody().takeBody(scan.getBody());
  remark::passed(scan.getLoc(), getOptions(scan, remarks::kHoisted))
      << "a scan reads " + std::to_string(moved.size()) +
             " of its inputs once instead of at every step";
  scan.replaceAllUsesWith(result.getResults());
  scan.erase();
  return result;
}

bool rheobase::spiking::hoistTimeInvariant(Block &block, bool exact) {
  bool changed = false;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto scan = dyn_cast<ScanOp>(op))
      changed |= readRepeatedAsParams(scan) != scan;
    else
      changed |= hoist(&op, exact);
  }
  if (changed)
    resolveDims(block);
  return changed;
}

namespace {
struct HoistTimeInvariantPass
    : rheobase::spiking::impl::HoistTimeInvariantPassBase<
          HoistTimeInvariantPass> {
  using Base::Base;

  void runOnOperation() override {
    bool changed = false;
    getOperation()->walk([&](Block *block) {
      if (!isa<ScanOp>(block->getParentOp()))
        changed |= hoistTimeInvariant(*block, exact);
    });
    if (!changed)
      markAllAnalysesPreserved();
  }
};
} // namespace
