//===- OpenProgram.cpp - From a file to a program -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OpenProgram.h"

#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/Compile.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace llvm;

namespace rheobase {

OpenedProgram::OpenedProgram() = default;
OpenedProgram::~OpenedProgram() = default;

rt::Status OpenedProgram::open(const std::string &path, rt::Trainer &trainer) {
  auto file = MemoryBuffer::getFile(path);
  if (!file)
    return rt::Status(RB_NOT_FOUND, "cannot open '" + path +
                                        "': " + file.getError().message());
  // Whatever ELF file it is: the runtime says what is wrong with it.
  if ((*file)->getBuffer().starts_with("\x7f"
                                       "ELF"))
    return trainer.loadProgram(path);
  return compile(path, trainer);
}

rt::Status OpenedProgram::compile(const std::string &path,
                                  rt::Trainer &trainer) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  SourceMgr sourceMgr;
  mlir::SourceMgrDiagnosticHandler diagnostics(sourceMgr, &context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceFile<mlir::ModuleOp>(path, sourceMgr, &context);
  if (!module)
    return rt::Status(RB_INVALID_ARGUMENT,
                      "'" + path + "': expected a module or a shared object");
  if (!isTrainable(*module))
    return rt::Status(RB_INVALID_ARGUMENT,
                      "'" + path +
                          "': expected a function with the attribute "
                          "spiking.training, which says how it is trained");
  CompileOptions options;
  options.moduleName = sys::path::stem(path).str();
  auto program = compileForCPU(*module, options);
  if (failed(program))
    return rt::Status(RB_INVALID_ARGUMENT, "cannot compile '" + path + "'");
  compiled = std::move(*program);

  std::vector<rb_function> functions;
  for (const CompiledProgram::Entry &entry : compiled->getEntries())
    functions.push_back({entry.symbol.c_str(), entry.function});
  rb_program *created = nullptr;
  if (rb_status code = rb_program_create(
          compiled->getManifest().c_str(), functions.data(),
          static_cast<int64_t>(functions.size()), &created);
      code != RB_OK)
    return rt::Status(code, rb_last_error());
  return trainer.setProgram(created);
}

} // namespace rheobase
