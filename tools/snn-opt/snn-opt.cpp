//===- snn-opt.cpp - Runs passes over modules -------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/InitAll.h"

#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/WithColor.h"

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

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  rheobase::registerAllDialects(registry);
  rheobase::registerAllPasses();
  if (llvm::Error error = loadPassPlugins({argv + 1, argv + argc})) {
    llvm::WithColor::error(llvm::errs(), "snn-opt")
        << llvm::toString(std::move(error)) << '\n';
    return EXIT_FAILURE;
  }
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "Rheobase's optimizer driver\n", registry));
}
