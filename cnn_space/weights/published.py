"""ImageNet weights that others published, as plain data.

timm's repositories hold torchvision's nets as safetensors (``model.safetensors``); GoogLeNet and
AlexNet exist only as torchvision's own ``.pth``, which ``hub`` converts once. Preprocessing and
top-1 are each publisher's own. A revision, size or sha256 stands here only where a public page
states it; for the others ``hub`` goes by the hash that the Hub itself announces.
"""

from functools import cache
from importlib.resources import files

from cnn_space.images.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from cnn_space.weights import adapters
from cnn_space.weights.records import WeightsRecord

IMAGENET = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
# These nets learned from images within -1 and 1. torchvision normalises with ImageNet's figures
# and has the net undo it (transform_input); as preprocessing it is done once and for all.
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}

# timm scales the shorter side to floor(size / crop_pct); torchvision's two say 256 as well.
PREPROCESSING = {
    "crop 0.875": {"resize": 256, "size": 224, "interpolation": "bilinear"} | IMAGENET,
    "crop 0.875, bicubic": {"resize": 256, "size": 224, "interpolation": "bicubic"} | IMAGENET,
    "crop 0.965": {"resize": 232, "size": 224, "interpolation": "bilinear"} | IMAGENET,
    "googlenet": {"resize": 256, "size": 224, "interpolation": "bilinear"} | HALF,
    "inception_v3": {"resize": 341, "size": 299, "interpolation": "bicubic"} | HALF,
}

TIMM_TOP1 = "top-1 by timm (results-imagenet.csv, commit 0173a13)"
TIMM_CARD_TOP1 = "top-1 by timm (table in its ResNet model cards)"
TORCHVISION_TOP1 = "top-1 by torchvision (IMAGENET1K_V1)"

TORCHVISION = "download.pytorch.org"

# From the best top-1 (%) down; what a row leaves out is filled in by `records`.
NETS = {
    "resnet50.tv2_in1k": {
        "title": "ResNet-50",
        "arch": "resnet50",
        "accuracy": 80.85,
        "parameters": 25_557_032,
        "macs": 4_089_184_256,
        "preprocessing": "crop 0.965",
        "license": "bsd-3-clause",
    },
    "resnet152.tv_in1k": {
        "title": "ResNet-152",
        "arch": "resnet152",
        "accuracy": 78.322,
        "parameters": 60_192_808,
        "macs": 11_513_626_624,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
    },
    "inception_v3.tv_in1k": {
        "title": "Inception v3",
        "arch": "inception_v3",
        "options": {"aux": False},
        "accuracy": 77.434,
        "parameters": 23_834_568,
        "macs": 5_713_216_096,
        "preprocessing": "inception_v3",
        "license": "apache-2.0",
        "adapt": adapters.inception_v3_from_timm,
        "sha256": "9c452c63a67fd03a38a78c401ba12d4be0e926df63c93403de3a29f6df20fefb",
    },
    "resnet101.tv_in1k": {
        "title": "ResNet-101",
        "arch": "resnet101",
        "accuracy": 77.376,
        "parameters": 44_549_160,
        "macs": 7_801_405_440,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
    },
    "densenet161.tv_in1k": {
        "title": "DenseNet-161",
        "arch": "densenet161",
        "accuracy": 77.358,
        "parameters": 28_681_000,
        "macs": 7_727_907_072,
        "preprocessing": "crop 0.875, bicubic",
        "license": "apache-2.0",
    },
    "densenet201.tv_in1k": {
        "title": "DenseNet-201",
        "arch": "densenet201",
        "accuracy": 77.286,
        "parameters": 20_013_928,
        "macs": 4_291_365_888,
        "preprocessing": "crop 0.875, bicubic",
        "license": "apache-2.0",
    },
    "resnet50.tv_in1k": {
        "title": "ResNet-50",
        "arch": "resnet50",
        "accuracy": 76.13,
        "parameters": 25_557_032,
        "macs": 4_089_184_256,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "revision": "78f3ecfdb38e06d9b8397f662e7ab8fee96026fa",
        "bytes": 102_469_840,
        "sha256": "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
    },
    "densenet169.tv_in1k": {
        "title": "DenseNet-169",
        "arch": "densenet169",
        "accuracy": 75.9,
        "parameters": 14_149_480,
        "macs": 3_359_843_328,
        "preprocessing": "crop 0.875, bicubic",
        "license": "apache-2.0",
    },
    "densenet121.tv_in1k": {
        "title": "DenseNet-121",
        "arch": "densenet121",
        "accuracy": 74.764,
        "parameters": 7_978_856,
        "macs": 2_834_161_664,
        "preprocessing": "crop 0.875, bicubic",
        "license": "apache-2.0",
        "revision": "f0d0f2698a02cb133b09d48396db6e1e46fe9f3b",
        "sha256": "c894c6d9caa317a8ca1942986dee7a16a86c77734a4d691d2abe05389cfef358",
    },
    "vgg16_bn.tv_in1k": {
        "title": "VGG-16-BN",
        "arch": "vgg16",
        "options": {"batch_norm": True},
        "accuracy": 73.37,
        "parameters": 138_365_992,
        "macs": 15_470_264_320,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "adapt": adapters.vgg_from_timm,
    },
    "resnet34.tv_in1k": {
        "title": "ResNet-34",
        "arch": "resnet34",
        "accuracy": 73.32,
        "parameters": 21_797_672,
        "macs": 3_663_761_408,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "data_note": TIMM_CARD_TOP1,
        "revision": "1b7b21cca82ff974d341713f777bf740c2db38c4",
        "bytes": 87_278_522,
        "sha256": "0bb82595a564991a9d424708b33f5d843f5aaed7f6c0886ff10849ff97022235",
    },
    "vgg19.tv_in1k": {
        "title": "VGG-19",
        "arch": "vgg19",
        "accuracy": 72.378,
        "parameters": 143_667_240,
        "macs": 19_632_062_464,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "adapt": adapters.vgg_from_timm,
    },
    "vgg16.tv_in1k": {
        "title": "VGG-16",
        "arch": "vgg16",
        "accuracy": 71.592,
        "parameters": 138_357_544,
        "macs": 15_470_264_320,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "adapt": adapters.vgg_from_timm,
        "revision": "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f",
        "sha256": "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    },
    "googlenet.tv_in1k": {
        "title": "GoogLeNet",
        "arch": "googlenet",
        "options": {"aux": False},
        "accuracy": 69.778,
        "parameters": 6_624_904,
        "macs": 1_498_376_192,
        "preprocessing": "googlenet",
        "license": "bsd-3-clause",
        "adapt": adapters.googlenet_from_torchvision,
        "repo": TORCHVISION,
        "file": "googlenet-1378be20.pth",
        "data_note": TORCHVISION_TOP1,
    },
    "resnet18.tv_in1k": {
        "title": "ResNet-18",
        "arch": "resnet18",
        "accuracy": 69.76,
        "parameters": 11_689_512,
        "macs": 1_814_073_344,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "revision": "bbd144b3e5565108aad885f145491d11bc6ce807",
        "bytes": 46_807_446,
        "sha256": "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81",
    },
    "alexnet.tv_in1k": {
        "title": "AlexNet",
        "arch": "alexnet",
        "accuracy": 56.522,
        "parameters": 61_100_840,
        "macs": 714_188_480,
        "preprocessing": "crop 0.875",
        "license": "bsd-3-clause",
        "repo": TORCHVISION,
        "file": "alexnet-owt-7be5be79.pth",
        "data_note": TORCHVISION_TOP1,
    },
}


@cache
def classes() -> tuple[str, ...]:
    """The 1,000 classes of ImageNet-1k in the order of the logits, in torchvision's words."""
    return tuple(
        files("cnn_space.weights").joinpath("imagenet_classes.txt").read_text().splitlines()
    )


@cache
def records() -> tuple[WeightsRecord, ...]:
    """One record for each net above."""
    defaults = {"file": "model.safetensors", "data_note": TIMM_TOP1}
    return tuple(
        WeightsRecord(
            name=name,
            num_classes=1000,
            labels=classes(),
            source="hub",
            data="ImageNet-1k",
            preprocessing=Preprocessing(**PREPROCESSING[row["preprocessing"]]),
            **{"repo": f"timm/{name}"}
            | defaults
            | {k: v for k, v in row.items() if k != "preprocessing"},
        )
        for name, row in NETS.items()
    )
