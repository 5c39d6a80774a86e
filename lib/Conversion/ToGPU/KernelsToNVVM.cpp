//===- KernelsToNVVM.cpp - Kernels become llvm and nvvm code ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTGPUKERNELSTONVVMPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;

/// Operations of the math dialect that PTX has instructions for, exact ones:
/// upstream's conversion calls libdevice for some of them.
static bool hasInstruction(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp,
             math::CtPopOp, math::FloorOp, math::FmaOp, math::IsFiniteOp,
             math::IsInfOp, math::IsNaNOp, math::IsNormalOp, math::RoundEvenOp,
             math::RoundOp, math::SqrtOp, math::TruncOp>(op);
}

namespace {
struct ConvertGPUKernelsToNVVMPass
    : rheobase::impl::ConvertGPUKernelsToNVVMPassBase<
          ConvertGPUKernelsToNVVMPass> {
  using ConvertGPUKernelsToNVVMPassBase::ConvertGPUKernelsToNVVMPassBase;

  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    LowerToLLVMOptions options(context);
    options.overrideIndexBitwidth(64);
    options.useBarePtrCallConv = true;
    LLVMTypeConverter converter(context, options);
    configureGpuToNVVMTypeConverter(converter);

    // What is left of the transcendental functions in f32 has no expansion, so
    // no definition that the other backends share.
    WalkResult known = module.walk([&](Operation *op) {
      if (!isa<math::MathDialect>(op->getDialect()) || hasInstruction(op) ||
          getElementTypeOrSelf(op->getResult(0).getType()).isF64())
        return WalkResult::advance();
      op->emitOpError("has no expansion for ")
          << op->getResultTypes().front() << " on the GPU";
      return WalkResult::interrupt();
    });
    if (known.wasInterrupted())
      return signalPassFailure();

    {
      RewritePatternSet patterns(context);
      vector::populateVectorBroadcastLoweringPatterns(patterns);
      arith::populateCeilFloorDivExpandOpsPatterns(patterns);
      if (failed(applyPatternsGreedily(module, std::move(patterns))))
        return signalPassFailure();
    }
    {
      RewritePatternSet patterns(context);
      populateMathToLLVMConversionPatterns(converter, patterns,
                                           /*approximateLog1p=*/false);
      LLVMConversionTarget target(*context);
      target.markUnknownOpDynamicallyLegal(
          [](Operation *op) { return !hasInstruction(op); });
      if (failed(applyPartialConversion(module, target, std::move(patterns))))
        return signalPassFailure();
    }

    RewritePatternSet patterns(context);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    // fmod of libdevice is exact, the instruction that LLVM has for it is not.
    populateGpuToNVVMConversionPatterns(converter, patterns, /*benefit=*/2);
    LLVMConversionTarget target(*context);
    target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect>();
    target.addLegalOp<gpu::GPUModuleOp>();
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      return signalPassFailure();
    // Shared buffers are accessed 128 bits at a time.
    for (auto global : module.getOps<LLVM::GlobalOp>())
      if (global.getAddrSpace() ==
          static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared))
        global.setAlignment(16);
  }
};
} // namespace
