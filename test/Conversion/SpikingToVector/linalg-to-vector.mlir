// RUN: snn-opt %s --convert-linalg-to-vector=vector-width=32 --canonicalize --cse --split-input-file | FileCheck %s

#all = affine_map<(t, b, c) -> (t, b, c)>

// All loops are one; 64 channels divide into vectors.
// CHECK-LABEL: func @elementwise
// CHECK:         scf.parallel
// CHECK:           scf.for
// CHECK:             vector.load {{.*}} : memref<?xf32>, vector<32xf32>
// CHECK:             vector.store
// CHECK-NOT:     mask
func.func @elementwise(%x: memref<?x?x64xf32>, %y: memref<?x?x64xf32>) {
  linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%x : memref<?x?x64xf32>) outs(%y : memref<?x?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.mulf %a, %a : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// Statistics of channels: chains over the rest in its order, two tiles of
// channels for the threads.
// CHECK-LABEL: func @statistics
// CHECK:         %[[R:.*]] = scf.for {{.*}} -> (vector<16xf32>)
// CHECK:           scf.for {{.*}} -> (vector<16xf32>)
// CHECK:             %[[X:.*]] = vector.load
// CHECK:             arith.addf %{{.*}}, %[[X]]
// CHECK:         vector.store %[[R]]
func.func @statistics(%x: memref<?x?x32xf32>, %sum: memref<32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(t, b, c) -> (t, b, c)>, affine_map<(t, b, c) -> (c)>],
                  iterator_types = ["reduction", "reduction", "parallel"]}
      ins(%x : memref<?x?x32xf32>) outs(%sum : memref<32xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %r = arith.addf %acc, %a : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// A sum along the contiguous loop is a chain of scalars.
// CHECK-LABEL: func @rows
// CHECK-NOT:     vector
// CHECK:         scf.parallel
// CHECK:           scf.for {{.*}} -> (f32)
func.func @rows(%x: memref<?x?xf32>, %sum: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, c) -> (b, c)>, affine_map<(b, c) -> (b)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%sum : memref<?xf32>) {
  ^bb0(%a: f32, %acc: f32):
    %r = arith.addf %acc, %a : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// CHECK-LABEL: func @fill_and_copy
// CHECK-NOT:     linalg.fill
// CHECK-NOT:     memref.copy
// CHECK:         vector.store
// CHECK:         vector.load
// CHECK:         vector.store
func.func @fill_and_copy(%x: memref<?x8xf32>, %y: memref<?x8xf32, strided<[16, 1]>>, %v: f32) {
  linalg.fill ins(%v : f32) outs(%x : memref<?x8xf32>)
  memref.copy %x, %y : memref<?x8xf32> to memref<?x8xf32, strided<[16, 1]>>
  return
}

// -----

// The index along the vector counts.
// CHECK-LABEL: func @indices
// CHECK:         vector.step : vector<8xindex>
func.func @indices(%y: memref<?x8xi32>) {
  linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]}
      outs(%y : memref<?x8xi32>) {
  ^bb0(%o: i32):
    %i = linalg.index 1 : index
    %r = arith.index_cast %i : index to i32
    linalg.yield %r : i32
  }
  return
}

// -----

// The body reads memory of its own, an operation on tensors: left alone.
// CHECK-LABEL: func @others
// CHECK-COUNT-2: linalg.generic
func.func @others(%table: memref<10xf32>, %y: memref<?xf32>, %t: tensor<?xf32>) -> tensor<?xf32> {
  linalg.generic {indexing_maps = [affine_map<(a) -> (a)>], iterator_types = ["parallel"]} outs(%y : memref<?xf32>) {
  ^bb0(%o: f32):
    %c3 = arith.constant 3 : index
    %r = memref.load %table[%c3] : memref<10xf32>
    linalg.yield %r : f32
  }
  %r = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>], iterator_types = ["parallel"]} outs(%t : tensor<?xf32>) {
  ^bb0(%o: f32):
    %n = arith.negf %o : f32
    linalg.yield %n : f32
  } -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// -----

// Nothing to do, and dimensions that do not collapse.
// CHECK-LABEL: func @empty
// CHECK-NOT:     memref.collapse_shape
// CHECK:         return
func.func @empty(%x: memref<?x0xf32>) {
  linalg.generic {indexing_maps = [affine_map<(a, b) -> (a, b)>], iterator_types = ["parallel", "parallel"]} outs(%x : memref<?x0xf32>) {
  ^bb0(%o: f32):
    %n = arith.negf %o : f32
    linalg.yield %n : f32
  }
  return
}

// A short loop that no input depends on: the input is loaded once for all of its
// iterations.
// CHECK-LABEL: func @window
// CHECK-SAME:    (%[[G:.*]]: memref<?x64xf32>, %[[P:.*]]: memref<?x64xi8>, %{{.*}}: memref<?x3x64xf32>)
// CHECK:         scf.for
// CHECK-COUNT-2:   vector.load
// CHECK-NOT:       vector.load
// CHECK-COUNT-3:   vector.store
// CHECK-NOT:       vector.store
// CHECK:         return
func.func @window(%g: memref<?x64xf32>, %p: memref<?x64xi8>, %y: memref<?x3x64xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [affine_map<(b, k, c) -> (b, c)>, affine_map<(b, k, c) -> (b, c)>, affine_map<(b, k, c) -> (b, k, c)>],
                  iterator_types = ["parallel", "parallel", "parallel"]} ins(%g, %p : memref<?x64xf32>, memref<?x64xi8>) outs(%y : memref<?x3x64xf32>) {
  ^bb0(%a: f32, %place: i8, %out: f32):
    %k = linalg.index 1 : index
    %here = arith.index_cast %k : index to i8
    %same = arith.cmpi eq, %place, %here : i8
    %r = arith.select %same, %a, %zero : f32
    linalg.yield %r : f32
  }
  return
}

// More iterations than registers hold results for stay a loop.
// CHECK-LABEL: func @long_window
// CHECK-COUNT-1:   vector.store
// CHECK-NOT:       vector.store
// CHECK:         return
func.func @long_window(%g: memref<?x64xf32>, %y: memref<?x17x64xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, k, c) -> (b, c)>, affine_map<(b, k, c) -> (b, k, c)>],
                  iterator_types = ["parallel", "parallel", "parallel"]} ins(%g : memref<?x64xf32>) outs(%y : memref<?x17x64xf32>) {
  ^bb0(%a: f32, %out: f32):
    %r = arith.addf %a, %a : f32
    linalg.yield %r : f32
  }
  return
}
