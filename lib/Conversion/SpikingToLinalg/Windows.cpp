//===- Windows.cpp - Gathering over sliding windows -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Windows.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace rheobase;

/// Phases whose shifts do not count padding of the output.
static SmallVector<WindowPhase> unpaddedPhases(const WindowAxis &axis) {
  SmallVector<WindowPhase> phases;
  int64_t stride = axis.stride, dilation = axis.dilation;
  for (int64_t first = 0; first < std::min(stride, axis.input); ++first) {
    WindowPhase phase{};
    phase.first = first;
    phase.stride = stride;
    phase.extent = llvm::divideCeil(axis.input - first, stride);
    phase.tapStep = stride / std::gcd(stride, dilation);
    phase.slope = phase.tapStep * dilation / stride;
    int64_t distance = first + axis.padding;
    while (phase.firstTap < phase.tapStep &&
           (distance - phase.firstTap * dilation) % stride != 0)
      ++phase.firstTap;
    if (phase.firstTap < phase.tapStep && phase.firstTap < axis.kernel) {
      phase.taps =
          llvm::divideCeil(axis.kernel - phase.firstTap, phase.tapStep);
      phase.shift = (distance - phase.firstTap * dilation) / stride;
    }
    phases.push_back(phase);
  }
  return phases;
}

static int64_t lowOf(const WindowAxis &axis) {
  int64_t low = 0;
  for (const WindowPhase &phase : unpaddedPhases(axis))
    if (phase.taps)
      low = std::max(low, (phase.taps - 1) * phase.slope - phase.shift);
  return low;
}

static int64_t highOf(const WindowAxis &axis) {
  int64_t high = 0;
  for (const WindowPhase &phase : unpaddedPhases(axis))
    if (phase.taps)
      high = std::max(high, phase.extent - 1 + phase.shift - (axis.output - 1));
  return high;
}

SmallVector<int64_t> Windows::getLow() const {
  return llvm::map_to_vector(axes, lowOf);
}

SmallVector<int64_t> Windows::getHigh() const {
  return llvm::map_to_vector(axes, highOf);
}

SmallVector<WindowPhase> Windows::getPhases(int64_t axis) const {
  SmallVector<WindowPhase> phases = unpaddedPhases(axes[axis]);
  int64_t low = lowOf(axes[axis]);
  for (WindowPhase &phase : phases)
    phase.shift += low;
  return phases;
}

Value rheobase::gatherByPhases(
    ImplicitLocOpBuilder &b, const Windows &windows, RankedTensorType type,
    ArrayRef<OpFoldResult> sizes, int64_t rowDim,
    function_ref<Value(ArrayRef<WindowPhase>, Value)> gather,
    bool overwritesSingle) {
  SmallVector<WindowPhase> rows = windows.getPhases(0);
  SmallVector<WindowPhase> columns = windows.getPhases(1);
  if (rows.size() == 1 && columns.size() == 1 && rows[0].stride == 1 &&
      columns[0].stride == 1) {
    bool single = rows[0].taps == 1 && columns[0].taps == 1;
    Value start = overwritesSingle && single ? emptyOf(b, type, sizes)
                                             : zeros(b, type, sizes);
    return gather({rows[0], columns[0]}, start);
  }
  Value result = emptyOf(b, type, sizes);
  for (const WindowPhase &row : rows)
    for (const WindowPhase &column : columns) {
      WindowPhase phase[] = {row, column};
      SmallVector<int64_t> shape(type.getShape());
      SmallVector<OpFoldResult> offsets(sizes.size(), b.getIndexAttr(0));
      SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
      SmallVector<OpFoldResult> extents(sizes);
      for (int i : {0, 1}) {
        shape[rowDim + i] = phase[i].extent;
        extents[rowDim + i] = b.getIndexAttr(phase[i].extent);
        offsets[rowDim + i] = b.getIndexAttr(phase[i].first);
        strides[rowDim + i] = b.getIndexAttr(phase[i].stride);
      }
      Value slice = tensor::ExtractSliceOp::create(b, type.clone(shape), result,
                                                   offsets, extents, strides);
      Value value = slice;
      if (!overwritesSingle || row.taps != 1 || column.taps != 1)
        value =
            linalg::FillOp::create(b, zeroOf(b, type.getElementType()), slice)
                .getResult(0);
      if (row.taps && column.taps)
        value = gather(phase, value);
      result = tensor::InsertSliceOp::create(b, value, result, offsets, extents,
                                             strides);
    }
  return result;
}

/// The given part of dimensions `dim` and `dim + 1` of `tensor`.
static Value sliced(ImplicitLocOpBuilder &b, Value tensor, int64_t dim,
                    ArrayRef<int64_t> first, ArrayRef<int64_t> extents,
                    ArrayRef<int64_t> steps) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> offsets(shape.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(shape.size(), b.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = sizesOf(b, tensor);
  for (int i : {0, 1}) {
    shape[dim + i] = extents[i];
    sizes[dim + i] = b.getIndexAttr(extents[i]);
    offsets[dim + i] = b.getIndexAttr(first[i]);
    strides[dim + i] = b.getIndexAttr(steps[i]);
  }
  if (shape == type.getShape())
    return tensor;
  return tensor::ExtractSliceOp::create(b, type.clone(shape), tensor, offsets,
                                        sizes, strides);
}

Value rheobase::slicedTaps(ImplicitLocOpBuilder &b, Value taps, int64_t dim,
                           ArrayRef<WindowPhase> phase) {
  return sliced(b, taps, dim, {phase[0].firstTap, phase[1].firstTap},
                {phase[0].taps, phase[1].taps},
                {phase[0].tapStep, phase[1].tapStep});
}

Value rheobase::slicedSources(ImplicitLocOpBuilder &b, Value output,
                              int64_t rowDim, ArrayRef<WindowPhase> phase) {
  return sliced(b, output, rowDim, {phase[0].shift, phase[1].shift},
                {phase[0].extent, phase[1].extent}, {1, 1});
}
