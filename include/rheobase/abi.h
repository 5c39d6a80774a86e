/*===- abi.h - What generated code, compiler and runtime agree on ----------===
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Plain C. The compiler emits code against this file, the runtime and the users
 * of ahead-of-time artefacts call that code through it. docs/RuntimeABI.md
 * explains it and gives the manifest's format.
 *
 *===----------------------------------------------------------------------===*/
#ifndef RHEOBASE_ABI_H
#define RHEOBASE_ABI_H

#include <stdint.h>

#ifdef __cplusplus
#define RB_NOEXCEPT noexcept
extern "C" {
#else
#define RB_NOEXCEPT
#endif

/* Changes whenever a struct, a symbol or the meaning of one changes. */
#define RHEOBASE_ABI_VERSION 2
#define RHEOBASE_MAX_RANK 8

/* Element types. A binary spike (i1) is stored as one byte, 0 or 1. */
typedef enum rb_dtype {
  RB_BOOL = 0,
  RB_I8 = 1,
  RB_I32 = 2,
  RB_I64 = 3,
  RB_F16 = 4,
  RB_BF16 = 5,
  RB_F32 = 6,
  RB_F64 = 7,
  RB_U8 = 8 /* bytes in data files; no entry point takes them */
} rb_dtype;

/* A dense row-major tensor. Scalars have rank 0. `data` is 64-byte aligned in
 * everything that the runtime allocates; generated code does not rely on it. */
typedef struct rb_tensor {
  void *data;
  int32_t dtype; /* an rb_dtype */
  int32_t rank;
  int64_t dims[RHEOBASE_MAX_RANK];
} rb_tensor;

/* Status of a call; a message for the calling thread is in rb_last_error(). */
typedef enum rb_status {
  RB_OK = 0,
  RB_INVALID_ARGUMENT = 1,
  RB_OUT_OF_MEMORY = 2,
  RB_NOT_FOUND = 3,
  RB_IO_ERROR = 4,
  RB_VERSION_MISMATCH = 5,
  RB_UNAVAILABLE = 6,
  RB_INTERRUPTED = 7,
  RB_NUMERIC = 8,
  RB_INTERNAL = 9
} rb_status;

/* An entry point of an artefact: `args` and `results` are arrays in the order of
 * the manifest. A donated argument is updated in place, and the result that
 * aliases it has the same data pointer. Any other result is allocated by the
 * callee with rheobase_rt_alloc (its dims depend on the arguments') and owned by
 * the caller, who gives it back with rheobase_rt_free. Shapes are checked: a
 * dimension that contradicts the manifest or another argument gives
 * RB_INVALID_ARGUMENT, and nothing was computed. */
typedef int32_t (*rb_entry_fn)(const rb_tensor *args, rb_tensor *results);

/* The only functions that generated code calls (with libm, and libomp for
 * threads). Memory comes from a pool that keeps freed blocks, 64-byte aligned;
 * null when there is none left. An artefact has a pool of its own, unless it was
 * linked into something that has one: a block goes back to the pool that it is
 * of, whoever's rheobase_rt_free is called, also after the artefact was
 * unloaded. */
void *rheobase_rt_alloc(int64_t bytes) RB_NOEXCEPT;
void rheobase_rt_free(void *data) RB_NOEXCEPT;
/* As rheobase_rt_alloc, for the buffers that a kernel has for itself. From
 * inside of a parallel loop no error gets out: where there is no memory left, a
 * line on the standard error says so, and the process ends (abort). */
void *rheobase_rt_need(int64_t bytes) RB_NOEXCEPT;
/* Records an error of the calling thread: argument `index` of `entry` has `got`
 * in dimension `dim`, where `expected` was. `dim` -1 is the rank, -2 the element type. */
void rheobase_rt_shape_error(const char *entry, int32_t index, int32_t dim,
                             int64_t expected, int64_t got) RB_NOEXCEPT;
/* The best instruction set of RB_X86_64_V3 and RB_X86_64_V4 that the machine
 * and its system have, or that the environment variable RHEOBASE_CPU
 * (x86-64-v3, x86-64-v4) names, if they have it; 0 if they have none. */
typedef enum rb_instruction_set {
  RB_X86_64_V3 = 3,
  RB_X86_64_V4 = 4
} rb_instruction_set;
int32_t rheobase_rt_instruction_set(void) RB_NOEXCEPT;
/* Records an error of the calling thread: `entry` has code for the instruction
 * set `needed` and better ones only. */
void rheobase_rt_instruction_set_error(const char *entry,
                                       int32_t needed) RB_NOEXCEPT;
/* Around a call of code that runs on the threads of OpenMP: where the process
 * has others at work (another call, or a parallel region of whatever OpenMP
 * that the caller is in), the code takes the calling thread only. `entered` is
 * what the first returned. */
int64_t rheobase_rt_enter(void) RB_NOEXCEPT;
void rheobase_rt_leave(int64_t entered) RB_NOEXCEPT;
/* Which kernel a product with spikes takes: bit 0 is 0 for the dense one, 1 for
 * the selective one, which give the same bits. `site` is RHEOBASE_SITE_BYTES of
 * the product's own, zero at first, where the runtime keeps what it measured;
 * several threads may use it. `spikes` are `count` bytes, each a spike or, if
 * they are packed, eight, from which the share of ones is estimated, `work` is
 * the number of multiply-adds of the dense kernel. If bit 1 is set, the call is
 * measured: rheobase_rt_end_kernel follows the product, with what was returned.
 */
#define RHEOBASE_SITE_BYTES 640
int64_t rheobase_rt_begin_kernel(void *site, const void *spikes, int64_t count,
                                 int64_t work) RB_NOEXCEPT;
int64_t rheobase_rt_begin_packed_kernel(void *site, const void *spikes,
                                        int64_t count,
                                        int64_t work) RB_NOEXCEPT;
void rheobase_rt_end_kernel(void *site, int64_t work,
                            int64_t begun) RB_NOEXCEPT;
/* Of code that was compiled with a profile: around a loop nest whose name is
 * `kernel` ("function|name|location|numbers", which lives as long as the code),
 * and how much the operation `number` does in a call of its nest, -1 if it is
 * not known. */
int64_t rheobase_rt_profile_begin(void) RB_NOEXCEPT;
void rheobase_rt_profile_end(int64_t start, const char *kernel) RB_NOEXCEPT;
void rheobase_rt_profile_work(int64_t number, int64_t operations,
                              int64_t bytes) RB_NOEXCEPT;
/* The message of the calling thread's last error, empty if there was none.
 * Valid until the thread's next error. */
const char *rb_last_error(void) RB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif /* RHEOBASE_ABI_H */
