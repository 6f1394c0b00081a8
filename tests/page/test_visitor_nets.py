"""The zip that Fine-tune gives out, opened in Classify, and zips that are something else."""

import json
import zipfile
from collections import OrderedDict
from pathlib import Path

import gradio as gr
import pytest
import torch
from finetune_visits import trained, visitor, with_bars
from safetensors.torch import load, save
from throwaway import write_weights
from visitors import by_name

from cnn_space.page.classify import handlers
from cnn_space.page.common import retention
from cnn_space.page.common.nets import OwnNets
from cnn_space.weights.digest import sha256

TAB = by_name(handlers.Tab)


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """The folder in which uploads lie."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def zipped(folder, change=None, **fields):
    """The zip of a net with random weights, ``change`` made to its state dict and its card's
    ``fields`` replaced."""
    card, _ = write_weights(folder / "made", "lenet5.mine", "lenet5")
    weights_file = card.with_suffix(".safetensors")
    if change:
        state = load(weights_file.read_bytes())
        change(state)
        weights_file.write_bytes(save(state))
        size, digest = weights_file.stat().st_size, sha256(weights_file)
        fields = {"bytes": size, "sha256": digest} | fields
    card.write_text(json.dumps(json.loads(card.read_text()) | fields))
    path = folder / "my net.ZIP"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(card, card.name)
        archive.write(weights_file, weights_file.name)
    return path


def refused(path, lang="en", own_nets=None):
    own_nets = OwnNets() if own_nets is None else own_nets
    with pytest.raises(gr.Error) as caught:
        TAB.take_zip(str(path), own_nets, visitor(lang))
    assert not own_nets
    return caught.value.message


def test_a_net_comes_back_from_its_zip(checkpoints, uploads):
    session, request = with_bars(), visitor()
    trained(session)
    own_nets = session.own_nets
    ((first, original),) = own_nets.items()
    path = uploads / "x.zip"
    path.write_bytes(Path(session.kept.file).read_bytes())
    _, shown = TAB.take_zip(str(path), own_nets, request)
    path.unlink()  # as uploads are, after a while
    assert list(own_nets) == [first, f"{first} (2)"] and shown.value == f"{first} (2)"
    assert shown.choices[:2] == [(f"{name} · yours", name) for name in own_nets]
    back = own_nets[shown.value]
    batch = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(back.net(batch), original.net(batch))
    record = back.record
    assert record.labels == ("left", "right") and record.source == "session"
    assert record.read_card().confusion == original.record.read_card().confusion
    assert record.eval_images == original.record.eval_images


def test_such_nets_are_bounded_as_trained_ones_are(uploads, monkeypatch):
    monkeypatch.setattr(retention.NETS, "_bounds", lambda: retention.Bounds(2, 10**9, 1000))
    monkeypatch.setattr(retention.NETS, "_kept", OrderedDict())  # nothing of other tests
    own_nets, path = OwnNets(), str(zipped(uploads))
    for _ in range(3):
        TAB.take_zip(path, own_nets, visitor())
    assert list(own_nets) == ["Lenet5 · CIFAR-10 · 10.0 % (2)", "Lenet5 · CIFAR-10 · 10.0 % (3)"]


@pytest.mark.parametrize(("value", "place"), [(float("nan"), 0), (float("-inf"), -1)])
def test_weights_that_are_no_numbers_are_refused_by_name(uploads, value, place):
    def change(state):
        names.append(list(state)[place])
        state[names[0]].view(-1)[-1] = value

    names = []
    message = refused(zipped(uploads, change))
    assert f"my net.ZIP holds values that are no numbers (NaN or infinity) in {names[0]}" in message
    assert str(uploads) not in message


def test_what_is_no_net_gets_a_sentence(uploads, monkeypatch):
    photos = uploads / "photos.zip"
    with zipfile.ZipFile(photos, "w") as archive:
        archive.writestr("cats/1.jpg", b"x")
    text = uploads / "text.zip"
    text.write_bytes(b"no zip")
    elsewhere = uploads.parent / "elsewhere.zip"
    elsewhere.write_bytes(zipped(uploads).read_bytes())
    assert refused(photos) == (
        "photos.zip holds no net: a net is a .safetensors file and its .json card, and nothing else"
    )
    assert refused(text).startswith("text.zip is damaged, or no zip")
    assert refused(text, "ko").startswith(
        "zip 파일에서 신경망을 읽지 못했습니다. 이유(영어): text.zip "
    )
    for missing in (elsewhere, uploads / "gone.zip", ""):  # only what was uploaded is opened
        assert refused(missing) == "The file is no longer here. Choose it again."
    assert "'arch'" in refused(zipped(uploads, arch=3))
    assert "does not fit" in refused(zipped(uploads, num_classes=3, labels=["a", "b", "c"]))
    assert "no net" in refused(zipped(uploads, arch="os.system"))


def test_a_zip_is_bounded_before_it_is_read(uploads, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_NET_MB", "1")

    def zeros(state):
        state["more"] = torch.zeros(10_000_000)

    assert "weights of more than 1 MB" in refused(zipped(uploads, zeros))
    # A card that says less than the file has: the file is not unpacked to find out.
    assert "is too large" in refused(zipped(uploads, zeros, bytes=1000))
