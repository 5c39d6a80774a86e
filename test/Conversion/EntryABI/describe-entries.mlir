// RUN: snn-opt %s --spiking-describe-entries --split-input-file | FileCheck %s

// CHECK: module @net attributes {spiking.manifest = "{{.*}}\22entries\22{{.*}}rheobase_net_step{{.*}}", spiking.module_name = "net"}
module @net {
  // CHECK: func.func @step(
  // CHECK-SAME: tensor<?x?x4xi1> {spiking.dims = ["T", "B", 4], spiking.dtype = "bool"}
  // CHECK-SAME: tensor<?x4xf32> {spiking.dims = ["B", 4], spiking.dtype = "f32"}
  // CHECK-SAME: tensor<?x?xf32> {spiking.dims = ["rows", "columns"], spiking.dtype = "f32"}
  // CHECK-SAME: index {spiking.dims = [], spiking.dtype = "i64", spiking.role = "time_steps"}
  // The manifest has the initializer; below, types change.
  // CHECK-SAME: tensor<2xf32> {spiking.dims = [2], spiking.dtype = "f32", spiking.role = "parameter"}
  func.func @step(%s: tensor<?x?x4xi1>, %v: tensor<?x4xf32>, %free: tensor<?x?xf32> {spiking.dims = ["rows", "columns"]},
      %T: index {spiking.role = "time_steps"},
      %p: tensor<2xf32> {spiking.role = "parameter", spiking.initializer = #spiking.init<constant, value = 0.5>})
      -> (tensor<2xf32> {spiking.aliases = 4}) {
    return %p : tensor<2xf32>
  }
  // Nobody calls it from outside.
  // CHECK: func.func private @helper(%{{.*}}: tensor<4xf32>)
  func.func private @helper(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}

// -----

// A splat of spikes is 1, not -1.
// CHECK: module @spikes attributes {spiking.manifest = "{{.*}}\22initializer\22: {{[^}]*}}\22kind\22: \22constant\22,{{[^}]*}}\22value\22: 1{{[^0-9.]}}
module @spikes {
  func.func @f(%m: tensor<4xi1> {spiking.role = "state", spiking.initializer = dense<true> : tensor<4xi1>}) -> (tensor<4xi1> {spiking.aliases = 0}) {
    return %m : tensor<4xi1>
  }
}
