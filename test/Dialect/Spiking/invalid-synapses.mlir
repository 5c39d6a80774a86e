// RUN: snn-opt %s -split-input-file -verify-diagnostics

func.func @linear_c1(%x: tensor<4x3xf32>, %w: tensor<3x2x1xf32>) {
  // expected-error@below {{'spiking.linear' op expected a weight [in, out], got 'tensor<3x2x1xf32>' (linear_c1)}}
  %y = spiking.linear %x, %w : (tensor<4x3xf32>, tensor<3x2x1xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @linear_c1_inputs(%x: tensor<4x5xi1>, %w: tensor<3x2xf32>) {
  // expected-error@below {{'spiking.linear' op expected an input whose last dimension is [3], got 'tensor<4x5xi1>' (linear_c1)}}
  %y = spiking.linear %x, %w : (tensor<4x5xi1>, tensor<3x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @linear_c1_scalar(%x: tensor<f32>, %w: tensor<3x2xf32>) {
  // expected-error@below {{'spiking.linear' op expected an input whose last dimension is [3], got 'tensor<f32>' (linear_c1)}}
  %y = spiking.linear %x, %w : (tensor<f32>, tensor<3x2xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<4x3xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>) {
  // expected-error@below {{'spiking.linear' op expected a bias of shape [2], got 'tensor<3xf32>' (linear_c2)}}
  %y = spiking.linear %x, %w, %b : (tensor<4x3xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x3xf32>, %w: tensor<3x2xf32>) {
  // expected-error@below {{'spiking.linear' op expected a result of type 'tensor<?x2xf32>', got 'tensor<4x2xf32>' (linear_c3)}}
  %y = spiking.linear %x, %w : (tensor<?x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @linear_c3_element(%x: tensor<4x3xi8>, %w: tensor<3x2xf32>) {
  // expected-error@below {{'spiking.linear' op expected a result of type 'tensor<4x2xf32>', got 'tensor<4x2xf64>' (linear_c3)}}
  %y = spiking.linear %x, %w : (tensor<4x3xi8>, tensor<3x2xf32>) -> tensor<4x2xf64>
  return
}

// -----

func.func @linear_c3_input(%x: tensor<4x3xf64>, %w: tensor<3x2xf32>) {
  // expected-error@below {{'spiking.linear' op expected an input of spikes, counts or 'f32', got 'f64' (linear_c3)}}
  %y = spiking.linear %x, %w : (tensor<4x3xf64>, tensor<3x2xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @linear_c3_bias(%x: tensor<4x3xf32>, %w: tensor<3x2xf32>, %b: tensor<2xf64>) {
  // expected-error@below {{'spiking.linear' op expected a bias of 'f32', got 'tensor<2xf64>' (linear_c3)}}
  %y = spiking.linear %x, %w, %b : (tensor<4x3xf32>, tensor<3x2xf32>, tensor<2xf64>) -> tensor<4x2xf32>
  return
}

// -----

func.func @linear_weight_gradient_c1(%x: tensor<5x4x3xi1>, %g: tensor<5x7x2xf32>) {
  // expected-error@below {{'spiking.linear_weight_gradient' op expected input and gradient with the same leading dimensions, got 'tensor<5x4x3xi1>' and 'tensor<5x7x2xf32>' (linear_weight_gradient_c1)}}
  %w = spiking.linear_weight_gradient %x, %g : (tensor<5x4x3xi1>, tensor<5x7x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @linear_weight_gradient_c2(%x: tensor<?x4x3xi1>, %g: tensor<?x4x2xf32>) {
  // expected-error@below {{'spiking.linear_weight_gradient' op expected a result of type 'tensor<3x2xf32>', got 'tensor<2x3xf32>' (linear_weight_gradient_c2)}}
  %w = spiking.linear_weight_gradient %x, %g : (tensor<?x4x3xi1>, tensor<?x4x2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @linear_weight_gradient_c2_input(%x: tensor<4x3xf16>, %g: tensor<4x2xf32>) {
  // expected-error@below {{'spiking.linear_weight_gradient' op expected an input of spikes, counts or 'f32', got 'f16' (linear_weight_gradient_c2)}}
  %w = spiking.linear_weight_gradient %x, %g : (tensor<4x3xf16>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return
}

// -----

func.func @conv_c1(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected strides with two entries of at least 1, got [1] (conv_c1)}}
  %y = spiking.conv %x, %w {strides = array<i64: 1>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c1_strides(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected strides with two entries of at least 1, got [1, 0] (conv_c1)}}
  %y = spiking.conv %x, %w {strides = array<i64: 1, 0>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c1_padding(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected padding with two entries of at least 0, got [-1, 0] (conv_c1)}}
  %y = spiking.conv %x, %w {padding = array<i64: -1, 0>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c1_dilations(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected dilations with two entries of at least 1, got [0, 1] (conv_c1)}}
  %y = spiking.conv %x, %w {dilations = array<i64: 0, 1>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c1_groups(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected at least one group, got 0 (conv_c1)}}
  %y = spiking.conv %x, %w {groups = 0} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c1_divides(%x: tensor<?x2x8x8xi1>, %w: tensor<3x1x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected 2 groups to divide 3 channels (conv_c1)}}
  %y = spiking.conv %x, %w {groups = 2} : (tensor<?x2x8x8xi1>, tensor<3x1x3x3xf32>) -> tensor<?x3x6x6xf32>
  return
}

// -----

func.func @conv_c2(%x: tensor<?x2x8x8xi1>, %w: tensor<4x3x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected a static weight [out, in/groups, kh, kw] for 2 input channels, 4 output channels and groups = 1, got 'tensor<4x3x3x3xf32>' (conv_c2)}}
  %y = spiking.conv %x, %w : (tensor<?x2x8x8xi1>, tensor<4x3x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c2_last(%x: tensor<?x8x8x2xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected a static weight [kh, kw, in/groups, out] for 2 input channels, 4 output channels and groups = 1, got 'tensor<4x2x3x3xf32>' (conv_c2)}}
  %y = spiking.conv %x, %w {layout = #spiking.layout<channels_last>} : (tensor<?x8x8x2xi1>, tensor<4x2x3x3xf32>) -> tensor<?x6x6x4xf32>
  return
}

// -----

func.func @conv_c2_bias(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>, %b: tensor<2xf32>) {
  // expected-error@below {{'spiking.conv' op expected a bias of shape [4], got 'tensor<2xf32>' (conv_c2)}}
  %y = spiking.conv %x, %w, %b : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>, tensor<2xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c3(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected an output with 8 columns, got 'tensor<?x4x8x6xf32>' (conv_c3)}}
  %y = spiking.conv %x, %w {padding = array<i64: 1, 1>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x8x6xf32>
  return
}

// -----

func.func @conv_c3_large(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op the kernel does not fit into the padded input 'tensor<?x2x8x8xi1>' (conv_c3)}}
  %y = spiking.conv %x, %w {dilations = array<i64: 4, 4>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x0x0xf32>
  return
}

// -----

func.func @conv_c3_overflow(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op the kernel does not fit into the padded input 'tensor<?x2x8x8xi1>' (conv_c3)}}
  %y = spiking.conv %x, %w {padding = array<i64: 9223372036854775807, 0>} : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c4(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected a result with the leading dimensions [?], got 'tensor<5x4x6x6xf32>' (conv_c4)}}
  %y = spiking.conv %x, %w : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<5x4x6x6xf32>
  return
}

// -----

func.func @conv_c4_gradients(%x: tensor<3x2x8x8xi1>, %g: tensor<5x4x6x6xf32>) {
  // expected-error@below {{'spiking.conv_weight_gradient' op expected the same leading dimensions, got 'tensor<3x2x8x8xi1>' and 'tensor<5x4x6x6xf32>' (conv_c4)}}
  %w = spiking.conv_weight_gradient %x, %g : (tensor<3x2x8x8xi1>, tensor<5x4x6x6xf32>) -> tensor<4x2x3x3xf32>
  return
}

// -----

func.func @conv_c4_element(%x: tensor<?x2x8x8xf64>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected an input of spikes, counts or 'f32', got 'f64' (conv_c4)}}
  %y = spiking.conv %x, %w : (tensor<?x2x8x8xf64>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c4_bias(%x: tensor<?x2x8x8xi1>, %w: tensor<4x2x3x3xf32>, %b: tensor<4xf64>) {
  // expected-error@below {{'spiking.conv' op expected a bias of 'f32', got 'tensor<4xf64>' (conv_c4)}}
  %y = spiking.conv %x, %w, %b : (tensor<?x2x8x8xi1>, tensor<4x2x3x3xf32>, tensor<4xf64>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c4_weight(%g: tensor<?x4x6x6xf64>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv_input_gradient' op expected weight and output of the same type, got 'f32' and 'f64' (conv_c4)}}
  %x = spiking.conv_input_gradient %g, %w : (tensor<?x4x6x6xf64>, tensor<4x2x3x3xf32>) -> tensor<?x2x8x8xf32>
  return
}

// -----

func.func @conv_c5(%x: tensor<?x2x?x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected an image [..., C, H, W] with static channels and spatial extents, got 'tensor<?x2x?x8xi1>' (conv_c5)}}
  %y = spiking.conv %x, %w : (tensor<?x2x?x8xi1>, tensor<4x2x3x3xf32>) -> tensor<?x4x6x6xf32>
  return
}

// -----

func.func @conv_c5_rank(%x: tensor<8x8xi1>, %w: tensor<4x2x3x3xf32>) {
  // expected-error@below {{'spiking.conv' op expected an image [..., H, W, C] with static channels and spatial extents, got 'tensor<8x8xi1>' (conv_c5)}}
  %y = spiking.conv %x, %w {layout = #spiking.layout<channels_last>} : (tensor<8x8xi1>, tensor<4x2x3x3xf32>) -> tensor<6x6xf32>
  return
}

// -----

func.func @pool_c1(%x: tensor<?x2x8x8xi1>) {
  // expected-error@below {{'spiking.max_pool' op expected a kernel with two entries of at least 1, got [2] (pool_c1)}}
  %y = spiking.max_pool %x {kernel = array<i64: 2>} : (tensor<?x2x8x8xi1>) -> tensor<?x2x4x4xi1>
  return
}

// -----

func.func @pool_c1_strides(%x: tensor<?x2x8x8xi1>) {
  // expected-error@below {{'spiking.sum_pool' op expected strides with two entries of at least 1, got [2, 0] (pool_c1)}}
  %y = spiking.sum_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 0>} : (tensor<?x2x8x8xi1>) -> tensor<?x2x4x4xi8>
  return
}

// -----

func.func @pool_c1_padding(%x: tensor<?x2x8x8xi1>) {
  // expected-error@below {{'spiking.avg_pool' op expected padding of at most half the kernel [3, 3], got [1, 2] (pool_c1)}}
  %y = spiking.avg_pool %x {kernel = array<i64: 3, 3>, padding = array<i64: 1, 2>} : (tensor<?x2x8x8xi1>) -> tensor<?x2x4x4xf32>
  return
}

// -----

func.func @pool_c1_negative(%x: tensor<?x2x8x8xi1>) {
  // expected-error@below {{'spiking.avg_pool' op expected padding with two entries of at least 0, got [-1, 0] (pool_c1)}}
  %y = spiking.avg_pool %x {kernel = array<i64: 3, 3>, padding = array<i64: -1, 0>} : (tensor<?x2x8x8xi1>) -> tensor<?x2x4x4xf32>
  return
}

// -----

func.func @pool_c2(%x: tensor<?x2x9x8xi1>) {
  // expected-error@below {{'spiking.max_pool' op expected an output with 4 rows, got 'tensor<?x2x5x4xi1>' (pool_c2)}}
  %y = spiking.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x9x8xi1>) -> tensor<?x2x5x4xi1>
  return
}

// -----

func.func @pool_c2_columns(%x: tensor<?x9x8x2xf32>) {
  // expected-error@below {{'spiking.avg_pool' op expected an output with 4 columns, got 'tensor<?x4x5x2xf32>' (pool_c2)}}
  %y = spiking.avg_pool %x {kernel = array<i64: 2, 2>, layout = #spiking.layout<channels_last>} : (tensor<?x9x8x2xf32>) -> tensor<?x4x5x2xf32>
  return
}

// -----

func.func @pool_c2_large(%x: tensor<?x2x1x8xi1>) {
  // expected-error@below {{'spiking.max_pool' op the kernel does not fit into the padded input 'tensor<?x2x1x8xi1>' (pool_c2)}}
  %y = spiking.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x1x8xi1>) -> tensor<?x2x0x4xi1>
  return
}

// -----

func.func @pool_c2_dynamic(%x: tensor<?x2x?x8xi1>) {
  // expected-error@below {{'spiking.max_pool' op expected an image [..., C, H, W] with static spatial extents, got 'tensor<?x2x?x8xi1>' (pool_c2)}}
  %y = spiking.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x?x8xi1>) -> tensor<?x2x?x4xi1>
  return
}

// -----

func.func @pool_c2_channels(%g: tensor<?x2x4x4xf32>) {
  // expected-error@below {{'spiking.sum_pool_gradient' op expected the same channels and leading dimensions, got 'tensor<?x3x8x8xf32>' and 'tensor<?x2x4x4xf32>' (pool_c2)}}
  %x = spiking.sum_pool_gradient %g {kernel = array<i64: 2, 2>} : (tensor<?x2x4x4xf32>) -> tensor<?x3x8x8xf32>
  return
}

// -----

func.func @pool_c2_leading(%x: tensor<?x2x8x8xf32>, %g: tensor<6x2x4x4xf32>) {
  // expected-error@below {{'spiking.max_pool_gradient' op expected the same channels and leading dimensions, got 'tensor<?x2x8x8xf32>' and 'tensor<6x2x4x4xf32>' (pool_c2)}}
  %d = spiking.max_pool_gradient %x, %g {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xf32>, tensor<6x2x4x4xf32>) -> tensor<?x2x8x8xf32>
  return
}

// -----

func.func @avg_pool_c1(%x: tensor<?x2x8x8xf32>) {
  // expected-error@below {{'spiking.avg_pool' op expected an input of spikes, counts or 'f64', got 'f32' (avg_pool_c1)}}
  %y = spiking.avg_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xf32>) -> tensor<?x2x4x4xf64>
  return
}

// -----

func.func @sum_pool_c1(%x: tensor<?x2x24x24xi1>) {
  // expected-error@below {{'spiking.sum_pool' op expected a float result, or i8 for spikes under at most 127 window elements; got 'i8' for 'i1' under [12, 12] (sum_pool_c1)}}
  %y = spiking.sum_pool %x {kernel = array<i64: 12, 12>} : (tensor<?x2x24x24xi1>) -> tensor<?x2x2x2xi8>
  return
}

// -----

func.func @sum_pool_c1_counts(%x: tensor<?x2x8x8xi8>) {
  // expected-error@below {{'spiking.sum_pool' op expected a float result, or i8 for spikes under at most 127 window elements; got 'i8' for 'i8' under [2, 2] (sum_pool_c1)}}
  %y = spiking.sum_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xi8>) -> tensor<?x2x4x4xi8>
  return
}

// -----

func.func @sum_pool_c1_binary(%x: tensor<?x2x8x8xi1>) {
  // expected-error@below {{'spiking.sum_pool' op expected a float result, or i8 for spikes under at most 127 window elements; got 'i1' for 'i1' under [2, 2] (sum_pool_c1)}}
  %y = spiking.sum_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xi1>) -> tensor<?x2x4x4xi1>
  return
}

// -----

func.func @sum_pool_c1_float(%x: tensor<?x2x8x8xf32>) {
  // expected-error@below {{'spiking.sum_pool' op expected an input of spikes, counts or 'f64', got 'f32' (sum_pool_c1)}}
  %y = spiking.sum_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xf32>) -> tensor<?x2x4x4xf64>
  return
}

// -----

func.func @max_pool_c1(%x: tensor<?x2x8x8xi1>) {
  // expected-error@below {{'spiking.max_pool' op expected a result of 'i1', got 'f32' (max_pool_c1)}}
  %y = spiking.max_pool %x {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xi1>) -> tensor<?x2x4x4xf32>
  return
}

// -----

func.func @sum_pool_gradient_c1(%g: tensor<?x2x4x4xf32>) {
  // expected-error@below {{'spiking.sum_pool_gradient' op expected a result of 'f32', got 'f64' (sum_pool_gradient_c1)}}
  %x = spiking.sum_pool_gradient %g {kernel = array<i64: 2, 2>} : (tensor<?x2x4x4xf32>) -> tensor<?x2x8x8xf64>
  return
}

// -----

func.func @max_pool_gradient_c1(%x: tensor<?x2x8x8xi1>, %g: tensor<?x2x4x4xf32>) {
  // expected-error@below {{'spiking.max_pool_gradient' op expected a result of type 'tensor<?x2x8x8xf32>', got 'tensor<?x2x8x9xf32>' (max_pool_gradient_c1)}}
  %d = spiking.max_pool_gradient %x, %g {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xi1>, tensor<?x2x4x4xf32>) -> tensor<?x2x8x9xf32>
  return
}

// -----

func.func @max_pool_gradient_c1_input(%x: tensor<?x2x8x8xf64>, %g: tensor<?x2x4x4xf32>) {
  // expected-error@below {{'spiking.max_pool_gradient' op expected an input of spikes, counts or 'f32', got 'f64' (max_pool_gradient_c1)}}
  %d = spiking.max_pool_gradient %x, %g {kernel = array<i64: 2, 2>} : (tensor<?x2x8x8xf64>, tensor<?x2x4x4xf32>) -> tensor<?x2x8x8xf32>
  return
}

// -----

func.func @batch_norm_c1(%x: tensor<?x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected a channel dimension from -2 to -1, counted from the end, for 'tensor<?x3xf32>', got -3 (batch_norm_c1)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {channel_dim = -3} : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c1_positive(%x: tensor<?x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected a channel dimension from -2 to -1, counted from the end, for 'tensor<?x3xf32>', got 1 (batch_norm_c1)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {channel_dim = 1} : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c1_time(%x: tensor<3x?xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected a channel dimension from -1 to -1, counted from the end, for a sequence of type 'tensor<3x?xf32>', got -2 (batch_norm_c1)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {channel_dim = -2, sequence = true} : (tensor<3x?xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<3x?xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c1_dynamic(%x: tensor<4x?xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected a static number of channels in dimension 1, got 'tensor<4x?xf32>' (batch_norm_c1)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) : (tensor<4x?xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<4x?xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c2(%x: tensor<?x3xf32>, %c: tensor<3xf32>, %d: tensor<4xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected [3] for 3 channels, got 'tensor<4xf32>' (batch_norm_c2)}}
  %y:5 = spiking.batch_norm %x scale(%d) shift(%c) running(%c, %c) : (tensor<?x3xf32>, tensor<4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c3(%x: tensor<?x8x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected [?, 3] for 3 channels, got 'tensor<3xf32>' (batch_norm_c3)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {sequence = true} : (tensor<?x8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c3_inference(%x: tensor<?x8x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op expected [3] for 3 channels, got 'tensor<?x3xf32>' (batch_norm_c3)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {sequence = true, mode = #spiking.mode<inference>} : (tensor<?x8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<?x3xf32>, tensor<?x3xf32>)
  return
}

// -----

func.func @batch_norm_c4(%T: index, %x: tensor<?x8x3xf32>, %c: tensor<3xf32>) {
  spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x8x3xf32>) {
    // expected-error@below {{'spiking.batch_norm' op merged statistics range over all time steps, but inside a time_loop there is one at a time (batch_norm_c4)}}
    %y:5 = spiking.batch_norm %x_t scale(%c) shift(%c) running(%c, %c) {statistics = #spiking.statistics<merged>} : (tensor<8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
    spiking.yield
  }
  return
}

// -----

func.func @batch_norm_c5(%x: tensor<?x3xf32>, %c: tensor<3xf32>, %d: tensor<3xf64>) {
  // expected-error@below {{'spiking.batch_norm' op expected 'f32', the input's element type, got 'tensor<3xf64>' (batch_norm_c5)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%d) running(%c, %c) : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf64>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c5_gradient(%x: tensor<?x3xf32>, %g: tensor<8x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm_gradient' op expected a value like the input of type 'tensor<?x3xf32>', got 'tensor<8x3xf32>' (batch_norm_c5)}}
  %y:3 = spiking.batch_norm_gradient %x, %g scale(%c) saved(%c, %c) : (tensor<?x3xf32>, tensor<8x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c6(%x: tensor<?x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op epsilon must be positive, got 0.0 (batch_norm_c6)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {epsilon = 0.0 : f64} : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c6_momentum(%x: tensor<?x3xf32>, %c: tensor<3xf32>) {
  // expected-error@below {{'spiking.batch_norm' op momentum must be between 0 and 1, got 1.5 (batch_norm_c6)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) {momentum = 1.5 : f64} : (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<?x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @batch_norm_c7(%x: tensor<2x4x3xf32>, %c: tensor<3xf32>, %T: index) {
  // expected-error@below {{'spiking.batch_norm' op a sequence has all steps, and does not stand for 'times' of them (batch_norm_c7)}}
  %y:5 = spiking.batch_norm %x scale(%c) shift(%c) running(%c, %c) times(%T) {sequence = true, statistics = #spiking.statistics<merged>} : (tensor<2x4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, index) -> (tensor<2x4x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @dropout_c1(%x: tensor<?x3xf32>, %seed: tensor<i64>) {
  // expected-error@below {{'spiking.dropout' op p must be at least 0 and less than 1, got 1.0 (dropout_c1)}}
  %y = spiking.dropout %x seed(%seed) {p = 1.0, id = 0} : (tensor<?x3xf32>, tensor<i64>) -> tensor<?x3xf32>
  return
}

// -----

func.func @dropout_c1_nan(%x: tensor<?x3xf32>, %seed: tensor<i64>) {
  // expected-error@below {{'spiking.dropout' op p must be at least 0 and less than 1, got nan (dropout_c1)}}
  %y = spiking.dropout %x seed(%seed) {p = 0x7FF8000000000000 : f64, id = 0} : (tensor<?x3xf32>, tensor<i64>) -> tensor<?x3xf32>
  return
}

// -----

func.func @dropout_c2(%x: tensor<?x4x3xf32>, %seed: tensor<i64>, %t: index) {
  // expected-error@below {{'spiking.dropout' op a sequence has all steps, and takes no step operand (dropout_c2)}}
  %y = spiking.dropout %x seed(%seed) step(%t) {p = 0.5, id = 0, sequence = true} : (tensor<?x4x3xf32>, tensor<i64>, index) -> tensor<?x4x3xf32>
  return
}

// -----

func.func @dropout_c3(%x: tensor<?x3xf32>, %seed: tensor<i64>) {
  // expected-error@below {{'spiking.dropout' op expected a result of type 'tensor<?x3xf32>', got 'tensor<?x4xf32>' (dropout_c3)}}
  %y = spiking.dropout %x seed(%seed) {p = 0.5, id = 0} : (tensor<?x3xf32>, tensor<i64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @dropout_c3_rank(%x: tensor<?xf32>, %seed: tensor<i64>) {
  // expected-error@below {{'spiking.dropout' op expected an input [T, B, ...], got 'tensor<?xf32>' (dropout_c3)}}
  %y = spiking.dropout %x seed(%seed) {p = 0.5, id = 0, sequence = true} : (tensor<?xf32>, tensor<i64>) -> tensor<?xf32>
  return
}

// -----

func.func @dropout_c3_seed(%x: tensor<?x3xf32>, %seed: tensor<1xi64>) {
  // expected-error@below {{'spiking.dropout' op expected a seed of type tensor<i64>, got 'tensor<1xi64>' (dropout_c3)}}
  %y = spiking.dropout %x seed(%seed) {p = 0.5, id = 0} : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x3xf32>
  return
}

// -----

func.func @flatten_c1(%x: tensor<?x3x4xf32>) {
  // expected-error@below {{'spiking.flatten' op expected dims from 2 to the rank of 'tensor<?x3x4xf32>', got 4 (flatten_c1)}}
  %y = spiking.flatten %x {dims = 4} : (tensor<?x3x4xf32>) -> tensor<12xf32>
  return
}

// -----

func.func @flatten_c1_dynamic(%x: tensor<?x3x4xf32>) {
  // expected-error@below {{'spiking.flatten' op expected the last 3 dimensions to be static, got 'tensor<?x3x4xf32>' (flatten_c1)}}
  %y = spiking.flatten %x {dims = 3} : (tensor<?x3x4xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @flatten_c2(%x: tensor<?x3x4xi1>) {
  // expected-error@below {{'spiking.flatten' op expected a result of type 'tensor<?x12xi1>', got 'tensor<?x7xi1>' (flatten_c2)}}
  %y = spiking.flatten %x {dims = 2} : (tensor<?x3x4xi1>) -> tensor<?x7xi1>
  return
}

// -----

func.func @unflatten_c1(%x: tensor<?x12xi1>) {
  // expected-error@below {{'spiking.unflatten' op expected an input of type 'tensor<?x15xi1>', got 'tensor<?x12xi1>' (unflatten_c1)}}
  %y = spiking.unflatten %x {dims = 2} : (tensor<?x12xi1>) -> tensor<?x3x5xi1>
  return
}

// -----

func.func @unflatten_c1_dims(%x: tensor<?x12xi1>) {
  // expected-error@below {{'spiking.unflatten' op expected dims from 2 to the rank of 'tensor<?x12xi1>', got 1 (unflatten_c1)}}
  %y = spiking.unflatten %x {dims = 1} : (tensor<?x12xi1>) -> tensor<?x12xi1>
  return
}

// -----

func.func @unflatten_c1_dynamic(%x: tensor<?x12xi1>) {
  // expected-error@below {{'spiking.unflatten' op expected the result's last 2 dimensions to be static, got 'tensor<?x?x4xi1>' (unflatten_c1)}}
  %y = spiking.unflatten %x {dims = 2} : (tensor<?x12xi1>) -> tensor<?x?x4xi1>
  return
}

// -----

func.func @transpose_c1(%x: tensor<?x3x4xf32>) {
  // expected-error@below {{'spiking.transpose' op expected a permutation of at most 3 dimensions, got [0, 0] (transpose_c1)}}
  %y = spiking.transpose %x {permutation = array<i64: 0, 0>} : (tensor<?x3x4xf32>) -> tensor<?x4x3xf32>
  return
}

// -----

func.func @transpose_c1_rank(%x: tensor<3xf32>) {
  // expected-error@below {{'spiking.transpose' op expected a permutation of at most 1 dimensions, got [1, 0] (transpose_c1)}}
  %y = spiking.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @transpose_c2(%x: tensor<?x3x4xf32>) {
  // expected-error@below {{'spiking.transpose' op expected a result of type 'tensor<?x4x3xf32>', got 'tensor<?x3x4xf32>' (transpose_c2)}}
  %y = spiking.transpose %x {permutation = array<i64: 1, 0>} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  return
}

// -----

func.func @add_c1(%a: tensor<?x3xf32>, %b: tensor<?x4xf32>) {
  // expected-error@below {{'spiking.add' op expected operands and result of the same shape, got 'tensor<?x3xf32>', 'tensor<?x4xf32>' and 'tensor<?x3xf32>' (add_c1)}}
  %y = spiking.add %a, %b : (tensor<?x3xf32>, tensor<?x4xf32>) -> tensor<?x3xf32>
  return
}

// -----

func.func @add_c2(%a: tensor<?x3xf32>, %b: tensor<?x3xi1>) {
  // expected-error@below {{'spiking.add' op expected a result of 'f32', got 'f64' (add_c2)}}
  %y = spiking.add %a, %b : (tensor<?x3xf32>, tensor<?x3xi1>) -> tensor<?x3xf64>
  return
}

// -----

func.func @add_c2_counts(%a: tensor<?x3xi8>, %b: tensor<?x3xi1>) {
  // expected-error@below {{'spiking.add' op expected a float result, or i8 for two binary operands; got 'i8' for 'i8' and 'i1' (add_c2)}}
  %y = spiking.add %a, %b : (tensor<?x3xi8>, tensor<?x3xi1>) -> tensor<?x3xi8>
  return
}

// -----

func.func @add_c2_binary(%a: tensor<?x3xi1>, %b: tensor<?x3xi1>) {
  // expected-error@below {{'spiking.add' op expected a float result, or i8 for two binary operands; got 'i1' for 'i1' and 'i1' (add_c2)}}
  %y = spiking.add %a, %b : (tensor<?x3xi1>, tensor<?x3xi1>) -> tensor<?x3xi1>
  return
}

// -----

func.func @delay_c1(%x: tensor<?x3xi1>) {
  // expected-error@below {{'spiking.delay' op expected a result of type 'tensor<?x3xi1>', got 'tensor<?x4xi1>' (delay_c1)}}
  %y = spiking.delay %x {steps = 1} : (tensor<?x3xi1>) -> tensor<?x4xi1>
  return
}

// -----

func.func @delay_c1_scalar(%x: tensor<i1>) {
  // expected-error@below {{'spiking.delay' op expected a sequence with a leading time dimension, got 'tensor<i1>' (delay_c1)}}
  %y = spiking.delay %x {steps = 1} : (tensor<i1>) -> tensor<i1>
  return
}

// -----

func.func @delay_c2(%T: index, %x: tensor<?x8x3xf32>) {
  spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x8x3xf32>) {
    // expected-error@below {{'spiking.delay' op inside a time_loop there is no sequence to delay: delay the one that enters the loop (delay_c2)}}
    %y = spiking.delay %x_t {steps = 1} : (tensor<8x3xf32>) -> tensor<8x3xf32>
    spiking.yield
  }
  return
}
