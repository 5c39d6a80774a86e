// RUN: snn-opt %s --spiking-plan-memory --split-input-file | FileCheck %s
// RUN: snn-opt %s --spiking-plan-memory --split-input-file --remarks-filter=spiking-plan-memory --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// Two buffers that do not live together share a slot, the third has its own;
// the result is memory of the caller's, whose extents the other function tells.

// CHECK-LABEL: func.func private @slots_sizes(
// CHECK:         %[[BYTES:.*]] = arith.andi
// CHECK:         return %{{.*}}, %[[N:.*]], %[[N]] : index, index, index
// CHECK-LABEL: func.func @slots(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: memref<?xf32> {spiking.dims = ["B"]}
// CHECK-SAME:    %[[Y:[^ ,:#)]+]]: memref<?xf32> {rheobase.result = 0 : i64}
// CHECK-SAME:    %[[ARENA:[^ ,:#)]+]]: memref<?xi8> {rheobase.arena}) attributes {rheobase.sizes = @slots_sizes}
// CHECK-DAG:     %[[ZERO:.*]] = arith.constant 0 : index
// CHECK:         %[[A:.*]] = memref.view %[[ARENA]][%[[FIRST:.*]]][%{{.*}}] : memref<?xi8> to memref<?xf32>
// CHECK:         %[[B:.*]] = memref.view %[[ARENA]][%[[SECOND:.*]]][%{{.*}}] : memref<?xi8> to memref<?xf32>
// CHECK:         %[[C:.*]] = memref.view %[[ARENA]][%[[FIRST]]][%{{.*}}] : memref<?xi8> to memref<?xf32>
// CHECK:         memref.copy %[[C]], %[[Y]]
// CHECK-NOT:     memref.alloc
// CHECK:         return
// REMARK: [Passed] arena | {{.*}} Remark="an arena of 4*B + 4*B bytes: 2 slots for 3 buffers", buffers=3, bytes="4*B + 4*B", slots=2
func.func @slots(%x: memref<?xf32> {spiking.dims = ["B"]}) -> memref<?xf32> {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  memref.copy %x, %a : memref<?xf32> to memref<?xf32>
  %b = memref.alloc(%n) : memref<?xf32>
  memref.copy %a, %b : memref<?xf32> to memref<?xf32>
  %c = memref.alloc(%n) : memref<?xf32>
  memref.copy %b, %c : memref<?xf32> to memref<?xf32>
  %y = memref.alloc(%n) : memref<?xf32>
  memref.copy %c, %y : memref<?xf32> to memref<?xf32>
  return %y : memref<?xf32>
}

// -----

// The same buffer as two results: the caller passes memory for both.

// CHECK-LABEL: func.func @twice(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: memref<f32>
// CHECK-SAME:    %[[R:[^ ,:#)]+]]: memref<f32> {rheobase.result = 0 : i64}
// CHECK-SAME:    %[[S:[^ ,:#)]+]]: memref<f32> {rheobase.result = 1 : i64}
// CHECK:         memref.copy %[[X]], %[[R]]
// CHECK-NEXT:    memref.copy %[[R]], %[[S]]
// CHECK-NEXT:    return
// REMARK: [Missed] result-copy | {{.*}} Remark=1, Remark=" is part of another value and copied"
func.func @twice(%x: memref<f32>) -> (memref<f32>, memref<f32>) {
  %a = memref.alloc() : memref<f32>
  memref.copy %x, %a : memref<f32> to memref<f32>
  return %a, %a : memref<f32>, memref<f32>
}

// -----

// The function begins with what the arena replaces, and the size is no argument's.

// CHECK-LABEL: func.func @begins(
// CHECK:         memref.view %{{.*}} : memref<?xi8> to memref<4xf32>
// CHECK:         memref.view %{{.*}} : memref<?xi8> to memref<?xf32>
func.func @begins(%x: memref<4xf32>) {
  %a = memref.alloc() : memref<4xf32>
  %c4 = arith.constant 4 : index
  %b = memref.alloc(%c4) : memref<?xf32>
  memref.copy %x, %a : memref<4xf32> to memref<4xf32>
  memref.copy %a, %b : memref<4xf32> to memref<?xf32>
  memref.copy %b, %x : memref<?xf32> to memref<4xf32>
  return
}

// -----

// A donated argument is the result, without a copy or with one.

// CHECK-LABEL: func.func @donated(
// CHECK-SAME:    %[[P:[^ ,:#)]+]]: memref<4xf32> {rheobase.result = 0 : i64}, %{{[^ ,:#)]+}}: memref<?xi8> {rheobase.arena})
// CHECK-NOT:     memref.
// CHECK:         return
func.func @donated(%p: memref<4xf32>) -> (memref<4xf32> {spiking.aliases = 0}) {
  return %p : memref<4xf32>
}
// REMARK: [Missed] donation | {{.*}} Remark=0, Remark=" is computed elsewhere and copied"
func.func @copied(%p: memref<4xf32>, %q: memref<4xf32>) -> (memref<4xf32> {spiking.aliases = 0}) {
  memref.copy %q, %p : memref<4xf32> to memref<4xf32>
  return %p : memref<4xf32>
}

// -----

// A size that is computed from data has no place in the arena.

// CHECK-LABEL: func.func @computed(
// CHECK:         %[[A:.*]] = memref.alloc(
// CHECK:         memref.dealloc %[[A]]
// CHECK-NEXT:    return
// REMARK: [Missed] no-slot | {{.*}} Remark=memref<?xf32>, Remark=" is allocated at each use: its size is not a function of the arguments alone"
func.func @computed(%x: memref<4xindex>, %f: f32) {
  %c0 = arith.constant 0 : index
  %n = memref.load %x[%c0] : memref<4xindex>
  %a = memref.alloc(%n) : memref<?xf32>
  memref.store %f, %a[%c0] : memref<?xf32>
  return
}

// -----

// Private functions are no entries.

// CHECK-LABEL: func.func private @helper(
// CHECK:         memref.alloc
func.func private @helper(%x: memref<4xf32>) -> memref<4xf32> {
  %a = memref.alloc() : memref<4xf32>
  memref.copy %x, %a : memref<4xf32> to memref<4xf32>
  return %a : memref<4xf32>
}

// -----

// Spikes in bits: eight to a byte, with some bytes behind the arena for those who read a word of the last ones. Where a loop
// needs them, a view of bytes.
// CHECK-LABEL: func.func private @bits_sizes(
// CHECK-DAG:     %[[EACH:.*]] = arith.constant 4 : index
// CHECK-DAG:     arith.constant 64 : index
// CHECK:         arith.muli {{.*}}%[[EACH]]
// CHECK-LABEL: func.func @bits(
// CHECK:         memref.view %{{.*}} : memref<?xi8> to memref<?x32xi1>
// CHECK:         scf.for
// CHECK:           %[[BYTES:.*]] = arith.muli %c2{{.*}}, %[[N:.*]] : index
// CHECK:           %[[SIZE:.*]] = arith.addi %[[BYTES]], %c8{{.*}} : index
// CHECK:           %[[MEMORY:.*]] = memref.alloc(%[[SIZE]]) : memref<?xi8>
// CHECK:           memref.view %[[MEMORY]][%c0{{.*}}][%[[N]]] : memref<?xi8> to memref<?x16xi1>
// CHECK:           memref.dealloc %[[MEMORY]] : memref<?xi8>
// REMARK: an arena of 4*n bytes: 1 slots for 1 buffers
func.func @bits(%x: memref<?xf32>, %w: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %false = arith.constant false
  %a = memref.alloc(%n) : memref<?x32xi1>
  linalg.map outs(%a : memref<?x32xi1>)
    (%init: i1) {
      linalg.yield %false : i1
    }
  scf.for %i = %c0 to %n step %c1 {
    %b = memref.alloc(%n) : memref<?x16xi1>
    linalg.map outs(%b : memref<?x16xi1>)
      (%init: i1) {
        linalg.yield %false : i1
      }
  }
  return
}
