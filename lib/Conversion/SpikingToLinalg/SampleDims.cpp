//===- SampleDims.cpp - Where tensors have their samples ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleDims.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

SampleDims::SampleDims(Block &block) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation &op : block)
      changed |= visit(&op);
  }
  // Who takes a value with samples for something else is not supported.
  for (Operation &op : block)
    if (!isKnown(&op))
      unsupported.insert(&op);
  // What an operation reads and writes has the same samples, and steps.
  for (auto &[op, values] : roles) {
    if (unsupported.contains(op))
      continue;
    Value sequence = getSequence(op);
    for (Value value : values) {
      classes.unionSets(values.front().getAsOpaquePointer(),
                        value.getAsOpaquePointer());
      if (isSequence(value))
        lengths.unionSets(sequence.getAsOpaquePointer(),
                          value.getAsOpaquePointer());
    }
  }
}

Value SampleDims::getSequence(Operation *op) const {
  SmallVector<Value> values = roles.lookup(op);
  auto it =
      llvm::find_if(values, [&](Value value) { return isSequence(value); });
  return it == values.end() ? Value() : *it;
}

bool SampleDims::set(Operation *op, Value value, int64_t dim) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || dim < 0 || dim >= type.getRank()) {
    unsupported.insert(op);
    return false;
  }
  auto [it, isNew] = dims.try_emplace(value, dim);
  if (it->second != dim)
    unsupported.insert(op);
  return isNew;
}

bool SampleDims::align(Operation *op,
                       ArrayRef<std::pair<Value, int64_t>> values) {
  std::optional<int64_t> base;
  for (auto [value, offset] : values)
    if (auto dim = get(value); dim && !base)
      base = *dim - offset;
  if (!base)
    return false;
  bool changed = false;
  for (auto [value, offset] : values)
    changed |= set(op, value, *base + offset);
  changed |= roles[op].empty();
  roles[op].clear();
  for (auto [value, offset] : values)
    roles[op].push_back(value);
  return changed;
}

bool SampleDims::visitScan(ScanOp scan) {
  int64_t rank = scan.getSpace().size();
  bool timed = !scan.isStep();
  if (rank == 0 || !scan.hasPureTensorSemantics())
    return false;
  // Dimensions are those of the space at the end, so where a value has its
  // samples follows from its rank.
  auto offsetOf = [&](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank() - rank;
  };
  std::optional<int64_t> sampleDim;
  if (timed)
    sampleDim = 0;
  for (ValueRange range :
       {ValueRange(scan->getOperands()), ValueRange(scan->getResults())})
    for (Value value : range)
      if (auto dim = get(value); dim && !sampleDim)
        sampleDim = *dim - offsetOf(value);
  if (!sampleDim)
    return false;
  SmallVector<std::pair<Value, int64_t>> values;
  // What has no dimension of samples, or one of size 1, is the same for all.
  auto add = [&](ValueRange range, int64_t firstDim) {
    bool all = true;
    for (Value value : range) {
      int64_t dim = *sampleDim + offsetOf(value);
      bool hasSamples =
          dim >= firstDim && dim < rank + offsetOf(value) &&
          cast<RankedTensorType>(value.getType()).getDimSize(dim) != 1;
      if (hasSamples)
        values.push_back({value, offsetOf(value)});
      all &= hasSamples;
    }
    return all;
  };
  if (!add(scan.getOuts(), timed) || !add(scan.getOutResults(), timed) ||
      !add(scan.getStates(), 0) || !add(scan.getStateResults(), 0) ||
      !add(scan.getReplayed(), 0) || !add(scan.getAccumulators(), 0) ||
      !add(scan.getAccumulatorResults(), 0) || values.empty())
    return false;
  add(scan.getIns(), timed);
  add(scan.getParams(), 0);
  bool changed = false;
  if (timed)
    changed |= set(scan, values.front().first, values.front().second);
  return changed | align(scan, values);
}

bool SampleDims::visitGeneric(linalg::GenericOp generic) {
  std::optional<unsigned> loop;
  for (OpOperand &operand : generic->getOpOperands()) {
    auto dim = get(operand.get());
    if (!dim)
      continue;
    auto expr = dyn_cast<AffineDimExpr>(
        generic.getMatchingIndexingMap(&operand).getResult(*dim));
    if (!expr || (loop && *loop != expr.getPosition())) {
      unsupported.insert(generic);
      return false;
    }
    loop = expr.getPosition();
  }
  if (!loop)
    return false;
  bool valid =
      generic.getIteratorTypesArray()[*loop] == utils::IteratorType::parallel;
  generic.getBlock()->walk(
      [&](linalg::IndexOp index) { valid &= index.getDim() != *loop; });
  SmallVector<std::pair<Value, int64_t>> values;
  for (OpOperand &operand : generic->getOpOperands())
    for (auto [dim, expr] : llvm::enumerate(
             generic.getMatchingIndexingMap(&operand).getResults())) {
      if (!expr.isFunctionOfDim(*loop))
        continue;
      valid &= isa<AffineDimExpr>(expr);
      values.push_back({operand.get(), dim});
      if (generic.isDpsInit(&operand))
        values.push_back({generic.getTiedOpResult(&operand), dim});
    }
  if (!valid) {
    unsupported.insert(generic);
    return false;
  }
  return align(generic, values);
}

bool SampleDims::visit(Operation *op) {
  if (unsupported.contains(op))
    return false;
  if (auto scan = dyn_cast<ScanOp>(op))
    return visitScan(scan);
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return visitGeneric(generic);
  if (isa<LinearOp, ConvOp, ConvInputGradientOp>(op)) {
    Value input = op->getOperand(0), output = op->getResult(0);
    auto type = cast<RankedTensorType>(input.getType());
    auto weight = cast<RankedTensorType>(op->getOperand(1).getType());
    int64_t own = isa<LinearOp>(op) ? 1 : weight.getRank() - 1;
    bool changed = align(op, {{input, 0}, {output, 0}});
    if (auto dim = get(input); dim && *dim >= type.getRank() - own)
      unsupported.insert(op);
    return changed;
  }
  if (isa<AvgPoolOp, SumPoolOp, MaxPoolOp, FlattenOp, UnflattenOp,
          SumPoolGradientOp, MaxPoolGradientOp>(op)) {
    SmallVector<std::pair<Value, int64_t>> values{{op->getResult(0), 0}};
    for (Value operand : op->getOperands())
      values.push_back({operand, 0});
    bool changed = align(op, values);
    for (auto [value, offset] : values)
      if (auto dim = get(value);
          dim && *dim >= cast<RankedTensorType>(value.getType()).getRank() - 1)
        unsupported.insert(op);
    return changed;
  }
  if (auto add = dyn_cast<AddOp>(op))
    return align(op, {{add->getOperand(0), 0},
                      {add->getOperand(1), 0},
                      {add->getResult(0), 0}});
  if (auto repeat = dyn_cast<RepeatOp>(op))
    return align(op, {{repeat.getInput(), 0}, {repeat.getOutput(), 1}});
  if (auto readout = dyn_cast<ReadoutOp>(op))
    return align(op, {{readout.getInput(), 1}, {readout.getOutput(), 0}});
  return false;
}

bool SampleDims::isKnown(Operation *op) const {
  auto it = roles.find(op);
  if (it == roles.end())
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return !dims.contains(operand) || llvm::is_contained(it->second, operand);
  });
}
