"""What is given back to the Hub: cards, curves, files; uploaded to a small Hub and pulled again."""

import hashlib
import io
import json
import runpy
from pathlib import Path

import pytest
import yaml
from hub_client import commands, load, publish_space, publish_weights, run
from hub_server import HubServer
from PIL import Image

from cnn_space.publishing import curves, metadata, model_card
from cnn_space.publishing import upload as publish
from cnn_space.weights import card as cards
from cnn_space.weights import catalogue

NAME = "lenet5.cifar10"


def trained(path: Path, epochs: int = 3, held_out: bool = True) -> dict:
    """Turn a throw-away card into one as training writes it."""
    card = json.loads(path.read_text())
    card["history"] = [
        {
            "epoch": epoch,
            "train_loss": 2.0 / epoch,
            "train_accuracy": 30.0 * epoch,
            "val_loss": 2.2 / epoch if held_out else None,
            "val_accuracy": 28.0 * epoch if held_out else None,
        }
        for epoch in range(1, epochs + 1)
    ]
    card |= {"per_class": dict.fromkeys(card["labels"], 12.34), "seed": 7, "accuracy": 84.126}
    card |= {"recipe": {"epochs": epochs, "schedule": "one | cycle"}, "macs": 416_520}
    card["data"] |= {"eval_split": "test", "eval_images": 10_000, "note": "a copy"}
    path.write_text(json.dumps(card))
    return card


@pytest.fixture
def zoo(checkpoints):
    """A folder with one net and its card, as training leaves them."""
    folder, _ = checkpoints
    trained(folder / f"{NAME}.json")
    return folder


def test_the_front_matter_is_what_the_hub_reads(zoo):
    from huggingface_hub import ModelCard

    files = publish.weights_files("me/zoo")
    for path in ("README.md", f"cards/{NAME}.md"):
        read = ModelCard(files[path].decode(), ignore_metadata_errors=False).data
        assert (read.license, read.library_name) == ("apache-2.0", "cnn-space")
        assert read.pipeline_tag == "image-classification"
        assert read.datasets == ["uoft-cs/cifar10"] and read.model_name == NAME
        (result,) = read.eval_results
        assert (result.metric_type, result.metric_value) == ("accuracy", 84.13)
        assert (result.dataset_type, result.dataset_split) == ("uoft-cs/cifar10", "test")
        assert result.dataset_name == "CIFAR-10 (a copy)"


def test_several_nets_share_one_index(zoo):
    first = cards.read(zoo / f"{NAME}.json")
    nets = [
        first.model_copy(
            update={"name": f"{arch}.mine", "arch": arch, "data": cards.Data(name="Mine")}
        )
        for arch in ("nin", "vgg16")
    ]
    head = yaml.safe_load(metadata.front_matter(nets).strip("-\n"))
    assert [entry["name"] for entry in head["model-index"]] == ["nin.mine", "vgg16.mine"]
    assert all(len(entry["results"][0]["metrics"]) == 1 for entry in head["model-index"])
    assert head["tags"][-2:] == ["nin", "vgg16"] and "datasets" not in head


def test_a_card_says_how_it_was_made_and_how_to_load_it(zoo):
    text = publish.weights_files("me/zoo")[f"cards/{NAME}.md"].decode()
    card = json.loads((zoo / f"{NAME}.json").read_text())
    for said in (
        "84.13 %",
        "the 10,000 images of the test split (a copy)",
        "| automobile | 12.3 % |",
        "| seed | 7 |",
        "one \\| cycle",
        card["sha256"],
        "416,520",
        f"![Loss and accuracy by epoch]({NAME}.png)",
        "CNN_SPACE_REPO=me/zoo",
        "## Licence and data",
        "CIFAR-10 (A. Krizhevsky, 2009)",
    ):
        assert said in text, said


def test_few_held_out_images_make_no_percentage(zoo):
    path = zoo / f"{NAME}.json"
    card = json.loads(path.read_text()) | {"accuracy": 83.33}
    card["data"] |= {"eval_images": 6}
    confusion = [[0] * 10 for _ in range(10)]
    confusion[0], confusion[1] = [2, 1] + [0] * 8, [0, 3] + [0] * 8
    card |= {"confusion": confusion, "per_class": {"airplane": 66.67, "automobile": 100.0}}
    path.write_text(json.dumps(card))
    files = publish.weights_files("me/zoo")
    text, readme = files[f"cards/{NAME}.md"].decode(), files["README.md"].decode()
    assert "**5 of 6 right** (the images of the test split; too few for a percentage)." in text
    assert "| airplane | 2 of 3 |" in text and "| automobile | 3 of 3 |" in text
    assert "| 5 of 6 |" in readme and "83.33" not in text + readme
    card["data"] |= {"eval_split": cards.CROSS_VALIDATED, "eval_images": 60, "note": "mine"}
    said = model_card.card_text(cards.Card.model_validate(card), "me/zoo")
    assert "83.33 %** on 60 images, each judged by a net that did not learn from it (mine)" in said
    # The Hub would show the figure of an index as a percentage.
    assert yaml.safe_load(text.split("---")[1])["model-index"] == []


def test_a_card_tells_of_the_training_it_went_on_from(zoo):
    path = zoo / f"{NAME}.json"
    card = json.loads(path.read_text())
    before = card["recipe"] | {"epochs": 5, "lr": 0.4}
    data = card["data"] | {"train_images": 77}
    earlier = {"recipe": before, "continues": {"recipe": before, "data": data}}
    path.write_text(json.dumps(card | {"continues": earlier}))
    told = publish.weights_files("me/zoo")[f"cards/{NAME}.md"].decode()
    assert "last 3 epochs" in told and "teachers" not in told and "distillation" not in told
    assert "Before that: epochs 5, lr 0.4. Before that: images for training 77." in told
    now = {"teachers": [{"name": "wise.cifar10"}], "recipe": before | {"distillation": 0.7}}
    path.write_text(json.dumps(card | now | {"continues": earlier}))
    told = publish.weights_files("me/zoo")[f"cards/{NAME}.md"].decode()
    assert "| teachers | wise.cifar10 |" in told and "| distillation | 0.7 |" in told
    assert "Before that: teachers none." in told


@pytest.mark.parametrize(
    ("small", "share", "says"),
    [(24, 0.0, "32 pixels"), (24, 0.5, "24 pixels in the first 50% of the epochs, then 32"),
     (16, 0.5, "16, 24 pixels in the first 50% of the epochs, then 32"),
     (24, 1.0, "24 pixels, judged at 32")],
)  # fmt: skip
def test_a_card_tells_at_what_size_its_net_was_trained(zoo, small, share, says):
    path = zoo / f"{NAME}.json"
    card = json.loads(path.read_text())
    recipe = card["recipe"] | {"small_side": small, "small_share": share, "optimizer": "adamw"}
    path.write_text(json.dumps(card | {"recipe": recipe}))
    told = publish.weights_files("me/zoo")[f"cards/{NAME}.md"].decode()
    assert f"| trained at | {says} |" in told and "momentum" not in told


def test_the_three_lines_of_a_card_run(zoo, monkeypatch, tmp_path):
    text = publish.weights_files("me/zoo")[f"cards/{NAME}.md"].decode()
    code = text.split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) == 3
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 40), "red").save("photo.jpg")
    Path("lines.py").write_text(code)
    assert not runpy.run_path("lines.py")["net"].training


@pytest.mark.parametrize(("epochs", "held_out"), [(3, True), (1, True), (40, False)])
def test_the_curves_are_drawn(epochs, held_out, zoo):
    trained(zoo / f"{NAME}.json", epochs, held_out)
    card = cards.read(zoo / f"{NAME}.json")
    picture = Image.open(io.BytesIO(curves.curves(card)))
    assert picture.format == "PNG" and picture.size == (880, 330)
    orange = sum(
        count
        for count, (r, g, b) in picture.convert("RGB").getcolors(1 << 20)
        if r > 150 and g < 120 and b < 80
    )
    assert (orange > 20) == held_out


@pytest.mark.parametrize("value", [0.0, 50.0, 100.0, 1e-9])
def test_a_curve_may_be_flat(zoo, value):
    path = zoo / f"{NAME}.json"
    card = trained(path, 3, True)
    flat = [{key: value for key in row} | {"epoch": row["epoch"]} for row in card["history"]]
    path.write_text(json.dumps(card | {"history": flat}))
    assert Image.open(io.BytesIO(curves.curves(cards.read(path)))).format == "PNG"


def test_a_net_without_a_history_has_no_curves(checkpoints):
    files = publish.weights_files("me/zoo")
    assert f"cards/{NAME}.png" not in files
    assert b".png" not in files[f"cards/{NAME}.md"]


def test_a_file_that_is_not_its_cards_is_not_published(zoo):
    file = zoo / f"{NAME}.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(publish.PublishError, match="not what its card says"):
        publish.weights_files("me/zoo")


def test_nothing_bundled_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    with pytest.raises(publish.PublishError, match="there are no weights"):
        publish.weights_files("me/zoo")


@pytest.mark.parametrize("repo", ["zoo", "me/zoo/more", "me/..", "", "me zoo/x"])
def test_a_repository_reads_user_and_name(repo):
    with pytest.raises(publish.PublishError, match="USER/NAME"):
        publish.check_repo(repo)


def checkout(root: Path) -> Path:
    """A small checkout: what belongs into a Space, and what must not."""
    texts = {
        "app.py": "print()",
        "requirements.txt": "gradio",
        "README.md": "---\nsdk: gradio\n---\n![page](docs/page.png) ![x](https://x.y/z.png)",
        "LICENSE": "Apache",
        "docs/page.png": "picture",
        "docs/other.png": "not shown",
        "cnn_space/__init__.py": "",
        "cnn_space/page/style.css": "a{}",
        "cnn_space/__pycache__/x.pyc": "x",
        "checkpoints/a.json": "{}",
        "tests/test_a.py": "",
        ".env": "SECRET=1",
        "notes.txt": "private",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_space_gets_the_app_and_nothing_else(tmp_path):
    assert sorted(publish.space_files(checkout(tmp_path))) == [
        "LICENSE",
        "README.md",
        "app.py",
        "checkpoints/a.json",
        "cnn_space/__init__.py",
        "cnn_space/page/style.css",
        "docs/page.png",
        "requirements.txt",
    ]
    (tmp_path / "README.md").unlink()
    with pytest.raises(publish.PublishError, match=r"README\.md is missing"):
        publish.space_files(tmp_path)


# To the server and back


def test_published_weights_come_back_equal_to_the_byte(zoo, tmp_path):
    file = zoo / f"{NAME}.safetensors"
    content = file.read_bytes()
    with HubServer() as server:
        # The second time nothing has changed.
        client = {"url": server.url, "home": tmp_path / "a", "HF_TOKEN": "hf_right"}
        done = run(publish_weights, "me/zoo", zoo, tmp_path, 2, **client)
        assert done == [f"{server.url}/me/zoo"] * 2
        there = server.repos["me/zoo"]
        assert there[file.name] == content
        assert json.loads(there[f"{NAME}.json"]) == json.loads((zoo / f"{NAME}.json").read_text())
        assert there[f"cards/{NAME}.png"].startswith(b"\x89PNG")
        commits = [line for line in server.requests if "/commit/main" in line]
        assert len(commits) == 1  # one commit for all files, none where nothing changed
        # the large file went as LFS, under its own hash
        assert f"PUT /upload/{hashlib.sha256(content).hexdigest()}" in server.requests

        file.unlink()
        client = {"url": server.url, "home": tmp_path / "b", "CNN_SPACE_REPO": "me/zoo"}
        loaded = run(load, NAME, zoo, **client)
    assert loaded["sha256"] == hashlib.sha256(content).hexdigest()
    (stored,) = (tmp_path / "b").rglob(f"snapshots/*/{file.name}")
    assert stored.read_bytes() == content


def test_a_space_is_made_and_filled(tmp_path):
    root = checkout(tmp_path / "checkout")
    with HubServer() as server:
        client = {"url": server.url, "home": tmp_path / "a", "HF_TOKEN": "hf_right"}
        url = run(publish_space, "me/space", root, "me/zoo", **client)
        made = server.kinds["me/space"]
        assert (made["type"], made["sdk"]) == ("space", "gradio")
        assert made["variables"] == [{"key": "CNN_SPACE_REPO", "value": "me/zoo"}]
        assert server.repos["me/space"]["app.py"] == b"print()"
        assert url.endswith("/me/space") and len(server.repos["me/space"]) == 8


def test_what_keeps_it_from_being_published_is_said(zoo, tmp_path):
    asked = publish_weights, "me/zoo", zoo, tmp_path, 1
    with HubServer() as server:
        client = {"url": server.url, "home": tmp_path / "a"}
        none = run(*asked, **client)
        assert "HF_TOKEN" in none and server.requests == []
        wrong = run(*asked, **client, HF_TOKEN="hf_wrong")
        assert "refuses to write to me/zoo (401)" in wrong and server.repos == {}
    gone = run(*asked, url="http://127.0.0.1:9", home=tmp_path / "a", HF_TOKEN="hf_right")
    assert "cannot be reached" in gone


# From the shell


def shell(lines: list[str], server_url: str, zoo: Path, tmp_path: Path) -> str:
    """What the commands print, errors among it."""
    return run(commands, lines, zoo, tmp_path, url=server_url, home=tmp_path / "home")


def test_a_dry_run_shows_what_would_go_and_asks_no_network(zoo, tmp_path):
    with HubServer() as server:
        printed = shell(["publish --repo me/zoo --dry-run"], server.url, zoo, tmp_path)
        assert server.requests == []
    size = (zoo / f"{NAME}.safetensors").stat().st_size
    assert f"{size:,}  {NAME}.safetensors" in printed and f"cards/{NAME}.png" in printed
    assert "nothing was sent" in printed and "model-index:" in printed and "exit 0" in printed


def test_the_commands_answer_mistakes_with_a_sentence(zoo, tmp_path):
    lines = ["publish", "publish --repo zoo", "publish --repo me/zoo", "publish --space me/space"]
    lines += ["fetch", "fetch resnet81.tv_in1k lenet5.cifar10 resnet18.tv_in1k"]
    printed = shell(lines, "http://127.0.0.1:9", zoo, tmp_path)
    assert "publish what?" in printed and "exit 2" in printed
    assert "'zoo' is no Hub repository" in printed
    assert printed.count("no token: set HF_TOKEN") == 2
    assert f"{NAME:26} here" in printed
    assert f"{'vgg16.tv_in1k':26} to be fetched from timm/vgg16.tv_in1k" in printed
    assert "did you mean resnet18.tv_in1k" in printed  # one mistake does not stop the others
    assert f"{NAME:26} {zoo}" in printed and "Ready without a network: lenet5.cifar10" in printed
    assert "Traceback" not in printed
