//===- Generate.cpp - Random programs ---------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Generate.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using rheobase::reference::ElementKind;
using rheobase::reference::Scalar;
using rheobase::reference::Tensor;

namespace rheobase::fuzz {

using Shape = std::vector<int64_t>;

/// "tensor<?x?x5xf32>"; -1 and `isSequence` are dynamic extents.
static std::string typeOf(const Shape &shape, llvm::StringRef element,
                          bool isSequence = false) {
  std::string text = "tensor<";
  if (isSequence)
    text += "?x";
  for (int64_t extent : shape)
    text += (extent < 0 ? "?" : std::to_string(extent)) + "x";
  return text + element.str() + ">";
}

static llvm::StringRef nameOf(ElementKind kind) {
  return reference::stringifyElementKind(kind);
}

/// A float constant that is exact in every type.
static std::string constant(double value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::format("%.4f", value);
  return text;
}

static std::string surrogate(Random &random) {
  static const std::vector<std::string> names{
      "atan", "sigmoid<alpha = 2.0>", "piecewise_quadratic", "piecewise_exp",
      "soft_sign", "super_spike", "arctan", "log_abs", "erf", "gaussian",
      "piecewise_leaky_relu", "squarewave_fourier<n = 3>", "s2nn",
      "leaky_k_relu<leak = 0.25>", "rectangle", "triangle", "tanh", "circ",
      "q_pseudo_spike<alpha = 3.0>", "straight_through"};
  return "#spiking." + random.pick(names);
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

namespace {
/// Writes the body of a scan: a pool of values that later operations use.
class BodyWriter {
public:
  BodyWriter(Random &random, llvm::StringRef type, llvm::raw_ostream &os)
      : random(random), type(type.str()), os(os) {}

  void addFloat(const std::string &name) { floats.push_back(name); }
  void writeOperations(int64_t count, int64_t depth);
  std::string aFloat() { return pickLate(floats); }
  std::string aTruth() {
    if (truths.empty())
      writeComparison();
    return pickLate(truths);
  }
  std::string aSpike();
  /// A float between -bound and bound, also of NaN.
  std::string bounded(const std::string &value, double bound);

private:
  /// Later values more often: chains become deep.
  std::string pickLate(const std::vector<std::string> &pool) {
    int64_t size = int64_t(pool.size());
    return pool[size_t(std::max(random.below(size), random.below(size)))];
  }
  std::string fresh() { return "%v" + std::to_string(count++); }
  std::string write(const std::string &text) {
    std::string name = fresh();
    os << indent << name << " = " << text << "\n";
    return name;
  }
  std::string number(double value) {
    return write("arith.constant " + constant(value) + " : " + type);
  }
  void writeComparison();
  void writeOperation(int64_t depth);
  void writeBranch(int64_t depth);
  void writeLoop(int64_t depth);

  Random &random;
  std::string type;
  llvm::raw_ostream &os;
  std::string indent = "    ";
  std::vector<std::string> floats, truths;
  int64_t count = 0;
};
} // namespace

std::string BodyWriter::bounded(const std::string &value, double bound) {
  std::string high = number(bound), low = number(-bound);
  std::string capped =
      write("arith.minnumf " + value + ", " + high + " : " + type);
  return write("arith.maxnumf " + capped + ", " + low + " : " + type);
}

std::string BodyWriter::aSpike() {
  std::string u = aFloat();
  return write("spiking.fire " + u + " {surrogate = " + surrogate(random) +
               (random.chance(50) ? ", compare = #spiking.compare<gt>" : "") +
               "} : " + type + " -> i1");
}

void BodyWriter::writeComparison() {
  static const std::vector<std::string> predicates{
      "olt", "ole", "ogt", "oge", "oeq", "one", "ult", "ule",
      "ugt", "uge", "ueq", "une", "ord", "uno"};
  std::string a = aFloat(), b = aFloat();
  truths.push_back(write("arith.cmpf " + random.pick(predicates) + ", " + a +
                         ", " + b + " : " + type));
}

void BodyWriter::writeBranch(int64_t depth) {
  std::string condition = aTruth(), result = fresh();
  os << indent << result << " = scf.if " << condition << " -> " << type
     << " {\n";
  std::vector<std::string> outerFloats = floats, outerTruths = truths;
  indent += "  ";
  for (bool isThen : {true, false}) {
    writeOperations(1 + random.below(4), depth - 1);
    os << indent << "scf.yield " << aFloat() << " : " << type << "\n";
    floats = outerFloats;
    truths = outerTruths;
    if (isThen)
      os << indent.substr(2) << "} else {\n";
  }
  indent.resize(indent.size() - 2);
  os << indent << "}\n";
  floats.push_back(result);
}

void BodyWriter::writeLoop(int64_t depth) {
  std::string low = write("arith.constant 0 : index");
  std::string high = write("arith.constant " +
                           std::to_string(1 + random.below(4)) + " : index");
  std::string by = write("arith.constant 1 : index");
  std::string init = aFloat(), result = fresh(), carried = fresh(),
              index = fresh();
  os << indent << result << " = scf.for " << index << " = " << low << " to "
     << high << " step " << by << " iter_args(" << carried << " = " << init
     << ") -> (" << type << ") {\n";
  std::vector<std::string> outerFloats = floats, outerTruths = truths;
  indent += "  ";
  floats.push_back(carried);
  writeOperations(1 + random.below(3), depth - 1);
  std::string next = bounded(aFloat(), 8.0);
  os << indent << "scf.yield " << next << " : " << type << "\n";
  indent.resize(indent.size() - 2);
  os << indent << "}\n";
  floats = outerFloats;
  truths = outerTruths;
  floats.push_back(result);
}

void BodyWriter::writeOperation(int64_t depth) {
  static const std::vector<std::string> binary{
      "arith.addf", "arith.subf",     "arith.mulf",     "arith.divf",
      "arith.addf", "arith.mulf",     "arith.maximumf", "arith.minimumf",
      "arith.subf", "arith.maxnumf",  "arith.minnumf",  "math.copysign",
      "math.powf",  "math.atan2"};
  static const std::vector<std::string> unary{
      "arith.negf", "math.absf",  "math.exp",   "math.tanh", "math.log",
      "math.sin",   "math.cos",   "math.atan",  "math.erf",  "math.sqrt",
      "math.expm1", "math.log1p", "math.floor", "math.ceil", "math.roundeven",
      "math.trunc", "math.exp2",  "math.log2",  "math.rsqrt", "math.sinh",
      "math.cosh",  "math.erfc",  "math.cbrt"};
  switch (random.below(12)) {
  case 0:
  case 1:
  case 2: {
    std::string a = aFloat(), b = aFloat();
    floats.push_back(
        write(random.pick(binary) + " " + a + ", " + b + " : " + type));
    return;
  }
  case 3:
  case 4:
    floats.push_back(write(random.pick(unary) + " " + aFloat() + " : " + type));
    return;
  case 5: {
    std::string a = aFloat(), b = aFloat(), c = aFloat();
    floats.push_back(
        write("math.fma " + a + ", " + b + ", " + c + " : " + type));
    return;
  }
  case 6:
    floats.push_back(number(random.number() * 2.0));
    return;
  case 7:
    writeComparison();
    return;
  case 8: {
    std::string c = random.chance(50) ? aTruth() : aSpike();
    std::string a = aFloat(), b = aFloat();
    floats.push_back(
        write("arith.select " + c + ", " + a + ", " + b + " : " + type));
    return;
  }
  case 9: {
    std::string s = aSpike();
    if (random.chance(30))
      s = write("spiking.detach " + s + " : i1");
    if (random.chance(40)) {
      static const std::vector<std::string> logic{"andi", "ori", "xori"};
      std::string other = aTruth();
      s = write("arith." + random.pick(logic) + " " + s + ", " + other +
                " : i1");
    }
    truths.push_back(s);
    floats.push_back(write("arith.uitofp " + s + " : i1 to " + type));
    return;
  }
  case 10:
    if (depth > 0)
      return random.chance(60) ? writeBranch(depth) : writeLoop(depth);
    [[fallthrough]];
  default:
    floats.push_back(write("spiking.detach " + aFloat() + " : " + type));
  }
}

void BodyWriter::writeOperations(int64_t count, int64_t depth) {
  for (int64_t i = 0; i < count; ++i)
    writeOperation(depth);
}

Program generateScan(Random &random) {
  Program program;
  llvm::raw_string_ostream os(program.text);
  ElementKind kind = random.chance(80) ? ElementKind::F32 : ElementKind::F64;
  std::string type = nameOf(kind).str();
  static const std::vector<Shape> spaces{
      {-1, 5}, {-1, 16}, {3, 4}, {-1, 2, 3}, {-1, 33}, {7}};
  Shape space = random.pick(spaces);
  bool isReverse = random.chance(25), isStep = random.chance(10);
  program.splits = !isReverse && !isStep;

  // A shape that broadcasts to the space.
  auto narrower = [&] {
    Shape shape(space.begin() + random.below(int64_t(space.size()) + 1),
                space.end());
    for (int64_t &extent : shape)
      if (extent > 0 && random.chance(25))
        extent = 1;
    return shape;
  };

  struct Operand {
    std::string name, type;
  };
  std::vector<Operand> ins, params, states, accumulators;
  std::string signature;
  auto add = [&](std::vector<Operand> &list, std::string name, Role role,
                 const Shape &shape) {
    bool isSequence = role == Role::Sequence && !isStep;
    std::string operandType = typeOf(shape, type, isSequence);
    signature += (signature.empty() ? "%" : ", %") + name + ": " + operandType;
    list.push_back({name, operandType});
    program.arguments.push_back(
        {isSequence || role != Role::Sequence ? role : Role::Parameter, kind,
         shape});
  };
  add(ins, "x0", Role::Sequence, space);
  for (int64_t i = 1, e = 1 + random.below(3); i < e; ++i)
    add(ins, "x" + std::to_string(i), Role::Sequence, narrower());
  for (int64_t i = 0, e = random.below(3); i < e; ++i)
    add(params, "p" + std::to_string(i), Role::Parameter, narrower());
  for (int64_t i = 0, e = 1 + random.below(3); i < e; ++i)
    add(states, "s" + std::to_string(i), Role::State, space);
  if (random.chance(40)) {
    add(accumulators, "a0", Role::Parameter, narrower());
    program.splits = false;
  }

  // Outputs: a spike, and sometimes a number.
  std::vector<std::string> outTypes{"i1"};
  if (random.chance(60))
    outTypes.push_back(type);
  program.sequences = isStep ? 0 : int64_t(outTypes.size());

  std::string results, resultTypes, resultNames;
  int64_t number = 0;
  auto addResult = [&](const std::string &resultType) {
    std::string separator = number == 0 ? "" : ", ";
    resultNames += separator + "%r" + std::to_string(number++);
    resultTypes += separator + resultType;
  };
  for (const std::string &outType : outTypes)
    addResult(typeOf(space, outType, !isStep));
  for (const Operand &state : states)
    addResult(state.type);
  for (const Operand &accumulator : accumulators)
    addResult(accumulator.type);

  os << "func.func @f(" << signature << ") -> (" << resultTypes << ") {\n";
  // Sizes of the outputs.
  std::string sizes;
  int64_t dim = 0;
  auto addSize = [&](bool isDynamic) {
    if (isDynamic) {
      os << "  %i" << dim << " = arith.constant " << dim << " : index\n  %n"
         << dim << " = tensor.dim %x0, %i" << dim << " : " << ins[0].type
         << "\n";
      sizes += (sizes.empty() ? "%n" : ", %n") + std::to_string(dim);
    }
    ++dim;
  };
  if (!isStep)
    addSize(true);
  for (int64_t extent : space)
    addSize(extent < 0);
  for (auto [i, outType] : llvm::enumerate(outTypes))
    os << "  %e" << i << " = tensor.empty(" << sizes
       << ") : " << typeOf(space, outType, !isStep) << "\n";

  auto writeList = [&](llvm::StringRef keyword,
                       const std::vector<Operand> &list, bool isNamed) {
    if (list.empty())
      return;
    os << " " << keyword << "(";
    llvm::interleaveComma(list, os, [&](const Operand &operand) {
      if (isNamed)
        os << "%b" << operand.name << " = ";
      os << "%" << operand.name << " : " << operand.type;
    });
    os << ")";
  };
  os << "  " << resultNames << " = spiking.scan "
     << (isStep ? "step" : isReverse ? "reverse" : "forward");
  writeList("ins", ins, true);
  writeList("params", params, true);
  os << " outs(";
  llvm::interleaveComma(llvm::enumerate(outTypes), os, [&](auto out) {
    os << "%e" << out.index() << " : " << typeOf(space, out.value(), !isStep);
  });
  os << ")";
  writeList("states", states, true);
  writeList("accumulators", accumulators, false);
  os << " {\n";

  BodyWriter body(random, type, os);
  for (const auto *list : {&ins, &params, &states})
    for (const Operand &operand : *list)
      body.addFloat("%b" + operand.name);
  if (program.splits == false && random.chance(30)) {
    os << "    %step = spiking.time_step\n"
          "    %stepi = arith.index_cast %step : index to i32\n"
          "    %stepf = arith.sitofp %stepi : i32 to "
       << type << "\n";
    body.addFloat("%stepf");
  }
  body.writeOperations(4 + random.below(24), 2);
  std::string outputs = body.aSpike();
  std::string yieldTypes = "i1";
  if (outTypes.size() == 2) {
    outputs += ", " + body.aFloat();
    yieldTypes += ", " + type;
  }
  // Bounded, or else everything ends in infinity.
  std::string next, nextTypes;
  for (size_t i = 0; i < states.size(); ++i) {
    next += (i ? ", " : "") + body.bounded(body.aFloat(), 4.0);
    nextTypes += (i ? ", " : "") + type;
  }
  std::string contribution =
      accumulators.empty() ? "" : body.bounded(body.aFloat(), 4.0);
  os << "    spiking.yield " << outputs << " : " << yieldTypes << " next("
     << next << " : " << nextTypes << ")";
  if (!accumulators.empty())
    os << " accumulate(" << contribution << " : " << type << ")";
  os << "\n  }\n  return " << resultNames << " : " << resultTypes << "\n}\n";
  return program;
}

//===----------------------------------------------------------------------===//
// Networks
//===----------------------------------------------------------------------===//

namespace {
class NetworkWriter {
public:
  explicit NetworkWriter(Random &random) : random(random), body(bodyText) {}

  /// Dense layers; `hasImages`: after layers of convolutions.
  Program write(bool hasImages);

private:
  struct State {
    std::string name, type, next;
    ElementKind kind;
    Shape shape;
  };

  std::string fresh() { return "%v" + std::to_string(count++); }
  std::string line(const std::string &text) {
    std::string name = fresh();
    body << "    " << name << " = " << text << "\n";
    return name;
  }
  std::string parameter(const Shape &shape) {
    std::string name = "%w" + std::to_string(parameters.size());
    parameters.push_back(shape);
    return name;
  }
  size_t state(const Shape &shape, ElementKind kind) {
    std::string name = "%s" + std::to_string(states.size());
    states.push_back({name, typeOf(shape, nameOf(kind)), "", kind, shape});
    return states.size() - 1;
  }
  /// The input current of a layer, from `input` of `features` elements.
  std::string current(const std::string &input, const std::string &element,
                      int64_t in, int64_t out, bool hasBias);
  std::string neuron(const std::string &input, const Shape &shape,
                     std::string &element);
  std::string attributes(bool mayDelay, bool hasDecay);

  /// The images that a layer gives and the next one takes.
  struct Images {
    std::string value, element;
    int64_t height, width, channels;
  };
  Shape shapeOf(const Images &images) const {
    return channelsLast
               ? Shape{-1, images.height, images.width, images.channels}
               : Shape{-1, images.channels, images.height, images.width};
  }
  std::string typeOfImages(const Images &images) const {
    return typeOf(shapeOf(images), images.element);
  }
  std::string layout() const {
    return std::string("layout = #spiking.layout<channels_") +
           (channelsLast ? "last>" : "first>");
  }
  Images convolution(const Images &input);
  Images normalization(const Images &input);
  Images pool(const Images &input);

  Random &random;
  bool channelsLast = true;
  std::string bodyText;
  llvm::raw_string_ostream body;
  std::vector<Shape> parameters;
  std::vector<State> states;
  int64_t count = 0;
};
} // namespace

std::string NetworkWriter::current(const std::string &input,
                                   const std::string &element, int64_t in,
                                   int64_t out, bool hasBias) {
  std::string weight = parameter({in, out});
  std::string operands = input + ", " + weight;
  std::string types = typeOf({-1, in}, element) + ", " + typeOf({in, out}, "f32");
  if (hasBias) {
    operands += ", " + parameter({out});
    types += ", " + typeOf({out}, "f32");
  }
  return line("spiking.linear " + operands + " : (" + types + ") -> " +
              typeOf({-1, out}, "f32"));
}

/// Attributes that all spiking neurons share.
std::string NetworkWriter::attributes(bool mayDelay, bool hasDecay) {
  std::string text = "threshold = " + constant(0.1 + 0.3 * std::abs(random.number()));
  text += ", surrogate = " + surrogate(random);
  static const std::vector<std::string> resets{
      "hard, value = 0.0", "hard, value = 0.125", "soft", "none"};
  text += ", reset = #spiking.reset<" + random.pick(resets) + ">";
  static const std::vector<std::string> stages{"before_decay", "after_decay",
                                               "after_integration"};
  int64_t order = random.below(mayDelay ? 3 : 2);
  if (order == 1)
    text += ", order = #spiking.order<fire_integrate>";
  else if (order == 2)
    text += ", reset_timing = #spiking.reset_timing<delayed>";
  if (order != 0)
    text += ", reset_stage = #spiking.reset_stage<" + random.pick(stages) + ">";
  if (random.chance(40))
    text += ", detach_reset = true";
  if (random.chance(50))
    text += ", compare = #spiking.compare<gt>";
  if (hasDecay) {
    text += ", decay = " + constant(0.5 + 0.45 * std::abs(random.number()));
    if (random.chance(30))
      text += ", leak = 0.0625";
    if (random.chance(50))
      text += ", input_scaling = #spiking.input_scaling<one_minus_decay>";
  }
  return text;
}

/// "array<i64: 1, 2>"
static std::string pair(int64_t first, int64_t second) {
  return "array<i64: " + std::to_string(first) + ", " + std::to_string(second) +
         ">";
}

NetworkWriter::Images NetworkWriter::convolution(const Images &input) {
  int64_t groups = input.channels % 2 == 0 && random.chance(30) ? 2 : 1;
  int64_t in = input.channels / groups, out = groups * (1 + random.below(6));
  // Height, then width.
  int64_t kernel[2], stride[2], padding[2], dilation[2], extent[2];
  for (int d = 0; d < 2; ++d) {
    int64_t size = d ? input.width : input.height;
    kernel[d] = 1 + random.below(3);
    padding[d] = random.below(3);
    dilation[d] = random.chance(20) ? 2 : 1;
    stride[d] = random.chance(30) ? 2 : 1;
    int64_t room = size + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1;
    if (room < 0) {
      kernel[d] = 1;
      room = size + 2 * padding[d] - 1;
    }
    extent[d] = room / stride[d] + 1;
  }
  Images output{"", "f32", extent[0], extent[1], out};
  Shape weight = channelsLast ? Shape{kernel[0], kernel[1], in, out}
                              : Shape{out, in, kernel[0], kernel[1]};
  std::string operands = input.value + ", " + parameter(weight);
  std::string types = typeOfImages(input) + ", " + typeOf(weight, "f32");
  if (random.chance(50)) {
    operands += ", " + parameter({out});
    types += ", " + typeOf({out}, "f32");
  }
  output.value = line(
      "spiking.conv " + operands + " {strides = " + pair(stride[0], stride[1]) +
      ", padding = " + pair(padding[0], padding[1]) + ", dilations = " +
      pair(dilation[0], dilation[1]) + ", groups = " + std::to_string(groups) +
      " : i64, " + layout() + "} : (" + types + ") -> " + typeOfImages(output));
  return output;
}

NetworkWriter::Images NetworkWriter::normalization(const Images &input) {
  std::string channels = typeOf({input.channels}, "f32");
  std::string scale = parameter({input.channels}),
              shift = parameter({input.channels});
  // Statistics carry no gradient: constants come in, and nobody reads the new
  // ones.
  auto numbers = [&](auto draw) {
    std::string list;
    for (int64_t i = 0; i < input.channels; ++i)
      list += (i ? ", " : "") + constant(draw());
    return line("arith.constant dense<[" + list + "]> : " + channels);
  };
  std::string mean = numbers([&] { return random.number(); });
  std::string variance =
      numbers([&] { return 0.25 + std::abs(random.number()); });
  Images output = input;
  output.value = fresh();
  body << "    " << output.value << ", " << fresh() << ", " << fresh() << ", "
       << fresh() << ", " << fresh() << " = spiking.batch_norm " << input.value
       << " scale(" << scale << ") shift(" << shift << ") running(" << mean
       << ", " << variance << ") {mode = #spiking.mode<"
       << (random.chance(50) ? "train" : "inference")
       << ">, epsilon = 0.0625 : f64, channel_dim = "
       << (channelsLast ? -1 : -3) << " : i64} : (" << typeOfImages(input);
  for (int i = 0; i < 4; ++i)
    body << ", " << channels;
  body << ") -> (" << typeOfImages(output);
  for (int i = 0; i < 4; ++i)
    body << ", " << channels;
  body << ")\n";
  return output;
}

NetworkWriter::Images NetworkWriter::pool(const Images &input) {
  Images output = input;
  int64_t kernel[2], stride[2], padding[2], extent[2];
  for (int d = 0; d < 2; ++d) {
    int64_t size = d ? input.width : input.height;
    kernel[d] = 1 + random.below(std::min<int64_t>(size, 3));
    stride[d] = random.chance(60) ? kernel[d] : 1 + random.below(2);
    padding[d] = random.chance(20) ? kernel[d] / 2 : 0;
    extent[d] = (size + 2 * padding[d] - kernel[d]) / stride[d] + 1;
  }
  output.height = extent[0];
  output.width = extent[1];
  static const std::vector<std::string> kinds{"max", "avg", "sum"};
  std::string kind = random.pick(kinds);
  bool isSpikes = input.element == "i1";
  if (kind != "max")
    output.element =
        kind == "sum" && isSpikes && random.chance(50) ? "i8" : "f32";
  output.value =
      line("spiking." + kind + "_pool " + input.value +
           " {kernel = " + pair(kernel[0], kernel[1]) +
           ", strides = " + pair(stride[0], stride[1]) +
           ", padding = " + pair(padding[0], padding[1]) + ", " + layout() +
           "} : (" + typeOfImages(input) + ") -> " + typeOfImages(output));
  return output;
}

std::string NetworkWriter::neuron(const std::string &input, const Shape &shape,
                                  std::string &element) {
  std::string membrane = typeOf(shape, "f32"), spikes = typeOf(shape, "i1");
  size_t v = state(shape, ElementKind::F32);
  std::string output = fresh();
  element = "i1";
  switch (random.below(6)) {
  case 0:
  case 1: {
    std::string next = fresh();
    body << "    " << output << ", " << next << " = spiking.lif " << input
         << ", " << states[v].name << " {" << attributes(true, true) << "} : ("
         << membrane << ", " << membrane << ") -> (" << spikes << ", "
         << membrane << ")\n";
    states[v].next = next;
    return output;
  }
  case 2: {
    std::string next = fresh();
    body << "    " << output << ", " << next << " = spiking.if " << input
         << ", " << states[v].name << " {" << attributes(true, false)
         << "} : (" << membrane << ", " << membrane << ") -> (" << spikes
         << ", " << membrane << ")\n";
    states[v].next = next;
    return output;
  }
  case 3: {
    std::string next = fresh(), weight = parameter({});
    body << "    " << output << ", " << next << " = spiking.plif " << input
         << ", " << states[v].name << " weight(" << weight << ") {"
         << attributes(true, false) << "} : (" << membrane
         << ", tensor<f32>, " << membrane << ") -> (" << spikes << ", "
         << membrane << ")\n";
    states[v].next = next;
    return output;
  }
  case 4: {
    size_t i = state(shape, ElementKind::F32);
    std::string next = fresh(), nextCurrent = fresh();
    static const std::vector<std::string> updates{
        "decay_then_jump", "jump_then_decay", "after_membrane"};
    body << "    " << output << ", " << next << ", " << nextCurrent
         << " = spiking.cuba_lif " << input << ", " << states[v].name
         << " current(" << states[i].name << ") {" << attributes(true, true)
         << ", current_decay = 0.75, current_update = "
            "#spiking.current_update<"
         << random.pick(updates) << ">} : (" << membrane << ", " << membrane
         << ", " << membrane << ") -> (" << spikes << ", " << membrane << ", "
         << membrane << ")\n";
    states[v].next = next;
    states[i].next = nextCurrent;
    return output;
  }
  default: {
    size_t a = state(shape, ElementKind::F32);
    std::string next = fresh(), nextAdaptation = fresh();
    body << "    " << output << ", " << next << ", " << nextAdaptation
         << " = spiking.alif " << input << ", " << states[v].name
         << " adaptation(" << states[a].name << ") {"
         << attributes(false, true)
         << ", adaptation_decay = 0.9, adaptation_increment = 0.125} : ("
         << membrane << ", " << membrane << ", " << membrane << ") -> ("
         << spikes << ", " << membrane << ", " << membrane << ")\n";
    states[v].next = next;
    states[a].next = nextAdaptation;
    return output;
  }
  }
}

Program NetworkWriter::write(bool hasImages) {
  int64_t features = 2 + random.below(6);
  Shape inputs{-1, features};
  std::string element = random.chance(50) ? "f32" : "i1", inputElement = element;
  std::string value = "%x_t";
  if (hasImages) {
    channelsLast = random.chance(75);
    Images images{value, element, 2 + random.below(6), 2 + random.below(6),
                  1 + random.below(4)};
    inputs = shapeOf(images);
    for (int64_t layer = 0, count = 1 + random.below(2); layer < count;
         ++layer) {
      images = convolution(images);
      if (random.chance(50))
        images = normalization(images);
      if (images.element == "f32" && random.chance(15))
        images = pool(images);
      images.value = neuron(images.value, shapeOf(images), images.element);
      if (random.chance(60))
        images = pool(images);
    }
    features = images.height * images.width * images.channels;
    element = images.element;
    value =
        line("spiking.flatten " + images.value + " {dims = 3 : i64} : (" +
             typeOfImages(images) + ") -> " + typeOf({-1, features}, element));
  }
  int64_t layers = hasImages ? random.below(2) : 1 + random.below(3);
  for (int64_t layer = 0; layer < layers; ++layer) {
    // Whole bytes of spikes are stored as bits.
    int64_t out =
        random.chance(35) ? 8 * (1 + random.below(6)) : 2 + random.below(8);
    bool isRecurrent = random.chance(35);
    std::string input =
        current(value, element, features, out, random.chance(60));
    size_t before = 0;
    if (isRecurrent) {
      before = state({-1, out}, ElementKind::I1);
      std::string name = states[before].name;
      std::string back = current(name, "i1", out, out, false);
      input = line("spiking.add " + input + ", " + back + " : (" +
                   typeOf({-1, out}, "f32") + ", " + typeOf({-1, out}, "f32") +
                   ") -> " + typeOf({-1, out}, "f32"));
    }
    if (random.chance(25)) {
      // Elementwise code between a product and its neuron.
      std::string factor = line("math.tanh " + input + " : " +
                                typeOf({-1, out}, "f32"));
      input = line("arith.addf " + input + ", " + factor + " : " +
                   typeOf({-1, out}, "f32"));
    }
    std::string outElement;
    std::string output = neuron(input, {-1, out}, outElement);
    if (isRecurrent)
      states[before].next = output;
    if (out == features && element == "i1" && random.chance(70)) {
      // Residual: the sum of two spikes is a count.
      output = line("spiking.add " + output + ", " + value + " : (" +
                    typeOf({-1, out}, "i1") + ", " + typeOf({-1, out}, "i1") +
                    ") -> " + typeOf({-1, out}, "i8"));
      outElement = "i8";
    }
    value = output;
    element = outElement;
    features = out;
  }
  // A readout that does not spike.
  if (random.chance(70)) {
    int64_t out = 2 + random.below(3);
    std::string input = current(value, element, features, out, true);
    size_t v = state({-1, out}, ElementKind::F32);
    std::string output = fresh(), next = fresh();
    std::string type = typeOf({-1, out}, "f32");
    body << "    " << output << ", " << next << " = spiking.li " << input
         << ", " << states[v].name << " {decay = 0.75} : (" << type << ", "
         << type << ") -> (" << type << ", " << type << ")\n";
    states[v].next = next;
    value = output;
    element = "f32";
    features = out;
  }

  Program program;
  program.sequences = 1;
  std::string sequence = typeOf({-1, features}, element, true);
  std::string inputType = typeOf(inputs, inputElement, true);
  llvm::raw_string_ostream os(program.text);
  ElementKind inputKind =
      inputElement == "i1" ? ElementKind::I1 : ElementKind::F32;
  program.arguments.push_back({Role::Steps, ElementKind::Index, {}});
  program.arguments.push_back({Role::Sequence, inputKind, inputs});
  os << "func.func @f(%T: index, %x: " << inputType;
  for (auto [i, shape] : llvm::enumerate(parameters)) {
    os << ", %w" << i << ": " << typeOf(shape, "f32");
    program.arguments.push_back({Role::Parameter, ElementKind::F32, shape});
  }
  for (auto [i, state] : llvm::enumerate(states)) {
    os << ", %i" << i << ": " << state.type;
    program.arguments.push_back({Role::State, state.kind, state.shape});
  }
  os << ") -> (" << sequence;
  for (const State &state : states)
    os << ", " << state.type;
  os << ") {\n  %y";
  for (size_t i = 0; i < states.size(); ++i)
    os << ", %f" << i;
  os << " = spiking.time_loop %t = 0 to %T over(%x_t = %x : " << inputType
     << ") state(";
  llvm::interleaveComma(llvm::enumerate(states), os, [&](auto pair) {
    os << pair.value().name << " = %i" << pair.index() << " : "
       << pair.value().type;
  });
  os << ") -> (" << sequence << ") {\n"
     << bodyText << "    spiking.yield " << value << " : "
     << typeOf({-1, features}, element) << " next(";
  llvm::interleaveComma(states, os, [&](const State &s) { os << s.next; });
  os << " : ";
  llvm::interleaveComma(states, os, [&](const State &s) { os << s.type; });
  os << ")\n  }\n  return %y";
  for (size_t i = 0; i < states.size(); ++i)
    os << ", %f" << i;
  os << " : " << sequence;
  for (const State &state : states)
    os << ", " << state.type;
  os << "\n}\n";
  return program;
}

Program generateNetwork(Random &random) {
  return NetworkWriter(random).write(/*hasImages=*/false);
}

Program generateImageNetwork(Random &random) {
  return NetworkWriter(random).write(/*hasImages=*/true);
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

llvm::SmallVector<Tensor> drawArguments(const Program &program, Random &random,
                                        int64_t steps, int64_t samples) {
  llvm::SmallVector<Tensor> arguments;
  for (const Argument &argument : program.arguments) {
    if (argument.role == Role::Steps) {
      arguments.push_back(Tensor::index(steps));
      continue;
    }
    llvm::SmallVector<int64_t> shape;
    if (argument.role == Role::Sequence)
      shape.push_back(steps);
    for (int64_t extent : argument.shape)
      shape.push_back(extent < 0 ? samples : extent);
    Tensor tensor(argument.kind, shape);
    for (Scalar &element : tensor.elements) {
      double value = random.number();
      if (argument.kind == ElementKind::I1)
        value = value > 0.3;
      element = Scalar::ofNumber(value);
    }
    arguments.push_back(std::move(tensor));
  }
  return arguments;
}

} // namespace rheobase::fuzz
