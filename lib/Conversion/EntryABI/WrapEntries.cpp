//===- WrapEntries.cpp - Entry points with the ABI of generated code ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Wraps every planned function in a function of the ABI (rheobase/abi.h), which
// checks the arguments, allocates results and arena, and calls it.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Target/Manifest.h"
#include "rheobase/abi.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringSwitch.h"
#include <cstddef>

namespace rheobase {
#define GEN_PASS_DEF_WRAPENTRIESPASS
#include "rheobase/Conversion/Passes.h.inc"
} // namespace rheobase

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// The rb_dtype of the manifest's name of an element type.
static std::optional<int32_t> getElementType(StringRef name) {
  return llvm::StringSwitch<std::optional<int32_t>>(name)
      .Case("bool", RB_BOOL)
      .Case("i8", RB_I8)
      .Case("i32", RB_I32)
      .Case("i64", RB_I64)
      .Case("f16", RB_F16)
      .Case("bf16", RB_BF16)
      .Case("f32", RB_F32)
      .Case("f64", RB_F64)
      .Default(std::nullopt);
}

namespace {

/// Builds the entry point of one function.
class EntryBuilder {
public:
  EntryBuilder(ModuleOp module, StringRef moduleName, func::FuncOp function)
      : module(module), moduleName(moduleName), function(function),
        b(function.getLoc(), module.getContext()),
        converter(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i32(b.getI32Type()), i64(b.getI64Type()) {}

  LogicalResult run();

private:
  /// A parameter of the function: an argument of the entry point, a result
  /// that is not donated, or the arena.
  struct Parameter {
    MemRefType memory; // null: an index
    int32_t dtype = 0;
    ArrayAttr dims; // null: the arena
    StringAttr extent;
    int64_t result = -1;
    int64_t rank() const { return dims.size(); }
  };

  LogicalResult readSignature();
  LLVM::LLVMFuncOp declare(StringRef name, Type result,
                           ArrayRef<Type> arguments);
  Value entryName();
  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, type, b.getIntegerAttr(type, value));
  }
  /// A field of tensor `index` of an array of rb_tensor.
  Value address(Value tensors, int64_t index, size_t offset) {
    int64_t bytes = index * int64_t(sizeof(rb_tensor)) + int64_t(offset);
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), tensors,
                               ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
  }
  Value load(Type type, Value tensors, int64_t index, size_t offset) {
    return LLVM::LoadOp::create(b, type, address(tensors, index, offset));
  }
  void store(Value value, Value tensors, int64_t index, size_t offset) {
    LLVM::StoreOp::create(b, value, address(tensors, index, offset));
  }
  static size_t extentOffset(int64_t dim) {
    return offsetof(rb_tensor, dims) + dim * sizeof(int64_t);
  }
  Block *addBlock(TypeRange arguments = {}) {
    Block *block = new Block;
    entry.getBody().push_back(block);
    for (Type type : arguments)
      block->addArgument(type, b.getLoc());
    return block;
  }
  /// Goes on if `holds`, else to `otherwise`.
  void require(Value holds, Block *otherwise, ValueRange operands) {
    Block *next = addBlock();
    cf::CondBranchOp::create(b, holds, next, ValueRange(), otherwise, operands);
    b.setInsertionPointToEnd(next);
  }
  /// `dim` as for rheobase_rt_shape_error; `expected` and `got` are i64.
  void requireShape(Value holds, int64_t argument, int64_t dim, Value expected,
                    Value got) {
    require(holds, shapeError,
            {constant(i32, argument), constant(i32, dim), expected, got});
  }
  void requireEqual(int64_t argument, int64_t dim, Value expected, Value got) {
    Value holds =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, expected, got);
    requireShape(holds, argument, dim, expected, got);
  }
  void requireNotNegative(int64_t argument, int64_t dim, Value got) {
    Value zero = constant(i64, 0);
    Value holds =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sge, got, zero);
    requireShape(holds, argument, dim, zero, got);
  }
  void buildShapeError();
  void checkArgument(int64_t index);
  /// A buffer of `type` at an address with these extents.
  Value makeBuffer(MemRefType type, Value data, ValueRange extents);
  void returnStatus(int64_t status) {
    func::ReturnOp::create(b, constant(i32, status));
  }

  ModuleOp module;
  StringRef moduleName;
  func::FuncOp function, entry;
  ImplicitLocOpBuilder b;
  LLVMTypeConverter converter;
  Type pointer, i32, i64;
  Block *shapeError = nullptr;
  Value args, results;
  SmallVector<Parameter> parameters;
  int64_t numArguments = 0;
  /// The extents of the arguments; what names stand for.
  SmallVector<SmallVector<Value>> extents;
  llvm::StringMap<Value> named;
};

} // namespace

LogicalResult EntryBuilder::readSignature() {
  auto sizes = module.lookupSymbol<func::FuncOp>(
      function->getAttrOfType<FlatSymbolRefAttr>(kSizesAttrName));
  if (!sizes)
    return function.emitOpError("has no function that computes its sizes");
  numArguments = sizes.getNumArguments();
  for (BlockArgument argument : function.getArguments()) {
    unsigned index = argument.getArgNumber();
    Parameter &parameter = parameters.emplace_back();
    parameter.memory = dyn_cast<MemRefType>(argument.getType());
    if (!argument.getType().isIndex() &&
        (!parameter.memory || !parameter.memory.getLayout().isIdentity()))
      return function.emitOpError("an entry point takes and gives indices and "
                                  "dense row-major buffers, got ")
             << argument.getType();
    if (function.getArgAttr(index, kArenaAttrName))
      continue;
    auto dtype = function.getArgAttrOfType<StringAttr>(
        index, SpikingDialect::kDTypeAttrName);
    parameter.dims = function.getArgAttrOfType<ArrayAttr>(
        index, SpikingDialect::kDimsAttrName);
    std::optional<int32_t> elementType;
    if (dtype)
      elementType = getElementType(dtype);
    if (!elementType || !parameter.dims)
      return function.emitOpError("argument ")
             << index << " was not described by spiking-describe-entries";
    parameter.dtype = *elementType;
    parameter.extent =
        function.getArgAttrOfType<StringAttr>(index, kExtentAttrName);
    if (auto result =
            function.getArgAttrOfType<IntegerAttr>(index, kResultAttrName))
      parameter.result = result.getInt();
  }
  return success();
}

LLVM::LLVMFuncOp EntryBuilder::declare(StringRef name, Type result,
                                       ArrayRef<Type> arguments) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  return LLVM::LLVMFuncOp::create(
      b, name, LLVM::LLVMFunctionType::get(result, arguments));
}

/// The address of the function's name, for messages.
Value EntryBuilder::entryName() {
  std::string symbol = ("rheobase_name_" + function.getName()).str();
  if (!module.lookupSymbol(symbol)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    std::string text = function.getName().str() + '\0';
    LLVM::GlobalOp::create(b,
                           LLVM::LLVMArrayType::get(b.getI8Type(), text.size()),
                           /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
                           b.getStringAttr(text));
  }
  return LLVM::AddressOfOp::create(b, pointer, symbol);
}

void EntryBuilder::buildShapeError() {
  OpBuilder::InsertionGuard guard(b);
  Type none = LLVM::LLVMVoidType::get(b.getContext());
  shapeError = addBlock({i32, i32, i64, i64});
  b.setInsertionPointToEnd(shapeError);
  SmallVector<Value> operands{entryName()};
  llvm::append_range(operands, shapeError->getArguments());
  LLVM::CallOp::create(
      b,
      declare("rheobase_rt_shape_error", none, {pointer, i32, i32, i64, i64}),
      operands);
  returnStatus(RB_INVALID_ARGUMENT);
}

void EntryBuilder::checkArgument(int64_t index) {
  const Parameter &parameter = parameters[index];
  auto requireField = [&](int64_t dim, int64_t expected, size_t offset) {
    Value got = arith::ExtSIOp::create(b, i64, load(i32, args, index, offset));
    requireEqual(index, dim, constant(i64, expected), got);
  };
  requireField(-2, parameter.dtype, offsetof(rb_tensor, dtype));
  requireField(-1, parameter.rank(), offsetof(rb_tensor, rank));
  for (int64_t dim = 0; dim < parameter.rank(); ++dim) {
    Value extent = load(i64, args, index, extentOffset(dim));
    extents[index].push_back(extent);
    if (auto number = dyn_cast<IntegerAttr>(parameter.dims[dim])) {
      requireEqual(index, dim, constant(i64, number.getInt()), extent);
      continue;
    }
    StringRef name = cast<StringAttr>(parameter.dims[dim]).getValue();
    if (name != "?") {
      auto [known, isNew] = named.try_emplace(name, extent);
      if (!isNew) {
        requireEqual(index, dim, known->second, extent);
        continue;
      }
    }
    requireNotNegative(index, dim, extent);
  }
}

Value EntryBuilder::makeBuffer(MemRefType type, Value data,
                               ValueRange extents) {
  auto descriptor =
      MemRefDescriptor::poison(b, b.getLoc(), converter.convertType(type));
  descriptor.setAllocatedPtr(b, b.getLoc(), data);
  descriptor.setAlignedPtr(b, b.getLoc(), data);
  descriptor.setConstantOffset(b, b.getLoc(), 0);
  Value stride = constant(i64, 1);
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    descriptor.setSize(b, b.getLoc(), dim, extents[dim]);
    descriptor.setStride(b, b.getLoc(), dim, stride);
    stride = arith::MulIOp::create(b, stride, extents[dim]);
  }
  return UnrealizedConversionCastOp::create(b, TypeRange(type),
                                            Value(descriptor))
      .getResult(0);
}

LogicalResult EntryBuilder::run() {
  if (failed(readSignature()))
    return failure();
  b.setInsertionPointAfter(function);
  std::string symbol = getEntrySymbol(moduleName, function.getName());
  if (module.lookupSymbol(symbol))
    return function.emitOpError("its entry point cannot be called ")
           << symbol << ": this name is taken";
  entry = func::FuncOp::create(b, symbol,
                               b.getFunctionType({pointer, pointer}, i32));
  Block *body = entry.addEntryBlock();
  args = body->getArgument(0);
  results = body->getArgument(1);
  b.setInsertionPointToEnd(body);
  buildShapeError();

  // What scalar arguments say is checked by the extents that follow.
  extents.resize(numArguments);
  for (int64_t index = 0; index < numArguments; ++index)
    if (parameters[index].extent)
      checkArgument(index);
  for (int64_t index = 0; index < numArguments; ++index) {
    StringAttr name = parameters[index].extent;
    if (!name)
      continue;
    Value data = load(pointer, args, index, offsetof(rb_tensor, data));
    Value number = LLVM::LoadOp::create(b, i64, data);
    requireNotNegative(index, 0, number);
    named.try_emplace(name, number);
  }
  for (int64_t index = 0; index < numArguments; ++index)
    if (!parameters[index].extent)
      checkArgument(index);

  SmallVector<Value> operands;
  for (int64_t index = 0; index < numArguments; ++index) {
    Value data = load(pointer, args, index, offsetof(rb_tensor, data));
    if (MemRefType type = parameters[index].memory)
      operands.push_back(makeBuffer(type, data, extents[index]));
    else
      operands.push_back(arith::IndexCastOp::create(
          b, b.getIndexType(), LLVM::LoadOp::create(b, i64, data)));
  }

  // Memory for results and arena, all of it or none.
  auto sizes = module.lookupSymbol<func::FuncOp>(
      function->getAttrOfType<FlatSymbolRefAttr>(kSizesAttrName));
  auto call = func::CallOp::create(b, sizes, operands);
  SmallVector<Value> numbers;
  for (Value number : call.getResults())
    numbers.push_back(arith::IndexCastOp::create(b, i64, number));
  LLVM::LLVMFuncOp allocate = declare("rheobase_rt_alloc", pointer, {i64});
  LLVM::LLVMFuncOp release = declare(
      "rheobase_rt_free", LLVM::LLVMVoidType::get(b.getContext()), {pointer});
  SmallVector<Value> memory;
  SmallVector<SmallVector<Value>> resultExtents, memoryExtents;
  ArrayRef<Value> rest = ArrayRef(numbers).drop_front();
  for (const Parameter &parameter :
       ArrayRef(parameters).drop_front(numArguments)) {
    Value bytes = numbers.front();
    if (parameter.dims) {
      int64_t rank = parameter.rank();
      resultExtents.emplace_back(rest.take_front(rank));
      rest = rest.drop_front(rank);
      rank = parameter.memory.getRank();
      memoryExtents.emplace_back(rest.take_front(rank));
      rest = rest.drop_front(rank);
      bytes = constant(
          i64, llvm::divideCeil(parameter.memory.getElementTypeBitWidth(), 8));
      for (Value extent : memoryExtents.back())
        bytes = arith::MulIOp::create(b, bytes, extent);
    } else {
      memoryExtents.push_back({bytes});
    }
    memory.push_back(LLVM::CallOp::create(b, allocate, bytes).getResult());
  }
  Value null = LLVM::ZeroOp::create(b, pointer);
  Value complete = constant(b.getI1Type(), 1);
  for (Value data : memory) {
    Value there = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, data, null);
    complete = arith::AndIOp::create(b, complete, there);
  }
  Block *outOfMemory = addBlock();
  require(complete, outOfMemory, {});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(outOfMemory);
    for (Value data : memory)
      LLVM::CallOp::create(b, release, data);
    returnStatus(RB_OUT_OF_MEMORY);
  }

  for (auto [parameter, data, extent] :
       llvm::zip_equal(ArrayRef(parameters).drop_front(numArguments), memory,
                       memoryExtents))
    operands.push_back(makeBuffer(parameter.memory, data, extent));
  func::CallOp::create(b, function, operands);

  // The results as the caller sees them.
  auto describe = [&](const Parameter &parameter, Value data,
                      ArrayRef<Value> extent) {
    store(data, results, parameter.result, offsetof(rb_tensor, data));
    store(constant(i32, parameter.dtype), results, parameter.result,
          offsetof(rb_tensor, dtype));
    store(constant(i32, parameter.rank()), results, parameter.result,
          offsetof(rb_tensor, rank));
    for (auto [dim, value] : llvm::enumerate(extent))
      store(value, results, parameter.result, extentOffset(dim));
  };
  for (int64_t index = 0; index < numArguments; ++index)
    if (parameters[index].result >= 0)
      describe(parameters[index],
               load(pointer, args, index, offsetof(rb_tensor, data)),
               extents[index]);
  int64_t number = 0;
  for (auto [parameter, data] :
       llvm::zip_equal(ArrayRef(parameters).drop_front(numArguments), memory)) {
    if (parameter.dims)
      describe(parameter, data, resultExtents[number++]);
    else
      LLVM::CallOp::create(b, release, data);
  }
  returnStatus(RB_OK);
  function.setPrivate();
  // The wrapper has read them, and LLVM has no place for them.
  // Below, only what is the memory of a result is still of interest.
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Attribute result = function.getArgAttr(i, kResultAttrName);
    function.setArgAttrs(
        i, result ? b.getDictionaryAttr(b.getNamedAttr(kResultAttrName, result))
                  : b.getDictionaryAttr({}));
  }
  function.removeResAttrsAttr();
  return success();
}

namespace {
struct WrapEntriesPass : rheobase::impl::WrapEntriesPassBase<WrapEntriesPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto moduleName =
        module->getAttrOfType<StringAttr>(SpikingDialect::kModuleNameAttrName);
    if (!moduleName) {
      module.emitError("expected a module that spiking-describe-entries has "
                       "described, got one without ")
          << SpikingDialect::kModuleNameAttrName;
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> planned;
    for (auto function : module.getOps<func::FuncOp>()) {
      if (function.isExternal() || !function.isPublic())
        continue;
      if (!function->hasAttr(kSizesAttrName)) {
        function.emitOpError("is not an entry point that spiking-plan-memory "
                             "has planned");
        return signalPassFailure();
      }
      planned.push_back(function);
    }
    for (func::FuncOp function : planned)
      if (failed(EntryBuilder(module, moduleName, function).run()))
        return signalPassFailure();
    // Nothing but entry points is seen from outside.
    for (auto function : module.getOps<func::FuncOp>())
      if (function.isPrivate() && !function.isExternal())
        function->setAttr(
            "llvm.linkage",
            LLVM::LinkageAttr::get(&getContext(), LLVM::Linkage::Internal));
  }
};
} // namespace
