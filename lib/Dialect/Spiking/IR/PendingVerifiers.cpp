//===- PendingVerifiers.cpp - Not written yet ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
using namespace mlir;
using namespace rheobase::spiking;

LogicalResult AdamOp::verify() { return success(); }
LogicalResult AddOp::verify() { return success(); }
LogicalResult AvgPoolOp::verify() { return success(); }
LogicalResult BatchNormGradientOp::verify() { return success(); }
LogicalResult BatchNormOp::verify() { return success(); }
LogicalResult BroadcastOp::verify() { return success(); }
LogicalResult ClipGradientsOp::verify() { return success(); }
LogicalResult ConvInputGradientOp::verify() { return success(); }
LogicalResult ConvOp::verify() { return success(); }
LogicalResult ConvWeightGradientOp::verify() { return success(); }
LogicalResult CrossEntropyOp::verify() { return success(); }
LogicalResult DelayOp::verify() { return success(); }
LogicalResult DropoutOp::verify() { return success(); }
LogicalResult FlattenOp::verify() { return success(); }
LogicalResult LatencyOp::verify() { return success(); }
LogicalResult LinearOp::verify() { return success(); }
LogicalResult LinearWeightGradientOp::verify() { return success(); }
LogicalResult MaxPoolGradientOp::verify() { return success(); }
LogicalResult MaxPoolOp::verify() { return success(); }
LogicalResult MeanSquaredErrorOp::verify() { return success(); }
LogicalResult PackOp::verify() { return success(); }
LogicalResult PoissonOp::verify() { return success(); }
LogicalResult ReadoutOp::verify() { return success(); }
LogicalResult ReduceSumOp::verify() { return success(); }
LogicalResult RepeatOp::verify() { return success(); }
LogicalResult SGDOp::verify() { return success(); }
LogicalResult SpikingDialect::verifyOperationAttribute(Operation*, NamedAttribute) { return success(); }
LogicalResult SpikingDialect::verifyRegionArgAttribute(Operation*, unsigned int, unsigned int, NamedAttribute) { return success(); }
LogicalResult SumPoolGradientOp::verify() { return success(); }
LogicalResult SumPoolOp::verify() { return success(); }
LogicalResult TransposeOp::verify() { return success(); }
LogicalResult UnflattenOp::verify() { return success(); }
LogicalResult UnpackOp::verify() { return success(); }
