"""A visitor's zip: whatever is in it, the outcome is a set of images or one clear sentence."""

import contextlib
import io
import os
import stat
import struct
import tracemalloc
import zipfile
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tiny_sets import class_folders, encode, left_out, picture

from cnn_space.images import collector
from cnn_space.images.limits import Limits
from cnn_space.images.readers import read_zip
from cnn_space.images.visitor_set import DataError

LIMITS = Limits()
PNG = b"\x89PNG\r\n\x1a\n"


def make_zip(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(name, data)
    return path


def reason_of(path, limits=LIMITS):
    with pytest.raises(DataError) as caught:
        read_zip(path, limits)
    assert str(caught.value).endswith((".", "folders.")) and "{" not in str(caught.value)
    return caught.value.reason


def test_one_folder_a_class(tmp_path):
    visitor_set = read_zip(make_zip(tmp_path / "pets.zip", class_folders()), LIMITS)
    images = visitor_set.images
    assert images.classes == ("cat", "dog") and images.name == "pets"
    assert tuple(images.images.shape) == (6, 3, 16, 16)
    assert images.labels.tolist().count(0) == images.labels.tolist().count(1) == 3
    # The centre square, pixel for pixel: nothing was resampled.
    whole = np.array(Image.open(io.BytesIO(picture(0))))
    np.testing.assert_array_equal(images.images[0].permute(1, 2, 0).numpy(), whole[:, 4:20])
    assert visitor_set.left_out == ()


@pytest.mark.parametrize("prefix", ["photos/", "photos/photos/", "a b/c/", "train/", "x/train/"])
def test_common_top_folders_are_looked_through(tmp_path, prefix):
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", class_folders(prefix)), LIMITS)
    assert visitor_set.images.classes == ("cat", "dog")


def test_folders_within_a_class_belong_to_it(tmp_path):
    entries = class_folders() | {"cat/more/9.png": picture(90), "cat/more/deep/8.png": picture(91)}
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert visitor_set.images.labels.tolist().count(0) == 5


def test_system_files_are_passed_over_and_others_counted(tmp_path):
    entries = class_folders("pets/") | {
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
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert visitor_set.images.classes == ("cat", "dog")
    assert len(visitor_set.images.labels) == 6
    assert left_out(visitor_set) == {
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
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert set(visitor_set.images.classes) == set(names)


def renamed(path, names):
    """Give the entries called ``key`` * n the raw names of n bytes in ``names``, without a flag."""
    data = path.read_bytes()
    for key, raw in names.items():
        data = data.replace(key.encode() * len(raw) + b"/", raw + b"/")
    path.write_bytes(data)
    return path


def zip_of_raw_names(path, names):
    keys = "qwxz"[: len(names)]
    entries = {
        f"{key * len(raw)}/{i}.png": picture(10 * k + i)
        for k, (key, raw) in enumerate(zip(keys, names, strict=True))
        for i in (0, 1)
    }
    return renamed(make_zip(path, entries, zipfile.ZIP_STORED), dict(zip(keys, names, strict=True)))


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", ("가", "나")),
        ("utf-8", ("狗", "ネコ", "Äpfel")),
        ("cp949", ("가", "나")),
        ("cp949", ("고양이", "강아지")),
        ("cp949", ("닭", "쥐")),
        ("gb18030", ("狗", "猫")),
        ("gb18030", ("苹果", "香蕉", "橙子")),
        ("cp932", ("ネコ", "イヌ")),
        ("cp932", ("猫", "犬")),
        ("big5", ("狗", "貓")),
        ("cp437", ("Äpfel", "Birnen")),
        ("cp850", ("Äpfel", "Möhren")),
        ("cp1252", ("Äpfel", "Möhren")),
        ("cp1252", ("Café", "Thé")),
        ("cp866", ("кошки", "собаки")),
    ],
)
def test_names_without_the_utf8_flag(tmp_path, encoding, names):
    """Old tools, and those of Windows, leave the flag out and write their own code page."""
    path = zip_of_raw_names(tmp_path / "a.zip", [name.encode(encoding) for name in names])
    assert set(read_zip(path, LIMITS).images.classes) == set(names)


def test_one_code_page_for_all_names_of_an_archive(tmp_path):
    """A name that alone would be Korean (B9 B7 is the Chinese dog) is read as the others are."""
    names = ("狗", "猫", "兔子", "鹦鹉")
    path = zip_of_raw_names(tmp_path / "a.zip", [name.encode("gb18030") for name in names])
    assert set(read_zip(path, LIMITS).images.classes) == set(names)


@pytest.mark.parametrize("is_for_this_name", [True, False])
def test_the_unicode_path_field_names_an_entry(tmp_path, is_for_this_name):
    """Info-ZIP and 7-Zip add the name in UTF-8, with a checksum of the name that it stands for."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for label, name in (("a", "狗"), ("b", "Äpfel")):
            for i in (0, 1):
                entry = zipfile.ZipInfo(f"{label}/{i}.png")
                raw = entry.filename.encode() if is_for_this_name else b"before"
                field = struct.pack("<BI", 1, zlib.crc32(raw)) + f"{name}/{i}.png".encode()
                entry.extra = struct.pack("<HH", 0x7075, len(field)) + field
                archive.writestr(entry, picture(10 * ord(label) + i))
    classes = set(read_zip(tmp_path / "a.zip").images.classes)
    assert classes == ({"狗", "Äpfel"} if is_for_this_name else {"a", "b"})


def test_broken_extra_fields_are_passed_over(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(4):
            entry = zipfile.ZipInfo(f"{'ab'[i % 2]}/{i}.png")
            entry.extra = [b"up", b"up\1\0\1", b"up\0\0", b"up\6\0\1\0\0\0\0\xff"][i]
            archive.writestr(entry, picture(i))
    assert read_zip(tmp_path / "a.zip").images.classes == ("a", "b")


def test_composed_and_decomposed_names_are_one_class(tmp_path):
    entries = class_folders() | {"caf\u00e9/0.png": picture(50), "cafe\u0301/1.png": picture(51)}
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert visitor_set.images.classes == ("caf\u00e9", "cat", "dog")
    said = "Folders of the same name were taken as one class: caf\u00e9."
    assert [str(note) for note in visitor_set.notes] == [said]


def test_two_folders_of_one_name_alone_are_no_two_classes(tmp_path):
    entries = {f"{name}/{i}.png": picture(i + 5 * k) for k, name in enumerate(("dog", "dog "))
               for i in range(2)}  # fmt: skip
    path = make_zip(tmp_path / "a.zip", entries)
    with pytest.raises(DataError, match="Several classes are called dog"):
        read_zip(path, LIMITS)


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "cat/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_paths_out_of_the_archive_are_left_out(tmp_path, name):
    before = set(tmp_path.parent.rglob("*"))
    path = make_zip(tmp_path / "a.zip", class_folders() | {name: picture(60)})
    visitor_set = read_zip(path, LIMITS)
    assert left_out(visitor_set) == {"unsafe_path": 1}
    assert set(tmp_path.parent.rglob("*")) - before == {path}  # nothing was written anywhere


def test_links_are_left_out(tmp_path):
    path = make_zip(tmp_path / "a.zip", class_folders())
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("cat/passwd.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert left_out(read_zip(path, LIMITS)) == {"link": 1}


def test_bombs_by_ratio_are_not_opened(tmp_path):
    entries = class_folders() | {"cat/bomb.bmp": b"BM" + b"\0" * 25 * 2**20}
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries), Limits(image_mb=64))
    assert left_out(visitor_set) == {"bomb": 1}


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_drawings_are_no_bombs(tmp_path, kind):
    """Plain drawings without compression of their own unpack hundreds to one."""
    entries = {}
    for i in range(4):
        drawing = Image.new("RGB", (640, 480), "white")
        drawing.paste("red", (40 * i, 10, 40 * i + 90, 80))
        entries[f"{'ab'[i % 2]}/{i}.{kind.lower()}"] = encode(drawing, format=kind)
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries))
    assert visitor_set.images.counts == [2, 2] and visitor_set.left_out == ()


def test_reading_a_bomb_needs_little_memory(tmp_path):
    """A bomb whose table of contents lies about its size is cut where it claims to end."""
    path = make_zip(tmp_path / "a.zip", class_folders() | {"cat/bomb.png": PNG + bytes(60 * 2**20)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\1\2")
    assert b"bomb" in data[at : at + 80]
    struct.pack_into("<I", data, at + 24, 50_000)  # uncompressed size in the directory
    path.write_bytes(data)
    tracemalloc.start()
    try:
        visitor_set = read_zip(path, LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert left_out(visitor_set) == {"damaged": 1}
    assert peak < 10 * 2**20


def test_a_picture_of_too_many_pixels_is_not_decoded(tmp_path):
    """A PNG of 20,000 × 20,000 in a few hundred bytes."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    for edge in (9_000, 20_000):
        header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        path = make_zip(tmp_path / f"{edge}.zip", class_folders() | {"cat/bomb.png": bomb})
        assert left_out(read_zip(path, LIMITS)) == {"too_many_pixels": 1}


def test_overlapping_entries_end_in_a_sentence(tmp_path):
    """Many names for one stretch of data, the way quoting bombs are made."""
    path = make_zip(tmp_path / "a.zip", class_folders())
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
    entries = class_folders() | {f"cat/{i}.txt": b"" for i in range(300)}
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
    entries = {n: d + os.urandom(300_000) for n, d in class_folders().items()}
    path = make_zip(tmp_path / "a.zip", entries)
    assert reason_of(path, Limits(unpacked_mb=1)) == "unpacks_too_big"


def test_encrypted(tmp_path):
    path = make_zip(tmp_path / "a.zip", class_folders())
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
    path = make_zip(tmp_path / "a.zip", class_folders())
    path.write_bytes(path.read_bytes()[:keep])
    assert reason_of(path) == "not_a_zip"


@pytest.mark.parametrize("data", [b"", b"hello", picture(), b"PK\5\6" + b"\0" * 18])
def test_not_a_zip(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    assert reason_of(path) in ("not_a_zip", "no_images")


def test_damage_anywhere_is_never_a_crash(tmp_path):
    whole = make_zip(tmp_path / "a.zip", class_folders()).read_bytes()
    rng = np.random.default_rng(0)
    for turn in range(150):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 1 + turn % 40):
            data[at] = rng.integers(0, 256)
        (tmp_path / "b.zip").write_bytes(data)
        with contextlib.suppress(DataError):
            read_zip(tmp_path / "b.zip", LIMITS)


def test_other_compressions_are_left_out(tmp_path):
    path = make_zip(tmp_path / "a.zip", class_folders())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cat/z.png", picture(70))
    assert left_out(read_zip(path, LIMITS)) == {"method": 1}


def test_hundreds_of_classes(tmp_path):
    data = picture()
    entries = {f"class {i}/{j}.png": data for i in range(300) for j in (0, 1)}
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


def test_what_cannot_be_used_says_which_classes_and_what_was_left_out(tmp_path):
    entries = {
        "pets/cat/0.png": picture(0),
        "pets/cat/same.png": picture(0),
        "pets/dog/0.png": picture(1),
        "pets/dog/cut.png": picture(2)[:200],
        "pets/ox/cut.png": picture(3)[:200],
        "pets/more.zip": b"PK\3\4",
        "pets/notes.txt": b"x",
        "pets/emu/": b"",
    }
    with pytest.raises(DataError) as caught:
        read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS)
    assert str(caught.value).startswith("Too few images can be used of cat, dog, ox. A class needs")
    said = {(left.reason, left.count, left.example) for left in caught.value.left_out}
    assert said == {
        ("duplicate", 1, "pets/cat/same.png"),
        ("damaged", 2, "pets/ox/cut.png"),
        ("none_left", 1, "ox"),
        ("lonely", 2, "cat"),
        ("archive", 1, "pets/more.zip"),
        ("not_image", 1, "pets/notes.txt"),
        ("empty", 1, "pets/emu"),
    }


def test_empty_folders_are_named(tmp_path):
    empty = ["ox/", "emu/a/", "emu/a/b/", "__MACOSX/ox/", ".git/refs/", "cat/", "cat/more/"]
    entries = {name: b"" for name in empty} | class_folders() | {"ox/.DS_Store": b"x"}
    left = read_zip(make_zip(tmp_path / "a.zip", entries), LIMITS).left_out
    assert [(one.reason, one.count, one.example) for one in left] == [("empty", 3, "cat/more")]


def test_a_class_of_one_image_is_left_out(tmp_path):
    visitor_set = read_zip(
        make_zip(tmp_path / "a.zip", class_folders() | {"ox/0.png": picture(99)}), LIMITS
    )
    assert visitor_set.images.classes == ("cat", "dog")
    assert [(left.reason, left.example) for left in visitor_set.left_out] == [("lonely", "ox")]


def test_more_images_than_the_limit_are_taken_evenly(tmp_path):
    entries = {f"cat/{i}.png": picture(i) for i in range(30)}
    entries |= {f"dog/{i}.png": picture(100 + i) for i in range(4)}
    visitor_set = read_zip(make_zip(tmp_path / "a.zip", entries), Limits(images=10))
    labels = visitor_set.images.labels.tolist()
    assert (labels.count(0), labels.count(1)) == (6, 4)
    assert left_out(visitor_set) == {"over_limit": 24}


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
    # The collector's clock alone: the processes that decode have their own.
    monkeypatch.setattr(collector, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    visitor_set = read_zip(
        make_zip(tmp_path / "a.zip", class_folders()), Limits(reading_seconds=110)
    )
    assert len(visitor_set.images.labels) == 4 and left_out(visitor_set) == {"time": 2}


def test_the_name_of_a_zip_is_cut_to_what_a_card_takes(tmp_path):
    path = tmp_path / f"{'n' * 196}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(4):
            archive.writestr(f"{'ab'[i % 2]}/{i}.png", picture(i))
    name = read_zip(path).images.name
    assert len(name) == 60 and name.endswith("…")


def test_an_entry_without_a_name_is_left_out(tmp_path):
    """A name ends at its first zero byte; Python 3.11 cannot tell whether none is a folder's."""
    path = make_zip(tmp_path / "pets.zip", class_folders())
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 46] = 0  # the last entry of the table of contents
    path.write_bytes(data)
    visitor_set = read_zip(path)
    assert len(visitor_set.images.labels) == 5 and left_out(visitor_set) == {"unsafe_path": 1}
