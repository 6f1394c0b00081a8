"""``python -m cnn_space robustness``: what throws nets off."""

import csv
import sys

from cnn_space.cli.output import print_json


def add_robustness(commands) -> None:
    """Add ``robustness`` to an argparse object of subcommands."""
    parser = commands.add_parser(
        "robustness",
        help="change a photo step by step and see where nets change their answer",
        description="Change a photo in steps, ask nets at each, and print the probability of their "
        "answer to the unchanged photo. docs/robustness.md says how each change is made. Exit "
        "code 1: a net could not answer, and why is on standard error.",
    )
    parser.add_argument("photo", metavar="PHOTO", help="an image file")
    parser.add_argument(
        "--nets",
        nargs="+",
        metavar="NET",
        help="up to eight names of weights, .safetensors files or .zips of one (default: four nets "
        "that are here)",
    )
    parser.add_argument(
        "--change",
        default="shift",
        metavar="WORD",
        help="shift, rotate, shrink, enlarge, blur, noise, jpeg, darken or cover (default: shift)",
    )
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="1 to 40 (default: 20)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead")
    form.add_argument(
        "--csv",
        action="store_true",
        help="print CSV instead: net,level,answer,answer_probability,first_probability",
    )
    parser.set_defaults(run=_robustness)


def _robustness(options) -> int:
    from cnn_space import weights
    from cnn_space.inference import robustness
    from cnn_space.inference.comparison import default_nets

    here = (name for name in weights.list_weights() if weights.is_local(name))
    nets = options.nets or default_nets(list(here))
    *_, found = robustness.sweep(options.photo, nets, options.change, steps=options.steps)
    if options.json:
        print_json({"photo": options.photo} | robustness.to_json(found), indent=2)
    elif options.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(robustness.sheet(found))
    else:
        _print_table(found)
    problems = [curve.entry for curve in found.curves if curve.entry.problem]
    for entry in problems:
        print(f"{entry.name}: {entry.problem}", file=sys.stderr)
    return 1 if problems else 0


def _print_table(found) -> None:
    """A line a level, a column a net: the probability of its answer to the unchanged photo, and the
    answer itself there and wherever it is another."""
    curves = [curve for curve in found.curves if curve.answers]
    print(f"{found.name}, in {found.change.unit}: the probability of the first answer\n")
    columns = [["", *(f"{level:g}" for level in found.levels)], *map(_column, curves)]
    widths = [max(map(len, column)) for column in columns]
    for level, *cells in zip(*columns, strict=True):
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        print("   ".join([f"{level:>{widths[0]}}", *padded]).rstrip())
    print()
    for curve in curves:
        first, flip = curve.answers[0].label, curve.flip
        if flip is None:
            print(f"{curve.entry.name}: {first} throughout")
        else:
            level, other = found.levels[flip], curve.answers[flip].label
            print(f"{curve.entry.name}: {first}; changes at {level:g}: {other}")


def _column(curve) -> list[str]:
    """A net's cells, its name first."""
    first, cells = curve.answers[0].label, [curve.entry.name]
    for step, (answer, share) in enumerate(zip(curve.answers, curve.probabilities, strict=True)):
        says = answer.label if step == 0 or answer.label != first else ""
        cells.append(f"{share:6.1%} {says}".rstrip())
    return cells
