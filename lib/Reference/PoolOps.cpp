//===- PoolOps.cpp - Executes pools and their gradients -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

namespace {
/// The windows of a pool over a stack of images, each of `rows` x `columns`
/// positions that are `inner` elements apart.
struct Windows {
  int64_t outer = 1, rows, columns, inner = 1, outRows, outColumns;
  ArrayRef<int64_t> kernel, strides, padding;

  int64_t input(int64_t o, int64_t r, int64_t c, int64_t i) const {
    return ((o * rows + r) * columns + c) * inner + i;
  }
  int64_t output(int64_t o, int64_t r, int64_t c, int64_t i) const {
    return ((o * outRows + r) * outColumns + c) * inner + i;
  }
  /// The input element under tap (kr, kc) of a window; none on the padding.
  std::optional<int64_t> tap(int64_t o, int64_t r, int64_t c, int64_t i,
                             int64_t kr, int64_t kc) const {
    int64_t row = r * strides[0] - padding[0] + kr;
    int64_t column = c * strides[1] - padding[1] + kc;
    if (row < 0 || row >= rows || column < 0 || column >= columns)
      return std::nullopt;
    return input(o, row, column, i);
  }
  /// The window whose tap (kr, kc) is an input element; none if there is none.
  std::optional<int64_t> window(int64_t o, int64_t r, int64_t c, int64_t i,
                                int64_t kr, int64_t kc) const {
    int64_t row = r + padding[0] - kr, column = c + padding[1] - kc;
    if (row < 0 || column < 0 || row % strides[0] != 0 ||
        column % strides[1] != 0)
      return std::nullopt;
    row /= strides[0];
    column /= strides[1];
    if (row >= outRows || column >= outColumns)
      return std::nullopt;
    return output(o, row, column, i);
  }
  /// Calls `body(o, r, c, i)` for every input, or every window.
  template <typename Body> void forEachInput(Body body) const {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          for (int64_t i = 0; i < inner; ++i)
            body(o, r, c, i);
  }
  template <typename Body> void forEachWindow(Body body) const {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t r = 0; r < outRows; ++r)
        for (int64_t c = 0; c < outColumns; ++c)
          for (int64_t i = 0; i < inner; ++i)
            body(o, r, c, i);
  }
};
} // namespace

/// Fails after an error unless the two shapes fit.
template <typename OpTy>
static FailureOr<Windows> makeWindows(OpTy op, ArrayRef<int64_t> input,
                                      ArrayRef<int64_t> output) {
  if (input.size() < 3 || output.size() != input.size())
    return op.emitOpError("expected images");
  size_t d = input.size() - (op.getLayout() == Layout::ChannelsLast ? 3 : 2);
  Windows w;
  for (int64_t extent : input.take_front(d))
    w.outer *= extent;
  for (int64_t extent : input.drop_front(d + 2))
    w.inner *= extent;
  w.rows = input[d], w.columns = input[d + 1];
  w.outRows = output[d], w.outColumns = output[d + 1];
  w.kernel = op.getKernel();
  w.strides = op.getStrides() ? *op.getStrides() : w.kernel;
  w.padding = op.getPadding();
  auto extent = [&](int64_t in, unsigned i) {
    return (in + 2 * w.padding[i] - w.kernel[i]) / w.strides[i] + 1;
  };
  SmallVector<int64_t> expected(input);
  expected[d] = extent(w.rows, 0);
  expected[d + 1] = extent(w.columns, 1);
  if (output != ArrayRef(expected))
    return shapeError(op, "output", expected, output);
  return w;
}

/// The shape of a result with the leading dimensions of `like` and the last
/// three of the result's type.
static SmallVector<int64_t> imageShape(Value result, ArrayRef<int64_t> like) {
  SmallVector<int64_t> dynamic;
  for (auto [extent, known] :
       llvm::zip(like, cast<RankedTensorType>(result.getType()).getShape()))
    if (ShapedType::isDynamic(known))
      dynamic.push_back(extent);
  return fillShape(result.getType(), dynamic);
}

/// The sum of each window, divided by `divisor`.
template <typename OpTy>
static LogicalResult sumWindows(Machine &machine, OpTy op, bool isMean) {
  const Tensor &x = machine.get(op.getInput());
  FailureOr<Tensor> y = makeTensor(op, kindOf(op), imageShape(op, x.shape));
  if (failed(y))
    return failure();
  FailureOr<Windows> w = makeWindows(op, x.shape, y->shape);
  if (failed(w))
    return failure();
  Arithmetic a = machine.arithmetic(y->kind);
  w->forEachWindow([&](int64_t o, int64_t r, int64_t c, int64_t i) {
    Scalar sum = a.constant(0.0);
    for (int64_t kr = 0; kr < w->kernel[0]; ++kr)
      for (int64_t kc = 0; kc < w->kernel[1]; ++kc)
        if (std::optional<int64_t> element = w->tap(o, r, c, i, kr, kc))
          sum = a.add(sum, x[*element]);
    if (isMean)
      sum = a.div(sum, a.constant(double(w->kernel[0] * w->kernel[1])));
    (*y)[w->output(o, r, c, i)] = sum;
  });
  machine.set(op, std::move(*y));
  return success();
}

static LogicalResult avgPool(Machine &machine, AvgPoolOp op) {
  return sumWindows(machine, op, /*isMean=*/true);
}

static LogicalResult sumPool(Machine &machine, SumPoolOp op) {
  return sumWindows(machine, op, /*isMean=*/false);
}

/// The first maximum of a window; none if it has nothing but NaN and minus
/// infinity.
static std::optional<int64_t> findMaximum(const Windows &w, const Tensor &x,
                                          int64_t o, int64_t r, int64_t c,
                                          int64_t i) {
  std::optional<int64_t> winner;
  double best = -INFINITY;
  for (int64_t kr = 0; kr < w.kernel[0]; ++kr)
    for (int64_t kc = 0; kc < w.kernel[1]; ++kc)
      if (std::optional<int64_t> element = w.tap(o, r, c, i, kr, kc))
        if (x[*element].number > best) {
          best = x[*element].number;
          winner = element;
        }
  return winner;
}

static LogicalResult maxPool(Machine &machine, MaxPoolOp op) {
  const Tensor &x = machine.get(op.getInput());
  FailureOr<Tensor> y = makeTensor(op, kindOf(op), imageShape(op, x.shape));
  if (failed(y))
    return failure();
  FailureOr<Windows> w = makeWindows(op, x.shape, y->shape);
  if (failed(w))
    return failure();
  w->forEachWindow([&](int64_t o, int64_t r, int64_t c, int64_t i) {
    std::optional<int64_t> winner = findMaximum(*w, x, o, r, c, i);
    (*y)[w->output(o, r, c, i)] =
        winner ? x[*winner] : Scalar::ofNumber(-INFINITY);
  });
  machine.set(op, std::move(*y));
  return success();
}

static LogicalResult sumPoolGradient(Machine &machine, SumPoolGradientOp op) {
  const Tensor &g = machine.get(op.getGradient());
  FailureOr<Tensor> x = makeTensor(op, kindOf(op), imageShape(op, g.shape));
  if (failed(x))
    return failure();
  FailureOr<Windows> w = makeWindows(op, x->shape, g.shape);
  if (failed(w))
    return failure();
  Arithmetic a = machine.arithmetic(x->kind);
  w->forEachInput([&](int64_t o, int64_t r, int64_t c, int64_t i) {
    Scalar sum = a.constant(0.0);
    for (int64_t kr = 0; kr < w->kernel[0]; ++kr)
      for (int64_t kc = 0; kc < w->kernel[1]; ++kc)
        if (std::optional<int64_t> window = w->window(o, r, c, i, kr, kc))
          sum = a.add(sum, g[*window]);
    (*x)[w->input(o, r, c, i)] = sum;
  });
  machine.set(op, std::move(*x));
  return success();
}

static LogicalResult maxPoolGradient(Machine &machine, MaxPoolGradientOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &g = machine.get(op.getGradient());
  FailureOr<Windows> w = makeWindows(op, x.shape, g.shape);
  if (failed(w))
    return failure();
  // The first maximum of each window.
  std::vector<int64_t> winner(size_t(g.size()), -1);
  w->forEachWindow([&](int64_t o, int64_t r, int64_t c, int64_t i) {
    winner[size_t(w->output(o, r, c, i))] =
        findMaximum(*w, x, o, r, c, i).value_or(-1);
  });
  Tensor result(kindOf(op), x.shape);
  Arithmetic a = machine.arithmetic(result.kind);
  w->forEachInput([&](int64_t o, int64_t r, int64_t c, int64_t i) {
    int64_t element = w->input(o, r, c, i);
    Scalar sum = a.constant(0.0);
    for (int64_t kr = 0; kr < w->kernel[0]; ++kr)
      for (int64_t kc = 0; kc < w->kernel[1]; ++kc)
        if (std::optional<int64_t> window = w->window(o, r, c, i, kr, kc))
          if (winner[size_t(*window)] == element)
            sum = a.add(sum, g[*window]);
    result[element] = sum;
  });
  machine.set(op, std::move(result));
  return success();
}

void addPoolOps(Handlers &handlers) {
  handlers.add(avgPool);
  handlers.add(sumPool);
  handlers.add(maxPool);
  handlers.add(sumPoolGradient);
  handlers.add(maxPoolGradient);
}

} // namespace rheobase::reference
