"""One training as ``python -m cnn_space train`` is asked for it, step by step."""

import json
import sys
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from tqdm import tqdm

from cnn_space import formats
from cnn_space.cli.earlier import load_earlier, start_from
from cnn_space.cli.options import given_settings, make_folder, net_options
from cnn_space.cli.training_images import Images, chosen_source, read_images
from cnn_space.costs import walk
from cnn_space.images import sources
from cnn_space.images.preprocessing import MAX_SIDE
from cnn_space.models import registry
from cnn_space.training import cards, distillation
from cnn_space.training.devices import good_at_bfloat16
from cnn_space.training.evaluation import evaluate
from cnn_space.training.loop import TrainingRun
from cnn_space.training.recipes import TEACHERS_SHARE, Recipe, recipe_for, small_sides
from cnn_space.weights import card as card_files
from cnn_space.weights import catalogue
from cnn_space.weights.card import NAME, Card, Teacher


@dataclass(frozen=True)
class Start:
    """What a training begins with. ``before`` is the card of the weights that it goes on from,
    ``answers`` are those of its teachers."""

    design: registry.Design
    net: nn.Module
    before: Card | None
    teachers: list[Teacher]
    answers: Tensor | None


class Job:
    """A training with the ``options`` of the command line, in one process of perhaps several, of
    which the first one (``is_first``) prints and writes.

    Raises ValueError for what can be known to be wrong before the images are read; ``run`` raises
    it for what only they show.
    """

    def __init__(self, options, device: torch.device, *, is_first: bool = True):
        self.options, self.device, self.is_first = options, device, is_first
        self.source = chosen_source(options.data, options.data_dir)
        self.tag = sources.tag(options.data or self.source.hub or self.source.title)
        self.name = options.experiment or options.name or f"{options.net}.{self.tag}"
        self.out = options.out or catalogue.CHECKPOINTS
        if options.experiment:
            self.out = self.out / "experiments"
        self.folder = options.runs / self.name
        self.checkpoint = self.folder / "last.pt"
        self._check_name()
        self.recipe = self._choose_recipe()
        if self.checkpoint.exists() and not options.resume:
            raise ValueError(
                f"{self.folder} holds an unfinished training: --resume goes on, "
                "or delete it to start anew"
            )
        self._check_net()

    def run(self) -> bool:
        """Train, measure and write. Returns whether the training ended within --minutes."""
        images = read_images(self.source, self.options)
        start = self._start(images)
        run = self._make_run(images, start)
        self._follow(run)
        if run.epoch < self.recipe.epochs:
            if self.is_first:
                done = f"{run.epoch} of {self.recipe.epochs} epochs done"
                print(f"{self.name}: {done}; --resume goes on")
            return False
        if self.is_first:
            self._finish(run, images, start)
            self.checkpoint.unlink()
        return True

    # Before the images are read

    def _check_name(self) -> None:
        """Raise ValueError for a name that weights cannot have or that would replace others', and
        where nothing can be written."""
        if not self.options.experiment and not NAME.fullmatch(self.name):
            raise ValueError(f"weights are called NET.DATA, not {self.name!r} (--name)")
        if (self.out / f"{self.name}.json").exists():
            raise ValueError(
                f"this would replace {self.name} in {self.out}: give another name, or --out"
            )
        make_folder(self.out)
        make_folder(self.options.runs)

    def _choose_recipe(self) -> Recipe:
        changes = given_settings(self.options, Recipe.model_fields)
        if self.options.teacher:
            changes.setdefault("distillation", TEACHERS_SHARE)
        # Another owner's set may have the same tag: this one's recipe is not for it.
        data = self.tag if self.source in sources.SOURCES.values() else ""
        recipe = recipe_for(self.options.net, data, **changes)
        if bool(recipe.distillation) != bool(self.options.teacher):
            raise ValueError("a --teacher and a --distillation above 0, its share, go together")
        return recipe

    def _check_net(self) -> None:
        """Raise ValueError for a net that cannot be built, as far as the image size is known."""
        size = self.options.image_size
        if size is not None and not 1 <= size <= MAX_SIDE:
            raise ValueError(f"--image-size is 1 to {MAX_SIDE}")
        registry.design(self.options.net, 32)
        if side := size or self.source.side:
            with torch.device("meta"):
                self._build(side, classes=10)

    def _build(self, side: int, classes: int) -> tuple[registry.Design, nn.Module]:
        """The net for images of ``side`` pixels. Raises ValueError for wrong options, and where it
        cannot take images of one of the sizes of the training."""
        design = registry.design(self.options.net, side)
        design = replace(design, options=design.options | net_options(self.options.option))
        net = registry.create_model(design.arch, classes, **design.options)
        recipe = self.recipe
        for size in (side, *(small_sides(recipe.small_side, side) if recipe.small_share else ())):
            walk.describe(net, size)
        return design, net

    # The training

    def _start(self, images: Images) -> Start:
        torch.manual_seed(self.recipe.seed)
        design, net = self._build(images.learn.side, len(images.learn.classes))
        before = None
        if self.options.init:
            before = start_from(self._load(self.options.init, images), net)
        teachers, answers = self._ask_teachers(images) if self.options.teacher else ([], None)
        return Start(design, net, before, teachers, answers)

    def _ask_teachers(self, images: Images) -> tuple[list[Teacher], Tensor]:
        nets = [self._load(name, images) for name in self.options.teacher]
        path = distillation.answers_path(self.options.runs, nets, images.learn)
        if self.is_first and not path.exists():
            count = len(images.learn)
            print(f"the teachers answer {count:,} images and their mirror images", flush=True)
        bfloat16 = self._bfloat16
        answers = distillation.kept_answers(
            path,
            nets,
            images.learn,
            device=self.device,
            bfloat16=good_at_bfloat16(self.device) if bfloat16 is None else bfloat16,
        )
        return [Teacher(name=n.record.name, sha256=n.record.sha256) for n in nets], answers

    def _load(self, name: str, images: Images):
        return load_earlier(name, self.source, self.tag, images.everything, images.held_out)

    @property
    def _bfloat16(self) -> bool | None:
        """What --precision says; None decides by the device."""
        return {"auto": None, "bfloat16": True, "float32": False}[self.options.precision]

    def _make_run(self, images: Images, start: Start) -> TrainingRun:
        run = TrainingRun(
            start.net,
            images.learn,
            self.recipe,
            val_set=images.held_out,
            mean=self.source.mean,
            std=self.source.std,
            device=self.device,
            seconds=60 * self.options.minutes,
            bfloat16=self._bfloat16,
            compiled=self.options.compile,
            answers=start.answers,
            identity={
                "net": [start.design.arch, start.design.options],
                "holdout": images.holdout,
                "init": start.before and start.before.sha256,
                "teachers": [teacher.model_dump() for teacher in start.teachers],
            },
        )
        if self.options.resume and self.checkpoint.exists():
            run.restore(self.checkpoint)
        return run

    def _follow(self, run: TrainingRun) -> None:
        """Run to the end; the first process shows and logs it and keeps a checkpoint an epoch."""
        if not self.is_first:
            for _ in run:
                pass
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._show(run)
        except KeyboardInterrupt:
            if self.checkpoint.exists():
                where = f"{self.checkpoint} holds the last whole epoch"
                print(f"{where}: --resume goes on", file=sys.stderr)
            raise

    def _show(self, run: TrainingRun) -> None:
        """A bar on a terminal, a line an epoch elsewhere, all of it in a log."""
        on_terminal = sys.stderr.isatty()
        total, done = run.recipe.epochs * run.steps, run.epoch * run.steps
        with (
            (self.folder / "log.jsonl").open("w") as log,
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
                run.save(self.checkpoint)
                if not on_terminal:
                    left = f"{progress.seconds_left:.0f} s left"
                    print(f"{progress.epoch}/{progress.epochs}, {left}", row, flush=True)

    # The result

    def _finish(self, run: TrainingRun, images: Images, start: Start) -> None:
        """Measure the net as it will be stored, and write what is to be kept."""
        cards.switch_off_tf32()
        net, scale = run.best_net(), {"mean": self.source.mean, "std": self.source.std}
        if not self.options.experiment:  # of which no weights are kept
            dtype, reason = cards.storage_type(net, run.val_set, **scale)
            cards.round_weights(net, dtype)
        evaluation = evaluate(net, images.measure, **scale)
        card = cards.card(
            self.name,
            start.design,
            run,
            source=self.source,
            tag=self.tag,
            images=images.measure,
            evaluation=evaluation,
            teachers=start.teachers,
        )
        if start.before:
            card = cards.continued(card, start.before)
        if self.options.experiment:
            path = card_files.write(self.out / f"{self.name}.json", card)
        else:
            path = cards.write(self.out, card, net, dtype)
            print(f"stored as {reason}")
        count = len(images.measure)
        figure = formats.accuracy(evaluation.accuracy, count, 2)
        measured = f"{figure} images" if formats.is_few(count) else f"{figure} on {count:,} images"
        print(f"{self.name}: {measured} ({images.measure.split_name}); {path}")
