"""What stands beside a net: facts of its paper and of its training, and its drawing."""

from dataclasses import replace

import pytest
from markup import parse, text, with_class
from visitors import ENGLISH, KOREAN, by_name

from cnn_space import load, weights
from cnn_space.costs.stages import stages_of
from cnn_space.models import registry
from cnn_space.page.classify.handlers import Tab
from cnn_space.page.common.texts import TEXTS

tab = by_name(Tab)


def facts(name: str, request=ENGLISH, own_nets=None) -> str:
    return tab.show_facts(name, own_nets or {}, request)["facts"]


def words(html: str) -> str:
    return " ".join(text(paragraph) for paragraph in parse(html).iter("p"))


@pytest.mark.parametrize("name", ["lenet5.cifar10", "resnet18.imagenette", "vgg16_bn.cifar10"])
def test_year_idea_paper_and_training(name):
    record, html = weights.record(name), facts(name)
    net = registry.facts(record.arch)
    said = words(html)
    assert f"{record.title}, {net.year}" in said and net.idea in said
    assert net.paper.link in [link.get("href") for link in parse(html).iter("a")]
    assert "Trained for this project, on" in said and f"{record.accuracy:.1f} %" in said
    korean = words(facts(name, KOREAN))
    assert TEXTS["ko"][f"net_idea_{net.family}"] in korean and f"{net.year}년" in korean


def test_every_family_has_its_idea_in_both_languages():
    families = {registry.facts(name).family for name in registry.list_models()}
    for lang in ("en", "ko"):
        ideas = {TEXTS[lang][f"net_idea_{family}"] for family in families}
        assert len(ideas) == len(families)


def test_the_drawing_is_of_the_nets_own_stages():
    record = weights.record("googlenet.cifar10")
    svg = next(parse(facts(record.name)).iter("svg"))
    options = tuple(sorted(record.options.items()))
    stages = stages_of(record.arch, record.num_classes, record.preprocessing.size, options)
    labels = [label.text for label in svg.iter("text")]
    assert labels[::2] == [str(stage.channels) for stage in stages]
    assert labels[1::2] == [str(stage.side[0]) for stage in stages]
    heights = [float(block.get("height")) for block in svg.iter("rect")]
    shades = [float(block.get("fill-opacity")) for block in svg.iter("rect")]
    assert heights == sorted(heights, reverse=True)
    assert shades.index(max(shades)) == max(range(len(stages)), key=lambda i: stages[i].macs)


def test_terms_open_into_their_meaning():
    html = facts("googlenet.cifar10")
    explained = {text(next(term.iter("button"))) for term in with_class(html, "term")}
    assert explained == {"CIFAR-10", "top-1", "parameters", "MACs"}


def test_others_weights_and_ones_own_say_whose_they_are(checkpoints):
    assert "Trained by torchvision" in words(facts("resnet18.tv_in1k"))
    loaded = load("lenet5.cifar10")
    own = weights.Loaded(loaded.net, replace(loaded.record, source="session"))
    assert "Fine-tuned by you" in words(facts("mine", own_nets={"mine": own}))
    assert facts("expired") == ""


def test_a_card_of_no_net_leaves_the_drawing_out(checkpoints):
    loaded = load("lenet5.cifar10")
    odd = replace(loaded.record, preprocessing=replace(loaded.record.preprocessing, size=8))
    html = facts("odd", own_nets={"odd": weights.Loaded(loaded.net, odd)})
    assert not list(parse(html).iter("svg")) and "1998" in words(html)
    odd = replace(loaded.record, arch="no_such_net")
    assert facts("odd", own_nets={"odd": weights.Loaded(loaded.net, odd)}) == ""
