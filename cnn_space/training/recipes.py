"""The settings of every training, with their reasons, as plain data: ``Recipe`` is a training of
``python -m cnn_space train``, ``Plan`` a fine-tuning. No torch here: the page and the command line
name the settings before anything is trained."""

import math
from dataclasses import dataclass, replace

AUGMENTATIONS = ("none", "shift", "mirror")
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of one training, each with its reason."""

    epochs: int = 40
    batch_size: int = 512  # fills a GPU; the rates below are for this size
    optimizer: str = "sgd"  # with Nesterov momentum: best with batch norm; or "adamw"
    lr: float = 0.4  # at the peak of the cycle
    momentum: float = 0.9  # the usual one
    weight_decay: float = 5e-4  # on weights of convolutions and linear layers, not on norms, biases
    warmup: float = 0.2  # share of the steps in which the rate rises; it falls to 0 in the rest
    label_smoothing: float = 0.1  # keeps the nets from certainty; Inception v3's paper, section 7
    clip: float = 0.0  # largest norm of the gradient, 0 for none; nets without batch norm need one
    crop: str = "pad"  # shifts by up to `pad`; "resized": random pieces, for real photos; or "none"
    pad: int = 4  # pixels, as in the ResNet paper, section 4.2
    min_area: float = 0.35  # smallest piece of a resized crop, as share of the image
    flip: str = "alternate"  # mirrored every second epoch, not by chance; or "random", "none"
    # side of a blanked square (DeVries and Taylor, 2017), in pixels of the image that is learnt
    # from: at a progressive size of 24, 16 blank nearly half of it
    cutout: int = 0
    small_side: int = 0  # progressive sizes: pixels to start at, see ``small_sides`` (0: full size)
    small_share: float = 0.6  # share of the epochs before the full size
    average: float = 0.0  # decay a step of the averaged weights that are kept; 0 keeps the last
    distillation: float = 0.0  # share of the teachers' answers in the target, 0 without teachers
    sync_norm: bool = False  # batch statistics over all processes (GPUs only)
    seed: int = 0

    def __post_init__(self):
        def need(right: bool, what: str):
            if not right:
                raise ValueError(what)

        need(self.epochs >= 1, f"epochs is at least 1, got {self.epochs}")
        need(self.batch_size >= 1, f"batch_size is at least 1, got {self.batch_size}")
        need(self.optimizer in ("sgd", "adamw"), "optimizer is 'sgd' or 'adamw'")
        need(0 < self.lr < 100, f"lr is above 0, got {self.lr}")
        need(0 <= self.momentum < 1, f"momentum is from 0 to below 1, got {self.momentum}")
        for name in ("weight_decay", "clip", "pad", "cutout", "small_side"):
            need(getattr(self, name) >= 0, f"{name} is at least 0, got {getattr(self, name)}")
        need(0 <= self.warmup < 1, f"warmup is a share from 0 to below 1, got {self.warmup}")
        need(0 <= self.label_smoothing < 1, "label_smoothing is from 0 to below 1")
        need(0 <= self.average < 1, f"average is a decay from 0 to below 1, got {self.average}")
        need(0 <= self.distillation <= 1, f"distillation is a share, got {self.distillation}")
        need(0 <= self.seed < 2**31, f"seed is 0 to 2,147,483,647, got {self.seed}")
        need(self.crop in ("pad", "resized", "none"), "crop is 'pad', 'resized' or 'none'")
        need(
            self.flip in ("alternate", "random", "none"), "flip is 'alternate', 'random' or 'none'"
        )
        need(0 < self.min_area <= 1, f"min_area is a share above 0, got {self.min_area}")
        need(0 <= self.small_share <= 1, f"small_share is a share, got {self.small_share}")


# What differs from the defaults: known practice for each net; LeNet-5's, AlexNet's and NIN's were
# tried on held-out images. Rates are for a batch of 512. A card says what trained its weights.
NETS: dict[str, dict] = {
    # 62,006 parameters: nothing to hold back, so no smoothing and hardly any decay
    "lenet5": {"epochs": 50, "batch_size": 128, "lr": 0.2, "weight_decay": 1e-4, "pad": 2,
               "label_smoothing": 0.0},
    # without batch norm Adam starts faster; it overfits, so much decay and cutout
    "alexnet": {"epochs": 80, "batch_size": 128, "optimizer": "adamw", "lr": 0.004,
                "weight_decay": 0.1, "clip": 1.0, "cutout": 8},
    "nin": {"epochs": 60, "batch_size": 64, "optimizer": "adamw", "lr": 0.008,
            "weight_decay": 0.05, "clip": 1.0, "label_smoothing": 0.05},
    "googlenet_paper": {"epochs": 60, "batch_size": 64, "optimizer": "adamw", "lr": 0.008,
                        "weight_decay": 0.05, "clip": 1.0, "label_smoothing": 0.05},
    "vgg16_bn": {"epochs": 60, "lr": 0.2, "cutout": 8},
    "googlenet": {"epochs": 60, "cutout": 8},
    "resnet18": {"epochs": 60, "cutout": 8},
    "densenet_bc_100_12": {"epochs": 60, "batch_size": 256},
}  # fmt: skip
# Photos: a random piece of each instead of a shift, and small batches, for the sets are small.
_PHOTOS = {"epochs": 80, "batch_size": 128, "crop": "resized", "cutout": 0}
DATA: dict[str, dict] = {
    "imagenette": {**_PHOTOS, "small_side": 128},
    "stl10": {**_PHOTOS, "epochs": 120},
}


def small_sides(small: int, full: int) -> range:
    """The sizes of a training before that of the images, in pixels: from ``small`` on in steps of
    a quarter of ``full``. Each gets the same share of the epochs. Empty where ``small`` is 0."""
    return range(small, full, math.ceil(full / 4)) if small else range(0)


def recipe_for(net: str, data: str, **changes) -> Recipe:
    """The recipe of a net on a set: the defaults, what the net needs, what the set needs, then
    ``changes``. The rate goes with the batch size (Goyal et al. 2017) unless it is given.

    Raises ValueError for a wrong value, and for another optimiser without a rate of its own."""
    found = Recipe(**NETS.get(net, {}) | DATA.get(data, {}) | changes)
    if "lr" in changes:
        return found
    usual = NETS.get(net, {}).get("optimizer", Recipe.optimizer)
    if found.optimizer != usual:
        raise ValueError(f"the rate of {net} is for {usual}: give one for {found.optimizer} (lr)")
    return replace(found, lr=found.lr * found.batch_size / Recipe.batch_size)


@dataclass(frozen=True)
class Plan:
    """How a net is taught new classes."""

    head_epochs: int = 30  # cheap, since the features are computed once
    top_epochs: int = 6  # the last stage on stored maps: nearly as cheap, and worth the most
    epochs: int = 2  # all layers
    optimizer: str = "sgd"  # with Nesterov momentum 0.9; "adam" where SGD diverges
    lr: float = 0.0  # highest rate of the stages after the head; 0: what suits the optimiser
    lower: float = 0.1  # the lowest layers' rate as a share of it: they need the least change
    augment: str = "shift"  # "mirror" too where left and right mean the same (not for digits)
    batch_size: int = 32  # less where the images are few or the net is large
    aux: bool = False  # fresh auxiliary heads, where the net has them
    frozen_norm: bool = False  # batch norm keeps the old data's statistics: for very few images
    label_smoothing: float = 0.05  # keeps a few wrong labels from ruling
    clip: float = 1.0  # largest norm of the gradient: nets without batch norm need one
    holdout: float = 0.2  # share of every class to check on
    seed: int = 0

    def __post_init__(self):
        def need(right: bool, what: str):
            if not right:
                raise ValueError(what)

        need(self.augment in AUGMENTATIONS, f"augment is one of {', '.join(AUGMENTATIONS)}")
        need(self.optimizer in OPTIMIZERS, f"optimizer is one of {', '.join(OPTIMIZERS)}")
        need(1 <= self.head_epochs <= 200, "head_epochs is 1 to 200")
        need(0 <= self.top_epochs <= 200, "top_epochs is 0 to 200")
        need(0 <= self.epochs <= 200, "epochs is 0 to 200")
        need(0 <= self.lr <= 10, "lr, the learning rate, is 0 (the usual) to 10")
        need(0 < self.lower <= 1, "lower is above 0, at most 1")
        need(2 <= self.batch_size <= 1024, "batch_size is 2 to 1024")
        need(self.clip >= 0, "clip is at least 0")
        need(0.05 <= self.holdout <= 0.5, "holdout is 0.05 to 0.5")
        need(0 <= self.seed < 2**31, "the seed is 0 to 2,147,483,647")


PRESETS = {
    "quick": {"head_epochs": 30, "top_epochs": 6, "epochs": 0},
    "balanced": {"head_epochs": 30, "top_epochs": 6, "epochs": 2},
    "thorough": {"head_epochs": 30, "top_epochs": 10, "epochs": 8},
}
