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

// A loop in another one uses threads where that one does not.
// CHECK-LABEL: func @nested
// CHECK:         %[[MORE:.*]] = arith.cmpi slt
// CHECK:         omp.parallel if(%[[MORE]])
// CHECK:           %[[MANY:.*]] = arith.cmpi slt
// CHECK:           %[[INSIDE:.*]] = {{.*}}call @omp_in_parallel() : () -> i32
// CHECK:           %[[FREE:.*]] = arith.cmpi eq, %[[INSIDE]]
// CHECK:           %[[BOTH:.*]] = arith.andi %[[MANY]], %[[FREE]]
// CHECK:           omp.parallel if(%[[BOTH]])
func.func @nested(%n: index, %step: index, %x: memref<?xf32>, %y: f32) {
  %c0 = arith.constant 0 : index
  scf.parallel (%i) = (%c0) to (%n) step (%step) {
    scf.for %k = %c0 to %n step %step {
      scf.parallel (%j) = (%c0) to (%n) step (%step) {
        memref.store %y, %x[%j] : memref<?xf32>
        scf.reduce
      }
    }
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

// A call allocates nothing in the loop's frame: there is no scope for it.
// CHECK-LABEL: func @calls
// CHECK:         omp.loop_nest
// CHECK-NOT:     memref.alloca_scope
// CHECK:         call @other
// CHECK-LABEL: func @allocates
// CHECK:         omp.loop_nest
// CHECK:           memref.alloca_scope
func.func @calls(%n: index, %step: index) {
  %c0 = arith.constant 0 : index
  scf.parallel (%i) = (%c0) to (%n) step (%step) {
    func.call @other() : () -> ()
    scf.reduce
  }
  return
}
func.func @allocates(%n: index, %step: index, %y: f32) {
  %c0 = arith.constant 0 : index
  scf.parallel (%i) = (%c0) to (%n) step (%step) {
    %a = memref.alloca() : memref<f32>
    memref.store %y, %a[] : memref<f32>
    scf.reduce
  }
  return
}
