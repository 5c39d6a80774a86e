//===- snn-opt.cpp - Runs passes over modules -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"
#include "rheobase/Reference/CheckEachPass.h"
#include "rheobase/Runtime/Files.h"
#include "rheobase/Support/CommandLine.h"

#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;

/// Registers the passes of plugins before the command line is parsed, so that a
/// plugin's pass is an option as every other pass.
static llvm::Error loadPassPlugins(llvm::ArrayRef<const char *> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    llvm::StringRef argument = arguments[i];
    if (!argument.consume_front("--load-pass-plugin") &&
        !argument.consume_front("-load-pass-plugin"))
      continue;
    if (!argument.consume_front("=") && ++i < arguments.size())
      argument = arguments[i];
    llvm::Expected<mlir::PassPlugin> plugin =
        mlir::PassPlugin::load(argument.str());
    if (!plugin)
      return plugin.takeError();
    plugin->registerPassRegistryCallbacks();
  }
  return llvm::Error::success();
}

static LogicalResult fail(const llvm::Twine &message) {
  llvm::errs() << "snn-opt: " << message << "\n";
  return failure();
}

/// Runs the passes of the command line, with `check` with the interpreter
/// between them. As upstream's MlirOptMain, but the output is complete or not
/// there.
static LogicalResult
runPasses(StringRef input, StringRef output, DialectRegistry &registry,
          const rheobase::reference::CheckOptions *check) {
  MlirOptMainConfig passes = MlirOptMainConfig::createFromCLOptions();
  std::string message;
  auto file = openInputFile(input, &message);
  if (!file)
    return fail(message);
  if (output != "-")
    if (rheobase::rt::Status status =
            rheobase::rt::checkWritable(output.str());
        !status.ok())
      return fail(status.message());
  MlirOptMainConfig config = passes;
  bool changed = false;
  if (check)
    config.setPassPipelineSetupFn([&](PassManager &pm) {
      rheobase::reference::addCheckEachPass(pm, *check, changed);
      return passes.setupPassPipeline(pm);
    });
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (failed(MlirOptMain(stream, std::move(file), registry, config)) || changed)
    return failure();
  if (output == "-") {
    llvm::outs() << text;
    return success(rheobase::finishStandardOutput("snn-opt"));
  }
  rheobase::rt::Status status =
      rheobase::rt::writeFile(output.str(), text.data(), text.size());
  return status.ok() ? success() : fail(status.message());
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  rheobase::reportFileSizeLimit();
  DialectRegistry registry;
  rheobase::registerAllDialects(registry);
  rheobase::registerAllPasses();
  if (llvm::Error error = loadPassPlugins({argv + 1, argv + argc})) {
    llvm::WithColor::error(llvm::errs(), "snn-opt")
        << llvm::toString(std::move(error)) << '\n';
    return EXIT_FAILURE;
  }
  static llvm::cl::opt<bool> check(
      "check-each-pass",
      llvm::cl::desc("Run the reference interpreter between passes on random "
                     "arguments and name the first pass that changes a "
                     "function's results"));
  static llvm::cl::opt<double> tolerance(
      "check-tolerance", llvm::cl::init(0.0),
      llvm::cl::desc("With --check-each-pass: what floats may differ by, "
                     "relative to the largest of a result"));
  auto [input, output] = registerAndParseCLIOptions(
      argc, argv, "Rheobase's optimizer driver\n", registry);
  rheobase::reference::CheckOptions options;
  options.tolerance = tolerance;
  // Lists of what there is.
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects() || config.shouldListPasses())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  return asMainReturnCode(
      runPasses(input, output, registry, check ? &options : nullptr));
}
