"""``python -m cnn_space classify``: photos from the shell."""

import json
import sys


def add_classify(commands) -> None:
    """``classify`` on the command line, in argparse's object of subcommands."""
    parser = commands.add_parser(
        "classify",
        help="name what is in photos",
        description="Name what is in photos: a table, or JSON. Without --net, the bundled "
        "googlenet.cifar10 or, where that is missing, the first net that is here.",
    )
    parser.add_argument("photos", nargs="+", metavar="PHOTO", help="image files")
    parser.add_argument(
        "--net", metavar="NAME", help="weights name, .safetensors file or .zip of one"
    )
    parser.add_argument("--top-k", type=int, default=3, metavar="K", help="classes (default: 3)")
    parser.add_argument("--ten-views", action="store_true", help="average over crops and flips")
    parser.add_argument("--json", action="store_true", help="print a JSON list instead")
    parser.set_defaults(run=_classify)


def _classify(options) -> int:
    from cnn_space import weights
    from cnn_space.inference.classification import answer
    from cnn_space.inference.engine import get

    if options.top_k < 1:
        raise ValueError(f"--top-k is a whole number from 1 up, got {options.top_k}")
    net = options.net or weights.default()
    get(net)  # a net that cannot be loaded is one sentence, not one a photo
    rows, failures = [], 0
    for photo in options.photos:
        try:
            best = answer(photo, net, ten_views=options.ten_views).best[: options.top_k]
        except ValueError as error:
            failures += 1
            print(f"{photo}: {error}", file=sys.stderr)
            continue
        rows.append({"photo": photo, "net": str(net), "classes": [vars(p) for p in best]})
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _print_table(rows)
    return 1 if failures else 0


def _print_table(rows: list[dict]) -> None:
    width = max([len(row["photo"]) for row in rows], default=0)
    for row in rows:
        classes = "   ".join(f"{c['label']} {c['probability']:6.1%}" for c in row["classes"])
        print(f"{row['photo']:{width}}   {classes}")
