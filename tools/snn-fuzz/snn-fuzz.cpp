//===- snn-fuzz.cpp - Random programs against the interpreter -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Generates random programs and compares what the reference interpreter makes
// of them with what the compiler makes of them.
//
//===----------------------------------------------------------------------===//

#include "Generate.h"

#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"
#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Reference/Interpreter.h"
#include "rheobase/Reference/RuntimeTensor.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "rheobase/Support/CommandLine.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;
using namespace rheobase;
using namespace rheobase::fuzz;
using reference::ElementKind;
using reference::Gradient;
using reference::Tensor;
namespace cl = llvm::cl;

static constexpr const char *kOverview =
    "Generates random programs and compares the compiler with the reference "
    "interpreter\n\n"
    "Each case is a program made from a seed: a scan with a random body, or a\n"
    "network in step form, with convolutions or without. The interpreter runs "
    "it\n"
    "for several numbers of steps; then it must give the same\n"
    "  - after each of the --passes pipelines (bit for bit),\n"
    "  - in two parts, the states handed over (bit for bit),\n"
    "  - as compiled code (bit for bit; its gradient, too),\n"
    "and its gradients by the compiler's adjoint must be those of the\n"
    "interpreter's tape. A case that fails is printed with its seed:\n\n"
    "  snn-fuzz --kind=scan --seed=1 --count=1000\n"
    "  snn-fuzz --kind=scan --seed=417 --count=1 --print   # that case alone\n";

enum class Kind { Scan, Network, Images };

static cl::opt<Kind> kind(
    "kind", cl::desc("what to generate"), cl::init(Kind::Scan),
    cl::values(clEnumValN(Kind::Scan, "scan", "scans with random bodies"),
               clEnumValN(Kind::Network, "network", "networks in step form"),
               clEnumValN(Kind::Images, "images",
                          "networks of convolutions, normalization and pools, "
                          "in step form")));
static cl::opt<uint64_t> seed("seed", cl::desc("seed of the first case"),
                              cl::init(1));
static cl::opt<uint64_t> count("count", cl::desc("number of cases"),
                               cl::init(100));
static cl::opt<bool> print("print", cl::desc("print every program"));
static cl::list<std::string>
    passes("passes",
           cl::desc("a pipeline of passes on modules that must change "
                    "no result; may be given more than once"));
static cl::opt<bool> noAdjoint("no-adjoint",
                               cl::desc("do not compare gradients"));
static cl::opt<bool> noCode("no-code", cl::desc("do not compile"));
static cl::opt<std::string>
    isaName("isa", cl::init("all"),
            cl::desc("instruction set: host, x86-64-v3, x86-64-v4, or all "
                     "(both, as far as the machine has them)"));

namespace {
/// One case.
class Case {
public:
  Case(MLIRContext &context, Program program, uint64_t seed)
      : context(context), program(std::move(program)), seed(seed) {}

  /// Runs all checks; the message of the first that fails.
  std::optional<std::string> check();

private:
  using Results = SmallVector<Tensor>;

  std::optional<std::string> checkPasses(StringRef pipeline);
  using Execute = function_ref<FailureOr<Results>(ArrayRef<Tensor>)>;
  std::optional<std::string> checkSplit(StringRef what, Execute execute);
  std::optional<std::string> checkAdjoints();
  std::optional<std::string> checkCode(CPUInstructionSet isa,
                                       ProductKernel kernel);
  std::optional<std::string> prepare();
  SmallVector<Tensor> arguments(int64_t steps);
  SmallVector<unsigned> getVariables();
  SmallVector<Tensor> drawCotangents(const Results &results);
  std::optional<std::string> runAll();

  MLIRContext &context;
  Program program;
  uint64_t seed;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  /// In sequence form, with the gradient.
  OwningOpRef<ModuleOp> prepared;
  /// Results for each number of steps.
  std::vector<std::pair<int64_t, Results>> expected;
  /// The program after each pipeline, and as it was.
  std::vector<std::pair<std::string, OwningOpRef<ModuleOp>>> forms;
};
} // namespace

static const std::vector<int64_t> kSteps{0, 1, 2, 3, 16};

/// The first difference of two lists of results.
static std::optional<std::string> compare(ArrayRef<Tensor> expected,
                                          ArrayRef<Tensor> got) {
  for (auto [number, pair] : llvm::enumerate(llvm::zip(expected, got))) {
    auto [a, b] = pair;
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "result " << number << ": ";
    if (a.kind != b.kind || a.shape != b.shape) {
      os << "expected " << a.describe() << ", got " << b.describe();
      return text;
    }
    if (std::optional<int64_t> i = reference::findDifference(a, b)) {
      os << "expected " << llvm::format("%.17g", a.at(*i)) << ", got "
         << llvm::format("%.17g", b.at(*i)) << " at "
         << reference::describeIndex(a.shape, *i);
      return text;
    }
  }
  return std::nullopt;
}

SmallVector<Tensor> Case::arguments(int64_t steps) {
  Random random(seed * 1000003 + uint64_t(steps));
  return drawArguments(program, random, steps, /*samples=*/2);
}

std::optional<std::string> Case::runAll() {
  for (int64_t steps : kSteps) {
    auto results = reference::run(function, arguments(steps));
    if (failed(results))
      return "the interpreter does not execute it";
    expected.push_back({steps, std::move(*results)});
  }
  return std::nullopt;
}

std::optional<std::string> Case::checkPasses(StringRef pipeline) {
  OwningOpRef<ModuleOp> copy = module->clone();
  auto pm = PassManager::on<ModuleOp>(&context);
  if (failed(parsePassPipeline(pipeline, pm)))
    return ("'" + pipeline + "' is no pass pipeline").str();
  if (failed(pm.run(*copy)))
    return ("the passes '" + pipeline + "' fail").str();
  auto changed = copy->lookupSymbol<func::FuncOp>("f");
  for (auto &[steps, results] : expected) {
    auto got = reference::run(changed, arguments(steps));
    if (failed(got))
      return ("after '" + pipeline + "' the interpreter does not execute it")
          .str();
    if (auto difference = compare(results, *got))
      return ("after '" + pipeline + "', " + Twine(steps) +
              " steps: " + *difference)
          .str();
  }
  forms.push_back({("after '" + pipeline + "'").str(), std::move(copy)});
  return std::nullopt;
}

/// Steps [from, to) of a sequence.
static Tensor part(const Tensor &sequence, int64_t from, int64_t to) {
  Tensor result(sequence.kind, sequence.shape);
  result.shape[0] = to - from;
  int64_t size =
      sequence.shape[0] == 0 ? 0 : sequence.size() / sequence.shape[0];
  result.elements.assign(sequence.elements.begin() + from * size,
                         sequence.elements.begin() + to * size);
  return result;
}

/// `execute` in two parts, the states of the first handed to the second, gives
/// what it gives in one.
std::optional<std::string> Case::checkSplit(StringRef what, Execute execute) {
  if (!program.splits)
    return std::nullopt;
  for (auto &[steps, results] : expected) {
    int64_t at = int64_t((seed + uint64_t(steps)) % uint64_t(steps + 1));
    SmallVector<Tensor> all = arguments(steps), states;
    Results joined;
    for (auto [from, to] : {std::pair(int64_t(0), at), std::pair(at, steps)}) {
      SmallVector<Tensor> here;
      size_t state = 0;
      for (auto [argument, value] : llvm::zip(program.arguments, all)) {
        switch (argument.role) {
        case Role::Steps:
          here.push_back(Tensor::index(to - from));
          break;
        case Role::Sequence:
          here.push_back(part(value, from, to));
          break;
        case Role::Parameter:
          here.push_back(value);
          break;
        case Role::State:
          here.push_back(states.empty() ? value : states[state++]);
          break;
        }
      }
      FailureOr<Results> got = execute(here);
      if (failed(got))
        return (what + " does not execute a part of it").str();
      ArrayRef<Tensor> sequences =
          ArrayRef(*got).take_front(size_t(program.sequences));
      states.assign(got->begin() + program.sequences, got->end());
      if (joined.empty()) {
        joined.assign(sequences.begin(), sequences.end());
        continue;
      }
      for (auto [sequence, more] : llvm::zip(joined, sequences)) {
        llvm::append_range(sequence.elements, more.elements);
        sequence.shape[0] += more.shape[0];
      }
    }
    joined.append(states.begin(), states.end());
    if (auto difference = compare(results, joined))
      return (what + ", " + Twine(steps) + " steps split at " + Twine(at) +
              ": " + *difference)
          .str();
  }
  return std::nullopt;
}

/// The first gradient that is further from the tape's than rounding explains.
static std::optional<std::string> compareGradients(const Gradient &taped,
                                                   ArrayRef<unsigned> with,
                                                   ArrayRef<Tensor> got) {
  double largest = 0.0;
  for (unsigned number : with)
    for (double value : taped.cotangents[number].values()) {
      if (!std::isfinite(value))
        return std::nullopt;
      largest = std::max(largest, std::fabs(value));
    }
  // Where derivatives leave the range of the type, orders of summation decide.
  if (largest > 1e6)
    return std::nullopt;
  // A zero cotangent times an infinite derivative is NaN; whether a state or an
  // element that nothing depends on has a zero cotangent or none is open.
  for (const Tensor &gradient : got)
    for (double value : gradient.values())
      if (!std::isfinite(value))
        return std::nullopt;
  for (auto [number, gradient] : llvm::zip(with, got)) {
    double rounding = gradient.kind == ElementKind::F64 ? 1e-9 : 2e-3;
    const Tensor &expected = taped.cotangents[number];
    for (int64_t i = 0; i < expected.size(); ++i) {
      if (std::fabs(expected.at(i) - gradient.at(i)) <=
          rounding * std::max(largest, 1e-3))
        continue;
      std::string text;
      llvm::raw_string_ostream os(text);
      os << "gradient of argument " << number << " at "
         << reference::describeIndex(expected.shape, i) << ": tape "
         << llvm::format("%.9g", expected.at(i)) << ", adjoint "
         << llvm::format("%.9g", gradient.at(i)) << ", largest "
         << llvm::format("%.3g", largest);
      return text;
    }
  }
  return std::nullopt;
}

/// The arguments that the program is differentiated with respect to.
SmallVector<unsigned> Case::getVariables() {
  SmallVector<unsigned> with;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (isa<FloatType>(getElementTypeOrSelf(type)))
      with.push_back(unsigned(i));
  return with;
}

SmallVector<Tensor> Case::drawCotangents(const Results &results) {
  SmallVector<Tensor> cotangents;
  Random random(seed + 17);
  for (const Tensor &result : results) {
    Tensor cotangent(ElementKind::F64, result.shape);
    for (reference::Scalar &element : cotangent.elements)
      element.number = random.number();
    cotangents.push_back(std::move(cotangent));
  }
  return cotangents;
}

/// Appends cotangents to the arguments of a gradient, in its types.
static void append(SmallVector<Tensor> &all, ArrayRef<Tensor> cotangents,
                   func::FuncOp adjoint) {
  for (auto [cotangent, argument] :
       llvm::zip(cotangents, adjoint.getArguments().drop_front(all.size())))
    all.push_back(Tensor::of(
        *reference::getElementKind(getElementTypeOrSelf(argument.getType())),
        cotangent.shape, cotangent.values()));
}

/// Differentiates every form of the program. The gradients of each are those of
/// the tape, to rounding. Of a scan that is the tape of the same form: in it
/// one spike may decide twice, and canonicalization knows how it decides the
/// second time, which has no derivative then.
std::optional<std::string> Case::checkAdjoints() {
  SmallVector<unsigned> with = getVariables();
  for (auto &[name, form] : forms) {
    auto primal = form->lookupSymbol<func::FuncOp>("f");
    auto adjoint = spiking::differentiateFunction(primal, "f_gradient", with);
    if (failed(adjoint) || failed(verify(*form)))
      return name + ": it cannot be differentiated";
    for (auto &[steps, results] : expected) {
      std::string where = name + ", " + std::to_string(steps) + " steps: ";
      SmallVector<Tensor> all = arguments(steps);
      SmallVector<Tensor> cotangents = drawCotangents(results);
      auto taped = reference::gradient(kind == Kind::Scan ? primal : function,
                                       all, cotangents);
      if (failed(taped))
        return std::string("the tape does not execute it");
      append(all, cotangents, *adjoint);
      auto got = reference::run(*adjoint, all);
      if (failed(got))
        return where + "the interpreter does not execute the adjoint";
      if (auto difference = compare(results, *got))
        return where + "in the adjoint, " + *difference;
      if (auto difference = compareGradients(
              *taped, with, ArrayRef(*got).drop_front(results.size())))
        return where + *difference;
    }
  }
  return std::nullopt;
}

/// The instruction sets to compile for; none if --isa is not known.
static SmallVector<CPUInstructionSet> getInstructionSets() {
  if (isaName != "all") {
    std::optional<CPUInstructionSet> isa = parseInstructionSet(isaName);
    return isa ? SmallVector<CPUInstructionSet>{*isa}
               : SmallVector<CPUInstructionSet>();
  }
  SmallVector<CPUInstructionSet> all{CPUInstructionSet::X86_64V3,
                                     CPUInstructionSet::X86_64V4};
  llvm::erase_if(all,
                 [](CPUInstructionSet isa) { return !isSupportedByHost(isa); });
  return all;
}

/// Brings the program and its gradient to sequence form, as it is compiled.
std::optional<std::string> Case::prepare() {
  prepared = module->clone();
  auto frontend = PassManager::on<ModuleOp>(&context);
  populateFrontendPipeline(frontend, {});
  if (failed(frontend.run(*prepared)))
    return std::string("the frontend fails");
  if (noAdjoint)
    return std::nullopt;
  auto adjoint = spiking::differentiateFunction(
      prepared->lookupSymbol<func::FuncOp>("f"), "f_gradient", getVariables());
  if (failed(adjoint) || failed(frontend.run(*prepared)))
    return std::string("after the frontend it cannot be differentiated");
  return std::nullopt;
}

std::optional<std::string> Case::checkCode(CPUInstructionSet isa,
                                           ProductKernel kernel) {
  CompileOptions options;
  options.kernel = kernel;
  options.codegen.isa = isa;
  OwningOpRef<ModuleOp> copy = prepared->clone();
  auto compiled = compileForCPU(*copy, options);
  if (failed(compiled))
    return std::string("it does not compile");
  auto lookup = [&](StringRef name, rb_entry_fn &entry,
                    SmallVector<ElementKind> &kinds) {
    auto source = prepared->lookupSymbol<func::FuncOp>(name);
    entry = (*compiled)->lookup(name);
    for (Type type : source.getResultTypes())
      kinds.push_back(*reference::getElementKind(getElementTypeOrSelf(type)));
    return source;
  };
  rb_entry_fn entry, gradientEntry;
  SmallVector<ElementKind> kinds, gradientKinds;
  lookup("f", entry, kinds);
  if (!entry)
    return std::string("the compiled program has no 'f'");
  for (auto &[steps, results] : expected) {
    Results got;
    if (rt::Status status =
            reference::callEntry(entry, arguments(steps), kinds, got);
        !status.ok())
      return "the compiled code fails: " + status.message();
    if (auto difference = compare(results, got))
      return ("compiled, " + Twine(steps) + " steps: " + *difference).str();
  }
  if (!noAdjoint) {
    func::FuncOp adjoint = lookup("f_gradient", gradientEntry, gradientKinds);
    if (!gradientEntry)
      return std::string("the compiled program has no gradient");
    for (auto &[steps, results] : expected) {
      SmallVector<Tensor> all = arguments(steps);
      append(all, drawCotangents(results), adjoint);
      auto interpreted = reference::run(adjoint, all);
      if (failed(interpreted))
        return std::string("the interpreter does not execute the gradient");
      Results got;
      if (rt::Status status =
              reference::callEntry(gradientEntry, all, gradientKinds, got);
          !status.ok())
        return "the compiled gradient fails: " + status.message();
      if (auto difference = compare(*interpreted, got))
        return ("compiled gradient, " + Twine(steps) + " steps: " + *difference)
            .str();
    }
  }
  return checkSplit("compiled code",
                    [&](ArrayRef<Tensor> all) -> FailureOr<Results> {
                      Results got;
                      if (!reference::callEntry(entry, all, kinds, got).ok())
                        return failure();
                      return got;
                    });
}

std::optional<std::string> Case::check() {
  module = parseSourceString<ModuleOp>(program.text, &context);
  if (!module)
    return std::string("it does not parse");
  function = module->lookupSymbol<func::FuncOp>("f");
  if (auto problem = runAll())
    return problem;
  forms.push_back({"as it is", module->clone()});
  std::vector<std::string> pipelines(passes.begin(), passes.end());
  if (pipelines.empty() && kind == Kind::Scan)
    pipelines = {"expand-math{constants},canonicalize,cse"};
  else if (pipelines.empty())
    pipelines = {"spiking-decompose-neurons,canonicalize,cse",
                 "spiking-distribute-time-loop",
                 // Fused with a neuron, normalization has no gradient any more.
                 std::string("spiking-distribute-time-loop,"
                             "spiking-decompose-neurons,") +
                     (kind == Kind::Images ? "" : "spiking-fuse-neurons,") +
                     "canonicalize,cse"};
  for (const std::string &pipeline : pipelines)
    if (auto problem = checkPasses(pipeline))
      return problem;
  if (auto problem = checkSplit("the interpreter", [&](ArrayRef<Tensor> all) {
        return reference::run(function, all);
      }))
    return problem;
  if (!noAdjoint)
    if (auto problem = checkAdjoints())
      return problem;
  if (noCode)
    return std::nullopt;
  if (auto problem = prepare())
    return problem;
  // Scans alone have no products; networks take one kernel or the other.
  ProductKernel kernel = kind != Kind::Scan && seed % 2 == 0
                             ? ProductKernel::Selective
                             : ProductKernel::Dense;
  for (CPUInstructionSet isa : getInstructionSets())
    if (auto problem = checkCode(isa, kernel))
      return (Twine(*problem) + " (kernel " + stringifyProductKernel(kernel) +
              ")")
          .str();
  return std::nullopt;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  limitSpinning();
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllPasses();
  cl::ParseCommandLineOptions(argc, argv, kOverview);
  if (getInstructionSets().empty()) {
    llvm::WithColor::error(llvm::errs(), "snn-fuzz")
        << "unknown instruction set '" << isaName
        << "', expected host, x86-64-v3, x86-64-v4 or all\n";
    return 1;
  }
  MLIRContext context(registry);
  std::string messages;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      messages += "  " + diagnostic.str() + "\n";
    return success();
  });

  uint64_t failures = 0;
  for (uint64_t number = seed; number < seed + count; ++number) {
    Random random(number);
    Program program = kind == Kind::Scan      ? generateScan(random)
                      : kind == Kind::Network ? generateNetwork(random)
                                              : generateImageNetwork(random);
    if (print)
      llvm::outs() << "// seed " << number << "\n" << program.text << "\n";
    std::string text = program.text;
    messages.clear();
    std::optional<std::string> problem =
        Case(context, std::move(program), number).check();
    if (!problem)
      continue;
    ++failures;
    llvm::WithColor::error(llvm::errs(), "snn-fuzz")
        << "seed " << number << ": " << *problem << "\n"
        << messages;
    if (!print)
      llvm::errs() << text << "\n";
  }
  llvm::outs() << count << " cases, " << failures << " failed\n";
  return failures == 0 ? 0 : 1;
}
