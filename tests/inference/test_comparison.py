"""Several nets on one photo, against the nets run one by one."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from throwaway import write_weights

from cnn_space import classify, load, weights
from cnn_space.images.preprocessing import Preprocessing
from cnn_space.inference import comparison as compare
from cnn_space.inference.classification import Prediction
from cnn_space.weights import download as hub

NETS = ["lenet5.cifar10", "nin.cifar10", "resnet18.cifar10", "alexnet.other"]


@pytest.fixture
def four(checkpoints):
    folder, _ = checkpoints
    write_weights(folder, "nin.cifar10", "nin")
    write_weights(folder, "resnet18.cifar10", "resnet18", small_input=True)
    write_weights(folder, "alexnet.other", "alexnet", size=40, form="cifar")
    return folder


@pytest.fixture
def photo():
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_every_net_answers_as_it_does_alone(four, photo):
    *_, last = compare.compare(photo, NETS, top_k=3)
    assert [entry.name for entry in last] == NETS
    for entry in last:
        alone = classify(photo, entry.name, top_k=3)
        assert [p.label for p in entry.ranked] == [p.label for p in alone]
        assert [p.probability for p in entry.ranked] == pytest.approx(
            [p.probability for p in alone], abs=1e-6
        )
        assert entry.record == weights.record(entry.name)
        assert entry.milliseconds > 0
        assert entry.heatmap.class_index == entry.record.labels.index(entry.answer)


def test_it_fills_from_answers_to_heatmaps_to_times(four, photo):
    steps = list(compare.compare(photo, NETS))
    count = [
        tuple(
            sum(value is not None for value in column)
            for column in zip(
                *[(e.answer, e.heatmap, e.milliseconds) for e in entries], strict=True
            )
        )
        for entries in steps
    ]
    assert count == [*[(n, 0, 0) for n in (1, 2, 3, 4)], *[(4, n, 0) for n in (1, 2, 3, 4)],
                     (4, 4, 4)]  # fmt: skip


def test_a_net_that_cannot_be_loaded_stops_no_other(four, photo):
    (four / "nin.cifar10.safetensors").write_bytes(b"cut off")
    *_, last = compare.compare(photo, NETS[:3])
    assert [bool(e.ranked) for e in last] == [True, False, True]
    assert "damaged" in last[1].problem
    assert last[1].milliseconds is None and last[1].agrees is None


def test_nothing_is_fetched_unless_wanted(four, photo, monkeypatch):
    name = next(n for n in weights.list_weights() if weights.record(n).source == "hub")
    monkeypatch.setattr(hub, "cached", lambda record: None)
    monkeypatch.setattr(hub, "fetch", lambda *a, **k: pytest.fail("asked for the network"))
    *_, last = compare.compare(photo, [name, "lenet5.cifar10"], fetch=False)
    assert "not on this machine" in last[0].problem
    assert last[1].answer


def test_a_net_of_ones_own_takes_part(four, photo):
    own = load(four / "nin.cifar10.safetensors")
    *_, last = compare.compare(photo, {"mine": own, "lenet5.cifar10": "lenet5.cifar10"})
    assert [e.title for e in last] == ["mine", "Lenet5"]
    assert last[0].answer == classify(photo, own, top_k=1)[0].label


@pytest.mark.parametrize("count", [0, 1, 9])
def test_two_to_eight_nets(four, photo, count):
    nets = {str(i): "lenet5.cifar10" for i in range(count)}
    with pytest.raises(ValueError, match="2 to 8 different nets"):
        next(compare.compare(photo, nets))


def test_an_unknown_net_is_named(four, photo):
    with pytest.raises(ValueError, match=r"lenet5\.cifar10"):
        next(compare.compare(photo, ["lenet5.cifar10", "lenet.cifar10"]))


# Votes


def entry(name: str, answer: str | None, labels=("cat", "ship", "truck"), **fields):
    record = weights.WeightsRecord(
        name, name, "lenet5", len(labels), labels, Preprocessing(32, 32), data="CIFAR-10"
    )
    ranked = (Prediction(answer, 0.5),) if answer else ()
    return compare.Entry(name, name, record, ranked, **fields)


def votes(*answers, **fields):
    entries = [entry(str(i), answer, **fields) for i, answer in enumerate(answers)]
    return [e.agrees for e in compare.with_agreement(entries)]


def test_agreement_is_with_the_most_frequent_answer():
    assert votes("ship", "ship", "truck", "ship") == [True, True, False, True]
    assert votes("ship", "ship", "truck", "cat") == [True, True, False, False]
    assert votes("ship", "ship", None) == [True, True, None]


def test_a_tie_and_a_lone_voice_are_no_majority():
    assert votes("ship", "truck") == [None, None]
    assert votes("ship", "ship", "truck", "truck") == [None] * 4
    assert votes("ship") == [None]


def test_agreement_is_counted_among_nets_with_the_same_labels():
    other = ("church", "ship")
    entries = [
        entry("a", "ship"), entry("b", "ship"), entry("c", "truck"),
        entry("d", "church", other), entry("e", "church", other),
    ]  # fmt: skip
    voted = compare.with_agreement(entries)
    assert [e.agrees for e in voted] == [True, True, False, True, True]
    big, small = compare.groups(voted)
    assert (len(big.entries), big.majority) == (3, "ship")
    assert (len(small.entries), small.majority) == (2, "church")


# Timing


def test_runs_take_turns_and_the_median_counts():
    order = []
    seconds = {"a": iter([9, 1, 2, 3, 4]), "b": iter([1, 1, 1, 1, 50])}

    def run(name):
        order.append(name)
        return None, next(seconds[name])

    times = compare.take_turns({n: lambda n=n: run(n) for n in "ab"}, turns=5, seconds=1e9)
    assert order == list("ab" * 5)
    assert times == {"a": 3000, "b": 1000}


def test_slow_nets_get_three_turns(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(compare.time, "perf_counter", lambda: clock[0])
    calls = []

    def run():
        calls.append(1)
        clock[0] += 5
        return None, 5

    assert compare.take_turns({"slow": run}, turns=9, seconds=1)["slow"] == 5000
    assert len(calls) == 3


# What surrounds it


def test_the_sheet_has_every_number_in_full():
    entries = [entry("a", "ship"), entry("b", None)]
    header, first, second = compare.sheet(compare.with_agreement(entries))
    assert header == list(compare.COLUMNS)
    assert dict(zip(header, first, strict=True)) == {
        "net": "a", "data": "CIFAR-10", "answer": "ship", "probability": "0.500000",
        "runner_up": None, "runner_up_probability": None, "agrees": None, "milliseconds": None,
        "parameters": None, "macs": None, "file_bytes": None, "accuracy": None, "engine": None,
    }  # fmt: skip
    assert second[2] is None


def test_the_first_comparison_is_of_four_famous_nets(four):
    for name, arch, options in (
        ("googlenet.cifar10", "googlenet", {"small_input": True, "aux": False}),
        ("vgg11.cifar10", "vgg11", {"head": "gap"}),
    ):
        write_weights(four, name, arch, **options)
    local = [n for n in weights.list_weights() if weights.is_local(n)]
    assert set(compare.default_nets(local)) == {
        "lenet5.cifar10", "vgg11.cifar10", "googlenet.cifar10", "resnet18.cifar10",
    }  # fmt: skip
    assert compare.default_nets(["lenet5.cifar10"]) == ["lenet5.cifar10"]
    assert compare.default_nets([]) == []


def test_nets_with_1000_classes_are_compared_first_where_they_are_here():
    photos = [f"{net}.tv_in1k" for net in ("resnet50", "resnet18", "vgg16", "googlenet", "alexnet")]
    ten = ["resnet18.cifar10", "googlenet.cifar10", "vgg16_bn.cifar10", "lenet5.cifar10"]
    by_macs = ["alexnet.tv_in1k", "googlenet.tv_in1k", "resnet50.tv_in1k", "vgg16.tv_in1k"]
    assert compare.default_nets(photos + ten) == by_macs
    # As on a Space: of one family the landmark first.
    here = ["resnet50.tv_in1k", "densenet121.tv_in1k", "resnet18.tv_in1k"]
    assert compare.default_nets(here + ten) == [here[2], here[1], here[0]]
    assert compare.default_nets(photos[:1] + ten) == [
        "resnet50.tv_in1k", "lenet5.cifar10", "vgg16_bn.cifar10", "googlenet.cifar10",
    ]  # fmt: skip
    assert len(compare.default_nets(ten)) == 4


def test_importing_it_brings_no_torch():
    code = "import sys, cnn_space.inference.comparison; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
