#!/usr/bin/env python3
"""Measures Rheobase and its rivals on the CPU, interleaved, and prints one table.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

Makes the rivals' environment from PyPI on its first run (.venv-bench; several GB, torch among them). Every measurement is a process of its own; rounds
visit all rivals of a case in turn, so that a slow phase of the machine meets everyone, and a figure is the median over rounds.
"""
import argparse, json, math, os, re, struct, statistics, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "bench")
RIVALS = ["gemm", "sj", "sj+compile", "snntorch", "snntorch+compile", "norse", "spyx"]

# case of cpu_peers.py: (module, replacements, sizes of the dynamic dimensions, training, share of ones in binary inputs or None)
CASES = {
    "K1-lif-1M-T4": ("bare", dict(N=1 << 20), dict(T=4, B=1), True, None),
    "K1-lif-1M-T16": ("bare", dict(N=1 << 20), dict(T=16, B=1), True, None),
    "K1-lif-1M-T64": ("bare", dict(N=1 << 20), dict(T=64, B=1), True, None),
    "K2-lin-256-T100": ("linear", dict(N=256, X="f32"), dict(T=100, B=16), True, None),
    "K2-lin-1024-T100": ("linear", dict(N=1024, X="f32"), dict(T=100, B=16), True, None),
    "K2s-lin-1024-T100": ("linear", dict(N=1024, X="i1"), dict(T=100, B=16), True, 0.1),
    "K3-rec-256-T100": ("recurrent", dict(I=700, H=256, O=20), dict(T=100, B=32), True, None),
    "K4-conv-T4": ("conv", dict(MODE="train"), dict(T=4, B=16), True, None),
    "K4-conv-T4-infer": ("conv", dict(MODE="inference"), dict(T=4, B=16), False, None),
    "K7-mlp-T25": ("mlp", dict(I=784, H=128, O=10, X="f32"), dict(T=25, B=128), True, None),
    "K7s-mlp-T25": ("mlp", dict(I=784, H=128, O=10, X="i1"), dict(T=25, B=128), True, 0.1),
    "K7-mlp-T25-B1-infer": ("mlp", dict(I=784, H=128, O=10, X="f32"), dict(T=25, B=1), False, None),
}


def environment():
    """The rivals' Python; made from PyPI when it is not there."""
    venv = os.environ.get("RHEOBASE_BENCH_VENV", os.path.join(ROOT, ".venv-bench"))
    python = os.path.join(venv, "bin", "python")
    if not os.path.exists(python):
        print(f"making {venv} (torch, spikingjelly, snntorch, norse, spyx from PyPI)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch", "spikingjelly>=2.0.0", "snntorch", "norse", "spyx"], check=True)
    return python


def run_json(command, args):
    """The last JSON line that a command prints, or an error entry. Everybody gets the same cores."""
    cores = sorted(os.sched_getaffinity(0))[:args.threads]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=args.timeout, preexec_fn=lambda: os.sched_setaffinity(0, cores),
                              env={**os.environ, "OMP_NUM_THREADS": str(len(cores))})
    except subprocess.TimeoutExpired:
        return dict(error=f"over {args.timeout} s")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        return dict(error=(done.stderr.strip().splitlines() or ["no output"])[-1][:160])
    result = json.loads(lines[-1])
    # What was computed was read, and was not nonsense.
    return result if math.isfinite(result["checksum"]) else dict(error=f"the checksum is {result['checksum']}")


def write_constant(path, value, size):
    """A vector of f32 as .npy."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<f", value) * size)


def rheobase(case, args):
    name, replace, dims, train, ones = CASES[case]
    text = open(os.path.join(HERE, "cases", name + ".mlir")).read()
    for key, value in replace.items():
        text = text.replace(f"@{key}@", str(value))
    left = re.search(r"@[A-Z]+@", text)
    if left:
        raise SystemExit(f"{case}: {left.group()} of {name}.mlir is not replaced")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name + ".mlir")
        with open(path, "w") as file:
            file.write(text)
        command = [os.path.join(args.bin, "snn-run"), path, "--function=forward", "--random", "--seed=1", "--time", "--json",
                   f"--threads={args.threads}", "--dims=" + ",".join(f"{k}={v}" for k, v in dims.items())]
        if train:
            command.append("--differentiate")
            # As for the rivals: gradients of the parameters; a bare layer has none.
            command.append("--wrt=" + ("x" if name == "bare" else "parameters"))
        if ones is not None:
            command.append(f"--spike-rate={ones}")
        # Running means and variances begin as they do in training.
        for argument, size in re.findall(r"%([mr]\d): tensor<(\d+)xf32> \{[^}]*\"state\"", text):
            constant = os.path.join(folder, argument + ".npy")
            write_constant(constant, float(argument[0] == "r"), int(size))
            command.append(f"--arg={argument}={constant}")
        return run_json(command, args)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="K1,K2,K4,K7", help="prefixes of case names, comma-separated (default: %(default)s; all: K)")
    parser.add_argument("--rivals", default="sj,snntorch", help=f"of {', '.join(RIVALS)}; 'eager' and 'all'; default: %(default)s (the compiled rivals take minutes each)")
    parser.add_argument("--rounds", type=int, default=3, help="visits of each rival (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everybody may use (default: %(default)s)")
    parser.add_argument("--timeout", type=int, default=900, help="seconds after which a process is given up (default: %(default)s)")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "bin"), help="folder of snn-run")
    parser.add_argument("--out", help="write the measurements as JSON lines")
    args = parser.parse_args()
    groups = {"all": RIVALS, "eager": [rival for rival in RIVALS if "compile" not in rival]}
    rivals = groups.get(args.rivals) or args.rivals.split(",")
    if not os.access(os.path.join(args.bin, "snn-run"), os.X_OK):
        parser.error(f"no snn-run in {args.bin}: build it first, or give --bin")
    if args.rounds < 1 or args.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    for rival in rivals:
        if rival not in RIVALS:
            parser.error(f"unknown rival {rival}: expected one of {', '.join(RIVALS)}")
    prefixes = args.cases.split(",")
    cases = [c for c in CASES if any(c == p or c.startswith(p + "-") or (p.endswith("*") and c.startswith(p[:-1])) or p == "K"
                                     or re.match(re.escape(p) + r"s?-", c) for p in prefixes)]
    if not cases:
        parser.error(f"no case starts with {args.cases}: expected some of {', '.join(CASES)}")
    python = environment()

    rows = []
    for case in cases:
        samples = {}
        for _ in range(args.rounds):
            for who in ["rheobase"] + rivals:
                if samples.get(who, [{}])[-1].get("error"):
                    continue
                result = rheobase(case, args) if who == "rheobase" else run_json([python, os.path.join(HERE, "cpu_peers.py"), case, who], args)
                samples.setdefault(who, []).append(result)
                print(f"  {case} {who}: {result.get('error') or result['median_ms']}", file=sys.stderr)
        for who, results in samples.items():
            good = [r for r in results if "error" not in r]
            if good:
                keys = ("median_ms", "rss_mb", "first_s", *(("library_mb",) if who != "rheobase" else ()))
                rows.append(dict(case=case, who=who, rounds=len(good), least_ms=min(r["min_ms"] for r in good), checksum=good[-1]["checksum"],
                                 **{k: statistics.median(r[k] for r in good) for k in keys}))
            else:
                rows.append(dict(case=case, who=who, error=results[-1]["error"]))

    print("| case | who | ms | ratio to the fastest rival | peak MB | of it libraries | first result s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        if "error" in row:
            print(f"| {row['case']} | {row['who']} | {row['error']} | | | | |")
            continue
        best = min((r["median_ms"] for r in rows if r["case"] == row["case"] and r["who"] not in ("rheobase", "gemm") and "error" not in r), default=None)
        ratio = f"{row['median_ms'] / best:.2f}" if best else "-"
        print(f"| {row['case']} | {row['who']} | {row['median_ms']:.2f} | {ratio} | {row['rss_mb']:.0f} | {row.get('library_mb', '')} | {row['first_s']:.2f} |")
    if args.out:
        with open(args.out, "w") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
    return 1 if any(r["who"] == "rheobase" and "error" in r for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
