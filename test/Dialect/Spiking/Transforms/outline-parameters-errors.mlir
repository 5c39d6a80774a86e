// RUN: snn-opt %s --split-input-file --spiking-outline-parameters --verify-diagnostics

// expected-error @below {{expected an initial value (#spiking.init or elements)}}
ml_program.global private mutable @w : tensor<4xf32>
// expected-note @below {{used here}}
func.func @f() -> tensor<4xf32> {
  %w = ml_program.global_load @w : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

// expected-error @below {{expected an initial value (#spiking.init or elements), got 7 : i64}}
ml_program.global private mutable @w(7) : tensor<4xf32>
// expected-note @below {{used here}}
func.func @f() -> tensor<4xf32> {
  %w = ml_program.global_load @w : tensor<4xf32>
  return %w : tensor<4xf32>
}

// -----

ml_program.global private mutable @m(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
func.func @f(%T: index) {
  %v0 = ml_program.global_load @m : tensor<4xf32>
  %v = spiking.time_loop %t = 0 to %T state(%a = %v0 : tensor<4xf32>) {
    // expected-error @below {{stores m inside a region: carry it through the region as a state, and store it at the end}}
    ml_program.global_store @m = %a : tensor<4xf32>
    spiking.yield next(%a : tensor<4xf32>)
  }
  return
}

// -----

ml_program.global private mutable @m(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
// expected-error @below {{stores globals: expected one block, got 2}}
func.func @f(%x: tensor<4xf32>) {
  cf.br ^end
^end:
  ml_program.global_store @m = %x : tensor<4xf32>
  return
}

// -----

ml_program.global private mutable @m(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
func.func @f() -> tensor<4xf32> {
  // expected-error @below {{cannot be outlined: expected accesses to globals without ordering tokens}}
  %m, %token = ml_program.global_load_graph @m ordering(() -> !ml_program.token) : tensor<4xf32>
  return %m : tensor<4xf32>
}
