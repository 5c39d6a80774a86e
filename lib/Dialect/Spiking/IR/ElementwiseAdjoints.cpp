//===- ElementwiseAdjoints.cpp - Adjoints of arith, math, tensor, scf -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// On scalars in the body of a scan, and on tensors.
//
//===----------------------------------------------------------------------===//

#include "rheobase/Dialect/Spiking/IR/Builders.h"
#include "rheobase/Dialect/Spiking/IR/Spiking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace rheobase::spiking;

namespace {

/// The adjoint of `OpTy` is a function.
template <typename OpTy,
          LogicalResult (*adjoint)(OpTy, OpBuilder &, AdjointContext &)>
struct Model : DifferentiableOpInterface::ExternalModel<Model<OpTy, adjoint>,
                                                        OpTy> {
  LogicalResult buildAdjoint(Operation *op, OpBuilder &builder,
                             AdjointContext &context) const {
    return adjoint(cast<OpTy>(op), builder, context);
  }
};

/// No cotangent passes `OpTy`.
template <typename OpTy>
struct ZeroModel
    : DifferentiableOpInterface::ExternalModel<ZeroModel<OpTy>, OpTy> {
  bool isDerivativeZero(Operation *) const { return true; }
  LogicalResult buildAdjoint(Operation *, OpBuilder &, AdjointContext &) const {
    return success();
  }
};

/// The cotangent of an operand as a formula over operands `x`, result `y` and
/// the result's cotangent `g`.
using Formula = Expr (*)(ArrayRef<Expr> x, Expr y, Expr g);

/// The adjoint of `OpTy`, whose operands and result have one float type, is a
/// formula for each operand, in order.
template <typename OpTy, Formula... formulas>
struct FormulaModel
    : DifferentiableOpInterface::ExternalModel<FormulaModel<OpTy, formulas...>,
                                               OpTy> {
  LogicalResult buildAdjoint(Operation *op, OpBuilder &builder,
                             AdjointContext &context) const {
    Value result = op->getResult(0);
    IRAlgebra algebra(builder, op->getLoc(), result);
    SmallVector<Expr> x;
    for (Value operand : op->getOperands())
      x.push_back(algebra.wrap(operand));
    Expr y = algebra.wrap(result);
    Expr g = algebra.wrap(context.getCotangent(result));
    const Formula table[] = {formulas...};
    for (auto [operand, formula] : llvm::zip(op->getOperands(), table))
      if (context.needsCotangent(operand))
        context.addCotangent(operand, IRAlgebra::unwrap(formula(x, y, g)));
    return success();
  }
};

using Operands = ArrayRef<Expr>;

} // namespace

//===----------------------------------------------------------------------===//
// Formulas
//===----------------------------------------------------------------------===//

static Expr same(Operands, Expr, Expr g) { return g; }
static Expr negative(Operands, Expr, Expr g) { return -g; }
static Expr timesLhs(Operands x, Expr, Expr g) { return g * x[0]; }
static Expr timesRhs(Operands x, Expr, Expr g) { return g * x[1]; }
static Expr divLhs(Operands x, Expr, Expr g) { return g / x[1]; }
static Expr divRhs(Operands x, Expr y, Expr g) { return -(g * y / x[1]); }

static Expr expOf(Operands, Expr y, Expr g) { return g * y; }
static Expr exp2Of(Operands, Expr y, Expr g) { return g * (y * M_LN2); }
static Expr expm1Of(Operands, Expr y, Expr g) { return g * (y + 1.0); }
static Expr logOf(Operands x, Expr, Expr g) { return g / x[0]; }
static Expr log1pOf(Operands x, Expr, Expr g) { return g / (1.0 + x[0]); }
static Expr log2Of(Operands x, Expr, Expr g) { return g / (x[0] * M_LN2); }
static Expr log10Of(Operands x, Expr, Expr g) { return g / (x[0] * M_LN10); }
static Expr sqrtOf(Operands, Expr y, Expr g) { return g * 0.5 / y; }
static Expr rsqrtOf(Operands x, Expr y, Expr g) {
  return g * (-0.5 * y / x[0]);
}
static Expr cbrtOf(Operands, Expr y, Expr g) { return g / (3.0 * square(y)); }
static Expr sinOf(Operands x, Expr, Expr g) { return g * cos(x[0]); }
static Expr cosOf(Operands x, Expr, Expr g) { return -(g * sin(x[0])); }
static Expr tanOf(Operands, Expr y, Expr g) { return g * (1.0 + square(y)); }
static Expr asinOf(Operands x, Expr, Expr g) {
  return g / sqrt(1.0 - square(x[0]));
}
static Expr acosOf(Operands x, Expr, Expr g) {
  return -(g / sqrt(1.0 - square(x[0])));
}
static Expr atanOf(Operands x, Expr, Expr g) {
  return g / (1.0 + square(x[0]));
}
static Expr atan2Lhs(Operands x, Expr, Expr g) {
  return g * x[1] / (square(x[0]) + square(x[1]));
}
static Expr atan2Rhs(Operands x, Expr, Expr g) {
  return -(g * x[0] / (square(x[0]) + square(x[1])));
}
static Expr sinhOf(Operands x, Expr, Expr g) {
  return g * (0.5 * (exp(x[0]) + exp(-x[0])));
}
static Expr coshOf(Operands x, Expr, Expr g) {
  return g * (0.5 * (exp(x[0]) - exp(-x[0])));
}
static Expr tanhOf(Operands, Expr y, Expr g) { return g * (1.0 - square(y)); }
static Expr asinhOf(Operands x, Expr, Expr g) {
  return g / sqrt(square(x[0]) + 1.0);
}
static Expr acoshOf(Operands x, Expr, Expr g) {
  return g / sqrt(square(x[0]) - 1.0);
}
static Expr atanhOf(Operands x, Expr, Expr g) {
  return g / (1.0 - square(x[0]));
}
static Expr erfOf(Operands x, Expr, Expr g) {
  return g * (M_2_SQRTPI * exp(-square(x[0])));
}
static Expr erfcOf(Operands x, Expr, Expr g) {
  return g * (-M_2_SQRTPI * exp(-square(x[0])));
}
/// The sign of x, 0 at 0, times g.
static Expr absOf(Operands x, Expr, Expr g) {
  return selectGT(x[0], 0.0, g, selectLT(x[0], 0.0, -g, constant(0.0, g)));
}
static Expr copysignLhs(Operands x, Expr y, Expr g) {
  Expr signedByLhs = absOf(x, y, g);
  return selectLT(y, 0.0, -signedByLhs, signedByLhs);
}
static Expr zeroOf(Operands, Expr, Expr g) { return constant(0.0, g); }
static Expr powLhs(Operands x, Expr, Expr g) {
  ScalarAlgebra *algebra = g.getAlgebra();
  Expr power(algebra, algebra->binary(ScalarAlgebra::Binary::Pow,
                                      x[0].getHandle(),
                                      (x[1] - 1.0).getHandle()));
  return g * (x[1] * power);
}
/// 0 where the base is 0: the power is constant there (or undefined).
static Expr powRhs(Operands x, Expr y, Expr g) {
  Expr zero = constant(0.0, g);
  return selectGT(x[0], 0.0, g * (y * log(x[0])), zero);
}
/// Through `x[0] >= x[1]`: the first operand wins at equality.
static Expr select(ScalarAlgebra::Predicate predicate, Expr a, Expr b, Expr x,
                   Expr y) {
  ScalarAlgebra *algebra = x.getAlgebra();
  return Expr(algebra,
              algebra->select(predicate, a.getHandle(), b.getHandle(),
                              x.getHandle(), y.getHandle()));
}
static Expr maxLhs(Operands x, Expr, Expr g) {
  return select(ScalarAlgebra::Predicate::GE, x[0], x[1], g, constant(0.0, g));
}
static Expr maxRhs(Operands x, Expr, Expr g) {
  return select(ScalarAlgebra::Predicate::GE, x[0], x[1], constant(0.0, g), g);
}
static Expr minLhs(Operands x, Expr, Expr g) {
  return select(ScalarAlgebra::Predicate::LE, x[0], x[1], g, constant(0.0, g));
}
static Expr minRhs(Operands x, Expr, Expr g) {
  return select(ScalarAlgebra::Predicate::LE, x[0], x[1], constant(0.0, g), g);
}
/// Clamping, of value, minimum and maximum.
static Expr clampValue(Operands x, Expr, Expr g) {
  Expr zero = constant(0.0, g);
  return select(ScalarAlgebra::Predicate::GE, x[0], x[1],
                select(ScalarAlgebra::Predicate::LE, x[0], x[2], g, zero),
                zero);
}
static Expr clampMin(Operands x, Expr, Expr g) {
  return select(ScalarAlgebra::Predicate::LT, x[0], x[1], g, constant(0.0, g));
}
static Expr clampMax(Operands x, Expr, Expr g) {
  return select(ScalarAlgebra::Predicate::GT, x[0], x[2], g, constant(0.0, g));
}

//===----------------------------------------------------------------------===//
// arith
//===----------------------------------------------------------------------===//

/// `condition ? ifTrue : ifFalse` where null stands for zero.
static Value createSelect(OpBuilder &builder, Location loc, Value condition,
                          Value ifTrue, Value ifFalse) {
  Value some = ifTrue ? ifTrue : ifFalse;
  auto getOrZero = [&](Value value) {
    return value ? value
                 : createSplat(builder, loc, 0.0,
                               getElementTypeOrSelf(some.getType()), some);
  };
  return arith::SelectOp::create(builder, loc, condition, getOrZero(ifTrue),
                                 getOrZero(ifFalse));
}

static LogicalResult adjointOfSelect(arith::SelectOp op, OpBuilder &builder,
                                     AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  Value condition = op.getCondition();
  if (context.needsCotangent(op.getFalseValue()))
    context.addCotangent(op.getFalseValue(),
                         createSelect(builder, loc, condition, Value(), g));
  if (context.needsCotangent(op.getTrueValue()))
    context.addCotangent(op.getTrueValue(),
                         createSelect(builder, loc, condition, g, Value()));
  if (!context.needsCotangent(condition))
    return success();
  if (isa<ShapedType>(op.getType()) && !isa<ShapedType>(condition.getType()))
    return op.emitOpError("cannot be differentiated: one spike selects whole "
                          "tensors");
  Type element = getElementTypeOrSelf(g.getType());
  Value difference = arith::SubFOp::create(
      builder, loc, convertToNumber(builder, loc, op.getTrueValue(), element),
      convertToNumber(builder, loc, op.getFalseValue(), element));
  context.addCotangent(condition,
                       arith::MulFOp::create(builder, loc, difference, g));
  return success();
}

/// A conversion between numbers, or from spikes to numbers.
template <typename OpTy>
static LogicalResult adjointOfConversion(OpTy op, OpBuilder &,
                                         AdjointContext &context) {
  context.addCotangent(op->getOperand(0),
                       context.getCotangent(op->getResult(0)));
  return success();
}

/// A signed conversion reads the spike 1 of an i1 as -1.
template <typename OpTy>
static LogicalResult adjointOfSignedConversion(OpTy op, OpBuilder &builder,
                                               AdjointContext &context) {
  Value g = context.getCotangent(op->getResult(0));
  if (getElementTypeOrSelf(op->getOperand(0).getType()).isInteger(1))
    g = arith::NegFOp::create(builder, op->getLoc(), g);
  context.addCotangent(op->getOperand(0), g);
  return success();
}

/// Logic on binary spikes is arithmetic of 0 and 1: with the other operand b,
/// and: b * g; or: (1 - b) * g; xor: (1 - 2 b) * g.
template <typename OpTy>
static LogicalResult adjointOfLogic(OpTy op, OpBuilder &builder,
                                    AdjointContext &context) {
  Location loc = op.getLoc();
  if (!getElementTypeOrSelf(op.getType()).isInteger(1))
    return op.emitOpError("cannot be differentiated: logic on spikes means "
                          "i1, got ")
           << op.getType();
  Value g = context.getCotangent(op.getResult());
  for (auto [operand, other] : {std::pair(op.getRhs(), op.getLhs()),
                                std::pair(op.getLhs(), op.getRhs())}) {
    if (!context.needsCotangent(operand))
      continue;
    Value contribution;
    if (std::is_same_v<OpTy, arith::AndIOp>)
      contribution = createSelect(builder, loc, other, g, Value());
    else if (std::is_same_v<OpTy, arith::OrIOp>)
      contribution = createSelect(builder, loc, other, Value(), g);
    else
      contribution = createSelect(
          builder, loc, other, arith::NegFOp::create(builder, loc, g), g);
    context.addCotangent(operand, contribution);
  }
  return success();
}

/// Sums, differences and products of counts are those of the numbers.
template <typename OpTy>
static LogicalResult adjointOfCounts(OpTy op, OpBuilder &builder,
                                     AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  Type element = getElementTypeOrSelf(g.getType());
  auto times = [&](Value other) -> Value {
    return arith::MulFOp::create(builder, loc, g,
                                 convertToNumber(builder, loc, other, element));
  };
  Value rhs = g, lhs = g;
  if (std::is_same_v<OpTy, arith::SubIOp>)
    rhs = arith::NegFOp::create(builder, loc, g);
  if (std::is_same_v<OpTy, arith::MulIOp>) {
    rhs = times(op.getLhs());
    lhs = times(op.getRhs());
  }
  context.addCotangent(op.getRhs(), rhs);
  context.addCotangent(op.getLhs(), lhs);
  return success();
}

/// maxnumf, minnumf: the operand that is a number wins over one that is not.
template <typename OpTy>
static LogicalResult adjointOfNumberExtremum(OpTy op, OpBuilder &builder,
                                             AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  Value lhs = op.getLhs(), rhs = op.getRhs();
  Value wins = arith::CmpFOp::create(
      builder, loc,
      std::is_same_v<OpTy, arith::MaxNumFOp> ? arith::CmpFPredicate::OGE
                                             : arith::CmpFPredicate::OLE,
      lhs, rhs);
  Value unordered = arith::CmpFOp::create(builder, loc,
                                          arith::CmpFPredicate::UNO, rhs, rhs);
  wins = arith::OrIOp::create(builder, loc, wins, unordered);
  context.addCotangent(rhs, createSelect(builder, loc, wins, Value(), g));
  context.addCotangent(lhs, createSelect(builder, loc, wins, g, Value()));
  return success();
}

/// remf: a - b trunc(a / b).
static LogicalResult adjointOfRemainder(arith::RemFOp op, OpBuilder &builder,
                                        AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  if (context.needsCotangent(op.getRhs())) {
    Value quotient =
        arith::DivFOp::create(builder, loc, op.getLhs(), op.getRhs());
    quotient = math::TruncOp::create(builder, loc, quotient);
    Value product = arith::MulFOp::create(builder, loc, g, quotient);
    context.addCotangent(op.getRhs(),
                         arith::NegFOp::create(builder, loc, product));
  }
  context.addCotangent(op.getLhs(), g);
  return success();
}

/// fpowi: the exponent is an integer.
static LogicalResult adjointOfIntegerPower(math::FPowIOp op, OpBuilder &builder,
                                           AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  Value exponent = op.getRhs();
  Type element = getElementTypeOrSelf(exponent.getType());
  Value one = arith::ConstantOp::create(builder, loc,
                                        builder.getIntegerAttr(element, 1));
  if (auto type = dyn_cast<RankedTensorType>(exponent.getType()))
    one = tensor::SplatOp::create(builder, loc, type, one,
                                  getDynamicSizes(builder, loc, exponent));
  Value power = math::FPowIOp::create(
      builder, loc, op.getLhs(),
      arith::SubIOp::create(builder, loc, exponent, one));
  Value factor = arith::SIToFPOp::create(builder, loc, op.getType(), exponent);
  power = arith::MulFOp::create(builder, loc, factor, power);
  context.addCotangent(op.getLhs(),
                       arith::MulFOp::create(builder, loc, g, power));
  return success();
}

//===----------------------------------------------------------------------===//
// tensor
//===----------------------------------------------------------------------===//

/// The cotangent type of a tensor where `g` arrives.
static RankedTensorType getCotangentType(Value primal, Value g) {
  return cast<RankedTensorType>(primal.getType())
      .clone(getElementTypeOrSelf(g.getType()));
}

static LogicalResult adjointOfSplat(tensor::SplatOp op, OpBuilder &builder,
                                    AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  auto scalar =
      RankedTensorType::get({}, getElementTypeOrSelf(g.getType()));
  Value sum = reduceToShape(builder, loc, g, scalar);
  context.addCotangent(op.getInput(),
                       tensor::ExtractOp::create(builder, loc, sum));
  return success();
}

static LogicalResult adjointOfExtract(tensor::ExtractOp op, OpBuilder &builder,
                                      AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  Value zeros = createSplat(builder, loc, 0.0, g.getType(), op.getTensor());
  context.addCotangent(
      op.getTensor(),
      tensor::InsertOp::create(builder, loc, g, zeros, op.getIndices()));
  return success();
}

static LogicalResult adjointOfInsert(tensor::InsertOp op, OpBuilder &builder,
                                     AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  if (context.needsCotangent(op.getScalar()))
    context.addCotangent(
        op.getScalar(),
        tensor::ExtractOp::create(builder, loc, g, op.getIndices()));
  if (context.needsCotangent(op.getDest())) {
    Value zero = createSplat(builder, loc, 0.0,
                             getElementTypeOrSelf(g.getType()), op.getScalar());
    context.addCotangent(
        op.getDest(),
        tensor::InsertOp::create(builder, loc, zero, g, op.getIndices()));
  }
  return success();
}

static LogicalResult adjointOfFromElements(tensor::FromElementsOp op,
                                           OpBuilder &builder,
                                           AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  ArrayRef<int64_t> shape = op.getType().getShape();
  SmallVector<int64_t> position(shape.size(), 0);
  for (Value element : op.getElements()) {
    if (context.needsCotangent(element)) {
      SmallVector<Value> indices;
      for (int64_t index : position)
        indices.push_back(arith::ConstantIndexOp::create(builder, loc, index));
      context.addCotangent(element,
                           tensor::ExtractOp::create(builder, loc, g, indices));
    }
    for (int64_t dim = shape.size() - 1; dim >= 0; --dim) {
      if (++position[dim] < shape[dim])
        break;
      position[dim] = 0;
    }
  }
  return success();
}

static LogicalResult adjointOfExtractSlice(tensor::ExtractSliceOp op,
                                           OpBuilder &builder,
                                           AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  Value zeros = createSplat(builder, loc, 0.0,
                            getElementTypeOrSelf(g.getType()), op.getSource());
  context.addCotangent(
      op.getSource(),
      tensor::InsertSliceOp::create(builder, loc, g, zeros,
                                    op.getMixedOffsets(), op.getMixedSizes(),
                                    op.getMixedStrides()));
  return success();
}

static LogicalResult adjointOfInsertSlice(tensor::InsertSliceOp op,
                                          OpBuilder &builder,
                                          AdjointContext &context) {
  Location loc = op.getLoc();
  Value g = context.getCotangent(op.getResult());
  if (context.needsCotangent(op.getDest())) {
    Value zeros =
        createSplat(builder, loc, 0.0, getElementTypeOrSelf(g.getType()),
                    op.getSource());
    context.addCotangent(
        op.getDest(), tensor::InsertSliceOp::create(
                          builder, loc, zeros, g, op.getMixedOffsets(),
                          op.getMixedSizes(), op.getMixedStrides()));
  }
  if (context.needsCotangent(op.getSource()))
    context.addCotangent(
        op.getSource(),
        tensor::ExtractSliceOp::create(
            builder, loc, getCotangentType(op.getSource(), g), g,
            op.getMixedOffsets(), op.getMixedSizes(), op.getMixedStrides()));
  return success();
}

static LogicalResult adjointOfExpand(tensor::ExpandShapeOp op,
                                     OpBuilder &builder,
                                     AdjointContext &context) {
  Value g = context.getCotangent(op.getResult());
  context.addCotangent(op.getSrc(),
                       tensor::CollapseShapeOp::create(
                           builder, op.getLoc(),
                           getCotangentType(op.getSrc(), g), g,
                           op.getReassociationIndices()));
  return success();
}

static LogicalResult adjointOfCollapse(tensor::CollapseShapeOp op,
                                       OpBuilder &builder,
                                       AdjointContext &context) {
  Value g = context.getCotangent(op.getResult());
  context.addCotangent(
      op.getSrc(),
      tensor::ExpandShapeOp::create(
          builder, op.getLoc(), getCotangentType(op.getSrc(), g), g,
          op.getReassociationIndices(),
          tensor::getMixedSizes(builder, op.getLoc(), op.getSrc())));
  return success();
}

static LogicalResult adjointOfCast(tensor::CastOp op, OpBuilder &builder,
                                   AdjointContext &context) {
  Value g = context.getCotangent(op.getResult());
  if (!isa<RankedTensorType>(op.getSource().getType()))
    return op.emitOpError("cannot be differentiated: expected a ranked tensor");
  context.addCotangent(op.getSource(),
                       tensor::CastOp::create(
                           builder, op.getLoc(),
                           getCotangentType(op.getSource(), g), g));
  return success();
}

//===----------------------------------------------------------------------===//
// scf
//===----------------------------------------------------------------------===//

/// The values from outside that the regions of `op` use. (The operation may lie
/// in a block that has no parent yet.)
static SetVector<Value> getCapturedValues(Operation *op) {
  DenseSet<Value> defined;
  SetVector<Value> used;
  op->walk<WalkOrder::PreOrder>([&](Operation *inner) {
    for (Region &region : inner->getRegions())
      for (Block &block : region)
        defined.insert(block.args_begin(), block.args_end());
    if (inner == op)
      return;
    for (Value operand : inner->getOperands())
      if (!defined.contains(operand))
        used.insert(operand);
    defined.insert(inner->result_begin(), inner->result_end());
  });
  return used;
}

/// The adjoint of an `if` is an `if`: only the branch that was taken
/// contributes. (Under a condition that has a gradient itself, the adjoint of
/// the scan has turned the `if` into selections before.)
static LogicalResult adjointOfIf(scf::IfOp op, OpBuilder &builder,
                                 AdjointContext &context) {
  Location loc = op.getLoc();
  if (context.needsCotangent(op.getCondition()))
    return op.emitOpError("cannot be differentiated: its condition has a "
                          "gradient");
  SetVector<Value> used = getCapturedValues(op);
  used.remove_if([&](Value value) { return !context.needsCotangent(value); });

  // Each branch again, and backwards through it.
  Region branches[2];
  SmallVector<SmallVector<Value>> contributions(2);
  for (auto [index, region] : llvm::enumerate(op->getRegions())) {
    Block &block = branches[index].emplaceBlock();
    contributions[index].resize(used.size());
    if (region.empty())
      continue;
    // The block has no parent that would know the context.
    OpBuilder inner(op.getContext());
    inner.setInsertionPointToEnd(&block);
    IRMapping mapping;
    for (Operation &nested : region.front())
      inner.clone(nested, mapping);
    auto activate = [&](BlockAdjoint &adjoint) {
      for (Value value : used)
        adjoint.activate(value);
      adjoint.propagate(block);
    };
    if (failed(convertSpikeConditions(block, activate)))
      return failure();
    Operation *yield = block.getTerminator();
    inner.setInsertionPoint(yield);
    BlockAdjoint adjoint(inner, context.getTruncation());
    activate(adjoint);
    for (auto [value, result] :
         llvm::zip(yield->getOperands(), op.getResults()))
      if (Value g = context.getCotangent(result))
        adjoint.addCotangent(value, g);
    if (failed(adjoint.run(block)))
      return failure();
    yield->erase();
    for (auto [slot, value] : llvm::zip(contributions[index], used))
      slot = adjoint.getCotangent(value);
  }

  SmallVector<Value> targets;
  SmallVector<Type> types;
  for (auto [value, first, second] :
       llvm::zip(used, contributions[0], contributions[1]))
    if (first || second) {
      targets.push_back(value);
      types.push_back((first ? first : second).getType());
    }
  if (targets.empty())
    return success();
  for (auto [branch, values] : llvm::zip(branches, contributions)) {
    OpBuilder inner(op.getContext());
    inner.setInsertionPointToEnd(&branch.front());
    SmallVector<Value> yielded;
    for (auto [target, type] : llvm::zip(targets, types)) {
      Value value = values[llvm::find(used, target) - used.begin()];
      Type element = getElementTypeOrSelf(type);
      yielded.push_back(value
                            ? convertFloat(inner, loc, value, element)
                            : createSplat(inner, loc, 0.0, element, target));
    }
    scf::YieldOp::create(inner, loc, yielded);
  }
  auto result = scf::IfOp::create(builder, loc, types, op.getCondition(),
                                  /*addThenBlock=*/false,
                                  /*addElseBlock=*/false);
  result.getThenRegion().takeBody(branches[0]);
  result.getElseRegion().takeBody(branches[1]);
  for (auto [target, value] : llvm::zip(targets, result.getResults()))
    context.addCotangent(target, value);
  return success();
}

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

template <typename... Ops>
static void attachZero(MLIRContext *context) {
  (Ops::template attachInterface<ZeroModel<Ops>>(*context), ...);
}

template <typename OpTy, Formula... formulas>
static void attach(MLIRContext *context) {
  OpTy::template attachInterface<FormulaModel<OpTy, formulas...>>(*context);
}

template <typename OpTy,
          LogicalResult (*adjoint)(OpTy, OpBuilder &, AdjointContext &)>
static void attach(MLIRContext *context) {
  OpTy::template attachInterface<Model<OpTy, adjoint>>(*context);
}

static void attachArith(MLIRContext *context, arith::ArithDialect *) {
  attach<arith::AddFOp, same, same>(context);
  attach<arith::SubFOp, same, negative>(context);
  attach<arith::MulFOp, timesRhs, timesLhs>(context);
  attach<arith::DivFOp, divLhs, divRhs>(context);
  attach<arith::NegFOp, negative>(context);
  attach<arith::MaximumFOp, maxLhs, maxRhs>(context);
  attach<arith::MinimumFOp, minLhs, minRhs>(context);
  attach<arith::MaxNumFOp, adjointOfNumberExtremum<arith::MaxNumFOp>>(context);
  attach<arith::MinNumFOp, adjointOfNumberExtremum<arith::MinNumFOp>>(context);
  attach<arith::RemFOp, adjointOfRemainder>(context);
  attach<arith::SelectOp, adjointOfSelect>(context);
  attach<arith::ExtFOp, adjointOfConversion<arith::ExtFOp>>(context);
  attach<arith::TruncFOp, adjointOfConversion<arith::TruncFOp>>(context);
  attach<arith::UIToFPOp, adjointOfConversion<arith::UIToFPOp>>(context);
  attach<arith::ExtUIOp, adjointOfConversion<arith::ExtUIOp>>(context);
  attach<arith::TruncIOp, adjointOfConversion<arith::TruncIOp>>(context);
  attach<arith::SIToFPOp, adjointOfSignedConversion<arith::SIToFPOp>>(context);
  attach<arith::ExtSIOp, adjointOfSignedConversion<arith::ExtSIOp>>(context);
  attach<arith::AndIOp, adjointOfLogic<arith::AndIOp>>(context);
  attach<arith::OrIOp, adjointOfLogic<arith::OrIOp>>(context);
  attach<arith::XOrIOp, adjointOfLogic<arith::XOrIOp>>(context);
  attach<arith::AddIOp, adjointOfCounts<arith::AddIOp>>(context);
  attach<arith::SubIOp, adjointOfCounts<arith::SubIOp>>(context);
  attach<arith::MulIOp, adjointOfCounts<arith::MulIOp>>(context);
  attachZero<arith::ConstantOp, arith::CmpFOp, arith::CmpIOp, arith::FPToSIOp,
             arith::FPToUIOp, arith::IndexCastOp, arith::IndexCastUIOp>(
      context);
}

static void attachMath(MLIRContext *context, math::MathDialect *) {
  attach<math::ExpOp, expOf>(context);
  attach<math::Exp2Op, exp2Of>(context);
  attach<math::ExpM1Op, expm1Of>(context);
  attach<math::LogOp, logOf>(context);
  attach<math::Log1pOp, log1pOf>(context);
  attach<math::Log2Op, log2Of>(context);
  attach<math::Log10Op, log10Of>(context);
  attach<math::SqrtOp, sqrtOf>(context);
  attach<math::RsqrtOp, rsqrtOf>(context);
  attach<math::CbrtOp, cbrtOf>(context);
  attach<math::SinOp, sinOf>(context);
  attach<math::CosOp, cosOf>(context);
  attach<math::TanOp, tanOf>(context);
  attach<math::AsinOp, asinOf>(context);
  attach<math::AcosOp, acosOf>(context);
  attach<math::AtanOp, atanOf>(context);
  attach<math::Atan2Op, atan2Lhs, atan2Rhs>(context);
  attach<math::SinhOp, sinhOf>(context);
  attach<math::CoshOp, coshOf>(context);
  attach<math::TanhOp, tanhOf>(context);
  attach<math::AsinhOp, asinhOf>(context);
  attach<math::AcoshOp, acoshOf>(context);
  attach<math::AtanhOp, atanhOf>(context);
  attach<math::ErfOp, erfOf>(context);
  attach<math::ErfcOp, erfcOf>(context);
  attach<math::AbsFOp, absOf>(context);
  attach<math::CopySignOp, copysignLhs, zeroOf>(context);
  attach<math::PowFOp, powLhs, powRhs>(context);
  attach<math::FPowIOp, adjointOfIntegerPower>(context);
  attach<math::FmaOp, timesRhs, timesLhs, same>(context);
  attach<math::ClampFOp, clampValue, clampMin, clampMax>(context);
  attachZero<math::FloorOp, math::CeilOp, math::RoundOp, math::RoundEvenOp,
             math::TruncOp, math::IsNaNOp, math::IsInfOp, math::IsFiniteOp,
             math::IsNormalOp>(context);
}

static void attachTensor(MLIRContext *context, tensor::TensorDialect *) {
  attach<tensor::SplatOp, adjointOfSplat>(context);
  attach<tensor::ExtractOp, adjointOfExtract>(context);
  attach<tensor::InsertOp, adjointOfInsert>(context);
  attach<tensor::FromElementsOp, adjointOfFromElements>(context);
  attach<tensor::ExtractSliceOp, adjointOfExtractSlice>(context);
  attach<tensor::InsertSliceOp, adjointOfInsertSlice>(context);
  attach<tensor::ExpandShapeOp, adjointOfExpand>(context);
  attach<tensor::CollapseShapeOp, adjointOfCollapse>(context);
  attach<tensor::CastOp, adjointOfCast>(context);
  attachZero<tensor::DimOp, tensor::EmptyOp, tensor::RankOp>(context);
}

static void attachSCF(MLIRContext *context, scf::SCFDialect *) {
  attach<scf::IfOp, adjointOfIf>(context);
}

void rheobase::spiking::registerDifferentiableModels(
    DialectRegistry &registry) {
  registry.addExtension(&attachArith);
  registry.addExtension(&attachMath);
  registry.addExtension(&attachTensor);
  registry.addExtension(&attachSCF);
}
