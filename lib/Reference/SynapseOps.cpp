//===- SynapseOps.cpp - Executes synapses and changes of shape --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::reference {

//===----------------------------------------------------------------------===//
// Linear
//===----------------------------------------------------------------------===//

/// Number of rows of length `shape.back()`.
static int64_t countRows(ArrayRef<int64_t> shape) {
  int64_t rows = 1;
  for (int64_t extent : shape.drop_back())
    rows *= extent;
  return rows;
}

static LogicalResult linear(Machine &machine, LinearOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &w = machine.get(op.getWeight());
  const Tensor *bias = op.getBias() ? &machine.get(op.getBias()) : nullptr;
  if (x.shape.empty() || w.rank() != 2 || x.shape.back() != w.shape[0])
    return shapeError(op, "weight and last dimension of the input", w.shape,
                      x.shape);
  int64_t in = w.shape[0], out = w.shape[1], rows = countRows(x.shape);
  if (bias && bias->shape != SmallVector<int64_t>{out})
    return shapeError(op, "bias", {out}, bias->shape);
  SmallVector<int64_t> shape = x.shape;
  shape.back() = out;
  FailureOr<Tensor> y = makeTensor(op, kindOf(op), shape);
  if (failed(y))
    return failure();
  Arithmetic a = machine.arithmetic(y->kind);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t n = 0; n < out; ++n)
      (*y)[r * out + n] = bias ? (*bias)[n] : a.constant(0.0);
    // The weights of an input lie side by side: each output's chain still goes
    // with k ascending.
    for (int64_t k = 0; k < in; ++k)
      for (int64_t n = 0; n < out; ++n) {
        Scalar &sum = (*y)[r * out + n];
        sum = a.fma(x[r * in + k], w[k * out + n], sum);
      }
  }
  machine.set(op, std::move(*y));
  return success();
}

static LogicalResult linearWeightGradient(Machine &machine,
                                          LinearWeightGradientOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &g = machine.get(op.getGradient());
  if (x.shape.empty() || g.shape.empty() ||
      ArrayRef(x.shape).drop_back() != ArrayRef(g.shape).drop_back())
    return shapeError(op, "leading dimensions", x.shape, g.shape);
  int64_t in = x.shape.back(), out = g.shape.back(), rows = countRows(x.shape);
  FailureOr<Tensor> w = makeTensor(op, kindOf(op), {in, out});
  if (failed(w))
    return failure();
  Arithmetic a = machine.arithmetic(w->kind);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < in; ++k)
      for (int64_t n = 0; n < out; ++n) {
        Scalar &sum = (*w)[k * out + n];
        sum = a.fma(x[r * in + k], g[r * out + n], sum);
      }
  machine.set(op, std::move(*w));
  return success();
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

namespace {
/// A stack of images in either layout.
struct Images {
  int64_t count = 1, channels = 0, height = 0, width = 0;
  bool isChannelsLast;

  Images(ArrayRef<int64_t> shape, Layout layout)
      : isChannelsLast(layout == Layout::ChannelsLast) {
    for (int64_t extent : shape.drop_back(3))
      count *= extent;
    ArrayRef<int64_t> image = shape.take_back(3);
    channels = isChannelsLast ? image[2] : image[0];
    height = isChannelsLast ? image[0] : image[1];
    width = isChannelsLast ? image[1] : image[2];
  }
  int64_t at(int64_t i, int64_t c, int64_t h, int64_t w) const {
    return isChannelsLast ? ((i * height + h) * width + w) * channels + c
                          : ((i * channels + c) * height + h) * width + w;
  }
  bool holds(int64_t h, int64_t w) const {
    return h >= 0 && h < height && w >= 0 && w < width;
  }
};

/// The weights of a convolution, [out, in/groups, kh, kw] or [kh, kw, in/groups, out].
struct Filters {
  int64_t out, in, height, width;
  bool isChannelsLast;

  Filters(ArrayRef<int64_t> shape, Layout layout)
      : isChannelsLast(layout == Layout::ChannelsLast) {
    out = isChannelsLast ? shape[3] : shape[0];
    in = isChannelsLast ? shape[2] : shape[1];
    height = isChannelsLast ? shape[0] : shape[2];
    width = isChannelsLast ? shape[1] : shape[3];
  }
  int64_t at(int64_t o, int64_t c, int64_t h, int64_t w) const {
    return isChannelsLast ? ((h * width + w) * in + c) * out + o
                          : ((o * in + c) * height + h) * width + w;
  }
};

/// What the three convolutions share: the input image of shape `x`, the output
/// image of shape `y`, and the weights.
struct Convolution {
  Images x, y;
  Filters w;
  ArrayRef<int64_t> strides, padding, dilations;
  int64_t groups;

  /// The input's row and column that tap (kh, kw) of output (h, w) sees.
  int64_t row(int64_t h, int64_t kh) const {
    return h * strides[0] - padding[0] + kh * dilations[0];
  }
  int64_t column(int64_t w, int64_t kw) const {
    return w * strides[1] - padding[1] + kw * dilations[1];
  }
};
} // namespace

/// Fails after an error unless the three shapes fit together.
template <typename OpTy>
static FailureOr<Convolution> makeConvolution(OpTy op, ArrayRef<int64_t> x,
                                              ArrayRef<int64_t> y,
                                              ArrayRef<int64_t> w) {
  Layout layout = op.getLayout();
  if (x.size() < 3 || y.size() != x.size() || w.size() != 4)
    return op.emitOpError("expected images and four dimensions of weights");
  Convolution c{Images(x, layout), Images(y, layout), Filters(w, layout),
                op.getStrides(),   op.getPadding(),   op.getDilations(),
                int64_t(op.getGroups())};
  auto extent = [&](int64_t in, int64_t kernel, unsigned d) {
    return (in + 2 * c.padding[d] - c.dilations[d] * (kernel - 1) - 1) /
               c.strides[d] +
           1;
  };
  if (c.x.count != c.y.count || c.x.channels != c.w.in * c.groups ||
      c.y.channels != c.w.out || c.w.out % c.groups != 0 ||
      c.y.height != extent(c.x.height, c.w.height, 0) ||
      c.y.width != extent(c.x.width, c.w.width, 1))
    return op.emitOpError("input ")
           << describeShape(x) << ", weight " << describeShape(w)
           << " and output " << describeShape(y) << " do not fit";
  return c;
}

/// The shape of a result with the leading dimensions of `like` and the last
/// three of the result's type.
static SmallVector<int64_t> imageShape(Value result, ArrayRef<int64_t> like) {
  SmallVector<int64_t> shape(like.drop_back(std::min<size_t>(3, like.size())));
  llvm::append_range(
      shape, cast<RankedTensorType>(result.getType()).getShape().take_back(3));
  return shape;
}

static LogicalResult conv(Machine &machine, ConvOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &w = machine.get(op.getWeight());
  const Tensor *bias = op.getBias() ? &machine.get(op.getBias()) : nullptr;
  FailureOr<Tensor> y = makeTensor(op, kindOf(op), imageShape(op, x.shape));
  if (failed(y))
    return failure();
  FailureOr<Convolution> c = makeConvolution(op, x.shape, y->shape, w.shape);
  if (failed(c))
    return failure();
  if (bias && bias->size() != c->w.out)
    return shapeError(op, "bias", {c->w.out}, bias->shape);
  Arithmetic a = machine.arithmetic(y->kind);
  const Scalar zero = Scalar::ofNumber(0);
  int64_t outPerGroup = c->w.out / c->groups;
  for (int64_t i = 0; i < c->y.count; ++i)
    for (int64_t o = 0; o < c->w.out; ++o)
      for (int64_t h = 0; h < c->y.height; ++h)
        for (int64_t v = 0; v < c->y.width; ++v) {
          int64_t firstChannel = o / outPerGroup * c->w.in;
          Scalar sum = bias ? (*bias)[o] : a.constant(0.0);
          for (int64_t kh = 0; kh < c->w.height; ++kh)
            for (int64_t kw = 0; kw < c->w.width; ++kw) {
              int64_t row = c->row(h, kh), column = c->column(v, kw);
              bool holds = c->x.holds(row, column);
              for (int64_t k = 0; k < c->w.in; ++k)
                sum = a.fma(holds ? x[c->x.at(i, firstChannel + k, row, column)]
                                  : zero,
                            w[c->w.at(o, k, kh, kw)], sum);
            }
          (*y)[c->y.at(i, o, h, v)] = sum;
        }
  machine.set(op, std::move(*y));
  return success();
}

static LogicalResult convInputGradient(Machine &machine,
                                       ConvInputGradientOp op) {
  const Tensor &g = machine.get(op.getGradient());
  const Tensor &w = machine.get(op.getWeight());
  FailureOr<Tensor> x = makeTensor(op, kindOf(op), imageShape(op, g.shape));
  if (failed(x))
    return failure();
  FailureOr<Convolution> c = makeConvolution(op, x->shape, g.shape, w.shape);
  if (failed(c))
    return failure();
  Arithmetic a = machine.arithmetic(x->kind);
  const Scalar zero = Scalar::ofNumber(0);
  int64_t outPerGroup = c->w.out / c->groups;
  for (int64_t i = 0; i < c->x.count; ++i)
    for (int64_t k = 0; k < c->x.channels; ++k)
      for (int64_t h = 0; h < c->x.height; ++h)
        for (int64_t v = 0; v < c->x.width; ++v) {
          int64_t group = k / c->w.in;
          Scalar sum = a.constant(0.0);
          for (int64_t kh = 0; kh < c->w.height; ++kh)
            for (int64_t kw = 0; kw < c->w.width; ++kw) {
              // The output whose tap (kh, kw) is here: none between strides,
              // and 0 outside.
              int64_t row = h + c->padding[0] - kh * c->dilations[0];
              int64_t column = v + c->padding[1] - kw * c->dilations[1];
              if (row % c->strides[0] != 0 || column % c->strides[1] != 0)
                continue;
              row /= c->strides[0];
              column /= c->strides[1];
              bool holds = c->y.holds(row, column);
              for (int64_t o = 0; o < outPerGroup; ++o) {
                int64_t out = group * outPerGroup + o;
                sum = a.fma(holds ? g[c->y.at(i, out, row, column)] : zero,
                            w[c->w.at(out, k % c->w.in, kh, kw)], sum);
              }
            }
          (*x)[c->x.at(i, k, h, v)] = sum;
        }
  machine.set(op, std::move(*x));
  return success();
}

static LogicalResult convWeightGradient(Machine &machine,
                                        ConvWeightGradientOp op) {
  const Tensor &x = machine.get(op.getInput());
  const Tensor &g = machine.get(op.getGradient());
  Tensor w(kindOf(op), fillShape(op.getType(), {}));
  FailureOr<Convolution> c = makeConvolution(op, x.shape, g.shape, w.shape);
  if (failed(c))
    return failure();
  Arithmetic a = machine.arithmetic(w.kind);
  const Scalar zero = Scalar::ofNumber(0);
  int64_t outPerGroup = c->w.out / c->groups;
  for (int64_t o = 0; o < c->w.out; ++o)
    for (int64_t k = 0; k < c->w.in; ++k)
      for (int64_t kh = 0; kh < c->w.height; ++kh)
        for (int64_t kw = 0; kw < c->w.width; ++kw) {
          int64_t channel = o / outPerGroup * c->w.in + k;
          Scalar sum = a.constant(0.0);
          for (int64_t i = 0; i < c->y.count; ++i)
            for (int64_t h = 0; h < c->y.height; ++h)
              for (int64_t v = 0; v < c->y.width; ++v) {
                int64_t row = c->row(h, kh), column = c->column(v, kw);
                sum = a.fma(c->x.holds(row, column)
                                ? x[c->x.at(i, channel, row, column)]
                                : zero,
                            g[c->y.at(i, o, h, v)], sum);
              }
          w[c->w.at(o, k, kh, kw)] = sum;
        }
  machine.set(op, std::move(w));
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static LogicalResult flatten(Machine &machine, FlattenOp op) {
  Tensor tensor = machine.get(op.getInput());
  size_t kept = tensor.shape.size() - size_t(op.getDims());
  int64_t joined = 1;
  for (int64_t extent : ArrayRef(tensor.shape).drop_front(kept))
    joined *= extent;
  tensor.shape.resize(kept);
  tensor.shape.push_back(joined);
  machine.set(op, std::move(tensor));
  return success();
}

static LogicalResult unflatten(Machine &machine, UnflattenOp op) {
  Tensor tensor = machine.get(op.getInput());
  tensor.shape.pop_back();
  llvm::append_range(
      tensor.shape,
      cast<RankedTensorType>(op.getType()).getShape().take_back(op.getDims()));
  if (countElements(tensor.shape) != tensor.size())
    return shapeError(op, "elements do not match", tensor.shape,
                      machine.get(op.getInput()).shape);
  machine.set(op, std::move(tensor));
  return success();
}

static LogicalResult transpose(Machine &machine, TransposeOp op) {
  const Tensor &x = machine.get(op.getInput());
  ArrayRef<int64_t> permutation = op.getPermutation();
  size_t kept = x.shape.size() - permutation.size();
  SmallVector<int64_t> shape = x.shape;
  for (auto [d, source] : llvm::enumerate(permutation))
    shape[kept + d] = x.shape[kept + size_t(source)];
  Tensor y(x.kind, shape);
  forEachIndex(shape, [&](int64_t i, ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index);
    for (auto [d, source] : llvm::enumerate(permutation))
      from[kept + size_t(source)] = index[kept + d];
    y[i] = x[linearize(x.shape, from)];
  });
  machine.set(op, std::move(y));
  return success();
}

static LogicalResult broadcast(Machine &machine, BroadcastOp op) {
  SmallVector<int64_t> sizes;
  for (Value size : op.getSizes()) {
    FailureOr<int64_t> extent = machine.getInteger(op, size);
    if (failed(extent))
      return failure();
    sizes.push_back(*extent);
  }
  SmallVector<int64_t> shape = fillShape(op.getType(), sizes);
  if (failed(makeTensor(op, kindOf(op), shape)))
    return failure();
  FailureOr<Tensor> tensor = broadcastTo(op, machine.get(op.getInput()), shape);
  if (failed(tensor))
    return failure();
  machine.set(op, std::move(*tensor));
  return success();
}

static LogicalResult reduceSum(Machine &machine, ReduceSumOp op) {
  const Tensor &x = machine.get(op.getInput());
  // With extents of 1 in the places of the reduced dimensions, an input element
  // belongs to the output element that it would see by broadcasting.
  SmallVector<int64_t> kept = x.shape, shape;
  for (int64_t d : op.getDims())
    kept[size_t(d)] = 1;
  for (auto [d, extent] : llvm::enumerate(kept))
    if (op.getKeepDims() || !llvm::is_contained(op.getDims(), int64_t(d)))
      shape.push_back(extent);
  Tensor y(kindOf(op), shape);
  Arithmetic a = machine.arithmetic(y.kind);
  std::vector<int64_t> element = *broadcastIndices(kept, x.shape);
  for (int64_t i = 0; i < x.size(); ++i) {
    Scalar &sum = y[element[size_t(i)]];
    sum = a.add(sum, x[i]);
  }
  machine.set(op, std::move(y));
  return success();
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

static LogicalResult add(Machine &machine, AddOp op) {
  return applyElementwise(machine, op, [](const Lane &lane, ArrayRef<Scalar> x) {
    return lane.arithmetic.add(x[0], x[1]);
  });
}

static LogicalResult delay(Machine &machine, DelayOp op) {
  const Tensor &x = machine.get(op.getInput());
  Tensor y(x.kind, x.shape);
  int64_t steps = x.shape.front();
  for (int64_t t = 0; t < steps; ++t) {
    int64_t source = t - op.getSteps();
    if (source >= 0 && source < steps)
      setStep(y, t, getStep(x, source));
  }
  machine.set(op, std::move(y));
  return success();
}

static LogicalResult dropout(Machine &machine, DropoutOp op) {
  Tensor x = machine.get(op.getInput());
  if (op.getMode() == Mode::Inference) {
    machine.set(op, std::move(x));
    return success();
  }
  FailureOr<int64_t> seed = machine.getInteger(op, op.getSeed());
  if (failed(seed))
    return failure();
  int64_t step = 0;
  if (op.getStep()) {
    FailureOr<int64_t> given = machine.getInteger(op, op.getStep());
    if (failed(given))
      return failure();
    step = *given;
  }
  Arithmetic a = machine.arithmetic(x.kind);
  double p = op.getP().convertToDouble();
  Scalar factor = a.constant(1.0 / (1.0 - p));
  // The comparison is one of numbers of at least 32 bits.
  double bound = x.kind == ElementKind::F64 ? p : double(float(p));
  bool isFixed = op.getMaskTime() == MaskTime::Fixed;
  size_t sampleDim = op.getSequence() ? 1 : 0;
  forEachIndex(x.shape, [&](int64_t i, ArrayRef<int64_t> index) {
    int64_t sample = index.size() > sampleDim ? index[sampleDim] : 0;
    int64_t element =
        index.size() > sampleDim
            ? linearize(ArrayRef(x.shape).drop_front(sampleDim + 1),
                        index.drop_front(sampleDim + 1))
            : 0;
    int64_t t = isFixed ? 0 : op.getSequence() ? index[0] : step;
    bool dropped =
        uniformNumber(*seed, op.getId(), t, sample, element) < bound;
    x[i] = dropped ? a.constant(0.0) : a.mul(x[i], factor);
  });
  machine.set(op, std::move(x));
  return success();
}

//===----------------------------------------------------------------------===//
// Packed spikes
//===----------------------------------------------------------------------===//

static LogicalResult pack(Machine &machine, PackOp op) {
  const Tensor &spikes = machine.get(op.getSpikes());
  if (spikes.isRecorded())
    return op.emitOpError("has no derivative: differentiate before packing");
  int64_t channels = spikes.shape.back(), words = (channels + 31) / 32;
  SmallVector<int64_t> shape = spikes.shape;
  shape.back() = words;
  Tensor packed(ElementKind::I32, shape);
  for (int64_t i = 0; i < packed.size(); ++i) {
    uint32_t word = 0;
    for (int64_t bit = 0; bit < 32; ++bit) {
      int64_t channel = 32 * (i % words) + bit;
      if (channel < channels &&
          spikes[i / words * channels + channel].number != 0.0)
        word |= uint32_t(1) << bit;
    }
    packed[i] = Scalar::ofNumber(double(int32_t(word)));
  }
  machine.set(op, std::move(packed));
  return success();
}

static LogicalResult unpack(Machine &machine, UnpackOp op) {
  const Tensor &packed = machine.get(op.getWords());
  int64_t channels = cast<RankedTensorType>(op.getType()).getShape().back();
  int64_t words = packed.shape.back();
  SmallVector<int64_t> shape = packed.shape;
  shape.back() = channels;
  FailureOr<Tensor> spikes = makeTensor(op, ElementKind::I1, shape);
  if (failed(spikes))
    return failure();
  if ((channels + 31) / 32 != words)
    return shapeError(op, "words", {(channels + 31) / 32}, {words});
  for (int64_t i = 0; i < spikes->size(); ++i) {
    int64_t channel = i % channels;
    uint32_t word = uint32_t(
        int32_t(packed[i / channels * words + channel / 32].number));
    (*spikes)[i] = Scalar::ofNumber((word >> (channel % 32)) & 1);
  }
  machine.set(op, std::move(*spikes));
  return success();
}

void addSynapseOps(Handlers &handlers) {
  handlers.add(linear);
  handlers.add(linearWeightGradient);
  handlers.add(conv);
  handlers.add(convInputGradient);
  handlers.add(convWeightGradient);
  handlers.add(flatten);
  handlers.add(unflatten);
  handlers.add(transpose);
  handlers.add(broadcast);
  handlers.add(reduceSum);
  handlers.add(add);
  handlers.add(delay);
  handlers.add(dropout);
  handlers.add(pack);
  handlers.add(unpack);
}

} // namespace rheobase::reference
