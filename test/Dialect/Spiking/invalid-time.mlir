// RUN: snn-opt %s -split-input-file -verify-diagnostics

func.func @time_loop_c1(%T: index, %x: tensor<f32>) {
  // expected-error@below {{custom op 'spiking.time_loop' expected a sequence with a leading time dimension, got 'tensor<f32>' (time_loop_c1)}}
  spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<f32>) {
    spiking.yield
  }
  return
}

// -----

func.func @time_loop_c1_generic(%T: index, %x: tensor<f32>) {
  // expected-error@below {{'spiking.time_loop' op expected a sequence with a leading time dimension, got 'tensor<f32>' (time_loop_c1)}}
  "spiking.time_loop"(%T, %x) <{operandSegmentSizes = array<i32: 1, 1, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index, %x_t: tensor<f32>):
    spiking.yield
  }) : (index, tensor<f32>) -> ()
  return
}

// -----

func.func @time_loop_c1_output(%T: index, %x: tensor<f32>) {
  // expected-error@below {{'spiking.time_loop' op expected a sequence with a leading time dimension, got 'tensor<f32>' (time_loop_c1)}}
  %y = spiking.time_loop %t = 0 to %T -> (tensor<f32>) {
    spiking.yield %x : tensor<f32>
  }
  return
}

// -----

func.func @time_loop_c1_steps(%T: index, %x: tensor<4x3xf32>) {
  // expected-error@below {{'spiking.time_loop' op sequence 'tensor<5x3xf32>' has 5 time steps, expected 4 (time_loop_c1)}}
  %y = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<4x3xf32>) -> (tensor<5x3xf32>) {
    spiking.yield %x_t : tensor<3xf32>
  }
  return
}

// -----

func.func @time_loop_c2(%T: index, %x: tensor<4x3xf32>) {
  // expected-error@below {{'spiking.time_loop' op expected body arguments of types ('index', 'tensor<3xf32>'), got ('index', 'tensor<4xf32>') (time_loop_c2)}}
  "spiking.time_loop"(%T, %x) <{operandSegmentSizes = array<i32: 1, 1, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index, %x_t: tensor<4xf32>):
    spiking.yield
  }) : (index, tensor<4x3xf32>) -> ()
  return
}

// -----

func.func @time_loop_c3(%T: index, %x: tensor<4x3xf32>) {
  %y = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<4x3xf32>) -> (tensor<4x5xf32>) {
    // expected-error@below {{'spiking.yield' op expected an output of type 'tensor<5xf32>', got 'tensor<3xf32>' (time_loop_c3)}}
    spiking.yield %x_t : tensor<3xf32>
  }
  return
}

// -----

func.func @time_loop_c3_number(%T: index, %x: tensor<4x3xf32>) {
  %y = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<4x3xf32>) -> (tensor<4x3xf32>) {
    // expected-error@below {{'spiking.yield' op expected 1 outputs, got 0 (time_loop_c3)}}
    spiking.yield
  }
  return
}

// -----

func.func @time_loop_c3_accumulate(%T: index, %x: tensor<4x3xf32>) {
  spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<4x3xf32>) {
    // expected-error@below {{'spiking.yield' op only a scan accumulates (time_loop_c3)}}
    spiking.yield accumulate(%x_t : tensor<3xf32>)
  }
  return
}

// -----

func.func @time_loop_c4(%T: index, %v0: tensor<3xf32>, %w: tensor<4xf32>) {
  %v_T = spiking.time_loop %t = 0 to %T state(%v = %v0 : tensor<3xf32>) {
    // expected-error@below {{'spiking.yield' op expected next states of types ('tensor<3xf32>'), got ('tensor<4xf32>') (time_loop_c4)}}
    spiking.yield next(%w : tensor<4xf32>)
  }
  return
}

// -----

func.func @time_loop_c4_final(%T: index, %v0: tensor<3xf32>) {
  // expected-error@below {{'spiking.time_loop' op state starts as 'tensor<3xf32>' and ends as 'tensor<4xf32>' (time_loop_c4)}}
  %v_T = "spiking.time_loop"(%T, %v0) <{operandSegmentSizes = array<i32: 1, 0, 1>, resultSegmentSizes = array<i32: 0, 1>}> ({
  ^bb0(%t: index, %v: tensor<3xf32>):
    spiking.yield next(%v : tensor<3xf32>)
  }) : (index, tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @time_loop_c4_number(%T: index, %v0: tensor<3xf32>) {
  // expected-error@below {{'spiking.time_loop' op expected 1 final states, got 0 (time_loop_c4)}}
  "spiking.time_loop"(%T, %v0) <{operandSegmentSizes = array<i32: 1, 0, 1>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index, %v: tensor<3xf32>):
    spiking.yield next(%v : tensor<3xf32>)
  }) : (index, tensor<3xf32>) -> ()
  return
}

// -----

func.func @time_loop_c5(%T: index) {
  // expected-error@below {{'spiking.time_loop' op runs forward or in reverse, not a single step (time_loop_c5)}}
  "spiking.time_loop"(%T) <{direction = #spiking.direction<step>, operandSegmentSizes = array<i32: 1, 0, 0>, resultSegmentSizes = array<i32: 0, 0>}> ({
  ^bb0(%t: index):
    spiking.yield
  }) : (index) -> ()
  return
}

// -----

func.func @time_loop_start(%T: index) {
  // expected-error@below {{custom op 'spiking.time_loop' a time loop starts at step 0, got 1}}
  spiking.time_loop %t = 1 to %T {
    spiking.yield
  }
  return
}

// -----

func.func @scan_c1(%x: tensor<4x3xf32>) {
  // expected-error@below {{'spiking.scan' op needs an output or a state to range over (scan_c1)}}
  spiking.scan forward ins(%a = %x : tensor<4x3xf32>) {
    spiking.yield
  }
  return
}

// -----

func.func @scan_c1_states(%v: tensor<3xf32>, %w: tensor<4xf32>) {
  // expected-error@below {{'spiking.scan' op state has type 'tensor<4xf32>', which does not fit the space [3] (scan_c1)}}
  %r:2 = spiking.scan step states(%a = %v : tensor<3xf32>, %b = %w : tensor<4xf32>) {
    spiking.yield next(%a, %b : f32, f32)
  }
  return
}

// -----

func.func @scan_c1_output(%e: tensor<?x4xf32>, %v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op output has type 'tensor<?x4xf32>', which does not fit the space [3] (scan_c1)}}
  %r:2 = spiking.scan forward outs(%e : tensor<?x4xf32>) states(%a = %v : tensor<3xf32>) {
    spiking.yield %a : f32 next(%a : f32)
  }
  return
}

// -----

func.func @scan_c1_replayed(%x: tensor<?x3xf32>, %e: tensor<?x3xf32>, %v: tensor<4xf32>) {
  // expected-error@below {{'spiking.scan' op replayed state has type 'tensor<4xf32>', which does not fit the space [3] (scan_c1)}}
  %r = spiking.scan reverse ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) replay(%b = %v : tensor<4xf32>) {
    spiking.yield %b : f32
  } replaying {
  ^bb0(%a: f32, %b: f32):
    spiking.yield next(%b : f32)
  }
  return
}

// -----

func.func @scan_c2(%x: tensor<f32>, %e: tensor<?xf32>) {
  // expected-error@below {{'spiking.scan' op expected a sequence with a leading time dimension, got 'tensor<f32>' (scan_c2)}}
  %r = spiking.scan forward ins(%a = %x : tensor<f32>) outs(%e : tensor<?xf32>) {
    spiking.yield %a : f32
  }
  return
}

// -----

func.func @scan_c2_output(%e: tensor<f32>) {
  %one = arith.constant 1.0 : f32
  // expected-error@below {{'spiking.scan' op expected a sequence with a leading time dimension, got 'tensor<f32>' (scan_c2)}}
  %r = spiking.scan forward outs(%e : tensor<f32>) {
    spiking.yield %one : f32
  }
  return
}

// -----

func.func @scan_c2_steps(%x: tensor<5x3xf32>, %e: tensor<4x3xf32>) {
  // expected-error@below {{'spiking.scan' op sequence 'tensor<5x3xf32>' has 5 time steps, expected 4 (scan_c2)}}
  %r = spiking.scan forward ins(%a = %x : tensor<5x3xf32>) outs(%e : tensor<4x3xf32>) {
    spiking.yield %a : f32
  }
  return
}

// -----

func.func @scan_c2_none(%v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op needs a sequence, from which the number of steps comes (scan_c2)}}
  %r = spiking.scan forward states(%a = %v : tensor<3xf32>) {
    spiking.yield next(%a : f32)
  }
  return
}

// -----

func.func @scan_c3(%x: tensor<4x5xf32>, %e: tensor<4x3xf32>) {
  // expected-error@below {{'spiking.scan' op input of type 'tensor<4x5xf32>' does not broadcast to the space [3] (scan_c3)}}
  %r = spiking.scan forward ins(%a = %x : tensor<4x5xf32>) outs(%e : tensor<4x3xf32>) {
    spiking.yield %a : f32
  }
  return
}

// -----

func.func @scan_c3_step(%x: tensor<4x3xf32>, %e: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op input of type 'tensor<4x3xf32>' does not broadcast to the space [3] (scan_c3)}}
  %r = spiking.scan step ins(%a = %x : tensor<4x3xf32>) outs(%e : tensor<3xf32>) {
    spiking.yield %a : f32
  }
  return
}

// -----

func.func @scan_c4(%p: tensor<5xf32>, %e: tensor<4x3xf32>) {
  // expected-error@below {{'spiking.scan' op parameter of type 'tensor<5xf32>' does not broadcast to the space [3] (scan_c4)}}
  %r = spiking.scan forward params(%a = %p : tensor<5xf32>) outs(%e : tensor<4x3xf32>) {
    spiking.yield %a : f32
  }
  return
}

// -----

func.func @scan_c5(%x: tensor<4x3xf32>, %v: tensor<3xf32>, %g: tensor<4xf32>) {
  // expected-error@below {{'spiking.scan' op accumulator of type 'tensor<4xf32>' does not broadcast to the space [3] (scan_c5)}}
  %r:2 = spiking.scan forward ins(%a = %x : tensor<4x3xf32>) states(%b = %v : tensor<3xf32>) accumulators(%g : tensor<4xf32>) {
    spiking.yield next(%b : f32) accumulate(%a : f32)
  }
  return
}

// -----

func.func @scan_c5_element(%x: tensor<4x3xi8>, %v: tensor<3xf32>, %g: tensor<3xi8>) {
  // expected-error@below {{'spiking.scan' op accumulator must have a float element type, got 'tensor<3xi8>' (scan_c5)}}
  %r:2 = spiking.scan forward ins(%a = %x : tensor<4x3xi8>) states(%b = %v : tensor<3xf32>) accumulators(%g : tensor<3xi8>) {
    spiking.yield next(%b : f32) accumulate(%a : i8)
  }
  return
}

// -----

func.func @scan_c6(%v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op expected arguments of types ('f32') of the body, got ('f64') (scan_c6)}}
  %r = "spiking.scan"(%v) <{direction = #spiking.direction<step>, operandSegmentSizes = array<i32: 0, 0, 0, 1, 0, 0>}> ({
  ^bb0(%a: f64):
    %0 = arith.constant 0.0 : f32
    spiking.yield next(%0 : f32)
  }, {}) : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @scan_c6_replay(%x: tensor<?x3xf32>, %e: tensor<?x3xf32>, %v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op expected arguments of types ('f32', 'f32') of the replay region, got ('f32') (scan_c6)}}
  %r = spiking.scan reverse ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) replay(%b = %v : tensor<3xf32>) {
    spiking.yield %b : f32
  } replaying {
  ^bb0(%b: f32):
    spiking.yield next(%b : f32)
  }
  return
}

// -----

func.func @scan_c7(%v: tensor<3xf32>) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    %s = arith.constant true
    // expected-error@below {{'spiking.yield' op expected next states of type 'f32', got 'i1' (scan_c7)}}
    spiking.yield next(%s : i1)
  }
  return
}

// -----

func.func @scan_c7_number(%v: tensor<3xf32>, %g: tensor<3xf32>) {
  %r:2 = spiking.scan step states(%a = %v : tensor<3xf32>) accumulators(%g : tensor<3xf32>) {
    // expected-error@below {{'spiking.yield' op expected 1 contributions, got 0 (scan_c7)}}
    spiking.yield next(%a : f32)
  }
  return
}

// -----

func.func @scan_c8(%v: tensor<3xf32>, %w: tensor<3xf32>) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    %i = arith.constant 0 : index
    // expected-error@below {{'tensor.extract' op is not allowed in a scan: expected arith, math, spiking.fire, spiking.detach, spiking.time_step, scf.if or scf.for with constant bounds (scan_c8)}}
    %b = tensor.extract %w[%i] : tensor<3xf32>
    spiking.yield next(%b : f32)
  }
  return
}

// -----

func.func @scan_c8_while(%v: tensor<3xf32>) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    // expected-error@below {{'scf.while' op is not allowed in a scan: expected arith, math, spiking.fire, spiking.detach, spiking.time_step, scf.if or scf.for with constant bounds (scan_c8)}}
    %b = scf.while (%c = %a) : (f32) -> f32 {
      %true = arith.constant true
      scf.condition(%true) %c : f32
    } do {
    ^bb0(%c: f32):
      scf.yield %c : f32
    }
    spiking.yield next(%b : f32)
  }
  return
}

// -----

func.func @scan_c8_bounds(%v: tensor<3xf32>) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    %t = spiking.time_step
    %one = arith.constant 1 : index
    // expected-error@below {{'scf.for' op in a scan needs constant bounds (scan_c8)}}
    scf.for %i = %one to %t step %one {
    }
    spiking.yield next(%a : f32)
  }
  return
}

// -----

func.func @scan_c8_tensors(%v: tensor<3xf32>) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    // expected-error@below {{'math.exp' op in a scan works on scalars, got 'tensor<3xf32>' (scan_c8)}}
    %b = math.exp %v : tensor<3xf32>
    spiking.yield next(%a : f32)
  }
  return
}

// -----

func.func @scan_c9(%x: tensor<?x3xf32>, %e: tensor<?x3xf32>, %v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op replayed states and a replay region come together (scan_c9)}}
  %r = "spiking.scan"(%x, %e, %v) <{direction = #spiking.direction<reverse>, operandSegmentSizes = array<i32: 1, 0, 1, 0, 0, 1>}> ({
  ^bb0(%a: f32, %b: f32):
    spiking.yield %b : f32
  }, {}) : (tensor<?x3xf32>, tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @scan_c9_forward(%x: tensor<?x3xf32>, %e: tensor<?x3xf32>, %v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op only a reverse scan replays (scan_c9)}}
  %r = spiking.scan forward ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) replay(%b = %v : tensor<3xf32>) {
    spiking.yield %b : f32
  } replaying {
  ^bb0(%a: f32, %b: f32):
    spiking.yield next(%b : f32)
  }
  return
}

// -----

func.func @scan_c9_output(%x: tensor<?x3xf32>, %e: tensor<?x3xf32>, %v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op a replay region yields nothing but next states (scan_c9)}}
  %r = spiking.scan reverse ins(%a = %x : tensor<?x3xf32>) outs(%e : tensor<?x3xf32>) replay(%b = %v : tensor<3xf32>) {
    spiking.yield %b : f32
  } replaying {
  ^bb0(%a: f32, %b: f32):
    spiking.yield %a : f32 next(%b : f32)
  }
  return
}

// -----

func.func @scan_c10(%v: tensor<3xf32>) {
  // expected-error@below {{'spiking.scan' op expected results of types ('tensor<3xf32>'), got ('tensor<4xf32>') (scan_c10)}}
  %r = "spiking.scan"(%v) <{direction = #spiking.direction<step>, operandSegmentSizes = array<i32: 0, 0, 0, 1, 0, 0>}> ({
  ^bb0(%a: f32):
    spiking.yield next(%a : f32)
  }, {}) : (tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scan_direction(%v: tensor<3xf32>) {
  // expected-error@below {{custom op 'spiking.scan' expected forward, reverse or step, got backward}}
  %r = spiking.scan backward states(%a = %v : tensor<3xf32>) {
    spiking.yield next(%a : f32)
  }
  return
}

// -----

func.func @fire_c1(%u: tensor<3xf32>) {
  // expected-error@below {{'spiking.fire' op expected a binary spike of i1, got 'i8' (fire_c1)}}
  %s = spiking.fire %u {surrogate = #spiking.atan} : tensor<3xf32> -> tensor<3xi8>
  return
}

// -----

func.func @fire_c1_count(%u: f32) {
  // expected-error@below {{'spiking.fire' op expected a count spike of i8, got 'i1' (fire_c1)}}
  %s = spiking.fire %u {surrogate = #spiking.straight_through, kind = #spiking.fire_kind<count>, maximum = 4} : f32 -> i1
  return
}

// -----

func.func @fire_c2(%u: f32) {
  // expected-error@below {{'spiking.fire' op a threshold goes with ternary spikes and with them only (fire_c2)}}
  %s = spiking.fire %u {surrogate = #spiking.atan, threshold = 1.0 : f64} : f32 -> i1
  return
}

// -----

func.func @fire_c2_missing(%u: f32) {
  // expected-error@below {{'spiking.fire' op a threshold goes with ternary spikes and with them only (fire_c2)}}
  %s = spiking.fire %u {surrogate = #spiking.atan, kind = #spiking.fire_kind<ternary>} : f32 -> i8
  return
}

// -----

func.func @fire_c2_positive(%u: f32) {
  // expected-error@below {{'spiking.fire' op threshold must be positive, got -0.5 (fire_c2)}}
  %s = spiking.fire %u {surrogate = #spiking.atan, kind = #spiking.fire_kind<ternary>, threshold = -0.5 : f64} : f32 -> i8
  return
}

// -----

func.func @fire_c3(%u: f32) {
  // expected-error@below {{'spiking.fire' op a maximum goes with counts and with them only (fire_c3)}}
  %s = spiking.fire %u {surrogate = #spiking.atan, maximum = 4} : f32 -> i1
  return
}

// -----

func.func @fire_c3_range(%u: f32) {
  // expected-error@below {{'spiking.fire' op maximum must be 1 to 127, got 128 (fire_c3)}}
  %s = spiking.fire %u {surrogate = #spiking.straight_through, kind = #spiking.fire_kind<count>, maximum = 128} : f32 -> i8
  return
}

// -----

func.func @fire_c4(%u: tensor<3xf32>) {
  // expected-error@below {{'spiking.fire' op all non-scalar operands/results must have the same shape and base type}}
  %s = spiking.fire %u {surrogate = #spiking.atan} : tensor<3xf32> -> tensor<4xi1>
  return
}

// -----

func.func @fire_c4_scalar(%u: f32) {
  // expected-error@below {{'spiking.fire' op if a result is non-scalar, then at least one operand must be non-scalar}}
  %s = spiking.fire %u {surrogate = #spiking.atan} : f32 -> tensor<4xi1>
  return
}

// -----

// expected-note@below {{the value}}
func.func @scan_c11(%v: tensor<3xf32>, %p: f32) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    // expected-error@below {{'arith.mulf' op uses a value from outside the scan that is not a constant: pass it as a parameter (scan_c11)}}
    %b = arith.mulf %a, %p : f32
    spiking.yield next(%b : f32)
  }
  return
}

// -----

// expected-note@below {{the value}}
func.func @scan_c11_yield(%v: tensor<3xf32>, %p: f32) {
  %r = spiking.scan step states(%a = %v : tensor<3xf32>) {
    // expected-error@below {{'spiking.yield' op uses a value from outside the scan that is not a constant: pass it as a parameter (scan_c11)}}
    spiking.yield next(%p : f32)
  }
  return
}
