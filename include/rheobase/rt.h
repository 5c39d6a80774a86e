/*===- rt.h - The runtime's C API ------------------------------------------===*
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Programs, data, training and checkpoints behind plain C. Nothing here aborts
 * or throws: a call returns an rb_status, and rb_last_error() has the message.
 *
 *===----------------------------------------------------------------------===*/
#ifndef RHEOBASE_RT_H
#define RHEOBASE_RT_H

#include "rheobase/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/*===----------------------------------------------------------------------===*
 * Errors and memory: library RheobaseRTCore, which every artefact contains
 *===----------------------------------------------------------------------===*/

/* Records the calling thread's error, for callbacks and hand-written entry
 * points. */
void rb_set_last_error(const char *message) RB_NOEXCEPT;

/* Returns the memory that the pool keeps in reserve to the system. */
void rheobase_rt_trim(void) RB_NOEXCEPT;

/* The most bytes that were in use at the same time; with `reset` the count
 * starts again from what is in use now. */
int64_t rheobase_rt_peak_bytes(int32_t reset) RB_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif /* RHEOBASE_RT_H */
