"""CPU benchmarks of the rivals, one process per (case, rival): python cpu_peers.py CASE RIVAL -> one JSON line.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

Needs: pip install torch "spikingjelly>=2" snntorch norse spyx (bench/run_cpu.py makes the environment). `gemm` is the floor that the stateless
products alone set in torch. Times are medians of forward + backward (training, with a random gradient from above) or forward (inference), in
milliseconds; outputs, final states and gradients are read (summed: `checksum`) inside the measured time. Threads: those that the process may use.
"""
import json, os, re, resource, statistics, sys, time, warnings
warnings.filterwarnings("ignore")

CASES = {
    # name: kind, T, B, sizes
    "K1-lif-1M-T4":    ("bare", 4, 1, 1 << 20),
    "K1-lif-1M-T16":   ("bare", 16, 1, 1 << 20),
    "K1-lif-1M-T64":   ("bare", 64, 1, 1 << 20),
    "K2-lin-256-T100": ("linear", 100, 16, 256),
    "K2-lin-1024-T100":("linear", 100, 16, 1024),
    "K3-rec-256-T100": ("recurrent", 100, 32, (700, 256, 20)),
    "K7-mlp-T25":      ("mlp", 25, 128, (784, 128, 10)),
    "K7-mlp-T25-B1-infer": ("mlp-infer", 25, 1, (784, 128, 10)),
    # the same with binary inputs, 10 % ones: what a hidden layer sees; K2s5-... and so on have other shares
    "K2s-lin-1024-T100": ("linear", 100, 16, 1024),
    "K7s-mlp-T25":       ("mlp", 25, 128, (784, 128, 10)),
    "K4-conv-T4":      ("conv", 4, 16, (3, 32, 64)),
    "K4-conv-T4-infer":("conv-infer", 4, 16, (3, 32, 64)),
}

def look_up(case):
    """Kind, T, B, sizes, and the share of ones in binary inputs or None."""
    binary = re.match(r"K\d+s(\d*)-", case)
    return *CASES[re.sub(r"^(K\d+s)\d+-", r"\1-", case)], (int(binary.group(1) or 10) / 100 if binary else None)

def peak_mb():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

def measure(step, library_mb, min_runs=7, min_s=2.0):
    """Calls step, which returns the sum of everything that it computed."""
    t0 = time.perf_counter(); step(); first = time.perf_counter() - t0
    for _ in range(2): step()
    ts = []; t_end = time.perf_counter() + min_s
    while len(ts) < min_runs or time.perf_counter() < t_end:
        t0 = time.perf_counter(); read = step(); ts.append((time.perf_counter() - t0) * 1e3)
        if len(ts) >= 200: break
    return dict(median_ms=round(statistics.median(ts), 3), min_ms=round(min(ts), 3), runs=len(ts), first_s=round(first, 2),
                rss_mb=peak_mb(), library_mb=library_mb, checksum=float(read))

def torch_case(case, rival):
    import torch, torch.nn as nn
    if rival.startswith("sj"): import spikingjelly.activation_based.neuron
    if rival.startswith("snntorch"): import snntorch
    if rival == "norse": import norse.torch
    library_mb = peak_mb()
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    kind, T, B, sz, ones = look_up(case)
    infer = kind.endswith("infer"); upstream = []
    comp = rival.endswith("+compile")
    base = rival.removesuffix("+compile")
    tau = 2.0
    if base == "gemm":       # stateless work only: the floor set by the matrix products
        class Id(nn.Module):
            def forward(self, x): return x
        lif = lambda *a: Id()
    if base == "sj":
        from spikingjelly.activation_based import neuron, surrogate, functional, layer
        def lif(*a):
            n = neuron.LIFNode(tau=tau, decay_input=False, v_reset=None, detach_reset=True,
                               surrogate_function=surrogate.ATan(), step_mode="m")
            return n
    if base == "norse":
        import norse.torch as nt
        def lif(*a): return nt.LIF()
    if base == "snntorch":
        import snntorch as snn
        from snntorch import surrogate as sg
        class STLoop(nn.Module):
            def __init__(s):
                super().__init__(); s.n = snn.Leaky(beta=0.5, spike_grad=sg.atan())
            def forward(s, x):
                mem = torch.zeros_like(x[0]); out = []
                for t in range(x.shape[0]):
                    spk, mem = s.n(x[t], mem); out.append(spk)
                return torch.stack(out), mem
        lif = lambda *a: STLoop()

    class Seq(nn.Module):          # [T,B,...] time-major; stateless layers on merged T*B
        def __init__(s, *mods): super().__init__(); s.m = nn.ModuleList(mods)
        def forward(s, x):
            states = []
            for m in s.m:
                if isinstance(m, (nn.Conv2d, nn.BatchNorm2d, nn.AvgPool2d)):
                    t, b = x.shape[:2]; x = m(x.flatten(0, 1)); x = x.view(t, b, *x.shape[1:])
                else:
                    x = m(x)
                    if isinstance(x, tuple): x, state = x; states.append(state)
            return x, states
    if kind == "bare":
        net = Seq(lif()); x = torch.randn(T, B, sz, requires_grad=True)
    elif kind == "linear":
        net = Seq(nn.Linear(sz, sz, bias=False), lif()); x = torch.randn(T, B, sz)
    elif kind.startswith("mlp"):
        net = Seq(nn.Linear(sz[0], sz[1]), lif(), nn.Linear(sz[1], sz[2]), lif()); x = torch.randn(T, B, sz[0])
    elif kind.startswith("conv"):
        c0, c1, c2 = sz
        net = Seq(nn.Conv2d(c0, c1, 3, padding=1, bias=False), nn.BatchNorm2d(c1), lif(), nn.AvgPool2d(2),
                  nn.Conv2d(c1, c2, 3, padding=1, bias=False), nn.BatchNorm2d(c2), lif(), nn.AvgPool2d(2),
                  nn.Flatten(2), nn.Linear(c2 * 64, 10), lif())
        x = torch.randn(T, B, c0, 32, 32)
    elif kind == "recurrent":
        i, h, o = sz
        class Rec(nn.Module):
            def __init__(s):
                super().__init__()
                s.wi = nn.Linear(i, h, bias=False); s.wr = nn.Linear(h, h, bias=False); s.wo = nn.Linear(h, o, bias=False)
            def forward(s, x):
                cur = s.wi(x); v = torch.zeros_like(cur[0]); z = v; out = []
                for t in range(x.shape[0]):
                    v = 0.9 * v * (1 - z) + cur[t] + s.wr(z); z = Spike.apply(v - 1.0); out.append(z)
                return s.wo(torch.stack(out)), [v]
        class Spike(torch.autograd.Function):
            @staticmethod
            def forward(ctx, u): ctx.save_for_backward(u); return (u >= 0).to(u.dtype)
            @staticmethod
            def backward(ctx, g): (u,) = ctx.saved_tensors; return g / (1 + (3.1416 * u) ** 2)
        net = Rec(); x = torch.randn(T, B, i)
        if base == "gemm":
            class RG(nn.Module):
                def __init__(s):
                    super().__init__(); s.r = Rec()
                def forward(s, x):
                    cur = s.r.wi(x); z = cur[0]; out = []
                    for t in range(x.shape[0]): out.append(cur[t] + s.r.wr(z))
                    return s.r.wo(torch.stack(out)), []
            net = RG()
    if ones: x = (torch.rand_like(x) < ones).float()
    fwd = torch.compile(net) if comp else net
    def total(y, states):          # SpikingJelly keeps its states in the modules
        read = y.sum()
        for state in states + [m.v for m in net.modules() if base == "sj" and isinstance(getattr(m, "v", None), torch.Tensor)]:
            for leaf in state if isinstance(state, tuple) else (state,): read = read + leaf.sum()
        return read
    if infer:
        net.eval()
        @torch.no_grad()
        def step():
            if base == "sj": functional.reset_net(net)
            return total(*fwd(x))
    else:
        def step():
            if base == "sj": functional.reset_net(net)
            for p in net.parameters(): p.grad = None
            y, states = fwd(x)
            if not upstream: upstream.append(torch.randn(y.shape))   # a random gradient from above, read at run time
            y.backward(upstream[0])
            with torch.no_grad(): read = total(y, states)
            for p in net.parameters(): read += p.grad.sum()
            if x.grad is not None: read += x.grad.sum(); x.grad = None
            return read
    return measure(step, library_mb)

def spyx_case(case):
    import jax, jax.numpy as jnp, spyx, spyx.nn as snn
    from flax import nnx
    library_mb = peak_mb()
    kind, T, B, sz, ones = look_up(case)
    r = nnx.Rngs(0); act = spyx.axn.arctan() if hasattr(spyx, "axn") else None
    L = lambda n: snn.LIF((n,), beta=0.5, activation=act, rngs=r)
    key = jax.random.PRNGKey(0)
    def loss(m, x, g):
        y, states = snn.run(m, x)
        return (y * g).sum(), (y, states)
    if kind == "bare":
        m = snn.Sequential(L(sz)); x = jax.random.normal(key, (T, B, sz))
        f = nnx.jit(nnx.grad(loss, argnums=1, has_aux=True)); out = (T, B, sz)
    elif kind == "linear":
        m = snn.Sequential(nnx.Linear(sz, sz, use_bias=False, rngs=r), L(sz)); x = jax.random.normal(key, (T, B, sz))
        f = nnx.jit(nnx.grad(loss, has_aux=True)); out = (T, B, sz)
    elif kind.startswith("mlp"):
        m = snn.Sequential(nnx.Linear(sz[0], sz[1], rngs=r), L(sz[1]), nnx.Linear(sz[1], sz[2], rngs=r), L(sz[2]))
        x = jax.random.normal(key, (T, B, sz[0]))
        out = (T, B, sz[2])
        f = nnx.jit(lambda m, x, g: snn.run(m, x)) if kind.endswith("infer") else nnx.jit(nnx.grad(loss, has_aux=True))
    else:
        raise SystemExit("no spyx version")
    if ones: x = (jax.random.uniform(key, x.shape) < ones).astype(jnp.float32)
    g = jax.random.normal(key, out)
    read = nnx.jit(lambda r: sum(leaf.sum() for leaf in jax.tree.leaves(r)))
    step = lambda: jax.block_until_ready(read(f(m, x, g)))
    return measure(step, library_mb)

if __name__ == "__main__":
    case, rival = sys.argv[1:3]
    result = spyx_case(case) if rival == "spyx" else torch_case(case, rival)
    print(json.dumps(dict(case=case, rival=rival, **result)))
