//===- ScanToLoops.cpp - Scans on buffers become loops over vectors ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "IndexMath.h"
#include "LaneEmitter.h"
#include "PackedSpikes.h"
#include "ScanNeighbours.h"
#include "ScanOnBuffers.h"
#include "TiledLoops.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Conversion/SpikingToVector.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
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
static constexpr int64_t updatesPerThread = 1 << 15;
/// The states of the neurons that take a step together stay in the first-level
/// cache, and so does the past that a backward scan replays, unless there are
/// so many steps that the neurons would be too few for runs of their sequences
/// that memory delivers well: then it stays in the second level, and where that
/// is not enough either, spikes still have a line.
static constexpr int64_t bytesOfStates = 1 << 14;
static constexpr int64_t bytesOfPast = 1 << 14;
static constexpr int64_t bytesOfFarPast = 1 << 18;
static constexpr int64_t neuronsOfRuns = 256;
static constexpr int64_t fewestNeurons = 64;
/// Sequences are asked for by so many updates ahead: what memory takes to
/// answer.
static constexpr int64_t neuronsAhead = 512;
/// Of the caches.
static constexpr int64_t bytesOfLine = 64;
/// Results from this size on pass by the caches: they would be written back
/// before the caller reads them, and no line is read before it is written.
static constexpr int64_t bytesThatPayStreaming = 1 << 25;

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
  /// Whether nobody but the function's caller reads it.
  bool isResult = false;
  /// Of a state.
  StateSource source;
  /// Of spikes in bits: their bytes, and where they are there.
  Value bytes = {}, bitOffset = {};
  SmallVector<Value> bitStrides = {};
};

/// A vector of neurons at a step.
struct Position {
  LaneEmitter lane;
  Value step;
  ValueRange outer;
  Value inner;
  /// Where it is in a block's own buffers, which have whole vectors, of
  /// `bufferLanes` lanes.
  Value inBlock;
  int64_t bufferLanes;
  /// The step whose lines are asked for; null outside the loop over time.
  Value stepAhead;
};

/// The loop nest of a scan. The space is split into outer dimensions, each a
/// loop, and inner ones that are collapsed to a single contiguous dimension
/// along which the vectors lie. Threads share the neurons; a thread takes
/// blocks of them through all steps, a step at a time: the block's sequences
/// are read in runs, its states stay in the cache. A scan before it that
/// computes what it replays, the recorder, shares its nest: its steps are taken
/// instead.
class ScanLowering {
public:
  ScanLowering(RewriterBase &rewriter, ScanOp scan, const ScanSources &sources,
               int64_t vectorWidth)
      : b(rewriter), scan(scan), sources(sources), loc(scan.getLoc()),
        index{rewriter, loc}, vectorWidth(vectorWidth) {}

  void setRecorder(ScanOp other, const ScanSources &otherSources) {
    recorder = other;
    recorderSources = otherSources;
  }

  LogicalResult run();

private:
  Access analyze(Value operand, bool timed);
  /// Whether dimensions `first` to the last of the space may be one dimension
  /// of `access`.
  bool isUniform(const Access &access, int64_t first);
  void chooseInner();
  void collapse(Access &access);
  void chooseLanes();
  SmallVector<Value> indicesOf(const Access &access, Value step,
                               ValueRange outer, Value inner);
  void findBits(Access &access);
  Value bitOf(const Access &access, ValueRange indices);
  bool fillsBytes();
  Value load(Position &at, const Access &access);
  void store(Position &at, Value value, const Access &access);
  void prefetch(Position &at, const Access &access, bool isWrite);
  Value loadBuffer(const Position &at, Value buffer, Value step);
  void storeBuffer(const Position &at, Value value, Value buffer, Value step);
  Value zeroOf(Position &at, const Access &access);
  IRMapping mapParams(Position &at, ScanOp from, Block &block);
  void mapUniform(ScanOp from, ArrayRef<Access> accesses);
  Value loadFirst(Position &at, const Access &access);
  void loadReplayedIns(Position &at, IRMapping &mapping, ScanOp from,
                       Block &block);
  SmallVectorImpl<Access> &paramsOf(ScanOp from) {
    return from == scan ? params : recorderParams;
  }
  void planBlocks();
  Value createStreamingTest();
  void report();
  void emitRange(TiledLoops::Range range);
  void emitBlock(TiledLoops::Range block);
  SmallVector<Value> inPartial(const Position &at);
  void addTo(Position &at, Value sum, const Access &access);
  void emitReplay(Position &at);
  void emitRecorder(Position &at);
  void emitStep(Position &at);
  void reduce(const Access &target, Value partial);

  RewriterBase &b;
  ScanOp scan, recorder;
  ScanSources sources, recorderSources;
  Location loc;
  IndexMath index;
  int64_t vectorWidth;

  int64_t rank = 0;
  SmallVector<int64_t> space;
  /// First of the inner dimensions.
  int64_t split = 0;
  SmallVector<Access> ins, params, outs, states, accumulators, replayed;
  SmallVector<Access> recorderParams, recorderOuts, recorderStates;
  SmallVector<Access> *allAccesses[9] = {
      &ins,      &params,         &outs,         &states,        &accumulators,
      &replayed, &recorderParams, &recorderOuts, &recorderStates};
  /// Parameters that are the same everywhere.
  IRMapping uniform;
  SmallVector<Value> outerSizes;
  Value innerSize, steps, zero, one;
  LaneTiling tiling;
  TiledLoops loops;
  /// For each accumulator that is summed over the space, its value for each
  /// neuron; null for the others.
  SmallVector<Value> partials;
  /// A block's rows and vectors; elements of a row of its buffers, of a step.
  std::pair<Value, Value> blockShape;
  Value blockPitch, blockSize;
  /// How many steps ahead a block asks for its sequences.
  Value stepsAhead;
  /// For each input whether a block keeps a copy of it.
  SmallVector<bool> copied;
  /// Buffers of a block: replayed states before each step, inputs that the
  /// replay and the body both read, sums over time, states that are not updated
  /// in place. Null where there is none.
  SmallVector<Value> pastStates, pastIns, sums, ownStates;
  /// Whether stores of results pass by the caches in the code that is emitted.
  bool streaming = false;
};

} // namespace

static int64_t getBytes(const Access &access) {
  Type element = getElementTypeOrSelf(access.memref.getType());
  return element.isIntOrFloat()
             ? llvm::divideCeil(element.getIntOrFloatBitWidth(), 8)
             : 8;
}

Access ScanLowering::analyze(Value operand, bool timed) {
  Broadcast broadcast =
      getBroadcast(cast<MemRefType>(operand.getType()), space, timed);
  Access access{operand,           timed, broadcast.position,
                broadcast.indexed, false, {}};
  access.isResult =
      timed && isResultMemory(operand) &&
      llvm::all_of(operand.getUsers(), [&](Operation *user) {
        return user == scan || user == recorder || isa<memref::DimOp>(user);
      });
  return access;
}

/// Strides of a memref that checkScanOnBuffers() has accepted.
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
  if ((indexed && broadcast) || llvm::is_contained(space, 0))
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
    for (auto *list : allAccesses)
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
      memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups)) {
    // A source has the type of the state.
    for (Value *buffer : {&access.memref, &access.source.buffer})
      if (*buffer)
        *buffer = memref::CollapseShapeOp::create(b, loc, *buffer, groups);
  }
  // From here on, dimension `split` stands for all inner ones.
  Access collapsed{access.memref,   access.timed, {}, {},
                   access.isResult, access.source};
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
  for (auto *list : allAccesses)
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

/// Asks for the lines of a sequence that a later step needs: a block's part of
/// a step is too short for the processor to see what follows.
void ScanLowering::prefetch(Position &at, const Access &access, bool isWrite) {
  if (!at.stepAhead || !access.timed || !access.indexed[split])
    return;
  SmallVector<Value> indices =
      indicesOf(access, at.stepAhead, at.outer, at.inner);
  int64_t line = bytesOfLine / getBytes(access);
  for (int64_t i = 0; i < at.bufferLanes; i += line) {
    memref::PrefetchOp::create(b, loc, access.memref, indices, isWrite,
                               /*localityHint=*/3, /*isDataCache=*/true);
    indices.back() = index.add(indices.back(), index.constant(line));
  }
}

/// Where spikes in bits are.
void ScanLowering::findBits(Access &access) {
  if (!arePackedSpikes(access.memref))
    return;
  access.bytes = getPackedBytes(b, access.memref);
  auto metadata =
      memref::ExtractStridedMetadataOp::create(b, loc, access.memref);
  auto [strides, offset] =
      cast<MemRefType>(access.memref.getType()).getStridesAndOffset();
  access.bitOffset = ShapedType::isDynamic(offset) ? metadata.getOffset()
                                                   : index.constant(offset);
  for (auto [known, stride] : llvm::zip(strides, metadata.getStrides()))
    access.bitStrides.push_back(
        ShapedType::isDynamic(known) ? stride : index.constant(known));
}

Value ScanLowering::bitOf(const Access &access, ValueRange indices) {
  Value bit = access.bitOffset;
  for (auto [i, stride] : llvm::zip_equal(indices, access.bitStrides))
    bit = index.add(bit, index.mul(i, stride));
  return bit;
}

/// Whether vectors fill bytes of what is written as bits.
bool ScanLowering::fillsBytes() {
  for (auto *list : allAccesses) {
    bool isInput = list == &ins || list == &params;
    for (const Access &access : *list)
      if (access.bytes && !isInput &&
          (rank == 0 || !access.indexed[split] || tiling.lanes == 0 ||
           tiling.lanes % 8 != 0 || tiling.staticTail % 8 != 0))
        return false;
  }
  return true;
}

Value ScanLowering::load(Position &at, const Access &access) {
  SmallVector<Value> indices =
      indicesOf(access, at.step, at.outer, at.inner);
  if (access.bytes) {
    Value bit = bitOf(access, indices);
    return rank > 0 && access.indexed[split]
               ? at.lane.loadPacked(access.bytes, bit,
                                    vectorWidth >= kLanesWithMaskRegisters)
               : loadPackedElement(b, loc, access.bytes, bit);
  }
  prefetch(at, access, /*isWrite=*/false);
  if (rank > 0 && access.indexed[split])
    return at.lane.load(access.memref, indices);
  return memref::LoadOp::create(b, loc, access.memref, indices);
}

/// Of the vectors of an operand, where they may be streamed.
static int64_t getVectorAlignment(const Access &access, int64_t lanes) {
  return std::min(getBytes(access) * lanes, bytesOfLine);
}

void ScanLowering::store(Position &at, Value value, const Access &access) {
  if (access.bytes)
    return at.lane.storePacked(
        value, access.bytes,
        bitOf(access, indicesOf(access, at.step, at.outer, at.inner)));
  std::optional<int64_t> streamed;
  if (streaming && access.isResult && at.bufferLanes == tiling.lanes)
    streamed = getVectorAlignment(access, tiling.lanes);
  else
    prefetch(at, access, /*isWrite=*/true);
  at.lane.store(value, access.memref,
                indicesOf(access, at.step, at.outer, at.inner), streamed);
}

Value ScanLowering::loadBuffer(const Position &at, Value buffer, Value step) {
  LaneEmitter lane(b, loc, at.bufferLanes);
  return lane.load(buffer,
                   index.add(index.mul(step, blockSize), at.inBlock));
}

void ScanLowering::storeBuffer(const Position &at, Value value, Value buffer,
                               Value step) {
  LaneEmitter lane(b, loc, at.bufferLanes);
  lane.store(value, buffer,
             index.add(index.mul(step, blockSize), at.inBlock));
}

Value ScanLowering::zeroOf(Position &at, const Access &access) {
  return at.lane.constant(cast<TypedAttr>(
      b.getZeroAttr(getElementTypeOrSelf(access.memref.getType()))));
}

/// The values of the parameters that `block`, the body or the replay of `from`,
/// uses.
IRMapping ScanLowering::mapParams(Position &at, ScanOp from, Block &block) {
  IRMapping mapping;
  for (auto [i, access] : llvm::enumerate(paramsOf(from))) {
    BlockArgument argument = block.getArgument(from.getIns().size() + i);
    if (argument.use_empty())
      continue;
    Value value = uniform.lookupOrNull(from.getParamArgs()[i]);
    mapping.map(argument, value ? value : load(at, access));
  }
  return mapping;
}

/// The state that a neuron begins with.
Value ScanLowering::loadFirst(Position &at, const Access &access) {
  if (access.source.scalar)
    return at.lane.spread(access.source.scalar);
  Access from = access;
  if (access.source.buffer)
    from.memref = access.source.buffer;
  return load(at, from);
}

/// The inputs that `block` of `from` uses, while the past is computed.
void ScanLowering::loadReplayedIns(Position &at, IRMapping &mapping,
                                   ScanOp from, Block &block) {
  for (auto [i, input] : llvm::enumerate(from.getIns())) {
    BlockArgument argument = block.getArgument(i);
    if (argument.use_empty())
      continue;
    int64_t number = llvm::find(scan.getIns(), input) - scan.getIns().begin();
    mapping.map(argument, load(at, ins[number]));
    if (pastIns[number])
      storeBuffer(at, mapping.lookup(argument), pastIns[number], at.step);
  }
}

/// A step of the recorder, which grows the past as the replay would.
void ScanLowering::emitRecorder(Position &at) {
  Block &block = recorder.getBody().front();
  IRMapping mapping = mapParams(at, recorder, block);
  loadReplayedIns(at, mapping, recorder, block);
  for (auto [argument, past] : llvm::zip(recorder.getStateArgs(), pastStates))
    mapping.map(argument, loadBuffer(at, past, at.step));
  at.lane.setTimeStep(at.step);
  at.lane.emit(block, mapping);
  YieldOp yield = recorder.getYield();
  for (auto [access, value] : llvm::zip(recorderOuts, yield.getOutputs()))
    store(at, mapping.lookupOrDefault(value), access);
  Value next = index.add(at.step, one);
  for (auto [past, value] : llvm::zip(pastStates, yield.getNext()))
    storeBuffer(at, mapping.lookupOrDefault(value), past, next);
}

/// A step of the replayed recurrence: the past grows by the next states.
void ScanLowering::emitReplay(Position &at) {
  if (recorder)
    return emitRecorder(at);
  Block &block = scan.getReplay().front();
  IRMapping mapping = mapParams(at, scan, block);
  loadReplayedIns(at, mapping, scan, block);
  for (auto [i, past] : llvm::enumerate(pastStates))
    mapping.map(block.getArgument(ins.size() + params.size() + i),
                loadBuffer(at, past, at.step));
  at.lane.setTimeStep(at.step);
  at.lane.emit(block, mapping);
  Value next = index.add(at.step, one);
  for (auto [past, value] :
       llvm::zip(pastStates, scan.getReplayYield().getNext()))
    storeBuffer(at, mapping.lookupOrDefault(value), past, next);
}

/// A step of the body.
void ScanLowering::emitStep(Position &at) {
  Block &block = scan.getBody().front();
  IRMapping mapping = mapParams(at, scan, block);
  for (auto [i, access] : llvm::enumerate(ins)) {
    BlockArgument argument = block.getArgument(i);
    if (!argument.use_empty())
      mapping.map(argument, !pastIns.empty() && pastIns[i]
                                ? loadBuffer(at, pastIns[i], at.step)
                                : load(at, access));
  }
  for (auto [i, argument] : llvm::enumerate(scan.getStateArgs()))
    if (!argument.use_empty())
      mapping.map(argument, states[i].source.isElsewhere()
                                ? loadBuffer(at, ownStates[i], zero)
                                : load(at, states[i]));
  for (auto [argument, past] :
       llvm::zip(scan.getReplayedArgs(), pastStates))
    if (!argument.use_empty())
      mapping.map(argument, loadBuffer(at, past, at.step));
  at.lane.setTimeStep(at.step);
  at.lane.emit(block, mapping);

  YieldOp yield = scan.getYield();
  for (auto [access, value] : llvm::zip(outs, yield.getOutputs()))
    store(at, mapping.lookupOrDefault(value), access);
  for (auto [i, next] : llvm::enumerate(yield.getNext())) {
    Value value = mapping.lookupOrDefault(next);
    if (states[i].source.isElsewhere())
      storeBuffer(at, value, ownStates[i], zero);
    else
      store(at, value, states[i]);
  }
  for (auto [i, contribution] : llvm::enumerate(yield.getContributions())) {
    Value value = at.lane.spread(mapping.lookupOrDefault(contribution));
    Value sum = scan.isStep() ? zeroOf(at, accumulators[i])
                : partials[i] ? at.lane.load(partials[i], inPartial(at))
                              : loadBuffer(at, sums[i], zero);
    sum = arith::AddFOp::create(b, loc, sum, value);
    if (partials[i])
      at.lane.store(sum, partials[i], inPartial(at));
    else if (!scan.isStep())
      storeBuffer(at, sum, sums[i], zero);
    else
      addTo(at, sum, accumulators[i]);
  }
}

/// Where a neuron's sum is in `partials`.
SmallVector<Value> ScanLowering::inPartial(const Position &at) {
  SmallVector<Value> indices = llvm::to_vector(at.outer);
  if (rank > 0)
    indices.push_back(at.inner);
  return indices;
}

void ScanLowering::addTo(Position &at, Value sum, const Access &access) {
  Value init = load(at, access);
  store(at, arith::AddFOp::create(b, loc, init, sum), access);
}

static bool isElsewhere(const Access &state) {
  return state.source.isElsewhere();
}

static bool isRead(const Access &state) { return state.source.isRead; }

/// All steps of a block of neurons.
void ScanLowering::emitBlock(TiledLoops::Range block) {
  Value width = index.constant(std::max<int64_t>(tiling.lanes, 1));
  Value firstInner = index.mul(block.firstTile, width);
  using EmitFn = llvm::function_ref<void(Position &)>;
  auto forEachVector = [&](Value step, EmitFn emit, Value stepAhead = {}) {
    loops.createTiles(
        index, block,
        [&](Value row, ValueRange outer, Value inner, int64_t lanes,
            Value mask) {
          Value inBlock;
          if (blockPitch)
            inBlock = index.add(
                index.mul(index.sub(row, block.firstRow), blockPitch),
                index.sub(inner, firstInner));
          Position at{LaneEmitter(b, loc, lanes, mask),
                      step,
                      outer,
                      inner,
                      inBlock,
                      lanes,
                      stepAhead};
          emit(at);
        });
  };
  if (scan.isStep())
    return forEachVector(zero, [&](Position &at) { emitStep(at); });

  Value lastStep = index.sub(steps, one);
  if (!replayed.empty()) {
    forEachVector(zero, [&](Position &at) {
      for (auto [access, past] : llvm::zip(replayed, pastStates))
        storeBuffer(at, loadFirst(at, access), past, zero);
    });
    createLoop(b, loc, zero, steps, one, [&](Value step) {
      Value ahead = index.min(index.add(step, stepsAhead), lastStep);
      forEachVector(step, [&](Position &at) { emitReplay(at); }, ahead);
    });
    if (llvm::any_of(recorderStates, isRead))
      forEachVector(zero, [&](Position &at) {
        for (auto [access, past] : llvm::zip(recorderStates, pastStates))
          if (isRead(access))
            store(at, loadBuffer(at, past, steps), access);
      });
  }
  if (llvm::any_of(states, isElsewhere))
    forEachVector(zero, [&](Position &at) {
      for (auto [access, own] : llvm::zip(states, ownStates))
        if (own)
          storeBuffer(at, loadFirst(at, access), own, zero);
    });
  if (!accumulators.empty())
    forEachVector(zero, [&](Position &at) {
      for (auto [i, access] : llvm::enumerate(accumulators))
        if (partials[i])
          at.lane.store(zeroOf(at, access), partials[i], inPartial(at));
        else
          storeBuffer(at, zeroOf(at, access), sums[i], zero);
    });
  createLoop(b, loc, zero, steps, one, [&](Value count) {
    Value step = scan.isReverse() ? index.sub(lastStep, count) : count;
    Value ahead = scan.isReverse()
                      ? index.sub(step, index.min(step, stepsAhead))
                      : index.min(index.add(step, stepsAhead), lastStep);
    forEachVector(step, [&](Position &at) { emitStep(at); }, ahead);
  });
  if (llvm::any_of(states, isElsewhere) && llvm::any_of(states, isRead))
    forEachVector(zero, [&](Position &at) {
      for (auto [access, own] : llvm::zip(states, ownStates))
        if (own && isRead(access))
          store(at, loadBuffer(at, own, zero), access);
    });
  if (llvm::is_contained(partials, Value()))
    forEachVector(zero, [&](Position &at) {
      for (auto [i, access] : llvm::enumerate(accumulators))
        if (!partials[i])
          addTo(at, loadBuffer(at, sums[i], zero), access);
    });
}

/// Chooses how many neurons take a step together.
void ScanLowering::planBlocks() {
  copied.assign(ins.size(), false);
  if (scan.isStep())
    return;
  int64_t stateBytes = 0, pastBytes = 0;
  for (auto *list : {&states, &accumulators})
    for (const Access &access : *list)
      stateBytes += getBytes(access);
  for (const Access &access : replayed)
    pastBytes += getBytes(access);
  if (!replayed.empty())
    for (auto [i, access] : llvm::enumerate(ins)) {
      copied[i] = !scan.getBody().getArgument(i).use_empty() &&
                  !scan.getReplay().getArgument(i).use_empty();
      if (copied[i])
        pastBytes += getBytes(access);
    }
  Value neurons = index.constant(
      std::max<int64_t>(bytesOfStates / std::max<int64_t>(stateBytes, 4), 1));
  if (pastBytes) {
    auto whoseIs = [&](int64_t bytes) {
      return index.div(index.constant(bytes / pastBytes),
                       index.add(steps, one));
    };
    Value near = whoseIs(bytesOfPast), far = whoseIs(bytesOfFarPast);
    far = index.min(far, index.constant(neuronsOfRuns));
    far = index.max(far, index.constant(fewestNeurons));
    neurons = index.min(neurons, index.max(near, far));
  }
  auto [rows, tiles] = loops.getBlockShape(index, neurons);
  rows = index.min(rows, index.max(loops.getRows(index), one));
  blockShape = {rows, tiles};
  stepsAhead = index.max(index.div(index.constant(neuronsAhead), neurons), one);
  if (replayed.empty() && accumulators.empty() &&
      llvm::none_of(states, isElsewhere))
    return;
  blockPitch =
      index.mul(tiles, index.constant(std::max<int64_t>(tiling.lanes, 1)));
  blockSize = index.mul(rows, blockPitch);
}

/// Whether the results are large enough to be streamed, and aligned; null if
/// none may be.
Value ScanLowering::createStreamingTest() {
  Value bytes;
  SmallVector<Value> unaligned;
  int64_t inner = tiling.lanes;
  if (tiling.lanes < 2 || tiling.staticTail)
    return {};
  for (const Access &access : llvm::concat<const Access>(outs, recorderOuts)) {
    if (!access.isResult || !access.indexed[split])
      continue;
    // Rows begin where the one before ends.
    int64_t alignment = getVectorAlignment(access, inner);
    Value size = index.constant(getBytes(access));
    unaligned.push_back(
        index.rem(index.mul(innerSize, size), index.constant(alignment)));
    unaligned.push_back(index.rem(
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, access.memref),
        index.constant(alignment)));
    Value count = steps;
    for (int64_t dim = 0; dim < split; ++dim)
      if (access.indexed[dim])
        count = index.mul(count, outerSizes[dim]);
    count = index.mul(index.mul(count, innerSize), size);
    bytes = bytes ? index.add(bytes, count) : count;
  }
  if (!bytes)
    return {};
  auto known = IndexMath::getConstant(bytes);
  if (known && *known < bytesThatPayStreaming)
    return {};
  Value test = index.less(index.constant(bytesThatPayStreaming - 1), bytes);
  Value sum = zero;
  for (Value rest : unaligned)
    sum = index.add(sum, rest);
  return arith::AndIOp::create(b, loc, test, index.less(sum, one));
}

void ScanLowering::report() {
  auto function = scan->getParentOfType<func::FuncOp>();
  auto options =
      remark::RemarkOpts::name(tiling.lanes > 1 ? remarks::kVectorized
                                                : remarks::kOneByOne)
          .category("convert-spiking-scan-to-loops")
          .function(function ? function.getName() : StringRef());
  if (tiling.lanes > 1)
    remark::passed(loc, options)
        << ("a scan in vectors of " + std::to_string(tiling.lanes) +
            " neurons" + (tiling.hasTail() ? ", the last one masked" : ""))
        << remark::metric("lanes", tiling.lanes);
  else if (rank > 0)
    remark::missed(loc, options)
        << "a scan of neurons one by one: their elements are not neighbours in "
           "memory";
}

/// A thread's neurons: block by block.
void ScanLowering::emitRange(TiledLoops::Range range) {
  if (scan.isStep())
    return emitBlock(range);
  auto allocate = [&](const Access &access, Value count) -> Value {
    return memref::AllocOp::create(
        b, loc,
        MemRefType::get({ShapedType::kDynamic},
                        getElementTypeOrSelf(access.memref.getType())),
        index.mul(count, blockSize));
  };
  pastStates.clear();
  pastIns.clear();
  sums.clear();
  ownStates.clear();
  Value afterwards = index.add(steps, one);
  for (const Access &access : replayed)
    pastStates.push_back(allocate(access, afterwards));
  for (auto [access, keep] : llvm::zip(ins, copied))
    pastIns.push_back(keep ? allocate(access, steps) : Value());
  for (auto [access, partial] : llvm::zip(accumulators, partials))
    sums.push_back(partial ? Value() : allocate(access, one));
  for (const Access &access : states)
    ownStates.push_back(isElsewhere(access) ? allocate(access, one) : Value());
  loops.createBlocks(index, range, blockShape,
                     [&](TiledLoops::Range block) { emitBlock(block); });
  for (auto *list : {&pastStates, &pastIns, &sums, &ownStates})
    for (Value buffer : *list)
      if (buffer)
        memref::DeallocOp::create(b, loc, buffer);
  // Whoever waits for this thread sees what it streamed.
  if (streaming)
    LLVM::FenceOp::create(b, loc, LLVM::AtomicOrdering::seq_cst, "");
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
    std::function<Value(unsigned, Value)> chain = [&](unsigned level,
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
      Value next = chain(level + 1, loop.getRegionIterArg(0));
      scf::YieldOp::create(b, loc, next);
      return loop.getResult(0);
    };
    Value sum = chain(0, lane.constant(cast<TypedAttr>(b.getZeroAttr(
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
  Value work = index.div(index.constant(updatesPerThread),
                         index.max(summedSize, one));
  TiledLoops nest{keptSizes, vectorized ? innerSize : one,
                  vectorized ? tiling : LaneTiling()};
  nest.createParallelRanges(index, work, [&](TiledLoops::Range range) {
    nest.createTiles(index, range,
                     [&](Value, ValueRange outer, Value inner, int64_t lanes,
                         Value mask) { sumAt(outer, inner, lanes, mask); });
  });
}

/// Loads the parameters that are the same everywhere.
void ScanLowering::mapUniform(ScanOp from, ArrayRef<Access> accesses) {
  for (auto [argument, access] : llvm::zip(from.getParamArgs(), accesses))
    if (llvm::none_of(access.indexed, [](bool indexed) { return indexed; }))
      uniform.map(argument, memref::LoadOp::create(
                                b, loc, access.memref,
                                indicesOf(access, {}, ValueRange(outerSizes),
                                          innerSize)));
}

LogicalResult ScanLowering::run() {
  if (failed(checkScanOnBuffers(scan, /*mayBePacked=*/true)) ||
      (recorder && failed(checkScanOnBuffers(recorder, /*mayBePacked=*/true))))
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
  for (auto [state, source] : llvm::zip(states, sources.states))
    state.source = source;
  for (auto [state, source] : llvm::zip(replayed, sources.replayed))
    state.source = source;
  if (recorder) {
    for (Value operand : recorder.getParams())
      recorderParams.push_back(analyze(operand, false));
    for (Value operand : recorder.getOuts())
      recorderOuts.push_back(analyze(operand, true));
    for (auto [operand, source] :
         llvm::zip(recorder.getStates(), recorderSources.states)) {
      recorderStates.push_back(analyze(operand, false));
      recorderStates.back().source = source;
    }
    // What the replay begins with need not be there any more.
    for (auto [first, state] : llvm::zip(replayed, recorderStates))
      first.source = state.source;
  }
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
  steps = createTimeSteps(index, scan);
  for (auto *list : allAccesses)
    for (Access &access : *list)
      collapse(access);
  chooseLanes();
  for (auto *list : allAccesses)
    for (Access &access : *list)
      findBits(access);
  if (!fillsBytes())
    return scan.emitOpError("writes spikes in bits, for which it must work on "
                            "vectors of whole bytes");

  mapUniform(scan, params);
  if (recorder)
    mapUniform(recorder, recorderParams);
  for (const Access &access : accumulators) {
    bool whole = true;
    for (int64_t dim = 0; dim < (rank > 0 ? split + 1 : 0); ++dim)
      whole &= access.indexed[dim];
    if (whole) {
      partials.push_back({});
      continue;
    }
    SmallVector<Value> sizes = outerSizes;
    if (rank > 0)
      sizes.push_back(innerSize);
    partials.push_back(createBuffer(
        b, loc, sizes, getElementTypeOrSelf(access.memref.getType())));
  }

  loops = {outerSizes, innerSize, tiling};
  planBlocks();
  report();
  Value neurons =
      index.div(index.constant(updatesPerThread), index.max(steps, one));
  auto emitAll = [&] {
    loops.createParallelRanges(
        index, neurons, [&](TiledLoops::Range range) { emitRange(range); });
  };
  if (Value streams = createStreamingTest()) {
    auto choice = scf::IfOp::create(b, loc, streams, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard inBranch(b);
    b.setInsertionPointToStart(choice.thenBlock());
    streaming = true;
    emitAll();
    streaming = false;
    b.setInsertionPointToStart(choice.elseBlock());
    emitAll();
  } else {
    emitAll();
  }

  for (auto [access, partial] : llvm::zip(accumulators, partials))
    if (partial) {
      reduce(access, partial);
      memref::DeallocOp::create(b, loc, partial);
    }
  if (recorder)
    b.eraseOp(recorder);
  b.eraseOp(scan);
  return success();
}

LogicalResult rheobase::convertScanToLoops(RewriterBase &rewriter, ScanOp scan,
                                           int64_t vectorWidth) {
  ScanSources sources = takeScanSources(rewriter, scan);
  return ScanLowering(rewriter, scan, sources, vectorWidth).run();
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
    if (scans.empty())
      return markAllAnalysesPreserved();
    // Scans on tensors belong to a level above.
    llvm::erase_if(scans, [](ScanOp scan) {
      return llvm::any_of(scan->getOperandTypes(),
                          llvm::IsaPred<RankedTensorType>);
    });
    IRRewriter rewriter(&getContext());
    DenseMap<Operation *, ScanSources> sources;
    for (ScanOp scan : scans)
      sources[scan] = takeScanSources(rewriter, scan);
    DenseMap<Operation *, ScanOp> recorders;
    DenseSet<Operation *> recording;
    for (ScanOp scan : scans)
      if (ScanOp recorder =
              findRecorder(scan, sources[scan], [&](ScanOp other) {
                auto it = sources.find(other);
                return it == sources.end() ? nullptr : &it->second;
              })) {
        recorders[scan] = recorder;
        recording.insert(recorder);
      }
    for (ScanOp scan : scans) {
      if (recording.contains(scan))
        continue;
      ScanLowering lowering(rewriter, scan, sources[scan], vectorWidth);
      if (ScanOp recorder = recorders.lookup(scan))
        lowering.setRecorder(recorder, sources[recorder]);
      if (failed(lowering.run()))
        return signalPassFailure();
    }
    eraseUnreadFills(rewriter, getOperation());
  }
};
} // namespace
