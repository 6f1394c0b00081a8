"""The zip that Fine-tune gives out, opened in Classify, and zips that are something else."""

import zipfile
from collections import OrderedDict
from pathlib import Path

import gradio as gr
import pytest
import torch
from finetune_visits import trained, visitor, with_bars
from throwaway import write_zip
from visitors import by_name

from cnn_space.page.classify import handlers
from cnn_space.page.common import retention
from cnn_space.page.common.nets import OwnNets

TAB = by_name(handlers.Tab)


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    """The folder in which uploads lie."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


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
    own_nets, path = OwnNets(), str(write_zip(uploads))
    for _ in range(3):
        TAB.take_zip(path, own_nets, visitor())
    assert list(own_nets) == ["Lenet5 · CIFAR-10 · 10.0 % (2)", "Lenet5 · CIFAR-10 · 10.0 % (3)"]


@pytest.mark.parametrize(("value", "place"), [(float("nan"), 0), (float("-inf"), -1)])
def test_weights_that_are_no_numbers_are_refused_by_name(uploads, value, place):
    def change(state):
        names.append(list(state)[place])
        state[names[0]].view(-1)[-1] = value

    names = []
    message = refused(write_zip(uploads, change))
    assert f"my net.ZIP holds values that are no numbers (NaN or infinity) in {names[0]}" in message
    assert str(uploads) not in message


def test_what_is_no_net_gets_a_sentence(uploads, monkeypatch):
    photos = uploads / "photos.zip"
    with zipfile.ZipFile(photos, "w") as archive:
        archive.writestr("cats/1.jpg", b"x")
    text = uploads / "text.zip"
    text.write_bytes(b"no zip")
    elsewhere = uploads.parent / "elsewhere.zip"
    elsewhere.write_bytes(write_zip(uploads).read_bytes())
    assert refused(photos) == (
        "photos.zip holds no net: a net is a .safetensors file and its .json card, and nothing else"
    )
    assert refused(text).startswith("text.zip is damaged, or no zip")
    assert refused(text, "ko").startswith(
        "zip 파일에서 신경망을 읽지 못했습니다. 이유(영어): text.zip "
    )
    for missing in (elsewhere, uploads / "gone.zip", ""):  # only what was uploaded is opened
        assert refused(missing) == "The file is no longer here. Choose it again."
    assert "'arch'" in refused(write_zip(uploads, arch=3))
    assert "does not fit" in refused(write_zip(uploads, num_classes=3, labels=["a", "b", "c"]))
    assert "no net" in refused(write_zip(uploads, arch="os.system"))


def test_a_zip_is_bounded_before_it_is_read(uploads, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_NET_MB", "1")

    def zeros(state):
        state["more"] = torch.zeros(10_000_000)

    assert "weights of more than 1 MB" in refused(write_zip(uploads, zeros))
    # A card that says less than the file has: the file is not unpacked to find out.
    assert "is too large" in refused(write_zip(uploads, zeros, bytes=1000))
