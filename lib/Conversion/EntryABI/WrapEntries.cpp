//===- WrapEntries.cpp - Entry points with the ABI of generated code --------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Target/Manifest.h"
#include "rheobase/abi.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/StringSwitch.h"

namespace rheobase {
#define GEN_PASS_DEF_WRAPENTRIESPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

static constexpr llvm::StringLiteral kShapeErrorName =
    "rheobase_rt_shape_error";

static int32_t getDType(StringRef name) {
  return llvm::StringSwitch<int32_t>(name)
      .Case("bool", RB_BOOL)
      .Case("i8", RB_I8)
      .Case("i32", RB_I32)
      .Case("i64", RB_I64)
      .Case("f16", RB_F16)
      .Case("bf16", RB_BF16)
      .Case("f32", RB_F32)
      .Case("f64", RB_F64)
      .Default(-1);
}

namespace {
/// The struct rb_tensor, field by field.
enum TensorField { kData = 0, kDType = 1, kRank = 2, kDims = 3 };

/// Builds the wrapper of one entry.
class Wrapper {
public:
  Wrapper(func::FuncOp entry, StringRef symbol)
      : entry(entry), symbol(symbol), converter(entry.getContext()),
        builder(entry.getContext()), loc(entry.getLoc()) {
    MLIRContext *context = entry.getContext();
    pointer = LLVM::LLVMPointerType::get(context);
    tensor = LLVM::LLVMStructType::getLiteral(
        context, {pointer, builder.getI32Type(), builder.getI32Type(),
                  LLVM::LLVMArrayType::get(builder.getI64Type(),
                                           RHEOBASE_MAX_RANK)});
  }

  LogicalResult build();

private:
  /// Address of a field of tensor `index` of the array at `array`.
  Value field(Value array, int64_t index, TensorField which, int64_t dim = 0) {
    SmallVector<LLVM::GEPArg> indices{static_cast<int32_t>(index),
                                      static_cast<int32_t>(which)};
    if (which == kDims)
      indices.push_back(static_cast<int32_t>(dim));
    return LLVM::GEPOp::create(builder, loc, pointer, tensor, array, indices);
  }
  Value load(Type type, Value address) {
    return LLVM::LoadOp::create(builder, loc, type, address);
  }
  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, type,
                                    builder.getIntegerAttr(type, value));
  }

  /// Leaves the wrapper with RB_INVALID_ARGUMENT unless `got == expected`.
  void check(Value got, Value expected, int64_t index, int64_t dim);
  void checkArgument(int64_t index, Type type);
  Value makeMemRef(Value args, int64_t index, MemRefType type);
  void writeResult(Value results, int64_t index, Value result);

  func::FuncOp entry;
  StringRef symbol;
  LLVMTypeConverter converter;
  OpBuilder builder;
  Location loc;
  Type pointer;
  LLVM::LLVMStructType tensor;
  func::FuncOp wrapper;
  Value args, results, name;
  /// The first size seen of each named dimension.
  llvm::StringMap<Value> named;
};
} // namespace

void Wrapper::check(Value got, Value expected, int64_t index, int64_t dim) {
  Value same = LLVM::ICmpOp::create(builder, loc, LLVM::ICmpPredicate::eq, got,
                                    expected);
  Block *current = builder.getInsertionBlock();
  Block *bad = builder.createBlock(&wrapper.getBody());
  Block *good = builder.createBlock(&wrapper.getBody());
  builder.setInsertionPointToEnd(current);
  cf::CondBranchOp::create(builder, loc, same, good, bad);
  builder.setInsertionPointToEnd(bad);
  Type i32 = builder.getI32Type();
  func::CallOp::create(builder, loc, kShapeErrorName, TypeRange{},
                       ValueRange{name, constant(i32, index), constant(i32, dim),
                                  expected, got});
  Value status = constant(i32, RB_INVALID_ARGUMENT);
  func::ReturnOp::create(builder, loc, status);
  builder.setInsertionPointToEnd(good);
}

void Wrapper::checkArgument(int64_t index, Type type) {
  Type i64 = builder.getI64Type(), i32 = builder.getI32Type();
  auto load32 = [&](TensorField which) {
    return LLVM::SExtOp::create(builder, loc, i64,
                                load(i32, field(args, index, which)));
  };
  auto dtype = entry.getArgAttrOfType<StringAttr>(index, SpikingDialect::kDTypeAttrName);
  check(load32(kDType), constant(i64, getDType(dtype.getValue())), index, -2);
  auto dims = entry.getArgAttrOfType<ArrayAttr>(index, SpikingDialect::kDimsAttrName);
  check(load32(kRank), constant(i64, dims.size()), index, -1);
  for (auto [dim, attr] : llvm::enumerate(dims)) {
    if (auto size = dyn_cast<IntegerAttr>(attr)) {
      check(load(i64, field(args, index, kDims, dim)),
            constant(i64, size.getInt()), index, dim);
      continue;
    }
    StringRef dimName = cast<StringAttr>(attr).getValue();
    if (dimName == "?")
      continue;
    Value got = load(i64, field(args, index, kDims, dim));
    auto [it, first] = named.try_emplace(dimName, got);
    if (!first)
      check(got, it->second, index, dim);
  }
}

Value Wrapper::makeMemRef(Value args, int64_t index, MemRefType type) {
  Type i64 = builder.getI64Type();
  Type descriptorType = converter.convertType(type);
  Value descriptor = LLVM::PoisonOp::create(builder, loc, descriptorType);
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(builder, loc, descriptor, value,
                                             position);
  };
  Value data = load(pointer, field(args, index, kData));
  insert(data, {0});
  insert(data, {1});
  insert(constant(i64, 0), {2});
  Value stride = constant(i64, 1);
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    Value size = type.isDynamicDim(dim)
                     ? load(i64, field(args, index, kDims, dim))
                     : constant(i64, type.getDimSize(dim));
    insert(size, {3, dim});
    insert(stride, {4, dim});
    if (dim)
      stride = LLVM::MulOp::create(builder, loc, stride, size);
  }
  return UnrealizedConversionCastOp::create(builder, loc, type, descriptor)
      .getResult(0);
}

void Wrapper::writeResult(Value results, int64_t index, Value result) {
  auto store = [&](Value value, Value address) {
    LLVM::StoreOp::create(builder, loc, value, address);
  };
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  auto dtype = entry.getResultAttrOfType<StringAttr>(index, SpikingDialect::kDTypeAttrName);
  store(constant(i32, getDType(dtype.getValue())),
        field(results, index, kDType));
  auto type = cast<MemRefType>(result.getType());
  store(constant(i32, type.getRank()), field(results, index, kRank));
  Value descriptor =
      UnrealizedConversionCastOp::create(builder, loc,
                                         converter.convertType(type), result)
          .getResult(0);
  auto extract = [&](ArrayRef<int64_t> position) {
    return LLVM::ExtractValueOp::create(builder, loc, descriptor, position);
  };
  store(extract({1}), field(results, index, kData));
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    Value size = type.isDynamicDim(dim)
                     ? Value(extract({3, dim}))
                     : constant(i64, type.getDimSize(dim));
    store(size, field(results, index, kDims, dim));
  }
}

LogicalResult Wrapper::build() {
  auto module = entry->getParentOfType<ModuleOp>();
  for (Type type : llvm::concat<const Type>(entry.getArgumentTypes(),
                                            entry.getResultTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!type.isIndex() && !(memref && memref.getLayout().isIdentity()))
      return entry.emitOpError("an entry point takes and gives indices and "
                               "dense row-major buffers, got ")
             << type;
  }
  for (Type type : entry.getResultTypes())
    if (type.isIndex())
      return entry.emitOpError("an entry point cannot return an index");

  builder.setInsertionPointAfter(entry);
  wrapper = func::FuncOp::create(
      builder, loc, symbol,
      builder.getFunctionType({pointer, pointer}, builder.getI32Type()));
  Block *block = wrapper.addEntryBlock();
  args = block->getArgument(0);
  results = block->getArgument(1);
  builder.setInsertionPointToStart(block);
  std::string nameSymbol = (symbol + "_name").str();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    std::string text = entry.getName().str();
    text.push_back('\0');
    LLVM::GlobalOp::create(
        builder, loc,
        LLVM::LLVMArrayType::get(builder.getI8Type(), text.size()),
        /*isConstant=*/true, LLVM::Linkage::Internal, nameSymbol,
        builder.getStringAttr(text));
  }
  name = LLVM::AddressOfOp::create(builder, loc, pointer, nameSymbol);

  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes()))
    checkArgument(i, type);
  SmallVector<Value> operands;
  for (auto [i, type] : llvm::enumerate(entry.getArgumentTypes())) {
    if (auto memref = dyn_cast<MemRefType>(type)) {
      operands.push_back(makeMemRef(args, i, memref));
      continue;
    }
    Value number =
        load(builder.getI64Type(), load(pointer, field(args, i, kData)));
    operands.push_back(arith::IndexCastOp::create(
        builder, loc, builder.getIndexType(), number));
  }
  auto call = func::CallOp::create(builder, loc, entry, operands);
  for (auto [i, result] : llvm::enumerate(call.getResults()))
    writeResult(results, i, result);
  Value status = constant(builder.getI32Type(), RB_OK);
  func::ReturnOp::create(builder, loc, status);
  return success();
}

/// Returned buffers must be the caller's: allocated by this function, returned
/// once, and not an argument, unless the argument was donated for it.
static void ownResults(func::FuncOp entry) {
  for (Block &block : entry.getBody()) {
    auto ret = dyn_cast<func::ReturnOp>(block.getTerminator());
    if (!ret)
      continue;
    llvm::SmallPtrSet<Operation *, 8> taken;
    OpBuilder builder(ret);
    for (OpOperand &operand : ret->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type || entry.getResultAttr(operand.getOperandNumber(),
                                       SpikingDialect::kAliasesAttrName))
        continue;
      Value root = operand.get();
      while (auto view = root.getDefiningOp<ViewLikeOpInterface>())
        root = view.getViewSource();
      auto alloc = root.getDefiningOp<memref::AllocOp>();
      if (alloc && taken.insert(alloc).second)
        continue;
      SmallVector<Value> sizes;
      for (int64_t dim = 0; dim < type.getRank(); ++dim)
        if (type.isDynamicDim(dim))
          sizes.push_back(memref::DimOp::create(builder, ret.getLoc(),
                                                operand.get(), dim));
      Value copy =
          memref::AllocOp::create(builder, ret.getLoc(), type, sizes);
      memref::CopyOp::create(builder, ret.getLoc(), operand.get(), copy);
      operand.set(copy);
    }
  }
}

namespace {
struct WrapEntriesPass : rheobase::impl::WrapEntriesPassBase<WrapEntriesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto moduleName = module->getAttrOfType<StringAttr>(SpikingDialect::kModuleNameAttrName);
    if (!moduleName) {
      module.emitError("expected a module that spiking-describe-entries has "
                       "described, got one without ")
          << SpikingDialect::kModuleNameAttrName;
      return signalPassFailure();
    }
    // Our allocator aligns; an alignment of the operation would make the
    // pointer that is returned differ from the one that must be freed.
    module.walk([](memref::AllocOp alloc) { alloc.removeAlignmentAttr(); });

    SmallVector<func::FuncOp> entries;
    for (auto func : module.getOps<func::FuncOp>())
      if (func.isPublic() && !func.isDeclaration())
        entries.push_back(func);
    OpBuilder builder(module.getBodyRegion());
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
    if (!entries.empty() && !module.lookupSymbol(kShapeErrorName))
      func::FuncOp::create(
          builder, module.getLoc(), kShapeErrorName,
          builder.getFunctionType({pointer, i32, i32, i64, i64}, {}))
          .setPrivate();
    for (func::FuncOp entry : entries) {
      for (unsigned i = 0; i < entry.getNumArguments(); ++i)
        if (!entry.getArgAttr(i, SpikingDialect::kDimsAttrName)) {
          entry.emitOpError("argument ")
              << i << " was not described by spiking-describe-entries";
          return signalPassFailure();
        }
      for (unsigned i = 0; i < entry.getNumResults(); ++i)
        if (!entry.getResultAttr(i, SpikingDialect::kDimsAttrName)) {
          entry.emitOpError("result ")
              << i << " was not described by spiking-describe-entries";
          return signalPassFailure();
        }
      ownResults(entry);
      std::string symbol = getEntrySymbol(moduleName.getValue(),
                                          entry.getName());
      if (failed(Wrapper(entry, symbol).build()))
        return signalPassFailure();
      entry.setPrivate();
    }
  }
};
} // namespace
