// RUN: snn-opt %s --convert-spiking-to-linalg | FileCheck %s

// CHECK-DAG: #[[$X:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>
// CHECK-DAG: #[[$W:.*]] = affine_map<(d0, d1, d2, d3) -> (d3, d2)>
// CHECK-DAG: #[[$NK:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[$Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[$ROWS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d0, d1, d7, d3 * 2 + d5, d4 + d6 * 3)>
// CHECK-DAG: #[[$TAPS:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6, d7) -> (d2, d7, d5, d6)>

// The chain starts with the bias; time and batch stay two loops.
// CHECK-LABEL: @linear
// CHECK-SAME: %[[X:.*]]: tensor<?x?x8xi1>, %[[W:.*]]: tensor<8x4xf32>, %[[B:.*]]: tensor<4xf32>
// CHECK: %[[START:.*]] = linalg.generic {{.*}} ins(%[[B]]
// CHECK: linalg.generic {indexing_maps = [#[[$X]], #[[$W]], #[[$Y]]], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
// CHECK-SAME: ins(%[[X]], %[[W]] {{.*}} outs(%[[START]]
// CHECK-NEXT: ^bb0(%[[SPIKE:.*]]: i1, %[[F:.*]]: f32, %[[ACC:.*]]: f32):
// CHECK-NEXT: %[[NUMBER:.*]] = arith.uitofp %[[SPIKE]]
// CHECK-NEXT: %[[NEXT:.*]] = math.fma %[[NUMBER]], %[[F]], %[[ACC]]
// CHECK-NEXT: linalg.yield %[[NEXT]]
func.func @linear(%x: tensor<?x?x8xi1>, %w: tensor<8x4xf32>, %b: tensor<4xf32>) -> tensor<?x?x4xf32> {
  %y = spiking.linear %x, %w, %b : (tensor<?x?x8xi1>, tensor<8x4xf32>, tensor<4xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}

// Counts are signed numbers; without a bias chains start from 0.
// CHECK-LABEL: @counts
// CHECK: linalg.fill ins(%{{.*}} : f32)
// CHECK: arith.sitofp %{{.*}} : i8 to f32
func.func @counts(%x: tensor<?x8xi8>, %w: tensor<8x4xf32>) -> tensor<?x4xf32> {
  %y = spiking.linear %x, %w : (tensor<?x8xi8>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// CHECK-LABEL: @linear_weight_gradient
// CHECK: iterator_types = ["parallel", "parallel", "reduction", "reduction"]
func.func @linear_weight_gradient(%x: tensor<?x?x8xi1>, %g: tensor<?x?x4xf32>) -> tensor<8x4xf32> {
  %y = spiking.linear_weight_gradient %x, %g : (tensor<?x?x8xi1>, tensor<?x?x4xf32>) -> tensor<8x4xf32>
  return %y : tensor<8x4xf32>
}

// CHECK-LABEL: @conv
// CHECK: tensor.pad %{{.*}} low[0, 0, 0, 1, 2] high[0, 0, 0, 1, 2]
// CHECK: indexing_maps = [#[[$ROWS]], #[[$TAPS]]
// CHECK: math.fma
func.func @conv(%x: tensor<?x?x3x8x9xi1>, %w: tensor<4x3x3x3xf32>) -> tensor<?x?x4x4x7xf32> {
  %y = spiking.conv %x, %w {strides = array<i64: 2, 1>, padding = array<i64: 1, 2>, dilations = array<i64: 1, 3>}
    : (tensor<?x?x3x8x9xi1>, tensor<4x3x3x3xf32>) -> tensor<?x?x4x4x7xf32>
  return %y : tensor<?x?x4x4x7xf32>
}

// Nothing is padded where there is no padding.
// CHECK-LABEL: @conv_channels_last
// CHECK-NOT: tensor.pad
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]
func.func @conv_channels_last(%x: tensor<?x8x9x3xf32>, %w: tensor<3x3x3x4xf32>) -> tensor<?x6x7x4xf32> {
  %y = spiking.conv %x, %w {layout = #spiking.layout<channels_last>}
    : (tensor<?x8x9x3xf32>, tensor<3x3x3x4xf32>) -> tensor<?x6x7x4xf32>
  return %y : tensor<?x6x7x4xf32>
}

// CHECK-LABEL: @grouped
// CHECK: tensor.expand_shape {{.*}} tensor<?x4x8x8xf32> into tensor<?x2x2x8x8xf32>
// CHECK: tensor.expand_shape {{.*}} tensor<6x2x3x3xf32> into tensor<2x3x2x3x3xf32>
// CHECK: math.fma
// CHECK: tensor.collapse_shape {{.*}} tensor<?x2x3x6x6xf32> into tensor<?x6x6x6xf32>
func.func @grouped(%x: tensor<?x4x8x8xf32>, %w: tensor<6x2x3x3xf32>) -> tensor<?x6x6x6xf32> {
  %y = spiking.conv %x, %w {groups = 2} : (tensor<?x4x8x8xf32>, tensor<6x2x3x3xf32>) -> tensor<?x6x6x6xf32>
  return %y : tensor<?x6x6x6xf32>
}

// With stride 2 the elements have four phases, with 2 x 2, 2 x 1, 1 x 2 and 1 tap.
// CHECK-LABEL: @conv_input_gradient
// CHECK: tensor.extract_slice {{.*}} tensor<4x3x3x3xf32> to tensor<4x3x1x1xf32>
// CHECK: math.fma
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 0] [{{.*}}] [1, 1, 2, 2]
// CHECK: to tensor<4x3x1x2xf32>
// CHECK: tensor.insert_slice {{.*}}[0, 0, 0, 1] [{{.*}}] [1, 1, 2, 2]
// CHECK: to tensor<4x3x2x1xf32>
// CHECK: tensor.insert_slice {{.*}}[0, 0, 1, 0] [{{.*}}] [1, 1, 2, 2]
// CHECK: to tensor<4x3x2x2xf32>
// CHECK: tensor.insert_slice {{.*}}[0, 0, 1, 1] [{{.*}}] [1, 1, 2, 2]
func.func @conv_input_gradient(%g: tensor<?x4x4x4xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<?x3x8x8xf32> {
  %y = spiking.conv_input_gradient %g, %w {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>}
    : (tensor<?x4x4x4xf32>, tensor<4x3x3x3xf32>) -> tensor<?x3x8x8xf32>
  return %y : tensor<?x3x8x8xf32>
}

// CHECK-LABEL: @conv_weight_gradient
// CHECK: iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]
func.func @conv_weight_gradient(%x: tensor<?x3x8x8xi1>, %g: tensor<?x4x6x6xf32>) -> tensor<4x3x3x3xf32> {
  %y = spiking.conv_weight_gradient %x, %g : (tensor<?x3x8x8xi1>, tensor<?x4x6x6xf32>) -> tensor<4x3x3x3xf32>
  return %y : tensor<4x3x3x3xf32>
}

// A transposed weight is read where it is; not in a loop, where transposing it
// once is better.
// CHECK-LABEL: func.func @transposed_weight
// CHECK: linalg.generic {indexing_maps = [#{{.*}}, #[[$NK]], #{{.*}}]{{.*}} ins(%arg0, %arg1
// CHECK: %[[W:.*]] = linalg.transpose ins(%arg1
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[W]]
func.func @transposed_weight(%g: tensor<4x8xf32>, %w: tensor<8x8xf32>, %T: index) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %a = spiking.transpose %w {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %y = spiking.linear %g, %a : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %b = spiking.transpose %w {permutation = array<i64: 1, 0>} : (tensor<8x8xf32>) -> tensor<8x8xf32>
  %z = spiking.time_loop %t = 0 to %T state(%v = %g : tensor<4x8xf32>) {
    %n = spiking.linear %v, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    spiking.yield next(%n : tensor<4x8xf32>)
  }
  return %y, %z : tensor<4x8xf32>, tensor<4x8xf32>
}
