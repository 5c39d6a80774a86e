//===- Machine.h - What the interpreter's operations see --------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each operation is one function `LogicalResult name(Machine &, OpTy)` that reads
// its operands, sets its results, and fails after it reported an error.
//
//===----------------------------------------------------------------------===//
#ifndef RHEOBASE_LIB_REFERENCE_MACHINE_H
#define RHEOBASE_LIB_REFERENCE_MACHINE_H

#include "rheobase/Reference/Arithmetic.h"
#include "rheobase/Reference/Interpreter.h"

#include "mlir/IR/TypeUtilities.h"

namespace rheobase::reference {

class Machine;

/// What an elementwise function knows beside its operands.
struct Lane {
  Machine &machine;
  mlir::Operation *op;
  Arithmetic arithmetic;
  /// Of the first operand and of the result.
  ElementKind from, to;
};
using LaneFunction = Scalar (*)(const Lane &lane, llvm::ArrayRef<Scalar> x);

/// Applies `function` to the elements of the operands; scalars are repeated.
mlir::LogicalResult applyElementwise(Machine &machine, mlir::Operation *op,
                                     LaneFunction function);

using Handler = std::function<mlir::LogicalResult(Machine &, mlir::Operation *)>;

/// The functions of all operations.
class Handlers {
public:
  Handlers();

  template <typename OpTy>
  void add(mlir::LogicalResult (*function)(Machine &, OpTy)) {
    byType[mlir::TypeID::get<OpTy>()] = [=](Machine &machine,
                                            mlir::Operation *op) {
      return function(machine, llvm::cast<OpTy>(op));
    };
  }
  template <typename OpTy, LaneFunction function>
  void addElementwise() {
    add<OpTy>(+[](Machine &machine, OpTy op) {
      return applyElementwise(machine, op, function);
    });
  }
  const Handler *find(mlir::Operation *op) const {
    auto found = byType.find(op->getName().getTypeID());
    return found == byType.end() ? nullptr : &found->second;
  }

private:
  llvm::DenseMap<mlir::TypeID, Handler> byType;
};

void addArithOps(Handlers &handlers);
void addMathOps(Handlers &handlers);
void addControlOps(Handlers &handlers);
void addTensorOps(Handlers &handlers);
void addTimeOps(Handlers &handlers);
void addNeuronOps(Handlers &handlers);
void addSynapseOps(Handlers &handlers);
void addPoolOps(Handlers &handlers);
void addNormOps(Handlers &handlers);
void addEndOps(Handlers &handlers);
void addOptimizerOps(Handlers &handlers);

/// How `spiking.fire` and named neurons fire.
struct Firing {
  spiking::SurrogateAttrInterface surrogate;
  spiking::Compare compare = spiking::Compare::GE;
  spiking::FireKind kind = spiking::FireKind::Binary;
  double threshold = 0.0;
  int64_t maximum = 0;
  spiking::Rounding rounding = spiking::Rounding::NearestEven;
};

/// The state of an execution.
class Machine {
public:
  Machine(const Options &options, Tape *tape) : options(options), tape(tape) {
    if (options.globals)
      globals = options.globals;
  }

  /// Calls a function; the caller gives values of the right types.
  mlir::FailureOr<llvm::SmallVector<Tensor>>
  call(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments,
       mlir::Location loc);
  /// Executes all operations of a block but its terminator.
  mlir::LogicalResult execute(mlir::Block &block);

  const Tensor &get(mlir::Value value) { return values->find(value)->second; }
  void set(mlir::Value value, Tensor tensor) {
    (*values)[value] = std::move(tensor);
  }
  /// An operand that is one index or integer.
  mlir::FailureOr<int64_t> getInteger(mlir::Operation *op, mlir::Value value);
  llvm::SmallVector<Tensor> getAll(mlir::ValueRange values);

  Arithmetic arithmetic(ElementKind kind) { return Arithmetic(tape, kind); }
  Arithmetic arithmeticOf(mlir::Value value) {
    return arithmetic(*getElementKind(mlir::getElementTypeOrSelf(value)));
  }
  bool isRecording() const { return tape != nullptr; }

  /// A spike of argument `u`, which has the arithmetic's type.
  Scalar fire(const Arithmetic &arithmetic, Scalar u, const Firing &firing);
  Scalar detach(Scalar a);

  mlir::FailureOr<Tensor *> getGlobal(mlir::Operation *op,
                                      mlir::SymbolRefAttr name);

  /// While it lives, nothing is recorded or probed, and globals keep their values
  /// afterwards.
  class Rehearsal {
  public:
    explicit Rehearsal(Machine &machine)
        : machine(machine), tape(machine.tape), wasRehearsing(machine.rehearses),
          globals(*machine.globals), variables(machine.globalVariables) {
      machine.tape = nullptr;
      machine.rehearses = true;
    }
    ~Rehearsal() {
      machine.tape = tape;
      machine.rehearses = wasRehearsing;
      *machine.globals = std::move(globals);
      machine.globalVariables = std::move(variables);
    }

  private:
    Machine &machine;
    Tape *tape;
    bool wasRehearsing;
    std::map<std::string, Tensor> globals, variables;
  };

  /// The time step that is being executed.
  std::optional<int64_t> step;
  /// Variables of the globals that were used.
  std::map<std::string, Tensor> globalVariables;

private:
  mlir::LogicalResult execute(mlir::Operation *op);
  /// The record of a run that is smooth, or will be.
  FrozenRun *frozenRun() const { return rehearses ? nullptr : options.frozen; }

  const Options &options;
  Tape *tape;
  Handlers handlers;
  llvm::DenseMap<mlir::Value, Tensor> *values = nullptr;
  std::map<std::string, Tensor> ownGlobals;
  std::map<std::string, Tensor> *globals = &ownGlobals;
  unsigned depth = 0;
  bool rehearses = false;
};

/// Sets a time step for as long as it lives.
class StepScope {
public:
  StepScope(Machine &machine) : machine(machine), outer(machine.step) {}
  ~StepScope() { machine.step = outer; }

private:
  Machine &machine;
  std::optional<int64_t> outer;
};

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

/// The kind of a value's elements. Values of other types never get this far:
/// arguments and results are checked.
ElementKind kindOf(mlir::Value value);

/// Zeros of `kind`; fails after an error at `op` if the shape is too large.
mlir::FailureOr<Tensor> makeTensor(mlir::Operation *op, ElementKind kind,
                                   llvm::ArrayRef<int64_t> shape);

/// The shape of a value at run time: static extents from the type, dynamic ones
/// from `dynamic` in order.
llvm::SmallVector<int64_t> fillShape(mlir::Type type,
                                     llvm::ArrayRef<int64_t> dynamic);

/// Step t of a sequence.
Tensor getStep(const Tensor &sequence, int64_t t);
/// Writes step t of a sequence.
void setStep(Tensor &sequence, int64_t t, const Tensor &step);
/// A tensor repeated to a shape that it broadcasts to; fails after an error.
mlir::FailureOr<Tensor> broadcastTo(mlir::Operation *op, const Tensor &tensor,
                                    llvm::ArrayRef<int64_t> shape);
/// "[3,128]".
std::string describeShape(llvm::ArrayRef<int64_t> shape);
/// Reports that two shapes do not fit.
mlir::LogicalResult shapeError(mlir::Operation *op, llvm::StringRef what,
                               llvm::ArrayRef<int64_t> expected,
                               llvm::ArrayRef<int64_t> got);

/// `uniform` of docs/Semantics.md, random numbers.
double uniformNumber(int64_t seed, int64_t id, int64_t step, int64_t sample,
                     int64_t element);

} // namespace rheobase::reference

#endif // RHEOBASE_LIB_REFERENCE_MACHINE_H
