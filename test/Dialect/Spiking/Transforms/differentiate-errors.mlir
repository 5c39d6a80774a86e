// RUN: snn-opt %s --split-input-file --spiking-differentiate="function=f truncate=2" --verify-diagnostics

// expected-error @below {{has no function @f to differentiate}}
module {
}

// -----

// expected-error @below {{cannot be differentiated: it has no body}}
func.func private @f(tensor<4xf32>) -> tensor<4xf32>

// -----

// expected-error @below {{has no argument of a float type to be differentiated with respect to}}
func.func @f(%x: tensor<4xi1>) -> tensor<4xi1> {
  return %x : tensor<4xi1>
}

// -----

// expected-error @below {{cannot be differentiated: there is already a @f_gradient}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
// expected-note @below {{here}}
func.func private @f_gradient()

// -----

// expected-error @below {{cannot be differentiated: expected one block, got 2}}
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  cf.br ^end
^end:
  return %x : tensor<4xf32>
}

// -----

func.func private @g(tensor<4xf32>) -> tensor<4xf32>
func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{cannot be differentiated: it has no adjoint}}
  %y = call @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @f(%x: tensor<?x8xf32>, %p: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @below {{statistics carry no gradient: only the normalized input may be differentiated}}
  %y, %m, %v, %sm, %sr = spiking.batch_norm %x scale(%p) shift(%p) running(%p, %p)
      : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
      -> (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return %sm : tensor<8xf32>
}

// -----

func.func @f(%v0: tensor<8xf32>, %x: tensor<?x8xf32>) -> tensor<8xf32> {
  // expected-error @below {{that runs in reverse has no truncated gradient}}
  %v = spiking.scan reverse ins(%i = %x : tensor<?x8xf32>) states(%s = %v0 : tensor<8xf32>) {
    %n = arith.addf %s, %i : f32
    spiking.yield next(%n : f32)
  }
  return %v : tensor<8xf32>
}

// -----

func.func @f(%v0: tensor<8xf32>, %x: tensor<?x8xf32>, %T: index) -> tensor<8xf32> {
  // expected-error @below {{that runs in reverse has no truncated gradient}}
  %v = spiking.time_loop reverse %t = 0 to %T over(%i = %x : tensor<?x8xf32>) state(%s = %v0 : tensor<8xf32>) {
    %n = arith.addf %s, %i : tensor<8xf32>
    spiking.yield next(%n : tensor<8xf32>)
  }
  return %v : tensor<8xf32>
}

// -----

func.func @f(%v0: tensor<8xf32>, %x: tensor<?x8xf32>) -> tensor<8xf32> {
  // expected-error @below {{with a replay region cannot be differentiated}}
  %v = spiking.scan reverse ins(%i = %x : tensor<?x8xf32>) states(%s = %v0 : tensor<8xf32>) replay(%r = %v0 : tensor<8xf32>) {
    %n = arith.addf %s, %r : f32
    spiking.yield next(%n : f32)
  } replaying {
  ^bb0(%i: f32, %r: f32):
    %n = arith.addf %r, %i : f32
    spiking.yield next(%n : f32)
  }
  return %v : tensor<8xf32>
}

// -----

func.func @f(%x: tensor<8xf32>, %a: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %zeros = arith.constant dense<0.0> : tensor<4xf32>
  %s = spiking.fire %x {surrogate = #spiking.atan} : tensor<8xf32> -> tensor<8xi1>
  %one = tensor.extract %s[%c0] : tensor<8xi1>
  // expected-error @below {{cannot be differentiated: one spike selects whole tensors}}
  %y = arith.select %one, %a, %zeros : tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @f(%x: tensor<8xf32>, %y: tensor<8xi8>) -> tensor<8xi8> {
  %s = spiking.fire %x {surrogate = #spiking.atan, kind = #spiking.fire_kind<count>, maximum = 4} : tensor<8xf32> -> tensor<8xi8>
  // expected-error @below {{cannot be differentiated: logic on spikes means i1, got 'tensor<8xi8>'}}
  %z = arith.andi %s, %y : tensor<8xi8>
  return %z : tensor<8xi8>
}

// -----

func.func @f(%x: tensor<?x8xf32>, %k: tensor<8xf32>, %v0: tensor<8xf32>) -> tensor<8xf32> {
  %vT = spiking.scan forward ins(%i = %x : tensor<?x8xf32>) states(%v = %v0 : tensor<8xf32>) {
    %f = spiking.fire %i {surrogate = #spiking.atan} : f32 -> i1
    %n = scf.if %f -> (f32) {
      %a = arith.fptosi %v : f32 to i32
      // expected-error @below {{may not be executed speculatively, which the gradient needs under a condition that comes from a spike}}
      %b = arith.divsi %a, %a : i32
      %c = arith.sitofp %b : i32 to f32
      scf.yield %c : f32
    } else {
      scf.yield %i : f32
    }
    spiking.yield next(%n : f32)
  }
  return %vT : tensor<8xf32>
}
