// RUN: snn-opt %s --convert-spiking-scan-to-loops=vector-width=32 --canonicalize --cse --split-input-file | FileCheck %s

// Results that only the caller reads pass by the caches, if they are large and
// their rows aligned; each thread waits for what it streamed. States do not.
// CHECK-LABEL: func @result
// CHECK:         %[[ADDRESS:.*]] = memref.extract_aligned_pointer_as_index %[[S:.*]] : memref<?x?xi8> -> index
// CHECK:         scf.if
// CHECK:           scf.parallel
// CHECK:             vector.store %{{.*}}, %[[S]][%{{.*}}] {alignment = 32 : i64, nontemporal = true} : memref<?x?xi8>, vector<32xi8>
// CHECK-NOT:         nontemporal
// CHECK:             vector.store %{{.*}} : memref<?xf32>, vector<32xf32>
// CHECK:             llvm.fence seq_cst
// CHECK:         } else {
// CHECK:           scf.parallel
// CHECK-NOT:         nontemporal
// CHECK-NOT:         fence
// CHECK:         return
func.func @result(%x: memref<?x?x128xf32>, %s: memref<?x?x128xi8> {rheobase.result = 0 : i64},
                  %state: memref<?x128xf32> {rheobase.result = 1 : i64}) {
  spiking.scan forward ins(%i = %x : memref<?x?x128xf32>) outs(%s : memref<?x?x128xi8>)
      states(%v = %state : memref<?x128xf32>) {
    %zero = arith.constant 0.0 : f32
    %h = arith.addf %v, %i : f32
    %f = spiking.fire %h {surrogate = #spiking.atan} : f32 -> i1
    %v1 = arith.select %f, %zero, %h : f32
    %o = arith.extui %f : i1 to i8
    spiking.yield %o : i8 next(%v1 : f32)
  }
  return
}

// -----

// Not a result that is read again, and not a small one.
// CHECK-LABEL: func @not_streamed
// CHECK-NOT:     nontemporal = true
func.func @not_streamed(%x: memref<?x?x128xf32>, %y: memref<?x?x128xf32> {rheobase.result = 0 : i64},
                        %z: memref<4x2x128xf32> {rheobase.result = 1 : i64}, %v: memref<?x128xf32>, %w: memref<2x128xf32>, %x2: memref<4x2x128xf32>) {
  spiking.scan forward ins(%i = %x : memref<?x?x128xf32>) outs(%y : memref<?x?x128xf32>) states(%s = %v : memref<?x128xf32>) {
    %h = arith.addf %s, %i : f32
    spiking.yield %h : f32 next(%h : f32)
  }
  spiking.scan forward ins(%i = %y : memref<?x?x128xf32>) states(%s = %v : memref<?x128xf32>) {
    %h = arith.addf %s, %i : f32
    spiking.yield next(%h : f32)
  }
  spiking.scan forward ins(%i = %x2 : memref<4x2x128xf32>) outs(%z : memref<4x2x128xf32>) states(%s = %w : memref<2x128xf32>) {
    %h = arith.addf %s, %i : f32
    spiking.yield %h : f32 next(%h : f32)
  }
  return
}

// -----

// A state that begins at a number, or at what is copied into it, is read from
// there; one that nobody reads afterwards is not written back.
// CHECK-LABEL: func @sources
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x?x128xf32>, %[[FIRST:[a-z0-9]+]]: memref<?x128xf32>, %[[ARENA:[a-z0-9]+]]: memref<?xi8>
// CHECK-NOT:     linalg
// CHECK-NOT:     memref.copy
// CHECK:         %[[F:.*]] = memref.collapse_shape %[[FIRST]]
// CHECK:         scf.parallel
// CHECK:           %[[A:.*]] = memref.alloc
// CHECK:           %[[B:.*]] = memref.alloc
// CHECK:           vector.store %cst{{.*}}, %[[A]]
// CHECK:           vector.load %[[F]]
// CHECK:           vector.store %{{.*}}, %[[B]]
// CHECK:           vector.load %[[A]]
// CHECK:           vector.load %[[B]]
// CHECK:           vector.store %{{.*}}, %[[A]]
// CHECK:           vector.store %{{.*}}, %[[B]]
// CHECK-NOT:       vector.store
// CHECK:         return
func.func @sources(%x: memref<?x?x128xf32>, %first: memref<?x128xf32>, %arena: memref<?xi8>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4096 = arith.constant 4096 : index
  %zero = arith.constant 0.0 : f32
  %n = memref.dim %x, %c1 : memref<?x?x128xf32>
  %a = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?x128xf32>
  %b = memref.view %arena[%c4096][%n] : memref<?xi8> to memref<?x128xf32>
  linalg.map outs(%a : memref<?x128xf32>)
    (%init: f32) {
      linalg.yield %zero : f32
    }
  memref.copy %first, %b : memref<?x128xf32> to memref<?x128xf32>
  spiking.scan forward ins(%i = %x : memref<?x?x128xf32>) states(%v = %a : memref<?x128xf32>, %w = %b : memref<?x128xf32>) {
    %h = arith.addf %v, %i : f32
    %g = arith.mulf %w, %h : f32
    spiking.yield next(%h, %g : f32, f32)
  }
  return
}

// -----

// Something else reads the copy, or writes what is copied: in place.
// CHECK-LABEL: func @in_place
// CHECK:         memref.copy
// CHECK:         scf.parallel
// CHECK-NOT:       memref.alloc
func.func @in_place(%x: memref<?x128xf32>, %arena: memref<?xi8>) {
  %c0 = arith.constant 0 : index
  %c4096 = arith.constant 4096 : index
  %zero = arith.constant 0.0 : f32
  %a = memref.view %arena[%c0][] : memref<?xi8> to memref<128xf32>
  %b = memref.view %arena[%c4096][] : memref<?xi8> to memref<128xf32>
  memref.copy %a, %b : memref<128xf32> to memref<128xf32>
  spiking.scan forward ins(%i = %x : memref<?x128xf32>) states(%v = %b : memref<128xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  memref.copy %b, %a : memref<128xf32> to memref<128xf32>
  return
}

// -----

// A forward scan that computes what the backward one replays: one nest, the
// input is read once, and the replay is not computed.
// CHECK-LABEL: func @recorder
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<4x65536xf32>
// CHECK-COUNT-1: scf.parallel
// CHECK:           vector.load %[[X]]
// CHECK:           vector.store %{{.*}}, %{{.*}} : memref<4x65536xi8>, vector<32xi8>
// CHECK-NOT:       vector.load %[[X]]
// CHECK:           vector.store %{{.*}} : memref<4x65536xf32>, vector<32xf32>
// CHECK-NOT:     scf.parallel
// CHECK:         return

// The backward scan needs what the forward one computes for other neurons, too.
// CHECK-LABEL: func @depends
// CHECK:         scf.parallel
// CHECK:         scf.parallel
// CHECK:         return

// Another beginning.
// CHECK-LABEL: func @begins_otherwise
// CHECK:         scf.parallel
// CHECK:         scf.parallel
// CHECK:         return
func.func @recorder(%x: memref<4x65536xf32>, %g: memref<4x65536xf32>, %s: memref<4x65536xi8> {rheobase.result = 0 : i64},
                    %vT: memref<65536xf32> {rheobase.result = 1 : i64}, %gx: memref<4x65536xf32> {rheobase.result = 2 : i64}, %arena: memref<?xi8>) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %c0 = arith.constant 0 : index
  %c4096 = arith.constant 4096 : index
  %v0 = memref.view %arena[%c0][] : memref<?xi8> to memref<65536xf32>
  %g0 = memref.view %arena[%c4096][] : memref<?xi8> to memref<65536xf32>
  linalg.map outs(%v0 : memref<65536xf32>)
    (%init: f32) {
      linalg.yield %zero : f32
    }
  memref.copy %v0, %vT : memref<65536xf32> to memref<65536xf32>
  spiking.scan forward ins(%i = %x : memref<4x65536xf32>) outs(%s : memref<4x65536xi8>) states(%v = %vT : memref<65536xf32>) {
    %h = arith.addf %v, %i : f32
    %u = arith.subf %h, %one : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %v1 = arith.select %f, %zero, %h : f32
    %o = arith.extui %f : i1 to i8
    spiking.yield %o : i8 next(%v1 : f32)
  }
  linalg.map outs(%g0 : memref<65536xf32>)
    (%init: f32) {
      linalg.yield %zero : f32
    }
  spiking.scan reverse ins(%gs = %g : memref<4x65536xf32>, %i = %x : memref<4x65536xf32>) outs(%gx : memref<4x65536xf32>)
      states(%dv = %g0 : memref<65536xf32>) replay(%v = %v0 : memref<65536xf32>) {
    %h = arith.mulf %v, %gs : f32
    %dh = arith.addf %dv, %h : f32
    spiking.yield %dh : f32 next(%dh : f32)
  } replaying {
  ^bb0(%gs: f32, %i: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    %u = arith.subf %h, %one : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %v1 = arith.select %f, %zero, %h : f32
    spiking.yield next(%v1 : f32)
  }
  return
}
func.func @depends(%x: memref<4x65536xf32>, %s: memref<4x65536xf32> {rheobase.result = 0 : i64},
                   %vT: memref<65536xf32> {rheobase.result = 1 : i64}, %v0: memref<65536xf32>, %gT: memref<65536xf32> {rheobase.result = 2 : i64}, %gx: memref<4x65536xf32> {rheobase.result = 3 : i64}) {
  memref.copy %v0, %vT : memref<65536xf32> to memref<65536xf32>
  spiking.scan forward ins(%i = %x : memref<4x65536xf32>) outs(%s : memref<4x65536xf32>) states(%v = %vT : memref<65536xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield %h : f32 next(%h : f32)
  }
  spiking.scan reverse ins(%i = %x : memref<4x65536xf32>, %gs = %s : memref<4x65536xf32>) outs(%gx : memref<4x65536xf32>)
      states(%dv = %gT : memref<65536xf32>) replay(%v = %v0 : memref<65536xf32>) {
    %h = arith.mulf %v, %gs : f32
    %dh = arith.addf %dv, %h : f32
    spiking.yield %dh : f32 next(%dh : f32)
  } replaying {
  ^bb0(%i: f32, %gs: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}
func.func @begins_otherwise(%x: memref<4x65536xf32>, %g: memref<4x65536xf32>, %vT: memref<65536xf32> {rheobase.result = 1 : i64}, %v0: memref<65536xf32>,
                            %gT: memref<65536xf32> {rheobase.result = 2 : i64}, %gx: memref<4x65536xf32> {rheobase.result = 3 : i64}) {
  spiking.scan forward ins(%i = %x : memref<4x65536xf32>) states(%v = %vT : memref<65536xf32>) {
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  spiking.scan reverse ins(%i = %x : memref<4x65536xf32>, %gs = %g : memref<4x65536xf32>) outs(%gx : memref<4x65536xf32>)
      states(%dv = %gT : memref<65536xf32>) replay(%v = %v0 : memref<65536xf32>) {
    %h = arith.mulf %v, %gs : f32
    %dh = arith.addf %dv, %h : f32
    spiking.yield %dh : f32 next(%dh : f32)
  } replaying {
  ^bb0(%i: f32, %gs: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  return
}

// States and a replayed past that begin at a number, in buffers that are made
// right before the scan, as in a loop over blocks of samples: nothing fills them.
// CHECK-LABEL: func.func @made_before
// CHECK-NOT:     linalg.
// CHECK:         scf.parallel
func.func @made_before(%x: memref<?x65536xf32>, %g: memref<?x65536xf32>, %gx: memref<?x65536xf32>) {
  %zero = arith.constant 0.0 : f32
  %dv0 = memref.alloc() : memref<65536xf32>
  linalg.fill ins(%zero : f32) outs(%dv0 : memref<65536xf32>)
  %v0 = memref.alloc() : memref<65536xf32>
  linalg.map outs(%v0 : memref<65536xf32>)
    (%init: f32) {
      linalg.yield %zero : f32
    }
  spiking.scan reverse ins(%i = %x : memref<?x65536xf32>, %a = %g : memref<?x65536xf32>) outs(%gx : memref<?x65536xf32>)
      states(%dv = %dv0 : memref<65536xf32>) replay(%v = %v0 : memref<65536xf32>) {
    %w = arith.mulf %a, %v : f32
    %h = arith.addf %dv, %w : f32
    spiking.yield %h : f32 next(%h : f32)
  } replaying {
  ^bb0(%i: f32, %a: f32, %v: f32):
    %h = arith.addf %v, %i : f32
    spiking.yield next(%h : f32)
  }
  memref.dealloc %v0 : memref<65536xf32>
  memref.dealloc %dv0 : memref<65536xf32>
  return
}

// Somebody reads what the past began with.
// CHECK-LABEL: func.func @read_after
// CHECK:         linalg.fill
// CHECK:         scf.parallel
func.func @read_after(%x: memref<?x65536xf32>, %g: memref<?x65536xf32>, %gx: memref<?x65536xf32>, %dv0: memref<65536xf32>, %i: index) -> f32 {
  %zero = arith.constant 0.0 : f32
  %v0 = memref.alloc() : memref<65536xf32>
  linalg.fill ins(%zero : f32) outs(%v0 : memref<65536xf32>)
  spiking.scan reverse ins(%j = %x : memref<?x65536xf32>, %a = %g : memref<?x65536xf32>) outs(%gx : memref<?x65536xf32>)
      states(%dv = %dv0 : memref<65536xf32>) replay(%v = %v0 : memref<65536xf32>) {
    %w = arith.mulf %a, %v : f32
    %h = arith.addf %dv, %w : f32
    spiking.yield %h : f32 next(%h : f32)
  } replaying {
  ^bb0(%j: f32, %a: f32, %v: f32):
    %h = arith.addf %v, %j : f32
    spiking.yield next(%h : f32)
  }
  %r = memref.load %v0[%i] : memref<65536xf32>
  memref.dealloc %v0 : memref<65536xf32>
  return %r : f32
}
