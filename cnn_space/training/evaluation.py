"""How good a net is: accuracy, accuracy per class, confusion matrix, most confident mistakes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnn_space.images.data import ImageSet, normalize


@dataclass(frozen=True)
class Evaluation:
    """What a net answered on a set of images. Accuracies are percent.

    ``confusion[t][a]`` counts the images of class ``t`` answered with class ``a``; ``mistakes``
    are the indices of the misjudged images, the most confident first, ``confidences`` (0..1) those
    of all images.
    """

    classes: tuple[str, ...]
    accuracy: float
    per_class: dict[str, float]
    confusion: list[list[int]]
    mistakes: list[int]
    answers: list[int]
    confidences: list[float]


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


def judge(logits: Tensor, labels: Tensor, classes: Sequence[str]) -> Evaluation:
    """Compare logits [N, K] with labels ``int64 [N]``. A class without images scores 0."""
    labels = labels.to(logits.device)
    confidences, answers = logits.softmax(1).max(1)
    count = len(classes)
    confusion = torch.bincount(labels * count + answers, minlength=count**2).view(count, count)
    shares = 100 * confusion.diag() / confusion.sum(1).clamp(min=1)
    wrong = (answers != labels).nonzero().flatten()
    return Evaluation(
        classes=tuple(classes),
        accuracy=100 * int(confusion.diag().sum()) / max(1, len(labels)),
        per_class=dict(zip(classes, shares.tolist(), strict=True)),
        confusion=confusion.tolist(),
        mistakes=wrong[confidences[wrong].argsort(descending=True)].tolist(),
        answers=answers.tolist(),
        confidences=confidences.tolist(),
    )
