//===- ProductsTest.cpp - All kernels of products give the same bits ------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products with spikes have a dense and a selective kernel. Both are compared
// with the interpreter, and with each other also in what numbers do not show:
// the sign of a zero.
//
//===----------------------------------------------------------------------===//

#include "CompiledTest.h"

using namespace mlir;

namespace rheobase::test {
namespace {

class ProductsTest : public CompiledTest {
protected:
  struct Case {
    const char *text;
    /// Shares of ones; sizes of what is dynamic.
    std::vector<double> shares;
    std::vector<int64_t> sizes;
    /// Also with numbers that are no finite ones, and chains that start at -0.
    bool special = true;
    /// Too large for the interpreter.
    bool large = false;
  };
  void check(const Case &test);

private:
  SmallVector<Tensor> draw(func::FuncOp function, double share, int64_t size,
                           bool special);
  std::mt19937_64 random{11};
};

} // namespace

SmallVector<Tensor> ProductsTest::draw(func::FuncOp function, double share,
                                       int64_t size, bool special) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  SmallVector<Tensor> arguments;
  for (Type type : function.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape;
    for (int64_t extent : tensor.getShape())
      shape.push_back(extent < 0 ? size : extent);
    std::vector<double> values(size_t(ShapedType::getNumElements(shape)));
    bool isSpikes = tensor.getElementType().isInteger(1);
    bool isBias = tensor.getRank() == 1;
    for (double &value : values) {
      if (isSpikes)
        value = uniform(random) < share;
      else if (special && uniform(random) < (isBias ? 0.5 : 0.1))
        value = -0.0;
      else
        value = normal(random);
    }
    if (special && !isSpikes && !isBias && !values.empty()) {
      // A column that leaves chains at -0 as they are, one that is not finite.
      int64_t columns = shape.back();
      for (size_t i = 0; i < values.size(); i += size_t(columns))
        values[i] = -std::abs(values[i]);
      values[values.size() / 2] = std::numeric_limits<double>::infinity();
    }
    arguments.push_back(Tensor::of(
        *reference::getElementKind(tensor.getElementType()), shape, values));
  }
  return arguments;
}

void ProductsTest::check(const Case &test) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(test.text, &context);
  ASSERT_TRUE(module) << messages;
  auto function = *module->getOps<func::FuncOp>().begin();
  for (CPUInstructionSet isa : getInstructionSets()) {
    auto dense = compile(*module, isa, ProductKernel::Dense);
    auto selective = compile(*module, isa, ProductKernel::Selective);
    auto automatic = compile(*module, isa);
    ASSERT_TRUE(dense && selective && automatic) << messages;
    for (int64_t size : test.sizes)
      for (double share : test.shares)
        for (bool special : {false, true}) {
          if (special && !test.special)
            continue;
          SCOPED_TRACE(std::string(nameOf(isa)) + ", size " +
                       std::to_string(size) + ", share " +
                       std::to_string(share) + (special ? ", special" : ""));
          SmallVector<Tensor> arguments = draw(function, share, size, special);
          SmallVector<Tensor> expected = call(*dense, function, arguments);
          SmallVector<Tensor> got = call(*selective, function, arguments);
          expectEqual(expected, got);
          for (auto [a, b] : llvm::zip(expected, got))
            for (int64_t i = 0; i < a.size(); ++i)
              if (a.at(i) == 0)
                ASSERT_EQ(std::signbit(a.at(i)), std::signbit(b.at(i)))
                    << reference::describeIndex(a.shape, i);
          // It tries both.
          for (int i = 0; i < 4; ++i)
            expectEqual(expected, call(*automatic, function, arguments));
          if (test.large)
            continue;
          auto reference = reference::run(function, arguments);
          ASSERT_TRUE(succeeded(reference));
          expectEqual(*reference, got);
        }
  }
}

TEST_F(ProductsTest, Linear) {
  check({R"mlir(
    func.func @f(%x: tensor<?x3x70xi1>, %w: tensor<70x37xf32>, %b: tensor<37xf32>) -> tensor<?x3x37xf32> {
      %y = spiking.linear %x, %w, %b : (tensor<?x3x70xi1>, tensor<70x37xf32>, tensor<37xf32>) -> tensor<?x3x37xf32>
      return %y : tensor<?x3x37xf32>
    })mlir",
         {0, 0.1, 1},
         {0, 1, 33}});
}

// Two panels, the weights packed.
TEST_F(ProductsTest, LinearF64) {
  check({R"mlir(
    func.func @f(%x: tensor<?x150xi1>, %w: tensor<150x203xf64>, %b: tensor<203xf64>) -> tensor<?x203xf64> {
      %y = spiking.linear %x, %w, %b : (tensor<?x150xi1>, tensor<150x203xf64>, tensor<203xf64>) -> tensor<?x203xf64>
      return %y : tensor<?x203xf64>
    })mlir",
         {0.2},
         {5, 131}});
}

// Columns that are known at run time.
TEST_F(ProductsTest, DynamicColumns) {
  check({R"mlir(
    func.func @f(%x: tensor<65x64xi1>, %w: tensor<64x?xf32>, %b: tensor<?xf32>) -> tensor<65x?xf32> {
      %y = spiking.linear %x, %w, %b : (tensor<65x64xi1>, tensor<64x?xf32>, tensor<?xf32>) -> tensor<65x?xf32>
      return %y : tensor<65x?xf32>
    })mlir",
         {0.3},
         {1, 100, 256, 300}});
}

// Several blocks of steps and of rows.
TEST_F(ProductsTest, LargeLinear) {
  check({R"mlir(
    func.func @f(%x: tensor<?x2500xi1>, %w: tensor<2500x24xf32>, %b: tensor<24xf32>) -> tensor<?x24xf32> {
      %y = spiking.linear %x, %w, %b : (tensor<?x2500xi1>, tensor<2500x24xf32>, tensor<24xf32>) -> tensor<?x24xf32>
      return %y : tensor<?x24xf32>
    })mlir",
         {0.05},
         {2300},
         true,
         true});
}

TEST_F(ProductsTest, WeightGradient) {
  check({R"mlir(
    func.func @f(%x: tensor<?x3x83xi1>, %g: tensor<?x3x37xf32>) -> tensor<83x37xf32> {
      %y = spiking.linear_weight_gradient %x, %g : (tensor<?x3x83xi1>, tensor<?x3x37xf32>) -> tensor<83x37xf32>
      return %y : tensor<83x37xf32>
    })mlir",
         {0, 0.1, 1},
         {0, 1, 50}});
}

TEST_F(ProductsTest, LargeWeightGradient) {
  check({R"mlir(
    func.func @f(%x: tensor<?x2200xi1>, %g: tensor<?x40xf64>) -> tensor<2200x40xf64> {
      %y = spiking.linear_weight_gradient %x, %g : (tensor<?x2200xi1>, tensor<?x40xf64>) -> tensor<2200x40xf64>
      return %y : tensor<2200x40xf64>
    })mlir",
         {0.05},
         {2500},
         true,
         true});
}

// Runs of the windows' rows; groups; a stride.
TEST_F(ProductsTest, Convolution) {
  check({R"mlir(
    func.func @f(%x: tensor<?x7x6x24xi1>, %w: tensor<3x3x24x20xf32>, %b: tensor<20xf32>) -> tensor<?x7x6x20xf32> {
      %y = spiking.conv %x, %w, %b {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}
        : (tensor<?x7x6x24xi1>, tensor<3x3x24x20xf32>, tensor<20xf32>) -> tensor<?x7x6x20xf32>
      return %y : tensor<?x7x6x20xf32>
    })mlir",
         {0.15},
         {1, 4}});
  check({R"mlir(
    func.func @f(%x: tensor<?x2x9x8x8xi1>, %w: tensor<3x2x4x34xf64>, %b: tensor<34xf64>) -> tensor<?x2x3x7x34xf64> {
      %y = spiking.conv %x, %w, %b {layout = #spiking.layout<channels_last>, groups = 2 : i64, strides = array<i64: 3, 1>}
        : (tensor<?x2x9x8x8xi1>, tensor<3x2x4x34xf64>, tensor<34xf64>) -> tensor<?x2x3x7x34xf64>
      return %y : tensor<?x2x3x7x34xf64>
    })mlir",
         {0.15},
         {3}});
}

// Spikes that the program computes are bits.
TEST_F(ProductsTest, PackedLinear) {
  check({R"mlir(
    func.func @f(%x: tensor<?x3x72xi1>, %z: tensor<?x3x72xi1>, %w: tensor<72x37xf32>, %b: tensor<37xf32>) -> tensor<?x3x37xf32> {
      %s = arith.andi %x, %z : tensor<?x3x72xi1>
      %y = spiking.linear %s, %w, %b : (tensor<?x3x72xi1>, tensor<72x37xf32>, tensor<37xf32>) -> tensor<?x3x37xf32>
      return %y : tensor<?x3x37xf32>
    })mlir",
         {0, 0.3, 1},
         {0, 1, 33}});
  check({R"mlir(
    func.func @f(%x: tensor<?x152xi1>, %z: tensor<?x152xi1>, %w: tensor<152x203xf64>, %b: tensor<203xf64>) -> tensor<?x203xf64> {
      %s = arith.andi %x, %z : tensor<?x152xi1>
      %y = spiking.linear %s, %w, %b : (tensor<?x152xi1>, tensor<152x203xf64>, tensor<203xf64>) -> tensor<?x203xf64>
      return %y : tensor<?x203xf64>
    })mlir",
         {0.5},
         {5, 131}});
  check({R"mlir(
    func.func @f(%x: tensor<?x2504xi1>, %z: tensor<?x2504xi1>, %w: tensor<2504x24xf32>, %b: tensor<24xf32>) -> tensor<?x24xf32> {
      %s = arith.andi %x, %z : tensor<?x2504xi1>
      %y = spiking.linear %s, %w, %b : (tensor<?x2504xi1>, tensor<2504x24xf32>, tensor<24xf32>) -> tensor<?x24xf32>
      return %y : tensor<?x24xf32>
    })mlir",
         {0.2},
         {2300},
         true,
         true});
}

TEST_F(ProductsTest, PackedWeightGradient) {
  check({R"mlir(
    func.func @f(%x: tensor<?x3x88xi1>, %z: tensor<?x3x88xi1>, %g: tensor<?x3x37xf32>) -> tensor<88x37xf32> {
      %s = arith.andi %x, %z : tensor<?x3x88xi1>
      %y = spiking.linear_weight_gradient %s, %g : (tensor<?x3x88xi1>, tensor<?x3x37xf32>) -> tensor<88x37xf32>
      return %y : tensor<88x37xf32>
    })mlir",
         {0, 0.3, 1},
         {0, 1, 50}});
  check({R"mlir(
    func.func @f(%x: tensor<?x2200xi1>, %z: tensor<?x2200xi1>, %g: tensor<?x40xf64>) -> tensor<2200x40xf64> {
      %s = arith.andi %x, %z : tensor<?x2200xi1>
      %y = spiking.linear_weight_gradient %s, %g : (tensor<?x2200xi1>, tensor<?x40xf64>) -> tensor<2200x40xf64>
      return %y : tensor<2200x40xf64>
    })mlir",
         {0.2},
         {2500},
         true,
         true});
}

TEST_F(ProductsTest, PackedConvolution) {
  check({R"mlir(
    func.func @f(%x: tensor<?x7x6x24xi1>, %z: tensor<?x7x6x24xi1>, %w: tensor<3x3x24x20xf32>, %b: tensor<20xf32>) -> tensor<?x7x6x20xf32> {
      %s = arith.andi %x, %z : tensor<?x7x6x24xi1>
      %y = spiking.conv %s, %w, %b {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}
        : (tensor<?x7x6x24xi1>, tensor<3x3x24x20xf32>, tensor<20xf32>) -> tensor<?x7x6x20xf32>
      return %y : tensor<?x7x6x20xf32>
    })mlir",
         {0.4},
         {1, 4}});
  check({R"mlir(
    func.func @f(%x: tensor<?x9x8x16xi1>, %z: tensor<?x9x8x16xi1>, %w: tensor<3x2x8x34xf64>, %b: tensor<34xf64>) -> tensor<?x3x7x34xf64> {
      %s = arith.andi %x, %z : tensor<?x9x8x16xi1>
      %y = spiking.conv %s, %w, %b {layout = #spiking.layout<channels_last>, groups = 2 : i64, strides = array<i64: 3, 1>}
        : (tensor<?x9x8x16xi1>, tensor<3x2x8x34xf64>, tensor<34xf64>) -> tensor<?x3x7x34xf64>
      return %y : tensor<?x3x7x34xf64>
    })mlir",
         {0.4},
         {3}});
  check({R"mlir(
    func.func @f(%x: tensor<?x7x6x24xi1>, %z: tensor<?x7x6x24xi1>, %g: tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32> {
      %s = arith.andi %x, %z : tensor<?x7x6x24xi1>
      %y = spiking.conv_weight_gradient %s, %g {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}
        : (tensor<?x7x6x24xi1>, tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32>
      return %y : tensor<3x3x24x20xf32>
    })mlir",
         {0.4},
         {1, 4},
         false});
  check({R"mlir(
    func.func @f(%x: tensor<?x9x8x24xi1>, %z: tensor<?x9x8x24xi1>, %g: tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32> {
      %s = arith.andi %x, %z : tensor<?x9x8x24xi1>
      %y = spiking.conv_weight_gradient %s, %g {layout = #spiking.layout<channels_last>}
        : (tensor<?x9x8x24xi1>, tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32>
      return %y : tensor<3x3x24x20xf32>
    })mlir",
         {0.4},
         {2}});
}

TEST_F(ProductsTest, ConvolutionWeightGradient) {
  check({R"mlir(
    func.func @f(%x: tensor<?x7x6x24xi1>, %g: tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32> {
      %y = spiking.conv_weight_gradient %x, %g {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}
        : (tensor<?x7x6x24xi1>, tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32>
      return %y : tensor<3x3x24x20xf32>
    })mlir",
         {0.15},
         {1, 4}});
  check({R"mlir(
    func.func @f(%x: tensor<?x9x8x24xi1>, %g: tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32> {
      %y = spiking.conv_weight_gradient %x, %g {layout = #spiking.layout<channels_last>}
        : (tensor<?x9x8x24xi1>, tensor<?x7x6x20xf32>) -> tensor<3x3x24x20xf32>
      return %y : tensor<3x3x24x20xf32>
    })mlir",
         {0.15},
         {2}});
  // From an image of numbers: rows of 10 pixels, blocks of steps that end within
  // one, several samples.
  check({R"mlir(
    func.func @f(%x: tensor<?x7x10x24xi1>, %g: tensor<?x7x10x70xf32>) -> tensor<3x3x24x70xf32> {
      %y = spiking.conv_weight_gradient %x, %g {layout = #spiking.layout<channels_last>, padding = array<i64: 1, 1>}
        : (tensor<?x7x10x24xi1>, tensor<?x7x10x70xf32>) -> tensor<3x3x24x70xf32>
      return %y : tensor<3x3x24x70xf32>
    })mlir",
         {0.15},
         {0, 1, 5},
         false});
  check({R"mlir(
    func.func @f(%x: tensor<?x9x17x8xi1>, %g: tensor<?x7x8x33xf64>) -> tensor<3x3x8x33xf64> {
      %y = spiking.conv_weight_gradient %x, %g {layout = #spiking.layout<channels_last>, strides = array<i64: 1, 2>}
        : (tensor<?x9x17x8xi1>, tensor<?x7x8x33xf64>) -> tensor<3x3x8x33xf64>
      return %y : tensor<3x3x8x33xf64>
    })mlir",
         {0.15},
         {3}});
}

// Padding is 0 in the chains, and so are the outputs beyond the edges: also where
// the other factor is not finite.
TEST_F(ProductsTest, ConvolutionInputGradient) {
  for (const char *layer :
       {"padding = array<i64: 1, 1>}"
        " : (tensor<?x7x6x12xf32>, tensor<3x3x8x12xf32>)",
        "padding = array<i64: 2, 1>, strides = array<i64: 2, 1>}"
        " : (tensor<?x5x6x12xf32>, tensor<3x3x8x12xf32>)",
        "padding = array<i64: 1, 0>, strides = array<i64: 1, 2>, "
        "dilations = array<i64: 2, 1>, groups = 2 : i64}"
        " : (tensor<?x5x3x12xf32>, tensor<3x2x4x12xf32>)"}) {
    StringRef types = StringRef(layer).split(" : (").second;
    auto [gradient, rest] = types.split(", ");
    std::string text =
        ("func.func @f(%g: " + gradient + ", %w: " + rest.drop_back() +
         ") -> tensor<?x7x6x8xf32> {\n  %y = spiking.conv_input_gradient %g, "
         "%w {layout = #spiking.layout<channels_last>, " +
         layer + " -> tensor<?x7x6x8xf32>\n  return %y : tensor<?x7x6x8xf32>\n}")
            .str();
    check({text.c_str(), {0.15}, {1, 3}});
  }
}

} // namespace rheobase::test
