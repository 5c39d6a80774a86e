//===- FormKernels.cpp - Groups operations into kernels -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_FORMKERNELSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Which part an operation plays in a kernel.
static StringRef getKind(Operation *op) {
  if (isa<LinearOp, ConvOp, ConvInputGradientOp>(op))
    return "product";
  // Computed as early as it stands: activations live no longer than needed.
  if (isa<LinearWeightGradientOp, ConvWeightGradientOp>(op))
    return "gradient";
  if (isa<ScanOp>(op))
    return "scan";
  if (isa<BatchNormOp, BatchNormGradientOp>(op))
    return "norm";
  if (isa<AvgPoolOp, SumPoolOp, MaxPoolOp, SumPoolGradientOp,
          MaxPoolGradientOp>(op))
    return "pool";
  if (isa<ReadoutOp, ReadoutMaxGradientOp, ReduceSumOp, SpikeRateOp,
          CrossEntropyOp, CrossEntropyGradientOp, MeanSquaredErrorOp,
          CountCorrectOp, ClipGradientsOp>(op))
    return "reduction";
  if (isa<SGDOp, AdamOp>(op))
    return "optimizer";
  return "elementwise";
}

/// What a kernel has a copy of.
static bool isCopied(Operation *op) {
  return matchPattern(op, m_Constant()) || isa<tensor::EmptyOp>(op);
}

/// Sizes and scalars are computed between kernels.
static bool isBetweenKernels(Operation *op) {
  if (isCopied(op) || isa<tensor::DimOp>(op))
    return true;
  return isPure(op) && op->getNumRegions() == 0 &&
         llvm::none_of(op->getResultTypes(), llvm::IsaPred<ShapedType>);
}

/// Whether `op` takes part in the kernel of its only user: it then needs no
/// kernel of its own, and what it computes need not be there as a whole.
static bool joinsConsumer(Operation *op, Operation *consumer) {
  StringRef kind = getKind(op), consumerKind = getKind(consumer);
  if (kind == "elementwise")
    return true;
  if (kind == "product")
    return consumerKind == "scan" || consumerKind == "norm";
  if (kind == "scan")
    return consumerKind == "reduction" || consumerKind == "pool";
  return false;
}

namespace {

/// Groups the operations of a block.
class KernelBuilder {
public:
  explicit KernelBuilder(Block &block) : block(block) {}

  void run();

private:
  using Group = SmallVector<Operation *>;
  void assignGroups();
  void build(ArrayRef<Operation *> group);

  Block &block;
  /// The group of each operation, by its last operation; in program order.
  DenseMap<Operation *, Operation *> groupOf;
  llvm::MapVector<Operation *, Group> groups;
};

} // namespace

void KernelBuilder::assignGroups() {
  // Consumers first: an operation whose users are all in one group may join it.
  for (Operation &op : llvm::reverse(block.without_terminator())) {
    if (isBetweenKernels(&op) || isa<TimeLoopOp, KernelOp>(op) ||
        op.getNumResults() == 0 ||
        !llvm::all_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>))
      continue;
    Operation *group = nullptr;
    bool joins = !op.use_empty();
    for (Operation *user : op.getUsers()) {
      Operation *userGroup =
          user->getBlock() == &block ? groupOf.lookup(user) : nullptr;
      joins &= userGroup && (!group || group == userGroup) &&
               joinsConsumer(&op, user);
      group = userGroup;
    }
    groupOf[&op] = joins ? group : &op;
  }
  for (Operation &op : block)
    if (Operation *group = groupOf.lookup(&op))
      groups[group].push_back(&op);
}

void KernelBuilder::build(ArrayRef<Operation *> group) {
  Operation *last = group.back();
  SmallPtrSet<Operation *, 8> members(group.begin(), group.end());
  // The tensors and numbers that enter, and the results that leave.
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Operation *> copied;
  SmallVector<Value> outputs;
  auto addOperand = [&](Value operand, auto &self) -> void {
    Operation *definition = operand.getDefiningOp();
    if (definition && members.contains(definition))
      return;
    if (definition && isCopied(definition)) {
      for (Value inner : definition->getOperands())
        self(inner, self);
      copied.insert(definition);
      return;
    }
    inputs.insert(operand);
  };
  for (Operation *op : group) {
    op->walk([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        if (!op->isAncestor(operand.getParentRegion()->getParentOp()) ||
            operand.getParentRegion() == op->getParentRegion())
          addOperand(operand, addOperand);
    });
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !members.contains(block.findAncestorOpInBlock(*user));
          }))
        outputs.push_back(result);
  }

  std::string implementation;
  SmallVector<Location> locations;
  for (Operation *op : group) {
    locations.push_back(op->getLoc());
    StringRef name = op->getName().stripDialect();
    if (getKind(op) == "elementwise" && group.size() > 1)
      continue;
    implementation += (implementation.empty() ? "" : "+") + name.str();
  }
  if (implementation.empty())
    implementation = last->getName().stripDialect().str();

  OpBuilder builder(last);
  OperationState state(builder.getFusedLoc(locations),
                       KernelOp::getOperationName());
  state.addOperands(inputs.getArrayRef());
  state.addTypes(ValueRange(outputs).getTypes());
  state.addAttribute("implementation", builder.getStringAttr(implementation));
  Region *region = state.addRegion();
  Block *body = new Block;
  region->push_back(body);
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), input.getLoc()));
  builder.setInsertionPointToEnd(body);
  for (Operation *op : copied)
    builder.clone(*op, mapping);
  for (Operation *op : group)
    builder.clone(*op, mapping);
  SmallVector<Value> yielded;
  for (Value output : outputs)
    yielded.push_back(mapping.lookup(output));
  YieldOp::create(builder, last->getLoc(), yielded);

  builder.setInsertionPoint(last);
  Operation *kernel = builder.create(state);
  for (auto [output, result] : llvm::zip(outputs, kernel->getResults()))
    output.replaceAllUsesWith(result);
  for (Operation *op : llvm::reverse(group))
    op->erase();

  auto function = kernel->getParentOfType<func::FuncOp>();
  remark::passed(kernel->getLoc(), remark::RemarkOpts::name(remarks::kKernel)
                                       .category("spiking-form-kernels")
                                       .function(function.getName()))
      << ("kernel " + implementation + ": " + std::to_string(group.size()) +
          " operations, " + std::to_string(inputs.size()) + " inputs, " +
          std::to_string(outputs.size()) + " results")
      << remark::metric("kernel", implementation)
      << remark::metric("operations", group.size())
      << remark::metric("inputs", inputs.size())
      << remark::metric("results", outputs.size());
}

void KernelBuilder::run() {
  assignGroups();
  for (auto &[last, group] : groups)
    build(group);
}

namespace {
struct FormKernelsPass
    : rheobase::spiking::impl::FormKernelsPassBase<FormKernelsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !function.isPublic())
      return;
    SmallVector<Block *> blocks;
    for (Block &block : function.getBody())
      blocks.push_back(&block);
    function.walk(
        [&](TimeLoopOp loop) { blocks.push_back(&loop.getBody().front()); });
    for (Block *block : blocks)
      KernelBuilder(*block).run();
    // What kernels have copies of.
    for (Block *block : blocks)
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
        if (isOpTriviallyDead(&op))
          op.erase();
  }
};
} // namespace
