// RUN: snn-opt %s --pass-pipeline="builtin.module(func.func(fold-product-starts))" | FileCheck %s

#rows = affine_map<(m, n, k) -> (m, k)>
#columns = affine_map<(m, n, k) -> (k, n)>
#output = affine_map<(m, n, k) -> (m, n)>
#identity = affine_map<(m, n) -> (m, n)>
#bias = affine_map<(m, n) -> (n)>
#row = affine_map<(m, n) -> (m)>
#traits = {indexing_maps = [#rows, #columns, #output], iterator_types = ["parallel", "parallel", "reduction"]}
#copies = {indexing_maps = [#bias, #identity], iterator_types = ["parallel", "parallel"]}
#copiesRows = {indexing_maps = [#row, #identity], iterator_types = ["parallel", "parallel"]}

// CHECK-LABEL: func @filled
// CHECK-NOT: linalg.fill
// CHECK: linalg.generic
// CHECK: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %[[OUT:.*]]: f32):
// CHECK: %[[K:.*]] = linalg.index 2
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[K]], %
// CHECK: %[[ACC:.*]] = arith.select %[[FIRST]], %{{.*}}, %[[OUT]]
// CHECK: math.fma %{{.*}}, %{{.*}}, %[[ACC]]
func.func @filled(%a: memref<?x8xf32>, %b: memref<8x16xf32>, %c: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  linalg.generic #traits ins(%a, %b : memref<?x8xf32>, memref<8x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %w: f32, %acc: f32):
    %next = math.fma %x, %w, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// A bias of each column; what is between does not touch the output.
// CHECK-LABEL: func @biased
// CHECK-SAME: %[[BIAS:[^:, ]+]]: memref<16xf32>
// CHECK-COUNT-1: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %{{.*}}, %[[BIAS]] :
// CHECK: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %[[START:.*]]: f32, %[[OUT:.*]]: f32):
// CHECK: arith.select %{{.*}}, %[[START]], %[[OUT]]
// CHECK-NOT: linalg.generic
func.func @biased(%a: memref<?x8xf32>, %b: memref<8x16xf32>, %bias: memref<16xf32>, %n: index) -> memref<?x16xf32> {
  %zero = arith.constant 0.0 : f32
  %c = memref.alloc(%n) : memref<?x16xf32>
  linalg.generic #copies ins(%bias : memref<16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %acc: f32):
    linalg.yield %x : f32
  }
  linalg.fill ins(%zero : f32) outs(%a : memref<?x8xf32>)
  linalg.generic #traits ins(%a, %b : memref<?x8xf32>, memref<8x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %w: f32, %acc: f32):
    %next = math.fma %x, %w, %acc : f32
    linalg.yield %next : f32
  }
  return %c : memref<?x16xf32>
}

// The bias is another one when the product begins.
// CHECK-LABEL: func @bias_changes
// CHECK: linalg.generic
// CHECK: linalg.fill
// CHECK: linalg.generic
func.func @bias_changes(%a: memref<?x8xf32>, %b: memref<8x16xf32>, %bias: memref<16xf32>, %c: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.generic #copies ins(%bias : memref<16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %acc: f32):
    linalg.yield %x : f32
  }
  linalg.fill ins(%zero : f32) outs(%bias : memref<16xf32>)
  linalg.generic #traits ins(%a, %b : memref<?x8xf32>, memref<8x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %w: f32, %acc: f32):
    %next = math.fma %x, %w, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// Something else reads the filled buffer.
// CHECK-LABEL: func @read_between
// CHECK: linalg.fill
// CHECK: memref.copy
// CHECK-NOT: linalg.index
func.func @read_between(%a: memref<?x8xf32>, %b: memref<8x16xf32>, %c: memref<?x16xf32>, %d: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  memref.copy %c, %d : memref<?x16xf32> to memref<?x16xf32>
  linalg.generic #traits ins(%a, %b : memref<?x8xf32>, memref<8x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %w: f32, %acc: f32):
    %next = math.fma %x, %w, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// A chain may have no step: nothing would start it.
// CHECK-LABEL: func @no_steps
// CHECK: linalg.fill
// CHECK-NOT: linalg.index
func.func @no_steps(%a: memref<?x?xf32>, %b: memref<?x16xf32>, %c: memref<?x16xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%c : memref<?x16xf32>)
  linalg.generic #traits ins(%a, %b : memref<?x?xf32>, memref<?x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %w: f32, %acc: f32):
    %next = math.fma %x, %w, %acc : f32
    linalg.yield %next : f32
  }
  return
}

// A start for each row.
// CHECK-LABEL: func @starts_of_rows
// CHECK: linalg.yield
// CHECK-NOT: linalg.index
func.func @starts_of_rows(%a: memref<?x8xf32>, %b: memref<8x16xf32>, %start: memref<?xf32>, %c: memref<?x16xf32>) {
  linalg.generic #copiesRows ins(%start : memref<?xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %acc: f32):
    linalg.yield %x : f32
  }
  linalg.generic #traits ins(%a, %b : memref<?x8xf32>, memref<8x16xf32>) outs(%c : memref<?x16xf32>) {
  ^bb0(%x: f32, %w: f32, %acc: f32):
    %next = math.fma %x, %w, %acc : f32
    linalg.yield %next : f32
  }
  return
}
