//===- MemoryLimit.cpp - Plans that fit into memory -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Pipelines/MemoryLimit.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/Support/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>
#include <thread>

using namespace mlir;
using namespace rheobase;
using namespace rheobase::spiking;

/// What kernels take for themselves while they run and give back: the blocks
/// that threads pack, the past that a scan replays. In addition to it and to
/// what loops over blocks of samples make for each block, one of them at a time
/// packs a whole weight.
static constexpr int64_t bytesOfKernels = int64_t(4) << 20;
/// Plans that are tried, and buffers that an error names, at most.
static constexpr int64_t maxPlans = 24;
static constexpr size_t maxNamed = 4;

std::optional<int64_t> rheobase::parseByteCount(StringRef text) {
  int64_t unit = 1;
  if (!text.empty()) {
    size_t power = StringRef("KMGT").find(llvm::toUpper(text.back()));
    if (power != StringRef::npos) {
      unit = int64_t(1) << (10 * (power + 1));
      text = text.drop_back();
    }
  }
  double number;
  if (text.empty() || text.getAsDouble(number) || !(number > 0) ||
      !(number * double(unit) < 9e18))
    return std::nullopt;
  return static_cast<int64_t>(number * double(unit));
}

bool rheobase::parseMemoryLimit(StringRef bytes, ArrayRef<std::string> dims,
                                MemoryLimit &limit, std::string &problem) {
  if (!bytes.empty()) {
    std::optional<int64_t> count = parseByteCount(bytes);
    if (!count) {
      problem = "--memory-limit: expected a number of bytes such as 512M or "
                "1.5G, got '" +
                bytes.str() + "'";
      return false;
    }
    limit.bytes = *count;
  }
  for (StringRef text : dims) {
    auto [name, value] = text.split('=');
    int64_t size;
    if (name.empty() || value.getAsInteger(10, size) || size < 0) {
      problem = "expected --dims name=N, got '" + text.str() + "'";
      return false;
    }
    limit.dims[name] = size;
  }
  return true;
}

std::string rheobase::formatByteCount(int64_t bytes) {
  if (bytes < 100000)
    return llvm::formatv("{0} bytes", bytes);
  if (bytes < 1000000000)
    return llvm::formatv("{0:f1} MB", double(bytes) * 1e-6);
  return llvm::formatv("{0:f2} GB", double(bytes) * 1e-9);
}

namespace {
/// What a function on buffers needs at certain sizes.
struct Need {
  std::string function;
  int64_t arena = 0, arguments = 0, results = 0, kernels = bytesOfKernels;
  /// Values that the backward pass computes again.
  int64_t recomputed = 0;
  struct Buffer {
    int64_t bytes;
    std::string what;
  };
  /// The largest first.
  std::vector<Buffer> buffers;

  int64_t total() const { return arena + arguments + results + kernels; }
};

/// Evaluates sizes of a function whose arguments have extents of known names.
class Evaluator {
public:
  Evaluator(func::FuncOp function, const MemoryLimit &limit, int64_t threads,
            llvm::SetVector<StringRef> &missing)
      : function(function), limit(limit), threads(threads), missing(missing) {}

  /// In loops: the most that it may be.
  std::optional<int64_t> get(Value value);
  /// Bytes of a buffer; `extents` are its dynamic ones.
  std::optional<int64_t> getBytes(MemRefType type, ValueRange extents);
  std::optional<int64_t> getArgumentBytes(unsigned number);
  /// What a loop over blocks of samples makes anew for each block, on all
  /// threads; the most that one of them takes, as far as it is known.
  int64_t getBlockBytes();

private:
  std::optional<int64_t> getNamed(StringRef name);
  std::optional<int64_t> getExtent(unsigned argument, int64_t dim);

  func::FuncOp function;
  const MemoryLimit &limit;
  int64_t threads;
  llvm::SetVector<StringRef> &missing;
};
} // namespace

std::optional<int64_t> Evaluator::getNamed(StringRef name) {
  // One that has no name.
  if (name == "?")
    return std::nullopt;
  auto known = limit.dims.find(name);
  if (known != limit.dims.end())
    return known->second;
  missing.insert(name);
  return std::nullopt;
}

std::optional<int64_t> Evaluator::getExtent(unsigned argument, int64_t dim) {
  auto type = cast<MemRefType>(function.getArgumentTypes()[argument]);
  if (!type.isDynamicDim(dim))
    return type.getDimSize(dim);
  auto shape = function.getArgAttrOfType<ArrayAttr>(
      argument, SpikingDialect::kDimsAttrName);
  if (!shape)
    return std::nullopt;
  if (auto number = dyn_cast<IntegerAttr>(shape[dim]))
    return number.getInt();
  auto name = dyn_cast<StringAttr>(shape[dim]);
  return name ? getNamed(name.getValue()) : std::nullopt;
}

std::optional<int64_t> Evaluator::get(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner()->getParentOp() != function)
      return std::nullopt;
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                      kExtentAttrName);
    return name ? getNamed(name.getValue()) : std::nullopt;
  }
  Operation *op = value.getDefiningOp();
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto argument = dyn_cast<BlockArgument>(dim.getSource());
    if (!argument || !dim.getConstantIndex())
      return std::nullopt;
    return getExtent(argument.getArgNumber(), *dim.getConstantIndex());
  }
  if (auto call = dyn_cast<func::CallOp>(op);
      call && call.getCallee() == "omp_get_max_threads")
    return threads;
  SmallVector<int64_t> operands;
  for (Value operand : op->getOperands()) {
    std::optional<int64_t> number = get(operand);
    // A part of a block, and what is left from some iteration on.
    auto argument = dyn_cast<BlockArgument>(operand);
    if (!number && isa<arith::SubIOp>(op) && operands.size() == 1 && argument &&
        isa<scf::ForOp, scf::ForallOp>(argument.getOwner()->getParentOp()))
      return operands.front();
    if (!number && !isa<arith::MinSIOp>(op))
      return std::nullopt;
    if (number)
      operands.push_back(*number);
  }
  if (isa<arith::IndexCastOp>(op) ||
      (isa<arith::MinSIOp>(op) && operands.size() == 1))
    return operands.front();
  if (isa<arith::SelectOp>(op))
    return operands[0] ? operands[1] : operands[2];
  if (operands.size() != 2)
    return std::nullopt;
  int64_t a = operands[0], b = operands[1];
  if (isa<arith::AddIOp>(op))
    return a + b;
  if (isa<arith::SubIOp>(op))
    return a - b;
  if (isa<arith::MulIOp>(op))
    return a * b;
  if (isa<arith::AndIOp>(op))
    return a & b;
  if (isa<arith::MaxSIOp>(op))
    return std::max(a, b);
  if (isa<arith::MinSIOp>(op))
    return std::min(a, b);
  if (isa<arith::DivUIOp, arith::DivSIOp>(op) && b != 0)
    return a / b;
  if (isa<arith::CeilDivUIOp, arith::CeilDivSIOp>(op) && b != 0)
    return llvm::divideCeil(a, b);
  if (isa<arith::OrIOp>(op))
    return a | b;
  if (auto compare = dyn_cast<arith::CmpIOp>(op);
      compare && compare.getPredicate() == arith::CmpIPredicate::slt)
    return a < b;
  return std::nullopt;
}

std::optional<int64_t> Evaluator::getBytes(MemRefType type,
                                           ValueRange extents) {
  int64_t bytes = llvm::divideCeil(
      type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() : 64,
      8);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    std::optional<int64_t> extent =
        type.isDynamicDim(dim) ? get(extents[type.getDynamicDimIndex(dim)])
                               : type.getDimSize(dim);
    if (!extent)
      return std::nullopt;
    bytes *= *extent;
  }
  return bytes;
}

std::optional<int64_t> Evaluator::getArgumentBytes(unsigned number) {
  auto type = dyn_cast<MemRefType>(function.getArgumentTypes()[number]);
  if (!type)
    return 0;
  int64_t bytes = llvm::divideCeil(
      type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() : 64,
      8);
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    std::optional<int64_t> extent = getExtent(number, dim);
    if (!extent)
      return std::nullopt;
    bytes *= *extent;
  }
  return bytes;
}

int64_t Evaluator::getBlockBytes() {
  int64_t most = 0;
  function.walk([&](scf::ForallOp forall) {
    if (forall->getParentOfType<scf::ForallOp>())
      return;
    int64_t bytes = 0;
    forall->walk([&](memref::AllocOp alloc) {
      bytes += getBytes(alloc.getType(), alloc.getDynamicSizes()).value_or(0);
    });
    int64_t blocks = threads;
    auto sizeOf = [&](OpFoldResult size) {
      std::optional<int64_t> constant = getConstantIntValue(size);
      return constant ? constant : get(cast<Value>(size));
    };
    std::optional<int64_t> end = sizeOf(forall.getMixedUpperBound().front());
    std::optional<int64_t> step = sizeOf(forall.getMixedStep().front());
    if (end && step && *step > 0)
      blocks = std::min<int64_t>(blocks, llvm::divideCeil(*end, *step));
    most = std::max(most, bytes * blocks);
  });
  return most;
}

/// "spiking.conv" is gone at this level; where it stood is not.
static std::string describe(Location loc, MemRefType type) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << type;
  if (auto place = loc->findInstanceOf<FileLineColLoc>())
    os << " of " << place.getFilename().getValue() << ":" << place.getLine()
       << ":" << place.getColumn();
  return text;
}

/// What the public functions of a module need after the memory plan; nothing
/// where a size is not known.
static std::optional<std::vector<Need>>
measure(ModuleOp module, const MemoryLimit &limit, int64_t threads,
        llvm::SetVector<StringRef> &missing) {
  std::vector<Need> needs;
  bool known = true;
  for (auto function : module.getOps<func::FuncOp>()) {
    auto sizes = function->getAttrOfType<FlatSymbolRefAttr>(kSizesAttrName);
    if (!sizes)
      continue;
    Evaluator evaluator(function, limit, threads, missing);
    Need need;
    need.function = function.getName().str();
    BlockArgument arena;
    int64_t largest = 0;
    for (BlockArgument argument : function.getArguments()) {
      unsigned number = argument.getArgNumber();
      if (function.getArgAttr(number, kArenaAttrName)) {
        arena = argument;
        continue;
      }
      std::optional<int64_t> bytes = evaluator.getArgumentBytes(number);
      known &= bytes.has_value();
      if (!bytes)
        continue;
      // A donated argument is both.
      bool isResult =
          function.getArgAttr(number, kResultAttrName) &&
          !function.getArgAttr(number, SpikingDialect::kRoleAttrName);
      (isResult ? need.results : need.arguments) += *bytes;
      auto role = function.getArgAttrOfType<StringAttr>(
          number, SpikingDialect::kRoleAttrName);
      if (!role || role.getValue() == "parameter")
        largest = std::max(largest, *bytes);
    }
    need.kernels += largest + evaluator.getBlockBytes();
    // The sizes function has the arguments of the function before the plan.
    auto sizesFunction = module.lookupSymbol<func::FuncOp>(sizes.getValue());
    for (unsigned i = 0; i < sizesFunction.getNumArguments(); ++i)
      sizesFunction.setArgAttrs(i, function.getArgAttrDict(i));
    Evaluator ofSizes(sizesFunction, limit, threads, missing);
    std::optional<int64_t> bytes = ofSizes.get(
        sizesFunction.getBody().front().getTerminator()->getOperand(0));
    known &= bytes.has_value();
    need.arena = bytes.value_or(0);
    if (arena)
      for (Operation *user : arena.getUsers())
        if (auto view = dyn_cast<memref::ViewOp>(user)) {
          std::optional<int64_t> bytes =
              evaluator.getBytes(view.getType(), view.getSizes());
          known &= bytes.has_value();
          if (bytes)
            need.buffers.push_back(
                {*bytes, describe(view.getLoc(), view.getType())});
        }
    llvm::stable_sort(need.buffers, [](const auto &a, const auto &b) {
      return a.bytes > b.bytes;
    });
    if (auto count = function->getAttrOfType<IntegerAttr>(kRecomputedAttrName))
      need.recomputed = count.getInt();
    needs.push_back(std::move(need));
  }
  if (!known)
    return std::nullopt;
  return needs;
}

/// The need of the function that needs most.
static const Need *getLargest(const std::vector<Need> &needs) {
  const Need *largest = nullptr;
  for (const Need &need : needs)
    if (!largest || need.total() > largest->total())
      largest = &need;
  return largest;
}

static std::string listDims(const MemoryLimit &limit) {
  SmallVector<std::string> texts;
  for (const auto &entry : limit.dims)
    texts.push_back(
        llvm::formatv("{0}={1}", entry.getKey(), entry.getValue()).str());
  llvm::sort(texts);
  return llvm::join(texts, ", ");
}

LogicalResult rheobase::fitToMemory(ModuleOp module, PlanOptions &plan,
                                    const LinalgOptions &linalg,
                                    const MemoryLimit &limit, bool forCPU) {
  // In a context of its own, whose passes make no remarks.
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os, OpPrintingFlags().enableDebugInfo());
  MLIRContext context(module.getContext()->getDialectRegistry());
  int64_t threads =
      linalg.threads ? std::max(std::thread::hardware_concurrency(), 1u) : 1;
  llvm::SetVector<StringRef> missing;
  std::vector<std::string> names;

  auto attempt =
      [&](int64_t recompute) -> FailureOr<std::optional<std::vector<Need>>> {
    OwningOpRef<ModuleOp> copy = parseSourceString<ModuleOp>(text, &context);
    PassManager pm(&context);
    PlanOptions attempted = plan;
    attempted.recompute = recompute;
    populatePlanPipeline(pm, attempted);
    populateLinalgPipeline(pm, linalg);
    populateBufferPipeline(pm, forCPU, /*wrapEntries=*/false);
    // What is wrong with a program is said when it is compiled.
    ScopedDiagnosticHandler quiet(&context,
                                  [](Diagnostic &) { return success(); });
    if (!copy || failed(pm.run(*copy)))
      return failure();
    auto needs = measure(*copy, limit, threads, missing);
    // The names belong to the module.
    names.assign(missing.begin(), missing.end());
    missing.clear();
    return needs;
  };

  std::optional<std::vector<Need>> best;
  int64_t bestCount = plan.recompute;
  for (int64_t count = plan.recompute; count < plan.recompute + maxPlans;
       ++count) {
    auto needs = attempt(count);
    if (failed(needs))
      return success();
    if (!*needs) {
      if (!limit.bytes)
        return success();
      return emitError(module.getLoc(), "a memory limit needs sizes")
             << (names.empty()
                     ? std::string(
                           ": one is not a function of named dimensions")
                     : ", but none is given for " + llvm::join(names, ", ") +
                           ": expected --dims=" + llvm::join(names, "=...,") +
                           "=...");
    }
    const Need *largest = getLargest(**needs);
    if (!largest)
      return success();
    if (!best || largest->total() < getLargest(*best)->total()) {
      best = *needs;
      bestCount = count;
    }
    if (!limit.bytes || largest->total() <= limit.bytes)
      break;
    // No plan computes more again.
    if (llvm::all_of(**needs,
                     [&](const Need &need) { return need.recomputed < count; }))
      break;
  }

  const Need *largest = getLargest(*best);
  if (limit.bytes && largest->total() > limit.bytes) {
    InFlightDiagnostic diag =
        emitError(module.getLoc(), "'")
        << largest->function << "' needs at least "
        << formatByteCount(largest->total()) << " for " << listDims(limit)
        << ", " << formatByteCount(largest->total() - limit.bytes)
        << " more than the memory limit of " << formatByteCount(limit.bytes);
    std::string named;
    for (const Need::Buffer &buffer :
         ArrayRef(largest->buffers)
             .take_front(std::min(maxNamed, largest->buffers.size())))
      named += (named.empty() ? "" : "; ") + formatByteCount(buffer.bytes) +
               ": " + buffer.what;
    diag.attachNote() << "its largest buffers: " << named;
    diag.attachNote() << "arguments take "
                      << formatByteCount(largest->arguments) << ", results "
                      << formatByteCount(largest->results)
                      << ", kernels for themselves "
                      << formatByteCount(largest->kernels)
                      << ", the rest is the arena";
    return failure();
  }
  plan.recompute = bestCount;
  for (const Need &need : *best) {
    auto function = module.lookupSymbol<func::FuncOp>(need.function);
    remark::passed(function ? function.getLoc() : module.getLoc(),
                   remark::RemarkOpts::name(remarks::kPlannedPeak)
                       .category("memory-limit")
                       .function(need.function))
        << "a planned peak of " + formatByteCount(need.total()) + " for " +
               listDims(limit) + ": an arena of " +
               formatByteCount(need.arena) + ", arguments of " +
               formatByteCount(need.arguments) + ", results of " +
               formatByteCount(need.results) + ", kernels' own " +
               formatByteCount(need.kernels) +
               (need.recomputed ? "; " + std::to_string(need.recomputed) +
                                      " of the largest values are computed "
                                      "again in the backward pass"
                                : "")
        << remark::metric("bytes", need.total());
  }
  return success();
}
