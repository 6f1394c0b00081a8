"""Labelled images in memory, and how some of them are held out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True)
class ImageSet:
    """Labelled images in memory.

    ``images`` is ``uint8 [N, 3, H, W]``, or float of any shape ``[N, ...]`` for what needs no
    normalising any more (cached features); ``labels`` is ``int64 [N]``. Where the set's maker has
    said which images are held out of a training, ``held_out`` is ``bool [N]``. Where some are
    copies of others, ``look_alikes`` is ``int64 [N]``: images of one number look alike. ``names``
    are what each is known by, or empty. Raises ValueError where the lengths of images and labels
    differ.
    """

    images: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    name: str = ""
    note: str = ""  # how the pixels were stored
    split_name: str = ""  # as the set's publisher calls it
    held_out: torch.Tensor | None = None
    look_alikes: torch.Tensor | None = None
    names: tuple[str, ...] = ()
    certain: bool = False  # whether all labels are known to be right, so that none is suspected

    def __post_init__(self):
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def side(self) -> int:
        """Height of the images in pixels (they are square)."""
        return self.images.shape[-2]

    @property
    def counts(self) -> list[int]:
        """How many images each class has."""
        return torch.bincount(self.labels, minlength=len(self.classes)).tolist()

    def to(self, device) -> "ImageSet":
        """The same set on another device."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def subset(self, index: torch.Tensor) -> "ImageSet":
        """The images at ``index``: int64 indices, or a bool for each image."""
        places = index.nonzero().flatten() if index.dtype == torch.bool else index
        return replace(
            self,
            images=self.images[index],
            labels=self.labels[index],
            held_out=None if self.held_out is None else self.held_out[index],
            look_alikes=None if self.look_alikes is None else self.look_alikes[index],
            names=tuple(self.names[i] for i in places.tolist()) if self.names else (),
        )

    def split(self, holdout: int, *, seed: int = 0) -> tuple["ImageSet", "ImageSet"]:
        """``(rest, held out)``: ``holdout`` images drawn at random in the set's class proportions.

        What is held out of each class begins the same with every ``holdout``. Raises ValueError
        unless 0 <= holdout < len(self).
        """
        if not 0 <= holdout < len(self):
            raise ValueError(f"can hold out 0 to {len(self) - 1} images of {len(self)}: {holdout}")
        # Largest remainders: the counts add up to `holdout` and none is off by a whole image.
        exact = torch.tensor(self.counts) * (holdout / len(self))
        counts = exact.floor().long()
        remaining = holdout - int(counts.sum())
        counts[(exact - counts).argsort(descending=True)[:remaining]] += 1
        return self.hold_out(counts.tolist(), seed=seed)

    def hold_out(self, counts: Sequence[int], *, seed: int = 0) -> tuple["ImageSet", "ImageSet"]:
        """``(rest, held out)``: ``counts[k]`` images of class k drawn at random.

        The order of the images is kept, and a larger count holds out the same images and more.
        Images that look alike stay together: then there may be fewer, and more where a class would
        have none. Only a class whose images all look alike has copies on both sides.
        """
        labels = self.labels.cpu()
        generator = torch.Generator().manual_seed(seed)
        held = torch.zeros(len(self), dtype=torch.bool)
        drawn = []  # the images of each class in random order
        for label in range(len(counts)):
            members = (labels == label).nonzero().flatten()
            drawn.append(members[torch.randperm(len(members), generator=generator)])
        if self.look_alikes is None:
            for members, count in zip(drawn, counts, strict=True):
                held[members[:count]] = True
        else:
            groups = self.look_alikes.tolist()
            held[hold_out_groups([m.tolist() for m in drawn], counts, groups)] = True
        held = held.to(self.labels.device)
        return self.subset(~held), self.subset(held)

    def numbered_as(self, classes: Sequence[str]) -> "ImageSet":
        """The same images with the class numbers of ``classes``, matched by name: a set without
        metadata numbers the classes that it happens to hold. Raises ValueError for a class that is
        not among them."""
        if tuple(classes) == self.classes:
            return self
        unknown = [name for name in self.classes if name not in classes]
        if unknown:
            raise ValueError(
                f"{self.name} has classes that the net does not know: {_few(unknown)}; "
                f"it knows {_few(classes)}"
            )
        number = torch.tensor([list(classes).index(name) for name in self.classes])
        labels = number.to(self.labels.device)[self.labels]
        return replace(self, labels=labels, classes=tuple(classes))


def _few(names: Sequence[str]) -> str:
    """``"cat, dog"``, and of many names the first five and how many there are."""
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:5])}, … ({len(names)})"


def hold_out_groups(
    drawn: Sequence[Sequence[int]], counts: Sequence[int], groups: Sequence[int]
) -> list[int]:
    """Images to hold out, whole groups only: about ``counts[k]`` of class k, whose images
    ``drawn[k]`` are in random order."""
    members: dict[int, list[tuple[int, int]]] = {}  # (class, image) of each group
    for label, images in enumerate(drawn):
        for image in images:
            members.setdefault(groups[image], []).append((label, image))
    sizes = {group: Counter(label for label, _ in pairs) for group, pairs in members.items()}
    held: Counter = Counter()  # by class
    taken: list[int] = []

    def take_first(candidates: Iterable[int], limits: Sequence[int]) -> bool:
        for group in candidates:
            if all(held[label] + size <= limits[label] for label, size in sizes[group].items()):
                held.update(sizes.pop(group))
                taken.extend(image for _, image in members[group])
                return True
        return False

    for label, images in enumerate(drawn):
        own = list(dict.fromkeys(groups[image] for image in images))
        while held[label] < counts[label] and take_first([g for g in own if g in sizes], counts):
            pass
    # Of every class something is held out, and something is left to learn from.
    most = [len(images) - 1 for images in drawn]
    for label, images in enumerate(drawn):
        if counts[label] and not held[label]:
            own = [g for g in dict.fromkeys(groups[image] for image in images) if g in sizes]
            if not take_first(sorted(own, key=lambda g: len(members[g])), most):
                taken.extend(images[: counts[label]])
                held[label] += counts[label]
    return taken
