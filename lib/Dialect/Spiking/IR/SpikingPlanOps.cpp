//===- SpikingPlanOps.cpp - Kernels and packed spikes -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rheobase::spiking;

//===----------------------------------------------------------------------===//
// KernelOp
//===----------------------------------------------------------------------===//

YieldOp KernelOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr implementation;
  if (parser.parseAttribute(implementation))
    return failure();
  result.getOrAddProperties<Properties>().implementation = implementation;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  if (parser.parseCommaSeparatedList(
          AsmParser::Delimiter::Paren, [&]() -> ParseResult {
            return failure(parser.parseArgument(arguments.emplace_back()) ||
                           parser.parseEqual() ||
                           parser.parseOperand(operands.emplace_back()) ||
                           parser.parseColonType(types.emplace_back()));
          }))
    return failure();
  if (succeeded(parser.parseOptionalArrow()) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
        return parser.parseType(result.types.emplace_back());
      }))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.resolveOperands(operands, types, parser.getCurrentLocation(),
                             result.operands))
    return failure();
  for (auto [argument, type] : llvm::zip(arguments, types))
    argument.type = type;
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  KernelOp::ensureTerminator(*body, parser.getBuilder(), result.location);
  return success();
}

void KernelOp::print(OpAsmPrinter &p) {
  p << ' ' << getImplementationAttr() << " (";
  llvm::interleaveComma(
      llvm::zip(getBody().getArguments(), getInputs()), p, [&](auto pair) {
        auto [argument, input] = pair;
        p << argument << " = " << input << " : " << input.getType();
      });
  p << ')';
  if (!getResults().empty()) {
    p << " -> (";
    llvm::interleaveComma(getResultTypes(), p);
    p << ')';
  }
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {"implementation"});
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult KernelOp::verifyRegions() {
  // kernel_c1
  if (!llvm::equal(getBody().getArgumentTypes(), getInputs().getTypes()))
    return emitOpError("expected body arguments of types (")
           << getInputs().getTypes() << "), got ("
           << getBody().getArgumentTypes() << ") (kernel_c1)";
  // kernel_c2
  YieldOp yield = getYield();
  if (!llvm::equal(yield.getOutputs().getTypes(), getResultTypes()))
    return yield.emitOpError("expected results of types (")
           << getResultTypes() << "), got (" << yield.getOutputs().getTypes()
           << ") (kernel_c2)";
  if (!yield.getNext().empty() || !yield.getContributions().empty())
    return yield.emitOpError("a kernel has neither states nor accumulators "
                             "(kernel_c2)");
  return success();
}

//===----------------------------------------------------------------------===//
// PackOp, UnpackOp
//===----------------------------------------------------------------------===//

/// Checks that `words` has one word for each 32 channels of `spikes`.
static LogicalResult verifyPacked(Operation *op, RankedTensorType spikes,
                                  RankedTensorType words, StringRef label) {
  bool fits = spikes.getRank() >= 1 && words.getRank() == spikes.getRank() &&
              !ShapedType::isDynamic(spikes.getShape().back());
  if (fits) {
    SmallVector<int64_t> shape(spikes.getShape());
    shape.back() = llvm::divideCeil(shape.back(), int64_t{32});
    fits = words.getShape() == ArrayRef(shape);
  }
  if (fits)
    return success();
  return op->emitOpError("expected one word for 32 of a static number of "
                         "channels, got ")
         << spikes << " and " << words << " (" << label << ")";
}

LogicalResult PackOp::verify() {
  return verifyPacked(*this, getSpikes().getType(), getWords().getType(),
                      "pack_c1");
}

LogicalResult UnpackOp::verify() {
  return verifyPacked(*this, getSpikes().getType(), getWords().getType(),
                      "unpack_c1");
}

OpFoldResult PackOp::fold(FoldAdaptor) {
  // pack(unpack(w)) -> w, where no bit is past the last channel: such bits
  // leave pack as 0.
  auto unpack = getSpikes().getDefiningOp<UnpackOp>();
  if (unpack && getSpikes().getType().getShape().back() % 32 == 0)
    return unpack.getWords();
  return {};
}

OpFoldResult UnpackOp::fold(FoldAdaptor) {
  // unpack(pack(x)) -> x; 40 channels and 50 have the same words.
  auto pack = getWords().getDefiningOp<PackOp>();
  if (pack && pack.getSpikes().getType() == getType())
    return pack.getSpikes();
  return {};
}
