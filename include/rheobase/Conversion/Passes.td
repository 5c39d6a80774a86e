//===- Passes.td - Conversions between levels -------------*- tablegen -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef RHEOBASE_CONVERSION_PASSES_TD
#define RHEOBASE_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Tensors: the spiking dialect to linalg
//===----------------------------------------------------------------------===//

def ConvertSpikingToLinalgPass : Pass<"convert-spiking-to-linalg"> {
  let summary = "lower every operation but scans to linalg, tensor and scf";
  let description = [{
    From level L1 or L2 to L3. Kernels are inlined, time loops become `scf.for`; products, convolutions, sums and losses
    become `linalg.generic` whose reduction loops are the chains of docs/Semantics.md, in this order; T and B stay separate loops.
    With `samples-per-block`, blocks of samples take all steps of a time loop in parallel where samples do not meet in it; products and scans that only
    the loop reads are computed for a block, too. Layers outside time
    loops whose currents only they use (in inference: products, scans, pools, and what is between them) share a loop over such blocks, too: no current of
    all samples and steps exists. Threads take shares of the samples; at run time a share is a block, as many samples as the second-level cache has room
    for, or, where there are few samples or all their currents fit into the caches, everything: then the operations in it use the threads
    (`rheobase.threads_inside`).
    In a training step currents are kept, but what a convolution, a normalization, a neuron, a pool and their gradients hand on stays in the cache of a
    block: such operations share loops wherever at least 8 KiB of a sample and step go from one to the next. First stages of the sums of batch normalization,
    which are about single samples, and of spike rates belong to them; their second stages and the gradients of weights, which sum over samples in the order of
    docs/Semantics.md, begin after the loop. Linear layers have few rows in a block, and weights of more than 256 KiB are not read for each block: such products
    stay apart, and a remark says so.
    What is elementwise becomes a `spiking.scan` of one step; scans stay. Every dimension may be dynamic.

    ```mlir
    %y = spiking.linear %x, %w : (tensor<?x?x784xi1>, tensor<784x128xf32>) -> tensor<?x?x128xf32>
    // becomes
    %y = linalg.generic {indexing_maps = [(t, b, n, k) -> (t, b, k), (t, b, n, k) -> (k, n), (t, b, n, k) -> (t, b, n)],
                         iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%x, %w) outs(%zero) {
    ^bb0(%s: i1, %f: f32, %acc: f32):
      %number = arith.uitofp %s : i1 to f32
      %next = math.fma %number, %f, %acc : f32
      linalg.yield %next : f32
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
  let options = [Option<"samplesPerBlock", "samples-per-block", "int64_t",
                        /*default=*/"0",
                        "samples, at most, that take all steps before others "
                        "do; 0: all samples take a step together">,
                 Option<"threads", "threads", "bool", /*default=*/"true",
                        "whether there is more than one thread">];
}

//===----------------------------------------------------------------------===//
// Buffers to loops over vectors
//===----------------------------------------------------------------------===//

def ExpandMathPass : Pass<"expand-math"> {
  let summary = "expand mathematical functions in the reference arithmetic";
  let description = [{
    In f32 (f16, bf16) each function of the math dialect becomes MLIR's
    expansion or polynomial, basic operations and fused multiply-adds, for
    scalars and vectors alike; correctly rounded ones (`sqrt`, `fma`, `floor`,
    ...) stay. In f64 they stay too, as calls of the C library. Nothing is folded:
    folders compute with the C library in every type. So the pipelines run this
    pass with `constants` before they canonicalize: then it expands only what a
    folder could get hold of, functions of what is computed from constants;
    those of tensors become a `spiking.scan step` first.

    ```mlir
    %y = math.exp2 %x : f32
    // becomes
    %z = arith.mulf %x, %ln2 : f32
    %k = math.floor %... : f32
    %r = math.fma %k, %c, %z : f32
    ...
    ```
  }];
  let options = [
    Option<"constants", "constants", "bool", "false", "expand only functions of constants">];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect",
    "::mlir::vector::VectorDialect", "::rheobase::spiking::SpikingDialect"];
}

def ConvertSpikingScanToLoopsPass : Pass<"convert-spiking-scan-to-loops", "::mlir::func::FuncOp"> {
  let summary = "lower scans on buffers to loops over vectors of neurons";
  let description = [{
    Each `spiking.scan` on memrefs becomes a parallel loop over shares of the
    neurons. A thread takes its neurons in blocks through all time steps, so
    that their states stay in the cache; within a step the body is applied to
    vectors of `vector-width` neurons. What a backward scan replays is kept for
    a block only. Results of the function that nobody else in it touches, and that
    are much larger than the caches, are written by non-temporal stores.

    ```mlir
    spiking.scan forward ins(%i = %x : memref<?x128xf32>) outs(%s : memref<?x128xf32>)
        states(%v = %vT : memref<128xf32>) { ... }
    // becomes
    scf.parallel (%share) = (%c0) to (%tiles) step (%size) {
      scf.for %block = %share to %end step %blockSize {
        scf.for %t = %c0 to %T step %c1 {
          scf.for %tile = %block to %blockEnd step %c1 {
            %i = vector.load %x[%t, %n] : memref<?x128xf32>, vector<16xf32>
            %v = vector.load %vT[%n] : memref<128xf32>, vector<16xf32>
            ...
            vector.store %s_t, %s[%t, %n] : memref<?x128xf32>, vector<16xf32>
            vector.store %v_t, %vT[%n] : memref<128xf32>, vector<16xf32>
    ```
  }];
  let options = [
    Option<"vectorWidth", "vector-width", "int64_t", /*default=*/"16",
           "neurons (of 32 bits) that are computed at a time">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def FillBordersPass : Pass<"fill-borders", "::mlir::func::FuncOp"> {
  let summary = "let padding write only what the copy into it leaves";
  let description = [{
    Where a buffer is filled with a value and the next use of it is a copy into a
    block of it, only the slabs around the block are filled. Runs before buffers
    share memory, while those that are apart can be told from each other.

    ```mlir
    linalg.fill ins(%zero : f32) outs(%y : memref<?x18x18x32xf32>)
    %inside = memref.subview %y[0, 1, 1, 0] [%b, 16, 16, 32] [1, 1, 1, 1] : ...
    memref.copy %x, %inside : ...
    // becomes
    %above = memref.subview %y[0, 0, 0, 0] [%b, 1, 18, 32] [1, 1, 1, 1] : ...
    linalg.fill ins(%zero : f32) outs(%above : ...)
    // below, left and right of it, too
    %inside = memref.subview %y[0, 1, 1, 0] [%b, 16, 16, 32] [1, 1, 1, 1] : ...
    memref.copy %x, %inside : ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect"];
}

def FoldProductStartsPass : Pass<"fold-product-starts", "::mlir::func::FuncOp"> {
  let summary = "let the chains of products start in registers";
  let description = [{
    Where the output of a product on buffers is filled just before, with a value
    or with a bias for each column, the first step of each chain takes the start
    instead, and the output is written without being filled and read. Only for
    chains whose number of steps is known, and not 0. Runs before buffers share
    memory, while those that are apart can be told from each other.

    ```mlir
    linalg.fill ins(%zero : f32) outs(%y : memref<?x128xf32>)
    linalg.generic ... outs(%y : memref<?x128xf32>) {
    ^bb0(%a: f32, %b: f32, %acc: f32):
      %next = math.fma %a, %b, %acc : f32
    // becomes
    linalg.generic ... outs(%y : memref<?x128xf32>) {
    ^bb0(%a: f32, %b: f32, %acc: f32):
      %k = linalg.index 2 : index
      %first = arith.cmpi eq, %k, %c0 : index
      %chain = arith.select %first, %zero, %acc : f32
      %next = math.fma %a, %b, %chain : f32
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect"];
}

def ConvertProductsToVectorPass : Pass<"convert-products-to-vector", "::mlir::ModuleOp"> {
  let summary = "lower products on buffers to register-blocked loops";
  let description = [{
    Each `linalg.generic` on memrefs whose body is `acc = fma(a, b, acc)`, with
    conversions of a and b before it, becomes loops over register blocks of the
    output, 6 x 2 (AVX2) or 12 x 2 (AVX-512) vectors, whose chains continue over
    ascending steps of the reduction loops. Blocks of the operands are packed
    (converted to the output's type, transposed, gathered) so that the innermost
    loop reads both one after the other; a `b` of known sizes that the loops
    around the product do not change is packed once, in front of them. Other
    operations stay.

    Where the rows' factor is spikes (`spiking.spikes`), there is a second kernel: the
    steps with a spike are listed for each row, ascending, and the rows of the other
    factor that they name are added. Its results are the same bits. Which one runs
    is measured at run time (`rheobase_rt_begin_kernel`), unless `force-kernel` says it.
    Remarks tell which products have both kernels, and why others have not.

    Spikes may be bits: a `memref<..xi1>` that is a view of bytes. Packing takes 1 or 0
    where a bit is set or not, lists are made of words of 64.

    ```mlir
    linalg.generic {iterator_types = ["parallel", "parallel", "reduction"], ...}
        ins(%x, %w : memref<?x256xf32>, memref<256x128xf32>) outs(%y : memref<?x128xf32>) { ... math.fma ... }
    // becomes
    scf.parallel (%row, %panel) = ... {
      ...
      %acc:24 = scf.for %k = %c0 to %steps step %c1 iter_args(...) -> (vector<16xf32>, ...) {
        %w0 = vector.load %packed[...] : memref<?xf32>, vector<16xf32>
        ...
        %a0 = vector.broadcast %x0 : f32 to vector<16xf32>
        %y00 = math.fma %a0, %w0, %acc00 : vector<16xf32>
        ...
    ```
  }];
  let options = [Option<
                     "vectorBits", "vector-bits", "int64_t", /*default=*/"256",
                     "bits of a vector register: 256 (AVX2) or 512 (AVX-512)">,
                 Option<"threads", "threads", "bool", /*default=*/"true",
                        "share the work among the threads of OpenMP">,
                 Option<"forceKernel", "force-kernel", "std::string",
                        /*default=*/"\"auto\"",
                        "how products with spikes are computed, where they can "
                        "be: auto, dense or selective">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ConvertLinalgToVectorPass : Pass<"convert-linalg-to-vector", "::mlir::func::FuncOp"> {
  let summary = "lower linalg on buffers to parallel loops over vectors";
  let description = [{
    Elementwise operations, fills, copies, reductions, pooling: parallel loops
    along which all operands are contiguous, or do not change, become vectors.
    Reduction loops stay sequential, in their order, with the output in a
    register: sums are chains. Where there is no such loop the code is scalar.
    `memref.copy` is converted too.

    ```mlir
    linalg.generic {iterator_types = ["reduction", "parallel"], ...}
        ins(%x : memref<?x64xf32>) outs(%sum : memref<64xf32>) { ... arith.addf ... }
    // becomes
    scf.parallel (%c) = ... {
      %init = vector.load %sum[%c] : memref<64xf32>, vector<32xf32>
      %total = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> (vector<32xf32>) {
        ...
    ```
  }];
  let options = [
    Option<"vectorWidth", "vector-width", "int64_t", /*default=*/"16",
           "elements (of 32 bits) that are computed at a time">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

//===----------------------------------------------------------------------===//
// Towards LLVM
//===----------------------------------------------------------------------===//

def LegalizeArithmeticPass : Pass<"legalize-arithmetic", "::mlir::ModuleOp"> {
  let summary = "replace arithmetic that LLVM has no instruction for";
  let description = [{
    Functions of the math dialect that `expand-math` has left become calls of
    libm, unless they are correctly rounded instructions; divisions that round
    up or to minus infinity become divisions that truncate; conversions from and
    to bf16 become operations on bits.

    ```mlir
    %y = math.exp %x : f64
    // becomes
    %y = call @exp(%x) : (f64) -> f64
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::vector::VectorDialect"];
}

def ConvertForallToParallelPass
    : Pass<"convert-forall-to-parallel", "::mlir::func::FuncOp"> {
  let summary = "turn scf.forall on buffers into scf.parallel";
  let description = [{
    As upstream's `scf-forall-to-parallel`, but attributes stay:
    `rheobase.threads_inside` says that operations in the loop use the threads
    where the loop itself, having one iteration only, does not.

    ```mlir
    scf.forall (%i) = (0) to (%n) step (%share) { ... } {rheobase.threads_inside}
    // becomes
    scf.parallel (%i) = (%c0) to (%n) step (%share) { ... } {rheobase.threads_inside}
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect"];
}

def SerializeShortParallelLoopsPass
    : Pass<"serialize-short-parallel-loops", "::mlir::ModuleOp"> {
  let summary = "start threads only for loops of several iterations";
  let description = [{
    An `omp.parallel` that holds nothing but a loop gets the condition that the
    loop has more than one iteration. Loops are built with iterations that are
    large enough for a thread, so a single one is a short loop. A loop inside of
    another one uses threads only where the other does not. Scopes for stack
    memory, which the conversion to OpenMP puts into loops, go where there is none.

    ```mlir
    omp.parallel { omp.wsloop { omp.loop_nest (%i) : index = (%c0) to (%n) step (%block) { ... } } }
    // becomes
    %several = arith.cmpi slt, %block, %n : index
    omp.parallel if(%several) { ... }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::omp::OpenMPDialect"];
}

//===----------------------------------------------------------------------===//
// Profiles
//===----------------------------------------------------------------------===//

def NumberOperationsPass : Pass<"number-operations", "::mlir::ModuleOp"> {
  let summary = "number the operations on buffers, and report the work of each";
  let description = [{
    Before they become loops: linalg, scans and copies get a number and a name
    (`product`, `scan`, ...) as metadata of their locations, which every lowering
    gives to what it makes of them. At the end of each function, calls of
    `rheobase_rt_profile_work` tell how many operations on floats and how many
    bytes of operands each number stands for, from the sizes of the buffers; -1
    where these are not known there. What is in a parallel loop counts for all
    its iterations. `profile-kernels` does the rest.

    ```mlir
    linalg.generic {...} ins(%x, %w : memref<?x8xf32>, memref<8x4xf32>) outs(%y : memref<?x4xf32>) {...}
    // becomes, with the number 0 in its location and with
    func.call @rheobase_rt_profile_work(%c0, %operations, %bytes) : (i64, i64, i64) -> ()
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect"];
}

def ProfileKernelsPass : Pass<"profile-kernels", "::mlir::ModuleOp"> {
  let summary = "measure the time of each loop nest";
  let description = [{
    After operations became loops: calls of the runtime around every outermost
    loop nest and every copy, except for loops of the program itself (a time loop
    that stays), in which their parts are measured. A nest is named by its
    function, the operations of `number-operations` that it is made of, and the
    source location of the first; the work of an operation counts for the largest
    of its nests.

    ```mlir
    scf.parallel ... {...}
    // becomes
    %start = func.call @rheobase_rt_profile_begin() : () -> i64
    scf.parallel ... {...}
    %name = llvm.mlir.addressof @rheobase_kernel_1 : !llvm.ptr
    func.call @rheobase_rt_profile_end(%start, %name) : (i64, !llvm.ptr) -> ()
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

def DescribeEntriesPass : Pass<"spiking-describe-entries", "::mlir::ModuleOp"> {
  let summary = "write the manifest of a module's entry points";
  let description = [{
    While the public functions still have the types that users wrote: gives each
    argument and result its element type and named dimensions (`spiking.dtype`,
    `spiking.dims`), and the module its manifest (`spiking.manifest`, the JSON
    text of docs/RuntimeABI.md). A dynamic dimension is called B, or T and B when
    two lead, unless the source says otherwise with `spiking.dims`.

    ```mlir
    func.func @forward(%x: tensor<?x784xi1> {spiking.role = "input"})
    // becomes
    func.func @forward(%x: tensor<?x784xi1> {spiking.role = "input", spiking.dtype = "bool", spiking.dims = ["B", 784]})
    ```
  }];
  let options = [
    Option<"moduleName", "module-name", "std::string", /*default=*/"\"module\"",
           "name of the module in the manifest and in symbols, unless it has one of its own">,
  ];
}

def WrapEntriesPass : Pass<"spiking-wrap-entries", "::mlir::ModuleOp"> {
  let summary = "give each entry point the ABI of generated code";
  let description = [{
    For every function that `spiking-plan-memory` has planned, a function that callers of compiled code call
    (include/rheobase/abi.h): it checks element types, ranks and dimensions of the arguments, also that dimensions of the same
    name are equal, allocates results and arena, calls the function, frees the arena and describes the results.

    ```mlir
    func.func @f(%x: memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32"}, ...) attributes {rheobase.sizes = @f_sizes}
    // becomes
    func.func private @f(%x: memref<?xf32>, ...)
    func.func @rheobase_module_f(%args: !llvm.ptr, %results: !llvm.ptr) -> i32
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect"];
}

//===----------------------------------------------------------------------===//
// Buffers to GPU kernels
//===----------------------------------------------------------------------===//

def ConvertSpikingScanToGPUPass : Pass<"convert-spiking-scan-to-gpu", "::mlir::func::FuncOp"> {
  let summary = "lower scans on buffers to GPU kernels";
  let description = [{
    Each `spiking.scan` on memrefs becomes a kernel: a thread for every four
    neighbouring neurons, with the loop over time inside, states in registers
    and 128-bit accesses (four values of 32 bits). Where buffers are not
    aligned or the number of neurons is no multiple of four, the same kernel
    takes neurons one by one. Accumulators that neurons share are summed by a
    second kernel, in row-major order.

    Replayed states are recomputed in chunks of `chunk-steps` steps: a first
    pass keeps the states before each chunk in a scratch buffer, the second one
    runs backwards through the chunks and holds the states within a chunk in
    registers. Up to twice that many steps, if their number is static, are one
    chunk without a scratch buffer.

    ```mlir
    spiking.scan forward ins(%i = %x : memref<?x128xf32>) outs(%s : memref<?x128xf32>)
        states(%v = %vT : memref<128xf32>) { ... }
    // becomes
    gpu.launch blocks(...) in (...) threads(...) in (%sx = %c256, ...) {
      ...
      %v0 = vector.load %vT[%n] {alignment = 16} : memref<128xf32>, vector<4xf32>
      %v1 = scf.for %t = %c0 to %T step %c1 iter_args(%v = %v0) -> (vector<4xf32>) {
        %i = vector.load %x[%t, %n] {alignment = 16} : memref<?x128xf32>, vector<4xf32>
        ...
      }
      vector.store %v1, %vT[%n] {alignment = 16} : memref<128xf32>, vector<4xf32>
    }
    ```
  }];
  let options = [
    Option<"chunkSteps", "chunk-steps", "int64_t", /*default=*/"4",
           "steps whose replayed states are held in registers">,
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ConvertLinalgToGPUPass : Pass<"convert-linalg-to-gpu", "::mlir::func::FuncOp"> {
  let summary = "lower structured operations on buffers to GPU kernels";
  let description = [{
    Everything that touches elements of buffers becomes a kernel, a
    `gpu.launch` each; buffers move to the device. The host keeps sizes, loops
    around kernels, and launches. All kernels are deterministic:

    * a product (a `linalg.generic` whose body is one `math.fma` with the output)
      becomes blocks of threads that share tiles of both inputs; each thread
      continues the chains of 16 outputs in ascending order;
    * any other structured operation and `memref.copy`: a thread for each
      element of the parallel loops, reductions in order within the thread;
    * loads, stores and scalar loops of the host: a kernel of one thread. What
      the host itself needs of their results, such as the bound of a loop
      around kernels, is an error.

    ```mlir
    linalg.fill ins(%zero : f32) outs(%y : memref<?x128xf32>)
    // becomes
    gpu.launch blocks(%bx, %by, %bz) in (...) threads(%tx, %ty, %tz) in (%sx = %c256, ...) {
      ...
      memref.store %zero, %y[%i, %j] : memref<?x128xf32>
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def FlattenGPULaunchOperandsPass : Pass<"flatten-gpu-launch-operands", "::mlir::func::FuncOp"> {
  let summary = "make kernels take pointers and sizes, and name them";
  let description = [{
    A kernel that uses a buffer from outside takes, instead of a descriptor, the
    buffer's base pointer and only those sizes, strides and offsets that are
    dynamic and used. Constant buffers move into the kernel. Kernels are named
    after the function, their position in it and what they do.

    ```mlir
    gpu.launch ... { %v = memref.load %x[%i, %j] : memref<?x128xf32> ... }
    // becomes
    %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %x : memref<?x128xf32> -> ...
    gpu.launch ... module(@kernels) function(@forward_0_map) {
      %view = memref.reinterpret_cast %base to offset: [0], sizes: [%d, 128], strides: [128, 1]
          : memref<f32> to memref<?x128xf32>
      %v = memref.load %view[%i, %j] : memref<?x128xf32>
      ...
    }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect"];
}

def ConvertGPUKernelsToNVVMPass : Pass<"convert-gpu-kernels-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "lower kernels to the llvm and nvvm dialects";
  let description = [{
    Kernels take bare pointers. Unlike upstream's `convert-gpu-to-nvvm`, which
    calls libdevice for every operation of the math dialect, operations that PTX
    has exact instructions for become these; transcendental functions in f32
    must have been expanded before. In f64 they are libdevice's.

    ```mlir
    %y = math.floor %x : f32
    // becomes
    %y = llvm.intr.floor(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // RHEOBASE_CONVERSION_PASSES_TD
