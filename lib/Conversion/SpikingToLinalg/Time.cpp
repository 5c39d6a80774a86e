//===- Time.cpp - Time loops and kernels ----------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builders.h"
#include "SampleBlocks.h"

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Offsets, sizes and strides of step `t` of a sequence.
static void sliceOfStep(ImplicitLocOpBuilder &b, Value sequence, Value t,
                        Sizes &offsets, Sizes &sizes, Sizes &strides) {
  sizes = sizesOf(b, sequence);
  offsets.assign(sizes.size(), b.getIndexAttr(0));
  strides.assign(sizes.size(), b.getIndexAttr(1));
  offsets[0] = t;
  sizes[0] = b.getIndexAttr(1);
}

namespace {

/// Computes, before a time loop, sizes that its body knows.
class SizesOutside {
public:
  SizesOutside(ImplicitLocOpBuilder &b, TimeLoopOp loop) : b(b), loop(loop) {}

  /// The size of `dim` of `value`, which the body yields; null if it is not the
  /// same at every step.
  OpFoldResult get(Value value, int64_t dim) {
    OpFoldResult size;
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPoint(loop.getBody().front().getTerminator());
      size = sizeOf(b, value, dim);
    }
    if (isa<Attribute>(size))
      return size;
    Value outside = getOutside(cast<Value>(size));
    return outside ? OpFoldResult(outside) : OpFoldResult();
  }

private:
  Value getOutside(Value value) {
    Region &body = loop.getBody();
    if (!body.isAncestor(value.getParentRegion()))
      return value;
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op)
      return {};
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      std::optional<int64_t> index = dim.getConstantIndex();
      if (auto argument = dyn_cast<BlockArgument>(dim.getSource()))
        if (index && argument.getOwner() == &body.front())
          return dimOfArgument(argument, *index);
      if (body.isAncestor(dim.getSource().getParentRegion()))
        return {};
    }
    if (!isPure(op) || op->getNumRegions() != 0)
      return {};
    for (Value operand : op->getOperands()) {
      Value outside = getOutside(operand);
      if (!outside)
        return {};
      mapping.map(operand, outside);
    }
    b.clone(*op, mapping);
    return mapping.lookup(value);
  }

  Value dimOfArgument(BlockArgument argument, int64_t dim) {
    for (auto [input, inside] :
         llvm::zip(loop.getInputs(), loop.getInputArgs()))
      if (inside == argument)
        return dimOf(b, input, dim + 1);
    for (auto [state, inside] :
         llvm::zip(loop.getStates(), loop.getStateArgs()))
      if (inside == argument)
        return dimOf(b, state, dim);
    return {};
  }

  ImplicitLocOpBuilder &b;
  TimeLoopOp loop;
  IRMapping mapping;
};

/// Blocks of samples of what a time loop reads. What is computed for the loop
/// alone (products, scans) is computed block by block.
class BlockOperands {
public:
  BlockOperands(RewriterBase &rewriter, TimeLoopOp loop, Value first,
                Value size)
      : rewriter(rewriter), loop(loop), first(first), size(size) {}

  /// The samples of `value`, which are its dimension `dim`. What has to be
  /// computed is created by `b`.
  Value get(ImplicitLocOpBuilder &b, Value value, int64_t dim);
  /// Offsets, sizes and strides of them.
  void setSlice(ImplicitLocOpBuilder &b, Value value, int64_t dim);

  Sizes offsets, sizes, strides;
  /// What is computed in blocks, users first.
  SmallVector<Operation *> moved;

private:
  bool isForLoopOnly(Operation *op);
  Value compute(ImplicitLocOpBuilder &b, LinearOp linear, int64_t dim);
  Value compute(ImplicitLocOpBuilder &b, ScanOp scan, OpResult result,
                int64_t dim);

  RewriterBase &rewriter;
  TimeLoopOp loop;
  Value first, size;
  IRMapping parts;
};

/// Turns time loops into blocks of samples in parallel, each with a time loop.
struct TimeLoopDivider {
  LogicalResult divide(TimeLoopOp op) const {
    if (op->getParentOfType<TimeLoopOp>() || op->getParentOfType<scf::ForOp>())
      return failure();
    std::string reason;
    FailureOr<SampleBlocks> blocks = findSampleBlocks(op, reason);
    auto function = op->getParentOfType<FunctionOpInterface>();
    auto options = remark::RemarkOpts::name(remarks::kSampleBlocks)
                       .category("convert-spiking-to-linalg")
                       .function(function ? function.getName() : StringRef());
    if (failed(blocks)) {
      remark::missed(op.getLoc(), options)
          << "all samples take a step before the next one begins: " << reason;
      return failure();
    }
    remark::passed(op.getLoc(), options)
        << "blocks of " << std::to_string(samplesPerBlock)
        << " samples take all steps in parallel";

    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    int64_t outputs = op.getOutputs().size();
    Value count = dimOf(b, op.getStates().front(), 0);
    SmallVector<Value> inits;
    for (Value output : op.getOutputs()) {
      auto type = cast<RankedTensorType>(output.getType());
      Sizes sizes{op.getSteps(), count};
      appendSizes(b, sizes, type.getShape().drop_front(2));
      inits.push_back(emptyOf(b, type, sizes));
    }
    llvm::append_range(inits, op.getStates());

    OpFoldResult zero = b.getIndexAttr(0);
    auto forall = scf::ForallOp::create(
        b, zero, OpFoldResult(count),
        OpFoldResult(b.getIndexAttr(samplesPerBlock)), inits, std::nullopt);
    b.setInsertionPointToStart(forall.getBody());
    Value first = forall.getInductionVar(0);
    Value size =
        arith::MinSIOp::create(b, constantIndex(b, samplesPerBlock),
                               arith::SubIOp::create(b, count, first));
    BlockOperands parts(rewriter, op, first, size);
    auto slice = [&](Value value, int64_t dim) -> Value {
      parts.setSlice(b, value, dim);
      return tensor::ExtractSliceOp::create(
          b, getBlockType(cast<RankedTensorType>(value.getType()), dim), value,
          parts.offsets, parts.sizes, parts.strides);
    };
    SmallVector<Value> inputs, states;
    for (auto [input, hasSamples] : llvm::zip(op.getInputs(), blocks->inputs))
      inputs.push_back(hasSamples ? parts.get(b, input, 1) : input);
    for (Value state : forall.getRegionIterArgs().drop_front(outputs))
      states.push_back(slice(state, 0));
    for (Value value : blocks->outside) {
      Value part = slice(value, 0);
      rewriter.replaceUsesWithIf(value, part, [&](OpOperand &use) {
        return op.getBody().isAncestor(use.getOwner()->getParentRegion());
      });
    }
    for (OpOperand *operand : blocks->counts)
      rewriter.modifyOpInPlace(operand->getOwner(),
                               [&] { operand->set(size); });

    SmallVector<std::array<Sizes, 3>> places;
    for (auto [i, out] : llvm::enumerate(forall.getRegionIterArgs())) {
      parts.setSlice(b, out, int64_t(i) < outputs ? 1 : 0);
      places.push_back({parts.offsets, parts.sizes, parts.strides});
    }

    SmallVector<Type> types;
    for (Value output : op.getOutputs())
      types.push_back(
          getBlockType(cast<RankedTensorType>(output.getType()), 1));
    auto loop = TimeLoopOp::create(b, op.getSteps(), inputs, states, types,
                                   op.getDirection());
    rewriter.inlineRegionBefore(op.getBody(), loop.getBody(),
                                loop.getBody().end());
    rewriter.eraseBlock(&loop.getBody().front());
    for (Value value : blocks->inside)
      makeBatchDynamic(value, size);

    b.setInsertionPointToEnd(forall.getTerminator().getBody());
    for (auto [result, out, place] :
         llvm::zip(loop.getResults(), forall.getRegionIterArgs(), places))
      tensor::ParallelInsertSliceOp::create(b, result, out, place[0], place[1],
                                            place[2]);
    // Few samples: the threads are for what is in front of the loop.
    if (threads && !parts.moved.empty())
      forall->setDiscardableAttr(kThreadsInsideAttrName, b.getUnitAttr());
    rewriter.replaceOp(op, forall.getResults());
    for (Operation *producer : parts.moved)
      rewriter.eraseOp(producer);
    return success();
  }

  /// Gives a value of the body with a known number of samples the type of a
  /// block.
  void makeBatchDynamic(Value value, Value size) const {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.isDynamicDim(0))
      return;
    RankedTensorType blockType = getBlockType(type, 0);
    Operation *op = value.getDefiningOp();
    ImplicitLocOpBuilder b(value.getLoc(), rewriter);
    if (op)
      b.setInsertionPoint(op);
    SmallVector<Value> dynamic{size};
    DenseElementsAttr numbers;
    if (op && matchPattern(op, m_Constant(&numbers))) {
      Value number = arith::ConstantOp::create(
          b, cast<TypedAttr>(numbers.getSplatValue<Attribute>()));
      rewriter.replaceOp(
          op, tensor::SplatOp::create(b, number, blockType, dynamic));
    } else if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op)) {
      llvm::append_range(dynamic, empty.getDynamicSizes());
      rewriter.replaceOp(op, tensor::EmptyOp::create(b, blockType, dynamic));
    } else if (auto splat = dyn_cast_or_null<tensor::SplatOp>(op)) {
      llvm::append_range(dynamic, splat.getDynamicSizes());
      rewriter.replaceOp(
          op, tensor::SplatOp::create(b, splat.getInput(), blockType, dynamic));
    } else {
      value.setType(blockType);
    }
  }

  RewriterBase &rewriter;
  int64_t samplesPerBlock;
  bool threads;
};

struct ConvertTimeLoop : OpRewritePattern<TimeLoopOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TimeLoopOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    YieldOp yield = op.getYield();
    SizesOutside outside(b, op);
    SmallVector<Value> inits;
    for (auto [output, step] : llvm::zip(op.getOutputs(), yield.getOutputs())) {
      auto type = cast<RankedTensorType>(output.getType());
      Sizes sizes{op.getSteps()};
      for (int64_t dim = 1; dim < type.getRank(); ++dim) {
        OpFoldResult size = outside.get(step, dim - 1);
        if (!size)
          return op.emitOpError("the extent of dimension ")
                 << dim << " of output " << inits.size()
                 << " is not known before the loop";
        sizes.push_back(size);
      }
      inits.push_back(getPlace(b, output, type, sizes));
    }
    llvm::append_range(inits, op.getStates());

    auto loop = scf::ForOp::create(b, constantIndex(b, 0), op.getSteps(),
                                   constantIndex(b, 1), inits);
    // A step is too short to wake threads for.
    if (auto blocks = op->getParentOfType<scf::ForallOp>();
        blocks && blocks->hasAttr(kThreadsInsideAttrName))
      loop->setDiscardableAttr(kOneThreadAttrName, b.getUnitAttr());
    ValueRange iterArgs = loop.getRegionIterArgs();
    b.setInsertionPointToStart(loop.getBody());
    Value t = loop.getInductionVar();
    if (op.isReverse()) {
      Value last = arith::SubIOp::create(b, op.getSteps(), constantIndex(b, 1));
      t = arith::SubIOp::create(b, last, t);
    }
    SmallVector<Value> arguments{t};
    Sizes offsets, sizes, strides;
    for (auto [input, inside] : llvm::zip(op.getInputs(), op.getInputArgs())) {
      sliceOfStep(b, input, t, offsets, sizes, strides);
      arguments.push_back(tensor::ExtractSliceOp::create(
          b, cast<RankedTensorType>(inside.getType()), input, offsets, sizes,
          strides));
    }
    llvm::append_range(arguments, iterArgs.drop_front(op.getOutputs().size()));
    rewriter.mergeBlocks(&op.getBody().front(), loop.getBody(), arguments);

    b.setInsertionPoint(yield);
    SmallVector<Value> results;
    for (auto [step, sequence] : llvm::zip(yield.getOutputs(), iterArgs)) {
      sliceOfStep(b, sequence, t, offsets, sizes, strides);
      results.push_back(tensor::InsertSliceOp::create(b, step, sequence,
                                                      offsets, sizes, strides));
    }
    // A loop carries each state in the buffer that it started in.
    for (auto [next, state] :
         llvm::zip(yield.getNext(), iterArgs.take_back(yield.getNext().size())))
      results.push_back(bufferization::MaterializeInDestinationOp::create(
                            b, next.getType(), next, state)
                            .getResult());
    scf::YieldOp::create(b, results);
    rewriter.eraseOp(yield);
    rewriter.replaceOp(op, loop.getResults());
    return success();
  }

private:
  /// Where an output sequence is to be: the part of a larger tensor that it goes
  /// to, if that is all that happens to it, else a tensor of its own.
  static Value getPlace(ImplicitLocOpBuilder &b, OpResult output,
                        RankedTensorType type, ArrayRef<OpFoldResult> sizes) {
    if (output.hasOneUse())
      if (auto insert =
              dyn_cast<tensor::ParallelInsertSliceOp>(*output.user_begin()))
        return tensor::ExtractSliceOp::create(
            b, type, insert.getDest(), insert.getMixedOffsets(),
            insert.getMixedSizes(), insert.getMixedStrides());
    return emptyOf(b, type, sizes);
  }
};

struct InlineKernel : OpRewritePattern<KernelOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(KernelOp op,
                                PatternRewriter &rewriter) const override {
    YieldOp yield = op.getYield();
    rewriter.inlineBlockBefore(&op.getBody().front(), op, op.getInputs());
    SmallVector<Value> results(yield.getOutputs());
    rewriter.eraseOp(yield);
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void BlockOperands::setSlice(ImplicitLocOpBuilder &b, Value value,
                             int64_t dim) {
  sizes = sizesOf(b, value);
  offsets.assign(sizes.size(), b.getIndexAttr(0));
  strides.assign(sizes.size(), b.getIndexAttr(1));
  offsets[dim] = first;
  sizes[dim] = size;
}

/// Whether all that `op` computes is read by the loop, or by what is computed
/// in blocks already; sizes of it are taken from elsewhere.
bool BlockOperands::isForLoopOnly(Operation *op) {
  if (op->getBlock() != loop->getBlock())
    return false;
  SmallVector<std::pair<Operation *, Value>> sizes;
  for (Operation *user : op->getUsers()) {
    if (user == loop || llvm::is_contained(moved, user))
      continue;
    auto dim = dyn_cast<tensor::DimOp>(user);
    std::optional<int64_t> index = dim ? dim.getConstantIndex() : std::nullopt;
    if (!index)
      return false;
    ImplicitLocOpBuilder b(op->getLoc(), rewriter);
    OpBuilder::InsertionGuard guard(rewriter);
    b.setInsertionPoint(op);
    // The rows of a product are those of its input.
    Value source = dim.getSource();
    if (auto linear = dyn_cast<LinearOp>(op))
      source = linear.getInput();
    if (isa<LinearOp>(op) &&
        *index + 1 >= cast<RankedTensorType>(source.getType()).getRank())
      return false;
    OpFoldResult known = sizeOf(b, source, *index);
    sizes.emplace_back(user, asIndex(b, known));
  }
  for (auto [user, known] : sizes)
    rewriter.replaceOp(user, known);
  return true;
}

Value BlockOperands::compute(ImplicitLocOpBuilder &b, LinearOp linear,
                             int64_t dim) {
  // The last dimension is that of the product.
  if (dim + 1 >= cast<RankedTensorType>(linear.getInput().getType()).getRank())
    return {};
  if (!isForLoopOnly(linear))
    return {};
  moved.push_back(linear);
  Value input = get(b, linear.getInput(), dim);
  Operation *clone = b.clone(*linear);
  clone->setOperand(0, input);
  Value output = clone->getResult(0);
  output.setType(getBlockType(linear.getOutput().getType(), dim));
  return output;
}

Value BlockOperands::compute(ImplicitLocOpBuilder &b, ScanOp scan,
                             OpResult result, int64_t dim) {
  auto rankOf = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank();
  };
  int64_t rank = scan.getSpace().size();
  int64_t sampleDim = dim - (rankOf(result) - rank);
  if (!scan.getAccumulators().empty() || !scan.getReplayed().empty() ||
      !scan.hasPureTensorSemantics() || sampleDim < 0 ||
      !llvm::all_of(
          scan.getStateResults(),
          [](Value state) { return state.use_empty(); }) ||
      !isForLoopOnly(scan))
    return {};
  moved.push_back(scan);
  bool timed = !scan.isStep();
  SmallVector<Value> operands;
  for (OpOperand &operand : scan->getOpOperands()) {
    Value value = operand.get();
    auto type = cast<RankedTensorType>(value.getType());
    int64_t own = sampleDim + type.getRank() - rank;
    bool isSequence = timed && (llvm::is_contained(scan.getIns(), value) ||
                                llvm::is_contained(scan.getOuts(), value));
    if (own < isSequence || type.getDimSize(own) == 1) {
      operands.push_back(value);
    } else if (value.getDefiningOp<tensor::EmptyOp>()) {
      setSlice(b, value, own);
      operands.push_back(emptyOf(b, getBlockType(type, own), sizes));
    } else {
      operands.push_back(get(b, value, own));
    }
  }
  Operation *clone = b.clone(*scan);
  clone->setOperands(operands);
  for (auto [from, to] : llvm::zip(scan->getResults(), clone->getResults())) {
    auto type = cast<RankedTensorType>(from.getType());
    to.setType(getBlockType(type, sampleDim + type.getRank() - rank));
    parts.map(from, to);
  }
  return clone->getResult(result.getResultNumber());
}

Value BlockOperands::get(ImplicitLocOpBuilder &b, Value value, int64_t dim) {
  if (Value known = parts.lookupOrNull(value))
    return known;
  Value part;
  if (auto linear = value.getDefiningOp<LinearOp>())
    part = compute(b, linear, dim);
  else if (auto scan = value.getDefiningOp<ScanOp>())
    part = compute(b, scan, cast<OpResult>(value), dim);
  if (!part) {
    setSlice(b, value, dim);
    part = tensor::ExtractSliceOp::create(
        b, getBlockType(cast<RankedTensorType>(value.getType()), dim), value,
        offsets, sizes, strides);
  }
  parts.map(value, part);
  return part;
}

void rheobase::populateTimePatterns(RewritePatternSet &patterns) {
  patterns.add<ConvertTimeLoop>(patterns.getContext());
}

void rheobase::divideTimeLoops(RewriterBase &rewriter, Operation *root,
                               int64_t samplesPerBlock, bool threads) {
  SmallVector<TimeLoopOp> loops;
  root->walk([&](TimeLoopOp loop) { loops.push_back(loop); });
  TimeLoopDivider divider{rewriter, samplesPerBlock, threads};
  for (TimeLoopOp loop : loops) {
    rewriter.setInsertionPoint(loop);
    (void)divider.divide(loop);
  }
}

void rheobase::populateKernelInliningPatterns(RewritePatternSet &patterns) {
  patterns.add<InlineKernel>(patterns.getContext());
}
