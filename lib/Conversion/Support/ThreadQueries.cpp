//===- ThreadQueries.cpp - What code asks about its threads ---------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ThreadQueries.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

/// What `int name(void)` returns.
static Value ask(OpBuilder &b, Location loc, ModuleOp module, StringRef name) {
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    func::FuncOp::create(top, module.getLoc(), name,
                         top.getFunctionType({}, top.getI32Type()))
        .setPrivate();
  }
  return func::CallOp::create(b, loc, name, b.getI32Type(), ValueRange{})
      .getResult(0);
}

Value rheobase::createMaxThreads(OpBuilder &b, Location loc, ModuleOp module) {
  return b.createOrFold<arith::IndexCastOp>(
      loc, b.getIndexType(), ask(b, loc, module, "omp_get_max_threads"));
}

Value rheobase::createIsSerial(OpBuilder &b, Location loc, ModuleOp module) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                               ask(b, loc, module, "omp_in_parallel"),
                               arith::ConstantIntOp::create(b, loc, 0, 32));
}
