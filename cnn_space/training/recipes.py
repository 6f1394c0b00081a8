"""The settings of every training, with their reasons, as plain data: ``Recipe`` is a training of
``python -m cnn_space train``, ``Plan`` a fine-tuning. No torch here: the page and the command line
name the settings before anything is trained."""

import math
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Augmentation = Literal["none", "shift", "mirror"]
AUGMENTATIONS = get_args(Augmentation)
Switch = Literal["auto", "on", "off"]
SWITCHES = get_args(Switch)
# ``Recipe.distillation`` with teachers, unless another share is given: most of the target, while
# the labels correct the teachers where they are wrong.
TEACHERS_SHARE = 0.7

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Epochs = Annotated[int, Field(ge=0, le=200)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Hyperparameters(BaseModel):
    """Checked settings that do not change. A wrong value is a ValueError of one sentence that
    names the setting."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values):
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(map(str, first["loc"]))
            rule = first["msg"].replace("Input should be", "it should be", 1)
            raise ValueError(f"{name} is {first['input']!r}: {rule}") from None

    def changed(self, **changes):
        """A copy with ``changes``, checked as well."""
        return type(self)(**self.model_dump() | changes)


class Recipe(Hyperparameters):
    """The hyper-parameters of one training, each with its reason."""

    epochs: Positive = 40
    batch_size: Positive = 512  # fills a GPU; the rates below are for this size
    optimizer: Literal["sgd", "adamw"] = "sgd"  # with Nesterov momentum: best with batch norm
    lr: Annotated[float, Field(gt=0, lt=100)] = 0.4  # at the peak of the cycle
    momentum: BelowOne = 0.9  # the usual one
    weight_decay: NotNegative = 5e-4  # on kernels and matrices, not on norms and biases
    warmup: BelowOne = 0.2  # share of the steps in which the rate rises; it falls to 0 in the rest
    label_smoothing: BelowOne = 0.1  # against overconfidence; Inception v3's paper, section 7
    # largest norm of the gradient, 0 for none; nets without batch norm need one
    clip: NotNegative = 0.0
    # "pad" shifts by up to `pad` pixels; "resized" takes random pieces, for real photos
    crop: Literal["pad", "resized", "none"] = "pad"
    pad: Natural = 4  # pixels, as in the ResNet paper, section 4.2
    # smallest piece of a resized crop, as a share of the image
    min_area: Annotated[float, Field(gt=0, le=1)] = 0.35
    # "alternate": each image is mirrored every second epoch, not by chance
    flip: Literal["alternate", "random", "none"] = "alternate"
    # side of a blanked square (DeVries and Taylor, 2017), in pixels of the augmented image: at a
    # progressive size of 24, 16 blank nearly half of it
    cutout: Natural = 0
    small_side: Natural = 0  # progressive sizes begin here, see ``small_sides``; 0: full size
    small_share: Share = 0.6  # share of the epochs before the full size
    average: BelowOne = 0.0  # decay a step of the averaged weights that are kept; 0 keeps the last
    distillation: Share = 0.0  # share of the teachers' answers in the target, 0 without teachers
    sync_norm: bool = False  # batch statistics over all processes (GPUs only)
    seed: Seed = 0


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
    """The image sizes, in pixels, that a training uses before the full one: from ``small`` on in
    steps of a quarter of ``full``, each for the same number of epochs. Empty where ``small`` is
    0."""
    return range(small, full, math.ceil(full / 4)) if small else range(0)


def recipe_for(net: str, data: str, **changes) -> Recipe:
    """The recipe of a net on a set: the defaults, what the net needs, what the set needs, then
    ``changes``. The rate is scaled with the batch size (Goyal et al. 2017) unless it is given.

    Raises ValueError for a wrong value, and for another optimiser without a rate of its own."""
    recipe, usual = Recipe(**NETS.get(net, {}) | DATA.get(data, {}) | changes), Recipe()
    if "lr" in changes:
        return recipe
    optimizer = NETS.get(net, {}).get("optimizer", usual.optimizer)
    if recipe.optimizer != optimizer:
        raise ValueError(
            f"the rate of {net} is for {optimizer}: give one for {recipe.optimizer} (lr)"
        )
    return recipe.changed(lr=recipe.lr * recipe.batch_size / usual.batch_size)


class Plan(Hyperparameters):
    """How a net is taught new classes."""

    # epochs of the last layer alone: cheap, since the features are computed once
    head_epochs: Annotated[int, Field(ge=1, le=200)] = 30
    top_epochs: Epochs = 6  # the last stage on stored maps: nearly as cheap, and worth the most
    epochs: Epochs = 2  # all layers
    # "sgd" with Nesterov momentum 0.9; "adam" where SGD diverges
    optimizer: Literal["sgd", "adam"] = "sgd"
    # highest rate of the stages after the head; 0: the usual one of the optimiser
    lr: Annotated[float, Field(ge=0, le=10)] = 0.0
    # the lowest layers' rate as a share of it: they need the least change
    lower: Annotated[float, Field(gt=0, le=1)] = 0.1
    # "mirror" too where left and right mean the same (not for digits)
    augment: Augmentation = "shift"
    # fewer where the images are few or the net is large
    batch_size: Annotated[int, Field(ge=2, le=1024)] = 32
    aux: bool = False  # fresh auxiliary heads, where the net has them
    # batch norm keeps the old data's statistics: the stages before learned with these, and with
    # those of a batch the net would fall back (from 100 to 43 % of its training images, on digits)
    frozen_norm: bool = True
    label_smoothing: BelowOne = 0.05  # so that a few wrong labels do not dominate
    clip: NotNegative = 1.0  # largest norm of the gradient: nets without batch norm need one
    # whether rare classes weigh more in the loss; "auto": where one has 5 times another's images
    class_weights: Switch = "auto"
    # few images are all learnt from and judged by cross-validation; "auto": where a class has
    # fewer than 20, and all together no more than 400
    cross_validate: Switch = "auto"
    # share of every class that is held out to check on
    holdout: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2
    seed: Seed = 0


PRESETS = {
    "quick": {"head_epochs": 30, "top_epochs": 6, "epochs": 0},
    "balanced": {"head_epochs": 30, "top_epochs": 6, "epochs": 2},
    "thorough": {"head_epochs": 30, "top_epochs": 10, "epochs": 8},
}
