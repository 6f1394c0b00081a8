"""``python -m cnn_space classify``: photos from the shell."""

import csv
import glob
import sys
from collections.abc import Iterator
from pathlib import Path

from cnn_space.cli.output import COLUMN, print_json
from cnn_space.formats import shortened


def add_classify(commands) -> None:
    """``classify`` on the command line, in argparse's object of subcommands."""
    parser = commands.add_parser(
        "classify",
        help="name what is in photos",
        description="Name what is in photos: a table, CSV or JSON. Without --net, the bundled "
        "googlenet.cifar10 or, where that is missing, the first net that is here. Exit code 0: "
        "all were read; 1: some were not, and why is on standard error.",
    )
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="image files, patterns such as 'photos/*.jpg', or folders with all their pictures",
    )
    parser.add_argument(
        "--net", metavar="NAME", help="weights name, .safetensors file or .zip of one"
    )
    parser.add_argument("--top-k", type=int, default=3, metavar="K", help="classes (default: 3)")
    parser.add_argument("--ten-views", action="store_true", help="average over crops and flips")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON list instead")
    form.add_argument(
        "--csv", action="store_true", help="print CSV instead: photo,net,rank,label,probability"
    )
    parser.set_defaults(run=_classify)


def _classify(options) -> int:
    from cnn_space import weights
    from cnn_space.images.photo_error import PhotoError
    from cnn_space.inference.classification import classify_all
    from cnn_space.inference.engine import get

    if options.top_k < 1:
        raise ValueError(f"--top-k is a whole number from 1 up, got {options.top_k}")
    net = options.net or weights.default()
    get(net)  # a net that cannot be loaded is one sentence, not one a photo
    photos, problems = _find_photos(options.photos)
    show = _rows_as(options, min(COLUMN, max(map(len, photos), default=0)))
    next(show)
    try:
        for photo, answer in classify_all(photos, net, ten_views=options.ten_views):
            if isinstance(answer, ValueError):
                # Any other sentence than a picture's says which file it is about.
                of = f"{photo}: " if isinstance(answer, PhotoError) else ""
                problems.append(f"{of}{answer}")
                continue
            classes = [vars(p) for p in answer[: options.top_k]]
            show.send({"photo": photo, "net": str(net), "classes": classes})
    finally:  # with Ctrl-C, too: what has been answered is not lost
        show.close()
        for problem in problems:
            print(problem, file=sys.stderr)
    return 1 if problems else 0


def _find_photos(given: list[str]) -> tuple[list[str], list[str]]:
    """The paths of photos that files, patterns and folders stand for, and a sentence for each that
    stands for none."""
    photos, problems = [], []
    for text in given:
        path = Path(text)
        if "://" in text:
            problems.append(f"{text}: addresses are not fetched; download the photo first")
        elif path.is_dir():
            inside = _pictures(path)
            photos += inside
            if not inside:
                problems.append(f"{text}: there is no picture in this folder")
        elif not path.exists() and glob.has_magic(text):
            from natsort import natsorted

            matches = natsorted(glob.glob(text, recursive=True))
            photos += matches
            if not matches:
                problems.append(f"{text}: no file has such a name")
        else:
            photos.append(text)
    return photos, problems


def _pictures(folder: Path) -> list[str]:
    """The files in a folder and its folders that begin as pictures do, in natural order; hidden
    ones are left out."""
    from natsort import natsorted

    from cnn_space.images.file_kinds import HEAD, why_not_read

    pictures = []
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                if why_not_read(file.read(HEAD)) != "not_image":  # others say what they are
                    pictures.append(str(path))
        except OSError:
            pictures.append(str(path))  # reading it again says why it cannot be read
    return natsorted(pictures)


def _rows_as(options, width: int) -> Iterator[None]:
    """Print the rows that are sent, as CSV or a table at once, as JSON when closed. ``width`` is
    the table's first column."""
    if options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["photo", "net", "rank", "label", "probability"])
    rows = []
    try:
        while True:
            row = yield
            if options.json:
                rows.append(row)
            elif options.csv:
                for rank, c in enumerate(row["classes"], 1):
                    line = [row["photo"], row["net"], rank, c["label"], c["probability"]]
                    writer.writerow(line)
            else:
                classes = (f"{c['label']} {c['probability']:6.1%}" for c in row["classes"])
                print(f"{shortened(row['photo'], width):{width}}   {'   '.join(classes)}")
    finally:
        if options.json:
            print_json(rows, indent=2)
