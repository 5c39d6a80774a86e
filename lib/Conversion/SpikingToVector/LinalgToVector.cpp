//===- LinalgToVector.cpp - The rest of linalg as loops over vectors --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"
#include "PackedSpikes.h"
#include "StridedLoops.h"
#include "TiledLoops.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Conversion/SpikingToVector.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTLINALGTOVECTORPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

/// Elements that a thread should compute at least.
static constexpr int64_t elementsPerThread = 1 << 15;
/// Outputs, at most, that are made one after the other from the same inputs.
static constexpr int64_t mostRepeated = 16;

/// Whether the body is scalar code without memory, and its output is the same
/// element for all iterations of a reduction.
static bool isSupported(linalg::LinalgOp op) {
  if (!StridedLoops::canAnalyze(op) || op->getNumRegions() != 1 ||
      !isMemoryPlanned(op))
    return false;
  WalkResult result = op.getBlock()->walk([&](Operation *inner) {
    bool supported =
        isa<linalg::YieldOp, linalg::IndexOp, scf::IfOp, scf::ForOp,
            scf::YieldOp>(inner) ||
        isa_and_present<arith::ArithDialect, math::MathDialect>(
            inner->getDialect());
    return supported ? WalkResult::advance() : WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    return false;
  for (OpOperand &init : op.getDpsInitsMutable())
    for (auto [loop, type] : llvm::enumerate(op.getIteratorTypesArray()))
      if (type != utils::IteratorType::parallel &&
          op.getMatchingIndexingMap(&init).isFunctionOfDim(loop))
        return false;
  return true;
}

namespace {

/// The loop nest of a linalg operation: parallel loops, the last of them in
/// vectors, around the reductions.
class LinalgLowering {
public:
  LinalgLowering(RewriterBase &rewriter, linalg::LinalgOp op,
                 int64_t vectorWidth)
      : b(rewriter), op(op), loc(op.getLoc()), index{rewriter, loc},
        vectorWidth(vectorWidth) {}

  LogicalResult run();

private:
  void chooseVectorLoops();
  void chooseRepeatedLoops();
  void chooseLanes();
  void emitTile(ValueRange outerIndices, Value start, int64_t lanes,
                Value mask);
  /// Whether an operand is accessed in vectors.
  bool isVector(int64_t operand) const {
    return tiling.lanes > 0 && moving[operand];
  }
  /// Whether vectors fill bytes of outputs that are bits.
  bool fillsBytes();

  RewriterBase &b;
  linalg::LinalgOp op;
  Location loc;
  IndexMath index;
  int64_t vectorWidth;

  StridedLoops space;
  /// Parallel loops: around, and those that vectors lie along, which all
  /// operands see as one. Then the reductions.
  SmallVector<int64_t> outer, inner, reductions;
  /// Short loops that no input depends on, as those over a window in whose
  /// elements a gradient is where the maximum was: inputs are loaded, and what
  /// depends on them alone is computed, once for all of them.
  SmallVector<int64_t> repeated;
  /// For each operand its stride along the inner loops.
  SmallVector<Value> innerStrides;
  /// For each operand whether it changes along the inner loops.
  SmallVector<bool> moving;
  bool vectorizable = false;
  LaneTiling tiling;
  Value zero, one;
};

} // namespace

void LinalgLowering::chooseVectorLoops() {
  SmallVector<int64_t> parallel;
  for (int64_t loop = 0; loop < space.getNumLoops(); ++loop)
    (space.isParallel(loop) ? parallel : reductions).push_back(loop);
  outer = parallel;
  if (parallel.empty())
    return;
  bool usesIndex = false;
  op.getBlock()->walk([&](linalg::IndexOp) { usesIndex = true; });
  int64_t numInputs = op.getNumDpsInputs();
  auto isAlong = [&](ArrayRef<int64_t> loops) {
    for (auto [i, operand] : llvm::enumerate(space.operands)) {
      LoopGroup group(index, space, operand, loops);
      bool moves = group.isLinear() && group.hasStride(1);
      bool stays = group.isLinear() && group.hasStride(0);
      if (!moves && (!stays || static_cast<int64_t>(i) >= numInputs))
        return false;
    }
    return true;
  };
  // As many of the last loops as possible, or else any loop.
  size_t most = usesIndex ? 1 : parallel.size();
  for (size_t count = most; count > 0 && !vectorizable; --count) {
    inner.assign(parallel.end() - count, parallel.end());
    vectorizable = isAlong(inner);
  }
  for (size_t i = parallel.size(); i > 0 && !vectorizable; --i) {
    inner.assign(1, parallel[i - 1]);
    vectorizable = isAlong(inner);
  }
  if (!vectorizable)
    inner.assign(1, parallel.back());
  llvm::erase_if(outer,
                 [&](int64_t loop) { return llvm::is_contained(inner, loop); });
}

void LinalgLowering::chooseRepeatedLoops() {
  int64_t numInputs = op.getNumDpsInputs();
  ArrayRef<StridedOperand> inputs =
      ArrayRef(space.operands).take_front(numInputs);
  bool readsMemory = llvm::any_of(
      inputs, [](const StridedOperand &input) { return bool(input.flat); });
  bool readsOutputs = llvm::any_of(
      op.getBlock()->getArguments().drop_front(numInputs),
      [](BlockArgument argument) { return !argument.use_empty(); });
  // What only copies is as fast in the order of the output.
  bool computes = !op.getBlock()->without_terminator().empty();
  if (!reductions.empty() || !readsMemory || readsOutputs || !computes)
    return;
  int64_t copies = 1;
  for (int64_t loop : outer) {
    const auto &size = space.symbolic[loop];
    if (!size.isConstant() || copies * size.factor > mostRepeated ||
        llvm::any_of(inputs, [&](const StridedOperand &input) {
          return input.flat && input.uses(loop);
        }))
      continue;
    copies *= size.factor;
    repeated.push_back(loop);
  }
  llvm::erase_if(
      outer, [&](int64_t loop) { return llvm::is_contained(repeated, loop); });
}

void LinalgLowering::chooseLanes() {
  if (!vectorizable)
    return;
  int64_t widest = 32;
  for (const StridedOperand &operand : space.operands)
    widest = std::max<int64_t>(widest,
                               operand.element.getIntOrFloatBitWidth());
  op.getBlock()->walk([&](Operation *inner) {
    for (Type type : inner->getResultTypes())
      if (isa<IndexType>(type))
        widest = std::max<int64_t>(widest, 64);
      else if (type.isIntOrFloat())
        widest = std::max<int64_t>(widest, type.getIntOrFloatBitWidth());
  });
  int64_t divisor = 1;
  bool dynamic = false;
  for (int64_t loop : inner) {
    dynamic |= !space.symbolic[loop].isConstant();
    divisor *= space.symbolic[loop].factor;
  }
  int64_t lanes = std::max<int64_t>(vectorWidth * 32 / widest, 1);
  // Chains do not split: leave the threads something to share.
  if (!reductions.empty() && outer.empty() && !dynamic)
    while (lanes > 16 && lanes * 2 > divisor)
      lanes /= 2;
  tiling = LaneTiling::get(lanes, divisor, dynamic);
}

void LinalgLowering::emitTile(ValueRange outerIndices, Value start,
                              int64_t lanes, Value mask) {
  LaneEmitter lane(b, loc, lanes, mask);
  Block *body = op.getBlock();
  IRMapping mapping;
  SmallVector<Value> position(space.getNumLoops());
  for (auto [loop, value] : llvm::zip(outer, outerIndices))
    position[loop] = value;

  // Offsets without the reductions.
  SmallVector<Value> bases;
  for (auto [i, operand] : llvm::enumerate(space.operands)) {
    Value base = operand.base;
    for (auto [loop, value] : llvm::zip(outer, outerIndices))
      base = index.add(base, index.mul(value, operand.strides[loop]));
    if (!inner.empty())
      base = index.add(base, index.mul(start, innerStrides[i]));
    bases.push_back(base);
  }
  auto load = [&](int64_t i, Value offset) -> Value {
    const StridedOperand &operand = space.operands[i];
    if (!operand.flat)
      return op->getOperand(i);
    if (!isVector(i))
      return operand.load(b, loc, offset);
    if (operand.isPacked())
      return lane.loadPacked(operand.flat, offset,
                             vectorWidth >= kLanesWithMaskRegisters);
    return lane.load(operand.flat, offset);
  };
  auto loadIfUsed = [&](int64_t i, IRMapping &into) {
    BlockArgument argument = body->getArgument(i);
    if (argument.use_empty())
      return;
    Value offset = bases[i];
    for (int64_t loop : reductions)
      offset = index.add(offset, index.mul(position[loop],
                                           space.operands[i].strides[loop]));
    into.map(argument, load(i, offset));
  };

  // What changes with the reductions is loaded inside.
  int64_t numInputs = op.getNumDpsInputs();
  SmallVector<int64_t> late;
  for (int64_t i = 0; i < numInputs; ++i) {
    if (llvm::any_of(reductions, [&](int64_t loop) {
          return space.operands[i].uses(loop);
        })) {
      late.push_back(i);
      continue;
    }
    for (int64_t loop : reductions)
      position[loop] = zero;
    loadIfUsed(i, mapping);
  }
  SmallVector<Value> values;
  for (int64_t i = numInputs, e = space.operands.size(); i < e; ++i) {
    bool used = !body->getArgument(i).use_empty();
    // Without reductions an output that nothing reads is not loaded.
    if (used || !reductions.empty())
      values.push_back(lane.spread(load(i, bases[i])));
    else
      values.push_back({});
  }

  std::function<SmallVector<Value>(unsigned, ArrayRef<Value>)> nest =
      [&](unsigned level, ArrayRef<Value> current) {
        SmallVector<Value> next;
        if (level < reductions.size()) {
          int64_t reduced = reductions[level];
          auto loop = scf::ForOp::create(b, loc, zero, space.sizes[reduced],
                                         one, current);
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(loop.getBody());
          position[reduced] = loop.getInductionVar();
          next = nest(level + 1,
                      llvm::to_vector_of<Value>(loop.getRegionIterArgs()));
          scf::YieldOp::create(b, loc, next);
          return llvm::to_vector_of<Value>(loop.getResults());
        }
        IRMapping local = mapping;
        for (int64_t i : late)
          loadIfUsed(i, local);
        for (auto [i, value] : llvm::enumerate(current))
          if (value)
            local.map(body->getArgument(numInputs + i), value);
        lane.setLoopIndices([&](int64_t loop) -> Value {
          if (!llvm::is_contained(inner, loop))
            return position[loop];
          if (!lanes)
            return start;
          Value steps = vector::StepOp::create(
              b, loc, VectorType::get({lanes}, b.getIndexType()));
          return arith::AddIOp::create(b, loc, lane.spread(start), steps);
        });
        lane.emit(*body, local);
        for (Value value : body->getTerminator()->getOperands())
          next.push_back(lane.spread(local.lookupOrDefault(value)));
        return next;
      };
  std::function<void(ArrayRef<int64_t>)> emit = [&](ArrayRef<int64_t> loops) {
    if (!loops.empty()) {
      for (int64_t i = 0; i < space.symbolic[loops.front()].factor; ++i) {
        position[loops.front()] = index.constant(i);
        emit(loops.drop_front());
      }
      return;
    }
    for (auto [i, value] : llvm::enumerate(nest(0, values))) {
      const StridedOperand &operand = space.operands[numInputs + i];
      Value offset = bases[numInputs + i];
      for (int64_t loop : repeated)
        offset =
            index.add(offset, index.mul(position[loop], operand.strides[loop]));
      if (operand.isPacked())
        lane.storePacked(value, operand.flat, offset);
      else if (isVector(numInputs + i))
        lane.store(value, operand.flat, offset);
      else
        memref::StoreOp::create(b, loc, value, operand.flat, offset);
    }
  };
  emit(repeated);
}

bool LinalgLowering::fillsBytes() {
  for (int64_t i = op.getNumDpsInputs(), e = space.operands.size(); i < e; ++i)
    if (space.operands[i].isPacked() &&
        (!isVector(i) || tiling.lanes % 8 != 0 || tiling.staticTail % 8 != 0))
      return false;
  return true;
}

LogicalResult LinalgLowering::run() {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  space = *StridedLoops::get(b, op);
  zero = index.constant(0);
  one = index.constant(1);
  chooseVectorLoops();
  chooseRepeatedLoops();
  chooseLanes();

  Value innerSize = one, reduced = one;
  for (int64_t loop : inner)
    innerSize = index.mul(innerSize, space.sizes[loop]);
  for (int64_t loop : reductions)
    reduced = index.mul(reduced, space.sizes[loop]);
  for (const StridedOperand &operand : space.operands) {
    LoopGroup group(index, space, operand, inner);
    innerStrides.push_back(group.stride);
    moving.push_back(!group.hasStride(0));
  }
  if (!fillsBytes())
    return op.emitOpError("writes spikes in bits, for which it must work on "
                          "vectors of whole bytes");
  TiledLoops loops{{}, innerSize, tiling};
  for (int64_t loop : outer)
    loops.outerSizes.push_back(space.sizes[loop]);
  for (int64_t loop : repeated)
    reduced = index.mul(reduced, space.sizes[loop]);
  Value work =
      index.div(index.constant(elementsPerThread), index.max(reduced, one));
  loops.createParallelRanges(index, work, [&](TiledLoops::Range range) {
    loops.createTiles(index, range,
                      [&](Value, ValueRange outerIndices, Value start,
                          int64_t lanes, Value mask) {
                        emitTile(outerIndices, start, lanes, mask);
                      });
  });
  b.eraseOp(op);
  return success();
}

/// Whether `op` counts spikes, all that lie in a row of bits.
static bool countsAllSpikes(linalg::LinalgOp op) {
  if (op.getNumParallelLoops() != 0 || op->getNumOperands() != 2 ||
      !arePackedSpikes(op->getOperand(0)) ||
      !op.getMatchingIndexingMap(&op->getOpOperand(0)).isIdentity() ||
      !cast<MemRefType>(op->getOperand(0).getType()).getLayout().isIdentity())
    return false;
  Block *body = op.getBlock();
  auto sum =
      body->getTerminator()->getOperand(0).getDefiningOp<arith::AddIOp>();
  if (!sum)
    return false;
  Value spike = sum.getLhs() == body->getArgument(1)   ? sum.getRhs()
                : sum.getRhs() == body->getArgument(1) ? sum.getLhs()
                                                       : Value();
  auto number = spike ? spike.getDefiningOp<arith::ExtUIOp>() : nullptr;
  return number && number.getIn() == body->getArgument(0);
}

/// Counts spikes 64 at a time.
static void countSpikes(RewriterBase &b, linalg::LinalgOp op) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(op);
  Location loc = op.getLoc();
  IndexMath index{b, loc};
  StridedLoops space = *StridedLoops::get(b, op);
  const StridedOperand &spikes = space.operands[0], &target = space.operands[1];
  Value size = index.constant(1);
  for (Value loop : space.sizes)
    size = index.mul(size, loop);
  Type i64 = b.getI64Type();
  Value width = index.constant(64), zero = index.constant(0);
  Value full = index.mul(index.div(size, width), width);
  Value count = arith::ConstantIntOp::create(b, loc, 0, 64);
  auto add = [&](Value word, Value sum) -> Value {
    return arith::AddIOp::create(b, loc, sum,
                                 math::CtPopOp::create(b, loc, word));
  };
  auto loop = scf::ForOp::create(b, loc, zero, full, width, ValueRange{count});
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(
      b, loc,
      add(loadPackedWord(b, loc, spikes.flat, loop.getInductionVar()),
          loop.getRegionIterArg(0)));
  b.setInsertionPointAfter(loop);
  // What lies beyond the last one is not counted.
  Value rest = arith::IndexCastUIOp::create(b, loc, i64, index.sub(size, full));
  Value one = arith::ConstantIntOp::create(b, loc, 1, 64);
  Value mask = arith::SubIOp::create(
      b, loc, arith::ShLIOp::create(b, loc, one, rest), one);
  count = add(arith::AndIOp::create(
                  b, loc, loadPackedWord(b, loc, spikes.flat, full), mask),
              loop.getResult(0));
  Type type = target.element;
  if (type.getIntOrFloatBitWidth() < 64)
    count = arith::TruncIOp::create(b, loc, type, count);
  Value old = target.load(b, loc, target.base);
  memref::StoreOp::create(b, loc, arith::AddIOp::create(b, loc, old, count),
                          target.flat, target.base);
  b.eraseOp(op);
}

/// The spike that `op` fills with; nothing if it does something else.
static std::optional<bool> getFilledSpike(linalg::LinalgOp op) {
  Value value;
  if (auto fill = dyn_cast<linalg::FillOp>(*op))
    value = fill.getInputs()[0];
  else if (isa<linalg::MapOp>(*op) && op.getNumDpsInputs() == 0)
    value = op.getBlock()->getTerminator()->getOperand(0);
  llvm::APInt spike;
  if (!value || !matchPattern(value, m_ConstantInt(&spike)))
    return std::nullopt;
  return !spike.isZero();
}

LogicalResult rheobase::convertLinalgToVector(RewriterBase &rewriter,
                                              linalg::LinalgOp op,
                                              int64_t vectorWidth) {
  if (countsAllSpikes(op)) {
    countSpikes(rewriter, op);
    return success();
  }
  if (isSupported(op))
    return LinalgLowering(rewriter, op, vectorWidth).run();
  if (llvm::any_of(op->getOperands(), arePackedSpikes))
    return op.emitOpError("has spikes in bits, which loops of scalars do not "
                          "read or write");
  return success();
}

namespace {
struct ConvertLinalgToVectorPass
    : rheobase::impl::ConvertLinalgToVectorPassBase<
          ConvertLinalgToVectorPass> {
  using ConvertLinalgToVectorPassBase::ConvertLinalgToVectorPassBase;

  void runOnOperation() override {
    if (vectorWidth < 1) {
      emitError(getOperation().getLoc(),
                "vector-width must be at least 1, got ")
          << vectorWidth.getValue();
      return signalPassFailure();
    }
    IRRewriter rewriter(&getContext());
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp copy) { copies.push_back(copy); });
    for (memref::CopyOp copy : copies) {
      auto type = dyn_cast<MemRefType>(copy.getSource().getType());
      if (!type || !isa<MemRefType>(copy.getTarget().getType()))
        continue;
      rewriter.setInsertionPoint(copy);
      Value source = copy.getSource(), target = copy.getTarget();
      if (arePackedSpikes(source) && arePackedSpikes(target)) {
        source = getPackedAsBytes(rewriter, copy.getLoc(), source);
        target = getPackedAsBytes(rewriter, copy.getLoc(), target);
      }
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), source, target);
      rewriter.eraseOp(copy);
    }
    SmallVector<linalg::LinalgOp> fills;
    getOperation().walk([&](linalg::LinalgOp op) {
      if (op.getNumDpsInits() == 1 && arePackedSpikes(op.getDpsInits()[0]) &&
          getFilledSpike(op))
        fills.push_back(op);
    });
    for (linalg::LinalgOp fill : fills) {
      rewriter.setInsertionPoint(fill);
      Value value = arith::ConstantIntOp::create(
          rewriter, fill.getLoc(), *getFilledSpike(fill) ? -1 : 0, 8);
      Value target =
          getPackedAsBytes(rewriter, fill.getLoc(), fill.getDpsInits()[0]);
      linalg::FillOp::create(rewriter, fill.getLoc(), value, target);
      rewriter.eraseOp(fill);
    }
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (failed(convertLinalgToVector(rewriter, op, vectorWidth)))
        return signalPassFailure();
  }
};
} // namespace
