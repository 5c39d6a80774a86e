#!/usr/bin/env python3
"""Measures training steps of the examples on Fashion-MNIST, Rheobase and its rivals interleaved, and prints one table.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

A hundred steps of fashion_mlp and of fashion_conv (T = 4, B = 128): seconds, peak memory of the process, time to the first step. `rheobase` is a
shared object in a process without LLVM (examples/train.cpp), `rheobase-jit` is snn-train on the source with an empty compile cache, and once more.
The rivals are bench/fashion_peers.py. Every measurement is a process of its own; a figure is the median over rounds.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, time

import run_cpu

OURS = ["rheobase", "rheobase-jit"]
RIVALS = {"sj": ["--framework=sj"], "sj+compile": ["--framework=sj", "--compile"], "snntorch": ["--framework=snntorch"],
          "snntorch+compile": ["--framework=snntorch", "--compile"]}


def timed(command, args):
    """Seconds, peak MB and output of a process; it must end well."""
    cores = sorted(os.sched_getaffinity(0))[:args.threads]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cores),
                               env={**os.environ, "OMP_NUM_THREADS": str(len(cores))})
    out, error = process.communicate(timeout=args.timeout)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {error.strip()[-400:]}")
    return seconds, out


def peak_mb(command, args):
    """Peak memory of a process that runs alone under one of its own: the kernel counts children together."""
    probe = ("import json, resource, subprocess, sys; r = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
             "print(json.dumps(dict(code=r.returncode, out=r.stdout, err=r.stderr, mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)))")
    seconds, out = timed([sys.executable, "-c", probe, *command], args)
    result = json.loads(out)
    if result["code"] != 0:
        raise SystemExit(f"{' '.join(command)}: {result['err'].strip()[-400:]}")
    return seconds, result["out"], result["mb"]


def ahead_of_time(net, args, folder):
    library = os.path.join(folder, net + ".so")
    if not os.path.exists(library):
        timed([os.path.join(args.bin, "snn-compile"), os.path.join(run_cpu.ROOT, "examples", f"fashion_{net}.mlir"), "--emit=so", "--cache=off", "-o", library], args)
    command = [os.path.join(args.bin, "example-train"), library, args.data]
    first, _, _ = peak_mb([*command, "1"], args)
    _, out, mb = peak_mb([*command, str(args.steps)], args)
    return dict(seconds=float(out.split(" in ")[1].split()[0]), mb=mb, first=first)


def just_in_time(net, args, folder):
    cache, log = os.path.join(folder, net + ".cache"), os.path.join(folder, net + ".jsonl")
    command = [os.path.join(args.bin, "snn-train"), os.path.join(run_cpu.ROOT, "examples", f"fashion_{net}.mlir"), "--batch=128", "--epochs=1",
               "--progress=off", f"--threads={args.threads}", f"--cache={cache}", f"--data-images={args.data}/train-images-idx3-ubyte.gz",
               f"--data-labels={args.data}/train-labels-idx1-ubyte.gz", f"--log={log}"]
    shutil.rmtree(cache, ignore_errors=True)
    first, _, _ = peak_mb([*command, "--limit-steps=1"], args)
    again, _, _ = peak_mb([*command, "--limit-steps=1"], args)
    os.remove(log)
    _, _, mb = peak_mb([*command, f"--limit-train={128 * args.steps}"], args)
    epoch = [event for event in map(json.loads, open(log)) if event["event"] == "train"][-1]
    os.remove(log)
    return dict(seconds=epoch["seconds"], mb=mb, first=first, again=again)


def rival(who, net, args, python):
    _, out, _ = peak_mb([python, os.path.join(run_cpu.HERE, "fashion_peers.py"), *RIVALS[who], f"--net={net}", f"--threads={args.threads}",
                         f"--limit={128 * args.steps}", f"--data={args.data}"], args)
    row = json.loads([line for line in out.splitlines() if line.startswith("{")][-1])
    return dict(seconds=row["seconds"], mb=row["rss_mb"], first=row["first_step_s"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="mlp,conv", help="default: %(default)s")
    parser.add_argument("--rivals", default="sj", help=f"of {', '.join(RIVALS)}; or none; default: %(default)s (a step of conv takes half a second)")
    parser.add_argument("--rounds", type=int, default=3, help="visits of each (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="training steps (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everybody may use (default: %(default)s)")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds after which a process is given up (default: %(default)s)")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the data (Debian: dataset-fashion-mnist)")
    parser.add_argument("--bin", default=os.path.join(run_cpu.ROOT, "build", "bin"), help="folder of the programs")
    args = parser.parse_args()
    rivals = [] if args.rivals == "none" else args.rivals.split(",")
    for who in rivals:
        if who not in RIVALS:
            parser.error(f"unknown rival {who}: expected one of {', '.join(RIVALS)}")
    python = run_cpu.environment() if rivals else None
    print("| network | who | seconds | ratio to the fastest rival | peak MB | first step s |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for net in args.nets.split(","):
            samples = {}
            for _ in range(args.rounds):
                for who in OURS + rivals:
                    row = (ahead_of_time(net, args, folder) if who == "rheobase" else just_in_time(net, args, folder) if who == "rheobase-jit"
                           else rival(who, net, args, python))
                    samples.setdefault(who, []).append(row)
                    print(f"  {net} {who}: {row['seconds']:.2f} s", file=sys.stderr)
            median = lambda who, key: statistics.median(row[key] for row in samples[who])
            best = min((median(who, "seconds") for who in rivals), default=None)
            for who, rows in samples.items():
                again = f" (again {median(who, 'again'):.2f})" if "again" in rows[0] else ""
                ratio = f"{median(who, 'seconds') / best:.2f}" if best else "-"
                print(f"| fashion_{net}, {args.steps} steps | {who} | {median(who, 'seconds'):.2f} | {ratio} | {median(who, 'mb'):.0f} | {median(who, 'first'):.2f}{again} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
