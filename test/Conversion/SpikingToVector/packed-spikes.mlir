// RUN: snn-opt %s --convert-spiking-scan-to-loops=vector-width=16 --convert-products-to-vector="vector-bits=512 threads=false force-kernel=dense" --convert-linalg-to-vector=vector-width=16 --canonicalize --cse --split-input-file | FileCheck %s
// RUN: snn-opt %s --convert-spiking-scan-to-loops=vector-width=32 --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=WIDE
// RUN: snn-opt %s --convert-products-to-vector="vector-bits=512 threads=false force-kernel=selective" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=SELECT
// RUN: snn-opt %s --convert-products-to-vector="threads=false" --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=AUTO

// A scan compares vectors, and stores what they give as bytes.
// CHECK-LABEL: func.func @scan(
// CHECK:         %[[BYTES:.*]] = memref.view %{{.*}} : memref<?xi8> to memref<?xi8>
// CHECK:         %[[FIRE:.*]] = arith.cmpf oge, %{{.*}} : vector<16xf32>
// CHECK:         %[[PACKED:.*]] = vector.bitcast %[[FIRE]] : vector<16xi1> to vector<2xi8>
// CHECK:         %[[BYTE:.*]] = arith.divui %{{.*}}, %c8
// CHECK:         vector.store %[[PACKED]], %[[BYTES]][%[[BYTE]]] : memref<?xi8>, vector<2xi8>
// CHECK-NOT:     memref<?x32xi1>
func.func @scan(%arena: memref<?xi8>, %offset: index, %steps: index, %x: memref<?x32xf32>, %v: memref<32xf32>) {
  %s = memref.view %arena[%offset][%steps] : memref<?xi8> to memref<?x32xi1>
  spiking.scan forward ins(%i = %x : memref<?x32xf32>) outs(%s : memref<?x32xi1>) states(%m = %v : memref<32xf32>) {
    %u = arith.addf %m, %i : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%u : f32)
  }
  return
}

// -----

// Where the last vector is masked, its bytes are stored one by one, and beyond the last one nothing is.
// WIDE-LABEL: func.func @tail(
// WIDE:         vector.store %{{.*}} : memref<?xi8>, vector<4xi8>
// WIDE:         %[[MASK:.*]] = vector.create_mask %{{.*}} : vector<32xi1>
// WIDE:         %[[PACKED:.*]] = vector.bitcast %{{.*}} : vector<32xi1> to vector<4xi8>
// WIDE:         %[[EXISTS:.*]] = vector.extract %[[MASK]][24] : i1 from vector<32xi1>
// WIDE:         scf.if %[[EXISTS]]
// WIDE:           vector.extract %[[PACKED]][3] : i8 from vector<4xi8>
// WIDE:           memref.store %{{.*}} : memref<?xi8>
func.func @tail(%arena: memref<?xi8>, %offset: index, %steps: index, %n: index, %x: memref<?x?x24xf32>, %v: memref<?x24xf32>) {
  %s = memref.view %arena[%offset][%steps, %n] : memref<?xi8> to memref<?x?x24xi1>
  spiking.scan forward ins(%i = %x : memref<?x?x24xf32>) outs(%s : memref<?x?x24xi1>) states(%m = %v : memref<?x24xf32>) {
    %u = arith.addf %m, %i : f32
    %f = spiking.fire %u {surrogate = #spiking.atan} : f32 -> i1
    spiking.yield %f : i1 next(%u : f32)
  }
  return
}

// -----

// A backward scan reads them.
// CHECK-LABEL: func.func @backward(
// CHECK:         %[[BYTES:.*]] = vector.load %{{.*}} : memref<?xi8>, vector<2xi8>
// CHECK:         %[[SPREAD:.*]] = vector.shuffle %[[BYTES]], %[[BYTES]] [0, 0, 0, 0, 0, 0, 0, 0, 1, {{.*}}] : vector<2xi8>, vector<2xi8>
// CHECK:         %[[BITS:.*]] = arith.andi %[[SPREAD]], %{{.*}} : vector<16xi8>
// CHECK:         %[[FLAGS:.*]] = arith.cmpi ne, %[[BITS]], %{{.*}} : vector<16xi8>
// CHECK:         arith.select %[[FLAGS]], %{{.*}} : vector<16xi1>, vector<16xf32>
// WIDE-LABEL: func.func @backward(
// WIDE:         vector.load %{{.*}} : memref<?xi8>, vector<4xi8>
// WIDE:         %[[FLAGS:.*]] = vector.bitcast %{{.*}} : vector<1xi32> to vector<32xi1>
// WIDE:         arith.select %[[FLAGS]], %{{.*}} : vector<32xi1>, vector<32xf32>
func.func @backward(%arena: memref<?xi8>, %offset: index, %steps: index, %g: memref<?x32xf32>, %y: memref<?x32xf32>, %v: memref<32xf32>) {
  %s = memref.view %arena[%offset][%steps] : memref<?xi8> to memref<?x32xi1>
  %zero = arith.constant 0.0 : f32
  spiking.scan reverse ins(%i = %g : memref<?x32xf32>, %f = %s : memref<?x32xi1>) outs(%y : memref<?x32xf32>) states(%m = %v : memref<32xf32>) {
    %u = arith.addf %m, %i : f32
    %k = arith.select %f, %zero, %u : f32
    spiking.yield %k : f32 next(%k : f32)
  }
  return
}

// -----

// A pool, in vectors of bits.
// CHECK-LABEL: func.func @pool(
// CHECK-COUNT-2: vector.load %{{.*}} : memref<?xi8>, vector<2xi8>
// CHECK:         %[[OR:.*]] = arith.ori %{{.*}} : vector<16xi1>
// CHECK:         vector.bitcast %[[OR]] : vector<16xi1> to vector<2xi8>
// CHECK:         vector.store %{{.*}} : memref<?xi8>, vector<2xi8>
#map = affine_map<(b, w, c) -> (b, w, c)>
func.func @pool(%arena: memref<?xi8>, %offset: index, %n: index) {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?x8x16xi1>
  %p = memref.view %arena[%offset][%n] : memref<?xi8> to memref<?x4x16xi1>
  %even = memref.subview %s[0, 0, 0] [%n, 4, 16] [1, 2, 1] : memref<?x8x16xi1> to memref<?x4x16xi1, strided<[128, 32, 1]>>
  %odd = memref.subview %s[0, 1, 0] [%n, 4, 16] [1, 2, 1] : memref<?x8x16xi1> to memref<?x4x16xi1, strided<[128, 32, 1], offset: 16>>
  linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%even, %odd : memref<?x4x16xi1, strided<[128, 32, 1]>>, memref<?x4x16xi1, strided<[128, 32, 1], offset: 16>>)
      outs(%p : memref<?x4x16xi1>) {
  ^bb0(%a: i1, %b: i1, %o: i1):
    %or = arith.ori %a, %b : i1
    linalg.yield %or : i1
  }
  return
}

// -----

// What is only moved is moved as bytes; zeros are.
// CHECK-LABEL: func.func @move(
// CHECK:         %[[ZERO:.*]] = arith.constant dense<0> : vector<16xi8>
// CHECK:         vector.store %[[ZERO]], %{{.*}} : memref<?xi8>, vector<16xi8>
// CHECK:         %[[MOVED:.*]] = vector.load %{{.*}} : memref<{{.*}}i8{{.*}}>, vector<16xi8>
// CHECK:         vector.store %[[MOVED]]
func.func @move(%arena: memref<?xi8>, %offset: index, %n: index) {
  %c0 = arith.constant 0 : index
  %false = arith.constant false
  %s = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?x8x32xi1>
  %p = memref.view %arena[%offset][%n] : memref<?xi8> to memref<?x16x32xi1>
  linalg.map outs(%p : memref<?x16x32xi1>)
    (%init: i1) {
      linalg.yield %false : i1
    }
  %inner = memref.subview %p[0, 1, 0] [%n, 8, 32] [1, 1, 1] : memref<?x16x32xi1> to memref<?x8x32xi1, strided<[512, 32, 1], offset: 32>>
  memref.copy %s, %inner : memref<?x8x32xi1> to memref<?x8x32xi1, strided<[512, 32, 1], offset: 32>>
  return
}

// -----

// Counted 64 at a time.
// CHECK-LABEL: func.func @count(
// CHECK:         scf.for {{.*}} step %c64
// CHECK:           vector.load %{{.*}} : memref<?xi8>, vector<8xi8>
// CHECK:           math.ctpop %{{.*}} : i64
// CHECK:         arith.andi
// CHECK:         math.ctpop %{{.*}} : i64
func.func @count(%arena: memref<?xi8>, %n: index, %sum: memref<i32>) {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?x24xi1>
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%s : memref<?x24xi1>) outs(%sum : memref<i32>) {
  ^bb0(%a: i1, %o: i32):
    %number = arith.extui %a : i1 to i32
    %next = arith.addi %o, %number : i32
    linalg.yield %next : i32
  }
  return
}

// -----

// Packing chooses between 0 and 1; rows are added where a word has a bit; the program measures bits.
// CHECK-LABEL: func.func @product(
// CHECK:         vector.load %{{.*}} : memref<?xi8>, vector<2xi8>
// CHECK:         arith.select %{{.*}} : vector<16xi1>, vector<16xf32>
// CHECK:         math.fma
// SELECT-LABEL: func.func @product(
// SELECT:         vector.load %{{.*}} : memref<?xi8>, vector<8xi8>
// SELECT:         math.ctpop
// SELECT:         math.cttz
// SELECT:         arith.addf %{{.*}} : vector<16xf32>
// AUTO-LABEL: func.func @product(
// AUTO:         call @rheobase_rt_begin_packed_kernel(
// AUTO:         call @rheobase_rt_end_kernel(
#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (k, n)>
#y = affine_map<(m, n, k) -> (m, n)>
func.func @product(%arena: memref<?xi8>, %n: index, %weights: memref<256x32xf32>, %c: memref<?x32xf32>) {
  %c0 = arith.constant 0 : index
  %s = memref.view %arena[%c0][%n] : memref<?xi8> to memref<?x256xi1>
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%s, %weights : memref<?x256xi1>, memref<256x32xf32>) outs(%c : memref<?x32xf32>) {
  ^bb0(%a: i1, %b: f32, %o: f32):
    %number = arith.uitofp %a : i1 to f32
    %p = math.fma %number, %b, %o : f32
    linalg.yield %p : f32
  }
  return
}
