"""Every bundled net names what it always named, on 40 stored pictures.

``pinned.png`` holds 40 tiles of 40 × 40 pixels: pieces of scikit-image's public-domain photos and
drawn shapes, chosen so that every net names each of its classes at least once. ``pinned.json`` is
what the nets said. So permuted labels, a wrong mean or another interpolation cannot pass. After a
net was trained again: ``python tests/inference/test_pinned.py`` writes the answers anew.
"""

import json
from pathlib import Path

import pytest
from PIL import Image

import cnn_space

PICTURES = Path(__file__).with_name("pinned.png")
ANSWERS = Path(__file__).with_name("pinned.json")
SIDE = 40
NETS = sorted(path.stem for path in (Path(__file__).parents[2] / "checkpoints").glob("*.json"))


def tiles() -> list[Image.Image]:
    sheet = Image.open(PICTURES)
    corners = [(x, y) for y in range(0, sheet.height, SIDE) for x in range(0, sheet.width, SIDE)]
    return [sheet.crop((x, y, x + SIDE, y + SIDE)) for x, y in corners]


def answers(net: str) -> list[tuple[str, float]]:
    best = [cnn_space.classify(tile, net, 1)[0] for tile in tiles()]
    return [(answer.label, answer.probability) for answer in best]


@pytest.mark.parametrize("net", NETS)
def test_a_bundled_net_says_what_it_always_said(net):
    expected = json.loads(ANSWERS.read_text())[net]
    found = answers(net)
    assert [label for label, _ in found] == [label for label, _ in expected]
    assert [p for _, p in found] == pytest.approx([p for _, p in expected], abs=0.002)


@pytest.mark.parametrize("net", NETS)
def test_the_pictures_reach_every_class(net):
    named = {label for label, _ in json.loads(ANSWERS.read_text())[net]}
    assert named == set(cnn_space.load(net).record.labels)


if __name__ == "__main__":
    said = {net: [(label, round(p, 4)) for label, p in answers(net)] for net in NETS}
    lines = ",\n".join(f" {json.dumps(net)}: {json.dumps(rows)}" for net, rows in said.items())
    ANSWERS.write_text("{\n" + lines + "\n}\n")
