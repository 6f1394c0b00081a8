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
    outputs: Outputs | Tensor,
    target: Tensor,
    *,
    aux_weight: float,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Cross-entropy of the logits plus ``aux_weight`` times that of each auxiliary head.

    ``outputs`` is what a net returned: plain logits [N, K], or ``Outputs``; ``target`` holds class
    numbers [N] (or probabilities [N, K]). ``net.aux_weight`` is the published weight of a net.
    With ``class_weights`` [K], for class numbers alone, an image's loss counts as often as the
    weight of its class; the mean is still over the images.
    """
    if isinstance(outputs, Tensor):
        outputs = Outputs(outputs)

    def mean_loss(logits: Tensor) -> Tensor:
        if class_weights is None:
            return F.cross_entropy(logits, target, label_smoothing=label_smoothing)
        losses = F.cross_entropy(logits, target, label_smoothing=label_smoothing, reduction="none")
        return (losses * class_weights[target]).mean()

    loss = mean_loss(outputs.logits)
    for logits in outputs[1:]:
        if logits is not None:
            loss = loss + aux_weight * mean_loss(logits)
    return loss
