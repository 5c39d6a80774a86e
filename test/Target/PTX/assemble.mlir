// REQUIRES: ptxas
// RUN: snn-opt %S/Inputs/step.mlir --lower-to-nvvm -o %t.mlir
// RUN: snn-opt %t.mlir --emit-kernels="format=cubin chips=sm_80 output=%t.80.cubin" -o /dev/null
// RUN: snn-opt %t.mlir --emit-kernels="format=cubin chips=sm_90 output=%t.90.cubin" -o /dev/null
// RUN: snn-opt %t.mlir --emit-kernels="format=cubin chips=sm_100 output=%t.100.cubin" -o /dev/null
// RUN: snn-opt %t.mlir --emit-kernels="format=cubin chips=sm_120 output=%t.120.cubin" -o /dev/null
// RUN: llvm-readobj -h %t.80.cubin %t.90.cubin %t.100.cubin %t.120.cubin | FileCheck %s
// CHECK-COUNT-4: EM_CUDA

// No spills and no stack.
// RUN: snn-opt %t.mlir --emit-kernels="chips=sm_90" -o /dev/null > %t.ptx
// RUN: ptxas -v -arch sm_90 %t.ptx -o %t.out 2>&1 | FileCheck %s --check-prefix=SPILLS
// SPILLS:     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
// SPILLS-NOT: {{[1-9][0-9]* bytes (stack|spill)}}
