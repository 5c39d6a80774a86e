//===- use-compiler.cpp - Builds a module and runs a pass over it -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

int main() {
  DialectRegistry registry;
  registry.insert<func::FuncDialect, rheobase::spiking::SpikingDialect>();
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(R"mlir(
    func.func @neuron(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xi1> {
      %s, %v = spiking.lif %x {decay = 0.9, preset = #spiking.preset<snntorch>}
        : (tensor<?x?x4xf32>) -> (tensor<?x?x4xi1>, tensor<?x4xf32>)
      return %s : tensor<?x?x4xi1>
    })mlir",
                                                                 &context);
  if (!module)
    return 1;
  PassManager pm(&context);
  pm.addPass(rheobase::spiking::createExpandPresetsPass());
  if (failed(pm.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
