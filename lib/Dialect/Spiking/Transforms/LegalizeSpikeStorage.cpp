//===- LegalizeSpikeStorage.cpp - Spikes in memory: bytes and bits --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_LEGALIZESPIKESTORAGEPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

static bool isSpikeTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getElementType().isInteger(1);
}

static Type storedType(Type type) {
  if (!isSpikeTensor(type))
    return type;
  return cast<RankedTensorType>(type).clone(
      IntegerType::get(type.getContext(), 8));
}

static bool hasSpikeTensors(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), isSpikeTensor) ||
         llvm::any_of(op->getResultTypes(), isSpikeTensor);
}

/// Operations that pass tensors on and do not look into them.
static bool isTransparent(Operation *op) {
  return isa<tensor::EmptyOp, tensor::DimOp, tensor::CastOp,
             tensor::ExtractSliceOp, tensor::InsertSliceOp,
             tensor::ParallelInsertSliceOp, tensor::ExpandShapeOp,
             tensor::CollapseShapeOp, scf::ForOp, scf::ForallOp, scf::IfOp, scf::YieldOp, func::ReturnOp, func::CallOp,
             func::CallIndirectOp, bufferization::AllocTensorOp,
             bufferization::MaterializeInDestinationOp>(op);
}

//===----------------------------------------------------------------------===//
// Which spikes are bits
//===----------------------------------------------------------------------===//

namespace {

/// Finds the spikes that may be bits. Values that share a buffer, or that an
/// operation only moves, are stored alike.
class StorageChoice {
public:
  /// Fills `packed` with the values that stay i1, says why the others do not.
  void run(Operation *root, DenseSet<Value> &packed);

private:
  unsigned numberOf(Value value) {
    auto [it, isNew] = numbers.try_emplace(value, parents.size());
    if (isNew) {
      parents.push_back(it->second);
      reasons.emplace_back();
    }
    return it->second;
  }
  unsigned find(unsigned number) {
    while (parents[number] != number)
      number = parents[number] = parents[parents[number]];
    return number;
  }
  /// The values, where they are spikes, are stored alike.
  void join(Value a, Value b) {
    if (!isSpikeTensor(a.getType()) || !isSpikeTensor(b.getType()))
      return;
    unsigned first = find(numberOf(a)), second = find(numberOf(b));
    if (first == second)
      return;
    // The earlier one stands for both.
    if (second < first)
      std::swap(first, second);
    parents[second] = first;
    if (reasons[first].empty())
      reasons[first] = reasons[second];
  }
  void keepBytes(Value value, StringRef reason) {
    if (!isSpikeTensor(value.getType()))
      return;
    StringRef &known = reasons[find(numberOf(value))];
    if (known.empty())
      known = reason;
  }
  void keepBytes(ValueRange values, StringRef reason) {
    for (Value value : values)
      keepBytes(value, reason);
  }

  void visit(Operation *op);
  void visitScan(ScanOp scan);
  void visitLinalg(linalg::LinalgOp op);
  void visitBranches(scf::IfOp branches);
  void visitLoop(scf::ForOp loop);
  template <typename OpTy> void visitSlice(OpTy slice, Value whole);

  llvm::MapVector<Value, unsigned> numbers;
  SmallVector<unsigned> parents;
  SmallVector<StringRef> reasons;
};

} // namespace

static bool hasWholeBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getRank() > 0 && !tensor.isDynamicDim(tensor.getRank() - 1) &&
         tensor.getShape().back() > 0 && tensor.getShape().back() % 8 == 0;
}

/// Whether neighbours along the innermost dimension are neighbours in memory,
/// as far as a slice tells.
static bool isContiguous(Value tensor) {
  auto slice = tensor.getDefiningOp<tensor::ExtractSliceOp>();
  if (!slice || slice.getMixedStrides().empty())
    return true;
  return !slice.getDroppedDims().test(slice.getSourceType().getRank() - 1) &&
         isConstantIntValue(slice.getMixedStrides().back(), 1);
}

void StorageChoice::visitScan(ScanOp scan) {
  constexpr StringLiteral state = "it is a state of a neuron";
  keepBytes(scan.getParams(), "it is a parameter of a scan");
  keepBytes(scan.getStates(), state);
  keepBytes(scan.getReplayed(), state);
  keepBytes(scan.getAccumulators(), state);
  bool contiguous = llvm::all_of(scan->getOperands(), [](Value operand) {
    return !isa<RankedTensorType>(operand.getType()) || isContiguous(operand);
  });
  for (Value out : scan.getOuts())
    if (!contiguous)
      keepBytes(out, "a scan writes it whose operands are not contiguous");
}

/// The loop that alone indexes the innermost dimension of an operand.
static std::optional<unsigned> getInnermostLoop(linalg::LinalgOp op,
                                                OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (map.getNumResults() == 0)
    return std::nullopt;
  auto loop = dyn_cast<AffineDimExpr>(map.getResults().back());
  if (!loop)
    return std::nullopt;
  return loop.getPosition();
}

void StorageChoice::visitLinalg(linalg::LinalgOp op) {
  for (OpOperand *operand : op.getDpsInputOperands())
    if (!getInnermostLoop(op, *operand))
      keepBytes(operand->get(), "windows move along its last dimension");
  for (OpOperand &init : op.getDpsInitsMutable()) {
    if (!isSpikeTensor(init.get().getType()))
      continue;
    constexpr StringLiteral reason =
        "an operation writes it that does not work along its last dimension";
    std::optional<unsigned> innermost = getInnermostLoop(op, init);
    SmallVector<utils::IteratorType> types = op.getIteratorTypesArray();
    if (!innermost ||
        llvm::any_of(llvm::seq<unsigned>(*innermost + 1, op.getNumLoops()),
                     [&](unsigned loop) {
                       return types[loop] == utils::IteratorType::parallel;
                     })) {
      keepBytes(init.get(), reason);
      continue;
    }
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      int64_t uses = llvm::count_if(map.getResults(), [&](AffineExpr expr) {
        return expr.isFunctionOfDim(*innermost);
      });
      bool along = uses == 1 && getInnermostLoop(op, operand) == innermost &&
                   isContiguous(operand.get());
      if (uses > 0 && !along)
        keepBytes(init.get(), reason);
    }
  }
}

template <typename OpTy>
void StorageChoice::visitSlice(OpTy slice, Value whole) {
  int64_t last = cast<RankedTensorType>(whole.getType()).getRank() - 1;
  if (last < 0 || slice.getDroppedDims().test(last) ||
      !isConstantIntValue(slice.getMixedStrides()[last], 1))
    return keepBytes(whole, "it is taken apart along its last dimension");
  std::optional<int64_t> offset =
      getConstantIntValue(slice.getMixedOffsets()[last]);
  if (!offset || *offset % 8 != 0)
    keepBytes(whole, "it is taken apart along its last dimension");
}

/// The value outside of `region`, or its argument, whose buffer `value` is
/// computed in.
static Value getDestination(Region &region, Value value) {
  while (auto result = dyn_cast<OpResult>(value)) {
    Operation *op = result.getOwner();
    if (!region.isAncestor(op->getParentRegion()))
      break;
    if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
      value = destination.getTiedOpOperand(result)->get();
    else if (auto forall = dyn_cast<scf::ForallOp>(op))
      value = forall.getOutputs()[result.getResultNumber()];
    else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
      value = insert.getDest();
    else
      break;
  }
  return value;
}

/// Spikes that both branches compute in one buffer.
void StorageChoice::visitBranches(scf::IfOp branches) {
  for (OpResult result : branches.getResults()) {
    unsigned number = result.getResultNumber();
    Value yes = branches.thenYield().getOperand(number),
          no = branches.elseYield().getOperand(number);
    join(result, yes);
    join(result, no);
    if (getDestination(branches.getThenRegion(), yes) !=
        getDestination(branches.getElseRegion(), no))
      keepBytes(result, "branches compute it in different buffers");
  }
}

/// Spikes that a loop computes in the buffer that it has got.
void StorageChoice::visitLoop(scf::ForOp loop) {
  for (auto [init, argument, yielded, result] :
       llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs(),
                       loop.getYieldedValues(), loop.getResults())) {
    join(init, argument);
    join(init, yielded);
    join(init, result);
    if (getDestination(loop.getRegion(), yielded) != argument)
      keepBytes(result, "a loop carries it from step to step");
  }
}

void StorageChoice::visit(Operation *op) {
  // Buffers that are shared.
  if (auto destination = dyn_cast<DestinationStyleOpInterface>(op))
    for (OpOperand &init : destination.getDpsInitsMutable())
      if (isa<RankedTensorType>(init.get().getType()))
        join(init.get(), destination.getTiedOpResult(&init));

  if (auto scan = dyn_cast<ScanOp>(op))
    return visitScan(scan);
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return visitLinalg(linalgOp);
  if (isa<tensor::EmptyOp, tensor::DimOp>(op))
    return;
  if (isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op))
    return join(op->getOperand(0), op->getResult(0));
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    join(pad.getSource(), pad.getResult());
    if (!isConstantIntValue(pad.getMixedLowPad().back(), 0) ||
        !isConstantIntValue(pad.getMixedHighPad().back(), 0))
      keepBytes(pad.getResult(), "it is padded along its last dimension");
    return;
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    join(slice.getSource(), slice.getResult());
    if (isSpikeTensor(slice.getType()))
      visitSlice(slice, slice.getSource());
    return;
  }
  if (auto slice = dyn_cast<tensor::InsertSliceOp>(op)) {
    join(slice.getDest(), slice.getResult());
    join(slice.getSource(), slice.getDest());
    if (isSpikeTensor(slice.getType()))
      visitSlice(slice, slice.getDest());
    return;
  }
  if (auto slice = dyn_cast<tensor::ParallelInsertSliceOp>(op)) {
    join(slice.getSource(), slice.getDest());
    if (isSpikeTensor(slice.getDest().getType()))
      visitSlice(slice, slice.getDest());
    return;
  }
  if (auto forall = dyn_cast<scf::ForallOp>(op)) {
    for (auto [init, argument, result] :
         llvm::zip_equal(forall.getOutputs(), forall.getRegionIterArgs(),
                         forall.getResults())) {
      join(init, argument);
      join(init, result);
    }
    return;
  }
  if (auto alloc = dyn_cast<bufferization::AllocTensorOp>(op)) {
    if (alloc.getCopy())
      join(alloc.getCopy(), alloc.getResult());
    return;
  }

  if (auto branches = dyn_cast<scf::IfOp>(op))
    return visitBranches(branches);
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitLoop(loop);
  if (isa<scf::YieldOp>(op))
    return;

  StringRef reason = "an operation accesses its elements one by one";
  if (isa<func::ReturnOp>(op))
    reason = "it is a result of a function";
  else if (isa<func::CallOp, func::CallIndirectOp>(op))
    reason = "a function is called with it";
  else if (isa<arith::ConstantOp, tensor::SplatOp>(op))
    reason = "it is a constant";
  else if (isa<bufferization::MaterializeInDestinationOp>(op))
    reason = "it is written into another value";
  keepBytes(op->getOperands(), reason);
  keepBytes(op->getResults(), reason);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      keepBytes(block.getArguments(), reason);
}

void StorageChoice::run(Operation *root, DenseSet<Value> &packed) {
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      if (!function.isExternal())
        keepBytes(function.getArguments(), "it is an argument of a function");
      return;
    }
    if (!isa<YieldOp, linalg::YieldOp, tensor::YieldOp>(op))
      visit(op);
  });
  for (auto [value, number] : numbers)
    if (!hasWholeBytes(value.getType()))
      keepBytes(value, "its last dimension is no known number of whole bytes");

  // One remark for all that is stored alike, where a kernel computes it.
  llvm::DenseSet<unsigned> said;
  for (auto [value, number] : numbers) {
    StringRef reason = reasons[find(number)];
    if (reason.empty())
      packed.insert(value);
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<ScanOp, linalg::LinalgOp>(op) ||
        !said.insert(find(number)).second)
      continue;
    std::string type;
    llvm::raw_string_ostream(type) << value.getType();
    auto function = op->getParentOfType<func::FuncOp>();
    auto options =
        remark::RemarkOpts::name(reason.empty() ? remarks::kSpikesInBits
                                                : remarks::kSpikesInBytes)
            .category("spiking-legalize-spike-storage")
            .function(function ? function.getName() : StringRef());
    if (reason.empty())
      remark::passed(op->getLoc(), options)
          << "spikes of " + type + " are bits";
    else
      remark::missed(op->getLoc(), options)
          << "spikes of " + type + " stay bytes: " + reason.str();
  }
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

namespace {

/// Changes types in place: all at once, so no casts are ever needed between
/// tensors. Scalars keep their types; conversions stand where they meet memory.
class StorageRewriter {
public:
  /// Values of `packed` stay as they are.
  StorageRewriter(MLIRContext *context, const DenseSet<Value> &packed)
      : builder(context), i8(builder.getI8Type()), packed(packed) {}

  LogicalResult check(Operation *root);
  void run(Operation *root);

private:
  bool isStored(Value value) const {
    return isSpikeTensor(value.getType()) && !packed.contains(value);
  }
  /// The scalar as it is stored, before `op`.
  Value stored(Operation *op, Value scalar) {
    if (!scalar.getType().isInteger(1))
      return scalar;
    // What has just been loaded is as it was.
    if (auto load = scalar.getDefiningOp<arith::TruncIOp>())
      if (loads.contains(load))
        return load.getIn();
    builder.setInsertionPoint(op);
    return arith::ExtUIOp::create(builder, op->getLoc(), i8, scalar);
  }
  void storeOperand(OpOperand &operand) {
    operand.set(stored(operand.getOwner(), operand.get()));
  }
  /// `value` has been changed to a stored spike: its users see the spike.
  void load(Value value, Block::iterator where, Block *block) {
    builder.setInsertionPoint(block, where);
    auto trunc = arith::TruncIOp::create(builder, value.getLoc(),
                                         builder.getI1Type(), value);
    loads.insert(trunc);
    value.replaceAllUsesExcept(trunc, trunc);
  }
  void loadArgument(BlockArgument argument) {
    argument.setType(i8);
    load(argument, argument.getOwner()->begin(), argument.getOwner());
  }
  /// Stores those of some scalars that go into bytes.
  void storeInto(MutableArrayRef<OpOperand> scalars, ValueRange tensors) {
    for (auto [scalar, tensor] : llvm::zip_equal(scalars, tensors))
      if (isStored(tensor))
        storeOperand(scalar);
  }
  void visit(Operation *op);

  OpBuilder builder;
  Type i8;
  const DenseSet<Value> &packed;
  DenseSet<Operation *> loads;
};

} // namespace

LogicalResult StorageRewriter::check(Operation *root) {
  WalkResult result = root->walk([](Operation *op) {
    if (!hasSpikeTensors(op) || isTransparent(op) ||
        isa<ScanOp, linalg::LinalgOp, tensor::PadOp, tensor::ExtractOp,
            tensor::InsertOp, tensor::FromElementsOp, tensor::SplatOp,
            arith::ConstantOp>(op))
      return WalkResult::advance();
    if (op->getParentOfType<ScanOp>())
      return WalkResult::advance();
    op->emitOpError("has spikes that cannot be stored as bytes: expected "
                    "linalg, tensor and scf operations and scans here");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

void StorageRewriter::visit(Operation *op) {
  // Scalars that are written, and those that are read, by kind of operation.
  if (auto scan = dyn_cast<ScanOp>(op)) {
    auto loadAll = [&](ValueRange operands, Block::BlockArgListType arguments) {
      for (auto [operand, argument] : llvm::zip_equal(operands, arguments))
        if (isStored(operand))
          loadArgument(argument);
    };
    loadAll(scan.getIns(), scan.getInArgs());
    loadAll(scan.getParams(), scan.getParamArgs());
    loadAll(scan.getStates(), scan.getStateArgs());
    loadAll(scan.getReplayed(), scan.getReplayedArgs());
    if (!scan.getReplay().empty()) {
      size_t number = 0;
      Block &replay = scan.getReplay().front();
      for (ValueRange operands :
           {ValueRange(scan.getIns()), ValueRange(scan.getParams()),
            ValueRange(scan.getReplayed())})
        for (Value operand : operands) {
          if (isStored(operand))
            loadArgument(replay.getArgument(number));
          ++number;
        }
      storeInto(scan.getReplayYield()->getOpOperands(), scan.getReplayed());
    }
    SmallVector<Value> targets(scan.getOuts());
    llvm::append_range(targets, scan.getStates());
    llvm::append_range(targets, scan.getAccumulators());
    storeInto(scan.getYield()->getOpOperands(), targets);
  } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    Block *body = linalgOp.getBlock();
    bool storesNothing = llvm::none_of(
        op->getOperands(), [&](Value operand) { return isStored(operand); });
    if (storesNothing)
      return;
    SmallVector<int64_t> spikes;
    for (OpOperand &operand : op->getOpOperands()) {
      bool scalar = operand.get().getType().isInteger(1);
      if (!scalar && !isStored(operand.get()))
        continue;
      if (scalar)
        storeOperand(operand);
      else if (linalgOp.isDpsInput(&operand))
        spikes.push_back(operand.getOperandNumber());
      loadArgument(linalgOp.getMatchingBlockArgument(&operand));
    }
    // Bytes do not tell that they are 0 or 1.
    if (!spikes.empty())
      op->setAttr(SpikingDialect::kSpikesAttrName,
                  builder.getDenseI64ArrayAttr(spikes));
    storeInto(body->getTerminator()->getOpOperands(), linalgOp.getDpsInits());
  } else if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    if (!isStored(pad.getResult()))
      return;
    for (OpOperand &operand : pad.getBody()->getTerminator()->getOpOperands())
      storeOperand(operand);
  } else if (isa<tensor::InsertOp, tensor::FromElementsOp, tensor::SplatOp>(
                 op)) {
    if (isSpikeTensor(op->getResult(0).getType()))
      for (OpOperand &operand : op->getOpOperands())
        if (operand.get().getType().isInteger(1))
          storeOperand(operand);
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    if (isSpikeTensor(extract.getTensor().getType())) {
      extract.getResult().setType(i8);
      load(extract.getResult(), std::next(Block::iterator(op)), op->getBlock());
    }
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue()))
      if (isSpikeTensor(elements.getType()))
        constant.setValueAttr(cast<TypedAttr>(Attribute(elements.mapValues(
            i8, [](const APInt &spike) { return spike.zext(8); }))));
  }
}

void StorageRewriter::run(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    if (isa<linalg::YieldOp, YieldOp, tensor::YieldOp>(op))
      return;
    ops.push_back(op);
  });
  // First what is inside operations, while the tensors' types still tell.
  for (Operation *op : ops)
    visit(op);
  for (Operation *op : ops) {
    for (OpResult result : op->getResults())
      if (isStored(result))
        result.setType(storedType(result.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          if (isStored(argument))
            argument.setType(storedType(argument.getType()));
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      FunctionType type = function.getFunctionType();
      function.setFunctionType(FunctionType::get(
          type.getContext(), llvm::map_to_vector(type.getInputs(), storedType),
          llvm::map_to_vector(type.getResults(), storedType)));
    }
  }
  // A stored spike is 0 or 1, so it is its own number.
  for (Operation *op : loads) {
    auto load = cast<arith::TruncIOp>(op);
    for (Operation *user : llvm::make_early_inc_range(load->getUsers()))
      if (auto number = dyn_cast<arith::UIToFPOp>(user))
        number.getInMutable().set(load.getIn());
    if (load->use_empty())
      load->erase();
  }
}

namespace {
struct LegalizeSpikeStoragePass
    : rheobase::spiking::impl::LegalizeSpikeStoragePassBase<
          LegalizeSpikeStoragePass> {
  using LegalizeSpikeStoragePassBase::LegalizeSpikeStoragePassBase;

  void runOnOperation() override {
    DenseSet<Value> packed;
    StorageRewriter rewriter(&getContext(), packed);
    if (failed(rewriter.check(getOperation())))
      return signalPassFailure();
    if (pack)
      StorageChoice().run(getOperation(), packed);
    rewriter.run(getOperation());
  }
};
} // namespace
