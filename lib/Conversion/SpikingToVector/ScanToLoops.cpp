//===- ScanToLoops.cpp - Scans on buffers become loops over vectors ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IndexMath.h"
#include "LaneEmitter.h"
#include "TiledLoops.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Conversion/SpikingToVector.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTSPIKINGSCANTOLOOPSPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Updates of one neuron that a thread should have at least, so that starting
/// it pays.
static constexpr int64_t updatesPerBlock = 1 << 15;

namespace {

/// An operand whose dimensions, after the one of time, are related to those of
/// the space: a dimension of the space indexes it or is broadcast.
struct Access {
  Value memref;
  bool timed;
  /// For each dimension of the space the operand's own one; -1: it has none.
  SmallVector<int64_t> position;
  /// For each dimension of the space, whether it indexes the operand.
  SmallVector<bool> indexed;
};

/// The loop nest of a scan. The space is split into outer dimensions, each a
/// loop, and inner ones that are collapsed to a single contiguous dimension
/// along which the vectors lie.
class ScanLowering {
public:
  ScanLowering(RewriterBase &rewriter, ScanOp scan, int64_t vectorWidth)
      : b(rewriter), scan(scan), loc(scan.getLoc()), index{rewriter, loc},
        vectorWidth(vectorWidth) {}

  LogicalResult run();

private:
  LogicalResult check();
  Access analyze(Value operand, bool timed);
  /// Whether dimensions `first` to the last of the space may be one dimension
  /// of `access`.
  bool isUniform(const Access &access, int64_t first);
  void chooseInner();
  void collapse(Access &access);
  void chooseLanes();
  SmallVector<Value> indicesOf(const Access &access, Value step,
                               ValueRange outer, Value inner);
  Value load(LaneEmitter &lane, const Access &access, Value step,
             ValueRange outer, Value inner);
  void emitTile(ValueRange outer, Value inner, int64_t lanes, Value mask);
  void emitStep(LaneEmitter &lane, Block &block, IRMapping mapping, Value step,
                ValueRange outer, Value inner, ValueRange states,
                ValueRange replayed, SmallVectorImpl<Value> &next,
                SmallVectorImpl<Value> &sums);
  void reduce(const Access &target, Value partial);

  RewriterBase &b;
  ScanOp scan;
  Location loc;
  IndexMath index;
  int64_t vectorWidth;

  int64_t rank = 0;
  SmallVector<int64_t> space;
  /// First of the inner dimensions.
  int64_t split = 0;
  SmallVector<Access> ins, params, outs, states, accumulators, replayed;
  /// Parameters that are the same everywhere.
  IRMapping uniform;
  SmallVector<Value> outerSizes;
  Value innerSize, steps, zero, one;
  LaneTiling tiling;
  /// For each accumulator that is summed over the space, its value for each
  /// neuron; null for the others.
  SmallVector<Value> partials;
  /// For each replayed state, its values at all steps.
  SmallVector<Value> histories;
};

} // namespace

Access ScanLowering::analyze(Value operand, bool timed) {
  auto type = cast<MemRefType>(operand.getType());
  Access access{operand, timed, {}, {}};
  int64_t missing = rank - (type.getRank() - timed);
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t position = dim < missing ? -1 : dim - missing + timed;
    access.position.push_back(position);
    access.indexed.push_back(position >= 0 && (type.getDimSize(position) != 1 ||
                                               space[dim] == 1));
  }
  return access;
}

LogicalResult ScanLowering::check() {
  for (Value operand : scan->getOperands()) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type)
      return scan.emitOpError("expected buffers, got ") << operand.getType();
    if (type.getElementType().isInteger(1))
      return scan.emitOpError("expected spikes in memory to be i8, got ")
             << type;
    int64_t offset;
    SmallVector<int64_t> strides;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return scan.emitOpError("expected a strided layout, got ") << type;
  }
  return success();
}

/// Strides of a memref that check() has accepted.
static SmallVector<int64_t> getStrides(Value memref) {
  return cast<MemRefType>(memref.getType()).getStridesAndOffset().first;
}

/// The dimensions of the operand that `access` collapses when the space is
/// split at `split`: kept ones alone, then the inner ones.
static SmallVector<ReassociationIndices> getReassociation(const Access &access,
                                                          int64_t split) {
  SmallVector<ReassociationIndices> groups;
  if (access.timed)
    groups.push_back({0});
  ReassociationIndices inner;
  for (auto [dim, position] : llvm::enumerate(access.position)) {
    if (position < 0)
      continue;
    if (static_cast<int64_t>(dim) < split)
      groups.push_back({position});
    else
      inner.push_back(position);
  }
  if (!inner.empty())
    groups.push_back(inner);
  return groups;
}

bool ScanLowering::isUniform(const Access &access, int64_t first) {
  // A dimension of size 1 goes with either kind.
  bool indexed = false, broadcast = false;
  for (int64_t dim = first; dim < rank; ++dim) {
    if (space[dim] == 1)
      continue;
    (access.indexed[dim] ? indexed : broadcast) = true;
  }
  if (indexed && broadcast)
    return false;
  if (!indexed || first == rank - 1)
    return true;
  // Dimensions of size 1 may be missing in front.
  SmallVector<ReassociationIndices> groups = getReassociation(access, first);
  return memref::CollapseShapeOp::isGuaranteedCollapsible(
      cast<MemRefType>(access.memref.getType()), groups);
}

void ScanLowering::chooseInner() {
  auto all = [&](llvm::function_ref<bool(const Access &)> holds) {
    for (auto *list : {&ins, &params, &outs, &states, &accumulators, &replayed})
      if (!llvm::all_of(*list, holds))
        return false;
    return true;
  };
  split = std::max<int64_t>(rank - 1, 0);
  while (split > 0 && all([&](const Access &access) {
           return isUniform(access, split - 1);
         }))
    --split;
}

void ScanLowering::collapse(Access &access) {
  SmallVector<ReassociationIndices> groups =
      getReassociation(access, split);
  bool indexed = llvm::any_of(llvm::seq(split, rank), [&](int64_t dim) {
    return access.indexed[dim] && space[dim] != 1;
  });
  auto type = cast<MemRefType>(access.memref.getType());
  if (static_cast<int64_t>(groups.size()) != type.getRank() &&
      memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
    access.memref =
        memref::CollapseShapeOp::create(b, loc, access.memref, groups);
  // From here on, dimension `split` stands for all inner ones.
  Access collapsed{access.memref, access.timed, {}, {}};
  int64_t position = access.timed;
  for (int64_t dim = 0; dim < split; ++dim) {
    collapsed.position.push_back(access.position[dim] < 0 ? -1 : position++);
    collapsed.indexed.push_back(access.indexed[dim]);
  }
  if (rank > 0) {
    bool present = llvm::any_of(llvm::seq(split, rank), [&](int64_t dim) {
      return access.position[dim] >= 0;
    });
    collapsed.position.push_back(present ? position : -1);
    collapsed.indexed.push_back(indexed);
  }
  access = std::move(collapsed);
}

void ScanLowering::chooseLanes() {
  int64_t widest = 32;
  bool contiguous = rank > 0;
  for (auto *list : {&ins, &params, &outs, &states, &accumulators, &replayed})
    for (const Access &access : *list) {
      Type element = getElementTypeOrSelf(access.memref.getType());
      if (element.isIntOrFloat())
        widest = std::max<int64_t>(widest, element.getIntOrFloatBitWidth());
      else
        contiguous = false;
      if (rank > 0 && access.indexed[split])
        contiguous &= getStrides(access.memref).back() == 1;
    }
  if (!contiguous)
    return;
  int64_t divisor = 1;
  bool dynamic = false;
  for (int64_t dim = split; dim < rank; ++dim) {
    if (ShapedType::isDynamic(space[dim]))
      dynamic = true;
    else
      divisor *= space[dim];
  }
  tiling = LaneTiling::get(std::max<int64_t>(vectorWidth * 32 / widest, 1),
                           divisor, dynamic);
}

SmallVector<Value> ScanLowering::indicesOf(const Access &access, Value step,
                                           ValueRange outer, Value inner) {
  int64_t operandRank =
      cast<MemRefType>(access.memref.getType()).getRank();
  SmallVector<Value> indices(operandRank, zero);
  if (access.timed)
    indices[0] = step;
  for (auto [dim, position] : llvm::enumerate(access.position))
    if (position >= 0 && access.indexed[dim])
      indices[position] =
          static_cast<int64_t>(dim) < split ? outer[dim] : inner;
  return indices;
}

Value ScanLowering::load(LaneEmitter &lane, const Access &access, Value step,
                         ValueRange outer, Value inner) {
  SmallVector<Value> indices = indicesOf(access, step, outer, inner);
  if (rank > 0 && access.indexed[split])
    return lane.load(access.memref, indices);
  return memref::LoadOp::create(b, loc, access.memref, indices);
}

/// Applies `block` at `step`. `mapping` has the parameters.
void ScanLowering::emitStep(LaneEmitter &lane, Block &block, IRMapping mapping,
                            Value step, ValueRange outer, Value inner,
                            ValueRange stateValues, ValueRange replayedValues,
                            SmallVectorImpl<Value> &next,
                            SmallVectorImpl<Value> &sums) {
  auto arguments = block.getArguments();
  for (auto [argument, access] : llvm::zip(arguments, ins))
    if (!argument.use_empty())
      mapping.map(argument, load(lane, access, step, outer, inner));
  arguments = arguments.drop_front(ins.size());
  for (auto [argument, parameter] :
       llvm::zip(arguments, scan.getParamArgs()))
    mapping.map(argument, uniform.lookupOrNull(parameter)
                              ? uniform.lookup(parameter)
                              : mapping.lookupOrDefault(parameter));
  arguments = arguments.drop_front(params.size());
  for (auto [argument, value] : llvm::zip(
           arguments, llvm::concat<const Value>(
                          llvm::to_vector(stateValues),
                          llvm::to_vector(replayedValues))))
    mapping.map(argument, value);

  lane.setTimeStep(step);
  lane.emit(block, mapping);
  auto yield = cast<YieldOp>(block.getTerminator());
  for (auto [access, value] : llvm::zip(outs, yield.getOutputs()))
    lane.store(mapping.lookupOrDefault(value), access.memref,
               indicesOf(access, step, outer, inner));
  for (Value value : yield.getNext())
    next.push_back(lane.spread(mapping.lookupOrDefault(value)));
  for (auto [sum, value] : llvm::zip(sums, yield.getContributions()))
    sum = arith::AddFOp::create(b, loc, sum,
                                lane.spread(mapping.lookupOrDefault(value)));
}

void ScanLowering::emitTile(ValueRange outer, Value inner, int64_t tileLanes,
                            Value mask) {
  LaneEmitter lane(b, loc, tileLanes, mask);
  IRMapping mapping;
  for (auto [argument, access] : llvm::zip(scan.getParamArgs(), params))
    if (!uniform.contains(argument))
      mapping.map(argument, load(lane, access, {}, outer, inner));

  // A time loop that carries `inits`; `body` gets the step and the values.
  using StepFn = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  auto overTime = [&](ArrayRef<Value> inits, bool reverse,
                      StepFn body) -> SmallVector<Value> {
    if (scan.isStep())
      return body(zero, inits);
    auto loop = scf::ForOp::create(b, loc, zero, steps, one, inits);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value step = loop.getInductionVar();
    if (reverse)
      step = index.sub(index.sub(steps, one), step);
    SmallVector<Value> next = body(step, loop.getRegionIterArgs());
    if (!next.empty())
      scf::YieldOp::create(b, loc, next);
    return llvm::to_vector(ValueRange(loop.getResults()));
  };

  SmallVector<Value> historyIndices{zero, zero};
  if (!replayed.empty()) {
    SmallVector<Value> inits;
    for (const Access &access : replayed)
      inits.push_back(lane.spread(load(lane, access, {}, outer, inner)));
    // Scratch has whole vectors: no mask.
    LaneEmitter whole(b, loc, tileLanes);
    overTime(inits, /*reverse=*/false, [&](Value step, ValueRange values) {
      for (auto [history, value] : llvm::zip(histories, values))
        whole.store(value, history, {step, zero});
      SmallVector<Value> next, none;
      emitStep(lane, scan.getReplay().front(), mapping, step, outer, inner,
               values, {}, next, none);
      return next;
    });
  }

  SmallVector<Value> inits;
  for (const Access &access : states)
    inits.push_back(lane.spread(load(lane, access, {}, outer, inner)));
  for (const Access &access : accumulators)
    inits.push_back(lane.constant(cast<TypedAttr>(
        b.getZeroAttr(getElementTypeOrSelf(access.memref.getType())))));
  SmallVector<Value> finals = overTime(
      inits, scan.isReverse(), [&](Value step, ValueRange values) {
        LaneEmitter whole(b, loc, tileLanes);
        SmallVector<Value> past;
        for (Value history : histories)
          past.push_back(whole.load(history, {step, zero}));
        SmallVector<Value> next;
        SmallVector<Value> sums(values.drop_front(states.size()));
        emitStep(lane, scan.getBody().front(), mapping, step, outer, inner,
                 values.take_front(states.size()), past, next, sums);
        llvm::append_range(next, sums);
        return next;
      });

  for (auto [access, value] : llvm::zip(states, finals))
    lane.store(value, access.memref, indicesOf(access, {}, outer, inner));
  for (auto [access, partial, sum] :
       llvm::zip(accumulators, partials,
                 ArrayRef(finals).drop_front(states.size()))) {
    if (partial) {
      SmallVector<Value> indices = llvm::to_vector(outer);
      if (rank > 0)
        indices.push_back(inner);
      lane.store(sum, partial, indices);
      continue;
    }
    SmallVector<Value> indices = indicesOf(access, {}, outer, inner);
    Value init = lane.load(access.memref, indices);
    lane.store(arith::AddFOp::create(b, loc, init, sum), access.memref,
               indices);
  }
}

/// target += the sum of `partial` over the dimensions that do not index it, in
/// row-major order, each sum by one thread.
void ScanLowering::reduce(const Access &target, Value partial) {
  bool vectorized = rank > 0 && target.indexed[split];
  SmallVector<int64_t> kept, summed;
  SmallVector<Value> keptSizes;
  for (int64_t dim = 0; dim < split; ++dim) {
    (target.indexed[dim] ? kept : summed).push_back(dim);
    if (target.indexed[dim])
      keptSizes.push_back(outerSizes[dim]);
  }
  if (rank > 0 && !vectorized)
    summed.push_back(split);

  auto sumAt = [&](ValueRange outer, Value inner, int64_t lanes, Value mask) {
    SmallVector<Value> position(rank > 0 ? split + 1 : 0, zero);
    for (auto [dim, value] : llvm::zip(kept, outer))
      position[dim] = value;
    if (vectorized)
      position[split] = inner;
    LaneEmitter lane(b, loc, lanes, mask);
    std::function<Value(unsigned, Value)> nest = [&](unsigned level,
                                                     Value value) -> Value {
      if (level == summed.size())
        return arith::AddFOp::create(b, loc, value,
                                     lane.load(partial, position));
      int64_t dim = summed[level];
      auto loop = scf::ForOp::create(
          b, loc, zero, dim == split ? innerSize : outerSizes[dim], one,
          value);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      position[dim] = loop.getInductionVar();
      Value next = nest(level + 1, loop.getRegionIterArg(0));
      scf::YieldOp::create(b, loc, next);
      return loop.getResult(0);
    };
    Value sum = nest(0, lane.constant(cast<TypedAttr>(b.getZeroAttr(
                            getElementTypeOrSelf(partial.getType())))));
    SmallVector<Value> indices =
        indicesOf(target, {}, ArrayRef(position).take_front(split),
                  vectorized ? inner : zero);
    Value init = lane.load(target.memref, indices);
    lane.store(arith::AddFOp::create(b, loc, init, sum), target.memref,
               indices);
  };

  // Each sum is long: a thread for every few of them.
  Value summedSize = one;
  for (int64_t dim : summed)
    summedSize = index.mul(summedSize,
                           dim == split ? innerSize : outerSizes[dim]);
  Value work = index.div(index.constant(updatesPerBlock),
                         index.max(summedSize, one));
  createTiledLoops(index, keptSizes, vectorized ? innerSize : one,
                   vectorized ? tiling : LaneTiling(), work, [] {}, sumAt,
                   [] {});
}

LogicalResult ScanLowering::run() {
  if (failed(check()))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(scan);
  space = scan.getSpace();
  rank = space.size();
  bool timed = !scan.isStep();
  for (Value operand : scan.getIns())
    ins.push_back(analyze(operand, timed));
  for (Value operand : scan.getParams())
    params.push_back(analyze(operand, false));
  for (Value operand : scan.getOuts())
    outs.push_back(analyze(operand, timed));
  for (Value operand : scan.getStates())
    states.push_back(analyze(operand, false));
  for (Value operand : scan.getAccumulators())
    accumulators.push_back(analyze(operand, false));
  for (Value operand : scan.getReplayed())
    replayed.push_back(analyze(operand, false));
  chooseInner();

  zero = index.constant(0);
  one = index.constant(1);
  const Access &reference = states.empty() ? outs.front() : states.front();
  for (int64_t dim = 0; dim < split; ++dim)
    outerSizes.push_back(
        index.dim(reference.memref, reference.position[dim]));
  innerSize = one;
  for (int64_t dim = split; dim < rank; ++dim)
    innerSize = index.mul(
        innerSize, index.dim(reference.memref, reference.position[dim]));
  steps = one;
  if (timed) {
    // A static number of steps, if an operand has one.
    auto sequences = llvm::concat<Value>(scan.getOuts(), scan.getIns());
    auto known = llvm::find_if(sequences, [](Value sequence) {
      return !cast<MemRefType>(sequence.getType()).isDynamicDim(0);
    });
    steps = index.dim(known != sequences.end() ? *known : *sequences.begin(),
                      0);
  }
  for (auto *list : {&ins, &params, &outs, &states, &accumulators, &replayed})
    for (Access &access : *list)
      collapse(access);
  chooseLanes();

  for (auto [argument, access] : llvm::zip(scan.getParamArgs(), params))
    if (llvm::none_of(access.indexed, [](bool indexed) { return indexed; }))
      uniform.map(argument, memref::LoadOp::create(
                                b, loc, access.memref,
                                indicesOf(access, {}, ValueRange(outerSizes),
                                          innerSize)));
  for (const Access &access : accumulators) {
    bool whole = true;
    for (int64_t dim = 0; dim < (rank > 0 ? split + 1 : 0); ++dim)
      whole &= access.indexed[dim];
    if (whole) {
      partials.push_back({});
      continue;
    }
    SmallVector<int64_t> shape;
    SmallVector<Value> sizes, dynamicSizes;
    sizes = outerSizes;
    if (rank > 0)
      sizes.push_back(innerSize);
    for (Value size : sizes) {
      auto known = IndexMath::getConstant(size);
      shape.push_back(known.value_or(ShapedType::kDynamic));
      if (!known)
        dynamicSizes.push_back(size);
    }
    auto type = MemRefType::get(
        shape, getElementTypeOrSelf(access.memref.getType()));
    partials.push_back(
        memref::AllocOp::create(b, loc, type, dynamicSizes));
  }

  auto allocateHistories = [&] {
    for (const Access &access : replayed) {
      int64_t known =
          IndexMath::getConstant(steps).value_or(ShapedType::kDynamic);
      auto type = MemRefType::get(
          {known, std::max<int64_t>(tiling.lanes, 1)},
          getElementTypeOrSelf(access.memref.getType()));
      SmallVector<Value> dynamicSizes;
      if (ShapedType::isDynamic(known))
        dynamicSizes.push_back(steps);
      histories.push_back(
          memref::AllocOp::create(b, loc, type, dynamicSizes));
    }
  };
  auto freeHistories = [&] {
    for (Value history : histories)
      memref::DeallocOp::create(b, loc, history);
  };
  Value neurons =
      index.div(index.constant(updatesPerBlock), index.max(steps, one));
  createTiledLoops(index, outerSizes, innerSize, tiling, neurons,
                   allocateHistories,
                   [&](ValueRange outer, Value inner, int64_t lanes,
                       Value mask) { emitTile(outer, inner, lanes, mask); },
                   freeHistories);

  for (auto [access, partial] : llvm::zip(accumulators, partials))
    if (partial) {
      reduce(access, partial);
      memref::DeallocOp::create(b, loc, partial);
    }
  b.eraseOp(scan);
  return success();
}

LogicalResult rheobase::convertScanToLoops(RewriterBase &rewriter, ScanOp scan,
                                           int64_t vectorWidth) {
  return ScanLowering(rewriter, scan, vectorWidth).run();
}

namespace {
struct ConvertSpikingScanToLoopsPass
    : rheobase::impl::ConvertSpikingScanToLoopsPassBase<
          ConvertSpikingScanToLoopsPass> {
  using ConvertSpikingScanToLoopsPassBase::ConvertSpikingScanToLoopsPassBase;

  void runOnOperation() override {
    if (vectorWidth < 1) {
      emitError(getOperation().getLoc(), "vector-width must be at least 1, got ")
          << vectorWidth.getValue();
      return signalPassFailure();
    }
    SmallVector<ScanOp> scans;
    getOperation().walk([&](ScanOp scan) { scans.push_back(scan); });
    IRRewriter rewriter(&getContext());
    for (ScanOp scan : scans) {
      // Scans on tensors belong to a level above.
      if (llvm::any_of(scan->getOperandTypes(),
                       llvm::IsaPred<RankedTensorType>))
        continue;
      if (failed(convertScanToLoops(rewriter, scan, vectorWidth)))
        return signalPassFailure();
    }
    if (scans.empty())
      markAllAnalysesPreserved();
  }
};
} // namespace
