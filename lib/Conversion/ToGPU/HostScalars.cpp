//===- HostScalars.cpp - Scalar work between kernels becomes kernels --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Once buffers live on the device, the host can neither load nor store their
// elements. It keeps sizes, control flow that depends on sizes, and launches.
//
//===----------------------------------------------------------------------===//

#include "LinalgToGPU.h"

#include "../SpikingToVector/IndexMath.h"
#include "KernelBuilder.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace rheobase;

/// Marks loads from the buffers that carry a scalar from kernel to kernel.
static constexpr StringLiteral carriedName = "rheobase.carried";

/// Loops and branches over scalars, with loads or stores in them.
static bool isScalarNest(Operation *op) {
  if (!isa<scf::ForOp, scf::IfOp, scf::WhileOp>(op))
    return false;
  bool touchesMemory = false;
  WalkResult result = op->walk([&](Operation *nested) {
    if (isa<memref::LoadOp, memref::StoreOp>(nested)) {
      touchesMemory = true;
      return WalkResult::advance();
    }
    bool known = isa<scf::ForOp, scf::IfOp, scf::WhileOp, scf::YieldOp,
                     scf::ConditionOp>(nested) ||
                 isPure(nested);
    return known ? WalkResult::advance() : WalkResult::interrupt();
  });
  return touchesMemory && !result.wasInterrupted();
}

/// The operation around `op`, or `op` itself, that the host executes.
static Operation *getHostOp(Operation *op) {
  Operation *host = op;
  for (Operation *parent = op->getParentOp(); parent;
       parent = parent->getParentOp())
    if (isa<linalg::LinalgOp, gpu::LaunchOp>(parent))
      host = parent;
  return host;
}

namespace {

/// Collects neighbouring scalar operations of a block and moves each group to a
/// kernel.
class ScalarRuns {
public:
  explicit ScalarRuns(RewriterBase &rewriter) : b(rewriter) {}
  void process(Block &block);

private:
  bool isMember(Operation *op);
  void flush(Operation *before);

  RewriterBase &b;
  SetVector<Operation *> run;
};

} // namespace

bool ScalarRuns::isMember(Operation *op) {
  if (op->hasAttr(carriedName))
    // Loaded for what is a kernel anyway, or for more scalar work.
    return llvm::any_of(op->getUsers(), [](Operation *user) {
      return getHostOp(user) == user &&
             !isa<linalg::LinalgOp, gpu::LaunchOp>(user);
    });
  if (isa<memref::LoadOp, memref::StoreOp>(op) || isScalarNest(op))
    return true;
  return isPure(op) && op->getNumRegions() == 0 &&
         llvm::any_of(op->getOperands(), [&](Value operand) {
           Operation *producer = operand.getDefiningOp();
           return producer && run.contains(producer);
         });
}

void ScalarRuns::flush(Operation *before) {
  if (run.empty())
    return;
  Location loc = run.front()->getLoc();
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(before);
  Block *block = before->getBlock();

  // Values that leave the run.
  SmallVector<std::pair<Value, Value>> carried;
  for (Operation *op : run)
    for (OpResult result : op->getResults()) {
      bool leaves = llvm::any_of(result.getUsers(), [&](Operation *user) {
        return llvm::none_of(run, [&](Operation *member) {
          return member->isAncestor(user);
        });
      });
      if (!leaves)
        continue;
      Value buffer = memref::AllocOp::create(
          b, loc, MemRefType::get({}, result.getType()));
      carried.emplace_back(result, buffer);
    }

  IndexMath index{b, loc};
  launchItems(b, loc, "scalar", index.constant(1), [&](Value) {
    for (Operation *op : run)
      b.moveOpBefore(op, b.getInsertionBlock(), b.getInsertionPoint());
    for (auto [value, buffer] : carried)
      memref::StoreOp::create(b, loc, value, buffer, ValueRange());
  });
  Operation *launch = before->getPrevNode();
  for (auto [value, buffer] : carried) {
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : value.getUses())
      if (!launch->isAncestor(use.getOwner()))
        uses.push_back(&use);
    DenseMap<Operation *, Value> loads;
    for (OpOperand *use : uses) {
      Operation *user = getHostOp(use->getOwner());
      Value &load = loads[user];
      if (!load) {
        b.setInsertionPoint(user);
        auto op = memref::LoadOp::create(b, loc, buffer, ValueRange());
        op->setAttr(carriedName, b.getUnitAttr());
        load = op;
      }
      b.modifyOpInPlace(use->getOwner(), [&] { use->set(load); });
    }
    b.setInsertionPoint(block->getTerminator());
    memref::DeallocOp::create(b, loc, buffer);
  }
  run.clear();
}

void ScalarRuns::process(Block &block) {
  // New operations come in before the current one: the list grows as we go.
  for (Operation *op = &block.front(); op;) {
    Operation *next = op->getNextNode();
    if (isMember(op)) {
      run.insert(op);
    } else if (op->hasAttr(carriedName) || isPure(op) ||
               isa<memref::AllocOp>(op)) {
      // Sizes, views and the like: the run goes on after them.
    } else {
      flush(op);
      if (!isa<linalg::LinalgOp, gpu::LaunchOp>(op))
        for (Region &region : op->getRegions())
          for (Block &nested : region)
            ScalarRuns(b).process(nested);
    }
    op = next;
  }
}

LogicalResult rheobase::launchHostScalars(RewriterBase &rewriter,
                                          Region &host) {
  for (Block &block : host)
    ScalarRuns(rewriter).process(block);
  return success();
}

LogicalResult rheobase::sinkDeviceScalars(RewriterBase &rewriter,
                                          Region &host) {
  SmallVector<memref::LoadOp> loads;
  host.walk([&](memref::LoadOp load) {
    if (load->hasAttr(carriedName))
      loads.push_back(load);
  });
  for (memref::LoadOp load : loads) {
    load->removeAttr(carriedName);
    if (load->getParentOfType<gpu::LaunchOp>())
      continue;
    DenseMap<Operation *, Value> sunk;
    for (OpOperand &use : llvm::make_early_inc_range(load->getUses())) {
      auto launch = use.getOwner()->getParentOfType<gpu::LaunchOp>();
      if (!launch) {
        InFlightDiagnostic diag = use.getOwner()->emitOpError(
            "needs on the host a value that is computed on the device");
        diag.attachNote(load.getLoc()) << "the value is computed here";
        return diag;
      }
      Value &value = sunk[launch];
      if (!value) {
        rewriter.setInsertionPointToStart(&launch.getBody().front());
        value = cast<memref::LoadOp>(rewriter.clone(*load));
      }
      rewriter.modifyOpInPlace(use.getOwner(), [&] { use.set(value); });
    }
    rewriter.eraseOp(load);
  }
  return success();
}
