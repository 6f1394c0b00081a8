"""The nets that are trained here: what a name stands for, and what the public reaches with it."""

from dataclasses import dataclass, field

from cnn_space.models.registry import list_models

SMALL_SIDE = 64  # up to this many pixels a net gets its stem or form for small images


@dataclass(frozen=True)
class Design:
    """A net by the name its weights carry: ``create_model(arch, classes, **options)``."""

    title: str
    arch: str
    options: dict = field(default_factory=dict)


# A variant goes into the arch part of a weights' name.
_VARIANTS = {
    "googlenet_paper": ("GoogLeNet (paper form)", "googlenet", {"form": "paper"}),
    "googlenet_naive": ("GoogLeNet (naive modules)", "googlenet", {"reduction": False}),
    "vgg11_bn": ("VGG-11-BN", "vgg11", {"batch_norm": True}),
    "vgg13_bn": ("VGG-13-BN", "vgg13", {"batch_norm": True}),
    "vgg16_bn": ("VGG-16-BN", "vgg16", {"batch_norm": True}),
    "vgg19_bn": ("VGG-19-BN", "vgg19", {"batch_norm": True}),
}
_TITLES = {
    "lenet5": "LeNet-5",
    "alexnet": "AlexNet",
    "nin": "NIN",
    "googlenet": "GoogLeNet",
    "inception_v3": "Inception v3",
    "densenet_bc_100_12": "DenseNet-BC-100-12",
}

# Public results on CIFAR-10 from scratch on the original pixels, with crop and flip, in percent.
PUBLIC_CIFAR10 = {
    "lenet5": "65–74",
    "alexnet": "77.22",
    "nin": "89.6–91.2",
    "vgg16_bn": "92.6–94.3",
    "googlenet": "92.9–95.4",
    "googlenet_paper": "71.99",  # without batch norm, after 100 epochs
    "resnet18": "93.0–96.0",
    "densenet_bc_100_12": "95.3–95.5",
}


def design(name: str, side: int) -> Design:
    """The net called ``name`` (an arch or a variant of one) for images of ``side`` pixels.

    Raises ValueError for a name that is neither.
    """
    if name in _VARIANTS:
        title, arch, options = _VARIANTS[name]
    elif name in list_models():
        title, arch, options = _TITLES.get(name) or _numbered(name), name, {}
    else:
        known = ", ".join([*list_models(), *_VARIANTS])
        raise ValueError(f"there is no net named {name!r}: choose from {known}")
    options = dict(options)
    if side <= SMALL_SIDE:
        if arch == "alexnet":
            options["form"] = "cifar"
        elif arch.startswith("vgg"):
            options["head"] = "gap"
        elif arch.startswith(("googlenet", "inception", "resnet", "densenet")) and "bc" not in arch:
            options["small_input"] = True  # Inception v3, which has no such stem, says so
    return Design(title, arch, options)


def _numbered(name: str) -> str:
    """``resnet18`` reads ResNet-18, ``vgg16`` VGG-16."""
    family = name.rstrip("0123456789")
    titles = {"resnet": "ResNet", "vgg": "VGG", "densenet": "DenseNet"}
    return f"{titles[family]}-{name[len(family) :]}"
