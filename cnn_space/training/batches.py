"""The batches of a training: augmented inputs and their targets."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import Tensor, nn

from cnn_space.images.augmentation import Draws, augment, draw_epoch
from cnn_space.images.image_set import ImageSet
from cnn_space.training.processes import Processes
from cnn_space.training.recipes import Recipe, small_sides


class Batch(NamedTuple):
    """What one step learns from."""

    inputs: Tensor  # float32 [B, 3, S, S]; or features as they are stored
    labels: Tensor  # int64 [B]
    targets: Tensor  # the labels, or with teachers probabilities [B, K]


class Batches:
    """Draws the batches of every epoch from ``images``, as ``recipe`` has it.

    ``images.images`` are ``uint8 [N, 3, H, W]`` (augmented, then normalised by ``mean`` and
    ``std``), or floats, taken as they are (features). ``answers`` are the teachers' probabilities
    ``[2, N, K]`` for the images as they are and mirrored. ``size`` is that of a batch over all
    processes, ``steps`` the number of batches in an epoch.

    Raises ValueError for images that the processes cannot share, for a ``small_side`` above the
    images' or a crop's ``pad`` as large, for answers without a share (``recipe.distillation``) or
    a share without answers.
    """

    def __init__(
        self,
        images: ImageSet,
        recipe: Recipe,
        processes: Processes,
        *,
        mean: Iterable[float],
        std: Iterable[float],
        answers: Tensor | None = None,
    ):
        if recipe.small_side > images.side:
            raise ValueError(
                f"small_side is {recipe.small_side}, the images have {images.side} pixels: "
                "choose a smaller one, or 0"
            )
        if bool(recipe.distillation) != (answers is not None):
            raise ValueError("the teachers' answers need a share (distillation), and it needs them")
        self.are_features = images.images.is_floating_point()
        if not self.are_features and recipe.crop == "pad" and recipe.pad >= images.side:
            raise ValueError(f"pad is {recipe.pad}, the images have {images.side} pixels: less")
        self.images, self.recipe, self.processes = images, recipe, processes
        self.mean, self.std, self.answers = tuple(mean), tuple(std), answers
        self.size = processes.batch_size(recipe.batch_size, len(images))
        self.steps = max(1, len(images) // self.size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """This process's share of each batch of an epoch, counted from 0."""
        draws = self._draws(epoch)
        for step in range(self.steps):
            part = draws.part(self.processes.share(step * self.size, (step + 1) * self.size))
            labels = self.images.labels[part.order]
            yield Batch(self._inputs(part, epoch), labels, self._targets(part, labels))

    def inputs(self, epoch: int) -> Iterator[Tensor]:
        """The inputs of whole batches of an epoch, those of all processes."""
        draws = self._draws(epoch)
        for step in range(self.steps):
            part = draws.part(slice(step * self.size, (step + 1) * self.size))
            yield self._inputs(part, epoch)

    def _draws(self, epoch: int) -> Draws:
        recipe = self.recipe
        draws = draw_epoch(
            len(self.images),
            epoch=epoch,
            seed=recipe.seed,
            flip=recipe.flip,
            min_area=recipe.min_area,
        )
        return draws.to(self.images.labels.device)

    def _inputs(self, part: Draws, epoch: int) -> Tensor:
        images, recipe = self.images.images, self.recipe
        if self.are_features:
            return images[part.order]
        return augment(
            images,
            part,
            crop=recipe.crop,
            pad=recipe.pad,
            cutout=recipe.cutout,
            side=self._side(epoch),
            mean=self.mean,
            std=self.std,
        )

    def _side(self, epoch: int) -> int:
        """The pixels of an epoch's images: the recipe may begin with smaller ones."""
        recipe, full = self.recipe, self.images.side
        sides, epochs = small_sides(recipe.small_side, full), recipe.small_share * recipe.epochs
        return sides[int(epoch / epochs * len(sides))] if sides and epoch < epochs else full

    def _targets(self, part: Draws, labels: Tensor) -> Tensor:
        if self.answers is None:
            return labels
        answers = self.answers[part.flip.long(), part.order]
        one_hot = nn.functional.one_hot(labels, answers.shape[1]).to(answers)
        return one_hot.lerp(answers, self.recipe.distillation)
