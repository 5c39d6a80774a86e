//===- EmbedWeights.cpp - Trained parameters as constants -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/EmbedWeights.h"

#include "rheobase/Dialect/Spiking/IR/Roles.h"
#include "rheobase/Runtime/SafeTensors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace rheobase;
using spiking::getRole;
using spiking::SpikingDialect;

/// The elements of a tensor of the checkpoint as an attribute of `type`; null if
/// it does not have that type.
static DenseElementsAttr makeElements(const rt::Tensor &tensor,
                                      RankedTensorType type) {
  int32_t dtype = type.getElementType().isF32()   ? RB_F32
                  : type.getElementType().isF64() ? RB_F64
                                                  : -1;
  if (tensor.dtype() != dtype ||
      ArrayRef<int64_t>(tensor.dims()) != type.getShape())
    return {};
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef(static_cast<const char *>(tensor.data()),
                     static_cast<size_t>(tensor.numBytes())));
}

LogicalResult rheobase::embedWeights(ModuleOp module,
                                     const std::string &checkpoint) {
  rt::SafeTensors weights;
  if (rt::Status status = rt::readSafeTensors(checkpoint, weights);
      !status.ok())
    return module.emitError("cannot read the weights: ") << status.message();
  for (auto function :
       llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
    bool trains = false;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      trains |= getRole(function, i) == "learning_rate";
    if (trains) {
      function.erase();
      continue;
    }
    OpBuilder builder(function.getBody());
    llvm::BitVector embedded(function.getNumArguments());
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      StringRef role = getRole(function, i);
      if (role != "parameter" && role != "state")
        continue;
      auto name = function.getArgAttrOfType<StringAttr>(
          i, SpikingDialect::kNameAttrName);
      const rt::Tensor *tensor = name ? weights.find(name.str()) : nullptr;
      auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[i]);
      if (!tensor)
        return function.emitOpError("the checkpoint '")
               << checkpoint << "' has no tensor "
               << (name ? name.getValue() : StringRef("without a name"))
               << " (" << type << "): it is of another network";
      DenseElementsAttr elements =
          type ? makeElements(*tensor, type) : DenseElementsAttr();
      if (!elements)
        return function.emitOpError("tensor ")
               << name.getValue() << " of the checkpoint '" << checkpoint
               << "' is " << tensor->describe() << ", expected " << type;
      for (auto [k, value] : llvm::enumerate(elements.getValues<APFloat>()))
        if (!value.isFinite())
          return function.emitOpError("tensor ")
                 << name.getValue() << " of the checkpoint '" << checkpoint
                 << "' is not finite at element " << k;
      function.getArgument(i).replaceAllUsesWith(
          arith::ConstantOp::create(builder, function.getLoc(), elements));
      embedded.set(i);
    }
    if (failed(function.eraseArguments(embedded)))
      return function.emitOpError("cannot take out its parameters");
  }
  return success();
}
