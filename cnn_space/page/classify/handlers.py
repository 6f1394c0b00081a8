"""The Classify tab: what its events do, and the endpoint for clients."""

from collections.abc import Mapping
from dataclasses import dataclass

import gradio as gr
import torch
from markupsafe import Markup
from PIL import Image

from cnn_space import weights
from cnn_space.images.preprocessing import prepare
from cnn_space.inference import classification, engine, explain
from cnn_space.page.classify import examples, view
from cnn_space.page.classify.facts import facts
from cnn_space.page.common import nets, uploads, visitor_nets
from cnn_space.page.common.photo_input import PhotoInput, Refused, notes, required
from cnn_space.page.common.templates import of
from cnn_space.page.common.texts import language, say

TOP_K = 5  # classes in the answer of the endpoint, by default

Photo = Image.Image | Refused | None
Nets = Mapping[str, weights.Loaded]


@dataclass(frozen=True, eq=False)
class Tab:
    """The components of the tab; the methods handle their events."""

    photo: PhotoInput
    examples: gr.HTML
    net: gr.Dropdown
    zipped: gr.UploadButton  # a net of the visitor's own
    facts: gr.HTML
    ten_views: gr.Checkbox
    download: gr.HTML
    # the result
    answer: gr.HTML
    seen: gr.HTML  # the picture that the net gets
    looked: gr.HTML  # the heatmap
    views: gr.HTML
    foot: gr.HTML

    @property
    def result(self) -> list[gr.HTML]:
        """Everything that a photo and a net bring about."""
        return [self.answer, self.seen, self.views, self.foot, self.looked]

    def _only(self, sentence: str) -> dict:
        """A sentence in place of the answer; nothing of an answer before it stays."""
        return dict.fromkeys(self.result, "") | {self.answer: view.waiting(sentence)}

    def show_examples(self, net: str | None, own_nets: Nets, request: gr.Request) -> dict:
        """The pictures to try with the chosen net."""
        record = nets.record_of(net, own_nets) if net else None
        return {self.examples: view.examples(record, language(request))}

    def show_facts(self, net: str | None, own_nets: Nets, request: gr.Request) -> dict:
        """What to know of the chosen net. Of a deep one the first drawing takes a second."""
        record = nets.record_of(net, own_nets) if net else None
        return {self.facts: facts(record, language(request)) if record else ""}

    def take_example(self, event: gr.EventData) -> dict:
        """The picture of the example that was clicked."""
        example = examples.named(event._data.get("name"))
        return {self.photo: example.upload()} if example else gr.skip()

    def coming(self, net: str | None, own_nets: Nets, request: gr.Request) -> dict:
        """The chosen net is not here and will be fetched: its answer follows."""
        if not weights.is_known(net) or nets.is_here(net, own_nets):
            return gr.skip()
        title = weights.record(net).title
        return self._only(say("net_coming", language(request), title=title))

    def show(
        self, photo: Photo, net: str | None, ten_views: bool, own_nets: Nets, request: gr.Request
    ) -> dict:
        """The answer, what the net sees, the ten views, and the line at the foot.

        Without a photo nothing changes: the browser has hidden what was there and says so.
        """
        lang = language(request)
        if photo is None and nets.is_here(net, own_nets):
            return gr.skip()
        why_not = why_no_answer(photo, net, own_nets, lang)
        if not why_not:
            try:
                answer = answer_of(photo, own_nets.get(net, net), ten_views, lang, timed=True)
            except ValueError as error:
                why_not = str(error)
        if why_not:
            return self._only(why_not)
        shown = {
            self.answer: view.answer(answer, lang, nets.wider(answer.record)),
            self.seen: view.seen(answer, lang),
            self.views: view.views(answer, lang),
            self.foot: view.foot(answer, notes(photo, lang), lang),
        }
        return {place: of_this_tab(photo, net, html) for place, html in shown.items()}

    def ask_wider(self, event: gr.EventData) -> dict:
        """The net that the answer offered is chosen; where it is not here its fetching follows."""
        name = event._data.get("net")
        return {self.net: name} if weights.is_known(name) else gr.skip()

    def unanswered(self, request: gr.Request) -> dict:
        """After an error: no answer, no picture, instead of those before it."""
        return self._only(say("classify_waiting", language(request)))

    def look(self, photo: Photo, net: str | None, own_nets: Nets, request: gr.Request) -> dict:
        """The heatmap of the net's own answer; without a photo nothing changes, as in ``show``."""
        if photo is None and nets.is_here(net, own_nets):
            return gr.skip()
        return {self.looked: _heatmap(photo, net, own_nets, None, language(request))}

    def look_for(
        self,
        photo: Photo,
        net: str | None,
        own_nets: Nets,
        request: gr.Request,
        event: gr.EventData,
    ) -> dict:
        """The heatmap of the class that was clicked."""
        clicked = event._data.get("label")
        return {self.looked: _heatmap(photo, net, own_nets, clicked, language(request))}

    def take_zip(self, file: str | None, own_nets: nets.OwnNets, request: gr.Request) -> list:
        """The net in a zip becomes one of the visitor's own, and the one that is chosen."""
        lang = language(request)
        try:
            name = visitor_nets.take_zip(uploads.find(file), own_nets, lang)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return [own_nets, gr.Dropdown(choices=nets.choices(own_nets, lang), value=name)]


def classify(image: Photo, model: str, top_k: int = TOP_K) -> dict[str, float]:
    """Say what a photo shows: the likeliest classes by a convolutional net. Weights called
    ".cifar10" and ".imagenette" know ten classes each, and name one of them for any picture; those
    called "in1k" know the 1,000 of ImageNet, and may be downloaded first.

    Args:
        image: the photo: an upload, or a data: URL (base64). Other addresses are not fetched.
        model: name of the weights, such as "googlenet.cifar10".
        top_k: how many classes to return.

    Returns:
        The likeliest classes by their English names, each with its probability.
    """
    image = required(image, say("classify_no_photo"))
    try:
        best = answer_of(image, model).predictions[: max(1, int(top_k or TOP_K))]
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None
    return {prediction.label: prediction.probability for prediction in best}


def why_no_answer(photo: Photo, net: str | None, own_nets: Nets, lang: str) -> str:
    """Why there can be no answer of this net, or about this photo, in a sentence; empty where there
    can be one."""
    if isinstance(photo, Refused):
        return photo.why(lang)
    if net is None:
        return say("classify_no_nets", lang)
    record = nets.record_of(net, own_nets)
    if record is None:
        return say("net_expired", lang, title=net)
    if not nets.is_here(net, own_nets):
        return nets.why_not_here(net, record.title, lang)
    return ""


def answer_of(
    photo: Image.Image,
    net: str | weights.Loaded,
    ten_views: bool = False,
    lang: str = "en",
    *,
    timed: bool = False,
) -> classification.Answer:
    """The ``Answer`` of a net. Raises ValueError with a sentence for the visitor."""
    try:
        return classification.answer(photo, net, ten_views=ten_views, timed=timed)
    except ValueError as error:
        title = net.record.title if isinstance(net, weights.Loaded) else net
        raise ValueError(say("net_trouble", lang, title=title, why=error)) from None


def _heatmap(photo: Photo, net: str | None, own_nets: Nets, wanted: str | None, lang: str) -> str:
    """The heatmap of a class, by default the net's own answer, as HTML."""
    ready = prepared(photo, net, own_nets)
    if ready is None:
        return ""
    runner, x = ready
    labels = runner.record.labels
    chosen = labels.index(wanted) if wanted in labels else None
    heatmap = explain.grad_cam(runner.loaded.net, x, chosen)
    label = labels[heatmap.class_index]
    return of_this_tab(
        photo, net, view.looked(photo, runner.record.preprocessing, heatmap, label, lang)
    )


def of_this_tab(photo: Image.Image, net: str, html: Markup) -> Markup:
    """``html`` as something of this photo and net, to be hidden when others are chosen."""
    return of("classify", photo, [net], html)


def prepared(
    photo: Photo, net: str | None, own_nets: Nets
) -> tuple[engine.Engine, torch.Tensor] | None:
    """(engine, input [1, 3, H, W]) of a net that is here and can be loaded, else None."""
    if not isinstance(photo, Image.Image) or net is None or not nets.is_here(net, own_nets):
        return None
    try:
        runner = engine.get(own_nets.get(net, net))
    except ValueError:  # the answer beside it says why
        return None
    return runner, prepare(photo, runner.record.preprocessing)[0]
