// RUN: snn-opt %s --split-input-file --spiking-build-training-step --verify-diagnostics

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{cannot be trained: no argument has the role parameter}}
func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{cannot be trained: it and the loss function @loss need bodies of one block}}
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32>

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{cannot be trained: there is already a @evaluate}}
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}
// expected-note @below {{here}}
func.func private @evaluate()

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-note @below {{the first one}}
func.func @f(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
// expected-error @below {{is the second function with spiking.training; a module trains one}}
func.func @g(%x: tensor<4x4xf32>) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{argument 0 with the role parameter has no spiking.name}}
func.func @f(%x: tensor<4x4xf32> {spiking.role = "parameter"}) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{argument "w" with the role parameter must be a tensor of static shape, got 'tensor<?x4xf32>'}}
func.func @f(%x: tensor<?x4xf32> {spiking.name = "w", spiking.role = "parameter"}) -> tensor<?x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<?x4xf32>
}
func.func private @loss(%y: tensor<?x4xf32>, %l: tensor<?xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{parameter "w" cannot be trained: expected a float type, got 'tensor<4xi1>'}}
func.func @f(%x: tensor<4x4xf32>, %w: tensor<4xi1> {spiking.name = "w", spiking.role = "parameter"}) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{argument 1 has the role step, which a function that is trained does not take}}
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}, %n: tensor<i64> {spiking.role = "step"}) -> tensor<4x4xf32>
    attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
// expected-error @below {{a loss function cannot update a state}}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>, %s: tensor<f32> {spiking.name = "s", spiking.role = "state"})
    -> (tensor<f32>, tensor<f32> {spiking.aliases = 2}) {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e, %s : tensor<f32>, tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}) -> tensor<4x4xf32> attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
// expected-error @below {{argument "x" differs from that of the forward function}}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>, %s: tensor<4xf32> {spiking.name = "x", spiking.role = "parameter"}) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
// expected-error @below {{result 1 must update a state, but aliases argument 1}}
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}, %s: tensor<4xf32>)
    -> (tensor<4x4xf32>, tensor<4xf32> {spiking.aliases = 1}) attributes {spiking.training = #t} {
  return %x, %s : tensor<4x4xf32>, tensor<4xf32>
}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

#t = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>
func.func @f(%x: tensor<4x4xf32> {spiking.name = "x", spiking.role = "parameter"}, %T: index {spiking.role = "time_steps"}) -> tensor<4x4xf32>
    attributes {spiking.training = #t} {
  return %x : tensor<4x4xf32>
}
// expected-error @below {{argument 2 with the role time_steps is a 'tensor<i64>', expected 'index'}}
func.func private @loss(%y: tensor<4x4xf32>, %l: tensor<4xi32>, %T: tensor<i64> {spiking.role = "time_steps"}) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<f32>
  return %e : tensor<f32>
}
