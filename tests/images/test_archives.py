"""A visitor's zip: whatever is in it, the answer is a set of images or one clear sentence."""

import contextlib
import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cnn_space.images import archives
from cnn_space.images.archives import (
    DataError,
    Limits,
    clean,
    digits,
    read_folder,
    read_hub,
    read_rows,
    read_zip,
    square,
)

LIMITS = Limits()
ROOT = Path(__file__).parents[2]


def picture(seed=0, size=(24, 16), mode="RGB", format="PNG", **options) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).convert(mode).save(buffer, format, **options)
    return buffer.getvalue()


def make_zip(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(name, data)
    return path


def good(prefix="", start=0):
    return {
        f"{prefix}{label}/{i}.png": picture(start + 10 * k + i)
        for k, label in enumerate(("cat", "dog"))
        for i in range(3)
    }


def reasons(intake):
    return {left.reason: left.count for left in intake.left_out}


def reason_of(path, limits=LIMITS):
    with pytest.raises(DataError) as caught:
        read_zip(path, limits)
    assert str(caught.value).endswith((".", "folders.")) and "{" not in str(caught.value)
    return caught.value.reason


def test_one_folder_a_class(tmp_path):
    intake = read_zip(make_zip(tmp_path / "pets.zip", good()), LIMITS)
    images = intake.images
    assert images.classes == ("cat", "dog") and images.name == "pets"
    assert tuple(images.images.shape) == (6, 3, 16, 16)
    assert images.labels.tolist().count(0) == images.labels.tolist().count(1) == 3
    # The centre square, pixel for pixel: nothing was resampled.
    whole = np.array(Image.open(io.BytesIO(picture(0))))
    np.testing.assert_array_equal(images.images[0].permute(1, 2, 0).numpy(), whole[:, 4:20])
    assert intake.left_out == ()


@pytest.mark.parametrize("prefix", ["photos/", "photos/photos/", "a b/c/", "train/", "x/train/"])
def test_common_top_folders_are_looked_through(tmp_path, prefix):
    intake = read_zip(make_zip(tmp_path / "a.zip", good(prefix)), LIMITS)
    assert intake.images.classes == ("cat", "dog")


def test_split_folders_are_merged(tmp_path):
    entries = good("train/") | good("val/", start=100)
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert intake.images.classes == ("cat", "dog") and len(intake.images.labels) == 12


def test_folders_within_a_class_belong_to_it(tmp_path):
    entries = good() | {"cat/more/9.png": picture(90), "cat/more/deep/8.png": picture(91)}
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert intake.images.labels.tolist().count(0) == 5


def test_system_files_are_passed_over_and_others_counted(tmp_path):
    entries = good("pets/") | {
        "__MACOSX/pets/cat/._0.png": b"\0\5\x16\7",
        "pets/.DS_Store": b"x",
        "pets/cat/Thumbs.db": b"x",
        "pets/readme.txt": b"x",
        "pets/cat/notes.pdf": b"%PDF",
        "pets/cat/fake.jpg": b"<script>alert(1)</script>",
        "pets/cat/empty.jpg": b"",
        "pets/cat/cut.png": picture(5)[:200],
        "pets/cat/line.png": picture(5, (3000, 1)),
        "pets/cat/same.png": picture(0),
        "stray.png": picture(77),
        "pets/cat/inner.zip": b"PK\3\4",
    }
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert intake.images.classes == ("cat", "dog")
    assert len(intake.images.labels) == 6
    assert reasons(intake) == {
        "not_image": 4,
        "damaged": 1,
        "too_small": 1,
        "duplicate": 1,
        "no_class": 1,
        "archive": 1,
    }


def test_names_in_korean_with_spaces_and_emoji(tmp_path):
    names = ("고양이", "강아지 사진", "🐶 pups", "<b>&\"'")
    entries = {f"{n}/{i}.png": picture(i + 9 * k) for k, n in enumerate(names) for i in (0, 1)}
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert set(intake.images.classes) == set(names)


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_names_without_the_utf8_flag(tmp_path, encoding):
    """Old tools and Korean Windows leave the flag out."""
    names = {letter: letter.encode(encoding) for letter in "가나"}
    stand_ins = dict(zip("가나", "xz", strict=True))
    entries = {
        f"{stand_ins[n] * len(raw)}/{i}.png": picture(ord(n) + i)
        for n, raw in names.items()
        for i in (0, 1)
    }
    path = make_zip(tmp_path / "a.zip", entries, zipfile.ZIP_STORED)
    data = path.read_bytes()
    for n, raw in names.items():
        data = data.replace(stand_ins[n].encode() * len(raw) + b"/", raw + b"/")
    path.write_bytes(data)
    assert set(read_zip(path, LIMITS).images.classes) == {"가", "나"}


def test_composed_and_decomposed_names_are_one_class(tmp_path):
    entries = good() | {"caf\u00e9/0.png": picture(50), "cafe\u0301/1.png": picture(51)}
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert intake.images.classes == ("caf\u00e9", "cat", "dog")


def test_names_are_cleaned_for_the_eye():
    assert clean("a\u202egpj.exe\x07\n b") == "agpj.exe b"
    assert len(clean("x" * 500)) == 60
    assert clean("👩‍🔬") == "👩‍🔬"


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "cat/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_paths_out_of_the_archive_are_left_out(tmp_path, name):
    before = set(tmp_path.parent.rglob("*"))
    path = make_zip(tmp_path / "a.zip", good() | {name: picture(60)})
    intake = read_zip(path, LIMITS)
    assert reasons(intake) == {"unsafe_path": 1}
    assert set(tmp_path.parent.rglob("*")) - before == {path}  # nothing was written anywhere


def test_links_are_left_out(tmp_path):
    path = make_zip(tmp_path / "a.zip", good())
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cat/passwd.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert reasons(read_zip(path, LIMITS)) == {"link": 1}


def test_bombs_by_ratio_are_not_opened(tmp_path):
    entries = good() | {"cat/bomb.bmp": b"\0" * 15 * 2**20}
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert reasons(intake) == {"bomb": 1}


def test_reading_a_bomb_needs_little_memory(tmp_path):
    """A bomb whose table of contents lies about its size is cut where it claims to end."""
    path = make_zip(tmp_path / "a.zip", good() | {"cat/bomb.png": b"\0" * 300 * 2**20})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\1\2")
    assert b"bomb" in data[at : at + 80]
    struct.pack_into("<I", data, at + 24, 50_000)  # uncompressed size in the directory
    path.write_bytes(data)
    tracemalloc.start()
    try:
        intake = read_zip(path, LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reasons(intake) == {"damaged": 1}
    assert peak < 40 * 2**20


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path):
    """A PNG of 20,000 × 20,000 in a few hundred bytes."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    for edge in (9_000, 20_000):
        header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        path = make_zip(tmp_path / f"{edge}.zip", good() | {"cat/bomb.png": bomb})
        assert reasons(read_zip(path, LIMITS)) == {"too_many_pixels": 1}


def test_overlapping_entries_end_in_a_sentence(tmp_path):
    """Many names for one stretch of data, the way quoting bombs are made."""
    path = make_zip(tmp_path / "a.zip", good())
    data = bytearray(path.read_bytes())
    first = struct.unpack_from("<I", data, data.find(b"PK\1\2") + 42)[0]
    at = data.find(b"PK\1\2")
    while at >= 0:
        struct.pack_into("<I", data, at + 42, first)
        at = data.find(b"PK\1\2", at + 4)
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_zip(path, LIMITS)


def test_too_many_entries(tmp_path):
    entries = good() | {f"cat/{i}.txt": b"" for i in range(300)}
    assert reason_of(make_zip(tmp_path / "a.zip", entries), Limits(entries=100)) == (
        "too_many_entries"
    )


def test_a_huge_table_of_contents_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.zip"
    one = zipfile.ZipInfo("x" * 60)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(one, b"")
    data = path.read_bytes()
    start = data.find(b"PK\1\2")
    end = data.find(b"PK\5\6")
    directory, tail = data[start:end], bytearray(data[end:])
    copies = 60_000
    struct.pack_into("<HHI", tail, 8, 0xFFFE, 0xFFFE, copies * len(directory))
    path.write_bytes(data[:start] + directory * copies + bytes(tail))
    tracemalloc.start()
    try:
        assert reason_of(path) == "too_many_entries"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_claims_to_unpack_to_too_much(tmp_path):
    entries = {n: d + os.urandom(300_000) for n, d in good().items()}
    path = make_zip(tmp_path / "a.zip", entries)
    assert reason_of(path, Limits(unpacked_mb=1)) == "unpacks_too_big"


def test_encrypted(tmp_path):
    path = make_zip(tmp_path / "a.zip", good())
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(signature, at + 4)
    path.write_bytes(data)
    assert reason_of(path) == "encrypted"


@pytest.mark.parametrize("keep", [0, 3, 21, 100, 1500, -30])
def test_truncated(tmp_path, keep):
    path = make_zip(tmp_path / "a.zip", good())
    path.write_bytes(path.read_bytes()[:keep])
    assert reason_of(path) == "not_a_zip"


@pytest.mark.parametrize("data", [b"", b"hello", picture(), b"PK\5\6" + b"\0" * 18])
def test_not_a_zip(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    assert reason_of(path) in ("not_a_zip", "no_images")


def test_damage_anywhere_is_never_a_crash(tmp_path):
    whole = make_zip(tmp_path / "a.zip", good()).read_bytes()
    rng = np.random.default_rng(0)
    for turn in range(150):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 1 + turn % 40):
            data[at] = rng.integers(0, 256)
        (tmp_path / "b.zip").write_bytes(data)
        with contextlib.suppress(DataError):
            read_zip(tmp_path / "b.zip", LIMITS)


def test_other_compressions_are_left_out(tmp_path):
    path = make_zip(tmp_path / "a.zip", good())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cat/z.png", picture(70))
    assert reasons(read_zip(path, LIMITS)) == {"method": 1}


def test_thousands_of_classes(tmp_path):
    data = picture()
    entries = {f"class {i}/{j}.png": data for i in range(3000) for j in (0, 1)}
    assert reason_of(make_zip(tmp_path / "a.zip", entries)) == "too_many_classes"


def test_one_class_one_image_none(tmp_path):
    path = tmp_path / "a.zip"
    assert reason_of(make_zip(path, {f"cat/{i}.png": picture(i) for i in (0, 1)})) == "one_class"
    assert reason_of(make_zip(path, {"cat/0.png": picture()})) == "one_class"
    assert reason_of(make_zip(path, {f"{i}.png": picture(i) for i in range(4)})) == "no_folders"
    assert reason_of(make_zip(path, {"cat/a.txt": b"x", "dog/b.txt": b"y"})) == "no_images"
    assert reason_of(make_zip(path, {})) == "no_images"
    lonely = {"cat/0.png": picture(0), "dog/0.png": picture(1)}
    assert reason_of(make_zip(path, lonely)) == "one_image_each"


def test_a_class_of_one_image_is_left_out(tmp_path):
    intake = read_zip(make_zip(tmp_path / "a.zip", good() | {"ox/0.png": picture(99)}), LIMITS)
    assert intake.images.classes == ("cat", "dog")
    assert [(left.reason, left.example) for left in intake.left_out] == [("lonely", "ox")]


def test_more_images_than_the_limit_are_taken_evenly(tmp_path):
    entries = {f"cat/{i}.png": picture(i) for i in range(30)}
    entries |= {f"dog/{i}.png": picture(100 + i) for i in range(4)}
    intake = read_zip(make_zip(tmp_path / "a.zip", entries), Limits(images=10))
    labels = intake.images.labels.tolist()
    assert (labels.count(0), labels.count(1)) == (6, 4)
    assert reasons(intake) == {"over_limit": 24}


def test_memory_decides_the_side(tmp_path):
    entries = {f"{c}/{i}.jpg": picture(i, (400, 300), format="JPEG") for c in "ab" for i in (0, 1)}
    entries = {name: data + name.encode() for name, data in entries.items()}
    path = make_zip(tmp_path / "a.zip", entries)
    assert read_zip(path, LIMITS).images.images.shape[-1] == 256
    small = read_zip(path, Limits(memory_mb=1)).images.images
    assert small.numel() <= 2**20 and small.shape[-1] > 200


def test_the_file_itself_may_be_too_big(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"cat/0.png": os.urandom(2**20 + 1)})
    assert reason_of(path, Limits(mb=1)) == "too_big"


def test_reading_stops_in_time(tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(archives.time, "monotonic", lambda: next(clock))
    intake = read_zip(make_zip(tmp_path / "a.zip", good()), Limits(reading_seconds=110))
    assert len(intake.images.labels) == 4 and reasons(intake) == {"time": 2}


@pytest.mark.parametrize(
    ("mode", "format", "expected"),
    [
        ("L", "PNG", 100),
        ("CMYK", "JPEG", 100),
        ("I;16", "PNG", 100),
        ("P", "GIF", 100),
        ("1", "PNG", 255),
        ("RGBA", "PNG", 255),
        ("LA", "PNG", 255),
    ],
)
def test_every_mode_arrives_as_rgb(mode, format, expected):
    if mode == "I;16":
        photo = Image.fromarray(np.full((10, 10), 100 * 257, dtype=np.uint16))
    elif mode in ("RGBA", "LA"):  # fully transparent black: white paper shows
        photo = Image.new(mode, (10, 10), 0)
    else:
        photo = Image.new("L", (10, 10), expected).convert(mode)
    buffer = io.BytesIO()
    photo.save(buffer, format)
    pixels = square(buffer.getvalue(), 256, 24)
    assert pixels.shape == (10, 10, 3)
    np.testing.assert_allclose(pixels, expected, atol=2)


def test_exif_orientation_is_applied():
    photo = Image.new("RGB", (20, 20), "black")
    photo.paste("white", (0, 0, 20, 10))  # top half white
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    pixels = square(buffer.getvalue(), 256, 24)
    assert pixels[:8].mean() < 20 and pixels[12:].mean() > 235


def test_a_folder_on_disk(tmp_path):
    for name, data in good("pets/").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture(80))
    (tmp_path / "pets/cat/link.png").symlink_to(secret)
    intake = read_folder(tmp_path / "pets", LIMITS)
    assert intake.images.classes == ("cat", "dog") and intake.images.name == "pets"
    assert len(intake.images.labels) == 6 and reasons(intake) == {"link": 1}
    with pytest.raises(DataError, match="no folder"):
        read_folder(tmp_path / "nothing", LIMITS)


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CNN_SPACE_FINETUNE_IMAGES", "77")
    assert Limits.from_environment() == Limits(images=77)
    monkeypatch.setenv("CNN_SPACE_FINETUNE_CLASSES", "many")
    with pytest.raises(ValueError, match="CNN_SPACE_FINETUNE_CLASSES"):
        Limits.from_environment()
    monkeypatch.setenv("CNN_SPACE_FINETUNE_CLASSES", "5")
    monkeypatch.setenv("CNN_SPACE_FINETUNE_MEGAPIXELS", "60")
    with pytest.raises(ValueError, match="MEGAPIXELS is 50 at most"):
        Limits.from_environment()


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


def test_a_hub_set_is_streamed(tmp_path):
    rows = parquet(tmp_path / "a.parquet", [(encoded(i), i % 2) for i in range(8)])
    intake = read_rows(rows, "me/pets", LIMITS)
    assert intake.images.classes == ("cat", "dog") and intake.images.name == "me/pets"
    assert sorted(intake.images.labels.tolist()) == [0] * 4 + [1] * 4
    assert intake.left_out == ()


def test_a_sorted_stream_is_taken_evenly_and_not_to_its_end(tmp_path):
    rows = [(encoded(i), int(i >= 30)) for i in range(60)]
    intake = read_rows(parquet(tmp_path / "a.parquet", rows), "me/pets", Limits(images=8))
    assert intake.images.labels.tolist().count(0) == 4
    assert intake.images.labels.tolist().count(1) == 4
    assert reasons(intake) == {"over_limit": 26}


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
    intake = read_rows(stream, "me/pets", LIMITS)
    assert len(intake.images.labels) == 6 and reasons(intake) == {"not_image": 7}


def test_a_row_whose_file_is_gone_is_left_out(monkeypatch):
    import fsspec

    def gone(path, *_, **options):
        raise FileNotFoundError(path)

    monkeypatch.setattr(fsspec, "open", gone)
    path = "zip://x.png::hf://datasets/me/pets/a.zip"
    assert archives._row_bytes({"bytes": None, "path": path}, 10) is None


def test_the_name_of_a_zip_is_cut_to_what_a_card_takes(tmp_path):
    path = tmp_path / f"{'n' * 196}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(4):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", picture(i))
    name = read_zip(path).images.name
    assert len(name) == 60 and name.endswith("…")


def test_an_entry_without_a_name_is_left_out(tmp_path):
    """A name ends at its first zero byte; Python 3.11 cannot tell whether none is a folder's."""
    path = make_zip(tmp_path / "pets.zip", good())
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 46] = 0  # the last entry of the table of contents
    path.write_bytes(data)
    intake = read_zip(path)
    assert len(intake.images.labels) == 5 and reasons(intake) == {"unsafe_path": 1}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_in_a_folder_is_no_picture(tmp_path):
    for i in range(4):
        folder = tmp_path / "pets" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(picture(i))
    os.mkfifo(tmp_path / "pets" / "a" / "pipe.png")
    intake = read_folder(tmp_path / "pets")
    assert len(intake.images.labels) == 4 and reasons(intake) == {"not_image": 1}


def _undecoded():
    import datasets

    return datasets.Image(decode=False)


def _labels():
    import datasets

    return datasets.ClassLabel(names=["cat", "dog"])


def test_a_set_without_images_or_labels_says_so(tmp_path):
    import datasets

    stream = datasets.Dataset.from_dict({"text": ["a"]}).to_iterable_dataset()
    with pytest.raises(DataError, match="it has text"):
        read_rows(stream, "me/words", LIMITS)


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


@pytest.mark.parametrize("path", ["", " ", "~no such visitor/x", "a" * 5000])
def test_folders_that_are_none(path):
    with pytest.raises(DataError) as caught:
        read_folder(path, LIMITS)
    assert caught.value.reason == "not_a_folder"


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


def test_the_digits():
    from sklearn.datasets import load_digits

    images = digits().images
    assert images.images.shape == (1797, 3, 32, 32) and images.classes == tuple("0123456789")
    raw = load_digits()
    assert images.labels.tolist() == raw.target.tolist()
    means = images.images.float().mean((1, 2, 3)).numpy() / 255 * 16
    np.testing.assert_allclose(means, raw.images.mean((1, 2)), atol=0.25)


def test_of_a_file_that_a_row_names_no_more_is_read_than_allowed(monkeypatch):
    import fsspec

    file = io.BytesIO(bytes(1000))
    monkeypatch.setattr(fsspec, "open", lambda *path, **options: file)
    row = {"path": "zip://cats/1.jpg::hf://datasets/me/cats/all.zip"}
    assert len(archives._row_bytes(row, 99)) == 100
