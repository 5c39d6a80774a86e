//===- SpikingDialect.cpp - The spiking dialect -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace rheobase::spiking;

#include "rheobase/Dialect/Spiking/IR/SpikingDialect.cpp.inc"
#include "rheobase/Dialect/Spiking/Interfaces/SpikingInterfaces.cpp.inc"

AdjointContext::~AdjointContext() = default;

namespace {
/// Everything is pure, so everything may be inlined.
struct SpikingInlinerInterface : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final {
    return true;
  }
  bool isLegalToInline(Region *, Region *, bool, IRMapping &) const final {
    return true;
  }
};
} // namespace

void SpikingDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "rheobase/Dialect/Spiking/IR/SpikingOps.cpp.inc"
      >();
  addInterfaces<SpikingInlinerInterface>();
}

Operation *SpikingDialect::materializeConstant(OpBuilder &builder,
                                               Attribute value, Type type,
                                               Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

//===----------------------------------------------------------------------===//
// Attributes on operations of the dialect
//===----------------------------------------------------------------------===//

LogicalResult
rheobase::spiking::detail::verifyKnownAttributes(Operation *op) {
  for (NamedAttribute attribute : op->getDiscardableAttrs()) {
    StringRef name = attribute.getName();
    // A dot marks another dialect's attribute, underscores a pass's own mark.
    if (name.contains('.') || name.starts_with("__"))
      continue;
    InFlightDiagnostic diag = op->emitOpError("has no attribute '")
                              << name << "'";
    StringRef nearest;
    unsigned distance = 3;
    for (StringAttr known : op->getName().getAttributeNames()) {
      unsigned d = name.edit_distance(known.strref(), true, distance);
      if (d < distance) {
        nearest = known.strref();
        distance = d;
      }
    }
    if (!nearest.empty())
      diag << "; did you mean '" << nearest << "'?";
    return diag << " (spiking_c1)";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Attributes on functions, their arguments and results
//===----------------------------------------------------------------------===//

static constexpr StringLiteral kPersistentRoles[] = {"parameter", "optimizer",
                                                     "state"};
static constexpr StringLiteral kArgumentRoles[] = {
    "parameter",  "optimizer",     "state", "input", "label",
    "time_steps", "learning_rate", "seed",  "step"};
static constexpr StringLiteral kResultRoles[] = {
    "parameter", "optimizer", "state", "loss", "metric", "output"};

static bool isScalarTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.getRank() == 0;
}

/// training_c3, training_c4
static LogicalResult verifyTraining(Operation *op, Attribute attribute) {
  auto training = dyn_cast<TrainingAttr>(attribute);
  if (!training)
    return op->emitOpError("expected spiking.training to be a "
                           "#spiking.training attribute, got ")
           << attribute << " (training_c3)";
  auto forward = dyn_cast<FunctionOpInterface>(op);
  if (!forward || forward.isExternal())
    return op->emitOpError("spiking.training stands on a function with a body "
                           "(training_c3)");
  FlatSymbolRefAttr symbol = training.getLoss();
  auto loss =
      SymbolTable::lookupNearestSymbolFrom<FunctionOpInterface>(op, symbol);
  if (!loss)
    return op->emitOpError("there is no loss function ")
           << symbol << " (training_c4)";
  // Results that update an argument, and those that are no outputs (of a
  // training step), are not passed to the loss function.
  SmallVector<Type> outputs;
  for (auto [i, type] : llvm::enumerate(forward.getResultTypes())) {
    auto role = forward.getResultAttrOfType<StringAttr>(
        i, SpikingDialect::kRoleAttrName);
    if (!forward.getResultAttr(i, SpikingDialect::kAliasesAttrName) &&
        (!role || role == "output"))
      outputs.push_back(type);
  }
  ArrayRef<Type> arguments = loss.getArgumentTypes();
  if (arguments.size() <= outputs.size() ||
      arguments.take_front(outputs.size()) != ArrayRef(outputs)) {
    InFlightDiagnostic diag =
        op->emitOpError("the loss function ")
        << symbol << " must take the results (" << outputs
        << ") and the labels, but takes (" << arguments << ") (training_c4)";
    diag.attachNote(loss.getLoc()) << "the loss function";
    return diag;
  }
  ArrayRef<Type> losses = loss.getResultTypes();
  if (losses.empty() || !llvm::all_of(losses, isScalarTensor) ||
      !isa<FloatType>(getElementTypeOrSelf(losses.front()))) {
    InFlightDiagnostic diag =
        op->emitOpError("the loss function ")
        << symbol << " must return a scalar float tensor and scalar metrics, "
        << "but returns (" << losses << ") (training_c4)";
    diag.attachNote(loss.getLoc()) << "the loss function";
    return diag;
  }
  return success();
}

LogicalResult SpikingDialect::verifyOperationAttribute(Operation *op,
                                                       NamedAttribute attr) {
  if (attr.getName() == kTrainingAttrName)
    return verifyTraining(op, attr.getValue());
  if (attr.getName() == kManifestAttrName ||
      attr.getName() == kModuleNameAttrName) {
    // spiking_c3
    if (!isa<ModuleOp>(op) || !isa<StringAttr>(attr.getValue()))
      return op->emitOpError()
             << attr.getName().getValue()
             << " is a string and belongs to a module (spiking_c3)";
    return success();
  }
  if (attr.getName() == kSpikesAttrName) {
    // spiking_c4
    auto numbers = dyn_cast<DenseI64ArrayAttr>(attr.getValue());
    auto isOfBytes = [&](int64_t number) {
      return number >= 0 && number < op->getNumOperands() &&
             getElementTypeOrSelf(op->getOperand(number).getType())
                 .isInteger(8);
    };
    if (!numbers || !llvm::all_of(numbers.asArrayRef(), isOfBytes))
      return op->emitOpError("expected spiking.spikes to be the numbers of "
                             "operands of bytes, got ")
             << attr.getValue() << " (spiking_c4)";
    return success();
  }
  for (StringRef name : {kRoleAttrName, kNameAttrName, kInitializerAttrName,
                         kAliasesAttrName, kDTypeAttrName, kDimsAttrName})
    if (attr.getName() == name)
      return op->emitOpError()
             << name << " belongs to an argument or result of a function "
             << "(spiking_c2)";
  return op->emitOpError("unknown attribute '")
         << attr.getName().getValue() << "', expected '" << kTrainingAttrName
         << "' (spiking_c2)";
}

/// entry_c1: what `spiking-describe-entries` writes on arguments and results.
static LogicalResult verifyEntryAttribute(Operation *op, NamedAttribute attr,
                                          const Twine &what) {
  if (attr.getName() == SpikingDialect::kDTypeAttrName &&
      !isa<StringAttr>(attr.getValue()))
    return op->emitOpError("expected spiking.dtype of ")
           << what << " to be a string, got " << attr.getValue()
           << " (entry_c1)";
  if (attr.getName() == SpikingDialect::kDimsAttrName) {
    auto dims = dyn_cast<ArrayAttr>(attr.getValue());
    if (!dims || !llvm::all_of(dims, llvm::IsaPred<StringAttr, IntegerAttr>))
      return op->emitOpError("expected spiking.dims of ")
             << what << " to be an array of names and sizes, got "
             << attr.getValue() << " (entry_c1)";
  }
  return success();
}

/// role_c1
static LogicalResult verifyRole(Operation *op, Attribute attribute,
                                ArrayRef<StringLiteral> roles,
                                const Twine &what) {
  auto role = dyn_cast<StringAttr>(attribute);
  if (role && llvm::is_contained(roles, role.getValue()))
    return success();
  InFlightDiagnostic diag = op->emitOpError("expected spiking.role of ")
                            << what << " to be one of ";
  llvm::interleaveComma(roles, diag);
  return diag << "; got " << attribute << " (role_c1)";
}

/// name_c1; `get(i)` is the name of the i-th argument or result.
static LogicalResult verifyName(Operation *op, Attribute attribute,
                                unsigned index, const Twine &what,
                                function_ref<Attribute(unsigned)> get) {
  auto name = dyn_cast<StringAttr>(attribute);
  if (!name || name.empty())
    return op->emitOpError("expected spiking.name of ")
           << what << " to be a string, got " << attribute << " (name_c1)";
  for (unsigned i = 0; i < index; ++i)
    if (get(i) == name)
      return op->emitOpError("spiking.name of ")
             << what << " is that of number " << i << ", too: " << name
             << " (name_c1)";
  return success();
}

LogicalResult SpikingDialect::verifyRegionArgAttribute(Operation *op,
                                                       unsigned, unsigned index,
                                                       NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  std::string what = ("argument " + Twine(index)).str();
  StringRef name = attr.getName();
  if (function && name == kRoleAttrName)
    return verifyRole(op, attr.getValue(), kArgumentRoles, what);
  if (function && name == kNameAttrName)
    return verifyName(op, attr.getValue(), index, what, [&](unsigned i) {
      return function.getArgAttr(i, kNameAttrName);
    });
  if (function && name == kInitializerAttrName) {
    // initializer_c1
    auto role = function.getArgAttrOfType<StringAttr>(index, kRoleAttrName);
    if (!role || !llvm::is_contained(kPersistentRoles, role.getValue()))
      return op->emitOpError("spiking.initializer of ")
             << what << " needs a role that persists: parameter, optimizer or "
             << "state (initializer_c1)";
    Type type = function.getArgumentTypes()[index];
    auto elements = dyn_cast<ElementsAttr>(attr.getValue());
    if (!isa<InitializerAttr>(attr.getValue()) &&
        !(elements && elements.getType() == type))
      return op->emitOpError("expected spiking.initializer of ")
             << what << " to be a #spiking.init or elements of type " << type
             << " (initializer_c1)";
    return success();
  }
  if (function && (name == kDTypeAttrName || name == kDimsAttrName))
    return verifyEntryAttribute(op, attr, what);
  return op->emitOpError("unknown attribute '")
         << name << "' of " << what << ", expected '" << kRoleAttrName << "', '"
         << kNameAttrName << "' or '" << kInitializerAttrName
         << "' of a function's argument (spiking_c2)";
}

LogicalResult
SpikingDialect::verifyRegionResultAttribute(Operation *op, unsigned,
                                            unsigned index,
                                            NamedAttribute attr) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  std::string what = ("result " + Twine(index)).str();
  StringRef name = attr.getName();
  if (function && name == kRoleAttrName)
    return verifyRole(op, attr.getValue(), kResultRoles, what);
  if (function && name == kNameAttrName)
    return verifyName(op, attr.getValue(), index, what, [&](unsigned i) {
      return function.getResultAttr(i, kNameAttrName);
    });
  if (function && name == kAliasesAttrName) {
    // aliases_c1
    auto alias = dyn_cast<IntegerAttr>(attr.getValue());
    Type type = function.getResultTypes()[index];
    if (!alias || !alias.getValue().isNonNegative() ||
        alias.getValue().uge(function.getNumArguments()) ||
        function.getArgumentTypes()[alias.getValue().getZExtValue()] != type)
      return op->emitOpError("expected spiking.aliases of ")
             << what << " to be the index of an argument of type " << type
             << ", got " << attr.getValue() << " (aliases_c1)";
    for (unsigned i = 0; i < index; ++i) {
      auto other = function.getResultAttrOfType<IntegerAttr>(i, kAliasesAttrName);
      if (other && APInt::isSameValue(other.getValue(), alias.getValue()))
        return op->emitOpError("results ")
               << i << " and " << index << " both alias argument "
               << alias.getValue().getZExtValue() << " (aliases_c1)";
    }
    return success();
  }
  if (function && (name == kDTypeAttrName || name == kDimsAttrName))
    return verifyEntryAttribute(op, attr, what);
  return op->emitOpError("unknown attribute '")
         << name << "' of " << what << ", expected '" << kRoleAttrName << "', '"
         << kNameAttrName << "' or '" << kAliasesAttrName
         << "' of a function's result (spiking_c2)";
}
