//===- LegalizeArithmetic.cpp - What LLVM has no instruction for ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"

#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"

namespace rheobase {
#define GEN_PASS_DEF_LEGALIZEARITHMETICPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

namespace {
/// The C library has no power with an integer exponent.
struct ConvertFPowI : OpRewritePattern<math::FPowIOp> {
  using OpRewritePattern<math::FPowIOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(math::FPowIOp op,
                                PatternRewriter &rewriter) const override {
    Value exponent = arith::SIToFPOp::create(rewriter, op.getLoc(),
                                             op.getType(), op.getRhs());
    rewriter.replaceOpWithNewOp<math::PowFOp>(op, op.getLhs(), exponent);
    return success();
  }
};

/// Whether it is a fused multiply-add of 16-bit floats.
bool isNarrowFma(Operation *op) {
  return isa<math::FmaOp, vector::FMAOp>(op) &&
         getElementTypeOrSelf(op->getResult(0).getType())
                 .getIntOrFloatBitWidth() == 16;
}

/// Computes it in f32, and rounds: instructions differ between machines.
template <typename OpTy> struct ExtendFma : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType(), wide = rewriter.getF32Type();
    if (!isNarrowFma(op))
      return failure();
    if (auto vector = dyn_cast<VectorType>(type))
      wide = vector.clone(wide);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(
          arith::ExtFOp::create(rewriter, op.getLoc(), wide, operand));
    Value sum = OpTy::create(rewriter, op.getLoc(), operands[0], operands[1],
                             operands[2]);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type, sum);
    return success();
  }
};

struct LegalizeArithmeticPass
    : rheobase::impl::LegalizeArithmeticPassBase<LegalizeArithmeticPass> {
  void runOnOperation() override {
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    target.addIllegalOp<arith::CeilDivSIOp, arith::CeilDivUIOp,
                        arith::FloorDivSIOp>();
    // LLVM's intrinsics for these are exact, and instructions of the targets.
    target.addDynamicallyLegalDialect<math::MathDialect>([](Operation *op) {
      return !isNarrowFma(op) &&
             isa<math::AbsFOp, math::AbsIOp, math::CopySignOp, math::SqrtOp,
                 math::FmaOp, math::FloorOp, math::CeilOp, math::RoundOp,
                 math::RoundEvenOp, math::TruncOp, math::IsNaNOp, math::IsInfOp,
                 math::IsFiniteOp, math::IsNormalOp, math::CountLeadingZerosOp,
                 math::CountTrailingZerosOp, math::CtPopOp>(op);
    });
    // The C library has no conversions of bf16.
    target.addDynamicallyLegalOp<arith::ExtFOp, arith::TruncFOp>(
        [](Operation *op) {
          return !getElementTypeOrSelf(op->getOperand(0).getType()).isBF16() &&
                 !getElementTypeOrSelf(op->getResult(0).getType()).isBF16();
        });
    target.addDynamicallyLegalOp<vector::FMAOp>(
        [](vector::FMAOp op) { return !isNarrowFma(op); });
    RewritePatternSet patterns(&getContext());
    patterns.add<ExtendFma<math::FmaOp>, ExtendFma<vector::FMAOp>>(
        &getContext());
    arith::populateExpandBFloat16Patterns(patterns);
    patterns.add<ConvertFPowI>(&getContext());
    populateMathToLibmConversionPatterns(patterns);
    arith::populateCeilFloorDivExpandOpsPatterns(patterns);
    if (failed(applyPartialConversion(getOperation(), target,
                                      std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
