//===- LegalizeSpikeStorage.cpp - Spikes in memory are bytes --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_LEGALIZESPIKESTORAGEPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
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

namespace {

/// Changes types in place: all at once, so no casts are ever needed between
/// tensors. Scalars keep their types; conversions stand where they meet memory.
class StorageRewriter {
public:
  explicit StorageRewriter(MLIRContext *context)
      : builder(context), i8(builder.getI8Type()) {}

  LogicalResult check(Operation *root);
  void run(Operation *root);

private:
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
  void visit(Operation *op);

  OpBuilder builder;
  Type i8;
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
        if (isSpikeTensor(operand.getType()))
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
          if (isSpikeTensor(operand.getType()))
            loadArgument(replay.getArgument(number));
          ++number;
        }
      for (OpOperand &operand : scan.getReplayYield()->getOpOperands())
        storeOperand(operand);
    }
    for (OpOperand &operand : scan.getYield()->getOpOperands())
      storeOperand(operand);
  } else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    Block *body = linalgOp.getBlock();
    SmallVector<int64_t> spikes;
    for (OpOperand &operand : op->getOpOperands()) {
      bool scalar = operand.get().getType().isInteger(1);
      if (!scalar && !isSpikeTensor(operand.get().getType()))
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
    // A spike that is yielded goes into a tensor of spikes.
    for (OpOperand &operand : body->getTerminator()->getOpOperands())
      storeOperand(operand);
  } else if (auto pad = dyn_cast<tensor::PadOp>(op)) {
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
      result.setType(storedType(result.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
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
  void runOnOperation() override {
    StorageRewriter rewriter(&getContext());
    if (failed(rewriter.check(getOperation())))
      return signalPassFailure();
    rewriter.run(getOperation());
  }
};
} // namespace
