"""``train`` from end to end on a set of three colours."""

import hashlib
import json

import pytest
import torch
from safetensors import safe_open
from throwaway import read_card

from cnn_space import weights
from cnn_space.__main__ import main
from cnn_space.cli.options import net_options
from cnn_space.cli.train import UNFINISHED
from cnn_space.images import training_set
from cnn_space.images.sources import SOURCES, find_source


def test_a_training_leaves_weights_that_load_and_a_card_that_is_true(train, capsys):
    assert train() == 0
    card = read_card(train.folder / "checkpoints" / "lenet5.cifar10.json")
    file = train.folder / "checkpoints" / card["file"]
    assert card["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert card["bytes"] == file.stat().st_size and card["dtype"] == "float16"
    assert (card["parameters"], card["num_classes"]) == (62_006 - 7 * 85, 3)
    assert card["data"] == {
        "tag": "cifar10", "source": "uoft-cs/cifar10", "name": "CIFAR-10",
        "note": "original pixels", "train_images": 90,
        "holdout_images": 30, "eval_split": "test", "eval_images": 30,
    }  # fmt: skip
    assert [row["epoch"] for row in card["history"]] == [1, 2, 3, 4, 5, 6]
    assert card["recipe"]["lr"] == 0.05 and card["seed"] == 0 and card["images_seen"] == 540
    assert sum(map(sum, card["confusion"])) == 30
    right = sum(card["confusion"][i][i] for i in range(3))
    assert card["accuracy"] == pytest.approx(100 * right / 30, abs=0.01) and card["accuracy"] > 80
    with safe_open(file, "pt") as tensors:
        assert {tensors.get_tensor(key).dtype for key in tensors.keys()} == {  # noqa: SIM118
            torch.float16
        }
    loaded = weights.load("lenet5.cifar10")
    assert loaded.record.labels == ("red", "green", "blue")
    assert loaded.record.accuracy == card["accuracy"]
    log = (train.folder / "runs" / "lenet5.cifar10" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in log] == card["history"]
    assert not list(train.folder.rglob("*.part"))

    capsys.readouterr()
    assert main(["evaluate", "--data-dir", train.data]) == 0
    assert "agrees" in capsys.readouterr().out
    assert main(["evaluate", "lenet5.cifar10", "--json", "--data-dir", train.data]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["confusion"] == card["confusion"]
    assert found["per_class"] == pytest.approx(card["per_class"], abs=0.01)


def test_a_set_of_the_same_name_is_another_set(train, capsys, monkeypatch):
    """Of the Hub's somebody/cifar10, too, the weights are called NET.cifar10."""
    assert train("--data", "me/cifar10") == 0
    card = read_card(train.folder / "checkpoints" / "lenet5.cifar10.json")
    assert (card["data"]["tag"], card["data"]["source"]) == ("cifar10", "me/cifar10")
    asked, real = [], training_set.read_split

    def spy(name, split, **options):
        asked.append(name)
        return real(name, split, **options)

    monkeypatch.setattr(training_set, "read_split", spy)
    assert main(["evaluate", "lenet5.cifar10", "--data-dir", train.data]) == 0
    assert asked == ["me/cifar10"]
    taught = ("--teacher", "lenet5.cifar10", "--name", "pupil.cifar10")
    assert train(*taught) == 2
    assert "not trained on this set" in capsys.readouterr().err
    assert train("--data", "me/cifar10", *taught) == 0
    assert find_source("uoft-cs/cifar10") is SOURCES["cifar10"]


def test_what_would_end_badly_is_told_before_the_training(train, capsys):
    for name in ("mine", "my/net.cifar10", "my net.cifar10", "a..b"):
        assert train("--name", name) == 2
        assert "called NET.DATA" in capsys.readouterr().err
    (train.folder / "file").touch()
    for place in ("--out", "--runs"):
        assert train(place, "file") == 2
        assert "nothing can be written to file" in capsys.readouterr().err
    assert train("--epochs", "1") == 0
    assert train("--epochs", "1") == 2
    assert "this would replace lenet5.cifar10" in capsys.readouterr().err
    assert train("--epochs", "1", "--out", "mine") == 0
    assert train("--epochs", "1", "--out", "mine") == 2
    assert "this would replace lenet5.cifar10 in mine" in capsys.readouterr().err
    assert train("--epochs", "1", "--out", "mine", "--name", "second.cifar10") == 0
    assert train("--experiment", "short", "--epochs", "1") == 0
    assert train("--experiment", "short", "--epochs", "1") == 2
    assert "this would replace short" in capsys.readouterr().err
    for path in train.folder.rglob("test-*.parquet"):
        path.unlink()
    assert train("--name", "other.cifar10", "--epochs", "1") == 2
    assert "test*.parquet" in capsys.readouterr().err
    assert not (train.folder / "runs" / "other.cifar10").exists()


def test_null_is_an_options_usual_value():
    """A card with it cannot be read: the net would be trained and not be loaded."""
    assert net_options(["dropout=null", "aux=false", "lrn=0.5"]) == {"aux": False, "lrn": 0.5}


def test_a_training_goes_on_from_weights(train, capsys):
    assert train("--epochs", "2", "--lr", "0.01") == 0
    first = read_card(train.folder / "checkpoints" / "lenet5.cifar10.json")
    start = weights.load("lenet5.cifar10").net.state_dict()
    # A rate of next to nothing: what comes out is what went in.
    still = ("--lr", "1e-9", "--epochs", "3", "--name", "longer.cifar10", "--holdout", "15")
    assert train("--init", "lenet5.cifar10", *still) == 0
    card = read_card(train.folder / "checkpoints" / "longer.cifar10.json")
    end = weights.load("longer.cifar10").net.state_dict()
    for key in start:
        torch.testing.assert_close(end[key], start[key])
    assert card["history"][:2] == first["history"]
    assert [row["epoch"] for row in card["history"]] == [1, 2, 3, 4, 5]
    assert (first["images_seen"], card["images_seen"]) == (180, 495)
    assert card["wall_time_s"] >= first["wall_time_s"]
    assert card["continues"]["recipe"]["lr"] == 0.01 and card["recipe"]["lr"] == 1e-9
    assert card["continues"]["sha256"] == first["sha256"]
    assert card["continues"]["data"] == first["data"] and card["data"]["holdout_images"] == 15

    capsys.readouterr()
    more = ("--init", "lenet5.cifar10", "--name", "other.cifar10")
    assert train(*more, "--holdout", "31") == 2
    assert "30 images held out, fewer than 31" in capsys.readouterr().err
    assert train(*more, net="nin") == 2
    assert "another net" in capsys.readouterr().err
    path = train.folder / "checkpoints" / "lenet5.cifar10.json"
    path.write_text(json.dumps(first | {"labels": first["labels"][::-1]}))
    assert train(*more) == 2
    assert "not trained on this set" in capsys.readouterr().err


def test_a_net_learns_from_another_s_answers(train, capsys, monkeypatch):
    assert train("--holdout", "15") == 0
    first = read_card(train.folder / "checkpoints" / "lenet5.cifar10.json")
    teacher = {"name": "lenet5.cifar10", "sha256": first["sha256"]}
    lesson = ("--teacher", "lenet5.cifar10", "--name", "pupil.cifar10", "--holdout", "15")
    capsys.readouterr()

    from cnn_space.training.loop import TrainingRun

    save = TrainingRun.save

    def interrupted(self, path):
        if self.epoch == 2:
            raise KeyboardInterrupt
        save(self, path)

    monkeypatch.setattr(TrainingRun, "save", interrupted)
    assert train(*lesson) == 130
    monkeypatch.setattr(TrainingRun, "save", save)
    assert "the teachers answer 105 images" in capsys.readouterr().out
    kept = [path.stat().st_mtime_ns for path in train.folder.glob("runs/answers-*")]
    assert train(*lesson[2:], "--resume") == 2
    assert "another recipe, teachers" in capsys.readouterr().err
    assert train(*lesson, "--resume") == 0
    assert "the teachers answer" not in capsys.readouterr().out
    assert [path.stat().st_mtime_ns for path in train.folder.glob("runs/answers-*")] == kept != []
    card = read_card(train.folder / "checkpoints" / "pupil.cifar10.json")
    assert card["teachers"] == [teacher] and card["recipe"]["distillation"] == 0.7
    assert card["accuracy"] > 80
    assert "teachers" not in first and first["recipe"]["distillation"] == 0
    alone = ("--init", "pupil.cifar10", "--name", "alone.cifar10", "--holdout", "15")
    assert train(*alone, "--epochs", "1") == 0
    card = read_card(train.folder / "checkpoints" / "alone.cifar10.json")
    assert "teachers" not in card and card["continues"]["teachers"] == [teacher]

    other = ("--name", "other.cifar10")
    assert train("--teacher", "lenet5.cifar10", *other) == 2
    assert "15 images held out, fewer than 30" in capsys.readouterr().err
    for half in (("--distillation", "0.5"), ("--teacher", "lenet5.cifar10", "--distillation", "0")):
        assert train(*half, *other) == 2
        assert "go together" in capsys.readouterr().err
    path = train.folder / "checkpoints" / "lenet5.cifar10.json"
    path.write_text(json.dumps(first | {"labels": first["labels"][::-1]}))
    assert train("--teacher", "lenet5.cifar10", *other) == 2
    assert "not trained on this set" in capsys.readouterr().err


def test_auxiliary_heads_train_and_are_not_shipped(train):
    """GoogLeNet, the smallest run that there is."""
    few = ("--limit", "8", "--batch-size", "4", "--epochs", "1", "--precision", "float32")
    assert train(*few, "--option", "dropout=null", net="googlenet") == 0
    card = read_card(train.folder / "checkpoints" / "googlenet.cifar10.json")
    assert card["options"] == {"small_input": True, "aux": False}
    assert card["parameters"] == 5_602_474 - 7 * 1025 and card["recipe"]["aux_weight"] == 0.3
    with safe_open(train.folder / "checkpoints" / card["file"], "pt") as tensors:
        names = tensors.keys()
        assert not [name for name in names if name.startswith("aux")]
        counted = [name for name in names if name.endswith("num_batches_tracked")]
        assert {tensors.get_tensor(name).dtype for name in counted} == {torch.int64}
    weights.load("googlenet.cifar10")


def test_an_experiment_keeps_its_json_alone_and_leaves_the_test_split(train):
    for path in train.folder.rglob("test-*.parquet"):
        path.unlink()
    assert train("--experiment", "low rate", "--seed", "7", "--out", "kept") == 0
    assert [path.name for path in train.folder.glob("kept/**/*.*")] == ["low rate.json"]
    card = read_card(train.folder / "kept" / "experiments" / "low rate.json")
    assert card["data"]["eval_split"] == "held out of train" and card["seed"] == 7
    assert card["name"] == "low rate"
    assert card["accuracy"] == pytest.approx(card["history"][-1]["val_accuracy"], abs=4)
    assert "file" not in card
    assert train("--no-test", "--holdout", "0") == 2


def test_stopped_by_the_clock_and_resumed(train, capsys):
    assert train("--minutes", "0") == UNFINISHED
    assert not list((train.folder / "checkpoints").iterdir())
    assert "--resume goes on" in capsys.readouterr().out
    assert train("--resume") == 0
    assert (train.folder / "checkpoints" / "lenet5.cifar10.json").exists()


def test_ctrl_c_leaves_the_last_good_checkpoint(train, capsys, monkeypatch):
    from cnn_space.training.loop import TrainingRun

    plain, save = train, TrainingRun.save
    assert plain("--out", "whole", "--runs", "whole") == 0

    def interrupted(self, path):
        if self.epoch == at:
            raise KeyboardInterrupt
        save(self, path)

    monkeypatch.setattr(TrainingRun, "save", interrupted)
    at = 1  # of the first epoch there is none
    assert train() == 130
    assert capsys.readouterr().err == "stopped\n"
    at = 4
    assert train() == 130
    assert "--resume goes on" in capsys.readouterr().err
    monkeypatch.setattr(TrainingRun, "save", save)
    assert train() == 2
    assert "holds an unfinished training" in capsys.readouterr().err
    assert train("--resume") == 0
    whole, resumed = (
        train.folder / folder / "lenet5.cifar10.safetensors" for folder in ("whole", "checkpoints")
    )
    assert whole.read_bytes() == resumed.read_bytes()
    lines = (train.folder / "runs" / "lenet5.cifar10" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"net": "googlnet"}, "googlenet_paper"),
        ({"net": "resnet18", "option": "depth=3"}, "depth"),
        ({"net": "inception_v3"}, "small"),
        ({"lr": "-1"}, "lr is -1.0: it should be greater than 0"),
        ({"holdout": "120"}, "119"),
        ({"data-dir": "nowhere"}, "there is no file or folder nowhere"),
        # told before the images are read: there are none
        ({"net": "googlenet", "option": "foo=1", "data-dir": "nowhere"}, "no option 'foo'"),
        ({"option": "num_classes=5", "data-dir": "nowhere"}, "no --option"),
        ({"option": "in_channels=1", "data-dir": "nowhere"}, "no --option"),
        ({"option": "arch=lenet5", "data-dir": "nowhere"}, "no --option"),
        ({"image-size": "1025", "data-dir": "nowhere"}, "--image-size"),
        ({"net": "vgg16_bn", "image-size": "28", "data-dir": "nowhere"}, "28 × 28 pixels"),
        ({"net": "vgg16_bn", "small-side": "24", "data-dir": "nowhere"}, "24 × 24 pixels"),
        ({"net": "inception_v3", "image-size": "70", "data-dir": "nowhere"}, "70 × 70 pixels"),
        ({"clip": "-1"}, "clip is -1.0: it should be greater than or equal to 0"),
        ({"pad": "32"}, "pad is 32"),
        ({"net": "inception_v3", "data-dir": "nowhere"}, "75 pixels"),
        ({"device": "tpu", "data-dir": "nowhere"}, "no device 'tpu'"),
    ],
)
def test_a_mistake_is_one_sentence(train, capsys, more, says):
    more = dict(more)
    net = more.pop("net", "lenet5")
    options = [part for key, value in more.items() for part in (f"--{key}", value)]
    assert train(*options, net=net) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_a_limit_above_the_images_takes_all(train):
    for limit, trained in (("90", 90), ("89", 89), ("5000", 90)):
        name = f"lenet5.limit{limit}"
        assert train("--epochs", "1", "--limit", limit, "--name", name) == 0
        card = read_card(train.folder / "checkpoints" / f"{name}.json")
        assert card["data"]["train_images"] == trained
