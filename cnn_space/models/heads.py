"""A new last layer for new classes, auxiliary heads, and a net's last stage alone."""

import copy

from torch import nn

from .checks import check_count
from .net import Net


def replace_head(net: Net, num_classes: int, *, aux: bool = False) -> Net:
    """Give ``net`` a fresh last layer of ``num_classes``, in place, and return it.

    Its auxiliary heads were trained for the old classes and are removed; ``aux=True`` puts fresh
    ones in their place, for the nets whose papers have them. The new layers are on the device of
    the old last layer and have its dtype. Raises ValueError where ``num_classes`` is not a whole
    number of at least 1, and for ``aux=True`` with a net that cannot have auxiliary heads.
    """
    check_count("num_classes", num_classes)
    if aux and not can_have_aux(net):
        raise ValueError(
            f"{type(net).__name__} has no auxiliary heads: choose aux=False, googlenet or "
            "inception_v3"
        )
    old = net.get_submodule(net.head_layer)
    if isinstance(old, nn.Conv2d):
        new = nn.Conv2d(old.in_channels, num_classes, old.kernel_size)
    else:
        new = nn.Linear(old.in_features, num_classes)
    net.set_submodule(net.head_layer, new)
    if can_have_aux(net):
        net.set_aux(num_classes if aux else None)
    return net.to(old.weight.device, old.weight.dtype)


def can_have_aux(net: nn.Module) -> bool:
    """Whether the paper of ``net`` gives it auxiliary heads, which ``net.set_aux`` makes."""
    return hasattr(net, "set_aux")


def is_auxiliary(name: str) -> bool:
    """Whether the dotted name of a module or parameter belongs to an auxiliary head: GoogLeNet's
    ``aux1`` and ``aux2``, Inception v3's ``AuxLogits``."""
    return name.lower().startswith("aux")


def sharing_copy(net: nn.Module) -> nn.Module:
    """A copy of the modules of ``net`` that holds the very same parameters and buffers."""
    shared = {id(tensor): tensor for tensor in [*net.parameters(), *net.buffers()]}
    return copy.deepcopy(net, memo=shared)


def last_stage(net: Net) -> Net:
    """``net`` from its ``top_layer`` on: takes what enters that layer, gives logits.

    It shares all parameters and buffers with ``net``. What comes before the layer is replaced by
    identities, which is right where those modules run one after another, as in every net here.
    """
    part = parent = sharing_copy(net)
    for step in net.top_layer.split("."):
        for name, _ in list(parent.named_children()):
            if name == step:
                break
            setattr(parent, name, nn.Identity())
        parent = parent.get_submodule(step)
    return part
