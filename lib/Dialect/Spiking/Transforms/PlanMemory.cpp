//===- PlanMemory.cpp - One arena for all buffers of a function -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

#include <map>

namespace rheobase::spiking {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "rheobase/Dialect/Spiking/Transforms/Passes.h.inc"
} // namespace rheobase::spiking

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// Of what the runtime allocates, and of slots of the arena.
static constexpr int64_t kAlignment = 64;
/// Who reads spikes in bits may read so many bytes beyond the last one.
static constexpr int64_t kBytesBehindBits = 8;

//===----------------------------------------------------------------------===//
// Sizes as functions of the arguments
//===----------------------------------------------------------------------===//

namespace {

/// Computes sizes from the arguments of a function alone, at a place of its
/// own: at the function's entry, or in a function that only computes sizes.
/// Equal sizes are one value.
class Sizes {
public:
  /// `arguments` stand for those of `function`.
  Sizes(func::FuncOp function, OpBuilder builder, ValueRange arguments)
      : function(function), builder(builder), arguments(arguments) {}

  /// `size`, a value of the function, at this place; null where it depends on
  /// something that is computed.
  Value get(Value size) {
    auto [it, isNew] = known.try_emplace(size);
    if (!isNew)
      return it->second;
    Value value = compute(size);
    return known[size] = value;
  }
  Value get(OpFoldResult size) {
    if (std::optional<int64_t> number = getConstantIntValue(size))
      return constant(*number);
    return get(cast<Value>(size));
  }

  /// The extent of a buffer of the function.
  Value extent(Value memref, int64_t dim);

  Value constant(int64_t value) {
    return unique(
        arith::ConstantIndexOp::create(builder, function.getLoc(), value));
  }
  Value multiply(Value a, Value b) {
    return unique(arith::MulIOp::create(builder, function.getLoc(), a, b));
  }
  Value add(Value a, Value b) {
    return unique(arith::AddIOp::create(builder, function.getLoc(), a, b));
  }
  Value max(Value a, Value b) {
    return unique(arith::MaxSIOp::create(builder, function.getLoc(), a, b));
  }
  /// Rounded up to the alignment.
  Value aligned(Value bytes) {
    Value sum = add(bytes, constant(kAlignment - 1));
    return unique(arith::AndIOp::create(builder, function.getLoc(), sum,
                                        constant(-kAlignment)));
  }

  /// For reports: the name of a dimension, or "n".
  StringRef nameOf(Value size) const {
    auto it = names.find(size);
    return it == names.end() ? StringRef("n") : StringRef(it->second);
  }

  OpBuilder &getBuilder() { return builder; }

private:
  Value compute(Value size);
  Value extentOfArgument(BlockArgument argument, int64_t dim);

  /// An equal value that is already there, or `value`.
  Value unique(Value value) {
    Operation *op = value.getDefiningOp();
    for (Operation *other : computed)
      if (OperationEquivalence::isEquivalentTo(
              op, other, OperationEquivalence::IgnoreLocations)) {
        op->erase();
        return other->getResult(0);
      }
    computed.push_back(op);
    return value;
  }

  func::FuncOp function;
  OpBuilder builder;
  SmallVector<Value> arguments;
  DenseMap<Value, Value> known;
  SmallVector<Operation *> computed;
  DenseMap<Value, std::string> names;
};

} // namespace

Value Sizes::compute(Value size) {
  if (auto argument = dyn_cast<BlockArgument>(size)) {
    if (argument.getOwner() != &function.getBody().front())
      return {};
    Value value = arguments[argument.getArgNumber()];
    if (auto name = function.getArgAttrOfType<StringAttr>(
            argument.getArgNumber(), kExtentAttrName))
      names[value] = name.str();
    return value;
  }
  Operation *op = size.getDefiningOp();
  if (op->getNumResults() != 1 || op->getNumRegions() != 0)
    return {};
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    return index ? extent(dim.getSource(), *index) : Value();
  }
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    // A scalar argument that nobody writes.
    auto argument = dyn_cast<BlockArgument>(load.getMemref());
    if (!argument || !load.getIndices().empty() ||
        function.getArgAttr(argument.getArgNumber(), kResultAttrName))
      return {};
  } else if (!isPure(op)) {
    return {};
  }
  IRMapping operands;
  for (Value operand : op->getOperands()) {
    Value value = get(operand);
    if (!value)
      return {};
    operands.map(operand, value);
  }
  return unique(builder.clone(*op, operands)->getResult(0));
}

Value Sizes::extent(Value memref, int64_t dim) {
  for (;;) {
    auto type = cast<MemRefType>(memref.getType());
    if (!type.isDynamicDim(dim))
      return constant(type.getDimSize(dim));
    if (auto argument = dyn_cast<BlockArgument>(memref)) {
      if (argument.getOwner() == &function.getBody().front())
        return extentOfArgument(argument, dim);
      auto loop = dyn_cast<scf::ForOp>(argument.getOwner()->getParentOp());
      if (!loop)
        return {};
      memref = loop.getTiedLoopInit(argument)->get();
      continue;
    }
    Operation *op = memref.getDefiningOp();
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      return get(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]);
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      memref = loop.getInitArgs()[cast<OpResult>(memref).getResultNumber()];
    } else if (auto cast = dyn_cast<memref::CastOp>(op)) {
      if (!isa<MemRefType>(cast.getSource().getType()))
        return {};
      memref = cast.getSource();
    } else if (auto expand = dyn_cast<memref::ExpandShapeOp>(op)) {
      return get(expand.getMixedOutputShape()[dim]);
    } else if (auto collapse = dyn_cast<memref::CollapseShapeOp>(op)) {
      ReassociationIndices group = collapse.getReassociationIndices()[dim];
      Value product = constant(1);
      for (int64_t part : group) {
        Value size = extent(collapse.getSrc(), part);
        if (!size)
          return {};
        product = multiply(product, size);
      }
      return product;
    } else if (auto subview = dyn_cast<memref::SubViewOp>(op)) {
      llvm::SmallBitVector dropped = subview.getDroppedDims();
      int64_t position = -1;
      for (int64_t i = 0; i <= dim; ++i)
        do
          ++position;
        while (dropped.test(position));
      return get(subview.getMixedSizes()[position]);
    } else {
      return {};
    }
  }
}

/// Arguments agree on what has a name, so the first that has it speaks for all.
Value Sizes::extentOfArgument(BlockArgument argument, int64_t dim) {
  StringAttr name;
  if (auto shape = function.getArgAttrOfType<ArrayAttr>(
          argument.getArgNumber(), SpikingDialect::kDimsAttrName))
    name = dyn_cast<StringAttr>(shape[dim]);
  if (name && name != "?")
    for (BlockArgument other : function.getArguments()) {
      auto shape = function.getArgAttrOfType<ArrayAttr>(
          other.getArgNumber(), SpikingDialect::kDimsAttrName);
      if (!shape || !llvm::is_contained(shape, name))
        continue;
      argument = other;
      dim = llvm::find(shape, name) - shape.begin();
      break;
    }
  Value size = unique(memref::DimOp::create(builder, function.getLoc(),
                                            arguments[argument.getArgNumber()],
                                            constant(dim)));
  if (name && name != "?")
    names[size] = name.str();
  return size;
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

namespace {

/// `coefficient` bytes times the product of some extents.
struct Bytes {
  int64_t coefficient = 1;
  SmallVector<unsigned> factors; // numbers of the planner's extents, sorted

  /// Whether all factors of `other` are among these: extents are not zero, so a
  /// multiple of these is as large as the same multiple of those.
  bool includes(const Bytes &other) const {
    return std::includes(factors.begin(), factors.end(), other.factors.begin(),
                         other.factors.end());
  }
};

/// A buffer and the operations of the function's block between which its
/// contents are needed.
struct Buffer {
  memref::AllocOp alloc;
  Bytes bytes;
  int64_t first, last;
  int64_t slot = -1;
  /// Where it begins in the slot, in multiples of the slot's factors.
  int64_t offset = 0;
};

/// A part of the arena whose size is a multiple of some extents. At every time
/// its buffers lie beside each other, at offsets that are such multiples, too.
struct Slot {
  Bytes bytes;
  struct Place {
    int64_t first, last, offset, size;
  };
  /// By ascending offset.
  SmallVector<Place> places;

  /// The first offset at which `size` is free from operation `first` to `last`;
  /// the slot may have to grow for it.
  int64_t findOffset(int64_t first, int64_t last, int64_t size) const {
    int64_t offset = 0;
    for (const Place &other : places) {
      if (last < other.first || other.last < first)
        continue;
      if (offset + size <= other.offset)
        break;
      offset = std::max<int64_t>(
          offset, llvm::alignTo(other.offset + other.size, kAlignment));
    }
    return offset;
  }

  void add(Buffer &buffer, int64_t offset) {
    buffer.offset = offset;
    int64_t size = buffer.bytes.coefficient;
    bytes.coefficient = std::max(bytes.coefficient, offset + size);
    Place place{buffer.first, buffer.last, offset, size};
    places.insert(llvm::upper_bound(places, place,
                                    [](const Place &a, const Place &b) {
                                      return a.offset < b.offset;
                                    }),
                  place);
  }
};

class MemoryPlanner {
public:
  MemoryPlanner(func::FuncOp function)
      : function(function), block(function.getBody().front()),
        loc(function.getLoc()) {}

  LogicalResult run();

private:
  LogicalResult placeResults();
  memref::AllocOp allocOf(Value result);
  void collectBuffers();
  void assignSlots();
  void place(MutableArrayRef<Buffer> buffers);
  LogicalResult freeOthers();
  LogicalResult buildSizesFunction();
  void useArena();
  void dropResults();
  void report();

  func::FuncOp function;
  Block &block;
  Location loc;
  std::unique_ptr<Sizes> atEntry;
  std::unique_ptr<BufferViewFlowAnalysis> views;
  DenseMap<Operation *, int64_t> position;
  bool hasPackedSpikes = false;
  SmallVector<Buffer> buffers;
  SmallVector<Slot> slots;
  /// The extents that sizes have as factors: values of the entry.
  SmallVector<Value> extents;
  DenseMap<Value, unsigned> extentNumbers;
  /// For each result that is not donated: its number, the value whose extents
  /// it has, the buffer whose extents its memory has, and the allocation that
  /// this memory replaces; null where the result is copied into it.
  struct Result {
    unsigned number;
    Value value, memory;
    memref::AllocOp alloc;
  };
  SmallVector<Result> results;
};

} // namespace

/// The allocation that is, reshaped perhaps, the result.
memref::AllocOp MemoryPlanner::allocOf(Value result) {
  for (;;) {
    Operation *op = result.getDefiningOp();
    if (auto alloc = dyn_cast_or_null<memref::AllocOp>(op)) {
      if (alloc->getBlock() == &block &&
          alloc.getType().getLayout().isIdentity())
        return alloc;
      return {};
    }
    if (!isa_and_nonnull<memref::CastOp, memref::ExpandShapeOp,
                         memref::CollapseShapeOp>(op))
      return {};
    result = op->getOperand(0);
  }
}

/// Every result becomes memory that the caller passes: a donated argument, or
/// one more argument.
LogicalResult MemoryPlanner::placeResults() {
  Operation *terminator = block.getTerminator();
  OpBuilder builder(terminator);
  SmallPtrSet<Operation *, 8> taken;
  for (OpOperand &operand : terminator->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    Value value = operand.get();
    auto type = dyn_cast<MemRefType>(value.getType());
    if (!type)
      return function.emitOpError("result ")
             << number << " is not a tensor but " << value.getType();
    auto aliases = function.getResultAttrOfType<IntegerAttr>(
        number, SpikingDialect::kAliasesAttrName);
    if (!aliases)
      continue;
    unsigned index = aliases.getInt();
    function.setArgAttr(index, kResultAttrName,
                        builder.getI64IntegerAttr(number));
    while (auto cast = value.getDefiningOp<memref::CastOp>())
      value = cast.getSource();
    if (value != block.getArgument(index))
      return function.emitOpError("result ")
             << number << " is not in the buffer of argument " << index
             << ", which it aliases";
    for (Operation *user : block.getArgument(index).getUsers())
      if (auto copy = dyn_cast<memref::CopyOp>(user))
        if (copy.getTarget() == block.getArgument(index))
          remark::missed(copy.getLoc(),
                         remark::RemarkOpts::name(remarks::kDonation)
                             .category("spiking-plan-memory")
                             .function(function.getName()))
              << "the new value of argument " << std::to_string(index)
              << " is computed elsewhere and copied";
  }
  for (OpOperand &operand : terminator->getOpOperands()) {
    unsigned number = operand.getOperandNumber();
    if (function.getResultAttr(number, SpikingDialect::kAliasesAttrName))
      continue;
    Value value = operand.get();
    auto type = cast<MemRefType>(value.getType());
    memref::AllocOp alloc = allocOf(value);
    if (alloc && !taken.insert(alloc).second)
      alloc = {};
    Type memoryType =
        alloc ? alloc.getType()
              : MemRefType::get(type.getShape(), type.getElementType());
    SmallVector<NamedAttribute> attributes;
    for (StringRef name : {StringRef(SpikingDialect::kDimsAttrName),
                           StringRef(SpikingDialect::kDTypeAttrName)})
      if (Attribute known = function.getResultAttr(number, name))
        attributes.emplace_back(builder.getStringAttr(name), known);
    attributes.emplace_back(builder.getStringAttr(kResultAttrName),
                            builder.getI64IntegerAttr(number));
    unsigned position = function.getNumArguments();
    if (failed(function.insertArgument(
            position, memoryType, builder.getDictionaryAttr(attributes), loc)))
      return failure();
    BlockArgument memory = block.getArgument(position);
    if (alloc) {
      results.push_back({number, value, alloc, alloc});
    } else {
      memref::CopyOp::create(builder, value.getLoc(), value, memory);
      remark::missed(value.getLoc(),
                     remark::RemarkOpts::name(remarks::kResultCopy)
                         .category("spiking-plan-memory")
                         .function(function.getName()))
          << "result " << std::to_string(number)
          << " is part of another value and copied";
      results.push_back({number, value, value, {}});
    }
  }
  return success();
}

/// Spikes whose rows are whole bytes are bits.
static bool arePackedSpikes(MemRefType type) {
  return type.getElementType().isInteger(1) && type.getRank() > 0 &&
         !type.isDynamicDim(type.getRank() - 1) &&
         type.getShape().back() % 8 == 0;
}

/// The memory of spikes in bits: a view of bytes.
static memref::AllocOp packAllocation(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  OpBuilder builder(alloc);
  Location loc = alloc.getLoc();
  int64_t known = 1;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      known *= size;
  Value bytes = arith::ConstantIndexOp::create(builder, loc, known / 8);
  for (Value size : alloc.getDynamicSizes())
    bytes = arith::MulIOp::create(builder, loc, bytes, size);
  bytes = arith::AddIOp::create(
      builder, loc, bytes,
      arith::ConstantIndexOp::create(builder, loc, kBytesBehindBits));
  auto memory = memref::AllocOp::create(
      builder, loc,
      MemRefType::get({ShapedType::kDynamic}, builder.getI8Type()), bytes);
  Value start = arith::ConstantIndexOp::create(builder, loc, 0);
  Value view = memref::ViewOp::create(builder, loc, type, memory, start,
                                      alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(view);
  alloc.erase();
  return memory;
}

void MemoryPlanner::collectBuffers() {
  int64_t count = 0;
  for (Operation &op : block)
    position[&op] = count++;
  SmallPtrSet<Operation *, 8> isResult;
  for (const Result &result : results)
    if (result.alloc)
      isResult.insert(result.alloc);

  for (auto alloc : block.getOps<memref::AllocOp>()) {
    if (isResult.contains(alloc))
      continue;
    MemRefType type = alloc.getType();
    Buffer buffer{alloc, {}, count, -1};
    bool isPacked = arePackedSpikes(type);
    hasPackedSpikes |= isPacked;
    buffer.bytes.coefficient =
        isPacked ? 1 : llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    bool computable = type.getLayout().isIdentity();
    for (int64_t dim = 0; computable && dim < type.getRank(); ++dim) {
      if (!type.isDynamicDim(dim)) {
        buffer.bytes.coefficient *= type.getDimSize(dim);
        continue;
      }
      Value extent = atEntry->extent(alloc, dim);
      computable = !!extent;
      if (!computable)
        continue;
      auto [it, isNew] = extentNumbers.try_emplace(extent, extents.size());
      if (isNew)
        extents.push_back(extent);
      buffer.bytes.factors.push_back(it->second);
    }
    if (!computable)
      continue;
    if (isPacked)
      buffer.bytes.coefficient /= 8;
    llvm::sort(buffer.bytes.factors);
    for (Value view : views->resolve(alloc))
      for (Operation *user : view.getUsers()) {
        Operation *ancestor = block.findAncestorOpInBlock(*user);
        if (!ancestor)
          continue;
        buffer.first = std::min(buffer.first, position[ancestor]);
        buffer.last = std::max(buffer.last, position[ancestor]);
      }
    buffers.push_back(buffer);
  }
}

/// Which extents there are says more about a size than the coefficient.
static bool isLess(const Bytes &a, const Bytes &b) {
  return std::make_pair(a.factors.size(), a.coefficient) <
         std::make_pair(b.factors.size(), b.coefficient);
}

/// Of several orders in which buffers take places the one that needs the
/// smallest arena.
void MemoryPlanner::assignSlots() {
  llvm::stable_sort(buffers, [&](const Buffer &a, const Buffer &b) {
    if (isLess(b.bytes, a.bytes) || isLess(a.bytes, b.bytes))
      return isLess(b.bytes, a.bytes);
    return std::make_pair(a.first, position[a.alloc]) <
           std::make_pair(b.first, position[b.alloc]);
  });
  // The largest first, those of the longest lives first, or what takes most of
  // space and time; what has more extents before what has fewer.
  auto bySpan = [](const Buffer &buffer) { return buffer.last - buffer.first; };
  auto byArea = [](const Buffer &buffer) {
    return (buffer.last - buffer.first + 1) * buffer.bytes.coefficient;
  };
  auto sorted = [&](llvm::function_ref<int64_t(const Buffer &)> weight) {
    SmallVector<Buffer> order(buffers);
    llvm::stable_sort(order, [&](const Buffer &a, const Buffer &b) {
      return std::make_pair(a.bytes.factors.size(), weight(a)) >
             std::make_pair(b.bytes.factors.size(), weight(b));
    });
    return order;
  };
  // The sums of the coefficients, by descending number of extents.
  auto score = [&] {
    std::map<size_t, int64_t, std::greater<size_t>> sums;
    for (const Slot &slot : slots)
      sums[slot.bytes.factors.size()] += slot.bytes.coefficient;
    return std::vector<std::pair<size_t, int64_t>>(sums.begin(), sums.end());
  };
  SmallVector<SmallVector<Buffer>> orders = {buffers, sorted(bySpan),
                                             sorted(byArea)};
  std::optional<std::vector<std::pair<size_t, int64_t>>> best;
  SmallVector<Slot> bestSlots;
  for (SmallVector<Buffer> &order : orders) {
    slots.clear();
    place(order);
    if (best && !(score() < *best))
      continue;
    best = score();
    bestSlots = std::move(slots);
    buffers = order;
  }
  slots = std::move(bestSlots);
}

/// In this order, each buffer takes a free place: in the smallest slot that has
/// one, else in a slot with the same factors, which grows, or in a new one.
void MemoryPlanner::place(MutableArrayRef<Buffer> buffers) {
  for (Buffer &buffer : buffers) {
    Slot *chosen = nullptr, *growing = nullptr;
    int64_t size = buffer.bytes.coefficient;
    // What a new slot would take; aligned offsets waste more than that where a
    // coefficient is small.
    int64_t least = size + size / 8 + 1;
    for (Slot &slot : slots) {
      if (!slot.bytes.includes(buffer.bytes))
        continue;
      int64_t growth = slot.findOffset(buffer.first, buffer.last, size) + size -
                       slot.bytes.coefficient;
      if (growth <= 0) {
        if (!chosen || isLess(slot.bytes, chosen->bytes))
          chosen = &slot;
      } else if (growth < least && slot.bytes.factors == buffer.bytes.factors) {
        growing = &slot;
        least = growth;
      }
    }
    if (!chosen)
      chosen = growing;
    if (!chosen) {
      chosen = &slots.emplace_back();
      chosen->bytes = {0, buffer.bytes.factors};
    }
    chosen->add(buffer, chosen->findOffset(buffer.first, buffer.last,
                                           buffer.bytes.coefficient));
    buffer.slot = chosen - slots.begin();
  }
}

/// Buffers whose size is not known at the entry are freed where their block
/// ends.
LogicalResult MemoryPlanner::freeOthers() {
  SmallPtrSet<Operation *, 16> planned;
  for (const Buffer &buffer : buffers)
    planned.insert(buffer.alloc);
  for (const Result &result : results)
    if (result.alloc)
      planned.insert(result.alloc);
  SmallVector<memref::AllocOp> others;
  function.walk([&](memref::AllocOp alloc) {
    if (!planned.contains(alloc))
      others.push_back(alloc);
  });
  for (memref::AllocOp alloc : others) {
    Block *home = alloc->getBlock();
    for (Value view : views->resolve(alloc))
      if (view.getParentBlock() != home &&
          !home->getParentOp()->isAncestor(
              view.getParentBlock()->getParentOp()))
        return alloc.emitOpError("a buffer that is made in a loop leaves it");
    std::string type;
    llvm::raw_string_ostream(type) << alloc.getType();
    auto options = remark::RemarkOpts::name(remarks::kNoSlot)
                       .category("spiking-plan-memory")
                       .function(function.getName());
    if (home != &block)
      remark::passed(alloc.getLoc(), options)
          << "a buffer of " << type
          << " is allocated where a loop or a branch needs it";
    else
      remark::missed(alloc.getLoc(), options)
          << "a buffer of " << type
          << " is allocated at each use: its size is not a function of the "
             "arguments alone";
    if (arePackedSpikes(alloc.getType()))
      alloc = packAllocation(alloc);
    OpBuilder builder(home->getTerminator());
    memref::DeallocOp::create(builder, alloc.getLoc(), alloc);
  }
  return success();
}

/// The bytes of a slot. Extents that are zero count as one: who shares a slot
/// may not have them.
static Value bytesOf(Sizes &sizes, const Bytes &bytes,
                     function_ref<Value(unsigned)> extentOf) {
  Value product = sizes.constant(bytes.coefficient);
  for (unsigned factor : bytes.factors)
    product =
        sizes.multiply(product, sizes.max(extentOf(factor), sizes.constant(1)));
  return sizes.aligned(product);
}

/// The function that tells a caller how much memory to pass: the bytes of the
/// arena, then for each result the extents that it has, and those of its
/// memory.
LogicalResult MemoryPlanner::buildSizesFunction() {
  MLIRContext *context = function.getContext();
  OpBuilder builder(function);
  unsigned count = block.getNumArguments() - results.size();
  ArrayRef<Type> inputs = function.getArgumentTypes().take_front(count);
  auto sizesFunction =
      func::FuncOp::create(builder, loc, (function.getName() + "_sizes").str(),
                           builder.getFunctionType(inputs, {}));
  SymbolTable(function->getParentOp())
      .insert(sizesFunction, Block::iterator(function));
  sizesFunction.setPrivate();
  function->setAttr(kSizesAttrName, SymbolRefAttr::get(sizesFunction));
  Block *body = sizesFunction.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  Sizes sizes(function, builder, body->getArguments());

  // All slots may be exactly full.
  SmallVector<Value> values{sizes.constant(hasPackedSpikes ? kAlignment : 0)};
  for (const Slot &slot : slots)
    values[0] =
        sizes.add(values[0], bytesOf(sizes, slot.bytes, [&](unsigned i) {
                    return sizes.get(extents[i]);
                  }));
  for (const Result &result : results)
    for (Value shaped : {result.value, result.memory})
      for (int64_t dim :
           llvm::seq(cast<MemRefType>(shaped.getType()).getRank())) {
        values.push_back(sizes.extent(shaped, dim));
        if (!values.back())
          return function.emitOpError("the extent of dimension ")
                 << dim << " of result " << result.number
                 << " is not a function of the arguments alone";
      }
  func::ReturnOp::create(builder, loc, values);
  sizesFunction.setFunctionType(FunctionType::get(
      context, inputs,
      SmallVector<Type>(values.size(), builder.getIndexType())));
  return success();
}

void MemoryPlanner::useArena() {
  OpBuilder &builder = atEntry->getBuilder();
  SmallVector<Value> offsets;
  Value offset = atEntry->constant(0);
  for (const Slot &slot : slots) {
    offsets.push_back(offset);
    offset =
        atEntry->add(offset, bytesOf(*atEntry, slot.bytes,
                                     [&](unsigned i) { return extents[i]; }));
  }
  auto arenaType = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
  unsigned number = function.getNumArguments();
  (void)function.insertArgument(number, arenaType,
                                builder.getDictionaryAttr(builder.getNamedAttr(
                                    kArenaAttrName, builder.getUnitAttr())),
                                loc);
  Value arena = block.getArgument(number);
  for (Buffer &buffer : buffers) {
    SmallVector<Value> extents;
    MemRefType type = buffer.alloc.getType();
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim))
        extents.push_back(atEntry->extent(buffer.alloc, dim));
    OpBuilder inPlace(buffer.alloc);
    Value offset = offsets[buffer.slot];
    if (buffer.offset)
      offset = atEntry->add(
          offset,
          bytesOf(*atEntry, {buffer.offset, slots[buffer.slot].bytes.factors},
                  [&](unsigned i) { return this->extents[i]; }));
    Value view = memref::ViewOp::create(inPlace, buffer.alloc.getLoc(), type,
                                        arena, offset, extents);
    buffer.alloc.replaceAllUsesWith(view);
  }
  // The entry's builder may stand before one of them.
  for (Buffer &buffer : buffers)
    buffer.alloc.erase();
}

/// Results leave through arguments.
void MemoryPlanner::dropResults() {
  for (const Result &result : results) {
    memref::AllocOp alloc = result.alloc;
    if (!alloc)
      continue;
    for (BlockArgument argument : block.getArguments()) {
      auto number = function.getArgAttrOfType<IntegerAttr>(
          argument.getArgNumber(), kResultAttrName);
      if (number && number.getInt() == result.number) {
        alloc.replaceAllUsesWith(argument);
        alloc.erase();
        break;
      }
    }
  }
  block.getTerminator()->setOperands({});
  (void)function.eraseResults(llvm::BitVector(function.getNumResults(), true));
}

void MemoryPlanner::report() {
  std::string text;
  llvm::raw_string_ostream os(text);
  int64_t used = 0;
  for (const Slot &slot : slots) {
    os << (used++ ? " + " : "") << slot.bytes.coefficient;
    for (unsigned factor : slot.bytes.factors)
      os << "*" << atEntry->nameOf(extents[factor]);
  }
  if (slots.empty())
    text = "0";
  remark::passed(loc, remark::RemarkOpts::name(remarks::kArena)
                          .category("spiking-plan-memory")
                          .function(function.getName()))
      << ("an arena of " + text + " bytes: " + std::to_string(slots.size()) +
          " slots for " + std::to_string(buffers.size()) + " buffers")
      << remark::metric("bytes", text) << remark::metric("slots", slots.size())
      << remark::metric("buffers", buffers.size());
}

LogicalResult MemoryPlanner::run() {
  OpBuilder builder(function.getContext());
  builder.setInsertionPoint(&block, block.begin());
  if (failed(placeResults()))
    return failure();
  atEntry = std::make_unique<Sizes>(function, builder, block.getArguments());
  views = std::make_unique<BufferViewFlowAnalysis>(function);
  collectBuffers();
  assignSlots();
  if (failed(freeOthers()) || failed(buildSizesFunction()))
    return failure();
  report();
  useArena();
  dropResults();
  return success();
}

namespace {
struct PlanMemoryPass
    : rheobase::spiking::impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal() || !function.isPublic())
        continue;
      if (!llvm::hasSingleElement(function.getBody())) {
        function.emitOpError("is expected to have a single block");
        return signalPassFailure();
      }
      if (failed(MemoryPlanner(function).run()))
        return signalPassFailure();
    }
  }
};
} // namespace
