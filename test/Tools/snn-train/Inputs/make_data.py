# make_data.py - Writes a small data set in MNIST's layout: three classes, images
# of 2 x 2 pixels.
# Usage: make_data.py <folder> [nan <sample>]: with nan, training inputs are a
# .npy file in which one value is not a number.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import gzip
import os
import random
import struct
import sys


def idx(path, sizes, data):
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        file.write(bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(data))


folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
generator = random.Random(1)
for name, count in (("train", 600), ("t10k", 90)):
    labels = [i % 3 for i in range(count)]
    pixels = [generator.randrange(80) + (170 if k == label else 0) for label in labels for k in range(4)]
    idx(f"{folder}/{name}-images-idx3-ubyte.gz", (count, 2, 2), pixels)
    idx(f"{folder}/{name}-labels-idx1-ubyte.gz", (count,), labels)
    if name == "train" and "nan" in sys.argv:
        values = [pixel / 255 for pixel in pixels]
        values[4 * int(sys.argv[3])] = float("nan")
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 4), }}"
        header += " " * (117 - len(header)) + "\n"
        with open(f"{folder}/nan.npy", "wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            file.write(struct.pack(f"<{len(values)}f", *values))
