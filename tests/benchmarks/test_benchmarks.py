"""Every benchmark runs, on settings that take no time, and prints its rows; times are no matter."""

import contextlib
import importlib.util
from pathlib import Path

import pytest
from throwaway import write_weights
from tiny_sets import coloured, encode, write_split

from cnn_space.inference.robustness_changes import CHANGES

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Benchmarks set these for good; here they are set back."""
    for name in ("OMP_NUM_THREADS", "CNN_SPACE_THREADS"):
        monkeypatch.setenv(name, "1")


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def benchmark(name: str):
    """The ``main`` of a benchmark."""
    return load(name).main


@pytest.fixture(scope="module")
def page():
    """The page as benchmarks serve it: (its address, its process)."""
    with load("visits").served() as running:
        yield running


def asking(name: str, page):
    """The ``main`` of a benchmark which asks a page that is there already."""
    module, served = load(name), load("visits").served
    module.served = lambda *command: served(*command) if command else contextlib.nullcontext(page)
    return module.main


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_compare(checkpoints, capsys):
    folder, _ = checkpoints
    write_weights(folder, "nin.cifar10", "nin")
    nets = ["lenet5.cifar10", "nin.cifar10"]
    benchmark("compare")([*nets, "--threads", "1", "--repeats", "1"])
    head, columns, *rows = lines(capsys)
    assert head == "1 threads, 1600 × 1200 pixels, 2 nets"
    assert columns.split() == ["net", "ms", "MACs,", "M", "parameters,", "M"]
    assert [row.split()[0] for row in rows[:2]] == nets
    assert [row.split(":")[0] for row in rows[2:]] == [
        "first comparison, loading the nets", "warm, all answers", "warm, with heatmaps and times",
        *(f"warm, {change} in 20 steps" for change in CHANGES),
    ]  # fmt: skip


def test_surgery(checkpoints, capsys):
    benchmark("surgery")(["lenet5.cifar10", "--threads", "1", "--repeats", "1"])
    head, columns, row = lines(capsys)
    assert head == "1 threads, 1 repeats"
    assert columns.split() == ["net", "cut,", "ms", "stage,", "ms"]
    name, *times = row.split()
    assert name == "lenet5.cifar10" and len(times) == 4


def test_finetune(checkpoints, capsys, tmp_path):
    for split in ("train", "validation"):
        images, labels = coloured(36, side=40)
        write_split(tmp_path / "imagenette", split, [encode(image) for image in images], labels)
    command = ["--base", "lenet5.cifar10", "--threads", "1", "--quick"]
    benchmark("finetune")([*command, "--data-dir", str(tmp_path)])
    head, digits, features, photos = lines(capsys)
    assert head.startswith("1 threads, torch ")
    assert digits.startswith("digits on lenet5.cifar10: ") and "held-out images in" in digits
    assert features.startswith("head stage of 1 epochs on lenet5.cifar10: ")
    assert photos.startswith("10 photos of each of 3 Imagenette classes on lenet5.cifar10: ")
    assert "of 36 validation photos, " in photos and photos.count("% (mean of 1 seeds") == 2
    assert "; logistic regression on the frozen features " in photos


def test_training(capsys):
    assert benchmark("training")(["--quick", "--device", "cpu"]) == 0
    head, *rows = lines(capsys)
    assert "4 images an epoch, batch 2, 1 rounds; images/s" in head
    assert [row.split()[0] for row in rows] == ["googlenet", "resnet18"]
    assert all("ours at 16, 24, 32 pixels" in row for row in rows)


def test_startup(capsys):
    assert benchmark("startup")(["--quick"]) == 0
    app, empty, ratio = lines(capsys)
    assert app.startswith("python app.py") and empty.startswith("empty Blocks")
    assert ratio.split()[0] == "ratio"


def test_decoding(checkpoints, capsys):
    benchmark("decoding")(["lenet5.cifar10", "--threads", "1", "--repeats", "1", "--quick"])
    head, *rows = lines(capsys)
    assert head == "1 threads, 400 × 300 pixels; median milliseconds"
    assert [row.split(",")[0] for row in rows[:3]] == ["JPEG"] * 3
    assert all("decoded" in row and "floor" in row for row in rows[:3])
    assert rows[3].startswith("lenet5.cifar10") and "32 px  answer" in rows[3]


def test_contended(capsys):
    benchmark("contended")(["--net", "lenet5.cifar10", "--threads", "1", "--quick"])
    head, *rows = lines(capsys)
    assert head.startswith("1 threads, lenet5.cifar10; 0.1 s each")
    assert [row.split("p50")[0].split(None, 1) for row in rows] == [
        ["PASSIVE", f"{situation:26} "]
        for situation in ("alone", "beside a fine-tune", "beside two busy programs")
    ]


def test_threads(capsys):
    benchmark("threads")(["--quick"])
    head, columns, *rows = lines(capsys)
    assert head.startswith("2 threads, GoogLeNet at 32 pixels") and "side by side" in columns
    assert [row[:26].strip() for row in rows] == ["one thread"]
    assert all(float(figure) > 0 for row in rows for figure in row[26:].split())


def test_batches(checkpoints, capsys, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_ENGINE", "auto")
    monkeypatch.setenv("CNN_SPACE_CACHE", str(checkpoints[0] / "cache"))
    benchmark("batches")(["lenet5.cifar10", "--threads", "1", "--quick"])
    head, columns, row = lines(capsys)
    assert head == "1 threads, 2 pictures; milliseconds a picture"
    assert columns.split()[:3] == ["net", "plain", "100"] and columns.endswith("ours")
    name, *figures = row.split()
    assert name == "lenet5.cifar10" and len(figures) == 8 and all(float(f) >= 0 for f in figures)


def test_inference(checkpoints, capsys, monkeypatch):
    monkeypatch.setenv("CNN_SPACE_ENGINE", "auto")
    monkeypatch.setenv("CNN_SPACE_CACHE", str(checkpoints[0] / "cache"))
    benchmark("inference")(
        ["lenet5.cifar10", "lenet5", "--threads", "1", "--spins", "50", "--quick"]
    )
    head, columns, *rows, one, one_50, eight, eight_50 = lines(capsys)
    assert head.startswith("1 threads, torch ")
    assert columns.split()[:5] == ["net", "n", "eager", "ours", "ONNX"] and "50 us" in columns
    assert [row.split()[:2] for row in rows] == [
        [net, batch] for net in ("lenet5.cifar10", "lenet5") for batch in "18"
    ]
    assert one.startswith("geometric mean, 1 image, ours: ") and one.endswith(" of asleep")
    assert one_50.startswith("geometric mean, 1 image, 50 us: ")
    assert eight.startswith("geometric mean, 8 images, ours: ") and "of best, " in eight_50


def test_serving(capsys, page):
    options = ["--quick", "--clients", "2", "--net", "lenet5.cifar10"]
    assert asking("many_clients", page)(options) == 0
    head, *rows = lines(capsys)
    assert head == "2 clients, lenet5.cifar10, 1 × 0.5 s each"
    assert [row.split()[:2] for row in rows] == [
        [kind, app] for kind in ("kept", "fresh") for app in ("page", "nothing", "default")
    ]
    assert all(" 0 lost, 0 of another" in row and " 0.0 requests/s" not in row for row in rows)


def test_soak(capsys, page):
    assert asking("soak", page)(["--quick"]) == 0
    *rows, sums, slope = lines(capsys)
    assert rows and all(row.endswith(" MB") for row in rows)
    assert sums.startswith("20 requests of 4 clients in ") and " 0 lost, 0 answered" in sums
    assert slope.endswith(" MB a hundred requests")


def test_hostile(capsys, page):
    kinds = ["pictures", "floods"]
    assert asking("hostile", page)(["--quick", "--attackers", "2", "--only", *kinds]) == 0
    rows = lines(capsys)
    assert [row.split()[0] for row in rows] == ["alone", *kinds]
    assert all("p95" in row and row.endswith(" MB") for row in rows)
