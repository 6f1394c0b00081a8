"""``python -m cnn_space train``."""

import math
import os
from pathlib import Path

from cnn_space.cli.options import DATA_DIR, add_setting
from cnn_space.training.recipes import TEACHERS_SHARE, Recipe

UNFINISHED = 3  # exit code of a training whose --minutes were over before its epochs


def add_train(commands) -> None:
    """Add ``train`` to an argparse object of subcommands; it runs as ``options.run(options)``."""
    parser = commands.add_parser(
        "train",
        help="train a net from scratch",
        description="Train a net from scratch. The result is NAME.safetensors and NAME.json in "
        "--out; every epoch leaves a checkpoint in RUNS/NAME to resume from, and a line in the "
        "log there. On several processes: torchrun --nproc-per-node N -m cnn_space train ...",
    )
    parser.add_argument(
        "net",
        metavar="ARCH",
        help="such as googlenet, or googlenet_paper; or dcgan, a generator of digits",
    )
    _add_images(parser)
    _add_result(parser)
    _add_earlier(parser)
    _add_machine(parser)
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of the net, such as aux=false; may be repeated",
    )
    recipe = parser.add_argument_group(
        "recipe",
        "what differs from the recipe of this net and set (NETS and DATA in recipes.py, which "
        "come before the defaults named below); a rate is taken as given, while theirs are scaled "
        "with the batch size",
    )
    for name, field in Recipe.model_fields.items():
        usual = f"{TEACHERS_SHARE} with --teacher" if name == "distillation" else field.default
        add_setting(recipe, name, field, help=f"else {usual}")
    parser.set_defaults(run=_train, goes_on=True, trains=True)


def _add_images(parser) -> None:
    parser.add_argument(
        "--data", help="cifar10 (default), stl10, imagenette, or a Hub name; of dcgan: digits"
    )
    parser.add_argument("--data-dir", type=Path, help=DATA_DIR)
    parser.add_argument(
        "--image-size", type=int, help="side in pixels (default: as the set is used)"
    )
    parser.add_argument("--holdout", type=int, help="images of train that are kept for choices")
    parser.add_argument("--limit", type=int, help="train on only so many images (for trials)")
    parser.add_argument(
        "--no-test", action="store_true", help="measure on the held-out images only"
    )


def _add_result(parser) -> None:
    parser.add_argument("--name", help="name of the weights (default: ARCH.DATA)")
    parser.add_argument("--out", type=Path, help="folder of the result (default: checkpoints)")
    parser.add_argument(
        "--experiment", metavar="NAME", help="keep only the JSON, in OUT/experiments"
    )


def _add_earlier(parser) -> None:
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
        help="learn the answers of these weights, too (their mean; may be repeated); they are "
        "computed before the training, outside of its --minutes, and kept in --runs",
    )


def _add_machine(parser) -> None:
    parser.add_argument("--device", help="cpu, cuda (default: cuda where there is one)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="default: runs")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="stop after so many minutes, to be resumed from the last whole epoch (exit code "
        f"{UNFINISHED}: not finished yet; 0 under torchrun, which takes any other for a failure)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "bfloat16", "float32"),
        default="auto",
        help="auto: bfloat16 where the device is good at it; with --resume, as the run began",
    )
    parser.add_argument("--compile", action="store_true", help="with torch.compile")


def _train(options) -> int:
    """Train in one process, or in each of those that torchrun starts; the first one writes."""
    import torch
    import torch.distributed as dist

    from cnn_space.training.devices import find_device

    local = os.environ.get("LOCAL_RANK")  # of torchrun's processes: each has its own GPU
    if local and options.device in (None, "cuda") and torch.cuda.is_available():
        if int(local) >= (gpus := torch.cuda.device_count()):
            raise ValueError(f"GPUs here: {gpus}. Start no more processes, or use --device cpu")
        torch.cuda.set_device(int(local))
    device = find_device(options.device)
    if options.net == "dcgan":
        from cnn_space.cli.adversarial_job import train_generator

        return train_generator(options, device)
    from cnn_space.cli.training_job import Job

    torch.backends.cudnn.benchmark = True  # the shapes of a training hardly change
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        finished = Job(options, device).run()
        return 0 if finished or dist.is_torchelastic_launched() else UNFINISHED
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    Job(options, device, is_first=dist.get_rank() == 0).run()
    dist.destroy_process_group()
    return 0
