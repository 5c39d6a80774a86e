// RUN: snn-opt %s -canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @dropout_inference
// CHECK-SAME:    %[[X:.*]]: tensor<?x3xf32>
// CHECK-NEXT:    return %[[X]]
func.func @dropout_inference(%x: tensor<?x3xf32>, %seed: tensor<i64>) -> tensor<?x3xf32> {
  %y = spiking.dropout %x seed(%seed) {p = 0.5, id = 0, mode = #spiking.mode<inference>} : (tensor<?x3xf32>, tensor<i64>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @dropout_never
// CHECK-SAME:    %[[X:.*]]: tensor<?x3xf32>
// CHECK-NEXT:    return %[[X]]
func.func @dropout_never(%x: tensor<?x3xf32>, %seed: tensor<i64>) -> tensor<?x3xf32> {
  %y = spiking.dropout %x seed(%seed) {p = 0.0, id = 0} : (tensor<?x3xf32>, tensor<i64>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @dropout_training
// CHECK:         spiking.dropout
func.func @dropout_training(%x: tensor<?x3xf32>, %seed: tensor<i64>) -> tensor<?x3xf32> {
  %y = spiking.dropout %x seed(%seed) {p = 0.5, id = 0} : (tensor<?x3xf32>, tensor<i64>) -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// -----

// CHECK-LABEL: func.func @transpose_identity
// CHECK-SAME:    %[[X:.*]]: tensor<?x3x3xf32>
// CHECK-NEXT:    return %[[X]]
func.func @transpose_identity(%x: tensor<?x3x3xf32>) -> tensor<?x3x3xf32> {
  %y = spiking.transpose %x {permutation = array<i64: 0, 1, 2>} : (tensor<?x3x3xf32>) -> tensor<?x3x3xf32>
  return %y : tensor<?x3x3xf32>
}

// To channels last and back.
// CHECK-LABEL: func.func @transpose_inverse
// CHECK-SAME:    %[[X:.*]]: tensor<?x2x3x4xi1>
// CHECK-NEXT:    return %[[X]]
func.func @transpose_inverse(%x: tensor<?x2x3x4xi1>) -> tensor<?x2x3x4xi1> {
  %y = spiking.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x2x3x4xi1>) -> tensor<?x3x4x2xi1>
  %z = spiking.transpose %y {permutation = array<i64: 2, 0, 1>} : (tensor<?x3x4x2xi1>) -> tensor<?x2x3x4xi1>
  return %z : tensor<?x2x3x4xi1>
}

// CHECK-LABEL: func.func @transpose_composition
// CHECK-NEXT:    %[[Y:.*]] = spiking.transpose %{{.*}} {permutation = array<i64: 1, 0>} : (tensor<?x2x3x4xf32>) -> tensor<?x2x4x3xf32>
// CHECK-NEXT:    return %[[Y]]
func.func @transpose_composition(%x: tensor<?x2x3x4xf32>) -> tensor<?x2x4x3xf32> {
  %y = spiking.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<?x2x3x4xf32>) -> tensor<?x3x4x2xf32>
  %z = spiking.transpose %y {permutation = array<i64: 2, 1, 0>} : (tensor<?x3x4x2xf32>) -> tensor<?x2x4x3xf32>
  return %z : tensor<?x2x4x3xf32>
}

// Permutations of different lengths.
// CHECK-LABEL: func.func @transpose_lengths
// CHECK-NEXT:    spiking.transpose %{{.*}} {permutation = array<i64: 1, 2, 0>} : (tensor<?x2x3x4xf32>) -> tensor<?x3x4x2xf32>
func.func @transpose_lengths(%x: tensor<?x2x3x4xf32>) -> tensor<?x3x4x2xf32> {
  %y = spiking.transpose %x {permutation = array<i64: 1, 0, 2>} : (tensor<?x2x3x4xf32>) -> tensor<?x3x2x4xf32>
  %z = spiking.transpose %y {permutation = array<i64: 1, 0>} : (tensor<?x3x2x4xf32>) -> tensor<?x3x4x2xf32>
  return %z : tensor<?x3x4x2xf32>
}

// CHECK-LABEL: func.func @transpose_leading
// CHECK-NEXT:    spiking.transpose %{{.*}} {permutation = array<i64: 1, 0>} : (tensor<?x2x3x4xf32>) -> tensor<?x2x4x3xf32>
func.func @transpose_leading(%x: tensor<?x2x3x4xf32>) -> tensor<?x2x4x3xf32> {
  %y = spiking.transpose %x {permutation = array<i64: 0, 2, 1>} : (tensor<?x2x3x4xf32>) -> tensor<?x2x4x3xf32>
  return %y : tensor<?x2x4x3xf32>
}

// -----

// CHECK-LABEL: func.func @broadcast_same
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x3xf32>
// CHECK-NEXT:    return %[[X]]
func.func @broadcast_same(%x: tensor<?x3xf32>, %b: index) -> tensor<?x3xf32> {
  %y = spiking.broadcast %x sizes(%b) : tensor<?x3xf32> -> tensor<?x3xf32>
  return %y : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @broadcast_twice
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<3x1xf32>, %[[B:[a-z0-9]*]]: index
// CHECK-NEXT:    spiking.broadcast %[[X]] sizes(%[[B]]) : tensor<3x1xf32> -> tensor<?x3x4xf32>
func.func @broadcast_twice(%x: tensor<3x1xf32>, %b: index) -> tensor<?x3x4xf32> {
  %y = spiking.broadcast %x : tensor<3x1xf32> -> tensor<3x4xf32>
  %z = spiking.broadcast %y sizes(%b) : tensor<3x4xf32> -> tensor<?x3x4xf32>
  return %z : tensor<?x3x4xf32>
}

// CHECK-LABEL: func.func @broadcast_constant
// CHECK-NEXT:    arith.constant dense<5.000000e-01> : tensor<4x3xf32>
// CHECK-NEXT:    return
func.func @broadcast_constant() -> tensor<4x3xf32> {
  %x = arith.constant dense<0.5> : tensor<f32>
  %y = spiking.broadcast %x : tensor<f32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// CHECK-LABEL: func.func @broadcast_repeats
// CHECK:         spiking.broadcast
func.func @broadcast_repeats(%x: tensor<1x3xf32>) -> tensor<4x3xf32> {
  %y = spiking.broadcast %x : tensor<1x3xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// CHECK-LABEL: func.func @sum_of_nothing
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<4x3xf32>
// CHECK-NEXT:    return %[[X]]
func.func @sum_of_nothing(%x: tensor<4x3xf32>) -> tensor<4x3xf32> {
  %y = spiking.reduce_sum %x {dims = array<i64>} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// -----

// CHECK-LABEL: func.func @unpack_pack
// CHECK-SAME:    %[[X:.*]]: tensor<?x40xi1>
// CHECK-NEXT:    return %[[X]]
func.func @unpack_pack(%x: tensor<?x40xi1>) -> tensor<?x40xi1> {
  %w = spiking.pack %x : (tensor<?x40xi1>) -> tensor<?x2xi32>
  %y = spiking.unpack %w : (tensor<?x2xi32>) -> tensor<?x40xi1>
  return %y : tensor<?x40xi1>
}

// CHECK-LABEL: func.func @unpack_other_channels
// CHECK:         spiking.unpack
func.func @unpack_other_channels(%x: tensor<?x40xi1>) -> tensor<?x41xi1> {
  %w = spiking.pack %x : (tensor<?x40xi1>) -> tensor<?x2xi32>
  %y = spiking.unpack %w : (tensor<?x2xi32>) -> tensor<?x41xi1>
  return %y : tensor<?x41xi1>
}

// CHECK-LABEL: func.func @pack_unpack
// CHECK-SAME:    %[[W:.*]]: tensor<?x2xi32>
// CHECK-NEXT:    return %[[W]]
func.func @pack_unpack(%w: tensor<?x2xi32>) -> tensor<?x2xi32> {
  %x = spiking.unpack %w : (tensor<?x2xi32>) -> tensor<?x64xi1>
  %y = spiking.pack %x : (tensor<?x64xi1>) -> tensor<?x2xi32>
  return %y : tensor<?x2xi32>
}

// The bits past channel 39 become 0.
// CHECK-LABEL: func.func @pack_clears
// CHECK:         spiking.pack
func.func @pack_clears(%w: tensor<?x2xi32>) -> tensor<?x2xi32> {
  %x = spiking.unpack %w : (tensor<?x2xi32>) -> tensor<?x40xi1>
  %y = spiking.pack %x : (tensor<?x40xi1>) -> tensor<?x2xi32>
  return %y : tensor<?x2xi32>
}

// -----

// CHECK-LABEL: func.func @flatten_unflatten
// CHECK-SAME:    %[[X:.*]]: tensor<?x12xf32>
// CHECK-NEXT:    return %[[X]]
func.func @flatten_unflatten(%x: tensor<?x12xf32>) -> tensor<?x12xf32> {
  %y = spiking.unflatten %x {dims = 2} : (tensor<?x12xf32>) -> tensor<?x3x4xf32>
  %z = spiking.flatten %y {dims = 2} : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  return %z : tensor<?x12xf32>
}

// CHECK-LABEL: func.func @unflatten_flatten
// CHECK-SAME:    %[[X:.*]]: tensor<?x3x4xf32>
// CHECK-NEXT:    return %[[X]]
func.func @unflatten_flatten(%x: tensor<?x3x4xf32>) -> tensor<?x3x4xf32> {
  %y = spiking.flatten %x {dims = 2} : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  %z = spiking.unflatten %y {dims = 2} : (tensor<?x12xf32>) -> tensor<?x3x4xf32>
  return %z : tensor<?x3x4xf32>
}

// CHECK-LABEL: func.func @unflatten_otherwise
// CHECK:         spiking.flatten
// CHECK:         spiking.unflatten
func.func @unflatten_otherwise(%x: tensor<?x3x4xf32>) -> tensor<?x4x3xf32> {
  %y = spiking.flatten %x {dims = 2} : (tensor<?x3x4xf32>) -> tensor<?x12xf32>
  %z = spiking.unflatten %y {dims = 2} : (tensor<?x12xf32>) -> tensor<?x4x3xf32>
  return %z : tensor<?x4x3xf32>
}

// CHECK-LABEL: func.func @flatten_twice
// CHECK-NEXT:    spiking.flatten %{{.*}} {dims = 3 : i64} : (tensor<?x2x3x4xf32>) -> tensor<?x24xf32>
func.func @flatten_twice(%x: tensor<?x2x3x4xf32>) -> tensor<?x24xf32> {
  %y = spiking.flatten %x {dims = 2} : (tensor<?x2x3x4xf32>) -> tensor<?x2x12xf32>
  %z = spiking.flatten %y {dims = 2} : (tensor<?x2x12xf32>) -> tensor<?x24xf32>
  return %z : tensor<?x24xf32>
}

// -----

// CHECK-LABEL: func.func @delay_zero
// CHECK-SAME:    %[[X:.*]]: tensor<?x3xi1>
// CHECK-NEXT:    return %[[X]]
func.func @delay_zero(%x: tensor<?x3xi1>) -> tensor<?x3xi1> {
  %y = spiking.delay %x {steps = 0} : (tensor<?x3xi1>) -> tensor<?x3xi1>
  return %y : tensor<?x3xi1>
}

// CHECK-LABEL: func.func @delay_twice
// CHECK-NEXT:    spiking.delay %{{.*}} {steps = 5 : i64}
// CHECK-NEXT:    return
func.func @delay_twice(%x: tensor<?x3xi1>) -> tensor<?x3xi1> {
  %y = spiking.delay %x {steps = 2} : (tensor<?x3xi1>) -> tensor<?x3xi1>
  %z = spiking.delay %y {steps = 3} : (tensor<?x3xi1>) -> tensor<?x3xi1>
  return %z : tensor<?x3xi1>
}

// What was pushed out of the sequence does not come back.
// CHECK-LABEL: func.func @delay_and_advance
// CHECK:         spiking.delay %{{.*}} {steps = 2 : i64}
// CHECK:         spiking.delay %{{.*}} {steps = -2 : i64}
func.func @delay_and_advance(%x: tensor<?x3xi1>) -> tensor<?x3xi1> {
  %y = spiking.delay %x {steps = 2} : (tensor<?x3xi1>) -> tensor<?x3xi1>
  %z = spiking.delay %y {steps = -2} : (tensor<?x3xi1>) -> tensor<?x3xi1>
  return %z : tensor<?x3xi1>
}

// CHECK-LABEL: func.func @detach_twice
// CHECK:         spiking.detach
// CHECK-NOT:     spiking.detach
func.func @detach_twice(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = spiking.detach %x : tensor<3xf32>
  %z = spiking.detach %y : tensor<3xf32>
  return %z : tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @batch_norm_inference
// CHECK-SAME:    %[[M:[a-z0-9]*]]: tensor<3xf32>, %[[V:[a-z0-9]*]]: tensor<3xf32>
// CHECK:         %[[Y:.*]], %{{.*}}, %{{.*}}, %{{.*}}, %[[R:.*]] = spiking.batch_norm
// CHECK-NEXT:    return %[[Y]], %[[M]], %[[V]], %[[M]], %[[R]]
func.func @batch_norm_inference(%m: tensor<3xf32>, %v: tensor<3xf32>, %x: tensor<?x3xf32>, %c: tensor<3xf32>)
    -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%m, %v) {mode = #spiking.mode<inference>}
    : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y#0, %y#1, %y#2, %y#3, %y#4 : tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @batch_norm_training
// CHECK:         %{{.*}}, %[[M:.*]], %{{.*}}, %{{.*}}, %{{.*}} = spiking.batch_norm
// CHECK-NEXT:    return %[[M]]
func.func @batch_norm_training(%m: tensor<3xf32>, %v: tensor<3xf32>, %x: tensor<?x3xf32>, %c: tensor<3xf32>) -> tensor<3xf32> {
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%m, %v)
    : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y#1 : tensor<3xf32>
}

// -----

// An output, a state, an input and a parameter that nothing needs.
// CHECK-LABEL: func.func @scan_unused
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x3xf32>, %{{[a-z0-9]*}}: tensor<?x3xf32>, %[[P:[a-z0-9]*]]: tensor<3xf32>, %[[V:[a-z0-9]*]]: tensor<3xf32>
// CHECK:         %[[R:.*]]:2 = spiking.scan forward ins(%[[A:.*]] = %[[X]] : tensor<?x3xf32>) params(%[[B:.*]] = %[[P]] : tensor<3xf32>)
// CHECK-SAME:      outs(%{{.*}} : tensor<?x3xf32>) states(%[[C:.*]] = %[[V]] : tensor<3xf32>) {
// CHECK-NEXT:      %[[D:.*]] = arith.addf %[[A]], %[[C]]
// CHECK-NEXT:      %[[E:.*]] = arith.mulf %[[D]], %[[B]]
// CHECK-NEXT:      spiking.yield %[[D]] : f32 next(%[[E]] : f32)
// CHECK:         return %[[R]]#0, %[[R]]#1
func.func @scan_unused(%x: tensor<?x3xf32>, %y: tensor<?x3xf32>, %p: tensor<3xf32>, %v0: tensor<3xf32>, %w0: tensor<3xf32>, %e: tensor<?x3xf32>)
    -> (tensor<?x3xf32>, tensor<3xf32>) {
  %r:4 = spiking.scan forward ins(%a = %x : tensor<?x3xf32>, %b = %y : tensor<?x3xf32>) params(%c = %p : tensor<3xf32>, %d = %w0 : tensor<3xf32>)
      outs(%e : tensor<?x3xf32>, %e : tensor<?x3xf32>) states(%w = %w0 : tensor<3xf32>, %v = %v0 : tensor<3xf32>) {
    %0 = arith.mulf %b, %w : f32
    %1 = arith.addf %a, %v : f32
    %2 = arith.mulf %1, %c : f32
    %3 = arith.mulf %0, %d : f32
    spiking.yield %0, %1 : f32, f32 next(%3, %2 : f32, f32)
  }
  return %r#1, %r#3 : tensor<?x3xf32>, tensor<3xf32>
}

// The final state is not used, but the output depends on the state.
// CHECK-LABEL: func.func @scan_needs_state
// CHECK:         spiking.scan forward ins(%{{.*}}) outs(%{{.*}}) states(%{{.*}})
func.func @scan_needs_state(%x: tensor<?x3xf32>, %v0: tensor<3xf32>, %e: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r:2 = spiking.scan forward ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) states(%v = %v0 : tensor<3xf32>) {
    %0 = arith.addf %a, %v : f32
    spiking.yield %0 : f32 next(%0 : f32)
  }
  return %r#0 : tensor<?x3xf32>
}

// The shape of the space and the number of steps come from operands that are not used otherwise.
// CHECK-LABEL: func.func @scan_keeps_shape
// CHECK:         spiking.scan reverse ins(%[[A:.*]] = %{{.*}} : tensor<?x3xf32>) outs(%{{.*}}) accumulators(%{{.*}})
// CHECK-NOT:     arith.mulf
// CHECK:           spiking.yield %[[A]] : f32 accumulate(%[[A]] : f32)
func.func @scan_keeps_shape(%x: tensor<?x3xf32>, %y: tensor<?x3xf32>, %e: tensor<?x3xf32>, %g: tensor<f32>) -> tensor<f32> {
  %r:3 = spiking.scan reverse ins(%a = %x : tensor<?x3xf32>, %b = %y : tensor<?x3xf32>)
      outs(%e : tensor<?x3xf32>, %e : tensor<?x3xf32>) accumulators(%g : tensor<f32>) {
    %0 = arith.mulf %a, %b : f32
    spiking.yield %a, %0 : f32, f32 accumulate(%a : f32)
  }
  return %r#2 : tensor<f32>
}

// CHECK-LABEL: func.func @scan_keeps_steps
// CHECK:         spiking.scan forward ins(%{{.*}} = %{{.*}} : tensor<?x3xi1>) states
func.func @scan_keeps_steps(%x: tensor<?x3xi1>, %v0: tensor<3xf32>) -> tensor<3xf32> {
  %half = arith.constant 0.5 : f32
  %r = spiking.scan forward ins(%a = %x : tensor<?x3xi1>) states(%v = %v0 : tensor<3xf32>) {
    %0 = arith.mulf %v, %half : f32
    spiking.yield next(%0 : f32)
  }
  return %r : tensor<3xf32>
}

// CHECK-LABEL: func.func @scan_keeps_output
// CHECK:         spiking.scan forward outs(%{{.*}} : tensor<?x3xf32>) states
func.func @scan_keeps_output(%e: tensor<?x3xf32>, %v0: tensor<3xf32>) -> tensor<3xf32> {
  %half = arith.constant 0.5 : f32
  %r:2 = spiking.scan forward outs(%e : tensor<?x3xf32>) states(%v = %v0 : tensor<3xf32>) {
    %0 = arith.mulf %v, %half : f32
    spiking.yield %v : f32 next(%0 : f32)
  }
  return %r#1 : tensor<3xf32>
}

// -----

// CHECK-LABEL: func.func @scan_duplicates
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x3xf32>, %[[P:[a-z0-9]*]]: tensor<f32>
// CHECK:         %[[R:.*]] = spiking.scan forward ins(%[[A:.*]] = %[[X]] : tensor<?x3xf32>) params(%[[B:.*]] = %[[P]] : tensor<f32>) outs(%{{[a-z0-9]*}} : tensor<?x3xf32>) {
// CHECK-NEXT:      arith.mulf %[[A]], %[[A]]
// CHECK-NEXT:      arith.mulf %[[B]], %[[B]]
// CHECK:         return %[[R]], %[[R]]
func.func @scan_duplicates(%x: tensor<?x3xf32>, %p: tensor<f32>, %e: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  %r:2 = spiking.scan forward ins(%a = %x : tensor<?x3xf32>, %b = %x : tensor<?x3xf32>) params(%c = %p : tensor<f32>, %d = %p : tensor<f32>)
      outs(%e : tensor<?x3xf32>, %e : tensor<?x3xf32>) {
    %0 = arith.mulf %a, %b : f32
    %1 = arith.mulf %c, %d : f32
    %2 = arith.addf %0, %1 : f32
    spiking.yield %2, %2 : f32, f32
  }
  return %r#0, %r#1 : tensor<?x3xf32>, tensor<?x3xf32>
}

// With T = 0 the final states are the initial ones, which differ.
// CHECK-LABEL: func.func @scan_same_next
// CHECK:         %[[R:.*]]:2 = spiking.scan
// CHECK:         return %[[R]]#0, %[[R]]#1
func.func @scan_same_next(%x: tensor<?x3xf32>, %v0: tensor<3xf32>, %w0: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
  %r:2 = spiking.scan forward ins(%a = %x : tensor<?x3xf32>) states(%v = %v0 : tensor<3xf32>, %w = %w0 : tensor<3xf32>) {
    %0 = arith.addf %a, %v : f32
    spiking.yield next(%0, %0 : f32, f32)
  }
  return %r#0, %r#1 : tensor<3xf32>, tensor<3xf32>
}

// CHECK-LABEL: func.func @scan_constants
// CHECK-DAG:     %[[HALF:.*]] = arith.constant 5.000000e-01 : f32
// CHECK-DAG:     %[[TRUE:.*]] = arith.constant true
// CHECK:         spiking.scan forward ins(%[[A:[a-z0-9]*]] = %{{[a-z0-9]*}} : tensor<4x3xf32>) outs(
// CHECK-NEXT:      %[[B:.*]] = arith.mulf %[[A]], %[[HALF]]
// CHECK-NEXT:      spiking.yield %[[B]], %[[TRUE]]
func.func @scan_constants(%x: tensor<4x3xf32>, %e: tensor<4x3xf32>, %f: tensor<4x3xi1>) -> (tensor<4x3xf32>, tensor<4x3xi1>) {
  %p = arith.constant dense<0.5> : tensor<3xf32>
  %mask = arith.constant dense<true> : tensor<4x3xi1>
  %r:2 = spiking.scan forward ins(%a = %x : tensor<4x3xf32>, %b = %mask : tensor<4x3xi1>) params(%c = %p : tensor<3xf32>) outs(%e : tensor<4x3xf32>, %f : tensor<4x3xi1>) {
    %0 = arith.mulf %a, %c : f32
    spiking.yield %0, %b : f32, i1
  }
  return %r#0, %r#1 : tensor<4x3xf32>, tensor<4x3xi1>
}

// -----

// The input leaves as it came; the state stays what it is.
// CHECK-LABEL: func.func @scan_passes
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x3xf32>, %[[V:[a-z0-9]*]]: tensor<3xf32>
// CHECK-NEXT:    return %[[X]], %[[V]]
func.func @scan_passes(%x: tensor<?x3xf32>, %v0: tensor<3xf32>, %e: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>) {
  %r:2 = spiking.scan forward ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) states(%v = %v0 : tensor<3xf32>) {
    spiking.yield %a : f32 next(%v : f32)
  }
  return %r#0, %r#1 : tensor<?x3xf32>, tensor<3xf32>
}

// The input is repeated: its type is not the output's.
// CHECK-LABEL: func.func @scan_repeats
// CHECK:         spiking.scan
func.func @scan_repeats(%x: tensor<?x1xf32>, %e: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r = spiking.scan forward ins(%a = %x : tensor<?x1xf32>) outs(%e : tensor<?x3xf32>) {
    spiking.yield %a : f32
  }
  return %r : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @scan_step
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<3xf32>, %[[P:[a-z0-9]*]]: tensor<3xf32>, %[[V:[a-z0-9]*]]: tensor<3xf32>
// CHECK-NEXT:    return %[[V]], %[[P]], %[[X]]
func.func @scan_step(%x: tensor<3xf32>, %p: tensor<3xf32>, %v0: tensor<3xf32>, %e: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %r:3 = spiking.scan step ins(%a = %x : tensor<3xf32>) params(%b = %p : tensor<3xf32>) outs(%e : tensor<3xf32>, %e : tensor<3xf32>) states(%v = %v0 : tensor<3xf32>) {
    spiking.yield %v, %b : f32, f32 next(%a : f32)
  }
  return %r#0, %r#1, %r#2 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// Over time, the state of a step is the input of the step before.
// CHECK-LABEL: func.func @scan_shift
// CHECK:         spiking.scan forward
func.func @scan_shift(%x: tensor<?x3xf32>, %v0: tensor<3xf32>, %e: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r:2 = spiking.scan forward ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) states(%v = %v0 : tensor<3xf32>) {
    spiking.yield %v : f32 next(%a : f32)
  }
  return %r#0 : tensor<?x3xf32>
}

// -----

// Of the replayed states, the first is needed for the second; the third is not, nor is the parameter that only it reads.
// CHECK-LABEL: func.func @scan_replayed
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<?x3xf32>, %{{[a-z0-9]*}}: tensor<3xf32>, %[[V:[a-z0-9]*]]: tensor<3xf32>
// CHECK:         spiking.scan reverse ins(%[[A:.*]] = %[[X]] : tensor<?x3xf32>) outs(%{{.*}}) replay(%{{.*}} = %[[V]] : tensor<3xf32>, %[[C:.*]] = %[[V]] : tensor<3xf32>) {
// CHECK-NEXT:      arith.mulf %[[A]], %[[C]]
// CHECK:         } replaying {
// CHECK-NEXT:    ^bb0(%[[D:.*]]: f32, %[[E:.*]]: f32, %[[F:.*]]: f32):
// CHECK-NEXT:      %[[G:.*]] = arith.addf %[[D]], %[[E]]
// CHECK-NEXT:      spiking.yield next(%[[G]], %[[E]] : f32, f32)
func.func @scan_replayed(%x: tensor<?x3xf32>, %p: tensor<3xf32>, %v0: tensor<3xf32>, %e: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r = spiking.scan reverse ins(%a = %x : tensor<?x3xf32>) params(%b = %p : tensor<3xf32>) outs(%e : tensor<?x3xf32>)
      replay(%u = %v0 : tensor<3xf32>, %v = %v0 : tensor<3xf32>, %w = %v0 : tensor<3xf32>) {
    %0 = arith.mulf %a, %v : f32
    spiking.yield %0 : f32
  } replaying {
  ^bb0(%a: f32, %b: f32, %u: f32, %v: f32, %w: f32):
    %0 = arith.addf %a, %u : f32
    %1 = arith.mulf %w, %b : f32
    spiking.yield next(%0, %u, %1 : f32, f32, f32)
  }
  return %r : tensor<?x3xf32>
}

// CHECK-LABEL: func.func @scan_replayed_nothing
// CHECK:         spiking.scan reverse ins(%{{.*}}) outs(%{{[a-z0-9]*}} : tensor<?x3xf32>) {
// CHECK-NOT:     replaying
func.func @scan_replayed_nothing(%x: tensor<?x3xf32>, %v0: tensor<3xf32>, %e: tensor<?x3xf32>) -> tensor<?x3xf32> {
  %r = spiking.scan reverse ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) replay(%v = %v0 : tensor<3xf32>) {
    %0 = arith.mulf %a, %a : f32
    spiking.yield %0 : f32
  } replaying {
  ^bb0(%a: f32, %v: f32):
    spiking.yield next(%a : f32)
  }
  return %r : tensor<?x3xf32>
}

// -----

// CHECK-LABEL: func.func @time_loop_unused
// CHECK-SAME:    %[[T:[a-z0-9]*]]: index, %[[X:[a-z0-9]*]]: tensor<?x4xf32>, %{{[a-z0-9]*}}: tensor<?x4xf32>, %[[V:[a-z0-9]*]]: tensor<4xf32>
// CHECK-NEXT:    %[[R:.*]], %[[F:.*]] = spiking.time_loop %{{.*}} = 0 to %[[T]] over(%[[A:.*]] = %[[X]] : tensor<?x4xf32>) state(%[[B:.*]] = %[[V]] : tensor<4xf32>) -> (tensor<?x4xf32>) {
// CHECK-NEXT:      %[[C:.*]] = spiking.add %[[A]], %[[B]]
// CHECK-NEXT:      spiking.yield %[[B]] : tensor<4xf32> next(%[[C]] : tensor<4xf32>)
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[R]], %[[F]]
func.func @time_loop_unused(%T: index, %x: tensor<?x4xf32>, %y: tensor<?x4xf32>, %v0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<4xf32>) {
  %r:4 = spiking.time_loop %t = 0 to %T over(%a = %y : tensor<?x4xf32>, %b = %x : tensor<?x4xf32>) state(%w = %v0 : tensor<4xf32>, %v = %v0 : tensor<4xf32>)
      -> (tensor<?x4xf32>, tensor<?x4xf32>) {
    %0 = spiking.add %a, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %1 = spiking.add %b, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    spiking.yield %0, %v : tensor<4xf32>, tensor<4xf32> next(%0, %1 : tensor<4xf32>, tensor<4xf32>)
  }
  return %r#1, %r#3 : tensor<?x4xf32>, tensor<4xf32>
}

// Two states that only each other need.
// CHECK-LABEL: func.func @time_loop_cycle
// CHECK-NOT:     state(
// CHECK:         return
func.func @time_loop_cycle(%T: index, %x: tensor<?x4xf32>, %v0: tensor<4xf32>) -> tensor<?x4xf32> {
  %r:3 = spiking.time_loop %t = 0 to %T over(%a = %x : tensor<?x4xf32>) state(%v = %v0 : tensor<4xf32>, %w = %v0 : tensor<4xf32>) -> (tensor<?x4xf32>) {
    %0 = spiking.add %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    spiking.yield %0 : tensor<4xf32> next(%w, %v : tensor<4xf32>, tensor<4xf32>)
  }
  return %r#0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @time_loop_needs_state
// CHECK:         spiking.time_loop %{{.*}} over(%{{.*}}) state(%{{.*}}, %{{.*}})
func.func @time_loop_needs_state(%T: index, %x: tensor<?x4xf32>, %v0: tensor<4xf32>) -> tensor<?x4xf32> {
  %r:3 = spiking.time_loop %t = 0 to %T over(%a = %x : tensor<?x4xf32>) state(%v = %v0 : tensor<4xf32>, %w = %v0 : tensor<4xf32>) -> (tensor<?x4xf32>) {
    spiking.yield %v : tensor<4xf32> next(%w, %a : tensor<4xf32>, tensor<4xf32>)
  }
  return %r#0 : tensor<?x4xf32>
}

// CHECK-LABEL: func.func @time_loop_equal
// CHECK-SAME:    %[[T:[a-z0-9]*]]: index, %[[X:[a-z0-9]*]]: tensor<?x4xf32>, %[[V:[a-z0-9]*]]: tensor<4xf32>
// CHECK-NEXT:    %[[R:.*]] = spiking.time_loop %{{.*}} = 0 to %[[T]] over(%[[A:.*]] = %[[X]] : tensor<?x4xf32>) -> (tensor<?x4xf32>) {
// CHECK-NEXT:      spiking.add %[[A]], %[[A]]
// CHECK:         return %[[X]], %[[R]], %[[R]], %[[V]]
func.func @time_loop_equal(%T: index, %x: tensor<?x4xf32>, %v0: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>) {
  %r:4 = spiking.time_loop %t = 0 to %T over(%a = %x : tensor<?x4xf32>, %b = %x : tensor<?x4xf32>) state(%v = %v0 : tensor<4xf32>)
      -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
    %0 = spiking.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    spiking.yield %a, %0, %0 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32> next(%v : tensor<4xf32>)
  }
  return %r#0, %r#1, %r#2, %r#3 : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>
}

// A state that stays what it is, and that another takes over.
// CHECK-LABEL: func.func @time_loop_constant_state
// CHECK-SAME:    %[[T:[a-z0-9]*]]: index, %[[V:[a-z0-9]*]]: tensor<4xf32>, %[[W:[a-z0-9]*]]: tensor<4xf32>
// CHECK-NEXT:    %[[R:.*]] = spiking.time_loop %{{.*}} = 0 to %[[T]] state(%{{.*}} = %[[W]] : tensor<4xf32>) {
// CHECK-NEXT:      spiking.yield next(%[[V]] : tensor<4xf32>)
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[R]]
func.func @time_loop_constant_state(%T: index, %v0: tensor<4xf32>, %w0: tensor<4xf32>) -> tensor<4xf32> {
  %r:2 = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<4xf32>, %w = %w0 : tensor<4xf32>) {
    spiking.yield next(%v, %v : tensor<4xf32>, tensor<4xf32>)
  }
  return %r#1 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @kernel_unused
// CHECK-SAME:    %[[X:[a-z0-9]*]]: tensor<4xf32>, %[[Y:[a-z0-9]*]]: tensor<4xf32>
// CHECK-NEXT:    %[[R:.*]] = spiking.kernel "loops" (%[[A:.*]] = %[[X]] : tensor<4xf32>) -> (tensor<4xf32>) {
// CHECK-NEXT:      %[[B:.*]] = spiking.add %[[A]], %[[A]]
// CHECK-NEXT:      spiking.yield %[[B]] : tensor<4xf32>
// CHECK-NEXT:    }
// CHECK-NEXT:    return %[[R]], %[[Y]]
func.func @kernel_unused(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %r:3 = spiking.kernel "loops" (%a = %x : tensor<4xf32>, %b = %y : tensor<4xf32>, %c = %x : tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
    %0 = spiking.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %1 = spiking.add %a, %c : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    spiking.yield %0, %1, %b : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
  }
  return %r#1, %r#2 : tensor<4xf32>, tensor<4xf32>
}
