//===- Passes.td - Passes that write artefacts ------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_TARGET_PASSES_TD
#define RHEOBASE_TARGET_PASSES_TD

include "mlir/Pass/PassBase.td"

def EmitKernelsPass : Pass<"emit-kernels", "::mlir::ModuleOp"> {
  let summary = "write the kernels of a module as PTX, cubin or fatbin";
  let description = [{
    The kernels, in the llvm and nvvm dialects, are written to `output`, and
    their manifest (names, parameters, formulas for the grids) to `output` with
    ".json" after it. With the output "-", the kernels alone go to the standard
    output. The module is left as it is.

    ```mlir
    gpu.module @kernels {
      llvm.func @forward_0_scan(%x: !llvm.ptr, %n: i64) attributes {gpu.kernel, nvvm.kernel} { ... }
    }
    // --emit-kernels="chips=sm_80 output=-" prints
    // .visible .entry forward_0_scan(.param .u64 .ptr .align 1 forward_0_scan_param_0, ...) { ... }
    ```
  }];
  let options = [
    Option<"format", "format", "std::string", /*default=*/"\"ptx\"", "ptx, cubin or fatbin">,
    ListOption<"chips", "chips", "std::string", "names of chips, such as sm_90">,
    Option<"output", "output", "std::string", /*default=*/"\"-\"", "the file to write">,
    Option<"optLevel", "opt-level", "unsigned", /*default=*/"3", "LLVM's optimization level, 0 to 3">,
    Option<"ptxas", "ptxas", "std::string", /*default=*/"\"\"", "path of ptxas, if it is not to be looked for">,
    Option<"fatbinary", "fatbinary", "std::string", /*default=*/"\"\"", "path of fatbinary, likewise">,
  ];
}

#endif // RHEOBASE_TARGET_PASSES_TD
