// RUN: snn-opt %s --convert-spiking-scan-to-loops=vector-width=4 --convert-linalg-to-vector --split-input-file --verify-diagnostics

// A vector of four neurons would write half a byte.
func.func @narrow(%arena: memref<?xi8>, %n: index, %x: memref<?x32xf32>) {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?x32xi1>
  // expected-error @+1 {{writes spikes in bits, for which it must work on vectors of whole bytes}}
  spiking.scan step ins(%i = %x : memref<?x32xf32>) outs(%s : memref<?x32xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  return
}

// -----

// Spikes that are no view of bytes: nobody knows how they are stored.
func.func @unknown(%s: memref<8x32xi1>, %x: memref<8x32xf32>) {
  // expected-error @+1 {{expected spikes in memory to be i8, got 'memref<8x32xi1>'}}
  spiking.scan step ins(%i = %x : memref<8x32xf32>) outs(%s : memref<8x32xi1>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1
  }
  return
}

// -----

// Along the rows no vector fills bytes.
func.func @transposed(%arena: memref<?xi8>, %x: memref<32x8xf32>) {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][] : memref<?xi8> to memref<8x32xi1>
  %zero = arith.constant 0.0 : f32
  // expected-error @+1 {{writes spikes in bits, for which it must work on vectors of whole bytes}}
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<32x8xf32>) outs(%s : memref<8x32xi1>) {
  ^bb0(%a: f32, %o: i1):
    %f = arith.cmpf oge, %a, %zero : f32
    linalg.yield %f : i1
  }
  return
}

// -----

// What is no loop of scalars cannot be taken apart into bytes.
func.func private @spike(f32) -> i1
func.func @call(%arena: memref<?xi8>, %x: memref<8x32xf32>) {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][] : memref<?xi8> to memref<8x32xi1>
  // expected-error @+1 {{has spikes in bits, which loops of scalars do not read or write}}
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<8x32xf32>) outs(%s : memref<8x32xi1>) {
  ^bb0(%a: f32, %o: i1):
    %f = func.call @spike(%a) : (f32) -> i1
    linalg.yield %f : i1
  }
  return
}
