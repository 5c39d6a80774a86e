// RUN: snn-opt %s --convert-spiking-scan-to-loops=vector-width=32 --canonicalize --cse --split-input-file | FileCheck %s

// The space is one contiguous dimension, a multiple of the vector: no tail; a
// thread's blocks, the steps of a block, its vectors; no allocation. The lines
// of the next step are asked for.
// CHECK-LABEL: func @contiguous
// CHECK-NOT:     memref.alloc
// CHECK:         scf.parallel
// CHECK:           scf.for %[[BLOCK:.*]] =
// CHECK:             scf.for %[[T:.*]] = %c0 to
// CHECK:               %[[LATER:.*]] = arith.addi %[[T]], %c1
// CHECK:               %[[NEXT:.*]] = arith.minui %[[LATER]],
// CHECK:               scf.for %{{.*}} = %[[BLOCK]] to
// CHECK-COUNT-2:         memref.prefetch %{{.*}}[%[[NEXT]], %{{.*}}], read
// CHECK:                 vector.load %{{.*}}[%[[T]], %[[N:.*]]] : memref<?x?xf32>, vector<32xf32>
// CHECK:                 vector.load %[[V:.*]][%[[N]]] : memref<?xf32>, vector<32xf32>
// CHECK:                 %[[F:.*]] = arith.cmpf oge, {{.*}} : vector<32xf32>
// CHECK:                 %[[S:.*]] = arith.extui %[[F]] : vector<32xi1> to vector<32xi8>
// CHECK:                 memref.prefetch %{{.*}}[%[[NEXT]], %[[N]]], write
// CHECK:                 vector.store %[[S]], %{{.*}}[%[[T]], %[[N]]] : memref<?x?xi8>, vector<32xi8>
// CHECK:                 vector.store %{{.*}}, %[[V]][%[[N]]] : memref<?xf32>, vector<32xf32>
// CHECK-NOT:     maskedload
func.func @contiguous(%x: memref<?x?x128xf32>, %s: memref<?x?x128xi8>, %state: memref<?x128xf32>) {
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

// A parameter of each channel, channels last: rows are loops, the parameter is
// a vector. 10 channels are a vector of their own, without a mask.
// CHECK-LABEL: func @channels_last
// CHECK:         scf.parallel
// CHECK:           vector.load %{{.*}}[%c0] : memref<10xf32>, vector<10xf32>
// CHECK-NOT:     mask
func.func @channels_last(%x: memref<?x?x10xf32>, %b: memref<10xf32>, %state: memref<?x10xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?x10xf32>) params(%p = %b : memref<10xf32>)
      states(%v = %state : memref<?x10xf32>) {
    %h = arith.addf %v, %i : f32
    %h1 = arith.addf %h, %p : f32
    spiking.yield next(%h1 : f32)
  }
  return
}

// -----

// Channels first: a parameter is the same for a whole image.
// CHECK-LABEL: func @channels_first
// CHECK:         memref.collapse_shape {{.*}} {{\[\[}}0], [1], [2], [3, 4]]
// CHECK:         scf.parallel
// CHECK:           %[[P:.*]] = memref.load {{.*}} : memref<8x1xf32>
// CHECK:           vector.broadcast %[[P]]
// CHECK:           vector.maskedload
func.func @channels_first(%x: memref<?x?x8x?x?xf32>, %b: memref<8x1x1xf32>, %state: memref<?x8x?x?xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?x8x?x?xf32>) params(%p = %b : memref<8x1x1xf32>)
      states(%v = %state : memref<?x8x?x?xf32>) {
    %h = arith.addf %v, %i : f32
    %h1 = arith.addf %h, %p : f32
    spiking.yield next(%h1 : f32)
  }
  return
}

// -----

// A block's past, replayed states and inputs, is in buffers of the thread; the
// parameter's accumulator is summed in row-major order, each element by one thread.
// CHECK-LABEL: func @backward
// CHECK-SAME:    (%[[X:[a-z0-9]+]]: memref<?x?x64xf32>, %{{.*}}: memref<?x?x64xf32>, %{{.*}}: memref<?x?x64xf32>
// CHECK:         %[[PARTIAL:.*]] = memref.alloc({{.*}}) : memref<?x64xf32>
// CHECK:         %[[RATIO:.*]] = arith.divui %c512
// CHECK:         %[[AHEAD:.*]] = arith.maxui %[[RATIO]], %c1
// CHECK:         scf.parallel
// CHECK:           %[[PAST:.*]] = memref.alloc({{.*}}) : memref<?xf32>
// CHECK:           %[[COPY:.*]] = memref.alloc({{.*}}) : memref<?xf32>
// CHECK:           vector.store {{.*}}, %[[PAST]]
// CHECK:           %[[I:.*]] = vector.load %[[X]]
// CHECK:           vector.store %[[I]], %[[COPY]]
// CHECK:           vector.load %[[PAST]]
// CHECK:           vector.store {{.*}}, %[[PAST]]
// CHECK:           vector.store %cst{{.*}}, %[[PARTIAL]]
// CHECK:           %[[STEP:.*]] = arith.subi
// CHECK:           %[[BEFORE:.*]] = arith.minui %[[STEP]], %[[AHEAD]]
// CHECK:           %[[NEXT:.*]] = arith.subi %[[STEP]], %[[BEFORE]]
// CHECK-NOT:       vector.load %[[X]]
// CHECK-DAG:       vector.load %[[COPY]]
// CHECK-DAG:       vector.load %[[PAST]]
// CHECK-DAG:       %[[SUM:.*]] = vector.load %[[PARTIAL]]
// CHECK:           %[[MORE:.*]] = arith.addf %[[SUM]]
// CHECK:           vector.store %[[MORE]], %[[PARTIAL]]
// CHECK:           memref.dealloc %[[PAST]]
// CHECK:           memref.dealloc %[[COPY]]
// CHECK:         scf.parallel
// CHECK:           %[[TOTAL:.*]] = scf.for {{.*}} -> (vector<32xf32>)
// CHECK:             vector.load %[[PARTIAL]]
// CHECK:           %[[INIT:.*]] = vector.load %[[ACC:.*]][
// CHECK:           %[[NEW:.*]] = arith.addf %[[INIT]], %[[TOTAL]]
// CHECK:           vector.store %[[NEW]], %[[ACC]]
// CHECK:         memref.dealloc %[[PARTIAL]]
func.func @backward(%x: memref<?x?x64xf32>, %g: memref<?x?x64xf32>, %gx: memref<?x?x64xf32>, %gv: memref<?x64xf32>,
                    %v0: memref<?x64xf32>, %gb: memref<64xf32>) {
  spiking.scan reverse ins(%i = %x : memref<?x?x64xf32>, %gs = %g : memref<?x?x64xf32>) outs(%gx : memref<?x?x64xf32>)
      states(%dv = %gv : memref<?x64xf32>) accumulators(%gb : memref<64xf32>) replay(%v = %v0 : memref<?x64xf32>) {
    %h = arith.mulf %v, %gs : f32
    %h1 = arith.addf %h, %i : f32
    %dh = arith.addf %dv, %h1 : f32
    spiking.yield %dh : f32 next(%dh : f32) accumulate(%dh : f32)
  } replaying {
  ^bb0(%i: f32, %gs: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// -----

// Nothing is summed over the space: no buffer for all of it.
// CHECK-LABEL: func @own_accumulator
// CHECK-NOT:     memref.alloc
// CHECK:         scf.parallel
// CHECK:         vector.load %{{.*}} : memref<64xf32>
// CHECK:         arith.addf
// CHECK:         vector.store %{{.*}} : memref<64xf32>, vector<32xf32>
// CHECK-NOT:     scf.parallel
func.func @own_accumulator(%x: memref<?x64xf32>, %state: memref<64xf32>, %acc: memref<64xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x64xf32>) states(%v = %state : memref<64xf32>) accumulators(%acc : memref<64xf32>) {
    %h = arith.mulf %v, %i : f32
    spiking.yield next(%h : f32) accumulate(%h : f32)
  }
  return
}

// -----

// Branches become selects; a division in one does not trap in lanes that take
// the other. A uniform condition stays scalar. A single step has no time loop.
// CHECK-LABEL: func @branches
// CHECK:         scf.parallel
// CHECK:           %[[C:.*]] = arith.cmpi ne, {{.*}} : vector<32xi32>
// CHECK:           %[[D:.*]] = arith.select %[[C]], {{.*}} : vector<32xi1>, vector<32xi32>
// CHECK:           %[[Q:.*]] = arith.divsi %{{.*}}, %[[D]]
// CHECK:           arith.select %[[C]], %[[Q]]
// CHECK-NOT:       scf.if
func.func @branches(%x: memref<?x32xi32>, %state: memref<?x32xi32>) {
  spiking.scan step ins(%i = %x : memref<?x32xi32>) states(%v = %state : memref<?x32xi32>) {
    %zero = arith.constant 0 : i32
    %c = arith.cmpi ne, %i, %zero : i32
    %q = scf.if %c -> i32 {
      %d = arith.divsi %v, %i : i32
      scf.yield %d : i32
    } else {
      scf.yield %zero : i32
    }
    spiking.yield next(%q : i32)
  }
  return
}

// -----

// Neurons that are not next to each other in memory: scalars.
// CHECK-LABEL: func @strided
// CHECK-NOT:     vector
// CHECK:         memref.load {{.*}} : memref<?x?xf32, strided<[?, 2]>>
func.func @strided(%x: memref<?x?xf32, strided<[?, 2]>>, %state: memref<?xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?xf32, strided<[?, 2]>>) states(%v = %state : memref<?xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// -----

// A scan on tensors is of a level above.
// CHECK-LABEL: func @tensors
// CHECK:         spiking.scan
func.func @tensors(%x: tensor<?x8xf32>, %state: tensor<8xf32>) -> tensor<8xf32> {
  %r = spiking.scan forward ins(%i = %x : tensor<?x8xf32>) states(%v = %state : tensor<8xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return %r : tensor<8xf32>
}
