"""One step of meta-gradient: phi_{t+1} and J(phi_{t+1}) forward, then the gradient of J + <adjoint,
phi_{t+1}> with respect to theta and phi_t, by autograd."""
import torch


def turn(form, c, theta, phi, x, pairs, adjoint):
    """theta packed by the form. Returns J, phi_{t+1}, d/dtheta, d/dphi_t; dicts like theta and phi."""
    theta = {n: v.detach().requires_grad_() for n, v in theta.items()}
    phi = {n: v.detach().requires_grad_() for n, v in phi.items()}
    after = form.step(c, theta, phi, x)
    J = sum(form.objective(c, after, *pair) for pair in pairs) / len(pairs)
    leaves = list(theta.values()) + list(phi.values())
    gradients = torch.autograd.grad([J] + [after[n] for n in adjoint], leaves,
                                    [torch.ones_like(J)] + list(adjoint.values()), allow_unused=True)
    gradients = [torch.zeros_like(v) if g is None else g for g, v in zip(gradients, leaves)]
    d_theta, d_phi = dict(zip(theta, gradients)), dict(zip(phi, gradients[len(theta):]))
    return J.detach(), {n: v.detach() for n, v in after.items()}, d_theta, d_phi


def flat(form, p):
    """The turn of problem p as f(*arguments) -> tuple, both lists of tensors, and its arguments: theta, phi,
    adjoint, x, then three of every pair."""
    theta = form.pack(p.c, p.theta)
    parts = [list(theta), list(p.phi), list(p.phi)]

    def f(*arguments):
        arguments = iter(arguments)
        theta, phi, adjoint = ({n: next(arguments) for n in names} for names in parts)
        x, *rest = arguments
        J, after, d_theta, d_phi = turn(form, p.c, theta, phi, x, list(zip(*[iter(rest)] * 3)), adjoint)
        return J, *after.values(), *d_theta.values(), *d_phi.values()

    return f, [*theta.values(), *p.phi.values(), *(p.adjoint[n] for n in p.phi), p.x,
               *(v for pair in p.pairs for v in pair)]


def ready(form, p, recorded=False):
    """A function without arguments that computes the turn of problem p: by autograd, or recorded once and
    replayed (recorded.py)."""
    f, arguments = flat(form, p)
    if not recorded:
        return lambda: f(*arguments)
    from recorded import record
    g = record(f, arguments)

    def replay():
        with torch.inference_mode():
            return g(*arguments)
    return replay


def tape_bytes(form, p):
    """Bytes that autograd keeps from forward to reverse: storages of saved tensors, each counted once,
    without parameters and batches."""
    f, arguments = flat(form, p)
    known = {v.storage().data_ptr() for v in arguments}
    kept = {}

    def keep(v):
        storage = v.storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage  # held, so that no other takes its address
        return v
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda v: v):
        f(*arguments)
    return sum(s.nbytes() for s in kept.values())
