"""The neuron models of test/data/neurons as functions in the spiking dialect.

`function(case)` gives the text of a function for a recorded case: as a named
neuron where the dialect has it, else as a scan that is written after the case's
equation. docs/Semantics.md, section 4, has the named neurons.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import math

import numpy as np

# Cases of which only the forward pass is compared, with the reason.
FORWARD_ONLY = {
    "spikingjelly/dsr_if": "backward is not the derivative of the recurrence (one value for all steps)",
    "spikingjelly/dsr_lif": "backward is not the derivative of the recurrence (one value for all steps)",
    "spikingjelly/stbif": "inference only: the framework has no gradient",
}


def number(value):
    """A float as an attribute or a constant: the digits that give it back."""
    text = repr(float(value))
    if "inf" in text or "nan" in text:
        raise ValueError(text)
    mantissa, _, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return mantissa + ("e" + exponent if exponent else "")


def surrogate(case):
    """The surrogate attribute of a case."""
    s = case.info["surrogate"]
    p = {k: v for k, v in (s.get("params") or {}).items()}
    name = s["name"]
    table = {
        "sj.PiecewiseQuadratic": lambda: ("piecewise_quadratic", {"alpha": p["alpha"]}),
        "sj.PiecewiseExp": lambda: ("piecewise_exp", {"alpha": p["alpha"]}),
        "sj.Sigmoid": lambda: ("sigmoid", {"alpha": p["alpha"]}),
        "sj.SoftSign": lambda: ("soft_sign", {"alpha": p["alpha"]}),
        "sj.SuperSpike": lambda: ("super_spike", {"height": p["alpha"]}),
        "sj.ATan": lambda: ("atan", {"alpha": p["alpha"]}),
        "sj.NonzeroSignLogAbs": lambda: ("log_abs", {"alpha": p["alpha"]}),
        "sj.Erf": lambda: ("erf", {"alpha": p["alpha"]}),
        "sj.PiecewiseLeakyReLU": lambda: ("piecewise_leaky_relu", {"width": p["w"], "leak": p["c"]}),
        "sj.SquarewaveFourierSeries": lambda: ("squarewave_fourier", {"n": int(p["n"]), "period": p["T_period"]}),
        "sj.S2NN": lambda: ("s2nn", {"alpha": p["alpha"], "beta": p["beta"]}),
        "sj.QPseudoSpike": lambda: ("q_pseudo_spike", {"alpha": p["alpha"]}),
        "sj.LeakyKReLU": lambda: ("leaky_k_relu", {"leak": p["leak"], "k": p["k"]}),
        "sj.FakeNumericalGradient": lambda: ("fake_numerical_gradient", {"alpha": p["alpha"]}),
        "sj.LogTailedReLU": lambda: ("log_tailed_relu", {"alpha": p["alpha"]}),
        "sj.DeterministicPass": lambda: ("straight_through", {}),
        "sj.Rect": lambda: ("rectangle", {"width": 1 / p["alpha"], "height": p["alpha"]}),
        "sj.MultiLevelSpikeCount": lambda: ("window", {"low": p["grad_min"], "high": p["grad_max"]}),
        "snn.straight_through_estimator": lambda: ("straight_through", {}),
        "snn.triangular": lambda: ("signed_step", {"height": p["threshold"]}),
        "snn.fast_sigmoid": lambda: ("super_spike", {"slope": p["slope"]}),
        "snn.atan": lambda: ("atan", {"alpha": p["alpha"]}),
        "snn.heaviside": lambda: ("heaviside", {}),
        "snn.sigmoid": lambda: ("sigmoid", {"alpha": p["slope"]}),
        "snn.spike_rate_escape": lambda: ("spike_rate_escape", {"beta": p["beta"], "slope": p["slope"]}),
        "snn.SFS": lambda: ("sparse_fast_sigmoid", {"slope": p["slope"], "bound": p["B"]}),
        "snn.SSO": lambda: ("heaviside", {}),
        "snn.custom_surrogate": lambda: ("gaussian", {}),
        "norse.super": lambda: ("super_spike", {}),
        "norse.triangle": lambda: ("triangle", {"height": p["alpha"]}),
        "norse.tanh": lambda: ("tanh", {"alpha": p["alpha"]}),
        "norse.circ": lambda: ("circ", {"alpha": p["alpha"]}),
        "norse.heavi_erfc": lambda: ("gaussian", {"height": 2 / math.sqrt(math.pi), "slope": p["alpha"]}),
        "spyx.superspike": lambda: ("super_spike", {"slope": p["k"]}),
        "spyx.tanh": lambda: ("tanh", {"alpha": p["k"]}),
        "spyx.boxcar": lambda: ("rectangle", {"width": p["width"], "height": p["height"]}),
        "spyx.triangular": lambda: ("triangle", {"slope": p["k"]}),
        "spyx.arctan": lambda: ("arctan", {"k": p["k"]}),
        "spyx.custom": lambda: ("gaussian", {}),
    }
    mnemonic, parameters = table[name]()
    if not parameters:
        return f"#spiking.{mnemonic}"
    listed = ", ".join(f"{k} = {v if isinstance(v, int) and k == 'n' else number(v)}" for k, v in parameters.items())
    return f"#spiking.{mnemonic}<{listed}>"


class Case:
    """A recorded case: its description and arrays."""

    def __init__(self, name, info, arrays):
        self.name = name
        self.symbol = name.replace("/", "_")
        self.info = info
        self.arrays = arrays
        self.model = info["model"].lstrip("*")
        self.T, self.N = arrays["x"].shape
        self.compare = "gt" if info.get("comparison") == ">" else "ge"
        self.values = {**info["parameters"], **info["learnable"]}

    def has_array(self, parameter):
        return isinstance(self.values.get(parameter), str) and self.values[parameter].endswith(".npy")

    def is_operand(self, parameter):
        return parameter in self.info["learnable"] or self.has_array(parameter)

    def array(self, parameter):
        """The value of a parameter as an array."""
        value = self.values[parameter]
        if self.has_array(parameter):
            return self.arrays[value[:-4]]
        return np.float32(value)

    def final_states(self):
        return [s for s in self.info["initial_state"] if s + "_final" in self.info["files"]]

    def initial(self, state):
        return f"dense<{number(self.info['initial_state'][state])}> : tensor<{self.N}xf32>"

    def product(self, a, b):
        """A product of two float32 numbers."""
        return float(np.float32(self.values[a]) * np.float32(self.values[b]))


class Function:
    """The text of a function, its arguments and what its results are."""

    def __init__(self, case):
        self.case = case
        self.arguments = []  # (name, type, array or None)
        self.results = []  # what a result is: "s", "v", "<state>_final"
        self.result_types = []
        self.values = []
        self.lines = []
        self.suffix = ""

    def argument(self, name, array):
        shape = "".join(f"{d}x" for d in np.shape(array))
        self.arguments.append((name, f"tensor<{shape}xf32>".replace("xx", "x") if shape else "tensor<f32>", array))
        if shape:
            self.arguments[-1] = (name, f"tensor<{shape}f32>", array)
        return "%" + name

    def type_of(self, name):
        return next(t for n, t, _ in self.arguments if n == name)

    def result(self, what, value, type):
        self.results.append(what)
        self.values.append(value)
        self.result_types.append(type)

    @property
    def symbol(self):
        return self.case.symbol + self.suffix

    def text(self):
        arguments = ", ".join(f"%{n}: {t}" for n, t, _ in self.arguments)
        types = ", ".join(self.result_types)
        body = "\n".join("  " + line for line in self.lines)
        return (f"func.func @{self.symbol}({arguments}) -> ({types}) {{\n{body}\n"
                f"  return {', '.join(self.values)} : {types}\n}}\n")


# ---------------------------------------------------------------------------
# Scans
# ---------------------------------------------------------------------------


class Value:
    """A scalar of a scan's body."""

    def __init__(self, body, name, type="f32"):
        self.body, self.name, self.type = body, name, type

    def _binary(self, op, other, swapped=False):
        other = self.body.value(other)
        a, b = (other, self) if swapped else (self, other)
        return self.body.op(op, f"{a.name}, {b.name}", self.type)

    def __add__(self, other):
        return self._binary("arith.addf", other)

    def __radd__(self, other):
        return self._binary("arith.addf", other, True)

    def __sub__(self, other):
        return self._binary("arith.subf", other)

    def __rsub__(self, other):
        return self._binary("arith.subf", other, True)

    def __mul__(self, other):
        return self._binary("arith.mulf", other)

    def __rmul__(self, other):
        return self._binary("arith.mulf", other, True)

    def __truediv__(self, other):
        return self._binary("arith.divf", other)

    def __rtruediv__(self, other):
        return self._binary("arith.divf", other, True)

    def __neg__(self):
        return self.body.op("arith.negf", self.name, self.type)

    def greater(self, other):
        return self.body.compare("ogt", self, other)

    def less(self, other):
        return self.body.compare("olt", self, other)

    def at_least(self, other):
        return self.body.compare("oge", self, other)


class Body:
    """A scan's body that is written with operators."""

    def __init__(self, case):
        self.case = case
        self.lines = []
        self.count = 0

    def op(self, name, operands, type, suffix=None):
        result = f"%{self.count}_"
        result = f"%t{self.count}"
        self.count += 1
        self.lines.append(f"{result} = {name} {operands} : {suffix or type}")
        return Value(self, result, type)

    def value(self, value):
        if isinstance(value, Value):
            return value
        return self.op("arith.constant", number(value), "f32")

    def compare(self, predicate, a, b):
        a, b = self.value(a), self.value(b)
        return self.op("arith.cmpf", f"{predicate}, {a.name}, {b.name}", "i1", "f32")

    def logic(self, name, a, b):
        return self.op(f"arith.{name}", f"{a.name}, {b.name}", "i1")

    def math(self, name, a):
        return self.op(f"math.{name}", a.name, "f32")

    def exp(self, a):
        return self.math("exp", a)

    def relu(self, a):
        # At 0 the gradient goes to the first operand, so it stops.
        return self.op("arith.maximumf", f"{self.value(0.0).name}, {a.name}", "f32")

    def sigmoid(self, a):
        return 1.0 / (1.0 + self.exp(-a))

    def fire(self, u, extra=""):
        """A spike of argument u (i1)."""
        type = "i8" if "kind" in extra else "i1"
        attributes = f"{{surrogate = {surrogate(self.case)}, compare = #spiking.compare<{self.case.compare}>{extra}}}"
        return self.op("spiking.fire", f"{u.name} {attributes}", type, f"f32 -> {type}")

    def num(self, s):
        """A spike as a number."""
        if s.type == "f32":
            return s
        return self.op("arith.uitofp" if s.type == "i1" else "arith.sitofp", s.name, "f32", f"{s.type} to f32")

    def detach(self, a, really=True):
        return self.op("spiking.detach", a.name, a.type) if really else a

    def select(self, c, a, b):
        a, b = self.value(a), self.value(b)
        return self.op("arith.select", f"{c.name}, {a.name}, {b.name}", a.type)

    def reset(self, h, s, threshold, value, detach):
        """Soft where `value` is None, else hard to it."""
        s = self.detach(s, detach)
        if value is None:
            return h - self.num(s) * threshold
        return self.select(s, value, h)


def scan(case, step, per_step=(), initial=None):
    """A function with a scan: `step(b, x, p, states)` returns the output, the
    membrane that is shown (or None) and the next states."""
    f = Function(case)
    x = f.argument("x", case.arrays["x"])
    T, N = case.T, case.N
    operands = [p for p in case.values if case.is_operand(p) and p != "recurrent_w"]
    ins = [("x", x, f"tensor<{T}x{N}xf32>")]
    params = []
    for p in operands:
        argument = f.argument("p_" + p, case.array(p))
        type = f.type_of("p_" + p)
        if p in per_step:
            wide = f"tensor<{T}x1xf32>"
            f.lines.append(f"%wide_{p} = tensor.expand_shape {argument} [[0, 1]] output_shape [{T}, 1] : {type} into {wide}")
            ins.append((p, f"%wide_{p}", wide))
        else:
            params.append((p, argument, type))
    b = Body(case)
    values = {p: Value(b, "%" + p) for p in operands}
    values.update({p: v for p, v in case.values.items() if p not in operands})
    states = list(case.info["initial_state"])
    output, shown, after = step(b, Value(b, "%xt"), values, {s: Value(b, "%s_" + s) for s in states})
    if output.type == "f32" and "s" not in case.arrays:
        raise ValueError(case.name)
    sequence = f"tensor<{T}x{N}x"
    outs = [output] + ([shown] if shown is not None and "v" in case.arrays else [])
    for i, out in enumerate(outs):
        f.lines.append(f"%e{i} = tensor.empty() : {sequence}{out.type}>")
    state = f"tensor<{N}xf32>"
    for s in states:
        if initial and s in initial:
            f.lines += initial[s](f"%init_{s}")
        else:
            f.lines.append(f"%init_{s} = arith.constant {case.initial(s)}")
    names = [f"%r{i}" for i in range(len(outs) + len(states))]
    text = f"{', '.join(names)} = spiking.scan forward ins("
    text += ", ".join(f"%{'xt' if n == 'x' else n} = {v} : {t}" for n, v, t in ins) + ")"
    if params:
        text += " params(" + ", ".join(f"%{n} = {v} : {t}" for n, v, t in params) + ")"
    text += " outs(" + ", ".join(f"%e{i} : {sequence}{o.type}>" for i, o in enumerate(outs)) + ")"
    text += " states(" + ", ".join(f"%s_{s} = %init_{s} : {state}" for s in states) + ") {"
    f.lines.append(text)
    f.lines += ["  " + line for line in b.lines]
    f.lines.append("  spiking.yield " + ", ".join(o.name for o in outs) + " : " + ", ".join(o.type for o in outs) +
                   " next(" + ", ".join(after[s].name for s in states) + " : " + ", ".join("f32" for _ in states) + ")")
    f.lines.append("}")
    for what, name, out in zip(("s", "v"), names, outs):
        f.result(what, name, f"{sequence}{out.type}>")
    for s, name in zip(states, names[len(outs):]):
        if s in case.final_states():
            f.result(s + "_final", name, state)
    return f


# ---------------------------------------------------------------------------
# Named neurons
# ---------------------------------------------------------------------------


def named(case, op, attributes, states=("v",), operands=(), spikes=True, before="", clamp=()):
    """Functions with a named neuron: one on the sequence, and one in a time loop
    that also shows the membrane after each step."""
    T, N = case.T, case.N
    state = f"tensor<{N}xf32>"
    listed = dict(attributes)
    if spikes:
        listed.setdefault("surrogate", surrogate(case))
        listed.setdefault("compare", f"#spiking.compare<{case.compare}>")
    keywords = {"i": "current", "c": "current", "syn": "current", "I": "current", "T": "adaptation"}
    text = "{" + ", ".join(f"{k} = {v}" for k, v in listed.items()) + "}"
    activity = "i1" if spikes else "f32"

    def make(is_sequence):
        f = Function(case)
        x = f.argument("x", case.arrays["x"])
        given = []
        for parameter, keyword in operands:
            value = f.argument("p_" + parameter, case.array(parameter))
            type = f.type_of("p_" + parameter)
            if parameter in clamp:
                f.lines.append(f"%zero_{parameter} = arith.constant dense<0.0> : {type}")
                f.lines.append(f"%one_{parameter} = arith.constant dense<1.0> : {type}")
                f.lines.append(f"%low_{parameter} = arith.maximumf {value}, %zero_{parameter} : {type}")
                f.lines.append(f"%in_{parameter} = arith.minimumf %low_{parameter}, %one_{parameter} : {type}")
                value = f"%in_{parameter}"
            given.append((keyword, value, type))
        for s in states:
            f.lines.append(f"%init_{s} = arith.constant {case.initial(s)}")

        def call(prefix, value, membranes, step):
            shape = f"tensor<{N}x" if step else f"tensor<{T}x{N}x"
            types = [shape + "f32>"] + [state for _ in membranes]
            line = f"{prefix}s, " + ", ".join(f"{prefix}{s}" for s in states) + f" = spiking.{op} {value}, {membranes[0]}"
            for s, m in list(zip(states, membranes))[1:]:
                line += f" {keywords[s]}({m})"
            parts = given
            if op == "plif":
                types.insert(1, given[0][2])
            for keyword, v, t in parts:
                line += f" {keyword}({v})"
                if op != "plif":
                    types.append(t)
            # Operands are typed in the order of the operation.
            return line + f" {text} : ({', '.join(types)}) -> ({shape}{activity}>, {', '.join(state for _ in states)})"

        sequence = f"tensor<{T}x{N}x"
        if is_sequence:
            f.lines.append(call("%q", x, [f"%init_{s}" for s in states], False))
            output, kind = "%qs", activity
            if "graded_spikes_factor" in case.values and case.is_operand("graded_spikes_factor"):
                g = f.argument("p_graded_spikes_factor", case.array("graded_spikes_factor"))
                f.lines.append(f"%g = spiking.broadcast {g} : tensor<f32> -> {sequence}f32>")
                f.lines.append(f"%n = arith.uitofp %qs : {sequence}i1> to {sequence}f32>")
                f.lines.append(f"%o = arith.mulf %g, %n : {sequence}f32>")
                output, kind = "%o", "f32"
            f.result("s", output, f"{sequence}{kind}>")
            for s in states:
                if s in case.final_states():
                    f.result(s + "_final", f"%q{s}", state)
            return f
        f.suffix = "_steps"
        f.lines.append(f"%steps = arith.constant {T} : index")
        init = ", ".join(f"%c_{s} = %init_{s} : {state}" for s in states)
        f.lines.append(f"%out, %mem, " + ", ".join(f"%last_{s}" for s in states) +
                       f" = spiking.time_loop %t = 0 to %steps over(%x_t = {x} : {sequence}f32>) state({init}) -> ({sequence}{activity}>, {sequence}f32>) {{")
        f.lines.append("  " + call("%q", "%x_t", [f"%c_{s}" for s in states], True))
        f.lines.append(f"  spiking.yield %qs, %q{states[0]} : tensor<{N}x{activity}>, {state} next(" +
                       ", ".join(f"%q{s}" for s in states) + " : " + ", ".join(state for _ in states) + ")")
        f.lines.append("}")
        if "graded_spikes_factor" not in case.info["learnable"]:
            f.result("s", "%out", f"{sequence}{activity}>")
        if "v" in case.arrays:
            f.result("v", "%mem", f"{sequence}f32>")
        for s in states:
            if s in case.final_states():
                f.result(s + "_final", f"%last_{s}", state)
        return f

    return [make(True), make(False)]


def hard_or_soft(value):
    return "#spiking.reset<soft>" if value is None else f"#spiking.reset<hard, value = {number(value)}>"


def flag(value):
    return "true" if value else "false"


def scaling(decays_input):
    return f"#spiking.input_scaling<{'one_minus_decay' if decays_input else 'none'}>"


# ---------------------------------------------------------------------------
# SpikingJelly
# ---------------------------------------------------------------------------


def sj_lif_attributes(p, leak):
    return {"decay": number(1 - 1 / p["tau"]), "threshold": number(p["v_threshold"]), "leak": number(leak),
            "reset": hard_or_soft(p["v_reset"]), "detach_reset": flag(p["detach_reset"]),
            "input_scaling": scaling(p["decay_input"])}


def sj_charge(p, v, x):
    """The charge of SpikingJelly's LIF node."""
    r = p.get("v_reset") or 0.0
    above = v - r if r else v
    if p["decay_input"]:
        return v + (x - above) / p["tau"]
    return v - above / p["tau"] + x


def sj_lif(case):
    return named(case, "lif", sj_lif_attributes(case.values, case.values["v_reset"] or 0.0))


def sj_simple_lif(case):
    return named(case, "lif", sj_lif_attributes(case.values, case.values["v_reset"]))


def sj_if(case):
    p = case.values
    return named(case, "if", {"threshold": number(p["v_threshold"]), "reset": hard_or_soft(p["v_reset"]),
                              "detach_reset": flag(p["detach_reset"])})


def sj_plif(case):
    p = case.values
    return named(case, "plif", {"threshold": number(p["v_threshold"]), "leak": number(p["v_reset"] or 0.0),
                                "reset": hard_or_soft(p["v_reset"]), "detach_reset": flag(p["detach_reset"]),
                                "input_scaling": scaling(p["decay_input"])}, operands=[("w", "weight")])


def sj_cubalif(case):
    p = case.values
    return named(case, "cuba_lif", {
        "preset": "#spiking.preset<spikingjelly>", "current_decay": number(p["c_decay"]), "decay": number(p["v_decay"]),
        "threshold": number(p["v_threshold"]), "reset": hard_or_soft(p["v_reset"])}, states=("v", "c"))


def sj_nonspiking_if(case):
    return named(case, "li", {"decay": "1.0"}, spikes=False)


def sj_nonspiking_lif(case):
    return named(case, "li", {"decay": number(1 - 1 / case.values["tau"]), "input_scaling": scaling(True)}, spikes=False)


def sj_online_lif(case):
    def step(b, x, p, s):
        h = sj_charge(p, b.detach(s["v"]), x)
        z = b.fire(h - p["v_threshold"])
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v, "trace": s["trace"] * (1 - 1 / p["tau"]) + b.num(z)}
    if "trace" not in case.info["initial_state"]:
        def plain(b, x, p, s):
            z, v, after = step(b, x, p, {**s, "trace": b.value(0.0)})
            return z, v, {"v": v}
        return [scan(case, plain)]
    return [scan(case, step)]


def sj_activation_aware_if(case):
    def step(b, x, p, s):
        h = s["v"] + x
        z = b.fire(h + p["v_offset"] - p["v_threshold"])
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_clif(case):
    def step(b, x, p, s):
        h = s["v"] - s["v"] / p["tau"] + x
        m1 = s["m"] * b.sigmoid(h / p["tau"])
        z = b.num(b.fire(h - p["v_threshold"]))
        m = m1 + z
        v = h - z * (p["v_threshold"] + b.sigmoid(m))
        return z, v, {"v": v, "m": m}
    return [scan(case, step)]


def sj_eif(case):
    def step(b, x, p, s):
        v = s["v"]
        h = v + (x + p["v_rest"] - v + p["delta_T"] * b.exp((v - p["theta_rh"]) / p["delta_T"])) / p["tau"]
        z = b.fire(h - p["v_threshold"])
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_qif(case):
    def step(b, x, p, s):
        v = s["v"]
        h = v + (x + p["a0"] * (v - p["v_rest"]) * (v - p["v_c"])) / p["tau"]
        z = b.fire(h - p["v_threshold"])
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_izhikevich(case):
    def step(b, x, p, s):
        v, w = s["v"], s["w"]
        h = v + (x + p["a0"] * (v - p["v_rest"]) * (v - p["v_c"]) - w) / p["tau"]
        z = b.fire(h - p["v_threshold"])
        w = w + (p["a"] * (h - p["v_rest"]) - w) / p["tau_w"] + p["b"] * b.num(z)
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v, "w": w}
    return [scan(case, step)]


def sj_klif(case):
    def step(b, x, p, s):
        h = b.relu(p["k"] * sj_charge(p, s["v"], x))
        z = b.fire(h - p["v_threshold"])
        threshold = b.value(p["v_threshold"])
        if p["scale_reset"]:
            v = b.reset(h / p["k"], z, threshold / p["k"], p["v_reset"], p["detach_reset"])
        else:
            v = b.reset(h, z, threshold, p["v_reset"], p["detach_reset"])
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_liaf(case):
    def step(b, x, p, s):
        h = sj_charge(p, s["v"], x)
        y = b.relu(h - p["v_threshold"] if p["threshold_related"] else h)
        v = b.reset(h, b.fire(h - p["v_threshold"]), p["v_threshold"], p["v_reset"], p["detach_reset"])
        return y, v, {"v": v}
    return [scan(case, step)]


def sj_ilif(case):
    maximum = int(case.info["surrogate"]["params"]["max_spike_count"])

    def step(b, x, p, s):
        h = (1 - 1 / p["tau"]) * s["v"] + x
        z = b.fire(h / p["v_threshold"], f", kind = #spiking.fire_kind<count>, maximum = {maximum} : i64")
        v = h - b.num(b.detach(z, p["detach_reset"])) * p["v_threshold"]
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_mpbn_lif(case):
    def step(b, x, p, s):
        h = sj_charge(p, s["v"], x)
        z = b.fire(h - b.exp(p["a"]))
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p.get("detach_reset", False))
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_raf(case):
    def step(b, x, p, s):
        a = math.exp(p["b"] * p["dt"])
        c, d = math.cos(p["omega"] * p["dt"]), math.sin(p["omega"] * p["dt"])
        u1 = a * (s["u"] * c - s["v"] * d) + x
        h = a * (s["u"] * d + s["v"] * c)
        z = b.fire(h - p["v_threshold"])
        v = b.reset(h, z, p["v_threshold"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v, "u": u1}
    return [scan(case, step)]


def sj_stbif(case):
    def step(b, x, p, s):
        q, acc = s["q"] + x / p["q_threshold"], s["acc_q"]
        up = b.num(b.logic("andi", q.at_least(1.0), acc.less(p["pos_max"])))
        down = b.num(b.logic("andi", q.less(0.0), acc.greater(p["neg_min"])))
        return (up - down) * p["q_threshold"], None, {"q": q - up + down, "acc_q": acc + up - down}
    return [scan(case, step)]


def sj_ternary(case):
    def step(b, x, p, s):
        h = sj_charge(p, s["v"], x) if "tau" in p else s["v"] + x
        threshold = p["v_threshold"]
        if p["v_reset"] is None:
            z = b.fire(h - threshold, f", kind = #spiking.fire_kind<ternary>, threshold = {number(threshold)}")
            v = h - b.num(b.detach(z, p["detach_reset"])) * threshold
            return z, v, {"v": v}
        up, down = b.fire(h - threshold), b.fire(-h - threshold)
        z = b.num(up) - b.num(down)
        e = b.detach(b.num(up) + b.num(down), p["detach_reset"])
        v = e * p["v_reset"] + (1.0 - e) * h
        return z, v, {"v": v}
    return [scan(case, step)]


def sj_gated_lif(case):
    def step(b, x, p, s):
        q = {name: b.sigmoid(p[name]) for name in case.info["learnable"]}
        v, z = s["v"], s["s"]
        decay = 1.0 - q["alpha"] * (1.0 - q["tau"])
        i = x * (1.0 - q["beta"] * (1.0 - q["conduct"]))
        v1 = decay * v - (1.0 - q["alpha"]) * q["linear_decay"] + i
        v1 = v1 - decay * v * q["gamma"] * z - (1.0 - q["gamma"]) * q["v_subreset"] * z
        out = b.fire(v1 - q["v_threshold"])
        return out, None, {"v": v1, "s": b.num(out)}
    return [scan(case, step, per_step=("conduct",))]


def sj_few_spike(case):
    def step(b, x, p, s):
        v = s["v"]
        z = b.num(b.fire(v - p["theta"]))
        return p["d"] * z, None, {"v": v - p["h"] * z}
    total = {"v": lambda name: [f"{name} = spiking.readout %x {{kind = #spiking.readout<sum>}} : "
                                f"(tensor<{case.T}x{case.N}xf32>) -> tensor<{case.N}xf32>"]}
    return [scan(case, step, per_step=("theta", "h", "d"), initial=total)]


def sj_dsr(case):
    is_lif = "tau" in case.values

    def step(b, x, p, s):
        threshold = p["v_threshold"]
        if is_lif:
            beta = math.exp(-p["delta_t"] / p["tau"])
            v = beta * s["v"] + (1 - beta) * x
        else:
            v = s["v"] + x
        fires = v.at_least(p["alpha"] * threshold)
        z = b.select(fires, threshold, 0.0)
        return (z / p["delta_t"] if is_lif else z), None, {"v": v - z}
    return [scan(case, step)]


def sj_psn(case):
    """H = bias + W X over time: a product with the transposed sequence."""
    p, T, N = case.values, case.T, case.N
    f = Function(case)
    x = f.argument("x", case.arrays["x"])
    w = f.argument("p_weight", case.array("weight"))
    bias = f.argument("p_bias", case.array("bias"))
    wt, bt = f.type_of("p_weight"), f.type_of("p_bias")
    seq, turned, square = f"tensor<{T}x{N}xf32>", f"tensor<{N}x{T}xf32>", f"tensor<{T}x{T}xf32>"
    kind, k = p["kind"], int(p.get("k") or 0)
    if kind == "sliding":
        f.lines.append(f"%h0 = spiking.broadcast {bias} : {bt} -> {seq}")
        for m in range(k):
            f.lines += [
                f"%w{m} = tensor.extract_slice {w}[{k - 1 - m}] [1] [1] : {wt} to tensor<1xf32>",
                f"%b{m} = spiking.broadcast %w{m} : tensor<1xf32> -> {seq}",
                f"%d{m} = spiking.delay {x} {{steps = {m} : i64}} : ({seq}) -> {seq}",
                f"%p{m} = arith.mulf %b{m}, %d{m} : {seq}",
                f"%h{m + 1} = arith.addf %h{m}, %p{m} : {seq}"]
        h = f"%h{k}"
    else:
        if kind == "masked":
            strength = float(p["lambda"])
            i, j = np.indices((T, T))
            mask = ((j <= i) & (j > i - k)).astype(np.float32)
            factors = strength * mask + (1 - strength)
            rows = ", ".join("[" + ", ".join(number(v) for v in row) + "]" for row in factors)
            f.lines += [f"%factors = arith.constant dense<[{rows}]> : {square}",
                        f"%masked = arith.mulf %factors, {w} : {square}"]
            w = "%masked"
        if bt != f"tensor<{T}xf32>":
            f.lines.append(f"%bias = tensor.collapse_shape {bias} [[0, 1]] : {bt} into tensor<{T}xf32>")
            bias = "%bias"
        f.lines += [
            f"%xt = spiking.transpose {x} {{permutation = array<i64: 1, 0>}} : ({seq}) -> {turned}",
            f"%wt = spiking.transpose {w} {{permutation = array<i64: 1, 0>}} : ({square}) -> {square}",
            f"%ht = spiking.linear %xt, %wt, {bias} : ({turned}, {square}, tensor<{T}xf32>) -> {turned}",
            f"%h = spiking.transpose %ht {{permutation = array<i64: 1, 0>}} : ({turned}) -> {seq}"]
        h = "%h"
    f.lines.append(f"%s = spiking.fire {h} {{surrogate = {surrogate(case)}}} : {seq} -> tensor<{T}x{N}xi1>")
    f.result("s", "%s", f"tensor<{T}x{N}xi1>")
    return [f]


# ---------------------------------------------------------------------------
# snnTorch
# ---------------------------------------------------------------------------

SNN_RESET = {"subtract": "#spiking.reset<soft>", "zero": "#spiking.reset<hard, value = 0.0>",
             "none": "#spiking.reset<none>"}


def snn_reset_step(b, p, mem, base, zeroed=None):
    """What snnTorch's neurons do after the charge `base`: the old decision, the
    spike, and without a delay the correction of the reset."""
    threshold, kind, g = p["threshold"], p["reset_mechanism"], p["graded_spikes_factor"]
    r = b.num(b.detach(b.fire(mem - threshold)))
    if kind == "subtract":
        u = base - r * threshold
    elif kind == "zero":
        u = zeroed(r) if zeroed else base - r * base
    else:
        u = base
    z = b.num(b.fire(u - threshold))
    after = u
    if not p["reset_delay"] and kind != "none":
        d = z - r
        after = u - d * (threshold if kind == "subtract" else u)
    return (z if g == 1.0 else g * z), after


def snn_operands(case, *names):
    keywords = {"beta": "decay", "alpha": "current_decay", "threshold": "threshold"}
    return [(n, keywords[n]) for n in names if case.is_operand(n)]


def snn_attributes(case, *names):
    keywords = {"beta": "decay", "alpha": "current_decay", "threshold": "threshold"}
    return {keywords[n]: number(case.values[n]) for n in names if not case.is_operand(n)}


def snn_leaky(case, clamp=()):
    p = case.values
    if p["reset_delay"] or p["reset_mechanism"] == "none":
        return named(case, "lif", {"preset": "#spiking.preset<snntorch>", "reset": SNN_RESET[p["reset_mechanism"]],
                                   **snn_attributes(case, "beta", "threshold")},
                     operands=snn_operands(case, "beta", "threshold"), clamp=clamp)

    def step(b, x, p, s):
        mem = s["v"]
        z, after = snn_reset_step(b, p, mem, p["beta"] * mem + x, lambda r: p["beta"] * ((1.0 - r) * mem) + x)
        return z, after, {"v": after}
    return [scan(case, step)]


def snn_leaky_clamped(case):
    return snn_leaky(case, clamp=("beta",))


def snn_synaptic(case):
    p = case.values
    if p["reset_delay"] or p["reset_mechanism"] == "none":
        return named(case, "cuba_lif", {"preset": "#spiking.preset<snntorch>", "reset": SNN_RESET[p["reset_mechanism"]],
                                        **snn_attributes(case, "alpha", "beta", "threshold")}, states=("v", "syn"),
                     operands=snn_operands(case, "beta", "alpha", "threshold"))

    def step(b, x, p, s):
        syn = p["alpha"] * s["syn"] + x
        z, after = snn_reset_step(b, p, s["v"], p["beta"] * s["v"] + syn)
        return z, after, {"v": after, "syn": syn}
    return [scan(case, step)]


def snn_rsynaptic(case):
    def step(b, x, p, s):
        syn = p["alpha"] * s["syn"] + x + p["V"] * s["s"]
        z, after = snn_reset_step(b, p, s["v"], p["beta"] * s["v"] + syn)
        return z, after, {"v": after, "syn": syn, "s": z}
    return [scan(case, step)]


def snn_rleaky(case):
    def step(b, x, p, s):
        z, after = snn_reset_step(b, p, s["v"], p["beta"] * s["v"] + x + p["V"] * s["s"])
        return z, after, {"v": after, "s": z}
    return [scan(case, step)]


def snn_lapicque(case):
    learns = "beta" in case.info["learnable"]

    def step(b, x, p, s):
        if learns:
            # R = 1 and C = time_step / ln(1 / beta).
            tau = p["time_step"] / b.math("log", 1.0 / p["beta"])
            base = x * (1.0 / tau) * p["time_step"] + (1.0 - p["time_step"] / tau) * s["v"]
        else:
            tau = p["R"] * p["C"]
            base = x * p["R"] * (1 / tau) * p["time_step"] + (1 - p["time_step"] / tau) * s["v"]
        z, after = snn_reset_step(b, p, s["v"], base)
        return z, after, {"v": after}
    return [scan(case, step)]


def snn_alpha(case):
    def step(b, x, p, s):
        t = math.log(p["alpha"]) / (math.log(p["beta"]) - math.log(p["alpha"])) + 1
        e, i = p["alpha"] * s["syn_exc"] + x, p["beta"] * s["syn_inh"] - x
        m = t * (e + i)
        r = b.num(b.detach(b.fire(s["v"] - p["threshold"])))
        if p["reset_mechanism"] == "subtract":
            e, i, m = e - p["threshold"] * r, i - i * r, m + s["syn_inh"] * r
        elif p["reset_mechanism"] == "zero":
            e, i, m = e * (1.0 - r), i * (1.0 - r), m * (1.0 - r)
        return b.fire(m - p["threshold"]), m, {"syn_exc": e, "syn_inh": i, "v": m}
    return [scan(case, step)]


def snn_delta_leaky(case):
    def step(b, x, p, s):
        n = p["beta"] * s["v"] + x
        return b.fire(b.math("absf", n - s["v"]) - p["delta_threshold"]), n, {"v": n}
    return [scan(case, step)]


def snn_leaky_parallel(case):
    def step(b, x, p, s):
        m = b.relu(x + p["weight_hh"] * s["v"])
        return b.fire(m - p["threshold"]), m, {"v": m}
    return [scan(case, step)]


def snn_state_leaky(case):
    def step(b, x, p, s):
        m = b.exp(-1.0 / p["tau"]) * s["v"] + x
        g = p["graded_spikes_factor"]
        z = b.num(b.fire(m - p["threshold"]))
        return (z if g == 1.0 else g * g * z), m, {"v": m}
    return [scan(case, step)]


# ---------------------------------------------------------------------------
# Norse
# ---------------------------------------------------------------------------


def norse_membrane(case):
    """Attributes of the membrane: v + dt*tau_mem_inv*((v_leak - v) + x)."""
    p = case.values
    attributes = {"decay": number(1 - case.product("dt", "tau_mem_inv")), "leak": number(p["v_leak"]),
                  "input_scaling": scaling(True)}
    if "v_th" in p:
        attributes.update(threshold=number(p["v_th"]), reset=hard_or_soft(p["v_reset"]),
                          detach_reset=flag(p["detach_reset"]))
    return attributes


def norse_lif(case, **attributes):
    return named(case, "cuba_lif", {**norse_membrane(case), "current_decay": number(1 - case.product("dt", "tau_syn_inv")),
                                    "current_update": "#spiking.current_update<jump_then_decay>", **attributes},
                 states=("v", "i"))


def norse_lif_box(case):
    attributes = norse_membrane(case)
    if case.values.get("reset_method") == "reset_subtract":
        attributes["reset"] = "#spiking.reset<soft>"
    return named(case, "lif", attributes)


def norse_iaf(case):
    p = case.values
    return named(case, "if", {"threshold": number(p["v_th"]), "reset": hard_or_soft(p["v_reset"])})


def norse_li_box(case):
    return named(case, "li", norse_membrane(case), spikes=False)


def norse_current(case, s, x):
    """The jump of the synaptic current, then its decay."""
    j = s["i"] + x
    return j, j - case.product("dt", "tau_syn_inv") * j


def norse_li(case):
    def step(b, x, p, s):
        j, i = norse_current(case, s, x)
        v = s["v"] + case.product("dt", "tau_mem_inv") * ((p["v_leak"] - s["v"]) + j)
        return v, v, {"v": v, "i": i}
    return [scan(case, step)]


def norse_lif_recurrent(case):
    if case.values["recurrent_weight"] == 0.0:
        # The recurrent step detaches the reset. The state z is the last spike.
        result = norse_lif(case, detach_reset="true")
        last = f"tensor<{case.N}x"
        result[0].lines += [
            f"%z = tensor.extract_slice %qs[{case.T - 1}, 0] [1, {case.N}] [1, 1] : tensor<{case.T}x{case.N}xi1> to {last}i1>",
            f"%zf = arith.uitofp %z : {last}i1> to {last}f32>"]
        result[0].result("z_final", "%zf", f"{last}f32>")
        return result

    def step(b, x, p, s):
        j, i = norse_current(case, s, x + p["recurrent_weight"] * s["z"])
        h = s["v"] + case.product("dt", "tau_mem_inv") * ((p["v_leak"] - s["v"]) + j)
        z = b.fire(h - p["v_th"])
        v = b.reset(h, z, p["v_th"], p["v_reset"], True)
        return z, v, {"z": b.num(z), "v": v, "i": i}
    return [scan(case, step)]


def norse_step(case, b, x, p, s):
    """One step of lif, lif_ex or lif_adex: the spike and the states."""
    j, i = norse_current(case, s, x)
    v = s["v"]
    drive = p["v_leak"] - v
    after = {"i": i}
    if "delta_T" in p:
        drive = drive + p["delta_T"] * b.exp((v - p["v_th"]) / p["delta_T"])
    drive = drive + j
    if "a" in s:
        drive = drive - s["a"]
    h = v + case.product("dt", "tau_mem_inv") * drive
    z = b.fire(h - p["v_th"])
    after["v"] = b.reset(h, z, p["v_th"], p["v_reset"], p["detach_reset"])
    if "a" in s:
        a1 = s["a"] + case.product("dt", "tau_ada_inv") * (p["adaptation_current"] * (v - p["v_leak"]) - s["a"])
        after["a"] = a1 + b.num(z) * p["adaptation_spike"]
    return z, after


def norse_lif_ex(case):
    def step(b, x, p, s):
        z, after = norse_step(case, b, x, p, s)
        return z, after["v"], after
    return [scan(case, step)]


def norse_refractory(case):
    def step(b, x, p, s):
        z1, after = norse_step(case, b, x, p, s)
        m = b.num(b.fire(s["rho"]))
        after["v"] = (1.0 - m) * after["v"] + m * s["v"]
        z = (1.0 - m) * b.num(z1)
        after["rho"] = (1.0 - z) * b.relu(s["rho"] - m) + z * p["rho_reset"]
        return z, after["v"], after
    return [scan(case, step)]


def norse_lsnn(case):
    def step(b, x, p, s):
        v = s["v"]
        h = v + case.product("dt", "tau_mem_inv") * ((p["v_leak"] - v) + s["i"])
        i = s["i"] - case.product("dt", "tau_syn_inv") * s["i"] + x
        b1 = s["b"] + case.product("dt", "tau_adapt_inv") * (p["v_th"] - s["b"])
        z = b.fire(h - b1)
        d = b.detach(z, p["detach_reset"])
        v = b.select(d, p["v_reset"], h)
        return z, v, {"v": v, "i": i, "b": b1 + b.num(d) * p["beta"]}
    return [scan(case, step)]


def norse_ada_lif(case):
    def step(b, x, p, s):
        v = s["v"]
        h = v + case.product("dt", "tau_mem_inv") * ((p["v_leak"] - v) + s["i"] - s["b"])
        b1 = s["b"] - case.product("dt", "tau_adapt_inv") * s["b"]
        z = b.num(b.fire(h - p["v_th"]))
        v = h - z * (p["v_th"] - p["v_reset"])
        i = s["i"] - case.product("dt", "tau_syn_inv") * s["i"] + x
        return z, v, {"v": v, "i": i, "b": b1 + z * p["beta"]}
    return [scan(case, step)]


def norse_coba_lif(case):
    def step(b, x, p, s):
        e, n = s["g_e"] + b.relu(x), s["g_i"] + b.relu(-x)
        e = e - case.product("dt", "tau_syn_exc_inv") * e
        n = n - case.product("dt", "tau_syn_inh_inv") * n
        v = s["v"]
        h = v + case.product("dt", "c_m_inv") * (
            p["g_l"] * (p["v_rest"] - v) + e * (p["e_rev_E"] - v) + n * (p["e_rev_I"] - v))
        z = b.fire(h - p["v_thresh"])
        v = b.reset(h, z, p["v_thresh"], p["v_reset"], p["detach_reset"])
        return z, v, {"v": v, "g_e": e, "g_i": n}
    return [scan(case, step)]


def norse_izhikevich(case):
    def step(b, x, p, s):
        v, u = s["v"], s["u"]
        k = case.product("tau_inv", "dt")
        h = v + k * (p["sq"] * (v * v) + p["mn"] * v + p["bias"] - u + x)
        u1 = u + k * p["a"] * (p["b"] * v - u)
        z = b.fire(h - p["v_th"])
        v = b.reset(h, z, p["v_th"], p["c"], False)
        return z, v, {"v": v, "u": u1 + b.num(z) * p["d"]}
    return [scan(case, step)]


# ---------------------------------------------------------------------------
# Spyx
# ---------------------------------------------------------------------------


def spyx_operands(case, *names):
    keywords = {"beta": "decay", "alpha": "current_decay"}
    return [(n, keywords[n]) for n in names if case.is_operand(n)]


def spyx_lif(case, clamp=()):
    if "recurrent_w" in case.values:
        return spyx_recurrent(case)
    return named(case, "lif", {"preset": "#spiking.preset<spyx>", "threshold": number(case.values["threshold"])},
                 states=("V",), operands=spyx_operands(case, "beta"), clamp=clamp)


def spyx_lif_clipped(case):
    return spyx_lif(case, clamp=("beta",))


def spyx_if(case):
    return named(case, "if", {"preset": "#spiking.preset<spyx>", "threshold": number(case.values["threshold"])}, states=("V",))


def spyx_li(case):
    return named(case, "li", {}, states=("V",), operands=spyx_operands(case, "beta"), spikes=False)


def spyx_psu_lif(case):
    return named(case, "lif", {"threshold": number(case.values["threshold"]), "reset": "#spiking.reset<none>"},
                 states=("V",), operands=spyx_operands(case, "beta"))


def spyx_cubalif(case):
    if "recurrent_w" in case.values:
        return spyx_recurrent(case)
    return named(case, "cuba_lif", {"preset": "#spiking.preset<spyx>", "threshold": number(case.values["threshold"])},
                 states=("V", "I"), operands=spyx_operands(case, "beta", "alpha"))


def spyx_recurrent(case):
    """Dense recurrent weights: a time loop; the spikes of the old membrane enter
    the current of the same step."""
    T, N = case.T, case.N
    is_cuba = "I" in case.info["initial_state"]
    f = Function(case)
    x = f.argument("x", case.arrays["x"])
    names = [p for p in ("recurrent_w", "alpha", "beta") if p in case.values]
    args = {p: f.argument("p_" + p, case.array(p)) for p in names}
    seq, state = f"tensor<{T}x{N}x", f"tensor<{N}xf32>"
    threshold = number(case.values["threshold"])
    states = ["V", "I"] if is_cuba else ["V"]
    f.lines += [f"%init_{s} = arith.constant {case.initial(s)}" for s in states]
    f.lines += [f"%threshold = arith.constant dense<{threshold}> : {state}", f"%steps = arith.constant {T} : index"]
    init = ", ".join(f"%c_{s} = %init_{s} : {state}" for s in states)
    f.lines.append("%out, %mem, " + ", ".join(f"%last_{s}" for s in states) +
                   f" = spiking.time_loop %t = 0 to %steps over(%x_t = {x} : {seq}f32>) state({init}) -> ({seq}i1>, {seq}f32>) {{")
    f.lines += [
        f"  %u = arith.subf %c_V, %threshold : {state}",
        f"  %z = spiking.fire %u {{surrogate = {surrogate(case)}, compare = #spiking.compare<gt>}} : {state} -> tensor<{N}xi1>",
        f"  %j = spiking.linear %z, {args['recurrent_w']} : (tensor<{N}xi1>, tensor<{N}x{N}xf32>) -> {state}",
        f"  %k = arith.addf %x_t, %j : {state}"]
    attributes = f"{{preset = #spiking.preset<spyx>, threshold = {threshold}, surrogate = {surrogate(case)}}}"
    if is_cuba:
        f.lines.append(f"  %s, %V, %I = spiking.cuba_lif %k, %c_V current(%c_I) decay({args['beta']}) current_decay({args['alpha']}) "
                       f"{attributes} : ({state}, {state}, {state}, tensor<f32>, tensor<f32>) -> (tensor<{N}xi1>, {state}, {state})")
    else:
        f.lines.append(f"  %s, %V = spiking.lif %k, %c_V decay({args['beta']}) {attributes} : "
                       f"({state}, {state}, tensor<f32>) -> (tensor<{N}xi1>, {state})")
    f.lines.append(f"  spiking.yield %s, %V : tensor<{N}xi1>, {state} next(" + ", ".join("%" + s for s in states) + " : " +
                   ", ".join(state for _ in states) + ")")
    f.lines.append("}")
    f.result("s", "%out", f"{seq}i1>")
    f.result("v", "%mem", f"{seq}f32>")
    for s in states:
        f.result(s + "_final", f"%last_{s}", state)
    return [f]


def spyx_alif(case):
    def step(b, x, p, s):
        threshold = p["threshold"] + s["T"]
        z = b.num(b.fire(s["V"] - threshold))
        v = p["beta"] * s["V"] + x - z * threshold
        return z, v, {"V": v, "T": p["gamma"] * s["T"] + (1.0 - p["gamma"]) * z}
    return [scan(case, step)]


def spyx_resonate_fire(case):
    def step(b, x, p, s):
        soft = b.math("log1p", b.exp(p["raw_lambda"]))
        size = b.exp(-(p["dt"] * soft))
        angle = p["dt"] * p["omega"]
        c, d = size * b.math("cos", angle), size * b.math("sin", angle)
        re = c * s["re"] - d * s["im"] + x
        im = c * s["im"] + d * s["re"]
        return b.fire(re - p["threshold"]), re, {"re": re, "im": im}
    return [scan(case, step)]


MODELS = {
    "sj.activation_aware_if": sj_activation_aware_if, "sj.clif": sj_clif, "sj.cubalif": sj_cubalif, "sj.dsr": sj_dsr,
    "sj.eif": sj_eif, "sj.few_spike": sj_few_spike, "sj.gated_lif": sj_gated_lif, "sj.if": sj_if, "sj.ilif": sj_ilif,
    "sj.izhikevich": sj_izhikevich, "sj.klif": sj_klif, "sj.liaf": sj_liaf, "sj.lif": sj_lif, "sj.psn": sj_psn,
    "sj.mpbn_lif": sj_mpbn_lif, "sj.nonspiking_if": sj_nonspiking_if, "sj.nonspiking_lif": sj_nonspiking_lif,
    "sj.online_lif": sj_online_lif, "sj.plif": sj_plif, "sj.qif": sj_qif, "sj.raf": sj_raf, "sj.simple_lif": sj_simple_lif,
    "sj.stbif": sj_stbif, "sj.ternary": sj_ternary,
    "snn.alpha": snn_alpha, "snn.delta_leaky": snn_delta_leaky, "snn.lapicque": snn_lapicque,
    "snn.leaky_clamped": snn_leaky_clamped, "snn.leaky": snn_leaky, "snn.leaky_parallel": snn_leaky_parallel,
    "snn.rleaky": snn_rleaky, "snn.rsynaptic": snn_rsynaptic, "snn.state_leaky": snn_state_leaky, "snn.synaptic": snn_synaptic,
    "norse.ada_lif": norse_ada_lif, "norse.coba_lif": norse_coba_lif, "norse.iaf": norse_iaf,
    "norse.izhikevich": norse_izhikevich, "norse.li": norse_li, "norse.li_box": norse_li_box, "norse.lif": norse_lif,
    "norse.lif_adex": norse_lif_ex, "norse.lif_adex_refrac": norse_refractory, "norse.lif_box": norse_lif_box,
    "norse.current_encoder": norse_lif_box, "norse.lif_ex": norse_lif_ex, "norse.lif_recurrent": norse_lif_recurrent,
    "norse.lif_refrac": norse_refractory, "norse.lsnn": norse_lsnn,
    "spyx.alif": spyx_alif, "spyx.cubalif": spyx_cubalif, "spyx.if": spyx_if, "spyx.li": spyx_li, "spyx.lif": spyx_lif,
    "spyx.lif_clipped": spyx_lif_clipped, "spyx.psu_lif": spyx_psu_lif, "spyx.resonate_fire": spyx_resonate_fire,
}


def functions(case):
    """The functions that express a case."""
    return MODELS[case.model](case)
