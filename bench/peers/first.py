"""The form that one writes first: [example, neuron, channel] arrays as in the specification, conv1d between
permutes, one readout at a time, everything left to autograd."""
import math

import torch
import torch.nn.functional as F

from problem import TERMS

name = "first"


def pack(c, theta):
    """theta of the specification -> this form's layout: convolutions as conv1d wants them, [out, in, k]."""
    return {n: w.permute(2, 1, 0).contiguous() if w.dim() == 3 else w for n, w in theta.items()}


def unpack(c, theta):
    return {n: w.permute(2, 1, 0) if w.dim() == 3 else w for n, w in theta.items()}


# --- primitives (section 2)

def conv(x, theta, name, axis):
    w, b = theta[f"{name}/w"], theta[f"{name}/b"]
    there, back = ((1, 2, 0), (2, 0, 1)) if axis == 0 else ((0, 2, 1), (0, 2, 1))
    return F.conv1d(x.permute(there), w, b, padding=w.shape[2] // 2).permute(back)


def batch_norm(x, offset, eps=1e-3):
    rows = x.reshape(-1, x.shape[-1])
    return F.batch_norm(rows, None, None, None, offset, training=True, eps=eps).view(x.shape)


def block(x, theta, name, axis):
    return F.relu(batch_norm(conv(x, theta, name, axis), theta[f"{name}/bn_offset"]))


def linear(x, theta, name):
    return x @ theta[f"{name}/w"] + theta[f"{name}/b"]


# --- base model (section 4)

def forward(c, phi, x):
    xs, zs = [x], [x]
    for l in range(1, c.L + 1):
        zs.append(F.batch_norm(xs[-1] @ phi[f"W/{l}"], None, None, None, phi[f"b/{l}"], training=True,
                               eps=1e-6))
        xs.append(getattr(torch, c.activation)(zs[-1]))
    return xs, zs


# --- the sweep (sections 5 to 7)

def top_signal(c, theta, x):
    a = block(x[:, :, None], theta, "top_delta/conv0", 0).transpose(1, 2)
    a = block(a, theta, "top_delta/mix0", 0)
    a = block(a, theta, "top_delta/mix1", 0).transpose(1, 2)
    for i in range(1, c.P + 1):
        a = block(a, theta, f"top_delta/conv{i}", 0)
    return conv(a, theta, "top_delta/out", 0)


def four_statistics(w, axis):
    return torch.stack([w.abs().mean(axis), ((w * w).mean(axis) + 1e-6).sqrt(), w.mean(axis),
                        (w.var(axis, unbiased=False) + 1e-8).sqrt()], 1)


def weight_statistics(c, phi, l):
    incoming = four_statistics(phi[f"W/{l}"], 0) if l > 0 else None
    outgoing = four_statistics(phi[f"W/{l + 1}"], 1) if l < c.L else None
    s = torch.cat([outgoing if l == 0 else incoming, incoming if l == c.L else outgoing], 1)
    return s / ((s * s).mean() + 1e-6).sqrt()


def hidden(c, theta, phi, l, x, z, d):
    B, N = x.shape
    phase = torch.linspace(0, 4 * math.pi, N, dtype=x.dtype).expand(B, N)
    f = torch.cat([x[:, :, None], z[:, :, None], phase.sin()[:, :, None], phase.cos()[:, :, None], d], 2)
    f = batch_norm(f, theta["compute_h/in/bn_offset"])
    b = phi[f"b/{l}"] if l > 0 else torch.zeros(N, dtype=x.dtype)
    a = torch.cat([weight_statistics(c, phi, l).expand(B, N, 8), b[:, None].expand(B, N, 1), f], 2)
    for i in range(c.Q + 1):
        a = block(a, theta, f"compute_h/conv{i}", 0)
        u = block(a, theta, f"compute_h/unit{i}/conv0", 1)
        a = a + block(u, theta, f"compute_h/unit{i}/conv1", 1)
    return a


def sweep(c, theta, phi, xs, zs):
    h, d = [None] * (c.L + 1), top_signal(c, theta, xs[-1])
    for l in range(c.L, 0, -1):
        h[l] = hidden(c, theta, phi, l, xs[l], zs[l], d)
        delta = d * torch.sigmoid(zs[l])[:, :, None] + linear(h[l], theta, "error_prop")
        t = torch.einsum("mj,bjc->bmc", phi[f"V/{l}"], delta)
        d = t / (1e-6 + (t * t).mean(2, keepdim=True)).sqrt()
    h[0] = hidden(c, theta, phi, 0, xs[0], zs[0], d)
    return h


# --- increments (section 8)

def standardise(v):
    v = v - v.mean(0)
    return v / ((v * v).mean(0) + 1e-6).sqrt()


def symmetric(u):
    u = (u + u.t()) / math.sqrt(2)
    return u - torch.diag(torch.diag(u))


def norm(m):
    return m / (1 + (m * m).mean(0)).sqrt()


def weight_change(c, theta, direction, W, x_lower, x_upper, h_lower, h_upper):
    B, (I, J) = x_upper.shape[0], W.shape
    read = lambda h, pair: linear(h, theta, f"{direction}/readout/{pair}")
    low_rank = lambda bottom, top: torch.einsum("big,bjg->ij", bottom, top) / (B * c.G)
    across = lambda term: low_rank(read(h_lower, f"{term}/bottom"), read(h_upper, f"{term}/top"))
    within = lambda h, term: symmetric(low_rank(read(h, f"{term}/bottom"),
                                                read(h, f"{term}/top"))) / math.sqrt(h.shape[1])

    w = W / ((W * W).mean(0) + 1e-6).sqrt()
    us, ls = standardise(x_upper), standardise(x_lower)
    g = (1 + w * w).sqrt() - 1
    q = w @ (us.t() @ us / (B * math.sqrt(J)))
    psd = read(h_upper, "lin_upper_psd/top")
    terms = {
        "w_base": w,
        "large_decay": w * w * torch.sign(w),
        "decorr_x": q / ((q * q).mean() + 1e-8).sqrt(),
        "hebb": -ls.t() @ us / B,
        "0_order": across("0_order"),
        "rbf": torch.exp(-w * w) * across("rbf"),
        "1_order": w * across("1_order"),
        "lin_upper_symm": w @ within(h_upper, "lin_upper_symm"),
        "lin_upper_psd": w @ low_rank(psd, psd) / math.sqrt(J),
        "lin_lower_symm": within(h_lower, "lin_lower_symm") @ w,
        "sqr_upper_symm": g @ within(h_upper, "sqr_upper_symm") * torch.sign(w),
        "sqr_lower_symm": within(h_lower, "sqr_lower_symm") @ g * torch.sign(w),
    }
    change = theta[f"{direction}/merge/b"] / 12
    for k, term in enumerate(TERMS):
        change = change + theta[f"{direction}/merge/w"][k] * norm(terms[term]) / 12
    change = change - w * F.relu((change * w).mean())
    return norm(change / math.sqrt(12)) - w / 7


def bias_change(theta, h):
    r = linear(h, theta, "bias_readout")[:, :, 0].mean(0)
    r = r + F.relu(-r.mean())
    return r / (0.5 + (r * r).mean()).sqrt()


def step(c, theta, phi, x):
    """phi_{t+1} (section 9)."""
    xs, zs = forward(c, phi, x)
    h = sweep(c, theta, phi, xs, zs)
    move = lambda v, change: (1 - c.inner_rate) * v - c.inner_rate * change
    after = {}
    for l in range(1, c.L + 1):
        arguments = xs[l - 1], xs[l], h[l - 1], h[l]
        change = weight_change(c, theta, "forward", phi[f"W/{l}"], *arguments)
        after[f"W/{l}"] = move(phi[f"W/{l}"], change)
        if not c.identical_updates:
            change = weight_change(c, theta, "backward", phi[f"V/{l}"], *arguments)
        after[f"V/{l}"] = move(phi[f"V/{l}"], change)
        after[f"b/{l}"] = move(phi[f"b/{l}"], bias_change(theta, h[l]))
    return after


def objective(c, phi, x, ya, yb):
    """J of one pair of labelled batches (section 10)."""
    features = forward(c, phi, x)[0][-1]
    n, N = ya.shape[0], features.shape[1]
    A = torch.cat([features[:n], torch.ones(n, 1, dtype=x.dtype)], 1)
    ridge = 0.1 * torch.eye(N + 1, dtype=x.dtype)
    ridge[-1, -1] = 0
    v = torch.linalg.solve(A.t() @ A + ridge, A.t() @ ya)
    p = features[n:] @ v[:-1] + v[-1]
    p = p / (p * p).sum(1, keepdim=True).sqrt()
    return ((p - yb) ** 2).sum() / n + 0.1 * (v[:-1] ** 2).sum() / n
