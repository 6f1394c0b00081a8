"""What stands beside a net: its year, its idea, its paper, who trained it, and a small drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from markupsafe import Markup

from cnn_space.costs.stages import Stage
from cnn_space.formats import accuracy, fraction, millions, shape
from cnn_space.models import registry
from cnn_space.page.common import nets
from cnn_space.page.common.templates import render
from cnn_space.page.common.texts import say
from cnn_space.weights import WeightsRecord

WIDTH, HEIGHT = 336, 96  # of the drawing, in its own units
TALLEST, LOWEST = 58, 5  # a block of the largest maps, and the least height
ABOVE, BELOW = 16, 16  # room for the figures


@dataclass(frozen=True)
class Block:
    """A stage as drawn: its height goes with the root of the maps' side, its width with the root of
    the channels, its ``shade``, 0..1, with its share of the MACs."""

    stage: Stage
    about: str
    middle: float
    y: float
    width: float
    height: float
    shade: float

    @property
    def x(self) -> float:
        return self.middle - self.width / 2


def facts(record: WeightsRecord, lang: str = "en") -> Markup:
    """What to know of the net behind ``record``; nothing where its card names no net."""
    if record.arch not in registry.list_models():
        return Markup("")
    net = registry.facts(record.arch)
    return render(
        "classify/templates/facts.html",
        lang,
        net=net,
        title=record.title if record.source != "session" else net.title,
        blocks=_blocks(nets.stages(record), lang),
        width=WIDTH,
        height=HEIGHT,
        trained=f"classify_facts_{_trainer(record)}",
        data=record.data,
        accuracy=record.accuracy is not None and accuracy(record.accuracy, record.eval_images),
        parameters=millions(record.parameters or 0),
        macs=millions(record.macs or 0),
    )


def _trainer(record: WeightsRecord) -> str:
    if record.source == "session":
        return "own"
    return "here" if record.card else "torchvision"


def _blocks(stages: Sequence[Stage], lang: str) -> list[Block]:
    if not stages:
        return []
    column = WIDTH / len(stages)
    side, channels, macs = (
        max(values)
        for values in zip(*((s.side[0], s.channels, s.macs) for s in stages), strict=True)
    )
    total = sum(stage.macs for stage in stages)
    blocks = []
    for place, stage in enumerate(stages):
        height = max(LOWEST, TALLEST * sqrt(stage.side[0] / side))
        blocks.append(
            Block(
                stage,
                about=say(
                    "classify_facts_stage",
                    lang,
                    side=shape(stage.side),
                    channels=stage.channels,
                    layers=stage.layers,
                    share=fraction(stage.macs / total),
                ),
                middle=column * (place + 0.5),
                y=ABOVE + (TALLEST - height) / 2,
                width=max(4, 0.92 * column * sqrt(stage.channels / channels)),
                height=height,
                shade=0.16 + 0.84 * stage.macs / macs,
            )
        )
    return blocks
