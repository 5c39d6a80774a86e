// RUN: snn-opt %s --split-input-file --number-operations --mlir-print-debuginfo | FileCheck %s --check-prefix=NUMBERS
// RUN: snn-opt %s --split-input-file --number-operations --convert-linalg-to-parallel-loops --profile-kernels | FileCheck %s --check-prefix=KERNELS
// RUN: snn-opt %s --split-input-file --number-operations --convert-products-to-vector=vector-bits=512 --profile-kernels | FileCheck %s --check-prefix=PACKED

// The work of an operation is a function of the sizes of its buffers: here 2 * B
// * 8 * 4 operations, and 4 bytes for each element of three buffers.
// NUMBERS-LABEL: func.func @product
// NUMBERS-DAG: %[[B:.*]] = memref.dim %{{.*}}, %{{.*}} : memref<?x8xf32>
// NUMBERS: call @rheobase_rt_profile_work(%{{.*}}, %{{.*}}, %{{.*}}) : (i64, i64, i64) -> ()
// NUMBERS-NEXT: return
// NUMBERS: loc(fused<{rheobase.name = "product", rheobase.number = 0 : i64}>
// KERNELS: llvm.mlir.global internal constant @rheobase_kernel_1("product|product|profile-kernels.mlir:{{[0-9]+}}:{{[0-9]+}}|0\00")
// KERNELS-LABEL: func.func @product
// KERNELS: %[[START:.*]] = call @rheobase_rt_profile_begin() : () -> i64
// KERNELS-NEXT: scf.parallel
// KERNELS: %[[NAME:.*]] = llvm.mlir.addressof @rheobase_kernel_1
// KERNELS-NEXT: call @rheobase_rt_profile_end(%[[START]], %[[NAME]])
func.func @product(%x: memref<?x8xf32>, %w: memref<8x4xf32>, %y: memref<?x4xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<?x8xf32>, memref<8x4xf32>) outs(%y : memref<?x4xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = math.fma %a, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}

// -----

// In a time loop that stays, its parts are measured; the loop is not.
// KERNELS: llvm.mlir.global internal constant @rheobase_kernel_1("steps|elementwise|
// KERNELS-LABEL: func.func @steps
// KERNELS: scf.for
// KERNELS-NEXT: call @rheobase_rt_profile_begin
// KERNELS-NEXT: scf.parallel
func.func @steps(%x: memref<16xf32>, %T: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %t = %c0 to %T step %c1 {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%x : memref<16xf32>) {
    ^bb0(%a: f32):
      %b = arith.addf %a, %a : f32
      linalg.yield %b : f32
    }
  }
  return
}

// -----

// Whatever else there is: a copy, a loop of no operation. A scan runs its region
// once for each element of its longest sequence.
// NUMBERS-LABEL: func.func @others
// NUMBERS: rheobase.name = "copy"
// KERNELS-DAG: @rheobase_kernel_{{[0-9]}}("others|copy|
// KERNELS-DAG: @rheobase_kernel_{{[0-9]}}("others|loop|profile-kernels.mlir:{{[0-9]+}}:{{[0-9]+}}|\00")
func.func @others(%x: memref<16xf32>, %y: memref<16xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  memref.copy %x, %y : memref<16xf32> to memref<16xf32>
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %a = memref.load %x[%i] : memref<16xf32>
    memref.store %a, %y[%i] : memref<16xf32>
  }
  return
}

// -----

// What is in a parallel loop counts for all of its iterations, where tiles count
// as whole ones; a size that is not known at the function's end is -1.
// NUMBERS-LABEL: func.func @tiles
// NUMBERS: %[[TILES:.*]] = arith.ceildivsi
// NUMBERS: arith.muli %{{.*}}, %[[TILES]]
// NUMBERS-LABEL: func.func @unknown
// NUMBERS: %[[ALL:.*]] = arith.constant -1 : i64
// NUMBERS: call @rheobase_rt_profile_work
func.func @tiles(%x: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c16 = arith.constant 16 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c16) {
    %left = arith.subi %n, %i : index
    %size = arith.minsi %left, %c16 : index
    %tile = memref.subview %x[%i] [%size] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%tile : memref<?xf32, strided<[1], offset: ?>>) {
    ^bb0(%a: f32):
      %b = arith.addf %a, %a : f32
      linalg.yield %b : f32
    }
  }
  return
}
func.func @unknown(%x: memref<?xf32>, %sizes: memref<4xindex>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %size = memref.load %sizes[%i] : memref<4xindex>
    %tile = memref.subview %x[0] [%size] [1] : memref<?xf32> to memref<?xf32, strided<[1]>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%tile : memref<?xf32, strided<[1]>>) {
    ^bb0(%a: f32):
      %b = arith.addf %a, %a : f32
      linalg.yield %b : f32
    }
  }
  return
}

// -----

// The nest that multiplies does the work, not the longer code that transposes what it reads.
// PACKED-DAG: @[[$PACKING:.[a-z0-9_]+]]("transposed|convolution (preparation)|{{.*}}|\00")
// PACKED-DAG: @[[$PRODUCT:.[a-z0-9_]+]]("transposed|convolution|{{.*}}|0\00")
// PACKED-LABEL: func.func @transposed
// PACKED: vector.shuffle
// PACKED: llvm.mlir.addressof @[[$PACKING]]
// PACKED: math.fma
// PACKED: llvm.mlir.addressof @[[$PRODUCT]]
func.func @transposed(%x: memref<?x18x18x64xf32>, %w: memref<3x3x32x64xf32>, %y: memref<?x16x16x32xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, h, w, n, i, j, c) -> (b, h + i, w + j, c)>, affine_map<(b, h, w, n, i, j, c) -> (i, j, n, c)>,
                                   affine_map<(b, h, w, n, i, j, c) -> (b, h, w, n)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %w : memref<?x18x18x64xf32>, memref<3x3x32x64xf32>) outs(%y : memref<?x16x16x32xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %d = math.fma %a, %b, %c : f32
    linalg.yield %d : f32
  }
  return
}
