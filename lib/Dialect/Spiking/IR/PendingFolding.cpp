//===- PendingFolding.cpp - Not written yet ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
using namespace mlir;
using namespace rheobase::spiking;

OpFoldResult BroadcastOp::fold(FoldAdaptor) { return {}; }
OpFoldResult DropoutOp::fold(FoldAdaptor) { return {}; }
LogicalResult ScanOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &) { return failure(); }
void ScanOp::getCanonicalizationPatterns(RewritePatternSet&, MLIRContext*) {  }
OpFoldResult TransposeOp::fold(FoldAdaptor) { return {}; }
void TransposeOp::getCanonicalizationPatterns(RewritePatternSet&, MLIRContext*) {  }
OpFoldResult UnpackOp::fold(FoldAdaptor) { return {}; }
