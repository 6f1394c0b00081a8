"""State dicts as others publish them, in the names that our nets have.

Each function takes a whole state dict (name → tensor) and gives a new one that
``create_model(…).load_state_dict(…, strict=True)`` accepts. The tensors are the same, not copies.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]


def vgg_from_timm(state: State) -> State:
    """timm keeps the fully connected layers of VGG as convolutions: back to linear layers.

    ``pre_logits.fc1.weight`` [4096, 512, 7, 7] → ``classifier.0.weight`` [4096, 25088], and so on.
    """
    names = {
        "pre_logits.fc1": "classifier.0",
        "pre_logits.fc2": "classifier.3",
        "head.fc": "classifier.6",
    }
    renamed = {}
    for key, tensor in state.items():
        layer, _, kind = key.rpartition(".")
        if layer in names and kind == "weight":
            tensor = tensor.flatten(1)
        renamed[f"{names.get(layer, layer)}.{kind}"] = tensor
    return renamed


def inception_v3_from_timm(state: State) -> State:
    """timm's Inception v3 without the auxiliary head, where it has one: only training needs it."""
    return _without(state, "AuxLogits.")


def googlenet_from_torchvision(state: State) -> State:
    """torchvision's GoogLeNet without its auxiliary heads, which were never trained."""
    return _without(state, "aux1.", "aux2.")


def _without(state: State, *prefixes: str) -> State:
    return {key: tensor for key, tensor in state.items() if not key.startswith(prefixes)}
