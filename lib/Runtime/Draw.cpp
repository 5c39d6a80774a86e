//===- Draw.cpp - Random tensors ------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Shares.h"
#include "rheobase/Runtime/Measure.h"
#include "rheobase/Support/Philox.h"

#include <algorithm>
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

static void drawElements(const DrawOptions &options, Tensor &tensor,
                         int64_t first, int64_t end) {
  for (int64_t i = first; i < end; ++i) {
    auto words = philox4x32({static_cast<uint32_t>(i),
                             static_cast<uint32_t>(i >> 32), options.index, 1},
                            {static_cast<uint32_t>(options.seed),
                             static_cast<uint32_t>(options.seed >> 32)});
    double uniform = uniform01(words[0]);
    switch (tensor.dtype()) {
    case RB_BOOL:
      setElement(tensor, i, uniform < options.spikeRate);
      break;
    case RB_I8:
      setElement(tensor, i, std::floor(uniform * 4));
      break;
    case RB_I32:
      setElement(tensor, i, std::floor(uniform * 10));
      break;
    case RB_I64:
      setElement(tensor, i, 1 + std::floor(uniform * 100));
      break;
    default: { // normal (Box and Muller)
      double normal = options.scale * std::sqrt(-2 * std::log(1 - uniform)) *
                      std::cos(2 * M_PI * uniform01(words[1]));
      setElement(tensor, i, options.magnitude ? std::abs(normal) : normal);
    }
    }
  }
}

void rt::drawTensor(const DrawOptions &options, Tensor &tensor) {
  forShares(tensor.numElements(), 1 << 14, [&](int64_t first, int64_t end) {
    drawElements(options, tensor, first, end);
  });
}
