// REQUIRES: ptxas, fatbinary
// RUN: snn-opt %S/Inputs/step.mlir --lower-to-nvvm --emit-kernels="format=fatbin chips=sm_80,sm_90,sm_120 output=%t.fatbin" -o /dev/null
// RUN: %python -c "print(hex(int.from_bytes(open('%t.fatbin', 'rb').read(4), 'little')))" | FileCheck %s --check-prefix=MAGIC
// MAGIC: 0xba55ed50
// RUN: FileCheck %s < %t.fatbin.json

// The manifest: what a program needs to launch the kernels.
// CHECK:      "chips": [
// CHECK-NEXT:   "sm_80",
// CHECK-NEXT:   "sm_90",
// CHECK-NEXT:   "sm_120"
// CHECK:      "block": [
// CHECK-NEXT:   "256",
// CHECK:      "grid": [
// CHECK-NEXT:   "(%{{[0-9]+}} ceildiv 256)",
// CHECK:      "name": "step_0_fill",
// CHECK:      "access": "write",
// CHECK-NEXT: "dtype": "f32",
// CHECK-NEXT: "kind": "buffer"
// CHECK:      "dtype": "i64",
// CHECK-NEXT: "kind": "scalar"
// CHECK:      "shared_bytes": 0
// CHECK:      "name": "step_1_product",
// CHECK:      "access": "read-write",
// CHECK-NEXT: "dtype": "f32",
// CHECK:      "shared_bytes": 8704
// CHECK-NOT:  "?"
