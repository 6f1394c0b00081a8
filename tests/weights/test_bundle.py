"""The zip that a fine-tuned net is handed out in is loaded as it is."""

import json
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
from throwaway import write_weights
from tiny_sets import picture

import cnn_space
from cnn_space import __main__, weights
from cnn_space.weights.digest import sha256


@pytest.fixture
def files(tmp_path):
    """(card, weights file, net)"""
    card, net = write_weights(tmp_path, "lenet5.mine", "lenet5")
    return card, card.with_suffix(".safetensors"), net


def pack(path, *names, **more):
    with zipfile.ZipFile(path, "w", more.pop("compression", zipfile.ZIP_STORED)) as archive:
        for name in names:
            archive.write(name, more.get("folder", "") + name.name)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("folder", ["", "my net/"])
def test_a_zip_of_both_files_is_a_net(tmp_path, files, compression, folder):
    card, weights_file, net = files
    path = pack(tmp_path / "a.zip", card, weights_file, compression=compression, folder=folder)
    before = sorted(tmp_path.iterdir())
    loaded = cnn_space.load(path)
    assert loaded.record.name == "lenet5.mine" and loaded.record.read_card().title == "Lenet5"
    batch = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(loaded.net(batch), net(batch))
    assert cnn_space.load(str(path)).record == loaded.record
    assert sorted(tmp_path.iterdir()) == before  # nothing was unpacked


def test_classify_takes_it_as_a_net(tmp_path, files, capsys):
    path = pack(tmp_path / "a.zip", *files[:2])
    (tmp_path / "photo.png").write_bytes(picture(1))
    assert __main__.main(["classify", str(tmp_path / "photo.png"), "--net", str(path)]) == 0
    assert "%" in capsys.readouterr().out


def test_zips_that_are_no_net_are_one_sentence(tmp_path, files):
    card, weights_file, _ = files
    other = tmp_path / "other.json"
    other.write_bytes(card.read_bytes())
    wrong = tmp_path / "wrong" / weights_file.name
    wrong.parent.mkdir()
    wrong.write_bytes(weights_file.read_bytes()[:-1] + b"x")
    for names, why in (
        ([card], "holds no net"),
        ([weights_file], "holds no net"),
        ([card, other, weights_file], "holds no net"),
        ([card, wrong], "sha256"),
    ):
        with pytest.raises(ValueError, match=why) as caught:
            weights.load(pack(tmp_path / "b.zip", *names))
        assert str(caught.value).count("b.zip") == 1
    pack(tmp_path / "c.zip", card, weights_file, compression=zipfile.ZIP_LZMA)
    with pytest.raises(ValueError, match="packed in a way"):
        weights.load(tmp_path / "c.zip")
    (tmp_path / "d.zip").write_bytes((tmp_path / "c.zip").read_bytes()[:-40])
    with pytest.raises(ValueError, match="damaged, or no zip"):
        weights.load(tmp_path / "d.zip")
    with pytest.raises(ValueError, match="there is no file"):
        weights.load("nothing.zip")


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_bomb_is_not_unpacked(tmp_path, files, suffix):
    names = {file.suffix: file for file in files[:2]}
    names[suffix].write_bytes(bytes(7_000_000))
    path = pack(tmp_path / "a.zip", *names.values(), compression=zipfile.ZIP_DEFLATED)
    if suffix == ".json":  # the weights are large enough to hide it
        path = pack(tmp_path / "a.zip", names[".json"], compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="too large"):
        weights.load(path)


@pytest.mark.parametrize(("value", "why"), [(1e300, "no numbers"), (-1.0, "a negative variance")])
def test_what_no_net_can_answer_with_is_refused_by_name(tmp_path, value, why):
    """Too large for a net's 32 bits; a variance whose root is no number."""
    card, _ = write_weights(tmp_path, "googlenet.mine", "googlenet", small_input=True)
    weights_file = card.with_suffix(".safetensors")
    state = load_file(weights_file)
    name = next(name for name in state if name.endswith("running_var"))
    state[name] = state[name].double()
    state[name][3] = value
    save_file(state, weights_file)
    fields = {"bytes": weights_file.stat().st_size, "sha256": sha256(weights_file)}
    card.write_text(json.dumps(json.loads(card.read_text()) | fields))
    with pytest.raises(ValueError, match=f"{why}.* in {name}"):
        weights.load(pack(tmp_path / "a.zip", card, weights_file))


def test_numbers_of_a_kind_that_torch_has_not_are_refused(tmp_path, files):
    card, weights_file, _ = files
    header = json.dumps({"a": {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}}).encode()
    weights_file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2))
    fields = {"bytes": weights_file.stat().st_size, "sha256": sha256(weights_file)}
    card.write_text(json.dumps(json.loads(card.read_text()) | fields))
    for path in (weights_file, pack(tmp_path / "a.zip", card, weights_file)):
        with pytest.raises(ValueError, match="a kind that is not read here: "):
            weights.load(path)
