"""``python -m cnn_space inspect``: what fine-tuning would learn from."""

import sys
from dataclasses import asdict, replace

from cnn_space.cli.finetune import IMAGES, print_remarks, read
from cnn_space.cli.output import COLUMN, print_json
from cnn_space.formats import shortened
from cnn_space.training.recipes import Plan

CROSS_VALIDATED = (
    "Few images: all are learnt from. They are divided into {parts} parts, and each is judged by a "
    "net that learnt from the other parts."
)


def add_inspect(commands) -> None:
    """Add ``inspect`` to an argparse object of subcommands."""
    parser = commands.add_parser(
        "inspect",
        help="say what fine-tuning would learn from",
        description="Read photos as finetune does, and say which classes they have, how many "
        "images are learnt from and held out, what is left out and why. Exit code 2: they cannot "
        "be used.",
    )
    parser.add_argument("photos", metavar="PHOTOS", help=IMAGES)
    parser.add_argument("--json", action="store_true", help="print JSON instead")
    parser.set_defaults(run=_inspect)


def _inspect(options) -> int:
    from cnn_space.images.visitor_set import DataError

    try:
        visitor_set = read(options.photos)
    except ValueError as error:
        if not options.json:
            if isinstance(error, DataError):
                print_remarks(error, notes=())
            raise
        print_json({"problem": str(error), "left_out": _left_out(error)})
        return 2
    summary = _summary(visitor_set)
    if options.json:
        print_json(summary, indent=1)
        return 0
    width = min(COLUMN, max(map(len, summary["classes"])))
    for name, counts in summary["classes"].items():
        name = shortened(name, width)
        print(
            f"{name:{width}}  {counts['train']:6,} to learn from  {counts['held_out']:6,} held out"
        )
    sys.stdout.flush()
    print_remarks(visitor_set, summary["notes"])
    return 0


def _summary(visitor_set) -> dict:
    """What ``--json`` prints: the split, or the parts of a cross-validation, of the usual plan."""
    from cnn_space.training.finetuning.folds import draw_folds
    from cnn_space.training.finetuning.inputs import split

    images, plan, notes = visitor_set.images, Plan(), [str(note) for note in visitor_set.notes]
    numbers = replace(images, images=images.labels)  # to split them copies no pictures
    folds = draw_folds(numbers, plan)
    if folds is None:
        learn, held_out = split(numbers, plan.holdout, seed=plan.seed)
    else:
        learn, held_out = numbers, numbers.subset(folds < 0)
        notes.append(CROSS_VALIDATED.format(parts=int(folds.max()) + 1))
    counts = zip(images.classes, learn.counts, held_out.counts, strict=True)
    return {
        "classes": {name: {"train": train, "held_out": held} for name, train, held in counts},
        "split": visitor_set.split,
        "left_out": _left_out(visitor_set),
        "look_alikes": visitor_set.look_alikes,
        "notes": notes,
    }


def _left_out(source) -> list[dict]:
    """What a set, or the error in place of one, says was left out; a slip in a path nothing."""
    return [asdict(left) for left in getattr(source, "left_out", ())]
