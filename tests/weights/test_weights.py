"""Weights: records, loading, and every way in which a file can be wrong."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from throwaway import CIFAR10, write_weights

from cnn_space import classify, list_weights, load, weights
from cnn_space.weights import card as cards
from cnn_space.weights import catalogue

BUNDLED = Path(__file__).parents[2] / "checkpoints"


def edit(card: Path, **changes) -> None:
    card.write_text(json.dumps(json.loads(card.read_text()) | changes))


def rehash(card: Path) -> None:
    """Makes the card agree with its file, so that only what is inside can be wrong."""
    import hashlib

    file = card.with_suffix(".safetensors")
    edit(card, bytes=file.stat().st_size, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def test_import_loads_nothing_heavy():
    heavy = ["torch", "gradio", "numpy"]
    code = f"import sys, cnn_space; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_listing_needs_no_torch():
    code = "import sys, cnn_space; cnn_space.list_weights(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["fetch"]])
def test_the_shell_says_what_it_can_without_torch(words):
    code = (
        "import atexit, sys; from cnn_space.__main__ import main; "
        "atexit.register(lambda: print('torch' in sys.modules)); "
        f"sys.exit(main({words}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout) > 200 and done.stdout.splitlines()[-1] == "False"


def test_record_is_frozen_hashable_and_complete(checkpoints):
    item = weights.record("lenet5.cifar10")
    assert (item.arch, item.tag, item.data, item.num_classes) == (
        "lenet5",
        "cifar10",
        "CIFAR-10",
        10,
    )
    assert item.labels == tuple(CIFAR10) and item.parameters == 62_006
    assert item.preprocessing.std == (0.247, 0.2435, 0.2616)
    assert {item: 1}[weights.record("lenet5.cifar10")] == 1
    assert item.read_card().history == []
    with pytest.raises(dataclasses.FrozenInstanceError):
        item.name = "other"


def test_listed_by_data_then_accuracy(checkpoints):
    folder, _ = checkpoints
    for name, accuracy, data in [
        ("lenet5_b.cifar10", 75.0, "CIFAR-10"),
        ("lenet5_c.imagenette", 99.0, "Imagenette"),
        ("lenet5_a.cifar10", 90.0, "CIFAR-10"),
    ]:
        card, _ = write_weights(folder, name, "lenet5")
        edit(card, accuracy=accuracy, data={"name": data})
    assert list_weights()[:4] == [
        "lenet5_a.cifar10",
        "lenet5_b.cifar10",
        "lenet5.cifar10",
        "lenet5_c.imagenette",
    ]


def test_load_widens_and_gives_the_same_logits(checkpoints):
    _, net = checkpoints
    loaded = load("lenet5.cifar10")
    assert not loaded.net.training
    assert {p.dtype for p in loaded.net.parameters()} == {torch.float32}
    assert not any(p.is_meta for p in loaded.net.parameters())
    x = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(loaded.net(x), net(x))
    other = load("lenet5.cifar10")
    assert all(
        a.data_ptr() != b.data_ptr()
        for a, b in zip(loaded.net.parameters(), other.net.parameters(), strict=True)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_load_survives_its_file_being_rewritten(checkpoints, dtype):
    folder, _ = checkpoints
    write_weights(folder, "lenet5.fp", "lenet5", dtype=dtype)
    net = load("lenet5.fp").net
    before = [p.clone() for p in net.parameters()]
    (folder / "lenet5.fp.safetensors").write_bytes(b"")
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_load_by_path(checkpoints):
    folder, _ = checkpoints
    path = folder / "lenet5.cifar10.safetensors"
    for form in (path, str(path)):
        loaded = load(form)
        assert loaded.record.source == "file" and loaded.record.name == "lenet5.cifar10"
    path.rename(folder / "renamed.safetensors")
    (folder / "lenet5.cifar10.json").rename(folder / "renamed.json")
    assert load(folder / "renamed.safetensors").record.num_classes == 10


@pytest.mark.parametrize(
    "name, hint",
    [
        ("lenet.cifar10", "lenet5.cifar10"),
        ("LeNet5.CIFAR10", "lenet5.cifar10"),
        ("xyz", "known are"),
    ],
)
def test_unknown_name_answers_with_the_nearest(checkpoints, name, hint):
    with pytest.raises(ValueError, match=f"unknown weights .*{hint}"):
        load(name)


def test_empty_folder_says_how_to_fill_it(checkpoints, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path / "nothing")
    assert not [name for name in list_weights() if weights.record(name).source == "bundled"]


def flip_a_byte(file: Path, card: Path):
    data = bytearray(file.read_bytes())
    data[-5] ^= 0xFF
    file.write_bytes(data)


def cut_off(file: Path, card: Path):
    file.write_bytes(file.read_bytes()[:1000])


def cut_off_but_hashed(file: Path, card: Path):
    cut_off(file, card)
    rehash(card)


def not_safetensors(file: Path, card: Path):
    file.write_bytes(b"PK\x03\x04 this is a pickle" * 50)
    rehash(card)


def other_shape(file: Path, card: Path):
    edit(card, num_classes=9, labels=CIFAR10[:9])


def other_arch(file: Path, card: Path):
    edit(card, arch="nin")


def unknown_arch(file: Path, card: Path):
    edit(card, arch="lenet6")


def unknown_option(file: Path, card: Path):
    edit(card, options={"colour": "red"})


def missing_tensor(file: Path, card: Path):
    state = load_file(file)
    state.pop(next(iter(state)))
    state = {key: tensor.clone() for key, tensor in state.items()}
    save_file(state, file)
    rehash(card)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_value_that_is_no_number_is_refused_by_its_tensors_name(checkpoints, value, dtype):
    folder, net = checkpoints
    state = {key: tensor.to(dtype) for key, tensor in net.state_dict().items()}
    names = list(state)
    state[names[3]].view(-1)[1] = value
    file = folder / "lenet5.cifar10.safetensors"
    save_file(state, file)
    rehash(file.with_suffix(".json"))
    with pytest.raises(ValueError, match=rf"no numbers .* in {names[3]}"):
        load("lenet5.cifar10")


def test_large_values_whose_sum_overflows_are_numbers(checkpoints):
    folder, net = checkpoints
    state = net.state_dict()
    largest = torch.finfo(torch.float32).max
    name = next(iter(state))
    state[name] = torch.full_like(state[name], largest)
    file = folder / "lenet5.cifar10.safetensors"
    save_file(state, file)
    rehash(file.with_suffix(".json"))
    assert load("lenet5.cifar10").net.state_dict()[name].max() == largest


def integer_tensor(file: Path, card: Path):
    state = {key: tensor.to(torch.int64) for key, tensor in load_file(file).items()}
    save_file(state, file)
    rehash(card)


@pytest.mark.parametrize(
    "damage",
    [
        flip_a_byte,
        cut_off,
        cut_off_but_hashed,
        not_safetensors,
        other_shape,
        other_arch,
        unknown_arch,
        unknown_option,
        missing_tensor,
        integer_tensor,
    ],
)
def test_a_wrong_file_is_named_with_the_way_out(checkpoints, damage):
    folder, _ = checkpoints
    file = folder / "lenet5.cifar10.safetensors"
    damage(file, file.with_suffix(".json"))
    with pytest.raises(ValueError, match=r"lenet5.cifar10\.safetensors .*(Restore|train it again)"):
        load("lenet5.cifar10")
    with pytest.raises(
        ValueError, match=r"lenet5.cifar10\.safetensors .*Copy it and its card again"
    ):
        load(file)


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"arch": 5}, "'arch'"),
        ({"name": "../../etc/passwd"}, "arch.tag"),
        ({"num_classes": 10**9}, "num_classes"),
        ({"num_classes": True}, "num_classes"),
        ({"labels": ["cat"]}, "labels"),
        ({"labels": [1] * 10}, "labels"),
        ({"options": {"aux": {"deep": 1}}}, "option 'aux'"),
        ({"options": {"in_channels": 1}}, "3 channels"),
        ({"options": {"num_classes": 4}}, "num_classes"),
        ({"preprocessing": {"resize": 32}}, "'preprocessing'"),
        ({"file": "../lenet5.cifar10.safetensors"}, "file name"),
        ({"sha256": "no"}, "sha256"),
        ({"bytes": "many"}, "'bytes'"),
        ({"bytes": 10**400}, "'bytes'"),
        ({"macs": float("nan")}, "'macs'"),
        ({"accuracy": float("nan")}, "'accuracy'"),
        ({"title": "x" * 1000}, "'title'"),
    ],
)
def test_a_strangers_card_is_checked(checkpoints, changes, complaint):
    folder, _ = checkpoints
    card = folder / "lenet5.cifar10.json"
    edit(card, **changes)
    with pytest.raises(ValueError, match=complaint):
        load(folder / "lenet5.cifar10.safetensors")
    # A bundled card that is wrong does not hide the others, and says what is wrong when asked for.
    assert "lenet5.cifar10" not in list_weights()
    with pytest.raises(ValueError, match=complaint):
        load("lenet5.cifar10")


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "\x00", "[" * 100_000])
def test_a_card_that_is_none(checkpoints, text):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.json").write_text(text)
    with pytest.raises(ValueError, match=r"lenet5.cifar10\.json is not a card"):
        load(folder / "lenet5.cifar10.safetensors")


def test_only_safetensors_with_a_card(checkpoints, tmp_path):
    folder, _ = checkpoints
    pickle = tmp_path / "net.pth"
    pickle.write_bytes(b"")
    with pytest.raises(ValueError, match=r"no \.safetensors file"):
        load(pickle)
    with pytest.raises(ValueError, match="there is no file"):
        load(tmp_path / "absent.safetensors")
    (folder / "lenet5.cifar10.json").unlink()
    with pytest.raises(ValueError, match=r"lenet5.cifar10\.json is missing"):
        load(folder / "lenet5.cifar10.safetensors")


def test_a_missing_bundled_file(checkpoints, monkeypatch):
    folder, _ = checkpoints
    (folder / "lenet5.cifar10.safetensors").unlink()
    monkeypatch.delenv("CNN_SPACE_REPO", raising=False)
    assert "lenet5.cifar10" not in list_weights()
    with pytest.raises(ValueError, match=r"missing\. Restore it .* CNN_SPACE_REPO"):
        load("lenet5.cifar10")
    monkeypatch.setenv("CNN_SPACE_REPO", "someone/nets")
    item = weights.record("lenet5.cifar10")
    assert (item.source, item.repo) == ("hub", "someone/nets")
    assert "lenet5.cifar10" in list_weights()


def test_a_card_that_changes_is_read_again(checkpoints):
    folder, _ = checkpoints
    assert weights.record("lenet5.cifar10").accuracy == 10.0
    edit(folder / "lenet5.cifar10.json", accuracy=77.5)
    assert weights.record("lenet5.cifar10").accuracy == 77.5


def test_cards_are_read_once_until_the_folder_changes(checkpoints, monkeypatch):
    folder, _ = checkpoints
    reads, read = [], cards.read

    def count_and_read(path):
        reads.append(path)
        return read(path)

    monkeypatch.setattr(cards, "read", count_and_read)
    for _ in range(3):
        assert "lenet5.cifar10" in list_weights() and weights.is_known("lenet5.cifar10")
        assert not weights.is_known("lenet5") and not weights.is_known(None)
        weights.record("lenet5.cifar10")
    assert reads == [folder / "lenet5.cifar10.json"]
    write_weights(folder, "lenet5.other", "lenet5")
    assert weights.is_known("lenet5.other") and len(reads) == 3
    (folder / "lenet5.other.json").unlink()
    assert not weights.is_known("lenet5.other")


def bundled() -> list[str]:
    return [path.stem for path in sorted(BUNDLED.glob("*.json"))]


def test_some_nets_are_bundled():
    assert bundled(), f"no card in {BUNDLED}: train and commit at least one net"
    assert set(bundled()) <= set(list_weights()), "a bundled card is wrong or lacks its file"


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_net_answers(name):
    from skimage import data

    loaded = load(name)  # checks size and hash
    assert sum(p.numel() for p in loaded.net.parameters()) == loaded.record.parameters
    predictions = classify(data.chelsea(), name, top_k=loaded.record.num_classes)
    assert len(predictions) == loaded.record.num_classes
    assert sum(p.probability for p in predictions) == pytest.approx(1, abs=1e-6)
    assert {p.label for p in predictions} == set(loaded.record.labels)
