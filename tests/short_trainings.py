"""Cards of short trainings as ``train --experiment`` writes them, without training anything."""

from pathlib import Path

from throwaway import CIFAR10

from cnn_space.images.preprocessing import Preprocessing
from cnn_space.images.sources import CIFAR_MEAN, CIFAR_STD
from cnn_space.training.recipes import Recipe
from cnn_space.weights import card as cards
from cnn_space.weights.card import Card, Data

RECIPE = {"epochs": 3, "batch_size": 64, "lr": 0.06, "small_side": 16, "small_share": 0.66}


def write(folder: Path, variant: str, accuracies, *, options=None, aux_weight=0.0, **recipe):
    """A card a seed of ``variant`` in ``folder``, with final ``accuracies``; every epoch before
    the last is ten points below the one after it. Other ``options`` than those of the base cost a
    fifth more. ``recipe`` changes RECIPE."""
    arch = variant.partition("-")[0]
    usual = {"aux": False} if arch == "googlenet" else {}
    for seed, accuracy in enumerate(accuracies):
        settings = Recipe(**RECIPE | recipe | {"seed": seed})
        card = Card(
            name=f"short-{variant}-seed{seed}",
            title={"googlenet": "GoogLeNet", "resnet18": "ResNet-18"}[arch],
            arch=arch,
            options={"small_input": True} | usual | (options or {}),
            num_classes=10,
            labels=CIFAR10,
            preprocessing=Preprocessing(32, 32, mean=CIFAR_MEAN, std=CIFAR_STD),
            data=Data(
                tag="cifar10",
                source="uoft-cs/cifar10",
                name="CIFAR-10",
                note="JPEG-75 copy",
                train_images=20_000,
                holdout_images=5_000,
                eval_split="held out of train",
                eval_images=5_000,
            ),
            recipe={**settings.model_dump(), "aux_weight": aux_weight},
            seed=seed,
            parameters=6_000_000 if options else 5_000_000,
            macs=360_000_000 if options else 300_000_000,
            history=[
                {"epoch": epoch, "val_accuracy": accuracy - 10 * (settings.epochs - epoch)}
                for epoch in range(1, settings.epochs + 1)
            ],
            accuracy=accuracy,
        )
        cards.write(folder / f"{card.name}.json", card)


def write_all(folder: Path) -> None:
    """GoogLeNet complete, its heads clearly better, two 3×3 within the spread, the naive modules
    with a single run of fewer epochs; ResNet-18 without its plain twin."""
    write(folder, "googlenet", (70.0, 71.0, 72.0))
    write(folder, "googlenet-aux", (77.0, 78.0, 79.0), aux_weight=0.3)
    write(folder, "googlenet-3x3-twice", (70.5, 71.0, 73.0), options={"kernel5x5": "3+3"})
    write(folder, "googlenet-naive", (60.0,), options={"reduction": False}, epochs=1)
    write(folder, "resnet18", (80.0, 81.0, 82.0))
