"""``python -m cnn_space train``, ``evaluate`` and ``table``."""

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

from cnn_space.cli.settings import add_setting
from cnn_space.training.recipes import Recipe, recipe_for, small_sides

UNFINISHED = 3  # exit code of a training whose --minutes were over before its epochs
TEACHERS_SHARE = 0.7  # most of what is learnt; the labels stay where the teachers are wrong


def add_train(commands) -> None:
    """Add ``train`` to an argparse object of subcommands; it runs as ``options.run(options)``."""
    parser = commands.add_parser(
        "train",
        help="train a net from scratch",
        description="Train a net from scratch. The result is NAME.safetensors and NAME.json in "
        "--out; every epoch leaves a checkpoint in RUNS/NAME to resume from, and a line in the "
        "log there. On several processes: torchrun --nproc-per-node N -m cnn_space train ...",
    )
    parser.add_argument("net", metavar="ARCH", help="such as googlenet, or googlenet_paper")
    _add_data(parser)
    parser.add_argument("--name", help="name of the weights (default: ARCH.DATA)")
    parser.add_argument("--out", type=Path, help="folder of the result (default: checkpoints)")
    parser.add_argument(
        "--experiment", metavar="NAME", help="keep only the JSON, in OUT/experiments"
    )
    parser.add_argument(
        "--init",
        metavar="WEIGHTS",
        help="go on from these (a name, or a .safetensors file with its card) instead of random "
        "ones, with a new cycle of the learning rate; the card tells of both trainings",
    )
    parser.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="WEIGHTS",
        help="learn the answers of these weights, too (their mean; may be repeated), computed "
        "before the training, outside of its --minutes, and kept in --runs",
    )
    parser.add_argument("--holdout", type=int, help="images of train kept for choices")
    parser.add_argument("--limit", type=int, help="train on so many images only (for trials)")
    parser.add_argument("--no-test", action="store_true", help="judge on the held-out images only")
    parser.add_argument("--device", help="cpu, cuda (default: cuda where there is one)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="stop after so long, to be resumed from the last whole epoch (exit code "
        f"{UNFINISHED}: not finished yet; 0 under torchrun, which takes any other for a failure)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "bfloat16", "float32"),
        default="auto",
        help="auto: bfloat16 where the device is good at it, and what it was with --resume",
    )
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of the net, such as aux=false; may be repeated",
    )
    recipe = parser.add_argument_group(
        "recipe",
        "what differs from the recipe of this net and set (NETS, DATA in recipes.py; what is not "
        "there is said below); a rate is taken as given, while theirs go with the batch size",
    )
    for name, field in Recipe.model_fields.items():
        usual = f"{TEACHERS_SHARE} with --teacher" if name == "distillation" else field.default
        add_setting(recipe, name, field, help=f"else {usual}")
    parser.set_defaults(run=_train)


def add_evaluate(commands) -> None:
    """Add ``evaluate``, as ``add_train`` does."""
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
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files (default: the Hub)")
    parser.add_argument("--json", action="store_true", help="everything measured, as JSON")
    parser.add_argument(
        "--write",
        action="store_true",
        help="put the figures into the cards of NAME, trained with --no-test: once it is chosen",
    )
    parser.set_defaults(run=_evaluate)


def add_table(commands) -> None:
    """Add ``table``, as ``add_train`` does."""
    parser = commands.add_parser("table", help="print the accuracy table of the README")
    parser.set_defaults(run=_table)


def _add_data(parser) -> None:
    parser.add_argument(
        "--data", default="cifar10", help="cifar10, stl10, imagenette, or a Hub name"
    )
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files (default: the Hub)")
    parser.add_argument(
        "--image-size", type=int, help="side in pixels (default: as the set is used)"
    )


def _value(text: str):
    """A value of --option: true, 3, 0.4 or a word."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _train(options) -> int:
    """One process, or each of those that torchrun starts, trains and the first writes."""
    import torch
    import torch.distributed as dist

    from cnn_space.training.devices import find_device

    local = os.environ.get("LOCAL_RANK")  # of torchrun's processes: each has its own GPU
    if local and options.device in (None, "cuda") and torch.cuda.is_available():
        if int(local) >= (gpus := torch.cuda.device_count()):
            raise ValueError(f"GPUs here: {gpus}. Start no more processes, or use --device cpu")
        torch.cuda.set_device(int(local))
    device = find_device(options.device)
    torch.backends.cudnn.benchmark = True  # the shapes of a training hardly change
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        done = _train_on(device, options, is_first=True)
        return 0 if done or dist.is_torchelastic_launched() else UNFINISHED
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    _train_on(device, options, is_first=dist.get_rank() == 0)
    dist.destroy_process_group()
    return 0


def _build(options, recipe: Recipe, side: int, classes: int):
    """``(design, net)`` for images of ``side`` pixels. Raises ValueError for wrong options, and
    where the net cannot take images of this size or of one that it is to begin with."""
    from cnn_space.costs import walk as layers
    from cnn_space.models import registry

    extra = {key: _value(value) for key, _, value in (o.partition("=") for o in options.option)}
    for told, teller in (("arch", "ARCH says"), ("num_classes", "the images say"),
                         ("in_channels", "the images say")):  # fmt: skip
        if told in extra:
            raise ValueError(f"{told} is no --option: {teller} it")
    extra = {key: value for key, value in extra.items() if value is not None}  # null: the usual
    design = registry.design(options.net, side)
    design = replace(design, options=design.options | extra)
    net = registry.create_model(design.arch, classes, **design.options)
    for size in (side, *(small_sides(recipe.small_side, side) if recipe.small_share else ())):
        layers.describe(net, size)
    return design, net


def _train_on(device, options, *, is_first: bool) -> bool:
    """Whether the training came to its end within --minutes."""
    import torch

    from cnn_space.images import sources
    from cnn_space.images.preprocessing import MAX_SIDE
    from cnn_space.images.training_set import read_split
    from cnn_space.models import registry
    from cnn_space.training import distillation
    from cnn_space.training.devices import good_at_bfloat16
    from cnn_space.training.loop import TrainingRun
    from cnn_space.weights.card import Teacher

    source, tag = sources.find_source(options.data), sources.tag(options.data)
    name = options.experiment or options.name or f"{options.net}.{tag}"
    _check_name(options, name)
    given = {name: getattr(options, name) for name in Recipe.model_fields}
    given = {key: value for key, value in given.items() if value is not None}
    if options.teacher:
        given.setdefault("distillation", TEACHERS_SHARE)
    # Another's set of the same name has nothing of this one's recipe.
    known = tag if source in sources.SOURCES.values() else ""
    recipe = recipe_for(options.net, known, **given)
    if bool(recipe.distillation) != bool(options.teacher):
        raise ValueError("a --teacher and a --distillation above 0, its share, go together")
    folder = options.runs / name
    checkpoint = folder / "last.pt"
    if checkpoint.exists() and not options.resume:
        raise ValueError(
            f"{folder} holds an unfinished training: --resume goes on, or delete it to start anew"
        )
    if options.image_size is not None and not 1 <= options.image_size <= MAX_SIDE:
        raise ValueError(f"--image-size is 1 to {MAX_SIDE}")
    # A net that cannot be built is told before the images are read, where their size is known.
    registry.design(options.net, 32)
    if side := options.image_size or source.side:
        with torch.device("meta"):
            _build(options, recipe, side, classes=10)

    everything = read_split(options.data, "train", folder=options.data_dir, side=options.image_size)
    holdout = source.holdout if options.holdout is None else options.holdout
    learn, held_out = everything.split(holdout, seed=0)
    if options.limit and options.limit < len(learn):
        learn = learn.split(options.limit, seed=0)[1]
    # An experiment never sees the test split: it is for the figure of shipped weights.
    if not (options.no_test or options.experiment):
        images = read_split(options.data, "eval", folder=options.data_dir, side=learn.side)
        images = images.numbered_as(learn.classes)
    elif len(held_out):
        images = replace(held_out, split_name="held out of train")
    else:
        raise ValueError("this is judged on held-out images: --holdout needs to leave some")

    torch.manual_seed(recipe.seed)
    design, net = _build(options, recipe, learn.side, len(learn.classes))
    before = _start_from(options.init, net, source, everything, held_out) if options.init else None
    bfloat16 = options.precision == "bfloat16"
    if options.precision == "auto":
        bfloat16 = good_at_bfloat16(device)
    teachers, answers = [], None
    if options.teacher:
        nets = [_load_honest(teacher, source, everything, held_out) for teacher in options.teacher]
        teachers = [Teacher(name=net.record.name, sha256=net.record.sha256) for net in nets]
        kept = distillation.place(options.runs, nets, learn)
        if is_first and not kept.exists():
            print(f"the teachers answer {len(learn):,} images and their mirror images", flush=True)
        answers = distillation.kept_answers(kept, nets, learn, device=device, bfloat16=bfloat16)
        del nets
    run = TrainingRun(
        net,
        learn,
        recipe,
        val_set=held_out,
        mean=source.mean,
        std=source.std,
        device=device,
        seconds=60 * options.minutes,
        bfloat16=None if options.precision == "auto" else bfloat16,
        compiled=options.compile,
        answers=answers,
        identity={
            "net": [design.arch, design.options],
            "holdout": holdout,
            "init": before and before.sha256,
            "teachers": [teacher.model_dump() for teacher in teachers],
        },
    )
    if options.resume and checkpoint.exists():
        run.restore(checkpoint)
    if is_first:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _follow(run, folder)
        except KeyboardInterrupt:
            if checkpoint.exists():
                print(f"{checkpoint} holds the last whole epoch: --resume goes on", file=sys.stderr)
            raise
    else:
        for _ in run:
            pass
    if run.epoch < recipe.epochs:
        if is_first:
            print(f"{name}: {run.epoch} of {recipe.epochs} epochs done; --resume goes on")
        return False
    if is_first:
        _finish(options, name, tag, design, run, source, images, before, teachers)
        checkpoint.unlink()
    return True


def _check_name(options, name: str) -> None:
    """Before hours of training: a name that weights can have, that loses no others, and a place."""
    from cnn_space.training import cards
    from cnn_space.weights import catalogue
    from cnn_space.weights.card import NAME

    if not options.experiment and not NAME.fullmatch(name):
        raise ValueError(f"weights are called NET.DATA, not {name!r} (--name)")
    out = options.out or catalogue.CHECKPOINTS
    folder = out / "experiments" if options.experiment else out
    if (folder / f"{name}.json").exists():
        raise ValueError(f"this would replace {name} in {folder}: give another name, or --out")
    cards.make_folder(out)
    cards.make_folder(options.runs)


def _start_from(init: str, net, source, everything, held_out):
    """Load the weights ``init`` into ``net``, but for its auxiliary heads; gives their card.

    Raises ValueError where they are another net's, and as ``_load_honest`` does.
    """
    from cnn_space.training import cards

    loaded = _load_honest(init, source, everything, held_out)
    state = loaded.net.state_dict()
    shapes = {key: value.shape for key, value in cards.without_aux(net).items()}
    if {key: value.shape for key, value in state.items()} != shapes:
        raise ValueError(f"{init} holds another net than the one to train")
    net.load_state_dict(state, strict=False)
    return loaded.record.read_card()


def _load_honest(name: str, source, everything, held_out):
    """The weights ``name``, trained on this set by this command: ``weights.Loaded``.

    Raises ValueError where they were not, or may know the images that are now held out.
    """
    import torch

    from cnn_space import weights
    from cnn_space.images import sources

    loaded = weights.load(name)
    card = loaded.record.read_card()
    same_set = sources.origin(card.data.model_dump()) == source.hub
    same_set = same_set and card.labels == list(held_out.classes)
    if not same_set or card.data.holdout_images is None or card.images_seen is None:
        raise ValueError(f"{name} was not trained on this set by this command")
    # `split` holds out the first so many images of each class, always in the same random order.
    _, held_then = everything.split(card.data.holdout_images, seed=0)
    then, now = (torch.bincount(s.labels, minlength=len(s.classes)) for s in (held_then, held_out))
    if (then < now).any():
        raise ValueError(
            f"{name} was trained with {len(held_then)} images held out, fewer than "
            f"{len(held_out)}: some would not be unseen (--holdout)"
        )
    return loaded


def _follow(run, folder: Path) -> None:
    """Run to the end: a bar on a terminal, a line an epoch elsewhere, all of it in a log."""
    from tqdm import tqdm

    on_terminal = sys.stderr.isatty()
    total, done = run.recipe.epochs * run.steps, run.epoch * run.steps
    with (
        (folder / "log.jsonl").open("w") as log,
        tqdm(total=total, initial=done, disable=not on_terminal, unit="step") as bar,
    ):
        log.writelines(json.dumps(row) + "\n" for row in run.history)  # of a resumed run
        for progress in run:
            bar.n = (progress.epoch - 1) * run.steps + progress.step
            bar.set_description(f"epoch {progress.epoch}/{progress.epochs}", refresh=False)
            bar.set_postfix(loss=f"{progress.loss:.3f}", accuracy=f"{progress.accuracy:.1f} %")
            if not progress.epoch_ended:
                continue
            row = json.dumps(run.history[-1])
            print(row, file=log, flush=True)
            run.save(folder / "last.pt")
            if not on_terminal:
                left = f"{progress.seconds_left:.0f} s left"
                print(f"{progress.epoch}/{progress.epochs}, {left}", row, flush=True)


def _finish(options, name, tag, design, run, source, images, before, teachers: list):
    """Measure the net on ``images`` as it will be stored, and write what is to be kept."""
    from cnn_space.training import cards
    from cnn_space.training.evaluation import evaluate
    from cnn_space.weights import catalogue
    from cnn_space.weights.card import write

    cards.exact()
    net, shape = run.best_net(), {"mean": source.mean, "std": source.std}
    dtype, why = cards.storage_type(net, run.val_set, **shape)
    cards.rounded(net, dtype)
    found = evaluate(net, images, **shape)
    facts = cards.card(
        name,
        design,
        run,
        source=source,
        tag=tag,
        images=images,
        found=found,
        teachers=teachers,
    )
    if before:
        facts = cards.continued(facts, before)
    out = options.out or catalogue.CHECKPOINTS
    if options.experiment:
        path = write(out / "experiments" / f"{name}.json", facts)
    else:
        path = cards.write(out, facts, net, dtype)
        print(f"stored as {why}")
    print(f"{name}: {found.accuracy:.2f} % on {len(images):,} images ({images.split_name}); {path}")


def _evaluate(options) -> int:
    from cnn_space import weights
    from cnn_space.images import sources
    from cnn_space.images.training_set import read_split
    from cnn_space.training import cards
    from cnn_space.training.evaluation import evaluate
    from cnn_space.weights.card import write

    if options.write and (options.data or not options.names):
        raise ValueError("--write is for weights that are named, on their own data (no --data)")
    bundled = (n for n in weights.list_weights() if weights.record(n).source == "bundled")
    names = options.names or list(bundled)
    sets, wrong = {}, 0
    for name in names:
        loaded = weights.load(name)
        record = loaded.record
        shape, known = record.preprocessing, record.read_card().data
        # A tag may be the name of some set on the Hub by chance: it counts in a folder only.
        used = options.data or sources.origin(known.model_dump())
        used = used or (known.tag if options.data_dir else None)
        if not used:
            raise ValueError(f"the card of {name} does not say what it was trained on: give --data")
        if (used, shape) not in sets:
            sets[used, shape] = read_split(
                used,
                "eval",
                folder=options.data_dir,
                preprocessing=shape,
            )
        images = sets[used, shape].numbered_as(record.labels)
        if options.write and images.note != known.note:
            raise ValueError(f"{name} was trained on another copy: its card stays as it is")
        if options.write and images.split_name == known.eval_split:
            raise ValueError(f"{name} has its figures of the {images.split_name} split already")
        found = evaluate(loaded.net, images, mean=shape.mean, std=shape.std)
        verdict = _verdict(found.accuracy, record.accuracy, images, known)
        wrong += verdict == "DIFFERS"
        if options.json:
            keep = {k: getattr(found, k) for k in ("accuracy", "per_class", "confusion")}
            print(json.dumps({"name": name, "card": record.accuracy, **keep}))
        else:
            stated = "" if record.accuracy is None else f"card {record.accuracy:6.2f} %   "
            print(f"{name:28} {found.accuracy:6.2f} %   {stated}{verdict}", flush=True)
        if options.write:
            write(record.card, cards.measured(record.read_card(), images, found))
    return 1 if wrong else 0


def _verdict(accuracy: float, stated: float | None, images, known) -> str:
    """What a measured accuracy says of the one that a card with the data ``known`` states."""
    split, note = known.eval_split, known.note
    if stated is None:
        return "its card states none"
    if split and images.split_name != split:
        return f"on {images.split_name}, not the card's {split}"
    if note and images.note != note:
        return f"on another copy: {images.note}, not the card's {note}"
    return "agrees" if abs(accuracy - stated) <= 0.05 else "DIFFERS"


def _table(options) -> int:
    from cnn_space.publishing.table import table
    from cnn_space.weights import catalogue

    print(table(catalogue.CHECKPOINTS))
    return 0
