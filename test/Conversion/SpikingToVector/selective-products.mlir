// RUN: snn-opt %s --convert-products-to-vector="vector-bits=512 force-kernel=selective" --canonicalize --cse --split-input-file | FileCheck %s
// RUN: snn-opt %s --convert-products-to-vector="vector-bits=256 threads=false" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=AUTO
// RUN: snn-opt %s --convert-products-to-vector="force-kernel=dense" --split-input-file | FileCheck %s --check-prefix=DENSE
// RUN: snn-opt %s --convert-products-to-vector --split-input-file --remarks-filter="convert-products-to-vector" --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not snn-opt %s --convert-products-to-vector=force-kernel=fast --split-input-file 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: force-kernel must be auto, dense or selective, got 'fast'

// Steps with a spike are listed, a word of 64 bytes at a time; six vectors of
// columns stay in registers. Where a chain stands at -0 or the weights are not
// finite, the row is computed step by step.
// CHECK-LABEL: func @linear
// CHECK-NOT:     rheobase_rt_begin_kernel
// CHECK:         vector.load {{.*}} : memref<?xi8>, vector<64xi8>
// CHECK:         math.ctpop
// CHECK-COUNT-8: math.cttz
// CHECK:         vector.reduction <or>
// CHECK:         scf.if
// CHECK:           arith.uitofp
// CHECK-COUNT-6:   math.fma
// CHECK:         } else {
// CHECK:           scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-6:     arith.addf
// CHECK-NOT:         arith.addf
// CHECK:             scf.yield
// The choice is the runtime's. It is told how much work there is.
// AUTO:        memref.global "private" @[[$SITE:product_site]] : memref<80xi64> = dense<0> {alignment = 64 : i64}
// AUTO-LABEL:  func @linear
// AUTO:          memref.get_global @[[$SITE]]
// AUTO:          %[[BEGUN:.*]] = call @rheobase_rt_begin_kernel
// AUTO:          %[[BIT:.*]] = arith.andi %[[BEGUN]], %c1_i64
// AUTO:          %[[CHOICE:.*]] = arith.cmpi ne, %[[BIT]], %c0_i64
// AUTO:          scf.if %[[CHOICE]] {
// AUTO:            math.cttz
// AUTO:          } else {
// AUTO:            math.fma
// AUTO:          arith.andi %[[BEGUN]], %c2_i64
// AUTO:          func.call @rheobase_rt_end_kernel
// DENSE-LABEL: func @linear
// DENSE-NOT:     math.cttz
// REMARK:      a product with spikes in register blocks or by adding rows, whichever is measured to be faster at run time
func.func @linear(%x: memref<?x256xi8>, %w: memref<256x96xf32>, %y: memref<?x96xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x256xi8>, memref<256x96xf32>) outs(%y : memref<?x96xf32>) attrs = {spiking.spikes = array<i64: 0>} {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %r = math.fma %f, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// A weight gradient: squares of spikes are transposed as bits.
// CHECK-LABEL: func @weight_gradient
// CHECK:         %[[ROWS:.*]] = vector.load {{.*}} vector<64xi64>
// CHECK-COUNT-6: vector.shuffle {{.*}} : vector<64xi64>, vector<64xi64>
// CHECK:         vector.store
// CHECK:         math.ctpop
func.func @weight_gradient(%x: memref<?x256xi8>, %g: memref<?x96xf32>, %y: memref<256x96xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (k, m)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %g : memref<?x256xi8>, memref<?x96xf32>) outs(%y : memref<256x96xf32>) attrs = {spiking.spikes = array<i64: 0>} {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %r = math.fma %f, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// Four rows of one vector go together as far as the shortest list reaches, then
// each to its end; or each by itself.
// CHECK-LABEL: func @narrow
// CHECK:         scf.for {{.*}} to %[[COMMON:[^ ]+]] step %c1 {{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK-COUNT-4:   arith.addf
// CHECK-COUNT-4: scf.for %{{.*}} = %[[COMMON]] to
func.func @narrow(%x: memref<?x256xi8>, %w: memref<256x16xf32>, %y: memref<?x16xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x256xi8>, memref<256x16xf32>) outs(%y : memref<?x16xf32>) attrs = {spiking.spikes = array<i64: 0>} {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %r = math.fma %f, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// Bytes that are no spikes are numbers.
// CHECK-LABEL: func @counts
// CHECK-NOT:     math.cttz
// AUTO-LABEL:  func @counts
// AUTO-NOT:      rheobase_rt_begin_kernel
func.func @counts(%x: memref<?x256xi8>, %w: memref<256x96xf32>, %y: memref<?x96xf32>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x256xi8>, memref<256x96xf32>) outs(%y : memref<?x96xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %r = math.fma %f, %b, %c : f32
    linalg.yield %r : f32
  }
  return
}

// -----

// Spikes along the columns, transposed weights, weights of another type: also
// where the selective kernel is asked for.
// CHECK-LABEL: func @others
// CHECK-NOT:     math.cttz
// REMARK:      a product with spikes in register blocks only: the spikes run along the columns
// REMARK:      a product with spikes in register blocks only: the columns of the other factor are not neighbours in memory
// REMARK:      a product with spikes in register blocks only: the other factor is converted
func.func @others(%x: memref<?x256xi8>, %w: memref<64x?xf32>, %y: memref<64x256xf32>, %wt: memref<96x256xf32>, %z: memref<?x96xf32>, %h: memref<256x96xf16>) {
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%w, %x : memref<64x?xf32>, memref<?x256xi8>) outs(%y : memref<64x256xf32>) attrs = {spiking.spikes = array<i64: 1>} {
  ^bb0(%a: f32, %b: i8, %c: f32):
    %f = arith.uitofp %b : i8 to f32
    %r = math.fma %a, %f, %c : f32
    linalg.yield %r : f32
  }
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %wt : memref<?x256xi8>, memref<96x256xf32>) outs(%z : memref<?x96xf32>) attrs = {spiking.spikes = array<i64: 0>} {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %r = math.fma %f, %b, %c : f32
    linalg.yield %r : f32
  }
  linalg.generic {
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
      iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %h : memref<?x256xi8>, memref<256x96xf16>) outs(%z : memref<?x96xf32>) attrs = {spiking.spikes = array<i64: 0>} {
  ^bb0(%a: i8, %b: f16, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %e = arith.extf %b : f16 to f32
    %r = math.fma %f, %e, %c : f32
    linalg.yield %r : f32
  }
  return
}
