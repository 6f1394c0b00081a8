"""Cross-validation of few images: in which part each of them is judged."""

import numpy as np
import torch
from torch import Tensor

from cnn_space.images.image_set import ImageSet
from cnn_space.training.recipes import Plan

FOLDS = 5  # at most: four fifths of the images are nearly all of them
FEW = 20  # images of the smallest class below which a fifth of it says too little
MOST = 400  # images in all: of more, the time goes into learning better than into judging


def draw_folds(images: ImageSet, plan: Plan) -> Tensor | None:
    """The fold of each image, int64 [N], or None where images are held out instead: where the
    plan says so, where the set brings its own split, where no class has fewer than FEW images or
    all together have more than MOST, and where the copies of one photo are a whole class.

    Every class is spread evenly over the folds, and images that look alike are in one.
    """
    if plan.cross_validate == "off" or images.held_out is not None:
        return None
    if plan.cross_validate == "auto" and (min(images.counts) >= FEW or len(images) > MOST):
        return None
    from sklearn.model_selection import StratifiedGroupKFold

    labels = images.labels.numpy()
    alike = np.arange(len(images)) if images.look_alikes is None else images.look_alikes.numpy()
    count = min(FOLDS, *(len(set(alike[labels == k])) for k in range(len(images.classes))))
    if count < 2:
        return None
    folds = np.empty(len(images), np.int64)
    spread = StratifiedGroupKFold(count, shuffle=True, random_state=plan.seed)
    for fold, (rest, judged) in enumerate(spread.split(labels, labels, alike)):
        if len(set(labels[rest])) < len(images.classes):  # copies of two classes in one group
            return None
        folds[judged] = fold
    return torch.from_numpy(folds)
