# interrupt.py - Runs a command, sends it SIGINT after its first line on stderr,
# and prints what it wrote and its exit status.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import signal
import subprocess
import sys

process = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True)
print(process.stderr.readline(), end="")
process.send_signal(signal.SIGINT)
print(process.stderr.read(), end="")
print("exit status", process.wait())
