// RUN: snn-opt %S/Inputs/step.mlir --lower-to-nvvm --emit-kernels=chips=sm_80 -o /dev/null | FileCheck %s
// RUN: snn-opt %S/Inputs/step.mlir --lower-to-nvvm --emit-kernels=chips=sm_80 -o /dev/null | FileCheck %s --check-prefix=NEVER --allow-empty

// The reference arithmetic: no contraction, nothing approximate, denormal
// numbers kept; no function from outside; no local memory.
// NEVER-NOT: {{\.ftz|\.approx|\.extern|\.local|__nv_|call}}

// CHECK: .target sm_80

// Products share tiles; their chains are fused multiply-adds.
// CHECK-LABEL: .visible .entry step_1_product(
// CHECK:         bar.sync
// CHECK:         ld.shared.v4
// CHECK:         fma.rn.f32
// CHECK:         ret;

// The time loop of the forward scan is inside the kernel, 128 bits at a time;
// four spikes leave in one word.
// CHECK-LABEL: .visible .entry step_3_scan(
// CHECK:         ld.global.v4.b32
// CHECK:         [[LOOP:\$L__BB[0-9_]+]]:
// CHECK-NEXT:    ld.global.v4.b32
// CHECK-NOT:     ld.global
// CHECK-NOT:     fma
// CHECK:         st.global.b32
// CHECK:         bra [[LOOP]];
// CHECK:         st.global.v4.b32
// CHECK:         ret;

// The backward scan recomputes the membrane: checkpoints of chunks.
// CHECK-LABEL: .visible .entry step_6_scan(
// CHECK:         st.global.v4.b32
// CHECK:         ld.global.v4.b32
// CHECK:         ret;

// Accumulators that neurons share, and the gradient of the weights.
// CHECK-LABEL: .visible .entry step_7_scan_sum(
// CHECK-LABEL: .visible .entry step_9_product(
