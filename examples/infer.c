/*===- infer.c - Classifies an image with a compiled network ---------------===*
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What a program needs that ships a trained network: the shared object and the
 * header that snn-compile wrote, and no other library of Rheobase or LLVM.
 *
 *   snn-compile fashion_mlp.mlir --emit=so --weights=fashion_mlp.safetensors -o fashion_mlp.so
 *   cc infer.c -I. -I<rheobase>/include ./fashion_mlp.so -lz -o infer
 *   ./infer /usr/share/datasets/fashion-mnist 0
 *
 *===----------------------------------------------------------------------===*/
#include "fashion_mlp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h> /* the data are compressed; the network needs no zlib */

/* Reads `bytes` bytes that follow the header and `index` others of their kind. */
static int read_idx(const char *folder, const char *name, int header, int bytes, int index, unsigned char *out) {
  char path[4096];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  gzFile file = gzopen(path, "rb");
  int ok = file && gzseek(file, header + (long)index * bytes, SEEK_SET) >= 0 && gzread(file, out, (unsigned)bytes) == bytes;
  if (!ok)
    fprintf(stderr, "infer: cannot read sample %d of '%s'\n", index, path);
  if (file)
    gzclose(file);
  return ok;
}

static rb_tensor tensor(void *data, rb_dtype dtype, int32_t rank, int64_t dim0, int64_t dim1) {
  rb_tensor result;
  memset(&result, 0, sizeof(result));
  result.data = data;
  result.dtype = dtype;
  result.rank = rank;
  result.dims[0] = dim0;
  result.dims[1] = dim1;
  return result;
}

int main(int argc, char **argv) {
  const char *folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  int index = argc > 2 ? atoi(argv[2]) : 0;
  unsigned char pixels[784], label;
  if (!read_idx(folder, "t10k-images-idx3-ubyte.gz", 16, 784, index, pixels) ||
      !read_idx(folder, "t10k-labels-idx1-ubyte.gz", 8, 1, index, &label))
    return 1;
  float image[784];
  for (int i = 0; i < 784; ++i)
    image[i] = (float)pixels[i] / 255.0f;
  int64_t time_steps = argc > 3 ? atoi(argv[3]) : 4;
  int32_t labels[1] = {label};

  /* The header says which arguments an entry has, in which order. */
  rb_tensor inputs[2] = {tensor(image, RB_F32, 2, 1, 784), tensor(&time_steps, RB_I64, 0, 0, 0)};
  rb_tensor logits;
  if (rheobase_fashion_mlp_forward(inputs, &logits) != RB_OK) {
    fprintf(stderr, "infer: %s\n", rb_last_error());
    return 1;
  }
  const float *values = logits.data;
  int best = 0;
  for (int i = 1; i < logits.dims[1]; ++i)
    if (values[i] > values[best])
      best = i;
  rheobase_rt_free(logits.data);

  /* With the label, `evaluate` gives loss, hits and spike rate. */
  rb_tensor samples[3] = {inputs[0], tensor(labels, RB_I32, 1, 1, 0), inputs[1]};
  rb_tensor metrics[3];
  if (rheobase_fashion_mlp_evaluate(samples, metrics) != RB_OK) {
    fprintf(stderr, "infer: %s\n", rb_last_error());
    return 1;
  }
  printf("image %d: class %d, label %d, loss %.4f, spike rate %.4f\n", index, best, label, *(float *)metrics[0].data,
         *(float *)metrics[2].data);
  for (int i = 0; i < 3; ++i)
    rheobase_rt_free(metrics[i].data);
  return 0;
}
