// RUN: snn-opt %s --convert-scf-to-openmp --serialize-short-parallel-loops | FileCheck %s

// CHECK-LABEL: func @blocks
// CHECK-SAME:    (%[[N:.*]]: index, %[[STEP:.*]]: index
// CHECK:         %[[MORE:.*]] = arith.cmpi slt, %[[STEP]], %[[N]]
// CHECK:         omp.parallel if(%[[MORE]])
func.func @blocks(%n: index, %step: index, %x: memref<?xf32>, %y: f32) {
  %c0 = arith.constant 0 : index
  scf.parallel (%i) = (%c0) to (%n) step (%step) {
    memref.store %y, %x[%i] : memref<?xf32>
    scf.reduce
  }
  return
}

// Not a lone loop.
// CHECK-LABEL: func @other
// CHECK:         omp.parallel {
func.func @other() {
  omp.parallel {
    omp.barrier
    omp.terminator
  }
  return
}
