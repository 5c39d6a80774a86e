//===- SpikingSurrogates.td - Surrogate gradients ---------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One definition a surrogate, and nothing else: its parameters, its primal and
// its derivative. A formula is a C++ expression over `u`, the argument of the
// spike (membrane minus threshold), in the scalar algebra of ScalarAlgebra.h;
// parameters are doubles of the same names.
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_SPIKING_SURROGATES_TD
#define RHEOBASE_SPIKING_SURROGATES_TD

include "mlir/IR/AttrTypeBase.td"
include "rheobase/Dialect/Spiking/IR/SpikingEnums.td"
include "rheobase/Dialect/Spiking/Interfaces/SurrogateInterface.td"

class Spiking_Real<string desc> : AttrOrTypeParameter<"::rheobase::spiking::Real", desc>;
class Spiking_DefaultReal<string value, string desc>
    : DefaultValuedParameter<"::rheobase::spiking::Real", "::rheobase::spiking::Real(" # value # ")", desc>;

/// `source` names the framework or paper whose convention this is.
class Spiking_Surrogate<string cppName, string attrMnemonic, string source,
                        string primal, string derivative>
    : AttrDef<Spiking_Dialect, cppName # "Surrogate", [DeclareAttrInterfaceMethods<SurrogateAttrInterface>]> {
  let mnemonic = attrMnemonic;
  let summary = "Surrogate gradient of " # source;
  let description = "Primal: `" # primal # "`.\n\nDerivative: `" # derivative # "`.";
  /// Declarations of the parameters as doubles, for the two formulas.
  string bind = "";
  let extraClassDefinition = [{
    ::rheobase::spiking::Expr $cppClass::getPrimal(::rheobase::spiking::Expr u) const {
  }] # bind # "\n    return " # primal # ";\n  }\n" # [{
    ::rheobase::spiking::Expr $cppClass::getDerivative(::rheobase::spiking::Expr u) const {
  }] # bind # "\n    return " # derivative # ";\n  }\n";
}

class Spiking_SurrogateAlpha<string cppName, string attrMnemonic, string source, string default,
                             string primal, string derivative>
    : Spiking_Surrogate<cppName, attrMnemonic, source, primal, derivative> {
  let parameters = (ins Spiking_DefaultReal<default, "steepness">:$alpha);
  let bind = "[[maybe_unused]] const double alpha = getAlpha();";
  let assemblyFormat = "(`<` struct($alpha)^ `>`)?";
}

def Spiking_ATanSurrogateAttr : Spiking_SurrogateAlpha<"ATan", "atan",
    "SpikingJelly (ATan) and snnTorch (atan)", "2.0",
    "atan(M_PI / 2 * alpha * u) / M_PI + 0.5",
    "alpha / 2 / (1.0 + square(M_PI / 2 * alpha * u))">;

def Spiking_SigmoidSurrogateAttr : Spiking_SurrogateAlpha<"Sigmoid", "sigmoid",
    "SpikingJelly (Sigmoid), snnTorch (sigmoid; slope = alpha) and the temporal-fusion paper, equation 6", "4.0",
    "sigmoid(alpha * u)",
    "alpha * (sigmoid(alpha * u) * (1.0 - sigmoid(alpha * u)))">;

def Spiking_PiecewiseQuadraticSurrogateAttr : Spiking_SurrogateAlpha<"PiecewiseQuadratic", "piecewise_quadratic",
    "SpikingJelly (PiecewiseQuadratic)", "1.0",
    "selectLT(u, -1 / alpha, constant(0.0, u), selectGT(u, 1 / alpha, constant(1.0, u), "
    "0.5 + (alpha * u - (0.5 * alpha * alpha) * (u * abs(u)))))",
    "max(alpha - alpha * alpha * abs(u), 0.0)">;

def Spiking_PiecewiseExpSurrogateAttr : Spiking_SurrogateAlpha<"PiecewiseExp", "piecewise_exp",
    "SpikingJelly (PiecewiseExp)", "1.0",
    "selectLT(u, 0.0, 0.5 * exp(alpha * u), 1.0 - 0.5 * exp(-alpha * u))",
    "alpha / 2 * exp(-alpha * abs(u))">;

def Spiking_SoftSignSurrogateAttr : Spiking_SurrogateAlpha<"SoftSign", "soft_sign",
    "SpikingJelly (SoftSign)", "2.0",
    "0.5 * (u / (1 / alpha + abs(u)) + 1.0)",
    "1.0 / (2 * alpha * square(1 / alpha + abs(u)))">;

def Spiking_SuperSpikeSurrogateAttr : Spiking_Surrogate<"SuperSpike", "super_spike",
    "SpikingJelly (SuperSpike: height = alpha, slope = 1), snnTorch (fast_sigmoid), Norse (super: height = slope = 1) and Spyx (superspike)",
    "height / slope * ((slope * u) / (1.0 + slope * abs(u)))",
    "height / square(1.0 + slope * abs(u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"1.0", "derivative at the threshold">:$height,
    Spiking_DefaultReal<"1.0", "steepness">:$slope);
  let bind = "const double height = getHeight(), slope = getSlope();";
  let assemblyFormat = "(`<` struct($height, $slope)^ `>`)?";
}

def Spiking_ArctanSurrogateAttr : Spiking_Surrogate<"Arctan", "arctan",
    "Spyx (arctan): height 1/pi whatever the slope",
    "atan(M_PI * k * u) / (M_PI * M_PI * k) + 0.5",
    "1.0 / (M_PI * (1.0 + square(M_PI * k * u)))"> {
  let parameters = (ins Spiking_DefaultReal<"2.0", "steepness">:$k);
  let bind = "const double k = getK();";
  let assemblyFormat = "(`<` struct($k)^ `>`)?";
}

def Spiking_LogAbsSurrogateAttr : Spiking_SurrogateAlpha<"LogAbs", "log_abs",
    "SpikingJelly (NonzeroSignLogAbs)", "1.0",
    "selectLT(u, 0.0, -log(1.0 + alpha * abs(u)), log(1.0 + alpha * abs(u)))",
    "1.0 / (1 / alpha + abs(u))">;

def Spiking_ErfSurrogateAttr : Spiking_SurrogateAlpha<"Erf", "erf",
    "SpikingJelly (Erf)", "2.0",
    "0.5 + 0.5 * erf(alpha * u)",
    "alpha / std::sqrt(M_PI) * exp(-square(alpha * u))">;

def Spiking_GaussianSurrogateAttr : Spiking_Surrogate<"Gaussian", "gaussian",
    "Norse (heavi_erfc: height = 2/sqrt(pi), slope = alpha), and of users of snnTorch and Spyx",
    "height * std::sqrt(M_PI) / (2 * slope) * erf(slope * u) + 0.5",
    "height * exp(-square(slope * u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"1.0", "derivative at the threshold">:$height,
    Spiking_DefaultReal<"1.0", "inverse width">:$slope);
  let bind = "const double height = getHeight(), slope = getSlope();";
  let assemblyFormat = "(`<` struct($height, $slope)^ `>`)?";
}

def Spiking_PiecewiseLeakyReLUSurrogateAttr : Spiking_Surrogate<"PiecewiseLeakyReLU", "piecewise_leaky_relu",
    "SpikingJelly (PiecewiseLeakyReLU)",
    "selectLT(u, -width, leak * u + leak * width, selectGE(u, width, leak * u - leak * width + 1.0, u / (2 * width) + 0.5))",
    "selectLT(abs(u), width, constant(1 / (2 * width), u), constant(leak, u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"1.0", "half width of the steep part">:$width,
    Spiking_DefaultReal<"0.01", "derivative outside">:$leak);
  let bind = "const double width = getWidth(), leak = getLeak();";
  let assemblyFormat = "(`<` struct($width, $leak)^ `>`)?";
}

def Spiking_SquarewaveFourierSurrogateAttr : Spiking_Surrogate<"SquarewaveFourier", "squarewave_fourier",
    "SpikingJelly (SquarewaveFourierSeries): n - 1 terms of the Fourier series of a square wave",
    "fourier(u, [&](double w, Expr x) { return 4 / (period * w) * sin(w * x); }) + 0.5",
    "fourier(u, [&](double w, Expr x) { return 4 / period * cos(w * x); })"> {
  let description = "* `squarewave_fourier_c1`: `n` is at least 2, the period positive.";
  let parameters = (ins
    DefaultValuedParameter<"int64_t", "2", "terms plus one, at least 2">:$n,
    Spiking_DefaultReal<"8.0", "period of the wave">:$period);
  let bind = [{
    const double period = getPeriod();
    auto fourier = [&](Expr x, llvm::function_ref<Expr(double, Expr)> term) {
      Expr sum = term(2 * M_PI / period, x);
      for (int64_t i = 2; i < getN(); ++i)
        sum = sum + term((2.0 * i - 1) * 2 * M_PI / period, x);
      return sum;
    };
  }];
  let assemblyFormat = "(`<` struct($n, $period)^ `>`)?";
  let genVerifyDecl = 1;
}

def Spiking_S2NNSurrogateAttr : Spiking_Surrogate<"S2NN", "s2nn",
    "SpikingJelly (S2NN)",
    "selectLT(u, 0.0, sigmoid(alpha * u), beta * log(max(u + 1.0, 1.0)) + 0.5)",
    "selectLT(u, 0.0, alpha * (sigmoid(alpha * u) * (1.0 - sigmoid(alpha * u))), beta / max(u + 1.0, 1.0))"> {
  let parameters = (ins
    Spiking_DefaultReal<"4.0", "steepness below the threshold">:$alpha,
    Spiking_DefaultReal<"1.0", "height above the threshold">:$beta);
  let bind = "const double alpha = getAlpha(), beta = getBeta();";
  let assemblyFormat = "(`<` struct($alpha, $beta)^ `>`)?";
}

def Spiking_QPseudoSpikeSurrogateAttr : Spiking_SurrogateAlpha<"QPseudoSpike", "q_pseudo_spike",
    "SpikingJelly (QPseudoSpike)", "2.0",
    "selectLT(u, 0.0, 0.5 * pow(1.0 - 2 / (alpha - 1) * min(u, 0.0), 1 - alpha), "
    "1.0 - 0.5 * pow(1.0 + 2 / (alpha - 1) * max(u, 0.0), 1 - alpha))",
    "pow(1.0 + 2 / (alpha - 1) * abs(u), -alpha)">;

def Spiking_LeakyKReLUSurrogateAttr : Spiking_Surrogate<"LeakyKReLU", "leaky_k_relu",
    "SpikingJelly (LeakyKReLU)",
    "selectGE(u, 0.0, k * u, leak * u)",
    "selectGE(u, 0.0, constant(k, u), constant(leak, u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"0.0", "derivative below the threshold">:$leak,
    Spiking_DefaultReal<"1.0", "derivative from the threshold on">:$k);
  let bind = "const double leak = getLeak(), k = getK();";
  let assemblyFormat = "(`<` struct($leak, $k)^ `>`)?";
}

def Spiking_HeavisideSurrogateAttr : Spiking_Surrogate<"Heaviside", "heaviside",
    "snnTorch (heaviside, and SSO without variance)",
    "max(u, 0.0)",
    "selectGT(u, 0.0, constant(1.0, u), constant(0.0, u))"> {
  let parameters = (ins);
}

def Spiking_FakeNumericalGradientSurrogateAttr : Spiking_SurrogateAlpha<"FakeNumericalGradient", "fake_numerical_gradient",
    "SpikingJelly (FakeNumericalGradient)", "0.3",
    "selectLT(abs(u), 1 / alpha, alpha * u, selectLT(u, 0.0, -1.0 - log(max(alpha * abs(u), 1.0)), 1.0 + log(max(alpha * abs(u), 1.0))))",
    "min(1.0 / abs(u), alpha)">;

def Spiking_LogTailedReLUSurrogateAttr : Spiking_SurrogateAlpha<"LogTailedReLU", "log_tailed_relu",
    "SpikingJelly (LogTailedReLU)", "0.0",
    "selectLE(u, 0.0, alpha * u, selectLE(u, 1.0, u, 1.0 + log(max(u, 1.0))))",
    "selectLE(u, 0.0, constant(alpha, u), selectLE(u, 1.0, constant(1.0, u), 1.0 / max(u, 1.0)))">;

def Spiking_StraightThroughSurrogateAttr : Spiking_Surrogate<"StraightThrough", "straight_through",
    "SpikingJelly (DeterministicPass) and snnTorch (straight_through_estimator)",
    "u",
    "constant(1.0, u)"> {
  let parameters = (ins);
}

def Spiking_RectangleSurrogateAttr : Spiking_Surrogate<"Rectangle", "rectangle",
    "SpikingJelly (Rect: width = 1/alpha, height = alpha), Spyx (boxcar) and the code of the temporal-fusion paper",
    "height * min(max(u, -width / 2), width / 2) + 0.5 * height * width",
    "selectLT(abs(u), width / 2, constant(height, u), constant(0.0, u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"1.0", "width of the window">:$width,
    Spiking_DefaultReal<"1.0", "derivative inside">:$height);
  let bind = "const double width = getWidth(), height = getHeight();";
  let assemblyFormat = "(`<` struct($width, $height)^ `>`)?";
}

def Spiking_WindowSurrogateAttr : Spiking_Surrogate<"Window", "window",
    "SpikingJelly (MultiLevelSpikeCount), for counts: straight through within [low, high]",
    "min(max(u, low), high)",
    "selectGE(u, low, selectLE(u, high, constant(1.0, u), constant(0.0, u)), constant(0.0, u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"0.0", "lower end">:$low,
    Spiking_DefaultReal<"1.0", "upper end">:$high);
  let bind = "const double low = getLow(), high = getHigh();";
  let assemblyFormat = "(`<` struct($low, $high)^ `>`)?";
}

def Spiking_TriangleSurrogateAttr : Spiking_Surrogate<"Triangle", "triangle",
    "Norse (triangle: height = alpha, slope = 1), Spyx (triangular: slope = k) and the piecewise-linear function of the spatio-temporal pruning paper (height = gamma)",
    "height / slope * (0.5 + selectLT(u, -1 / slope, constant(-0.5, u), selectGT(u, 1 / slope, constant(0.5, u), slope * u - 0.5 * ((slope * u) * abs(slope * u)))))",
    "height * max(1.0 - slope * abs(u), 0.0)"> {
  let parameters = (ins
    Spiking_DefaultReal<"1.0", "derivative at the threshold">:$height,
    Spiking_DefaultReal<"1.0", "inverse half width">:$slope);
  let bind = "const double height = getHeight(), slope = getSlope();";
  let assemblyFormat = "(`<` struct($height, $slope)^ `>`)?";
}

def Spiking_SignedStepSurrogateAttr : Spiking_Surrogate<"SignedStep", "signed_step",
    "snnTorch (triangular): constant, negative from the threshold on",
    "-height * abs(u)",
    "selectLT(u, 0.0, constant(height, u), constant(-height, u))"> {
  let parameters = (ins Spiking_DefaultReal<"1.0", "derivative below the threshold">:$height);
  let bind = "const double height = getHeight();";
  let assemblyFormat = "(`<` struct($height)^ `>`)?";
}

def Spiking_SpikeRateEscapeSurrogateAttr : Spiking_Surrogate<"SpikeRateEscape", "spike_rate_escape",
    "snnTorch (spike_rate_escape): its peak is one above the threshold",
    "slope / beta * selectLT(u, 1.0, exp(beta * (min(u, 1.0) - 1.0)), 2.0 - exp(-beta * (max(u, 1.0) - 1.0)))",
    "slope * exp(-beta * abs(u - 1.0))"> {
  let parameters = (ins
    Spiking_DefaultReal<"1.0", "inverse width">:$beta,
    Spiking_DefaultReal<"25.0", "derivative at the peak">:$slope);
  let bind = "const double beta = getBeta(), slope = getSlope();";
  let assemblyFormat = "(`<` struct($beta, $slope)^ `>`)?";
}

def Spiking_SparseFastSigmoidSurrogateAttr : Spiking_Surrogate<"SparseFastSigmoid", "sparse_fast_sigmoid",
    "snnTorch (SFS): that of fast_sigmoid, only above the bound",
    "selectGT(u, bound, u / (1.0 + slope * abs(u)), constant(bound / (1 + slope * std::fabs(bound)), u))",
    "selectGT(u, bound, 1.0 / square(1.0 + slope * abs(u)), constant(0.0, u))"> {
  let parameters = (ins
    Spiking_DefaultReal<"25.0", "steepness">:$slope,
    Spiking_DefaultReal<"1.0", "argument above which gradient passes">:$bound);
  let bind = "const double slope = getSlope(), bound = getBound();";
  let assemblyFormat = "(`<` struct($slope, $bound)^ `>`)?";
}

def Spiking_TanhSurrogateAttr : Spiking_SurrogateAlpha<"Tanh", "tanh",
    "Norse (tanh) and Spyx (tanh; alpha = k)", "1.0",
    "0.5 + tanh(alpha * u) / alpha",
    "1.0 - square(tanh(alpha * u))">;

def Spiking_CircSurrogateAttr : Spiking_SurrogateAlpha<"Circ", "circ",
    "Norse (circ)", "1.0",
    "0.5 + alpha * u / sqrt(alpha * alpha + square(u))",
    "circCube(alpha / sqrt(alpha * alpha + square(u)))"> {
  let bind = [{
    [[maybe_unused]] const double alpha = getAlpha();
    [[maybe_unused]] auto circCube = [](Expr r) { return r * r * r; };
  }];
}

#endif // RHEOBASE_SPIKING_SURROGATES_TD
