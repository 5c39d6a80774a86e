// RUN: snn-opt %s --convert-products-to-vector=vector-bits=512 --canonicalize | FileCheck %s

#rows = affine_map<(m, n, k) -> (m, k)>
#columns = affine_map<(m, n, k) -> (k, n)>
#output = affine_map<(m, n, k) -> (m, n)>
#traits = {indexing_maps = [#rows, #columns, #output], iterator_types = ["parallel", "parallel", "reduction"]}

// The weight is packed once, if it is used for many rows.
// CHECK-LABEL: func @hoisted
// CHECK: %[[FEW:.*]] = arith.cmpi ult, %{{.*}}, %c64
// CHECK: %[[SIZE:.*]] = arith.select %[[FEW]], %c1, %c2048
// CHECK: %[[PACKED:.*]] = memref.alloc(%[[SIZE]])
// CHECK: scf.if %[[FEW]] {
// CHECK-NEXT: } else {
// CHECK: vector.store %{{.*}}, %[[PACKED]]
// CHECK: scf.for %{{.*}} = %c0 to %[[T:.*]] step %c1
// CHECK-NOT: vector.store %{{.*}}, %[[PACKED]]
// CHECK: arith.select %[[FEW]]
// CHECK: math.fma
// CHECK: memref.dealloc %[[PACKED]]
func.func @hoisted(%x: memref<?x?x64xf32>, %w: memref<64x32xf32>, %y: memref<?x?x32xf32>, %steps: index, %samples: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %t = %c0 to %steps step %c1 {
    %a = memref.subview %x[%t, 0, 0] [1, %samples, 64] [1, 1, 1] : memref<?x?x64xf32> to memref<?x64xf32, strided<[64, 1], offset: ?>>
    %c = memref.subview %y[%t, 0, 0] [1, %samples, 32] [1, 1, 1] : memref<?x?x32xf32> to memref<?x32xf32, strided<[32, 1], offset: ?>>
    linalg.generic #traits ins(%a, %w : memref<?x64xf32, strided<[64, 1], offset: ?>>, memref<64x32xf32>)
        outs(%c : memref<?x32xf32, strided<[32, 1], offset: ?>>) {
    ^bb0(%p: f32, %q: f32, %acc: f32):
      %next = math.fma %p, %q, %acc : f32
      linalg.yield %next : f32
    }
  }
  return
}

// The loop changes it.
// CHECK-LABEL: func @changed
// CHECK-NOT: memref.alloc
// CHECK: scf.for
// CHECK: memref.alloc
func.func @changed(%x: memref<?x64xf32>, %w: memref<64x32xf32>, %y: memref<?x32xf32>, %steps: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  scf.for %t = %c0 to %steps step %c1 {
    linalg.generic #traits ins(%x, %w : memref<?x64xf32>, memref<64x32xf32>) outs(%y : memref<?x32xf32>) {
    ^bb0(%p: f32, %q: f32, %acc: f32):
      %next = math.fma %p, %q, %acc : f32
      linalg.yield %next : f32
    }
    memref.store %zero, %w[%c0, %c0] : memref<64x32xf32>
  }
  return
}
