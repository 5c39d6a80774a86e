//===- NetworkGenerator.cpp - Random networks in step form ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "NetworkGenerator.h"

#include <random>

namespace rheobase::test {

namespace {
class Generator {
public:
  Generator(uint64_t seed, const NetworkOptions &options)
      : random(seed), options(options) {}

  Network generate();

private:
  unsigned below(unsigned bound) { return random() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  const std::string &pick(const std::vector<std::string> &list) {
    return list[below(list.size())];
  }
  std::string name() { return "%n" + std::to_string(count++); }

  std::string batch() const {
    return options.staticBatch ? std::to_string(options.batch) : "?";
  }
  std::string time() const {
    return options.staticSteps ? std::to_string(options.steps) : "?";
  }
  std::string step(const std::string &type) const {
    return "tensor<" + batch() + "x4x" + type + ">";
  }
  std::string sequence(const std::string &type) const {
    return "tensor<" + time() + "x" + batch() + "x4x" + type + ">";
  }

  std::string argument(Argument::Kind kind, std::vector<int64_t> shape,
                       const std::string &type) {
    std::string name = "%a" + std::to_string(arguments.size());
    arguments.push_back({kind, std::move(shape)});
    signature += (signature.empty() ? "" : ", ") + name + ": " + type;
    return name;
  }
  std::string state(bool spikes) {
    std::string type = step(spikes ? "i1" : "f32");
    std::string init =
        argument(spikes ? Argument::Spikes : Argument::Float, {-2, 4}, type);
    std::string name = "%s" + std::to_string(states.size());
    states.push_back({name, init, type, spikes, ""});
    return name;
  }

  void line(const std::string &text) { body += "    " + text + "\n"; }
  std::string current();
  void add();
  void addNeuron();
  std::string neuronAttributes(bool leaks, bool delays);

  struct State {
    std::string name, init, type;
    bool spikes;
    std::string next;
  };

  std::mt19937_64 random;
  NetworkOptions options;
  unsigned count = 0;
  std::vector<Argument> arguments;
  std::string signature, body;
  std::vector<State> states;
  /// Values of the step: f32 and i1 tensors of [B, 4].
  std::vector<std::string> floats, spikes;
  std::string seed;
};
} // namespace

/// A float that an operation may read.
std::string Generator::current() {
  // Rather what was computed last, so that the networks are deep.
  if (chance(60))
    return floats.back();
  return pick(floats);
}

std::string Generator::neuronAttributes(bool leaks, bool delays) {
  std::string text;
  auto set = [&](const std::string &attribute) {
    text += (text.empty() ? "" : ", ") + attribute;
  };
  static const char *const presets[] = {"spikingjelly", "snntorch", "norse",
                                        "spyx", "temporal_fusion"};
  bool preset = chance(30);
  unsigned which = below(5);
  // Not those whose reset is delayed where there is none.
  if (preset && (delays || (which != 1 && which != 4)))
    set(std::string("preset = #spiking.preset<") + presets[which] + ">");
  else
    preset = false;
  if (chance(50)) {
    static const char *const resets[] = {"hard", "hard, value = 0.125", "soft",
                                         "none"};
    set(std::string("reset = #spiking.reset<") + resets[below(4)] + ">");
  }
  if (!preset && chance(40)) {
    static const char *const stages[] = {"before_decay", "after_decay",
                                         "after_integration"};
    if (delays && chance(50))
      set("reset_timing = #spiking.reset_timing<delayed>");
    else
      set("order = #spiking.order<fire_integrate>");
    set(std::string("reset_stage = #spiking.reset_stage<") + stages[below(3)] +
        ">");
  }
  if (leaks && chance(30))
    set("leak = 0.0625");
  if (chance(30))
    set("detach_reset = true");
  if (chance(30))
    set("compare = #spiking.compare<gt>");
  set("threshold = 0.375");
  return text;
}

void Generator::addNeuron() {
  unsigned kind = below(5);
  static const char *const names[] = {"lif", "if", "li", "cuba_lif", "alif"};
  bool readout = kind == 2, two = kind >= 3;
  std::string attributes =
      readout ? std::string(chance(50) ? "leak = 0.125" : "leak = 0.0")
              : neuronAttributes(/*leaks=*/kind != 1, /*delays=*/kind != 4);
  std::string operands = current(), types = step("f32"), parameters;
  std::string out = name(), final = name(), second = name();
  bool starts = chance(10);
  if (!starts) {
    unsigned membrane = states.size();
    operands += ", " + state(false);
    types += ", " + step("f32");
    states[membrane].next = final;
    if (chance(15))
      floats.push_back(final);
    if (chance(10))
      floats.push_back(states[membrane].name);
    if (two) {
      unsigned other = states.size();
      parameters += std::string(kind == 3 ? " current(" : " adaptation(") +
                    state(false) + ")";
      types += ", " + step("f32");
      states[other].next = second;
    }
  }
  if (kind != 1) {
    if (chance(30)) {
      parameters +=
          " decay(" + argument(Argument::Float, {4}, "tensor<4xf32>") + ")";
      types += ", tensor<4xf32>";
    } else {
      attributes += ", decay = 0.75";
    }
  }
  if (kind == 3)
    attributes += ", current_decay = 0.5";
  if (kind == 4)
    attributes += ", adaptation_decay = 0.75, adaptation_increment = 0.25";
  if (chance(20)) {
    parameters += " mask(%mask)";
    types += ", tensor<" + batch() + "xi1>";
  }
  line(out + ", " + final + (two ? ", " + second : "") + " = spiking." +
       names[kind] + " " + operands + parameters + " {" + attributes + "} : (" +
       types + ") -> (" + step(readout ? "f32" : "i1") + ", " + step("f32") +
       (two ? ", " + step("f32") : "") + ")");
  if (readout) {
    floats.push_back(out);
    return;
  }
  spikes.push_back(out);
  std::string number = name();
  line(number + " = arith.uitofp " + out + " : " + step("i1") + " to " +
       step("f32"));
  floats.push_back(number);
}

/// Adds an operation or two.
void Generator::add() {
  std::string out = name();
  switch (below(9)) {
  case 0:
  case 1: {
    std::string weight = argument(Argument::Float, {4, 4}, "tensor<4x4xf32>");
    bool binary = !spikes.empty() && chance(50);
    line(out + " = spiking.linear " + (binary ? pick(spikes) : current()) +
         ", " + weight + " : (" + step(binary ? "i1" : "f32") +
         ", tensor<4x4xf32>) -> " + step("f32"));
    floats.push_back(out);
    return;
  }
  case 2: {
    bool binary = !spikes.empty() && chance(50);
    line(out + " = spiking.add " + current() + ", " +
         (binary ? pick(spikes) : pick(floats)) + " : (" + step("f32") + ", " +
         step(binary ? "i1" : "f32") + ") -> " + step("f32"));
    floats.push_back(out);
    return;
  }
  case 3: {
    static const char *const ops[] = {"arith.mulf", "arith.subf",
                                      "arith.maximumf"};
    line(out + " = " + ops[below(3)] + " " + current() + ", " + pick(floats) +
         " : " + step("f32"));
    // Products of products would leave the range of numbers.
    std::string tanh = name();
    line(tanh + " = math.tanh " + out + " : " + step("f32"));
    floats.push_back(tanh);
    return;
  }
  case 4: {
    // A delay, or feedback: the next value comes at the end.
    floats.push_back(state(false));
    if (chance(50))
      spikes.push_back(state(true));
    return;
  }
  case 5: {
    if (chance(50)) {
      line(out + " = spiking.dropout " + current() + " seed(" + seed +
           ") step(%t) {p = 0.25, id = " + std::to_string(count) + "} : (" +
           step("f32") + ", tensor<i64>, index) -> " + step("f32"));
      floats.push_back(out);
      return;
    }
    std::string c = "tensor<4xf32>";
    std::string gamma = argument(Argument::Float, {4}, c);
    std::string beta = argument(Argument::Float, {4}, c);
    std::string mean = argument(Argument::Float, {4}, c);
    line(out + ":5 = spiking.batch_norm " + current() + " scale(" + gamma +
         ") shift(" + beta + ") running(" + mean + ", %variance) {mode = " +
         (chance(50) ? "#spiking.mode<train>" : "#spiking.mode<inference>") +
         "} : (" + step("f32") + ", " + c + ", " + c + ", " + c + ", " + c +
         ") -> (" + step("f32") + ", " + c + ", " + c + ", " + c + ", " + c +
         ")");
    floats.push_back(out + "#0");
    return;
  }
  default:
    return addNeuron();
  }
}

Network Generator::generate() {
  std::string input = argument(Argument::Float, {-1, -2, 4}, sequence("f32"));
  std::string mask = argument(Argument::Spikes, {-1, -2},
                              "tensor<" + time() + "x" + batch() + "xi1>");
  std::string steps = argument(Argument::Steps, {}, "index");
  seed = argument(Argument::Seed, {}, "tensor<i64>");
  // The same at every step.
  std::string bias = argument(Argument::Float, {-2, 4}, step("f32"));
  floats = {"%x", bias};
  if (chance(50))
    std::swap(floats[0], floats[1]);

  unsigned layers = 3 + below(10);
  for (unsigned i = 0; i < layers; ++i)
    add();
  for (State &state : states)
    if (state.next.empty())
      state.next = state.spikes ? pick(spikes) : pick(floats);

  std::vector<std::pair<std::string, std::string>> outputs{
      {floats.back(), "f32"}};
  if (!spikes.empty())
    outputs.emplace_back(pick(spikes), "i1");
  if (chance(50))
    outputs.emplace_back(pick(floats), "f32");

  auto join = [](const std::vector<std::string> &list) {
    std::string text;
    for (const std::string &item : list)
      text += (text.empty() ? "" : ", ") + item;
    return text;
  };
  std::vector<std::string> inits, stateTypes, nexts, outs, outTypes, stepTypes,
      results;
  for (const State &state : states) {
    inits.push_back(state.name + " = " + state.init + " : " + state.type);
    stateTypes.push_back(state.type);
    nexts.push_back(state.next);
  }
  for (auto &[value, type] : outputs) {
    outs.push_back(value);
    outTypes.push_back(sequence(type));
    stepTypes.push_back(step(type));
  }
  unsigned numResults = outputs.size() + states.size();
  for (unsigned i = 0; i < numResults; ++i)
    results.push_back("%r#" + std::to_string(i));
  std::vector<std::string> resultTypes = outTypes;
  resultTypes.insert(resultTypes.end(), stateTypes.begin(), stateTypes.end());

  Network network;
  network.arguments = arguments;
  network.text =
      "func.func @f(" + signature + ") -> (" + join(resultTypes) + ") {\n" +
      "  %variance = arith.constant dense<[0.5, 1.0, 1.5, 2.0]> : "
      "tensor<4xf32>\n" +
      "  %r:" + std::to_string(numResults) + " = spiking.time_loop " +
      (options.reverse ? "reverse " : "") + "%t = 0 to " + steps +
      " over(%x = " + input + " : " + sequence("f32") + ", %mask = " + mask +
      " : tensor<" + time() + "x" + batch() + "xi1>)" +
      (states.empty() ? "" : " state(" + join(inits) + ")") + " -> (" +
      join(outTypes) + ") {\n" + body + "    spiking.yield " + join(outs) +
      " : " + join(stepTypes) +
      (states.empty()
           ? ""
           : " next(" + join(nexts) + " : " + join(stateTypes) + ")") +
      "\n  }\n  return " + join(results) + " : " + join(resultTypes) + "\n}\n";
  return network;
}

Network generateNetwork(uint64_t seed, const NetworkOptions &options) {
  return Generator(seed, options).generate();
}

} // namespace rheobase::test
