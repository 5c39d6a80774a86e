//===- PendingAdjoints.cpp - Not written yet ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
using namespace mlir;
using namespace rheobase::spiking;

LogicalResult AddOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult AvgPoolOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult BatchNormOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult BroadcastOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult ConvOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult CrossEntropyOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult DelayOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult DetachOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult DropoutOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult FireOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult FlattenOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult LatencyOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult LinearOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult MaxPoolOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult MeanSquaredErrorOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult PoissonOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult ReadoutOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult ReduceSumOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult RepeatOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult ScanOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult SumPoolOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult TransposeOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
LogicalResult UnflattenOp::buildAdjoint(OpBuilder&, AdjointContext&) { return emitOpError("cannot be differentiated"); }
