//===- Toolkit.cpp - Programs and files of CUDA -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Toolkit.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace rheobase;

namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

/// Folders that are laid out as a CUDA toolkit, with bin/ and nvvm/.
static SmallVector<std::string> getToolkitFolders() {
  SmallVector<std::string> folders;
  // Who names a toolkit means this one.
  for (const char *name : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> value = llvm::sys::Process::GetEnv(name))
      return {*value};
  folders.push_back("/usr/local/cuda");

  // PyPI's packages: site-packages/nvidia/<package>.
  SmallVector<std::string> environments;
  if (std::optional<std::string> value =
          llvm::sys::Process::GetEnv("VIRTUAL_ENV"))
    environments.push_back(*value);
  static int anchor;
  SmallString<256> program(fs::getMainExecutable(nullptr, &anchor));
  // <source>/build/bin/program: the environment lies beside the build folder.
  for (int level = 0; level < 3 && !program.empty(); ++level) {
    path::remove_filename(program);
    SmallString<256> candidate(program);
    path::append(candidate, ".venv");
    environments.push_back(std::string(candidate));
  }
  environments.push_back(".venv");
  for (StringRef environment : environments) {
    SmallString<256> lib(environment);
    path::append(lib, "lib");
    std::error_code error;
    for (fs::directory_iterator python(lib, error), end;
         !error && python != end; python.increment(error)) {
      SmallString<256> packages(python->path());
      path::append(packages, "site-packages", "nvidia");
      SmallVector<std::string> found;
      std::error_code inner;
      for (fs::directory_iterator package(packages, inner);
           !inner && package != fs::directory_iterator();
           package.increment(inner))
        found.push_back(package->path());
      // The order of a folder's entries is arbitrary.
      llvm::sort(found);
      llvm::append_range(folders, found);
    }
  }
  return folders;
}

FailureOr<std::string> rheobase::findCUDAProgram(StringRef name,
                                                 StringRef given,
                                                 EmitError emitError) {
  if (!given.empty()) {
    if (fs::can_execute(given))
      return given.str();
    return emitError() << "'" << given << "', given as " << name
                       << ", is not a program";
  }
  if (llvm::ErrorOr<std::string> found = llvm::sys::findProgramByName(name))
    return *found;
  for (StringRef folder : getToolkitFolders()) {
    SmallString<256> candidate(folder);
    path::append(candidate, "bin", name);
    if (fs::can_execute(candidate))
      return std::string(candidate);
  }
  return emitError() << name
                     << " not found on the PATH, in $CUDA_HOME, or without that "
                        "in /usr/local/cuda or a virtual environment; install "
                        "the CUDA toolkit or PyPI's nvidia-cuda-nvcc, or give "
                        "its path as option "
                     << name;
}

std::optional<std::string> rheobase::findLibdevice() {
  for (StringRef folder : getToolkitFolders()) {
    SmallString<256> candidate(folder);
    path::append(candidate, "nvvm", "libdevice", "libdevice.10.bc");
    if (fs::exists(candidate))
      return std::string(candidate);
  }
  return std::nullopt;
}

namespace {
/// A file in the folder for temporary files that goes away with this object.
class TemporaryFile {
public:
  LogicalResult create(StringRef suffix, EmitError emitError) {
    if (std::error_code error =
            fs::createTemporaryFile("rheobase", suffix, name))
      return emitError() << "cannot create a temporary file: "
                         << error.message();
    remover.setFile(name);
    return success();
  }
  LogicalResult write(StringRef contents, EmitError emitError) {
    std::error_code error;
    llvm::raw_fd_ostream stream(name, error);
    if (!error) {
      stream << contents;
      stream.close();
      error = stream.error();
      stream.clear_error();
    }
    if (error)
      return emitError() << "cannot write '" << name
                         << "': " << error.message();
    return success();
  }
  FailureOr<std::string> read(EmitError emitError) const {
    auto buffer = llvm::MemoryBuffer::getFile(name);
    if (!buffer)
      return emitError() << "cannot read '" << name
                         << "': " << buffer.getError().message();
    return (*buffer)->getBuffer().str();
  }
  StringRef getName() const { return name; }
  void keep() { remover.releaseFile(); }

private:
  SmallString<128> name;
  llvm::FileRemover remover;
};
} // namespace

/// Runs a program; its output becomes part of the error if it fails.
static LogicalResult execute(ArrayRef<StringRef> command,
                             function_ref<void(InFlightDiagnostic &)> addNotes,
                             EmitError emitError) {
  TemporaryFile log;
  if (failed(log.create("log", emitError)))
    return failure();
  std::optional<StringRef> redirects[] = {StringRef(""), log.getName(),
                                          log.getName()};
  std::string message;
  int status = llvm::sys::ExecuteAndWait(command.front(), command, std::nullopt,
                                         redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message);
  if (status == 0)
    return success();
  InFlightDiagnostic diag = emitError();
  diag << path::filename(command.front()) << " failed";
  if (status > 0)
    diag << " with status " << status;
  if (!message.empty())
    diag << ": " << message;
  if (auto output = llvm::MemoryBuffer::getFile(log.getName()))
    if (StringRef text = (*output)->getBuffer().trim(); !text.empty())
      diag.attachNote() << text;
  std::string line = llvm::join(command, " ");
  diag.attachNote() << "command: " << line;
  addNotes(diag);
  return diag;
}

/// What a program wrote; one that ends well without writing is an error, too.
static FailureOr<std::string> readMade(StringRef program,
                                       const TemporaryFile &file,
                                       EmitError emitError) {
  FailureOr<std::string> made = file.read(emitError);
  if (succeeded(made) && made->empty())
    return emitError() << "'" << program << "' wrote nothing";
  return made;
}

FailureOr<std::string> rheobase::assembleCubin(StringRef ptx,
                                               const GPUChip &chip,
                                               const CUDAToolkit &toolkit,
                                               EmitError emitError) {
  FailureOr<std::string> ptxas =
      findCUDAProgram("ptxas", toolkit.ptxas, emitError);
  if (failed(ptxas))
    return failure();
  TemporaryFile source, cubin;
  if (failed(source.create("ptx", emitError)) ||
      failed(cubin.create("cubin", emitError)) ||
      failed(source.write(ptx, emitError)))
    return failure();
  if (failed(execute({*ptxas, "-arch", chip.name, "-o", cubin.getName(),
                      source.getName()},
                     [&](InFlightDiagnostic &diag) {
                       source.keep();
                       diag.attachNote()
                           << "the PTX is in '" << source.getName() << "'";
                     },
                     emitError)))
    return failure();
  return readMade(*ptxas, cubin, emitError);
}

FailureOr<std::string> rheobase::makeFatbin(ArrayRef<GPUChip> chips,
                                            ArrayRef<std::string> cubins,
                                            StringRef ptx,
                                            const CUDAToolkit &toolkit,
                                            EmitError emitError) {
  FailureOr<std::string> fatbinary =
      findCUDAProgram("fatbinary", toolkit.fatbinary, emitError);
  if (failed(fatbinary))
    return failure();
  TemporaryFile output, source;
  if (failed(output.create("fatbin", emitError)) ||
      failed(source.create("ptx", emitError)) ||
      failed(source.write(ptx, emitError)))
    return failure();
  std::vector<TemporaryFile> images(chips.size());
  SmallVector<std::string> arguments{
      *fatbinary, "-64", ("--create=" + output.getName()).str(),
      ("--image3=kind=ptx,sm=" + chips.front().name.drop_front(3) +
       ",file=" + source.getName())
          .str()};
  for (auto [chip, cubin, image] : llvm::zip(chips, cubins, images)) {
    if (failed(image.create("cubin", emitError)) ||
        failed(image.write(cubin, emitError)))
      return failure();
    arguments.push_back(("--image3=kind=elf,sm=" + chip.name.drop_front(3) +
                         ",file=" + image.getName())
                            .str());
  }
  SmallVector<StringRef> command(arguments.begin(), arguments.end());
  if (failed(execute(command, [](InFlightDiagnostic &) {}, emitError)))
    return failure();
  return readMade(*fatbinary, output, emitError);
}
