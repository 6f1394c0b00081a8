"""Fine-tuning in figures: digits in seconds, what cached features save, ten photos a class.

    python benchmarks/finetune.py [--threads 2] [--data-dir FOLDER] [--base NAME ...] [--quick]

``--data-dir`` holds Imagenette's Parquet files (or a folder ``imagenette`` with them) and adds the
last part: nets taught five of its classes from ten photos each, measured on the validation split
beside a logistic regression on the frozen features. ``--only`` names the parts to run.
``--quick`` only shows that it runs: few digits, one epoch a stage, one seed.
"""

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cnn_space.settings import wait_passively
from cnn_space.training.recipes import PRESETS, Plan, Recipe

PARTS = ("digits", "features", "photos")
PHOTOS, CLASSES, SEEDS = 10, 5, 3
ENOUGH = 98  # percent of the digits
HEAD_EPOCHS = 10
QUICK_DIGITS = 60
QUICK = {"head_epochs": 1, "top_epochs": 1, "epochs": 1}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--base", nargs="+", default=["googlenet.cifar10", "googlenet.imagenette"])
    parser.add_argument("--data-dir", help="folder of Imagenette's Parquet files")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--quick", action="store_true", help="only see that it runs")
    options = parser.parse_args(argv)
    wait_passively()
    for name in ("OMP_NUM_THREADS", "CNN_SPACE_THREADS"):
        os.environ[name] = str(options.threads)

    import torch

    from cnn_space import weights
    from cnn_space.images.readers import read_digits

    torch.set_num_threads(options.threads)
    names = [name for name in options.base if name in weights.list_weights()]
    images = read_digits().images
    if options.quick:
        images = images.subset(torch.arange(QUICK_DIGITS))
    print(f"{options.threads} threads, torch {torch.__version__}")
    if "digits" in options.only:
        digits(names[0], images, Plan(**QUICK if options.quick else PRESETS["balanced"]))
    if "features" in options.only:
        features(names[0], images, 1 if options.quick else HEAD_EPOCHS)
    if options.data_dir and "photos" in options.only:
        plan = QUICK if options.quick else PRESETS["thorough"]
        for name in names:
            few_photos(name, options.data_dir, plan, 1 if options.quick else SEEDS)


def learn(base: str, images, plan: Plan):
    """A run to its end: its result."""
    from cnn_space import weights
    from cnn_space.training import finetuning

    run = finetuning.Run(weights.load(base), images, plan)
    for _ in run:
        pass
    return run.result()


def digits(base: str, images, plan: Plan) -> None:
    """The page's default run, on scikit-learn's digits; and when it was good enough."""
    report = learn(base, images, plan).report
    checks = [point for point in report.history if point.part == "validation"]
    first = next((p for p in checks if p.accuracy >= ENOUGH), None)
    when = f"{first.accuracy:.1f} % after {first.seconds:.1f} s" if first else f"never {ENOUGH} %"
    print(
        f"digits on {base}: {when}, {report.after:.1f} % of {len(report.targets)} held-out images "
        f"in {report.seconds:.1f} s (head alone {report.head:.1f} %, before {report.before:.1f} %)"
    )


def features(base: str, images, epochs: int) -> None:
    """The head stage, with features computed once and with a pass through the net every epoch."""
    start = time.perf_counter()
    learn(base, images, Plan(head_epochs=epochs, top_epochs=0, epochs=0))
    cached = time.perf_counter() - start
    start = time.perf_counter()
    learn_through_body(base, images, epochs)
    frozen = time.perf_counter() - start
    print(
        f"head stage of {epochs} epochs on {base}: {cached:.1f} s with features computed "
        f"once, {frozen:.1f} s through the frozen net: {frozen / cached:.1f} times faster"
    )


def learn_through_body(base: str, images, epochs: int) -> None:
    """Teach the head as usual, with every image passing through the frozen net in every epoch."""
    from torch import nn, no_grad

    from cnn_space import weights
    from cnn_space.inference import engine
    from cnn_space.models.heads import replace_head
    from cnn_space.training import finetuning
    from cnn_space.training.loop import TrainingRun

    class Frozen(nn.Module):
        """The head behind a frozen, folded body."""

        def __init__(self, net):
            super().__init__()
            self.head = net.get_submodule(net.head_layer)
            object.__setattr__(self, "body", engine.fold(net.eval()))

        def forward(self, inputs):
            with no_grad():
                features = self.body.forward_features(inputs)
            return self.head(features)

    loaded = weights.load(base)
    preprocessing = loaded.record.preprocessing
    train, held = (
        finetuning.scaled(part, preprocessing)
        for part in finetuning.split(images, Plan().holdout, seed=Plan().seed)
    )
    net = Frozen(replace_head(loaded.net, len(images.classes)))
    recipe = Recipe(
        epochs=epochs, batch_size=256, optimizer="adamw", lr=1e-3, crop="none", flip="none"
    )
    scale = {"mean": preprocessing.mean, "std": preprocessing.std}
    for _ in TrainingRun(net, train, recipe, val_set=held, **scale):
        pass


def few_photos(base: str, folder: str, stages: dict, seeds: int) -> None:
    """Ten photos of each of five classes, ours and the baseline; measured on all validation photos
    of these classes."""
    import torch

    from cnn_space import weights
    from cnn_space.images.training_set import read_split
    from cnn_space.training import finetuning
    from cnn_space.training.evaluation import evaluate

    shape = weights.identify(base).preprocessing
    scale = {"mean": shape.mean, "std": shape.std}
    train = read_split("imagenette", "train", folder=folder)
    held = read_split("imagenette", "eval", folder=folder)
    held = replace(held.subset(held.labels < CLASSES), classes=held.classes[:CLASSES])
    held = finetuning.scaled(held, shape)
    ours, baselines, seconds = [], [], []
    for seed in range(seeds):
        generator = torch.Generator().manual_seed(seed)
        chosen = torch.cat(
            [
                members[torch.randperm(len(members), generator=generator)[:PHOTOS]]
                for members in ((train.labels == k).nonzero().flatten() for k in range(CLASSES))
            ]
        )
        photos = replace(train.subset(chosen), classes=train.classes[:CLASSES])
        baselines.append(regression(base, finetuning.scaled(photos, shape), held))
        result = learn(base, photos, Plan(**stages, augment="mirror", seed=seed))
        ours.append(evaluate(result.loaded.net, held, **scale).accuracy)
        seconds.append(result.report.seconds)
    print(
        f"{PHOTOS} photos of each of {len(held.classes)} Imagenette classes on {base}: "
        f"{several(ours)} of {len(held)} validation photos, {sum(seconds) / seeds:.1f} s a run; "
        f"logistic regression on the frozen features {several(baselines)}"
    )


def several(figures: list[float]) -> str:
    """A mean in percent, and how far the figures lie apart."""
    mean, seeds = sum(figures) / len(figures), len(figures)
    return f"{mean:.1f} % (mean of {seeds} seeds, {min(figures):.1f} to {max(figures):.1f})"


def regression(base: str, photos, held) -> float:
    """The baseline: scikit-learn's logistic regression, as it comes, on what the frozen net makes
    of the photos and their mirror images. Percent of ``held`` that it gets right."""
    import torch
    from sklearn.linear_model import LogisticRegression

    from cnn_space import weights
    from cnn_space.training.evaluation import predict

    loaded = weights.load(base)
    shape = loaded.record.preprocessing
    loaded.net.set_submodule(loaded.net.head_layer, torch.nn.Identity())

    def features(images):
        return predict(loaded.net, images, mean=shape.mean, std=shape.std).flatten(1).numpy()

    both = torch.cat([photos.images, photos.images.flip(3)])
    labels = photos.labels.repeat(2)
    model = LogisticRegression(max_iter=2000)
    model.fit(features(replace(photos, images=both, labels=labels)), labels.numpy())
    return 100 * model.score(features(held), held.labels.numpy())


if __name__ == "__main__":
    main()
