// RUN: snn-opt %s --expand-math | FileCheck %s

// The polynomial, not the quotient of exponentials that upstream has too.
// CHECK-LABEL: func @tanh
// CHECK-NOT:     math.tanh
// CHECK-NOT:     math.exp
// CHECK:         math.fma
func.func @tanh(%x: f32) -> f32 {
  %y = math.tanh %x : f32
  return %y : f32
}

// CHECK-LABEL: func @composite
// CHECK-NOT:     math.sinh
// CHECK-NOT:     math.exp
// CHECK:         return
func.func @composite(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.sinh %x : vector<16xf32>
  return %y : vector<16xf32>
}

// No folder computes it with the host's exp.
// CHECK-LABEL: func @of_constant
// CHECK:         math.fma
func.func @of_constant() -> f32 {
  %x = arith.constant 2.5 : f32
  %y = math.exp %x : f32
  return %y : f32
}

// CHECK-LABEL: func @half
// CHECK:         arith.extf
// CHECK-NOT:     math.exp
// CHECK:         arith.truncf
func.func @half(%x: f16) -> f16 {
  %y = math.exp %x : f16
  return %y : f16
}

// CHECK-LABEL: func @maxnum
// CHECK-SAME:    (%[[A:.*]]: f64, %[[B:.*]]: f64)
// CHECK:         %[[C:.*]] = arith.cmpf ugt, %[[A]], %[[B]]
// CHECK:         %[[M:.*]] = arith.select %[[C]], %[[A]], %[[B]]
// CHECK:         %[[N:.*]] = arith.cmpf uno, %[[A]], %[[A]]
// CHECK:         arith.select %[[N]], %[[B]], %[[M]]
func.func @maxnum(%a: f64, %b: f64) -> f64 {
  %y = arith.maxnumf %a, %b : f64
  return %y : f64
}

// Correctly rounded functions, and f64, stay.
// CHECK-LABEL: func @stay
// CHECK:         math.sqrt %{{.*}} : f32
// CHECK:         math.fma %{{.*}} : f32
// CHECK:         math.roundeven %{{.*}} : f32
// CHECK:         math.exp %{{.*}} : f64
func.func @stay(%x: f32, %d: f64) -> (f32, f32, f32, f64) {
  %0 = math.sqrt %x : f32
  %1 = math.fma %x, %x, %x : f32
  %2 = math.roundeven %x : f32
  %3 = math.exp %d : f64
  return %0, %1, %2, %3 : f32, f32, f32, f64
}

// A NaN takes the bound on the way to an integer, where it would have no value.
// CHECK-LABEL: func @exp_of_nan
// CHECK:         %[[LOW:.*]] = arith.constant -1.270000e+02
// CHECK:         arith.cmpf oge, %{{.*}}, %[[LOW]]
// CHECK:         arith.fptosi
func.func @exp_of_nan(%x: f32) -> f32 {
  %y = math.exp %x : f32
  return %y : f32
}

// CHECK-LABEL: func @sin_of_large
// CHECK:         %[[LIMIT:.*]] = arith.constant dense<2.14748365E+9>
// CHECK:         %[[FITS:.*]] = arith.cmpf olt, %{{.*}}, %[[LIMIT]]
// CHECK:         %[[SAFE:.*]] = arith.select %[[FITS]]
// CHECK:         arith.fptosi %[[SAFE]]
func.func @sin_of_large(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.sin %x : vector<8xf32>
  return %y : vector<8xf32>
}
