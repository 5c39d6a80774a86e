// A layer forwards and backwards, as it looks on buffers: a product with spikes,
// a leaky integrate-and-fire scan, its adjoint, the gradient of the weights.
#x = affine_map<(t, b, n, k) -> (t, b, k)>
#w = affine_map<(t, b, n, k) -> (k, n)>
#y = affine_map<(t, b, n, k) -> (t, b, n)>
func.func @step(%x: memref<?x?x96xi8>, %w: memref<96x64xf32>, %decay: memref<f32>, %s: memref<?x?x64xi8>,
                %g: memref<?x?x64xf32>, %gw: memref<96x64xf32>, %gdecay: memref<f32>, %T: index, %B: index) {
  %zero = arith.constant 0.0 : f32
  %i = memref.alloc(%T, %B) : memref<?x?x64xf32>
  %gi = memref.alloc(%T, %B) : memref<?x?x64xf32>
  %v0 = memref.alloc(%B) : memref<?x64xf32>
  %d0 = memref.alloc(%B) : memref<?x64xf32>
  %p0 = memref.alloc(%B) : memref<?x64xf32>
  linalg.fill ins(%zero : f32) outs(%i : memref<?x?x64xf32>)
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x?x96xi8>, memref<96x64xf32>) outs(%i : memref<?x?x64xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %d = math.fma %f, %b, %c : f32
    linalg.yield %d : f32
  }
  linalg.fill ins(%zero : f32) outs(%v0 : memref<?x64xf32>)
  spiking.scan forward ins(%in = %i : memref<?x?x64xf32>) params(%k = %decay : memref<f32>)
      outs(%s : memref<?x?x64xi8>) states(%v = %v0 : memref<?x64xf32>) {
    %one = arith.constant 1.0 : f32
    %z = arith.constant 0.0 : f32
    %kv = arith.mulf %k, %v : f32
    %h = arith.addf %kv, %in : f32
    %u = arith.subf %h, %one : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    %v1 = arith.select %f, %z, %h : f32
    %o = arith.extui %f : i1 to i8
    spiking.yield %o : i8 next(%v1 : f32)
  }
  linalg.fill ins(%zero : f32) outs(%d0 : memref<?x64xf32>)
  linalg.fill ins(%zero : f32) outs(%p0 : memref<?x64xf32>)
  spiking.scan reverse ins(%in = %i : memref<?x?x64xf32>, %gs = %g : memref<?x?x64xf32>) params(%k = %decay : memref<f32>)
      outs(%gi : memref<?x?x64xf32>) states(%d = %d0 : memref<?x64xf32>) accumulators(%gdecay : memref<f32>)
      replay(%v = %p0 : memref<?x64xf32>) {
    %one = arith.constant 1.0 : f32
    %z = arith.constant 0.0 : f32
    %kv = arith.mulf %k, %v : f32
    %h = arith.addf %kv, %in : f32
    %u = arith.subf %h, %one : f32
    %n = arith.negf %u : f32
    %e = math.exp %n : f32
    %e1 = arith.addf %e, %one : f32
    %sg = arith.divf %one, %e1 : f32
    %gu = arith.mulf %sg, %gs : f32
    %f = arith.cmpf oge, %u, %z : f32
    %dk = arith.select %f, %z, %d : f32
    %gh = arith.addf %dk, %gu : f32
    %gk = arith.mulf %gh, %v : f32
    %gv = arith.mulf %gh, %k : f32
    spiking.yield %gh : f32 next(%gv : f32) accumulate(%gk : f32)
  } replaying {
  ^bb0(%in: f32, %gs: f32, %k: f32, %v: f32):
    %one = arith.constant 1.0 : f32
    %z = arith.constant 0.0 : f32
    %kv = arith.mulf %k, %v : f32
    %h = arith.addf %kv, %in : f32
    %u = arith.subf %h, %one : f32
    %f = arith.cmpf oge, %u, %z : f32
    %v1 = arith.select %f, %z, %h : f32
    spiking.yield next(%v1 : f32)
  }
  linalg.fill ins(%zero : f32) outs(%gw : memref<96x64xf32>)
  linalg.generic {indexing_maps = [affine_map<(k, n, t, b) -> (t, b, k)>, affine_map<(k, n, t, b) -> (t, b, n)>, affine_map<(k, n, t, b) -> (k, n)>],
                  iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %gi : memref<?x?x96xi8>, memref<?x?x64xf32>) outs(%gw : memref<96x64xf32>) {
  ^bb0(%a: i8, %b: f32, %c: f32):
    %f = arith.uitofp %a : i8 to f32
    %d = math.fma %f, %b, %c : f32
    linalg.yield %d : f32
  }
  memref.dealloc %i : memref<?x?x64xf32>
  memref.dealloc %gi : memref<?x?x64xf32>
  memref.dealloc %v0 : memref<?x64xf32>
  memref.dealloc %d0 : memref<?x64xf32>
  memref.dealloc %p0 : memref<?x64xf32>
  return
}
