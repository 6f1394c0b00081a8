"""The map of GoogLeNet: its figures are the published net's, and the experiment's are recorded."""

import json
import shutil
from pathlib import Path
from statistics import mean

import pytest
from markup import parse, text, with_class

from cnn_space.costs.inception import PRESETS
from cnn_space.models.registry import create_model
from cnn_space.page.inception import googlenet_map, view
from cnn_space.weights import catalogue


def test_the_parts_are_the_whole_net_and_the_heads_the_rest():
    net = create_model("googlenet", form="paper")
    stored = sum(parameter.numel() for parameter in net.parameters())
    heads = [part.head for part in googlenet_map.parts() if part.head]
    counted = sum(part.parameters for part in googlenet_map.parts())
    assert counted == 6_998_552  # with biases
    assert counted + sum(head.parameters for head in heads) == stored == 13_378_280
    assert sum(part.mac_share for part in googlenet_map.parts()) == pytest.approx(1)
    for head, inner in zip(heads, (net.aux1, net.aux2), strict=True):
        assert head.parameters == sum(parameter.numel() for parameter in inner.parameters())


def test_modules_are_buttons_and_heads_say_their_layers():
    html = parse(view.googlenet())
    assert [b.get("data-module") for b in html.iter("button")] == list(PRESETS)
    first, second = with_class(html, "head")
    assert "linear → 1,024" in text(first) and "2,098,176 parameters" in text(first)
    assert "512" not in text(second)
    assert "보조 분류기 aux1" in text(parse(view.googlenet("ko")))


def test_the_gain_is_that_of_the_recorded_trainings(tmp_path, monkeypatch):
    folder = Path(catalogue.CHECKPOINTS) / "experiments"
    recorded = {
        kind: mean(
            json.loads(f.read_text())["accuracy"] for f in folder.glob(f"googlenet-{kind}-*")
        )
        for kind in ("aux", "no-aux")
    }
    googlenet_map.experiment.cache_clear()
    gain = recorded["aux"] - recorded["no-aux"]
    assert googlenet_map.experiment().gain == gain
    assert f"{recorded['aux']:.2f} % on average" in text(parse(view.googlenet()))
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    shutil.copytree(folder, tmp_path / "experiments")
    (tmp_path / "experiments" / "googlenet-aux-seed0.json").write_text("{")
    (tmp_path / "experiments" / "googlenet-no-aux-seed7.json").symlink_to(tmp_path / "nowhere")
    googlenet_map.experiment.cache_clear()
    found = googlenet_map.experiment()
    assert (len(found.with_heads), len(found.without)) == (2, 3)
    shutil.rmtree(tmp_path / "experiments")
    googlenet_map.experiment.cache_clear()
    assert googlenet_map.experiment() is None and "recorded" not in view.googlenet()
    googlenet_map.experiment.cache_clear()
