//===- ProfileKernels.cpp - Time, bytes and operations of loop nests ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Path.h"

namespace rheobase {
#define GEN_PASS_DEF_NUMBEROPERATIONSPASS
#define GEN_PASS_DEF_PROFILEKERNELSPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;

//===----------------------------------------------------------------------===//
// What the two passes agree on: numbers in locations
//===----------------------------------------------------------------------===//

// A dictionary with the number and the name of the operation that loops are
// made of, as metadata of a fused location: whoever lowers an operation gives
// its location to what comes of it.
static constexpr StringLiteral numberKey("rheobase.number");
static constexpr StringLiteral nameKey("rheobase.name");

static Location number(Location loc, int64_t value, StringRef name) {
  Builder b(loc.getContext());
  auto metadata = b.getDictionaryAttr(
      {b.getNamedAttr(numberKey, b.getI64IntegerAttr(value)),
       b.getNamedAttr(nameKey, b.getStringAttr(name))});
  return FusedLoc::get(loc.getContext(), {loc}, metadata);
}

namespace {
struct Numbered {
  int64_t value;
  StringRef name;
  Location loc;
};
} // namespace

/// All numbers in a location: those of fused operations are several.
static void collectNumbers(Location loc, SmallVectorImpl<Numbered> &numbers) {
  loc->walk([&](Location inner) {
    if (auto fused = dyn_cast<FusedLoc>(inner))
      if (auto metadata = dyn_cast_or_null<DictionaryAttr>(fused.getMetadata()))
        if (auto value = metadata.getAs<IntegerAttr>(numberKey))
          numbers.push_back({value.getInt(),
                             metadata.getAs<StringAttr>(nameKey).getValue(),
                             fused.getLocations().front()});
    return WalkResult::advance();
  });
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

namespace {
/// Computes sizes of buffers at one place, where not every value of the
/// function can be used.
class Sizes {
public:
  Sizes(OpBuilder &b, Location loc, DominanceInfo &dominance)
      : b(b), loc(loc), dominance(dominance) {}

  /// A size as a value at the builder's place; null if it is not known there.
  Value resolve(OpFoldResult size);
  Value getDim(Value buffer, int64_t dim);
  Value getNumElements(Value buffer);
  Value getBytes(Value buffer);
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value multiply(Value left, Value right) {
    return left && right
               ? arith::MulIOp::create(b, loc, left, right).getResult()
               : Value();
  }
  Value add(Value left, Value right) {
    return left && right
               ? arith::AddIOp::create(b, loc, left, right).getResult()
               : Value();
  }
  /// How often the body of a loop runs.
  Value getTripCount(OpFoldResult begin, OpFoldResult end, OpFoldResult step);

private:
  OpBuilder &b;
  Location loc;
  DominanceInfo &dominance;
};
} // namespace

Value Sizes::resolve(OpFoldResult size) {
  if (auto fixed = getConstantIntValue(size))
    return constant(*fixed);
  Value value = cast<Value>(size);
  if (Operation *place = &*b.getInsertionPoint();
      dominance.properlyDominates(value, place))
    return value;
  // Inside of loops: tiles count as whole ones.
  Operation *op = value.getDefiningOp();
  if (!op)
    return Value();
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto index = dim.getConstantIndex();
    return index ? getDim(dim.getSource(), *index) : Value();
  }
  if (isa<arith::MinSIOp, arith::MinUIOp>(op)) {
    for (Value operand : op->getOperands())
      if (Value known = resolve(OpFoldResult(operand)))
        return known;
    return Value();
  }
  if (auto minimum = dyn_cast<affine::AffineMinOp>(op)) {
    for (AffineExpr expr : minimum.getMap().getResults()) {
      if (auto fixed = dyn_cast<AffineConstantExpr>(expr))
        return constant(fixed.getValue());
      if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
        if (Value known = resolve(OpFoldResult(
                minimum.getSymbolOperands()[symbol.getPosition()])))
          return known;
    }
  }
  return Value();
}

Value Sizes::getDim(Value buffer, int64_t dim) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isDynamicDim(dim))
    return constant(type.getDimSize(dim));
  if (Operation *place = &*b.getInsertionPoint();
      dominance.properlyDominates(buffer, place))
    return memref::DimOp::create(b, loc, buffer, dim);
  Operation *op = buffer.getDefiningOp();
  if (auto sub = dyn_cast_or_null<memref::SubViewOp>(op)) {
    llvm::SmallBitVector dropped = sub.getDroppedDims();
    int64_t kept = -1;
    for (auto [i, size] : llvm::enumerate(sub.getMixedSizes()))
      if (!dropped.test(i) && ++kept == dim)
        return resolve(size);
  } else if (auto view = dyn_cast_or_null<memref::ViewOp>(op)) {
    return resolve(OpFoldResult(view.getSizes()[type.getDynamicDimIndex(dim)]));
  } else if (auto alloc = dyn_cast_or_null<memref::AllocOp>(op)) {
    return resolve(
        OpFoldResult(alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)]));
  } else if (auto cast = dyn_cast_or_null<memref::CastOp>(op)) {
    return getDim(cast.getSource(), dim);
  }
  return Value();
}

Value Sizes::getNumElements(Value buffer) {
  Value product = constant(1);
  for (int64_t i = 0; i < cast<MemRefType>(buffer.getType()).getRank(); ++i)
    product = multiply(product, getDim(buffer, i));
  return product;
}

Value Sizes::getBytes(Value buffer) {
  int64_t width = cast<MemRefType>(buffer.getType()).getElementTypeBitWidth();
  Value bits = multiply(getNumElements(buffer), constant(width));
  return bits ? arith::CeilDivUIOp::create(b, loc, bits, constant(8)) : Value();
}

Value Sizes::getTripCount(OpFoldResult begin, OpFoldResult end,
                          OpFoldResult step) {
  Value first = resolve(begin), last = resolve(end), by = resolve(step);
  if (!first || !last || !by)
    return Value();
  return arith::CeilDivSIOp::create(
      b, loc, arith::SubIOp::create(b, loc, last, first), by);
}

//===----------------------------------------------------------------------===//
// Work of an operation
//===----------------------------------------------------------------------===//

/// Operations on floats in a region, once through it. An fma is two.
static int64_t countOperations(Region &region) {
  int64_t count = 0;
  region.walk([&](Operation *op) {
    if (isa<math::FmaOp>(op))
      count += 2;
    else if (isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
                 arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
                 arith::MinNumFOp, arith::CmpFOp>(op) ||
             isa_and_nonnull<math::MathDialect>(op->getDialect()))
      ++count;
  });
  return count;
}

static SmallVector<Value> getBuffers(Operation *op) {
  SmallVector<Value> buffers;
  for (Value operand : op->getOperands())
    if (isa<MemRefType>(operand.getType()) &&
        cast<MemRefType>(operand.getType()).getElementType().isIntOrFloat())
      buffers.push_back(operand);
  return buffers;
}

/// How often the region of an operation runs.
static Value getIterations(Operation *op, Sizes &sizes) {
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    // Each loop ranges over a dimension of some operand.
    SmallVector<Value> ranges(linalgOp.getNumLoops());
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<MemRefType>(operand.get().getType()))
        continue;
      AffineMap map = linalgOp.getMatchingIndexingMap(&operand);
      for (auto [i, expr] : llvm::enumerate(map.getResults()))
        if (auto dim = dyn_cast<AffineDimExpr>(expr))
          if (Value &range = ranges[dim.getPosition()]; !range)
            range = sizes.getDim(operand.get(), i);
    }
    Value product = sizes.constant(1);
    for (Value range : ranges)
      product = sizes.multiply(product, range);
    return product;
  }
  // A scan: once for each element of the longest sequence.
  Value largest;
  int64_t rank = -1;
  for (Value buffer : getBuffers(op))
    if (int64_t found = cast<MemRefType>(buffer.getType()).getRank();
        found > rank) {
      rank = found;
      largest = buffer;
    }
  return largest ? sizes.getNumElements(largest) : sizes.constant(1);
}

static StringRef getKind(Operation *op) {
  if (auto scan = dyn_cast<spiking::ScanOp>(op))
    return scan.getDirection() == spiking::Direction::Reverse ? "backward scan"
                                                              : "scan";
  if (isa<memref::CopyOp>(op))
    return "copy";
  if (isa<linalg::FillOp>(op))
    return "fill";
  auto linalgOp = cast<linalg::LinalgOp>(op);
  if (linalgOp.getNumReductionLoops() == 0)
    return "elementwise";
  bool products = false;
  op->walk([&](Operation *inner) {
    products |= isa<math::FmaOp, arith::MulFOp>(inner);
  });
  if (!products)
    return "reduction";
  bool window =
      llvm::any_of(linalgOp.getIndexingMapsArray(), [](AffineMap map) {
        return llvm::any_of(map.getResults(), [](AffineExpr expr) {
          return isa<AffineBinaryOpExpr>(expr);
        });
      });
  return window ? "convolution" : "product";
}

namespace {
struct NumberOperationsPass
    : rheobase::impl::NumberOperationsPassBase<NumberOperationsPass> {
  void runOnOperation() override;
};
} // namespace

static func::FuncOp declare(ModuleOp module, StringRef name,
                            FunctionType type) {
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto function = func::FuncOp::create(b, module.getLoc(), name, type);
  function.setPrivate();
  return function;
}

void NumberOperationsPass::runOnOperation() {
  ModuleOp module = getOperation();
  Builder types(&getContext());
  Type i64 = types.getI64Type();
  int64_t next = 0;
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isDeclaration() && function.getBody().hasOneBlock())
      functions.push_back(function);
  for (func::FuncOp function : functions) {
    SmallVector<Operation *> ops;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<linalg::LinalgOp, spiking::ScanOp, memref::CopyOp>(op)) {
        ops.push_back(op);
        return WalkResult::skip();
      }
      return WalkResult::advance();
    });
    if (ops.empty())
      continue;
    // At the end of the function, where no pass looks for neighbours.
    DominanceInfo dominance(function);
    OpBuilder b(function.getBody().front().getTerminator());
    Location loc = function.getLoc();
    func::FuncOp report = declare(module, "rheobase_rt_profile_work",
                                  types.getFunctionType({i64, i64, i64}, {}));
    for (Operation *op : ops) {
      int64_t value = next++;
      Sizes sizes(b, loc, dominance);
      // Inside of a parallel loop, all its iterations are one kernel.
      Value times = sizes.constant(1);
      Value outer = times;
      bool parallel = false;
      SmallVector<Operation *> loops;
      for (Operation *parent = op->getParentOp(); parent != function;
           parent = parent->getParentOp())
        loops.push_back(parent);
      for (Operation *loop : llvm::reverse(loops)) {
        if (auto all = dyn_cast<scf::ParallelOp>(loop)) {
          parallel = true;
          for (auto [begin, end, step] : llvm::zip(
                   all.getLowerBound(), all.getUpperBound(), all.getStep()))
            outer =
                sizes.multiply(outer, sizes.getTripCount(OpFoldResult(begin),
                                                         OpFoldResult(end),
                                                         OpFoldResult(step)));
        } else if (auto all = dyn_cast<scf::ForallOp>(loop)) {
          parallel = true;
          for (auto [begin, end, step] :
               llvm::zip(all.getMixedLowerBound(), all.getMixedUpperBound(),
                         all.getMixedStep()))
            outer = sizes.multiply(outer, sizes.getTripCount(begin, end, step));
        } else if (auto one = dyn_cast<scf::ForOp>(loop); one && parallel) {
          outer = sizes.multiply(
              outer, sizes.getTripCount(OpFoldResult(one.getLowerBound()),
                                        OpFoldResult(one.getUpperBound()),
                                        OpFoldResult(one.getStep())));
        }
      }
      int64_t perIteration = 0;
      for (Region &region : op->getRegions())
        perIteration += countOperations(region);
      Value operations = sizes.multiply(perIteration ? getIterations(op, sizes)
                                                     : sizes.constant(1),
                                        sizes.constant(perIteration));
      Value bytes = sizes.constant(0);
      llvm::SmallPtrSet<Value, 8> seen;
      for (Value buffer : getBuffers(op))
        if (seen.insert(buffer).second)
          bytes = sizes.add(bytes, sizes.getBytes(buffer));
      operations = sizes.multiply(operations, outer);
      bytes = sizes.multiply(bytes, outer);
      auto toNumber = [&](Value size) -> Value {
        if (size)
          return arith::IndexCastOp::create(b, loc, i64, size);
        return arith::ConstantIntOp::create(b, loc, -1, 64);
      };
      func::CallOp::create(
          b, loc, report,
          ValueRange{arith::ConstantIntOp::create(b, loc, value, 64),
                     toNumber(operations), toNumber(bytes)});
      StringRef kind = getKind(op);
      op->walk([&](Operation *inner) {
        inner->setLoc(number(inner->getLoc(), value, kind));
      });
    }
  }
}

//===----------------------------------------------------------------------===//
// Timing of loop nests
//===----------------------------------------------------------------------===//

namespace {
struct ProfileKernelsPass
    : rheobase::impl::ProfileKernelsPassBase<ProfileKernelsPass> {
  void runOnOperation() override;

private:
  /// A nest that is measured as a whole.
  struct Kernel {
    Operation *op;
    StringRef function;
    llvm::SetVector<int64_t> numbers;
    SmallVector<Numbered> operations;
    /// Loops inside each other, and operations.
    int64_t depth = 0, size = 0;
  };
  void collect(Block &block, StringRef function);

  SmallVector<Kernel> kernels;
};
} // namespace

/// Loops of the program, not of an operation: those around several kernels.
static bool isOuterLoop(Operation *op) {
  if (!isa<scf::ForOp, scf::WhileOp>(op))
    return false;
  SmallVector<Numbered> numbers;
  collectNumbers(op->getLoc(), numbers);
  return numbers.empty();
}

/// Loops inside each other at the deepest place of `op`.
static int64_t getLoopDepth(Operation *op) {
  int64_t deepest = 0;
  for (Region &region : op->getRegions())
    for (Operation &inner : region.getOps())
      deepest = std::max(deepest, getLoopDepth(&inner));
  return deepest + isa<LoopLikeOpInterface>(op);
}

void ProfileKernelsPass::collect(Block &block, StringRef function) {
  for (Operation &op : block) {
    bool nest = isa<scf::ForOp, scf::ParallelOp, scf::ForallOp, scf::WhileOp,
                    memref::CopyOp>(op);
    if (!nest || isOuterLoop(&op)) {
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          collect(inner, function);
      continue;
    }
    Kernel kernel;
    kernel.op = &op;
    kernel.function = function;
    kernel.depth = getLoopDepth(&op);
    op.walk<WalkOrder::PreOrder>([&](Operation *inner) {
      ++kernel.size;
      SmallVector<Numbered> numbers;
      collectNumbers(inner->getLoc(), numbers);
      for (const Numbered &found : numbers)
        if (kernel.numbers.insert(found.value))
          kernel.operations.push_back(found);
    });
    kernels.push_back(std::move(kernel));
  }
}

/// Whether a run never comes by both: they are in two branches of one `scf.if`.
static bool areExclusive(Operation *a, Operation *b) {
  for (auto branch = a->getParentOfType<scf::IfOp>(); branch;
       branch = branch->getParentOfType<scf::IfOp>()) {
    if (!branch->isProperAncestor(b))
      continue;
    auto isInThen = [&](Operation *op) {
      return branch.getThenRegion().isAncestor(op->getParentRegion());
    };
    return isInThen(a) != isInThen(b);
  }
  return false;
}

/// "net.mlir:12:5".
static std::string describe(Location loc) {
  auto place = loc->findInstanceOf<FileLineColLoc>();
  if (!place)
    return "";
  return (llvm::sys::path::filename(place.getFilename().getValue()) + ":" +
          Twine(place.getLine()) + ":" + Twine(place.getColumn()))
      .str();
}

void ProfileKernelsPass::runOnOperation() {
  ModuleOp module = getOperation();
  kernels.clear();
  for (auto function : module.getOps<func::FuncOp>())
    for (Block &block : function.getBody())
      collect(block, function.getName());

  // An operation's work is counted once, where most of it is: a product that
  // packs an operand before, perhaps by a long piece of code that transposes
  // it, has two nests, of which the deeper one multiplies. And once in each of
  // two variants of which a run takes one.
  llvm::DenseMap<int64_t, SmallVector<const Kernel *>> owners;
  SmallVector<const Kernel *> largest;
  for (const Kernel &kernel : kernels)
    largest.push_back(&kernel);
  llvm::stable_sort(largest, [](const Kernel *a, const Kernel *b) {
    return std::pair(a->depth, a->size) > std::pair(b->depth, b->size);
  });
  for (const Kernel *kernel : largest)
    for (int64_t value : kernel->numbers)
      if (llvm::all_of(owners[value], [&](const Kernel *owner) {
            return areExclusive(kernel->op, owner->op);
          }))
        owners[value].push_back(kernel);

  Builder types(&getContext());
  Type i64 = types.getI64Type();
  auto pointer = LLVM::LLVMPointerType::get(&getContext());
  llvm::StringMap<LLVM::GlobalOp> texts;
  for (const Kernel &kernel : kernels) {
    func::FuncOp begin = declare(module, "rheobase_rt_profile_begin",
                                 types.getFunctionType({}, {i64}));
    func::FuncOp end = declare(module, "rheobase_rt_profile_end",
                               types.getFunctionType({i64, pointer}, {}));
    // function, names, location and the numbers whose work is done here.
    std::string names, numbers;
    llvm::SetVector<StringRef> kinds;
    for (const Numbered &operation : kernel.operations) {
      kinds.insert(operation.name);
      if (llvm::is_contained(owners[operation.value], &kernel))
        numbers +=
            (numbers.empty() ? "" : ",") + std::to_string(operation.value);
    }
    for (StringRef kind : kinds)
      names += (names.empty() ? "" : " + ") + kind.str();
    if (names.empty())
      names = "loop";
    else if (numbers.empty())
      names += " (preparation)";
    std::string location =
        describe(kernel.operations.empty() ? kernel.op->getLoc()
                                           : kernel.operations.front().loc);
    std::string text =
        (kernel.function + "|" + names + "|" + location + "|" + numbers).str();
    LLVM::GlobalOp &global = texts[text];
    if (!global) {
      OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
      auto type = LLVM::LLVMArrayType::get(types.getI8Type(), text.size() + 1);
      global = LLVM::GlobalOp::create(
          b, module.getLoc(), type, /*isConstant=*/true,
          LLVM::Linkage::Internal,
          "rheobase_kernel_" + std::to_string(texts.size()),
          b.getStringAttr(text + std::string(1, '\0')));
    }
    OpBuilder b(kernel.op);
    Location loc = kernel.op->getLoc();
    Value start =
        func::CallOp::create(b, loc, begin, ValueRange()).getResult(0);
    b.setInsertionPointAfter(kernel.op);
    Value name = LLVM::AddressOfOp::create(b, loc, global);
    func::CallOp::create(b, loc, end, ValueRange{start, name});
  }
}
