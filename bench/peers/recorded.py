"""A step recorded once as a graph of native operations, forward and reverse, and replayed by TorchScript's
interpreter: no Python and no autograd while it runs."""
import warnings

import torch
from torch.fx.experimental.proxy_tensor import make_fx

native = torch.ops.aten
VIEWS = {native.t.default, native.transpose.int, native.permute.default, native.unsqueeze.default,
         native.squeeze.dim, native.view.default, native._reshape_alias.default, native.expand.default}


ARITHMETIC = {native.add.Tensor, native.sub.Tensor, native.mul.Tensor, native.div.Tensor, native.mul.Scalar,
              native.div.Scalar, native.add.Scalar}


def changes_memory(node):
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def simplify(graph):
    """Drops what records nothing (detach), views of which there is one already, and what nobody reads and
    that changes no memory."""
    known = {}
    for node in list(graph.nodes):
        same = node
        if node.target is native.detach.default:
            same = node.args[0]
        elif node.target in VIEWS:
            same = known.setdefault((node.target, str(node.args)), node)
        if same is not node:
            node.replace_all_uses_with(same)
            graph.erase_node(node)
    for node in reversed(list(graph.nodes)):
        if node.op in ("call_function", "get_attr") and not node.users and not changes_memory(node):
            graph.erase_node(node)


def numbers_as_tensors(module, dtype):
    """x * 0.5 makes a tensor of 0.5 and converts it, every time; do it once."""
    for node in module.graph.nodes:
        if node.target in ARITHMETIC and isinstance(node.args[1], (int, float)):
            name = f"number_{len(module._buffers)}"
            module.register_buffer(name, torch.tensor(node.args[1], dtype=dtype))
            node.target = getattr(node.target.overloadpacket, "Tensor")
            with module.graph.inserting_before(node):
                node.args = (node.args[0], module.graph.get_attr(name), *node.args[2:])


def record(f, arguments):
    """f(*arguments) -> tuple of tensors, as a function that can be called with arguments of the same
    shapes."""
    if len({id(v) for v in arguments}) < len(arguments):
        raise ValueError("[record] expected distinct tensors, found one twice: "
                         "what is recorded could not tell them apart")
    module = make_fx(f)(*arguments)
    simplify(module.graph)
    numbers_as_tensors(module, arguments[0].dtype)
    # What TorchScript can read: operations without the overload's name, devices as strings.
    for node in module.graph.nodes:
        if isinstance(node.target, torch._ops.OpOverload):
            node.target = node.target.overloadpacket
        node.kwargs = {k: v.type if isinstance(v, torch.device) else v for k, v in node.kwargs.items()}
    module.recompile()
    # The interpreter alone: its optimiser takes addmm apart and has no fusion for this processor.
    torch._C._set_graph_executor_optimize(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.freeze(torch.jit.script(module).eval())
