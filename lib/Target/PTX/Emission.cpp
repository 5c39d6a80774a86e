//===- Emission.cpp - Kernels and their manifest as files -------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Toolkit.h"

#include "rheobase/Runtime/Files.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace rheobase;
namespace json = llvm::json;

/// The value as a formula over the kernel's parameters, %0 the first; nothing
/// if other values go into it.
static std::optional<std::string> formulaOf(Value value,
                                            ValueRange parameters) {
  llvm::APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return llvm::toString(constant, 10, /*Signed=*/true);
  if (auto found = llvm::find(parameters, value); found != parameters.end())
    return "%" + std::to_string(found - parameters.begin());
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumOperands() != 2)
    return std::nullopt;
  StringRef symbol = llvm::TypeSwitch<Operation *, StringRef>(op)
                         .Case([](arith::AddIOp) { return "+"; })
                         .Case([](arith::SubIOp) { return "-"; })
                         .Case([](arith::MulIOp) { return "*"; })
                         .Case([](arith::DivUIOp) { return "/"; })
                         .Case([](arith::CeilDivUIOp) { return "ceildiv"; })
                         .Default(StringRef());
  if (symbol.empty())
    return std::nullopt;
  std::optional<std::string> lhs = formulaOf(op->getOperand(0), parameters),
                             rhs = formulaOf(op->getOperand(1), parameters);
  if (!lhs || !rhs)
    return std::nullopt;
  return "(" + *lhs + " " + symbol.str() + " " + *rhs + ")";
}

static std::string nameOf(Type type) {
  if (type.isIndex())
    return "i64";
  std::string name;
  llvm::raw_string_ostream(name) << type;
  return name;
}

/// Bytes of the shared buffers of a kernel.
static int64_t sharedBytesOf(LLVM::LLVMFuncOp kernel) {
  int64_t bytes = 0;
  llvm::SmallPtrSet<Operation *, 4> seen;
  DataLayout layout = DataLayout::closest(kernel);
  kernel.walk([&](LLVM::AddressOfOp address) {
    auto global = SymbolTable::lookupNearestSymbolFrom<LLVM::GlobalOp>(
        kernel, address.getGlobalNameAttr());
    if (global && global.getAddrSpace() == 3 && seen.insert(global).second)
      bytes += layout.getTypeSize(global.getGlobalType()).getFixedValue();
  });
  return bytes;
}

/// A kernel as a user of the artefact sees it: names, parameters, grid.
static json::Object describe(gpu::LaunchFuncOp launch, LLVM::LLVMFuncOp kernel,
                             const KernelInfo &info) {
  ValueRange parameters = launch.getKernelOperands();
  json::Array described;
  for (auto [parameter, reads, writes] :
       llvm::zip(parameters, info.reads, info.writes)) {
    Type type = parameter.getType();
    if (isa<MemRefType>(type))
      described.push_back(json::Object{
          {"kind", "buffer"},
          {"dtype", nameOf(getElementTypeOrSelf(type))},
          {"access", reads && writes ? "read-write"
                     : writes        ? "write"
                     : reads         ? "read"
                                     : "none"}});
    else
      described.push_back(
          json::Object{{"kind", "scalar"}, {"dtype", nameOf(type)}});
  }
  auto formulas = [&](gpu::KernelDim3 dims) {
    json::Array values;
    for (Value dim : {dims.x, dims.y, dims.z})
      values.push_back(formulaOf(dim, parameters).value_or("?"));
    return values;
  };
  return json::Object{
      {"name", kernel.getName()},
      {"parameters", std::move(described)},
      {"grid", formulas(launch.getGridSizeOperandValues())},
      {"block", formulas(launch.getBlockSizeOperandValues())},
      {"shared_bytes", sharedBytesOf(kernel)}};
}

std::optional<GPUFormat> rheobase::parseGPUFormat(StringRef name) {
  return llvm::StringSwitch<std::optional<GPUFormat>>(name)
      .Case("ptx", GPUFormat::PTX)
      .Case("cubin", GPUFormat::Cubin)
      .Case("fatbin", GPUFormat::Fatbin)
      .Default(std::nullopt);
}

LogicalResult rheobase::checkGPUOptions(const GPUEmissionOptions &options,
                                        EmitError emitError) {
  if (options.chips.empty())
    return emitError() << "expected at least one chip";
  if (options.chips.size() > 1 && options.format != GPUFormat::Fatbin)
    return emitError() << "expected one chip for "
                       << (options.format == GPUFormat::PTX ? "PTX" : "a cubin")
                       << ", got " << options.chips.size()
                       << "; a fatbin takes several";
  if (options.optLevel > 3)
    return emitError() << "optimization level must be 0 to 3, got "
                       << options.optLevel;
  for (StringRef name : options.chips)
    if (failed(findGPUChip(name, emitError)))
      return failure();
  if (options.format != GPUFormat::PTX &&
      failed(findCUDAProgram("ptxas", options.toolkit.ptxas, emitError)))
    return failure();
  if (options.format == GPUFormat::Fatbin &&
      failed(findCUDAProgram("fatbinary", options.toolkit.fatbinary, emitError)))
    return failure();
  return success();
}

FailureOr<SmallVector<GPUArtefact>>
rheobase::emitKernels(ModuleOp module, const GPUEmissionOptions &options) {
  auto emitError = [&] { return module.emitError(); };
  if (failed(checkGPUOptions(options, emitError)))
    return failure();
  SmallVector<GPUChip> chips;
  for (StringRef name : options.chips)
    chips.push_back(*findGPUChip(name, emitError));

  auto modules = llvm::to_vector(module.getOps<gpu::GPUModuleOp>());
  if (modules.size() != 1)
    return emitError() << "expected one gpu.module with kernels, got "
                       << modules.size();
  gpu::GPUModuleOp kernels = modules.front();
  SmallVector<KernelInfo> infos;
  SmallVector<std::string> ptx, cubins;
  for (const GPUChip &chip : chips) {
    FailureOr<std::string> text = translateToPTX(
        kernels, chip, options.optLevel, ptx.empty() ? &infos : nullptr);
    if (failed(text))
      return failure();
    ptx.push_back(std::move(*text));
    if (options.format == GPUFormat::PTX)
      continue;
    FailureOr<std::string> cubin =
        assembleCubin(ptx.back(), chip, options.toolkit, emitError);
    if (failed(cubin))
      return failure();
    cubins.push_back(std::move(*cubin));
  }

  SmallVector<GPUArtefact> artefacts;
  switch (options.format) {
  case GPUFormat::PTX:
    artefacts.push_back({"", ptx.front()});
    break;
  case GPUFormat::Cubin:
    artefacts.push_back({"", cubins.front()});
    break;
  case GPUFormat::Fatbin: {
    FailureOr<std::string> fatbin =
        makeFatbin(chips, cubins, ptx.front(), options.toolkit, emitError);
    if (failed(fatbin))
      return failure();
    artefacts.push_back({"", std::move(*fatbin)});
    break;
  }
  }

  json::Array described;
  module.walk([&](gpu::LaunchFuncOp launch) {
    auto kernel = kernels.lookupSymbol<LLVM::LLVMFuncOp>(launch.getKernelName());
    auto info = llvm::find_if(infos, [&](const KernelInfo &candidate) {
      return kernel && candidate.name == kernel.getName();
    });
    if (info != infos.end())
      described.push_back(describe(launch, kernel, *info));
  });
  std::string manifest;
  llvm::raw_string_ostream stream(manifest);
  json::Object root{
      {"target", "nvptx"},
      {"chips", json::Array(options.chips)},
      {"kernels", std::move(described)},
  };
  stream << llvm::formatv("{0:2}", json::Value(std::move(root))) << "\n";
  artefacts.push_back({".json", std::move(manifest)});
  return artefacts;
}

LogicalResult rheobase::writeArtefacts(ArrayRef<GPUArtefact> artefacts,
                                       StringRef output, EmitError emitError) {
  for (const GPUArtefact &artefact : artefacts) {
    std::string name = output == "-" ? "-" : output.str() + artefact.suffix;
    // Standard output takes the first alone.
    if (output == "-" && !artefact.suffix.empty())
      continue;
    if (name == "-") {
      llvm::outs() << artefact.contents;
      continue;
    }
    rt::Status status = rt::writeFile(name, artefact.contents.data(),
                                      artefact.contents.size());
    if (!status.ok())
      return emitError() << status.message();
  }
  return success();
}
