//===- TimeDistribution.cpp - Sequence forms of operations ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How the loop over time moves into operations that carry no membrane. Leading
// dimensions are batch dimensions, so most operations only get another one. And
// the inverse: how an operation on a sequence that has the same value at every
// step loses that dimension.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Sequences.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace rheobase::spiking;

using Values = FailureOr<SmallVector<Value>>;

namespace {
/// An operation on its way to the sequence form.
class Distribution {
public:
  Distribution(Operation *op, OpBuilder &builder, ValueRange operands,
               ArrayRef<bool> isSequence, Value steps)
      : op(op), builder(builder), operands(operands), isSequence(isSequence),
        steps(steps) {}

  /// Whether operand `i` changes over time.
  bool varies(unsigned i) const { return isSequence[i]; }
  bool anyVaries(ArrayRef<unsigned> numbers) const {
    return llvm::any_of(numbers, [&](unsigned i) { return varies(i); });
  }
  /// Whether an operand is computed from the step's index alone.
  bool hasStepIndex() const { return llvm::is_contained(operands, Value()); }

  /// Operand `i` as a sequence.
  Value getSequence(unsigned i) {
    return rheobase::spiking::getSequence(builder, op->getLoc(), operands[i],
                                          isSequence[i], steps);
  }
  /// The length of the sequences, as far as it is known.
  int64_t getSteps() const {
    for (auto [value, sequence] : llvm::zip(operands, isSequence))
      if (sequence && value)
        return cast<RankedTensorType>(value.getType()).getDimSize(0);
    return getStaticSteps(steps);
  }

  /// Builds the operation with the same attributes; operands `perStep` become
  /// sequences, as do all results but those of `invariantResults`. Fails if
  /// another operand changes over time.
  Values rebuild(ArrayRef<unsigned> perStep,
                 ArrayRef<unsigned> invariantResults = {},
                 ArrayRef<NamedAttribute> changed = {}) {
    for (unsigned i = 0, e = operands.size(); i < e; ++i)
      if (varies(i) && (!operands[i] || !llvm::is_contained(perStep, i)))
        return failure();
    SmallVector<Value> newOperands(operands);
    for (unsigned i : perStep)
      newOperands[i] = getSequence(i);
    return create(newOperands, invariantResults, changed);
  }
  /// The same, where all operands are per step.
  Values rebuildAll() {
    return rebuild(
        llvm::to_vector(llvm::seq<unsigned>(0, op->getNumOperands())));
  }

  Values create(ValueRange newOperands, ArrayRef<unsigned> invariantResults,
                ArrayRef<NamedAttribute> changed) {
    SmallVector<Type> types;
    for (auto [i, type] : llvm::enumerate(op->getResultTypes()))
      types.push_back(llvm::is_contained(invariantResults, i)
                          ? type
                          : getSequenceType(type, getSteps()));
    NamedAttrList attributes(op->getAttrs());
    for (NamedAttribute attribute : changed)
      attributes.set(attribute.getName(), attribute.getValue());
    OperationState state(op->getLoc(), op->getName(), newOperands, types,
                         attributes);
    return llvm::to_vector_of<Value>(builder.create(state)->getResults());
  }

  NamedAttribute isOnSequence() {
    return builder.getNamedAttr("sequence", builder.getBoolAttr(true));
  }

  Operation *op;
  OpBuilder &builder;
  ValueRange operands;
  ArrayRef<bool> isSequence;
  Value steps;
};
} // namespace

//===----------------------------------------------------------------------===//
// Operations that get another batch dimension
//===----------------------------------------------------------------------===//

#define DISTRIBUTE(Op, how)                                                    \
  Values Op::distributeOverTime(OpBuilder &builder, ValueRange operands,       \
                                ArrayRef<bool> isSequence, Value steps) {      \
    return Distribution(*this, builder, operands, isSequence, steps).how;      \
  }

DISTRIBUTE(AddOp, rebuildAll())
DISTRIBUTE(AvgPoolOp, rebuildAll())
DISTRIBUTE(SumPoolOp, rebuildAll())
DISTRIBUTE(MaxPoolOp, rebuildAll())
DISTRIBUTE(SumPoolGradientOp, rebuildAll())
DISTRIBUTE(MaxPoolGradientOp, rebuildAll())
DISTRIBUTE(FlattenOp, rebuildAll())
DISTRIBUTE(UnflattenOp, rebuildAll())
DISTRIBUTE(TransposeOp, rebuildAll())
// Weights and biases are the same at every step.
DISTRIBUTE(LinearOp, rebuild({0}))
DISTRIBUTE(ConvOp, rebuild({0}))
DISTRIBUTE(ConvInputGradientOp, rebuild({0}))
// Time is one more dimension that the products are summed over.
DISTRIBUTE(LinearWeightGradientOp, rebuild({0, 1}, /*invariantResults=*/{0}))
DISTRIBUTE(ConvWeightGradientOp, rebuild({0, 1}, /*invariantResults=*/{0}))

#undef DISTRIBUTE

SmallVector<unsigned> LinearWeightGradientOp::getSummedResults() { return {0}; }
SmallVector<unsigned> ConvWeightGradientOp::getSummedResults() { return {0}; }

/// The operation on one step: operands `perStep` become what they repeat, and
/// the results lose their leading dimension. Fails where one of them is not
/// repeated, or where time is among the last `inner` dimensions, which the
/// operation does not take for batch dimensions.
static Values hoist(Operation *op, OpBuilder &builder, ArrayRef<Value> repeated,
                    ArrayRef<unsigned> perStep, int64_t inner,
                    ArrayRef<NamedAttribute> changed = {}) {
  SmallVector<Value> operands(op->getOperands());
  for (unsigned i : perStep) {
    if (!repeated[i] ||
        cast<RankedTensorType>(repeated[i].getType()).getRank() < inner)
      return failure();
    operands[i] = repeated[i];
  }
  SmallVector<Type> types;
  for (Type type : op->getResultTypes())
    types.push_back(getStepType(type));
  NamedAttrList attributes(op->getAttrs());
  for (NamedAttribute attribute : changed)
    attributes.set(attribute.getName(), attribute.getValue());
  OperationState state(op->getLoc(), op->getName(), operands, types,
                       attributes);
  return llvm::to_vector_of<Value>(builder.create(state)->getResults());
}

#define HOIST(Op, perStep, inner)                                              \
  Values Op::hoistOutOfTime(OpBuilder &builder, ArrayRef<Value> repeated,      \
                            Value steps) {                                     \
    return hoist(*this, builder, repeated, perStep, inner);                    \
  }

static constexpr unsigned first[] = {0}, both[] = {0, 1};

HOIST(AddOp, both, 0)
HOIST(AvgPoolOp, first, 3)
HOIST(SumPoolOp, first, 3)
HOIST(MaxPoolOp, first, 3)
HOIST(SumPoolGradientOp, first, 3)
HOIST(MaxPoolGradientOp, both, 3)
HOIST(FlattenOp, first, getDims())
HOIST(UnflattenOp, first, 1)
HOIST(TransposeOp, first, int64_t(getPermutation().size()))
HOIST(LinearOp, first, 1)
HOIST(ConvOp, first, 3)
HOIST(ConvInputGradientOp, first, 3)

#undef HOIST

//===----------------------------------------------------------------------===//
// Batch normalization
//===----------------------------------------------------------------------===//

Values BatchNormOp::distributeOverTime(OpBuilder &builder, ValueRange operands,
                                       ArrayRef<bool> isSequence, Value steps) {
  Distribution distribution(*this, builder, operands, isSequence, steps);
  bool training = getMode() == Mode::Train;
  if (getSequence() || getTimes() ||
      (training && getStatistics() == Statistics::Merged))
    return failure();
  SmallVector<unsigned> invariant{1, 2};
  if (!training)
    invariant.append({3, 4});
  Values values =
      distribution.rebuild({0}, invariant, distribution.isOnSequence());
  if (succeeded(values) && !training)
    for (unsigned i : {3, 4})
      (*values)[i] = RepeatOp::create(
          builder, getLoc(),
          getSequenceType((*values)[i].getType(), distribution.getSteps()),
          (*values)[i], steps);
  return values;
}

Values BatchNormOp::hoistOutOfTime(OpBuilder &builder, ArrayRef<Value> repeated,
                                   Value steps) {
  if (!repeated[0] || getTimes() ||
      cast<RankedTensorType>(repeated[0].getType()).getRank() <
          -static_cast<int64_t>(getChannelDim()))
    return failure();
  // What is no sequence has time among the dimensions of its batch.
  Statistics statistics = getSequence() ? getStatistics() : Statistics::Merged;
  if (statistics == Statistics::Merged &&
      getOperation()->getParentOfType<TimeLoopOp>())
    return failure();
  auto norm = BatchNormOp::create(
      builder, getLoc(),
      TypeRange{repeated[0].getType(), getNewRunningMean().getType(),
                getNewRunningVariance().getType(), getGamma().getType(),
                getGamma().getType()},
      ValueRange{repeated[0], getGamma(), getBeta(), getRunningMean(),
                 getRunningVariance(), steps},
      (*this)->getAttrs());
  norm.setStatistics(statistics);
  norm.setSequence(false);
  return llvm::to_vector_of<Value>(norm->getResults());
}

SmallVector<std::pair<unsigned, unsigned>> BatchNormOp::getStatePairs() {
  // In training the output of a step does not depend on them; in inference they
  // stay as they are.
  if (getNewRunningMean().use_empty() && getNewRunningVariance().use_empty())
    return {};
  return {{3, 1}, {4, 2}};
}

Values BatchNormGradientOp::distributeOverTime(OpBuilder &builder,
                                               ValueRange operands,
                                               ArrayRef<bool> isSequence,
                                               Value steps) {
  Distribution distribution(*this, builder, operands, isSequence, steps);
  bool training = getMode() == Mode::Train;
  if (getSequence() || (training && getStatistics() == Statistics::Merged))
    return failure();
  // In training each step has statistics of its own.
  SmallVector<unsigned> perStep{0, 1};
  if (training)
    perStep.append({3, 4});
  return distribution.rebuild(perStep, /*invariantResults=*/{1, 2},
                              distribution.isOnSequence());
}

SmallVector<unsigned> BatchNormGradientOp::getSummedResults() { return {1, 2}; }

//===----------------------------------------------------------------------===//
// Random numbers
//===----------------------------------------------------------------------===//

Values DropoutOp::distributeOverTime(OpBuilder &builder, ValueRange operands,
                                     ArrayRef<bool> isSequence, Value steps) {
  Distribution distribution(*this, builder, operands, isSequence, steps);
  if (getSequence() || distribution.varies(1))
    return failure();
  // The only step that a sequence knows is the index of the loop; without a
  // step every step is step 0.
  if (getStep() && operands[2])
    return failure();
  MaskTime maskTime = getStep() ? getMaskTime() : MaskTime::Fixed;
  return distribution.create(
      {distribution.getSequence(0), operands[1]}, {},
      {distribution.isOnSequence(),
       builder.getNamedAttr("mask_time",
                            MaskTimeAttr::get(getContext(), maskTime))});
}

Values DropoutOp::hoistOutOfTime(OpBuilder &builder, ArrayRef<Value> repeated,
                                 Value steps) {
  // Without a step every step is step 0, as with a fixed mask.
  if (!getSequence() || getMaskTime() != MaskTime::Fixed)
    return failure();
  return hoist(*this, builder, repeated, first, 1,
               builder.getNamedAttr("sequence", builder.getBoolAttr(false)));
}

Values PoissonOp::distributeOverTime(OpBuilder &builder, ValueRange operands,
                                     ArrayRef<bool> isSequence, Value steps) {
  Distribution distribution(*this, builder, operands, isSequence, steps);
  if (!getStep() || distribution.anyVaries({0, 1}) || operands[2])
    return failure();
  Value spikes = PoissonOp::create(
      builder, getLoc(), getSequenceType(getType(), distribution.getSteps()),
      operands[0], operands[1], /*times=*/steps, /*step=*/Value(), getId());
  return SmallVector<Value>{spikes};
}

//===----------------------------------------------------------------------===//
// Reductions and broadcasts
//===----------------------------------------------------------------------===//

Values ReduceSumOp::distributeOverTime(OpBuilder &builder, ValueRange operands,
                                       ArrayRef<bool> isSequence, Value steps) {
  SmallVector<int64_t> dims;
  for (int64_t dim : getDims())
    dims.push_back(dim + 1);
  return Distribution(*this, builder, operands, isSequence, steps)
      .rebuild(
          {0}, {},
          builder.getNamedAttr("dims", builder.getDenseI64ArrayAttr(dims)));
}

Values ReduceSumOp::hoistOutOfTime(OpBuilder &builder, ArrayRef<Value> repeated,
                                   Value steps) {
  SmallVector<int64_t> dims;
  for (int64_t dim : getDims())
    dims.push_back(dim - 1);
  // A sum over the steps is another number than one step.
  if (llvm::is_contained(dims, -1))
    return failure();
  return hoist(
      *this, builder, repeated, first, 0,
      builder.getNamedAttr("dims", builder.getDenseI64ArrayAttr(dims)));
}

Values BroadcastOp::hoistOutOfTime(OpBuilder &builder, ArrayRef<Value> repeated,
                                   Value steps) {
  RankedTensorType type = getType();
  if (!repeated[0] || getInput().getType().getRank() != type.getRank() ||
      getInput().getType().getDimSize(0) != type.getDimSize(0))
    return failure();
  Value output =
      BroadcastOp::create(builder, getLoc(), getStepType(type), repeated[0],
                          getSizes().drop_front(type.isDynamicDim(0)));
  return SmallVector<Value>{output};
}

Values BroadcastOp::distributeOverTime(OpBuilder &builder, ValueRange operands,
                                       ArrayRef<bool> isSequence, Value steps) {
  Distribution distribution(*this, builder, operands, isSequence, steps);
  if (distribution.hasStepIndex() ||
      llvm::is_contained(isSequence.drop_front(), true))
    return failure();
  Value input = operands[0];
  int64_t missing = getType().getRank() - getInput().getType().getRank();
  if (isSequence[0] && missing > 0) {
    // [T, N] to [T, 1, ..., N]: time stays the first dimension.
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.insert(shape.begin() + 1, missing, 1);
    SmallVector<ReassociationIndices> reassociation(1);
    for (int64_t dim = 0; dim <= missing; ++dim)
      reassociation.front().push_back(dim);
    for (int64_t dim = missing + 1; dim <= getType().getRank(); ++dim)
      reassociation.push_back({dim});
    input = tensor::ExpandShapeOp::create(
        builder, getLoc(), RankedTensorType::get(shape, type.getElementType()),
        input, reassociation);
  }
  RankedTensorType type = getSequenceType(getType(), distribution.getSteps());
  SmallVector<Value> sizes(operands.drop_front());
  if (type.isDynamicDim(0))
    sizes.insert(sizes.begin(), steps);
  Value output = BroadcastOp::create(builder, getLoc(), type, input, sizes);
  return SmallVector<Value>{output};
}
