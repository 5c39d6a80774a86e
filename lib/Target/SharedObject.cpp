//===- SharedObject.cpp - Ahead-of-time artefacts for CPUs ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/SharedObject.h"

#include "rheobase/Runtime/Files.h"
#include "rheobase/abi.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace rheobase;

//===----------------------------------------------------------------------===//
// The C header
//===----------------------------------------------------------------------===//

/// "f32[B,784]"
static std::string describeShape(const llvm::json::Object &value) {
  std::string text = value.getString("dtype").value_or("?").str() + "[";
  if (const llvm::json::Array *shape = value.getArray("shape"))
    for (auto [i, extent] : llvm::enumerate(*shape)) {
      if (i)
        text += ",";
      if (auto number = extent.getAsInteger())
        text += std::to_string(*number);
      else
        text += extent.getAsString().value_or("?").str();
    }
  return text + "]";
}

static void describeValues(raw_ostream &os, StringRef title,
                           const llvm::json::Array *values) {
  if (!values)
    return;
  os << " * " << title << ":\n";
  for (auto [i, element] : llvm::enumerate(*values)) {
    const llvm::json::Object &value = *element.getAsObject();
    os << " *   [" << i << "] " << value.getString("name").value_or("")
       << ": " << describeShape(value) << ", "
       << value.getString("role").value_or("");
    if (value.getBoolean("donated").value_or(false))
      os << ", updated in place";
    if (auto alias = value.getInteger("aliases"))
      os << ", is argument " << *alias;
    os << "\n";
  }
}

llvm::Expected<std::string> rheobase::generateHeader(StringRef manifest,
                                                     StringRef name,
                                                     bool threads) {
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(manifest);
  if (!json)
    return json.takeError();
  const llvm::json::Object *root = json->getAsObject();
  const llvm::json::Object *entries =
      root ? root->getObject("entries") : nullptr;
  if (!entries)
    return llvm::createStringError("the manifest has no entries");
  std::string guard = "RHEOBASE_";
  for (char c : name)
    guard += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  guard += "_H";

  std::string text;
  llvm::raw_string_ostream os(text);
  os << "/* " << name << ".h - entry points of " << name << ".so\n"
     << " *\n"
     << " * Tensors are dense and row-major; equal names of dimensions are equal "
        "sizes.\n"
     << " * Scalars have rank 0. Results that no argument is are allocated by the "
        "callee:\n"
     << " * give their data back with rheobase_rt_free. A function returns RB_OK "
        "or the\n"
     << " * status of an error, whose message is rb_last_error().\n *\n"
     << (threads ? " * Its loops run on the threads of OpenMP: libomp.so.5 is "
                   "needed where it is\n"
                   " * loaded. Compiled with --openmp=false it is not.\n"
                 : " * Compiled with --openmp=false: it runs on one thread "
                   "and needs no libomp.\n")
     << " */\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"rheobase/abi.h\"\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
     << "/* What the functions take and give, in JSON; the version of the ABI. "
        "*/\n"
     << "extern const char rheobase_manifest[];\n"
     << "extern const int32_t rheobase_abi_version;\n";
  SmallVector<StringRef> names;
  for (const auto &entry : *entries)
    names.push_back(entry.first);
  llvm::sort(names);
  for (StringRef entryName : names) {
    const llvm::json::Object *entry = entries->getObject(entryName);
    os << "\n/* " << entryName << "\n";
    describeValues(os, "args", entry->getArray("arguments"));
    describeValues(os, "results", entry->getArray("results"));
    os << " */\n"
       << "int32_t " << entry->getString("symbol").value_or("")
       << "(const rb_tensor *args, rb_tensor *results);\n";
  }
  os << "\n#ifdef __cplusplus\n}\n#endif\n#endif /* " << guard << " */\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

LogicalResult rheobase::writeOutput(StringRef path, StringRef contents,
                                    Location loc) {
  if (path == "-") {
    llvm::outs() << contents;
    return success();
  }
  rt::Status status =
      rt::writeFile(path.str(), contents.data(), contents.size());
  if (!status.ok())
    return emitError(loc) << status.message();
  return success();
}

LogicalResult rheobase::writeLLVM(ModuleOp module,
                                  const CPUCodegenOptions &options,
                                  StringRef output) {
  std::string message, text;
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(options, message);
  if (!machine)
    return module.emitError(message);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      translateAndOptimize(module, context, *machine, options);
  if (!llvmModule)
    return failure();
  llvm::raw_string_ostream(text) << *llvmModule;
  return writeOutput(output, text, module.getLoc());
}

/// The driver that links: the one that was asked for, or one of the PATH.
static FailureOr<std::string> findLinker(Location loc, StringRef wanted) {
  if (!wanted.empty()) {
    llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(wanted);
    if (!found)
      return emitError(loc, "there is no program '") << wanted << "' to link";
    return *found;
  }
  for (StringRef name : {"clang-22", "clang", "cc", "gcc"})
    if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(name))
      return *found;
  return emitError(loc, "found no compiler driver to link with: expected "
                        "clang-22, clang, cc or gcc on the PATH");
}

/// libRheobaseRTCore.a of the build or installation that this program is of.
static FailureOr<std::string> findRuntime(Location loc, StringRef wanted) {
  SmallString<128> path(wanted);
  if (wanted.empty()) {
    static int anchor;
    path = llvm::sys::path::parent_path(
        llvm::sys::fs::getMainExecutable(nullptr, &anchor));
    llvm::sys::path::append(path, "..", "lib", "libRheobaseRTCore.a");
    llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  }
  if (!llvm::sys::fs::exists(path))
    return emitError(loc, "the runtime's library '")
           << path << "' does not exist";
  return std::string(path);
}

static LogicalResult link(ArrayRef<std::string> objects,
                          const SharedObjectOptions &options, StringRef output,
                          Location loc) {
  FailureOr<std::string> linker = findLinker(loc, options.linker);
  FailureOr<std::string> runtime = findRuntime(loc, options.runtimeLibrary);
  if (failed(linker) || failed(runtime))
    return failure();
  SmallString<128> linked, log;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("rheobase-link", "so", linked))
    return emitError(loc, "cannot write a temporary file: ") << error.message();
  llvm::FileRemover removeLinked(linked);
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("rheobase-link", "log", log))
    return emitError(loc, "cannot write a temporary file: ") << error.message();
  llvm::FileRemover removeLog(log);

  SmallVector<StringRef> arguments{*linker, "-shared", "-o", linked};
  llvm::append_range(arguments, objects);
  arguments.append({*runtime, "-Wl,-z,defs"});
  SmallString<128> rpath;
  if (options.threads) {
    rpath = "-Wl,-rpath,";
    rpath += llvm::sys::path::parent_path(RHEOBASE_LIBOMP);
    arguments.append({RHEOBASE_LIBOMP, rpath});
  }
  arguments.append({"-lm", "-lpthread", "-ldl"});
  std::string message;
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log),
                                          StringRef(log)};
  int status = llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt,
                                         redirects, 0, 0, &message);
  if (status != 0) {
    if (message.empty())
      message = "status " + std::to_string(status);
    if (auto text = llvm::MemoryBuffer::getFile(log))
      if (StringRef output = (*text)->getBuffer().rtrim(); !output.empty())
        message += ": " + output.str();
    return emitError(loc, "cannot link '")
           << output << "' (" << llvm::join(arguments, " ") << "): " << message;
  }
  auto code = llvm::MemoryBuffer::getFile(linked, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!code)
    return emitError(loc, "cannot read '")
           << linked << "': " << code.getError().message();
  if (failed(writeOutput(output, (*code)->getBuffer(), loc)))
    return failure();
  // The rights that a linker gives.
  if (llvm::sys::fs::is_regular_file(output))
    (void)llvm::sys::fs::setPermissions(
        output, static_cast<llvm::sys::fs::perms>(
                    llvm::sys::fs::all_all & ~llvm::sys::fs::getUmask()));
  return success();
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

std::string rheobase::getVariantSuffix(CPUInstructionSet isa) {
  std::string suffix = ("." + stringifyInstructionSet(isa)).str();
  std::replace(suffix.begin(), suffix.end(), '-', '_');
  return suffix;
}

/// What rheobase_rt_instruction_set must at least be for a variant.
static int32_t getLevel(CPUInstructionSet isa) {
  return getVectorBits(isa) == 512 ? RB_X86_64_V4 : RB_X86_64_V3;
}

/// Entry points that call those of the best variant that the machine can run,
/// and the manifest: for any processor.
static FailureOr<std::string>
generateEntryPoints(ArrayRef<CodeVariant> variants, bool threads,
                    Location loc) {
  const std::string &manifest = variants.front().code.manifest;
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(manifest);
  if (!json)
    return emitError(loc, "the manifest is not JSON: ")
           << llvm::toString(json.takeError());
  CPUCodegenOptions codegen;
  codegen.isa = CPUInstructionSet::Baseline;
  std::string message;
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(codegen, message);
  if (!machine)
    return emitError(loc, message);

  llvm::LLVMContext context;
  llvm::Module module("entries", context);
  module.setDataLayout(machine->createDataLayout());
  module.setTargetTriple(machine->getTargetTriple());
  addManifest(module, manifest);
  llvm::IRBuilder<> b(context);
  llvm::Type *i32 = b.getInt32Ty(), *pointer = b.getPtrTy();
  auto *entryType =
      llvm::FunctionType::get(i32, {pointer, pointer}, /*isVarArg=*/false);
  llvm::FunctionCallee getInstructionSet =
      module.getOrInsertFunction("rheobase_rt_instruction_set", i32);
  llvm::FunctionCallee report = module.getOrInsertFunction(
      "rheobase_rt_instruction_set_error", b.getVoidTy(), pointer, i32);
  llvm::FunctionCallee enter, leave;
  if (threads) {
    enter = module.getOrInsertFunction("rheobase_rt_enter", b.getInt64Ty());
    leave = module.getOrInsertFunction("rheobase_rt_leave", b.getVoidTy(),
                                       b.getInt64Ty());
  }
  auto declare = [&](const Twine &name) {
    return llvm::Function::Create(entryType, llvm::GlobalValue::ExternalLinkage,
                                  name, module);
  };
  SmallVector<const CodeVariant *> best;
  for (const CodeVariant &variant : variants)
    best.push_back(&variant);
  llvm::sort(best, [](const CodeVariant *a, const CodeVariant *b) {
    return getLevel(a->isa) > getLevel(b->isa);
  });

  for (const auto &[name, entry] : *json->getAsObject()->getObject("entries")) {
    StringRef symbol = entry.getAsObject()->getString("symbol").value_or("");
    llvm::Function *function = declare(symbol);
    b.SetInsertPoint(llvm::BasicBlock::Create(context, "", function));
    llvm::Value *level = b.CreateCall(getInstructionSet);
    for (const CodeVariant *variant : best) {
      llvm::Function *target = declare(symbol + getVariantSuffix(variant->isa));
      target->setVisibility(llvm::GlobalValue::HiddenVisibility);
      auto *call = llvm::BasicBlock::Create(context, "", function);
      auto *next = llvm::BasicBlock::Create(context, "", function);
      b.CreateCondBr(b.CreateICmpSGE(level, b.getInt32(getLevel(variant->isa))),
                     call, next);
      b.SetInsertPoint(call);
      llvm::Value *entered = nullptr;
      if (threads) {
        entered = b.CreateCall(enter);
        auto *run = llvm::BasicBlock::Create(context, "", function);
        auto *refuse = llvm::BasicBlock::Create(context, "", function);
        b.CreateCondBr(b.CreateICmpSLT(entered, b.getInt64(0)), refuse, run);
        b.SetInsertPoint(refuse);
        b.CreateRet(b.getInt32(RB_UNAVAILABLE));
        b.SetInsertPoint(run);
      }
      llvm::Value *status =
          b.CreateCall(target, {function->getArg(0), function->getArg(1)});
      if (threads)
        b.CreateCall(leave, entered);
      b.CreateRet(status);
      b.SetInsertPoint(next);
    }
    b.CreateCall(report, {b.CreateGlobalString(name.str()),
                          b.getInt32(getLevel(best.back()->isa))});
    b.CreateRet(b.getInt32(RB_UNAVAILABLE));
  }
  SmallVector<char, 0> object;
  if (!emitMachineCode(module, *machine, /*assembly=*/false, object))
    return emitError(loc, "this target has no object code");
  return std::string(object.data(), object.size());
}

LogicalResult rheobase::writeSharedObject(ArrayRef<CodeVariant> variants,
                                          const SharedObjectOptions &options,
                                          StringRef output, Location loc) {
  FailureOr<std::string> entries =
      generateEntryPoints(variants, options.threads, loc);
  if (failed(entries))
    return failure();
  SmallVector<std::string> files;
  std::vector<std::unique_ptr<llvm::FileRemover>> removers;
  auto add = [&](StringRef contents) -> LogicalResult {
    SmallString<128> path;
    if (std::error_code error =
            llvm::sys::fs::createTemporaryFile("rheobase", "o", path))
      return emitError(loc, "cannot write a temporary file: ")
             << error.message();
    files.push_back(std::string(path));
    removers.push_back(std::make_unique<llvm::FileRemover>(path));
    return writeOutput(path, contents, loc);
  };
  if (failed(add(*entries)))
    return failure();
  for (const CodeVariant &variant : variants)
    for (const std::string &object : variant.code.objects)
      if (failed(add(object)))
        return failure();
  if (failed(link(files, options, output, loc)))
    return failure();

  SmallString<128> header(output);
  llvm::sys::path::replace_extension(header, "h");
  llvm::Expected<std::string> text =
      generateHeader(variants.front().code.manifest,
                     llvm::sys::path::stem(output), options.threads);
  if (!text)
    return emitError(loc, "cannot write the header: ")
           << llvm::toString(text.takeError());
  return writeOutput(header, *text, loc);
}
