"""What the registry says of nets before they are built, against the nets and the bundled cards."""

import json
from pathlib import Path

import pytest
import torch

from cnn_space.models import registry
from cnn_space.models.registry import create_model, design, facts

CARDS = sorted((Path(__file__).parents[2] / "checkpoints").glob("*.json"))


def shapes(arch: str, classes: int, **options) -> dict[str, torch.Size]:
    with torch.device("meta"):
        net = create_model(arch, classes, **options)
    return {name: tensor.shape for name, tensor in net.state_dict().items()}


@pytest.mark.parametrize("name", registry.names())
def test_facts_are_complete(name):
    known = facts(name)
    assert known.name == name and known.arch in registry.list_models()
    assert 1998 <= known.year <= 2016 and known.idea.endswith(".")
    assert known.paper.title and known.paper.link.startswith("https://")


def test_names_and_titles_are_unique():
    titles = [facts(name).title for name in registry.names()]
    assert len({*titles}) == len(titles) == len({*registry.names()})


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_a_bundled_net_is_what_its_name_stands_for(path):
    """Title and layers of each card are those of the design; whichever way its options say so."""
    card = json.loads(path.read_text())
    made = design(path.stem.partition(".")[0], card["preprocessing"]["size"])
    assert (made.title, made.arch) == (card["title"], card["arch"])
    classes, without = card["num_classes"], {"aux": False} if "aux" in card["options"] else {}
    assert shapes(made.arch, classes, **made.options | without) == shapes(
        card["arch"], classes, **card["options"]
    )


@pytest.mark.parametrize("arch", registry.list_models())
def test_forms_differ_in_their_layers(arch):
    with torch.device("meta"):
        plain = create_model(arch)
        for form, options in facts(arch).forms.items():
            assert str(create_model(arch, **options)) != str(plain), form


@pytest.mark.parametrize("name", registry.names())
def test_designs_for_small_images(name):
    made, large = design(name, 64), design(name, 65)
    assert "small_input" not in large.options
    with torch.device("meta"):
        if made.arch == "inception_v3":
            with pytest.raises(ValueError, match="no stem for small images"):
                create_model(made.arch, 10, **made.options)
        else:
            net = create_model(made.arch, 10, **made.options).eval()
            assert net.input_size == 32
            assert net(torch.empty(1, 3, 32, 32)).shape == (1, 10)


def test_a_design_is_ones_own():
    design("vgg16_bn", 224).options["head"] = "gap"
    assert design("vgg16_bn", 224).options == {"batch_norm": True}


@pytest.mark.parametrize(
    ("arch", "spelling"), [("alexnet", {"form": "cifar"}), ("vgg13", {"head": "gap"})]
)
def test_the_small_form_has_one_spelling_and_older_ones(arch, spelling):
    expected = shapes(arch, 10, small_input=True)
    assert shapes(arch, 10, **spelling) == expected
    assert shapes(arch, 10, small_input=True, **spelling) == expected


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vgg16-bn", "did you mean vgg16_bn"),
        ("googlenet_papier", "did you mean googlenet_paper"),
        ("?", "choose from lenet5, alexnet"),
    ],
)
def test_unknown_names(name, message):
    for ask in (facts, lambda name: design(name, 32)):
        with pytest.raises(ValueError) as caught:
            ask(name)
        assert message in str(caught.value)


def test_landmarks_are_nets_of_different_families():
    families = {facts(name).family for name in registry.landmarks()}
    assert len(families) == len(registry.landmarks()) >= 4
    assert registry.landmarks()[-1] == "alexnet"  # four of the others come first
