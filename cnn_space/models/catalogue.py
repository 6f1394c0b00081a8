"""The papers, the nets and their variants as plain data: what is known before a net is built.

No torch here. `registry` answers questions about these rows and builds the nets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Paper:
    title: str
    link: str


@dataclass(frozen=True)
class Family:
    """The nets of one paper.

    ``year`` is that of the first publication, arXiv included. ``forms`` are versions that differ
    in their layers: a label, and the options of ``create_model`` that build it.
    """

    name: str
    net: str  # "module:class" in cnn_space.models
    year: int
    idea: str
    paper: Paper
    forms: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


LENET = Family(
    "lenet5",
    "lenet:LeNet5",
    1998,
    "Convolution and subsampling, learned end to end, replace features designed by hand.",
    Paper(
        "Gradient-based learning applied to document recognition",
        "https://doi.org/10.1109/5.726791",
    ),
)
ALEXNET = Family(
    "alexnet",
    "alexnet:AlexNet",
    2012,
    "ReLU, dropout and two GPUs make a large net trainable on a million photos.",
    Paper(
        "ImageNet classification with deep convolutional neural networks",
        "https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks",
    ),
    forms={"paper form": {"form": "paper"}, "CIFAR form": {"small_input": True}},
)
NIN = Family(
    "nin",
    "nin:NIN",
    2013,
    "1×1 convolutions after each convolution, and an average over the map in place of fully "
    "connected layers.",
    Paper("Network in network", "https://arxiv.org/abs/1312.4400"),
)
VGG = Family(
    "vgg",
    "vgg:VGG",
    2014,
    "Depth from 3×3 convolutions alone, stacked up to 19 layers.",
    Paper(
        "Very deep convolutional networks for large-scale image recognition",
        "https://arxiv.org/abs/1409.1556",
    ),
    forms={
        "batch norm": {"batch_norm": True},
        "global average pooling": {"small_input": True},
    },
)
GOOGLENET = Family(
    "googlenet",
    "googlenet:GoogLeNet",
    2014,
    "Kernels of several sizes side by side, made affordable by 1×1 convolutions before them.",
    Paper("Going deeper with convolutions", "https://arxiv.org/abs/1409.4842"),
    forms={
        "paper form": {"form": "paper"},
        "paper form, naive modules": {"form": "paper", "reduction": False},
        "32-pixel stem": {"small_input": True},
    },
)
INCEPTION_V3 = Family(
    "inception_v3",
    "inception_v3:InceptionV3",
    2015,
    "Large kernels split into small ones in a row: 5×5 into two 3×3, 7×7 into 1×7 and 7×1.",
    Paper(
        "Rethinking the Inception architecture for computer vision",
        "https://arxiv.org/abs/1512.00567",
    ),
)
RESNET = Family(
    "resnet",
    "resnet:ResNet",
    2015,
    "Each block learns what to add to its input, so that more than a hundred layers can be "
    "trained.",
    Paper("Deep residual learning for image recognition", "https://arxiv.org/abs/1512.03385"),
    forms={"32-pixel stem": {"small_input": True}},
)
DENSENET = Family(
    "densenet",
    "densenet:DenseNet",
    2016,
    "Each layer sees the maps of all layers before it, and adds a few of its own.",
    Paper("Densely connected convolutional networks", "https://arxiv.org/abs/1608.06993"),
    forms={"32-pixel stem": {"small_input": True}},
)


@dataclass(frozen=True)
class Row:
    """A net by its name in ``create_model``; ``size`` picks it out of its family."""

    title: str
    family: Family
    size: Mapping[str, object] = field(default_factory=dict)


NETS = {
    "lenet5": Row("LeNet-5", LENET),
    "alexnet": Row("AlexNet", ALEXNET),
    "nin": Row("NIN", NIN),
    **{f"vgg{n}": Row(f"VGG-{n}", VGG, {"depth": n}) for n in (11, 13, 16, 19)},
    "googlenet": Row("GoogLeNet", GOOGLENET),
    "inception_v3": Row("Inception v3", INCEPTION_V3),
    **{f"resnet{n}": Row(f"ResNet-{n}", RESNET, {"depth": n}) for n in (18, 34, 50, 101, 152)},
    **{
        f"densenet{n}": Row(f"DenseNet-{n}", DENSENET, {"configuration": str(n)})
        for n in (121, 161, 169, 201)
    },
    "densenet_bc_100_12": Row(
        "DenseNet-BC-100-12",
        replace(DENSENET, forms={}),  # it is made for 32 pixels
        {"configuration": "bc_100_12"},
    ),
}


# The nets that a visitor meets first, the most telling ones before the others: AlexNet's turn comes
# where LeNet-5 has no weights, as for ImageNet.
LANDMARKS = ("lenet5", "vgg16", "googlenet", "resnet50", "alexnet")


@dataclass(frozen=True)
class Variant:
    """A net with other options that weights are named after: ``vgg16_bn.cifar10``."""

    title: str
    arch: str
    options: Mapping[str, object]


VARIANTS = {
    "googlenet_paper": Variant("GoogLeNet (paper form)", "googlenet", {"form": "paper"}),
    "googlenet_naive": Variant("GoogLeNet (naive modules)", "googlenet", {"reduction": False}),
    **{
        f"vgg{n}_bn": Variant(f"VGG-{n}-BN", f"vgg{n}", {"batch_norm": True})
        for n in (11, 13, 16, 19)
    },
}

# Public results on CIFAR-10 in percent: trained from scratch on the original pixels with crop and
# flip.
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
