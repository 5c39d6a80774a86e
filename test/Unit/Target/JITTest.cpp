//===- JITTest.cpp - Compiled programs in this process ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "rheobase/Conversion/Passes.h"
#include "rheobase/Dialect/Spiking/Transforms/Passes.h"
#include "rheobase/InitAll.h"
#include "rheobase/Pipelines/CPU.h"
#include "rheobase/Target/JIT.h"
#include "rheobase/rt.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace rheobase;

namespace {

/// Doubles its argument, on buffers, as after bufferization.
constexpr const char *kDouble = R"mlir(
module attributes {spiking.manifest = "{\"entries\": {\"twice\": {\"symbol\": \"rheobase_test_twice\"}}}", spiking.module_name = "test"} {
  func.func @twice(%x: memref<?x3xf32> {spiking.dims = ["B", 3], spiking.dtype = "f32"},
                   %y: memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32"})
      -> (memref<?x3xf32> {spiking.dims = ["B", 3], spiking.dtype = "f32"},
          memref<?xf32> {spiking.dims = ["B"], spiking.dtype = "f32"}) {
    %c0 = arith.constant 0 : index
    %B = memref.dim %x, %c0 : memref<?x3xf32>
    %out = memref.alloc(%B) {alignment = 64 : i64} : memref<?x3xf32>
    spiking.scan step ins(%a = %x : memref<?x3xf32>) outs(%out : memref<?x3xf32>) {
      %b = arith.addf %a, %a : f32
      spiking.yield %b : f32
    }
    return %out, %y : memref<?x3xf32>, memref<?xf32>
  }
}
)mlir";

class JITTest : public testing::Test {
protected:
  JITTest() {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
  }

  std::unique_ptr<CompiledProgram> compile(const char *text,
                                           CPUInstructionSet isa) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return nullptr;
    PassManager pm(&context);
    pm.addPass(spiking::createPlanMemoryPass());
    pm.addPass(createWrapEntriesPass());
    CPUOptions cpu;
    cpu.vectorBits = getVectorBits(isa);
    buildLowerToLLVMPipeline(pm, cpu);
    if (failed(pm.run(*module)))
      return nullptr;
    CPUCodegenOptions options;
    options.isa = isa;
    auto program = jitCompile(*module, options);
    return succeeded(program) ? std::move(*program) : nullptr;
  }

  MLIRContext context;
};

rb_tensor makeTensor(float *data, std::vector<int64_t> dims) {
  rb_tensor tensor{data, RB_F32, static_cast<int32_t>(dims.size()), {}};
  std::copy(dims.begin(), dims.end(), tensor.dims);
  return tensor;
}

TEST_F(JITTest, ServesEverySizeWithOneCompilation) {
  for (CPUInstructionSet isa :
       {CPUInstructionSet::Host, CPUInstructionSet::X86_64V3,
        CPUInstructionSet::X86_64V4}) {
    if (!isSupportedByHost(isa))
      continue;
    int64_t before = CompiledProgram::getCompileCount();
    auto program = compile(kDouble, isa);
    ASSERT_TRUE(program);
    rb_entry_fn twice = program->lookup("twice");
    ASSERT_TRUE(twice);
    for (int64_t batch : {0, 1, 7, 1000}) {
      std::vector<float> x(batch * 3), y(batch);
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = i;
      rb_tensor args[] = {makeTensor(x.data(), {batch, 3}),
                          makeTensor(y.data(), {batch})};
      rb_tensor results[2];
      ASSERT_EQ(twice(args, results), RB_OK) << rb_last_error();
      EXPECT_EQ(results[0].rank, 2);
      EXPECT_EQ(results[0].dims[0], batch);
      EXPECT_EQ(results[0].dims[1], 3);
      for (size_t i = 0; i < x.size(); ++i)
        EXPECT_EQ(static_cast<float *>(results[0].data)[i], 2.0f * i);
      // An argument that is returned is copied: the caller owns results.
      EXPECT_NE(results[1].data, y.data());
      rheobase_rt_free(results[0].data);
      rheobase_rt_free(results[1].data);
    }
    EXPECT_EQ(CompiledProgram::getCompileCount(), before + 1);
  }
}

TEST_F(JITTest, ChecksShapes) {
  auto program = compile(kDouble, CPUInstructionSet::Host);
  ASSERT_TRUE(program);
  rb_entry_fn twice = program->lookup("twice");
  std::vector<float> x(12), y(4);
  rb_tensor results[2];
  rb_tensor wrongBatch[] = {makeTensor(x.data(), {4, 3}),
                            makeTensor(y.data(), {3})};
  EXPECT_EQ(twice(wrongBatch, results), RB_INVALID_ARGUMENT);
  EXPECT_STREQ(rb_last_error(),
               "twice: argument 1: expected 4 in dimension 0, got 3");
  rb_tensor wrongSize[] = {makeTensor(x.data(), {3, 4}),
                           makeTensor(y.data(), {3})};
  EXPECT_EQ(twice(wrongSize, results), RB_INVALID_ARGUMENT);
  EXPECT_STREQ(rb_last_error(),
               "twice: argument 0: expected 3 in dimension 1, got 4");
  rb_tensor wrongRank[] = {makeTensor(x.data(), {12}),
                           makeTensor(y.data(), {4})};
  EXPECT_EQ(twice(wrongRank, results), RB_INVALID_ARGUMENT);
  EXPECT_STREQ(rb_last_error(), "twice: argument 0: expected rank 2, got 1");
  rb_tensor wrongType[] = {makeTensor(x.data(), {4, 3}),
                           makeTensor(y.data(), {4})};
  wrongType[0].dtype = RB_F64;
  EXPECT_EQ(twice(wrongType, results), RB_INVALID_ARGUMENT);
  EXPECT_STREQ(rb_last_error(),
               "twice: argument 0: expected element type f32, got f64");
}

TEST_F(JITTest, NamesAnUndescribedModule) {
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  EXPECT_FALSE(compile("module {}", CPUInstructionSet::Host));
  EXPECT_EQ(message, "expected a module that spiking-describe-entries has "
                     "described, got one without spiking.module_name");
}

} // namespace
