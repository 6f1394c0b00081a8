"""ImageNet weights that others published, as plain data.

timm's repositories hold torchvision's nets as safetensors (``model.safetensors``); GoogLeNet and
AlexNet exist only as torchvision's own ``.pth``, which is converted once. Title and options come
from ``models.registry``; preprocessing, licence and top-1 are each publisher's own. Parameters and
MACs stand here because only a built net can be counted, and listing nets loads no torch; tests
count them. A revision, size or sha256 stands here only where a public page states it; for the
others the hash that the Hub itself announces is checked.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from cnn_space.images.preprocessing import Preprocessing
from cnn_space.models import registry
from cnn_space.weights import adapters
from cnn_space.weights.records import WeightsRecord

TORCHVISION = "download.pytorch.org"

# timm scales the shorter side to floor(size / crop_pct); torchvision's two say 256 as well.
CROP_875 = Preprocessing(256, 224, "bilinear")
CROP_875_BICUBIC = Preprocessing(256, 224, "bicubic")
CROP_965 = Preprocessing(232, 224, "bilinear")
# These nets learned from images within -1 and 1. torchvision normalises with ImageNet's figures
# and its net converts that (transform_input); here the preprocessing gives the range at once.
CENTRED = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
CROP_875_CENTRED = Preprocessing(256, 224, "bilinear", **CENTRED)
CROP_875_CENTRED_299 = Preprocessing(341, 299, "bicubic", **CENTRED)

# What torchvision calls its trainings; the title names it where a net has two.
VERSIONS = {"tv_in1k": "weights V1", "tv2_in1k": "weights V2"}

BSD, APACHE = "bsd-3-clause", "apache-2.0"

TIMM_TOP1 = "top-1 by timm (results-imagenet.csv, commit 0173a13)"
TIMM_CARD_TOP1 = "top-1 by timm (table in its ResNet model cards)"
TORCHVISION_TOP1 = "top-1 by torchvision (IMAGENET1K_V1)"

# Parameters, and multiply-accumulates of one image at the size that the weights are used at.
COSTS = {
    "alexnet": (61_100_840, 714_188_480),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg16_bn": (138_365_992, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "googlenet": (6_624_904, 1_498_376_192),
    "inception_v3": (23_834_568, 5_713_216_096),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "densenet121": (7_978_856, 2_834_161_664),
    "densenet161": (28_681_000, 7_727_907_072),
    "densenet169": (14_149_480, 3_359_843_328),
    "densenet201": (20_013_928, 4_291_365_888),
}


@dataclass(frozen=True)
class Published:
    """One file of weights: ``net`` is a name of ``models.registry``, ``tag`` timm's name of the
    training. ``repo`` and ``file`` are given where timm does not hold it."""

    net: str
    tag: str
    accuracy: float
    preprocessing: Preprocessing
    license: str
    options: Mapping[str, object] = field(default_factory=dict)
    adapt: Callable[[dict], dict] | None = None
    repo: str | None = None
    file: str = "model.safetensors"
    accuracy_source: str = TIMM_TOP1
    revision: str | None = None
    bytes: int | None = None
    sha256: str | None = None


# From the best top-1 (%) down.
PUBLISHED = (
    Published("resnet50", "tv2_in1k", 80.85, CROP_965, BSD),
    Published("resnet152", "tv_in1k", 78.322, CROP_875, BSD),
    Published(
        "inception_v3",
        "tv_in1k",
        77.434,
        CROP_875_CENTRED_299,
        APACHE,
        options={"aux": False},
        adapt=adapters.inception_v3_from_timm,
        sha256="9c452c63a67fd03a38a78c401ba12d4be0e926df63c93403de3a29f6df20fefb",
    ),
    Published("resnet101", "tv_in1k", 77.376, CROP_875, BSD),
    Published("densenet161", "tv_in1k", 77.358, CROP_875_BICUBIC, APACHE),
    Published("densenet201", "tv_in1k", 77.286, CROP_875_BICUBIC, APACHE),
    Published(
        "resnet50",
        "tv_in1k",
        76.13,
        CROP_875,
        BSD,
        revision="78f3ecfdb38e06d9b8397f662e7ab8fee96026fa",
        bytes=102_469_840,
        sha256="5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
    ),
    Published("densenet169", "tv_in1k", 75.9, CROP_875_BICUBIC, APACHE),
    Published(
        "densenet121",
        "tv_in1k",
        74.764,
        CROP_875_BICUBIC,
        APACHE,
        revision="f0d0f2698a02cb133b09d48396db6e1e46fe9f3b",
        sha256="c894c6d9caa317a8ca1942986dee7a16a86c77734a4d691d2abe05389cfef358",
    ),
    Published("vgg16_bn", "tv_in1k", 73.37, CROP_875, BSD, adapt=adapters.vgg_from_timm),
    Published(
        "resnet34",
        "tv_in1k",
        73.32,
        CROP_875,
        BSD,
        accuracy_source=TIMM_CARD_TOP1,
        revision="1b7b21cca82ff974d341713f777bf740c2db38c4",
        bytes=87_278_522,
        sha256="0bb82595a564991a9d424708b33f5d843f5aaed7f6c0886ff10849ff97022235",
    ),
    Published("vgg19", "tv_in1k", 72.378, CROP_875, BSD, adapt=adapters.vgg_from_timm),
    Published(
        "vgg16",
        "tv_in1k",
        71.592,
        CROP_875,
        BSD,
        adapt=adapters.vgg_from_timm,
        revision="b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
        sha256="57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    ),
    Published(
        "googlenet",
        "tv_in1k",
        69.778,
        CROP_875_CENTRED,
        BSD,
        options={"aux": False},
        adapt=adapters.googlenet_from_torchvision,
        repo=TORCHVISION,
        file="googlenet-1378be20.pth",
        accuracy_source=TORCHVISION_TOP1,
    ),
    Published(
        "resnet18",
        "tv_in1k",
        69.76,
        CROP_875,
        BSD,
        revision="bbd144b3e5565108aad885f145491d11bc6ce807",
        bytes=46_807_446,
        sha256="694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81",
    ),
    Published(
        "alexnet",
        "tv_in1k",
        56.522,
        CROP_875,
        BSD,
        repo=TORCHVISION,
        file="alexnet-owt-7be5be79.pth",
        accuracy_source=TORCHVISION_TOP1,
    ),
)


@cache
def classes() -> tuple[str, ...]:
    """The 1,000 classes of ImageNet-1k in the order of the logits, in torchvision's words."""
    text = files("cnn_space.weights").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(text.splitlines())


@cache
def records() -> tuple[WeightsRecord, ...]:
    """The record of each file of weights above."""
    return tuple(_record(weights) for weights in PUBLISHED)


def _record(weights: Published) -> WeightsRecord:
    net, name = registry.facts(weights.net), f"{weights.net}.{weights.tag}"
    parameters, macs = COSTS[weights.net]
    trained_twice = sum(other.net == weights.net for other in PUBLISHED) > 1
    return WeightsRecord(
        name=name,
        title=f"{net.title} ({VERSIONS[weights.tag]})" if trained_twice else net.title,
        arch=net.arch,
        options={**net.options, **weights.options},
        num_classes=1000,
        labels=classes(),
        preprocessing=weights.preprocessing,
        source="hub",
        file=weights.file,
        repo=weights.repo or f"timm/{name}",
        revision=weights.revision,
        sha256=weights.sha256,
        bytes=weights.bytes,
        parameters=parameters,
        macs=macs,
        accuracy=weights.accuracy,
        data="ImageNet-1k",
        data_note=weights.accuracy_source,
        adapt=weights.adapt,
        license=weights.license,
    )
