//===- CompiledTest.h - Compiled code against the interpreter ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TEST_UNIT_COMPILED_COMPILEDTEST_H
#define RHEOBASE_TEST_UNIT_COMPILED_COMPILEDTEST_H

#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"
#include "rheobase/Pipelines/Pipelines.h"
#include "rheobase/Reference/Interpreter.h"
#include "rheobase/Reference/RuntimeTensor.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

namespace rheobase::test {

using mlir::ArrayRef;
using mlir::SmallVector;
using reference::ElementKind;
using reference::Tensor;

/// The instruction sets that this machine has, of those with code of their own.
inline SmallVector<CPUInstructionSet> getInstructionSets() {
  SmallVector<CPUInstructionSet> sets;
  for (CPUInstructionSet isa :
       {CPUInstructionSet::X86_64V3, CPUInstructionSet::X86_64V4})
    if (isSupportedByHost(isa))
      sets.push_back(isa);
  return sets;
}

inline const char *nameOf(CPUInstructionSet isa) {
  return isa == CPUInstructionSet::X86_64V3 ? "x86-64-v3" : "x86-64-v4";
}

class CompiledTest : public testing::Test {
protected:
  CompiledTest() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    handler.emplace(&context, [&](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return mlir::success();
    });
  }

  std::unique_ptr<CompiledProgram>
  compile(mlir::ModuleOp module, CPUInstructionSet isa,
          ProductKernel kernel = ProductKernel::Automatic) {
    mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
    auto frontend = mlir::PassManager::on<mlir::ModuleOp>(&context);
    populateFrontendPipeline(frontend, FrontendOptions());
    CompileOptions options;
    options.codegen.isa = isa;
    options.kernel = kernel;
    if (failed(frontend.run(*copy)))
      return nullptr;
    auto program = compileForCPU(*copy, options);
    return succeeded(program) ? std::move(*program) : nullptr;
  }

  /// What the compiled `function` gives; the test fails if the call does.
  SmallVector<Tensor> call(const CompiledProgram &program,
                           mlir::func::FuncOp function,
                           ArrayRef<Tensor> arguments) {
    SmallVector<ElementKind> kinds;
    for (mlir::Type type : function.getResultTypes())
      kinds.push_back(
          *reference::getElementKind(mlir::getElementTypeOrSelf(type)));
    SmallVector<Tensor> results;
    rb_entry_fn entry = program.lookup(function.getName());
    EXPECT_TRUE(entry) << function.getName().str();
    if (entry) {
      rt::Status status =
          reference::callEntry(entry, arguments, kinds, results);
      EXPECT_TRUE(status.ok()) << status.message();
    }
    return results;
  }

  static void expectEqual(ArrayRef<Tensor> expected, ArrayRef<Tensor> got) {
    ASSERT_EQ(expected.size(), got.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(expected[i].shape, got[i].shape) << "result " << i;
      if (auto difference = findDifference(expected[i], got[i]))
        FAIL() << "result " << i << " at "
               << reference::describeIndex(expected[i].shape, *difference)
               << ": interpreter " << expected[i].at(*difference)
               << ", compiled " << got[i].at(*difference);
    }
  }

  mlir::MLIRContext context;
  std::string messages;

private:
  std::optional<mlir::ScopedDiagnosticHandler> handler;
};

} // namespace rheobase::test

#endif // RHEOBASE_TEST_UNIT_COMPILED_COMPILEDTEST_H
