"""Where the papers say what a difference is about, and what published nets have otherwise."""

from __future__ import annotations

from cnn_space.checking import sentences

_SECTIONS: dict[str, dict[str, str]] = {
    "googlenet": {
        "kernel5x5": "section 4, figure 2; two 3×3: Szegedy et al. 2016, figure 5",
        "kernel": "table 1",
        "layers": "table 1 and figure 3",
        "linear": "section 5, figure 3",
        "diff_width": "table 1",
        "pool": "table 1",
        "dropout": "section 5, table 1",
        "diff_no_heads": "section 5",
        "diff_no_activation": "section 5: all convolutions use ReLU",
        "diff_activation": "section 5: all convolutions use ReLU",
        "diff_no_local_norm": "figure 3",
        "diff_no_batch_norm": "not in the paper; Ioffe and Szegedy 2015",
        "diff_map": "table 1",
    },
    "inception_v3": {
        "kernel5x5": "section 3, figure 5",
        "kernel": "table 1",
        "layers": "table 1",
        "diff_width": "table 1",
        "pool": "table 1",
        "diff_no_heads": "section 4",
        "diff_no_batch_norm": "section 4",
        "diff_map": "table 1",
    },
    "alexnet": {
        "kernel": "section 3.5",
        "layers": "section 3.5, figure 2",
        "linear": "section 3.5, figure 2",
        "diff_width": "section 3.5",
        "pool": "section 3.4",
        "dropout": "section 4.2",
        "diff_no_activation": "section 3.1",
        "diff_activation": "section 3.1",
        "diff_no_local_norm": "section 3.3",
        "diff_setting": "section 3.5",
    },
    "vgg": {
        "kernel": "section 2.1, table 1",
        "layers": "table 1",
        "linear": "section 2.1, table 1",
        "diff_width": "table 1",
        "pool": "section 2.1",
        "dropout": "section 3.1",
        "diff_no_activation": "section 2.1",
        "diff_activation": "section 2.1",
        "diff_no_batch_norm": "not in the paper; came later",
    },
    "resnet": {
        "kernel": "table 1",
        "layers": "table 1",
        "diff_width": "table 1",
        "pool": "table 1",
        "diff_no_activation": "section 3.1, figure 5",
        "diff_activation": "section 3.1",
        "diff_no_batch_norm": "section 3.4",
        "diff_setting": "table 1",
    },
    "densenet": {
        "kernel": "table 1",
        "layers": "section 3, table 1",
        "diff_width": "section 3",
        "pool": "table 1",
        "diff_no_activation": "section 3",
        "diff_no_batch_norm": "section 3",
        "dropout": "section 4.2",
    },
    "nin": {
        "kernel": "section 3",
        "layers": "section 3, figure 2",
        "pool": "section 3.2",
        "linear": "section 3.2: none, global average pooling instead",
        "dropout": "section 4.1",
    },
    "lenet5": {
        "kernel": "section II.B, figure 2",
        "layers": "section II.B, figure 2",
        "linear": "section II.B",
        "pool": "section II.B",
        "diff_activation": "section II.B: a scaled tanh",
        "diff_width": "section II.B, figure 2",
    },
}

# What the paper has otherwise although the net is the same as the reference, as sentence keys.
_NOTES: dict[str, tuple[str, ...]] = {
    "lenet5": ("note_lenet5",),
    "googlenet": ("note_googlenet_torchvision",),
    "alexnet": ("note_alexnet_torchvision",),
    "resnet50": ("note_resnet_stride",),
    "resnet101": ("note_resnet_stride",),
    "resnet152": ("note_resnet_stride",),
}


def family(arch: str) -> str:
    """``resnet`` for ``resnet18``; names without a number stay."""
    return next((f for f in ("vgg", "resnet", "densenet") if arch.startswith(f)), arch)


def section(arch: str, topic: str) -> str:
    """The place in the net's paper that ``topic`` is about, "" where there is none."""
    return _SECTIONS.get(family(arch), {}).get(topic, "")


def note(key: str) -> str:
    """A sentence in English that needs no values."""
    return sentences.english(key, {})


def notes(arch: str, options: dict) -> tuple[str, ...]:
    """Sentence keys of what the paper has otherwise."""
    if options.get("form") in ("paper", "cifar"):
        return ()
    found = _NOTES.get(arch, ())
    pooled = family(arch) == "vgg" and (options.get("head") == "gap" or "small_input" in options)
    return (*found, "note_vgg_pooled") if pooled else found
