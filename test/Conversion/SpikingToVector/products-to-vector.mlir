// RUN: snn-opt %s --convert-products-to-vector=vector-bits=512 --canonicalize --cse --split-input-file | FileCheck %s
// RUN: snn-opt %s --convert-products-to-vector="vector-bits=256 threads=false" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=AVX2

// A register block of 12 x 2 vectors; T and B merge; the chain starts at what
// is in the output. With few rows the weights are read where they are.
// CHECK-LABEL: func @linear
// CHECK:         %[[FEW:.*]] = arith.cmpi ult, {{.*}}, %c1024
// CHECK:         scf.if %[[FEW]] {
// CHECK:         } else {
// CHECK:           scf.parallel
// CHECK:         call @omp_get_max_threads
// CHECK:         scf.parallel
// CHECK:           vector.load %[[C:.*]][%{{.*}}] : memref<?xf32>, vector<16xf32>
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>
// CHECK-COUNT-24:    math.fma
// CHECK-NOT:         math.fma
// CHECK:             scf.yield
// CHECK:           vector.store
// AVX2-LABEL:  func @linear
// AVX2-NOT:      omp_get_max_threads
// AVX2:          scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>
// AVX2-COUNT-12:   math.fma
// AVX2-NOT:        math.fma
// AVX2:            scf.yield
func.func @linear(%x: memref<?x?x256xf32>, %w: memref<256x96xf32>, %y: memref<?x?x96xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(t, b, n, k) -> (t, b, k)>, affine_map<(t, b, n, k) -> (k, n)>,
                       affine_map<(t, b, n, k) -> (t, b, n)>],
      iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x?x256xf32>, memref<256x96xf32>) outs(%y : memref<?x?x96xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r = math.fma %a, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// Spikes become numbers when they are packed: once, not in the inner loop.
// CHECK-LABEL: func @spikes
// CHECK:         %[[S:.*]] = vector.load {{.*}} vector<16xi8>
// CHECK:         %[[F:.*]] = arith.sitofp %[[S]] : vector<16xi8> to vector<16xf32>
// CHECK:         vector.store %[[F]]
// CHECK-NOT:     arith.sitofp
// CHECK:         math.fma
func.func @spikes(%x: memref<?x256xi8>, %w: memref<256x96xf32>, %y: memref<?x96xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x256xi8>, memref<256x96xf32>) outs(%y : memref<?x96xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.sitofp %a : i8 to f32
    %r = math.fma %f, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// A transposed weight is transposed by shuffles while it is packed.
// AVX2-LABEL:  func @transposed
// AVX2-COUNT-24: vector.shuffle
// AVX2:          math.fma
func.func @transposed(%g: memref<?x96xf32>, %w: memref<256x96xf32>, %y: memref<?x256xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%g, %w : memref<?x96xf32>, memref<256x96xf32>) outs(%y : memref<?x256xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r = math.fma %a, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// Not products: another body, and an operand that appears twice.
// CHECK-LABEL: func @others
// CHECK-COUNT-2: linalg.generic
func.func @others(%x: memref<?x8xf32>, %w: memref<8x8xf32>, %y: memref<?x8xf32>, %z: memref<8xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x8xf32>, memref<8x8xf32>) outs(%y : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    %r = arith.addf %p, %c : f32
    linalg.yield %r : f32
  }
  linalg.generic {
      indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>],
      iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x8xf32>) outs(%z : memref<8xf32>) {
  ^bb0(%a: f32, %c: f32):
    %r = math.fma %a, %a, %c : f32
    linalg.yield %r : f32
  }
  return
}
