"""The recipe of each stage of a fine-tuning run."""

from torch import Tensor

from cnn_space.training.finetuning.inputs import crop_options
from cnn_space.training.recipes import Plan, Recipe

# The usual highest learning rate after the head stage, for a batch of LR_BATCH.
LR, LR_BATCH = {"sgd": 0.05, "adam": 1e-3}, 32


def fit_sizes(plan: Plan, images: int, macs: int) -> tuple[Plan, int]:
    """``plan`` with its batch and learning rate fixed for a set of ``images`` and a net of ``macs``
    an image; and how many images may pass through the net at once. Both are small enough that no
    step of a large net keeps the page waiting for long."""
    batch = max(4, min(plan.batch_size, images // 4, int(50e9 / macs)))
    lr = plan.lr or LR[plan.optimizer] * min(1.0, batch / LR_BATCH)
    return plan.changed(batch_size=batch, lr=lr), max(4, min(256, int(40e9 / macs)))


def head_recipe(plan: Plan, features: Tensor) -> Recipe:
    """The last layer alone, on ``features`` [N, C] or [N, C, h, w]."""
    if features.ndim > 2:
        features = features.flatten(2).mean(2)
    # Adam's first step moves each weight by the rate. With this one it moves a logit by about a
    # half, whatever the size of the features.
    size = features.abs().sum(1).mean().item()
    return Recipe(
        epochs=plan.head_epochs,
        batch_size=256,
        optimizer="adamw",
        lr=0.5 / max(1e-6, size),
        weight_decay=0.01,
        label_smoothing=plan.label_smoothing,
        flip="none",
        seed=plan.seed,
    )


def stage_recipe(plan: Plan, epochs: int, size: int) -> Recipe:
    """A stage after the head, on images of ``size`` pixels or what lower layers made of them."""
    return Recipe(
        epochs=epochs,
        batch_size=plan.batch_size,
        optimizer="adamw" if plan.optimizer == "adam" else "sgd",
        lr=plan.lr,
        label_smoothing=plan.label_smoothing,
        clip=plan.clip,
        **crop_options(plan.augment, size),
        flip="alternate" if plan.augment == "mirror" else "none",
        seed=plan.seed,
    )
