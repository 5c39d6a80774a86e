// RUN: snn-opt %s --legalize-arithmetic | FileCheck %s

// CHECK-LABEL: func @functions
// CHECK:         call @exp
// CHECK:         %[[N:.*]] = arith.sitofp
// CHECK:         call @pow(%{{.*}}, %[[N]])
func.func @functions(%x: f64, %n: i32) -> (f64, f64) {
  %0 = math.exp %x : f64
  %1 = math.fpowi %x, %n : f64, i32
  return %0, %1 : f64, f64
}

// CHECK-LABEL: func @instructions
// CHECK:         math.sqrt
// CHECK:         math.fma
// CHECK:         math.floor
// CHECK:         arith.divsi
func.func @instructions(%x: f64, %n: i32) -> (f64, f64, f64, i32) {
  %0 = math.sqrt %x : f64
  %1 = math.fma %x, %x, %x : f64
  %2 = math.floor %x : f64
  %3 = arith.divsi %n, %n : i32
  return %0, %1, %2, %3 : f64, f64, f64, i32
}

// CHECK-LABEL: func @divisions
// CHECK-NOT:     arith.ceildivui
// CHECK-NOT:     arith.floordivsi
// CHECK:         return
func.func @divisions(%a: index, %b: index) -> (index, index) {
  %0 = arith.ceildivui %a, %b : index
  %1 = arith.floordivsi %a, %b : index
  return %0, %1 : index, index
}

// No library converts to bf16.
// CHECK-LABEL: func @bf16
// CHECK:         vector.fma %{{.*}} : vector<4xf32>
// CHECK-NOT:     arith.truncf
// CHECK:         arith.trunci %{{.*}} : vector<4xi32> to vector<4xi16>
func.func @bf16(%a: vector<4xbf16>, %b: vector<4xbf16>) -> vector<4xbf16> {
  %c = vector.fma %a, %b, %b : vector<4xbf16>
  return %c : vector<4xbf16>
}

// CHECK-LABEL: func @f16
// CHECK:         %[[S:.*]] = math.fma %{{.*}} : f32
// CHECK:         arith.truncf %[[S]] : f32 to f16
func.func @f16(%a: f16, %b: f16) -> f16 {
  %c = math.fma %a, %b, %b : f16
  return %c : f16
}
