//===- SharedObject.cpp - Ahead-of-time artefacts for CPUs ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/SharedObject.h"

#include "rheobase/Dialect/Spiking/IR/Spiking.h"
#include "rheobase/Runtime/Files.h"
#include "rheobase/abi.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/IR/Constants.h"
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

/// The manifest and the version, as symbols of the module.
static void addManifest(llvm::Module &module, StringRef manifest) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Constant *text =
      llvm::ConstantDataArray::getString(context, manifest, /*AddNull=*/true);
  new llvm::GlobalVariable(module, text->getType(), /*isConstant=*/true,
                           llvm::GlobalValue::ExternalLinkage, text,
                           "rheobase_manifest");
  llvm::Type *i32 = llvm::Type::getInt32Ty(context);
  new llvm::GlobalVariable(
      module, i32, /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
      llvm::ConstantInt::get(i32, RHEOBASE_ABI_VERSION), "rheobase_abi_version");
}

static LogicalResult writeFile(ModuleOp module, StringRef path,
                               StringRef contents) {
  if (path == "-") {
    llvm::outs() << contents;
    return success();
  }
  rt::Status status =
      rt::writeFile(path.str(), contents.data(), contents.size());
  if (!status.ok())
    return module.emitError(status.message());
  return success();
}

/// The driver that links: the one that was asked for, or one of the PATH.
static FailureOr<std::string> findLinker(ModuleOp module, StringRef wanted) {
  if (!wanted.empty()) {
    llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(wanted);
    if (!found)
      return module.emitError("there is no program '") << wanted << "' to link";
    return *found;
  }
  for (StringRef name : {"clang-22", "clang", "cc", "gcc"})
    if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(name))
      return *found;
  return module.emitError("found no compiler driver to link with: expected "
                          "clang-22, clang, cc or gcc on the PATH");
}

/// libRheobaseRTCore.a of the build or installation that this program is of.
static FailureOr<std::string> findRuntime(ModuleOp module, StringRef wanted) {
  SmallString<128> path(wanted);
  if (wanted.empty()) {
    static int anchor;
    path = llvm::sys::path::parent_path(
        llvm::sys::fs::getMainExecutable(nullptr, &anchor));
    llvm::sys::path::append(path, "..", "lib", "libRheobaseRTCore.a");
    llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  }
  if (!llvm::sys::fs::exists(path))
    return module.emitError("the runtime's library '")
           << path << "' does not exist";
  return std::string(path);
}

static LogicalResult link(ModuleOp module, StringRef object,
                          const CPUArtefactOptions &options, StringRef output) {
  FailureOr<std::string> linker = findLinker(module, options.linker);
  FailureOr<std::string> runtime = findRuntime(module, options.runtimeLibrary);
  if (failed(linker) || failed(runtime))
    return failure();
  SmallString<128> linked, log;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("rheobase-link", "so", linked))
    return module.emitError("cannot write a temporary file: ")
           << error.message();
  llvm::FileRemover removeLinked(linked);
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("rheobase-link", "log", log))
    return module.emitError("cannot write a temporary file: ")
           << error.message();
  llvm::FileRemover removeLog(log);

  SmallVector<StringRef> arguments{*linker, "-shared", "-o",     linked,
                                   object,  *runtime,  "-Wl,-z,defs"};
  SmallString<128> rpath;
  if (options.threads) {
    rpath = "-Wl,-rpath,";
    rpath += llvm::sys::path::parent_path(RHEOBASE_LIBOMP);
    arguments.append({RHEOBASE_LIBOMP, rpath});
  }
  arguments.append({"-lm", "-lpthread"});
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
    return module.emitError("cannot link '")
           << output << "' (" << llvm::join(arguments, " ") << "): " << message;
  }
  auto code = llvm::MemoryBuffer::getFile(linked, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!code)
    return module.emitError("cannot read '")
           << linked << "': " << code.getError().message();
  if (failed(writeFile(module, output, (*code)->getBuffer())))
    return failure();
  // The rights that a linker gives.
  if (llvm::sys::fs::is_regular_file(output))
    (void)llvm::sys::fs::setPermissions(
        output, static_cast<llvm::sys::fs::perms>(
                    llvm::sys::fs::all_all & ~llvm::sys::fs::getUmask()));
  return success();
}

LogicalResult rheobase::writeCPUArtefact(ModuleOp module, CPUArtefact kind,
                                         const CPUArtefactOptions &options,
                                         StringRef output) {
  auto manifest = module->getAttrOfType<StringAttr>(
      spiking::SpikingDialect::kManifestAttrName);
  if (!manifest)
    return module.emitError("expected a module that spiking-describe-entries "
                            "has described, got one without ")
           << spiking::SpikingDialect::kManifestAttrName;
  std::string message;
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(options.codegen, message);
  if (!machine)
    return module.emitError(message);
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      translateAndOptimize(module, context, *machine, options.codegen);
  if (!llvmModule)
    return failure();
  addManifest(*llvmModule, manifest);
  if (kind == CPUArtefact::LLVM) {
    std::string text;
    llvm::raw_string_ostream(text) << *llvmModule;
    return writeFile(module, output, text);
  }

  SmallVector<char, 0> code;
  if (!emitMachineCode(*llvmModule, *machine, /*assembly=*/false, code))
    return module.emitError("this target has no object code");
  StringRef bytes(code.data(), code.size());
  if (kind == CPUArtefact::Object)
    return writeFile(module, output, bytes);

  SmallString<128> object;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("rheobase", "o", object))
    return module.emitError("cannot write a temporary file: ")
           << error.message();
  llvm::FileRemover removeObject(object);
  if (failed(writeFile(module, object, bytes)) ||
      failed(link(module, object, options, output)))
    return failure();

  SmallString<128> header(output);
  llvm::sys::path::replace_extension(header, "h");
  llvm::Expected<std::string> text =
      generateHeader(manifest, llvm::sys::path::stem(output),
                     options.threads);
  if (!text)
    return module.emitError("cannot write the header: ")
           << llvm::toString(text.takeError());
  return writeFile(module, header, *text);
}
