//===- SampleNests.cpp - Layers that share a loop over samples ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleNests.h"

#include "../Support/ThreadQueries.h"
#include "Builders.h"
#include "SampleBlocks.h"
#include "SampleDims.h"

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
/// Weights that each block of samples reads from the second-level cache, where
/// the product's result is kept anyway.
static constexpr int64_t bytesOfWeights = 1 << 18;
/// What a group of a training step must hand from one operation to the next
/// through the cache, of a sample at a step.
static constexpr int64_t bytesThatPay = 1 << 13;
/// Blocks that there should be at least, and for each thread: threads get
/// shares of about one size.
static constexpr int64_t fewestBlocks = 8, blocksPerThread = 4;

namespace {

/// Operations that samples pass one after the other, and those in the same
/// block that need results for all samples first.
struct NestGroup {
  llvm::SetVector<Operation *> members, later;
};

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
        samplesPerBlock(samplesPerBlock), threads(threads) {
    training = llvm::any_of(block, [](Operation &op) {
      auto scan = dyn_cast<ScanOp>(op);
      return isa<LinearWeightGradientOp, ConvWeightGradientOp,
                 BatchNormGradientOp, ConvInputGradientOp>(op) ||
             (scan && !scan.getReplayed().empty());
    });
  }

  void run();

private:
  bool staysInCache(Operation *op) const;
  bool joins(Operation *op);
  void moveSizes();
  void collect();
  void missed(Location loc, const Twine &reason);
  void convert();
  bool paysOff();
  bool findExtents();
  void build();
  Value createSampleBytes(ImplicitLocOpBuilder &b);
  std::pair<Value, Value> createShares(ImplicitLocOpBuilder &b);
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

  SmallVector<NestGroup> groups;
  /// The group that is being collected or converted.
  llvm::SetVector<Operation *> members, later;
  /// Whether currents are kept for a backward pass.
  bool training;
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

/// What makes a tensor of a given size, with one number everywhere if with any,
/// is made anew where it is needed.
static bool isFilled(Operation *op) {
  return isa<tensor::EmptyOp, tensor::SplatOp>(op) ||
         (isa<linalg::FillOp>(op) && isPure(op));
}

/// The same, and scalars.
static bool isNeutral(Operation *op) {
  return isFilled(op) || matchPattern(op, m_Constant()) ||
         (isPure(op) && op->getNumRegions() == 0 && op->getNumResults() &&
          llvm::none_of(op->getResultTypes(), llvm::IsaPred<ShapedType>));
}

static bool dependsOn(Operation *op,
                      const llvm::SetVector<Operation *> &others) {
  return op
      ->walk([&](Operation *nested) {
        return llvm::any_of(nested->getOperands(),
                            [&](Value operand) {
                              Operation *def = operand.getDefiningOp();
                              return def && others.contains(def);
                            })
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The bytes of an element of the dimensions before `firstDim`, as far as sizes
/// are known.
static int64_t getBytes(RankedTensorType type, int64_t firstDim = 0) {
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t size : type.getShape().drop_front(firstDim))
    if (!ShapedType::isDynamic(size))
      bytes *= size;
  return bytes;
}

/// Whether each block of samples finds the weights of a product in the cache,
/// and has enough rows for it.
bool NestBuilder::staysInCache(Operation *op) const {
  if (!isa<LinearOp, ConvOp, ConvInputGradientOp>(op))
    return true;
  auto weight = cast<RankedTensorType>(op->getOperand(1).getType());
  return !isa<LinearOp>(op) && weight.hasStaticShape() &&
         getBytes(weight) <= bytesOfWeights;
}

bool NestBuilder::joins(Operation *op) {
  if (!dims.isSupported(op) || (training && !staysInCache(op)))
    return false;
  Value sequence = dims.getSequence(op);
  for (Operation *member : members) {
    if (!dims.isSupported(member))
      continue;
    if (!dims.areAlike(dims.getAnchor(member), dims.getAnchor(op)))
      return false;
    Value other = dims.getSequence(member);
    if (sequence && other && !dims.areAsLong(sequence, other))
      return false;
  }
  return true;
}

/// Divides the operations into groups. What needs results for all samples may
/// stand between those of a group: it can wait.
void NestBuilder::collect() {
  SmallVector<Operation *> left;
  for (Operation &op : block.without_terminator())
    left.push_back(&op);
  while (!left.empty()) {
    NestGroup group;
    members.clear();
    for (auto it = left.begin(), end = left.end(); it != end; ++it) {
      Operation *op = *it;
      bool waits = dependsOn(op, group.later);
      if (!waits && joins(op)) {
        members.insert(op);
        continue;
      }
      // It stands before all groups that are left.
      if (members.empty())
        continue;
      bool depends = dependsOn(op, members);
      if (!waits && depends && isNeutral(op)) {
        // Scalars of the group, above all sizes.
        if (!isFilled(op))
          members.insert(op);
        continue;
      }
      // The next group begins here: what a plan computes again for it is not
      // to be computed before. Nor does anything change places with an
      // operation that has effects.
      if (dims.isSupported(op) || !isMemoryEffectFree(op)) {
        group.later.insert(it, end);
        break;
      }
      if (waits || depends)
        group.later.insert(op);
    }
    if (members.empty())
      return;
    group.members = members;
    left = group.later.takeVector();
    group.later.insert(left.begin(), left.end());
    groups.push_back(std::move(group));
  }
}

/// Takes sizes where samples and steps enter first, so that they depend on no
/// operation that is to be in a loop.
void NestBuilder::moveSizes() {
  SmallVector<tensor::DimOp> sizes;
  SmallVector<Value> values(block.getArguments());
  for (Operation &op : block) {
    llvm::append_range(values, op.getResults());
    if (auto size = dyn_cast<tensor::DimOp>(op))
      sizes.push_back(size);
  }
  for (tensor::DimOp size : sizes) {
    Value source = size.getSource();
    auto dim = dims.get(source), index = size.getConstantIndex();
    bool isSamples = index == dim;
    if (!dim || !index || (!isSamples && (*index != 0 || *dim != 1)))
      continue;
    auto it = llvm::find_if(values, [&](Value value) {
      return isSamples
                 ? dims.get(value) && dims.areAlike(value, source)
                 : dims.isSequence(value) && dims.areAsLong(value, source);
    });
    if (it == values.end() || *it == source)
      continue;
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointAfterValue(*it);
    ImplicitLocOpBuilder b(size.getLoc(), rewriter);
    rewriter.replaceOp(size,
                       dimOf(b, *it, isSamples ? *dims.get(*it) : int64_t(0)));
  }
}

void NestBuilder::run() {
  moveSizes();
  for (Operation &op : block)
    if (training && dims.isSupported(&op) && !staysInCache(&op))
      missed(op.getLoc(),
             Twine("a product in a training step has a loop of its own: ") +
                 (isa<LinearOp>(op)
                      ? "of a linear layer, a block of samples has few rows"
                      : "its weights do not stay in the cache"));
  collect();
  for (NestGroup &group : groups) {
    members = std::move(group.members);
    later = std::move(group.later);
    convert();
  }
  for (Operation *op : llvm::reverse(converted))
    rewriter.eraseOp(op);
}

/// Whether a sequence, and a product's at that, would exist for a block only,
/// or where they are kept, enough goes from one operation to the next through
/// the cache.
bool NestBuilder::paysOff() {
  bool hasScan = llvm::any_of(members, [](Operation *op) {
    auto scan = dyn_cast<ScanOp>(op);
    return scan && !scan.isStep();
  });
  if (!training)
    return hasScan && llvm::any_of(members, [&](Operation *op) {
             return isa<LinearOp, ConvOp>(op) &&
                    !llvm::is_contained(results, op->getResult(0));
           });
  int64_t bytes = 0;
  for (Operation *op : members)
    for (Value operand : op->getOperands())
      if (Operation *def = operand.getDefiningOp();
          def && members.contains(def) && dims.get(operand))
        bytes += getBytes(cast<RankedTensorType>(operand.getType()),
                          *dims.get(operand) + 1);
  return bytes >= bytesThatPay;
}

/// Finds the sizes of time and batch in what enters the group first.
bool NestBuilder::findExtents() {
  steps = samples = {};
  Value sequence, sample, outSteps;
  auto isBefore = [&](Value value) {
    Operation *def = value ? value.getDefiningOp() : nullptr;
    return !def || def->getBlock() != &block ||
           def->isBeforeInBlock(members.front());
  };
  for (Operation *op : members) {
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      auto dim = dims.get(operand);
      if (!dim || !dims.isSupported(op) || !isBefore(operand) ||
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
  if (!sequence && !steps)
    steps = outSteps;
  bool isTimed = llvm::any_of(members, [&](Operation *op) {
    return dims.isSupported(op) && dims.getSequence(op);
  });
  if (!sample || (isTimed && !sequence && !steps) || !isBefore(steps) ||
      cast<RankedTensorType>(sample.getType()).getDimSize(*dims.get(sample)) ==
          1)
    return false;
  // Everything else that needs a size of the group comes after it.
  ImplicitLocOpBuilder b((*members.begin())->getLoc(), rewriter);
  OpBuilder::InsertionGuard guard(b);
  auto sizeAfter = [&](Value value, int64_t dim) {
    b.setInsertionPointAfterValue(value);
    return dim < 0 ? constantIndex(b, 1) : dimOf(b, value, dim);
  };
  samples = sizeAfter(sample, *dims.get(sample));
  if (!steps)
    steps = isTimed ? sizeAfter(sequence, 0) : sizeAfter(sample, -1);
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
  return rheobase::getBlockType(cast<RankedTensorType>(value.getType()),
                                *dims.get(value));
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
      (*dim == 1 ? opTimed : opUntimed) += getBytes(type, *dim + 1);
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
  Value count = createMaxThreads(
      b, b.getLoc(), block.getParentOp()->getParentOfType<ModuleOp>());
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

/// The number that all elements of `value` are; null if it is not known.
static Value getSplat(ImplicitLocOpBuilder &b, Value value) {
  DenseElementsAttr elements;
  if (auto splat = value.getDefiningOp<tensor::SplatOp>())
    return splat.getInput();
  if (auto fill = value.getDefiningOp<linalg::FillOp>())
    return fill.getInputs()[0];
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
    auto writer = dyn_cast<DestinationStyleOpInterface>(op);
    SmallVector<Value> operands;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value;
      Value scalar;
      if (dims.get(operand.get()))
        scalar = getSplat(b, operand.get());
      if (writer && writer.isDpsInit(&operand) &&
          (scalar || operand.get().getDefiningOp<tensor::EmptyOp>()))
        value = place(writer.getTiedOpResult(&operand));
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

  // What needs all samples comes after the loop.
  Operation *end = last;
  for (Operation *op : later)
    if (op->isBeforeInBlock(last)) {
      op->moveAfter(end);
      end = op;
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

void NestBuilder::missed(Location loc, const Twine &reason) {
  auto function = dyn_cast<func::FuncOp>(block.getParentOp());
  remark::missed(loc,
                 remark::RemarkOpts::name(remarks::kSampleBlocks)
                     .category("convert-spiking-to-linalg")
                     .function(function ? function.getName() : StringRef()))
      << reason.str();
}

void NestBuilder::convert() {
  results.clear();
  // What others use, or ask the size of.
  SmallVector<OpOperand *> sizes;
  bool possible = true;
  for (Operation *op : members)
    for (Value result : op->getResults())
      for (OpOperand &use : result.getUses()) {
        auto dim = result.getDefiningOp<tensor::DimOp>();
        bool isSamples =
            dim && dims.get(dim.getSource()) == dim.getConstantIndex();
        if (members.contains(block.findAncestorOpInBlock(*use.getOwner()))) {
          // A block has fewer samples.
          possible &= !isSamples;
          continue;
        }
        if (llvm::is_contained(converted, use.getOwner()))
          continue;
        if (dim) {
          sizes.push_back(&use);
          auto index = dim.getConstantIndex();
          possible &= index && cast<RankedTensorType>(dim.getSource().getType())
                                   .isDynamicDim(*index);
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
  int64_t count = llvm::count_if(
      members, [&](Operation *op) { return dims.isSupported(op); });
  auto reject = [&](const Twine &reason) {
    if (count > 1)
      missed(members.front()->getLoc(),
             Twine(count) +
                 " operations that samples could pass one after "
                 "the other have a loop each: " +
                 reason);
  };
  if (!possible)
    return reject("their sizes are not only those of steps and samples");
  if (!paysOff())
    return reject(training ? "too little goes from one to the next"
                           : "no current would exist for a block only");
  if (!findExtents())
    return reject("steps or samples are not known before them");
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

void rheobase::formSampleNests(RewriterBase &rewriter, Block &block,
                               int64_t samplesPerBlock, bool threads) {
  NestBuilder(rewriter, block, samplesPerBlock, threads).run();
}
