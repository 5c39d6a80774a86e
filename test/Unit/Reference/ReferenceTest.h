//===- ReferenceTest.h - What the interpreter's tests share -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_TEST_UNIT_REFERENCE_REFERENCETEST_H
#define RHEOBASE_TEST_UNIT_REFERENCE_REFERENCETEST_H

#include "rheobase/InitAll.h"
#include "rheobase/Reference/Interpreter.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

namespace rheobase::reference {

class ReferenceTest : public testing::Test {
protected:
  ReferenceTest() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    handler.emplace(&context, [&](mlir::Diagnostic &diagnostic) {
      messages += diagnostic.str() + "\n";
      return mlir::success();
    });
  }

  /// The module of a text; the test fails if it is not valid.
  mlir::ModuleOp parse(llvm::StringRef text) {
    modules.push_back(mlir::parseSourceString<mlir::ModuleOp>(text, &context));
    EXPECT_TRUE(modules.back()) << messages << text.str();
    return *modules.back();
  }

  /// Function `f` of a text.
  mlir::func::FuncOp parseFunction(llvm::StringRef text) {
    return parse(text).lookupSymbol<mlir::func::FuncOp>("f");
  }

  /// Runs function `f` of a text; the test fails if that fails.
  llvm::SmallVector<Tensor> runText(llvm::StringRef text,
                                    llvm::ArrayRef<Tensor> arguments,
                                    const Options &options = {}) {
    auto results = run(parseFunction(text), arguments, options);
    EXPECT_TRUE(succeeded(results)) << messages;
    if (failed(results))
      return {};
    return *results;
  }

  static Tensor f32(llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<double> values) {
    return Tensor::of(ElementKind::F32, shape, values);
  }
  static Tensor f64(llvm::ArrayRef<int64_t> shape,
                    llvm::ArrayRef<double> values) {
    return Tensor::of(ElementKind::F64, shape, values);
  }
  static Tensor i1(llvm::ArrayRef<int64_t> shape,
                   llvm::ArrayRef<double> values) {
    return Tensor::of(ElementKind::I1, shape, values);
  }

  using Values = std::vector<double>;

  mlir::MLIRContext context;
  std::string messages;

private:
  std::optional<mlir::ScopedDiagnosticHandler> handler;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

} // namespace rheobase::reference

#endif // RHEOBASE_TEST_UNIT_REFERENCE_REFERENCETEST_H
