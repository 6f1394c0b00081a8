"""What trained nets answer on the images that another net learns from (Hinton, Vinyals and Dean,
"Distilling the Knowledge in a Neural Network", 2015): a target that says more than one right class.

Their answers are computed once, before the training, and not for every augmented batch: a teacher
that costs more than its pupil would otherwise take most of the time.
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
        record, shape = teacher.record, teacher.record.preprocessing
        if record.labels != images.classes:
            raise ValueError(f"{record.name} has other classes than these images: it cannot teach")
        if (shape.resize, shape.size) != (images.side, images.side):
            raise ValueError(
                f"{record.name} is used at {shape.size} pixels, the images have {images.side}: "
                "it cannot teach"
            )
    views = (images, replace(images, images=images.images.flip(-1)))
    return torch.stack([_mean(teachers, view, torch.device(device), bfloat16) for view in views])


def _mean(teachers, images: ImageSet, device: torch.device, bfloat16: bool) -> Tensor:
    total = 0.0
    for teacher in teachers:
        shape = teacher.record.preprocessing
        net = teacher.net.to(device, memory_format=torch.channels_last)
        logits = predict(net, images, mean=shape.mean, std=shape.std, bfloat16=bfloat16)
        total = total + logits.softmax(1)
    return (total / len(teachers)).cpu()


def place(folder: Path, teachers: Sequence[Loaded], images: ImageSet) -> Path:
    """Where in ``folder`` the answers of these teachers to these very images are kept."""
    known = hashlib.sha256(images.images.cpu().numpy())
    for teacher in teachers:
        known.update(teacher.record.sha256.encode())
    return folder / f"answers-{known.hexdigest()[:16]}.safetensors"


def kept_answers(path: Path, teachers: Sequence[Loaded], images: ImageSet, **options) -> Tensor:
    """``answers``, read from ``path`` (of ``place``) where they are, else computed and kept there:
    neither a resumed training nor the next one computes them again. ``options`` go to ``answers``,
    and what that raises is raised."""
    if path.exists():
        return load_file(path)["answers"].clone()  # not a view of the file
    found = answers(teachers, images, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(f".{os.getpid()}.part")  # other processes may write the same
    save_file({"answers": found}, waiting)
    waiting.replace(path)
    return found
