// RUN: snn-opt %s --fill-borders --canonicalize | FileCheck %s

// Rows above and below over the whole width, columns left and right of the interior; samples have no border.
// CHECK-LABEL: func @padding
// CHECK-SAME: %[[X:.*]]: memref<?x16x16x32xf32>
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK-NOT: linalg.fill {{.*}} outs(%[[Y]]
// CHECK-DAG: %[[INSIDE:.*]] = memref.subview %[[Y]][0, 1, 1, 0]
// CHECK-DAG: %[[ABOVE:.*]] = memref.subview %[[Y]][0, 0, 0, 0] [%{{.*}}, 1, 18, 32] [1, 1, 1, 1]
// CHECK-DAG: linalg.fill {{.*}} outs(%[[ABOVE]]
// CHECK-DAG: %[[BELOW:.*]] = memref.subview %[[Y]][0, 17, 0, 0] [%{{.*}}, 1, 18, 32] [1, 1, 1, 1]
// CHECK-DAG: linalg.fill {{.*}} outs(%[[BELOW]]
// CHECK-DAG: %[[LEFT:.*]] = memref.subview %[[Y]][0, 1, 0, 0] [%{{.*}}, 16, 1, 32] [1, 1, 1, 1]
// CHECK-DAG: linalg.fill {{.*}} outs(%[[LEFT]]
// CHECK-DAG: %[[RIGHT:.*]] = memref.subview %[[Y]][0, 1, 17, 0] [%{{.*}}, 16, 1, 32] [1, 1, 1, 1]
// CHECK-DAG: linalg.fill {{.*}} outs(%[[RIGHT]]
// CHECK-NOT: linalg.fill
// CHECK: memref.copy %[[X]], %[[INSIDE]]
func.func @padding(%x: memref<?x16x16x32xf32>) -> memref<?x18x18x32xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %B = memref.dim %x, %c0 : memref<?x16x16x32xf32>
  %y = memref.alloc(%B) : memref<?x18x18x32xf32>
  linalg.map outs(%y : memref<?x18x18x32xf32>) (%old: f32) {
    linalg.yield %zero : f32
  }
  %inside = memref.subview %y[0, 1, 1, 0] [%B, 16, 16, 32] [1, 1, 1, 1]
      : memref<?x18x18x32xf32> to memref<?x16x16x32xf32, strided<[10368, 576, 32, 1], offset: 608>>
  memref.copy %x, %inside : memref<?x16x16x32xf32> to memref<?x16x16x32xf32, strided<[10368, 576, 32, 1], offset: 608>>
  return %y : memref<?x18x18x32xf32>
}

// A border on one side, of a size that is not known.
// CHECK-LABEL: func @one_side
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK: %[[REST:.*]] = arith.subi
// CHECK: %[[BEHIND:.*]] = memref.subview %[[Y]][%{{.*}}] [%[[REST]]] [1]
// CHECK: linalg.fill {{.*}} outs(%[[BEHIND]]
// CHECK-NOT: linalg.fill
// CHECK: memref.copy
func.func @one_side(%x: memref<?xf32>, %zero: f32, %all: index, %n: index) -> memref<?xf32> {
  %y = memref.alloc(%all) : memref<?xf32>
  linalg.fill ins(%zero : f32) outs(%y : memref<?xf32>)
  %inside = memref.subview %y[0] [%n] [1] : memref<?xf32> to memref<?xf32, strided<[1]>>
  memref.copy %x, %inside : memref<?xf32> to memref<?xf32, strided<[1]>>
  return %y : memref<?xf32>
}

// Something looks at all of it between.
// CHECK-LABEL: func @read_between
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK: linalg.fill {{.*}} outs(%[[Y]] : memref<18xf32>)
func.func @read_between(%x: memref<16xf32>, %zero: f32, %i: index) -> (memref<18xf32>, f32) {
  %y = memref.alloc() : memref<18xf32>
  linalg.fill ins(%zero : f32) outs(%y : memref<18xf32>)
  %seen = memref.load %y[%i] : memref<18xf32>
  %inside = memref.subview %y[1] [16] [1] : memref<18xf32> to memref<16xf32, strided<[1], offset: 1>>
  memref.copy %x, %inside : memref<16xf32> to memref<16xf32, strided<[1], offset: 1>>
  return %y, %seen : memref<18xf32>, f32
}

// Every other element is left.
// CHECK-LABEL: func @gaps
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK: linalg.fill {{.*}} outs(%[[Y]] : memref<32xf32>)
func.func @gaps(%x: memref<16xf32>, %zero: f32) -> memref<32xf32> {
  %y = memref.alloc() : memref<32xf32>
  linalg.fill ins(%zero : f32) outs(%y : memref<32xf32>)
  %inside = memref.subview %y[0] [16] [2] : memref<32xf32> to memref<16xf32, strided<[2]>>
  memref.copy %x, %inside : memref<16xf32> to memref<16xf32, strided<[2]>>
  return %y : memref<32xf32>
}

// What is copied is a part of what was filled.
// CHECK-LABEL: func @from_itself
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK: linalg.fill {{.*}} outs(%[[Y]] : memref<32xf32>)
func.func @from_itself(%zero: f32) -> memref<32xf32> {
  %y = memref.alloc() : memref<32xf32>
  linalg.fill ins(%zero : f32) outs(%y : memref<32xf32>)
  %low = memref.subview %y[0] [16] [1] : memref<32xf32> to memref<16xf32, strided<[1]>>
  %high = memref.subview %y[16] [16] [1] : memref<32xf32> to memref<16xf32, strided<[1], offset: 16>>
  memref.copy %low, %high : memref<16xf32, strided<[1]>> to memref<16xf32, strided<[1], offset: 16>>
  return %y : memref<32xf32>
}

// The fill has other values at other places.
// CHECK-LABEL: func @not_a_value
// CHECK: %[[Y:.*]] = memref.alloc
// CHECK: linalg.generic
// CHECK-NOT: linalg.fill
func.func @not_a_value(%x: memref<16xf32>, %z: memref<18xf32>) -> memref<18xf32> {
  %y = memref.alloc() : memref<18xf32>
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%z : memref<18xf32>) outs(%y : memref<18xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  }
  %inside = memref.subview %y[1] [16] [1] : memref<18xf32> to memref<16xf32, strided<[1], offset: 1>>
  memref.copy %x, %inside : memref<16xf32> to memref<16xf32, strided<[1], offset: 1>>
  return %y : memref<18xf32>
}
