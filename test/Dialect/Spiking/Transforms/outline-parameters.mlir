// RUN: snn-opt %s --split-input-file --spiking-outline-parameters | FileCheck %s

// Through calls; in the order of the module. What training stores is a state,
// what nobody stores a parameter.

// CHECK-NOT: ml_program.global

// CHECK-LABEL: func.func @forward(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x8xf32>,
// CHECK-SAME:    %[[W:[^ ,:#)]+]]: tensor<8x4xf32> {bufferization.writable = false, spiking.initializer = #spiking.init<kaiming_uniform, fan_in = 8>, spiking.name = "w", spiking.role = "parameter"},
// CHECK-SAME:    %[[MEAN:[^ ,:#)]+]]: tensor<4xf32> {bufferization.writable = true, spiking.initializer = dense<0.000000e+00> : tensor<4xf32>, spiking.name = "mean", spiking.role = "state"},
// CHECK-SAME:    %[[N:[^ ,:#)]+]]: tensor<2xi32> {bufferization.writable = false, spiking.initializer = dense<1> : tensor<2xi32>, spiking.name = "count", spiking.role = "state"})
// CHECK-SAME:    -> (tensor<?x4xf32>, tensor<4xf32> {spiking.aliases = 2 : i64, spiking.name = "mean", spiking.role = "state"})
// CHECK:         %[[C:[^ ,:#)]+]]:2 = call @update(%[[X]], %[[W]], %[[MEAN]], %[[N]])
// CHECK:         %[[NEW:[^ ,:#)]+]] = arith.addf %[[C]]#1, %[[C]]#1
// CHECK:         return %[[C]]#0, %[[NEW]]

// CHECK-LABEL: func.func private @update(
// CHECK-SAME:    %[[X:[^ ,:#)]+]]: tensor<?x8xf32>, %[[W:[^ ,:#)]+]]: tensor<8x4xf32> {{.*}}, %[[MEAN:[^ ,:#)]+]]: tensor<4xf32> {{.*}}, %{{.*}}: tensor<2xi32> {{.*}})
// CHECK:         %[[M2:[^ ,:#)]+]] = arith.mulf %[[MEAN]], %[[MEAN]]
// CHECK:         %[[Y:[^ ,:#)]+]] = spiking.linear %[[X]], %[[W]], %[[M2]]
// CHECK:         return %[[Y]], %[[M2]]

// Without globals a function keeps its signature.
// CHECK-LABEL: func.func private @loss(%{{[^ ,]+}}: tensor<?x4xf32>, %{{[^ ,]+}}: tensor<?xi32>) -> tensor<f32>
ml_program.global private mutable @w(#spiking.init<kaiming_uniform, fan_in = 8>) : tensor<8x4xf32>
ml_program.global private mutable @mean(dense<0.0> : tensor<4xf32>) : tensor<4xf32>
ml_program.global private mutable @count(dense<1> : tensor<2xi32>) : tensor<2xi32>
func.func @forward(%x: tensor<?x8xf32>) -> tensor<?x4xf32>
    attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.sgd_optimizer<learning_rate = 0.1>>} {
  %y = call @update(%x) : (tensor<?x8xf32>) -> tensor<?x4xf32>
  %m = ml_program.global_load @mean : tensor<4xf32>
  %m2 = arith.addf %m, %m : tensor<4xf32>
  ml_program.global_store @mean = %m2 : tensor<4xf32>
  return %y : tensor<?x4xf32>
}
func.func private @update(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %n = ml_program.global_load @count : tensor<2xi32>
  %w = ml_program.global_load @w : tensor<8x4xf32>
  %m = ml_program.global_load @mean : tensor<4xf32>
  %m2 = arith.mulf %m, %m : tensor<4xf32>
  ml_program.global_store @mean = %m2 : tensor<4xf32>
  %m3 = ml_program.global_load @mean : tensor<4xf32>
  %y = spiking.linear %x, %w, %m3 : (tensor<?x8xf32>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
func.func private @loss(%y: tensor<?x4xf32>, %l: tensor<?xi32>) -> tensor<f32> {
  %e = spiking.cross_entropy %y, %l : (tensor<?x4xf32>, tensor<?xi32>) -> tensor<f32>
  return %e : tensor<f32>
}

// -----

// Immutable globals: small ones become constants, others states that are not
// given back. A load in a loop reads what was there before it.

// CHECK-LABEL: func.func @f(
// CHECK-SAME:    %[[BIG:[^ ,:#)]+]]: tensor<100xf32> {bufferization.writable = false, {{.*}}, spiking.name = "big", spiking.role = "state"}) -> tensor<100xf32>
// CHECK-DAG:     arith.constant dense<[1.000000e+00, 2.000000e+00]>
// CHECK-DAG:     arith.constant dense<3.000000e+00> : tensor<100xf32>
// CHECK:         spiking.time_loop
// CHECK:           arith.addf %{{.*}}, %[[BIG]]
ml_program.global private @small(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
ml_program.global private @splat(dense<3.0> : tensor<100xf32>) : tensor<100xf32>
ml_program.global private @big(dense_resource<big> : tensor<100xf32>) : tensor<100xf32>
func.func @f(%T: index, %u: tensor<2xf32>) -> tensor<100xf32> {
  %s = ml_program.global_load_const @small : tensor<2xf32>
  %v0 = ml_program.global_load @splat : tensor<100xf32>
  %v = spiking.time_loop %t = 0 to %T state(%a = %v0 : tensor<100xf32>) {
    %b = ml_program.global_load_const @big : tensor<100xf32>
    %c = arith.addf %a, %b : tensor<100xf32>
    spiking.yield next(%c : tensor<100xf32>)
  }
  return %v : tensor<100xf32>
}
