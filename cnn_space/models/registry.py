"""All nets by name."""

import difflib
import inspect
from functools import cache, partial
from typing import get_args

import torch

from .alexnet import AlexNet
from .densenet import DenseNet
from .googlenet import GoogLeNet
from .heads import check_count
from .inception_v3 import InceptionV3
from .lenet import LeNet5
from .net import Net
from .nin import NIN
from .resnet import ResNet
from .vgg import VGG

_NETS = {
    "lenet5": LeNet5,
    "alexnet": AlexNet,
    "nin": NIN,
    **{f"vgg{depth}": partial(VGG, depth=depth) for depth in (11, 13, 16, 19)},
    "googlenet": GoogLeNet,
    "inception_v3": InceptionV3,
    **{f"resnet{depth}": partial(ResNet, depth=depth) for depth in (18, 34, 50, 101, 152)},
    **{f"densenet{n}": partial(DenseNet, configuration=str(n)) for n in (121, 161, 169, 201)},
    "densenet_bc_100_12": partial(DenseNet, configuration="bc_100_12"),
}
_KINDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a word"}


def list_models() -> list[str]:
    """The names that ``create_model`` knows, oldest family first."""
    return list(_NETS)


def create_model(
    arch: str,
    num_classes: int = 1000,
    *,
    in_channels: int = 3,
    small_input: bool = False,
    **options,
) -> Net:
    """A net with random weights, in training mode: images [N, in_channels, H, W] → logits.

    ``small_input`` swaps in the stem for 32-pixel images; nets that are made for these anyway, or
    run on them as they are (LeNet-5, NIN, VGG, DenseNet-BC), stay the same. ``options`` are the
    keyword arguments of the net's class: ``form``, ``head``, ``batch_norm``, ``aux`` and so on.
    Under ``with torch.device("meta")`` no memory is filled; load with ``assign=True`` afterwards.

    Raises ValueError for a name, option or value that is not known, and for ``small_input`` where
    there is no such stem; each message says what would be right.
    """
    build = _find(arch)
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    known = _options(build)
    unknown = set(options) - known
    if unknown:
        raise ValueError(
            f"{arch} has no option {', '.join(map(repr, sorted(unknown)))}: it knows "
            + (", ".join(sorted(known)) or "none besides in_channels and small_input")
        )
    parameters = inspect.signature(build).parameters
    _check_kind("small_input", small_input, bool)
    for name, value in options.items():
        _check_kind(name, value, parameters[name].annotation)
    # a class without the argument has nothing to change for small images
    takes_small = "small_input" in parameters
    stem = {"small_input": True} if small_input and takes_small else {}
    net = build(num_classes, in_channels=in_channels, **stem, **options)
    if small_input:
        net.input_size = 32
    return net


@cache
def input_size(arch: str, *, small_input: bool = False, **options) -> int:
    """Side in pixels of the images that a net is made for; raises what ``create_model`` raises."""
    with torch.device("meta"):
        return create_model(arch, small_input=small_input, **options).input_size


def _find(arch: str):
    if arch in _NETS:
        return _NETS[arch]
    near = difflib.get_close_matches(str(arch).lower(), _NETS)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(_NETS)}"
    raise ValueError(f"there is no net named {arch!r}: {hint}")


def _check_kind(name: str, value, annotation) -> None:
    """Raise ValueError for an option of another type than its class says: ``int | str | None``."""
    kinds = get_args(annotation) or (annotation,)
    if type(value) in kinds or (type(value) is int and float in kinds):
        return
    right = " or ".join(_KINDS[kind] for kind in kinds if kind in _KINDS)
    raise ValueError(f"{name} is {value!r}: it must be {right}")


def _options(build) -> set[str]:
    """Keyword options of a net beyond those that all have."""
    fixed = build.keywords if isinstance(build, partial) else {}
    keywords = {
        name
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    return keywords - {"in_channels", "small_input"} - set(fixed)
