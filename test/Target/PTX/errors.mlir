// RUN: rm -rf %t
// RUN: split-file %s %t
// RUN: not snn-opt %t/kernel.mlir --emit-kernels=chips=sm_42 2>&1 | FileCheck %s --check-prefix=CHIP
// RUN: not snn-opt %t/kernel.mlir --emit-kernels=chips=gfx90 2>&1 | FileCheck %s --check-prefix=CHIP
// CHIP: error: unknown chip '{{sm_42|gfx90}}', expected one of sm_70, sm_72, sm_75, sm_80, {{.*}}sm_90, {{.*}}sm_100, {{.*}}sm_120

// RUN: not snn-opt %t/kernel.mlir --emit-kernels 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: expected at least one chip
// RUN: not snn-opt %t/kernel.mlir --emit-kernels=chips=sm_80,sm_90 2>&1 | FileCheck %s --check-prefix=SEVERAL
// SEVERAL: error: expected one chip for PTX, got 2; a fatbin takes several
// RUN: not snn-opt %t/kernel.mlir --emit-kernels="chips=sm_80 format=elf" 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: error: unknown format 'elf', expected ptx, cubin or fatbin
// RUN: not snn-opt %t/kernel.mlir --emit-kernels="chips=sm_80 opt-level=7" 2>&1 | FileCheck %s --check-prefix=LEVEL
// LEVEL: error: optimization level must be 0 to 3, got 7

// RUN: not env PATH=%t CUDA_HOME=%t %build/bin/snn-opt %t/kernel.mlir --emit-kernels="chips=sm_80 format=cubin output=%t/missing.cubin" 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: ptxas not found on the PATH, in $CUDA_HOME, or without that in /usr/local/cuda or a virtual environment; install the CUDA toolkit or PyPI's nvidia-cuda-nvcc, or give its path as option ptxas
// RUN: not ls %t/missing.cubin
// RUN: not snn-opt %t/kernel.mlir --emit-kernels="chips=sm_80 format=cubin ptxas=%t/kernel.mlir" 2>&1 | FileCheck %s --check-prefix=GIVEN
// GIVEN: error: '{{.*}}kernel.mlir', given as ptxas, is not a program

// A ptxas that rejects everything: its words, the command, and the PTX stay.
// RUN: chmod +x %t/reject
// RUN: not snn-opt %t/kernel.mlir --emit-kernels="chips=sm_80 format=cubin ptxas=%t/reject output=%t/rejected.cubin" 2>&1 | FileCheck %s --check-prefix=REJECTED
// REJECTED: error: reject failed with status 3
// REJECTED: note: fatal: no such instruction
// REJECTED: note: command: {{.*}}reject -arch sm_80 -o {{.*}} [[SOURCE:/.*\.ptx]]
// REJECTED: note: the PTX is in '[[SOURCE]]'
// RUN: not ls %t/rejected.cubin

// RUN: not snn-opt %t/kernel.mlir --emit-kernels="chips=sm_80 output=%t/no/such/folder.ptx" 2>&1 | FileCheck %s --check-prefix=WRITE
// WRITE: error: cannot write '{{.*}}folder.ptx': {{.*}}o such file or directory

// RUN: not snn-opt %t/extern.mlir --emit-kernels=chips=sm_80 2>&1 | FileCheck %s --check-prefix=EXTERN
// EXTERN: error: kernels call function 'my_function', which has no definition for the GPU
// RUN: not env CUDA_HOME=%t snn-opt %t/libdevice.mlir --emit-kernels=chips=sm_80 2>&1 | FileCheck %s --check-prefix=LIBDEVICE
// LIBDEVICE: error: function '__nv_exp' is one of CUDA's libdevice.10.bc, which was not found
// RUN: not snn-opt %t/high.mlir --emit-kernels=chips=sm_80 2>&1 | FileCheck %s --check-prefix=HIGH
// HIGH: error: 'gpu.func' op expected kernels of the llvm and nvvm dialects
// RUN: not snn-opt %t/empty.mlir --emit-kernels=chips=sm_80 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: error: expected one gpu.module with kernels, got 0

//--- kernel.mlir
gpu.module @kernels {
  llvm.func @f(%x: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    llvm.return
  }
}
//--- extern.mlir
gpu.module @kernels {
  llvm.func @my_function(f32) -> f32
  llvm.func @f(%x: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %v = llvm.load %x : !llvm.ptr -> f32
    %w = llvm.call @my_function(%v) : (f32) -> f32
    llvm.store %w, %x : f32, !llvm.ptr
    llvm.return
  }
}
//--- libdevice.mlir
gpu.module @kernels {
  llvm.func @__nv_exp(f64) -> f64
  llvm.func @f(%x: !llvm.ptr) attributes {gpu.kernel, nvvm.kernel} {
    %v = llvm.load %x : !llvm.ptr -> f64
    %w = llvm.call @__nv_exp(%v) : (f64) -> f64
    llvm.store %w, %x : f64, !llvm.ptr
    llvm.return
  }
}
//--- high.mlir
gpu.module @kernels {
  gpu.func @f() kernel {
    gpu.return
  }
}
//--- empty.mlir
module {}
//--- reject
#!/bin/sh
echo "fatal: no such instruction" >&2
exit 3
