// RUN: snn-opt %s --convert-spiking-scan-to-gpu --canonicalize --cse --split-input-file | FileCheck %s

// A thread for four neurons: one access of four values each, the time loop
// inside the kernel, the state in registers. A second path for the rest.
// CHECK-LABEL: func @lif
// CHECK:         gpu.launch
// CHECK-SAME:      function(@scan)
// CHECK:           scf.if
// CHECK:             scf.if
// CHECK:               vector.load {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
// CHECK:               scf.for {{.*}} iter_args({{.*}}) -> (vector<4xf32>)
// CHECK:                 vector.load {{.*}} {alignment = 16 : i64} : memref<?x?xf32>, vector<4xf32>
// CHECK:                 arith.cmpf oge, {{.*}} : vector<4xf32>
// CHECK:                 vector.store {{.*}} {alignment = 4 : i64} : memref<?x?xi8>, vector<4xi8>
// CHECK:               vector.store {{.*}} {alignment = 16 : i64} : memref<?xf32>, vector<4xf32>
// CHECK:             } else {
// CHECK:               scf.for {{.*}} iter_args({{.*}}) -> (f32)
// CHECK-NOT:             vector.
// CHECK:           gpu.terminator
// CHECK-NOT:     memref.alloc
func.func @lif(%x: memref<?x?x128xf32>, %s: memref<?x?x128xi8>, %state: memref<?x128xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?x128xf32>) outs(%s : memref<?x?x128xi8>)
      states(%v = %state : memref<?x128xf32>) {
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %zero = arith.constant 0.0 : f32
    %d = arith.mulf %v, %half : f32
    %h = arith.addf %d, %i : f32
    %u = arith.subf %h, %one : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %v1 = arith.select %f, %zero, %h : f32
    %o = arith.extui %f : i1 to i8
    spiking.yield %o : i8 next(%v1 : f32)
  }
  return
}

// -----

// Parameters: one for all is a scalar; one for each of 128 channels is loaded
// as a vector, one for each of 10 channels element by element, all before the
// time loop.
// CHECK-LABEL: func @parameters
// CHECK:         %[[C:.*]] = arith.remui {{.*}}, %c128
// CHECK:         memref.load {{.*}} : memref<f32>
// CHECK:         vector.load %{{.*}}[%[[C]]] {alignment = 16 : i64} : memref<128xf32>, vector<4xf32>
// CHECK:         scf.for
func.func @parameters(%x: memref<?x?x128xf32>, %p: memref<f32>, %q: memref<128xf32>, %state: memref<?x128xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?x128xf32>) params(%a = %p : memref<f32>, %b = %q : memref<128xf32>)
      states(%v = %state : memref<?x128xf32>) {
    %h = arith.mulf %v, %a : f32
    %h1 = arith.addf %h, %b : f32
    %h2 = arith.addf %h1, %i : f32
    spiking.yield next(%h2 : f32)
  }
  return
}

// -----

// CHECK-LABEL: func @ten_channels
// CHECK:         vector.from_elements {{.*}} : vector<4xf32>
// CHECK:         scf.for
// CHECK:           vector.load {{.*}} : memref<?x?xf32>, vector<4xf32>
func.func @ten_channels(%x: memref<?x?x10xf32>, %q: memref<10xf32>, %state: memref<?x10xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?x10xf32>) params(%b = %q : memref<10xf32>)
      states(%v = %state : memref<?x10xf32>) {
    %h1 = arith.addf %v, %b : f32
    %h2 = arith.addf %h1, %i : f32
    spiking.yield next(%h2 : f32)
  }
  return
}

// -----

// Shared accumulators: what each neuron adds goes to a scratch buffer, which a
// second kernel sums in order.
// CHECK-LABEL: func @accumulate
// CHECK:         %[[PARTIAL:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK:         gpu.launch {{.*}}function(@scan)
// CHECK:           vector.store %{{.*}}, %[[PARTIAL]]
// CHECK:         gpu.launch {{.*}}function(@scan_sum)
// CHECK:           scf.for {{.*}} iter_args
// CHECK:             memref.load %[[PARTIAL]]
// CHECK:             arith.addf
// CHECK:         memref.dealloc %[[PARTIAL]]
func.func @accumulate(%g: memref<?x?x8xf32>, %sum: memref<8xf32>, %state: memref<?x8xf32>) {
  spiking.scan reverse ins(%i = %g : memref<?x?x8xf32>) states(%v = %state : memref<?x8xf32>)
      accumulators(%sum : memref<8xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32) accumulate(%h : f32)
  }
  return
}

// -----

// Replay with an unknown number of steps: checkpoints of chunks.
// CHECK-LABEL: func @replay
// CHECK:         %[[CHECKPOINTS:.*]] = memref.alloc({{.*}}) : memref<?x?xf32>
// CHECK:         gpu.launch
// CHECK:           vector.store %{{.*}}, %[[CHECKPOINTS]]
// CHECK:           vector.load %[[CHECKPOINTS]]
func.func @replay(%x: memref<?x?x8xf32>, %gx: memref<?x?x8xf32>, %dv: memref<?x8xf32>, %v0: memref<?x8xf32>) {
  spiking.scan reverse ins(%i = %x : memref<?x?x8xf32>) outs(%gx : memref<?x?x8xf32>)
      states(%d = %dv : memref<?x8xf32>) replay(%v = %v0 : memref<?x8xf32>) {
    %dh = arith.addf %d, %v : f32
    spiking.yield %dh : f32 next(%dh : f32)
  } replaying {
  ^bb0(%i: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// -----

// Four steps are one chunk: no scratch buffer, and no loop over time.
// CHECK-LABEL: func @replay_static
// CHECK-NOT:     memref.alloc
// CHECK:         gpu.launch
// CHECK-COUNT-4: vector.load {{.*}} : memref<4x?xf32>, vector<4xf32>
// CHECK-COUNT-4: vector.store {{.*}} : memref<4x?xf32>, vector<4xf32>
func.func @replay_static(%x: memref<4x?x8xf32>, %gx: memref<4x?x8xf32>, %dv: memref<?x8xf32>, %v0: memref<?x8xf32>) {
  spiking.scan reverse ins(%i = %x : memref<4x?x8xf32>) outs(%gx : memref<4x?x8xf32>)
      states(%d = %dv : memref<?x8xf32>) replay(%v = %v0 : memref<?x8xf32>) {
    %e = arith.mulf %v, %i : f32
    %dh = arith.addf %d, %e : f32
    spiking.yield %dh : f32 next(%dh : f32)
  } replaying {
  ^bb0(%i: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// -----

// A known number of neurons that is no multiple of four: one by one only.
// CHECK-LABEL: func @odd
// CHECK:         gpu.launch
// CHECK-NOT:       vector<
// CHECK:           memref.store {{.*}} : memref<7xf32>
func.func @odd(%x: memref<?x7xf32>, %state: memref<7xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x7xf32>) states(%v = %state : memref<7xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// -----

// Nothing to do.
// CHECK-LABEL: func @none
// CHECK-NEXT:    return
func.func @none(%x: memref<4xf32>) {
  return
}
