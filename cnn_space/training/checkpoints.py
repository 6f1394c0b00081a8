"""What a cut-off training needs to go on, in one file."""

from pathlib import Path

import torch


def write(path: Path, state: dict) -> None:
    """Write ``state`` (tensors and plain data) to ``path``. The file is moved into place: a run
    that is cut off here leaves the last good one."""
    waiting = path.with_suffix(".part")
    torch.save(state, waiting)
    waiting.replace(path)


def read(path: Path, device: torch.device, identity: dict) -> dict:
    """The state in ``path``, its tensors on ``device``.

    Raises ValueError for a damaged checkpoint, and for one whose ``"identity"`` (recipe, images
    and what else must be the same) differs from ``identity``.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        stored = state["identity"]
        differing = [key for key, value in identity.items() if stored.get(key) != value]
    except FileNotFoundError:
        raise
    except Exception as error:  # a damaged file raises many kinds, without a common base
        raise ValueError(f"{path} is no checkpoint of a run: delete it to start anew") from error
    if differing:
        raise other_run(path, differing)
    return state


def other_run(path: Path, differing: list[str]) -> ValueError:
    """The error for a checkpoint of a run that differs in what ``differing`` names."""
    return ValueError(
        f"{path} is of a run with another {', '.join(differing)}: delete it to start anew"
    )
