//===- SpikingAttrs.cpp - Attributes of the dialect -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "Shapes.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace rheobase::spiking;

llvm::raw_ostream &rheobase::spiking::operator<<(llvm::raw_ostream &os,
                                                 const Real &real) {
  if (!std::isfinite(static_cast<double>(real)))
    return os << static_cast<double>(real);
  // The fewest digits that give the number back; 17 always do.
  llvm::APFloat number(static_cast<double>(real));
  llvm::SmallString<32> text;
  for (unsigned digits = 1; digits <= 17; ++digits) {
    text.clear();
    number.toString(text, digits);
    if (llvm::APFloat(llvm::APFloat::IEEEdouble(), text).bitwiseIsEqual(number))
      break;
  }
  // MLIR's lexer wants a point before the exponent.
  size_t exponent = text.find_first_of("eE");
  StringRef mantissa = text.str().take_front(exponent);
  os << mantissa;
  if (!mantissa.contains('.'))
    os << ".0";
  if (exponent != StringRef::npos)
    os << text.str().drop_front(exponent);
  return os;
}

#include "rheobase/Dialect/Spiking/IR/SpikingEnums.cpp.inc"
#include "rheobase/Dialect/Spiking/Interfaces/SurrogateInterface.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "rheobase/Dialect/Spiking/IR/SpikingAttrs.cpp.inc"

void SpikingDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "rheobase/Dialect/Spiking/IR/SpikingAttrs.cpp.inc"
      >();
}

LogicalResult
InitializerAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        InitKind kind, int64_t fanIn, int64_t fanOut, Real gain,
                        Real value, Real low, Real high, Real mean, Real std) {
  bool kaiming =
      kind == InitKind::KaimingUniform || kind == InitKind::KaimingNormal;
  bool xavier =
      kind == InitKind::XavierUniform || kind == InitKind::XavierNormal;
  if ((kaiming || xavier) && fanIn <= 0)
    return emitError() << stringifyInitKind(kind)
                       << " needs a positive fan_in, got " << fanIn
                       << " (init_c1)";
  if (xavier && fanOut <= 0)
    return emitError() << stringifyInitKind(kind)
                       << " needs a positive fan_out, got " << fanOut
                       << " (init_c1)";
  if (kind == InitKind::Uniform && !(low <= high))
    return emitError() << "uniform needs low <= high, got low = "
                       << formatNumber(low)
                       << " and high = " << formatNumber(high) << " (init_c2)";
  if (kind == InitKind::Normal && !(std >= 0))
    return emitError() << "normal needs a non-negative std, got "
                       << formatNumber(std) << " (init_c3)";
  return success();
}

LogicalResult
SGDOptimizerAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                         Real learningRate, Real momentum, Real weightDecay,
                         bool nesterov) {
  if (!(learningRate >= 0) || !(momentum >= 0) || !(weightDecay >= 0))
    return emitError() << "learning_rate, momentum and weight_decay must not "
                          "be negative (sgd_optimizer_c1)";
  if (nesterov && !(momentum > 0))
    return emitError() << "nesterov needs momentum (sgd_optimizer_c1)";
  return success();
}

LogicalResult
AdamOptimizerAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                          Real learningRate, Real beta1, Real beta2,
                          Real epsilon, Real weightDecay, bool decoupled) {
  if (!(learningRate >= 0) || !(epsilon >= 0) || !(weightDecay >= 0))
    return emitError() << "learning_rate, epsilon and weight_decay must not be "
                          "negative (adam_optimizer_c1)";
  for (double beta : {beta1, beta2})
    if (!(beta >= 0 && beta < 1))
      return emitError() << "beta1 and beta2 must be at least 0 and less than "
                            "1, got "
                         << formatNumber(beta) << " (adam_optimizer_c1)";
  return success();
}

LogicalResult
TrainingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                     FlatSymbolRefAttr loss, Attribute optimizer,
                     int64_t timeSteps, int64_t truncate, Real clipNorm) {
  if (!isa<SGDOptimizerAttr, AdamOptimizerAttr>(optimizer))
    return emitError() << "expected an optimizer (#spiking.sgd_optimizer or "
                          "#spiking.adam_optimizer), got "
                       << optimizer << " (training_c1)";
  if (timeSteps < 1)
    return emitError() << "time_steps must be at least 1, got " << timeSteps
                       << " (training_c2)";
  if (truncate < 0)
    return emitError() << "truncate must not be negative, got " << truncate
                       << " (training_c2)";
  if (!(clipNorm >= 0))
    return emitError() << "clip_norm must not be negative, got "
                       << formatNumber(clipNorm) << " (training_c2)";
  return success();
}

LogicalResult SquarewaveFourierSurrogateAttr::verify(
    function_ref<InFlightDiagnostic()> emitError, int64_t n, Real period) {
  if (n < 2)
    return emitError() << "n must be at least 2, got " << n
                       << " (squarewave_fourier_c1)";
  if (!(period > 0))
    return emitError() << "period must be positive, got "
                       << formatNumber(period) << " (squarewave_fourier_c1)";
  return success();
}
