"""``python -m cnn_space evaluate``."""

import json
from dataclasses import replace
from pathlib import Path

from cnn_space.cli.options import DATA_DIR
from cnn_space.formats import accuracy

READING_NOTES = ("unreached", "stretched", "profile_converted", "profile_ignored")
# From so many images on ONNX Runtime saves more time than the conversion takes.
WORTH_CONVERTING = 1000
PART = 256  # images in memory as float32 at the same time
TOLERANCE = 0.05  # points of accuracy by which a measured figure may differ from a card's


def add_evaluate(commands) -> None:
    """Add ``evaluate`` to an argparse object of subcommands."""
    parser = commands.add_parser(
        "evaluate",
        help="measure weights on a test split",
        description="Measure weights on the test split of their data and compare with their card.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="weights, or a .safetensors file with its card (default: all that are bundled)",
    )
    parser.add_argument("--data", help="set to measure on (default: the one trained on)")
    parser.add_argument("--data-dir", type=Path, help=DATA_DIR)
    parser.add_argument("--json", action="store_true", help="print everything measured as JSON")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the figures into the card of each NAME, which was trained with --no-test",
    )
    parser.set_defaults(run=_evaluate)


def _evaluate(options) -> int:
    from cnn_space import weights

    if options.write and (options.data or not options.names):
        raise ValueError("--write is for weights that are named, on their own data (no --data)")
    if not options.names and _takes_photos(options):
        raise ValueError("name the nets to measure on these photos: they have other classes")
    bundled = (n for n in weights.list_weights() if weights.record(n).source == "bundled")
    sets = {}  # by data and preprocessing: several nets are measured on the same images
    agree = [_evaluate_one(name, options, sets) for name in options.names or list(bundled)]
    return 0 if all(agree) else 1


def _evaluate_one(name: str, options, sets: dict) -> bool:
    """Measure the weights ``name``; False where the figure differs from their card's."""
    from cnn_space import weights
    from cnn_space.training import cards
    from cnn_space.training.evaluation import scored
    from cnn_space.weights.card import Data, write

    loaded = weights.load(name)
    record = loaded.record
    card = record.read_card() if record.card or not _takes_photos(options) else None
    data = card.data if card else Data(name=record.data)
    images = _images(name, record, data, options, sets).numbered_as(record.labels)
    if options.write:
        _check_writing(name, images, data)
    evaluation = scored(_answers(loaded, images), images)
    verdict = _verdict(evaluation.accuracy, record.accuracy, images, data)
    if options.json:
        facts = {"name": name, "card": record.accuracy, "images": len(images)}
        print(json.dumps(facts | vars(evaluation)))
    else:
        measured = accuracy(evaluation.accuracy, len(images), 2)
        stated = ""
        if record.accuracy is not None:
            stated = f"card {accuracy(record.accuracy, record.eval_images, 2):>8}   "
        print(f"{name:28} {measured:>8}   {stated}{verdict}", flush=True)
    if options.write:
        write(record.card, cards.with_evaluation(card, images, evaluation))
    return verdict != "DIFFERS"


def _answers(loaded, images):
    """Logits [N, K] of all images, from the engine that answers on the page."""
    import numpy as np
    import torch

    from cnn_space.images.augmentation import normalize
    from cnn_space.inference.engine import Engine

    engine, seen = Engine(loaded), loaded.record.preprocessing
    if len(images) >= WORTH_CONVERTING:
        engine.convert(wait=True)
    parts = images.images.split(PART)
    logits = [engine.logits(normalize(part, seen.mean, seen.std)) for part in parts]
    return torch.from_numpy(np.concatenate(logits))


def _takes_photos(options) -> bool:
    from cnn_space.images.photo_set import holds_photos

    return options.data_dir is not None and holds_photos(options.data_dir)


def _images(name: str, record, data, options, sets: dict):
    """The test images for weights whose card has the data ``data``."""
    from cnn_space.images import training_set

    if _takes_photos(options):
        return _photos(record, options, sets)
    # A tag may be the name of some set on the Hub by chance: it counts in a folder only.
    used = options.data or data.origin
    used = used or (data.tag if options.data_dir else None)
    if not used:
        raise ValueError(f"the card of {name} does not say what it was trained on: give --data")
    key = used, record.preprocessing
    if key not in sets:
        sets[key] = training_set.read_split(
            used, "eval", folder=options.data_dir, preprocessing=record.preprocessing
        )
    return sets[key]


def _photos(record, options, sets: dict):
    """The photos in --data-dir as the net of ``record`` sees them: those that the set's maker
    holds out, or else all."""
    from cnn_space.cli.finetune import print_remarks
    from cnn_space.images.photo_set import read_photos

    if record.preprocessing not in sets:
        visitor_set = read_photos(
            options.data_dir, preprocessing=record.preprocessing, to_measure=True
        )
        # Here nothing is learnt: what the notes say of the sides of a split would be wrong.
        print_remarks(visitor_set, [n for n in visitor_set.notes if n.kind in READING_NOTES])
        images = visitor_set.images
        sets[record.preprocessing] = replace(
            images, note=f"{images.side} px", split_name=images.split_name or "all images"
        )
    return sets[record.preprocessing]


def _check_writing(name: str, images, data) -> None:
    """Raise ValueError where the figures of ``images`` must not go into the card of ``name``."""
    if images.note != data.note or images.name != data.name:
        raise ValueError(f"{name} was trained on another copy: its card stays as it is")
    if images.split_name == data.eval_split:
        raise ValueError(f"{name} has its figures of the {images.split_name} split already")


def _verdict(accuracy: float, stated: float | None, images, data) -> str:
    """How a measured accuracy compares with the one that a card with the data ``data`` states."""
    if stated is None:
        return "its card states none"
    if data.name and images.name != data.name:
        return f"on {images.name}, not the card's {data.name}"
    if data.eval_split and images.split_name != data.eval_split:
        return f"on {images.split_name}, not the card's {data.eval_split}"
    if data.note and images.note != data.note:
        return f"on another copy: {images.note}, not the card's {data.note}"
    return "agrees" if abs(accuracy - stated) <= TOLERANCE else "DIFFERS"
