//===- SelectiveProduct.h - Products with spikes, row by row ----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// C[m, n] += A[m, k] * B[k, n] where A is spikes. For each row of A the steps k
// with a spike are listed in ascending order, and the rows of B that they name
// are added to the row of C, whose vectors stay in registers. A step without a
// spike would add a zero: that changes nothing unless the chain stands at -0 or
// B is not finite, and in these cases the row is computed step by step. So the
// result is that of the register blocks, bit for bit.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SELECTIVEPRODUCT_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SELECTIVEPRODUCT_H

#include "ProductLowering.h"

#include "rheobase/Conversion/ProductKernel.h"

namespace rheobase {

/// Whether the elements of a factor are spikes in bytes.
bool isSpikeFactor(mlir::linalg::GenericOp op, const Factor &factor);

/// Lowers a product that has other candidates than register blocks, and says by
/// a remark which there are. If it is false, register blocks are left: `op`
/// then stands where they are to be emitted.
bool convertProductWithSpikes(mlir::RewriterBase &rewriter, Product &product,
                              int64_t vectorBits, bool threads,
                              ProductKernel kernel);

class SelectiveProduct : ProductEmitter {
public:
  SelectiveProduct(mlir::OpBuilder &builder, Product product,
                   int64_t vectorBits, bool threads)
      : ProductEmitter(builder, product, vectorBits, threads) {}

  /// Whether rows can be added selectively; why not, in a few words, otherwise.
  /// Builds nothing that stays.
  static bool canLower(Product &product, llvm::StringRef &reason);

  /// Emits the product; the operation stays.
  void emit();

private:
  /// Some vectors of columns that a row's chains cover at a time.
  struct Panel {
    int64_t vectors;
    /// Of the last vector; null: all of its columns exist.
    mlir::Value mask;
    /// The first column.
    mlir::Value column;
    /// Where B is read: the block's first step.
    mlir::Value corner;
    /// Whether this part of B is not finite (i1).
    mlir::Value notFinite;
    /// Whether a chain that does not start in the output starts at -0 (i1).
    mlir::Value firstNegativeZero;
  };

  void choosePanels();
  void emitMatrixProduct(bool nested);
  void emitTask(mlir::Value firstRow, mlir::Value endRow,
                mlir::Value firstPanel, mlir::Value endPanel);
  void forEachPanel(mlir::Value firstPanel, mlir::Value endPanel,
                    llvm::function_ref<void(Panel)> body);
  /// All rows of the block.
  void emitRows(const Panel &panel);
  void emitRow(const Panel &panel, mlir::Value row);
  /// `count` rows from `row` on.
  void emitRowsAtOnce(const Panel &panel, mlir::Value row, int64_t count);
  /// Adds the rows of B that a row's list names from `from` to `to`.
  llvm::SmallVector<mlir::Value> addRows(const Panel &panel,
                                         llvm::ArrayRef<mlir::Value> slots,
                                         mlir::Value from, mlir::Value to,
                                         llvm::ArrayRef<mlir::Value> chains);
  void storeRow(const Panel &panel, mlir::Value target,
                llvm::ArrayRef<mlir::Value> chains);
  mlir::Value getTarget(const Panel &panel, mlir::Value row);
  std::pair<llvm::SmallVector<mlir::Value>, mlir::Value>
  getStart(const Panel &panel, mlir::Value target);
  llvm::SmallVector<mlir::Value> getFirst(const Panel &panel);
  mlir::Value isAnyNegativeZero(llvm::ArrayRef<mlir::Value> values);
  void hoistCheck();
  /// Packs the panel's part of B where that pays; whether it is not finite.
  mlir::Value preparePanel(const Panel &panel);

  void listRows();
  void listColumns();
  /// Appends the steps of the set bits of `word` to the list of row `slot`;
  /// bit 0 is step `first` of the block. Returns the new length.
  mlir::Value append(mlir::Value word, mlir::Value first, mlir::Value slot,
                     mlir::Value length);
  /// Bit i is the spike at `source` + i, for `count` < 64 of them (null: 64).
  mlir::Value loadWord(mlir::Value source, mlir::Value count);

  mlir::Value load(const Panel &panel, int64_t vector, mlir::Value memref,
                   mlir::Value offset);
  mlir::Value constantI64(int64_t value) {
    return mlir::arith::ConstantIntOp::create(b, loc, value, 64);
  }
  mlir::Value ceilDiv(mlir::Value a, int64_t c) {
    return index.div(plus(a, c - 1), index.constant(c));
  }

  mlir::FloatType type;
  mlir::VectorType vectorType;
  /// A lists its rows' steps from memory that is contiguous along the rows.
  bool byColumns = false;

  /// Full panels have `vectorsOfPanel` vectors, those after them
  /// `vectorsOfRest`.
  int64_t vectorsOfPanel = 0, vectorsOfRest = 0;
  /// Steps of a block, and the room of a row's list.
  mlir::Value stepsOfBlock, listStride;

  // What is being emitted.
  /// For the rows of a block: the steps with a spike, as offsets in B, and how
  /// many they are.
  mlir::Value lists, lengths;
  /// Whether B is not finite, found in front of loops; null where it is not.
  mlir::Value hoistedNotFinite;
  /// Whether rows of B are read from a packed panel (i1); null where they never
  /// are.
  mlir::Value isPacked;
  /// A square of bits; offsets of the block's steps in A.
  mlir::Value words, stepOffsets;
};

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_SELECTIVEPRODUCT_H
