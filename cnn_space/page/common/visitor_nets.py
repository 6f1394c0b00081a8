"""A visitor's own nets: how they are kept, and how one comes back from its zip."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

from cnn_space import weights
from cnn_space.images.sources import tag
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.retention import NETS
from cnn_space.page.common.texts import accuracy, label, say
from cnn_space.settings import Settings
from cnn_space.weights import Loaded, WeightsRecord

LONGEST_TITLE = 40


def keep(own_nets: OwnNets, name: str, loaded: Loaded, *, beside: int = 0) -> str:
    """Keep a net under ``name``, or with a number behind it where there is such a one; returns the
    name that it has got. How many are kept, of all visitors, is bounded by ``NETS``; ``beside`` are
    bytes of what is kept with it in ``own_nets.results``."""
    number, first = 2, name
    while name in own_nets or name in own_nets.titles.values():
        name, number = f"{first} ({number})", number + 1
    own_nets[name] = loaded
    # Counted twice: the tabs make a folded copy of it.
    NETS.keep(own_nets, name, size=2 * loaded.bytes + beside)
    return name


def rename(own_nets: OwnNets, name: str, text: str) -> Loaded:
    """Call a net as its visitor likes, in lists and in the files it leaves; with a number behind it
    where another one is called so. ``text`` is cleaned first; nothing is left of it: the net gets
    its first name back. Returns the net with its new record."""
    others = {own_nets.called(other) for other in own_nets if other != name}
    title = first = clean(text) or name
    number = 2
    while title in others:
        title, number = f"{first} ({number})", number + 1
    own_nets.titles[name] = title
    loaded = own_nets[name]
    architecture, card = loaded.record.name.rpartition(".")[0], loaded.record.read_card()
    letters = tag("_".join(re.findall(r"\w+", title))).strip("_")
    changes = {"title": title, "name": f"{architecture}.{letters}"}
    record = replace(loaded.record, **changes, card=card.model_copy(update=changes))
    own_nets[name] = Loaded(loaded.net, record)
    return own_nets[name]


def clean(text: str) -> str:
    """A name as it may stand anywhere: one line of at most LONGEST_TITLE letters, without control
    characters and what turns the direction of writing."""
    words = unicodedata.normalize("NFC", str(text)).split()
    return "".join(c for c in " ".join(words) if c.isprintable())[:LONGEST_TITLE].strip()


def take_zip(path: Path | None, own_nets: OwnNets, lang: str) -> str:
    """Keep the net in the zip ``path``, as the Fine-tune tab gives it out; returns its name.

    Raises ValueError with a sentence for anything else. The file is not needed afterwards.
    """
    if path is None or not path.is_file():
        raise ValueError(say("finetune_error_gone", lang))
    most = Settings.read().net_mb
    try:
        record = weights.identify(path)
        if record.bytes is None or record.bytes > most * 2**20:
            raise ValueError(f"{path} holds weights of more than {most} MB")
        loaded = weights.load(path)
        card = record.read_card()
    except ValueError as error:
        why = str(error).replace(str(path), path.name)
        raise ValueError(say("net_zip_refused", lang, name=path.name, why=why)) from None
    record = replace(record, source="session", card=card)
    return keep(own_nets, title(record, lang), Loaded(loaded.net, record))


def title(record: WeightsRecord, lang: str) -> str:
    """What a visitor's net is called in lists."""
    parts = [label(record.title, lang), label(record.data, lang)]
    if record.accuracy is not None:
        parts.append(accuracy(record.accuracy, record.eval_images, lang))
    return " · ".join(filter(None, parts))
