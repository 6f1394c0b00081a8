"""The endpoint /finetune: the same run for programs."""

import contextlib

import gradio as gr

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.image_set import ImageSet
from cnn_space.inference.forging import real_or_forged
from cnn_space.page.common import scratch
from cnn_space.page.common.texts import say
from cnn_space.page.finetune import view
from cnn_space.page.finetune.export import check_room, stored
from cnn_space.page.finetune.line import LINE
from cnn_space.page.finetune.recorded import digits
from cnn_space.page.finetune.running import CONTROLS, plan_from
from cnn_space.settings import Settings
from cnn_space.training.finetuning import Report, Run
from cnn_space.training.recipes import Plan

START = Plan()


def finetune(
    archive: str | None = None,
    model: str = weights.DEFAULT,
    optimizer: str = START.optimizer,
    learning_rate: float = START.lr,
    lowest_share: float = START.lower,
    head_epochs: int = START.head_epochs,
    top_epochs: int = START.top_epochs,
    epochs: int = START.epochs,
    augmentation: str = START.augment,
    auxiliary_heads: bool = START.aux,
    frozen_norm: bool = START.frozen_norm,
    holdout: float = 100 * START.holdout,
    seed: int = START.seed,
    class_weights: str = START.class_weights,
    cross_validate: str = START.cross_validate,
    forged_age: int = 0,
):
    """Teach a trained net new classes from labelled images (transfer learning), on the CPU: about a
    minute for some hundred images. Without images it learns the handwritten digits, as a trial.

    Args:
        archive: a zip with one folder of images for each class; left out: handwritten digits.
        model: name of the weights to start from, such as "googlenet.cifar10".
        optimizer: "sgd" or "adam".
        learning_rate: highest rate after the head's epochs; 0 for the optimiser's usual.
        lowest_share: the lowest layers' rate as a share of it, when all layers learn.
        head_epochs: epochs of the last layer alone.
        top_epochs: epochs of the upper layers; 0 for none.
        epochs: epochs of all layers; 0 for none.
        augmentation: "none", "shift" or "mirror".
        auxiliary_heads: train with fresh auxiliary heads, for nets that have them.
        frozen_norm: keep the batch-norm statistics.
        holdout: percent of every class to check on.
        seed: of the split, the new layer and the augmentation.
        class_weights: whether rare classes weigh more: "on", "off", or "auto" above 5 to 1.
        cross_validate: judge each image by a net that did not learn from it: "on", "off", "auto".
        forged_age: without an archive, 1 to 4 tells real digits from those of a generator of this
            age; 0: learn the digits.

    Returns:
        Updates while the run goes on; the last output is its report and a zip with the net.
    """
    given = [optimizer, learning_rate, lowest_share, head_epochs, top_epochs, epochs, augmentation]
    given += [auxiliary_heads, frozen_norm, holdout, seed, class_weights, cross_validate]
    controls = dict(zip(CONTROLS, given, strict=True))
    try:
        result = yield from _run(archive, model, controls, int(forged_age or 0))
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    with scratch.folder() as folder:
        if not (file := stored(result, folder)):
            gr.Warning(say("finetune_no_file"))
        yield _report(result.report), file


def _images(archive: str | None, forged_age: int) -> ImageSet:
    if archive:
        return readers.read_zip(archive).images
    return (real_or_forged(forged_age) if forged_age else digits()).images


def _run(archive: str | None, model: str, controls: dict, forged_age: int):
    """Yields (the fields of an update, None) and returns the Result. Raises ValueError."""
    images = _images(archive, forged_age)
    plan, loaded = plan_from(controls), weights.load(model)
    check_room(loaded)
    with LINE.ticket() as ticket:
        while not ticket.wait(1):
            yield {"phase": "queued", "ahead": ticket.ahead}, None
        run = Run(loaded, images, plan, seconds=Settings.read().run_seconds)
        with contextlib.closing(iter(run)) as updates:
            for update in updates:
                fields = {name: value for name, value in vars(update).items() if name != "history"}
                yield {name: v for name, v in fields.items() if v == v}, None  # without NaN
    if not run.has_best:
        raise ValueError(view.why_nothing(run.ended, "en"))
    return run.result()


def _report(report: Report) -> dict:
    return report.to_json() | {
        "phase": "done",
        "accuracy": report.after,
        "majority": report.majority,
        "per_class": report.recall,
        "confusion": report.confusion,
    }
