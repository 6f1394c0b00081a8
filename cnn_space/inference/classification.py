"""Photo in, ranked classes out."""

import itertools
import statistics
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cnn_space.images.photo import NET_SIDE, open_photo
from cnn_space.images.preprocessing import prepare, ten_crops, to_tensor
from cnn_space.inference import engine
from cnn_space.inference.threads import thread_count
from cnn_space.weights import Loaded, WeightsRecord

# A softmax has no "none of these". An answer is called uncertain when its class is less likely
# than all others together: a low maximum is a weak but useful sign of a picture unlike those
# trained on (Hendrycks and Gimpel 2017).
SURE = 0.5
# A time is the median of so many runs after the first; nets that take longer are not run again.
WARM_RUNS, WORTH_TIMING_S = 3, 0.1
BATCH = 32  # photos that go into a net at once, where there are many


@dataclass(frozen=True)
class Prediction:
    """A class by its English name, and its probability, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True)
class View:
    """One crop of ten-view averaging: its position, whether it is mirrored, and its top class."""

    position: str
    mirrored: bool
    image: Image.Image
    top: Prediction


@dataclass(frozen=True)
class Answer:
    """What a net says about a photo.

    ``predictions`` are all classes, best first; ``seen`` is the picture that went into the net;
    ``averaged`` ranks the mean probabilities of the ten ``views``, both empty unless asked for;
    ``seconds`` is the net's own time for one picture, the median of warm runs, None where they were
    not asked for or would take long; ``engine`` and ``threads`` what it ran on.
    """

    record: WeightsRecord
    predictions: tuple[Prediction, ...]
    seen: Image.Image
    seconds: float | None
    engine: str
    threads: int
    averaged: tuple[Prediction, ...] = ()
    views: tuple[View, ...] = ()

    @property
    def best(self) -> tuple[Prediction, ...]:
        """The averaged ranking where there is one, else the plain one."""
        return self.averaged or self.predictions

    @property
    def unsure(self) -> bool:
        """Whether the top class is below SURE: often the picture shows something else."""
        return self.best[0].probability < SURE


def classify(
    image: Image.Image | np.ndarray | str | Path, name: str | Path | Loaded, top_k: int = 5
) -> list[Prediction]:
    """The ``top_k`` most likely classes of a photo, best first.

    ``image`` is a PIL image, a path, or an array (see ``photo.open_photo``); ``name`` a weights
    name (``"googlenet.cifar10"``), the path of a .safetensors file, or what ``load`` returned.
    Raises ValueError for a picture that cannot be read and for weights that cannot be loaded.
    """
    if not isinstance(top_k, int) or top_k < 1:
        raise ValueError(f"top_k is a whole number from 1 up, got {top_k!r}")
    return list(answer(image, name).predictions[:top_k])


def answer(
    image: Image.Image | np.ndarray | str | Path,
    name: str | Path | Loaded,
    *,
    ten_views: bool = False,
    timed: bool = False,
) -> Answer:
    """Everything a net says about a photo; arguments and errors as in ``classify``.

    ``ten_views`` adds the answer averaged over ten crops and flips:
    see ``preprocessing.ten_crops``. ``timed`` adds the time, at the price of more runs.
    """
    photo = open_photo(image, NET_SIDE)
    runner = engine.get(name)
    record = runner.record
    batch, seen = prepare(photo, record.preprocessing)
    runs = [runner.timed(batch) if timed else runner.answer(batch)]
    if timed and runs[0].seconds < WORTH_TIMING_S:
        runs += [runner.timed(batch) for _ in range(WARM_RUNS)]
    last = runs[-1].engine  # another one may have taken over meanwhile
    warm = [run.seconds for run in runs[1:] if run.engine == last]
    seconds = statistics.median(warm) if warm else None
    predictions = ranked(softmax(runs[0].logits)[0], record.labels)
    plain = Answer(record, predictions, seen, seconds, last, thread_count())
    if not ten_views:
        return plain

    pictures = ten_crops(photo, record.preprocessing)
    tensors = [to_tensor(picture, record.preprocessing) for _, _, picture in pictures]
    probabilities = softmax(runner.logits(torch.cat(tensors)))
    views = tuple(
        View(position, mirrored, picture, ranked(row, record.labels)[0])
        for (position, mirrored, picture), row in zip(pictures, probabilities, strict=True)
    )
    averaged = ranked(probabilities.mean(axis=0), record.labels)
    return replace(plain, averaged=averaged, views=views)


def classify_all(
    images: Iterable[str | Path], name: str | Path | Loaded, *, ten_views: bool = False
) -> Iterator[tuple[str | Path, tuple[Prediction, ...] | ValueError]]:
    """Each of many photos with its classes, best first, or with the reason why it cannot be read.

    They are decoded several at a time and answered in batches of BATCH; arguments and errors of
    the net as in ``answer``.
    """
    runner = engine.get(name)
    preprocessing, labels = runner.record.preprocessing, runner.record.labels

    def read(image: str | Path) -> torch.Tensor | ValueError:
        """The views [V, 3, size, size] of a photo: one, or ten."""
        try:
            photo = open_photo(image, NET_SIDE)
        except ValueError as error:
            return error
        if not ten_views:
            return prepare(photo, preprocessing)[0]
        views = ten_crops(photo, preprocessing)
        return torch.cat([to_tensor(picture, preprocessing) for _, _, picture in views])

    with ThreadPoolExecutor(max(2, thread_count())) as pool:
        batches = _in_batches(images)
        # The next batch is decoded while the net answers this one.
        coming = [(image, pool.submit(read, image)) for image in next(batches, ())]
        while coming:
            now = [(image, future.result()) for image, future in coming]
            coming = [(image, pool.submit(read, image)) for image in next(batches, ())]
            views = [view for _, view in now if isinstance(view, torch.Tensor)]
            rows = iter(())
            if views:
                probabilities = softmax(runner.logits(torch.cat(views)))
                rows = iter(probabilities.reshape(len(views), -1, len(labels)).mean(axis=1))
            for image, view in now:
                readable = isinstance(view, torch.Tensor)
                yield image, ranked(next(rows), labels) if readable else view


def _in_batches(images: Iterable) -> Iterator[list]:
    images = iter(images)
    while batch := list(itertools.islice(images, BATCH)):
        yield batch


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities [N, K] float64 of logits [N, K]; each row sums to 1."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def ranked(probabilities: np.ndarray, labels: tuple[str, ...]) -> tuple[Prediction, ...]:
    """The classes of the probabilities [K], best first."""
    order = np.argsort(-probabilities, kind="stable")
    return tuple(Prediction(labels[i], float(probabilities[i])) for i in order)
