/*===- use-runtime.c - Calls the runtime ------------------------------------===*
 *
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===----------------------------------------------------------------------===*/

#include "rheobase/rt.h"
#include <stdio.h>

int main(void) {
  rb_program *program = NULL;
  if (rb_program_open("does-not-exist.so", &program) == 0)
    return 1;
  printf("error: %s\n", rb_last_error());
  return 0;
}
