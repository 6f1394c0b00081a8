"""Which columns of a table hold the images and their labels."""

import pytest

from cnn_space.images.readers.columns import Columns, find_columns

IMAGE = {"_type": "Image"}
TEXT = {"dtype": "string", "_type": "Value"}
NUMBER = {"dtype": "int64", "_type": "Value"}
BYTES = {"dtype": "binary", "_type": "Value"}
STRUCT = {"bytes": BYTES, "path": TEXT}
LIST = {"feature": NUMBER, "_type": "List"}


def classes(*names):
    return {"_type": "ClassLabel", "names": list(names)}


@pytest.mark.parametrize(
    ("features", "found"),
    [
        ({"img": IMAGE, "label": classes("a", "b")}, Columns("img", "label", ("a", "b"))),
        # Of several of the type the usual name, else the first.
        (
            {"coarse": classes("x"), "fine_label": classes("a"), "image": IMAGE},
            Columns("image", "fine_label", ("a",)),
        ),
        (
            {"mask": IMAGE, "photo": IMAGE, "kind": classes("a"), "place": classes("b")},
            Columns("mask", "kind", ("a",)),
        ),
        ({"mask": IMAGE, "image": IMAGE, "class": classes("a")}, Columns("image", "class", ("a",))),
        # The type comes before the name.
        (
            {"image": TEXT, "photo": IMAGE, "label": TEXT, "kind": classes("a")},
            Columns("photo", "kind", ("a",)),
        ),
        # Without the type a usual name, if it can be what is looked for.
        ({"image": IMAGE, "label": TEXT}, Columns("image", "label", None)),
        ({"image": STRUCT, "labels": NUMBER}, Columns("image", "labels", None)),
        ({"image": BYTES, "label": NUMBER}, Columns("image", "label", None)),
        ({"image": TEXT, "label": NUMBER}, None),  # addresses or paths
        ({"image": IMAGE, "label": LIST}, None),
        ({"image": IMAGE, "label": [NUMBER]}, None),
        ({"image": IMAGE, "species": TEXT}, None),
        ({"text": TEXT}, None),
        ({}, None),
    ],
)
def test_by_type_and_then_by_name(features, found):
    assert find_columns(list(features), features) == found


def test_a_table_without_features_goes_by_names():
    assert find_columns(["id", "image", "label"], {}) == Columns("image", "label", None)
    assert find_columns(["picture", "label"], {}) is None
