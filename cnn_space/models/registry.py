"""All nets by name: facts about them, and the one function that builds them.

Only ``create_model`` and ``input_size`` load torch.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from . import catalogue
from .catalogue import NETS, VARIANTS, Paper
from .checks import check_count, check_options

if TYPE_CHECKING:
    from .net import Net

SMALL_SIDE = 64  # up to this many pixels a net gets its form for small images


@dataclass(frozen=True)
class NetFacts:
    """What is known of a net, or of a named variant of one, before it is built.

    ``create_model(arch, classes, **options)`` builds it. ``year`` is that of the paper's first
    publication. ``forms`` (label → options) are versions that differ in their layers.
    ``public_cifar10`` is what others reach with it on CIFAR-10, in percent.
    """

    name: str
    title: str
    family: str
    arch: str
    options: Mapping[str, object]
    year: int
    idea: str
    paper: Paper
    forms: Mapping[str, Mapping[str, object]]
    public_cifar10: str | None


@dataclass(frozen=True)
class Design:
    """A net for images of one size: ``create_model(arch, classes, **options)``."""

    title: str
    arch: str
    options: dict


def list_models() -> list[str]:
    """The names that ``create_model`` knows, oldest family first."""
    return list(NETS)


def names() -> list[str]:
    """The names that ``facts`` and ``design`` know: ``list_models()``, then the variants."""
    return [*NETS, *VARIANTS]


def landmarks() -> list[str]:
    """The nets that a visitor meets first, the most telling ones before the others."""
    return list(catalogue.LANDMARKS)


def facts(name: str) -> NetFacts:
    """What is known of the net or variant called ``name``; raises ValueError for any other name."""
    if name not in VARIANTS and name not in NETS:
        raise _unknown(name, names())
    variant = VARIANTS.get(name)
    arch = variant.arch if variant else name
    family = NETS[arch].family
    return NetFacts(
        name=name,
        title=variant.title if variant else NETS[arch].title,
        family=family.name,
        arch=arch,
        options=variant.options if variant else {},
        year=family.year,
        idea=family.idea,
        paper=family.paper,
        forms=family.forms,
        public_cifar10=catalogue.PUBLIC_CIFAR10.get(name),
    )


def design(name: str, side: int) -> Design:
    """The net or variant called ``name`` for images of ``side`` pixels.

    Up to ``SMALL_SIDE`` that is its form for small images. Inception v3 has none: building its
    design raises ValueError. Raises ValueError for an unknown name.
    """
    known = facts(name)
    small = {"small_input": True} if side <= SMALL_SIDE else {}
    return Design(known.title, known.arch, {**known.options, **small})


def create_model(
    arch: str,
    num_classes: int = 1000,
    *,
    in_channels: int = 3,
    small_input: bool = False,
    **options,
) -> "Net":
    """A net with random weights, in training mode: images [N, in_channels, H, W] → logits.

    ``small_input`` swaps in the form for 32-pixel images: a smaller stem, VGG's pooled head,
    AlexNet's CIFAR form. Nets that are made for such images (LeNet-5, NIN, DenseNet-BC) stay the
    same. ``options`` are the keyword arguments of the net's class: ``form``, ``head``,
    ``batch_norm``, ``aux`` and so on; one given explicitly wins over what ``small_input`` would
    choose.
    Under ``with torch.device("meta")`` no memory is filled; load with ``assign=True`` afterwards.

    Raises ValueError for a name, option or value that is not known, and for ``small_input`` where
    the net, or the form asked for, has no version for small images; each message says what would
    be right.
    """
    if arch not in NETS:
        raise _unknown(arch, NETS)
    check_count("num_classes", num_classes)
    check_count("in_channels", in_channels)
    row = NETS[arch]
    module, _, name = row.family.net.partition(":")
    net = getattr(import_module(f".{module}", __package__), name)
    options["small_input"] = small_input
    check_options(arch, net, {"in_channels", *row.size}, options)
    return net(num_classes, in_channels=in_channels, **row.size, **options)


@cache
def input_size(arch: str, **options) -> int:
    """Side in pixels of the images that ``create_model(arch, **options)`` is made for; raises what
    that raises."""
    import torch

    with torch.device("meta"):
        return create_model(arch, **options).input_size


def _unknown(name: str, known: Iterable[str]) -> ValueError:
    near = difflib.get_close_matches(str(name).lower(), known)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"
    return ValueError(f"there is no net named {name!r}: {hint}")
