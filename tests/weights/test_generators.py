"""The generator's file and card, when they are not what they should be: a sentence each."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from cnn_space.page.finetune import sources
from cnn_space.weights import catalogue, generators
from cnn_space.weights.digest import sha256

BUNDLED = catalogue.CHECKPOINTS / "generators"
CARD, FILE = "dcgan.digits.json", "dcgan.digits.safetensors"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The generator that comes along, where it may be changed."""
    shutil.copytree(BUNDLED, tmp_path / "generators")
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    return tmp_path / "generators"


def edit(folder, **fields):
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps(card | fields), encoding="utf-8")


def replace(folder, tensors):
    """Other tensors, and a card that stands by them."""
    save_file(tensors, folder / FILE)
    edit(folder, sha256=sha256(folder / FILE))


def changed(folder, key, value):
    tensors = load_file(folder / FILE)
    tensors[key] = value
    replace(folder, tensors)


def not_safetensors(folder):
    (folder / FILE).write_bytes(b"not at all")
    edit(folder, sha256=sha256(folder / FILE))


DAMAGES = {
    "nan": (
        lambda folder: changed(folder, "2.grow.1.bias", torch.full((64,), torch.nan)),
        r"holds values that are no numbers \(NaN or infinity\) in grow.1.bias",
    ),
    "shape": (
        lambda folder: changed(folder, "2.grow.1.bias", torch.zeros(7)),
        r"does not fit the generator at age 2: grow.1.bias is \[7\] and should be \[64\]",
    ),
    "foreign": (
        lambda folder: replace(folder, {"conv1.weight": torch.zeros(3)}),
        "does not fit the generator at age 2: .* tensors are missing",
    ),
    "no safetensors": (not_safetensors, "is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_that_cannot_be_used_are_refused_in_a_sentence(folder, damage):
    make, why = DAMAGES[damage]
    make(folder)
    with pytest.raises(ValueError, match=f"{FILE} {why}.* train it again"):
        generators.load(2)
    sources.real_or_forged.cache_clear()
    assert sources.at_once("forged", 2) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file", "../../etc/passwd"),
        ("ages", [5, "x"]),
        ("ages", [1] * 1000),
        ("history", [{"epoch": 1, "distance": float("nan")}]),
        ("sha256", "0" * 64),
    ],
)
def test_an_edited_card_is_refused_and_the_page_leaves_the_source_out(folder, field, value, caplog):
    edit(folder, **{field: value})
    with pytest.raises(ValueError, match=f"{field}.* is not as it|its sha256 is not its"):
        generators.load(1)
    generators._warn_once.cache_clear()
    for _ in range(3):
        assert "forged" not in sources.available() and sources.oldest() == 1
    assert len(caplog.messages) == 1 and "dcgan.digits" in caplog.messages[0]


def test_ages_that_the_file_lacks(folder):
    edit(folder, ages=[5, 16, 40, 300, 900])
    assert generators.load(4)
    with pytest.raises(ValueError, match=r"does not fit the generator at age 5: .* are missing"):
        generators.load(5)
