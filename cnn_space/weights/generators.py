"""The generator of digits that comes with the repository, at several ages of one training.

``checkpoints/generators/`` holds it: one safetensors file with all ages, and its card. An age is a
number from 1 on; the card says after how many epochs each was kept.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cnn_space.weights import card as cards
from cnn_space.weights import catalogue
from cnn_space.weights.digest import sha256
from cnn_space.weights.saving import save

if TYPE_CHECKING:
    import torch

    from cnn_space.models.dcgan import Generator

NAME = "dcgan.digits"
_WAY_OUT = "Restore it (git checkout -- checkpoints) or train it again (train dcgan --data digits)."


class GeneratorCard(BaseModel):
    """What is known of a generator and its training. ``ages`` are the epochs after which it was
    kept, youngest first; ``history`` has a row an epoch, as ``AdversarialRun`` gives it."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    arch: str
    ages: Annotated[tuple[int, ...], Field(min_length=1)]
    data: cards.Data
    recipe: cards.RecipeValues
    seed: int
    parameters: int
    discriminator_parameters: int
    wall_time_s: float
    environment: cards.Environment
    history: list[dict[str, int | float]]
    file: str = ""
    bytes: int | None = None
    dtype: str | None = None
    sha256: str | None = None


def folder() -> Path:
    """Where generators lie."""
    return catalogue.CHECKPOINTS / "generators"


def is_here(name: str = NAME) -> bool:
    """Whether a generator came with this copy of the package."""
    return (folder() / f"{name}.json").is_file()


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
    from safetensors.torch import load_file

    from cnn_space.models.dcgan import Generator

    card = read_card(name)
    if not 1 <= age <= len(card.ages):
        raise ValueError(f"the generator's age is 1 to {len(card.ages)}, not {age}")
    path = folder() / card.file
    try:
        if sha256(path) != card.sha256:
            raise ValueError(f"{path} is damaged: its sha256 is not its card's. {_WAY_OUT}")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}. {_WAY_OUT}") from None
    start, generator = f"{age}.", Generator()
    state = {k.removeprefix(start): t for k, t in load_file(path).items() if k.startswith(start)}
    generator.load_state_dict(state)  # copies: half precision becomes single
    return generator.eval().requires_grad_(False)


def write(
    out: Path, card: GeneratorCard, states: "list[dict[str, torch.Tensor]]", dtype: "torch.dtype"
) -> Path:
    """Write the states of a generator, youngest first and rounded to ``dtype``, and its card into
    ``out``. Returns the path of the card."""
    tensors = {
        f"{age}.{key}": tensor.to(dtype) if tensor.is_floating_point() else tensor
        for age, state in enumerate(states, 1)
        for key, tensor in state.items()
    }
    return save(out, card, tensors)
