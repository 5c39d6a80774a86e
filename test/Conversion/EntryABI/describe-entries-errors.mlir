// RUN: snn-opt %s --spiking-describe-entries --split-input-file --verify-diagnostics

// expected-error@below {{'func.func' op argument 0 of an entry point must be a tensor of i1, i8, i32, i64, f16, bf16, f32 or f64, or an index, got 'f32'}}
func.func @scalar(%x: f32) {
  return
}

// -----

// expected-error@below {{'func.func' op argument 0 has rank 2, but spiking.dims has 1 entries}}
func.func @dims(%x: tensor<?x4xf32> {spiking.dims = ["B"]}) {
  return
}

// -----

// expected-error@below {{'func.func' op argument 1 of an entry point has rank 9, expected at most 8}}
func.func @rank(%x: tensor<1xf32>, %y: tensor<1x1x1x1x1x1x1x1x1xf32>) -> (tensor<1x1x1x1x1x1x1x1x1xf32>) {
  return %y : tensor<1x1x1x1x1x1x1x1x1xf32>
}
