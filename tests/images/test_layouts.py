"""Folders as people have them: which are classes, and which are the parts of a given split."""

import unicodedata
import zipfile

import pytest
from tiny_sets import left_out, picture

from cnn_space.images.collector import clean_name
from cnn_space.images.limits import Limits
from cnn_space.images.readers import read_folder, read_zip
from cnn_space.images.readers.layout import arrange
from cnn_space.images.visitor_set import DataError


def read(tmp_path, names, limits=None):
    """The set in a zip with another picture for each name; of names that end alike from the first
    "|" on, the same."""
    path = tmp_path / "set.zip"
    seeds = {}
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            seed = seeds.setdefault(name.rpartition("|")[2], len(seeds))
            archive.writestr(name.replace("|", ""), picture(seed))
    return read_zip(path, limits)


def files(*folders, count=2, start=0):
    return [f"{folder}/{i}.png" for folder in folders for i in range(start, start + count)]


def parts(visitor_set):
    """{class: (images to learn from, images held out)}, in the order of the classes."""
    images = visitor_set.images
    held = images.held_out
    learn = images if held is None else images.subset(~held)
    check = images.subset(images.held_out) if held is not None else images.subset(images.labels < 0)
    pairs = zip(learn.counts, check.counts, strict=True)
    return dict(zip(images.classes, pairs, strict=True))


def reason_of(tmp_path, names):
    with pytest.raises(DataError) as caught:
        read(tmp_path, names)
    assert str(caught.value).endswith((".", "folders."))
    return caught.value.reason


GIVEN = {"sea": (3, 2), "street": (3, 2)}


@pytest.mark.parametrize(
    ("train", "held"),
    [
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set/training_set", "test_set/test_set"),
        ("dataset/training_set", "dataset/test_set"),
        ("train", "dev"),
        ("Train", "valid"),
        ("TRAIN", "Val"),
        ("trainset", "testset"),
        ("TrainData", "TestData"),
        ("train_images", "val_images"),
        ("train2017", "val2017"),
        ("train/images", "test/images"),
        ("train/train_images", "test/test_images"),
        ("imagenette2-160/train", "imagenette2-160/val"),
        ("학습", "검증"),
    ],
)
def test_the_parts_of_a_split_are_no_classes(tmp_path, train, held):
    names = files(f"{train}/sea", f"{train}/street", count=3)
    names += files(f"{held}/sea", f"{held}/street")
    visitor_set = read(tmp_path, names)
    assert parts(visitor_set) == GIVEN and visitor_set.split == "given"
    assert visitor_set.left_out == ()


def test_folders_without_classes_beside_the_parts_are_left_out(tmp_path):
    """The layout of Kaggle's Intel scenes."""
    names = files("seg_train/seg_train/sea", "seg_train/seg_train/street", count=3)
    names += files("seg_test/seg_test/sea", "seg_test/seg_test/street")
    names += files("seg_pred/seg_pred", count=4)
    visitor_set = read(tmp_path, names)
    assert parts(visitor_set) == GIVEN and left_out(visitor_set) == {"unlabelled": 4}


def test_the_validation_part_is_held_out_and_a_test_part_left_out(tmp_path):
    names = files("c/train/ill", "c/train/normal", count=3) + files("c/val/ill", "c/val/normal")
    visitor_set = read(tmp_path, names + files("c/test/ill", "c/test/normal"))
    assert parts(visitor_set) == {"ill": (3, 2), "normal": (3, 2)}
    assert left_out(visitor_set) == {"other_part": 4}


@pytest.mark.parametrize("inside", ["chest/chest/", "chest/xray/"])
def test_a_set_with_itself_once_more_inside(tmp_path, inside):
    """Kaggle's chest X-rays hold all files twice."""
    names = files("train/ill", "train/normal", count=3) + files("val/ill", "val/normal")
    twice = [f"chest/|{name}" for name in names] + [f"{inside}|{name}" for name in names]
    visitor_set = read(tmp_path, twice)
    assert parts(visitor_set) == {"ill": (3, 2), "normal": (3, 2)}
    assert left_out(visitor_set) == {"duplicate": 10}


def test_copies_take_no_place_where_there_are_too_many(tmp_path):
    names = files("a", "b", count=5)
    twice = [f"set/|{name}" for name in names] + [f"set/set/|{name}" for name in names]
    assert len(read(tmp_path, twice, Limits(images=10)).images) == 10


def test_a_class_is_spelt_in_two_ways(tmp_path):
    names = files("Train/Cats", "Train/Dogs") + files("val/cats", "val/dogs", count=1, start=5)
    assert parts(read(tmp_path, names)) == {"Cats": (2, 1), "Dogs": (2, 1)}


def test_two_spellings_in_one_part_are_two_classes(tmp_path):
    names = files("train/Ax", "train/ax") + files("val/Ax", "val/ax", count=1, start=5)
    assert parts(read(tmp_path, names)) == {"Ax": (2, 1), "ax": (2, 1)}


def test_files_that_are_named_after_their_class(tmp_path):
    """The layout of Kaggle's cats and dogs."""
    names = [f"train/{label}.{i}.jpg" for label in ("cat", "dog") for i in range(3)]
    visitor_set = read(tmp_path, names + [f"test1/{i}.jpg" for i in range(1, 5)])
    assert parts(visitor_set) == {"cat": (3, 0), "dog": (3, 0)} and visitor_set.split == "drawn"
    assert left_out(visitor_set) == {"unlabelled": 4}


@pytest.mark.parametrize("folder", ["", "train/", "photos/train/"])
def test_files_alone_that_are_named_after_their_class(tmp_path, folder):
    names = [f"{folder}{label}.{i}.jpg" for label in ("cat", "dog") for i in range(3)]
    assert parts(read(tmp_path, names)) == {"cat": (3, 0), "dog": (3, 0)}


def test_both_parts_may_be_named_so(tmp_path):
    names = [f"{p}/{c}.{i}.jpg" for p, n in (("train", 3), ("val", 2)) for c in ("sea", "street")
             for i in range(n)]  # fmt: skip
    assert parts(read(tmp_path, names)) == GIVEN


def test_teachable_machine_projects_and_samples(tmp_path):
    names = [f"Class {k}-!-{i}.jpg" for k in (1, 2) for i in range(3)]
    assert parts(read(tmp_path, names)) == {"Class 1": (3, 0), "Class 2": (3, 0)}
    samples = files("cat-samples", "dog-samples")
    assert parts(read(tmp_path, samples)) == {"cat": (2, 0), "dog": (2, 0)}


def test_roboflow_folders(tmp_path):
    names = [
        f"{part}/{label}/{i}_jpg.rf.{i:032x}.jpg"
        for part, count in (("train", 3), ("valid", 2), ("test", 2))
        for label in ("sea", "street")
        for i in range(count)
    ]
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("README.roboflow.txt", "Exported.")
        for number, name in enumerate(names):
            archive.writestr(name, picture(number, format="JPEG"))
    visitor_set = read_zip(tmp_path / "r.zip")
    assert parts(visitor_set) == GIVEN
    assert left_out(visitor_set) == {"not_image": 1, "other_part": 4}


def test_parts_within_each_class(tmp_path):
    names = files("sea/train", "street/train", count=3) + files("sea/val", "street/val")
    assert parts(read(tmp_path, names)) == GIVEN


def test_classes_of_one_part_only(tmp_path):
    names = files("train/a", "train/b", "train/c") + files("val/a", "val/d", count=2, start=5)
    visitor_set = read(tmp_path, names)
    assert parts(visitor_set) == {"a": (2, 2), "b": (2, 0), "c": (2, 0)}
    assert left_out(visitor_set) == {"not_learnt": 2}


def test_one_part_alone_is_split_here(tmp_path):
    assert read(tmp_path, files("test/a", "test/b")).split == "drawn"


def test_a_part_that_cannot_be_read_gives_no_split(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number, name in enumerate(files("train/a", "train/b")):
            archive.writestr(name, picture(number))
            archive.writestr(f"val/a/{number}.png", picture(number)[:90])
    visitor_set = read_zip(tmp_path / "a.zip")
    assert visitor_set.split == "drawn" and left_out(visitor_set) == {"damaged": 4}


@pytest.mark.parametrize(
    "names",
    [
        files("train/a", "train/b", "test/a", "extra/a", "extra/b"),
        files("train/a", "train/b", "extra/a", "extra/b"),
        files("train/a", "train/b", "more"),
        files("val/a", "val/b", "test/a", "test/b"),
        [f"{part}/IMG_{i}.jpg" for part in ("train", "test") for i in range(3)],
    ],
    ids=["other folder", "one part", "loose folder", "no training", "no classes"],
)
def test_what_is_unclear_is_no_guess(tmp_path, names):
    assert reason_of(tmp_path, names) == "unclear"


def test_camera_names_are_no_classes(tmp_path):
    assert reason_of(tmp_path, [f"IMG_{i}.jpg" for i in range(4)]) == "no_folders"
    assert reason_of(tmp_path, [f"{i}.{i}.jpg" for i in range(4)]) == "no_folders"


def test_a_train_may_be_a_class(tmp_path):
    assert [*parts(read(tmp_path, files("train", "car", "bus")))] == ["bus", "car", "train"]
    deep = files("train/steam", "train/diesel", "car/red", "car/blue")
    assert [*parts(read(tmp_path, deep))] == ["car", "train"]


def test_a_cut_keeps_the_parts_in_proportion(tmp_path):
    names = files("train/a", "train/b", count=12) + files("val/a", "val/b", count=4)
    visitor_set = read(tmp_path, names, Limits(images=16))
    assert parts(visitor_set) == {"a": (6, 2), "b": (6, 2)}


def test_classes_come_in_natural_order(tmp_path):
    names = [str(number) for number in range(1, 13)]
    assert read(tmp_path, files(*reversed(names))).images.classes == tuple(names)
    mixed = ["Class 10", "class 2", "Äpfel", "9" * 5000]
    assert read(tmp_path, files(*mixed[:3])).images.classes == (
        "Äpfel",
        "class 2",
        "Class 10",
    )
    assert len(read(tmp_path, files(*mixed)).images.classes) == 4


def test_long_names_are_never_merged(tmp_path):
    long = ["x" * 59 + end for end in ("first", "second")] + ["y" * 500 + end for end in "ab"]
    classes = read(tmp_path, files(*long)).images.classes
    assert len(classes) == 4 and classes[:2] == tuple(long[:2])
    assert all(len(name) <= 200 for name in classes)


@pytest.mark.parametrize(
    "paths",
    [
        [(f"folder {i}", "train", "x.png") for i in range(20_000)],
        [("train", f"x{'.1' * 30_000}.png"), ("train", f"{'-!-' * 20_000}.png")],
        [("a", "b") * 15_000 + (f"{i}.png",) for i in range(60)],
        [("train" * 10_000, "1" * 30_000, f"{i}.png") for i in range(60)],
    ],
    ids=["many folders", "long names", "deep folders", "long folders"],
)
def test_hostile_trees_take_no_time(paths):
    """Work grows as the number of files and the lengths of their names do, not as a power."""
    layout = arrange(paths, clean_name)
    assert len(layout.files) + len(layout.left_out) == len(paths)


def test_decomposed_names_of_parts(tmp_path):
    """macOS writes Hangul as single letters."""
    parted = [unicodedata.normalize("NFD", part) for part in ("훈련", "검증")]
    names = files(f"{parted[0]}/sea", f"{parted[0]}/street", count=3)
    assert parts(read(tmp_path, names + files(f"{parted[1]}/sea", f"{parted[1]}/street"))) == GIVEN


def test_a_folder_on_disk_is_read_alike(tmp_path):
    for number, name in enumerate(files("train/10", "train/9") + files("val/10", "val/9")):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    assert parts(read_folder(tmp_path / "pets")) == {"9": (2, 2), "10": (2, 2)}
