"""The answers of trained nets as targets for another net (Hinton, Vinyals and Dean, "Distilling
the Knowledge in a Neural Network", 2015): they say more than the one right class.

They are computed once, before the training, and not for every augmented batch: a teacher that costs
more than its pupil would otherwise take most of the time.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from cnn_space.images.image_set import ImageSet
from cnn_space.training.evaluation import predict
from cnn_space.weights import Loaded


def answers(
    teachers: Sequence[Loaded],
    images: ImageSet,
    *,
    device: str | torch.device = "cpu",
    bfloat16: bool = False,
) -> Tensor:
    """Mean probabilities ``float32 [2, N, K]`` that ``teachers`` (at least one) give the images
    ``uint8 [N, 3, H, W]``: [0] as they are, [1] mirrored.

    Raises ValueError for a teacher of other classes, or one that is used at another size.
    """
    for teacher in teachers:
        record, preprocessing = teacher.record, teacher.record.preprocessing
        if record.labels != images.classes:
            raise ValueError(f"{record.name} has other classes than these images: it cannot teach")
        if (preprocessing.resize, preprocessing.size) != (images.side, images.side):
            raise ValueError(
                f"{record.name} is used at {preprocessing.size} pixels, the images have "
                f"{images.side}: it cannot teach"
            )
    views = (images, replace(images, images=images.images.flip(-1)))
    return torch.stack([_mean(teachers, view, torch.device(device), bfloat16) for view in views])


def _mean(
    teachers: Sequence[Loaded], images: ImageSet, device: torch.device, bfloat16: bool
) -> Tensor:
    total = 0.0
    for teacher in teachers:
        preprocessing = teacher.record.preprocessing
        net = teacher.net.to(device, memory_format=torch.channels_last)
        logits = predict(
            net, images, mean=preprocessing.mean, std=preprocessing.std, bfloat16=bfloat16
        )
        total = total + logits.softmax(1)
    return (total / len(teachers)).cpu()


def answers_path(folder: Path, teachers: Sequence[Loaded], images: ImageSet) -> Path:
    """Where in ``folder`` the answers of these teachers to these very images are kept."""
    digest = hashlib.sha256(images.images.cpu().numpy())
    for teacher in teachers:
        digest.update(teacher.record.sha256.encode())
    return folder / f"answers-{digest.hexdigest()[:16]}.safetensors"


def kept_answers(path: Path, teachers: Sequence[Loaded], images: ImageSet, **options) -> Tensor:
    """``answers``, read from ``path`` (see ``answers_path``) where it exists, else computed and
    kept there, so that neither a resumed training nor the next one computes them again.
    ``options`` go to ``answers``. Raises ValueError as that does."""
    if path.exists():
        return load_file(path)["answers"].clone()  # not a view of the file
    computed = answers(teachers, images, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(f".{os.getpid()}.part")  # other processes may write the same
    save_file({"answers": computed}, waiting)
    waiting.replace(path)
    return computed
