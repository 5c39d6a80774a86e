//===- ErrorTest.cpp - What the interpreter refuses -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ReferenceTest.h"

using namespace mlir;

namespace rheobase::reference {

class ErrorTest : public ReferenceTest {
protected:
  void expectError(StringRef text, ArrayRef<Tensor> arguments,
                   StringRef message) {
    messages.clear();
    EXPECT_TRUE(failed(run(parseFunction(text), arguments)));
    EXPECT_NE(messages.find(message), std::string::npos) << messages;
  }
};

TEST_F(ErrorTest, UnknownOperation) {
  expectError(R"mlir(
    func.func @f(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
      %y = linalg.matmul ins(%x, %x : tensor<2x2xf32>, tensor<2x2xf32>) outs(%x : tensor<2x2xf32>) -> tensor<2x2xf32>
      return %y : tensor<2x2xf32>
    })mlir",
              {f32({2, 2}, {1, 2, 3, 4})},
              "the reference interpreter does not execute 'linalg.matmul'");
}

TEST_F(ErrorTest, ArgumentsOfAnotherTypeOrNumber) {
  const char *text = R"mlir(
    func.func @f(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      return %x : tensor<?x2xf32>
    })mlir";
  expectError(text, {f32({2, 3}, {1, 2, 3, 4, 5, 6})},
              "argument 0 of 'f': expected a value of type 'tensor<?x2xf32>', "
              "got f32[2,3]");
  expectError(text, {f64({1, 2}, {1, 2})}, "got f64[1,2]");
  expectError(text, {}, "function 'f' takes 1 arguments, got 0");
}

TEST_F(ErrorTest, ShapesThatDoNotFitAtRunTime) {
  expectError(R"mlir(
    func.func @f(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
      %z = arith.addf %x, %y : tensor<?xf32>
      return %z : tensor<?xf32>
    })mlir",
              {f32({2}, {1, 2}), f32({3}, {1, 2, 3})},
              "operands: expected the shape [2], got [3]");
  expectError(R"mlir(
    func.func @f(%x: tensor<?x?xf32>, %v: tensor<?xf32>) -> (tensor<?x?xi1>, tensor<?xf32>) {
      %s, %w = spiking.lif %x, %v {decay = 0.5} : (tensor<?x?xf32>, tensor<?xf32>) -> (tensor<?x?xi1>, tensor<?xf32>)
      return %s, %w : tensor<?x?xi1>, tensor<?xf32>
    })mlir",
              {f32({2, 2}, {1, 2, 3, 4}), f32({3}, {1, 2, 3})},
              "initial state: expected the shape [2], got [3]");
}

TEST_F(ErrorTest, TimeLoopOfOtherLength) {
  expectError(R"mlir(
    func.func @f(%T: index, %x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %y = spiking.time_loop %t = 0 to %T over(%x_t = %x : tensor<?x2xf32>) -> (tensor<?x2xf32>) {
        spiking.yield %x_t : tensor<2xf32>
      }
      return %y : tensor<?x2xf32>
    })mlir",
              {Tensor::index(3), f32({1, 2}, {1, 2})},
              "expected an input of 3 steps, got f32[1,2]");
}

TEST_F(ErrorTest, EndlessRecursion) {
  expectError(R"mlir(
    func.func @f() {
      func.call @f() : () -> ()
      return
    })mlir",
              {}, "calls are nested more than 100 deep");
}

TEST_F(ErrorTest, TooLarge) {
  expectError(R"mlir(
    func.func @f(%n: index) -> tensor<?x?xf32> {
      %e = tensor.empty(%n, %n) : tensor<?x?xf32>
      return %e : tensor<?x?xf32>
    })mlir",
              {Tensor::index(1000000)}, "more than the reference interpreter holds");
}

TEST_F(ErrorTest, OutOfBounds) {
  expectError(R"mlir(
    func.func @f(%x: tensor<?xf32>, %i: index) -> f32 {
      %y = tensor.extract %x[%i] : tensor<?xf32>
      return %y : f32
    })mlir",
              {f32({2}, {1, 2}), Tensor::index(2)},
              "expected an index below 2, got 2");
}

TEST_F(ErrorTest, DivisionByZero) {
  expectError(R"mlir(
    func.func @f(%a: index, %b: index) -> index {
      %y = arith.divsi %a, %b : index
      return %y : index
    })mlir",
              {Tensor::index(2), Tensor::index(0)}, "divides by zero");
}

TEST_F(ErrorTest, PackedSpikesHaveNoGradient) {
  func::FuncOp function = parseFunction(R"mlir(
    func.func @f(%x: tensor<4xi1>) -> tensor<1xi32> {
      %y = spiking.pack %x : (tensor<4xi1>) -> tensor<1xi32>
      return %y : tensor<1xi32>
    })mlir");
  EXPECT_TRUE(failed(gradient(function, {i1({4}, {1, 0, 1, 1})},
                              {f32({1}, {1.0})})));
  EXPECT_NE(messages.find("differentiate before packing"), std::string::npos);
}

TEST_F(ErrorTest, NonFiniteNumbersAreNamed) {
  func::FuncOp function = parseFunction(R"mlir(
    func.func @f(%x: tensor<3x2xf32>, %v: tensor<2xf32>, %e: tensor<3x2xf32>) -> tensor<3x2xf32> {
      %y, %w = spiking.scan forward ins(%a = %x : tensor<3x2xf32>) outs(%e : tensor<3x2xf32>) states(%b = %v : tensor<2xf32>) {
        %c = arith.divf %a, %b : f32
        spiking.yield %c : f32 next(%b : f32)
      }
      return %y : tensor<3x2xf32>
    })mlir");
  auto found = findNonFinite(
      function, {f32({3, 2}, {1, 1, 1, 1, 1, INFINITY}), f32({2}, {1, 1}),
                 Tensor(ElementKind::F32, {3, 2})});
  ASSERT_TRUE(succeeded(found) && found->has_value());
  EXPECT_EQ((*found)->op->getName().getStringRef(), "arith.divf");
  EXPECT_EQ((*found)->step, 2);
  EXPECT_EQ((*found)->index, "[1]");
}

} // namespace rheobase::reference
