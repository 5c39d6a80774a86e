#!/usr/bin/env python3
"""Measures Rheobase and its rivals on the CPU, interleaved, and prints one table.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

Makes the rivals' environment from PyPI on its first run (.venv-bench; several GB, torch among them). Every measurement is a process of its own; rounds
visit all rivals of a case in turn, so that a slow phase of the machine meets everyone, and a figure is the median over rounds.
"""
import argparse, atexit, json, math, os, re, shutil, struct, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(ROOT, "bench")
OURS = ["rheobase", "rheobase-f32", "rheobase-jit"]
RIVALS = ["gemm", "sj", "sj+compile", "snntorch", "snntorch+compile", "norse", "spyx"]

# Keeps Rheobase, and those rivals that have a switch for it, to vectors of 256 bits.
AVX2 = dict(RHEOBASE_CPU="x86-64-v3", ATEN_CPU_CAPABILITY="avx2", MKL_ENABLE_INSTRUCTIONS="AVX2", ONEDNN_MAX_CPU_ISA="AVX2", XLA_FLAGS="--xla_cpu_max_isa=AVX2")

# case of cpu_peers.py: (module, replacements, sizes of the dynamic dimensions, training, share of ones in binary inputs or None)
CASES = {
    "K1-lif-1M-T4": ("bare", dict(N=1 << 20), dict(T=4, B=1), True, None),
    "K1-lif-1M-T16": ("bare", dict(N=1 << 20), dict(T=16, B=1), True, None),
    "K1-lif-1M-T64": ("bare", dict(N=1 << 20), dict(T=64, B=1), True, None),
    "K2-lin-256-T100": ("linear", dict(N=256, X="f32"), dict(T=100, B=16), True, None),
    "K2-lin-1024-T100": ("linear", dict(N=1024, X="f32"), dict(T=100, B=16), True, None),
    "K2s-lin-1024-T100": ("linear", dict(N=1024, X="i1"), dict(T=100, B=16), True, 0.1),
    "K2s5-lin-1024-T100": ("linear", dict(N=1024, X="i1"), dict(T=100, B=16), True, 0.05),
    "K2s25-lin-1024-T100": ("linear", dict(N=1024, X="i1"), dict(T=100, B=16), True, 0.25),
    "K2s45-lin-1024-T100": ("linear", dict(N=1024, X="i1"), dict(T=100, B=16), True, 0.45),
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


def run(command, args, cores=None):
    """What a command prints, or None and why. Everybody gets the same cores."""
    cores = sorted(os.sched_getaffinity(0))[:cores or args.threads]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=args.timeout, preexec_fn=lambda: os.sched_setaffinity(0, cores),
                              env={**os.environ, "OMP_NUM_THREADS": str(len(cores)), **(AVX2 if getattr(args, "avx2", False) else {})})
    except subprocess.TimeoutExpired:
        return None, f"over {args.timeout} s"
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["no output"])[-1][:160]
    return done.stdout, None


def run_json(command, args, cores=None):
    """The last JSON line that a command prints, or an error entry."""
    text, error = run(command, args, cores)
    lines = [line for line in (text or "").splitlines() if line.startswith("{")]
    if error or not lines:
        return dict(error=error or "no output")
    result = json.loads(lines[-1])
    # What was computed was read, and was not nonsense.
    return result if math.isfinite(result.get("checksum", 0)) else dict(error=f"the checksum is {result['checksum']}")


def write_constant(path, value, size):
    """A vector of f32 as .npy."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<f", value) * size)


def with_float_spikes(text):
    """The same function with its spikes as floats, as the rivals give them; None if it returns none."""
    found = re.search(r"  return (%\w+), (.*) : (tensor<[^ ]*xi1>)(.*)\n", text)
    if not found:
        return None
    spikes, others, type, types = found.groups()
    floats = type.replace("xi1>", "xf32>")
    text = text[:found.start()] + f"  %floats = arith.uitofp {spikes} : {type} to {floats}\n  return %floats, {others} : {floats}{types}\n" + text[found.end():]
    return text.replace("-> (" + type, "-> (" + floats, 1)


class Rheobase:
    """Our side of a case: a shared object, called by a process without LLVM, and the just-in-time compiler."""

    def __init__(self, case, args, folder, floats=False):
        self.args = args
        name, replace, dims, train, ones = CASES[case]
        text = open(os.path.join(HERE, "cases", name + ".mlir")).read()
        for key, value in replace.items():
            text = text.replace(f"@{key}@", str(value))
        left = re.search(r"@[A-Z]+@", text)
        if left:
            raise SystemExit(f"{case}: {left.group()} of {name}.mlir is not replaced")
        if floats:
            case += "-f32"
            text = with_float_spikes(text) or text
        self.text = text
        self.path = os.path.join(folder, case + ".mlir")
        with open(self.path, "w") as file:
            file.write(text)
        self.common = ["--random", "--seed=1", "--dims=" + ",".join(f"{k}={v}" for k, v in dims.items())]
        if ones is not None:
            self.common.append(f"--spike-rate={ones}")
        # Running means and variances begin as they do in training.
        for argument, size in re.findall(r"%([mr]\d): tensor<(\d+)xf32> \{[^}]*\"state\"", text):
            constant = os.path.join(folder, f"{case}-{argument}.npy")
            write_constant(constant, float(argument[0] == "r"), int(size))
            self.common.append(f"--arg={argument}={constant}")
        # As for the rivals: gradients of the parameters; a bare layer has none.
        self.gradient = ["--differentiate", "--wrt=" + ("x" if name == "bare" else "parameters")] if train else []
        self.library = os.path.join(folder, case + ".so")
        self.cache = os.path.join(folder, case + ".cache")
        self.compile_s = None
        self.error = None
        # Spikes are among the results, or become one.
        self.spiking = text
        if name == "recurrent":
            self.spiking = text.replace("return %y, %vT :", "return %s, %y, %vT :").replace("(tensor<?x?x20xf32>, tensor<?x256xf32>) {", "(tensor<?x?x256xi1>, tensor<?x?x20xf32>, tensor<?x256xf32>) {")
            self.spiking = self.spiking.replace("%vT : tensor<?x?x20xf32>, ", "%vT : tensor<?x?x256xi1>, tensor<?x?x20xf32>, ")
        self.folder = folder

    def tool(self, name):
        return os.path.join(self.args.bin, name)

    def build(self):
        """The shared object; once."""
        source = self.path
        start = time.perf_counter()
        if self.gradient:
            source = self.path.replace(".mlir", "-gradient.mlir")
            _, self.error = run([self.tool("snn-run"), self.path, "--function=forward", *self.gradient, f"--save-module={source}"], self.args)
        if not self.error:
            _, self.error = run([self.tool("snn-compile"), source, "--emit=so", "--cache=off", "-o", self.library], self.args)
        self.compile_s = time.perf_counter() - start

    def ahead_of_time(self, threads=None):
        if self.compile_s is None:
            self.build()
        if self.error:
            return dict(error=self.error)
        threads = threads or self.args.threads
        result = run_json([self.tool("snn-call"), self.library, *self.common, "--time", "--json", f"--threads={threads}"], self.args, threads)
        return result if "error" in result else {**result, "compile_s": self.compile_s}

    def just_in_time(self):
        command = [self.tool("snn-run"), self.path, "--function=forward", *self.gradient, *self.common, "--time", "--json", f"--threads={self.args.threads}", f"--cache={self.cache}"]
        # From an empty cache, and again.
        shutil.rmtree(self.cache, ignore_errors=True)
        first = run_json([*command, "--min-seconds=0"], self.args)
        again = run_json(command, self.args)
        if "error" in first or "error" in again:
            return first if "error" in first else again
        return {**again, "first_s": first["first_s"], "compile_s": first["compile_s"], "again_s": again["first_s"]}

    def spike_rate(self):
        """Share of ones among the spikes of the last layer that the case returns."""
        path = self.path.replace(".mlir", "-spikes.mlir")
        with open(path, "w") as file:
            file.write(self.spiking)
        result = run_json([self.tool("snn-run"), path, "--function=forward", *self.common, "--time", "--json", "--min-seconds=0", "--cache=off"], self.args)
        return result.get("ones")


def scaling(args, folder):
    """How much faster two threads are than one, and a loop of fma in registers in the same run."""
    print("| case | 1 thread ms | 2 threads ms | scaling | of fma in registers | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in ("K2-lin-1024-T100", "K4-conv-T4"):
        ours = Rheobase(case, args, folder)
        rows, peaks = {1: [], 2: []}, {1: [], 2: []}
        for _ in range(args.rounds):
            for threads in (1, 2):
                peak = run_json([os.path.join(args.bin, "snn-call"), "--peak", "--json", f"--threads={threads}"], args, threads)
                row = ours.ahead_of_time(threads)
                for result in (peak, row):
                    if "error" in result:
                        raise SystemExit(f"{case}: {result['error']}")
                peaks[threads].append(max(peak["gflops_256"], peak["gflops_512"]))
                rows[threads].append(row["median_ms"])
        ms = {threads: statistics.median(row) for threads, row in rows.items()}
        fma = statistics.median(peaks[2]) / statistics.median(peaks[1])
        print(f"| {case} | {ms[1]:.2f} | {ms[2]:.2f} | {ms[1] / ms[2]:.2f} | {fma:.2f} | {ms[1] / ms[2] / fma:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", default="K1,K2,K4,K7", help="prefixes of case names, comma-separated (default: %(default)s; all: K)")
    parser.add_argument("--rivals", default="sj,snntorch", help=f"of {', '.join(RIVALS)}; 'eager', 'all' and 'none'; default: %(default)s (the compiled rivals take minutes each)")
    parser.add_argument("--rounds", type=int, default=3, help="visits of each rival (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores that everybody may use (default: %(default)s)")
    parser.add_argument("--avx2", action="store_true", help="as on a machine without AVX-512: vectors of 256 bits for everyone")
    parser.add_argument("--timeout", type=int, default=900, help="seconds after which a process is given up (default: %(default)s)")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "bin"), help="folder of snn-run")
    parser.add_argument("--out", help="write the measurements as JSON lines")
    parser.add_argument("--scaling", action="store_true", help="only K2 (N = 1024) and K4 on one and two threads, beside a loop of fma in registers")
    args = parser.parse_args()
    groups = {"all": RIVALS, "none": [], "eager": [rival for rival in RIVALS if "compile" not in rival]}
    rivals = groups[args.rivals] if args.rivals in groups else args.rivals.split(",")
    if not os.access(os.path.join(args.bin, "snn-run"), os.X_OK):
        parser.error(f"no snn-run in {args.bin}: build it first, or give --bin")
    if args.rounds < 1 or args.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    for rival in rivals:
        if rival not in RIVALS:
            parser.error(f"unknown rival {rival}: expected one of {', '.join(RIVALS)}")
    prefixes = args.cases.split(",")
    cases = [c for c in CASES if any(c == p or c.startswith(p + "-") or (p.endswith("*") and c.startswith(p[:-1])) or p == "K"
                                     or re.match(re.escape(p) + r"(s\d*)?-", c) for p in prefixes)]
    if not cases:
        parser.error(f"no case starts with {args.cases}: expected some of {', '.join(CASES)}")
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    if args.scaling:
        return scaling(args, folder)
    python = environment() if rivals else None

    rows = []
    for case in cases:
        samples = {}
        ours, floats = Rheobase(case, args, folder), Rheobase(case, args, folder, floats=True)
        rate = ours.spike_rate()
        variants = OURS if floats.text != ours.text else [who for who in OURS if who != "rheobase-f32"]
        for _ in range(args.rounds):
            for who in variants + rivals:
                if samples.get(who, [{}])[-1].get("error"):
                    continue
                result = (ours.ahead_of_time() if who == "rheobase" else ours.just_in_time() if who == "rheobase-jit" else floats.ahead_of_time() if who == "rheobase-f32"
                          else run_json([python, os.path.join(HERE, "cpu_peers.py"), case, who], args))
                samples.setdefault(who, []).append(result)
                print(f"  {case} {who}: {result.get('error') or result['median_ms']}", file=sys.stderr)
        for who, results in samples.items():
            good = [r for r in results if "error" not in r]
            if good:
                keys = [key for key in ("median_ms", "rss_mb", "first_s", "again_s", "compile_s", "library_mb") if key in good[0]]
                rows.append(dict(case=case, who=who, rounds=len(good), least_ms=min(r["min_ms"] for r in good), checksum=good[-1]["checksum"],
                                 spike_rate=rate, **{k: statistics.median(r[k] for r in good) for k in keys}))
            else:
                rows.append(dict(case=case, who=who, error=results[-1]["error"]))

    print("| case | who | ms | ratio to the fastest rival | peak MB | of it libraries | first result s | compiling s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        if "error" in row:
            print(f"| {row['case']} | {row['who']} | {row['error']} | | | | | |")
            continue
        best = min((r["median_ms"] for r in rows if r["case"] == row["case"] and r["who"] not in (*OURS, "gemm") and "error" not in r), default=None)
        ratio = f"{row['median_ms'] / best:.2f}" if best else "-"
        print(f"| {row['case']} | {row['who']} | {row['median_ms']:.2f} | {ratio} | {row['rss_mb']:.0f} | {row.get('library_mb', '')} | {row['first_s']:.2f}"
              + (f" (again {row['again_s']:.2f})" if "again_s" in row else "") + (f" | {row['compile_s']:.2f} |" if "compile_s" in row else " | |"))
    for case in dict.fromkeys(row["case"] for row in rows):
        rate = next(row.get("spike_rate") for row in rows if row["case"] == case and "error" not in row) if any(row["case"] == case and "error" not in row for row in rows) else None
        if rate is not None and rate >= 0:
            print(f"{case}: {100 * rate:.1f} % of the spikes are ones; ours are bytes (rheobase-f32: floats), the rivals' floats.")
    if args.out:
        with open(args.out, "w") as file:
            for row in rows:
                file.write(json.dumps(row) + "\n")
    return 1 if any(r["who"] in OURS and "error" in r for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
