//===- OperationsTest.cpp - Every operation, compiled ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// test/Dialect/Spiking/ops.mlir is the table of all operations with all their
// attributes. Each becomes a function of its operands, which runs in the
// interpreter and as compiled code: bit for bit the same, its gradient too.
//
//===----------------------------------------------------------------------===//

#include "CompiledTest.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/Differentiate.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace rheobase::test {
namespace {

/// Every dynamic extent, number of steps and index.
constexpr int64_t kExtent = 3;

class OperationsTest : public CompiledTest {
protected:
  /// A function of the operands of `op`, and of what its regions use from
  /// outside, constants aside. Null where a value cannot enter or leave.
  func::FuncOp wrap(Operation *op, ModuleOp target, std::string name);
  /// The functions of the operations in `module` that `filter` takes.
  OwningOpRef<ModuleOp> collect(ModuleOp module,
                                function_ref<bool(Operation *)> filter);
  Tensor draw(Type type, bool isPositive);
  SmallVector<Tensor> drawArguments(func::FuncOp function);
  /// Adds the gradient of each function; how many there are.
  int64_t differentiate(ModuleOp functions);
  /// Runs all functions both ways.
  void check(ModuleOp functions);

  OwningOpRef<ModuleOp> readTable() {
    return parseSourceFile<ModuleOp>(
        RHEOBASE_SOURCE_DIR "/test/Dialect/Spiking/ops.mlir", &context);
  }

  std::mt19937_64 random{7};
  llvm::StringSet<> compared;
};

} // namespace

/// Scalars and vectors of a table are lanes: as a tensor they can enter.
static Type getEntryType(Type type) {
  if (isa<FloatType>(type))
    return RankedTensorType::get({kExtent, 11}, type);
  if (auto vector = dyn_cast<VectorType>(type))
    return RankedTensorType::get({kExtent, vector.getDimSize(0)},
                                 vector.getElementType());
  return type;
}

func::FuncOp OperationsTest::wrap(Operation *op, ModuleOp target,
                                  std::string name) {
  SetVector<Value> inside;
  for (Region &region : op->getRegions())
    getUsedValuesDefinedAbove(region, inside);
  SmallVector<Value> constants, captured;
  for (Value value : inside)
    (value.getDefiningOp() &&
             value.getDefiningOp()->hasTrait<OpTrait::ConstantLike>()
         ? constants
         : captured)
        .push_back(value);
  SmallVector<Type> types, resultTypes;
  for (Type type : op->getOperandTypes())
    types.push_back(getEntryType(type));
  for (Value value : captured)
    types.push_back(value.getType());
  bool isLane = !op->getNumRegions() && op->getNumOperands() &&
                types.front() != op->getOperand(0).getType();
  for (Type type : op->getResultTypes()) {
    auto first = dyn_cast<RankedTensorType>(types.empty() ? Type() : types[0]);
    resultTypes.push_back(
        isLane ? RankedTensorType::get(first.getShape(),
                                       getElementTypeOrSelf(type))
               : type);
  }
  for (ArrayRef<Type> all : {ArrayRef(types), ArrayRef(resultTypes)})
    for (Type type : all)
      if (!isa<RankedTensorType, IndexType>(type))
        return {};
  OpBuilder builder(target.getBodyRegion());
  builder.setInsertionPointToEnd(target.getBody());
  auto function = func::FuncOp::create(
      builder, op->getLoc(), name, builder.getFunctionType(types, resultTypes));
  builder.setInsertionPointToStart(function.addEntryBlock());
  IRMapping mapping;
  for (Value constant : constants)
    builder.clone(*constant.getDefiningOp(), mapping);
  for (auto [value, argument] : llvm::zip(
           captured, function.getArguments().drop_front(op->getNumOperands())))
    mapping.map(value, argument);
  Operation *copy = builder.clone(*op, mapping);
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    copy->setOperand(i, function.getArgument(i));
  for (auto [result, type] : llvm::zip(copy->getResults(), resultTypes))
    result.setType(type);
  func::ReturnOp::create(builder, op->getLoc(), copy->getResults());
  EXPECT_TRUE(succeeded(verify(function))) << messages;
  return function;
}

OwningOpRef<ModuleOp>
OperationsTest::collect(ModuleOp module,
                        function_ref<bool(Operation *)> filter) {
  OwningOpRef<ModuleOp> functions = ModuleOp::create(module.getLoc());
  int64_t count = 0;
  for (auto source : module.getOps<func::FuncOp>())
    for (Operation &op : source.getOps())
      if (isa_and_present<SpikingDialect>(op.getDialect()) &&
          op.getNumResults() && filter(&op))
        if (func::FuncOp function = wrap(&op, *functions,
                                         op.getName().stripDialect().str() +
                                             "_" + std::to_string(count)))
          ++count;
  return functions;
}

Tensor OperationsTest::draw(Type type, bool isPositive) {
  SmallVector<int64_t> shape;
  if (auto shaped = dyn_cast<RankedTensorType>(type))
    for (int64_t extent : shaped.getShape())
      shape.push_back(ShapedType::isDynamic(extent) ? kExtent : extent);
  ElementKind kind = *reference::getElementKind(getElementTypeOrSelf(type));
  Tensor tensor(kind, shape);
  for (reference::Scalar &element : tensor.elements) {
    int64_t bits = int64_t(random() >> 44);
    double value = double(bits - (1 << 19)) / double(1 << 18);
    switch (kind) {
    case ElementKind::Index:
    case ElementKind::I64:
      element = reference::Scalar::ofInteger(kExtent);
      break;
    case ElementKind::I1:
      element = reference::Scalar::ofNumber(bits % 3 == 0);
      break;
    case ElementKind::I8:
    case ElementKind::I16:
    case ElementKind::I32:
      element = reference::Scalar::ofNumber(double(bits % 3));
      break;
    default:
      element = reference::Scalar::ofNumber(reference::roundTo(
          kind, isPositive ? std::fabs(value) + 0.0625 : value));
    }
  }
  return tensor;
}

SmallVector<Tensor> OperationsTest::drawArguments(func::FuncOp function) {
  // Variances and second moments are not negative.
  bool isPositive = false;
  function.walk([&](Operation *op) {
    isPositive |= isa<BatchNormOp, BatchNormGradientOp, AdamOp>(op);
  });
  SmallVector<Tensor> arguments;
  for (Type type : function.getArgumentTypes())
    arguments.push_back(draw(type, isPositive));
  return arguments;
}

int64_t OperationsTest::differentiate(ModuleOp functions) {
  int64_t count = 0;
  for (func::FuncOp function :
       llvm::to_vector(functions.getOps<func::FuncOp>())) {
    Operation &op = function.getBody().front().front();
    SmallVector<unsigned> with;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
      if (isa<FloatType>(getElementTypeOrSelf(type)))
        with.push_back(unsigned(i));
    bool hasRegion = isa<ScanOp, TimeLoopOp>(op);
    if (with.empty() || !(hasRegion || isa<DifferentiableOpInterface>(op)) ||
        (isa<ScanOp>(op) && !cast<ScanOp>(op).getReplay().empty()))
      continue;
    // Statistics have no gradient.
    if (isa<BatchNormOp>(op)) {
      func::FuncOp whole = function;
      function = whole.clone();
      function.setName((whole.getName() + "_normalized").str());
      functions.push_back(function);
      Operation *end = function.getBody().front().getTerminator();
      end->setOperands(end->getOperand(0));
      function.setFunctionType(FunctionType::get(
          &context, function.getArgumentTypes(), end->getOperandTypes()));
    }
    auto gradient = differentiateFunction(
        function, (function.getName() + "_gradient").str(), with);
    EXPECT_TRUE(succeeded(gradient)) << messages;
    count += succeeded(gradient);
  }
  return count;
}

void OperationsTest::check(ModuleOp functions) {
  struct Run {
    func::FuncOp function;
    SmallVector<Tensor> arguments, expected;
  };
  std::vector<Run> runs;
  for (auto function : functions.getOps<func::FuncOp>()) {
    SCOPED_TRACE(function.getName().str());
    function.walk(
        [&](Operation *op) { compared.insert(op->getName().getStringRef()); });
    SmallVector<Tensor> arguments = drawArguments(function);
    auto expected = reference::run(function, arguments);
    ASSERT_TRUE(succeeded(expected)) << messages;
    runs.push_back({function, arguments, *expected});
  }
  for (CPUInstructionSet isa : getInstructionSets()) {
    SCOPED_TRACE(nameOf(isa));
    auto program = compile(functions, isa);
    ASSERT_TRUE(program) << messages;
    for (Run &run : runs) {
      SCOPED_TRACE(run.function.getName().str());
      expectEqual(run.expected, call(*program, run.function, run.arguments));
    }
  }
}

/// What stands for itself only inside another operation.
static bool isPart(StringRef name) {
  return name == "spiking.yield" || name == "spiking.time_step";
}

TEST_F(OperationsTest, EveryOperation) {
  OwningOpRef<ModuleOp> table = readTable();
  ASSERT_TRUE(table) << messages;
  auto isNeuronOrFire = [](Operation *op) {
    return isa<FireOp, NeuronOpInterface>(op);
  };
  OwningOpRef<ModuleOp> functions =
      collect(*table, [&](Operation *op) { return !isNeuronOrFire(op); });
  EXPECT_GT(differentiate(*functions), 20);
  check(*functions);
  functions = collect(*table, isNeuronOrFire);
  EXPECT_GT(differentiate(*functions), 20);
  check(*functions);
  // The table is complete.
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (isa<SpikingDialect>(op.getDialect()) && !isPart(op.getStringRef()))
      EXPECT_TRUE(compared.contains(op.getStringRef()))
          << op.getStringRef().str() << " is not in ops.mlir, or cannot run";
}

// Products of 16-bit floats that are large enough for the blocked code.
TEST_F(OperationsTest, LargeProductsOfNarrowFloats) {
  OwningOpRef<ModuleOp> functions = parseSourceString<ModuleOp>(
      R"mlir(
    func.func @bf16(%x: tensor<64x96xbf16>, %w: tensor<96x200xbf16>) -> tensor<64x200xbf16> {
      %y = spiking.linear %x, %w : (tensor<64x96xbf16>, tensor<96x200xbf16>) -> tensor<64x200xbf16>
      return %y : tensor<64x200xbf16>
    }
    func.func @f16(%x: tensor<64x96xf16>, %w: tensor<96x200xf16>) -> tensor<64x200xf16> {
      %y = spiking.linear %x, %w : (tensor<64x96xf16>, tensor<96x200xf16>) -> tensor<64x200xf16>
      return %y : tensor<64x200xf16>
    })mlir",
      &context);
  ASSERT_TRUE(functions) << messages;
  check(*functions);
}

} // namespace rheobase::test
