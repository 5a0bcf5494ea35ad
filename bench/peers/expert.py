"""The form of someone who knows PyTorch well: [unit, example, channel] arrays, so that no convolution or
product needs a permute; all readouts of one h as one product; native batch norm; no bias in front of a batch
norm (it has no effect); hand-written reverses where autograd makes needless passes (blocks.py); products of
low rank in the cheaper order.
"""
import math
from functools import lru_cache

import torch
import torch.nn.functional as F

from blocks import Block, InputBlock, Means, Merge, UnitPair, UnitRms, conv
from problem import LOWER, TERMS, UPPER

name = "expert"

# Channels of the update network's input (6.3): those that are the same for all examples (statistics, bias,
# phases) and x, z; d's follow at 13.
STATIC, XZ = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12], [9, 10]
READOUTS = LOWER + UPPER


def chosen(c, faster):
    """A choice by speed; `check` also tests the opposite of every choice."""
    return faster != getattr(c, "opposite", False)


def as_images(c):
    """See blocks.py; settled by measurement (README.md)."""
    return chosen(c, c.H * c.B * max(c.widths) > 1 << 19)


def joined(c):
    """Whether x, z and d are convolved together, with zeros up to 16 channels: as fast as d alone where d is
    narrower than a vector of 16 (and batch norm of 8 channels is 10x slower than of 16)."""
    return chosen(c, c.D + 2 <= 16)


# --- layout of theta

def conv_weight(c, name, w):
    """[k, in, out] -> [out, in, 1, k] along the middle axis, [out, in, k, 1] along the first."""
    w = w.permute(2, 1, 0).unsqueeze(3 if "/mix" in name or ("/unit" in name and not as_images(c)) else 2)
    return w.contiguous() if "/mix" in name else w.contiguous(memory_format=torch.channels_last)


def conv_weight_back(w):
    return w.flatten(2).permute(2, 1, 0)


def pack(c, theta):
    """theta of the specification -> this form's layout."""
    packed = {}
    for n, w in theta.items():
        if n == "compute_h/conv0/w":
            packed["compute_h/static"] = w[:, STATIC].transpose(0, 1).reshape(11, -1)
            if not joined(c):
                packed["compute_h/xz"] = w[:, XZ].transpose(0, 1).reshape(6, -1)
            d = w[:, 13:]
            w = torch.cat([w[:, XZ], d, w.new_zeros(3, padding(c), c.H)], 1) if joined(c) else d
        if "readout" not in n:
            packed[n] = conv_weight(c, n, w) if w.dim() == 3 else w
    for direction in sorted({n.split("/")[0] for n in theta if "/readout/" in n}):
        names = [f"{direction}/readout/{r}" for r in READOUTS] + ["bias_readout"]
        packed[f"{direction}/readout/w"] = torch.cat([theta[f"{n}/w"].t() for n in names])
        packed[f"{direction}/readout/b"] = torch.cat([theta[f"{n}/b"] for n in names])
    return packed


def padding(c):
    return max(0, 14 - c.D)


def unpack(c, packed):
    """This form's layout (of gradients) -> the specification's."""
    theta = {}
    for n, w in packed.items():
        if n.endswith(("readout/w", "readout/b")):
            direction, _, part = n.split("/")
            *pairs, bias = w.split([(w.shape[0] - 1) // 15] * 15 + [1])
            theta.update({f"{direction}/readout/{r}/{part}": v.t() if part == "w" else v
                          for r, v in zip(READOUTS, pairs)})
            if direction == "forward":
                theta[f"bias_readout/{part}"] = bias.t() if part == "w" else bias
        elif n == "compute_h/conv0/w":
            w, s = conv_weight_back(w), packed["compute_h/static"].view(11, 3, c.H).transpose(0, 1)
            if joined(c):
                xz, d = w[:, :2], w[:, 2:2 + c.D]
            else:
                xz, d = packed["compute_h/xz"].view(2, 3, c.H).transpose(0, 1), w
            theta[n] = torch.cat([s[:, :9], xz, s[:, 9:], d], 1)
        elif n not in ("compute_h/static", "compute_h/xz"):
            theta[n] = conv_weight_back(w) if w.dim() == 4 else w
    return theta


# --- base model (section 4); arrays [unit, example]

def normalise_rows(v, offset=None):
    return F.batch_norm(v.unsqueeze(0), None, None, None, offset, training=True, eps=1e-6).squeeze(0)


def forward(c, phi, x):
    xs, zs = [x], [x]
    for l in range(1, c.L + 1):
        zs.append(normalise_rows(phi[f"W/{l}"].t() @ xs[-1], phi[f"b/{l}"]))
        xs.append(getattr(torch, c.activation)(zs[-1]))
    return xs, zs


# --- the sweep (sections 5 to 7)

def block(c, a, theta, name):
    return Block.apply(a, theta[f"{name}/w"], theta[f"{name}/bn_offset"], as_images(c))


def top_signal(c, theta, x):
    a = block(c, x.unsqueeze(2), theta, "top_delta/conv0").unsqueeze(0)
    # [1, N, B, S]: one image of B x S with the neurons as its channels
    for mix in ("top_delta/mix0", "top_delta/mix1"):
        a = F.conv2d(a, theta[f"{mix}/w"], padding=(1, 0))
        a = F.relu_(F.batch_norm(a, None, None, None, theta[f"{mix}/bn_offset"], training=True, eps=1e-3))
    a = a.squeeze(0)
    for i in range(1, c.P + 1):
        a = block(c, a, theta, f"top_delta/conv{i}")
    return conv(a, theta["top_delta/out/w"], as_images(c), theta["top_delta/out/b"])


@lru_cache
def phases(N, dtype):
    """sin and cos of the phases, already normalised: [N, 2]."""
    p = torch.linspace(0, 4 * math.pi, N, dtype=dtype)
    p = torch.stack([p.sin(), p.cos()], 1)
    return (p - p.mean(0)) / (p.var(0, unbiased=False) + 1e-3).sqrt()


def weight_statistics(w):
    """Of the columns [J, 4] and of the rows [I, 4]."""
    def four(means):
        size, square, mean = means.unbind(0)
        return torch.stack([size, (square + 1e-6).sqrt(), mean, (square - mean * mean + 1e-8).sqrt()], 1)
    columns, rows = Means.apply(w)
    return four(columns), four(rows)


def hidden(c, theta, phi, statistics, l, x, z, d):
    N, B = x.shape
    s = torch.cat([statistics[l][0] if l > 0 else statistics[1][1],
                   statistics[l + 1][1] if l < c.L else statistics[l][0]], 1)
    s = s * torch.rsqrt((s * s).mean() + 1e-6)
    x_offset, phase_offset, d_offset = theta["compute_h/in/bn_offset"].split([2, 2, c.D])
    b = phi[f"b/{l}"].unsqueeze(1) if l > 0 else torch.zeros(N, 1, dtype=x.dtype)
    static = torch.cat([s, b, phases(N, x.dtype) + phase_offset], 1) @ theta["compute_h/static"]
    static = static.view(N, 3, c.H)
    if joined(c):
        f = torch.cat([x.unsqueeze(2), z.unsqueeze(2), d, x.new_zeros(N, B, padding(c))], 2)
        xz, w_xz = None, None
        f_offset = torch.cat([x_offset, d_offset, x.new_zeros(padding(c))])
    else:
        xz = F.batch_norm(torch.stack([x, z]).view(1, 2, N * B), None, None, None, x_offset, training=True,
                          eps=1e-3).view(2, N, B)
        xz = F.pad(xz, (1, 1)).unfold(2, B, 1).transpose(1, 2).reshape(6, N * B)
        f, f_offset, w_xz = d, d_offset, theta["compute_h/xz"]
    a = InputBlock.apply(f, f_offset, theta["compute_h/conv0/w"], static, theta["compute_h/conv0/bn_offset"],
                         xz, w_xz, as_images(c))
    for i in range(c.Q + 1):
        if i > 0:
            a = block(c, a, theta, f"compute_h/conv{i}")
        pair = [theta[f"compute_h/unit{i}/{n}"]
                for n in ("conv0/w", "conv0/bn_offset", "conv1/w", "conv1/bn_offset")]
        a = UnitPair.apply(a, *pair, as_images(c))
    return a


def sweep(c, theta, phi, xs, zs):
    statistics = {l: weight_statistics(phi[f"W/{l}"]) for l in range(1, c.L + 1)}
    h, d = [None] * (c.L + 1), top_signal(c, theta, xs[-1])
    for l in range(c.L, 0, -1):
        h[l] = hidden(c, theta, phi, statistics, l, xs[l], zs[l], d)
        error = torch.addmm(theta["error_prop/b"], h[l].view(-1, c.H), theta["error_prop/w"]).view(d.shape)
        delta = torch.addcmul(error, d, torch.sigmoid(zs[l]).unsqueeze(2))
        d = UnitRms.apply((phi[f"V/{l}"] @ delta.view(len(delta), -1)).view(-1, c.B, c.D))
    h[0] = hidden(c, theta, phi, statistics, 0, xs[0], zs[0], d)
    return h


# --- increments (section 8)

def read(c, w, b, h):
    """Rows of readouts: G at a time as [N, G B], and the last (h's bias readout) as [N, B]."""
    N, B, H = h.shape
    r = torch.addmm(b.unsqueeze(1), w, h.view(-1, H).t())
    r, bias = r.split([len(w) // c.G * c.G, len(w) % c.G])
    return r.view(-1, c.G, N, B).transpose(1, 2).reshape(-1, N, c.G * B).unbind(0), bias.view(-1, B)


def cheaper(c, first, second):
    """Of two ways (multiply-adds, function) to the same product."""
    return first[1]() if chosen(c, first[0] <= second[0]) else second[1]()


@lru_cache
def off_diagonal(N, dtype):
    return (1 - torch.eye(N, dtype=dtype)) / math.sqrt(2 * N)


def symmetric(u):
    return (u + u.t()) * off_diagonal(len(u), u.dtype)


def times_low_rank(c, w, a, b, scale):
    """w (scale a b^T); a, b [J, K]."""
    (I, J), K = w.shape, a.shape[1]
    return cheaper(c, (J * J * K + I * J * J, lambda: w @ (a @ b.t() * scale)),
                   (2 * I * J * K, lambda: (w @ a * scale) @ b.t()))


def times_symmetric(c, w, a, b):
    """w M, M the symmetric matrix of rank 2 K without its diagonal (8.2)."""
    (I, J), K = w.shape, a.shape[1]
    return cheaper(c, (J * J * K + I * J * J, lambda: w @ symmetric(a @ b.t())),
                   (4 * I * J * K, lambda: (torch.addmm((w @ a) @ b.t(), w @ b, a.t())
                                            - w * (2 * (a * b).sum(1))) * (1 / math.sqrt(2 * J))))


def symmetric_times(c, w, a, b):
    (I, J), K = w.shape, a.shape[1]
    return cheaper(c, (I * I * K + I * I * J, lambda: symmetric(a @ b.t()) @ w),
                   (4 * I * J * K, lambda: (torch.addmm(a @ (b.t() @ w), b, a.t() @ w)
                                            - w * (2 * (a * b).sum(1, keepdim=True)))
                                           * (1 / math.sqrt(2 * I))))


def weight_change(c, theta, direction, W, us, ls, upper, lower):
    """us, ls: standardised x [unit, example]; upper, lower: readouts in the order of UPPER and LOWER, scaled
    so that their products are LR."""
    I, J = W.shape
    w = W * torch.rsqrt((W * W).mean(0) + 1e-6)
    w2, sign = w * w, w.sign()
    g = (w2 + 1).sqrt() - 1
    q = times_low_rank(c, w, us, us, 1 / (c.B * math.sqrt(J)))
    terms = {
        "0_order": lower[0] @ upper[0].t(),
        "rbf": torch.exp(-w2) * (lower[1] @ upper[1].t()),
        "1_order": w * (lower[2] @ upper[2].t()),
        "decorr_x": q * torch.rsqrt((q * q).mean() + 1e-8),
        "hebb": ls @ (us * (-1 / c.B)).t(),
        "large_decay": w2 * sign,
        "lin_upper_symm": times_symmetric(c, w, upper[3], upper[4]),
        "lin_upper_psd": times_low_rank(c, w, upper[5], upper[5], 1 / math.sqrt(J)),
        "lin_lower_symm": symmetric_times(c, w, lower[3], lower[4]),
        "sqr_upper_symm": times_symmetric(c, g, upper[6], upper[7]) * sign,
        "sqr_lower_symm": symmetric_times(c, g, lower[5], lower[6]) * sign,
        "w_base": w,
    }
    change = Merge.apply(chosen(c, W.numel() < 1 << 15), theta[f"{direction}/merge/w"] * (1 / 12),
                         *(terms[t] for t in TERMS)) + theta[f"{direction}/merge/b"] * (1 / 12)
    change = (change - w * F.relu((change * w).mean())) * (1 / math.sqrt(12))
    return change * torch.rsqrt((change * change).mean(0) + 1) - w * (1 / 7)


def bias_change(r):
    r = r.mean(1)
    r = r + F.relu(-r.mean())
    return r * torch.rsqrt((r * r).mean() + 0.5)


@lru_cache
def readout_scale(c_B, c_G, dtype):
    """Readouts scaled by this make LR without its factor 1/(B G); the bias readout stays."""
    return torch.cat([torch.full((15 * c_G,), (c_B * c_G) ** -0.5, dtype=dtype), torch.ones(1, dtype=dtype)])


def step(c, theta, phi, x):
    """phi_{t+1} (section 9); x [B, N_0]."""
    xs, zs = forward(c, phi, x.t().contiguous())
    h = sweep(c, theta, phi, xs, zs)
    standard = [normalise_rows(v) for v in xs]
    move = lambda v, change: v * (1 - c.inner_rate) - change * c.inner_rate
    after, n = {}, len(LOWER) * c.G
    for matrix, direction in (("W", "forward"), ("V", "forward" if c.identical_updates else "backward")):
        if direction not in after:
            scale = readout_scale(c.B, c.G, x.dtype)
            w = theta[f"{direction}/readout/w"] * scale.unsqueeze(1)
            b = theta[f"{direction}/readout/b"] * scale
            readouts = [read(c, w[:n], b[:n], h[0]), *(read(c, w, b, v) for v in h[1:-1]),
                        read(c, w[n:], b[n:], h[-1])]
            upper = [None] + [r[-8:] for r, _ in readouts[1:]]
            after[direction] = [None] + [
                weight_change(c, theta, direction, phi[f"{matrix}/{l}"], standard[l], standard[l - 1],
                              upper[l], readouts[l - 1][0]) for l in range(1, c.L + 1)]
        if matrix == "W":
            biases = [bias for _, bias in readouts]
        for l in range(1, c.L + 1):
            after[f"{matrix}/{l}"] = move(phi[f"{matrix}/{l}"], after[direction][l])
    for l in range(1, c.L + 1):
        after[f"b/{l}"] = move(phi[f"b/{l}"], bias_change(biases[l]))
    return {n: after[n] for n in phi}


# --- meta-objective (section 10)

@lru_cache
def ridge(N, dtype):
    r = 0.1 * torch.eye(N, dtype=dtype)
    r[-1, -1] = 0
    return r


def objective(c, phi, x, ya, yb):
    features = forward(c, phi, x.t().contiguous())[0][-1]
    N, n = len(features), len(ya)
    A = F.pad(features[:, :n], (0, 0, 0, 1), value=1.0)
    v = torch.cholesky_solve(A @ ya, torch.linalg.cholesky(torch.addmm(ridge(N + 1, x.dtype), A, A.t())))
    weights, constant = v.split([N, 1])
    p = torch.addmm(constant, features[:, n:].t(), weights)
    p = p * torch.rsqrt((p * p).sum(1, keepdim=True)) - yb
    return ((p * p).sum() + (weights * weights).sum() * 0.1) * (1 / n)
