"""Weights files with random weights, so that no test depends on which nets have been trained."""

import json
import zipfile
from pathlib import Path

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer"]
CIFAR10 += ["dog", "frog", "horse", "ship", "truck"]


def write_weights(folder: Path, name: str, arch: str, *, size: int = 32, dtype=None, **options):
    """Write a net with random weights and its card into ``folder``: (path of the card, the net
    with the weights of the file, in eval mode)."""
    import torch

    from cnn_space import create_model
    from cnn_space.costs import walk
    from cnn_space.images.preprocessing import Preprocessing
    from cnn_space.images.sources import CIFAR_MEAN, CIFAR_STD
    from cnn_space.weights.card import Card, Data
    from cnn_space.weights.saving import save

    torch.manual_seed(0)
    net = create_model(arch, len(CIFAR10), **options).eval()
    parameters, macs = walk.count(net, size)
    state = {
        key: tensor.to(dtype or torch.float16) if tensor.is_floating_point() else tensor
        for key, tensor in net.state_dict().items()
    }
    # The file rounds the weights, so the net that tests compare with is rounded too.
    net.load_state_dict({key: tensor.float() for key, tensor in state.items()})
    card = Card(
        name=name,
        title=arch.title(),
        arch=arch,
        options=options,
        num_classes=len(CIFAR10),
        labels=CIFAR10,
        preprocessing=Preprocessing(size, size, mean=CIFAR_MEAN, std=CIFAR_STD),
        data=Data(tag=name.rpartition(".")[2], name="CIFAR-10", note="random weights"),
        parameters=parameters,
        macs=macs,
        history=[],
        accuracy=10.0,
    )
    return save(folder, card, state), net


def write_zip(folder: Path, change=None, card_text: str = "", **fields) -> Path:
    """The zip of a net with random weights as a visitor brings it: ``change`` made to its state
    dict, and its card's ``fields`` replaced, or the whole of it by ``card_text``."""
    from safetensors.torch import load, save

    from cnn_space.weights.digest import sha256

    card, _ = write_weights(folder / "made", "lenet5.mine", "lenet5")
    weights = card.with_suffix(".safetensors")
    if change:
        state = load(weights.read_bytes())
        change(state)
        weights.write_bytes(save(state))
        fields = {"bytes": weights.stat().st_size, "sha256": sha256(weights)} | fields
    card.write_text(card_text or json.dumps(read_card(card) | fields))
    path = folder / "my net.ZIP"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(card, card.name)
        archive.write(weights, weights.name)
    return path


def read_card(path: Path) -> dict:
    """The card at ``path`` as plain data."""
    return json.loads(path.read_text(encoding="utf-8"))
