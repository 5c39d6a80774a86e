//===- SampleNests.cpp - Layers that share a loop over samples ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleNests.h"

#include "Builders.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// What the sequences that a block of samples reads and writes at a time may
/// take of the second-level cache.
static constexpr int64_t bytesOfBlock = 1 << 20;
/// The same where the threads work on one block after the other together: what
/// the processor's caches hold by themselves.
static constexpr int64_t bytesOfSharedBlock = 1 << 22;
/// Blocks that there should be at least, and for each thread: threads get
/// shares of about one size.
static constexpr int64_t fewestBlocks = 8, blocksPerThread = 4;

namespace {

/// Finds which dimension of a tensor is that of the samples. It follows from
/// the scans: time is their first dimension, samples the second one.
class SampleDims {
public:
  explicit SampleDims(Block &block) {
    for (bool changed = true; changed;) {
      changed = false;
      for (Operation &op : block)
        changed |= visit(&op);
    }
    // Who takes a value with samples for something else is not supported.
    for (Operation &op : block)
      if (!isKnown(&op))
        unsupported.insert(&op);
  }

  /// The dimension of samples; none: `value` is the same for all of them.
  std::optional<int64_t> get(Value value) const {
    auto it = dims.find(value);
    return it == dims.end() ? std::nullopt : std::optional<int64_t>(it->second);
  }
  bool isSupported(Operation *op) const {
    return !unsupported.contains(op) && !roles.lookup(op).empty();
  }
  /// Whether two values have the same samples.
  bool areAlike(Value a, Value b) const {
    return classes.isEquivalent(a.getAsOpaquePointer(), b.getAsOpaquePointer());
  }
  /// `value` stands for `old` from now on.
  void replace(Value old, Value value) { dims[value] = dims.lookup(old); }
  /// A value of the operation with samples.
  Value getAnchor(Operation *op) const { return roles.lookup(op).front(); }

private:
  bool set(Operation *op, Value value, int64_t dim) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || dim < 0 || dim >= type.getRank()) {
      unsupported.insert(op);
      return false;
    }
    auto [it, isNew] = dims.try_emplace(value, dim);
    if (it->second != dim)
      unsupported.insert(op);
    return isNew;
  }
  /// All of `values` with an offset each have samples at the same dimension, if
  /// one has.
  bool align(Operation *op, ArrayRef<std::pair<Value, int64_t>> values) {
    std::optional<int64_t> base;
    for (auto [value, offset] : values)
      if (auto dim = get(value); dim && !base)
        base = *dim - offset;
    if (!base)
      return false;
    bool changed = false;
    for (auto [value, offset] : values)
      changed |= set(op, value, *base + offset);
    changed |= roles[op].empty();
    roles[op].clear();
    for (auto [value, offset] : values) {
      roles[op].push_back(value);
      classes.unionSets(value.getAsOpaquePointer(),
                        values.front().first.getAsOpaquePointer());
    }
    return changed;
  }
  bool visit(Operation *op);
  bool visitScan(ScanOp scan);
  bool isKnown(Operation *op) const;

  DenseMap<Value, int64_t> dims;
  DenseMap<Operation *, SmallVector<Value>> roles;
  DenseSet<Operation *> unsupported;
  llvm::EquivalenceClasses<const void *> classes;
};

} // namespace

bool SampleDims::visitScan(ScanOp scan) {
  int64_t rank = scan.getSpace().size();
  bool timed = !scan.isStep();
  if (rank == 0 || !scan.getReplayed().empty() ||
      !llvm::all_of(scan->getOperandTypes(), llvm::IsaPred<RankedTensorType>))
    return false;
  // Dimensions are those of the space at the end, so where a value has its
  // samples follows from its rank.
  auto offsetOf = [&](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank() - rank;
  };
  std::optional<int64_t> sampleDim;
  if (timed)
    sampleDim = 0;
  for (ValueRange range :
       {ValueRange(scan->getOperands()), ValueRange(scan->getResults())})
    for (Value value : range)
      if (auto dim = get(value); dim && !sampleDim)
        sampleDim = *dim - offsetOf(value);
  if (!sampleDim)
    return false;
  SmallVector<std::pair<Value, int64_t>> values;
  // What has no dimension of samples, or one of size 1, is the same for all.
  auto add = [&](ValueRange range, int64_t firstDim) {
    bool all = true;
    for (Value value : range) {
      int64_t dim = *sampleDim + offsetOf(value);
      bool hasSamples =
          dim >= firstDim && dim < rank + offsetOf(value) &&
          cast<RankedTensorType>(value.getType()).getDimSize(dim) != 1;
      if (hasSamples)
        values.push_back({value, offsetOf(value)});
      all &= hasSamples;
    }
    return all;
  };
  if (!add(scan.getOuts(), timed) || !add(scan.getOutResults(), timed) ||
      !add(scan.getStates(), 0) || !add(scan.getStateResults(), 0) ||
      !add(scan.getAccumulators(), 0) ||
      !add(scan.getAccumulatorResults(), 0) || values.empty())
    return false;
  add(scan.getIns(), timed);
  add(scan.getParams(), 0);
  bool changed = false;
  if (timed)
    changed |= set(scan, values.front().first, values.front().second);
  return changed | align(scan, values);
}

bool SampleDims::visit(Operation *op) {
  if (unsupported.contains(op))
    return false;
  if (auto scan = dyn_cast<ScanOp>(op))
    return visitScan(scan);
  if (isa<LinearOp, ConvOp>(op)) {
    Value input = op->getOperand(0), output = op->getResult(0);
    auto type = cast<RankedTensorType>(input.getType());
    auto weight = cast<RankedTensorType>(op->getOperand(1).getType());
    int64_t own = isa<LinearOp>(op) ? 1 : weight.getRank() - 1;
    bool changed = align(op, {{input, 0}, {output, 0}});
    if (auto dim = get(input); dim && *dim >= type.getRank() - own)
      unsupported.insert(op);
    return changed;
  }
  if (isa<AvgPoolOp, SumPoolOp, MaxPoolOp, FlattenOp, UnflattenOp>(op)) {
    Value input = op->getOperand(0), output = op->getResult(0);
    bool changed = align(op, {{input, 0}, {output, 0}});
    for (Value value : {input, output})
      if (auto dim = get(value);
          dim && *dim >= cast<RankedTensorType>(value.getType()).getRank() - 1)
        unsupported.insert(op);
    return changed;
  }
  if (auto add = dyn_cast<AddOp>(op))
    return align(op, {{add->getOperand(0), 0},
                      {add->getOperand(1), 0},
                      {add->getResult(0), 0}});
  if (auto repeat = dyn_cast<RepeatOp>(op))
    return align(op, {{repeat.getInput(), 0}, {repeat.getOutput(), 1}});
  if (auto readout = dyn_cast<ReadoutOp>(op))
    return align(op, {{readout.getInput(), 1}, {readout.getOutput(), 0}});
  return false;
}

/// Whether all uses of values with samples are among those that visit() saw.
bool SampleDims::isKnown(Operation *op) const {
  auto it = roles.find(op);
  if (it == roles.end())
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return !dims.contains(operand) || llvm::is_contained(it->second, operand);
  });
}

namespace {

/// Offsets, sizes and strides of a part of a tensor.
struct Slice {
  Sizes offsets, sizes, strides;
};

/// Collects groups and turns them into loops.
class NestBuilder {
public:
  NestBuilder(RewriterBase &rewriter, Block &block, int64_t samplesPerBlock,
              bool threads)
      : rewriter(rewriter), block(block), dims(block),
        samplesPerBlock(samplesPerBlock), threads(threads) {}

  void run();

private:
  bool dependsOnGroup(Operation *op);
  bool joins(Operation *op);
  void close();
  void convert();
  bool paysOff();
  bool findExtents();
  void build();
  Value createSampleBytes(ImplicitLocOpBuilder &b);
  std::pair<Value, Value> createShares(ImplicitLocOpBuilder &b);
  Value createThreads(ImplicitLocOpBuilder &b);
  Sizes getOuterSizes(ImplicitLocOpBuilder &b, Value value);
  Slice getSlice(ImplicitLocOpBuilder &b, Value value, Value begin,
                 Value count);
  RankedTensorType getBlockType(Value value);
  Value extract(ImplicitLocOpBuilder &b, Value tensor, Value begin, Value count,
                Value value);
  Value getOperand(ImplicitLocOpBuilder &b, Value operand);
  void cloneMembers(ImplicitLocOpBuilder &b, ValueRange destinations);

  RewriterBase &rewriter;
  Block &block;
  SampleDims dims;
  int64_t samplesPerBlock;
  bool threads;

  SmallVector<llvm::SetVector<Operation *>> groups;
  /// The group that is being collected or converted.
  llvm::SetVector<Operation *> members;
  SmallVector<Operation *> converted;
  /// Values of members that others use.
  SmallVector<Value> results;
  /// Outside the loop: the number of steps (null: no sequence enters) and of
  /// samples.
  Value steps, samples;
  /// Inside: the block's first sample, that in the thread's share, how many it
  /// has, and what stands for the values outside.
  Value first, firstInShare, size;
  IRMapping mapping;
};

} // namespace

/// Scalars and what makes tensors of a given size are made anew where they are
/// needed.
static bool isNeutral(Operation *op) {
  return isa<tensor::EmptyOp, tensor::SplatOp>(op) ||
         matchPattern(op, m_Constant()) ||
         (isPure(op) && op->getNumRegions() == 0 && op->getNumResults() &&
          llvm::none_of(op->getResultTypes(), llvm::IsaPred<ShapedType>));
}

bool NestBuilder::dependsOnGroup(Operation *op) {
  bool depends = false;
  op->walk([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      depends |=
          operand.getDefiningOp() && members.contains(operand.getDefiningOp());
  });
  return depends;
}

bool NestBuilder::joins(Operation *op) {
  if (!dims.isSupported(op))
    return false;
  for (Operation *member : members)
    if (dims.isSupported(member))
      return dims.areAlike(dims.getAnchor(member), dims.getAnchor(op));
  return true;
}

void NestBuilder::run() {
  for (Operation &op : block) {
    if (joins(&op)) {
      members.insert(&op);
      continue;
    }
    if (!dependsOnGroup(&op))
      continue;
    // Scalars of the group, above all sizes.
    if (isNeutral(&op) && !isa<tensor::EmptyOp, tensor::SplatOp>(op)) {
      members.insert(&op);
      continue;
    }
    if (isa<tensor::EmptyOp, tensor::SplatOp>(op))
      continue;
    close();
    if (joins(&op))
      members.insert(&op);
  }
  close();
  for (auto &group : groups) {
    members = group;
    convert();
  }
  for (Operation *op : llvm::reverse(converted))
    rewriter.eraseOp(op);
}

void NestBuilder::close() {
  if (!members.empty())
    groups.push_back(members);
  members.clear();
}

/// Whether a sequence, and a product's at that, would exist for a block only.
bool NestBuilder::paysOff() {
  bool hasScan = llvm::any_of(members, [](Operation *op) {
    auto scan = dyn_cast<ScanOp>(op);
    return scan && !scan.isStep();
  });
  return hasScan && llvm::any_of(members, [&](Operation *op) {
           return isa<LinearOp, ConvOp>(op) &&
                  !llvm::is_contained(results, op->getResult(0));
         });
}

/// Finds the sizes of time and batch in what enters the group first.
bool NestBuilder::findExtents() {
  steps = samples = {};
  Value sequence, sample, outSteps;
  for (Operation *op : members) {
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      auto dim = dims.get(operand);
      if (!dim || !dims.isSupported(op) ||
          (def && (members.contains(def) || isNeutral(def))))
        continue;
      if (!sample)
        sample = operand;
      if (!sequence && *dim == 1)
        sequence = operand;
    }
    if (auto repeat = dyn_cast<RepeatOp>(op); repeat && !steps)
      if (!members.contains(repeat.getTimes().getDefiningOp()))
        steps = repeat.getTimes();
    // Where all that enters is the same at every step.
    if (auto scan = dyn_cast<ScanOp>(op);
        scan && !scan.isStep() && !scan.getOuts().empty() && !outSteps)
      if (auto empty = scan.getOuts().front().getDefiningOp<tensor::EmptyOp>();
          empty && empty.getType().isDynamicDim(0) &&
          !members.contains(empty.getDynamicSizes().front().getDefiningOp()))
        outSteps = empty.getDynamicSizes().front();
  }
  auto isBefore = [&](Value value) {
    Operation *def = value ? value.getDefiningOp() : nullptr;
    return !def || def->getBlock() != &block ||
           def->isBeforeInBlock(members.front());
  };
  if (!sequence && !steps)
    steps = outSteps;
  if (!sample || (!sequence && !steps) || !isBefore(sample) ||
      !isBefore(sequence) || !isBefore(steps) ||
      cast<RankedTensorType>(sample.getType()).getDimSize(*dims.get(sample)) ==
          1)
    return false;
  // Everything else that needs a size of the group comes after it.
  ImplicitLocOpBuilder b((*members.begin())->getLoc(), rewriter);
  OpBuilder::InsertionGuard guard(b);
  auto sizeAfter = [&](Value value, int64_t dim) {
    b.setInsertionPointAfterValue(value);
    return dimOf(b, value, dim);
  };
  samples = sizeAfter(sample, *dims.get(sample));
  if (!steps)
    steps = sizeAfter(sequence, 0);
  return true;
}

Sizes NestBuilder::getOuterSizes(ImplicitLocOpBuilder &b, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t dim = *dims.get(value);
  Sizes sizes;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (!type.isDynamicDim(i))
      sizes.push_back(b.getIndexAttr(type.getDimSize(i)));
    else
      sizes.push_back(i == dim ? samples : steps);
  return sizes;
}

/// `count` samples of `value` or of what stands for it, from `begin` on.
Slice NestBuilder::getSlice(ImplicitLocOpBuilder &b, Value value, Value begin,
                            Value count) {
  int64_t dim = *dims.get(value);
  Slice slice;
  slice.sizes = getOuterSizes(b, value);
  slice.offsets.assign(slice.sizes.size(), b.getIndexAttr(0));
  slice.strides.assign(slice.sizes.size(), b.getIndexAttr(1));
  slice.offsets[dim] = begin;
  slice.sizes[dim] = count;
  return slice;
}

/// The type of `value` for some of the samples.
RankedTensorType NestBuilder::getBlockType(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[*dims.get(value)] = ShapedType::kDynamic;
  return RankedTensorType::get(shape, type.getElementType());
}

/// `count` samples of `tensor` (`value`, or what stands for it) from `begin`
/// on.
Value NestBuilder::extract(ImplicitLocOpBuilder &b, Value tensor, Value begin,
                           Value count, Value value) {
  Slice slice = getSlice(b, value, begin, count);
  return tensor::ExtractSliceOp::create(b, getBlockType(value), tensor,
                                        slice.offsets, slice.sizes,
                                        slice.strides);
}

/// The bytes that an operation of the group takes of a sample at a time, with
/// all steps, at most.
Value NestBuilder::createSampleBytes(ImplicitLocOpBuilder &b) {
  int64_t timed = 0, untimed = 0;
  for (Operation *op : members) {
    if (!dims.isSupported(op))
      continue;
    int64_t opTimed = 0, opUntimed = 0;
    auto add = [&](Value value) {
      auto dim = dims.get(value);
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!dim || !type)
        return;
      int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
      for (int64_t i = 0; i < type.getRank(); ++i)
        if (i > *dim && !type.isDynamicDim(i))
          bytes *= type.getDimSize(i);
      (*dim == 1 ? opTimed : opUntimed) += bytes;
    };
    // What enters from outside is read once.
    for (Value operand : op->getOperands())
      if (members.contains(operand.getDefiningOp()))
        add(operand);
    llvm::for_each(op->getResults(), add);
    timed = std::max(timed, opTimed);
    untimed = std::max(untimed, opUntimed);
  }
  return arith::AddIOp::create(
      b, arith::MulIOp::create(b, steps, constantIndex(b, timed)),
      constantIndex(b, std::max<int64_t>(untimed, 1)));
}

/// The samples of a share, which a thread takes block by block, and of a block.
/// Many samples: a share is a block, its part of the second-level cache, but
/// there are as many as threads may want. Few samples, or little work: one
/// share, and the threads are for the operations in it.
std::pair<Value, Value> NestBuilder::createShares(ImplicitLocOpBuilder &b) {
  auto min = [&](Value x, Value y) -> Value {
    return arith::MinSIOp::create(b, x, y);
  };
  auto max = [&](Value x, Value y) -> Value {
    return arith::MaxSIOp::create(b, x, y);
  };
  auto isLess = [&](Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, x, y);
  };
  Value one = constantIndex(b, 1);
  Value bytes = createSampleBytes(b);
  Value most = constantIndex(b, samplesPerBlock);
  Value own = min(
      arith::DivUIOp::create(b, constantIndex(b, bytesOfBlock), bytes), most);
  if (!threads) {
    own = max(own, one);
    return {own, own};
  }
  Value count = createThreads(b);
  Value blocks =
      max(arith::MulIOp::create(b, count, constantIndex(b, blocksPerThread)),
          constantIndex(b, fewestBlocks));
  own = max(min(own, arith::CeilDivUIOp::create(b, samples, blocks)), one);
  Value bytesOfCaches = constantIndex(b, bytesOfSharedBlock);
  Value isFew = arith::OrIOp::create(
      b, isLess(samples, max(count, most)),
      isLess(arith::MulIOp::create(b, samples, bytes), bytesOfCaches));
  Value all = max(samples, one);
  Value together =
      max(min(arith::DivUIOp::create(b, bytesOfCaches, bytes), all), one);
  return {arith::SelectOp::create(b, isFew, all, own),
          arith::SelectOp::create(b, isFew, together, own)};
}

/// How many threads there are.
Value NestBuilder::createThreads(ImplicitLocOpBuilder &b) {
  auto module = block.getParentOp()->getParentOfType<ModuleOp>();
  StringRef name = "omp_get_max_threads";
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    func::FuncOp::create(top, b.getLoc(), name,
                         top.getFunctionType({}, top.getI32Type()))
        .setPrivate();
  }
  Value threads =
      func::CallOp::create(b, name, b.getI32Type(), ValueRange{}).getResult(0);
  return arith::IndexCastOp::create(b, b.getIndexType(), threads);
}

/// The number that all elements of `value` are; null if it is not known.
static Value getSplat(ImplicitLocOpBuilder &b, Value value) {
  DenseElementsAttr elements;
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    return splat.getInput();
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return {};
  return arith::ConstantOp::create(
      b, cast<TypedAttr>(elements.getSplatValue<Attribute>()));
}

/// What stands for an operand in the loop.
Value NestBuilder::getOperand(ImplicitLocOpBuilder &b, Value operand) {
  if (Value known = mapping.lookupOrNull(operand))
    return known;
  auto dim = dims.get(operand);
  if (!dim)
    return operand;
  Operation *def = operand.getDefiningOp();
  RankedTensorType blockType = getBlockType(operand);
  Value scalar = getSplat(b, operand);
  if (scalar || isa_and_nonnull<tensor::EmptyOp>(def)) {
    SmallVector<Value> dynamic;
    for (int64_t i = 0; i < blockType.getRank(); ++i)
      if (blockType.isDynamicDim(i))
        dynamic.push_back(i == *dim ? size : steps);
    if (scalar)
      return tensor::SplatOp::create(b, scalar, blockType, dynamic);
    return tensor::EmptyOp::create(b, blockType, dynamic);
  }
  Value part = extract(b, operand, first, size, operand);
  mapping.map(operand, part);
  return part;
}

/// All members for one block; what others use goes to `destinations`, those of
/// the share, where possible at once.
void NestBuilder::cloneMembers(ImplicitLocOpBuilder &b,
                               ValueRange destinations) {
  auto place = [&](Value result) -> Value {
    auto it = llvm::find(results, result);
    if (it == results.end())
      return {};
    return extract(b, destinations[it - results.begin()], firstInShare, size,
                   result);
  };
  for (Operation *op : members) {
    b.setLoc(op->getLoc());
    auto scan = dyn_cast<ScanOp>(op);
    SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value;
      Value scalar = getSplat(b, operand.get());
      if (scan && scan.isDpsInit(&operand) &&
          (scalar || operand.get().getDefiningOp<tensor::EmptyOp>()))
        value = place(scan.getTiedOpResult(&operand));
      if (value && scalar)
        value = linalg::FillOp::create(b, scalar, value).getResult(0);
      operands.push_back(value ? value : getOperand(b, operand.get()));
    }
    Operation *clone = b.clone(*op, mapping);
    clone->setOperands(operands);
    for (auto [result, copy] :
         llvm::zip(op->getResults(), clone->getResults())) {
      if (dims.get(result))
        copy.setType(getBlockType(result));
      mapping.map(result, copy);
    }
  }
}

void NestBuilder::build() {
  Operation *last = members.back();
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(last);
  ImplicitLocOpBuilder b(last->getLoc(), rewriter);
  b.setInsertionPoint(last);
  SmallVector<Value> inits;
  for (Value result : results)
    inits.push_back(emptyOf(b, result.getType(), getOuterSizes(b, result)));

  // Shares in parallel.
  auto [samplesOfShare, samplesOfBlock] = createShares(b);
  auto shares = scf::ForallOp::create(
      b, OpFoldResult(b.getIndexAttr(0)), OpFoldResult(samples),
      OpFoldResult(samplesOfShare), inits, std::nullopt);
  if (threads)
    shares->setDiscardableAttr(kThreadsInsideAttrName, b.getUnitAttr());
  b.setInsertionPointToStart(shares.getBody());
  Value firstOfShare = shares.getInductionVar(0);
  auto sizeOfNext = [&](Value most, Value all, Value begin) -> Value {
    return arith::MinSIOp::create(b, most,
                                  arith::SubIOp::create(b, all, begin));
  };
  Value sizeOfShare = sizeOfNext(samplesOfShare, samples, firstOfShare);
  SmallVector<Value> parts;
  for (auto [result, out] : llvm::zip(results, shares.getRegionIterArgs()))
    parts.push_back(extract(b, out, firstOfShare, sizeOfShare, result));

  // Blocks of a share, one by one.
  auto blocks = scf::ForOp::create(b, constantIndex(b, 0), sizeOfShare,
                                   samplesOfBlock, parts);
  b.setInsertionPointToStart(blocks.getBody());
  firstInShare = blocks.getInductionVar();
  first = arith::AddIOp::create(b, firstOfShare, firstInShare);
  size = sizeOfNext(samplesOfBlock, sizeOfShare, firstInShare);
  mapping.clear();
  cloneMembers(b, blocks.getRegionIterArgs());
  b.setLoc(last->getLoc());
  SmallVector<Value> next;
  for (auto [result, out] : llvm::zip(results, blocks.getRegionIterArgs())) {
    Slice slice = getSlice(b, result, firstInShare, size);
    next.push_back(tensor::InsertSliceOp::create(b, mapping.lookup(result), out,
                                                 slice.offsets, slice.sizes,
                                                 slice.strides));
  }
  if (!next.empty())
    scf::YieldOp::create(b, next);

  b.setInsertionPointAfter(blocks);
  SmallVector<Slice> slices;
  for (Value result : results)
    slices.push_back(getSlice(b, result, firstOfShare, sizeOfShare));
  b.setInsertionPointToEnd(shares.getTerminator().getBody());
  for (auto [part, out, slice] :
       llvm::zip(blocks.getResults(), shares.getRegionIterArgs(), slices))
    tensor::ParallelInsertSliceOp::create(b, part, out, slice.offsets,
                                          slice.sizes, slice.strides);
  for (auto [result, value] : llvm::zip(results, shares.getResults())) {
    dims.replace(result, value);
    rewriter.replaceUsesWithIf(result, value, [&](OpOperand &use) {
      return !members.contains(use.getOwner()) &&
             !shares->isProperAncestor(use.getOwner());
    });
  }

  auto function = dyn_cast<func::FuncOp>(block.getParentOp());
  remark::passed(shares.getLoc(),
                 remark::RemarkOpts::name(remarks::kSampleBlocks)
                     .category("convert-spiking-to-linalg")
                     .function(function ? function.getName() : StringRef()))
      << ("blocks of at most " + std::to_string(samplesPerBlock) +
          " samples go through " +
          std::to_string(llvm::count_if(
              members, [&](Operation *op) { return dims.isSupported(op); })) +
          " operations in parallel, with all steps");
}

void NestBuilder::convert() {
  results.clear();
  // What others use, or ask the size of.
  SmallVector<OpOperand *> sizes;
  bool possible = true;
  for (Operation *op : members)
    for (Value result : op->getResults())
      for (OpOperand &use : result.getUses()) {
        if (members.contains(block.findAncestorOpInBlock(*use.getOwner())) ||
            llvm::is_contained(converted, use.getOwner()))
          continue;
        if (auto dim = result.getDefiningOp<tensor::DimOp>()) {
          sizes.push_back(&use);
          possible &= dim.getConstantIndex().has_value();
        } else if (dims.get(result)) {
          if (!llvm::is_contained(results, result))
            results.push_back(result);
        } else {
          possible = false;
        }
      }
  // The extents of what is inside and outside have to be known.
  auto isSimple = [&](Value value) {
    auto dim = dims.get(value);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!dim || !type)
      return true;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i) && i != *dim && !(i == 0 && *dim == 1))
        return false;
    return *dim <= 1;
  };
  for (Operation *op : members)
    possible &= llvm::all_of(op->getOperands(), isSimple) &&
                llvm::all_of(op->getResults(), isSimple);
  if (possible && paysOff() && findExtents()) {
    for (OpOperand *use : sizes) {
      auto dim = use->get().getDefiningOp<tensor::DimOp>();
      auto which = dims.get(dim.getSource());
      rewriter.modifyOpInPlace(use->getOwner(), [&] {
        use->set(*dim.getConstantIndex() == *which ? samples : steps);
      });
    }
    build();
    llvm::append_range(converted, members);
  }
}

void rheobase::formSampleNests(RewriterBase &rewriter, Block &block,
                               int64_t samplesPerBlock, bool threads) {
  NestBuilder(rewriter, block, samplesPerBlock, threads).run();
}
