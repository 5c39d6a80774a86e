//===- SpikingTimeOps.cpp - Time loops, scans and spikes --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Sequences.h"

#include "Shapes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase::spiking;

//===----------------------------------------------------------------------===//
// Lists of named arguments: `over(%x_t = %x : tensor<...>, ...)`
//===----------------------------------------------------------------------===//

namespace {
struct NamedOperands {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
};
} // namespace

/// Parses `keyword(%arg = %operand : type, ...)` if the keyword is there. With
/// `named` false, the list has no arguments: `keyword(%operand : type, ...)`.
static ParseResult parseNamedOperands(OpAsmParser &parser, StringRef keyword,
                                      bool named, NamedOperands &list) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Paren, [&]() -> ParseResult {
        if (named && (parser.parseArgument(list.arguments.emplace_back()) ||
                      parser.parseEqual()))
          return failure();
        return failure(parser.parseOperand(list.operands.emplace_back()) ||
                       parser.parseColonType(list.types.emplace_back()));
      });
}

static void printNamedOperands(OpAsmPrinter &p, StringRef keyword,
                               Block::BlockArgListType arguments,
                               ValueRange operands) {
  if (operands.empty())
    return;
  p << ' ' << keyword << '(';
  llvm::interleaveComma(llvm::seq<size_t>(0, operands.size()), p,
                        [&](size_t i) {
                          if (!arguments.empty())
                            p << arguments[i] << " = ";
                          p << operands[i] << " : " << operands[i].getType();
                        });
  p << ')';
}

static ParseResult resolve(OpAsmParser &parser, NamedOperands &list,
                           OperationState &result) {
  return parser.resolveOperands(list.operands, list.types,
                                parser.getCurrentLocation(), result.operands);
}

//===----------------------------------------------------------------------===//
// TimeLoopOp
//===----------------------------------------------------------------------===//

void TimeLoopOp::build(OpBuilder &builder, OperationState &state, Value steps,
                       ValueRange inputs, ValueRange states,
                       TypeRange outputTypes, Direction direction) {
  state.addOperands(steps);
  state.addOperands(inputs);
  state.addOperands(states);
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {1, static_cast<int32_t>(inputs.size()),
                                    static_cast<int32_t>(states.size())};
  properties.resultSegmentSizes = {static_cast<int32_t>(outputTypes.size()),
                                   static_cast<int32_t>(states.size())};
  properties.direction = DirectionAttr::get(builder.getContext(), direction);
  state.addTypes(outputTypes);
  state.addTypes(states.getTypes());

  Block &body = state.addRegion()->emplaceBlock();
  body.addArgument(builder.getIndexType(), state.location);
  for (Value input : inputs)
    body.addArgument(getStepType(input.getType()), input.getLoc());
  for (Value init : states)
    body.addArgument(init.getType(), init.getLoc());
}

YieldOp TimeLoopOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

ParseResult TimeLoopOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  Direction direction = Direction::Forward;
  if (succeeded(parser.parseOptionalKeyword("reverse")))
    direction = Direction::Reverse;

  OpAsmParser::Argument index;
  OpAsmParser::UnresolvedOperand steps;
  int64_t zero;
  SMLoc zeroLoc;
  if (parser.parseArgument(index) || parser.parseEqual() ||
      parser.getCurrentLocation(&zeroLoc) || parser.parseInteger(zero))
    return failure();
  if (zero != 0)
    return parser.emitError(zeroLoc)
           << "a time loop starts at step 0, got " << zero;
  NamedOperands inputs, states;
  SmallVector<Type> outputTypes;
  if (parser.parseKeyword("to") || parser.parseOperand(steps) ||
      parseNamedOperands(parser, "over", true, inputs) ||
      parseNamedOperands(parser, "state", true, states))
    return failure();
  if (succeeded(parser.parseOptionalArrow()) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
        return parser.parseType(outputTypes.emplace_back());
      }))
    return failure();
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
      parser.resolveOperand(steps, builder.getIndexType(), result.operands) ||
      resolve(parser, inputs, result) || resolve(parser, states, result))
    return failure();

  Properties &properties = result.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {1,
                                    static_cast<int32_t>(inputs.types.size()),
                                    static_cast<int32_t>(states.types.size())};
  properties.resultSegmentSizes = {static_cast<int32_t>(outputTypes.size()),
                                   static_cast<int32_t>(states.types.size())};
  properties.direction = DirectionAttr::get(builder.getContext(), direction);
  result.addTypes(outputTypes);
  result.addTypes(states.types);

  SmallVector<OpAsmParser::Argument> arguments;
  index.type = builder.getIndexType();
  arguments.push_back(index);
  for (auto [argument, type] : llvm::zip(inputs.arguments, inputs.types)) {
    argument.type = getStepType(type);
    if (!argument.type)
      return parser.emitError(argument.ssaName.location)
             << "expected a sequence with a leading time dimension, got "
             << type << " (time_loop_c1)";
    arguments.push_back(argument);
  }
  for (auto [argument, type] : llvm::zip(states.arguments, states.types)) {
    argument.type = type;
    arguments.push_back(argument);
  }
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  TimeLoopOp::ensureTerminator(*body, builder, result.location);
  return success();
}

void TimeLoopOp::print(OpAsmPrinter &p) {
  if (isReverse())
    p << " reverse";
  p << ' ' << getStepIndex() << " = 0 to " << getSteps();
  printNamedOperands(p, "over", getInputArgs(), getInputs());
  printNamedOperands(p, "state", getStateArgs(), getStates());
  if (!getOutputs().empty()) {
    p << " -> (";
    llvm::interleaveComma(getOutputs().getTypes(), p);
    p << ')';
  }
  p.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {"direction", "operandSegmentSizes", "resultSegmentSizes"});
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult TimeLoopOp::verify() {
  if (getDirection() == Direction::Step)
    return emitOpError("runs forward or in reverse, not a single step "
                       "(time_loop_c5)");
  // time_loop_c1
  int64_t steps = ShapedType::kDynamic;
  for (Value sequence : llvm::concat<Value>(llvm::to_vector(getInputs()),
                                            llvm::to_vector(getOutputs()))) {
    auto type = cast<RankedTensorType>(sequence.getType());
    if (type.getRank() == 0)
      return emitOpError("expected a sequence with a leading time dimension, "
                         "got ")
             << type << " (time_loop_c1)";
    if (type.isDynamicDim(0))
      continue;
    if (!mayEqual(steps, type.getDimSize(0)))
      return emitOpError("sequence ")
             << type << " has " << type.getDimSize(0)
             << " time steps, expected " << steps << " (time_loop_c1)";
    steps = type.getDimSize(0);
  }
  // time_loop_c4
  for (auto [init, final] : llvm::zip(getStates(), getFinalStates()))
    if (init.getType() != final.getType())
      return emitOpError("state starts as ")
             << init.getType() << " and ends as " << final.getType()
             << " (time_loop_c4)";
  if (getStates().size() != getFinalStates().size())
    return emitOpError("expected ")
           << getStates().size() << " final states, got "
           << getFinalStates().size() << " (time_loop_c4)";
  return success();
}

LogicalResult TimeLoopOp::verifyRegions() {
  // time_loop_c2
  SmallVector<Type> expected{IndexType::get(getContext())};
  for (Value input : getInputs())
    expected.push_back(getStepType(input.getType()));
  llvm::append_range(expected, getStates().getTypes());
  Block &body = getBody().front();
  if (!llvm::equal(body.getArgumentTypes(), expected))
    return emitOpError("expected body arguments of types (")
           << expected << "), got (" << body.getArgumentTypes()
           << ") (time_loop_c2)";
  YieldOp yield = getYield();
  // time_loop_c3
  if (yield.getOutputs().size() != getOutputs().size())
    return yield.emitOpError("expected ")
           << getOutputs().size() << " outputs, got "
           << yield.getOutputs().size() << " (time_loop_c3)";
  for (auto [value, output] : llvm::zip(yield.getOutputs(), getOutputs()))
    if (value.getType() != getStepType(output.getType()))
      return yield.emitOpError("expected an output of type ")
             << getStepType(output.getType()) << ", got " << value.getType()
             << " (time_loop_c3)";
  // time_loop_c4
  if (!llvm::equal(yield.getNext().getTypes(), getStates().getTypes()))
    return yield.emitOpError("expected next states of types (")
           << getStates().getTypes() << "), got ("
           << yield.getNext().getTypes() << ") (time_loop_c4)";
  if (!yield.getContributions().empty())
    return yield.emitOpError("only a scan accumulates (time_loop_c3)");
  return success();
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

/// Arguments of the body or of the replay region.
static void addScanArguments(Block &block, ArrayRef<ValueRange> groups) {
  for (ValueRange group : groups)
    for (Value value : group)
      block.addArgument(getElementTypeOrSelf(value.getType()), value.getLoc());
}

void ScanOp::build(OpBuilder &builder, OperationState &state,
                   Direction direction, ValueRange ins, ValueRange params,
                   ValueRange outs, ValueRange states, ValueRange accumulators,
                   ValueRange replayed) {
  Properties &properties = state.getOrAddProperties<Properties>();
  unsigned group = 0;
  for (ValueRange operands :
       {ins, params, outs, states, accumulators, replayed}) {
    state.addOperands(operands);
    properties.operandSegmentSizes[group++] = operands.size();
  }
  properties.direction = DirectionAttr::get(builder.getContext(), direction);
  for (ValueRange inits : {outs, states, accumulators})
    for (Value init : inits)
      if (isa<RankedTensorType>(init.getType()))
        state.addTypes(init.getType());
  addScanArguments(state.addRegion()->emplaceBlock(),
                   {ins, params, states, replayed});
  Region *replay = state.addRegion();
  if (!replayed.empty())
    addScanArguments(replay->emplaceBlock(), {ins, params, replayed});
}

MutableOperandRange ScanOp::getDpsInitsMutable() {
  // outs, states and accumulators follow each other.
  unsigned start = getIns().size() + getParams().size();
  unsigned length =
      getOuts().size() + getStates().size() + getAccumulators().size();
  return MutableOperandRange(getOperation(), start, length);
}

YieldOp ScanOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

YieldOp ScanOp::getReplayYield() {
  if (getReplay().empty())
    return {};
  return cast<YieldOp>(getReplay().front().getTerminator());
}

SmallVector<int64_t> ScanOp::getSpace() {
  if (!getStates().empty())
    return llvm::to_vector(
        cast<ShapedType>(getStates().front().getType()).getShape());
  ArrayRef<int64_t> shape =
      cast<ShapedType>(getOuts().front().getType()).getShape();
  return llvm::to_vector(isStep() ? shape : shape.drop_front());
}

void ScanOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    bool init = isDpsInit(&operand);
    if (!init ||
        operand.getOperandNumber() >=
            getIns().size() + getParams().size() + getOuts().size())
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (init)
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  StringRef keyword;
  SMLoc directionLoc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<Direction> direction = symbolizeDirection(keyword);
  if (!direction)
    return parser.emitError(directionLoc)
           << "expected forward, reverse or step, got " << keyword;
  NamedOperands ins, params, outs, states, accumulators, replayed;
  if (parseNamedOperands(parser, "ins", true, ins) ||
      parseNamedOperands(parser, "params", true, params) ||
      parseNamedOperands(parser, "outs", false, outs) ||
      parseNamedOperands(parser, "states", true, states) ||
      parseNamedOperands(parser, "accumulators", false, accumulators) ||
      parseNamedOperands(parser, "replay", true, replayed) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();

  Properties &properties = result.getOrAddProperties<Properties>();
  unsigned group = 0;
  for (NamedOperands *list :
       {&ins, &params, &outs, &states, &accumulators, &replayed}) {
    properties.operandSegmentSizes[group++] = list->types.size();
    if (resolve(parser, *list, result))
      return failure();
  }
  properties.direction = DirectionAttr::get(builder.getContext(), *direction);
  for (NamedOperands *list : {&outs, &states, &accumulators})
    for (Type type : list->types)
      if (isa<RankedTensorType>(type))
        result.addTypes(type);

  SmallVector<OpAsmParser::Argument> arguments;
  for (NamedOperands *list : {&ins, &params, &states, &replayed})
    for (auto [argument, type] : llvm::zip(list->arguments, list->types)) {
      argument.type = getElementTypeOrSelf(type);
      arguments.push_back(argument);
    }
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  ScanOp::ensureTerminator(*body, builder, result.location);
  Region *replay = result.addRegion();
  if (!replayed.types.empty() &&
      (parser.parseKeyword("replaying") || parser.parseRegion(*replay)))
    return failure();
  return success();
}

void ScanOp::print(OpAsmPrinter &p) {
  p << ' ' << stringifyDirection(getDirection());
  printNamedOperands(p, "ins", getInArgs(), getIns());
  printNamedOperands(p, "params", getParamArgs(), getParams());
  printNamedOperands(p, "outs", {}, getOuts());
  printNamedOperands(p, "states", getStateArgs(), getStates());
  printNamedOperands(p, "accumulators", {}, getAccumulators());
  printNamedOperands(p, "replay", getReplayedArgs(), getReplayed());
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                     {"direction", "operandSegmentSizes"});
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
  if (!getReplay().empty()) {
    p << " replaying ";
    p.printRegion(getReplay(), /*printEntryBlockArgs=*/true);
  }
}

/// scan_c8: what a body may hold.
static LogicalResult verifyScalarOp(Operation *op) {
  if (isa<YieldOp, FireOp, DetachOp, TimeStepOp, scf::YieldOp, scf::IfOp>(op))
    return success();
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    for (Value bound :
         {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()})
      if (!matchPattern(bound, m_Constant()))
        return loop.emitOpError("in a scan needs constant bounds (scan_c8)");
    return success();
  }
  if (!isa_and_present<arith::ArithDialect, math::MathDialect>(
          op->getDialect()))
    return op->emitOpError("is not allowed in a scan: expected arith, math, "
                           "spiking.fire, spiking.detach, spiking.time_step, "
                           "scf.if or scf.for with constant bounds (scan_c8)");
  for (Type type :
       llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()),
                                llvm::to_vector(op->getResultTypes())))
    if (!type.isIntOrIndexOrFloat())
      return op->emitOpError("in a scan works on scalars, got ")
             << type << " (scan_c8)";
  return success();
}

static LogicalResult verifyScalarRegion(Region &region) {
  auto check = [&](Operation *op) -> WalkResult {
    if (failed(verifyScalarOp(op)))
      return WalkResult::interrupt();
    // scan_c11
    for (Value operand : op->getOperands())
      if (!region.isAncestor(operand.getParentRegion()) &&
          !matchPattern(operand, m_Constant())) {
        InFlightDiagnostic diag =
            op->emitOpError("uses a value from outside the scan that is not a "
                            "constant: pass it as a parameter (scan_c11)");
        diag.attachNote(operand.getLoc()) << "the value";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  };
  return failure(region.walk<WalkOrder::PreOrder>(check).wasInterrupted());
}

LogicalResult ScanOp::verify() {
  // scan_c1
  if (getOuts().empty() && getStates().empty())
    return emitOpError("needs an output or a state to range over (scan_c1)");
  int64_t leading = isStep() ? 0 : 1;
  if (leading && getIns().empty() && getOuts().empty())
    return emitOpError("needs a sequence, from which the number of steps comes "
                       "(scan_c2)");
  for (Value sequence : llvm::concat<Value>(llvm::to_vector(getOuts()),
                                            llvm::to_vector(getIns())))
    if (cast<ShapedType>(sequence.getType()).getRank() < leading)
      return emitOpError("expected a sequence with a leading time dimension, "
                         "got ")
             << sequence.getType() << " (scan_c2)";
  SmallVector<int64_t> space = getSpace();
  for (Value state : getStates())
    if (cast<ShapedType>(state.getType()).getShape() != ArrayRef(space))
      return emitOpError("state has type ")
             << state.getType() << ", which does not fit the space "
             << formatShape(space) << " (scan_c1)";
  int64_t steps = ShapedType::kDynamic;
  auto checkTime = [&](Value sequence) -> LogicalResult {
    auto type = cast<ShapedType>(sequence.getType());
    if (leading && !type.isDynamicDim(0)) {
      if (!ShapedType::isDynamic(steps) && steps != type.getDimSize(0))
        return emitOpError("sequence ")
               << type << " has " << type.getDimSize(0)
               << " time steps, expected " << steps << " (scan_c2)";
      steps = type.getDimSize(0);
    }
    return success();
  };
  for (Value out : getOuts()) {
    if (failed(checkTime(out)))
      return failure();
    ArrayRef<int64_t> shape =
        cast<ShapedType>(out.getType()).getShape().drop_front(leading);
    if (shape != ArrayRef(space))
      return emitOpError("output has type ")
             << out.getType() << ", which does not fit the space "
             << formatShape(space) << " (scan_c1)";
  }
  for (Value in : getIns()) {
    if (failed(checkTime(in)))
      return failure();
    // scan_c3
    if (!broadcastsTo(
            cast<ShapedType>(in.getType()).getShape().drop_front(leading),
            space))
      return emitOpError("input of type ")
             << in.getType() << " does not broadcast to the space "
             << formatShape(space) << " (scan_c3)";
  }
  // scan_c4
  for (Value param : getParams())
    if (!broadcastsTo(cast<ShapedType>(param.getType()).getShape(), space))
      return emitOpError("parameter of type ")
             << param.getType() << " does not broadcast to the space "
             << formatShape(space) << " (scan_c4)";
  // scan_c5
  for (Value accumulator : getAccumulators()) {
    auto type = cast<ShapedType>(accumulator.getType());
    if (!broadcastsTo(type.getShape(), space))
      return emitOpError("accumulator of type ")
             << type << " does not broadcast to the space "
             << formatShape(space) << " (scan_c5)";
    if (!isa<FloatType>(type.getElementType()))
      return emitOpError("accumulator must have a float element type, got ")
             << type << " (scan_c5)";
  }
  // scan_c9
  if (getReplayed().empty() != getReplay().empty())
    return emitOpError("replayed states and a replay region come together "
                       "(scan_c9)");
  if (!getReplayed().empty() && !isReverse())
    return emitOpError("only a reverse scan replays (scan_c9)");
  for (Value state : getReplayed())
    if (cast<ShapedType>(state.getType()).getShape() != ArrayRef(space))
      return emitOpError("replayed state has type ")
             << state.getType() << ", which does not fit the space "
             << formatShape(space) << " (scan_c1)";
  // scan_c10
  SmallVector<Type> expected;
  for (ValueRange inits : {ValueRange(getOuts()), ValueRange(getStates()),
                           ValueRange(getAccumulators())})
    for (Value init : inits)
      if (isa<RankedTensorType>(init.getType()))
        expected.push_back(init.getType());
  if (!llvm::equal(expected, getResultTypes()))
    return emitOpError("expected results of types (")
           << expected << "), got (" << getResultTypes() << ") (scan_c10)";
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  auto checkArguments = [&](Region &region, ArrayRef<ValueRange> groups,
                            StringRef what) -> LogicalResult {
    SmallVector<Type> expected;
    for (ValueRange group : groups)
      for (Value value : group)
        expected.push_back(getElementTypeOrSelf(value.getType()));
    if (!llvm::equal(region.getArgumentTypes(), expected))
      return emitOpError("expected arguments of types (")
             << expected << ") of the " << what << ", got ("
             << region.getArgumentTypes() << ") (scan_c6)";
    return success();
  };
  auto checkYield = [](YieldOp yield, ValueRange values, ValueRange inits,
                       StringRef what) -> LogicalResult {
    if (values.size() != inits.size())
      return yield.emitOpError("expected ")
             << inits.size() << " " << what << ", got " << values.size()
             << " (scan_c7)";
    for (auto [value, init] : llvm::zip(values, inits))
      if (value.getType() != getElementTypeOrSelf(init.getType()))
        return yield.emitOpError("expected ")
               << what << " of type " << getElementTypeOrSelf(init.getType())
               << ", got " << value.getType() << " (scan_c7)";
    return success();
  };
  YieldOp yield = getYield();
  if (failed(checkArguments(
          getBody(), {getIns(), getParams(), getStates(), getReplayed()},
          "body")) ||
      failed(checkYield(yield, yield.getOutputs(), getOuts(), "outputs")) ||
      failed(checkYield(yield, yield.getNext(), getStates(), "next states")) ||
      failed(checkYield(yield, yield.getContributions(), getAccumulators(),
                        "contributions")) ||
      failed(verifyScalarRegion(getBody())))
    return failure();
  if (getReplay().empty())
    return success();
  auto replayYield = dyn_cast<YieldOp>(getReplay().front().getTerminator());
  if (!replayYield || !replayYield.getOutputs().empty() ||
      !replayYield.getContributions().empty())
    return emitOpError("a replay region yields nothing but next states "
                       "(scan_c9)");
  if (failed(checkArguments(getReplay(), {getIns(), getParams(), getReplayed()},
                            "replay region")) ||
      failed(checkYield(replayYield, replayYield.getNext(), getReplayed(),
                        "replayed states")))
    return failure();
  return verifyScalarRegion(getReplay());
}

//===----------------------------------------------------------------------===//
// FireOp
//===----------------------------------------------------------------------===//

LogicalResult FireOp::verify() {
  // fire_c1
  bool binary = getKind() == FireKind::Binary;
  Type spike = getElementTypeOrSelf(getSpike().getType());
  if (!spike.isInteger(binary ? 1 : 8))
    return emitOpError("expected a ")
           << stringifyFireKind(getKind()) << " spike of "
           << (binary ? "i1" : "i8") << ", got " << spike << " (fire_c1)";
  // fire_c2
  if (getThreshold().has_value() != (getKind() == FireKind::Ternary))
    return emitOpError("a threshold goes with ternary spikes and with them "
                       "only (fire_c2)");
  if (getThreshold() && !(getThreshold()->convertToDouble() > 0))
    return emitOpError("threshold must be positive, got ")
           << formatNumber(*getThreshold()) << " (fire_c2)";
  // fire_c3
  if (getMaximum().has_value() != (getKind() == FireKind::Count))
    return emitOpError("a maximum goes with counts and with them only "
                       "(fire_c3)");
  if (getMaximum() && (*getMaximum() < 1 || *getMaximum() > 127))
    return emitOpError("maximum must be 1 to 127, got ")
           << *getMaximum() << " (fire_c3)";
  // fire_c4: the trait Elementwise has checked the shapes.
  return success();
}

//===----------------------------------------------------------------------===//
// DetachOp
//===----------------------------------------------------------------------===//

OpFoldResult DetachOp::fold(FoldAdaptor) {
  // detach(detach(x)) -> detach(x)
  return getInput().getDefiningOp<DetachOp>() ? getInput() : Value();
}
