"""``python -m cnn_space train``, ``evaluate`` and ``table``."""

import json
import os
import sys
import time
from dataclasses import fields
from pathlib import Path

RUNS = Path("runs")


def add_train(commands) -> None:
    """Add ``train`` to an argparse object of subcommands; it runs as ``options.run(options)``."""
    from cnn_space.training import Recipe

    parser = commands.add_parser(
        "train",
        help="train a net from scratch",
        description="Train a net from scratch. The result is NAME.safetensors and NAME.json in "
        "--out; every epoch leaves a checkpoint in runs/NAME to resume from. On several "
        "processes: torchrun --nproc-per-node N -m cnn_space train ...",
    )
    parser.add_argument("net", metavar="ARCH", help="such as googlenet, or googlenet_paper")
    _add_data(parser)
    parser.add_argument("--name", help="name of the weights (default: ARCH.DATA)")
    parser.add_argument("--out", type=Path, help="folder of the result (default: checkpoints)")
    parser.add_argument("--experiment", metavar="NAME", help="keep only the JSON, as an experiment")
    parser.add_argument("--holdout", type=int, help="images of train kept for choices")
    parser.add_argument("--limit", type=int, help="train on the first so many images (for trials)")
    parser.add_argument("--no-test", action="store_true", help="judge on the held-out images only")
    parser.add_argument("--device", help="cpu, cuda (default: cuda where there is one)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of the net, such as aux=false; may be repeated",
    )
    recipe = parser.add_argument_group("recipe", "what differs from the recipe of this net")
    for item in fields(Recipe):
        kind = {"action": "store_true"} if item.type is bool else {"type": item.type}
        name = f"--{item.name.replace('_', '-')}"
        recipe.add_argument(name, default=None, help=f"default: {item.default}", **kind)
    parser.set_defaults(run=_train)


def add_evaluate(commands) -> None:
    """Add ``evaluate``, as ``add_train`` does."""
    parser = commands.add_parser(
        "evaluate",
        help="measure weights on a test split",
        description="Measure weights on the test split of their data and compare with their card.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all that are bundled")
    parser.add_argument("--data-dir", type=Path, help="folder of Parquet files (default: the Hub)")
    parser.add_argument("--json", action="store_true", help="everything measured, as JSON")
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
    import torch
    import torch.distributed as dist

    from cnn_space import data, training, weights, zoo
    from cnn_space.models.registry import create_model

    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    world = int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
    is_first = world == 1 or dist.get_rank() == 0

    name = options.name or f"{options.net}.{data.tag(options.data)}"
    given = {item.name: getattr(options, item.name) for item in fields(training.Recipe)}
    recipe = training.recipe_for(name, **{k: v for k, v in given.items() if v is not None})

    source = data.source(options.data)
    read = {"folder": options.data_dir, "side": options.image_size}
    learn = data.read(options.data, "train", **read)
    holdout = source.holdout if options.holdout is None else options.holdout
    learn, held_out = learn.split(holdout, seed=0)
    if options.limit:
        learn = learn.subset(torch.arange(min(options.limit, len(learn))))
    size = learn.side

    design = zoo.design(options.net, size)
    extra = {key: _value(value) for key, _, value in (o.partition("=") for o in options.option)}
    design = zoo.Design(design.title, design.arch, design.options | extra)
    torch.manual_seed(recipe.seed)
    net = create_model(design.arch, len(learn.classes), **design.options)
    run = training.Run(
        net, learn, recipe, val_set=held_out, mean=source.mean, std=source.std, device=device
    )

    folder = RUNS / (options.experiment or name)
    checkpoint = folder / "last.safetensors"
    if options.resume and checkpoint.exists():
        run.restore(checkpoint)
    seconds = _follow(run, folder, checkpoint, is_first)
    if is_first:
        eval_split = "held out" if options.no_test or options.experiment else source.eval_split
        facts = _finish(options, name, design, run, source, size, eval_split, seconds, weights)
        print(f"{name}: {facts['accuracy']:.2f} % on {facts['data']['eval_images']:,} images "
              f"({eval_split})", flush=True)  # fmt: skip
    if world > 1:
        dist.destroy_process_group()
    return 0


def _follow(run, folder: Path, checkpoint: Path, is_first: bool) -> float:
    """Run to the end: a bar on a terminal, a line an epoch elsewhere, all of it in a log."""
    from tqdm import tqdm

    if not is_first:
        for _ in run:
            pass
        return 0.0
    folder.mkdir(parents=True, exist_ok=True)
    on_terminal = sys.stderr.isatty()
    before = json.loads((folder / "time.json").read_text()) if run.epoch else 0.0
    start = time.perf_counter()
    bar = tqdm(
        total=run.recipe.epochs * run.steps, initial=run.epoch * run.steps, disable=not on_terminal
    )
    with bar, (folder / "log.jsonl").open("a") as log:
        for progress in run:
            bar.n = (progress.epoch - 1) * run.steps + progress.step
            bar.set_description(f"epoch {progress.epoch}/{progress.epochs}")
            bar.set_postfix(loss=f"{progress.loss:.3f}", accuracy=f"{progress.accuracy:.1f} %")
            if not progress.epoch_ended:
                continue
            row = run.history[-1]
            log.write(json.dumps(row) + "\n")
            log.flush()
            seconds = before + time.perf_counter() - start
            run.save(checkpoint)
            (folder / "time.json").write_text(json.dumps(seconds))
            if not on_terminal:
                print(f"{progress.epoch:>3}/{progress.epochs} " + json.dumps(row), flush=True)
    return before + time.perf_counter() - start


def _finish(options, name, design, run, source, size, eval_split, seconds, weights) -> dict:
    """Measure the net as it will be stored, and write what is to be kept."""
    from cnn_space import cards, data
    from cnn_space.evaluation import judge, predict

    cards.exact(run.device)
    net, shape = run.best_net(), {"mean": source.mean, "std": source.std}
    dtype = cards.storage_type(net, run.val_set, **shape)
    cards.rounded(net, dtype)
    if eval_split == "held out":
        images = run.val_set
    else:
        images = data.read(options.data, "eval", folder=options.data_dir, side=size)
    evaluated = judge(predict(net, images, **shape), images.labels, images.classes)
    facts = cards.card(
        name,
        design,
        run,
        source=source,
        tag=data.tag(options.data),
        classes=images.classes,
        note=images.note,
        size=size,
        eval_split=eval_split,
        evaluated=evaluated,
        eval_images=len(images),
        seconds=seconds,
    )
    out = options.out or weights.CHECKPOINTS
    if options.experiment:
        cards.write_card(out / "experiments" / f"{options.experiment}.json", facts)
    else:
        cards.write(out, facts, net, dtype)
    return facts


def _evaluate(options) -> int:
    from cnn_space import data, weights
    from cnn_space.evaluation import judge, predict

    bundled = (n for n in weights.list_weights() if weights.record(n).source == "bundled")
    names = options.names or list(bundled)
    sets, wrong = {}, 0
    for name in names:
        loaded = weights.load(name)
        record = loaded.record
        card = record.read_card()
        shape = record.preprocessing
        key = (card["data"]["tag"], shape.size)
        if key not in sets:
            sets[key] = data.read(key[0], "eval", folder=options.data_dir, side=shape.size)
        images = sets[key]
        logits = predict(loaded.net, images, mean=shape.mean, std=shape.std)
        found = judge(logits, images.labels, images.classes)
        apart = abs(found.accuracy - card["accuracy"])
        wrong += apart > 0.05
        if options.json:
            keep = {k: getattr(found, k) for k in ("accuracy", "per_class", "confusion")}
            print(json.dumps({"name": name, "card": card["accuracy"], **keep}))
        else:
            print(f"{name:28} {found.accuracy:6.2f} %   card {card['accuracy']:6.2f} %   "
                  f"{'agrees' if apart <= 0.05 else 'DIFFERS'}", flush=True)  # fmt: skip
    return 1 if wrong else 0


def _table(options) -> int:
    from cnn_space import cards, weights

    print(cards.table(weights.CHECKPOINTS))
    return 0
