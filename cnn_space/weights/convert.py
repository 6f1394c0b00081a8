"""torchvision's ``.pth`` → safetensors. The one place that reads a pickle, and only its tensors."""

import pickle
from pathlib import Path


def to_safetensors(source: Path, target: Path) -> None:
    """Write the tensors of the state dict in ``source`` (a ``.pth``) to ``target``.

    The file is read with ``weights_only=True``: a pickle that wants to run code is refused. Raises
    ValueError where ``source`` is no state dict.
    """
    import torch
    from safetensors.torch import save_file

    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "it is damaged"
        raise ValueError(f"{Path(source).name} is no file of weights: {reason}") from None
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise ValueError(f"{Path(source).name} is no file of weights: it holds no state dict")
    # Copies, because safetensors refuses tensors that share memory.
    save_file({key: value.detach().clone().contiguous() for key, value in state.items()}, target)
