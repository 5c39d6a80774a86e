"""One network on Fashion-MNIST in SpikingJelly or snnTorch: seconds per epoch, accuracy, firing rate.

The rival of examples/fashion_mlp and fashion_conv: direct coding, LIF (decay 0.5, threshold 1, soft reset, detached),
ATan surrogate (alpha 2), readout = mean over time of a linear layer, cross-entropy, Adam 1e-3, batch 128.
  python fashion_peers.py --framework sj|snntorch [--compile] --net mlp|conv [--T 4] [--epochs 1] [--threads 2] [--limit N]
Needs: pip install torch "spikingjelly>=2" snntorch, and Debian's dataset-fashion-mnist (or --data DIR with the four .gz files).
Prints one JSON line an epoch.

SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse, gzip, json, os, resource, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, torch, torch.nn as nn

ap = argparse.ArgumentParser()
ap.add_argument("--framework", choices=["sj", "snntorch"], default="sj"); ap.add_argument("--compile", action="store_true")
ap.add_argument("--net", choices=["mlp", "conv"], default="mlp"); ap.add_argument("--T", type=int, default=4)
ap.add_argument("--epochs", type=int, default=1); ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--limit", type=int, default=60000); ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--data", default=os.path.join(os.sep, "usr", "share", "datasets", "fashion-mnist"))
a = ap.parse_args()
torch.set_num_threads(a.threads); torch.manual_seed(a.seed)

def images(f): return torch.from_numpy(np.frombuffer(gzip.open(f"{a.data}/{f}").read(), np.uint8, offset=16).reshape(-1, 1, 28, 28).astype(np.float32) / 255)
def labels(f): return torch.from_numpy(np.frombuffer(gzip.open(f"{a.data}/{f}").read(), np.uint8, offset=8).astype(np.int64))
xt, yt = images("train-images-idx3-ubyte.gz")[:a.limit], labels("train-labels-idx1-ubyte.gz")[:a.limit]
xe, ye = images("t10k-images-idx3-ubyte.gz"), labels("t10k-labels-idx1-ubyte.gz")

if a.framework == "sj":
    from spikingjelly.activation_based import neuron, surrogate, functional
    def lif(): return neuron.LIFNode(tau=2.0, decay_input=False, v_reset=None, detach_reset=True, surrogate_function=surrogate.ATan(2.0), step_mode="m")
    reset = functional.reset_net
else:
    import snntorch as snn
    from snntorch import surrogate
    class Loop(nn.Module):
        def __init__(s): super().__init__(); s.n = snn.Leaky(beta=0.5, spike_grad=surrogate.atan(2.0), reset_delay=False)
        def forward(s, x):
            mem, out = torch.zeros_like(x[0]), []
            for t in range(x.shape[0]):
                spk, mem = s.n(x[t], mem); out.append(spk)
            return torch.stack(out)
    lif = Loop
    def reset(net): pass

class Time(nn.Module):             # a stateless layer on [T,B,...] merged to [T*B,...]
    def __init__(s, *m): super().__init__(); s.m = nn.Sequential(*m)
    def forward(s, x): y = s.m(x.flatten(0, 1)); return y.view(*x.shape[:2], *y.shape[1:])

if a.net == "mlp":
    hidden = nn.Sequential(Time(nn.Flatten(), nn.Linear(784, 256)), lif()); head = Time(nn.Linear(256, 10))
else:
    hidden = nn.Sequential(Time(nn.Conv2d(1, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)), lif(), Time(nn.MaxPool2d(2)),
                           Time(nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)), lif(), Time(nn.MaxPool2d(2)))
    head = Time(nn.Flatten(), nn.Linear(64 * 49, 10))
net = nn.Sequential(hidden, head); fwd = torch.compile(net) if a.compile else net
opt = torch.optim.Adam(net.parameters(), 1e-3)
for epoch in range(a.epochs):
    net.train(); t0 = time.perf_counter(); order = torch.randperm(len(xt)); first = None
    for i in range(0, len(xt) - 127, 128):
        b = order[i:i + 128]; reset(net)
        loss = nn.functional.cross_entropy(fwd(xt[b].unsqueeze(0).expand(a.T, *xt[b].shape)).mean(0), yt[b])
        opt.zero_grad(); loss.backward(); opt.step()
        first = first or time.perf_counter() - t0
    seconds = time.perf_counter() - t0
    net.eval(); hit = rate = 0
    with torch.no_grad():
        for i in range(0, 10000, 500):
            reset(net); x = xe[i:i + 500]; h = hidden(x.unsqueeze(0).expand(a.T, *x.shape)); rate += (h != 0).float().mean().item() / 20
            hit += (head(h).mean(0).argmax(1) == ye[i:i + 500]).sum().item()
    print(json.dumps(dict(framework=a.framework, compile=a.compile, net=a.net, T=a.T, epoch=epoch, seconds=round(seconds, 2), first_step_s=round(first, 2),
                          accuracy=hit / 100, rate=round(rate, 3), loss=round(loss.item(), 4), rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)), flush=True)
