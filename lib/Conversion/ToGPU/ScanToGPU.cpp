//===- ScanToGPU.cpp - Scans on buffers become kernels ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "../SpikingToVector/IndexMath.h"
#include "../SpikingToVector/LaneEmitter.h"
#include "../SpikingToVector/ScanOnBuffers.h"
#include "KernelBuilder.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"

namespace rheobase {
#define GEN_PASS_DEF_CONVERTSPIKINGSCANTOGPUPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Neurons of a thread: of 32 bits they fill the widest access, 128 bits.
static constexpr int64_t groupSize = 4;
static constexpr int64_t accessBytes = 16;

namespace {

/// How neurons find their element of an operand.
struct Access {
  /// uniform: all neurons have the same. contiguous: neuron n has element n
  /// modulo `period` (null: n itself) of the last dimension. strided: element
  /// by the neuron's coordinates.
  enum Kind { uniform, contiguous, strided } kind;
  Value memref;
  bool timed;
  Value period;
  /// strided: for each dimension after time the one of the space; -1: none.
  SmallVector<int64_t> coordinates;
  /// Whether the elements of a group of neurons are neighbours.
  bool grouped = false;

  Type getElement() const { return getElementTypeOrSelf(memref.getType()); }
};

/// An element, or a group of them, of an operand for certain neurons.
struct Place {
  /// One list of indices, after the one of time, for each separate access.
  SmallVector<SmallVector<Value>> indices;
};

/// The kernel of one scan.
class ScanKernel {
public:
  ScanKernel(RewriterBase &rewriter, ScanOp scan, int64_t chunkSteps)
      : b(rewriter), scan(scan), loc(scan.getLoc()), index{rewriter, loc},
        chunkSteps(chunkSteps) {}

  LogicalResult run();

private:
  Access analyze(Value operand, bool timed);
  /// Whether groups of neurons may be accessed as wholes; null: always.
  Value emitAligned();

  /// The code of neuron `first`, or of the group of neurons that begins there.
  void emitNeurons(int64_t lanes, Value first);
  Place placeOf(const Access &access, int64_t lanes, Value first);
  Value load(LaneEmitter &lane, const Access &access, const Place &place,
             Value step);
  void store(LaneEmitter &lane, const Access &access, const Place &place,
             Value step, Value value);
  /// target += sums of `partial` over the neurons that share an element, each
  /// in row-major order by one thread.
  void reduce(const Access &target, ArrayRef<bool> indexed, Value partial);

  RewriterBase &b;
  ScanOp scan;
  Location loc;
  IndexMath index;
  int64_t chunkSteps;

  SmallVector<int64_t> space;
  SmallVector<Value> spaceSizes;
  Value neurons, steps, zero, one;
  SmallVector<Access> ins, params, outs, states, accumulators, replayed;
  /// Checkpoints of each replayed state, [checkpoints, neurons].
  SmallVector<Access> checkpoints;
  /// For each accumulator what each neuron adds to it; null: it has an element
  /// for each neuron.
  SmallVector<std::optional<Access>> partials;
};

} // namespace

Access ScanKernel::analyze(Value operand, bool timed) {
  auto type = cast<MemRefType>(operand.getType());
  int64_t rank = space.size(), own = type.getRank() - timed;
  // Dimensions that tell neurons apart: a suffix of the space, in the best case.
  Access access{Access::strided, operand, timed, {}, {}};
  Broadcast broadcast = getBroadcast(type, space, timed);
  SmallVector<bool> indexed(rank, false);
  for (auto [dim, position] : llvm::enumerate(broadcast.position)) {
    if (position < 0)
      continue;
    indexed[dim] = broadcast.indexed[dim] && space[dim] != 1;
    access.coordinates.push_back(type.getDimSize(position) == 1 ? -1 : dim);
  }
  auto firstIndexed = llvm::find(indexed, true);
  if (firstIndexed == indexed.end()) {
    access.kind = Access::uniform;
    return access;
  }
  int64_t first = firstIndexed - indexed.begin();
  for (int64_t dim = first; dim < rank; ++dim)
    if (!indexed[dim] && space[dim] != 1)
      return access;
  SmallVector<ReassociationIndices> groups;
  if (timed)
    groups.push_back({0});
  groups.push_back(llvm::to_vector(llvm::seq<int64_t>(timed, type.getRank())));
  if (own > 1) {
    if (!memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
      return access;
    access.memref = memref::CollapseShapeOp::create(b, loc, operand, groups);
  } else if (type.getStridesAndOffset().first.back() != 1) {
    return access;
  }
  access.kind = Access::contiguous;
  access.grouped = true;
  if (llvm::any_of(ArrayRef(space).take_front(first),
                   [](int64_t size) { return size != 1; })) {
    access.period =
        productOf(b, loc, ArrayRef(spaceSizes).drop_front(first));
    std::optional<int64_t> known = IndexMath::getConstant(access.period);
    access.grouped = !known || *known % groupSize == 0;
  }
  return access;
}

/// Bytes that an access to a group of `element` takes at once.
static int64_t getAlignment(Type element) {
  return std::min<int64_t>(accessBytes,
                           groupSize * element.getIntOrFloatBitWidth() / 8);
}

Value ScanKernel::emitAligned() {
  // What must be zero.
  Value excess;
  auto require = [&](Value value, int64_t divisor) {
    Value rest = arith::AndIOp::create(b, loc, value,
                                       index.constant(divisor - 1));
    excess = excess ? arith::OrIOp::create(b, loc, excess, rest).getResult()
                    : rest;
  };
  if (std::optional<int64_t> known = IndexMath::getConstant(neurons);
      !known || *known % groupSize != 0)
    require(neurons, groupSize);
  SmallVector<Access *> all;
  for (auto *list :
       {&ins, &params, &outs, &states, &accumulators, &replayed, &checkpoints})
    for (Access &access : *list)
      all.push_back(&access);
  for (std::optional<Access> &partial : partials)
    if (partial)
      all.push_back(&*partial);
  for (Access *access : all) {
    if (!access->grouped)
      continue;
    if (access->period)
      require(access->period, groupSize);
    auto metadata =
        memref::ExtractStridedMetadataOp::create(b, loc, access->memref);
    int64_t bytes = access->getElement().getIntOrFloatBitWidth() / 8;
    int64_t alignment = getAlignment(access->getElement());
    Value address =
        memref::ExtractAlignedPointerAsIndexOp::create(b, loc, access->memref);
    address = index.add(
        address, index.mul(metadata.getOffset(), index.constant(bytes)));
    require(address, alignment);
    if (access->timed)
      require(index.mul(metadata.getStrides().front(), index.constant(bytes)),
              alignment);
  }
  return excess ? arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        excess, zero)
                      .getResult()
                : Value();
}

Place ScanKernel::placeOf(const Access &access, int64_t lanes, Value first) {
  Place place;
  auto type = cast<MemRefType>(access.memref.getType());
  int64_t own = type.getRank() - access.timed;
  int64_t separate = std::max<int64_t>(lanes, 1);
  switch (access.kind) {
  case Access::uniform:
    place.indices.emplace_back(own, zero);
    break;
  case Access::contiguous:
    for (int64_t lane = 0; lane < (access.grouped ? 1 : separate); ++lane) {
      Value neuron = index.add(first, index.constant(lane));
      place.indices.push_back(
          {access.period ? index.rem(neuron, access.period) : neuron});
    }
    break;
  case Access::strided:
    for (int64_t lane = 0; lane < separate; ++lane) {
      SmallVector<Value> coordinates = delinearize(
          b, loc, index.add(first, index.constant(lane)), spaceSizes);
      SmallVector<Value> &indices = place.indices.emplace_back();
      for (int64_t dim : access.coordinates)
        indices.push_back(dim < 0 ? zero : coordinates[dim]);
    }
    break;
  }
  return place;
}

/// The indices of an access at `step`.
static SmallVector<Value> at(const Access &access, Value step,
                             ArrayRef<Value> indices) {
  SmallVector<Value> all;
  if (access.timed)
    all.push_back(step);
  llvm::append_range(all, indices);
  return all;
}

Value ScanKernel::load(LaneEmitter &lane, const Access &access,
                       const Place &place, Value step) {
  Type type = lane.getType(access.getElement());
  auto vector = dyn_cast<VectorType>(type);
  if (access.grouped && vector)
    return vector::LoadOp::create(
        b, loc, vector, access.memref, at(access, step, place.indices[0]),
        /*nontemporal=*/false, llvm::Align(getAlignment(access.getElement())));
  SmallVector<Value> elements;
  for (ArrayRef<Value> indices : place.indices)
    elements.push_back(memref::LoadOp::create(b, loc, access.memref,
                                              at(access, step, indices)));
  return elements.size() == 1
             ? elements.front()
             : vector::FromElementsOp::create(b, loc, vector, elements)
                   .getResult();
}

void ScanKernel::store(LaneEmitter &lane, const Access &access,
                       const Place &place, Value step, Value value) {
  value = lane.spread(value);
  if (!isa<VectorType>(value.getType())) {
    memref::StoreOp::create(b, loc, value, access.memref,
                            at(access, step, place.indices[0]));
    return;
  }
  if (access.grouped) {
    vector::StoreOp::create(
        b, loc, value, access.memref, at(access, step, place.indices[0]),
        /*nontemporal=*/false, llvm::Align(getAlignment(access.getElement())));
    return;
  }
  for (auto [i, indices] : llvm::enumerate(place.indices))
    memref::StoreOp::create(b, loc, vector::ExtractOp::create(b, loc, value, i),
                            access.memref, at(access, step, indices));
}

void ScanKernel::emitNeurons(int64_t lanes, Value first) {
  LaneEmitter lane(b, loc, lanes);
  auto placesOf = [&](ArrayRef<Access> list) {
    return llvm::map_to_vector(list, [&](const Access &access) {
      return placeOf(access, lanes, first);
    });
  };
  SmallVector<Place> inPlaces = placesOf(ins), outPlaces = placesOf(outs),
                     statePlaces = placesOf(states),
                     checkpointPlaces = placesOf(checkpoints);
  SmallVector<Value> paramValues;
  for (auto [access, place] : llvm::zip(params, placesOf(params)))
    paramValues.push_back(load(lane, access, place, {}));
  auto initsOf = [&](ArrayRef<Access> list) {
    SmallVector<Value> values;
    for (auto [access, place] : llvm::zip(list, placesOf(list)))
      values.push_back(lane.spread(load(lane, access, place, {})));
    return values;
  };

  // What the regions use of the inputs of a step.
  Block &body = scan.getBody().front();
  Block *replay = replayed.empty() ? nullptr : &scan.getReplay().front();
  auto loadIns = [&](Value step, bool forBody) {
    SmallVector<Value> values;
    for (auto [i, access] : llvm::enumerate(ins)) {
      bool used = (forBody && !body.getArgument(i).use_empty()) ||
                  (replay && !replay->getArgument(i).use_empty());
      values.push_back(used ? load(lane, access, inPlaces[i], step) : Value());
    }
    return values;
  };
  auto emitBlock = [&](Block &block, Value step, ValueRange inValues,
                       ValueRange stateValues, ValueRange pastValues) {
    IRMapping mapping;
    SmallVector<Value> values(inValues);
    llvm::append_range(values, paramValues);
    llvm::append_range(values, stateValues);
    llvm::append_range(values, pastValues);
    for (auto [argument, value] : llvm::zip_equal(block.getArguments(), values))
      if (value)
        mapping.map(argument, value);
    lane.setTimeStep(step);
    lane.emit(block, mapping);
    return mapping;
  };
  auto replayStep = [&](Value step, ValueRange inValues, ValueRange past) {
    IRMapping mapping = emitBlock(*replay, step, inValues, past, {});
    return llvm::map_to_vector(scan.getReplayYield().getNext(), [&](Value v) {
      return lane.spread(mapping.lookupOrDefault(v));
    });
  };
  // One step: stores the outputs; `carried`, states and sums, become the next.
  auto bodyStep = [&](Value step, ValueRange inValues, ValueRange past,
                      ValueRange carried) {
    IRMapping mapping = emitBlock(body, step, inValues,
                                  carried.take_front(states.size()), past);
    YieldOp yield = scan.getYield();
    for (auto [access, place, value] :
         llvm::zip(outs, outPlaces, yield.getOutputs()))
      store(lane, access, place, step, mapping.lookupOrDefault(value));
    SmallVector<Value> next;
    for (Value value : yield.getNext())
      next.push_back(lane.spread(mapping.lookupOrDefault(value)));
    for (auto [sum, value] : llvm::zip(carried.drop_front(states.size()),
                                       yield.getContributions()))
      next.push_back(arith::AddFOp::create(
          b, loc, sum, lane.spread(mapping.lookupOrDefault(value))));
    return next;
  };
  // A loop of `count` iterations, downwards if `reverse`.
  using StepFn = llvm::function_ref<SmallVector<Value>(Value, ValueRange)>;
  auto repeat = [&](Value count, bool reverse, ArrayRef<Value> inits,
                    StepFn step) -> SmallVector<Value> {
    if (IndexMath::getConstant(count) == 0)
      return SmallVector<Value>(inits);
    if (IndexMath::getConstant(count) == 1)
      return step(zero, inits);
    auto loop = scf::ForOp::create(b, loc, zero, count, one, inits);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value position = loop.getInductionVar();
    if (reverse)
      position = index.sub(index.sub(count, one), position);
    SmallVector<Value> next = step(position, loop.getRegionIterArgs());
    if (!inits.empty())
      scf::YieldOp::create(b, loc, next);
    return llvm::to_vector(ValueRange(loop.getResults()));
  };

  SmallVector<Value> carried = initsOf(states);
  for (const Access &access : accumulators)
    carried.push_back(lane.constant(cast<TypedAttr>(
        b.getZeroAttr(access.getElement()))));

  if (!replay) {
    carried = repeat(steps, scan.isReverse(), carried,
                     [&](Value step, ValueRange values) {
                       return bodyStep(step, loadIns(step, true), {}, values);
                     });
  } else {
    // Chunks of a fixed number of steps, then single steps. Each has a
    // checkpoint of the states before it; the states within a chunk live in
    // registers, which its unrolled steps make possible.
    Value chunk = index.constant(chunkSteps);
    Value chunks = index.div(steps, chunk), rest = index.rem(steps, chunk);
    Value chunkedSteps = index.mul(chunks, chunk);
    SmallVector<Value> past = initsOf(replayed);
    bool single = checkpoints.empty();
    auto save = [&](Value position, ValueRange values) {
      for (auto [access, place, value] :
           llvm::zip(checkpoints, checkpointPlaces, values))
        store(lane, access, place, position, value);
    };
    auto restore = [&](Value position) {
      SmallVector<Value> values;
      for (auto [access, place] : llvm::zip(checkpoints, checkpointPlaces))
        values.push_back(load(lane, access, place, position));
      return values;
    };
    if (!single) {
      // The steps after the last checkpoint are not needed.
      auto advance = [&](Value more, Value start, Value count,
                         ValueRange values) {
        auto branch = scf::IfOp::create(
            b, loc, more,
            [&](OpBuilder &, Location) {
              scf::YieldOp::create(
                  b, loc,
                  repeat(count, false, llvm::to_vector(values),
                         [&](Value offset, ValueRange current) {
                           Value step = index.add(start, offset);
                           return replayStep(step, loadIns(step, false),
                                             current);
                         }));
            },
            [&](OpBuilder &, Location) {
              scf::YieldOp::create(b, loc, values);
            });
        return llvm::to_vector(ValueRange(branch.getResults()));
      };
      Value all = index.add(chunks, rest);
      past = repeat(chunks, false, past, [&](Value position, ValueRange values) {
        save(position, values);
        return advance(index.less(index.add(position, one), all),
                       index.mul(position, chunk), chunk, values);
      });
      repeat(rest, false, past, [&](Value position, ValueRange values) {
        save(index.add(chunks, position), values);
        return advance(index.less(index.add(position, one), rest),
                       index.add(chunkedSteps, position), one, values);
      });
      carried = repeat(rest, true, carried, [&](Value position,
                                                ValueRange values) {
        Value step = index.add(chunkedSteps, position);
        return bodyStep(step, loadIns(step, true),
                        restore(index.add(chunks, position)), values);
      });
    }
    carried = repeat(chunks, true, carried, [&](Value position,
                                                ValueRange values) {
      SmallVector<SmallVector<Value>> inValues, pastValues;
      SmallVector<Value> stepIndices;
      pastValues.push_back(single ? past : restore(position));
      for (int64_t i = 0; i < chunkSteps; ++i) {
        stepIndices.push_back(
            index.add(index.mul(position, chunk), index.constant(i)));
        inValues.push_back(loadIns(stepIndices[i], true));
        if (i + 1 < chunkSteps)
          pastValues.push_back(
              replayStep(stepIndices[i], inValues[i], pastValues[i]));
      }
      SmallVector<Value> current(values);
      for (int64_t i = chunkSteps; i-- > 0;)
        current = bodyStep(stepIndices[i], inValues[i], pastValues[i], current);
      return current;
    });
  }

  for (auto [access, place, value] : llvm::zip(states, statePlaces, carried))
    store(lane, access, place, {}, value);
  for (auto [access, partial, sum] :
       llvm::zip(accumulators, partials,
                 ArrayRef(carried).drop_front(states.size()))) {
    if (partial) {
      store(lane, *partial, placeOf(*partial, lanes, first), {}, sum);
      continue;
    }
    Place place = placeOf(access, lanes, first);
    Value init = load(lane, access, place, {});
    store(lane, access, place, {},
          arith::AddFOp::create(b, loc, lane.spread(init), sum));
  }
}

void ScanKernel::reduce(const Access &target, ArrayRef<bool> indexed,
                        Value partial) {
  SmallVector<int64_t> kept, summed;
  SmallVector<Value> keptSizes;
  for (auto [dim, own] : llvm::enumerate(indexed)) {
    (own ? kept : summed).push_back(dim);
    if (own)
      keptSizes.push_back(spaceSizes[dim]);
  }
  Value items = productOf(b, loc, keptSizes);
  launchItems(b, loc, "scan_sum", items, [&](Value item) {
    SmallVector<Value> position(space.size());
    for (auto [dim, value] :
         llvm::zip(kept, delinearize(b, loc, item, keptSizes)))
      position[dim] = value;
    std::function<Value(unsigned, Value)> nest = [&](unsigned level,
                                                     Value sum) -> Value {
      if (level == summed.size()) {
        Value neuron = zero;
        for (auto [size, coordinate] : llvm::zip(spaceSizes, position))
          neuron = index.add(index.mul(neuron, size), coordinate);
        return arith::AddFOp::create(
            b, loc, sum,
            memref::LoadOp::create(b, loc, partial, neuron).getResult());
      }
      auto loop = scf::ForOp::create(b, loc, zero, spaceSizes[summed[level]],
                                     one, sum);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      position[summed[level]] = loop.getInductionVar();
      scf::YieldOp::create(b, loc,
                           nest(level + 1, loop.getRegionIterArg(0)));
      return loop.getResult(0);
    };
    Value none = arith::ConstantOp::create(
        b, loc, cast<TypedAttr>(b.getZeroAttr(target.getElement())));
    Value sum = nest(0, none);
    // The accumulator as it came, with a dimension for each of its own.
    SmallVector<Value> indices;
    for (int64_t dim : target.coordinates)
      indices.push_back(dim < 0 ? zero : position[dim]);
    Value init = memref::LoadOp::create(b, loc, target.memref, indices);
    memref::StoreOp::create(b, loc,
                            arith::AddFOp::create(b, loc, init, sum),
                            target.memref, indices);
  });
}

/// Keeps LLVM from unrolling a loop that is seldom executed.
static void keepRolled(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(
      context, /*disable=*/BoolAttr::get(context, true), /*count=*/{},
      /*runtimeDisable=*/{}, /*full=*/{}, /*followupUnrolled=*/{},
      /*followupRemainder=*/{}, /*followupAll=*/{});
  loop->setAttr("loop_annotation",
                LLVM::LoopAnnotationAttr::get(
                    context, /*disableNonforced=*/{}, /*vectorize=*/{},
                    /*interleave=*/{}, unroll, /*unrollAndJam=*/{}, /*licm=*/{},
                    /*distribute=*/{}, /*pipeline=*/{}, /*peeled=*/{},
                    /*unswitch=*/{}, /*mustProgress=*/{}, /*isVectorized=*/{},
                    /*startLoc=*/{}, /*endLoc=*/{}, /*parallelAccesses=*/{}));
}

LogicalResult ScanKernel::run() {
  if (failed(checkScanOnBuffers(scan)))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(scan);
  zero = index.constant(0);
  one = index.constant(1);
  space = scan.getSpace();
  bool timed = !scan.isStep();
  Value reference =
      scan.getStates().empty() ? scan.getOuts()[0] : scan.getStates()[0];
  int64_t leading = scan.getStates().empty() && timed;
  for (int64_t dim = 0, rank = space.size(); dim < rank; ++dim)
    spaceSizes.push_back(index.dim(reference, dim + leading));
  neurons = productOf(b, loc, spaceSizes);
  steps = createTimeSteps(index, scan);

  for (Value operand : scan.getIns())
    ins.push_back(analyze(operand, timed));
  for (Value operand : scan.getParams())
    params.push_back(analyze(operand, false));
  for (Value operand : scan.getOuts())
    outs.push_back(analyze(operand, timed));
  for (Value operand : scan.getStates())
    states.push_back(analyze(operand, false));
  for (Value operand : scan.getReplayed())
    replayed.push_back(analyze(operand, false));

  SmallVector<Value> scratch;
  auto allocate = [&](ArrayRef<Value> sizes, Type element) {
    scratch.push_back(createBuffer(b, loc, sizes, element));
    return scratch.back();
  };

  // For each accumulator that neurons share, the dimensions that they do not.
  SmallVector<SmallVector<bool>> indexed;
  for (Value operand : scan.getAccumulators()) {
    auto type = cast<MemRefType>(operand.getType());
    Broadcast broadcast = getBroadcast(type, space, /*timed=*/false);
    indexed.push_back(broadcast.indexed);
    bool shared = llvm::is_contained(broadcast.indexed, false);
    if (!shared) {
      accumulators.push_back(analyze(operand, false));
      partials.push_back(std::nullopt);
      continue;
    }
    Access access{Access::strided, operand, false, {}, {}};
    for (auto [dim, position] : llvm::enumerate(broadcast.position))
      if (position >= 0)
        access.coordinates.push_back(broadcast.indexed[dim] ? dim : -1);
    accumulators.push_back(access);
    partials.push_back(Access{Access::contiguous,
                              allocate(neurons, access.getElement()),
                              /*timed=*/false,
                              {},
                              {},
                              /*grouped=*/true});
  }
  if (!replayed.empty()) {
    std::optional<int64_t> known = IndexMath::getConstant(steps);
    // Few steps are one chunk, which needs no checkpoint.
    if (known && *known <= 2 * chunkSteps) {
      chunkSteps = std::max<int64_t>(*known, 1);
    } else {
      Value chunk = index.constant(chunkSteps);
      Value count =
          index.add(index.div(steps, chunk), index.rem(steps, chunk));
      for (const Access &access : replayed)
        checkpoints.push_back(
            Access{Access::contiguous,
                   allocate({count, neurons}, access.getElement()),
                   /*timed=*/true,
                   {},
                   {},
                   /*grouped=*/true});
    }
  }

  std::optional<int64_t> known = IndexMath::getConstant(neurons);
  bool groups = !known || *known % groupSize == 0;
  auto function = scan->getParentOfType<func::FuncOp>();
  auto options =
      remark::RemarkOpts::name(groups ? remarks::kVectorized
                                      : remarks::kOneByOne)
          .category("convert-spiking-scan-to-gpu")
          .function(function ? function.getName() : StringRef());
  if (groups)
    remark::passed(loc, options)
        << ("a scan with " + std::to_string(groupSize) + " neurons a thread" +
            (replayed.empty() ? ""
                              : ", past states of " +
                                    std::to_string(chunkSteps) +
                                    " steps in registers"))
        << remark::metric("lanes", groupSize);
  else if (*known != 1)
    remark::missed(loc, options)
        << ("a scan with one neuron a thread: their number is not a multiple "
            "of " +
            std::to_string(groupSize));
  Value perThread = index.constant(groups ? groupSize : 1);
  Value items = index.ceilDiv(neurons, perThread);
  launchItems(b, loc, "scan", items, [&](Value item) {
    if (!groups)
      return emitNeurons(0, item);
    auto oneByOne = [&] {
      // Neighbouring threads have neighbouring neurons.
      auto loop = scf::ForOp::create(b, loc, zero, perThread, one);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(loop.getBody());
      Value neuron =
          index.add(item, index.mul(loop.getInductionVar(), items));
      auto exists =
          scf::IfOp::create(b, loc, index.less(neuron, neurons), false);
      b.setInsertionPointToStart(exists.thenBlock());
      emitNeurons(0, neuron);
    };
    Value aligned = emitAligned();
    Value first = index.mul(item, perThread);
    if (!aligned)
      return emitNeurons(groupSize, first);
    auto branch = scf::IfOp::create(b, loc, aligned, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    emitNeurons(groupSize, first);
    b.setInsertionPointToStart(branch.elseBlock());
    oneByOne();
    branch.getElseRegion().walk([&](scf::ForOp loop) { keepRolled(loop); });
  });
  for (auto [access, partial, own] : llvm::zip(accumulators, partials, indexed))
    if (partial)
      reduce(access, own, partial->memref);
  for (Value buffer : scratch)
    memref::DeallocOp::create(b, loc, buffer);
  b.eraseOp(scan);
  return success();
}

namespace {
struct ConvertSpikingScanToGPUPass
    : rheobase::impl::ConvertSpikingScanToGPUPassBase<
          ConvertSpikingScanToGPUPass> {
  using ConvertSpikingScanToGPUPassBase::ConvertSpikingScanToGPUPassBase;

  void runOnOperation() override {
    if (chunkSteps < 1) {
      emitError(getOperation().getLoc(), "chunk-steps must be at least 1, got ")
          << chunkSteps.getValue();
      return signalPassFailure();
    }
    SmallVector<ScanOp> scans;
    getOperation().walk([&](ScanOp scan) { scans.push_back(scan); });
    IRRewriter rewriter(&getContext());
    for (ScanOp scan : scans)
      if (failed(ScanKernel(rewriter, scan, chunkSteps).run()))
        return signalPassFailure();
    if (scans.empty())
      markAllAnalysesPreserved();
  }
};
} // namespace
