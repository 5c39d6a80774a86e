//===- TensorOps.cpp - Executes the tensor dialect --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace rheobase::reference {

/// Values of a list of operands.
static FailureOr<SmallVector<int64_t>> getIntegers(Machine &machine,
                                                   Operation *op,
                                                   ValueRange values) {
  SmallVector<int64_t> integers;
  for (Value value : values) {
    FailureOr<int64_t> integer = machine.getInteger(op, value);
    if (failed(integer))
      return failure();
    integers.push_back(*integer);
  }
  return integers;
}

/// Values of a list that is partly static.
static FailureOr<SmallVector<int64_t>>
getMixed(Machine &machine, Operation *op, ArrayRef<OpFoldResult> mixed) {
  SmallVector<int64_t> integers;
  for (OpFoldResult value : mixed) {
    if (auto attr = dyn_cast<Attribute>(value)) {
      integers.push_back(cast<IntegerAttr>(attr).getInt());
      continue;
    }
    FailureOr<int64_t> integer = machine.getInteger(op, cast<Value>(value));
    if (failed(integer))
      return failure();
    integers.push_back(*integer);
  }
  return integers;
}

static LogicalResult empty(Machine &machine, tensor::EmptyOp op) {
  FailureOr<SmallVector<int64_t>> sizes =
      getIntegers(machine, op, op.getDynamicSizes());
  if (failed(sizes))
    return failure();
  FailureOr<Tensor> tensor =
      makeTensor(op, kindOf(op), fillShape(op.getType(), *sizes));
  if (failed(tensor))
    return failure();
  machine.set(op, std::move(*tensor));
  return success();
}

static LogicalResult splat(Machine &machine, tensor::SplatOp op) {
  FailureOr<SmallVector<int64_t>> sizes =
      getIntegers(machine, op, op.getDynamicSizes());
  if (failed(sizes))
    return failure();
  FailureOr<Tensor> tensor = makeTensor(
      op, kindOf(op), fillShape(op.getAggregate().getType(), *sizes));
  if (failed(tensor))
    return failure();
  Scalar value = machine.get(op.getInput())[0];
  for (Scalar &element : tensor->elements)
    element = value;
  machine.set(op, std::move(*tensor));
  return success();
}

static LogicalResult fill(Machine &machine, linalg::FillOp op) {
  if (op->getNumResults() != 1)
    return op.emitError("the reference interpreter fills tensors only");
  Tensor tensor = machine.get(op.getOutputs().front());
  Scalar value = machine.get(op.getInputs().front())[0];
  for (Scalar &element : tensor.elements)
    element = value;
  machine.set(op->getResult(0), std::move(tensor));
  return success();
}

static LogicalResult dim(Machine &machine, tensor::DimOp op) {
  FailureOr<int64_t> index = machine.getInteger(op, op.getIndex());
  if (failed(index))
    return failure();
  const Tensor &source = machine.get(op.getSource());
  if (*index < 0 || *index >= source.rank())
    return op.emitOpError("expected a dimension below ")
           << source.rank() << ", got " << *index;
  machine.set(op, Tensor::index(source.shape[size_t(*index)]));
  return success();
}

static LogicalResult rank(Machine &machine, tensor::RankOp op) {
  machine.set(op, Tensor::index(machine.get(op.getTensor()).rank()));
  return success();
}

static LogicalResult cast(Machine &machine, tensor::CastOp op) {
  machine.set(op, machine.get(op.getSource()));
  return success();
}

static LogicalResult fromElements(Machine &machine,
                                  tensor::FromElementsOp op) {
  Tensor tensor(kindOf(op), op.getType().getShape());
  for (auto [element, value] : llvm::zip(tensor.elements, op.getElements()))
    element = machine.get(value)[0];
  machine.set(op, std::move(tensor));
  return success();
}

/// The row-major index of an element; fails after an error if it is outside.
static FailureOr<int64_t> getElement(Machine &machine, Operation *op,
                                     const Tensor &tensor,
                                     ValueRange indices) {
  FailureOr<SmallVector<int64_t>> index = getIntegers(machine, op, indices);
  if (failed(index))
    return failure();
  for (auto [i, extent] : llvm::zip(*index, tensor.shape))
    if (i < 0 || i >= extent)
      return op->emitOpError("expected an index below ")
             << extent << ", got " << i;
  return linearize(tensor.shape, *index);
}

static LogicalResult extract(Machine &machine, tensor::ExtractOp op) {
  const Tensor &tensor = machine.get(op.getTensor());
  FailureOr<int64_t> i = getElement(machine, op, tensor, op.getIndices());
  if (failed(i))
    return failure();
  machine.set(op, Tensor::scalar(tensor.kind, tensor[*i]));
  return success();
}

static LogicalResult insert(Machine &machine, tensor::InsertOp op) {
  Tensor tensor = machine.get(op.getDest());
  FailureOr<int64_t> i = getElement(machine, op, tensor, op.getIndices());
  if (failed(i))
    return failure();
  tensor[*i] = machine.get(op.getScalar())[0];
  machine.set(op, std::move(tensor));
  return success();
}

/// For each element of a slice of extents `sizes`, the row-major index in
/// `shape`; fails after an error if the slice is not inside.
static FailureOr<std::vector<int64_t>>
sliceIndices(Operation *op, ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets,
             ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  for (auto [d, extent] : llvm::enumerate(shape)) {
    int64_t last = offsets[d] + (sizes[d] - 1) * strides[d];
    bool empty = sizes[d] == 0 && offsets[d] >= 0 && offsets[d] <= extent;
    bool inside = sizes[d] > 0 && offsets[d] >= 0 && offsets[d] < extent &&
                  last >= 0 && last < extent;
    if (!empty && !inside)
      return op->emitOpError("a slice from ")
             << offsets[d] << " of " << sizes[d] << " elements with stride "
             << strides[d] << " is not inside dimension " << d << " of extent "
             << extent;
  }
  std::vector<int64_t> indices;
  forEachIndex(sizes, [&](int64_t, ArrayRef<int64_t> index) {
    SmallVector<int64_t> source;
    for (auto [i, offset, stride] : llvm::zip(index, offsets, strides))
      source.push_back(offset + i * stride);
    indices.push_back(linearize(shape, source));
  });
  return indices;
}

template <typename OpTy>
static FailureOr<std::vector<int64_t>>
getSlice(Machine &machine, OpTy op, ArrayRef<int64_t> shape,
         SmallVector<int64_t> &sizes) {
  FailureOr<SmallVector<int64_t>> offsets =
      getMixed(machine, op, op.getMixedOffsets());
  FailureOr<SmallVector<int64_t>> extents =
      getMixed(machine, op, op.getMixedSizes());
  FailureOr<SmallVector<int64_t>> strides =
      getMixed(machine, op, op.getMixedStrides());
  if (failed(offsets) || failed(extents) || failed(strides))
    return failure();
  sizes = *extents;
  return sliceIndices(op, shape, *offsets, sizes, *strides);
}

static LogicalResult extractSlice(Machine &machine, tensor::ExtractSliceOp op) {
  const Tensor &source = machine.get(op.getSource());
  SmallVector<int64_t> sizes;
  FailureOr<std::vector<int64_t>> indices =
      getSlice(machine, op, source.shape, sizes);
  if (failed(indices))
    return failure();
  SmallVector<int64_t> shape;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [d, size] : llvm::enumerate(sizes))
    if (!dropped.test(d))
      shape.push_back(size);
  Tensor slice(source.kind, shape);
  for (int64_t i = 0; i < slice.size(); ++i)
    slice[i] = source[(*indices)[size_t(i)]];
  machine.set(op, std::move(slice));
  return success();
}

static LogicalResult insertSlice(Machine &machine, tensor::InsertSliceOp op) {
  const Tensor &source = machine.get(op.getSource());
  Tensor result = machine.get(op.getDest());
  SmallVector<int64_t> sizes;
  FailureOr<std::vector<int64_t>> indices =
      getSlice(machine, op, result.shape, sizes);
  if (failed(indices))
    return failure();
  if (source.size() != int64_t(indices->size()))
    return shapeError(op, "source", sizes, source.shape);
  for (int64_t i = 0; i < source.size(); ++i)
    result[(*indices)[size_t(i)]] = source[i];
  machine.set(op, std::move(result));
  return success();
}

/// The same elements with another shape.
static LogicalResult setReshaped(Machine &machine, Operation *op,
                                 Tensor tensor, ArrayRef<int64_t> shape) {
  if (countElements(shape) != tensor.size())
    return shapeError(op, "elements do not match", shape, tensor.shape);
  tensor.shape.assign(shape.begin(), shape.end());
  machine.set(op->getResult(0), std::move(tensor));
  return success();
}

static LogicalResult expandShape(Machine &machine, tensor::ExpandShapeOp op) {
  FailureOr<SmallVector<int64_t>> shape =
      getMixed(machine, op, op.getMixedOutputShape());
  if (failed(shape))
    return failure();
  return setReshaped(machine, op, machine.get(op.getSrc()), *shape);
}

static LogicalResult collapseShape(Machine &machine,
                                   tensor::CollapseShapeOp op) {
  const Tensor &source = machine.get(op.getSrc());
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    int64_t extent = 1;
    for (int64_t d : group)
      extent *= source.shape[size_t(d)];
    shape.push_back(extent);
  }
  return setReshaped(machine, op, source, shape);
}

static LogicalResult reshape(Machine &machine, tensor::ReshapeOp op) {
  const Tensor &extents = machine.get(op.getShape());
  SmallVector<int64_t> shape;
  for (int64_t i = 0; i < extents.size(); ++i)
    shape.push_back(extents[i].asInteger(extents.kind));
  return setReshaped(machine, op, machine.get(op.getSource()), shape);
}

static LogicalResult concat(Machine &machine, tensor::ConcatOp op) {
  size_t d = size_t(op.getDim());
  SmallVector<int64_t> shape = machine.get(op.getInputs().front()).shape;
  shape[d] = 0;
  for (Value input : op.getInputs())
    shape[d] += machine.get(input).shape[d];
  FailureOr<Tensor> result = makeTensor(op, kindOf(op), shape);
  if (failed(result))
    return failure();
  SmallVector<int64_t> offsets(shape.size(), 0), strides(shape.size(), 1);
  for (Value input : op.getInputs()) {
    const Tensor &piece = machine.get(input);
    FailureOr<std::vector<int64_t>> indices =
        sliceIndices(op, shape, offsets, piece.shape, strides);
    if (failed(indices))
      return failure();
    for (int64_t i = 0; i < piece.size(); ++i)
      (*result)[(*indices)[size_t(i)]] = piece[i];
    offsets[d] += piece.shape[d];
  }
  machine.set(op, std::move(*result));
  return success();
}

void addTensorOps(Handlers &handlers) {
  handlers.add(empty);
  handlers.add(splat);
  handlers.add(fill);
  handlers.add(dim);
  handlers.add(rank);
  handlers.add(cast);
  handlers.add(fromElements);
  handlers.add(extract);
  handlers.add(insert);
  handlers.add(extractSlice);
  handlers.add(insertSlice);
  handlers.add(expandShape);
  handlers.add(collapseShape);
  handlers.add(reshape);
  handlers.add(concat);
}

} // namespace rheobase::reference
