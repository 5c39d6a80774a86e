//===- ProductLowering.h - Products in register blocks ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A product, acc = fma(a, b, acc) over reduction loops, is seen as a matrix
// product C[m, n] += A[m, k] * B[k, n]: n is a loop along which C is contiguous
// and that only B depends on, m are the loops that only A depends on, k the
// reductions in their order. Blocks of A and B are packed, whatever their
// layout (rows, columns, the windows of a convolution, spikes in bytes), and a
// block of C stays in registers while k runs. Each element of C remains one
// chain with ascending k: blocks of k continue it.
//
// MatchProduct.cpp recognizes products, PackProduct.cpp packs their operands,
// ProductsToVector.cpp is the loop nest.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_PRODUCTLOWERING_H
#define RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_PRODUCTLOWERING_H

#include "IndexMath.h"
#include "PackedSpikes.h"
#include "StridedLoops.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/PatternMatch.h"
#include <optional>

namespace rheobase {

/// What the body of a product multiplies.
struct Factor {
  /// The operand's number, and the body's argument for it.
  int64_t operand;
  mlir::BlockArgument argument;
  /// Operations that make the factor of the element: conversions.
  llvm::SmallVector<mlir::Operation *> conversion;
  mlir::Value value;
};

/// What the chains start with.
struct ProductStart {
  enum class Kind {
    /// What the output holds.
    Output,
    /// `value`, from outside the body.
    Value,
    /// The element of `operand` for the column.
    Columns
  };
  Kind kind = Kind::Output;
  mlir::Value value;
  int64_t operand = -1;
};

/// A product that has been recognized.
struct Product {
  mlir::linalg::GenericOp op;
  ProductStart start;
  /// The operand that the rows belong to, and the one of the columns.
  Factor a, b;
  /// Loops.
  int64_t n;
  llvm::SmallVector<int64_t> batch, m, k;
};

/// How a packed block of A lies in memory.
enum class PackingOfA {
  /// Not packed: read where it is.
  None,
  /// Row by row, copied along k.
  Rows,
  /// Register blocks of rows for each k, transposed from rows.
  Transposed,
  /// Register blocks of rows for each k, copied along m.
  Columns,
  /// As it lies in memory, with what is between: windows that overlap, or rows
  /// side by side, as numbers.
  Image,
  /// Row by row, element by element.
  Elements
};
enum class PackingOfB { Rows, Transposed, Elements };

/// The product that `op` is; none if it is something else.
std::optional<Product> matchProduct(mlir::linalg::GenericOp op);

/// The outermost loop around `op` that neither defines nor changes `operand`;
/// null if there is none.
mlir::Operation *getInvariantLoop(mlir::Operation *op, mlir::Value operand);

/// What the kernels of a product share: its loops as both factors see them, and
/// how threads divide it.
class ProductEmitter {
protected:
  ProductEmitter(mlir::OpBuilder &builder, Product product, int64_t vectorBits,
                 bool threads)
      : b(builder), product(product), loc(product.op.getLoc()),
        index{builder, loc}, vectorBits(vectorBits), threads(threads) {}

  /// Runs `emitTask` for a share of the rows and panels for each thread, and
  /// for each iteration of the loops around the rows: with the rows' and the
  /// panels' ranges. Inside a parallel loop, whose threads are at work, there
  /// is one share; so if `nested`. `rowsOfTile` rows stay together. `work`:
  /// multiply-adds of one iteration; `workPerThread`: those that pay a thread.
  void createTasks(
      bool nested, int64_t rowsOfTile, mlir::Value work, int64_t workPerThread,
      llvm::function_ref<void(mlir::Value firstRow, mlir::Value endRow,
                              mlir::Value firstPanel, mlir::Value endPanel)>
          emitTask);

  mlir::Value plus(mlir::Value a, int64_t c) {
    return index.add(a, index.constant(c));
  }
  mlir::Value times(mlir::Value a, int64_t c) {
    return index.mul(a, index.constant(c));
  }

  mlir::OpBuilder &b;
  Product product;
  mlir::Location loc;
  IndexMath index;
  int64_t vectorBits;
  bool threads;

  StridedLoops space;
  /// Lanes of a vector.
  int64_t lanes = 0;
  /// The rows that form one run in A; these are loops around it.
  llvm::SmallVector<int64_t> outerM;
  std::optional<LoopGroup> aRows, aSteps, bSteps, cRows, aOuter, cOuter;
  mlir::Value zero, one, sizeM, sizeN, sizeK, panels, fullPanels;

  // What is being emitted.
  mlir::Value aBase, bBase, cBase;
  /// Steps and rows of the block of A.
  mlir::Value blockStart, blockEnd, blockRow, blockRowEnd;
  /// B where the kernel reads it, the distance of its rows, and its packed
  /// copy.
  mlir::Value bSource, bRowStride, bPacked;
};

class ProductLowering : ProductEmitter {
public:
  ProductLowering(mlir::RewriterBase &rewriter, Product product,
                  int64_t vectorBits, bool threads)
      : ProductEmitter(rewriter, product, vectorBits, threads),
        rewriter(rewriter) {}

  void run();

private:
  void emitMatrixProduct(mlir::Value aBase, mlir::Value bBase,
                         mlir::Value cBase, bool nested);
  void emitTask(mlir::Value firstRow, mlir::Value endRow,
                mlir::Value firstPanel, mlir::Value endPanel);
  void emitRows(mlir::Value firstRow, mlir::Value endRow,
                mlir::Value firstPanel, mlir::Value endPanel);
  void joinRows();
  int64_t getStepsOfUnpacked();
  /// Says by a remark how the product is computed.
  void report();
  void emitRowBlocks(mlir::Value panel, bool tail);
  void emitKernel(int64_t rows, mlir::Value firstRow, mlir::Value panel,
                  bool tail, bool clamped);
  /// The block of C that the chains continue or start with.
  llvm::SmallVector<mlir::Value>
  createStart(llvm::ArrayRef<mlir::Value> cOffsets, mlir::Value column,
              int64_t vectors, bool tail);
  mlir::Value loadColumns(mlir::Value memref, mlir::Value offset, int64_t v,
                          bool tail);
  void packA();
  void packATransposed(mlir::Value padded);
  void packAImage();
  /// Whether elements of A come in memory's order, row by row and step by step.
  bool isInMemoryOrder();
  bool isImageSmall();
  void packB(mlir::Value rows);
  void packSteps();
  mlir::Value getPanelRows(mlir::Value steps);
  void measureB();
  /// Rows from which on it pays to pack B.
  int64_t getRowsThatPayPacking();
  /// Packs all of B in front of the loops around the product that do not change
  /// it, if there are any.
  void hoistB();

  /// A vector of factors from `count` elements at `offset` (null: all lanes),
  /// of which `known` is known where they are bits.
  mlir::Value loadFactors(const Factor &factor, const StridedOperand &operand,
                          mlir::Value offset, mlir::Value count, int64_t width,
                          BitOffset known = BitOffset::Multiple);
  mlir::Value convert(const Factor &factor, mlir::Value element, int64_t width);
  /// Runs `body` for vectors of positions `from` to `to`: with the first
  /// position and the count (null: all lanes).
  void forEachVector(
      mlir::Value from, mlir::Value to,
      llvm::function_ref<void(mlir::Value first, mlir::Value count)> body);
  /// dst[i] = the factor at src + i, for `count` elements. May write up to a
  /// vector more.
  void copyFactors(const Factor &factor, const StridedOperand &operand,
                   mlir::Value source, mlir::Value count, mlir::Value target,
                   mlir::Value targetOffset);
  /// Offsets of positions `from` to `to` of a group, for groups that are not
  /// linear; null for others.
  mlir::Value createOffsetTable(const LoopGroup &group, mlir::Value from,
                                mlir::Value to);
  mlir::Value getOffset(const LoopGroup &group, mlir::Value table,
                        mlir::Value tableStart, mlir::Value position);
  void forEachRun(const LoopGroup &group, mlir::Value from, mlir::Value to,
                  llvm::function_ref<void(mlir::Value offset, mlir::Value lo,
                                          mlir::Value hi)>
                      body);
  const StridedOperand &operandOf(int64_t number) {
    return space.operands[number];
  }
  mlir::VectorType vectorOf(int64_t width) {
    return mlir::VectorType::get({width}, type);
  }
  /// Distance of the rows of a packed block of A; the vector at the end takes
  /// what copies write too much.
  int64_t rowDistance() const { return stepsOfBlock + lanes; }
  /// Iterations of `loops`.
  mlir::Value getSize(llvm::ArrayRef<int64_t> loops) {
    mlir::Value size = one;
    for (int64_t loop : loops)
      size = index.mul(size, space.sizes[loop]);
    return size;
  }
  /// Vectors in a line of the caches.
  int64_t vectorsOfLine() const {
    return std::max<int64_t>(512 / vectorBits, 1);
  }
  std::optional<int64_t> known(mlir::Value v) {
    return IndexMath::getConstant(v);
  }

  mlir::RewriterBase &rewriter;
  int64_t cOperand = -1;
  mlir::Type type;
  /// Rows and vectors of a register block; its columns.
  int64_t rowsOfTile = 0, vectorsOfTile = 0, columnsOfTile = 0;
  /// Rows and steps of a block of A.
  int64_t rowsOfBlock = 0, stepsOfBlock = 0;
  PackingOfA packingOfA = PackingOfA::None;
  PackingOfB packingOfB = PackingOfB::Rows;
  bool mayReadB = false;
  /// Whether the kernel reads rows of A that lie side by side, step by step,
  /// from A or from an image of it.
  bool readInPlace = false;
  /// Whether there are no rows beside those of whole register blocks.
  bool wholeTiles = false;
  /// The rows of A if they lie side by side, and whether they do at run time;
  /// none: it does not matter, or is known.
  std::optional<LoopGroup> aRowsJoined;
  mlir::Value areRowsJoined;

  // What is being emitted.
  /// Steps of the packed part of B.
  mlir::Value firstStep, endStep;
  mlir::Value aBlock, aRowTable, aStepTable, bTable;
  /// Where the copied image begins in A.
  mlir::Value imageStart;
  /// Whether B is read where it is; rows of a packed panel.
  mlir::Value bUnpacked, panelRows;
  /// All of B, packed in front of loops, and whether it is not; null where it
  /// never is, or always.
  mlir::Value bHoisted, bUnhoisted;
  llvm::SmallVector<mlir::Value> tailMasks;
};

} // namespace rheobase

#endif // RHEOBASE_LIB_CONVERSION_SPIKINGTOVECTOR_PRODUCTLOWERING_H
