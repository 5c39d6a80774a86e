//===- SampleBlocks.cpp - Time loops over blocks of samples ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleBlocks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

namespace {

/// Finds the values with samples: those that meet in an operation on rows have
/// the same samples.
class SampleAnalysis {
public:
  SampleAnalysis(TimeLoopOp loop, std::string &reason)
      : loop(loop), body(loop.getBody()), reason(reason) {}

  FailureOr<SampleBlocks> run();

private:
  LogicalResult refuse(Operation *op, const Twine &what) {
    reason = (Twine("'") + op->getName().getStringRef() + "' " + what).str();
    return failure();
  }
  /// `value` has samples, those of `anchor`.
  LogicalResult join(Operation *op, Value value, Value anchor) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() == 0 || type.getDimSize(0) == 1)
      return refuse(op, "has an operand or a result without samples, or with "
                        "a single one");
    samples.insert(value);
    classes.unionSets(value.getAsOpaquePointer(), anchor.getAsOpaquePointer());
    return success();
  }
  LogicalResult joinAll(Operation *op, ValueRange values) {
    for (Value value : values)
      if (failed(join(op, value, values.front())))
        return failure();
    return success();
  }
  LogicalResult joinWithResults(Operation *op, ValueRange operands) {
    SmallVector<Value> values(operands);
    llvm::append_range(values, op->getResults());
    return joinAll(op, values);
  }
  LogicalResult visit(Operation *op);
  LogicalResult visitScan(ScanOp scan);
  LogicalResult visitShaped(Operation *op, OperandRange sizes);

  TimeLoopOp loop;
  Region &body;
  std::string &reason;
  llvm::SetVector<Value> samples;
  llvm::EquivalenceClasses<const void *> classes;
  /// Uses of values that must be the same for all samples.
  SmallVector<OpOperand *> shared;
  /// Uses of what may turn out to be the number of samples.
  SmallVector<std::pair<Value, OpOperand *>> sizes;
  bool hasProduct = false;
};

} // namespace

LogicalResult SampleAnalysis::visitScan(ScanOp scan) {
  if (!scan.isStep() || !scan.getAccumulators().empty() ||
      !scan.getReplayed().empty())
    return refuse(scan, "is more than a step");
  int64_t rank = scan.getSpace().size();
  SmallVector<Value> values;
  for (OpOperand &operand : scan->getOpOperands()) {
    auto type = cast<ShapedType>(operand.get().getType());
    if (type.getRank() == rank)
      values.push_back(operand.get());
    else
      shared.push_back(&operand);
  }
  return joinWithResults(scan, values);
}

/// An uninitialized or filled tensor: has samples where its users say so.
LogicalResult SampleAnalysis::visitShaped(Operation *op, OperandRange range) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.getRank() > 0 && type.isDynamicDim(0))
    sizes.emplace_back(op->getResult(0), &op->getOpOperand(
                                             range.getBeginOperandIndex()));
  return success();
}

LogicalResult SampleAnalysis::visit(Operation *op) {
  if (auto scan = dyn_cast<ScanOp>(op))
    return visitScan(scan);
  if (isa<LinearOp, ConvOp, ConvInputGradientOp>(op)) {
    hasProduct = true;
    for (OpOperand &operand : op->getOpOperands().drop_front())
      shared.push_back(&operand);
    if (cast<RankedTensorType>(op->getOperand(0).getType()).getRank() < 2)
      return refuse(op, "has no batch");
    return joinWithResults(op, op->getOperand(0));
  }
  if (isa<AddOp, AvgPoolOp, SumPoolOp, MaxPoolOp, SumPoolGradientOp,
          MaxPoolGradientOp, FlattenOp, UnflattenOp>(op))
    return joinWithResults(op, op->getOperands());
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return visitShaped(op, empty.getDynamicSizes());
  if (auto splat = dyn_cast<tensor::SplatOp>(op))
    return visitShaped(op, splat.getDynamicSizes());
  // What only asks for the number of samples.
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    for (OpOperand &use : dim->getUses())
      if (!isa<tensor::EmptyOp, tensor::SplatOp>(use.getOwner()))
        shared.push_back(&op->getOpOperand(0));
    return success();
  }
  // What is the same for all samples.
  if (!isPure(op) || op->getNumRegions() != 0)
    return refuse(op, "is not known to work on rows");
  for (OpOperand &operand : op->getOpOperands())
    shared.push_back(&operand);
  return success();
}

FailureOr<SampleBlocks> SampleAnalysis::run() {
  YieldOp yield = loop.getYield();
  for (Operation &op : body.front().without_terminator())
    if (failed(visit(&op)))
      return failure();
  if (!hasProduct) {
    reason = "there is no product in it";
    return failure();
  }
  if (loop.getStates().empty()) {
    reason = "it carries no state";
    return failure();
  }
  for (Value value : yield.getOutputs()) {
    if (failed(join(yield, value, value)))
      return failure();
    if (ShapedType::isDynamicShape(
            cast<RankedTensorType>(value.getType()).getShape().drop_front()))
      return refuse(loop, "has an output with another dynamic dimension");
  }
  for (auto [next, state] : llvm::zip(yield.getNext(), loop.getStateArgs()))
    if (failed(join(yield, state, next)))
      return failure();
  for (auto [initial, state] : llvm::zip(loop.getStates(), loop.getStateArgs()))
    if (cast<RankedTensorType>(initial.getType()).getRank() == 0)
      return refuse(loop, "has a state without samples");

  if (samples.empty() || !llvm::all_of(samples, [&](Value value) {
        return classes.isEquivalent(value.getAsOpaquePointer(),
                                    samples.front().getAsOpaquePointer());
      }))
    return refuse(loop, "has parts that do not meet");
  for (OpOperand *use : shared)
    if (samples.contains(use->get()))
      return refuse(use->getOwner(),
                    "uses a value that differs from sample to sample in a way "
                    "that all samples share");

  SampleBlocks blocks;
  for (Value argument : loop.getInputArgs())
    blocks.inputs.push_back(samples.contains(argument));
  for (Value value : samples) {
    bool isInside = body.isAncestor(value.getParentRegion());
    (isInside ? blocks.inside : blocks.outside).push_back(value);
    // Numbers that differ from sample to sample.
    Operation *op = value.getDefiningOp();
    DenseElementsAttr numbers;
    if (isInside && op && matchPattern(op, m_Constant(&numbers)) &&
        !numbers.isSplat())
      return refuse(op, "has samples");
  }
  for (auto [value, size] : sizes) {
    if (!samples.contains(value))
      continue;
    // The size of a block follows from its slices.
    auto dim = size->get().getDefiningOp<tensor::DimOp>();
    if (!dim || !body.isAncestor(dim->getParentRegion()) ||
        !samples.contains(dim.getSource()) || dim.getConstantIndex() != 0)
      blocks.counts.push_back(size);
  }
  return blocks;
}

RankedTensorType rheobase::getBlockType(RankedTensorType type, int64_t dim) {
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = ShapedType::kDynamic;
  return RankedTensorType::get(shape, type.getElementType());
}

FailureOr<SampleBlocks>
rheobase::findSampleBlocks(TimeLoopOp loop, std::string &reason) {
  return SampleAnalysis(loop, reason).run();
}
