//===- BufferizableOpInterfaceImpl.cpp - Scans on buffers -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/BufferizableOpInterfaceImpl.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace rheobase::spiking;

namespace {

/// Output sequences, states and accumulators are updated in place.
struct ScanOpInterface
    : DstBufferizableOpInterfaceExternalModel<ScanOpInterface, ScanOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    // The initial values of output sequences are not read.
    auto scan = cast<ScanOp>(op);
    unsigned start = scan.getIns().size() + scan.getParams().size();
    unsigned number = operand.getOperandNumber();
    return number < start || number >= start + scan.getOuts().size();
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto scan = cast<ScanOp>(op);
    if (!llvm::any_of(op->getOperandTypes(), llvm::IsaPred<TensorType>))
      return success();
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    SmallVector<Value> results;
    for (OpOperand &init : scan.getDpsInitsMutable())
      results.push_back(buffers[init.getOperandNumber()]);

    OperationState newState(op->getLoc(), op->getName(), buffers, TypeRange{},
                            op->getAttrs());
    newState.addRegion();
    newState.addRegion();
    Operation *newOp = rewriter.create(newState);
    for (auto [from, to] : llvm::zip(op->getRegions(), newOp->getRegions()))
      rewriter.inlineRegionBefore(from, to, to.end());
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }
};

} // namespace

void rheobase::spiking::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, SpikingDialect *) {
    ScanOp::attachInterface<ScanOpInterface>(*context);
  });
}
