"""Trained weights into a folder: the safetensors file, then the card that describes it."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnn_space.weights import card as cards
from cnn_space.weights.digest import sha256

if TYPE_CHECKING:
    import torch


def save(folder: Path, card: cards.Card, state: "dict[str, torch.Tensor]") -> Path:
    """Write ``state`` (contiguous tensors) and ``card`` into ``folder``, each in one move.

    The file's name, size, hash and floating-point type are filled into the card. Returns the path
    of the card; the weights lie beside it, as ``.safetensors``.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{card.name}.safetensors"
    unfinished = path.with_suffix(".part")
    save_file(state, unfinished, metadata={"format": "pt"})
    unfinished.replace(path)
    dtype = next(tensor.dtype for tensor in state.values() if tensor.is_floating_point())
    facts = {
        "file": path.name,
        "bytes": path.stat().st_size,
        "dtype": str(dtype).removeprefix("torch."),
        "sha256": sha256(path),
    }
    return cards.write(folder / f"{card.name}.json", card.model_copy(update=facts))
