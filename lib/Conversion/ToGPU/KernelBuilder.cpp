//===- KernelBuilder.cpp - One-dimensional kernels --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "../SpikingToVector/IndexMath.h"

using namespace mlir;
using namespace rheobase;

/// Threads of a block where nothing else decides.
static constexpr int64_t blockThreads = 256;

gpu::LaunchOp rheobase::launchBlocks(
    OpBuilder &builder, Location loc, StringRef kind, Value blocks,
    int64_t threads, ArrayRef<Type> shared,
    llvm::function_ref<void(Value, Value, ValueRange)> body) {
  IndexMath index{builder, loc};
  Value one = index.constant(1);
  auto symbol = [&](StringRef name) {
    return FlatSymbolRefAttr::get(builder.getContext(), name);
  };
  auto launch = gpu::LaunchOp::create(
      builder, loc, blocks, one, one, index.constant(threads), one, one,
      /*dynamicSharedMemorySize=*/Value(), /*asyncTokenType=*/Type(),
      /*asyncDependencies=*/ValueRange(), shared,
      /*privateAttributions=*/TypeRange(), Value(), Value(), Value(),
      symbol(kernelModuleName), symbol(kind));
  OpBuilder::InsertionGuard guard(builder);
  Block &block = launch.getBody().front();
  builder.setInsertionPointToEnd(&block);
  auto end = gpu::TerminatorOp::create(builder, loc);
  builder.setInsertionPoint(end);
  SmallVector<Value> buffers = llvm::map_to_vector(
      launch.getWorkgroupAttributions(),
      [](BlockArgument argument) -> Value { return argument; });
  body(launch.getBlockIds().x, launch.getThreadIds().x, buffers);
  return launch;
}

gpu::LaunchOp rheobase::launchItems(OpBuilder &builder, Location loc,
                                    StringRef kind, Value items,
                                    llvm::function_ref<void(Value)> body) {
  IndexMath index{builder, loc};
  int64_t threads = blockThreads;
  // One warp is the least that a block occupies.
  if (std::optional<int64_t> known = IndexMath::getConstant(items);
      known && *known <= 32)
    threads = 32;
  Value blocks = index.ceilDiv(items, index.constant(threads));
  return launchBlocks(
      builder, loc, kind, blocks, threads, {},
      [&](Value block, Value thread, ValueRange) {
        Value item = index.add(index.mul(block, index.constant(threads)), thread);
        auto inside =
            scf::IfOp::create(builder, loc, index.less(item, items), false);
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(inside.thenBlock());
        body(item);
      });
}

SmallVector<Value> rheobase::delinearize(OpBuilder &builder, Location loc,
                                         Value position, ValueRange sizes) {
  IndexMath index{builder, loc};
  SmallVector<Value> indices(sizes.size());
  for (size_t dim = sizes.size(); dim-- > 0;) {
    if (std::optional<int64_t> known = IndexMath::getConstant(sizes[dim]);
        known && *known == 1) {
      indices[dim] = index.constant(0);
      continue;
    }
    // What is left belongs to the outermost dimension.
    if (dim == 0) {
      indices[dim] = position;
      break;
    }
    indices[dim] = index.rem(position, sizes[dim]);
    position = index.div(position, sizes[dim]);
  }
  return indices;
}

Value rheobase::productOf(OpBuilder &builder, Location loc, ValueRange sizes) {
  IndexMath index{builder, loc};
  Value product = index.constant(1);
  for (Value size : sizes)
    product = index.mul(product, size);
  return product;
}
