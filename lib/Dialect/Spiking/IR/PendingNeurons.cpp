//===- PendingNeurons.cpp - Not written yet ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
using namespace mlir;
using namespace rheobase::spiking;

FailureOr<SmallVector<Value>> ALIFOp::decomposeNeuron(OpBuilder&) { return failure(); }
FailureOr<SmallVector<Value>> ALIFOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
bool ALIFOp::expandPreset() { return false; }
SmallVector<std::pair<unsigned, unsigned>> ALIFOp::getStatePairs() { return {}; }
bool ALIFOp::isStepForm() { return false; }
LogicalResult ALIFOp::verify() { return success(); }
FailureOr<SmallVector<Value>> CubaLIFOp::decomposeNeuron(OpBuilder&) { return failure(); }
FailureOr<SmallVector<Value>> CubaLIFOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
bool CubaLIFOp::expandPreset() { return false; }
SmallVector<std::pair<unsigned, unsigned>> CubaLIFOp::getStatePairs() { return {}; }
bool CubaLIFOp::isStepForm() { return false; }
LogicalResult CubaLIFOp::verify() { return success(); }
FailureOr<SmallVector<Value>> IFOp::decomposeNeuron(OpBuilder&) { return failure(); }
FailureOr<SmallVector<Value>> IFOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
bool IFOp::expandPreset() { return false; }
SmallVector<std::pair<unsigned, unsigned>> IFOp::getStatePairs() { return {}; }
bool IFOp::isStepForm() { return false; }
LogicalResult IFOp::verify() { return success(); }
FailureOr<SmallVector<Value>> LIFOp::decomposeNeuron(OpBuilder&) { return failure(); }
FailureOr<SmallVector<Value>> LIFOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
bool LIFOp::expandPreset() { return false; }
SmallVector<std::pair<unsigned, unsigned>> LIFOp::getStatePairs() { return {}; }
bool LIFOp::isStepForm() { return false; }
LogicalResult LIFOp::verify() { return success(); }
FailureOr<SmallVector<Value>> LIOp::decomposeNeuron(OpBuilder&) { return failure(); }
FailureOr<SmallVector<Value>> LIOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
bool LIOp::expandPreset() { return false; }
SmallVector<std::pair<unsigned, unsigned>> LIOp::getStatePairs() { return {}; }
bool LIOp::isStepForm() { return false; }
LogicalResult LIOp::verify() { return success(); }
FailureOr<SmallVector<Value>> PLIFOp::decomposeNeuron(OpBuilder&) { return failure(); }
FailureOr<SmallVector<Value>> PLIFOp::distributeOverTime(OpBuilder&, ValueRange, ArrayRef<bool>, Value) { return failure(); }
bool PLIFOp::expandPreset() { return false; }
SmallVector<std::pair<unsigned, unsigned>> PLIFOp::getStatePairs() { return {}; }
bool PLIFOp::isStepForm() { return false; }
LogicalResult PLIFOp::verify() { return success(); }
