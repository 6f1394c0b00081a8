"""Records: what one net with its weights is, where it lies, and how well it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnn_space.images.preprocessing import Preprocessing
from cnn_space.weights import card as cards

if TYPE_CHECKING:
    import torch

Source = Literal["bundled", "hub", "file", "session"]


@dataclass(frozen=True)
class WeightsRecord:
    """One net with its weights.

    ``source`` is ``"bundled"`` (in ``checkpoints/``), ``"hub"`` (downloaded on first use from
    ``repo``), ``"file"`` (a path of the caller's) or ``"session"`` (a visitor's own).
    ``accuracy`` is percent top-1 on ``eval_images`` images of ``data``; ``macs``
    multiply-accumulates of one image; unknown figures and hashes are None. ``card`` is its card, or
    the path of it. ``adapt`` renames a foreign state dict to ours; ``license`` is what the
    publisher states for the weights.
    """

    name: str
    title: str
    arch: str
    num_classes: int
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    source: Source = "bundled"
    file: str = ""
    repo: str | None = None
    revision: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    parameters: int | None = None
    macs: int | None = None
    accuracy: float | None = None
    eval_images: int | None = None
    data: str = ""
    data_note: str = ""
    card: Path | cards.Card | None = field(default=None, hash=False)
    adapt: Callable[[dict], dict] | None = None
    license: str = ""

    @property
    def tag(self) -> str:
        """What follows the last dot of the name: the data, as timm tags it."""
        return self.name.rpartition(".")[2]

    def read_card(self) -> cards.Card:
        """The whole card: recipe, history, accuracy per class. Raises ValueError without one."""
        if self.card is None:
            raise ValueError(f"{self.name} has no card: only nets trained here carry one")
        return cards.read(self.card) if isinstance(self.card, Path) else self.card


@dataclass(frozen=True, eq=False)
class Loaded:
    """A net in eval mode, fp32 in memory, and its record."""

    net: "torch.nn.Module"
    record: WeightsRecord

    @property
    def bytes(self) -> int:
        """Memory that the net's parameters and buffers take."""
        return sum(t.nbytes for t in [*self.net.parameters(), *self.net.buffers()])


def from_card(path: Path, source: Source) -> WeightsRecord:
    """The record that the card at ``path`` describes.

    Raises ValueError for a card that is wrong or names no weights file. Whether there is such a
    net is checked when it is built: listing nets needs no torch.
    """
    card = cards.read(path)
    for name in ("file", "sha256"):
        if getattr(card, name) is None:
            raise ValueError(f"{path}: '{name}' is missing")
    if not cards.NAME.fullmatch(card.name):
        raise ValueError(f"{path}: 'name' reads arch.tag, got {card.name!r}")
    return WeightsRecord(
        name=card.name,
        title=card.title,
        arch=card.arch,
        options=card.options,
        num_classes=card.num_classes,
        labels=tuple(card.labels),
        preprocessing=card.preprocessing,
        source=source,
        file=card.file,
        sha256=card.sha256,
        bytes=card.bytes,
        parameters=card.parameters,
        macs=card.macs,
        accuracy=card.accuracy,
        eval_images=card.data.eval_images,
        data=card.data.name[:100],
        data_note=card.data.note[:200],
        card=path,
    )
