//===- JIT.cpp - Compiled programs in this process --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/JIT.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Object/SymbolSize.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include <atomic>
#include <cinttypes>
#include <cstdlib>

using namespace mlir;
using namespace rheobase;

static std::atomic<int64_t> compileCount{0};

struct CompiledProgram::Impl {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::string manifest;
  std::vector<Entry> entries;
};

CompiledProgram::CompiledProgram(std::unique_ptr<Impl> impl)
    : impl(std::move(impl)) {}
CompiledProgram::~CompiledProgram() = default;

const std::string &CompiledProgram::getManifest() const {
  return impl->manifest;
}
const std::vector<CompiledProgram::Entry> &
CompiledProgram::getEntries() const {
  return impl->entries;
}
rb_entry_fn CompiledProgram::lookup(StringRef name) const {
  for (const Entry &entry : impl->entries)
    if (entry.name == name)
      return entry.function;
  return nullptr;
}
int64_t CompiledProgram::getCompileCount() { return compileCount; }

#if defined(__x86_64__) && defined(__clang__)
extern "C" void __truncsfbf2();
#endif

/// What generated code calls of the runtime, under the names it uses.
static llvm::Error bindRuntime(llvm::orc::LLJIT &jit) {
  llvm::orc::SymbolMap symbols;
  auto bind = [&](StringRef name, auto *function) {
    symbols[jit.mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  bind("rheobase_rt_alloc", &rheobase_rt_alloc);
  bind("rheobase_rt_need", &rheobase_rt_need);
  bind("rheobase_rt_free", &rheobase_rt_free);
#if defined(__x86_64__) && defined(__clang__)
  bind("__truncsfbf2", &__truncsfbf2);
#endif
  bind("rheobase_rt_shape_error", &rheobase_rt_shape_error);
  bind("rheobase_rt_begin_kernel", &rheobase_rt_begin_kernel);
  bind("rheobase_rt_begin_packed_kernel", &rheobase_rt_begin_packed_kernel);
  bind("rheobase_rt_end_kernel", &rheobase_rt_end_kernel);
  bind("rheobase_rt_profile_begin", &rheobase_rt_profile_begin);
  bind("rheobase_rt_profile_end", &rheobase_rt_profile_end);
  bind("rheobase_rt_profile_work", &rheobase_rt_profile_work);
  if (llvm::Error error = jit.getMainJITDylib().define(
          llvm::orc::absoluteSymbols(std::move(symbols))))
    return error;
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit.getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  jit.getMainJITDylib().addGenerator(std::move(*process));
  return llvm::Error::success();
}

/// Tells perf the names of the functions, where RHEOBASE_PERF_MAP is set: lines
/// of /tmp/perf-PID.map. What cannot be found is left out.
static void writePerfMap(llvm::orc::LLJIT &jit, ArrayRef<std::string> objects) {
  if (!std::getenv("RHEOBASE_PERF_MAP"))
    return;
  std::error_code error;
  llvm::raw_fd_ostream map(
      "/tmp/perf-" + std::to_string(llvm::sys::Process::getProcessId()) +
          ".map",
      error, llvm::sys::fs::OF_Append);
  if (error)
    return;
  for (const std::string &text : objects) {
    auto object = llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(text, "rheobase"));
    if (!object) {
      llvm::consumeError(object.takeError());
      continue;
    }
    // Where the section with the code is, a function that is known tells.
    std::optional<uint64_t> base;
    for (bool known : {false, true})
      for (auto [symbol, size] : llvm::object::computeSymbolSizes(**object)) {
        auto type = symbol.getType();
        auto name = symbol.getName();
        auto offset = symbol.getValue();
        auto flags = symbol.getFlags();
        if (!type || !name || !offset || !flags) {
          llvm::consumeError(type.takeError());
          llvm::consumeError(name.takeError());
          llvm::consumeError(offset.takeError());
          llvm::consumeError(flags.takeError());
          continue;
        }
        if (*type != llvm::object::SymbolRef::ST_Function ||
            (*flags & llvm::object::SymbolRef::SF_Undefined))
          continue;
        if (known && base) {
          map << llvm::format("%" PRIx64 " %" PRIx64 " ", *base + *offset, size)
              << *name << "\n";
          continue;
        }
        if (known || base || !(*flags & llvm::object::SymbolRef::SF_Global))
          continue;
        if (auto address = jit.lookup(*name))
          base = address->getValue() - *offset;
        else
          llvm::consumeError(address.takeError());
      }
  }
}

FailureOr<std::unique_ptr<CompiledProgram>>
rheobase::loadMachineCode(MachineCode code, Location loc) {
  auto fail = [&](llvm::Error error) {
    return emitError(loc) << "just-in-time compilation failed: "
                          << llvm::toString(std::move(error));
  };
  auto impl = std::make_unique<CompiledProgram::Impl>();
  // The code is for this machine whatever it is: none is generated here.
  llvm::orc::JITTargetMachineBuilder machine{
      llvm::Triple(llvm::sys::getProcessTriple())};
  initializeNativeTarget();
  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(machine))
                 .create();
  if (!jit)
    return fail(jit.takeError());
  impl->jit = std::move(*jit);
  if (llvm::Error error = bindRuntime(*impl->jit))
    return fail(std::move(error));
  for (auto [number, object] : llvm::enumerate(code.objects))
    if (llvm::Error error =
            impl->jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(
                object, "rheobase." + std::to_string(number))))
      return fail(std::move(error));
  if (llvm::Error error = impl->jit->initialize(impl->jit->getMainJITDylib()))
    return fail(std::move(error));

  impl->manifest = std::move(code.manifest);
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(impl->manifest);
  if (!json)
    return fail(json.takeError());
  const llvm::json::Object *entries =
      json->getAsObject()->getObject("entries");
  for (const auto &[name, entry] : *entries) {
    StringRef symbol = entry.getAsObject()->getString("symbol").value_or("");
    auto address = impl->jit->lookup(symbol);
    if (!address)
      return fail(address.takeError());
    impl->entries.push_back(
        {name.str(), symbol.str(), address->toPtr<rb_entry_fn>()});
  }
  writePerfMap(*impl->jit, code.objects);
  llvm::sort(impl->entries, [](const CompiledProgram::Entry &a,
                               const CompiledProgram::Entry &b) {
    return a.name < b.name;
  });
  ++compileCount;
  return std::make_unique<CompiledProgram>(std::move(impl));
}

FailureOr<std::unique_ptr<CompiledProgram>>
rheobase::jitCompile(ModuleOp module, const CPUCodegenOptions &options) {
  if (!isSupportedByHost(options.isa))
    return module.emitError("this machine cannot run code for the instruction "
                            "set that was asked for");
  FailureOr<MachineCode> code = generateMachineCode(module, options);
  if (failed(code))
    return failure();
  return loadMachineCode(std::move(*code), module.getLoc());
}
