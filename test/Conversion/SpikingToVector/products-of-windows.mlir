// RUN: snn-opt %s --convert-products-to-vector=vector-bits=512 --remarks-filter=convert-products-to-vector --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: snn-opt %s --convert-products-to-vector=vector-bits=512 --canonicalize | FileCheck %s

#image = affine_map<(b, h, w, n, i, j, c) -> (b, h + i, w + j, c)>
#kernel = affine_map<(b, h, w, n, i, j, c) -> (i, j, c, n)>
#output = affine_map<(b, h, w, n, i, j, c) -> (b, h, w, n)>

// Rows of 16 pixels in register blocks of 8, steps in runs of 3 * 8.
// REMARK: a product in register blocks of 8 x 32: rows read where they are, columns read where they are or copied
// CHECK-LABEL: func @convolution
// CHECK: scf.for %{{.*}} = %c0 to %c3 step %c1 iter_args
// CHECK: scf.for %{{.*}} iter_args
// CHECK-COUNT-16: math.fma
// CHECK-NOT: math.fma
// CHECK: return
func.func @convolution(%x: memref<?x18x18x8xf32>, %k: memref<3x3x8x32xf32>, %y: memref<?x16x16x32xf32>) {
  linalg.generic {indexing_maps = [#image, #kernel, #output], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %k : memref<?x18x18x8xf32>, memref<3x3x8x32xf32>) outs(%y : memref<?x16x16x32xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %next = math.fma %a, %b, %acc : f32
    linalg.yield %next : f32
  }
  return
}

#image_of_gradient = affine_map<(i, j, c, n, b, h, w) -> (b, h + i, w + j, c)>
#gradient = affine_map<(i, j, c, n, b, h, w) -> (b, h, w, n)>
#taps = affine_map<(i, j, c, n, b, h, w) -> (i, j, c, n)>

// The gradient of the kernel: rows in runs of 3 * 8, steps of 32 bytes in runs of 16 pixels. Windows overlap, so the image itself is smaller than its
// windows: they are read where they are, while a block's steps stay in the first-level cache; the next block's are prefetched.
// REMARK: a product in register blocks of 12 x 32: rows read where they are, columns read where they are or copied
// CHECK-LABEL: func @kernel_gradient
// CHECK: scf.for %{{.*}} step %c128
// CHECK: scf.for %{{.*}} iter_args
// CHECK: scf.for %{{.*}} iter_args
// CHECK-COUNT-3: memref.prefetch %{{.*}}, read, locality<2>, data
// CHECK-COUNT-24: math.fma
// CHECK-NOT: math.fma
// CHECK: scf.yield
func.func @kernel_gradient(%x: memref<?x18x18x8xf32>, %g: memref<?x16x16x64xf32>, %k: memref<3x3x8x64xf32>) {
  linalg.generic {indexing_maps = [#image_of_gradient, #gradient, #taps], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %g : memref<?x18x18x8xf32>, memref<?x16x16x64xf32>) outs(%k : memref<3x3x8x64xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %next = math.fma %a, %b, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// Steps that are 384 bytes apart are copied.
// REMARK: a product in register blocks of 12 x 32: rows copied along the rows, columns read where they are or copied
// CHECK-LABEL: func @kernel_gradient_of_wide_pixels
// CHECK-NOT: memref.prefetch %{{.*}}, read
// CHECK: return
func.func @kernel_gradient_of_wide_pixels(%x: memref<?x18x18x96xf32>, %g: memref<?x16x16x64xf32>, %k: memref<3x3x96x64xf32>) {
  linalg.generic {indexing_maps = [#image_of_gradient, #gradient, #taps], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %g : memref<?x18x18x96xf32>, memref<?x16x16x64xf32>) outs(%k : memref<3x3x96x64xf32>) {
  ^bb0(%a: f32, %b: f32, %acc: f32):
    %next = math.fma %a, %b, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// Spikes become numbers once for all windows that they are in, 64 elements aligned; the kernel walks the copy as it would walk the image.
// REMARK: a product in register blocks of 12 x 32: rows read from a copy of the image, columns read where they are or copied
// CHECK-LABEL: func @kernel_gradient_of_spikes
// CHECK: scf.for %{{.*}} step %c128
// CHECK: %[[BLOCK:.*]] = arith.divui %{{.*}}, %c64
// CHECK: arith.muli %[[BLOCK]], %c64
// CHECK: %[[IMAGE:.*]] = memref.alloc(%{{.*}}) : memref<?xf32>
// CHECK: arith.uitofp %{{.*}} : vector<16xi8> to vector<16xf32>
// CHECK: scf.for %{{.*}} iter_args
// CHECK: scf.for %{{.*}} iter_args
// CHECK: memref.load %[[IMAGE]]
// CHECK: math.fma
// CHECK: memref.dealloc %[[IMAGE]]
func.func @kernel_gradient_of_spikes(%x: memref<?x18x18x8xi8>, %g: memref<?x16x16x64xf32>, %k: memref<3x3x8x64xf32>) {
  linalg.generic {indexing_maps = [#image_of_gradient, #gradient, #taps], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %g : memref<?x18x18x8xi8>, memref<?x16x16x64xf32>) outs(%k : memref<3x3x8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %acc: f32):
    %spike = arith.uitofp %a : i8 to f32
    %next = math.fma %spike, %b, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// Where a step's rows do not follow the last one's in memory, there is no image: columns of an image that lies transposed.
// REMARK: a product in register blocks of 8 x 32: rows copied along the rows, columns read where they are or copied
// CHECK-LABEL: func @kernel_gradient_of_transposed_spikes
// CHECK: return
func.func @kernel_gradient_of_transposed_spikes(%x: memref<?x18x18x8xi8, strided<[2592, 8, 144, 1]>>, %g: memref<?x16x16x64xf32>, %k: memref<3x3x8x64xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j, c, n, b, h, w) -> (b, h + i, w + j, c)>, #gradient, #taps], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %g : memref<?x18x18x8xi8, strided<[2592, 8, 144, 1]>>, memref<?x16x16x64xf32>) outs(%k : memref<3x3x8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %acc: f32):
    %spike = arith.uitofp %a : i8 to f32
    %next = math.fma %spike, %b, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// An image that is much wider than a block of steps would be larger than a copy of its windows.
// REMARK: a product in register blocks of 12 x 32: rows copied along the rows, columns read where they are or copied
// CHECK-LABEL: func @kernel_gradient_of_wide_image
// CHECK: return
func.func @kernel_gradient_of_wide_image(%x: memref<?x514x514x8xi8>, %g: memref<?x512x512x64xf32>, %k: memref<3x3x8x64xf32>) {
  linalg.generic {indexing_maps = [#image_of_gradient, #gradient, #taps], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
      ins(%x, %g : memref<?x514x514x8xi8>, memref<?x512x512x64xf32>) outs(%k : memref<3x3x8x64xf32>) {
  ^bb0(%a: i8, %b: f32, %acc: f32):
    %spike = arith.uitofp %a : i8 to f32
    %next = math.fma %spike, %b, %acc : f32
    linalg.yield %next : f32
  }
  return
}
