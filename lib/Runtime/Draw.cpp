//===- Draw.cpp - Random tensors ------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Shares.h"
#include "rheobase/Runtime/Measure.h"
#include "rheobase/Support/Philox.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace rheobase;
using namespace rheobase::rt;

void rt::setElement(Tensor &tensor, int64_t i, double value) {
  switch (tensor.dtype()) {
  case RB_BOOL:
    tensor.data<uint8_t>()[i] = value != 0;
    break;
  case RB_I8:
    tensor.data<int8_t>()[i] = static_cast<int8_t>(value);
    break;
  case RB_I32:
    tensor.data<int32_t>()[i] = static_cast<int32_t>(value);
    break;
  case RB_I64:
    tensor.data<int64_t>()[i] = static_cast<int64_t>(value);
    break;
  case RB_F16:
    tensor.data<uint16_t>()[i] = floatToHalf(static_cast<float>(value));
    break;
  case RB_BF16:
    tensor.data<uint16_t>()[i] = floatToBfloat(static_cast<float>(value));
    break;
  case RB_F32:
    tensor.data<float>()[i] = static_cast<float>(value);
    break;
  default:
    tensor.data<double>()[i] = value;
    break;
  }
}

DrawOptions rt::getDrawOptions(const std::string &role,
                               const std::vector<int64_t> &dims) {
  DrawOptions options;
  if (role == "parameter" && dims.size() > 1) {
    int64_t fan = 1;
    for (size_t i = 0; i + 1 < dims.size(); ++i)
      fan *= std::max<int64_t>(dims[i], 1);
    options.scale = 1.0 / std::sqrt(static_cast<double>(fan));
  }
  options.magnitude =
      role == "optimizer" || role == "state" || role == "learning_rate";
  return options;
}

/// The words of counter `i` of the tensor's stream.
static std::array<uint32_t, 4> drawWords(const DrawOptions &options,
                                         int64_t i) {
  return philox4x32({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32),
                     options.index, 1},
                    {static_cast<uint32_t>(options.seed),
                     static_cast<uint32_t>(options.seed >> 32)});
}

/// Normal numbers, four of each counter (Box and Muller), in the precision of
/// F.
template <typename F>
static void drawNormals(const DrawOptions &options, Tensor &tensor,
                        int64_t first, int64_t end) {
  constexpr F pi = static_cast<F>(3.14159265358979323846);
  for (int64_t i = first; i < end;) {
    auto words = drawWords(options, i / 4);
    F normals[4];
    for (int pair : {0, 2}) {
      F radius = std::sqrt(F(-2) * std::log(F(1) - F(uniform01(words[pair]))));
      F angle = F(2) * pi * F(uniform01(words[pair + 1]));
      normals[pair] = radius * std::cos(angle);
      normals[pair + 1] = radius * std::sin(angle);
    }
    int64_t next = std::min(i / 4 * 4 + 4, end);
    for (; i < next; ++i) {
      double normal = options.scale * double(normals[i % 4]);
      setElement(tensor, i, options.magnitude ? std::abs(normal) : normal);
    }
  }
}

static void drawElements(const DrawOptions &options, Tensor &tensor,
                         int64_t first, int64_t end) {
  switch (tensor.dtype()) {
  case RB_F64:
    return drawNormals<double>(options, tensor, first, end);
  case RB_F16:
  case RB_BF16:
  case RB_F32:
    return drawNormals<float>(options, tensor, first, end);
  default:
    break;
  }
  for (int64_t i = first; i < end; ++i) {
    double uniform = uniform01(drawWords(options, i)[0]);
    double value = tensor.dtype() == RB_BOOL  ? uniform < options.spikeRate
                   : tensor.dtype() == RB_I8  ? std::floor(uniform * 4)
                   : tensor.dtype() == RB_I32 ? std::floor(uniform * 10)
                                              : 1 + std::floor(uniform * 100);
    setElement(tensor, i, value);
  }
}

void rt::drawTensor(const DrawOptions &options, Tensor &tensor) {
  forShares(tensor.numElements(), 1 << 14, [&](int64_t first, int64_t end) {
    drawElements(options, tensor, first, end);
  });
}
