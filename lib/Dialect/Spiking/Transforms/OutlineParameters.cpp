//===- OutlineParameters.cpp - Globals become arguments and results ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace rheobase::spiking {
#define GEN_PASS_DEF_OUTLINEPARAMETERSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

namespace {

using ml_program::GlobalLoadConstOp;
using ml_program::GlobalLoadOp;
using ml_program::GlobalOp;
using ml_program::GlobalStoreOp;

/// The globals that a function, and what it calls, loads and stores.
struct Uses {
  BitVector used, stored;
};

class Outliner {
public:
  Outliner(ModuleOp module, int64_t constantLimit)
      : module(module), constantLimit(constantLimit) {}
  LogicalResult run();

private:
  LogicalResult collect();
  /// Replaces the loads of small immutable globals by constants.
  void inlineConstants();
  LogicalResult outline(func::FuncOp function);
  LogicalResult rewrite(Operation *op, MutableArrayRef<Value> values,
                        bool nested);
  StringRef getRole(unsigned index);
  /// The number of the global that a load or store names.
  std::optional<unsigned> getIndex(SymbolRefAttr symbol) {
    auto it = numbers.find(symbol.getLeafReference());
    if (it == numbers.end())
      return std::nullopt;
    return it->second;
  }
  func::FuncOp getCallee(func::CallOp call) {
    return module.lookupSymbol<func::FuncOp>(call.getCallee());
  }

  ModuleOp module;
  int64_t constantLimit;
  SmallVector<GlobalOp> globals;
  DenseMap<StringAttr, unsigned> numbers;
  llvm::MapVector<Operation *, Uses> uses;
  /// The globals that training updates by stores (statistics).
  BitVector updated;
};

void Outliner::inlineConstants() {
  DenseMap<StringAttr, TypedAttr> constants;
  for (auto global : module.getOps<GlobalOp>()) {
    auto elements = dyn_cast_or_null<DenseElementsAttr>(global.getValueAttr());
    if (global.getIsMutable() || !elements ||
        elements.getType() != global.getType())
      continue;
    if (elements.isSplat() || elements.getNumElements() <= constantLimit)
      constants[global.getSymNameAttr()] = elements;
  }
  module.walk([&](Operation *op) {
    auto symbol = isa<GlobalLoadOp, GlobalLoadConstOp>(op)
                      ? op->getAttrOfType<SymbolRefAttr>("global")
                      : SymbolRefAttr();
    auto it = symbol ? constants.find(symbol.getLeafReference())
                     : constants.end();
    if (it == constants.end() ||
        it->second.getType() != op->getResult(0).getType())
      return;
    OpBuilder builder(op);
    op->replaceAllUsesWith(
        arith::ConstantOp::create(builder, op->getLoc(), it->second));
    op->erase();
  });
}

LogicalResult Outliner::collect() {
  for (auto global : module.getOps<GlobalOp>()) {
    numbers[global.getSymNameAttr()] = globals.size();
    globals.push_back(global);
  }
  Uses none{BitVector(globals.size()), BitVector(globals.size())};
  for (auto function : module.getOps<func::FuncOp>())
    uses.insert({function, none});
  for (auto &[op, use] : uses) {
    Uses &own = use;
    WalkResult result = op->walk([&](Operation *inner) -> WalkResult {
      if (isa<ml_program::GlobalLoadGraphOp, ml_program::GlobalStoreGraphOp>(
              inner)) {
        inner->emitOpError("cannot be outlined: expected accesses to globals "
                           "without ordering tokens");
        return WalkResult::interrupt();
      }
      if (!isa<GlobalLoadOp, GlobalLoadConstOp, GlobalStoreOp>(inner))
        return WalkResult::advance();
      std::optional<unsigned> index =
          getIndex(inner->getAttrOfType<SymbolRefAttr>("global"));
      if (!index)
        return WalkResult::advance();
      own.used.set(*index);
      if (isa<GlobalStoreOp>(inner))
        own.stored.set(*index);
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return failure();
  }
  // Through calls, also recursive ones.
  for (bool changed = true; changed;) {
    changed = false;
    for (auto &[op, use] : uses) {
      Uses &own = use;
      op->walk([&](func::CallOp call) {
        auto callee = uses.find(getCallee(call));
        if (callee == uses.end())
          return;
        BitVector before[] = {own.used, own.stored};
        own.used |= callee->second.used;
        own.stored |= callee->second.stored;
        changed |= before[0] != own.used || before[1] != own.stored;
      });
    }
  }
  // What a trained function stores; without one, what any function does.
  updated = BitVector(globals.size());
  bool training = llvm::any_of(uses, [](auto &pair) {
    return pair.first->hasAttr(SpikingDialect::kTrainingAttrName);
  });
  for (auto &[op, use] : uses)
    if (!training || op->hasAttr(SpikingDialect::kTrainingAttrName))
      updated |= use.stored;
  return success();
}

StringRef Outliner::getRole(unsigned index) {
  GlobalOp global = globals[index];
  bool trained = global.getIsMutable() && !updated.test(index) &&
                 isa<FloatType>(getElementTypeOrSelf(global.getType()));
  return trained ? "parameter" : "state";
}

/// Replaces the accesses in `op`; `values` are the globals' values before it,
/// and after it.
LogicalResult Outliner::rewrite(Operation *op, MutableArrayRef<Value> values,
                                bool nested) {
  if (isa<GlobalLoadOp, GlobalLoadConstOp>(op)) {
    std::optional<unsigned> index =
        getIndex(op->getAttrOfType<SymbolRefAttr>("global"));
    if (!index)
      return success();
    op->getResult(0).replaceAllUsesWith(values[*index]);
    op->erase();
    return success();
  }
  auto checkStore = [&](unsigned index) -> LogicalResult {
    if (!nested)
      return success();
    return op->emitOpError("stores ")
           << globals[index].getSymName()
           << " inside a region: carry it through the region as a state, and "
              "store it at the end";
  };
  if (auto store = dyn_cast<GlobalStoreOp>(op)) {
    std::optional<unsigned> index = getIndex(store.getGlobal());
    if (!index)
      return success();
    if (failed(checkStore(*index)))
      return failure();
    values[*index] = store.getValue();
    op->erase();
    return success();
  }
  if (auto call = dyn_cast<func::CallOp>(op)) {
    auto it = uses.find(getCallee(call));
    if (it == uses.end() || it->second.used.none())
      return success();
    SmallVector<Value> operands(call.getOperands());
    SmallVector<Type> types(call.getResultTypes());
    for (unsigned index : it->second.used.set_bits())
      operands.push_back(values[index]);
    for (unsigned index : it->second.stored.set_bits()) {
      if (failed(checkStore(index)))
        return failure();
      types.push_back(globals[index].getType());
    }
    OpBuilder builder(call);
    auto replacement = func::CallOp::create(builder, call.getLoc(), types,
                                            call.getCallee(), operands);
    replacement->setDiscardableAttrs(call->getDiscardableAttrDictionary());
    unsigned position = call.getNumResults();
    for (unsigned index : it->second.stored.set_bits())
      values[index] = replacement.getResult(position++);
    call.replaceAllUsesWith(
        replacement.getResults().take_front(call.getNumResults()));
    call.erase();
    return success();
  }
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : llvm::make_early_inc_range(block))
        if (failed(rewrite(&inner, values, /*nested=*/true)))
          return failure();
  return success();
}

LogicalResult Outliner::outline(func::FuncOp function) {
  const Uses &own = uses.find(function)->second;
  if (function.isExternal() || own.used.none())
    return success();
  if (own.stored.any() && !llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("stores globals: expected one block, got ")
           << llvm::range_size(function.getBody());
  Builder builder(function.getContext());
  SmallVector<Value> values(globals.size());
  SmallVector<unsigned> arguments(globals.size());
  for (unsigned index : own.used.set_bits()) {
    GlobalOp global = globals[index];
    Attribute initializer = global.getValueAttr();
    if (!isa_and_present<InitializerAttr, ElementsAttr>(initializer)) {
      InFlightDiagnostic diag = global.emitOpError(
          "expected an initial value (#spiking.init or elements)");
      if (initializer)
        diag << ", got " << initializer;
      diag.attachNote(function.getLoc()) << "used here";
      return diag;
    }
    NamedAttrList attributes;
    attributes.set(SpikingDialect::kRoleAttrName,
                   builder.getStringAttr(getRole(index)));
    attributes.set(SpikingDialect::kNameAttrName, global.getSymNameAttr());
    attributes.set(SpikingDialect::kInitializerAttrName, initializer);
    attributes.set(bufferization::BufferizationDialect::kWritableAttrName,
                   builder.getBoolAttr(own.stored.test(index)));
    arguments[index] = function.getNumArguments();
    if (failed(function.insertArgument(
            arguments[index], global.getType(),
            attributes.getDictionary(function.getContext()), global.getLoc())))
      return failure();
    values[index] = function.getArgument(arguments[index]);
  }
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(block))
      if (failed(rewrite(&op, values, /*nested=*/false)))
        return failure();
  if (own.stored.none())
    return success();
  Operation *terminator = function.getBody().front().getTerminator();
  for (unsigned index : own.stored.set_bits()) {
    NamedAttrList attributes;
    attributes.set(SpikingDialect::kNameAttrName,
                   globals[index].getSymNameAttr());
    attributes.set(SpikingDialect::kRoleAttrName,
                   builder.getStringAttr(getRole(index)));
    attributes.set(SpikingDialect::kAliasesAttrName,
                   builder.getI64IntegerAttr(arguments[index]));
    if (failed(function.insertResult(
            function.getNumResults(), globals[index].getType(),
            attributes.getDictionary(function.getContext()))))
      return failure();
    terminator->insertOperands(terminator->getNumOperands(), values[index]);
  }
  return success();
}

LogicalResult Outliner::run() {
  inlineConstants();
  if (failed(collect()))
    return failure();
  for (auto &[op, use] : uses)
    if (failed(outline(cast<func::FuncOp>(op))))
      return failure();
  for (auto global : llvm::make_early_inc_range(module.getOps<GlobalOp>()))
    if (SymbolTable::symbolKnownUseEmpty(global, module))
      global.erase();
  return success();
}

struct OutlineParametersPass
    : impl::OutlineParametersPassBase<OutlineParametersPass> {
  using Base::Base;
  void runOnOperation() override {
    if (failed(Outliner(getOperation(), constantLimit).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace rheobase::spiking
