//===- NameDimensions.cpp - Which dimensions of arguments are equal -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dimensions that the program uses as equal form a class; the arguments of an
// entry point must agree on it, and callers see it by a name.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/StringSet.h"

namespace rheobase::spiking {
#define GEN_PASS_DEF_NAMEDIMENSIONSPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase::spiking;

namespace {

/// Classes of equal extents. A node is a dimension of a tensor, an index value,
/// or a number.
class DimensionClasses {
public:
  explicit DimensionClasses(func::FuncOp function);

  static bool isNumber(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return value.getType().isIndex() ||
           (type && type.getRank() == 0 && type.getElementType().isInteger(64));
  }

  int leader(Value tensor, int64_t dim) { return lead(dimension(tensor, dim)); }
  int leader(Value index) {
    return lead(node({index.getAsOpaquePointer(), -1}));
  }
  /// The number that the extents of a class are equal to, if it is known.
  std::optional<int64_t> getNumber(int leader) {
    for (auto [number, id] : numbers)
      if (lead(id) == leader)
        return number;
    return std::nullopt;
  }
  /// Classes of the dimensions of time and batch of scans and loops, in program
  /// order.
  SmallVector<int> getTimes() {
    return llvm::map_to_vector(times, [&](int id) { return lead(id); });
  }
  SmallVector<int> getBatches() {
    return llvm::map_to_vector(batches, [&](int id) { return lead(id); });
  }

private:
  using Key = std::pair<const void *, int64_t>;

  int node(Key key) {
    auto [it, isNew] =
        nodes.try_emplace(key, int(nodes.size() + numbers.size()));
    if (isNew)
      classes.insert(it->second);
    return it->second;
  }
  int number(int64_t value) {
    auto it = numbers.find(value);
    if (it == numbers.end()) {
      int id = int(nodes.size() + numbers.size());
      classes.insert(id);
      it = numbers.insert({value, id}).first;
    }
    return it->second;
  }
  int dimension(Value tensor, int64_t dim) {
    int id = node({tensor.getAsOpaquePointer(), dim});
    auto type = cast<RankedTensorType>(tensor.getType());
    if (!type.isDynamicDim(dim))
      classes.unionSets(id, number(type.getDimSize(dim)));
    return id;
  }
  int extent(OpFoldResult size) {
    if (std::optional<int64_t> constant = getConstantIntValue(size))
      return number(*constant);
    return node({cast<Value>(size).getAsOpaquePointer(), -1});
  }
  int lead(int id) { return classes.getLeaderValue(id); }

  void unite(int a, int b) { classes.unionSets(a, b); }
  /// All dimensions of two tensors.
  void unite(Value a, Value b) {
    auto type = dyn_cast<RankedTensorType>(a.getType());
    if (!type || !isa<RankedTensorType>(b.getType()))
      return;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      unite(dimension(a, dim), dimension(b, dim));
  }
  void visit(Operation *op);
  void visitLinalg(linalg::LinalgOp op);
  void visitScan(ScanOp op);
  void visitReshape(Value few, Value many,
                    ArrayRef<ReassociationIndices> groups);
  void visitSlice(OffsetSizeAndStrideOpInterface op, Value whole, Value part,
                  const llvm::SmallBitVector &dropped);

  SmallVector<int> times, batches;
  llvm::EquivalenceClasses<int> classes;
  DenseMap<Key, int> nodes;
  llvm::MapVector<int64_t, int> numbers;
};

} // namespace

DimensionClasses::DimensionClasses(func::FuncOp function) {
  function.walk([&](Operation *op) { visit(op); });
  // What the source calls by one name is equal.
  llvm::StringMap<int> given;
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    auto names = function.getArgAttrOfType<ArrayAttr>(
        argument.getArgNumber(), SpikingDialect::kDimsAttrName);
    if (!type || !names || type.getRank() != int64_t(names.size()))
      continue;
    for (auto [dim, attribute] : llvm::enumerate(names)) {
      auto name = dyn_cast<StringAttr>(attribute);
      if (!name || name == "?")
        continue;
      int id = dimension(argument, dim);
      auto [it, isNew] = given.try_emplace(name.getValue(), id);
      if (!isNew)
        unite(it->second, id);
    }
  }
}

/// If `op` is the size of a block of a dimension that parallel loops divide, or
/// of what is left of it: that of the dimension, for which the block stands.
static Value getWhole(Operation *op) {
  auto size = dyn_cast_or_null<arith::MinSIOp>(op);
  if (!size || !op->getParentOfType<scf::ForallOp>())
    return {};
  for (Value operand : size->getOperands())
    if (auto left = operand.getDefiningOp<arith::SubIOp>())
      return left.getLhs();
  return {};
}

void DimensionClasses::visit(Operation *op) {
  if (auto dps = dyn_cast<DestinationStyleOpInterface>(op))
    for (OpResult result : op->getResults())
      unite(result, dps.getTiedOpOperand(result)->get());

  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return visitLinalg(linalgOp);
  if (auto scan = dyn_cast<ScanOp>(op))
    return visitScan(scan);
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    for (auto [dim, size] : llvm::enumerate(empty.getMixedSizes()))
      unite(dimension(empty, dim), extent(size));
  } else if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
    unsigned number = 0;
    for (int64_t dim : llvm::seq(splat.getType().getRank()))
      if (splat.getType().isDynamicDim(dim))
        unite(dimension(splat, dim), extent(splat.getDynamicSizes()[number++]));
  } else if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (index && isa<RankedTensorType>(dim.getSource().getType()))
      unite(dimension(dim.getSource(), *index), extent(dim.getResult()));
  } else if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    unite(extent(op->getResult(0)), extent(op->getOperand(0)));
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    // All loads of a scalar argument are the same number.
    if (extract.getIndices().empty())
      unite(node({extract.getResult().getAsOpaquePointer(), -1}),
            node({extract.getTensor().getAsOpaquePointer(), -1}));
  } else if (auto cast = dyn_cast<tensor::CastOp>(op)) {
    unite(cast.getSource(), cast.getResult());
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    visitSlice(slice, slice.getSource(), slice.getResult(),
               slice.getDroppedDims());
  } else if (auto insert = dyn_cast<tensor::InsertSliceOp>(op)) {
    unite(insert.getDest(), insert.getResult());
    visitSlice(insert, insert.getDest(), insert.getSource(),
               insert.getDroppedDims());
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    visitReshape(expand.getSrc(), expand.getResult(),
                 expand.getReassociationIndices());
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    visitReshape(collapse.getResult(), collapse.getSrc(),
                 collapse.getReassociationIndices());
  } else if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    for (int64_t dim = 0; dim < pad.getResultType().getRank(); ++dim)
      if (isZeroInteger(pad.getMixedLowPad()[dim]) &&
          isZeroInteger(pad.getMixedHighPad()[dim]))
        unite(dimension(pad.getSource(), dim), dimension(pad, dim));
  } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
    for (auto [init, argument, yielded, result] :
         llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs(),
                   loop.getYieldedValues(), loop.getResults())) {
      unite(init, argument);
      unite(argument, yielded);
      unite(yielded, result);
    }
  } else if (auto forall = dyn_cast<scf::ForallOp>(op)) {
    for (auto [init, argument, result] :
         llvm::zip(forall.getOutputs(), forall.getRegionIterArgs(),
                   forall.getResults())) {
      unite(init, argument);
      unite(argument, result);
    }
  } else if (Value whole = getWhole(op)) {
    unite(extent(op->getResult(0)), extent(whole));
    batches.push_back(extent(whole));
  } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
    for (Block *block : {branch.thenBlock(), branch.elseBlock()})
      if (block)
        for (auto [yielded, result] :
             llvm::zip(block->getTerminator()->getOperands(),
                       branch.getResults()))
          unite(yielded, result);
  } else if (auto materialize =
                 dyn_cast<bufferization::MaterializeInDestinationOp>(op)) {
    unite(materialize.getSource(), materialize.getDest());
    if (materialize.getResult())
      unite(materialize.getDest(), materialize.getResult());
  }
}

void DimensionClasses::visitLinalg(linalg::LinalgOp op) {
  SmallVector<int> extents(op.getNumLoops(), -1);
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    AffineMap map = op.getMatchingIndexingMap(&operand);
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop)
        continue;
      int id = dimension(operand.get(), dim);
      int &known = extents[loop.getPosition()];
      if (known >= 0)
        unite(known, id);
      known = id;
    }
  }
}

void DimensionClasses::visitScan(ScanOp scan) {
  bool sequence = !scan.isStep();
  int64_t rank = scan.getSpace().size();
  // The time, then the space.
  SmallVector<int> extents(rank + 1, -1);
  auto visitOperand = [&](Value operand, bool timed) {
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      return;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t position =
          timed && dim == 0 ? 0 : rank + 1 - (type.getRank() - dim);
      if (position > 0 && type.getDimSize(dim) == 1)
        continue; // broadcast, or known
      int id = dimension(operand, dim);
      if (extents[position] >= 0)
        unite(extents[position], id);
      extents[position] = id;
    }
  };
  for (ValueRange operands :
       {ValueRange(scan.getIns()), ValueRange(scan.getOuts())})
    for (Value operand : operands)
      visitOperand(operand, sequence);
  for (ValueRange operands :
       {ValueRange(scan.getParams()), ValueRange(scan.getStates()),
        ValueRange(scan.getAccumulators()), ValueRange(scan.getReplayed())})
    for (Value operand : operands)
      visitOperand(operand, false);
  if (sequence && extents[0] >= 0)
    times.push_back(extents[0]);
  if (sequence && rank > 1 && extents[1] >= 0)
    batches.push_back(extents[1]);
}

void DimensionClasses::visitReshape(Value few, Value many,
                                    ArrayRef<ReassociationIndices> groups) {
  auto type = cast<RankedTensorType>(many.getType());
  for (auto [dim, group] : llvm::enumerate(groups)) {
    // A dimension is passed on where it is alone but for ones.
    std::optional<int64_t> single;
    bool alone = true;
    for (int64_t i : group)
      if (type.getDimSize(i) != 1) {
        alone &= !single;
        single = i;
      }
    if (single && alone)
      unite(dimension(few, dim), dimension(many, *single));
  }
}

void DimensionClasses::visitSlice(OffsetSizeAndStrideOpInterface op,
                                  Value whole, Value part,
                                  const llvm::SmallBitVector &dropped) {
  int64_t dim = 0;
  for (auto [i, size] : llvm::enumerate(op.getMixedSizes())) {
    if (!dropped.test(i))
      unite(dimension(part, dim++), extent(size));
    if (auto value = dyn_cast<Value>(size);
        value && getWhole(value.getDefiningOp()))
      unite(dimension(whole, i), extent(size));
  }
  // A slice for each iteration of a loop: the loop runs over the whole.
  auto loop = op->getParentOfType<scf::ForOp>();
  auto offset = dyn_cast<Value>(op.getMixedOffsets().front());
  if (!loop || !offset || getConstantIntValue(op.getMixedSizes().front()) != 1)
    return;
  if (auto distance = offset.getDefiningOp<arith::SubIOp>())
    offset = distance.getRhs();
  if (offset == loop.getInductionVar()) {
    unite(dimension(whole, 0), extent(loop.getUpperBound()));
    times.push_back(dimension(whole, 0));
  }
}

namespace {

/// Gives classes of dimensions the names T, B, d0, d1, ...
class Names {
public:
  Names(func::FuncOp function, DimensionClasses &classes) : classes(classes) {
    for (BlockArgument argument : function.getArguments()) {
      unsigned index = argument.getArgNumber();
      if (auto given = function.getArgAttrOfType<ArrayAttr>(
              index, SpikingDialect::kDimsAttrName))
        giveAll(argument, given);
      auto role = function.getArgAttrOfType<StringAttr>(
          index, SpikingDialect::kRoleAttrName);
      if (!role)
        continue;
      if (role == "time_steps" && DimensionClasses::isNumber(argument))
        times.push_back(classes.leader(argument));
      if ((role == "input" || role == "label") &&
          isa<RankedTensorType>(argument.getType()))
        inputs.push_back(argument);
    }
    llvm::append_range(times, classes.getTimes());
    for (int time : times)
      if (taken.contains("T") || give(time, "T"))
        break;
    for (int batch : classes.getBatches())
      if (taken.contains("B") || give(batch, "B"))
        break;
    // Without scans: the first dimension of inputs that is not the time.
    for (Value input : inputs)
      for (int64_t dim = 0;
           !taken.contains("B") && dim < 2 &&
           dim < cast<RankedTensorType>(input.getType()).getRank();
           ++dim)
        give(classes.leader(input, dim), "B");
  }

  /// The extent of a dimension: its number or its name.
  Attribute get(Builder &builder, Value tensor, int64_t dim) {
    int leader = classes.leader(tensor, dim);
    if (std::optional<int64_t> number = classes.getNumber(leader))
      return builder.getI64IntegerAttr(*number);
    return builder.getStringAttr(nameOf(leader));
  }
  /// The name of the dimensions whose extent is the number, if there are any.
  StringRef getExisting(Value scalar) {
    if (!DimensionClasses::isNumber(scalar))
      return {};
    auto it = names.find(classes.leader(scalar));
    return it == names.end() ? StringRef() : StringRef(it->second);
  }

private:
  /// The names that the source gives.
  void giveAll(Value tensor, ArrayAttr given) {
    auto type = dyn_cast<RankedTensorType>(tensor.getType());
    if (!type || type.getRank() != int64_t(given.size()))
      return;
    for (auto [dim, attribute] : llvm::enumerate(given))
      if (auto name = dyn_cast<StringAttr>(attribute))
        if (name != "?" && !taken.contains(name))
          give(classes.leader(tensor, dim), name);
  }
  bool give(int id, StringRef name) {
    if (classes.getNumber(id) || names.count(id))
      return false;
    names[id] = name.str();
    taken.insert(name);
    return true;
  }
  std::string nameOf(int leader) {
    auto it = names.find(leader);
    if (it != names.end())
      return it->second;
    std::string name;
    do
      name = ("d" + Twine(unnamed++)).str();
    while (taken.contains(name));
    return names[leader] = name;
  }

  DimensionClasses &classes;
  SmallVector<int> times;
  SmallVector<Value> inputs;
  DenseMap<int, std::string> names;
  llvm::StringSet<> taken;
  int unnamed = 0;
};

struct NameDimensionsPass
    : rheobase::spiking::impl::NameDimensionsPassBase<NameDimensionsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !function.isPublic() ||
        !llvm::hasSingleElement(function.getBody()))
      return;
    Builder builder(&getContext());
    DimensionClasses classes(function);
    Names names(function, classes);
    auto shapeOf = [&](Value tensor) -> ArrayAttr {
      SmallVector<Attribute> shape;
      for (int64_t dim :
           llvm::seq(cast<RankedTensorType>(tensor.getType()).getRank()))
        shape.push_back(names.get(builder, tensor, dim));
      return builder.getArrayAttr(shape);
    };
    for (BlockArgument argument : function.getArguments())
      if (isa<RankedTensorType>(argument.getType()))
        function.setArgAttr(argument.getArgNumber(),
                            SpikingDialect::kDimsAttrName, shapeOf(argument));
    for (BlockArgument argument : function.getArguments()) {
      StringRef name = names.getExisting(argument);
      if (!name.empty())
        function.setArgAttr(argument.getArgNumber(), kExtentAttrName,
                            builder.getStringAttr(name));
    }
    for (OpOperand &operand :
         function.getBody().front().getTerminator()->getOpOperands())
      if (isa<RankedTensorType>(operand.get().getType()))
        function.setResultAttr(operand.getOperandNumber(),
                               SpikingDialect::kDimsAttrName,
                               shapeOf(operand.get()));
  }
};

} // namespace
