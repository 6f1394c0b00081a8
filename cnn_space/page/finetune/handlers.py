"""The Fine-tune tab's handlers: what a visitor does in, what the components show out."""

import contextlib
import os
import tempfile
import threading
import weakref
import zipfile
from collections.abc import Iterator
from html import escape
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr

from cnn_space import weights
from cnn_space.images import readers
from cnn_space.images.visitor_set import DataError, VisitorSet
from cnn_space.models import registry
from cnn_space.page.common import nets
from cnn_space.page.common.bench import (
    BENCHES,
    NETS,
    Bench,
    budget,
    digits,
    keep_minutes,
    shown,
)
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.texts import label, language, say
from cnn_space.page.finetune.view import (
    cell_html,
    curves_html,
    data_html,
    ended_html,
    idle_html,
    limits_html,
    matrix_html,
    mistakes_html,
    result_html,
    samples_html,
    state_html,
    update_html,
)
from cnn_space.training.recipes import PRESETS, Plan

SOURCES = ("digits", "zip", "hub", "folder")
# Where a run starts from until the visitor chooses: for small images, and for photos.
BASES = (weights.DEFAULT, "googlenet.imagenette")
# The held-out share is shown while it is typed, "3" on the way to "30" and nothing included. What
# is out of the slider's range would be an error, and Gradio forgets what was typed meanwhile.
WHILE_TYPED = """(bench, base, augment, share) =>
  [bench, base, augment, Math.min(50, Math.max(5, share))]"""
# A click on a cell of the matrix reaches ``open_cell`` with the cell's place.
CELL_CLICK = """element.addEventListener('click', (event) => {
  const cell = event.target.closest('[data-cell]');
  if (cell) trigger('click', {cell: cell.dataset.cell});
});"""


# Step 1: images


def may_read_folders(request: gr.Request | None = None) -> bool:
    """Whether folders of this machine may be read: only by a visitor who sits at it."""
    if os.environ.get("SPACE_ID") or os.environ.get("CNN_SPACE_FINETUNE_FOLDERS") == "0":
        return False
    if request is None:
        return True
    if any(name.lower().startswith(("x-forwarded", "forwarded")) for name in request.headers):
        return False  # a proxy on this machine asks for somebody else
    asked = urlsplit(f"//{request.headers.get('host', '')}").hostname
    here = ("127.0.0.1", "::1")
    return request.client and request.client.host in here and asked in (*here, "localhost")


def sources() -> list[str]:
    """Where images may come from here."""
    return [name for name in SOURCES if name != "folder" or may_read_folders()]


def reading(request: gr.Request) -> tuple[str, str]:
    """While images are read: (data, samples)."""
    return f"<p class='small'>{say('finetune_reading', language(request))}</p>", ""


def read_images(
    bench: Bench,
    source: str,
    file: str | None,
    hub: str,
    folder: str,
    request: gr.Request,
) -> tuple:
    """Read a visitor's images onto the bench: (bench, data, samples).

    What is wrong with them is said where they would be shown; ``suit`` shows them.
    """
    lang = language(request)
    ticket = bench.reading = object()
    bench.source, bench.intake = source, None
    intake = None
    try:
        if source == "zip" and not file:
            problem = say("finetune_no_zip", lang)
        elif source == "folder" and not folder:
            problem = say("finetune_no_folder", lang)
        elif source == "zip":
            intake = readers.read_zip(file)
        elif source == "hub":
            intake = readers.read_hub(hub or "")
        elif source == "folder" and may_read_folders(request):
            intake = readers.read_folder(folder)
        else:
            raise DataError("not_a_folder", path="")
    except DataError as error:
        problem = say(f"finetune_error_{error.reason}", lang, **error.values)
    if bench.reading is not ticket:  # the visitor has chosen other images meanwhile
        return bench, gr.skip(), gr.skip()
    bench.intake, bench.reading = intake, None
    if intake is None:
        problem = f"<p class='problem' role='alert'>{escape(problem)}</p>"
        return bench, problem + limits_html(lang), ""
    BENCHES.keep(bench, size=bench.bytes)
    return bench, gr.skip(), gr.skip()


def suit(bench: Bench, base: str | None, augment: str, holdout: float, request: gr.Request):
    """What was read: (net that suits, data, samples), by what is chosen now: reading takes time."""
    if bench.intake is None:  # said already, or void
        return (gr.skip(),) * 3
    base = suited_base(bench.intake, base)
    return base, *show_images(bench, base, augment, holdout, request)


def choose_source(bench: Bench, source: str, base: str, holdout: float, request: gr.Request):
    """Show the inputs of a source; the digits are there at once, the others wait to be read."""
    bench.source, bench.intake, bench.reading = source, None, None
    base = suited_base(bench.images, base)
    augment = "shift" if source == "digits" else "mirror"
    inputs = [gr.update(visible=source == name) for name in ("zip", "hub", "folder")]
    read = gr.update(visible=source != "digits")
    shown = show_images(bench, base, augment, holdout, request)
    return bench, *inputs, read, base, augment, *shown


def suited_base(intake: VisitorSet | None, base: str | None) -> str | None:
    """The net to start from: of the two defaults the one for images of this size; any other net
    was chosen and stays."""
    if intake is None or base not in BASES:
        return base
    fit = BASES[intake.images.side > registry.SMALL_SIDE]
    return fit if weights.is_known(fit) else base


def show_images(bench: Bench, base: str, augment: str, holdout: float, request: gr.Request):
    """(what is in the set, samples) as HTML."""
    if bench.reading is not None:  # and the page says so
        return gr.skip(), gr.skip()
    lang = language(request)
    intake = bench.images
    if intake is None:
        return limits_html(lang), ""
    samples = samples_html(intake, base, augment, lang) if base else ""
    limits = limits_html(lang) if bench.source != "digits" else ""
    return data_html(intake, holdout / 100, lang) + limits, samples


# Steps 2 and 3: the run


def plan_from(
    optimizer, lr, lower, head_epochs, top_epochs, epochs, augment, aux, frozen_norm, holdout, seed
):
    """The Plan of the page's controls. Raises ValueError for what is out of range."""
    return Plan(
        optimizer=optimizer,
        lr=float(lr or 0),
        lower=float(lower),
        head_epochs=int(head_epochs),
        top_epochs=int(top_epochs),
        epochs=int(epochs),
        augment=augment,
        aux=bool(aux),
        frozen_norm=bool(frozen_norm),
        holdout=float(holdout) / 100,
        seed=int(seed or 0),
    )


def start(
    bench: Bench,
    base: str | None,
    optimizer: str,
    lr: float,
    lower: float,
    head_epochs: int,
    top_epochs: int,
    epochs: int,
    augment: str,
    aux: bool,
    frozen_norm: bool,
    holdout: float,
    seed: int,
    request: gr.Request,
) -> Iterator[tuple]:
    """Train on what lies on the bench; yields (bench, state, curves).

    The run lies on the bench from its start, for ``finish`` to collect, whether it ends by itself
    or is stopped. Handing the bench out again and again keeps it: a ``gr.State`` is forgotten some
    time after it was last set, also in the middle of a long run.
    """
    from cnn_space.training.finetuning import Run, Update

    lang = language(request)
    intake = bench.images
    ticket, bench.ready = bench.ready, None
    if ticket is None or ticket is not bench.starting:  # stopped before its turn
        return
    _BY_SESSION[request.session_hash] = bench
    try:
        yield bench, update_html(Update("preparing"), lang), gr.skip()
        if intake is None:
            raise ValueError(say("finetune_no_data", lang))
        if not base:
            raise ValueError(say("finetune_no_base", lang))
        with _told_as("finetune_wrong_plan", lang):
            plan = plan_from(
                optimizer,
                lr,
                lower,
                head_epochs,
                top_epochs,
                epochs,
                augment,
                aux,
                frozen_norm,
                holdout,
                seed,
            )
        if weights.is_known(base) and not weights.is_local(base):  # `fetch` said why
            raise ValueError(say("net_not_here", lang, title=weights.record(base).title))
        with _told_as("net_trouble", lang, title=base):
            loaded = weights.load(base)
        if bench.starting is not ticket:  # stopped meanwhile
            return
        if aux and not hasattr(loaded.net, "set_aux"):
            raise ValueError(say("finetune_no_aux", lang, title=loaded.record.title))
        run = bench.run = Run(loaded, intake.images, plan, seconds=budget())
        with contextlib.closing(iter(run)) as updates:
            for update in updates:
                if bench.run is not run:  # collected by Stop: its result is on the page already
                    return
                yield bench, update_html(update, lang), curves_html(update.history, lang)
    except ValueError as error:
        if bench.starting is not ticket:  # stopped meanwhile
            return
        bench.run = None
        yield bench, idle_html(lang), gr.skip()
        raise gr.Error(str(error), print_exception=False) from None
    finally:
        if bench.starting is ticket:
            bench.starting = None
            BENCHES.keep(bench, size=bench.bytes)  # whether `finish` comes or not


@contextlib.contextmanager
def _told_as(key: str, lang: str, **values) -> Iterator[None]:
    """A ValueError in the visitor's language, as far as ours goes: its own words are English."""
    try:
        yield
    except ValueError as error:
        raise ValueError(say(key, lang, why=error, **values)) from error


_BY_SESSION: weakref.WeakValueDictionary[str, Bench] = weakref.WeakValueDictionary()


def leave(request: gr.Request) -> None:
    """The page was closed: what an unfinished run kept is let go at once."""
    bench = _BY_SESSION.pop(request.session_hash, None)
    if bench is not None:
        bench.run = bench.starting = None


# Stop and the end of a run may both come to collect it; the second finds it done.
_COLLECTING = threading.Lock()


def collect(bench: Bench, own: OwnNets, lang: str) -> str | None:
    """How the last run ended, its best net turned into the visitor's result; None where there
    was no run. How many such nets are kept, of all visitors, is bounded by ``NETS``.
    """
    with _COLLECTING:
        run, bench.run = bench.run, None
        if run is None:
            return bench.ended
        if not run.has_best:
            bench.ended = f"{run.ended}, nothing kept"
            return bench.ended
        result = bench.result = run.result()
        bench.recorded = False
        BENCHES.keep(bench, size=bench.bytes)
        bench.name = own_name(result, own, lang)
        own[bench.name] = result.loaded
        # Twice: the other tabs let a folded copy of it answer.
        NETS.keep(own, bench.name, size=2 * result.loaded.bytes)
        # Gradio copies the file when it hands it out; ours goes with the bench.
        bench.folder = tempfile.TemporaryDirectory(prefix="cnn-space-")
        bench.file = str(bundle(result, Path(bench.folder.name)))
        bench.ended = run.ended
        return bench.ended


def begin(bench: Bench, source: str, request: gr.Request) -> tuple:
    """A click on Train: (bench, state, Train, Stop) while waiting for a place.

    ``source`` is what the page shows as chosen: a bench that was forgotten begins with the digits.
    """
    lang = language(request)
    bench.source, bench.ended, bench.starting = source, None, object()
    queued = state_html("queued", say("finetune_phase_queued_note", lang), lang)
    return bench, queued, gr.Button(interactive=False), gr.Button(interactive=True)


def fetch(
    bench: Bench,
    base: str | None,
    own: OwnNets,
    request: gr.Request,
    progress=gr.Progress(),  # noqa: B008
) -> None:
    """Bring the net to start from here, outside of the queue of runs."""
    ticket = bench.starting
    nets.fetch(base, own, request, progress)
    if bench.starting is ticket:  # not stopped meanwhile
        bench.ready = ticket


def finish(bench: Bench, own: OwnNets, request: gr.Request) -> tuple:
    """A run has ended: all that shows its result. The same again when it is asked again."""
    if bench.starting is not None:  # a stopped one has ended late: the next is under way
        return (gr.skip(),) * 13
    lang = language(request)
    return _outcome(bench, own, collect(bench, own, lang), lang)


def stop(bench: Bench, own: OwnNets, request: gr.Request) -> tuple:
    """A click on Stop: the run ends, and what it kept is shown."""
    bench.starting = None
    lang = language(request)
    ended = collect(bench, own, lang) or "stopped, nothing kept"
    return _outcome(bench, own, ended, lang)


def _why_nothing(ended: str, lang: str) -> str:
    key = "advice_nan_early" if ended == "not_a_number" else "nothing_kept"
    return say(f"finetune_{key}", lang)


def _outcome(bench: Bench, own: OwnNets, ended: str | None, lang: str) -> tuple:
    """What the components listed as ``ended`` in the layout show."""
    buttons = gr.Button(interactive=True), gr.Button(interactive=False)
    if ended is None:  # the run could not begin
        return bench, own, *[gr.skip()] * 9, *buttons
    if ended.endswith("nothing kept"):
        ended = ended.split(",")[0]
        state = state_html(ended, _why_nothing(ended, lang), lang)
        return bench, own, state, *[gr.skip()] * 8, *buttons
    result = bench.result
    file = f"{result.loaded.record.name}.safetensors"
    parts = [
        say("finetune_used", lang, name=escape(bench.name)),
        say("finetune_loadable", lang, file=escape(file)),
        say("finetune_kept", lang, minutes=keep_minutes()),
    ]
    return (
        bench,
        own,
        ended_html(result.report, lang),
        curves_html(result.report.history, lang),
        result_html(result, lang),
        "<p class='small'>" + "<br>".join(parts) + "</p>",
        matrix_html(result, lang),
        "",
        mistakes_html(result, lang),
        gr.DownloadButton(value=bench.file, interactive=True),
        gr.Button(interactive=True),
        *buttons,
    )


def arrive(bench: Bench, base: str | None, request: gr.Request) -> tuple:
    """What a visitor meets: the digits, and a recorded run."""
    lang = language(request)
    bench.recorded = bench.result is None
    result = shown(bench)
    return (
        gr.Dropdown(choices=nets.choices(None, lang)),
        *show_images(bench, base, "shift", 20, request),
        idle_html(lang),
        curves_html(result.report.history if result else (), lang),
        result_html(result, lang),
        matrix_html(result, lang),
        mistakes_html(result, lang),
    )


def open_cell(bench: Bench, event: gr.EventData, request: gr.Request) -> str:
    """A click on the matrix."""
    cell = event._data.get("cell", "") if isinstance(event._data, dict) else ""
    return cell_html(shown(bench), str(cell), language(request))


def choose_preset(preset: str) -> tuple[int, int, int]:
    """A preset's epochs: (of the head, of the upper layers, of all)."""
    chosen = PRESETS[preset]
    return chosen["head_epochs"], chosen["top_epochs"], chosen["epochs"]


def use(bench: Bench, own: OwnNets, request: gr.Request) -> tuple:
    """Go to Classify with the visitor's net: (tabs, net list there)."""
    if bench.name not in own:
        raise gr.Error(say("finetune_no_result", language(request)), print_exception=False)
    known = nets.choices(own, language(request))
    return gr.Tabs(selected="classify"), gr.Dropdown(choices=known, value=bench.name)


def own_name(result, own: OwnNets, lang: str) -> str:
    """A display name that the visitor does not have yet."""
    report = result.report
    name = first = f"{report.title} · {label(report.data, lang)} · {report.after:.1f} %"
    number = 2
    while name in own:
        name = f"{first} ({number})"
        number += 1
    return name


def bundle(result, folder: Path) -> Path:
    """One zip in ``folder`` with the net's safetensors file and its card."""
    from cnn_space.training.finetuning import save

    file, card = save(result, folder)
    path = folder / f"{file.stem}.zip"
    with zipfile.ZipFile(path, "w") as archive:  # weights do not compress
        archive.write(file, file.name)
        archive.write(card, card.name)
    file.unlink()
    card.unlink()
    return path


# The visitor's own account on the Hub


def may_push() -> bool:
    """Whether visitors can log in: on a Space with OAuth and the packages it needs."""
    packages = all(find_spec(name) for name in ("authlib", "itsdangerous"))
    return bool(os.environ.get("OAUTH_CLIENT_ID")) and packages


def push_own(
    bench: Bench, name: str, request: gr.Request, token: gr.OAuthToken | None = None
) -> str:
    """A click on Push: a sentence with what came of it."""
    lang = language(request)
    if bench.result is None:
        raise gr.Error(say("finetune_no_result", lang), print_exception=False)
    if token is None:
        raise gr.Error(say("finetune_push_login", lang), print_exception=False)
    try:
        repo = push(bench.result, name.strip() or bench.result.loaded.record.name, token.token)
    except ValueError as error:
        raise gr.Error(
            say("finetune_push_failed", lang, why=error), print_exception=False
        ) from None
    return f"<p class='small'>{escape(say('finetune_push_done', lang, repo=repo))}</p>"


def push(result, name: str, token: str) -> str:
    """Upload a net and its card to the account of ``token``; gives the repository's name.

    Raises ValueError with what the Hub said.
    """
    from huggingface_hub import HfApi

    from cnn_space.training.finetuning import save

    api = HfApi(token=token)
    try:
        repo = api.create_repo(name, exist_ok=True).repo_id
        with tempfile.TemporaryDirectory(prefix="cnn-space-") as folder:
            save(result, Path(folder))
            api.upload_folder(repo_id=repo, folder_path=folder, commit_message="A fine-tuned net")
    except Exception as error:  # the Hub's client raises errors of several families
        raise ValueError((str(error).splitlines() or ["no answer"])[0][:200]) from error
    return repo


# For programs


def finetune(
    archive: str | None,
    model: str,
    optimizer: str,
    learning_rate: float,
    lowest_share: float,
    head_epochs: int,
    top_epochs: int,
    epochs: int,
    augmentation: str,
    auxiliary_heads: bool,
    frozen_norm: bool,
    holdout: float,
    seed: int,
):
    """Teach a net new classes.

    Args:
        archive: zip with one folder of images a class; none for the handwritten digits.
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

    Returns:
        What the run is doing, again and again, and at last its report and a zip with the net.
    """
    from cnn_space.training.finetuning import Run

    try:
        images = (readers.read_zip(archive) if archive else digits()).images
        plan = plan_from(
            optimizer,
            learning_rate,
            lowest_share,
            head_epochs,
            top_epochs,
            epochs,
            augmentation,
            auxiliary_heads,
            frozen_norm,
            holdout,
            seed,
        )
        run = Run(weights.load(model), images, plan, seconds=budget())
        with contextlib.closing(iter(run)) as updates:
            for update in updates:
                fields = {k: v for k, v in vars(update).items() if k != "history"}
                yield {k: v for k, v in fields.items() if v == v}, None  # without NaN
        if not run.has_best:
            raise ValueError(_why_nothing(run.ended, "en"))
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    result = run.result()
    report = result.report
    told = report.to_json() | {
        "phase": "done",
        "accuracy": report.after,
        "majority": report.majority,
        "per_class": report.per_class,
        "confusion": report.confusion,
    }
    with tempfile.TemporaryDirectory(prefix="cnn-space-") as folder:
        yield told, str(bundle(result, Path(folder)))
