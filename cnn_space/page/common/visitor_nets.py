"""A visitor's own nets: how they are kept, and how one comes back from its zip."""

from dataclasses import replace
from pathlib import Path

from cnn_space import weights
from cnn_space.page.common.nets import OwnNets
from cnn_space.page.common.retention import NETS
from cnn_space.page.common.texts import accuracy, label, say
from cnn_space.settings import Settings
from cnn_space.weights import Loaded, WeightsRecord


def keep(own_nets: OwnNets, name: str, loaded: Loaded, *, beside: int = 0) -> str:
    """Keep a net under ``name``, or with a number behind it where there is such a one; returns the
    name that it has got. How many are kept, of all visitors, is bounded by ``NETS``; ``beside`` are
    bytes of what is kept with it in ``own_nets.results``."""
    number, first = 2, name
    while name in own_nets:
        name, number = f"{first} ({number})", number + 1
    own_nets[name] = loaded
    # Counted twice: the tabs make a folded copy of it.
    NETS.keep(own_nets, name, size=2 * loaded.bytes + beside)
    return name


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
