//===- snn-opt.cpp - Runs passes over modules -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"
#include "rheobase/Reference/CheckEachPass.h"

#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
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

/// Runs the passes of the command line with the interpreter between them.
static LogicalResult checkEachPass(StringRef input, StringRef output,
                                   DialectRegistry &registry,
                                   double tolerance) {
  std::string message;
  auto file = openInputFile(input, &message);
  if (!file) {
    llvm::errs() << message << "\n";
    return failure();
  }
  auto result = openOutputFile(output, &message);
  if (!result) {
    llvm::errs() << message << "\n";
    return failure();
  }
  rheobase::reference::CheckOptions options;
  options.tolerance = tolerance;
  bool changed = false;
  MlirOptMainConfig passes = MlirOptMainConfig::createFromCLOptions();
  MlirOptMainConfig config = passes;
  config.setPassPipelineSetupFn([&](PassManager &pm) {
    rheobase::reference::addCheckEachPass(pm, options, changed);
    return passes.setupPassPipeline(pm);
  });
  if (failed(MlirOptMain(result->os(), std::move(file), registry, config)) ||
      changed)
    return failure();
  result->keep();
  return success();
}

int main(int argc, char **argv) {
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
  if (check)
    return asMainReturnCode(checkEachPass(input, output, registry, tolerance));
  return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
}
