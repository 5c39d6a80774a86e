//===- Builders.h - Short ways to write linalg ------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_BUILDERS_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_BUILDERS_H

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace rheobase {

using Exprs = llvm::SmallVector<mlir::AffineExpr>;
using Sizes = llvm::SmallVector<mlir::OpFoldResult>;

/// The size of a dimension: an attribute where it is static, else an index
/// value, of an operand of what made the tensor where that is known, so that
/// sizes lead back to the function's arguments.
mlir::OpFoldResult sizeOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                          int64_t dim);
Sizes sizesOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor);
/// Of some dimensions, in their order.
Sizes sizesOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
              llvm::ArrayRef<int64_t> dims);
/// Appends static extents.
void appendSizes(mlir::ImplicitLocOpBuilder &b, Sizes &sizes,
                 llvm::ArrayRef<int64_t> extents);
/// The same as an index value.
mlir::Value dimOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                  int64_t dim);
mlir::Value asIndex(mlir::ImplicitLocOpBuilder &b, mlir::OpFoldResult size);
/// The number of elements along `dims`, as a float; `times` that, if given.
mlir::Value countOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                    llvm::ArrayRef<int64_t> dims, mlir::Type type,
                    mlir::Value times = {});

mlir::Value constantIndex(mlir::ImplicitLocOpBuilder &b, int64_t value);
mlir::Value constantInt(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                        int64_t value);
/// `value` rounded once to `type`.
mlir::Value constantFloat(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                          double value);
/// The zero of a scalar type.
mlir::Value zeroOf(mlir::ImplicitLocOpBuilder &b, mlir::Type type);
/// Less than or equal to every number of the type: -inf or the lowest integer.
mlir::Value lowestOf(mlir::ImplicitLocOpBuilder &b, mlir::Type type);
/// A spike, a count or a float as a float.
mlir::Value toFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value scalar,
                    mlir::Type type);
/// An index value as a float.
mlir::Value indexToFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value index,
                         mlir::Type type);

/// An uninitialized tensor of `type`, whose dynamic dimensions are taken from
/// `sizes` (a size for each dimension).
mlir::Value emptyOf(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                    llvm::ArrayRef<mlir::OpFoldResult> sizes);
mlir::Value emptyLike(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                      mlir::Type elementType);
mlir::Value filled(mlir::ImplicitLocOpBuilder &b, mlir::Value scalar,
                   mlir::Type type, llvm::ArrayRef<mlir::OpFoldResult> sizes);
mlir::Value zeros(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                  llvm::ArrayRef<mlir::OpFoldResult> sizes);
/// The element of a tensor of rank 0.
mlir::Value scalarOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor);
/// `tensor` surrounded by `value`; itself where there is nothing to add. An
/// entry for each dimension.
mlir::Value padded(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                   llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high,
                   mlir::Value value);
/// Splits dimension `dim` into `outer` times the rest; both static.
mlir::Value splitDim(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                     int64_t dim, int64_t outer);
/// Joins dimensions `dim` and `dim + 1`, both static.
mlir::Value joinDims(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                     int64_t dim);
/// Inserts dimensions of size 1 so that `tensor` becomes one of `rank`
/// dimensions, its own at `positions`.
mlir::Value spread(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                   int64_t rank, llvm::ArrayRef<int64_t> positions);

/// A linalg.generic in the making: loops, operands, body. Loops run in the
/// order in which they are asked for; reductions among them make the chains of
/// docs/Semantics.md, so their order is part of the meaning.
class Loops {
public:
  explicit Loops(mlir::ImplicitLocOpBuilder &b) : b(b) {}

  mlir::AffineExpr parallel() {
    return add(mlir::utils::IteratorType::parallel);
  }
  mlir::AffineExpr reduction() {
    return add(mlir::utils::IteratorType::reduction);
  }
  Exprs parallel(int64_t count);
  Exprs reduction(int64_t count);

  /// Operands and how the loops address them.
  Loops &in(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> indices);
  Loops &out(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> indices);
  /// Gives loops their extents where no operand does: an input whose values are
  /// not read.
  Loops &extents(llvm::ArrayRef<int64_t> sizes,
                 llvm::ArrayRef<mlir::AffineExpr> loops);

  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::ImplicitLocOpBuilder &, mlir::ValueRange ins,
      mlir::ValueRange outs)>;
  llvm::SmallVector<mlir::Value> build(Body body);
  /// Of a single output.
  mlir::Value
  build1(llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                        mlir::ValueRange, mlir::Value)>
             body);

private:
  mlir::AffineExpr add(mlir::utils::IteratorType kind);

  mlir::ImplicitLocOpBuilder &b;
  llvm::SmallVector<mlir::utils::IteratorType> iterators;
  llvm::SmallVector<mlir::Value> ins, outs;
  llvm::SmallVector<Exprs> inExprs, outExprs;
};

/// The position of the current iteration in a loop of `Loops`.
mlir::Value loopIndex(mlir::ImplicitLocOpBuilder &b, mlir::AffineExpr loop);

/// An elementwise computation: a `spiking.scan` of one step. `params` broadcast
/// to the shape of the results; `updated` are tensors of that shape that the
/// computation reads and replaces, in place where nobody needs them any more.
/// The body gets the scalars of ins, params and updated and returns new values
/// of the updated ones, after those of `outs`.
llvm::SmallVector<mlir::Value>
elementwise(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange ins,
            mlir::ValueRange params, mlir::ValueRange outs,
            mlir::ValueRange updated,
            llvm::function_ref<llvm::SmallVector<mlir::Value>(
                mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>
                body);

/// Each element of `tensor` divided by the number `count`, in place where nobody
/// needs it any more.
mlir::Value dividedBy(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                      mlir::Value count);

/// Makes the values from outside that the body of a scan uses, constants
/// excepted, its parameters. `elementwise` does it.
void passCaptured(mlir::ImplicitLocOpBuilder &b, spiking::ScanOp scan);

/// First word of Philox4x32-10 (docs/Semantics.md, random numbers) as an i32.
/// The seed is an i64, the others are i32.
mlir::Value philox(mlir::ImplicitLocOpBuilder &b, mlir::Value seed,
                   mlir::Value element, mlir::Value sample, mlir::Value step,
                   mlir::Value id);
/// Its upper 24 bits as an f32 in [0, 1).
mlir::Value uniform(mlir::ImplicitLocOpBuilder &b, mlir::Value word);

/// Patterns by the part of the dialect that they convert.
void populateProductPatterns(mlir::RewritePatternSet &patterns);
void populatePoolPatterns(mlir::RewritePatternSet &patterns);
void populateNormPatterns(mlir::RewritePatternSet &patterns);
void populateShapePatterns(mlir::RewritePatternSet &patterns);
void populateRandomPatterns(mlir::RewritePatternSet &patterns);
void populateEndPatterns(mlir::RewritePatternSet &patterns);
/// Part of the former.
void populateSpikeRatePatterns(mlir::RewritePatternSet &patterns);
void populateTimePatterns(mlir::RewritePatternSet &patterns);
void populateKernelInliningPatterns(mlir::RewritePatternSet &patterns);

/// Turns time loops in `root` into parallel loops over blocks of samples, each
/// with a time loop, where samples do not meet in them. What only such a loop
/// reads is computed for a block, too. With `threads` that uses the threads
/// where there is one block.
void divideTimeLoops(mlir::RewriterBase &rewriter, mlir::Operation *root,
                     int64_t samplesPerBlock, bool threads);

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOLINALG_BUILDERS_H
