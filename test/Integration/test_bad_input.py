"""Bad input: a table of mistakes and of what each tool says about them.

Every case must end with a status that is not zero and a message that names the
thing, what was expected and what came; nothing may crash, and no file may
appear, change or stay half written.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import dataclasses
import gzip
import os
import pathlib
import re
import resource
import struct
import subprocess

import numpy as np
import pytest

# One f32 input of 4 values, three classes, T = 2: small, and with every role.
NETWORK = """module @small {
  ml_program.global private mutable @w(#spiking.init<kaiming_uniform, fan_in = 4, gain = 1.0>) : tensor<4x3xf32>
  func.func @forward(%image: tensor<?x4xf32> {spiking.name = "image"},
                     %T: index {spiking.name = "T", spiking.role = "time_steps"}) -> (tensor<?x3xf32> {spiking.name = "logits"})
      attributes {spiking.training = #spiking.training<loss = @loss, optimizer = #spiking.adam_optimizer<learning_rate = 0.001>, time_steps = 2>} {
    %w = ml_program.global_load @w : tensor<4x3xf32>
    %c0 = arith.constant 0 : index
    %zero = arith.constant 0.0 : f32
    %B = tensor.dim %image, %c0 : tensor<?x4xf32>
    %rest = tensor.splat %zero[%B] : tensor<?x3xf32>
    %s, %v = spiking.time_loop %t = 0 to %T state(%v0 = %rest : tensor<?x3xf32>) -> (tensor<?x?x3xi1>) {
      %i = spiking.linear %image, %w : (tensor<?x4xf32>, tensor<4x3xf32>) -> tensor<?x3xf32>
      %s1, %v1 = spiking.lif %i, %v0 {decay = 0.5, surrogate = #spiking.atan<alpha = 2.0>}
          : (tensor<?x3xf32>, tensor<?x3xf32>) -> (tensor<?x3xi1>, tensor<?x3xf32>)
      spiking.yield %s1 : tensor<?x3xi1> next(%v1 : tensor<?x3xf32>)
    }
    %logits = spiking.readout %s {kind = #spiking.readout<rate>} : (tensor<?x?x3xi1>) -> tensor<?x3xf32>
    return %logits : tensor<?x3xf32>
  }
  func.func private @loss(%logits: tensor<?x3xf32>, %labels: tensor<?xi32> {spiking.name = "labels"}) -> (tensor<f32>, tensor<i32>) {
    %loss = spiking.cross_entropy %logits, %labels : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<f32>
    %correct = spiking.count_correct %logits, %labels : (tensor<?x3xf32>, tensor<?xi32>) -> tensor<i32>
    return %loss, %correct : tensor<f32>, tensor<i32>
  }
}
"""


def idx(dims, data):
    return bytes([0, 0, 8, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + bytes(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tool, build_dir):
    """The files that the cases name. Each case must leave them as they are."""
    folder = tmp_path_factory.mktemp("bad-input")

    def write(name, contents):
        (folder / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)

    def edit(name, old, new):
        assert NETWORK.count(old) >= 1, old
        write(name, NETWORK.replace(old, new))

    # Modules
    write("net.mlir", NETWORK)
    write("empty.mlir", "module {}\n")
    write("binary.mlir", b"\xff\xfe\x00\x01")
    write("cut.mlir", NETWORK[:700])
    edit("parenthesis.mlir", "-> (tensor<?x3xf32> {", "-> tensor<?x3xf32> {")
    edit("operation.mlir", "spiking.lif ", "spiking.liff ")
    edit("attribute.mlir", "decay = 0.5", "decy = 0.5")
    edit("surrogate.mlir", "#spiking.atan<", "#spiking.atann<")
    edit("kind.mlir", "readout<rate>", "readout<rte>")
    edit("role.mlir", '"time_steps"', '"timesteps"')
    edit("loss.mlir", "loss = @loss", "loss = @los")
    edit("option.mlir", "<learning_rate = 0.001>", "<lr = 0.001>")
    edit("training.mlir", "{spiking.training", "{spiking.trainin")
    edit("untrained.mlir", "attributes {spiking.training = #spiking.training<loss = @loss, optimizer = "
         "#spiking.adam_optimizer<learning_rate = 0.001>, time_steps = 2>}", "")
    edit("shape.mlir", "(tensor<?x4xf32>, tensor<4x3xf32>) ->", "(tensor<?x3xf32>, tensor<4x3xf32>) ->")
    write("inner.mlir", NETWORK.replace("%image, %w :", "%v0, %w :").replace(
        "(tensor<?x4xf32>, tensor<4x3xf32>) ->", "(tensor<?x3xf32>, tensor<4x3xf32>) ->"))
    write("wide.mlir", NETWORK.replace("4x3x", "4x5x").replace("?x3x", "?x5x"))

    # Data
    labels = [i % 3 for i in range(60)]
    pixels = [(37 * i) % 256 for i in range(240)]
    samples = (np.array(pixels, np.float32) / 255).reshape(60, 4)
    write("images", idx((60, 2, 2), pixels))
    write("labels", idx((60,), labels))
    write("images.gz", gzip.compress(idx((60, 2, 2), pixels), mtime=0))
    np.save(folder / "images.npy", samples)
    np.save(folder / "labels.npy", np.array(labels))
    for name in ("images", "images.gz", "images.npy", "labels"):
        contents = (folder / name).read_bytes()
        for size in (0, 3, 9, len(contents) // 2, len(contents) - 1):
            write(f"{name}.first{size if size < 10 else 'half' if size < len(contents) - 1 else 'almost'}",
                  contents[:size])
    flipped = bytearray((folder / "images.gz").read_bytes())
    flipped[len(flipped) // 2] ^= 0xff
    write("flipped.gz", flipped)
    write("long", idx((60, 2, 2), pixels) + b"x")
    write("huge", bytes([0, 0, 8, 3]) + b"\xff" * 12)
    write("labels59", idx((59,), labels[:59]))
    write("label9", idx((60,), labels[:-1] + [9]))
    np.save(folder / "negative.npy", np.array([-1] + labels[1:]))
    np.save(folder / "half.npy", np.array(labels, np.float32))
    np.save(folder / "five.npy", np.zeros((60, 5), np.float32))
    np.save(folder / "two.npy", np.zeros((2, 4), np.float32))
    np.save(folder / "complex.npy", samples.astype(np.complex64))
    np.save(folder / "fortran.npy", np.asfortranarray(samples))
    np.save(folder / "big.npy", samples.astype(">f4"))
    np.save(folder / "objects.npy", np.array([{}]), allow_pickle=True)
    np.save(folder / "number.npy", np.float32(1))
    np.save(folder / "none.npy", np.zeros((0, 4), np.float32))

    # Checkpoints and programs
    def train(network, checkpoint):
        tool("snn-train", network, "--data-images=images", "--data-labels=labels", "--epochs=1", "--progress=off",
             f"--checkpoint={checkpoint}", cwd=folder)

    train("net.mlir", "good.st")
    edit("renamed.mlir", "@w", "@fc.weight")
    train("renamed.mlir", "other.st")
    checkpoint = (folder / "good.st").read_bytes()
    write("prefix.st", checkpoint[:4])
    write("header.st", checkpoint[:100])
    write("data.st", checkpoint[:-1])
    write("long.st", checkpoint + b"x")
    write("dtype.st", checkpoint.replace(b'"F32"', b'"F99"', 1))
    header = struct.unpack("<Q", checkpoint[:8])[0]
    nan = struct.pack("<f", float("nan"))
    write("nan.st", checkpoint[:8 + header] + nan + checkpoint[12 + header:])
    tool("snn-compile", "net.mlir", "--emit=so", "-o", "net.so", cwd=folder)
    program = (folder / "net.so").read_bytes()
    for size in (7, 200, len(program) // 2, len(program) - 1):
        write(f"cut{size if size < 201 else 'half' if size < len(program) - 1 else 'almost'}.so", program[:size])
    (folder / "folder").mkdir()
    return folder


@dataclasses.dataclass
class Case:
    command: str
    message: str  # regular expression
    status: int = 1
    environment: dict = dataclasses.field(default_factory=dict)
    file_bytes: int = 0  # limit on the size of files: a disk that is full
    stdout: str = ""

    def __str__(self):
        return self.command + (f" [{self.file_bytes} bytes]" if self.file_bytes else "")


# The compiled network, where the network is not to blame: it loads at once.
TRAIN = "snn-train net.so --progress=off --epochs=1"
DATA = "--data-images=images --data-labels=labels"
RUN = "snn-run net.mlir --function=forward"
GPU = "snn-compile net.mlir --target=nvptx"


def for_every_tool(file, message):
    """What is wrong with a module, every tool says in the same words."""
    return [Case(f"snn-opt {file} -o out.mlir", message), Case(f"snn-run {file} --random", message, status=2),
            Case(f"snn-train {file} {DATA}", message), Case(f"snn-compile {file} --emit=so -o out.so", message)]


def images(file, message):
    return Case(f"{TRAIN} --data-images={file} --data-labels=labels", f"snn-train: error: {message}")


def labels(file, message):
    return Case(f"{TRAIN} --data-images=images --data-labels={file}", f"snn-train: error: {message}")


def checkpoint(file, train_message, compile_message=None):
    return [Case(f"{TRAIN} {DATA} --resume={file}", f"snn-train: error: {train_message}"),
            Case(f"snn-compile net.mlir --emit=so --weights={file} -o out.so", compile_message or train_message)]


NOT_DATA = "expected an NPY file, or an IDX file, which begins with 0000, a type .* and a rank .*, got "

CASES = [
    # A malformed module
    *for_every_tool("parenthesis.mlir", r"parenthesis.mlir:4:\d+: error: custom op 'spiking.name' is unknown"),
    *for_every_tool("cut.mlir", r"cut.mlir:10:\d+: error: expected "),
    *for_every_tool("binary.mlir", r"binary.mlir:1:1: error: unexpected character"),
    *for_every_tool("operation.mlir", r"operation.mlir:13:\d+: error: custom op 'spiking.liff' is unknown"),
    *for_every_tool("missing.mlir", r"cannot open .*'missing.mlir': No such file or directory"),
    *for_every_tool("folder", r"cannot open .*'folder': Is a directory"),
    Case(f"snn-train missing.so {DATA}", "error: cannot open 'missing.so': No such file or directory"),
    Case("snn-run empty.mlir", "snn-run: the module has no function", status=2),
    Case("snn-compile empty.mlir --emit=so -o out.so", "snn-compile: 'empty.mlir': expected a public function, got none"),
    Case("snn-compile empty.mlir --target=nvptx --chip=sm_90 --emit=ptx -o out.ptx", "expected a public function, got none"),
    Case(f"snn-train untrained.mlir {DATA}",
         "'untrained.mlir': expected a function with the attribute spiking.training"),
    # A shape that does not fit
    *for_every_tool("shape.mlir", r"shape.mlir:12:\d+: error: use of value '%image' expects different type"),
    *for_every_tool("inner.mlir", r"inner.mlir:12:\d+: error: 'spiking.linear' op expected an input whose last dimension "
                    r"is \[4\], got 'tensor<\?x3xf32>'"),
    # An unknown attribute
    *for_every_tool("attribute.mlir", "'spiking.lif' op has no attribute 'decy'; did you mean 'decay'"),
    *for_every_tool("surrogate.mlir", "unknown attribute `atann` in dialect `spiking`"),
    *for_every_tool("kind.mlir", "to be one of: rate, sum, max, last, first_spike"),
    *for_every_tool("role.mlir", 'expected spiking.role of argument 1 to be one of parameter, .*; got "timesteps"'),
    *for_every_tool("loss.mlir", "there is no loss function @los"),
    *for_every_tool("option.mlir", "unknown struct parameter name: lr"),
    *for_every_tool("training.mlir", "unknown attribute 'spiking.trainin', expected 'spiking.training'"),
    # A missing data file
    images("missing", "cannot open 'missing': No such file or directory"),
    labels("missing", "cannot open 'missing': No such file or directory"),
    images("folder", "cannot read 'folder': Is a directory"),
    Case(f"{TRAIN} --data-dir=folder", "'folder' has none of train-images-idx3-ubyte.gz, "),
    Case(f"{TRAIN} --data-dir=missing", "'missing' has none of train-images-idx3-ubyte.gz, "),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg image=missing.npy",
         "argument 'image' of @forward .* cannot be read: cannot open 'missing.npy': No such file", status=2),
    # A truncated data file: plain, gzip, npy
    images("images.first0", f"'images.first0': {NOT_DATA}an empty file"),
    images("images.first3", f"'images.first3': {NOT_DATA}000008"),
    images("images.first9", "'images.first9': the IDX header is cut short: expected 3 sizes, got 1"),
    images("images.firsthalf", r"'images.firsthalf': expected 240 bytes for u8\[60,2,2\], got 112"),
    images("images.firstalmost", r"'images.firstalmost': expected 240 bytes for u8\[60,2,2\], got 239"),
    images("long", r"'long': expected 240 bytes for u8\[60,2,2\], got 241"),
    images("huge", r"'huge': u8\[4294967295,4294967295,4294967295\] is too large"),
    *[images(f"images.gz.first{size}", f"'images.gz.first{size}': the gzip data are cut short")
      for size in ("3", "9", "half", "almost")],
    images("flipped.gz", "'flipped.gz': the gzip data are corrupt: "),
    images("images.npy.first9", "'images.npy.first9': the NPY header is cut short"),
    images("images.npy.firsthalf", r"'images.npy.firsthalf': expected 960 bytes for f32\[60,4\], got \d+"),
    images("images.npy.firstalmost", r"'images.npy.firstalmost': expected 960 bytes for f32\[60,4\], got 959"),
    labels("labels.firstalmost", r"'labels.firstalmost': expected 60 bytes for u8\[60\], got 59"),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg image=images.npy.firstalmost",
         r"cannot be read: 'images.npy.firstalmost': expected 960 bytes for f32\[60,4\], got 959", status=2),
    # Data of another kind
    images("net.mlir", f"'net.mlir': {NOT_DATA}6d6f6475"),
    images("labels", r"input 'image': expected f32\[B,4\], got samples of type u8\[\] in 'labels'"),
    images("five.npy", r"input 'image': expected f32\[B,4\], got samples of type f32\[5\] in 'five.npy'"),
    images("number.npy", r"'number.npy': expected samples, got f32\[\]"),
    images("none.npy", r"'none.npy': expected samples, got f32\[0,4\]"),
    images("complex.npy", "'complex.npy': expected elements of type b1, .*, got '<c8'"),
    images("objects.npy", r"'objects.npy': expected elements of type b1, .*, got '\|O'"),
    images("big.npy", "'big.npy': expected little-endian elements, got big-endian '>f4'"),
    images("fortran.npy", "'fortran.npy': expected C order, got Fortran order"),
    # A label out of range
    labels("label9", "'label9': expected labels from 0 to 2, got 9 for sample 59"),
    labels("negative.npy", "'negative.npy': expected labels from 0 to 2, got -1 for sample 0"),
    labels("half.npy", r"'half.npy': expected one integer label per sample, got f32\[60\]"),
    labels("labels59", "'labels59' has 59 labels, but 'images' has 60 samples"),
    labels("images", r"'images': expected one integer label per sample, got u8\[60,2,2\]"),
    Case(f"{TRAIN} {DATA} --classes=2", "'labels': expected labels from 0 to 1, got 2 for sample 2"),
    # A checkpoint of another network, or cut short
    *checkpoint("missing.st", "cannot open 'missing.st': No such file or directory"),
    *checkpoint("other.st", r"'other.st' is a checkpoint of another network.* it has no 'w'",
                r"the checkpoint 'other.st' has no tensor w \('tensor<4x3xf32>'\): it is of another network"),
    Case(f"snn-train wide.mlir {DATA} --resume=good.st",
         r"'good.st' is a checkpoint of another network than 'small': 'w': expected f32\[4,5\], got f32\[4,3\]"),
    Case("snn-compile wide.mlir --emit=so --weights=good.st -o out.so",
         r"tensor w of the checkpoint 'good.st' is f32\[4,3\], expected 'tensor<4x5xf32>'"),
    *checkpoint("prefix.st", "'prefix.st': expected a safetensors file of at least 8 bytes, got 4"),
    *checkpoint("header.st", r"'header.st': expected a safetensors header of \d+ bytes, got 92: cut short"),
    *checkpoint("data.st", r"'data.st': the file is cut short: expected 144 bytes of data for tensor 'w.adam_v', got 143"),
    *checkpoint("long.st", "'long.st': expected 144 bytes of data, got 145"),
    *checkpoint("dtype.st", "'dtype.st': tensor 'w': expected dtype to be one of .*F99"),
    *checkpoint("nan.st", "'nan.st': 'w' holds a value that is not finite",
                "tensor w of the checkpoint 'nan.st' is not finite at element 0"),
    *checkpoint("net.mlir", "'net.mlir': expected a safetensors header of"),
    # A program that is none, or cut short
    *[Case(f"snn-train cut{size}.so {DATA}", rf"'cut{size}.so': the shared object is cut short: expected \d+ bytes, got \d+")
      for size in ("7", "200", "half", "almost")],
    Case(f"snn-train /bin/sh {DATA}", "cannot load '/bin/sh': "),
    # A full disk
    Case(f"{TRAIN} {DATA} --resume=good.st --epochs=2", "cannot write 'good.st': File too large", file_bytes=300),
    Case(f"{TRAIN} {DATA} --log=out.csv --log-steps=1 --epochs=50", "cannot write 'out.csv': File too large", file_bytes=300),
    Case(f"{TRAIN} {DATA} --log=/dev/full", "cannot write '/dev/full': No space left on device"),
    Case(f"{TRAIN} {DATA} --test-images=images --test-labels=labels",
         "cannot write the standard output: No space left on device", stdout="/dev/full"),
    Case("snn-opt net.mlir -o out.mlir", "snn-opt: cannot write 'out.mlir': File too large", file_bytes=300),
    Case("snn-opt net.mlir", "snn-opt: cannot write the standard output: No space left on device", stdout="/dev/full"),
    *[Case(f"snn-compile net.mlir --emit={format} -o out", f"cannot write '{file}': File too large", file_bytes=300)
      for format, file in (("mlir", "out"), ("llvm", "out"), ("obj", "out"), ("so", r"/.*/rheobase-.*\.o"))],
    Case(f"{GPU} --chip=sm_90 --emit=ptx -o out.ptx", "cannot write 'out.ptx': File too large", file_bytes=300),
    Case("snn-compile net.mlir --until=sequence -o -", "cannot write the standard output", stdout="/dev/full"),
    Case(f"{RUN} --random --dims=B=20,T=2 --out-dir=.", r"cannot write './image.npy': File too large", file_bytes=300, status=2),
    Case(f"{RUN} --random --dims=B=2,T=2", "cannot write the standard output", stdout="/dev/full", status=2),
    # Somewhere to write to that is not there
    Case(f"{TRAIN} {DATA} --checkpoint=missing/x.st", "cannot write 'missing/x.st': No such file or directory"),
    Case(f"{TRAIN} {DATA} --checkpoint=folder", "cannot write 'folder': Is a directory"),
    Case(f"{TRAIN} {DATA} --log=missing/x.csv", "cannot open 'missing/x.csv': No such file or directory"),
    Case("snn-opt net.mlir -o missing/x.mlir", "cannot write 'missing/x.mlir': No such file or directory"),
    Case("snn-compile net.mlir --emit=so -o missing/x.so", "cannot write 'missing/x.so': No such file or directory"),
    Case("snn-compile net.mlir --emit=so -o folder", "cannot write 'folder': Is a directory"),
    Case("snn-compile net.mlir --until=planned -o /proc/x.mlir", "cannot write '/proc/x.mlir': "),
    Case(f"{RUN} --random --dims=B=2,T=2 --out-dir=net.mlir/out", "cannot make net.mlir/out: Not a directory", status=2),
    # An unknown chip, ptxas missing or of no use
    *[Case(f"{GPU} --emit={format} --chip=sm_35 -o out", "unknown chip 'sm_35', expected one of sm_70, .*sm_120")
      for format in ("ptx", "cubin", "fatbin")],
    Case(f"{GPU} --emit=ptx -o out", "expected at least one chip"),
    Case(f"{GPU} --emit=cubin --chip=sm_80,sm_90 -o out", "expected one chip for a cubin, got 2; a fatbin takes several"),
    Case(f"{GPU} --emit=cubin --chip=sm_90 -o out", "ptxas not found on the PATH, in .CUDA_HOME, .* or PyPI's nvidia-cuda-nvcc",
         environment={"PATH": "", "CUDA_HOME": "/nowhere"}),
    Case(f"{GPU} --emit=cubin --chip=sm_90 --ptxas=/nowhere/ptxas -o out", "'/nowhere/ptxas', given as ptxas, is not a program"),
    Case(f"{GPU} --emit=cubin --chip=sm_90 --ptxas=/bin/false -o out", "error: false failed with status 1"),
    Case(f"{GPU} --emit=cubin --chip=sm_90 --ptxas=/bin/true -o out", "error: '/bin/true' wrote nothing"),
    Case(f"{GPU} --emit=fatbin --chip=sm_90 --ptxas=/bin/true --fatbinary=/nowhere/x -o out",
         "'/nowhere/x', given as fatbinary, is not a program"),
    Case("snn-compile net.mlir --emit=so --linker=/bin/false -o out.so", r"cannot link 'out.so' \(/bin/false .*\): status 1"),
    Case("snn-compile net.mlir --emit=so --linker=nolinker -o out.so", "there is no program 'nolinker' to link"),
    Case("snn-compile net.mlir --emit=so --runtime-library=missing.a -o out.so", "the runtime's library 'missing.a' does not exist"),
    # The command line
    *[Case(tool, "Not enough positional command line arguments") for tool in ("snn-run", "snn-train", "snn-compile")],
    *[Case(f"{tool} net.mlir --nonsense", "Unknown command line argument '--nonsense'")
      for tool in ("snn-opt", "snn-run", "snn-train", "snn-compile")],
    Case("snn-opt net.mlir --spiking-plan-recomputation=nonsense=1", "no such option nonsense"),
    Case("snn-compile net.mlir --emit=nonsense", "--emit option: expected mlir, llvm, obj, so, ptx, cubin, fatbin, got 'nonsense'"),
    Case("snn-compile net.mlir --target=arm", "--target option: expected cpu, nvptx, got 'arm'"),
    Case("snn-compile net.mlir --emit=ptx", "this output is for GPUs: add --target=nvptx"),
    Case(f"{GPU} --emit=so", "this output is for CPUs: leave --target=nvptx out"),
    Case("snn-compile net.mlir --emit=so --chip=sm_90", "--chip goes with --target=nvptx"),
    Case("snn-compile net.mlir --until=nonsense", "unknown stage 'nonsense', expected input, sequence, planned, linalg, buffers or llvm"),
    Case("snn-compile net.mlir --until=kernels", "unknown stage 'kernels', expected input, sequence, planned, linalg, buffers or llvm"),
    Case("snn-compile net.mlir --target=nvptx --until=llvm", "unknown stage 'llvm', expected input, sequence, planned, linalg, buffers, kernels or nvvm"),
    Case("snn-compile net.mlir --emit=so --until=planned", "--until goes with --emit=mlir"),
    Case("snn-compile net.mlir --weights=good.st", "--weights goes with --emit=llvm, obj or so"),
    Case("snn-compile net.mlir --emit=so --cpu=sse", "unknown instruction set 'sse', expected x86-64-v3"),
    Case(f"{GPU} --chip=sm_90 --emit=ptx --chunk-steps=0", "--chunk-steps must be at least 1, got 0"),
    Case(f"{TRAIN} {DATA} --schedule=nonsense", "--schedule option: expected constant, step, cosine, got 'nonsense'"),
    Case(f"{TRAIN} {DATA} --progress=nonsense", "--progress option: expected auto, on, off, got 'nonsense'"),
    Case(f"{TRAIN} {DATA} --batch=0", "batch: expected a positive number, got 0"),
    Case(f"{TRAIN} {DATA} --lr=-1", "learning rate: expected a number that is not negative, got -1"),
    Case(f"{TRAIN} {DATA} --time-steps=-1", "time steps: expected a number that is not negative, got -1"),
    Case(f"{TRAIN} {DATA} --threads=x", "'x' value invalid"),
    Case(f"{TRAIN}", "training data are missing: give --dataset"),
    Case(f"{TRAIN} --data-images=images", "--data-images and --data-labels belong together"),
    Case(f"{TRAIN} {DATA} --test-images=images", "--test-images and --test-labels belong together"),
    Case(f"{TRAIN} {DATA} --evaluate", "--evaluate needs the checkpoint to evaluate"),
    Case(f"{TRAIN} --dataset=cifar", "--dataset: expected fashion-mnist, got 'cifar'"),
    # Arguments of a run
    Case("snn-run net.mlir --function=nonsense --random", "no function 'nonsense', only: forward, loss", status=2),
    Case(f"{RUN} --dims=B=2,T=2", "argument 'image' of @forward .* has no value: give it with --arg=image=FILE.npy, or --random", status=2),
    Case(f"{RUN} --random --dims=T=2", "has the dimension B of unknown size: give it with --dims=B=N", status=2),
    Case(f"{RUN} --random --dims=B=2", "argument 'T' of @forward .* is not drawn: give it with --arg=T=N", status=2),
    Case(f"{RUN} --random --dims=B=x,T=2", "expected --dims name=N, got 'B=x'", status=2),
    Case(f"{RUN} --random --dims=B=-1,T=2", "expected --dims name=N, got 'B=-1'", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2,Q=3", "no argument of @forward has a dimension 'Q', only: B, T", status=2),
    Case(f"{RUN} --random --dims=B=1000000000000,T=2", r"out of memory for a tensor of type f32\[1000000000000,4\]", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg T=3", "argument 'T' of @forward .* cannot be 3: expected T = 2", status=2),
    Case(f"{RUN} --random --dims=B=2 --arg T=-3", "argument 'T' of @forward .* cannot be -3: expected a number of time steps", status=2),
    Case(f"{RUN} --random --dims=B=2 --arg T=2.5", "argument 'T' .* cannot be the number 2.5.*: element 0 is 2.5, which i64 does not hold", status=2),
    Case(f"{RUN} --random --dims=B=2 --arg T=two.npy", r"argument 'T' .* cannot be i64\[2,4\] from two.npy: expected dimensions \[\]", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg x=3", "@forward has no argument 'x', only: image, T, w", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg image", "expected --arg name=value, got 'image'", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg image=3", "argument 'image' .* cannot be the number 3.*: expected an .npy file", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg image=five.npy",
         r"cannot be f32\[60,5\] from five.npy: expected dimensions \[B = 2, 4\]", status=2),
    Case(f"{RUN} --random --dims=B=3,T=2 --arg image=two.npy",
         r"cannot be f32\[2,4\] from two.npy: expected dimensions \[B = 3, 4\]", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --arg image=complex.npy", "'complex.npy': expected elements of type b1", status=2),
    Case("snn-run net.mlir --function=loss --random --dims=B=60 --arg labels=images.npy",
         r"argument 'labels' .* from images.npy: element 1 is .*, which i32 does not hold", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --isa=sse", "unknown instruction set 'sse': expected host, x86-64-v3 or x86-64-v4", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --reference --check", "--reference excludes --check, --time, --profile and --passes", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --threads=-1", "--threads: expected a number that is not negative, got -1", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --spike-rate=2", "--spike-rate: expected a share from 0 to 1, got 2", status=2),
    Case(f"{RUN} --random --dims=B=2,T=2 --time --min-seconds=-1", "--min-seconds: expected a number that is not negative, got -1", status=2),
]


def snapshot(folder):
    return {path.relative_to(folder): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_message(case, folder, build_dir):
    words = case.command.split()
    before = snapshot(folder)

    def limit():
        if case.file_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (case.file_bytes, resource.RLIM_INFINITY))

    stdout = open(case.stdout, "w") if case.stdout else subprocess.PIPE
    result = subprocess.run([build_dir / "bin" / words[0], *words[1:]], cwd=folder, text=True, errors="replace", stdin=subprocess.DEVNULL,
                            stdout=stdout, stderr=subprocess.PIPE, timeout=60, preexec_fn=limit,
                            env={**os.environ, **case.environment})
    if case.stdout:
        stdout.close()
    # libomp leaves its own file empty where it has no room, too: another process
    # of that number would end by it.
    for file in [*pathlib.Path("/dev/shm").glob("__KMP_REGISTERED_LIB_*"), *pathlib.Path("/tmp").glob("__KMP_REGISTERED_LIB_*")]:
        if case.file_bytes and not pathlib.Path("/proc", file.name.split("_")[-2]).exists():
            file.unlink(missing_ok=True)
    assert result.returncode == case.status, result.stderr
    assert re.search(case.message, result.stderr), result.stderr
    for word in ("Stack dump", "LLVM ERROR", "Assertion", "terminate called"):
        assert word not in result.stderr
    after = snapshot(folder)
    # A log ends where the disk did.
    after.pop(next((path for path in after if path.name == "out.csv"), None), None)
    (folder / "out.csv").unlink(missing_ok=True)
    assert after.keys() == before.keys()
    assert after == before


def test_output_to_what_is_not_a_file(folder, build_dir):
    """A pipe, or a device, is written to and stays what it is."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    for command in ("snn-opt net.mlir -o pipe", "snn-compile net.mlir --until=sequence -o pipe",
                    "snn-compile net.mlir --emit=obj -o pipe"):
        words = command.split()
        process = subprocess.Popen([build_dir / "bin" / words[0], *words[1:]], cwd=folder)
        assert len(pipe.read_bytes()) > 100
        assert process.wait(60) == 0
        assert pipe.is_fifo()
    pipe.unlink()
