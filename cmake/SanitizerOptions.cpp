//===- SanitizerOptions.cpp - What AddressSanitizer cannot know ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Part of every program of the asan preset. LLVM's allocators poison memory
// where their headers are compiled with AddressSanitizer, and hand it out again
// in libMLIR.so, which is not: without the first option correct code is an
// error. With the second, memory that is not there is null, as programs expect.
//
//===----------------------------------------------------------------------===//

extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:allocator_may_return_null=1";
}
