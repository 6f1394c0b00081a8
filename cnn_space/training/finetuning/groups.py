"""Which layers learn how fast."""

from torch import nn

from cnn_space.models.heads import is_auxiliary
from cnn_space.training.learner import decay_groups


def layer_groups(net: nn.Module, lr: float, lower: float, weight_decay: float) -> list[dict]:
    """Parameter groups for the optimiser, the lowest layers at ``lower * lr``, the head at ``lr``.

    The body's layers, in the order of the forward pass, make four groups of about equally many
    layers, whose rates rise in equal ratios. Auxiliary heads are new and learn at ``lr``. Norms
    and biases do not decay.
    """
    new = set(net.get_submodule(net.head_layer).parameters())
    for name, child in net.named_children():
        if is_auxiliary(name):
            new |= set(child.parameters())
    body = [
        [p for p in module.parameters(recurse=False) if p not in new] for module in net.modules()
    ]
    body = [layer for layer in body if layer]
    quarters = [body[i * len(body) // 4 : (i + 1) * len(body) // 4] for i in range(4)]
    rated = [
        (lr * lower ** (1 - i / 4), [p for layer in quarter for p in layer])
        for i, quarter in enumerate(quarters)
    ]
    rated.append((lr, [p for p in net.parameters() if p in new]))
    groups = []
    for rate, parameters in rated:
        groups += decay_groups(parameters, weight_decay, lr=rate)
    return [group for group in groups if group["params"]]
