"""Fine-tuning in figures: digits in seconds, what cached features save, ten photos a class.

    python benchmarks/finetune.py [--threads 2] [--data-dir FOLDER] [--base NAME ...]

``--data-dir`` holds Imagenette's Parquet files (or a folder ``imagenette`` with them) and adds the
last part: nets taught five of its classes from ten photos each, measured on the validation split.
"""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space.training.recipes import PRESETS, Plan, Recipe

PHOTOS, CLASSES, SEEDS = 10, 5, 3
ENOUGH = 98  # percent of the digits
HEAD_EPOCHS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--base", nargs="+", default=["googlenet.cifar10", "googlenet.imagenette"])
    parser.add_argument("--data-dir", help="folder of Imagenette's Parquet files")
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "CNN_SPACE_THREADS"):
        os.environ[name] = str(options.threads)

    import torch

    from cnn_space import weights

    torch.set_num_threads(options.threads)
    known = [name for name in options.base if weights.is_known(name)]
    print(f"{options.threads} threads, torch {torch.__version__}")
    digits(known[0])
    features(known[0])
    if options.data_dir:
        for name in known:
            few_photos(name, options.data_dir)


def learn(base: str, images, plan):
    """A run to its end: its result."""
    from cnn_space import weights
    from cnn_space.training import finetuning

    run = finetuning.Run(weights.load(base), images, plan)
    for _ in run:
        pass
    return run.result()


def digits(base: str) -> None:
    """The page's default run: balanced, on scikit-learn's digits; and when it was good enough."""
    from cnn_space.images.readers import read_digits

    plan = Plan(**PRESETS["balanced"])
    report = learn(base, read_digits().images, plan).report
    checks = [point for point in report.history if point.part == "validation"]
    first = next((p for p in checks if p.accuracy >= ENOUGH), None)
    when = f"{first.accuracy:.1f} % after {first.seconds:.1f} s" if first else f"never {ENOUGH} %"
    print(
        f"digits on {base}: {when}, {report.after:.1f} % of {len(report.targets)} held-out images "
        f"in {report.seconds:.1f} s (head alone {report.head:.1f} %, before {report.before:.1f} %)"
    )


def features(base: str) -> None:
    """The head stage, with features computed once and with a pass through the net every epoch."""
    from torch import nn, no_grad

    from cnn_space import weights
    from cnn_space.images.readers import read_digits
    from cnn_space.inference import engine
    from cnn_space.models.heads import replace_head
    from cnn_space.training import finetuning
    from cnn_space.training.loop import TrainingRun

    images = read_digits().images
    plan = Plan(head_epochs=HEAD_EPOCHS, top_epochs=0, epochs=0)
    start = time.perf_counter()
    learn(base, images, plan)
    cached = time.perf_counter() - start

    class Frozen(nn.Module):
        """The same head behind the same frozen, folded body."""

        def __init__(self, net):
            super().__init__()
            self.head = net.get_submodule(net.head_layer)
            object.__setattr__(self, "body", engine.fold(net.eval()))

        def forward(self, inputs):
            with no_grad():
                found = self.body.forward_features(inputs)
            return self.head(found)

    start = time.perf_counter()
    loaded = weights.load(base)
    shape = loaded.record.preprocessing
    train, held = finetuning.split(images, plan.holdout, seed=plan.seed)
    train, held = finetuning.scaled(train, shape), finetuning.scaled(held, shape)
    net = Frozen(replace_head(loaded.net, len(images.classes)))
    recipe = Recipe(
        epochs=HEAD_EPOCHS, batch_size=256, optimizer="adamw", lr=1e-3, crop="none", flip="none"
    )
    shape = {"mean": shape.mean, "std": shape.std}
    for _ in TrainingRun(net, train, recipe, val_set=held, **shape):
        pass
    frozen = time.perf_counter() - start
    print(
        f"head stage of {HEAD_EPOCHS} epochs on {base}: {cached:.1f} s with features computed "
        f"once, {frozen:.1f} s through the frozen net: {frozen / cached:.1f} times faster"
    )


def few_photos(base: str, folder: str) -> None:
    """Ten photos of each of five classes; measured on all validation photos of these classes."""
    import torch

    from cnn_space.images.training_set import read_split
    from cnn_space.training import finetuning
    from cnn_space.training.evaluation import evaluate

    train = read_split("imagenette", "train", folder=folder)
    held = read_split("imagenette", "eval", folder=folder)
    first = held.labels < CLASSES
    held = replace(held.subset(first), classes=held.classes[:CLASSES])
    found, seconds = [], []
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.cat(
            [
                members[torch.randperm(len(members), generator=generator)[:PHOTOS]]
                for members in ((train.labels == k).nonzero().flatten() for k in range(CLASSES))
            ]
        )
        photos = replace(train.subset(chosen), classes=train.classes[:CLASSES])
        plan = Plan(**PRESETS["thorough"], augment="mirror", seed=seed)
        result = learn(base, photos, plan)
        shape = result.loaded.record.preprocessing
        scaled = finetuning.scaled(held, shape)
        measured = evaluate(result.loaded.net, scaled, mean=shape.mean, std=shape.std)
        found.append(measured.accuracy)
        seconds.append(result.report.seconds)
    print(
        f"{PHOTOS} photos of each of {CLASSES} Imagenette classes on {base}: "
        f"{sum(found) / SEEDS:.1f} % of {len(held)} validation photos (mean of {SEEDS} seeds, "
        f"{min(found):.1f} to {max(found):.1f}), {sum(seconds) / SEEDS:.1f} s a run"
    )


if __name__ == "__main__":
    main()
