"""A set on the Hub: streamed, bounded, and nothing read that lies elsewhere."""

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_sets import left_out, picture

from cnn_space.images.limits import Limits
from cnn_space.images.readers.hub import read_hub, read_rows
from cnn_space.images.visitor_set import DataError

LIMITS = Limits()
ROOT = Path(__file__).parents[2]


def parquet(path, rows, names=("cat", "dog")):
    """A Parquet file as the Hub lays it out, and the stream that ``datasets`` makes of it."""
    import datasets

    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=names))
    columns = {"image": [r[0] for r in rows], "label": [r[1] for r in rows]}
    datasets.Dataset.from_dict(columns, features=features).to_parquet(str(path))
    return datasets.load_dataset(
        "parquet", data_files=str(path), split="train", streaming=True, cache_dir=path.parent
    )


def encoded(seed, **options):
    return {"bytes": picture(seed, **options), "path": None}


def _undecoded():
    import datasets

    return datasets.Image(decode=False)


def _labels():
    import datasets

    return datasets.ClassLabel(names=["cat", "dog"])


class Hub:
    """The Hub's answers about one set, without the Hub."""

    def __init__(self, monkeypatch, configs, *files):
        import datasets
        import huggingface_hub

        card = {"configs": configs}
        siblings = [huggingface_hub.hf_api.RepoSibling(rfilename=name) for name in files]
        self.asked = []

        class Api:
            def __init__(self, token):
                assert token is False  # a visitor sees what the public sees

            def dataset_info(self, repo, timeout):
                return SimpleNamespace(card_data=card, siblings=siblings)

        def names(repo, token):
            self.asked.append(repo)
            return ["default"]

        monkeypatch.setattr(huggingface_hub, "HfApi", Api)
        monkeypatch.setattr(datasets, "get_dataset_config_names", names)


def test_a_hub_set_is_streamed(tmp_path):
    rows = parquet(tmp_path / "a.parquet", [(encoded(i), i % 2) for i in range(8)])
    visitor_set = read_rows(rows, "me/pets", LIMITS)
    assert visitor_set.images.classes == ("cat", "dog") and visitor_set.images.name == "me/pets"
    assert sorted(visitor_set.images.labels.tolist()) == [0] * 4 + [1] * 4
    assert visitor_set.left_out == ()


def test_a_sorted_stream_is_taken_evenly_and_not_to_its_end(tmp_path):
    rows = [(encoded(i), int(i >= 30)) for i in range(60)]
    visitor_set = read_rows(parquet(tmp_path / "a.parquet", rows), "me/pets", Limits(images=8))
    assert visitor_set.images.labels.tolist().count(0) == 4
    assert visitor_set.images.labels.tolist().count(1) == 4
    assert left_out(visitor_set) == {"over_limit": 26}


@pytest.mark.parametrize("files", [1, 6])
def test_a_sorted_set_is_read_from_across(tmp_path, files):
    """However far behind the first class the last one lies, in groups of rows or in files."""
    import datasets

    names = [f"c{i}" for i in range(6)]
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=names))
    for part in range(files):
        labels = [k for k in range(6) for _ in range(40) if files == 1 or k == part]
        columns = {"image": [encoded(99 * k + i) for i, k in enumerate(labels)], "label": labels}
        data = datasets.Dataset.from_dict(columns, features=features)
        data.to_parquet(str(tmp_path / f"{part}.parquet"), batch_size=10)
    stream = datasets.load_dataset(
        "parquet",
        data_files=str(tmp_path / "*.parquet"),
        split="train",
        streaming=True,
        cache_dir=tmp_path,
    )
    visitor_set = read_rows(stream, "me/pets", Limits(images=12))
    assert visitor_set.images.classes == tuple(names) and min(visitor_set.images.counts) >= 2
    assert len(visitor_set.images) <= 16 and visitor_set.unreached == ()


def test_classes_that_were_not_reached_are_told(tmp_path):
    """In one piece that is longer than what is read."""
    labels = [0] * 10 + [1] * 10 + [2] * 200
    rows = [(encoded(i), label) for i, label in enumerate(labels)]
    stream = parquet(tmp_path / "a.parquet", rows, names=("cat", "dog", "ox"))
    visitor_set = read_rows(stream, "me/pets", Limits(images=4))
    assert visitor_set.images.classes == ("cat", "dog") and visitor_set.unreached == ("ox",)
    assert [str(note) for note in visitor_set.notes] == [
        "Not reached in the set, which is sorted: ox."
    ]


def test_a_class_without_rows_is_not_unreached(tmp_path):
    rows = [(encoded(i), i % 2) for i in range(6)]
    stream = parquet(tmp_path / "a.parquet", rows, names=("cat", "dog", "ox"))
    assert read_rows(stream, "me/pets", LIMITS).unreached == ()


def test_a_row_may_not_name_a_file_of_this_machine(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(80))
    with zipfile.ZipFile(tmp_path / "secret.zip", "w") as archive:
        archive.write(secret, "secret.png")
    rows = [(encoded(i), i % 2) for i in range(6)]
    stream = parquet(tmp_path / "a.parquet", rows)
    rows = [dict(row) for row in stream.cast_column("image", _undecoded())]
    hostile = [str(secret), f"file://{secret}", "", "http://127.0.0.1/x.png"]
    member = f"zip://secret.png::{tmp_path}/secret.zip"  # fsspec opens it, whatever comes behind
    hostile += [member, f"{member}::hf://", f"{member}::hf://datasets/me/pets/a.zip"]
    rows += [{"image": {"bytes": None, "path": path}, "label": 0} for path in hostile]

    import datasets

    stream = datasets.IterableDataset.from_generator(
        lambda: iter(rows), features=datasets.Features(image=_undecoded(), label=_labels())
    )
    visitor_set = read_rows(stream, "me/pets", LIMITS)
    assert len(visitor_set.images.labels) == 6 and left_out(visitor_set) == {"not_image": 7}


def rows_that_name(path: str):
    """A stream of four pictures, and a fifth row that names a file instead."""
    import datasets

    rows = [{"image": encoded(i), "label": i % 2} for i in range(4)]
    rows.append({"image": {"bytes": None, "path": path}, "label": 0})
    return datasets.IterableDataset.from_generator(
        lambda: iter(rows), features=datasets.Features(image=_undecoded(), label=_labels())
    )


def test_a_row_may_name_a_file_on_the_hub(monkeypatch):
    import fsspec

    opened = []

    def open_file(path, mode, **options):
        opened.append((path, options))
        return io.BytesIO(picture(9))

    monkeypatch.setattr(fsspec, "open", open_file)
    path = "zip://x.png::hf://datasets/me/pets/a.zip"
    assert len(read_rows(rows_that_name(path), "me/pets", LIMITS).images) == 5
    assert opened == [(path, {"hf": {"token": False}})]


def test_a_row_whose_file_is_gone_is_left_out(monkeypatch):
    import fsspec

    def gone(path, *_, **options):
        raise FileNotFoundError(path)

    monkeypatch.setattr(fsspec, "open", gone)
    stream = rows_that_name("zip://x.png::hf://datasets/me/pets/a.zip")
    visitor_set = read_rows(stream, "me/pets", LIMITS)
    assert len(visitor_set.images) == 4 and left_out(visitor_set) == {"not_image": 1}


def test_of_a_file_that_a_row_names_no_more_is_read_than_allowed(monkeypatch):
    import fsspec

    sizes = []

    class File(io.BytesIO):
        def read(self, size=-1):
            sizes.append(size)
            return super().read(size)

    monkeypatch.setattr(fsspec, "open", lambda *path, **options: File(bytes(3 * 2**20)))
    stream = rows_that_name("zip://cats/1.jpg::hf://datasets/me/cats/all.zip")
    visitor_set = read_rows(stream, "me/pets", Limits(image_mb=1))
    assert left_out(visitor_set) == {"image_too_big": 1} and sizes == [2**20 + 1]


def test_a_set_without_images_or_labels_says_so(tmp_path):
    import datasets

    stream = datasets.Dataset.from_dict({"text": ["a"]}).to_iterable_dataset()
    with pytest.raises(DataError, match="it has text"):
        read_rows(stream, "me/words", LIMITS)


@pytest.mark.parametrize(
    ("configs", "file"),
    [
        ([{"config_name": "default", "data_files": "/home/*/private/*.parquet"}], "README.md"),
        ([{"config_name": "a", "data_files": [{"path": ["http://10.0.0.5/a"]}]}], "README.md"),
        (None, ".huggingface.yaml"),
    ],
)
def test_a_hub_set_may_not_name_other_places(monkeypatch, configs, file):
    hub = Hub(monkeypatch, configs, file)
    with pytest.raises(DataError) as caught:
        read_hub("me/pets", LIMITS)
    assert caught.value.reason == "hub_unreadable" and not hub.asked


@pytest.mark.parametrize("status", [None, 404, 429, 503])
def test_a_hub_that_does_not_give_the_set(monkeypatch, status):
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    def dataset_info(api, repo, timeout):
        if status is None:
            raise OSError("no route to host")
        kind = RepositoryNotFoundError if status == 404 else HfHubHTTPError
        raise kind("", response=SimpleNamespace(status_code=status, headers={}, request=None))

    monkeypatch.setattr(HfApi, "dataset_info", dataset_info)
    with pytest.raises(DataError) as caught:
        read_hub("me/pets", LIMITS)
    assert caught.value.reason == {None: "hub_offline", 404: "hub_unknown"}.get(status, "hub_fails")
    assert caught.value.reason != "hub_fails" or f"error {status}" in str(caught.value)


@pytest.mark.parametrize("place", ["here", "hub", "hub and here", "chained", "nowhere"])
def test_only_files_of_the_hub_are_read(tmp_path, monkeypatch, place):
    """Whatever ``datasets`` has found for a set, from whatever its repository says."""
    import datasets

    path = tmp_path / "a.parquet"
    parquet(path, [(encoded(i), i % 2) for i in range(8)])
    builder = datasets.load_dataset_builder("parquet", data_files=str(path), cache_dir=tmp_path)
    own = "hf://datasets/me/pets/a"
    found = {
        "here": builder.config.data_files,
        "hub": {"train": [own]},
        "hub and here": {"train": [own], "test": [str(path)]},
        "chained": {"train": [f"{own}::{path}"]},
        "nowhere": None,
    }
    reader = SimpleNamespace(
        config=SimpleNamespace(data_files=found[place]),
        as_streaming_dataset=builder.as_streaming_dataset,
    )
    Hub(monkeypatch, [{"config_name": "default", "data_files": "data/*.parquet"}], "README.md")
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *_, **options: reader)
    if place == "hub":
        assert len(read_hub("me/pets", LIMITS).images.labels) == 8
        return
    with pytest.raises(DataError) as caught:
        read_hub("me/pets", LIMITS)
    assert caught.value.reason == "hub_unreadable"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "mnist",
        "/etc",
        "../x",
        "a/../b",
        "cnn_space/page",
        "a/b/c",
        "https://x/y",
        "a/b--c",
        "a/b.",
        "a/고양이",
    ],
)
def test_names_that_are_none(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(DataError) as caught:
        read_hub(name, LIMITS)
    assert caught.value.reason == "hub_name"
