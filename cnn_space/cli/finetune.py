"""``python -m cnn_space finetune``."""

import contextlib
import json
import sys
from pathlib import Path

from cnn_space import formats
from cnn_space.cli.options import add_setting, given_settings, make_folder
from cnn_space.cli.output import print_json
from cnn_space.training.recipes import PRESETS, Plan

IMAGES = "a zip, a folder, owner/name, digits, or forged:AGE (real and forged digits; age 1 to 4)"
# Why nothing on the Hub has a name: most likely it is a path with a slip in it.
NOT_ON_HUB = ("hub_name", "hub_unknown", "hub_offline", "hub_fails", "hub_slow")
SHOWN_SUSPECTS = 20  # --json has them all


def add_finetune(commands) -> None:
    """Add ``finetune`` to an argparse object of subcommands."""
    parser = commands.add_parser(
        "finetune",
        help="teach a trained net your own classes",
        description="Teach a trained net your own classes. IMAGES is a zip or a folder with one "
        "folder of images a class, a set on the Hub (owner/name), digits, or forged:AGE (real ones "
        "beside a generator's). The result is NAME.safetensors and NAME.json in --out. Ctrl-C "
        "keeps the best net so far.",
    )
    parser.add_argument("images", metavar="IMAGES", help=IMAGES)
    parser.add_argument(
        "--base",
        default="googlenet.cifar10",
        help="weights to start from (default: googlenet.cifar10)",
    )
    parser.add_argument("--preset", choices=PRESETS, default="balanced", help="default: balanced")
    parser.add_argument(
        "--out", type=Path, default=Path("."), help="folder of the result (default: this one)"
    )
    parser.add_argument(
        "--seconds", type=float, help="end after so many seconds and keep the best net"
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write that JSON there, too")
    plan = parser.add_argument_group("plan", "what differs from the preset")
    for name, field in Plan.model_fields.items():
        add_setting(plan, name, field, help="default: the preset's")
    parser.set_defaults(run=_finetune, goes_on=True, trains=True)


def read(images: str):
    """The images of a zip, a folder, a set on the Hub (owner/name), ``digits`` or ``forged:AGE``,
    as the readers give them. Raises ValueError as those do."""
    from cnn_space.images import readers
    from cnn_space.images.visitor_set import DataError

    name, _, age = images.partition(":")
    if name == "forged":
        from cnn_space.inference.forging import real_or_forged

        if not age.isdecimal():
            raise ValueError(f"forged digits are of an age: forged:1 and so on, not {images}")
        return real_or_forged(int(age))
    if images == "digits":
        return readers.read_digits()
    if Path(images).is_dir():
        return readers.read_folder(images)
    if Path(images).is_file():
        return readers.read_zip(images)
    try:
        return readers.read_hub(images)
    except DataError as error:
        if error.reason in NOT_ON_HUB:
            raise ValueError(f"There is no file or folder {images}. {error}") from error
        raise


def _finetune(options) -> int:
    from cnn_space import weights
    from cnn_space.training import finetuning

    plan = Plan(**PRESETS[options.preset] | given_settings(options, Plan.model_fields))
    visitor_set = read(options.images)
    print_remarks(visitor_set)
    base = weights.load(options.base)
    _check_result(options, finetuning.result_name(base.record, visitor_set.images))
    run = finetuning.Run(
        base, visitor_set.images, plan, seconds=options.seconds, device=options.device
    )
    with contextlib.suppress(KeyboardInterrupt):
        _follow(run)
    if not run.has_best:
        print("nothing was learned before the run ended", file=sys.stderr)
        return 1
    result = run.result()
    file, _ = finetuning.save(result, options.out)
    if options.record:
        text = json.dumps(result.report.to_json(), ensure_ascii=False)
        options.record.write_text(text + "\n", encoding="utf-8")
    if options.json:
        print_json(result.report.to_json())
    else:
        _print_report(result.report, file)
    return 0


def print_remarks(visitor_set, notes=None) -> None:
    """What was left out of a set (or of what has become none: a DataError), and what else is worth
    knowing of it (``notes``; by default all of the set's own), on stderr."""
    from cnn_space.images.visitor_set import LEFT_OUT

    for left in visitor_set.left_out:
        reason = LEFT_OUT[left.reason]
        print(f"left out: {left.count} × {reason} ({left.example})", file=sys.stderr)
    for note in visitor_set.notes if notes is None else notes:
        print(note, file=sys.stderr)


def _check_result(options, name: str) -> None:
    """Raise ValueError, before the training, where its result ``name`` could not be written."""
    make_folder(options.out)
    if (options.out / f"{name}.json").exists():
        raise ValueError(f"this would replace {name} in {options.out}: choose another --out")
    if options.record and not options.record.parent.is_dir():
        raise ValueError(f"there is no folder {options.record.parent} (--record)")


def _print_report(report, file: Path) -> None:
    label, baseline = report.majority
    print(f"{report.ended} after {report.seconds:.1f} s on {report.environment['device']}")
    held = len(report.targets)
    after, before, always = (
        formats.accuracy(figure, held, 2) for figure in (report.after, report.before, baseline)
    )
    few = formats.is_few(held)
    if report.folds:
        judged = f"{after}{'' if few else f' of {held}'} images right, each judged by a net that "
        judged += "did not learn from it"
    else:
        judged = f"{after} held-out images right" if few else f"{after} of {held} held-out images"
    judged += "; too few for a percentage" if few else ""
    print(f"{judged} (before {before}, always {label!r} {always})")
    if report.class_weights is not None:
        print(f"classes were weighted: {max(report.train_counts)} to {min(report.train_counts)}")
    for name, recall, row in zip(
        report.classes, report.recall.values(), report.confusion, strict=True
    ):
        print(f"  recall {formats.accuracy(recall or 0, sum(row)):>8}  {name}")
    _print_suspects(report)
    print(f"{file}: cnn_space.load({str(file)!r})")


def _print_suspects(report) -> None:
    if not report.suspects:
        return
    print(f"likely wrong labels: {len(report.suspects)} of {len(report.targets)}, the worst first")
    for suspect in report.suspects[:SHOWN_SUSPECTS]:
        name = suspect.name or f"image {suspect.number}"
        given, likely = report.classes[suspect.given], report.classes[suspect.likely]
        sure = formats.probability(suspect.likely_probability)
        print(f"  {name}: {given}, rather {likely} ({sure})")


def _follow(run) -> None:
    """Run to the end: a bar on a terminal, a line a check elsewhere."""
    from tqdm import tqdm

    shown = 0
    with tqdm(disable=not sys.stderr.isatty()) as bar:
        for update in run:
            bar.total = update.epochs * update.steps or update.steps or None
            bar.n = max(update.epoch - 1, 0) * update.steps + update.step
            bar.set_description(update.phase)
            bar.set_postfix(loss=f"{update.loss:.3f}", accuracy=f"{update.accuracy:.1f} %")
            checks = [point for point in run.history if point.part == "validation"]
            if bar.disable:
                for point in checks[shown:]:
                    _print_check(point, run.checked)
            shown = len(checks)


def _print_check(point, held: int) -> None:
    figures = f"loss {point.loss:.3f}  {formats.accuracy(point.accuracy, held, 2)}"
    print(f"{point.stage:>4} {point.seconds:6.1f} s  {figures}", flush=True)
