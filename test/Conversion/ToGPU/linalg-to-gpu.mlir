// RUN: snn-opt %s --convert-linalg-to-gpu --lower-affine --canonicalize --cse --split-input-file | FileCheck %s

// A product: tiles of both inputs in shared memory, 16 chains in each thread.
// The body's scalar code is applied when a tile is loaded.
// CHECK-LABEL: func @product
// CHECK:         gpu.launch {{.*}}function(@product) workgroup(%[[A:.*]] : memref<16x68xf32, #gpu.address_space<workgroup>>, %[[B:.*]] : memref<16x68xf32, #gpu.address_space<workgroup>>)
// CHECK:           scf.for
// CHECK:             arith.uitofp {{.*}} : i8 to f32
// CHECK:             memref.store {{.*}}, %[[A]]
// CHECK:             memref.store {{.*}}, %[[B]]
// CHECK:             gpu.barrier
// CHECK:             scf.for
// CHECK:               vector.load %[[A]]
// CHECK:               vector.load %[[B]]
// CHECK-COUNT-16:      math.fma
// CHECK:             gpu.barrier
func.func @product(%x: memref<?x?x784xi8>, %w: memref<784x128xf32>, %y: memref<?x?x128xf32>) {
  linalg.generic {indexing_maps = [affine_map<(t, b, n, k) -> (t, b, k)>, affine_map<(t, b, n, k) -> (k, n)>, affine_map<(t, b, n, k) -> (t, b, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x?x784xi8>, memref<784x128xf32>) outs(%y : memref<?x?x128xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %d = math.fma %f, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}

// -----

// Ten outputs: narrow tiles, fewer threads. Convolutions are products too.
// CHECK-LABEL: func @convolution
// CHECK:         threads({{.*}}) in (%{{.*}} = %c64
// CHECK-SAME:    function(@product) workgroup({{.*}}memref<16x68xf32{{.*}}memref<16x20xf32
func.func @convolution(%x: memref<?x30x30x3xf32>, %w: memref<3x3x3x10xf32>, %y: memref<?x28x28x10xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, h, w, n, i, j, c) -> (b, h + i, w + j, c)>, affine_map<(b, h, w, n, i, j, c) -> (i, j, c, n)>, affine_map<(b, h, w, n, i, j, c) -> (b, h, w, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<?x30x30x3xf32>, memref<3x3x3x10xf32>) outs(%y : memref<?x28x28x10xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = math.fma %a, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}

// -----

// A multiply and an add are not a product in the reference arithmetic: a thread
// for each output, in order.
// CHECK-LABEL: func @not_fused
// CHECK:         gpu.launch {{.*}}function(@reduce)
// CHECK-NOT:       gpu.barrier
// CHECK:           %[[INIT:.*]] = memref.load
// CHECK:           %[[SUM:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[INIT]]) -> (f32)
// CHECK:             arith.mulf
// CHECK:             arith.addf
// CHECK:           memref.store %[[SUM]]
func.func @not_fused(%x: memref<?x64xf32>, %w: memref<64x128xf32>, %y: memref<?x128xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, n, k) -> (b, k)>, affine_map<(b, n, k) -> (k, n)>, affine_map<(b, n, k) -> (b, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x64xf32>, memref<64x128xf32>) outs(%y : memref<?x128xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %m = arith.mulf %a, %b : f32
    %d = arith.addf %m, %c : f32
    linalg.yield %d : f32
  }
  return
}

// -----

// Copies, also into slices; buffers of the device.
// CHECK-LABEL: func @copies
// CHECK:         %[[BUFFER:.*]] = gpu.alloc (%{{.*}}) : memref<?x8xf32>
// CHECK:         gpu.launch {{.*}}function(@copy)
// CHECK:         gpu.dealloc %[[BUFFER]]
// CHECK-NOT:     memref.copy
func.func @copies(%x: memref<?x8xf32>, %y: memref<?x16xf32>, %n: index) {
  %a = memref.alloc(%n) : memref<?x8xf32>
  memref.copy %x, %a : memref<?x8xf32> to memref<?x8xf32>
  %s = memref.subview %y[0, 4] [%n, 8] [1, 1] : memref<?x16xf32> to memref<?x8xf32, strided<[16, 1], offset: 4>>
  memref.copy %a, %s : memref<?x8xf32> to memref<?x8xf32, strided<[16, 1], offset: 4>>
  memref.dealloc %a : memref<?x8xf32>
  return
}

// -----

// What the host computes on elements becomes a kernel of one thread. The scalar
// goes to the next kernel through a buffer.
// CHECK-LABEL: func @scalars
// CHECK-SAME:      %[[RATE:.*]]: memref<f32>, %[[COUNT:.*]]: memref<i64>
// CHECK:         %[[CARRIED:.*]] = gpu.alloc () : memref<f32>
// CHECK:         gpu.launch {{.*}}function(@scalar)
// CHECK:           memref.load %[[RATE]]
// CHECK:           memref.store %{{.*}}, %[[COUNT]]
// CHECK:           memref.store %{{.*}}, %[[CARRIED]]
// CHECK:         gpu.launch {{.*}}function(@map)
// CHECK:           memref.load %[[CARRIED]]
// CHECK:         gpu.dealloc %[[CARRIED]]
func.func @scalars(%rate: memref<f32>, %count: memref<i64>, %w: memref<?xf32>) {
  %r = memref.load %rate[] : memref<f32>
  %n = memref.load %count[] : memref<i64>
  %one = arith.constant 1 : i64
  %n1 = arith.addi %n, %one : i64
  memref.store %n1, %count[] : memref<i64>
  %q = math.sqrt %r : f32
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%w : memref<?xf32>) {
  ^bb0(%a: f32):
    %d = arith.mulf %a, %q : f32
    linalg.yield %d : f32
  }
  return
}

// -----

// A loop of scalar work is a kernel as a whole; one around other kernels stays
// with the host.
// CHECK-LABEL: func @loops
// CHECK-NOT:     scf.for
// CHECK:         gpu.launch {{.*}}function(@scalar)
// CHECK:           scf.for
// CHECK:             memref.load
// CHECK:           gpu.terminator
// CHECK:         scf.for
// CHECK:           gpu.launch {{.*}}function(@fill)
func.func @loops(%x: memref<?xf32>, %y: memref<f32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%s = %zero) -> (f32) {
    %v = memref.load %x[%i] : memref<?xf32>
    %s1 = arith.addf %s, %v : f32
    scf.yield %s1 : f32
  }
  memref.store %sum, %y[] : memref<f32>
  scf.for %i = %c0 to %n step %c1 {
    linalg.fill ins(%zero : f32) outs(%x : memref<?xf32>)
  }
  return
}
