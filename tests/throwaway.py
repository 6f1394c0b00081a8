"""Weights that tests write for themselves: none depends on which nets have been trained."""

import hashlib
import json
from pathlib import Path

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer"]
CIFAR10 += ["dog", "frog", "horse", "ship", "truck"]


def write_weights(folder: Path, name: str, arch: str, *, size: int = 32, dtype=None, **options):
    """A net with random weights as a checkpoint: (card's path, the net in eval mode)."""
    import torch
    from safetensors.torch import save_file

    from cnn_space import create_model
    from cnn_space.costs import walk as layers

    torch.manual_seed(0)
    net = create_model(arch, len(CIFAR10), **options).eval()
    dtype = dtype or torch.float16
    state = {
        key: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for key, tensor in net.state_dict().items()
    }
    # The file rounds; so does the net that tests compare with.
    net.load_state_dict({key: tensor.float() for key, tensor in state.items()})
    parameters, macs = layers.count(net, size)
    file = folder / f"{name}.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, file)
    card = {
        "name": name,
        "title": arch.title(),
        "arch": arch,
        "options": options,
        "num_classes": len(CIFAR10),
        "labels": CIFAR10,
        "preprocessing": {
            "resize": size,
            "size": size,
            "crop": "center",
            "interpolation": "bicubic",
            "mean": [0.4914, 0.4822, 0.4465],
            "std": [0.247, 0.2435, 0.2616],
        },
        "data": {"tag": name.rpartition(".")[2], "name": "CIFAR-10", "note": "random weights"},
        "parameters": parameters,
        "macs": macs,
        "history": [],
        "accuracy": 10.0,
        "file": file.name,
        "bytes": file.stat().st_size,
        "dtype": str(dtype).removeprefix("torch."),
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(card))
    return path, net


def read_card(path: Path) -> dict:
    """The card at ``path`` as plain data."""
    return json.loads(path.read_text(encoding="utf-8"))
