// RUN: snn-opt %s --pass-pipeline='builtin.module(func.func(spiking-name-dimensions))' --split-input-file | FileCheck %s

// Time and batch of a scan; the number of steps is an argument.
// CHECK-LABEL: func.func @scan(
// CHECK-SAME:    tensor<?x?x8xf32> {spiking.dims = ["T", "B", 8]}
// CHECK-SAME:    tensor<?x8xf32> {spiking.dims = ["B", 8]}
// CHECK-SAME:    index {rheobase.extent = "T"}
// CHECK-SAME:    tensor<?xf32> {spiking.dims = ["d0"]}
// CHECK-SAME:    -> (tensor<?x?x8xf32> {spiking.dims = ["T", "B", 8]}, tensor<?x8xf32> {spiking.dims = ["B", 8]})
func.func @scan(%x: tensor<?x?x8xf32>, %v0: tensor<?x8xf32>, %T: index, %other: tensor<?xf32>) -> (tensor<?x?x8xf32>, tensor<?x8xf32>) {
  %c1 = arith.constant 1 : index
  %B = tensor.dim %x, %c1 : tensor<?x?x8xf32>
  %e = tensor.empty(%T, %B) : tensor<?x?x8xf32>
  %o, %vT = spiking.scan forward ins(%i = %x : tensor<?x?x8xf32>) outs(%e : tensor<?x?x8xf32>) states(%v = %v0 : tensor<?x8xf32>) {
    %n = arith.addf %v, %i : f32
    spiking.yield %n : f32 next(%n : f32)
  }
  return %o, %vT : tensor<?x?x8xf32>, tensor<?x8xf32>
}

// -----

// What meets in an operation is equal, or must be a certain number.
// CHECK-LABEL: func.func @product(
// CHECK-SAME:    tensor<?x?xf32> {spiking.dims = ["d0", "d1"]}
// CHECK-SAME:    tensor<?x?xf32> {spiking.dims = ["d1", 4]}
// CHECK-SAME:    tensor<?x4xf32> {spiking.dims = ["d0", 4]}
func.func @product(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// Names of the source stay, and are equal wherever they stand; "?" is no name.
// CHECK-LABEL: func.func @given(
// CHECK-SAME:    tensor<?xf32> {spiking.dims = ["samples"]}
// CHECK-SAME:    tensor<?xi32> {spiking.dims = ["samples"]}
// CHECK-SAME:    tensor<?xi32> {spiking.dims = ["d0"]}
// CHECK-SAME:    tensor<?xi32> {spiking.dims = ["d1"]}
func.func @given(%x: tensor<?xf32> {spiking.dims = ["samples"]}, %l: tensor<?xi32> {spiking.dims = ["samples"]},
                 %m: tensor<?xi32> {spiking.dims = ["?"]}, %n: tensor<?xi32> {spiking.dims = ["?"]}) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

// -----

// Slices of steps in a loop that remained: it runs over time.
// CHECK-LABEL: func.func @loop(
// CHECK-SAME:    tensor<?x?xf32> {spiking.dims = ["T", "B"], spiking.role = "input"}
// CHECK-SAME:    tensor<?xf32> {spiking.dims = ["B"]}
// CHECK-SAME:    index {rheobase.extent = "T", spiking.role = "time_steps"}
func.func @loop(%x: tensor<?x?xf32> {spiking.role = "input"}, %v: tensor<?xf32>, %T: index {spiking.role = "time_steps"}) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %B = tensor.dim %x, %c1 : tensor<?x?xf32>
  %r = scf.for %t = %c0 to %T step %c1 iter_args(%u = %v) -> tensor<?xf32> {
    %s = tensor.extract_slice %x[%t, 0] [1, %B] [1, 1] : tensor<?x?xf32> to tensor<?xf32>
    %n = linalg.add ins(%u, %s : tensor<?xf32>, tensor<?xf32>) outs(%u : tensor<?xf32>) -> tensor<?xf32>
    scf.yield %n : tensor<?xf32>
  }
  return %r : tensor<?xf32>
}

// -----

// Private functions are no entries.
// CHECK-LABEL: func.func private @helper(
// CHECK-NOT:     spiking.dims
func.func private @helper(%x: tensor<?xf32>) -> tensor<?xf32> {
  return %x : tensor<?xf32>
}

// -----

// Through parallel blocks of samples: what all blocks make together has the
// size of what it began as; a filled tensor has the size it was given.
// CHECK-LABEL: func.func @blocks(
// CHECK-SAME:    tensor<?x8xf32> {spiking.dims = ["B", 8]}
// CHECK-SAME:    -> (tensor<?x8xf32> {spiking.dims = ["B", 8]})
func.func @blocks(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  %zero = arith.constant 0.0 : f32
  %B = tensor.dim %x, %c0 : tensor<?x8xf32>
  %v = tensor.splat %zero[%B] : tensor<?x8xf32>
  %y = scf.forall (%i) = (0) to (%B) step (16) shared_outs(%out = %v) -> (tensor<?x8xf32>) {
    %rest = arith.subi %B, %i : index
    %size = arith.minsi %rest, %c16 : index
    %part = tensor.extract_slice %x[%i, 0] [%size, 8] [1, 1] : tensor<?x8xf32> to tensor<?x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %part into %out[%i, 0] [%size, 8] [1, 1] : tensor<?x8xf32> into tensor<?x8xf32>
    }
  }
  return %y : tensor<?x8xf32>
}
