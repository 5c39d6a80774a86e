// RUN: snn-opt %s --spiking-legalize-spike-storage=pack --split-input-file | FileCheck %s
// RUN: snn-opt %s --spiking-legalize-spike-storage=pack --split-input-file --remarks-filter=spiking-legalize-spike-storage --remark-format=emitRemark -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

#id = affine_map<(t, b, n) -> (t, b, n)>
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#y = affine_map<(m, n, k) -> (m, n)>

// A scan writes bits, shapes move them, a product reads them. What leaves is bytes.
// CHECK-LABEL: func.func @between(
// CHECK-SAME:    tensor<4x16xi8>
// CHECK:         spiking.scan forward ins(%{{.*}} : tensor<4x16xi8>) outs(%{{.*}} : tensor<4x16xi1>)
// CHECK:           %[[FIRE:.*]] = spiking.fire
// CHECK:           spiking.yield %[[FIRE]] : i1 next
// CHECK:         tensor.expand_shape %{{.*}} : tensor<4x16xi1> into tensor<4x2x8xi1>
// CHECK:         linalg.generic {{.*}} ins(%{{.*}} : tensor<4x16xi1>, tensor<16x8xf32>) outs
// CHECK-NOT:     spiking.spikes
// CHECK:         ^bb0(%[[IN:[^ ]+]]: i1,
// CHECK-NEXT:      arith.uitofp %[[IN]] : i1 to f32
// REMARK: pack-spikes.mlir:{{.*}} remark: {{.*}}spikes of tensor<4x16xi1> are bits
func.func @between(%x: tensor<4x16xi1>, %v0: tensor<16xf32>, %weights: tensor<16x8xf32>, %c: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %e = tensor.empty() : tensor<4x16xi1>
  %s, %vT = spiking.scan forward ins(%i = %x : tensor<4x16xi1>) outs(%e : tensor<4x16xi1>) states(%v = %v0 : tensor<16xf32>) {
    %n = arith.uitofp %i : i1 to f32
    %u = arith.addf %v, %n : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%u : f32)
  }
  %shaped = tensor.expand_shape %s [[0], [1, 2]] output_shape [4, 2, 8] : tensor<4x16xi1> into tensor<4x2x8xi1>
  %flat = tensor.collapse_shape %shaped [[0], [1, 2]] : tensor<4x2x8xi1> into tensor<4x16xi1>
  %r = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%flat, %weights : tensor<4x16xi1>, tensor<16x8xf32>) outs(%c : tensor<4x8xf32>) {
  ^bb0(%a: i1, %b: f32, %o: f32):
    %n = arith.uitofp %a : i1 to f32
    %p = math.fma %n, %b, %o : f32
    linalg.yield %p : f32
  } -> tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// -----

// Pools of bits are bits; their windows are whole along the channels, and so is padding.
// CHECK-LABEL: func.func @pool(
// CHECK:         tensor.extract_slice %{{.*}} : tensor<4x6x8xi1> to tensor<2x6x8xi1>
// CHECK:         linalg.generic {{.*}} outs(%{{.*}} : tensor<2x6x8xi1>)
// CHECK:         linalg.yield %{{.*}} : i1
// CHECK:         tensor.pad
// CHECK:           tensor.yield %{{.*}} : i1
// REMARK: remark: {{.*}}spikes of tensor<4x6x8xi1> are bits
#map = affine_map<(h, w, c) -> (h, w, c)>
func.func @pool(%x: tensor<4x6x8xf32>) -> tensor<3x6x8xf32> {
  %e = tensor.empty() : tensor<4x6x8xi1>
  %s = spiking.scan step ins(%i = %x : tensor<4x6x8xf32>) outs(%e : tensor<4x6x8xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %even = tensor.extract_slice %s[0, 0, 0] [2, 6, 8] [2, 1, 1] : tensor<4x6x8xi1> to tensor<2x6x8xi1>
  %odd = tensor.extract_slice %s[1, 0, 0] [2, 6, 8] [2, 1, 1] : tensor<4x6x8xi1> to tensor<2x6x8xi1>
  %p = tensor.empty() : tensor<2x6x8xi1>
  %max = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%even, %odd : tensor<2x6x8xi1>, tensor<2x6x8xi1>) outs(%p : tensor<2x6x8xi1>) {
  ^bb0(%a: i1, %b: i1, %o: i1):
    %or = arith.ori %a, %b : i1
    linalg.yield %or : i1
  } -> tensor<2x6x8xi1>
  %false = arith.constant false
  %padded = tensor.pad %max low[0, 0, 0] high[1, 0, 0] {
  ^bb0(%i: index, %j: index, %k: index):
    tensor.yield %false : i1
  } : tensor<2x6x8xi1> to tensor<3x6x8xi1>
  %y = tensor.empty() : tensor<3x6x8xf32>
  %r = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%padded : tensor<3x6x8xi1>) outs(%y : tensor<3x6x8xf32>) {
  ^bb0(%a: i1, %o: f32):
    %n = arith.uitofp %a : i1 to f32
    linalg.yield %n : f32
  } -> tensor<3x6x8xf32>
  return %r : tensor<3x6x8xf32>
}

// -----

// What stays bytes.
// CHECK-LABEL: func.func @bytes(
// CHECK-NOT:     xi1>
// REMARK: remark: {{.*}}spikes of tensor<4x16xi1> stay bytes: it is a result of a function
// REMARK: remark: {{.*}}spikes of tensor<4x12xi1> stay bytes: its last dimension is no known number of whole bytes
// REMARK: remark: {{.*}}spikes of tensor<?x?xi1> stay bytes: its last dimension is no known number of whole bytes
// REMARK: remark: {{.*}}spikes of tensor<2x24xi1> stay bytes: it is taken apart along its last dimension
// REMARK: remark: {{.*}}spikes of tensor<2x8xi1> stay bytes: windows move along its last dimension
// REMARK: remark: {{.*}}spikes of tensor<8x16xi1> stay bytes: an operation writes it that does not work along its last dimension
// REMARK: remark: {{.*}}spikes of tensor<16xi1> stay bytes: an operation accesses its elements one by one
// REMARK-NOT: Function=bytes {{.*}} are bits
#same = affine_map<(i, j) -> (i, j)>
#swapped = affine_map<(i, j) -> (j, i)>
#window = affine_map<(i, j, k) -> (i, j + k)>
#kernel = affine_map<(i, j, k) -> (k)>
#out = affine_map<(i, j, k) -> (i, j)>
func.func @bytes(%x: tensor<4x16xf32>, %y: tensor<4x12xf32>, %z: tensor<?x?xf32>, %u: tensor<2x24xf32>, %v: tensor<2x8xf32>,
                 %w: tensor<16x8xf32>, %q: tensor<16xf32>, %k: tensor<3xf32>, %n: index)
    -> (tensor<4x16xi1>, tensor<4x12xf32>, tensor<?x?xf32>, tensor<2x8xf32>, tensor<2x6xf32>, tensor<8x16xf32>, i1) {
  %c0 = arith.constant 0 : index
  %e0 = tensor.empty() : tensor<4x16xi1>
  %s0 = spiking.scan step ins(%i = %x : tensor<4x16xf32>) outs(%e0 : tensor<4x16xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %e1 = tensor.empty() : tensor<4x12xi1>
  %s1 = spiking.scan step ins(%i = %y : tensor<4x12xf32>) outs(%e1 : tensor<4x12xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %r1 = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%s1 : tensor<4x12xi1>) outs(%y : tensor<4x12xf32>) {
  ^bb0(%a: i1, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    linalg.yield %number : f32
  } -> tensor<4x12xf32>
  %e2 = tensor.empty(%n, %n) : tensor<?x?xi1>
  %s2 = spiking.scan step ins(%i = %z : tensor<?x?xf32>) outs(%e2 : tensor<?x?xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %r2 = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%s2 : tensor<?x?xi1>) outs(%z : tensor<?x?xf32>) {
  ^bb0(%a: i1, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    linalg.yield %number : f32
  } -> tensor<?x?xf32>
  %e3 = tensor.empty() : tensor<2x24xi1>
  %s3 = spiking.scan step ins(%i = %u : tensor<2x24xf32>) outs(%e3 : tensor<2x24xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %part = tensor.extract_slice %s3[0, 4] [2, 8] [1, 1] : tensor<2x24xi1> to tensor<2x8xi1>
  %r3 = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%part : tensor<2x8xi1>) outs(%v : tensor<2x8xf32>) {
  ^bb0(%a: i1, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    linalg.yield %number : f32
  } -> tensor<2x8xf32>
  %e4 = tensor.empty() : tensor<2x8xi1>
  %s4 = spiking.scan step ins(%i = %v : tensor<2x8xf32>) outs(%e4 : tensor<2x8xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %t4 = tensor.empty() : tensor<2x6xf32>
  %r4 = linalg.generic {indexing_maps = [#window, #kernel, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%s4, %k : tensor<2x8xi1>, tensor<3xf32>) outs(%t4 : tensor<2x6xf32>) {
  ^bb0(%a: i1, %b: f32, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    %p = math.fma %number, %b, %o : f32
    linalg.yield %p : f32
  } -> tensor<2x6xf32>
  %e5 = tensor.empty() : tensor<8x16xi1>
  %s5 = linalg.generic {indexing_maps = [#swapped, #same], iterator_types = ["parallel", "parallel"]}
      ins(%w : tensor<16x8xf32>) outs(%e5 : tensor<8x16xi1>) {
  ^bb0(%a: f32, %o: i1):
    %f = spiking.fire %a {surrogate = #spiking.atan} : f32 -> i1
    linalg.yield %f : i1
  } -> tensor<8x16xi1>
  %t5 = tensor.empty() : tensor<8x16xf32>
  %r5 = linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
      ins(%s5 : tensor<8x16xi1>) outs(%t5 : tensor<8x16xf32>) {
  ^bb0(%a: i1, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    linalg.yield %number : f32
  } -> tensor<8x16xf32>
  %e6 = tensor.empty() : tensor<16xi1>
  %s6 = spiking.scan step ins(%i = %q : tensor<16xf32>) outs(%e6 : tensor<16xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  %element = tensor.extract %s6[%c0] : tensor<16xi1>
  return %s0, %r1, %r2, %r3, %r4, %r5, %element : tensor<4x16xi1>, tensor<4x12xf32>, tensor<?x?xf32>, tensor<2x8xf32>, tensor<2x6xf32>, tensor<8x16xf32>, i1
}

// -----

// Branches that compute in one buffer, and a loop that computes in what it has got, carry bits; a loop that
// carries what it has computed elsewhere does not.
// CHECK-LABEL: func.func @control(
// CHECK:         scf.if %{{.*}} -> (tensor<4x16xi1>)
// CHECK:         scf.for {{.*}} -> (tensor<4x16xi1>)
// CHECK:           tensor.insert_slice %{{.*}} : tensor<16xi1> into tensor<4x16xi1>
// CHECK:         scf.for {{.*}} -> (tensor<16xi8>)
func.func @control(%x: tensor<4x16xf32>, %q: tensor<16xf32>, %c: i1, %start: tensor<16xi1>) -> (tensor<4x16xf32>, tensor<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %e = tensor.empty() : tensor<4x16xi1>
  %s = scf.if %c -> tensor<4x16xi1> {
    %a = spiking.scan step ins(%i = %x : tensor<4x16xf32>) outs(%e : tensor<4x16xi1>) {
      %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
      spiking.yield %f : i1
    }
    scf.yield %a : tensor<4x16xi1>
  } else {
    %a = spiking.scan step ins(%i = %x : tensor<4x16xf32>) outs(%e : tensor<4x16xi1>) {
      %f = spiking.fire %i {surrogate = #spiking.atan, compare = #spiking.compare<gt>} : f32 -> i1
      spiking.yield %f : i1
    }
    scf.yield %a : tensor<4x16xi1>
  }
  %l = scf.for %t = %c0 to %c4 step %c1 iter_args(%all = %s) -> tensor<4x16xi1> {
    %e1 = tensor.empty() : tensor<16xi1>
    %a = spiking.scan step ins(%i = %q : tensor<16xf32>) outs(%e1 : tensor<16xi1>) {
      %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
      spiking.yield %f : i1
    }
    %next = tensor.insert_slice %a into %all[%t, 0] [1, 16] [1, 1] : tensor<16xi1> into tensor<4x16xi1>
    scf.yield %next : tensor<4x16xi1>
  }
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%l : tensor<4x16xi1>) outs(%x : tensor<4x16xf32>) {
  ^bb0(%a: i1, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    linalg.yield %number : f32
  } -> tensor<4x16xf32>
  %m = scf.for %t = %c0 to %c4 step %c1 iter_args(%one = %start) -> tensor<16xi1> {
    %e1 = tensor.empty() : tensor<16xi1>
    %a = spiking.scan step ins(%i = %one : tensor<16xi1>) outs(%e1 : tensor<16xi1>) {
      spiking.yield %i : i1
    }
    scf.yield %a : tensor<16xi1>
  }
  %p = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%m : tensor<16xi1>) outs(%q : tensor<16xf32>) {
  ^bb0(%a: i1, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    linalg.yield %number : f32
  } -> tensor<16xf32>
  return %r, %p : tensor<4x16xf32>, tensor<16xf32>
}
