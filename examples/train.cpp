//===- train.cpp - Trains a compiled network from C++ ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// snn-compile fashion_mlp.mlir --emit=so -o fashion_mlp.so
// train fashion_mlp.so /usr/share/datasets/fashion-mnist
// train fashion_mlp.so /usr/share/datasets/fashion-mnist 100     100 steps only
//
//===----------------------------------------------------------------------===//

#include "rheobase/Runtime/Trainer.h"
#include <cstdio>
#include <cstdlib>

int main(int argc, char **argv) {
  const std::string data = argc > 2 ? argv[2] : ".";
  rheobase::rt::Trainer trainer(argc > 1 ? argv[1] : "fashion_mlp.so");
  trainer.loadTrainingData(data + "/train-images-idx3-ubyte.gz",
                           data + "/train-labels-idx1-ubyte.gz");
  if (argc > 3) {
    trainer.options.limit_steps = atoi(argv[3]);
    trainer.options.progress = RB_PROGRESS_OFF;
    if (!trainer.train().ok())
      return fprintf(stderr, "%s\n", trainer.status().message().c_str()), 1;
    printf("%lld steps in %.4f s, loss %.4f\n", (long long)trainer.result.steps,
           trainer.result.seconds, trainer.result.train_loss);
    return 0;
  }
  trainer.loadTestData(data + "/t10k-images-idx3-ubyte.gz",
                       data + "/t10k-labels-idx1-ubyte.gz");
  trainer.options.epochs = 3;
  trainer.options.checkpoint = "trained.safetensors";
  if (!trainer.train().ok())
    return fprintf(stderr, "%s\n", trainer.status().message().c_str()), 1;
  printf("test accuracy: %.2f %%\n", 100.0 * trainer.result.test_accuracy);
}
