"""A problem: the sizes, parameters, batches and adjoint that one meta-gradient step is computed from. Arrays
are in the specification's layout.

Names and shapes of theta and phi are those of section 3.
"""
import json
from types import SimpleNamespace

import torch

from presets import PRESETS

TERMS = ["0_order", "1_order", "decorr_x", "hebb", "large_decay", "lin_lower_symm", "lin_upper_psd",
         "lin_upper_symm", "rbf", "sqr_lower_symm", "sqr_upper_symm", "w_base"]

# Readouts of h as the upper and as the lower end of a weight layer (section 3.1).
UPPER = ["0_order/top", "rbf/top", "1_order/top", "lin_upper_symm/top", "lin_upper_symm/bottom",
         "lin_upper_psd/top", "sqr_upper_symm/top", "sqr_upper_symm/bottom"]
LOWER = ["0_order/bottom", "rbf/bottom", "1_order/bottom", "lin_lower_symm/top", "lin_lower_symm/bottom",
         "sqr_lower_symm/top", "sqr_lower_symm/bottom"]


def preset_config(name):
    widths, B, H, D, classes, labels = PRESETS[name]
    return SimpleNamespace(widths=widths, L=len(widths) - 1, B=B, H=H, Q=1, S=H, P=2, D=D, G=4,
                           classes=classes, labels=labels, inner_rate=1e-4, activation="relu",
                           identical_updates=True)


def theta_shapes(c):
    shapes = {}

    def block(name, k, c_in, c_out):
        shapes.update({f"{name}/w": (k, c_in, c_out), f"{name}/b": (c_out,), f"{name}/bn_offset": (c_out,)})

    top = c.widths[-1]
    block("top_delta/conv0", 5, 1, c.S)
    block("top_delta/mix0", 3, top, top)
    block("top_delta/mix1", 3, top, top)
    for i in range(1, c.P + 1):
        block(f"top_delta/conv{i}", 3, c.S, c.S)
    shapes.update({"top_delta/out/w": (3, c.S, c.D), "top_delta/out/b": (c.D,),
                   "compute_h/in/bn_offset": (4 + c.D,)})
    for i in range(c.Q + 1):
        block(f"compute_h/conv{i}", 3, c.H if i else 13 + c.D, c.H)
        block(f"compute_h/unit{i}/conv0", 3, c.H, c.H)
        block(f"compute_h/unit{i}/conv1", 3, c.H, c.H)
    shapes.update({"error_prop/w": (c.H, c.D), "error_prop/b": (c.D,), "bias_readout/w": (c.H, 1),
                   "bias_readout/b": (1,)})
    for direction in ["forward"] if c.identical_updates else ["forward", "backward"]:
        for pair in UPPER + LOWER:
            shapes.update({f"{direction}/readout/{pair}/w": (c.H, c.G),
                           f"{direction}/readout/{pair}/b": (c.G,)})
        shapes.update({f"{direction}/merge/w": (12, 1), f"{direction}/merge/b": (1,)})
    return shapes


def phi_shapes(c):
    layers = range(1, c.L + 1)
    matrix = lambda l: (c.widths[l - 1], c.widths[l])
    return ({f"W/{l}": matrix(l) for l in layers} | {f"V/{l}": matrix(l) for l in layers}
            | {f"b/{l}": (c.widths[l],) for l in layers})


def standardised_targets(labels, classes, dtype):
    """Section 10, step 2: labels [n] -> targets [n, classes]."""
    y = torch.nn.functional.one_hot(labels.long(), classes).to(dtype)
    y = y - y.mean()
    return y / (y * y).sum(1).mean().sqrt()


def random_problem(name, dtype=torch.float32):
    """The problem of a preset: config, theta, phi, x [B, N_0], pairs, adjoint of phi_{t+1}. A pair is (x of a
    then b [2n, N_0], targets of a, targets of b)."""
    torch.manual_seed(0)
    c = preset_config(name)
    draw = lambda shape, scale: torch.randn(shape, dtype=dtype) * scale
    theta = {}
    for n, shape in theta_shapes(c).items():
        fan_in = shape[0] * shape[1] if len(shape) == 3 else shape[0]
        if n.endswith("merge/w"):
            theta[n] = 0.1 + draw(shape, 0.02)
        else:
            theta[n] = draw(shape, fan_in ** -0.5 if n.endswith("/w") else 0.1)
    phi = {n: draw(shape, 0.1 if n.startswith("b") else 0.01) for n, shape in phi_shapes(c).items()}
    x = torch.rand(c.B, c.widths[0], dtype=dtype)
    labels = lambda: torch.randperm(c.classes * c.labels) % c.classes
    pairs = [(torch.rand(2 * c.classes * c.labels, c.widths[0], dtype=dtype),
              standardised_targets(labels(), c.classes, dtype),
              standardised_targets(labels(), c.classes, dtype))]
    adjoint = {n: draw(v.shape, 1.0) for n, v in phi.items()}
    return SimpleNamespace(c=c, theta=theta, phi=phi, x=x, pairs=pairs, adjoint=adjoint)


def golden_problem(path):
    """The problem in a file of golden vectors: config, theta, phi, xs [T, B, N_0], pairs[t] of phi_t, and
    `expected`: the open file."""
    import h5py  # needed by nothing else
    f = h5py.File(path, "r")
    g = json.loads(f.attrs["config_json"])
    widths = [g["input_size"], *g["hidden_sizes"], g["output_size"]]
    c = SimpleNamespace(widths=widths, L=len(widths) - 1, B=f["inner_x"].shape[1], H=g["compute_h_size"],
                        Q=g["compute_h_layers"], S=g["top_delta_size"], P=g["top_delta_layers"],
                        D=g["delta_dim"], G=g["num_grad_channels"], classes=g["num_classes"],
                        labels=g["samples_per_class"], inner_rate=g["inner_lr"],
                        activation=g["activation"], identical_updates=g["identical_updates"])
    read = lambda name: torch.from_numpy(f[name][()])
    pairs = []
    for t in range(f["meta/xa"].shape[0]):
        xs = torch.cat([read("meta/xa")[t], read("meta/xb")[t]], 1)
        targets = lambda side, a: standardised_targets(read(f"meta/{side}")[t, a], c.classes, torch.float64)
        pairs.append([(xs[a], targets("ya", a), targets("yb", a)) for a in range(xs.shape[0])])
    return SimpleNamespace(c=c, theta={n: read(f"theta/{n}") for n in theta_shapes(c)},
                           phi={n: read(f"phi0/{n}") for n in phi_shapes(c)}, xs=read("inner_x"), pairs=pairs,
                           expected=f)
