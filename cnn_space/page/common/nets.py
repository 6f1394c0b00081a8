"""The list of nets that the tabs offer: its entries, its first choice, what needs no network."""

import contextlib
from collections.abc import Mapping

import gradio as gr
from huggingface_hub.constants import is_offline_mode

from cnn_space import weights
from cnn_space.costs.stages import Stage, stages_of
from cnn_space.formats import millions
from cnn_space.inference import engine
from cnn_space.models import registry
from cnn_space.page.common.templates import unbroken
from cnn_space.page.common.texts import accuracy, language, say
from cnn_space.weights.transfer import Unreachable

WIDE = 1000  # classes of a net that knows most of what people photograph


class OwnNets(dict):
    """One visitor's own nets, {name: Loaded}; lives in a ``gr.State``.

    A net keeps its name, by which lists know it; ``called`` is what visitors read, which they may
    change. ``results`` holds what is kept beside some of the nets, by the same names: things with a
    method ``close``. Unlike a plain dict it can be weakly referenced, so that a session's nets go
    with it.
    """

    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def __init__(self):
        super().__init__()
        self.results = {}
        self.titles: dict[str, str] = {}

    def called(self, name: str) -> str:
        """What visitors read for the net ``name``."""
        return self.titles.get(name, name)

    def forget(self, name: str) -> None:
        """A net is no longer kept, nor what was kept beside it."""
        self.pop(name, None)
        self.titles.pop(name, None)
        if result := self.results.pop(name, None):
            result.close()


def choices(
    own_nets: Mapping[str, weights.Loaded] | None = None, lang: str = "en", *, short: bool = False
) -> list[tuple[str, str]]:
    """Entries of a list of nets, (text, name): a visitor's own, then those of ``offered``."""
    own = [(say("net_own", lang, name=called(name, own_nets)), name) for name in own_nets or {}]
    return own + [(entry(name, lang, short=short), name) for name in offered()]


def offered() -> list[str]:
    """The published nets as lists show them: first those with 1,000 classes that are here,
    landmarks before others; then the others that are here; last those that need the network. No
    net is loaded for it."""
    landmarks = registry.landmarks()

    def place(name: str) -> tuple[bool, bool, bool]:
        here = weights.is_local(name)
        wide = here and weights.record(name).num_classes >= WIDE
        return not here, not wide, wide and name.partition(".")[0] not in landmarks

    return sorted(weights.list_weights(), key=place)


def entry(name: str, lang: str = "en", *, short: bool = False) -> str:
    """``GoogLeNet · CIFAR-10 · 91.3 % · 5.6 M parameters``; short: without the figures."""
    record = weights.record(name)
    parts = [record.title, record.data]
    if record.accuracy is not None and not short:
        parts.append(accuracy(record.accuracy, record.eval_images, lang))
    if record.parameters is not None and not short:
        parts.append(say("net_parameters", lang, count=millions(record.parameters)))
    if not weights.is_local(name):
        parts.append(say("net_remote", lang))
    return unbroken(" · ".join(filter(None, parts)))


def first_net() -> str | None:
    """The net chosen on arrival: one with 1,000 classes where one is here, else the first with ten;
    None where all need the network."""
    wide = (name for name in local_nets() if weights.record(name).num_classes >= WIDE)
    return next(wide, None) or first_base()


def first_base() -> str | None:
    """The net that a visitor's own starts from: a small one, which learns quickly. None where all
    need the network."""
    try:
        return weights.default()
    except ValueError:
        return None


def local_nets() -> list[str]:
    """The published nets that need no network, in the order of ``offered``."""
    return [name for name in offered() if weights.is_local(name)]


def wider(record: weights.WeightsRecord) -> weights.WeightsRecord | None:
    """The net with 1,000 classes to ask instead of a net that knows fewer: one that is here, else
    the smallest file that can be fetched. None where there is none, or no network is allowed."""
    if record.num_classes >= WIDE:
        return None
    wide = [r for r in map(weights.record, offered()) if r.num_classes >= WIDE]
    if wide and weights.is_local(wide[0].name):  # these come first
        return wide[0]
    if is_offline_mode():
        return None
    return min((r for r in wide if r.bytes), key=lambda r: r.bytes, default=None)


def warm() -> None:
    """Load the first net before the first visitor asks for it. An error waits for that visitor."""
    name = first_net()
    with contextlib.suppress(ValueError):
        if name:
            engine.get(name)
            stages(weights.record(name))


def stages(record: weights.WeightsRecord) -> tuple[Stage, ...]:
    """The stages of a net, for its drawing; none where its card describes no net."""
    options = tuple(sorted(record.options.items()))
    try:
        return stages_of(record.arch, record.num_classes, record.preprocessing.size, options)
    except ValueError:
        return ()


def called(name: str, own_nets: Mapping[str, weights.Loaded]) -> str:
    """What visitors read for one of their own nets."""
    return own_nets.called(name) if isinstance(own_nets, OwnNets) else name


def record_of(name: str, own_nets: Mapping[str, weights.Loaded]) -> weights.WeightsRecord | None:
    """The record of a chosen net; None for a visitor's net that is no longer kept."""
    if name in own_nets:
        return own_nets[name].record
    return weights.record(name) if weights.is_known(name) else None


def is_here(name: str, own_nets: Mapping[str, weights.Loaded]) -> bool:
    """Whether a net can answer without the network."""
    return name in own_nets or (weights.is_known(name) and weights.is_local(name))


def why_not_here(name: str, title: str, lang: str) -> str:
    """Why a published net that is not here does not answer."""
    return say("net_coming" if weights.is_coming(name) else "net_not_here", lang, title=title)


# Events that several tabs share


def refresh(
    chosen: str | None, own_nets: Mapping[str, weights.Loaded], request: gr.Request
) -> gr.Dropdown:
    """The list in the visitor's language, with what has been trained or fetched by now.

    A chosen net that is no longer kept stays in the list until another is chosen: Gradio would
    refuse every event that hands the choice on.
    """
    known = choices(own_nets, language(request))
    if chosen and chosen not in (name for _, name in known):
        known.insert(0, (chosen, chosen))
    return gr.Dropdown(choices=known)


def fetch(
    name: str | None,
    own_nets: Mapping[str, weights.Loaded],
    request: gr.Request,
    progress=gr.Progress(),  # noqa: B008
) -> None:
    """Download the chosen net if it is not here. Outside the queue of answers: none waits for it.

    A failed download is a warning, not an error: the event that follows then shows that there is
    no answer, in place of the old one.
    """
    if not weights.is_known(name) or is_here(name, own_nets):
        return
    title, lang = weights.record(name).title, language(request)

    def report(done: int, total: int | None):
        progress(done / total if total else None, desc=f"{title}: {done / 1e6:.0f} MB")

    try:
        weights.fetch(name, report)
        return
    except Unreachable:
        sentence = say("net_not_here", lang, title=title)
    except ValueError as error:
        sentence = say("net_trouble", lang, title=title, why=error)
    gr.Warning(sentence, title=say("notice_warning", lang))
