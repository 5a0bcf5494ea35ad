"""The parts of the expert's form with hand-written reverses: the same native kernels that autograd would
call, but in fewer passes, in place where the array is theirs.

Arrays are [unit, example, channel]. `images` chooses how a convolution is given to conv2d, channels last:
    True   along the middle axis only, as M images of 1 x K (oneDNN's fastest: weight gradients up to 1.8x
           faster); convolutions along the units run on a transposed copy
    False  along either axis, as one image of M x K (faster where arrays are so small that oneDNN's
           preparations cost more than the arithmetic)
"""
import torch
import torch.nn.functional as F
from torch.autograd import Function

native = torch.ops.aten
EPS = 1e-3


def as_images(a, images):
    return (a.unsqueeze(1) if images else a.unsqueeze(0)).permute(0, 3, 1, 2)


def as_array(y, images):
    y = y.permute(0, 2, 3, 1)
    return y.squeeze(1) if images else y.squeeze(0)


def padding(w):
    return [w.shape[2] // 2, w.shape[3] // 2]


def conv(a, w, images, b=None):
    """a [M, K, C] -> [M, K, O]; w [O, C, 1, k] along the middle axis, [O, C, k, 1] along the first."""
    return as_array(F.conv2d(as_images(a, images), w, b, padding=padding(w)), images)


def conv_reverse(g, a, w, images):
    """Gradients with respect to a and w."""
    ga, gw, _ = native.convolution_backward(as_images(g, images), as_images(a, images), w, None, [1, 1],
                                            padding(w), [1, 1], False, [0, 0], 1, [True, True, False])
    return as_array(ga, images), gw


def batch_norm(y, offset):
    """y [M, K, C], normalised over M and K; mean and 1/deviation [C]."""
    u, mean, rstd = torch.native_batch_norm(y.view(-1, y.shape[2]), None, offset, None, None, True, 0.0, EPS)
    return u.view(y.shape), mean, rstd


def batch_norm_reverse(g, y, mean, rstd):
    C = y.shape[2]
    gy, _, g_offset = native.native_batch_norm_backward(
        g.view(-1, C), y.view(-1, C), None, None, None, mean, rstd, True, EPS, [True, False, True])
    return gy.view(y.shape), g_offset


def block(a, w, offset, images):
    """relu(batch norm(conv)), and what its reverse needs."""
    y = conv(a, w, images)
    u, mean, rstd = batch_norm(y, offset)
    u.relu_()
    return u, (a, w, y, u, mean, rstd)


def block_reverse(g, images, a, w, y, u, mean, rstd):
    """Gradients with respect to a, w and the offset. Overwrites g: nobody else may read it."""
    gy, g_offset = batch_norm_reverse(native.threshold_backward(g, u, 0, grad_input=g), y, mean, rstd)
    return *conv_reverse(gy, a, w, images), g_offset


class Block(Function):
    @staticmethod
    def forward(ctx, a, w, offset, images):
        u, saved = block(a, w, offset, images)
        ctx.images = images
        ctx.save_for_backward(*saved)
        return u

    @staticmethod
    def backward(ctx, g):
        return *block_reverse(g.contiguous(), ctx.images, *ctx.saved_tensors), None


class UnitPair(Function):
    """a + block(block(a)), both along the units."""
    @staticmethod
    def forward(ctx, a, w0, offset0, w1, offset1, images):
        u, saved0 = block(a.transpose(0, 1).contiguous() if images else a, w0, offset0, images)
        u, saved1 = block(u, w1, offset1, images)
        ctx.images = images
        ctx.save_for_backward(*saved0, *saved1)
        return a + u.transpose(0, 1) if images else a + u

    @staticmethod
    def backward(ctx, g):
        images, saved = ctx.images, ctx.saved_tensors
        g1 = g.transpose(0, 1).clone(memory_format=torch.contiguous_format) if images else g.clone()
        gu, gw1, g_offset1 = block_reverse(g1, images, *saved[6:])
        ga, gw0, g_offset0 = block_reverse(gu, images, *saved[:6])
        return g + ga.transpose(0, 1) if images else ga.add_(g), gw0, g_offset0, gw1, g_offset1, None


class InputBlock(Function):
    """The first block of the update network (6.2 to 6.4), without ever joining its 13 + D channels.

    f [N, B, C] and f_offset are normalised and convolved with w [H, C, 1, 3]; static [N, 3, H] is what the
    channels that are the same for all examples give to each tap (at the first and at the last example zero
    padding takes one tap away). x and z are either among f's channels, or xz [6, N B] holds them, normalised,
    at the example before, at and after, with weights w_xz [6, H].
    """
    @staticmethod
    def forward(ctx, f, f_offset, w, static, offset, xz, w_xz, images):
        fn, f_mean, f_rstd = batch_norm(f, f_offset)
        y = conv(fn, w, images)
        if xz is not None:
            y.view(-1, w.shape[0]).addmm_(xz.t(), w_xz)
        y += static.sum(1).unsqueeze(1)
        y[:, 0] -= static[:, 0]
        y[:, -1] -= static[:, 2]
        u, mean, rstd = batch_norm(y, offset)
        u.relu_()
        ctx.images = images
        ctx.save_for_backward(f, f_mean, f_rstd, fn, w, xz, w_xz, y, u, mean, rstd)
        return u

    @staticmethod
    def backward(ctx, g):
        f, f_mean, f_rstd, fn, w, xz, w_xz, y, u, mean, rstd = ctx.saved_tensors
        gy, g_offset = batch_norm_reverse(native.threshold_backward(g, u, 0, grad_input=g), y, mean, rstd)
        g_fn, gw = conv_reverse(gy, fn, w, ctx.images)
        gf, g_f_offset = batch_norm_reverse(g_fn, f, f_mean, f_rstd)
        g2, whole = gy.view(-1, w.shape[0]), gy.sum(1)
        g_static = torch.stack([whole - gy[:, 0], whole, whole - gy[:, -1]], 1)
        g_xz = (None, None) if xz is None else (w_xz @ g2.t(), xz @ g2)
        return gf, g_f_offset, gw, g_static, g_offset, *g_xz, None


class UnitRms(Function):
    """t / sqrt(1e-6 + mean over the last axis of t^2)."""
    @staticmethod
    def forward(ctx, t):
        r = torch.rsqrt((t * t).mean(2, keepdim=True) + 1e-6)
        d = t * r
        ctx.save_for_backward(d, r)
        return d

    @staticmethod
    def backward(ctx, g):
        d, r = ctx.saved_tensors
        return (g * r).addcmul_(d, (g * d).mean(2, keepdim=True) * r, value=-1)


class Means(Function):
    """Means of |w|, w^2 and w over the rows [3, J] and over the columns [3, I]."""
    @staticmethod
    def forward(ctx, w):
        ctx.save_for_backward(w)
        parts = w.abs(), w * w, w
        return torch.stack([p.mean(0) for p in parts]), torch.stack([p.mean(1) for p in parts])

    @staticmethod
    def backward(ctx, g_rows, g_columns):
        w, = ctx.saved_tensors
        outer = (g_rows * (1 / w.shape[0])).unsqueeze(1) + (g_columns * (1 / w.shape[1])).unsqueeze(2)
        g_abs, g_square, g_w = outer.unbind(0)
        return torch.addcmul(g_w, w.sign(), g_abs).addcmul_(w, g_square, value=2)


class Merge(Function):
    """sum_k weights[k] nrm(term_k) (8.3); weights [12, 1], terms [I, J]. `together`: as one array of all
    terms (for arrays that fit into the cache), else term by term."""
    @staticmethod
    def forward(ctx, together, weights, *terms):
        if together:
            terms = torch.stack(terms),
            squares = (terms[0] * terms[0]).mean(1)
        else:
            squares = torch.stack([(t * t).mean(0) for t in terms])
        r = torch.rsqrt(squares + 1)
        scale = weights * r
        ctx.save_for_backward(weights, r, scale, *terms)
        if together:
            return (terms[0] * scale.unsqueeze(1)).sum(0)
        total = terms[0] * scale[0]
        for t, s in zip(terms[1:], scale[1:].unbind(0)):
            total.addcmul_(t, s)
        return total

    @staticmethod
    def backward(ctx, g):
        weights, r, scale, *terms = ctx.saved_tensors
        together = len(terms) == 1
        p = (terms[0] * g).sum(1) if together else torch.stack([(t * g).sum(0) for t in terms])
        pr = p * r
        q = pr * r * scale * (-1 / g.shape[0])
        if together:
            g_terms = (g * scale.unsqueeze(1)).addcmul_(terms[0], q.unsqueeze(1)).unbind(0)
        else:
            g_terms = [(g * s).addcmul_(t, k) for t, s, k in zip(terms, scale.unbind(0), q.unbind(0))]
        return None, pr.sum(1, keepdim=True), *g_terms
