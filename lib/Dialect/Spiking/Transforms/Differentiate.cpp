//===- Differentiate.cpp - Reverse mode for functions -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"

#include "rheobase/Dialect/Spiking/IR/Builders.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace rheobase::spiking {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"

void eraseDeadOperations(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  SmallVector<Operation *> loops;
  function.walk([&](TimeLoopOp loop) { loops.push_back(loop); });
  RewritePatternSet patterns(function.getContext());
  TimeLoopOp::getCanonicalizationPatterns(patterns, function.getContext());
  (void)applyOpPatternsGreedily(
      loops, std::move(patterns),
      GreedyRewriteConfig().setStrictness(
          GreedyRewriteStrictness::ExistingAndNewOps));
}

FailureOr<SmallVector<Value>>
appendGradients(func::FuncOp function, ValueRange with, int64_t truncate,
                function_ref<SmallVector<Seed>(OpBuilder &)> seeds) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("cannot be differentiated: expected one block, "
                                "got ")
           << llvm::range_size(function.getBody());
  if (failed(prepareForDifferentiation(function)))
    return failure();
  Block &block = function.getBody().front();
  OpBuilder builder(block.getTerminator());
  BlockAdjoint adjoint(builder, truncate);
  for (Value value : with)
    adjoint.activate(value);
  adjoint.propagate(block);
  for (Seed seed : seeds(builder))
    adjoint.addCotangent(seed.value, seed.cotangent);
  if (failed(adjoint.run(block)))
    return failure();
  SmallVector<Value> gradients;
  for (Value value : with) {
    Value gradient = adjoint.getCotangent(value);
    if (!gradient)
      gradient = createSplat(builder, value.getLoc(), 0.0,
                             getElementTypeOrSelf(value.getType()), value);
    gradients.push_back(gradient);
  }
  return gradients;
}

FailureOr<func::FuncOp> differentiateFunction(func::FuncOp function,
                                              StringRef name,
                                              ArrayRef<unsigned> with,
                                              int64_t truncate) {
  if (function.isExternal())
    return function.emitOpError("cannot be differentiated: it has no body");
  auto *table = SymbolTable::getNearestSymbolTable(function->getParentOp());
  if (Operation *other = SymbolTable::lookupSymbolIn(table, name)) {
    InFlightDiagnostic diag =
        function.emitOpError("cannot be differentiated: there is already a @")
        << name;
    diag.attachNote(other->getLoc()) << "here";
    return diag;
  }
  for (unsigned index : with) {
    if (index >= function.getNumArguments())
      return function.emitOpError("has no argument ")
             << index << " to be differentiated with respect to; it has "
             << function.getNumArguments();
    Type type = function.getArgumentTypes()[index];
    if (!isa<FloatType>(getElementTypeOrSelf(type)))
      return function.emitOpError("cannot be differentiated with respect to "
                                  "argument ")
             << index << ": expected a float type, got " << type;
  }
  if (with.empty())
    return function.emitOpError("has no argument of a float type to be "
                                "differentiated with respect to");

  func::FuncOp gradient = function.clone();
  gradient.setName(name);
  gradient->removeAttr(SpikingDialect::kTrainingAttrName);
  OpBuilder(function->getBlock(), std::next(function->getIterator()))
      .insert(gradient);
  Type spikeElement =
      getElementTypeOrSelf(function.getArgumentTypes()[with.front()]);

  // An argument for each cotangent.
  SmallVector<unsigned> seeded;
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    Type element = getElementTypeOrSelf(type);
    if (function.getResultAttr(index, SpikingDialect::kAliasesAttrName))
      continue;
    if (element.isInteger(1) || element.isInteger(8))
      element = spikeElement;
    if (!isa<FloatType>(element))
      continue;
    DictionaryAttr attributes;
    if (auto name = function.getResultAttrOfType<StringAttr>(
            index, SpikingDialect::kNameAttrName))
      attributes = DictionaryAttr::get(
          function.getContext(),
          {NamedAttribute(SpikingDialect::kNameAttrName,
                          StringAttr::get(function.getContext(),
                                          name.getValue() + ".cotangent"))});
    if (failed(gradient.insertArgument(gradient.getNumArguments(),
                                       getTypeWithElement(type, element),
                                       attributes, function.getLoc())))
      return failure();
    seeded.push_back(index);
  }

  Block &block = gradient.getBody().front();
  SmallVector<Value> arguments;
  for (unsigned index : with)
    arguments.push_back(block.getArgument(index));
  auto seeds = [&](OpBuilder &) {
    SmallVector<Seed> seeds;
    for (auto [index, cotangent] : llvm::zip(
             seeded, block.getArguments().take_back(seeded.size())))
      seeds.push_back({block.getTerminator()->getOperand(index), cotangent});
    return seeds;
  };
  FailureOr<SmallVector<Value>> gradients =
      appendGradients(gradient, arguments, truncate, seeds);
  if (failed(gradients)) {
    gradient.erase();
    return failure();
  }
  block.getTerminator()->insertOperands(block.getTerminator()->getNumOperands(),
                                        *gradients);
  for (auto [index, value] : llvm::zip(with, *gradients)) {
    DictionaryAttr attributes;
    if (auto name = function.getArgAttrOfType<StringAttr>(
            index, SpikingDialect::kNameAttrName))
      attributes = DictionaryAttr::get(
          function.getContext(),
          {NamedAttribute(SpikingDialect::kNameAttrName,
                          StringAttr::get(function.getContext(),
                                          name.getValue() + ".gradient"))});
    if (failed(gradient.insertResult(gradient.getNumResults(), value.getType(),
                                     attributes)))
      return failure();
  }
  eraseDeadOperations(gradient);
  return gradient;
}

namespace {
struct DifferentiatePass : impl::DifferentiatePassBase<DifferentiatePass> {
  using Base::Base;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto function = module.lookupSymbol<func::FuncOp>(functionName);
    if (!function) {
      module.emitOpError("has no function @")
          << functionName << " to differentiate";
      return signalPassFailure();
    }
    SmallVector<unsigned> with(withRespectTo.begin(), withRespectTo.end());
    if (with.empty())
      with = getDifferentiableArguments(function);
    if (failed(differentiateFunction(
            function, (functionName + "_gradient"), with, truncate)))
      signalPassFailure();
  }

  /// Float arguments that are neither statistics nor labels.
  static SmallVector<unsigned>
  getDifferentiableArguments(func::FuncOp function) {
    SmallVector<unsigned> result;
    for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto role = function.getArgAttrOfType<StringAttr>(
          index, SpikingDialect::kRoleAttrName);
      if (role && role != "parameter" && role != "input")
        continue;
      if (isa<FloatType>(getElementTypeOrSelf(type)))
        result.push_back(index);
    }
    return result;
  }
};
} // namespace

} // namespace rheobase::spiking
