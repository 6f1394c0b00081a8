"""Classes of very different sizes: what weighs how much in the loss."""

from collections.abc import Sequence

from torch import Tensor, tensor

from cnn_space.training.recipes import Plan

RATIO = 5  # of the largest class to the smallest: above it, classes are weighted unless told not to


def class_weights(plan: Plan, counts: Sequence[int]) -> Tensor | None:
    """The weight of each class in the loss, float32 [K], or None where all weigh the same.

    A class of ``counts[k]`` of all N images weighs N / (K × counts[k]): then each of the K classes
    counts alike, and the mean over all images is 1 (scikit-learn calls it "balanced")."""
    if plan.class_weights == "off":
        return None
    if plan.class_weights == "auto" and max(counts) <= RATIO * min(counts):
        return None
    images = sum(counts)
    return tensor([images / (len(counts) * count) for count in counts])
