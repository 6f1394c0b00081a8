"""The generator of digits that comes with the repository, at several ages of one training.

``checkpoints/generators/`` holds it: one safetensors file with all ages, and its card. An age is a
number from 1 on; the card says after how many epochs each was kept.
"""

import logging
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cnn_space.weights import card as cards
from cnn_space.weights import catalogue, loading
from cnn_space.weights.digest import sha256
from cnn_space.weights.saving import save

if TYPE_CHECKING:
    import torch

    from cnn_space.models.dcgan import Generator

NAME = "dcgan.digits"
MOST_AGES = 100
_log = logging.getLogger(__name__)
_WAY_OUT = "Restore it (git checkout -- checkpoints) or train it again (train dcgan --data digits)."


class GeneratorCard(BaseModel):
    """What is known of a generator and its training. ``ages`` are the epochs after which it was
    kept, youngest first; ``history`` has a row an epoch, as ``AdversarialRun`` gives it."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    arch: str
    ages: Annotated[tuple[cards.Count, ...], Field(min_length=1, max_length=MOST_AGES)]
    data: cards.Data
    recipe: cards.RecipeValues
    seed: cards.Whole
    parameters: cards.Count
    discriminator_parameters: cards.Count
    wall_time_s: cards.Figure
    environment: cards.Environment
    history: list[dict[str, cards.Number]]
    file: Annotated[str, AfterValidator(cards.file_name)] = ""
    bytes: int | None = None
    dtype: str | None = None
    sha256: str | None = None


def folder() -> Path:
    """Where generators lie."""
    return catalogue.CHECKPOINTS / "generators"


def is_here(name: str = NAME) -> bool:
    """Whether a generator came with this copy of the package, and is as its card says; where it is
    not, the reason is logged."""
    if not (folder() / f"{name}.json").is_file():
        return False
    try:
        _check_file(read_card(name))
    except ValueError as error:
        _warn_once(str(error))
        return False
    return True


@lru_cache(maxsize=8)  # a page asks again with every visitor
def _warn_once(message: str) -> None:
    _log.warning("%s", message)


def read_card(name: str = NAME) -> GeneratorCard:
    """The card of a generator. Raises ValueError where it is missing or wrong."""
    path = folder() / f"{name}.json"
    try:
        return GeneratorCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}. {_WAY_OUT}") from None
    except ValidationError as error:
        wrong = ".".join(map(str, error.errors()[0]["loc"])) or "it"
        raise ValueError(f"{path}: {wrong} is not as it should be. {_WAY_OUT}") from None


def load(age: int, name: str = NAME) -> "Generator":
    """A generator at an age, in eval mode. Raises ValueError for an age that was not kept, and for
    a file that is missing, or not the one that its card describes."""
    import torch

    from cnn_space.models.dcgan import Generator

    card = read_card(name)
    if not 1 <= age <= len(card.ages):
        raise ValueError(f"the generator's age is 1 to {len(card.ages)}, not {age}")
    path, start = _check_file(card), f"{age}."
    with torch.device("meta"):
        generator = Generator()
    try:
        tensors = loading.read_tensors(path)
        state = {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
        loading.check_numbers(state)
        loading.fill(generator, state, f"the generator at age {age}")
    except ValueError as error:
        raise ValueError(f"{path} {error}. {_WAY_OUT}") from None
    return generator.eval().requires_grad_(False)


def _check_file(card: GeneratorCard) -> Path:
    """The file of a card. Raises ValueError where it is not the one that the card describes."""
    path = folder() / card.file
    try:
        if sha256(path) != card.sha256:
            raise ValueError(f"{path} is damaged: its sha256 is not its card's. {_WAY_OUT}")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}. {_WAY_OUT}") from None
    return path


def write(
    out: Path, card: GeneratorCard, states: "list[dict[str, torch.Tensor]]", dtype: "torch.dtype"
) -> Path:
    """Write the states of a generator, youngest first and rounded to ``dtype``, and its card into
    ``out``. Returns the path of the card. Raises ValueError, and writes nothing, where a value is
    no number, or too large for ``dtype``."""
    tensors = {
        f"{age}.{key}": tensor.to(dtype) if tensor.is_floating_point() else tensor
        for age, state in enumerate(states, 1)
        for key, tensor in state.items()
    }
    try:
        loading.check_numbers(tensors)
    except ValueError as error:
        raise ValueError(
            f"{card.name} {error} as {dtype}: train it again with a lower learning rate"
        ) from None
    return save(out, card, tensors)
