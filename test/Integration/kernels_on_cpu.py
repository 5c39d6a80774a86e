# kernels_on_cpu.py - Executes generated GPU kernels without a GPU.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The llvm/nvvm module that PTX is emitted from is compiled for the CPU instead:
# intrinsics become variables and calls, every thread of a block a fiber that
# changes over at barriers. The host code that launches the kernels runs too.
# This checks what kernels compute; it knows nothing of memory spaces or races.

import ctypes
import os
import re
import subprocess

import numpy as np

RUNTIME = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* What the kernel that runs sees as its indices. */
int32_t emu_tid, emu_ctaid, emu_ntid, emu_nctaid;

enum { MAX_THREADS = 1024, STACK = 256 * 1024 };
static ucontext_t scheduler, fibers[MAX_THREADS];
static char *stacks;
static int finished[MAX_THREADS];
static int current;
static void (*body)(void **);
static void **parameters;

static void fiber(void) {
  body(parameters);
  finished[current] = 1;
}

void emu_barrier(void) {
  swapcontext(&fibers[current], &scheduler);
  emu_tid = current;
}

static void run_block(int threads) {
  if (!stacks) stacks = malloc((size_t)MAX_THREADS * STACK);
  for (int i = 0; i < threads; ++i) {
    finished[i] = 0;
    getcontext(&fibers[i]);
    fibers[i].uc_stack.ss_sp = stacks + (size_t)i * STACK;
    fibers[i].uc_stack.ss_size = STACK;
    fibers[i].uc_link = &scheduler;
    makecontext(&fibers[i], fiber, 0);
  }
  /* All threads go from one barrier to the next, or to their ends. */
  for (int left = threads; left > 0;) {
    left = 0;
    for (int i = 0; i < threads; ++i) {
      if (finished[i]) continue;
      current = emu_tid = i;
      swapcontext(&scheduler, &fibers[i]);
      left += !finished[i];
    }
    if (left != 0 && left != threads) {
      fprintf(stderr, "threads of a block part at a barrier\n");
      abort();
    }
  }
}

struct kernel { const char *name; void (*call)(void **); };
extern struct kernel emu_kernels[];
int emu_launches;

void *mgpuModuleLoad(void *data, uint64_t size) { return data; }
void *mgpuModuleLoadJIT(void *data, int level) { return data; }
void mgpuModuleUnload(void *module) {}
void *mgpuModuleGetFunction(void *module, const char *name) {
  for (struct kernel *k = emu_kernels; k->name; ++k)
    if (!strcmp(k->name, name)) return k;
  fprintf(stderr, "no kernel %s\n", name);
  abort();
}
void *mgpuStreamCreate(void) { return 0; }
void mgpuStreamSynchronize(void *stream) {}
void mgpuStreamDestroy(void *stream) {}
void mgpuLaunchKernel(void *function, intptr_t gx, intptr_t gy, intptr_t gz,
                      intptr_t bx, intptr_t by, intptr_t bz, int32_t shared,
                      void *stream, void **params, void **extra, size_t count) {
  if (gy != 1 || gz != 1 || by != 1 || bz != 1 || bx > MAX_THREADS) abort();
  body = ((struct kernel *)function)->call;
  parameters = params;
  emu_ntid = bx;
  emu_nctaid = gx;
  ++emu_launches;
  for (intptr_t block = 0; block < gx; ++block) {
    emu_ctaid = block;
    run_block(bx);
  }
}

/* Scratch begins as garbage. */
void *_mlir_memref_to_llvm_alloc(int64_t bytes) {
  void *data = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
  memset(data, 0xa5, bytes);
  return data;
}
void _mlir_memref_to_llvm_free(void *data) { free(data); }
"""

SPECIAL_REGISTERS = {"tid": "emu_tid", "ctaid": "emu_ctaid", "ntid": "emu_ntid", "nctaid": "emu_nctaid"}


class Toolchain:
    """Programs of the build and of LLVM."""

    def __init__(self, snn_opt, llvm_bin, cc):
        self.snn_opt, self.cc = snn_opt, cc
        self.translate = os.path.join(llvm_bin, "mlir-translate")

    def opt(self, text, *passes):
        return self._run([self.snn_opt, "-", *passes], text)

    def to_llvm(self, text):
        return self._run([self.translate, "--mlir-to-llvmir", "-"], text)

    def _run(self, command, text):
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert done.returncode == 0, " ".join(command) + "\n" + done.stderr[:4000]
        return done.stdout

    def build(self, folder, name, sources):
        paths = []
        for suffix, text in sources:
            paths.append(os.path.join(folder, name + suffix))
            with open(paths[-1], "w") as file:
                file.write(text)
        library = os.path.join(folder, name + ".so")
        self._run([self.cc, "-O1", "-g0", "-fPIC", "-shared", "-march=native", "-ffp-contract=off",
                   "-Wno-override-module", "-o", library, *paths, "-lm"], "")
        return ctypes.CDLL(library)


def _kernel_module(text):
    """The body of the gpu.module, as a module of its own."""
    start = text.index("gpu.module @kernels")
    start = text.index("{", start) + 1
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        end += 1
    aliases = "".join(line + "\n" for line in text.splitlines() if line.startswith("#"))
    return aliases + "module {" + text[start:end - 1] + "}\n"


def _emulated(ir):
    """LLVM IR of kernels with indices and barriers of the emulation."""
    for register, variable in SPECIAL_REGISTERS.items():
        ir = re.sub(r"(?:tail )?call (?:range\([^)]*\) )?i32 @llvm\.nvvm\.read\.ptx\.sreg\.%s\.x\(\)[^\n]*" % register,
                    "load volatile i32, ptr @%s" % variable, ir)
        ir = re.sub(r"declare [^\n]*@llvm\.nvvm\.read\.ptx\.sreg\.%s\.x\(\)[^\n]*" % register, "", ir)
    ir = re.sub(r"call void @llvm\.nvvm\.barrier[\w.]*\([^)]*\)", "call void @emu_barrier()", ir)
    ir = re.sub(r"declare [^\n]*@llvm\.nvvm\.barrier[^\n]*", "", ir)
    ir = ir.replace("ptx_kernel ", "")
    ir = re.sub(r" addrspace\(3\)", "", ir)
    ir = re.sub(r"\nattributes #\d+ = \{[^\n]*nvvm[^\n]*", "", ir)
    ir = re.sub(r"!nvvm\.annotations[^\n]*", "", ir)
    assert "llvm.nvvm." not in ir, re.findall(r"[^\n]*llvm\.nvvm\.[^\n]*", ir)[:3]
    ir += "\ndeclare void @emu_barrier()\n"
    return ir + "".join("@%s = external global i32\n" % v for v in SPECIAL_REGISTERS.values())


C_TYPES = {"ptr": "void *", "i64": "int64_t", "i32": "int32_t", "i8": "int8_t", "float": "float", "double": "double"}


def _callers(ir):
    """A C function for each kernel that takes the parameters as launches give them."""
    text, table = "#include <stdint.h>\n", ""
    for name, args in re.findall(r"^define void @(\w+)\(([^)]*)\)", ir, re.M):
        types = [C_TYPES[a.split()[0]] for a in args.split(",") if a.strip()]
        text += "void %s(%s);\n" % (name, ", ".join(types) or "void")
        text += "static void call_%s(void **p) { %s(%s); }\n" % (
            name, name, ", ".join("*(%s *)p[%d]" % (t, i) for i, t in enumerate(types)))
        table += '{"%s", call_%s}, ' % (name, name)
    return text + "struct kernel { const char *name; void (*call)(void **); } emu_kernels[] = {%s{0, 0}};\n" % table


def _descriptor(array):
    rank = array.ndim

    class Descriptor(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("data", ctypes.c_void_p), ("offset", ctypes.c_int64)] + (
            [("sizes", ctypes.c_int64 * rank), ("strides", ctypes.c_int64 * rank)] if rank else [])

    values = [array.ctypes.data, array.ctypes.data, 0]
    if rank:
        item = array.itemsize
        values += [(ctypes.c_int64 * rank)(*array.shape), (ctypes.c_int64 * rank)(*(s // item for s in array.strides))]
    return Descriptor(*values)


class Compiled:
    """A compiled module; call its functions with arrays, which are updated in place."""

    def __init__(self, library):
        self.library = library

    def __call__(self, function, *arguments):
        converted = []
        for a in arguments:
            if isinstance(a, np.ndarray):
                converted.append(ctypes.byref(_descriptor(a)))
            else:
                converted.append(ctypes.c_int64(a))
        getattr(self.library, "_mlir_ciface_" + function)(*converted)

    @property
    def launches(self):
        return ctypes.c_int.in_dll(self.library, "emu_launches").value


def compile_for_gpu(tools, text, folder, name="gpu", options=""):
    """The functions of a module on buffers through the GPU's pipeline, kernels emulated."""
    lowered = tools.opt(text, "--lower-to-nvvm=" + options if options else "--lower-to-nvvm")
    kernels = _emulated(tools.to_llvm(_kernel_module(lowered)))
    host = re.sub(r"gpu\.alloc\s+\(([^)]*)\)", r"memref.alloc(\1)", lowered)
    host = re.sub(r"gpu\.dealloc\s+", "memref.dealloc ", host)
    host = tools.opt(host, "--nvvm-attach-target=chip=sm_80", "--llvm-request-c-wrappers", "--expand-strided-metadata",
                     "--lower-affine", "--convert-scf-to-cf",
                     "--finalize-memref-to-llvm=use-generic-functions=true",
                     "--gpu-to-llvm=use-bare-pointers-for-kernels=true", "--convert-to-llvm",
                     "--reconcile-unrealized-casts", "--gpu-module-to-binary=format=isa")
    return Compiled(tools.build(folder, name, [
        (".host.ll", tools.to_llvm(host)), (".kernels.ll", kernels),
        (".callers.c", _callers(kernels)), (".runtime.c", RUNTIME)]))


def compile_for_cpu(tools, text, folder, name="cpu"):
    """The same functions through the CPU's pipeline."""
    lowered = tools.opt(text, "--llvm-request-c-wrappers", "--lower-to-llvm=threads=false")
    return Compiled(tools.build(folder, name, [
        (".ll", tools.to_llvm(lowered)),
        (".runtime.c", RUNTIME + "\nstruct kernel emu_kernels[] = {{0, 0}};\n")]))
