// RUN: snn-opt %s --flatten-gpu-launch-operands --cse --gpu-launch-sink-index-computations --gpu-kernel-outlining --split-input-file | FileCheck %s

// Base pointers, and the sizes, strides and offsets that are dynamic and used.
// CHECK-LABEL: func @f
// CHECK:         gpu.launch_func @kernels::@f_0_map
// CHECK-SAME:      args(
// CHECK-NOT:       memref<?
// CHECK:         return
// CHECK:       gpu.func @f_0_map({{.*}}memref<f32>
// CHECK-NOT:     memref.dim
// CHECK-DAG:     memref.reinterpret_cast %{{.*}} to offset: [0], sizes: [%{{.*}}, 128], strides: [128, 1] : memref<f32> to memref<?x128xf32>
// CHECK-DAG:     memref.reinterpret_cast %{{.*}} to offset: [%{{.*}}], sizes: [4], strides: [%{{.*}}] : memref<f32> to memref<4xf32, strided<[?], offset: ?>>
func.func @f(%x: memref<?x128xf32>, %y: memref<4xf32, strided<[?], offset: ?>>, %z: memref<f32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1)
      threads(%tx, %ty, %tz) in (%sx = %c32, %sy = %c1, %sz = %c1) module(@kernels) function(@map) {
    %d = memref.dim %x, %c0 : memref<?x128xf32>
    %v = memref.load %x[%d, %tx] : memref<?x128xf32>
    memref.store %v, %y[%tx] : memref<4xf32, strided<[?], offset: ?>>
    memref.store %v, %z[] : memref<f32>
    gpu.terminator
  }
  return
}

// -----

// Constant buffers move along.
// CHECK-LABEL: func @constants
// CHECK:         gpu.launch_func @kernels::@constants_0_map
// CHECK-NOT:       args
// CHECK:       gpu.module @kernels
// CHECK-DAG:     memref.global "private" constant @table
// CHECK-DAG:     memref.get_global @table
memref.global "private" constant @table : memref<2xf32> = dense<[1.0, 2.0]>
func.func @constants(%z: memref<f32>) {
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %t = memref.get_global @table : memref<2xf32>
  gpu.launch blocks(%bx, %by, %bz) in (%gx = %c1, %gy = %c1, %gz = %c1)
      threads(%tx, %ty, %tz) in (%sx = %c32, %sy = %c1, %sz = %c1) module(@kernels) function(@map) {
    %v = memref.load %t[%tx] : memref<2xf32>
    gpu.printf "%f", %v : f32
    gpu.terminator
  }
  return
}
