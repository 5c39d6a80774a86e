//===- Cache.cpp - Machine code that was generated before -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Target/Cache.h"

#include "rheobase/Runtime/Files.h"
#include "rheobase/abi.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/EndianStream.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_sha1_ostream.h"
#include "llvm/Support/xxhash.h"
#include "llvm/Target/TargetMachine.h"
#include <dlfcn.h>
#include <sys/stat.h>
#include <utime.h>

using namespace mlir;
using namespace rheobase;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

/// "100M": a number of bytes; suffixes K, M, G.
static bool parseSize(StringRef text, uint64_t &bytes) {
  unsigned shift = 0;
  if (text.consume_back_insensitive("K"))
    shift = 10;
  else if (text.consume_back_insensitive("M"))
    shift = 20;
  else if (text.consume_back_insensitive("G"))
    shift = 30;
  uint64_t number;
  if (text.getAsInteger(10, number) || number > (UINT64_MAX >> shift))
    return false;
  bytes = number << shift;
  return true;
}

bool rheobase::getCompileCacheOptions(StringRef chosen,
                                      CompileCacheOptions &options,
                                      std::string &message) {
  auto environment = [](const char *name) -> StringRef {
    const char *value = std::getenv(name);
    return value ? value : "";
  };
  if (chosen.empty())
    chosen = environment("RHEOBASE_CACHE");
  if (StringRef size = environment("RHEOBASE_CACHE_SIZE");
      !size.empty() && !parseSize(size, options.limitBytes)) {
    message = ("RHEOBASE_CACHE_SIZE: expected a number of bytes, such as 100M, "
               "got '" +
               size + "'")
                  .str();
    return false;
  }
  if (chosen == "off") {
    options.folder.clear();
    return true;
  }
  SmallString<128> folder(chosen);
  if (folder.empty()) {
    // Relative paths are invalid there.
    if (StringRef base = environment("XDG_CACHE_HOME");
        llvm::sys::path::is_absolute(base))
      folder = base;
    else if (StringRef home = environment("HOME");
             llvm::sys::path::is_absolute(home))
      llvm::sys::path::append(folder, home, ".cache");
    else
      return true;
    llvm::sys::path::append(folder, "rheobase");
  }
  options.folder = std::string(folder);
  return true;
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

/// The file that a function was loaded from, when it was made and how large it
/// is: versions alone do not tell two builds apart.
static void describeFile(raw_ostream &os, void *address) {
  Dl_info info;
  struct stat file;
  if (!dladdr(address, &info) || !info.dli_fname ||
      stat(info.dli_fname, &file) != 0) {
    os << "unknown\n";
    return;
  }
  os << info.dli_fname << " " << file.st_size << " " << file.st_mtim.tv_sec
     << "." << file.st_mtim.tv_nsec << "\n";
}

std::string CompileCache::getKey(ModuleOp module, const OpPassManager &passes,
                                 const CPUCodegenOptions &options,
                                 bool locations) {
  llvm::raw_sha1_ostream os;
  os << RHEOBASE_VERSION << " " << LLVM_VERSION_STRING << " "
     << RHEOBASE_ABI_VERSION << "\n";
  describeFile(os, reinterpret_cast<void *>(&CompileCache::getKey));
  describeFile(os, reinterpret_cast<void *>(&llvm::sys::fs::getMainExecutable));
  describeFile(os,
               reinterpret_cast<void *>(&mlir::registerPassManagerCLOptions));
  std::string message;
  if (std::unique_ptr<llvm::TargetMachine> machine =
          createTargetMachine(options, message))
    os << machine->getTargetTriple().str() << " " << machine->getTargetCPU()
       << " " << machine->getTargetFeatureString() << "\n";
  os << "O" << options.optLevel << " '" << options.symbolSuffix << "' "
     << options.standalone << "\n";
  passes.printAsTextualPipeline(os);
  os << "\n";
  OpPrintingFlags flags;
  flags.printGenericOpForm();
  if (locations)
    flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/false);
  module->print(os, flags);
  return llvm::toHex(os.sha1(), /*LowerCase=*/true);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

// A file: the magic, the key, the number of objects, then the manifest and each
// object with its length before it, and a checksum of all of that.
static constexpr StringLiteral magic("rheobase machine code 1\n");
static constexpr StringLiteral ending(".rbc");

std::string CompileCache::getPath(StringRef key) const {
  SmallString<128> path(options.folder);
  llvm::sys::path::append(path, key + ending);
  return std::string(path);
}

static std::string encode(StringRef key, const MachineCode &code) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::support::endian::Writer writer(os, llvm::endianness::little);
  auto writeText = [&](StringRef part) {
    writer.write<uint64_t>(part.size());
    os << part;
  };
  os << magic;
  writeText(key);
  writer.write<uint64_t>(code.objects.size());
  writeText(code.manifest);
  for (const std::string &object : code.objects)
    writeText(object);
  writer.write<uint64_t>(llvm::xxh3_64bits(text));
  return text;
}

/// What is wrong with a file, or nothing.
static const char *decode(StringRef text, StringRef key, MachineCode &code) {
  if (!text.starts_with(magic))
    return "it does not begin as one";
  if (text.size() < magic.size() + sizeof(uint64_t))
    return "it is cut short";
  StringRef body = text.drop_back(sizeof(uint64_t));
  if (llvm::support::endian::read64le(body.end()) != llvm::xxh3_64bits(body))
    return "its checksum is wrong";
  body = body.drop_front(magic.size());
  auto readNumber = [&](uint64_t &number) {
    if (body.size() < sizeof(uint64_t))
      return false;
    number = llvm::support::endian::read64le(body.data());
    body = body.drop_front(sizeof(uint64_t));
    return true;
  };
  auto readText = [&](StringRef &part) {
    uint64_t size;
    if (!readNumber(size) || body.size() < size)
      return false;
    part = body.take_front(size);
    body = body.drop_front(size);
    return true;
  };
  StringRef part;
  uint64_t count;
  if (!readText(part) || part != key)
    return "it belongs to another module";
  if (!readNumber(count) || !readText(part))
    return "it is cut short";
  code.manifest = part.str();
  for (uint64_t i = 0; i < count; ++i) {
    if (!readText(part))
      return "it is cut short";
    code.objects.push_back(part.str());
  }
  return body.empty() ? nullptr : "there is more than belongs to it";
}

std::optional<MachineCode> CompileCache::lookup(StringRef key, Location loc) {
  if (!isEnabled())
    return std::nullopt;
  std::string path = getPath(key);
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false,
                                          /*IsVolatile=*/true);
  if (!file)
    return std::nullopt;
  MachineCode code;
  if (const char *problem = decode((*file)->getBuffer(), key, code)) {
    emitWarning(loc) << "the file '" << path
                     << "' of the compile cache is damaged (" << problem
                     << "): compiling again";
    return std::nullopt;
  }
  // The time of its last use: what is old goes first.
  (void)utime(path.c_str(), nullptr);
  return code;
}

void CompileCache::store(StringRef key, const MachineCode &code, Location loc) {
  if (!isEnabled())
    return;
  std::string text = encode(key, code);
  if (text.size() > options.limitBytes)
    return;
  auto warn = [&](const Twine &problem) {
    emitWarning(loc) << "cannot keep machine code in the compile cache: "
                     << problem << " (RHEOBASE_CACHE=off does without)";
  };
  // Code that will be executed: others shall not write it.
  if (std::error_code error = llvm::sys::fs::create_directories(
          options.folder, /*IgnoreExisting=*/true,
          llvm::sys::fs::perms::owner_all))
    return warn("cannot make '" + options.folder + "': " + error.message());
  rt::Status status = rt::writeFile(getPath(key), text.data(),
                                    static_cast<int64_t>(text.size()));
  if (!status.ok())
    return warn(status.message());
  evict();
}

void CompileCache::evict() {
  struct Entry {
    llvm::sys::TimePoint<> used;
    std::string path;
    uint64_t bytes;
  };
  SmallVector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  auto now = std::chrono::system_clock::now();
  for (llvm::sys::fs::directory_iterator it(options.folder, error), end;
       it != end && !error; it.increment(error)) {
    StringRef name = llvm::sys::path::filename(it->path());
    if (!name.contains(ending))
      continue;
    // Others may remove files at the same time.
    llvm::ErrorOr<llvm::sys::fs::basic_file_status> status = it->status();
    if (!status)
      continue;
    llvm::sys::TimePoint<> used = status->getLastModificationTime();
    if (name.ends_with(ending)) {
      entries.push_back({used, it->path(), status->getSize()});
      total += status->getSize();
    } else if (name.ends_with(".tmp") && now - used > std::chrono::hours(1)) {
      // Left by a process that was ended while it wrote.
      (void)llvm::sys::fs::remove(it->path());
    }
  }
  llvm::sort(entries, [](const Entry &a, const Entry &b) {
    return std::tie(a.used, a.path) < std::tie(b.used, b.path);
  });
  for (const Entry &entry : entries) {
    if (total <= options.limitBytes)
      return;
    (void)llvm::sys::fs::remove(entry.path);
    total -= entry.bytes;
  }
}
