"""The Compare tab: what its events do, and the endpoint for clients."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import gradio as gr
from PIL import Image

from cnn_space import weights
from cnn_space.inference import comparison
from cnn_space.inference.comparison import Entry
from cnn_space.page.common import nets as all_nets
from cnn_space.page.common.photo_input import PhotoInput, Refused, notes, required
from cnn_space.page.common.templates import of
from cnn_space.page.common.texts import language, say
from cnn_space.page.compare import figures, view
from cnn_space.page.compare.finding import finding
from cnn_space.page.compare.table import table, table_html

Photo = Image.Image | Refused | None
Nets = Mapping[str, weights.Loaded]


@dataclass(frozen=True, eq=False)
class Tab:
    """The components of the tab; the methods handle their events."""

    photo: PhotoInput
    nets: gr.Dropdown
    download: gr.HTML
    # the comparison
    finding: gr.HTML
    cards: gr.HTML
    table: gr.HTML
    done: gr.State  # what was compared last
    # what is known without a photo
    work: gr.HTML
    learned: gr.HTML
    classes: gr.HTML

    @property
    def result(self) -> list:
        """Everything that a comparison brings about."""
        return [self.finding, self.cards, self.table, self.done]

    def _only(self, sentence: str) -> dict:
        """A sentence where there is nothing to compare; nothing of a comparison before it stays."""
        return {
            self.finding: view.sentence(sentence),
            self.cards: "",
            self.table: "",
            self.done: None,
        }

    # Choosing

    def arrive(self, chosen: list[str] | None, own_nets: Nets, request: gr.Request) -> dict:
        """The list of nets when the tab opens: a visitor's own may have come since, or gone."""
        known = all_nets.choices(own_nets, language(request), short=True)
        names = {name for _, name in known}
        value = [name for name in chosen or [] if name in names]
        return {self.nets: gr.update(choices=known, value=value)}

    def refresh(self, chosen: list[str] | None, own_nets: Nets, request: gr.Request) -> dict:
        """The same list with what has been fetched by now.

        A chosen net that has expired stays in it while it is chosen: ``run`` says what it is.
        """
        known = all_nets.choices(own_nets, language(request), short=True)
        names = {name for _, name in known}
        expired = [(name, name) for name in chosen or [] if name not in names]
        return {self.nets: gr.update(choices=expired + known)}

    # Comparing

    def run(
        self,
        photo: Photo,
        names: list[str] | None,
        own_nets: Nets,
        done: str | None,
        request: gr.Request,
    ) -> Iterator[dict]:
        """Yields the comparison as it fills.

        ``done`` says what was compared last; asking for the same again costs nothing.
        """
        lang = language(request)
        names = list(dict.fromkeys(names or []))
        why_not = why_no_comparison(photo, names, own_nets, lang)
        if why_not:
            yield self._only(why_not)
            return
        called = [all_nets.called(name, own_nets) for name in names]
        key = key_of(photo, [*names, *called], lang)
        if key == done:
            yield gr.skip()
            return
        pictures = view.Pictures(photo)
        try:
            for entries in _compare(photo, names, own_nets, fetch=False):
                shown = self._shown(entries, pictures, notes(photo, lang), lang)
                finished = all(e.milliseconds is not None for e in entries)
                yield {part: of("compare", photo, names, html) for part, html in shown.items()} | {
                    self.done: key if finished else None
                }
        except ValueError as problem:
            yield self._only(str(problem))

    def _shown(
        self, entries: Sequence[Entry], pictures: view.Pictures, notes: Sequence[str], lang: str
    ) -> dict:
        finished = all(e.problem or e.milliseconds is not None for e in entries)
        return {
            self.finding: view.finding_paragraph(entries, lang, notes),
            self.cards: view.cards(entries, pictures, lang),
            self.table: table_html(entries, lang, finished=finished),
        }

    def unanswered(self, request: gr.Request) -> dict:
        """After an error: nothing of the comparison before it stays."""
        lang = language(request)
        return self._only(say("compare_no_photo", lang))

    def figures(self, names: list[str] | None, own_nets: Nets, request: gr.Request) -> dict:
        """What is known of the chosen nets before any photo."""
        lang = language(request)
        chosen = figures.choose(names or [], own_nets)
        return {
            self.work: figures.work(chosen, lang),
            self.learned: figures.learned(chosen, lang),
            self.classes: figures.classes(chosen, lang),
        }


def fetch(
    names: list[str] | None,
    own_nets: Nets,
    request: gr.Request,
    progress=gr.Progress(),  # noqa: B008
) -> None:
    """Download the chosen nets that are not here; one that fails is a warning, the others go on."""
    for name in dict.fromkeys(names or []):
        all_nets.fetch(name, own_nets, request, progress)


def compare(image: Photo, models: list[str]) -> tuple[dict, str]:
    """Compare convolutional nets on one photo: what each answers and how sure it is, its accuracy,
    its parameters, its multiply-accumulates, and how long it took.

    Args:
        image: the photo: an upload, or a data: URL (base64). Other addresses are not fetched.
        models: two to eight names of weights, such as "googlenet.cifar10".

    Returns:
        The table, one row a net, and what it says in a sentence.
    """
    image = required(image, say("compare_no_photo"))
    try:
        names = [models] if isinstance(models, str) else models or []
        *_, entries = _compare(image, names, {}, heatmaps=False)
    except ValueError as problem:
        raise gr.Error(str(problem), print_exception=False) from None
    return table(entries, names=True), finding(entries).striptags()


def why_no_comparison(photo: Photo, names: Sequence[str], own_nets: Nets, lang: str) -> str:
    """Why there can be no comparison yet, in a sentence; empty where there can be one."""
    if isinstance(photo, Refused):
        return photo.why(lang)
    if photo is None:
        return say("compare_no_photo", lang)
    if len(names) < comparison.LEAST:
        return say("compare_few", lang, least=comparison.LEAST)
    expired = [name for name in names if all_nets.record_of(name, own_nets) is None]
    return say("net_expired", lang, title=expired[0]) if expired else ""


def _compare(photo, names, own_nets, **options) -> Iterator[tuple[Entry, ...]]:
    """The comparison as it fills, a visitor's own nets called as in the lists."""
    nets = {name: own_nets.get(name, name) for name in names}
    for entries in comparison.compare(photo, nets, **options):
        yield tuple(entitled(entry, own_nets) for entry in entries)


def entitled(entry: Entry, own_nets: Nets) -> Entry:
    """The entry with the title by which its visitor knows the net."""
    if entry.name not in own_nets:
        return entry
    return replace(entry, title=all_nets.called(entry.name, own_nets))


def key_of(photo: Image.Image, names: Sequence[str], lang: str) -> str:
    """What is compared, as a short text."""
    digest = hashlib.blake2b(photo.tobytes(), digest_size=16)
    # The path too: the browser tells by it what is shown of another photo.
    digest.update(repr((photo.size, photo.info.get("path"), names, lang)).encode())
    return digest.hexdigest()
