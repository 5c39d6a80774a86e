// RUN: snn-opt %s -split-input-file -verify-diagnostics

func.func @kernel_c1(%x: tensor<8xf32>) {
  // expected-error@below {{'spiking.kernel' op expected body arguments of types ('tensor<8xf32>'), got ('tensor<9xf32>') (kernel_c1)}}
  "spiking.kernel"(%x) <{implementation = "loops"}> ({
  ^bb0(%y: tensor<9xf32>):
    spiking.yield
  }) : (tensor<8xf32>) -> ()
  return
}

// -----

func.func @kernel_c2(%x: tensor<8xf32>) {
  %r = spiking.kernel "loops" (%y = %x : tensor<8xf32>) -> (tensor<9xf32>) {
    // expected-error@below {{'spiking.yield' op expected results of types ('tensor<9xf32>'), got ('tensor<8xf32>') (kernel_c2)}}
    spiking.yield %y : tensor<8xf32>
  }
  return
}

// -----

func.func @kernel_c2_states(%x: tensor<8xf32>) {
  spiking.kernel "loops" (%y = %x : tensor<8xf32>) {
    // expected-error@below {{'spiking.yield' op a kernel has neither states nor accumulators (kernel_c2)}}
    spiking.yield next(%y : tensor<8xf32>)
  }
  return
}

// -----

func.func @pack_c1(%s: tensor<?x40xi1>) {
  // expected-error@below {{'spiking.pack' op expected one word for 32 of a static number of channels, got 'tensor<?x40xi1>' and 'tensor<?x1xi32>' (pack_c1)}}
  %w = spiking.pack %s : (tensor<?x40xi1>) -> tensor<?x1xi32>
  return
}

// -----

func.func @pack_c1_dynamic(%s: tensor<4x?xi1>) {
  // expected-error@below {{'spiking.pack' op expected one word for 32 of a static number of channels, got 'tensor<4x?xi1>' and 'tensor<4x?xi32>' (pack_c1)}}
  %w = spiking.pack %s : (tensor<4x?xi1>) -> tensor<4x?xi32>
  return
}

// -----

func.func @pack_c1_scalar(%s: tensor<i1>) {
  // expected-error@below {{'spiking.pack' op expected one word for 32 of a static number of channels, got 'tensor<i1>' and 'tensor<i32>' (pack_c1)}}
  %w = spiking.pack %s : (tensor<i1>) -> tensor<i32>
  return
}

// -----

func.func @unpack_c1(%w: tensor<?x2xi32>) {
  // expected-error@below {{'spiking.unpack' op expected one word for 32 of a static number of channels, got 'tensor<?x65xi1>' and 'tensor<?x2xi32>' (unpack_c1)}}
  %s = spiking.unpack %w : (tensor<?x2xi32>) -> tensor<?x65xi1>
  return
}
