//===- IndexMath.h - Arithmetic on indices that folds -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_INDEXMATH_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_INDEXMATH_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

namespace rheobase {

/// Builds arithmetic on non-negative indices; constants fold at once.
struct IndexMath {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::Value constant(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(builder, loc, value);
  }
  mlir::Value add(mlir::Value a, mlir::Value b) {
    return fold<mlir::arith::AddIOp>(a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return fold<mlir::arith::SubIOp>(a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return fold<mlir::arith::MulIOp>(a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return fold<mlir::arith::DivUIOp>(a, b);
  }
  mlir::Value rem(mlir::Value a, mlir::Value b) {
    return fold<mlir::arith::RemUIOp>(a, b);
  }
  mlir::Value ceilDiv(mlir::Value a, mlir::Value b) {
    if (auto known = getConstant(b); known && *known == 1)
      return a;
    return fold<mlir::arith::CeilDivUIOp>(a, b);
  }
  mlir::Value min(mlir::Value a, mlir::Value b) {
    return a == b ? a : fold<mlir::arith::MinUIOp>(a, b);
  }
  mlir::Value max(mlir::Value a, mlir::Value b) {
    return a == b ? a : fold<mlir::arith::MaxUIOp>(a, b);
  }
  mlir::Value dim(mlir::Value memref, int64_t index) {
    int64_t size =
        mlir::cast<mlir::MemRefType>(memref.getType()).getDimSize(index);
    if (!mlir::ShapedType::isDynamic(size))
      return constant(size);
    return mlir::memref::DimOp::create(builder, loc, memref, index);
  }
  mlir::Value less(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<mlir::arith::CmpIOp>(
        loc, mlir::arith::CmpIPredicate::ult, a, b);
  }
  static std::optional<int64_t> getConstant(mlir::Value value) {
    llvm::APInt constant;
    if (mlir::matchPattern(value, mlir::m_ConstantInt(&constant)))
      return constant.getSExtValue();
    return std::nullopt;
  }

private:
  template <typename OpTy>
  mlir::Value fold(mlir::Value a, mlir::Value b) {
    return builder.createOrFold<OpTy>(loc, a, b);
  }
};

/// Whether what is built runs in an iteration of a parallel loop that has the
/// threads for itself.
bool isInParallelLoop(mlir::OpBuilder &builder);

/// Runs `body` for all combinations of steps of `lowers` to `uppers`: as a
/// parallel loop, or, where isInParallelLoop(), as sequential ones.
void createParallelLoops(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::ValueRange lowers, mlir::ValueRange uppers,
                         mlir::ValueRange steps,
                         llvm::function_ref<void(mlir::ValueRange)> body);

/// Runs `body` under a condition.
void createIf(mlir::OpBuilder &builder, mlir::Location loc,
              mlir::Value condition, llvm::function_ref<void()> body);

/// A sequential loop without results; one of a single iteration is no loop.
void createLoop(mlir::OpBuilder &builder, mlir::Location loc,
                mlir::Value lower, mlir::Value upper, mlir::Value step,
                llvm::function_ref<void(mlir::Value)> body);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_INDEXMATH_H
