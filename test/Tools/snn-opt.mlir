// RUN: snn-opt %s | FileCheck %s
// RUN: snn-opt --help | FileCheck %s --check-prefix=HELP

// CHECK-LABEL: func.func @detach
// CHECK: spiking.detach %{{.*}} : tensor<4xf32>
func.func @detach(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = spiking.detach %x : tensor<4xf32>
  return %y : tensor<4xf32>
}

// HELP: --convert-linalg-to-loops
// HELP: --spiking-expand-presets
