//===- PendingDistribution.cpp - Not written yet ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
using namespace mlir;
using namespace rheobase::spiking;

FailureOr<SmallVector<Value>> AddOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> AvgPoolOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> BatchNormGradientOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> BatchNormOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
SmallVector<std::pair<unsigned, unsigned>> BatchNormOp::getStatePairs() { return {}; }
FailureOr<SmallVector<Value>> ConvInputGradientOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> ConvOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> ConvWeightGradientOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> DropoutOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> FlattenOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> LinearOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> LinearWeightGradientOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> MaxPoolGradientOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> MaxPoolOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> PoissonOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> ScanOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> SumPoolGradientOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> SumPoolOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> TransposeOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
FailureOr<SmallVector<Value>> UnflattenOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
