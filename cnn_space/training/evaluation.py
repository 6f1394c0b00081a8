"""How good a net is: its answers on a set of images, and what they score."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn_space.images.augmentation import normalize
from cnn_space.images.image_set import ImageSet
from cnn_space.training import scores


@dataclass(frozen=True)
class Evaluation:
    """What a net answered on a set of images. Accuracies are percent.

    ``confusion[t][a]`` counts the images of class ``t`` answered with class ``a``.
    """

    accuracy: float
    per_class: dict[str, float]
    confusion: list[list[int]]


def evaluate(
    net: nn.Module, images: ImageSet, *, mean: Sequence[float], std: Sequence[float]
) -> Evaluation:
    """Measure ``net`` on ``images`` in float32; arguments as in ``predict``."""
    return scored(predict(net, images, mean=mean, std=std), images)


def scored(logits: Tensor, images: ImageSet) -> Evaluation:
    """What logits [N, K] for ``images`` score. A class without images has no figure in
    ``per_class``."""
    confusion = scores.confusion_matrix(
        images.labels.tolist(), logits.argmax(1).tolist(), len(images.classes)
    )
    rates = scores.accuracy_per_class(confusion, images.classes)
    counts = zip(images.classes, images.counts, strict=True)
    return Evaluation(
        accuracy=scores.accuracy(confusion),
        per_class={name: rates[name] for name, count in counts if count},
        confusion=confusion.tolist(),
    )


@torch.inference_mode()
def predict(
    net: nn.Module,
    images: ImageSet,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    bfloat16: bool = False,
    batch_size: int = 100,
) -> Tensor:
    """Logits ``float32 [N, K]`` of all images, on the net's device; the net is left in eval mode.

    ``images`` are normalised by ``mean`` and ``std`` unless they are floats already (features).
    """
    net.eval()
    device = next(net.parameters()).device
    parts = []
    for part in images.images.split(batch_size):
        part = part.to(device)
        inputs = part if part.is_floating_point() else normalize(part, mean, std)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            parts.append(net(inputs).float())
    return torch.cat(parts)


def loss_and_accuracy(
    logits: Tensor, labels: Tensor, class_weights: Tensor | None = None
) -> tuple[float, float]:
    """The mean cross-entropy of logits [N, K] for labels ``int64 [N]``, and the percent right; an
    image counts as much as the weight of its class, by default all the same."""
    labels = labels.to(logits.device)
    losses = nn.functional.cross_entropy(logits, labels, reduction="none")
    right = (logits.argmax(1) == labels).float()
    if class_weights is None:
        return losses.mean().item(), 100 * right.mean().item()
    weights = class_weights.to(logits.device)[labels]
    loss, accuracy = ((values * weights).sum() / weights.sum() for values in (losses, right))
    return loss.item(), 100 * accuracy.item()
