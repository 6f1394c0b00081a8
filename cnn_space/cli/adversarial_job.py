"""``python -m cnn_space train dcgan --data digits``: a generator of digits."""

import json
import math
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from cnn_space.cli.options import given_settings, make_folder
from cnn_space.images.readers.digits import digit_halves
from cnn_space.training import cards
from cnn_space.training.adversarial import AdversarialRecipe, AdversarialRun
from cnn_space.training.recipes import Recipe
from cnn_space.weights import generators
from cnn_space.weights.card import NAME, Data
from cnn_space.weights.generators import GeneratorCard

ARCH = "dcgan"
DATA = "digits"
# Epochs after which the generator is kept, as the eye has it: noise, blots, strokes, digits.
AGES = (5, 16, 40, 300)
# Below this variety a warning: the generator that comes along has 1.0, and 0.005 at its first age.
LITTLE_VARIETY = 0.1
# Options of ``train`` that say nothing to this training, by what they are unless given.
OTHERS = {
    "data_dir": None, "image_size": None, "holdout": None, "limit": None, "no_test": False,
    "experiment": None, "init": None, "teacher": [], "resume": False, "minutes": math.inf,
    "precision": "auto", "compile": False, "option": [],
}  # fmt: skip


def train_generator(options, device: torch.device) -> int:
    """Train, and write the generator at its ages into --out; returns the exit code. Raises
    ValueError for options that are wrong here, where the log of an earlier training would be lost,
    and where the training comes to nothing."""
    recipe = _recipe(options)
    ages = [age for age in AGES if age < recipe.epochs] + [recipe.epochs]
    name, out = options.name or generators.NAME, options.out or generators.folder()
    if not NAME.fullmatch(name):
        raise ValueError(f"weights are called NET.DATA, not {name!r} (--name)")
    if (out / f"{name}.json").exists():
        raise ValueError(f"this would replace {name} in {out}: give another name, or --out")
    make_folder(out)
    log = options.runs / name / "log.jsonl"
    if log.exists():
        raise ValueError(
            f"{log} is the log of an earlier training: give another --name, or --runs, "
            "or delete it to start anew"
        )
    make_folder(log.parent)
    learn, unseen = digit_halves()
    run = AdversarialRun(learn, unseen, recipe, device=device)
    states = _follow(run, ages, log)
    card = _card(run, name, ages, train=len(learn), unseen=len(unseen))
    # Grey levels are rounded to 17, so half precision changes nothing that is seen.
    path = generators.write(out, card, states, torch.float16)
    if (variety := run.variety()) < LITTLE_VARIETY:
        print(
            f"warning: the pictures of {name} differ {variety:.1%} as much as digits do, so it "
            "draws nearly the same whatever it is given: try a lower learning rate than "
            f"{recipe.lr:g}, or more epochs than {recipe.epochs}",
            file=sys.stderr,
        )
    print(f"{name}: distance {run.history[-1]['distance']:.3f} to unseen digits; {path}")
    return 0


def _recipe(options) -> AdversarialRecipe:
    if options.data not in (None, DATA):
        raise ValueError(f"{ARCH} learns the digits: --data {DATA}")
    foreign = [name for name, usual in OTHERS.items() if getattr(options, name) != usual]
    given = given_settings(options, Recipe.model_fields)
    foreign += [name for name in given if name not in AdversarialRecipe.model_fields]
    if foreign:
        raise ValueError(f"{ARCH} has no --{foreign[0].replace('_', '-')}")
    return AdversarialRecipe(**given)


def _follow(run: AdversarialRun, ages: list[int], log: Path) -> list[dict]:
    """Run to the end with a bar on a terminal, a line an epoch elsewhere, all of it in a log.
    Returns the states of the generator at its ages."""
    states, on_terminal = [], sys.stderr.isatty()
    try:
        with log.open("w") as lines, tqdm(total=run.recipe.epochs, disable=not on_terminal) as bar:
            for row in run:
                text = json.dumps(row)
                print(text, file=lines, flush=True)
                if row["epoch"] in ages:
                    states.append(
                        {k: t.cpu().clone() for k, t in run.generator.state_dict().items()}
                    )
                if not on_terminal:
                    print(text, flush=True)
                bar.set_postfix(distance=f"{row['distance']:.3f}", refresh=False)
                bar.update()
    except KeyboardInterrupt:
        done = f"{len(run.history)} of {run.recipe.epochs} epochs"
        print(f"after {done} only {log} is kept: delete it to start again", file=sys.stderr)
        raise
    return states


def _card(
    run: AdversarialRun, name: str, ages: list[int], *, train: int, unseen: int
) -> GeneratorCard:
    def count(net: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in net.parameters())

    return GeneratorCard(
        name=name,
        title="DCGAN",
        arch=ARCH,
        ages=tuple(ages),
        data=Data(
            tag=DATA,
            name="Handwritten digits",
            note="8 × 8 pixels, 17 grey levels",
            train_images=train,
            holdout_images=unseen,
        ),
        recipe=run.recipe.model_dump(),
        seed=run.recipe.seed,
        parameters=count(run.generator),
        discriminator_parameters=count(run.discriminator),
        wall_time_s=round(run.seconds, 1),
        environment=cards.environment(run.device, bfloat16=False),
        history=run.history,
    )
