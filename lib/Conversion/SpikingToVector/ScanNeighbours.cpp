//===- ScanNeighbours.cpp - What stands around a scan on buffers ----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ScanNeighbours.h"

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// The argument of the function that `value` is; null if it is none.
static BlockArgument getFunctionArgument(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner()->isEntryBlock() &&
                 isa<func::FuncOp>(argument.getOwner()->getParentOp())
             ? argument
             : BlockArgument();
}

bool rheobase::isResultMemory(Value value) {
  BlockArgument argument = getFunctionArgument(value);
  return argument && cast<func::FuncOp>(argument.getOwner()->getParentOp())
                         .getArgAttr(argument.getArgNumber(), kResultAttrName);
}

/// The number that `op` fills a buffer with; null if it does something else.
static Value getFill(Operation *op) {
  if (auto fill = dyn_cast<linalg::FillOp>(op))
    return isa<MemRefType>(fill.getOutputs()[0].getType()) ? fill.getInputs()[0]
                                                           : Value();
  auto map = dyn_cast<linalg::MapOp>(op);
  if (!map || !map.getInputs().empty() ||
      !isa<MemRefType>(map.getInit().getType()))
    return {};
  Value value = map.getMapper().front().getTerminator()->getOperand(0);
  return value.getParentRegion() == &map.getMapper() ? Value() : value;
}

static Value getFilled(Operation *op) {
  auto fill = dyn_cast<linalg::FillOp>(op);
  return fill ? fill.getOutputs()[0] : cast<linalg::MapOp>(op).getInit();
}

/// A buffer that is no view of another, so that its users are all there are.
static bool isWhole(Value buffer) {
  return getFunctionArgument(buffer) ||
         isa_and_nonnull<memref::ViewOp, memref::AllocOp>(
             buffer.getDefiningOp());
}

static bool readsOnly(OpOperand &use) {
  Operation *user = use.getOwner();
  if (isa<memref::DimOp, memref::DeallocOp>(user))
    return true;
  if (auto copy = dyn_cast<memref::CopyOp>(user))
    return use.get() == copy.getSource() && use.get() != copy.getTarget();
  if (auto scan = dyn_cast<ScanOp>(user))
    return !scan.isDpsInit(&use);
  return false;
}

/// The fill that alone writes `buffer`, before `scan`.
static Operation *findOnlyFill(Value buffer, ScanOp scan) {
  if (getFunctionArgument(buffer) || !isWhole(buffer))
    return nullptr;
  Operation *fill = nullptr;
  for (OpOperand &use : buffer.getUses()) {
    if (readsOnly(use))
      continue;
    Operation *user = use.getOwner();
    if (fill || !getFill(user) || user->getBlock() != scan->getBlock() ||
        !user->isBeforeInBlock(scan))
      return nullptr;
    fill = user;
  }
  return fill;
}

/// Erases `fill` if nobody reads what it fills.
static void eraseIfUnread(RewriterBase &rewriter, Operation *fill) {
  Value buffer = getFilled(fill);
  if (!getFunctionArgument(buffer) && isWhole(buffer) &&
      llvm::all_of(buffer.getUsers(), [&](Operation *user) {
        return user == fill || isa<memref::DimOp, memref::DeallocOp>(user);
      }))
    rewriter.eraseOp(fill);
}

static StateSource findSource(RewriterBase &rewriter, ScanOp scan,
                              Value buffer) {
  StateSource source;
  if (!isWhole(buffer))
    return source;
  source.isRead = getFunctionArgument(buffer) ||
                  llvm::any_of(buffer.getUsers(), [&](Operation *user) {
                    return user != scan && !isa<memref::DimOp>(user) &&
                           !isa<memref::DeallocOp>(user) &&
                           !(user->getBlock() == scan->getBlock() &&
                             user->isBeforeInBlock(scan));
                  });
  // A loop comes back to what stands before the scan.
  if (buffer.getParentBlock() != scan->getBlock())
    source.isRead = true;
  for (Operation *op = scan->getPrevNode(); op; op = op->getPrevNode()) {
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      if (copy.getTarget() == buffer) {
        Operation *fill = findOnlyFill(copy.getSource(), scan);
        if (fill)
          source.scalar = getFill(fill);
        else if (getFunctionArgument(copy.getSource()) &&
                 !isResultMemory(copy.getSource()) &&
                 copy.getSource().getType() == copy.getTarget().getType())
          source.buffer = copy.getSource();
        else
          return source;
        rewriter.eraseOp(copy);
        if (fill)
          eraseIfUnread(rewriter, fill);
        return source;
      }
      if (copy.getSource() == buffer)
        return source;
      continue;
    }
    if (Value value = getFill(op)) {
      if (getFilled(op) != buffer)
        continue;
      source.scalar = value;
      rewriter.eraseOp(op);
      return source;
    }
    if (!isMemoryEffectFree(op) && !isa<memref::AllocOp>(op))
      return source;
  }
  return source;
}

void rheobase::eraseUnreadFills(RewriterBase &rewriter, Operation *root) {
  SmallVector<Operation *> fills;
  root->walk([&](linalg::LinalgOp op) {
    if (getFill(op))
      fills.push_back(op);
  });
  for (Operation *fill : fills)
    eraseIfUnread(rewriter, fill);
}

ScanSources rheobase::takeScanSources(RewriterBase &rewriter, ScanOp scan) {
  ScanSources sources;
  if (scan.isStep()) {
    sources.states.resize(scan.getStates().size());
    sources.replayed.resize(scan.getReplayed().size());
    return sources;
  }
  for (Value buffer : scan.getStates())
    sources.states.push_back(llvm::count(scan->getOperands(), buffer) == 1
                                 ? findSource(rewriter, scan, buffer)
                                 : StateSource());
  for (Value buffer : scan.getReplayed()) {
    StateSource source;
    if (Operation *fill = findOnlyFill(buffer, scan))
      source.scalar = getFill(fill);
    sources.replayed.push_back(source);
  }
  return sources;
}

namespace {

/// Compares what a replay computes with what a forward scan computes.
class ReplayComparison {
public:
  ReplayComparison(ScanOp scan, ScanOp recorder)
      : scan(scan), recorder(recorder) {}

  bool areEqual(Value replayed, Value recorded) {
    if (replayed == recorded)
      return true;
    auto [it, isNew] = known.try_emplace({replayed, recorded}, false);
    if (!isNew)
      return it->second;
    bool equal = compare(replayed, recorded);
    return known[{replayed, recorded}] = equal;
  }

private:
  bool compare(Value replayed, Value recorded) {
    auto argument = dyn_cast<BlockArgument>(replayed),
         other = dyn_cast<BlockArgument>(recorded);
    if (argument || other)
      return argument && other && areEqualArguments(argument, other);
    Operation *op = replayed.getDefiningOp(),
              *otherOp = recorded.getDefiningOp();
    return op->getName() == otherOp->getName() && op->getNumRegions() == 0 &&
           op->getAttrDictionary() == otherOp->getAttrDictionary() &&
           replayed.getType() == recorded.getType() &&
           cast<OpResult>(replayed).getResultNumber() ==
               cast<OpResult>(recorded).getResultNumber() &&
           op->getNumOperands() == otherOp->getNumOperands() &&
           llvm::all_of_zip(op->getOperands(), otherOp->getOperands(),
                            [&](Value a, Value b) { return areEqual(a, b); });
  }
  bool areEqualArguments(BlockArgument replayed, BlockArgument recorded) {
    if (replayed.getOwner() != &scan.getReplay().front() ||
        recorded.getOwner() != &recorder.getBody().front())
      return false;
    unsigned count = scan.getIns().size() + scan.getParams().size();
    unsigned otherCount =
        recorder.getIns().size() + recorder.getParams().size();
    unsigned number = replayed.getArgNumber(), other = recorded.getArgNumber();
    if (number >= count || other >= otherCount)
      return number >= count && other >= otherCount &&
             number - count == other - otherCount;
    return (number < scan.getIns().size()) ==
               (other < recorder.getIns().size()) &&
           scan->getOperand(number) == recorder->getOperand(other);
  }

  ScanOp scan, recorder;
  DenseMap<std::pair<Value, Value>, bool> known;
};

} // namespace

/// Whether all that `scan` writes is memory of results of its own, which
/// `other` does not touch.
static bool writesOwnResults(ScanOp scan, const ScanSources &sources,
                             ScanOp other) {
  for (OpOperand &init : scan.getDpsInitsMutable()) {
    unsigned first =
        scan.getIns().size() + scan.getParams().size() + scan.getOuts().size();
    unsigned number = init.getOperandNumber();
    bool isState = number >= first && number < first + scan.getStates().size();
    if (isState && !sources.states[number - first].isRead)
      continue;
    if (!isResultMemory(init.get()) ||
        llvm::is_contained(other->getOperands(), init.get()) ||
        llvm::count(scan->getOperands(), init.get()) != 1)
      return false;
  }
  return true;
}

ScanOp
rheobase::findRecorder(ScanOp scan, const ScanSources &sources,
                       function_ref<const ScanSources *(ScanOp)> sourcesOf) {
  if (scan.getReplayed().empty() || !scan.getAccumulators().empty())
    return {};
  Operation *op = scan->getPrevNode();
  while (op && isMemoryEffectFree(op) && !isa<ScanOp>(op))
    op = op->getPrevNode();
  auto recorder = dyn_cast_or_null<ScanOp>(op);
  const ScanSources *recorded = recorder ? sourcesOf(recorder) : nullptr;
  if (!recorded || recorder.isReverse() || recorder.isStep() ||
      !recorder.getAccumulators().empty() || !recorder.getReplayed().empty() ||
      recorder.getSpace() != scan.getSpace() ||
      recorder.getStates().size() != scan.getReplayed().size() ||
      !writesOwnResults(scan, sources, recorder) ||
      !writesOwnResults(recorder, *recorded, scan))
    return {};
  // The same beginning.
  for (auto [a, b, replayed, state] :
       llvm::zip(sources.replayed, recorded->states, scan.getReplayed(),
                 recorder.getStates())) {
    bool equal = a.scalar || b.scalar ? a.scalar == b.scalar
                                      : (a.buffer ? a.buffer : replayed) ==
                                            (b.buffer ? b.buffer : state);
    if (!equal)
      return {};
  }
  // The same sequences, and the same extents.
  if (recorder.getIns().empty() ||
      !llvm::all_of(recorder.getIns(), [&](Value input) {
        return llvm::is_contained(scan.getIns(), input);
      }))
    return {};
  ReplayComparison comparison(scan, recorder);
  if (!llvm::all_of_zip(
          scan.getReplayYield().getNext(), recorder.getYield().getNext(),
          [&](Value a, Value b) { return comparison.areEqual(a, b); }))
    return {};
  return recorder;
}
