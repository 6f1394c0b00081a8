"""What nets with auxiliary heads return in training, and the loss it makes."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class Outputs(NamedTuple):
    """Logits [N, num_classes] of the net and of its auxiliary heads (Inception v3 has one)."""

    logits: Tensor
    aux1: Tensor | None = None
    aux2: Tensor | None = None


def training_loss(
    outputs: Outputs | Tensor, target: Tensor, *, aux_weight: float, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy of the logits plus ``aux_weight`` times that of each auxiliary head.

    ``outputs`` is what a net returned: plain logits [N, K], or ``Outputs``; ``target`` holds class
    numbers [N] (or probabilities [N, K]). ``net.aux_weight`` is the published weight of a net.
    """
    if isinstance(outputs, Tensor):
        outputs = Outputs(outputs)
    loss = F.cross_entropy(outputs.logits, target, label_smoothing=label_smoothing)
    for logits in outputs[1:]:
        if logits is not None:
            auxiliary = F.cross_entropy(logits, target, label_smoothing=label_smoothing)
            loss = loss + aux_weight * auxiliary
    return loss
