// RUN: snn-opt %s --convert-forall-to-parallel | FileCheck %s

// Attributes stay.
// CHECK-LABEL: func @loop
// CHECK-SAME:    (%[[N:.*]]: index, %[[STEP:.*]]: index
// CHECK:         scf.parallel (%[[I:.*]]) = (%{{.*}}) to (%[[N]]) step (%[[STEP]]) {
// CHECK:           memref.store %{{.*}}, %{{.*}}[%[[I]]]
// CHECK:         } {rheobase.threads_inside}
func.func @loop(%n: index, %step: index, %x: memref<?xf32>, %y: f32) {
  scf.forall (%i) = (0) to (%n) step (%step) {
    memref.store %y, %x[%i] : memref<?xf32>
  } {rheobase.threads_inside}
  return
}
